/* Neurons that differ from each other: a trace by hand, then layers of all widths against the
 * equations written out, one neuron at a time. Weights, thresholds and counts are dyadic, so that
 * every sum is exact in any order.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "snn/target.h"
#include "tests/unit/support.h"

enum { STEPS = 24, NEURONS_MAX = 64, READOUTS = 2 };

static uint32_t spikes[STEPS * READOUTS * NEURONS_MAX];
static float potential[STEPS * READOUTS * NEURONS_MAX];

static struct snn_context *context;
static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_target *target;
static struct snn_lower_options options;

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
}

static void open_all(const char *kernel)
{
    const struct snn_context_options with_level = {.kernel_level = kernel};
    require_ok(snn_context_create(&context, &with_level));
    require_ok(snn_graph_create(&graph, context, "neurons"));
    require_ok(snn_target_open(&target, context, "sim"));
    snn_lower_options_init(&options);
}

static void close_all(void)
{
    snn_target_close(&target);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
}

static void begin(void)
{
    open_all(NULL);
}

TestSuite(neurons, .init = begin, .fini = close_all);

static uint32_t add(struct snn_layer layer)
{
    uint32_t last = snn_graph_layer_count(graph) - 1, index = 0;
    if (layer.kind != SNN_LAYER_INPUT && layer.inputs == NULL) {
        layer.inputs = &last;
        layer.input_count = 1;
    }
    require_ok(snn_graph_add(graph, context, &layer, &index));
    return index;
}

/* Lowers and runs `steps` steps; in step t input address[t] spikes count[t] times. */
static void run(uint32_t steps, const uint32_t *address, const float *count)
{
    uint64_t population[STEPS * 4], arrived[STEPS * 4], operations[STEPS * 4], macs[STEPS * 4],
        input[STEPS];
    uint32_t begin_of[STEPS + 1];
    for (uint32_t t = 0; t <= steps; t++)
        begin_of[t] = t;
    const struct snn_spikes in = {
        .step_count = steps, .step_begin = begin_of, .address = address, .count = count};
    struct snn_output out = {0, spikes, potential, population, arrived, operations, macs, input};
    uint32_t total = 0;
    require_ok(snn_net_lower(&net, context, graph, &options));
    cr_assert_leq(net->synapse_count, 4u);
    require_ok(snn_target_load(target, context, net));
    require_ok(snn_target_reset(target, context));
    uint32_t counts[NEURONS_MAX];
    require_ok(snn_target_counts(target, context, net->population_count - 1, counts));
    require_ok(snn_target_push(target, context, &in));
    require_ok(snn_target_advance(target, context, steps));
    require_ok(snn_target_pull(target, context, &out));
    require_ok(snn_target_counts(target, context, net->population_count - 1, counts));
    for (uint32_t k = 0; k < net->class_count; k++) {
        for (uint32_t t = 0; t < steps; t++)
            total += spikes[(size_t)t * net->readout_count * net->class_count + k];
        cr_assert_eq(counts[k], total, "neuron %u: %u counted, %u fired", k, counts[k], total);
        total = 0;
    }
}

/* ---- By hand ---- */

/* Currents of both neurons: 1.5, -2, 6. */
static void two_neurons(enum snn_reset reset)
{
    static const float weights[] = {0.75f, -2, 0.75f, -2}, count[] = {2, 1, 8};
    static const uint32_t address[] = {0, 1, 0};
    static const float threshold[] = {1, 2}, v_init[] = {0, 1}, v_min[] = {-1, -0.5f};
    const struct snn_neurons neurons = {reset, threshold, 2, v_init, 2, v_min, 2};
    add((struct snn_layer){.name = "in", .kind = SNN_LAYER_INPUT, .shape = {2, 1, 1}});
    add((struct snn_layer){.name = "d",
                           .kind = SNN_LAYER_DENSE,
                           .shape = {2, 0, 0},
                           .weights = weights,
                           .weight_count = 4});
    add((struct snn_layer){.name = "n", .kind = SNN_LAYER_IF, .neurons = &neurons});
    run(3, address, count);
}

/* First neuron: 0 + 1.5 fires once, 0.5 left; -1.5, clipped to -1; 5 fires five times. Second:
 * 1 + 1.5 = 2.5 fires once at 2, 0.5 left; -1.5, clipped to -0.5; 5.5 fires twice, 1.5 left. */
Test(neurons, two_with_different_thresholds)
{
    const uint32_t fired[] = {1, 1, 0, 0, 5, 2};
    const float left[] = {0.5f, 0.5f, -1, -0.5f, 0, 1.5f};
    two_neurons(SNN_RESET_SUBTRACT);
    cr_assert_arr_eq(spikes, fired, sizeof(fired));
    cr_assert_arr_eq(potential, left, sizeof(left));
}

