/* Event Stream files (.es): a header, and events whose first byte has the time since the event
 * before, or is a mark: so many times the longest such time (or none: a reset) and no event.
 *
 *     version 2   bytes 0..11 "Event Stream", 12..14 version, 15 what, 16..19 width and height
 *       DVS       t t t t t t t p   x x  y y    a mark: 254 no time, 255 127 us
 *       ATIS      t t t t t t p c   x x  y y    a mark: 252 + n, n times 63 us
 *     version 1   bytes 0..11 "Event Stream", 12..13 version, 14 what
 *       DVS       24 bits: t 3..0, x 13..4, y 22..14, p 23            t = 15: a mark, 7..4 times 15
 * us ATIS      24 bits: t 4..0, x 13..5, y 21..14, c 22, p 23      t = 31: a mark, 7..5 times 31 us
 *
 * c: a threshold crossing, half of a measurement of light, which is no event of ours.
 * Source: github.com/neuromorphic-paris/event_stream, README.md (version 1.0: commit 7ffcca59).
 */
#include <inttypes.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/little.h"
#include "libsnn/stream/format.h"

enum { MAGIC_SIZE = 12, HEAD_1 = 15, HEAD_2 = 16, SIDES_SIZE = 4, SURE = 100 };
static const char magic[] = "Event Stream";

/* How the events of a file are coded. */
struct coding {
    const char *name; /* as info.format */
    uint32_t size;    /* of an event */
    uint32_t mark;    /* bits of its first byte that are all ones in a mark */
    uint32_t unit_us; /* what one of the other bits' number is worth */
};

static const struct coding dvs_1 = {"Event Stream 1, DVS (.es)", 3, 0x0f, 15},
                           atis_1 = {"Event Stream 1, ATIS (.es)", 3, 0x1f, 31},
                           dvs_2 = {"Event Stream 2, DVS (.es)", 5, 0xfe, 127},
                           atis_2 = {"Event Stream 2, ATIS (.es)", 5, 0xfc, 63};

struct es {
    const struct coding *coding; /* NULL: in the header */
    uint32_t width, height;
    uint64_t time_us, other_count;
};

/* An event as it stands in the file. */
struct parts {
    uint32_t delta_us, x, y;
    bool polarity, crossing;
};

static struct parts split(const struct coding *coding, const unsigned char *b)
{
    const uint32_t first = b[0];
    if (coding == &dvs_2)
        return (struct parts){first >> 1, snnbase_little16(b + 1), snnbase_little16(b + 3),
                              first & 1, false};
    if (coding == &atis_2)
        return (struct parts){first >> 2, snnbase_little16(b + 1), snnbase_little16(b + 3),
                              first >> 1 & 1, first & 1};
    const uint32_t bits = first | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
    if (coding == &dvs_1)
        return (struct parts){bits & 0xf, bits >> 4 & 0x3ff, bits >> 14 & 0x1ff, bits >> 23, false};
    return (struct parts){bits & 0x1f, bits >> 5 & 0x1ff, bits >> 14 & 0xff, bits >> 23,
                          bits >> 22 & 1};
}

/* The time that a mark adds: what its bits beside those of the mark say, as a number. */
static uint32_t time_of_mark(const struct coding *coding, uint32_t byte)
{
    const uint32_t lowest = (coding->mark ^ 0xffu) & (0u - (coding->mark ^ 0xffu));
    return (byte & ~coding->mark) / lowest * coding->unit_us;
}

/* Returns how many bytes were taken: all but of an event that is cut off, if there is room. */
static size_t take_events(struct es *es, const unsigned char *bytes, size_t size,
                          struct snnstream_batch *out)
{
    const struct coding *coding = es->coding;
    uint64_t time_us = es->time_us;
    size_t at = 0, n = out->count;
    while (at < size && n < out->room) {
        if ((bytes[at] & coding->mark) == coding->mark) {
            time_us += time_of_mark(coding, bytes[at++]);
            continue;
        }
        if (size - at < coding->size) break;
        const struct parts parts = split(coding, bytes + at);
        at += coding->size;
        time_us += parts.delta_us;
        out->items[n] = (struct snn_camera_event){time_us, (uint16_t)parts.x, (uint16_t)parts.y,
                                                  parts.polarity};
        n += !parts.crossing;
        es->other_count += parts.crossing;
    }
    es->time_us = time_us;
    out->count = n;
    return at;
}

