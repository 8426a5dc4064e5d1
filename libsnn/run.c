/* The run: source -> encoder -> target -> decoder, sample after sample, over worker threads.
 *
 * Each worker has its own context, session, encoder and decoder and takes the next sample that
 * nobody has. What it finds goes into the sample's own record and into integer tallies, so that
 * the result does not depend on who ran what.
 */
#include "snn/run.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"
#include "libsnn/base/thread.h"
#include "libsnn/model/result.h"
#include "libsnn/run_pool.h"
#include "libsnn/stream/decode.h"
#include "libsnn/stream/target.h"

#define TIMESTEPS_MAX 10000000u
#define RULES_MAX 4096u

/* What all workers share. */
struct run {
    struct snnrun_pool pool;
    const struct snn_net *net;
    const struct snn_source *source;
    const struct snn_run_options *options;
    struct snn_target *target;
    struct snn_rule *rules; /* [rule_count] those of the options, then those of the sweep */
    uint32_t rule_count;
    struct snnmodel_sample *samples;     /* [count] */
    struct snnmodel_decision *decisions; /* [count][rule_count] */
    struct worker *workers;
};

struct worker {
    struct run *run;
    struct snnbase_arena arena;
    struct snn_context *context;
    struct snn_target *target; /* worker 0: the caller's */
    bool owns_target;
    struct snn_encoder *encoder;
    struct snnstream_decoder *decoder;
    struct snn_evaluator *evaluator; /* NULL: the CNN is not asked */
    struct snnmodel_tally tally;
    struct snn_output output;
    float *frame;
    double evaluator_seconds;
    bool input_seen;              /* something came in for the current sample */
    double *sinabs_operations;    /* [synapse], or NULL in exact accounting */
    struct snnmodel_tally sample; /* of the current sample; dropped if it is not finished */
    uint32_t *record_counts;      /* [timesteps][class], NULL if nobody wants it */
    uint64_t *record_spikes;      /* [timesteps][population] */
};

void snn_run_options_init(struct snn_run_options *options)
{
    *options =
        (struct snn_run_options){.timesteps = 100, .encoding = SNN_ENCODING_RATE, .dt_us = 1000.0};
}

static int check(struct snn_context *context, const struct snn_net *net,
                 const struct snn_source *source, const struct snn_run_options *o)
{
    if (o->timesteps == 0 || o->timesteps > TIMESTEPS_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u time steps are not within 1..%u",
                            o->timesteps, TIMESTEPS_MAX);
    if (snn_source_kind(source) == SNN_SOURCE_SPIKES && o->timesteps > snn_source_steps(source))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%u time steps were asked for, the recording has %u", o->timesteps,
                            snn_source_steps(source));
    int status = snnrun_check(context, net->input_shape, net->class_count, source, o);
    if (status != SNN_OK) return status;
    if (!(o->dt_us > 0.0) || !isfinite(o->dt_us))
        return snnbase_fail(context, SNN_ERR_INVALID, "a time step of %g us is not positive",
                            o->dt_us);
    return SNN_OK;
}

static int init_tally(struct worker *w, struct snnmodel_tally *t)
{
    const struct snn_net *net = w->run->net;
    struct snnbase_arena *a = &w->arena;
    t->correct_by_step =
        snnbase_arena_alloc(a, w->context, w->run->options->timesteps, sizeof(uint64_t));
    t->population_spikes =
        snnbase_arena_alloc(a, w->context, net->population_count, sizeof(uint64_t));
    t->synapse_spikes = snnbase_arena_alloc(a, w->context, net->synapse_count, sizeof(uint64_t));
    t->synapse_operations =
        snnbase_arena_alloc(a, w->context, net->synapse_count, sizeof(uint64_t));
    t->synapse_macs = snnbase_arena_alloc(a, w->context, net->synapse_count, sizeof(uint64_t));
    t->busiest = snnbase_arena_alloc(a, w->context, net->population_count, sizeof(*t->busiest));
    if (t->correct_by_step == NULL || t->population_spikes == NULL || t->synapse_spikes == NULL ||
        t->synapse_operations == NULL || t->synapse_macs == NULL || t->busiest == NULL)
        return SNN_ERR_NOMEM;
    return SNN_OK;
}

