/* How a recording is looked at before it becomes input, as the input layer of a chip does it: which
 * time, which polarities, pooled how far, which part, mirrored how (docs/formats/data.md). In this
 * order. With it goes how the columns of a table are read where it does not say itself.
 */
#ifndef SNN_STREAM_VIEW_H
#define SNN_STREAM_VIEW_H

#include <stdbool.h>

#include "libsnn/stream/format.h"
#include "snn/context.h"
#include "snn/recording.h"

enum snnstream_polarity {
    SNNSTREAM_POLARITY_BOTH = 0,
    SNNSTREAM_POLARITY_ON = 1,
    SNNSTREAM_POLARITY_OFF = 2,
    SNNSTREAM_POLARITY_MERGED = 3,
    SNNSTREAM_POLARITY_SWAPPED = 4
};

struct snnstream_view {
    uint64_t from_us, to_us; /* since the recording's first event; to_us is not seen any more */
    enum snnstream_polarity polarity;
    uint32_t pool_y, pool_x; /* 1: as they are */
    bool cuts;
    uint32_t first_x, first_y, last_x, last_y; /* inclusive, behind the pool */
    bool mirror_x, mirror_y, diagonal;         /* diagonal: x and y change places, at the end */
    struct snnstream_columns columns;          /* for the format */
};

/* "polarity=merge,pool=2,cut=8:8:71:71,mirror=xy"; NULL or "": as it is. Errors: INVALID. */
int snnstream_view_parse(struct snnstream_view *out, struct snn_context *context, const char *text);
/* Whether it turns round a picture of which it does not say how large it is: it is to be fitted
 * before it looks at events. */
bool snnstream_view_wants_size(const struct snnstream_view *view);
/* The whole picture of such a sensor (sides > 0) becomes the cut. */
void snnstream_view_fit(struct snnstream_view *view, uint32_t width, uint32_t height);
/* Looks at events, in place; those that are not seen are taken out. `start_us` is the time of the
 * recording's first event, seen or not. Returns how many are left. */
size_t snnstream_view_apply(const struct snnstream_view *view, uint64_t start_us,
                            struct snn_camera_event *events, size_t count);
/* What a sensor of this size is behind the view; at least one pixel. */
void snnstream_view_size(const struct snnstream_view *view, uint32_t *width, uint32_t *height);
/* Whether all events have one polarity then. */
bool snnstream_view_has_one(const struct snnstream_view *view);
/* Whether it names columns or a unit, which only tables take. */
bool snnstream_view_has_columns(const struct snnstream_view *view);

#endif
