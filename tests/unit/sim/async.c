/* Asynchronous semantics by hand: one input event after another, one spike an event, ticks, joins.
 * Every net is small enough to be followed on paper; expected values are derived beside each test.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "sim/event/async.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "snn/target.h"

enum { STEPS_MAX = 4, VALUES_MAX = 64 };

static uint32_t spikes[VALUES_MAX];
static float potential[VALUES_MAX];
static uint64_t population[VALUES_MAX], arrived[VALUES_MAX], operations[VALUES_MAX];

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
    require_ok(snn_graph_create(&graph, context, "async"));
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

TestSuite(async, .init = begin, .fini = end);

static uint32_t add_map(uint32_t channels, uint32_t height, uint32_t width)
{
    const struct snn_layer layer = {
        .name = "input", .kind = SNN_LAYER_INPUT, .shape = {channels, height, width}};
    uint32_t index = 0;
    require_ok(snn_graph_add(graph, context, &layer, &index));
    return index;
}

static uint32_t add_input(uint32_t channels)
{
    return add_map(channels, 1, 1);
}

/* Weights [outputs][inputs]; `bias` may be NULL. */
static uint32_t add_dense(const char *name, uint32_t input, uint32_t inputs, uint32_t outputs,
                          const float *weights, const float *bias)
{
    const struct snn_layer layer = {.name = name,
                                    .kind = SNN_LAYER_DENSE,
                                    .inputs = &input,
                                    .input_count = 1,
                                    .shape = {outputs, 0, 0},
                                    .activation = SNN_ACTIVATION_RELU,
                                    .weights = weights,
                                    .weight_count = (size_t)outputs * inputs,
                                    .bias = bias,
                                    .bias_count = bias != NULL ? outputs : 0};
    uint32_t index = 0;
    require_ok(snn_graph_add(graph, context, &layer, &index));
    return index;
}

static void load(const char *uri)
{
    require_ok(snn_net_lower(&net, context, graph, &options));
    require_ok(snn_target_open(&target, context, uri));
    require_ok(snn_target_load(target, context, net));
    require_ok(snn_target_reset(target, context));
}

/* One step per `step_begin` interval. */
static void run(uint32_t steps, const uint32_t *step_begin, const uint32_t *address,
                const float *count)
{
    uint64_t macs[VALUES_MAX], input[STEPS_MAX];
    const struct snn_spikes in = {
        .step_count = steps, .step_begin = step_begin, .address = address, .count = count};
    struct snn_output out = {0, spikes, potential, population, arrived, operations, macs, input};
    require_ok(snn_target_push(target, context, &in));
    require_ok(snn_target_advance(target, context, steps));
    require_ok(snn_target_pull(target, context, &out));
    cr_assert_eq(out.step_count, steps);
}

/* 2.5 at once gives one spike and leaves 1.5, which waits: the next event, though it takes 0.25
 * away, finds 1.25 and fires; -3 is clipped to -1. Synchronously step 1 would fire twice. */
Test(async, one_spike_an_event_and_the_rest_waits)
{
    static const float weights[] = {2.5f, -0.25f, -3.0f};
    static const uint32_t first[] = {0, 1, 2, 3}, address[] = {0, 1, 2};
    const uint32_t fired[] = {1, 1, 0};
    const float left[] = {1.5f, 0.25f, -1.0f};
    add_dense("d", add_input(3), 3, 1, weights, NULL);
    load("sim:async,order=raster");
    run(3, first, address, NULL);
    cr_assert_arr_eq(spikes, fired, sizeof(fired));
    cr_assert_arr_eq(potential, left, sizeof(left));
}

/* A count of 3 is three events of 1.5: 0.5, 1 (fires each time), 1.5 left after 4.5 - 3. */
Test(async, count_is_as_many_events)
{
    static const float weights[] = {1.5f}, count[] = {3};
    static const uint32_t first[] = {0, 1}, address[] = {0};
    add_dense("d", add_input(1), 1, 1, weights, NULL);
    load("sim:async");
    run(1, first, address, count);
    cr_assert_eq(spikes[0], 3);
    cr_assert_float_eq(potential[0], 1.5f, 0.0f);
    cr_assert_eq(arrived[0], 3);
    cr_assert_eq(operations[0], 3);
}

/* A weight of 1 is 127 on the chip, which only reads: 258 events make 32766, the next one is held
 * at 32767, the thousandth too; one of -127 leaves 32640. Downwards -32768 ends it. */
