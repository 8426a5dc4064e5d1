/* A virtual chip in this process: "vdev:speck2f,serial=S,fault=SPEC". Every open makes one of its
 * own, with a thread that is the device: it alone touches the port, so that what the host's threads
 * do wrong shows as it would with a device elsewhere.
 *
 * Nobody polls: the thread sleeps while there is nothing to take and nothing to give.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "device/transport/queue.h"
#include "device/vchip/port.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

#define PACKET 512u /* as of a high-speed endpoint */

struct vdev {
    struct snndev_vchip *vchip;
    struct snndev_port *port;
    struct snndev_desk desk;
    pthread_cond_t work;    /* for the device: there is something to do */
    pthread_mutex_t asking; /* one request at a time */
    pthread_t thread;
    atomic_bool stopping; /* set behind the desk's lock; the device reads it in mid-step, too */
    /* Behind the desk's lock. */
    bool gone;
    bool busy, cancelled; /* the device is at a transfer, which is to end */
    bool dry;             /* nothing was there to give, and nothing has happened since */
    bool clear_in, clear_out;
    /* The request: asked by the host, taken by the device, answered; a host that gave up asks the
     * next one under another number. */
    uint64_t number;
    bool asked, answered;
    struct snnwire_request request;
    enum snndev_outcome outcome;
    uint32_t size;
    uint8_t data[SNNWIRE_PAYLOAD_MAX];
    uint8_t served[SNNWIRE_PAYLOAD_MAX]; /* the device's own, without the lock */
};

/* ---- The device ---- */

/* Holds an answer back, by a fault; with the lock, which is let go. Ends early when the host lets
 * go of it. */
static void hold_back(struct vdev *v)
{
    const uint64_t until_us = snndev_now_us() + snndev_port_delay(v->port) * (uint64_t)1000;
    const struct timespec until = {.tv_sec = (time_t)(until_us / 1000000u),
                                   .tv_nsec = (long)(until_us % 1000000u * 1000u)};
    while (!v->stopping && !v->cancelled && snndev_now_us() < until_us)
        (void)pthread_cond_timedwait(&v->work, &v->desk.lock, &until);
}

static void vanish(struct vdev *v)
{
    v->gone = true;
    snndev_desk_end_all(&v->desk, &v->desk.out, SNNDEV_VANISHED);
    snndev_desk_end_all(&v->desk, &v->desk.in, SNNDEV_VANISHED);
    (void)pthread_cond_broadcast(&v->desk.changed);
}

static void serve_request(struct vdev *v)
{
    const struct snnwire_request request = v->request;
    const uint64_t number = v->number;
    uint32_t size = 0;
    v->asked = false;
    memcpy(v->served, v->data, sizeof(v->served));
    (void)pthread_mutex_unlock(&v->desk.lock);
    const enum snndev_outcome outcome = snndev_port_request(v->port, &request, v->served, &size);
    (void)pthread_mutex_lock(&v->desk.lock);
    v->dry = false;
    hold_back(v);
    if (outcome == SNNDEV_VANISHED) vanish(v);
    if (outcome == SNNDEV_TIMED_OUT || number != v->number) return; /* nobody hears of it */
    v->answered = true;
    v->outcome = outcome;
    v->size = size;
    memcpy(v->data, v->served, size);
    (void)pthread_cond_broadcast(&v->desk.changed);
}

static void cancel(struct vdev *v)
{
    snndev_desk_end_all(&v->desk, &v->desk.out, SNNDEV_CANCELLED);
    snndev_desk_end_all(&v->desk, &v->desk.in, SNNDEV_CANCELLED);
}

/* The transfer that the device was at ends, and those behind it if all are to: never before it. */
static void end_served(struct vdev *v, struct snndev_transfer *transfer, size_t actual,
                       enum snndev_outcome outcome)
{
    const bool cancelled = v->cancelled;
    v->busy = v->cancelled = false;
    transfer->actual = actual;
    snndev_desk_end(&v->desk, transfer, outcome);
    if (outcome == SNNDEV_VANISHED)
        vanish(v);
    else if (cancelled)
        cancel(v);
}

