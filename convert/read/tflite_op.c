/* The table of TFLite's operators, and the mapping of those without weights or windows.
 *
 * Every operator ends in the value of its output tensor. What TFLite keeps as attributes and the
 * program wants as inputs becomes constants; elementwise operators and reshapes stay on N,H,W,C.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/tflite.h"
#include "libsnn/base/error.h"

typedef int (*convert_fn)(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                          enum snnconv_op ir);

/* ActivationFunctionType */
enum { ACTIVATION_NONE = 0, ACTIVATION_RELU = 1, ACTIVATION_RELU6 = 3, ACTIVATION_COUNT = 6 };

/* Fields of options. */
enum {
    BINARY_ACTIVATION = 0,
    SOFTMAX_BETA = 0,
    CONCATENATION_AXIS = 0,
    CONCATENATION_ACTIVATION = 1,
    RESHAPE_NEW_SHAPE = 0,
    SQUEEZE_DIMS = 0,
    SLICE_BEGIN_MASK = 0,
    SLICE_END_MASK = 1,
    SLICE_ELLIPSIS_MASK = 2,
    SLICE_NEW_AXIS_MASK = 3,
    SLICE_SHRINK_AXIS_MASK = 4,
    SLICE_OFFSET = 5,
    PACK_AXIS = 1,
    LEAKY_RELU_ALPHA = 0
};

/* ---- Nodes ---- */

int snnconv_tflite_emit(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        const struct snnconv_tflite_node *like, uint32_t *value)
{
    char name[SNNCONV_TFLITE_NAME_MAX + 32];
    struct snnconv_node node = {.op = like->ir,
                                .name = name,
                                .offset = op->at,
                                .inputs = like->inputs,
                                .input_count = like->input_count,
                                .outputs = value,
                                .output_count = 1};
    (void)snprintf(name, sizeof(name), "%s%s", op->name, like->suffix);
    if (like->attributes != NULL)
        node.attributes = *like->attributes;
    else
        snnconv_attributes_init(&node.attributes, like->ir);
    if (*value != SNNCONV_NONE) return snnconv_program_add_node(r->program, r->context, &node);
    return snnconv_program_add_op(r->program, r->context, node.op, name, node.offset,
                                  &node.attributes, node.inputs, node.input_count, value);
}

/* A scalar constant. */
static int add_scalar(struct snnconv_tflite *r, float scalar, uint32_t *out)
{
    const struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = 0, .data = &scalar};
    return snnconv_program_add_constant(r->program, r->context, NULL, &array, out);
}

static int emit_clip(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                     const char *suffix, float high, uint32_t from, uint32_t *value)
{
    uint32_t inputs[3] = {from, SNNCONV_NONE, SNNCONV_NONE};
    int status = add_scalar(r, 0.0f, &inputs[1]);
    if (status == SNN_OK) status = add_scalar(r, high, &inputs[2]);
    if (status != SNN_OK) return status;
    return snnconv_tflite_emit(
        r, op, &(struct snnconv_tflite_node){suffix, SNNCONV_OP_CLIP, NULL, inputs, 3}, value);
}

int snnconv_tflite_check_activation(struct snnconv_tflite *r, int64_t activation)
{
    static const char *const names[ACTIVATION_COUNT] = {"NONE",  "RELU", "RELU_N1_TO_1",
                                                        "RELU6", "TANH", "SIGN_BIT"};
    if (activation == ACTIVATION_NONE || activation == ACTIVATION_RELU ||
        activation == ACTIVATION_RELU6)
        return SNN_OK;
    if (activation < 0 || activation >= ACTIVATION_COUNT)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "fused activation number %lld",
                            (long long)activation);
    snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "fused activation %s has no form in a graph",
                 names[activation]);
    return snnbase_hint(r->context, "train with ReLU or ReLU6");
}

int snnconv_tflite_activate(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                            int64_t activation, uint32_t last, uint32_t *value)
{
    uint32_t from = *value, to = last;
    int status = snnconv_tflite_check_activation(r, activation);
    if (status != SNN_OK || activation == ACTIVATION_NONE) return status;
    if (activation == ACTIVATION_RELU)
        status = snnconv_tflite_emit(
            r, op, &(struct snnconv_tflite_node){"/relu", SNNCONV_OP_RELU, NULL, &from, 1}, &to);
    else
        status = emit_clip(r, op, "/relu6", 6.0f, from, &to);
    if (status == SNN_OK) *value = to;
    return status;
}

