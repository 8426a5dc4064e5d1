/* The form of a chip's cores: what layers become in it, derived by hand beside each test. Random
 * nets are those of form_random.c.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/net.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

static const struct snn_chip chip = {.name = "test",
                                     .kernel_size_max = 16,
                                     .stride_count = 4,
                                     .strides = {1, 2, 4, 8},
                                     .padding_max = 7,
                                     .pooling_count = 3,
                                     .poolings = {1, 2, 4},
                                     .feature_max = 1024};

static struct snn_graph *graph;
static struct snn_net *formed;
static struct snn_lower_options options;

static void begin(void)
{
    support_begin();
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.arith = SNN_ARITH_CHIP;
    options.max_pool = SNN_MAX_POOL_OR;
}

static void end(void)
{
    snn_net_destroy(&formed);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(form, .init = begin, .fini = end);

/* ---- Building ---- */

static struct snn_shape shape_of(uint32_t layer)
{
    return snn_graph_layer(graph, layer)->shape;
}

static uint32_t add(uint32_t input, struct snn_layer layer)
{
    layer.inputs = &input;
    layer.input_count = 1;
    return support_add(graph, support_context(), layer);
}

static uint32_t join(enum snn_layer_kind kind, uint32_t a, uint32_t b)
{
    const uint32_t inputs[] = {a, b};
    return support_add(graph, support_context(),
                       (struct snn_layer){.kind = kind, .inputs = inputs, .input_count = 2});
}

static uint32_t pool(uint32_t input, enum snn_layer_kind kind, struct snn_window window)
{
    return add(input, (struct snn_layer){.kind = kind, .window = window});
}

static void start(uint32_t channels, uint32_t height, uint32_t width)
{
    graph = support_graph(support_context(), channels, height, width);
}

static bool same_windows(const struct snn_window *a, const struct snn_window *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* ---- Layers one by one ---- */

static uint32_t fixed_conv(uint32_t input, uint32_t channels, struct snn_window window,
                           const float *weights)
{
    const size_t count =
        (size_t)channels * shape_of(input).channels * window.kernel_h * window.kernel_w;
    return add(input, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                         .shape = {channels, 0, 0},
                                         .window = window,
                                         .groups = 1,
                                         .weights = weights,
                                         .weight_count = count});
}

