/* Scales and shifts put into the weights and biases of Conv and Gemm; see linear.h. */
#include "convert/pass/linear.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

static const struct snnconv_array *bias_of(const struct snnconv_edit *edit,
                                           const struct snnconv_node *node)
{
    return snnconv_edit_constant(edit, node, 2);
}

bool snnconv_linear_is(const struct snnconv_edit *edit, const struct snnconv_node *node)
{
    if (node == NULL || snnconv_node_is_blank(node)) return false;
    const struct snnconv_array *weights = snnconv_edit_constant(edit, node, 1);
    if (weights == NULL || snnconv_edit_constant(edit, node, 0) != NULL) return false;
    bool biased = snnconv_node_input(node, 2) != SNNCONV_NONE;
    if (biased && bias_of(edit, node) == NULL) return false;
    uint32_t rank = snnconv_edit_value(edit, node->inputs[0])->array.rank;
    switch (node->op) {
    case SNNCONV_OP_CONV:
        return weights->rank == 4 && rank == 4 && node->attributes.spatial == 2;
    case SNNCONV_OP_GEMM:
        return weights->rank == 2 && rank == 2 && !node->attributes.trans_a;
    case SNNCONV_OP_MAT_MUL:
        return weights->rank == 2 && rank == 2;
    default:
        return false;
    }
}

/* ---- One form ---- */

static bool is_normal(const struct snnconv_edit *edit, const struct snnconv_node *node)
{
    const struct snnconv_attributes *a = &node->attributes;
    const struct snnconv_array *bias = bias_of(edit, node);
    const struct snnconv_array *weights = snnconv_edit_constant(edit, node, 1);
    if (node->op != SNNCONV_OP_GEMM) return node->op == SNNCONV_OP_CONV;
    if (!a->trans_b || a->alpha != 1.0f) return false;
    return bias == NULL || (a->beta == 1.0f && bias->rank == 1 && bias->dim[0] == weights->dim[0]);
}

static int normalize_weights(struct snnconv_edit *edit, const struct snnconv_node *node, bool turn,
                             double alpha, uint32_t *value_out)
{
    const struct snnconv_value old = *snnconv_edit_value(edit, node->inputs[1]);
    size_t rows = (size_t)old.array.dim[0], columns = (size_t)old.array.dim[1];
    const int64_t dim[2] = {old.array.dim[turn ? 1 : 0], old.array.dim[turn ? 0 : 1]};
    float *data = NULL;
    int status = snnconv_edit_add_floats(edit, 2, dim, old.name, &data, value_out);
    for (size_t i = 0; status == SNN_OK && i < rows * columns; i++) {
        size_t to = turn ? i % columns * rows + i / columns : i;
        data[to] = (float)(alpha * snnconv_array_load(&old.array, i));
    }
    if (status != SNN_OK || old.quantization == NULL || alpha != 1.0) return status;
    struct snnconv_quantization *turned =
        snnbase_arena_alloc(&edit->program->arena, edit->context, 1, sizeof(*turned));
    if (turned == NULL) return SNN_ERR_NOMEM;
    *turned = *old.quantization;
    if (turned->count > 1 && turn) turned->axis = 1 - turned->axis;
    snnconv_edit_value(edit, *value_out)->quantization = turned;
    return SNN_OK;
}

/* A bias of any shape that broadcasts to [N, M] with one row, as [M]. */
static int normalize_bias(struct snnconv_edit *edit, const struct snnconv_node *node, int64_t m,
                          uint32_t *value_out)
{
    const struct snnconv_value old = *snnconv_edit_value(edit, node->inputs[2]);
    size_t count = snnconv_array_count(&old.array);
    double beta = node->op == SNNCONV_OP_GEMM ? (double)node->attributes.beta : 1.0;
    float *data = NULL;
    int status = snnconv_edit_add_floats(edit, 1, &m, old.name, &data, value_out);
    for (size_t i = 0; status == SNN_OK && i < (size_t)m; i++)
        data[i] = (float)(beta * snnconv_array_load(&old.array, count == 1 ? 0 : i));
    return status;
}

