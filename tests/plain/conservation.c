/* That a link loses no event without saying so: random devices, buses, readers and bursts, each run
 * with a sum that has to come out.
 *
 *   produced = received + dropped by the host + dropped by the device + lost on the bus + in flight
 *
 * exactly, at the end of each run, and in the stream: the device's n-th event has the time n, and
 * between two that were received the gaps say how many are missing, no more, no less. (On a bus
 * that loses words, what a gap says of it is in words: at most so many events.) With SNN_SOAK=1
 * 10,000 runs; the second argument is the first run's number.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/link.h"
#include "tests/device/storm.h"
#include "tests/plain/support.h"

enum { RUNS = 250, RUNS_SOAK = 10000, ITEMS = 64, SEND_MAX = 64 };

struct run {
    uint64_t random;
    struct snn_context *context;
    struct snndev_link *link;
    struct storm_plan plan;
    unsigned nap_us; /* of the reader, now and then */
    bool late;       /* the reader begins when the device is done */
    uint32_t room;   /* items at once */
    uint64_t to_send, sent;
    uint64_t next, gap; /* the next event's number; the gaps since the last, in events */
    uint64_t missing;   /* events that no gap in front of the next one told of */
    uint64_t received, host_gaps, device_gaps, transport_gaps;
    bool good, ended, settled;
};

static uint32_t any(struct run *r, uint32_t below)
{
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return (uint32_t)(r->random >> 32) % below;
}

static void choose(struct run *r, struct snndev_link_options *options, uint64_t seed)
{
    r->random = seed * 0x9E3779B97F4A7C15u + 77;
    (void)any(r, 2);
    r->plan = (struct storm_plan){.seed = seed,
                                  .events = any(r, 12000),
                                  .burst = 1 + any(r, 2000),
                                  .buffer_words = 64 + any(r, 4000),
                                  .credit = 16 + any(r, 2000),
                                  .tick_every = any(r, 2) ? 1 + any(r, 500) : 0,
                                  .ragged = any(r, 2) == 0,
                                  .stall = any(r, 3) == 0 ? 20 : 0,
                                  .fail = any(r, 3) == 0 ? 20 : 0,
                                  .cut = any(r, 3) == 0 ? 100 : 0,
                                  .lose = any(r, 5) == 0 ? 30 : 0};
    r->to_send = r->plan.lose == 0 ? any(r, 3000) : 0;
    if (any(r, 6) == 0) r->plan.vanish_at = 1 + any(r, 8000);
    options->transfer_count = 1 + any(r, 6);
    options->transfer_bytes = 64 + any(r, 4000);
    options->ring_slots = options->transfer_count + any(r, 12);
    options->timeout_ms = 10000;
    r->nap_us = any(r, 3) == 0 ? any(r, 300) : 0;
    r->late = any(r, 5) == 0 && r->to_send == 0;
    r->room = 1 + any(r, ITEMS);
    r->good = true;
}

static void nap(unsigned us)
{
    const struct timespec t = {.tv_nsec = (long)us * 1000};
    if (us > 0) (void)nanosleep(&t, NULL);
}

/* ---- Sending, in a thread of its own ---- */

static void *send_all(void *user)
{
    struct run *r = user;
    struct snnwire_event events[SEND_MAX];
    struct snn_context *context = NULL;
    int status = snn_context_create(&context, NULL);
    while (status == SNN_OK && r->sent < r->to_send) {
        const uint64_t left = r->to_send - r->sent;
        const size_t count = left < SEND_MAX ? (size_t)left : SEND_MAX;
        for (size_t i = 0; i < count; i++)
            events[i] = (struct snnwire_event){.time_us = r->sent + i};
        status = snndev_link_send(r->link, context, events, count);
        if (status == SNN_OK) r->sent += count;
        if (status == SNN_OK && r->sent % 3 == 0) status = snndev_link_flush(r->link, context);
    }
    if (status == SNN_OK) status = snndev_link_flush(r->link, context);
    if (status != SNN_OK && status != SNN_ERR_GONE) {
        tap_note("sending: %s", snn_context_message(context));
        r->good = false;
    }
    snn_context_destroy(&context);
    return NULL;
}

/* ---- Receiving ---- */

static void take_event(struct run *r, const struct snnwire_event *event)
{
    const uint64_t expected = r->next + r->gap;
    const bool lossy = r->plan.lose > 0;
    if (event->time_us < expected || (event->time_us > expected && !lossy)) {
        if (r->good)
            tap_note("event %llu, expected %llu, of which a gap of %llu",
                     (unsigned long long)event->time_us, (unsigned long long)expected,
                     (unsigned long long)r->gap);
        r->good = false;
    }
    r->missing += event->time_us - expected;
    r->next = event->time_us + 1;
    r->gap = 0;
    r->received++;
}

