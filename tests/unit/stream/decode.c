/* Decoding: predictions, ties, first spikes and decision rules on outputs written by hand. */
#include "libsnn/stream/decode.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "snn/status.h"

static struct snn_context *context;
static const float scale[] = {10.0f, 10.0f, 10.0f};
static const struct snn_population population = {
    .name = "out", .shape = {3, 1, 1}, .threshold = 1.0f, .activation_scale = scale};
static struct snn_readout readouts[] = {
    {.gain = 1.0f, .threshold = 1.0f, .v_init = 0.5f, .v_min = -1.0f, .spikes_max = 1},
    {.gain = 4.0f, .threshold = 4.0f, .v_init = 2.0f, .v_min = -4.0f, .spikes_max = 1}};
static const struct snn_net net = {.populations = &population,
                                   .population_count = 1,
                                   .class_count = 3,
                                   .readouts = readouts,
                                   .readout_count = 2};

static void begin(void)
{
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
}

static void end(void)
{
    snn_context_destroy(&context);
}

TestSuite(decode, .init = begin, .fini = end);

/* Two readouts of three classes in one step. */
struct step {
    uint32_t spikes[6];
    float potential[6];
};

static struct snnstream_decoder *decode(const char *const *texts, uint32_t rule_count,
                                        struct snn_rule *rules, const struct step *steps,
                                        uint32_t count, struct snnstream_outcome *out)
{
    struct snnstream_decoder *decoder = NULL;
    const struct snnmodel_cost cost = {100.0, 1.0, 0.0};
    for (uint32_t i = 0; i < rule_count; i++)
        cr_assert_eq(snn_rule_parse(&rules[i], context, texts[i]), SNN_OK);
    cr_assert_eq(snnstream_decoder_create(&decoder, context, &net, rules, rule_count, count),
                 SNN_OK);
    for (uint32_t t = 0; t < count; t++)
        snnstream_decoder_step(decoder, steps[t].spikes, steps[t].potential, &cost);
    snnstream_decoder_end(decoder, out);
    return decoder;
}

Test(decode, prediction_follows_the_counts_and_ties_go_to_the_potential)
{
    const struct step steps[] = {
        {{0, 0, 0, 0, 0, 0}, {0.9f, 0.1f, 0.2f, 0, 0, 0}},  /* nobody yet: no prediction */
        {{0, 1, 1, 0, 0, 0}, {0.9f, 0.1f, 0.2f, 0, 0, 0}},  /* 1 and 2 tie: 2 has more left */
        {{0, 0, 0, 0, 0, 0}, {0.9f, 0.3f, 0.3f, 0, 0, 0}},  /* equal potentials: lowest index */
        {{3, 0, 0, 0, 0, 0}, {-1.0f, 0.3f, 0.3f, 0, 0, 0}}, /* 0 has most spikes */
    };
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(NULL, 0, NULL, steps, 4, &outcome);
    const int32_t expected[] = {SNN_NO_CLASS, 2, 1, 0};
    cr_assert_arr_eq(outcome.prediction, expected, sizeof(expected));
    cr_assert_eq(outcome.first.steps, 2u);
    cr_assert_eq(outcome.first.class_index, 2);
    cr_assert_float_eq(outcome.first.cost.synops, 200.0, 0.0);
    cr_assert_float_eq(outcome.total.synops, 400.0, 0.0);
    cr_assert(!outcome.silent);
    snnstream_decoder_destroy(&decoder);
}

Test(decode, sample_without_output_spike_is_silent)
{
    const struct step steps[] = {{{0, 0, 0, 0, 0, 0}, {0.9f, 0.1f, 0.2f, 0, 0, 0}}};
    const char *const texts[] = {"first"};
    struct snn_rule rules[1];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 1, rules, steps, 1, &outcome);
    cr_assert(outcome.silent);
    cr_assert_eq(outcome.prediction[0], SNN_NO_CLASS);
    cr_assert(!outcome.rules[0].decided);
    cr_assert_eq(outcome.rules[0].steps, 1u);
    cr_assert_eq(outcome.rules[0].class_index, SNN_NO_CLASS);
    snnstream_decoder_destroy(&decoder);
}

Test(decode, count_and_margin_decide_at_their_step)
{
    const struct step steps[] = {
        {{1, 1, 0, 0, 0, 0}, {0}}, {{1, 1, 0, 0, 0, 0}, {0}}, {{1, 0, 0, 0, 0, 0}, {0}},
        {{1, 0, 0, 0, 0, 0}, {0}}, {{0, 0, 0, 0, 0, 0}, {0}},
    };
    const char *const texts[] = {"count:3", "margin:2", "margin:3"};
    struct snn_rule rules[3];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 3, rules, steps, 5, &outcome);
    cr_assert_eq(outcome.rules[0].steps, 3u);
    cr_assert_eq(outcome.rules[1].steps, 4u);
    cr_assert_eq(outcome.rules[1].class_index, 0);
    cr_assert(!outcome.rules[2].decided);
    cr_assert_eq(outcome.rules[2].steps, 5u);
    snnstream_decoder_destroy(&decoder);
}