static void serve_out(struct vdev *v)
{
    struct snndev_transfer *transfer = snndev_queue_take(&v->desk.out);
    size_t actual = 0;
    v->busy = true;
    (void)pthread_mutex_unlock(&v->desk.lock);
    const enum snndev_outcome outcome =
        snndev_port_take(v->port, transfer->bytes, transfer->size, &actual);
    (void)pthread_mutex_lock(&v->desk.lock);
    v->dry = false;
    end_served(v, transfer, actual, outcome);
}

static void put_back(struct snndev_queue *queue, struct snndev_transfer *transfer)
{
    transfer->own = queue->first;
    queue->first = transfer;
    if (queue->last == NULL) queue->last = transfer;
}

static void serve_in(struct vdev *v)
{
    struct snndev_transfer *transfer = snndev_queue_take(&v->desk.in);
    size_t actual = 0;
    v->busy = true;
    (void)pthread_mutex_unlock(&v->desk.lock);
    const enum snndev_outcome outcome =
        snndev_port_give(v->port, transfer->bytes, transfer->size, PACKET, &actual);
    (void)pthread_mutex_lock(&v->desk.lock);
    const bool nothing = outcome == SNNDEV_COMPLETED && actual == 0;
    if (nothing && !v->cancelled) {
        v->busy = false;
        v->dry = true;
        put_back(&v->desk.in, transfer);
        return;
    }
    if (!nothing) hold_back(v);
    end_served(v, transfer, actual, nothing ? SNNDEV_CANCELLED : outcome);
}

static void clear_halts(struct vdev *v)
{
    if (v->clear_in) snndev_port_clear_halt(v->port, false);
    if (v->clear_out) snndev_port_clear_halt(v->port, true);
    v->dry = v->dry && !v->clear_in;
    v->clear_in = v->clear_out = false;
}

/* Takes from each side in turn, so that neither keeps the other waiting. */
static void *be_a_device(void *user)
{
    struct vdev *v = user;
    (void)pthread_mutex_lock(&v->desk.lock);
    while (!v->stopping) {
        clear_halts(v);
        const bool gives = v->desk.in.first != NULL && !v->dry;
        if (!v->asked && !gives && v->desk.out.first == NULL) {
            (void)pthread_cond_wait(&v->work, &v->desk.lock);
            continue;
        }
        if (v->asked) serve_request(v);
        if (v->desk.out.first != NULL) serve_out(v);
        if (v->desk.in.first != NULL && !v->dry) serve_in(v);
    }
    (void)pthread_mutex_unlock(&v->desk.lock);
    return NULL;
}

/* ---- The host ---- */

static void rouse(struct vdev *v)
{
    (void)pthread_cond_signal(&v->work);
}

/* Waits for the answer: OK, TIMEOUT or GONE, without a message. */
static int ask(struct vdev *v, const struct snnwire_request *request, uint8_t *data,
               uint32_t *size_out, unsigned timeout_ms)
{
    const uint64_t until = snndev_now_us() + timeout_ms * (uint64_t)1000;
    (void)pthread_mutex_lock(&v->desk.lock);
    v->request = *request;
    if (!request->in && request->size > 0) memcpy(v->data, data, request->size);
    v->asked = true;
    v->answered = false;
    rouse(v);
    while (!v->answered && !v->gone && snndev_desk_wait(&v->desk, until)) {
    }
    int status = v->answered ? snndev_outcome_status(v->outcome) : SNN_ERR_TIMEOUT;
    if (v->answered && v->outcome == SNNDEV_STALLED) status = SNN_ERR_PROTOCOL;
    if (!v->answered && v->gone) status = SNN_ERR_GONE;
    if (status == SNN_OK && v->size > 0) memcpy(data, v->data, v->size);
    if (status == SNN_OK && size_out != NULL) *size_out = v->size;
    v->asked = false;
    v->number++;
    (void)pthread_mutex_unlock(&v->desk.lock);
    return status;
}

