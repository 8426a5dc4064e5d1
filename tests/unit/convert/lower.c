/* Lowering: thresholds fold into weights as the equations say, and obstacles are named.
 *
 * Expected numbers are derived by hand beside each test.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"

static struct snn_context *context;
static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_lower_options options;
static unsigned diagnostics;

static void count_diagnostic(const struct snn_diagnostic *diagnostic, void *user)
{
    (void)user;
    if (diagnostic->severity == SNN_SEVERITY_ERROR) diagnostics++;
}

static uint32_t add(const struct snn_layer *layer)
{
    uint32_t index = 0;
    cr_assert_eq(snn_graph_add(graph, context, layer, &index), SNN_OK, "%s",
                 snn_context_message(context));
    return index;
}

static void begin(void)
{
    const struct snn_context_options with_sink = {.diagnostic = count_diagnostic};
    diagnostics = 0;
    cr_assert_eq(snn_context_create(&context, &with_sink), SNN_OK);
    cr_assert_eq(snn_graph_create(&graph, context, "test"), SNN_OK);
    add(&(struct snn_layer){.name = "input", .kind = SNN_LAYER_INPUT, .shape = {2, 4, 4}});
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
}

static void end(void)
{
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
}

TestSuite(lower, .init = begin, .fini = end);

static const struct snn_window window_1x1 = {
    .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1};

/* A 1x1 convolution from `input` with the given weights [channels][2] and bias [channels]. */
static uint32_t add_conv(const char *name, uint32_t input, uint32_t channels, const float *weights,
                         const float *bias, enum snn_activation activation)
{
    return add(&(struct snn_layer){.name = name,
                                   .kind = SNN_LAYER_CONV2D,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .shape = {channels, 0, 0},
                                   .window = window_1x1,
                                   .activation = activation,
                                   .clip = 6.0f,
                                   .weights = weights,
                                   .weight_count = (size_t)channels * 2,
                                   .bias = bias,
                                   .bias_count = bias != NULL ? channels : 0});
}

static uint32_t add_pool(const char *name, uint32_t input, enum snn_layer_kind kind)
{
    return add(&(struct snn_layer){.name = name,
                                   .kind = kind,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .window = {.kernel_h = 2, .kernel_w = 2}});
}

static void lower(void)
{
    cr_assert_eq(snn_net_lower(&net, context, graph, &options), SNN_OK, "%s",
                 snn_context_message(context));
}

static void refuse(int status, const char *message)
{
    cr_assert_eq(snn_net_lower(&net, context, graph, &options), status);
    cr_assert_str_eq(snn_context_message(context), message);
    cr_assert_null(net);
}

static void set_statistics(uint32_t layer, float all, float first, float second)
{
    const float quantile[] = {all}, channels[] = {first, second};
    const struct snn_statistics statistics = {0.0f, quantile, channels};
    cr_assert_eq(snn_graph_set_statistics(graph, context, layer, &statistics), SNN_OK);
}

static const float weights[] = {1.0f, 2.0f, 3.0f, 4.0f}, bias[] = {0.5f, -8.0f};

/* Two layers with a 2x2 average pool between, thresholds 4 and 8 (per channel 4, 2 and 8, 16). */
static void build_two_layers(void)
{
    const double p999[] = {0.999};
    uint32_t first = add_conv("a", 0, 2, weights, bias, SNN_ACTIVATION_RELU);
    uint32_t pool = add_pool("p", first, SNN_LAYER_AVG_POOL2D);
    uint32_t second = add_conv("b", pool, 2, weights, bias, SNN_ACTIVATION_NONE);
    cr_assert_eq(snn_graph_set_quantiles(graph, context, p999, 1, 10, "x"), SNN_OK);
    set_statistics(first, 4.0f, 4.0f, 2.0f);
    set_statistics(second, 8.0f, 8.0f, 16.0f);
    options.norm = SNN_NORM_QUANTILE;
}

Test(lower, thresholds_fold_into_weights_and_biases)
{
    build_two_layers();
    lower();
    /* first layer: W / 4, b / 4; second: W * 4 / 4 (pool) / 8, b / 8 */
    const struct snn_population *a = &net->populations[0], *b = &net->populations[1];
    const float first[] = {0.25f, 0.5f, 0.75f, 1.0f}, second[] = {0.125f, 0.25f, 0.375f, 0.5f};
    cr_assert_arr_eq(a->synapses[0].weights, first, sizeof(first));
    cr_assert_arr_eq(b->synapses[0].weights, second, sizeof(second));
    cr_assert_float_eq(a->bias[1], -2.0f, 0.0f);
    cr_assert_float_eq(b->bias[1], -1.0f, 0.0f);
    cr_assert_float_eq(b->threshold, 1.0f, 0.0f);
    cr_assert_float_eq(b->activation_scale[0], 8.0f, 0.0f);
    cr_assert_eq(b->synapses[0].pool_count, 1u);
    cr_assert_float_eq(b->synapses[0].pool_scale, 0.25, 0.0);
}

