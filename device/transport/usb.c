/* The transport "usb", by libusb: an open device, its requests and its two bulk pipes.
 *
 * Events are handled inside of reap, by the thread that reaps: a link has that thread already, and
 * one of our own would only add a hop between two threads to the way of every transfer. A request
 * of another thread handles events as well while it waits; libusb lets one of them do so and wakes
 * the other, so whatever ends is put into a queue here and `attention` makes libusb return.
 * Nothing sleeps or polls. Not here: which device (usb_find.c), who comes and goes (usb_watch.c).
 */
#include <libusb.h>
#include <limits.h>
#include <pthread.h>
#include <time.h>

#include "device/transport/usb.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { PROBE_MS = 200, CLOSE_MS = 300, ERROR_PAUSE_MS = 2, CLAIM_TRIES = 4, CLAIM_PAUSE_MS = 15 };

struct usb;

/* What a transfer keeps from one submission to the next. */
struct own {
    struct own *next;  /* in the queue that it is in */
    struct own *other; /* in the list of all */
    struct usb *usb;
    struct snndev_transfer *transfer;
    struct libusb_transfer *libusb;
};

struct queue {
    struct own *first, *last;
};

struct usb {
    struct snn_allocator allocator;
    libusb_context *libusb;
    libusb_device_handle *handle;
    struct snndev_usb_pipes pipes;
    pthread_mutex_t mutex; /* of what follows */
    struct own *all;
    struct queue flying, ended; /* in the order of submission, and in that of their ends */
    bool woken;
    int attention; /* reap has something to look at; libusb reads it, so set it atomically */
};

static void queue_push(struct queue *queue, struct own *own)
{
    own->next = NULL;
    if (queue->last)
        queue->last->next = own;
    else
        queue->first = own;
    queue->last = own;
}

static void queue_remove(struct queue *queue, const struct own *own)
{
    struct own *before = NULL;
    for (struct own *at = queue->first; at; before = at, at = at->next) {
        if (at != own) continue;
        if (before)
            before->next = at->next;
        else
            queue->first = at->next;
        if (queue->last == at) queue->last = before;
        return;
    }
}

/* ---- Opening ---- */

static int fail_access(struct snn_context *context, const char *path, const char *uri)
{
    snnbase_fail(context, SNN_ERR_ACCESS, "%s: no permission to open %s", uri, path);
    return snnbase_hint(context,
                        "the rule data/udev/70-libsnn.rules gives it to whoever sits at this "
                        "machine: sudo install -m 644 data/udev/70-libsnn.rules "
                        "/etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm "
                        "trigger --subsystem-match=usb, or plug it in again");
}

