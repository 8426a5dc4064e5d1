/* A virtual chip as a USB device: its descriptors, the standard requests and endpoint 0 around a
 * port. Who moves the packets (vhci-hcd, a TCP client of USB/IP, a fake libusb, umockdev) is not
 * its business, and takes the two bulk endpoints from the port itself, as long as the device is
 * configured; a FunctionFS gadget takes the descriptors only.
 */
#ifndef SNN_DEVICE_VCHIP_USBDEVICE_H
#define SNN_DEVICE_VCHIP_USBDEVICE_H

#include "device/vchip/port.h"

struct snndev_usbdevice {
    struct snndev_port *port; /* borrowed */
    char serial[24];
    bool superspeed; /* packets of 1024 bytes, not 512 */
    uint8_t configuration;
};

/* Descriptors as they are on the bus, with all their parts; static. */
const uint8_t *snndev_usb_device_descriptor(bool superspeed, size_t *size_out);
const uint8_t *snndev_usb_config_descriptor(bool superspeed, size_t *size_out);

#define SNNDEV_USB_MANUFACTURER "libsnn"
#define SNNDEV_USB_PRODUCT "libsnn virtual chip"

/* A control transfer: `setup` has 8 bytes; data of wLength bytes is read or written. COMPLETED with
 * *actual_out, STALLED (not supported or refused), TIMED_OUT (no answer ever), VANISHED. */
enum snndev_outcome snndev_usb_control(struct snndev_usbdevice *device, const uint8_t *setup,
                                       uint8_t *data, size_t *actual_out);

#endif
