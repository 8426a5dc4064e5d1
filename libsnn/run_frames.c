/* The run of a frame-based target: source -> target -> decision, frame after frame, over worker
 * threads. The CNN in float, where it is asked for, sees each frame too; the time that takes is
 * taken off the run's.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/thread.h"
#include "libsnn/model/result.h"
#include "libsnn/run_check.h"
#include "libsnn/run_partial.h"
#include "libsnn/run_pool.h"
#include "snn/run.h"

/* What all workers share. */
struct frame_run {
    struct snnrun_pool pool;
    const struct snn_graph *graph;
    const struct snn_source *source;
    struct snn_target *target;
    uint32_t class_count;
    double macs;                 /* of a frame */
    struct snn_partial *partial; /* the caller's, or the run's own */
    struct frame_worker *workers;
};

struct frame_worker {
    struct frame_run *run;
    struct snnbase_arena arena;
    struct snn_context *context;
    struct snn_target *target; /* worker 0: the caller's */
    bool owns_target;
    struct snn_evaluator *evaluator; /* NULL: the CNN is not asked */
    double evaluator_seconds;
    float *frame;
    float *output;
    struct snnmodel_outcome outcome; /* of the current frame */
};

static int init_worker(struct frame_worker *w, struct snn_context *parent, struct frame_run *run,
                       bool first)
{
    w->run = run;
    int status = snnbase_context_fork(&w->context, parent);
    if (status != SNN_OK) return snnbase_fail(parent, status, "out of memory: no worker");
    snnbase_arena_init(&w->arena, w->context);
    w->target = run->target;
    if (!first) {
        status = snn_target_fork(&w->target, w->context, run->target);
        w->owns_target = status == SNN_OK;
    }
    if (status == SNN_OK && run->pool.options->cnn != NULL)
        status = snn_evaluator_create(&w->evaluator, w->context, run->pool.options->cnn);
    if (status == SNN_OK)
        status = snnmodel_outcome_init(&w->outcome, w->context, &w->arena, &run->partial->layout);
    if (status == SNN_OK) {
        const size_t size = snn_shape_size(snn_graph_input_shape(run->graph));
        w->frame = snnbase_arena_alloc(&w->arena, w->context, size, sizeof(*w->frame));
        w->output =
            snnbase_arena_alloc(&w->arena, w->context, run->class_count, sizeof(*w->output));
        if (w->frame == NULL || w->output == NULL) status = SNN_ERR_NOMEM;
    }
    if (status != SNN_OK) snnbase_error_copy(parent, w->context);
    return status;
}

static void fini_worker(struct frame_worker *w)
{
    if (w->context == NULL) return;
    if (w->owns_target) snn_target_close(&w->target);
    snn_evaluator_destroy(&w->evaluator);
    snnbase_arena_fini(&w->arena);
    snn_context_destroy(&w->context);
}

static int32_t ask_cnn(struct frame_worker *w)
{
    if (w->evaluator == NULL) return SNN_NO_CLASS;
    const double start = snnrun_seconds();
    snn_evaluator_run(w->evaluator, w->frame);
    const int32_t decision = snnrun_decide(
        snn_evaluator_values(w->evaluator, snn_graph_output(w->run->pool.options->cnn)),
        w->run->class_count);
    w->evaluator_seconds += snnrun_seconds() - start;
    return decision;
}

static int run_frame(struct frame_worker *w, uint64_t at)
{
    const struct frame_run *run = w->run;
    struct snnmodel_sample *sample = &w->outcome.sample;
    const uint64_t index = run->pool.options->offset + at;
    int status =
        snnrun_read_label(w->context, run->source, index, run->class_count, &sample->label);
    if (status != SNN_OK) return status;
    snn_source_frame(run->source, index, w->frame);
    status = snn_target_infer(w->target, w->context, w->frame, w->output);
    if (status != SNN_OK) return snnbase_where(w->context, "sample %" PRIu64, index);
    sample->prediction = snnrun_decide(w->output, run->class_count);
    sample->cnn_prediction = ask_cnn(w);
    sample->total.macs = run->macs;
    sample->first.class_index = SNN_NO_CLASS;
    bool is_new = false;
    return snnrun_partial_put(run->partial, w->context, at, &w->outcome, &is_new);
}

static void work(unsigned index, void *user)
{
    struct frame_run *run = user;
    struct frame_worker *w = &run->workers[index];
    uint64_t at = 0;
    while (snnrun_pool_take(&run->pool, &at)) {
        int status = run_frame(w, at);
        if (status != SNN_OK) {
            snnrun_pool_fail(&run->pool, at, status, w->context);
            return;
        }
        (void)snnrun_pool_report(&run->pool, NULL);
    }
}

static int execute(struct frame_run *run, struct snn_context *context, unsigned threads,
                   struct snn_result **out)
{
    int status = SNN_OK;
    for (unsigned i = 0; status == SNN_OK && i < threads; i++)
        status = init_worker(&run->workers[i], context, run, i == 0);
    if (status != SNN_OK) return status;
    double seconds = -snnrun_seconds();
    snnbase_workers_run(threads, work, run);
    seconds += snnrun_seconds();
    status = snnrun_pool_status(&run->pool, context);
    if (status != SNN_OK) return status;
    for (unsigned i = 0; i < threads; i++)
        seconds -= run->workers[i].evaluator_seconds / threads;
    struct snn_run_options options = *run->pool.options;
    options.timesteps = 0;
    options.rule_count = 0;
    options.sweep_count = 0;
    options.until_decided = false;
    struct snnmodel_record record = {.target = snn_target_name(run->target),
                                     .semantics = snn_target_semantics(run->target),
                                     .order = snn_target_order(run->target),
                                     .graph = run->graph,
                                     .class_count = run->class_count,
                                     .options = &options,
                                     .labelled = snn_source_has_labels(run->source),
                                     .resumed_count = run->pool.resumed_count,
                                     .seconds = seconds,
                                     .threads = threads};
    return snnrun_partial_conclude(run->partial, context, &record, out);
}

static int run_all(struct frame_run *run, struct snn_context *context,
                   const struct snn_run_options *options, struct snn_result **out)
{
    int status = snnrun_pool_init(&run->pool, context, run->partial, options);
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

int snn_run_frames(struct snn_result **out, struct snn_context *context, struct snn_target *target,
                   const struct snn_graph *graph, const struct snn_source *source,
                   const struct snn_run_options *options)
{
    const struct snnrun_parties parties = {target, NULL, graph, source};
    struct frame_run run = {.graph = graph, .source = source, .target = target};
    struct snn_partial *own = NULL;
    run.class_count = snnrun_graph_classes(graph);
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++)
        run.macs += (double)snn_graph_layer_macs(graph, i);
    int status = snnrun_check_frames(context, target, graph, source, options);
    if (status == SNN_OK)
        status = snnrun_partial_obtain(&run.partial, &own, &parties, context, options);
    if (status == SNN_OK) status = run_all(&run, context, options, out);
    snn_partial_destroy(&own);
    return status;
}
