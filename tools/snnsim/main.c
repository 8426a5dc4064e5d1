/* snnsim: a trained CNN as a spiking network over a data set, and what comes of it.
 *
 * The datum's path in one page: model -> (calibration) -> spiking net -> target; data -> spikes ->
 * target -> result -> table and files. Frame-based targets take the model and the data as they are.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/snn.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/output.h"
#include "tools/cli/progress.h"
#include "tools/snnsim/calibrate.h"
#include "tools/snnsim/options.h"
#include "tools/snnsim/print.h"
#include "tools/snnsim/save.h"
#include "tools/snnsim/spiking.h"

/* Everything that main holds, so that one function lets go of it. */
struct session {
    struct snncli_console console;
    struct snnsim_options options;
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_source *source;
    struct snn_net *nets[2]; /* by enum snn_arith; NULL: of no target */
    struct snn_target *targets[SNNSIM_TARGETS_MAX];
    struct snn_result *results[SNNSIM_TARGETS_MAX];
    uint32_t result_count; /* of the targets that were run */
    struct snn_energy_profile energy;
    struct snnsim_save save;
    struct snncli_progress progress;
    char sha256[65];
    const char *data_path; /* what `source` was read from */
    char *sample_images;   /* paths of the model's own sample, allocated */
    char *sample_labels;
};

static void release(struct session *s)
{
    for (uint32_t i = 0; i < SNNSIM_TARGETS_MAX; i++) {
        snn_result_destroy(&s->results[i]);
        snn_target_close(&s->targets[i]);
    }
    snn_net_destroy(&s->nets[SNN_ARITH_FLOAT]);
    snn_net_destroy(&s->nets[SNN_ARITH_CHIP]);
    snn_source_close(&s->source);
    snn_graph_destroy(&s->graph);
    snn_context_destroy(&s->context);
    free(s->sample_images);
    free(s->sample_labels);
}

static int make_context(struct session *s)
{
    const struct snn_context_options options = {.diagnostic = snncli_diagnostic,
                                                .diagnostic_user = &s->console,
                                                .kernel_level = s->options.kernel};
    snn_context_destroy(&s->context);
    int status = snn_context_create(&s->context, &options);
    s->options.context = s->context;
    if (status == SNN_OK) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, snncli_exit_from_status(status), NULL, "%s",
                       snn_status_text(status));
}

/* For what this file allocates itself; the library has messages of its own. */
static int fail_memory(struct session *s)
{
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

/* A path from the model file, seen from the model's folder. */
static char *beside_model(const char *model, const char *name)
{
    const char *slash = strrchr(model, '/');
    size_t folder = slash != NULL ? (size_t)(slash - model) + 1 : 0;
    size_t size = folder + strlen(name) + 1;
    char *path = malloc(size);
    if (path == NULL) return NULL;
    memcpy(path, model, folder);
    memcpy(path + folder, name, size - folder);
    return path;
}

/* The exit status for the error that stands in the context, which is printed unless it was one of
 * the findings reported since `errors_before` was counted. Nobody reports that memory ran out. */
static int fail_reported(struct session *s, size_t errors_before, const char *where)
{
    int status = snn_context_status(s->context);
    if (s->console.error_count > errors_before && status != SNN_ERR_NOMEM)
        return snncli_exit_from_status(status);
    return snncli_fail_context(&s->console, s->context, where);
}

static int load_model(struct session *s)
{
    struct snnsim_options *o = &s->options;
    size_t before = s->console.error_count;
    s->console.subject = o->model;
    const struct snn_preprocess preprocess = snncli_preprocess_view(&o->preprocess);
    struct snn_import_options options;
    snn_import_options_init(&options);
    options.nir_reset = o->nir_reset;
    if (o->preprocess.given) options.preprocess = &preprocess;
    if (snn_graph_import(&s->graph, s->context, o->model, &options, s->sha256) == SNN_OK)
        return SNNCLI_EXIT_OK;
    /* Files are never INVALID, what a caller asks for is. */
    bool asked = o->preprocess.given && snn_context_status(s->context) == SNN_ERR_INVALID;
    return fail_reported(s, before, asked ? "--preprocess" : NULL);
}

/* Finds the paths of the sample that the model file names. */
static int find_sample(struct session *s)
{
    const char *model = s->options.model;
    const struct snn_provenance *from = snn_graph_provenance(s->graph);
    if (from->sample_images == NULL) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, model, "the model names no sample data");
        snncli_hint(&s->console, "give the data to run on: --data FILE");
        return SNNCLI_EXIT_USAGE;
    }
    s->sample_images = beside_model(model, from->sample_images);
    if (s->sample_images == NULL) return fail_memory(s);
    if (from->sample_labels == NULL) return SNNCLI_EXIT_OK;
    s->sample_labels = beside_model(model, from->sample_labels);
    return s->sample_labels != NULL ? SNNCLI_EXIT_OK : fail_memory(s);
}

