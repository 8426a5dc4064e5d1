/* One layout for all: behind this pass images are N,C,H,W and vectors N,K, whatever the file had.
 *
 * A walk forward that keeps for each value of the program as it was a view (view.h): the value it
 * has become, its base, and the order in which the old value runs over the base's axes. Reshapes
 * and transposes only change views; operators are put on the bases, their constants, axes and rows
 * of weights permuted. Where that cannot be done, transposes and reshapes are put back, and the
 * node stays as it is: convert/emit.c will say that there is no layer for it.
 *
 * Paddings and windows are explicit behind it: no auto_pad, and no ceil_mode where that is exact.
 */
#include "convert/pass/layout.h"

#include <inttypes.h>
#include <string.h>

#include "convert/pass/passes.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

/* ---- Places ---- */

struct snnconv_placed *snnconv_layout_place(struct snnconv_layout *l, uint32_t value)
{
    return &l->placed[value];
}

static int make_room(struct snnconv_layout *l)
{
    size_t old = l->capacity;
    int status = snnbase_grow(l->context, (void **)&l->placed, &l->capacity,
                              (size_t)l->edit.program->value_count + 1, sizeof(*l->placed));
    for (size_t i = old; status == SNN_OK && i < l->capacity; i++)
        l->placed[i].via = l->placed[i].flat = l->placed[i].image = SNNCONV_NONE;
    return status;
}

int snnconv_layout_set(struct snnconv_layout *l, uint32_t value, const struct snnconv_view *view,
                       uint32_t via)
{
    int status = make_room(l);
    if (status != SNN_OK) return status;
    l->placed[value].known = true;
    l->placed[value].view = *view;
    l->placed[value].via = via;
    return SNN_OK;
}

bool snnconv_layout_is_simple(const struct snnconv_layout *l, const struct snnconv_node *node)
{
    for (uint32_t k = 1; k < node->input_count; k++) {
        if (node->inputs[k] != SNNCONV_NONE && snnconv_edit_constant(&l->edit, node, k) == NULL)
            return false;
    }
    for (uint32_t k = 1; k < node->output_count; k++) {
        if (node->outputs[k] != SNNCONV_NONE && l->edit.readers[node->outputs[k]] > 0) return false;
    }
    return node->input_count > 0 && node->inputs[0] != SNNCONV_NONE &&
           snnconv_edit_constant(&l->edit, node, 0) == NULL;
}

int snnconv_layout_integers(struct snnconv_layout *l, const int64_t *items, uint32_t count,
                            uint32_t *value_out)
{
    const struct snnconv_array shape = {.type = SNNCONV_TYPE_I64, .rank = 1, .dim = {count}};
    struct snnconv_array array = shape;
    int64_t *data = snnconv_array_alloc(&array, l->context, &l->edit.program->arena);
    if (data == NULL) return SNN_ERR_NOMEM;
    memcpy(data, items, count * sizeof(*items));
    int status = snnconv_edit_add_value(&l->edit, &shape, SNNCONV_NONE, value_out);
    if (status == SNN_OK) snnconv_edit_value(&l->edit, *value_out)->array = array;
    return status;
}

/* ---- Where a new value comes from ---- */

/* The order of the axes of an old value in which its elements stand as those of the base do. */
static bool find_origin(const struct snnconv_view *view, const struct snnconv_array *base,
                        const struct snnconv_array *old, uint32_t perm[SNNCONV_RANK_MAX])
{
    uint32_t start[SNNCONV_RANK_MAX + 1], count = 0, expected = 0;
    if (view->from != NULL || !snnconv_view_groups(view, base, old, start)) return false;
    for (uint32_t a = 0; a < base->rank; a++) {
        for (uint32_t i = 0; i < old->rank; i++) {
            if (start[i + 1] > start[i] && view->atom[start[i]] == a) perm[count++] = i;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = start[perm[i]]; k < start[perm[i] + 1]; k++) {
            if (expected > view->atom[k]) return false;
            expected = view->atom[k];
        }
    }
    for (uint32_t i = 0; i < old->rank; i++) {
        if (start[i + 1] == start[i]) perm[count++] = i;
    }
    return count == old->rank;
}

