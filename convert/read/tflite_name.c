/* Names in TFLite files: of operators, for messages, and of nodes, made from those of tensors.
 *
 * The converter names tensors after the layers of the Keras model, and after all that it fused:
 * "sequential/conv2d/Relu;sequential/bn/FusedBatchNormV3;sequential/conv2d/Conv2D". A node gets the
 * layer's name, "conv2d"; the weights' tensor says it best. Every node has a name of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/tflite.h"
#include "libsnn/base/control.h"
#include "libsnn/base/error.h"

/* By BuiltinOperator. */
static const char *const builtins[] = {"ADD",
                                       "AVERAGE_POOL_2D",
                                       "CONCATENATION",
                                       "CONV_2D",
                                       "DEPTHWISE_CONV_2D",
                                       "DEPTH_TO_SPACE",
                                       "DEQUANTIZE",
                                       "EMBEDDING_LOOKUP",
                                       "FLOOR",
                                       "FULLY_CONNECTED",
                                       "HASHTABLE_LOOKUP",
                                       "L2_NORMALIZATION",
                                       "L2_POOL_2D",
                                       "LOCAL_RESPONSE_NORMALIZATION",
                                       "LOGISTIC",
                                       "LSH_PROJECTION",
                                       "LSTM",
                                       "MAX_POOL_2D",
                                       "MUL",
                                       "RELU",
                                       "RELU_N1_TO_1",
                                       "RELU6",
                                       "RESHAPE",
                                       "RESIZE_BILINEAR",
                                       "RNN",
                                       "SOFTMAX",
                                       "SPACE_TO_DEPTH",
                                       "SVDF",
                                       "TANH",
                                       "CONCAT_EMBEDDINGS",
                                       "SKIP_GRAM",
                                       "CALL",
                                       "CUSTOM",
                                       "EMBEDDING_LOOKUP_SPARSE",
                                       "PAD",
                                       "UNIDIRECTIONAL_SEQUENCE_RNN",
                                       "GATHER",
                                       "BATCH_TO_SPACE_ND",
                                       "SPACE_TO_BATCH_ND",
                                       "TRANSPOSE",
                                       "MEAN",
                                       "SUB",
                                       "DIV",
                                       "SQUEEZE",
                                       "UNIDIRECTIONAL_SEQUENCE_LSTM",
                                       "STRIDED_SLICE",
                                       "BIDIRECTIONAL_SEQUENCE_RNN",
                                       "EXP",
                                       "TOPK_V2",
                                       "SPLIT",
                                       "LOG_SOFTMAX",
                                       "DELEGATE",
                                       "BIDIRECTIONAL_SEQUENCE_LSTM",
                                       "CAST",
                                       "PRELU",
                                       "MAXIMUM",
                                       "ARG_MAX",
                                       "MINIMUM",
                                       "LESS",
                                       "NEG",
                                       "PADV2",
                                       "GREATER",
                                       "GREATER_EQUAL",
                                       "LESS_EQUAL",
                                       "SELECT",
                                       "SLICE",
                                       "SIN",
                                       "TRANSPOSE_CONV",
                                       "SPARSE_TO_DENSE",
                                       "TILE",
                                       "EXPAND_DIMS",
                                       "EQUAL",
                                       "NOT_EQUAL",
                                       "LOG",
                                       "SUM",
                                       "SQRT",
                                       "RSQRT",
                                       "SHAPE",
                                       "POW",
                                       "ARG_MIN",
                                       "FAKE_QUANT",
                                       "REDUCE_PROD",
                                       "REDUCE_MAX",
                                       "PACK",
                                       "LOGICAL_OR",
                                       "ONE_HOT",
                                       "LOGICAL_AND",
                                       "LOGICAL_NOT",
                                       "UNPACK",
                                       "REDUCE_MIN",
                                       "FLOOR_DIV",
                                       "REDUCE_ANY",
                                       "SQUARE",
                                       "ZEROS_LIKE",
                                       "FILL",
                                       "FLOOR_MOD",
                                       "RANGE",
                                       "RESIZE_NEAREST_NEIGHBOR",
                                       "LEAKY_RELU",
                                       "SQUARED_DIFFERENCE",
                                       "MIRROR_PAD",
                                       "ABS",
                                       "SPLIT_V",
                                       "UNIQUE",
                                       "CEIL",
                                       "REVERSE_V2",
                                       "ADD_N",
                                       "GATHER_ND",
                                       "COS",
                                       "WHERE",
                                       "RANK",
                                       "ELU",
                                       "REVERSE_SEQUENCE",
                                       "MATRIX_DIAG",
                                       "QUANTIZE",
                                       "MATRIX_SET_DIAG",
                                       "ROUND",
                                       "HARD_SWISH",
                                       "IF",
                                       "WHILE",
                                       "NON_MAX_SUPPRESSION_V4",
                                       "NON_MAX_SUPPRESSION_V5",
                                       "SCATTER_ND",
                                       "SELECT_V2",
                                       "DENSIFY",
                                       "SEGMENT_SUM",
                                       "BATCH_MATMUL",
                                       "PLACEHOLDER_FOR_GREATER_OP_CODES",
                                       "CUMSUM",
                                       "CALL_ONCE",
                                       "BROADCAST_TO",
                                       "RFFT2D",
                                       "CONV_3D",
                                       "IMAG",
                                       "REAL",
                                       "COMPLEX_ABS",
                                       "HASHTABLE",
                                       "HASHTABLE_FIND",
                                       "HASHTABLE_IMPORT",
                                       "HASHTABLE_SIZE",
                                       "REDUCE_ALL",
                                       "CONV_3D_TRANSPOSE",
                                       "VAR_HANDLE",
                                       "READ_VARIABLE",
                                       "ASSIGN_VARIABLE",
                                       "BROADCAST_ARGS",
                                       "RANDOM_STANDARD_NORMAL",
                                       "BUCKETIZE",
                                       "RANDOM_UNIFORM",
                                       "MULTINOMIAL",
                                       "GELU",
                                       "DYNAMIC_UPDATE_SLICE",
                                       "RELU_0_TO_1",
                                       "UNSORTED_SEGMENT_PROD",
                                       "UNSORTED_SEGMENT_MAX",
                                       "UNSORTED_SEGMENT_SUM",
                                       "ATAN2",
                                       "UNSORTED_SEGMENT_MIN",
                                       "SIGN",
                                       "BITCAST",
                                       "BITWISE_XOR",
                                       "RIGHT_SHIFT",
                                       "STABLEHLO_LOGISTIC",
                                       "STABLEHLO_ADD",
                                       "STABLEHLO_DIVIDE",
                                       "STABLEHLO_MULTIPLY",
                                       "STABLEHLO_MAXIMUM",
                                       "STABLEHLO_RESHAPE",
                                       "STABLEHLO_CLAMP",
                                       "STABLEHLO_CONCATENATE",
                                       "STABLEHLO_BROADCAST_IN_DIM",
                                       "STABLEHLO_CONVOLUTION",
                                       "STABLEHLO_SLICE",
                                       "STABLEHLO_CUSTOM_CALL",
                                       "STABLEHLO_REDUCE",
                                       "STABLEHLO_ABS",
                                       "STABLEHLO_AND",
                                       "STABLEHLO_COSINE",
                                       "STABLEHLO_EXPONENTIAL",
                                       "STABLEHLO_FLOOR",
                                       "STABLEHLO_LOG",
                                       "STABLEHLO_MINIMUM",
                                       "STABLEHLO_NEGATE",
                                       "STABLEHLO_OR",
                                       "STABLEHLO_POWER",
                                       "STABLEHLO_REMAINDER",
                                       "STABLEHLO_RSQRT",
                                       "STABLEHLO_SELECT",
                                       "STABLEHLO_SUBTRACT",
                                       "STABLEHLO_TANH",
                                       "STABLEHLO_SCATTER",
                                       "STABLEHLO_COMPARE",
                                       "STABLEHLO_CONVERT",
                                       "STABLEHLO_DYNAMIC_SLICE",
                                       "STABLEHLO_DYNAMIC_UPDATE_SLICE",
                                       "STABLEHLO_PAD",
                                       "STABLEHLO_IOTA",
                                       "STABLEHLO_DOT_GENERAL",
                                       "STABLEHLO_REDUCE_WINDOW",
                                       "STABLEHLO_SORT",
                                       "STABLEHLO_WHILE",
                                       "STABLEHLO_GATHER",
                                       "STABLEHLO_TRANSPOSE",
                                       "DILATE",
                                       "STABLEHLO_RNG_BIT_GENERATOR",
                                       "REDUCE_WINDOW",
                                       "STABLEHLO_COMPOSITE",
                                       "COMPLEX"};

