/* What was lost between a device and its program: events where they were counted, words where the
 * transport lost them and nobody knows what they were. The two are never added up.
 */
#ifndef TOOLS_SNNDEV_LOSSES_H
#define TOOLS_SNNDEV_LOSSES_H

#include <stdbool.h>

#include "snn/device.h"

struct snndev_losses {
    uint64_t events, words;
};

struct snndev_losses_text {
    char text[80];
};

/* Of all counters. */
struct snndev_losses snndev_losses_of(const struct snn_device_statistics *have);
/* Adds a GAP. */
void snndev_losses_add(struct snndev_losses *losses, const struct snn_device_item *gap);
bool snndev_losses_any(const struct snndev_losses *losses);
/* "12 events", "3 words on the way", "12 events and 3 words on the way". */
struct snndev_losses_text snndev_losses_format(const struct snndev_losses *losses);

#endif
