/* An open device behind its public functions: the link below, and what a program asks of it.
 *
 * Events go down as they are and come up as items; the only state kept here is when which tick was
 * sent, for round trips, the END that waits for its CHECK, and whether words were wrong that no
 * loss explains. Loading is the business of the driver (dynapcnn/load.c).
 */
#include "device/device.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

#define PENDING_MAX 64u /* ticks on their way whose time is known */
#define ITEMS_AT_ONCE 512u
#define EVENTS_AT_ONCE 512u

struct tick {
    uint32_t step;
    uint64_t sent_ns;
};

struct snn_device {
    struct snn_allocator allocator;
    struct snndev_link *link;
    struct snn_device_info info;
    bool monitor_readout;
    unsigned timeout_ms;
    bool started; /* the stream, behind a reset */
    struct tick pending[PENDING_MAX];
    uint32_t pending_first, pending_count;
    struct snnstream_trips trips;
    uint64_t faults_seen;       /* that were told */
    bool lost;                  /* something since the device's last BEGIN */
    bool torn;                  /* and among it words, without which no CHECK is right */
    bool ending;                /* the END of a sample has come, and not yet its CHECK */
    struct snn_device_item end; /* then */
    struct snnwire_item items[ITEMS_AT_ONCE];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- Opening ---- */

static void describe(struct snn_device *d, const char *uri)
{
    const struct snnwire_hello *hello = snndev_link_hello(d->link);
    struct snn_device_info *info = &d->info;
    (void)snprintf(info->uri, sizeof(info->uri), "%s", uri);
    (void)snprintf(info->chip, sizeof(info->chip), "%s", hello->chip);
    (void)snprintf(info->serial, sizeof(info->serial), "%s", hello->serial);
    info->protocol_major = hello->version_major;
    info->protocol_minor = hello->version_minor;
    info->firmware_major = hello->firmware_major;
    info->firmware_minor = hello->firmware_minor;
    info->buffer_words = hello->buffer_words;
    info->core_count = hello->core_count;
}

int snn_device_open(struct snn_device **out, struct snn_context *context, const char *uri,
                    const struct snn_device_options *options)
{
    static const struct snn_device_options usual = {.timeout_ms = 0};
    if (options == NULL) options = &usual;
    struct snn_device *d = snnbase_alloc(context, 1, sizeof(*d));
    if (d == NULL) return SNN_ERR_NOMEM;
    d->allocator = *snnbase_allocator(context);
    d->monitor_readout = options->monitor_readout;
    d->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : 1000;
    const struct snndev_link_options link = {.transfer_count = options->transfers,
                                             .transfer_bytes = options->slot_bytes,
                                             .timeout_ms = d->timeout_ms,
                                             .record = options->record};
    int status = snndev_link_open(&d->link, context, uri, &link);
    if (status != SNN_OK) {
        snnbase_free(context, d);
        return status;
    }
    describe(d, uri);
    *out = d;
    return SNN_OK;
}

void snn_device_close(struct snn_device **device)
{
    if (device == NULL || *device == NULL) return;
    struct snn_device *d = *device;
    struct snn_allocator allocator = d->allocator;
    snndev_link_close(&d->link);
    snnbase_allocator_free(&allocator, d);
    *device = NULL;
}

const struct snn_device_info *snn_device_about(const struct snn_device *device)
{
    return &device->info;
}

struct snndev_link *snndev_device_link(struct snn_device *device)
{
    return device->link;
}

bool snndev_device_monitors_all(const struct snn_device *device)
{
    return !device->monitor_readout;
}

const struct snnstream_trips *snndev_device_trips(const struct snn_device *device)
{
    return &device->trips;
}

/* ---- Reset and statistics ---- */

int snn_device_reset(struct snn_device *device, struct snn_context *context)
{
    int status = snndev_link_reset(device->link, context);
    if (status == SNN_OK && !device->started) status = snndev_link_start(device->link, context);
    if (status != SNN_OK) return status;
    device->started = true;
    device->trips = (struct snnstream_trips){.count = 0};
    device->pending_count = 0;
    device->faults_seen = 0;
    device->lost = device->torn = device->ending = false;
    return SNN_OK;
}

/* A device that nobody has reset in this session is where the last one left it. */
static int start(struct snn_device *device, struct snn_context *context)
{
    return device->started ? SNN_OK : snn_device_reset(device, context);
}

static int ask_statistics(struct snn_device *device, struct snn_context *context,
                          struct snnwire_statistics *out)
{
    uint8_t bytes[SNNWIRE_PAYLOAD_MAX];
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_STATISTICS, .in = true, .size = SNNWIRE_STATISTICS_BYTES};
    uint32_t size = 0;
    int status = snndev_link_request(device->link, context, &request, bytes, &size);
    if (status != SNN_OK) return status;
    if (snnwire_statistics_read(out, bytes, size)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_PROTOCOL,
                        "%s: statistics of %u bytes are no record of them", device->info.uri, size);
}

