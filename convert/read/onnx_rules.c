/* What is known of ONNX's operators, as tables: since which opset there are, which attributes they
 * had in which opsets, and where those go in the newest form; and why others are not read.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md, opsets 1 to 21. An attribute
 * that no row names is refused: it would change what is computed without our knowing.
 */
#include <stddef.h>
#include <string.h>

#include "convert/read/onnx.h"
#include "libsnn/base/error.h"

static const struct snnconv_onnx_operator operators[] = {
    {"Add", 1, SNNCONV_OP_ADD},
    {"ArgMax", 1, SNNCONV_OP_ARG_MAX},
    {"AveragePool", 1, SNNCONV_OP_AVERAGE_POOL},
    {"BatchNormalization", 1, SNNCONV_OP_BATCH_NORMALIZATION},
    {"Cast", 1, SNNCONV_OP_CAST},
    {"Clip", 1, SNNCONV_OP_CLIP},
    {"Concat", 1, SNNCONV_OP_CONCAT},
    {"ConstantOfShape", 9, SNNCONV_OP_CONSTANT_OF_SHAPE},
    {"Conv", 1, SNNCONV_OP_CONV},
    {"ConvInteger", 10, SNNCONV_OP_CONV_INTEGER},
    {"DequantizeLinear", 10, SNNCONV_OP_DEQUANTIZE_LINEAR},
    {"Div", 1, SNNCONV_OP_DIV},
    {"Dropout", 1, SNNCONV_OP_DROPOUT},
    {"Flatten", 1, SNNCONV_OP_FLATTEN},
    {"Gather", 1, SNNCONV_OP_GATHER},
    {"Gemm", 1, SNNCONV_OP_GEMM},
    {"GlobalAveragePool", 1, SNNCONV_OP_GLOBAL_AVERAGE_POOL},
    {"GlobalMaxPool", 1, SNNCONV_OP_GLOBAL_MAX_POOL},
    {"Identity", 1, SNNCONV_OP_IDENTITY},
    {"LeakyRelu", 1, SNNCONV_OP_LEAKY_RELU},
    {"LogSoftmax", 1, SNNCONV_OP_LOG_SOFTMAX},
    {"MatMul", 1, SNNCONV_OP_MAT_MUL},
    {"MatMulInteger", 10, SNNCONV_OP_MAT_MUL_INTEGER},
    {"MaxPool", 1, SNNCONV_OP_MAX_POOL},
    {"Mul", 1, SNNCONV_OP_MUL},
    {"Pad", 1, SNNCONV_OP_PAD},
    {"QLinearConv", 10, SNNCONV_OP_QLINEAR_CONV},
    {"QLinearMatMul", 10, SNNCONV_OP_QLINEAR_MAT_MUL},
    {"QuantizeLinear", 10, SNNCONV_OP_QUANTIZE_LINEAR},
    {"ReduceMax", 1, SNNCONV_OP_REDUCE_MAX},
    {"ReduceMean", 1, SNNCONV_OP_REDUCE_MEAN},
    {"Relu", 1, SNNCONV_OP_RELU},
    {"Reshape", 1, SNNCONV_OP_RESHAPE},
    {"Shape", 1, SNNCONV_OP_SHAPE},
    {"Sigmoid", 1, SNNCONV_OP_SIGMOID},
    {"Slice", 1, SNNCONV_OP_SLICE},
    {"Softmax", 1, SNNCONV_OP_SOFTMAX},
    {"Squeeze", 1, SNNCONV_OP_SQUEEZE},
    {"Sub", 1, SNNCONV_OP_SUB},
    {"Sum", 1, SNNCONV_OP_SUM},
    {"Transpose", 1, SNNCONV_OP_TRANSPOSE},
    {"Unsqueeze", 1, SNNCONV_OP_UNSQUEEZE},
};

#define AT(member) offsetof(struct snnconv_attributes, member)
#define NEWEST 99

/* clang-format off: one row an attribute; AT, or the number of the input it became */
#define WINDOW(name)                                                            \
    {name, 1, NEWEST, "auto_pad", SNNCONV_ONNX_TO_AUTO_PAD, 0},                 \
        {name, 1, NEWEST, "kernel_shape", SNNCONV_ONNX_TO_SPATIAL, AT(kernel)}, \
        {name, 1, NEWEST, "strides", SNNCONV_ONNX_TO_SPATIAL, AT(stride)},      \
    {                                                                           \
        name, 1, NEWEST, "pads", SNNCONV_ONNX_TO_PADS, 0                        \
    }