Test(async, chip_saturates_at_every_event)
{
    static const float weights[] = {1.0f, -1.0f}, count[] = {258, 742, 1, 1000};
    static const uint32_t first[] = {0, 1, 2, 3, 4}, address[] = {0, 0, 1, 1};
    const float held[] = {32766.0f, 32767.0f, 32640.0f, -32768.0f};
    options.arith = SNN_ARITH_CHIP;
    options.readout_membrane = true;
    add_dense("d", add_input(2), 2, 1, weights, NULL);
    load("sim:async");
    run(4, first, address, count);
    cr_assert_arr_eq(potential, held, sizeof(held));
}

/* Excitation before inhibition fires, the other way round it does not: raster order goes by
 * address, and the first spike's consequences are over before the second event. */
static uint32_t in_raster_order(float first_weight, float second_weight)
{
    const float weights[] = {first_weight, second_weight};
    static const uint32_t first[] = {0, 2}, address[] = {0, 1};
    add_dense("d", add_input(2), 2, 1, weights, NULL);
    load("sim:async,order=raster");
    run(1, first, address, NULL);
    return spikes[0];
}

Test(async, excitation_first)
{
    cr_assert_eq(in_raster_order(1.0f, -1.0f), 1);
}

Test(async, inhibition_first)
{
    cr_assert_eq(in_raster_order(-1.0f, 1.0f), 0);
}

/* interleave: channels come by their bits reversed, 0, 1/2, 1/4, 3/4 of the step, so as 0 2 1 3.
 * 0.5 + 0.5 fires, 0 - 1, -1 + 0.75. By address it would be 0.5, -0.5, 0, 0.75: nothing fires. */
Test(async, interleave_reverses_the_bits_of_channels)
{
    static const float weights[] = {0.5f, -1.0f, 0.5f, 0.75f};
    static const uint32_t first[] = {0, 4}, address[] = {0, 1, 2, 3};
    add_dense("d", add_input(4), 4, 1, weights, NULL);
    load("sim:async,order=interleave");
    run(1, first, address, NULL);
    cr_assert_eq(spikes[0], 1);
    cr_assert_float_eq(potential[0], -0.25f, 0.0f);
}

/* On a map of 2 x 2 the dither's bits are x0 xor y0, y0: (row, column) 0,0 is 0, 0,1 is 10, 1,0 is
 * 11, 1,1 is 01. One colour of the checkerboard comes first: addresses 0 3 1 2. 0.5 + 0.5 fires,
 * 0 - 1, -1 + 0.75; by address nothing does. */
Test(async, interleave_sends_one_colour_of_a_checkerboard_first)
{
    static const float weights[] = {0.5f, -1.0f, 0.75f, 0.5f};
    static const uint32_t first[] = {0, 4}, address[] = {0, 1, 2, 3};
    add_dense("d", add_map(1, 2, 2), 4, 1, weights, NULL);
    load("sim:async,order=interleave");
    run(1, first, address, NULL);
    cr_assert_eq(spikes[0], 1);
    cr_assert_float_eq(potential[0], -0.25f, 0.0f);
}

/* An output that sees channel 1 itself (-1), and channel 0 through a neuron that fires (+1). */
static uint32_t behind_a_branch(const char *uri)
{
    static const float hidden[] = {1.0f, 0.0f}, forward[] = {1.0f}, beside[] = {0.0f, -1.0f};
    static const uint32_t first[] = {0, 2}, address[] = {0, 1};
    const uint32_t input = add_input(2), h = add_dense("h", input, 2, 1, hidden, NULL);
    struct snn_layer sum = {.name = "forward",
                            .kind = SNN_LAYER_DENSE,
                            .inputs = &h,
                            .input_count = 1,
                            .shape = {1, 0, 0},
                            .weights = forward,
                            .weight_count = 1};
    uint32_t branches[2];
    require_ok(snn_graph_add(graph, context, &sum, &branches[0]));
    sum.name = "beside";
    sum.inputs = &input;
    sum.weights = beside;
    sum.weight_count = 2;
    require_ok(snn_graph_add(graph, context, &sum, &branches[1]));
    const struct snn_layer add = {.name = "o",
                                  .kind = SNN_LAYER_ADD,
                                  .inputs = branches,
                                  .input_count = 2,
                                  .activation = SNN_ACTIVATION_RELU};
    require_ok(snn_graph_add(graph, context, &add, &branches[0]));
    load(uri);
    run(1, first, address, NULL);
    return spikes[0];
}

/* At different times: 0 + 1 fires, then -1. */
Test(async, spikes_go_before_later_input)
{
    cr_assert_eq(behind_a_branch("sim:async,order=interleave"), 1);
}