/* What asks for labels is refused now, not after a long run. */
static int check_labels(struct session *s)
{
    const struct snnsim_options *o = &s->options;
    const char *asks = o->min_accuracy >= 0.0 ? "--min-accuracy"
                       : o->sweep != NULL     ? "--sweep"
                                              : NULL;
    for (uint32_t i = 0; i < o->rule_count && asks == NULL; i++) {
        if (o->rules[i].kind == SNN_RULE_ORACLE) asks = "--rule oracle";
    }
    if (asks == NULL || snn_source_has_labels(s->source)) return SNNCLI_EXIT_OK;
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, asks, "%s has no labels", s->data_path);
    snncli_hint(&s->console, "name them: --labels FILE");
    return SNNCLI_EXIT_USAGE;
}

/* As many as the longest recording takes. */
static int choose_timesteps(struct session *s)
{
    struct snnsim_options *o = &s->options;
    double steps = floor((double)(snn_source_duration_us(s->source) - 1) / o->dt_us) + 1.0;
    if (steps <= SNNSIM_TIMESTEPS_MAX) {
        o->timesteps = (uint32_t)steps;
        return SNNCLI_EXIT_OK;
    }
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--dt",
                      "%s takes %.0f steps of %g ms, more than %d", s->data_path, steps,
                      o->dt_us / 1000.0, SNNSIM_TIMESTEPS_MAX);
    snncli_hint(&s->console, "longer steps: --dt MS; or fewer of them: --timesteps N");
    return SNNCLI_EXIT_USAGE;
}

static int open_data(struct session *s)
{
    struct snnsim_options *o = &s->options;
    enum snn_source_kind kind = o->input_spikes != NULL ? SNN_SOURCE_SPIKES : SNN_SOURCE_FRAMES;
    s->data_path = kind == SNN_SOURCE_SPIKES ? o->input_spikes : o->data;
    bool own = s->data_path == NULL;
    int status = own ? find_sample(s) : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    if (own) s->data_path = s->sample_images;
    if (kind == SNN_SOURCE_FRAMES) kind = snn_source_guess(s->context, s->data_path);
    if (kind == SNN_SOURCE_EVENTS && o->encoding_given)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--encoding",
                           "%s holds recorded events, which are not encoded", s->data_path);
    const struct snn_source_options options = {.labels = own ? s->sample_labels : o->labels,
                                               .shape = snn_graph_input_shape(s->graph)};
    if (snn_source_open(&s->source, s->context, s->data_path, kind, &options) != SNN_OK) {
        status = snncli_fail_context(&s->console, s->context, NULL);
        if (own && status == SNNCLI_EXIT_NO_INPUT)
            snncli_hint(&s->console, "%s names it as its sample; give other data with --data",
                        o->model);
        return status;
    }
    if (kind == SNN_SOURCE_SPIKES && !o->timesteps_given)
        o->timesteps = snn_source_steps(s->source);
    if (kind == SNN_SOURCE_EVENTS && !o->timesteps_given) status = choose_timesteps(s);
    return status == SNNCLI_EXIT_OK ? check_labels(s) : status;
}

