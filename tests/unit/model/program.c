/* The chip program: words of memory, and what its cores compute.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/net.h"
#include "snn/status.h"
#include "tests/unit/model/support.h"
#include "tests/unit/sketch.h"

static struct snn_program *program;
static struct snn_net *net;

static void end(void)
{
    snn_net_destroy(&net);
    snn_program_destroy(&program);
    support_end();
}

TestSuite(program, .init = support_begin, .fini = end);

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
}

/* Creates and decodes what was sketched. */
static void make(const struct snn_program *sketch)
{
    require_ok(snn_program_create(&program, support_context(), sketch));
    require_ok(snn_program_decode(&net, support_context(), program));
}

/* ---- Words ---- */

struct layer {
    struct snn_shape input, output;
    uint32_t kernel;
    uint64_t kernel_words, neuron_words;
};

static void check_words(const struct layer *layers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct layer *l = &layers[i];
        const struct snn_core_words with =
            snn_core_count_words(l->input, l->output, l->kernel, true);
        const struct snn_core_words without =
            snn_core_count_words(l->input, l->output, l->kernel, false);
        cr_expect_eq(with.kernel, l->kernel_words, "%zu: kernel %llu", i,
                     (unsigned long long)with.kernel);
        cr_expect_eq(with.neuron, l->neuron_words, "%zu: neuron %llu", i,
                     (unsigned long long)with.neuron);
        cr_expect_eq(with.bias, l->output.channels);
        cr_expect_eq(without.kernel, with.kernel);
        cr_expect_eq(without.neuron, with.neuron);
        cr_expect_eq(without.bias, 0);
    }
}

#define CHECK_WORDS(layers) check_words((layers), sizeof(layers) / sizeof((layers)[0]))

/* The rule's own tables: c_in * 2^(ceil log2 k k + ceil log2 f), f * 2^(ceil log2 y + ceil log2 x).
 */
Test(program, words_of_lenet_5)
{
    static const struct layer layers[] = {
        {{1, 28, 28}, {6, 24, 24}, 5, 256, 6144}, {{6, 12, 12}, {16, 8, 8}, 5, 3072, 1024},
        {{16, 4, 4}, {120, 1, 1}, 4, 32768, 120}, {{120, 1, 1}, {84, 1, 1}, 1, 15360, 84},
        {{84, 1, 1}, {10, 1, 1}, 1, 1344, 10},
    };
    CHECK_WORDS(layers);
}

Test(program, words_of_a_dense_layer_whose_kernel_is_not_a_power_of_two)
{
    /* LeNet-5 with padding 2: 16 * 2^(ceil log2 25 + 7) */
    static const struct layer layers[] = {{{16, 5, 5}, {120, 1, 1}, 5, 65536, 120}};
    CHECK_WORDS(layers);
}

Test(program, words_of_a_net_of_twenty_and_thirty_two_features)
{
    static const struct layer layers[] = {
        {{1, 28, 28}, {20, 24, 24}, 5, 1024, 20480}, {{20, 12, 12}, {32, 8, 8}, 5, 20480, 2048},
        {{32, 4, 4}, {128, 2, 2}, 3, 65536, 512},    {{128, 1, 1}, {500, 1, 1}, 1, 65536, 500},
        {{500, 1, 1}, {10, 1, 1}, 1, 8000, 10},
    };
    CHECK_WORDS(layers);
}

/* 50 * 2^(4 + 9); 84 * 2^6 for 37 features, ten classes of which three between two are not read. */
Test(program, words_of_layers_that_other_tables_name)
{
    static const struct layer layers[] = {
        {{50, 4, 4}, {500, 1, 1}, 4, 409600, 500},
        {{84, 1, 1}, {37, 1, 1}, 1, 5376, 37},
    };
    CHECK_WORDS(layers);
}