int snnconv_tflite_axis(struct snnconv_tflite *r, int64_t axis, uint32_t rank, int64_t *out)
{
    int64_t count = rank;
    if (axis < -count || axis >= count)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "axis %lld of %u", (long long)axis, rank);
    *out = axis < 0 ? axis + count : axis;
    return SNN_OK;
}

/* One node of all inputs into the output. */
static int emit_plain(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                      enum snnconv_op ir, const struct snnconv_attributes *attributes,
                      const uint32_t *inputs, uint32_t count)
{
    uint32_t y = SNNCONV_NONE;
    int status = snnconv_tflite_value(r, op->outputs[0], &y);
    if (status != SNN_OK) return status;
    return snnconv_tflite_emit(
        r, op, &(struct snnconv_tflite_node){"", ir, attributes, inputs, count}, &y);
}

/* The same with integers as second input. */
static int emit_with(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                     enum snnconv_op ir, const struct snnconv_attributes *attributes,
                     const int64_t *items, size_t count)
{
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE};
    int status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    if (status == SNN_OK)
        status = snnconv_program_add_integers(r->program, r->context, items, count, &inputs[1]);
    return status == SNN_OK ? emit_plain(r, op, ir, attributes, inputs, 2) : status;
}

/* ---- Elementwise ---- */

static int convert_unary(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                         enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    uint32_t x = SNNCONV_NONE;
    snnconv_attributes_init(&attributes, ir);
    if (op->code == TFLITE_LEAKY_RELU)
        attributes.alpha = snnbase_flat_float(&op->options, LEAKY_RELU_ALPHA, 0.0f);
    int status = snnconv_tflite_value(r, op->inputs[0], &x);
    return status == SNN_OK ? emit_plain(r, op, ir, &attributes, &x, 1) : status;
}

static int convert_clip(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir)
{
    uint32_t x = SNNCONV_NONE, y = SNNCONV_NONE;
    (void)ir; /* always Clip */
    int status = snnconv_tflite_value(r, op->inputs[0], &x);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &y);
    if (status != SNN_OK) return status;
    return emit_clip(r, op, "", op->code == TFLITE_RELU6 ? 6.0f : 1.0f, x, &y);
}

static int convert_binary(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                          enum snnconv_op ir)
{
    int64_t activation = snnbase_flat_signed(&op->options, BINARY_ACTIVATION, 1, 0);
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE}, last = SNNCONV_NONE;
    int status = snnconv_tflite_check_activation(r, activation);
    for (uint32_t i = 0; i < 2 && status == SNN_OK; i++)
        status = snnconv_tflite_value(r, op->inputs[i], &inputs[i]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &last);
    uint32_t y = activation == ACTIVATION_NONE ? last : SNNCONV_NONE;
    if (status == SNN_OK)
        status =
            snnconv_tflite_emit(r, op, &(struct snnconv_tflite_node){"", ir, NULL, inputs, 2}, &y);
    return status == SNN_OK ? snnconv_tflite_activate(r, op, activation, last, &y) : status;
}

/* float16 weights arrive through a DEQUANTIZE of a constant: its output is a constant too. */
static bool alias_constant(struct snnconv_tflite *r, const struct snnconv_tflite_op *op)
{
    const struct snnconv_tflite_tensor *from = &r->tensors[op->inputs[0]];
    struct snnconv_tflite_tensor *to = &r->tensors[op->outputs[0]];
    if (from->data == NULL || to->data != NULL || to->value != SNNCONV_NONE ||
        to->rank != from->rank || memcmp(to->dim, from->dim, sizeof(to->dim)) != 0)
        return false;
    to->type = from->type;
    to->data = from->data;
    to->size = from->size;
    to->quantization = from->quantization;
    return true;
}

/* Values of the program are real numbers: what QUANTIZE and DEQUANTIZE change is how they are
 * stored, and that is said at the values. */
static int convert_quantize(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                            enum snnconv_op ir)
{
    uint32_t x = SNNCONV_NONE;
    if (op->code == TFLITE_DEQUANTIZE && alias_constant(r, op)) return SNN_OK;
    int status = snnconv_tflite_value(r, op->inputs[0], &x);
    return status == SNN_OK ? emit_plain(r, op, ir, NULL, &x, 1) : status;
}

