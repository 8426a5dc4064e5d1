/* The transport that does what a test says; see fake.h. */
#include "tests/device/fake.h"

#include <string.h>

#include "device/transport/queue.h"
#include "libsnn/base/error.h"

enum { WRITTEN_MAX = 1 << 22, TAKEN_MAX = 1 << 22, WAIT_US = 5000000 };

static struct fake {
    struct fake_plan plan;
    struct snndev_desk desk;
    uint32_t waiting[2], flying, cleared[2];
    bool gone, open;
    uint32_t left_over, closes;
    struct snnwire_writer writer;
    struct snnwire_reader reader;
    uint64_t time_us;
    uint32_t words;
    size_t written_size, taken_size;
    uint8_t written[WRITTEN_MAX], taken[TAKEN_MAX];
} fake;

void fake_begin(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.plan.hello = (struct snnwire_hello){.version_major = SNNWIRE_VERSION_MAJOR,
                                             .firmware_major = 3,
                                             .chip = "fake",
                                             .serial = "F1",
                                             .buffer_words = 4096,
                                             .core_count = 1};
    fake.plan.hello_bytes = SNNWIRE_HELLO_BYTES;
}

struct fake_plan *fake_plan(void)
{
    return &fake.plan;
}

static void lock(void)
{
    (void)pthread_mutex_lock(&fake.desk.lock);
}

static void unlock(void)
{
    (void)pthread_mutex_unlock(&fake.desk.lock);
}

/* ---- The transport ---- */

static int open_fake(void *self, struct snn_context *context, const char *arguments)
{
    (void)self;
    (void)arguments;
    if (fake.plan.open_status != 0)
        return snnbase_fail(context, fake.plan.open_status, "the fake does not open");
    const int status = snndev_desk_init(&fake.desk, context);
    fake.open = status == SNN_OK;
    return status;
}

static void forget_stream(void)
{
    lock();
    fake.writer = (struct snnwire_writer){0};
    fake.words = 0;
    fake.written_size = fake.taken_size = 0;
    unlock();
}

static int request(void *self, struct snn_context *context, const struct snnwire_request *request,
                   uint8_t *data, uint32_t *size_out, unsigned timeout_ms)
{
    (void)self;
    (void)timeout_ms;
    if (fake.gone) return snnbase_fail(context, SNN_ERR_GONE, "the fake is gone");
    *size_out = request->size;
    if (request->code == fake.plan.refused)
        return snnbase_fail(context, SNN_ERR_PROTOCOL, "the fake refuses");
    switch (request->code) {
    case SNNWIRE_CODE_HELLO:
        snnwire_hello_write(&fake.plan.hello, data);
        *size_out = fake.plan.hello_bytes;
        return SNN_OK;
    case SNNWIRE_CODE_STATUS:
        snnwire_status_write(&fake.plan.reason, data);
        return SNN_OK;
    case SNNWIRE_CODE_RESET:
        forget_stream();
        return SNN_OK;
    default:
        break;
    }
    if (fake.plan.request_status == SNN_OK) return SNN_OK;
    return snnbase_fail(context, fake.plan.request_status, "the fake does not answer");
}

/* With the lock held. */
static void end(struct snndev_transfer *transfer, size_t actual, enum snndev_outcome outcome)
{
    transfer->actual = actual;
    fake.waiting[transfer->out]--;
    snndev_desk_end(&fake.desk, transfer, outcome);
}

static void take(const uint8_t *bytes, size_t size)
{
    if (size > TAKEN_MAX - fake.taken_size) fake.taken_size = 0;
    memcpy(fake.taken + fake.taken_size, bytes, size);
    fake.taken_size += size;
}

static int submit(void *self, struct snndev_transfer *transfer)
{
    int status = SNN_OK;
    (void)self;
    lock();
    if (fake.gone) {
        status = SNN_ERR_GONE;
    } else if (fake.plan.lend > 0 && fake.flying >= fake.plan.lend) {
        status = SNN_ERR_NOMEM;
    } else {
        transfer->actual = 0;
        fake.flying++;
        fake.waiting[transfer->out]++;
        snndev_queue_put(transfer->out ? &fake.desk.out : &fake.desk.in, transfer);
        if (transfer->out && !fake.plan.manual) {
            take(transfer->bytes, transfer->size);
            end(snndev_queue_take(&fake.desk.out), transfer->size, SNNDEV_COMPLETED);
        }
        (void)pthread_cond_broadcast(&fake.desk.changed);
    }
    unlock();
    return status;
}

static struct snndev_transfer *reap(void *self, unsigned timeout_ms)
{
    (void)self;
    struct snndev_transfer *transfer = snndev_desk_reap(&fake.desk, timeout_ms);
    if (transfer == NULL) return NULL;
    lock();
    fake.flying--;
    unlock();
    return transfer;
}

static void wake(void *self)
{
    (void)self;
    snndev_desk_wake(&fake.desk);
}

