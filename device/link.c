/* Opening and closing of a link: transport, hello, buffers, thread; see link.h.
 *
 * Buffers and the thread come with the start of the stream: whoever only asks something of a
 * device needs neither.
 */
#include "device/link.h"

#include <stdio.h>
#include <string.h>

#include "device/link_parts.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

#define TRANSFERS 32u
#define TRANSFER_BYTES 65536u
#define TRANSFERS_MAX 4096u
#define TRANSFER_BYTES_MAX (1u << 24)
#define TIMEOUT_MS 1000u

/* ---- Opening ---- */

static int set_options(struct snndev_link *link, struct snn_context *context,
                       const struct snndev_link_options *options)
{
    static const struct snndev_link_options none;
    if (options == NULL) options = &none;
    link->transfer_count = options->transfer_count > 0 ? options->transfer_count : TRANSFERS;
    link->transfer_bytes = options->transfer_bytes > 0 ? options->transfer_bytes : TRANSFER_BYTES;
    link->ring_slots = options->ring_slots > 0 ? options->ring_slots : 2 * link->transfer_count;
    link->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    if (link->transfer_count > TRANSFERS_MAX || link->ring_slots > 2 * TRANSFERS_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u transfers: at most %u",
                            link->transfer_count, TRANSFERS_MAX);
    if (link->transfer_bytes < 64 || link->transfer_bytes > TRANSFER_BYTES_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "transfers of %u bytes: 64 to %u",
                            link->transfer_bytes, TRANSFER_BYTES_MAX);
    if (link->ring_slots < link->transfer_count)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u slots are too few for %u transfers",
                            link->ring_slots, link->transfer_count);
    return SNN_OK;
}

static int check_versions(struct snn_context *context, const uint8_t *data, uint32_t size)
{
    if (size < 4)
        return snnbase_fail(context, SNN_ERR_PROTOCOL,
                            "HELLO has %u bytes: this is no device that "
                            "speaks the protocol",
                            size);
    const unsigned major = data[0] | (unsigned)data[1] << 8;
    const unsigned minor = data[2] | (unsigned)data[3] << 8;
    if (major == SNNWIRE_VERSION_MAJOR) return SNN_OK;
    snnbase_fail(context, SNN_ERR_PROTOCOL,
                 "the device speaks version %u.%u of the protocol, this program %u.%u", major,
                 minor, SNNWIRE_VERSION_MAJOR, SNNWIRE_VERSION_MINOR);
    return snnbase_hint(context, "bring %s up to date",
                        major < SNNWIRE_VERSION_MAJOR ? "the device's firmware" : "libsnn");
}

static int say_hello(struct snndev_link *link, struct snn_context *context)
{
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    uint8_t data[SNNWIRE_HELLO_BYTES] = {0};
    uint32_t size = 0;
    int status = snndev_link_request(link, context, &request, data, &size);
    if (status == SNN_OK) status = check_versions(context, data, size);
    if (status != SNN_OK) return status;
    if (!snnwire_hello_read(&link->hello, data, size))
        return snnbase_fail(context, SNN_ERR_PROTOCOL, "HELLO is malformed (%u bytes)", size);
    if (link->hello.buffer_words < SNNDEV_CREDIT_MIN)
        return snnbase_fail(context, SNN_ERR_PROTOCOL,
                            "%s %s gives credit for %u words, %u are the least", link->hello.chip,
                            link->hello.serial, link->hello.buffer_words, SNNDEV_CREDIT_MIN);
    const uint32_t half = link->hello.buffer_words / 2;
    const uint32_t words = link->transfer_bytes / SNNWIRE_WORD_BYTES;
    link->packet_bytes = (half < words ? half : words) * SNNWIRE_WORD_BYTES;
    return SNN_OK;
}

static int open_transport(struct snndev_link *link, struct snn_context *context,
                          const char *arguments)
{
    const size_t size = link->transport->private_size;
    link->self = snnbase_alloc(context, 1, size > 0 ? size : 1);
    if (link->self == NULL) return SNN_ERR_NOMEM;
    const int status = link->transport->open(link->self, context, arguments);
    if (status == SNN_OK) return SNN_OK;
    snnbase_free(context, link->self);
    link->self = NULL;
    return status;
}

static int create(struct snndev_link **out, struct snn_context *context,
                  const struct snndev_transport_ops *transport,
                  const struct snndev_link_options *options)
{
    struct snndev_link *link = snnbase_alloc(context, 1, sizeof(*link));
    if (link == NULL) return SNN_ERR_NOMEM;
    link->allocator = *snnbase_allocator(context);
    link->transport = transport;
    snndev_trouble_init(&link->in.trouble);
    snndev_trouble_init(&link->out.trouble);
    int status = set_options(link, context, options);
    if (status == SNN_OK) status = snndev_link_locks_init(link, context);
    if (status != SNN_OK) {
        snnbase_free(context, link);
        return status;
    }
    *out = link;
    return SNN_OK;
}

static int begin_record(struct snndev_link *link, struct snn_context *context, const char *path,
                        const char *uri)
{
    const int status = snnbase_context_fork(&link->own, context);
    if (status != SNN_OK) return snnbase_fail(context, status, "no memory for a recording");
    return snndev_tape_create(&link->tape, context, path, uri);
}

