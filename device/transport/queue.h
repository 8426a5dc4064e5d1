/* Queues of transfers, for transports that have no host controller to keep them: what was
 * submitted, per direction, and what has ended. A transfer's `own` is the link to the next one.
 */
#ifndef SNN_DEVICE_QUEUE_H
#define SNN_DEVICE_QUEUE_H

#include <pthread.h>

#include "device/transport.h"

struct snndev_queue {
    struct snndev_transfer *first, *last;
};

void snndev_queue_put(struct snndev_queue *queue, struct snndev_transfer *transfer);
/* The first, which leaves the queue; NULL: it is empty. */
struct snndev_transfer *snndev_queue_take(struct snndev_queue *queue);

/* Everything but init, fini, reap and wake is called with the lock held. */
struct snndev_desk {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something ended, was answered, or a reap is to return */
    struct snndev_queue in, out, ended;
    bool woken;
};

/* Errors: NOMEM. */
int snndev_desk_init(struct snndev_desk *desk, struct snn_context *context);
void snndev_desk_fini(struct snndev_desk *desk);
/* Ends a transfer that was taken from its queue. */
void snndev_desk_end(struct snndev_desk *desk, struct snndev_transfer *transfer,
                     enum snndev_outcome outcome);
/* Ends all of a queue, without data. */
void snndev_desk_end_all(struct snndev_desk *desk, struct snndev_queue *queue,
                         enum snndev_outcome outcome);
/* As reap and wake of a transport. */
struct snndev_transfer *snndev_desk_reap(struct snndev_desk *desk, unsigned timeout_ms);
void snndev_desk_wake(struct snndev_desk *desk);
/* Waits for a change, at most until the time; false: it has passed. */
bool snndev_desk_wait(struct snndev_desk *desk, uint64_t until_us);

/* Of a clock that never goes back. */
uint64_t snndev_now_us(void);

#endif
