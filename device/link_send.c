/* Events and marks into packets, and packets out as far as the device gave credit; the sender's
 * thread. See link_parts.h.
 *
 * A packet is at most half the device's credit, of which the device tells at the latest when half
 * of it was used: so there is always room for a packet in the end, and nobody waits for the other.
 */
#include "device/link_parts.h"
#include "libsnn/base/error.h"

/* Of every packet, for the CHECK that a flush adds. */
#define RESERVE SNNWIRE_WORD_BYTES

void snndev_send_reset(struct snndev_link *link)
{
    link->sender = (struct snndev_sender){0};
}

/* Whether a packet of that many words may go; of 0: whether there is one to fill. */
static bool is_ready(const struct snndev_link *link, uint32_t words)
{
    const struct snndev_out *out = &link->out;
    if (words == 0) return out->count < SNNDEV_OUT_MAX;
    return out->sent - out->credited + words <= link->hello.buffer_words;
}

/* With the lock held. */
static int wait_ready(struct snndev_link *link, struct snn_context *context, uint32_t words)
{
    const uint64_t until = snndev_link_now() + link->timeout_ms;
    bool in_time = true;
    while (link->status == SNN_OK && !is_ready(link, words) && in_time)
        in_time = snndev_link_wait(link, &link->room, until);
    if (link->status != SNN_OK) return snndev_link_explain(link, context);
    if (is_ready(link, words)) return SNN_OK;
    if (words == 0)
        return snnbase_fail(context, SNN_ERR_TIMEOUT, "%s %s: no packet went out within %u ms",
                            link->hello.chip, link->hello.serial, link->timeout_ms);
    return snnbase_fail(context, SNN_ERR_TIMEOUT,
                        "%s %s: no credit for %u words within %u ms (%u of %u are on their way)",
                        link->hello.chip, link->hello.serial, words, link->timeout_ms,
                        link->out.sent - link->out.credited, link->hello.buffer_words);
}

/* Where the next words go. */
static int take_packet(struct snndev_link *link, struct snn_context *context)
{
    if (link->sender.packet != NULL) return SNN_OK;
    if (!link->started)
        return snnbase_fail(context, SNN_ERR_INVALID, "the stream has not been started");
    (void)pthread_mutex_lock(&link->lock);
    const int status = wait_ready(link, context, 0);
    if (status == SNN_OK) link->sender.packet = snndev_out_packet(link);
    (void)pthread_mutex_unlock(&link->lock);
    link->sender.filled = 0;
    return status;
}

static int send_packet(struct snndev_link *link, struct snn_context *context)
{
    struct snndev_sender *sender = &link->sender;
    (void)pthread_mutex_lock(&link->lock);
    const int status = wait_ready(link, context, (uint32_t)(sender->filled / SNNWIRE_WORD_BYTES));
    if (status == SNN_OK) {
        snndev_out_push(link, sender->filled);
        sender->packet = NULL;
    }
    (void)pthread_mutex_unlock(&link->lock);
    return status;
}

/* 0 also where a packet that a flush completed, its CHECK in the reserve, has not gone out yet. */
static size_t room_of(const struct snndev_link *link)
{
    const size_t taken = link->sender.filled + RESERVE;
    return taken < link->packet_bytes ? link->packet_bytes - taken : 0;
}

static bool is_full(const struct snndev_link *link)
{
    return room_of(link) / SNNWIRE_WORD_BYTES < SNNWIRE_EVENT_WORDS_MAX;
}

/* A packet with room for an event or a mark. */
static int open_packet(struct snndev_link *link, struct snn_context *context)
{
    if (link->sender.packet != NULL && is_full(link)) {
        const int status = send_packet(link, context);
        if (status != SNN_OK) return status;
    }
    return take_packet(link, context);
}

static int fail_address(struct snn_context *context, const struct snnwire_event *event)
{
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "event of layer %u, feature %u, y %u, x %u: the wire has room for %u, %u, "
                        "%u, %u",
                        event->layer, event->feature, event->y, event->x, SNNWIRE_LAYER_MAX,
                        SNNWIRE_FEATURE_MAX, SNNWIRE_COORDINATE_MAX, SNNWIRE_COORDINATE_MAX);
}

static void count_out(struct snndev_link *link, size_t count)
{
    (void)pthread_mutex_lock(&link->lock);
    link->counters.events_out += count;
    (void)pthread_mutex_unlock(&link->lock);
}

int snndev_link_send(struct snndev_link *link, struct snn_context *context,
                     const struct snnwire_event *events, size_t count)
{
    struct snndev_sender *sender = &link->sender;
    size_t done = 0;
    int status = SNN_OK;
    while (done < count && status == SNN_OK) {
        size_t bytes = 0;
        status = open_packet(link, context);
        if (status != SNN_OK) break;
        done += snnwire_write_events(&sender->writer, events + done, count - done,
                                     sender->packet + sender->filled, room_of(link), &bytes);
        sender->filled += bytes;
        if (done < count && !is_full(link)) status = fail_address(context, &events[done]);
    }
    count_out(link, done);
    return status;
}

int snndev_link_mark(struct snndev_link *link, struct snn_context *context, enum snnwire_mark mark,
                     uint32_t argument, uint32_t value)
{
    struct snndev_sender *sender = &link->sender;
    const int status = open_packet(link, context);
    if (status != SNN_OK) return status;
    const size_t bytes =
        snnwire_write_mark(&sender->writer, mark, argument, value, sender->packet + sender->filled);
    if (bytes == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "mark %u is the writer's own", mark);
    sender->filled += bytes;
    return SNN_OK;
}

int snndev_link_flush(struct snndev_link *link, struct snn_context *context)
{
    struct snndev_sender *sender = &link->sender;
    if (sender->writer.unchecked > 0) {
        const int status = take_packet(link, context);
        if (status != SNN_OK) return status;
        sender->filled += snnwire_write_check(&sender->writer, sender->packet + sender->filled);
    }
    return sender->packet != NULL && sender->filled > 0 ? send_packet(link, context) : SNN_OK;
}
