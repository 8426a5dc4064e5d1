/* The frame-based targets: what a caller may do, the fixed-point arithmetic, and how integers are
 * chosen. Expected values are derived beside each test; nets by others are in tests/flow/int8.py.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "sim/frame/frame.h"
#include "snn/graph.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/support.h"

enum { VALUES_MAX = 4096 };

static struct snn_context *context; /* the support's, whose allocations are counted */
static struct snn_graph *graph;
static struct snn_target *target;
static uint32_t random_state = 1;

static void begin(void)
{
    support_begin();
    context = support_context();
    cr_assert_eq(snn_graph_create(&graph, context, "frame"), SNN_OK);
}

static void end(void)
{
    snn_target_close(&target);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(frame, .init = begin, .fini = end);

/* A whole number in low .. high. */
static int draw(int low, int high)
{
    random_state = random_state * 1664525u + 1013904223u;
    return low + (int)((random_state >> 8) % (uint32_t)(high - low + 1));
}

static uint32_t add(struct snn_layer layer)
{
    uint32_t last = snn_graph_layer_count(graph) - 1, index = 0;
    if (layer.kind != SNN_LAYER_INPUT && layer.inputs == NULL) {
        layer.inputs = &last;
        layer.input_count = 1;
    }
    cr_assert_eq(snn_graph_add(graph, context, &layer, &index), SNN_OK, "%s",
                 snn_context_message(context));
    return index;
}

/* Raw values are taken as they are: an intensity of i / 255 is i. */
static void add_input(uint32_t channels, uint32_t height, uint32_t width)
{
    const double mean = 0.0, std = 1.0;
    const struct snn_preprocess raw = {1.0, 1, &mean, &std};
    add((struct snn_layer){
        .name = "input", .kind = SNN_LAYER_INPUT, .shape = {channels, height, width}});
    cr_assert_eq(snn_graph_set_preprocess(graph, context, &raw), SNN_OK);
}

static void quantize(uint32_t layer, float scale, int32_t zero_point, float weight_scale)
{
    const struct snn_quantization q = {scale, zero_point, weight_scale > 0.0f, &weight_scale};
    cr_assert_eq(snn_graph_set_quantization(graph, context, layer, &q), SNN_OK, "%s",
                 snn_context_message(context));
}

static void load(const char *uri)
{
    snn_target_close(&target);
    cr_assert_eq(snn_target_open(&target, context, uri), SNN_OK);
    cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_OK, "%s",
                 snn_context_message(context));
}

static struct snnsim_frame_plan *plan_graph(void)
{
    struct snnsim_frame_plan *plan = NULL;
    cr_assert_eq(snnsim_frame_plan_create(&plan, context, graph), SNN_OK, "%s",
                 snn_context_message(context));
    return plan;
}

/* ---- Fixed point ---- */

/* 1/2 is 2^30 / 2^31: the product with 3 is 1.5 and goes up to 2, with -3 up to -1. */
Test(frame, halves_of_a_product_go_upwards)
{
    const struct snnsim_multiplier half = snnsim_fixed_multiplier(0.5);
    cr_assert_eq(half.mantissa, 1 << 30);
    cr_assert_eq(half.shift, 0);
    cr_assert_eq(snnsim_fixed_multiply(3, half), 2);
    cr_assert_eq(snnsim_fixed_multiply(-3, half), -1);
}

/* 1/4 is 1/2 shifted right by 1, and the shift rounds anew, halves away from 0: 1 -> 0.5 -> 1 -> 1,
 * 2 -> 1 -> 0.5 -> 1, -2 -> -1 -> -0.5 -> -1, 5 -> 2.5 -> 3 -> 1.5 -> 2. */
