/* TFLite models: small files written by tflite_builder.h, read, run as programs, and held against
 * values computed by hand. Models of others are the matter of tests/flow/tflite.py.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/ir/program.h"
#include "convert/read/model.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"
#include "tests/unit/convert/tflite_builder.h"

extern const struct snnconv_model_reader snnconv_tflite_reader;

TestSuite(tflite, .init = support_begin, .fini = support_end);

/* TensorType and BuiltinOperator, from the schema. */
enum { F32 = 0, F16 = 1, I32 = 2, U8 = 3, I16 = 7, I8 = 9 };
enum {
    ADD = 0,
    AVERAGE_POOL = 1,
    CONCATENATION = 2,
    CONV = 3,
    DEPTHWISE = 4,
    DEQUANTIZE = 6,
    DENSE = 9,
    RELU = 19,
    RELU6 = 21,
    RESHAPE = 22,
    SOFTMAX = 25,
    TANH = 28,
    CUSTOM = 32,
    PAD = 34,
    MEAN = 40,
    SQUEEZE = 43,
    STRIDED_SLICE = 45,
    ARG_MAX = 56,
    PADV2 = 60,
    EXPAND_DIMS = 70,
    SHAPE = 77,
    REDUCE_MAX = 82,
    PACK = 83,
    LEAKY_RELU = 98,
    QUANTIZE = 114,
    GELU = 150
};

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))
#define DATA(array) .data = (array), .size = sizeof(array)
#define OPTION(bytes, number) \
    {                         \
        (bytes), (number)     \
    }

static struct builder file;

/* ---- Reading and running ---- */

static int read_bytes(struct snnconv_program *program, struct snn_context *context,
                      const unsigned char *bytes, size_t size)
{
    const struct snnconv_file model = {"net.tflite", bytes, size};
    snnconv_program_init(program, context);
    int status = snnconv_tflite_reader.read(program, context, &model, NULL);
    return status == SNN_OK ? snnconv_program_sort(program, context) : status;
}

/* Tensor 0 is the input, the last one the output. */
static void write_model(const struct builder_tensor *tensors, unsigned tensor_count,
                        const struct builder_op *ops, unsigned op_count)
{
    const struct builder_model model = {.tensors = tensors,
                                        .tensor_count = tensor_count,
                                        .ops = ops,
                                        .op_count = op_count,
                                        .input = 0,
                                        .output = (int32_t)tensor_count - 1};
    builder_write(&file, &model);
}

/* Reads and runs the file as it is. */
static void expect_values(const float *input, const float *expected, size_t expected_count)
{
    struct snnconv_program program;
    struct snnbase_arena arena;
    cr_assert_eq(read_bytes(&program, support_context(), file.bytes, file.size), SNN_OK, "%s",
                 snn_context_message(support_context()));
    struct snnconv_array *arrays = calloc(program.value_count, sizeof(*arrays));
    struct snnconv_array x = program.values[program.inputs[0]].array;
    x.data = input;
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_program_run(&program, support_context(), &x, arrays, &arena), SNN_OK, "%s",
                 snn_context_message(support_context()));
    const struct snnconv_array *y = &arrays[program.outputs[0]];
    cr_expect_eq(snnconv_array_count(y), expected_count);
    for (size_t i = 0; i < expected_count && i < snnconv_array_count(y); i++)
        cr_expect_float_eq(snnconv_array_load(y, i), (double)expected[i],
                           1e-6 * fabs((double)expected[i]) + 1e-12, "value %zu: %g", i,
                           snnconv_array_load(y, i));
    free(arrays);
    snnbase_arena_fini(&arena);
    snnconv_program_fini(&program);
}

static void refuse(int status, const char *message)
{
    struct snnconv_program program;
    int found = read_bytes(&program, support_context(), file.bytes, file.size);
    cr_expect_eq(found, status, "%s: status %d", message, found);
    cr_expect_str_eq(snn_context_message(support_context()), message);
    snnconv_program_fini(&program);
}

#define WRITE(tensors, ops) write_model(tensors, COUNT(tensors), ops, COUNT(ops))
#define EXPECT(input, expected) expect_values(input, expected, COUNT(expected))

/* ---- Layers ---- */

/* Kernel [2 out][1][2][2 in]: the first filter reads off digits, the second takes a difference. */
static const float digits[] = {1, 10, 100, 1000, 0, 0, 1, -1};
static const float half_zero[] = {0.5f, 0.0f};

