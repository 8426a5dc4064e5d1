/* Links with all their threads at work, for ThreadSanitizer: on two devices at once, one thread
 * sends, one receives, one asks for counters and makes requests, while the device streams; then it
 * ends, is unplugged, is reset, or the link is closed in the middle.
 *
 *   traffic [EVENTS]   so many from devices to host altogether; 1 million, with SNN_SOAK=1 100
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/link.h"
#include "tests/device/storm.h"
#include "tests/plain/support.h"

enum { LINKS = 2, BATCH = 500, ROUND_EVENTS = 100000, ENDS = 4 };

enum end { END_BY_ITSELF, END_UNPLUGGED, END_RESET, END_CLOSED };

struct traffic {
    unsigned number;
    enum end end;
    struct snndev_link *link;
    atomic_bool stop;  /* to all threads */
    atomic_bool ended; /* END came */
    atomic_ullong received;
    atomic_ullong lost; /* as gaps say */
    atomic_bool wrong;
};

static void nap(long us)
{
    const struct timespec t = {.tv_nsec = us * 1000};
    (void)nanosleep(&t, NULL);
}

/* A status that the way a round ends brings about. */
static bool is_expected(const struct traffic *t, int status)
{
    return status == SNN_OK || status == SNN_ERR_TIMEOUT ||
           (status == SNN_ERR_GONE && t->end == END_UNPLUGGED);
}

static void *send_some(void *user)
{
    struct traffic *t = user;
    struct snn_context *context = NULL;
    struct snnwire_event events[BATCH];
    int status = snn_context_create(&context, NULL);
    for (uint64_t sent = 0; status == SNN_OK && !atomic_load(&t->stop); sent += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            events[i] = (struct snnwire_event){.time_us = sent + i};
        status = snndev_link_send(t->link, context, events, BATCH);
        if (status == SNN_OK) status = snndev_link_flush(t->link, context);
    }
    if (!is_expected(t, status)) {
        tap_note("sending: %s", snn_context_message(context));
        atomic_store(&t->wrong, true);
    }
    snn_context_destroy(&context);
    return NULL;
}

static void take_mark(struct traffic *t, const struct snnwire_item *mark)
{
    if (mark->mark == SNNWIRE_MARK_END) atomic_store(&t->ended, true);
    if (mark->mark == SNNWIRE_MARK_GAP) atomic_fetch_add(&t->lost, mark->value);
}

static void *receive_some(void *user)
{
    struct traffic *t = user;
    struct snn_context *context = NULL;
    struct snnwire_event events[BATCH];
    struct snnwire_item mark;
    int status = snn_context_create(&context, NULL);
    while (is_expected(t, status) && status != SNN_ERR_GONE && !atomic_load(&t->stop)) {
        size_t count = 0;
        status = snndev_link_receive_events(t->link, context, events, BATCH, &count, &mark, 5);
        if (status != SNN_OK) continue;
        atomic_fetch_add(&t->received, count);
        if (mark.is_mark) take_mark(t, &mark);
    }
    if (!is_expected(t, status)) {
        tap_note("receiving: %s", snn_context_message(context));
        atomic_store(&t->wrong, true);
    }
    snn_context_destroy(&context);
    return NULL;
}

static void *ask_some(void *user)
{
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_STATISTICS, .in = true, .size = SNNWIRE_STATISTICS_BYTES};
    struct traffic *t = user;
    struct snndev_link_counters counters;
    struct snn_context *context = NULL;
    uint8_t data[SNNWIRE_STATISTICS_BYTES];
    int status = snn_context_create(&context, NULL);
    while (status == SNN_OK && !atomic_load(&t->stop)) {
        snndev_link_counters(t->link, &counters);
        status = snndev_link_request(t->link, context, &request, data, NULL);
        nap(300);
    }
    if (!is_expected(t, status)) atomic_store(&t->wrong, true);
    snn_context_destroy(&context);
    return NULL;
}

/* Waits until the device has given what it has, or half of it where the end comes from outside. */
static void wait_half(struct traffic *t, uint64_t events)
{
    const uint64_t wanted = t->end == END_BY_ITSELF ? events : events / 2;
    for (unsigned i = 0; i < 600000 && !atomic_load(&t->ended) && !atomic_load(&t->wrong); i++) {
        if (t->end != END_BY_ITSELF && storm_sums(t->number).produced >= wanted) return;
        nap(100);
    }
}

