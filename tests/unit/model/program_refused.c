/* What is no chip program: a table with one register wrong a line, and what is said about it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/model/support.h"
#include "tests/unit/sketch.h"

TestSuite(program_refused, .init = support_begin, .fini = support_end);

struct refusal {
    struct snn_program *(*make)(void);
    void (*spoil)(struct snn_program *program);
    const char *message;
};

static void check(const struct refusal *refusal, int expected)
{
    struct snn_context *context = support_context();
    struct snn_program *program = NULL, *sketch = refusal->make();
    if (refusal->spoil != NULL) refusal->spoil(sketch);
    int status = snn_program_create(&program, context, sketch);
    cr_expect_eq(status, expected, "%s: status %d", refusal->message, status);
    cr_expect_str_eq(snn_context_message(context), refusal->message);
    cr_assert_null(program);
}

static void check_all(const struct refusal *refusals, size_t count, int expected)
{
    for (size_t i = 0; i < count; i++)
        check(&refusals[i], expected);
}

#define CHECK_ALL(refusals, status) \
    check_all((refusals), sizeof(refusals) / sizeof((refusals)[0]), (status))

/* A function that spoils a register of one core, or of the program. */
#define SPOIL(name, position, change)                  \
    static void name(struct snn_program *p)            \
    {                                                  \
        struct snn_core *core = sketch_core(position); \
        (void)core, (void)p;                           \
        change;                                        \
    }

/* ---- The program ---- */

SPOIL(no_name, 0, p->name = NULL)
SPOIL(no_cores, 0, p->core_count = 0)
SPOIL(more_cores, 0, p->core_count = 10)
SPOIL(bad_sha, 0, p->model_sha256 = "ABC")
SPOIL(no_dt, 0, p->dt_us = 0.0)
SPOIL(endless_dt, 0, p->dt_us = INFINITY)
SPOIL(empty_input, 0, p->input_shape.width = 0)
SPOIL(many_channels, 0, p->input_shape.channels = 1025)
SPOIL(no_profile, 0, p->chip.destination_max = 0)
SPOIL(other_spread, 0, p->readout_spread = 4)
SPOIL(other_classes, 0, p->class_count = 5)
SPOIL(too_many_classes, 0, p->chip.readout_classes = 3)

Test(program_refused, programs)
{
    static const struct refusal refusals[] = {
        {sketch_split, no_name, "name is missing"},
        {sketch_split, no_cores, "0 cores are used, the chip has 9"},
        {sketch_split, more_cores, "10 cores are used, the chip has 9"},
        {sketch_split, bad_sha, "model_sha256: 64 lower-case hexadecimal digits expected"},
        {sketch_split, no_dt, "dt_us is 0, above 0 expected"},
        {sketch_split, endless_dt, "dt_us is inf, above 0 expected"},
        {sketch_split, empty_input,
         "input shape 1x5x0: 1 to 1024 channels and no empty axis expected"},
        {sketch_split, many_channels,
         "input shape 1025x5x5: 1 to 1024 channels and no empty axis expected"},
        {sketch_split, no_profile,
         "chip: destination_max: a whole number from 1 to 4 expected, 0 found"},
        {sketch_split, other_spread, "readout_spread is 4, the chip's is 1"},
        {sketch_split, other_classes, "class_count is 5, 4 follows from the last layer"},
        {sketch_split, too_many_classes, "4 classes, the readout tells 3 apart"},
    };
    CHECK_ALL(refusals, SNN_ERR_INVALID);
}

/* ---- One core ---- */

SPOIL(no_layer, 1, core->layer = NULL)
SPOIL(no_such_core, 1, core->index = 9)
SPOIL(used_twice, 1, core->index = 0)
SPOIL(no_kernel, 1, core->kernel_size = 0)
SPOIL(large_kernel, 1, core->kernel_size = 17)
SPOIL(odd_stride, 1, core->stride_x = 3)
SPOIL(wide_padding, 1, core->pad_y = 8)
SPOIL(high_input, 0, core->input.height = 129)
SPOIL(empty_map, 0, core->input.height = 0)
SPOIL(wide_output, 0, core->output.width = 65)
SPOIL(many_features, 0, core->output.channels = 1025)
SPOIL(many_inputs, 1, core->input.channels = 1025)
SPOIL(other_output, 0, core->output.height = 4)
SPOIL(kernel_beyond_map, 3, core->kernel_size = 6)
SPOIL(no_weights, 1, core->weights = NULL)
SPOIL(no_threshold, 1, core->threshold_high = 0)
SPOIL(positive_clip, 1, core->threshold_low = 1)
SPOIL(clip_at_0, 1, core->threshold_low = 0; p->chip.threshold_low_below_0 = true)
SPOIL(no_potential, 1, core->v_init = NULL)
SPOIL(some_potentials, 1, core->v_init_count = 3)
SPOIL(no_scale, 1, core->scale = 0.0f)