const char *snnconv_tflite_builtin(unsigned code)
{
    return code < sizeof(builtins) / sizeof(builtins[0]) ? builtins[code] : NULL;
}

const char *snnconv_tflite_text(struct snnconv_tflite *r, struct snnbase_arena *arena,
                                struct snnbase_flat_text text, size_t size_max)
{
    size_t size = text.size < size_max ? text.size : size_max;
    if (snnconv_tflite_charge(r, size) != SNN_OK) return NULL;
    char *copy = snnbase_arena_alloc(arena, r->context, size + 1, 1);
    if (copy == NULL) return NULL;
    for (size_t i = 0; i < size; i++)
        copy[i] = text.bytes[i] == '\0' ? '?' : text.bytes[i];
    snnbase_control_hide(copy);
    return copy;
}

/* ---- Names of nodes ---- */

/* A part of a tensor's name. */
struct part {
    const char *at;
    size_t size;
};

/* The name of what was there first: behind the last ';', without the ":0" of a TensorFlow output.
 */
static struct part base_of(const char *name)
{
    const char *fused = strrchr(name, ';');
    struct part part = {fused != NULL ? fused + 1 : name, 0};
    part.size = strcspn(part.at, ":");
    return part;
}

/* The tensor that an operator is best named after: its weights, else its output. */
static struct part base_of_op(const struct snnconv_tflite *r, const struct snnconv_tflite_op *op)
{
    bool weighted = op->code == TFLITE_CONV_2D || op->code == TFLITE_DEPTHWISE_CONV_2D ||
                    op->code == TFLITE_FULLY_CONNECTED;
    int32_t index = op->output_count > 0 ? op->outputs[0] : -1;
    if (weighted && op->input_count > 1 && snnconv_tflite_is_constant(r, op->inputs[1]))
        index = op->inputs[1];
    const struct snnconv_tflite_tensor *tensor = snnconv_tflite_tensor(r, index);
    return base_of(tensor != NULL ? tensor->name : "");
}