static int init_output(struct worker *w)
{
    const struct snn_net *net = w->run->net;
    const size_t steps = SNN_TARGET_STEPS_MAX;
    size_t classes = steps * net->readout_count * net->class_count;
    struct snnbase_arena *a = &w->arena;
    struct snn_output *o = &w->output;
    o->spikes = snnbase_arena_alloc(a, w->context, classes, sizeof(uint32_t));
    o->potential = snnbase_arena_alloc(a, w->context, classes, sizeof(float));
    o->population_spikes =
        snnbase_arena_alloc(a, w->context, steps * net->population_count, sizeof(uint64_t));
    o->synapse_spikes =
        snnbase_arena_alloc(a, w->context, steps * net->synapse_count, sizeof(uint64_t));
    o->synapse_operations =
        snnbase_arena_alloc(a, w->context, steps * net->synapse_count, sizeof(uint64_t));
    o->synapse_macs =
        snnbase_arena_alloc(a, w->context, steps * net->synapse_count, sizeof(uint64_t));
    o->input_spikes = snnbase_arena_alloc(a, w->context, steps, sizeof(uint64_t));
    if (o->spikes == NULL || o->potential == NULL || o->population_spikes == NULL ||
        o->synapse_spikes == NULL || o->synapse_operations == NULL || o->synapse_macs == NULL ||
        o->input_spikes == NULL)
        return SNN_ERR_NOMEM;
    return SNN_OK;
}