Test(frame, a_shift_rounds_a_second_time)
{
    const struct snnsim_multiplier quarter = snnsim_fixed_multiplier(0.25);
    cr_assert_eq(quarter.shift, -1);
    cr_assert_eq(snnsim_fixed_multiply(1, quarter), 1);
    cr_assert_eq(snnsim_fixed_multiply(2, quarter), 1);
    cr_assert_eq(snnsim_fixed_multiply(-2, quarter), -1);
    cr_assert_eq(snnsim_fixed_multiply(5, quarter), 2);
}

/* 1 is 2^30 shifted left by 1. Beyond 32 bits a shift to the left saturates: 2^30 * 8 becomes
 * 2^31 - 1, times 1/2. 2^-33 is nothing. The double next below 1 rounds to a mantissa of 2^31. */
Test(frame, factors_end_where_32_bits_do)
{
    const struct snnsim_multiplier one = snnsim_fixed_multiplier(1.0);
    const struct snnsim_multiplier below = snnsim_fixed_multiplier(nextafter(1.0, 0.0));
    cr_assert_eq(snnsim_fixed_multiply((1 << 30) - 1, one), (1 << 30) - 1);
    cr_assert_eq(snnsim_fixed_multiply(-12345, one), -12345);
    cr_assert_eq(snnsim_fixed_multiply(1 << 30, snnsim_fixed_multiplier(4.0)), 1 << 30);
    cr_assert_eq(snnsim_fixed_multiplier(0x1p-33).mantissa, 0);
    cr_assert_eq(below.mantissa, one.mantissa);
    cr_assert_eq(below.shift, one.shift);
    cr_assert_eq(snnsim_fixed_multiplier(0x1p40).shift, 30);
}

Test(frame, real_numbers_go_to_the_nearest_integer_halves_away_from_0)
{
    const struct snnsim_affine affine = {0.5f, 3};
    cr_assert_eq(snnsim_fixed_quantize(1.25f, affine), 3 + 3);
    cr_assert_eq(snnsim_fixed_quantize(-1.25f, affine), 3 - 3);
    cr_assert_eq(snnsim_fixed_quantize(1e30f, affine), 127);
    cr_assert_eq(snnsim_fixed_quantize(-1e30f, affine), -128);
    cr_assert_eq(snnsim_fixed_quantize(NAN, affine), 3);
}

/* ---- Where nothing is rounded, the integers are the plain evaluation ---- */

static float weights[VALUES_MAX], biases[64];

static void draw_weights(size_t count, size_t bias_count)
{
    for (size_t i = 0; i < count; i++)
        weights[i] = (float)draw(-2, 2);
    for (size_t i = 0; i < bias_count; i++)
        biases[i] = (float)draw(-9, 9);
}

/* Every scale is 1, so a layer's integers are its values, as long as those stay within -128..127;
 * those of large ones are cut, so layers clip. */
static uint32_t add_exact(struct snn_layer layer, int32_t zero_point)
{
    uint32_t index = add(layer);
    quantize(index, 1.0f, zero_point, layer.weight_count > 0 ? 1.0f : 0.0f);
    return index;
}

static uint32_t add_conv(const char *name, uint32_t input, struct snn_window window,
                         uint32_t channels, uint32_t in_group, uint32_t groups)
{
    const size_t count = (size_t)channels * in_group * window.kernel_h * window.kernel_w;
    draw_weights(count, channels);
    return add_exact((struct snn_layer){.name = name,
                                        .kind = SNN_LAYER_CONV2D,
                                        .inputs = &input,
                                        .input_count = 1,
                                        .shape = {channels, 0, 0},
                                        .window = window,
                                        .groups = groups,
                                        .activation = SNN_ACTIVATION_CLIP,
                                        .clip = 4.0f,
                                        .weights = weights,
                                        .weight_count = count,
                                        .bias = biases,
                                        .bias_count = channels},
                     -3);
}

