/* Who comes and goes on USB: a thread that waits for libusb's hotplug events and tells of them.
 *
 * The callback of libusb may not talk to devices, so it only notes what happened, and the thread
 * tells it when libusb has returned. Of a device that left nothing can be asked any more: what was
 * told of its arrival is kept. One that leaves before its arrival was told is not told of at all.
 */
#include <libusb.h>
#include <pthread.h>

#include "device/transport/usb.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { DEVICES_MAX = 127 }; /* of a bus; more of ours are not told of */

enum state { FREE = 0, ARRIVED, TOLD, LEFT };

struct seen {
    enum state state;
    libusb_device *device; /* referenced unless FREE */
    struct snn_device_description description;
};

struct watch {
    struct snn_allocator allocator;
    libusb_context *libusb;
    pthread_t thread;
    snn_device_change_fn change;
    void *user;
    int stop;    /* libusb reads it, so set it atomically */
    bool orphan; /* stopped by its own thread, which frees it */
    struct seen seen[DEVICES_MAX];
};

/* By the watch's thread, or before it runs. */
static int LIBUSB_CALL on_change(libusb_context *libusb, libusb_device *device,
                                 libusb_hotplug_event event, void *user)
{
    struct watch *watch = user;
    bool arrived = event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED;
    (void)libusb;
    for (size_t i = 0; i < DEVICES_MAX; i++) {
        struct seen *seen = &watch->seen[i];
        if (arrived && seen->state == FREE) {
            seen->state = ARRIVED;
            seen->device = libusb_ref_device(device);
            return 0;
        }
        if (arrived || seen->state == FREE || seen->device != device) continue;
        if (seen->state == TOLD) {
            seen->state = LEFT;
        } else if (seen->state == ARRIVED) {
            libusb_unref_device(seen->device);
            seen->state = FREE;
        }
    }
    return 0;
}

static bool is_stopped(const struct watch *watch)
{
    return __atomic_load_n(&watch->stop, __ATOMIC_ACQUIRE) != 0;
}

static void forget(struct seen *seen)
{
    libusb_unref_device(seen->device);
    seen->device = NULL;
    seen->state = FREE;
}

static void tell(struct watch *watch, struct seen *seen)
{
    if (seen->state == LEFT) {
        watch->change(&seen->description, false, watch->user);
        forget(seen);
    } else if (seen->state == ARRIVED && !snndev_usb_is_known(seen->device)) {
        forget(seen);
    } else if (seen->state == ARRIVED) {
        /* Requests to the device may handle events, so it may leave meanwhile. */
        seen->state = TOLD;
        snndev_usb_describe(&seen->description, seen->device);
        watch->change(&seen->description, true, watch->user);
        if (seen->state == LEFT && !is_stopped(watch)) tell(watch, seen);
    }
}

static void watch_free(struct watch *watch)
{
    struct snn_allocator allocator = watch->allocator;
    for (size_t i = 0; i < DEVICES_MAX; i++) {
        if (watch->seen[i].state != FREE) forget(&watch->seen[i]);
    }
    libusb_exit(watch->libusb); /* takes the callback with it */
    snnbase_allocator_free(&allocator, watch);
}

static void *watch_main(void *argument)
{
    struct watch *watch = argument;
    while (!is_stopped(watch)) {
        for (size_t i = 0; i < DEVICES_MAX && !is_stopped(watch); i++)
            tell(watch, &watch->seen[i]);
        if (is_stopped(watch)) break;
        /* For as long as nothing happens; the time is only there to look after what was lost. */
        struct timeval time = {.tv_sec = 60};
        (void)libusb_handle_events_timeout_completed(watch->libusb, &time, &watch->stop);
    }
    if (watch->orphan) watch_free(watch);
    return NULL;
}

static int watch_begin(struct watch *watch, struct snn_context *context)
{
    if (!libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG))
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "usb: libusb has no hotplug events on this host");
    int error = libusb_hotplug_register_callback(
        watch->libusb, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
        LIBUSB_HOTPLUG_ENUMERATE, SNNWIRE_TEST_VID, SNNWIRE_TEST_PID, LIBUSB_HOTPLUG_MATCH_ANY,
        on_change, watch, NULL);
    if (error != 0) return snndev_usb_fail(context, error, "usb: hotplug");
    if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "usb: no thread to watch for devices");
    return SNN_OK;
}

int snndev_usb_watch(void **watch_out, struct snn_context *context, snn_device_change_fn change,
                     void *user)
{
    struct watch *watch = snnbase_alloc(context, 1, sizeof(*watch));
    if (!watch) return SNN_ERR_NOMEM;
    watch->allocator = *snnbase_allocator(context);
    watch->change = change;
    watch->user = user;
    int status = snndev_usb_init(&watch->libusb, context);
    if (status != SNN_OK) {
        snnbase_free(context, watch);
        return status;
    }
    status = watch_begin(watch, context);
    if (status == SNN_OK)
        *watch_out = watch;
    else
        watch_free(watch);
    return status;
}

void snndev_usb_unwatch(void *argument)
{
    struct watch *watch = argument;
    watch->orphan = pthread_equal(pthread_self(), watch->thread) != 0;
    if (watch->orphan) (void)pthread_detach(watch->thread);
    __atomic_store_n(&watch->stop, 1, __ATOMIC_RELEASE);
    if (watch->orphan) return;
    libusb_interrupt_event_handler(watch->libusb);
    (void)pthread_join(watch->thread, NULL);
    watch_free(watch);
}
