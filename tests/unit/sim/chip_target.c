/* A chip as a target: programs written by hand, small enough to be followed on paper, their spikes
 * and classes; what else may be loaded, and what is refused.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/run.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

enum { STEPS_MAX = 8, VALUES_MAX = 64 };

static struct snn_context *context; /* the support's, whose allocations are counted */
static struct snn_program *sketch, *program;
static struct snn_target *target;
static uint32_t spikes[STEPS_MAX * VALUES_MAX];
static float potential[STEPS_MAX * VALUES_MAX];
static uint64_t counts[5][STEPS_MAX * VALUES_MAX];
static struct snn_output output;

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
}

static void begin(void)
{
    support_begin();
    context = support_context();
    memset(potential, 255, sizeof(potential)); /* NaN: nobody has written it */
    output = (struct snn_output){0,         spikes,    potential, counts[0],
                                 counts[1], counts[2], counts[3], counts[4]};
}

static void end(void)
{
    snn_target_close(&target);
    snn_program_destroy(&program);
    support_end();
}

TestSuite(chip_target, .init = begin, .fini = end);

/* Begins a program for a built-in chip. */
static void draw(const char *chip, uint32_t channels, uint32_t height, uint32_t width)
{
    sketch = sketch_begin(channels, height, width);
    require_ok(snn_chip_load(&sketch->chip, context, chip));
    sketch->readout_spread = sketch->chip.readout_spread;
}

/* Opens the program's chip and loads it. */
static void load(const char *uri)
{
    require_ok(snn_program_create(&program, context, sketch));
    require_ok(snn_target_open(&target, context, uri));
    require_ok(snn_target_load_program(target, context, program));
}

/* Pushes whole steps and pulls what they gave; `begins` [steps + 1]. */
static void run(const uint32_t *address, const float *count, const uint32_t *begins, uint32_t steps)
{
    const struct snn_spikes in = {
        .step_count = steps, .step_begin = begins, .address = address, .count = count};
    require_ok(snn_target_reset(target, context));
    require_ok(snn_target_push(target, context, &in));
    require_ok(snn_target_advance(target, context, steps));
    require_ok(snn_target_pull(target, context, &output));
    cr_assert_eq(output.step_count, steps);
}

static const uint32_t no_address[2] = {0, 1};
static const uint32_t one_a_step[] = {0, 1, 2, 3, 4, 5, 6};
static const uint32_t zeros[6];

/* ---- A core ---- */

/* v: 60, 120 -> 20, 80, 140 -> 40, 100 -> 0, 60: the threshold itself fires. */
Test(chip_target, neuron_fires_at_its_threshold_and_keeps_the_rest)
{
    static const int8_t weight[] = {60};
    static const uint32_t expected[] = {0, 1, 0, 1, 1, 0};
    draw("dynapcnn", 1, 1, 1);
    sketch_add((struct snn_core){.output = {1, 0, 0}, .kernel_size = 1, .weights = weight});
    load("chip:dynapcnn");
    run(zeros, NULL, one_a_step, 6);
    cr_expect_arr_eq(spikes, expected, sizeof(expected));
    for (int i = 0; i < 6; i++)
        cr_expect_eq(counts[0][i], expected[i]);
}

/* ... where it is reset to zero: 60, 120 -> 0, 60, 120 -> 0, 60, 120 -> 0. */
Test(chip_target, neuron_that_returns_to_zero_loses_the_rest)
{
    static const int8_t weight[] = {60};
    static const uint32_t expected[] = {0, 1, 0, 1, 0, 1};
    draw("dynapcnn", 1, 1, 1);
    sketch_add((struct snn_core){
        .output = {1, 0, 0}, .kernel_size = 1, .weights = weight, .return_to_zero = true});
    load("chip:dynapcnn");
    run(zeros, NULL, one_a_step, 6);
    cr_expect_arr_eq(spikes, expected, sizeof(expected));
}

/* Weight 120, threshold 50: one event makes one spike, 70 stay; a step of three events makes three,
 * and only an event lets what stayed fire. */
Test(chip_target, event_makes_one_spike_however_far_above_the_threshold)
{
    static const int8_t weight[] = {120};
    static const float three[] = {3.0f};
    static const uint32_t begins[] = {0, 1, 1};
    draw("dynapcnn", 1, 1, 1);
    sketch_add((struct snn_core){
        .output = {1, 0, 0}, .kernel_size = 1, .weights = weight, .threshold_high = 50});
    load("chip:dynapcnn");
    run(zeros, three, begins, 2);
    cr_expect_eq(spikes[0], 3u);
    cr_expect_eq(spikes[1], 0u);
    cr_expect_eq(output.synapse_operations[0], 3u);
    cr_expect_eq(output.input_spikes[0], 3u);
}

