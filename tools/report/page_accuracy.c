/* How well, and how early: the verdict in a sentence and in figures, accuracy after each step,
 * latency, and what the decision rules make of it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/report/answers.h"
#include "tools/report/page_parts.h"

/* ---- Verdict ---- */

/* Whether the CNN is better or worse by more than these samples may have it by chance. */
static void put_against_cnn(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    const struct snn_interval bounds = snn_wilson_interval(r->accuracy, r->sample_count);
    if (isnan(r->cnn_accuracy)) return;
    snnreport_put(pen->out, " The CNN itself has ");
    snnreport_value(pen, SNNREPORT_PERCENT, r->cnn_accuracy, "/cnn_accuracy");
    if (r->cnn_accuracy < bounds.low)
        snnreport_put(pen->out, ", clearly less");
    else if (r->cnn_accuracy > bounds.high)
        snnreport_put(pen->out, ", clearly more");
    else
        snnreport_put(pen->out, ", within that interval");
    snnreport_put(pen->out, "; both answer alike in ");
    snnreport_value(pen, SNNREPORT_PERCENT, r->cnn_agreement, "/cnn_agreement");
    snnreport_put(pen->out, " of the samples.");
}

/* Without labels the answers themselves: of one sample, or how often which. */
static void put_answer(const struct snnreport_pen *pen, uint64_t index)
{
    struct snnreport_text text = {.data = NULL};
    if (pen->r->sample_asked_count > SNNREPORT_ANSWERS_MAX)
        snnreport_answers(&text, pen->r);
    else
        snnreport_answer(&text, pen->r, index);
    if (text.data != NULL) snnreport_escaped(pen->out, text.data);
    pen->out->failed = pen->out->failed || text.failed;
    snnreport_text_fini(&text);
}

static void put_answers(const struct snnreport_pen *pen)
{
    const uint64_t count = pen->r->sample_asked_count;
    if (count == 1 || count > SNNREPORT_ANSWERS_MAX) {
        snnreport_put(pen->out,
                      count == 1 ? "<p>The answer: " : "<p>The answers, the most frequent first: ");
        put_answer(pen, 0);
        snnreport_put(pen->out, ".</p>\n");
        return;
    }
    snnreport_put(pen->out, "<p>The answers:</p>\n<ul>\n");
    for (uint64_t i = 0; i < count; i++) {
        snnreport_printf(
            pen->out, "<li>sample number %llu: ", (unsigned long long)(pen->r->sample_offset + i));
        put_answer(pen, i);
        snnreport_put(pen->out, "</li>\n");
    }
    snnreport_put(pen->out, "</ul>\n");
}

static void put_sentence(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    struct snnreport_text *out = pen->out;
    snnreport_put(out, "<p class=\"verdict\">");
    if (isnan(r->accuracy)) {
        snnreport_put(out, "The data has no labels: nobody can tell how accurate this is.");
        if (!isnan(r->cnn_agreement)) {
            snnreport_put(out, " The CNN answers alike in ");
            snnreport_value(pen, SNNREPORT_PERCENT, r->cnn_agreement, "/cnn_agreement");
            snnreport_put(out, " of the samples.");
        }
        snnreport_put(out, "</p>\n");
        put_answers(pen);
        return;
    }
    snnreport_put(out, "Right in <strong>");
    snnreport_value(pen, SNNREPORT_PERCENT, r->accuracy, "/accuracy");
    snnreport_put(out, "</strong> of ");
    snnreport_value(pen, SNNREPORT_COUNT, (double)r->sample_count, "/samples");
    snnreport_put(out, " samples");
    if (r->until_decided) {
        snnreport_put(out, ", each ended when it was decided, after ");
        snnreport_value(pen, SNNREPORT_MEAN, r->steps_mean, "/steps_mean");
        snnreport_put(out, " steps on average");
    } else if (snnreport_is_spiking(r)) {
        snnreport_printf(out,
                         " after <span class=\"n\" data-json=\"/options/timesteps\">%u</span> "
                         "step%s",
                         r->timesteps, r->timesteps == 1 ? "" : "s");
    }
    snnreport_put(out, " (");
    snnreport_interval(pen, r->accuracy, "/accuracy_interval");
    snnreport_put(out, " with 95&nbsp;% confidence).");
    put_against_cnn(pen);
    snnreport_put(out, "</p>\n");
}