/* All kinds of layers; convolutions strided, dilated, in groups, by channel, padded unevenly. */
static void add_everything(void)
{
    add_input(4, 9, 7);
    quantize(0, 1.0f, -5, 0.0f);
    uint32_t a = add_conv("strided", 0, (struct snn_window){3, 2, 2, 1, 1, 0, 2, 1, 1, 1}, 6, 4, 1);
    uint32_t b = add_conv("wide", a, (struct snn_window){2, 3, 1, 1, 1, 2, 1, 2, 2, 2}, 6, 3, 2);
    uint32_t c = add_conv("deep", b, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 6, 1, 6);
    const uint32_t summands[] = {a, b, c};
    uint32_t sum = add_exact((struct snn_layer){.name = "sum",
                                                .kind = SNN_LAYER_ADD,
                                                .inputs = summands,
                                                .input_count = 3,
                                                .activation = SNN_ACTIVATION_RELU},
                             -10);
    const uint32_t parts[] = {sum, c};
    add_exact(
        (struct snn_layer){
            .name = "both", .kind = SNN_LAYER_CONCAT, .inputs = parts, .input_count = 2},
        -20);
    const struct snn_window two = {2, 2, 2, 2, 0, 1, 1, 0, 1, 1};
    add((struct snn_layer){.name = "most", .kind = SNN_LAYER_MAX_POOL2D, .window = two});
    add_exact((struct snn_layer){.name = "pool", .kind = SNN_LAYER_SUM_POOL2D, .window = two}, -30);
    add((struct snn_layer){.name = "flat", .kind = SNN_LAYER_FLATTEN});
    const struct snn_layer *flat = snn_graph_layer(graph, snn_graph_layer_count(graph) - 1);
    const size_t count = 5 * snn_shape_size(flat->shape);
    for (size_t i = 0; i < count; i++)
        weights[i] = (float)(draw(0, 15) == 0 ? draw(-1, 1) : 0);
    add_exact((struct snn_layer){.name = "dense",
                                 .kind = SNN_LAYER_DENSE,
                                 .shape = {5, 0, 0},
                                 .weights = weights,
                                 .weight_count = count},
              7);
}

static void draw_frame(float *frame, size_t count)
{
    for (size_t i = 0; i < count; i++)
        frame[i] = (float)draw(0, 9) / 255.0f;
}

static void assert_exact_layer(const struct snnsim_frame_plan *plan, const void *block,
                               const struct snn_evaluator *evaluator, uint32_t index)
{
    const struct snn_shape shape = plan->layers[index].layer->shape;
    const float *expected = snn_evaluator_values(evaluator, index);
    const int8_t *found = snnsim_frame_values(plan, block, index);
    const size_t map = (size_t)shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t i = 0; i < map; i++) {
            int value = found[i * shape.channels + c] - plan->layers[index].affine.zero_point;
            int exact = (int)lrintf(expected[c * map + i]);
            cr_assert_eq(value, exact, "%s: channel %zu, position %zu: %d, expected %d",
                         plan->layers[index].layer->name, c, i, value, exact);
        }
    }
}

Test(frame, integers_are_the_plain_evaluation_where_nothing_is_rounded)
{
    float frame[4 * 9 * 7];
    add_everything();
    struct snnsim_frame_plan *plan = plan_graph();
    struct snn_evaluator *evaluator = NULL;
    cr_assert_eq(snn_evaluator_create(&evaluator, context, graph), SNN_OK);
    void *block = snnbase_alloc_aligned(context, plan->block_bytes, 1);
    for (int round = 0; round < 5; round++) {
        draw_frame(frame, sizeof(frame) / sizeof(*frame));
        snn_evaluator_run(evaluator, frame);
        snnsim_frame_run(plan, block, frame);
        for (uint32_t i = 0; i < plan->layer_count; i++)
            assert_exact_layer(plan, block, evaluator, i);
    }
    snnbase_free(context, block);
    snn_evaluator_destroy(&evaluator);
    snnsim_frame_plan_destroy(&plan);
}

