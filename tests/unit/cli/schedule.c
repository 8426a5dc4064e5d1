/* Who runs what: nothing is left out, nothing is run twice without need, nobody is waited for.
 *
 * Time is made up: ranks take their blocks when they are through with the last, sample by sample.
 */
#include "tools/cli/schedule.h"

#include <criterion/criterion.h>
#include <string.h>

#define TOTAL_MAX 4000
#define RANKS_MAX 4

/* The records that there are. */
struct records {
    bool there[TOTAL_MAX];
    uint64_t count;
};

static bool has(uint64_t sample, void *user)
{
    const struct records *records = user;
    cr_assert_lt(sample, TOTAL_MAX);
    return records->there[sample];
}

static uint64_t count_done(void *user)
{
    const struct records *records = user;
    return records->count;
}

static void add(struct records *records, uint64_t sample)
{
    records->count += !records->there[sample];
    records->there[sample] = true;
}

static struct snncli_schedule *create(struct records *records, uint64_t total, unsigned ranks)
{
    const struct snncli_schedule_run run = {total, ranks, has, count_done, records};
    struct snncli_schedule *schedule = NULL;
    cr_assert_eq(snncli_schedule_create(&schedule, &run, 0.0), 0);
    return schedule;
}

/* ---- Ranks at work ---- */

struct worker {
    double sample_s; /* it takes for one; 0: it is stopped */
    double free_s;   /* when it is through with the sample at hand */
    uint64_t at, end;
    uint64_t runs;
};

/* One event: the worker that is free first asks, or finishes a sample. False at the end. */
static bool step(struct snncli_schedule *schedule, struct records *records, struct worker *workers,
                 unsigned ranks, double *now_s)
{
    unsigned first = RANKS_MAX;
    for (unsigned i = 0; i < ranks; i++) {
        if (workers[i].sample_s <= 0.0 && workers[i].end > 0) continue;
        if (first == RANKS_MAX || workers[i].free_s < workers[first].free_s) first = i;
    }
    cr_assert_neq(first, RANKS_MAX);
    struct worker *w = &workers[first];
    *now_s = w->free_s;
    if (w->at < w->end) {
        add(records, w->at++);
        w->runs++;
    }
    if (w->at < w->end) {
        w->free_s += w->sample_s;
        return true;
    }
    uint64_t count = 0;
    switch (snncli_schedule_take(schedule, first, 1, *now_s, &w->at, &count)) {
    case SNNCLI_TURN_BLOCK:
        w->end = w->at + count;
        w->free_s += w->sample_s;
        return true;
    case SNNCLI_TURN_WAIT:
        w->free_s += 0.01;
        return true;
    default:
        return false;
    }
}

/* Until all is done; returns when. */
static double run(struct snncli_schedule *schedule, struct records *records, struct worker *workers,
                  unsigned ranks)
{
    double now_s = 0.0;
    for (int events = 0; step(schedule, records, workers, ranks, &now_s); events++)
        cr_assert_lt(events, 100 * TOTAL_MAX, "no end");
    return now_s;
}

static uint64_t sum_runs(const struct worker *workers, unsigned ranks)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ranks; i++)
        sum += workers[i].runs;
    return sum;
}

/* ---- Tests ---- */

Test(cli_schedule, ranks_of_one_speed_run_every_sample_once)
{
    struct records records = {.count = 0};
    struct snncli_schedule *schedule = create(&records, 3000, 3);
    struct worker workers[3] = {{.sample_s = 0.01}, {.sample_s = 0.01}, {.sample_s = 0.01}};
    const double end_s = run(schedule, &records, workers, 3);
    cr_expect_eq(records.count, 3000);
    cr_expect_eq(sum_runs(workers, 3), 3000);
    /* 3000 samples of 10 ms on 3 ranks are 10 s. */
    cr_expect_lt(end_s, 10.1);
    snncli_schedule_destroy(&schedule);
    cr_expect_null(schedule);
}

Test(cli_schedule, a_slow_rank_is_helped)
{
    struct records records = {.count = 0};
    struct snncli_schedule *schedule = create(&records, 3000, 3);
    struct worker workers[3] = {{.sample_s = 0.01}, {.sample_s = 0.1}, {.sample_s = 0.01}};
    const double end_s = run(schedule, &records, workers, 3);
    cr_expect_eq(records.count, 3000);
    /* 210 samples a second of all three: 14.3 s; 10 % more of both are the price of not knowing. */
    cr_expect_lt(end_s, 14.3 * 1.1, "%g s", end_s);
    cr_expect_lt(sum_runs(workers, 3), 3300, "%d runs", (int)sum_runs(workers, 3));
    snncli_schedule_destroy(&schedule);
}

Test(cli_schedule, what_a_stopped_rank_holds_is_run_by_others)
{
    struct records records = {.count = 0};
    struct snncli_schedule *schedule = create(&records, 1000, 2);
    struct worker workers[2] = {{.sample_s = 0.01}, {.sample_s = 0.0}};
    const double end_s = run(schedule, &records, workers, 2);
    cr_expect_eq(records.count, 1000);
    cr_expect_eq(workers[0].runs, 1000);
    cr_expect_lt(end_s, 10.5, "%g s", end_s);
    snncli_schedule_destroy(&schedule);
}