Test(program_refused, registers_of_a_core)
{
    static const struct refusal refusals[] = {
        {sketch_split, no_layer, "core 4 (''): layer has no name"},
        {sketch_split, no_such_core, "core 9 ('halves'): the chip has cores 0 to 8"},
        {sketch_split, used_twice, "core 0 ('halves'): the core is used twice"},
        {sketch_split, no_kernel, "core 4 ('halves'): kernel size 0, the chip has 1 to 16"},
        {sketch_split, large_kernel, "core 4 ('halves'): kernel size 17, the chip has 1 to 16"},
        {sketch_split, odd_stride,
         "core 4 ('halves'): stride 1x3, the chip has 1, 2, 4, 8 per axis"},
        {sketch_split, wide_padding, "core 4 ('halves'): padding 8x1, the chip has 0 to 7"},
        {sketch_split, high_input,
         "core 0 ('layer0'): input map 129x5, the chip has 1x1 to 128x128"},
        {sketch_split, empty_map, "core 0 ('layer0'): input map 0x5, the chip has 1x1 to 128x128"},
        {sketch_split, wide_output,
         "core 0 ('layer0'): output map 5x65, the chip has 1x1 to 64x64"},
        {sketch_split, many_features,
         "core 0 ('layer0'): 1025 output features, the chip has up to 1024"},
        {sketch_split, many_inputs,
         "core 4 ('halves'): 1025 input features, the chip has up to 1024"},
        {sketch_split, other_output,
         "core 0 ('layer0'): output map 4x5, 5x5 follows from the input map 5x5, kernel, stride "
         "and padding"},
        {sketch_split, kernel_beyond_map,
         "core 8 ('layer2'): output map 1x1, 0x0 follows from the input map 5x5, kernel, stride "
         "and padding"},
        {sketch_split, no_weights, "core 4 ('halves'): weights are missing"},
        {sketch_split, no_threshold, "core 4 ('halves'): threshold_high is 0, 1 to 32767 expected"},
        {sketch_split, positive_clip,
         "core 4 ('halves'): threshold_low is 1, -32768 to 0 expected"},
        {sketch_split, clip_at_0, "core 4 ('halves'): threshold_low is 0, -32768 to -1 expected"},
        {sketch_split, no_potential, "core 4 ('halves'): v_init has 0 values, 1 or 75 expected"},
        {sketch_split, some_potentials, "core 4 ('halves'): v_init has 3 values, 1 or 75 expected"},
        {sketch_split, no_scale, "core 4 ('halves'): scale is 0, above 0 expected"},
    };
    CHECK_ALL(refusals, SNN_ERR_INVALID);
}

/* 1 * 2^(ceil log2 9 + ceil log2 6) = 128, 6 * 2^(3 + 3) = 384, 6. */
SPOIL(little_kernel, 0, p->chip.cores[0].kernel_words = 127)
SPOIL(little_neuron, 0, p->chip.cores[0].neuron_words = 383)
SPOIL(little_bias, 0, p->chip.cores[0].bias_words = 5)

Test(program_refused, memories)
{
    static const struct refusal refusals[] = {
        {sketch_split, little_kernel,
         "core 0 ('layer0'): kernel memory: 128 words, the core has 127"},
        {sketch_split, little_neuron,
         "core 0 ('layer0'): neuron memory: 384 words, the core has 383"},
        {sketch_split, little_bias, "core 0 ('layer0'): bias memory: 6 words, the core has 5"},
    };
    CHECK_ALL(refusals, SNN_ERR_LIMIT);
}

Test(program_refused, more_neurons_than_the_limits_allow)
{
    const struct snn_limits limits = {.neuron_count = 278};
    const struct snn_limits enough = {.neuron_count = 279};
    struct snn_context *context = support_limited(&limits);
    struct snn_program *program = NULL;
    /* 6, 3, 2 times 5x5 and 4 */
    cr_assert_eq(snn_program_create(&program, context, sketch_split()), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context), "279 neurons exceed the limit of 278");
    snn_context_destroy(&context);
    context = support_limited(&enough);
    cr_assert_eq(snn_program_create(&program, context, sketch_split()), SNN_OK);
    snn_program_destroy(&program);
    snn_context_destroy(&context);
}

/* ---- Parts of a layer ---- */

