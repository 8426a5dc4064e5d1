/* Chip arithmetic: what lowering makes of real weights, thresholds and potentials.
 *
 * Expected numbers are derived by hand beside each test; random nets are held against numpy in
 * tests/flow/chip.py.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_lower_options options;

static void begin(void)
{
    support_begin();
    graph = support_graph(support_context(), 2, 4, 4);
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.arith = SNN_ARITH_CHIP;
}

static void end(void)
{
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(quantise, .init = begin, .fini = end);

/* A 1x1 convolution of the last layer from two channels to two. */
static uint32_t add_conv(const float weights[4], const float *bias, enum snn_activation activation)
{
    return support_add(
        graph, support_context(),
        (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                           .shape = {2, 0, 0},
                           .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
                           .activation = activation,
                           .weights = weights,
                           .weight_count = 4,
                           .bias = bias,
                           .bias_count = bias != NULL ? 2 : 0});
}

static uint32_t add_neurons(const struct snn_neurons *neurons)
{
    return support_add(graph, support_context(),
                       (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = neurons});
}

static void lower(void)
{
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &options), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(net->arith, SNN_ARITH_CHIP);
}

static void refuse(int status, const char *message, const char *hint)
{
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &options), status);
    cr_assert_str_eq(snn_context_message(support_context()), message);
    cr_assert(strstr(snn_context_hint(support_context()), hint), "%s",
              snn_context_hint(support_context()));
    cr_assert_null(net);
}

static void expect(const float *values, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(values[i], expected[i], 0.0f, "%zu: %g, expected %g", i,
                           (double)values[i], (double)expected[i]);
}

static const float small[] = {0.05f, -0.1f, 0.2f, 0.33f};

/* 127 / 0.33 = 384.848: 19.24, -38.48, 76.97, 127; threshold 384.85, half of it 192.42. */
Test(quantise, largest_weight_becomes_127)
{
    const float expected[] = {19, -38, 77, 127};
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    lower();
    const struct snn_population *p = &net->populations[0];
    expect(p->synapses[0].weights, expected, 4);
    expect((float[]){p->threshold, p->v_min, p->v_init}, (float[]){385, -385, 192}, 3);
    expect((float[]){net->readouts[0].threshold, net->readouts[0].v_min, net->readouts[0].v_init},
           (float[]){385, -385, 192}, 3);
    cr_assert_null(p->bias);
    const struct snn_quantised *q = p->quantised;
    cr_assert_float_eq(q->scale, 127.0f / 0.33f, 0.0f);
    cr_assert_eq(q->limited_by, SNN_QUANTISED_BY_WEIGHTS);
    cr_assert_eq(q->threshold, 385);
    cr_assert_float_eq(q->bits, log2(255), 1e-12);
    cr_assert_eq(q->weights_saturated + q->weights_lost, 0);
    /* Errors 0.242, 0.485, 0.030, 0 steps: root of (0.0588 + 0.2351 + 0.0009) / 4. */
    cr_assert_float_eq(q->weight_error, 0.2715, 1e-3);
}

/* 127 / 1: 6.35, -12.7, 25.4, 41.91. A bias of zeros or none is no limit. */
Test(quantise, largest_bias_limits_the_scale)
{
    const float bias[] = {-1.0f, 0.25f}, zeros[] = {0.0f, -0.0f};
    const float expected[] = {6, -13, 25, 42}, biases[] = {-127, 32};
    add_conv(small, bias, SNN_ACTIVATION_RELU);
    add_conv(small, zeros, SNN_ACTIVATION_NONE);
    lower();
    const struct snn_population *p = &net->populations[0];
    expect(p->synapses[0].weights, expected, 4);
    expect(p->bias, biases, 2);
    cr_assert_eq(p->quantised->limited_by, SNN_QUANTISED_BY_BIAS);
    cr_assert_float_eq(p->threshold, 127.0f, 0.0f);
    expect(net->populations[1].bias, zeros, 2);
    cr_assert_float_eq(net->populations[1].threshold, 385.0f, 0.0f);
}

