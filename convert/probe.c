/* Frames as spikes through a net, see probe.h. */
#include "convert/probe.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/number.h"
#include "libsnn/base/thread.h"
#include "snn/stream.h"

struct run {
    const struct snnconv_probe *probe;
    const struct snn_net *net;
    snnconv_probe_fn look;
    void *user;
    struct worker *workers;
    uint64_t done_before; /* frames of earlier passes */
    atomic_uint_fast64_t next, done;
    atomic_bool stop;
};

struct worker {
    struct run *run;
    unsigned index;
    struct snnbase_arena arena;
    struct snn_context *context; /* of its own, but for worker 0 */
    struct snn_target *target;   /* a fork, but for worker 0 */
    struct snn_encoder *encoder;
    float *intensity;
    struct snn_output output;
    int status;
    uint64_t failed; /* the frame that `status` is of */
};

int snnconv_probe_init(struct snnconv_probe *probe, struct snn_context *context,
                       const struct snn_graph *graph, const struct snn_frames *frames,
                       const struct snn_calibrate_options *options,
                       struct snnconv_progress *progress)
{
    const struct snn_probe *o = options->probe;
    if (o == NULL || o->target == NULL || o->lower == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "recipes that are measured need a target to measure them on");
    if (o->timesteps == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "a net is measured over 1 step at least");
    *probe = (struct snnconv_probe){.context = context,
                                    .graph = graph,
                                    .frames = frames,
                                    .options = o,
                                    .progress = progress,
                                    .frame_count = frames->count};
    if (o->frame_count > 0 && o->frame_count < frames->count) probe->frame_count = o->frame_count;
    probe->threads = options->threads > 0 ? options->threads : snnbase_processor_count();
    uint32_t most = snn_target_parallel_max(o->target);
    if (most > 0 && probe->threads > most) probe->threads = most;
    if (probe->threads > probe->frame_count) probe->threads = (unsigned)probe->frame_count;
    return SNN_OK;
}

void snnconv_probe_options(const struct snnconv_probe *probe, uint32_t layer,
                           struct snn_lower_options *out)
{
    *out = *probe->options->lower;
    if (layer == snn_graph_output(probe->graph)) return;
    out->output_gain = 1.0f;
    out->extra_gain_count = 0;
    out->readout_membrane = false;
}

/* ---- Names ---- */

/* What a correction is called before its norm: "bias" of "bias:p99.9@sim:rate:16", and "offset" of
 * "offset+bias:...", whose other part stands in the list by itself. */
static size_t own_part(const char *name)
{
    return strcspn(name, "+:@");
}

static void append(char *text, size_t size, const char *format, ...) SNN_PRINTF(3, 4);

static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    if (used + 1 < size) (void)vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

/* What is not by default. */
static void append_neurons(char *text, size_t size, const struct snn_lower_options *lower)
{
    char number[SNNBASE_NUMBER_SIZE];
    struct snn_lower_options usual;
    snn_lower_options_init(&usual);
    if (fabsf(lower->v_init - usual.v_init) > 0.0f) {
        snnbase_number_format_float(lower->v_init, number);
        append(text, size, ":v0=%s", number);
    }
    if (isinf(lower->v_min)) {
        append(text, size, ":v-min=none");
    } else if (fabsf(lower->v_min - usual.v_min) > 0.0f) {
        snnbase_number_format_float(lower->v_min, number);
        append(text, size, ":v-min=%s", number);
    }
    if (lower->reset != usual.reset) append(text, size, ":reset=zero");
    if (lower->spikes_max > 0) append(text, size, ":n-max=%u", lower->spikes_max);
}