static void take_mark(struct run *r, const struct snnwire_item *item)
{
    if (item->mark == SNNWIRE_MARK_END) r->ended = true;
    if (item->mark != SNNWIRE_MARK_GAP) return;
    if (item->argument == SNNWIRE_LOSS_TRANSPORT) {
        r->transport_gaps += item->value;
        return; /* known at the next block only, so behind what it stands for */
    }
    r->gap += item->value;
    if (item->argument == SNNWIRE_LOSS_HOST) r->host_gaps += item->value;
    if (item->argument == SNNWIRE_LOSS_DEVICE) r->device_gaps += item->value;
}

static int receive_items(struct run *r)
{
    struct snnwire_item items[ITEMS];
    size_t count = 0;
    const int status = snndev_link_receive(r->link, r->context, items, r->room, &count, 1);
    for (size_t i = 0; status == SNN_OK && i < count; i++) {
        if (items[i].is_mark)
            take_mark(r, &items[i]);
        else
            take_event(r, &items[i].event);
    }
    return status;
}

static int receive_events(struct run *r)
{
    struct snnwire_event events[ITEMS];
    struct snnwire_item mark;
    size_t count = 0;
    const int status =
        snndev_link_receive_events(r->link, r->context, events, r->room, &count, &mark, 1);
    for (size_t i = 0; status == SNN_OK && i < count; i++)
        take_event(r, &events[i]);
    if (status == SNN_OK && mark.is_mark) take_mark(r, &mark);
    return status;
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whether the link has seen all that the device has given or ever will. */
static bool all_came(struct run *r)
{
    struct snndev_link_counters counters;
    const struct storm_sums sums = storm_sums(0);
    snndev_link_counters(r->link, &counters);
    return counters.words_in == sums.words_given &&
           (sums.gone || (sums.rests && sums.taken == r->to_send));
}

static void receive_all(struct run *r)
{
    const double until = seconds() + 20;
    while (r->late && !storm_sums(0).rests && !storm_sums(0).gone && seconds() < until)
        nap(200);
    for (;;) {
        const bool came = all_came(r);
        const int status = any(r, 2) == 0 ? receive_items(r) : receive_events(r);
        /* Nothing more, and that was so before it was asked. */
        if ((status == SNN_ERR_GONE || status == SNN_ERR_TIMEOUT) && came) return;
        if (status != SNN_OK && status != SNN_ERR_TIMEOUT && status != SNN_ERR_GONE) {
            tap_note("receiving: %s", snn_context_message(r->context));
            r->good = false;
            return;
        }
        if (seconds() > until) {
            tap_note("the stream does not end: sent %llu of %llu, the device took %llu and %s",
                     (unsigned long long)r->sent, (unsigned long long)r->to_send,
                     (unsigned long long)storm_sums(0).taken,
                     storm_sums(0).rests ? "rests" : "does not rest");
            r->good = false;
            return;
        }
        if (any(r, 4) == 0) nap(r->nap_us);
    }
}

/* ---- The sums ---- */

/* A hole is a gap of its own, which may have swallowed one of the device's. In the last block it
 * shows in the CHECK or END that is missing or wrong, unless the host dropped those: then the gap
 * that stands there is the host's. */
static bool bus_loss_was_told(const struct run *r, const struct snndev_link_counters *c,
                              const struct storm_sums *s)
{
    const uint64_t last_block = c->dropped_host > 0 ? SNNWIRE_CHECK_WORDS : 0;
    return r->missing <= r->transport_gaps + s->dropped - r->device_gaps + last_block ||
           c->faults > 0 || !r->ended || !r->settled;
}

static bool sums_are_right(const struct run *r)
{
    struct snndev_link_counters c;
    const struct storm_sums s = storm_sums(0);
    snndev_link_counters(r->link, &c);
    bool good = s.produced ==
                c.events_in + c.dropped_host + s.dropped + s.lost + s.buffered + c.events_waiting;
    good = good && s.given == c.events_in + c.dropped_host + c.events_waiting;
    good = good && c.events_in == r->received && c.events_waiting == 0;
    good = good && c.dropped_host == r->host_gaps && c.dropped_device == r->device_gaps;
    good = good && c.dropped_transport == r->transport_gaps && s.in_order;
    good = good && c.words_in == s.words_given;
    if (r->plan.lose == 0) good = good && c.faults == 0 && r->transport_gaps == 0;
    good = good && (bus_loss_was_told(r, &c, &s) || s.gone);
    if (r->plan.lose == 0 && !s.gone) good = good && r->settled;
    if (r->plan.lose == 0 && s.rests)
        good = good && r->ended && s.dropped == r->device_gaps && r->next + r->gap == s.produced;
    if (!s.gone) good = good && s.taken == r->to_send && c.events_out == r->to_send;
    if (good) return true;
    tap_note("produced %llu: received %llu + host %llu + device %llu + lost %llu + buffered %llu + "
             "waiting %llu; given %llu; gaps %llu %llu %llu, missing %llu; words %llu of %llu; "
             "faults %llu; sent %llu of %llu, taken %llu%s;%s%s%s",
             (unsigned long long)s.produced, (unsigned long long)c.events_in,
             (unsigned long long)c.dropped_host, (unsigned long long)s.dropped,
             (unsigned long long)s.lost, (unsigned long long)s.buffered,
             (unsigned long long)c.events_waiting, (unsigned long long)s.given,
             (unsigned long long)r->host_gaps, (unsigned long long)r->device_gaps,
             (unsigned long long)r->transport_gaps, (unsigned long long)r->missing,
             (unsigned long long)c.words_in, (unsigned long long)s.words_given,
             (unsigned long long)c.faults, (unsigned long long)c.events_out,
             (unsigned long long)r->to_send, (unsigned long long)s.taken,
             s.in_order ? "" : " in disorder", r->ended ? " ended" : "",
             r->settled ? " settled" : "", s.gone ? " gone" : "");
    return false;
}

/* What all runs met, so that none of it went missing unnoticed. */
struct met {
    uint64_t events, dropped_host, dropped_device, lost, stalls, retries, spares, gone;
};

static void remember(struct met *met, struct run *r)
{
    struct snndev_link_counters c;
    const struct storm_sums s = storm_sums(0);
    snndev_link_counters(r->link, &c);
    met->events += s.produced;
    met->dropped_host += c.dropped_host;
    met->dropped_device += c.dropped_device;
    met->lost += s.lost;
    met->stalls += c.stalls;
    met->retries += c.retries;
    met->spares += c.spare_used;
    met->gone += s.gone ? 1 : 0;
}

static bool run_once(struct snn_context *context, uint64_t seed, struct met *met)
{
    struct snndev_link_options options = {0};
    struct run r = {.context = context};
    pthread_t sender;
    choose(&r, &options, seed);
    storm_begin(0, &r.plan);
    int status = snndev_link_open_on(&r.link, context, &storm_transport, "0", &options);
    if (status == SNN_OK) status = snndev_link_start(r.link, context);
    if (status != SNN_OK || pthread_create(&sender, NULL, send_all, &r) != 0) {
        snndev_link_close(&r.link);
        if (status == SNN_ERR_GONE) return true; /* unplugged before it began */
        tap_note("opening: %s", snn_context_message(context));
        return false;
    }
    receive_all(&r);
    (void)pthread_join(sender, NULL);
    r.settled = snndev_link_settle(r.link, context, 0) == SNN_OK;
    const bool good = sums_are_right(&r) && r.good;
    remember(met, &r);
    snndev_link_close(&r.link);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t usual = getenv("SNN_SOAK") != NULL ? RUNS_SOAK : RUNS;
    const uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : usual;
    const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct snn_context *context = NULL;
    struct tap tap = {0};
    struct met met = {0};
    uint64_t failed = 0;
    bool good = snn_context_create(&context, NULL) == SNN_OK;
    for (uint64_t i = 0; good && i < runs && failed < 10; i++) {
        if (run_once(context, first + i, &met)) continue;
        tap_note("run %llu: wrong", (unsigned long long)(first + i));
        failed++;
    }
    snn_context_destroy(&context);
    tap_note("%llu runs, %llu events: host dropped %llu, device %llu, bus lost %llu; %llu stalls, "
             "%llu retries, %llu spares, %llu unplugged",
             (unsigned long long)runs, (unsigned long long)met.events,
             (unsigned long long)met.dropped_host, (unsigned long long)met.dropped_device,
             (unsigned long long)met.lost, (unsigned long long)met.stalls,
             (unsigned long long)met.retries, (unsigned long long)met.spares,
             (unsigned long long)met.gone);
    tap_check(&tap, good && failed == 0, "every event is received, waiting, or told of as lost");
    tap_check(&tap,
              argc > 1 || (met.dropped_host > 0 && met.dropped_device > 0 && met.lost > 0 &&
                           met.stalls > 0 && met.retries > 0 && met.gone > 0),
              "the runs met every kind of loss and trouble");
    return tap_end(&tap);
}
