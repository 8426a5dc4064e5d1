/* `layout` for matrices: the rows of a dense layer's weights in the order of channel, row, column,
 * and a matrix on the channels of an image as a convolution of one pixel.
 */
#include <string.h>

#include "convert/pass/layout.h"
#include "libsnn/base/error.h"

/* A constant with `axis` of it permuted: place p is the old place from[p]. */
static int permute_constant(struct snnconv_layout *l, uint32_t constant, uint32_t axis,
                            const uint32_t *from, uint32_t *value_out)
{
    const struct snnconv_value old = *snnconv_edit_value(&l->edit, constant);
    const struct snnconv_array *array = &old.array;
    float *data = NULL;
    int status = snnconv_edit_add_floats(&l->edit, 2, array->dim, old.name, &data, value_out);
    if (status != SNN_OK) return status;
    size_t rows = (size_t)array->dim[0], columns = (size_t)array->dim[1];
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            size_t row = axis == 0 ? from[r] : r, column = axis == 1 ? from[c] : c;
            *data++ = (float)snnconv_array_load(array, row * columns + column);
        }
    }
    if (old.quantization != NULL &&
        (old.quantization->count == 1 || old.quantization->axis != axis))
        snnconv_edit_value(&l->edit, *value_out)->quantization = old.quantization;
    return SNN_OK;
}

/* Puts a dense node on the flattened base; `axis` of its matrix runs over the elements. */
static int flatten_rows(struct snnconv_layout *l, uint32_t index, uint32_t axis,
                        const uint32_t *start, uint32_t old_axis)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_placed placed = *snnconv_layout_place(l, node.inputs[0]);
    size_t rows = (size_t)snnconv_layout_array(l, node.inputs[1])->dim[axis];
    uint32_t flat = SNNCONV_NONE, matrix = node.inputs[1];
    uint32_t *from = snnbase_alloc(l->context, rows, sizeof(*from));
    if (from == NULL) return SNN_ERR_NOMEM;
    snnconv_view_positions(&placed.view, snnconv_layout_array(l, placed.view.base), start, old_axis,
                           from);
    bool ordered = true;
    for (size_t p = 0; p < rows; p++)
        ordered = ordered && from[p] == p;
    uint32_t via = placed.via != SNNCONV_NONE ? placed.via : index;
    int status = snnconv_layout_flat(l, node.inputs[0], via, &flat);
    if (status == SNN_OK && !ordered) {
        status = permute_constant(l, matrix, axis, from, &matrix);
        l->permuted++;
    }
    snnbase_free(l->context, from);
    if (status == SNN_OK) status = snnconv_edit_set_input(&l->edit, index, 0, flat);
    return status == SNN_OK ? snnconv_edit_set_input(&l->edit, index, 1, matrix) : status;
}

/* Whether a frame's elements are all in the axis `axis`, and the axes before it the frames. */
static bool is_vector(const struct snnconv_view *view, const struct snnconv_array *base,
                      const struct snnconv_array *old, uint32_t axis,
                      uint32_t start[SNNCONV_RANK_MAX + 1])
{
    if ((base->rank != 2 && base->rank != 4) || !snnconv_view_groups(view, base, old, start))
        return false;
    for (uint32_t i = 0; i < old->rank; i++) {
        for (uint32_t k = start[i]; k < start[i + 1]; k++) {
            if ((i == axis) == (view->atom[k] == 0)) return false;
        }
    }
    return true;
}

/* The view of [N, M]. */
static struct snnconv_view vector_view(const struct snnconv_array *base, int64_t columns)
{
    struct snnconv_view view = {.base = SNNCONV_NONE};
    if (base->dim[0] != 1) view.atom[view.count++] = 0;
    if (columns != 1) view.atom[view.count++] = 1;
    return view;
}

