/* The fake libusb: contexts, handles, transfers, events and hotplug callbacks.
 *
 * Transfers are served in the order of their submission, by whoever handles the events of their
 * context; a virtual chip computes within. It is no model of time or bandwidth.
 */
#include <errno.h>
#include <libusb.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "tests/device/fakeusb_bus.h"

enum { EVENTS_AT_ONCE = 8 };

struct fakeusb_callback {
    libusb_hotplug_callback_fn call;
    void *user;
};

struct fakeusb_bus fakeusb_bus = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                  .changed = PTHREAD_COND_INITIALIZER};

void fakeusb_enter(void)
{
    pthread_mutex_lock(&fakeusb_bus.lock);
}

void fakeusb_leave(void)
{
    pthread_mutex_unlock(&fakeusb_bus.lock);
}

void fakeusb_changed(void)
{
    pthread_cond_broadcast(&fakeusb_bus.changed);
}

/* ---- Calls that fail ---- */

void fakeusb_fail(unsigned long call, int error)
{
    fakeusb_enter();
    fakeusb_bus.calls = 0;
    fakeusb_bus.fail_at = call;
    fakeusb_bus.fail_with = error;
    fakeusb_bus.failed = NULL;
    fakeusb_leave();
}

unsigned long fakeusb_calls(void)
{
    fakeusb_enter();
    unsigned long calls = fakeusb_bus.calls;
    fakeusb_leave();
    return calls;
}

const char *fakeusb_failed(void)
{
    fakeusb_enter();
    const char *failed = fakeusb_bus.failed;
    fakeusb_leave();
    return failed;
}

long fakeusb_held(void)
{
    fakeusb_enter();
    long held = fakeusb_bus.held;
    fakeusb_leave();
    return held;
}

unsigned fakeusb_misuses(void)
{
    fakeusb_enter();
    unsigned misuses = fakeusb_bus.misuses;
    fakeusb_leave();
    return misuses;
}

/* The error to fail with, or 0. */
int fakeusb_fails_locked(const char *name)
{
    fakeusb_bus.calls++;
    if (fakeusb_bus.fail_at == 0 || fakeusb_bus.calls != fakeusb_bus.fail_at) return 0;
    fakeusb_bus.failed = name;
    return fakeusb_bus.fail_with;
}

int fakeusb_fails(const char *name)
{
    fakeusb_enter();
    int error = fakeusb_fails_locked(name);
    fakeusb_leave();
    return error;
}

void fakeusb_hold(long count)
{
    fakeusb_enter();
    fakeusb_bus.held += count;
    fakeusb_leave();
}

/* ---- Time ---- */

int64_t fakeusb_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a change; false: the time is over. */
bool fakeusb_wait_until(int64_t end_ms)
{
    struct timespec end = {.tv_sec = (time_t)(end_ms / 1000),
                           .tv_nsec = (long)(end_ms % 1000) * 1000000L};
    return pthread_cond_timedwait(&fakeusb_bus.changed, &fakeusb_bus.lock, &end) != ETIMEDOUT;
}

/* ---- Contexts ---- */

int LIBUSB_CALL libusb_init(libusb_context **out)
{
    int error = fakeusb_fails("libusb_init");
    if (error != 0) return error;
    libusb_context *context = calloc(1, sizeof(*context));
    if (!context) return LIBUSB_ERROR_NO_MEM;
    fakeusb_enter();
    context->next = fakeusb_bus.contexts;
    fakeusb_bus.contexts = context;
    fakeusb_bus.held++;
    fakeusb_leave();
    *out = context;
    return 0;
}

void LIBUSB_CALL libusb_exit(libusb_context *context)
{
    fakeusb_enter();
    for (struct libusb_context **at = &fakeusb_bus.contexts; *at; at = &(*at)->next) {
        if (*at != context) continue;
        *at = context->next;
        break;
    }
    while (context->news) {
        struct news *news = context->news;
        context->news = news->next;
        free(news);
    }
    while (context->devices) {
        struct libusb_device *device = context->devices;
        context->devices = device->next;
        if (device->references > 0) fakeusb_bus.misuses++;
        fakeusb_gadget_unref(device->gadget);
        free(device);
    }
    if (context->flights) fakeusb_bus.misuses++;
    fakeusb_bus.held--;
    fakeusb_leave();
    free(context->callback);
    free(context);
}

