/* What an open device takes beside its bus: a generator writes words straight into the transfers of
 * a link, whose engine hands them to the decoder; and the other way round. On a bus that costs
 * nothing, per event and per second of processor time, which neighbours do not lengthen.
 *
 *   link [MILLIONS [ROUNDS]]   the rates, best of several rounds
 *   link --count MILLIONS      that many events from generator to decoder, each one checked; memory
 *                              must stay flat. Without a number: 50, with SNN_SOAK=1 8640
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/link.h"
#include "snn/context.h"
#include "snn/status.h"

/* Events of a transfer of 64 KiB, with the words between them. */
enum { BATCH = 8000, SEND = 4096, QUEUE = 64, AHEAD = 24, GROWTH_KIB = 1024 };

/* The bus and the device, whose generator runs in the event thread of the link: each transfer to
 * the host ends full as soon as it is asked for, but never more than AHEAD of the reader. */
struct bus {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct snndev_transfer *in[QUEUE], *out[QUEUE];
    unsigned in_first, in_count, out_first, out_count;
    bool woken, cancelled;
    uint64_t wanted, made, received; /* events to the host */
    uint64_t taken;                  /* events to the device */
    bool wrong;
    uint32_t credited;
    struct snnwire_writer writer;
    struct snnwire_reader reader;
    struct snnwire_event events[BATCH];
};

static struct bus bus;

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- The device ---- */

/* The next events: their numbers as times, addresses over all bits. */
static void generate(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t number = bus.made + i;
        bus.events[i] = (struct snnwire_event){.time_us = number,
                                               .layer = number & 63,
                                               .feature = number >> 2 & 1023,
                                               .y = number >> 5 & 127,
                                               .x = number >> 7 & 127};
    }
}

static void fill(struct snndev_transfer *transfer)
{
    const uint64_t left = bus.wanted - bus.made;
    const size_t count = left < BATCH ? (size_t)left : BATCH;
    size_t size = 0;
    generate(count);
    const size_t done = snnwire_write_events(&bus.writer, bus.events, count, transfer->bytes,
                                             transfer->size, &size);
    bus.made += done;
    if (bus.made == bus.wanted) size += snnwire_write_check(&bus.writer, transfer->bytes + size);
    transfer->actual = size;
    transfer->outcome = SNNDEV_COMPLETED;
}

/* Decodes what came from the host; answers with credit where half of it is used. */
static void take(struct snndev_transfer *transfer)
{
    static struct snnwire_event events[BATCH + 1];
    size_t at = 0;
    while (at < transfer->size) {
        struct snnwire_item item;
        enum snnwire_fault fault;
        size_t used = 0;
        const size_t count = snnwire_read_events(&bus.reader, transfer->bytes + at,
                                                 transfer->size - at, &used, events, BATCH);
        bus.wrong = bus.wrong || (count > 0 && events[0].time_us != bus.taken);
        bus.taken += count;
        at += used;
        if (at == transfer->size || count == BATCH) continue;
        if (snnwire_read(&bus.reader, transfer->bytes + at, transfer->size - at, &used, &item,
                         &fault) &&
            !item.is_mark)
            bus.taken++;
        bus.wrong = bus.wrong || fault != SNNWIRE_FAULT_NONE;
        at += used;
    }
    transfer->actual = transfer->size;
    transfer->outcome = SNNDEV_COMPLETED;
}

static void credit(struct snndev_transfer *transfer)
{
    size_t size =
        snnwire_write_mark(&bus.writer, SNNWIRE_MARK_CREDIT, 0, bus.reader.words, transfer->bytes);
    size += snnwire_write_check(&bus.writer, transfer->bytes + size);
    bus.credited = bus.reader.words;
    transfer->actual = size;
    transfer->outcome = SNNDEV_COMPLETED;
}

/* ---- Its bus ---- */

static int open_bus(void *self, struct snn_context *context, const char *arguments)
{
    (void)self;
    (void)context;
    (void)arguments;
    return SNN_OK;
}

static int request(void *self, struct snn_context *context, const struct snnwire_request *request,
                   uint8_t *data, uint32_t *size_out, unsigned timeout_ms)
{
    const struct snnwire_hello hello = {
        .version_major = SNNWIRE_VERSION_MAJOR, .chip = "bench", .buffer_words = 65536};
    (void)self;
    (void)context;
    (void)timeout_ms;
    *size_out = request->size;
    if (request->code == SNNWIRE_CODE_HELLO) snnwire_hello_write(&hello, data);
    return SNN_OK;
}

