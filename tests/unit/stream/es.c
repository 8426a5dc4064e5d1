/* Event Stream files: bytes made by hand from the tables of docs/formats/events.md. */
#include <criterion/criterion.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/support.h"

extern const struct snnstream_format_ops snnstream_es_format;
#define ES &snnstream_es_format

TestSuite(es, .init = support_begin, .fini = support_end);

/* Of 320x240 pixels. */
#define HEAD_2(kind) "Event Stream\2\0\0" kind "\x40\1\xf0\0"
#define HEAD_1(kind) "Event Stream\1\0" kind

/* A string of bytes, whose terminator is none of them. */
#define FILE_OF(text) (text), sizeof(text) - 1

static struct formats_result decode(const char *bytes, size_t size)
{
    const struct formats_run run = {ES, NULL, 7, 3};
    const struct formats_result result = formats_decode(&run, bytes, size);
    cr_assert_eq(result.status, SNN_OK, "%s", snn_context_message(support_context()));
    return result;
}

Test(es, dvs_events_of_version_2_have_their_time_since_the_last)
{
    /* 3 us later ON at (319, 239); 126 us later OFF at (0, 1). */
    static const char file[] = HEAD_2("\1") "\7\x3f\1\xef\0\xfc\0\0\1\0";
    static const struct snn_camera_event expected[] = {{3, 319, 239, 1}, {129, 0, 1, 0}};
    formats_expect(ES, FILE_OF(file), expected, 2);
    const struct snn_recording_info info = decode(FILE_OF(file)).info;
    cr_assert_str_eq(info.format, "Event Stream 2, DVS (.es)");
    cr_assert(info.width == 320 && info.height == 240);
}

Test(es, overflows_add_time_and_resets_do_not)
{
    /* Two overflows, five resets, 1 us: 2 x 127 + 1. */
    static const char file[] = HEAD_2("\1") "\xff\xff\xfe\xfe\xfe\xfe\xfe\2\1\0\2\0";
    static const struct snn_camera_event expected[] = {{255, 1, 2, 0}};
    formats_expect(ES, FILE_OF(file), expected, 1);
}

Test(es, atis_events_of_version_2_leave_threshold_crossings_out)
{
    /* An overflow of 3 x 63 us and a reset; 2 us, ON at (1, 2); 1 us, a crossing; 61 us, OFF. */
    static const char file[] = HEAD_2("\2") "\xff\xfc\x0a\1\0\2\0\5\3\0\4\0\xf4\5\0\6\0";
    static const struct snn_camera_event expected[] = {{191, 1, 2, 1}, {253, 5, 6, 0}};
    formats_expect(ES, FILE_OF(file), expected, 2);
    const struct snn_recording_info info = decode(FILE_OF(file)).info;
    cr_assert_eq(info.other_count, 1u);
    cr_assert_str_eq(info.format, "Event Stream 2, ATIS (.es)");
}

Test(es, events_of_version_1_are_three_bytes)
{
    /* DVS: an overflow of 15 x 15 us and three resets; 14 us, ON at (1023, 511): all ones but the
     * lowest; 0 us, OFF at (5, 6): 5 << 4 | 6 << 14 is 0x18050. */
    static const char dvs[] = HEAD_1("\0") "\xff\x0f\x0f\x0f\xfe\xff\xff\x50\x80\1";
    static const struct snn_camera_event two[] = {{239, 1023, 511, 1}, {239, 5, 6, 0}};
    formats_expect(ES, FILE_OF(dvs), two, 2);
    cr_assert_str_eq(decode(FILE_OF(dvs)).info.format, "Event Stream 1, DVS (.es)");
    /* ATIS: an overflow of 2 x 31 us and a reset; 1 us, ON at (303, 239): 1 | 303 << 5 | 239 << 14
     * | 1 << 23 is 0xbbe5e1; 1 us, a crossing. */
    static const char atis[] = HEAD_1("\1") "\x5f\x1f\xe1\xe5\xbb\1\0\x40";
    static const struct snn_camera_event one[] = {{63, 303, 239, 1}};
    formats_expect(ES, FILE_OF(atis), one, 1);
    cr_assert_eq(decode(FILE_OF(atis)).info.other_count, 1u);
}

static void refuse(const char *bytes, size_t size, int status, const char *message)
{
    formats_refuse(ES, bytes, size, status, message);
}

Test(es, streams_without_pixels_are_refused_by_name)
{
    refuse(FILE_OF(HEAD_2("\0")), SNN_ERR_UNSUPPORTED,
           "byte 15: an Event Stream of generic events");
    refuse(FILE_OF(HEAD_2("\3")), SNN_ERR_UNSUPPORTED,
           "byte 15: an Event Stream of events for an asynchronous display");
    refuse(FILE_OF(HEAD_2("\4")), SNN_ERR_UNSUPPORTED, "byte 15: an Event Stream of colour events");
    refuse(FILE_OF(HEAD_2("\5")), SNN_ERR_UNSUPPORTED,
           "byte 15: an Event Stream of a kind that is not known");
    refuse(FILE_OF(HEAD_1("\2")), SNN_ERR_UNSUPPORTED,
           "byte 14: an Event Stream of events for an asynchronous display");
    refuse(FILE_OF(HEAD_1("\3")), SNN_ERR_UNSUPPORTED, "byte 14: an Event Stream of colour events");
    refuse(FILE_OF(HEAD_1("\4")), SNN_ERR_UNSUPPORTED,
           "byte 14: an Event Stream of generic events");
    refuse(FILE_OF(HEAD_1("\5")), SNN_ERR_UNSUPPORTED,
           "byte 14: an Event Stream of a kind that is not known");
    refuse(FILE_OF("Event Stream\3\0\0\1\1\0\1\0"), SNN_ERR_UNSUPPORTED,
           "byte 12: an Event Stream of a version that is not known");
}

Test(es, what_is_cut_off_is_refused)
{
    refuse(FILE_OF("Event Stream\2\0\0\1\x40\1\xf0"), SNN_ERR_FORMAT,
           "byte 19: the header is cut off");
    refuse(FILE_OF("Event Stream\1\0"), SNN_ERR_FORMAT, "byte 14: the header is cut off");
    refuse(FILE_OF(HEAD_2("\1") "\2\1\0\2\0\2\1\0\2"), SNN_ERR_FORMAT,
           "byte 25: an event of 5 bytes is cut off");
    refuse(FILE_OF(HEAD_1("\0") "\xff\1\2"), SNN_ERR_FORMAT,
           "byte 16: an event of 3 bytes is cut off");
    refuse(FILE_OF("Event Stream\2\0\0\1\x40\1\0\0"), SNN_ERR_FORMAT,
           "byte 16: a sensor of 320x0 (width x height)");
}

Test(es, files_are_known_by_their_first_words)
{
    cr_assert_eq(snnstream_es_format.probe((const unsigned char *)"Event Stream\2", 13, 13), 100);
    cr_assert_eq(snnstream_es_format.probe((const unsigned char *)"Event Strean\2", 13, 13), 0);
    cr_assert_eq(snnstream_es_format.probe((const unsigned char *)"Event", 5, 5), 0);
}
