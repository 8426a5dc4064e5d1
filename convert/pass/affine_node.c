/* Reading and writing the nodes that scale and shift; see linear.h. */
#include <math.h>
#include <string.h>

#include "convert/pass/linear.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

void snnconv_affine_fini(struct snnconv_affine *affine, struct snn_context *context)
{
    snnbase_free(context, affine->scale);
    snnbase_free(context, affine->shift);
    *affine = (struct snnconv_affine){.input = SNNCONV_NONE};
}

/* Elements of a frame and channels of N,C,H,W or N,K; false for other ranks. */
static bool frame_of(const struct snnconv_array *array, size_t *channels_out, size_t *size_out)
{
    if (array->rank != 2 && array->rank != 4) return false;
    *channels_out = *size_out = (size_t)array->dim[1];
    for (uint32_t i = 2; i < array->rank; i++)
        *size_out *= (size_t)array->dim[i];
    return *size_out > 0;
}

static int alloc_lists(struct snnconv_affine *a, struct snn_context *context)
{
    a->scale = snnbase_alloc(context, a->scale_count, sizeof(*a->scale));
    a->shift = snnbase_alloc(context, a->shift_count, sizeof(*a->shift));
    if (a->scale != NULL && a->shift != NULL) return SNN_OK;
    snnconv_affine_fini(a, context);
    return SNN_ERR_NOMEM;
}

/* ---- Reading ---- */

static int read_normalization(struct snnconv_affine *a, const struct snnconv_edit *edit,
                              const struct snnconv_node *node, bool *found_out)
{
    const struct snnconv_array *p[4];
    if (node->attributes.training_mode) return SNN_OK;
    for (uint32_t k = 0; k < 4; k++) {
        p[k] = snnconv_edit_constant(edit, node, k + 1);
        if (p[k] == NULL || snnconv_array_count(p[k]) != a->channels) return SNN_OK;
    }
    for (uint32_t k = 1; k < node->output_count; k++) {
        if (node->outputs[k] != SNNCONV_NONE && edit->readers[node->outputs[k]] > 0) return SNN_OK;
    }
    a->scale_count = a->shift_count = a->channels;
    if (alloc_lists(a, edit->context) != SNN_OK) return SNN_ERR_NOMEM;
    for (size_t c = 0; c < a->channels; c++) {
        double root = sqrt(snnconv_array_load(p[3], c) + (double)node->attributes.epsilon);
        a->scale[c] = snnconv_array_load(p[0], c) / root;
        a->shift[c] = snnconv_array_load(p[1], c) - snnconv_array_load(p[2], c) * a->scale[c];
    }
    *found_out = true;
    return SNN_OK;
}

/* Which of a constant's elements belongs to element i of a frame: how far to step along the channel
 * and along the positions; false: it does not broadcast to the frame alone. */
struct reach {
    bool channel;
    size_t count;
    size_t step[SNNCONV_RANK_MAX]; /* of the axes of x, 0 where one element serves all */
};

static bool reach_of(const struct snnconv_array *x, const struct snnconv_array *constant,
                     struct reach *out)
{
    size_t step = 1;
    *out = (struct reach){.channel = true, .count = snnconv_array_count(constant)};
    if (constant->rank > x->rank) return false;
    for (uint32_t i = x->rank; i-- > 0 && i + constant->rank >= x->rank;) {
        int64_t extent = constant->dim[i + constant->rank - x->rank];
        if (extent == 1) continue;
        if (extent != x->dim[i] || i == 0) return false;
        out->step[i] = step;
        step *= (size_t)extent;
        if (i > 1) out->channel = false;
    }
    return true;
}

static double load_at(const struct snnconv_array *x, const struct snnconv_array *constant,
                      const struct reach *reach, size_t index)
{
    int64_t at[SNNCONV_RANK_MAX] = {0};
    size_t from = 0;
    for (uint32_t i = x->rank; i-- > 1;) {
        at[i] = (int64_t)(index % (size_t)x->dim[i]);
        index /= (size_t)x->dim[i];
        from += (size_t)at[i] * reach->step[i];
    }
    return snnconv_array_load(constant, from);
}

