/* A result for people. Every number stands in the JSON too; here it is rounded and has its unit.
 */
#include "tools/snnsim/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/placement.h"
#include "tools/cli/plot.h"
#include "tools/cli/table.h"
#include "tools/report/answers.h"
#include "tools/snnsim/print_parts.h"
#include "tools/snnsim/sweep.h"

#define LABEL_WIDTH 13

static void label(const char *text)
{
    printf("  %-*s", LABEL_WIDTH, text);
}

void snnsim_print_subject(const struct snn_report *report, const struct snn_result *r)
{
    printf("%s on %s", report->model_name, report->data);
    if (report->view != NULL) printf(", seen as %s", report->view);
    printf(": %s sample%s%s\n", snncli_format_count(r->sample_count).text,
           r->sample_count == 1 ? "" : "s", r->complete ? "" : " (INTERRUPTED)");
}

void snnsim_print_options(const struct snncli_console *console, const struct snn_report *report,
                          const struct snn_result *r)
{
    const char *dot = console->utf8 ? " \u00b7 " : ", ";
    printf("%u step%s of %g ms%s%s encoding%s", r->timesteps, r->timesteps == 1 ? "" : "s",
           report->dt_us / 1000.0, dot, report->encoding, dot);
    if (report->norm != NULL) printf("norm %s%s", report->norm, dot);
    printf("seed %llu%s%s, %s%s%s, %s\n", (unsigned long long)report->seed, dot,
           snnsim_print_target(r).text, r->semantics, r->order != NULL ? " " : "",
           r->order != NULL ? r->order : "", r->arith);
}

double snnsim_print_rate(const struct snn_result *r)
{
    return (double)(r->sample_count - r->resumed_count) / r->seconds;
}

static double synops_rate(const struct snn_result *r)
{
    if (r->sample_count == 0) return 0.0;
    return r->synops_total / (double)r->sample_count * snnsim_print_rate(r);
}

bool snnsim_print_spiking(const struct snn_result *r)
{
    return r->timesteps > 0;
}

static void print_accuracy(const struct snn_result *r)
{
    label("accuracy");
    if (r->until_decided)
        printf("%s, samples end when decided, after %.2f of %u steps",
               snncli_format_percent(r->accuracy).text, r->steps_mean, r->timesteps);
    else
        printf("%s after %u step%s", snncli_format_percent(r->accuracy).text, r->timesteps,
               r->timesteps == 1 ? "" : "s");
    if (!isnan(r->cnn_accuracy))
        printf(", CNN %s, same answer in %s", snncli_format_percent(r->cnn_accuracy).text,
               snncli_format_percent(r->cnn_agreement).text);
    printf("\n");
}

static void print_first_spike(const struct snn_result *r)
{
    label("first spike");
    if (r->first_spike.steps_histogram == NULL) {
        printf("not known, rules end the samples\n");
        return;
    }
    if (r->first_spike.count == 0) {
        printf("none\n");
        return;
    }
    if (!isnan(r->first_spike.accuracy))
        printf("%s right, ", snncli_format_percent(r->first_spike.accuracy).text);
    printf("on average after %.2f steps (median %g, 95 %% by %g)\n", r->first_spike.steps_mean,
           r->first_spike.steps_p50, r->first_spike.steps_p95);
}

static void print_silent(const struct snn_result *r)
{
    label("silent");
    printf("%s of %s sample%s", snncli_format_count(r->silent_count).text,
           snncli_format_count(r->sample_count).text, r->sample_count == 1 ? "" : "s");
    if (r->silent_count > 0) {
        uint32_t layer = r->silent_layers[0];
        printf(", the first (%llu) from layer %s on", (unsigned long long)r->silent_indices[0],
               layer < r->layer_count ? r->layers[layer].name : "input");
        if (!isnan(r->accuracy))
            printf(", accuracy without them %s",
                   snncli_format_percent(r->accuracy_without_silent).text);
    }
    printf("\n");
}

