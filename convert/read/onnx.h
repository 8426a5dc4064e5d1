/* Private to the ONNX reader: what its files share while one file is read.
 *
 *     onnx_wire.c   fields of messages          onnx_proto.c  messages, by protobuf-c
 *     onnx_tensor.c constants                   onnx_names.c  names of values
 *     onnx_rules.c  operators, their attributes onnx_node.c   a node into the newest form
 *     onnx_batch.c  one frame at a time         onnx.c        the file as a whole
 */
#ifndef SNN_CONVERT_READ_ONNX_H
#define SNN_CONVERT_READ_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/model.h"
#include "convert/read/onnx_proto.h"
#include "convert/read/problems.h"
#include "snn/convert.h"
#include "snn/status.h"

/* A name of the file and the value it has become, SNNCONV_NONE: none yet. */
struct snnconv_onnx_name {
    const char *text;
    uint32_t value;
};

/* A file of tensors beside the model. */
struct snnconv_onnx_beside {
    struct snnconv_onnx_beside *next;
    const char *location;
    const unsigned char *bytes; /* kept by the program */
    size_t size;
};

struct snnconv_onnx {
    struct snnconv_program *program;
    struct snn_context *context;
    const struct snnconv_file *file;
    const struct snn_import_options *options;
    struct snnconv_problems problems;
    bool told;                    /* the error under way is one of the problems */
    struct snnbase_arena scratch; /* goes when the file has been read */
    struct snnconv_onnx_unpacker unpacker;
    struct snnconv_onnx_head head;
    int64_t opset;
    struct snnconv_onnx_node *nodes;
    size_t node_count;
    struct snnconv_onnx_name *names; /* sorted by text */
    size_t name_count;
    int32_t *ranks; /* [value], -1: not known; of legacy broadcasts only */
    size_t rank_capacity;
    struct snnconv_onnx_beside *beside;
};

/* Byte of the file at which a message lies. */
static inline uint64_t snnconv_onnx_offset(const struct snnconv_onnx *onnx,
                                           struct snnconv_wire_bytes message)
{
    return (uint64_t)(message.bytes - onnx->file->bytes);
}

/* ---- onnx_tensor.c ---- */

/* Element type of TensorProto.DataType; NONE: one that is not read. */
enum snnconv_type snnconv_onnx_type(int32_t data_type);
/* The name of any TensorProto.DataType, "FLOAT16"; NULL: none. */
const char *snnconv_onnx_type_name(int32_t data_type);
/* UNSUPPORTED: `what` has such elements. */
int snnconv_onnx_refuse_type(struct snnconv_onnx *onnx, const char *what, int32_t data_type);

/* A TensorProto with its elements, in the program's arena; those of a file beside the model lie in
 * that file where their place is aligned for their type. */
int snnconv_onnx_read_tensor(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message,
                             struct snnconv_array *out);

/* ---- onnx_beside.c ---- */

/* The bytes of a tensor that lies in another file, in the folder of the model. */
int snnconv_onnx_read_beside(struct snnconv_onnx *onnx, const struct snnconv_onnx_tensor *tensor,
                             struct snnconv_wire_bytes *out);

/* ---- onnx_names.c ---- */

/* Room for `capacity` names; to be called once. */
int snnconv_onnx_names_begin(struct snnconv_onnx *onnx, size_t capacity);
void snnconv_onnx_names_put(struct snnconv_onnx *onnx, const char *text);
/* Sorts; from here on names are found. */
void snnconv_onnx_names_end(struct snnconv_onnx *onnx);
/* NULL for a name that was not put. */
struct snnconv_onnx_name *snnconv_onnx_names_find(struct snnconv_onnx *onnx, const char *text);
/* The value of a name, made if there is none yet: of no type. "" is SNNCONV_NONE. */
int snnconv_onnx_value(struct snnconv_onnx *onnx, const char *text, uint32_t *out);

/* ---- onnx_rules.c ---- */

/* How an attribute reaches the newest form. */
enum snnconv_onnx_kind {
    SNNCONV_ONNX_TO_INTEGER, /* struct snnconv_attributes at `at` */
    SNNCONV_ONNX_TO_FLAG,
    SNNCONV_ONNX_TO_REAL,
    SNNCONV_ONNX_TO_SPATIAL, /* a list, one entry for each spatial axis */
    SNNCONV_ONNX_TO_PADS,
    SNNCONV_ONNX_TO_AUTO_PAD,
    SNNCONV_ONNX_TO_PERM,
    SNNCONV_ONNX_TO_TYPE,
    SNNCONV_ONNX_TO_TYPE_NAME, /* "FLOAT", of opset 1 */
    SNNCONV_ONNX_TO_PAD_MODE,
    SNNCONV_ONNX_TO_VALUE,
    SNNCONV_ONNX_TO_LIST_INPUT, /* a constant input, number `at` */
    SNNCONV_ONNX_TO_REAL_INPUT,
    SNNCONV_ONNX_TO_NOTHING, /* known, and of no effect on what is computed */
    SNNCONV_ONNX_MUST_BE_ONE,
    SNNCONV_ONNX_LEGACY_BROADCAST,
    SNNCONV_ONNX_LEGACY_AXIS
};

struct snnconv_onnx_rule {
    const char *operator_name; /* NULL: of every operator */
    int first, last;           /* opsets */
    const char *name;
    enum snnconv_onnx_kind kind;
    size_t at;
};

struct snnconv_onnx_operator {
    const char *name;
    int first; /* opset that brought it */
    enum snnconv_op op;
};

/* NULL: not one that is read. */
const struct snnconv_onnx_operator *snnconv_onnx_operator(const char *name);
/* Row by row; NULL beyond the last. */
const struct snnconv_onnx_operator *snnconv_onnx_operator_row(uint32_t index);
/* NULL: that operator has no such attribute in that opset. */
const struct snnconv_onnx_rule *snnconv_onnx_rule(const char *operator_name, int64_t opset,
                                                  const char *name);
/* The name of an attribute that the operator must have and the node has not; NULL: none. */
const char *snnconv_onnx_missing_attribute(const char *operator_name, int64_t opset,
                                           const struct snnconv_onnx_node *node);
/* Raises UNSUPPORTED for an operator that is not read, with the reason that is known of it. */
int snnconv_onnx_refuse_operator(struct snn_context *context, const char *name);

/* ---- onnx_node.c ---- */

/* Appends what a node means to the program. Errors are about this node; the caller collects. */
int snnconv_onnx_read_node(struct snnconv_onnx *onnx, size_t index);

/* ---- onnx_batch.c ---- */

/* Makes a program that takes N frames at once one that takes one, where that is sound. */
int snnconv_onnx_take_one(struct snnconv_program *program, struct snn_context *context);

/* ---- onnx.c ---- */

/* As struct snnconv_model_reader's, but the batch stays as it is in the file. For tests. */
int snnconv_onnx_read(struct snnconv_program *out, struct snn_context *context,
                      const struct snnconv_file *file, const struct snn_import_options *options);

#endif
