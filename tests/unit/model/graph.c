/* A graph takes only layers that everything later can rely on, and says what is wrong with others.
 */
#include "snn/graph.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/status.h"

static struct snn_context *context;
static struct snn_graph *graph;

static void begin(void)
{
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    cr_assert_eq(snn_graph_create(&graph, context, "test"), SNN_OK);
    const struct snn_layer input = {.name = "input", .kind = SNN_LAYER_INPUT, .shape = {2, 6, 5}};
    cr_assert_eq(snn_graph_add(graph, context, &input, NULL), SNN_OK);
}

static void end(void)
{
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
}

TestSuite(graph, .init = begin, .fini = end);

static const uint32_t from_input[] = {0};
static float ones[4096];

static struct snn_layer conv(const char *name, uint32_t filters, uint32_t kernel)
{
    for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++)
        ones[i] = 1.0f;
    return (struct snn_layer){
        .name = name,
        .kind = SNN_LAYER_CONV2D,
        .inputs = from_input,
        .input_count = 1,
        .shape = {filters, 0, 0},
        .window = {.kernel_h = kernel, .kernel_w = kernel, .stride_h = 1, .stride_w = 1},
        .weights = ones,
        .weight_count = (size_t)filters * 2 * kernel * kernel};
}

static void refuse(const struct snn_layer *layer, int status, const char *message)
{
    uint32_t before = snn_graph_layer_count(graph);
    cr_assert_eq(snn_graph_add(graph, context, layer, NULL), status);
    cr_assert_str_eq(snn_context_message(context), message);
    cr_assert_eq(snn_graph_layer_count(graph), before);
}

Test(graph, convolution_shape_follows_from_its_window)
{
    /* rows: (6 + 1 + 0 - (2 * 1 + 1)) / 2 + 1 = 3; columns: (5 + 0 + 2 - 3) / 1 + 1 = 5 */
    struct snn_layer layer = conv("c", 4, 3);
    layer.window = (struct snn_window){.kernel_h = 2,
                                       .kernel_w = 3,
                                       .stride_h = 2,
                                       .stride_w = 1,
                                       .pad_top = 1,
                                       .pad_right = 2,
                                       .dilation_h = 2,
                                       .dilation_w = 1};
    layer.weight_count = 4 * 2 * 2 * 3;
    uint32_t index = 0;
    cr_assert_eq(snn_graph_add(graph, context, &layer, &index), SNN_OK, "%s",
                 snn_context_message(context));
    struct snn_shape shape = snn_graph_layer(graph, index)->shape;
    cr_assert_eq(shape.channels, 4u);
    cr_assert_eq(shape.height, 3u);
    cr_assert_eq(shape.width, 5u);
    cr_assert_eq(snn_graph_layer_macs(graph, index), 48u * 15u);
    cr_assert_eq(snn_graph_parameter_count(graph), 48u);
}

Test(graph, pool_stride_defaults_to_its_kernel)
{
    const struct snn_layer layer = {.name = "p",
                                    .kind = SNN_LAYER_AVG_POOL2D,
                                    .inputs = from_input,
                                    .input_count = 1,
                                    .window = {.kernel_h = 2, .kernel_w = 2}};
    uint32_t index = 0;
    cr_assert_eq(snn_graph_add(graph, context, &layer, &index), SNN_OK);
    cr_assert_eq(snn_graph_layer(graph, index)->shape.height, 3u);
    cr_assert_eq(snn_graph_layer(graph, index)->shape.width, 2u);
}

Test(graph, tensors_are_copied)
{
    struct snn_layer layer = conv("c", 1, 1);
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
    ones[0] = 7.0f;
    cr_assert_float_eq(snn_graph_layer(graph, 1)->weights[0], 1.0f, 0.0f);
}

Test(graph, weights_of_another_size_are_refused_with_both_sizes)
{
    struct snn_layer layer = conv("c", 4, 3);
    layer.weight_count = 71;
    refuse(&layer, SNN_ERR_INVALID, "layer 'c': weights has 71 values, needs 72");
}