/* What one value of the constant does to x: scale and shift. */
static bool step_of(enum snnconv_op op, bool left, double constant, double *scale, double *shift)
{
    *scale = 1.0;
    *shift = 0.0;
    switch (op) {
    case SNNCONV_OP_ADD:
    case SNNCONV_OP_SUM:
        *shift = constant;
        return true;
    case SNNCONV_OP_SUB: /* x - c, c - x */
        *scale = left ? -1.0 : 1.0;
        *shift = left ? constant : -constant;
        return true;
    case SNNCONV_OP_MUL:
        *scale = constant;
        return true;
    case SNNCONV_OP_DIV:
        *scale = 1.0 / constant;
        return !left && constant != 0.0;
    default:
        return false;
    }
}

static int read_arithmetic(struct snnconv_affine *a, const struct snnconv_edit *edit,
                           const struct snnconv_node *node, bool left, bool *found_out)
{
    const struct snnconv_array *x = &snnconv_edit_value(edit, a->input)->array;
    const struct snnconv_array *constant = snnconv_edit_constant(edit, node, left ? 0 : 1);
    struct reach reach;
    double scale, shift;
    if (!reach_of(x, constant, &reach)) return SNN_OK;
    bool scales = node->op == SNNCONV_OP_MUL || node->op == SNNCONV_OP_DIV;
    size_t positions = a->size / a->channels, count = reach.channel ? a->channels : a->size;
    a->scale_count = scales ? count : a->channels;
    a->shift_count = scales ? a->channels : count;
    a->shifts_only = node->op == SNNCONV_OP_ADD || node->op == SNNCONV_OP_SUM ||
                     (node->op == SNNCONV_OP_SUB && !left);
    if (alloc_lists(a, edit->context) != SNN_OK) return SNN_ERR_NOMEM;
    *found_out = true;
    for (size_t i = 0; i < count && *found_out; i++) {
        size_t element = reach.channel ? i * positions : i;
        *found_out = step_of(node->op, left, load_at(x, constant, &reach, element), &scale, &shift);
        if (scales || i < a->channels) a->scale[i] = scale;
        if (!scales || i < a->channels) a->shift[i] = shift;
    }
    if (!*found_out) snnconv_affine_fini(a, edit->context);
    return SNN_OK;
}

int snnconv_affine_read(struct snnconv_affine *out, const struct snnconv_edit *edit,
                        const struct snnconv_node *node, bool *found_out)
{
    *out = (struct snnconv_affine){.input = SNNCONV_NONE};
    *found_out = false;
    if (snnconv_node_is_blank(node) || node->input_count < 2) return SNN_OK;
    bool normalizes = node->op == SNNCONV_OP_BATCH_NORMALIZATION;
    double scale, shift;
    if (!normalizes && (!step_of(node->op, false, 1.0, &scale, &shift) || node->input_count != 2))
        return SNN_OK;
    bool left = !normalizes && snnconv_edit_constant(edit, node, 0) != NULL;
    bool right = snnconv_edit_constant(edit, node, 1) != NULL;
    if (left == right && !normalizes) return SNN_OK;
    out->input = node->inputs[left ? 1 : 0];
    const struct snnconv_array *x = &snnconv_edit_value(edit, out->input)->array;
    if (!frame_of(x, &out->channels, &out->size)) return SNN_OK;
    return normalizes ? read_normalization(out, edit, node, found_out)
                      : read_arithmetic(out, edit, node, left, found_out);
}

/* ---- Joining ---- */

static double at(const double *list, size_t count, const struct snnconv_affine *a, size_t element)
{
    return list[count == a->channels ? element / (a->size / a->channels) : element];
}

int snnconv_affine_join(struct snnconv_affine *second, const struct snnconv_affine *first,
                        struct snn_context *context)
{
    struct snnconv_affine a = *second;
    size_t positions = a.size / a.channels;
    bool wide_scale = first->scale_count != a.channels || second->scale_count != a.channels;
    bool wide_shift = first->shift_count != a.channels || second->scale_count != a.channels ||
                      second->shift_count != a.channels;
    a.input = first->input;
    a.scale_count = wide_scale ? a.size : a.channels;
    a.shift_count = wide_shift ? a.size : a.channels;
    a.shifts_only = first->shifts_only && second->shifts_only;
    if (alloc_lists(&a, context) != SNN_OK) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < a.scale_count; i++) {
        size_t e = wide_scale ? i : i * positions;
        a.scale[i] = at(first->scale, first->scale_count, first, e) *
                     at(second->scale, second->scale_count, second, e);
    }
    for (size_t i = 0; i < a.shift_count; i++) {
        size_t e = wide_shift ? i : i * positions;
        a.shift[i] = at(first->shift, first->shift_count, first, e) *
                         at(second->scale, second->scale_count, second, e) +
                     at(second->shift, second->shift_count, second, e);
    }
    snnconv_affine_fini(second, context);
    *second = a;
    return SNN_OK;
}

