/* Calibration: training frames through the graph, statistics and recipes into it.
 *
 * What the CNN alone tells is held here until it is complete, then stored; what is measured on a
 * spiking net comes after, since its net is lowered from the graph. A failure then puts everything
 * back.
 */
#include "snn/calibrate.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert/batch.h"
#include "convert/measure.h"
#include "convert/quantile.h"
#include "convert/threshold.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/eval.h"
#include "libsnn/model/graph.h"
#include "libsnn/model/intensity.h"

/* Every literal is the double nearest to its decimal, as users and files write it. */
static const double standard[] = {0.5,   0.75,  0.9,   0.91,  0.92,  0.93,   0.94,   0.95,
                                  0.96,  0.97,  0.98,  0.99,  0.991, 0.992,  0.993,  0.994,
                                  0.995, 0.996, 0.997, 0.998, 0.999, 0.9995, 0.9999, 1.0};

/* 99.95 / 100 is not the double nearest to 0.9995, but means it. */
#define SAME_QUANTILE 1e-12

enum { STANDARD_COUNT = sizeof(standard) / sizeof(standard[0]) };

struct calibration {
    struct snn_context *context;
    struct snn_graph *graph;
    const struct snn_frames *frames;
    const struct snn_calibrate_options *options;
    struct snnbase_arena arena; /* all results */
    double *probability;
    uint32_t probability_count;
    struct snn_statistics *statistics; /* [neuronal layer] */
    float *maximum;                    /* [neuronal layer] */
    struct snn_recipe *mse;            /* [mse_count] */
    uint32_t *mse_timesteps;
    uint32_t mse_count;
    struct snn_recipe ltb;
    bool wants_ltb;
    struct snn_recipe *measured; /* [measured_count] in the order of the options */
    uint32_t measured_count;
    bool wants_spike, wants_auto;
    struct snnconv_progress progress;
};

/* What "auto" tries; the recipes among them are computed with it. */
static const char *const candidates[] = {"none",  "max",    "p99.9", "p99",  "mse:4",
                                         "mse:8", "mse:16", "ltb",   "spike"};
enum { CANDIDATES = sizeof(candidates) / sizeof(candidates[0]), AUTO_RECIPES_FIRST = 4 };

/* ---- What is asked for ---- */

/* Rates of neurons are no activations that thresholds could be chosen from. */
static int check_graph(struct snn_context *context, const struct snn_graph *graph)
{
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        if (layer->kind != SNN_LAYER_IF) continue;
        snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                     "layer '%s': the net arrived spiking, calibration is for CNNs", layer->name);
        return snnbase_hint(context, "its thresholds are its own: it runs without calibration");
    }
    return SNN_OK;
}

static int check_frames(struct snn_context *context, const struct snn_graph *graph,
                        const struct snn_frames *frames)
{
    struct snn_shape a = frames->shape, b = snn_graph_input_shape(graph);
    if (frames->count == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "no frames to calibrate with");
    if (a.channels == b.channels && a.height == b.height && a.width == b.width) return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID,
                 "frames of %ux%ux%u for a model with an input of %ux%ux%u", a.channels, a.height,
                 a.width, b.channels, b.height, b.width);
    return snnmodel_frame_shape_hint(context, a, b);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int collect_quantiles(struct calibration *c)
{
    const struct snn_calibrate_options *options = c->options;
    const uint32_t extra = options->extra_quantile_count;
    if (extra > SNNCONV_QUANTILE_COUNT_MAX - STANDARD_COUNT)
        return snnbase_fail(c->context, SNN_ERR_INVALID, "%u extra quantiles, %u at most", extra,
                            SNNCONV_QUANTILE_COUNT_MAX - STANDARD_COUNT);
    double *list =
        snnbase_arena_alloc(&c->arena, c->context, STANDARD_COUNT + extra, sizeof(*list));
    if (list == NULL) return SNN_ERR_NOMEM;
    memcpy(list, standard, sizeof(standard));
    for (uint32_t i = 0; i < extra; i++) {
        double probability = options->extra_quantile[i];
        if (!(probability > 0.0 && probability <= 1.0))
            return snnbase_fail(c->context, SNN_ERR_INVALID, "quantile %g is not within 0..1",
                                probability);
        list[STANDARD_COUNT + i] = probability;
    }
    qsort(list, STANDARD_COUNT + extra, sizeof(*list), compare_doubles);
    uint32_t count = 0;
    for (uint32_t i = 0; i < STANDARD_COUNT + extra; i++) {
        if (count == 0 || list[i] - list[count - 1] > SAME_QUANTILE) list[count++] = list[i];
    }
    c->probability = list;
    c->probability_count = count;
    return SNN_OK;
}

