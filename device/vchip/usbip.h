/* USB/IP messages: how a USB device is carried over a socket, to a kernel's vhci-hcd or to a client
 * of `usbip attach`. Pure functions between bytes and messages; all numbers are big-endian.
 *
 * Source: the Linux kernel's Documentation/usb/usbip_protocol.rst (version 1.1.1 of the protocol).
 * A client lists or imports a device (OP messages); from then on its connection carries a SUBMIT
 * for every transfer and an UNLINK for every one that is to be taken back, each answered once.
 */
#ifndef SNN_DEVICE_VCHIP_USBIP_H
#define SNN_DEVICE_VCHIP_USBIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNNDEV_USBIP_VERSION 0x0111u
#define SNNDEV_USBIP_OP_BYTES 8u
#define SNNDEV_USBIP_BUSID_BYTES 32u
#define SNNDEV_USBIP_DEVICE_BYTES 312u
#define SNNDEV_USBIP_INTERFACE_BYTES 4u
#define SNNDEV_USBIP_HEADER_BYTES 48u
/* Larger transfers than a host's usbfs lends memory for are no transfers. */
#define SNNDEV_USBIP_LENGTH_MAX (16u << 20)
#define SNNDEV_USBIP_CONTROL_MAX 65535u /* at endpoint 0: as much as a setup packet can say */

enum snndev_usbip_op { SNNDEV_USBIP_IMPORT = 3, SNNDEV_USBIP_DEVLIST = 5 };

/* The first 8 bytes of what a client asks: false where they ask neither of the two. */
bool snndev_usbip_op_read(enum snndev_usbip_op *out, const uint8_t *bytes);
/* The first 8 bytes of the answer; `found` false: there is no such device, and none follow. */
void snndev_usbip_op_write(enum snndev_usbip_op op, bool found, uint8_t *out);

enum snndev_usbip_speed { SNNDEV_USBIP_HIGH = 3, SNNDEV_USBIP_SUPER = 5 };

struct snndev_usbip_device {
    const char *path, *busid; /* "1-1" */
    uint32_t bus, number;
    enum snndev_usbip_speed speed;
    const uint8_t *descriptor;    /* of the device, 18 bytes */
    const uint8_t *configuration; /* its first descriptor, 9 bytes at least */
};

/* Writes SNNDEV_USBIP_DEVICE_BYTES. */
void snndev_usbip_device_write(const struct snndev_usbip_device *device, uint8_t *out);

/* A SUBMIT, or an UNLINK of the SUBMIT with that sequence number. */
struct snndev_usbip_command {
    bool unlink;
    uint32_t sequence;
    uint32_t unlinked; /* UNLINK */
    bool in;           /* the others: SUBMIT */
    uint8_t endpoint;
    uint32_t length; /* of the transfer; an out one's data follow the header */
    uint8_t setup[8];
};

/* From SNNDEV_USBIP_HEADER_BYTES: false where no host's bulk or control transfer looks like it. */
bool snndev_usbip_command_read(struct snndev_usbip_command *out, const uint8_t *bytes);

/* Linux's numbers of what can be wrong; they go over the wire. */
#define SNNDEV_USBIP_STALL (-32)     /* EPIPE */
#define SNNDEV_USBIP_BUS_ERROR (-71) /* EPROTO */
#define SNNDEV_USBIP_UNLINKED (-104) /* ECONNRESET */
#define SNNDEV_USBIP_OVERFLOW (-75)  /* EOVERFLOW */

struct snndev_usbip_answer {
    bool unlink; /* to an UNLINK: status UNLINKED, or 0 where the transfer was over already */
    uint32_t sequence;
    int32_t status;
    uint32_t actual; /* bytes of the transfer; an in one's follow the header */
};

/* Writes SNNDEV_USBIP_HEADER_BYTES. */
void snndev_usbip_answer_write(const struct snndev_usbip_answer *answer, uint8_t *out);

#endif