/* 127 / 0.33 = 384.8 a unit of weight: 0.001 is 0.38, that is 0; then nothing is left to tick. On
 * no chip in particular a bias of zeros is one. */
Test(quantise, biases_that_all_become_0_are_switched_off_for_a_chip)
{
    const float bias[] = {0.001f, -0.001f};
    struct snn_chip chip;
    cr_assert_eq(snn_chip_load(&chip, support_context(), "dynapcnn"), SNN_OK);
    add_conv(small, bias, SNN_ACTIVATION_NONE);
    lower();
    cr_assert_eq(net->populations[0].bias_count, 2);
    snn_net_destroy(&net);
    options.chip = &chip;
    lower();
    cr_assert_null(net->populations[0].bias);
    cr_assert_eq(net->populations[0].bias_count, 0);
}

/* 32767 / 1: 32.77, -65.53, 0, 3.28. */
Test(quantise, threshold_of_16_bits_limits_the_scale)
{
    const float weights[] = {0.001f, -0.002f, 0.0f, 0.0001f}, expected[] = {33, -66, 0, 3};
    add_conv(weights, NULL, SNN_ACTIVATION_NONE);
    lower();
    const struct snn_population *p = &net->populations[0];
    expect(p->synapses[0].weights, expected, 4);
    expect((float[]){p->threshold, p->v_min, p->v_init}, (float[]){32767, -32767, 16384}, 3);
    cr_assert_eq(p->quantised->limited_by, SNN_QUANTISED_BY_THRESHOLD);
    cr_assert_float_eq(p->quantised->bits, log2(133), 1e-12);
}

/* The scale is 1. */
Test(quantise, halves_go_to_even)
{
    const float weights[] = {127.0f, 0.5f, -1.5f, 2.5f}, expected[] = {127, 0, -2, 2};
    add_conv(weights, NULL, SNN_ACTIVATION_NONE);
    lower();
    expect(net->populations[0].synapses[0].weights, expected, 4);
    cr_assert_eq(net->populations[0].quantised->weights_lost, 1);
    cr_assert_not(signbit(net->populations[0].synapses[0].weights[1]));
}

Test(quantise, no_lower_clip_is_that_of_16_bits_and_no_limit)
{
    options.v_min = -INFINITY;
    add_conv(small, NULL, SNN_ACTIVATION_RELU);
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    lower();
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_float_eq(net->populations[i].v_min, -32768.0f, 0.0f);
        cr_assert_float_eq(net->populations[i].threshold, 385.0f, 0.0f);
    }
    cr_assert_float_eq(net->readouts[0].v_min, -32768.0f, 0.0f);
}

/* 100 x 384.848 = 38485; -100 of it is below -32768. */
Test(quantise, potentials_beyond_16_bits_are_clamped)
{
    options.v_init = 100.0f;
    options.v_min = -100.0f;
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    lower();
    cr_assert_float_eq(net->populations[0].v_init, 32767.0f, 0.0f);
    cr_assert_float_eq(net->populations[0].v_min, -32768.0f, 0.0f);
}

/* An integrating output: its threshold limits nothing, its potential starts at 0. */
Test(quantise, membrane_readout_never_fires)
{
    const float tiny[] = {0.001f, 0.0f, 0.0f, 0.0f};
    options.readout_membrane = true;
    add_conv(tiny, NULL, SNN_ACTIVATION_NONE);
    lower();
    const struct snn_population *p = &net->populations[0];
    expect((float[]){p->threshold, p->v_min, p->v_init, p->synapses[0].weights[0]},
           (float[]){FLT_MAX, -32768, 0, 127}, 4);
    cr_assert_eq(p->quantised->threshold, 0);
    cr_assert_eq(p->quantised->limited_by, SNN_QUANTISED_BY_WEIGHTS);
}

