/* The transport "usb" of a build without libusb: it is known by name, and says what is missing. */
#include "device/transport.h"
#include "libsnn/base/error.h"

static int fail(struct snn_context *context)
{
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "built without libusb: no USB devices");
    return snnbase_hint(context, "install libusb-1.0-0-dev and build again with -Dusb=enabled");
}

static int none_open(void *self, struct snn_context *context, const char *arguments)
{
    (void)self;
    (void)arguments;
    return fail(context);
}

static int none_watch(void **watch_out, struct snn_context *context, snn_device_change_fn change,
                      void *user)
{
    (void)watch_out;
    (void)change;
    (void)user;
    return fail(context);
}

extern const struct snndev_transport_ops snndev_usb_transport;

const struct snndev_transport_ops snndev_usb_transport = {
    .scheme = "usb",
    .summary = "a device on USB: this build has no libusb",
    .private_size = 1,
    .watch = none_watch,
    .open = none_open,
};
