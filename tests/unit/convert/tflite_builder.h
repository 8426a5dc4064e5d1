/* Small TFLite files for tests: tensors and operators as a list, written down as the schema has
 * them. Everything is appended, so that all offsets point forwards, and may be overwritten by a
 * test that wants a lie.
 */
#ifndef TESTS_UNIT_CONVERT_TFLITE_BUILDER_H
#define TESTS_UNIT_CONVERT_TFLITE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/flat_builder.h"

enum { BUILDER_FIELD_MAX = 12 };

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
