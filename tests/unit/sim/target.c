/* The simulator through the target interface: what a caller may do, and in which order.
 *
 * The net is as small as can be: Add(convolution 4x4 -> 1x1, dense 16 -> 1), all weights 1/8.
 */
#include <criterion/criterion.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/support.h"

enum { SIDE = 4, INPUTS = SIDE * SIDE };

static struct snn_context *context; /* the support's, whose allocations are counted */
static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_target *target;
static uint32_t spikes[SNN_TARGET_STEPS_MAX];
static float potential[SNN_TARGET_STEPS_MAX];
static uint64_t counts[5][SNN_TARGET_STEPS_MAX * 2];
static struct snn_output output;

static void add(const struct snn_layer *layer)
{
    cr_assert_eq(snn_graph_add(graph, context, layer, NULL), SNN_OK, "%s",
                 snn_context_message(context));
}

static void begin(void)
{
    static float weights[INPUTS];
    static const uint32_t input[] = {0}, branches[] = {1, 2};
    struct snn_lower_options options;
    for (int i = 0; i < INPUTS; i++)
        weights[i] = 0.125f;
    support_begin();
    context = support_context();
    cr_assert_eq(snn_graph_create(&graph, context, "add"), SNN_OK);
    add(&(struct snn_layer){.name = "in", .kind = SNN_LAYER_INPUT, .shape = {1, SIDE, SIDE}});
    struct snn_layer layer = {.name = "conv",
                              .kind = SNN_LAYER_CONV2D,
                              .inputs = input,
                              .input_count = 1,
                              .shape = {1, 0, 0},
                              .window = {SIDE, SIDE, 1, 1, 0, 0, 0, 0, 1, 1},
                              .weights = weights,
                              .weight_count = INPUTS};
    add(&layer);
    layer.name = "dense";
    layer.kind = SNN_LAYER_DENSE;
    add(&layer);
    add(&(struct snn_layer){
        .name = "sum", .kind = SNN_LAYER_ADD, .inputs = branches, .input_count = 2});
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.v_init = 0.0f;
    cr_assert_eq(snn_net_lower(&net, context, graph, &options), SNN_OK);
    cr_assert_eq(snn_target_open(&target, context, "sim"), SNN_OK);
    output = (struct snn_output){0,         spikes,    potential, counts[0],
                                 counts[1], counts[2], counts[3], counts[4]};
}

static void end(void)
{
    snn_target_close(&target);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(target, .init = begin, .fini = end);

static const uint32_t all[INPUTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* One step in which every input spikes, then silent ones. */
static const uint32_t one_burst[] = {0, INPUTS, INPUTS, INPUTS, INPUTS};

static struct snn_spikes burst(uint32_t step_count)
{
    return (struct snn_spikes){.step_count = step_count, .step_begin = one_burst, .address = all};
}

Test(target, convolution_and_dense_branches_meet_in_the_same_neuron)
{
    const struct snn_spikes in = burst(1);
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_push(target, context, &in), SNN_OK);
    cr_assert_eq(snn_target_advance(target, context, 1), SNN_OK);
    cr_assert_eq(snn_target_pull(target, context, &output), SNN_OK);
    /* 16 / 8 from each branch */
    cr_assert_eq(output.step_count, 1u);
    cr_assert_eq(spikes[0], 4u);
    cr_assert_eq(output.synapse_operations[0], 16u);
    cr_assert_eq(output.synapse_operations[1], 16u);
}

Test(target, steps_may_be_advanced_and_pulled_in_parts)
{
    const struct snn_spikes in = burst(4);
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_push(target, context, &in), SNN_OK);
    cr_assert_eq(snn_target_advance(target, context, 1), SNN_OK);
    cr_assert_eq(snn_target_pull(target, context, &output), SNN_OK);
    cr_assert_eq(output.step_count, 1u);
    cr_assert_eq(snn_target_advance(target, context, 3), SNN_OK);
    cr_assert_eq(snn_target_pull(target, context, &output), SNN_OK);
    cr_assert_eq(output.step_count, 3u);
    cr_assert_eq(spikes[0], 0u);
    cr_assert_eq(snn_target_pull(target, context, &output), SNN_OK);
    cr_assert_eq(output.step_count, 0u);
    cr_assert_eq(snn_target_advance(target, context, 1), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "1 steps were asked for, 0 were pushed");
}

