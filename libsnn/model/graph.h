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
    const struct snn_statistics **statistics; /* [layer_capacity], NULL where there are none */
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

#endif