static bool show_progress(uint64_t done, uint64_t total, void *user)
{
    struct session *s = user;
    snncli_progress_update(&s->progress, done, total);
    return !snncli_interrupt_pending();
}

/* The default norm: p99.9, or none where the model knows nothing of its activations. */
static int choose_norm(struct session *s)
{
    struct snnsim_options *o = &s->options;
    if (snn_graph_is_spiking(s->graph)) return snnsim_spiking_adapt(o, s->graph);
    if (o->norm != NULL) return SNNCLI_EXIT_OK;
    uint32_t count = 0;
    (void)snn_graph_quantiles(s->graph, &count, NULL, NULL);
    o->norm = count > 0 || o->calibrate != NULL ? "p99.9" : "none";
    if (strcmp(o->norm, "none") == 0) {
        snncli_warning(&s->console, o->model,
                       "no activation statistics: all thresholds are 1 (--norm none)");
        snncli_hint(&s->console, "give training frames with --calibrate");
    }
    return snnsim_options_set_norm(o, o->norm);
}

static bool is_spiking(const struct session *s, uint32_t target)
{
    return snn_target_kind(s->targets[target]) == SNN_TARGET_SPIKING;
}

/* Before anything is loaded: which kinds there are decides what has to be prepared. */
static int open_targets(struct session *s)
{
    const struct snnsim_options *o = &s->options;
    uint32_t spiking = 0;
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (snn_target_open(&s->targets[i], s->context, o->targets[i]) != SNN_OK) {
            int status = snncli_fail_context(&s->console, s->context, "--target");
            return status == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_NO_DEVICE : status;
        }
        spiking += is_spiking(s, i);
        if (o->input_spikes != NULL && !is_spiking(s, i))
            return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--input-spikes",
                               "target %s takes frames, not spikes", o->targets[i]);
    }
    if ((o->save_counts != NULL || o->save_layer_counts != NULL) && spiking != 1)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE,
                           o->save_counts != NULL ? "--save-counts" : "--save-layer-counts",
                           "takes one spiking target, %u are given", spiking);
    if ((o->sweep != NULL || o->until_decided) && spiking == 0)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE,
                           o->sweep != NULL ? "--sweep" : "--until-decided",
                           "frame-based targets know no steps; add --target sim");
    if (o->correct_count > 0 && spiking != 1)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--correct",
                           "is measured on one spiking target, %u are given", spiking);
    s->options.spiking = spiking > 0;
    return SNNCLI_EXIT_OK;
}

/* Thresholds and corrections are measured on the first spiking target, in its arithmetic. */
static int calibrate(struct session *s)
{
    struct snn_target *target = NULL;
    for (uint32_t i = s->options.target_count; i-- > 0;) {
        if (!is_spiking(s, i)) continue;
        target = s->targets[i];
        s->options.lower.arith = s->options.target_arith[i];
    }
    return snnsim_calibrate(&s->options, s->context, s->graph, target);
}

static const struct snn_net *net_of(const struct session *s, uint32_t target)
{
    return s->nets[s->options.target_arith[target]];
}

static int load_targets(struct session *s)
{
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        int status = is_spiking(s, i) ? snn_target_load(s->targets[i], s->context, net_of(s, i))
                                      : snn_target_load_graph(s->targets[i], s->context, s->graph);
        if (status == SNN_OK) continue;
        int code = snncli_fail_context(&s->console, s->context, s->options.targets[i]);
        if (status == SNN_ERR_LIMIT) return SNNCLI_EXIT_DOES_NOT_FIT;
        /* Ranges: it is the model that lacks them. */
        return code == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_DATA : code;
    }
    return SNNCLI_EXIT_OK;
}

/* In each arithmetic that a target computes in. */
/* Thresholds of a chip have 16 bits: of the gains that a sweep would try, those that fit. What
 * keeps the net from being made at all is reported where it is made. */
