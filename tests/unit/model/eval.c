/* What a graph means: every kind of layer against numbers worked out by hand, and convolutions and
 * pools of all shapes against the plainest loops there are.
 *
 * Values are small whole numbers (or halves), so every sum is exact and must be equal to the bit.
 */
#include "libsnn/model/eval.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/model/support.h"

TestSuite(eval, .init = support_begin, .fini = support_end);

/* 1 2 3 / 4 5 6 / 7 8 9 */
static const float nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

/* Runs `graph` on `intensity`, holds its last layer's values against `expected` and lets go. */
static void check(struct snn_graph *graph, const float *intensity, const float *expected,
                  size_t count)
{
    struct snn_evaluator *evaluator = NULL;
    uint32_t output = snn_graph_output(graph);
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(snn_shape_size(snn_graph_layer(graph, output)->shape), count);
    for (int run = 0; run < 2; run++) { /* the second finds no traces of the first */
        snn_evaluator_run(evaluator, intensity);
        const float *values = snn_evaluator_values(evaluator, output);
        for (size_t i = 0; i < count; i++)
            cr_assert_eq(values[i], expected[i], "value %zu: %g, %g expected", i, (double)values[i],
                         (double)expected[i]);
    }
    snn_evaluator_destroy(&evaluator);
    cr_assert_null(evaluator);
    snn_graph_destroy(&graph);
}

static struct snn_window window(uint32_t kernel_h, uint32_t kernel_w, uint32_t stride_h,
                                uint32_t stride_w)
{
    return (struct snn_window){.kernel_h = kernel_h,
                               .kernel_w = kernel_w,
                               .stride_h = stride_h,
                               .stride_w = stride_w,
                               .dilation_h = 1,
                               .dilation_w = 1};
}

Test(eval, convolution_is_a_cross_correlation)
{
    const float weights[] = {1, 2, 3, 4}, bias[] = {0.5f};
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = window(2, 2, 1, 1),
                                          .weights = weights,
                                          .weight_count = 4,
                                          .bias = bias,
                                          .bias_count = 1});
    /* 1*1 + 2*2 + 3*4 + 4*5 = 37, one to the right 1*2 + 2*3 + 3*5 + 4*6 = 47, ... */
    const float expected[] = {37.5f, 47.5f, 67.5f, 77.5f};
    check(graph, nine, expected, 4);
}

Test(eval, convolution_pads_each_side_on_its_own)
{
    const float weights[] = {1, 2, 3, 4};
    struct snn_window w = window(2, 2, 1, 1);
    w.pad_top = 1;
    w.pad_right = 1;
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = w,
                                          .weights = weights,
                                          .weight_count = 4});
    /* Row 0 sees only kernel row 1: 3*1 + 4*2 = 11, 3*2 + 4*3 = 18, 3*3 = 9. Column 2 sees only
     * kernel column 0: 1*3 + 3*6 = 21, 1*6 + 3*9 = 33. */
    const float expected[] = {11, 18, 9, 37, 47, 21, 67, 77, 33};
    check(graph, nine, expected, 9);
}

Test(eval, padding_is_zero_after_another_convolution)
{
    const float copy[] = {1}, ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct snn_window w = window(3, 3, 2, 2);
    w.pad_top = w.pad_left = w.pad_bottom = w.pad_right = 1;
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = window(1, 1, 1, 1),
                                          .weights = copy,
                                          .weight_count = 1});
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = w,
                                          .weights = ones,
                                          .weight_count = 9});
    /* 1 + 2 + 4 + 5, 2 + 3 + 5 + 6, 4 + 5 + 7 + 8, 5 + 6 + 8 + 9 */
    const float expected[] = {12, 16, 24, 28};
    check(graph, nine, expected, 4);
}

Test(eval, convolution_strides_and_dilates)
{
    const float intensity[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                               11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    const float weights[] = {1, 10};
    struct snn_window w = window(1, 2, 2, 2);
    w.dilation_w = 2;
    struct snn_graph *graph = support_graph(1, 4, 5);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = w,
                                          .weights = weights,
                                          .weight_count = 2});
    /* Rows 0 and 2, columns 0 + 2 and 2 + 4: 1 + 10*3, 3 + 10*5, 11 + 10*13, 13 + 10*15. */
    const float expected[] = {31, 53, 141, 163};
    check(graph, intensity, expected, 4);
}

