/* Time and waiting of the link, and how its stream ends; see link_parts.h.
 *
 * All waiting is for a condition with a deadline of the monotonic clock; nothing sleeps and looks
 * again.
 */
#include <errno.h>
#include <time.h>

#include "device/link_parts.h"
#include "libsnn/base/error.h"

uint64_t snndev_link_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static bool init_conditions(struct snndev_link *link)
{
    pthread_cond_t *const conditions[] = {&link->arrived, &link->room, &link->work, &link->idle};
    pthread_condattr_t attributes;
    unsigned made = 0;
    if (pthread_condattr_init(&attributes) != 0) return false;
    if (pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0) {
        while (made < 4 && pthread_cond_init(conditions[made], &attributes) == 0)
            made++;
    }
    (void)pthread_condattr_destroy(&attributes);
    for (unsigned i = 0; made < 4 && i < made; i++)
        (void)pthread_cond_destroy(conditions[i]);
    return made == 4;
}

int snndev_link_locks_init(struct snndev_link *link, struct snn_context *context)
{
    if (pthread_mutex_init(&link->lock, NULL) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "no lock for the device");
    if (pthread_mutex_init(&link->requests, NULL) == 0) {
        if (init_conditions(link)) return SNN_OK;
        (void)pthread_mutex_destroy(&link->requests);
    }
    (void)pthread_mutex_destroy(&link->lock);
    return snnbase_fail(context, SNN_ERR_NOMEM, "no lock for the device");
}

void snndev_link_locks_fini(struct snndev_link *link)
{
    (void)pthread_cond_destroy(&link->arrived);
    (void)pthread_cond_destroy(&link->room);
    (void)pthread_cond_destroy(&link->work);
    (void)pthread_cond_destroy(&link->idle);
    (void)pthread_mutex_destroy(&link->requests);
    (void)pthread_mutex_destroy(&link->lock);
}

bool snndev_link_wait(struct snndev_link *link, pthread_cond_t *condition, uint64_t until)
{
    if (until == SNNDEV_NO_TIME) {
        (void)pthread_cond_wait(condition, &link->lock);
        return true;
    }
    const struct timespec t = {.tv_sec = (time_t)(until / 1000u),
                               .tv_nsec = (long)(until % 1000u) * 1000000};
    return pthread_cond_timedwait(condition, &link->lock, &t) != ETIMEDOUT;
}

void snndev_link_fail(struct snndev_link *link, int status, const char *reason)
{
    if (link->status != SNN_OK) return;
    const struct snndev_transport_ops *transport = link->transport;
    const char *known = transport->explain != NULL ? transport->explain(link->self) : NULL;
    link->status = known != NULL ? SNN_ERR_PROTOCOL : status;
    link->reason = known != NULL ? known : reason;
    link->over_at = snndev_link_now() + SNNDEV_END_MS;
    if (link->in.flying + link->out.flying > 0) link->transport->cancel_all(link->self);
    (void)pthread_cond_broadcast(&link->arrived);
    (void)pthread_cond_broadcast(&link->room);
    (void)pthread_cond_broadcast(&link->work);
}

int snndev_link_explain(struct snndev_link *link, struct snn_context *context)
{
    return snnbase_fail(context, link->status, "%s %s: %s", link->hello.chip, link->hello.serial,
                        link->reason);
}