static void fit_sweep(struct session *s)
{
    const struct snn_context_options silent = {.kernel_level = s->options.kernel};
    struct snn_lower_options lower = s->options.lower;
    struct snn_context *context = NULL;
    struct snn_net *net = NULL;
    lower.arith = SNN_ARITH_CHIP;
    lower.extra_gain_count = 0;
    if (snn_context_create(&context, &silent) != SNN_OK) return;
    if (snn_net_lower(&net, context, s->graph, &lower) == SNN_OK) {
        const struct snn_quantised *q = net->populations[net->population_count - 1].quantised;
        const float unit = q->threshold > 0 ? (float)q->threshold / lower.output_gain : q->scale;
        snnsim_options_limit_sweep(&s->options, 32767.0f / unit);
    }
    snn_net_destroy(&net);
    snn_context_destroy(&context);
}

static int lower_model(struct session *s)
{
    for (uint32_t i = 0; s->options.sweep != NULL && i < s->options.target_count; i++) {
        if (is_spiking(s, i) && s->options.target_arith[i] == SNN_ARITH_CHIP) fit_sweep(s);
    }
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        struct snn_net **net = &s->nets[s->options.target_arith[i]];
        if (!is_spiking(s, i) || *net != NULL) continue;
        size_t before = s->console.error_count;
        s->options.lower.arith = s->options.target_arith[i];
        if (snn_net_lower(net, s->context, s->graph, &s->options.lower) == SNN_OK) continue;
        int status = fail_reported(s, before, s->options.model);
        /* Statistics or a recipe: it is the model that lacks them. */
        return status == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_DATA : status;
    }
    return SNNCLI_EXIT_OK;
}

/* Potentials that only add up may leave 16 bits, and classes there are alike. */
static void warn_of_saturation(struct session *s)
{
    const struct snn_net *net = s->nets[SNN_ARITH_CHIP];
    if (net == NULL || net->readouts[0].threshold < FLT_MAX) return;
    const double held =
        32767.0 / (double)net->populations[net->population_count - 1].quantised->scale;
    if (held >= (double)s->options.timesteps) return;
    snncli_warning(&s->console, s->options.model,
                   "the output's potentials of 16 bits hold %.1f thresholds, which %u steps may "
                   "exceed",
                   held, s->options.timesteps);
    snncli_hint(&s->console, "fewer steps (--timesteps N), or an output that fires");
}

static int prepare_targets(struct session *s)
{
    const struct snnsim_options *o = &s->options;
    int status = open_targets(s);
    if (status == SNNCLI_EXIT_OK && (o->spiking || o->calibrate != NULL)) status = choose_norm(s);
    if (status == SNNCLI_EXIT_OK && (o->spiking || o->calibrate != NULL)) status = calibrate(s);
    if (status == SNNCLI_EXIT_OK && o->spiking) status = lower_model(s);
    if (status == SNNCLI_EXIT_OK) warn_of_saturation(s);
    return status == SNNCLI_EXIT_OK ? load_targets(s) : status;
}

/* An output that cannot be made is 73, whatever the reason. */
static int fail_output(struct session *s, int output_status)
{
    if (output_status == SNN_ERR_NOMEM) return fail_memory(s);
    int status = snncli_fail_context(&s->console, s->context, NULL);
    int code = snn_context_status(s->context);
    return code == SNN_ERR_ACCESS || code == SNN_ERR_NOT_FOUND ? SNNCLI_EXIT_NO_OUTPUT : status;
}

