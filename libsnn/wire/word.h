/* Stream words: events and control marks between a host and a device, 8 bytes each, little-endian,
 * the same in both directions (docs/formats/wire.md).
 *
 *   63..62 kind   0: event              1: mark; other kinds are errors
 *   61..30        time_us, low 32 bits  61..56 code, 55..32 argument, 31..0 value
 *   29..24        layer (core, readout or sensor)
 *   23..14        feature
 *   13..7, 6..0   y, x
 *
 * Words come in blocks of at most 512: SEQUENCE and TIME, then events and marks, and a CHECK as the
 * last word. So every block stands for itself: whatever was lost before it, the reader knows behind
 * two words how much that was and what time it is.
 *
 * Pure functions of bytes and a small state: the driver, the virtual chip, tapes and fuzzers run
 * the same lines, firmware too. Freestanding: nothing here allocates or fails but by its result.
 */
#ifndef SNN_WIRE_WORD_H
#define SNN_WIRE_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNNWIRE_WORD_BYTES 8u
#define SNNWIRE_LAYER_MAX 63u
#define SNNWIRE_FEATURE_MAX 1023u
#define SNNWIRE_COORDINATE_MAX 127u

/* Marks. Values are fixed for ever. Arguments that are not told here are written as 0, ignored. */
enum snnwire_mark {
    SNNWIRE_MARK_PAD = 0,  /* nothing: fills packets */
    SNNWIRE_MARK_TIME = 1, /* value: upper 32 bits of the time of all events behind it */
    /* value: words sent in this direction before this one, modulo 2^32; argument: 24 bits of
     * ~(value ^ value >> 24), without which a flipped bit would look like a loss */
    SNNWIRE_MARK_SEQUENCE = 2,
    SNNWIRE_MARK_CHECK = 3,  /* value: CRC-32 of all words since the last CHECK, without this one;
                                argument: how many those are */
    SNNWIRE_MARK_BEGIN = 4,  /* value: sample. Host: reset all state. Device: it is done */
    SNNWIRE_MARK_TICK = 5,   /* a step is over: bias ticks. value: step of the sample, from 0.
                                Device: all events of that step were sent */
    SNNWIRE_MARK_END = 6,    /* value: sample; all its events are over */
    SNNWIRE_MARK_GAP = 7,    /* value: events lost at this place; argument: snnwire_loss */
    SNNWIRE_MARK_CREDIT = 8, /* device: value: words taken from the host so far, modulo 2^32 */
    SNNWIRE_MARK_ERROR = 9   /* device: argument: snnwire_error, value: its detail */
};

/* Why events were lost. */
enum snnwire_loss {
    SNNWIRE_LOSS_HOST = 1,     /* the reader lagged behind and its buffers were full */
    SNNWIRE_LOSS_DEVICE = 2,   /* the device's output buffer was full */
    SNNWIRE_LOSS_TRANSPORT = 3 /* sequence numbers have a hole: in words, not in events */
};

struct snnwire_event {
    uint64_t time_us;
    uint16_t layer, feature;
    uint8_t y, x;
};

/* One word taken apart: an event or a mark. */
struct snnwire_item {
    bool is_mark;
    struct snnwire_event event;
    enum snnwire_mark mark;
    uint32_t argument; /* 24 bits */
    uint32_t value;
};

/* ---- Writing ---- */

/* What a writer knows. Zeroed to begin with. */
struct snnwire_writer {
    uint32_t words;     /* written so far */
    uint32_t crc;       /* of the words since the last CHECK */
    uint32_t unchecked; /* how many those are */
    uint32_t epoch;     /* upper half of the time that was announced */
};

/* Words of a block, its CHECK included. A reader takes no more words without a CHECK. */
#define SNNWIRE_CHECK_WORDS 512u
/* Words that an event or a mark takes at most: CHECK where no room is left in the block for a new
 * TIME, SEQUENCE and TIME of the next block, and itself. */
#define SNNWIRE_EVENT_WORDS_MAX 4u

/* Writes one event or mark, with the words that have to go before or behind it, to `out`, which has
 * room for SNNWIRE_EVENT_WORDS_MAX words. Returns the bytes; 0: a field is out of range, or the
 * mark is one that the writer sets by itself (TIME, SEQUENCE, CHECK). */
size_t snnwire_write_event(struct snnwire_writer *writer, const struct snnwire_event *event,
                           uint8_t *out);
size_t snnwire_write_mark(struct snnwire_writer *writer, enum snnwire_mark mark, uint32_t argument,
                          uint32_t value, uint8_t *out);
/* Ends the block with a CHECK, e.g. before the stream rests. Returns the bytes: one word, or 0
 * where all words are checked. */
size_t snnwire_write_check(struct snnwire_writer *writer, uint8_t *out);
/* Many events at once: the same bytes as one by one. Stops where `room` has less than
 * SNNWIRE_EVENT_WORDS_MAX words left or a field is out of range. Returns the events written and
 * sets *bytes_out. */
size_t snnwire_write_events(struct snnwire_writer *writer, const struct snnwire_event *events,
                            size_t count, uint8_t *out, size_t room, size_t *bytes_out);

/* ---- Reading ---- */

/* What is wrong with what came. */
enum snnwire_fault {
    SNNWIRE_FAULT_NONE = 0,
    SNNWIRE_FAULT_KIND = 1,     /* a kind or mark that does not exist: the word is skipped */
    SNNWIRE_FAULT_SEQUENCE = 2, /* words are missing: a GAP item says how many; without the item,
                                   words came twice */
    SNNWIRE_FAULT_CHECK = 3     /* words since the last CHECK are corrupt or missing */
};

/* A reader carries the bytes of an incomplete word over from one packet to the next. Zeroed to
 * begin with. Where a stream rests, `unchecked` and `residue_size` are 0, or its end is missing. */
struct snnwire_reader {
    uint8_t residue[SNNWIRE_WORD_BYTES];
    uint32_t residue_size;
    uint32_t words; /* read so far, those that are missing included */
    uint32_t crc, unchecked;
    uint32_t epoch;
    uint64_t faults; /* of all kinds so far */
};

/* Takes bytes until one item is whole (true) or something is wrong, and sets *used_out: false
 * without a fault means that all bytes are taken, so call it while bytes are left. PAD, TIME,
 * SEQUENCE and CHECK are kept by the reader and not handed out, except that a hole becomes a GAP
 * item with SNNWIRE_LOSS_TRANSPORT. Items are handed out before the CHECK of their block came. */
bool snnwire_read(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                  size_t *used_out, struct snnwire_item *item_out, enum snnwire_fault *fault_out);
/* The fast way for events: decodes them over the borders of blocks until a mark that is an item, a
 * fault, an incomplete word or the end of the room; returns how many and sets *used_out. Whatever
 * stopped it is for snnwire_read, which continues at that byte. */
size_t snnwire_read_events(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                           size_t *used_out, struct snnwire_event *events, size_t room);

/* CRC-32 (IEEE 802.3, reflected, as zlib's), continued from `crc` (0 to begin with). crc.c is fast
 * and has tables of 16 KiB; firmware that is short of memory links crc_small.c instead. */
uint32_t snnwire_crc32(uint32_t crc, const uint8_t *bytes, size_t size);

#endif
