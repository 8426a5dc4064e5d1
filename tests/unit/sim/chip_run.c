/* The run of a chip program: what is counted for its cores and classes, in the result and in the
 * report, and the rules that a chip's readout cannot follow.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/run.h"
#include "snn/status.h"
#include "tests/unit/sketch.h"
#include "tests/unit/support.h"

static struct snn_context *context;
static struct snn_program *program;
static struct snn_target *target;
static struct snn_source *source;
static struct snn_result *result;
static struct snn_run_options options;

/* A microjoule an event in and out, a milliwatt at rest. */
static const struct snn_energy_profile energy = {
    .name = "events", .io_event_pj = 1e6, .static_mw = 1.0};

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
}

/* Two samples of two steps: 3 and 1 spikes of the one input, then 0 and 2. */
static void open_spikes(void)
{
    static const char head[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 1, 1, 1)}";
    static const unsigned char counts[] = {3, 1, 0, 2};
    char file[128 + sizeof(counts)];
    memset(file, ' ', sizeof(file));
    memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
    memcpy(file + 10, head, sizeof(head) - 1);
    file[127] = '\n';
    memcpy(file + 128, counts, sizeof(counts));
    require_ok(snn_source_open(&source, context, support_put("spikes.npy", file, sizeof(file)),
                               SNN_SOURCE_SPIKES, NULL));
}

/* A relay, and behind it two classes on two cores: one that repeats each spike, one that repeats
 * every other. */
static void make_program(void)
{
    static const int8_t relay[] = {100}, weak[] = {50};
    struct snn_program *sketch = sketch_begin(1, 1, 1);
    require_ok(snn_chip_load(&sketch->chip, context, "dynapcnn"));
    sketch->chip.event_us = 100.0;
    sketch->chip.cores[4].synops_per_s = 5e6;
    sketch_add((struct snn_core){.index = 0,
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = relay,
                                 .destination_count = 2,
                                 .destinations = {{4, 1, 0}, {7, 1, 0}}});
    sketch_add((struct snn_core){
        .index = 4, .layer = "out", .output = {1, 0, 0}, .kernel_size = 1, .weights = relay});
    sketch_add((struct snn_core){.index = 7,
                                 .layer = "out",
                                 .layer_index = 1,
                                 .feature_first = 1,
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = weak});
    require_ok(snn_program_create(&program, context, sketch));
}

static void begin(void)
{
    support_begin();
    context = support_context();
    open_spikes();
    make_program();
    require_ok(snn_target_open(&target, context, "chip:dynapcnn"));
    require_ok(snn_target_load_program(target, context, program));
    snn_run_options_init(&options);
    options.timesteps = 2;
    options.energy = &energy;
    options.chip = &program->chip;
    options.threads = 1;
}

static void end(void)
{
    snn_result_destroy(&result);
    snn_target_close(&target);
    snn_source_close(&source);
    snn_program_destroy(&program);
    support_end();
}

TestSuite(chip_run, .init = begin, .fini = end);

static int run(void)
{
    return snn_run(&result, context, target, snn_target_net(target), source, &options);
}

/* Sample 0 brings 4 events in 2 steps, sample 1 brings 2. */
static void check_layer(const struct snn_result_layer *layer, uint32_t core, double spikes)
{
    cr_expect_eq(layer->core, core);
    cr_expect_float_eq(layer->spikes_mean, spikes, 0.0);
    cr_expect_float_eq(layer->events_mean, 3.0, 0.0);
    cr_expect_eq(layer->events_max, 4u);
    cr_expect_eq(layer->synops_max, 4u);
    cr_expect_float_eq(layer->events_per_step_max, 2.0, 0.0);
    cr_expect_float_eq(layer->synops_per_step_max, 2.0, 0.0);
}

