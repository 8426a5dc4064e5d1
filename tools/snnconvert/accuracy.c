/* What quantising costs: the net in floats, in whole numbers and as a chip's program over the same
 * samples.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/table.h"
#include "tools/snnconvert/session.h"

/* ---- Data ---- */

static int open_source(struct snnconvert_session *s, const char *path, const char *labels)
{
    const char *view = s->options.view;
    const enum snn_source_kind kind = snncli_data_kind(s->context, path, view);
    const struct snn_source_options options = {.labels = labels,
                                               .view = kind != SNN_SOURCE_FRAMES ? view : NULL,
                                               .go_on = snncli_interrupt_go_on,
                                               .shape = snn_graph_input_shape(s->graph)};
    return snn_source_open(&s->data, s->context, path, kind, &options);
}

/* The model's own sample, if it is there; without it nothing is measured. */
static int open_sample(struct snnconvert_session *s)
{
    if (s->checked_count > 1) return SNNCLI_EXIT_OK;
    int status = snncli_sample_find(&s->sample, &s->console, s->options.model, s->graph);
    if (status != SNNCLI_EXIT_OK || s->sample.images == NULL) return status;
    s->data_path = s->sample.images;
    if (open_source(s, s->sample.images, s->sample.labels) != SNN_OK)
        snncli_note(&s->console, s->options.model, "accuracy is not measured on its sample: %s",
                    snn_context_message(s->context));
    return SNNCLI_EXIT_OK;
}

/* Recordings of events have steps of their own. */
static int fit_recordings(struct snnconvert_session *s)
{
    struct snnconvert_options *o = &s->options;
    const bool recorded = snn_source_kind(s->data) == SNN_SOURCE_EVENTS;
    if (!recorded && o->view != NULL)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--view", "%s holds no recorded events",
                           s->data_path);
    if (!recorded) return SNNCLI_EXIT_OK;
    if (o->given[OPT_ENCODING])
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--encoding",
                           "%s holds recorded events, which are not encoded", s->data_path);
    if (o->given[OPT_TIMESTEPS]) return SNNCLI_EXIT_OK;
    return snncli_recorded_steps(&o->timesteps, &s->console, s->data, s->data_path, o->dt_us);
}

static int open_data(struct snnconvert_session *s)
{
    int status = SNNCLI_EXIT_OK;
    if (s->options.data == NULL) {
        status = open_sample(s);
    } else {
        s->data_path = s->options.data;
        if (open_source(s, s->options.data, s->options.labels) != SNN_OK)
            return snncli_fail_context(&s->console, s->context, NULL);
    }
    if (status != SNNCLI_EXIT_OK || s->data == NULL) return status;
    if (s->options.data != NULL && !snn_source_has_labels(s->data)) {
        snncli_warning(&s->console, s->data_path, "has no labels: no accuracy");
        snncli_hint(&s->console, "name them: --labels FILE");
    }
    return fit_recordings(s);
}

/* ---- Runs ---- */

static bool show_progress(uint64_t done, uint64_t total, void *user)
{
    struct snnconvert_session *s = user;
    snncli_progress_update(&s->progress, done, total);
    return !snncli_interrupt_pending();
}

static int fail_run(struct snnconvert_session *s)
{
    const int status = snn_context_status(s->context);
    const bool data = status == SNN_ERR_INVALID || status == SNN_ERR_NOT_FOUND;
    const int code = snncli_fail_context(&s->console, s->context, data ? s->data_path : NULL);
    return code == SNNCLI_EXIT_USAGE ? SNNCLI_EXIT_DATA : code;
}

/* Samples asked for; those of --calibrate are others. */
static uint64_t samples_asked(const struct snnconvert_session *s)
{
    return s->options.calibrate == NULL ? s->options.samples : 0;
}

/* `target` has been loaded with `net`, or with a program that decodes to it. */
static int run(struct snnconvert_session *s, struct snn_target *target, const struct snn_net *net,
               const struct snn_chip *chip, struct snn_result **out)
{
    struct snn_run_options options;
    snn_run_options_init(&options);
    options.timesteps = s->options.timesteps;
    options.encoding = s->options.encoding;
    options.seed = s->options.seed;
    options.count = samples_asked(s);
    options.threads = s->options.threads;
    options.dt_us = s->options.dt_us;
    options.energy = &s->energy;
    options.cnn = snn_graph_is_spiking(s->graph) ? NULL : s->graph;
    options.chip = chip;
    options.progress = show_progress;
    options.user = s;
    const uint64_t total = options.count > 0 ? options.count : snn_source_count(s->data);
    snncli_progress_init(&s->progress, &s->console, "simulating", "samples", total);
    const int status = snn_run(out, s->context, target, net, s->data, &options);
    snncli_progress_finish(&s->progress);
    if (status != SNN_OK) return fail_run(s);
    if ((*out)->complete) return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_INTERRUPTED, NULL, "%s",
                       snn_status_text(SNN_ERR_CANCELLED));
}

