/* Products of matrices: small ones by hand, larger ones (blocks of columns and of terms) against
 * the definition, dense layers against the graph's own evaluation.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/convert/op_support.h"
#include "tests/unit/convert/support.h"

TestSuite(op_matrix, .init = op_begin, .fini = op_end);

/* 1 2 3 / 4 5 6, and 1 2 / 3 4 / 5 6: their product is 22 28 / 49 64. */
static const float two_by_three[] = {1, 2, 3, 4, 5, 6}, three_by_two[] = {1, 2, 3, 4, 5, 6};

static struct op_case product(enum snnconv_op op, struct snnconv_array a, struct snnconv_array b)
{
    struct op_case test = op_case(op);
    op_input(&test, a);
    op_input(&test, b);
    return test;
}

/* ---- Gemm ---- */

Test(op_matrix, gemm_multiplies_rows_by_columns)
{
    static const float y[] = {22, 28, 49, 64};
    struct op_case test = product(SNNCONV_OP_GEMM, OP_ARRAY(F32, two_by_three, 2, 3),
                                  OP_ARRAY(F32, three_by_two, 3, 2));
    op_expect(&test, OP_ARRAY(F32, y, 2, 2));
}

Test(op_matrix, gemm_transposes_either_side)
{
    static const float a[] = {1, 4, 2, 5, 3, 6}, b[] = {1, 3, 5, 2, 4, 6}, y[] = {22, 28, 49, 64};
    struct op_case test = product(SNNCONV_OP_GEMM, OP_ARRAY(F32, a, 3, 2), OP_ARRAY(F32, b, 2, 3));
    test.attributes.trans_a = test.attributes.trans_b = true;
    op_expect(&test, OP_ARRAY(F32, y, 2, 2));
    test.inputs[1] = OP_ARRAY(F32, three_by_two, 3, 2);
    test.attributes.trans_b = false;
    op_expect(&test, OP_ARRAY(F32, y, 2, 2));
    test.inputs[0] = OP_ARRAY(F32, two_by_three, 2, 3);
    test.inputs[1] = OP_ARRAY(F32, b, 2, 3);
    test.attributes.trans_a = false;
    test.attributes.trans_b = true;
    op_expect(&test, OP_ARRAY(F32, y, 2, 2));
}

Test(op_matrix, gemm_scales_and_stretches_its_third_input)
{
    static const float c[] = {10, 20, 30, 40};
    static const float scalar[] = {16, 19, 29.5F, 37}; /* 0.5 * y + 0.5 * 10 */
    static const float row[] = {16, 24, 29.5F, 42};    /* + 5 10 / 5 10 */
    static const float column[] = {16, 19, 34.5F, 42}; /* + 5 5 / 10 10 */
    static const float matrix[] = {16, 24, 39.5F, 52}; /* + 5 10 / 15 20 */
    struct op_case test = product(SNNCONV_OP_GEMM, OP_ARRAY(F32, two_by_three, 2, 3),
                                  OP_ARRAY(F32, three_by_two, 3, 2));
    test.attributes.alpha = test.attributes.beta = 0.5F;
    op_input(&test, OP_SCALAR(F32, c));
    op_expect(&test, OP_ARRAY(F32, scalar, 2, 2));
    test.inputs[2] = OP_ARRAY(F32, c, 1, 1);
    op_expect(&test, OP_ARRAY(F32, scalar, 2, 2));
    test.inputs[2] = OP_ARRAY(F32, c, 2);
    op_expect(&test, OP_ARRAY(F32, row, 2, 2));
    test.inputs[2] = OP_ARRAY(F32, c, 1, 2);
    op_expect(&test, OP_ARRAY(F32, row, 2, 2));
    test.inputs[2] = OP_ARRAY(F32, c, 2, 1);
    op_expect(&test, OP_ARRAY(F32, column, 2, 2));
    test.inputs[2] = OP_ARRAY(F32, c, 2, 2);
    op_expect(&test, OP_ARRAY(F32, matrix, 2, 2));
}

