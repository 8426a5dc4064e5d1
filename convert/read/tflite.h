/* What the files of the TFLite reader share: the tensors and operators of a subgraph as the file
 * has them, and how they are put into the program. No other code includes this.
 *
 *     tflite.c         file -> operators, tensors; reports what is wrong
 *     tflite_tensor.c  tensor -> value or constant, quantisation
 *     tflite_layer.c   operators with weights and windows -> nodes
 *     tflite_op.c      the table of operators, and those without weights
 *     tflite_name.c    names: of operators, for nodes
 *
 * Fields and numbers are those of the public schema, version 3:
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
 */
#ifndef SNN_CONVERT_READ_TFLITE_H
#define SNN_CONVERT_READ_TFLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/model.h"
#include "convert/read/problems.h"
#include "libsnn/base/flat.h"

/* TensorType */
enum {
    TFLITE_FLOAT32 = 0,
    TFLITE_FLOAT16 = 1,
    TFLITE_INT32 = 2,
    TFLITE_UINT8 = 3,
    TFLITE_INT64 = 4,
    TFLITE_BOOL = 6,
    TFLITE_INT16 = 7,
    TFLITE_INT8 = 9,
    TFLITE_FLOAT64 = 10,
    TFLITE_UINT32 = 15,
    TFLITE_UINT16 = 16,
    TFLITE_BFLOAT16 = 18
};

/* BuiltinOperator, those that are read. */
enum {
    TFLITE_ADD = 0,
    TFLITE_AVERAGE_POOL_2D = 1,
    TFLITE_CONCATENATION = 2,
    TFLITE_CONV_2D = 3,
    TFLITE_DEPTHWISE_CONV_2D = 4,
    TFLITE_DEQUANTIZE = 6,
    TFLITE_FULLY_CONNECTED = 9,
    TFLITE_LOGISTIC = 14,
    TFLITE_MAX_POOL_2D = 17,
    TFLITE_MUL = 18,
    TFLITE_RELU = 19,
    TFLITE_RELU6 = 21,
    TFLITE_RESHAPE = 22,
    TFLITE_SOFTMAX = 25,
    TFLITE_CUSTOM = 32,
    TFLITE_PAD = 34,
    TFLITE_TRANSPOSE = 39,
    TFLITE_MEAN = 40,
    TFLITE_SUB = 41,
    TFLITE_DIV = 42,
    TFLITE_SQUEEZE = 43,
    TFLITE_STRIDED_SLICE = 45,
    TFLITE_LOG_SOFTMAX = 50,
    TFLITE_CAST = 53,
    TFLITE_ARG_MAX = 56,
    TFLITE_PADV2 = 60,
    TFLITE_EXPAND_DIMS = 70,
    TFLITE_SHAPE = 77,
    TFLITE_REDUCE_MAX = 82,
    TFLITE_PACK = 83,
    TFLITE_LEAKY_RELU = 98,
    TFLITE_QUANTIZE = 114,
    TFLITE_RELU_0_TO_1 = 152
};

/* Names of nodes; names of tensors, which many operators may look through. */
enum { SNNCONV_TFLITE_NAME_MAX = 255, SNNCONV_TFLITE_TENSOR_NAME_MAX = 4095 };

struct snnconv_tflite_tensor {
    const char *name; /* "" for none */
    size_t at;        /* of its table */
    bool broken;      /* its problem is reported; what uses it is passed over */
    unsigned type;
    uint32_t rank;
    int64_t dim[SNNCONV_RANK_MAX];
    int64_t signature[SNNCONV_RANK_MAX]; /* the same with -1 for what is open */
    const unsigned char *data;           /* of a constant; NULL: none */
    size_t size;
    struct snnconv_quantization *quantization; /* NULL: none */
    uint32_t value;                            /* of the program; SNNCONV_NONE: not yet made */
};

struct snnconv_tflite_op {
    unsigned code;
    const char *custom; /* name of a custom operator */
    const char *name;   /* of its node */
    size_t at;          /* of its table */
    const int32_t *inputs;
    uint32_t input_count;
    const int32_t *outputs;
    uint32_t output_count;
    unsigned options_kind;
    struct snnbase_flat_table options;
};

struct snnconv_tflite {
    struct snn_context *context;
    struct snnconv_program *program;
    const struct snnconv_file *file;
    const struct snn_import_options *options;
    struct snnbase_flat flat;
    struct snnbase_arena scratch;
    struct snnbase_flat_vector buffers;
    struct snnconv_tflite_tensor *tensors;
    uint32_t tensor_count;
    struct snnconv_tflite_op *ops;
    uint32_t op_count;
    uint64_t taken;  /* bytes that the file made us allocate */
    bool said_int16; /* 16-bit activations are refused once */
    struct snnconv_problems problems;
};

