/* Chip programs for tests, see sketch.h.
 */
#include "tests/unit/sketch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CORES_MAX = 16, POOL = 1 << 20 };

static struct snn_program program;
static struct snn_core cores[CORES_MAX];
static char names[CORES_MAX][16];
static int8_t bytes[POOL];
static int16_t words[POOL];
static size_t bytes_used, words_used;
static const int16_t zero;

struct snn_chip sketch_chip(void)
{
    static const uint32_t kernel[9] = {16, 16, 16, 32, 32, 64, 64, 16, 16};
    static const uint32_t neuron[9] = {64, 64, 64, 32, 32, 16, 16, 16, 16};
    struct snn_chip chip = {
        .name = "sketch",
        .description = "nine cores",
        .source = "this test",
        .core_count = 9,
        .kernel_size_max = 16,
        .stride_count = 4,
        .strides = {1, 2, 4, 8},
        .padding_max = 7,
        .pooling_count = 3,
        .poolings = {1, 2, 4},
        .input_size_max = 128,
        .output_size_max = 64,
        .feature_max = 1024,
        .destination_max = 2,
        .readout_layer = SKETCH_READOUT,
        .sensor_layer = SKETCH_SENSOR,
        .readout_spread = 1,
        .energy = "sinabs",
    };
    for (size_t i = 0; i < 9; i++)
        chip.cores[i] = (struct snn_chip_core){kernel[i] * 1024, neuron[i] * 1024, 1024, 0.0};
    return chip;
}

struct snn_program *sketch_begin(uint32_t channels, uint32_t height, uint32_t width)
{
    bytes_used = words_used = 0;
    memset(cores, 0, sizeof(cores));
    program = (struct snn_program){
        .name = "net",
        .model_sha256 = "",
        .tool = "test",
        .chip = sketch_chip(),
        .input_shape = {channels, height, width},
        .input_destination_count = 1,
        .input_destinations = {{0, 1, 0}},
        .cores = cores,
        .readout_spread = 1,
        .dt_us = 1000.0,
    };
    return &program;
}

/* Numerical Recipes' generator: any will do that is the same everywhere. */
static int draw(unsigned *state, int range)
{
    *state = *state * 1664525u + 1013904223u;
    return (int)((*state >> 8) % (2u * (unsigned)range + 1u)) - range;
}

const int8_t *sketch_bytes(size_t count, int range, unsigned seed)
{
    int8_t *out = bytes + bytes_used;
    bytes_used += count;
    if (bytes_used > POOL) abort();
    for (size_t i = 0; i < count; i++)
        out[i] = (int8_t)draw(&seed, range);
    return out;
}

const int16_t *sketch_words(size_t count, int range, unsigned seed)
{
    int16_t *out = words + words_used;
    words_used += count;
    if (words_used > POOL) abort();
    for (size_t i = 0; i < count; i++)
        out[i] = (int16_t)draw(&seed, range);
    return out;
}

static uint32_t positions(uint32_t input, uint32_t pad, uint32_t kernel, uint32_t stride)
{
    return (input + 2 * pad - kernel) / stride + 1;
}

static void fill(struct snn_core *core, uint32_t position)
{
    const struct snn_core *before = position > 0 ? &cores[position - 1] : NULL;
    if (core->input.channels == 0)
        core->input = before != NULL ? before->output : program.input_shape;
    if (core->stride_y == 0) core->stride_y = core->stride_x = 1;
    if (core->output.height == 0)
        core->output.height =
            positions(core->input.height, core->pad_y, core->kernel_size, core->stride_y);
    if (core->output.width == 0)
        core->output.width =
            positions(core->input.width, core->pad_x, core->kernel_size, core->stride_x);
    if (core->threshold_high == 0) core->threshold_high = 100;
    if (core->threshold_low == 0) core->threshold_low = -100;
    if (core->scale <= 0.0f) core->scale = 1.0f;
    if (core->v_init == NULL) {
        core->v_init = &zero;
        core->v_init_count = 1;
    }
    if (core->weights == NULL)
        core->weights = sketch_bytes((size_t)core->output.channels * core->input.channels *
                                         core->kernel_size * core->kernel_size,
                                     8, position + 1);
    if (core->destination_count == 0) {
        core->destination_count = 1;
        core->destinations[0] = (struct snn_destination){SKETCH_READOUT, 1, core->feature_first};
    }
}