static void stream(struct traffic *t, uint64_t events)
{
    static void *(*const works[])(void *) = {send_some, receive_some, ask_some};
    pthread_t threads[3];
    unsigned started = 0;
    while (started < 3 && pthread_create(&threads[started], NULL, works[started], t) == 0)
        started++;
    wait_half(t, events);
    if (t->end == END_UNPLUGGED) storm_vanish(t->number);
    if (t->end == END_UNPLUGGED) nap(2000);
    atomic_store(&t->stop, true);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    if (started < 3) atomic_store(&t->wrong, true);
}

/* Behind a reset the stream goes on, from its first word. */
static void stream_again(struct traffic *t, struct snn_context *context, uint64_t events)
{
    if (snndev_link_reset(t->link, context) != SNN_OK) {
        tap_note("reset: %s", snn_context_message(context));
        atomic_store(&t->wrong, true);
        return;
    }
    t->end = END_BY_ITSELF;
    atomic_store(&t->stop, false);
    stream(t, events);
    struct snndev_link_counters counters;
    snndev_link_counters(t->link, &counters);
    if (counters.faults > 0 || !atomic_load(&t->ended)) atomic_store(&t->wrong, true);
}

static void *play(void *user)
{
    struct traffic *t = user;
    struct snn_context *context = NULL;
    char arguments[8];
    (void)snprintf(arguments, sizeof(arguments), "%u", t->number);
    const struct snndev_link_options options = {
        .transfer_count = 8, .transfer_bytes = 8192, .timeout_ms = 5000};
    int status = snn_context_create(&context, NULL);
    if (status == SNN_OK)
        status = snndev_link_open_on(&t->link, context, &storm_transport, arguments, &options);
    if (status == SNN_OK) status = snndev_link_start(t->link, context);
    if (status == SNN_OK) {
        const bool again = t->end == END_RESET;
        stream(t, ROUND_EVENTS);
        if (again) stream_again(t, context, ROUND_EVENTS);
        if (t->end == END_BY_ITSELF && !atomic_load(&t->ended)) {
            tap_note("the END did not come");
            atomic_store(&t->wrong, true);
        }
    } else {
        atomic_store(&t->wrong, true);
    }
    snndev_link_close(&t->link);
    snn_context_destroy(&context);
    return NULL;
}

/* One round on all devices; how many events they produced, 0: something was wrong. */
static uint64_t play_round(unsigned round)
{
    static struct traffic traffic[LINKS];
    pthread_t threads[LINKS];
    uint64_t produced = 0;
    bool good = true;
    for (unsigned i = 0; i < LINKS; i++) {
        traffic[i] = (struct traffic){.number = i, .end = (enum end)((round + i) % ENDS)};
        const struct storm_plan plan = {.seed = round * LINKS + i + 1,
                                        .events = ROUND_EVENTS,
                                        .burst = 4000,
                                        .buffer_words = 8000,
                                        .credit = 4096,
                                        .tick_every = 1000,
                                        .patient = true,
                                        .stall = round % 3 == 0 ? 5 : 0,
                                        .fail = round % 3 == 1 ? 5 : 0,
                                        .cut = 10};
        storm_begin(i, &plan);
        good = pthread_create(&threads[i], NULL, play, &traffic[i]) == 0 && good;
        if (!good) return 0;
    }
    for (unsigned i = 0; i < LINKS; i++) {
        (void)pthread_join(threads[i], NULL);
        good = good && !atomic_load(&traffic[i].wrong);
        produced += storm_total(i);
    }
    return good ? produced : 0;
}

int main(int argc, char **argv)
{
    const uint64_t usual = getenv("SNN_SOAK") != NULL ? 100000000 : 1000000;
    const uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : usual;
    struct tap tap = {0};
    uint64_t produced = 0;
    bool good = true;
    unsigned round = 0;
    for (; good && (produced < wanted || round < ENDS); round++) {
        const uint64_t more = play_round(round);
        good = more > 0;
        produced += more;
        if (!good) tap_note("round %u: wrong", round);
    }
    tap_note("%llu events in %u rounds", (unsigned long long)produced, round);
    tap_check(&tap, good, "links stream, are unplugged, reset and closed with all threads at work");
    return tap_end(&tap);
}