/* The same, but nothing is left of what fires: -2 is clipped to -1 and -0.5, and 5, 5.5 fire. */
Test(neurons, two_that_reset_to_zero)
{
    const uint32_t fired[] = {1, 1, 0, 0, 5, 2};
    const float left[] = {0, 0, -1, -0.5f, 0, 0};
    two_neurons(SNN_RESET_ZERO);
    cr_assert_arr_eq(spikes, fired, sizeof(fired));
    cr_assert_arr_eq(potential, left, sizeof(left));
}

/* ---- Against the equations ---- */

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* Everything of a neuron that a test knows. */
struct reference {
    float threshold, v_min, v;
};

static uint32_t reference_step(struct reference *n, float current, enum snn_reset reset,
                               float spikes_max)
{
    n->v += current;
    float fired = n->v > 0 ? truncf(n->v / n->threshold) : 0;
    if (fired > spikes_max) fired = spikes_max;
    if (reset == SNN_RESET_ZERO)
        n->v = fired > 0 ? 0 : n->v;
    else
        n->v -= fired * n->threshold;
    if (n->v < n->v_min) n->v = n->v_min;
    return (uint32_t)fired;
}

/* A list of 1, `channels` or all values; returns what it says of neuron k. */
static float at(const float *list, size_t count, size_t channels, size_t size, size_t k)
{
    return list[count == 1 ? 0 : count == size ? k : k / (size / channels)];
}

/* A 1x1 convolution of one input to `channels` maps of 1 x `width`, and neurons with lists of the
 * lengths asked for. Each input position drives its own column, one a step. */
static void check_layer(uint32_t channels, uint32_t width, const size_t lengths[3],
                        enum snn_reset reset)
{
    const size_t size = (size_t)channels * width;
    float weights[NEURONS_MAX], lists[3][NEURONS_MAX], count[STEPS];
    uint32_t address[STEPS];
    for (size_t i = 0; i < NEURONS_MAX; i++) {
        weights[i] = ((float)draw(17) - 6) / 4;
        lists[0][i] = (float)(1 + draw(16)) / 8;
        lists[1][i] = ((float)draw(17) - 8) / 8;
        lists[2][i] = draw(4) == 0 ? -FLT_MAX : -(float)draw(8) / 8;
    }
    for (uint32_t t = 0; t < STEPS; t++) {
        address[t] = draw(width);
        count[t] = (float)(1 + draw(3));
    }
    const struct snn_neurons neurons = {reset,      lists[0], lengths[0], lists[1],
                                        lengths[1], lists[2], lengths[2]};
    const float gain = 2;
    options.extra_gains = &gain;
    options.extra_gain_count = 1;
    options.spikes_max = draw(2) == 0 ? 0 : 2;
    add((struct snn_layer){.name = "in", .kind = SNN_LAYER_INPUT, .shape = {1, 1, width}});
    add((struct snn_layer){.name = "c",
                           .kind = SNN_LAYER_CONV2D,
                           .shape = {channels, 0, 0},
                           .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
                           .weights = weights,
                           .weight_count = channels});
    add((struct snn_layer){.name = "n", .kind = SNN_LAYER_IF, .neurons = &neurons});
    run(STEPS, address, count);
    const float most = options.spikes_max > 0 ? (float)options.spikes_max : 16777216.0f;
    for (size_t k = 0; k < size; k++) {
        for (uint32_t r = 0; r < READOUTS; r++) {
            const float by = r == 0 ? 1 : gain;
            const float v_min = at(lists[2], lengths[2], channels, size, k);
            struct reference n = {at(lists[0], lengths[0], channels, size, k) * by,
                                  v_min <= -FLT_MAX ? -FLT_MAX : v_min * by,
                                  at(lists[1], lengths[1], channels, size, k) * by};
            for (uint32_t t = 0; t < STEPS; t++) {
                bool here = address[t] == k % width;
                uint32_t fired =
                    reference_step(&n, here ? count[t] * weights[k / width] : 0.0f, reset, most);
                size_t row = ((size_t)t * READOUTS + r) * size + k;
                cr_assert_eq(spikes[row], fired, "readout %u, neuron %zu, step %u", r, k, t);
                cr_assert_eq(potential[row], n.v, "readout %u, neuron %zu, step %u", r, k, t);
            }
        }
    }
}

static void check_layers(const char *kernel)
{
    static const uint32_t shapes[][2] = {{1, 1}, {2, 3}, {8, 4}, {9, 3}, {17, 2}, {3, 9}};
    state = 1;
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        const uint32_t channels = shapes[s][0], width = shapes[s][1];
        const size_t choices[] = {1, channels, (size_t)channels * width};
        for (unsigned mix = 0; mix < 27; mix++) {
            const size_t lengths[] = {choices[mix % 3], choices[mix / 3 % 3], choices[mix / 9]};
            close_all();
            open_all(kernel);
            check_layer(channels, width, lengths,
                        mix % 2 == 0 ? SNN_RESET_SUBTRACT : SNN_RESET_ZERO);
        }
    }
}

