/* A result for people. Every number stands in the JSON too; here it is rounded and has its unit.
 */
#include "tools/snnsim/print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/plot.h"
#include "tools/cli/table.h"
#include "tools/snnsim/sweep.h"

#define LABEL_WIDTH 13
#define MAC_PROFILE "horowitz45_int8" /* has an energy of a MAC */

static void label(const char *text)
{
    printf("  %-*s", LABEL_WIDTH, text);
}

static void print_subject(const struct snn_report *report, const struct snn_result *r)
{
    printf("%s on %s: %s samples%s\n", report->model_name, report->data,
           snncli_format_count(r->sample_count).text, r->complete ? "" : " (INTERRUPTED)");
}

static void print_spiking_options(const struct snncli_console *console,
                                  const struct snn_report *report, const struct snn_result *r)
{
    const char *dot = console->utf8 ? " \u00b7 " : ", ";
    printf("%u steps of %g ms%s%s encoding%snorm %s%sseed %llu%s%s, %s%s%s, %s\n", r->timesteps,
           report->dt_us / 1000.0, dot, report->encoding, dot, report->norm, dot,
           (unsigned long long)report->seed, dot, r->target, r->semantics,
           r->order != NULL ? " " : "", r->order != NULL ? r->order : "", r->arith);
}

/* A result of a frame-based target knows no steps. */
static bool is_spiking(const struct snn_result *r)
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
        printf("%s after %u steps", snncli_format_percent(r->accuracy).text, r->timesteps);
    if (!isnan(r->cnn_accuracy))
        printf(", CNN %s, same answer in %s", snncli_format_percent(r->cnn_accuracy).text,
               snncli_format_percent(r->cnn_agreement).text);
    printf("\n");
    label("first spike");
    if (r->first_spike.steps_histogram == NULL)
        printf("not known, rules end the samples\n");
    else if (r->first_spike.count > 0)
        printf("%s right, on average after %.2f steps (median %g, 95 %% by %g)\n",
               snncli_format_percent(r->first_spike.accuracy).text, r->first_spike.steps_mean,
               r->first_spike.steps_p50, r->first_spike.steps_p95);
    else
        printf("none\n");
    label("silent");
    printf("%s of %s samples", snncli_format_count(r->silent_count).text,
           snncli_format_count(r->sample_count).text);
    if (r->silent_count > 0) {
        uint32_t layer = r->silent_layers[0];
        printf(", the first (%llu) from layer %s on, accuracy without them %s",
               (unsigned long long)r->silent_indices[0],
               layer < r->layer_count ? r->layers[layer].name : "input",
               snncli_format_percent(r->accuracy_without_silent).text);
    }
    printf("\n");
}

static void print_cost(const struct snn_result *r)
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
    label("speed");
    printf("%s: %s samples/s, %s SynOps/s, %u thread%s\n", snncli_format_seconds(r->seconds).text,
           snncli_format_si((double)r->sample_count / r->seconds).text,
           snncli_format_si(r->synops_total / r->seconds).text, r->threads,
           r->threads == 1 ? "" : "s");
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