/* ---- The readout ---- */

/* One input to 3 classes, which lie 4 apart in 9 features of one core, or in 5 of one and 1 of
 * another. Weights 100, 50, 20 at a threshold of 100: after six events 6, 3 and 1 spikes. */
static void draw_spread(bool split)
{
    static const int8_t whole[9] = {100, 0, 0, 0, 50, 0, 0, 0, 20};
    draw("speck2f", 1, 1, 1);
    sketch_add((struct snn_core){
        .index = 0, .output = {split ? 5 : 9, 0, 0}, .kernel_size = 1, .weights = whole});
    if (!split) return;
    sketch->input_destination_count = 2;
    sketch->input_destinations[1] = (struct snn_destination){3, 1, 0};
    sketch_add((struct snn_core){.index = 3,
                                 .input = {1, 1, 1},
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = whole + 8,
                                 .layer = "layer0",
                                 .feature_first = 8});
}

static void check_spread(void)
{
    static const uint32_t sums[] = {6, 3, 1};
    cr_assert_eq(program->class_count, 3u);
    cr_assert_eq(snn_target_net(target)->class_count, 3u);
    run(zeros, NULL, one_a_step, 6);
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t sum = 0;
        for (uint32_t t = 0; t < 6; t++) {
            sum += spikes[3 * t + k];
            cr_expect(potential[3 * t + k] >= 0.0f && potential[3 * t + k] <= 0.0f,
                      "the chip tells no potentials");
        }
        cr_expect_eq(sum, sums[k], "class %u: %u", k, sum);
    }
}

Test(chip_target, classes_are_every_fourth_feature_of_a_speck)
{
    draw_spread(false);
    load("chip:speck2f");
    check_spread();
    /* 9 weights an event: those that spread the features are added too. */
    cr_expect_eq(counts[2][0], 9u);
}

Test(chip_target, classes_of_an_output_on_two_cores_come_from_both)
{
    draw_spread(true);
    load("chip:speck2f");
    check_spread();
    cr_expect_eq(snn_target_net(target)->population_count, 2u);
    cr_expect(snn_target_net(target)->populations[1].continues);
}

Test(chip_target, class_of_a_map_is_feature_row_column)
{
    static const int8_t identity[] = {100, 0, 0, 100};
    static const uint32_t address[] = {(1 * 3 + 2) * 2 + 1}; /* row 1, column 2, channel 1 */
    draw("dynapcnn", 2, 2, 3);
    sketch_add((struct snn_core){.output = {2, 0, 0}, .kernel_size = 1, .weights = identity});
    load("chip:dynapcnn");
    cr_assert_eq(program->class_count, 12u);
    run(address, NULL, no_address, 1);
    for (uint32_t k = 0; k < 12; k++)
        cr_expect_eq(spikes[k], k == 1 * 6 + 1 * 3 + 2);
}

/* ---- Bias ticks of a layer on two cores ---- */

/* Two neurons a and b on two cores, which their biases make fire at the end of the step; m is a
 * relay of a; n takes m's spikes with weight 100 and b's with -100, at a threshold of 100. Both
 * ticks come first, so the queue holds a, b and then m: n goes to -100, back to 0 and stays silent.
 * If a had moved on before b's tick, m would have come to n before b, and n fired. */
static void draw_ticks(void)
{
    static const int8_t none[] = {0}, bias[] = {100};
    static const int8_t relay[] = {100, 0}, join[] = {0, -100, 100};
    draw("dynapcnn", 1, 1, 1);
    sketch->input_destination_count = 2;
    sketch->input_destinations[1] = (struct snn_destination){1, 1, 0};
    for (uint32_t i = 0; i < 2; i++)
        sketch_add((struct snn_core){.index = i,
                                     .layer = "ab",
                                     .feature_first = i,
                                     .input = {1, 1, 1},
                                     .output = {1, 0, 0},
                                     .kernel_size = 1,
                                     .weights = none,
                                     .bias = bias,
                                     .destination_count = 2,
                                     .destinations = {{2, 1, i}, {3, 1, i}}});
    sketch_add((struct snn_core){.index = 2,
                                 .layer = "m",
                                 .layer_index = 1,
                                 .input = {2, 1, 1},
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = relay,
                                 .destination_count = 1,
                                 .destinations = {{3, 1, 2}}});
    sketch_add((struct snn_core){.index = 3,
                                 .layer = "n",
                                 .layer_index = 2,
                                 .input = {3, 1, 1},
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = join});
}