static int run_net(struct snnconvert_session *s, const struct snn_net *net, struct snn_result **out)
{
    struct snn_target *target = NULL;
    int status = snn_target_open(&target, s->context, "sim");
    if (status == SNN_OK) status = snn_target_load(target, s->context, net);
    status = status == SNN_OK ? run(s, target, net, NULL, out) : fail_run(s);
    snn_target_close(&target);
    return status;
}

void snnconvert_chip_uri(const char *name, char uri[SNNCONVERT_URI_SIZE])
{
    /* Only a path may have commas, and it is told by its slash. */
    const bool bare = strchr(name, ',') != NULL && strchr(name, '/') == NULL;
    (void)snprintf(uri, SNNCONVERT_URI_SIZE, "chip:%s%s", bare ? "./" : "", name);
}

static int run_program(struct snnconvert_session *s, struct snnconvert_checked *c)
{
    struct snn_target *target = NULL;
    char uri[SNNCONVERT_URI_SIZE];
    if (c->placement->program == NULL) return SNNCLI_EXIT_OK;
    snnconvert_chip_uri(c->name, uri);
    int status = snn_target_open(&target, s->context, uri);
    if (status == SNN_OK)
        status = snn_target_load_program(target, s->context, c->placement->program);
    status = status == SNN_OK ? run(s, target, snn_target_net(target), &c->chip, &c->program)
                              : fail_run(s);
    snn_target_close(&target);
    return status;
}

/* In floats the net is the same for every chip. */
static int run_float(struct snnconvert_session *s)
{
    struct snn_lower_options lower = s->options.lower;
    struct snn_net *net = NULL;
    const size_t before = s->console.error_count;
    int status = SNNCLI_EXIT_OK;
    lower.arith = SNN_ARITH_FLOAT;
    if (snn_net_lower(&net, s->context, s->graph, &lower) == SNN_OK)
        status = run_net(s, net, &s->unquantised);
    else
        status = snnconvert_fail_lowering(s, before);
    snn_net_destroy(&net);
    return status;
}

int snnconvert_measure(struct snnconvert_session *s)
{
    int status = open_data(s);
    if (status != SNNCLI_EXIT_OK || s->data == NULL) return status;
    const char *profile = s->checked[0].chip.energy;
    if (snn_energy_profile_load(&s->energy, s->context, *profile != '\0' ? profile : "sinabs") !=
        SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    status = run_float(s);
    for (uint32_t i = 0; i < s->checked_count && status == SNNCLI_EXIT_OK; i++) {
        status = run_net(s, s->checked[i].net, &s->checked[i].integer);
        if (status == SNNCLI_EXIT_OK) status = run_program(s, &s->checked[i]);
    }
    return status;
}

/* ---- Table ---- */

/* `chip` is the one that it ran on; "" for the simulator. */
static void add_run(struct snncli_table *table, const char *name, const char *chip,
                    const struct snn_result *r)
{
    if (r == NULL) return;
    snncli_table_cell(table, "%s", name);
    snncli_table_cell(table, "%s%s%s %s%s%s", r->target, *chip != '\0' ? ":" : "", chip,
                      r->semantics, r->order != NULL ? " " : "", r->order != NULL ? r->order : "");
    snncli_table_cell(table, "%s", snncli_format_percent(r->accuracy).text);
    snncli_table_cell(table, "%s", snncli_format_percent(r->cnn_agreement).text);
    snncli_table_cell(table, "%s", snncli_format_count(r->silent_count).text);
    snncli_table_cell(table, "%s", snncli_format_si(r->synops_mean).text);
}

int snnconvert_print_accuracy(struct snnconvert_session *s, const struct snnconvert_checked *c)
{
    static const struct snncli_column columns[] = {
        {"net", SNNCLI_LEFT},     {"runs on", SNNCLI_LEFT}, {"accuracy", SNNCLI_RIGHT},
        {"as CNN", SNNCLI_RIGHT}, {"silent", SNNCLI_RIGHT}, {"SynOps", SNNCLI_RIGHT},
        {NULL, SNNCLI_LEFT}};
    const struct snn_result *first = s->unquantised;
    struct snncli_table table;
    if (first == NULL) {
        printf("\naccuracy and SynOps are not measured without data: --data FILE\n");
        return SNNCLI_EXIT_OK;
    }
    snncli_table_init(&table, columns);
    add_run(&table, "floats", "", first);
    add_run(&table, "whole numbers", "", c->integer);
    add_run(&table, "chip program", c->chip.name, c->program);
    printf("\n");
    const int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    printf("  %s samples of %s, %u steps%s%s", snncli_format_count(first->sample_count).text,
           snnconvert_base_name(s->data_path), first->timesteps,
           snn_source_kind(s->data) == SNN_SOURCE_FRAMES ? ", " : "",
           snn_source_kind(s->data) == SNN_SOURCE_FRAMES ? snn_encoding_name(s->options.encoding)
                                                         : "");
    if (!isnan(first->cnn_accuracy))
        printf("; CNN %s", snncli_format_percent(first->cnn_accuracy).text);
    printf("\n");
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}