static int init_records(struct worker *w)
{
    const struct snn_net *net = w->run->net;
    const size_t steps = w->run->options->timesteps;
    w->frame =
        snnbase_arena_alloc(&w->arena, w->context, snn_shape_size(net->input_shape), sizeof(float));
    if (w->frame == NULL) return SNN_ERR_NOMEM;
    if (w->run->options->sample == NULL) return SNN_OK;
    w->record_counts =
        snnbase_arena_alloc(&w->arena, w->context, steps * net->class_count, sizeof(uint32_t));
    w->record_spikes =
        snnbase_arena_alloc(&w->arena, w->context, steps * net->population_count, sizeof(uint64_t));
    return w->record_counts != NULL && w->record_spikes != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int init_accounting(struct worker *w)
{
    const struct snn_net *net = w->run->net;
    if (w->run->options->accounting != SNN_SYNOPS_SINABS_0_3_3) return SNN_OK;
    w->sinabs_operations =
        snnbase_arena_alloc(&w->arena, w->context, net->synapse_count, sizeof(double));
    if (w->sinabs_operations == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snn_population *p = &net->populations[i];
        for (uint32_t s = 0; s < p->synapse_count; s++)
            w->sinabs_operations[p->synapse_first + s] =
                snnmodel_sinabs_operations(p, &p->synapses[s]);
    }
    return SNN_OK;
}

static int init_worker(struct worker *w, struct snn_context *parent, struct run *run, bool first)
{
    const struct snn_run_options *o = run->options;
    w->run = run;
    int status = snnbase_context_fork(&w->context, parent);
    if (status != SNN_OK) return snnbase_fail(parent, status, "out of memory: no worker");
    snnbase_arena_init(&w->arena, w->context);
    w->target = run->target;
    if (!first) {
        status = snn_target_fork(&w->target, w->context, run->target);
        w->owns_target = status == SNN_OK;
    }
    if (status == SNN_OK) snn_target_allow_loss(w->target, o->allow_loss);
    if (status == SNN_OK) status = snnstream_target_telemetry(w->target, w->context, NULL);
    const struct snn_encoder_options encoder = {o->encoding, o->seed, o->timesteps, o->dt_us};
    if (status == SNN_OK)
        status = snn_encoder_create(&w->encoder, w->context, &encoder, run->net->input_shape);
    if (status == SNN_OK)
        status = snnstream_decoder_create(&w->decoder, w->context, run->net, run->rules,
                                          run->rule_count, o->timesteps);
    if (status == SNN_OK && o->cnn != NULL && !snn_graph_is_spiking(o->cnn) &&
        snn_source_kind(run->source) == SNN_SOURCE_FRAMES)
        status = snn_evaluator_create(&w->evaluator, w->context, o->cnn);
    if (status == SNN_OK) status = init_tally(w, &w->tally);
    if (status == SNN_OK) status = init_tally(w, &w->sample);
    if (status == SNN_OK) status = init_output(w);
    if (status == SNN_OK) status = init_records(w);
    if (status == SNN_OK) status = init_accounting(w);
    if (status != SNN_OK) snnbase_error_copy(parent, w->context);
    return status;
}

static void fini_worker(struct worker *w)
{
    if (w->context == NULL) return;
    if (w->owns_target) snn_target_close(&w->target);
    snn_encoder_destroy(&w->encoder);
    snnstream_decoder_destroy(&w->decoder);
    snn_evaluator_destroy(&w->evaluator);
    snnbase_arena_fini(&w->arena);
    snn_context_destroy(&w->context);
}

static void widen(struct snnmodel_busiest *to, const struct snnmodel_busiest *from)
{
    if (from->events > to->events) to->events = from->events;
    if (from->synops > to->synops) to->synops = from->synops;
    if (from->events_per_step > to->events_per_step) to->events_per_step = from->events_per_step;
    if (from->synops_per_step > to->synops_per_step) to->synops_per_step = from->synops_per_step;
}

/* Integers and maxima: the order of merging does not matter. */
static void merge(struct snnmodel_tally *to, const struct snnmodel_tally *from,
                  const struct run *run)
{
    for (uint32_t t = 0; t < run->options->timesteps; t++)
        to->correct_by_step[t] += from->correct_by_step[t];
    for (uint32_t i = 0; i < run->net->population_count; i++) {
        to->population_spikes[i] += from->population_spikes[i];
        widen(&to->busiest[i], &from->busiest[i]);
    }
    for (uint32_t s = 0; s < run->net->synapse_count; s++) {
        to->synapse_spikes[s] += from->synapse_spikes[s];
        to->synapse_operations[s] += from->synapse_operations[s];
        to->synapse_macs[s] += from->synapse_macs[s];
    }
    to->input_spikes += from->input_spikes;
}

static void clear_tally(struct snnmodel_tally *t, const struct run *run)
{
    memset(t->correct_by_step, 0, run->options->timesteps * sizeof(uint64_t));
    memset(t->population_spikes, 0, run->net->population_count * sizeof(uint64_t));
    memset(t->synapse_spikes, 0, run->net->synapse_count * sizeof(uint64_t));
    memset(t->synapse_operations, 0, run->net->synapse_count * sizeof(uint64_t));
    memset(t->synapse_macs, 0, run->net->synapse_count * sizeof(uint64_t));
    t->input_spikes = 0;
}

/* The CNN's decision on the frame at hand. */
static int32_t ask_cnn(struct worker *w)
{
    if (w->evaluator == NULL) return SNN_NO_CLASS;
    double start = snnrun_seconds();
    snn_evaluator_run(w->evaluator, w->frame);
    int32_t decision =
        snnrun_decide(snn_evaluator_values(w->evaluator, snn_graph_output(w->run->options->cnn)),
                      w->run->net->class_count);
    w->evaluator_seconds += snnrun_seconds() - start;
    return decision;
}

/* A sample that ends early leaves the steps it did not run at 0. */
static void clear_records(struct worker *w)
{
    const struct snn_net *net = w->run->net;
    const size_t steps = w->run->options->timesteps;
    memset(w->record_counts, 0, steps * net->class_count * sizeof(uint32_t));
    memset(w->record_spikes, 0, steps * net->population_count * sizeof(uint64_t));
}

static int begin_sample(struct worker *w, uint64_t index, struct snnmodel_sample *sample)
{
    const struct run *run = w->run;
    int status =
        snnrun_read_label(w->context, run->source, index, run->net->class_count, &sample->label);
    if (status != SNN_OK) return status;
    sample->cnn_prediction = SNN_NO_CLASS;
    if (snn_source_kind(run->source) != SNN_SOURCE_FRAMES) {
        status = snn_encoder_begin_recorded(w->encoder, w->context, run->source, index);
    } else {
        snn_source_frame(run->source, index, w->frame);
        status = snn_encoder_begin(w->encoder, w->context, index, w->frame);
        if (status == SNN_OK) sample->cnn_prediction = ask_cnn(w);
    }
    if (status == SNN_OK) status = snn_target_reset(w->target, w->context);
    clear_tally(&w->sample, run);
    w->input_seen = false;
    if (w->record_counts != NULL) clear_records(w);
    snnstream_decoder_begin(w->decoder, sample->label);
    return status;
}

/* SynOps of a synapse in the accounting of the run. */
static double count_synops(const struct worker *w, uint64_t spikes, uint64_t operations,
                           uint32_t synapse)
{
    if (w->sinabs_operations == NULL) return (double)operations;
    return (double)spikes * w->sinabs_operations[synapse];
}

/* Adds one step's counts to the sample's tally and tells what the step cost. */
static struct snnmodel_cost tally_step(struct worker *w, uint32_t row)
{
    const struct snn_net *net = w->run->net;
    const struct snn_output *o = &w->output;
    struct snnmodel_tally *t = &w->sample;
    struct snnmodel_cost cost = {0, (double)o->input_spikes[row], 0};
    t->input_spikes += o->input_spikes[row];
    for (uint32_t i = 0; i < net->population_count; i++)
        t->population_spikes[i] += o->population_spikes[(size_t)row * net->population_count + i];
    const uint32_t *spikes = o->spikes + (size_t)row * net->readout_count * net->class_count;
    for (uint32_t k = 0; k < net->class_count; k++)
        cost.io_events += spikes[k];
    for (uint32_t s = 0; s < net->synapse_count; s++) {
        size_t at = (size_t)row * net->synapse_count + s;
        t->synapse_spikes[s] += o->synapse_spikes[at];
        t->synapse_operations[s] += o->synapse_operations[at];
        t->synapse_macs[s] += o->synapse_macs[at];
        cost.macs += (double)o->synapse_macs[at];
        cost.synops += count_synops(w, o->synapse_spikes[at], o->synapse_operations[at], s);
    }
    return cost;
}

static void record_step(struct worker *w, uint32_t step, uint32_t row)
{
    const struct snn_net *net = w->run->net;
    size_t readouts = (size_t)net->readout_count * net->class_count;
    memcpy(w->record_counts + (size_t)step * net->class_count, w->output.spikes + row * readouts,
           net->class_count * sizeof(uint32_t));
    memcpy(w->record_spikes + (size_t)step * net->population_count,
           w->output.population_spikes + (size_t)row * net->population_count,
           net->population_count * sizeof(uint64_t));
}

/* As many steps as the target takes at once; where a sample may end early as many as it has had, so
 * that at most half of the work is for nothing. */
static uint32_t choose_chunk(const struct snn_run_options *o, uint32_t step)
{
    uint32_t chunk = o->timesteps - step;
    if (chunk > SNN_TARGET_STEPS_MAX) chunk = SNN_TARGET_STEPS_MAX;
    if (!o->until_decided) return chunk;
    const uint32_t had = step > 0 ? step : 1;
    return chunk < had ? chunk : had;
}

static int run_chunk(struct worker *w, uint32_t chunk)
{
    struct snn_spikes spikes;
    snn_encoder_next(w->encoder, chunk, &spikes);
    if (spikes.step_begin[spikes.constant ? 1 : chunk] > 0) w->input_seen = true;
    int status = snn_target_push(w->target, w->context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(w->target, w->context, chunk);
    return status == SNN_OK ? snn_target_pull(w->target, w->context, &w->output) : status;
}

/* Steps of a chunk behind the one that decided are as if they had not been run. */
static int run_steps(struct worker *w)
{
    const struct snn_run_options *o = w->run->options;
    const size_t readouts = (size_t)w->run->net->readout_count * w->run->net->class_count;
    bool decided = false;
    for (uint32_t step = 0; step < o->timesteps && !decided;) {
        if (step > 0 && !snnrun_pool_go_on(&w->run->pool)) return SNN_ERR_CANCELLED;
        const uint32_t chunk = choose_chunk(o, step);
        int status = run_chunk(w, chunk);
        if (status != SNN_OK) return status;
        for (uint32_t row = 0; row < chunk && !decided; row++, step++) {
            struct snnmodel_cost cost = tally_step(w, row);
            snnstream_decoder_step(w->decoder, w->output.spikes + row * readouts,
                                   w->output.potential + row * readouts, &cost);
            if (w->record_counts != NULL) record_step(w, step, row);
            decided = o->until_decided && snnstream_decoder_decided(w->decoder);
        }
    }
    return SNN_OK;
}

/* The first layer without a spike; the input itself if nothing ever came in. A layer that lies on
 * two cores is silent where both are. */
static uint32_t silent_layer(const struct worker *w)
{
    const struct snn_net *net = w->run->net;
    uint32_t first = net->population_count - 1;
    uint64_t spikes = 1;
    if (!w->input_seen) return net->population_count;
    for (uint32_t i = 0; i < net->population_count; i++) {
        if (net->populations[i].continues) {
            spikes += w->sample.population_spikes[i];
            continue;
        }
        if (spikes == 0) return first;
        first = i;
        spikes = w->sample.population_spikes[i];
    }
    return first;
}

/* What the finished sample brought to each population. */
static void find_busiest(struct worker *w, uint32_t steps)
{
    const struct snn_net *net = w->run->net;
    const struct snnmodel_tally *t = &w->sample;
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snn_population *p = &net->populations[i];
        struct snnmodel_busiest *b = &w->sample.busiest[i];
        *b = (struct snnmodel_busiest){.events = 0};
        for (uint32_t s = p->synapse_first; s < p->synapse_first + p->synapse_count; s++) {
            b->events += t->synapse_spikes[s];
            b->synops += count_synops(w, t->synapse_spikes[s], t->synapse_operations[s], s);
        }
        b->events_per_step = (double)b->events / steps;
        b->synops_per_step = b->synops / steps;
    }
}

static void end_sample(struct worker *w, uint64_t at)
{
    struct run *run = w->run;
    struct snnmodel_sample *sample = &run->samples[at];
    struct snnstream_outcome outcome;
    snnstream_decoder_end(w->decoder, &outcome);
    sample->prediction = outcome.prediction[run->options->timesteps - 1];
    sample->first = outcome.first;
    sample->total = outcome.total;
    sample->steps = outcome.steps;
    sample->silent = outcome.silent;
    if (outcome.silent) sample->silent_layer = silent_layer(w);
    for (uint32_t t = 0; sample->label >= 0 && t < run->options->timesteps; t++)
        w->sample.correct_by_step[t] += outcome.prediction[t] == sample->label;
    if (run->rule_count > 0)
        memcpy(run->decisions + at * run->rule_count, outcome.rules,
               run->rule_count * sizeof(*outcome.rules));
    find_busiest(w, outcome.steps);
    merge(&w->tally, &w->sample, run);
    sample->done = true;
}

static int report(struct worker *w, uint64_t index)
{
    const struct run *run = w->run;
    const struct snn_sample_record record = {index,
                                             run->options->timesteps,
                                             run->net->class_count,
                                             run->net->population_count,
                                             w->record_counts,
                                             w->record_spikes};
    return snnrun_pool_report(&w->run->pool, &record);
}

static void work(unsigned index, void *user)
{
    struct run *run = user;
    struct worker *w = &run->workers[index];
    uint64_t at = 0;
    while (snnrun_pool_take(&run->pool, &at)) {
        uint64_t sample = run->options->offset + at;
        int status = begin_sample(w, sample, &run->samples[at]);
        if (status == SNN_OK) status = run_steps(w);
        if (status == SNN_ERR_CANCELLED && atomic_load(&run->pool.stop)) return;
        if (status != SNN_OK) {
            snnrun_pool_fail(&run->pool, at, status, w->context);
            return;
        }
        end_sample(w, at);
        /* A callback knows the caller's context, not the worker's. */
        status = report(w, sample);
        if (status != SNN_OK) {
            snnrun_pool_fail(&run->pool, at, status, NULL);
            return;
        }
    }
}

/* What devices say of themselves, all sessions together. */
static int ask_devices(struct run *run, struct snn_context *context, unsigned threads,
                       struct snnstream_telemetry *out)
{
    int status = SNN_OK;
    for (unsigned i = 0; status == SNN_OK && i < threads; i++) {
        struct snnstream_telemetry one = {.sessions = 0};
        status = snnstream_target_telemetry(run->workers[i].target, context, &one);
        snnstream_telemetry_merge(out, &one);
    }
    snnstream_telemetry_finish(&out->statistics, &out->trips);
    return status;
}

static int execute(struct run *run, struct snn_context *context, unsigned threads,
                   struct snn_result **out)
{
    struct snnstream_telemetry telemetry = {.sessions = 0};
    double start = snnrun_seconds();
    int status = SNN_OK;
    for (unsigned i = 0; status == SNN_OK && i < threads; i++)
        status = init_worker(&run->workers[i], context, run, i == 0);
    if (status != SNN_OK) return status;
    snnbase_workers_run(threads, work, run);
    double seconds = snnrun_seconds() - start;
    status = snnrun_pool_status(&run->pool, context);
    if (status == SNN_OK) status = ask_devices(run, context, threads, &telemetry);
    if (status != SNN_OK) return status;
    const struct snn_result_device device = {telemetry.info, telemetry.sessions,
                                             telemetry.statistics, telemetry.load};
    for (unsigned i = 1; i < threads; i++)
        merge(&run->workers[0].tally, &run->workers[i].tally, run);
    for (unsigned i = 0; i < threads; i++)
        seconds -= run->workers[i].evaluator_seconds / threads;
    const struct snnmodel_record record = {.target = snn_target_name(run->target),
                                           .semantics = snn_target_semantics(run->target),
                                           .order = snn_target_order(run->target),
                                           .net = run->net,
                                           .class_count = run->net->class_count,
                                           .options = run->options,
                                           .labelled = snn_source_has_labels(run->source),
                                           .count = run->pool.count,
                                           .samples = run->samples,
                                           .rules = run->rules,
                                           .rule_count = run->rule_count,
                                           .decisions = run->decisions,
                                           .tally = &run->workers[0].tally,
                                           .device = device.sessions > 0 ? &device : NULL,
                                           .seconds = seconds,
                                           .threads = threads};
    return snnmodel_result_build(out, context, &record);
}

/* The readout of a chip is one output's spikes. */
static int check_chip_rule(struct snn_context *context, const struct snn_rule *rule)
{
    char text[64];
    snn_rule_format(rule, text, sizeof(text));
    if (rule->gain > 0.0f) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "the rule %s needs a second output with another threshold, which a chip has "
                     "no core for",
                     text);
        return snnbase_hint(context, "give the output itself that gain (--output-gain %g)",
                            (double)rule->gain);
    }
    if (rule->kind != SNN_RULE_MEMBRANE && rule->kind != SNN_RULE_SOFTMAX &&
        rule->kind != SNN_RULE_ENTROPY)
        return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID,
                 "the rule %s needs the output's potentials; a chip's readout tells spikes only",
                 text);
    return snnbase_hint(context, "take first, count:N or margin:M; --output-gain trades accuracy "
                                 "for an earlier first spike");
}

