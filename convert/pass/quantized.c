/* Quantised operators become float operators on the real numbers that the integers stand for.
 *
 * A value of integers keeps its index and turns into one of reals, with the scale and zero point of
 * its integers beside it (`quantization`); constants likewise. Only rounding is lost, and where a
 * quantiser cuts at zero, which is how an elided ReLU looks, that becomes a Clip. What computes
 * with the integers themselves is refused by name. Floats of other widths become float32 as well.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "convert/pass/edit.h"
#include "convert/pass/passes.h"
#include "convert/read/problems.h"
#include "libsnn/base/error.h"

struct quantized {
    struct snnconv_edit edit;
    struct snn_context *context;
    unsigned char *real; /* [value]: of integers in the file, of reals now */
    size_t real_capacity;
    uint32_t changed;
    struct snnconv_problems problems;
};

static bool is_real(const struct quantized *q, uint32_t value)
{
    return value != SNNCONV_NONE && value < q->real_capacity && q->real[value] != 0;
}

static bool is_float(enum snnconv_type type)
{
    return type == SNNCONV_TYPE_F32 || type == SNNCONV_TYPE_F64 || type == SNNCONV_TYPE_F16 ||
           type == SNNCONV_TYPE_BF16;
}

static int64_t lowest_of(enum snnconv_type type)
{
    if (type == SNNCONV_TYPE_I8) return INT8_MIN;
    if (type == SNNCONV_TYPE_I16) return INT16_MIN;
    return type == SNNCONV_TYPE_I32 ? INT32_MIN : 0;
}

static int64_t highest_of(enum snnconv_type type)
{
    if (type == SNNCONV_TYPE_I8) return INT8_MAX;
    if (type == SNNCONV_TYPE_U8) return UINT8_MAX;
    if (type == SNNCONV_TYPE_I16) return INT16_MAX;
    return type == SNNCONV_TYPE_U16 ? UINT16_MAX : INT32_MAX;
}

/* ---- Scales ---- */

static int refuse_scales(struct quantized *q, const struct snnconv_array *scale,
                         const struct snnconv_array *zero)
{
    if (scale == NULL || scale->data == NULL || (zero != NULL && zero->data == NULL))
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED,
                            "scale or zero point is computed while the net runs");
    return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED,
                        "%zu scales and %zu zero points for one tensor", snnconv_array_count(scale),
                        zero != NULL ? snnconv_array_count(zero) : 0);
}

/* Scales along `axis`, of `extent`; one scale is for all. */
static int make_scales(struct quantized *q, enum snnconv_type type,
                       const struct snnconv_array *scale, const struct snnconv_array *zero,
                       const int64_t *extent, uint32_t axis, struct snnconv_quantization **out)
{
    bool there = scale != NULL && scale->data != NULL && (zero == NULL || zero->data != NULL);
    size_t count = there ? snnconv_array_count(scale) : 0;
    size_t zeros = there && zero != NULL ? snnconv_array_count(zero) : count;
    bool fits = count == 1 || (extent != NULL && count == (size_t)*extent);
    if (count == 0 || !fits || (zeros != count && zeros != 1) || count > UINT32_MAX)
        return refuse_scales(q, scale, zero);
    struct snnbase_arena *arena = &q->edit.program->arena;
    struct snnconv_quantization *made = snnbase_arena_alloc(arena, q->context, 1, sizeof(*made));
    float *scales = snnbase_arena_alloc(arena, q->context, count, sizeof(*scales));
    int32_t *points = snnbase_arena_alloc(arena, q->context, count, sizeof(*points));
    if (made == NULL || scales == NULL || points == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        scales[i] = (float)snnconv_array_load(scale, i);
        if (zero != NULL) points[i] = (int32_t)snnconv_array_load_integer(zero, zeros == 1 ? 0 : i);
        if (!(scales[i] > 0.0f && isfinite(scales[i])))
            return snnbase_fail(q->context, SNN_ERR_INVALID, "scale %g is not a positive number",
                                (double)scales[i]);
    }
    *made = (struct snnconv_quantization){.type = type,
                                          .count = (uint32_t)count,
                                          .axis = count > 1 ? axis : 0,
                                          .scale = scales,
                                          .zero_point = points};
    *out = made;
    return SNN_OK;
}