Test(frame, floats_are_the_plain_evaluation_to_the_bit)
{
    float frame[4 * 9 * 7], output[5];
    add_everything();
    struct snn_evaluator *evaluator = NULL;
    cr_assert_eq(snn_evaluator_create(&evaluator, context, graph), SNN_OK);
    draw_frame(frame, sizeof(frame) / sizeof(*frame));
    snn_evaluator_run(evaluator, frame);
    load("frame:f32");
    cr_assert_eq(snn_target_infer(target, context, frame, output), SNN_OK);
    cr_assert_arr_eq(output, snn_evaluator_values(evaluator, snn_graph_output(graph)),
                     sizeof(output));
    snn_evaluator_destroy(&evaluator);
}

/* ---- Rounding of layers ---- */

/* The output of a net that is its input and one layer, for raw values. */
static void infer_raw(const float *raw, size_t count, float *output)
{
    float frame[64];
    for (size_t i = 0; i < count; i++)
        frame[i] = raw[i] / 255.0f;
    load("frame:int8");
    cr_assert_eq(snn_target_infer(target, context, frame, output), SNN_OK);
}

/* Means of 2 x 2 over the columns 0 1 and 1 2 with one of padding beside each. In integers
 * q = x - 10: (-10 - 9 - 20) / 4 = -9.75 -> -10 is 0, (-9 - 8 - 20) / 4 = -9.25 -> -9 is 1. Without
 * padding halves go away from 0: -19 / 2 = -9.5 -> -10, and -17 / 2 = -8.5 -> -9. */
static void assert_means(bool pad_excluded)
{
    const float raw[] = {0, 1, 1, 2};
    float output[2];
    add_input(1, 2, 2);
    quantize(0, 1.0f, -10, 0.0f);
    add((struct snn_layer){.name = "mean",
                           .kind = SNN_LAYER_AVG_POOL2D,
                           .window = {2, 2, 1, 2, 0, 1, 0, 1, 1, 1},
                           .pad_excluded = pad_excluded});
    infer_raw(raw, 4, output);
    cr_assert_eq(output[0], 0.0f);
    cr_assert_eq(output[1], 1.0f);
}

Test(frame, padding_counts_as_zeros_in_a_mean)
{
    assert_means(false);
}

Test(frame, means_round_halves_away_from_0)
{
    assert_means(true);
}

/* To a scale of 1/2: 0 + 1 + 1 + 3 = 5, a mean of 1.25, which is 2.5 steps. The factor is
 * 2 / 4 = 1/2, of which halves go upwards: 3 steps. */
Test(frame, a_mean_to_another_scale_is_rounded_once)
{
    const float raw[] = {0, 1, 1, 3};
    float output[1];
    add_input(1, 2, 2);
    quantize(0, 1.0f, -10, 0.0f);
    uint32_t index = add((struct snn_layer){
        .name = "mean", .kind = SNN_LAYER_AVG_POOL2D, .window = {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}});
    quantize(index, 0.5f, 20, 0.0f);
    infer_raw(raw, 4, output);
    cr_assert_eq(output[0], 1.5f);
}

/* Leaky: 3 * 5 = 15 and -3 * 5 * 0.2 = -3. */
Test(frame, leaky_sums_have_a_factor_of_their_own_below_0)
{
    const float raw[] = {5}, weight[] = {3.0f, -3.0f};
    float output[2];
    add_input(1, 1, 1);
    quantize(0, 1.0f, 0, 0.0f);
    uint32_t index = add((struct snn_layer){.name = "dense",
                                            .kind = SNN_LAYER_DENSE,
                                            .shape = {2, 0, 0},
                                            .activation = SNN_ACTIVATION_LEAKY_RELU,
                                            .slope = 0.2f,
                                            .weights = weight,
                                            .weight_count = 2});
    quantize(index, 1.0f, 0, 1.0f);
    infer_raw(raw, 1, output);
    cr_assert_eq(output[0], 15.0f);
    cr_assert_eq(output[1], -3.0f);
}