Test(chip_run, cores_are_the_layers_and_the_busiest_sample_is_kept)
{
    require_ok(run());
    cr_assert_eq(result->layer_count, 3u);
    check_layer(&result->layers[0], 0, 3.0);
    check_layer(&result->layers[1], 4, 3.0);
    check_layer(&result->layers[2], 7, 1.5);
    cr_expect_str_eq(result->semantics, "async");
    cr_expect_str_eq(result->target, "chip");
    cr_expect_str_eq(result->chip->name, "dynapcnn");
    cr_expect_neq(result->chip, &program->chip, "a copy, which outlives the program");
    cr_expect_eq(result->class_count, 2u);
    cr_expect_eq(result->predictions[0], 0);
}

/* Each event is an operation in three cores: 3 + 1 of them, then 0 + 2. No class comes to 5. */
Test(chip_run, samples_tell_their_own_steps_and_cost)
{
    const struct snn_rule rules[] = {{SNN_RULE_COUNT, 3.0, 0.0f}, {SNN_RULE_COUNT, 5.0, 0.0f}};
    options.rules = rules;
    options.rule_count = 2;
    require_ok(run());
    cr_assert_eq(result->sample_asked_count, 2u);
    const struct snn_result_sample *one = &result->samples[0], *two = &result->samples[1];
    cr_expect(one->done && !one->silent && two->done && !two->silent);
    cr_expect_eq(one->label, -1);
    cr_expect_eq(one->cnn_prediction, -1);
    cr_expect_eq(one->prediction, 0);
    cr_expect_eq(one->first_steps, 1u);
    cr_expect_eq(one->first_prediction, 0);
    cr_expect_eq(one->decision_steps, 1u);
    cr_expect_eq(one->decision_prediction, 0);
    cr_expect_float_eq(one->synops, 12.0, 0.0);
    cr_expect_float_eq(one->synops_until_decision, 9.0, 0.0);
    cr_expect_eq(two->first_steps, 2u);
    cr_expect_eq(two->decision_steps, 2u, "all of them, as it never decided");
    cr_expect_float_eq(two->synops_until_decision, 6.0, 0.0);
}

Test(chip_run, first_spike_is_unknown_where_rules_end_samples)
{
    const struct snn_rule rule = {SNN_RULE_COUNT, 3.0, 0.0f};
    options.rules = &rule;
    options.rule_count = 1;
    options.until_decided = true;
    require_ok(run());
    cr_expect_eq(result->samples[0].steps, 1u);
    cr_expect_eq(result->samples[0].first_steps, 0u);
    cr_expect_eq(result->samples[0].first_prediction, -1);
    cr_expect_eq(result->samples[1].steps, 2u);
}

/* In: 4 and 2 events. Out: 4 + 2 and 2 + 1, of both cores. Mean 7.5, and 2 ms of a milliwatt. */
Test(chip_run, energy_counts_the_events_of_all_classes_and_the_time)
{
    require_ok(run());
    cr_expect_float_eq(result->energy_uj_mean, 9.5, 1e-12);
}

/* The lower half never fires, the upper does: the layer does not fall silent. */
Test(chip_run, layer_on_two_cores_is_silent_where_both_are)
{
    static const int8_t nothing[] = {0, 0};
    static const int16_t above[] = {1};
    snn_target_close(&target);
    snn_program_destroy(&program);
    struct snn_program *sketch = sketch_begin(1, 1, 1);
    require_ok(snn_chip_load(&sketch->chip, context, "dynapcnn"));
    sketch->input_destination_count = 2;
    sketch->input_destinations[1] = (struct snn_destination){1, 1, 0};
    for (uint32_t i = 0; i < 2; i++)
        sketch_add((struct snn_core){.index = i,
                                     .layer = "halves",
                                     .feature_first = i,
                                     .input = {1, 1, 1},
                                     .output = {1, 0, 0},
                                     .kernel_size = 1,
                                     .weights = nothing,
                                     .threshold_high = 1,
                                     .destination_count = 1,
                                     .destinations = {{2, 1, i}}});
    sketch_core(1)->v_init = above; /* fires once, at the first event */
    sketch_add((struct snn_core){.index = 2,
                                 .layer = "out",
                                 .layer_index = 1,
                                 .input = {2, 1, 1},
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = nothing});
    require_ok(snn_program_create(&program, context, sketch));
    options.chip = &program->chip;
    require_ok(snn_target_open(&target, context, "chip:dynapcnn"));
    require_ok(snn_target_load_program(target, context, program));
    require_ok(run());
    cr_assert_eq(result->silent_count, 2u);
    cr_expect_float_eq(result->layers[0].spikes_mean, 0.0, 0.0);
    cr_expect_float_eq(result->layers[1].spikes_mean, 1.0, 0.0);
    cr_expect_eq(result->silent_layers[0], 2u, "the output alone is silent");
}

