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

static struct snnstream_decoder *decode_labelled(const char *const *texts, uint32_t rule_count,
                                                 struct snn_rule *rules, const struct step *steps,
                                                 uint32_t count, int32_t label,
                                                 struct snnstream_outcome *out)
{
    struct snnstream_decoder *decoder = NULL;
    const struct snnmodel_cost cost = {100.0, 1.0, 0.0};
    for (uint32_t i = 0; i < rule_count; i++)
        cr_assert_eq(snn_rule_parse(&rules[i], context, texts[i]), SNN_OK);
    cr_assert_eq(snnstream_decoder_create(&decoder, context, &net, rules, rule_count, count),
                 SNN_OK);
    snnstream_decoder_begin(decoder, label);
    for (uint32_t t = 0; t < count; t++)
        snnstream_decoder_step(decoder, steps[t].spikes, steps[t].potential, &cost);
    snnstream_decoder_end(decoder, out);
    return decoder;
}

static struct snnstream_decoder *decode(const char *const *texts, uint32_t rule_count,
                                        struct snn_rule *rules, const struct step *steps,
                                        uint32_t count, struct snnstream_outcome *out)
{
    return decode_labelled(texts, rule_count, rules, steps, count, SNN_NO_CLASS, out);
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

/* Logits 10 u, u = potential - 1/2. Step 1: 0 0 0, all alike: certainty 0. Step 2: 2 1 0, the
 * softmax is .66524 .24473 .09003, H = .27114 + .34447 + .21674 = .83236, of ln 3 = 1.09861:
 * certainty .24235. Step 3: 20 0 0: H is about 2 e^-20 x 21 = 8.7e-8. */
Test(decode, entropy_measures_how_certain_the_softmax_is)
{
    const struct step steps[] = {
        {{0}, {0.5f, 0.5f, 0.5f, 0, 0, 0}},
        {{0}, {0.7f, 0.6f, 0.5f, 0, 0, 0}},
        {{0}, {2.5f, 0.5f, 0.5f, 0, 0, 0}},
    };
    const char *const texts[] = {"entropy:0.2425", "entropy:0.2422", "entropy:1e-6",
                                 "entropy:0.9999999", "entropy:0.99999999"};
    const uint32_t expected[] = {3, 2, 2, 3, 3};
    struct snn_rule rules[5];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 5, rules, steps, 3, &outcome);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(outcome.rules[i].steps, expected[i], "%s", texts[i]);
        cr_assert_eq(outcome.rules[i].decided, i != 4, "%s", texts[i]);
        cr_assert_eq(outcome.rules[i].class_index, i != 4 ? 0 : SNN_NO_CLASS, "%s", texts[i]);
    }
    snnstream_decoder_destroy(&decoder);
}

/* Predictions after the steps: none, 1, 2, 0. */
static const struct step wandering[] = {
    {{0, 0, 0, 0, 0, 0}, {0}},
    {{0, 1, 0, 0, 0, 1}, {0}},
    {{0, 0, 2, 0, 0, 0}, {0}},
    {{3, 0, 0, 0, 0, 0}, {0}},
};

Test(decode, oracle_decides_when_the_prediction_is_first_right)
{
    const char *const texts[] = {"oracle", "oracle@4"};
    const struct {
        int32_t label;
        uint32_t steps[2];
        bool decided[2];
    } cases[] = {{1, {2, 4}, {true, false}}, /* right though it does not stay so */
                 {2, {3, 2}, {true, true}},
                 {0, {4, 4}, {true, false}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct snn_rule rules[2];
        struct snnstream_outcome outcome;
        struct snnstream_decoder *decoder =
            decode_labelled(texts, 2, rules, wandering, 4, cases[i].label, &outcome);
        for (int k = 0; k < 2; k++) {
            const struct snnmodel_decision *d = &outcome.rules[k];
            cr_assert_eq(d->steps, cases[i].steps[k], "label %d, %s", cases[i].label, texts[k]);
            cr_assert_eq(d->decided, cases[i].decided[k]);
            cr_assert_float_eq(d->cost.synops, 100.0 * cases[i].steps[k], 0.0);
            /* What it does not decide has the prediction at the end. */
            cr_assert_eq(d->class_index, d->decided ? cases[i].label : 0);
        }
        snnstream_decoder_destroy(&decoder);
    }
}

Test(decode, oracle_without_a_label_never_decides)
{
    const char *const texts[] = {"oracle"};
    struct snn_rule rules[1];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 1, rules, wandering, 4, &outcome);
    cr_assert(!outcome.rules[0].decided);
    snnstream_decoder_destroy(&decoder);
}

Test(decode, all_decides_with_the_last_step)
{
    const char *const texts[] = {"all", "all@4"};
    struct snn_rule rules[2];
    struct snnstream_outcome outcome;
    struct snnstream_decoder *decoder = decode(texts, 2, rules, wandering, 4, &outcome);
    cr_assert(outcome.rules[0].decided);
    cr_assert_eq(outcome.rules[0].steps, 4u);
    cr_assert_eq(outcome.rules[0].class_index, 0);
    cr_assert_eq(outcome.rules[1].class_index, 2);
    snnstream_decoder_destroy(&decoder);
}