/* Without labels the answers themselves are what there is to tell. */
static void print_answers(const struct snn_result *r)
{
    const uint64_t asked = r->sample_asked_count;
    const bool each = asked <= SNNREPORT_ANSWERS_MAX;
    printf("  the data has no labels: no accuracy\n");
    for (uint64_t i = 0; i < (each ? asked : 1); i++) {
        struct snnreport_text text = {.data = NULL};
        if (each)
            snnreport_answer(&text, r, i);
        else
            snnreport_answers(&text, r);
        label(i > 0 ? "" : asked > 1 ? "answers" : "answer");
        if (each && asked > 1) printf("%llu: ", (unsigned long long)(r->sample_offset + i));
        printf("%s\n", text.failed || text.data == NULL ? "" : text.data);
        snnreport_text_fini(&text);
    }
}

static void print_cost(const struct snn_report *report, const struct snn_result *r)
{
    const char *accounting =
        r->accounting == SNN_SYNOPS_SINABS_0_3_3 ? "accounting of sinabs 0.3.3" : "exact";
    char rule[64] = "the first spike";
    if (r->rule_count > 0) snn_rule_format(&r->rules[0].rule, rule, sizeof(rule));
    label("SynOps");
    printf("%s a sample (%s), %s until %s\n", snncli_format_si(r->synops_mean).text, accounting,
           snncli_format_si(r->synops_until_decision_mean).text, rule);
    if (r->macs_mean > 0.0) {
        label("input MACs");
        printf("%s a sample\n", snncli_format_si(r->macs_mean).text);
    }
    label("energy");
    printf("%s a sample, %s until then (profile %s)\n",
           snncli_format_unit(r->energy_uj_mean * 1e-6, "J").text,
           snncli_format_unit(r->energy_uj_until_decision_mean * 1e-6, "J").text, r->energy.name);
    if (r->energy.static_mw > 0.0) {
        label("");
        snnsim_print_energy_parts(report, r);
        printf("\n");
    }
    label("speed");
    printf("%s: %s samples/s, %s SynOps/s, %u thread%s\n", snncli_format_seconds(r->seconds).text,
           snncli_format_si(snnsim_print_rate(r)).text, snncli_format_si(synops_rate(r)).text,
           r->threads, r->threads == 1 ? "" : "s");
}

static void print_chip(const struct snn_report *report, const struct snn_result *r)
{
    label("readout");
    snnsim_print_readout(r);
    label("gap");
    snnsim_print_no_gap(report, r);
}

static void print_device(const struct snn_result *r)
{
    label("device");
    snnsim_print_device(r);
    label("events");
    snnsim_print_traffic(r);
    label("round trip");
    snnsim_print_round_trip(r);
}

static void print_rules(const struct snncli_console *console, const struct snn_result *r)
{
    static const struct snncli_column columns[] = {
        {"rule", SNNCLI_LEFT},    {"accuracy", SNNCLI_RIGHT},  {"steps", SNNCLI_RIGHT},
        {"p50", SNNCLI_RIGHT},    {"p95", SNNCLI_RIGHT},       {"SynOps", SNNCLI_RIGHT},
        {"energy", SNNCLI_RIGHT}, {"undecided", SNNCLI_RIGHT}, {NULL, SNNCLI_LEFT}};
    if (r->rule_count == 0) return;
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < r->rule_count; i++) {
        char text[64];
        snn_rule_format(&r->rules[i].rule, text, sizeof(text));
        snncli_table_cell(&table, "%s", text);
        snncli_table_cell(&table, "%s", snncli_format_percent(r->rules[i].accuracy).text);
        snncli_table_cell(&table, "%.2f", r->rules[i].steps_mean);
        snncli_table_cell(&table, "%g", r->rules[i].steps_p50);
        snncli_table_cell(&table, "%g", r->rules[i].steps_p95);
        snncli_table_cell(&table, "%s", snncli_format_si(r->rules[i].synops_mean).text);
        snncli_table_cell(&table, "%s", snncli_format_unit(r->rules[i].energy_uj * 1e-6, "J").text);
        snncli_table_cell(&table, "%s", snncli_format_count(r->rules[i].undecided).text);
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
}

/* What a table of layers leaves out: bars where there is no room, and of chips, whose cores no
 * longer know it, what the CNN's layers multiply. */
struct layer_table {
    const struct snn_result *r;
    struct snncli_table table;
    struct snncli_column columns[9];
    bool bars, macs, utf8;
};

static void put_share(struct layer_table *t, double share)
{
    snncli_table_cell(&t->table, "%.1f %%", 100.0 * share);
    if (t->bars) snncli_table_cell(&t->table, "%s", snncli_format_bar(share, t->utf8).text);
}