static const struct builder_tensor conv_tensors[] = {
    {.name = "x", .dim = {1, 1, 3, 2}, .rank = 4},
    {.name = "net/first/Conv2D", .dim = {2, 1, 2, 2}, .rank = 4, DATA(digits)},
    {.name = "b", .dim = {2}, .rank = 1, DATA(half_zero)},
    {.name = "net/first/Relu;net/first/BiasAdd", .dim = {1, 1, 2, 2}, .rank = 4},
};
static const struct builder_op conv_ops[] = {
    /* VALID, strides 1, RELU */
    {CONV, {0, 1, 2}, 3, 3, 1, {OPTION(1, 1), OPTION(4, 1), OPTION(4, 1), OPTION(1, 1)}, NULL},
};

Test(tflite, kernels_are_o_h_w_i_and_pictures_n_h_w_c)
{
    /* 1 + 2*10 + 3*100 + 4*1000, 3 + 4*10 + 5*100 + 6*1000; 3 - 4 and 5 - 6 are cut off. */
    static const float input[] = {1, 2, 3, 4, 5, 6}, expected[] = {4321.5f, 0, 6543.5f, 0};
    WRITE(conv_tensors, conv_ops);
    EXPECT(input, expected);
}

Test(tflite, a_convolution_stands_between_transpositions_under_its_layers_name)
{
    struct snnconv_program program;
    char *text = NULL;
    WRITE(conv_tensors, conv_ops);
    cr_assert_eq(read_bytes(&program, support_context(), file.bytes, file.size), SNN_OK);
    cr_assert_eq(snnconv_program_format(&text, support_context(), &program), SNN_OK);
    static const char *const names[] = {"net/first/nchw", "net/first", "net/first/relu",
                                        "net/first/nhwc"};
    cr_assert_eq(program.node_count, 4, "%s", text);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_str_eq(program.nodes[i].name, names[i]);
    cr_expect(program.channels_last);
    cr_expect_str_eq(program.format, "TFLite (version 3, Test)");
    cr_expect_str_eq(program.name, "main");
    cr_expect_str_eq(program.values[program.outputs[0]].name, "net/first/Relu;net/first/BiasAdd");
    cr_expect_neq(program.nodes[1].offset, SNNCONV_NO_OFFSET);
    snnbase_free(support_context(), text);
    snnconv_program_fini(&program);
}

Test(tflite, a_depthwise_convolution_makes_m_channels_of_each)
{
    static const float weights[] = {1, 2, 3, 4};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 1, 1, 2}, .rank = 4},
        {.name = "w", .dim = {1, 1, 1, 4}, .rank = 4, DATA(weights)},
        {.name = "y", .dim = {1, 1, 1, 4}, .rank = 4},
    };
    static const struct builder_op ops[] = {
        {DEPTHWISE, {0, 1, -1}, 3, 2, 2, {OPTION(0, 0), OPTION(4, 1), OPTION(4, 1)}, NULL},
    };
    static const float input[] = {10, 100}, expected[] = {10, 20, 300, 400};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, same_padding_puts_the_odd_column_behind_and_means_leave_it_out)
{
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 1, 3, 1}, .rank = 4},
        {.name = "y", .dim = {1, 1, 2, 1}, .rank = 4},
    };
    /* SAME (the default, left out), strides w 2, h 1, filter w 2, h 1 */
    static const struct builder_op ops[] = {
        {AVERAGE_POOL,
         {0},
         1,
         1,
         5,
         {OPTION(0, 0), OPTION(4, 2), OPTION(4, 1), OPTION(4, 2), OPTION(4, 1)},
         NULL},
    };
    static const float input[] = {2, 4, 6}, expected[] = {3, 6};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

static const float weights_2x2[] = {1, 2, 3, 4};

