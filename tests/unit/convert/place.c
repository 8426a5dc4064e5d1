/* From nets to the registers of cores: geometry, weights, destinations, halves and the readout's
 * spread, each derived by hand beside its test. What is refused, and in which words:
 * tests/flow/place.py.
 *
 * Nets have whole weights, of which one is 127, so that the scale is 1.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/place.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

static struct snn_graph *graph;
static struct snn_net *net;
static struct snn_placement *placement;
static struct snn_chip chip;
static struct snn_place_options options;
static struct snn_pin pins[4];

static void begin(void)
{
    support_begin();
    cr_assert_eq(snn_chip_load(&chip, support_context(), "dynapcnn"), SNN_OK);
    options.pins = pins;
    options.tool = "test";
    options.model_sha256 = "";
}

static void end(void)
{
    snn_placement_destroy(&placement);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(place, .init = begin, .fini = end);

/* ---- A net with branches ---- */

static uint32_t conv(struct snn_graph *to, struct snn_context *context, const char *name,
                     uint32_t input, uint32_t features, uint32_t kernel, const float *weights,
                     size_t count)
{
    const uint32_t pad = kernel / 2;
    return support_add(
        to, context,
        (struct snn_layer){.name = name,
                           .kind = SNN_LAYER_CONV2D,
                           .inputs = &input,
                           .input_count = 1,
                           .shape = {features, 0, 0},
                           .window = {kernel, kernel, 1, 1, pad, pad, pad, pad, 0, 0},
                           .activation = SNN_ACTIVATION_RELU,
                           .weights = weights,
                           .weight_count = count});
}

/* w(f, c, t) = 10 f + 3 c - t, but for w(0, 0, 0) = 127. */
static float mixed_weight(uint32_t feature, uint32_t channel, uint32_t tap)
{
    if (feature + channel + tap == 0) return 127.0f;
    return (float)(10 * (int32_t)feature + 3 * (int32_t)channel - (int32_t)tap);
}

/* input 1x4x4 -> 'a' (two features), 'b' (one); both -> 'mixed' 3x3, two features, of three
 * channels -> pool 2 -> 'out' (2x2x2 -> 2 classes). */
static struct snn_graph *make_branches(struct snn_context *context)
{
    static const float of_a[] = {127, 1}, of_b[] = {127};
    static float mixed[54], out[16];
    struct snn_graph *to = support_graph(context, 1, 4, 4);
    const uint32_t inputs[] = {conv(to, context, "a", 0, 2, 1, of_a, 2),
                               conv(to, context, "b", 0, 1, 1, of_b, 1)};
    for (uint32_t i = 0; i < 54; i++)
        mixed[i] = mixed_weight(i / 27, i / 9 % 3, i % 9);
    for (uint32_t i = 0; i < 16; i++)
        out[i] = i == 0 ? 127.0f : (float)i;
    const uint32_t both = support_add(
        to, context,
        (struct snn_layer){.kind = SNN_LAYER_CONCAT, .inputs = inputs, .input_count = 2});
    (void)conv(to, context, "mixed", both, 2, 3, mixed, 54);
    (void)support_add(
        to, context,
        (struct snn_layer){.kind = SNN_LAYER_SUM_POOL2D, .window = {.kernel_h = 2, .kernel_w = 2}});
    (void)support_add(to, context,
                      (struct snn_layer){.name = "out",
                                         .kind = SNN_LAYER_DENSE,
                                         .shape = {2, 0, 0},
                                         .weights = out,
                                         .weight_count = 16});
    return to;
}

static int lower_and_place(struct snn_context *context, const struct snn_graph *from,
                           const struct snn_chip *on)
{
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.norm = SNN_NORM_NONE;
    lower.arith = SNN_ARITH_CHIP;
    lower.chip = on;
    int status = snn_net_lower(&net, context, from, &lower);
    if (status == SNN_OK) status = snn_place(&placement, context, net, on, &options);
    return status;
}