void LIBUSB_CALL libusb_set_log_cb(libusb_context *context, libusb_log_cb callback, int mode)
{
    (void)context;
    (void)callback;
    (void)mode;
}

int LIBUSB_CALL libusb_has_capability(uint32_t capability)
{
    return capability == LIBUSB_CAP_HAS_CAPABILITY || capability == LIBUSB_CAP_HAS_HOTPLUG;
}

static const struct {
    int error;
    const char *name, *text;
} errors[] = {
    {LIBUSB_ERROR_NO_DEVICE, "LIBUSB_ERROR_NO_DEVICE", "No such device"},
    {LIBUSB_ERROR_TIMEOUT, "LIBUSB_ERROR_TIMEOUT", "Operation timed out"},
    {LIBUSB_ERROR_NO_MEM, "LIBUSB_ERROR_NO_MEM", "Insufficient memory"},
    {LIBUSB_ERROR_IO, "LIBUSB_ERROR_IO", "Input/Output Error"}, /* and all others */
};

enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

static unsigned find_error(int error)
{
    unsigned i = 0;
    while (i + 1 < ERRORS && errors[i].error != error)
        i++;
    return i;
}

const char *LIBUSB_CALL libusb_strerror(int error)
{
    return errors[find_error(error)].text;
}

const char *LIBUSB_CALL libusb_error_name(int error)
{
    return errors[find_error(error)].name;
}

/* ---- Handles ---- */

int LIBUSB_CALL libusb_open(libusb_device *device, libusb_device_handle **out)
{
    libusb_device_handle *handle = calloc(1, sizeof(*handle));
    struct gadget *gadget = device->gadget;
    if (!handle) return LIBUSB_ERROR_NO_MEM;
    fakeusb_enter();
    int error = fakeusb_fails_locked("libusb_open");
    if (error == 0 && !gadget->attached) error = LIBUSB_ERROR_NO_DEVICE;
    if (error == 0 && fakeusb_bus.denied[gadget->slot]) error = LIBUSB_ERROR_ACCESS;
    if (error == 0) {
        handle->gadget = gadget;
        handle->context = device->context;
        handle->next = fakeusb_bus.handles;
        fakeusb_bus.handles = handle;
        gadget->references++;
        fakeusb_bus.held++;
    }
    fakeusb_leave();
    if (error == 0)
        *out = handle;
    else
        free(handle);
    return error;
}

static void drop_flights(struct libusb_context *context, const libusb_device_handle *handle)
{
    for (struct flight **at = &context->flights; *at;) {
        struct flight *flight = *at;
        if (flight->transfer->dev_handle != handle) {
            at = &flight->next;
            continue;
        }
        *at = flight->next;
        flight->flying = false;
    }
}

void LIBUSB_CALL libusb_close(libusb_device_handle *handle)
{
    fakeusb_enter();
    struct libusb_device_handle **at = &fakeusb_bus.handles;
    while (*at && *at != handle)
        at = &(*at)->next;
    if (!*at) {
        fakeusb_bus.misuses++;
        fakeusb_leave();
        return;
    }
    *at = handle->next;
    drop_flights(handle->context, handle);
    if (handle->gadget->claimed == handle) handle->gadget->claimed = NULL;
    fakeusb_gadget_unref(handle->gadget);
    fakeusb_bus.held--;
    fakeusb_leave();
    free(handle);
}

int LIBUSB_CALL libusb_set_auto_detach_kernel_driver(libusb_device_handle *handle, int enable)
{
    (void)handle;
    (void)enable;
    return fakeusb_fails("libusb_set_auto_detach_kernel_driver");
}

int LIBUSB_CALL libusb_kernel_driver_active(libusb_device_handle *handle, int interface)
{
    (void)handle;
    (void)interface;
    return fakeusb_fails("libusb_kernel_driver_active");
}

int LIBUSB_CALL libusb_claim_interface(libusb_device_handle *handle, int interface)
{
    (void)interface;
    fakeusb_enter();
    int error = fakeusb_fails_locked("libusb_claim_interface");
    struct gadget *gadget = handle->gadget;
    if (error == 0 && !gadget->attached) error = LIBUSB_ERROR_NO_DEVICE;
    if (error == 0 && gadget->claimed && gadget->claimed != handle) error = LIBUSB_ERROR_BUSY;
    if (error == 0) gadget->claimed = handle;
    fakeusb_leave();
    return error;
}