void snn_recipe_name(char *text, size_t size, const char *recipe, const struct snn_probe *probe)
{
    char norm[64];
    const struct snn_lower_options *lower = probe->lower;
    if (size == 0) return;
    (void)snprintf(text, size, "%s", recipe);
    if (strcmp(recipe, "bias") != 0 && strcmp(recipe, "potential") != 0 &&
        strcmp(recipe, "offset") != 0)
        return;
    snn_norm_format(lower, norm, sizeof(norm));
    for (uint32_t i = 0; i < lower->correction_count; i++)
        append(text, size, "+%.*s", (int)own_part(lower->corrections[i]), lower->corrections[i]);
    append(text, size, ":%s@%s", norm, snn_target_name(probe->target));
    if (snn_target_order(probe->target) != NULL)
        append(text, size, ":%s:%s", snn_target_semantics(probe->target),
               snn_target_order(probe->target));
    if (lower->arith == SNN_ARITH_CHIP) append(text, size, ":chip");
    append_neurons(text, size, lower);
    append(text, size, ":%s:%u", snn_encoding_name(probe->encoding), probe->timesteps);
}

int snnconv_probe_lower(const struct snnconv_probe *probe, const struct snn_lower_options *options,
                        uint32_t layer, const struct snn_recipe *draft, struct snn_net **out)
{
    struct snn_context *quiet = NULL;
    int status = snnbase_context_fork(&quiet, probe->context);
    if (status != SNN_OK)
        return snnbase_fail(probe->context, status, "%s", snn_status_text(status));
    status = snnconv_lower(out, quiet, probe->graph, options, layer, draft);
    if (status != SNN_OK) snnbase_error_copy(probe->context, quiet);
    snn_context_destroy(&quiet);
    return status;
}

/* ---- Workers ---- */