Test(neurons, lists_of_all_lengths_equal_the_equations)
{
    check_layers(NULL);
}

Test(neurons, lists_of_all_lengths_equal_the_equations_in_scalar_code)
{
    check_layers("scalar");
}

/* ---- Joined maps ---- */

/* Two convolutions into a join, its consumer with a kernel over both; or the same as two
 * convolutions of half the weights that are added. */
static void build_join(bool joined)
{
    static float first[2][3], both[5][6][2], halves[2][5][3][2];
    for (size_t i = 0; i < 6; i++)
        first[i / 3][i % 3] = 0.25f * (float)(i + 1);
    for (size_t o = 0; o < 5; o++) {
        for (size_t c = 0; c < 6; c++) {
            for (size_t k = 0; k < 2; k++) {
                both[o][c][k] = ((float)((7 * o + 3 * c + k) % 11) - 4) / 7;
                halves[c / 3][o][c % 3][k] = both[o][c][k];
            }
        }
    }
    const struct snn_window one = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1};
    struct snn_window two = one;
    two.kernel_w = 2;
    two.pad_left = 1;
    const uint32_t from[] = {0, 1, 2, 3, 4};
    add((struct snn_layer){.name = "in", .kind = SNN_LAYER_INPUT, .shape = {1, 1, 4}});
    for (size_t i = 0; i < 2; i++)
        add((struct snn_layer){.name = i == 0 ? "a" : "b",
                               .kind = SNN_LAYER_CONV2D,
                               .inputs = from,
                               .input_count = 1,
                               .shape = {3, 0, 0},
                               .window = one,
                               .activation = SNN_ACTIVATION_RELU,
                               .weights = first[i],
                               .weight_count = 3});
    if (joined)
        add((struct snn_layer){
            .name = "j", .kind = SNN_LAYER_CONCAT, .inputs = &from[1], .input_count = 2});
    for (size_t i = 0; i < (joined ? 1u : 2u); i++)
        add((struct snn_layer){.name = i == 0 ? "c" : "d",
                               .kind = SNN_LAYER_CONV2D,
                               .inputs = joined ? &from[3] : &from[1 + i],
                               .input_count = 1,
                               .shape = {5, 0, 0},
                               .window = two,
                               .weights = joined ? &both[0][0][0] : &halves[i][0][0][0],
                               .weight_count = joined ? 60 : 30});
    if (!joined)
        add((struct snn_layer){
            .name = "s", .kind = SNN_LAYER_ADD, .inputs = &from[3], .input_count = 2});
    options.norm = SNN_NORM_NONE;
}

Test(neurons, a_join_equals_the_sum_over_its_parts_to_the_bit)
{
    enum { SIZE = 5 * 4 };
    static uint32_t expected_spikes[STEPS * SIZE];
    static float expected_potential[STEPS * SIZE];
    uint32_t address[STEPS], total = 0;
    float count[STEPS];
    state = 7;
    for (uint32_t t = 0; t < STEPS; t++) {
        address[t] = draw(4);
        count[t] = (float)(1 + draw(4));
    }
    build_join(false);
    run(STEPS, address, count);
    cr_assert_eq(net->class_count, SIZE);
    memcpy(expected_spikes, spikes, sizeof(expected_spikes));
    memcpy(expected_potential, potential, sizeof(expected_potential));
    close_all();
    open_all(NULL);
    build_join(true);
    run(STEPS, address, count);
    for (size_t i = 0; i < sizeof(expected_spikes) / sizeof(uint32_t); i++) {
        total += spikes[i];
        cr_assert_eq(spikes[i], expected_spikes[i]);
        cr_assert_arr_eq(&potential[i], &expected_potential[i], sizeof(float));
    }
    cr_assert_gt(total, 100u);
}

/* ---- Memory ---- */

static int load_once(struct snn_context *limited)
{
    struct snn_target *other = NULL;
    uint32_t counts[2];
    int status = snn_target_open(&other, limited, "sim");
    if (status == SNN_OK) status = snn_target_load(other, limited, net);
    if (status == SNN_OK) status = snn_target_reset(other, limited);
    if (status == SNN_OK) status = snn_target_counts(other, limited, 0, counts);
    snn_target_close(&other);
    return status;
}

Test(neurons, running_out_of_memory_leaks_nothing)
{
    const float gain = 2;
    options.extra_gains = &gain;
    options.extra_gain_count = 1;
    two_neurons(SNN_RESET_ZERO);
    support_sweep(load_once);
}
