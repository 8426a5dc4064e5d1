/* Events as Prophesee's sensors encode them: EVT 2.0 in words of 32 bits, EVT 2.1 in words of 64
 * with a vector of 32 pixels each, EVT 3.0 in words of 16 that change what the next ones mean.
 *
 *     file -> evt.c: header, order of bytes -> words, little-endian -> evt2.c, evt3.c -> events
 *
 * Times are 34 bits (EVT 3.0: 24) of microseconds, high part and low part in words of their own;
 * how they go round is for clock.h to say. Events before the first high part have no time and are
 * invalid, as are those of vectors that leave the range of addresses.
 * Sources: docs.prophesee.ai, "EVT 2.0 Format", "EVT 2.1 Format", "EVT 3.0 Format"; what is left
 * open there is as in Prophesee's OpenEB.
 */
#ifndef SNN_STREAM_EVT_H
#define SNN_STREAM_EVT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/bits.h"
#include "libsnn/stream/clock.h"
#include "libsnn/stream/format.h"

/* Words' types, in their four highest bits; EVT 3.0 has others below EVT_TIME_HIGH. */
enum {
    SNNSTREAM_EVT_OFF = 0,
    SNNSTREAM_EVT_ON = 1,
    SNNSTREAM_EVT_TIME_HIGH = 8,
    SNNSTREAM_EVT_CONTINUED = 15, /* of the word before: nothing of its own */
    SNNSTREAM_EVT_SIDE = 2048,    /* addresses have eleven bits */
};

/* What words add up to. */
struct snnstream_evt_words {
    uint64_t high;    /* part of the time, with its wraps */
    uint64_t base_us; /* of which that is the high part */
    uint64_t time_us; /* of vectors */
    bool timed;       /* there was a time */
    bool exposure;    /* EVT 3.0: what follows measures light and is no change */
    uint32_t x_end;   /* events beyond are left out: all of them without a time or of light */
    uint32_t pending; /* of a vector that found no room: what is left, bit i at pending_x + i */
    uint32_t pending_x;
    uint32_t x, y;    /* EVT 3.0: base of vectors; row, of EVT 2.1 that of the last vector */
    uint8_t polarity; /* of vectors */
    uint64_t other_count, invalid_count;
};

/* A new high part of `bits` bits, each worth 2^low_bits us. */
static inline void snnstream_evt_set_high(struct snnstream_evt_words *words, uint32_t high,
                                          unsigned bits, unsigned low_bits)
{
    words->high = snnstream_unwrap(words->high, high, bits, low_bits);
    words->base_us = words->high << low_bits;
    words->timed = true;
    if (!words->exposure) words->x_end = SNNSTREAM_EVT_SIDE;
}

/* Where events beyond x_end are counted. */
static inline uint64_t *snnstream_evt_left_out(struct snnstream_evt_words *words)
{
    return words->exposure ? &words->other_count : &words->invalid_count;
}

/* Writes an event like `like` at x + i for each bit i of the mask, for which there is room, and
 * returns how many are seen. */
static inline size_t snnstream_evt_spread(struct snn_camera_event *items, uint32_t mask, uint32_t x,
                                          struct snn_camera_event like, uint32_t x_end,
                                          uint64_t *left_out)
{
    size_t n = 0;
    for (; mask != 0; mask &= mask - 1) {
        const uint32_t at = x + snnbase_lowest_bit(mask);
        items[n] = like;
        items[n].x = (uint16_t)at;
        n += at < x_end;
        *left_out += at >= x_end;
    }
    return n;
}

/* Hands out a vector, or what is left of it, as far as there is room. */
void snnstream_evt_drain(struct snnstream_evt_words *words, struct snnstream_batch *out);

/* Decode up to `count` words, and return how many: some, where there is room and nothing pending.
 */
size_t snnstream_evt2_decode(struct snnstream_evt_words *words, const unsigned char *bytes,
                             size_t count, struct snnstream_batch *out);
size_t snnstream_evt21_decode(struct snnstream_evt_words *words, const unsigned char *bytes,
                              size_t count, struct snnstream_batch *out);
size_t snnstream_evt3_decode(struct snnstream_evt_words *words, const unsigned char *bytes,
                             size_t count, struct snnstream_batch *out);

#endif
