/* Decisions as rows: accuracy, when and at what cost, and the Pareto front of a sweep.
 *
 * Sums run over the samples in order, so that no thread shows. A sample that a rule left undecided
 * counts with all time steps, one that never spiked not at all in `first_spike`.
 */
#include "libsnn/model/decision.h"

#include <math.h>
#include <string.h>

/* Decisions of one kind over all samples. */
struct sums {
    uint64_t count, correct;
    double steps;
    struct snnmodel_cost cost;
    uint64_t *histogram; /* [timesteps] decided after each step */
};

static void add(struct sums *sums, const struct snnmodel_decision *d, bool correct)
{
    sums->count++;
    sums->correct += correct;
    sums->steps += d->steps;
    sums->cost.synops += d->cost.synops;
    sums->cost.io_events += d->cost.io_events;
    sums->cost.macs += d->cost.macs;
    if (d->decided) sums->histogram[d->steps - 1]++;
}

static struct snnmodel_cost mean_cost(const struct sums *sums)
{
    const double n = (double)sums->count;
    return (struct snnmodel_cost){sums->cost.synops / n, sums->cost.io_events / n,
                                  sums->cost.macs / n};
}

/* The smallest step by which a share q of the samples was decided (nearest rank); the last for what
 * is not in the histogram. */
static double quantile(const struct sums *sums, uint32_t timesteps, double q)
{
    const uint64_t rank = (uint64_t)ceil(q * (double)sums->count);
    uint64_t below = 0;
    if (sums->count == 0) return (double)NAN;
    for (uint32_t t = 0; t < timesteps; t++) {
        below += sums->histogram[t];
        if (below >= rank) return t + 1.0;
    }
    return timesteps;
}

static void summarise_first(struct snn_result *r, const struct snnmodel_record *record,
                            struct sums *sums)
{
    for (uint64_t i = 0; i < record->count; i++) {
        const struct snnmodel_sample *s = &record->samples[i];
        if (s->done && s->first.decided) add(sums, &s->first, s->first.class_index == s->label);
    }
    const bool any = sums->count > 0;
    const double nan = (double)NAN, n = (double)sums->count;
    const struct snnmodel_cost mean = mean_cost(sums);
    r->first_spike.accuracy =
        record->labelled ? (double)sums->correct / (double)r->sample_count : nan;
    r->first_spike.count = sums->count;
    r->first_spike.steps_mean = any ? sums->steps / n : nan;
    r->first_spike.steps_p50 = quantile(sums, r->timesteps, 0.5);
    r->first_spike.steps_p95 = quantile(sums, r->timesteps, 0.95);
    r->first_spike.steps_histogram = sums->histogram;
    r->first_spike.synops_mean = any ? mean.synops : nan;
    r->first_spike.energy_uj = any ? snnmodel_energy_uj(record, &mean, sums->steps / n) : nan;
}

static struct snn_result_rule summarise_rule(const struct snnmodel_record *record, uint32_t index,
                                             struct sums *sums)
{
    uint64_t undecided = 0;
    for (uint64_t i = 0; i < record->count; i++) {
        const struct snnmodel_sample *s = &record->samples[i];
        const struct snnmodel_decision *d = &record->decisions[i * record->rule_count + index];
        if (!s->done) continue;
        add(sums, d, d->class_index == s->label);
        undecided += !d->decided;
    }
    const double n = (double)sums->count;
    const uint32_t timesteps = record->options->timesteps;
    const struct snnmodel_cost mean = mean_cost(sums);
    return (struct snn_result_rule){
        .rule = record->rules[index],
        .accuracy = record->labelled ? (double)sums->correct / n : (double)NAN,
        .steps_mean = sums->steps / n,
        .steps_p50 = quantile(sums, timesteps, 0.5),
        .steps_p95 = quantile(sums, timesteps, 0.95),
        .synops_mean = mean.synops,
        .energy_uj = snnmodel_energy_uj(record, &mean, sums->steps / n),
        .undecided = undecided,
    };
}

/* --- The front -------------------------------------------------------------------------------- */

/* Whether (accuracy, cost) a is nowhere worse than b and somewhere better. */
static bool beats(double accuracy_a, double cost_a, double accuracy_b, double cost_b)
{
    return accuracy_a >= accuracy_b && cost_a <= cost_b &&
           (accuracy_a > accuracy_b || cost_a < cost_b);
}

void snnmodel_decision_mark(struct snn_result_rule *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct snn_result_rule *row = &rows[i];
        const bool known = row->rule.kind != SNN_RULE_ORACLE && !isnan(row->accuracy);
        row->pareto_steps = known;
        row->pareto_synops = known;
        for (uint32_t k = 0; k < count && known; k++) {
            const struct snn_result_rule *other = &rows[k];
            if (other->rule.kind == SNN_RULE_ORACLE) continue;
            if (beats(other->accuracy, other->steps_mean, row->accuracy, row->steps_mean))
                row->pareto_steps = false;
            if (beats(other->accuracy, other->synops_mean, row->accuracy, row->synops_mean))
                row->pareto_synops = false;
        }
    }
}

const char *snnmodel_decision_front(const struct snn_result_rule *row)
{
    if (row->pareto_steps) return row->pareto_synops ? "both" : "steps";
    return row->pareto_synops ? "synops" : NULL;
}

/* --- All of it -------------------------------------------------------------------------------- */

static uint64_t *new_histogram(struct snn_result *r, struct snnbase_arena *arena,
                               struct snn_context *context)
{
    return snnbase_arena_alloc(arena, context, r->timesteps, sizeof(uint64_t));
}

/* The rules of the options each with a histogram of its own, those of the sweep by turns with one
 * that is not kept. */
static int summarise_rules(struct snn_result *r, struct snnbase_arena *arena,
                           struct snn_context *context, const struct snnmodel_record *record)
{
    const uint32_t kept = record->options->rule_count;
    struct snn_result_rule *rows =
        snnbase_arena_alloc(arena, context, record->rule_count, sizeof(*rows));
    struct sums sums = {.histogram = NULL};
    if (rows == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < record->rule_count; i++) {
        uint64_t *histogram = i <= kept ? new_histogram(r, arena, context) : sums.histogram;
        if (histogram == NULL) return SNN_ERR_NOMEM;
        memset(histogram, 0, r->timesteps * sizeof(*histogram));
        sums = (struct sums){.histogram = histogram};
        rows[i] = summarise_rule(record, i, &sums);
        if (i < kept) rows[i].steps_histogram = histogram;
    }
    r->rules = rows;
    r->rule_count = kept;
    r->sweep = rows + kept;
    r->sweep_count = record->rule_count - kept;
    snnmodel_decision_mark(rows + kept, r->sweep_count);
    return SNN_OK;
}

int snnmodel_decision_summarise(struct snn_result *result, struct snnbase_arena *arena,
                                struct snn_context *context, const struct snnmodel_record *record)
{
    const double nan = (double)NAN;
    if (result->until_decided && record->options->rule_count + record->options->sweep_count > 0) {
        result->first_spike.accuracy = nan;
        result->first_spike.steps_mean = nan;
        result->first_spike.steps_p50 = nan;
        result->first_spike.steps_p95 = nan;
        result->first_spike.synops_mean = nan;
        result->first_spike.energy_uj = nan;
    } else {
        struct sums sums = {.histogram = new_histogram(result, arena, context)};
        if (sums.histogram == NULL) return SNN_ERR_NOMEM;
        summarise_first(result, record, &sums);
    }
    return summarise_rules(result, arena, context, record);
}
