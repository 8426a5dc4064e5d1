/* Lowering of nets that arrived spiking, of joined maps, and of layers that no neuron can stand
 * for. Expected numbers are derived by hand beside each test.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"
#include "tests/unit/support.h"

static struct snn_context *context;
static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_lower_options options;

static uint32_t add(const struct snn_layer *layer)
{
    uint32_t index = 0;
    cr_assert_eq(snn_graph_add(graph, context, layer, &index), SNN_OK, "%s",
                 snn_context_message(context));
    return index;
}

/* A norm that needs statistics, which spiking nets have none of. */
static void begin(void)
{
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    cr_assert_eq(snn_graph_create(&graph, context, "test"), SNN_OK);
    add(&(struct snn_layer){.name = "input", .kind = SNN_LAYER_INPUT, .shape = {2, 4, 4}});
    snn_lower_options_init(&options);
}

static void end(void)
{
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
}

TestSuite(lower_spiking, .init = begin, .fini = end);

static const float weights[] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f},
                   bias[] = {0.5f, -8};

/* A 1x1 convolution to two channels. */
static uint32_t add_conv(const char *name, uint32_t input, enum snn_activation activation)
{
    uint32_t channels = snn_graph_layer(graph, input)->shape.channels;
    return add(
        &(struct snn_layer){.name = name,
                            .kind = SNN_LAYER_CONV2D,
                            .inputs = &input,
                            .input_count = 1,
                            .shape = {2, 0, 0},
                            .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
                            .activation = activation,
                            .slope = 0.1f,
                            .weights = weights,
                            .weight_count = (size_t)2 * channels,
                            .bias = bias,
                            .bias_count = 2});
}

static uint32_t add_if(const char *name, uint32_t input, const struct snn_neurons *neurons)
{
    return add(&(struct snn_layer){.name = name,
                                   .kind = SNN_LAYER_IF,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .neurons = neurons});
}

static uint32_t add_many(const char *name, enum snn_layer_kind kind, uint32_t a, uint32_t b)
{
    const uint32_t inputs[] = {a, b};
    return add(&(struct snn_layer){.name = name, .kind = kind, .inputs = inputs, .input_count = 2});
}

static uint32_t add_pool(const char *name, uint32_t input, enum snn_layer_kind kind,
                         uint32_t padding)
{
    return add(&(struct snn_layer){
        .name = name,
        .kind = kind,
        .inputs = &input,
        .input_count = 1,
        .window = {.kernel_h = 2, .kernel_w = 2, .pad_bottom = padding, .pad_right = padding},
        .pad_excluded = kind == SNN_LAYER_AVG_POOL2D});
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

/* ---- Nets that arrived spiking ---- */

Test(lower_spiking, thresholds_and_weights_stay_as_they_are)
{
    const float threshold[] = {2, 3}, v_init[] = {0.25f, 0.25f}, v_min[] = {-1, -FLT_MAX};
    const struct snn_neurons neurons = {SNN_RESET_ZERO, threshold, 2, v_init, 2, v_min, 2};
    add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    options.output_gain = 1.0f;
    lower();
    const struct snn_population *p = &net->populations[0];
    cr_assert_eq(net->population_count, 1u);
    cr_assert_str_eq(p->name, "n");
    cr_assert_arr_eq(p->synapses[0].weights, weights, 4 * sizeof(float));
    cr_assert_arr_eq(p->bias, bias, sizeof(bias));
    cr_assert_eq(p->macs, 4u * 16u);
    cr_assert_eq(p->reset, SNN_RESET_ZERO);
    cr_assert_eq(p->activation_scale[1], 1.0f);
    cr_assert_eq(p->neurons->threshold_count, 2u);
    cr_assert_arr_eq(p->neurons->threshold, threshold, sizeof(threshold));
    cr_assert_eq(p->neurons->v_init_count, 1u, "equal values are one");
    cr_assert_eq(p->neurons->v_init[0], 0.25f);
    cr_assert_arr_eq(p->neurons->v_min, v_min, sizeof(v_min));
    cr_assert_eq(p->threshold, 2.0f);
    cr_assert_lt(net->readouts[0].threshold, FLT_MAX);
}

Test(lower_spiking, neurons_that_are_alike_have_one_value)
{
    float threshold[32], v_min[32];
    for (size_t i = 0; i < 32; i++) {
        threshold[i] = 4;
        v_min[i] = -FLT_MAX;
    }
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, threshold, 32, NULL, 0, v_min, 32};
    uint32_t n = add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    add_if("m", n, &neurons);
    lower();
    const struct snn_population *p = &net->populations[0];
    cr_assert_null(p->neurons);
    cr_assert_eq(p->threshold, 4.0f);
    cr_assert_eq(p->v_init, 2.0f, "half a threshold, of the options");
    cr_assert_eq(p->v_min, -FLT_MAX);
    /* neurons on spikes as they come: weights of 1 */
    cr_assert_eq(net->populations[1].synapses[0].kind, SNN_SYNAPSE_ONE_TO_ONE);
    cr_assert_eq(net->populations[1].synapses[0].weights[1], 1.0f);
}

