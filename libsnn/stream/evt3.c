/* EVT 3.0: words of 16 bits that say what changes: the time, the row, and then one column or a
 * vector of columns.
 *
 *     bits 15..12   11..0
 *     0  row        y (10..0)
 *     1  row        of measurements of light (old sensors): columns and vectors behind it, up to
 *                   the next row of changes, are no events
 *     2  column     x (10..0), polarity (11): an event
 *     3  base       x (10..0), polarity (11) of the vectors that follow
 *     4  vector     an event at base + i for each bit i of 11..0; then base += 12
 *     5  vector     of 7..0; then base += 8
 *     6  low time   8  high time
 *     A  trigger    E  others     7, F  more of the word before
 *
 * A low time that falls within a high time is no wrap, time steps back; and a new high time begins
 * with a low one of 0, whose word comes next. Nothing here knows files.
 */
#include "libsnn/base/little.h"
#include "libsnn/stream/evt.h"

enum {
    ROW = 0,
    ROW_OF_LIGHT = 1,
    COLUMN = 2,
    BASE = 3,
    VECTOR_12 = 4,
    VECTOR_8 = 5,
    TIME_LOW = 6,
    CONTINUED_4 = 7,
    TYPE_AT = 12,
    TIME_BITS = 12,
    POLARITY_AT = 11,
};

static const uint32_t data_mask = 0xfff, side_mask = SNNSTREAM_EVT_SIDE - 1;

/* What leaves x and y as they are. */
static inline void take_other(struct snnstream_evt_words *words, uint32_t type, uint32_t data)
{
    if (type == SNNSTREAM_EVT_TIME_HIGH) {
        const uint64_t before_us = words->base_us;
        snnstream_evt_set_high(words, data, TIME_BITS, TIME_BITS);
        if (words->base_us != before_us) words->time_us = words->base_us;
    } else if (type == ROW_OF_LIGHT) {
        words->exposure = true;
        words->x_end = 0;
    } else {
        words->other_count += type != CONTINUED_4 && type != SNNSTREAM_EVT_CONTINUED;
    }
}

/* Events that were left out so far go to where they belong. */
static inline void settle(struct snnstream_evt_words *words, uint64_t *left_out)
{
    *snnstream_evt_left_out(words) += *left_out;
    *left_out = 0;
}

/* A row of changes behind one of light. */
static inline void end_exposure(struct snnstream_evt_words *words, uint64_t *left_out)
{
    settle(words, left_out);
    words->exposure = false;
    words->x_end = words->timed ? SNNSTREAM_EVT_SIDE : 0;
}

size_t snnstream_evt3_decode(struct snnstream_evt_words *words, const unsigned char *bytes,
                             size_t count, struct snnstream_batch *out)
{
    struct snnstream_evt_words w = *words; /* whose members stay in registers */
    struct snn_camera_event *items = out->items;
    struct snn_camera_event event = {w.time_us, 0, (uint16_t)w.y, 0};
    size_t at = 0, n = out->count;
    uint64_t left_out = 0;
    while (at < count && n < out->room && w.pending == 0) {
        const uint32_t word = snnbase_little16(bytes + 2 * at++);
        const uint32_t type = word >> TYPE_AT, data = word & data_mask;
        if (type == COLUMN) {
            const uint32_t x = data & side_mask;
            items[n] = event;
            items[n].x = (uint16_t)x;
            items[n].polarity = (uint8_t)(data >> POLARITY_AT);
            n += x < w.x_end;
            left_out += x >= w.x_end;
        } else if (type == VECTOR_12 || type == VECTOR_8) {
            const uint32_t side = type == VECTOR_12 ? 12 : 8, mask = data & ((1u << side) - 1);
            if (out->room - n >= side) {
                event.polarity = w.polarity;
                n += snnstream_evt_spread(items + n, mask, w.x, event, w.x_end, &left_out);
            } else {
                w.pending = mask;
                w.pending_x = w.x;
            }
            w.x += side;
        } else if (type == TIME_LOW) {
            event.time_us = w.base_us | data;
        } else if (type == ROW) {
            if (w.exposure) end_exposure(&w, &left_out);
            w.y = data & side_mask;
            event.y = (uint16_t)w.y;
        } else if (type == BASE) {
            w.x = data & side_mask;
            w.polarity = (uint8_t)(data >> POLARITY_AT);
        } else {
            w.time_us = event.time_us;
            settle(&w, &left_out);
            take_other(&w, type, data);
            event.time_us = w.time_us;
        }
    }
    w.time_us = event.time_us;
    settle(&w, &left_out);
    *words = w;
    out->count = n;
    snnstream_evt_drain(words, out);
    return at;
}
