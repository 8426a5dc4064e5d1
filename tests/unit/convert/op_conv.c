/* Convolutions: small ones by hand, random ones against plain loops over the definition, and those
 * that a graph can express against the graph's own evaluation.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "libsnn/base/memory.h"
#include "snn/status.h"
#include "tests/unit/convert/op_support.h"
#include "tests/unit/convert/support.h"

TestSuite(op_conv, .init = op_begin, .fini = op_end);

static const float one_to_nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static struct op_case conv(struct snnconv_array x, struct snnconv_array w)
{
    struct op_case test = op_case(SNNCONV_OP_CONV);
    op_input(&test, x);
    op_input(&test, w);
    return test;
}

/* ---- By hand ---- */

Test(op_conv, sums_the_window_and_adds_the_bias)
{
    /* 1 + 2 * 2 + 3 * 4 + 4 * 5 = 37; ... */
    static const float w[] = {1, 2, 3, 4}, bias[] = {0.5F}, y[] = {37.5F, 47.5F, 67.5F, 77.5F};
    struct op_case test =
        conv(OP_ARRAY(F32, one_to_nine, 1, 1, 3, 3), OP_ARRAY(F32, w, 1, 1, 2, 2));
    op_input(&test, OP_ARRAY(F32, bias, 1));
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 2, 2));
}

Test(op_conv, pads_may_differ_at_every_side)
{
    /* One row above, one column to the right: the first row is 3 * 1 + 4 * 2, 3 * 2 + 4 * 3, 3 * 3.
     */
    static const float w[] = {1, 2, 3, 4};
    static const float y[] = {11, 18, 9, 37, 47, 21, 67, 77, 33};
    struct op_case test =
        conv(OP_ARRAY(F32, one_to_nine, 1, 1, 3, 3), OP_ARRAY(F32, w, 1, 1, 2, 2));
    test.attributes.spatial = 2;
    test.attributes.pad_begin[0] = 1;
    test.attributes.pad_end[1] = 1;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 3, 3));
}

Test(op_conv, one_axis_with_stride_and_dilation)
{
    static const float x[] = {1, 2, 3, 4, 5, 6, 7}, w[] = {1, 10};
    static const float y[] = {41, 63}; /* 1 + 10 * 4, 3 + 10 * 6 */
    struct op_case test = conv(OP_ARRAY(F32, x, 1, 1, 7), OP_ARRAY(F32, w, 1, 1, 2));
    op_window(&test, 1, 2, 2, 0);
    test.attributes.dilation[0] = 3;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 2));
}

Test(op_conv, three_axes)
{
    /* Planes 1 2 / 3 4 and 5 6 / 7 8 between two of zeros; w adds 10 times the plane behind. */
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, w[] = {1, 10};
    static const float y[] = {10, 20, 30, 40, 51, 62, 73, 84, 5, 6, 7, 8};
    struct op_case test = conv(OP_ARRAY(F32, x, 1, 1, 2, 2, 2), OP_ARRAY(F32, w, 1, 1, 2, 1, 1));
    test.attributes.spatial = 3;
    test.attributes.pad_begin[0] = test.attributes.pad_end[0] = 1;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 3, 2, 2));
}

Test(op_conv, groups_see_their_own_channels)
{
    static const float x[] = {1, 2, 3, 4}, w[] = {10, 100, 1000, 10000};
    static const float y[] = {10, 20, 100, 200, 3000, 4000, 30000, 40000};
    struct op_case test = conv(OP_ARRAY(F32, x, 1, 2, 2), OP_ARRAY(F32, w, 4, 1, 1));
    test.attributes.group = 2;
    op_expect(&test, OP_ARRAY(F32, y, 1, 4, 2));
}

Test(op_conv, one_window_over_all_keeps_its_order_under_stride)
{
    static const float x[] = {1, 2, 3, 4}, w[] = {1, 10, 100, 1000}, y[] = {4321};
    struct op_case test = conv(OP_ARRAY(F32, x, 1, 1, 4), OP_ARRAY(F32, w, 1, 1, 4));
    op_window(&test, 1, 4, 2, 0);
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 1));
    test.attributes.stride[0] = 1;
    op_expect(&test, OP_ARRAY(F32, y, 1, 1, 1));
}

