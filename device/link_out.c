/* Packets to the device, in the order of the stream; see link_parts.h.
 *
 * Invariant: packets are done from the front. Whatever makes one come home undone, those behind it
 * come home as well before anything is submitted again, so that no word overtakes another.
 */
#include "device/link_parts.h"
#include "libsnn/base/memory.h"

static uint8_t *base_of(const struct snndev_link *link, uint32_t index)
{
    return link->out.memory + (size_t)index * link->packet_bytes;
}

int snndev_out_init(struct snndev_link *link, struct snn_context *context)
{
    link->out.memory = snnbase_alloc_aligned(context, SNNDEV_OUT_MAX, link->packet_bytes);
    return link->out.memory == NULL ? SNN_ERR_NOMEM : SNN_OK;
}

void snndev_out_reset(struct snndev_link *link)
{
    struct snndev_out *out = &link->out;
    snndev_trouble_init(&out->trouble);
    out->head = out->count = 0;
    out->recalled = false;
    out->sent = out->credited = 0;
}

static uint32_t index_of(const struct snndev_out *out, uint32_t position)
{
    return (out->head + position) % SNNDEV_OUT_MAX;
}

uint8_t *snndev_out_packet(struct snndev_link *link)
{
    return base_of(link, index_of(&link->out, link->out.count));
}

void snndev_out_credit(struct snndev_link *link, uint32_t taken)
{
    struct snndev_out *out = &link->out;
    /* More than was sent, or less than it said before: not to be believed. */
    if (taken - out->credited > out->sent - out->credited) return;
    out->credited = taken;
    (void)pthread_cond_signal(&link->room);
}

/* The words of the stream that a packet has in them are counted at its first submission only. */
static bool submit(struct snndev_link *link, uint32_t index)
{
    struct snndev_out *out = &link->out;
    const int status = link->transport->submit(link->self, &out->transfers[index]);
    if (status != SNN_OK) {
        snndev_trouble_submit(link, &out->trouble, status);
        return false;
    }
    out->states[index] = SNNDEV_OUT_FLYING;
    out->flying++;
    return true;
}

static bool may_submit(const struct snndev_link *link)
{
    return link->status == SNN_OK && !link->pausing && !link->closing;
}

/* All before it have been submitted, too. */
static bool is_next(const struct snndev_link *link)
{
    const struct snndev_out *out = &link->out;
    return !out->recalled && !out->trouble.halted && out->trouble.retry_at == SNNDEV_NO_TIME &&
           (out->count == 0 || out->states[index_of(out, out->count - 1)] == SNNDEV_OUT_FLYING);
}

void snndev_out_push(struct snndev_link *link, size_t size)
{
    struct snndev_out *out = &link->out;
    const uint32_t index = index_of(out, out->count);
    struct snndev_transfer *transfer = &out->transfers[index];
    const bool next = is_next(link) && may_submit(link);
    transfer->bytes = base_of(link, index);
    transfer->size = size;
    transfer->out = true;
    out->states[index] = SNNDEV_OUT_QUEUED;
    out->count++;
    out->sent += (uint32_t)(size / SNNWIRE_WORD_BYTES);
    link->counters.words_out += size / SNNWIRE_WORD_BYTES;
    if (link->tape != NULL) snndev_tape_out(link->tape, transfer->bytes, size);
    if (next && submit(link, index)) {
        if (out->flying + link->in.flying == 1) (void)pthread_cond_signal(&link->work);
        return;
    }
    (void)pthread_cond_signal(&link->work);
    link->transport->wake(link->self);
}

/* What the transfer took off its packet. */
static void advance(struct snndev_link *link, uint32_t index)
{
    struct snndev_out *out = &link->out;
    struct snndev_transfer *transfer = &out->transfers[index];
    const enum snndev_outcome outcome = transfer->outcome;
    size_t taken = transfer->actual < transfer->size ? transfer->actual : transfer->size;
    if (outcome == SNNDEV_FAILED || outcome == SNNDEV_OVERFLOWED || outcome == SNNDEV_VANISHED)
        taken = 0;
    if (taken > 0) out->trouble.failures = 0;
    transfer->bytes += taken;
    transfer->size -= taken;
    out->states[index] = transfer->size == 0 ? SNNDEV_OUT_DONE : SNNDEV_OUT_QUEUED;
}

/* Lets go of packets from the front. */
static void release(struct snndev_link *link)
{
    struct snndev_out *out = &link->out;
    const uint32_t before = out->count;
    while (out->count > 0 && out->states[out->head] == SNNDEV_OUT_DONE) {
        out->head = index_of(out, 1);
        out->count--;
    }
    if (out->count < before) (void)pthread_cond_signal(&link->room);
}

void snndev_out_home(struct snndev_link *link, struct snndev_transfer *transfer)
{
    struct snndev_out *out = &link->out;
    const uint32_t index = (uint32_t)(transfer - out->transfers);
    out->flying--;
    advance(link, index);
    if (out->states[index] == SNNDEV_OUT_DONE && index != out->head && !link->pausing)
        snndev_link_fail(link, SNN_ERR_IO, "words went out past others that the bus refused");
    release(link);
    snndev_trouble_note(link, &out->trouble, transfer->outcome);
}

void snndev_out_service(struct snndev_link *link)
{
    struct snndev_out *out = &link->out;
    if (out->trouble.halted || out->trouble.retry_at != SNNDEV_NO_TIME) {
        if (!snndev_trouble_over(link, &out->trouble, true, &out->flying)) return;
    }
    if (out->flying > 0) return;
    out->recalled = false;
    for (uint32_t i = 0; i < out->count; i++) {
        if (!submit(link, index_of(out, i))) return;
    }
}