static int convert_cast(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    uint32_t x = SNNCONV_NONE;
    snnconv_attributes_init(&attributes, ir);
    attributes.to = snnconv_tflite_type(r->tensors[op->outputs[0]].type);
    /* Integers that compute shapes are int64 everywhere. */
    if (attributes.to == SNNCONV_TYPE_I32) attributes.to = SNNCONV_TYPE_I64;
    int status = snnconv_tflite_value(r, op->inputs[0], &x);
    return status == SNN_OK ? emit_plain(r, op, ir, &attributes, &x, 1) : status;
}

/* ---- Classes ---- */

static int convert_softmax(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                           enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE}, x = SNNCONV_NONE;
    float beta = 1.0f;
    if (op->code == TFLITE_SOFTMAX && op->options.at != 0)
        beta = snnbase_flat_float(&op->options, SOFTMAX_BETA, 0.0f);
    if (!isfinite(beta) || beta <= 0.0f)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "beta %g", (double)beta);
    snnconv_attributes_init(&attributes, ir);
    attributes.axis = -1;
    int status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    x = inputs[0];
    if (status == SNN_OK && beta != 1.0f) {
        x = SNNCONV_NONE;
        status = add_scalar(r, beta, &inputs[1]);
        if (status == SNN_OK)
            status = snnconv_tflite_emit(
                r, op, &(struct snnconv_tflite_node){"/beta", SNNCONV_OP_MUL, NULL, inputs, 2}, &x);
    }
    return status == SNN_OK ? emit_plain(r, op, ir, &attributes, &x, 1) : status;
}

static int convert_arg_max(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                           enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    uint32_t x = SNNCONV_NONE, count = 0;
    int64_t axis = 0;
    snnconv_attributes_init(&attributes, ir);
    int status = snnconv_tflite_integers(r, op->inputs[1], &axis, 1, &count);
    if (status == SNN_OK && count != 1)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%u axes", count);
    if (status == SNN_OK)
        status = snnconv_tflite_axis(r, axis, r->tensors[op->inputs[0]].rank, &attributes.axis);
    attributes.keepdims = false;
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->inputs[0], &x);
    return status == SNN_OK ? emit_plain(r, op, ir, &attributes, &x, 1) : status;
}

/* ---- Shapes ---- */

static int convert_concatenation(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                                 enum snnconv_op ir)
{
    int64_t activation = snnbase_flat_signed(&op->options, CONCATENATION_ACTIVATION, 1, 0);
    struct snnconv_attributes attributes;
    uint32_t last = SNNCONV_NONE;
    snnconv_attributes_init(&attributes, ir);
    int status = snnconv_tflite_check_activation(r, activation);
    if (status == SNN_OK)
        status = snnconv_tflite_axis(r, snnbase_flat_signed(&op->options, CONCATENATION_AXIS, 4, 0),
                                     r->tensors[op->inputs[0]].rank, &attributes.axis);
    if (status != SNN_OK) return status;
    uint32_t *inputs =
        snnbase_arena_alloc(&r->scratch, r->context, op->input_count, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < op->input_count && status == SNN_OK; i++)
        status = snnconv_tflite_value(r, op->inputs[i], &inputs[i]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &last);
    uint32_t y = activation == ACTIVATION_NONE ? last : SNNCONV_NONE;
    if (status == SNN_OK)
        status = snnconv_tflite_emit(
            r, op, &(struct snnconv_tflite_node){"", ir, &attributes, inputs, op->input_count}, &y);
    return status == SNN_OK ? snnconv_tflite_activate(r, op, activation, last, &y) : status;
}

