/* `layout` for what runs over rows and columns: convolutions, pools, normalisation, means, padding.
 *
 * An operator of one spatial axis becomes one of two, of which the other has one element.
 */
#include <math.h>
#include <string.h>

#include "convert/pass/layout.h"
#include "libsnn/base/error.h"

/* The input of a node as an image, and which of its axes the old ones are: the second the channels,
 * the others rows and columns in this order. */
static int find_image(struct snnconv_layout *l, const struct snnconv_node *node,
                      uint32_t *image_out, uint32_t map[SNNCONV_RANK_MAX])
{
    uint32_t x = node->inputs[0], image = SNNCONV_NONE;
    const struct snnconv_array old = *snnconv_layout_array(l, x);
    *image_out = SNNCONV_NONE;
    if (!snnconv_layout_is_simple(l, node) || old.rank < 2 || old.rank > 4) return SNN_OK;
    int status = snnconv_layout_image(l, x, &image);
    if (status != SNN_OK || image == SNNCONV_NONE) return status;
    const struct snnconv_placed *placed = snnconv_layout_place(l, x);
    if (placed->view.from != NULL ||
        !snnconv_view_axes(&placed->view, snnconv_layout_array(l, image), &old, 1, map))
        return SNN_OK;
    bool fits = map[0] == 0 && map[1] == 1;
    for (uint32_t i = 2; i < old.rank; i++)
        fits = fits && map[i] >= 2 && map[i] <= 3 && (i == 2 || map[i] > map[i - 1]);
    if (fits) *image_out = image;
    return SNN_OK;
}

static int finish_image(struct snnconv_layout *l, uint32_t index, const uint32_t *map)
{
    const struct snnconv_node *node = snnconv_edit_node(&l->edit, index);
    struct snnconv_view view;
    snnconv_view_from_axes(&view, SNNCONV_NONE, snnconv_layout_array(l, node->outputs[0]), map);
    return snnconv_layout_finish(l, index, view);
}

/* ---- Windows ---- */

/* Rounding up lets windows reach beyond the padded end. That is more padding where padding neither
 * wins nor counts. */
static bool round_up(const struct snnconv_node *node, struct snnconv_axis *axis, int64_t extent)
{
    int64_t reach = (axis->positions - 1) * axis->stride + (axis->kernel - 1) * axis->dilation + 1 -
                    extent - axis->pad_begin;
    bool silent = node->op == SNNCONV_OP_MAX_POOL ||
                  (node->op == SNNCONV_OP_AVERAGE_POOL && !node->attributes.count_include_pad);
    if (reach <= axis->pad_end) return true;
    if (silent) axis->pad_end = reach;
    return silent;
}

/* Attributes with both axes explicit. */
static struct snnconv_attributes explicit_window(const struct snnconv_node *node,
                                                 const struct snnconv_array *x,
                                                 const struct snnconv_array *weights,
                                                 const uint32_t *map)
{
    struct snnconv_attributes a = node->attributes;
    bool exact = true;
    a.spatial = 2;
    a.auto_pad = SNNCONV_AUTO_PAD_NOTSET;
    for (uint32_t i = 0; i < 2; i++) {
        a.kernel[i] = a.stride[i] = a.dilation[i] = 1;
        a.pad_begin[i] = a.pad_end[i] = 0;
    }
    for (uint32_t i = 2; i < x->rank; i++) {
        int64_t kernel = node->attributes.spatial > i - 2 ? node->attributes.kernel[i - 2] : 0;
        if (weights != NULL && kernel == 0) kernel = weights->dim[i];
        struct snnconv_axis axis = snnconv_op_axis(&node->attributes, i - 2, x->dim[i], kernel);
        if (node->attributes.ceil_mode) exact = round_up(node, &axis, x->dim[i]) && exact;
        uint32_t to = map[i] - 2;
        a.kernel[to] = axis.kernel;
        a.stride[to] = axis.stride;
        a.dilation[to] = axis.dilation;
        a.pad_begin[to] = axis.pad_begin;
        a.pad_end[to] = axis.pad_end;
    }
    if (exact) a.ceil_mode = false;
    return a;
}