/* Both events are in the queue before the spike that the first sets off: -1, then 0. */
Test(async, input_of_one_time_goes_before_its_spikes)
{
    cr_assert_eq(behind_a_branch("sim:async,order=raster"), 0);
}

/* Forty neurons, 20 channels at 2 positions, fire in one tick. Channel 0 at column 1 gives 1 before
 * channel 1 at column 0 takes it away; by position it would be the other way round. */
Test(async, many_spikes_of_a_tick_go_by_channel)
{
    enum { CHANNELS = 20 };
    static float zeros[CHANNELS], ones[CHANNELS], output[2 * CHANNELS];
    static const uint32_t first[] = {0, 0};
    const uint32_t input = add_map(1, 1, 2);
    for (size_t i = 0; i < CHANNELS; i++)
        ones[i] = 1.0f;
    output[0 * 2 + 1] = 1.0f;
    output[1 * 2 + 0] = -1.0f;
    const struct snn_layer conv = {.name = "c",
                                   .kind = SNN_LAYER_CONV2D,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .shape = {CHANNELS, 0, 0},
                                   .window = {.kernel_h = 1,
                                              .kernel_w = 1,
                                              .stride_h = 1,
                                              .stride_w = 1,
                                              .dilation_h = 1,
                                              .dilation_w = 1},
                                   .groups = 1,
                                   .activation = SNN_ACTIVATION_RELU,
                                   .weights = zeros,
                                   .weight_count = CHANNELS,
                                   .bias = ones,
                                   .bias_count = CHANNELS};
    uint32_t c = 0;
    require_ok(snn_graph_add(graph, context, &conv, &c));
    add_dense("o", c, 2 * CHANNELS, 1, output, NULL);
    load("sim:async");
    run(1, first, NULL, NULL);
    cr_assert_eq(population[0], 2 * CHANNELS);
    cr_assert_eq(spikes[0], 1);
}

/* Weights of +-127 against a threshold of 127. 300 events down stop at -32768; up it is 127 again
 * after 260 events (-32768 + 260 * 127 = 252), which fires, as the 40 events that follow do: 41
 * spikes, 252 - 127 left. Without saturation it would end at 0, as the sum of the step does. */
Test(async, potentials_of_a_chip_saturate_at_each_event)
{
    static const float weights[] = {-1.0f, 1.0f}, count[] = {300.0f, 300.0f};
    static const uint32_t first[] = {0, 2}, address[] = {0, 1};
    options.arith = SNN_ARITH_CHIP;
    options.v_min = -INFINITY;
    add_dense("d", add_input(2), 2, 1, weights, NULL);
    load("sim:async,order=raster");
    run(1, first, address, count);
    cr_assert_eq(spikes[0], 41);
    cr_assert_float_eq(potential[0], 125.0f, 0.0f);
}

/* The bias comes at the end of the step, in a layer before the next one's: 0.75 + 0.25 fires in the
 * tick, and its spike meets the output before the output's own tick: 0.5 + 0.5. */
Test(async, bias_ticks_layer_by_layer)
{
    static const float hidden[] = {0.75f}, output[] = {0.5f}, b1[] = {0.25f}, b2[] = {0.5f};
    static const uint32_t first[] = {0, 1}, address[] = {0};
    const uint64_t events[] = {1, 1};
    uint32_t h = add_dense("h", add_input(1), 1, 1, hidden, b1);
    add_dense("o", h, 1, 1, output, b2);
    load("sim:async");
    run(1, first, address, NULL);
    cr_assert_arr_eq(population, events, sizeof(events));
    cr_assert_eq(spikes[0], 1);
    cr_assert_float_eq(potential[0], 0.0f, 0.0f);
}

/* Two hidden neurons fire on one event; their spikes queue by channel: +1 of channel 0 fires the
 * output before channel 1 takes 1 away. Reset to zero drops what is above the threshold. */
Test(async, spikes_queue_by_channel)
{
    static const float hidden[] = {1.5f, 1.5f}, output[] = {1.0f, -1.0f};
    static const uint32_t first[] = {0, 1, 2}, address[] = {0, 0};
    options.reset = SNN_RESET_ZERO;
    uint32_t h = add_dense("h", add_input(1), 1, 2, hidden, NULL);
    add_dense("o", h, 2, 1, output, NULL);
    load("sim:async");
    run(2, first, address, NULL);
    cr_assert_eq(spikes[0], 1);
    cr_assert_eq(spikes[1], 0);
    cr_assert_float_eq(potential[1], -1.0f, 0.0f);
    cr_assert_eq(population[2], 2); /* no more in step 2: 1.5 each again, not 2 */
}