/* ---- The report ---- */

/* The text of a member behind `from`. */
static void expect_member(const char *from, const char *member)
{
    const char *at = strstr(from, member);
    cr_expect_not_null(at, "%s", member);
}

/* Core 4: 3 events in 2 steps of a millisecond are 1,500 a second, 4 are 2,000; each takes 100
 * us. */
Test(chip_run, report_tells_what_each_core_bears)
{
    char *text = NULL;
    require_ok(run());
    const struct snn_result *const results[] = {result};
    const struct snn_report report = {
        .tool = "test", .timesteps = 2, .dt_us = 1000.0, .results = results, .result_count = 1};
    require_ok(snn_report_format(&text, context, &report));
    expect_member(strstr(text, "\"chip\": {"), "\"name\": \"dynapcnn\"");
    expect_member(text, "\"event_us\": 100");
    const char *core = strstr(text, "\"index\": 4");
    cr_assert_not_null(core);
    expect_member(core, "\"events_per_s_mean\": 1500");
    expect_member(core, "\"events_per_s_max\": 2000");
    expect_member(core, "\"synops_per_s_mean\": 1500");
    expect_member(core, "\"synops_per_s_max\": 2000");
    expect_member(core, "\"synops_per_s_limit\": 5000000");
    expect_member(core, "\"busy_mean\": 0.15");
    expect_member(core, "\"busy_max\": 0.2");
    expect_member(strstr(text, "\"index\": 7"), "\"synops_per_s_limit\": null");
    snn_text_free(context, &text);
}

/* ---- Rules ---- */

static void refuse(const char *rule, const char *message, const char *hint)
{
    struct snn_rule parsed;
    require_ok(snn_rule_parse(&parsed, context, rule));
    options.sweep = &parsed;
    options.sweep_count = 1;
    cr_expect_eq(run(), SNN_ERR_INVALID, "%s", rule);
    cr_expect_str_eq(snn_context_message(context), message);
    cr_expect_str_eq(snn_context_hint(context), hint);
}

Test(chip_run, rules_about_potentials_are_refused)
{
    static const char *const hint =
        "take first, count:N or margin:M; --output-gain trades accuracy "
        "for an earlier first spike";
    refuse("membrane:1",
           "the rule membrane:1 needs the output's potentials; a chip's readout tells spikes only",
           hint);
    refuse("softmax:0.9",
           "the rule softmax:0.9 needs the output's potentials; a chip's readout tells spikes only",
           hint);
    refuse("entropy:0.5",
           "the rule entropy:0.5 needs the output's potentials; a chip's readout tells spikes only",
           hint);
}

Test(chip_run, rules_with_a_gain_are_refused)
{
    refuse("first@4",
           "the rule first@4 needs a second output with another threshold, which a chip has no "
           "core for",
           "give the output itself that gain (--output-gain 4)");
}

Test(chip_run, rules_about_spikes_decide)
{
    struct snn_rule rules[2];
    require_ok(snn_rule_parse(&rules[0], context, "count:2"));
    require_ok(snn_rule_parse(&rules[1], context, "margin:1"));
    options.rules = rules;
    options.rule_count = 2;
    options.count = 1;
    require_ok(run());
    cr_expect_eq(result->rules[0].undecided, 0u);
    cr_expect_float_eq(result->rules[0].steps_mean, 1.0, 0.0);
    cr_expect_float_eq(result->rules[1].steps_mean, 1.0, 0.0);
}