static void set_origin(struct snnconv_layout *l, uint32_t value, uint32_t old,
                       const struct snnconv_view *view)
{
    struct snnconv_value *to = snnconv_edit_value(&l->edit, value);
    const struct snnconv_value *from = snnconv_edit_value(&l->edit, old);
    to->quantization = from->quantization;
    if (from->origin == SNNCONV_NONE || from->origin_rank != 0) return;
    if (snnconv_view_is_ordered(view)) {
        to->origin = from->origin;
        return;
    }
    if (!find_origin(view, &to->array, &from->array, to->origin_perm)) return;
    to->origin = from->origin;
    to->origin_rank = from->array.rank;
}

int snnconv_layout_finish(struct snnconv_layout *l, uint32_t index, struct snnconv_view view)
{
    uint32_t old = snnconv_edit_node(&l->edit, index)->outputs[0], value = old;
    struct snnconv_array shape;
    int status = snnconv_edit_shape(&l->edit, snnconv_edit_node(&l->edit, index), &shape);
    if (status != SNN_OK) return status;
    bool same = snnconv_array_same_shape(&shape, snnconv_layout_array(l, old));
    if (!same || !snnconv_view_is_ordered(&view)) {
        status = snnconv_edit_add_value(&l->edit, &shape, SNNCONV_NONE, &value);
        if (status != SNN_OK) return status;
        snnconv_edit_value(&l->edit, value)->name = snnconv_edit_value(&l->edit, old)->name;
        set_origin(l, value, old, &view);
    }
    if (status == SNN_OK) status = snnconv_edit_set_output(&l->edit, index, value);
    view.base = value;
    return status == SNN_OK ? snnconv_layout_set(l, old, &view, SNNCONV_NONE) : status;
}

/* ---- Bases in another shape ---- */

static int reshape_base(struct snnconv_layout *l, uint32_t base, const struct snnconv_array *shape,
                        uint32_t via, uint32_t *value_out)
{
    struct snnconv_node like = {.name = "", .offset = SNNCONV_NO_OFFSET};
    uint32_t inputs[2] = {base, SNNCONV_NONE};
    bool flattens = shape->rank == 2;
    if (via != SNNCONV_NONE) like = *snnconv_edit_node(&l->edit, via);
    int status = snnconv_edit_add_value(&l->edit, shape, base, value_out);
    if (status == SNN_OK && !flattens)
        status = snnconv_layout_integers(l, shape->dim, shape->rank, &inputs[1]);
    if (status == SNN_OK)
        status = snnconv_edit_add_node(&l->edit, &like,
                                       flattens ? SNNCONV_OP_FLATTEN : SNNCONV_OP_RESHAPE, inputs,
                                       flattens ? 1 : 2, *value_out);
    return status == SNN_OK ? make_room(l) : status;
}

int snnconv_layout_flat(struct snnconv_layout *l, uint32_t value, uint32_t via, uint32_t *value_out)
{
    uint32_t base = l->placed[value].view.base;
    struct snnconv_array shape = *snnconv_layout_array(l, base);
    if (shape.rank == 2) {
        *value_out = base;
        return SNN_OK;
    }
    if (l->placed[base].flat == SNNCONV_NONE) {
        uint32_t flat = SNNCONV_NONE;
        for (uint32_t i = 2; i < shape.rank; i++)
            shape.dim[1] *= shape.dim[i];
        shape.rank = 2;
        int status = reshape_base(l, base, &shape, via, &flat);
        if (status != SNN_OK) return status;
        snnconv_edit_value(&l->edit, flat)->name = snnconv_edit_value(&l->edit, value)->name;
        l->placed[base].flat = flat;
    }
    *value_out = l->placed[base].flat;
    return SNN_OK;
}

