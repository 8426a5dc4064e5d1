/* AEDAT 3.1: packets written by hand from the tables of the specification.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/support.h"

TestSuite(aedat3, .init = support_begin, .fini = support_end);

extern const struct snnstream_format_ops snnstream_aedat3_format;

static const struct snnstream_format_ops *const ops = &snnstream_aedat3_format;

static const char header[] = "#!AER-DAT3.1\r\n"
                             "#Format: RAW\r\n"
                             "#Source 1: DAVIS240C\r\n"
                             "#Start-Time: 2016-04-01 12:00:00 (TZ+0200)\r\n"
                             "#!END-HEADER\r\n";
enum { HEADER_SIZE = sizeof(header) - 1, FILE_MAX = 4096 };

struct file {
    unsigned char bytes[FILE_MAX];
    size_t size;
};

static void put(struct file *file, uint64_t value, unsigned width)
{
    cr_assert_leq(file->size + width, (size_t)FILE_MAX);
    for (unsigned i = 0; i < width; i++)
        file->bytes[file->size++] = (unsigned char)(value >> (8 * i));
}

static void begin(struct file *file)
{
    memcpy(file->bytes, header, HEADER_SIZE);
    file->size = HEADER_SIZE;
}

/* Head of a packet whose capacity is its number of events, all of them valid. */
static void put_head(struct file *file, unsigned type, unsigned source, unsigned event_size,
                     unsigned overflow, unsigned number)
{
    put(file, type, 2);
    put(file, source, 2);
    put(file, event_size, 4);
    put(file, 4, 4);
    put(file, overflow, 4);
    for (int i = 0; i < 3; i++)
        put(file, number, 4);
}

/* valid, ON, y at bit 2, x at bit 17 */
static void put_event(struct file *file, unsigned bits, unsigned x, unsigned y, unsigned time)
{
    put(file, bits | y << 2 | x << 17, 4);
    put(file, time, 4);
}

/* Two packets of polarity, one of motion and one of another source between them. */
static void write_all(struct file *file)
{
    begin(file);
    put_head(file, 1, 1, 8, 0, 3);
    put_event(file, 3, 239, 179, 5); /* valid, ON */
    put_event(file, 2, 1, 2, 6);     /* not valid */
    put_event(file, 1, 0, 7, 7);     /* valid, OFF */
    put_head(file, 3, 1, 36, 0, 2);
    for (int i = 0; i < 72; i++)
        put(file, 0xff, 1);
    put_head(file, 1, 2, 8, 0, 1);
    put_event(file, 3, 9, 9, 8);
    put_head(file, 1, 1, 8, 2, 1); /* 2 << 31 = 0x100000000 */
    put_event(file, 3, 4, 3, 0x7fffffff);
}

static const struct snn_camera_event all[] = {
    {5, 239, 179, 1}, {7, 0, 7, 0}, {0x17fffffff, 4, 3, 1}};

Test(aedat3, packets_of_polarity_and_what_is_skipped)
{
    struct file file;
    write_all(&file);
    formats_expect(ops, file.bytes, file.size, all, 3);
    const struct formats_run run = {ops, NULL, 7, 2};
    const struct formats_result result = formats_decode(&run, file.bytes, file.size);
    cr_assert_eq(result.info.invalid_count, 1);
    cr_assert_eq(result.info.other_count, 3, "two of motion, one of another source");
    cr_assert_eq(result.info.width, 240);
    cr_assert_eq(result.info.height, 180);
    cr_assert_str_eq(result.info.format, "AEDAT 3.1");
}

Test(aedat3, room_that_a_packet_does_not_use_is_skipped)
{
    static const struct snn_camera_event events[] = {{5, 1, 2, 1}, {6, 3, 4, 0}};
    struct file file;
    begin(&file);
    put_head(&file, 1, 0, 8, 0, 1);
    file.bytes[HEADER_SIZE + 16] = 3; /* capacity */
    put_event(&file, 3, 1, 2, 5);
    put(&file, UINT64_MAX, 8);
    put(&file, UINT64_MAX, 8);
    put_head(&file, 1, 0, 8, 0, 1);
    put_event(&file, 1, 3, 4, 6);
    formats_expect(ops, file.bytes, file.size, events, 2);
}

