/* Pools by hand: padding, what is counted, where windows end, and where the largest element was;
 * and those that a graph can express against the graph's own evaluation.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/convert/op_support.h"
#include "tests/unit/convert/support.h"

TestSuite(op_pool, .init = op_begin, .fini = op_end);

static const float one_to_five[] = {1, 2, 3, 4, 5};

static struct op_case pool(enum snnconv_op op, struct snnconv_array x)
{
    struct op_case test = op_case(op);
    op_input(&test, x);
    return test;
}

/* ---- MaxPool ---- */

Test(op_pool, padding_is_never_the_largest)
{
    static const float x[] = {-4, -3, -2, -1}, y[] = {-4, -3, -3, -2, -1, -1, -2, -1, -1};
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(F32, x, 1, 1, 2, 2));
    op_window(&test, 2, 2, 1, 1);
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 3, 3));
}

Test(op_pool, bytes_have_a_largest_one_too)
{
    static const uint8_t x[] = {200, 100, 255, 0}, y[] = {200, 255, 255};
    static const int8_t sx[] = {-128, -127, -3, -2}, sy[] = {-127, -3, -2};
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(U8, x, 1, 1, 4));
    op_window(&test, 1, 2, 1, 0);
    op_expect(&test, OP_ARRAY(U8, y, 1, 1, 3));
    test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(I8, sx, 1, 1, 4));
    op_window(&test, 1, 2, 1, 0);
    op_expect(&test, OP_ARRAY(I8, sy, 1, 1, 3));
}

Test(op_pool, dilated_windows_have_gaps)
{
    static const float x[] = {1, 9, 2, 9, 3, 9, 4}, y[] = {3, 4};
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(F32, x, 1, 1, 7));
    op_window(&test, 1, 3, 2, 0);
    test.attributes.dilation[0] = 2;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 2));
}

Test(op_pool, indices_are_of_the_whole_tensor_and_the_first_wins)
{
    /* Channels 7 7 1 / 7 0 0 and 0 0 9 / 5 0 0 under windows of 2 x 2; their largest are at row 0
     * column 0, 0 1; 1 0, 0 2. Column major in planes of two rows: 0, 2; 6 + 1, 6 + 4. */
    static const float x[] = {7, 7, 1, 7, 0, 0, 0, 0, 9, 5, 0, 0}, y[] = {7, 7, 5, 9};
    static const int64_t by_rows[] = {0, 1, 9, 8}, by_columns[] = {0, 2, 7, 10};
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(F32, x, 1, 2, 2, 3));
    op_window(&test, 2, 2, 1, 0);
    test.output_count = 2;
    op_expect(&test, OP_ARRAY(F32, y, 1, 2, 1, 2));
    op_expect_output(&test, 1, OP_ARRAY(I64, by_rows, 1, 2, 1, 2));
    test.attributes.storage_order = true;
    op_expect(&test, OP_ARRAY(F32, y, 1, 2, 1, 2));
    op_expect_output(&test, 1, OP_ARRAY(I64, by_columns, 1, 2, 1, 2));
}

Test(op_pool, indices_over_three_axes)
{
    /* Depth 2, height 1, width 3: 1 2 3 before 6 5 4. */
    static const float x[] = {1, 2, 3, 6, 5, 4}, y[] = {6, 5};
    static const int64_t by_rows[] = {3, 4}, by_columns[] = {1, 3};
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(F32, x, 1, 1, 2, 1, 3));
    op_window(&test, 3, 2, 1, 0);
    test.attributes.kernel[1] = 1;
    test.output_count = 2;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 1, 1, 2));
    op_expect_output(&test, 1, OP_ARRAY(I64, by_rows, 1, 1, 1, 1, 2));
    test.attributes.storage_order = true;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 1, 1, 2));
    op_expect_output(&test, 1, OP_ARRAY(I64, by_columns, 1, 1, 1, 1, 2));
}

/* ---- AveragePool and SumPool ---- */

Test(op_pool, means_count_the_padding_or_not)
{
    static const float without[] = {1.5F, 2, 3, 4, 4.5F}, with[] = {1, 2, 3, 4, 3};
    struct op_case test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 5));
    op_window(&test, 1, 3, 1, 1);
    op_expect(&test, OP_ARRAY(F32, without, 1, 1, 5));
    test.attributes.count_include_pad = true;
    op_expect(&test, OP_ARRAY(F32, with, 1, 1, 5));
}

