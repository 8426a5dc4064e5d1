/* Operators that leave elements in order and give them another shape, and those that compute
 * shapes: Reshape, Squeeze, Unsqueeze, Flatten, Identity, Shape, ConstantOfShape.
 *
 * Target shapes come from files as lists of integers of any value; they are multiplied with checks,
 * and an output has exactly the elements of its input.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* ---- Reshape ---- */

static int fail_target(struct snn_context *context, const struct snnconv_array *from,
                       const struct snnconv_array *to)
{
    char have[SNNCONV_ARRAY_TEXT_SIZE], want[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(have, from);
    snnconv_array_format(want, to);
    return snnbase_fail(context, SNN_ERR_INVALID, "%s has other elements than %s", have, want);
}

/* The extents as the list names them: 0 copies that of the input, one -1 stands for the rest. */
static int read_target(struct snn_context *context, const struct snnconv_call *call,
                       struct snnconv_array *target, uint32_t *rest_out)
{
    const struct snnconv_array *from = call->inputs[0];
    *rest_out = SNNCONV_RANK_MAX;
    int status = snnconv_rule_integers(context, call->inputs[1], "extents of the new shape",
                                       target->dim, SNNCONV_RANK_MAX, &target->rank);
    for (uint32_t i = 0; i < target->rank && status == SNN_OK; i++) {
        if (target->dim[i] == 0 && !call->attributes->allow_zero) {
            if (i >= from->rank) return fail_target(context, from, target);
            target->dim[i] = from->dim[i];
        } else if (target->dim[i] == -1 && *rest_out == SNNCONV_RANK_MAX) {
            *rest_out = i;
        } else if (target->dim[i] < 0) {
            return fail_target(context, from, target);
        }
    }
    return status;
}

int snnconv_reshape_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    struct snnconv_array target = {.type = from->type};
    size_t count = snnconv_array_count(from), known = 1;
    uint32_t rest;
    int status = read_target(context, call, &target, &rest);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < target.rank; i++) {
        if (i != rest && !snnbase_size_mul(known, (size_t)target.dim[i], &known))
            return fail_target(context, from, &target);
    }
    if (rest < target.rank) {
        if (known == 0 || count % known != 0) return fail_target(context, from, &target);
        target.dim[rest] = (int64_t)(count / known);
    } else if (known != count) {
        return fail_target(context, from, &target);
    }
    call->outputs[0] = target;
    return SNN_OK;
}

/* ---- Squeeze, Unsqueeze, Flatten ---- */

/* Axes of a tensor of `rank` that an input lists, as marks. */
static int read_axes(struct snn_context *context, const struct snnconv_array *list, uint32_t rank,
                     bool marked[SNNCONV_RANK_MAX])
{
    int64_t axes[SNNCONV_RANK_MAX];
    uint32_t count, axis;
    memset(marked, 0, SNNCONV_RANK_MAX * sizeof(*marked));
    int status = snnconv_rule_integers(context, list, "axes", axes, SNNCONV_RANK_MAX, &count);
    for (uint32_t i = 0; status == SNN_OK && i < count; i++) {
        status = snnconv_rule_axis(context, axes[i], rank, &axis);
        if (status != SNN_OK) return status;
        if (marked[axis])
            return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRId64 " twice", axes[i]);
        marked[axis] = true;
    }
    return status;
}

int snnconv_squeeze_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0], *axes = snnconv_call_input(call, 1);
    struct snnconv_array *to = &call->outputs[0];
    bool marked[SNNCONV_RANK_MAX];
    if (axes) {
        int status = read_axes(context, axes, from->rank, marked);
        if (status != SNN_OK) return status;
    }
    to->type = from->type;
    for (uint32_t i = 0; i < from->rank; i++) {
        bool dropped = axes ? marked[i] : from->dim[i] == 1;
        if (!dropped)
            to->dim[to->rank++] = from->dim[i];
        else if (from->dim[i] != 1)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "axis %" PRIu32 " of %" PRId64 " elements cannot be squeezed", i,
                                from->dim[i]);
    }
    return SNN_OK;
}

