/* The operators that readers speak in: those of ONNX in their newest form (opset 21), and a few of
 * our own. Each is one row of a table: how many inputs, what shape comes out, what values.
 *
 * "Newest form" means: what later opsets take as inputs (the shape of Reshape, the axes of Squeeze,
 * the bounds of Clip, the pads of Pad, ...) are inputs here too, and readers of older opsets and
 * other formats add constants for them. Tensors are N,C,spatial as in ONNX.
 * Source of their meaning: the ONNX operator specification, https://onnx.ai/onnx/operators/
 */
#ifndef SNN_CONVERT_IR_OP_H
#define SNN_CONVERT_IR_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "libsnn/base/memory.h"
#include "snn/context.h"

enum snnconv_op {
    SNNCONV_OP_ADD,
    SNNCONV_OP_ARG_MAX,
    SNNCONV_OP_AVERAGE_POOL,
    SNNCONV_OP_BATCH_NORMALIZATION,
    SNNCONV_OP_CAST,
    SNNCONV_OP_CLIP,
    SNNCONV_OP_CONCAT,
    SNNCONV_OP_CONSTANT_OF_SHAPE,
    SNNCONV_OP_CONV,
    SNNCONV_OP_CONV_INTEGER,
    SNNCONV_OP_DEQUANTIZE_LINEAR,
    SNNCONV_OP_DIV,
    SNNCONV_OP_DROPOUT,
    SNNCONV_OP_FLATTEN,
    SNNCONV_OP_GATHER,
    SNNCONV_OP_GEMM,
    SNNCONV_OP_GLOBAL_AVERAGE_POOL,
    SNNCONV_OP_GLOBAL_MAX_POOL,
    SNNCONV_OP_IDENTITY,
    SNNCONV_OP_LEAKY_RELU,
    SNNCONV_OP_LOG_SOFTMAX,
    SNNCONV_OP_MAT_MUL,
    SNNCONV_OP_MAT_MUL_INTEGER,
    SNNCONV_OP_MAX_POOL,
    SNNCONV_OP_MUL,
    SNNCONV_OP_PAD,
    SNNCONV_OP_QLINEAR_CONV,
    SNNCONV_OP_QLINEAR_MAT_MUL,
    SNNCONV_OP_QUANTIZE_LINEAR,
    SNNCONV_OP_REDUCE_MAX,
    SNNCONV_OP_REDUCE_MEAN,
    SNNCONV_OP_RELU,
    SNNCONV_OP_RESHAPE,
    SNNCONV_OP_SHAPE,
    SNNCONV_OP_SIGMOID,
    SNNCONV_OP_SLICE,
    SNNCONV_OP_SOFTMAX,
    SNNCONV_OP_SQUEEZE,
    SNNCONV_OP_SUB,
    SNNCONV_OP_SUM,
    SNNCONV_OP_TRANSPOSE,
    SNNCONV_OP_UNSQUEEZE,
    /* Not of ONNX. */
    SNNCONV_OP_SUM_POOL, /* attributes as AVERAGE_POOL without ceil_mode; padding adds nothing */
    /* Integrate-and-fire neurons, stateful: they have a shape but no evaluation. Inputs: x,
     * threshold, v_init, v_min (each of the last three broadcasts to x without its batch axis;
     * v_init and v_min may be left out: threshold / 2 and -threshold of the lowering options). */
    SNNCONV_OP_IF,
    SNNCONV_OP_COUNT
};

enum snnconv_auto_pad {
    SNNCONV_AUTO_PAD_NOTSET = 0,
    SNNCONV_AUTO_PAD_SAME_UPPER,
    SNNCONV_AUTO_PAD_SAME_LOWER,
    SNNCONV_AUTO_PAD_VALID
};

enum { SNNCONV_SPATIAL_MAX = 6 };

/* Attributes of all operators together; those an operator does not have are 0. Readers fill in the
 * specification's defaults: there is no "absent" but where a field says so. */