#define CONVOLUTION(name)                                                                \
    WINDOW(name), {name, 1, NEWEST, "dilations", SNNCONV_ONNX_TO_SPATIAL, AT(dilation)}, \
    {                                                                                    \
        name, 1, NEWEST, "group", SNNCONV_ONNX_TO_INTEGER, AT(group)                     \
    }
#define LEGACY(name)                                             \
    {name, 1, 6, "broadcast", SNNCONV_ONNX_LEGACY_BROADCAST, 0}, \
    {                                                            \
        name, 1, 6, "axis", SNNCONV_ONNX_LEGACY_AXIS, 0          \
    }
#define AXIS(name)                                                 \
    {                                                              \
        name, 1, NEWEST, "axis", SNNCONV_ONNX_TO_INTEGER, AT(axis) \
    }

static const struct snnconv_onnx_rule rules[] = {
    {NULL, 1, NEWEST, "consumed_inputs", SNNCONV_ONNX_TO_NOTHING, 0},
    LEGACY("Add"),
    LEGACY("Div"),
    LEGACY("Mul"),
    LEGACY("Sub"),
    AXIS("ArgMax"),
    {"ArgMax", 1, NEWEST, "keepdims", SNNCONV_ONNX_TO_FLAG, AT(keepdims)},
    {"ArgMax", 12, NEWEST, "select_last_index", SNNCONV_ONNX_TO_FLAG, AT(select_last_index)},
    WINDOW("AveragePool"),
    {"AveragePool", 7, NEWEST, "count_include_pad", SNNCONV_ONNX_TO_FLAG, AT(count_include_pad)},
    {"AveragePool", 10, NEWEST, "ceil_mode", SNNCONV_ONNX_TO_FLAG, AT(ceil_mode)},
    {"AveragePool", 19, NEWEST, "dilations", SNNCONV_ONNX_TO_SPATIAL, AT(dilation)},
    {"BatchNormalization", 1, NEWEST, "epsilon", SNNCONV_ONNX_TO_REAL, AT(epsilon)},
    {"BatchNormalization", 1, NEWEST, "momentum", SNNCONV_ONNX_TO_REAL, AT(momentum)},
    {"BatchNormalization", 1, 6, "is_test", SNNCONV_ONNX_TO_NOTHING, 0},
    {"BatchNormalization", 1, 8, "spatial", SNNCONV_ONNX_MUST_BE_ONE, 0},
    {"BatchNormalization", 14, NEWEST, "training_mode", SNNCONV_ONNX_TO_FLAG, AT(training_mode)},
    {"Cast", 1, 5, "to", SNNCONV_ONNX_TO_TYPE_NAME, AT(to)},
    {"Cast", 6, NEWEST, "to", SNNCONV_ONNX_TO_TYPE, AT(to)},
    {"Cast", 19, NEWEST, "saturate", SNNCONV_ONNX_TO_NOTHING, 0}, /* of 8-bit floats */
    {"Clip", 1, 10, "min", SNNCONV_ONNX_TO_REAL_INPUT, 1},
    {"Clip", 1, 10, "max", SNNCONV_ONNX_TO_REAL_INPUT, 2},
    AXIS("Concat"),
    {"ConstantOfShape", 9, NEWEST, "value", SNNCONV_ONNX_TO_VALUE, AT(value)},
    CONVOLUTION("Conv"),
    CONVOLUTION("ConvInteger"),
    {"DequantizeLinear", 13, NEWEST, "axis", SNNCONV_ONNX_TO_INTEGER, AT(axis)},
    {"DequantizeLinear", 21, NEWEST, "block_size", SNNCONV_ONNX_TO_INTEGER, AT(block_size)},
    {"Dropout", 1, 6, "is_test", SNNCONV_ONNX_TO_NOTHING, 0},
    {"Dropout", 1, 11, "ratio", SNNCONV_ONNX_TO_REAL_INPUT, 1},
    {"Dropout", 12, NEWEST, "seed", SNNCONV_ONNX_TO_NOTHING, 0},
    AXIS("Flatten"),
    AXIS("Gather"),
    {"Gemm", 1, NEWEST, "alpha", SNNCONV_ONNX_TO_REAL, AT(alpha)},
    {"Gemm", 1, NEWEST, "beta", SNNCONV_ONNX_TO_REAL, AT(beta)},
    {"Gemm", 1, NEWEST, "transA", SNNCONV_ONNX_TO_FLAG, AT(trans_a)},
    {"Gemm", 1, NEWEST, "transB", SNNCONV_ONNX_TO_FLAG, AT(trans_b)},
    {"Gemm", 1, 6, "broadcast", SNNCONV_ONNX_TO_NOTHING, 0}, /* since 7 it always does */
    {"LeakyRelu", 1, NEWEST, "alpha", SNNCONV_ONNX_TO_REAL, AT(alpha)},
    AXIS("LogSoftmax"),
    WINDOW("MaxPool"),
    {"MaxPool", 8, NEWEST, "storage_order", SNNCONV_ONNX_TO_FLAG, AT(storage_order)},
    {"MaxPool", 10, NEWEST, "ceil_mode", SNNCONV_ONNX_TO_FLAG, AT(ceil_mode)},
    {"MaxPool", 10, NEWEST, "dilations", SNNCONV_ONNX_TO_SPATIAL, AT(dilation)},
    {"Pad", 1, NEWEST, "mode", SNNCONV_ONNX_TO_PAD_MODE, 0},
    {"Pad", 1, 1, "paddings", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"Pad", 2, 10, "pads", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"Pad", 1, 10, "value", SNNCONV_ONNX_TO_REAL_INPUT, 2},
    CONVOLUTION("QLinearConv"),
    {"QuantizeLinear", 13, NEWEST, "axis", SNNCONV_ONNX_TO_INTEGER, AT(axis)},
    {"QuantizeLinear", 19, NEWEST, "saturate", SNNCONV_ONNX_TO_NOTHING, 0}, /* of 8-bit floats */
    {"QuantizeLinear", 21, NEWEST, "block_size", SNNCONV_ONNX_TO_INTEGER, AT(block_size)},
    {"QuantizeLinear", 21, NEWEST, "output_dtype", SNNCONV_ONNX_TO_TYPE, AT(to)},
    {"ReduceMax", 1, 17, "axes", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"ReduceMax", 1, NEWEST, "keepdims", SNNCONV_ONNX_TO_FLAG, AT(keepdims)},
    {"ReduceMax", 18, NEWEST, "noop_with_empty_axes", SNNCONV_ONNX_TO_FLAG,
     AT(noop_with_empty_axes)},
    {"ReduceMean", 1, 17, "axes", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"ReduceMean", 1, NEWEST, "keepdims", SNNCONV_ONNX_TO_FLAG, AT(keepdims)},
    {"ReduceMean", 18, NEWEST, "noop_with_empty_axes", SNNCONV_ONNX_TO_FLAG,
     AT(noop_with_empty_axes)},
    {"Reshape", 1, 4, "shape", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"Reshape", 14, NEWEST, "allowzero", SNNCONV_ONNX_TO_FLAG, AT(allow_zero)},
    {"Shape", 15, NEWEST, "start", SNNCONV_ONNX_TO_INTEGER, AT(start)},
    {"Shape", 15, NEWEST, "end", SNNCONV_ONNX_TO_INTEGER, AT(end)},
    {"Slice", 1, 9, "starts", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"Slice", 1, 9, "ends", SNNCONV_ONNX_TO_LIST_INPUT, 2},
    {"Slice", 1, 9, "axes", SNNCONV_ONNX_TO_LIST_INPUT, 3},
    AXIS("Softmax"),
    {"Squeeze", 1, 12, "axes", SNNCONV_ONNX_TO_LIST_INPUT, 1},
    {"Transpose", 1, NEWEST, "perm", SNNCONV_ONNX_TO_PERM, 0},
    {"Unsqueeze", 1, 12, "axes", SNNCONV_ONNX_TO_LIST_INPUT, 1},
};
/* clang-format on */