/* 1000 thresholds: 32767 / 1000 = 32.767 in place of 384.848; 0.33 becomes 10.81. */
Test(quantise, output_gain_limits_the_scale)
{
    options.output_gain = 1000.0f;
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    lower();
    cr_assert_eq(net->populations[0].quantised->limited_by, SNN_QUANTISED_BY_THRESHOLD);
    cr_assert_float_eq(net->readouts[0].threshold, 32767.0f, 0.0f);
    cr_assert_float_eq(net->populations[0].synapses[0].weights[3], 11.0f, 0.0f);
}

/* Otherwise what a rule asks for would change the results of everything beside it. 4 x 384.848 =
 * 1539.4; half 769.7. */
Test(quantise, further_readouts_have_the_scale_of_the_output)
{
    const float gains[] = {4.0f, 85.0f};
    options.extra_gains = gains;
    options.extra_gain_count = 2;
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    lower();
    cr_assert_float_eq(net->populations[0].threshold, 385.0f, 0.0f);
    const struct snn_readout *r = &net->readouts[1];
    expect((float[]){r->threshold, r->v_min, r->v_init}, (float[]){1539, -1539, 770}, 3);
    cr_assert_float_eq(net->readouts[2].threshold, 32712.0f, 0.0f);
}

/* 90 x 384.848 = 34636.4; 90 x 32767 / 34636 = 85.14. */
Test(quantise, gain_beyond_16_bits_is_refused)
{
    const float gains[] = {90.0f};
    options.extra_gains = gains;
    options.extra_gain_count = 1;
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    refuse(SNN_ERR_LIMIT,
           "layer 'layer1': output gain 90 makes its threshold 34636, beyond the 32767 of 16 bits",
           "gains up to 85.14 fit");
}

/* 127 / 1000 x 1 = 0.127, of both layers. */
Test(quantise, threshold_that_becomes_0_is_refused_with_every_layer_named)
{
    const float large[] = {1000.0f, 1.0f, 2.0f, 500.0f};
    add_conv(large, NULL, SNN_ACTIVATION_RELU);
    add_conv(large, NULL, SNN_ACTIVATION_NONE);
    refuse(SNN_ERR_UNSUPPORTED,
           "layer 'layer1': a threshold of 1 becomes 0: the scale is 0.127, for weights up to "
           "1000, biases up to 0 and thresholds up to 1",
           "--norm");
    cr_assert(strstr(support_diagnostics(), "error: a threshold of 1 becomes 0"));
    const char *second = strstr(support_diagnostics(), "\n") + 1;
    cr_assert(strstr(second, "error: a threshold of 1 becomes 0"), "%s", support_diagnostics());
}

/* 127 / 100 = 1.27: two of three weights vanish; three of three beside a bias of 1000. */
Test(quantise, weights_that_become_0_are_told)
{
    const float few[] = {100.0f, 0.3f, 0.2f, 0.0f}, bias[] = {30000.0f, 0.0f};
    options.output_gain = 100.0f;
    add_conv(few, NULL, SNN_ACTIVATION_NONE);
    lower();
    cr_assert(strstr(support_diagnostics(),
                     "warning: 2 of 3 weights become 0 in 8 bits: the largest weight limits their "
                     "scale to 1.27"),
              "%s", support_diagnostics());
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    graph = support_graph(support_context(), 2, 4, 4);
    add_conv(few, bias, SNN_ACTIVATION_NONE);
    refuse(SNN_ERR_UNSUPPORTED,
           "layer 'layer1': all weights become 0 in 8 bits: the largest bias limits their scale to "
           "0.00423333",
           "--quant mse");
}