int snnconv_layout_image(struct snnconv_layout *l, uint32_t value, uint32_t *value_out)
{
    uint32_t base = l->placed[value].view.base;
    struct snnconv_array shape = *snnconv_layout_array(l, base);
    *value_out = shape.rank == 4 ? base : SNNCONV_NONE;
    if (shape.rank != 2 || l->placed[value].view.from != NULL) return SNN_OK;
    if (l->placed[base].image == SNNCONV_NONE) {
        uint32_t image = SNNCONV_NONE;
        shape.rank = 4;
        shape.dim[2] = shape.dim[3] = 1;
        int status = reshape_base(l, base, &shape, l->placed[value].via, &image);
        if (status != SNN_OK) return status;
        l->placed[base].image = image;
    }
    *value_out = l->placed[base].image;
    return SNN_OK;
}

/* ---- Constants beside a view ---- */

/* Axes of the base that a constant stretches over, and the steps that it makes along each. */
struct spread {
    struct snnconv_array shape;
    size_t step[SNNCONV_RANK_MAX];
};

static bool spread_of(const struct snnconv_view *view, const struct snnconv_array *base,
                      const struct snnconv_array *old, const struct snnconv_array *constant,
                      struct spread *out)
{
    uint32_t start[SNNCONV_RANK_MAX + 1];
    struct spread spread = {.shape = {.type = SNNCONV_TYPE_F32, .rank = base->rank}};
    size_t step = 1;
    if (constant->rank > old->rank || !snnconv_view_groups(view, base, old, start)) return false;
    for (uint32_t a = 0; a < base->rank; a++)
        spread.shape.dim[a] = 1;
    for (uint32_t i = old->rank; i-- > 0 && i + constant->rank >= old->rank;) {
        int64_t extent = constant->dim[i + constant->rank - old->rank];
        if (extent == 1) continue;
        if (extent != old->dim[i]) return false;
        for (uint32_t k = start[i + 1]; k-- > start[i];) {
            spread.shape.dim[view->atom[k]] = base->dim[view->atom[k]];
            spread.step[view->atom[k]] = step;
            step *= (size_t)base->dim[view->atom[k]];
        }
    }
    *out = spread;
    return true;
}

int snnconv_layout_constant(struct snnconv_layout *l, const struct snnconv_view *view,
                            const struct snnconv_array *old, uint32_t constant, uint32_t *value_out)
{
    const struct snnconv_array base = *snnconv_layout_array(l, view->base);
    const struct snnconv_array from = *snnconv_layout_array(l, constant);
    struct spread spread;
    float *data = NULL;
    *value_out = SNNCONV_NONE;
    if (!spread_of(view, &base, old, &from, &spread)) return SNN_OK;
    if (snnconv_view_is_ordered(view) && snnconv_array_same_shape(&base, old)) {
        *value_out = constant;
        return SNN_OK;
    }
    int status =
        snnconv_edit_add_floats(&l->edit, base.rank, spread.shape.dim,
                                snnconv_edit_value(&l->edit, constant)->name, &data, value_out);
    size_t count = status == SNN_OK ? snnconv_array_count(&spread.shape) : 0;
    for (size_t i = 0; i < count; i++) {
        int64_t at[SNNCONV_RANK_MAX];
        size_t index = 0;
        snnconv_array_unravel(&spread.shape, i, at);
        if (view->from != NULL && spread.shape.dim[1] > 1) at[1] = (int64_t)view->from[at[1]];
        for (uint32_t a = 0; a < base.rank; a++)
            index += (size_t)at[a] * spread.step[a];
        data[i] = (float)snnconv_array_load(&from, index);
    }
    return status;
}

/* ---- What only moves ---- */

bool snnconv_layout_move(const struct snnconv_node *node, const struct snnconv_view *view,
                         const struct snnconv_array *base, const struct snnconv_array *old,
                         struct snnconv_view *out)
{
    uint32_t start[SNNCONV_RANK_MAX + 1];
    *out = *view;
    if (node->op != SNNCONV_OP_TRANSPOSE) return true;
    if (!snnconv_view_groups(view, base, old, start)) return false;
    bool trivial = old->rank < 2;
    out->count = 0;
    for (uint32_t i = 0; i < old->rank; i++) {
        const struct snnconv_attributes *a = &node->attributes;
        uint32_t axis = a->perm_count == 0 ? old->rank - 1 - i : (uint32_t)a->perm[i];
        for (uint32_t k = start[axis]; k < start[axis + 1]; k++)
            out->atom[out->count++] = view->atom[k];
    }
    /* Behind a Concat of flattened images there is no telling rows from columns. */
    return view->from == NULL || trivial || snnconv_view_same_order(view, out);
}

