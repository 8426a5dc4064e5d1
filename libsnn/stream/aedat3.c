/* AEDAT 3.1, as cAER writes it: lines of text up to "#!END-HEADER", then packets, little-endian,
 *
 *     byte   0     2       4           8            12             16        20      24
 *            type  source  event size  time offset  time overflow  capacity  number  valid
 *     28 + i * event size: events; of polarity (type 1):
 *            0 valid  1 ON  2..16 y  17..31 x  | time in microseconds (31 bits)
 *
 * Packets of other types are skipped by their size; of special events (type 0) one is looked at,
 * the reset of the clock, behind which times go on from where they were. Where several sources send
 * polarity, the first one's is read. Row 0 is the highest. Source: "AEDAT 3.1",
 * https://docs.inivation.com
 */
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/little.h"
#include "libsnn/stream/aedat.h"

enum {
    HEAD_SIZE = 28,
    EVENT_SIZE = 8, /* of polarity and special events */
    TIME_AT = 4,
    SPECIAL = 0, /* types of packets; both have events of one size */
    POLARITY = 1,
    RESET = 1, /* type of a special event */
    SOURCE_MAX = 16,
    SURE = 100,
    NAME_MAX = 80,
};

struct source {
    uint16_t id;
    uint32_t width, height;
};

enum stage { HEADER, PACKET, EVENTS, SKIP };

struct aedat3 {
    enum stage stage;
    struct source sources[SOURCE_MAX];
    unsigned source_count;
    bool is_chosen; /* the source whose events are read */
    struct source chosen;
    uint16_t type; /* of the packet at hand */
    uint64_t overflow_us;
    uint32_t left;       /* events of it that are to come */
    uint64_t skip_bytes; /* and bytes behind them */
    uint64_t base_us;    /* what resets of the clock add */
    uint64_t last_us;
    uint64_t other_count, invalid_count;
};

static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    (void)file_size;
    return snnstream_aedat_version(head, size) / 10 == 3 ? SURE : 0;
}

static unsigned long long place(const struct snnstream_window *window)
{
    return window->offset + window->taken;
}

/* "1: DAVIS240C" */
static void read_source(struct aedat3 *s, const struct snnstream_aedat_line *text)
{
    uint32_t id = 0;
    size_t at = 0;
    while (at < text->size && at < 5 && text->text[at] >= '0' && text->text[at] <= '9')
        id = id * 10 + (uint32_t)(text->text[at++] - '0');
    if (at == 0 || id > INT16_MAX || s->source_count == SOURCE_MAX) return;
    struct source *source = &s->sources[s->source_count++];
    const struct snnstream_aedat_line name = {text->text + at, text->size - at};
    source->id = (uint16_t)id;
    snnstream_aedat_sensor(&name, &source->width, &source->height);
}

static int read_line(struct aedat3 *s, struct snn_context *context, unsigned long long at,
                     const struct snnstream_aedat_line *line)
{
    struct snnstream_aedat_line rest;
    int shown;
    if (snnstream_aedat_begins(line, "!END-HEADER", &rest)) {
        s->stage = PACKET;
    } else if (snnstream_aedat_begins(line, "Source ", &rest)) {
        read_source(s, &rest);
    } else if (snnstream_aedat_begins(line, "!AER-DAT", &rest)) {
        if (rest.size >= 3 && memcmp(rest.text, "3.1", 3) == 0) return SNN_OK;
        shown = rest.size < NAME_MAX ? (int)rest.size : NAME_MAX;
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %llu: version %.*s of AEDAT, only 3.1 is read", at, shown,
                            rest.text);
    } else if (snnstream_aedat_begins(line, "Format:", &rest)) {
        if (rest.size == 3 && memcmp(rest.text, "RAW", 3) == 0) return SNN_OK;
        shown = rest.size < NAME_MAX ? (int)rest.size : NAME_MAX;
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "byte %llu: packets in the format '%.*s', only RAW is read", at, shown,
                            rest.text);
    }
    return SNN_OK;
}

/* One line. */
static int read_header(struct aedat3 *s, struct snn_context *context,
                       struct snnstream_window *window, bool *more)
{
    struct snnstream_aedat_line line;
    unsigned long long at = place(window);
    enum snnstream_aedat_next next = snnstream_aedat_line(window, &line);
    *more = next == SNNSTREAM_AEDAT_MORE;
    if (next == SNNSTREAM_AEDAT_LINE) return read_line(s, context, at, &line);
    if (next == SNNSTREAM_AEDAT_MORE) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %llu: no line of a header, which ends with "
                        "#!END-HEADER",
                        at);
}

/* Whether the events of the packet are to be read: those of the first source of polarity are. */
static bool is_wanted(struct aedat3 *s, uint16_t source)
{
    if (s->is_chosen) return s->chosen.id == source;
    if (s->type != POLARITY) return true;
    s->is_chosen = true;
    s->chosen.id = source;
    for (unsigned i = 0; i < s->source_count; i++)
        if (s->sources[i].id == source) s->chosen = s->sources[i];
    return true;
}