/* Paddings are [axis][before, behind]; the program wants all before, then all behind. */
static int convert_pad(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                       enum snnconv_op ir)
{
    int64_t pairs[2 * SNNCONV_RANK_MAX], pads[2 * SNNCONV_RANK_MAX];
    uint32_t count = 0, rank = r->tensors[op->inputs[0]].rank;
    uint32_t inputs[3] = {SNNCONV_NONE, SNNCONV_NONE, SNNCONV_NONE};
    bool valued = op->code == TFLITE_PADV2 && op->input_count > 2 && op->inputs[2] >= 0;
    int status = snnconv_tflite_integers(r, op->inputs[1], pairs, 2 * SNNCONV_RANK_MAX, &count);
    if (status != SNN_OK) return status;
    if (count != 2 * rank)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%u paddings for %u dimensions", count,
                            rank);
    for (uint32_t i = 0; i < rank; i++) {
        const int64_t *pair = &pairs[(size_t)i * 2];
        pads[i] = pair[0];
        pads[rank + i] = pair[1];
        if (pads[i] < 0 || pads[rank + i] < 0)
            return snnbase_fail(r->context, SNN_ERR_FORMAT, "a padding of %lld, %lld",
                                (long long)pads[i], (long long)pads[rank + i]);
    }
    status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    if (status == SNN_OK)
        status = snnconv_program_add_integers(r->program, r->context, pads, count, &inputs[1]);
    if (status == SNN_OK && valued) status = snnconv_tflite_value(r, op->inputs[2], &inputs[2]);
    return status == SNN_OK ? emit_plain(r, op, ir, NULL, inputs, valued ? 3 : 2) : status;
}

/* The shape of a RESHAPE that has it among its options. */
static int option_shape(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        int64_t *shape, uint32_t *count)
{
    struct snnbase_flat_vector items = snnbase_flat_vector(&op->options, RESHAPE_NEW_SHAPE, 4);
    if (!snnbase_flat_has(&op->options, RESHAPE_NEW_SHAPE))
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "no shape is given");
    if (items.count > SNNCONV_RANK_MAX)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "%zu dimensions, at most %u",
                            items.count, SNNCONV_RANK_MAX);
    *count = (uint32_t)items.count;
    for (uint32_t i = 0; i < *count; i++)
        shape[i] = snnbase_flat_item_signed(&items, i);
    return SNN_OK;
}

static int convert_reshape(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                           enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    int64_t shape[SNNCONV_RANK_MAX];
    uint32_t count = 0, inputs[2] = {SNNCONV_NONE, SNNCONV_NONE};
    bool given = op->input_count > 1 && op->inputs[1] >= 0;
    int status = SNN_OK;
    snnconv_attributes_init(&attributes, ir);
    if (given && !snnconv_tflite_is_constant(r, op->inputs[1])) {
        status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
        if (status == SNN_OK) status = snnconv_tflite_value(r, op->inputs[1], &inputs[1]);
        if (status != SNN_OK) return status;
        return emit_plain(r, op, ir, &attributes, inputs, 2);
    }
    if (given)
        status = snnconv_tflite_integers(r, op->inputs[1], shape, SNNCONV_RANK_MAX, &count);
    else
        status = option_shape(r, op, shape, &count);
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        if (shape[i] < -1)
            return snnbase_fail(r->context, SNN_ERR_FORMAT, "an extent of %lld",
                                (long long)shape[i]);
        /* Zero means zero here, not "as before". */
        if (shape[i] == 0) attributes.allow_zero = true;
    }
    return status == SNN_OK ? emit_with(r, op, ir, &attributes, shape, count) : status;
}

static int convert_squeeze(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                           enum snnconv_op ir)
{
    struct snnbase_flat_vector dims = snnbase_flat_vector(&op->options, SQUEEZE_DIMS, 4);
    int64_t axes[SNNCONV_RANK_MAX];
    uint32_t x = SNNCONV_NONE;
    if (dims.count > SNNCONV_RANK_MAX)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%zu axes", dims.count);
    for (size_t i = 0; i < dims.count; i++)
        axes[i] = snnbase_flat_item_signed(&dims, i);
    if (dims.count > 0) return emit_with(r, op, ir, NULL, axes, dims.count);
    int status = snnconv_tflite_value(r, op->inputs[0], &x);
    return status == SNN_OK ? emit_plain(r, op, ir, NULL, &x, 1) : status;
}

static int convert_expand_dims(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                               enum snnconv_op ir)
{
    int64_t axis = 0;
    uint32_t count = 0;
    int status = snnconv_tflite_integers(r, op->inputs[1], &axis, 1, &count);
    return status == SNN_OK ? emit_with(r, op, ir, NULL, &axis, count) : status;
}

static int convert_transpose(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                             enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    uint32_t x = SNNCONV_NONE;
    snnconv_attributes_init(&attributes, ir);
    int status = snnconv_tflite_integers(r, op->inputs[1], attributes.perm, SNNCONV_RANK_MAX,
                                         &attributes.perm_count);
    for (uint32_t i = 0; i < attributes.perm_count && status == SNN_OK; i++)
        status =
            snnconv_tflite_axis(r, attributes.perm[i], attributes.perm_count, &attributes.perm[i]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->inputs[0], &x);
    return status == SNN_OK ? emit_plain(r, op, ir, &attributes, &x, 1) : status;
}