Test(op_matrix, whole_numbers_are_exact_and_wrap)
{
    static const int64_t a[] = {INT64_C(1) << 53, 1}, b[] = {1, 1}, c[] = {1};
    static const int64_t y[] = {(INT64_C(1) << 53) + 2};
    static const int32_t big[] = {65536}, bigger[] = {65537}, wrapped[] = {65536};
    static const uint64_t most[] = {UINT64_MAX}, two[] = {2}, u_wrapped[] = {UINT64_MAX - 1};
    struct op_case test = product(SNNCONV_OP_GEMM, OP_ARRAY(I64, a, 1, 2), OP_ARRAY(I64, b, 2, 1));
    op_input(&test, OP_ARRAY(I64, c, 1));
    op_expect_near(&test, OP_ARRAY(I64, y, 1, 1), 0.0);
    cr_expect_eq(snnconv_array_load_integer(&test.outputs[0], 0), y[0]);
    test = product(SNNCONV_OP_GEMM, OP_ARRAY(I32, big, 1, 1), OP_ARRAY(I32, bigger, 1, 1));
    op_expect(&test, OP_ARRAY(I32, wrapped, 1, 1)); /* 2^32 + 2^16 */
    test = product(SNNCONV_OP_MAT_MUL, OP_ARRAY(U64, most, 1), OP_ARRAY(U64, two, 1));
    op_expect(&test, OP_SCALAR(U64, u_wrapped));
    cr_expect_eq(snnconv_array_load_integer(&test.outputs[0], 0), -2);
}

Test(op_matrix, nothing_to_add_up_is_zero)
{
    static const float nothing[1], c[] = {3}, y[] = {3, 3};
    struct op_case test =
        product(SNNCONV_OP_GEMM, OP_ARRAY(F32, nothing, 2, 0), OP_ARRAY(F32, nothing, 0, 1));
    op_input(&test, OP_ARRAY(F32, c, 1));
    op_expect(&test, OP_ARRAY(F32, y, 2, 1));
}

static float *draw_floats(uint32_t *state, size_t count)
{
    float *values = malloc(count * sizeof(*values));
    cr_assert_not_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(support_random(state) - 0.5);
    return values;
}

/* Sizes beside those of blocks and lanes, with and without transposing. */
Test(op_matrix, large_ones_are_as_defined)
{
    static const int64_t sizes[][3] = {{1, 64, 1024},  {3, 65, 1025}, {2, 63, 1023},
                                       {5, 130, 2050}, {4, 7, 3},     {3, 200, 1}};
    uint32_t state = 11;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const int64_t m = sizes[i][0], k = sizes[i][1], n = sizes[i][2];
        float *a = draw_floats(&state, (size_t)(m * k)), *b = draw_floats(&state, (size_t)(k * n));
        float *y = draw_floats(&state, (size_t)(m * n));
        for (int trans_b = 0; trans_b <= 1; trans_b++) {
            for (int64_t at = 0; at < m * n; at++) {
                double sum = 0.0;
                for (int64_t t = 0; t < k; t++)
                    sum += (double)a[at / n * k + t] *
                           (double)b[trans_b ? at % n * k + t : t * n + at % n];
                y[at] = (float)sum;
            }
            struct op_case test =
                product(SNNCONV_OP_GEMM, OP_ARRAY(F32, a, m, k),
                        trans_b ? OP_ARRAY(F32, b, n, k) : OP_ARRAY(F32, b, k, n));
            test.attributes.trans_b = trans_b != 0;
            op_expect_near(&test, OP_ARRAY(F32, y, m, n), 1e-5);
        }
        free(a);
        free(b);
        free(y);
    }
}

enum { INPUTS = 45, OUTPUTS = 3 };

Test(op_matrix, gemm_has_the_bits_of_a_dense_layer)
{
    uint32_t state = 2;
    struct snn_evaluator *evaluator = NULL;
    float *x = draw_floats(&state, INPUTS), *w = draw_floats(&state, (size_t)INPUTS * OUTPUTS);
    float *bias = draw_floats(&state, OUTPUTS);
    struct snn_graph *graph = support_graph(support_context(), INPUTS, 1, 1);
    support_add(graph, support_context(),
                (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = OUTPUTS},
                                   .weights = w,
                                   .weight_count = (size_t)INPUTS * OUTPUTS,
                                   .bias = bias,
                                   .bias_count = OUTPUTS});
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
    for (int i = 0; i < INPUTS; i++)
        x[i] += 0.5F; /* intensities */
    snn_evaluator_run(evaluator, x);
    struct op_case test =
        product(SNNCONV_OP_GEMM, OP_ARRAY(F32, x, 1, INPUTS), OP_ARRAY(F32, w, OUTPUTS, INPUTS));
    op_input(&test, OP_ARRAY(F32, bias, OUTPUTS));
    test.attributes.trans_b = true;
    op_expect(&test, OP_ARRAY(F32, snn_evaluator_values(evaluator, 1), 1, OUTPUTS));
    snn_evaluator_destroy(&evaluator);
    snn_graph_destroy(&graph);
    free(x);
    free(w);
    free(bias);
}

