/* Private to the pass `layout`: its state, and the parts that its rules by operator are made of.
 * The rules are in layout.c (whatever goes element by element), layout_window.c (windows over rows
 * and columns), layout_dense.c (matrices) and layout_input.c (what the input is).
 *
 * A rule that cannot keep a node on its base says so (*done_out stays false) before it has changed
 * anything; then the node's inputs are put back as they were, and the node stays as it is.
 */
#ifndef SNN_CONVERT_PASS_LAYOUT_H
#define SNN_CONVERT_PASS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/pass/edit.h"
#include "convert/pass/view.h"

struct snnconv_placed {
    bool known; /* the view is set */
    struct snnconv_view view;
    uint32_t via;   /* the last node that moved its elements, or SNNCONV_NONE */
    uint32_t flat;  /* of a base: its elements as [N, K]; SNNCONV_NONE: not there yet */
    uint32_t image; /* of a base [N, K]: [N, K, 1, 1] */
};

struct snnconv_layout {
    struct snnconv_edit edit;
    struct snn_context *context;
    struct snnconv_placed *placed; /* [value] */
    size_t capacity;
    uint32_t moved;    /* nodes that only moved elements, gone now */
    uint32_t permuted; /* dense layers whose rows were */
};

static inline const struct snnconv_array *snnconv_layout_array(const struct snnconv_layout *l,
                                                               uint32_t value)
{
    return &snnconv_edit_value(&l->edit, value)->array;
}

/* The place of a value; valid until the next value is added. */
struct snnconv_placed *snnconv_layout_place(struct snnconv_layout *l, uint32_t value);

/* Whether a node's inputs beyond the first are constants and only its first output is read. */
bool snnconv_layout_is_simple(const struct snnconv_layout *l, const struct snnconv_node *node);

/* Gives an old value its place. Errors: NOMEM. */
int snnconv_layout_set(struct snnconv_layout *l, uint32_t value, const struct snnconv_view *view,
                       uint32_t via);

/* Ends a rule: the node has been put on its bases; its output gets the shape that follows from
 * them, a new value where that is not the old one, and the view (but its base). */
int snnconv_layout_finish(struct snnconv_layout *l, uint32_t node, struct snnconv_view view);

/* The base of an old value as [N, K], by a Flatten where it is an image; named after `via`. */
int snnconv_layout_flat(struct snnconv_layout *l, uint32_t value, uint32_t via,
                        uint32_t *value_out);
/* The base of an old value as [N, C, H, W]; SNNCONV_NONE if it is neither image nor vector. */
int snnconv_layout_image(struct snnconv_layout *l, uint32_t value, uint32_t *value_out);

/* A constant that broadcasts to an old value, so that it broadcasts to the base in the same way;
 * SNNCONV_NONE if it cannot. */
int snnconv_layout_constant(struct snnconv_layout *l, const struct snnconv_view *view,
                            const struct snnconv_array *old, uint32_t constant,
                            uint32_t *value_out);

/* A list of integers as a constant. */
int snnconv_layout_integers(struct snnconv_layout *l, const int64_t *items, uint32_t count,
                            uint32_t *value_out);

/* Rules by operator: *done_out tells whether the node stands on its bases now. */
typedef int (*snnconv_layout_rule_fn)(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_window(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_global(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_normalization(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_reduce(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_pad(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_gemm(struct snnconv_layout *l, uint32_t node, bool *done_out);
int snnconv_layout_mat_mul(struct snnconv_layout *l, uint32_t node, bool *done_out);

/* Decides what the axes of the program's input are, gives the program its new input, and places the
 * old one. Errors: UNSUPPORTED (its rank), NOMEM. */
int snnconv_layout_input(struct snnconv_layout *l, uint32_t input);

/* Whether a node only regroups elements or moves axes. */
static inline bool snnconv_layout_is_free(enum snnconv_op op)
{
    return op == SNNCONV_OP_RESHAPE || op == SNNCONV_OP_FLATTEN || op == SNNCONV_OP_SQUEEZE ||
           op == SNNCONV_OP_UNSQUEEZE || op == SNNCONV_OP_IDENTITY || op == SNNCONV_OP_TRANSPOSE;
}

/* The view behind a node that only moves; false: it moves parts of atoms. */
bool snnconv_layout_move(const struct snnconv_node *node, const struct snnconv_view *view,
                         const struct snnconv_array *base, const struct snnconv_array *old,
                         struct snnconv_view *out);

#endif
