/* AEDAT 4: files put together from the schemas, packed by hand where they are packed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/zstd.h"
#include "libsnn/stream/aedat4.h"
#include "snn/recording.h"
#include "snn/status.h"
#include "tests/unit/flat_builder.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/support.h"

TestSuite(aedat4, .init = support_begin, .fini = support_end);

extern const struct snnstream_format_ops snnstream_aedat4_format;

static const struct snnstream_format_ops *const ops = &snnstream_aedat4_format;

enum { FILE_MAX = 1 << 16, NONE = 0, LZ4 = 1, ZSTD_HIGH = 4 };

static const char info[] =
    "<dv version=\"2.0\">\n <node name=\"outInfo\" path=\"/mainloop/Recorder/outInfo/\">\n"
    "  <node name=\"1\"><attr key=\"typeIdentifier\" type=\"string\">IMUS</attr></node>\n"
    "  <node name=\"4\" path=\"x\">\n"
    "   <attr key=\"compression\" type=\"string\">NONE</attr>\n"
    "   <attr key=\"typeIdentifier\" type=\"string\">EVTS</attr>\n"
    "   <node name=\"info\" path=\"y\"><attr key=\"sizeX\" type=\"int\">320</attr>\n"
    "    <attr key=\"sizeY\" type=\"int\">240</attr></node>\n"
    "  </node>\n </node>\n</dv>\n";

struct file {
    unsigned char bytes[FILE_MAX];
    size_t size;
    size_t table_at; /* where the header says so */
};

static void put(struct file *file, uint64_t value, unsigned width)
{
    cr_assert_leq(file->size + width, (size_t)FILE_MAX);
    for (unsigned i = 0; i < width; i++)
        file->bytes[file->size++] = (unsigned char)(value >> (8 * i));
}