int snnconv_linear_normalize(struct snnconv_edit *edit, uint32_t index)
{
    const struct snnconv_node node = *snnconv_edit_node(edit, index);
    bool gemm = node.op == SNNCONV_OP_GEMM;
    uint32_t inputs[3] = {node.inputs[0], node.inputs[1], SNNCONV_NONE}, count = 2;
    if (is_normal(edit, &node)) return SNN_OK;
    const struct snnconv_array *weights = snnconv_edit_constant(edit, &node, 1);
    const struct snnconv_array *bias = bias_of(edit, &node);
    bool turn = !gemm || !node.attributes.trans_b;
    int64_t m = weights->dim[turn ? 1 : 0];
    size_t bias_count = bias != NULL ? snnconv_array_count(bias) : 0;
    if (bias != NULL && bias_count != 1 && bias_count != (size_t)m) return SNN_OK; /* of frames */
    double alpha = gemm ? (double)node.attributes.alpha : 1.0;
    int status = SNN_OK;
    if (turn || alpha != 1.0) status = normalize_weights(edit, &node, turn, alpha, &inputs[1]);
    if (status == SNN_OK && bias != NULL) {
        status = normalize_bias(edit, &node, m, &inputs[2]);
        count = 3;
    }
    if (status == SNN_OK) status = snnconv_edit_set_inputs(edit, index, inputs, count);
    if (status != SNN_OK) return status;
    struct snnconv_node *to = snnconv_edit_node(edit, index);
    to->op = SNNCONV_OP_GEMM;
    snnconv_attributes_init(&to->attributes, SNNCONV_OP_GEMM);
    to->attributes.trans_b = true;
    return SNN_OK;
}

/* ---- Scaling ---- */

/* The scales of weights that were integers, output channel by output channel; none if a factor is
 * not positive. */
static int scale_quantization(struct snnconv_edit *edit, const struct snnconv_quantization *old,
                              const double *scale, size_t count,
                              const struct snnconv_quantization **out)
{
    struct snnbase_arena *arena = &edit->program->arena;
    bool fits = old != NULL && (old->count == 1 || (old->axis == 0 && old->count == count));
    *out = NULL;
    for (size_t i = 0; fits && i < count; i++)
        fits = scale[i] > 0.0;
    if (!fits) return SNN_OK;
    struct snnconv_quantization *made = snnbase_arena_alloc(arena, edit->context, 1, sizeof(*made));
    float *scales = snnbase_arena_alloc(arena, edit->context, count, sizeof(*scales));
    int32_t *zeros = snnbase_arena_alloc(arena, edit->context, count, sizeof(*zeros));
    if (made == NULL || scales == NULL || zeros == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t from = old->count == 1 ? 0 : i;
        scales[i] = (float)((double)old->scale[from] * scale[i]);
        zeros[i] = old->zero_point[from];
    }
    *made = (struct snnconv_quantization){old->type, (uint32_t)count, 0, scales, zeros};
    *out = made;
    return SNN_OK;
}

static int set_bias(struct snnconv_edit *edit, uint32_t index, uint32_t bias)
{
    const struct snnconv_node *node = snnconv_edit_node(edit, index);
    const uint32_t inputs[3] = {node->inputs[0], node->inputs[1], bias};
    return snnconv_edit_set_inputs(edit, index, inputs, 3);
}