Test(lower, channelwise_thresholds_scale_rows_and_columns)
{
    build_two_layers();
    options.channelwise = true;
    lower();
    /* first: rows / 4 and / 2; second, the output: columns * {4, 2} / 4, all rows / 8 */
    const float first[] = {0.25f, 0.5f, 1.5f, 2.0f};
    const float second[] = {1.0f / 8, 2.0f / 16, 3.0f / 8, 4.0f / 16};
    cr_assert_arr_eq(net->populations[0].synapses[0].weights, first, sizeof(first));
    cr_assert_arr_eq(net->populations[1].synapses[0].weights, second, sizeof(second));
}

Test(lower, channel_that_never_fired_takes_the_layers_threshold)
{
    build_two_layers();
    set_statistics(1, 4.0f, 4.0f, 0.0f);
    options.channelwise = true;
    lower();
    cr_assert_float_eq(net->populations[0].synapses[0].weights[3], 1.0f, 0.0f);
}

Test(lower, missing_statistics_say_what_there_is)
{
    build_two_layers();
    options.quantile = 0.9995;
    refuse(SNN_ERR_NOT_FOUND, "the model has no activation statistics for p99.95");
    cr_assert_str_eq(snn_context_hint(context), "it has p99.9; or calibrate anew");
}

Test(lower, clip_is_the_threshold)
{
    build_two_layers();
    add_conv("c", 3, 2, weights, NULL, SNN_ACTIVATION_CLIP);
    /* b is no longer the output and has no activation */
    refuse(SNN_ERR_UNSUPPORTED, "layer 'c': no activation lies between it and its input 'b'");
}

Test(lower, clipped_output_divides_by_the_clip)
{
    add_conv("c", 0, 2, weights, NULL, SNN_ACTIVATION_CLIP);
    options.norm = SNN_NORM_QUANTILE;
    lower();
    cr_assert_float_eq(net->populations[0].synapses[0].weights[2], 0.5f, 0.0f);
    cr_assert_null(net->populations[0].bias);
}

Test(lower, output_gain_and_extra_readouts_have_their_own_thresholds)
{
    const float extra[] = {4.0f};
    add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_NONE);
    options.output_gain = 2.0f;
    options.extra_gains = extra;
    options.extra_gain_count = 1;
    lower();
    cr_assert_eq(net->readout_count, 2u);
    cr_assert_float_eq(net->readouts[0].threshold, 2.0f, 0.0f);
    cr_assert_float_eq(net->readouts[0].v_init, 1.0f, 0.0f);
    cr_assert_float_eq(net->readouts[1].threshold, 4.0f, 0.0f);
    cr_assert_float_eq(net->readouts[1].v_min, -4.0f, 0.0f);
    cr_assert_eq(net->class_count, 32u);
}

Test(lower, membrane_readout_never_fires)
{
    add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_NONE);
    options.readout_membrane = true;
    lower();
    cr_assert_float_eq(net->readouts[0].threshold, FLT_MAX, 0.0f);
    cr_assert_float_eq(net->readouts[0].v_init, 0.0f, 0.0f);
}

Test(lower, residual_add_joins_branches_in_one_population)
{
    uint32_t a = add_conv("a", 0, 2, weights, bias, SNN_ACTIVATION_RELU);
    uint32_t b = add_conv("b", a, 2, weights, bias, SNN_ACTIVATION_NONE);
    const uint32_t inputs[] = {b, a};
    add(&(struct snn_layer){.name = "add",
                            .kind = SNN_LAYER_ADD,
                            .inputs = inputs,
                            .input_count = 2,
                            .activation = SNN_ACTIVATION_RELU});
    lower();
    const struct snn_population *sum = &net->populations[1];
    cr_assert_eq(net->population_count, 2u);
    cr_assert_eq(sum->synapse_count, 2u);
    cr_assert_eq(sum->synapses[0].kind, SNN_SYNAPSE_CONV2D);
    cr_assert_eq(sum->synapses[1].kind, SNN_SYNAPSE_ONE_TO_ONE);
    cr_assert_eq(sum->synapse_first, 1u);
    cr_assert_float_eq(sum->bias[1], -8.0f, 0.0f);
    cr_assert_eq(sum->macs, 4u * 16u);
}

Test(lower, preprocessing_folds_into_the_first_layer)
{
    /* x' = (255 p / 255 - 0.5) / 0.25 = 4 p - 2: weights times 4, bias minus 2 times the row sum */
    const double mean[] = {0.5}, std[] = {0.25};
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, mean, std};
    cr_assert_eq(snn_graph_set_preprocess(graph, context, &preprocess), SNN_OK);
    add_conv("a", 0, 2, weights, bias, SNN_ACTIVATION_NONE);
    lower();
    const struct snn_population *a = &net->populations[0];
    cr_assert_float_eq(a->synapses[0].weights[3], 16.0f, 0.0f);
    cr_assert_eq(a->bias_count, 32u);
    cr_assert_float_eq(a->bias[0], 0.5f - 2.0f * 3.0f, 0.0f);
    cr_assert_float_eq(a->bias[31], -8.0f - 2.0f * 7.0f, 0.0f);
}