static void append(struct file *file, const void *bytes, size_t size)
{
    cr_assert_leq(file->size + size, (size_t)FILE_MAX);
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static void begin(struct file *file, unsigned compression, const char *xml)
{
    static const unsigned char widths[] = {4, 8, 4};
    static struct builder b;
    builder_begin(&b, "IOHE");
    size_t root = builder_table(&b, 3, widths);
    builder_point(&b, 0, root);
    builder_put(&b, builder_field(&b, root, 0), 4, compression);
    builder_put(&b, builder_field(&b, root, 1), 8, UINT64_MAX);
    builder_point(&b, builder_field(&b, root, 2), builder_string(&b, xml));
    file->size = 0;
    append(file, "#!AER-DAT4.0\r\n", 14);
    put(file, b.size, 4);
    file->table_at = file->size + builder_field(&b, root, 1);
    append(file, b.bytes, b.size);
}

static void set_table(struct file *file, uint64_t at)
{
    for (unsigned i = 0; i < 8; i++)
        file->bytes[file->table_at + i] = (unsigned char)(at >> (8 * i));
}

/* A packet's FlatBuffer with its size before it; where its first event lies. */
static size_t pack(struct file *out, const char identifier[4],
                   const struct snn_camera_event *events, size_t count)
{
    static const unsigned char widths[] = {4};
    static struct builder b;
    builder_begin(&b, identifier);
    size_t root = builder_table(&b, 1, widths);
    builder_point(&b, 0, root);
    size_t vector = builder_vector(&b, 16, count);
    builder_point(&b, builder_field(&b, root, 0), vector);
    for (size_t i = 0; i < count; i++) {
        size_t at = builder_item(&b, vector, 16, i);
        builder_put(&b, at, 8, events[i].time_us);
        builder_put(&b, at + 8, 2, events[i].x);
        builder_put(&b, at + 10, 2, events[i].y);
        builder_put(&b, at + 12, 1, events[i].polarity);
    }
    put(out, b.size, 4);
    append(out, b.bytes, b.size);
    return out->size - 16 * count;
}

static void put_packet(struct file *file, unsigned stream, const struct file *content)
{
    put(file, stream, 4);
    put(file, content->size, 4);
    append(file, content->bytes, content->size);
}

static const struct snn_camera_event all[] = {
    {1605537493718345, 319, 239, 1}, {1605537493718346, 0, 1, 0}, {1605537493718346, 7, 0, 1}};

/* One frame of LZ4: magic, flags 0x60 (independent blocks), 64 KiB, the check of those two, a block
 * that is not packed, the end. */
static void put_lz4(struct file *out, const struct file *content)
{
    static const unsigned char head[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
    append(out, head, sizeof(head));
    put(out, content->size | 0x80000000, 4);
    append(out, content->bytes, content->size);
    put(out, 0, 4);
}

/* One frame of zstd (RFC 8878): magic, a single segment whose size has 2 bytes and begins at 256, a
 * last block that is not packed. */
static void put_zstd(struct file *out, const struct file *content)
{
    put(out, 0xfd2fb528, 4);
    put(out, 0x60, 1);
    put(out, content->size - 256, 2);
    put(out, 1 | content->size << 3, 3);
    append(out, content->bytes, content->size);
}

/* Two packets of events, packets of other streams before and between, and a table. */
static void write_all(struct file *file, unsigned compression)
{
    static struct file content, packed;
    begin(file, compression, info);
    put(file, 1, 4);
    put(file, 5, 4);
    append(file, "abcde", 5);
    for (size_t i = 0; i < 2; i++) {
        content.size = packed.size = 0;
        pack(&content, "EVTS", all + i, i + 1);
        while (compression == ZSTD_HIGH && content.size < 256)
            put(&content, 0, 1);
        if (compression == LZ4) put_lz4(&packed, &content);
        if (compression == ZSTD_HIGH) put_zstd(&packed, &content);
        put_packet(file, 4, compression == NONE ? &content : &packed);
        put(file, 1, 4);
        put(file, 0, 4);
    }
    set_table(file, file->size);
    append(file, "a table", 7);
}

static void expect_all(unsigned compression)
{
    static struct file file;
    write_all(&file, compression);
    formats_expect(ops, file.bytes, file.size, all, 3);
    const struct formats_run run = {ops, NULL, 11, 2};
    const struct formats_result result = formats_decode(&run, file.bytes, file.size);
    cr_assert_eq(result.info.other_count, 3);
    cr_assert_eq(result.info.invalid_count, 0);
    cr_assert_eq(result.info.width, 320);
    cr_assert_eq(result.info.height, 240);
}

Test(aedat4, packets_as_they_are)
{
    expect_all(NONE);
}

static void expect_packed(unsigned compression)
{
    static struct file file;
    write_all(&file, compression);
    const struct formats_run run = {ops, NULL, file.size, 8};
    const struct formats_result result = formats_decode(&run, file.bytes, file.size);
    if (result.status != SNN_ERR_UNSUPPORTED) {
        expect_all(compression);
        return;
    }
    cr_assert_not_null(strstr(snn_context_message(support_context()), "built without"));
    cr_skip("%s", snn_context_message(support_context()));
}

Test(aedat4, packets_packed_with_lz4)
{
    expect_packed(LZ4);
}

Test(aedat4, packets_packed_with_zstd)
{
    expect_packed(ZSTD_HIGH);
}

Test(aedat4, places_that_are_negative_are_counted_as_invalid)
{
    static const struct snn_camera_event odd[] = {
        {5, 0xffff, 0, 1}, {6, 1, 2, 0}, {7, 0, 0x8000, 1}, {8, 3, 4, 1}};
    static const struct snn_camera_event left[] = {{6, 1, 2, 0}, {8, 3, 4, 1}};
    static struct file file, content;
    content.size = 0;
    begin(&file, NONE, info);
    pack(&content, "EVTS", odd, 4);
    put_packet(&file, 4, &content);
    formats_expect(ops, file.bytes, file.size, left, 2);
    const struct formats_run run = {ops, NULL, file.size, 1};
    cr_assert_eq(formats_decode(&run, file.bytes, file.size).info.invalid_count, 2);
}

Test(aedat4, a_recording_that_was_never_closed_may_end_anywhere)
{
    static struct file file, content;
    begin(&file, NONE, info);
    size_t first = file.size;
    content.size = 0;
    pack(&content, "EVTS", all, 1);
    put_packet(&file, 4, &content);
    size_t second = file.size;
    content.size = 0;
    pack(&content, "EVTS", all + 1, 2);
    put_packet(&file, 4, &content);
    formats_expect(ops, file.bytes, file.size, all, 3);
    for (size_t size = first; size < file.size; size++) {
        const struct formats_run run = {ops, NULL, 13, 4};
        const struct formats_result result = formats_decode(&run, file.bytes, size);
        cr_assert_eq(result.status, SNN_OK);
        cr_assert_eq(result.count, size < second ? 0u : 1u, "%zu bytes", size);
        cr_assert_eq(result.info.invalid_count, size != first && size != second, "%zu", size);
    }
}

Test(aedat4, a_closed_recording_that_is_cut_off_is_refused)
{
    static struct file file;
    char message[80];
    write_all(&file, NONE);
    size_t table = file.size - 7;
    formats_expect(ops, file.bytes, table + 1, all, 3);
    snprintf(message, sizeof(message), "byte %zu: the file is cut off before its table at byte %zu",
             table - 8, table);
    formats_refuse(ops, file.bytes, table - 1, SNN_ERR_FORMAT, message);
    formats_refuse(ops, file.bytes, 17, SNN_ERR_FORMAT, "byte 0: the header is cut off");
    formats_refuse(ops, file.bytes, 200, SNN_ERR_FORMAT, "byte 0: the header is cut off");
}

/* ---- Memory ---- */

static int read_packed(struct snn_context *context)
{
    static struct file file;
    struct snn_camera_event events[2];
    struct snn_recording *recording = NULL;
    size_t count = 1;
    write_all(&file, LZ4);
    int status =
        snn_recording_open(&recording, context, support_put("a", file.bytes, file.size), NULL);
    while (status == SNN_OK && count > 0)
        status = snn_recording_read(recording, context, events, 2, &count);
    snn_recording_close(&recording);
    return status;
}

Test(aedat4, memory_may_end_anywhere)
{
    if (read_packed(support_context()) == SNN_ERR_UNSUPPORTED) cr_skip("built without liblz4");
    support_sweep(read_packed);
}

/* ---- Lies ---- */

static void refuse_header(unsigned compression, const char *xml, int status, const char *message)
{
    static struct file file;
    begin(&file, compression, xml);
    formats_refuse(ops, file.bytes, file.size, status, message);
}

Test(aedat4, headers_that_are_refused)
{
    static struct file file;
    refuse_header(5, info, SNN_ERR_UNSUPPORTED,
                  "byte 18: packets are packed in a way that is not known (5)");
    refuse_header(NONE, "", SNN_ERR_FORMAT, "byte 18: the header's XML has no stream of events");
    begin(&file, NONE, info);
    set_table(&file, 20);
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT,
                   "byte 18: the table of packets is said to be at byte 20");
    begin(&file, NONE, info);
    file.bytes[22] = 'X';
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT, "byte 18: no header of AEDAT 4");
    file.bytes[17] = 0x7f;
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT, "byte 14: a header of 21");
    file.bytes[11] = '1';
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_UNSUPPORTED,
                   "byte 0: version 4.1 of AEDAT, only 4.0 is read");
}

