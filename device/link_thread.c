/* The event thread of a link: reaps what ended, hands it to its direction, submits what may go.
 *
 * It waits in the transport while transfers are in flight, and for a condition while there are
 * none; either way until something happens or is due.
 */
#include "device/link_parts.h"
#include "libsnn/base/error.h"

/* Nobody needs it to look sooner. */
#define IDLE_MS 10000u

static bool is_over(struct snndev_link *link)
{
    if (!link->closing) return false;
    return link->in.flying + link->out.flying == 0 || snndev_link_now() >= link->close_by;
}

static void service(struct snndev_link *link)
{
    if (link->status == SNN_OK && !link->pausing && !link->closing) snndev_in_service(link);
    if (link->status == SNN_OK && !link->pausing && !link->closing) snndev_out_service(link);
    if (link->in.flying + link->out.flying == 0) (void)pthread_cond_broadcast(&link->idle);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t due(const struct snndev_link *link)
{
    if (link->closing) return link->close_by;
    if (link->status != SNN_OK || link->pausing) return SNNDEV_NO_TIME;
    return earlier(snndev_trouble_due(&link->in.trouble, link->in.flying),
                   snndev_trouble_due(&link->out.trouble, link->out.flying));
}

static void reap(struct snndev_link *link, uint64_t until)
{
    const uint64_t now = snndev_link_now();
    uint64_t wait = IDLE_MS;
    if (until != SNNDEV_NO_TIME) wait = earlier(wait, until > now ? until - now : 0);
    (void)pthread_mutex_unlock(&link->lock);
    struct snndev_transfer *transfer = link->transport->reap(link->self, (unsigned)wait);
    (void)pthread_mutex_lock(&link->lock);
    if (transfer == NULL) return;
    if (transfer->out)
        snndev_out_home(link, transfer);
    else
        snndev_in_home(link, transfer);
}

static void *run(void *user)
{
    struct snndev_link *link = user;
    (void)pthread_mutex_lock(&link->lock);
    for (;;) {
        service(link);
        if (is_over(link)) break;
        const uint64_t until = due(link);
        if (link->in.flying + link->out.flying > 0)
            reap(link, until);
        else
            (void)snndev_link_wait(link, &link->work, until);
    }
    (void)pthread_mutex_unlock(&link->lock);
    return NULL;
}

int snndev_thread_start(struct snndev_link *link, struct snn_context *context)
{
    if (pthread_create(&link->thread, NULL, run, link) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "no thread for the device");
    return SNN_OK;
}

bool snndev_thread_pause(struct snndev_link *link, uint64_t until)
{
    bool in_time = true;
    link->pausing = true;
    link->transport->cancel_all(link->self);
    (void)pthread_cond_signal(&link->work);
    while (link->in.flying + link->out.flying > 0 && in_time)
        in_time = snndev_link_wait(link, &link->idle, until);
    return link->in.flying + link->out.flying == 0;
}

void snndev_thread_resume(struct snndev_link *link)
{
    link->pausing = false;
    (void)pthread_cond_signal(&link->work);
}

void snndev_thread_stop(struct snndev_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    link->closing = true;
    link->close_by = snndev_link_now() + SNNDEV_CLOSE_MS;
    link->transport->cancel_all(link->self);
    (void)pthread_cond_signal(&link->work);
    (void)pthread_mutex_unlock(&link->lock);
    link->transport->wake(link->self);
    (void)pthread_join(link->thread, NULL);
}