SPOIL(layer_left_out, 3, core->layer_index = 3)
SPOIL(layer_again, 3, core->layer_index = 0)
SPOIL(begins_later, 3, core->feature_first = 1)
SPOIL(other_layer_name, 2, core->layer = "other")
SPOIL(other_stride, 2, core->pad_y = 0; core->output.height = 3)
SPOIL(other_threshold, 2, core->threshold_high = 13)
SPOIL(other_reset, 2, core->return_to_zero = true)
SPOIL(gap, 2, core->feature_first = 4)
SPOIL(goes_elsewhere, 2, core->destinations[0].feature_shift = 2)
SPOIL(one_part_is_not_fed, 0, core->destination_count = 1)
SPOIL(parts_fed_apart, 1, sketch_core(0)->output.channels = 5; core->input.channels = 6;
      sketch_core(0)->destinations[1].feature_shift = 1)

Test(program_refused, parts_that_do_not_make_up_a_layer)
{
    static const struct refusal refusals[] = {
        {sketch_split, layer_left_out,
         "core 8 ('layer2'): layer_index is 3, 2 expected: cores come in the order of layers, "
         "parts of one together"},
        {sketch_split, layer_again,
         "core 8 ('layer2'): layer_index is 0, 2 expected: cores come in the order of layers, "
         "parts of one together"},
        {sketch_split, begins_later,
         "core 8 ('layer2'): feature_first is 1, 0 expected of the first core of a layer"},
        {sketch_split, other_layer_name,
         "core 5 ('other'): part of layer 1 like core 4, from which its name, input, window, "
         "thresholds or reset differ"},
        {sketch_split, other_stride,
         "core 5 ('halves'): part of layer 1 like core 4, from which its name, input, window, "
         "thresholds or reset differ"},
        {sketch_split, other_threshold,
         "core 5 ('halves'): part of layer 1 like core 4, from which its name, input, window, "
         "thresholds or reset differ"},
        {sketch_split, other_reset,
         "core 5 ('halves'): part of layer 1 like core 4, from which its name, input, window, "
         "thresholds or reset differ"},
        {sketch_split, gap, "core 5 ('halves'): feature_first is 4, 3 expected behind core 4"},
        {sketch_split, goes_elsewhere,
         "core 5 ('halves'): part of layer 1 like core 4, whose features go elsewhere"},
        {sketch_split, one_part_is_not_fed,
         "core 5 ('halves'): part of layer 1 like core 4, which has other inputs"},
        {sketch_split, parts_fed_apart,
         "core 5 ('halves'): part of layer 1 like core 4, which has other inputs"},
    };
    CHECK_ALL(refusals, SNN_ERR_INVALID);
}

/* ---- Destinations ---- */

SPOIL(input_nowhere, 0, p->input_destination_count = 0)
SPOIL(input_to_readout, 0, p->input_destinations[0].layer = SKETCH_READOUT)
SPOIL(input_to_sensor, 0, p->input_destinations[0].layer = SKETCH_SENSOR)
SPOIL(three_destinations, 0, core->destination_count = 3;
      core->destinations[2] = core->destinations[1])
SPOIL(to_unused, 0, core->destinations[0].layer = 1)
SPOIL(backwards, 3, core->destinations[0].layer = 4)
SPOIL(to_itself, 0, core->destinations[0].layer = 0)
SPOIL(to_the_other_part, 1, core->destinations[0].layer = sketch_core(2)->destinations[0].layer = 5)
SPOIL(odd_pooling, 0, core->destinations[0].pooling = 3)
SPOIL(no_pooling, 0, core->destinations[0].pooling = 0)
SPOIL(shifted_out, 0, core->destinations[1].feature_shift = 1)
SPOIL(shifted_far, 0, core->destinations[1].feature_shift = UINT32_MAX)
SPOIL(out_of_order, 0, core->destinations[0].layer = 5; core->destinations[1].layer = 4)
SPOIL(pooled_map, 0, core->destinations[0].pooling = core->destinations[1].pooling = 2)
SPOIL(pooled_away, 0, core->destinations[0].pooling = 4; core->input.height = 1;
      core->output.height = 1; p->input_shape.height = 1; core->pad_y = 1)
SPOIL(early_readout, 0, core->destinations[0].layer = SKETCH_READOUT)
SPOIL(no_readout, 3, core->destination_count = 0)
SPOIL(pooled_readout, 3, core->destinations[0].pooling = 2)
SPOIL(shifted_readout, 3, core->destinations[0].feature_shift = 1)
SPOIL(two_readouts, 3, core->destination_count = 2; core->destinations[1] = core->destinations[0])
SPOIL(unfed, 0, p->input_destinations[0].layer = 4)
SPOIL(small_input, 0, p->input_shape.height = 4)
SPOIL(large_input, 0, p->input_shape.height = 6)

