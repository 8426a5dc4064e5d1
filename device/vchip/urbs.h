/* The transfers that a host has under way on a virtual USB device: the device end of a USB/IP
 * connection as a state machine. Bytes of the connection in, bytes of the connection out.
 *
 * A transfer towards the host waits until the chip has something to say, as a bus would answer it
 * with NAK; transfers of one endpoint end in the order of their submission; a transfer that is
 * taken back gets no answer of its own. No sockets and no clock here: the caller says what time it
 * is, which matters where a fault delays answers. Not thread-safe.
 */
#ifndef SNN_DEVICE_VCHIP_URBS_H
#define SNN_DEVICE_VCHIP_URBS_H

#include "device/vchip/usbdevice.h"

struct snndev_urbs;

/* The device belongs to the caller and must outlive the transfers. */
int snndev_urbs_create(struct snndev_urbs **out, struct snn_context *context,
                       struct snndev_usbdevice *device);
void snndev_urbs_destroy(struct snndev_urbs **urbs);

/* Bytes from the host, cut anywhere. Errors: PROTOCOL (no USB/IP: close the connection), GONE (the
 * device has vanished), NOMEM. */
int snndev_urbs_take(struct snndev_urbs *urbs, struct snn_context *context, const uint8_t *bytes,
                     size_t size, uint64_t now_ms);
/* Ends what is due by now; take does that, too. Errors: GONE, NOMEM. */
int snndev_urbs_advance(struct snndev_urbs *urbs, struct snn_context *context, uint64_t now_ms);
/* When advance has something to do by itself; UINT64_MAX: not before bytes come. */
uint64_t snndev_urbs_due(const struct snndev_urbs *urbs);

/* Bytes for the host, of which `size` were sent. */
const uint8_t *snndev_urbs_answers(const struct snndev_urbs *urbs, size_t *size_out);
void snndev_urbs_sent(struct snndev_urbs *urbs, size_t size);

#endif
