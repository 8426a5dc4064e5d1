/* Operators on one value at a time: Relu, LeakyRelu, Sigmoid, Clip, Cast, Dropout, and the shape of
 * IF.
 *
 * float32 takes the straight loops, because whole nets are run through them; every other type goes
 * element by element through load and store. NaN stays NaN.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

/* ---- Relu, LeakyRelu, Sigmoid ---- */

static int check_float(struct snn_context *context, const struct snnconv_array *array)
{
    if (snnconv_type_is_float(array->type)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "an input of %s, floats are expected",
                        snnconv_type_name(array->type));
}

int snnconv_relu_shape(struct snn_context *context, const struct snnconv_call *call)
{
    snnconv_rule_same(call);
    if (call->op == SNNCONV_OP_RELU) return snnconv_rule_numeric(context, call->inputs[0]);
    return check_float(context, call->inputs[0]);
}

static void relu_f32(float *to, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] < 0 ? 0 : from[i];
}

int snnconv_relu_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    struct snnconv_array *to = &call->outputs[0];
    size_t count = snnconv_array_count(from);
    (void)context;
    if (from->type == SNNCONV_TYPE_F32) {
        relu_f32(snnconv_array_room(to), from->data, count);
        return SNN_OK;
    }
    if (from->type == SNNCONV_TYPE_U64) return snnconv_identity_evaluate(context, call);
    for (size_t i = 0; i < count; i++) {
        if (snnconv_type_is_float(from->type)) {
            double value = snnconv_array_load(from, i);
            snnconv_array_store(to, i, value < 0 ? 0 : value);
        } else {
            int64_t value = snnconv_array_load_integer(from, i);
            snnconv_array_store_integer(to, i, value < 0 ? 0 : value);
        }
    }
    return SNN_OK;
}

static void leaky_relu_f32(float *to, const float *from, float alpha, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] < 0 ? alpha * from[i] : from[i];
}

int snnconv_leaky_relu_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    struct snnconv_array *to = &call->outputs[0];
    size_t count = snnconv_array_count(from);
    float alpha = call->attributes->alpha;
    (void)context;
    if (from->type == SNNCONV_TYPE_F32) {
        leaky_relu_f32(snnconv_array_room(to), from->data, alpha, count);
        return SNN_OK;
    }
    for (size_t i = 0; i < count; i++) {
        double value = snnconv_array_load(from, i);
        snnconv_array_store(to, i, value < 0 ? (double)alpha * value : value);
    }
    return SNN_OK;
}

int snnconv_sigmoid_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    size_t count = snnconv_array_count(from);
    (void)context;
    for (size_t i = 0; i < count; i++)
        snnconv_array_store(&call->outputs[0], i, 1 / (1 + exp(-snnconv_array_load(from, i))));
    return SNN_OK;
}

/* ---- Clip ---- */

int snnconv_clip_shape(struct snn_context *context, const struct snnconv_call *call)
{
    static const char *const what[] = {"", "lower", "upper"};
    snnconv_rule_same(call);
    int status = snnconv_rule_numeric(context, call->inputs[0]);
    for (uint32_t i = 1; i < 3 && status == SNN_OK; i++) {
        const struct snnconv_array *bound = snnconv_call_input(call, i);
        if (!bound) continue;
        status = snnconv_rule_same_type(context, call->inputs[0], bound);
        if (status == SNN_OK && snnconv_array_count(bound) != 1)
            status = snnbase_fail(context, SNN_ERR_INVALID, "%zu %s bounds, one is expected",
                                  snnconv_array_count(bound), what[i]);
    }
    return status;
}

/* The upper bound is asked last: it holds where the bounds contradict each other. */
static void clip_float(const struct snnconv_array *from, struct snnconv_array *to, double low,
                       double high)
{
    size_t count = snnconv_array_count(from);
    for (size_t i = 0; i < count; i++) {
        double value = snnconv_array_load(from, i);
        if (value < low) value = low;
        if (value > high) value = high;
        snnconv_array_store(to, i, value);
    }
}

static void clip_f32(float *to, const float *from, size_t count, const float bound[2])
{
    for (size_t i = 0; i < count; i++) {
        float value = from[i] < bound[0] ? bound[0] : from[i];
        to[i] = value > bound[1] ? bound[1] : value;
    }
}

/* Integers, uint64 with its upper bit turned over, so that signed comparison orders them too. */
static void clip_integer(const struct snnconv_call *call, const struct snnconv_array *low,
                         const struct snnconv_array *high)
{
    const struct snnconv_array *from = call->inputs[0];
    size_t count = snnconv_array_count(from);
    uint64_t flip = from->type == SNNCONV_TYPE_U64 ? UINT64_C(1) << 63 : 0;
    int64_t lowest = INT64_MIN, highest = INT64_MAX;
    if (low) lowest = (int64_t)((uint64_t)snnconv_array_load_integer(low, 0) ^ flip);
    if (high) highest = (int64_t)((uint64_t)snnconv_array_load_integer(high, 0) ^ flip);
    for (size_t i = 0; i < count; i++) {
        int64_t value = (int64_t)((uint64_t)snnconv_array_load_integer(from, i) ^ flip);
        if (value < lowest) value = lowest;
        if (value > highest) value = highest;
        snnconv_array_store_integer(&call->outputs[0], i, (int64_t)((uint64_t)value ^ flip));
    }
}

