/* EVT 2.0, an event a word, and EVT 2.1, a vector of 32 pixels of a row a word:
 *
 *     bit   63 .. 32    31..28  27..22     21..11  10..0
 *     2.0               type    low time   x       y
 *     2.1               type    low time   x       y       above 32 bits of pixels: x, x + 1, ...
 *                       8       high time, 28 bits
 *
 * (In a word of EVT 2.1 the left half is the low one.) Nothing here knows files.
 */
#include "libsnn/base/little.h"
#include "libsnn/stream/evt.h"

enum { HIGH_BITS = 28, LOW_BITS = 6, X_AT = 11, LOW_AT = 22, TYPE_AT = 28, VECTOR = 32 };

static const uint32_t side_mask = SNNSTREAM_EVT_SIDE - 1, low_mask = (1u << LOW_BITS) - 1,
                      high_mask = (1u << HIGH_BITS) - 1;

/* Words that are no events of pixels: of one event the first counts. */
static void take_other(struct snnstream_evt_words *words, uint32_t word)
{
    const uint32_t type = word >> TYPE_AT;
    if (type == SNNSTREAM_EVT_TIME_HIGH)
        snnstream_evt_set_high(words, word & high_mask, HIGH_BITS, LOW_BITS);
    else
        words->other_count += type != SNNSTREAM_EVT_CONTINUED;
}

size_t snnstream_evt2_decode(struct snnstream_evt_words *words, const unsigned char *bytes,
                             size_t count, struct snnstream_batch *out)
{
    struct snn_camera_event *items = out->items;
    const size_t room = out->room;
    size_t at = 0, n = out->count, seen = 0;
    const size_t before = n;
    while (at < count && n < room) {
        const uint32_t x_end = words->x_end;
        const uint64_t base_us = words->base_us;
        uint32_t word = 0;
        for (; at < count && n < room; at++, seen++) {
            word = snnbase_little32(bytes + 4 * at);
            if (word >> TYPE_AT > SNNSTREAM_EVT_ON) break;
            const uint32_t x = word >> X_AT & side_mask;
            items[n].time_us = base_us | (word >> LOW_AT & low_mask);
            items[n].x = (uint16_t)x;
            items[n].y = (uint16_t)(word & side_mask);
            items[n].polarity = (uint8_t)(word >> TYPE_AT);
            n += x < x_end;
        }
        if (at == count || n == room) break;
        take_other(words, word);
        at++;
    }
    words->invalid_count += seen - (n - before);
    out->count = n;
    return at;
}

void snnstream_evt_drain(struct snnstream_evt_words *words, struct snnstream_batch *out)
{
    struct snn_camera_event event = {words->time_us, 0, (uint16_t)words->y, words->polarity};
    while (words->pending != 0 && out->count < out->room) {
        const uint32_t x = words->pending_x + snnbase_lowest_bit(words->pending);
        event.x = (uint16_t)x;
        out->items[out->count] = event;
        out->count += x < words->x_end;
        *snnstream_evt_left_out(words) += x >= words->x_end;
        words->pending &= words->pending - 1;
    }
}

size_t snnstream_evt21_decode(struct snnstream_evt_words *words, const unsigned char *bytes,
                              size_t count, struct snnstream_batch *out)
{
    size_t at = 0;
    while (at < count && words->pending == 0 && out->count < out->room) {
        const unsigned char *both = bytes + 8 * at++;
        const uint32_t word = snnbase_little32(both + 4), type = word >> TYPE_AT;
        if (type > SNNSTREAM_EVT_ON) {
            take_other(words, word);
            continue;
        }
        words->pending = snnbase_little32(both);
        words->pending_x = word >> X_AT & side_mask;
        words->y = word & side_mask;
        words->polarity = (uint8_t)type;
        words->time_us = words->base_us | (word >> LOW_AT & low_mask);
        if (out->room - out->count < VECTOR) {
            snnstream_evt_drain(words, out);
            continue;
        }
        const struct snn_camera_event event = {words->time_us, 0, (uint16_t)words->y,
                                               (uint8_t)type};
        out->count +=
            snnstream_evt_spread(out->items + out->count, words->pending, words->pending_x, event,
                                 words->x_end, &words->invalid_count);
        words->pending = 0;
    }
    return at;
}