static void add_layer(struct layer_table *t, const struct snn_result_layer *layer)
{
    struct snncli_table *table = &t->table;
    snncli_table_cell(table, "%s", layer->name);
    snncli_table_cell(table, "%s", snncli_format_count(layer->neurons).text);
    snncli_table_cell(table, "%s", snncli_format_si(layer->events_mean).text);
    snncli_table_cell(table, "%s", snncli_format_si(layer->spikes_mean).text);
    snncli_table_cell(table, "%s", snncli_format_si(layer->synops_mean).text);
    put_share(t, t->r->synops_mean > 0.0 ? layer->synops_mean / t->r->synops_mean : 0.0);
    if (t->macs) snncli_table_cell(table, "%s", snncli_format_si((double)layer->macs).text);
}

static void fill_layers(struct layer_table *t)
{
    double spikes = 0.0, macs = 0.0;
    uint64_t neurons = 0;
    for (uint32_t i = 0; i < t->r->layer_count; i++) {
        add_layer(t, &t->r->layers[i]);
        spikes += t->r->layers[i].spikes_mean;
        macs += (double)t->r->layers[i].macs;
        neurons += t->r->layers[i].neurons;
    }
    snncli_table_rule(&t->table);
    snncli_table_cell(&t->table, "all");
    snncli_table_cell(&t->table, "%s", snncli_format_count(neurons).text);
    snncli_table_cell(&t->table, "%s", "");
    snncli_table_cell(&t->table, "%s", snncli_format_si(spikes).text);
    snncli_table_cell(&t->table, "%s", snncli_format_si(t->r->synops_mean).text);
    snncli_table_cell(&t->table, "%s", "");
    if (t->bars) snncli_table_cell(&t->table, "%s", "");
    if (t->macs) snncli_table_cell(&t->table, "%s", snncli_format_si(macs).text);
}

/* The columns that there are, in a new table. */
static void begin_layers(struct layer_table *t, const struct snncli_column *all, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const bool bar = all[i].title[0] == '\0';
        const bool macs = i + 1 == count && !t->macs;
        if ((bar && !t->bars) || macs) continue;
        t->columns[used++] = all[i];
    }
    t->columns[used].title = NULL;
    snncli_table_init(&t->table, t->columns);
}

/* With bars if they fit, else without. */
static void print_layer_table(const struct snncli_console *console, struct layer_table *t,
                              const struct snncli_column *all, size_t count,
                              void (*fill)(struct layer_table *t))
{
    const size_t width = (size_t)snncli_console_width(stdout);
    t->bars = true;
    t->utf8 = console->utf8;
    begin_layers(t, all, count);
    fill(t);
    if (snncli_table_width(&t->table) > width) {
        snncli_table_fini(&t->table);
        t->bars = false;
        begin_layers(t, all, count);
        fill(t);
    }
    printf("\n");
    (void)snncli_table_print(&t->table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&t->table);
}

static void print_layers(const struct snncli_console *console, const struct snn_result *r)
{
    static const struct snncli_column all[] = {
        {"layer", SNNCLI_LEFT},      {"neurons", SNNCLI_RIGHT},
        {"spikes in", SNNCLI_RIGHT}, {"spikes out", SNNCLI_RIGHT},
        {"SynOps", SNNCLI_RIGHT},    {"share", SNNCLI_RIGHT},
        {"", SNNCLI_LEFT},           {"CNN MACs", SNNCLI_RIGHT}};
    struct layer_table table = {.r = r, .macs = r->chip == NULL};
    print_layer_table(console, &table, all, sizeof(all) / sizeof(all[0]), fill_layers);
}

void snnsim_print_quantised(const struct snncli_console *console, const struct snn_result *r)
{
    if (console->verbosity < 1 || r->layer_count == 0 || r->layers[0].quantised == NULL) return;
    struct snncli_quantised *rows = calloc(r->layer_count, sizeof(*rows));
    if (rows == NULL) return;
    for (uint32_t i = 0; i < r->layer_count; i++)
        rows[i] = (struct snncli_quantised){r->layers[i].name, r->layers[i].quantised};
    printf("\n");
    (void)snncli_quantised_print(console, stdout, rows, r->layer_count);
    free(rows);
}

