/* The program and the samples of the behaviours; no device here. */
#include "tests/device/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/chip.h"
#include "snn/status.h"
#include "snn/target.h"

enum { FEATURES = 4, MEMORY = 9, SIDE = 8, KERNEL = 3, POOLED = 4 };

/* Numerical Recipes' generator: any will do that is the same everywhere. */
static uint32_t draw(uint32_t *state, uint32_t range)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % range;
}

int sample_program(struct snn_program **out, struct snn_context *context, const char *chip)
{
    static const int8_t bias[FEATURES] = {1, -1, 2, 0};
    static const int16_t first[1] = {3}, zero[1] = {0};
    int8_t weights[FEATURES * KERNEL * KERNEL];
    int8_t dense[MEMORY * FEATURES * POOLED * POOLED] = {0};
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof(weights); i++)
        weights[i] = (int8_t)((int)draw(&seed, 12) - 3);
    for (size_t i = 0; i < sizeof(dense); i++) {
        /* Only one feature in four is a class. */
        if (i / (FEATURES * POOLED * POOLED) % 4 == 0)
            dense[i] = (int8_t)((int)draw(&seed, 14) - 5);
    }
    const struct snn_core cores[2] = {
        {
            .index = 0,
            .layer = "conv",
            .input = {1, SIDE, SIDE},
            .output = {FEATURES, SIDE, SIDE},
            .kernel_size = KERNEL,
            .stride_y = 1,
            .stride_x = 1,
            .pad_y = 1,
            .pad_x = 1,
            .weights = weights,
            .bias = bias,
            .threshold_high = 12,
            .threshold_low = -20,
            .v_init = first,
            .v_init_count = 1,
            .destination_count = 1,
            .destinations = {{1, 2, 0}},
            .scale = 1.0f,
        },
        {
            .index = 1,
            .layer = "dense",
            .layer_index = 1,
            .input = {FEATURES, POOLED, POOLED},
            .output = {MEMORY, 1, 1},
            .kernel_size = POOLED,
            .stride_y = 1,
            .stride_x = 1,
            .weights = dense,
            .threshold_high = 20,
            .threshold_low = -40,
            .v_init = zero,
            .v_init_count = 1,
            .destination_count = 1,
            .destinations = {{SAMPLE_READOUT, 1, 0}},
            .scale = 1.0f,
        },
    };
    struct snn_program description = {
        .name = "behaviour",
        .model_sha256 = "",
        .tool = "test",
        .input_shape = {1, SIDE, SIDE},
        .input_destination_count = 1,
        .input_destinations = {{0, 1, 0}},
        .cores = cores,
        .core_count = 2,
        .class_count = 3,
        .dt_us = SAMPLE_STEP_US,
    };
    int status = snn_chip_load(&description.chip, context, chip);
    description.readout_spread = description.chip.readout_spread;
    return status == SNN_OK ? snn_program_create(out, context, &description) : status;
}

void sample_make(struct sample *out, uint32_t number)
{
    uint32_t seed = number * 2654435761u + 1u;
    uint32_t count = 0;
    for (uint32_t step = 0; step < SAMPLE_STEPS; step++) {
        out->begin[step] = count;
        for (uint32_t address = 0; address < SIDE * SIDE; address++) {
            if (draw(&seed, 3) == 0) out->address[count++] = address;
        }
    }
    out->begin[SAMPLE_STEPS] = count;
}

struct snn_device_event sample_event(const struct sample *sample, uint32_t step, uint32_t index)
{
    return (struct snn_device_event){
        .time_us = (uint64_t)step * SAMPLE_STEP_US + (index - sample->begin[step]),
        .y = (uint8_t)(sample->address[index] / SIDE),
        .x = (uint8_t)(sample->address[index] % SIDE),
    };
}

bool output_add(struct output *output, const struct snn_device_event *event)
{
    if (output->count == output->room) {
        size_t room = output->room * 2 + 256;
        struct snn_device_event *more = realloc(output->events, room * sizeof(*more));
        if (!more) return false;
        output->events = more;
        output->room = room;
    }
    output->events[output->count++] = *event;
    return true;
}

void output_free(struct output *output)
{
    free(output->events);
    *output = (struct output){0};
}

/* ---- What is expected ---- */

struct oracle {
    struct output *output;
    const struct snn_program *program;
    const struct sample *sample;
    bool failed;
};

