/* QuantizeLinear and DequantizeLinear, and what other operators need of them; see op_quantize.h.
 *
 * Source: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html (opset 21). The division is done
 * in the precision of the scale, as it says.
 */
#include "convert/ir/op_quantize.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "convert/ir/op.h"
#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

/* ---- Which parameters an element has ---- */

struct snnconv_grain snnconv_grain_whole(const struct snnconv_array *x)
{
    return (struct snnconv_grain){
        .outer = 1, .extent = 1, .inner = snnconv_array_count(x), .block = 1};
}

struct snnconv_grain snnconv_grain_axis(const struct snnconv_array *x, uint32_t axis)
{
    struct snnconv_grain grain = {.extent = (size_t)x->dim[axis], .step = 1, .block = 1};
    snnconv_rule_split(x, axis, &grain.outer, &grain.inner);
    return grain;
}

static int fail_parameters(struct snn_context *context, const struct snnconv_array *x,
                           const struct snnconv_array *scale, const char *expected)
{
    char x_text[SNNCONV_ARRAY_TEXT_SIZE], scale_text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(x_text, x);
    snnconv_array_format(scale_text, scale);
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "scales of shape %s for an input of shape %s: %s expected", scale_text,
                        x_text, expected);
}

/* Blocks of block_size neighbours along the axis; the last one may be shorter. */
static int blocked_grain(struct snnconv_grain *out, struct snn_context *context,
                         const struct snnconv_attributes *attributes, const struct snnconv_array *x,
                         const struct snnconv_array *scale)
{
    uint32_t axis = 0;
    int64_t block = attributes->block_size;
    int status = snnconv_rule_axis(context, attributes->axis, x->rank, &axis);
    if (status != SNN_OK) return status;
    if (block < 0) return snnbase_fail(context, SNN_ERR_INVALID, "a block size of %" PRId64, block);
    bool same = scale->rank == x->rank;
    for (uint32_t i = 0; same && i < x->rank; i++) {
        int64_t extent = x->dim[i];
        if (i == axis) extent = extent / block + (extent % block != 0);
        same = scale->dim[i] == extent;
    }
    if (!same) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected),
                       "one per block of %" PRId64 " along axis %" PRIu32, block, axis);
        return fail_parameters(context, x, scale, expected);
    }
    *out = snnconv_grain_axis(x, axis);
    out->block = (size_t)block;
    out->step = out->inner;
    out->outer_step = (size_t)scale->dim[axis] * out->inner;
    out->inner_step = 1;
    return SNN_OK;
}

static int grain_of(struct snnconv_grain *out, struct snn_context *context,
                    const struct snnconv_attributes *attributes, const struct snnconv_array *x,
                    const struct snnconv_array *scale)
{
    uint32_t axis = 0;
    if (attributes->block_size != 0) return blocked_grain(out, context, attributes, x, scale);
    if (scale->rank == 0 || (scale->rank == 1 && scale->dim[0] == 1)) {
        *out = snnconv_grain_whole(x);
        return SNN_OK;
    }
    if (scale->rank != 1) return fail_parameters(context, x, scale, "a scalar or a list");
    int status = snnconv_rule_axis(context, attributes->axis, x->rank, &axis);
    if (status != SNN_OK) return status;
    if (scale->dim[0] != x->dim[axis]) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "%" PRId64 " (axis %" PRIu32 ")", x->dim[axis],
                       axis);
        return fail_parameters(context, x, scale, expected);
    }
    *out = snnconv_grain_axis(x, axis);
    return SNN_OK;
}

/* ---- Types ---- */

static bool is_quantized(enum snnconv_type type)
{
    return type == SNNCONV_TYPE_I8 || type == SNNCONV_TYPE_U8 || type == SNNCONV_TYPE_I16 ||
           type == SNNCONV_TYPE_U16;
}