Test(eval, groups_see_only_their_channels)
{
    const float intensity[] = {1, 2, 3, 4}; /* four channels of one value */
    const float weights[] = {1, 10, 100, 1000, 2, 20, 200, 2000};
    struct snn_graph *graph = support_graph(4, 1, 1);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 4},
                                          .window = window(1, 1, 1, 1),
                                          .groups = 2,
                                          .weights = weights,
                                          .weight_count = 8});
    /* 1 + 10*2, 100 + 1000*2 from the first two; 2*3 + 20*4, 200*3 + 2000*4 from the others. */
    const float expected[] = {21, 2100, 86, 8600};
    check(graph, intensity, expected, 4);
}

Test(eval, bias_map_adds_a_value_a_neuron)
{
    const float weights[] = {2}, bias[] = {10, 20, 30, 40, 50, 60, 70, 80, 90};
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = window(1, 1, 1, 1),
                                          .weights = weights,
                                          .weight_count = 1,
                                          .bias = bias,
                                          .bias_count = 9});
    const float expected[] = {12, 24, 36, 48, 60, 72, 84, 96, 108};
    check(graph, nine, expected, 9);
}

Test(eval, activations_cut_below_zero_and_above_clip)
{
    static const struct {
        enum snn_activation activation;
        float expected[3];
    } cases[] = {
        {SNN_ACTIVATION_NONE, {-2, 0.5f, 9}},
        {SNN_ACTIVATION_RELU, {0, 0.5f, 9}},
        {SNN_ACTIVATION_CLIP, {0, 0.5f, 6}},
    };
    const float weights[] = {-2, 0.5f, 9}, one[] = {1};
    for (size_t i = 0; i < 3; i++) {
        struct snn_graph *graph = support_graph(1, 1, 1);
        support_add(graph, (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                              .shape = {.channels = 3},
                                              .activation = cases[i].activation,
                                              .clip = 6,
                                              .weights = weights,
                                              .weight_count = 3});
        check(graph, one, cases[i].expected, 3);
    }
}

Test(eval, dense_runs_over_channels_rows_columns)
{
    /* Shape 2x1x2, values 1 2 | 3 4, weights with a digit each. */
    const float intensity[] = {1, 2, 3, 4}, weights[] = {1000, 100, 10, 1, 1, 0, 0, 0};
    const float bias[] = {0, -1};
    struct snn_graph *graph = support_graph(2, 1, 2);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                          .shape = {.channels = 2},
                                          .weights = weights,
                                          .weight_count = 8,
                                          .bias = bias,
                                          .bias_count = 2});
    const float expected[] = {1234, 0};
    check(graph, intensity, expected, 2);
}

Test(eval, dense_adds_eight_partial_sums_in_a_tree)
{
    /* 2^24 + 1 is not a float: (2^24 + 1) - 2^24 tells whether the 1 was added to 2^24 or to
     * something smaller. Inputs 0 and 8 share a partial sum, 0 and 4 the first pair of the tree. */
    const float big = 16777216.0f;
    float intensity[17], weights[17];
    for (size_t i = 0; i < 17; i++)
        intensity[i] = 1;
    static const struct {
        size_t plus, one, minus;
        float expected;
    } cases[] = {
        {0, 8, 16, 0}, /* one partial sum: (big + 1) - big */
        {0, 16, 8, 1}, /* (big - big) + 1 */
        {0, 4, 2, 0},  /* (big + 1) + (-big + 0) */
        {0, 2, 4, 1},  /* (big - big) + (1 + 0) */
        {0, 1, 4, 1},  /* lane 1 comes last */
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        memset(weights, 0, sizeof(weights));
        weights[cases[k].plus] = big;
        weights[cases[k].one] = 1;
        weights[cases[k].minus] = -big;
        struct snn_graph *graph = support_graph(17, 1, 1);
        support_add(graph, (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                              .shape = {.channels = 1},
                                              .weights = weights,
                                              .weight_count = 17});
        check(graph, intensity, &cases[k].expected, 1);
    }
}

Test(eval, average_pool_counts_padding_as_zeros)
{
    struct snn_window w = window(2, 2, 2, 2);
    w.pad_top = 1;
    w.pad_left = 1;
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_AVG_POOL2D, .window = w});
    /* 1/4, (2+3)/4, (4+7)/4, (5+6+8+9)/4 */
    const float expected[] = {0.25f, 1.25f, 2.75f, 7};
    check(graph, nine, expected, 4);
}

