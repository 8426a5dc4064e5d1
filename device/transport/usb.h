/* What the files of the USB transport share: finding devices, telling of them, and the errors of
 * libusb in this library's words.
 *
 * Every open device, list and watch has a libusb context of its own, so that the events of one are
 * never handled by the thread of another. libusb's types stay behind these files.
 */
#ifndef SNN_DEVICE_USB_H
#define SNN_DEVICE_USB_H

#include "device/transport.h"

struct libusb_context;
struct libusb_device;

/* The endpoints that a stream goes through. */
struct snndev_usb_pipes {
    uint8_t interface;
    uint8_t in, out; /* addresses; out 0: there is none */
};

/* A libusb context that keeps its log to itself. */
int snndev_usb_init(struct libusb_context **out, struct snn_context *context);
/* Raises libusb's error: "<what>: <its text>". Returns the status. */
int snndev_usb_fail(struct snn_context *context, int error, const char *what);
/* GONE, ACCESS, BUSY, NOMEM, TIMEOUT, PROTOCOL (a stall), else IO. */
int snndev_usb_status(int error);

/* First interface with a bulk endpoint to the host, and the one to the device if it has it. False:
 * there is none, or the device is not configured. Does not open the device. */
bool snndev_usb_find_pipes(struct libusb_device *device, struct snndev_usb_pipes *out);
/* Whether a device is one that lists show: by its numbers and endpoints, without opening it. */
bool snndev_usb_is_known(struct libusb_device *device);
/* Opens it for a moment, if it may, for its strings and to see whether its interface is free. */
void snndev_usb_describe(struct snn_device_description *out, struct libusb_device *device);

/* The one device that `arguments` mean ("", "VID:PID", "VID:PID:SERIAL", "VID:PID@PORT"), to be let
 * go with libusb_unref_device, and its description. Errors: INVALID, NOT_FOUND, NOMEM, IO. */
int snndev_usb_find(struct libusb_device **out, struct snn_device_description *description_out,
                    struct libusb_context *libusb, struct snn_context *context,
                    const char *arguments);

int snndev_usb_list(struct snn_context *context, snn_device_fn visit, void *user);
int snndev_usb_watch(void **watch_out, struct snn_context *context, snn_device_change_fn change,
                     void *user);
void snndev_usb_unwatch(void *watch);

#endif
