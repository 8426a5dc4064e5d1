/* DAT files: a header of text as in RAW files, then two bytes, the type and the size of events,
 * then eight bytes an event:
 *
 *     bytes 0..3   time in microseconds, little-endian; goes round after 71 minutes (clock.h)
 *     bytes 4..7   version 2: x 13..0, y 27..14, polarity 28
 *                  version 1: x  8..0, y 16..9,  polarity 17   (also where no version is said)
 *
 * Sources: docs.prophesee.ai, "DAT File Format"; for version 1, the readers that go with the data
 * sets of the time (readATIS_tddat of NavGesture, 2017).
 */
#include <inttypes.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/little.h"
#include "libsnn/stream/clock.h"
#include "libsnn/stream/format.h"
#include "libsnn/stream/percent.h"

enum { HEAD_SIZE = 2, EVENT_SIZE = 8, EVENT_2D = 0, EVENT_CD = 12, EVENT_TRIGGER = 14 };
enum { SURE = 96, FAIRLY_SURE = 60 };

struct dat {
    uint32_t version, width, height;
    bool in_data;
    uint64_t time_us; /* of the last event, wraps included */
};

static int take_line(struct dat *dat, struct snn_context *context,
                     const struct snnstream_percent_line *line)
{
    if (snnstream_percent_key(line, "Width"))
        return snnstream_percent_side(context, line, line->value, line->value_size, &dat->width);
    if (snnstream_percent_key(line, "Height"))
        return snnstream_percent_side(context, line, line->value, line->value_size, &dat->height);
    if (!snnstream_percent_key(line, "Version")) return SNN_OK;
    if (snnstream_percent_number(line->value, line->value_size, &dat->version) && dat->version <= 2)
        return SNN_OK;
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                        "byte %" PRIu64 ": DAT version '%.*s'; 1 and 2 are read", line->offset,
                        line->value_size < 16 ? (int)line->value_size : 16, line->value);
}

/* Type and size of events. */
static int take_type(struct dat *dat, struct snn_context *context, struct snnstream_window *window)
{
    const unsigned char *head = window->bytes + window->taken;
    const uint64_t offset = window->offset + window->taken;
    if (window->size - window->taken < HEAD_SIZE) {
        window->need = HEAD_SIZE;
        if (!window->last) return SNN_OK;
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %" PRIu64 ": the type and size of events are cut off", offset);
    }
    if (head[0] == EVENT_TRIGGER)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %" PRIu64 ": events are external triggers, which have no pixel",
                            offset);
    if ((head[0] != EVENT_2D && head[0] != EVENT_CD) || head[1] != EVENT_SIZE)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %" PRIu64
                            ": events of type %u with %u bytes; 0 or 12 with 8 are read",
                            offset, head[0], head[1]);
    window->taken += HEAD_SIZE;
    dat->in_data = true;
    if (dat->width == 0 || dat->height == 0) dat->width = dat->height = 0;
    return SNN_OK;
}

static int take_header(struct dat *dat, struct snn_context *context,
                       struct snnstream_window *window)
{
    enum snnstream_percent what = SNNSTREAM_PERCENT_LINE;
    while (what == SNNSTREAM_PERCENT_LINE) {
        struct snnstream_percent_line line;
        int status = snnstream_percent_take(&line, context, window, &what);
        if (status == SNN_OK && what == SNNSTREAM_PERCENT_LINE)
            status = take_line(dat, context, &line);
        if (status != SNN_OK) return status;
    }
    return what == SNNSTREAM_PERCENT_MORE ? SNN_OK : take_type(dat, context, window);
}

/* Returns how many events were taken. */
static size_t take_events(struct dat *dat, const unsigned char *bytes, size_t count,
                          struct snnstream_batch *out)
{
    const bool old = dat->version < 2;
    const uint32_t y_at = old ? 9 : 14, polarity_at = old ? 17 : 28;
    const uint32_t x_mask = old ? 0x1ff : 0x3fff, y_mask = old ? 0xff : 0x3fff;
    uint64_t time_us = dat->time_us;
    size_t at = 0;
    for (; at < count && out->count + at < out->room; at++) {
        const uint32_t time = snnbase_little32(bytes + EVENT_SIZE * at);
        const uint32_t address = snnbase_little32(bytes + EVENT_SIZE * at + 4);
        time_us = snnstream_unwrap(time_us, time, 32, 0);
        out->items[out->count + at] = (struct snn_camera_event){
            time_us, (uint16_t)(address & x_mask), (uint16_t)(address >> y_at & y_mask),
            address >> polarity_at & 1};
    }
    dat->time_us = time_us;
    out->count += at;
    return at;
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct dat *dat = state;
    int status = dat->in_data ? SNN_OK : take_header(dat, context, window);
    if (status != SNN_OK || !dat->in_data) return status;
    const size_t count = (window->size - window->taken) / EVENT_SIZE;
    window->taken += EVENT_SIZE * take_events(dat, window->bytes + window->taken, count, out);
    const size_t left = window->size - window->taken;
    if (left == 0 || left >= EVENT_SIZE) return SNN_OK;
    window->need = EVENT_SIZE;
    if (!window->last || out->count > 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %" PRIu64 ": an event of %d bytes is cut off",
                        window->offset + window->taken, EVENT_SIZE);
}

/* Either the header says what it is, or it is followed by what must follow. */
static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    struct snnstream_percent_line line;
    bool lines = false;
    size_t at = 0;
    while (snnstream_percent_next(&line, head + at, size - at, file_size == size) ==
           SNNSTREAM_PERCENT_LINE) {
        if (snnstream_percent_key(&line, "Data") && line.value_size >= 4 &&
            memcmp(line.value, "file", 4) == 0)
            return SURE;
        lines = true;
        at += line.size;
    }
    if (!lines || size - at < HEAD_SIZE || head[at + 1] != EVENT_SIZE) return 0;
    return head[at] == EVENT_2D || head[at] == EVENT_CD || head[at] == EVENT_TRIGGER ? FAIRLY_SURE
                                                                                     : 0;
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct dat *dat = state;
    info->format = dat->version < 2 ? "DAT 1 (.dat)" : "DAT 2 (.dat)";
    info->width = dat->width;
    info->height = dat->height;
}

const struct snnstream_format_ops snnstream_dat_format = {
    .name = "DAT (.dat)",
    .summary = "DAT (.dat)",
    .state_size = sizeof(struct dat),
    .probe = probe,
    .decode = decode,
    .describe = describe,
};