static int fail_event_size(struct snn_context *context, unsigned long long at, uint32_t size,
                           uint32_t time_at)
{
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %llu: events of %u bytes with their time at byte %u, %d and %d are "
                        "wanted",
                        at, size, time_at, EVENT_SIZE, TIME_AT);
}

static int read_packet(struct aedat3 *s, struct snn_context *context,
                       struct snnstream_window *window, bool *more)
{
    const unsigned char *head = window->bytes + window->taken;
    const unsigned long long at = place(window);
    size_t left = window->size - window->taken;
    *more = left < HEAD_SIZE;
    if (*more && window->last && left > 0)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %llu: the head of a packet is cut off, %d bytes", at, HEAD_SIZE);
    if (*more) return SNN_OK;
    uint32_t size = snnbase_little32(head + 4), time_at = snnbase_little32(head + 8),
             overflow = snnbase_little32(head + 12);
    uint32_t capacity = snnbase_little32(head + 16), number = snnbase_little32(head + 20);
    uint32_t valid = snnbase_little32(head + 24);
    if (size == 0 || size > INT32_MAX || capacity > INT32_MAX || overflow > INT32_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %llu: no head of a packet (%u events of %u bytes)", at, capacity,
                            size);
    if (number > capacity || valid > number)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %llu: a packet of %u events, %u of them valid, has room for %u",
                            at, number, valid, capacity);
    s->type = snnbase_little16(head);
    s->overflow_us = (uint64_t)overflow << 31;
    s->left = number;
    s->skip_bytes = (uint64_t)(capacity - number) * size;
    s->stage = EVENTS;
    window->taken += HEAD_SIZE;
    if (s->type <= POLARITY && (size != EVENT_SIZE || time_at != TIME_AT))
        return fail_event_size(context, at, size, time_at);
    if (s->type <= POLARITY && is_wanted(s, snnbase_little16(head + 2))) return SNN_OK;
    s->left = 0;
    s->other_count += number;
    s->skip_bytes += (uint64_t)number * size;
    s->stage = SKIP;
    return SNN_OK;
}

/* A special event; behind a reset times begin at 0. */
static void take_special(struct aedat3 *s, uint32_t data)
{
    s->other_count++;
    if ((data & 1) != 0 && (data >> 1 & 0x7f) == RESET) s->base_us = s->last_us;
}

static int read_events(struct aedat3 *s, struct snn_context *context,
                       struct snnstream_window *window, struct snnstream_batch *out)
{
    const unsigned char *at = window->bytes + window->taken;
    size_t left = (window->size - window->taken) / EVENT_SIZE;
    if (left > s->left) left = s->left;
    for (; left > 0 && out->count < out->room; left--, at += EVENT_SIZE) {
        uint32_t data = snnbase_little32(at), time = snnbase_little32(at + TIME_AT);
        s->left--;
        window->taken += EVENT_SIZE;
        if (s->type == SPECIAL) {
            take_special(s, data);
        } else if ((data & 1) == 0) {
            s->invalid_count++;
        } else if (time > INT32_MAX) {
            return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: an event's time is negative",
                                place(window) - EVENT_SIZE);
        } else {
            s->last_us = s->base_us + (s->overflow_us | time);
            out->items[out->count++] = (struct snn_camera_event){
                s->last_us, (uint16_t)(data >> 17), (uint16_t)(data >> 2 & 0x7fff), data >> 1 & 1};
        }
    }
    if (s->left == 0) s->stage = SKIP;
    return SNN_OK;
}

static void skip(struct aedat3 *s, struct snnstream_window *window)
{
    size_t left = window->size - window->taken;
    if (left > s->skip_bytes) left = (size_t)s->skip_bytes;
    window->taken += left;
    s->skip_bytes -= left;
    if (s->skip_bytes == 0) s->stage = PACKET;
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct aedat3 *s = state;
    bool more = false;
    int status = SNN_OK;
    window->taken = window->need = 0;
    while (status == SNN_OK && !more) {
        enum stage stage = s->stage;
        if (stage == HEADER) status = read_header(s, context, window, &more);
        if (stage == PACKET) status = read_packet(s, context, window, &more);
        if (stage == EVENTS) status = read_events(s, context, window, out);
        if (stage == SKIP) skip(s, window);
        if (stage == s->stage && (stage == EVENTS || stage == SKIP)) more = true;
    }
    bool is_over = window->last && out->count < out->room;
    if (status != SNN_OK || !is_over || (s->stage != EVENTS && s->stage != SKIP)) return status;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %llu: a packet is cut off, %llu bytes are missing", place(window),
                        (unsigned long long)s->left * EVENT_SIZE + s->skip_bytes -
                            (window->size - window->taken));
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct aedat3 *s = state;
    info->format = "AEDAT 3.1";
    info->width = s->chosen.width;
    info->height = s->chosen.height;
    info->other_count = s->other_count;
    info->invalid_count = s->invalid_count;
}

const struct snnstream_format_ops snnstream_aedat3_format = {
    .name = "AEDAT 3.1",
    .summary = "AEDAT 3.1 (.aedat)",
    .state_size = sizeof(struct aedat3),
    .probe = probe,
    .decode = decode,
    .describe = describe,
};
