/* Records of samples: bytes derived by hand, and whatever a stranger may send.
 */
#include "libsnn/model/outcome.h"

#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/model/support.h"

static struct snnbase_arena arena;
static struct snnmodel_outcome outcome, back;
static struct snnbase_buffer record;

static const struct snnmodel_layout spikes = {.sample_count = 10,
                                              .timesteps = 4,
                                              .class_count = 3,
                                              .population_count = 2,
                                              .synapse_count = 2,
                                              .rule_count = 1,
                                              .labelled = true};
static const struct snnmodel_layout frames = {
    .sample_count = 2, .class_count = 3, .labelled = true};

static void begin(void)
{
    support_begin();
    snnbase_arena_init(&arena, support_context());
}

static void end(void)
{
    snnbase_buffer_fini(support_context(), &record);
    snnbase_arena_fini(&arena);
    support_end();
}

TestSuite(outcome, .init = begin, .fini = end);

static void make(const struct snnmodel_layout *layout)
{
    struct snn_context *context = support_context();
    cr_assert_eq(snnmodel_outcome_init(&outcome, context, &arena, layout), SNN_OK);
    cr_assert_eq(snnmodel_outcome_init(&back, context, &arena, layout), SNN_OK);
}

/* The sample of docs/formats/checkpoint.md. */
static void fill(void)
{
    struct snnmodel_tally *t = &outcome.tally;
    outcome.sample = (struct snnmodel_sample){.done = true,
                                              .steps = 4,
                                              .label = 2,
                                              .prediction = 2,
                                              .cnn_prediction = 1,
                                              .first = {2, 0, true, {120.0, 3.0, 0.0}},
                                              .total = {300.0, 7.0, 0.0}};
    outcome.decisions[0] = (struct snnmodel_decision){3, 2, true, {200.5, 5.0, 0.0}};
    t->correct_by_step[2] = 1;
    t->correct_by_step[3] = 1;
    t->input_spikes = 4;
    t->population_spikes[0] = 9;
    t->population_spikes[1] = 130;
    t->synapse_spikes[0] = 4;
    t->synapse_spikes[1] = 9;
    t->synapse_operations[0] = 200;
    t->synapse_operations[1] = 100;
}

static const unsigned char page[] = {
    0x05, 0x00, 0x03, 0x03, 0x02, 0x04, 0xd8, 0x04, 0x0e, 0x00, 0x05, 0x01, 0xf0, 0x01,
    0x06, 0x00, 0x07, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x69, 0x40, 0x0a,
    0x00, 0x02, 0x02, 0x04, 0x09, 0x82, 0x01, 0x04, 0xc8, 0x01, 0x00, 0x09, 0x64, 0x00};

static void encode(const struct snnmodel_outcome *from, uint64_t at,
                   const struct snnmodel_layout *layout)
{
    record.size = 0;
    cr_assert_eq(snnmodel_outcome_encode(from, at, layout, support_context(), &record), SNN_OK);
}

static int decode(const struct snnmodel_layout *layout, const void *bytes, size_t size,
                  uint64_t *at)
{
    return snnmodel_outcome_decode(&back, at, layout, support_context(), bytes, size);
}

Test(outcome, bytes_are_those_of_the_page)
{
    make(&spikes);
    fill();
    encode(&outcome, 5, &spikes);
    cr_assert_eq(record.size, sizeof(page));
    cr_expect_arr_eq(record.data, page, sizeof(page));
    cr_expect_leq(record.size, snnmodel_outcome_size_max(&spikes));
}

Test(outcome, reading_gives_what_was_written)
{
    uint64_t at = 0;
    make(&spikes);
    fill();
    cr_assert_eq(decode(&spikes, page, sizeof(page), &at), SNN_OK);
    cr_expect_eq(at, 5u);
    cr_expect(back.sample.done && !back.sample.silent);
    cr_expect_eq(back.sample.label, 2);
    cr_expect_eq(back.sample.cnn_prediction, 1);
    cr_expect_float_eq(back.decisions[0].cost.synops, 200.5, 0.0);
    cr_expect(back.decisions[0].decided);
    cr_expect_arr_eq(back.tally.correct_by_step, outcome.tally.correct_by_step,
                     4 * sizeof(uint64_t));
    cr_expect_arr_eq(back.tally.synapse_operations, outcome.tally.synapse_operations,
                     2 * sizeof(uint64_t));
    encode(&back, at, &spikes);
    cr_expect_arr_eq(record.data, page, sizeof(page));
}

