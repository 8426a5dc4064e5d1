/* Queues of transfers, see queue.h. */
#include "device/transport/queue.h"

#include <time.h>

#include "libsnn/base/error.h"

void snndev_queue_put(struct snndev_queue *queue, struct snndev_transfer *transfer)
{
    transfer->own = NULL;
    if (queue->last != NULL)
        queue->last->own = transfer;
    else
        queue->first = transfer;
    queue->last = transfer;
}

struct snndev_transfer *snndev_queue_take(struct snndev_queue *queue)
{
    struct snndev_transfer *transfer = queue->first;
    if (transfer == NULL) return NULL;
    queue->first = transfer->own;
    if (queue->first == NULL) queue->last = NULL;
    transfer->own = NULL;
    return transfer;
}

uint64_t snndev_now_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

int snndev_desk_init(struct snndev_desk *desk, struct snn_context *context)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "no memory for a device's lock");
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&desk->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (failed == 0) {
        failed = pthread_mutex_init(&desk->lock, NULL);
        if (failed != 0) (void)pthread_cond_destroy(&desk->changed);
    }
    if (failed != 0) return snnbase_fail(context, SNN_ERR_NOMEM, "no memory for a device's lock");
    desk->in = desk->out = desk->ended = (struct snndev_queue){NULL, NULL};
    desk->woken = false;
    return SNN_OK;
}

void snndev_desk_fini(struct snndev_desk *desk)
{
    (void)pthread_mutex_destroy(&desk->lock);
    (void)pthread_cond_destroy(&desk->changed);
}

void snndev_desk_end(struct snndev_desk *desk, struct snndev_transfer *transfer,
                     enum snndev_outcome outcome)
{
    transfer->outcome = outcome;
    snndev_queue_put(&desk->ended, transfer);
    (void)pthread_cond_broadcast(&desk->changed);
}

void snndev_desk_end_all(struct snndev_desk *desk, struct snndev_queue *queue,
                         enum snndev_outcome outcome)
{
    for (struct snndev_transfer *transfer; (transfer = snndev_queue_take(queue)) != NULL;) {
        transfer->actual = 0;
        snndev_desk_end(desk, transfer, outcome);
    }
}

bool snndev_desk_wait(struct snndev_desk *desk, uint64_t until_us)
{
    const struct timespec until = {.tv_sec = (time_t)(until_us / 1000000u),
                                   .tv_nsec = (long)(until_us % 1000000u * 1000u)};
    if (snndev_now_us() >= until_us) return false;
    (void)pthread_cond_timedwait(&desk->changed, &desk->lock, &until);
    return true;
}

struct snndev_transfer *snndev_desk_reap(struct snndev_desk *desk, unsigned timeout_ms)
{
    const uint64_t until = snndev_now_us() + timeout_ms * (uint64_t)1000;
    (void)pthread_mutex_lock(&desk->lock);
    while (desk->ended.first == NULL && !desk->woken && snndev_desk_wait(desk, until)) {
    }
    struct snndev_transfer *transfer = snndev_queue_take(&desk->ended);
    if (transfer == NULL) desk->woken = false;
    (void)pthread_mutex_unlock(&desk->lock);
    return transfer;
}

void snndev_desk_wake(struct snndev_desk *desk)
{
    (void)pthread_mutex_lock(&desk->lock);
    desk->woken = true;
    (void)pthread_cond_broadcast(&desk->changed);
    (void)pthread_mutex_unlock(&desk->lock);
}