static void open_tile(const struct snnreport_pen *pen, const char *term)
{
    snnreport_printf(pen->out, "<div><dt>%s</dt><dd>", term);
}

/* What stands below the figure of a tile. */
static void put_note(const struct snnreport_pen *pen)
{
    snnreport_put(pen->out, "<small>");
}

static void close_tile(const struct snnreport_pen *pen)
{
    snnreport_put(pen->out, "</small></dd></div>\n");
}

/* Until what a cost is counted: the first rule, or the first spike. */
static void put_until(const struct snnreport_pen *pen)
{
    char rule[64] = "the first spike";
    if (pen->r->rule_count > 0) snn_rule_format(&pen->r->rules[0].rule, rule, sizeof(rule));
    snnreport_put(pen->out, " until ");
    snnreport_escaped(pen->out, rule);
}

static void put_first_spike(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    open_tile(pen, "First spike");
    if (r->first_spike.steps_histogram == NULL) {
        snnreport_put(pen->out, "\xe2\x80\x93");
        put_note(pen);
        snnreport_put(pen->out, "not known: rules end the samples");
    } else if (r->first_spike.count == 0) {
        snnreport_put(pen->out, "none");
        put_note(pen);
    } else {
        snnreport_value(pen, SNNREPORT_MEAN, r->first_spike.steps_mean, "/first_spike/steps_mean");
        snnreport_put(pen->out, " steps");
        put_note(pen);
        if (!isnan(r->first_spike.accuracy)) {
            snnreport_value(pen, SNNREPORT_PERCENT, r->first_spike.accuracy,
                            "/first_spike/accuracy");
            snnreport_put(pen->out, " right; ");
        }
        snnreport_put(pen->out, "95&nbsp;% of them by step ");
        snnreport_value(pen, SNNREPORT_COUNT, r->first_spike.steps_p95, "/first_spike/steps_p95");
    }
    close_tile(pen);
}

static void put_costs(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    const bool spiking = snnreport_is_spiking(r);
    open_tile(pen, spiking ? "SynOps a sample" : "MACs a sample");
    if (spiking)
        snnreport_value(pen, SNNREPORT_SI, r->synops_mean, "/synops_mean");
    else
        snnreport_value(pen, SNNREPORT_SI, r->macs_mean, "/macs_mean");
    put_note(pen);
    if (spiking) {
        snnreport_value(pen, SNNREPORT_SI, r->synops_until_decision_mean,
                        "/synops_until_decision_mean");
        put_until(pen);
    }
    close_tile(pen);
    open_tile(pen, "Energy a sample");
    snnreport_value(pen, SNNREPORT_JOULE, r->energy_uj_mean, "/energy/uj_mean");
    put_note(pen);
    if (spiking) {
        snnreport_value(pen, SNNREPORT_JOULE, r->energy_uj_until_decision_mean,
                        "/energy/uj_until_decision_mean");
        put_until(pen);
    } else if (isnan(r->energy_uj_mean)) {
        snnreport_put(pen->out, "the profile has none for a MAC");
    }
    close_tile(pen);
}