Test(lower_spiking, what_a_layer_leaves_out_is_taken_from_the_options_in_thresholds)
{
    const float threshold[] = {2, 6};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 2};
    add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    options.v_init = 0.25f;
    options.v_min = -2;
    lower();
    const struct snn_neurons *n = net->populations[0].neurons;
    const float v_init[] = {0.5f, 1.5f}, v_min[] = {-4, -12};
    cr_assert_arr_eq(n->v_init, v_init, sizeof(v_init));
    cr_assert_arr_eq(n->v_min, v_min, sizeof(v_min));
    snn_net_destroy(&net);
    options.v_min = -INFINITY;
    lower();
    cr_assert_eq(net->populations[0].neurons->v_min_count, 1u);
    cr_assert_eq(net->populations[0].neurons->v_min[0], -FLT_MAX);
}

Test(lower_spiking, gains_scale_every_potential_of_the_output)
{
    const float threshold[] = {2, 6}, v_min[] = {-FLT_MAX, -1}, gain = 3;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, threshold, 2, NULL, 0, v_min, 2};
    add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    options.output_gain = 2;
    options.extra_gains = &gain;
    options.extra_gain_count = 1;
    lower();
    const struct snn_neurons *n = net->readouts[1].neurons;
    cr_assert_eq(net->populations[0].neurons->threshold[1], 12.0f);
    cr_assert_eq(net->populations[0].neurons->v_init[1], 6.0f);
    cr_assert_eq(n->threshold[1], 18.0f);
    cr_assert_eq(n->v_min[0], -FLT_MAX);
    cr_assert_eq(n->v_min[1], -3.0f);
    snn_net_destroy(&net);
    options.readout_membrane = true;
    lower();
    cr_assert_null(net->populations[0].neurons);
    cr_assert_eq(net->populations[0].threshold, FLT_MAX);
    cr_assert_eq(net->readouts[1].neurons->threshold[0], 6.0f);
}

Test(lower_spiking, an_output_without_neurons_only_integrates)
{
    const float threshold[] = {2};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 1};
    uint32_t n = add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    add_conv("b", n, SNN_ACTIVATION_NONE);
    lower();
    cr_assert_eq(net->population_count, 2u);
    cr_assert_eq(net->populations[1].threshold, FLT_MAX);
    cr_assert_eq(net->populations[1].v_min, -FLT_MAX);
    cr_assert_eq(net->populations[1].v_init, 0.0f);
    cr_assert_arr_eq(net->populations[1].synapses[0].weights, weights, 4 * sizeof(float));
}

Test(lower_spiking, pools_and_adds_lead_into_neurons)
{
    const float threshold[] = {2};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 1};
    uint32_t n = add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    uint32_t p = add_pool("p", n, SNN_LAYER_SUM_POOL2D, 0);
    uint32_t b = add_conv("b", p, SNN_ACTIVATION_NONE);
    add_if("m", add_many("s", SNN_LAYER_ADD, b, p), &neurons);
    lower();
    const struct snn_population *m = &net->populations[1];
    cr_assert_eq(m->synapse_count, 2u);
    cr_assert_eq(m->synapses[0].pool_count, 1u);
    cr_assert_eq(m->synapses[1].kind, SNN_SYNAPSE_ONE_TO_ONE);
    cr_assert_eq(m->threshold, 2.0f);
}

Test(lower_spiking, activations_do_not_go_with_neurons)
{
    const float threshold[] = {2};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 1};
    uint32_t n = add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    add_conv("b", n, SNN_ACTIVATION_RELU);
    refuse(SNN_ERR_UNSUPPORTED,
           "layer 'b': has activation relu, but layer 'n' has neurons of its own");
}