const struct snnconv_onnx_operator *snnconv_onnx_operator(const char *name)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (strcmp(operators[i].name, name) == 0) return &operators[i];
    }
    return NULL;
}

const struct snnconv_onnx_operator *snnconv_onnx_operator_row(uint32_t index)
{
    return index < sizeof(operators) / sizeof(operators[0]) ? &operators[index] : NULL;
}

const struct snnconv_onnx_rule *snnconv_onnx_rule(const char *operator_name, int64_t opset,
                                                  const char *name)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct snnconv_onnx_rule *rule = &rules[i];
        if (opset < rule->first || opset > rule->last || strcmp(rule->name, name) != 0) continue;
        if (rule->operator_name == NULL || strcmp(rule->operator_name, operator_name) == 0)
            return rule;
    }
    return NULL;
}

const char *snnconv_onnx_missing_attribute(const char *operator_name, int64_t opset,
                                           const struct snnconv_onnx_node *node)
{
    static const struct {
        const char *operator_name;
        int first, last;
        const char *name;
    } required[] = {
        {"AveragePool", 1, NEWEST, "kernel_shape"},
        {"Cast", 1, NEWEST, "to"},
        {"Concat", 4, NEWEST, "axis"},
        {"MaxPool", 1, NEWEST, "kernel_shape"},
        {"Pad", 1, 1, "paddings"},
        {"Pad", 2, 10, "pads"},
        {"Reshape", 1, 4, "shape"},
        {"Slice", 1, 9, "starts"},
        {"Slice", 1, 9, "ends"},
        {"Unsqueeze", 1, 12, "axes"},
    };
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        bool found = strcmp(required[i].operator_name, operator_name) != 0 ||
                     opset < required[i].first || opset > required[i].last;
        for (size_t k = 0; k < node->attribute_count && !found; k++)
            found = strcmp(node->attributes[k].name, required[i].name) == 0;
        if (!found) return required[i].name;
    }
    return NULL;
}