Test(eval, sum_pool_adds)
{
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph,
                (struct snn_layer){.kind = SNN_LAYER_SUM_POOL2D, .window = window(2, 3, 1, 1)});
    const float expected[] = {21, 39};
    check(graph, nine, expected, 2);
}

Test(eval, padding_never_wins_a_max_pool)
{
    const float intensity[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    struct snn_window w = window(2, 2, 2, 2);
    w.pad_bottom = 1;
    w.pad_right = 1;
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_MAX_POOL2D, .window = w});
    const float expected[] = {-1, -3, -7, -9};
    check(graph, intensity, expected, 4);
}

Test(eval, add_takes_all_inputs_then_activates)
{
    const float weights[] = {-3, 0, 0, 1};
    const uint32_t inputs[] = {1, 0, 1};
    const float intensity[] = {2, 5};
    struct snn_graph *graph = support_graph(2, 1, 1);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 2},
                                          .window = window(1, 1, 1, 1),
                                          .weights = weights,
                                          .weight_count = 4});
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_ADD,
                                          .inputs = inputs,
                                          .input_count = 3,
                                          .activation = SNN_ACTIVATION_RELU});
    /* -6 + 2 - 6 = -10 becomes 0; 5 + 5 + 5 = 15. */
    const float expected[] = {0, 15};
    check(graph, intensity, expected, 2);
}

Test(eval, flatten_keeps_the_order)
{
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    check(graph, nine, nine, 9);
}

Test(eval, preprocessing_is_applied_to_raw_values)
{
    const double mean[] = {51, 0}, std[] = {2, 0.5};
    const struct snn_preprocess preprocess = {1.0, 2, mean, std};
    struct snn_graph *graph = support_graph(2, 1, 1);
    cr_assert_eq(snn_graph_set_preprocess(graph, support_context(), &preprocess), SNN_OK);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    /* (255 - 51) / 2 and (0.2 * 255 - 0) / 0.5 */
    const float intensity[] = {1, 0.2f}, expected[] = {102, 102};
    check(graph, intensity, expected, 2);
}

Test(eval, without_preprocessing_intensities_come_through_to_the_bit)
{
    float intensity[256];
    for (size_t i = 0; i < 256; i++)
        intensity[i] = (float)i / 255.0f;
    struct snn_graph *graph = support_graph(1, 16, 16);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    check(graph, intensity, intensity, 256);
}

/* ---- Against plain loops ---- */

static uint32_t random_state;

/* Uniform in low .. high, from a small generator: the same on every machine. */
static uint32_t random_between(uint32_t low, uint32_t high)
{
    random_state = random_state * 1664525u + 1013904223u;
    return low + (random_state >> 8) % (high - low + 1);
}

static void random_values(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)random_between(0, 18) - 9.0f;
}

static struct snn_window random_window(uint32_t kernel_max, bool pool)
{
    struct snn_window w = window(random_between(1, kernel_max), random_between(1, kernel_max),
                                 random_between(1, 4), random_between(1, 4));
    w.pad_top = random_between(0, pool ? w.kernel_h - 1 : 3);
    w.pad_left = random_between(0, pool ? w.kernel_w - 1 : 3);
    w.pad_bottom = random_between(0, pool ? w.kernel_h - 1 : 3);
    w.pad_right = random_between(0, pool ? w.kernel_w - 1 : 3);
    if (!pool) {
        w.dilation_h = random_between(1, 3);
        w.dilation_w = random_between(1, 3);
    }
    return w;
}

/* The input value under tap (ky, kx) of output (oy, ox), false in the padding. */
static bool tap(const struct snn_window *w, struct snn_shape in, const float *values, uint32_t oy,
                uint32_t ox, uint32_t ky, uint32_t kx, float *out)
{
    int64_t y = (int64_t)oy * w->stride_h + (int64_t)ky * w->dilation_h - w->pad_top;
    int64_t x = (int64_t)ox * w->stride_w + (int64_t)kx * w->dilation_w - w->pad_left;
    if (y < 0 || x < 0 || y >= in.height || x >= in.width) return false;
    *out = values[y * in.width + x];
    return true;
}

