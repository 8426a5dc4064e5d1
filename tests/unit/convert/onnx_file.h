/* ONNX files by hand: fields of messages written one after another, as the wire format has them.
 *
 * Small on purpose and without checks but on room: what is written may be as wrong as a test wants.
 */
#ifndef TESTS_UNIT_CONVERT_ONNX_FILE_H
#define TESTS_UNIT_CONVERT_ONNX_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "snn/convert.h"

enum { ONNX_FILE_SIZE = 8192 };

/* A message under way. */
struct onnx_message {
    unsigned char bytes[ONNX_FILE_SIZE];
    size_t size;
};

void onnx_put_integer(struct onnx_message *message, uint32_t field, uint64_t value);
void onnx_put_bytes(struct onnx_message *message, uint32_t field, const void *bytes, size_t size);
void onnx_put_text(struct onnx_message *message, uint32_t field, const char *text);
void onnx_put_real(struct onnx_message *message, uint32_t field, float value);
void onnx_put_message(struct onnx_message *message, uint32_t field,
                      const struct onnx_message *inner);

/* NodeProto: names apart by blanks, "-" for one left out. */
void onnx_node(struct onnx_message *out, const char *operator_name, const char *inputs,
               const char *outputs);
void onnx_attribute_integer(struct onnx_message *node, const char *name, int64_t value);
void onnx_attribute_real(struct onnx_message *node, const char *name, float value);
void onnx_attribute_text(struct onnx_message *node, const char *name, const char *text);
void onnx_attribute_integers(struct onnx_message *node, const char *name, const int64_t *items,
                             size_t count);
void onnx_attribute_tensor(struct onnx_message *node, const char *name,
                           const struct onnx_message *tensor);

/* TensorProto of that TensorProto.DataType without elements. */
void onnx_tensor(struct onnx_message *out, const char *name, int type, const int64_t *dim,
                 size_t rank);

/* A GraphProto under way. Extents below 0 are open. */
void onnx_add_node(struct onnx_message *graph, const struct onnx_message *node);
void onnx_add_simple(struct onnx_message *graph, const char *operator_name, const char *inputs,
                     const char *outputs);
void onnx_add_floats(struct onnx_message *graph, const char *name, const int64_t *dim, size_t rank,
                     const float *values);
void onnx_add_integers(struct onnx_message *graph, const char *name, const int64_t *values,
                       size_t count);
void onnx_add_input(struct onnx_message *graph, const char *name, const int64_t *dim, size_t rank);
void onnx_add_output(struct onnx_message *graph, const char *name);

/* ModelProto of IR version 7. */
void onnx_model(struct onnx_message *out, const struct onnx_message *graph, int64_t opset);

/* Reads into a program in `program`, which the caller ends with snnconv_program_fini in any case.
 * The file lies at `path`. */
int onnx_read(struct snnconv_program *program, struct snn_context *context, const char *path,
              const struct onnx_message *model, const struct snn_import_options *options);

/* The value of a name; fails the test if there is none. */
const struct snnconv_value *onnx_value(const struct snnconv_program *program, const char *name);

#endif