/* No output may replace an input or another output. */
static int check_outputs(struct session *s)
{
    const struct snnsim_options *o = &s->options;
    const struct {
        const char *option, *path;
    } files[] = {{"--json", o->json},
                 {"--save-counts", o->save_counts},
                 {"--save-layer-counts", o->save_layer_counts},
                 {"--sweep", o->sweep},
                 {"MODEL", o->model},
                 {"--data", o->data},
                 {"--labels", o->labels},
                 {"--input-spikes", o->input_spikes},
                 {"--calibrate", o->calibrate}};
    const size_t outputs = 4, count = sizeof(files) / sizeof(files[0]);
    for (size_t i = 0; i < outputs; i++) {
        for (size_t k = i + 1; k < count; k++) {
            if (snncli_same_file(files[i].path, files[k].path))
                return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, files[i].option,
                                   "%s is %s too and would be overwritten", files[i].path,
                                   files[k].option);
        }
    }
    int status = snncli_check_output(&s->console, o->json);
    return status == SNNCLI_EXIT_OK ? snncli_check_output(&s->console, o->sweep) : status;
}

/* What a run finds invalid by then is the data: its shape, its labels, its values. */
static int fail_run(struct session *s)
{
    int status = snn_context_status(s->context);
    bool data = status == SNN_ERR_INVALID || status == SNN_ERR_NOT_FOUND;
    int code = snncli_fail_context(&s->console, s->context, data ? s->data_path : NULL);
    return code == SNNCLI_EXIT_USAGE ? SNNCLI_EXIT_DATA : code;
}

static int save_sample(const struct snn_sample_record *record, void *user)
{
    struct session *s = user;
    return snnsim_save_sample(&s->save, record);
}

static uint64_t samples_asked(const struct session *s)
{
    const struct snnsim_options *o = &s->options;
    const uint64_t total = snn_source_count(s->source);
    return o->samples > 0 ? o->samples : total > o->offset ? total - o->offset : 1;
}

static void fill_run_options(struct session *s, struct snn_run_options *options)
{
    const struct snnsim_options *o = &s->options;
    snn_run_options_init(options);
    options->timesteps = o->timesteps;
    options->encoding = o->encoding;
    options->seed = o->seed;
    options->offset = o->offset;
    options->count = o->samples;
    options->threads = o->threads;
    options->dt_us = o->dt_us;
    options->accounting = o->accounting;
    options->energy = &s->energy;
    options->rules = o->rules;
    options->rule_count = o->rule_count;
    options->sweep = o->sweep_rules;
    options->sweep_count = o->sweep_count;
    options->until_decided = o->until_decided;
    options->cnn = snn_graph_is_spiking(s->graph) ? NULL : s->graph;
    options->progress = show_progress;
    options->user = s;
}

static int run_spikes(struct session *s, uint32_t target, struct snn_result **out)
{
    const struct snnsim_options *o = &s->options;
    const bool saving = o->save_counts != NULL || o->save_layer_counts != NULL;
    struct snn_run_options options;
    fill_run_options(s, &options);
    int status = SNN_OK;
    if (saving)
        status = snnsim_save_open(&s->save, s->context, o->save_counts, o->save_layer_counts,
                                  net_of(s, target), o->offset, samples_asked(s), o->timesteps);
    if (status != SNN_OK) return fail_output(s, status);
    options.sample = saving ? save_sample : NULL;
    snncli_progress_init(&s->progress, &s->console, "simulating", "samples", samples_asked(s));
    status = snn_run(out, s->context, s->targets[target], net_of(s, target), s->source, &options);
    snncli_progress_finish(&s->progress);
    if (status != SNN_OK) {
        int code = fail_run(s);
        if (saving) (void)snnsim_save_close(&s->save, 0);
        return code;
    }
    if (saving) status = snnsim_save_close(&s->save, (*out)->complete);
    return status == SNN_OK ? SNNCLI_EXIT_OK : fail_output(s, status);
}

static int run_frames(struct session *s, uint32_t target, struct snn_result **out)
{
    struct snn_run_options options;
    fill_run_options(s, &options);
    snncli_progress_init(&s->progress, &s->console, s->options.targets[target], "samples",
                         samples_asked(s));
    int status = snn_run_frames(out, s->context, s->targets[target], s->graph, s->source, &options);
    snncli_progress_finish(&s->progress);
    return status == SNN_OK ? SNNCLI_EXIT_OK : fail_run(s);
}