static void add_device(struct snn_device_statistics *out, const struct snnwire_statistics *s)
{
    out->events_taken = s->taken;
    out->events_produced = s->produced;
    out->events_sent = s->sent;
    out->events_dropped = s->dropped;
    out->words_taken = s->words_taken;
    out->words_sent = s->words_sent;
    out->faults = s->faults;
    for (size_t i = 0; i < SNN_DEVICE_CORES_MAX && i < SNNWIRE_STATISTICS_CORES; i++)
        out->core_spikes[i] = s->core_spikes[i];
}

static void add_host(struct snn_device_statistics *out, const struct snndev_link_counters *host)
{
    out->host_events_out = host->events_out;
    out->host_events_in = host->events_in;
    out->host_words_out = host->words_out;
    out->host_words_in = host->words_in;
    out->host_dropped = host->dropped_host;
    out->transport_dropped = host->dropped_transport;
    out->host_faults = host->faults;
    out->stalls = host->stalls;
    out->retries = host->retries;
    out->short_packets = host->short_packets;
    out->spares_used = host->spare_used;
    out->transfers = host->transfers;
}

int snn_device_read_statistics(struct snn_device *device, struct snn_context *context,
                               struct snn_device_statistics *out)
{
    struct snnwire_statistics own;
    struct snndev_link_counters host;
    int status = ask_statistics(device, context, &own);
    if (status != SNN_OK) return status;
    snndev_link_counters(device->link, &host);
    *out = (struct snn_device_statistics){.events_taken = 0};
    add_device(out, &own);
    add_host(out, &host);
    snnstream_telemetry_finish(out, &device->trips);
    return SNN_OK;
}

/* ---- Out ---- */

int snn_device_begin(struct snn_device *device, struct snn_context *context, uint32_t sample)
{
    int status = start(device, context);
    if (status != SNN_OK) return status;
    return snndev_link_mark(device->link, context, SNNWIRE_MARK_BEGIN, 0, sample);
}

int snn_device_send(struct snn_device *device, struct snn_context *context,
                    const struct snn_device_event *events, size_t count)
{
    struct snnwire_event words[EVENTS_AT_ONCE];
    int status = start(device, context);
    for (size_t at = 0; status == SNN_OK && at < count;) {
        const size_t part = count - at < EVENTS_AT_ONCE ? count - at : EVENTS_AT_ONCE;
        for (size_t i = 0; i < part; i++, at++)
            words[i] = (struct snnwire_event){events[at].time_us, events[at].layer,
                                              events[at].feature, events[at].y, events[at].x};
        status = snndev_link_send(device->link, context, words, part);
    }
    return status;
}

int snndev_device_tick_later(struct snn_device *device, struct snn_context *context, uint32_t step)
{
    int status = start(device, context);
    if (status == SNN_OK)
        status = snndev_link_mark(device->link, context, SNNWIRE_MARK_TICK, 0, step);
    if (status != SNN_OK || device->pending_count == PENDING_MAX) return status;
    device->pending[(device->pending_first + device->pending_count++) % PENDING_MAX] =
        (struct tick){step, now_ns()};
    return SNN_OK;
}

int snn_device_tick(struct snn_device *device, struct snn_context *context, uint32_t step)
{
    int status = snndev_device_tick_later(device, context, step);
    return status == SNN_OK ? snndev_link_flush(device->link, context) : status;
}

int snn_device_end(struct snn_device *device, struct snn_context *context, uint32_t sample)
{
    int status = start(device, context);
    if (status == SNN_OK)
        status = snndev_link_mark(device->link, context, SNNWIRE_MARK_END, 0, sample);
    return status == SNN_OK ? snndev_link_flush(device->link, context) : status;
}

/* ---- In ---- */

/* The tick that was answered, and those before it whose answers were lost. */
static void answer(struct snn_device *d, uint32_t step)
{
    while (d->pending_count > 0) {
        const struct tick tick = d->pending[d->pending_first];
        d->pending_first = (d->pending_first + 1) % PENDING_MAX;
        d->pending_count--;
        if (tick.step != step) continue;
        snnstream_trips_add(&d->trips, now_ns() - tick.sent_ns);
        return;
    }
}