Test(aedat3, a_reset_of_the_clock_lets_times_go_on)
{
    static const struct snn_camera_event events[] = {{1000, 1, 1, 1}, {1005, 2, 2, 0}};
    struct file file;
    begin(&file);
    put_head(&file, 1, 1, 8, 0, 1);
    put_event(&file, 3, 1, 1, 1000);
    put_head(&file, 0, 1, 8, 0, 2);
    put(&file, 1 | 2 << 1, 4); /* valid, a rising edge */
    put(&file, 1001, 4);
    put(&file, 1 | 1 << 1, 4); /* valid, a reset */
    put(&file, 0x7fffffff, 4);
    put_head(&file, 0, 7, 8, 0, 1); /* a reset of another source */
    put(&file, 1 | 1 << 1, 4);
    put(&file, 0x7fffffff, 4);
    put_head(&file, 1, 1, 8, 0, 1);
    put_event(&file, 1, 2, 2, 5);
    formats_expect(ops, file.bytes, file.size, events, 2);
    const struct formats_run run = {ops, NULL, file.size, 2};
    cr_assert_eq(formats_decode(&run, file.bytes, file.size).info.other_count, 3);
}

Test(aedat3, a_file_cut_anywhere_in_a_packet_is_told_so)
{
    struct file file;
    write_all(&file);
    formats_refuse(ops, file.bytes, file.size - 1, SNN_ERR_FORMAT,
                   "byte 324: a packet is cut off, 1 bytes are missing");
    formats_refuse(ops, file.bytes, HEADER_SIZE + 27, SNN_ERR_FORMAT,
                   "byte 108: the head of a packet is cut off, 28 bytes");
    formats_refuse(ops, file.bytes, HEADER_SIZE + 28 + 24 + 28 + 70, SNN_ERR_FORMAT,
                   "byte 258: a packet is cut off, 2 bytes are missing");
    formats_refuse(ops, file.bytes, 30, SNN_ERR_FORMAT, "byte 28: no line of a header");
}

/* A file whose packet has one byte changed is refused with this. */
static void lie(size_t at, unsigned value, const char *message)
{
    struct file file;
    write_all(&file);
    file.bytes[HEADER_SIZE + at] = (unsigned char)value;
    formats_refuse(ops, file.bytes, file.size, SNN_ERR_FORMAT, message);
}

Test(aedat3, heads_of_packets_that_lie_are_refused)
{
    lie(4, 0, "byte 108: no head of a packet (3 events of 0 bytes)");
    lie(7, 0x80, "byte 108: no head of a packet (3 events of 2147483656 bytes)");
    lie(4, 9, "byte 108: events of 9 bytes with their time at byte 4, 8 and 4 are wanted");
    lie(8, 0, "byte 108: events of 8 bytes with their time at byte 0, 8 and 4 are wanted");
    lie(15, 0x80, "byte 108: no head of a packet");
    lie(19, 0x80, "byte 108: no head of a packet");
    lie(20, 4, "byte 108: a packet of 4 events, 3 of them valid, has room for 3");
    lie(24, 4, "byte 108: a packet of 3 events, 4 of them valid, has room for 3");
    lie(28 + 7, 0x80, "byte 136: an event's time is negative");
}

static void refuse_header(const char *text, int status, const char *message)
{
    formats_refuse(ops, text, strlen(text), status, message);
}

Test(aedat3, headers_that_are_not_read)
{
    refuse_header("#!AER-DAT3.0\r\n", SNN_ERR_UNSUPPORTED,
                  "byte 0: version 3.0 of AEDAT, only 3.1 is read");
    refuse_header("#!AER-DAT3.1\r\n#Format: SerializedTS\r\n", SNN_ERR_UNSUPPORTED,
                  "byte 14: packets in the format 'SerializedTS', only RAW is read");
    refuse_header("#!AER-DAT3.1\r\n#Format: RAW\r\nabc", SNN_ERR_FORMAT,
                  "byte 28: no line of a header, which ends with #!END-HEADER");
}

Test(aedat3, sources_that_are_no_numbers_are_passed_over)
{
    static const char odd[] = "#!AER-DAT3.1\r\n#Source : DVS128\r\n#Source 99999: DVS128\r\n"
                              "#Source 0: File\r\n#!END-HEADER\r\n";
    formats_expect(ops, odd, sizeof(odd) - 1, NULL, 0);
}