Test(lower_spiking, two_sums_in_a_row_need_neurons_between)
{
    const float threshold[] = {2};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 1};
    uint32_t b = add_conv("b", add_conv("a", 0, SNN_ACTIVATION_NONE), SNN_ACTIVATION_NONE);
    add_if("n", b, &neurons);
    refuse(SNN_ERR_UNSUPPORTED, "layer 'b': no neurons lie between it and its input 'a'");
    cr_assert_str_eq(snn_context_hint(context),
                     "a spiking net needs neurons after 'a', or both folded into one layer");
}

Test(lower_spiking, potentials_that_overflow_are_refused)
{
    const float threshold[] = {1e38f};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 1};
    add_if("n", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    options.v_init = 100;
    refuse(SNN_ERR_INVALID, "layer 'n': a potential of 1e+38 times 100 overflows float32");
}

/* ---- Joined maps ---- */

static void build_joined(void)
{
    options.norm = SNN_NORM_NONE;
    uint32_t a = add_conv("a", 0, SNN_ACTIVATION_RELU);
    uint32_t b = add_conv("b", 0, SNN_ACTIVATION_RELU);
    (void)add_many("j", SNN_LAYER_CONCAT, b, a);
}

Test(lower_spiking, each_joined_map_gets_its_share_of_the_weights)
{
    build_joined();
    add_conv("c", 3, SNN_ACTIVATION_NONE);
    lower();
    /* rows 1 2 3 4 and 5 6 7 8: the first two columns belong to b, the others to a */
    const float first[] = {1, 2, 5, 6}, second[] = {3, 4, 7, 8};
    const struct snn_population *c = &net->populations[2];
    cr_assert_eq(c->synapse_count, 2u);
    cr_assert_eq(c->synapses[0].source, 1u);
    cr_assert_eq(c->synapses[1].source, 0u);
    cr_assert_arr_eq(c->synapses[0].weights, first, sizeof(first));
    cr_assert_arr_eq(c->synapses[1].weights, second, sizeof(second));
    cr_assert_arr_eq(c->bias, bias, sizeof(bias));
    cr_assert_eq(c->macs, 8u * 16u);
}

Test(lower_spiking, pools_and_a_flatten_go_through_a_join)
{
    static float dense[3 * 16];
    for (size_t i = 0; i < 48; i++)
        dense[i] = (float)i;
    build_joined();
    uint32_t p = add_pool("p", 3, SNN_LAYER_AVG_POOL2D, 0);
    uint32_t f = add(&(struct snn_layer){
        .name = "f", .kind = SNN_LAYER_FLATTEN, .inputs = &p, .input_count = 1});
    add(&(struct snn_layer){.name = "d",
                            .kind = SNN_LAYER_DENSE,
                            .inputs = &f,
                            .input_count = 1,
                            .shape = {3, 0, 0},
                            .weights = dense,
                            .weight_count = 48});
    lower();
    const struct snn_population *d = &net->populations[2];
    cr_assert_eq(d->synapse_count, 2u);
    cr_assert_eq(d->synapses[0].pool_count, 1u);
    cr_assert_eq(d->synapses[0].weight_count, 24u);
    /* row 1 begins at 16, a's part of it at 24; a quarter from the pool */
    cr_assert_eq(d->synapses[0].weights[8], 16.0f / 4);
    cr_assert_eq(d->synapses[1].weights[8], 24.0f / 4);
    cr_assert_eq(d->synapses[1].source_shape.channels, 2u);
    cr_assert_eq(d->synapses[1].source_shape.height, 2u);
}

Test(lower_spiking, a_sum_cannot_be_joined)
{
    uint32_t a = add_conv("bn", 0, SNN_ACTIVATION_NONE);
    add_conv("c", add_many("j", SNN_LAYER_CONCAT, a, 0), SNN_ACTIVATION_NONE);
    options.norm = SNN_NORM_NONE;
    refuse(SNN_ERR_UNSUPPORTED, "layer 'j': no activation lies between it and its input 'bn'");
}

Test(lower_spiking, joined_maps_are_not_added)
{
    build_joined();
    add_many("s", SNN_LAYER_ADD, 3, 3);
    refuse(SNN_ERR_UNSUPPORTED, "layer 's': adding the joined maps 'j' has no spiking form");
}