static int move(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node *node = snnconv_edit_node(&l->edit, index);
    uint32_t x = node->inputs[0], y = node->outputs[0], flat = SNNCONV_NONE;
    struct snnconv_view view;
    if (!snnconv_layout_is_simple(l, node)) return SNN_OK;
    uint32_t base = l->placed[x].view.base;
    if (!snnconv_layout_move(node, &l->placed[x].view, snnconv_layout_array(l, base),
                             snnconv_layout_array(l, x), &view))
        return SNN_OK;
    int status = snnconv_layout_set(l, y, &view, index);
    /* A vector of an image is flattened here, under the name that the file has for it. */
    const struct snnconv_array *array = snnconv_layout_array(l, base);
    bool wide = array->rank == 4 && array->dim[2] * array->dim[3] > 1;
    if (status == SNN_OK && wide && snnconv_layout_array(l, y)->rank <= 2)
        status = snnconv_layout_flat(l, y, index, &flat);
    if (status != SNN_OK) return status;
    struct snnconv_value *to = snnconv_edit_value(&l->edit, base);
    if (to->quantization == NULL) to->quantization = snnconv_edit_value(&l->edit, y)->quantization;
    snnconv_edit_remove(&l->edit, index);
    l->moved++;
    *done_out = true;
    return SNN_OK;
}

/* ---- Element by element ---- */

static int unary(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node *node = snnconv_edit_node(&l->edit, index);
    if (!snnconv_layout_is_simple(l, node)) return SNN_OK;
    const struct snnconv_view view = l->placed[node->inputs[0]].view;
    *done_out = true;
    int status = snnconv_edit_set_input(&l->edit, index, 0, view.base);
    return status == SNN_OK ? snnconv_layout_finish(l, index, view) : status;
}

/* The operands of a node that are not constant: their shape, and the view that they share; an image
 * and a vector meet as images. */
static int find_shared(struct snnconv_layout *l, const struct snnconv_node *node,
                       struct snnconv_view *view_out, uint32_t *first_out)
{
    struct snnconv_view shared = {.base = SNNCONV_NONE};
    *first_out = SNNCONV_NONE;
    bool images = false;
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (snnconv_edit_constant(&l->edit, node, k) != NULL) continue;
        uint32_t base = l->placed[node->inputs[k]].view.base;
        images = images || snnconv_layout_array(l, base)->rank == 4;
    }
    for (uint32_t k = 0; k < node->input_count; k++) {
        uint32_t x = node->inputs[k], image = SNNCONV_NONE;
        if (snnconv_edit_constant(&l->edit, node, k) != NULL) continue;
        struct snnconv_view view = l->placed[x].view;
        int status = images ? snnconv_layout_image(l, x, &image) : SNN_OK;
        if (status != SNN_OK) return status;
        if (images && image == SNNCONV_NONE) return SNN_OK;
        if (images) view.base = image;
        if (shared.base == SNNCONV_NONE) {
            shared = view;
            *first_out = x;
            continue;
        }
        if (!snnconv_view_same_order(&shared, &view) ||
            !snnconv_array_same_shape(snnconv_layout_array(l, shared.base),
                                      snnconv_layout_array(l, view.base)) ||
            !snnconv_array_same_shape(snnconv_layout_array(l, x),
                                      snnconv_layout_array(l, *first_out)))
            return SNN_OK;
    }
    *view_out = shared;
    return SNN_OK;
}

/* Each operand on its base, or as a constant beside it. */
static int take_operands(struct snnconv_layout *l, const struct snnconv_node *node,
                         const struct snnconv_view *view, uint32_t first, uint32_t *inputs,
                         bool *done_out)
{
    const struct snnconv_array old = *snnconv_layout_array(l, first);
    bool image = snnconv_layout_array(l, view->base)->rank == 4;
    for (uint32_t k = 0; k < node->input_count; k++) {
        bool constant = snnconv_edit_constant(&l->edit, node, k) != NULL;
        int status = SNN_OK;
        inputs[k] = l->placed[constant ? first : node->inputs[k]].view.base;
        if (constant)
            status = snnconv_layout_constant(l, view, &old, node->inputs[k], &inputs[k]);
        else if (image)
            status = snnconv_layout_image(l, node->inputs[k], &inputs[k]);
        if (status != SNN_OK || inputs[k] == SNNCONV_NONE) return status;
    }
    *done_out = true;
    return SNN_OK;
}