Test(aedat4, damage_of_a_header_is_told_with_its_byte)
{
    static struct file file;
    begin(&file, NONE, info);
    file.bytes[18] = 0xff; /* the root, at byte 18 of the file */
    file.bytes[19] = 0xff;
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT,
                   "byte 18: the header has a root beyond the end");
}

static void refuse_packet(const struct file *content, unsigned compression, int status,
                          const char *what)
{
    static struct file file;
    char message[160];
    begin(&file, compression, info);
    snprintf(message, sizeof(message), "byte %zu: a packet%s", file.size + 8, what);
    put_packet(&file, 4, content);
    formats_refuse(ops, file.bytes, file.size, status, message);
}

Test(aedat4, packets_that_lie_are_refused)
{
    static struct file content;
    content.size = 0;
    refuse_packet(&content, NONE, SNN_ERR_FORMAT, " has a size beyond its end");
    size_t event = pack(&content, "EVTS", all, 3);
    content.bytes[event + 7] = 0x80;
    refuse_packet(&content, NONE, SNN_ERR_FORMAT, " has an event whose time is negative");
    content.bytes[event - 4] = 4; /* events in the vector, there are 3 */
    refuse_packet(&content, NONE, SNN_ERR_FORMAT, " has a vector beyond the end");
    content.bytes[0]++;
    refuse_packet(&content, NONE, SNN_ERR_FORMAT, " has a size beyond its end");
    content.size = 0;
    pack(&content, "FRME", all, 1);
    refuse_packet(&content, NONE, SNN_ERR_FORMAT, " has no events ('EVTS')");
}

