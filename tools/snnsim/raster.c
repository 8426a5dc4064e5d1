/* One sample once more; see raster.h.
 *
 * In asynchronous semantics the target tells every spike as it happens (snn_target_watch). In
 * synchronous semantics there is no order within a step: steps are taken one by one, and what the
 * target's counts grew by is what a neuron did in it.
 */
#include "tools/snnsim/raster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/snnsim/session.h"

#define MARKS_MAX 16u /* spikes of a neuron in a step that are told apart */

/* The passage while it lasts. */
struct passage {
    struct snnsim_session *session;
    struct snn_context *context;
    struct snn_target *target;
    const struct snn_net *net;
    struct snnsim_raster *raster;
    struct snn_encoder *encoder;
    struct snn_output output;
    bool watched;
    uint32_t *before, *now; /* counts: [neurons of the net], [those of the largest population] */
    uint32_t step;
    double events; /* of the input, in this step */
    uint64_t largest;
};

static bool is_wanted(const struct snnsim_options *o)
{
    return o->raster != NULL || o->report != NULL;
}

static uint64_t sample_of(const struct snnsim_options *o)
{
    return o->given[OPT_RASTER_SAMPLE] ? o->raster_sample : o->offset;
}

/* The first spiking target; target_count: none. */
static uint32_t target_of(const struct snnsim_session *s)
{
    uint32_t target = 0;
    while (target < s->options.target_count && !snnsim_is_spiking(s, target))
        target++;
    return target;
}

static int check_sample(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    const uint64_t sample = sample_of(o), count = snn_source_count(s->source);
    const uint64_t end = o->samples > 0 ? o->offset + o->samples : count;
    if (!o->given[OPT_RASTER_SAMPLE]) return SNNCLI_EXIT_OK;
    if (!is_wanted(o))
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--raster-sample",
                           "is for --raster or --report, and neither is given");
    if (sample >= o->offset && sample < end) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--raster-sample",
                       "sample %llu is not among those that are run, %llu to %llu",
                       (unsigned long long)sample, (unsigned long long)o->offset,
                       (unsigned long long)(end > o->offset ? end - 1 : o->offset));
}

int snnsim_raster_check(struct snnsim_session *s)
{
    const uint32_t target = target_of(s);
    int status = check_sample(s);
    if (status != SNNCLI_EXIT_OK || s->options.raster == NULL) return status;
    if (target == s->options.target_count) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--raster",
                          "frame-based targets have no spikes to show");
        snncli_hint(&s->console, "add --target sim");
        return SNNCLI_EXIT_USAGE;
    }
    if (!snnsim_options_is_device(s->options.targets[target])) return SNNCLI_EXIT_OK;
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--raster",
                      "%s does not tell the spikes of single neurons", s->options.targets[target]);
    snncli_hint(&s->console, "the same chip, simulated: --target chip:NAME");
    return SNNCLI_EXIT_USAGE;
}

/* ---- What is kept of the spikes ---- */

static uint64_t neurons_of(const struct passage *p, uint32_t population)
{
    return snn_shape_size(p->net->populations[population].shape);
}

static int make_lanes(struct passage *p, uint32_t timesteps)
{
    struct snnsim_raster *r = p->raster;
    const size_t count = (size_t)p->net->population_count + 1;
    r->gathers = calloc(count, sizeof(*r->gathers));
    r->lanes = calloc(count, sizeof(*r->lanes));
    if (r->gathers == NULL || r->lanes == NULL) return SNN_ERR_NOMEM;
    r->lane_count = count;
    snnreport_gather_init(&r->gathers[0], snn_shape_size(p->net->input_shape), timesteps);
    for (uint32_t i = 0; i < p->net->population_count; i++) {
        const uint64_t neurons = neurons_of(p, i);
        if (neurons > p->largest) p->largest = neurons;
        snnreport_gather_init(&r->gathers[i + 1], neurons, timesteps);
    }
    return SNN_OK;
}

/* Spikes of one neuron within a span of a step, next to each other. */
static void take_many(struct snnreport_gather *gather, double from, double span, uint32_t neuron,
                      uint32_t count)
{
    if (count > MARKS_MAX) {
        snnreport_gather_add(gather, from + span / 2, neuron, count);
        return;
    }
    for (uint32_t k = 0; k < count; k++)
        snnreport_gather_add(gather, from + span * (k + 0.5) / count, neuron, 1);
}

/* A spike stands between the input event that set it off and the next. */
static void take_spike(const struct snn_spike *spike, void *user)
{
    struct passage *p = user;
    const struct snn_shape shape = p->net->populations[spike->population].shape;
    const uint32_t neuron = (spike->channel * shape.height + spike->y) * shape.width + spike->x;
    const double within = (spike->event + 0.5) / (p->events + 1);
    snnreport_gather_add(&p->raster->gathers[spike->population + 1], p->step + fmin(within, 0.999),
                         neuron, 1);
}

/* Input events of one step, which asynchronous semantics take one after the other; what is analog
 * has none. */