static int arithmetic(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    struct snnconv_view view = {.base = SNNCONV_NONE};
    uint32_t first = SNNCONV_NONE;
    int status = find_shared(l, &node, &view, &first);
    if (status != SNN_OK || view.base == SNNCONV_NONE) return status;
    if (!snnconv_array_same_shape(snnconv_layout_array(l, first),
                                  snnconv_layout_array(l, node.outputs[0])))
        return SNN_OK; /* a constant makes it larger */
    uint32_t *inputs = snnbase_alloc(l->context, node.input_count, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    status = take_operands(l, &node, &view, first, inputs, done_out);
    if (status == SNN_OK && *done_out)
        status = snnconv_edit_set_inputs(&l->edit, index, inputs, node.input_count);
    snnbase_free(l->context, inputs);
    if (status != SNN_OK || !*done_out) return status;
    return snnconv_layout_finish(l, index, view);
}

/* Integrate-and-fire neurons: their constants broadcast to x without its first axis. */
static int neurons(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    uint32_t inputs[4] = {SNNCONV_NONE, SNNCONV_NONE, SNNCONV_NONE, SNNCONV_NONE};
    if (!snnconv_layout_is_simple(l, &node) || node.input_count > 4) return SNN_OK;
    const struct snnconv_view view = l->placed[node.inputs[0]].view;
    const struct snnconv_array old = *snnconv_layout_array(l, node.inputs[0]);
    inputs[0] = view.base;
    for (uint32_t k = 1; k < node.input_count; k++) {
        if (node.inputs[k] == SNNCONV_NONE) continue;
        int status = snnconv_layout_constant(l, &view, &old, node.inputs[k], &inputs[k]);
        if (status != SNN_OK || inputs[k] == SNNCONV_NONE) return status;
        struct snnconv_array *array = &snnconv_edit_value(&l->edit, inputs[k])->array;
        if (inputs[k] == node.inputs[k] || array->dim[0] != 1) continue;
        array->rank--;
        memmove(array->dim, array->dim + 1, array->rank * sizeof(array->dim[0]));
    }
    *done_out = true;
    int status = snnconv_edit_set_inputs(&l->edit, index, inputs, node.input_count);
    return status == SNN_OK ? snnconv_layout_finish(l, index, view) : status;
}

/* ---- Concat ---- */

/* Flattened images end to end: the elements of each stand in its own order. */
static int join_vectors(struct snnconv_layout *l, uint32_t index, uint32_t *inputs, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_array out = *snnconv_layout_array(l, node.outputs[0]);
    uint32_t *from =
        snnbase_arena_alloc(&l->edit.program->arena, l->context, (size_t)out.dim[1], sizeof(*from));
    uint32_t begin = 0, start[SNNCONV_RANK_MAX + 1];
    bool ordered = true;
    if (from == NULL) return SNN_ERR_NOMEM;
    for (uint32_t k = 0; k < node.input_count; k++) {
        const struct snnconv_view view = l->placed[node.inputs[k]].view;
        const struct snnconv_array *old = snnconv_layout_array(l, node.inputs[k]);
        const struct snnconv_array *base = snnconv_layout_array(l, view.base);
        uint32_t extent = (uint32_t)old->dim[1];
        if (!snnconv_view_groups(&view, base, old, start)) return SNN_OK;
        if (start[1] > 1 || (start[1] == 1 && view.atom[0] != 0)) return SNN_OK;
        snnconv_view_positions(&view, base, start, 1, from + begin);
        for (uint32_t p = 0; p < extent; p++) {
            ordered = ordered && from[begin + p] == p;
            from[begin + p] += begin;
        }
        int status = snnconv_layout_flat(l, node.inputs[k], index, &inputs[k]);
        if (status != SNN_OK) return status;
        begin += extent;
    }
    int status = snnconv_edit_set_inputs(&l->edit, index, inputs, node.input_count);
    if (status != SNN_OK) return status;
    struct snnconv_view view;
    snnconv_view_identity(&view, SNNCONV_NONE, &out);
    view.from = ordered ? NULL : from;
    *done_out = true;
    snnconv_edit_node(&l->edit, index)->attributes.axis = 1;
    return snnconv_layout_finish(l, index, view);
}

/* The axes of all operands, which must be the same ones. */
static int find_axes(struct snnconv_layout *l, const struct snnconv_node *node, uint32_t axis,
                     uint32_t *inputs, uint32_t map[SNNCONV_RANK_MAX], bool *same_out)
{
    *same_out = false;
    for (uint32_t k = 0; k < node->input_count; k++) {
        uint32_t x = node->inputs[k], own[SNNCONV_RANK_MAX];
        const struct snnconv_array old = *snnconv_layout_array(l, x);
        int status = snnconv_layout_image(l, x, &inputs[k]);
        if (status != SNN_OK || inputs[k] == SNNCONV_NONE) return status;
        if (l->placed[x].view.from != NULL ||
            !snnconv_view_axes(&l->placed[x].view, snnconv_layout_array(l, inputs[k]), &old, axis,
                               own))
            return SNN_OK;
        if (k == 0) memcpy(map, own, old.rank * sizeof(*own));
        if (memcmp(map, own, old.rank * sizeof(*own)) != 0) return SNN_OK;
    }
    *same_out = map[axis] != UINT32_MAX;
    return SNN_OK;
}

static int join(struct snnconv_layout *l, uint32_t index, uint32_t *inputs, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_array out = *snnconv_layout_array(l, node.outputs[0]);
    uint32_t map[SNNCONV_RANK_MAX];
    int64_t axis = node.attributes.axis + (node.attributes.axis < 0 ? (int64_t)out.rank : 0);
    bool same = false;
    for (uint32_t k = 0; k < node.input_count; k++) {
        if (snnconv_edit_constant(&l->edit, &node, k) != NULL) return SNN_OK;
    }
    if (out.rank == 2 && axis == 1) return join_vectors(l, index, inputs, done_out);
    int status = find_axes(l, &node, (uint32_t)axis, inputs, map, &same);
    if (status != SNN_OK || !same) return status;
    status = snnconv_edit_set_inputs(&l->edit, index, inputs, node.input_count);
    if (status != SNN_OK) return status;
    struct snnconv_view view;
    snnconv_view_from_axes(&view, SNNCONV_NONE, &out, map);
    snnconv_edit_node(&l->edit, index)->attributes.axis = (int64_t)map[axis];
    *done_out = true;
    return snnconv_layout_finish(l, index, view);
}

static int concat(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    uint32_t count = snnconv_edit_node(&l->edit, index)->input_count;
    uint32_t *inputs = snnbase_alloc(l->context, count, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    int status = join(l, index, inputs, done_out);
    snnbase_free(l->context, inputs);
    return status;
}

/* ---- What cannot be put on bases ---- */

/* An old value as it was, by a Transpose and a Reshape of its base. */
static int put_back(struct snnconv_layout *l, uint32_t value)
{
    const struct snnconv_placed placed = l->placed[value];
    const struct snnconv_array base = *snnconv_layout_array(l, placed.view.base);
    const struct snnconv_array old = *snnconv_layout_array(l, value);
    uint32_t inputs[2] = {placed.view.base, SNNCONV_NONE}, count = placed.view.count;
    struct snnconv_node like = {.name = "", .offset = SNNCONV_NO_OFFSET};
    if (placed.view.base == value) return SNN_OK;
    if (placed.via != SNNCONV_NONE) like = *snnconv_edit_node(&l->edit, placed.via);
    if (placed.view.from != NULL) {
        (void)snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                           "node '%s': reads flattened images that were joined in another order "
                           "than channel, row, column",
                           like.name);
        return snnbase_hint(l->context, "only a dense layer may follow such a Concat");
    }
    int status = SNN_OK;
    if (!snnconv_view_is_ordered(&placed.view)) {
        struct snnconv_array turned = {.type = base.type, .rank = base.rank};
        struct snnconv_attributes attributes;
        snnconv_attributes_init(&attributes, SNNCONV_OP_TRANSPOSE);
        for (uint32_t i = 0; i < placed.view.count; i++)
            attributes.perm[i] = placed.view.atom[i];
        for (uint32_t a = 0; a < base.rank; a++) {
            if (base.dim[a] == 1) attributes.perm[count++] = a;
        }
        attributes.perm_count = base.rank;
        for (uint32_t i = 0; i < base.rank; i++)
            turned.dim[i] = base.dim[attributes.perm[i]];
        uint32_t between = SNNCONV_NONE;
        status = snnconv_edit_add_value(&l->edit, &turned, SNNCONV_NONE, &between);
        if (status == SNN_OK)
            status =
                snnconv_edit_add_node(&l->edit, &like, SNNCONV_OP_TRANSPOSE, inputs, 1, between);
        if (status != SNN_OK) return status;
        l->edit.program->nodes[l->edit.program->node_count - 1].attributes = attributes;
        inputs[0] = between;
    }
    status = snnconv_layout_integers(l, old.dim, old.rank, &inputs[1]);
    if (status == SNN_OK)
        status = snnconv_edit_add_node(&l->edit, &like, SNNCONV_OP_RESHAPE, inputs, 2, value);
    if (status == SNN_OK) /* an extent of 0 is one */
        l->edit.program->nodes[l->edit.program->node_count - 1].attributes.allow_zero = true;
    struct snnconv_view view;
    snnconv_view_identity(&view, value, &old);
    return status == SNN_OK ? snnconv_layout_set(l, value, &view, SNNCONV_NONE) : status;
}

static int leave(struct snnconv_layout *l, uint32_t index)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    int status = SNN_OK;
    for (uint32_t k = 0; k < node.input_count && status == SNN_OK; k++) {
        if (node.inputs[k] != SNNCONV_NONE && l->placed[node.inputs[k]].known)
            status = put_back(l, node.inputs[k]);
    }
    for (uint32_t k = 0; k < node.output_count && status == SNN_OK; k++) {
        struct snnconv_view view;
        if (node.outputs[k] == SNNCONV_NONE) continue;
        snnconv_view_identity(&view, node.outputs[k], snnconv_layout_array(l, node.outputs[k]));
        status = snnconv_layout_set(l, node.outputs[k], &view, SNNCONV_NONE);
    }
    return status;
}

