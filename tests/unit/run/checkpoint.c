/* Checkpoints: what is in the file after a kill at any byte, and after damage anywhere.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snn/status.h"
#include "tests/unit/run/fixture.h"

TestSuite(checkpoint, .init = fixture_begin, .fini = fixture_end);

enum { FILE_MAX = 8192 };

static unsigned char whole[FILE_MAX];
static size_t whole_size;

static int open_one(struct snn_checkpoint **out, struct snn_partial *partial)
{
    struct snn_partial *const partials[] = {partial};
    return snn_checkpoint_open(out, fixture.context, support_path("run.ckpt"), partials, 1, 0.0);
}

/* Runs what is missing; the result as text, to be freed. */
static char *run_kept(uint64_t *found_out)
{
    struct snn_checkpoint *checkpoint = NULL;
    struct snn_partial *partial = fixture_partial();
    fixture_ok(open_one(&checkpoint, partial));
    *found_out = snn_partial_done(partial);
    fixture.options.partial = partial;
    char *text = fixture_run();
    fixture.options.partial = NULL;
    fixture_ok(snn_checkpoint_close(&checkpoint, fixture.context));
    snn_partial_destroy(&partial);
    return text;
}

/* A whole file; the result. */
static char *make_whole(void)
{
    uint64_t found = 77;
    char *text = run_kept(&found);
    cr_assert_eq(found, 0u);
    whole_size = support_get("run.ckpt", whole, sizeof(whole));
    cr_assert_lt(whole_size, FILE_MAX);
    return text;
}

static size_t number_at(size_t at)
{
    return whole[at] | (size_t)whole[at + 1] << 8 | (size_t)whole[at + 2] << 16;
}

Test(checkpoint, whole_records_are_found_wherever_the_file_is_cut)
{
    char *expected = make_whole();
    const size_t header = number_at(12);
    uint64_t records = 0;
    size_t next = header;
    for (size_t size = 0; size <= whole_size; size++) {
        uint64_t found = 77;
        if (size >= header && next < whole_size && size == next + 8 + number_at(next)) {
            records++;
            next = size;
        }
        (void)support_put("run.ckpt", whole, size);
        if (size > 40 && size < next && size % 16 != 0) continue; /* the header: some of its cuts */
        char *text = run_kept(&found);
        cr_assert_eq(found, records, "%zu bytes: %d of %d", size, (int)found, (int)records);
        cr_assert_str_eq(text, expected, "%zu bytes", size);
        fixture_free(&text);
    }
    cr_expect_eq(records, FIXTURE_SAMPLES);
    fixture_free(&expected);
}

/* Where each record begins, and at last where the file ends. */
static void find_records(size_t starts[FIXTURE_SAMPLES + 1])
{
    size_t at = number_at(12);
    for (unsigned i = 0; i < FIXTURE_SAMPLES; i++) {
        starts[i] = at;
        at += 8 + number_at(at);
    }
    starts[FIXTURE_SAMPLES] = at;
    cr_assert_eq(at, whole_size);
}

/* Opens a file of these bytes and goes on with it to the end. Returns what opening said. */
static int go_on(const unsigned char *bytes, size_t size, uint64_t *found_out, const char *expected)
{
    struct snn_checkpoint *checkpoint = NULL;
    struct snn_partial *partial = fixture_partial();
    (void)support_put("run.ckpt", bytes, size);
    int status = open_one(&checkpoint, partial);
    *found_out = snn_partial_done(partial);
    if (status == SNN_OK) {
        fixture.options.partial = partial;
        char *text = fixture_run();
        fixture.options.partial = NULL;
        cr_assert_str_eq(text, expected);
        fixture_free(&text);
    }
    fixture_ok(snn_checkpoint_close(&checkpoint, fixture.context));
    snn_partial_destroy(&partial);
    return status;
}

/* Whether there is a warning, which names the byte. */
static bool is_warned(size_t byte)
{
    char place[64];
    (void)snprintf(place, sizeof(place), "run.ckpt: byte %zu: ", byte);
    return strncmp(support_diagnostics(), "warning: ", 9) == 0 &&
           strstr(support_diagnostics(), place) != NULL;
}