/* Weights of a kernel of one axis as those of two: the same elements. */
static int widen_weights(struct snnconv_layout *l, uint32_t index, const uint32_t *map)
{
    uint32_t from = snnconv_edit_node(&l->edit, index)->inputs[1], value = SNNCONV_NONE;
    const struct snnconv_value old = *snnconv_edit_value(&l->edit, from);
    struct snnconv_array array = old.array;
    if (array.rank == 4) return SNN_OK;
    array.rank = 4;
    array.dim[map[2]] = old.array.dim[2];
    array.dim[map[2] == 2 ? 3 : 2] = 1;
    int status = snnconv_edit_add_value(&l->edit, &array, SNNCONV_NONE, &value);
    if (status != SNN_OK) return status;
    struct snnconv_value *to = snnconv_edit_value(&l->edit, value);
    to->name = old.name;
    to->array = array;
    to->quantization = old.quantization;
    return snnconv_edit_set_input(&l->edit, index, 1, value);
}

int snnconv_layout_window(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_array old = *snnconv_layout_array(l, node.inputs[0]);
    const struct snnconv_array *weights = NULL;
    uint32_t image = SNNCONV_NONE, map[SNNCONV_RANK_MAX];
    if (old.rank < 3) return SNN_OK;
    if (node.op == SNNCONV_OP_CONV) {
        weights = snnconv_edit_constant(&l->edit, &node, 1);
        if (weights == NULL || weights->rank != old.rank) return SNN_OK;
    }
    int status = find_image(l, &node, &image, map);
    if (status != SNN_OK || image == SNNCONV_NONE) return status;
    const struct snnconv_attributes attributes = explicit_window(&node, &old, weights, map);
    *done_out = true;
    status = snnconv_edit_set_input(&l->edit, index, 0, image);
    if (status == SNN_OK && weights != NULL) status = widen_weights(l, index, map);
    if (status != SNN_OK) return status;
    snnconv_edit_node(&l->edit, index)->attributes = attributes;
    return finish_image(l, index, map);
}

int snnconv_layout_global(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    uint32_t image = SNNCONV_NONE, map[SNNCONV_RANK_MAX];
    int status = find_image(l, &node, &image, map);
    if (status != SNN_OK || image == SNNCONV_NONE) return status;
    *done_out = true;
    status = snnconv_edit_set_input(&l->edit, index, 0, image);
    return status == SNN_OK ? finish_image(l, index, map) : status;
}

/* ---- Normalisation ---- */

/* Scale and shift for each element of a flattened image, by Mul and Add. The second axis of the old
 * value is several of the image. */
static int normalize_flat(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_view view = snnconv_layout_place(l, node.inputs[0])->view;
    const struct snnconv_array old = *snnconv_layout_array(l, node.inputs[0]);
    const struct snnconv_array *p[4];
    const int64_t dim[SNNCONV_RANK_MAX] = {old.dim[1], 1, 1, 1, 1, 1, 1, 1};
    uint32_t flat[2], constant[2], between = SNNCONV_NONE;
    float *data[2];
    for (uint32_t k = 0; k < 4; k++)
        p[k] = snnconv_edit_constant(&l->edit, &node, k + 1);
    int status = SNN_OK;
    for (int k = 0; k < 2 && status == SNN_OK; k++)
        status = snnconv_edit_add_floats(&l->edit, old.rank - 1, dim, NULL, &data[k], &flat[k]);
    if (status != SNN_OK) return status;
    for (size_t c = 0; c < (size_t)old.dim[1]; c++) {
        double root = sqrt(snnconv_array_load(p[3], c) + (double)node.attributes.epsilon);
        double scale = snnconv_array_load(p[0], c) / root;
        data[0][c] = (float)scale;
        data[1][c] = (float)(snnconv_array_load(p[1], c) - snnconv_array_load(p[2], c) * scale);
    }
    for (int k = 0; k < 2 && status == SNN_OK; k++) {
        status = snnconv_layout_constant(l, &view, &old, flat[k], &constant[k]);
        if (status != SNN_OK || constant[k] == SNNCONV_NONE) return status;
    }
    const struct snnconv_array *base = snnconv_layout_array(l, view.base);
    const uint32_t first[] = {view.base, constant[0]};
    *done_out = true;
    if (status == SNN_OK) status = snnconv_edit_add_value(&l->edit, base, SNNCONV_NONE, &between);
    const uint32_t second[] = {between, constant[1]};
    if (status == SNN_OK)
        status = snnconv_edit_add_node(&l->edit, &node, SNNCONV_OP_MUL, first, 2, between);
    if (status == SNN_OK) status = snnconv_edit_set_inputs(&l->edit, index, second, 2);
    if (status != SNN_OK) return status;
    snnconv_edit_node(&l->edit, index)->op = SNNCONV_OP_ADD;
    return snnconv_layout_finish(l, index, view);
}

