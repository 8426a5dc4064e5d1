/* Events that are drawn, and what a reader says to bytes; asserts what holds for all bytes. */
#include "tests/unit/wire/support.h"

#include <criterion/criterion.h>

/* Marsaglia's xorshift of 32 bits. */
uint32_t wire_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

struct snnwire_event wire_event(uint32_t *state, uint64_t time_us)
{
    return (struct snnwire_event){.time_us = time_us,
                                  .layer = (uint16_t)(wire_random(state) % 64),
                                  .feature = (uint16_t)(wire_random(state) % 1024),
                                  .y = (uint8_t)(wire_random(state) % 128),
                                  .x = (uint8_t)(wire_random(state) % 128)};
}

bool wire_same_event(const struct snnwire_event *a, const struct snnwire_event *b)
{
    return a->time_us == b->time_us && a->layer == b->layer && a->feature == b->feature &&
           a->y == b->y && a->x == b->x;
}

bool wire_same_item(const struct snnwire_item *a, const struct snnwire_item *b)
{
    if (a->is_mark != b->is_mark) return false;
    if (!a->is_mark) return wire_same_event(&a->event, &b->event);
    return a->mark == b->mark && a->argument == b->argument && a->value == b->value;
}

bool wire_same_log(const struct wire_log *a, const struct wire_log *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (!wire_same_item(&a->items[i], &b->items[i])) return false;
    }
    for (size_t i = 0; i < 4; i++) {
        if (a->fault_counts[i] != b->fault_counts[i]) return false;
    }
    return a->count == b->count;
}

/* One call. */
static size_t read_one(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                       struct wire_log *log)
{
    enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
    struct snnwire_item item = {.is_mark = false};
    size_t used = 0;
    const bool is_item = snnwire_read(reader, bytes, size, &used, &item, &fault);
    cr_assert(used > 0 && used <= size, "took %zu of %zu bytes", used, size);
    cr_assert(is_item || fault != SNNWIRE_FAULT_NONE || used == size);
    cr_assert(!is_item || log->count < WIRE_LOG_MAX);
    if (is_item) log->items[log->count++] = item;
    log->fault_counts[fault]++;
    return used;
}

void wire_read(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
               struct wire_log *log)
{
    while (size > 0) {
        const size_t used = read_one(reader, bytes, size, log);
        bytes += used;
        size -= used;
    }
    log->fault_counts[SNNWIRE_FAULT_NONE] = 0;
}

void wire_read_fast(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                    struct wire_log *log)
{
    static struct snnwire_event events[WIRE_LOG_MAX];
    while (size > 0) {
        size_t used = 0;
        const size_t room = WIRE_LOG_MAX - log->count;
        const size_t count = snnwire_read_events(reader, bytes, size, &used, events, room);
        cr_assert(count <= room && used <= size);
        for (size_t i = 0; i < count; i++)
            log->items[log->count++] = (struct snnwire_item){.event = events[i]};
        if (used < size) used += read_one(reader, bytes + used, size - used, log);
        bytes += used;
        size -= used;
    }
    log->fault_counts[SNNWIRE_FAULT_NONE] = 0;
}
