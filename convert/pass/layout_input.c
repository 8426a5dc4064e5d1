/* `layout` for the program's input: which of its axes are channels, rows and columns.
 *
 * The first operator that says so decides (a convolution takes its second axis for channels,
 * whatever transposes stand before it); else what the file's format has. A net that takes a vector
 * and makes an image of it first takes the image.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/pass/layout.h"
#include "libsnn/base/error.h"

/* Axes of the input, UINT32_MAX for none. */
struct roles {
    uint32_t channel, row, column;
};

static bool goes_through(const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_RELU:
    case SNNCONV_OP_CLIP:
    case SNNCONV_OP_LEAKY_RELU:
    case SNNCONV_OP_ADD:
    case SNNCONV_OP_SUB:
    case SNNCONV_OP_MUL:
    case SNNCONV_OP_DIV:
        return true;
    default:
        return snnconv_layout_is_free(node->op);
    }
}

static bool says_axes(const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_CONV:
    case SNNCONV_OP_AVERAGE_POOL:
    case SNNCONV_OP_MAX_POOL:
    case SNNCONV_OP_SUM_POOL:
    case SNNCONV_OP_GLOBAL_AVERAGE_POOL:
    case SNNCONV_OP_GLOBAL_MAX_POOL:
    case SNNCONV_OP_BATCH_NORMALIZATION:
        return true;
    default:
        return false;
    }
}

