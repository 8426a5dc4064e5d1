/* AEDAT 1 and 2: addresses written by hand from the tables of the specification.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/stream/aedat.h"
#include "snn/status.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/support.h"

TestSuite(aedat2, .init = support_begin, .fini = support_end);

extern const struct snnstream_format_ops snnstream_aedat2_format;

static const struct snnstream_format_ops *const ops = &snnstream_aedat2_format;

enum { FILE_MAX = 4096 };

/* Text, then bytes; their size. */
static size_t join(unsigned char out[FILE_MAX], const char *header, const void *data, size_t size)
{
    const size_t text = strlen(header);
    cr_assert_leq(text + size, (size_t)FILE_MAX);
    memcpy(out, header, text);
    memcpy(out + text, data, size);
    return text + size;
}

static const char dvs128[] = "#!AER-DAT2.0\r\n"
                             "# This is a raw AE data file - do not edit\r\n"
                             "# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n";
static const char davis[] = "#!AER-DAT2.0\r\n"
                            "# HardwareInterface: none\r\n"
                            "# AEChip: eu.seebetter.ini.chips.davis.DAViS240C\r\n"
                            "#End Of ASCII Header\r\n";

/* y 3 at bit 8, x 5 at bit 1, ON at bit 0: 0x0300 | 0x000a | 1 = 0x030b; y 127, x 127, OFF: 0x7ffe;
 * an external event: bit 15. */
static const unsigned char dvs128_data[] = {
    0, 0, 0x03, 0x0b, 0, 0, 0, 9,  /* 9 us */
    0, 0, 0x80, 0x00, 0, 0, 0, 10, /* external */
    0, 0, 0x7f, 0xfe, 0, 0, 1, 0,  /* 256 us */
    0, 0, 0x00, 0x00, 0, 1, 0, 0,  /* 65536 us */
};
static const struct snn_camera_event dvs128_events[] = {
    {9, 5, 3, 1}, {256, 127, 127, 0}, {65536, 0, 0, 0}};

Test(aedat2, addresses_of_the_dvs128)
{
    unsigned char file[FILE_MAX];
    size_t size = join(file, dvs128, dvs128_data, sizeof(dvs128_data));
    formats_expect(ops, file, size, dvs128_events, 3);
    const struct formats_run run = {ops, NULL, size, 8};
    const struct formats_result result = formats_decode(&run, file, size);
    cr_assert_eq(result.info.other_count, 1);
    cr_assert_eq(result.info.width, 128);
    cr_assert_eq(result.info.height, 128);
    cr_assert_str_eq(result.info.format, "AEDAT 2");
}

Test(aedat2, without_a_chip_addresses_are_those_of_the_dvs128)
{
    unsigned char file[FILE_MAX];
    size_t size = join(file, "#!AER-DAT2.0\r\n", dvs128_data, sizeof(dvs128_data));
    formats_expect(ops, file, size, dvs128_events, 3);
}

/* y at bit 22, x at 12, ON at 11: y 179, x 239, ON: 179 << 22 | 239 << 12 | 1 << 11 = 0x2ccef800.
 */
static const unsigned char davis_data[] = {
    0x2c, 0xce, 0xf8, 0x00, 0, 0, 0, 1, /* 1 us */
    0xac, 0xce, 0xf8, 0x55, 0, 0, 0, 1, /* bit 31: a frame's pixel */
    0x2c, 0xce, 0xf4, 0x00, 0, 0, 0, 2, /* bit 10: external */
    0x80, 0x00, 0x0c, 0x00, 0, 0, 0, 3, /* motion */
    0x00, 0x40, 0x10, 0x00, 0, 0, 0, 4, /* y 1, x 1, OFF */
};

Test(aedat2, addresses_of_the_davis_family)
{
    static const struct snn_camera_event events[] = {{1, 239, 179, 1}, {4, 1, 1, 0}};
    unsigned char file[FILE_MAX];
    size_t size = join(file, davis, davis_data, sizeof(davis_data));
    formats_expect(ops, file, size, events, 2);
    const struct formats_run run = {ops, NULL, size, 8};
    const struct formats_result result = formats_decode(&run, file, size);
    cr_assert_eq(result.info.other_count, 3);
    cr_assert_eq(result.info.width, 240);
    cr_assert_eq(result.info.height, 180);
}

Test(aedat2, a_camera_named_davis_has_their_addresses_where_no_chip_is_named)
{
    static const struct snn_camera_event events[] = {{1, 239, 179, 1}, {4, 1, 1, 0}};
    unsigned char file[FILE_MAX];
    size_t size = join(file, "#!AER-DAT2.0\r\n# HardwareInterface: DAVIS FX3 0002-INI\r\n",
                       davis_data, sizeof(davis_data));
    formats_expect(ops, file, size, events, 2);
}