/* Rules of a quantity are kept in ascending order whatever order they are given in. */
Test(decode, many_rules_decide_as_each_alone)
{
    const char *const texts[] = {"count:3",      "softmax:0.9", "first",       "count:1",
                                 "membrane:2.5", "margin:2",    "count:2",     "first@4",
                                 "softmax:0.5",  "margin:1",    "membrane:.5", "count:2@4"};
    enum { RULES = sizeof(texts) / sizeof(texts[0]) };
    struct snn_rule together[RULES], alone;
    struct snnstream_outcome all, one;
    struct snnstream_decoder *decoder = decode(texts, RULES, together, wandering, 4, &all);
    for (int i = 0; i < RULES; i++) {
        struct snnstream_decoder *single = decode(&texts[i], 1, &alone, wandering, 4, &one);
        cr_assert_eq(all.rules[i].steps, one.rules[0].steps, "%s", texts[i]);
        cr_assert_eq(all.rules[i].class_index, one.rules[0].class_index, "%s", texts[i]);
        cr_assert_eq(all.rules[i].decided, one.rules[0].decided, "%s", texts[i]);
        snnstream_decoder_destroy(&single);
    }
    snnstream_decoder_destroy(&decoder);
}

Test(decode, sample_is_decided_when_its_last_rule_is)
{
    const char *const texts[] = {"first", "count:2"};
    const struct snnmodel_cost cost = {100.0, 1.0, 0.0};
    struct snnstream_decoder *decoder = NULL;
    struct snnstream_outcome outcome;
    struct snn_rule rules[2];
    for (uint32_t i = 0; i < 2; i++)
        cr_assert_eq(snn_rule_parse(&rules[i], context, texts[i]), SNN_OK);
    for (uint32_t count = 0; count <= 2; count += 2) {
        /* Without a rule the first spike, in step 2; else count:2 in step 3. */
        const uint32_t expected = count == 0 ? 2 : 3;
        cr_assert_eq(snnstream_decoder_create(&decoder, context, &net, rules, count, 6), SNN_OK);
        for (uint32_t t = 0; t < expected; t++) {
            cr_assert(!snnstream_decoder_decided(decoder));
            snnstream_decoder_step(decoder, wandering[t].spikes, wandering[t].potential, &cost);
        }
        cr_assert(snnstream_decoder_decided(decoder));
        snnstream_decoder_end(decoder, &outcome);
        cr_assert_eq(outcome.steps, expected);
        cr_assert_not(outcome.silent);
        cr_assert_eq(outcome.prediction[1], 1);
        cr_assert_eq(outcome.prediction[expected - 1], count == 0 ? 1 : 2);
        for (uint32_t t = expected; t < 6; t++) /* what the first rule decided is kept */
            cr_assert_eq(outcome.prediction[t], 1);
        snnstream_decoder_destroy(&decoder);
    }
}

/* A chip's potentials are so many times as large: u / 20 in the place of u. */
Test(decode, whole_numbers_of_a_chip_stand_for_what_they_were)
{
    const struct snn_quantised quantised = {.scale = 20.0f};
    struct snn_population output = population;
    struct snn_readout readout = {
        .gain = 1.0f, .threshold = 20.0f, .v_init = 10.0f, .v_min = -20.0f, .spikes_max = 1};
    struct snn_net chip = net;
    const struct step step = {{0}, {14.0f, 12.0f, 10.0f, 0, 0, 0}}; /* logits 2 1 0 as above */
    const struct snnmodel_cost cost = {0, 0, 0};
    const char *const texts[] = {"softmax:0.665", "softmax:0.666", "membrane:0.09",
                                 "membrane:0.11"};
    struct snnstream_decoder *decoder = NULL;
    struct snnstream_outcome outcome;
    struct snn_rule rules[4];
    output.quantised = &quantised;
    chip.populations = &output;
    chip.readouts = &readout;
    chip.readout_count = 1;
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(snn_rule_parse(&rules[i], context, texts[i]), SNN_OK);
    cr_assert_eq(snnstream_decoder_create(&decoder, context, &chip, rules, 4, 1), SNN_OK);
    snnstream_decoder_step(decoder, step.spikes, step.potential, &cost);
    snnstream_decoder_end(decoder, &outcome);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(outcome.rules[i].decided, i % 2 == 0, "%s", texts[i]);
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
    static const char *const texts[] = {"first",         "first@4",      "count:3",
                                        "margin:2@0.5",  "membrane:1.5", "softmax:0.95",
                                        "entropy:0.9@2", "oracle",       "all@0.5"};
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
                                        "first@nan", "margin:1e99", "first@-1",  "membrane:x",
                                        "entropy:0", "entropy:1.1", "oracle:1",  "all:3"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct snn_rule rule = {SNN_RULE_COUNT, 7, 7};
        cr_assert_eq(snn_rule_parse(&rule, context, texts[i]), SNN_ERR_INVALID, "%s", texts[i]);
        cr_assert_not_null(strstr(snn_context_message(context), texts[i]));
        cr_assert_eq(rule.kind, SNN_RULE_COUNT);
    }
}
