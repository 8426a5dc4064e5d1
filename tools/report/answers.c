/* What the net says of samples whose labels nobody knows: the answer of each where they are few,
 * how often each class was the answer where they are many. The same words on the terminal and on
 * the page; tables for other programs are in csv.c.
 */
#include "tools/report/answers.h"

#include <stdio.h>

enum { CLASSES_TOLD = 10, NO_CLASS = -1 };

static void put_rule(struct snnreport_text *out, const struct snn_result *r,
                     const struct snn_result_sample *sample)
{
    char rule[64];
    if (r->rule_count == 0 || sample->decision_steps == 0) return;
    snn_rule_format(&r->rules[0].rule, rule, sizeof(rule));
    snnreport_printf(out, ", by %s ", rule);
    if (sample->decision_prediction >= 0)
        snnreport_printf(out, "class %d", (int)sample->decision_prediction);
    else
        snnreport_put(out, "none");
    snnreport_printf(out, " after %u step%s", sample->decision_steps,
                     sample->decision_steps == 1 ? "" : "s");
}

void snnreport_answer(struct snnreport_text *out, const struct snn_result *r, uint64_t index)
{
    const struct snn_result_sample *sample = &r->samples[index];
    if (!sample->done) {
        snnreport_put(out, "not run");
        return;
    }
    if (sample->prediction >= 0)
        snnreport_printf(out, "class %d", (int)sample->prediction);
    else
        snnreport_put(out, "none");
    if (sample->silent) {
        const bool layer = sample->silent_layer < r->layer_count;
        snnreport_printf(out, ", silent from %s%.60s on", layer ? "layer " : "the ",
                         layer ? r->layers[sample->silent_layer].name : "input");
    }
    if (sample->first_steps > 0)
        snnreport_printf(out, ", first spike of class %d after %u step%s",
                         (int)sample->first_prediction, sample->first_steps,
                         sample->first_steps == 1 ? "" : "s");
    put_rule(out, r, sample);
}

/* How many samples got the class as answer; -1: those without an answer. */
static uint64_t count_of(const struct snn_result *r, int32_t class_index)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < r->sample_asked_count; i++)
        count += r->samples[i].done && r->samples[i].prediction == class_index;
    return count;
}

/* The class that comes next: the most frequent but for those that were told; class_count: none. */
static uint32_t next_class(const struct snn_result *r, const uint32_t *told, size_t told_count,
                           uint64_t *count_out)
{
    uint32_t best = r->class_count;
    *count_out = 0;
    for (uint32_t k = 0; k < r->class_count; k++) {
        bool known = false;
        for (size_t i = 0; i < told_count; i++)
            known = known || told[i] == k;
        const uint64_t count = known ? 0 : count_of(r, (int32_t)k);
        if (count <= *count_out) continue;
        best = k;
        *count_out = count;
    }
    return best;
}

void snnreport_answers(struct snnreport_text *out, const struct snn_result *r)
{
    uint32_t told[CLASSES_TOLD];
    const uint64_t none = count_of(r, NO_CLASS);
    uint64_t left = r->sample_count - none;
    size_t used = 0;
    while (left > 0 && used < CLASSES_TOLD) {
        uint64_t count;
        told[used] = next_class(r, told, used, &count);
        if (count == 0) break;
        snnreport_printf(out, used == 0 ? "class %u: %llu" : ", %u: %llu", told[used],
                         (unsigned long long)count);
        left -= count;
        used++;
    }
    if (left > 0) snnreport_printf(out, ", others: %llu", (unsigned long long)left);
    if (none > 0)
        snnreport_printf(out, used == 0 ? "none: %llu" : ", none: %llu", (unsigned long long)none);
}