static int check_rule(const struct run *run, struct snn_context *context,
                      const struct snn_rule *rule)
{
    if (run->net->populations[0].core != SNN_NO_CORE) {
        int status = check_chip_rule(context, rule);
        if (status != SNN_OK) return status;
    }
    if (rule->kind != SNN_RULE_ORACLE || snn_source_has_labels(run->source)) return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID,
                 "the rule oracle compares with labels, of which the data has none");
    return snnbase_hint(context, "name the labels, or leave the rule out");
}

static int collect_rules(struct run *run, struct snn_context *context)
{
    const struct snn_run_options *o = run->options;
    if (o->rule_count > RULES_MAX || o->sweep_count > RULES_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "more than %u decision rules", RULES_MAX);
    run->rule_count = o->rule_count + o->sweep_count;
    run->rules = snnbase_alloc(context, run->rule_count, sizeof(*run->rules));
    if (run->rules == NULL) return SNN_ERR_NOMEM;
    if (o->rule_count > 0) memcpy(run->rules, o->rules, o->rule_count * sizeof(*o->rules));
    if (o->sweep_count > 0)
        memcpy(run->rules + o->rule_count, o->sweep, o->sweep_count * sizeof(*o->sweep));
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i < run->rule_count; i++)
        status = check_rule(run, context, &run->rules[i]);
    return status;
}