int snnconv_layout_normalization(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_array old = *snnconv_layout_array(l, node.inputs[0]);
    uint32_t image = SNNCONV_NONE, map[SNNCONV_RANK_MAX];
    if (!snnconv_layout_is_simple(l, &node) || node.attributes.training_mode) return SNN_OK;
    const struct snnconv_view view = snnconv_layout_place(l, node.inputs[0])->view;
    const struct snnconv_array *base = snnconv_layout_array(l, view.base);
    if (old.rank >= 2 && base->rank == 2 && view.from == NULL && old.dim[1] == base->dim[1]) {
        *done_out = true;
        int status = snnconv_edit_set_input(&l->edit, index, 0, view.base);
        return status == SNN_OK ? snnconv_layout_finish(l, index, view) : status;
    }
    int status = old.rank < 2 ? SNN_OK : find_image(l, &node, &image, map);
    if (status != SNN_OK || old.rank < 2) return status;
    if (image == SNNCONV_NONE) return normalize_flat(l, index, done_out);
    *done_out = true;
    status = snnconv_edit_set_input(&l->edit, index, 0, image);
    return status == SNN_OK ? finish_image(l, index, map) : status;
}

/* ---- Means and maxima ---- */

/* Which axes of the old value a ReduceMean or ReduceMax goes over; false: not known. */
static bool reduced_axes(const struct snnconv_layout *l, const struct snnconv_node *node,
                         uint32_t rank, bool reduced[SNNCONV_RANK_MAX])
{
    const struct snnconv_array *axes = snnconv_edit_constant(&l->edit, node, 1);
    size_t count = axes != NULL ? snnconv_array_count(axes) : 0;
    memset(reduced, 0, SNNCONV_RANK_MAX * sizeof(*reduced));
    if (count == 0 && node->attributes.noop_with_empty_axes) return true;
    for (uint32_t i = 0; i < rank && count == 0; i++)
        reduced[i] = true;
    for (size_t i = 0; i < count; i++) {
        int64_t axis = snnconv_array_load_integer(axes, i);
        if (axis < 0) axis += (int64_t)rank;
        if (axis < 0 || axis >= (int64_t)rank) return false;
        reduced[axis] = true;
    }
    return true;
}

/* The mean over rows, columns or both of an image is an average pool, the maximum a max pool. */
static int pool_image(struct snnconv_layout *l, uint32_t index, const bool over[4])
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    struct snnconv_view view = snnconv_layout_place(l, node.inputs[0])->view;
    const struct snnconv_array base = *snnconv_layout_array(l, view.base);
    bool max = node.op == SNNCONV_OP_REDUCE_MAX;
    bool global = (over[2] || base.dim[2] == 1) && (over[3] || base.dim[3] == 1);
    struct snnconv_attributes a;
    uint32_t kept = 0;
    enum snnconv_op op = max ? SNNCONV_OP_MAX_POOL : SNNCONV_OP_AVERAGE_POOL;
    if (global) op = max ? SNNCONV_OP_GLOBAL_MAX_POOL : SNNCONV_OP_GLOBAL_AVERAGE_POOL;
    int status = snnconv_edit_set_inputs(&l->edit, index, &view.base, 1);
    if (status != SNN_OK) return status;
    snnconv_attributes_init(&a, op);
    for (uint32_t i = 0; i < 2 && !global; i++) {
        a.spatial = 2;
        a.kernel[i] = over[i + 2] ? base.dim[i + 2] : 1;
    }
    struct snnconv_node *to = snnconv_edit_node(&l->edit, index);
    to->op = op;
    to->attributes = a;
    for (uint32_t i = 0; i < view.count; i++) {
        if (!over[view.atom[i]]) view.atom[kept++] = view.atom[i];
    }
    view.count = kept;
    return snnconv_layout_finish(l, index, view);
}