/* False: nothing that a program is told. */
static bool convert(struct snn_device *d, const struct snnwire_item *item,
                    struct snn_device_item *out)
{
    *out = (struct snn_device_item){.kind = SNN_DEVICE_EVENT};
    if (!item->is_mark) {
        out->event = (struct snn_device_event){item->event.time_us, item->event.layer,
                                               item->event.feature, item->event.y, item->event.x};
        return true;
    }
    out->value = item->value;
    switch (item->mark) {
    case SNNWIRE_MARK_BEGIN:
        out->kind = SNN_DEVICE_BEGIN;
        d->lost = d->torn = false;
        return true;
    case SNNWIRE_MARK_TICK:
        out->kind = SNN_DEVICE_TICK;
        answer(d, item->value);
        return true;
    case SNNWIRE_MARK_END:
        out->kind = SNN_DEVICE_END;
        return true;
    case SNNWIRE_MARK_GAP:
        out->kind = SNN_DEVICE_GAP;
        out->loss = item->argument;
        d->lost = true;
        d->torn = d->torn || item->argument == SNNWIRE_LOSS_TRANSPORT;
        return true;
    default: /* credit and the like, which are the link's */
        return false;
    }
}

/* Words are corrupt, or words are missing that a CHECK counted. */
static int settle(struct snn_device *d, struct snn_context *context, unsigned timeout_ms)
{
    struct snndev_link_counters counters;
    int status = snndev_link_settle(d->link, context, timeout_ms);
    snndev_link_counters(d->link, &counters);
    d->faults_seen = counters.faults;
    return status == SNN_ERR_PROTOCOL && d->torn ? SNN_OK : status;
}

/* What is missing may be what was corrupt. */
static int explain_timeout(struct snn_device *d, struct snn_context *context)
{
    struct snndev_link_counters counters;
    snndev_link_counters(d->link, &counters);
    if (counters.faults == d->faults_seen || d->torn) return SNN_ERR_TIMEOUT;
    int status = settle(d, context, 0);
    return status == SNN_OK ? SNN_ERR_TIMEOUT : status;
}

int snndev_device_settle(struct snn_device *device, struct snn_context *context)
{
    int status = settle(device, context, device->timeout_ms);
    return status == SNN_ERR_TIMEOUT && device->lost ? SNN_OK : status;
}

int snndev_device_receive(struct snn_device *device, struct snn_context *context,
                          struct snndev_batch *batch)
{
    struct snnwire_item mark;
    size_t count = 0;
    int status = snndev_link_receive_events(device->link, context, batch->events,
                                            SNNDEV_BATCH_EVENTS, &count, &mark, device->timeout_ms);
    if (status == SNN_ERR_TIMEOUT) return explain_timeout(device, context);
    if (status != SNN_OK) return status;
    batch->count = count;
    batch->has_mark = mark.is_mark && convert(device, &mark, &batch->mark);
    return SNN_OK;
}

/* Items up to the room or to an END, which is kept back. */
static int take_items(struct snn_device *d, struct snn_context *context,
                      struct snn_device_item *items, size_t room, size_t *count,
                      unsigned timeout_ms)
{
    size_t came = 0;
    int status = snndev_link_receive(d->link, context, d->items, room, &came, timeout_ms);
    if (status == SNN_ERR_TIMEOUT) return explain_timeout(d, context);
    for (size_t i = 0; status == SNN_OK && i < came; i++) {
        const bool told = convert(d, &d->items[i], &items[*count]);
        d->ending = told && items[*count].kind == SNN_DEVICE_END;
        if (d->ending) d->end = items[*count];
        *count += told && !d->ending;
    }
    return status;
}

/* The END, once all words in front of it are right. */
static int take_end(struct snn_device *d, struct snn_context *context, struct snn_device_item *out,
                    size_t *count, unsigned timeout_ms)
{
    int status = settle(d, context, timeout_ms);
    if (status == SNN_ERR_TIMEOUT && !d->torn) return status;
    d->ending = false;
    if (status != SNN_OK && status != SNN_ERR_TIMEOUT) return status;
    *out = d->end;
    *count = 1;
    return SNN_OK;
}

static unsigned left_ms(uint64_t until_ns)
{
    const uint64_t now = now_ns();
    return now < until_ns ? (unsigned)((until_ns - now + 999999u) / 1000000u) : 0;
}

int snn_device_receive(struct snn_device *device, struct snn_context *context,
                       struct snn_device_item *items, size_t room, size_t *count_out,
                       unsigned timeout_ms)
{
    const uint64_t until = now_ns() + (uint64_t)timeout_ms * 1000000u;
    size_t count = 0;
    int status = start(device, context);
    if (room > ITEMS_AT_ONCE) room = ITEMS_AT_ONCE;
    while (status == SNN_OK && count == 0 && room > 0) {
        const unsigned left = left_ms(until);
        status = device->ending ? take_end(device, context, items, &count, left)
                                : take_items(device, context, items, room, &count, left);
    }
    if (status == SNN_OK) *count_out = count;
    return status;
}