/* With one scale for all weights the product of scales is rounded to single precision in a dense
 * layer, and is not in a convolution. */
Test(frame, one_scale_makes_a_dense_layer_another_factor_than_a_convolution)
{
    const float weight[] = {0.3f}, in = 0.1f, w = 0.3f, out = 0.7f;
    const float product = in * w;
    add_input(1, 1, 1);
    quantize(0, in, 0, 0.0f);
    uint32_t dense = add((struct snn_layer){.name = "dense",
                                            .kind = SNN_LAYER_DENSE,
                                            .shape = {1, 0, 0},
                                            .weights = weight,
                                            .weight_count = 1});
    const uint32_t input = 0;
    uint32_t conv = add((struct snn_layer){.name = "conv",
                                           .kind = SNN_LAYER_CONV2D,
                                           .inputs = &input,
                                           .input_count = 1,
                                           .shape = {1, 0, 0},
                                           .window = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1},
                                           .weights = weight,
                                           .weight_count = 1});
    quantize(dense, out, 0, w);
    quantize(conv, out, 0, w);
    struct snnsim_frame_plan *plan = plan_graph();
    const int32_t single = snnsim_fixed_multiplier((double)product / (double)out).mantissa;
    const int32_t twofold = snnsim_fixed_multiplier((double)in * (double)w / (double)out).mantissa;
    cr_assert_neq(single, twofold);
    cr_assert_eq(plan->layers[dense].factor[0].mantissa, single);
    cr_assert_eq(plan->layers[conv].factor[0].mantissa, twofold);
    snnsim_frame_plan_destroy(&plan);
}

/* ---- Graphs that were calibrated ---- */

static void set_range(uint32_t layer, float minimum, float maximum)
{
    const float of_channels[] = {maximum, maximum, maximum, maximum};
    const struct snn_statistics statistics = {minimum, &maximum, of_channels};
    cr_assert_eq(snn_graph_set_statistics(graph, context, layer, &statistics), SNN_OK, "%s",
                 snn_context_message(context));
}

/* Input 0..255; a ReLU layer of 0..51, a branch without activation, their sum, -40..102. */
static void add_branches(void)
{
    static const float of_relu[] = {0.2f, 0.1f}, of_branch[] = {-3.0f, 2.0f};
    const double whole = 1.0;
    const struct snn_window point = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
    const uint32_t summands[] = {1, 2};
    add_input(1, 2, 2);
    struct snn_layer conv = {.name = "relu",
                             .kind = SNN_LAYER_CONV2D,
                             .shape = {2, 0, 0},
                             .window = point,
                             .activation = SNN_ACTIVATION_RELU,
                             .weights = of_relu,
                             .weight_count = 2};
    add(conv);
    const uint32_t input = 0;
    conv.name = "branch";
    conv.activation = SNN_ACTIVATION_NONE;
    conv.weights = of_branch;
    conv.inputs = &input;
    conv.input_count = 1;
    add(conv);
    add((struct snn_layer){.name = "sum",
                           .kind = SNN_LAYER_ADD,
                           .inputs = summands,
                           .input_count = 2,
                           .activation = SNN_ACTIVATION_RELU});
    cr_assert_eq(snn_graph_set_quantiles(graph, context, &whole, 1, 1, "frames"), SNN_OK);
    set_range(1, 0.0f, 51.0f);
    set_range(3, -40.0f, 102.0f);
}

static void assert_affine(struct snnsim_affine affine, double low, double high)
{
    cr_assert_float_eq((double)affine.scale, (high - low) / 255.0, 1e-6);
    cr_assert_eq(affine.zero_point, (int32_t)rint(-128.0 - low / ((high - low) / 255.0)));
}

/* The branch by itself: -3 * 255 .. 2 * 255. By the sum and the other summand, 0..51: from
 * -40 - 51 to 102 - 0. */
