/* How a recording is looked at before it becomes input, as the input layer of a chip does it: which
 * polarities, pooled how far, which part, mirrored how (docs/formats/data.md). In this order.
 */
#ifndef SNN_STREAM_VIEW_H
#define SNN_STREAM_VIEW_H

#include <stdbool.h>

#include "libsnn/stream/recording.h"
#include "snn/context.h"

enum snnstream_polarity {
    SNNSTREAM_POLARITY_BOTH = 0,
    SNNSTREAM_POLARITY_ON = 1,
    SNNSTREAM_POLARITY_OFF = 2,
    SNNSTREAM_POLARITY_MERGED = 3
};

struct snnstream_view {
    enum snnstream_polarity polarity;
    uint32_t pool_y, pool_x; /* 1, 2, 4 */
    bool cuts;
    uint32_t first_x, first_y, last_x, last_y; /* inclusive, behind the pool */
    bool mirror_x, mirror_y, diagonal;         /* diagonal: x and y change places, at the end */
};

/* "polarity=merge,pool=2,cut=8:8:71:71,mirror=xy"; NULL or "": as it is. Errors: INVALID. */
int snnstream_view_parse(struct snnstream_view *out, struct snn_context *context, const char *text);
/* Looks at the events from `first` on, of which those that are not seen are taken out. */
void snnstream_view_apply(const struct snnstream_view *view, struct snnstream_camera_events *events,
                          size_t first);
/* Whether all events have one polarity then. */
bool snnstream_view_has_one(const struct snnstream_view *view);

#endif