static int open_as(struct snndev_link **out, struct snn_context *context, const char *uri,
                   const struct snndev_transport_ops *transport, const char *arguments,
                   const struct snndev_link_options *options)
{
    struct snndev_link *link = NULL;
    int status = create(&link, context, transport, options);
    if (status != SNN_OK) return status;
    status = open_transport(link, context, arguments);
    if (status == SNN_OK && options != NULL && options->record != NULL)
        status = begin_record(link, context, options->record, uri);
    if (status == SNN_OK) status = say_hello(link, context);
    if (status != SNN_OK) {
        snndev_tape_abandon(&link->tape);
        snndev_link_close(&link);
        return status;
    }
    *out = link;
    return SNN_OK;
}

int snndev_link_open_on(struct snndev_link **out, struct snn_context *context,
                        const struct snndev_transport_ops *transport, const char *arguments,
                        const struct snndev_link_options *options)
{
    return open_as(out, context, transport->scheme, transport, arguments, options);
}

static int fail_scheme(struct snn_context *context, const char *uri)
{
    char known[128] = "";
    size_t used = 0;
    for (size_t i = 0; snn_transport_table[i] != NULL && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s:", i > 0 ? ", " : "",
                                 snn_transport_table[i]->scheme);
    snnbase_fail(context, SNN_ERR_INVALID, "'%s' names no device", uri);
    return snnbase_hint(context, "a device's name begins with one of %s", known);
}

int snndev_link_open(struct snndev_link **out, struct snn_context *context, const char *uri,
                     const struct snndev_link_options *options)
{
    const size_t length = strcspn(uri, ":");
    const char *arguments = uri[length] == ':' ? uri + length + 1 : uri + length;
    for (size_t i = 0; snn_transport_table[i] != NULL; i++) {
        const struct snndev_transport_ops *transport = snn_transport_table[i];
        if (strlen(transport->scheme) == length && strncmp(transport->scheme, uri, length) == 0)
            return open_as(out, context, uri, transport, arguments, options);
    }
    return fail_scheme(context, uri);
}

const struct snnwire_hello *snndev_link_hello(const struct snndev_link *link)
{
    return &link->hello;
}

/* ---- The stream ---- */

static void free_buffers(struct snndev_link *link)
{
    snndev_ring_fini(&link->ring);
    snnbase_allocator_free(&link->allocator, link->in.transfers);
    snnbase_allocator_free(&link->allocator, link->in.parked);
    snnbase_allocator_free(&link->allocator, link->out.memory);
    link->in = (struct snndev_in){0};
    link->out = (struct snndev_out){0};
    snndev_trouble_init(&link->in.trouble);
    snndev_trouble_init(&link->out.trouble);
}

/* Calls home what a start that failed has submitted. */
static void abandon(struct snndev_link *link)
{
    const uint64_t until = snndev_link_now() + SNNDEV_CLOSE_MS;
    if (link->in.flying > 0) link->transport->cancel_all(link->self);
    while (link->in.flying > 0 && snndev_link_now() < until) {
        if (link->transport->reap(link->self, SNNDEV_CLOSE_MS) != NULL) link->in.flying--;
    }
}

static int start(struct snndev_link *link, struct snn_context *context)
{
    int status = snndev_in_init(link, context);
    if (status == SNN_OK) status = snndev_out_init(link, context);
    if (status == SNN_OK) status = snndev_in_start(link, context);
    if (status == SNN_OK) status = snndev_thread_start(link, context);
    if (status == SNN_OK) return SNN_OK;
    abandon(link);
    /* What does not come home belongs to the transport until it is closed. */
    if (link->in.flying == 0) free_buffers(link);
    return status;
}

int snndev_link_start(struct snndev_link *link, struct snn_context *context)
{
    if (link->started || link->in.transfers != NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "the stream has been started before");
    (void)pthread_mutex_lock(&link->lock);
    const int status = start(link, context);
    link->started = status == SNN_OK;
    (void)pthread_mutex_unlock(&link->lock);
    return status;
}

void snndev_link_counters(struct snndev_link *link, struct snndev_link_counters *out)
{
    (void)pthread_mutex_lock(&link->lock);
    *out = link->counters;
    out->events_waiting = link->arrived_events - out->dropped_host - out->events_in;
    (void)pthread_mutex_unlock(&link->lock);
}

/* ---- Closing ---- */

int snndev_link_record_end(struct snndev_link *link, struct snn_context *context)
{
    (void)pthread_mutex_lock(&link->lock);
    struct snndev_tape *tape = link->tape;
    link->tape = NULL;
    (void)pthread_mutex_unlock(&link->lock);
    return tape != NULL ? snndev_tape_close(&tape, context) : SNN_OK;
}

void snndev_link_close(struct snndev_link **link)
{
    struct snndev_link *l = *link;
    *link = NULL;
    if (l == NULL) return;
    if (l->started) snndev_thread_stop(l);
    if (l->self != NULL) l->transport->close(l->self);
    if (l->tape != NULL) (void)snndev_tape_close(&l->tape, l->own);
    snn_context_destroy(&l->own);
    free_buffers(l);
    snndev_link_locks_fini(l);
    const struct snn_allocator allocator = l->allocator;
    snnbase_allocator_free(&allocator, l->self);
    snnbase_allocator_free(&allocator, l);
}
