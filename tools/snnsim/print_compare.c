/* Results of several targets side by side: what each costs, and how far apart they decide.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/snnsim/print.h"
#include "tools/snnsim/print_parts.h"
#include "tools/snnsim/sweep.h"

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

/* A target and what tells it from others of its name; a chip has one semantics and arithmetic. */
static struct snnsim_target_text target_text(const struct snn_report *report,
                                             const struct snn_result *r)
{
    struct snnsim_target_text t, name = snnsim_print_target(r);
    const char *arith = r->arith != NULL && strcmp(r->arith, "chip") == 0 ? " chip" : "";
    const char *sync = r->semantics != NULL && semantics_differ(report) ? " sync" : "";
    if (r->chip != NULL)
        (void)snprintf(t.text, sizeof(t.text), "%.60s %s", name.text, r->order);
    else if (r->order != NULL)
        (void)snprintf(t.text, sizeof(t.text), "%.60s %s %s%s", name.text, r->semantics, r->order,
                       arith);
    else
        (void)snprintf(t.text, sizeof(t.text), "%.60s%s%s", name.text, sync, arith);
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
    const double operations = snnsim_print_spiking(r) ? r->synops_mean : r->macs_mean;
    snncli_table_cell(table, "%s%s", target_text(report, r).text,
                      r->complete ? "" : " (INTERRUPTED)");
    snncli_table_cell(table, "%s", snncli_format_percent(r->accuracy).text);
    snncli_table_cell(table, "%s", snncli_format_percent(r->cnn_agreement).text);
    snncli_table_cell(table, "%s %s", snncli_format_si(operations).text,
                      snnsim_print_spiking(r) ? "SynOps" : "MACs");
    snncli_table_cell(
        table, "%s",
        isnan(r->energy_uj_mean) ? "-" : snncli_format_unit(r->energy_uj_mean * 1e-6, "J").text);
    snncli_table_cell(table, "%s", snncli_format_si(snnsim_print_rate(r)).text);
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
        if (!snnsim_print_spiking(r) || r->sample_count == 0) continue;
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
            if (!snnsim_print_spiking(r) || r->sample_count == 0) continue;
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

/* By whose figures energy is counted, and what none are known of. */
static void print_energy(const struct snn_report *report)
{
    const char *profile = report->results[0]->energy.name;
    printf("cost and energy are of a sample, energy by profile %s\n", profile);
    for (uint32_t i = 0; i < report->result_count; i++) {
        const struct snn_result *r = report->results[i];
        const bool still = snnsim_print_spiking(r) && r->energy.static_mw > 0.0;
        if (!still && strcmp(r->energy.name, profile) == 0) continue;
        printf("  %s by profile %s", target_text(report, r).text, r->energy.name);
        if (still) printf(": ");
        if (still) snnsim_print_energy_parts(report, r);
        printf("\n");
    }
    for (uint32_t i = 0; i < report->result_count; i++) {
        const struct snn_result *r = report->results[i];
        if (!isnan(r->energy_uj_mean)) continue;
        printf("  profile %s has none for a MAC, --energy %s has\n", r->energy.name,
               SNNSIM_MAC_PROFILE);
        break;
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
    snnsim_print_subject(report, first);
    for (uint32_t i = 0; i < report->result_count; i++) {
        if (snnsim_print_spiking(report->results[i]))
            snnsim_print_options(console, report, report->results[i]);
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
    print_energy(report);
    print_agreement(report);
    for (uint32_t i = 0; i < report->result_count; i++) {
        const struct snn_result *r = report->results[i];
        if (r->chip == NULL || r->sample_count == 0) continue;
        printf("\n%s: ", target_text(report, r).text);
        snnsim_print_readout(r);
        if (r->device != NULL) {
            printf("  ");
            snnsim_print_device(r);
            printf("  events ");
            snnsim_print_traffic(r);
            printf("  round trip ");
            snnsim_print_round_trip(r);
        }
        snnsim_print_load(console, report, r);
    }
    for (uint32_t i = 0; i < report->result_count; i++)
        snnsim_print_quantised(console, report->results[i]);
}