struct snnconv_attributes {
    /* CONV, CONV_INTEGER, QLINEAR_CONV and pools; `spatial` entries are set. With 0 the reader
     * found no kernel, strides, ... at all: kernel from the weights, strides 1. */
    uint32_t spatial;
    int64_t kernel[SNNCONV_SPATIAL_MAX]; /* 0: from the weights */
    int64_t stride[SNNCONV_SPATIAL_MAX];
    int64_t dilation[SNNCONV_SPATIAL_MAX];
    int64_t pad_begin[SNNCONV_SPATIAL_MAX];
    int64_t pad_end[SNNCONV_SPATIAL_MAX];
    enum snnconv_auto_pad auto_pad;
    int64_t group;
    bool ceil_mode;
    bool count_include_pad;
    bool storage_order; /* MAX_POOL's second output: column major */
    /* GEMM; LEAKY_RELU (alpha) */
    float alpha;
    float beta;
    bool trans_a;
    bool trans_b;
    /* BATCH_NORMALIZATION */
    float epsilon;
    float momentum;
    bool training_mode;
    /* ARG_MAX, CONCAT, FLATTEN, GATHER, SOFTMAX, LOG_SOFTMAX, (DE)QUANTIZE_LINEAR */
    int64_t axis;
    bool keepdims;          /* ARG_MAX, REDUCE_MAX, REDUCE_MEAN */
    bool select_last_index; /* ARG_MAX */
    bool noop_with_empty_axes;
    bool flatten_axes;  /* SOFTMAX, LOG_SOFTMAX before opset 13: over all axes from `axis` on */
    bool allow_zero;    /* RESHAPE */
    int64_t block_size; /* (DE)QUANTIZE_LINEAR of opset 21; 0: none */
    /* TRANSPOSE; 0: reversed */
    uint32_t perm_count;
    int64_t perm[SNNCONV_RANK_MAX];
    /* SHAPE: part of the axes */
    int64_t start;
    int64_t end; /* INT64_MAX: to the end */
    /* CAST, QUANTIZE_LINEAR (NONE: uint8, or from its zero point) */
    enum snnconv_type to;
    /* CONSTANT_OF_SHAPE: one element; NONE: float32 zero */
    struct snnconv_array value;
    /* PAD: "constant" unless another mode is named, which only evaluation knows */
    enum { SNNCONV_PAD_CONSTANT = 0, SNNCONV_PAD_REFLECT, SNNCONV_PAD_EDGE, SNNCONV_PAD_WRAP } pad;
    /* IF: reset to zero in place of by subtraction */
    bool reset_zero;
};

struct snnconv_call {
    enum snnconv_op op;
    const struct snnconv_attributes *attributes;
    const struct snnconv_array *const *inputs; /* NULL entries: left out */
    uint32_t input_count;
    struct snnconv_array *outputs; /* written */
    uint32_t output_count;         /* of those wanted */
};

/* How far the front end takes an operator. */
enum snnconv_support {
    SNNCONV_SUPPORT_SPIKING, /* becomes integrate-and-fire layers, or nothing */
    SNNCONV_SUPPORT_FRAME,   /* only frame-based targets */
    SNNCONV_SUPPORT_LAST,    /* at the end of a net, where it is dropped */
    SNNCONV_SUPPORT_FOLDED   /* of constants and shapes only */
};

struct snnconv_op_info {
    const char *name; /* as in ONNX: "AveragePool" */
    uint32_t input_min, input_max;
    uint32_t output_max;
    enum snnconv_support support;
    const char *becomes; /* for `snnconvert --supported`: one phrase */

    /* Type and shape of the outputs from those of the inputs, and from the data of inputs that
     * determine shapes (RESHAPE's second, ...). Errors: INVALID, UNSUPPORTED (the shape depends on
     * data that is not there), LIMIT. */
    int (*shape)(struct snn_context *context, const struct snnconv_call *call);
    /* Values of the outputs, whose shapes are set and whose data has been allocated; all inputs
     * have data. NULL: the operator cannot be evaluated. Errors: INVALID, UNSUPPORTED, NOMEM. */
    int (*evaluate)(struct snn_context *context, const struct snnconv_call *call);
};

/* NULL for a value out of range. */
const struct snnconv_op_info *snnconv_op_info(enum snnconv_op op);
/* False for a name that is none. */
bool snnconv_op_find(enum snnconv_op *out, const char *name);

/* Checks input count and runs `shape`. */
int snnconv_op_shape(struct snn_context *context, const struct snnconv_call *call);
/* Shape, allocation of the outputs in the arena, evaluation. All inputs need data, but that of
 * SHAPE only has a shape to give. */
int snnconv_op_evaluate(struct snn_context *context, const struct snnconv_call *call,
                        struct snnbase_arena *arena);

/* The pads that a window gets along one axis, auto_pad resolved, and the positions it takes, with
 * ceil_mode. Shared by shapes, evaluation and passes. */
struct snnconv_axis {
    int64_t kernel, stride, dilation;
    int64_t pad_begin, pad_end;
    int64_t positions; /* 0 or less: does not fit */
};
struct snnconv_axis snnconv_op_axis(const struct snnconv_attributes *attributes, uint32_t axis,
                                    int64_t extent, int64_t kernel);

#endif