/* Both branches of an add meet in one potential: 127 / 1 from the identity. 0.33 x 127 = 41.91. */
Test(quantise, branches_share_one_scale)
{
    const float expected[] = {6, -13, 25, 42}, ones[] = {127, 127};
    const uint32_t first = add_conv(small, NULL, SNN_ACTIVATION_RELU);
    const uint32_t inputs[] = {add_conv(small, NULL, SNN_ACTIVATION_NONE), first};
    support_add(graph, support_context(),
                (struct snn_layer){.kind = SNN_LAYER_ADD, .inputs = inputs, .input_count = 2});
    lower();
    const struct snn_population *p = &net->populations[1];
    cr_assert_eq(p->synapse_count, 2);
    expect(p->synapses[0].weights, expected, 4);
    expect(p->synapses[1].weights, ones, 2);
    cr_assert_float_eq(p->threshold, 127.0f, 0.0f);
}

/* 8 / 16 = 0.5 is the least threshold beside one of 8; classes share the largest. */
Test(quantise, thresholds_far_below_the_layers_largest_are_raised)
{
    const double probability = 1.0;
    const float quantile = 8.0f, channels[] = {8.0f, 0.25f};
    const struct snn_statistics statistics = {0.0f, &quantile, channels};
    const uint32_t first = add_conv(small, NULL, SNN_ACTIVATION_RELU);
    const uint32_t second = add_conv(small, NULL, SNN_ACTIVATION_NONE);
    cr_assert_eq(snn_graph_set_quantiles(graph, support_context(), &probability, 1, 1, "made up"),
                 SNN_OK);
    snn_graph_set_statistics(graph, support_context(), first, &statistics);
    snn_graph_set_statistics(graph, support_context(), second, &statistics);
    options.norm = SNN_NORM_QUANTILE;
    options.quantile = 1.0;
    options.channelwise = true;
    lower();
    const struct snn_population *p = net->populations;
    expect(p[0].activation_scale, (float[]){8.0f, 0.5f}, 2);
    expect(p[1].activation_scale, (float[]){8.0f, 8.0f}, 2);
    cr_assert_eq(p[0].quantised->channels_raised, 1);
    cr_assert_eq(p[1].quantised->channels_raised, 0);
}

/* Weights and threshold are 1, so one spike of the window is just enough. */
Test(quantise, or_pool_fires_for_one_spike)
{
    const float ones[] = {127, 127};
    options.max_pool = SNN_MAX_POOL_OR;
    support_add(
        graph, support_context(),
        (struct snn_layer){.kind = SNN_LAYER_MAX_POOL2D, .window = {.kernel_h = 2, .kernel_w = 2}});
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    lower();
    const struct snn_population *p = &net->populations[0];
    expect(p->synapses[0].weights, ones, 2);
    expect((float[]){p->threshold, p->v_init, (float)p->spikes_max}, (float[]){127, 0, 1}, 3);
    cr_assert_eq(p->reset, SNN_RESET_ZERO);
}

/* Thresholds up to 4: 127 / 0.33 holds, 384.848 x 2 = 769.7, x 4 = 1539.4; x 0.7 = 269.4. */
Test(quantise, neurons_that_differ_keep_lists)
{
    const float thresholds[] = {2.0f, 4.0f}, v_min[] = {-FLT_MAX, -200.0f}, v_init[] = {0.7f};
    const struct snn_neurons neurons = {SNN_RESET_ZERO, thresholds, 2, v_init, 1, v_min, 2};
    const float gains[] = {2.0f};
    options.extra_gains = gains;
    options.extra_gain_count = 1;
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    add_neurons(&neurons);
    lower();
    const struct snn_neurons *n = net->populations[0].neurons;
    expect(n->threshold, (float[]){770, 1539}, 2);
    expect(n->v_min, (float[]){-32768, -32768}, 2);
    expect(n->v_init, (float[]){269}, 1);
    cr_assert_eq(n, net->readouts[0].neurons);
    cr_assert_float_eq(net->populations[0].threshold, 770.0f, 0.0f);
    expect(net->readouts[1].neurons->threshold, (float[]){1539, 3079}, 2);
    cr_assert_eq(net->populations[0].quantised->threshold, 770);
}

