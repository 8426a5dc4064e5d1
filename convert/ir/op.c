/* The table of operators, and the two ways in to their rules: shape, and shape with values.
 *
 * Checks that hold for every operator are here, so that a rule need not: input counts, inputs of
 * known shape, outputs within the limits. Which formats' operators become one of these is the
 * readers' business; what becomes of them, the passes'.
 */
#include "convert/ir/op.h"

#include <inttypes.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

#define ANY UINT32_MAX
#define SPIKING SNNCONV_SUPPORT_SPIKING
#define FRAME SNNCONV_SUPPORT_FRAME
#define LAST SNNCONV_SUPPORT_LAST
#define FOLDED SNNCONV_SUPPORT_FOLDED

/* clang-format off */
/* name, inputs at least and at most, outputs | support, what becomes of it | rules */
static const struct snnconv_op_info table[SNNCONV_OP_COUNT] = {
    [SNNCONV_OP_ADD] = {"Add", 2, 2, 1,
        SPIKING, "an addition of branches; a constant goes into the bias before it",
        snnconv_arithmetic_shape, snnconv_arithmetic_evaluate},
    [SNNCONV_OP_ARG_MAX] = {"ArgMax", 1, 1, 1,
        LAST, "dropped at the end of a net: the decision is the class of most output",
        snnconv_arg_max_shape, snnconv_arg_max_evaluate},
    [SNNCONV_OP_AVERAGE_POOL] = {"AveragePool", 1, 1, 1,
        SPIKING, "an average pool",
        snnconv_average_pool_shape, snnconv_average_pool_evaluate},
    [SNNCONV_OP_BATCH_NORMALIZATION] = {"BatchNormalization", 5, 5, 3,
        SPIKING, "folded into the weights beside it, else a convolution channel by channel",
        snnconv_batch_normalization_shape, snnconv_batch_normalization_evaluate},
    [SNNCONV_OP_CAST] = {"Cast", 1, 1, 1,
        FOLDED, "computed at conversion; between floats nothing",
        snnconv_cast_shape, snnconv_cast_evaluate},
    [SNNCONV_OP_CLIP] = {"Clip", 1, 3, 1,
        SPIKING, "with bounds 0 and m a clipped activation, with 0 alone a ReLU",
        snnconv_clip_shape, snnconv_clip_evaluate},
    [SNNCONV_OP_CONCAT] = {"Concat", 1, ANY, 1,
        SPIKING, "a concatenation of channels",
        snnconv_concat_shape, snnconv_concat_evaluate},
    [SNNCONV_OP_CONSTANT_OF_SHAPE] = {"ConstantOfShape", 1, 1, 1,
        FOLDED, "computed at conversion",
        snnconv_constant_of_shape_shape, snnconv_constant_of_shape_evaluate},
    [SNNCONV_OP_CONV] = {"Conv", 2, 3, 1,
        SPIKING, "a convolution, with groups, dilation and any padding",
        snnconv_conv_shape, snnconv_conv_evaluate},
    [SNNCONV_OP_CONV_INTEGER] = {"ConvInteger", 2, 4, 1,
        SPIKING, "a convolution whose integers are kept",
        snnconv_conv_integer_shape, snnconv_conv_integer_evaluate},
    [SNNCONV_OP_DEQUANTIZE_LINEAR] = {"DequantizeLinear", 2, 3, 1,
        SPIKING, "scale and zero point of a layer's integers",
        snnconv_dequantize_linear_shape, snnconv_dequantize_linear_evaluate},
    [SNNCONV_OP_DIV] = {"Div", 2, 2, 1,
        SPIKING, "by a constant: folded into the weights beside it",
        snnconv_arithmetic_shape, snnconv_arithmetic_evaluate},
    [SNNCONV_OP_DROPOUT] = {"Dropout", 1, 3, 2,
        SPIKING, "nothing: it does nothing after training",
        snnconv_dropout_shape, snnconv_dropout_evaluate},
    [SNNCONV_OP_FLATTEN] = {"Flatten", 1, 1, 1,
        SPIKING, "a flatten layer",
        snnconv_flatten_shape, snnconv_identity_evaluate},
    [SNNCONV_OP_GATHER] = {"Gather", 2, 2, 1,
        FOLDED, "computed at conversion",
        snnconv_gather_shape, snnconv_gather_evaluate},
    [SNNCONV_OP_GEMM] = {"Gemm", 2, 3, 1,
        SPIKING, "a dense layer",
        snnconv_gemm_shape, snnconv_gemm_evaluate},
    [SNNCONV_OP_GLOBAL_AVERAGE_POOL] = {"GlobalAveragePool", 1, 1, 1,
        SPIKING, "an average pool over all positions",
        snnconv_global_average_pool_shape, snnconv_global_average_pool_evaluate},
    [SNNCONV_OP_GLOBAL_MAX_POOL] = {"GlobalMaxPool", 1, 1, 1,
        SPIKING, "a max pool over all positions",
        snnconv_global_max_pool_shape, snnconv_global_max_pool_evaluate},
    [SNNCONV_OP_IDENTITY] = {"Identity", 1, 1, 1,
        SPIKING, "nothing",
        snnconv_identity_shape, snnconv_identity_evaluate},
    [SNNCONV_OP_LEAKY_RELU] = {"LeakyRelu", 1, 1, 1,
        FRAME, "a leaky activation, for frame-based targets",
        snnconv_relu_shape, snnconv_leaky_relu_evaluate},
    [SNNCONV_OP_LOG_SOFTMAX] = {"LogSoftmax", 1, 1, 1,
        LAST, "dropped at the end of a net: it keeps the order of the classes",
        snnconv_softmax_shape, snnconv_softmax_evaluate},
    [SNNCONV_OP_MAT_MUL] = {"MatMul", 2, 2, 1,
        SPIKING, "with a constant matrix a dense layer",
        snnconv_mat_mul_shape, snnconv_mat_mul_evaluate},
    [SNNCONV_OP_MAT_MUL_INTEGER] = {"MatMulInteger", 2, 4, 1,
        SPIKING, "with a constant matrix a dense layer whose integers are kept",
        snnconv_mat_mul_integer_shape, snnconv_mat_mul_integer_evaluate},
    [SNNCONV_OP_MAX_POOL] = {"MaxPool", 1, 1, 2,
        SPIKING, "a max pool",
        snnconv_max_pool_shape, snnconv_max_pool_evaluate},
    [SNNCONV_OP_MUL] = {"Mul", 2, 2, 1,
        SPIKING, "by a constant: folded into the weights beside it",
        snnconv_arithmetic_shape, snnconv_arithmetic_evaluate},
    [SNNCONV_OP_PAD] = {"Pad", 2, 4, 1,
        SPIKING, "with zeros: the padding of the layer behind it",
        snnconv_pad_shape, snnconv_pad_evaluate},
    [SNNCONV_OP_QLINEAR_CONV] = {"QLinearConv", 8, 9, 1,
        SPIKING, "a convolution whose integers are kept",
        snnconv_qlinear_conv_shape, snnconv_qlinear_conv_evaluate},
    [SNNCONV_OP_QLINEAR_MAT_MUL] = {"QLinearMatMul", 8, 8, 1,
        SPIKING, "with a constant matrix a dense layer whose integers are kept",
        snnconv_qlinear_mat_mul_shape, snnconv_qlinear_mat_mul_evaluate},
    [SNNCONV_OP_QUANTIZE_LINEAR] = {"QuantizeLinear", 2, 3, 1,
        SPIKING, "scale and zero point of a layer's integers",
        snnconv_quantize_linear_shape, snnconv_quantize_linear_evaluate},
    [SNNCONV_OP_REDUCE_MAX] = {"ReduceMax", 1, 2, 1,
        SPIKING, "over rows and columns: a max pool over all positions",
        snnconv_reduce_max_shape, snnconv_reduce_max_evaluate},
    [SNNCONV_OP_REDUCE_MEAN] = {"ReduceMean", 1, 2, 1,
        SPIKING, "over rows and columns: an average pool over all positions",
        snnconv_reduce_mean_shape, snnconv_reduce_mean_evaluate},
    [SNNCONV_OP_RELU] = {"Relu", 1, 1, 1,
        SPIKING, "the activation of the layer before it, hence integrate-and-fire neurons",
        snnconv_relu_shape, snnconv_relu_evaluate},
    [SNNCONV_OP_RESHAPE] = {"Reshape", 2, 2, 1,
        SPIKING, "a flatten layer, or nothing",
        snnconv_reshape_shape, snnconv_identity_evaluate},
    [SNNCONV_OP_SHAPE] = {"Shape", 1, 1, 1,
        FOLDED, "computed at conversion",
        snnconv_shape_shape, snnconv_shape_evaluate},
    [SNNCONV_OP_SIGMOID] = {"Sigmoid", 1, 1, 1,
        LAST, "dropped at the end of a net: it keeps the order of the classes",
        snnconv_relu_shape, snnconv_sigmoid_evaluate},
    [SNNCONV_OP_SLICE] = {"Slice", 3, 5, 1,
        FOLDED, "computed at conversion",
        snnconv_slice_shape, snnconv_slice_evaluate},
    [SNNCONV_OP_SOFTMAX] = {"Softmax", 1, 1, 1,
        LAST, "dropped at the end of a net: it keeps the order of the classes",
        snnconv_softmax_shape, snnconv_softmax_evaluate},
    [SNNCONV_OP_SQUEEZE] = {"Squeeze", 1, 2, 1,
        SPIKING, "a flatten layer, or nothing",
        snnconv_squeeze_shape, snnconv_identity_evaluate},
    [SNNCONV_OP_SUB] = {"Sub", 2, 2, 1,
        SPIKING, "of a constant: folded into the bias beside it",
        snnconv_arithmetic_shape, snnconv_arithmetic_evaluate},
    [SNNCONV_OP_SUM] = {"Sum", 1, ANY, 1,
        SPIKING, "an addition of branches",
        snnconv_arithmetic_shape, snnconv_arithmetic_evaluate},
    [SNNCONV_OP_TRANSPOSE] = {"Transpose", 1, 1, 1,
        SPIKING, "nothing: weights are reordered where it changes the order of elements",
        snnconv_transpose_shape, snnconv_transpose_evaluate},
    [SNNCONV_OP_UNSQUEEZE] = {"Unsqueeze", 2, 2, 1,
        SPIKING, "nothing: an axis of one element",
        snnconv_unsqueeze_shape, snnconv_identity_evaluate},
    [SNNCONV_OP_SUM_POOL] = {"SumPool", 1, 1, 1,
        SPIKING, "a sum pool",
        snnconv_sum_pool_shape, snnconv_sum_pool_evaluate},
    [SNNCONV_OP_IF] = {"IF", 2, 4, 1,
        SPIKING, "integrate-and-fire neurons with thresholds of their own",
        snnconv_if_shape, NULL},
};
/* clang-format on */

