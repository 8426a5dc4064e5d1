/* Carries the transfers of a virtual USB device over a socket that speaks USB/IP, be its other end
 * the kernel's or a client's. Shared by the emulators vhci and usbip.
 */
#ifndef SNN_DEVICE_VCHIP_SERVE_H
#define SNN_DEVICE_VCHIP_SERVE_H

#include "device/vchip/usbdevice.h"
#include "snn/device.h"

struct snndev_service {
    struct snndev_usbdevice *device;
    const struct snn_emulate_options *options;
    int socket; /* connected, the caller's */
    const char
        *uri; /* options->ready is told once the host has configured the device; NULL: never */
};

#define SNNDEV_SERVE_SERIAL "VIRT0001" /* where the options name none */
#define SNNDEV_SERVE_URI_BYTES 64u

/* The USB device that the options ask for, around a port, and the URI that opens it. */
void snndev_serve_prepare(struct snndev_usbdevice *out, char *uri_out, struct snndev_port *port,
                          const struct snn_emulate_options *options);

/* Milliseconds of a clock that only goes forward. */
uint64_t snndev_serve_clock(void);

bool snndev_serve_goes_on(const struct snn_emulate_options *options);

/* Until options->go_on says no, the host closes its end, or the device vanishes. Errors: PROTOCOL,
 * NOMEM, IO. */
int snndev_serve(struct snn_context *context, const struct snndev_service *service);

#endif
