/* What the rules of several operators share: axes, lists of integers, broadcasting.
 *
 * Lists come from files: their length and every item are checked here or by the rule itself.
 */
#include "convert/ir/op_rules.h"

#include <inttypes.h>

#include "libsnn/base/error.h"

int snnconv_rule_axis(struct snn_context *context, int64_t axis, uint32_t rank, uint32_t *out)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRId64 " of a tensor of %" PRIu32,
                            axis, rank);
    *out = (uint32_t)(axis < 0 ? axis + (int64_t)rank : axis);
    return SNN_OK;
}

int snnconv_rule_integers(struct snn_context *context, const struct snnconv_array *array,
                          const char *what, int64_t *items, uint32_t max, uint32_t *count_out)
{
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    if (array->type != SNNCONV_TYPE_I64 && array->type != SNNCONV_TYPE_I32)
        return snnbase_fail(context, SNN_ERR_INVALID, "the %s are %s, not integers", what,
                            snnconv_type_name(array->type));
    size_t count = snnconv_array_count(array);
    if (array->rank > 1 || count > max) {
        snnconv_array_format(text, array);
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "the %s are of shape %s, at most %" PRIu32 " integers are expected",
                            what, text, max);
    }
    if (!array->data)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "the %s are computed while the net runs, not constant", what);
    for (size_t i = 0; i < count; i++)
        items[i] = snnconv_array_load_integer(array, i);
    *count_out = (uint32_t)count;
    return SNN_OK;
}

int snnconv_rule_broadcast(struct snn_context *context, const struct snnconv_array *a,
                           const struct snnconv_array *b, struct snnconv_array *out)
{
    struct snnconv_array shape = {.type = a->type};
    shape.rank = a->rank > b->rank ? a->rank : b->rank;
    for (uint32_t i = 0; i < shape.rank; i++) { /* i-th from the end */
        int64_t x = i < a->rank ? a->dim[a->rank - 1 - i] : 1;
        int64_t y = i < b->rank ? b->dim[b->rank - 1 - i] : 1;
        if (x != y && x != 1 && y != 1) {
            char first[SNNCONV_ARRAY_TEXT_SIZE], second[SNNCONV_ARRAY_TEXT_SIZE];
            snnconv_array_format(first, a);
            snnconv_array_format(second, b);
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "tensors of shape %s and %s do not broadcast", first, second);
        }
        shape.dim[shape.rank - 1 - i] = x == 1 ? y : x;
    }
    *out = shape;
    return SNN_OK;
}

void snnconv_rule_same(const struct snnconv_call *call)
{
    call->outputs[0] = *call->inputs[0];
    call->outputs[0].data = NULL;
}

int snnconv_rule_numeric(struct snn_context *context, const struct snnconv_array *array)
{
    if (array->type != SNNCONV_TYPE_BOOL) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "an input of bool, numbers are expected");
}

int snnconv_rule_same_type(struct snn_context *context, const struct snnconv_array *a,
                           const struct snnconv_array *b)
{
    if (a->type == b->type) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID, "inputs of %s and %s, one type is expected",
                        snnconv_type_name(a->type), snnconv_type_name(b->type));
}

void snnconv_rule_strides(const struct snnconv_array *array, size_t stride[SNNCONV_RANK_MAX])
{
    size_t elements = 1;
    for (uint32_t i = array->rank; i-- > 0;) {
        stride[i] = elements;
        elements *= (size_t)array->dim[i];
    }
}

void snnconv_rule_split(const struct snnconv_array *array, uint32_t axis, size_t *outer_out,
                        size_t *inner_out)
{
    size_t outer = 1, inner = 1;
    for (uint32_t i = 0; i < axis && i < array->rank; i++)
        outer *= (size_t)array->dim[i];
    for (uint32_t i = axis + 1; i < array->rank; i++)
        inner *= (size_t)array->dim[i];
    *outer_out = outer;
    *inner_out = inner;
}