/* bias * scale + shift; either list may be NULL. */
static int change_bias(struct snnconv_edit *edit, uint32_t index, const double *scale,
                       const double *shift, size_t count)
{
    const struct snnconv_node node = *snnconv_edit_node(edit, index);
    uint32_t old = snnconv_node_input(&node, 2), value = SNNCONV_NONE;
    const struct snnconv_array *bias = bias_of(edit, &node);
    const char *name = old != SNNCONV_NONE ? snnconv_edit_value(edit, old)->name : NULL;
    const int64_t dim = (int64_t)count;
    struct snnconv_array from = bias != NULL ? *bias : (struct snnconv_array){.data = NULL};
    float *data = NULL;
    int status = snnconv_edit_add_floats(edit, 1, &dim, name, &data, &value);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < count; i++) {
        double b = from.data != NULL ? snnconv_array_load(&from, i) : 0.0;
        data[i] = (float)((scale != NULL ? b * scale[i] : b) + (shift != NULL ? shift[i] : 0.0));
    }
    return set_bias(edit, index, value);
}

/* Room for other elements in place of a constant of floats: a new constant, or the same one if it
 * is as new as value `fresh`, for then nobody else has it yet. */
static int add_changed(struct snnconv_edit *edit, uint32_t value, uint32_t fresh, float **data_out,
                       uint32_t *value_out)
{
    const struct snnconv_value old = *snnconv_edit_value(edit, value);
    if (value >= fresh) {
        *data_out = snnconv_array_room(&old.array);
        *value_out = value;
        return SNN_OK;
    }
    return snnconv_edit_add_floats(edit, old.array.rank, old.array.dim, old.name, data_out,
                                   value_out);
}

int snnconv_linear_scale_outputs(struct snnconv_edit *edit, uint32_t index, const double *scale,
                                 const double *shift)
{
    const uint32_t fresh = edit->program->value_count;
    int status = snnconv_linear_normalize(edit, index);
    if (status != SNN_OK) return status;
    uint32_t weights = snnconv_edit_node(edit, index)->inputs[1], value = SNNCONV_NONE;
    const struct snnconv_value old = *snnconv_edit_value(edit, weights);
    const struct snnconv_quantization *quantization = NULL;
    size_t outputs = (size_t)old.array.dim[0];
    size_t each = snnconv_array_count(&old.array) / outputs;
    float *data = NULL;
    status = add_changed(edit, weights, fresh, &data, &value);
    for (size_t i = 0; status == SNN_OK && i < outputs * each; i++)
        data[i] = (float)(scale[i / each] * snnconv_array_load(&old.array, i));
    if (status == SNN_OK)
        status = scale_quantization(edit, old.quantization, scale, outputs, &quantization);
    if (status == SNN_OK) status = snnconv_edit_set_input(edit, index, 1, value);
    if (status != SNN_OK) return status;
    snnconv_edit_value(edit, value)->quantization = quantization;
    return change_bias(edit, index, scale, shift, outputs);
}

int snnconv_linear_scale_inputs(struct snnconv_edit *edit, uint32_t index, const double *scale)
{
    const uint32_t fresh = edit->program->value_count;
    int status = snnconv_linear_normalize(edit, index);
    if (status != SNN_OK) return status;
    const struct snnconv_node node = *snnconv_edit_node(edit, index);
    uint32_t value = SNNCONV_NONE;
    const struct snnconv_value old = *snnconv_edit_value(edit, node.inputs[1]);
    const struct snnconv_quantization *quantization = NULL;
    size_t outputs = (size_t)old.array.dim[0], ins = (size_t)old.array.dim[1], taps = 1;
    size_t groups = node.op == SNNCONV_OP_CONV ? (size_t)node.attributes.group : 1;
    float *data = NULL;
    for (uint32_t i = 2; i < old.array.rank; i++)
        taps *= (size_t)old.array.dim[i];
    status = add_changed(edit, node.inputs[1], fresh, &data, &value);
    bool uniform = true;
    for (size_t i = 1; i < ins * groups; i++)
        uniform = uniform && scale[i] == scale[0];
    for (size_t i = 0; status == SNN_OK && i < outputs * ins * taps; i++) {
        size_t in = i / taps % ins, out = i / (taps * ins);
        data[i] =
            (float)(scale[out / (outputs / groups) * ins + in] * snnconv_array_load(&old.array, i));
    }
    double *one = uniform ? snnbase_alloc(edit->context, outputs, sizeof(*one)) : NULL;
    if (status == SNN_OK && uniform && one == NULL) status = SNN_ERR_NOMEM;
    for (size_t o = 0; one != NULL && o < outputs; o++)
        one[o] = scale[0];
    if (status == SNN_OK && uniform)
        status = scale_quantization(edit, old.quantization, one, outputs, &quantization);
    snnbase_free(edit->context, one);
    if (status != SNN_OK) return status;
    snnconv_edit_value(edit, value)->quantization = quantization;
    return snnconv_edit_set_input(edit, index, 1, value);
}