Test(checkpoint, changed_byte_of_the_header_is_refused)
{
    unsigned char damaged[FILE_MAX], after[FILE_MAX];
    char *expected = make_whole();
    for (size_t i = 0; i < number_at(12); i++) {
        uint64_t found = 77;
        memcpy(damaged, whole, whole_size);
        damaged[i] ^= (unsigned char)(1u << i % 8);
        int status = go_on(damaged, whole_size, &found, expected);
        cr_expect(status == SNN_ERR_FORMAT || status == SNN_ERR_UNSUPPORTED, "byte %zu: %s", i,
                  snn_context_message(fixture.context));
        cr_assert_eq(support_get("run.ckpt", after, sizeof(after)), whole_size);
        cr_assert_arr_eq(after, damaged, whole_size);
    }
    fixture_free(&expected);
}

/* One bit anywhere: the record that it is in is lost, and said to be, the others are not. The last
 * one looks like one that was being written. */
Test(checkpoint, changed_bit_costs_its_record_alone)
{
    unsigned char damaged[FILE_MAX], after[FILE_MAX];
    size_t starts[FIXTURE_SAMPLES + 1];
    char *expected = make_whole();
    find_records(starts);
    unsigned record = 0;
    for (size_t i = starts[0]; i < whole_size; i++) {
        if (i == starts[record + 1]) record++;
        for (unsigned bit = (unsigned)(i % 3); bit < 8; bit += 3) {
            uint64_t found = 77;
            support_forget_diagnostics();
            memcpy(damaged, whole, whole_size);
            damaged[i] ^= (unsigned char)(1u << bit);
            cr_assert_eq(go_on(damaged, whole_size, &found, expected), SNN_OK, "byte %zu: %s", i,
                         snn_context_message(fixture.context));
            cr_assert_eq(found, FIXTURE_SAMPLES - 1, "byte %zu, bit %u: %d", i, bit, (int)found);
            if (record == FIXTURE_SAMPLES - 1) continue;
            cr_expect(is_warned(starts[record]), "byte %zu: %s", i, support_diagnostics());
            /* What is there stays, and the sample's new record comes behind it. */
            const size_t size = starts[record + 1] - starts[record];
            cr_assert_eq(support_get("run.ckpt", after, sizeof(after)), whole_size + size);
            cr_assert_arr_eq(after, damaged, whole_size);
            cr_assert_arr_eq(after + whole_size, whole + starts[record], size);
        }
    }
    fixture_free(&expected);
}

Test(checkpoint, damaged_stretches_cost_the_records_in_them)
{
    unsigned char damaged[FILE_MAX];
    size_t starts[FIXTURE_SAMPLES + 1];
    char *expected = make_whole();
    uint64_t found = 77;
    find_records(starts);
    /* From within the third to within the fifth, and one byte of the ninth. */
    for (unsigned value = 0; value < 256; value += 5) {
        support_forget_diagnostics();
        memcpy(damaged, whole, whole_size);
        memset(damaged + starts[2] + 3, (int)value, starts[4] + 5 - starts[2] - 3);
        damaged[starts[8] + 20] ^= 1;
        cr_assert_eq(go_on(damaged, whole_size, &found, expected), SNN_OK, "%s",
                     snn_context_message(fixture.context));
        cr_expect_eq(found, FIXTURE_SAMPLES - 4, "value %u: %d", value, (int)found);
        cr_expect(is_warned(starts[2]), "value %u: %s", value, support_diagnostics());
    }
    fixture_free(&expected);
}

Test(checkpoint, end_without_a_record_is_refused_where_it_is_longer_than_one)
{
    static unsigned char longer[4 * FILE_MAX];
    char *expected = make_whole();
    uint64_t found = 77;
    memcpy(longer, whole, whole_size);
    memset(longer + whole_size, 0xA5, sizeof(longer) - whole_size);
    support_forget_diagnostics();
    cr_expect_eq(go_on(longer, whole_size + 40, &found, expected), SNN_OK);
    cr_expect_eq(found, FIXTURE_SAMPLES);
    cr_expect(is_warned(whole_size), "%s", support_diagnostics());
    cr_expect_eq(go_on(longer, sizeof(longer), &found, expected), SNN_ERR_FORMAT);
    char place[32];
    (void)snprintf(place, sizeof(place), "byte %zu: ", whole_size);
    cr_expect_not_null(strstr(snn_context_message(fixture.context), place), "%s",
                       snn_context_message(fixture.context));
    fixture_free(&expected);
}

Test(checkpoint, whole_file_gives_the_result_without_a_sample_being_run)
{
    char *expected = make_whole();
    uint64_t found = 0;
    char *text = run_kept(&found);
    cr_expect_eq(found, FIXTURE_SAMPLES);
    cr_expect_str_eq(text, expected);
    cr_expect_eq(support_get("run.ckpt", whole, sizeof(whole)), whole_size);
    fixture_free(&text);
    fixture_free(&expected);
}

