/* The run: source -> encoder -> target -> decoder, sample after sample, over worker threads.
 *
 * Each worker has its own context, session, encoder and decoder and takes the next sample that
 * nobody has. What it finds of a sample is its outcome, which goes into the partial result, where
 * those of all workers, processes and machines come together.
 */
#include "snn/run.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"
#include "libsnn/base/thread.h"
#include "libsnn/model/result.h"
#include "libsnn/run_check.h"
#include "libsnn/run_partial.h"
#include "libsnn/run_pool.h"
#include "libsnn/stream/decode.h"
#include "libsnn/stream/target.h"

/* What all workers share. */
struct run {
    struct snnrun_pool pool;
    const struct snn_net *net;
    const struct snn_source *source;
    const struct snn_run_options *options;
    struct snn_target *target;
    struct snn_partial *partial; /* the caller's, or the run's own */
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
    struct snn_output output;
    float *frame;
    double evaluator_seconds;
    bool input_seen;                 /* something came in for the current sample */
    struct snnmodel_outcome outcome; /* of the current sample; dropped if it is not finished */
};

void snn_run_options_init(struct snn_run_options *options)
{
    *options =
        (struct snn_run_options){.timesteps = 100, .encoding = SNN_ENCODING_RATE, .dt_us = 1000.0};
}

static int init_arrays(struct worker *w)
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
    w->frame = snnbase_arena_alloc(a, w->context, snn_shape_size(net->input_shape), sizeof(float));
    if (w->frame == NULL || o->spikes == NULL || o->potential == NULL ||
        o->population_spikes == NULL || o->synapse_spikes == NULL ||
        o->synapse_operations == NULL || o->synapse_macs == NULL || o->input_spikes == NULL)
        return SNN_ERR_NOMEM;
    return SNN_OK;
}

