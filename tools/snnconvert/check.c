/* --check: does the model fit these chips, and if not, why and what would make it fit?
 *
 * Per chip: profile -> net in the form of its cores -> placement; then what was asked for beside
 * the report: program, picture, document. The answer is the exit status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/placement.h"
#include "tools/cli/table.h"
#include "tools/snnconvert/samna.h"
#include "tools/snnconvert/session.h"

static int fail_memory(struct snnconvert_session *s)
{
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

/* ---- Chips ---- */

/* One more, unless it is there already; `name` is how its user calls it. */
static int add_chip(struct snnconvert_session *s, const struct snn_chip *chip, const char *name)
{
    for (uint32_t i = 0; i < s->checked_count; i++) {
        if (strcmp(s->checked[i].name, name) == 0) return SNN_OK;
    }
    struct snnconvert_checked *all =
        realloc(s->checked, (s->checked_count + 1) * sizeof(*s->checked));
    if (all == NULL) return SNN_ERR_NOMEM;
    s->checked = all;
    all[s->checked_count] = (struct snnconvert_checked){.chip = *chip};
    (void)snprintf(all[s->checked_count].name, sizeof(all->name), "%s", name);
    s->checked_count++;
    return SNN_OK;
}

/* Chips on their way into the session. */
struct all_chips {
    struct snnconvert_session *session;
    int status;
};

static void visit_chip(const struct snn_chip *chip, void *user)
{
    struct all_chips *all = user;
    if (all->status == SNN_OK) all->status = add_chip(all->session, chip, chip->name);
}

static int load_all(struct snnconvert_session *s)
{
    struct all_chips all = {s, SNN_OK};
    if (snn_chip_each(s->context, visit_chip, &all) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, "--check");
    return all.status == SNN_OK ? SNNCLI_EXIT_OK : fail_memory(s);
}

/* A name that is none is a slip of the hand; a file may really be missing. */
static int fail_chip(struct snnconvert_session *s, const char *name)
{
    const size_t length = strlen(name);
    const bool file =
        strchr(name, '/') != NULL || (length >= 5 && strcmp(name + length - 5, ".json") == 0);
    const int status = snncli_fail_context(&s->console, s->context, "--check");
    return status == SNNCLI_EXIT_NO_INPUT && !file ? SNNCLI_EXIT_USAGE : status;
}

int snnconvert_load_chips(struct snnconvert_session *s)
{
    const struct snnconvert_options *o = &s->options;
    int status = SNNCLI_EXIT_OK;
    for (uint32_t i = 0; i < o->chip_count && status == SNNCLI_EXIT_OK; i++) {
        struct snn_chip chip;
        if (strcmp(o->chips[i], "all") == 0)
            status = load_all(s);
        else if (strlen(o->chips[i]) >= sizeof(s->checked->name))
            status = snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--check", "a name of %zu bytes",
                                 strlen(o->chips[i]));
        else if (snn_chip_load(&chip, s->context, o->chips[i]) != SNN_OK)
            status = fail_chip(s, o->chips[i]);
        else if (add_chip(s, &chip, o->chips[i]) != SNN_OK)
            status = fail_memory(s);
    }
    if (status != SNNCLI_EXIT_OK || s->checked_count < 2) return status;
    if (o->map != NULL)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--map", "shows one chip, %u are given",
                           s->checked_count);
    if (snnconvert_writes_chip(o))
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--output",
                           "'%s' is for one chip, %u are given", o->output, s->checked_count);
    return status;
}

void snnconvert_release_chips(struct snnconvert_session *s)
{
    for (uint32_t i = 0; i < s->checked_count; i++) {
        struct snnconvert_checked *c = &s->checked[i];
        snn_result_destroy(&c->integer);
        snn_result_destroy(&c->program);
        snn_placement_destroy(&c->placement);
        snn_net_destroy(&c->net);
    }
    free(s->checked);
    snn_result_destroy(&s->unquantised);
    snn_source_close(&s->data);
    snncli_sample_release(&s->sample);
}

/* ---- Placement ---- */

/* The norm is p99.9, or none where the model knows nothing of its activations. */
static void choose_norm(struct snnconvert_session *s)
{
    uint32_t count = 0;
    if (s->options.given[OPT_NORM] || snn_graph_is_spiking(s->graph)) return;
    (void)snn_graph_quantiles(s->graph, &count, NULL, NULL);
    if (count > 0) return;
    s->options.lower.norm = SNN_NORM_NONE;
    snncli_warning(&s->console, s->options.model,
                   "no activation statistics: all thresholds are 1 (--norm none)");
    snncli_hint(&s->console, "give training frames with --calibrate");
}

