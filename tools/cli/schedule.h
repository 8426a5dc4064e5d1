/* Which samples of a run which rank is to run next: guided self-scheduling, and at the end help for
 * those that are slow.
 *
 * Blocks shrink as the samples run out and are short in time, so that all ranks end together. When
 * everything is handed out, a rank with nothing to do gets the tail of a block that is overdue; who
 * of the two is first does not matter, since a sample's record is the same wherever it is made.
 * Knows neither messages nor clocks nor locks: its caller has them.
 */
#ifndef TOOLS_CLI_SCHEDULE_H
#define TOOLS_CLI_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct snncli_schedule;

struct snncli_schedule_run {
    uint64_t total;                           /* samples, counted from 0 */
    unsigned ranks;                           /* that share them */
    bool (*has)(uint64_t sample, void *user); /* whether its record is there */
    uint64_t (*done)(void *user);             /* how many records are there */
    void *user;
};

/* An snn_status: NOMEM. `now_s` is the caller's clock, here as below. */
int snncli_schedule_create(struct snncli_schedule **out, const struct snncli_schedule_run *run,
                           double now_s);
/* Takes the address, nulls it, accepts NULL. */
void snncli_schedule_destroy(struct snncli_schedule **schedule);

enum snncli_turn {
    SNNCLI_TURN_BLOCK, /* run these */
    SNNCLI_TURN_WAIT,  /* others are about to finish the rest: ask again soon */
    SNNCLI_TURN_OVER,  /* all samples are done */
    SNNCLI_TURN_MEMORY /* there is none left to remember who has what */
};

/* The next block of `rank`, which runs them on `threads` threads: samples `first_out` to
 * `first_out` + `count_out` - 1, none of them done yet. */
enum snncli_turn snncli_schedule_take(struct snncli_schedule *schedule, unsigned rank,
                                      unsigned threads, double now_s, uint64_t *first_out,
                                      uint64_t *count_out);

#endif