int snnconv_unsqueeze_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    struct snnconv_array *to = &call->outputs[0];
    size_t rank = from->rank + snnconv_array_count(call->inputs[1]);
    bool marked[SNNCONV_RANK_MAX];
    uint32_t next = 0;
    if (rank > SNNCONV_RANK_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a tensor of %zu axes, at most %u", rank,
                            SNNCONV_RANK_MAX);
    int status = read_axes(context, call->inputs[1], (uint32_t)rank, marked);
    if (status != SNN_OK) return status;
    to->type = from->type;
    to->rank = (uint32_t)rank;
    for (uint32_t i = 0; i < to->rank; i++)
        to->dim[i] = marked[i] ? 1 : from->dim[next++];
    return SNN_OK;
}

int snnconv_flatten_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    int64_t axis = call->attributes->axis;
    size_t rows = 1, columns = 1;
    if (axis < -(int64_t)from->rank || axis > (int64_t)from->rank)
        return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRId64 " of a tensor of %" PRIu32,
                            axis, from->rank);
    if (axis < 0) axis += from->rank;
    for (uint32_t i = 0; i < from->rank; i++) {
        if (i < axis)
            rows *= (size_t)from->dim[i];
        else
            columns *= (size_t)from->dim[i];
    }
    call->outputs[0] = (struct snnconv_array){
        .type = from->type, .rank = 2, .dim = {(int64_t)rows, (int64_t)columns}};
    return SNN_OK;
}

/* ---- Identity ---- */

int snnconv_identity_shape(struct snn_context *context, const struct snnconv_call *call)
{
    (void)context;
    snnconv_rule_same(call);
    return SNN_OK;
}

int snnconv_identity_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    (void)context;
    memcpy(snnconv_array_room(&call->outputs[0]), from->data,
           snnconv_array_count(from) * snnconv_type_size(from->type));
    return SNN_OK;
}

/* ---- Shape, ConstantOfShape ---- */

/* A bound of Shape: counted from the end if negative, then cut to 0 .. rank. */
static int64_t shape_bound(int64_t bound, int64_t rank)
{
    if (bound < 0) bound += rank;
    return bound < 0 ? 0 : bound > rank ? rank : bound;
}

int snnconv_shape_shape(struct snn_context *context, const struct snnconv_call *call)
{
    int64_t rank = call->inputs[0]->rank;
    int64_t start = shape_bound(call->attributes->start, rank);
    int64_t end = shape_bound(call->attributes->end, rank);
    (void)context;
    call->outputs[0] = (struct snnconv_array){
        .type = SNNCONV_TYPE_I64, .rank = 1, .dim = {end > start ? end - start : 0}};
    return SNN_OK;
}

int snnconv_shape_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    int64_t start = shape_bound(call->attributes->start, from->rank);
    int64_t *to = snnconv_array_room(&call->outputs[0]);
    (void)context;
    for (int64_t i = 0; i < call->outputs[0].dim[0]; i++)
        to[i] = from->dim[start + i];
    return SNN_OK;
}

int snnconv_constant_of_shape_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *value = &call->attributes->value;
    struct snnconv_array *to = &call->outputs[0];
    to->type = value->data ? value->type : SNNCONV_TYPE_F32;
    return snnconv_rule_integers(context, call->inputs[0], "extents of the shape", to->dim,
                                 SNNCONV_RANK_MAX, &to->rank);
}

int snnconv_constant_of_shape_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *value = &call->attributes->value;
    size_t size = snnconv_type_size(value->type), count = snnconv_array_count(&call->outputs[0]);
    unsigned char *to = snnconv_array_room(&call->outputs[0]);
    (void)context;
    if (!value->data) return SNN_OK; /* new data is zero */
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * size, value->data, size);
    return SNN_OK;
}