/* ---- The walk ---- */

static snnconv_layout_rule_fn rule_of(enum snnconv_op op)
{
    if (snnconv_layout_is_free(op)) return move;
    switch (op) {
    case SNNCONV_OP_RELU:
    case SNNCONV_OP_LEAKY_RELU:
    case SNNCONV_OP_CLIP:
    case SNNCONV_OP_SIGMOID:
        return unary;
    case SNNCONV_OP_ADD:
    case SNNCONV_OP_SUB:
    case SNNCONV_OP_MUL:
    case SNNCONV_OP_DIV:
    case SNNCONV_OP_SUM:
        return arithmetic;
    case SNNCONV_OP_CONCAT:
        return concat;
    case SNNCONV_OP_IF:
        return neurons;
    case SNNCONV_OP_CONV:
    case SNNCONV_OP_AVERAGE_POOL:
    case SNNCONV_OP_MAX_POOL:
    case SNNCONV_OP_SUM_POOL:
        return snnconv_layout_window;
    case SNNCONV_OP_GLOBAL_AVERAGE_POOL:
    case SNNCONV_OP_GLOBAL_MAX_POOL:
        return snnconv_layout_global;
    case SNNCONV_OP_BATCH_NORMALIZATION:
        return snnconv_layout_normalization;
    case SNNCONV_OP_REDUCE_MAX:
    case SNNCONV_OP_REDUCE_MEAN:
        return snnconv_layout_reduce;
    case SNNCONV_OP_PAD:
        return snnconv_layout_pad;
    case SNNCONV_OP_GEMM:
        return snnconv_layout_gemm;
    case SNNCONV_OP_MAT_MUL:
        return snnconv_layout_mat_mul;
    default:
        return NULL;
    }
}

