/* Tables of events: columns by name, by order and by what they hold; NPY and CSV, in windows of any
 * size.
 */
#include "libsnn/stream/table.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/stream/formats.h"
#include "tests/unit/stream/support.h"

TestSuite(table, .init = support_begin, .fini = support_end);

extern const struct snnstream_format_ops snnstream_csv_format;
extern const struct snnstream_format_ops snnstream_npy_format;

static const struct snn_camera_event three[] = {{5, 1, 2, 1}, {90, 300, 4, 0}, {90, 0, 0, 1}};
enum { THREE = 3, BIG = 1 << 20 };

/* ---- Columns ---- */

Test(table, columns_have_the_names_that_people_use)
{
    static const struct {
        const char *name;
        int role;
        double unit;
    } names[] = {{"t", 0, 0.0},       {"ts", 0, 0.0},       {"Timestamp", 0, 0.0},
                 {"time", 0, 0.0},    {"t_us", 0, 1.0},     {"timestamp [ns]", 0, 1e-3},
                 {" t (ms)", 0, 1e3}, {"time_s", 0, 1e6},   {"t [\xc2\xb5s]", 0, 1.0},
                 {"x", 1, 0.0},       {" Y ", 2, 0.0},      {"p", 3, 0.0},
                 {"\"pol\"", 3, 0.0}, {"polarity", 3, 0.0}, {"class_id", -1, 0.0},
                 {"", -1, 0.0},       {"yaw", -1, 0.0}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct snnstream_layout layout = snnstream_layout_none();
        double unit = 0.0;
        snnstream_layout_name(&layout, 7, names[i].name, strlen(names[i].name), &unit);
        for (int role = 0; role < SNNSTREAM_ROLE_COUNT; role++)
            cr_assert_eq(layout.column[role], role == names[i].role ? 7 : -1, "%s", names[i].name);
        cr_assert_eq(unit, names[i].unit, "%s", names[i].name);
    }
}