Test(decode, rule_with_a_gain_reads_its_own_readout)
{
    const struct step steps[] = {
        {{1, 0, 0, 0, 0, 0}, {0}},
        {{0, 0, 0, 0, 0, 1}, {0}},
    };
    const char *const texts[] = {"first@4", "first"};
    struct snn_rule rules[2];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 2, rules, steps, 2, &outcome);
    cr_assert_eq(outcome.rules[0].steps, 2u);
    cr_assert_eq(outcome.rules[0].class_index, 2);
    cr_assert_eq(outcome.rules[1].steps, 1u);
    cr_assert_eq(outcome.rules[1].class_index, 0);
    snnstream_decoder_destroy(&decoder);
}

Test(decode, membrane_and_softmax_see_what_was_integrated)
{
    /* Integrated: spikes + potential - 1/2. Step 1: .3 .1 0; step 2: 1.4 .1 0.
     * Logits are ten times that: softmax of 3 1 0 is .8438, of 14 1 0 about 1 - 3e-6. */
    const struct step steps[] = {
        {{0, 0, 0, 0, 0, 0}, {0.8f, 0.6f, 0.5f, 0, 0, 0}},
        {{1, 0, 0, 0, 0, 0}, {0.9f, 0.6f, 0.5f, 0, 0, 0}},
    };
    const char *const texts[] = {"membrane:1.2", "membrane:1.4", "softmax:0.84", "softmax:0.85"};
    struct snn_rule rules[4];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 4, rules, steps, 2, &outcome);
    cr_assert_eq(outcome.rules[0].steps, 2u);
    cr_assert(outcome.rules[0].decided);
    cr_assert(!outcome.rules[1].decided);
    cr_assert_eq(outcome.rules[2].steps, 1u);
    cr_assert_eq(outcome.rules[2].class_index, 0);
    cr_assert_eq(outcome.rules[3].steps, 2u);
    snnstream_decoder_destroy(&decoder);
}

Test(decode, gain_without_a_readout_is_refused)
{
    struct snnstream_decoder *decoder = NULL;
    struct snn_rule rule;
    cr_assert_eq(snn_rule_parse(&rule, context, "first@3"), SNN_OK);
    cr_assert_eq(snnstream_decoder_create(&decoder, context, &net, &rule, 1, 1), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(context),
                     "the net was lowered without a readout of gain 3");
}

Test(decode, rule_on_spikes_of_a_membrane_readout_is_refused)
{
    struct snnstream_decoder *decoder = NULL;
    struct snn_rule rule;
    struct snn_readout silent = readouts[0];
    struct snn_net membrane = net;
    silent.threshold = FLT_MAX;
    membrane.readouts = &silent;
    membrane.readout_count = 1;
    cr_assert_eq(snn_rule_parse(&rule, context, "first"), SNN_OK);
    cr_assert_eq(snnstream_decoder_create(&decoder, context, &membrane, &rule, 1, 1),
                 SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_hint(context), "give the rule a readout of its own: first@1");
}

Test(rule, text_survives_the_way_there_and_back, .init = begin, .fini = end)
{
    static const char *const texts[] = {"first",        "first@4",      "count:3",
                                        "margin:2@0.5", "membrane:1.5", "softmax:0.95"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct snn_rule rule;
        char text[64];
        cr_assert_eq(snn_rule_parse(&rule, context, texts[i]), SNN_OK, "%s", texts[i]);
        snn_rule_format(&rule, text, sizeof(text));
        cr_assert_str_eq(text, texts[i]);
    }
}

Test(rule, nonsense_is_refused_in_words, .init = begin, .fini = end)
{
    static const char *const texts[] = {"",          "firs",        "first:2",   "count",
                                        "count:0",   "count:1.5",   "softmax:2", "first@0",
                                        "first@nan", "margin:1e99", "first@-1",  "membrane:x"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct snn_rule rule = {SNN_RULE_COUNT, 7, 7};
        cr_assert_eq(snn_rule_parse(&rule, context, texts[i]), SNN_ERR_INVALID, "%s", texts[i]);
        cr_assert_not_null(strstr(snn_context_message(context), texts[i]));
        cr_assert_eq(rule.kind, SNN_RULE_COUNT);
    }
}
