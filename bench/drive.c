/* Driving a target by hand.
 */
#include "bench/drive.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/nets.h"

double snnbench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Samples ---- */

static int make_room(struct snnbench_sample *sample, uint32_t step_count, size_t addresses)
{
    *sample = (struct snnbench_sample){.step_count = step_count};
    sample->begin = calloc((size_t)step_count + 1, sizeof(*sample->begin));
    sample->address = malloc(addresses * step_count * sizeof(*sample->address));
    if (sample->begin != NULL && sample->address != NULL) return SNN_OK;
    snnbench_sample_free(sample);
    return SNN_ERR_NOMEM;
}

static void append(struct snnbench_sample *to, uint32_t first, const struct snn_spikes *from)
{
    for (uint32_t t = 0; t < from->step_count; t++) {
        const uint32_t count = from->step_begin[t + 1] - from->step_begin[t];
        memcpy(to->address + to->begin[first + t], from->address + from->step_begin[t],
               count * sizeof(*to->address));
        to->begin[first + t + 1] = to->begin[first + t] + count;
    }
}

int snnbench_sample_encode(struct snnbench_sample *out, struct snn_context *context,
                           struct snn_shape shape, uint64_t index, uint32_t step_count)
{
    const struct snn_encoder_options options = {
        .encoding = SNN_ENCODING_BERNOULLI, .seed = 1, .timesteps = step_count};
    struct snn_encoder *encoder = NULL;
    float *frame = malloc(snn_shape_size(shape) * sizeof(*frame));
    if (frame == NULL) return SNN_ERR_NOMEM;
    snnbench_read_frame(index, frame, &shape);
    int status = make_room(out, step_count, snn_shape_size(shape));
    if (status == SNN_OK) status = snn_encoder_create(&encoder, context, &options, shape);
    if (status == SNN_OK) status = snn_encoder_begin(encoder, context, index, frame);
    for (uint32_t t = 0; status == SNN_OK && t < step_count; t += SNN_ENCODER_STEPS_MAX) {
        struct snn_spikes spikes;
        const uint32_t left = step_count - t;
        const uint32_t chunk = left < SNN_ENCODER_STEPS_MAX ? left : SNN_ENCODER_STEPS_MAX;
        status = snn_encoder_next(encoder, context, chunk, &spikes);
        if (status == SNN_OK) append(out, t, &spikes);
    }
    snn_encoder_destroy(&encoder);
    free(frame);
    return status;
}

int snnbench_sample_noise(struct snnbench_sample *out, struct snn_shape shape, double rate,
                          uint32_t step_count)
{
    const uint32_t size = (uint32_t)snn_shape_size(shape);
    const uint64_t bound = (uint64_t)(rate * 4294967296.0);
    uint64_t state = 1;
    int status = make_room(out, step_count, size);
    for (uint32_t t = 0; status == SNN_OK && t < step_count; t++) {
        uint32_t at = out->begin[t];
        for (uint32_t i = 0; i < size; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            if (state >> 32 < bound) out->address[at++] = i;
        }
        out->begin[t + 1] = at;
    }
    return status;
}

void snnbench_sample_free(struct snnbench_sample *sample)
{
    free(sample->begin);
    free(sample->address);
    *sample = (struct snnbench_sample){.step_count = 0};
}

/* ---- Sessions ---- */

int snnbench_session_open(struct snnbench_session *out, struct snn_context *context,
                          const char *uri, const struct snn_net *net)
{
    const size_t steps = SNN_TARGET_STEPS_MAX, synapses = steps * net->synapse_count;
    const size_t classes = steps * net->readout_count * net->class_count;
    struct snn_output *o = &out->output;
    *out = (struct snnbench_session){.context = context, .net = net};
    o->spikes = calloc(classes, sizeof(*o->spikes));
    o->potential = calloc(classes, sizeof(*o->potential));
    o->population_spikes = calloc(steps * net->population_count, sizeof(*o->population_spikes));
    o->synapse_spikes = calloc(synapses, sizeof(*o->synapse_spikes));
    o->synapse_operations = calloc(synapses, sizeof(*o->synapse_operations));
    o->synapse_macs = calloc(synapses, sizeof(*o->synapse_macs));
    o->input_spikes = calloc(steps, sizeof(*o->input_spikes));
    out->operations = calloc(net->synapse_count, sizeof(*out->operations));
    if (o->spikes == NULL || o->potential == NULL || o->population_spikes == NULL ||
        o->synapse_spikes == NULL || o->synapse_operations == NULL || o->synapse_macs == NULL ||
        o->input_spikes == NULL || out->operations == NULL)
        return SNN_ERR_NOMEM;
    int status = snn_target_open(&out->target, context, uri);
    return status == SNN_OK ? snn_target_load(out->target, context, net) : status;
}