/* The placement, which needs net and graph no longer. */
static const struct snn_program *place(struct snn_graph *(*make)(struct snn_context *))
{
    graph = make(support_context());
    cr_assert_eq(lower_and_place(support_context(), graph, &chip), SNN_OK, "%s",
                 snn_context_message(support_context()));
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    cr_assert(placement->fits);
    cr_assert_eq(placement->finding_count, 0);
    return placement->program;
}

static void expect_destination(const struct snn_destination *d, uint32_t layer, uint32_t pooling,
                               uint32_t shift)
{
    cr_assert(d->layer == layer && d->pooling == pooling && d->feature_shift == shift,
              "to %u/%u+%u, expected %u/%u+%u", d->layer, d->pooling, d->feature_shift, layer,
              pooling, shift);
}

static void expect_mixed(const struct snn_core *core, uint32_t first, uint32_t count)
{
    cr_assert_eq(core->output.channels, count);
    for (uint32_t i = 0; i < count * 27; i++)
        cr_assert_eq(core->weights[i], (int)mixed_weight(first + i / 27, i / 9 % 3, i % 9), "%u",
                     i);
}

static void pin(const char *layer, uint32_t count, uint32_t first, uint32_t second)
{
    pins[options.pin_count++] = (struct snn_pin){layer, count, {first, second}};
}

/* ---- Registers ---- */

Test(place, branches_lie_side_by_side_in_the_features_of_a_core)
{
    const struct snn_program *p = place(make_branches);
    const struct snn_core *c = p->cores;
    cr_assert_eq(p->core_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert(c[i].index == i && c[i].layer_index == i && c[i].scale == 1.0f);
    cr_assert_eq(p->input_destination_count, 2);
    expect_destination(&p->input_destinations[0], 0, 1, 0);
    expect_destination(&p->input_destinations[1], 1, 1, 0);
    expect_destination(&c[0].destinations[0], 2, 1, 0);
    expect_destination(&c[1].destinations[0], 2, 1, 2);
    expect_destination(&c[2].destinations[0], 3, 2, 0);
    expect_destination(&c[3].destinations[0], chip.readout_layer, 1, 0);
    cr_assert(c[2].input.channels == 3 && c[2].input.height == 4 && c[2].kernel_size == 3);
    cr_assert(c[2].pad_y == 1 && c[2].pad_x == 1 && c[2].stride_y == 1 && c[2].stride_x == 1);
    expect_mixed(&c[2], 0, 2);
}

Test(place, a_dense_layer_is_a_kernel_that_covers_its_map)
{
    const struct snn_core *c = &place(make_branches)->cores[3];
    cr_assert(c->input.channels == 2 && c->input.height == 2 && c->input.width == 2);
    cr_assert(c->kernel_size == 2 && c->output.height == 1 && c->output.width == 1);
    for (int i = 0; i < 16; i++)
        cr_assert_eq(c->weights[i], i == 0 ? 127 : i);
}

Test(place, neurons_without_biases_have_no_leak)
{
    const struct snn_core *c = place(make_branches)->cores;
    cr_assert_null(c[2].bias);
    cr_assert(c[2].threshold_high == 1 && c[2].threshold_low == -1 && !c[2].return_to_zero);
    cr_assert(c[2].v_init_count == 1 && c[2].v_init[0] == 0); /* rint(0.5) to even */
}

/* 'mixed' has one feature on core 7, one on 4; both branches reach both, and so does the pool. */
Test(place, halves_are_reached_by_all_sources_and_reach_their_own_features)
{
    pin("mixed", 2, 7, 4);
    const struct snn_program *p = place(make_branches);
    const struct snn_core *c = p->cores;
    cr_assert_eq(p->core_count, 5);
    cr_assert(c[2].index == 7 && c[3].index == 4 && c[4].index == 2);
    cr_assert(c[2].layer_index == 2 && c[3].layer_index == 2 && c[4].layer_index == 3);
    cr_assert(c[2].feature_first == 0 && c[3].feature_first == 1);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(c[i].destination_count, 2);
        expect_destination(&c[i].destinations[0], 7, 1, 2 * i);
        expect_destination(&c[i].destinations[1], 4, 1, 2 * i);
    }
    expect_destination(&c[2].destinations[0], 2, 2, 0);
    expect_destination(&c[3].destinations[0], 2, 2, 1);
    expect_mixed(&c[2], 0, 1);
    expect_mixed(&c[3], 1, 1);
    cr_assert_eq(placement->layers[2].part_count, 2);
    cr_assert_eq(placement->layers[2].parts[1].core, 4);
    cr_assert_eq(placement->layers[2].parts[1].feature_first, 1);
    /* 3 channels * 16 (3x3) * 1; whole * 2 */
    cr_assert_eq(placement->layers[2].parts[1].words.kernel, 48);
    cr_assert_eq(placement->layers[2].words.kernel, 96);
}