static bool is_complete(const struct session *s)
{
    return s->result_count == s->options.target_count && s->results[s->result_count - 1]->complete;
}

/* One target after another, so that each has the machine to itself; an interrupt ends them all. */
static int run(struct session *s)
{
    const struct snnsim_options *o = &s->options;
    if (snn_energy_profile_load(&s->energy, s->context, o->energy) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, "--energy");
    while (s->result_count < o->target_count) {
        const uint32_t i = s->result_count;
        int status =
            is_spiking(s, i) ? run_spikes(s, i, &s->results[i]) : run_frames(s, i, &s->results[i]);
        if (status != SNNCLI_EXIT_OK) return status;
        s->result_count++;
        if (s->results[i]->complete) continue;
        snncli_warning(&s->console, NULL, "interrupted: %llu of %llu samples were run",
                       (unsigned long long)s->results[i]->sample_count,
                       (unsigned long long)samples_asked(s));
        break;
    }
    return SNNCLI_EXIT_OK;
}

static int print_report(struct session *s, const struct snn_report *report)
{
    char *text = NULL;
    if (snn_report_format(&text, s->context, report) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    fputs(text, stdout);
    snn_text_free(s->context, &text);
    return SNNCLI_EXIT_OK;
}

static const char *max_pool_name(enum snn_max_pool max_pool)
{
    if (max_pool == SNN_MAX_POOL_REFUSE) return NULL;
    return max_pool == SNN_MAX_POOL_AVG ? "avg" : "or";
}

static const char *reset_name(const struct snnsim_options *o)
{
    if (o->own_reset) return "model";
    return o->lower.reset == SNN_RESET_ZERO ? "zero" : "subtract";
}

static const char *encoding_name(const struct session *s)
{
    switch (snn_source_kind(s->source)) {
    case SNN_SOURCE_SPIKES:
        return "recorded";
    case SNN_SOURCE_EVENTS:
        return "events";
    case SNN_SOURCE_FRAMES:
        break;
    }
    return snn_encoding_name(s->options.encoding);
}

/* Of all spiking targets. */
static const char *semantics_name(const struct session *s)
{
    const char *name = NULL;
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        const char *next = snn_target_semantics(s->targets[i]);
        if (next == NULL) continue;
        if (name != NULL && strcmp(name, next) != 0) return "both";
        name = next;
    }
    return name;
}

/* Of the first target that has one. */
static const char *order_name(const struct session *s)
{
    for (uint32_t i = 0; i < s->options.target_count; i++) {
        if (snn_target_order(s->targets[i]) != NULL) return snn_target_order(s->targets[i]);
    }
    return NULL;
}