int snnconv_linear_shift_outputs(struct snnconv_edit *edit, uint32_t index, const double *shift)
{
    int status = snnconv_linear_normalize(edit, index);
    if (status != SNN_OK) return status;
    const struct snnconv_node *node = snnconv_edit_node(edit, index);
    size_t outputs = (size_t)snnconv_edit_value(edit, node->inputs[1])->array.dim[0];
    return change_bias(edit, index, NULL, shift, outputs);
}

/* ---- Applying ---- */

/* A value for each input channel, or each element. */
struct frame {
    const double *values;
    int64_t h, w;
    bool whole; /* one value a channel, whatever the position */
};

static void apply_dense(const struct snnconv_array *weights, const double *values, double *out)
{
    size_t outputs = (size_t)weights->dim[0], ins = (size_t)weights->dim[1];
    for (size_t o = 0; o < outputs; o++) {
        for (size_t i = 0; i < ins; i++)
            out[o] += snnconv_array_load(weights, o * ins + i) * values[i];
    }
}

/* What tap (ky, kx) of one output channel makes of input position (y, x). */
static double apply_tap(const struct snnconv_array *weights, const struct frame *in, int64_t output,
                        int64_t first, const int64_t tap[2], const int64_t from[2])
{
    double sum = 0.0;
    int64_t ins = weights->dim[1], plane = in->h * in->w;
    for (int64_t c = 0; c < ins; c++) {
        int64_t w = ((output * ins + c) * weights->dim[2] + tap[0]) * weights->dim[3] + tap[1];
        int64_t at = in->whole ? first + c : (first + c) * plane + from[0] * in->w + from[1];
        sum += snnconv_array_load(weights, (size_t)w) * in->values[at];
    }
    return sum;
}

/* One tap of one output channel, added wherever it reads inside the input. */
static void spread_tap(const struct snnconv_node *node, const struct snnconv_array *weights,
                       const struct frame *in, const int64_t at[4], const struct snnconv_array *y,
                       double *plane)
{
    const struct snnconv_attributes *a = &node->attributes;
    const int64_t tap[2] = {at[2], at[3]}, none[2] = {0, 0};
    double same = in->whole ? apply_tap(weights, in, at[0], at[1], tap, none) : 0.0;
    for (int64_t oy = 0; oy < y->dim[2]; oy++) {
        int64_t iy = oy * a->stride[0] - a->pad_begin[0] + tap[0] * a->dilation[0];
        if (iy < 0 || iy >= in->h) continue;
        for (int64_t ox = 0; ox < y->dim[3]; ox++) {
            int64_t ix = ox * a->stride[1] - a->pad_begin[1] + tap[1] * a->dilation[1];
            const int64_t from[2] = {iy, ix};
            if (ix < 0 || ix >= in->w) continue;
            plane[oy * y->dim[3] + ox] +=
                in->whole ? same : apply_tap(weights, in, at[0], at[1], tap, from);
        }
    }
}