Test(table, the_first_rows_tell_the_order)
{
    const struct {
        struct snnstream_sample sample;
        const char *order;
    } cases[] = {
        {{{{0.1, 5, 9, 1}, {0.2, 3, 4, 0}}, 2}, "txyp"},
        {{{{5, 9, 1, 100}, {3, 4, 0, 101}}, 2}, "xypt"},
        {{{{5, 9, 100, 1}, {3, 4, 101, -1}}, 2}, "xytp"},
        {{{{1, 5, 100, 1}, {3, 4, 101, -1}}, 2},
         "txyp"},                                      /* as good as the one before, more usual */
        {{{{5, 9, 1, 1}, {6, 4, 0, 1}}, 2}, NULL},     /* txyp as well as xypt */
        {{{{5, 9, 100, 7}, {3, 4, 101, 9}}, 2}, NULL}, /* no polarity */
        {{{{5, 9, 100, 1}, {3, 4, 99, 1}}, 2}, NULL},  /* no time */
        {{{{-1, 9, 100, 1}}, 1}, NULL},
        {{{{0}}, 0}, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *order = snnstream_sample_order(&cases[i].sample);
        cr_assert(order == cases[i].order || (order != NULL && cases[i].order != NULL &&
                                              strcmp(order, cases[i].order) == 0),
                  "case %zu: %s", i, order != NULL ? order : "none");
    }
}

/* ---- Text ---- */

static void expect_text(const char *text)
{
    formats_expect(&snnstream_csv_format, text, strlen(text), three, THREE);
    cr_assert(snnstream_csv_format.probe((const unsigned char *)text, strlen(text), 0) > 0, "%s",
              text);
}

Test(table, text_with_names_is_read_in_their_order)
{
    expect_text("t,x,y,p\n5,1,2,1\n90,300,4,0\n90,0,0,1\n");
    expect_text("x;y;polarity;timestamp\r\n1;2;true;5\r\n300;4;False;90\r\n0;0;1;90\r\n");
    expect_text("\xef\xbb\xbfp\ty\tx\tts\n1\t2\t1\t5\n-1\t4\t300\t90\n+1\t0\t0\t90");
    expect_text("# made by hand\n# t x y p\n5 1 2 1\n\n  90  300 4 0  \n% more\n90 0 0 1\n");
    expect_text(
        "frame, x, y, t [us], p, note\n0, 1, 2, 5, 1, a\n0, 300, 4, 90, 0, b c\n1,0,0,90,1,\n");
    expect_text("t_ns,x,y,p\n5000,1,2,1\n90499,300,4,0\n89500,0,0,1\n");
    expect_text("t (s),x,y,p\n0.000005,1,2,1\n9e-5,300,4,0\n.00009,0,0,1\n");
}

Test(table, text_without_names_tells_by_its_rows)
{
    expect_text("5 1 2 1\n90 300 4 0\n90 0 0 1\n");
    expect_text("%geometry:640,480\n1,2,1,5\n300,4,0,90\n0,0,1,90\n");
    expect_text("640 480\n0.000005 1 2 1\n0.00009 300 4 0\n0.000090400 0 0 1\n");
    expect_text("1 2 5 1\n300 4 90 -1\n0 0 90 1\n");
    expect_text("5.000000000000000000e-06 1.000000000000000000e+00 2.000000000000000000e+00 1e0\n"
                "9.0e-05 3.00e+02 4 0\n9.0e-05 0 0 1.000000000000000000e+00\n");
}

Test(table, the_size_of_the_sensor_is_told)
{
    static const char *const texts[] = {"% geometry:640,480\n1,2,1,5\n3,4,0,9\n",
                                        "640 480\n5 9 2 1\n7 4 1 0\n"};
    for (size_t i = 0; i < 2; i++) {
        const struct formats_run run = {&snnstream_csv_format, NULL, BIG, 8};
        const struct formats_result result = formats_decode(&run, texts[i], strlen(texts[i]));
        cr_assert_eq(result.status, SNN_OK, "%s", snn_context_message(support_context()));
        cr_assert(result.info.width == 640 && result.info.height == 480 && result.count == 2);
    }
}

/* The same file, whatever the caller's locale says of points. */
Test(table, text_does_not_ask_the_locale)
{
    (void)setlocale(LC_ALL, "de_DE.UTF-8");
    expect_text("0.000005 1 2 1\n0.00009 300 4 0\n0.00009 0 0 1\n");
}

static void expect_with(const struct snnstream_format_ops *ops, const char *order, double unit,
                        const void *bytes, size_t size)
{
    struct snnstream_columns columns = {.unit_us = unit};
    snprintf(columns.order, sizeof(columns.order), "%s", order);
    for (size_t window = 1; window <= size; window += 1 + window / 8) {
        const struct formats_run run = {ops, &columns, window, THREE + 1};
        const struct formats_result result = formats_decode(&run, bytes, size);
        cr_assert_eq(result.status, SNN_OK, "%s", snn_context_message(support_context()));
        cr_assert_eq(result.count, (size_t)THREE);
        for (size_t i = 0; i < THREE; i++) {
            const struct snn_camera_event *a = &result.events[i], *b = &three[i];
            cr_assert(a->time_us == b->time_us && a->x == b->x && a->y == b->y &&
                      a->polarity == b->polarity);
        }
    }
}

Test(table, a_view_says_columns_and_unit)
{
    static const char odd[] = "1 7 2 1 5\n300 7 4 0 90\n0 7 0 1 90\n";
    static const char seconds[] = "0.000005 1 2 1\n0.00009 300 4 0\n0.00009 0 0 1\n";
    static const char whole[] = "a b c d\n5.0 1 2 1\n90.0 300 4 0\n90.0 0 0 1\n";
    expect_with(&snnstream_csv_format, "x-ypt", 0.0, odd, sizeof(odd) - 1);
    expect_with(&snnstream_csv_format, "", 1e6, seconds, sizeof(seconds) - 1);
    expect_with(&snnstream_csv_format, "txyp", 1.0, whole, sizeof(whole) - 1);
}

Test(table, without_polarities_all_events_are_on)
{
    const struct snnstream_columns columns = {.order = "txy"};
    const struct formats_run run = {&snnstream_csv_format, &columns, BIG, 8};
    const struct formats_result result = formats_decode(&run, "5 1 2\n9 3 4\n", 12);
    cr_assert(result.status == SNN_OK && result.count == 2 && result.events[1].polarity == 1);
}

static void refuse_text(const char *text, const char *message)
{
    formats_refuse(&snnstream_csv_format, text, strlen(text), SNN_ERR_FORMAT, message);
}

Test(table, what_is_wrong_in_text_is_told_with_its_line)
{
    refuse_text("t,x,y,p\n5,1,2,1\n6,1,2,2\n", "line 3, column 7: '2' is not a polarity");
    refuse_text("t,x,y,p\n5,1,2,1\n6,70000,2,1\n", "line 3, column 3: '70000' is not a column");
    refuse_text("t,x,y,p\n5,1,2,1\n6,1.5,2,1\n", "line 3, column 3: '1.5' is not a column");
    refuse_text("t,x,y,p\n5,1,-2,1\n", "line 2, column 5: '-2' is not a row within");
    refuse_text("t,x,y,p\n-5,1,2,1\n", "line 2, column 1: '-5' is not a time");
    refuse_text("t,x,y,p\n5,1,2\n", "line 2: 3 columns, and column 4 is wanted");
    refuse_text("t,x,y,p\n5,1,2,1\n6,,2,1\n", "line 3, column 3: nothing where a column");
    refuse_text("5 1 2 1\n3 9 abc 0\n", "line 2, column 5: 'abc' is no number");
    refuse_text("5 1 2 1\n3 9 1 0\n", "line 1: the first rows leave open");
    refuse_text("5 1 1 1\n", "line 1: the first rows leave open");
    refuse_text("5 1 1 1 7\n", "line 1: the first rows leave open");
    refuse_text("a,b,c,d\n5,1,1,1\n", "line 2: the names before it are not t, x, y and p");
    refuse_text("5.0 1 2 1\n6.0 3 4 0\n", "line 1: times with a decimal point that are whole");
    refuse_text("t,x,y,p\n5 6,1,2,1\n", "line 2, column 1: '5 6' is not a time");
    refuse_text("t,x,y,p\n1e300,1,2,1\n", "line 2, column 1: '1e300' is not a time");
}

/* Rows beyond the first 4 KiB, which decided that times are whole. */
Test(table, a_late_fraction_is_not_rounded_away)
{
    static char text[16384];
    size_t size = 0;
    for (int i = 0; i < 600; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d %d 7 %d\n", 1000 + i,
                                 i * 7 % 50, i % 2);
    size += (size_t)snprintf(text + size, sizeof(text) - size, "1600.5 1 7 1\n");
    refuse_text(text, "line 601, column 1: a part of a microsecond");
    const struct snnstream_columns us = {.unit_us = 1.0};
    const struct formats_run run = {&snnstream_csv_format, &us, 100, 1024};
    const struct formats_result result = formats_decode(&run, text, size);
    cr_assert(result.status == SNN_OK && result.count == 601 && result.events[600].time_us == 1601);
}

Test(table, a_line_without_end_is_refused)
{
    static char text[9000];
    memset(text, '1', sizeof(text) - 1);
    refuse_text(text, "line 1: longer than 4096 bytes");
    memcpy(text, "5 1 2 1\n7 3 4 0\n", 16);
    formats_refuse(&snnstream_csv_format, text, sizeof(text) - 1, SNN_ERR_FORMAT, "line 3");
}

Test(table, other_text_is_not_taken_for_events)
{
    static const char *const others[] = {"hello",
                                         "",
                                         "# only\n# comments\n",
                                         "{\"a\": [1, 2]}",
                                         "a.bs2 7\nb.bs2 3\n",
                                         "1 2\n3 4\n",
                                         "\x01\x02 1,2,3,4"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_assert_eq(
            snnstream_csv_format.probe((const unsigned char *)others[i], strlen(others[i]), 0), 0,
            "%s", others[i]);
}

/* ---- Arrays ---- */

static unsigned char array[4096];

/* An array of version 1.0: the dictionary, then `size` bytes. */
static size_t make(const char *dictionary, const void *data, size_t size)
{
    const size_t length = strlen(dictionary);
    memcpy(array, "\x93NUMPY\x01", 7);
    array[7] = 0;
    array[8] = (unsigned char)(length & 0xff);
    array[9] = (unsigned char)(length >> 8);
    memcpy(array + 10, dictionary, length);
    if (size > 0) memcpy(array + 10 + length, data, size);
    return 10 + length + size;
}

#define FIELDS(fields, shape) \
    "{'descr': [" fields "], 'fortran_order': False, 'shape': " shape ", }\n"
#define PLAIN(dtype, order, shape) \
    "{'descr': '" dtype "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void expect_array(const char *dictionary, const void *data, size_t size, int score)
{
    const size_t all = make(dictionary, data, size);
    formats_expect(&snnstream_npy_format, array, all, three, THREE);
    cr_assert_eq(snnstream_npy_format.probe(array, all, all), score, "%s", dictionary);
}

/* time i8, x i2, y i2, p i1: 13 bytes an event. */
static const unsigned char packed[] = {5,  0, 0, 0, 0, 0, 0, 0, 1,    0,    2, 0, 1, /* */
                                       90, 0, 0, 0, 0, 0, 0, 0, 0x2c, 0x01, 4, 0, 0, /* */
                                       90, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0, 1};

Test(table, named_fields_are_read_in_any_order)
{
    expect_array(FIELDS("('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')", "(3,)"), packed,
                 sizeof(packed), 100);
    expect_array(
        FIELDS("('timestamp', '<u8'), ('x', '<u2'), ('y', '<u2'), ('polarity', '|b1')", "(3,)"),
        packed, sizeof(packed), 100);
    /* Big-endian, polarity first, with a field of three bytes that is nothing of interest and two
     * of padding. */
    static const unsigned char other[] = {1,    0, 0, 0, 0, 0, 0, 2, 0, 1,    0, 0, 0, 5,
                                          0xff, 9, 9, 9, 0, 0, 0, 4, 1, 0x2c, 0, 0, 0, 90,
                                          1,    0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 90};
    expect_array(FIELDS("('p', '|i1'), ('rest', '|u1', (3,)), ('', '|V2'), ('y', '>u2'), "
                        "('x', '>u2'), ('ts', '>i4')",
                        "(3, 1)"),
                 other, sizeof(other), 100);
}

Test(table, float_times_are_seconds)
{
    static const struct {
        double t;
        float x, y;
        double p;
    } rows[] = {{5e-6, 1, 2, 1}, {90e-6, 300, 4, -1}, {90.4e-6, 0, 0, 1}};
    cr_assert_eq(sizeof(rows), (size_t)72);
    expect_array(FIELDS("('t', '<f8'), ('x', '<f4'), ('y', '<f4'), ('p', '<f8')", "(3,)"), rows,
                 sizeof(rows), 100);
}

Test(table, whole_numbers_in_four_columns_are_events)
{
    static const int16_t txyp[] = {5, 1, 2, 1, 90, 300, 4, 0, 90, 0, 0, 1};
    static const uint64_t xypt[] = {1, 2, 1, 5, 300, 4, 0, 90, 0, 0, 1, 90};
    static const int32_t columns[] = {1, 300, 0, 2, 4, 0, 5, 90, 90, 1, -1, 1};
    expect_array(PLAIN("<i2", "False", "(3, 4)"), txyp, sizeof(txyp), 90);
    expect_array(PLAIN("<u8", "False", "(3, 4)"), xypt, sizeof(xypt), 90);
    expect_array(PLAIN("<i4", "True", "(3, 4)"), columns, sizeof(columns), 90);
}

Test(table, an_array_may_have_no_event)
{
    const struct formats_run run = {&snnstream_npy_format, NULL, BIG, 4};
    const size_t size = make(PLAIN("<i8", "False", "(0, 4)"), NULL, 0);
    const struct formats_result result = formats_decode(&run, array, size);
    cr_assert(result.status == SNN_OK && result.count == 0);
}

Test(table, frames_stay_frames_unless_a_view_names_their_columns)
{
    static const double rows[] = {1, 2, 5, 1, 300, 4, 90, -1, 0, 0, 90, 1};
    static const uint8_t bytes[] = {1, 2, 5, 1};
    size_t size = make(PLAIN("|u1", "False", "(1, 4)"), bytes, sizeof(bytes));
    cr_assert_lt(snnstream_npy_format.probe(array, size, size), 50);
    size = make(PLAIN("<f4", "False", "(2, 28, 28)"), NULL, 0);
    cr_assert_eq(snnstream_npy_format.probe(array, size, size), 0);
    size = make(PLAIN("<f8", "False", "(3, 4)"), rows, sizeof(rows));
    cr_assert_lt(snnstream_npy_format.probe(array, size, size), 50);
    formats_refuse(&snnstream_npy_format, array, size, SNN_ERR_FORMAT,
                   "byte 0: an array of floats may be frames");
    expect_with(&snnstream_npy_format, "xytp", 1.0, array, size);
}

static void refuse_array(const char *dictionary, const void *data, size_t size, int status,
                         const char *message)
{
    const size_t all = make(dictionary, data, size);
    formats_refuse(&snnstream_npy_format, array, all, status, message);
}

Test(table, what_is_wrong_in_an_array_is_told_with_its_byte)
{
    static const char named[] =
        FIELDS("('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')", "(3,)");
    const size_t head = make(named, NULL, 0);
    unsigned char bad[sizeof(packed)];
    char message[80];
    memcpy(bad, packed, sizeof(packed));
    bad[12] = 7;
    snprintf(message, sizeof(message), "byte %zu: event 0: 7 is not a polarity", head + 12);
    refuse_array(named, bad, sizeof(bad), SNN_ERR_FORMAT, message);
    bad[12] = 1;
    bad[13 + 7] = 0x80;
    snprintf(message, sizeof(message), "byte %zu: event 1: -9223372036854775718 is not a time",
             head + 13);
    refuse_array(named, bad, sizeof(bad), SNN_ERR_FORMAT, message);
    snprintf(message, sizeof(message), "byte %zu: cut off: 2 of 3 events are there", head + 30);
    refuse_array(named, packed, 30, SNN_ERR_FORMAT, message);
    refuse_array(FIELDS("('t', '<i8'), ('x', '<i2')", "(3,)"), packed, 30, SNN_ERR_FORMAT,
                 "byte 0: its fields are not named t, x, y and p");
    refuse_array(FIELDS("('t', '<M8[us]'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')", "(3,)"),
                 packed, sizeof(packed), SNN_ERR_UNSUPPORTED, "byte 0: field 't' holds no whole");
    refuse_array(FIELDS("('t', '|O'), ('x', '<i2')", "(3,)"), packed, 30, SNN_ERR_UNSUPPORTED,
                 "byte 0: an array of Python objects");
    refuse_array(PLAIN("<i4", "False", "(3, 5)"), packed, 39, SNN_ERR_FORMAT,
                 "byte 0: a table of other than four columns");
    refuse_array(PLAIN("<i4", "False", "(2, 3, 4)"), packed, 39, SNN_ERR_FORMAT,
                 "byte 0: an array of shape (2, 3, 4) holds no events");
    refuse_array("{'descr': ", NULL, 0, SNN_ERR_FORMAT, "byte 0: NPY header: expected");
}

Test(table, bytes_behind_an_array_are_refused)
{
    unsigned char more[sizeof(packed) + 2] = {0};
    memcpy(more, packed, sizeof(packed));
    const size_t head =
        make(FIELDS("('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')", "(3,)"), NULL, 0);
    char message[80];
    snprintf(message, sizeof(message), "byte %zu: bytes behind the last of 3 events",
             head + sizeof(packed));
    refuse_array(FIELDS("('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')", "(3,)"), more,
                 sizeof(more), SNN_ERR_FORMAT, message);
}