/* 2^32 - 1 channels and a kernel of 2^16: 2^(32 + 32 + 32) has no 64 bits. */
Test(program, words_beyond_64_bits_are_the_most_there_is)
{
    const struct snn_shape in = {UINT32_MAX, 1, 1}, out = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    const struct snn_core_words words = snn_core_count_words(in, out, 65536, false);
    cr_expect_eq(words.kernel, UINT64_MAX);
    cr_expect_eq(words.neuron, UINT64_MAX);
}

/* ---- Decoding ---- */

Test(program, decodes_a_chain_with_pooling)
{
    struct snn_program *sketch = sketch_begin(2, 9, 8);
    const int8_t *bias = sketch_bytes(4, 5, 7);
    sketch_add((struct snn_core){.index = 0,
                                 .output = {4, 0, 0},
                                 .kernel_size = 3,
                                 .pad_y = 1,
                                 .pad_x = 1,
                                 .bias = bias,
                                 .destination_count = 1,
                                 .destinations = {{3, 2, 0}}});
    sketch_add((struct snn_core){.index = 3,
                                 .input = {4, 4, 4},
                                 .output = {3, 0, 0},
                                 .kernel_size = 2,
                                 .stride_y = 2,
                                 .stride_x = 2});
    make(sketch);
    cr_assert_eq(net->population_count, 2);
    cr_assert_eq(net->synapse_count, 2);
    cr_assert_eq(net->class_count, 12);
    cr_assert_eq(net->arith, SNN_ARITH_CHIP);
    cr_assert_eq(net->neuron_count, 4 * 9 * 8 + 3 * 2 * 2);
    const struct snn_population *first = &net->populations[0], *last = &net->populations[1];
    cr_assert_str_eq(first->name, "layer0");
    cr_assert_eq(first->core, 0);
    cr_assert_eq(last->core, 3);
    cr_assert_eq(first->bias_count, 4);
    cr_assert_eq(first->synapses[0].source, SNN_SOURCE_INPUT);
    cr_assert_eq(first->synapses[0].kind, SNN_SYNAPSE_CONV2D);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq((int)first->bias[i], bias[i]);
    for (size_t i = 0; i < 4 * 2 * 9; i++)
        cr_assert_eq((int)first->synapses[0].weights[i], sketch_core(0)->weights[i]);
    const struct snn_synapse *s = &last->synapses[0];
    cr_assert_eq(s->source, 0);
    cr_assert_eq(s->pool_count, 1);
    cr_assert_eq(s->pools[0].kernel_h, 2);
    cr_assert_eq(s->pools[0].pad_bottom, 0); /* row 9 is dropped */
    cr_assert_eq(s->source_shape.height, 4);
    cr_assert_eq(s->source_shape.width, 4);
    cr_assert_eq(net->readouts[0].threshold, last->threshold);
}

/* A synapse's weights as its core has them: of one feature and channel, by row and column. */
static int weight_of(const struct snn_core *core, uint32_t f, uint32_t c, uint32_t y, uint32_t x)
{
    const size_t k = core->kernel_size;
    return core->weights[((f * core->input.channels + c) * k + y) * k + x];
}

static void check_sliced(const struct snn_synapse *s, const struct snn_core *core, uint32_t shift)
{
    const uint32_t k = core->kernel_size;
    const float *at = s->weights;
    cr_assert_eq(s->kind, SNN_SYNAPSE_CONV2D);
    cr_assert_eq(s->weight_count, core->output.channels * s->source_shape.channels * k * k);
    for (uint32_t f = 0; f < core->output.channels; f++)
        for (uint32_t c = 0; c < s->source_shape.channels; c++)
            for (uint32_t i = 0; i < k * k; i++)
                cr_assert_eq((int)*at++, weight_of(core, f, c + shift, i / k, i % k));
}