static void print_layers(const struct snncli_console *console, const struct snn_result *r)
{
    static const struct snncli_column columns[] = {
        {"layer", SNNCLI_LEFT},       {"neurons", SNNCLI_RIGHT}, {"spikes in", SNNCLI_RIGHT},
        {"spikes out", SNNCLI_RIGHT}, {"SynOps", SNNCLI_RIGHT},  {"share", SNNCLI_RIGHT},
        {"CNN MACs", SNNCLI_RIGHT},   {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    double spikes = 0.0, macs = 0.0;
    uint64_t neurons = 0;
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const struct snn_result_layer *layer = &r->layers[i];
        double share = r->synops_mean > 0.0 ? layer->synops_mean / r->synops_mean : 0.0;
        snncli_table_cell(&table, "%s", layer->name);
        snncli_table_cell(&table, "%s", snncli_format_count(layer->neurons).text);
        snncli_table_cell(&table, "%s", snncli_format_si(layer->events_mean).text);
        snncli_table_cell(&table, "%s", snncli_format_si(layer->spikes_mean).text);
        snncli_table_cell(&table, "%s", snncli_format_si(layer->synops_mean).text);
        snncli_table_cell(&table, "%.1f %%", 100.0 * share);
        snncli_table_cell(&table, "%s", snncli_format_si((double)layer->macs).text);
        spikes += layer->spikes_mean;
        macs += (double)layer->macs;
        neurons += layer->neurons;
    }
    snncli_table_rule(&table);
    snncli_table_cell(&table, "all");
    snncli_table_cell(&table, "%s", snncli_format_count(neurons).text);
    snncli_table_cell(&table, "%s", "");
    snncli_table_cell(&table, "%s", snncli_format_si(spikes).text);
    snncli_table_cell(&table, "%s", snncli_format_si(r->synops_mean).text);
    snncli_table_cell(&table, "%s", "");
    snncli_table_cell(&table, "%s", snncli_format_si(macs).text);
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
}

/* With -v: what each layer became in whole numbers. */
static void print_quantised(const struct snncli_console *console, const struct snn_result *r)
{
    static const struct snncli_column columns[] = {
        {"layer", SNNCLI_LEFT},      {"scale", SNNCLI_RIGHT}, {"by", SNNCLI_LEFT},
        {"threshold", SNNCLI_RIGHT}, {"bits", SNNCLI_RIGHT},  {"saturated", SNNCLI_RIGHT},
        {"lost", SNNCLI_RIGHT},      {"error", SNNCLI_RIGHT}, {NULL, SNNCLI_LEFT}};
    static const char *const limits[] = {"weights", "bias", "threshold", "error"};
    if (console->verbosity < 1 || r->layer_count == 0 || r->layers[0].quantised == NULL) return;
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const struct snn_quantised *q = r->layers[i].quantised;
        snncli_table_cell(&table, "%s", r->layers[i].name);
        snncli_table_cell(&table, "%.5g", (double)q->scale);
        snncli_table_cell(&table, "%s", limits[q->limited_by]);
        if (q->threshold > 0)
            snncli_table_cell(&table, "%u", q->threshold);
        else
            snncli_table_cell(&table, "none");
        snncli_table_cell(&table, "%.2f", q->bits);
        snncli_table_cell(&table, "%s", snncli_format_count(q->weights_saturated).text);
        snncli_table_cell(&table, "%s", snncli_format_count(q->weights_lost).text);
        snncli_table_cell(&table, "%.3f", q->weight_error);
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
    printf("  weights in 8 bits: lost became 0, the error is their root mean square in steps\n");
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
               MAC_PROFILE);
    else
        printf("%s a sample (profile %s)\n", snncli_format_unit(r->energy_uj_mean * 1e-6, "J").text,
               r->energy.name);
    label("speed");
    printf("%s: %s samples/s, %s MACs/s, %u thread%s\n", snncli_format_seconds(r->seconds).text,
           snncli_format_si((double)r->sample_count / r->seconds).text,
           snncli_format_si(r->macs_mean * (double)r->sample_count / r->seconds).text, r->threads,
           r->threads == 1 ? "" : "s");
}

