/* DAT files: bytes made by hand from the tables of docs/formats/events.md. */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/support.h"

extern const struct snnstream_format_ops snnstream_dat_format;
#define DAT &snnstream_dat_format

TestSuite(dat, .init = support_begin, .fini = support_end);

static unsigned char file[8192];
static size_t file_size;

static void put(const char *header, const void *data, size_t size)
{
    file_size = strlen(header);
    memcpy(file, header, file_size);
    memcpy(file + file_size, data, size);
    file_size += size;
}

static int probe(void)
{
    return snnstream_dat_format.probe(file, file_size, file_size);
}

/* ON at (639, 479), 0x01020304 us: 639 | 479 << 14 | 1 << 28 is 0x1077c27f. OFF at (1, 2) one us
 * later: 1 | 2 << 14 is 0x8001. */
static const unsigned char two[] = {12,   8, 4, 3, 2, 1,    0x7f, 0xc2, 0x77,
                                    0x10, 5, 3, 2, 1, 0x01, 0x80, 0,    0};
static const struct snn_camera_event two_events[] = {{0x01020304, 639, 479, 1},
                                                     {0x01020305, 1, 2, 0}};

Test(dat, version_2_has_fourteen_bits_a_side)
{
    put("% Data file containing CD events\n% Version 2\n% Width 640\n% Height 480\n", two,
        sizeof(two));
    formats_expect(DAT, file, file_size, two_events, 2);
    const struct formats_run run = {DAT, NULL, 7, 3};
    const struct formats_result result = formats_decode(&run, file, file_size);
    cr_assert_str_eq(result.info.format, "DAT 2 (.dat)");
    cr_assert(result.info.width == 640 && result.info.height == 480);
    cr_assert_gt(probe(), 95);
}

Test(dat, version_1_has_nine_and_eight)
{
    /* ON at (303, 239), 7 us: 303 | 239 << 9 | 1 << 17 is 0x3df2f. */
    static const unsigned char one[] = {0, 8, 7, 0, 0, 0, 0x2f, 0xdf, 3, 0};
    static const struct snn_camera_event expected[] = {{7, 303, 239, 1}};
    put("% Data file containing TD events.\n% Version 1\n", one, sizeof(one));
    formats_expect(DAT, file, file_size, expected, 1);
    /* And so has a file that says none. */
    put("% Date 2014\n", one, sizeof(one));
    formats_expect(DAT, file, file_size, expected, 1);
    const struct formats_run run = {DAT, NULL, 7, 3};
    cr_assert_str_eq(formats_decode(&run, file, file_size).info.format, "DAT 1 (.dat)");
    cr_assert_gt(probe(), 50);
}

Test(dat, times_go_round_after_32_bits)
{
    /* The third is late, and that across the end of the range; the last is farther back than any
     * camera's jitter, and so ahead by almost a whole round. */
    static const uint32_t times[] = {0xffffffff, 3, 0xfffffffe, 0x7ffffffd,
                                     0xfffffff0, 0, 200000,     99999};
    static const struct snn_camera_event expected[] = {
        {0xffffffff, 0, 0, 0},  {0x100000003, 0, 0, 0}, {0xfffffffe, 0, 0, 0},
        {0x17ffffffd, 0, 0, 0}, {0x1fffffff0, 0, 0, 0}, {0x200000000, 0, 0, 0},
        {0x200030d40, 0, 0, 0}, {0x30001869f, 0, 0, 0}};
    unsigned char data[2 + 8 * 8] = {12, 8};
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < 4; k++)
            data[2 + 8 * i + k] = (unsigned char)(times[i] >> 8 * k);
    }
    put("% Version 2\n", data, sizeof(data));
    formats_expect(DAT, file, file_size, expected, 8);
}

Test(dat, a_header_alone_has_no_events)
{
    put("% Version 2\n", two, 2);
    formats_expect(DAT, file, file_size, two_events, 0);
}

static void refuse(const char *header, const void *data, size_t size, int status,
                   const char *message)
{
    put(header, data, size);
    formats_refuse(DAT, file, file_size, status, message);
}

Test(dat, files_that_are_wrong_are_refused)
{
    refuse("% Version 3\n", two, 10, SNN_ERR_UNSUPPORTED, "byte 0: DAT version '3'; 1 and 2");
    refuse("% Version 2\n", "\x0e\x08", 2, SNN_ERR_UNSUPPORTED,
           "byte 12: events are external triggers");
    refuse("% Version 2\n", "\x0c\x10", 2, SNN_ERR_UNSUPPORTED,
           "byte 12: events of type 12 with 16 bytes; 0 or 12 with 8 are read");
    refuse("% Version 2\n", "\x0c", 1, SNN_ERR_FORMAT,
           "byte 12: the type and size of events are cut off");
    refuse("% Version 2\n", "", 0, SNN_ERR_FORMAT,
           "byte 12: the type and size of events are cut off");
    refuse("% Version 2\n", two, 17, SNN_ERR_FORMAT, "byte 22: an event of 8 bytes is cut off");
    refuse("% Width 640\n% Width 320\n", two, 10, SNN_ERR_FORMAT,
           "byte 12: a sensor with a side of 320 pixels, which was 640 before");
}

Test(dat, raw_files_are_not_dat)
{
    put("% evt 2.0\n", "\1\2\3\x80", 4);
    cr_assert_eq(probe(), 0);
    put("", two, sizeof(two));
    cr_assert_eq(probe(), 0);
}
