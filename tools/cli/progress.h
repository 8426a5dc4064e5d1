/* Progress of a long job on stderr: share, rate, time left.
 *
 * On a terminal a bar that is redrawn at most ten times a second and erased at the end; elsewhere a
 * plain line every five seconds; nothing with -q. Never waits, never allocates, and costs a clock
 * reading per update.
 */
#ifndef TOOLS_CLI_PROGRESS_H
#define TOOLS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/cli/message.h"

struct snncli_progress {
    struct snncli_console *console;
    const char *label; /* what is being done: "lenet.json" */
    const char *unit;  /* what is counted: "samples"; NULL: nothing that has a name */
    uint64_t total;    /* 0: unknown */
    uint64_t first;    /* done before the clock started */
    double start_s;
    double next_s; /* no output before this time */
    bool started;
};

/* Starts with the first update. `label` and `unit` must live as long as the progress; total 0 if
 * unknown, never without a unit. */
void snncli_progress_init(struct snncli_progress *progress, struct snncli_console *console,
                          const char *label, const char *unit, uint64_t total);

/* `done` units of `total` are finished (total 0: as given to init). From any thread, one at a time:
 * the caller's lock guards it. The first call sets the clock, so it is best made with what was done
 * before this run (0, or the place where a run is resumed). */
void snncli_progress_update(struct snncli_progress *progress, uint64_t done, uint64_t total);

/* Erases the bar. Safe without any update, and twice. */
void snncli_progress_finish(struct snncli_progress *progress);

/* update at a given monotonic time in seconds: what update does, with the clock in the open. */
void snncli_progress_update_at(struct snncli_progress *progress, uint64_t done, uint64_t total,
                               double now_s);

#endif
