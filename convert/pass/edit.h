/* What passes edit a program with: who writes and reads each value, kept true through the edits.
 *
 * Between begin and end, nodes keep their place in the array; a removed node stays as a blank (no
 * outputs) until the end. New nodes are appended and need not be sorted: the driver of the passes
 * (convert/pass/table.c) sorts and sweeps behind each pass. Constants are never written to: other
 * nodes may share them.
 */
#ifndef SNN_CONVERT_PASS_EDIT_H
#define SNN_CONVERT_PASS_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "snn/context.h"

struct snnconv_edit {
    struct snnconv_program *program;
    struct snn_context *context;
    uint32_t *writer;  /* [value] node, or SNNCONV_NONE */
    uint32_t *readers; /* [value] inputs and program outputs that read it */
    uint32_t *reader;  /* [value] a node that read it once: a hint where to look */
    size_t capacity;   /* of the three */
};

/* Errors: NOMEM. */
int snnconv_edit_begin(struct snnconv_edit *edit, struct snnconv_program *program,
                       struct snn_context *context);
/* Takes out the blanks and frees. */
void snnconv_edit_end(struct snnconv_edit *edit);

/* ---- Looking ---- */

static inline struct snnconv_node *snnconv_edit_node(const struct snnconv_edit *edit,
                                                     uint32_t index)
{
    return &edit->program->nodes[index];
}

static inline struct snnconv_value *snnconv_edit_value(const struct snnconv_edit *edit,
                                                       uint32_t index)
{
    return &edit->program->values[index];
}

static inline bool snnconv_node_is_blank(const struct snnconv_node *node)
{
    return node->output_count == 0;
}

/* Input `index` of a node, SNNCONV_NONE where it has none. */
uint32_t snnconv_node_input(const struct snnconv_node *node, uint32_t index);

/* The constant that input `index` is; NULL if it is left out or not constant. */
const struct snnconv_array *snnconv_edit_constant(const struct snnconv_edit *edit,
                                                  const struct snnconv_node *node, uint32_t index);

/* The node that writes a value, NULL for inputs and constants. */
struct snnconv_node *snnconv_edit_writer(const struct snnconv_edit *edit, uint32_t value);

/* The one node that reads a value, SNNCONV_NONE if nobody, several or the program's outputs do. */
uint32_t snnconv_edit_only_reader(const struct snnconv_edit *edit, uint32_t value);

bool snnconv_program_has_output(const struct snnconv_program *program, uint32_t value);

/* True for values that can not be below 0, seen from the nodes that write them. */
bool snnconv_edit_is_positive(const struct snnconv_edit *edit, uint32_t value);

/* A constant with one element; false for others. */
bool snnconv_array_scalar(const struct snnconv_array *array, double *out);

/* ---- Changing; all errors: NOMEM, LIMIT ---- */

void snnconv_edit_remove(struct snnconv_edit *edit, uint32_t node);
int snnconv_edit_set_inputs(struct snnconv_edit *edit, uint32_t node, const uint32_t *inputs,
                            uint32_t count);
int snnconv_edit_set_input(struct snnconv_edit *edit, uint32_t node, uint32_t index,
                           uint32_t value);
/* The node writes `value` in place of its first output, and nothing else. */
int snnconv_edit_set_output(struct snnconv_edit *edit, uint32_t node, uint32_t value);

/* Whoever reads `old`, program outputs too, reads `value`, which takes over how the file rounds it
 * if it has no way of its own. */
int snnconv_edit_replace(struct snnconv_edit *edit, uint32_t old, uint32_t value);
/* The same for a node that does nothing to its input 0: it is removed. */
int snnconv_edit_bypass(struct snnconv_edit *edit, uint32_t node);

/* A new value that no node writes yet; `like`: name and origin are taken from there, or
 * SNNCONV_NONE. */
int snnconv_edit_add_value(struct snnconv_edit *edit, const struct snnconv_array *shape,
                           uint32_t like, uint32_t *value_out);
/* A constant of floats: room for its elements, which the caller fills in. */
int snnconv_edit_add_floats(struct snnconv_edit *edit, uint32_t rank, const int64_t *dim,
                            const char *name, float **data_out, uint32_t *value_out);
/* A node that writes a value, which snnconv_edit_add_value made; inputs ended by its count. */
int snnconv_edit_add_node(struct snnconv_edit *edit, const struct snnconv_node *like,
                          enum snnconv_op op, const uint32_t *inputs, uint32_t input_count,
                          uint32_t output);

/* Shape of the first output of a node as its inputs are now; the value is not touched. Errors also:
 * those of the operator. */
int snnconv_edit_shape(const struct snnconv_edit *edit, const struct snnconv_node *node,
                       struct snnconv_array *out);

/* Type and shape of every value that is not constant anew, nodes being sorted. Errors: those of the
 * operators, naming the node. */
int snnconv_program_infer(struct snnconv_program *program, struct snn_context *context);

#endif