int LIBUSB_CALL libusb_release_interface(libusb_device_handle *handle, int interface)
{
    (void)interface;
    fakeusb_enter();
    int error = fakeusb_fails_locked("libusb_release_interface");
    if (handle->gadget->claimed == handle) handle->gadget->claimed = NULL;
    fakeusb_leave();
    return error;
}

/* ---- Transfers ---- */

/* As much as keeps what follows aligned. */
static const size_t flight_size = (sizeof(struct flight) + 63) / 64 * 64;

static struct flight *flight_of(struct libusb_transfer *transfer)
{
    return (struct flight *)(void *)((char *)transfer - flight_size);
}

struct libusb_transfer *LIBUSB_CALL libusb_alloc_transfer(int packets)
{
    (void)packets;
    if (fakeusb_fails("libusb_alloc_transfer") != 0) return NULL;
    struct flight *flight = calloc(1, flight_size + sizeof(struct libusb_transfer));
    if (!flight) return NULL;
    flight->transfer = (struct libusb_transfer *)(void *)((char *)flight + flight_size);
    fakeusb_hold(1);
    return flight->transfer;
}

void LIBUSB_CALL libusb_free_transfer(struct libusb_transfer *transfer)
{
    if (!transfer) return;
    struct flight *flight = flight_of(transfer);
    fakeusb_enter();
    fakeusb_bus.held--;
    bool flying = flight->flying;
    if (flying) fakeusb_bus.misuses++;
    fakeusb_leave();
    if (!flying) free(flight);
}

int LIBUSB_CALL libusb_submit_transfer(struct libusb_transfer *transfer)
{
    struct flight *flight = flight_of(transfer);
    fakeusb_enter();
    int error = fakeusb_fails_locked("libusb_submit_transfer");
    if (error == 0 && !transfer->dev_handle->gadget->attached) error = LIBUSB_ERROR_NO_DEVICE;
    if (error == 0 && flight->flying) error = LIBUSB_ERROR_BUSY;
    if (error == 0) {
        struct flight **end = &transfer->dev_handle->context->flights;
        while (*end)
            end = &(*end)->next;
        *end = flight;
        flight->next = NULL;
        flight->flying = true;
        flight->cancelled = false;
        flight->done = 0;
        transfer->actual_length = 0;
        fakeusb_changed();
    }
    fakeusb_leave();
    return error;
}

int LIBUSB_CALL libusb_cancel_transfer(struct libusb_transfer *transfer)
{
    struct flight *flight = flight_of(transfer);
    fakeusb_enter();
    int error = fakeusb_fails_locked("libusb_cancel_transfer");
    if (error == 0 && !flight->flying) error = LIBUSB_ERROR_NOT_FOUND;
    if (error == 0) flight->cancelled = true;
    fakeusb_changed();
    fakeusb_leave();
    return error;
}

static enum libusb_transfer_status status_of(enum snndev_outcome outcome)
{
    switch (outcome) {
    case SNNDEV_COMPLETED:
        return LIBUSB_TRANSFER_COMPLETED;
    case SNNDEV_TIMED_OUT:
        return LIBUSB_TRANSFER_TIMED_OUT;
    case SNNDEV_CANCELLED:
        return LIBUSB_TRANSFER_CANCELLED;
    case SNNDEV_STALLED:
        return LIBUSB_TRANSFER_STALL;
    case SNNDEV_VANISHED:
        return LIBUSB_TRANSFER_NO_DEVICE;
    case SNNDEV_OVERFLOWED:
        return LIBUSB_TRANSFER_OVERFLOW;
    default:
        return LIBUSB_TRANSFER_ERROR;
    }
}

/* Moves what the bus can move now. True: the transfer is over. */
static bool serve(struct flight *flight)
{
    struct libusb_transfer *transfer = flight->transfer;
    struct gadget *gadget = transfer->dev_handle->gadget;
    bool in = (transfer->endpoint & LIBUSB_ENDPOINT_IN) != 0;
    uint8_t *at = transfer->buffer + flight->done;
    size_t left = (size_t)(transfer->length - flight->done);
    size_t moved = 0;
    enum snndev_outcome outcome = SNNDEV_VANISHED;
    if (gadget->attached && flight->cancelled) {
        outcome = SNNDEV_CANCELLED;
    } else if (gadget->attached && in) {
        uint32_t packet = gadget->usb.superspeed ? 1024u : 512u;
        outcome = snndev_port_give(gadget->usb.port, at, left, packet, &moved);
    } else if (gadget->attached) {
        outcome = snndev_port_take(gadget->usb.port, at, left, &moved);
    }
    if (outcome == SNNDEV_VANISHED) fakeusb_detach(gadget);
    flight->done += (int)moved;
    if (outcome == SNNDEV_COMPLETED && (in ? moved == 0 : flight->done < transfer->length))
        return false;
    transfer->actual_length = flight->done;
    transfer->status = status_of(outcome);
    return true;
}

