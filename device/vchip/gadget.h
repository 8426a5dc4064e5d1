/* A USB gadget of the kernel's, whose one function is ours by FunctionFS: its nodes in configfs,
 * its mount, and its endpoint files. Source: the Linux kernel's
 * Documentation/usb/gadget_configfs.rst, functionfs.rst and include/uapi/linux/usb/functionfs.h.
 */
#ifndef SNN_DEVICE_VCHIP_GADGET_H
#define SNN_DEVICE_VCHIP_GADGET_H

#include "device/vchip/usbdevice.h"

struct snndev_gadget {
    char name[32];  /* of the gadget, and of its FunctionFS */
    char node[80];  /* folder of the gadget in configfs */
    char mount[64]; /* where its FunctionFS is mounted */
    char controller[64];
    unsigned made; /* how far it came; what fini takes back */
    int control;   /* endpoint 0 */
    int out, in;   /* non-blocking while the host has not configured the device */
};

/* Makes it, with the descriptors and texts of the device, and binds it to the first controller that
 * is free. Errors: ACCESS (needs root), NOT_FOUND (no configfs, no FunctionFS, no controller), BUSY
 * (all controllers are in use), IO. Nothing is left after an error. */
int snndev_gadget_init(struct snndev_gadget *gadget, struct snn_context *context,
                       const struct snndev_usbdevice *device);
/* Unbinds it, closes its files, unmounts, and removes its nodes. */
void snndev_gadget_fini(struct snndev_gadget *gadget);

#endif