static void end_all(enum snndev_outcome outcome)
{
    struct snndev_transfer *transfer;
    while ((transfer = snndev_queue_take(&fake.desk.out)) != NULL)
        end(transfer, 0, outcome);
    while ((transfer = snndev_queue_take(&fake.desk.in)) != NULL)
        end(transfer, 0, outcome);
}

static void cancel_all(void *self)
{
    (void)self;
    lock();
    if (!fake.plan.deaf) end_all(SNNDEV_CANCELLED);
    unlock();
}

static int clear_halt(void *self, bool out)
{
    (void)self;
    lock();
    fake.cleared[out]++;
    unlock();
    return fake.gone ? SNN_ERR_GONE : SNN_OK;
}

static void close_fake(void *self)
{
    (void)self;
    fake.left_over = fake.flying;
    fake.closes++;
    fake.open = false;
    snndev_desk_fini(&fake.desk);
}

const struct snndev_transport_ops fake_transport = {
    .scheme = "fake",
    .summary = "what a test says",
    .private_size = 1,
    .open = open_fake,
    .request = request,
    .submit = submit,
    .reap = reap,
    .wake = wake,
    .cancel_all = cancel_all,
    .clear_halt = clear_halt,
    .close = close_fake,
};

/* ---- What a test does ---- */

/* With the lock held; waits for the queue to have one. */
static struct snndev_transfer *oldest(struct snndev_queue *queue)
{
    const uint64_t until = snndev_now_us() + WAIT_US;
    while (queue->first == NULL && snndev_desk_wait(&fake.desk, until))
        ;
    return snndev_queue_take(queue);
}

bool fake_give(const uint8_t *bytes, size_t size, enum snndev_outcome outcome)
{
    lock();
    struct snndev_transfer *transfer = oldest(&fake.desk.in);
    const bool good = transfer != NULL && size <= transfer->size;
    if (good) {
        memcpy(transfer->bytes, bytes, size);
        end(transfer, size, outcome);
    }
    unlock();
    return good;
}

static uint8_t *room(void)
{
    return fake.written + fake.written_size;
}

void fake_write_events(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct snnwire_event event = {.time_us = fake.time_us++, .layer = 1};
        fake.written_size += snnwire_write_event(&fake.writer, &event, room());
    }
}

void fake_write_mark(enum snnwire_mark mark, uint32_t argument, uint32_t value)
{
    fake.written_size += snnwire_write_mark(&fake.writer, mark, argument, value, room());
}

void fake_write_credit(void)
{
    lock();
    const uint32_t words = (uint32_t)(fake.taken_size / SNNWIRE_WORD_BYTES);
    unlock();
    fake_write_mark(SNNWIRE_MARK_CREDIT, 0, words);
}

uint8_t *fake_written(size_t *size_out)
{
    fake.written_size += snnwire_write_check(&fake.writer, room());
    *size_out = fake.written_size;
    fake.written_size = 0;
    return fake.written;
}

bool fake_send(size_t most)
{
    size_t size = 0;
    const uint8_t *bytes = fake_written(&size);
    bool good = true;
    for (size_t at = 0; at < size && good; at += most)
        good = fake_give(bytes + at, size - at < most ? size - at : most, SNNDEV_COMPLETED);
    return good;
}

bool fake_end_out(size_t taken, enum snndev_outcome outcome)
{
    lock();
    struct snndev_transfer *transfer = oldest(&fake.desk.out);
    if (transfer != NULL) {
        if (taken > transfer->size) taken = transfer->size;
        take(transfer->bytes, taken);
        end(transfer, taken, outcome);
    }
    unlock();
    return transfer != NULL;
}

bool fake_came(size_t size)
{
    const uint64_t until = snndev_now_us() + WAIT_US;
    lock();
    while (fake.taken_size < size && snndev_desk_wait(&fake.desk, until))
        ;
    const bool good = fake.taken_size >= size;
    unlock();
    return good;
}

const uint8_t *fake_taken(size_t *size_out)
{
    lock();
    *size_out = fake.taken_size;
    unlock();
    return fake.taken;
}

static bool wait_waiting(bool out, uint32_t count)
{
    const uint64_t until = snndev_now_us() + WAIT_US;
    lock();
    while (fake.waiting[out] != count && snndev_desk_wait(&fake.desk, until))
        ;
    const bool good = fake.waiting[out] == count;
    unlock();
    return good;
}

bool fake_waiting(uint32_t count)
{
    return wait_waiting(false, count);
}

bool fake_waiting_out(uint32_t count)
{
    return wait_waiting(true, count);
}

uint32_t fake_halts_cleared(bool out)
{
    lock();
    const uint32_t cleared = fake.cleared[out];
    unlock();
    return cleared;
}

void fake_vanish(void)
{
    lock();
    fake.gone = true;
    end_all(SNNDEV_VANISHED);
    (void)pthread_cond_broadcast(&fake.desk.changed);
    unlock();
}

uint32_t fake_left_over(void)
{
    return fake.left_over;
}

uint32_t fake_closes(void)
{
    return fake.closes;
}