/* The next transfer of this context that is over, off the list. What waits at an endpoint holds up
 * all behind it; a cancelled one holds up nothing. */
static struct flight *next_ended(struct libusb_context *context)
{
    bool waits[2] = {false, false};
    for (struct flight **at = &context->flights; *at; at = &(*at)->next) {
        struct flight *flight = *at;
        bool *wait = &waits[(flight->transfer->endpoint & LIBUSB_ENDPOINT_IN) != 0];
        if (*wait && !flight->cancelled && flight->transfer->dev_handle->gadget->attached) continue;
        if (!serve(flight)) {
            *wait = true;
            continue;
        }
        *at = flight->next;
        flight->flying = false;
        return flight;
    }
    return NULL;
}

/* ---- Events ---- */

/* Calls one callback back, unlocked; false: there was none to call. */
static bool handle_one(struct libusb_context *context)
{
    struct news *news = context->news;
    if (news) {
        context->news = news->next;
        fakeusb_leave();
        const struct fakeusb_callback *to = context->callback;
        (void)to->call(context, news->device, (libusb_hotplug_event)news->event, to->user);
        fakeusb_enter();
        free(news);
        return true;
    }
    struct flight *flight = next_ended(context);
    if (!flight) return false;
    fakeusb_leave();
    flight->transfer->callback(flight->transfer);
    fakeusb_enter();
    return true;
}

static bool told_to_return(struct libusb_context *context, const int *completed)
{
    if (context->interrupted) {
        context->interrupted = false;
        return true;
    }
    return completed && __atomic_load_n(completed, __ATOMIC_ACQUIRE) != 0;
}

static void handle_locked(struct libusb_context *context, int64_t end, const int *completed)
{
    for (;;) {
        unsigned count = 0;
        if (told_to_return(context, completed)) return;
        if (!context->handling) {
            context->handling = true;
            while (count < EVENTS_AT_ONCE && handle_one(context))
                count++;
            context->handling = false;
            if (count > 0) fakeusb_changed();
        }
        if (count > 0 || !fakeusb_wait_until(end)) return;
    }
}

int LIBUSB_CALL libusb_handle_events_timeout_completed(libusb_context *context,
                                                       struct timeval *time, int *completed)
{
    int64_t end = fakeusb_now_ms() + (int64_t)time->tv_sec * 1000 + time->tv_usec / 1000;
    fakeusb_enter();
    int error = fakeusb_fails_locked("libusb_handle_events_timeout_completed");
    if (error == 0) handle_locked(context, end, completed);
    fakeusb_leave();
    return error;
}

void LIBUSB_CALL libusb_interrupt_event_handler(libusb_context *context)
{
    fakeusb_enter();
    context->interrupted = true;
    fakeusb_changed();
    fakeusb_leave();
}

int LIBUSB_CALL libusb_hotplug_register_callback(libusb_context *context, int events, int flags,
                                                 int vendor, int product, int device_class,
                                                 libusb_hotplug_callback_fn callback, void *user,
                                                 libusb_hotplug_callback_handle *out)
{
    (void)vendor;
    (void)product;
    (void)device_class;
    int error = fakeusb_fails("libusb_hotplug_register_callback");
    if (error != 0) return error;
    struct fakeusb_callback *made = calloc(1, sizeof(*made));
    if (!made) return LIBUSB_ERROR_NO_MEM;
    *made = (struct fakeusb_callback){callback, user};
    fakeusb_enter();
    context->callback = made;
    context->events = events;
    fakeusb_leave();
    for (unsigned i = 0; (flags & LIBUSB_HOTPLUG_ENUMERATE) && i < FAKEUSB_SLOTS; i++) {
        fakeusb_enter();
        struct libusb_device *device =
            fakeusb_bus.slots[i] ? fakeusb_device_of(context, fakeusb_bus.slots[i]) : NULL;
        fakeusb_leave();
        if (device) (void)callback(context, device, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED, user);
    }
    if (out) *out = 1;
    return 0;
}