const struct snnconv_op_info *snnconv_op_info(enum snnconv_op op)
{
    return (unsigned)op < SNNCONV_OP_COUNT ? &table[op] : NULL;
}

bool snnconv_op_find(enum snnconv_op *out, const char *name)
{
    for (unsigned op = 0; op < SNNCONV_OP_COUNT; op++) {
        if (strcmp(table[op].name, name) != 0) continue;
        *out = (enum snnconv_op)op;
        return true;
    }
    return false;
}

static int check_counts(struct snn_context *context, const struct snnconv_call *call,
                        const struct snnconv_op_info *info)
{
    if (call->input_count < info->input_min)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%s with %" PRIu32 " inputs, at least %" PRIu32 " are needed",
                            info->name, call->input_count, info->input_min);
    if (call->input_count > info->input_max)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%s with %" PRIu32 " inputs, at most %" PRIu32 " are known", info->name,
                            call->input_count, info->input_max);
    if (call->output_count == 0 || call->output_count > info->output_max)
        return snnbase_fail(context, SNN_ERR_INVALID, "%s with %" PRIu32 " outputs, %s%" PRIu32,
                            info->name, call->output_count, info->output_max > 1 ? "1 to " : "",
                            info->output_max);
    return SNN_OK;
}

static int check_inputs(struct snn_context *context, const struct snnconv_call *call,
                        const struct snnconv_op_info *info)
{
    uint32_t needed = info->input_max == ANY ? call->input_count : info->input_min;
    for (uint32_t i = 0; i < call->input_count; i++) {
        const struct snnconv_array *input = call->inputs[i];
        if (!input && i < needed)
            return snnbase_fail(context, SNN_ERR_INVALID, "%s without input %" PRIu32, info->name,
                                i);
        if (input && input->type == SNNCONV_TYPE_NONE)
            return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                                "%s: type and shape of input %" PRIu32 " are not known", info->name,
                                i);
    }
    return SNN_OK;
}