struct snn_core *sketch_add(struct snn_core core)
{
    const uint32_t position = program.core_count++;
    if (position >= CORES_MAX) abort();
    if (core.layer_index == 0 && position > 0 && core.feature_first == 0)
        core.layer_index = cores[position - 1].layer_index + 1;
    if (core.layer == NULL) {
        (void)snprintf(names[position], sizeof(names[position]), "layer%u", core.layer_index);
        core.layer = names[position];
    }
    fill(&core, position);
    cores[position] = core;
    program.class_count =
        ((core.feature_first + core.output.channels - 1) / program.chip.readout_spread + 1) *
        core.output.height * core.output.width;
    return &cores[position];
}

struct snn_core *sketch_core(uint32_t position)
{
    return &cores[position];
}

/* ---- Programs ---- */

const struct sketch sketches[SKETCH_COUNT] = {
    {"concat", sketch_concat}, {"split", sketch_split},
    {"spread", sketch_spread}, {"spread_split", sketch_spread_split},
    {"point", sketch_point},   {"dense_padded", sketch_dense_padded},
    {"ragged", sketch_ragged}, {"small", sketch_small},
    {"wild", sketch_wild},     {"twice", sketch_twice},
    {"oblong", sketch_oblong},
};

static void send(struct snn_core *core, uint32_t layer, uint32_t pooling, uint32_t feature_shift)
{
    core->destinations[core->destination_count++] =
        (struct snn_destination){layer, pooling, feature_shift};
}

/* A kernel of 3 with padding 1: the map stays. */
static struct snn_core same(uint32_t index, uint32_t features)
{
    return (struct snn_core){.index = index,
                             .output = {features, 0, 0},
                             .kernel_size = 3,
                             .pad_y = 1,
                             .pad_x = 1,
                             .threshold_high = 12,
                             .threshold_low = -20,
                             .bias = sketch_bytes(features, 4, index + 50)};
}

struct snn_program *sketch_concat(void)
{
    struct snn_program *p = sketch_begin(2, 6, 6);
    struct snn_core a = same(0, 4), b = same(1, 3), join = same(2, 5);
    p->input_destinations[p->input_destination_count++] = (struct snn_destination){1, 1, 0};
    b.input = p->input_shape;
    join.input = (struct snn_shape){7, 3, 3};
    send(&a, 2, 2, 0);
    send(&b, 2, 2, 4);
    sketch_add(a);
    sketch_add(b);
    sketch_add(join);
    return p;
}

struct snn_program *sketch_split(void)
{
    struct snn_program *p = sketch_begin(1, 5, 5);
    struct snn_core first = same(0, 6), lower = same(4, 3), upper = same(5, 2);
    struct snn_core last = {.index = 8, .input = {5, 5, 5}, .output = {4, 0, 0}, .kernel_size = 5};
    send(&first, 4, 1, 0);
    send(&first, 5, 1, 0);
    send(&lower, 8, 1, 0);
    send(&upper, 8, 1, 3);
    lower.layer = upper.layer = "halves";
    lower.layer_index = upper.layer_index = 1;
    upper.feature_first = 3;
    upper.input = (struct snn_shape){6, 5, 5};
    last.threshold_high = 5;
    sketch_add(first);
    sketch_add(lower);
    sketch_add(upper);
    sketch_add(last);
    return p;
}

/* Weights and biases of every fourth feature only. */
static void spread(struct snn_core *core)
{
    const size_t taps = core->input.channels * core->kernel_size * core->kernel_size;
    const size_t features = core->output.channels;
    int8_t *weights = bytes + (core->weights - bytes), *bias = bytes + (core->bias - bytes);
    for (size_t f = 0; f < features; f++) {
        if (f % 4 == 0) continue;
        memset(weights + f * taps, 0, taps);
        bias[f] = 0;
    }
}

static struct snn_core classes(uint32_t index, uint32_t features)
{
    return (struct snn_core){.index = index,
                             .layer = "classes",
                             .layer_index = 1,
                             .input = {3, 4, 4},
                             .output = {features, 0, 0},
                             .kernel_size = 4,
                             .threshold_high = 8,
                             .bias = sketch_bytes(features, 4, features)};
}

struct snn_program *sketch_spread(void)
{
    struct snn_program *p = sketch_begin(2, 4, 4);
    struct snn_core first = same(3, 3);
    p->chip.readout_spread = p->readout_spread = 4;
    p->input_destinations[0].layer = 3;
    send(&first, 6, 1, 0);
    sketch_add(first);
    spread(sketch_add(classes(6, 9)));
    return p;
}