static int vdev_request(void *self, struct snn_context *context,
                        const struct snnwire_request *request, uint8_t *data, uint32_t *size_out,
                        unsigned timeout_ms)
{
    struct vdev *v = self;
    if (request->size > SNNWIRE_PAYLOAD_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "a request of %u bytes", request->size);
    (void)pthread_mutex_lock(&v->asking);
    int status = ask(v, request, data, size_out, timeout_ms);
    (void)pthread_mutex_unlock(&v->asking);
    if (status == SNN_ERR_PROTOCOL)
        return snnbase_fail(context, status, "the virtual chip refused request %u", request->code);
    if (status == SNN_ERR_GONE) return snnbase_fail(context, status, "the virtual chip went away");
    if (status == SNN_ERR_TIMEOUT)
        return snnbase_fail(context, status, "the virtual chip gave no answer within %u ms",
                            timeout_ms);
    return status;
}

static int vdev_submit(void *self, struct snndev_transfer *transfer)
{
    struct vdev *v = self;
    (void)pthread_mutex_lock(&v->desk.lock);
    const bool gone = v->gone;
    transfer->actual = 0;
    if (!gone) snndev_queue_put(transfer->out ? &v->desk.out : &v->desk.in, transfer);
    rouse(v);
    (void)pthread_mutex_unlock(&v->desk.lock);
    return gone ? SNN_ERR_GONE : SNN_OK;
}

static struct snndev_transfer *vdev_reap(void *self, unsigned timeout_ms)
{
    return snndev_desk_reap(&((struct vdev *)self)->desk, timeout_ms);
}

static void vdev_wake(void *self)
{
    snndev_desk_wake(&((struct vdev *)self)->desk);
}

/* The one that the device is at ends by itself. */
static void vdev_cancel_all(void *self)
{
    struct vdev *v = self;
    (void)pthread_mutex_lock(&v->desk.lock);
    v->cancelled = v->busy;
    if (!v->busy) cancel(v);
    rouse(v);
    (void)pthread_mutex_unlock(&v->desk.lock);
}

static int vdev_clear_halt(void *self, bool out)
{
    struct vdev *v = self;
    (void)pthread_mutex_lock(&v->desk.lock);
    const bool gone = v->gone;
    if (out)
        v->clear_out = true;
    else
        v->clear_in = true;
    rouse(v);
    (void)pthread_mutex_unlock(&v->desk.lock);
    return gone ? SNN_ERR_GONE : SNN_OK;
}

/* ---- Opening ---- */

/* What stands behind the scheme, taken apart. */
struct words {
    char chip[256], serial[64], fault[512];
};

static int take_word(struct snn_context *context, char *to, size_t room, const char *from,
                     size_t length)
{
    if (length >= room)
        return snnbase_fail(context, SNN_ERR_INVALID, "vdev: '%.*s' is too long", (int)length,
                            from);
    memcpy(to, from, length);
    to[length] = '\0';
    return SNN_OK;
}

/* Up to the next ",serial=" or ",fault=", so that a list of faults may have commas. */
static size_t word_length(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0' && strncmp(text + length, ",serial=", 8) != 0 &&
           strncmp(text + length, ",fault=", 7) != 0)
        length++;
    return length;
}