/* Classes 0 and 1 are features 0 and 4, those between are all zeros. */
Test(place, the_readout_of_speck_sees_every_fourth_feature)
{
    cr_assert_eq(snn_chip_load(&chip, support_context(), "speck2f"), SNN_OK);
    const struct snn_program *p = place(make_branches);
    const struct snn_core *c = &p->cores[3];
    cr_assert(c->output.channels == 5 && p->readout_spread == 4 && p->class_count == 2);
    for (int i = 0; i < 40; i++) {
        const int feature = i / 8, own = feature / 4 * 8 + i % 8;
        cr_assert_eq(c->weights[i], feature % 4 != 0 ? 0 : own == 0 ? 127 : own);
    }
    cr_assert_eq(placement->layers[3].output.channels, 2);
    cr_assert_eq(placement->layers[3].words.kernel, 2 * 4 * 8);
}

Test(place, halves_of_the_output_stand_a_spread_apart)
{
    cr_assert_eq(snn_chip_load(&chip, support_context(), "speck2f"), SNN_OK);
    pin("out", 2, 8, 6);
    const struct snn_core *c = place(make_branches)->cores;
    cr_assert(c[3].output.channels == 1 && c[4].output.channels == 1);
    cr_assert(c[3].feature_first == 0 && c[4].feature_first == 4);
    expect_destination(&c[3].destinations[0], chip.readout_layer, 1, 0);
    expect_destination(&c[4].destinations[0], chip.readout_layer, 1, 4);
    cr_assert_eq(c[4].weights[0], 8);
}

