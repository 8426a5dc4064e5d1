/* Every spike of a chip program on any target: events PROGRAM DATA SAMPLES STEPS TARGET. A line a
 * sample on stdout: its number, spikes, and a hash over all of them in the order in which they
 * happened, with their neuron, step, and the input event that set them off.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "snn/snn.h"

struct work {
    struct snn_context *context;
    struct snn_program *program;
    struct snn_target *target;
    struct snn_source *source;
    struct snn_encoder *encoder;
    float *frame;
    struct snn_output out;
    uint64_t spikes, hash;
};

/* FNV-1a of 64 bits, over 32-bit numbers. */
static void mix(uint64_t *hash, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        *hash = (*hash ^ (value >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
}

static void note(const struct snn_spike *spike, void *user)
{
    struct work *w = user;
    w->spikes++;
    mix(&w->hash, spike->population);
    mix(&w->hash, spike->channel);
    mix(&w->hash, spike->y);
    mix(&w->hash, spike->x);
    mix(&w->hash, spike->step);
    mix(&w->hash, spike->event);
}

static int allocate(struct work *w, const struct snn_net *net)
{
    const size_t steps = SNN_TARGET_STEPS_MAX, classes = (size_t)net->class_count;
    w->frame = calloc(snn_shape_size(net->input_shape), sizeof *w->frame);
    w->out = (struct snn_output){
        .spikes = calloc(steps * net->readout_count * classes, sizeof(uint32_t)),
        .potential = calloc(steps * net->readout_count * classes, sizeof(float)),
        .population_spikes = calloc(steps * net->population_count, sizeof(uint64_t)),
        .synapse_spikes = calloc(steps * net->synapse_count, sizeof(uint64_t)),
        .synapse_operations = calloc(steps * net->synapse_count, sizeof(uint64_t)),
        .synapse_macs = calloc(steps * net->synapse_count, sizeof(uint64_t)),
        .input_spikes = calloc(steps, sizeof(uint64_t)),
    };
    const bool all = w->frame && w->out.spikes && w->out.potential && w->out.population_spikes &&
                     w->out.synapse_spikes && w->out.synapse_operations && w->out.synapse_macs &&
                     w->out.input_spikes;
    return all ? SNN_OK : snn_context_fail(w->context, SNN_ERR_NOMEM, "out of memory");
}

static int begin(struct work *w, char **arguments, uint32_t steps)
{
    const struct snn_encoder_options encoder = {.timesteps = steps};
    int status = snn_program_load(&w->program, w->context, arguments[0], NULL);
    if (status == SNN_OK) status = snn_target_open(&w->target, w->context, arguments[4]);
    if (status == SNN_OK) status = snn_target_load_program(w->target, w->context, w->program);
    if (status == SNN_OK) status = snn_target_watch(w->target, w->context, note, w);
    if (status == SNN_OK)
        status = snn_source_open(&w->source, w->context, arguments[1], SNN_SOURCE_FRAMES, NULL);
    if (status != SNN_OK) return status;
    const struct snn_net *net = snn_target_net(w->target);
    status = snn_encoder_create(&w->encoder, w->context, &encoder, net->input_shape);
    return status == SNN_OK ? allocate(w, net) : status;
}

static int run_sample(struct work *w, uint64_t index, uint32_t steps)
{
    struct snn_spikes spikes;
    w->spikes = 0;
    w->hash = UINT64_C(0xcbf29ce484222325);
    snn_source_frame(w->source, index, w->frame);
    int status = snn_encoder_begin(w->encoder, w->context, index, w->frame);
    if (status == SNN_OK) status = snn_target_reset(w->target, w->context);
    for (uint32_t step = 0; status == SNN_OK && step < steps; step += SNN_TARGET_STEPS_MAX) {
        const uint32_t left = steps - step;
        const uint32_t count = left < SNN_TARGET_STEPS_MAX ? left : SNN_TARGET_STEPS_MAX;
        status = snn_encoder_next(w->encoder, w->context, count, &spikes);
        if (status == SNN_OK) status = snn_target_push(w->target, w->context, &spikes);
        if (status == SNN_OK) status = snn_target_advance(w->target, w->context, count);
        if (status == SNN_OK) status = snn_target_pull(w->target, w->context, &w->out);
    }
    if (status == SNN_OK)
        printf("%" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", index, w->spikes, w->hash);
    return status;
}

static void end(struct work *w)
{
    snn_encoder_destroy(&w->encoder);
    snn_source_close(&w->source);
    snn_target_close(&w->target);
    snn_program_destroy(&w->program);
    snn_context_destroy(&w->context);
    free(w->frame);
    free(w->out.spikes);
    free(w->out.potential);
    free(w->out.population_spikes);
    free(w->out.synapse_spikes);
    free(w->out.synapse_operations);
    free(w->out.synapse_macs);
    free(w->out.input_spikes);
}

int main(int argc, char **argv)
{
    struct work w = {.context = NULL};
    if (argc != 6 || snn_context_create(&w.context, NULL) != SNN_OK) return 64;
    const uint64_t samples = strtoull(argv[3], NULL, 10);
    const uint32_t steps = (uint32_t)strtoul(argv[4], NULL, 10);
    int status = begin(&w, argv + 1, steps);
    for (uint64_t i = 0; status == SNN_OK && i < samples; i++)
        status = run_sample(&w, i, steps);
    if (status != SNN_OK)
        fprintf(stderr, "%s\n%s\n", snn_context_message(w.context), snn_context_hint(w.context));
    end(&w);
    return status == SNN_OK ? 0 : 1;
}