static float plain_conv2d(const struct snn_layer *layer, struct snn_shape in, const float *values,
                          uint32_t o, uint32_t oy, uint32_t ox)
{
    uint32_t in_channels = in.channels / layer->groups;
    uint32_t group = o / (layer->shape.channels / layer->groups);
    size_t map = (size_t)in.height * in.width;
    const float *weight = layer->weights + layer->weight_count / layer->shape.channels * o;
    float sum = 0, value;
    for (uint32_t c = 0; c < in_channels; c++) {
        const float *channel = values + (group * in_channels + c) * map;
        for (uint32_t ky = 0; ky < layer->window.kernel_h; ky++) {
            for (uint32_t kx = 0; kx < layer->window.kernel_w; kx++, weight++) {
                if (tap(&layer->window, in, channel, oy, ox, ky, kx, &value))
                    sum += *weight * value;
            }
        }
    }
    return sum;
}

static float plain_pool(const struct snn_layer *layer, struct snn_shape in, const float *values,
                        uint32_t c, uint32_t oy, uint32_t ox)
{
    const struct snn_window *w = &layer->window;
    const float *channel = values + (size_t)c * in.height * in.width;
    float sum = 0, maximum = -INFINITY, value;
    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < w->kernel_w; kx++) {
            if (!tap(w, in, channel, oy, ox, ky, kx, &value)) continue;
            sum += value;
            maximum = value > maximum ? value : maximum;
        }
    }
    if (layer->kind == SNN_LAYER_MAX_POOL2D) return maximum;
    if (layer->kind == SNN_LAYER_SUM_POOL2D) return sum;
    return sum / (float)(w->kernel_h * w->kernel_w);
}

/* Holds the last layer of `graph` against plain loops, bit for bit. */
static void check_plain(struct snn_graph *graph, const float *intensity)
{
    const uint32_t last = snn_graph_layer_count(graph) - 1;
    const struct snn_layer *layer = snn_graph_layer(graph, last);
    const struct snn_shape in = snn_graph_input_shape(graph), shape = layer->shape;
    struct snn_evaluator *evaluator = NULL;
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
    snn_evaluator_run(evaluator, intensity);
    const float *found = snn_evaluator_values(evaluator, last);
    for (uint32_t c = 0; c < shape.channels; c++) {
        for (uint32_t y = 0; y < shape.height; y++) {
            for (uint32_t x = 0; x < shape.width; x++, found++) {
                float expected = layer->kind == SNN_LAYER_CONV2D
                                     ? plain_conv2d(layer, in, intensity, c, y, x)
                                     : plain_pool(layer, in, intensity, c, y, x);
                cr_assert_eq(*found, expected, "%s at %u,%u,%u: %g, %g expected",
                             snn_layer_kind_name(layer->kind), c, y, x, (double)*found,
                             (double)expected);
            }
        }
    }
    snn_evaluator_destroy(&evaluator);
}

/* False if the graph refuses the window: larger than its input. */
static bool try_layer(struct snn_graph *graph, struct snn_layer layer)
{
    const uint32_t input = 0;
    layer.name = "under test";
    layer.inputs = &input;
    layer.input_count = 1;
    return snn_graph_add(graph, support_context(), &layer, NULL) == SNN_OK;
}

Test(eval, convolutions_of_all_shapes_equal_plain_loops)
{
    float intensity[8 * 12 * 12], weights[12 * 8 * 25];
    size_t done = 0;
    for (random_state = 1; done < 300;) {
        uint32_t groups = random_between(1, 2);
        struct snn_shape in = {groups * random_between(1, 3), random_between(1, 12),
                               random_between(1, 12)};
        struct snn_window w = random_window(5, false);
        uint32_t out = groups * random_between(1, 3);
        size_t count = (size_t)out * (in.channels / groups) * w.kernel_h * w.kernel_w;
        random_values(intensity, snn_shape_size(in));
        random_values(weights, count);
        struct snn_graph *graph = support_graph(in.channels, in.height, in.width);
        if (try_layer(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                .shape = {.channels = out},
                                                .window = w,
                                                .groups = groups,
                                                .weights = weights,
                                                .weight_count = count})) {
            check_plain(graph, intensity);
            done++;
        }
        snn_graph_destroy(&graph);
    }
}