/* What an operator's second, third, fourth axis are of the input's. */
static bool roles_at(const struct snnconv_view *view, const struct snnconv_array *input,
                     const struct snnconv_array *old, struct roles *out)
{
    uint32_t start[SNNCONV_RANK_MAX + 1],
        axis[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    if (old->rank < 3 || old->rank > 4 || !snnconv_view_groups(view, input, old, start))
        return false;
    for (uint32_t i = 0; i < old->rank; i++) {
        if (start[i + 1] - start[i] > 1) return false;
        if (start[i + 1] > start[i]) axis[i] = view->atom[start[i]];
    }
    if (axis[0] != UINT32_MAX && axis[0] != 0) return false;
    bool flat = old->rank == 3;
    *out = (struct roles){axis[1], flat ? UINT32_MAX : axis[2], flat ? axis[2] : axis[3]};
    return true;
}

/* A value on the way from the input: its view of the input, whose extents are what padding has made
 * of them. */
struct traced {
    struct snnconv_view view;
    struct snnconv_array input;
};

/* Padding changes extents and leaves axes as they are. */
static bool trace_pad(struct traced *t, const struct snnconv_array *before,
                      const struct snnconv_array *after)
{
    uint32_t start[SNNCONV_RANK_MAX + 1];
    if (!snnconv_view_groups(&t->view, &t->input, before, start)) return false;
    for (uint32_t i = 0; i < before->rank; i++) {
        if (before->dim[i] == after->dim[i]) continue;
        if (start[i + 1] - start[i] != 1) return false;
        t->input.dim[t->view.atom[start[i]]] = after->dim[i];
    }
    return true;
}

static bool trace_node(const struct snnconv_layout *l, const struct snnconv_node *node, uint32_t x,
                       struct traced *t)
{
    const struct snnconv_array *before = snnconv_layout_array(l, x);
    struct snnconv_view next;
    if (!goes_through(node) && node->op != SNNCONV_OP_PAD) return false;
    if (node->op == SNNCONV_OP_PAD)
        return trace_pad(t, before, snnconv_layout_array(l, node->outputs[0]));
    if (!snnconv_layout_move(node, &t->view, &t->input, before, &next)) return false;
    t->view = next;
    return true;
}

/* Walks on from the input until an operator says what its axes are. */
static int trace(const struct snnconv_layout *l, uint32_t input, struct roles *out, bool *found_out)
{
    const struct snnconv_program *program = l->edit.program;
    uint32_t *seen = snnbase_alloc(l->context, program->value_count, sizeof(*seen));
    struct traced *list = snnbase_alloc(l->context, (size_t)program->node_count + 1, sizeof(*list));
    uint32_t count = 0;
    bool found = false;
    if (seen == NULL || list == NULL) {
        snnbase_free(l->context, list);
        snnbase_free(l->context, seen);
        return SNN_ERR_NOMEM;
    }
    list[count].input = *snnconv_layout_array(l, input);
    snnconv_view_identity(&list[count++].view, input, &list[0].input);
    seen[input] = count;
    for (uint32_t i = 0; i < program->node_count && !found; i++) {
        const struct snnconv_node *node = &program->nodes[i];
        uint32_t x = SNNCONV_NONE;
        for (uint32_t k = 0; k < node->input_count && x == SNNCONV_NONE; k++) {
            if (node->inputs[k] != SNNCONV_NONE && seen[node->inputs[k]] != 0) x = node->inputs[k];
        }
        if (x == SNNCONV_NONE || snnconv_node_is_blank(node)) continue;
        struct traced next = list[seen[x] - 1];
        if (says_axes(node)) {
            found = roles_at(&next.view, &next.input, snnconv_layout_array(l, x), out);
        } else if (trace_node(l, node, x, &next)) {
            list[count++] = next;
            seen[node->outputs[0]] = count;
        }
    }
    snnbase_free(l->context, list);
    snnbase_free(l->context, seen);
    *found_out = found;
    return SNN_OK;
}

/* Nodes before the image that a vector becomes first; they are removed. */
static int skip_reshapes(struct snnconv_layout *l, uint32_t *input)
{
    for (;;) {
        uint32_t reader = snnconv_edit_only_reader(&l->edit, *input);
        if (reader == SNNCONV_NONE) return SNN_OK;
        const struct snnconv_node *node = snnconv_edit_node(&l->edit, reader);
        const struct snnconv_array *from = snnconv_layout_array(l, *input);
        const struct snnconv_array *to = snnconv_layout_array(l, node->outputs[0]);
        bool grows = node->op == SNNCONV_OP_RESHAPE && from->rank == 2 && to->rank >= 3 &&
                     to->rank <= 4 && snnconv_layout_is_simple(l, node);
        if (!grows) return SNN_OK;
        struct snnconv_value *image = snnconv_edit_value(&l->edit, node->outputs[0]);
        const struct snnconv_value *vector = snnconv_edit_value(&l->edit, *input);
        image->name = vector->name;
        if (image->quantization == NULL) image->quantization = vector->quantization;
        *input = node->outputs[0];
        snnconv_edit_remove(&l->edit, reader);
    }
}

static struct roles default_roles(const struct snnconv_layout *l, const struct snnconv_array *array)
{
    bool last = l->edit.program->channels_last;
    if (array->rank == 4 && last) return (struct roles){3, 1, 2};
    if (array->rank == 4) return (struct roles){1, 2, 3};
    if (array->rank == 3) return (struct roles){UINT32_MAX, 1, 2};
    return (struct roles){array->rank == 2 ? 1 : 0, UINT32_MAX, UINT32_MAX};
}

/* Whether the roles cover every axis of more than one element but the first, each once. */
static bool covers(const struct roles *roles, const struct snnconv_array *array)
{
    for (uint32_t i = array->rank == 1 ? 0 : 1; i < array->rank; i++) {
        if (array->dim[i] != 1 && roles->channel != i && roles->row != i && roles->column != i)
            return false;
    }
    return true;
}

/* The input as the roles have it, and how the old one lies in it. */
static struct snnconv_array input_shape(const struct snnconv_array *old, const uint32_t axis[4],
                                        struct snnconv_view *view)
{
    struct snnconv_array shape = {.type = old->type, .rank = old->rank < 3 ? 2 : 4};
    for (uint32_t a = 0; a < 4; a++)
        shape.dim[a] = axis[a] == UINT32_MAX ? 1 : old->dim[axis[a]];
    for (uint32_t i = 0; i < old->rank; i++) {
        for (uint32_t a = 0; a < 4; a++) {
            if (axis[a] == i && old->dim[i] != 1) view->atom[view->count++] = a;
        }
    }
    return shape;
}

static int add_input(struct snnconv_layout *l, uint32_t input, const struct snnconv_array *shape,
                     const uint32_t axis[4], struct snnconv_view *view)
{
    const struct snnconv_array old = *snnconv_layout_array(l, input);
    bool ordered = snnconv_view_is_ordered(view);
    if (ordered && snnconv_array_same_shape(shape, &old)) return SNN_OK;
    int status = snnconv_edit_add_value(&l->edit, shape, input, &view->base);
    if (status != SNN_OK || ordered) return status;
    struct snnconv_value *value = snnconv_edit_value(&l->edit, view->base);
    uint32_t count = 0;
    if (value->origin == SNNCONV_NONE) return SNN_OK;
    value->origin_rank = old.rank;
    for (uint32_t a = 0; a < 4; a++) {
        if (axis[a] != UINT32_MAX && old.dim[axis[a]] != 1) value->origin_perm[count++] = axis[a];
    }
    for (uint32_t i = 0; i < old.rank; i++) {
        if (old.dim[i] == 1) value->origin_perm[count++] = i;
    }
    return SNN_OK;
}

static int refuse(struct snnconv_layout *l, uint32_t input)
{
    (void)snnbase_fail(
        l->context, SNN_ERR_UNSUPPORTED, "input '%s' has %" PRIu32 " axes: an image has up to 4",
        snnconv_edit_value(&l->edit, input)->name, snnconv_layout_array(l, input)->rank);
    snnbase_diagnose_error(l->context, NULL, l->edit.program->path);
    return SNN_ERR_UNSUPPORTED;
}

int snnconv_layout_input(struct snnconv_layout *l, uint32_t input)
{
    struct roles roles = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    int status = skip_reshapes(l, &input);
    if (status != SNN_OK) return status;
    const struct snnconv_array old = *snnconv_layout_array(l, input);
    if (old.rank == 0 || old.rank > 4) return refuse(l, input);
    if (snnconv_array_count(&old) == 0)
        return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED, "input '%s' is empty",
                            snnconv_edit_value(&l->edit, input)->name);
    bool decided = false;
    if (old.rank > 2) status = trace(l, input, &roles, &decided);
    if (status != SNN_OK) return status;
    if (!decided || !covers(&roles, &old)) roles = default_roles(l, &old);
    const uint32_t axis[4] = {old.rank == 1 ? UINT32_MAX : 0, roles.channel, roles.row,
                              roles.column};
    struct snnconv_view own, view = {.base = input};
    const struct snnconv_array shape = input_shape(&old, axis, &view);
    status = add_input(l, input, &shape, axis, &view);
    if (status == SNN_OK)
        status = snnconv_program_set_inputs(l->edit.program, l->context, &view.base, 1);
    if (status != SNN_OK) return status;
    snnconv_view_identity(&own, view.base, &shape);
    status = snnconv_layout_set(l, view.base, &own, SNNCONV_NONE);
    return status == SNN_OK ? snnconv_layout_set(l, input, &view, SNNCONV_NONE) : status;
}