static void on_spike(const struct snn_spike *spike, void *user)
{
    struct oracle *oracle = user;
    const struct snn_core *core = &oracle->program->cores[spike->population];
    uint32_t events = oracle->sample->begin[spike->step + 1] - oracle->sample->begin[spike->step];
    /* A bias tick comes when the step is over. */
    uint32_t since = spike->event < events ? spike->event : SAMPLE_STEP_US;
    struct snn_device_event event = {
        .time_us = (uint64_t)spike->step * SAMPLE_STEP_US + since,
        .layer = (uint16_t)core->index,
        .feature = (uint16_t)spike->channel,
        .y = (uint8_t)spike->y,
        .x = (uint8_t)spike->x,
    };
    if (!output_add(oracle->output, &event)) oracle->failed = true;
    if (core->destinations[0].layer != SAMPLE_READOUT) return;
    event.layer = SAMPLE_READOUT;
    if (!output_add(oracle->output, &event)) oracle->failed = true;
}

static int run_chip(struct snn_target *target, struct snn_context *context, struct oracle *oracle)
{
    const struct snn_spikes spikes = {
        .step_count = SAMPLE_STEPS,
        .step_begin = oracle->sample->begin,
        .address = oracle->sample->address,
    };
    int status = snn_target_load_program(target, context, oracle->program);
    if (status == SNN_OK) status = snn_target_watch(target, context, on_spike, oracle);
    if (status == SNN_OK) status = snn_target_reset(target, context);
    if (status == SNN_OK) status = snn_target_push(target, context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(target, context, SAMPLE_STEPS);
    return status == SNN_OK && oracle->failed ? SNN_ERR_NOMEM : status;
}

int output_expect(struct output *output, struct snn_context *context,
                  const struct snn_program *program, const struct sample *sample)
{
    struct oracle oracle = {output, program, sample, false};
    struct snn_target *target = NULL;
    /* By address, as the samples are sent. */
    int status = snn_target_open(&target, context, "chip:speck2f,order=raster");
    if (status == SNN_OK) status = run_chip(target, context, &oracle);
    snn_target_close(&target);
    output->begins++;
    output->ticks += SAMPLE_STEPS;
    output->ends++;
    return status;
}

/* The next event from `at` on that is one of the readout, or is none. */
static size_t next_of(const struct output *output, size_t at, bool readout)
{
    while (at < output->count && (output->events[at].layer == SAMPLE_READOUT) != readout)
        at++;
    return at;
}

static bool same_event(const struct snn_device_event *a, const struct snn_device_event *b)
{
    return a->time_us == b->time_us && a->layer == b->layer && a->feature == b->feature &&
           a->y == b->y && a->x == b->x;
}

static const char *kind_differs(const struct output *got, const struct output *expected,
                                bool readout)
{
    static char text[160];
    size_t i = next_of(got, 0, readout);
    size_t k = next_of(expected, 0, readout);
    for (unsigned n = 0;; n++) {
        bool more = i < got->count;
        if (more != (k < expected->count)) {
            (void)snprintf(text, sizeof(text), "%s event %u: %s", readout ? "readout" : "core", n,
                           more ? "one too many" : "missing");
            return text;
        }
        if (!more) return NULL;
        const struct snn_device_event *a = &got->events[i];
        const struct snn_device_event *b = &expected->events[k];
        if (!same_event(a, b)) {
            (void)snprintf(text, sizeof(text),
                           "event %u: %llu us layer %u feature %u y %u x %u, expected %llu us "
                           "layer %u feature %u y %u x %u",
                           n, (unsigned long long)a->time_us, a->layer, a->feature, a->y, a->x,
                           (unsigned long long)b->time_us, b->layer, b->feature, b->y, b->x);
            return text;
        }
        i = next_of(got, i + 1, readout);
        k = next_of(expected, k + 1, readout);
    }
}

const char *output_differs(const struct output *got, const struct output *expected)
{
    if (expected->count == 0) return "nothing is expected: the samples are no good";
    if (got->gaps != expected->gaps) return "there is a gap";
    if (got->begins != expected->begins || got->ticks != expected->ticks ||
        got->ends != expected->ends)
        return "marks are missing, or there are too many";
    const char *differs = kind_differs(got, expected, false);
    return differs ? differs : kind_differs(got, expected, true);
}
