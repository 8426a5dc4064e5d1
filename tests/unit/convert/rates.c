/* Activation against rate, on a net small enough for every number to be derived by hand:
 *
 *   input (2 pixels) -> a: dense, identity, ReLU -> out: dense (1, 1), one class
 *
 * with thresholds 1 and currents. Larger nets are held against an oracle by tests/flow/report.py.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/convert.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

/* What both pixels are, frame by frame. */
static const float pixels[][2] = {{0.5f, 0.49f}, {0.49f, 0.5f}, {0.0f, 0.25f}, {0.0f, 0.0f}};

static struct snn_graph *graph;
static struct snn_target *target;
static struct snn_net *net;

static void read_frame(uint64_t index, float *intensity, void *user)
{
    (void)user;
    memcpy(intensity, pixels[index], sizeof(pixels[index]));
}

static void begin(void)
{
    static const float identity[] = {1, 0, 0, 1}, ones[] = {1, 1};
    struct snn_lower_options lower;
    support_begin();
    struct snn_context *context = support_context();
    graph = support_graph(context, 1, 1, 2);
    support_add(graph, context,
                (struct snn_layer){.name = "a",
                                   .kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = 2},
                                   .activation = SNN_ACTIVATION_RELU,
                                   .weights = identity,
                                   .weight_count = 4});
    support_add(graph, context,
                (struct snn_layer){.name = "out",
                                   .kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = 1},
                                   .weights = ones,
                                   .weight_count = 2});
    snn_lower_options_init(&lower);
    lower.norm = SNN_NORM_NONE;
    lower.v_init = 0.0f;
    cr_assert_eq(snn_net_lower(&net, context, graph, &lower), SNN_OK);
    cr_assert_eq(snn_target_open(&target, context, "sim"), SNN_OK);
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
}

static void end(void)
{
    snn_target_close(&target);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(rates, .init = begin, .fini = end);

/* The rates of a layer after so many steps of some frames. */
static struct snn_layer_rate measure(const char *layer, uint32_t timesteps, uint64_t first,
                                     uint64_t count)
{
    const struct snn_rate_options options = {.encoding = SNN_ENCODING_CURRENT,
                                             .timesteps = timesteps,
                                             .first = first,
                                             .count = count,
                                             .frame = read_frame};
    struct snn_layer_rate rates[4];
    cr_assert_leq(net->population_count, 4);
    cr_assert_eq(snn_rates_measure(rates, support_context(), target, net, graph, &options), SNN_OK);
    uint32_t at = 0;
    while (at < net->population_count && strcmp(net->populations[at].name, layer) != 0)
        at++;
    cr_assert_lt(at, net->population_count, "no layer %s", layer);
    return rates[at];
}

static void check_bin(const struct snn_rate_bin *bin, uint64_t count, double activation,
                      double rate, double sd)
{
    cr_expect_eq(bin->count, count);
    cr_expect_float_eq(bin->activation, activation, 1e-7);
    cr_expect_float_eq(bin->rate, rate, 1e-15);
    cr_expect_float_eq(bin->rate_sd, sd, 1e-15);
}

/* Parts of 1/40: 0 is in the first, 1/4 in the eleventh, 0.49 and 1/2 are both in the last. After
 * two steps 1/2 has reached the threshold, 0.49 has not: rates 1/2 and 0 of two neurons each. */
Test(rates, neurons_of_like_activations_are_in_one_bin_with_mean_and_deviation)
{
    const struct snn_layer_rate rate = measure("a", 2, 0, 3);
    cr_assert_eq(rate.bin_count, 3);
    check_bin(&rate.bins[0], 1, 0.0, 0.0, 0.0);
    check_bin(&rate.bins[1], 1, 0.25, 0.0, 0.0);
    check_bin(&rate.bins[2], 4, 0.495, 0.25, 0.25);
}

/* In one step nothing gets to the threshold: correlation has no answer, the bins have. */
Test(rates, constant_rates_have_bins_but_no_correlation)
{
    const struct snn_layer_rate rate = measure("a", 1, 0, 3);
    cr_expect(isnan(rate.pearson) && isnan(rate.slope));
    cr_assert_eq(rate.bin_count, 3);
    check_bin(&rate.bins[2], 4, 0.495, 0.0, 0.0);
}

/* Both frames sum up to 0.99, the only activation there is. */
Test(rates, one_activation_is_one_bin)
{
    const struct snn_layer_rate rate = measure("out", 2, 0, 2);
    cr_assert_eq(rate.bin_count, 1);
    check_bin(&rate.bins[0], 2, 0.99, 0.5, 0.0);
}

Test(rates, activations_of_zero_alone_are_one_bin)
{
    const struct snn_layer_rate rate = measure("a", 2, 3, 1);
    cr_assert_eq(rate.bin_count, 1);
    check_bin(&rate.bins[0], 2, 0.0, 0.0, 0.0);
}

Test(rates, without_frames_nothing_is_measured)
{
    const struct snn_layer_rate rate = measure("a", 2, 0, 0);
    cr_expect_eq(rate.bin_count, 0);
    cr_expect(isnan(rate.pearson) && isnan(rate.slope));
}
