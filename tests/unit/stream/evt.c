/* EVT 2.0, 2.1 and 3.0: words made by hand from the tables of docs/formats/events.md. */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/support.h"

extern const struct snnstream_format_ops snnstream_evt_format;
#define EVT &snnstream_evt_format

TestSuite(evt, .init = support_begin, .fini = support_end);

static unsigned char file[8192];
static size_t file_size;

static void put_header(const char *text)
{
    file_size = strlen(text);
    memcpy(file, text, file_size);
}

/* Words of `bytes` bytes, little-endian. */
static void put_words(size_t bytes, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < bytes; k++)
            file[file_size++] = (unsigned char)(words[i] >> 8 * k);
    }
}

#define WORDS(bytes, ...)                             \
    put_words(bytes, (const uint64_t[]){__VA_ARGS__}, \
              sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define EXPECT(...)                                                                      \
    formats_expect(EVT, file, file_size, (const struct snn_camera_event[]){__VA_ARGS__}, \
                   sizeof((const struct snn_camera_event[]){__VA_ARGS__}) /              \
                       sizeof(struct snn_camera_event))

/* What is told at the end, in windows of an odd size. */
static struct snn_recording_info info_of_file(void)
{
    const struct formats_run run = {EVT, NULL, 13, 5};
    const struct formats_result result = formats_decode(&run, file, file_size);
    cr_assert_eq(result.status, SNN_OK, "%s", snn_context_message(support_context()));
    return result.info;
}

/* ---- EVT 2.0 ---- */

Test(evt, an_event_of_evt_2_has_time_column_row_and_polarity)
{
    put_header("% evt 2.0\n");
    /* High time 1: 64 us. ON, 7 us, (3, 5); OFF, 63 us, (639, 479). */
    WORDS(4, 0x80000001, 0x11c01805, 0x0fd3f9df);
    EXPECT({64 + 7, 3, 5, 1}, {64 + 63, 639, 479, 0});
}

Test(evt, what_is_no_event_of_a_pixel_is_counted_once)
{
    put_header("% evt 2.0\n");
    /* A trigger; others with two words more; an event; a type that is reserved. */
    WORDS(4, 0x80000000, 0xa0000101, 0xe0000014, 0xf0000001, 0xf0000002, 0x10000000, 0x50000000);
    EXPECT({0, 0, 0, 1});
    cr_assert_eq(info_of_file().other_count, 3u);
}

Test(evt, events_before_the_first_time_are_invalid)
{
    put_header("% evt 2.0\n");
    WORDS(4, 0x10000000, 0x00000000, 0x80000002, 0x10000000);
    EXPECT({128, 0, 0, 1});
    cr_assert_eq(info_of_file().invalid_count, 2u);
}

Test(evt, times_of_evt_2_go_round_after_34_bits)
{
    put_header("% evt 2.0\n");
    WORDS(4, 0x8fffffff, 0x1fc00000, 0x80000000, 0x10000000, 0x87ffffff, 0x8ffffffe, 0x80000000,
          0x10000000);
    EXPECT({(1ull << 34) - 1, 0, 0, 1}, {1ull << 34, 0, 0, 1}, {1ull << 35, 0, 0, 1});
}

Test(evt, a_high_time_that_steps_back_as_cameras_do_is_late)
{
    /* By 1563 times 64 us, which the low part may make 100 ms of, and not by one more. */
    put_header("% evt 2.0\n");
    WORDS(4, 0x8000061f, 0x10000000, 0x80000004, 0x10000000, 0x80000620, 0x80000004, 0x10000000);
    EXPECT({0x61f * 64, 0, 0, 1}, {4 * 64, 0, 0, 1}, {(1ull << 34) + 4 * 64, 0, 0, 1});
    /* Across the end of the range too. */
    put_header("% evt 2.0\n");
    WORDS(4, 0x8fffffff, 0x80000000, 0x10000000, 0x8ffffffe, 0x10000000, 0x80000000, 0x10000000);
    EXPECT({1ull << 34, 0, 0, 1}, {(1ull << 34) - 128, 0, 0, 1}, {1ull << 34, 0, 0, 1});
}

/* ---- EVT 2.1 ---- */

Test(evt, a_vector_of_evt_2_1_is_an_event_for_each_bit)
{
    put_header("% evt 2.1\n");
    /* High time 1. ON, 2 us, from (32, 7) on: bits 0 and 31. OFF, 3 us, from (0, 8) on: bit 4. */
    WORDS(8, 0x8000000100000000, 0x1081000780000001, 0x00c0000800000010);
    EXPECT({66, 32, 7, 1}, {66, 63, 7, 1}, {67, 4, 8, 0});
}

Test(evt, halves_of_evt_2_1_may_change_places)
{
    /* As cameras of the IMX636 send them, said by the header and seen by the first word. */
    static const uint64_t halves[] = {0x80000001, 0, 0x10810007, 0x80000001};
    static const char *const headers[] = {"% format EVT21;endianness=legacy\n",
                                          "% evt 2.1\n% endianness legacy\n", "% evt 2.1\n"};
    for (size_t i = 0; i < 3; i++) {
        put_header(headers[i]);
        put_words(4, halves, 4);
        EXPECT({66, 32, 7, 1}, {66, 63, 7, 1});
    }
}

Test(evt, words_may_be_big_endian)
{
    static const unsigned char big21[] = {0x80, 0, 0, 1, 0, 0, 0, 0, 0x10, 0x81, 0, 7, 0, 0, 0, 2};
    static const unsigned char big2[] = {0x80, 0, 0, 1, 0x11, 0xc0, 0x18, 0x05};
    static const unsigned char big3[] = {0x80, 1, 0x60, 5, 0, 7, 0x28, 3};
    put_header("% format EVT21;endianness=big\n");
    memcpy(file + file_size, big21, sizeof(big21));
    file_size += sizeof(big21);
    EXPECT({66, 33, 7, 1});
    put_header("% evt 2.0\n% endianness big\n");
    memcpy(file + file_size, big2, sizeof(big2));
    file_size += sizeof(big2);
    EXPECT({71, 3, 5, 1});
    put_header("% format EVT3;endianness=big\n");
    memcpy(file + file_size, big3, sizeof(big3));
    file_size += sizeof(big3);
    EXPECT({4101, 3, 7, 1});
}

Test(evt, triggers_and_others_of_evt_2_1_are_counted)
{
    put_header("% evt 2.1\n");
    WORDS(8, 0x8000000000000000, 0xa000010000000000, 0xe000001400000005, 0x1000000000000001);
    EXPECT({0, 0, 0, 1});
    cr_assert_eq(info_of_file().other_count, 2u);
}

/* ---- EVT 3.0 ---- */

Test(evt, words_of_evt_3_change_what_the_next_ones_mean)
{
    put_header("% evt 3.0\n");
    /* High 1, low 5, row 7: ON at 3, OFF at 2047; row 8 of another camera, low 6: ON at 0. */
    WORDS(2, 0x8001, 0x6005, 0x0007, 0x2803, 0x27ff, 0x0808, 0x6006, 0x2800);
    EXPECT({4101, 3, 7, 1}, {4101, 2047, 7, 0}, {4102, 0, 8, 1});
}

Test(evt, vectors_of_evt_3_move_their_base)
{
    put_header("% evt 3.0\n");
    /* From 10 on, OFF: bits 0 and 11 of 12; a single ON at 100, which moves nothing; bits 0 and 7
     * of 8, above which the others mean nothing; bit 0 of 12; an empty one; bit 1. */
    WORDS(2, 0x8000, 0x6000, 0x0001, 0x300a, 0x4801, 0x2864, 0x5f81, 0x4001, 0x4000, 0x5002);
    EXPECT({0, 10, 1, 0}, {0, 21, 1, 0}, {0, 100, 1, 1}, {0, 22, 1, 0}, {0, 29, 1, 0},
           {0, 30, 1, 0}, {0, 55, 1, 0});
}

Test(evt, vectors_that_leave_the_addresses_are_invalid)
{
    put_header("% evt 3.0\n");
    WORDS(2, 0x8000, 0x3ffa, 0x4fff, 0x4fff);
    EXPECT({0, 2042, 0, 1}, {0, 2043, 0, 1}, {0, 2044, 0, 1}, {0, 2045, 0, 1}, {0, 2046, 0, 1},
           {0, 2047, 0, 1});
    cr_assert_eq(info_of_file().invalid_count, 18u);
}

Test(evt, a_low_time_that_steps_back_is_no_overflow)
{
    put_header("% evt 3.0\n");
    WORDS(2, 0x8001, 0x6005, 0x2800, 0x6003, 0x2800, 0x6006, 0x2800);
    EXPECT({4101, 0, 0, 1}, {4099, 0, 0, 1}, {4102, 0, 0, 1});
}

Test(evt, a_new_high_time_begins_with_a_low_one_of_0)
{
    put_header("% evt 3.0\n");
    /* And the same high time again leaves the low one as it was. */
    WORDS(2, 0x8001, 0x6fff, 0x2800, 0x8001, 0x2800, 0x8002, 0x2800);
    EXPECT({8191, 0, 0, 1}, {8191, 0, 0, 1}, {8192, 0, 0, 1});
}

Test(evt, times_of_evt_3_go_round_after_24_bits)
{
    put_header("% evt 3.0\n");
    WORDS(2, 0x8fff, 0x6fff, 0x2800, 0x8000, 0x6001, 0x2800, 0x87ff, 0x8ffe, 0x8000, 0x2800);
    EXPECT({(1u << 24) - 1, 0, 0, 1}, {(1u << 24) + 1, 0, 0, 1}, {1u << 25, 0, 0, 1});
}

Test(evt, a_pause_of_evt_3_may_take_almost_a_whole_round)
{
    put_header("% evt 3.0\n");
    /* 26.2 s, as OpenEB reads it; then back by 25 times 4096 us, and on by 4071 times as much. */
    WORDS(2, 0x8fa0, 0x2800, 0x8064, 0x2800, 0x88fc, 0x2800, 0x88e3, 0x2800, 0x88c9, 0x2800);
    EXPECT({4000u << 12, 0, 0, 1}, {(4096u + 100) << 12, 0, 0, 1}, {(4096u + 2300) << 12, 0, 0, 1},
           {(4096u + 2275) << 12, 0, 0, 1}, {(2 * 4096u + 2249) << 12, 0, 0, 1});
}

Test(evt, rows_of_measurements_of_light_hold_no_events)
{
    put_header("% evt 3.0\n");
    /* Behind row 4 of light a column, a vector of two, over a new time too; then changes. */
    WORDS(2, 0x8000, 0x0003, 0x2801, 0x1004, 0x2802, 0x3805, 0x4003, 0x8001, 0x2803, 0x0005, 0x2804,
          0x4001, 0x1004, 0x2805);
    EXPECT({0, 1, 3, 1}, {4096, 4, 5, 1}, {4096, 17, 5, 1});
    const struct snn_recording_info info = info_of_file();
    cr_assert(info.other_count == 5 && info.invalid_count == 0);
    /* Nor is there one behind it as long as there is no time. */
    put_header("% evt 3.0\n");
    WORDS(2, 0x1004, 0x2801, 0x0005, 0x2802, 0x8000, 0x2803);
    EXPECT({0, 3, 5, 1});
    cr_assert(info_of_file().other_count == 1 && info_of_file().invalid_count == 1);
}

Test(evt, triggers_and_others_of_evt_3_are_counted_once)
{
    put_header("% evt 3.0\n");
    /* A trigger; others with three words more; what is reserved. */
    WORDS(2, 0x8000, 0xa101, 0xe016, 0xf123, 0xf456, 0x7008, 0xc000, 0x2800);
    EXPECT({0, 0, 0, 1});
    cr_assert_eq(info_of_file().other_count, 3u);
}

/* ---- Headers ---- */

static void expect_sensor(const char *header, const char *format, uint32_t width, uint32_t height)
{
    put_header(header);
    const struct snn_recording_info info = info_of_file();
    cr_assert_str_eq(info.format, format, "%s", header);
    cr_assert(info.width == width && info.height == height, "%s: %ux%u", header, info.width,
              info.height);
}

Test(evt, headers_tell_encoding_and_sensor)
{
    expect_sensor("% format EVT3;height=720;width=1280\n% end\n", "EVT 3.0 (.raw)", 1280, 720);
    expect_sensor("% evt 2.0\n% geometry 640x480\n", "EVT 2.0 (.raw)", 640, 480);
    expect_sensor("% Date 2020\r\n% evt 2.1\r\n% width 320\r\n% height 240\r\n% end\r\n",
                  "EVT 2.1 (.raw)", 320, 240);
    expect_sensor("% evt 3.0\n% format EVT3\n", "EVT 3.0 (.raw)", 0, 0);
    /* One side alone is no size. */
    expect_sensor("% format EVT2;width=640\n", "EVT 2.0 (.raw)", 0, 0);
}

Test(evt, a_system_id_tells_what_old_headers_do_not)
{
    expect_sensor("% system_ID 21\n", "EVT 2.0 (.raw)", 640, 480);
    expect_sensor("% system_ID 49\n", "EVT 3.0 (.raw)", 1280, 720);
    expect_sensor("% evt 3.0\n% system_ID 21\n", "EVT 3.0 (.raw)", 640, 480);
    expect_sensor("% evt 2.0\n% system_ID 21\n% geometry 304x240\n", "EVT 2.0 (.raw)", 304, 240);
    expect_sensor("% evt 2.0\n% system_ID 9999\n", "EVT 2.0 (.raw)", 0, 0);
}

Test(evt, the_header_ends_with_its_last_line)
{
    /* Words that look like text lie behind "% end" only. */
    put_header("% evt 2.0\n% end\n");
    WORDS(4, 0x80202025, 0x10000000);
    EXPECT({0x202025ull << 6, 0, 0, 1});
    /* Else what begins like a line but is none of text is data. */
    put_header("% evt 2.0\n");
    WORDS(4, 0x80012025, 0x10000000);
    EXPECT({0x12025ull << 6, 0, 0, 1});
}

static void refuse(const char *header, int status, const char *message)
{
    put_header(header);
    formats_refuse(EVT, file, file_size, status, message);
}

Test(evt, headers_that_make_no_sense_are_refused)
{
    refuse("% format HISTO3D;height=720\n", SNN_ERR_UNSUPPORTED,
           "byte 0: events are encoded as 'HISTO3D'");
    refuse("% evt 4.0\n", SNN_ERR_UNSUPPORTED, "byte 0: events are encoded as '4.0'");
    refuse("% evt 2.0\n% format EVT3\n", SNN_ERR_FORMAT,
           "byte 10: events are encoded as 'EVT3', which was EVT2 before");
    refuse("% serial_number 1\n", SNN_ERR_FORMAT,
           "byte 18: the header does not say how events are encoded");
    refuse("% geometry 1280\n", SNN_ERR_FORMAT, "byte 0: '' is no side of a sensor (1 to 65535)");
    refuse("% geometry 0x720\n", SNN_ERR_FORMAT, "byte 0: '0' is no side of a sensor");
    refuse("% evt 2.0\n% width 99999\n", SNN_ERR_FORMAT, "byte 10: '99999' is no side");
    refuse("% width 640\n% format EVT2;width=1280\n", SNN_ERR_FORMAT,
           "byte 12: a sensor with a side of 1280 pixels, which was 640 before");
    refuse("% format EVT21;endianness=middle\n", SNN_ERR_UNSUPPORTED,
           "byte 0: endianness 'middle' is none of little, big, legacy");
}

Test(evt, a_line_without_end_is_refused)
{
    memset(file, 'x', sizeof(file));
    memcpy(file, "% evt 2.0\n% ", 12);
    formats_refuse(EVT, file, sizeof(file), SNN_ERR_FORMAT,
                   "byte 10: a line of the header exceeds 4096 bytes");
}

Test(evt, a_word_that_is_cut_off_is_refused_behind_the_events_before_it)
{
    put_header("% evt 2.1\n");
    WORDS(8, 0x8000000000000000, 0x1000000000000001);
    formats_refuse(EVT, file, file_size - 1, SNN_ERR_FORMAT,
                   "byte 18: a word of 8 bytes is cut off");
    const struct formats_run run = {EVT, NULL, file_size, 16};
    WORDS(1, 0x10);
    const struct formats_result result = formats_decode(&run, file, file_size);
    cr_assert_eq(result.status, SNN_ERR_FORMAT);
    cr_assert_eq(result.count, 1u);
}

Test(evt, only_files_that_begin_with_lines_are_evt)
{
    const unsigned char *text = (const unsigned char *)"% evt 3.0\n";
    cr_assert_gt(snnstream_evt_format.probe(text, 10, 10), 90);
    cr_assert_gt(snnstream_evt_format.probe((const unsigned char *)"% end\n", 6, 6), 90);
    /* Something of Prophesee's, of which more will be said when it is read. */
    const int guess = snnstream_evt_format.probe((const unsigned char *)"% a b\n", 6, 6);
    cr_assert(guess > 0 && guess < 50);
    cr_assert_eq(snnstream_evt_format.probe((const unsigned char *)"%evt 3.0\n", 9, 9), 0);
    cr_assert_eq(snnstream_evt_format.probe(text + 2, 8, 8), 0);
    cr_assert_eq(snnstream_evt_format.probe(text, 0, 0), 0);
}