/* 100 MACs, class 1 for label 0, no CNN. */
Test(outcome, frame_is_its_classes_and_macs)
{
    static const unsigned char bytes[] = {0x01, 0x00, 0x01, 0x02, 0x00, 0x00,
                                          0x00, 0x00, 0xc8, 0x01, 0x00};
    uint64_t at = 0;
    make(&frames);
    outcome.sample = (struct snnmodel_sample){
        .label = 0, .prediction = 1, .cnn_prediction = -1, .total = {.macs = 100.0}};
    encode(&outcome, 1, &frames);
    cr_assert_eq(record.size, sizeof(bytes));
    cr_expect_arr_eq(record.data, bytes, sizeof(bytes));
    cr_assert_eq(decode(&frames, bytes, sizeof(bytes), &at), SNN_OK);
    cr_expect_eq(back.sample.prediction, 1);
    cr_expect_eq(back.sample.first.class_index, -1);
}

Test(outcome, silent_sample_names_its_layer_and_counts_follow)
{
    struct snnmodel_layout layout = spikes;
    uint64_t at = 0;
    layout.counts = true;
    make(&layout);
    fill();
    outcome.sample.silent = true;
    outcome.sample.silent_layer = 2;
    outcome.counts[11] = 4000000000u;
    outcome.population_counts[7] = 1;
    encode(&outcome, 0, &layout);
    cr_expect_eq(record.data[1], 3u);
    cr_expect_eq(record.data[6], 2u, "behind the steps");
    /* 12 counts, the last of 5 bytes, and 8 counts of layers. */
    cr_expect_eq(record.size, sizeof(page) + 1 + 11 + 5 + 8);
    cr_assert_eq(decode(&layout, record.data, record.size, &at), SNN_OK);
    cr_expect_eq(back.counts[11], 4000000000u);
    cr_expect_eq(back.population_counts[7], 1u);
    cr_expect_eq(back.sample.silent_layer, 2u);
    cr_expect_eq(decode(&spikes, record.data, record.size, &at), SNN_ERR_FORMAT,
                 "a run without counts has no such records");
}

Test(outcome, every_cut_is_refused)
{
    uint64_t at = 77;
    make(&spikes);
    for (size_t size = 0; size < sizeof(page); size++)
        cr_expect_eq(decode(&spikes, page, size, &at), SNN_ERR_FORMAT, "%zu bytes", size);
    cr_expect_eq(at, 77u, "nothing is given");
}

/* No two records of one outcome: what is taken in is written again as it came. */
Test(outcome, every_changed_byte_is_refused_or_means_another_outcome)
{
    unsigned char bytes[sizeof(page) + 1];
    unsigned taken = 0;
    make(&spikes);
    for (size_t i = 0; i <= sizeof(page); i++) {
        for (unsigned value = 0; value < 256; value++) {
            uint64_t at = 0;
            memcpy(bytes, page, sizeof(page));
            bytes[sizeof(page)] = 0;
            bytes[i] = (unsigned char)value;
            const size_t size = sizeof(page) + (i == sizeof(page));
            if (decode(&spikes, bytes, size, &at) != SNN_OK) continue;
            cr_expect_lt(at, spikes.sample_count);
            encode(&back, at, &spikes);
            cr_assert_eq(record.size, size, "byte %zu, %u", i, value);
            cr_assert_arr_eq(record.data, bytes, size, "byte %zu, %u", i, value);
            taken++;
        }
    }
    cr_expect_gt(taken, sizeof(page), "each byte as it is, and others");
}

static void expect_refused(size_t at, unsigned char value, const char *why)
{
    unsigned char bytes[sizeof(page)];
    uint64_t sample = 0;
    memcpy(bytes, page, sizeof(page));
    bytes[at] = value;
    cr_expect_eq(decode(&spikes, bytes, sizeof(page), &sample), SNN_ERR_FORMAT, "byte %zu", at);
    cr_expect_not_null(strstr(snn_context_message(support_context()), why), "byte %zu: %s", at,
                       snn_context_message(support_context()));
}

Test(outcome, refusals_name_the_byte_and_the_reason)
{
    make(&spikes);
    expect_refused(0, 10, "byte 0 of a sample's record: a number is out of its range");
    expect_refused(1, 2, "counts by step");
    expect_refused(2, 0, "byte 2 of a sample's record: a label, or none");
    expect_refused(3, 4, "byte 3");
    expect_refused(5, 0, "without a step");
    expect_refused(7, 0, "as short as it can be");
    expect_refused(10, 0, "a decision after no step");
    expect_refused(26, 0xff, "byte 18");
    expect_refused(30, 1, "byte 31");
    expect_refused(30, 0, "a change that is none");
}

static int encode_again(struct snn_context *context)
{
    struct snnbase_buffer out = {.data = NULL};
    int status = snnmodel_outcome_encode(&outcome, 5, &spikes, context, &out);
    snnbase_buffer_fini(context, &out);
    return status;
}

Test(outcome, failing_allocator_is_nomem)
{
    make(&spikes);
    fill();
    support_sweep(encode_again);
}