/* The largest of differing thresholds limits the scale (32767 / 20000), which the least bears not:
 * 0.0001 x 1.638. */
Test(quantise, thresholds_too_far_apart_are_refused)
{
    const float thresholds[] = {20000.0f, 0.0001f};
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, thresholds, 2, NULL, 0, NULL, 0};
    const float ones[] = {1.0f, 1.0f, 1.0f, 1.0f};
    add_conv(ones, NULL, SNN_ACTIVATION_NONE);
    add_neurons(&neurons);
    refuse(SNN_ERR_UNSUPPORTED,
           "layer 'layer2': a threshold of 0.0001 becomes 0: the scale is 1.63835, for weights up "
           "to 1, biases up to 0 and thresholds up to 20000",
           "closer together");
}

static double error_of(const struct snn_net *of, const struct snn_net *real)
{
    const struct snn_synapse *a = &of->populations[0].synapses[0],
                             *b = &real->populations[0].synapses[0];
    double sum = 0.0;
    for (size_t i = 0; i < a->weight_count; i++) {
        double error = (double)a->weights[i] / (double)of->populations[0].quantised->scale -
                       (double)b->weights[i];
        sum += error * error;
    }
    return sum;
}

/* Among 512 weights below 0.5 one of 1 is worth less than the finer steps. */
Test(quantise, least_error_gives_up_the_largest_weight)
{
    enum { COUNT = 512 };
    struct snn_net *real = NULL, *exact = NULL;
    float weights[COUNT];
    uint32_t state = 1;
    for (size_t i = 0; i < COUNT; i++)
        weights[i] = (float)support_random(&state) * 0.97f;
    weights[7] = 1.0f;
    support_add(graph, support_context(),
                (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                   .shape = {COUNT / 32, 1, 1},
                                   .weights = weights,
                                   .weight_count = COUNT});
    options.arith = SNN_ARITH_FLOAT;
    cr_assert_eq(snn_net_lower(&real, support_context(), graph, &options), SNN_OK);
    cr_assert_null(real->populations[0].quantised);
    options.arith = SNN_ARITH_CHIP;
    cr_assert_eq(snn_net_lower(&exact, support_context(), graph, &options), SNN_OK);
    options.quantise_mse = true;
    lower();
    const struct snn_quantised *q = net->populations[0].quantised;
    cr_assert_eq(q->limited_by, SNN_QUANTISED_BY_ERROR);
    cr_assert_gt(q->scale, exact->populations[0].quantised->scale);
    cr_assert_eq(q->weights_saturated, 1);
    cr_assert_float_eq(net->populations[0].synapses[0].weights[7], 127.0f, 0.0f);
    cr_assert_lt(error_of(net, real), error_of(exact, real));
    snn_net_destroy(&real);
    snn_net_destroy(&exact);
}

/* The threshold leaves no room for finer steps. */
Test(quantise, least_error_stops_at_the_threshold)
{
    const float tiny[] = {0.001f, 0.002f, 0.0f, 0.003f};
    options.quantise_mse = true;
    add_conv(tiny, NULL, SNN_ACTIVATION_NONE);
    lower();
    cr_assert_eq(net->populations[0].quantised->limited_by, SNN_QUANTISED_BY_THRESHOLD);
    cr_assert_float_eq(net->populations[0].threshold, 32767.0f, 0.0f);
}

/* A net of zeros is no reason to divide by them. */
Test(quantise, zeros_stay_zeros)
{
    const float zeros[4] = {0};
    options.readout_membrane = true;
    for (int mse = 0; mse < 2; mse++) {
        options.quantise_mse = mse == 1;
        if (mse == 0) add_conv(zeros, zeros, SNN_ACTIVATION_NONE);
        lower();
        expect(net->populations[0].synapses[0].weights, zeros, 4);
        cr_assert_float_eq(net->populations[0].quantised->scale, 1.0f, 0.0f);
        snn_net_destroy(&net);
    }
}

