/* What stalls, bus errors and a host without memory ask for, in either direction.
 *
 * A stall: all transfers come home (after a while they are called), the halt is cleared, and they
 * are submitted anew; nothing was lost. A bus error: the same transfer once more, later and later.
 * Either fails the stream only if nothing gets through in between.
 */
#include "device/link_parts.h"

void snndev_trouble_init(struct snndev_trouble *trouble)
{
    *trouble = (struct snndev_trouble){.retry_at = SNNDEV_NO_TIME, .drain_by = SNNDEV_NO_TIME};
}

/* Transfers that fail while one waits already are of the same trouble. */
static void back_off(struct snndev_link *link, struct snndev_trouble *trouble, int status,
                     const char *reason)
{
    if (trouble->retry_at != SNNDEV_NO_TIME) return;
    if (trouble->failures == SNNDEV_RETRY_MAX) {
        snndev_link_fail(link, status, reason);
        return;
    }
    trouble->retry_at = snndev_link_now() + (1u << trouble->failures);
    trouble->failures++;
    link->counters.retries++;
}

static void halt(struct snndev_link *link, struct snndev_trouble *trouble)
{
    if (trouble->halted) return;
    trouble->halted = true;
    trouble->drain_by = snndev_link_now() + SNNDEV_DRAIN_MS;
    link->counters.stalls++;
    if (++trouble->failures > SNNDEV_RETRY_MAX)
        snndev_link_fail(link, SNN_ERR_IO, "the endpoint stalls again and again");
}

void snndev_trouble_note(struct snndev_link *link, struct snndev_trouble *trouble,
                         enum snndev_outcome outcome)
{
    if (outcome == SNNDEV_VANISHED) snndev_link_fail(link, SNN_ERR_GONE, "the device is gone");
    if (link->pausing || link->closing || link->status != SNN_OK) return;
    if (outcome == SNNDEV_STALLED)
        halt(link, trouble);
    else if (outcome == SNNDEV_FAILED || outcome == SNNDEV_OVERFLOWED)
        back_off(link, trouble, SNN_ERR_IO, "the bus fails again and again");
}

void snndev_trouble_submit(struct snndev_link *link, struct snndev_trouble *trouble, int status)
{
    if (status == SNN_ERR_GONE)
        snndev_link_fail(link, status, "the device is gone");
    else if (status == SNN_ERR_PROTOCOL)
        snndev_link_fail(link, status, "the transport does not take these words");
    else if (status == SNN_ERR_NOMEM)
        back_off(link, trouble, status, "the host lends no memory for transfers");
    else if (status != SNN_OK)
        back_off(link, trouble, status, "transfers are refused again and again");
}

/* Without the lock: a device may take its time to answer. */
static int clear_halt(struct snndev_link *link, bool out)
{
    (void)pthread_mutex_unlock(&link->lock);
    const int status = link->transport->clear_halt(link->self, out);
    (void)pthread_mutex_lock(&link->lock);
    return status;
}

bool snndev_trouble_over(struct snndev_link *link, struct snndev_trouble *trouble, bool out,
                         const uint32_t *flying)
{
    if (trouble->halted && *flying > 0) {
        if (snndev_link_now() < trouble->drain_by) return false;
        trouble->drain_by = SNNDEV_NO_TIME;
        link->out.recalled = true;
        link->transport->cancel_all(link->self);
        return false;
    }
    if (trouble->retry_at != SNNDEV_NO_TIME && snndev_link_now() < trouble->retry_at) return false;
    trouble->retry_at = SNNDEV_NO_TIME;
    if (!trouble->halted) return true;
    const int status = clear_halt(link, out);
    if (status == SNN_OK) {
        trouble->halted = false;
        trouble->drain_by = SNNDEV_NO_TIME;
        return link->status == SNN_OK && !link->pausing && !link->closing;
    }
    snndev_trouble_submit(link, trouble, status);
    return false;
}

uint64_t snndev_trouble_due(const struct snndev_trouble *trouble, uint32_t flying)
{
    if (trouble->halted && flying > 0) return trouble->drain_by;
    return trouble->retry_at;
}