/* ---- Operators that are not read ---- */

static const char use_relu[] = "train the net with ReLU in its place";
static const char no_state[] = "only nets without state of their own are converted";
static const char fixed_graph[] = "export the model for a fixed input, without control flow";
static const char use_pool[] = "use a strided convolution or a pool in its place";
static const char use_norm[] = "use batch normalisation, which is folded into the weights";

static const struct {
    const char *name, *reason, *hint;
} refused[] = {
    {"Tanh", "has no integrate-and-fire equivalent", use_relu},
    {"Elu", "has no integrate-and-fire equivalent", use_relu},
    {"Selu", "has no integrate-and-fire equivalent", use_relu},
    {"Celu", "has no integrate-and-fire equivalent", use_relu},
    {"Gelu", "has no integrate-and-fire equivalent", use_relu},
    {"Erf", "has no integrate-and-fire equivalent", use_relu},
    {"PRelu", "has no integrate-and-fire equivalent", use_relu},
    {"Mish", "has no integrate-and-fire equivalent", use_relu},
    {"HardSigmoid", "has no integrate-and-fire equivalent", use_relu},
    {"HardSwish", "has no integrate-and-fire equivalent", use_relu},
    {"Softplus", "has no integrate-and-fire equivalent", use_relu},
    {"Softsign", "has no integrate-and-fire equivalent", use_relu},
    {"ThresholdedRelu", "has no integrate-and-fire equivalent", use_relu},
    {"LRN", "normalises by the values of the frame, which spikes cannot", use_norm},
    {"InstanceNormalization", "normalises by the values of the frame, which spikes cannot",
     use_norm},
    {"GroupNormalization", "normalises by the values of the frame, which spikes cannot", use_norm},
    {"LayerNormalization", "normalises by the values of the frame, which spikes cannot", use_norm},
    {"LpNormalization", "normalises by the values of the frame, which spikes cannot", use_norm},
    {"LSTM", "is recurrent", no_state},
    {"GRU", "is recurrent", no_state},
    {"RNN", "is recurrent", no_state},
    {"Loop", "is control flow", fixed_graph},
    {"If", "is control flow", fixed_graph},
    {"Scan", "is control flow", fixed_graph},
    {"ConvTranspose", "enlarges its input, for which there is no layer",
     "only classifiers, which get smaller from layer to layer, are converted"},
    {"Resize", "enlarges or resamples its input, for which there is no layer", use_pool},
    {"Upsample", "enlarges or resamples its input, for which there is no layer", use_pool},
    {"DepthToSpace", "rearranges its input in space, for which there is no layer", use_pool},
    {"SpaceToDepth", "rearranges its input in space, for which there is no layer", use_pool},
    {"LpPool", "is a pool of powers, for which there is no layer", "use an average or max pool"},
};

int snnconv_onnx_refuse_operator(struct snn_context *context, const char *name)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (strcmp(refused[i].name, name) != 0) continue;
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "operator %s %s", name, refused[i].reason);
        return snnbase_hint(context, "%s", refused[i].hint);
    }
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "operator '%s' is not read", name);
    return snnbase_hint(context, "snnconvert --supported lists what is");
}
