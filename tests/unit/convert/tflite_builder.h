/* Small TFLite files for tests: tensors and operators as a list, written down as the schema has
 * them. Everything is appended, so that all offsets point forwards, and may be overwritten by a
 * test that wants a lie.
 */
#ifndef TESTS_UNIT_CONVERT_TFLITE_BUILDER_H
#define TESTS_UNIT_CONVERT_TFLITE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUILDER_BYTES_MAX = 1 << 16, BUILDER_FIELD_MAX = 12 };

/* ---- FlatBuffers ---- */

struct builder {
    unsigned char bytes[BUILDER_BYTES_MAX];
    size_t size;
};

/* A root offset and four bytes of identifier. */
void builder_begin(struct builder *builder, const char identifier[4]);
/* A table whose field i takes widths[i] bytes (0: left out), all zero; its place. */
size_t builder_table(struct builder *builder, unsigned field_count, const unsigned char *widths);
size_t builder_vector(struct builder *builder, unsigned width, size_t count);
size_t builder_string(struct builder *builder, const char *text);
/* Place of a field's bytes, and of a vector's item. */
size_t builder_field(const struct builder *builder, size_t table, unsigned field);
size_t builder_item(const struct builder *builder, size_t vector, unsigned width, size_t index);
void builder_put(struct builder *builder, size_t at, unsigned width, uint64_t value);
/* Lets the offset at `at` point to `target`. */
void builder_point(struct builder *builder, size_t at, size_t target);

/* ---- TFLite ---- */

struct builder_tensor {
    const char *name;
    unsigned type;
    int32_t dim[8];
    unsigned rank;
    const void *data; /* of a constant, little-endian */
    size_t size;
    bool outside; /* the data stands at the end of the file, not in its buffer */
    bool open;    /* the signature leaves all axes open */
    float scale[8];
    int64_t zero_point[8];
    unsigned scale_count, zero_count;
    int32_t axis;
};

struct builder_op {
    unsigned code;
    int32_t inputs[4];
    unsigned input_count;
    int32_t output;
    unsigned options_kind;
    struct {
        unsigned char width; /* 0: left out */
        int32_t value;
    } options[8];
    const char *custom;
};

struct builder_model {
    const struct builder_tensor *tensors;
    unsigned tensor_count;
    const struct builder_op *ops;
    unsigned op_count;
    int32_t input, output;
    unsigned subgraph_count; /* 0 means 1 */
    unsigned version;        /* 0 means 3 */
};

void builder_write(struct builder *out, const struct builder_model *model);

#endif
