/* Fuzz target: stream words. The first byte is the size of packets; word by word, and in runs from
 * packets of that size, a reader says the same, and what it says can be written and read again.
 */
#include "libsnn/wire/word.h"

#include <stdbool.h>

#include "tests/fuzz/target.h"

enum { RUN = 50 };

/* What was said, as a sum in which the order counts, and all of it written anew. */
struct said {
    struct snnwire_reader reader;
    struct snnwire_writer writer;
    struct snnwire_reader check;
    uint64_t sum;
    bool bad;
};

static void add(struct said *said, uint64_t value)
{
    said->sum = (said->sum ^ value) * 0x100000001B3u;
}

static uint64_t digest(const struct snnwire_item *item)
{
    if (item->is_mark) return ((uint64_t)item->mark << 24 | item->argument) * 31 + item->value;
    const struct snnwire_event *event = &item->event;
    return event->time_us * 31 + ((uint64_t)event->layer << 24 | (uint64_t)event->feature << 14 |
                                  (uint64_t)event->y << 7 | event->x);
}

/* An item that was read can be written; read back, it is the same and nothing is wrong. */
static void say(struct said *said, const struct snnwire_item *item)
{
    uint8_t bytes[SNNWIRE_EVENT_WORDS_MAX * SNNWIRE_WORD_BYTES];
    const size_t size = item->is_mark ? snnwire_write_mark(&said->writer, item->mark,
                                                           item->argument, item->value, bytes)
                                      : snnwire_write_event(&said->writer, &item->event, bytes);
    size_t count = 0;
    for (size_t at = 0, used = 0; at < size; at += used) {
        struct snnwire_item back = {.is_mark = false};
        enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
        const bool is_item =
            snnwire_read(&said->check, bytes + at, size - at, &used, &back, &fault);
        if (fault != SNNWIRE_FAULT_NONE || used == 0) said->bad = true;
        if (is_item && digest(&back) != digest(item)) said->bad = true;
        if (used == 0) return;
        count += is_item;
    }
    if (count != 1) said->bad = true;
    add(said, digest(item));
}

static size_t read_one(struct said *said, const uint8_t *bytes, size_t size)
{
    struct snnwire_item item = {.is_mark = false};
    enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
    size_t used = 0;
    const bool is_item = snnwire_read(&said->reader, bytes, size, &used, &item, &fault);
    if (is_item) say(said, &item);
    if (fault != SNNWIRE_FAULT_NONE) add(said, (uint64_t)fault);
    if (used == 0 || used > size) said->bad = true;
    if (!is_item && fault == SNNWIRE_FAULT_NONE && used != size) said->bad = true;
    return said->bad ? size : used;
}

static size_t read_run(struct said *said, const uint8_t *bytes, size_t size)
{
    struct snnwire_event events[RUN];
    size_t used = 0;
    const size_t count = snnwire_read_events(&said->reader, bytes, size, &used, events, RUN);
    for (size_t i = 0; i < count; i++) {
        const struct snnwire_item item = {.event = events[i]};
        say(said, &item);
    }
    if (count > RUN || used > size) said->bad = true;
    return said->bad ? size : used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct said slow = {.sum = 1}, fast = {.sum = 1};
    if (size == 0) return 0;
    const size_t packet = (size_t)data[0] + 1;
    for (size_t at = 1; at < size;)
        at += read_one(&slow, data + at, size - at);
    for (size_t at = 1; at < size;) {
        const size_t end = size - at < packet ? size : at + packet;
        while (at < end) {
            at += read_run(&fast, data + at, end - at);
            if (at < end) at += read_one(&fast, data + at, end - at);
        }
    }
    return slow.bad || fast.bad || slow.sum != fast.sum || slow.reader.words != fast.reader.words ||
           slow.reader.crc != fast.reader.crc || slow.reader.faults != fast.reader.faults;
}