/* One layer of neurons with a potential each, a bias, and a reset to zero. */
static struct snn_graph *make_neurons(struct snn_context *context)
{
    static const float weights[] = {127, -2}, bias[] = {0, 5}, threshold[] = {40}, v_min[] = {-7};
    static const float v_init[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct snn_neurons neurons = {SNN_RESET_ZERO, threshold, 1, v_init, 8, v_min, 1};
    struct snn_graph *to = support_graph(context, 1, 2, 2);
    (void)support_add(to, context,
                      (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                         .shape = {2, 0, 0},
                                         .window = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1},
                                         .weights = weights,
                                         .weight_count = 2,
                                         .bias = bias,
                                         .bias_count = 2});
    (void)support_add(to, context, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    return to;
}

Test(place, potentials_at_the_start_are_of_each_neuron)
{
    const struct snn_core *c = place(make_neurons)->cores;
    cr_assert(c->threshold_high == 40 && c->threshold_low == -7 && c->return_to_zero);
    cr_assert(c->bias[0] == 0 && c->bias[1] == 5 && c->words.bias == 2);
    cr_assert_eq(c->v_init_count, 8);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(c->v_init[i], i + 1);
}

Test(place, potentials_are_spread_with_their_features)
{
    chip.readout_spread = 3;
    const struct snn_core *c = place(make_neurons)->cores;
    cr_assert(c->output.channels == 4 && c->v_init_count == 16);
    for (int i = 0; i < 16; i++)
        cr_assert_eq(c->v_init[i], i < 4 ? i + 1 : i < 12 ? 0 : i - 12 + 5);
    cr_assert(c->bias[0] == 0 && c->bias[3] == 5);
}

/* ---- The report ---- */

Test(place, a_layer_may_be_named_by_its_index)
{
    pin("3", 1, 6, 0);
    cr_assert_eq(place(make_branches)->cores[3].index, 6);
}

Test(place, the_program_can_be_taken_out)
{
    (void)place(make_branches);
    struct snn_program *taken = snn_placement_take_program(placement);
    cr_assert_not_null(taken);
    cr_assert_null(placement->program);
    cr_assert_null(snn_placement_take_program(placement));
    snn_placement_destroy(&placement);
    cr_assert_eq(taken->core_count, 4);
    cr_assert_str_eq(taken->tool, "test");
    cr_assert_eq(taken->dt_us, 1000.0);
    snn_program_destroy(&taken);
}

Test(place, fits_tell_how_many_features_a_core_holds)
{
    /* 3 channels * 16 * 2 = 96 words, of one feature 48; 2 * 4 * 4 neurons, of one 16. */
    graph = make_branches(support_context());
    chip.cores[0].kernel_words = 48;
    chip.cores[1].neuron_words = 31;
    chip.cores[2].kernel_words = 47;
    cr_assert_eq(lower_and_place(support_context(), graph, &chip), SNN_OK);
    const struct snn_fit *fits = placement->fits_on + 2 * chip.core_count;
    cr_assert(fits[0].constraint == SNN_CONSTRAINT_KERNEL_MEMORY && fits[0].need == 96 &&
              fits[0].limit == 48 && fits[0].features_most == 1);
    cr_assert(fits[1].constraint == SNN_CONSTRAINT_NEURON_MEMORY && fits[1].need == 32 &&
              fits[1].features_most == 1);
    cr_assert_eq(fits[2].features_most, 0);
    cr_assert(fits[3].constraint == SNN_CONSTRAINT_NONE && fits[3].features_most == 2);
}

Test(place, every_constraint_has_a_name_of_its_own)
{
    for (int i = SNN_CONSTRAINT_NONE; i <= SNN_CONSTRAINT_PIN; i++) {
        const char *name = snn_constraint_name((enum snn_constraint)i);
        cr_assert_not_null(name);
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(name, snn_constraint_name((enum snn_constraint)k));
    }
    cr_assert_null(snn_constraint_name((enum snn_constraint)(SNN_CONSTRAINT_PIN + 1)));
}

/* ---- Refused ---- */

static void expect_refused(const char *message)
{
    graph = make_branches(support_context());
    cr_assert_eq(lower_and_place(support_context(), graph, &chip), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()), message);
    cr_assert_null(placement);
}

Test(place, a_pin_must_name_a_layer)
{
    pin("mixd", 1, 0, 0);
    expect_refused("no layer of neurons 'mixd' to keep on a core");
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "layers are named, or counted: 0 'a' to 3 'out'");
}

Test(place, a_pin_must_name_a_core_of_the_chip)
{
    pin("mixed", 1, 9, 0);
    expect_refused("layer 'mixed' cannot be kept on core 9: dynapcnn has cores 0 to 8");
}

Test(place, a_layer_cannot_be_pinned_twice)
{
    pin("mixed", 1, 1, 0);
    pin("2", 1, 1, 0);
    expect_refused("layer 'mixed' is kept on cores twice");
}

Test(place, a_layer_cannot_share_a_core_with_itself)
{
    pin("mixed", 2, 4, 4);
    expect_refused("layer 'mixed' cannot share core 4 with itself");
}

Test(place, a_net_of_real_numbers_has_no_place)
{
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.norm = SNN_NORM_NONE;
    graph = make_branches(support_context());
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_OK);
    cr_assert_eq(snn_place(&placement, support_context(), net, &chip, NULL), SNN_ERR_INVALID);
}

/* ---- Memory ---- */

static int place_once(struct snn_context *context, struct snn_graph *from)
{
    const int status = lower_and_place(context, from, &chip);
    cr_assert(status != SNN_OK || placement->fits == (chip.core_count > 3));
    snn_placement_destroy(&placement);
    snn_net_destroy(&net);
    return status;
}

Test(place, memory_may_run_out_anywhere)
{
    pin("mixed", 2, 7, 4);
    support_sweep_graph(make_branches, place_once);
}

Test(place, memory_may_run_out_anywhere_in_a_refusal)
{
    chip.core_count = 3;
    support_sweep_graph(make_branches, place_once);
}