int snn_run(struct snn_result **out, struct snn_context *context, struct snn_target *target,
            const struct snn_net *net, const struct snn_source *source,
            const struct snn_run_options *options)
{
    int status = check(context, net, source, options);
    if (status != SNN_OK) return status;
    struct run run = {.net = net, .source = source, .options = options, .target = target};
    status = snnrun_pool_init(&run.pool, context, source, options);
    if (status != SNN_OK) return status;
    unsigned threads = snnrun_pool_threads(&run.pool, target);
    run.samples = snnbase_alloc(context, run.pool.count, sizeof(*run.samples));
    status = collect_rules(&run, context);
    size_t decisions = SIZE_MAX; /* more than there can be */
    (void)snnbase_size_mul(run.pool.count, run.rule_count > 0 ? run.rule_count : 1, &decisions);
    if (status == SNN_OK) {
        run.decisions = snnbase_alloc(context, decisions, sizeof(*run.decisions));
        run.workers = snnbase_alloc(context, threads, sizeof(*run.workers));
        if (run.samples == NULL || run.decisions == NULL || run.workers == NULL)
            status = SNN_ERR_NOMEM;
    }
    if (status == SNN_OK) status = execute(&run, context, threads, out);
    for (unsigned i = 0; run.workers != NULL && i < threads; i++)
        fini_worker(&run.workers[i]);
    snnbase_free(context, run.workers);
    snnbase_free(context, run.decisions);
    snnbase_free(context, run.rules);
    snnbase_free(context, run.samples);
    snnrun_pool_fini(&run.pool);
    return status;
}
