/* The arithmetic of one integrate-and-fire layer, as docs/semantics.md states it: traces and counts
 * known beforehand, and currents chosen so that another order or rounding gives other spikes.
 *
 * Every net is an input and one dense layer. Expected values are derived beside each test.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "snn/target.h"

enum { STEPS_MAX = 32, CLASSES_MAX = 64, EVENTS_MAX = 64, READOUTS_MAX = 2 };

/* What the output did, [step][readout][class] as the target gives it. */
static uint32_t spikes[STEPS_MAX * READOUTS_MAX * CLASSES_MAX];
static float potential[STEPS_MAX * READOUTS_MAX * CLASSES_MAX];

static struct snn_context *context;
static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_target *target;
static struct snn_lower_options options;

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
}

/* Potential 0, threshold 1, lower clip -1. */
static void begin(void)
{
    require_ok(snn_context_create(&context, NULL));
    require_ok(snn_graph_create(&graph, context, "golden"));
    require_ok(snn_target_open(&target, context, "sim"));
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.v_init = 0.0f;
}

static void end(void)
{
    snn_target_close(&target);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
}

TestSuite(golden, .init = begin, .fini = end);

/* Loads an input of `shape` and a dense layer with weights [classes][channels][rows][columns];
 * `bias` [classes] may be NULL. */
static void load(struct snn_shape shape, uint32_t classes, const float *weights, const float *bias)
{
    const struct snn_layer input = {.name = "input", .kind = SNN_LAYER_INPUT, .shape = shape};
    uint32_t index = 0;
    require_ok(snn_graph_add(graph, context, &input, &index));
    const struct snn_layer dense = {.name = "dense",
                                    .kind = SNN_LAYER_DENSE,
                                    .inputs = &index,
                                    .input_count = 1,
                                    .shape = {classes, 0, 0},
                                    .weights = weights,
                                    .weight_count = classes * snn_shape_size(shape),
                                    .bias = bias,
                                    .bias_count = bias != NULL ? classes : 0};
    require_ok(snn_graph_add(graph, context, &dense, &index));
    require_ok(snn_net_lower(&net, context, graph, &options));
    require_ok(snn_target_load(target, context, net));
    require_ok(snn_target_reset(target, context));
}

/* Sends `steps` steps of input on; results go behind those of `step` earlier ones. */
static void advance(uint32_t step, uint32_t steps, const uint32_t *step_begin,
                    const uint32_t *address, const float *count)
{
    uint64_t population[STEPS_MAX], arrived[STEPS_MAX], operations[STEPS_MAX], macs[STEPS_MAX],
        input[STEPS_MAX];
    const struct snn_spikes in = {
        .step_count = steps, .step_begin = step_begin, .address = address, .count = count};
    size_t row = (size_t)net->readout_count * net->class_count;
    struct snn_output out = {.spikes = spikes + step * row,
                             .potential = potential + step * row,
                             .population_spikes = population,
                             .synapse_spikes = arrived,
                             .synapse_operations = operations,
                             .synapse_macs = macs,
                             .input_spikes = input};
    require_ok(snn_target_push(target, context, &in));
    require_ok(snn_target_advance(target, context, steps));
    require_ok(snn_target_pull(target, context, &out));
}

/* One neuron that receives current[t] in step t: input t spikes in step t alone and reaches it by a
 * weight of this value. At most `chunk` steps are advanced at once. */
static void inject(const float *current, uint32_t steps, uint32_t chunk)
{
    uint32_t begin_of[STEPS_MAX + 1], address[STEPS_MAX];
    for (uint32_t t = 0; t <= steps; t++)
        begin_of[t] = t;
    for (uint32_t t = 0; t < steps; t++)
        address[t] = t;
    load((struct snn_shape){steps, 1, 1}, 1, current, NULL);
    for (uint32_t t = 0; t < steps; t += chunk) {
        uint32_t now = steps - t < chunk ? steps - t : chunk;
        advance(t, now, begin_of, address + t, NULL);
    }
}

/* One step in which all inputs spike once. */
static void volley(struct snn_shape shape, const float *weights, const float *bias)
{
    uint32_t count = (uint32_t)snn_shape_size(shape);
    const uint32_t begin_of[] = {0, count};
    uint32_t address[EVENTS_MAX];
    for (uint32_t i = 0; i < count; i++)
        address[i] = i;
    load(shape, 1, weights, bias);
    advance(0, 1, begin_of, address, NULL);
}

static void assert_trace(const uint32_t *expected_spikes, const float *expected_potential,
                         uint32_t steps)
{
    for (uint32_t t = 0; t < steps; t++) {
        cr_assert_eq(spikes[t], expected_spikes[t], "step %u: %u spikes, expected %u", t, spikes[t],
                     expected_spikes[t]);
        cr_assert_eq(potential[t], expected_potential[t], "step %u: potential %.9g, expected %.9g",
                     t, (double)potential[t], (double)expected_potential[t]);
    }
}