Test(op_conv, same_upper_and_lower_place_the_odd_pad)
{
    static const float x[] = {1, 2, 3}, w[] = {1, 10};
    static const float upper[] = {21, 32, 3}, lower[] = {10, 21, 32};
    struct op_case test = conv(OP_ARRAY(F32, x, 1, 1, 3), OP_ARRAY(F32, w, 1, 1, 2));
    test.attributes.auto_pad = SNNCONV_AUTO_PAD_SAME_UPPER;
    op_expect(&test, OP_ARRAY(F32, upper, 1, 1, 3));
    test.attributes.auto_pad = SNNCONV_AUTO_PAD_SAME_LOWER;
    op_expect(&test, OP_ARRAY(F32, lower, 1, 1, 3));
}

Test(op_conv, narrow_and_wide_floats)
{
    static const uint16_t half_x[] = {0x3c00, 0x4000}, half_w[] = {0x4200}; /* 1 2, 3 */
    static const uint16_t half_b[] = {0x3800}, half_y[] = {0x4300, 0x4680}; /* 0.5, 3.5 6.5 */
    static const uint16_t brain_x[] = {0x3f80, 0x4000}, brain_w[] = {0x4040};
    static const uint16_t brain_y[] = {0x4040, 0x40c0};
    static const double x[] = {1 + 0x1p-50}, w[] = {1}, y[] = {1 + 0x1p-50};
    struct op_case test = conv(OP_ARRAY(F16, half_x, 1, 1, 2), OP_ARRAY(F16, half_w, 1, 1, 1));
    op_input(&test, OP_ARRAY(F16, half_b, 1));
    op_expect(&test, OP_ARRAY(F16, half_y, 1, 1, 2));
    test = conv(OP_ARRAY(BF16, brain_x, 1, 1, 2), OP_ARRAY(BF16, brain_w, 1, 1, 1));
    op_expect(&test, OP_ARRAY(BF16, brain_y, 1, 1, 2));
    test = conv(OP_ARRAY(F64, x, 1, 1, 1), OP_ARRAY(F64, w, 1, 1, 1));
    op_expect(&test, OP_ARRAY(F64, y, 1, 1, 1));
}

Test(op_conv, no_image_and_no_channel)
{
    static const float w[] = {1, 2}, bias[] = {3, 4}, y[] = {3, 3, 4, 4};
    static const float nothing[1];
    struct op_case test = conv(OP_ARRAY(F32, nothing, 0, 1, 5), OP_ARRAY(F32, w, 2, 1, 1));
    op_expect(&test, OP_ARRAY(F32, nothing, 0, 2, 5));
    test = conv(OP_ARRAY(F32, nothing, 1, 0, 2), OP_ARRAY(F32, nothing, 2, 0, 1));
    op_input(&test, OP_ARRAY(F32, bias, 2));
    op_expect(&test, OP_ARRAY(F32, y, 1, 2, 2));
}

/* ---- Against the definition ---- */

enum { IMAGES = 2 };

/* A random case over three axes, of which the first may be 1 throughout. */
struct random_case {
    int64_t groups, in, out; /* channels of a group */
    int64_t extent[3], kernel[3], stride[3], dilation[3], begin[3], end[3], positions[3];
};

static int64_t draw(uint32_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(support_random(state) * (double)(high - low + 1));
}

static struct random_case draw_case(uint32_t *state)
{
    struct random_case c = {.groups = draw(state, 1, 3)};
    c.in = draw(state, 1, 3);
    c.out = draw(state, 1, 3);
    bool deep = draw(state, 0, 3) == 0;
    for (int i = 0; i < 3; i++) {
        bool used = i > 0 || deep;
        c.kernel[i] = used ? draw(state, 1, 4) : 1;
        c.stride[i] = used ? draw(state, 1, 4) : 1;
        c.dilation[i] = used ? draw(state, 1, 3) : 1;
        c.begin[i] = used ? draw(state, 0, 3) : 0;
        c.end[i] = used ? draw(state, 0, 3) : 0;
        int64_t reach = (c.kernel[i] - 1) * c.dilation[i] + 1;
        int64_t least = reach - c.begin[i] - c.end[i];
        c.extent[i] = used ? draw(state, least > 1 ? least : 1, 14) : 1;
        c.positions[i] = (c.extent[i] + c.begin[i] + c.end[i] - reach) / c.stride[i] + 1;
    }
    return c;
}

