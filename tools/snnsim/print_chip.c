/* What a run on a chip adds to a result: the load of its cores, what its readout tells, how its
 * energy is composed, and what the simulation leaves out.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/snnsim/print_parts.h"

struct snnsim_target_text snnsim_print_target(const struct snn_result *r)
{
    struct snnsim_target_text t;
    if (r->chip != NULL)
        (void)snprintf(t.text, sizeof(t.text), "%s:%s", r->target, r->chip->name);
    else
        (void)snprintf(t.text, sizeof(t.text), "%s", r->target);
    return t;
}

/* ---- Energy ---- */

double snnsim_print_static_uj(const struct snn_report *report, const struct snn_result *r)
{
    return r->energy.static_mw * r->steps_mean * report->dt_us * 1e-3;
}

void snnsim_print_energy_parts(const struct snn_report *report, const struct snn_result *r)
{
    const double still = snnsim_print_static_uj(report, r);
    printf("%s dynamic, %s static",
           snncli_format_unit((r->energy_uj_mean - still) * 1e-6, "J").text,
           snncli_format_unit(still * 1e-6, "J").text);
    printf(" (%s for %s)", snncli_format_unit(r->energy.static_mw * 1e-3, "W").text,
           snncli_format_unit(r->steps_mean * report->dt_us * 1e-6, "s").text);
}

/* ---- Load ---- */

/* A layer's events and SynOps a second: of all samples, and of the one with the most. */
struct load {
    double events, events_max;
    double synops, synops_max;
};

static struct load load_of(const struct snn_report *report, const struct snn_result *r,
                           const struct snn_result_layer *layer)
{
    const double steps_per_s = 1e6 / report->dt_us;
    return (struct load){
        .events = layer->events_mean / r->steps_mean * steps_per_s,
        .events_max = layer->events_per_step_max * steps_per_s,
        .synops = layer->synops_mean / r->steps_mean * steps_per_s,
        .synops_max = layer->synops_per_step_max * steps_per_s,
    };
}

static bool has_limits(const struct snn_chip *chip)
{
    for (uint32_t i = 0; i < chip->core_count; i++) {
        if (chip->cores[i].synops_per_s > 0.0) return true;
    }
    return false;
}

static void add_core(struct snncli_table *table, const struct snn_chip *chip,
                     const struct snn_result_layer *layer, const struct load *load)
{
    const double event_s = chip->event_us * 1e-6, limit = chip->cores[layer->core].synops_per_s;
    snncli_table_cell(table, "%u", layer->core);
    snncli_table_cell(table, "%s", layer->name);
    snncli_table_cell(table, "%s", snncli_format_si(load->events).text);
    snncli_table_cell(table, "%s", snncli_format_si(load->events_max).text);
    snncli_table_cell(table, "%s", snncli_format_si(load->synops).text);
    snncli_table_cell(table, "%s", snncli_format_si(load->synops_max).text);
    if (event_s > 0.0) {
        snncli_table_cell(table, "%.1f %%", 100.0 * load->events * event_s);
        snncli_table_cell(table, "%.1f %%", 100.0 * load->events_max * event_s);
    } else {
        snncli_table_cell(table, "-");
        snncli_table_cell(table, "-");
    }
    if (!has_limits(chip)) return;
    if (limit > 0.0)
        snncli_table_cell(table, "%s", snncli_format_si(limit).text);
    else
        snncli_table_cell(table, "-");
}

/* Cores that some sample asks too much of. */
static void warn_of_load(const struct snn_report *report, const struct snn_result *r)
{
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const struct snn_result_layer *layer = &r->layers[i];
        const struct load load = load_of(report, r, layer);
        const double busy = load.events_max * r->chip->event_us * 1e-6;
        const double limit = r->chip->cores[layer->core].synops_per_s;
        if (busy > 1.0)
            printf("  core %u (%s) cannot keep up with the busiest sample: %.0f %% of its time\n",
                   layer->core, layer->name, 100.0 * busy);
        if (limit > 0.0 && load.synops_max > limit)
            printf("  core %u (%s) exceeds its limit in the busiest sample: %s of %s SynOps/s\n",
                   layer->core, layer->name, snncli_format_si(load.synops_max).text,
                   snncli_format_si(limit).text);
    }
}

void snnsim_print_load(const struct snncli_console *console, const struct snn_report *report,
                       const struct snn_result *r)
{
    static const struct snncli_column all[] = {
        {"core", SNNCLI_RIGHT},    {"layer", SNNCLI_LEFT},     {"events/s", SNNCLI_RIGHT},
        {"at most", SNNCLI_RIGHT}, {"SynOps/s", SNNCLI_RIGHT}, {"at most", SNNCLI_RIGHT},
        {"busy", SNNCLI_RIGHT},    {"at most", SNNCLI_RIGHT},  {"limit SynOps/s", SNNCLI_RIGHT},
        {NULL, SNNCLI_LEFT}};
    enum { COLUMNS = sizeof(all) / sizeof(all[0]) };
    struct snncli_column columns[COLUMNS];
    struct snncli_table table;
    memcpy(columns, all, sizeof(columns));
    if (!has_limits(r->chip)) columns[COLUMNS - 2].title = NULL;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const struct load load = load_of(report, r, &r->layers[i]);
        add_core(&table, r->chip, &r->layers[i], &load);
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
    printf("  at most: in the sample with the most");
    if (r->chip->event_us > 0.0)
        printf("; busy: %g us an event, as %s has it", r->chip->event_us, r->chip->name);
    if (!has_limits(r->chip)) printf("\n  limits of SynOps/s are not published");
    printf("\n  timing is not modelled: an event takes no time, no core falls behind\n");
    warn_of_load(report, r);
}

/* ---- Readout ---- */

void snnsim_print_readout(const struct snn_result *r)
{
    printf("spikes only, ");
    if (r->chip->readout_spread > 1)
        printf("class i at feature %u i of the last layer, ", r->chip->readout_spread);
    printf("equal counts go to the lowest class\n");
}

void snnsim_print_no_gap(const struct snn_report *report, const struct snn_result *r)
{
    printf("to synchronous steps not measured: ");
    if (report->norm != NULL)
        printf("--semantics both\n");
    else
        printf("its model with --target chip:%s --semantics both\n", r->chip->name);
}