Test(graph, weight_that_is_not_a_number_is_named)
{
    struct snn_layer layer = conv("c", 1, 1);
    ones[1] = NAN;
    refuse(&layer, SNN_ERR_INVALID, "layer 'c': weights[1] is not a number");
    ones[1] = -INFINITY;
    refuse(&layer, SNN_ERR_INVALID, "layer 'c': weights[1] is infinite");
}

Test(graph, kernel_larger_than_its_padded_input_is_refused)
{
    struct snn_layer layer = conv("c", 1, 7);
    refuse(&layer, SNN_ERR_INVALID,
           "layer 'c': kernel 7x7 (dilation 1x1) is larger than its padded input 6x5");
}

Test(graph, groups_must_divide_the_channels)
{
    struct snn_layer layer = conv("c", 3, 1);
    layer.groups = 2;
    refuse(&layer, SNN_ERR_INVALID,
           "layer 'c': 2 groups do not divide 2 input and 3 output channels");
}

Test(graph, more_neurons_than_the_limit_are_refused_without_allocating)
{
    struct snn_layer layer = conv("c", 16777216, 1);
    refuse(&layer, SNN_ERR_LIMIT,
           "layer 'c': output shape 16777216x6x5 exceeds the limit of 67108864 neurons");
}

Test(graph, dense_takes_all_inputs)
{
    struct snn_layer layer = conv("d", 3, 1);
    layer.kind = SNN_LAYER_DENSE;
    layer.weight_count = 3 * 59;
    refuse(&layer, SNN_ERR_INVALID, "layer 'd': weights has 177 values, needs 180");
    layer.weight_count = 180;
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
}

Test(graph, bias_is_one_a_channel_or_one_a_neuron)
{
    struct snn_layer layer = conv("c", 3, 1);
    layer.bias = ones;
    layer.bias_count = 4;
    refuse(&layer, SNN_ERR_INVALID, "layer 'c': bias has 4 values, needs 90");
    layer.bias_count = 90;
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
}

Test(graph, add_refuses_maps_of_different_shapes)
{
    struct snn_layer layer = conv("c", 3, 1);
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
    const uint32_t inputs[] = {0, 1};
    const struct snn_layer add = {
        .name = "a", .kind = SNN_LAYER_ADD, .inputs = inputs, .input_count = 2};
    refuse(&add, SNN_ERR_INVALID, "layer 'a': adds 'c' of 3x6x5 to 'input' of 2x6x5");
}

Test(graph, names_are_unique_and_inputs_come_before)
{
    struct snn_layer layer = conv("input", 1, 1);
    refuse(&layer, SNN_ERR_INVALID, "layer 'input': the name is already taken");
    const uint32_t later[] = {1};
    layer.name = "c";
    layer.inputs = later;
    refuse(&layer, SNN_ERR_INVALID, "layer 'c': input 0 is layer 1, which is not before it");
}

Test(graph, second_input_is_refused)
{
    const struct snn_layer input = {.name = "x", .kind = SNN_LAYER_INPUT, .shape = {1, 1, 1}};
    refuse(&input, SNN_ERR_INVALID, "layer 'x': the first layer, and no other, is the input");
}

Test(graph, quantiles_must_ascend)
{
    const double bad[] = {0.9, 0.9};
    cr_assert_eq(snn_graph_set_quantiles(graph, context, bad, 2, 1, NULL), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "quantile 1 is 0.9: they must ascend within 0..1");
}

Test(graph, recipe_of_the_same_name_replaces_the_earlier_one)
{
    struct snn_layer layer = conv("c", 2, 1);
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
    const float first[] = {1.0f}, second[] = {2.0f, 3.0f};
    struct snn_recipe_entry entry = {1, 1, first};
    const struct snn_recipe recipe = {.name = "mse:4", .entry_count = 1, .entries = &entry};
    cr_assert_eq(snn_graph_set_recipe(graph, context, &recipe), SNN_OK);
    entry = (struct snn_recipe_entry){1, 2, second};
    cr_assert_eq(snn_graph_set_recipe(graph, context, &recipe), SNN_OK);
    cr_assert_eq(snn_graph_recipe_count(graph), 1u);
    cr_assert_float_eq(snn_graph_recipe(graph, 0)->entries[0].value[1], 3.0f, 0.0f);
    entry.count = 3;
    cr_assert_eq(snn_graph_set_recipe(graph, context, &recipe), SNN_ERR_INVALID);
}