Test(op_pool, the_padding_of_same_counts_like_any)
{
    static const float without[] = {1.5F, 2.5F, 3.5F, 4.5F, 5};
    static const float with[] = {1.5F, 2.5F, 3.5F, 4.5F, 2.5F};
    struct op_case test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 5));
    op_window(&test, 1, 2, 1, 0);
    test.attributes.auto_pad = SNNCONV_AUTO_PAD_SAME_UPPER;
    op_expect(&test, OP_ARRAY(F32, without, 1, 1, 5));
    test.attributes.count_include_pad = true;
    op_expect(&test, OP_ARRAY(F32, with, 1, 1, 5));
}

Test(op_pool, what_ceil_mode_adds_never_counts)
{
    static const float line[] = {1.5F, 3.5F, 5};
    struct op_case test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 5));
    op_window(&test, 1, 2, 2, 0);
    test.attributes.ceil_mode = test.attributes.count_include_pad = true;
    op_expect(&test, OP_ARRAY(F32, line, 1, 1, 3));
    /* 1 ... 16, windows of 3 every 2 from row -1: rows -1 0 1, 1 2 3, and 3 4 with 4 a pad: areas
     * of 9, 6 and 4. Sums 14 30 12 / 57 99 36 / 27 45 16. */
    float x[16], y[] = {14, 30, 12, 57, 99, 36, 27, 45, 16};
    static const float area[] = {9, 9, 6, 9, 9, 6, 6, 6, 4};
    for (int i = 0; i < 16; i++)
        x[i] = (float)(i + 1);
    for (int i = 0; i < 9; i++)
        y[i] /= area[i];
    test.inputs[0] = OP_ARRAY(F32, x, 1, 1, 4, 4);
    op_window(&test, 2, 3, 2, 1);
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 3, 3));
}

Test(op_pool, sums_are_not_rounded_before_they_are_divided)
{
    static const uint16_t half[] = {0x7b53, 0x7b53}, half_y[] = {0x7b53}; /* 60000 */
    static const double wide[] = {1, 1 + 0x1p-50}, wide_y[] = {1 + 0x1p-51};
    struct op_case test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F16, half, 1, 1, 2));
    op_window(&test, 1, 2, 1, 0);
    op_expect(&test, OP_ARRAY(F16, half_y, 1, 1, 1));
    test.op = SNNCONV_OP_GLOBAL_AVERAGE_POOL;
    op_expect(&test, OP_ARRAY(F16, half_y, 1, 1, 1));
    test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F64, wide, 1, 1, 2));
    op_window(&test, 1, 2, 1, 0);
    op_expect(&test, OP_ARRAY(F64, wide_y, 1, 1, 1));
    test.op = SNNCONV_OP_GLOBAL_AVERAGE_POOL;
    op_expect(&test, OP_ARRAY(F64, wide_y, 1, 1, 1));
}

Test(op_pool, sums_take_padding_for_nothing)
{
    static const float y[] = {1, 5, 9}, two[] = {3, 5}, beside[] = {0, 0, 0, 3, 5, 0, 0};
    struct op_case test = pool(SNNCONV_OP_SUM_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 5));
    op_window(&test, 1, 2, 2, 0);
    test.attributes.pad_begin[0] = 1;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 3));
    /* Windows wholly in the padding have the sum 0. */
    test = pool(SNNCONV_OP_SUM_POOL, OP_ARRAY(F32, two, 1, 1, 2));
    op_window(&test, 1, 1, 1, 3);
    test.attributes.pad_end[0] = 2;
    op_expect(&test, OP_ARRAY(F32, beside, 1, 1, 7));
}

Test(op_pool, a_window_whose_taps_all_miss)
{
    /* Taps at -2 and 3 of two elements. */
    static const float mean[] = {0}, largest[] = {-INFINITY};
    static const int64_t nowhere[] = {-1};
    struct op_case test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 2));
    op_window(&test, 1, 2, 1, 2);
    test.attributes.dilation[0] = 5;
    op_expect(&test, OP_ARRAY(F32, mean, 1, 1, 1));
    test.op = SNNCONV_OP_MAX_POOL;
    test.output_count = 2;
    op_expect(&test, OP_ARRAY(F32, largest, 1, 1, 1));
    op_expect_output(&test, 1, OP_ARRAY(I64, nowhere, 1, 1, 1));
}

/* ---- Over all positions ---- */

