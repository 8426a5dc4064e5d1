/* Losses added up and in words; see losses.h.
 */
#include "tools/snndev/losses.h"

#include <stdio.h>

enum { TRANSPORT = 3 }; /* snn_device_item.loss */

struct snndev_losses snndev_losses_of(const struct snn_device_statistics *have)
{
    return (struct snndev_losses){.events = have->events_dropped + have->host_dropped,
                                  .words = have->transport_dropped};
}

void snndev_losses_add(struct snndev_losses *losses, const struct snn_device_item *gap)
{
    if (gap->loss == TRANSPORT)
        losses->words += gap->value;
    else
        losses->events += gap->value;
}

bool snndev_losses_any(const struct snndev_losses *losses)
{
    return losses->events > 0 || losses->words > 0;
}

struct snndev_losses_text snndev_losses_format(const struct snndev_losses *losses)
{
    const unsigned long long events = losses->events, words = losses->words;
    struct snndev_losses_text out;
    if (words == 0)
        (void)snprintf(out.text, sizeof(out.text), "%llu events", events);
    else if (events == 0)
        (void)snprintf(out.text, sizeof(out.text), "%llu words on the way", words);
    else
        (void)snprintf(out.text, sizeof(out.text), "%llu events and %llu words on the way", events,
                       words);
    return out;
}