Test(frame, a_sum_without_activation_is_narrowed_by_what_it_goes_into)
{
    struct snnsim_affine affine[4];
    add_branches();
    cr_assert_eq(snnsim_frame_find_ranges(context, graph, affine), SNN_OK);
    assert_affine(affine[0], 0.0, 255.0);
    assert_affine(affine[1], 0.0, 51.0);
    assert_affine(affine[2], -91.0, 102.0);
    assert_affine(affine[3], 0.0, 102.0);
}

/* A slope of -1/2 bends -40 to 20, below the maximum of 30; one of -1 to 40, above it. */
Test(frame, leaky_ranges_reach_as_far_as_the_bent_side)
{
    const float slopes[] = {0.25f, -0.5f, -1.0f}, weight[] = {1.0f};
    const double whole = 1.0, low[] = {-10.0, 0.0, 0.0}, high[] = {30.0, 30.0, 40.0};
    static const char *const names[] = {"a", "b", "c"};
    struct snnsim_affine affine[4];
    add_input(1, 1, 1);
    for (uint32_t i = 0; i < 3; i++)
        add((struct snn_layer){.name = names[i],
                               .kind = SNN_LAYER_DENSE,
                               .shape = {1, 0, 0},
                               .activation = SNN_ACTIVATION_LEAKY_RELU,
                               .slope = slopes[i],
                               .weights = weight,
                               .weight_count = 1});
    cr_assert_eq(snn_graph_set_quantiles(graph, context, &whole, 1, 1, "frames"), SNN_OK);
    for (uint32_t i = 1; i <= 3; i++)
        set_range(i, -40.0f, 30.0f);
    cr_assert_eq(snnsim_frame_find_ranges(context, graph, affine), SNN_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_affine(affine[i + 1], low[i], high[i]);
}

/* Weights of one channel: the largest is 127. */
Test(frame, weights_are_scaled_channel_by_channel)
{
    add_branches();
    struct snnsim_frame_plan *plan = plan_graph();
    const struct snnsim_frame_layer *relu = &plan->layers[1];
    cr_assert_eq(relu->depth, SNNSIM_DEPTH_STEP);
    cr_assert_eq(relu->weights[0], 127);
    cr_assert_eq(relu->weights[SNNSIM_DEPTH_STEP], 127);
    cr_assert_eq(plan->layers[2].weights[0], -127);
    cr_assert_eq(relu->low, -128);
    snnsim_frame_plan_destroy(&plan);
}

/* Of 10 and 3, quantised by 1: 10 * 127 - 3 + 5 = 1272 at a weight scale of 1, which 8 bits do not
 * hold; 10 * 254 + 3 * 2 + 4 = 2550 at 2; -10 * 127 = -1270, of which activations leave what they
 * say. */
Test(frame, the_output_of_a_quantised_net_stays_real_without_a_scale)
{
    static const struct {
        enum snn_activation activation;
        float expected[3];
    } cases[] = {{SNN_ACTIVATION_NONE, {1272.0f, 2550.0f, -1270.0f}},
                 {SNN_ACTIVATION_RELU, {1272.0f, 2550.0f, 0.0f}},
                 {SNN_ACTIVATION_CLIP, {1272.0f, 2000.0f, 0.0f}},
                 {SNN_ACTIVATION_LEAKY_RELU, {1272.0f, 2550.0f, -127.0f}}};
    const float matrix[] = {127.0f, -1.0f, 254.0f, 2.0f, -127.0f, 0.0f}, bias[] = {5, 4, 0};
    const float intensity[] = {10.0f / 255.0f, 3.0f / 255.0f};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        float found[3];
        snn_graph_destroy(&graph);
        cr_assert_eq(snn_graph_create(&graph, context, "frame"), SNN_OK);
        add_input(2, 1, 1);
        quantize(0, 1.0f, -128, 0.0f);
        add((struct snn_layer){.name = "dense",
                               .kind = SNN_LAYER_DENSE,
                               .shape = {3, 0, 0},
                               .activation = cases[i].activation,
                               .slope = 0.1f,
                               .clip = 2000.0f,
                               .weights = matrix,
                               .weight_count = 6,
                               .bias = bias,
                               .bias_count = 3});
        load("frame:int8");
        cr_assert_eq(snn_target_infer(target, context, intensity, found), SNN_OK);
        for (size_t c = 0; c < 3; c++)
            cr_assert_float_eq((double)found[c], (double)cases[i].expected[c], 1e-4);
        snn_target_close(&target);
    }
}