static float *draw_floats(uint32_t *state, size_t count)
{
    float *values = malloc(count * sizeof(*values));
    cr_assert_not_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(support_random(state) - 0.5);
    return values;
}

/* Output channel `o` of image `n` at p. */
static double define(const struct random_case *c, const float *x, const float *w, int64_t n,
                     int64_t o, const int64_t p[3])
{
    double sum = 0.0;
    int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2];
    for (int64_t k = 0; k < c->in * taps; k++) {
        const int64_t kernel[3] = {k % taps / (c->kernel[1] * c->kernel[2]),
                                   k / c->kernel[2] % c->kernel[1], k % c->kernel[2]};
        int64_t at = (n * c->groups + o / c->out) * c->in + k / taps;
        bool inside = true;
        for (int i = 0; i < 3; i++) {
            int64_t place = p[i] * c->stride[i] - c->begin[i] + kernel[i] * c->dilation[i];
            inside = inside && place >= 0 && place < c->extent[i];
            at = at * c->extent[i] + place;
        }
        if (inside) sum += (double)x[at] * (double)w[o * c->in * taps + k];
    }
    return sum;
}

static struct op_case random_conv(const struct random_case *c, const float *x, const float *w)
{
    const int64_t *e = c->extent, *k = c->kernel;
    struct op_case test = conv(OP_ARRAY(F32, x, IMAGES, c->groups * c->in, e[0], e[1], e[2]),
                               OP_ARRAY(F32, w, c->groups * c->out, c->in, k[0], k[1], k[2]));
    test.attributes.spatial = 3;
    test.attributes.group = c->groups;
    for (int i = 0; i < 3; i++) {
        test.attributes.kernel[i] = c->kernel[i];
        test.attributes.stride[i] = c->stride[i];
        test.attributes.dilation[i] = c->dilation[i];
        test.attributes.pad_begin[i] = c->begin[i];
        test.attributes.pad_end[i] = c->end[i];
    }
    return test;
}

static void check_random(uint32_t *state)
{
    const struct random_case c = draw_case(state);
    const int64_t *e = c.extent, *k = c.kernel, *p = c.positions;
    float *x = draw_floats(state, (size_t)(IMAGES * c.groups * c.in * e[0] * e[1] * e[2]));
    float *w = draw_floats(state, (size_t)(c.groups * c.out * c.in * k[0] * k[1] * k[2]));
    float *y = draw_floats(state, (size_t)(IMAGES * c.groups * c.out * p[0] * p[1] * p[2]));
    int64_t at = 0, place[3];
    for (int64_t plane = 0; plane < IMAGES * c.groups * c.out; plane++) {
        int64_t n = plane / (c.groups * c.out), o = plane % (c.groups * c.out);
        for (place[0] = 0; place[0] < p[0]; place[0]++) {
            for (place[1] = 0; place[1] < p[1]; place[1]++) {
                for (place[2] = 0; place[2] < p[2]; place[2]++)
                    y[at++] = (float)define(&c, x, w, n, o, place);
            }
        }
    }
    struct op_case test = random_conv(&c, x, w);
    op_expect_near(&test, OP_ARRAY(F32, y, IMAGES, c.groups * c.out, p[0], p[1], p[2]), 1e-5);
    free(x);
    free(w);
    free(y);
}

Test(op_conv, random_ones_are_as_defined)
{
    uint32_t state = 7;
    for (int i = 0; i < 300; i++)
        check_random(&state);
}

/* ---- Against the graph ---- */

enum { SIZE = 45, CHANNELS = 3, FILTERS = 4, OUT_H = 43, OUT_W = 22 };

/* More than one block of sums, two strides, pads, dilation: the same bits, for both add in the
 * order of channel, row, column. */