Test(lower, max_pooling_needs_a_stand_in)
{
    uint32_t a = add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_RELU);
    uint32_t p = add_pool("p", a, SNN_LAYER_MAX_POOL2D);
    add_conv("b", p, 2, weights, NULL, SNN_ACTIVATION_NONE);
    refuse(SNN_ERR_UNSUPPORTED, "layer 'p': max pooling has no exact integrate-and-fire form");
    options.max_pool = SNN_MAX_POOL_OR;
    lower();
    cr_assert_eq(net->population_count, 3u);
    cr_assert_eq(net->populations[1].spikes_max, 1u);
    cr_assert_eq(net->populations[1].reset, SNN_RESET_ZERO);
}

Test(lower, every_obstacle_is_reported_in_one_go)
{
    uint32_t a = add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_NONE);
    add_conv("b", a, 2, weights, NULL, SNN_ACTIVATION_RELU);
    uint32_t c = add_conv("c", 0, 2, weights, NULL, SNN_ACTIVATION_RELU);
    uint32_t p = add_pool("p", c, SNN_LAYER_MAX_POOL2D);
    uint32_t q = add_pool("q", 2, SNN_LAYER_AVG_POOL2D);
    const uint32_t inputs[] = {p, q};
    add(&(struct snn_layer){
        .name = "add", .kind = SNN_LAYER_ADD, .inputs = inputs, .input_count = 2});
    refuse(SNN_ERR_UNSUPPORTED, "layer 'b': no activation lies between it and its input 'a'");
    cr_assert_eq(diagnostics, 2u);
}

Test(lower, layers_that_the_output_does_not_need_are_left_out)
{
    uint32_t a = add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_RELU);
    add_conv("b", 0, 2, weights, NULL, SNN_ACTIVATION_RELU);
    uint32_t c = add_conv("c", a, 2, weights, NULL, SNN_ACTIVATION_NONE);
    add_conv("d", 0, 2, weights, NULL, SNN_ACTIVATION_RELU);
    cr_assert_eq(snn_graph_set_output(graph, context, c), SNN_OK);
    lower();
    cr_assert_eq(net->population_count, 2u);
    cr_assert_str_eq(net->populations[1].name, "c");
}

Test(lower, fanout_is_exact_at_borders_with_stride)
{
    /* 3x3 kernel, stride 2, padding 1 on 4x4 -> 2x2: an event at 0 reaches output 0 through tap 1
     * only; at 1 it reaches 0 (tap 2) and 1 (tap 0); at 3 output 1 through tap 2, none beyond. */
    static float kernel[3 * 2 * 9];
    const uint32_t input = 0;
    add(&(struct snn_layer){.name = "a",
                            .kind = SNN_LAYER_CONV2D,
                            .inputs = &input,
                            .input_count = 1,
                            .shape = {3, 0, 0},
                            .window = {3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
                            .weights = kernel,
                            .weight_count = sizeof(kernel) / sizeof(kernel[0])});
    lower();
    const uint64_t taps[] = {1, 2, 1, 1};
    for (uint32_t y = 0; y < 4; y++) {
        for (uint32_t x = 0; x < 4; x++)
            cr_assert_eq(snn_synapse_fanout(net, 0, 0, y, x), 3 * taps[y] * taps[x], "%u %u", y, x);
    }
}

Test(lower, output_takes_one_threshold_from_a_recipe_per_channel)
{
    const float thresholds[] = {2.0f, 8.0f};
    uint32_t a = add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_NONE);
    const struct snn_recipe_entry entry = {a, 2, thresholds};
    const struct snn_recipe recipe = {.name = "ltb", .entry_count = 1, .entries = &entry};
    cr_assert_eq(snn_graph_set_recipe(graph, context, &recipe), SNN_OK);
    options.norm = SNN_NORM_RECIPE;
    options.recipe = "ltb";
    lower();
    const float expected[] = {1.0f / 8, 2.0f / 8, 3.0f / 8, 4.0f / 8};
    cr_assert_arr_eq(net->populations[0].synapses[0].weights, expected, sizeof(expected));
}

Test(lower, weights_that_overflow_are_refused)
{
    const float tiny[] = {1e-40f};
    uint32_t a = add_conv("a", 0, 2, weights, NULL, SNN_ACTIVATION_NONE);
    const struct snn_recipe_entry entry = {a, 1, tiny};
    const struct snn_recipe recipe = {.name = "mse:4", .entry_count = 1, .entries = &entry};
    cr_assert_eq(snn_graph_set_recipe(graph, context, &recipe), SNN_OK);
    options.norm = SNN_NORM_RECIPE;
    options.recipe = "mse:4";
    refuse(SNN_ERR_INVALID, "layer 'a': value 0 overflows float32 when divided by its threshold");
}
