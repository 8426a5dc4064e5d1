/* Private to convert/emit.c and convert/emit_layer.c: a program on its way into a graph.
 *
 * One layer takes a host node (a convolution, a dense layer, an addition, ...) and its tail: an Add
 * with a map of biases and an activation, if nobody else reads what lies between.
 */
#ifndef SNN_CONVERT_EMIT_PARTS_H
#define SNN_CONVERT_EMIT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/problems.h"
#include "libsnn/base/memory.h"
#include "snn/context.h"
#include "snn/graph.h"

struct snnconv_emitter {
    const struct snnconv_program *program;
    struct snnbase_arena *constants; /* the program's; the graph takes large ones over */
    struct snn_context *context;
    struct snn_graph *graph;
    struct snnbase_arena arena; /* lists of the layer at hand, and of those before */
    uint32_t *readers;          /* [value] */
    uint32_t *reader;           /* [value] one node of those */
    uint32_t *layer;            /* [value] that has its values, or SNNCONV_NONE */
    bool *taken;                /* [node] is the tail of another */
    uint32_t *origins;          /* [layer] */
    size_t origin_capacity;
    struct snnconv_problems problems;
};

/* What follows a host node and joins its layer. */
struct snnconv_tail {
    uint32_t output;                 /* value */
    const struct snnconv_array *map; /* of biases, [1, C, H, W]; NULL: none */
    const struct snnconv_node *activation;
};

static inline const struct snnconv_array *snnconv_emit_array(const struct snnconv_emitter *e,
                                                             uint32_t value)
{
    return &e->program->values[value].array;
}

/* Input `index` of a node; NULL if it is left out. */
const struct snnconv_array *snnconv_emit_input(const struct snnconv_emitter *e,
                                               const struct snnconv_node *node, uint32_t index);

/* The tail of a node whose layer can have one; `biased`: a map of biases too. Marks what it takes.
 */
void snnconv_emit_tail(struct snnconv_emitter *e, const struct snnconv_node *node, bool biased,
                       struct snnconv_tail *out);

/* Adds a layer that has the values of `output`; sets name, inputs (the layers of the node's first
 * `input_count` inputs) and activation. Errors: those of snn_graph_add. */
int snnconv_emit_add(struct snnconv_emitter *e, const struct snnconv_node *node,
                     struct snn_layer *layer, const struct snnconv_tail *tail,
                     const uint32_t *inputs, uint32_t input_count);

/* The layer of one node. Errors: UNSUPPORTED with a hint, those of snn_graph_add. */
int snnconv_emit_node(struct snnconv_emitter *e, const struct snnconv_node *node);

/* How the file stored a layer, where that is known. Errors: NOMEM. */
int snnconv_emit_quantization(struct snnconv_emitter *e, uint32_t layer, uint32_t value,
                              const struct snnconv_value *weights);

#endif