static int allocate(struct worker *w)
{
    const struct snn_net *net = w->run->net;
    const size_t steps = SNN_TARGET_STEPS_MAX;
    const size_t classes = (size_t)net->class_count * net->readout_count;
    const size_t populations = net->population_count, synapses = net->synapse_count;
    struct snn_output *o = &w->output;
    const struct {
        void **to;
        size_t count, size;
    } blocks[] = {
        {(void **)&w->intensity, snn_shape_size(net->input_shape), sizeof(float)},
        {(void **)&o->spikes, steps * classes, sizeof(uint32_t)},
        {(void **)&o->potential, steps * classes, sizeof(float)},
        {(void **)&o->population_spikes, steps * populations, sizeof(uint64_t)},
        {(void **)&o->synapse_spikes, steps * synapses, sizeof(uint64_t)},
        {(void **)&o->synapse_operations, steps * synapses, sizeof(uint64_t)},
        {(void **)&o->synapse_macs, steps * synapses, sizeof(uint64_t)},
        {(void **)&o->input_spikes, steps, sizeof(uint64_t)},
    };
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        *blocks[i].to = snnbase_arena_alloc(&w->arena, w->context, blocks[i].count, blocks[i].size);
        if (*blocks[i].to == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

static int init_worker(struct worker *w, struct run *run, unsigned index)
{
    const struct snnconv_probe *probe = run->probe;
    const struct snn_encoder_options encoding = {.encoding = probe->options->encoding,
                                                 .seed = probe->options->seed,
                                                 .timesteps = probe->options->timesteps};
    int status = SNN_OK;
    w->run = run;
    w->index = index;
    if (index == 0)
        w->context = probe->context;
    else
        status = snnbase_context_fork(&w->context, probe->context);
    if (status != SNN_OK)
        return snnbase_fail(probe->context, status, "%s", snn_status_text(status));
    snnbase_arena_init(&w->arena, w->context);
    if (index == 0)
        w->target = probe->options->target;
    else
        status = snn_target_fork(&w->target, w->context, probe->options->target);
    if (status == SNN_OK)
        status = snn_encoder_create(&w->encoder, w->context, &encoding, run->net->input_shape);
    if (status == SNN_OK) status = allocate(w);
    if (status != SNN_OK && index > 0) snnbase_error_copy(probe->context, w->context);
    return status;
}

static void fini_worker(struct worker *w)
{
    if (w->run == NULL) return;
    snn_encoder_destroy(&w->encoder);
    if (w->context != NULL) snnbase_arena_fini(&w->arena);
    if (w->index == 0) return;
    snn_target_close(&w->target);
    snn_context_destroy(&w->context);
}

static int run_frame(struct worker *w, uint64_t frame)
{
    const struct snnconv_probe *probe = w->run->probe;
    const uint32_t timesteps = probe->options->timesteps;
    struct snnconv_probe_view view = {
        .net = w->run->net, .frame = frame, .output = &w->output, .worker = w->index};
    probe->frames->read(frame, w->intensity, probe->frames->user);
    int status = snn_encoder_begin(w->encoder, w->context, frame, w->intensity);
    if (status == SNN_OK) status = snn_target_reset(w->target, w->context);
    while (status == SNN_OK && view.step < timesteps) {
        uint32_t count = timesteps - view.step;
        if (count > SNN_TARGET_STEPS_MAX) count = SNN_TARGET_STEPS_MAX;
        struct snn_spikes spikes;
        status = snn_encoder_next(w->encoder, w->context, count, &spikes);
        if (status == SNN_OK) status = snn_target_push(w->target, w->context, &spikes);
        if (status == SNN_OK) status = snn_target_advance(w->target, w->context, count);
        if (status == SNN_OK) status = snn_target_pull(w->target, w->context, &w->output);
        if (status != SNN_OK) break;
        view.last = view.step + count == timesteps;
        w->run->look(&view, w->run->user);
        view.step += count;
    }
    return status;
}

/* Progress is told by worker 0, which is the calling thread. */
static void work(unsigned index, void *user)
{
    struct run *run = user;
    struct worker *w = &run->workers[index];
    for (;;) {
        uint64_t frame = atomic_fetch_add(&run->next, 1);
        if (frame >= run->probe->frame_count || atomic_load(&run->stop)) return;
        w->status = run_frame(w, frame);
        w->failed = frame;
        uint64_t done = run->done_before + atomic_fetch_add(&run->done, 1) + 1;
        if (w->status == SNN_OK && index == 0)
            w->status = snnconv_progress_report(run->probe->progress, w->context, done);
        if (w->status == SNN_OK) continue;
        atomic_store(&run->stop, true);
        return;
    }
}

/* The failure of the lowest frame, so that it is the same for any number of workers. */
static int worst_status(const struct run *run)
{
    const struct worker *first = NULL;
    for (unsigned i = 0; i < run->probe->threads; i++) {
        const struct worker *w = &run->workers[i];
        if (w->status != SNN_OK && (first == NULL || w->failed < first->failed)) first = w;
    }
    if (first == NULL) return SNN_OK;
    if (first->index > 0) snnbase_error_copy(run->probe->context, first->context);
    return first->status;
}

int snnconv_probe_run(const struct snnconv_probe *probe, const struct snn_net *net,
                      snnconv_probe_fn look, void *user)
{
    struct run run = {.probe = probe,
                      .net = net,
                      .look = look,
                      .user = user,
                      .done_before = probe->progress->done};
    int status = snn_target_load(probe->options->target, probe->context, net);
    if (status != SNN_OK) return status;
    run.workers = snnbase_alloc(probe->context, probe->threads, sizeof(*run.workers));
    if (run.workers == NULL) return SNN_ERR_NOMEM;
    for (unsigned i = 0; status == SNN_OK && i < probe->threads; i++)
        status = init_worker(&run.workers[i], &run, i);
    if (status == SNN_OK) {
        snnbase_workers_run(probe->threads, work, &run);
        status = worst_status(&run);
    }
    if (status == SNN_OK)
        status = snnconv_progress_report(probe->progress, probe->context,
                                         run.done_before + probe->frame_count);
    for (unsigned i = probe->threads; i-- > 0;)
        fini_worker(&run.workers[i]);
    snnbase_free(probe->context, run.workers);
    return status;
}