Test(program_refused, destinations)
{
    static const struct refusal refusals[] = {
        {sketch_split, input_nowhere, "input: 0 destinations, 1 to 2 expected"},
        {sketch_split, input_to_readout,
         "input: sends to the readout, which takes the last layer only"},
        {sketch_split, input_to_sensor, "input: sends to core 13, which is not used"},
        {sketch_split, three_destinations, "core 0 ('layer0'): 3 destinations, 1 to 2 expected"},
        {sketch_split, to_unused, "core 0 ('layer0'): sends to core 1, which is not used"},
        {sketch_split, backwards,
         "core 8 ('layer2'): sends to core 4 ('halves'), which does not come behind it"},
        {sketch_split, to_itself,
         "core 0 ('layer0'): sends to core 0 ('layer0'), which does not come behind it"},
        {sketch_split, to_the_other_part,
         "core 4 ('halves'): sends to core 5 ('halves'), which does not come behind it"},
        {sketch_split, odd_pooling, "core 0 ('layer0'): pooling 3, the chip has 1, 2, 4"},
        {sketch_split, no_pooling, "core 0 ('layer0'): pooling 0, the chip has 1, 2, 4"},
        {sketch_split, shifted_out,
         "core 0 ('layer0'): sends features 1 to 6 to core 5, which takes 6"},
        {sketch_split, shifted_far,
         "core 0 ('layer0'): sends features 4294967295 to 4294967300 to core 5, which takes 6"},
        {sketch_split, out_of_order,
         "core 0 ('layer0'): destinations are not in the order of their cores"},
        {sketch_split, pooled_map,
         "core 4 ('halves'): input map 5x5, of which its sources reach 2x2"},
        {sketch_split, pooled_away,
         "core 0 ('layer0'): sends a map 0x1 to core 4, whose input map is 5x5"},
        {sketch_split, early_readout,
         "core 0 ('layer0'): sends to the readout, which takes the last layer only"},
        {sketch_split, no_readout, "core 8 ('layer2'): 0 destinations, 1 to 2 expected"},
        {sketch_split, pooled_readout,
         "core 8 ('layer2'): the last layer has the readout as its one destination, without "
         "pooling, with its feature_first as feature_shift"},
        {sketch_split, shifted_readout,
         "core 8 ('layer2'): the last layer has the readout as its one destination, without "
         "pooling, with its feature_first as feature_shift"},
        {sketch_split, two_readouts,
         "core 8 ('layer2'): the last layer has the readout as its one destination, without "
         "pooling, with its feature_first as feature_shift"},
        {sketch_twice, unfed, "input: sends to core 4, which is not used"},
        {sketch_split, small_input,
         "core 0 ('layer0'): input map 5x5, of which its sources reach 4x5"},
        {sketch_split, large_input, "input: sends a map 6x5 to core 0, whose input map is 5x5"},
    };
    CHECK_ALL(refusals, SNN_ERR_INVALID);
}

Test(program_refused, a_core_that_nothing_sends_to)
{
    struct snn_context *context = support_context();
    struct snn_program *program = NULL, *sketch = sketch_concat();
    sketch->input_destination_count = 1; /* core 1 is left out */
    cr_assert_eq(snn_program_create(&program, context, sketch), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context), "core 1 ('layer1'): nothing sends to it");
}

/* ---- Features between classes ---- */

static int8_t copied[9 * 48];

static void copy_weights(struct snn_core *core)
{
    memcpy(copied, core->weights, sizeof(copied));
    core->weights = copied;
}

static const int8_t biases[9] = {1, 0, 0, 0, 1, 1, 0, 0, 1};
static const int16_t high = 8;
static int16_t potentials[9];

SPOIL(weight_between, 1, copy_weights(core); copied[3 * 48 + 47] = 1)
SPOIL(bias_between, 1, core->bias = biases)
SPOIL(potential_between, 1, core->v_init = potentials; core->v_init_count = 9; potentials[7] = 1)
SPOIL(potential_of_all, 1, core->v_init = &high)
SPOIL(part_within_a_class, 2, core->feature_first = 9)

Test(program_refused, features_between_classes_that_could_fire)
{
    static const struct refusal refusals[] = {
        {sketch_spread, weight_between,
         "core 6 ('classes'): feature 3 has weights, a bias or a potential: the readout reads "
         "every "
         "4. feature, those between must be 0"},
        {sketch_spread, bias_between,
         "core 6 ('classes'): feature 5 has weights, a bias or a potential: the readout reads "
         "every "
         "4. feature, those between must be 0"},
        {sketch_spread, potential_between,
         "core 6 ('classes'): feature 7 has weights, a bias or a potential: the readout reads "
         "every "
         "4. feature, those between must be 0"},
        {sketch_spread, potential_of_all,
         "core 6 ('classes'): v_init is 8 for all features, at which those between classes fire"},
        {sketch_spread_split, part_within_a_class,
         "core 2 ('classes'): feature_first is 9, 12 expected behind core 6"},
    };
    CHECK_ALL(refusals, SNN_ERR_INVALID);
}
