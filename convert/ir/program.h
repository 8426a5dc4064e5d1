/* The program: a foreign net as its reader found it, operators over values. Readers make one,
 * passes turn a copy of it into one that convert/emit.c can write down as a graph.
 *
 * A value is written once: by a node, as an input, or as a constant. Value 0..n keep their index
 * through all passes, so that a value of the edited program can be compared with the one of the
 * program as read: `origin` says which it is. Everything belongs to the program's arena, or to a
 * block that it keeps alive (file bytes that constants lie in).
 */
#ifndef SNN_CONVERT_IR_PROGRAM_H
#define SNN_CONVERT_IR_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "convert/ir/op.h"
#include "libsnn/base/memory.h"
#include "snn/context.h"
#include "snn/graph.h"

#define SNNCONV_NONE UINT32_MAX
#define SNNCONV_NO_OFFSET UINT64_MAX

/* real = scale[c] * (stored - zero_point[c]), c along `axis`. */
struct snnconv_quantization {
    enum snnconv_type type; /* of what is stored: I8, U8, I16, I32 */
    uint32_t count;         /* of scale and zero_point: 1, or the extent of `axis` */
    uint32_t axis;
    const float *scale;
    const int32_t *zero_point;
};

struct snnconv_value {
    const char *name;           /* as in the file; "" for values without one */
    struct snnconv_array array; /* type NONE: not known yet; data set: a constant */
    /* How the file stores or rounds this value, where it does; a float constant that was integers
     * in the file keeps theirs. */
    const struct snnconv_quantization *quantization;
    /* The value of the program as read that has the same elements, in the order that transposing
     * its shape by `origin_perm` gives (rank 0: as they are); SNNCONV_NONE: no such value. Where
     * that one is of integers and this one is not, these are the reals that they stand for by
     * `quantization`. */
    uint32_t origin;
    uint32_t origin_rank;
    uint32_t origin_perm[SNNCONV_RANK_MAX]; /* axis i of this value is axis perm[i] of the origin */
};

struct snnconv_node {
    enum snnconv_op op;
    const char *name;       /* never ""; readers make one ("Conv_3") where the file has none */
    uint64_t offset;        /* byte of the file where it stands, or SNNCONV_NO_OFFSET */
    const uint32_t *inputs; /* values; SNNCONV_NONE for one left out */
    uint32_t input_count;
    const uint32_t *outputs;
    uint32_t output_count;
    struct snnconv_attributes attributes;
};

/* What is run when the program goes: frees a block that constants lie in. */
typedef void (*snnconv_release_fn)(void *block, void *user);
struct snnconv_kept;

struct snnconv_program {
    struct snnbase_arena arena;
    const char *name;   /* of the model, or NULL */
    const char *format; /* "ONNX (opset 13, PyTorch 1.10)" */
    const char *path;   /* of the file, for findings; NULL: none */
    bool channels_last; /* rank-4 inputs are N,H,W,C */
    bool apart;         /* nothing of it lies in the bytes of the file that it was read from */
    struct snnconv_value *values;
    size_t value_capacity;
    uint32_t value_count;
    struct snnconv_node *nodes; /* in any order until sorted */
    size_t node_capacity;
    uint32_t node_count;
    const uint32_t *inputs; /* values fed from outside, without constants */
    uint32_t input_count;
    const uint32_t *outputs;
    uint32_t output_count;
    struct snnconv_kept *kept; /* newest first */
};

void snnconv_program_init(struct snnconv_program *program, const struct snn_context *context);
void snnconv_program_fini(struct snnconv_program *program);

/* A copy for passes to edit: same indices, each value its own origin; constants are shared with
 * `from`, which must outlive it. Errors: NOMEM. */
int snnconv_program_copy(struct snnconv_program *out, struct snn_context *context,
                         const struct snnconv_program *from);

/* Keeps a block alive with the program. On error (NOMEM) it is released at once. */
int snnconv_program_keep(struct snnconv_program *program, struct snn_context *context, void *block,
                         snnconv_release_fn release, void *user);