Test(chip_target, ticks_of_both_halves_come_before_either_moves_on)
{
    static const uint32_t nothing[] = {0, 0};
    draw_ticks();
    load("chip:dynapcnn");
    run(zeros, NULL, nothing, 1);
    cr_expect_eq(counts[0][0], 1u, "a");
    cr_expect_eq(counts[0][1], 1u, "b");
    cr_expect_eq(counts[0][2], 1u, "m");
    cr_expect_eq(counts[0][3], 0u, "n");
}

/* The same cores as layers of their own: a has moved on to m and n before b ticks, and n fires. */
Test(chip_target, ticks_of_two_layers_come_one_after_the_other)
{
    static const uint32_t nothing[] = {0, 0};
    draw_ticks();
    for (uint32_t i = 1; i < 4; i++)
        sketch_core(i)->layer_index = i;
    sketch_core(1)->feature_first = 0;
    sketch_core(1)->layer = "b";
    load("chip:dynapcnn");
    run(zeros, NULL, nothing, 1);
    cr_expect_eq(counts[0][3], 1u, "n");
}

/* ---- Sessions ---- */

Test(chip_target, forks_run_alike_and_count_neurons)
{
    struct snn_target *child = NULL;
    uint32_t neurons[9];
    draw_spread(false);
    load("chip:speck2f,order=random,seed=7");
    require_ok(snn_target_fork(&child, context, target));
    cr_expect_eq(snn_target_load_program(target, context, program), SNN_ERR_BUSY);
    cr_expect_eq(snn_target_load_program(child, context, program), SNN_ERR_BUSY);
    cr_expect_eq(snn_target_net(child), snn_target_net(target));
    cr_expect_str_eq(snn_target_order(child), "random");
    struct snn_target *parent = target;
    target = child;
    require_ok(snn_target_reset(target, context));
    require_ok(snn_target_counts(target, context, 0, neurons));
    check_spread();
    require_ok(snn_target_counts(target, context, 0, neurons));
    cr_expect_eq(neurons[0], 6u);
    cr_expect_eq(neurons[4], 3u);
    cr_expect_eq(neurons[8], 1u);
    snn_target_close(&target);
    target = parent;
    check_spread();
}

Test(chip_target, another_program_may_be_loaded)
{
    struct snn_program *first = NULL;
    draw_spread(false);
    load("chip:speck2f");
    first = program;
    draw_spread(true);
    require_ok(snn_program_create(&program, context, sketch));
    require_ok(snn_target_load_program(target, context, program));
    snn_program_destroy(&first);
    check_spread();
}

Test(chip_target, is_asynchronous)
{
    require_ok(snn_target_open(&target, context, "chip:speck2f"));
    cr_expect_str_eq(snn_target_name(target), "chip");
    cr_expect_str_eq(snn_target_semantics(target), "async");
    cr_expect_str_eq(snn_target_order(target), "interleave");
    cr_expect_null(snn_target_net(target));
}

static int load_and_fork(struct snn_context *own)
{
    struct snn_program *made = NULL;
    struct snn_target *opened = NULL, *child = NULL;
    int status = snn_program_create(&made, own, sketch);
    if (status == SNN_OK) status = snn_target_open(&opened, own, "chip:speck2f,order=raster");
    if (status == SNN_OK) status = snn_target_load_program(opened, own, made);
    if (status == SNN_OK) status = snn_target_fork(&child, own, opened);
    snn_target_close(&child);
    snn_target_close(&opened);
    snn_program_destroy(&made);
    return status;
}

Test(chip_target, memory_may_run_out_anywhere)
{
    draw_spread(true);
    support_sweep(load_and_fork);
}

/* ---- What is refused ---- */

static void check_open(const char *uri, int status, const char *message, const char *hint)
{
    cr_expect_eq(snn_target_open(&target, context, uri), status, "%s", uri);
    cr_expect_str_eq(snn_context_message(context), message);
    cr_expect_str_eq(snn_context_hint(context), hint);
}