int snnconv_linear_apply(const struct snnconv_edit *edit, const struct snnconv_node *node,
                         const double *values, size_t count, double **out)
{
    const struct snnconv_array *weights = snnconv_edit_constant(edit, node, 1);
    const struct snnconv_array *x = &snnconv_edit_value(edit, node->inputs[0])->array;
    const struct snnconv_array *y = &snnconv_edit_value(edit, node->outputs[0])->array;
    size_t size = 1;
    for (uint32_t i = 1; i < y->rank; i++)
        size *= (size_t)y->dim[i];
    double *result = snnbase_alloc(edit->context, size, sizeof(*result));
    if (result == NULL) return SNN_ERR_NOMEM;
    *out = result;
    if (node->op != SNNCONV_OP_CONV) {
        apply_dense(weights, values, result);
        return SNN_OK;
    }
    const struct frame in = {values, x->dim[2], x->dim[3], count == (size_t)x->dim[1]};
    int64_t each = y->dim[1] / node->attributes.group, plane = y->dim[2] * y->dim[3];
    for (int64_t o = 0; o < y->dim[1]; o++) {
        for (int64_t ky = 0; ky < weights->dim[2]; ky++) {
            for (int64_t kx = 0; kx < weights->dim[3]; kx++) {
                const int64_t at[4] = {o, o / each * weights->dim[1], ky, kx};
                spread_tap(node, weights, &in, at, y, result + o * plane);
            }
        }
    }
    return SNN_OK;
}

/* ---- Maps of biases ---- */

int snnconv_linear_add_bias(struct snnconv_edit *edit, uint32_t index, const double *map)
{
    int status = snnconv_linear_normalize(edit, index);
    if (status != SNN_OK) return status;
    const struct snnconv_node node = *snnconv_edit_node(edit, index);
    const struct snnconv_array y = snnconv_edit_value(edit, node.outputs[0])->array;
    size_t channels = (size_t)y.dim[1], positions = 1;
    uint32_t between = SNNCONV_NONE, constant = SNNCONV_NONE, output = node.outputs[0];
    float *data = NULL;
    for (uint32_t i = 2; i < y.rank; i++)
        positions *= (size_t)y.dim[i];
    bool flat = true;
    for (size_t i = 0; i < channels * positions; i++)
        flat = flat && map[i] == map[i / positions * positions];
    if (flat) {
        double *shift = snnbase_alloc(edit->context, channels, sizeof(*shift));
        if (shift == NULL) return SNN_ERR_NOMEM;
        for (size_t c = 0; c < channels; c++)
            shift[c] = map[c * positions];
        status = change_bias(edit, index, NULL, shift, channels);
        snnbase_free(edit->context, shift);
        return status;
    }
    int64_t dim[SNNCONV_RANK_MAX];
    memcpy(dim, y.dim, sizeof(dim));
    dim[0] = 1;
    status = snnconv_edit_add_floats(edit, y.rank, dim, NULL, &data, &constant);
    if (status == SNN_OK) status = snnconv_edit_add_value(edit, &y, SNNCONV_NONE, &between);
    if (status == SNN_OK) status = snnconv_edit_set_output(edit, index, between);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < channels * positions; i++)
        data[i] = (float)map[i];
    const uint32_t inputs[2] = {between, constant};
    return snnconv_edit_add_node(edit, &node, SNNCONV_OP_ADD, inputs, 2, output);
}

bool snnconv_node_pads(const struct snnconv_node *node)
{
    for (uint32_t i = 0; i < node->attributes.spatial && i < SNNCONV_SPATIAL_MAX; i++) {
        if (node->attributes.pad_begin[i] != 0 || node->attributes.pad_end[i] != 0) return true;
    }
    return node->attributes.auto_pad != SNNCONV_AUTO_PAD_NOTSET;
}

int snnconv_edit_renew(struct snnconv_edit *edit, uint32_t index)
{
    uint32_t old = snnconv_edit_node(edit, index)->outputs[0], value = SNNCONV_NONE;
    const struct snnconv_array shape = snnconv_edit_value(edit, old)->array;
    int status = snnconv_edit_add_value(edit, &shape, SNNCONV_NONE, &value);
    if (status == SNN_OK) status = snnconv_edit_set_output(edit, index, value);
    if (status == SNN_OK) status = snnconv_edit_replace(edit, old, value);
    if (status == SNN_OK) snnconv_edit_value(edit, value)->quantization = NULL;
    return status;
}
