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

#ifdef __cplusplus
extern "C" {
#endif

/* Frames for calibration, as plain as they come: `read` writes sample `index` as intensities 0..1
 * [channels][height][width]; called from several threads at once. */
struct snn_frames {
    uint64_t count;
    struct snn_shape shape;
    void (*read)(uint64_t index, float *intensity, void *user);
    void *user;
};

struct snn_calibrate_options {
    const double *extra_quantile; /* beside the standard list, in (0, 1] */
    uint32_t extra_quantile_count;
    const char *const *recipes; /* "mse:16", "ltb"; each is computed and stored */
    uint32_t recipe_count;
    unsigned threads; /* 0: one a processor */
    const char *data; /* what the frames are, for the record; may be NULL */
    /* Frames run so far, of those of all passes; called on the calling thread. Return false to stop
     * with CANCELLED. May be NULL. */
    bool (*progress)(uint64_t done, uint64_t total, void *user);
    void *user;
};

/* Computes statistics (exact quantiles, the same for any order of frames) and the recipes asked
 * for, and stores them in the graph, replacing earlier ones; when it fails, the graph is as before.
 * No result depends on the number of threads. `options` may be NULL: quantiles .5 .75 .9 .91 ...
 * .99 .991 ... .999 .9995 .9999 1, no recipe.
 * mse:T: threshold = argmin over {1.00, 0.99, ... 0.06} x maximum of
 *   sum (threshold / T * clip(floor(a T / threshold + 1/2), 0, T) - a)^2.
 * ltb (local threshold balancing): per channel, from 0,
 *   threshold += 2 * mean(max(x - threshold, 0))
 *   per batch of 50 frames in order, downstream clipped at the threshold.
 * A threshold of 0 says that layer or channel never fired.
 * Memory: about 100 KiB a channel, and the activations of up to 50 frames.
 * Errors: INVALID (shape, no frames, values outside 0..1, unknown recipe, quantile out of range,
 * activations that overflow), UNSUPPORTED (a net that arrived spiking: its thresholds are its own),
 * LIMIT (see snn_evaluator_create), CANCELLED, NOMEM. */
SNN_API int snn_calibrate(struct snn_graph *graph, struct snn_context *context,
                          const struct snn_frames *frames,
                          const struct snn_calibrate_options *options);

#ifdef __cplusplus
}
#endif
#endif