Test(async, analog_input_is_refused)
{
    static const float weights[] = {1.0f}, value[] = {0.5f};
    static const uint32_t first[] = {0, 1}, address[] = {0};
    const struct snn_spikes in = {
        .step_count = 1, .constant = true, .step_begin = first, .address = address, .count = value};
    add_dense("d", add_input(1), 1, 1, weights, NULL);
    load("sim:async");
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_UNSUPPORTED);
    cr_assert_eq(snn_target_advance(target, context, 1), SNN_ERR_INVALID);
}

/* A row of 33 through pools of 11 that move by 1: three of them lead 91 ways to one position, the
 * fourth 891, the fifth more than 1024. Each way is walked for each spike. */
Test(async, ways_through_pools_without_end_are_refused)
{
    static float weights[33];
    const struct snn_window window = {
        .kernel_h = 1, .kernel_w = 11, .stride_h = 1, .stride_w = 1, .pad_left = 5, .pad_right = 5};
    uint32_t last = add_map(1, 1, 33);
    for (int i = 0; i < 5; i++) {
        const char name[] = {'p', (char)('0' + i), '\0'};
        const struct snn_layer layer = {.name = name,
                                        .kind = SNN_LAYER_AVG_POOL2D,
                                        .inputs = &last,
                                        .input_count = 1,
                                        .window = window};
        require_ok(snn_graph_add(graph, context, &layer, &last));
    }
    add_dense("d", last, 33, 1, weights, NULL);
    require_ok(snn_net_lower(&net, context, graph, &options));
    require_ok(snn_target_open(&target, context, "sim:async"));
    cr_assert_eq(snn_target_load(target, context, net), SNN_ERR_LIMIT);
    cr_assert(strstr(snn_context_message(context), "too many paths"), "%s",
              snn_context_message(context));
}

Test(async, names_of_semantics_and_order)
{
    require_ok(snn_target_open(&target, context, "sim:async,order=random,seed=7"));
    cr_assert_str_eq(snn_target_semantics(target), "async");
    cr_assert_str_eq(snn_target_order(target), "random");
    snn_target_close(&target);
    require_ok(snn_target_open(&target, context, "sim"));
    cr_assert_str_eq(snn_target_semantics(target), "sync");
    cr_assert_null(snn_target_order(target));
    snn_target_close(&target);
    cr_assert_eq(snn_target_open(&target, context, "sim:seed=1"), SNN_ERR_INVALID);
}

/* Eight neurons fire at one event, and each of their spikes fires 2,000 more once: 16,000 spikes
 * are on their way at once, beyond what the queue was made for, and none is lost. */
Test(async, queue_grows_where_spikes_pile_up)
{
    enum { WIDE = 2000, FIRST = 8 };
    static float ones[FIRST * WIDE];
    static const uint32_t first[] = {0, 1}, address[] = {0};
    struct snnsim_plan *plan = NULL;
    struct snnsim_routes *routes = NULL;
    struct snnsim_async *async = NULL;
    uint64_t macs[3], input[1];
    for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++)
        ones[i] = 1.0f;
    uint32_t a = add_dense("a", add_input(1), 1, FIRST, ones, NULL);
    uint32_t b = add_dense("b", a, FIRST, WIDE, ones, NULL);
    add_dense("c", b, WIDE, 1, ones, NULL);
    require_ok(snn_net_lower(&net, context, graph, &options));
    require_ok(snnsim_plan_create(&plan, context, net));
    require_ok(snnsim_routes_create(&routes, context, plan));
    const struct snnsim_async_options raster = {.order = SNN_ORDER_RASTER};
    require_ok(snnsim_async_create(&async, context, routes, &raster));
    const struct snn_spikes in = {.step_count = 1, .step_begin = first, .address = address};
    struct snn_output out = {0, spikes, potential, population, arrived, operations, macs, input};
    require_ok(snnsim_async_push(async, context, &in));
    require_ok(snnsim_async_step(async, context, &in, 0, &out, 0));
    cr_assert_eq(spikes[0], FIRST * WIDE);
    cr_assert_eq(population[1], FIRST * WIDE);
    cr_assert_eq(snnsim_async_high_water(async), (size_t)FIRST * WIDE);
    snnsim_async_destroy(&async);
    snnsim_routes_destroy(&routes);
    snnsim_plan_destroy(&plan);
}
