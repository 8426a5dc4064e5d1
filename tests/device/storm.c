/* The device with a bus that does what it likes; see storm.h. */
#include "tests/device/storm.h"

#include <stdlib.h>
#include <string.h>

#include "device/transport/queue.h"
#include "libsnn/base/error.h"
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"

enum { ROOM_WORDS = 1 << 15, SPARE_WORDS = 64, PAUSE_US = 200 };

struct storm {
    struct storm_plan plan;
    struct storm_sums sums;
    struct snndev_desk desk;
    pthread_t thread;
    uint64_t random;
    uint64_t before; /* produced before the last reset */
    bool stop, ended, halted[2];
    uint64_t gap; /* dropped, and not said yet */
    struct snnwire_writer writer;
    struct snnwire_reader reader;
    uint32_t words_taken, words_credited;
    uint64_t next_taken;
    size_t begin, end; /* of what it has to send; begin may be within a word */
    uint8_t bytes[ROOM_WORDS * SNNWIRE_WORD_BYTES];
};

/* Statics of the transport's `self`, which is a number only, so that sums outlive the link. */
static struct storm storms[STORM_MAX];

void storm_begin(unsigned number, const struct storm_plan *plan)
{
    struct storm *s = &storms[number];
    memset(s, 0, offsetof(struct storm, bytes));
    s->plan = *plan;
    s->random = plan->seed * 0x9E3779B97F4A7C15u + 1;
    s->sums.in_order = true;
}

static uint32_t any(struct storm *s, uint32_t below)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (uint32_t)(s->random >> 32) % below;
}

static bool happens(struct storm *s, uint32_t in_thousand)
{
    return in_thousand > 0 && any(s, 1000) < in_thousand;
}

/* ---- What it has to say ---- */

static size_t words_free(const struct storm *s)
{
    const size_t used = (s->end - s->begin) / SNNWIRE_WORD_BYTES;
    const size_t room = s->plan.buffer_words + SPARE_WORDS;
    return used < room ? room - used : 0;
}

/* Makes the buffer begin at its first word. */
static void compact(struct storm *s)
{
    const size_t from = s->begin / SNNWIRE_WORD_BYTES * SNNWIRE_WORD_BYTES;
    if (from < sizeof(s->bytes) / 2) return;
    memmove(s->bytes, s->bytes + from, s->end - from);
    s->begin -= from;
    s->end -= from;
}

static void say(struct storm *s, enum snnwire_mark mark, uint32_t argument, uint32_t value)
{
    s->end += snnwire_write_mark(&s->writer, mark, argument, value, s->bytes + s->end);
}

static void say_gap(struct storm *s)
{
    if (s->gap == 0) return;
    say(s, SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, (uint32_t)s->gap);
    s->gap = 0;
}

static void produce_one(struct storm *s)
{
    const struct snnwire_event event = {.time_us = s->sums.produced++,
                                        .layer = (uint16_t)any(s, 64),
                                        .feature = (uint16_t)any(s, 1024)};
    if (words_free(s) < SPARE_WORDS) {
        s->gap++;
        s->sums.dropped++;
        return;
    }
    say_gap(s);
    s->end += snnwire_write_event(&s->writer, &event, s->bytes + s->end);
    s->sums.buffered++;
    if (s->plan.tick_every > 0 && s->sums.produced % s->plan.tick_every == 0)
        say(s, SNNWIRE_MARK_TICK, 0, (uint32_t)(s->sums.produced / s->plan.tick_every));
}

static bool may_produce(const struct storm *s)
{
    return s->sums.produced < s->plan.events &&
           (!s->plan.patient || words_free(s) >= SPARE_WORDS + 8);
}

static void produce(struct storm *s)
{
    compact(s);
    for (uint32_t i = s->plan.burst > 0 ? any(s, s->plan.burst + 1) : 0; i > 0 && may_produce(s);
         i--)
        produce_one(s);
    if (s->sums.produced == s->plan.events && !s->ended && words_free(s) >= SPARE_WORDS / 2) {
        say_gap(s);
        say(s, SNNWIRE_MARK_END, 0, 1);
        s->ended = true;
    }
    if (s->ended && words_free(s) > 0) s->end += snnwire_write_check(&s->writer, s->bytes + s->end);
}

/* ---- The bus ---- */

/* Takes `size` bytes off the front: counts the words that are over with them. */
static void count_off(struct storm *s, size_t size, uint64_t *events, uint64_t *words)
{
    const size_t until = s->begin + size;
    size_t at = s->begin / SNNWIRE_WORD_BYTES * SNNWIRE_WORD_BYTES + SNNWIRE_WORD_BYTES;
    for (; at <= until; at += SNNWIRE_WORD_BYTES) {
        const bool event = snnwire_get64(s->bytes + at - SNNWIRE_WORD_BYTES) >> 62 == 0;
        *words += 1;
        *events += event ? 1 : 0;
        s->sums.buffered -= event ? 1 : 0;
    }
    s->begin = until;
    if (s->begin == s->end) s->begin = s->end = 0;
}

