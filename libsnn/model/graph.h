/* What a graph holds. Only libsnn/model/graph*.c touch the fields; everybody else goes through the
 * functions of snn/graph.h. One arena owns all of it.
 */
#ifndef SNN_MODEL_GRAPH_H
#define SNN_MODEL_GRAPH_H

#include "libsnn/base/memory.h"
#include "snn/graph.h"

struct snn_graph {
    struct snnbase_arena arena;
    struct snn_layer *layers;
    const struct snn_statistics **statistics;     /* [layer_capacity], NULL where there are none */
    const struct snn_quantization **quantization; /* the same */
    size_t layer_capacity;
    uint32_t layer_count;
    uint32_t output;
    bool output_chosen; /* by snn_graph_set_output; else the last layer */
    struct snn_provenance provenance;
    struct snn_preprocess preprocess;
    double *quantiles;
    uint32_t quantile_count;
    uint64_t calibration_frames;
    const char *calibration_data;
    struct snn_recipe *recipes;
    size_t recipe_capacity;
    uint32_t recipe_count;
};

/* snn_graph_add that takes large tensors out of an arena instead of copying them, where they are
 * alone in their blocks. They stay at their addresses; the graph must outlive whoever else has
 * these. */
int snnmodel_graph_add_from(struct snn_graph *graph, struct snn_context *context,
                            const struct snn_layer *layer, struct snnbase_arena *from,
                            uint32_t *index_out);

/* snn_graph_add for a layer whose tensors could not be had: weights and bias are left out, the
 * shape is derived, so that layers behind it can still be checked. A graph with such a layer is
 * only good for being destroyed. */
int snnmodel_graph_add_bare(struct snn_graph *graph, struct snn_context *context,
                            const struct snn_layer *layer, uint32_t *index_out);

/* What calibration left in a graph, kept aside so that a calibration that fails leaves no trace. */
struct snnmodel_calibration {
    double *quantiles;
    uint32_t quantile_count;
    uint64_t frames;
    const char *data;
    const struct snn_statistics **statistics; /* [layers], allocated */
    struct snn_recipe *recipes;               /* [recipe_count], allocated */
    uint32_t recipe_count;
};

/* Errors: NOMEM, with nothing held. */
int snnmodel_calibration_keep(struct snnmodel_calibration *out, struct snn_context *context,
                              const struct snn_graph *graph);
void snnmodel_calibration_restore(const struct snnmodel_calibration *kept, struct snn_graph *graph);
void snnmodel_calibration_drop(struct snnmodel_calibration *kept, struct snn_context *context);

#endif
