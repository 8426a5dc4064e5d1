/* The messages of an ONNX file as plain structs, one message at a time.
 *
 * Only onnx_proto.c knows protobuf-c. Before it unpacks a message, all that nests or is large is
 * cut out and stays where it lies in the file: so no recursion, and no copy of the weights.
 * Everything a struct points to lives in the unpacker's arena or in the file.
 */
#ifndef SNN_CONVERT_READ_ONNX_PROTO_H
#define SNN_CONVERT_READ_ONNX_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "convert/read/onnx_wire.h"
#include "convert/read/reader.h"
#include "libsnn/base/memory.h"
#include "snn/context.h"

struct snnconv_onnx_unpacker {
    struct snn_context *context;
    struct snnbase_arena *arena;
    uint64_t left; /* bytes that it may still take */
};

/* ModelProto without its graph. */
struct snnconv_onnx_head {
    int64_t ir_version; /* 0: none */
    const char *producer_name;
    const char *producer_version;
    int64_t opset;             /* of the operators of ONNX itself; 0: none is named */
    const char *foreign_opset; /* the first that is not ONNX's; NULL: none */
};

/* AttributeProto.AttributeType */
enum snnconv_onnx_attribute_type {
    SNNCONV_ONNX_UNDEFINED = 0,
    SNNCONV_ONNX_FLOAT = 1,
    SNNCONV_ONNX_INT = 2,
    SNNCONV_ONNX_STRING = 3,
    SNNCONV_ONNX_TENSOR = 4,
    SNNCONV_ONNX_FLOATS = 6,
    SNNCONV_ONNX_INTS = 7
};

struct snnconv_onnx_attribute {
    const char *name;
    int32_t type; /* enum snnconv_onnx_attribute_type, or one that is not read */
    float real;
    int64_t integer;
    const char *text;
    const float *reals;
    size_t real_count;
    const int64_t *integers;
    size_t integer_count;
    struct snnconv_wire_bytes tensor; /* TensorProto */
    bool is_reference;                /* to an attribute of the function around the node */
    bool used;                        /* for the reader: somebody has asked for it */
};

struct snnconv_onnx_node {
    struct snnconv_wire_bytes message;
    const char *name; /* "": none */
    const char *operator_name;
    const char *domain;
    char **inputs; /* names; "": left out */
    size_t input_count;
    char **outputs;
    size_t output_count;
    struct snnconv_onnx_attribute *attributes;
    size_t attribute_count;
};

/* TensorProto. Elements are in exactly one place: `bytes` (little-endian), typed items, or
 * another file. */
struct snnconv_onnx_tensor {
    const char *name;
    int32_t data_type; /* TensorProto.DataType */
    uint32_t rank;
    int64_t dim[SNNCONV_RANK_MAX];
    struct snnconv_wire_bytes bytes; /* raw_data, or float_data or double_data in one piece */
    bool bytes_typed;                /* float_data or double_data */
    const float *reals;              /* float_data in several pieces */
    size_t real_count;
    const double *doubles;
    size_t double_count;
    const int32_t *integers32;
    size_t integer32_count;
    const int64_t *integers64;
    size_t integer64_count;
    const uint64_t *unsigneds64;
    size_t unsigned64_count;
    bool is_external;
    const char *location; /* NULL: none */
    const char *location_offset;
    const char *location_length;
};

/* ValueInfoProto of a tensor. */
struct snnconv_onnx_value_info {
    const char *name;
    bool is_tensor;
    bool has_shape;
    int32_t data_type;
    size_t rank;
    int64_t *dim;       /* -1: open */
    const char **param; /* name of an open extent, or "" */
};

/* Each takes one message. Errors: FORMAT (not such a message), LIMIT (more than the unpacker may
 * take), NOMEM. */
int snnconv_onnx_unpack_head(struct snnconv_onnx_head *out, struct snnconv_onnx_unpacker *unpacker,
                             struct snnconv_wire_bytes message);
int snnconv_onnx_unpack_graph_name(const char **out, struct snnconv_onnx_unpacker *unpacker,
                                   struct snnconv_wire_bytes message);
int snnconv_onnx_unpack_function_name(const char **out, struct snnconv_onnx_unpacker *unpacker,
                                      struct snnconv_wire_bytes message);
int snnconv_onnx_unpack_node(struct snnconv_onnx_node *out, struct snnconv_onnx_unpacker *unpacker,
                             struct snnconv_wire_bytes message);
/* The name alone costs nothing but the name. */
int snnconv_onnx_unpack_tensor_name(const char **out, struct snnconv_onnx_unpacker *unpacker,
                                    struct snnconv_wire_bytes message);
int snnconv_onnx_unpack_tensor(struct snnconv_onnx_tensor *out,
                               struct snnconv_onnx_unpacker *unpacker,
                               struct snnconv_wire_bytes message);
int snnconv_onnx_unpack_value_info(struct snnconv_onnx_value_info *out,
                                   struct snnconv_onnx_unpacker *unpacker,
                                   struct snnconv_wire_bytes message);

#endif