Test(cli_schedule, what_is_not_overdue_is_left_to_its_owner)
{
    struct records records = {.count = 0};
    struct snncli_schedule *schedule = create(&records, 8, 2);
    uint64_t first = 0, count = 0;
    /* Four samples for each, a thread, while nobody knows how long one takes. */
    cr_assert_eq(snncli_schedule_take(schedule, 1, 4, 0.0, &first, &count), SNNCLI_TURN_BLOCK);
    cr_assert_eq(first, 0);
    cr_assert_eq(count, 4);
    cr_assert_eq(snncli_schedule_take(schedule, 0, 4, 0.0, &first, &count), SNNCLI_TURN_BLOCK);
    cr_assert_eq(first, 4);
    cr_assert_eq(count, 4);
    for (uint64_t i = 4; i < 8; i++)
        add(&records, i);
    /* Four done by two ranks in 1 s: half a second each, so that a block of four takes 2 s, and is
     * overdue after 4. */
    cr_expect_eq(snncli_schedule_take(schedule, 0, 4, 1.0, &first, &count), SNNCLI_TURN_WAIT);
    /* At 9 s, each sample seems to take 4.5 s: not yet overdue. A fifth done: 3.6 s and 2 x 3 x
     * 3.6 s = 21.6 s for the three that are missing. */
    add(&records, 0);
    cr_expect_eq(snncli_schedule_take(schedule, 0, 4, 9.0, &first, &count), SNNCLI_TURN_WAIT);
    add(&records, 1);
    add(&records, 2);
    /* 7 done at 10 s: 2.9 s each, and the last one has been out for 10 s. */
    cr_expect_eq(snncli_schedule_take(schedule, 1, 4, 10.0, &first, &count), SNNCLI_TURN_WAIT,
                 "its owner is not to run it twice");
    cr_assert_eq(snncli_schedule_take(schedule, 0, 4, 10.0, &first, &count), SNNCLI_TURN_BLOCK);
    cr_expect_eq(first, 3);
    cr_expect_eq(count, 1);
    add(&records, 3);
    cr_expect_eq(snncli_schedule_take(schedule, 1, 4, 10.0, &first, &count), SNNCLI_TURN_OVER);
    snncli_schedule_destroy(&schedule);
}

Test(cli_schedule, a_rank_that_never_finishes_a_sample_is_helped)
{
    struct records records = {.count = 0};
    struct snncli_schedule *schedule = create(&records, 4, 3);
    uint64_t first = 0, count = 0;
    cr_assert_eq(snncli_schedule_take(schedule, 1, 4, 0.0, &first, &count), SNNCLI_TURN_BLOCK);
    cr_assert_eq(count, 4);
    cr_expect_eq(snncli_schedule_take(schedule, 0, 4, 1.9, &first, &count), SNNCLI_TURN_WAIT,
                 "samples may be long");
    cr_assert_eq(snncli_schedule_take(schedule, 0, 4, 2.1, &first, &count), SNNCLI_TURN_BLOCK);
    cr_expect_eq(first, 2);
    cr_expect_eq(count, 2);
    cr_assert_eq(snncli_schedule_take(schedule, 0, 4, 2.2, &first, &count), SNNCLI_TURN_BLOCK);
    cr_expect_eq(first, 1);
    cr_expect_eq(count, 1);
    cr_assert_eq(snncli_schedule_take(schedule, 0, 4, 2.3, &first, &count), SNNCLI_TURN_BLOCK);
    cr_expect_eq(first, 0);
    cr_expect_eq(count, 1);
    /* Rank 0 has them all since 2.1 s and later, and twice as long to finish one. */
    cr_expect_eq(snncli_schedule_take(schedule, 2, 4, 6.0, &first, &count), SNNCLI_TURN_WAIT);
    cr_assert_eq(snncli_schedule_take(schedule, 2, 4, 6.2, &first, &count), SNNCLI_TURN_BLOCK);
    cr_expect_eq(first, 3);
    cr_expect_eq(count, 1);
    snncli_schedule_destroy(&schedule);
}

Test(cli_schedule, samples_that_are_there_are_not_handed_out)
{
    struct records records = {.count = 0};
    for (uint64_t i = 0; i < 100; i++) {
        if (i % 3 != 0) add(&records, i);
    }
    struct snncli_schedule *schedule = create(&records, 100, 2);
    uint64_t first = 0, count = 0;
    for (uint64_t i = 0; i < 100; i += 3) {
        cr_assert_eq(snncli_schedule_take(schedule, 0, 4, 0.0, &first, &count), SNNCLI_TURN_BLOCK);
        cr_expect_eq(first, i);
        cr_expect_eq(count, 1);
        add(&records, i);
    }
    cr_expect_eq(snncli_schedule_take(schedule, 0, 4, 0.0, &first, &count), SNNCLI_TURN_OVER);
    snncli_schedule_destroy(&schedule);
}

Test(cli_schedule, blocks_shrink_to_a_sample_a_thread)
{
    struct records records = {.count = 0};
    struct snncli_schedule *schedule = create(&records, 1000, 2);
    uint64_t first = 0, count = 0, last = 0, most = 0;
    double now_s = 0.0;
    while (snncli_schedule_take(schedule, 0, 3, now_s, &first, &count) == SNNCLI_TURN_BLOCK) {
        for (uint64_t i = 0; i < count; i++)
            add(&records, first + i);
        now_s += (double)count * 0.1;
        if (first + count < 1000) last = count;
        if (count > most) most = count;
    }
    cr_expect_eq(records.count, 1000);
    /* 0.1 s a sample on one of two ranks: no more than 1 s of one rank's work, 5 samples as it
     * seems, or the 12 of the first block. */
    cr_expect_leq(most, 12);
    cr_expect_eq(last, 3);
    snncli_schedule_destroy(&schedule);
}