static size_t choose_size(struct storm *s, size_t most)
{
    size_t size = s->end - s->begin < most ? s->end - s->begin : most;
    if (s->plan.ragged && size > 1) size = 1 + any(s, (uint32_t)size);
    if (s->plan.lose > 0) size -= size % SNNWIRE_WORD_BYTES;
    return size;
}

static void give(struct storm *s)
{
    struct snndev_transfer *transfer = snndev_queue_take(&s->desk.in);
    const size_t size = choose_size(s, transfer->size);
    enum snndev_outcome outcome = SNNDEV_COMPLETED;
    transfer->actual = 0;
    if (happens(s, s->plan.lose)) {
        count_off(s, size, &s->sums.lost, &s->sums.words_lost);
        outcome = SNNDEV_FAILED;
    } else if (happens(s, s->plan.fail)) {
        outcome = any(s, 2) ? SNNDEV_FAILED : SNNDEV_OVERFLOWED;
        transfer->actual = size; /* not to be believed */
        memset(transfer->bytes, 0, size);
    } else {
        memcpy(transfer->bytes, s->bytes + s->begin, size);
        transfer->actual = size;
        count_off(s, size, &s->sums.given, &s->sums.words_given);
        if (happens(s, s->plan.cut)) outcome = any(s, 2) ? SNNDEV_TIMED_OUT : SNNDEV_CANCELLED;
        if (happens(s, s->plan.stall)) {
            outcome = SNNDEV_STALLED;
            s->halted[0] = true;
        }
    }
    snndev_desk_end(&s->desk, transfer, outcome);
}

static void read_words(struct storm *s, const uint8_t *bytes, size_t size)
{
    struct snnwire_item item;
    enum snnwire_fault fault;
    size_t used = 0;
    for (size_t at = 0; at < size; at += used) {
        const bool is_item = snnwire_read(&s->reader, bytes + at, size - at, &used, &item, &fault);
        if (fault != SNNWIRE_FAULT_NONE) s->sums.in_order = false;
        if (!is_item || item.is_mark) continue;
        if (item.event.time_us != s->next_taken++) s->sums.in_order = false;
        s->sums.taken++;
    }
    s->words_taken = s->reader.words;
}

static void give_credit(struct storm *s)
{
    const uint32_t owed = s->words_taken - s->words_credited;
    if (owed == 0 || (owed < s->plan.credit / 2 && s->reader.unchecked > 0)) return;
    say(s, SNNWIRE_MARK_CREDIT, 0, s->words_taken);
    s->words_credited = s->words_taken;
    s->end += snnwire_write_check(&s->writer, s->bytes + s->end);
}

static void take(struct storm *s)
{
    struct snndev_transfer *transfer = snndev_queue_take(&s->desk.out);
    enum snndev_outcome outcome = SNNDEV_COMPLETED;
    size_t size = transfer->size;
    if (happens(s, s->plan.stall)) {
        size = any(s, (uint32_t)size + 1);
        outcome = SNNDEV_STALLED;
        s->halted[1] = true;
    }
    read_words(s, transfer->bytes, size);
    transfer->actual = size;
    snndev_desk_end(&s->desk, transfer, outcome);
    give_credit(s);
}

static void end_all(struct storm *s, enum snndev_outcome outcome)
{
    snndev_desk_end_all(&s->desk, &s->desk.in, outcome);
    snndev_desk_end_all(&s->desk, &s->desk.out, outcome);
}

static void vanish(struct storm *s)
{
    s->sums.gone = true;
    end_all(s, SNNDEV_VANISHED);
    (void)pthread_cond_broadcast(&s->desk.changed);
}

/* One round; false: there was nothing to do. */
static bool step(struct storm *s)
{
    bool busy = false;
    if (s->halted[0]) snndev_desk_end_all(&s->desk, &s->desk.in, SNNDEV_STALLED);
    if (s->halted[1]) snndev_desk_end_all(&s->desk, &s->desk.out, SNNDEV_STALLED);
    if (s->desk.out.first != NULL && words_free(s) >= 16) {
        take(s);
        busy = true;
    }
    if (s->desk.in.first != NULL) produce(s);
    if (s->desk.in.first != NULL && s->end > s->begin) {
        give(s);
        busy = true;
    }
    if (s->plan.vanish_at > 0 && s->sums.produced >= s->plan.vanish_at && !s->sums.gone) vanish(s);
    s->sums.rests = s->ended && s->begin == s->end;
    return busy;
}

static void *run(void *user)
{
    struct storm *s = user;
    (void)pthread_mutex_lock(&s->desk.lock);
    while (!s->stop) {
        if (!s->sums.gone && step(s)) continue;
        const uint64_t until = snndev_now_us() + PAUSE_US;
        (void)snndev_desk_wait(&s->desk, until);
        /* What goes on while the host does not ask. */
        if (s->desk.in.first == NULL && !s->sums.gone) produce(s);
    }
    (void)pthread_mutex_unlock(&s->desk.lock);
    return NULL;
}