int snnconv_layout_gemm(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_array *matrix = snnconv_edit_constant(&l->edit, &node, 1);
    const struct snnconv_array old = *snnconv_layout_array(l, node.inputs[0]);
    uint32_t start[SNNCONV_RANK_MAX + 1];
    if (!snnconv_layout_is_simple(l, &node) || matrix == NULL || node.attributes.trans_a ||
        old.rank != 2)
        return SNN_OK;
    const struct snnconv_view view = snnconv_layout_place(l, node.inputs[0])->view;
    const struct snnconv_array base = *snnconv_layout_array(l, view.base);
    if (!is_vector(&view, &base, &old, 1, start)) return SNN_OK;
    uint32_t axis = node.attributes.trans_b ? 1 : 0;
    int64_t columns = matrix->dim[1 - axis];
    *done_out = true;
    int status = flatten_rows(l, index, axis, start, 1);
    return status == SNN_OK ? snnconv_layout_finish(l, index, vector_view(&base, columns)) : status;
}

/* x [N, H, W, K] times [K, M] is a convolution of one pixel, weights [M, K, 1, 1]. */
static int convolve_pixels(struct snnconv_layout *l, uint32_t index)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_value matrix = *snnconv_edit_value(&l->edit, node.inputs[1]);
    struct snnconv_view view = snnconv_layout_place(l, node.inputs[0])->view;
    size_t k_count = (size_t)matrix.array.dim[0], m_count = (size_t)matrix.array.dim[1];
    const int64_t dim[4] = {(int64_t)m_count, (int64_t)k_count, 1, 1};
    uint32_t inputs[2] = {view.base, SNNCONV_NONE}, kept = 0;
    float *data = NULL;
    int status = snnconv_edit_add_floats(&l->edit, 4, dim, matrix.name, &data, &inputs[1]);
    if (status != SNN_OK) return status;
    for (size_t m = 0; m < m_count; m++) {
        for (size_t k = 0; k < k_count; k++)
            data[m * k_count + k] = (float)snnconv_array_load(&matrix.array, k * m_count + m);
    }
    if (matrix.quantization != NULL && matrix.quantization->count == 1)
        snnconv_edit_value(&l->edit, inputs[1])->quantization = matrix.quantization;
    status = snnconv_edit_set_inputs(&l->edit, index, inputs, 2);
    if (status != SNN_OK) return status;
    struct snnconv_node *to = snnconv_edit_node(&l->edit, index);
    to->op = SNNCONV_OP_CONV;
    snnconv_attributes_init(&to->attributes, SNNCONV_OP_CONV);
    to->attributes.spatial = 2;
    to->attributes.kernel[0] = to->attributes.kernel[1] = 1;
    for (uint32_t i = 0; i < view.count; i++) {
        if (view.atom[i] != 1) view.atom[kept++] = view.atom[i];
    }
    if (m_count != 1) view.atom[kept++] = 1;
    view.count = kept;
    return snnconv_layout_finish(l, index, view);
}

int snnconv_layout_mat_mul(struct snnconv_layout *l, uint32_t index, bool *done_out)
{
    const struct snnconv_node node = *snnconv_edit_node(&l->edit, index);
    const struct snnconv_array *matrix = snnconv_edit_constant(&l->edit, &node, 1);
    const struct snnconv_array old = *snnconv_layout_array(l, node.inputs[0]);
    uint32_t start[SNNCONV_RANK_MAX + 1], last = old.rank - 1;
    if (!snnconv_layout_is_simple(l, &node) || matrix == NULL || matrix->rank != 2 || old.rank == 0)
        return SNN_OK;
    const struct snnconv_view view = snnconv_layout_place(l, node.inputs[0])->view;
    const struct snnconv_array base = *snnconv_layout_array(l, view.base);
    int64_t columns = matrix->dim[1];
    if (is_vector(&view, &base, &old, last, start)) {
        *done_out = true;
        int status = flatten_rows(l, index, 0, start, last);
        return status == SNN_OK ? snnconv_layout_finish(l, index, vector_view(&base, columns))
                                : status;
    }
    if (base.rank != 4 || view.from != NULL || !snnconv_view_groups(&view, &base, &old, start))
        return SNN_OK;
    uint32_t parts = start[last + 1] - start[last];
    bool channels = parts == 1 ? view.atom[start[last]] == 1 : parts == 0 && base.dim[1] == 1;
    if (!channels) return SNN_OK;
    *done_out = true;
    return convolve_pixels(l, index);
}
