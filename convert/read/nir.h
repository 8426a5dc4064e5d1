/* The NIR reader's two halves: the graph (nir_graph.c: nodes, edges, order) and what each node is
 * (nir.c).
 */
#ifndef SNN_CONVERT_READ_NIR_H
#define SNN_CONVERT_READ_NIR_H

#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/hdf5.h"
#include "convert/read/problems.h"
#include "snn/convert.h"

struct snnconv_nir_node {
    const char *name;
    const char *type;
    const struct snnconv_hdf5_item *item; /* its group */
    uint32_t waits;                       /* edges into it whose source has not been taken yet */
    uint32_t output;                      /* value; SNNCONV_NONE until taken, and after a refusal */
    bool taken;
};

struct snnconv_nir_edge {
    uint32_t source, destination; /* nodes */
};

struct snnconv_nir {
    struct snn_context *context;
    struct snnconv_program *program;
    const struct snn_import_options *options;
    struct snnconv_problems problems;
    struct snnconv_nir_node *nodes;
    uint32_t node_count;
    struct snnconv_nir_edge *edges;
    uint32_t edge_count;
    /* Nodes at the other end of each node's edges: those of node i stand at first[i]..first[i + 1].
     */
    uint32_t *into, *first_into; /* sources, in the order of the edges */
    uint32_t *from, *first_from; /* destinations */
};

/* Nodes and edges of a group of type NIRGraph into the program. */
int snnconv_nir_read_graph(struct snnconv_nir *nir, const struct snnconv_hdf5_item *graph);

/* One node over its input (SNNCONV_NONE for the net's input). Errors: FORMAT, UNSUPPORTED, LIMIT,
 * NOMEM, without the node's name. */
int snnconv_nir_take(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                     uint32_t *out);

#endif