/* A value of integers is one of reals from here on. */
static int mark_real(struct quantized *q, uint32_t value,
                     const struct snnconv_quantization *quantization)
{
    struct snnconv_value *v = snnconv_edit_value(&q->edit, value);
    int status = snnbase_grow(q->context, (void **)&q->real, &q->real_capacity, (size_t)value + 1,
                              sizeof(*q->real));
    if (status != SNN_OK) return status;
    q->real[value] = 1;
    v->array.type = SNNCONV_TYPE_F32;
    if (quantization != NULL) v->quantization = quantization;
    return SNN_OK;
}

/* Whether a value of reals has just the one scale and zero point that a node takes it to have. */
static int check_scales(struct quantized *q, uint32_t value, const struct snnconv_array *scale,
                        const struct snnconv_array *zero)
{
    const struct snnconv_quantization *has = snnconv_edit_value(&q->edit, value)->quantization;
    double s = 1.0, z = 0.0;
    if (!is_real(q, value) || has == NULL || has->count != 1)
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED,
                            "the scale of the integers it reads is not known");
    if (!snnconv_array_scalar(scale, &s) || (zero != NULL && !snnconv_array_scalar(zero, &z)))
        return refuse_scales(q, scale, zero);
    if ((float)s == has->scale[0] && (int32_t)z == has->zero_point[0]) return SNN_OK;
    return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED,
                        "reads integers of scale %g and zero point %" PRId32
                        " as if of scale %g and zero point %d",
                        (double)has->scale[0], has->zero_point[0], s, (int)z);
}

/* ---- Constants ---- */

/* The reals of a constant of integers, times `factor`. */
static int add_reals(struct quantized *q, uint32_t value,
                     const struct snnconv_quantization *quantization, double factor,
                     uint32_t *value_out)
{
    const struct snnconv_array from = snnconv_edit_value(&q->edit, value)->array;
    const char *name = snnconv_edit_value(&q->edit, value)->name;
    float *data = NULL;
    int status = snnconv_edit_add_floats(&q->edit, from.rank, from.dim, name, &data, value_out);
    if (status != SNN_OK) return status;
    size_t count = snnconv_array_count(&from), inner = 1;
    for (uint32_t i = quantization->axis + 1; i < from.rank; i++)
        inner *= (size_t)from.dim[i];
    for (size_t i = 0; i < count; i++) {
        size_t at = quantization->count == 1 ? 0 : i / inner % quantization->count;
        int64_t stored = snnconv_array_load_integer(&from, i) - quantization->zero_point[at];
        data[i] = (float)((double)stored * (double)quantization->scale[at] * factor);
    }
    snnconv_edit_value(&q->edit, *value_out)->quantization = quantization;
    return SNN_OK;
}

/* ---- Operators ---- */

/* Behind a node that cuts at zero stands a Clip that writes its value. */
static int add_clip(struct quantized *q, uint32_t index, const struct snnconv_quantization *scales)
{
    uint32_t output = snnconv_edit_node(&q->edit, index)->outputs[0];
    uint32_t before = SNNCONV_NONE, low = SNNCONV_NONE, high = SNNCONV_NONE;
    float *zero = NULL, *top = NULL;
    struct snnconv_array shape = snnconv_edit_value(&q->edit, output)->array;
    int status = snnconv_edit_add_value(&q->edit, &shape, SNNCONV_NONE, &before);
    if (status == SNN_OK) status = snnconv_edit_add_floats(&q->edit, 0, NULL, NULL, &zero, &low);
    if (status == SNN_OK) status = snnconv_edit_add_floats(&q->edit, 0, NULL, NULL, &top, &high);
    if (status == SNN_OK) status = snnconv_edit_set_output(&q->edit, index, before);
    if (status != SNN_OK) return status;
    *top = (float)((double)(highest_of(scales->type) - scales->zero_point[0]) *
                   (double)scales->scale[0]);
    const uint32_t inputs[] = {before, low, high};
    const struct snnconv_node like = *snnconv_edit_node(&q->edit, index);
    return snnconv_edit_add_node(&q->edit, &like, SNNCONV_OP_CLIP, inputs, 3, output);
}