void snnreport_page_verdict(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    put_sentence(pen);
    snnreport_put(pen->out, "<dl class=\"tiles\">\n");
    if (!isnan(r->accuracy)) {
        open_tile(pen, "Accuracy");
        snnreport_value(pen, SNNREPORT_PERCENT, r->accuracy, "/accuracy");
        put_note(pen);
        if (!isnan(r->balanced_accuracy)) {
            snnreport_value(pen, SNNREPORT_PERCENT, r->balanced_accuracy, "/balanced_accuracy");
            snnreport_put(pen->out, " as mean of the classes");
        }
        close_tile(pen);
    }
    if (snnreport_is_spiking(r)) put_first_spike(pen);
    put_costs(pen);
    if (snnreport_is_spiking(r)) {
        open_tile(pen, "Silent samples");
        snnreport_value(pen, SNNREPORT_COUNT, (double)r->silent_count, "/silent/count");
        put_note(pen);
        if (r->silent_count > 0 && !isnan(r->accuracy)) {
            snnreport_value(pen, SNNREPORT_PERCENT, r->accuracy_without_silent,
                            "/accuracy_without_silent");
            snnreport_put(pen->out, " right without them");
        }
        close_tile(pen);
    }
    snnreport_put(pen->out, "</dl>\n");
}

/* ---- Accuracy over time ---- */

/* Steps worth a row: 1, 2, 5, 10, 20, ... and the last. */
static uint32_t next_step(uint32_t step, uint32_t last)
{
    uint32_t decade = 1;
    if (step == 0) return 1;
    while (decade <= step / 10)
        decade *= 10;
    const uint32_t first = step / decade;
    const uint32_t next = first < 2 ? 2 * decade : first < 5 ? 5 * decade : 10 * decade;
    return step < last && next > last ? last : next;
}

static void put_step(const struct snnreport_pen *pen, uint32_t step)
{
    const double accuracy = pen->r->accuracy_by_step[step - 1];
    const struct snn_interval bounds = snn_wilson_interval(accuracy, pen->r->sample_count);
    char heading[16];
    (void)snprintf(heading, sizeof(heading), "%u", step);
    snnreport_row_open(pen, heading);
    snnreport_cell(pen, SNNREPORT_PERCENT, accuracy, "/accuracy_by_step/%u", step - 1);
    snnreport_put(pen->out, "<td>");
    snnreport_value(pen, SNNREPORT_POINTS, bounds.low, "/accuracy_by_step_low/%u", step - 1);
    snnreport_put(pen->out, " to ");
    snnreport_value(pen, SNNREPORT_PERCENT, bounds.high, "/accuracy_by_step_high/%u", step - 1);
    snnreport_put(pen->out, "</td>");
    snnreport_row_close(pen);
}

void snnreport_page_accuracy(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (!snnreport_is_spiking(r) || isnan(r->accuracy) || r->timesteps < 2) return;
    snnreport_heading(pen, "accuracy", "Accuracy over time");
    snnreport_put(pen->out, "<div class=\"pair\">\n");
    snnreport_draw_accuracy(pen);
    snnreport_table_open(pen, "Accuracy after a number of steps",
                         "<After step|Accuracy|95 % confidence");
    for (uint32_t step = 1; step <= r->timesteps; step = next_step(step, r->timesteps))
        put_step(pen, step);
    snnreport_table_close(pen);
    snnreport_put(pen->out, "</div>\n");
}

/* ---- Latency ---- */

void snnreport_page_latency(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (!snnreport_is_spiking(r)) return;
    const bool known = r->first_spike.steps_histogram != NULL;
    if (r->rule_count == 0 && !(known && r->first_spike.count > 0)) return;
    snnreport_heading(pen, "latency", "How early it decides");
    if (known && r->first_spike.count > 0) {
        snnreport_put(pen->out, "<p>The first output spike comes after ");
        snnreport_value(pen, SNNREPORT_MEAN, r->first_spike.steps_mean, "/first_spike/steps_mean");
        snnreport_put(pen->out, " steps on average, in half of the samples by step ");
        snnreport_value(pen, SNNREPORT_COUNT, r->first_spike.steps_p50, "/first_spike/steps_p50");
        snnreport_put(pen->out, ", in 95 % by step ");
        snnreport_value(pen, SNNREPORT_COUNT, r->first_spike.steps_p95, "/first_spike/steps_p95");
        snnreport_put(pen->out, ".</p>\n");
    }
    snnreport_draw_latency(pen);
}

/* ---- Rules ---- */