/* That a zero point has the type wanted and is laid out like its scale. */
static int check_zero_point(struct snn_context *context, const struct snnconv_array *zero_point,
                            enum snnconv_type type, const struct snnconv_array *scale)
{
    if (zero_point == NULL) return SNN_OK;
    if (zero_point->type != type)
        return snnbase_fail(context, SNN_ERR_INVALID, "a zero point of %s for elements of %s",
                            snnconv_type_name(zero_point->type), snnconv_type_name(type));
    bool same = zero_point->rank == scale->rank;
    for (uint32_t i = 0; same && i < scale->rank; i++)
        same = zero_point->dim[i] == scale->dim[i];
    /* A scalar and a list of one are the same to everybody but the specification. */
    if (same || (snnconv_array_count(zero_point) == 1 && snnconv_array_count(scale) == 1))
        return SNN_OK;
    char text[SNNCONV_ARRAY_TEXT_SIZE], scale_text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(text, zero_point);
    snnconv_array_format(scale_text, scale);
    return snnbase_fail(context, SNN_ERR_INVALID, "zero points of shape %s for scales of shape %s",
                        text, scale_text);
}

int snnconv_quantize_check(struct snn_context *context, const char *name,
                           const struct snnconv_array *x, const struct snnconv_array *zero_point)
{
    if (x->type != SNNCONV_TYPE_I8 && x->type != SNNCONV_TYPE_U8)
        return snnbase_fail(context, SNN_ERR_INVALID, "%s is %s, int8 or uint8 expected", name,
                            snnconv_type_name(x->type));
    if (zero_point != NULL && zero_point->type != x->type)
        return snnbase_fail(context, SNN_ERR_INVALID, "%s is %s, its zero point %s", name,
                            snnconv_type_name(x->type), snnconv_type_name(zero_point->type));
    return SNN_OK;
}

int snnconv_quantize_check_scale(struct snn_context *context, const char *name,
                                 const struct snnconv_array *scale)
{
    if (snnconv_type_is_float(scale->type)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID, "%s is %s, floats expected", name,
                        snnconv_type_name(scale->type));
}

/* ---- Numbers ---- */

int snnconv_quantize_center(int16_t **out, struct snn_context *context,
                            const struct snnconv_array *x, const struct snnconv_array *zero_point,
                            const struct snnconv_grain *grain)
{
    int16_t *to = snnbase_alloc_aligned(context, snnconv_array_count(x), sizeof(*to));
    if (to == NULL) return SNN_ERR_NOMEM;
    *out = to;
    size_t at = 0;
    for (size_t o = 0; o < grain->outer; o++) {
        for (size_t e = 0; e < grain->extent; e++) {
            size_t parameter = snnconv_grain_row(grain, o, e);
            for (size_t i = 0; i < grain->inner; i++, at++, parameter += grain->inner_step) {
                int64_t zero = 0;
                if (zero_point != NULL) zero = snnconv_array_load_integer(zero_point, parameter);
                *to++ = (int16_t)(snnconv_array_load_integer(x, at) - zero);
            }
        }
    }
    return SNN_OK;
}

int64_t snnconv_quantize_round(enum snnconv_type type, double steps, int64_t zero_point)
{
    bool is_signed = type == SNNCONV_TYPE_I8 || type == SNNCONV_TYPE_I16;
    int64_t range = snnconv_type_size(type) == 1 ? UINT8_MAX : UINT16_MAX;
    int64_t low = is_signed ? -(range / 2) - 1 : 0;
    double value = isnan(steps) ? 0.0 : nearbyint(steps);
    value += (double)zero_point;
    if (value <= (double)low) return low;
    if (value >= (double)(low + range)) return low + range;
    return (int64_t)value;
}

/* ---- QuantizeLinear ---- */

int snnconv_quantize_linear_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0], *scale = call->inputs[1];
    const struct snnconv_array *zero_point = snnconv_call_input(call, 2);
    enum snnconv_type type = call->attributes->to;
    struct snnconv_grain grain = {.block = 1};
    if (type == SNNCONV_TYPE_NONE) type = zero_point != NULL ? zero_point->type : SNNCONV_TYPE_U8;
    if (!snnconv_type_is_float(x->type) && x->type != SNNCONV_TYPE_I32)
        return snnbase_fail(context, SNN_ERR_INVALID, "elements of %s, floats or int32 expected",
                            snnconv_type_name(x->type));
    if (!is_quantized(type))
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "quantization to %s",
                            snnconv_type_name(type));
    int status = snnconv_quantize_check_scale(context, "y_scale", scale);
    if (status == SNN_OK) status = check_zero_point(context, zero_point, type, scale);
    if (status == SNN_OK) status = grain_of(&grain, context, call->attributes, x, scale);
    if (status != SNN_OK) return status;
    snnconv_rule_same(call);
    call->outputs[0].type = type;
    return SNN_OK;
}