static const float trace_input[] = {0.5f, 0.5f, 2.7f, -5.0f, 0.3f, 1.0f};

/* By hand, in thresholds: 0.5 | 1 fires once, 0 left | 2.7 fires twice, 0.7 left | -4.3, clipped
 * to -1 | -0.7 | 0.3. */
Test(golden, trace_of_one_neuron)
{
    const uint32_t fired[] = {0, 1, 2, 0, 0, 0};
    const float left[] = {0.5f, 0.0f, 2.7f - 2.0f, -1.0f, -1.0f + 0.3f, -1.0f + 0.3f + 1.0f};
    inject(trace_input, 6, 6);
    assert_trace(fired, left, 6);
}

/* The same with at most one spike a step: 1.7 is left of 2.7, then -3.3, clipped to -1. */
Test(golden, trace_with_single_spikes)
{
    const uint32_t fired[] = {0, 1, 1, 0, 0, 0};
    const float left[] = {0.5f, 0.0f, 2.7f - 1.0f, -1.0f, -1.0f + 0.3f, -1.0f + 0.3f + 1.0f};
    options.spikes_max = 1;
    inject(trace_input, 6, 6);
    assert_trace(fired, left, 6);
}

/* Without a lower clip 0.7 - 5 stays. */
Test(golden, trace_without_a_lower_clip)
{
    const float third = 2.7f - 2.0f, fourth = third - 5.0f;
    const uint32_t fired[] = {0, 1, 2, 0, 0, 0};
    const float left[] = {0.5f, 0.0f, third, fourth, fourth + 0.3f, fourth + 0.3f + 1.0f};
    options.v_min = -INFINITY;
    inject(trace_input, 6, 6);
    assert_trace(fired, left, 6);
}

/* What exceeds the threshold is lost with the spikes: 0 is left of 2.7. */
Test(golden, trace_with_reset_to_zero)
{
    const uint32_t fired[] = {0, 1, 2, 0, 0, 0};
    const float left[] = {0.5f, 0.0f, 0.0f, -1.0f, -1.0f + 0.3f, -1.0f + 0.3f + 1.0f};
    options.reset = SNN_RESET_ZERO;
    inject(trace_input, 6, 6);
    assert_trace(fired, left, 6);
}

Test(golden, steps_may_be_advanced_in_any_portions)
{
    const uint32_t fired[] = {0, 1, 2, 0, 0, 0};
    const float left[] = {0.5f, 0.0f, 2.7f - 2.0f, -1.0f, -1.0f + 0.3f, -1.0f + 0.3f + 1.0f};
    inject(trace_input, 6, 4);
    assert_trace(fired, left, 6);
}

Test(golden, one_step_at_a_time_is_the_same)
{
    const uint32_t fired[] = {0, 1, 2, 0, 0, 0};
    const float left[] = {0.5f, 0.0f, 2.7f - 2.0f, -1.0f, -1.0f + 0.3f, -1.0f + 0.3f + 1.0f};
    inject(trace_input, 6, 1);
    assert_trace(fired, left, 6);
}

/* The largest float32 below 1 does not fire, 1 does. */
Test(golden, threshold_equal_fires)
{
    const float below = 1.0f - 0x1p-24f;
    const float current[] = {below, 0x1p-24f};
    const uint32_t fired[] = {0, 1};
    const float left[] = {below, 0.0f};
    inject(current, 2, 2);
    assert_trace(fired, left, 2);
}

/* A constant current z from v0 = threshold / 2 with single spikes: after T steps the count is
 * clip(floor(z T / threshold + 1/2), 0, T), the activation z in T levels. All z are dyadic, so the
 * formula is exact. */
static void assert_counts(float threshold)
{
    enum { LOWEST = -8, CLASSES = 49 };
    float current[CLASSES];
    uint32_t begin_of[STEPS_MAX + 1], address[STEPS_MAX];
    for (int k = 0; k < CLASSES; k++)
        current[k] = (float)(LOWEST + k) / 16.0f;
    for (uint32_t t = 0; t <= STEPS_MAX; t++)
        begin_of[t] = t;
    memset(address, 0, sizeof(address));
    options.v_init = 0.5f;
    options.spikes_max = 1;
    options.output_gain = threshold;
    load((struct snn_shape){1, 1, 1}, CLASSES, current, NULL);
    advance(0, STEPS_MAX, begin_of, address, NULL);
    for (int k = 0; k < CLASSES; k++) {
        uint32_t count = 0;
        for (uint32_t t = 0; t < STEPS_MAX; t++) {
            count += spikes[t * CLASSES + (uint32_t)k];
            double steps = t + 1.0;
            double level = floor((double)(current[k] / threshold) * steps + 0.5);
            double expected = fmin(fmax(level, 0.0), steps);
            cr_assert_eq((double)count, expected, "current %g: %u spikes in %g steps, expected %g",
                         (double)current[k], count, steps, expected);
        }
    }
}