/* Statistics or a recipe that are not there: it is the model that lacks them. */
int snnconvert_fail_lowering(struct snnconvert_session *s, size_t errors_before)
{
    const int code = snn_context_status(s->context);
    int status = snncli_exit_from_status(code);
    if (s->console.error_count == errors_before || code == SNN_ERR_NOMEM)
        status = snncli_fail_context(&s->console, s->context, s->options.model);
    return status == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_DATA : status;
}

/* Findings about one of several chips name it, too. */
struct subject {
    char text[1024];
};

/* Returns what the console's subject was. */
static const char *name_subject(struct snnconvert_session *s, const struct snnconvert_checked *c,
                                struct subject *subject)
{
    const char *model = s->console.subject;
    (void)snprintf(subject->text, sizeof(subject->text), "%s: %s", model, c->chip.name);
    if (s->checked_count > 1) s->console.subject = subject->text;
    return model;
}

static int lower(struct snnconvert_session *s, struct snnconvert_checked *c)
{
    struct subject subject;
    const size_t before = s->console.error_count;
    struct snn_lower_options options = s->options.lower;
    options.arith = SNN_ARITH_CHIP;
    options.chip = &c->chip;
    const char *model = name_subject(s, c, &subject);
    int status = SNNCLI_EXIT_OK;
    if (snn_net_lower(&c->net, s->context, s->graph, &options) != SNN_OK)
        status = snnconvert_fail_lowering(s, before);
    s->console.subject = model;
    return status;
}

static int place(struct snnconvert_session *s, struct snnconvert_checked *c)
{
    char tool[64];
    (void)snprintf(tool, sizeof(tool), "%s %s", snnconvert_tool.name, snn_version());
    const struct snn_place_options options = {.pins = s->options.pins.pins,
                                              .pin_count = s->options.pins.count,
                                              .dt_us = s->options.dt_us,
                                              .model_sha256 = snn_import_sha256(s->import),
                                              .tool = tool};
    if (snn_place(&c->placement, s->context, c->net, &c->chip, &options) == SNN_OK)
        return SNNCLI_EXIT_OK;
    const bool pins =
        s->options.pins.count > 0 && snn_context_status(s->context) == SNN_ERR_INVALID;
    return snncli_fail_context(&s->console, s->context, pins ? "--core" : NULL);
}

/* ---- Files ---- */

/* The check as the library writes it; `chips` has room for all. */
static struct snn_check describe(struct snnconvert_session *s, struct snn_check_chip *chips)
{
    const struct snnconvert_options *o = &s->options;
    for (uint32_t i = 0; i < s->checked_count; i++) {
        const struct snnconvert_checked *c = &s->checked[i];
        chips[i] = (struct snn_check_chip){c->placement, {s->unquantised, c->integer, c->program}};
    }
    return (struct snn_check){
        .tool = snnconvert_tool.name,
        .file = snnconvert_base_name(o->model),
        .format = snn_import_format(s->import),
        .sha256 = snn_import_sha256(s->import),
        .graph = s->graph,
        .lower = &o->lower,
        .pins = o->pins.pins,
        .pin_count = o->pins.count,
        .data = s->unquantised != NULL ? snnconvert_base_name(s->data_path) : NULL,
        .encoding = s->data != NULL && snn_source_kind(s->data) == SNN_SOURCE_FRAMES
                        ? snn_encoding_name(o->encoding)
                        : "events",
        .seed = o->seed,
        .dt_us = o->dt_us,
        .chips = chips,
        .chip_count = s->checked_count,
    };
}

static int write_document(struct snnconvert_session *s)
{
    char *text = NULL;
    struct snn_check_chip *chips = calloc(s->checked_count, sizeof(*chips));
    if (chips == NULL) return SNN_ERR_NOMEM;
    const struct snn_check check = describe(s, chips);
    int status = SNN_OK;
    if (strcmp(s->options.json, "-") != 0) {
        status = snn_check_save(s->context, &check, s->options.json);
    } else {
        status = snn_check_format(&text, s->context, &check);
        if (status == SNN_OK) (void)fputs(text, stdout);
        snn_text_free(s->context, &text);
    }
    free(chips);
    return status;
}

static int write_files(struct snnconvert_session *s)
{
    const struct snnconvert_options *o = &s->options;
    const struct snn_placement *placement = s->checked[0].placement;
    const size_t before = s->console.error_count;
    int status = SNN_OK;
    if (o->samna && placement->fits) {
        const int written = snnconvert_write_samna(s, placement->program, s->checked[0].name);
        if (written != SNNCLI_EXIT_OK) return written;
    } else if (snnconvert_writes_chip(o) && placement->fits)
        status = snn_program_save(placement->program, s->context, o->output);
    if (status == SNN_OK && o->map != NULL)
        status = snn_placement_save_map(placement, s->context, o->map);
    if (status == SNN_OK && o->json != NULL) status = write_document(s);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snnconvert_fail_output(s, before);
}

