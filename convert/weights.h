/* Tensors of a file of weights to the layers of a topology.
 *
 * By name: `<layer>.weight` and `<layer>.bias`, without a "module." that stands before all names.
 * If not a single layer is found that way, by order: the n-th tensor `*.weight` goes to the n-th
 * layer that has weights, and `*.bias` with it. Shapes must agree exactly in any case.
 */
#ifndef SNN_CONVERT_WEIGHTS_H
#define SNN_CONVERT_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "convert/read/reader.h"
#include "libsnn/model/topology.h"
#include "snn/context.h"

struct snnconv_assignment {
    const struct snnconv_tensors *tensors;
    const char *file; /* the weights, without folder, for messages */
    size_t prefix;    /* characters before each name that are passed over */
    bool by_order;
    size_t *sorted;  /* [tensors->count] indices by name */
    size_t *weights; /* [weight_count] indices of `*.weight`, in the order of the file */
    size_t weight_count;
    bool *used; /* [tensors->count] */
};

/* Errors: NOMEM. */
int snnconv_assignment_init(struct snnconv_assignment *out, struct snn_context *context,
                            const struct snnconv_tensors *tensors, const char *file);
void snnconv_assignment_fini(struct snnconv_assignment *assignment, struct snn_context *context);

/* The assignment as what fills a topology. */
struct snnmodel_tensor_source snnconv_assignment_source(struct snnconv_assignment *assignment);

/* Warns of each tensor that went to no layer. */
void snnconv_assignment_warn(const struct snnconv_assignment *assignment,
                             struct snn_context *context);

/* Reads a file of weights that is in memory with the reader that is surest of it. `out` is to be
 * destroyed even after an error. Errors: those of the reader, FORMAT where there is none. */
int snnconv_weights_read(struct snnconv_tensors *out, struct snn_context *context,
                         const struct snnconv_file *file);

#endif