struct snn_program *sketch_spread_split(void)
{
    struct snn_program *p = sketch_begin(2, 4, 4);
    struct snn_core first = same(3, 3), upper = classes(2, 5);
    p->chip.readout_spread = p->readout_spread = 4;
    p->input_destinations[0].layer = 3;
    upper.feature_first = 12;
    send(&first, 6, 1, 0);
    send(&first, 2, 1, 0);
    sketch_add(first);
    spread(sketch_add(classes(6, 9)));
    spread(sketch_add(upper));
    return p;
}

struct snn_program *sketch_dense_padded(void)
{
    struct snn_program *p = sketch_begin(2, 3, 3);
    struct snn_core core = same(0, 4);
    core.kernel_size = 5;
    core.threshold_high = 15;
    sketch_add(core);
    return p;
}

struct snn_program *sketch_point(void)
{
    struct snn_program *p = sketch_begin(1, 5, 5);
    struct snn_core core = same(0, 3);
    core.pad_y = core.pad_x = 0;
    core.stride_y = core.stride_x = 8;
    sketch_add(core);
    return p;
}

/* Two branches of the input in front of one core, the first with a map as it is, the second with
 * another map, features in their order. */
static struct snn_program *join(struct snn_program *p, struct snn_core a, struct snn_core b,
                                struct snn_core last)
{
    p->input_destinations[p->input_destination_count++] = (struct snn_destination){1, 1, 0};
    b.input = p->input_shape;
    sketch_add(a);
    sketch_add(b);
    sketch_add(last);
    return p;
}

struct snn_program *sketch_ragged(void)
{
    struct snn_program *p = sketch_begin(1, 5, 5);
    struct snn_core a = same(0, 2), b = same(1, 3), last = same(2, 4);
    send(&a, 2, 2, 0); /* 5x5 / 2 */
    send(&b, 2, 1, 2); /* 3x3 */
    b.pad_y = b.pad_x = 0;
    last.input = (struct snn_shape){5, 3, 3};
    return join(p, a, b, last);
}

struct snn_program *sketch_small(void)
{
    struct snn_program *p = sketch_begin(1, 5, 5);
    struct snn_core a = same(0, 2), b = same(1, 3), last = same(2, 4);
    send(&a, 2, 1, 0); /* 3x3 */
    send(&b, 2, 1, 2); /* 4x4 */
    a.pad_y = a.pad_x = b.pad_y = b.pad_x = 0;
    b.kernel_size = 2;
    last.input = (struct snn_shape){5, 4, 4};
    last.kernel_size = 2;
    last.stride_y = last.stride_x = 2;
    last.pad_y = last.pad_x = 0;
    return join(p, a, b, last);
}

struct snn_program *sketch_wild(void)
{
    struct snn_program *p = sketch_begin(1, 5, 5);
    struct snn_core first = same(7, 4);
    struct snn_core last = {
        .index = 1, .output = {3, 0, 0}, .kernel_size = 5, .return_to_zero = true};
    p->input_destinations[0].layer = 7;
    first.weights = sketch_bytes(4 * 9, 100, 9);
    first.v_init = sketch_words(4 * 25, 30, 10);
    first.v_init_count = 4 * 25;
    send(&first, 1, 1, 0);
    last.threshold_high = 7;
    last.threshold_low = -3;
    last.bias = sketch_bytes(3, 20, 11);
    sketch_add(first);
    sketch_add(last);
    return p;
}

struct snn_program *sketch_twice(void)
{
    struct snn_program *p = sketch_begin(1, 4, 4);
    struct snn_core first = same(0, 2), last = same(1, 3);
    send(&first, 1, 1, 0);
    send(&first, 1, 1, 2);
    last.input = (struct snn_shape){4, 4, 4};
    sketch_add(first);
    sketch_add(last);
    return p;
}

struct snn_program *sketch_oblong(void)
{
    struct snn_program *p = sketch_begin(2, 9, 12);
    struct snn_core first = same(0, 5), last = same(1, 3);
    first.stride_y = 2;
    first.stride_x = 1;
    first.pad_y = 0;
    first.pad_x = 2;
    first.output.height = 4;
    first.output.width = 14;
    send(&first, 1, 4, 0); /* 4x14 / 4: 1x3, columns 12 and 13 are dropped */
    last.input = (struct snn_shape){5, 1, 3};
    last.kernel_size = 4;
    last.pad_y = 3;
    last.stride_y = 4;
    last.stride_x = 2;
    last.output.height = 1;
    last.output.width = 1;
    sketch_add(first);
    sketch_add(last);
    return p;
}
