/* Fuzz target: a device that answers and streams any bytes, at the end of a link. The first byte
 * says how long transfers are, whether the reader begins when all has come, and whether HELLO is of
 * the input; the second how transfers end. Whatever comes, the link ends as GONE, and what it hands
 * out is what it counts.
 */
#include "device/link.h"

#include <stdlib.h>
#include <string.h>

#include "device/transport/queue.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

enum { MEMORY_MAX = 4 << 20, ITEMS = 50, TRANSFER_BYTES = 256 };
enum { LATE = 64, HELLO = 128 };

/* The device: what it still has to say; the only one there is. */
static struct device {
    struct snndev_desk desk;
    const uint8_t *bytes;
    size_t size;
    size_t step;
    uint32_t outcomes;
    bool hello, gone;
} device;

static void take_bytes(uint8_t *out, size_t size)
{
    const size_t taken = size < device.size ? size : device.size;
    memset(out, 0, size);
    if (taken > 0) memcpy(out, device.bytes, taken);
    device.bytes += taken;
    device.size -= taken;
}

static int open_device(void *self, struct snn_context *context, const char *arguments)
{
    (void)self;
    (void)arguments;
    return snndev_desk_init(&device.desk, context);
}

static int request(void *self, struct snn_context *context, const struct snnwire_request *request,
                   uint8_t *data, uint32_t *size_out, unsigned timeout_ms)
{
    const struct snnwire_hello hello = {
        .version_major = SNNWIRE_VERSION_MAJOR, .chip = "fuzz", .buffer_words = 64};
    (void)self;
    (void)context;
    (void)timeout_ms;
    *size_out = request->size;
    if (request->code != SNNWIRE_CODE_HELLO) return SNN_OK;
    snnwire_hello_write(&hello, data);
    if (device.hello) take_bytes(data, SNNWIRE_HELLO_BYTES);
    return SNN_OK;
}

static void end_all(enum snndev_outcome outcome)
{
    snndev_desk_end_all(&device.desk, &device.desk.in, outcome);
    snndev_desk_end_all(&device.desk, &device.desk.out, outcome);
}

/* Ends a transfer with what comes next, or all of them, for good. */
static void answer(void)
{
    struct snndev_transfer *transfer = snndev_queue_take(&device.desk.in);
    if (transfer == NULL) return;
    const size_t size = device.step < device.size ? device.step : device.size;
    take_bytes(transfer->bytes, size);
    transfer->actual = size;
    device.outcomes = device.outcomes * 1664525u + 1013904223u;
    /* Mostly all is well; the last outcome is for the end. */
    const unsigned chosen = device.outcomes >> 24;
    const enum snndev_outcome outcome =
        chosen < 24 ? (enum snndev_outcome)(chosen % SNNDEV_VANISHED) : SNNDEV_COMPLETED;
    snndev_desk_end(&device.desk, transfer, size > 0 ? outcome : SNNDEV_VANISHED);
    if (size > 0) return;
    device.gone = true;
    end_all(SNNDEV_VANISHED);
}

static int submit(void *self, struct snndev_transfer *transfer)
{
    (void)self;
    (void)pthread_mutex_lock(&device.desk.lock);
    const bool gone = device.gone;
    if (!gone) snndev_queue_put(transfer->out ? &device.desk.out : &device.desk.in, transfer);
    (void)pthread_mutex_unlock(&device.desk.lock);
    return gone ? SNN_ERR_GONE : SNN_OK;
}

static struct snndev_transfer *reap(void *self, unsigned timeout_ms)
{
    (void)self;
    (void)pthread_mutex_lock(&device.desk.lock);
    if (!device.gone && device.desk.ended.first == NULL) answer();
    (void)pthread_mutex_unlock(&device.desk.lock);
    return snndev_desk_reap(&device.desk, timeout_ms);
}

static void wake(void *self)
{
    (void)self;
    snndev_desk_wake(&device.desk);
}

static void cancel_all(void *self)
{
    (void)self;
    (void)pthread_mutex_lock(&device.desk.lock);
    end_all(SNNDEV_CANCELLED);
    (void)pthread_mutex_unlock(&device.desk.lock);
}

static int clear_halt(void *self, bool out)
{
    (void)self;
    (void)out;
    return SNN_OK;
}

static void close_device(void *self)
{
    (void)self;
    snndev_desk_fini(&device.desk);
}

static const struct snndev_transport_ops transport = {
    .scheme = "fuzz",
    .summary = "any bytes",
    .open = open_device,
    .request = request,
    .submit = submit,
    .reap = reap,
    .wake = wake,
    .cancel_all = cancel_all,
    .clear_halt = clear_halt,
    .close = close_device,
};

static void wait_for_end(void)
{
    const uint64_t until = snndev_now_us() + 1000000;
    (void)pthread_mutex_lock(&device.desk.lock);
    while (!device.gone && snndev_desk_wait(&device.desk, until))
        ;
    (void)pthread_mutex_unlock(&device.desk.lock);
}

/* All that comes; true: it is what the link counts. */
static bool receive(struct snndev_link *link, struct snn_context *context)
{
    struct snnwire_item items[ITEMS];
    struct snndev_link_counters counters;
    uint64_t events = 0, lost = 0;
    size_t count = 0;
    int status = SNN_OK;
    while (status == SNN_OK || status == SNN_ERR_PROTOCOL) {
        status = snndev_link_receive(link, context, items, ITEMS, &count, 5000);
        for (size_t i = 0; status == SNN_OK && i < count; i++) {
            events += items[i].is_mark ? 0 : 1;
            if (items[i].is_mark && items[i].mark == SNNWIRE_MARK_GAP) lost += items[i].value;
        }
    }
    snndev_link_counters(link, &counters);
    return events == counters.events_in && lost >= counters.dropped_device &&
           (status == SNN_ERR_GONE || status == SNN_ERR_IO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = MEMORY_MAX};
    const struct snn_context_options memory = {.allocator = bounded_allocator(&bounded)};
    const struct snndev_link_options options = {
        .transfer_count = 2, .transfer_bytes = TRANSFER_BYTES, .ring_slots = 4};
    struct snn_context *context = NULL;
    struct snndev_link *link = NULL;
    if (size < 2 || snn_context_create(&context, &memory) != SNN_OK) return 0;
    device = (struct device){.bytes = data + 2,
                             .size = size - 2,
                             .step = 1 + (data[0] & 63) * 4u,
                             .outcomes = data[1],
                             .hello = (data[0] & HELLO) != 0};
    bool good = true;
    if (snndev_link_open_on(&link, context, &transport, "", &options) == SNN_OK &&
        snndev_link_start(link, context) == SNN_OK) {
        if ((data[0] & LATE) != 0) wait_for_end();
        good = receive(link, context);
    }
    snndev_link_close(&link);
    snn_context_destroy(&context);
    if (!good || bounded_verdict(&bounded) != 0) abort();
    return 0;
}