/* Whether a quantiser whose zero is its lowest integer cuts off nothing: of the net's input it is
 * taken to have seen the range. */
static bool is_above_zero(const struct quantized *q, uint32_t value)
{
    const struct snnconv_program *program = q->edit.program;
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (program->inputs[i] == value) return true;
    }
    return snnconv_edit_is_positive(&q->edit, value);
}

static int end_node(struct quantized *q, uint32_t index, const struct snnconv_quantization *scales)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    bool cuts = scales->count == 1 && scales->zero_point[0] == lowest_of(scales->type);
    if (node->op == SNNCONV_OP_IDENTITY && is_above_zero(q, node->inputs[0])) cuts = false;
    int status = mark_real(q, node->outputs[0], scales);
    return status == SNN_OK && cuts ? add_clip(q, index, scales) : status;
}

static void become(struct quantized *q, uint32_t index, enum snnconv_op op)
{
    snnconv_edit_node(&q->edit, index)->op = op;
    q->changed++;
}

static int quantize(struct quantized *q, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    uint32_t x = node->inputs[0];
    const struct snnconv_array *zero = snnconv_edit_constant(&q->edit, node, 2);
    enum snnconv_type type = zero != NULL                               ? zero->type
                             : node->attributes.to != SNNCONV_TYPE_NONE ? node->attributes.to
                                                                        : SNNCONV_TYPE_U8;
    struct snnconv_quantization *scales = NULL;
    int status =
        make_scales(q, type, snnconv_edit_constant(&q->edit, node, 1), zero, NULL, 0, &scales);
    if (status == SNN_OK) status = snnconv_edit_set_inputs(&q->edit, index, &x, 1);
    if (status != SNN_OK) return status;
    become(q, index, SNNCONV_OP_IDENTITY);
    return end_node(q, index, scales);
}

static int dequantize(struct quantized *q, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    uint32_t x = node->inputs[0];
    int status = check_scales(q, x, snnconv_edit_constant(&q->edit, node, 1),
                              snnconv_edit_constant(&q->edit, node, 2));
    if (status == SNN_OK) status = snnconv_edit_set_inputs(&q->edit, index, &x, 1);
    if (status != SNN_OK) return status;
    become(q, index, SNNCONV_OP_IDENTITY);
    return SNN_OK;
}

/* The bias of QLinearConv, int32, of scale x's times the weights'. */
static int add_bias(struct quantized *q, uint32_t value, double x_scale,
                    const struct snnconv_quantization *weights, uint32_t *value_out)
{
    const struct snnconv_array from = snnconv_edit_value(&q->edit, value)->array;
    float *data = NULL;
    if (from.data == NULL)
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED, "the bias is not constant");
    int status = snnconv_edit_add_floats(
        &q->edit, from.rank, from.dim, snnconv_edit_value(&q->edit, value)->name, &data, value_out);
    for (size_t i = 0; status == SNN_OK && i < snnconv_array_count(&from); i++) {
        size_t at = weights->count == 1 ? 0 : i % weights->count;
        data[i] = (float)(snnconv_array_load(&from, i) * x_scale * (double)weights->scale[at]);
    }
    return status;
}

