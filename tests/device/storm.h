/* A device that sends events in bursts over a bus that does what it likes, and keeps count: the
 * other side of a link's conservation.
 *
 * Its n-th event has the time n, so whoever receives knows what is missing where. It drops events
 * when its buffer is full, and says so; transfers end short, odd, stalled, with errors that lose
 * nothing or whole words, or vanish, as the plan and its seed want. Any number at once: open
 * storm_transport with "0" to "7", each with the plan of that number.
 */
#ifndef TESTS_DEVICE_STORM_H
#define TESTS_DEVICE_STORM_H

#include "device/transport.h"

#define STORM_MAX 8u

extern const struct snndev_transport_ops storm_transport;

struct storm_plan {
    uint64_t seed;
    uint64_t events;                 /* to produce; then END 1 */
    uint32_t burst;                  /* at once, at most */
    uint32_t buffer_words;           /* of its output, beyond which it drops */
    uint32_t credit;                 /* for words from the host */
    uint32_t tick_every;             /* a TICK behind so many events; 0: none */
    bool patient;                    /* waits for room instead of dropping */
    bool ragged;                     /* transfers of any length, else as long as they can be */
    uint32_t stall, fail, lose, cut; /* so often in 1,000 transfers; lose: with whole words in it */
    uint64_t vanish_at;              /* when so many events were produced; 0: never */
};

/* What became of its events. The first sum of link.h: produced = buffered + dropped + given + lost;
 * `given` is what the link got to see. */
struct storm_sums {
    uint64_t produced, buffered, dropped, given, lost;
    uint64_t words_given, words_lost;
    uint64_t taken; /* events from the host, all in order */
    bool in_order, rests, gone;
};

void storm_begin(unsigned number, const struct storm_plan *plan);
struct storm_sums storm_sums(unsigned number);
/* Produced since storm_begin; a RESET sets all sums to 0, but not this one. The link is closed. */
uint64_t storm_total(unsigned number);
/* The plug is pulled now. */
void storm_vanish(unsigned number);

#endif
