/* AEDAT recordings for bench/events.c, see eventfile.h: a packet holds the events of one piece. */
#include <string.h>

#include "bench/eventfile.h"

#if SNNBENCH_LZ4
#include <lz4frame.h>
#endif
#if SNNBENCH_ZSTD
#include <zstd.h>
#endif

/* Of a piece of events in AEDAT 4: its FlatBuffer with what stands before the events. */
enum { EVENT_SIZE = 16, HEAD_SIZE = 36, BYTES_MAX = 1 << 17 };
enum compression { NONE = 0, LZ4 = 1, ZSTD = 3 };

struct bytes {
    unsigned char data[BYTES_MAX];
    size_t size;
};

static void put(struct bytes *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes->data[bytes->size++] = (unsigned char)(value >> 8 * i);
}

static void put_text(struct bytes *bytes, const char *text)
{
    memcpy(bytes->data + bytes->size, text, strlen(text));
    bytes->size += strlen(text);
}

static void write_out(struct snnbench_writer *w, const struct bytes *bytes)
{
    (void)fwrite(bytes->data, 1, bytes->size, w->file);
}

/* ---- 2 and 3.1 ---- */

void snnbench_aedat2_begin(struct snnbench_writer *w)
{
    (void)fputs("#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis640\r\n", w->file);
}

void snnbench_aedat2_write(struct snnbench_writer *w, const struct snn_camera_event *events,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *e = &events[i];
        const uint32_t words[] = {(uint32_t)e->y << 22 | (uint32_t)e->x << 12 |
                                      (uint32_t)e->polarity << 11,
                                  (uint32_t)e->time_us};
        for (int k = 0; k < 8; k++)
            (void)fputc((int)(words[k / 4] >> (24 - 8 * (k % 4)) & 0xff), w->file);
    }
}

void snnbench_aedat3_begin(struct snnbench_writer *w)
{
    (void)fputs("#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DAVIS640\r\n#!END-HEADER\r\n", w->file);
}

void snnbench_aedat3_write(struct snnbench_writer *w, const struct snn_camera_event *events,
                           size_t count)
{
    static struct bytes packet;
    packet.size = 0;
    put(&packet, 1, 4); /* type, source */
    put(&packet, 8, 4);
    put(&packet, 4, 4);
    put(&packet, 0, 4);
    for (int i = 0; i < 3; i++)
        put(&packet, count, 4);
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *e = &events[i];
        put(&packet, 1u | (uint32_t)e->polarity << 1 | (uint32_t)e->y << 2 | (uint32_t)e->x << 17,
            4);
        put(&packet, e->time_us & 0x7fffffff, 4);
    }
    write_out(w, &packet);
}

/* ---- 4 ---- */

static void begin4(struct snnbench_writer *w, enum compression compression)
{
    static const char xml[] =
        "<dv version=\"2.0\"><node name=\"outInfo\"><node name=\"0\">"
        "<attr key=\"typeIdentifier\" type=\"string\">EVTS</attr><node name=\"info\">"
        "<attr key=\"sizeX\" type=\"int\">640</attr><attr key=\"sizeY\" type=\"int\">480</attr>"
        "</node></node></node></dv>";
    /* vtable at 8: fields at 4, 12 and 8 of a table of 20 bytes, at 20 */
    static const unsigned char vtable[] = {10, 0, 20, 0, 4, 0, 12, 0, 8, 0, 0, 0};
    static struct bytes header;
    header.size = 0;
    put_text(&header, "#!AER-DAT4.0\r\n");
    put(&header, 44 + sizeof(xml), 4);
    put(&header, 20, 4);
    put_text(&header, "IOHE");
    memcpy(header.data + header.size, vtable, sizeof(vtable));
    header.size += sizeof(vtable);
    put(&header, 12, 4);
    put(&header, compression, 4);
    put(&header, 12, 4);
    put(&header, UINT64_MAX, 8);
    put(&header, sizeof(xml) - 1, 4);
    put_text(&header, xml);
    put(&header, 0, 1);
    write_out(w, &header);
}

static void make4(struct bytes *out, const struct snn_camera_event *events, size_t count)
{
    static const unsigned char head[] = {16, 0, 0, 0, 'E', 'V', 'T', 'S', 6, 0, 8, 0, 4, 0,
                                         0,  0, 8, 0, 0,   0,   8,   0,   0, 0, 0, 0, 0, 0};
    out->size = 0;
    put(out, HEAD_SIZE - 4 + count * EVENT_SIZE, 4);
    memcpy(out->data + out->size, head, sizeof(head));
    out->size += sizeof(head);
    put(out, count, 4);
    for (size_t i = 0; i < count; i++) {
        put(out, events[i].time_us, 8);
        put(out, events[i].x, 2);
        put(out, events[i].y, 2);
        put(out, events[i].polarity, 4);
    }
}

/* Packed as DV does it: one frame a packet, at the lower of two levels. */
static void write4(struct snnbench_writer *w, enum compression compression,
                   const struct snn_camera_event *events, size_t count)
{
    static struct bytes plain, packed;
    const struct bytes *content = compression == NONE ? &plain : &packed;
    make4(&plain, events, count);
    packed.size = 0;
#if SNNBENCH_LZ4
    if (compression == LZ4)
        packed.size = LZ4F_compressFrame(packed.data, BYTES_MAX, plain.data, plain.size, NULL);
#endif
#if SNNBENCH_ZSTD
    if (compression == ZSTD)
        packed.size = ZSTD_compress(packed.data, BYTES_MAX, plain.data, plain.size, 3);
#endif
    for (unsigned i = 0; i < 8; i++) /* stream 0, and the size */
        (void)fputc(i < 4 ? 0 : (int)(content->size >> 8 * (i - 4) & 0xff), w->file);
    write_out(w, content);
}

void snnbench_aedat4_begin(struct snnbench_writer *w)
{
    begin4(w, NONE);
}

void snnbench_aedat4_write(struct snnbench_writer *w, const struct snn_camera_event *events,
                           size_t count)
{
    write4(w, NONE, events, count);
}

void snnbench_aedat4_lz4_begin(struct snnbench_writer *w)
{
    begin4(w, LZ4);
}

void snnbench_aedat4_lz4_write(struct snnbench_writer *w, const struct snn_camera_event *events,
                               size_t count)
{
    write4(w, LZ4, events, count);
}

void snnbench_aedat4_zstd_begin(struct snnbench_writer *w)
{
    begin4(w, ZSTD);
}

void snnbench_aedat4_zstd_write(struct snnbench_writer *w, const struct snn_camera_event *events,
                                size_t count)
{
    write4(w, ZSTD, events, count);
}