/* QLinearConv and QLinearMatMul: x, scale, zero, w, scale, zero, scale of y, zero of y, bias. */
static int linear(struct quantized *q, uint32_t index, bool conv)
{
    const struct snnconv_node node = *snnconv_edit_node(&q->edit, index);
    const struct snnconv_array *w = snnconv_edit_constant(&q->edit, &node, 3);
    const struct snnconv_array *y_zero = snnconv_edit_constant(&q->edit, &node, 7);
    struct snnconv_quantization *weights = NULL, *scales = NULL;
    uint32_t inputs[3] = {node.inputs[0], SNNCONV_NONE, SNNCONV_NONE};
    uint32_t bias = snnconv_node_input(&node, 8), count = 2;
    double x_scale = 0.0;
    if (w == NULL || w->rank == 0)
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED, "the weights are not constant");
    uint32_t axis = conv ? 0 : w->rank - 1;
    int status = check_scales(q, inputs[0], snnconv_edit_constant(&q->edit, &node, 1),
                              snnconv_edit_constant(&q->edit, &node, 2));
    if (status == SNN_OK)
        status =
            make_scales(q, w->type, snnconv_edit_constant(&q->edit, &node, 4),
                        snnconv_edit_constant(&q->edit, &node, 5), &w->dim[axis], axis, &weights);
    if (status == SNN_OK)
        status = make_scales(q, y_zero != NULL ? y_zero->type : SNNCONV_TYPE_U8,
                             snnconv_edit_constant(&q->edit, &node, 6), y_zero, NULL, 0, &scales);
    if (status == SNN_OK) status = add_reals(q, node.inputs[3], weights, 1.0, &inputs[1]);
    if (status == SNN_OK && bias != SNNCONV_NONE) {
        (void)snnconv_array_scalar(snnconv_edit_constant(&q->edit, &node, 1), &x_scale);
        status = add_bias(q, bias, x_scale, weights, &inputs[2]);
        count = 3;
    }
    if (status == SNN_OK) status = snnconv_edit_set_inputs(&q->edit, index, inputs, count);
    if (status != SNN_OK) return status;
    become(q, index, conv ? SNNCONV_OP_CONV : SNNCONV_OP_MAT_MUL);
    return end_node(q, index, scales);
}

/* ConvInteger and MatMulInteger: x, w, zero of x, zero of w. The sums of integers are those of the
 * reals of x with weights divided by the scale of x, which a Mul behind it takes back. */
static int integer(struct quantized *q, uint32_t index, bool conv)
{
    const struct snnconv_node node = *snnconv_edit_node(&q->edit, index);
    const struct snnconv_array *w = snnconv_edit_constant(&q->edit, &node, 1);
    uint32_t x = node.inputs[0], inputs[2] = {x, SNNCONV_NONE};
    const struct snnconv_quantization *has = snnconv_edit_value(&q->edit, x)->quantization;
    const float one = 1.0f;
    const struct snnconv_array unit = {.type = SNNCONV_TYPE_F32, .data = &one};
    struct snnconv_quantization *weights = NULL;
    double zero = 0.0;
    const struct snnconv_array *x_zero = snnconv_edit_constant(&q->edit, &node, 2);
    if (w == NULL || w->rank == 0)
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED, "the weights are not constant");
    if (x_zero != NULL && !snnconv_array_scalar(x_zero, &zero))
        return refuse_scales(q, &unit, x_zero);
    if (!is_real(q, x) || has == NULL || has->count != 1 || (int32_t)zero != has->zero_point[0])
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED,
                            "the zero point of the integers it reads is not the %d it takes off",
                            (int)zero);
    int status = make_scales(q, w->type, &unit, snnconv_edit_constant(&q->edit, &node, 3), NULL, 0,
                             &weights);
    if (status == SNN_OK)
        status = add_reals(q, node.inputs[1], weights, 1.0 / (double)has->scale[0], &inputs[1]);
    if (status == SNN_OK) {
        float *scale = snnbase_arena_alloc(&q->edit.program->arena, q->context, 1, sizeof(*scale));
        if (scale == NULL) return SNN_ERR_NOMEM;
        *scale = (float)(1.0 / (double)has->scale[0]);
        weights->scale = scale;
        status = snnconv_edit_set_inputs(&q->edit, index, inputs, 2);
    }
    if (status != SNN_OK) return status;
    become(q, index, conv ? SNNCONV_OP_CONV : SNNCONV_OP_MAT_MUL);
    /* A sum of integers is a number like others: Cast and Mul may follow. */
    snnconv_edit_value(&q->edit, node.outputs[0])->array.type = SNNCONV_TYPE_F32;
    return SNN_OK;
}

