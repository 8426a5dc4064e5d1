/* Transfers towards the host: submitted into free slots, scanned when they come home, handed to the
 * reader, submitted anew; see link_parts.h.
 *
 * Invariant: each transfer owns one slot, in flight or parked. Where no other slot is free it goes
 * on with the one it has, and what was in it is lost, up to the next block of words: behind that,
 * the decoder needs to know nothing of what it missed but how much.
 */
#include "device/link_parts.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

int snndev_in_init(struct snndev_link *link, struct snn_context *context)
{
    struct snndev_in *in = &link->in;
    in->transfers = snnbase_alloc(context, link->transfer_count, sizeof(*in->transfers));
    in->parked = snnbase_alloc(context, link->transfer_count, sizeof(struct snndev_transfer *));
    if (in->transfers == NULL || in->parked == NULL) return SNN_ERR_NOMEM;
    const int status =
        snndev_ring_init(&link->ring, context, link->ring_slots, link->transfer_bytes);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < link->transfer_count; i++) {
        in->transfers[i].bytes = snndev_ring_take_slot(&link->ring);
        in->transfers[i].size = link->transfer_bytes;
        in->parked[in->parked_count++] = &in->transfers[i];
    }
    link->counters.transfers = link->transfer_count;
    return SNN_OK;
}

void snndev_in_reset(struct snndev_link *link)
{
    struct snndev_entry entry;
    snndev_trouble_init(&link->in.trouble);
    link->in.scan = (struct snndev_scan){0};
    link->in.losing = false;
    link->in.words = link->in.skipped = 0;
    while (snndev_ring_pop(&link->ring, &entry)) {
        if (entry.bytes != NULL) snndev_ring_give_slot(&link->ring, entry.bytes);
    }
}

/* ---- Coming home ---- */

static void keep_mark(struct snndev_link *link, const struct snnwire_item *mark)
{
    struct snnwire_item dropped;
    snndev_ring_push_mark(&link->ring, mark, &dropped);
    if (!dropped.is_mark || dropped.mark != SNNWIRE_MARK_GAP) return;
    if (dropped.argument == SNNWIRE_LOSS_DEVICE) link->counters.dropped_device += dropped.value;
    if (dropped.argument == SNNWIRE_LOSS_TRANSPORT)
        link->counters.dropped_transport += dropped.value;
}

/* A hole in the sequence among words that no decoder gets to see. */
static void pass_hole(struct snndev_link *link, uint32_t hole)
{
    if (hole == 0 || hole > INT32_MAX) return;
    keep_mark(link, &(struct snnwire_item){.is_mark = true,
                                           .mark = SNNWIRE_MARK_GAP,
                                           .argument = SNNWIRE_LOSS_TRANSPORT,
                                           .value = hole});
    link->in.skipped += hole;
}

/* A word in what is lost. True: it begins a block, and there is a slot to go on with. */
static bool pass_lost(struct snndev_link *link, const struct snndev_scan_step *step, bool has_slot)
{
    struct snndev_in *in = &link->in;
    struct snnwire_item item;
    if (snndev_scan_opens_block(step->word)) {
        pass_hole(link, (uint32_t)step->word - in->words);
        if (has_slot) {
            snndev_ring_push_resume(&link->ring, in->skipped, in->scan.residue, step->residue);
            return true;
        }
    }
    in->skipped++;
    if (snndev_scan_item(step->word, &item) && item.mark != SNNWIRE_MARK_CREDIT)
        keep_mark(link, &item);
    return false;
}

static void count_events(struct snndev_link *link, uint32_t events)
{
    link->arrived_events += events;
    link->in.words += events;
    if (!link->in.losing) return;
    link->in.skipped += events;
    link->counters.dropped_host += events;
    snndev_ring_push_loss(&link->ring, events);
}

/* A word that is no event. True: the reader goes on with it. */
static bool look_at_word(struct snndev_link *link, const struct snndev_scan_step *step,
                         bool has_slot)
{
    struct snndev_in *in = &link->in;
    if (snndev_scan_is(step->word, SNNWIRE_MARK_CREDIT))
        snndev_out_credit(link, (uint32_t)step->word);
    const bool resumes = in->losing && pass_lost(link, step, has_slot);
    if (resumes) in->losing = false;
    if (snndev_scan_opens_block(step->word)) in->words = (uint32_t)step->word;
    in->words++;
    return resumes;
}

/* Looks at the words of a transfer; where those begin that the reader gets. */
static size_t look_at(struct snndev_link *link, const struct snndev_transfer *transfer,
                      bool has_slot)
{
    struct snndev_scan_step step;
    size_t at = 0, begin = 0;
    while (at < transfer->actual) {
        at = snndev_scan_next(&link->in.scan, transfer->bytes, transfer->actual, at, &step);
        count_events(link, step.events);
        link->counters.words_in += step.events + (step.found ? 1 : 0);
        if (step.found && look_at_word(link, &step, has_slot)) begin = step.begin;
    }
    return begin;
}