Test(aedat2, version_1_has_addresses_of_16_bits)
{
    static const unsigned char data[] = {0x03, 0x0b, 0,  0,    0,    9, 0x80, 0x00, 0,
                                         0,    0,    10, 0x7f, 0xfe, 0, 0,    1,    0};
    unsigned char file[FILE_MAX];
    size_t size = join(file, "#!AER-DAT1.0\r\n# created\r\n", data, sizeof(data));
    formats_expect(ops, file, size, dvs128_events, 2);
    const struct formats_run run = {ops, NULL, size, 8};
    cr_assert_str_eq(formats_decode(&run, file, size).info.format, "AEDAT 1");
}

Test(aedat2, the_clock_begins_anew_behind_32_bits)
{
    static const unsigned char data[] = {
        0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, /* the largest signed one */
        0, 0, 0, 0, 0x80, 0x00, 0x00, 0x00, /* 1 us later */
        0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* the largest */
        0, 0, 0, 0, 0x00, 0x00, 0x00, 0x02, /* 3 us later */
        0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe, /* 4 us earlier: late, not another wrap */
        0, 0, 0, 0, 0x00, 0x00, 0x00, 0x03,
        0, 0, 0, 0, 0xf0, 0x00, 0x00, 0x00, /* a pause of more than half a round */
    };
    static const struct snn_camera_event events[] = {{0x7fffffff, 0, 0, 0}, {0x80000000, 0, 0, 0},
                                                     {0xffffffff, 0, 0, 0}, {0x100000002, 0, 0, 0},
                                                     {0xfffffffe, 0, 0, 0}, {0x100000003, 0, 0, 0},
                                                     {0x1f0000000, 0, 0, 0}};
    unsigned char file[FILE_MAX];
    size_t size = join(file, dvs128, data, sizeof(data));
    formats_expect(ops, file, size, events, 7);
}

/* 0x23 is #: an address may begin with it. */
Test(aedat2, data_may_begin_as_a_line_does)
{
    static const unsigned char data[] = {0x23, 0x40, 0x10, 0x00, 0, 0, 0, 1,
                                         0x23, 0x41, 0x20, 0x00, 0, 0, 0, 10};
    /* 0x23401000: y = 0x23401000 >> 22 = 141, x = 1; 0x23412000: y 141, x = 0x12 */
    static const struct snn_camera_event events[] = {{1, 1, 141, 0}, {10, 0x12, 141, 0}};
    unsigned char file[FILE_MAX];
    size_t size = join(file, davis, data, sizeof(data));
    formats_expect(ops, file, size, events, 2);
    size = join(file, "#!AER-DAT2.0\r\n# AEChip: x.davis.Davis346B\r\n", data, sizeof(data));
    formats_expect(ops, file, size, events, 2);
}

Test(aedat2, a_header_alone_is_a_recording_without_events)
{
    formats_expect(ops, dvs128, sizeof(dvs128) - 1, NULL, 0);
}

Test(aedat2, what_is_refused)
{
    unsigned char file[FILE_MAX];
    size_t size = join(file, dvs128, dvs128_data, sizeof(dvs128_data));
    formats_refuse(ops, file, size - 1, SNN_ERR_FORMAT, "byte 130: an event of 8 bytes is cut off");
    static const char cochlea[] = "#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.CochleaAMS1c\r\n";
    formats_refuse(ops, cochlea, sizeof(cochlea) - 1, SNN_ERR_UNSUPPORTED,
                   "byte 14: addresses of the chip 'ch.unizh.ini.CochleaAMS1c' are not known");
}

static int probe(const char *head)
{
    return ops->probe((const unsigned char *)head, strlen(head), 0);
}

Test(aedat2, is_known_by_its_first_line)
{
    cr_assert_eq(probe("#!AER-DAT2.0\r\n"), 100);
    cr_assert_eq(probe("#!AER-DAT1.0\r\n"), 100);
    cr_assert_eq(probe("# This is a raw AE data file - do not edit\r\n"), 90);
    cr_assert_eq(probe("#!AER-DAT3.1\r\n"), 0);
    cr_assert_eq(probe("#!AER-DAT"), 0);
    cr_assert_eq(probe("# t,x,y,p\n1,2,3,1\n"), 0);
    cr_assert_eq(probe(""), 0);
}

Test(aedat2, sensors_by_their_names)
{
    static const struct {
        const char *name;
        uint32_t width, height;
    } cases[] = {{"DAVIS346B", 346, 260},
                 {"eu.davis.Davis640", 640, 480},
                 {"DAViS208PixelParade", 208, 192},
                 {"DVS128", 128, 128},
                 {"DAVIS", 0, 0},
                 {"", 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct snnstream_aedat_line name = {cases[i].name, strlen(cases[i].name)};
        uint32_t width = 1, height = 1;
        snnstream_aedat_sensor(&name, &width, &height);
        cr_expect_eq(width, cases[i].width, "%s", cases[i].name);
        cr_expect_eq(height, cases[i].height, "%s", cases[i].name);
    }
}