/* Scalars and arrays of one shape become one with a new axis. */
static int convert_pack(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    const int64_t axis = snnbase_flat_signed(&op->options, PACK_AXIS, 4, 0);
    uint32_t pair[2] = {SNNCONV_NONE, SNNCONV_NONE};
    uint32_t *parts = snnbase_arena_alloc(&r->scratch, r->context, op->input_count, sizeof(*parts));
    if (parts == NULL) return SNN_ERR_NOMEM;
    snnconv_attributes_init(&attributes, ir);
    attributes.axis = axis;
    int status = snnconv_program_add_integers(r->program, r->context, &axis, 1, &pair[1]);
    for (uint32_t i = 0; i < op->input_count && status == SNN_OK; i++) {
        char suffix[24];
        (void)snprintf(suffix, sizeof(suffix), "/%u", i);
        parts[i] = SNNCONV_NONE;
        status = snnconv_tflite_value(r, op->inputs[i], &pair[0]);
        if (status == SNN_OK)
            status = snnconv_tflite_emit(
                r, op, &(struct snnconv_tflite_node){suffix, SNNCONV_OP_UNSQUEEZE, NULL, pair, 2},
                &parts[i]);
    }
    if (status != SNN_OK) return status;
    return emit_plain(r, op, ir, &attributes, parts, op->input_count);
}

/* ---- Strided slices ---- */

struct slice {
    uint32_t rank; /* of begin, end, strides */
    int64_t begin[SNNCONV_RANK_MAX], end[SNNCONV_RANK_MAX], step[SNNCONV_RANK_MAX];
    int64_t axes[SNNCONV_RANK_MAX];
    uint32_t shrunk; /* axes to be taken away */
    int64_t shrunk_axes[SNNCONV_RANK_MAX];
};

static int64_t mask(const struct snnconv_tflite_op *op, unsigned field)
{
    return snnbase_flat_signed(&op->options, field, 4, 0);
}

/* One axis: masks stand for "from the first", "to the last" and "this one, without the axis". */
static void read_axis(const struct snnconv_tflite_op *op, struct slice *s, uint32_t i)
{
    bool forward = s->step[i] > 0;
    s->axes[i] = i;
    if (snnbase_flat_unsigned(&op->options, SLICE_OFFSET, 1, 0) != 0) s->end[i] += s->begin[i];
    if (mask(op, SLICE_SHRINK_AXIS_MASK) >> i & 1) {
        s->step[i] = 1;
        s->end[i] = s->begin[i] == -1 ? INT64_MAX : s->begin[i] + 1;
        s->shrunk_axes[s->shrunk++] = i;
        return;
    }
    if (mask(op, SLICE_BEGIN_MASK) >> i & 1) s->begin[i] = forward ? 0 : INT64_MAX;
    if (mask(op, SLICE_END_MASK) >> i & 1) s->end[i] = forward ? INT64_MAX : INT64_MIN;
}

static int read_slice(struct snnconv_tflite *r, const struct snnconv_tflite_op *op, struct slice *s)
{
    uint32_t ends = 0, steps = 0;
    if (mask(op, SLICE_ELLIPSIS_MASK) != 0 || mask(op, SLICE_NEW_AXIS_MASK) != 0)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "an ellipsis or a new axis");
    int status = snnconv_tflite_integers(r, op->inputs[1], s->begin, SNNCONV_RANK_MAX, &s->rank);
    if (status == SNN_OK)
        status = snnconv_tflite_integers(r, op->inputs[2], s->end, SNNCONV_RANK_MAX, &ends);
    if (status == SNN_OK)
        status = snnconv_tflite_integers(r, op->inputs[3], s->step, SNNCONV_RANK_MAX, &steps);
    if (status != SNN_OK) return status;
    if (ends != s->rank || steps != s->rank)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%u begins, %u ends, %u strides", s->rank,
                            ends, steps);
    for (uint32_t i = 0; i < s->rank; i++) {
        if (s->step[i] == 0 || s->begin[i] != (int32_t)s->begin[i] ||
            s->end[i] != (int32_t)s->end[i])
            return snnbase_fail(r->context, SNN_ERR_FORMAT, "from %lld to %lld by %lld",
                                (long long)s->begin[i], (long long)s->end[i],
                                (long long)s->step[i]);
        read_axis(op, s, i);
    }
    return SNN_OK;
}