/* Counts bytes that are about to be allocated because the file asks for them: what is shared in the
 * file (one string under a thousand offsets) must not be multiplied without end. Error: LIMIT. */
int snnconv_tflite_charge(struct snnconv_tflite *r, uint64_t bytes);

/* ---- tflite_name.c ---- */

/* "CONV_2D"; NULL for a number that the schema does not have. */
const char *snnconv_tflite_builtin(unsigned code);
/* A text of the file as a string in the arena: without control characters, its first `size_max`
 * bytes. NULL: NOMEM or LIMIT. */
const char *snnconv_tflite_text(struct snnconv_tflite *r, struct snnbase_arena *arena,
                                struct snnbase_flat_text text, size_t size_max);
/* Gives each operator its node's name. */
int snnconv_tflite_name_ops(struct snnconv_tflite *r);

/* ---- tflite_tensor.c ---- */

/* One tensor of the file; *tensor may be looked at even after an error. */
int snnconv_tflite_read_tensor(struct snnconv_tflite *r, const struct snnbase_flat_table *table,
                               struct snnconv_tflite_tensor *tensor);

/* The value of tensor `index` in the program, which is made when first asked for; of a constant, it
 * is dequantised, and integers without a scale (shapes, axes) are int64. -1: SNNCONV_NONE. */
int snnconv_tflite_value(struct snnconv_tflite *r, int32_t index, uint32_t *out);

/* A float constant of a constant tensor with axes permuted: axis i of the result is axis perm[i] of
 * the tensor, the quantisation's axis follows. UNSUPPORTED if the tensor is none. */
int snnconv_tflite_permuted(struct snnconv_tflite *r, int32_t index, const uint32_t *perm,
                            uint32_t *out);

/* Bias of `count` channels: int32 has the scales of its own, else input times weights. Warns, with
 * the name of `op`, where float cannot give back the integers. SNNCONV_NONE for index -1. */
int snnconv_tflite_bias(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        uint32_t *out);

/* The elements of a constant tensor of integers. Errors: UNSUPPORTED (not constant), FORMAT. */
int snnconv_tflite_integers(struct snnconv_tflite *r, int32_t index, int64_t *out,
                            uint32_t capacity, uint32_t *count_out);
bool snnconv_tflite_is_constant(const struct snnconv_tflite *r, int32_t index);

/* NULL for an index that is none or left out. */
const struct snnconv_tflite_tensor *snnconv_tflite_tensor(const struct snnconv_tflite *r,
                                                          int32_t index);

/* The IR's type of what is stored; NONE for one it has not. */
enum snnconv_type snnconv_tflite_type(unsigned type);

/* ---- tflite_op.c ---- */

/* Puts an operator into the program. Errors name the cause only; the caller adds the place. */
int snnconv_tflite_convert(struct snnconv_tflite *r, const struct snnconv_tflite_op *op);
bool snnconv_tflite_supported(uint32_t index, struct snn_supported *out);

/* A node "<name of the operator><suffix>"; without attributes it has the defaults. */
struct snnconv_tflite_node {
    const char *suffix;
    enum snnconv_op ir;
    const struct snnconv_attributes *attributes;
    const uint32_t *inputs;
    uint32_t input_count;
};

/* Adds a node. *value is the value it writes; SNNCONV_NONE: a new one. */
int snnconv_tflite_emit(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        const struct snnconv_tflite_node *like, uint32_t *value);

/* The node of a fused activation (ActivationFunctionType) behind *value, which becomes its output:
 * `last`, or a new value where that is SNNCONV_NONE. Nothing for none, if `last` is not set.
 * Errors: UNSUPPORTED. */
int snnconv_tflite_activate(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                            int64_t activation, uint32_t last, uint32_t *value);
int snnconv_tflite_check_activation(struct snnconv_tflite *r, int64_t activation);

/* Axis of -rank .. rank - 1 as 0 .. rank - 1. Error: FORMAT. */
int snnconv_tflite_axis(struct snnconv_tflite *r, int64_t axis, uint32_t rank, int64_t *out);

/* The value carries the quantisation of tensor `index`, without its axis. */
void snnconv_tflite_annotate(struct snnconv_tflite *r, uint32_t value, int32_t index);

/* ---- tflite_layer.c; `ir` is the program's operator ---- */

int snnconv_tflite_conv(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir);
int snnconv_tflite_dense(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                         enum snnconv_op ir);
int snnconv_tflite_pool(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir);
int snnconv_tflite_reduce(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                          enum snnconv_op ir);

#endif