/* The T of "mse:T", 0 for anything else. */
static uint32_t parse_mse(const char *name)
{
    uint32_t timesteps = 0;
    if (strncmp(name, "mse:", 4) != 0 || name[4] == '0') return 0;
    for (const char *digit = name + 4; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') return 0;
        timesteps = timesteps * 10 + (uint32_t)(*digit - '0');
        if (timesteps > SNNCONV_MSE_TIMESTEPS_MAX) return 0;
    }
    return timesteps;
}

static bool has_mse(const struct calibration *c, uint32_t timesteps)
{
    for (uint32_t i = 0; i < c->mse_count; i++) {
        if (c->mse_timesteps[i] == timesteps) return true;
    }
    return false;
}

/* A recipe of what the CNN alone tells; false: it is none. */
static bool collect_plain(struct calibration *c, const char *name)
{
    const uint32_t timesteps = parse_mse(name);
    if (timesteps > 0 && !has_mse(c, timesteps)) {
        c->mse[c->mse_count].name = name;
        c->mse_timesteps[c->mse_count++] = timesteps;
    } else if (strcmp(name, "ltb") == 0) {
        c->ltb.name = name;
        c->wants_ltb = true;
    }
    return timesteps > 0 || strcmp(name, "ltb") == 0;
}

/* A recipe that is measured; false: it is none. */
static bool collect_measured(struct calibration *c, const char *name)
{
    static const char *const names[] = {"spike", "auto", "bias", "offset", "potential"};
    size_t k = 0;
    while (k < sizeof(names) / sizeof(names[0]) && strcmp(name, names[k]) != 0)
        k++;
    if (k == sizeof(names) / sizeof(names[0])) return false;
    c->wants_spike = c->wants_spike || k == 0;
    c->wants_auto = c->wants_auto || k == 1;
    c->measured[c->measured_count].name = names[k];
    c->measured[c->measured_count].kind = k < 2    ? SNN_RECIPE_THRESHOLD
                                          : k == 4 ? SNN_RECIPE_POTENTIAL
                                                   : SNN_RECIPE_BIAS;
    c->measured_count++;
    return true;
}

static int collect_recipes(struct calibration *c)
{
    const struct snn_calibrate_options *options = c->options;
    const uint32_t count = options->recipe_count, room = count + CANDIDATES;
    c->mse = snnbase_arena_alloc(&c->arena, c->context, room, sizeof(*c->mse));
    c->mse_timesteps = snnbase_arena_alloc(&c->arena, c->context, room, sizeof(uint32_t));
    c->measured = snnbase_arena_alloc(&c->arena, c->context, count, sizeof(*c->measured));
    if (c->mse == NULL || c->mse_timesteps == NULL || c->measured == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = options->recipes[i];
        if (collect_plain(c, name) || collect_measured(c, name)) continue;
        snnbase_fail(c->context, SNN_ERR_INVALID, "unknown recipe '%s'", name);
        return snnbase_hint(c->context,
                            "recipes are mse:T, with T from 1 to %u, ltb, spike, auto, bias, "
                            "potential and offset",
                            SNNCONV_MSE_TIMESTEPS_MAX);
    }
    for (unsigned k = AUTO_RECIPES_FIRST; c->wants_auto && k < CANDIDATES; k++)
        (void)collect_plain(c, candidates[k]);
    return SNN_OK;
}

/* ---- Statistics ---- */

/* One population of values under way: a channel, or a whole layer. */
struct population {
    uint32_t layer;
    uint32_t channel;
    struct snnconv_quantile quantile;
};

struct statistics_job {
    struct snnconv_batch *batch;
    struct population *populations; /* whole layers first: they take longest */
    size_t count;
    float *minimum; /* [neuronal layer] */
};