Test(op_conv, has_the_bits_of_the_graph)
{
    uint32_t state = 3;
    struct snn_evaluator *evaluator = NULL;
    float *x = draw_floats(&state, (size_t)CHANNELS * SIZE * SIZE);
    float *w = draw_floats(&state, (size_t)FILTERS * CHANNELS * 9);
    float *bias = draw_floats(&state, FILTERS);
    struct snn_graph *graph = support_graph(support_context(), CHANNELS, SIZE, SIZE);
    support_add(graph, support_context(),
                (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                   .shape = {.channels = FILTERS},
                                   .window = {3, 3, 1, 2, 1, 1, 1, 1, 2, 2},
                                   .groups = 1,
                                   .weights = w,
                                   .weight_count = (size_t)FILTERS * CHANNELS * 9,
                                   .bias = bias,
                                   .bias_count = FILTERS});
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
    for (int i = 0; i < CHANNELS * SIZE * SIZE; i++)
        x[i] += 0.5F; /* intensities */
    snn_evaluator_run(evaluator, x);
    struct op_case test =
        conv(OP_ARRAY(F32, x, 1, CHANNELS, SIZE, SIZE), OP_ARRAY(F32, w, FILTERS, CHANNELS, 3, 3));
    op_input(&test, OP_ARRAY(F32, bias, FILTERS));
    op_window(&test, 2, 3, 1, 1);
    test.attributes.stride[1] = 2;
    test.attributes.dilation[0] = test.attributes.dilation[1] = 2;
    op_expect(&test, OP_ARRAY(F32, snn_evaluator_values(evaluator, 1), 1, FILTERS, OUT_H, OUT_W));
    snn_evaluator_destroy(&evaluator);
    snn_graph_destroy(&graph);
    free(x);
    free(w);
    free(bias);
}

/* ---- Quantised ---- */

Test(op_conv, integers_above_their_zero_points)
{
    /* The example of the specification: 1 ... 9 above the zero point, summed two by two. */
    static const uint8_t x[] = {2, 3, 4, 5, 6, 7, 8, 9, 10}, zero[] = {1}, w[] = {1, 1, 1, 1};
    static const int32_t y[] = {1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9};
    struct op_case test = op_case(SNNCONV_OP_CONV_INTEGER);
    op_input(&test, OP_ARRAY(U8, x, 1, 1, 3, 3));
    op_input(&test, OP_ARRAY(U8, w, 1, 1, 2, 2));
    op_input(&test, OP_SCALAR(U8, zero));
    op_window(&test, 2, 0, 1, 1);
    op_expect(&test, OP_ARRAY(I32, y, 1, 1, 4, 4));
}

Test(op_conv, weights_have_a_zero_point_for_each_output)
{
    static const uint8_t x[] = {0, 255};
    static const int8_t w[] = {-128, 127}, zeros[] = {127, -128}, one[] = {-1};
    static const int32_t y[] = {0, -65025, 0, 65025}, y_one[] = {0, -127 * 255, 0, 128 * 255};
    struct op_case test = op_case(SNNCONV_OP_CONV_INTEGER);
    op_input(&test, OP_ARRAY(U8, x, 1, 1, 2));
    op_input(&test, OP_ARRAY(I8, w, 2, 1, 1));
    op_left_out(&test);
    op_input(&test, OP_ARRAY(I8, zeros, 2));
    op_expect(&test, OP_ARRAY(I32, y, 1, 2, 2));
    test.inputs[3] = OP_ARRAY(I8, one, 1);
    op_expect(&test, OP_ARRAY(I32, y_one, 1, 2, 2));
}

static const float quarter[] = {0.25F}, one[] = {1};
static const int8_t five[] = {5}, zero_i8[] = {0};

/* x in steps of 0.25 around 5 through one weight of 1 for each output channel. */
static struct op_case qlinear_conv(struct snnconv_array x, const float *w_scale)
{
    static const int8_t w[] = {1, 1};
    static const uint8_t y_zero[] = {100};
    struct op_case test = op_case(SNNCONV_OP_QLINEAR_CONV);
    op_input(&test, x);
    op_input(&test, OP_SCALAR(F32, quarter));
    op_input(&test, OP_SCALAR(I8, five));
    op_input(&test, OP_ARRAY(I8, w, 2, 1, 1));
    op_input(&test, OP_ARRAY(F32, w_scale, 2));
    op_input(&test, OP_SCALAR(I8, zero_i8));
    op_input(&test, OP_SCALAR(F32, one));
    op_input(&test, OP_SCALAR(U8, y_zero));
    return test;
}