bool snnconv_affine_is_identity(const struct snnconv_affine *affine)
{
    for (size_t i = 0; i < affine->scale_count; i++) {
        if (affine->scale[i] != 1.0) return false;
    }
    for (size_t i = 0; i < affine->shift_count; i++) {
        if (affine->shift[i] != 0.0) return false;
    }
    return true;
}

/* ---- Writing ---- */

static int add_list(struct snnconv_edit *edit, const struct snnconv_affine *a, const double *list,
                    size_t count, uint32_t *value_out)
{
    const struct snnconv_array x = snnconv_edit_value(edit, a->input)->array;
    int64_t dim[SNNCONV_RANK_MAX] = {1, x.dim[1], 1, 1};
    float *data = NULL;
    for (uint32_t i = 2; i < x.rank && count != a->channels; i++)
        dim[i] = x.dim[i];
    int status = snnconv_edit_add_floats(edit, x.rank, dim, NULL, &data, value_out);
    for (size_t i = 0; status == SNN_OK && i < count; i++)
        data[i] = (float)list[i];
    return status;
}

static int write_normalization(struct snnconv_edit *edit, uint32_t index,
                               const struct snnconv_affine *a)
{
    const int64_t dim = (int64_t)a->channels;
    uint32_t inputs[5] = {a->input};
    float *data[4];
    for (int k = 0; k < 4; k++) {
        int status = snnconv_edit_add_floats(edit, 1, &dim, NULL, &data[k], &inputs[k + 1]);
        if (status != SNN_OK) return status;
    }
    for (size_t c = 0; c < a->channels; c++) {
        data[0][c] = (float)a->scale[c];
        data[1][c] = (float)a->shift[c];
        data[3][c] = 1.0f;
    }
    int status = snnconv_edit_set_inputs(edit, index, inputs, 5);
    if (status != SNN_OK) return status;
    struct snnconv_node *node = snnconv_edit_node(edit, index);
    node->op = SNNCONV_OP_BATCH_NORMALIZATION;
    snnconv_attributes_init(&node->attributes, node->op);
    node->attributes.epsilon = 0.0f;
    node->output_count = 1;
    return SNN_OK;
}

static bool all_equal(const double *list, size_t count, double value)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] != value) return false;
    }
    return true;
}

int snnconv_affine_write(struct snnconv_edit *edit, uint32_t index, const struct snnconv_affine *a)
{
    if (a->scale_count == a->channels && a->shift_count == a->channels && a->size > 0)
        return write_normalization(edit, index, a);
    const struct snnconv_node like = *snnconv_edit_node(edit, index);
    const struct snnconv_array shape = snnconv_edit_value(edit, a->input)->array;
    bool scales = !all_equal(a->scale, a->scale_count, 1.0);
    bool shifts = !scales || !all_equal(a->shift, a->shift_count, 0.0);
    uint32_t inputs[2] = {a->input, SNNCONV_NONE}, between = SNNCONV_NONE;
    int status = SNN_OK;
    if (scales) status = add_list(edit, a, a->scale, a->scale_count, &inputs[1]);
    if (scales && shifts && status == SNN_OK) {
        status = snnconv_edit_add_value(edit, &shape, SNNCONV_NONE, &between);
        if (status == SNN_OK)
            status = snnconv_edit_add_node(edit, &like, SNNCONV_OP_MUL, inputs, 2, between);
        inputs[0] = between;
    }
    if (status == SNN_OK && shifts)
        status = add_list(edit, a, a->shift, a->shift_count, &inputs[1]);
    if (status == SNN_OK) status = snnconv_edit_set_inputs(edit, index, inputs, 2);
    if (status != SNN_OK) return status;
    struct snnconv_node *node = snnconv_edit_node(edit, index);
    node->op = shifts ? SNNCONV_OP_ADD : SNNCONV_OP_MUL;
    snnconv_attributes_init(&node->attributes, node->op);
    node->output_count = 1;
    return SNN_OK;
}