Test(eval, a_map_larger_than_a_block_has_no_seams)
{
    static float intensity[61 * 67], weights[9];
    random_state = 2;
    random_values(intensity, sizeof(intensity) / sizeof(intensity[0]));
    random_values(weights, 9);
    struct snn_window w = window(3, 3, 1, 1);
    w.pad_top = w.pad_left = w.pad_bottom = w.pad_right = 1;
    struct snn_graph *graph = support_graph(1, 61, 67);
    cr_assert(try_layer(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                  .shape = {.channels = 1},
                                                  .window = w,
                                                  .weights = weights,
                                                  .weight_count = 9}));
    check_plain(graph, intensity);
    snn_graph_destroy(&graph);
}

Test(eval, pools_of_all_shapes_equal_plain_loops)
{
    static const enum snn_layer_kind kinds[] = {SNN_LAYER_AVG_POOL2D, SNN_LAYER_SUM_POOL2D,
                                                SNN_LAYER_MAX_POOL2D};
    float intensity[3 * 12 * 12];
    size_t done = 0;
    for (random_state = 3; done < 300;) {
        struct snn_shape in = {random_between(1, 3), random_between(1, 12), random_between(1, 12)};
        struct snn_layer layer = {.kind = kinds[done % 3], .window = random_window(4, true)};
        random_values(intensity, snn_shape_size(in));
        struct snn_graph *graph = support_graph(in.channels, in.height, in.width);
        if (try_layer(graph, layer)) {
            check_plain(graph, intensity);
            done++;
        }
        snn_graph_destroy(&graph);
    }
}

/* ---- What calibration asks for ---- */

Test(eval, minimum_is_taken_before_the_activation)
{
    /* Nine values, so that one lies beyond the last whole group of eight. */
    for (size_t lowest = 0; lowest < 9; lowest++) {
        float weights[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        const float one[] = {1};
        weights[lowest] = -7;
        struct snn_graph *graph = support_graph(1, 1, 1);
        uint32_t layer = support_add(graph, (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                                               .shape = {.channels = 9},
                                                               .activation = SNN_ACTIVATION_RELU,
                                                               .weights = weights,
                                                               .weight_count = 9});
        struct snn_evaluator *evaluator = NULL;
        cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
        snn_evaluator_run(evaluator, one);
        cr_assert_eq(snnmodel_eval_minimum(evaluator, layer), -7.0f);
        cr_assert_eq(snn_evaluator_values(evaluator, layer)[lowest], 0.0f);
        snn_evaluator_destroy(&evaluator);
        snn_graph_destroy(&graph);
    }
}

Test(eval, capped_values_are_what_the_next_layer_sees)
{
    const float weights[] = {1, 1}, sum[] = {1, 1, 1, 1};
    const float intensity[] = {1, 5}, threshold[] = {3, 2};
    struct snn_graph *graph = support_graph(1, 1, 2);
    uint32_t conv = support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                          .shape = {.channels = 2},
                                                          .window = window(1, 1, 1, 1),
                                                          .weights = weights,
                                                          .weight_count = 2});
    uint32_t flatten = support_add(graph, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    uint32_t dense = support_add(graph, (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                                           .shape = {.channels = 1},
                                                           .weights = sum,
                                                           .weight_count = 4});
    struct snn_evaluator *evaluator = NULL;
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
    snnmodel_eval_begin(evaluator, intensity);
    snnmodel_eval_layer(evaluator, conv);
    snnmodel_eval_cap(evaluator, conv, threshold);
    snnmodel_eval_layer(evaluator, flatten);
    snnmodel_eval_layer(evaluator, dense);
    /* Channel 0: 1, min(5, 3); channel 1: 1, min(5, 2). */
    cr_assert_eq(snn_evaluator_values(evaluator, dense)[0], 1.0f + 3.0f + 1.0f + 2.0f);
    snn_evaluator_destroy(&evaluator);
    snn_graph_destroy(&graph);
}

/* ---- Bounds ---- */