/* ---- What is refused ---- */

Test(frame, a_layer_that_the_file_left_out_is_named)
{
    const float weight[] = {1.0f};
    const struct snn_layer layer = {.kind = SNN_LAYER_DENSE,
                                    .shape = {1, 0, 0},
                                    .activation = SNN_ACTIVATION_RELU,
                                    .weights = weight,
                                    .weight_count = 1};
    struct snn_layer hidden = layer, output = layer;
    hidden.name = "hidden";
    output.name = "output";
    add_input(1, 1, 1);
    quantize(0, 1.0f, -128, 0.0f);
    add(hidden);
    add(output);
    cr_assert_eq(snn_target_open(&target, context, "frame:int8"), SNN_OK);
    cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_message(context),
                     "layer 'hidden' has no range for 8 bits: the file quantises other layers, but "
                     "not what this one puts out");
}

Test(frame, without_ranges_the_hint_tells_how_to_calibrate)
{
    const float weight[] = {1.0f};
    add_input(1, 1, 1);
    add((struct snn_layer){.name = "dense",
                           .kind = SNN_LAYER_DENSE,
                           .shape = {1, 0, 0},
                           .weights = weight,
                           .weight_count = 1});
    cr_assert_eq(snn_target_open(&target, context, "frame:int8"), SNN_OK);
    cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_message(context),
                     "layer 'dense' has no range for 8 bits: the model is neither quantised nor "
                     "calibrated");
    cr_assert_not_null(strstr(snn_context_hint(context), "--calibrate"));
}

/* A bias of 2^31 at a scale of 1 leaves no room for the sum. */
Test(frame, sums_beyond_32_bits_are_refused)
{
    const float weight[] = {1.0f}, bias[] = {0x1p31f};
    add_input(1, 1, 1);
    quantize(0, 1.0f, 0, 0.0f);
    uint32_t index = add((struct snn_layer){.name = "dense",
                                            .kind = SNN_LAYER_DENSE,
                                            .shape = {1, 0, 0},
                                            .weights = weight,
                                            .weight_count = 1,
                                            .bias = bias,
                                            .bias_count = 1});
    quantize(index, 1.0f, 0, 1.0f);
    cr_assert_eq(snn_target_open(&target, context, "frame:int8"), SNN_OK);
    cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_ERR_UNSUPPORTED);
    cr_assert_not_null(strstr(snn_context_message(context), "beyond 32 bits"));
}

Test(frame, spiking_nets_and_graphs_without_layers_are_refused)
{
    const float threshold = 1.0f;
    const struct snn_neurons neurons = {.threshold = &threshold, .threshold_count = 1};
    static const char *const uris[] = {"frame:f32", "frame:int8"};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(snn_target_open(&target, context, uris[i]), SNN_OK);
        cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_ERR_INVALID);
        snn_target_close(&target);
    }
    add_input(1, 1, 1);
    add((struct snn_layer){.name = "if", .kind = SNN_LAYER_IF, .neurons = &neurons});
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(snn_target_open(&target, context, uris[i]), SNN_OK);
        cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_ERR_UNSUPPORTED);
        snn_target_close(&target);
    }
}

