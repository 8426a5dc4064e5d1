/* Runs in parts: records in any order and from anywhere give the result of the run in one piece.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/run/fixture.h"

TestSuite(partial, .init = fixture_begin, .fini = fixture_end);

/* The run with this partial says what the run in one piece does. */
static void expect_whole(struct snn_partial *partial, const char *whole)
{
    fixture.options.partial = partial;
    char *text = fixture_run();
    fixture.options.partial = NULL;
    cr_expect_str_eq(text, whole);
    fixture_free(&text);
}

static void add(struct snn_partial *partial, const struct fixture_records *records, unsigned i)
{
    fixture_ok(snn_partial_add(partial, fixture.context, records->bytes[i], records->size[i]));
}

Test(partial, every_part_of_the_records_gives_the_same_result)
{
    struct fixture_records records;
    char *whole = fixture_run();
    fixture_record(&records);
    for (unsigned parts = 0; parts < 1u << FIXTURE_SAMPLES; parts += 321) {
        struct snn_partial *partial = fixture_partial();
        unsigned there = 0;
        for (unsigned i = FIXTURE_SAMPLES; i-- > 0;) {
            if ((parts >> i & 1) == 0) continue;
            add(partial, &records, i);
            there++;
        }
        cr_expect_eq(snn_partial_done(partial), there);
        fixture.options.threads = 1 + parts % 3;
        expect_whole(partial, whole);
        cr_expect_eq(snn_partial_done(partial), FIXTURE_SAMPLES);
        snn_partial_destroy(&partial);
    }
    fixture_forget(&records);
    fixture_free(&whole);
}

Test(partial, record_that_is_there_changes_nothing)
{
    struct fixture_records records, heard = {.count = 0};
    char *whole = fixture_run();
    fixture_record(&records);
    struct snn_partial *partial = fixture_partial();
    snn_partial_watch(partial, fixture_keep, &heard);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < FIXTURE_SAMPLES; i++)
            add(partial, &records, i);
    }
    cr_expect_eq(heard.count, FIXTURE_SAMPLES, "each was told once");
    for (unsigned i = 0; i < heard.count; i++) {
        cr_assert_eq(heard.size[i], records.size[i]);
        cr_expect_arr_eq(heard.bytes[i], records.bytes[i], heard.size[i]);
    }
    expect_whole(partial, whole);
    snn_partial_destroy(&partial);
    fixture_forget(&heard);
    fixture_forget(&records);
    fixture_free(&whole);
}

/* Blocks of 3 from the end on, one of them twice, one behind the end. */
static bool claim(uint64_t *first_out, uint64_t *count_out, void *user)
{
    static const uint64_t blocks[][2] = {{9, 3}, {6, 3}, {6, 3}, {3, 0}, {40, 2}, {3, 30}};
    unsigned *next = user;
    if (*next == sizeof(blocks) / sizeof(blocks[0])) return false;
    *first_out = blocks[*next][0];
    *count_out = blocks[*next][1];
    ++*next;
    return true;
}

Test(partial, only_claimed_samples_are_run)
{
    unsigned next = 0;
    struct snn_partial *partial = fixture_partial();
    struct snn_result *result = NULL;
    fixture.options.partial = partial;
    fixture.options.claim = claim;
    fixture.options.claim_user = &next;
    fixture.options.threads = 2;
    fixture_ok(snn_run(&result, fixture.context, fixture.target, snn_target_net(fixture.target),
                       fixture.source, &fixture.options));
    cr_expect_eq(result->sample_count, 9u);
    cr_expect_eq(result->complete, false);
    for (uint64_t i = 0; i < FIXTURE_SAMPLES; i++) {
        cr_expect_eq(snn_partial_has(partial, i), i >= 3, "sample %d", (int)i);
        cr_expect_eq(result->samples[i].done, i >= 3);
    }
    cr_expect_eq(snn_partial_has(partial, FIXTURE_SAMPLES), false);
    snn_result_destroy(&result);
    snn_partial_destroy(&partial);
}

static void expect_other(struct snn_run_options changed, const char *said)
{
    struct snn_partial *partial = fixture_partial();
    struct snn_result *result = NULL;
    changed.partial = partial;
    int status = snn_run(&result, fixture.context, fixture.target, snn_target_net(fixture.target),
                         fixture.source, &changed);
    cr_expect_eq(status, SNN_ERR_INVALID);
    cr_expect_not_null(strstr(snn_context_message(fixture.context), said), "%s",
                       snn_context_message(fixture.context));
    snn_partial_destroy(&partial);
}

Test(partial, run_with_other_options_is_refused_by_name)
{
    struct snn_run_options changed = fixture.options;
    changed.timesteps = 3;
    expect_other(changed, "timesteps 4 there, 3 here");
    changed = fixture.options;
    changed.rule_count = 1;
    expect_other(changed, "rules count:3,first there, count:3 here");
    changed = fixture.options;
    changed.offset = 2;
    changed.count = 4;
    expect_other(changed, "offset 0 there, 2 here; samples 12 there, 4 here");
}