static const char *slash_in(struct part part)
{
    return memchr(part.at, '/', part.size);
}

static const char *last_slash_in(struct part part)
{
    size_t i = part.size;
    while (i > 0 && part.at[i - 1] != '/')
        i--;
    return i > 0 ? part.at + i - 1 : NULL;
}

/* The model's own name, which stands before those of all layers: the first component of all names
 * of three and more, if there are several. */
static struct part common_prefix(const struct snnconv_tflite *r)
{
    struct part prefix = {NULL, 0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->op_count; i++) {
        struct part base = base_of_op(r, &r->ops[i]);
        const char *first = slash_in(base);
        if (first == last_slash_in(base)) continue;
        size_t size = (size_t)(first + 1 - base.at);
        if (count++ == 0) prefix = (struct part){base.at, size};
        if (prefix.size != size || memcmp(prefix.at, base.at, size) != 0) count = 0;
        if (count == 0) break;
    }
    return count > 1 ? prefix : (struct part){NULL, 0};
}

/* Outputs of a whole model bear names that say nothing. */
static bool says_nothing(struct part part)
{
    static const char *const names[] = {"Identity", "StatefulPartitionedCall", "PartitionedCall"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size = strlen(names[i]);
        if (part.size >= size && memcmp(part.at, names[i], size) == 0) return true;
    }
    return part.size == 0;
}

