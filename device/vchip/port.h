/* The port: a virtual chip's endpoints, as whoever carries its bytes sees them, with faults on
 * purpose. What a host's bus would do: stalls, bus errors, short and odd packets, silence, the plug
 * pulled out.
 *
 * No threads and no clocks here; `vdev:` (in process), the USB device (usbdevice.h), and byte
 * streams (frames) all carry the bytes of one of these. Not thread-safe.
 */
#ifndef SNN_DEVICE_VCHIP_PORT_H
#define SNN_DEVICE_VCHIP_PORT_H

#include "device/transport.h"
#include "device/vchip/fault.h"
#include "device/vchip/vchip.h"

struct snndev_port;

/* The chip belongs to the caller and must outlive the port; the faults are copied, NULL: none. */
int snndev_port_create(struct snndev_port **out, struct snn_context *context,
                       struct snndev_vchip *vchip, const struct snndev_faults *faults);
void snndev_port_destroy(struct snndev_port **port);

/* COMPLETED, STALLED (refused), VANISHED, or TIMED_OUT (never answered: a fault). */
enum snndev_outcome snndev_port_request(struct snndev_port *port,
                                        const struct snnwire_request *request, uint8_t *data,
                                        uint32_t *size_out);
/* Stream bytes to the chip. COMPLETED: all were taken; STALLED until clear_halt, VANISHED: none
 * were, and the same bytes may come again. */
enum snndev_outcome snndev_port_take(struct snndev_port *port, const uint8_t *bytes, size_t size,
                                     size_t *actual_out);
/* One transfer of stream bytes to the host, `room` at most. COMPLETED with *actual_out 0: nothing
 * to send now (a bus answers NAK and asks again). STALLED until clear_halt, FAILED, VANISHED:
 * nothing was given, and nothing is lost. `packet` is the endpoint's packet size: a transfer ends
 * early only by a short one; 0: packets do not matter. */
enum snndev_outcome snndev_port_give(struct snndev_port *port, uint8_t *bytes, size_t room,
                                     uint32_t packet, size_t *actual_out);
/* The endpoint stalls, by a fault or because the host asked for it, until the halt is cleared. */
void snndev_port_halt(struct snndev_port *port, bool out);
void snndev_port_clear_halt(struct snndev_port *port, bool out);
bool snndev_port_is_halted(const struct snndev_port *port, bool out);
/* Milliseconds that the next answer is to be held back (fault "delay"). */
unsigned snndev_port_delay(const struct snndev_port *port);

#endif