/* ---- MatMul ---- */

Test(op_matrix, lists_are_rows_and_columns)
{
    static const float row[] = {22, 28}, column[] = {14, 32}, dot[] = {14};
    struct op_case test = product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F32, two_by_three, 3),
                                  OP_ARRAY(F32, three_by_two, 3, 2));
    op_expect(&test, OP_ARRAY(F32, row, 2));
    test.inputs[0] = OP_ARRAY(F32, two_by_three, 2, 3);
    test.inputs[1] = OP_ARRAY(F32, two_by_three, 3);
    op_expect(&test, OP_ARRAY(F32, column, 2));
    test.inputs[0] = OP_ARRAY(F32, two_by_three, 3);
    op_expect(&test, OP_SCALAR(F32, dot));
    /* A list against a stack of two: [1 1] with 1 2 / 3 4 and 5 6 / 4 6. */
    static const float ones[] = {1, 1}, stack[] = {1, 2, 3, 4, 5, 6, 4, 6};
    static const float sums[] = {4, 6, 9, 12};
    test.inputs[0] = OP_ARRAY(F32, ones, 2);
    test.inputs[1] = OP_ARRAY(F32, stack, 2, 2, 2);
    op_expect(&test, OP_ARRAY(F32, sums, 2, 2));
}

Test(op_matrix, stacks_stretch_over_each_other)
{
    /* a [2, 1, 1, 2], b [3, 2, 1]: y [2, 3, 1, 1]. */
    static const float a[] = {1, 10, 2, 20}, b[] = {1, 2, 3, 4, 5, 6};
    static const float y[] = {21, 43, 65, 42, 86, 130};
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F32, a, 2, 1, 1, 2), OP_ARRAY(F32, b, 3, 2, 1));
    op_expect(&test, OP_ARRAY(F32, y, 2, 3, 1, 1));
    /* One right matrix for all: a [2, 1, 2], b [2, 3]. */
    static const float one[] = {41, 52, 63, 82, 104, 126};
    test = product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F32, a, 2, 1, 2), OP_ARRAY(F32, b, 2, 3));
    op_expect(&test, OP_ARRAY(F32, one, 2, 1, 3));
    /* One left matrix for all: a [1, 1, 2], b [3, 2, 1]. */
    static const float left[] = {21, 43, 65};
    test = product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F32, a, 1, 1, 2), OP_ARRAY(F32, b, 3, 2, 1));
    op_expect(&test, OP_ARRAY(F32, left, 3, 1, 1));
}

Test(op_matrix, narrow_and_wide_floats)
{
    static const uint16_t half[] = {0x3c00, 0x4000}, half_y[] = {0x4500}; /* 1 + 4 = 5 */
    static const double wide[] = {1, 0x1p-26}, wide_y[] = {1 + 0x1p-52};
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F16, half, 1, 2), OP_ARRAY(F16, half, 2, 1));
    op_expect(&test, OP_ARRAY(F16, half_y, 1, 1));
    test = product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F64, wide, 1, 2), OP_ARRAY(F64, wide, 2, 1));
    op_expect(&test, OP_ARRAY(F64, wide_y, 1, 1));
}

/* ---- Quantised ---- */

Test(op_matrix, integers_above_their_zero_points)
{
    /* The example of the specification: 11 - 12, 7 - 12, 3 - 12, ... */
    static const uint8_t a[] = {11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0}, b[] = {1, 4, 2, 5, 3, 6};
    static const uint8_t a_zero[] = {12}, b_zero[] = {0};
    static const int32_t y[] = {-38, -83, -44, -98, -50, -113, -56, -128};
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL_INTEGER, OP_ARRAY(U8, a, 4, 3), OP_ARRAY(U8, b, 3, 2));
    op_input(&test, OP_ARRAY(U8, a_zero, 1));
    op_input(&test, OP_ARRAY(U8, b_zero, 1));
    op_expect(&test, OP_ARRAY(I32, y, 4, 2));
}