static int convert_strided_slice(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                                 enum snnconv_op ir)
{
    struct slice s = {.rank = 0};
    uint32_t inputs[5], pair[2] = {SNNCONV_NONE, SNNCONV_NONE};
    int status = read_slice(r, op, &s);
    const int64_t *lists[4] = {s.begin, s.end, s.axes, s.step};
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    for (uint32_t i = 0; i < 4 && status == SNN_OK; i++)
        status =
            snnconv_program_add_integers(r->program, r->context, lists[i], s.rank, &inputs[1 + i]);
    if (status != SNN_OK || s.shrunk == 0)
        return status == SNN_OK ? emit_plain(r, op, ir, NULL, inputs, 5) : status;
    status = snnconv_tflite_emit(
        r, op, &(struct snnconv_tflite_node){"/slice", ir, NULL, inputs, 5}, &pair[0]);
    if (status == SNN_OK)
        status =
            snnconv_program_add_integers(r->program, r->context, s.shrunk_axes, s.shrunk, &pair[1]);
    return status == SNN_OK ? emit_plain(r, op, SNNCONV_OP_SQUEEZE, NULL, pair, 2) : status;
}

/* ---- The table ---- */

struct row {
    unsigned code;
    enum snnconv_op ir;    /* what it becomes, above all */
    uint32_t input_min;    /* that must be there */
    uint32_t input_max;    /* 0: any number */
    unsigned options_kind; /* BuiltinOptions; 0: has none */
    convert_fn convert;
};

static const struct row rows[] = {
    {TFLITE_ADD, SNNCONV_OP_ADD, 2, 2, 11, convert_binary},
    {TFLITE_AVERAGE_POOL_2D, SNNCONV_OP_AVERAGE_POOL, 1, 1, 5, snnconv_tflite_pool},
    {TFLITE_CONCATENATION, SNNCONV_OP_CONCAT, 1, 0, 10, convert_concatenation},
    {TFLITE_CONV_2D, SNNCONV_OP_CONV, 2, 3, 1, snnconv_tflite_conv},
    {TFLITE_DEPTHWISE_CONV_2D, SNNCONV_OP_CONV, 2, 3, 2, snnconv_tflite_conv},
    {TFLITE_DEQUANTIZE, SNNCONV_OP_IDENTITY, 1, 1, 38, convert_quantize},
    {TFLITE_FULLY_CONNECTED, SNNCONV_OP_GEMM, 2, 3, 8, snnconv_tflite_dense},
    {TFLITE_LOGISTIC, SNNCONV_OP_SIGMOID, 1, 1, 0, convert_unary},
    {TFLITE_MAX_POOL_2D, SNNCONV_OP_MAX_POOL, 1, 1, 5, snnconv_tflite_pool},
    {TFLITE_MUL, SNNCONV_OP_MUL, 2, 2, 21, convert_binary},
    {TFLITE_RELU, SNNCONV_OP_RELU, 1, 1, 0, convert_unary},
    {TFLITE_RELU6, SNNCONV_OP_CLIP, 1, 1, 0, convert_clip},
    {TFLITE_RESHAPE, SNNCONV_OP_RESHAPE, 1, 2, 17, convert_reshape},
    {TFLITE_SOFTMAX, SNNCONV_OP_SOFTMAX, 1, 1, 9, convert_softmax},
    {TFLITE_PAD, SNNCONV_OP_PAD, 2, 2, 22, convert_pad},
    {TFLITE_TRANSPOSE, SNNCONV_OP_TRANSPOSE, 2, 2, 26, convert_transpose},
    {TFLITE_MEAN, SNNCONV_OP_REDUCE_MEAN, 2, 2, 27, snnconv_tflite_reduce},
    {TFLITE_SUB, SNNCONV_OP_SUB, 2, 2, 28, convert_binary},
    {TFLITE_DIV, SNNCONV_OP_DIV, 2, 2, 29, convert_binary},
    {TFLITE_SQUEEZE, SNNCONV_OP_SQUEEZE, 1, 1, 30, convert_squeeze},
    {TFLITE_STRIDED_SLICE, SNNCONV_OP_SLICE, 4, 4, 32, convert_strided_slice},
    {TFLITE_LOG_SOFTMAX, SNNCONV_OP_LOG_SOFTMAX, 1, 1, 36, convert_softmax},
    {TFLITE_CAST, SNNCONV_OP_CAST, 1, 1, 37, convert_cast},
    {TFLITE_ARG_MAX, SNNCONV_OP_ARG_MAX, 2, 2, 40, convert_arg_max},
    {TFLITE_PADV2, SNNCONV_OP_PAD, 3, 3, 43, convert_pad},
    {TFLITE_EXPAND_DIMS, SNNCONV_OP_UNSQUEEZE, 2, 2, 52, convert_expand_dims},
    {TFLITE_SHAPE, SNNCONV_OP_SHAPE, 1, 1, 55, convert_unary},
    {TFLITE_REDUCE_MAX, SNNCONV_OP_REDUCE_MAX, 2, 2, 27, snnconv_tflite_reduce},
    {TFLITE_PACK, SNNCONV_OP_CONCAT, 1, 0, 59, convert_pack},
    {TFLITE_LEAKY_RELU, SNNCONV_OP_LEAKY_RELU, 1, 1, 75, convert_unary},
    {TFLITE_QUANTIZE, SNNCONV_OP_IDENTITY, 1, 1, 89, convert_quantize},
    {TFLITE_RELU_0_TO_1, SNNCONV_OP_CLIP, 1, 1, 0, convert_clip},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

bool snnconv_tflite_supported(uint32_t index, struct snn_supported *out)
{
    if (index >= ROW_COUNT) return false;
    out->format = "TFLite";
    out->operator_name = snnconv_tflite_builtin(rows[index].code);
    out->becomes = snnconv_op_info(rows[index].ir)->becomes;
    return true;
}

static int refuse(struct snnconv_tflite *r, const struct snnconv_tflite_op *op)
{
    const char *name = snnconv_tflite_builtin(op->code);
    if (op->code == TFLITE_CUSTOM) {
        snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "custom operator '%s' is not read",
                     op->custom);
        return snnbase_hint(r->context, "convert the model with built-in operators only");
    }
    if (name == NULL)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "operator number %u is not known",
                            op->code);
    return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "operator %s is not read", name);
}