Test(tflite, a_dense_layer_takes_pictures_as_rows)
{
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2, 1, 1}, .rank = 4},
        {.name = "w", .dim = {2, 2}, .rank = 2, DATA(weights_2x2)},
        {.name = "b", .dim = {2}, .rank = 1, DATA(half_zero)},
        {.name = "y", .dim = {1, 2}, .rank = 2},
    };
    static const struct builder_op ops[] = {
        {DENSE, {0, 1, 2}, 3, 3, 8, {OPTION(1, 3)}, NULL}, /* RELU6 */
    };
    /* 1*1 + 2*1 + .5, min(3 + 4, 6) */
    static const float input[] = {1, 1}, expected[] = {3.5f, 6};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, a_dense_layer_may_keep_the_axes_before_the_last)
{
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2, 2}, .rank = 3},
        {.name = "w", .dim = {2, 2}, .rank = 2, DATA(weights_2x2)},
        {.name = "b", .dim = {2}, .rank = 1, DATA(half_zero)},
        {.name = "y", .dim = {1, 2, 2}, .rank = 3},
    };
    static const struct builder_op ops[] = {
        {DENSE, {0, 1, 2}, 3, 3, 8, {OPTION(1, 0), OPTION(0, 0), OPTION(1, 1)}, NULL},
    };
    static const float input[] = {1, 0, 0, 1}, expected[] = {1.5f, 3, 2.5f, 4};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

/* ---- Quantised ---- */

/* A depthwise convolution of two channels, per-channel scales along axis 3, int32 bias whose scales
 * are left out. */
static const int8_t stored_weights[] = {2, -3};
static const int32_t stored_bias[] = {7, -9};
static const struct builder_tensor quantized_tensors[] = {
    {.name = "x",
     .type = I8,
     .dim = {1, 1, 1, 2},
     .rank = 4,
     .scale = {0.5f},
     .scale_count = 1,
     .zero_point = {-128},
     .zero_count = 1},
    {.name = "w",
     .type = I8,
     .dim = {1, 1, 1, 2},
     .rank = 4,
     DATA(stored_weights),
     .scale = {0.25f, 2.0f},
     .scale_count = 2,
     .zero_count = 2,
     .axis = 3},
    {.name = "b", .type = I32, .dim = {2}, .rank = 1, DATA(stored_bias)},
    {.name = "y",
     .type = I8,
     .dim = {1, 1, 1, 2},
     .rank = 4,
     .scale = {0.125f},
     .scale_count = 1,
     .zero_point = {3},
     .zero_count = 1},
};
static const struct builder_op quantized_ops[] = {
    {DEPTHWISE, {0, 1, 2}, 3, 3, 2, {OPTION(0, 0), OPTION(4, 1), OPTION(4, 1)}, NULL},
};

Test(tflite, integers_become_the_numbers_they_stand_for)
{
    /* weights 0.5 and -6; bias 7 * (.5 * .25) and -9 * (.5 * 2) */
    static const float input[] = {1, 2}, expected[] = {1.375f, -21.0f};
    WRITE(quantized_tensors, quantized_ops);
    EXPECT(input, expected);
}

Test(tflite, unsigned_weights_have_their_zero_in_the_middle)
{
    static const uint8_t stored[] = {130, 255, 0, 128};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .type = U8, .dim = {1, 2}, .rank = 2, .scale = {1}, .scale_count = 1},
        {.name = "w",
         .type = U8,
         .dim = {2, 2},
         .rank = 2,
         DATA(stored),
         .scale = {0.5f},
         .scale_count = 1,
         .zero_point = {128},
         .zero_count = 1},
        {.name = "y", .type = U8, .dim = {1, 2}, .rank = 2, .scale = {1}, .scale_count = 1},
    };
    static const struct builder_op ops[] = {
        {.code = DENSE, .inputs = {0, 1}, .input_count = 2, .output = 2},
    };
    /* weights 1, 63.5, -64, 0 */
    static const float input[] = {2, 10}, expected[] = {637, -128};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, values_say_how_they_are_stored)
{
    struct snnconv_program program;
    WRITE(quantized_tensors, quantized_ops);
    cr_assert_eq(read_bytes(&program, support_context(), file.bytes, file.size), SNN_OK);
    const struct snnconv_node *conv = &program.nodes[1];
    cr_assert_eq(conv->op, SNNCONV_OP_CONV);
    const struct snnconv_quantization *x = program.values[conv->inputs[0]].quantization;
    const struct snnconv_quantization *w = program.values[conv->inputs[1]].quantization;
    const struct snnconv_quantization *b = program.values[conv->inputs[2]].quantization;
    const struct snnconv_quantization *y = program.values[conv->outputs[0]].quantization;
    cr_assert(x != NULL && w != NULL && b != NULL && y != NULL);
    cr_expect(x->type == SNNCONV_TYPE_I8 && x->zero_point[0] == -128 && x->scale[0] == 0.5f);
    cr_expect(w->type == SNNCONV_TYPE_I8 && w->count == 2 && w->axis == 0 && w->scale[1] == 2.0f);
    cr_expect(b->type == SNNCONV_TYPE_I32 && b->count == 2 && b->scale[0] == 0.125f);
    cr_expect(y->zero_point[0] == 3 && y->scale[0] == 0.125f);
    cr_expect_eq(program.values[program.inputs[0]].quantization, x);
    cr_expect_eq(program.values[program.outputs[0]].quantization, y);
    cr_expect_eq(program.values[program.inputs[0]].array.type, SNNCONV_TYPE_F32);
    cr_expect_str_eq(support_diagnostics(), "");
    snnconv_program_fini(&program);
}

