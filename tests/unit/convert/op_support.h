/* One operator at a time: its inputs and attributes, what comes out, or how it is refused.
 *
 * A case lives for one test; what it puts out, until the suite's .fini.
 */
#ifndef TESTS_UNIT_CONVERT_OP_SUPPORT_H
#define TESTS_UNIT_CONVERT_OP_SUPPORT_H

#include "convert/ir/array.h"
#include "convert/ir/op.h"
#include "tests/unit/support.h"

/* An array over `values`; the extents follow. A scalar has none. */
#define OP_SCALAR(element, values) \
    ((struct snnconv_array){.type = SNNCONV_TYPE_##element, .data = (values)})
#define OP_ARRAY(element, values, ...)                                                  \
    ((struct snnconv_array){.type = SNNCONV_TYPE_##element,                             \
                            .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), \
                            .dim = {__VA_ARGS__},                                       \
                            .data = (values)})

enum { OP_INPUT_MAX = 9, OP_OUTPUT_MAX = 3 };

struct op_case {
    enum snnconv_op op;
    struct snnconv_attributes attributes; /* the specification's defaults */
    struct snnconv_array inputs[OP_INPUT_MAX];
    uint32_t input_count;
    struct snnconv_array outputs[OP_OUTPUT_MAX];
    uint32_t output_count; /* 1 */
};

/* For .init and .fini in place of support_begin and support_end. */
void op_begin(void);
void op_end(void);

struct op_case op_case(enum snnconv_op op);
void op_input(struct op_case *test, struct snnconv_array input);
void op_left_out(struct op_case *test);
/* Kernel, stride and pads (at both ends) of all of `spatial` axes. */
void op_window(struct op_case *test, uint32_t spatial, int64_t kernel, int64_t stride, int64_t pad);

/* Evaluates in any context; returns the status. */
int op_try(struct op_case *test, struct snn_context *context, struct snnbase_arena *arena);

/* Evaluates, and holds the first output against `expected`: type, shape, and every element, exactly
 * or within a distance. */
void op_expect(struct op_case *test, struct snnconv_array expected);
void op_expect_near(struct op_case *test, struct snnconv_array expected, double distance);
/* Holds a further output against what is expected, after one of the two above. */
void op_expect_output(const struct op_case *test, uint32_t index, struct snnconv_array expected);

/* The shape rule refuses it, with this status and message. */
void op_expect_refusal(struct op_case *test, int status, const char *message);

#endif