static void take_input(struct passage *p, const struct snn_spikes *spikes)
{
    const uint32_t count = spikes->constant ? 0 : spikes->step_begin[1] - spikes->step_begin[0];
    p->events = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = spikes->step_begin[0] + i;
        const float times = spikes->count != NULL ? spikes->count[at] : 1;
        const double span = p->watched ? 1.0 / count : 1.0;
        take_many(&p->raster->gathers[0], p->step + (p->watched ? i * span : 0), span,
                  spikes->address[at], (uint32_t)times);
        p->events += (double)times;
    }
}

/* What every population's counts grew by in the step that was taken. */
static int take_counts(struct passage *p)
{
    uint32_t *before = p->before;
    for (uint32_t i = 0; i < p->net->population_count; i++) {
        const uint64_t neurons = neurons_of(p, i);
        int status = snn_target_counts(p->target, p->context, i, p->now);
        if (status != SNN_OK) return status;
        for (uint64_t n = 0; n < neurons; n++) {
            if (p->now[n] != before[n])
                take_many(&p->raster->gathers[i + 1], p->step, 1.0, (uint32_t)n,
                          p->now[n] - before[n]);
        }
        memcpy(before, p->now, neurons * sizeof(*before));
        before += neurons;
    }
    return SNN_OK;
}

/* ---- The passage ---- */

static int make_output(struct passage *p)
{
    const size_t steps = SNN_TARGET_STEPS_MAX, populations = p->net->population_count;
    const size_t classes = steps * p->net->readout_count * p->net->class_count;
    const size_t synapses = steps * p->net->synapse_count;
    struct snn_output *o = &p->output;
    o->spikes = calloc(classes + 1, sizeof(*o->spikes));
    o->potential = calloc(classes + 1, sizeof(*o->potential));
    o->population_spikes = calloc(steps * populations + 1, sizeof(uint64_t));
    o->synapse_spikes = calloc(synapses + 1, sizeof(uint64_t));
    o->synapse_operations = calloc(synapses + 1, sizeof(uint64_t));
    o->synapse_macs = calloc(synapses + 1, sizeof(uint64_t));
    o->input_spikes = calloc(steps, sizeof(uint64_t));
    return o->spikes != NULL && o->potential != NULL && o->population_spikes != NULL &&
                   o->synapse_spikes != NULL && o->synapse_operations != NULL &&
                   o->synapse_macs != NULL && o->input_spikes != NULL
               ? SNN_OK
               : SNN_ERR_NOMEM;
}

static int begin_sample(struct passage *p)
{
    const struct snn_source *source = p->session->source;
    const uint64_t sample = p->raster->sample;
    if (snn_source_kind(source) != SNN_SOURCE_FRAMES)
        return snn_encoder_begin_recorded(p->encoder, p->context, source, sample);
    float *frame = calloc(snn_shape_size(p->net->input_shape), sizeof(*frame));
    if (frame == NULL) return SNN_ERR_NOMEM;
    snn_source_frame(source, sample, frame);
    int status = snn_encoder_begin(p->encoder, p->context, sample, frame);
    free(frame);
    return status;
}

/* Counts have to be asked for before the first step. */
static int begin_counting(struct passage *p)
{
    uint64_t neurons = 0;
    for (uint32_t i = 0; i < p->net->population_count; i++)
        neurons += neurons_of(p, i);
    p->before = calloc(neurons + 1, sizeof(*p->before));
    p->now = calloc(p->largest + 1, sizeof(*p->now));
    if (p->before == NULL || p->now == NULL) return SNN_ERR_NOMEM;
    return snn_target_counts(p->target, p->context, 0, p->now);
}

static int begin(struct passage *p, uint32_t timesteps)
{
    const struct snnsim_options *o = &p->session->options;
    const struct snn_encoder_options encoder = {
        .encoding = o->encoding,
        .seed = o->seed,
        .timesteps = o->timesteps,
        .dt_us = o->dt_us,
        .singles = p->watched && snn_source_kind(p->session->source) == SNN_SOURCE_EVENTS};
    int status = make_lanes(p, timesteps);
    if (status == SNN_OK) status = make_output(p);
    if (status == SNN_OK)
        status = snn_encoder_create(&p->encoder, p->context, &encoder, p->net->input_shape);
    if (status == SNN_OK) status = begin_sample(p);
    if (status == SNN_OK) status = snn_target_reset(p->target, p->context);
    if (status == SNN_OK && p->watched)
        status = snn_target_watch(p->target, p->context, take_spike, p);
    if (status == SNN_OK && !p->watched) status = begin_counting(p);
    return status;
}