/* The element that Pad of integers puts in, as a real. */
static int pad(struct quantized *q, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    const struct snnconv_array *fill = snnconv_edit_constant(&q->edit, node, 2);
    const struct snnconv_quantization *has =
        snnconv_edit_value(&q->edit, node->inputs[0])->quantization;
    float *data = NULL;
    uint32_t value = SNNCONV_NONE;
    double stored = 0.0;
    if (has == NULL || has->count != 1 || node->input_count < 3 ||
        !snnconv_array_scalar(fill, &stored))
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED, "pads integers of unknown scale");
    int status = snnconv_edit_add_floats(&q->edit, 0, NULL, NULL, &data, &value);
    if (status != SNN_OK) return status;
    *data = (float)((stored - has->zero_point[0]) * (double)has->scale[0]);
    return snnconv_edit_set_input(&q->edit, index, 2, value);
}

static bool same_scales(const struct snnconv_quantization *a, const struct snnconv_quantization *b)
{
    return a != NULL && b != NULL && a->count == 1 && b->count == 1 && a->type == b->type &&
           a->scale[0] == b->scale[0] && a->zero_point[0] == b->zero_point[0];
}

/* Moves integers about: all of what it reads is of one scale, and so is what it writes. */
static int move(struct quantized *q, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    const struct snnconv_quantization *scales =
        snnconv_edit_value(&q->edit, node->inputs[0])->quantization;
    uint32_t output = node->outputs[0];
    for (uint32_t k = 1; node->op == SNNCONV_OP_CONCAT && k < node->input_count; k++) {
        if (!same_scales(scales, snnconv_edit_value(&q->edit, node->inputs[k])->quantization))
            return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED,
                                "joins integers of different scales");
    }
    int status = node->op == SNNCONV_OP_PAD ? pad(q, index) : SNN_OK;
    return status == SNN_OK ? mark_real(q, output, scales) : status;
}

static int cast(struct quantized *q, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    const struct snnconv_value *x = snnconv_edit_value(&q->edit, node->inputs[0]);
    if (!is_float(node->attributes.to) || !is_float(x->array.type)) return SNN_OK;
    if (is_real(q, node->inputs[0]) && x->quantization != NULL)
        return snnbase_fail(q->context, SNN_ERR_UNSUPPORTED, "takes quantised integers as numbers");
    snnconv_edit_node(&q->edit, index)->op = SNNCONV_OP_IDENTITY;
    return SNN_OK;
}

static int refuse(struct quantized *q)
{
    (void)snnbase_fail(q->context, SNN_ERR_UNSUPPORTED, "computes with quantised integers");
    return snnbase_hint(q->context, "export the net with QuantizeLinear and DequantizeLinear "
                                    "around its float operators");
}

static int rewrite(struct quantized *q, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&q->edit, index);
    bool reads_real = node->input_count > 0 && is_real(q, node->inputs[0]);
    switch (node->op) {
    case SNNCONV_OP_QUANTIZE_LINEAR:
        return quantize(q, index);
    case SNNCONV_OP_DEQUANTIZE_LINEAR:
        return dequantize(q, index);
    case SNNCONV_OP_QLINEAR_CONV:
    case SNNCONV_OP_QLINEAR_MAT_MUL:
        return linear(q, index, node->op == SNNCONV_OP_QLINEAR_CONV);
    case SNNCONV_OP_CONV_INTEGER:
    case SNNCONV_OP_MAT_MUL_INTEGER:
        return integer(q, index, node->op == SNNCONV_OP_CONV_INTEGER);
    case SNNCONV_OP_CAST:
        return cast(q, index);
    case SNNCONV_OP_MAX_POOL:
    case SNNCONV_OP_GLOBAL_MAX_POOL:
    case SNNCONV_OP_REDUCE_MAX:
    case SNNCONV_OP_RESHAPE:
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_SQUEEZE:
    case SNNCONV_OP_UNSQUEEZE:
    case SNNCONV_OP_TRANSPOSE:
    case SNNCONV_OP_IDENTITY:
    case SNNCONV_OP_CONCAT:
    case SNNCONV_OP_PAD:
        return reads_real ? move(q, index) : SNN_OK;
    default:
        return reads_real && snnconv_edit_value(&q->edit, node->inputs[0])->quantization != NULL
                   ? refuse(q)
                   : SNN_OK;
    }
}

/* ---- Inputs and constants of other types ---- */

/* The scale that the first node to read an input of integers takes it to have; none: its integers
 * are numbers. */