Test(checkpoint, runs_of_several_targets_share_a_file)
{
    struct snn_checkpoint *checkpoint = NULL;
    struct snn_partial *partials[] = {fixture_partial(), NULL};
    fixture.options.seed = 5;
    partials[1] = fixture_partial();
    fixture_ok(snn_checkpoint_open(&checkpoint, fixture.context, support_path("two.ckpt"), partials,
                                   2, 0.5));
    fixture.options.partial = partials[1];
    char *text = fixture_run();
    fixture_free(&text);
    fixture_ok(snn_checkpoint_close(&checkpoint, fixture.context));
    snn_partial_destroy(&partials[1]);
    fixture.options.partial = NULL;
    partials[1] = fixture_partial();
    fixture_ok(snn_checkpoint_open(&checkpoint, fixture.context, support_path("two.ckpt"), partials,
                                   2, 0.5));
    cr_expect_eq(snn_partial_done(partials[0]), 0u);
    cr_expect_eq(snn_partial_done(partials[1]), FIXTURE_SAMPLES);
    fixture_ok(snn_checkpoint_close(&checkpoint, fixture.context));
    struct snn_partial *const swapped[] = {partials[1], partials[0]};
    cr_expect_eq(snn_checkpoint_open(&checkpoint, fixture.context, support_path("two.ckpt"),
                                     swapped, 2, 0.0),
                 SNN_ERR_INVALID);
    cr_expect_not_null(strstr(snn_context_message(fixture.context), "seed 0 there, 5 here"), "%s",
                       snn_context_message(fixture.context));
    snn_partial_destroy(&partials[0]);
    snn_partial_destroy(&partials[1]);
}

Test(checkpoint, second_one_on_a_file_is_busy)
{
    struct snn_checkpoint *first = NULL, *second = NULL;
    struct snn_partial *one = fixture_partial(), *two = fixture_partial();
    fixture_ok(open_one(&first, one));
    cr_expect_eq(open_one(&second, two), SNN_ERR_BUSY);
    cr_expect_null(second);
    fixture_ok(snn_checkpoint_close(&first, fixture.context));
    fixture_ok(open_one(&second, two));
    fixture_ok(snn_checkpoint_close(&second, fixture.context));
    snn_partial_destroy(&one);
    snn_partial_destroy(&two);
}

Test(checkpoint, records_reach_the_file_while_it_is_open)
{
    struct fixture_records records;
    struct snn_checkpoint *checkpoint = NULL;
    fixture_record(&records);
    struct snn_partial *partial = fixture_partial();
    fixture_ok(open_one(&checkpoint, partial));
    const size_t header = support_get("run.ckpt", whole, sizeof(whole));
    for (unsigned i = 0; i < 3; i++)
        fixture_ok(snn_partial_add(partial, fixture.context, records.bytes[i], records.size[i]));
    const struct timespec a_while = {.tv_nsec = 10000000};
    const size_t expected = header + 3 * 10 + records.size[0] + records.size[1] + records.size[2];
    size_t size = 0;
    for (unsigned tries = 0; size < expected && tries < 3000; tries++) {
        (void)nanosleep(&a_while, NULL);
        size = support_get("run.ckpt", whole, sizeof(whole));
    }
    cr_expect_eq(size, expected);
    fixture_ok(snn_checkpoint_close(&checkpoint, fixture.context));
    snn_partial_destroy(&partial);
    fixture_forget(&records);
}

Test(checkpoint, what_cannot_be_is_refused)
{
    struct snn_checkpoint *checkpoint = NULL;
    struct snn_partial *partial = fixture_partial();
    struct snn_partial *const partials[] = {partial};
    cr_expect_eq(
        snn_checkpoint_open(&checkpoint, fixture.context, support_path("a"), partials, 0, 0.0),
        SNN_ERR_INVALID);
    cr_expect_eq(
        snn_checkpoint_open(&checkpoint, fixture.context, support_path("a"), partials, 1, -1.0),
        SNN_ERR_INVALID);
    cr_expect_eq(
        snn_checkpoint_open(&checkpoint, fixture.context, support_path("no/a"), partials, 1, 0.0),
        SNN_ERR_NOT_FOUND);
    cr_expect_eq(snn_checkpoint_open(&checkpoint, fixture.context, "/dev/null", partials, 1, 0.0),
                 SNN_ERR_INVALID);
    cr_expect_null(checkpoint);
    fixture_ok(snn_checkpoint_close(&checkpoint, fixture.context));
    snn_partial_destroy(&partial);
}
