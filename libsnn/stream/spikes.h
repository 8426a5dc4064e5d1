/* The check of spikes that come from a caller. */
#ifndef SNN_STREAM_SPIKES_H
#define SNN_STREAM_SPIKES_H

#include <stddef.h>

#include "snn/stream.h"

/* `size` addresses are in the input. Errors: INVALID naming the event. */
int snnstream_spikes_check(struct snn_context *context, const struct snn_spikes *spikes,
                           size_t size);

#endif