Test(frame, each_kind_of_target_refuses_the_functions_of_the_other)
{
    float frame[1] = {0.0f}, output[1];
    struct snn_target *sim = NULL;
    add_input(1, 1, 1);
    load("frame:f32");
    cr_assert_eq(snn_target_kind(target), SNN_TARGET_FRAME);
    cr_assert_eq(snn_target_reset(target, context), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "target frame:f32 takes graphs and frames, not nets and spikes");
    cr_assert_eq(snn_target_load(target, context, NULL), SNN_ERR_INVALID);
    cr_assert_eq(snn_target_open(&sim, context, "sim"), SNN_OK);
    cr_assert_eq(snn_target_kind(sim), SNN_TARGET_SPIKING);
    cr_assert_eq(snn_target_load_graph(sim, context, graph), SNN_ERR_INVALID);
    cr_assert_eq(snn_target_infer(sim, context, frame, output), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "target sim takes nets and spikes, not graphs and frames");
    snn_target_close(&sim);
}

Test(frame, a_target_without_a_graph_infers_nothing)
{
    float frame[1] = {0.0f}, output[1];
    cr_assert_eq(snn_target_open(&target, context, "frame:int8"), SNN_OK);
    cr_assert_eq(snn_target_infer(target, context, frame, output), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "target frame:int8: no graph is loaded");
}

Test(frame, intensities_outside_0_to_1_are_refused)
{
    static const char *const uris[] = {"frame:f32", "frame:int8"};
    float frame[4 * 9 * 7] = {0.0f}, output[5];
    add_everything();
    frame[9 * 7 + 2 * 7 + 3] = 128.0f; /* channel 1, row 2, column 3 */
    for (int i = 0; i < 2; i++) {
        load(uris[i]);
        cr_assert_eq(snn_target_infer(target, context, frame, output), SNN_ERR_INVALID);
        cr_assert_str_eq(snn_context_message(context),
                         "the intensity 128 at channel 1, row 2, column 3 is outside 0..1");
        cr_assert_str_eq(snn_context_hint(context),
                         "divide the frames by 255, or keep them as bytes");
    }
}

/* ---- Sessions ---- */

Test(frame, forks_give_the_same_and_keep_the_graph)
{
    static const char *const uris[] = {"frame:f32", "frame:int8"};
    float frame[4 * 9 * 7], one[5], other[5];
    add_everything();
    draw_frame(frame, sizeof(frame) / sizeof(*frame));
    for (int i = 0; i < 2; i++) {
        struct snn_target *child = NULL;
        load(uris[i]);
        cr_assert_eq(snn_target_fork(&child, context, target), SNN_OK);
        cr_assert_eq(snn_target_load_graph(target, context, graph), SNN_ERR_BUSY);
        cr_assert_eq(snn_target_infer(target, context, frame, one), SNN_OK);
        cr_assert_eq(snn_target_infer(child, context, frame, other), SNN_OK);
        cr_assert_arr_eq(one, other, sizeof(one));
        snn_target_close(&child);
    }
}

Test(frame, inferring_does_not_allocate)
{
    static const char *const uris[] = {"frame:f32", "frame:int8"};
    float frame[4 * 9 * 7] = {0.0f}, output[5];
    add_everything();
    for (int i = 0; i < 2; i++) {
        load(uris[i]);
        size_t before = support_allocation_count();
        for (int k = 0; k < 3; k++)
            cr_assert_eq(snn_target_infer(target, context, frame, output), SNN_OK);
        cr_assert_eq(support_allocation_count(), before);
    }
}

Test(frame, values_of_all_layers_are_held_against_the_limit)
{
    struct snn_context *limited = support_limited(&(struct snn_limits){.tensor_bytes = 2000});
    add_everything();
    cr_assert_eq(snn_target_open(&target, limited, "frame:int8"), SNN_OK);
    cr_assert_eq(snn_target_load_graph(target, limited, graph), SNN_ERR_LIMIT);
    snn_target_close(&target);
    snn_context_destroy(&limited);
}