Test(tflite, a_bias_that_float_cannot_hold_is_a_warning)
{
    static const int32_t large[] = {16777217, 5}; /* 2^24 + 1 */
    struct builder_tensor tensors[COUNT(quantized_tensors)];
    struct snnconv_program program;
    memcpy(tensors, quantized_tensors, sizeof(tensors));
    tensors[2].data = large;
    WRITE(tensors, quantized_ops);
    cr_assert_eq(read_bytes(&program, support_context(), file.bytes, file.size), SNN_OK);
    cr_expect_str_eq(support_diagnostics(),
                     "warning: 1 of 2 integers of bias 'b' are not what float gives back, the "
                     "first is number 0\n");
    snnconv_program_fini(&program);
}

Test(tflite, narrow_weights_come_through_an_operator_of_their_own)
{
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x3800, 0x0000}; /* 1, -2, .5, 0 */
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2}, .rank = 2},
        {.name = "h", .type = F16, .dim = {2, 2}, .rank = 2, DATA(halves)},
        {.name = "w", .dim = {2, 2}, .rank = 2},
        {.name = "y", .dim = {1, 2}, .rank = 2},
    };
    static const struct builder_op ops[] = {
        {.code = DEQUANTIZE, .inputs = {1}, .input_count = 1, .output = 2},
        {.code = DENSE, .inputs = {0, 2}, .input_count = 2, .output = 3},
    };
    static const float input[] = {3, 1}, expected[] = {1, 1.5f};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, constants_may_lie_behind_the_tables)
{
    static const float input[] = {1, 2, 3, 4, 5, 6}, expected[] = {4321.5f, 0, 6543.5f, 0};
    struct builder_tensor tensors[COUNT(conv_tensors)];
    struct snnconv_program program;
    memcpy(tensors, conv_tensors, sizeof(tensors));
    tensors[1].outside = true;
    WRITE(tensors, conv_ops);
    EXPECT(input, expected);
    /* The last of its bytes is missing. */
    cr_expect_eq(read_bytes(&program, support_context(), file.bytes, file.size - 1),
                 SNN_ERR_FORMAT);
    const char *message = strstr(snn_context_message(support_context()), ": 32 bytes from byte ");
    cr_expect_not_null(message);
    snnconv_program_fini(&program);
}

Test(tflite, what_the_file_leaves_open_the_caller_may_give)
{
    struct builder_tensor tensors[COUNT(conv_tensors)];
    struct snnconv_program program;
    memcpy(tensors, conv_tensors, sizeof(tensors));
    tensors[0].open = true;
    WRITE(tensors, conv_ops);
    const struct snnconv_file model = {"net.tflite", file.bytes, file.size};
    const struct snn_import_options options = {.input_shape = {0, 7, 9}};
    snnconv_program_init(&program, support_context());
    cr_assert_eq(snnconv_tflite_reader.read(&program, support_context(), &model, &options), SNN_OK);
    const struct snnconv_array *x = &program.values[program.inputs[0]].array;
    cr_expect(x->dim[0] == 1 && x->dim[1] == 7 && x->dim[2] == 9 && x->dim[3] == 2);
    snnconv_program_fini(&program);
}

/* ---- Elementwise operators and shapes ---- */

