/* Emulators: how a virtual chip gets onto a bus that other programs see. One const struct each; the
 * registry names them.
 */
#ifndef SNN_DEVICE_VCHIP_EMULATOR_H
#define SNN_DEVICE_VCHIP_EMULATOR_H

#include "device/vchip/port.h"
#include "snn/device.h"

struct snndev_emulator_ops {
    const char *name; /* "vhci" */
    const char *summary;
    /* Serves the port until options->go_on says no or the host lets go; calls options->ready once
     * with the URI that opens it. */
    int (*serve)(struct snn_context *context, struct snndev_port *port,
                 const struct snn_emulate_options *options);
};

/* All of them, ended by NULL. */
extern const struct snndev_emulator_ops *const snn_emulator_table[];

#endif