Test(lower_spiking, the_maximum_over_joined_maps_has_neurons_for_each)
{
    build_joined();
    add_conv("c", add_pool("p", 3, SNN_LAYER_MAX_POOL2D, 0), SNN_ACTIVATION_NONE);
    options.max_pool = SNN_MAX_POOL_OR;
    lower();
    cr_assert_eq(net->population_count, 5u);
    cr_assert_str_eq(net->populations[2].name, "p[0]");
    cr_assert_str_eq(net->populations[3].name, "p[1]");
    cr_assert_eq(net->populations[3].shape.channels, 2u);
    cr_assert_eq(net->populations[3].synapses[0].source, 0u, "a is the second part");
    cr_assert_eq(net->populations[4].synapses[1].source, 3u);
    snn_net_destroy(&net);
    options.max_pool = SNN_MAX_POOL_AVG;
    lower();
    cr_assert_eq(net->population_count, 3u);
}

Test(lower_spiking, groups_over_joined_maps_are_refused)
{
    const uint32_t input = 3;
    build_joined();
    add(&(struct snn_layer){.name = "c",
                            .kind = SNN_LAYER_CONV2D,
                            .inputs = &input,
                            .input_count = 1,
                            .shape = {4, 0, 0},
                            .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
                            .groups = 4,
                            .weights = weights,
                            .weight_count = 4});
    refuse(SNN_ERR_UNSUPPORTED,
           "layer 'c': 4 groups over the joined maps 'j' have no spiking form");
}

/* ---- What no neuron stands for ---- */

Test(lower_spiking, leaky_relu_is_for_frame_based_targets)
{
    add_conv("a", 0, SNN_ACTIVATION_LEAKY_RELU);
    refuse(SNN_ERR_UNSUPPORTED, "layer 'a': leaky ReLU has no spiking form: no rate is negative");
    cr_assert_not_null(strstr(snn_context_hint(context), "frame-based"));
}

Test(lower_spiking, a_mean_without_padding_is_refused_where_padding_is_met)
{
    options.norm = SNN_NORM_NONE;
    add_conv("a", add_pool("p", 0, SNN_LAYER_AVG_POOL2D, 1), SNN_ACTIVATION_NONE);
    lower(); /* 5 padded rows hold two windows of 2: none of them sees the padding */
    snn_net_destroy(&net);
    const uint32_t input = 0;
    uint32_t q = add(&(struct snn_layer){
        .name = "q",
        .kind = SNN_LAYER_AVG_POOL2D,
        .inputs = &input,
        .input_count = 1,
        .window = {.kernel_h = 2, .kernel_w = 2, .stride_h = 1, .stride_w = 1, .pad_bottom = 1},
        .pad_excluded = true});
    add_conv("b", q, SNN_ACTIVATION_NONE);
    refuse(SNN_ERR_UNSUPPORTED, "layer 'q': a mean that leaves padding out has no spiking form: "
                                "its divisor differs at the borders");
}

/* A batch normalisation that could not be folded: a 1x1 convolution of each channel by itself. */
Test(lower_spiking, normalisation_behind_an_activation_is_named_with_what_follows)
{
    options.norm = SNN_NORM_NONE;
    uint32_t a = add_conv("conv1", 0, SNN_ACTIVATION_RELU);
    uint32_t bn = add(
        &(struct snn_layer){.name = "bn1",
                            .kind = SNN_LAYER_CONV2D,
                            .inputs = &a,
                            .input_count = 1,
                            .shape = {2, 0, 0},
                            .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
                            .groups = 2,
                            .weights = weights,
                            .weight_count = 2});
    add_conv("conv2", add_pool("pool", bn, SNN_LAYER_AVG_POOL2D, 0), SNN_ACTIVATION_NONE);
    refuse(SNN_ERR_UNSUPPORTED, "layer 'pool': no activation lies between it and its input 'bn1'");
}

/* ---- Memory ---- */

static int lower_once(struct snn_context *limited)
{
    struct snn_net *other = NULL;
    int status = snn_net_lower(&other, limited, graph, &options);
    cr_assert_eq(other != NULL, status == SNN_OK);
    snn_net_destroy(&other);
    return status;
}

Test(lower_spiking, running_out_of_memory_leaks_nothing)
{
    const float threshold[] = {2, 3}, gain = 2;
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 2};
    uint32_t a = add_if("na", add_conv("a", 0, SNN_ACTIVATION_NONE), &neurons);
    uint32_t b = add_if("nb", add_conv("b", 0, SNN_ACTIVATION_NONE), &neurons);
    uint32_t p = add_pool("p", add_many("j", SNN_LAYER_CONCAT, a, b), SNN_LAYER_SUM_POOL2D, 0);
    add_if("nc", add_conv("c", p, SNN_ACTIVATION_NONE), &neurons);
    options.extra_gains = &gain;
    options.extra_gain_count = 1;
    support_sweep(lower_once);
}
