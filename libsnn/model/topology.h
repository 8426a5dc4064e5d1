/* A topology: a model file that says everything of its layers but their tensors, which come from
 * elsewhere (docs/formats/model.md, "Topologies"). Whoever has them is asked layer by layer, so
 * that this room need not know a single foreign format.
 */
#ifndef SNN_MODEL_TOPOLOGY_H
#define SNN_MODEL_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/graph.h"

/* A layer that has tensors, and the batch normalisation behind it, which the topology may name as
 * it pleases; or NULL. */
struct snnmodel_named {
    const char *layer;
    const char *batch_norm;
};

/* What one layer wants. */
struct snnmodel_wanted {
    struct snnmodel_named name;
    uint32_t index;      /* among the layers that have tensors, from 0 */
    uint32_t norm_index; /* among those with a batch normalisation, from 0 */
    uint32_t rank;       /* 4: [out][in / groups][kernel_h][kernel_w]; 2: [out][in] */
    uint32_t dim[4];     /* of the weights */
    bool bias;           /* one value for each of dim[0] outputs as well */
    double epsilon;      /* of the batch normalisation */
};

struct snnmodel_tensor_source {
    /* Told the names of all layers that have tensors, in order, before any is asked for. */
    int (*begin)(struct snn_context *context, const struct snnmodel_named *layers, uint32_t count,
                 void *user);

    /* Lends the tensors of one layer until it is asked again or the load returns. *bias_out only if
     * a bias is wanted or a batch normalisation, which the source folds into both. An error names
     * tensors and shapes, the caller puts the layer before it; unless it is NOMEM, the remaining
     * layers are asked for all the same. */
    int (*fill)(struct snn_context *context, const struct snnmodel_wanted *wanted,
                const float **weights_out, const float **bias_out, void *user);
    void *user;
};

/* Loads a topology and fills it. Errors: those of snn_graph_load and of the source; each refused
 * layer is a diagnostic, the first is the error returned. */
int snnmodel_topology_load(struct snn_graph **out, struct snn_context *context, const char *path,
                           const struct snnmodel_tensor_source *source);

#endif