Test(op_matrix, rows_and_columns_have_zero_points_of_their_own)
{
    static const int8_t a[] = {1, 2, 3, 4}, b[] = {1, 2, 3, 4}, a_zero[] = {1, 3};
    static const int8_t b_zero[] = {0, 4};
    static const int32_t y[] = {3, 0, 3, 0}; /* 0 1 / 0 1 times 1 -2 / 3 0 */
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL_INTEGER, OP_ARRAY(I8, a, 2, 2), OP_ARRAY(I8, b, 2, 2));
    op_input(&test, OP_ARRAY(I8, a_zero, 2));
    op_input(&test, OP_ARRAY(I8, b_zero, 2));
    op_expect(&test, OP_ARRAY(I32, y, 2, 2));
    test.inputs[2] = OP_ARRAY(I8, a_zero, 2, 1);
    test.inputs[3] = OP_ARRAY(I8, b_zero, 1, 2);
    op_expect(&test, OP_ARRAY(I32, y, 2, 2));
}

Test(op_matrix, each_matrix_of_a_stack_has_zero_points_of_its_own)
{
    static const int8_t a[] = {1, 2, 3, 4}, b[] = {1, 2, 3, 4}, a_zero[] = {1, 3};
    static const int8_t b_zero[] = {0, 4};
    static const int32_t left[] = {2, 2};   /* 0 1 and 0 1 times 1 / 2 */
    static const int32_t right[] = {5, -1}; /* 1 2 times 1 / 2 and times -1 / 0 */
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL_INTEGER, OP_ARRAY(I8, a, 2, 1, 2), OP_ARRAY(I8, b, 2, 1));
    op_input(&test, OP_ARRAY(I8, a_zero, 2, 1, 1));
    op_expect(&test, OP_ARRAY(I32, left, 2, 1, 1));
    test = product(SNNCONV_OP_MAT_MUL_INTEGER, OP_ARRAY(I8, a, 1, 2), OP_ARRAY(I8, b, 2, 2, 1));
    op_left_out(&test);
    op_input(&test, OP_ARRAY(I8, b_zero, 2, 1, 1));
    op_expect(&test, OP_ARRAY(I32, right, 2, 1, 1));
}

static const float half[] = {0.5F}, one[] = {1}, list[] = {0.5F, 2};

static struct op_case qlinear(struct snnconv_array a, struct snnconv_array b)
{
    static const int8_t zero[] = {0}, y_zero[] = {1};
    struct op_case test = op_case(SNNCONV_OP_QLINEAR_MAT_MUL);
    op_input(&test, a);
    op_input(&test, OP_SCALAR(F32, half));
    op_input(&test, OP_SCALAR(I8, zero));
    op_input(&test, b);
    op_input(&test, OP_SCALAR(F32, one));
    op_input(&test, OP_SCALAR(I8, zero));
    op_input(&test, OP_SCALAR(F32, one));
    op_input(&test, OP_SCALAR(I8, y_zero));
    return test;
}

Test(op_matrix, quantised_results_are_rounded_to_even_and_cut_off)
{
    static const int8_t a[] = {1, 3, 5, -5, 127, -128}, b[] = {1, 100};
    /* Halves: 0.5 1.5 2.5 -2.5 63.5 -64; and 50, 150, ... */
    static const int8_t y[] = {1, 51, 3, 127, 3, 127, -1, -128, 65, 127, -63, -128};
    struct op_case test = qlinear(OP_ARRAY(I8, a, 6, 1), OP_ARRAY(I8, b, 1, 2));
    op_expect(&test, OP_ARRAY(I8, y, 6, 2));
}

Test(op_matrix, quantised_rows_and_columns_have_scales_of_their_own)
{
    static const int8_t a[] = {2, 2}, b[] = {2, 2};
    static const int8_t by_row[] = {3, 3, 9, 9}, by_column[] = {2, 5, 2, 5};
    struct op_case test = qlinear(OP_ARRAY(I8, a, 2, 1), OP_ARRAY(I8, b, 1, 2));
    test.inputs[1] = OP_ARRAY(F32, list, 2); /* 4 * 0.5 + 1, 4 * 2 + 1 */
    op_expect(&test, OP_ARRAY(I8, by_row, 2, 2));
    test.inputs[1] = OP_SCALAR(F32, half);
    test.inputs[4] = OP_ARRAY(F32, list, 1, 2); /* 4 * 0.25 + 1, 4 * 1 + 1 */
    op_expect(&test, OP_ARRAY(I8, by_column, 2, 2));
    test = qlinear(OP_ARRAY(I8, a, 2, 1, 1), OP_ARRAY(I8, b, 1, 1));
    test.inputs[1] = OP_ARRAY(F32, list, 2, 1, 1);
    static const int8_t by_matrix[] = {3, 9};
    op_expect(&test, OP_ARRAY(I8, by_matrix, 2, 1, 1));
}

/* ---- Refusals ---- */