Test(tflite, a_chain_of_elementwise_operators)
{
    static const float plus[] = {1, -20};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 1, 1, 2}, .rank = 4},
        {.name = "c", .dim = {2}, .rank = 1, DATA(plus)},
        {.name = "sum", .dim = {1, 1, 1, 2}, .rank = 4},
        {.name = "leaky", .dim = {1, 1, 1, 2}, .rank = 4},
        {.name = "both", .dim = {1, 1, 1, 4}, .rank = 4},
        {.name = "q", .dim = {1, 1, 1, 4}, .rank = 4},
        {.name = "y", .dim = {1, 1, 1, 4}, .rank = 4},
    };
    static const struct builder_op ops[] = {
        {.code = ADD, .inputs = {0, 1}, .input_count = 2, .output = 2},
        {LEAKY_RELU, {2}, 1, 3, 75, {OPTION(4, 0x3f000000)}, NULL}, /* 0.5 */
        {CONCATENATION, {3, 0}, 2, 4, 10, {OPTION(4, -1)}, NULL},
        {.code = QUANTIZE, .inputs = {4}, .input_count = 1, .output = 5},
        {.code = RELU6, .inputs = {5}, .input_count = 1, .output = 6},
    };
    /* 3 + 1, (10 - 20) / 2 cut off; then 3 and 10 themselves. */
    static const float input[] = {3, 10}, expected[] = {4, 0, 3, 6};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, paddings_are_pairs_and_the_value_may_be_given)
{
    static const int32_t pairs[] = {0, 0, 0, 0, 1, 2, 0, 0};
    static const float seven[] = {7};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 1, 1, 2}, .rank = 4},
        {.name = "p", .type = I32, .dim = {4, 2}, .rank = 2, DATA(pairs)},
        {.name = "seven", .rank = 0, DATA(seven)},
        {.name = "y", .dim = {1, 1, 4, 2}, .rank = 4},
    };
    static const struct builder_op ops[] = {
        {.code = PADV2, .inputs = {0, 1, 2}, .input_count = 3, .output = 3},
    };
    static const float input[] = {1, 2}, expected[] = {7, 7, 1, 2, 7, 7, 7, 7};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, means_are_over_height_and_width_or_over_what_is_asked_for)
{
    static const int32_t spatial[] = {-3, 2}, channel[] = {1};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2, 1, 2}, .rank = 4},
        {.name = "hw", .type = I32, .dim = {2}, .rank = 1, DATA(spatial)},
        {.name = "kept", .dim = {1, 1, 1, 2}, .rank = 4},
        {.name = "pooled", .dim = {1, 2}, .rank = 2},
        {.name = "c", .type = I32, .dim = {1}, .rank = 1, DATA(channel)},
        {.name = "y", .dim = {1}, .rank = 1},
    };
    static const struct builder_op ops[] = {
        {MEAN, {0, 1}, 2, 2, 27, {OPTION(1, 1)}, NULL},
        {MEAN, {2, 1}, 2, 3, 27, {OPTION(0, 0)}, NULL},
        {MEAN, {3, 4}, 2, 5, 27, {OPTION(0, 0)}, NULL},
    };
    /* channels (1 + 5) / 2 and (2 + 8) / 2, their mean */
    static const float input[] = {1, 2, 5, 8}, expected[] = {4};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, maxima_are_over_height_and_width)
{
    static const int32_t spatial[] = {1, 2};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2, 1, 2}, .rank = 4},
        {.name = "hw", .type = I32, .dim = {2}, .rank = 1, DATA(spatial)},
        {.name = "y", .dim = {1, 2}, .rank = 2},
    };
    static const struct builder_op ops[] = {{REDUCE_MAX, {0, 1}, 2, 2, 27, {OPTION(0, 0)}, NULL}};
    static const float input[] = {1, 8, 5, 2}, expected[] = {5, 8};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, a_flatten_that_computes_its_shape)
{
    static const int32_t zero[] = {0}, one[] = {1}, minus[] = {-1};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2, 1, 2}, .rank = 4},
        {.name = "shape", .type = I32, .dim = {4}, .rank = 1},
        {.name = "0", .type = I32, .dim = {1}, .rank = 1, DATA(zero)},
        {.name = "1", .type = I32, .dim = {1}, .rank = 1, DATA(one)},
        {.name = "batch", .type = I32, .rank = 0},
        {.name = "-1", .type = I32, .rank = 0, DATA(minus)},
        {.name = "new", .type = I32, .dim = {2}, .rank = 1},
        {.name = "flat", .dim = {1, 4}, .rank = 2},
        {.name = "more", .dim = {1, 1, 4}, .rank = 3},
        {.name = "y", .dim = {1, 4}, .rank = 2},
    };
    static const struct builder_op ops[] = {
        {.code = SHAPE, .inputs = {0}, .input_count = 1, .output = 1},
        /* begin [0], end [1], stride [1], shrink the axis */
        {STRIDED_SLICE, {1, 2, 3, 3}, 4, 4, 32, {[4] = OPTION(4, 1)}, NULL},
        {PACK, {4, 5}, 2, 6, 59, {OPTION(4, 2)}, NULL},
        {.code = RESHAPE, .inputs = {0, 6}, .input_count = 2, .output = 7},
        {.code = EXPAND_DIMS, .inputs = {7, 3}, .input_count = 2, .output = 8},
        {.code = SQUEEZE, .inputs = {8}, .input_count = 1, .output = 9},
    };
    static const float input[] = {1, 2, 3, 4}, expected[] = {1, 2, 3, 4};
    WRITE(tensors, ops);
    EXPECT(input, expected);
}

