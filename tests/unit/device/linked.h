/* A link on the fake transport, for the tests of its parts. */
#ifndef TESTS_UNIT_DEVICE_LINKED_H
#define TESTS_UNIT_DEVICE_LINKED_H

#include "device/link.h"
#include "snn/status.h"
#include "tests/device/fake.h"
#include "tests/unit/support.h"

/* For .init and .fini; the second closes the link, and asserts that no transfer and no memory is
 * left. */
void linked_begin(void);
void linked_end(void);

struct snndev_link *linked(void);
/* Opens it (and starts it); a status. Zeros in the options: their defaults. */
int linked_open(const struct snndev_link_options *options);
int linked_start(const struct snndev_link_options *options);
void linked_close(void);

struct snndev_link_counters linked_counters(void);
/* Receives until nothing comes for `quiet_ms`: the events and, per mark, `count` of them; the sum
 * of the gaps' values. */
struct linked_items {
    uint64_t events, gaps[4], marks[16];
    uint64_t last_time_us;
    bool in_order; /* times never repeat or go back */
    int status;    /* what ended it */
};
struct linked_items linked_drain(unsigned quiet_ms);
/* The same, but so many events are waited for in any case, for 5 s. */
struct linked_items linked_drain_after(uint64_t events, unsigned quiet_ms);
double linked_seconds(void);

#endif
