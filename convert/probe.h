/* Frames as spikes through a net on the target that the caller handed over: what every procedure
 * that measures a spiking net stands on.
 *
 * A net that ends at a layer is lowered, loaded, and run by several workers, each with a fork of
 * the target; every few steps a worker shows what came out to the procedure, which keeps whole
 * numbers or maxima a worker. So no result depends on who ran which frame. Nothing here knows what
 * is measured.
 */
#ifndef SNN_CONVERT_PROBE_H
#define SNN_CONVERT_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/batch.h"
#include "snn/calibrate.h"
#include "snn/context.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/target.h"

struct snnconv_probe {
    struct snn_context *context;
    const struct snn_graph *graph;
    const struct snn_frames *frames;
    const struct snn_probe *options;
    struct snnconv_progress *progress;
    uint64_t frame_count; /* that are run */
    unsigned threads;
};

/* Some steps of one frame. */
struct snnconv_probe_view {
    const struct snn_net *net;
    uint64_t frame;
    uint32_t step; /* of the first row of `output`, from 0 */
    bool last;     /* the frame ends with these steps */
    const struct snn_output *output;
    unsigned worker; /* below snnconv_probe.threads */
};

typedef void (*snnconv_probe_fn)(const struct snnconv_probe_view *view, void *user);

/* The arguments are borrowed. Errors: INVALID (no probe, no steps). */
int snnconv_probe_init(struct snnconv_probe *probe, struct snn_context *context,
                       const struct snn_graph *graph, const struct snn_frames *frames,
                       const struct snn_calibrate_options *options,
                       struct snnconv_progress *progress);

/* The net that ends at a layer, by options that say how, in which `draft` (may be NULL) stands for
 * a recipe of its name. Nothing is reported to the diagnostics sink: the same net is lowered again
 * where it is used. Errors: as snn_net_lower. */
int snnconv_probe_lower(const struct snnconv_probe *probe, const struct snn_lower_options *options,
                        uint32_t layer, const struct snn_recipe *draft, struct snn_net **out);

/* Loads the net and runs all frames of the probe; `look` is called on the workers. Errors: those
 * of target and encoder, CANCELLED, NOMEM. */
int snnconv_probe_run(const struct snnconv_probe *probe, const struct snn_net *net,
                      snnconv_probe_fn look, void *user);

/* The options of the probe for the net that ends at `layer`: what concerns the output is kept for
 * the graph's own output, elsewhere there is one readout with the neurons of the layer. */
void snnconv_probe_options(const struct snnconv_probe *probe, uint32_t layer,
                           struct snn_lower_options *out);

#endif