Test(program, decodes_branches_side_by_side)
{
    make(sketch_concat());
    const struct snn_population *join = &net->populations[2];
    cr_assert_eq(join->synapse_count, 2);
    cr_assert_eq(net->populations[0].synapses[0].source, SNN_SOURCE_INPUT);
    cr_assert_eq(net->populations[1].synapses[0].source, SNN_SOURCE_INPUT);
    cr_assert_eq(join->synapses[0].source, 0);
    cr_assert_eq(join->synapses[1].source, 1);
    cr_assert_eq(join->synapses[0].source_shape.channels, 4);
    cr_assert_eq(join->synapses[1].source_shape.channels, 3);
    cr_assert_eq(join->synapses[1].pools[0].kernel_w, 2);
    check_sliced(&join->synapses[0], sketch_core(2), 0);
    check_sliced(&join->synapses[1], sketch_core(2), 4);
    cr_assert_eq(join->synapse_first, 2);
    cr_assert_eq(net->synapse_count, 4);
}

Test(program, decodes_a_layer_on_two_cores)
{
    make(sketch_split());
    const struct snn_population *p = net->populations;
    cr_assert_eq(net->population_count, 4);
    cr_assert_str_eq(p[0].name, "layer0");
    cr_assert_str_eq(p[1].name, "halves[0..2]");
    cr_assert_str_eq(p[2].name, "halves[3..4]");
    cr_assert(!p[0].continues && !p[1].continues && p[2].continues && !p[3].continues);
    cr_assert_eq(p[1].core, 4);
    cr_assert_eq(p[2].core, 5);
    cr_assert_eq(p[3].synapse_count, 2);
    cr_assert_eq(p[3].synapses[1].source, 2);
    cr_assert_eq(p[3].synapses[1].source_shape.channels, 2);
    cr_assert_eq(net->class_count, 4);
}

/* Class i is feature 4 i. */
Test(program, decodes_a_spread_readout)
{
    make(sketch_spread());
    const struct snn_population *last = &net->populations[1];
    cr_assert_eq(last->shape.channels, 9);
    cr_assert_eq(net->class_count, 3);
    cr_assert_str_eq(last->name, "classes");
    cr_assert_eq(last->macs, 3 * 3 * 16);
    for (uint32_t f = 0; f < 9; f++) {
        int most = 0;
        for (uint32_t i = 0; i < 48; i++)
            most = most != 0 ? most : (int)last->synapses[0].weights[f * 48 + i];
        cr_assert_eq(most != 0, f % 4 == 0, "feature %u", f);
    }
}

Test(program, names_parts_of_a_spread_layer_by_their_classes)
{
    make(sketch_spread_split());
    cr_assert_str_eq(net->populations[1].name, "classes[0..2]");
    cr_assert_str_eq(net->populations[2].name, "classes[3..4]");
    cr_assert(net->populations[2].continues);
    cr_assert_eq(net->class_count, 5);
}

/* Input (y, x) meets tap (y + 1, x + 1). */
Test(program, decodes_a_covering_kernel_with_padding_as_dense)
{
    make(sketch_dense_padded());
    const struct snn_synapse *s = &net->populations[0].synapses[0];
    cr_assert_eq(s->kind, SNN_SYNAPSE_DENSE);
    cr_assert_eq(s->weight_count, 4 * 2 * 9);
    for (uint32_t f = 0; f < 4; f++)
        for (uint32_t c = 0; c < 2; c++)
            for (uint32_t i = 0; i < 9; i++)
                cr_assert_eq((int)s->weights[(f * 2 + c) * 9 + i],
                             weight_of(sketch_core(0), f, c, i / 3 + 1, i % 3 + 1));
}

Test(program, keeps_a_window_that_does_not_reach_every_input)
{
    make(sketch_point());
    const struct snn_synapse *s = &net->populations[0].synapses[0];
    cr_assert_eq(s->kind, SNN_SYNAPSE_CONV2D);
    cr_assert_eq(s->window.stride_h, 8);
    cr_assert_eq(snn_synapse_fanout(net, 0, 0, 2, 2), 3);
    cr_assert_eq(snn_synapse_fanout(net, 0, 0, 3, 0), 0);
    cr_assert_eq(snn_synapse_fanout(net, 0, 0, 0, 4), 0);
}