/* Every value that a rule may look at has a place, and no axis is empty. */
static bool is_ready(const struct snnconv_layout *l, const struct snnconv_node *node)
{
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (node->inputs[k] == SNNCONV_NONE || snnconv_edit_constant(&l->edit, node, k) != NULL)
            continue;
        if (!l->placed[node->inputs[k]].known ||
            snnconv_array_count(snnconv_layout_array(l, node->inputs[k])) == 0)
            return false;
    }
    return snnconv_array_count(snnconv_layout_array(l, node->outputs[0])) > 0;
}

static int place_outputs(struct snnconv_layout *l)
{
    struct snnconv_program *program = l->edit.program;
    for (uint32_t i = 0; i < program->output_count; i++) {
        uint32_t output = program->outputs[i];
        if (!l->placed[output].known) continue;
        const struct snnconv_view *view = &l->placed[output].view;
        bool image = snnconv_layout_array(l, view->base)->rank == 4 &&
                     snnconv_layout_array(l, output)->rank >= 3;
        int status = SNN_OK;
        if (view->base == output) continue;
        if (view->from == NULL && (image || snnconv_view_is_ordered(view)))
            status = snnconv_edit_replace(&l->edit, output, view->base);
        else
            status = put_back(l, output);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* The one input that is read. */
static int find_input(struct snnconv_layout *l, uint32_t *input_out)
{
    const struct snnconv_program *program = l->edit.program;
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (l->edit.readers[program->inputs[i]] == 0) continue;
        *input_out = program->inputs[i];
        count++;
    }
    if (count == 1) return SNN_OK;
    if (count == 0)
        return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                            "the output of the net does not depend on an input");
    char names[256];
    snnconv_program_list(program, program->inputs, program->input_count, l->edit.readers, names,
                         sizeof(names));
    snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                 "the net has %" PRIu32 " inputs, one is supported: %s", count, names);
    return snnbase_hint(l->context, "export the part of the net behind one of them");
}

