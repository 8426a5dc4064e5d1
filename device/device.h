/* An open device from inside the room: what drivers on top of it (dynapcnn/) need beyond the public
 * functions of snn/device.h, which they use for everything else. They send by the link itself.
 */
#ifndef SNN_DEVICE_DEVICE_H
#define SNN_DEVICE_DEVICE_H

#include "device/link.h"
#include "libsnn/stream/telemetry.h"
#include "snn/device.h"

struct snndev_link *snndev_device_link(struct snn_device *device);
/* Whether every core is to tell its spikes, not the readout alone. */
bool snndev_device_monitors_all(const struct snn_device *device);
/* Of the steps since the reset, sent to answered. */
const struct snnstream_trips *snndev_device_trips(const struct snn_device *device);

/* A tick whose packet is not sent yet, so that several steps share one (snndev_link_flush). */
int snndev_device_tick_later(struct snn_device *device, struct snn_context *context, uint32_t step);

#define SNNDEV_BATCH_EVENTS 1024u

/* Events up to a mark. */
struct snndev_batch {
    struct snnwire_event events[SNNDEV_BATCH_EVENTS];
    size_t count;
    bool has_mark;
    struct snn_device_item mark; /* behind them */
};

/* What comes next, many events at a time; waits at most the device's time-out. Errors: as
 * snn_device_receive. */
int snndev_device_receive(struct snn_device *device, struct snn_context *context,
                          struct snndev_batch *batch);

/* Waits for the CHECK of all that came. Errors: PROTOCOL (it was wrong, and no words that the
 * transport lost since BEGIN explain that), TIMEOUT (and nothing was lost since BEGIN), GONE, IO.
 */
int snndev_device_settle(struct snn_device *device, struct snn_context *context);

#endif