Test(tflite, a_softmax_has_a_beta_and_the_largest_is_found)
{
    static const int32_t axis[] = {-1};
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2}, .rank = 2},
        {.name = "soft", .dim = {1, 2}, .rank = 2},
        {.name = "axis", .type = I32, .rank = 0, DATA(axis)},
        {.name = "y", .type = I32, .dim = {1}, .rank = 1},
    };
    static const struct builder_op ops[] = {
        {SOFTMAX, {0}, 1, 1, 9, {OPTION(4, 0x40000000)}, NULL}, /* 2 */
        {.code = ARG_MAX, .inputs = {1, 2}, .input_count = 2, .output = 3},
    };
    /* e^(2 * .5 ln 3) = 3: a quarter and three */
    static const float input[] = {0.0f, 0.549306144f}, largest[] = {1}, quarters[] = {0.25f, 0.75f};
    WRITE(tensors, ops);
    EXPECT(input, largest);
    write_model(tensors, 2, ops, 1);
    EXPECT(input, quarters);
}

Test(tflite, nodes_have_names_of_their_own)
{
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2}, .rank = 2},
        {.name = "net/act/Relu", .dim = {1, 2}, .rank = 2},
        {.name = "net/act/Relu6", .dim = {1, 2}, .rank = 2},
        {.name = "net/act/Relu6", .dim = {1, 2}, .rank = 2},
        {.name = "StatefulPartitionedCall:0", .dim = {1, 2}, .rank = 2},
    };
    static const struct builder_op ops[] = {
        {.code = RELU, .inputs = {0}, .input_count = 1, .output = 1},
        {.code = RELU, .inputs = {1}, .input_count = 1, .output = 2},
        {.code = RELU, .inputs = {2}, .input_count = 1, .output = 3},
        {.code = RELU, .inputs = {3}, .input_count = 1, .output = 4},
    };
    static const char *const names[] = {"act/Relu", "act/Relu6#1", "act/Relu6#2", "relu"};
    struct snnconv_program program;
    WRITE(tensors, ops);
    cr_assert_eq(read_bytes(&program, support_context(), file.bytes, file.size), SNN_OK);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_str_eq(program.nodes[i].name, names[i]);
    snnconv_program_fini(&program);
}

/* ---- Refused ---- */

Test(tflite, all_problems_are_reported_and_the_first_is_the_error)
{
    static const struct builder_tensor tensors[] = {
        {.name = "x", .dim = {1, 2}, .rank = 2}, {.name = "a", .dim = {1, 2}, .rank = 2},
        {.name = "b", .dim = {1, 2}, .rank = 2}, {.name = "c", .dim = {1, 2}, .rank = 2},
        {.name = "y", .dim = {1, 2}, .rank = 2},
    };
    static const struct builder_op ops[] = {
        {.code = TANH, .inputs = {0}, .input_count = 1, .output = 1},
        {.code = CUSTOM, .inputs = {1}, .input_count = 1, .output = 2, .custom = "My\nOp"},
        {ADD, {1, 2}, 2, 3, 11, {OPTION(1, 2)}, NULL},
        {.code = GELU, .inputs = {3}, .input_count = 1, .output = 4},
    };
    struct snnconv_program program;
    WRITE(tensors, ops);
    cr_expect_eq(read_bytes(&program, support_context(), file.bytes, file.size),
                 SNN_ERR_UNSUPPORTED);
    const char *message = snn_context_message(support_context());
    const char *tail = strstr(message, ": node ");
    cr_assert(strncmp(message, "net.tflite: byte ", 17) == 0 && tail != NULL, "%s", message);
    cr_expect_str_eq(tail, ": node 'a': operator TANH is not read");
    cr_expect_str_eq(support_diagnostics(),
                     "error: operator TANH is not read\n"
                     "error: custom operator 'My?Op' is not read\n"
                     "error: fused activation RELU_N1_TO_1 has no form in a graph\n"
                     "error: operator GELU is not read\n");
    snnconv_program_fini(&program);
}