static void print_frame_layers(const struct snncli_console *console, const struct snn_result *r)
{
    static const struct snncli_column columns[] = {{"layer", SNNCLI_LEFT},
                                                   {"values", SNNCLI_RIGHT},
                                                   {"MACs", SNNCLI_RIGHT},
                                                   {"share", SNNCLI_RIGHT},
                                                   {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const double macs = (double)r->layers[i].macs;
        snncli_table_cell(&table, "%s", r->layers[i].name);
        snncli_table_cell(&table, "%s", snncli_format_count(r->layers[i].neurons).text);
        snncli_table_cell(&table, "%s", snncli_format_si(macs).text);
        snncli_table_cell(&table, "%.1f %%", 100.0 * macs / r->macs_mean);
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
}

static void print_frames(const struct snncli_console *console, const struct snn_report *report,
                         const struct snn_result *r)
{
    print_subject(report, r);
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
        printf("  the data has no labels: no accuracy\n");
    }
    print_frame_cost(r);
    print_frame_layers(console, r);
}

void snnsim_print_result(const struct snncli_console *console, const struct snn_report *report,
                         const struct snn_result *result)
{
    if (!is_spiking(result)) {
        print_frames(console, report, result);
        return;
    }
    print_subject(report, result);
    print_spiking_options(console, report, result);
    printf("\n");
    if (result->sample_count == 0) return;
    if (!isnan(result->accuracy))
        print_accuracy(result);
    else
        printf("  the data has no labels: no accuracy\n");
    print_cost(result);
    print_rules(console, result);
    snnsim_sweep_print(console, result);
    print_layers(console, result);
    print_quantised(console, result);
    print_curve(console, result);
}

struct target_text {
    char text[64];
};

/* Whether some target takes time otherwise than another. */
static bool semantics_differ(const struct snn_report *report)
{
    const char *first = NULL;
    for (uint32_t i = 0; i < report->result_count; i++) {
        const char *semantics = report->results[i]->semantics;
        if (semantics == NULL) continue;
        if (first != NULL && strcmp(first, semantics) != 0) return true;
        first = semantics;
    }
    return false;
}

/* A target and what tells it from others of its name. */
static struct target_text target_text(const struct snn_report *report, const struct snn_result *r)
{
    struct target_text t;
    const char *chip = r->arith != NULL && strcmp(r->arith, "chip") == 0 ? " chip" : "";
    const char *sync = r->semantics != NULL && semantics_differ(report) ? " sync" : "";
    if (r->order != NULL)
        (void)snprintf(t.text, sizeof(t.text), "%s %s %s%s", r->target, r->semantics, r->order,
                       chip);
    else
        (void)snprintf(t.text, sizeof(t.text), "%s%s%s", r->target, sync, chip);
    return t;
}

/* How a result decides: at the end, by the first spike, by its rules. */
struct decision {
    char name[64];
    double accuracy, steps, synops;
    uint64_t undecided;
};

/* 0: at the end; 1: the first spike; then the rules. */
static struct decision decision_of(const struct snn_result *r, uint32_t index)
{
    struct decision d = {"at the end", r->accuracy, r->steps_mean, r->synops_mean, 0};
    if (index == 1) {
        const uint64_t undecided = r->sample_count - r->first_spike.count;
        return (struct decision){"first spike", r->first_spike.accuracy, r->first_spike.steps_mean,
                                 r->first_spike.synops_mean, undecided};
    }
    if (index > 1) {
        const struct snn_result_rule *rule = &r->rules[index - 2];
        d = (struct decision){"", rule->accuracy, rule->steps_mean, rule->synops_mean,
                              rule->undecided};
        snn_rule_format(&rule->rule, d.name, sizeof(d.name));
    }
    return d;
}

/* `first` is what the gap is to; NULL: this is it. */
static void add_decision(struct snncli_table *table, const char *target, const struct decision *d,
                         const struct decision *first)
{
    snncli_table_cell(table, "%s", first == NULL ? d->name : "");
    snncli_table_cell(table, "%s", target);
    snncli_table_cell(table, "%s", snncli_format_percent(d->accuracy).text);
    if (first == NULL || isnan(d->accuracy - first->accuracy))
        snncli_table_cell(table, "%s", "");
    else
        snncli_table_cell(table, "%+.2f", 100.0 * (d->accuracy - first->accuracy));
    if (isnan(d->steps))
        snncli_table_cell(table, "-");
    else
        snncli_table_cell(table, "%.2f", d->steps);
    snncli_table_cell(table, "%s", snncli_format_si(d->synops).text);
    snncli_table_cell(table, "%s", snncli_format_count(d->undecided).text);
}

static void add_row(struct snncli_table *table, const struct snn_report *report,
                    const struct snn_result *r)
{
    const double operations = is_spiking(r) ? r->synops_mean : r->macs_mean;
    snncli_table_cell(table, "%s%s", target_text(report, r).text,
                      r->complete ? "" : " (INTERRUPTED)");
    snncli_table_cell(table, "%s", snncli_format_percent(r->accuracy).text);
    snncli_table_cell(table, "%s", snncli_format_percent(r->cnn_agreement).text);
    snncli_table_cell(table, "%s %s", snncli_format_si(operations).text,
                      is_spiking(r) ? "SynOps" : "MACs");
    snncli_table_cell(
        table, "%s",
        isnan(r->energy_uj_mean) ? "-" : snncli_format_unit(r->energy_uj_mean * 1e-6, "J").text);
    snncli_table_cell(table, "%s", snncli_format_si((double)r->sample_count / r->seconds).text);
}

/* Decisions of the spiking targets side by side, each with semantics and order, and how far the
 * later ones are from the first, in points. */
static void print_gap(const struct snncli_console *console, const struct snn_report *report)
{
    static const struct snncli_column columns[] = {
        {"decision", SNNCLI_LEFT},   {"target", SNNCLI_LEFT}, {"accuracy", SNNCLI_RIGHT},
        {"gap", SNNCLI_RIGHT},       {"steps", SNNCLI_RIGHT}, {"SynOps", SNNCLI_RIGHT},
        {"undecided", SNNCLI_RIGHT}, {NULL, SNNCLI_LEFT}};
    uint32_t spiking = 0, decisions = 0;
    bool fires = false; /* a membrane that is only read never does */
    for (uint32_t i = 0; i < report->result_count; i++) {
        const struct snn_result *r = report->results[i];
        if (!is_spiking(r) || r->sample_count == 0) continue;
        spiking++;
        decisions = r->rule_count + 2;
        fires = fires || r->first_spike.count > 0;
    }
    if (spiking < 2) return;
    struct snncli_table table;
    snncli_table_init(&table, columns);
    for (uint32_t k = 0; k < decisions; k++) {
        struct decision first = {.name = ""};
        bool begun = false;
        for (uint32_t i = 0; i < report->result_count && (k != 1 || fires); i++) {
            const struct snn_result *r = report->results[i];
            if (!is_spiking(r) || r->sample_count == 0) continue;
            const struct decision d = decision_of(r, k);
            add_decision(&table, target_text(report, r).text, &d, begun ? &first : NULL);
            if (!begun) first = d;
            begun = true;
        }
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
}

/* How often the later targets decide as the first does. */
static void print_agreement(const struct snn_report *report)
{
    for (uint32_t i = 1; i < report->result_count; i++) {
        double share = snn_result_agreement(report->results[0], report->results[i]);
        if (isnan(share)) continue;
        printf("  %s decides as %s in %s of the samples\n",
               target_text(report, report->results[i]).text,
               target_text(report, report->results[0]).text, snncli_format_percent(share).text);
    }
}

void snnsim_print_comparison(const struct snncli_console *console, const struct snn_report *report)
{
    static const struct snncli_column columns[] = {
        {"target", SNNCLI_LEFT}, {"accuracy", SNNCLI_RIGHT}, {"as CNN", SNNCLI_RIGHT},
        {"cost", SNNCLI_RIGHT},  {"energy", SNNCLI_RIGHT},   {"samples/s", SNNCLI_RIGHT},
        {NULL, SNNCLI_LEFT}};
    const struct snn_result *first = report->results[0];
    struct snncli_table table;
    snncli_table_init(&table, columns);
    print_subject(report, first);
    for (uint32_t i = 0; i < report->result_count; i++) {
        if (is_spiking(report->results[i]))
            print_spiking_options(console, report, report->results[i]);
        if (report->results[i]->sample_count > 0) add_row(&table, report, report->results[i]);
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
    print_gap(console, report);
    for (uint32_t i = 0; i < report->result_count; i++) {
        if (report->results[i]->sweep_count == 0) continue;
        printf("\n%s\n", target_text(report, report->results[i]).text);
        snnsim_sweep_print(console, report->results[i]);
    }
    if (!isnan(first->cnn_accuracy))
        printf("\n  CNN in float %s; ", snncli_format_percent(first->cnn_accuracy).text);
    else
        printf("\n  ");
    printf("cost and energy are of a sample, energy by profile %s\n", first->energy.name);
    for (uint32_t i = 0; i < report->result_count; i++) {
        if (!isnan(report->results[i]->energy_uj_mean)) continue;
        printf("  profile %s has none for a MAC, --energy %s has\n", first->energy.name,
               MAC_PROFILE);
        break;
    }
    print_agreement(report);
    for (uint32_t i = 0; i < report->result_count; i++)
        print_quantised(console, report->results[i]);
}
