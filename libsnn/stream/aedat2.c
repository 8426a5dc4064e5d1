/* AEDAT 1 and 2, as jAER writes them: lines of text, then pairs of address and time, big-endian,
 *
 *     byte   0                       | 2 or 4
 *            address (2: 16, 4: 32)  | time in microseconds (32 bits, wraps)
 *
 *     DVS128  15 external  14..8 y  7..1 x  0 ON
 *     DAVIS   31 frame or motion  30..22 y  21..12 x  11 ON  10 external  9..0 of frames
 *
 * Which layout it is follows from the header's line AEChip, else HardwareInterface; without either
 * from nothing but age: files of then are of the DVS128. Row 0 is the lowest here, as these files
 * have it. Source: "AEDAT 1.0" and "AEDAT 2.0", https://docs.inivation.com
 */
#include <string.h>

#include "libsnn/base/big.h"
#include "libsnn/base/error.h"
#include "libsnn/stream/aedat.h"
#include "libsnn/stream/clock.h"

enum { TIME_SIZE = 4, NAME_MAX = 80, SURE = 100, RATHER_SURE = 90 };

struct aedat2 {
    bool in_data;
    bool is_davis, is_named; /* a layout was chosen, by AEChip */
    bool is_old;             /* version 1: addresses of 16 bits */
    uint32_t width, height;
    uint64_t time_us; /* of the last one */
    uint64_t other_count;
};

static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    static const char usual[] = "# This is a raw AE data file";
    (void)file_size;
    unsigned version = snnstream_aedat_version(head, size);
    if (version == 10 || version == 20) return SURE;
    if (size >= sizeof(usual) - 1 && memcmp(head, usual, sizeof(usual) - 1) == 0)
        return RATHER_SURE;
    return 0;
}

/* What names the chip: "eu.seebetter.ini.chips.davis.DAVIS240C", "ch....retina.DVS128". */
static int choose_layout(struct aedat2 *s, struct snn_context *context, uint64_t at,
                         const struct snnstream_aedat_line *name)
{
    s->is_davis = snnstream_aedat_names(name, "davis");
    snnstream_aedat_sensor(name, &s->width, &s->height);
    s->is_named = true;
    if (s->is_davis || snnstream_aedat_names(name, "dvs128")) return SNN_OK;
    int size = name->size < NAME_MAX ? (int)name->size : NAME_MAX;
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                       "byte %llu: addresses of the chip '%.*s' are not known",
                       (unsigned long long)at, size, name->text);
    return snnbase_hint(context, "known are those of the DVS128 and of the DAVIS family");
}

static int read_line(struct aedat2 *s, struct snn_context *context, uint64_t at,
                     const struct snnstream_aedat_line *line)
{
    struct snnstream_aedat_line rest;
    if (snnstream_aedat_begins(line, "!AER-DAT", &rest)) {
        s->is_old = rest.size > 0 && rest.text[0] == '1';
    } else if (snnstream_aedat_begins(line, " AEChip:", &rest)) {
        return choose_layout(s, context, at, &rest);
    } else if (snnstream_aedat_begins(line, "End Of ASCII Header", &rest)) {
        s->in_data = true;
    } else if (!s->is_named && snnstream_aedat_begins(line, " HardwareInterface:", &rest)) {
        s->is_davis = snnstream_aedat_names(&rest, "davis");
    }
    return SNN_OK;
}

/* Lines, as far as they go; leaves the window where data begins or more is needed. */
static int read_header(struct aedat2 *s, struct snn_context *context,
                       struct snnstream_window *window)
{
    struct snnstream_aedat_line line;
    while (!s->in_data) {
        uint64_t at = window->offset + window->taken;
        enum snnstream_aedat_next next = snnstream_aedat_line(window, &line);
        if (next == SNNSTREAM_AEDAT_MORE) return SNN_OK;
        if (next == SNNSTREAM_AEDAT_DATA) s->in_data = true;
        int status = SNN_OK;
        if (next == SNNSTREAM_AEDAT_LINE) status = read_line(s, context, at, &line);
        if (status != SNN_OK) return status;
    }
    if (s->width == 0 && !s->is_davis) s->width = s->height = 128;
    return SNN_OK;
}

/* True if the address is one of a pixel. */
static bool decode_address(const struct aedat2 *s, uint32_t address, struct snn_camera_event *out)
{
    if (s->is_davis) {
        out->x = (uint16_t)(address >> 12 & 0x3ff);
        out->y = (uint16_t)(address >> 22 & 0x1ff);
        out->polarity = address >> 11 & 1;
        return (address & 0x80000400) == 0;
    }
    out->x = (uint16_t)(address >> 1 & 0x7f);
    out->y = (uint16_t)(address >> 8 & 0x7f);
    out->polarity = address & 1;
    return (address & 0xffff8000) == 0;
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct aedat2 *s = state;
    window->taken = window->need = 0;
    if (!s->in_data) {
        int status = read_header(s, context, window);
        if (status != SNN_OK || !s->in_data) return status;
    }
    const unsigned address_size = s->is_old ? 2 : 4, size = address_size + TIME_SIZE;
    const unsigned char *at = window->bytes + window->taken;
    size_t left = window->size - window->taken, others = 0;
    for (; left >= size && out->count < out->room; at += size, left -= size) {
        struct snn_camera_event *event = &out->items[out->count];
        bool is_pixel = decode_address(s, s->is_old ? snnbase_big16(at) : snnbase_big32(at), event);
        s->time_us = snnstream_unwrap(s->time_us, snnbase_big32(at + address_size), 32, 0);
        event->time_us = s->time_us;
        out->count += is_pixel;
        others += !is_pixel;
    }
    window->taken = window->size - left;
    s->other_count += others;
    if (!window->last || left == 0 || left >= size) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: an event of %u bytes is cut off",
                        (unsigned long long)(window->offset + window->taken), size);
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct aedat2 *s = state;
    info->format = s->is_old ? "AEDAT 1" : "AEDAT 2";
    info->width = s->width;
    info->height = s->height;
    info->other_count = s->other_count;
}

const struct snnstream_format_ops snnstream_aedat2_format = {
    .name = "AEDAT 2",
    .summary = "AEDAT 1 and 2 (.aedat)",
    .state_size = sizeof(struct aedat2),
    .probe = probe,
    .decode = decode,
    .describe = describe,
};