/* Blocks of zstd that say "131072 times this byte": 2 KiB of them are more than 64 MiB. */
Test(aedat4, packets_that_unpack_to_hundreds_of_times_their_size_are_refused)
{
    static struct file content;
    struct snnbase_zstd zstd = {.decoder = NULL};
    struct snnbase_buffer none = {.data = NULL};
    content.size = 0;
    put(&content, 0xfd2fb528, 4);
    put(&content, 0x3800, 2); /* a window of 128 KiB */
    for (unsigned i = 0; i < 600; i++)
        put(&content, (i == 599) | 1 << 1 | 131072 << 3, 4);
    const bool built =
        snnbase_zstd_unpack(&zstd, support_context(), "", 0, 1, &none) != SNN_ERR_UNSUPPORTED;
    snnbase_zstd_fini(&zstd);
    snnbase_buffer_fini(support_context(), &none);
    if (!built) cr_skip("built without zstd");
    refuse_packet(&content, ZSTD_HIGH, SNN_ERR_LIMIT, ": unpacks to more than the limit of 677");
    cr_assert_not_null(strstr(snn_context_hint(support_context()), "250 times their size"));
}

Test(aedat4, heads_of_packets_that_lie_are_refused)
{
    static struct file file;
    char message[80];
    begin(&file, NONE, info);
    const size_t at = file.size;
    put(&file, 4, 4);
    put(&file, 0x80000000, 4);
    snprintf(message, sizeof(message), "byte %zu: no head of a packet", at);
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT, message);
    file.bytes[at + 7] = 0x7f;
    snprintf(message, sizeof(message), "byte %zu: a packet of 2130706432 bytes exceeds", at);
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_LIMIT, message);
    file.bytes[at + 7] = 0;
    put(&file, 0, 8);
    set_table(&file, at + 7);
    snprintf(message, sizeof(message), "byte %zu: a packet of 0 bytes reaches into the table", at);
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT, message);
}

Test(aedat4, bytes_that_are_not_packed_are_refused)
{
    static struct file file, content;
    write_all(&file, LZ4);
    const struct formats_run run = {ops, NULL, file.size, 8};
    if (formats_decode(&run, file.bytes, file.size).status == SNN_ERR_UNSUPPORTED)
        cr_skip("built without liblz4");
    content.size = 0;
    pack(&content, "EVTS", all, 3);
    refuse_packet(&content, LZ4, SNN_ERR_FORMAT, ": packed byte 0: not LZ4 (");
}

/* ---- The XML of a header ---- */

static void refuse_xml(const char *text, const char *wrong)
{
    struct snnstream_aedat4_stream stream;
    const char *told = snnstream_aedat4_streams(&stream, text, strlen(text));
    cr_assert(told != NULL && strcmp(told, wrong) == 0, "%s: %s", text, told ? told : "nothing");
}

Test(aedat4, the_first_stream_of_events_is_chosen)
{
    static const char text[] =
        "<?xml version='1.0'?><!-- <node name=\"outInfo\"> -->"
        "<dv><attr key='typeIdentifier'>EVTS</attr><node name='other'><node name='7'>"
        "<attr key='typeIdentifier'>EVTS</attr></node></node><node name='outInfo'>"
        "<node name='0'/><node name='x'><attr key='typeIdentifier'>EVTS</attr></node>"
        "<node name='12'><attr key='typeIdentifier'>EVTS</attr><node name='info'>"
        "<attr key='sizeX'>64</attr><attr key='sizeY'>4800000</attr></node>"
        "<node name='else'><attr key='sizeX'>65</attr></node></node>"
        "<node name='3'><attr key='typeIdentifier'>EVTS</attr></node></node></dv>";
    struct snnstream_aedat4_stream stream;
    cr_assert_null(snnstream_aedat4_streams(&stream, text, sizeof(text) - 1));
    cr_assert_eq(stream.id, 12);
    cr_assert_eq(stream.width, 64);
    cr_assert_eq(stream.height, 0, "no size of a sensor");
}

Test(aedat4, text_that_is_no_such_xml_is_refused)
{
    refuse_xml("", "no stream of events");
    refuse_xml("<dv></dv>", "no stream of events");
    refuse_xml("<dv><node name=\"outInfo\"></dv>", "a node without its end");
    refuse_xml("</node>", "more nodes end than begin");
    refuse_xml("<dv><node", "a tag without its end");
    refuse_xml("<!-- >", "a tag without its end");
    refuse_xml("<dv><node name=\"outInfo\"><node name=\"0\"><attr key=\"typeIdentifier\">EVTS",
               "a node without its end");
}
