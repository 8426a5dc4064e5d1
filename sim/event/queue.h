/* The queue of asynchronous semantics: spikes of all layers and input events, first in, first out.
 *
 * A ring that grows where more are on their way at once than it was made for, up to a limit.
 */
#ifndef SNN_SIM_EVENT_QUEUE_H
#define SNN_SIM_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"

/* A spike, or an input event. */
struct snnsim_event {
    uint32_t source; /* population; the population count stands for the input */
    uint32_t channel, y, x;
};

/* The capacity is a power of two. Zeroed to begin with. */
struct snnsim_queue {
    struct snnsim_event *events;
    size_t capacity, first, count, high_water;
};

/* Most events of a queue. */
#define SNNSIM_QUEUE_MAX ((size_t)1 << 24)

/* Room for `more` events. Errors: LIMIT, NOMEM. */
int snnsim_queue_reserve(struct snnsim_queue *queue, struct snn_context *context, size_t more);
void snnsim_queue_fini(struct snnsim_queue *queue, const struct snn_allocator *allocator);

/* There is room. */
static inline void snnsim_queue_push(struct snnsim_queue *q, struct snnsim_event event)
{
    q->events[(q->first + q->count++) & (q->capacity - 1)] = event;
    if (q->count > q->high_water) q->high_water = q->count;
}

/* There is an event. */
static inline struct snnsim_event snnsim_queue_pop(struct snnsim_queue *q)
{
    const struct snnsim_event event = q->events[q->first];
    q->first = (q->first + 1) & (q->capacity - 1);
    q->count--;
    return event;
}

#endif