Test(quantise, nothing_else_of_the_net_changes)
{
    struct snn_net *real = NULL;
    add_conv(small, small, SNN_ACTIVATION_RELU);
    support_add(
        graph, support_context(),
        (struct snn_layer){.kind = SNN_LAYER_AVG_POOL2D, .window = {.kernel_h = 2, .kernel_w = 2}});
    add_conv(small, NULL, SNN_ACTIVATION_NONE);
    options.arith = SNN_ARITH_FLOAT;
    cr_assert_eq(snn_net_lower(&real, support_context(), graph, &options), SNN_OK);
    cr_assert_eq(real->arith, SNN_ARITH_FLOAT);
    options.arith = SNN_ARITH_CHIP;
    lower();
    cr_assert_eq(net->neuron_count, real->neuron_count);
    cr_assert_eq(net->synapse_count, real->synapse_count);
    for (uint32_t i = 0; i < 2; i++) {
        const struct snn_population *a = &net->populations[i], *b = &real->populations[i];
        cr_assert_str_eq(a->name, b->name);
        expect(a->activation_scale, b->activation_scale, 2);
        cr_assert_eq(a->macs, b->macs);
        cr_assert_eq(a->spikes_max, b->spikes_max);
        cr_assert_eq(a->synapses[0].source, b->synapses[0].source);
        cr_assert_eq(a->synapses[0].pool_count, b->synapses[0].pool_count);
        cr_assert_float_eq(a->synapses[0].pool_scale, b->synapses[0].pool_scale, 0.0);
    }
    snn_net_destroy(&real);
}

static struct snn_graph *make_graph(struct snn_context *context)
{
    struct snn_graph *made = support_graph(context, 2, 4, 4);
    support_add(
        made, context,
        (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                           .shape = {2, 0, 0},
                           .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
                           .weights = small,
                           .weight_count = 4,
                           .bias = small,
                           .bias_count = 2});
    const float thresholds[] = {2.0f, 4.0f};
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, thresholds, 2, NULL, 0, NULL, 0};
    support_add(made, context, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    return made;
}

static int lower_and_drop(struct snn_context *context, struct snn_graph *of)
{
    struct snn_net *made = NULL;
    const float gain = 2.0f;
    struct snn_lower_options own = options;
    own.extra_gains = &gain;
    own.extra_gain_count = 1;
    int status = snn_net_lower(&made, context, of, &own);
    snn_net_destroy(&made);
    return status;
}

Test(quantise, every_allocation_may_fail)
{
    support_sweep_graph(make_graph, lower_and_drop);
}

/* Channel 1 hardly spoke in calibration: its threshold 0.001 would make its weight 1000 times the
 * other's, which rounds to nothing beside it. It is held at 1.6 / 16 = 0.1: weights 1 / 1.6 and
 * 1 / 0.1 in thresholds, so 127 / 10 = 12.7 a unit, 7.9375 -> 8 and 127. */
Test(quantise, a_channel_that_hardly_spoke_leaves_the_others_their_bits)
{
    const float identity[] = {1.0f, 0.0f, 0.0f, 1.0f};
    const uint32_t layer = add_conv(identity, NULL, SNN_ACTIVATION_RELU);
    (void)add_conv(identity, NULL, SNN_ACTIVATION_NONE);
    const float threshold[] = {1.6f, 0.001f}, output[] = {1.0f};
    const struct snn_recipe_entry entries[] = {{layer, 2, threshold}, {layer + 1, 1, output}};
    const struct snn_recipe recipe = {.name = "ltb", .entry_count = 2, .entries = entries};
    cr_assert_eq(snn_graph_set_recipe(graph, support_context(), &recipe), SNN_OK);
    options.norm = SNN_NORM_RECIPE;
    options.recipe = "ltb";
    lower();
    const float expected[] = {8.0f, 0.0f, 0.0f, 127.0f};
    expect(net->populations[0].synapses[0].weights, expected, 4);
}