/* Adds a value; name (may be NULL) and array (NULL: not known yet) are copied, data is not. Errors:
 * NOMEM, LIMIT, FORMAT (a negative extent, control characters in the name). */
int snnconv_program_add_value(struct snnconv_program *program, struct snn_context *context,
                              const char *name, const struct snnconv_array *array,
                              uint32_t *index_out);

/* Adds a constant and copies its data into the arena. */
int snnconv_program_add_constant(struct snnconv_program *program, struct snn_context *context,
                                 const char *name, const struct snnconv_array *array,
                                 uint32_t *index_out);
/* The same for a list of int64 (shapes, axes, pads): rank 1. */
int snnconv_program_add_integers(struct snnconv_program *program, struct snn_context *context,
                                 const int64_t *items, size_t count, uint32_t *index_out);

/* Appends a node; name, inputs, outputs and the attribute `value` are copied. One without a name
 * (NULL or "") gets "Conv_3". Outputs left out are SNNCONV_NONE too. Errors: NOMEM, LIMIT, FORMAT
 * (control characters in the name). */
int snnconv_program_add_node(struct snnconv_program *program, struct snn_context *context,
                             const struct snnconv_node *node);
/* The same with one new output value, which it returns. */
int snnconv_program_add_op(struct snnconv_program *program, struct snn_context *context,
                           enum snnconv_op op, const char *name, uint64_t offset,
                           const struct snnconv_attributes *attributes, const uint32_t *inputs,
                           uint32_t input_count, uint32_t *output_out);

int snnconv_program_set_inputs(struct snnconv_program *program, struct snn_context *context,
                               const uint32_t *values, uint32_t count);
int snnconv_program_set_outputs(struct snnconv_program *program, struct snn_context *context,
                                const uint32_t *values, uint32_t count);

/* Attributes with the specification's defaults: strides and dilations 1, group 1, alpha and beta 1,
 * epsilon 1e-5, axis per operator, ... */
void snnconv_attributes_init(struct snnconv_attributes *attributes, enum snnconv_op op);

static inline bool snnconv_value_is_constant(const struct snnconv_value *value)
{
    return value->array.data != NULL;
}

/* Puts nodes into an order in which each stands behind those it needs; nodes that do already stay.
 * Readers may hand in any indices: they are checked here. Errors: FORMAT (an index out of range, a
 * cycle, a value that nobody writes or two write; names the node), NOMEM. */
int snnconv_program_sort(struct snnconv_program *program, struct snn_context *context);

/* For each value the node that writes it and how many inputs (and program outputs) read it; both
 * arrays [value_count], allocated, to be freed with snnbase_free. Either may be NULL. */
int snnconv_program_uses(const struct snnconv_program *program, struct snn_context *context,
                         uint32_t **writer_out, uint32_t **readers_out);

/* Removes nodes whose outputs nobody reads, again and again; returns how many. Writes and reads as
 * of snnconv_program_uses are void afterwards. */
int snnconv_program_sweep(struct snnconv_program *program, struct snn_context *context,
                          uint32_t *removed_out);

/* Runs a program on one frame, an array for each of its inputs: fills `arrays` [value_count] with
 * every value; new data lies in `arena`, that of constants and inputs where it was. Nodes must be
 * sorted; shapes need not be inferred, but inputs must be of the shape the program knows. Errors:
 * INVALID, those of the operators, naming the node. */
int snnconv_program_run(const struct snnconv_program *program, struct snn_context *context,
                        const struct snnconv_array *inputs, struct snnconv_array *arrays,
                        struct snnbase_arena *arena);

/* One line a node: name, operator, inputs and outputs with their shapes. What --dump-after prints;
 * allocated text (snnbase_free). */
int snnconv_program_format(char **out, struct snn_context *context,
                           const struct snnconv_program *program);
/* Names of the values in a list, "'a', %7", as many as fit; with `readers` ([value], may be NULL)
 * only of those that are read. */
void snnconv_program_list(const struct snnconv_program *program, const uint32_t *values,
                          uint32_t count, const uint32_t *readers, char *text, size_t size);

#endif