void snnbench_session_close(struct snnbench_session *session)
{
    struct snn_output *o = &session->output;
    void *arrays[] = {o->spikes,         o->potential,          o->population_spikes,
                      o->synapse_spikes, o->synapse_operations, o->synapse_macs,
                      o->input_spikes,   session->operations};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        free(arrays[i]);
    snn_target_close(&session->target);
    *session = (struct snnbench_session){.context = NULL};
}

int snnbench_session_advance(struct snnbench_session *s, const struct snnbench_sample *sample,
                             uint32_t first, uint32_t count)
{
    const struct snn_spikes spikes = {
        .step_count = count, .step_begin = sample->begin + first, .address = sample->address};
    int status = snn_target_push(s->target, s->context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(s->target, s->context, count);
    if (status == SNN_OK) status = snn_target_pull(s->target, s->context, &s->output);
    for (size_t i = 0; status == SNN_OK && i < (size_t)count * s->net->synapse_count; i++)
        s->operations[i % s->net->synapse_count] += s->output.synapse_operations[i];
    const uint32_t last = s->net->population_count - 1;
    for (uint32_t t = 0; status == SNN_OK && t < count; t++)
        s->output_spikes += s->output.population_spikes[t * s->net->population_count + last];
    return status;
}

int snnbench_session_run(struct snnbench_session *session, const struct snnbench_sample *sample,
                         double *seconds_out)
{
    const double start = snnbench_seconds();
    memset(session->operations, 0, session->net->synapse_count * sizeof(*session->operations));
    session->output_spikes = 0;
    int status = snn_target_reset(session->target, session->context);
    for (uint32_t t = 0; status == SNN_OK && t < sample->step_count; t += SNN_TARGET_STEPS_MAX) {
        const uint32_t left = sample->step_count - t;
        status = snnbench_session_advance(
            session, sample, t, left < SNN_TARGET_STEPS_MAX ? left : SNN_TARGET_STEPS_MAX);
    }
    *seconds_out += snnbench_seconds() - start;
    return status;
}

/* ---- Cuts ---- */

int snnbench_cut_make(struct snnbench_cut *out, const struct snn_net *net, uint32_t count)
{
    *out = (struct snnbench_cut){.net = *net, .scale = 1.0f};
    const struct snn_population *last = &net->populations[net->population_count - 1];
    const float most = net->arith == SNN_ARITH_CHIP ? 32767.0f : FLT_MAX;
    struct snn_synapse *s = &out->synapse;
    s->source = count > 0 ? count - 1 : SNN_SOURCE_INPUT;
    const struct snn_shape shape = count > 0 ? net->populations[count - 1].shape : net->input_shape;
    out->corner = (struct snn_window){1, 1, shape.height, shape.width, 0, 0, 0, 0, 1, 1};
    s->pools = &out->corner;
    s->pool_count = 1;
    s->source_shape = (struct snn_shape){shape.channels, 1, 1};
    s->pool_scale = 1.0;
    s->kind = SNN_SYNAPSE_DENSE;
    s->groups = 1;
    s->weight_count = snn_shape_size(s->source_shape);
    out->populations = calloc((size_t)count + 1, sizeof(*out->populations));
    out->weights = malloc(s->weight_count * sizeof(*out->weights));
    if (out->populations == NULL || out->weights == NULL) {
        snnbench_cut_free(out);
        return SNN_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->weight_count; i++)
        out->weights[i] = i % 2 == 0 ? 1.0f : -1.0f;
    s->weights = out->weights;
    memcpy(out->populations, net->populations, count * sizeof(*out->populations));
    struct snn_population *head = &out->populations[count];
    *head = (struct snn_population){
        .name = "head",
        .shape = {1, 1, 1},
        .synapses = s,
        .synapse_count = 1,
        .synapse_first = count > 0 ? head[-1].synapse_first + head[-1].synapse_count : 0,
        .threshold = most,
        .v_min = -most,
        .spikes_max = SNN_SPIKES_PER_STEP_MAX,
        .activation_scale = &out->scale,
        .quantised = last->quantised};
    out->readout = (struct snn_readout){
        .gain = 1.0f, .threshold = most, .v_min = -most, .spikes_max = head->spikes_max};
    out->net.populations = out->populations;
    out->net.population_count = count + 1;
    out->net.synapse_count = head->synapse_first + 1;
    out->net.class_count = 1;
    out->net.readouts = &out->readout;
    out->net.readout_count = 1;
    return SNN_OK;
}

void snnbench_cut_free(struct snnbench_cut *cut)
{
    free(cut->populations);
    free(cut->weights);
    cut->populations = NULL;
    cut->weights = NULL;
}
