/* AEDAT 4, as DV writes it: a line, a header, packets of several streams, a table of them,
 *
 *     "#!AER-DAT4.0\r\n"
 *     u32 size | FlatBuffer "IOHE": 0 compression  1 place of the table, -1: none  2 XML
 *     i32 stream | i32 size | a frame of LZ4 or zstd, or as it is:
 *                             u32 size | FlatBuffer "EVTS": 0 events, 16 bytes each
 *     ...
 *
 *     event   0 time in microseconds (64 bits)  8 x  10 y  12 ON
 *
 * Of several streams of events the first is read; packets of others are skipped by their size. A
 * recording that was never closed has no table, and may end within a packet: one that is invalid.
 * Source: "AEDAT 4.0", https://docs.inivation.com, and the schemas IOHeader.fbs and Event.fbs of
 * dv-processing, https://gitlab.com/inivation/dv/dv-processing.
 */
#include "libsnn/stream/aedat4.h"

#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/flat.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/little.h"
#include "libsnn/base/lz4.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/zstd.h"
#include "libsnn/stream/aedat.h"

enum {
    LINE_SIZE = 14,
    PREFIX_SIZE = 4,
    PACKET_HEAD = 8,
    EVENT_SIZE = 16,
    HEADER_MAX = 16 << 20,
    PACKET_MAX = 256 << 20, /* packed and unpacked; real ones hold some milliseconds */
    SURE = 100,
};

enum compression { NONE, LZ4, LZ4_HIGH, ZSTD, ZSTD_HIGH, COMPRESSION_COUNT };

enum stage { HEADER, PACKET, LOAD, EVENTS, SKIP, TABLE };

struct aedat4 {
    enum stage stage;
    struct snnstream_aedat4_stream stream; /* that is read */
    enum compression compression;
    uint64_t table_at;             /* UINT64_MAX: none */
    uint32_t size;                 /* of the packet at hand */
    size_t events_at, events_left; /* in it, unpacked */
    struct snnbase_buffer unpacked;
    uint64_t packed_sum, unpacked_sum; /* bytes of all packets so far */
    struct snnbase_lz4 lz4;
    struct snnbase_zstd zstd;
    uint64_t other_count, invalid_count;
};

static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    (void)file_size;
    return snnstream_aedat_version(head, size) / 10 == 4 ? SURE : 0;
}

static unsigned long long place(const struct snnstream_window *window)
{
    return window->offset + window->taken;
}

/* Whether `size` more bytes are at hand; if not, they are asked for. */
static bool has(struct snnstream_window *window, size_t size)
{
    if (window->size - window->taken >= size) return true;
    window->need = window->taken + size;
    return false;
}

/* ---- The header ---- */

static int read_io_header(struct aedat4 *s, struct snn_context *context, unsigned long long at,
                          struct snnbase_flat *flat)
{
    const struct snnbase_flat_table root = snnbase_flat_root(flat);
    int64_t compression = snnbase_flat_signed(&root, 0, 4, NONE);
    int64_t table_at = snnbase_flat_signed(&root, 1, 8, -1);
    const struct snnbase_flat_text info = snnbase_flat_string(&root, 2);
    if (flat->damage != NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: the header has %s",
                            at + flat->damage_at, flat->damage);
    if (compression < 0 || compression >= COMPRESSION_COUNT)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %llu: packets are packed in a way that is not known (%lld)", at,
                            (long long)compression);
    if (table_at != -1 && (table_at < 0 || (uint64_t)table_at < at + flat->size))
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %llu: the table of packets is said to be at byte %lld", at,
                            (long long)table_at);
    s->compression = (enum compression)compression;
    s->table_at = table_at == -1 ? UINT64_MAX : (uint64_t)table_at;
    const char *wrong =
        snnstream_aedat4_streams(&s->stream, info.bytes ? info.bytes : "", info.size);
    if (wrong == NULL) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: the header's XML has %s", at, wrong);
}