Test(op_pool, global_pools_leave_one_element_a_channel)
{
    static const float x[] = {1, 2, 3, 6, -1, -2, -3, -8}, mean[] = {3, -3.5F}, largest[] = {6, -1};
    struct op_case test = pool(SNNCONV_OP_GLOBAL_AVERAGE_POOL, OP_ARRAY(F32, x, 1, 2, 2, 2));
    op_expect(&test, OP_ARRAY(F32, mean, 1, 2, 1, 1));
    test.op = SNNCONV_OP_GLOBAL_MAX_POOL;
    op_expect(&test, OP_ARRAY(F32, largest, 1, 2, 1, 1));
    test.inputs[0] = OP_ARRAY(F32, x, 2, 1, 4);
    op_expect(&test, OP_ARRAY(F32, largest, 2, 1, 1));
}

/* ---- Against the graph ---- */

enum { CHANNELS = 2, SIZE = 7, OUT = 4, COUNT = CHANNELS * SIZE * SIZE };

static void compare_with_graph(enum snn_layer_kind kind, enum snnconv_op op)
{
    uint32_t state = 5;
    float x[COUNT];
    struct snn_evaluator *evaluator = NULL;
    struct snn_graph *graph = support_graph(support_context(), CHANNELS, SIZE, SIZE);
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)support_random(&state);
    support_add(graph, support_context(),
                (struct snn_layer){.kind = kind, .window = {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}});
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
    snn_evaluator_run(evaluator, x);
    struct op_case test = pool(op, OP_ARRAY(F32, x, 1, CHANNELS, SIZE, SIZE));
    op_window(&test, 2, 3, 2, 1);
    test.attributes.count_include_pad = true;
    op_expect(&test, OP_ARRAY(F32, snn_evaluator_values(evaluator, 1), 1, CHANNELS, OUT, OUT));
    snn_evaluator_destroy(&evaluator);
    snn_graph_destroy(&graph);
}

Test(op_pool, has_the_bits_of_the_graph)
{
    compare_with_graph(SNN_LAYER_MAX_POOL2D, SNNCONV_OP_MAX_POOL);
    compare_with_graph(SNN_LAYER_AVG_POOL2D, SNNCONV_OP_AVERAGE_POOL);
    compare_with_graph(SNN_LAYER_SUM_POOL2D, SNNCONV_OP_SUM_POOL);
}

/* ---- Refusals ---- */

Test(op_pool, windows_without_input_are_refused)
{
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 5));
    static const char message[] = "a pad of 2 leaves a window of 2 without any input";
    op_window(&test, 1, 2, 1, 2);
    op_expect_refusal(&test, SNN_ERR_INVALID, message);
    test.op = SNNCONV_OP_AVERAGE_POOL;
    op_expect_refusal(&test, SNN_ERR_INVALID, message);
    test.attributes.count_include_pad = true;
    static const float y[] = {0, 0.5F, 1.5F, 2.5F, 3.5F, 4.5F, 2.5F, 0};
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 8));
}

Test(op_pool, what_has_no_window_is_refused)
{
    static const int32_t whole[1] = {0};
    static const uint8_t bytes[1] = {0};
    struct op_case test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(F32, one_to_five, 1, 1, 5));
    op_expect_refusal(&test, SNN_ERR_INVALID, "spatial axis 0: a kernel of 0");
    op_window(&test, 1, 6, 1, 0);
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "spatial axis 0: a window of 6 does not fit into 5 with pads of 0 and 0");
    test.inputs[0] = OP_ARRAY(F32, one_to_five, 1, 5);
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "an input of shape [1, 5] has no spatial axes: rank 2, at least 3 expected");
    test = pool(SNNCONV_OP_MAX_POOL, OP_ARRAY(I32, whole, 1, 1, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID, "an input of int32, floats, int8 or uint8 expected");
    test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(U8, bytes, 1, 1, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID, "an input of uint8, floats expected");
    test = pool(SNNCONV_OP_GLOBAL_MAX_POOL, OP_ARRAY(F32, one_to_five, 1, 5, 0));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "a pool over all positions of an input of shape [1, 5, 0]");
    test.inputs[0] = OP_ARRAY(F32, one_to_five, 1, 5);
    op_expect_refusal(&test, SNN_ERR_INVALID, "an input of shape [1, 5] has no spatial axes");
}

/* ---- Out of memory ---- */

static int run_half(struct snn_context *context)
{
    static const uint16_t half[] = {0x3c00, 0x4000, 0x4200};
    struct snnbase_arena arena;
    struct op_case test = pool(SNNCONV_OP_AVERAGE_POOL, OP_ARRAY(F16, half, 1, 1, 3));
    op_window(&test, 1, 2, 1, 0);
    snnbase_arena_init(&arena, context);
    int status = op_try(&test, context, &arena);
    snnbase_arena_fini(&arena);
    return status;
}

Test(op_pool, gives_back_what_it_took)
{
    support_sweep(run_half);
}