Test(golden, counts_are_the_current_in_as_many_levels_as_steps)
{
    assert_counts(1.0f);
}

Test(golden, counts_scale_with_the_threshold)
{
    assert_counts(2.0f);
}

/* v starts at 1 - 2^-24, and two currents of 2^-26 arrive. Their sum 2^-25 lifts v half-way to 1,
 * which rounds to even: 1. Added to v one by one, each would be rounded away. */
Test(golden, current_is_summed_before_it_meets_the_potential)
{
    const float weights[] = {0x1p-26f, 0x1p-26f};
    options.v_init = 1.0f - 0x1p-24f;
    volley((struct snn_shape){2, 1, 1}, weights, NULL);
    cr_assert_eq(spikes[0], 1);
    cr_assert_eq(potential[0], 0.0f);
}

/* Weights [channel][column]: 1, -2^24 and 2^24, 0. By columns first: 1 + 2^24 rounds to 2^24, and
 * minus 2^24 nothing is left. By channels first: 1 - 2^24 is exact, and 1 would be left. */
Test(golden, events_are_added_by_row_column_channel)
{
    const float weights[] = {1.0f, -0x1p24f, 0x1p24f, 0.0f};
    volley((struct snn_shape){2, 1, 2}, weights, NULL);
    cr_assert_eq(spikes[0], 0);
    cr_assert_eq(potential[0], 0.0f);
}

/* The same along rows: weights [channel][row]. */
Test(golden, rows_come_before_channels_too)
{
    const float weights[] = {1.0f, -0x1p24f, 0x1p24f, 0.0f};
    volley((struct snn_shape){2, 2, 1}, weights, NULL);
    cr_assert_eq(spikes[0], 0);
    cr_assert_eq(potential[0], 0.0f);
}

/* 2^24 - 2^24 + 1 is 1; with the bias first, 1 + 2^24 would round to 2^24. */
Test(golden, bias_comes_after_the_events)
{
    const float weights[] = {0x1p24f, -0x1p24f}, bias[] = {1.0f};
    volley((struct snn_shape){2, 1, 1}, weights, bias);
    cr_assert_eq(spikes[0], 1);
    cr_assert_eq(potential[0], 0.0f);
}

/* 12 times float32(1/12) rounds to 1 and fires; adding it 12 times gives 0.9999999. */
Test(golden, a_count_is_multiplied_once)
{
    const float weight[] = {1.0f / 12.0f}, count[] = {12.0f};
    const uint32_t begin_of[] = {0, 1}, address[] = {0};
    load((struct snn_shape){1, 1, 1}, 1, weight, NULL);
    advance(0, 1, begin_of, address, count);
    cr_assert_eq(spikes[0], 1);
    cr_assert_eq(potential[0], 0.0f);
}

/* 3 x float32(0.1) rounds to float32(0.3), and nothing is left beside -0.3; a fused multiply-add
 * would leave -7.5e-9. */
Test(golden, the_product_is_rounded_before_it_is_added)
{
    const float weights[] = {-0.3f, 0.1f}, count[] = {1.0f, 3.0f};
    const uint32_t begin_of[] = {0, 2}, address[] = {0, 1};
    load((struct snn_shape){2, 1, 1}, 1, weights, NULL);
    advance(0, 1, begin_of, address, count);
    cr_assert_eq(potential[0], 0.0f);
}

/* A neuron never fires more often in a step than float32 can count; the rest stays. */
Test(golden, spikes_of_a_step_are_bounded)
{
    const float current[] = {0x1p25f, 0.0f, 0.0f};
    const uint32_t fired[] = {SNN_SPIKES_PER_STEP_MAX, SNN_SPIKES_PER_STEP_MAX, 0};
    const float left[] = {0x1p24f, 0.0f, 0.0f};
    inject(current, 3, 3);
    assert_trace(fired, left, 3);
}

/* A second readout sees the same currents with twice the threshold, from twice the potential:
 * 1 + 1.5 = 2.5 fires once at 2, 0.5 is left; then 2 fires. The first: 0.5 + 1.5 = 2 fires twice.
 */
Test(golden, a_further_readout_has_its_own_threshold)
{
    const float gains[] = {2.0f}, current[] = {1.5f, 1.5f};
    options.v_init = 0.5f;
    options.extra_gains = gains;
    options.extra_gain_count = 1;
    inject(current, 2, 2);
    const uint32_t fired[] = {2, 1, 1, 1};
    const float left[] = {0.0f, 0.5f, 0.5f, 0.0f};
    assert_trace(fired, left, 4);
}

/* Nothing is clipped or fired: -5 + 7.25 from 0, whatever v0 is. */
Test(golden, a_membrane_readout_only_adds_up)
{
    const float current[] = {-5.0f, 7.25f};
    const uint32_t fired[] = {0, 0};
    const float left[] = {-5.0f, 2.25f};
    options.v_init = 0.5f;
    options.readout_membrane = true;
    inject(current, 2, 2);
    assert_trace(fired, left, 2);
}