Test(op_matrix, shapes_must_match)
{
    struct op_case test = product(SNNCONV_OP_GEMM, OP_ARRAY(F32, two_by_three, 2, 3),
                                  OP_ARRAY(F32, three_by_two, 2, 3));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "inputs of shape [2, 3] and [2, 3]: the inner extents differ");
    test.attributes.trans_a = test.attributes.trans_b = true;
    op_expect_refusal(
        &test, SNN_ERR_INVALID,
        "inputs of shape [2, 3] and [2, 3]: the inner extents differ after transposing");
    test.inputs[0] = OP_ARRAY(F32, two_by_three, 6);
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "inputs of shape [6] and [2, 3]: Gemm takes two matrices");
    test = product(SNNCONV_OP_GEMM, OP_ARRAY(F32, two_by_three, 2, 3),
                   OP_ARRAY(F32, three_by_two, 3, 2));
    op_input(&test, OP_ARRAY(F32, two_by_three, 3));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "C: tensors of shape [2, 2] and [3] do not broadcast");
    test.inputs[2] = OP_ARRAY(F32, two_by_three, 3, 1, 2);
    op_expect_refusal(&test, SNN_ERR_INVALID, "C of shape [3, 1, 2] for a product of shape [2, 2]");
    test =
        product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F32, two_by_three, 3), OP_ARRAY(F32, three_by_two, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "inputs of shape [3] and [2]: the inner extents differ");
    test.inputs[0] = OP_SCALAR(F32, one);
    op_expect_refusal(&test, SNN_ERR_INVALID, "inputs of shape [] and [2]: a scalar is no matrix");
    test.inputs[0] = OP_ARRAY(F32, two_by_three, 3, 1, 2);
    test.inputs[1] = OP_ARRAY(F32, two_by_three, 2, 2, 1);
    op_expect_refusal(&test, SNN_ERR_INVALID, "tensors of shape [3] and [2] do not broadcast");
}

Test(op_matrix, types_must_match)
{
    static const int8_t bytes[4] = {0};
    static const int32_t whole[4] = {0};
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL, OP_ARRAY(I8, bytes, 1, 1), OP_ARRAY(I8, bytes, 1, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "inputs of int8, floats or integers of 32 or 64 bits expected");
    test = product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F32, one, 1, 1), OP_ARRAY(I32, whole, 1, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID, "inputs of float32 and int32, one type is expected");
    test =
        product(SNNCONV_OP_MAT_MUL_INTEGER, OP_ARRAY(I32, whole, 1, 1), OP_ARRAY(I8, bytes, 1, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID, "a is int32, int8 or uint8 expected");
    test =
        product(SNNCONV_OP_MAT_MUL_INTEGER, OP_ARRAY(I8, bytes, 2, 1), OP_ARRAY(I8, bytes, 1, 1));
    op_input(&test, OP_ARRAY(I8, bytes, 3));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "a_zero_point has the shape [3], which is none for axis 0 of [2, 1]");
    test = qlinear(OP_ARRAY(I8, bytes, 1, 1), OP_ARRAY(I8, bytes, 1, 1));
    test.inputs[6] = OP_ARRAY(F32, list, 2);
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "inputs of shape [2] and []: y has one scale and one zero point");
}

/* ---- Out of memory ---- */

static int run(struct op_case *test, struct snn_context *context)
{
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    int status = op_try(test, context, &arena);
    snnbase_arena_fini(&arena);
    return status;
}

static int run_gemm(struct snn_context *context)
{
    static const uint16_t numbers[] = {0x3c00, 0x4000};
    struct op_case test =
        product(SNNCONV_OP_GEMM, OP_ARRAY(F16, numbers, 2, 1), OP_ARRAY(F16, numbers, 2, 1));
    test.attributes.trans_a = true;
    return run(&test, context);
}

static int run_mat_mul(struct snn_context *context)
{
    static const uint16_t numbers[] = {0x3c00, 0x4000};
    struct op_case test =
        product(SNNCONV_OP_MAT_MUL, OP_ARRAY(F16, numbers, 2), OP_ARRAY(F16, numbers, 2));
    return run(&test, context);
}

static int run_qlinear(struct snn_context *context)
{
    static const int8_t numbers[] = {1, 2};
    struct op_case test = qlinear(OP_ARRAY(I8, numbers, 1, 2), OP_ARRAY(I8, numbers, 2, 1));
    return run(&test, context);
}

Test(op_matrix, gives_back_what_it_took)
{
    support_sweep(run_gemm);
    support_sweep(run_mat_mul);
    support_sweep(run_qlinear);
}
