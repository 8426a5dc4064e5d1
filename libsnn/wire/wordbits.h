/* The bits of a stream word, for writer and reader only: the layout that word.h draws. */
#ifndef SNN_WIRE_WORDBITS_H
#define SNN_WIRE_WORDBITS_H

#include <stdint.h>

#include "libsnn/wire/word.h"

#define SNNWIRE_KIND_SHIFT 62
#define SNNWIRE_KIND_EVENT 0u
#define SNNWIRE_KIND_MARK 1u
#define SNNWIRE_MARK_LAST ((uint32_t)SNNWIRE_MARK_ERROR)
#define SNNWIRE_ARGUMENT_MAX 0xFFFFFFu

static inline uint64_t snnwire_pack_mark(enum snnwire_mark mark, uint32_t argument, uint32_t value)
{
    return (uint64_t)SNNWIRE_KIND_MARK << SNNWIRE_KIND_SHIFT | (uint64_t)mark << 56 |
           (uint64_t)argument << 32 | value;
}

static inline uint64_t snnwire_pack_event(const struct snnwire_event *event)
{
    return (event->time_us & UINT32_MAX) << 30 | (uint64_t)event->layer << 24 |
           (uint64_t)event->feature << 14 | (uint64_t)event->y << 7 | event->x;
}

/* Not 0 where a field does not fit. */
static inline uint64_t snnwire_excess(const struct snnwire_event *event)
{
    return (event->layer & ~SNNWIRE_LAYER_MAX) | (event->feature & ~SNNWIRE_FEATURE_MAX) |
           ((uint32_t)(event->y | event->x) & ~SNNWIRE_COORDINATE_MAX);
}

static inline void snnwire_unpack_event(struct snnwire_event *out, uint64_t word, uint32_t epoch)
{
    out->time_us = (uint64_t)epoch << 32 | (word >> 30 & UINT32_MAX);
    out->layer = word >> 24 & SNNWIRE_LAYER_MAX;
    out->feature = word >> 14 & SNNWIRE_FEATURE_MAX;
    out->y = word >> 7 & SNNWIRE_COORDINATE_MAX;
    out->x = word & SNNWIRE_COORDINATE_MAX;
}

/* What a SEQUENCE has beside its value: any single bit of the word that flips shows. */
static inline uint32_t snnwire_seal(uint32_t sequence)
{
    return ~(sequence ^ sequence >> 24) & SNNWIRE_ARGUMENT_MAX;
}

#endif