static int read_header(struct aedat4 *s, struct snn_context *context,
                       struct snnstream_window *window, bool *more)
{
    *more = !has(window, LINE_SIZE + PREFIX_SIZE);
    if (*more) return SNN_OK;
    const unsigned char *head = window->bytes + window->taken;
    const uint32_t size = snnbase_little32(head + LINE_SIZE);
    if (memcmp(head, "#!AER-DAT4.0\r\n", LINE_SIZE) != 0)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte 0: version %.3s of AEDAT, only 4.0 "
                            "is read",
                            (const char *)head + 9);
    if (size > HEADER_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %d: a header of %u bytes exceeds %d",
                            LINE_SIZE, size, HEADER_MAX);
    *more = !has(window, LINE_SIZE + PREFIX_SIZE + size);
    if (*more) return SNN_OK;
    struct snnbase_flat flat;
    window->taken += LINE_SIZE + PREFIX_SIZE;
    snnbase_flat_init(&flat, window->bytes + window->taken, size);
    if (!snnbase_flat_is(flat.bytes, size, "IOHE"))
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: no header of AEDAT 4 ('IOHE')",
                            place(window));
    int status = read_io_header(s, context, place(window), &flat);
    window->taken += size;
    s->stage = PACKET;
    return status;
}

/* ---- Packets ---- */

static int read_packet(struct aedat4 *s, struct snn_context *context,
                       struct snnstream_window *window, bool *more)
{
    const unsigned long long at = place(window);
    if (at == s->table_at) {
        s->stage = TABLE;
        return SNN_OK;
    }
    *more = !has(window, PACKET_HEAD);
    if (*more) return SNN_OK;
    const unsigned char *head = window->bytes + window->taken;
    const uint32_t id = snnbase_little32(head), size = snnbase_little32(head + 4);
    if (id > INT32_MAX || size > INT32_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: no head of a packet", at);
    if (s->table_at - at < PACKET_HEAD || s->table_at - at - PACKET_HEAD < size)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %llu: a packet of %u bytes reaches into the table at byte %llu",
                            at, size, (unsigned long long)s->table_at);
    window->taken += PACKET_HEAD;
    s->size = size;
    s->stage = id == s->stream.id ? LOAD : SKIP;
    s->other_count += id != s->stream.id;
    if (s->stage == SKIP || size <= PACKET_MAX) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_LIMIT,
                        "byte %llu: a packet of %u bytes exceeds the limit of %d", at, size,
                        PACKET_MAX);
}

/* Finds the events in a packet as it is when unpacked; NULL, or what is wrong. */
static const char *find_events(struct aedat4 *s, const unsigned char *bytes, size_t size)
{
    struct snnbase_flat flat;
    if (size < PREFIX_SIZE || snnbase_little32(bytes) > size - PREFIX_SIZE)
        return "a size beyond its end";
    snnbase_flat_init(&flat, bytes + PREFIX_SIZE, snnbase_little32(bytes));
    if (!snnbase_flat_is(flat.bytes, flat.size, "EVTS")) return "no events ('EVTS')";
    const struct snnbase_flat_table root = snnbase_flat_root(&flat);
    const struct snnbase_flat_vector events = snnbase_flat_vector(&root, 0, EVENT_SIZE);
    s->events_left = events.count;
    s->events_at = events.count > 0 ? (size_t)(events.bytes - bytes) : 0;
    return flat.damage;
}

static int unpack(struct aedat4 *s, struct snn_context *context, const unsigned char *packed)
{
    const uint64_t limit = snnbase_limits(context)->file_bytes;
    size_t size_max = limit < PACKET_MAX ? (size_t)limit : PACKET_MAX;
    const uint64_t left = snnbase_unpacked_max(s->packed_sum + s->size) - s->unpacked_sum;
    const bool is_tight = left < size_max;
    if (is_tight) size_max = (size_t)left;
    s->unpacked.size = 0;
    int status =
        s->compression == LZ4 || s->compression == LZ4_HIGH
            ? snnbase_lz4_unpack(&s->lz4, context, packed, s->size, size_max, &s->unpacked)
            : snnbase_zstd_unpack(&s->zstd, context, packed, s->size, size_max, &s->unpacked);
    s->packed_sum += s->size;
    s->unpacked_sum += s->unpacked.size;
    if (status != SNN_ERR_LIMIT || !is_tight) return status;
    return snnbase_hint(context,
                        "packets unpack to more than %d times their size, as none of a "
                        "recording do",
                        SNNBASE_UNPACKED_RATIO);
}

/* The whole packet, which stays in the window as long as its events are read from there. */
static int load(struct aedat4 *s, struct snn_context *context, struct snnstream_window *window,
                bool *more)
{
    *more = !has(window, s->size);
    if (*more) return SNN_OK;
    const unsigned char *bytes = window->bytes + window->taken;
    const unsigned long long at = place(window);
    size_t size = s->size;
    if (s->compression != NONE) {
        int status = unpack(s, context, bytes);
        if (status != SNN_OK) return snnbase_where(context, "byte %llu: a packet", at);
        bytes = s->unpacked.data;
        size = s->unpacked.size;
        window->taken += s->size;
    }
    const char *wrong = find_events(s, bytes, size);
    s->stage = EVENTS;
    if (wrong == NULL) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: a packet has %s", at, wrong);
}