/* Address 4 / 2 = 2 lies within the input map of 3. */
Test(program, lets_a_pool_that_is_not_whole_in_where_the_map_has_room)
{
    make(sketch_ragged());
    const struct snn_synapse *s = &net->populations[2].synapses[0];
    cr_assert_eq(s->source_shape.height, 3);
    cr_assert_eq(s->source_shape.width, 3);
    cr_assert_eq(s->pools[0].pad_bottom, 1);
    cr_assert_eq(s->pools[0].pad_right, 1);
    cr_assert_eq(net->populations[2].synapses[1].pool_count, 0);
}

Test(program, decodes_a_source_that_is_smaller_than_the_input_map)
{
    make(sketch_small());
    const struct snn_synapse *s = net->populations[2].synapses;
    cr_assert_eq(s[0].source_shape.height, 3);
    cr_assert_eq(s[0].window.pad_bottom, 1);
    cr_assert_eq(s[1].source_shape.height, 4);
    cr_assert_eq(s[1].window.pad_bottom, 0);
}

Test(program, decodes_what_neurons_fire_by)
{
    make(sketch_wild());
    const struct snn_population *p = net->populations;
    const struct snn_core *first = sketch_core(0);
    cr_assert_eq((int)p[0].threshold, 12);
    cr_assert_eq((int)p[0].v_min, -20);
    cr_assert_eq(p[0].reset, SNN_RESET_SUBTRACT);
    cr_assert_eq(p[1].reset, SNN_RESET_ZERO);
    cr_assert_null(p[1].neurons);
    cr_assert_eq((int)net->readouts[0].threshold, 7);
    cr_assert_eq(p[0].neurons->v_init_count, 100);
    cr_assert_eq((int)p[0].neurons->threshold[0], 12);
    for (size_t i = 0; i < 100; i++)
        cr_assert_eq((int)p[0].neurons->v_init[i], first->v_init[i]);
}

Test(program, decodes_two_destinations_that_are_one_core)
{
    make(sketch_twice());
    const struct snn_population *last = &net->populations[1];
    cr_assert_eq(last->synapse_count, 2);
    cr_assert_eq(last->synapses[0].source, 0);
    cr_assert_eq(last->synapses[1].source, 0);
    check_sliced(&last->synapses[0], sketch_core(1), 0);
    check_sliced(&last->synapses[1], sketch_core(1), 2);
}

/* ---- Life ---- */

Test(program, is_a_copy_of_its_description)
{
    static int8_t weights[6 * 9];
    static int16_t potential = 5;
    struct snn_program *sketch = sketch_split();
    struct snn_core *core = sketch_core(0);
    memcpy(weights, core->weights, sizeof(weights));
    core->weights = weights;
    core->v_init = &potential;
    require_ok(snn_program_create(&program, support_context(), sketch));
    const int8_t first = weights[0];
    weights[0] = (int8_t)(first + 1);
    potential = 6;
    core->kernel_size = 7;
    cr_assert_eq(program->cores[0].weights[0], first);
    cr_assert_eq(program->cores[0].v_init[0], 5);
    cr_assert_eq(program->cores[0].kernel_size, 3);
    cr_assert_eq(program->cores[0].words.kernel, 1 * 16 * 8);
    cr_assert_eq(program->cores[0].words.neuron, 6 * 8 * 8);
    cr_assert_eq(program->cores[0].words.bias, 6);
}

Test(program, texts_may_be_missing)
{
    struct snn_program *sketch = sketch_point();
    sketch->tool = sketch->model_sha256 = NULL;
    require_ok(snn_program_create(&program, support_context(), sketch));
    cr_assert_str_eq(program->tool, "");
    cr_assert_str_eq(program->model_sha256, "");
}

static int create_and_decode(struct snn_context *context)
{
    struct snn_program *made = NULL;
    struct snn_net *decoded = NULL;
    int status = snn_program_create(&made, context, sketch_wild());
    if (status == SNN_OK) status = snn_program_decode(&decoded, context, made);
    snn_net_destroy(&decoded);
    snn_program_destroy(&made);
    return status;
}

Test(program, runs_out_of_memory_cleanly)
{
    support_sweep(create_and_decode);
}