static int refuse(struct snn_context *context, uint64_t offset, const char *what)
{
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "byte %" PRIu64 ": an Event Stream of %s", offset,
                 what);
    return snnbase_hint(context, "DVS and ATIS events of versions 1 and 2 are read");
}

/* What a header of this size has; the first 15 bytes are there. */
static int take_kind(struct es *es, struct snn_context *context, const unsigned char *head,
                     size_t head_size)
{
    static const char *const kinds[] = {"generic events", NULL, NULL,
                                        "events for an asynchronous display", "colour events"};
    const bool old = head_size == HEAD_1;
    const unsigned number = head[head_size - 1], count = sizeof(kinds) / sizeof(kinds[0]);
    const unsigned kind = old && number < count ? (number + 1) % count : number;
    if (kind >= count) return refuse(context, head_size - 1, "a kind that is not known");
    if (kinds[kind] != NULL) return refuse(context, head_size - 1, kinds[kind]);
    if (old)
        es->coding = kind == 1 ? &dvs_1 : &atis_1;
    else
        es->coding = kind == 1 ? &dvs_2 : &atis_2;
    return SNN_OK;
}

static int take_header(struct es *es, struct snn_context *context, struct snnstream_window *window)
{
    const unsigned char *head = window->bytes;
    const size_t size = window->size;
    if (size >= HEAD_1 && head[MAGIC_SIZE] != 1 && head[MAGIC_SIZE] != 2)
        return refuse(context, MAGIC_SIZE, "a version that is not known");
    const bool old = size >= HEAD_1 && head[MAGIC_SIZE] == 1;
    window->need = old ? HEAD_1 : HEAD_2 + SIDES_SIZE;
    if (size >= HEAD_2 || old) {
        int status = take_kind(es, context, head, old ? HEAD_1 : HEAD_2);
        if (status != SNN_OK) return status;
    }
    if (size < window->need) {
        es->coding = NULL;
        if (!window->last) return SNN_OK;
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %zu: the header is cut off", size);
    }
    if (!old) {
        es->width = snnbase_little16(head + HEAD_2);
        es->height = snnbase_little16(head + HEAD_2 + 2);
    }
    window->taken = window->need;
    window->need = 0;
    if (old || (es->width > 0 && es->height > 0)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "byte %d: a sensor of %ux%u (width x height)",
                        HEAD_2, es->width, es->height);
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct es *es = state;
    int status = es->coding != NULL ? SNN_OK : take_header(es, context, window);
    if (status != SNN_OK || es->coding == NULL) return status;
    window->taken +=
        take_events(es, window->bytes + window->taken, window->size - window->taken, out);
    if (window->taken == window->size || out->count == out->room) return SNN_OK;
    window->need = es->coding->size;
    if (!window->last || out->count > 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %" PRIu64 ": an event of %u bytes is cut off",
                        window->offset + window->taken, es->coding->size);
}

static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    (void)file_size;
    return size >= MAGIC_SIZE && memcmp(head, magic, MAGIC_SIZE) == 0 ? SURE : 0;
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct es *es = state;
    if (es->coding != NULL) info->format = es->coding->name;
    info->width = es->width;
    info->height = es->height;
    info->other_count = es->other_count;
}

const struct snnstream_format_ops snnstream_es_format = {
    .name = "Event Stream (.es)",
    .summary = "Event Stream (.es)",
    .state_size = sizeof(struct es),
    .probe = probe,
    .decode = decode,
    .describe = describe,
};