static int init_populations(struct statistics_job *job, const struct calibration *c)
{
    struct snnconv_batch *batch = job->batch;
    size_t count = batch->neuronal_count;
    for (uint32_t i = 0; i < batch->neuronal_count; i++)
        count += snn_graph_layer(batch->graph, batch->neuronal[i])->shape.channels;
    job->populations = snnbase_alloc(batch->context, count, sizeof(*job->populations));
    if (job->populations == NULL) return SNN_ERR_NOMEM;
    job->count = count;
    struct population *next = job->populations + batch->neuronal_count;
    for (uint32_t i = 0; i < batch->neuronal_count; i++) {
        job->populations[i].layer = batch->neuronal[i];
        job->populations[i].channel = SNNCONV_ALL_CHANNELS;
        uint32_t channels = snn_graph_layer(batch->graph, batch->neuronal[i])->shape.channels;
        for (uint32_t channel = 0; channel < channels; channel++, next++) {
            next->layer = batch->neuronal[i];
            next->channel = channel;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct population *population = &job->populations[i];
        struct snn_shape shape = snn_graph_layer(batch->graph, population->layer)->shape;
        uint64_t values = batch->frames->count * shape.height * shape.width;
        if (population->channel == SNNCONV_ALL_CHANNELS) values *= shape.channels;
        int status = snnconv_quantile_init(&population->quantile, batch->context, c->probability,
                                           c->probability_count, values);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static void fini_populations(struct statistics_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        snnconv_quantile_fini(&job->populations[i].quantile, job->batch->context);
    snnbase_free(job->batch->context, job->populations);
}

static void count_population(size_t index, void *user)
{
    const struct statistics_job *job = user;
    struct population *population = &job->populations[index];
    for (uint32_t frame = 0; frame < job->batch->count; frame++) {
        size_t count = 0;
        const float *values =
            snnconv_batch_values(job->batch, frame, population->layer, population->channel, &count);
        snnconv_quantile_add(&population->quantile, values, count);
    }
}

static void note_minima(struct statistics_job *job)
{
    const struct snnconv_batch *batch = job->batch;
    for (uint32_t i = 0; i < batch->neuronal_count; i++) {
        for (uint32_t frame = 0; frame < batch->count; frame++) {
            float minimum = snnmodel_eval_minimum(batch->evaluators[frame], batch->neuronal[i]);
            if (minimum < job->minimum[i]) job->minimum[i] = minimum;
        }
    }
}

static int count_pass(struct statistics_job *job)
{
    while (snnconv_batch_next(job->batch)) {
        snnconv_batch_run(job->batch);
        snnconv_batch_each(job->batch, job->count, count_population, job);
        note_minima(job);
        int status = snnconv_batch_report(job->batch);
        if (status != SNN_OK) return status;
    }
    for (size_t i = 0; i < job->count; i++) {
        int status = snnconv_quantile_next(&job->populations[i].quantile, job->batch->context);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* Moves one layer's results into the calibration; `next` is its first channel's population. */
static int read_layer(struct calibration *c, const struct statistics_job *job, uint32_t i,
                      const struct population **next)
{
    const struct snn_layer *layer = snn_graph_layer(c->graph, job->populations[i].layer);
    const uint32_t count = c->probability_count, channels = layer->shape.channels;
    float *quantile = snnbase_arena_alloc(&c->arena, c->context, count, sizeof(float));
    float *of_channel =
        snnbase_arena_alloc(&c->arena, c->context, (size_t)channels * count, sizeof(float));
    if (quantile == NULL || of_channel == NULL) return SNN_ERR_NOMEM;
    snnconv_quantile_read(&job->populations[i].quantile, quantile);
    for (uint32_t channel = 0; channel < channels; channel++, (*next)++)
        snnconv_quantile_read(&(*next)->quantile, of_channel + (size_t)channel * count);
    c->maximum[i] = quantile[count - 1];
    c->statistics[i] = (struct snn_statistics){job->minimum[i], quantile, of_channel};
    if (isfinite(c->maximum[i]) && isfinite(job->minimum[i])) return SNN_OK;
    return snnbase_fail(c->context, SNN_ERR_INVALID,
                        "layer '%s': its values on the calibration frames exceed 32-bit floats",
                        layer->name);
}

static int read_statistics(struct calibration *c, const struct statistics_job *job)
{
    const uint32_t layers = job->batch->neuronal_count;
    const struct population *next = job->populations + layers;
    c->maximum = snnbase_arena_alloc(&c->arena, c->context, layers, sizeof(*c->maximum));
    c->statistics = snnbase_arena_alloc(&c->arena, c->context, layers, sizeof(*c->statistics));
    if (c->maximum == NULL || c->statistics == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < layers; i++) {
        int status = read_layer(c, job, i, &next);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static int find_statistics(struct calibration *c, struct snnconv_batch *batch)
{
    struct statistics_job job = {.batch = batch};
    job.minimum =
        snnbase_arena_alloc(&c->arena, c->context, batch->neuronal_count, sizeof(*job.minimum));
    if (job.minimum == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < batch->neuronal_count; i++)
        job.minimum[i] = FLT_MAX;
    int status = init_populations(&job, c);
    for (unsigned pass = 0; pass < SNNCONV_QUANTILE_PASSES && status == SNN_OK; pass++)
        status = count_pass(&job);
    if (status == SNN_OK) status = read_statistics(c, &job);
    fini_populations(&job);
    return status;
}

/* ---- The whole ---- */

static int store(struct calibration *c, const struct snnconv_batch *batch)
{
    int status = snn_graph_set_quantiles(c->graph, c->context, c->probability, c->probability_count,
                                         c->frames->count, c->options->data);
    for (uint32_t i = 0; i < batch->neuronal_count && status == SNN_OK; i++)
        status =
            snn_graph_set_statistics(c->graph, c->context, batch->neuronal[i], &c->statistics[i]);
    for (uint32_t i = 0; i < c->mse_count && status == SNN_OK; i++)
        status = snn_graph_set_recipe(c->graph, c->context, &c->mse[i]);
    if (status == SNN_OK && c->wants_ltb)
        status = snn_graph_set_recipe(c->graph, c->context, &c->ltb);
    return status;
}

static int run_passes(struct calibration *c)
{
    struct snnconv_batch batch;
    int status =
        snnconv_batch_init(&batch, c->context, c->graph, c->frames, &c->progress, c->wants_ltb);
    if (status != SNN_OK) return status;
    status = find_statistics(c, &batch);
    if (status == SNN_OK && c->mse_count > 0)
        status = snnconv_threshold_mse(&batch, &c->arena, c->maximum, c->mse_timesteps,
                                       c->mse_count, c->mse);
    if (status == SNN_OK && c->wants_ltb)
        status = snnconv_threshold_ltb(&batch, &c->arena, &c->ltb);
    if (status == SNN_OK) status = store(c, &batch);
    snnconv_batch_fini(&batch);
    return status;
}

/* ---- What is measured ---- */

/* Clips stand where thresholds of 1 would let everything through. */
static bool has_clip(const struct snn_graph *graph)
{
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        if (snn_graph_layer(graph, i)->activation == SNN_ACTIVATION_CLIP) return true;
    }
    return false;
}

static int measure_auto(struct calibration *c, const struct snnconv_measurement *m,
                        struct snn_recipe *recipe)
{
    const unsigned first = has_clip(c->graph) ? 1 : 0;
    const bool spike = snn_graph_find_recipe(c->graph, "spike") != NULL;
    return snnconv_measure_auto(m, candidates + first, CANDIDATES - first - !spike, c->options,
                                recipe);
}

/* Corrections are measured one upon the other: `names` are those of the probe and what was found.
 */
static int measure_correction(struct calibration *c, const struct snnconv_measurement *m,
                              const char **names, uint32_t *count, struct snn_recipe *recipe)
{
    struct snn_lower_options lower = *c->options->probe->lower;
    struct snn_probe probe = *c->options->probe;
    const bool offset = strcmp(recipe->name, "offset") == 0;
    char *name = snnbase_arena_alloc(&c->arena, c->context, SNN_RECIPE_NAME_MAX, 1);
    if (name == NULL) return SNN_ERR_NOMEM;
    lower.corrections = names;
    lower.correction_count = *count;
    probe.lower = &lower;
    snn_recipe_name(name, SNN_RECIPE_NAME_MAX, recipe->name, &probe);
    recipe->name = name;
    int status = offset ? snnconv_measure_offset(m, names, *count, recipe)
                        : snnconv_measure_correction(m, names, *count, recipe);
    names[(*count)++] = name;
    return status;
}

/* spike before auto, which may take it, both before what is measured on their thresholds. */
static int measure_all(struct calibration *c, const struct snnconv_measurement *m)
{
    const struct snn_lower_options *lower = c->options->probe->lower;
    uint32_t count = lower->correction_count;
    const char **names = snnbase_arena_alloc(&c->arena, c->context,
                                             (size_t)count + c->measured_count, sizeof(*names));
    if (names == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        names[i] = lower->corrections[i];
    for (unsigned turn = 0; turn < 3; turn++) {
        for (uint32_t i = 0; i < c->measured_count; i++) {
            struct snn_recipe *recipe = &c->measured[i];
            const bool spike = strcmp(recipe->name, "spike") == 0;
            const unsigned when = spike ? 0 : recipe->kind == SNN_RECIPE_THRESHOLD ? 1 : 2;
            if (when != turn) continue;
            int status = when == 0   ? snnconv_measure_spike(m, recipe)
                         : when == 1 ? measure_auto(c, m, recipe)
                                     : measure_correction(c, m, names, &count, recipe);
            if (status == SNN_OK) status = snn_graph_set_recipe(c->graph, c->context, recipe);
            if (status != SNN_OK) return status;
        }
    }
    return SNN_OK;
}

static int measure(struct calibration *c)
{
    struct snnconv_probe probe;
    struct snnconv_batch batch;
    struct snnconv_reference reference = {.correct = 0};
    bool sums = false;
    int status =
        snnconv_probe_init(&probe, c->context, c->graph, c->frames, c->options, &c->progress);
    if (status != SNN_OK) return status;
    struct snn_frames frames = *c->frames;
    frames.count = probe.frame_count;
    status = snnconv_batch_init(&batch, c->context, c->graph, &frames, &c->progress, false);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < c->measured_count; i++)
        sums = sums || strcmp(c->measured[i].name, "bias") == 0 ||
               strcmp(c->measured[i].name, "potential") == 0;
    status = snnconv_reference_find(&batch, &c->arena, sums, &reference);
    const struct snnconv_measurement m = {.probe = &probe,
                                          .arena = &c->arena,
                                          .neuronal = batch.neuronal,
                                          .neuronal_count = batch.neuronal_count,
                                          .reference = &reference};
    if (status == SNN_OK) status = measure_all(c, &m);
    snnconv_batch_fini(&batch);
    return status;
}

/* Frames of all passes. An offset rarely takes more than two rounds; the rest is not waited for. */
static uint64_t count_frames(const struct calibration *c)
{
    const struct snn_probe *probe = c->options->probe;
    uint64_t passes = SNNCONV_QUANTILE_PASSES + (c->mse_count > 0) + c->wants_ltb;
    uint64_t total = c->frames->count * passes, frames = c->frames->count, layers = 0;
    if (c->measured_count == 0 || probe == NULL) return total;
    if (probe->frame_count > 0 && probe->frame_count < frames) frames = probe->frame_count;
    for (uint32_t i = 0; i < snn_graph_layer_count(c->graph); i++)
        layers += snn_graph_layer_is_neuronal(c->graph, i);
    for (uint32_t i = 0; i < c->measured_count; i++) {
        const char *name = c->measured[i].name;
        total += frames * (strcmp(name, "auto") == 0     ? CANDIDATES
                           : strcmp(name, "offset") == 0 ? 2
                                                         : layers);
    }
    return total + frames;
}

static int run(struct calibration *c)
{
    struct snnmodel_calibration before;
    int status = snnmodel_calibration_keep(&before, c->context, c->graph);
    if (status != SNN_OK) return status;
    c->progress = (struct snnconv_progress){.options = c->options, .total = count_frames(c)};
    status = run_passes(c);
    if (status == SNN_OK && c->measured_count > 0) status = measure(c);
    if (status != SNN_OK) snnmodel_calibration_restore(&before, c->graph);
    snnmodel_calibration_drop(&before, c->context);
    return status;
}

/* What is found out only after hours otherwise: a measurement without a target to measure on. */
static int check_probe(struct calibration *c)
{
    struct snnconv_probe probe;
    if (c->measured_count == 0) return SNN_OK;
    return snnconv_probe_init(&probe, c->context, c->graph, c->frames, c->options, &c->progress);
}

/* All frames before any work: statistics of a wrong range make thresholds that nothing reaches. */
static int check_intensities(struct snn_context *context, const struct snn_frames *frames)
{
    float *frame = snnbase_alloc(context, snn_shape_size(frames->shape), sizeof(*frame));
    int status = frame != NULL ? SNN_OK : SNN_ERR_NOMEM;
    for (uint64_t i = 0; status == SNN_OK && i < frames->count; i++) {
        frames->read(i, frame, frames->user);
        status = snnmodel_intensity_check(context, frames->shape, frame);
        if (status != SNN_OK) snnbase_where(context, "sample %" PRIu64, i);
    }
    snnbase_free(context, frame);
    return status;
}

int snn_calibrate(struct snn_graph *graph, struct snn_context *context,
                  const struct snn_frames *frames, const struct snn_calibrate_options *options)
{
    static const struct snn_calibrate_options defaults = {.threads = 0};
    struct calibration c = {
        .context = context,
        .graph = graph,
        .frames = frames,
        .options = options != NULL ? options : &defaults,
    };
    int status = check_graph(context, graph);
    if (status == SNN_OK) status = check_frames(context, graph, frames);
    if (status == SNN_OK) status = check_intensities(context, frames);
    if (status != SNN_OK) return status;
    snnbase_arena_init(&c.arena, context);
    status = collect_quantiles(&c);
    if (status == SNN_OK) status = collect_recipes(&c);
    if (status == SNN_OK) status = check_probe(&c);
    if (status == SNN_OK) status = run(&c);
    snnbase_arena_fini(&c.arena);
    return status;
}