static void put_rule(const struct snnreport_pen *pen, const struct snn_result_rule *rule,
                     const char *list, uint32_t index)
{
    char text[64], row[32];
    snn_rule_format(&rule->rule, text, sizeof(text));
    (void)snprintf(row, sizeof(row), "/%s/%u", list, index);
    snnreport_row_open(pen, text);
    snnreport_accuracy_cell(pen, rule->accuracy, row);
    snnreport_cell(pen, SNNREPORT_MEAN, rule->steps_mean, "/%s/%u/steps_mean", list, index);
    snnreport_cell(pen, SNNREPORT_COUNT, rule->steps_p50, "/%s/%u/steps_p50", list, index);
    snnreport_cell(pen, SNNREPORT_COUNT, rule->steps_p95, "/%s/%u/steps_p95", list, index);
    snnreport_cell(pen, SNNREPORT_SI, rule->synops_mean, "/%s/%u/synops_mean", list, index);
    snnreport_cell(pen, SNNREPORT_JOULE, rule->energy_uj, "/%s/%u/energy_uj", list, index);
    snnreport_cell(pen, SNNREPORT_COUNT, (double)rule->undecided, "/%s/%u/undecided", list, index);
}

static const char columns[] = "<Rule|" SNNREPORT_ACCURACY "|Steps|Median|95&nbsp;% by|SynOps|"
                              "Energy|Undecided";

/* The next row of the fronts by steps, then by place; the count after the last. */
static uint32_t next_row(const struct snn_result *r, uint32_t last)
{
    uint32_t best = r->sweep_count;
    for (uint32_t i = 0; i < r->sweep_count; i++) {
        const struct snn_result_rule *row = &r->sweep[i];
        if (!row->pareto_steps && !row->pareto_synops) continue;
        if (last < r->sweep_count) {
            const double before = r->sweep[last].steps_mean;
            if (row->steps_mean < before || (row->steps_mean <= before && i <= last)) continue;
        }
        if (best == r->sweep_count || row->steps_mean < r->sweep[best].steps_mean) best = i;
    }
    return best;
}

static void put_sweep(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (r->sweep_count == 0) return;
    snnreport_put(pen->out, "<p>Many rules were tried on the same run. No other is as accurate in "
                            "as few steps, or with as few SynOps, as those of the front. Of rows "
                            "that are nearly alike the table has the cheapest: each has a tenth "
                            "fewer errors than the one before, or is the last. The oracle, which "
                            "knows the label, is a bound.</p>\n");
    snnreport_table_open(pen, "From the Pareto front of the sweep", columns);
    double errors = 2.0; /* of the row before: more than there can be */
    for (uint32_t i = next_row(r, r->sweep_count); i < r->sweep_count;) {
        const uint32_t next = next_row(r, i);
        const double own = 1.0 - r->sweep[i].accuracy;
        if (next == r->sweep_count || own <= 0.9 * errors) {
            put_rule(pen, &r->sweep[i], "sweep", i);
            snnreport_row_close(pen);
            errors = own;
        }
        i = next;
    }
    for (uint32_t i = 0; i < r->sweep_count; i++) {
        if (r->sweep[i].rule.kind != SNN_RULE_ORACLE) continue;
        put_rule(pen, &r->sweep[i], "sweep", i);
        snnreport_row_close(pen);
    }
    snnreport_table_close(pen);
}

void snnreport_page_rules(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (r->rule_count + r->sweep_count == 0) return;
    snnreport_heading(pen, "rules", "What deciding early costs");
    if (r->rule_count > 0)
        snnreport_table_open(pen,
                             "Decision rules: means are over all samples, SynOps and energy "
                             "until the decision",
                             columns);
    for (uint32_t i = 0; i < r->rule_count; i++) {
        put_rule(pen, &r->rules[i], "rules", i);
        snnreport_row_close(pen);
    }
    if (r->rule_count > 0) snnreport_table_close(pen);
    snnreport_draw_prices(pen);
    put_sweep(pen);
}