Test(op_conv, quantised_results_are_rounded_to_even_and_cut_off)
{
    /* 2, 6, 10, -2 and -128 - 5 steps; output 0 in halves of y: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2,
     * -0.5 -> 0, -33.25 -> -33; output 1 in 64s. */
    static const int8_t x[] = {7, 11, 15, 3, -128};
    static const float w_scale[] = {1, 256};
    static const uint8_t y[] = {100, 102, 102, 100, 67, 228, 255, 255, 0, 0};
    static const int32_t bias[] = {4, -2};
    static const uint8_t y_bias[] = {102, 102, 104, 100, 68, 100, 255, 255, 0, 0};
    struct op_case test = qlinear_conv(OP_ARRAY(I8, x, 1, 1, 5), w_scale);
    op_expect(&test, OP_ARRAY(U8, y, 1, 2, 5));
    op_input(&test, OP_ARRAY(I32, bias, 2));
    op_expect(&test, OP_ARRAY(U8, y_bias, 1, 2, 5));
}

Test(op_conv, quantised_inputs_that_do_not_match_are_refused)
{
    static const int8_t x[] = {1, 2};
    static const float w_scale[] = {1, 1, 1};
    static const int32_t bias[] = {1};
    struct op_case test = qlinear_conv(OP_ARRAY(I8, x, 1, 1, 2), w_scale);
    test.inputs[4].dim[0] = 3;
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "w_scale has the shape [3], a scalar or [2] expected");
    test = qlinear_conv(OP_ARRAY(F32, w_scale, 1, 1, 2), w_scale);
    op_expect_refusal(&test, SNN_ERR_INVALID, "x is float32, int8 or uint8 expected");
    test = qlinear_conv(OP_ARRAY(U8, x, 1, 1, 2), w_scale);
    op_expect_refusal(&test, SNN_ERR_INVALID, "x is uint8, its zero point int8");
    test = qlinear_conv(OP_ARRAY(I8, x, 1, 1, 2), w_scale);
    op_input(&test, OP_ARRAY(I32, bias, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID, "a bias of shape [1], [2] expected");
    test = qlinear_conv(OP_ARRAY(I8, x, 1, 1, 2), w_scale);
    test.inputs[6] = OP_SCALAR(I8, zero_i8);
    op_expect_refusal(&test, SNN_ERR_INVALID, "y_scale is int8, floats expected");
}

/* ---- Refusals ---- */

Test(op_conv, channels_and_groups_must_match)
{
    static const float numbers[64] = {0};
    struct op_case test = conv(OP_ARRAY(F32, numbers, 1, 4, 3), OP_ARRAY(F32, numbers, 6, 3, 1));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "4 channels in 1 groups for weights of 3 channels each");
    test.attributes.group = 3;
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "4 channels in 3 groups for weights of 3 channels each");
    test = conv(OP_ARRAY(F32, numbers, 1, 4, 3), OP_ARRAY(F32, numbers, 5, 2, 1));
    test.attributes.group = 2;
    op_expect_refusal(&test, SNN_ERR_INVALID, "5 output channels in 2 groups");
    test.attributes.group = 0;
    op_expect_refusal(&test, SNN_ERR_INVALID, "0 groups");
    test = conv(OP_ARRAY(F32, numbers, 1, 4, 3), OP_ARRAY(F32, numbers, 5, 4, 1));
    op_input(&test, OP_ARRAY(F32, numbers, 4));
    op_expect_refusal(&test, SNN_ERR_INVALID, "a bias of shape [4], [5] expected");
}

Test(op_conv, ranks_must_match)
{
    static const float numbers[64] = {0};
    struct op_case test = conv(OP_ARRAY(F32, numbers, 1, 2, 4, 4), OP_ARRAY(F32, numbers, 3, 2, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "weights of shape [3, 2, 2] for an input of shape [1, 2, 4, 4]");
    test = conv(OP_ARRAY(F32, numbers, 4, 4), OP_ARRAY(F32, numbers, 4, 4));
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "weights of shape [4, 4] for an input of shape [4, 4]");
    test = conv(OP_ARRAY(F32, numbers, 1, 1, 2, 2, 2, 2), OP_ARRAY(F32, numbers, 1, 1, 1, 1, 1, 1));
    op_expect_refusal(&test, SNN_ERR_UNSUPPORTED,
                      "an input of shape [1, 1, 2, 2, 2, 2]: 4 spatial axes, at most 3");
    test = conv(OP_ARRAY(F32, numbers, 1, 1, 4, 4), OP_ARRAY(F32, numbers, 1, 1, 2, 2));
    op_window(&test, 1, 2, 1, 0);
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "a window over 1 axes for an input of shape [1, 1, 4, 4]");
}

