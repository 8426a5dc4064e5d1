/* The order of a step's input events, for asynchronous semantics: one 64-bit key an event, its time
 * above its address, ascending in time. Events of one time arrive together.
 *
 * Equal keys are events of one address at one time, which nothing can tell apart: so the order is
 * defined by the keys alone. docs/semantics.md says how the times come about.
 */
#ifndef SNN_SIM_EVENT_ORDER_H
#define SNN_SIM_EVENT_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/stream.h"

enum snnsim_order {
    SNNSIM_ORDER_RASTER,
    SNNSIM_ORDER_INTERLEAVE,
    SNNSIM_ORDER_RANDOM,
    SNNSIM_ORDER_RECORDED
};

#define SNNSIM_ORDER_COUNT 4

/* Indexed by enum snnsim_order. */
extern const char *const snnsim_order_names[SNNSIM_ORDER_COUNT];

/* Most input events of one step. */
#define SNNSIM_SEQUENCE_MAX ((size_t)1 << 24)

/* Where an address stands in the dither that `interleave` spreads a step by: row ^ column ^
 * channel, in 2^-32 of the step. */
struct snnsim_dither {
    uint32_t *row, *column, *channel; /* by coordinate */
};

/* A step's events in the order of their arrival. Zeroed to begin with. */
struct snnsim_sequence {
    enum snnsim_order order;
    struct snn_shape shape; /* of the input */
    struct snnsim_dither dither;
    uint64_t *key; /* the address is the low half, the time the high one */
    uint64_t *scratch;
    size_t count;
    uint64_t *memory; /* of both */
    size_t capacity;
};

/* Which step this is, for the random order. */
struct snnsim_moment {
    uint64_t seed;
    uint64_t sample;
    uint64_t step;
};

/* The tables come from `arena`. Errors: NOMEM. */
int snnsim_sequence_init(struct snnsim_sequence *sequence, struct snn_context *context,
                         struct snnbase_arena *arena, enum snnsim_order order,
                         struct snn_shape shape);

/* Room for every step of `spikes`. Errors: LIMIT (too many events in a step), NOMEM. */
int snnsim_sequence_reserve(struct snnsim_sequence *sequence, struct snn_context *context,
                            const struct snn_spikes *spikes);
void snnsim_sequence_fini(struct snnsim_sequence *sequence, const struct snn_allocator *allocator);

/* Puts the events of step `row` of `spikes` in order, for which there is room. `recorded` needs
 * their single events. */
void snnsim_sequence_make(struct snnsim_sequence *sequence, const struct snn_spikes *spikes,
                          uint32_t row, const struct snnsim_moment *moment);

#endif