Test(target, without_a_net_everything_is_refused)
{
    const struct snn_spikes in = burst(1);
    struct snn_target *child = NULL;
    cr_assert_eq(snn_target_reset(target, context), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "target sim: no net is loaded");
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_INVALID);
    cr_assert_eq(snn_target_advance(target, context, 1), SNN_ERR_INVALID);
    cr_assert_eq(snn_target_pull(target, context, &output), SNN_ERR_INVALID);
    cr_assert_eq(snn_target_fork(&child, context, target), SNN_ERR_INVALID);
}

Test(target, net_stays_while_forks_are_open)
{
    struct snn_target *child = NULL;
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    cr_assert_eq(snn_target_fork(&child, context, target), SNN_OK);
    cr_assert_eq(snn_target_load(target, context, net), SNN_ERR_BUSY);
    snn_target_close(&child);
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
}

Test(target, events_must_ascend_within_the_input_and_stand_for_spikes)
{
    static const uint32_t repeated[] = {5, 5}, outside[] = {3, INPUTS}, two[] = {0, 2};
    static const uint32_t backwards[] = {2, 0};
    static const float zero[] = {1.0f, 0.0f}, half[] = {1.0f, 1.5f};
    struct snn_spikes in = {.step_count = 1, .step_begin = two, .address = repeated};
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "event 1 has address 5 after 5: they must ascend within a step");
    in.address = outside;
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "event 1 has address 16, the input has 16");
    in.address = all;
    in.count = zero;
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "event 1 stands for 0 spikes");
    in.count = half;
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "event 1 stands for 1.5 spikes");
    in.count = NULL;
    in.step_begin = backwards;
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "the list of step 0 ends at event 0, before it begins at 2");
}

Test(target, unknown_scheme_names_the_known_ones)
{
    struct snn_target *other = NULL;
    cr_assert_eq(snn_target_open(&other, context, "usbx:1"), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_hint(context), "known targets: sim, chip, frame:f32, frame:int8, "
                                                "usb, serial, vdev, replay");
}

Test(target, a_chip_has_its_profile)
{
    struct snn_target *chip = NULL;
    cr_assert_eq(snn_target_open(&chip, context, "chip:speck2f,order=raster"), SNN_OK);
    cr_assert_not_null(snn_target_chip(chip));
    cr_expect_str_eq(snn_target_chip(chip)->name, "speck2f");
    cr_expect_str_eq(snn_target_order(chip), "raster");
    snn_target_close(&chip);
    cr_expect_null(snn_target_chip(target), "the simulator is no chip");
}

Test(target, stepping_does_not_allocate)
{
    const struct snn_spikes in = burst(4);
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    size_t before = support_allocation_count();
    for (int sample = 0; sample < 3; sample++) {
        cr_assert_eq(snn_target_reset(target, context), SNN_OK);
        cr_assert_eq(snn_target_push(target, context, &in), SNN_OK);
        cr_assert_eq(snn_target_advance(target, context, 4), SNN_OK);
        cr_assert_eq(snn_target_pull(target, context, &output), SNN_OK);
    }
    cr_assert_eq(support_allocation_count(), before);
}

/* ---- Counts ---- */

/* 4 spikes in the first step (2 from each branch), none later. */
static void run_burst(void)
{
    const struct snn_spikes in = burst(4);
    cr_assert_eq(snn_target_push(target, context, &in), SNN_OK);
    cr_assert_eq(snn_target_advance(target, context, 4), SNN_OK);
    cr_assert_eq(snn_target_pull(target, context, &output), SNN_OK);
}

Test(target, spikes_of_each_neuron_are_counted_once_somebody_asked)
{
    uint32_t count = 7;
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "target sim: no net is loaded");
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_counts(target, context, 1, &count), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "population 1 of 1 does not exist");
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_OK);
    cr_assert_eq(count, 0u);
    run_burst();
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_OK);
    cr_assert_eq(count, 4u);
    run_burst();
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_OK);
    cr_assert_eq(count, 8u);
    size_t before = support_allocation_count();
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_OK);
    cr_assert_eq(count, 0u);
    run_burst();
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_OK);
    cr_assert_eq(count, 4u);
    cr_assert_eq(support_allocation_count(), before);
}

Test(target, counts_that_begin_in_mid_sample_are_refused)
{
    uint32_t count = 7;
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    run_burst();
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "spikes were not counted from the first step on");
    cr_assert_eq(count, 7u);
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    cr_assert_eq(snn_target_counts(target, context, 0, &count), SNN_OK);
    cr_assert_eq(count, 0u);
}