static int take_step(struct passage *p)
{
    struct snn_spikes spikes;
    int status = snn_encoder_next(p->encoder, p->context, 1, &spikes);
    if (status == SNN_OK) take_input(p, &spikes);
    if (status == SNN_OK) status = snn_target_push(p->target, p->context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(p->target, p->context, 1);
    if (status == SNN_OK) status = snn_target_pull(p->target, p->context, &p->output);
    return status == SNN_OK && !p->watched ? take_counts(p) : status;
}

static void end(struct passage *p)
{
    if (p->watched) (void)snn_target_watch(p->target, p->context, NULL, NULL);
    snn_encoder_destroy(&p->encoder);
    free(p->before);
    free(p->now);
    free(p->output.spikes);
    free(p->output.potential);
    free(p->output.population_spikes);
    free(p->output.synapse_spikes);
    free(p->output.synapse_operations);
    free(p->output.synapse_macs);
    free(p->output.input_spikes);
}

static int pass(struct passage *p, uint32_t timesteps)
{
    int status = begin(p, timesteps);
    for (; status == SNN_OK && p->step < timesteps; p->step++)
        status = snncli_interrupt_pending() ? SNN_ERR_CANCELLED : take_step(p);
    for (size_t i = 0; status == SNN_OK && i < p->raster->lane_count; i++) {
        const char *name = i == 0 ? "input" : p->net->populations[i - 1].name;
        if (p->raster->gathers[i].failed) status = SNN_ERR_NOMEM;
        snnreport_gather_lane(&p->raster->gathers[i], &p->raster->lanes[i], name);
    }
    end(p);
    return status;
}

/* ---- The picture ---- */

static void put_class(char text[32], const char *before, int32_t number)
{
    if (number >= 0)
        (void)snprintf(text, 32, "%s %d", before, (int)number);
    else
        (void)snprintf(text, 32, "no %s", before);
}

static void describe(struct snnsim_raster *r, const struct snnsim_session *s, uint32_t target,
                     const struct snn_result_sample *sample)
{
    const bool ruled = s->options.rule_count > 0;
    const uint32_t steps = ruled ? sample->decision_steps : sample->first_steps;
    char label[32], decision[32];
    put_class(label, "label", sample->label);
    put_class(decision, "decision", ruled ? sample->decision_prediction : sample->prediction);
    (void)snprintf(r->title, sizeof(r->title), "Spikes of sample %llu: %s, %s",
                   (unsigned long long)r->sample, label, decision);
    (void)snprintf(r->description, sizeof(r->description),
                   "Input and %zu layers of %.100s on target %.100s over %u time steps; a lane has "
                   "its neurons from the bottom up.",
                   r->lane_count - 1, s->options.model, s->options.targets[target], sample->steps);
    r->picture = (struct snnreport_raster){
        .title = r->title,
        .description = r->description,
        .dt_ms = s->options.dt_us / 1000,
        .timesteps = sample->steps,
        .lanes = r->lanes,
        .lane_count = r->lane_count,
        .decided_step = steps > 0 ? (double)steps : (double)NAN,
        .decided_by = ruled ? "decision" : "first output spike",
    };
}

static int fail_capture(struct snnsim_session *s, int status, uint32_t target)
{
    snnsim_raster_release(&s->raster);
    if (status == SNN_ERR_NOMEM) return snnsim_fail_memory(s);
    s->raster.interrupted = status == SNN_ERR_CANCELLED;
    if (status == SNN_ERR_CANCELLED)
        return SNNCLI_EXIT_OK; /* the results are still to be written */
    return snncli_fail_context(&s->console, s->context, s->options.targets[target]);
}

int snnsim_raster_capture(struct snnsim_session *s)
{
    const uint32_t target = target_of(s);
    if (!is_wanted(&s->options) || target >= s->result_count) return SNNCLI_EXIT_OK;
    const struct snn_result *result = s->results[target];
    const uint64_t at = sample_of(&s->options) - s->options.offset;
    if (at >= result->sample_asked_count || !result->samples[at].done) return SNNCLI_EXIT_OK;
    if (snnsim_options_is_device(s->options.targets[target])) return SNNCLI_EXIT_OK;
    const char *semantics = snn_target_semantics(s->targets[target]);
    struct passage p = {.session = s,
                        .context = s->context,
                        .target = s->targets[target],
                        .net = snn_target_net(s->targets[target]),
                        .raster = &s->raster,
                        .watched = semantics != NULL && strcmp(semantics, "async") == 0};
    s->raster.sample = sample_of(&s->options);
    int status = pass(&p, result->samples[at].steps);
    if (status != SNN_OK) return fail_capture(s, status, target);
    describe(&s->raster, s, target, &result->samples[at]);
    return SNNCLI_EXIT_OK;
}

int snnsim_raster_save(struct snnsim_session *s)
{
    struct snnreport_text text = {.data = NULL};
    if (s->raster.lane_count == 0) return SNN_OK;
    snnreport_raster_file(&text, &s->raster.picture);
    int status = text.failed ? SNN_ERR_NOMEM
                             : snn_file_save(s->context, s->options.raster, text.data, text.size);
    snnreport_text_fini(&text);
    return status;
}

void snnsim_raster_release(struct snnsim_raster *raster)
{
    for (size_t i = 0; i < raster->lane_count; i++)
        snnreport_gather_fini(&raster->gathers[i]);
    free(raster->gathers);
    free(raster->lanes);
    *raster = (struct snnsim_raster){.sample = 0};
}