/* ---- The transport ---- */

static struct storm *storm_of(void *self)
{
    return &storms[*(unsigned *)self];
}

static int open_storm(void *self, struct snn_context *context, const char *arguments)
{
    *(unsigned *)self = (unsigned)strtoul(arguments, NULL, 10);
    struct storm *s = storm_of(self);
    const int status = snndev_desk_init(&s->desk, context);
    if (status != SNN_OK) return status;
    if (pthread_create(&s->thread, NULL, run, s) == 0) return SNN_OK;
    snndev_desk_fini(&s->desk);
    return snnbase_fail(context, SNN_ERR_NOMEM, "no thread for the storm");
}

/* Both streams at word 0, as at the start. */
static void forget(struct storm *s)
{
    (void)pthread_mutex_lock(&s->desk.lock);
    s->before += s->sums.produced;
    s->sums = (struct storm_sums){.in_order = true, .gone = s->sums.gone};
    s->ended = s->halted[0] = s->halted[1] = false;
    s->gap = s->next_taken = 0;
    s->writer = (struct snnwire_writer){0};
    s->reader = (struct snnwire_reader){.words = 0};
    s->words_taken = s->words_credited = 0;
    s->begin = s->end = 0;
    (void)pthread_mutex_unlock(&s->desk.lock);
}

static int request(void *self, struct snn_context *context, const struct snnwire_request *request,
                   uint8_t *data, uint32_t *size_out, unsigned timeout_ms)
{
    struct storm *s = storm_of(self);
    const struct snnwire_hello hello = {.version_major = SNNWIRE_VERSION_MAJOR,
                                        .chip = "storm",
                                        .serial = "S",
                                        .buffer_words = s->plan.credit};
    (void)timeout_ms;
    *size_out = request->size;
    if (request->code == SNNWIRE_CODE_HELLO) snnwire_hello_write(&hello, data);
    if (request->code == SNNWIRE_CODE_RESET) forget(s);
    (void)pthread_mutex_lock(&s->desk.lock);
    const bool gone = s->sums.gone;
    (void)pthread_mutex_unlock(&s->desk.lock);
    return gone ? snnbase_fail(context, SNN_ERR_GONE, "the storm is gone") : SNN_OK;
}

static int submit(void *self, struct snndev_transfer *transfer)
{
    struct storm *s = storm_of(self);
    (void)pthread_mutex_lock(&s->desk.lock);
    const bool gone = s->sums.gone;
    if (!gone) snndev_queue_put(transfer->out ? &s->desk.out : &s->desk.in, transfer);
    (void)pthread_cond_broadcast(&s->desk.changed);
    (void)pthread_mutex_unlock(&s->desk.lock);
    return gone ? SNN_ERR_GONE : SNN_OK;
}

static struct snndev_transfer *reap(void *self, unsigned timeout_ms)
{
    return snndev_desk_reap(&storm_of(self)->desk, timeout_ms);
}

static void wake(void *self)
{
    snndev_desk_wake(&storm_of(self)->desk);
}

static void cancel_all(void *self)
{
    struct storm *s = storm_of(self);
    (void)pthread_mutex_lock(&s->desk.lock);
    end_all(s, SNNDEV_CANCELLED);
    (void)pthread_mutex_unlock(&s->desk.lock);
}

static int clear_halt(void *self, bool out)
{
    struct storm *s = storm_of(self);
    (void)pthread_mutex_lock(&s->desk.lock);
    s->halted[out] = false;
    (void)pthread_cond_broadcast(&s->desk.changed);
    (void)pthread_mutex_unlock(&s->desk.lock);
    return SNN_OK;
}

static void close_storm(void *self)
{
    struct storm *s = storm_of(self);
    (void)pthread_mutex_lock(&s->desk.lock);
    s->stop = true;
    (void)pthread_cond_broadcast(&s->desk.changed);
    (void)pthread_mutex_unlock(&s->desk.lock);
    (void)pthread_join(s->thread, NULL);
    snndev_desk_fini(&s->desk);
}

const struct snndev_transport_ops storm_transport = {
    .scheme = "storm",
    .summary = "a device on a bus that does what it likes",
    .private_size = sizeof(unsigned),
    .open = open_storm,
    .request = request,
    .submit = submit,
    .reap = reap,
    .wake = wake,
    .cancel_all = cancel_all,
    .clear_halt = clear_halt,
    .close = close_storm,
};

struct storm_sums storm_sums(unsigned number)
{
    struct storm *s = &storms[number];
    (void)pthread_mutex_lock(&s->desk.lock);
    const struct storm_sums sums = s->sums;
    (void)pthread_mutex_unlock(&s->desk.lock);
    return sums;
}

void storm_vanish(unsigned number)
{
    struct storm *s = &storms[number];
    (void)pthread_mutex_lock(&s->desk.lock);
    if (!s->sums.gone) vanish(s);
    (void)pthread_mutex_unlock(&s->desk.lock);
}

uint64_t storm_total(unsigned number)
{
    return storms[number].before + storms[number].sums.produced;
}