/* What an operator must have before its row looks at it. */
static int check_ends(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                      const struct row *row)
{
    const char *name = snnconv_tflite_builtin(op->code);
    uint32_t needed = row->input_max == 0 ? op->input_count : row->input_min;
    if (op->input_count < row->input_min ||
        (row->input_max != 0 && op->input_count > row->input_max) || op->output_count != 1)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%s with %u inputs and %u outputs", name,
                            op->input_count, op->output_count);
    for (uint32_t i = 0; i < needed; i++) {
        if (op->inputs[i] < 0)
            return snnbase_fail(r->context, SNN_ERR_FORMAT, "%s without its input %u", name, i);
    }
    if (op->outputs[0] < 0 || r->tensors[op->outputs[0]].data != NULL)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%s without an output, or into a constant",
                            name);
    if (op->options_kind != 0 && row->options_kind != 0 && op->options_kind != row->options_kind)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "%s with options of kind %u", name,
                            op->options_kind);
    return SNN_OK;
}

/* True if a tensor of the operator has been reported already. */
static bool is_broken(const struct snnconv_tflite *r, const struct snnconv_tflite_op *op)
{
    for (uint32_t i = 0; i < op->input_count; i++) {
        if (op->inputs[i] >= 0 && r->tensors[op->inputs[i]].broken) return true;
    }
    for (uint32_t i = 0; i < op->output_count; i++) {
        if (op->outputs[i] >= 0 && r->tensors[op->outputs[i]].broken) return true;
    }
    return false;
}

int snnconv_tflite_convert(struct snnconv_tflite *r, const struct snnconv_tflite_op *op)
{
    const struct row *row = NULL;
    for (size_t i = 0; i < ROW_COUNT && row == NULL; i++) {
        if (rows[i].code == op->code) row = &rows[i];
    }
    if (row == NULL) return refuse(r, op);
    int status = check_ends(r, op, row);
    if (status != SNN_OK || is_broken(r, op)) return status;
    return row->convert(r, op, row->ir);
}