static int give_events(struct aedat4 *s, struct snn_context *context,
                       struct snnstream_window *window, struct snnstream_batch *out)
{
    const bool is_packed = s->compression != NONE;
    const unsigned char *base = is_packed ? s->unpacked.data : window->bytes + window->taken;
    const unsigned char *at = base + s->events_at, *begin = at;
    struct snn_camera_event *to = out->items + out->count, *end = out->items + out->room;
    size_t left = s->events_left;
    for (; left > 0 && to < end; left--, at += EVENT_SIZE) {
        const uint64_t time_us = snnbase_little64(at);
        *to = (struct snn_camera_event){time_us, snnbase_little16(at + 8),
                                        snnbase_little16(at + 10), at[12] != 0};
        if (time_us > INT64_MAX)
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "byte %llu: a packet has an event whose time is negative",
                                place(window));
        to += to->x <= INT16_MAX && to->y <= INT16_MAX;
    }
    const size_t done = (size_t)(at - begin) / EVENT_SIZE;
    const size_t count = (size_t)(to - out->items);
    s->invalid_count += done - (count - out->count);
    out->count = count;
    s->events_at += done * EVENT_SIZE;
    s->events_left = left;
    if (left > 0) return SNN_OK;
    if (!is_packed) window->taken += s->size;
    s->stage = PACKET;
    return SNN_OK;
}

static void skip(struct aedat4 *s, struct snnstream_window *window)
{
    size_t left = window->size - window->taken;
    if (left > s->size) left = s->size;
    window->taken += left;
    s->size -= (uint32_t)left;
    if (s->size == 0) s->stage = PACKET;
}

/* ---- The whole ---- */

/* The file ends here. */
static int finish(struct aedat4 *s, struct snn_context *context, struct snnstream_window *window)
{
    const unsigned long long at = place(window);
    if (s->stage == TABLE ||
        (s->stage == PACKET && s->table_at == UINT64_MAX && window->size == window->taken))
        return SNN_OK;
    if (s->stage == HEADER)
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: the header is cut off", at);
    if (s->table_at != UINT64_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %llu: the file is cut off before its table at byte %llu", at,
                            (unsigned long long)s->table_at);
    s->invalid_count++;
    window->taken = window->size;
    s->stage = TABLE;
    return SNN_OK;
}

static int step(struct aedat4 *s, struct snn_context *context, struct snnstream_window *window,
                struct snnstream_batch *out, bool *more)
{
    const enum stage stage = s->stage;
    int status = SNN_OK;
    if (stage == HEADER) status = read_header(s, context, window, more);
    if (stage == PACKET) status = read_packet(s, context, window, more);
    if (stage == LOAD) status = load(s, context, window, more);
    if (stage == EVENTS) status = give_events(s, context, window, out);
    if (stage == SKIP) skip(s, window);
    if (stage == TABLE) window->taken = window->size;
    /* The room is full, or the window used up. */
    if (stage == s->stage && (stage == EVENTS || stage == SKIP || stage == TABLE)) *more = true;
    return status;
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct aedat4 *s = state;
    bool more = false;
    int status = SNN_OK;
    window->taken = window->need = 0;
    while (status == SNN_OK && !more)
        status = step(s, context, window, out, &more);
    if (status != SNN_OK || !window->last || s->stage == EVENTS) return status;
    return finish(s, context, window);
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct aedat4 *s = state;
    info->format = "AEDAT 4";
    info->width = s->stream.width;
    info->height = s->stream.height;
    info->other_count = s->other_count;
    info->invalid_count = s->invalid_count;
}

static void fini(void *state, const struct snn_allocator *allocator)
{
    struct aedat4 *s = state;
    snnbase_allocator_free(allocator, s->unpacked.data);
    snnbase_lz4_fini(&s->lz4);
    snnbase_zstd_fini(&s->zstd);
}

const struct snnstream_format_ops snnstream_aedat4_format = {
    .name = "AEDAT 4",
    .summary = "AEDAT 4 (.aedat4)",
    .state_size = sizeof(struct aedat4),
    .probe = probe,
    .decode = decode,
    .describe = describe,
    .fini = fini,
};