Test(graph, another_preprocessing_drops_what_was_calibrated)
{
    struct snn_layer layer = conv("c", 1, 1);
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
    const double probability[] = {1.0}, mean[] = {0.0, 0.1}, std[] = {1.0};
    const float value[] = {1.0f};
    const struct snn_statistics statistics = {0.0f, value, value};
    const struct snn_recipe_entry entry = {1, 1, value};
    const struct snn_recipe recipe = {.name = "mse:4", .entry_count = 1, .entries = &entry};
    cr_assert_eq(snn_graph_set_quantiles(graph, context, probability, 1, 7, "frames"), SNN_OK);
    cr_assert_eq(snn_graph_set_statistics(graph, context, 1, &statistics), SNN_OK);
    cr_assert_eq(snn_graph_set_recipe(graph, context, &recipe), SNN_OK);
    struct snn_preprocess preprocess = {1.0 / 255.0, 1, mean, std}; /* the default, as it is */
    cr_assert_eq(snn_graph_set_preprocess(graph, context, &preprocess), SNN_OK);
    cr_assert_not_null(snn_graph_statistics(graph, 1));
    cr_assert_eq(snn_graph_recipe_count(graph), 1u);
    preprocess.mean = &mean[1];
    cr_assert_eq(snn_graph_set_preprocess(graph, context, &preprocess), SNN_OK);
    uint32_t count = 1;
    uint64_t frames = 1;
    const char *data = "";
    (void)snn_graph_quantiles(graph, &count, &frames, &data);
    cr_assert_eq(count, 0u);
    cr_assert_eq(frames, 0u);
    cr_assert_null(data);
    cr_assert_null(snn_graph_statistics(graph, 1));
    cr_assert_eq(snn_graph_recipe_count(graph), 0u);
}

Test(graph, preprocessing_must_have_a_positive_deviation)
{
    const double mean[] = {0.1}, std[] = {0.0};
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, mean, std};
    cr_assert_eq(snn_graph_set_preprocess(graph, context, &preprocess), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "preprocess mean 0.1, std 0 of channel 0: std must be positive");
}

Test(graph, tensors_and_activations_of_kinds_without_them_are_refused)
{
    struct snn_layer pool = {.name = "p",
                             .kind = SNN_LAYER_AVG_POOL2D,
                             .inputs = from_input,
                             .input_count = 1,
                             .window = {.kernel_h = 2, .kernel_w = 2},
                             .weight_count = 5};
    refuse(&pool, SNN_ERR_INVALID, "layer 'p': avg_pool2d has no weights or bias");
    pool.weight_count = 0;
    pool.activation = SNN_ACTIVATION_RELU;
    refuse(&pool, SNN_ERR_INVALID, "layer 'p': avg_pool2d has no activation");
}

Test(graph, padding_cannot_ask_for_huge_maps)
{
    struct snn_layer layer = conv("c", 1, 1);
    layer.window.pad_top = layer.window.pad_left = 60000;
    refuse(&layer, SNN_ERR_LIMIT,
           "layer 'c': padded input 2x60006x60005 exceeds the limit of 67108864 values");
}

Test(graph, joined_maps_may_differ_in_their_channels_only)
{
    struct snn_layer layer = conv("c", 3, 1), small = conv("s", 1, 2);
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
    cr_assert_eq(snn_graph_add(graph, context, &small, NULL), SNN_OK);
    const uint32_t inputs[] = {1, 0, 2};
    struct snn_layer concat = {
        .name = "j", .kind = SNN_LAYER_CONCAT, .inputs = inputs, .input_count = 3};
    refuse(&concat, SNN_ERR_INVALID,
           "layer 'j': joins 's' of 1x5x4 to 'c' of 3x6x5: only their channels may differ");
    concat.input_count = 1;
    refuse(&concat, SNN_ERR_INVALID, "layer 'j': has 1 inputs, concat takes 2 or more");
    concat.input_count = 2;
    cr_assert_eq(snn_graph_add(graph, context, &concat, NULL), SNN_OK);
    cr_assert_eq(snn_graph_layer(graph, 3)->shape.channels, 5u);
    cr_assert_eq(snn_graph_layer(graph, 3)->shape.height, 6u);
    cr_assert_eq(snn_graph_layer_macs(graph, 3), 0u);
}

