/* Recipes that are measured on a spiking net, layer by layer in the order of the graph, each layer
 * with what was found for those before it.
 */
#ifndef SNN_CONVERT_MEASURE_H
#define SNN_CONVERT_MEASURE_H

#include "convert/probe.h"
#include "libsnn/base/memory.h"

/* What the CNN does on the frames of a probe. */
struct snnconv_reference {
    double **sums;      /* [neuronal layer][neuron] of the values, the output's before max(x, 0) */
    int32_t *decisions; /* [frame] labels, or the class of the largest logit */
    uint64_t correct;   /* frames whose largest logit is that of the label; all without labels */
};

/* Passes over the frames that the measurements below take, for progress. */
#define SNNCONV_OFFSET_ROUNDS 6u

/* Runs the CNN over the probe's frames in the batch, which must have been made of them. The sums
 * are left out (NULL) unless `sums`. Errors: CANCELLED, NOMEM. */
int snnconv_reference_find(struct snnconv_batch *batch, struct snnbase_arena *arena, bool sums,
                           struct snnconv_reference *out);

/* What the measurements are made for: the corrections named by `options` are in place. */
struct snnconv_measurement {
    const struct snnconv_probe *probe;
    struct snnbase_arena *arena;
    const uint32_t *neuronal; /* layers */
    uint32_t neuronal_count;
    const struct snnconv_reference *reference;
};

/* spike: per layer the largest input of a step that any neuron got, the layers before it spiking by
 * the thresholds found for them. Fills the entries of `recipe`, whose name is set. */
int snnconv_measure_spike(const struct snnconv_measurement *m, struct snn_recipe *recipe);

/* bias, potential (by the recipe's kind): what the mean activation of the CNN is above the mean of
 * what the spikes stood for. `names` [count] are the corrections in place. */
int snnconv_measure_correction(const struct snnconv_measurement *m, const char *const *names,
                               uint32_t count, struct snn_recipe *recipe);

/* offset: the least bias, the same for all classes, with which every frame has an output spike. */
int snnconv_measure_offset(const struct snnconv_measurement *m, const char *const *names,
                           uint32_t count, struct snn_recipe *recipe);

/* auto: the thresholds of the norm that takes the fewest SynOps to come within 0.3 points of the
 * CNN. Candidates are told to the options' callback. */
int snnconv_measure_auto(const struct snnconv_measurement *m, const char *const *norms,
                         uint32_t norm_count, const struct snn_calibrate_options *options,
                         struct snn_recipe *recipe);

#endif
