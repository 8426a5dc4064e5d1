/* The grid of decision rules, and the rows of its result that are worth a look.
 *
 * A rule on spikes has its own output gain as a second parameter: `first@K` waits as count:K does,
 * but reads the potential too. What a rule on potentials sees is the same at every gain, so that
 * those stay with the net's own readout; each gain costs one more population of outputs.
 */
#include "tools/snnsim/sweep.h"

#include <math.h>
#include <stdio.h>

#include "tools/cli/table.h"

struct series {
    enum snn_rule_kind kind;
    const double *parameters; /* ended by 0 */
};

static const double gains[] = {0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 0};
static const double spikes[] = {2, 3, 4, 5, 6, 8, 10, 15, 20, 0};
static const double leads[] = {1, 2, 3, 4, 5, 6, 8, 10, 0};
static const double thresholds[] = {0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 0};
/* Logits are summed over the steps, so that the softmax soon is close to 1. */
static const double shares[] = {
    0.7,         0.9,          0.95,          0.98,           0.99,      0.995,
    0.999,       0.9999,       0.99999,       0.999999,       0.9999999, 0.99999999,
    0.999999999, 0.9999999999, 0.99999999999, 0.999999999999, 0};
static const struct series grid[] = {{SNN_RULE_COUNT, spikes},
                                     {SNN_RULE_MARGIN, leads},
                                     {SNN_RULE_MEMBRANE, thresholds},
                                     {SNN_RULE_SOFTMAX, shares},
                                     {SNN_RULE_ENTROPY, shares}};

static bool is_same(const struct snn_rule *a, const struct snn_rule *b)
{
    return a->kind == b->kind && fabs(a->parameter - b->parameter) <= 0.0 &&
           fabsf(a->gain - b->gain) <= 0.0f;
}

static uint32_t append(struct snn_rule *rows, uint32_t count, enum snn_rule_kind kind,
                       double parameter, float gain)
{
    const struct snn_rule rule = {kind, parameter, gain};
    for (uint32_t i = 0; i < count; i++) {
        if (is_same(&rows[i], &rule)) return count;
    }
    if (count < SNNSIM_SWEEP_MAX) rows[count++] = rule;
    return count;
}

uint32_t snnsim_sweep_fill(struct snn_rule rows[SNNSIM_SWEEP_MAX], const struct snn_rule *rules,
                           uint32_t rule_count, const struct snnsim_sweep_room *room)
{
    uint32_t count = 0;
    if (!room->potentials) count = append(rows, count, SNN_RULE_FIRST, 0.0, 0.0f);
    for (const double *gain = gains;
         room->potentials && *gain > 0.0 && *gain <= (double)room->gain_max; gain++)
        count = append(rows, count, SNN_RULE_FIRST, 0.0, (float)*gain);
    for (size_t i = 0; i < sizeof(grid) / sizeof(grid[0]); i++) {
        const bool of_spikes = grid[i].kind == SNN_RULE_COUNT || grid[i].kind == SNN_RULE_MARGIN;
        if (!of_spikes && !room->potentials) continue;
        const float gain = of_spikes && !room->fires ? 1.0f : 0.0f;
        for (const double *parameter = grid[i].parameters; *parameter > 0.0; parameter++)
            count = append(rows, count, grid[i].kind, *parameter, gain);
    }
    count = append(rows, count, SNN_RULE_ALL, 0.0, 0.0f);
    count = append(rows, count, SNN_RULE_ORACLE, 0.0, 0.0f);
    for (uint32_t i = 0; i < rule_count; i++)
        count = append(rows, count, rules[i].kind, rules[i].parameter, rules[i].gain);
    return count;
}

static void add_row(struct snncli_table *table, const struct snn_result_rule *row)
{
    char rule[64];
    snn_rule_format(&row->rule, rule, sizeof(rule));
    snncli_table_cell(table, "%s", rule);
    snncli_table_cell(table, "%s", snncli_format_percent(row->accuracy).text);
    snncli_table_cell(table, "%.2f", row->steps_mean);
    snncli_table_cell(table, "%g", row->steps_p50);
    snncli_table_cell(table, "%g", row->steps_p95);
    snncli_table_cell(table, "%s", snncli_format_si(row->synops_mean).text);
    snncli_table_cell(table, "%s", snncli_format_unit(row->energy_uj * 1e-6, "J").text);
    snncli_table_cell(table, "%s", snncli_format_count(row->undecided).text);
    const bool both = row->pareto_steps && row->pareto_synops;
    snncli_table_cell(table, "%s",
                      row->rule.kind == SNN_RULE_ORACLE ? "bound"
                      : both                            ? "both"
                      : row->pareto_steps               ? "steps"
                                                        : "SynOps");
}

/* The next row of the front by steps, then by place; NULL after the last. */
static const struct snn_result_rule *next_row(const struct snn_result *r,
                                              const struct snn_result_rule *last)
{
    const struct snn_result_rule *best = NULL;
    for (uint32_t i = 0; i < r->sweep_count; i++) {
        const struct snn_result_rule *row = &r->sweep[i];
        if (!row->pareto_steps && !row->pareto_synops) continue;
        if (last != NULL && (row->steps_mean < last->steps_mean ||
                             (row->steps_mean <= last->steps_mean && row <= last)))
            continue;
        if (best == NULL || row->steps_mean < best->steps_mean) best = row;
    }
    return best;
}

/* Of rows that are nearly alike the cheapest: each has a tenth fewer errors than the one before, or
 * is the last. */
static void add_front(struct snncli_table *table, const struct snn_result *r)
{
    const struct snn_result_rule *row = next_row(r, NULL);
    double errors = 2.0; /* of the row before: more than there can be */
    while (row != NULL) {
        const struct snn_result_rule *next = next_row(r, row);
        if (next == NULL || 1.0 - row->accuracy <= 0.9 * errors) {
            add_row(table, row);
            errors = 1.0 - row->accuracy;
        }
        row = next;
    }
}

void snnsim_sweep_print(const struct snncli_console *console, const struct snn_result *result)
{
    static const struct snncli_column columns[] = {
        {"Pareto front", SNNCLI_LEFT}, {"accuracy", SNNCLI_RIGHT},
        {"steps", SNNCLI_RIGHT},       {"p50", SNNCLI_RIGHT},
        {"p95", SNNCLI_RIGHT},         {"SynOps", SNNCLI_RIGHT},
        {"energy", SNNCLI_RIGHT},      {"undecided", SNNCLI_RIGHT},
        {"best in", SNNCLI_LEFT},      {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    if (result->sweep_count == 0) return;
    snncli_table_init(&table, columns);
    add_front(&table, result);
    snncli_table_rule(&table);
    for (uint32_t i = 0; i < result->sweep_count; i++) {
        if (result->sweep[i].rule.kind == SNN_RULE_ORACLE) add_row(&table, &result->sweep[i]);
    }
    printf("\n");
    (void)snncli_table_print(&table, stdout, console->utf8, console->out_color);
    snncli_table_fini(&table);
}