static int write_results(struct session *s)
{
    static const char *const arithmetics[] = {"float", "chip", "both"};
    const struct snnsim_options *o = &s->options;
    const struct snn_result *results[SNNSIM_TARGETS_MAX];
    for (uint32_t i = 0; i < s->result_count; i++)
        results[i] = s->results[i];
    const struct snn_report report = {
        .tool = "snnsim",
        .model_name = snn_graph_provenance(s->graph)->name,
        .model_sha256 = s->sha256,
        .data = o->input_spikes != NULL ? o->input_spikes
                : o->data != NULL       ? o->data
                                        : snn_graph_provenance(s->graph)->sample_images,
        .seed = o->seed,
        .samples = o->samples > 0 ? o->samples : snn_source_count(s->source) - o->offset,
        .offset = o->offset,
        .timesteps = o->spiking ? o->timesteps : 0,
        .dt_us = o->dt_us,
        .encoding = encoding_name(s),
        .norm = o->spiking ? o->norm_text : o->norm,
        .channelwise = o->lower.channelwise,
        .v_init = o->own_v_init ? (double)NAN : (double)o->lower.v_init,
        .v_min = o->own_v_min ? (double)NAN : (double)o->lower.v_min,
        .reset = reset_name(o),
        .spikes_max = o->lower.spikes_max,
        .output_gain = (double)o->lower.output_gain,
        .readout = o->lower.readout_membrane ? "membrane" : "spikes",
        .semantics = semantics_name(s),
        .order = order_name(s),
        .arith = arithmetics[o->arithmetic],
        .quant = o->arithmetic == SNNSIM_FLOAT ? NULL
                 : o->lower.quantise_mse       ? "mse"
                                               : "max",
        .compat = o->compat,
        .calibrate = o->calibrate,
        .max_pool = max_pool_name(o->lower.max_pool),
        .until_decided = o->until_decided,
        .results = results,
        .result_count = s->result_count,
    };
    /* Files first: whoever reads stdout may go away (snnsim ... | head). */
    int status = o->sweep != NULL ? snn_sweep_save(s->context, &report, o->sweep) : SNN_OK;
    if (o->json != NULL && strcmp(o->json, "-") == 0)
        return status == SNN_OK ? print_report(s, &report) : fail_output(s, status);
    if (status == SNN_OK && o->json != NULL) status = snn_report_save(s->context, &report, o->json);
    int code = status == SNN_OK ? SNNCLI_EXIT_OK : fail_output(s, status);
    if (o->target_count > 1)
        snnsim_print_comparison(&s->console, &report);
    else
        snnsim_print_result(&s->console, &report, s->results[0]);
    return code;
}

/* --min-accuracy and --max-silent, of each target. */
static int check_result(struct session *s, const struct snn_result *result)
{
    const struct snnsim_options *o = &s->options;
    const char *where = o->target_count > 1 ? result->target : NULL;
    int status = SNNCLI_EXIT_OK;
    if (o->min_accuracy >= 0.0 && !(result->accuracy >= o->min_accuracy))
        status = snncli_fail(&s->console, SNNCLI_EXIT_CHECK, where,
                             "accuracy %.2f %% is below --min-accuracy %.2f %%",
                             100.0 * result->accuracy, 100.0 * o->min_accuracy);
    if (o->max_silent >= 0 && result->silent_count > (uint64_t)o->max_silent)
        status = snncli_fail(&s->console, SNNCLI_EXIT_CHECK, where,
                             "%llu silent samples are more than --max-silent %lld",
                             (unsigned long long)result->silent_count, (long long)o->max_silent);
    return status;
}

static int check_results(struct session *s)
{
    int status = SNNCLI_EXIT_OK;
    for (uint32_t i = 0; i < s->result_count; i++) {
        int code = check_result(s, s->results[i]);
        if (code != SNNCLI_EXIT_OK) status = code;
    }
    return status;
}

static int work(struct session *s, int argc, char **argv)
{
    int status = make_context(s);
    if (status != SNNCLI_EXIT_OK) return status;
    status = snnsim_options_read(&s->options, &s->console, argc, argv);
    if (status != SNNCLI_GO_ON) return status;
    if (s->options.kernel != NULL)
        status = make_context(s);
    else
        status = SNNCLI_EXIT_OK;
    if (status == SNNCLI_EXIT_OK) status = check_outputs(s);
    if (status == SNNCLI_EXIT_OK) status = load_model(s);
    if (status == SNNCLI_EXIT_OK) status = open_data(s);
    if (status == SNNCLI_EXIT_OK) status = prepare_targets(s);
    if (status == SNNCLI_EXIT_OK) status = run(s);
    if (status == SNNCLI_EXIT_OK) status = write_results(s);
    if (status != SNNCLI_EXIT_OK) return status;
    return is_complete(s) ? check_results(s) : SNNCLI_EXIT_INTERRUPTED;
}

int main(int argc, char **argv)
{
    struct session session = {.context = NULL};
    snncli_console_init(&session.console, "snnsim");
    snncli_interrupt_install();
    int status = work(&session, argc, argv);
    release(&session);
    return snncli_console_finish(&session.console, status);
}