static int submit(void *self, struct snndev_transfer *transfer)
{
    (void)self;
    (void)pthread_mutex_lock(&bus.lock);
    if (transfer->out)
        bus.out[(bus.out_first + bus.out_count++) % QUEUE] = transfer;
    else
        bus.in[(bus.in_first + bus.in_count++) % QUEUE] = transfer;
    (void)pthread_cond_signal(&bus.changed);
    (void)pthread_mutex_unlock(&bus.lock);
    return SNN_OK;
}

static struct snndev_transfer *next_in(void)
{
    struct snndev_transfer *transfer = bus.in[bus.in_first];
    bus.in_first = (bus.in_first + 1) % QUEUE;
    bus.in_count--;
    return transfer;
}

/* What ends next, if anything can. */
static struct snndev_transfer *choose(void (**end)(struct snndev_transfer *))
{
    *end = NULL;
    if (bus.out_count > 0 && !bus.cancelled) {
        struct snndev_transfer *transfer = bus.out[bus.out_first];
        bus.out_first = (bus.out_first + 1) % QUEUE;
        bus.out_count--;
        *end = take;
        return transfer;
    }
    if (bus.in_count == 0) return NULL;
    if (bus.cancelled) return next_in();
    if (bus.reader.words - bus.credited > 16384)
        *end = credit;
    else if (bus.made < bus.wanted && bus.made - bus.received < (uint64_t)AHEAD * BATCH)
        *end = fill;
    return *end != NULL ? next_in() : NULL;
}

static struct snndev_transfer *reap(void *self, unsigned timeout_ms)
{
    struct timespec until;
    struct snndev_transfer *transfer;
    void (*end)(struct snndev_transfer *);
    int waited = 0;
    (void)self;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000u + 1;
    (void)pthread_mutex_lock(&bus.lock);
    while ((transfer = choose(&end)) == NULL && !bus.woken && waited == 0)
        waited = pthread_cond_timedwait(&bus.changed, &bus.lock, &until);
    bus.woken = false;
    (void)pthread_mutex_unlock(&bus.lock);
    if (transfer != NULL && end != NULL) end(transfer);
    return transfer;
}

static void wake(void *self)
{
    (void)self;
    (void)pthread_mutex_lock(&bus.lock);
    bus.woken = true;
    (void)pthread_cond_signal(&bus.changed);
    (void)pthread_mutex_unlock(&bus.lock);
}

static void cancel_all(void *self)
{
    (void)self;
    (void)pthread_mutex_lock(&bus.lock);
    for (unsigned i = 0; i < bus.in_count; i++) {
        bus.in[(bus.in_first + i) % QUEUE]->actual = 0;
        bus.in[(bus.in_first + i) % QUEUE]->outcome = SNNDEV_CANCELLED;
    }
    bus.cancelled = true;
    (void)pthread_cond_signal(&bus.changed);
    (void)pthread_mutex_unlock(&bus.lock);
}

static int clear_halt(void *self, bool out)
{
    (void)self;
    (void)out;
    return SNN_OK;
}

static void close_bus(void *self)
{
    (void)self;
}

static const struct snndev_transport_ops bench_transport = {
    .scheme = "bench",
    .summary = "a device without a bus",
    .open = open_bus,
    .request = request,
    .submit = submit,
    .reap = reap,
    .wake = wake,
    .cancel_all = cancel_all,
    .clear_halt = clear_halt,
    .close = close_bus,
};

/* ---- The host ---- */

static struct snndev_link *open_link(struct snn_context *context, uint64_t wanted)
{
    struct snndev_link *link = NULL;
    memset(&bus, 0, sizeof(bus));
    (void)pthread_mutex_init(&bus.lock, NULL);
    (void)pthread_cond_init(&bus.changed, NULL);
    bus.wanted = wanted;
    if (snndev_link_open_on(&link, context, &bench_transport, "", NULL) != SNN_OK) return NULL;
    if (snndev_link_start(link, context) != SNN_OK) snndev_link_close(&link);
    return link;
}

static void tell_received(uint64_t count)
{
    (void)pthread_mutex_lock(&bus.lock);
    bus.received = count;
    (void)pthread_cond_signal(&bus.changed);
    (void)pthread_mutex_unlock(&bus.lock);
}

/* KiB of this process in memory; 0: not known here. */
static long memory_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) kib = strtol(line + 6, NULL, 10);
    }
    if (file != NULL) (void)fclose(file);
    return kib;
}

static bool all_follow(const struct snnwire_event *events, size_t count, uint64_t first)
{
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong |= (events[i].time_us ^ (first + i)) | (events[i].layer ^ ((first + i) & 63));
    return wrong == 0;
}