Test(eval, a_small_model_cannot_ask_for_huge_maps)
{
    /* 1x1 in, 501x501 out, and the padded map between, 1001 squared, takes 1002^2 values when
     * parted by the stride of 2: 4 + 1004004 + 4016016 bytes. */
    const float weights[] = {1};
    const struct snn_limits limits = {.tensor_bytes = 1000000};
    struct snn_context *context = support_limited(&limits);
    struct snn_window w = window(1, 1, 2, 2);
    w.pad_bottom = w.pad_right = 1000;
    struct snn_graph *graph = support_graph(1, 1, 1);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = w,
                                          .weights = weights,
                                          .weight_count = 1});
    struct snn_evaluator *evaluator = NULL;
    cr_assert_eq(snn_evaluator_create(&evaluator, context, graph), SNN_ERR_LIMIT);
    cr_assert_null(evaluator);
    cr_assert_str_eq(
        snn_context_message(context),
        "the activations of all layers take 5020024 bytes, more than the limit of 1000000");
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
}

static struct snn_graph *swept;

static int create_and_destroy(struct snn_context *context)
{
    struct snn_evaluator *evaluator = NULL;
    int status = snn_evaluator_create(&evaluator, context, swept);
    cr_assert_eq(evaluator != NULL, status == SNN_OK);
    snn_evaluator_destroy(&evaluator);
    return status;
}

Test(eval, running_out_of_memory_leaks_nothing)
{
    static const float weights[9] = {1};
    swept = support_graph(1, 40, 40);
    support_add(swept, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                          .shape = {.channels = 1},
                                          .window = window(3, 3, 1, 1),
                                          .weights = weights,
                                          .weight_count = 9});
    support_add(swept, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    support_sweep(create_and_destroy);
    snn_graph_destroy(&swept);
}

/* ---- Kinds of nets that arrive from elsewhere ---- */

Test(eval, mean_without_padding_divides_by_what_is_inside)
{
    struct snn_window w = window(2, 2, 2, 2);
    w.pad_top = w.pad_left = 1;
    struct snn_graph *graph = support_graph(1, 3, 3);
    support_add(
        graph, (struct snn_layer){.kind = SNN_LAYER_AVG_POOL2D, .window = w, .pad_excluded = true});
    /* 1; (2 + 3) / 2; (4 + 7) / 2; (5 + 6 + 8 + 9) / 4 */
    const float expected[] = {1, 2.5f, 5.5f, 7};
    check(graph, nine, expected, 4);
}

Test(eval, leaky_relu_keeps_a_share_of_what_is_negative)
{
    const float weights[] = {1, -1, 0}, intensity[] = {1};
    struct snn_graph *graph = support_graph(1, 1, 1);
    support_add(graph, (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                          .shape = {.channels = 3},
                                          .activation = SNN_ACTIVATION_LEAKY_RELU,
                                          .slope = 0.25f,
                                          .weights = weights,
                                          .weight_count = 3});
    const float expected[] = {1, -0.25f, 0};
    check(graph, intensity, expected, 3);
}

Test(eval, joined_channels_keep_the_order_of_the_inputs)
{
    const float weights[] = {2, 3};
    struct snn_graph *graph = support_graph(1, 1, 2);
    uint32_t conv = support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                          .shape = {.channels = 2},
                                                          .window = window(1, 1, 1, 1),
                                                          .weights = weights,
                                                          .weight_count = 2});
    const uint32_t inputs[] = {conv, 0, conv};
    support_add(graph,
                (struct snn_layer){.kind = SNN_LAYER_CONCAT, .inputs = inputs, .input_count = 3});
    const float intensity[] = {1, 2};
    const float expected[] = {2, 4, 3, 6, 1, 2, 2, 4, 3, 6};
    check(graph, intensity, expected, 10);
}

Test(eval, neurons_give_the_rate_they_settle_to)
{
    const float weights[] = {4, -4}, intensity[] = {1, 2};
    const float each[] = {1, 2, 4, 8}, channel[] = {2, 4}, one[] = {0.5f};
    static const float expected[][4] = {{4, 4, 0, 0}, {2, 4, 0, 0}, {8, 16, 0, 0}};
    const struct snn_neurons neurons[] = {{.threshold = each, .threshold_count = 4},
                                          {.threshold = channel, .threshold_count = 2},
                                          {.threshold = one, .threshold_count = 1}};
    for (size_t i = 0; i < 3; i++) {
        struct snn_graph *graph = support_graph(1, 1, 2);
        support_add(graph, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                              .shape = {.channels = 2},
                                              .window = window(1, 1, 1, 1),
                                              .weights = weights,
                                              .weight_count = 2});
        support_add(graph, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons[i]});
        /* 4 * 1 and 4 * 2 over each threshold; what is negative never fires */
        check(graph, intensity, expected[i], 4);
    }
}