/* What is left of a part without the model's own name and, unless it is wanted `whole`, without the
 * operator behind the layer. */
static struct part shorten(struct part base, struct part prefix, bool whole)
{
    if (prefix.at != NULL && base.size > prefix.size &&
        memcmp(base.at, prefix.at, prefix.size) == 0)
        base = (struct part){base.at + prefix.size, base.size - prefix.size};
    const char *slash = last_slash_in(base);
    if (!whole && slash != NULL && slash > base.at) base.size = (size_t)(slash - base.at);
    return base;
}

static void lower(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z') *text = (char)(*text - 'A' + 'a');
    }
}

/* '#' is for names that would be the same otherwise, see number_name. */
static int make_name(struct snnconv_tflite *r, struct snnconv_tflite_op *op, struct part prefix,
                     bool whole)
{
    char text[SNNCONV_TFLITE_NAME_MAX - 15];
    struct part base = shorten(base_of_op(r, op), prefix, whole);
    const char *builtin = snnconv_tflite_builtin(op->code);
    if (says_nothing(base)) {
        (void)snprintf(text, sizeof(text), "%s", builtin != NULL ? builtin : "operator");
        lower(text);
    } else {
        (void)snprintf(text, sizeof(text), "%.*s", (int)(base.size < 256 ? base.size : 256),
                       base.at);
    }
    for (char *at = strchr(text, '#'); at != NULL; at = strchr(at, '#'))
        *at = '_';
    int status = snnconv_tflite_charge(r, sizeof(text));
    if (status != SNN_OK) return status;
    op->name = snnbase_arena_string(&r->scratch, r->context, text);
    return op->name != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* An operator's name, for sorting. */
struct named {
    const char *name;
    uint32_t index;
};

static int compare_names(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order != 0) return order;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int number_name(struct snnconv_tflite *r, uint32_t index)
{
    char text[SNNCONV_TFLITE_NAME_MAX];
    (void)snprintf(text, sizeof(text), "%s#%u", r->ops[index].name, index);
    r->ops[index].name = snnbase_arena_string(&r->scratch, r->context, text);
    return r->ops[index].name != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* Gives names to all operators whose name is not theirs alone: first the whole one, then one with
 * their number. */
static int part_names(struct snnconv_tflite *r, struct named *sorted, struct part prefix,
                      bool number)
{
    int status = SNN_OK;
    for (uint32_t i = 0; i < r->op_count; i++)
        sorted[i] = (struct named){r->ops[i].name, i};
    qsort(sorted, r->op_count, sizeof(*sorted), compare_names);
    for (uint32_t i = 0, end = 0; i < r->op_count && status == SNN_OK; i = end) {
        for (end = i + 1; end < r->op_count && strcmp(sorted[i].name, sorted[end].name) == 0;)
            end++;
        for (uint32_t k = i; end - i > 1 && k < end && status == SNN_OK; k++)
            status = number ? number_name(r, sorted[k].index)
                            : make_name(r, &r->ops[sorted[k].index], prefix, true);
    }
    return status;
}

int snnconv_tflite_name_ops(struct snnconv_tflite *r)
{
    struct part prefix = common_prefix(r);
    struct named *sorted =
        snnbase_arena_alloc(&r->scratch, r->context, r->op_count, sizeof(*sorted));
    int status = sorted != NULL ? SNN_OK : SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < r->op_count && status == SNN_OK; i++)
        status = make_name(r, &r->ops[i], prefix, false);
    if (r->op_count == 0 || status != SNN_OK) return status;
    status = part_names(r, sorted, prefix, false);
    return status == SNN_OK ? part_names(r, sorted, prefix, true) : status;
}