/* One thing of the convolution's tensors, or of its operator, is another. */
static void refuse_conv(const struct builder_tensor *changed, unsigned index,
                        const struct builder_op *op, int status, const char *diagnostics)
{
    struct builder_tensor tensors[COUNT(conv_tensors)];
    struct snnconv_program program;
    memcpy(tensors, conv_tensors, sizeof(tensors));
    if (changed != NULL) tensors[index] = *changed;
    write_model(tensors, COUNT(tensors), op != NULL ? op : conv_ops, 1);
    size_t before = strlen(support_diagnostics());
    cr_expect_eq(read_bytes(&program, support_context(), file.bytes, file.size), status, "%s",
                 diagnostics);
    cr_expect_str_eq(support_diagnostics() + before, diagnostics);
    snnconv_program_fini(&program);
}

Test(tflite, tensors_must_be_what_they_say)
{
    struct builder_tensor w = conv_tensors[1];
    w.size -= 4;
    refuse_conv(&w, 1, NULL, SNN_ERR_FORMAT,
                "error: tensor 'net/first/Conv2D': FLOAT32 [2, 1, 2, 2] in 28 bytes\n");
    w = conv_tensors[1];
    w.dim[0] = -2;
    refuse_conv(&w, 1, NULL, SNN_ERR_FORMAT,
                "error: tensor 'net/first/Conv2D': FLOAT32 [-2, 1, 2, 2] in 32 bytes\n");
    w = conv_tensors[1];
    w.data = NULL;
    w.size = 0;
    refuse_conv(&w, 1, NULL, SNN_ERR_UNSUPPORTED,
                "error: tensor 'net/first/Conv2D' is computed, it must be a constant\n");
    w = conv_tensors[1];
    w.dim[2] = 1;
    w.dim[3] = 4;
    refuse_conv(&w, 1, NULL, SNN_ERR_FORMAT, "error: weights [2, 1, 1, 4] on 2 channels\n");
    w = conv_tensors[1];
    w.type = I32;
    refuse_conv(&w, 1, NULL, SNN_ERR_UNSUPPORTED,
                "error: constant 'net/first/Conv2D' is INT32 without a scale\n");
    w = conv_tensors[1];
    w.type = 17;
    refuse_conv(&w, 1, NULL, SNN_ERR_UNSUPPORTED, "error: constant 'net/first/Conv2D' is INT4\n");
    struct builder_tensor x = conv_tensors[0];
    x.type = I16;
    refuse_conv(&x, 0, NULL, SNN_ERR_UNSUPPORTED,
                "error: tensor 'x' is INT16: activations of 16 bits are not read\n");
    x = conv_tensors[0];
    x.rank = 3;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT, "error: tensor 'x' has 3 dimensions, 4 expected\n");
}

Test(tflite, scales_must_fit_and_be_numbers)
{
    struct builder_tensor x = quantized_tensors[0];
    x.scale_count = 2;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT, "error: tensor 'x': 2 scales along axis 0\n");
    x = quantized_tensors[0];
    x.scale_count = 2;
    x.axis = 3;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT,
                "error: tensor 'x': 2 scales, but it is no constant\n");
    x = quantized_tensors[0];
    x.scale[0] = NAN;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT, "error: tensor 'x': scale nan\n");
    x.scale[0] = 0.0f;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT, "error: tensor 'x': scale 0\n");
    x = quantized_tensors[0];
    x.zero_point[0] = 128;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT, "error: tensor 'x': zero point 128 of INT8\n");
    x.zero_point[0] = 0;
    x.zero_count = 2;
    refuse_conv(&x, 0, NULL, SNN_ERR_FORMAT, "error: tensor 'x': 2 zero points for 1 scales\n");
}

