/* Named tensors to the layers of a topology.
 *
 * By name: `<layer>.weight` and `<layer>.bias`, without a "module." that stands before all names.
 * If not a single layer is found that way, by order: the n-th tensor `*.weight` goes to the n-th
 * layer that has weights, and `*.bias` with it; those of batch normalisations, which are the groups
 * with a `*.running_mean`, go to the layers that have one in the same two ways. Shapes must agree
 * exactly in any case. A batch normalisation is folded into its layer.
 */
#ifndef SNN_CONVERT_ASSIGN_H
#define SNN_CONVERT_ASSIGN_H

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
    bool norms_by_order;
    size_t *sorted;  /* [tensors->count] indices by name */
    size_t *weights; /* [weight_count] indices of layers' `*.weight`, in the order of the file */
    size_t weight_count;
    size_t *norms; /* [norm_count] indices of `*.running_mean`, in the order of the file */
    size_t norm_count;
    bool *used;    /* [tensors->count] */
    float *folded; /* weights and bias of the last layer with a batch normalisation */
    size_t folded_capacity;
};

/* Errors: NOMEM. */
int snnconv_assignment_init(struct snnconv_assignment *out, struct snn_context *context,
                            const struct snnconv_tensors *tensors, const char *file);
void snnconv_assignment_fini(struct snnconv_assignment *assignment, struct snn_context *context);

/* The assignment as what fills a topology. */
struct snnmodel_tensor_source snnconv_assignment_source(struct snnconv_assignment *assignment);

/* Warns of each tensor that went to no layer, of a batch normalisation's tensors once. */
void snnconv_assignment_warn(const struct snnconv_assignment *assignment,
                             struct snn_context *context);

#endif