static int fail_busy(struct snn_context *context, const char *uri)
{
    snnbase_fail(context, SNN_ERR_BUSY, "%s: another program, or this one, has it open", uri);
    return snnbase_hint(context, "end that program, or close it there first");
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* Whoever lists devices has the interface for a moment, to see whether it is free: so what is busy
 * gets a second chance. */
static int claim(struct usb *usb)
{
    int error = libusb_claim_interface(usb->handle, usb->pipes.interface);
    for (int i = 1; i < CLAIM_TRIES && error == LIBUSB_ERROR_BUSY; i++) {
        pause_ms(CLAIM_PAUSE_MS);
        error = libusb_claim_interface(usb->handle, usb->pipes.interface);
    }
    return error;
}

static int handle_open(struct usb *usb, struct snn_context *context, libusb_device *device,
                       const struct snn_device_description *about)
{
    int error = libusb_open(device, &usb->handle);
    if (error == LIBUSB_ERROR_ACCESS) return fail_access(context, about->access_path, about->uri);
    if (error != 0) return snndev_usb_fail(context, error, about->uri);
    if (!snndev_usb_find_pipes(device, &usb->pipes)) {
        snnbase_fail(context, SNN_ERR_PROTOCOL, "%s: it has no bulk endpoint to stream from",
                     about->uri);
        return snnbase_hint(context, "this is another kind of device; `snndev list` shows those "
                                     "that speak the protocol");
    }
    /* Where the host has no kernel drivers to detach, this says so and there is nothing to do. */
    (void)libusb_set_auto_detach_kernel_driver(usb->handle, 1);
    error = claim(usb);
    if (error == LIBUSB_ERROR_BUSY) return fail_busy(context, about->uri);
    return error != 0 ? snndev_usb_fail(context, error, about->uri) : SNN_OK;
}

static void let_go(struct usb *usb)
{
    if (usb->handle) libusb_close(usb->handle);
    if (usb->libusb) libusb_exit(usb->libusb);
    usb->handle = NULL;
    usb->libusb = NULL;
}

static int usb_open(void *self, struct snn_context *context, const char *arguments)
{
    struct usb *usb = self;
    libusb_device *device = NULL;
    struct snn_device_description about;
    usb->allocator = *snnbase_allocator(context);
    int status = snndev_usb_init(&usb->libusb, context);
    if (status != SNN_OK) return status;
    status = snndev_usb_find(&device, &about, usb->libusb, context, arguments);
    if (status == SNN_OK) status = handle_open(usb, context, device, &about);
    if (device) libusb_unref_device(device);
    if (status == SNN_OK && pthread_mutex_init(&usb->mutex, NULL) != 0)
        status = snnbase_fail(context, SNN_ERR_NOMEM, "%s: no memory for a lock", about.uri);
    if (status != SNN_OK) let_go(usb);
    return status;
}

/* ---- Requests ---- */

static int fail_request(struct snn_context *context, int error, unsigned code, unsigned timeout_ms)
{
    int status = snndev_usb_status(error);
    switch (status) {
    case SNN_ERR_TIMEOUT:
        return snnbase_fail(context, status, "request %u: no answer in %u ms", code, timeout_ms);
    case SNN_ERR_PROTOCOL:
        return snnbase_fail(context, status, "request %u: refused by the device", code);
    case SNN_ERR_GONE:
        return snnbase_fail(context, status, "request %u: the device is gone", code);
    default:
        return snnbase_fail(context, status, "request %u: %s", code, libusb_strerror(error));
    }
}

static int usb_request(void *self, struct snn_context *context,
                       const struct snnwire_request *request, uint8_t *data, uint32_t *size_out,
                       unsigned timeout_ms)
{
    struct usb *usb = self;
    uint8_t type = request->in ? SNNWIRE_SETUP_IN : SNNWIRE_SETUP_OUT;
    uint16_t value = 0, index = 0;
    if (request->size > SNNWIRE_PAYLOAD_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "request %u: %u bytes, %u at most",
                            request->code, request->size, SNNWIRE_PAYLOAD_MAX);
    if (timeout_ms == 0) timeout_ms = 1; /* 0 is for ever to libusb */
    snnwire_request_setup(request, &value, &index);
    int result = libusb_control_transfer(usb->handle, type, request->code, value, index, data,
                                         (uint16_t)request->size, timeout_ms);
    if (result < 0) return fail_request(context, result, request->code, timeout_ms);
    if (!request->in && (uint32_t)result != request->size)
        return snnbase_fail(context, SNN_ERR_IO, "request %u: %d bytes of %u were taken",
                            request->code, result, request->size);
    if (size_out) *size_out = (uint32_t)result;
    return SNN_OK;
}

/* ---- Transfers ---- */

static enum snndev_outcome outcome_of(enum libusb_transfer_status status)
{
    switch (status) {
    case LIBUSB_TRANSFER_COMPLETED:
        return SNNDEV_COMPLETED;
    case LIBUSB_TRANSFER_TIMED_OUT:
        return SNNDEV_TIMED_OUT;
    case LIBUSB_TRANSFER_CANCELLED:
        return SNNDEV_CANCELLED;
    case LIBUSB_TRANSFER_STALL:
        return SNNDEV_STALLED;
    case LIBUSB_TRANSFER_NO_DEVICE:
        return SNNDEV_VANISHED;
    case LIBUSB_TRANSFER_OVERFLOW:
        return SNNDEV_OVERFLOWED;
    case LIBUSB_TRANSFER_ERROR:
        break;
    }
    return SNNDEV_FAILED;
}

static void pay_attention(struct usb *usb)
{
    __atomic_store_n(&usb->attention, 1, __ATOMIC_RELEASE);
}

/* Called by libusb in whichever thread handles events. */
static void LIBUSB_CALL on_end(struct libusb_transfer *libusb)
{
    struct own *own = libusb->user_data;
    struct usb *usb = own->usb;
    own->transfer->actual = libusb->actual_length > 0 ? (size_t)libusb->actual_length : 0;
    own->transfer->outcome = outcome_of(libusb->status);
    pthread_mutex_lock(&usb->mutex);
    queue_remove(&usb->flying, own);
    queue_push(&usb->ended, own);
    pay_attention(usb);
    pthread_mutex_unlock(&usb->mutex);
}

static struct own *own_create(struct usb *usb, struct snndev_transfer *transfer)
{
    struct own *own = snnbase_allocator_alloc(&usb->allocator, sizeof(*own));
    if (!own) return NULL;
    own->libusb = libusb_alloc_transfer(0);
    if (!own->libusb) {
        snnbase_allocator_free(&usb->allocator, own);
        return NULL;
    }
    own->usb = usb;
    own->transfer = transfer;
    pthread_mutex_lock(&usb->mutex);
    own->other = usb->all;
    usb->all = own;
    pthread_mutex_unlock(&usb->mutex);
    return own;
}

static int submit_status(int error)
{
    int status = snndev_usb_status(error);
    return status == SNN_OK || status == SNN_ERR_NOMEM || status == SNN_ERR_GONE ? status
                                                                                 : SNN_ERR_IO;
}

static int usb_submit(void *self, struct snndev_transfer *transfer)
{
    struct usb *usb = self;
    uint8_t endpoint = transfer->out ? usb->pipes.out : usb->pipes.in;
    if (endpoint == 0 || transfer->size > INT_MAX) return SNN_ERR_IO;
    if (!transfer->own) transfer->own = own_create(usb, transfer);
    if (!transfer->own) return SNN_ERR_NOMEM;
    struct own *own = transfer->own;
    /* No time-out: how long a stream may rest is not this file's to say; cancel_all ends it. */
    libusb_fill_bulk_transfer(own->libusb, usb->handle, endpoint, transfer->bytes,
                              (int)transfer->size, on_end, own, 0);
    transfer->actual = 0;
    /* Under the lock, so that cancel_all sees either no transfer or one that can be cancelled. */
    pthread_mutex_lock(&usb->mutex);
    queue_push(&usb->flying, own);
    int error = libusb_submit_transfer(own->libusb);
    if (error != 0) queue_remove(&usb->flying, own);
    pthread_mutex_unlock(&usb->mutex);
    return submit_status(error);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Handles events until something asks for attention or the time is over. */
static void handle_events(struct usb *usb, int64_t ms)
{
    struct timeval time = {.tv_sec = (time_t)(ms / 1000),
                           .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    int error = libusb_handle_events_timeout_completed(usb->libusb, &time, &usb->attention);
    if (error == 0 || error == LIBUSB_ERROR_INTERRUPTED) return;
    /* It cannot wait, for want of memory or files: a caller that tries again must not spin. */
    if (ms > 0) pause_ms(ERROR_PAUSE_MS);
}

/* True: reap has its answer, in *out. */
static bool reap_ended(struct usb *usb, struct snndev_transfer **out)
{
    struct own *own = usb->ended.first;
    *out = own ? own->transfer : NULL;
    if (own) {
        queue_remove(&usb->ended, own);
        return true;
    }
    bool woken = usb->woken;
    usb->woken = false;
    return woken;
}

static struct snndev_transfer *usb_reap(void *self, unsigned timeout_ms)
{
    struct usb *usb = self;
    struct snndev_transfer *transfer = NULL;
    int64_t end = now_ms() + timeout_ms;
    for (int64_t left = timeout_ms; left >= 0; left = end - now_ms()) {
        pthread_mutex_lock(&usb->mutex);
        bool answered = reap_ended(usb, &transfer);
        __atomic_store_n(&usb->attention, 0, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&usb->mutex);
        if (answered) return transfer;
        handle_events(usb, left);
        if (left == 0) break;
    }
    pthread_mutex_lock(&usb->mutex);
    (void)reap_ended(usb, &transfer);
    pthread_mutex_unlock(&usb->mutex);
    return transfer;
}

static void usb_wake(void *self)
{
    struct usb *usb = self;
    pthread_mutex_lock(&usb->mutex);
    usb->woken = true;
    pay_attention(usb);
    pthread_mutex_unlock(&usb->mutex);
    libusb_interrupt_event_handler(usb->libusb);
}

/* In the order of submission, so that they end in it, too. */
static void usb_cancel_all(void *self)
{
    struct usb *usb = self;
    pthread_mutex_lock(&usb->mutex);
    for (struct own *own = usb->flying.first; own; own = own->next)
        (void)libusb_cancel_transfer(own->libusb);
    pthread_mutex_unlock(&usb->mutex);
}

/* Whether anybody is at endpoint 0: clearing a halt takes five seconds if not, and nothing ends
 * that (USBDEVFS_CLEAR_HALT; only there the host's side of the pipe begins anew, too). */
static int probe(const struct usb *usb, uint8_t endpoint)
{
    uint8_t status[2];
    const uint8_t type = LIBUSB_ENDPOINT_IN | LIBUSB_RECIPIENT_ENDPOINT;
    const int result = libusb_control_transfer(usb->handle, type, LIBUSB_REQUEST_GET_STATUS, 0,
                                               endpoint, status, sizeof(status), PROBE_MS);
    return result >= 0 || result == LIBUSB_ERROR_PIPE ? 0 : result;
}

static int usb_clear_halt(void *self, bool out)
{
    struct usb *usb = self;
    uint8_t endpoint = out ? usb->pipes.out : usb->pipes.in;
    if (endpoint == 0) return SNN_ERR_IO;
    const int error = probe(usb, endpoint);
    return submit_status(error != 0 ? error : libusb_clear_halt(usb->handle, endpoint));
}

/* Whatever still flies ends with the handle: the host's kernel takes its transfers back. */
static void usb_close(void *self)
{
    struct usb *usb = self;
    int64_t end = now_ms() + CLOSE_MS;
    usb_cancel_all(usb);
    while (usb->flying.first && now_ms() < end)
        (void)usb_reap(usb, CLOSE_MS / 10);
    (void)libusb_release_interface(usb->handle, usb->pipes.interface);
    libusb_close(usb->handle);
    usb->handle = NULL;
    while (usb->all) {
        struct own *own = usb->all;
        usb->all = own->other;
        libusb_free_transfer(own->libusb);
        snnbase_allocator_free(&usb->allocator, own);
    }
    let_go(usb);
    (void)pthread_mutex_destroy(&usb->mutex);
}

extern const struct snndev_transport_ops snndev_usb_transport;

const struct snndev_transport_ops snndev_usb_transport = {
    .scheme = "usb",
    .summary = "a device on USB, by libusb: usb:VID:PID[:SERIAL]",
    .private_size = sizeof(struct usb),
    .list = snndev_usb_list,
    .watch = snndev_usb_watch,
    .unwatch = snndev_usb_unwatch,
    .open = usb_open,
    .request = usb_request,
    .submit = usb_submit,
    .reap = usb_reap,
    .wake = usb_wake,
    .cancel_all = usb_cancel_all,
    .clear_halt = usb_clear_halt,
    .close = usb_close,
};