Test(op_conv, windows_must_make_sense)
{
    static const float numbers[64] = {0};
    struct op_case test =
        conv(OP_ARRAY(F32, numbers, 1, 1, 4, 4), OP_ARRAY(F32, numbers, 1, 1, 2, 3));
    op_window(&test, 2, 0, 1, 0);
    test.attributes.kernel[1] = 5;
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "spatial axis 1: kernel_shape says 5, the weights have 3");
    op_window(&test, 2, 0, 0, 0);
    op_expect_refusal(&test, SNN_ERR_INVALID, "spatial axis 0: a stride of 0");
    op_window(&test, 2, 0, 1, -1);
    op_expect_refusal(&test, SNN_ERR_INVALID, "spatial axis 0: pads of -1 and -1");
    op_window(&test, 2, 0, 1, 0);
    test.attributes.dilation[1] = 2;
    op_expect_refusal(&test, SNN_ERR_INVALID,
                      "spatial axis 1: a window of 5 does not fit into 4 with pads of 0 and 0");
    test.attributes.dilation[1] = -2;
    op_expect_refusal(&test, SNN_ERR_INVALID, "spatial axis 1: a dilation of -2");
}

Test(op_conv, types_must_match)
{
    static const float numbers[4] = {0};
    static const int32_t whole[4] = {0};
    struct op_case test = conv(OP_ARRAY(F32, numbers, 1, 1, 2), OP_ARRAY(I32, whole, 1, 1, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID, "inputs of float32 and int32, one type is expected");
    test = conv(OP_ARRAY(I32, whole, 1, 1, 2), OP_ARRAY(I32, whole, 1, 1, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID, "an input of int32, floats expected");
}

/* Two taps far apart and pads to match: a small output of an input that does not fit. */
Test(op_conv, padding_keeps_to_the_limit)
{
    const struct snn_limits limits = {.tensor_bytes = 1000};
    static const float numbers[2] = {1, 1};
    struct snn_context *context = support_limited(&limits);
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    struct op_case test = conv(OP_ARRAY(F32, numbers, 1, 1, 1), OP_ARRAY(F32, numbers, 1, 1, 2));
    op_window(&test, 1, 2, 1, 125);
    test.attributes.dilation[0] = 250;
    cr_expect_eq(op_try(&test, context, &arena), SNN_ERR_LIMIT);
    cr_expect_str_eq(snn_context_message(context),
                     "the padded input exceeds the limit of 1000 bytes");
    op_window(&test, 1, 2, 1, 124);
    test.attributes.dilation[0] = 248;
    cr_expect_eq(op_try(&test, context, &arena), SNN_OK, "%s", snn_context_message(context));
    snnbase_arena_fini(&arena);
    snn_context_destroy(&context);
}

/* ---- Out of memory ---- */

static int run_half(struct snn_context *context)
{
    static const uint16_t half[] = {0x3c00, 0x4000, 0x4200};
    struct snnbase_arena arena;
    struct op_case test = conv(OP_ARRAY(F16, half, 1, 1, 3), OP_ARRAY(F16, half, 1, 1, 2));
    op_input(&test, OP_ARRAY(F16, half, 1));
    snnbase_arena_init(&arena, context);
    int status = op_try(&test, context, &arena);
    snnbase_arena_fini(&arena);
    return status;
}

static int run_quantised(struct snn_context *context)
{
    static const int8_t x[] = {1, 2, 3};
    static const float w_scale[] = {1, 1};
    struct snnbase_arena arena;
    struct op_case test = qlinear_conv(OP_ARRAY(I8, x, 1, 1, 3), w_scale);
    snnbase_arena_init(&arena, context);
    int status = op_try(&test, context, &arena);
    snnbase_arena_fini(&arena);
    return status;
}

Test(op_conv, gives_back_what_it_took)
{
    support_sweep(run_half);
    support_sweep(run_quantised);
}