static int parse(struct words *words, struct snn_context *context, const char *text)
{
    static const char hint[] = "vdev:CHIP (speck2f, or another profile's name or file), behind it "
                               "serial=TEXT and fault=LIST, separated by commas";
    *words = (struct words){.chip = ""};
    size_t length = word_length(text);
    if (length == 0) {
        snnbase_fail(context, SNN_ERR_INVALID, "vdev: which chip? no profile is named");
        return snnbase_hint(context, hint);
    }
    if (memchr(text, '/', length) == NULL && memchr(text, ',', length) != NULL) {
        snnbase_fail(context, SNN_ERR_INVALID, "vdev: unknown argument in '%.*s'", (int)length,
                     text);
        return snnbase_hint(context, hint);
    }
    int status = take_word(context, words->chip, sizeof(words->chip), text, length);
    for (text += length; status == SNN_OK && *text != '\0'; text += length) {
        const bool serial = text[1] == 's';
        text += serial ? 8 : 7;
        length = word_length(text);
        status = serial ? take_word(context, words->serial, sizeof(words->serial), text, length)
                        : take_word(context, words->fault, sizeof(words->fault), text, length);
    }
    return status;
}

static int plug(struct vdev *v, struct snn_context *context, const struct words *words)
{
    struct snndev_faults faults;
    int status = snndev_faults_parse(&faults, context, words->fault);
    if (status != SNN_OK) return status;
    const struct snndev_vchip_options options = {
        .chip = words->chip,
        .serial = words->serial[0] != '\0' ? words->serial : NULL,
        .output_words = faults.output_words,
    };
    status = snndev_vchip_create(&v->vchip, context, &options);
    if (status == SNN_OK) status = snndev_port_create(&v->port, context, v->vchip, &faults);
    return status;
}

static bool goes_on(void *user)
{
    const struct vdev *v = user;
    return !v->stopping;
}

static void unplug(struct vdev *v)
{
    snndev_port_destroy(&v->port);
    snndev_vchip_destroy(&v->vchip);
}

/* The desk is there. */
static int start(struct vdev *v, struct snn_context *context)
{
    pthread_condattr_t attributes;
    bool good = pthread_condattr_init(&attributes) == 0;
    if (good) {
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        good = pthread_cond_init(&v->work, &attributes) == 0;
        (void)pthread_condattr_destroy(&attributes);
    }
    if (good) {
        (void)pthread_mutex_init(&v->asking, NULL);
        good = pthread_create(&v->thread, NULL, be_a_device, v) == 0;
        if (!good) (void)pthread_mutex_destroy(&v->asking);
        if (!good) (void)pthread_cond_destroy(&v->work);
    }
    return good ? SNN_OK
                : snnbase_fail(context, SNN_ERR_NOMEM, "no thread for a virtual chip could be had");
}

static int vdev_open(void *self, struct snn_context *context, const char *arguments)
{
    struct vdev *v = self;
    struct words words;
    int status = parse(&words, context, arguments);
    if (status == SNN_OK) status = plug(v, context, &words);
    if (status == SNN_OK) status = snndev_desk_init(&v->desk, context);
    if (status == SNN_OK) snndev_vchip_ask(v->vchip, goes_on, v);
    if (status != SNN_OK) {
        unplug(v);
        return status;
    }
    status = start(v, context);
    if (status == SNN_OK) return SNN_OK;
    snndev_desk_fini(&v->desk);
    unplug(v);
    return status;
}

static void vdev_close(void *self)
{
    struct vdev *v = self;
    (void)pthread_mutex_lock(&v->desk.lock);
    v->stopping = true;
    rouse(v);
    (void)pthread_mutex_unlock(&v->desk.lock);
    (void)pthread_join(v->thread, NULL);
    (void)pthread_mutex_destroy(&v->asking);
    (void)pthread_cond_destroy(&v->work);
    snndev_desk_fini(&v->desk);
    unplug(v);
}

const struct snndev_transport_ops snndev_vdev_transport = {
    .scheme = "vdev",
    .summary = "a virtual chip in this process: vdev:speck2f,serial=VIRT0001,fault=LIST",
    .private_size = sizeof(struct vdev),
    .open = vdev_open,
    .request = vdev_request,
    .submit = vdev_submit,
    .reap = vdev_reap,
    .wake = vdev_wake,
    .cancel_all = vdev_cancel_all,
    .clear_halt = vdev_clear_halt,
    .close = vdev_close,
};