static int place_all(struct snnconv_layout *l)
{
    struct snnconv_program *program = l->edit.program;
    const uint32_t node_count = program->node_count; /* those added stand as they should */
    uint32_t input = SNNCONV_NONE;
    int status = find_input(l, &input);
    if (status == SNN_OK) status = make_room(l);
    if (status == SNN_OK) status = snnconv_layout_input(l, input);
    for (uint32_t i = 0; i < node_count && status == SNN_OK; i++) {
        const struct snnconv_node *node = snnconv_edit_node(&l->edit, i);
        bool done = false;
        if (snnconv_node_is_blank(node) || l->placed[node->outputs[0]].known) continue;
        snnconv_layout_rule_fn rule = is_ready(l, node) ? rule_of(node->op) : NULL;
        if (rule != NULL) status = rule(l, i, &done);
        if (status == SNN_OK && !done) status = leave(l, i);
        if (status == SNN_OK) status = make_room(l);
    }
    return status == SNN_OK ? place_outputs(l) : status;
}

static int layout(struct snnconv_program *program, struct snn_context *context,
                  struct snnconv_pass_state *state)
{
    (void)state;
    struct snnconv_layout l = {.context = context};
    int status = snnconv_edit_begin(&l.edit, program, context);
    if (status != SNN_OK) return status;
    status = place_all(&l);
    snnconv_edit_end(&l.edit);
    snnbase_free(context, l.placed);
    if (status != SNN_OK && status != SNN_ERR_NOMEM)
        snnbase_diagnose_error(context, NULL, program->path);
    if (status == SNN_OK && l.moved > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "layout: took out %" PRIu32
                         " nodes that only move elements, and for that permuted the weights of "
                         "%" PRIu32 " dense layers",
                         l.moved, l.permuted);
    return status;
}

const struct snnconv_pass snnconv_pass_layout = {
    "layout", "makes images N,C,H,W and vectors N,K, whatever the file has", layout};