Test(graph, joined_channels_are_limited_together)
{
    enum { TIMES = 3 };
    const struct snn_layer wide = {.name = "w",
                                   .kind = SNN_LAYER_INPUT,
                                   .shape = {.channels = 8000000, .height = 1, .width = 1}};
    struct snn_graph *other = NULL;
    const uint32_t inputs[TIMES] = {0};
    cr_assert_eq(snn_graph_create(&other, context, "wide"), SNN_OK);
    cr_assert_eq(snn_graph_add(other, context, &wide, NULL), SNN_OK);
    const struct snn_layer concat = {
        .name = "j", .kind = SNN_LAYER_CONCAT, .inputs = inputs, .input_count = TIMES};
    cr_assert_eq(snn_graph_add(other, context, &concat, NULL), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context),
                     "layer 'j': 24000000 channels exceed the limit of 16777216");
    snn_graph_destroy(&other);
}

Test(graph, every_bad_number_of_a_neuron_is_named)
{
    static const float bad[] = {1, 0}, nan[] = {NAN}, below[] = {-1, 0.5f}, good[] = {1, 2};
    static const struct {
        struct snn_neurons neurons;
        const char *message;
    } cases[] = {
        {{.threshold = NULL}, "layer 'n': threshold has 0 values, needs 1, 2 or 60"},
        {{.threshold_count = 1}, "layer 'n': threshold is missing"},
        {{.threshold = good, .threshold_count = 3},
         "layer 'n': threshold has 3 values, needs 1, 2 or 60"},
        {{.threshold = bad, .threshold_count = 2},
         "layer 'n': threshold[1] is 0, which is not positive"},
        {{.threshold = below, .threshold_count = 2},
         "layer 'n': threshold[0] is -1, which is not positive"},
        {{.threshold = nan, .threshold_count = 1}, "layer 'n': threshold[0] is not a number"},
        {{.threshold = good, .threshold_count = 2, .v_init = nan, .v_init_count = 1},
         "layer 'n': v_init[0] is not a number"},
        {{.threshold = good, .threshold_count = 2, .v_init = good, .v_init_count = 61},
         "layer 'n': v_init has 61 values, needs 1, 2 or 60"},
        {{.threshold = good, .threshold_count = 2, .v_min = below, .v_min_count = 2},
         "layer 'n': v_min[1] is 0.5, a lower bound is not positive"},
        {{.threshold = good, .threshold_count = 2, .v_min_count = 2},
         "layer 'n': v_min is missing"},
        {{.threshold = good, .threshold_count = 2, .reset = (enum snn_reset)2},
         "layer 'n': unknown reset 2"},
    };
    struct snn_layer layer = {
        .name = "n", .kind = SNN_LAYER_IF, .inputs = from_input, .input_count = 1};
    refuse(&layer, SNN_ERR_INVALID, "layer 'n': neurons are missing");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        layer.neurons = &cases[i].neurons;
        refuse(&layer, SNN_ERR_INVALID, cases[i].message);
    }
    struct snn_layer with = conv("c", 1, 1);
    with.neurons = &cases[0].neurons;
    refuse(&with, SNN_ERR_INVALID, "layer 'c': conv2d has no neurons");
}