static int init_worker(struct worker *w, struct snn_context *parent, struct run *run, bool first)
{
    const struct snn_run_options *o = run->options;
    const struct snn_partial *partial = run->partial;
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
    const struct snn_encoder_options encoder = {o->encoding, o->seed, o->timesteps, o->dt_us,
                                                snnstream_target_takes_singles(w->target)};
    if (status == SNN_OK)
        status = snn_encoder_create(&w->encoder, w->context, &encoder, run->net->input_shape);
    if (status == SNN_OK)
        status = snnstream_decoder_create(&w->decoder, w->context, run->net, partial->rules,
                                          partial->layout.rule_count, o->timesteps);
    if (status == SNN_OK && o->cnn != NULL && !snn_graph_is_spiking(o->cnn) &&
        snn_source_kind(run->source) == SNN_SOURCE_FRAMES)
        status = snn_evaluator_create(&w->evaluator, w->context, o->cnn);
    if (status == SNN_OK)
        status = snnmodel_outcome_init(&w->outcome, w->context, &w->arena, &partial->layout);
    if (status == SNN_OK) status = init_arrays(w);
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
static void clear_counts(struct worker *w)
{
    const struct snn_net *net = w->run->net;
    const size_t steps = w->run->options->timesteps;
    memset(w->outcome.counts, 0, steps * net->class_count * sizeof(uint32_t));
    memset(w->outcome.population_counts, 0, steps * net->population_count * sizeof(uint64_t));
}

static int begin_sample(struct worker *w, uint64_t index)
{
    const struct run *run = w->run;
    struct snnmodel_sample *sample = &w->outcome.sample;
    *sample = (struct snnmodel_sample){.done = false};
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
    clear_tally(&w->outcome.tally, run);
    w->input_seen = false;
    if (w->outcome.counts != NULL) clear_counts(w);
    snnstream_decoder_begin(w->decoder, sample->label);
    return status;
}

/* SynOps of a synapse in the accounting of the run. */
static double count_synops(const struct worker *w, uint64_t spikes, uint64_t operations,
                           uint32_t synapse)
{
    const double *sinabs = w->run->partial->sinabs_operations;
    return sinabs != NULL ? (double)spikes * sinabs[synapse] : (double)operations;
}

/* Adds one step's counts to the sample's tally and tells what the step cost. */
static struct snnmodel_cost tally_step(struct worker *w, uint32_t row)
{
    const struct snn_net *net = w->run->net;
    const struct snn_output *o = &w->output;
    struct snnmodel_tally *t = &w->outcome.tally;
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

static void keep_counts(struct worker *w, uint32_t step, uint32_t row)
{
    const struct snn_net *net = w->run->net;
    size_t readouts = (size_t)net->readout_count * net->class_count;
    memcpy(w->outcome.counts + (size_t)step * net->class_count, w->output.spikes + row * readouts,
           net->class_count * sizeof(uint32_t));
    memcpy(w->outcome.population_counts + (size_t)step * net->population_count,
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
    int status = snn_encoder_next(w->encoder, w->context, chunk, &spikes);
    if (status != SNN_OK) return status;
    if (spikes.step_begin[spikes.constant ? 1 : chunk] > 0) w->input_seen = true;
    status = snn_target_push(w->target, w->context, &spikes);
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
            if (w->outcome.counts != NULL) keep_counts(w, step, row);
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
            spikes += w->outcome.tally.population_spikes[i];
            continue;
        }
        if (spikes == 0) return first;
        first = i;
        spikes = w->outcome.tally.population_spikes[i];
    }
    return first;
}

static void end_sample(struct worker *w)
{
    const struct run *run = w->run;
    const uint32_t rules = run->partial->layout.rule_count;
    struct snnmodel_sample *sample = &w->outcome.sample;
    struct snnstream_outcome outcome;
    snnstream_decoder_end(w->decoder, &outcome);
    sample->prediction = outcome.prediction[run->options->timesteps - 1];
    sample->first = outcome.first;
    sample->total = outcome.total;
    sample->steps = outcome.steps;
    sample->silent = outcome.silent;
    if (outcome.silent) sample->silent_layer = silent_layer(w);
    for (uint32_t t = 0; sample->label >= 0 && t < run->options->timesteps; t++)
        w->outcome.tally.correct_by_step[t] = outcome.prediction[t] == sample->label;
    if (rules > 0) memcpy(w->outcome.decisions, outcome.rules, rules * sizeof(*outcome.rules));
    snnmodel_outcome_find_busiest(&w->outcome, run->net, run->partial->sinabs_operations);
    sample->done = true;
}

/* What somebody else has found in the meantime is theirs to tell. */
static int report(struct worker *w, uint64_t index, bool is_new)
{
    const struct run *run = w->run;
    const struct snn_sample_record record = {index,
                                             run->options->timesteps,
                                             run->net->class_count,
                                             run->net->population_count,
                                             w->outcome.counts,
                                             w->outcome.population_counts};
    return snnrun_pool_report(&w->run->pool, is_new ? &record : NULL);
}

static void work(unsigned index, void *user)
{
    struct run *run = user;
    struct worker *w = &run->workers[index];
    uint64_t at = 0;
    while (snnrun_pool_take(&run->pool, &at)) {
        bool is_new = false;
        uint64_t sample = run->options->offset + at;
        int status = begin_sample(w, sample);
        if (status == SNN_OK) status = run_steps(w);
        if (status == SNN_ERR_CANCELLED && atomic_load(&run->pool.stop)) return;
        if (status == SNN_OK) {
            end_sample(w);
            status = snnrun_partial_put(run->partial, w->context, at, &w->outcome, &is_new);
        }
        if (status != SNN_OK) {
            snnrun_pool_fail(&run->pool, at, status, w->context);
            return;
        }
        /* A callback knows the caller's context, not the worker's. */
        status = report(w, sample, is_new);
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
    for (unsigned i = 0; i < threads; i++)
        seconds -= run->workers[i].evaluator_seconds / threads;
    struct snnmodel_record record = {.target = snn_target_name(run->target),
                                     .semantics = snn_target_semantics(run->target),
                                     .order = snn_target_order(run->target),
                                     .net = run->net,
                                     .class_count = run->net->class_count,
                                     .options = run->options,
                                     .labelled = snn_source_has_labels(run->source),
                                     .resumed_count = run->pool.resumed_count,
                                     .device = device.sessions > 0 ? &device : NULL,
                                     .seconds = seconds,
                                     .threads = threads};
    return snnrun_partial_conclude(run->partial, context, &record, out);
}

static int run_all(struct run *run, struct snn_context *context, struct snn_result **out)
{
    int status = snnrun_pool_init(&run->pool, context, run->partial, run->options);
    if (status != SNN_OK) return status;
    unsigned threads = snnrun_pool_threads(&run->pool, run->target);
    run->workers = snnbase_alloc(context, threads, sizeof(*run->workers));
    status = run->workers != NULL ? execute(run, context, threads, out) : SNN_ERR_NOMEM;
    for (unsigned i = 0; run->workers != NULL && i < threads; i++)
        fini_worker(&run->workers[i]);
    snnbase_free(context, run->workers);
    snnrun_pool_fini(&run->pool);
    return status;
}

int snn_run(struct snn_result **out, struct snn_context *context, struct snn_target *target,
            const struct snn_net *net, const struct snn_source *source,
            const struct snn_run_options *options)
{
    const struct snnrun_parties parties = {target, net, NULL, source};
    struct run run = {.net = net, .source = source, .options = options, .target = target};
    struct snn_partial *own = NULL;
    int status = snnrun_check_spikes(context, net, source, options);
    if (status == SNN_OK)
        status = snnrun_partial_obtain(&run.partial, &own, &parties, context, options);
    if (status == SNN_OK) status = run_all(&run, context, out);
    snn_partial_destroy(&own);
    return status;
}