static const struct snn_population *lower(void)
{
    options.chip = &chip;
    cr_assert_eq(snn_net_lower(&formed, support_context(), graph, &options), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return &formed->populations[formed->population_count - 1];
}

static void expect_window(const struct snn_synapse *s, struct snn_window w)
{
    cr_assert_eq(s->kind, SNN_SYNAPSE_CONV2D);
    cr_assert(same_windows(&s->window, &w), "kernel %u x %u, stride %u, padding %u %u %u %u",
              s->window.kernel_h, s->window.kernel_w, s->window.stride_h, s->window.pad_top,
              s->window.pad_left, s->window.pad_bottom, s->window.pad_right);
}

static void expect_weights(const struct snn_synapse *s, const float *expected, size_t count)
{
    cr_assert_eq(s->weight_count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(s->weights[i], expected[i], 0.0f, "%zu: %g, expected %g", i,
                           (double)s->weights[i], (double)expected[i]);
}

/* The scale of all below is 1: the largest weight is 127. */
static const float nine[] = {1, 2, 3, 4, 100, 6, 7, 8, 9};

/* The 1x1 of the shortcut, 27, is added in the middle: one synapse. */
Test(form, downsampling_block_from_one_source_is_one_synapse)
{
    const float shortcut = 27;
    const float expected[] = {1, 2, 3, 4, 127, 6, 7, 8, 9};
    start(1, 8, 8);
    const uint32_t a = fixed_conv(0, 1, (struct snn_window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, nine);
    const uint32_t b =
        fixed_conv(0, 1, (struct snn_window){1, 1, 2, 2, 0, 0, 0, 0, 1, 1}, &shortcut);
    join(SNN_LAYER_ADD, a, b);
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapse_count, 1);
    cr_assert_eq(formed->synapse_count, 1);
    expect_window(&p->synapses[0], (struct snn_window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1});
    expect_weights(&p->synapses[0], expected, 9);
}

/* Its own convolution is on a map of 4 x 4, the shortcut on one of 8 x 8. */
Test(form, downsampling_block_of_two_scales_stays_as_it_is)
{
    const float one = 127;
    start(1, 8, 8);
    const uint32_t a =
        add(fixed_conv(0, 1, (struct snn_window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, nine),
            (struct snn_layer){.kind = SNN_LAYER_IF,
                               .neurons =
                                   &(struct snn_neurons){.threshold = &one, .threshold_count = 1}});
    const uint32_t b = fixed_conv(a, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, nine);
    const uint32_t c = fixed_conv(0, 1, (struct snn_window){1, 1, 2, 2, 0, 0, 0, 0, 1, 1}, &one);
    join(SNN_LAYER_ADD, b, c);
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapse_count, 2);
    expect_window(&p->synapses[0], (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
    expect_window(&p->synapses[1], (struct snn_window){1, 1, 2, 2, 0, 0, 0, 0, 1, 1});
}

/* [out][in][y][x]: an identity of two channels is 1 in the middle of [0][0] and [1][1]. */
Test(form, identity_is_a_diagonal_of_kernels)
{
    const float weights[36] = {[4] = 127, [22] = 5};
    const float expected[36] = {[4] = 1, [31] = 1};
    start(2, 5, 5);
    const uint32_t a = fixed_conv(0, 2, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, weights);
    const float one = 127;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &one, 1, NULL, 0, NULL, 0};
    const uint32_t n = add(a, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    const uint32_t b = fixed_conv(n, 2, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, weights);
    join(SNN_LAYER_ADD, b, 0);
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapse_count, 2);
    expect_weights(&p->synapses[0], weights, 36);
    expect_window(&p->synapses[1], (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
    expect_weights(&p->synapses[1], expected, 36);
}

/* TensorFlow's SAME on 8 rows with stride 2 pads one behind: kernel 4 with padding 1, and the 3x3
 * begins at (1, 1) of it. */
Test(form, padding_behind_the_map_moves_the_kernel)
{
    const float weights[] = {1, 2, 3, 4, 127, 6, 7, 8, 9};
    const float expected[] = {0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 127, 6, 0, 7, 8, 9};
    start(1, 8, 8);
    fixed_conv(0, 1, (struct snn_window){3, 3, 2, 2, 0, 0, 1, 1, 1, 1}, weights);
    const struct snn_population *p = lower();
    expect_window(&p->synapses[0], (struct snn_window){4, 4, 2, 2, 1, 1, 1, 1, 1, 1});
    expect_weights(&p->synapses[0], expected, 16);
}

/* The middle row of 7. */
Test(form, flat_kernel_lies_in_a_square)
{
    const float weights[] = {1, 2, 3, 127, 5, 6, 7};
    float expected[49] = {0};
    memcpy(expected + 21, weights, sizeof(weights));
    start(1, 9, 9);
    fixed_conv(0, 1, (struct snn_window){1, 7, 1, 1, 0, 3, 0, 3, 1, 1}, weights);
    const struct snn_population *p = lower();
    expect_window(&p->synapses[0], (struct snn_window){7, 7, 1, 1, 3, 3, 3, 3, 1, 1});
    expect_weights(&p->synapses[0], expected, 49);
}

/* The mean over 7 x 7 is a weight at each: 49 of 127 and 49 of 63.5, halves to even. The chip has
 * no pooling of 7, the layer stays dense. */
Test(form, mean_of_the_whole_map_becomes_a_dense_layer)
{
    const float weights[] = {2, 1};
    float expected[98];
    for (size_t i = 0; i < 98; i++)
        expected[i] = i < 49 ? 127 : 64;
    start(1, 7, 7);
    const uint32_t mean =
        pool(0, SNN_LAYER_AVG_POOL2D, (struct snn_window){.kernel_h = 7, .kernel_w = 7});
    add(mean,
        (struct snn_layer){
            .kind = SNN_LAYER_DENSE, .shape = {2, 1, 1}, .weights = weights, .weight_count = 2});
    const struct snn_synapse *s = &lower()->synapses[0];
    cr_assert_eq(s->kind, SNN_SYNAPSE_DENSE);
    cr_assert(s->pool_count == 0 && s->source_shape.height == 7 && s->source_shape.width == 7);
    cr_assert_float_eq(s->pool_scale, 1.0, 0.0);
    expect_weights(s, expected, 98);
    cr_assert_eq(formed->populations[0].macs, 2);
}

/* 8 = 4 x 2: 4 stays with the chip, its share of the mean too. */
Test(form, mean_of_8_keeps_a_pooling_of_4)
{
    const float weights[] = {1}, expected[] = {127, 127, 127, 127};
    start(1, 8, 8);
    const uint32_t mean =
        pool(0, SNN_LAYER_AVG_POOL2D, (struct snn_window){.kernel_h = 8, .kernel_w = 8});
    add(mean,
        (struct snn_layer){
            .kind = SNN_LAYER_DENSE, .shape = {1, 1, 1}, .weights = weights, .weight_count = 1});
    const struct snn_synapse *s = &lower()->synapses[0];
    cr_assert(s->pool_count == 1 && s->pools[0].kernel_h == 4 && s->pools[0].stride_w == 4);
    cr_assert_float_eq(s->pool_scale, 1.0 / 16.0, 0.0);
    cr_assert(s->source_shape.height == 2 && s->source_shape.width == 2);
    expect_weights(s, expected, 4);
}

/* Maxima over 2 x 2 are a pooling of the chip and a diagonal; over 3 x 3 with stride 2, which
 * overlap, the diagonal of kernels of ones. */
Test(form, maxima_are_diagonals)
{
    float expected[36] = {0};
    for (size_t i = 0; i < 36; i++)
        expected[i] = i < 9 || i >= 27 ? 127 : 0;
    start(2, 9, 9);
    const uint32_t first =
        pool(0, SNN_LAYER_MAX_POOL2D, (struct snn_window){3, 3, 2, 2, 0, 0, 0, 0, 1, 1});
    const uint32_t second =
        pool(first, SNN_LAYER_MAX_POOL2D, (struct snn_window){2, 2, 2, 2, 0, 0, 0, 0, 1, 1});
    const float one = 127;
    fixed_conv(second, 1, (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, (float[]){1, one});
    (void)lower();
    const struct snn_population *p = formed->populations;
    expect_window(&p[0].synapses[0], (struct snn_window){3, 3, 2, 2, 0, 0, 0, 0, 1, 1});
    cr_assert_eq(p[0].synapses[0].pool_count, 0);
    expect_weights(&p[0].synapses[0], expected, 36);
    expect_window(&p[1].synapses[0], (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1});
    cr_assert_eq(p[1].synapses[0].pools[0].kernel_h, 2);
    expect_weights(&p[1].synapses[0], (float[]){127, 0, 0, 127}, 4);
    cr_assert(p[1].spikes_max == 1 && p[1].reset == SNN_RESET_ZERO);
}

/* 2 x 2 beside 4 x 4: kernel 4 for both, the smaller map in its corner. */
Test(form, dense_on_unequal_maps_covers_the_larger)
{
    float weights[20], expected[16] = {0};
    for (size_t i = 0; i < 20; i++)
        weights[i] = i < 19 ? (float)i : 127;
    memcpy(expected, (float[]){16, 17}, 2 * sizeof(float));
    memcpy(expected + 4, (float[]){18, 127}, 2 * sizeof(float));
    start(1, 4, 4);
    const float one = 127;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &one, 1, NULL, 0, NULL, 0};
    const uint32_t small = add(fixed_conv(0, 1, (struct snn_window){2, 2, 2, 2, 0, 0, 0, 0, 1, 1},
                                          (float[]){1, 2, 3, one}),
                               (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    const uint32_t a = add(0, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    const uint32_t b = add(small, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    add(join(SNN_LAYER_CONCAT, a, b),
        (struct snn_layer){
            .kind = SNN_LAYER_DENSE, .shape = {1, 1, 1}, .weights = weights, .weight_count = 20});
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapses[0].kind, SNN_SYNAPSE_DENSE);
    expect_weights(&p->synapses[0], weights, 16);
    expect_window(&p->synapses[1], (struct snn_window){4, 4, 1, 1, 0, 0, 2, 2, 1, 1});
    expect_weights(&p->synapses[1], expected, 16);
}

/* ---- Biases ---- */

/* x = p / 0.5 - 1: the offset of -1 meets 9 weights of 1 inside, 6 at edges and 4 in corners; the
 * border of 8 x 8 are 28 neurons. */
Test(form, borders_lose_their_own_bias_and_it_is_said)
{
    float weights[9];
    const double half = 0.5;
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, &half, &half};
    for (size_t i = 0; i < 9; i++)
        weights[i] = 1;
    start(1, 8, 8);
    cr_assert_eq(snn_graph_set_preprocess(graph, support_context(), &preprocess), SNN_OK);
    fixed_conv(0, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, weights);
    (void)lower();
    const struct snn_population *p = formed->populations;
    cr_assert_eq(p->bias_count, 1);
    cr_assert_float_eq(p->bias[0], rintf(-9.0f * p->quantised->scale), 0.0f);
    cr_assert(strstr(support_diagnostics(),
                     "warning: 28 of 64 neurons lose their own bias, a chip has one a channel: the "
                     "largest difference is 5"),
              "%s", support_diagnostics());
}

/* Half of four neurons or more have the value that is taken; less than half: one in the middle. */
Test(form, bias_is_the_median_of_a_channel)
{
    const float map[] = {3, 5, 3, 127, 1, 2, 100, 4};
    const float weights[] = {10, 10};
    start(1, 2, 2);
    add(0, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                              .shape = {2, 0, 0},
                              .window = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1},
                              .groups = 1,
                              .weights = weights,
                              .weight_count = 2,
                              .bias = map,
                              .bias_count = 8});
    options.v_min = -INFINITY;
    (void)lower();
    const struct snn_population *p = formed->populations;
    cr_assert_eq(p->bias_count, 2);
    cr_assert_float_eq(p->quantised->scale, 12.7f, 0.0f);
    /* 3 and 2: 38.1 and 25.4. */
    cr_assert(p->bias[0] > 37.5f && p->bias[0] < 38.5f && p->bias[1] > 24.5f && p->bias[1] < 25.5f);
    cr_assert(strstr(support_diagnostics(), "5 of 8 neurons"), "%s", support_diagnostics());
}

/* ---- What has no form ---- */

Test(form, groups_and_dilation_stay_as_they_are)
{
    const float weights[18] = {[4] = 127, [13] = 3};
    start(2, 6, 6);
    const uint32_t layer = add(0, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                     .shape = {2, 0, 0},
                                                     .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
                                                     .groups = 2,
                                                     .weights = weights,
                                                     .weight_count = 18});
    const float one = 127;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &one, 1, NULL, 0, NULL, 0};
    const uint32_t next = add(layer, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    fixed_conv(next, 1, (struct snn_window){3, 3, 1, 1, 2, 2, 2, 2, 2, 2}, weights);
    (void)lower();
    cr_assert_eq(formed->populations[0].synapses[0].groups, 2);
    cr_assert_eq(formed->populations[0].synapses[0].weight_count, 18);
    cr_assert_eq(formed->populations[1].synapses[0].window.dilation_h, 2);
}

/* Neurons that differ, and further readouts, are what they were. */
Test(form, neurons_and_readouts_are_kept)
{
    const float thresholds[] = {100, 120}, gains[] = {2};
    const float weights[] = {127, 1, 1, 127};
    const struct snn_neurons neurons = {SNN_RESET_ZERO, thresholds, 2, NULL, 0, NULL, 0};
    start(2, 1, 1);
    add(fixed_conv(0, 2, (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, weights),
        (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    options.extra_gains = gains;
    options.extra_gain_count = 1;
    const struct snn_population *p = lower();
    cr_assert_eq(formed->readout_count, 2);
    cr_assert_float_eq(p->neurons->threshold[1], 120.0f, 0.0f);
    cr_assert_float_eq(formed->readouts[1].neurons->threshold[1], 240.0f, 0.0f);
    cr_assert_eq(p->reset, SNN_RESET_ZERO);
}

Test(form, float_arithmetic_has_no_chip)
{
    start(1, 2, 2);
    fixed_conv(0, 1, (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, nine);
    options.arith = SNN_ARITH_FLOAT;
    options.chip = &chip;
    cr_assert_eq(snn_net_lower(&formed, support_context(), graph, &options), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "a net for chip 'test' needs chip arithmetic, not float");
}

/* ---- Memory ---- */

static struct snn_graph *make_graph(struct snn_context *context)
{
    const double half = 0.5;
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, &half, &half};
    struct snn_graph *made = support_graph(context, 1, 8, 8);
    cr_assert_eq(snn_graph_set_preprocess(made, context, &preprocess), SNN_OK);
    const struct snn_layer layers[] = {
        {.kind = SNN_LAYER_CONV2D,
         .shape = {1, 0, 0},
         .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
         .groups = 1,
         .activation = SNN_ACTIVATION_RELU,
         .weights = nine,
         .weight_count = 9},
        {.kind = SNN_LAYER_AVG_POOL2D, .window = {.kernel_h = 2, .kernel_w = 2}},
        {.kind = SNN_LAYER_CONV2D,
         .shape = {1, 0, 0},
         .window = {1, 3, 1, 1, 0, 1, 0, 1, 1, 1},
         .groups = 1,
         .weights = nine,
         .weight_count = 3}};
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        support_add(made, context, layers[i]);
    return made;
}

static int lower_graph(struct snn_context *context, struct snn_graph *made)
{
    struct snn_net *net = NULL;
    options.chip = &chip;
    int status = snn_net_lower(&net, context, made, &options);
    snn_net_destroy(&net);
    return status;
}

Test(form, memory_may_run_out_anywhere)
{
    support_sweep_graph(make_graph, lower_graph);
}