int snnconv_clip_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    const struct snnconv_array *low = snnconv_call_input(call, 1);
    const struct snnconv_array *high = snnconv_call_input(call, 2);
    struct snnconv_array *to = &call->outputs[0];
    (void)context;
    if (!snnconv_type_is_float(from->type)) {
        clip_integer(call, low, high);
        return SNN_OK;
    }
    double lowest = low ? snnconv_array_load(low, 0) : -(double)INFINITY;
    double highest = high ? snnconv_array_load(high, 0) : (double)INFINITY;
    if (from->type == SNNCONV_TYPE_F32)
        clip_f32(snnconv_array_room(to), from->data, snnconv_array_count(from),
                 (const float[2]){(float)lowest, (float)highest});
    else
        clip_float(from, to, lowest, highest);
    return SNN_OK;
}

/* ---- Cast ---- */

int snnconv_cast_shape(struct snn_context *context, const struct snnconv_call *call)
{
    enum snnconv_type to = call->attributes->to;
    if (to <= SNNCONV_TYPE_NONE || to >= SNNCONV_TYPE_COUNT)
        return snnbase_fail(context, SNN_ERR_INVALID, "a cast to no type");
    snnconv_rule_same(call);
    call->outputs[0].type = to;
    return SNN_OK;
}

/* The specification leaves open how a cast to bfloat16 rounds; its node tests
 * (test_cast_FLOAT_to_BFLOAT16) cut the lower bits off, and so does this. */
static void cast_to_brain(uint16_t *to, const struct snnconv_array *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float value = (float)snnconv_array_load(from, i);
        uint32_t bits;
        memcpy(&bits, &value, sizeof(bits));
        to[i] = isnan(value) ? 0x7fc0 : (uint16_t)(bits >> 16);
    }
}

int snnconv_cast_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    struct snnconv_array *to = &call->outputs[0];
    bool exact = !snnconv_type_is_float(from->type) && !snnconv_type_is_float(to->type);
    size_t count = snnconv_array_count(from);
    if (from->type == to->type) return snnconv_identity_evaluate(context, call);
    if (to->type == SNNCONV_TYPE_BF16) {
        cast_to_brain(snnconv_array_room(to), from, count);
        return SNN_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (exact)
            snnconv_array_store_integer(to, i, snnconv_array_load_integer(from, i));
        else
            snnconv_array_store(to, i, snnconv_array_load(from, i));
    }
    return SNN_OK;
}

/* ---- Dropout ---- */

int snnconv_dropout_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *ratio = snnconv_call_input(call, 1);
    const struct snnconv_array *training = snnconv_call_input(call, 2);
    if ((ratio && snnconv_array_count(ratio) != 1) ||
        (training && snnconv_array_count(training) != 1))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "ratio and training mode must be one value each");
    snnconv_rule_same(call);
    if (call->output_count > 1) {
        call->outputs[1] = call->outputs[0];
        call->outputs[1].type = SNNCONV_TYPE_BOOL;
    }
    return SNN_OK;
}

int snnconv_dropout_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *ratio = snnconv_call_input(call, 1);
    const struct snnconv_array *training = snnconv_call_input(call, 2);
    double dropped = ratio ? snnconv_array_load(ratio, 0) : 0.5;
    if (training && snnconv_array_load_integer(training, 0) != 0 && dropped != 0) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "dropout of %g in training mode is random",
                     dropped);
        return snnbase_hint(context, "export the model in inference mode");
    }
    if (call->output_count > 1)
        memset(snnconv_array_room(&call->outputs[1]), 1, snnconv_array_count(&call->outputs[1]));
    return snnconv_identity_evaluate(context, call);
}

/* ---- IF ---- */

/* A parameter of neurons broadcasts to a frame of them, the batch axis left out, and no further. */
static int check_neurons(struct snn_context *context, const struct snnconv_array *x,
                         const struct snnconv_array *parameter)
{
    struct snnconv_array frame = {.type = x->type, .rank = x->rank - 1}, both;
    for (uint32_t i = 0; i < frame.rank; i++)
        frame.dim[i] = x->dim[i + 1];
    int status = check_float(context, parameter);
    if (status == SNN_OK) status = snnconv_rule_broadcast(context, &frame, parameter, &both);
    if (status != SNN_OK) return status;
    if (both.rank != frame.rank || memcmp(both.dim, frame.dim, sizeof(both.dim)) != 0) {
        char have[SNNCONV_ARRAY_TEXT_SIZE], want[SNNCONV_ARRAY_TEXT_SIZE];
        snnconv_array_format(have, parameter);
        snnconv_array_format(want, &frame);
        return snnbase_fail(context, SNN_ERR_INVALID, "parameters of shape %s for neurons %s", have,
                            want);
    }
    return SNN_OK;
}

int snnconv_if_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0];
    int status = check_float(context, x);
    if (status == SNN_OK && x->rank == 0)
        status = snnbase_fail(context, SNN_ERR_INVALID, "neurons without a batch axis");
    for (uint32_t i = 1; i < call->input_count && status == SNN_OK; i++) {
        if (call->inputs[i]) status = check_neurons(context, x, call->inputs[i]);
    }
    snnconv_rule_same(call);
    return status;
}