Test(graph, neurons_are_copied_and_make_the_net_a_spiking_one)
{
    float threshold[] = {1, 2}, v_init[] = {0.5f}, v_min[60];
    for (size_t i = 0; i < 60; i++)
        v_min[i] = -(float)i;
    const struct snn_neurons neurons = {SNN_RESET_ZERO, threshold, 2, v_init, 1, v_min, 60};
    const struct snn_layer layer = {.name = "n",
                                    .kind = SNN_LAYER_IF,
                                    .inputs = from_input,
                                    .input_count = 1,
                                    .neurons = &neurons};
    cr_assert(!snn_graph_is_spiking(graph));
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK, "%s",
                 snn_context_message(context));
    threshold[1] = v_init[0] = v_min[59] = 7;
    const struct snn_neurons *kept = snn_graph_layer(graph, 1)->neurons;
    cr_assert(snn_graph_is_spiking(graph));
    cr_assert(!snn_graph_layer_is_neuronal(graph, 1));
    cr_assert_eq(kept->threshold[1], 2.0f);
    cr_assert_eq(kept->v_init[0], 0.5f);
    cr_assert_eq(kept->v_min[59], -59.0f);
    cr_assert_eq(kept->reset, SNN_RESET_ZERO);
    cr_assert_eq(snn_graph_layer(graph, 1)->shape.height, 6u);
    cr_assert_eq(snn_graph_layer_macs(graph, 1), 0u);
    cr_assert_eq(snn_graph_parameter_count(graph), 0u);
}

Test(graph, slope_and_padding_go_where_they_mean_something)
{
    struct snn_layer layer = conv("c", 1, 1);
    layer.activation = SNN_ACTIVATION_LEAKY_RELU;
    layer.slope = INFINITY;
    refuse(&layer, SNN_ERR_INVALID, "layer 'c': slope inf is not a finite number");
    struct snn_layer pool = {.name = "p",
                             .kind = SNN_LAYER_SUM_POOL2D,
                             .inputs = from_input,
                             .input_count = 1,
                             .window = {.kernel_h = 2, .kernel_w = 2},
                             .pad_excluded = true};
    refuse(&pool, SNN_ERR_INVALID, "layer 'p': sum_pool2d has no padding to leave out of a mean");
}

static void refuse_quantization(uint32_t layer, const struct snn_quantization *quantization,
                                const char *message)
{
    cr_assert_eq(snn_graph_set_quantization(graph, context, layer, quantization), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), message);
    cr_assert_null(snn_graph_quantization(graph, layer));
}

Test(graph, quantization_is_checked_and_copied)
{
    float scale[] = {0.5f, 0.25f, 0};
    struct snn_layer layer = conv("c", 3, 1);
    cr_assert_eq(snn_graph_add(graph, context, &layer, NULL), SNN_OK);
    struct snn_quantization q = {.scale = 0, .weight_scale = scale, .weight_scale_count = 3};
    refuse_quantization(1, &q, "layer 'c': quantization scale 0 is not a positive number");
    q.scale = INFINITY;
    refuse_quantization(1, &q, "layer 'c': quantization scale inf is not a positive number");
    q.scale = 0.5f;
    refuse_quantization(1, &q, "layer 'c': quantization weight_scale 0 is not a positive number");
    q.zero_point = -129;
    refuse_quantization(1, &q, "layer 'c': quantization zero_point -129 is not within -128..127");
    q.zero_point = 128;
    refuse_quantization(1, &q, "layer 'c': quantization zero_point 128 is not within -128..127");
    q.zero_point = -128;
    q.weight_scale_count = 2;
    refuse_quantization(1, &q, "layer 'c': quantization has 2 weight scales, needs 1 or 3");
    q.weight_scale_count = 0;
    refuse_quantization(1, &q, "layer 'c': quantization has 0 weight scales, needs 1 or 3");
    q.weight_scale_count = 1;
    refuse_quantization(0, &q,
                        "layer 'input': quantization has 1 weight scales, input has no weights");
    cr_assert_eq(snn_graph_set_quantization(graph, context, 2, &q), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "layer 2 of 2 does not exist");
    scale[2] = 2;
    q.weight_scale_count = 3;
    cr_assert_eq(snn_graph_set_quantization(graph, context, 1, &q), SNN_OK);
    scale[2] = 3;
    cr_assert_eq(snn_graph_quantization(graph, 1)->weight_scale[2], 2.0f);
    cr_assert_eq(snn_graph_quantization(graph, 1)->zero_point, -128);
    cr_assert_null(snn_graph_quantization(graph, 0));
}
