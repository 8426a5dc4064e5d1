/* The order of a step's input events, for asynchronous semantics: one 64-bit key an event, its time
 * above its address, ascending in time. Events of one time arrive together.
 *
 * Equal keys are events of one address at one time, which nothing can tell apart: so the order is
 * defined by the keys alone. docs/semantics.md says how the times come about.
 */
#ifndef SNN_STREAM_ORDER_H
#define SNN_STREAM_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/stream.h"

/* Most input events of one step. */
#define SNNSTREAM_SEQUENCE_MAX ((size_t)1 << 24)

/* Where an address stands in the dither that `interleave` spreads a step by: row ^ column ^
 * channel, in 2^-32 of the step. */
struct snnstream_dither {
    uint32_t *row, *column, *channel; /* by coordinate */
};

/* A step's events in the order of their arrival. Zeroed to begin with. */
struct snnstream_sequence {
    enum snn_order order;
    struct snn_shape shape; /* of the input */
    struct snnstream_dither dither;
    uint64_t *key; /* the address is the low half, the time the high one */
    uint64_t *scratch;
    size_t count;
    uint64_t *memory; /* of both */
    size_t capacity;
};

/* Which step this is, for the random order. */
struct snnstream_moment {
    uint64_t seed;
    uint64_t sample;
    uint64_t step;
};

/* The tables come from `arena`. Errors: NOMEM. */
int snnstream_sequence_init(struct snnstream_sequence *sequence, struct snn_context *context,
                            struct snnbase_arena *arena, enum snn_order order,
                            struct snn_shape shape);

/* Room for every step of `spikes`. Errors: UNSUPPORTED (analog input), INVALID (order `recorded`
 * without single events), LIMIT (too many events in a step), NOMEM. */
int snnstream_sequence_reserve(struct snnstream_sequence *sequence, struct snn_context *context,
                               const struct snn_spikes *spikes);
void snnstream_sequence_fini(struct snnstream_sequence *sequence,
                             const struct snn_allocator *allocator);

/* Puts the events of step `row` of `spikes` in order, for which there is room. `recorded` needs
 * their single events. */
void snnstream_sequence_make(struct snnstream_sequence *sequence, const struct snn_spikes *spikes,
                             uint32_t row, const struct snnstream_moment *moment);

#endif