int snnconv_op_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_op_info *info = snnconv_op_info(call->op);
    if (!info || !info->shape)
        return snnbase_fail(context, SNN_ERR_INTERNAL, "operator %d has no rule", (int)call->op);
    int status = check_counts(context, call, info);
    if (status == SNN_OK) status = check_inputs(context, call, info);
    if (status != SNN_OK) return status;
    memset(call->outputs, 0, call->output_count * sizeof(*call->outputs));
    status = info->shape(context, call);
    for (uint32_t i = 0; i < call->output_count && status == SNN_OK; i++)
        status = snnconv_array_check(context, &call->outputs[i]);
    return status;
}

int snnconv_op_evaluate(struct snn_context *context, const struct snnconv_call *call,
                        struct snnbase_arena *arena)
{
    int status = snnconv_op_shape(context, call);
    if (status != SNN_OK) return status;
    const struct snnconv_op_info *info = snnconv_op_info(call->op);
    if (!info->evaluate)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s has no values of its own",
                            info->name);
    for (uint32_t i = 0; i < call->input_count; i++) {
        if (call->op != SNNCONV_OP_SHAPE && call->inputs[i] && !call->inputs[i]->data)
            return snnbase_fail(context, SNN_ERR_INVALID, "%s: input %" PRIu32 " has no values",
                                info->name, i);
    }
    for (uint32_t i = 0; i < call->output_count; i++) {
        if (!snnconv_array_alloc(&call->outputs[i], context, arena)) return SNN_ERR_NOMEM;
    }
    return info->evaluate(context, call);
}
