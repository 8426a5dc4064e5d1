/* The answers of data without labels: of each sample, and how often each class was one.
 */
#include "tools/report/answers.h"

#include <criterion/criterion.h>

static struct snn_result_sample answered(int32_t prediction)
{
    return (struct snn_result_sample){.done = true, .label = -1, .prediction = prediction};
}

static void expect_answer(struct snn_result_sample sample, const char *expected)
{
    const struct snn_result_rule rule = {.rule = {.kind = SNN_RULE_MARGIN, .parameter = 3}};
    const struct snn_result_layer layer = {.name = "conv"};
    const struct snn_result r = {.samples = &sample,
                                 .sample_asked_count = 1,
                                 .sample_count = 1,
                                 .class_count = 10,
                                 .rules = &rule,
                                 .rule_count = 1,
                                 .layers = &layer,
                                 .layer_count = 1};
    struct snnreport_text text = {.data = NULL};
    snnreport_answer(&text, &r, 0);
    cr_assert_str_eq(text.data, expected);
    snnreport_text_fini(&text);
}

Test(answers, one_tells_class_first_spike_and_decision)
{
    struct snn_result_sample sample = answered(4);
    expect_answer(sample, "class 4");
    sample.first_steps = 13;
    sample.first_prediction = 5;
    expect_answer(sample, "class 4, first spike of class 5 after 13 steps");
    sample.first_steps = 1;
    sample.decision_steps = 20;
    sample.decision_prediction = 4;
    expect_answer(sample, "class 4, first spike of class 5 after 1 step, by margin:3 class 4 after "
                          "20 steps");
}

Test(answers, a_silent_sample_has_none)
{
    struct snn_result_sample sample = answered(-1);
    sample.silent = true;
    expect_answer(sample, "none, silent from layer conv on");
    sample.silent_layer = 1;
    expect_answer(sample, "none, silent from the input on");
    sample.done = false;
    expect_answer(sample, "not run");
}

static void expect_answers(const struct snn_result_sample *samples, uint64_t count,
                           const char *expected)
{
    struct snn_result r = {.samples = samples, .sample_asked_count = count, .class_count = 20};
    struct snnreport_text text = {.data = NULL};
    for (uint64_t i = 0; i < count; i++)
        r.sample_count += samples[i].done;
    snnreport_answers(&text, &r);
    cr_assert_str_eq(text.data, expected);
    snnreport_text_fini(&text);
}

Test(answers, of_many_the_most_frequent_come_first)
{
    struct snn_result_sample samples[32];
    for (int i = 0; i < 6; i++)
        samples[i] = answered((int32_t[]){3, 0, 3, -1, 7, 3}[i]);
    expect_answers(samples, 6, "class 3: 3, 0: 1, 7: 1, none: 1");
    samples[5].done = false;
    expect_answers(samples, 6, "class 3: 2, 0: 1, 7: 1, none: 1");
    expect_answers(samples + 3, 1, "none: 1");
}

Test(answers, of_many_classes_the_rare_ones_are_others)
{
    struct snn_result_sample samples[32];
    for (int i = 0; i < 12; i++)
        samples[i] = answered(i);
    expect_answers(samples, 12,
                   "class 0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1, others: 2");
}