static int find_input_scales(struct quantized *q, uint32_t input, struct snnconv_quantization **out)
{
    enum snnconv_type type = snnconv_edit_value(&q->edit, input)->array.type;
    for (uint32_t i = 0; i < q->edit.program->node_count; i++) {
        const struct snnconv_node *node = snnconv_edit_node(&q->edit, i);
        if (node->input_count < 2 || node->inputs[0] != input) continue;
        if (node->op != SNNCONV_OP_DEQUANTIZE_LINEAR && node->op != SNNCONV_OP_QLINEAR_CONV &&
            node->op != SNNCONV_OP_QLINEAR_MAT_MUL)
            continue;
        const struct snnconv_array *zero = snnconv_edit_constant(&q->edit, node, 2);
        return make_scales(q, type, snnconv_edit_constant(&q->edit, node, 1), zero, NULL, 0, out);
    }
    return SNN_OK;
}

static int take_input(struct quantized *q, uint32_t input)
{
    struct snnconv_value *value = snnconv_edit_value(&q->edit, input);
    struct snnconv_quantization *scales = NULL;
    if (is_float(value->array.type) || value->array.type == SNNCONV_TYPE_NONE) {
        value->array.type = SNNCONV_TYPE_F32;
        return SNN_OK;
    }
    int status = find_input_scales(q, input, &scales);
    return status == SNN_OK ? mark_real(q, input, scales) : status;
}

static int widen_constants(struct quantized *q)
{
    struct snnconv_program *program = q->edit.program;
    for (uint32_t i = 0; i < program->value_count; i++) {
        struct snnconv_array *array = &program->values[i].array;
        if (array->data == NULL || !is_float(array->type) || array->type == SNNCONV_TYPE_F32 ||
            q->edit.readers[i] == 0)
            continue;
        struct snnconv_array wide = *array;
        wide.type = SNNCONV_TYPE_F32;
        float *data = snnconv_array_alloc(&wide, q->context, &program->arena);
        if (data == NULL) return SNN_ERR_NOMEM;
        for (size_t k = 0; k < snnconv_array_count(array); k++)
            data[k] = (float)snnconv_array_load(array, k);
        *array = wide;
    }
    return SNN_OK;
}

static int run_all(struct quantized *q)
{
    const struct snnconv_program *program = q->edit.program;
    const uint32_t node_count = program->node_count; /* those added need nothing */
    int status = widen_constants(q);
    for (uint32_t i = 0; i < program->input_count && status == SNN_OK; i++) {
        if (take_input(q, program->inputs[i]) != SNN_OK)
            status = snnconv_problems_add(&q->problems, program->values[program->inputs[i]].name,
                                          SNNCONV_NO_OFFSET);
    }
    for (uint32_t i = 0; i < node_count && status == SNN_OK; i++) {
        if (rewrite(q, i) == SNN_OK) continue;
        const struct snnconv_node *node = snnconv_edit_node(&q->edit, i);
        const struct snnconv_op_info *info = snnconv_op_info(node->op);
        (void)snnbase_where(q->context, "%s", info != NULL ? info->name : "?");
        status = snnconv_problems_add(&q->problems, node->name, node->offset);
        /* What follows is not to blame. */
        if (status == SNN_OK) status = mark_real(q, node->outputs[0], NULL);
    }
    return status;
}

static int quantized(struct snnconv_program *program, struct snn_context *context,
                     struct snnconv_pass_state *state)
{
    (void)state;
    struct quantized q = {.context = context};
    int status = snnconv_edit_begin(&q.edit, program, context);
    if (status != SNN_OK) return status;
    snnconv_problems_init_inner(&q.problems, context, program->path);
    status = run_all(&q);
    snnconv_edit_end(&q.edit);
    snnbase_free(context, q.real);
    int first = snnconv_problems_end(&q.problems);
    if (status == SNN_OK) status = first;
    if (status == SNN_OK && q.changed > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "quantized: %" PRIu32 " operators are of floats now, their scales kept",
                         q.changed);
    return status;
}

const struct snnconv_pass snnconv_pass_quantized = {
    "quantized", "turns quantised operators into float ones that keep their scales", quantized};
