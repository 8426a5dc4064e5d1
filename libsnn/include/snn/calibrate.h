/* Calibration: what a graph's layers do on training frames, kept in the graph as statistics and
 * recipes. Never run it on the frames that accuracy is measured on.
 */
#ifndef SNN_CALIBRATE_H
#define SNN_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/stream.h"
#include "snn/target.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Frames for calibration, as plain as they come: `read` writes sample `index` as intensities 0..1
 * [channels][height][width]; called from several threads at once, as `label` is. */
struct snn_frames {
    uint64_t count;
    struct snn_shape shape;
    void (*read)(uint64_t index, float *intensity, void *user);
    void *user;
    int32_t (*label)(uint64_t index, void *user); /* NULL: what the CNN says stands for it */
};

/* How a spiking net is measured: where it runs, what it is lowered by and how frames become spikes.
 * Nets are loaded on the target one after the other, so that none of its forks may be open, and
 * what it had loaded is gone. */
struct snn_probe {
    struct snn_target *target;
    const struct snn_lower_options *lower; /* its corrections are in place for every measurement */
    uint32_t timesteps;
    enum snn_encoding encoding;
    uint64_t seed;
    uint64_t frame_count; /* of the frames, the first; 0: all */
};

/* A norm that was tried for the recipe "auto". */
struct snn_candidate {
    const char *norm;
    uint32_t timesteps; /* the fewest that come within 0.3 points of the CNN; 0: not in all steps */
    double accuracy;    /* after so many steps; if 0, after the last, of calibration frames */
    double synops_mean; /* a frame until then */
    double cnn_accuracy;
    bool chosen;
};

struct snn_calibrate_options {
    const double *extra_quantile; /* beside the standard list, in (0, 1] */
    uint32_t extra_quantile_count;
    const char *const *recipes; /* each is computed and stored, see below */
    uint32_t recipe_count;
    const struct snn_probe *probe; /* for recipes that are measured, else NULL */
    unsigned threads;              /* 0: one a processor */
    const char *data;              /* what the frames are, for the record; may be NULL */
    /* Frames run so far, of those of all passes; called on the calling thread. Return false to stop
     * with CANCELLED. May be NULL. */
    bool (*progress)(uint64_t done, uint64_t total, void *user);
    /* The candidates of "auto", when all were tried. May be NULL. */
    void (*candidate)(const struct snn_candidate *candidate, void *user);
    void *user;
};

/* Computes statistics (exact quantiles, the same for any order of frames) and the recipes asked
 * for, and stores them in the graph, replacing earlier ones; when it fails, the graph is as before.
 * No result depends on the number of threads. `options` may be NULL: quantiles .5 .75 .9 .91 ...
 * .99 .991 ... .999 .9995 .9999 1, no recipe.
 *
 * Recipes of thresholds, by the CNN's activations a:
 * mse:T: threshold = argmin over {1.00, 0.99, ... 0.06} x maximum of
 *   sum (threshold / T * clip(floor(a T / threshold + 1/2), 0, T) - a)^2.
 * ltb (local threshold balancing): per channel, from 0,
 *   threshold += 2 * mean(max(x - threshold, 0))
 *   per batch of 50 frames in order, downstream clipped at the threshold.
 * A threshold of 0 says that layer or channel never fired.
 *
 * Recipes that are measured on the probe's target, layer by layer:
 * spike: threshold = the largest input of one step that any neuron of the layer got, the layers
 *   before it spiking (in float arithmetic, without corrections).
 * auto: the thresholds of the norm with the fewest SynOps until the accuracy is within 0.3 points
 * of the CNN's. Candidates are none, max, p99.9, p99, mse:4, mse:8, mse:16, ltb and, where it is
 * asked for too, spike; mse:4, mse:8, mse:16 and ltb are stored with it. bias: per channel, mean(a)
 * - mean(threshold * spikes / T), to be added to the bias. potential: per neuron, T mean(a) -
 * mean(threshold * spikes), to be added to the potential at the start; none for the output. offset:
 * the least bias, one for all classes, with which each frame has an output spike. Of bias at the
 * output, threshold * spikes is the potential of neurons that do not fire. The last three are
 * stored by the names that snn_recipe_name gives; of several in one list each is measured with
 * those before it in place, whatever else stands between them.
 *
 * Memory: about 100 KiB a channel, and the activations of up to 50 frames; what is measured takes
 * 8 bytes a neuron and thread more.
 * Errors: INVALID (shape, no frames, values outside 0..1, unknown recipe, quantile out of range,
 * activations that overflow, no probe), UNSUPPORTED (a net that arrived spiking: its thresholds are
 * its own), LIMIT (see snn_evaluator_create), NOT_FOUND (a norm or correction of the probe that the
 * graph has not; no candidate of auto is near enough), CANCELLED, NOMEM, those of the target. */
SNN_API int snn_calibrate(struct snn_graph *graph, struct snn_context *context,
                          const struct snn_frames *frames,
                          const struct snn_calibrate_options *options);

/* Bytes that the name of a measured recipe takes at most. */
#define SNN_RECIPE_NAME_MAX 160u

/* The name under which "bias", "potential" or "offset" measured by this probe is stored,
 * corrections of the probe in place: "bias:p99.9@sim:rate:16",
 * "offset+bias:mse:4@sim:async:random:chip:rate:4". Neurons that are not by default show before the
 * encoding: ":v0=0". Other recipes keep their own. Writes at most `size` bytes with the terminator.
 */
SNN_API void snn_recipe_name(char *text, size_t size, const char *recipe,
                             const struct snn_probe *probe);

#ifdef __cplusplus
}
#endif
#endif