Test(chip_target, chip_must_be_named)
{
    static const char *const syntax =
        "chip:NAME (speck2f, or another profile's name or file), behind it order=raster|"
        "interleave|random|recorded and seed=N, separated by commas";
    static const char *const none = "target chip: which one? no profile is named";
    check_open("chip", SNN_ERR_INVALID, none, syntax);
    check_open("chip:,order=raster", SNN_ERR_INVALID, none, syntax);
    check_open("chip:speck2f,sync", SNN_ERR_INVALID, "target chip: unknown argument 'sync'",
               syntax);
    check_open("chip:speck2f,order=upward", SNN_ERR_INVALID,
               "target chip: unknown argument 'order=upward'", syntax);
    cr_expect_eq(snn_target_open(&target, context, "chip:speck2f,seed=x"), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(context), "target chip: 'x' is no seed");
    cr_expect_eq(snn_target_open(&target, context, "chip:speck9z"), SNN_ERR_NOT_FOUND);
}

Test(chip_target, program_of_another_chip_is_refused)
{
    draw_spread(false);
    require_ok(snn_program_create(&program, context, sketch));
    require_ok(snn_target_open(&target, context, "chip:dynapcnn"));
    cr_expect_eq(snn_target_load_program(target, context, program), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(context),
                     "the chip program is for speck2f, the target is dynapcnn");
    cr_expect_str_eq(snn_context_hint(context),
                     "place the net again for this chip, or take the target chip:speck2f");
    cr_expect_eq(snn_target_reset(target, context), SNN_ERR_INVALID);
}

Test(chip_target, program_on_what_is_no_chip_is_refused)
{
    draw_spread(false);
    require_ok(snn_program_create(&program, context, sketch));
    require_ok(snn_target_open(&target, context, "sim"));
    cr_expect_eq(snn_target_load_program(target, context, program), SNN_ERR_UNSUPPORTED);
    cr_expect_str_eq(snn_context_message(context), "target sim is no chip");
    cr_expect_str_eq(snn_context_hint(context), "a chip program runs on the target chip:speck2f");
}

Test(chip_target, decoded_program_whose_classes_only_a_chip_knows_is_refused)
{
    struct snn_net *net = NULL;
    draw_spread(false);
    require_ok(snn_program_create(&program, context, sketch));
    require_ok(snn_program_decode(&net, context, program));
    require_ok(snn_target_open(&target, context, "sim:async"));
    cr_expect_eq(snn_target_load(target, context, net), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(context),
                     "a decoded chip program with 3 classes in 9 neurons of its last core");
    snn_net_destroy(&net);
}

/* ---- Nets ---- */

/* One neuron with weight 3/4 at threshold 1: in whole numbers 127 and 169, for the scale is
 * 127 / 0.75 = 169.33. */
static struct snn_net *lower(enum snn_arith arith)
{
    static const float weight[] = {0.75f};
    static const uint32_t input = 0;
    struct snn_graph *graph = NULL;
    struct snn_net *net = NULL;
    struct snn_lower_options options;
    const struct snn_layer layers[] = {{.name = "in", .kind = SNN_LAYER_INPUT, .shape = {1, 1, 1}},
                                       {.name = "out",
                                        .kind = SNN_LAYER_DENSE,
                                        .inputs = &input,
                                        .input_count = 1,
                                        .shape = {1, 0, 0},
                                        .weights = weight,
                                        .weight_count = 1}};
    require_ok(snn_graph_create(&graph, context, "one"));
    for (size_t i = 0; i < 2; i++)
        require_ok(snn_graph_add(graph, context, &layers[i], NULL));
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.v_init = 0.0f;
    options.arith = arith;
    require_ok(snn_net_lower(&net, context, graph, &options));
    snn_graph_destroy(&graph);
    return net;
}

/* v: 127, 254 -> 85, 212 -> 43, 170 -> 1, 128, 255 -> 86. */
Test(chip_target, net_in_chip_arithmetic_runs_as_it_is)
{
    static const uint32_t expected[] = {0, 1, 1, 1, 0, 1};
    struct snn_net *net = lower(SNN_ARITH_CHIP);
    require_ok(snn_target_open(&target, context, "chip:speck2f"));
    require_ok(snn_target_load(target, context, net));
    cr_expect_eq(snn_target_net(target), net);
    run(zeros, NULL, one_a_step, 6);
    cr_expect_arr_eq(spikes, expected, sizeof(expected));
    snn_target_close(&target);
    snn_net_destroy(&net);
}

Test(chip_target, net_in_floats_is_refused)
{
    struct snn_net *net = lower(SNN_ARITH_FLOAT);
    require_ok(snn_target_open(&target, context, "chip:speck2f"));
    cr_expect_eq(snn_target_load(target, context, net), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(context),
                     "target chip: the net computes in floats, a chip in whole numbers");
    cr_expect_str_eq(snn_context_hint(context),
                     "lower it in chip arithmetic (--arith chip), for this chip");
    snn_net_destroy(&net);
}
