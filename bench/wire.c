/* What the codec of the wire takes: events to words and back, CHECK and all, on one core, best of
 * several rounds, and that each event came through.
 *
 *   wire [MILLIONS [ROUNDS]]
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libsnn/wire/word.h"

/* As many as a buffer of the transfer engine holds: 64 KiB of words. */
enum { BATCH = 8000, ROOM = 65536 };

struct bench {
    struct snnwire_event events[BATCH], back[BATCH];
    uint8_t bytes[ROOM];
    struct snnwire_writer writer;
    struct snnwire_reader reader;
};

/* Seconds. */
struct cost {
    double write, read, check;
};

/* Processor time of this thread, which neighbours do not lengthen. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Addresses over all bits; a microsecond between two, from shortly before the time wraps. */
static void fill(struct bench *b)
{
    uint32_t state = 1;
    memset(b->events, 0, sizeof(b->events));
    for (size_t i = 0; i < BATCH; i++) {
        state = state * 1664525u + 1013904223u;
        b->events[i] = (struct snnwire_event){.time_us = UINT32_MAX - 100 + i,
                                              .layer = (uint16_t)(state >> 26),
                                              .feature = (uint16_t)(state >> 16 & 1023),
                                              .y = (uint8_t)(state >> 9 & 127),
                                              .x = (uint8_t)(state >> 2 & 127)};
    }
}

static bool same(const struct snnwire_event *a, const struct snnwire_event *b)
{
    return a->time_us == b->time_us && a->layer == b->layer && a->feature == b->feature &&
           a->y == b->y && a->x == b->x;
}

static bool all_same(const struct bench *b)
{
    for (size_t i = 0; i < BATCH; i++) {
        if (!same(&b->events[i], &b->back[i])) return false;
    }
    return true;
}

/* One buffer there and back; the CRC once more by itself. False: not all came through. */
static bool pass(struct bench *b, struct cost *cost)
{
    size_t size = 0, used = 0;
    const double start = seconds();
    const size_t written =
        snnwire_write_events(&b->writer, b->events, BATCH, b->bytes, ROOM, &size);
    size += snnwire_write_check(&b->writer, b->bytes + size);
    const double half = seconds();
    const size_t read = snnwire_read_events(&b->reader, b->bytes, size, &used, b->back, BATCH);
    const double end = seconds();
    const volatile uint32_t crc = snnwire_crc32(0, b->bytes, size);
    (void)crc;
    cost->check += seconds() - end;
    cost->write += half - start;
    cost->read += end - half;
    return written == BATCH && read == BATCH && used == size;
}

static bool measure(struct bench *b, size_t passes, struct cost *best)
{
    struct cost cost = {0};
    for (size_t i = 0; i < passes; i++) {
        if (!pass(b, &cost)) return false;
    }
    if (best->write == 0 || cost.write + cost.read < best->write + best->read) *best = cost;
    return all_same(b);
}

int main(int argc, char **argv)
{
    const unsigned millions = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 40;
    const unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
    const size_t passes = (size_t)millions * 1000000 / BATCH + 1;
    const double events = 1e-6 * (double)passes * BATCH;
    struct bench *b = calloc(1, sizeof(*b));
    struct cost best = {0};
    bool good = b != NULL;
    if (good) fill(b);
    for (unsigned i = 0; good && i < rounds; i++)
        good = measure(b, passes, &best);
    free(b);
    if (!good) {
        fprintf(stderr, "wire: events were lost or changed\n");
        return 1;
    }
    printf("write      %7.1f M events/s\n", events / best.write);
    printf("read       %7.1f M events/s\n", events / best.read);
    printf("both       %7.1f M events/s\n", events / (best.write + best.read));
    printf("CRC alone  %7.1f M words/s\n", events / best.check);
    return 0;
}