Test(partial, fingerprints_tell_runs_apart_by_what_decides_outcomes)
{
    unsigned char one[SNN_FINGERPRINT_SIZE], other[SNN_FINGERPRINT_SIZE];
    struct snn_partial *partial = fixture_partial();
    snn_partial_fingerprint(partial, one);
    snn_partial_destroy(&partial);
    fixture.options.threads = 7;
    partial = fixture_partial();
    snn_partial_fingerprint(partial, other);
    snn_partial_destroy(&partial);
    cr_expect_arr_eq(one, other, SNN_FINGERPRINT_SIZE);
    fixture.options.seed = 7;
    partial = fixture_partial();
    snn_partial_fingerprint(partial, other);
    snn_partial_destroy(&partial);
    cr_expect_arr_neq(one, other, SNN_FINGERPRINT_SIZE);
}

static int refuse(struct snn_context *context, const void *record, size_t size, void *user)
{
    (void)record, (void)size, (void)user;
    return snn_context_fail(context, SNN_ERR_IO, "nobody is there");
}

Test(partial, watcher_ends_the_run_with_its_message)
{
    struct snn_partial *partial = fixture_partial();
    struct snn_result *result = NULL;
    snn_partial_watch(partial, refuse, NULL);
    fixture.options.partial = partial;
    cr_expect_eq(snn_run(&result, fixture.context, fixture.target, snn_target_net(fixture.target),
                         fixture.source, &fixture.options),
                 SNN_ERR_IO);
    cr_expect_str_eq(snn_context_message(fixture.context), "nobody is there");
    snn_partial_destroy(&partial);
}

Test(partial, what_the_watcher_does_not_take_is_as_before)
{
    struct fixture_records records;
    char *whole = fixture_run();
    fixture_record(&records);
    struct snn_partial *partial = fixture_partial();
    add(partial, &records, 3);
    snn_partial_watch(partial, refuse, NULL);
    cr_expect_eq(snn_partial_add(partial, fixture.context, records.bytes[4], records.size[4]),
                 SNN_ERR_IO);
    cr_expect_eq(snn_partial_done(partial), 1u);
    cr_expect_eq(snn_partial_has(partial, 4), false);
    snn_partial_watch(partial, NULL, NULL);
    add(partial, &records, 4);
    cr_expect_eq(snn_partial_done(partial), 2u);
    expect_whole(partial, whole);
    snn_partial_destroy(&partial);
    fixture_forget(&records);
    fixture_free(&whole);
}

Test(partial, differences_stay_within_the_room_for_them)
{
    char text[16];
    for (size_t size = 0; size < sizeof(text); size++) {
        memset(text, '?', sizeof(text));
        snn_partial_compare("seed=1\n", "seed=2\n", text, size);
        cr_expect(size == 0 || strlen(text) == size - 1, "%d bytes", (int)size);
        for (size_t i = size; i < sizeof(text); i++)
            cr_expect_eq(text[i], '?', "byte %d of %d", (int)i, (int)size);
    }
}

/* --- Counts ----------------------------------------------------------------------------------- */

struct rows {
    uint32_t counts[FIXTURE_SAMPLES][FIXTURE_STEPS][2];
    uint64_t populations[FIXTURE_SAMPLES][FIXTURE_STEPS][3];
    unsigned told[FIXTURE_SAMPLES];
};

static int keep_rows(const struct snn_sample_record *record, void *user)
{
    struct rows *rows = user;
    cr_assert_eq(record->class_count, 2u);
    cr_assert_eq(record->population_count, 3u);
    memcpy(rows->counts[record->index], record->counts, sizeof(rows->counts[0]));
    memcpy(rows->populations[record->index], record->population_spikes,
           sizeof(rows->populations[0]));
    rows->told[record->index]++;
    return SNN_OK;
}

Test(partial, counts_of_samples_from_elsewhere_reach_the_callback_once)
{
    static struct rows whole, parts;
    struct fixture_records records;
    fixture.options.sample = keep_rows;
    fixture.options.user = &whole;
    fixture_record(&records);
    struct snn_partial *partial = fixture_partial();
    for (unsigned i = 1; i < FIXTURE_SAMPLES; i += 2)
        add(partial, &records, i);
    fixture.options.user = &parts;
    fixture.options.partial = partial;
    char *text = fixture_run();
    fixture_free(&text);
    fixture.options.partial = NULL;
    for (unsigned i = 0; i < FIXTURE_SAMPLES; i++)
        cr_expect_eq(parts.told[i], 1u, "sample %u", i);
    cr_expect_arr_eq(&parts, &whole, sizeof(whole));
    snn_partial_destroy(&partial);
    fixture_forget(&records);
}