int snnconv_layout_reduce(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node *node = snnconv_edit_node(&l->edit, index);
    uint32_t x = node->inputs[0], start[SNNCONV_RANK_MAX + 1];
    const struct snnconv_array *old = snnconv_layout_array(l, x);
    bool reduced[SNNCONV_RANK_MAX], over[4] = {false}, any = false;
    if (!snnconv_layout_is_simple(l, node)) return SNN_OK;
    const struct snnconv_view view = snnconv_layout_place(l, x)->view;
    const struct snnconv_array *base = snnconv_layout_array(l, view.base);
    if (view.from != NULL || !snnconv_view_groups(&view, base, old, start) ||
        !reduced_axes(l, node, old->rank, reduced))
        return SNN_OK;
    for (uint32_t i = 0; i < old->rank; i++) {
        for (uint32_t k = start[i]; reduced[i] && k < start[i + 1]; k++) {
            if (base->rank != 4 || view.atom[k] < 2) return SNN_OK;
            over[view.atom[k]] = any = true;
        }
    }
    *done_out = true;
    if (any) return pool_image(l, index, over);
    int status = snnconv_layout_set(l, node->outputs[0], &view, index); /* of one element */
    if (status == SNN_OK) snnconv_edit_remove(&l->edit, index);
    return status;
}

/* ---- Padding ---- */

/* Pads of the old axes as those of the image's; false: they are not known. */
static bool image_pads(const struct snnconv_layout *l, const struct snnconv_node *node,
                       uint32_t rank, const uint32_t *map, int64_t pads[8])
{
    const struct snnconv_array *list = snnconv_edit_constant(&l->edit, node, 1);
    const struct snnconv_array *axes = snnconv_edit_constant(&l->edit, node, 3);
    if (list == NULL) return false;
    size_t count = snnconv_array_count(list) / 2;
    if (axes != NULL ? count != snnconv_array_count(axes) : count != rank) return false;
    memset(pads, 0, 8 * sizeof(*pads));
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes != NULL ? snnconv_array_load_integer(axes, i) : (int64_t)i;
        int64_t begin = snnconv_array_load_integer(list, i);
        int64_t end = snnconv_array_load_integer(list, count + i);
        if (axis < 0) axis += (int64_t)rank;
        if (axis < 0 || axis >= (int64_t)rank) return false;
        if (begin == 0 && end == 0) continue;
        if (map[axis] > 3) return false;
        pads[map[axis]] = begin;
        pads[4 + map[axis]] = end;
    }
    return true;
}

int snnconv_layout_pad(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    uint32_t x = node.inputs[0], image = SNNCONV_NONE, map[SNNCONV_RANK_MAX];
    const struct snnconv_array old = *snnconv_layout_array(l, x);
    uint32_t channel = l->edit.program->channels_last ? old.rank - 1 : 1;
    int64_t pads[8];
    if (!snnconv_layout_is_simple(l, &node)) return SNN_OK;
    int status = snnconv_layout_image(l, x, &image);
    if (status != SNN_OK || image == SNNCONV_NONE) return status;
    const struct snnconv_view *view = &snnconv_layout_place(l, x)->view;
    if (view->from != NULL ||
        !snnconv_view_axes(view, snnconv_layout_array(l, image), &old, channel, map) ||
        !image_pads(l, &node, old.rank, map, pads))
        return SNN_OK;
    uint32_t inputs[3] = {image, SNNCONV_NONE, snnconv_node_input(&node, 2)};
    *done_out = true;
    status = snnconv_layout_integers(l, pads, 8, &inputs[1]);
    if (status == SNN_OK)
        status =
            snnconv_edit_set_inputs(&l->edit, index, inputs, inputs[2] == SNNCONV_NONE ? 2 : 3);
    return status == SNN_OK ? finish_image(l, index, map) : status;
}
