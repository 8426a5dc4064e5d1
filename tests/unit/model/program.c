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
