/* What the tests of the wire share: events that are drawn, streams of them, and all that a reader
 * says to bytes. Criterion runs each test in a process of its own, so one log in statics is enough.
 */
#ifndef TESTS_UNIT_WIRE_SUPPORT_H
#define TESTS_UNIT_WIRE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/wire/word.h"

enum { WIRE_LOG_MAX = 8192 };

/* What came of a stream, in order. */
struct wire_log {
    struct snnwire_item items[WIRE_LOG_MAX];
    size_t count;
    size_t fault_counts[4]; /* by enum snnwire_fault */
};

/* Numbers that repeat; `state` is the caller's, not 0. */
uint32_t wire_random(uint32_t *state);
struct snnwire_event wire_event(uint32_t *state, uint64_t time_us);

bool wire_same_event(const struct snnwire_event *a, const struct snnwire_event *b);
bool wire_same_item(const struct snnwire_item *a, const struct snnwire_item *b);
bool wire_same_log(const struct wire_log *a, const struct wire_log *b);

/* Reads bytes to their end, adding to the log. The second form takes runs of events at once. Either
 * asserts that the reader always goes on. */
void wire_read(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
               struct wire_log *log);
void wire_read_fast(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                    struct wire_log *log);

#endif