Test(tflite, operators_must_be_whole)
{
    struct builder_op op = conv_ops[0];
    op.options[1].value = 0;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: a window of 2, stride 0, dilation 1\n");
    op = conv_ops[0];
    op.options[0].value = 2;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: padding 2\n");
    op = conv_ops[0];
    op.options[3].value = 9;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: fused activation number 9\n");
    op = conv_ops[0];
    op.options_kind = 5;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: CONV_2D with options of kind 5\n");
    op = conv_ops[0];
    op.inputs[1] = -1;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: CONV_2D without its input 1\n");
    op = conv_ops[0];
    op.input_count = 1;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: CONV_2D with 1 inputs and 1 outputs\n");
    op = conv_ops[0];
    op.inputs[0] = 4;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT, "error: operator 0: tensor 4 of 4\n");
    op = conv_ops[0];
    op.output = 1;
    refuse_conv(NULL, 0, &op, SNN_ERR_FORMAT,
                "error: CONV_2D without an output, or into a constant\n");
}

Test(tflite, the_file_must_be_of_this_schema_and_of_one_subgraph)
{
    struct builder_model model = {.tensors = conv_tensors,
                                  .tensor_count = COUNT(conv_tensors),
                                  .ops = conv_ops,
                                  .op_count = COUNT(conv_ops),
                                  .output = 3,
                                  .subgraph_count = 2};
    builder_write(&file, &model);
    refuse(SNN_ERR_UNSUPPORTED, "net.tflite: byte 22: 2 subgraphs, 1 is read");
    model.subgraph_count = 1;
    model.version = 4;
    builder_write(&file, &model);
    refuse(SNN_ERR_UNSUPPORTED, "net.tflite: byte 22: version 4 of the schema, 3 is read");
    model.version = 3;
    model.input = 1;
    builder_write(&file, &model);
    refuse(SNN_ERR_FORMAT, "net.tflite: an input is missing, or a constant");
    file.bytes[4] = 'X';
    refuse(SNN_ERR_FORMAT, "net.tflite: not a TFLite file");
    cr_expect_eq(snnconv_tflite_reader.probe(file.bytes, file.size), 0);
}

/* ---- Hostile files, memory ---- */

/* Every shorter file, and every byte as its neighbours: whatever becomes of it, nothing beyond it
 * is read and all memory comes back. */
Test(tflite, no_damage_does_damage)
{
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    WRITE(quantized_tensors, quantized_ops);
    for (size_t i = 0; i < file.size * 4; i++) {
        struct snnconv_program program;
        size_t size = i < file.size ? i : file.size;
        unsigned char *copy = malloc(size + 1);
        cr_assert_not_null(copy);
        memcpy(copy, file.bytes, size);
        if (i >= file.size) copy[i % file.size] ^= flips[i / file.size - 1];
        int status = read_bytes(&program, context, copy, size);
        cr_expect(i >= file.size || status == SNN_ERR_FORMAT, "a file of %zu bytes", size);
        snnconv_program_fini(&program);
        free(copy);
    }
    snn_context_destroy(&context);
}

Test(tflite, what_a_file_shares_is_not_multiplied_without_end)
{
    static const struct snn_limits limits = {.file_bytes = 4096};
    struct builder_tensor tensors[64];
    static char name[512];
    struct snnconv_program program;
    struct snn_context *context = support_limited(&limits);
    memset(name, 'n', sizeof(name) - 1);
    for (unsigned i = 0; i < COUNT(tensors); i++)
        tensors[i] = (struct builder_tensor){.name = name, .dim = {1, 2}, .rank = 2};
    static const struct builder_op ops[] = {
        {.code = RELU, .inputs = {0}, .input_count = 1, .output = 63}};
    WRITE(tensors, ops);
    cr_expect_eq(read_bytes(&program, context, file.bytes, file.size), SNN_ERR_LIMIT);
    snnconv_program_fini(&program);
    snn_context_destroy(&context);
}

static int read_once(struct snn_context *context)
{
    struct snnconv_program program;
    int status = read_bytes(&program, context, file.bytes, file.size);
    snnconv_program_fini(&program);
    return status;
}

Test(tflite, running_out_of_memory_leaves_nothing_behind)
{
    WRITE(quantized_tensors, quantized_ops);
    support_sweep(read_once);
}

/* ---- What is supported ---- */

Test(tflite, what_is_accepted_is_listed_by_name)
{
    struct snn_supported row;
    uint32_t count = 0;
    for (; snnconv_tflite_reader.supported(count, &row); count++)
        cr_expect(row.format != NULL && row.operator_name != NULL && row.becomes != NULL);
    cr_expect_eq(count, 32);
    cr_assert(snnconv_tflite_reader.supported(3, &row));
    cr_expect_str_eq(row.operator_name, "CONV_2D");
}
