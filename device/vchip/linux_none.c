/* The emulators "vhci" and "gadget" where there is no Linux: known by name, they say what they
 * lack. What any system can do is server.c and process.c.
 */
#include "device/vchip/emulator.h"
#include "libsnn/base/error.h"

static int none_serve(struct snn_context *context, struct snndev_port *port,
                      const struct snn_emulate_options *options)
{
    (void)port;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                 "--as %s: only Linux puts virtual devices on its USB", options->as);
    return snnbase_hint(context, "take `usbip`, for a Linux host to attach, or `process`");
}

extern const struct snndev_emulator_ops snndev_vhci_emulator, snndev_gadget_emulator;

const struct snndev_emulator_ops snndev_vhci_emulator = {
    .name = "vhci",
    .summary = "a USB device of this host: Linux only",
    .serve = none_serve,
};

const struct snndev_emulator_ops snndev_gadget_emulator = {
    .name = "gadget",
    .summary = "a USB device of this board's device port: Linux only",
    .serve = none_serve,
};