/* The slot goes to the reader, the transfer goes on with another one: or the words are lost. */
static void hand_over(struct snndev_link *link, struct snndev_transfer *transfer)
{
    struct snndev_in *in = &link->in;
    uint8_t *next = snndev_ring_take_slot(&link->ring);
    if (next == NULL) link->counters.spare_used++;
    if (next == NULL && !in->losing) {
        in->losing = true;
        in->skipped = 0;
        snndev_ring_push_cut(&link->ring);
    }
    const size_t begin = look_at(link, transfer, next != NULL);
    if (in->losing) {
        if (next != NULL) snndev_ring_give_slot(&link->ring, next);
    } else {
        snndev_ring_push_bytes(&link->ring, transfer->bytes, begin, transfer->actual);
        transfer->bytes = next;
    }
}

static void take_data(struct snndev_link *link, struct snndev_transfer *transfer)
{
    if (!link->in.losing && snndev_ring_append(&link->ring, transfer->bytes, transfer->actual))
        (void)look_at(link, transfer, true);
    else
        hand_over(link, transfer);
    (void)pthread_cond_signal(&link->arrived);
}

static bool has_data(const struct snndev_transfer *transfer)
{
    const enum snndev_outcome outcome = transfer->outcome;
    return transfer->actual > 0 && outcome != SNNDEV_FAILED && outcome != SNNDEV_OVERFLOWED &&
           outcome != SNNDEV_VANISHED;
}

void snndev_in_home(struct snndev_link *link, struct snndev_transfer *transfer)
{
    struct snndev_in *in = &link->in;
    in->flying--;
    in->parked[in->parked_count++] = transfer;
    if (link->tape != NULL)
        snndev_tape_in(link->tape, transfer->bytes, transfer->actual, transfer->outcome);
    if (has_data(transfer) && !link->pausing) {
        in->trouble.failures = 0;
        take_data(link, transfer);
    }
    if (transfer->outcome == SNNDEV_COMPLETED && transfer->actual < transfer->size)
        link->counters.short_packets++;
    snndev_trouble_note(link, &in->trouble, transfer->outcome);
    if (link->status != SNN_OK && in->flying == 0) (void)pthread_cond_signal(&link->arrived);
}

/* ---- Going out again ---- */

/* The transfer is one too many for the host's memory. */
static void retire(struct snndev_link *link, struct snndev_transfer *transfer)
{
    snndev_ring_give_slot(&link->ring, transfer->bytes);
    transfer->bytes = NULL;
    link->counters.transfers--;
}

/* Submits what is parked, or retires it as long as others are left. */
static int submit_parked(struct snndev_link *link)
{
    struct snndev_in *in = &link->in;
    while (in->parked_count > 0) {
        struct snndev_transfer *transfer = in->parked[in->parked_count - 1];
        const int status = link->transport->submit(link->self, transfer);
        if (status == SNN_ERR_NOMEM && link->counters.transfers > 1) {
            in->parked_count--;
            retire(link, transfer);
        } else if (status != SNN_OK) {
            return status;
        } else {
            in->parked_count--;
            in->flying++;
        }
    }
    return SNN_OK;
}

void snndev_in_service(struct snndev_link *link)
{
    struct snndev_in *in = &link->in;
    if (in->parked_count == 0 && !in->trouble.halted && in->trouble.retry_at == SNNDEV_NO_TIME)
        return;
    if (!snndev_trouble_over(link, &in->trouble, false, &in->flying)) return;
    const int status = submit_parked(link);
    if (status != SNN_OK) snndev_trouble_submit(link, &in->trouble, status);
}

/* Where the host's memory is short: a quarter of what it lends is for transfers to the device. */
static int make_room(struct snndev_link *link, struct snn_context *context)
{
    struct snndev_in *in = &link->in;
    const uint32_t kept = link->counters.transfers - link->counters.transfers / 4;
    const uint64_t until = snndev_link_now() + link->timeout_ms;
    link->transport->cancel_all(link->self);
    while (in->flying > 0 && snndev_link_now() < until) {
        struct snndev_transfer *transfer = link->transport->reap(link->self, link->timeout_ms);
        if (transfer == NULL) continue;
        in->flying--;
        in->parked[in->parked_count++] = transfer;
    }
    if (in->flying > 0) return snnbase_fail(context, SNN_ERR_TIMEOUT, "transfers do not end");
    while (in->parked_count > kept)
        retire(link, in->parked[--in->parked_count]);
    return submit_parked(link);
}

int snndev_in_start(struct snndev_link *link, struct snn_context *context)
{
    const uint32_t wanted = link->counters.transfers;
    int status = submit_parked(link);
    if (status == SNN_OK && link->counters.transfers < wanted) status = make_room(link, context);
    if (status == SNN_ERR_NOMEM)
        return snnbase_fail(context, status, "the host lends no memory for a single transfer");
    if (status == SNN_ERR_GONE) return snnbase_fail(context, status, "the device is gone");
    return status == SNN_OK ? SNN_OK
                            : snnbase_fail(context, status, "the first transfer is refused");
}
