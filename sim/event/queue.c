/* Growing the queue of asynchronous semantics.
 */
#include "sim/event/queue.h"

#include <string.h>

#include "libsnn/base/error.h"

#define CAPACITY_MIN ((size_t)1 << 10)

int snnsim_queue_reserve(struct snnsim_queue *q, struct snn_context *context, size_t more)
{
    if (more <= q->capacity - q->count) return SNN_OK;
    size_t capacity = q->capacity > 0 ? q->capacity : CAPACITY_MIN;
    while (capacity - q->count < more && capacity <= SNNSIM_QUEUE_MAX)
        capacity *= 2;
    if (capacity > SNNSIM_QUEUE_MAX) {
        snnbase_fail(context, SNN_ERR_LIMIT,
                     "asynchronous semantics: more than %zu spikes are on their way at once",
                     SNNSIM_QUEUE_MAX);
        return snnbase_hint(context, "thresholds may be far too low: look at --norm");
    }
    struct snnsim_event *events = snnbase_alloc(context, capacity, sizeof(*events));
    if (events == NULL) return SNN_ERR_NOMEM;
    const size_t end = q->capacity - q->first; /* where the ring begins anew */
    const size_t tail = end < q->count ? end : q->count;
    if (tail > 0) memcpy(events, q->events + q->first, tail * sizeof(*events));
    if (tail < q->count) memcpy(events + tail, q->events, (q->count - tail) * sizeof(*events));
    snnbase_free(context, q->events);
    q->events = events;
    q->capacity = capacity;
    q->first = 0;
    return SNN_OK;
}

void snnsim_queue_fini(struct snnsim_queue *queue, const struct snn_allocator *allocator)
{
    snnbase_allocator_free(allocator, queue->events);
    memset(queue, 0, sizeof(*queue));
}