static void print_curve(const struct snncli_console *console, const struct snn_result *r)
{
    if (isnan(r->accuracy) || r->timesteps < 2) return;
    const int width = snncli_console_width(stdout);
    const struct snncli_plot_style style = {
        .width = width < 72 ? width : 72, .utf8 = console->utf8, .color = console->out_color};
    const struct snncli_curve curve = {.values = r->accuracy_by_step,
                                       .count = r->timesteps,
                                       .reference = r->cnn_accuracy,
                                       .reference_label = "CNN",
                                       .label = "accuracy after each time step"};
    printf("\n");
    (void)snncli_plot_curve(stdout, &curve, &style);
}

/* The energy of all MACs, or why it is not known. */
static void print_frame_cost(const struct snn_result *r)
{
    label("MACs");
    printf("%s a sample\n", snncli_format_si(r->macs_mean).text);
    label("energy");
    if (isnan(r->energy_uj_mean))
        printf("unknown: profile %s has none for a MAC, --energy %s has\n", r->energy.name,
               SNNSIM_MAC_PROFILE);
    else
        printf("%s a sample (profile %s)\n", snncli_format_unit(r->energy_uj_mean * 1e-6, "J").text,
               r->energy.name);
    label("speed");
    printf("%s: %s samples/s, %s MACs/s, %u thread%s\n", snncli_format_seconds(r->seconds).text,
           snncli_format_si(snnsim_print_rate(r)).text,
           snncli_format_si(r->macs_mean * snnsim_print_rate(r)).text, r->threads,
           r->threads == 1 ? "" : "s");
}

static void fill_frame_layers(struct layer_table *t)
{
    for (uint32_t i = 0; i < t->r->layer_count; i++) {
        const struct snn_result_layer *layer = &t->r->layers[i];
        const double macs = (double)layer->macs;
        snncli_table_cell(&t->table, "%s", layer->name);
        snncli_table_cell(&t->table, "%s", snncli_format_count(layer->neurons).text);
        snncli_table_cell(&t->table, "%s", snncli_format_si(macs).text);
        put_share(t, macs / t->r->macs_mean);
    }
}

static void print_frame_layers(const struct snncli_console *console, const struct snn_result *r)
{
    static const struct snncli_column all[] = {{"layer", SNNCLI_LEFT},
                                               {"values", SNNCLI_RIGHT},
                                               {"MACs", SNNCLI_RIGHT},
                                               {"share", SNNCLI_RIGHT},
                                               {"", SNNCLI_LEFT}};
    struct layer_table table = {.r = r, .macs = true};
    print_layer_table(console, &table, all, sizeof(all) / sizeof(all[0]), fill_frame_layers);
}

static void print_frames(const struct snncli_console *console, const struct snn_report *report,
                         const struct snn_result *r)
{
    snnsim_print_subject(report, r);
    printf("%s\n\n", r->target);
    if (r->sample_count == 0) return;
    if (!isnan(r->accuracy)) {
        label("accuracy");
        printf("%s", snncli_format_percent(r->accuracy).text);
        if (!isnan(r->cnn_accuracy))
            printf(", CNN in float %s, same answer in %s",
                   snncli_format_percent(r->cnn_accuracy).text,
                   snncli_format_percent(r->cnn_agreement).text);
        printf("\n");
    } else {
        print_answers(r);
    }
    print_frame_cost(r);
    print_frame_layers(console, r);
}

void snnsim_print_result(const struct snncli_console *console, const struct snn_report *report,
                         const struct snn_result *result)
{
    if (!snnsim_print_spiking(result)) {
        print_frames(console, report, result);
        return;
    }
    snnsim_print_subject(report, result);
    snnsim_print_options(console, report, result);
    printf("\n");
    if (result->sample_count == 0) return;
    if (!isnan(result->accuracy))
        print_accuracy(result);
    else
        print_answers(result);
    print_first_spike(result);
    print_silent(result);
    print_cost(report, result);
    if (result->chip != NULL) print_chip(report, result);
    if (result->device != NULL) print_device(result);
    print_rules(console, result);
    snnsim_sweep_print(console, result);
    print_layers(console, result);
    if (result->chip != NULL) snnsim_print_load(console, report, result);
    snnsim_print_quantised(console, result);
    print_curve(console, result);
}
