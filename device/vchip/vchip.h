/* The virtual chip: the device side of the wire protocol, around a target that computes.
 *
 * A state machine without threads or clocks: requests and stream bytes in, answers and stream bytes
 * out. Who moves the bytes (a loop in this process, the kernel's USB stack, a TCP socket) is not
 * its business. What it is configured with becomes a chip program (snn_program_create checks it as
 * the chip would), which the target "chip:NAME" runs, one event after another as they come.
 */
#ifndef SNN_DEVICE_VCHIP_VCHIP_H
#define SNN_DEVICE_VCHIP_VCHIP_H

#include "libsnn/wire/message.h"
#include "libsnn/wire/word.h"
#include "snn/context.h"

struct snndev_vchip;

struct snndev_vchip_options {
    const char *chip;      /* name or file of a profile */
    const char *serial;    /* NULL: "VIRT0001" */
    uint32_t buffer_words; /* credit; 0: 65,536 */
    /* Room towards the host, beyond which events are dropped; 0: 262,144. */
    uint32_t output_words;
};

int snndev_vchip_create(struct snndev_vchip **out, struct snn_context *context,
                        const struct snndev_vchip_options *options);
void snndev_vchip_destroy(struct snndev_vchip **vchip);

/* Asks go_on now and then within `take`, and also within a step, from the thread that is in there.
 * When it says no, the step under way and all that is behind it are not executed any more: until a
 * RESET nothing is. NULL: goes on for as long as it takes. Before the first COMMIT. */
void snndev_vchip_ask(struct snndev_vchip *vchip, bool (*go_on)(void *user), void *user);

/* What HELLO tells. */
const struct snnwire_hello *snndev_vchip_hello(const struct snndev_vchip *vchip);

/* A request: SNN_OK, or PROTOCOL where a device would refuse it (STATUS says why). `data` holds
 * request->size bytes; of an in request *size_out are the device's. */
int snndev_vchip_request(struct snndev_vchip *vchip, const struct snnwire_request *request,
                         uint8_t *data, uint32_t *size_out);
/* Stream bytes from the host; all are taken (beyond the credit: an ERROR mark follows). */
void snndev_vchip_take(struct snndev_vchip *vchip, const uint8_t *bytes, size_t size);
/* What give would give with so much room: the stream rests behind it where that is all there is. */
size_t snndev_vchip_ready(struct snndev_vchip *vchip, size_t room);
/* Stream bytes for the host, up to `room`; 0: none now. */
size_t snndev_vchip_give(struct snndev_vchip *vchip, uint8_t *bytes, size_t room);

#endif