/* ---- Report ---- */

static void add_comparison(struct snncli_table *table, const struct snnconvert_checked *c,
                           bool measured)
{
    const struct snn_placement *p = c->placement;
    const struct snncli_fullest fullest = snncli_placement_fullest(p);
    uint32_t problems = 0;
    for (uint32_t i = 0; i < p->finding_count; i++)
        problems += p->findings[i].severity == SNN_SEVERITY_ERROR;
    snncli_table_cell(table, "%s", p->chip.name);
    snncli_table_cell(table, "%s", p->fits ? "yes" : "no");
    if (p->fits)
        snncli_table_cell(table, "%u of %u", snncli_placement_core_count(p), p->chip.core_count);
    else
        snncli_table_cell(table, "- of %u", p->chip.core_count);
    if (p->fits && fullest.core != SNN_NO_CORE)
        snncli_table_cell(table, "core %u: %s %.0f %%", fullest.core,
                          fullest.neurons ? "neuron" : "kernel", 100.0 * fullest.share);
    else
        snncli_table_cell(table, "%s", "");
    snncli_table_cell(table, "%s", problems > 0 ? snncli_format_count(problems).text : "");
    if (!measured) return;
    snncli_table_cell(table, "%s",
                      c->program != NULL ? snncli_format_percent(c->program->accuracy).text : "");
}

/* Several chips side by side. */
static int print_comparison(struct snnconvert_session *s)
{
    const bool measured = s->unquantised != NULL;
    const struct snncli_column columns[] = {
        {"chip", SNNCLI_LEFT},      {"fits", SNNCLI_LEFT},
        {"cores", SNNCLI_RIGHT},    {"fullest memory", SNNCLI_LEFT},
        {"problems", SNNCLI_RIGHT}, {measured ? "accuracy" : NULL, SNNCLI_RIGHT},
        {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < s->checked_count; i++)
        add_comparison(&table, &s->checked[i], measured);
    const int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    if (measured)
        printf("  accuracy of the chip's program after %u steps; in floats %s\n",
               s->unquantised->timesteps, snncli_format_percent(s->unquantised->accuracy).text);
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}

static void print_findings(struct snnconvert_session *s, const struct snnconvert_checked *c)
{
    struct subject subject;
    (void)fflush(stdout);
    const char *model = name_subject(s, c, &subject);
    snncli_placement_findings(&s->console, c->placement);
    s->console.subject = model;
}

/* Changes are those of one chip; the first that the net does not fit. */
static void print_next(const struct snnconvert_session *s)
{
    for (uint32_t i = 0; i < s->checked_count; i++) {
        if (s->checked[i].placement->fits) continue;
        printf("\nall memories, and changes that were tried: %s %s --check %s\n",
               snnconvert_tool.name, s->options.model, s->checked[i].name);
        return;
    }
}

static int print_report(struct snnconvert_session *s)
{
    const struct snnconvert_checked *c = &s->checked[0];
    const bool quiet = s->options.json != NULL && strcmp(s->options.json, "-") == 0;
    int status = SNNCLI_EXIT_OK;
    if (!quiet && s->verification != NULL && s->console.verbosity >= 0) printf("\n");
    if (!quiet && s->checked_count > 1) {
        status = print_comparison(s);
    } else if (!quiet) {
        if (snncli_placement_tables(&s->console, stdout, c->placement) != SNN_OK)
            return fail_memory(s);
        status = snnconvert_print_accuracy(s, c);
    }
    for (uint32_t i = 0; i < s->checked_count; i++)
        print_findings(s, &s->checked[i]);
    if (!quiet && s->checked_count > 1) print_next(s);
    if (quiet || s->checked_count > 1 || c->placement->fits) return status;
    printf("\n");
    snncli_placement_remedies(&s->console, stdout, c->placement);
    return status;
}

int snnconvert_check(struct snnconvert_session *s)
{
    int status = SNNCLI_EXIT_OK;
    bool fits = true;
    choose_norm(s);
    for (uint32_t i = 0; i < s->checked_count && status == SNNCLI_EXIT_OK; i++) {
        status = lower(s, &s->checked[i]);
        if (status == SNNCLI_EXIT_OK) status = place(s, &s->checked[i]);
        fits = fits && status == SNNCLI_EXIT_OK && s->checked[i].placement->fits;
    }
    if (status == SNNCLI_EXIT_OK) status = snnconvert_measure(s);
    if (status == SNNCLI_EXIT_OK) status = write_files(s);
    if (status == SNNCLI_EXIT_OK) status = print_report(s);
    return status == SNNCLI_EXIT_OK && !fits ? SNNCLI_EXIT_DOES_NOT_FIT : status;
}