/* x / scale in the precision of the scale. A quotient in float32 of two narrower floats, rounded
 * once more, is what their own division gives: 24 bits are enough for twice 11 and two. */
static double divide(double x, const struct snnconv_array *scale, size_t index)
{
    uint16_t narrow[1];
    double by = snnconv_array_load(scale, index);
    if (scale->type == SNNCONV_TYPE_F64) return x / by;
    double quotient = (double)((float)x / (float)by);
    if (scale->type == SNNCONV_TYPE_F32) return quotient;
    struct snnconv_array rounded = {.type = scale->type, .data = narrow};
    snnconv_array_store(&rounded, 0, quotient);
    return snnconv_array_load(&rounded, 0);
}

int snnconv_quantize_linear_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0], *scale = call->inputs[1];
    const struct snnconv_array *zero_point = snnconv_call_input(call, 2);
    struct snnconv_array *y = &call->outputs[0];
    struct snnconv_grain grain = {.block = 1};
    int status = grain_of(&grain, context, call->attributes, x, scale);
    if (status != SNN_OK) return status;
    size_t at = 0;
    for (size_t o = 0; o < grain.outer; o++) {
        for (size_t e = 0; e < grain.extent; e++) {
            size_t k = snnconv_grain_row(&grain, o, e);
            for (size_t i = 0; i < grain.inner; i++, at++, k += grain.inner_step) {
                double steps = divide(snnconv_array_load(x, at), scale, k);
                int64_t zero = zero_point != NULL ? snnconv_array_load_integer(zero_point, k) : 0;
                snnconv_array_store_integer(y, at, snnconv_quantize_round(y->type, steps, zero));
            }
        }
    }
    return SNN_OK;
}

/* ---- DequantizeLinear ---- */

int snnconv_dequantize_linear_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0], *scale = call->inputs[1];
    const struct snnconv_array *zero_point = snnconv_call_input(call, 2);
    enum snnconv_type type = call->attributes->to;
    struct snnconv_grain grain = {.block = 1};
    if (type == SNNCONV_TYPE_NONE) type = scale->type;
    if (!is_quantized(x->type) && x->type != SNNCONV_TYPE_I32)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "elements of %s, integers of 8 or 16 bits or int32 expected",
                            snnconv_type_name(x->type));
    if (!snnconv_type_is_float(type))
        return snnbase_fail(context, SNN_ERR_INVALID, "values of %s, floats expected",
                            snnconv_type_name(type));
    int status = snnconv_quantize_check_scale(context, "x_scale", scale);
    if (status == SNN_OK) status = check_zero_point(context, zero_point, x->type, scale);
    if (status == SNN_OK) status = grain_of(&grain, context, call->attributes, x, scale);
    if (status != SNN_OK) return status;
    snnconv_rule_same(call);
    call->outputs[0].type = type;
    return SNN_OK;
}

int snnconv_dequantize_linear_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0], *scale = call->inputs[1];
    const struct snnconv_array *zero_point = snnconv_call_input(call, 2);
    struct snnconv_array *y = &call->outputs[0];
    struct snnconv_grain grain = {.block = 1};
    int status = grain_of(&grain, context, call->attributes, x, scale);
    if (status != SNN_OK) return status;
    const bool wide = y->type == SNNCONV_TYPE_F64;
    size_t at = 0;
    for (size_t o = 0; o < grain.outer; o++) {
        for (size_t e = 0; e < grain.extent; e++) {
            size_t k = snnconv_grain_row(&grain, o, e);
            for (size_t i = 0; i < grain.inner; i++, at++, k += grain.inner_step) {
                int64_t zero = zero_point != NULL ? snnconv_array_load_integer(zero_point, k) : 0;
                double steps = (double)(snnconv_array_load_integer(x, at) - zero);
                double step = snnconv_array_load(scale, k);
                snnconv_array_store(y, at,
                                    wide ? steps * step : (double)((float)steps * (float)step));
            }
        }
    }
    return SNN_OK;
}
