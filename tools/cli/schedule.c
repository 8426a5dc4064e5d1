/* Blocks of samples for ranks; see schedule.h.
 *
 * Invariant: every sample that is neither done nor at `next` or later lies in exactly one block,
 * that of the rank which was last told to run it. A tail given to a second rank leaves the first
 * one's block; the first may still come to run it, which costs time and nothing else.
 */
#include "tools/cli/schedule.h"

#include <stdlib.h>

#include "snn/status.h"

/* So long should a block take: long against a message, short against a run. */
#define BLOCK_S 1.0
#define BLOCK_MIN_S 0.01
/* No block is overdue before that: clocks and processors are shared. */
#define PATIENCE_MIN_S 0.1
/* Times the duration that is expected. */
#define PATIENCE 2.0
/* The same of samples whose duration nobody knows yet: whoever has them may have been stopped. */
#define PATIENCE_FIRST_S 2.0
/* Of samples whose duration nobody knows yet, on each thread. */
#define FIRST_PER_THREAD 4

struct block {
    uint64_t first;
    uint64_t count;
    unsigned rank;
    unsigned again; /* how often it was handed out before */
    double since_s;
};

struct snncli_schedule {
    struct snncli_schedule_run run;
    uint64_t next; /* from here on nothing was handed out */
    uint64_t done_before;
    double start_s;
    struct block *blocks; /* [block_count], in any order */
    size_t block_count;
    size_t block_max;
};

int snncli_schedule_create(struct snncli_schedule **out, const struct snncli_schedule_run *run,
                           double now_s)
{
    struct snncli_schedule *s = calloc(1, sizeof(*s));
    if (s == NULL) return SNN_ERR_NOMEM;
    s->run = *run;
    s->start_s = now_s;
    s->done_before = run->done(run->user);
    *out = s;
    return SNN_OK;
}

void snncli_schedule_destroy(struct snncli_schedule **schedule)
{
    if (*schedule == NULL) return;
    free((*schedule)->blocks);
    free(*schedule);
    *schedule = NULL;
}

static bool has(const struct snncli_schedule *s, uint64_t sample)
{
    return s->run.has(sample, s->run.user);
}

/* What a rank takes for a sample, on average over ranks; 0: not known yet. */
static double sample_seconds(const struct snncli_schedule *s, double now_s)
{
    const uint64_t done = s->run.done(s->run.user) - s->done_before;
    return done > 0 ? (now_s - s->start_s) * s->run.ranks / (double)done : 0.0;
}

/* Half of an even share of what is left, but no longer than BLOCK_S; at least a sample a thread,
 * and enough to be worth a message. */
static uint64_t block_size(const struct snncli_schedule *s, unsigned threads, double now_s)
{
    const double each_s = sample_seconds(s, now_s);
    uint64_t size = (s->run.total - s->next) / (2 * (uint64_t)s->run.ranks);
    uint64_t least = threads, most = (uint64_t)threads * FIRST_PER_THREAD;
    if (each_s > 0.0) {
        const double longest = BLOCK_S / each_s, shortest = BLOCK_MIN_S / each_s;
        most = longest < (double)s->run.total ? (uint64_t)longest : s->run.total;
        if (shortest > (double)least) least = shortest < (double)most ? (uint64_t)shortest : most;
    }
    if (size > most) size = most;
    return size > least ? size : least;
}

static enum snncli_turn give(struct snncli_schedule *s, const struct block *block,
                             uint64_t *first_out, uint64_t *count_out)
{
    if (block->count == 0) return SNNCLI_TURN_WAIT; /* done while we looked */
    s->blocks[s->block_count++] = *block;
    *first_out = block->first;
    *count_out = block->count;
    return SNNCLI_TURN_BLOCK;
}

/* Samples that are done leave their block at both its ends; one without any left leaves the list.
 */
static void drop_done(struct snncli_schedule *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->block_count; i++) {
        struct block b = s->blocks[i];
        while (b.count > 0 && has(s, b.first + b.count - 1))
            b.count--;
        while (b.count > 0 && has(s, b.first)) {
            b.first++;
            b.count--;
        }
        if (b.count > 0) s->blocks[kept++] = b;
    }
    s->block_count = kept;
}

/* Room for one block more. */
static bool grow(struct snncli_schedule *s)
{
    if (s->block_count == s->block_max) drop_done(s);
    if (s->block_count < s->block_max) return true;
    const size_t room = s->block_max > 0 ? 2 * s->block_max : 16;
    struct block *blocks = realloc(s->blocks, room * sizeof(*blocks));
    if (blocks == NULL) return false;
    s->blocks = blocks;
    s->block_max = room;
    return true;
}

static bool is_overdue(const struct snncli_schedule *s, const struct block *b, double now_s)
{
    const double each_s = sample_seconds(s, now_s);
    double patience = each_s > 0.0 ? PATIENCE * each_s * (double)b->count : PATIENCE_FIRST_S;
    if (patience < PATIENCE_MIN_S) patience = PATIENCE_MIN_S;
    /* Nobody is to run the last long sample over and over. */
    for (unsigned i = 0; i < b->again && i < 16; i++)
        patience *= 2.0;
    return now_s - b->since_s > patience;
}

/* The overdue block with the most samples; those that nobody helps yet come first. */
static struct block *find_overdue(struct snncli_schedule *s, unsigned rank, double now_s)
{
    struct block *found = NULL;
    for (size_t i = 0; i < s->block_count; i++) {
        struct block *b = &s->blocks[i];
        if (b->rank == rank || !is_overdue(s, b, now_s)) continue;
        if (found == NULL || b->again < found->again ||
            (b->again == found->again && b->count > found->count))
            found = b;
    }
    return found;
}

/* Its owner works from the front: help begins at the end, where half of it or the last samples in a
 * row that are missing go over. */
static enum snncli_turn help(struct snncli_schedule *s, struct block *slow, unsigned rank,
                             double now_s, uint64_t *first_out, uint64_t *count_out)
{
    const uint64_t most = slow->count - slow->count / 2;
    struct block b = {slow->first + slow->count, 0, rank, slow->again + 1, now_s};
    while (b.count < most && !has(s, b.first - 1)) {
        b.first--;
        b.count++;
    }
    slow->count -= b.count; /* drop_done takes it off the list if none are left */
    return give(s, &b, first_out, count_out);
}

enum snncli_turn snncli_schedule_take(struct snncli_schedule *s, unsigned rank, unsigned threads,
                                      double now_s, uint64_t *first_out, uint64_t *count_out)
{
    if (s->run.done(s->run.user) == s->run.total) return SNNCLI_TURN_OVER;
    if (!grow(s)) return SNNCLI_TURN_MEMORY;
    while (s->next < s->run.total && has(s, s->next))
        s->next++;
    if (s->next < s->run.total) {
        struct block b = {s->next, 0, rank, 0, now_s};
        const uint64_t size = block_size(s, threads, now_s);
        while (b.count < size && s->next < s->run.total && !has(s, s->next)) {
            b.count++;
            s->next++;
        }
        return give(s, &b, first_out, count_out);
    }
    drop_done(s);
    struct block *slow = find_overdue(s, rank, now_s);
    return slow != NULL ? help(s, slow, rank, now_s, first_out, count_out) : SNNCLI_TURN_WAIT;
}