/* Receives all events; false: one is missing or wrong. *grown_out: KiB since the first part. */
static bool receive_all(struct snndev_link *link, struct snn_context *context, uint64_t wanted,
                        long *grown_out)
{
    static struct snnwire_event events[BATCH];
    struct snnwire_item mark;
    uint64_t received = 0;
    long begin = 0;
    while (received < wanted) {
        size_t count = 0;
        if (snndev_link_receive_events(link, context, events, BATCH, &count, &mark, 10000) !=
            SNN_OK)
            return false;
        if (mark.is_mark || !all_follow(events, count, received)) return false;
        if (received < wanted / 20 && received + count >= wanted / 20) begin = memory_kib();
        received += count;
        tell_received(received);
    }
    *grown_out = memory_kib() - begin;
    return snndev_link_settle(link, context, 1000) == SNN_OK;
}

static bool to_host(struct snn_context *context, uint64_t wanted, double *cpu, double *wall,
                    long *grown)
{
    struct snndev_link_counters counters = {0};
    struct snndev_link *link = open_link(context, wanted);
    if (link == NULL) return false;
    const double cpu_begin = seconds(CLOCK_PROCESS_CPUTIME_ID), begin = seconds(CLOCK_MONOTONIC);
    bool good = receive_all(link, context, wanted, grown);
    *cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
    *wall = seconds(CLOCK_MONOTONIC) - begin;
    snndev_link_counters(link, &counters);
    snndev_link_close(&link);
    return good && counters.events_in == wanted && counters.dropped_host == 0 &&
           counters.dropped_transport == 0 && counters.faults == 0;
}

static bool to_device(struct snn_context *context, uint64_t wanted, double *cpu)
{
    static struct snnwire_event events[SEND];
    struct snndev_link *link = open_link(context, 0);
    bool good = link != NULL;
    const double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t sent = 0; good && sent < wanted; sent += SEND) {
        for (size_t i = 0; i < SEND; i++)
            events[i] = (struct snnwire_event){.time_us = sent + i, .layer = i & 63};
        good = snndev_link_send(link, context, events, SEND) == SNN_OK;
    }
    if (good) good = snndev_link_flush(link, context) == SNN_OK;
    *cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
    /* Every packet but those that close cancels was taken. */
    snndev_link_close(&link);
    return good && !bus.wrong && bus.taken + 65536 >= wanted;
}

static bool measure(struct snn_context *context, unsigned millions, unsigned rounds)
{
    double in = 0, out = 0, wall = 0;
    const double count = 1e6 * millions;
    for (unsigned i = 0; i < rounds; i++) {
        double cpu_in, cpu_out, wall_in;
        long grown;
        if (!to_host(context, (uint64_t)millions * 1000000, &cpu_in, &wall_in, &grown) ||
            !to_device(context, (uint64_t)millions * 1000000, &cpu_out))
            return false;
        if (in == 0 || cpu_in < in) in = cpu_in;
        if (out == 0 || cpu_out < out) out = cpu_out;
        if (wall == 0 || wall_in < wall) wall = wall_in;
    }
    printf("generator to decoder     %7.1f M events/s a core, %.1f by the clock\n",
           1e-6 * count / in, 1e-6 * count / wall);
    printf("sender to device's codec %7.1f M events/s a core\n", 1e-6 * count / out);
    return true;
}

/* TAP, for it is a test as well. */
static bool run_count(struct snn_context *context, uint64_t millions)
{
    double cpu = 0, wall = 0;
    long grown = 0;
    const bool good = to_host(context, millions * 1000000, &cpu, &wall, &grown);
    printf("# %llu million events in %.1f minutes, %.1f M events/s a core; %ld KiB more\n",
           (unsigned long long)millions, wall / 60, (double)millions / cpu, grown);
    printf("%s 1 - every event comes from generator to decoder\n", good ? "ok" : "not ok");
    printf("%s 2 - memory stays flat\n", grown < GROWTH_KIB ? "ok" : "not ok");
    printf("1..2\n");
    return good && grown < GROWTH_KIB;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    bool good = snn_context_create(&context, NULL) == SNN_OK;
    if (good && argc > 1 && strcmp(argv[1], "--count") == 0) {
        const uint64_t usual = getenv("SNN_SOAK") != NULL ? 8640 : 50;
        good = run_count(context, argc > 2 ? strtoull(argv[2], NULL, 10) : usual);
    } else if (good) {
        good = measure(context, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 40,
                       argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3);
    }
    if (!good) fprintf(stderr, "link: %s\n", snn_context_message(context));
    snn_context_destroy(&context);
    return good ? 0 : 1;
}
