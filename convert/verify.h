/* Frames that a verification runs, and what its two halves note down of each layer.
 */
#ifndef SNN_CONVERT_VERIFY_H
#define SNN_CONVERT_VERIFY_H

#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/convert.h"

struct snnconv_verification {
    struct snn_verification result; /* first: the caller is given its address */
    struct snnbase_arena arena;
    struct snn_verify_layer *layers; /* result.layers, to be written */
};

/* Frame `index` of a verification: the caller's frames come first, random ones follow. */
void snnconv_verify_frame(const struct snn_verify_options *options, struct snn_shape shape,
                          uint64_t index, float *intensity);

/* Pearson's correlation of spike rates and activations, layer by layer, over all frames and
 * neurons. Errors: those of lowering, encoder and target. */
int snnconv_verify_rates(struct snnconv_verification *verification, struct snn_context *context,
                         const struct snn_graph *graph, const struct snn_verify_options *options);

#endif
