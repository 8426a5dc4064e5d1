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
