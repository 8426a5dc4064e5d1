/* NPY files as frames, spikes and labels: every accepted dtype and order, and each refusal. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/npyhead.h"
#include "libsnn/stream/source.h"
#include "snn/status.h"
#include "tests/unit/stream/support.h"

TestSuite(npy, .init = support_begin, .fini = support_end);

/* The dictionary as NumPy writes it. */
#define DICTIONARY(descr, order, shape) \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

static void assert_frames(const char *dictionary, const void *data, size_t size,
                          struct snn_shape shape, const float *expected, uint64_t count)
{
    support_put_npy("frames", dictionary, data, size);
    struct snn_source *source = support_open("frames", SNN_SOURCE_FRAMES);
    struct snn_shape got = snn_source_shape(source);
    cr_assert_eq(snn_source_count(source), count);
    cr_assert(got.channels == shape.channels && got.height == shape.height &&
                  got.width == shape.width,
              "%s", dictionary);
    float frame[64];
    for (uint64_t index = 0; index < count; index++) {
        snn_source_frame(source, index, frame);
        for (size_t i = 0; i < snn_shape_size(shape); i++)
            cr_assert_eq(frame[i], *expected++, "%s: %zu", dictionary, i);
    }
    snn_source_close(&source);
}

static void refuse(const char *dictionary, size_t size, enum snn_source_kind kind, int status,
                   const char *message)
{
    static const unsigned char zeros[256];
    support_put_npy("x", dictionary, zeros, size);
    support_refuse("x", kind, status, message);
}

/* --- Frames ----------------------------------------------------------------------------------- */

static const float halves[] = {0.0f, 0.5f, 1.0f, 0.25f};

Test(npy, bytes_are_divided_by_255)
{
    static const unsigned char data[] = {0, 51, 255, 1};
    static const float expected[] = {0.0f, 51.0f / 255.0f, 1.0f, 1.0f / 255.0f};
    assert_frames(DICTIONARY("|u1", "False", "(1, 2, 2)") "\n", data, sizeof(data),
                  (struct snn_shape){1, 2, 2}, expected, 1);
}

Test(npy, dimensions_are_those_of_images_or_features)
{
    static const unsigned char data[] = {0, 255, 255, 0, 0, 255};
    static const float expected[] = {0, 1, 1, 0, 0, 1};
    assert_frames(DICTIONARY("|u1", "False", "(2, 1, 3)"), data, 6, (struct snn_shape){1, 1, 3},
                  expected, 2);
    assert_frames(DICTIONARY("|u1", "False", "(1, 3, 1, 2)"), data, 6, (struct snn_shape){3, 1, 2},
                  expected, 1);
    assert_frames(DICTIONARY("|u1", "False", "(2, 3)"), data, 6, (struct snn_shape){3, 1, 1},
                  expected, 2);
}

/* 0, 1/2, 1, 1/4 in IEEE 754: 00000000 3f000000 3f800000 3e800000, and as binary64
 * 0, 3fe0..., 3ff0..., 3fd0... */
Test(npy, floats_of_either_size_and_byte_order_are_read)
{
    static const unsigned char little4[] = {0, 0, 0,    0,    0, 0, 0,    0x3f,
                                            0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3e};
    static const unsigned char big4[] = {0,    0,    0, 0, 0x3f, 0,    0, 0,
                                         0x3f, 0x80, 0, 0, 0x3e, 0x80, 0, 0};
    static const unsigned char little8[] = {0,    0,    0, 0,    0,    0, 0, 0, 0,    0,   0,
                                            0,    0,    0, 0xe0, 0x3f, 0, 0, 0, 0,    0,   0,
                                            0xf0, 0x3f, 0, 0,    0,    0, 0, 0, 0xd0, 0x3f};
    static const unsigned char big8[] = {0, 0, 0,    0,    0, 0,    0,    0, 0x3f, 0xe0, 0,
                                         0, 0, 0,    0,    0, 0x3f, 0xf0, 0, 0,    0,    0,
                                         0, 0, 0x3f, 0xd0, 0, 0,    0,    0, 0,    0};
    struct snn_shape shape = {1, 2, 2};
    assert_frames(DICTIONARY("<f4", "False", "(1, 2, 2)"), little4, 16, shape, halves, 1);
    assert_frames(DICTIONARY(">f4", "False", "(1, 2, 2)"), big4, 16, shape, halves, 1);
    assert_frames(DICTIONARY("<f8", "False", "(1, 2, 2)"), little8, 32, shape, halves, 1);
    assert_frames(DICTIONARY(">f8", "False", "(1, 2, 2)"), big8, 32, shape, halves, 1);
}

/* The array a[n][y][x] = 100 n + 10 y + x of shape (2, 2, 3), first index fastest. */
Test(npy, fortran_order_is_turned_into_c_order)
{
    static const unsigned char data[] = {0, 100, 10, 110, 1, 101, 11, 111, 2, 102, 12, 112};
    float expected[12];
    for (int n = 0; n < 2; n++) {
        for (int y = 0; y < 2; y++) {
            for (int x = 0; x < 3; x++)
                expected[(n * 2 + y) * 3 + x] = (float)(100 * n + 10 * y + x) / 255.0f;
        }
    }
    assert_frames(DICTIONARY("|u1", "True", "(2, 2, 3)"), data, sizeof(data),
                  (struct snn_shape){1, 2, 3}, expected, 2);
}

Test(npy, fortran_order_of_big_endian_floats_is_turned_too)
{
    static const unsigned char data[] = {0,    0, 0, 0, 0x3f, 0x80, 0, 0,
                                         0x3f, 0, 0, 0, 0x3e, 0x80, 0, 0};
    assert_frames(DICTIONARY(">f4", "True", "(2, 2)"), data, sizeof(data),
                  (struct snn_shape){2, 1, 1}, halves, 2);
}

Test(npy, values_that_are_not_finite_are_named_with_their_index)
{
    static const unsigned char nan4[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x7f, 0, 0, 0, 0};
    support_put_npy("x", DICTIONARY("<f4", "False", "(2, 1, 2)"), nan4, 16);
    support_refuse("x", SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
                   "the value nan at index (1, 0, 0) is not a finite float32");
    /* 2^128 is finite as float64 only: exponent 1023 + 128 = 0x47f */
    static const unsigned char large8[] = {0x47, 0xf0, 0, 0, 0, 0, 0, 0};
    support_put_npy("x", DICTIONARY(">f8", "False", "(1, 1)"), large8, 8);
    support_refuse("x", SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
                   "the value 3.40282e+38 at index (0, 0) is not a finite float32");
}

Test(npy, frames_of_other_dtypes_and_shapes_are_refused)
{
    refuse(DICTIONARY("<i4", "False", "(1, 2, 2)"), 16, SNN_SOURCE_FRAMES, SNN_ERR_UNSUPPORTED,
           "frames of dtype <i4");
    refuse(DICTIONARY("<f2", "False", "(1, 2, 2)"), 8, SNN_SOURCE_FRAMES, SNN_ERR_UNSUPPORTED,
           "frames of dtype <f2");
    refuse(DICTIONARY("|u1", "False", "(4,)"), 4, SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
           "array of shape (4,); frames have (N, H, W), (N, C, H, W) or (N, features)");
    refuse(DICTIONARY("|u1", "False", "(1, 1, 1, 2, 2)"), 4, SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
           "array of shape (1, 1, 1, 2, 2); frames have (N, H, W), (N, C, H, W) or (N, features)");
}

/* --- Spikes ----------------------------------------------------------------------------------- */

Test(npy, spikes_are_counts_of_samples_and_steps)
{
    unsigned char data[24];
    for (unsigned char i = 0; i < 24; i++)
        data[i] = i;
    support_put_npy("spikes", DICTIONARY("|u1", "False", "(2, 3, 2, 1, 2)"), data, sizeof(data));
    struct snn_source *source = support_open("spikes", SNN_SOURCE_SPIKES);
    cr_assert_eq(snn_source_kind(source), SNN_SOURCE_SPIKES);
    cr_assert_eq(snn_source_count(source), 2u);
    cr_assert_eq(snn_source_steps(source), 3u);
    cr_assert_arr_eq(snn_source_counts(source, 1, 2), data + 20, 4);
    cr_assert_null(snn_source_counts(source, 2, 0));
    cr_assert_null(snn_source_counts(source, 0, 3));
    snn_source_close(&source);

    support_put_npy("one", DICTIONARY("|u1", "False", "(6, 2, 1, 2)"), data, sizeof(data));
    source = support_open("one", SNN_SOURCE_SPIKES);
    struct snn_shape shape = snn_source_shape(source);
    cr_assert_eq(snn_source_count(source), 1u);
    cr_assert_eq(snn_source_steps(source), 6u);
    cr_assert(shape.channels == 2 && shape.height == 1 && shape.width == 2);
    cr_assert_arr_eq(snn_source_counts(source, 0, 5), data + 20, 4);
    snn_source_close(&source);
}

Test(npy, bools_are_spikes_too)
{
    static const unsigned char data[] = {1, 0, 0, 1};
    support_put_npy("spikes", DICTIONARY("|b1", "False", "(2, 1, 1, 2)"), data, sizeof(data));
    struct snn_source *source = support_open("spikes", SNN_SOURCE_SPIKES);
    cr_assert_arr_eq(snn_source_counts(source, 0, 1), data + 2, 2);
    snn_source_close(&source);
    static const unsigned char odd[] = {1, 0, 7, 1};
    support_put_npy("x", DICTIONARY("|b1", "False", "(2, 1, 1, 2)"), odd, sizeof(odd));
    support_refuse("x", SNN_SOURCE_SPIKES, SNN_ERR_FORMAT,
                   "the byte 7 at index (1, 0, 0, 0) is not a bool");
}

Test(npy, spikes_of_other_dtypes_and_shapes_are_refused)
{
    refuse(DICTIONARY("<f4", "False", "(1, 1, 2, 2)"), 16, SNN_SOURCE_SPIKES, SNN_ERR_UNSUPPORTED,
           "spikes of dtype <f4");
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "accepted are uint8 and bool: save spikes.astype('uint8')");
    refuse(DICTIONARY("|u1", "False", "(1, 2, 2)"), 4, SNN_SOURCE_SPIKES, SNN_ERR_FORMAT,
           "array of shape (1, 2, 2); spikes have (N, T, C, H, W) or (T, C, H, W)");
}

/* --- Labels ----------------------------------------------------------------------------------- */

static const unsigned char two_frames[2];
#define TWO_FRAMES DICTIONARY("|u1", "False", "(2, 1, 1)")

static void assert_labels(const char *dictionary, const void *data, size_t size)
{
    support_put_npy("images.npy", TWO_FRAMES, two_frames, sizeof(two_frames));
    support_put_npy("labels.npy", dictionary, data, size);
    struct snn_source *source = support_open("images.npy", SNN_SOURCE_FRAMES);
    cr_assert(snn_source_has_labels(source));
    cr_assert_eq(snn_source_label(source, 0), 7, "%s", dictionary);
    cr_assert_eq(snn_source_label(source, 1), 3, "%s", dictionary);
    snn_source_close(&source);
}

static void refuse_labels(const char *dictionary, const void *data, size_t size, int status,
                          const char *message)
{
    char expected[512];
    support_put_npy("images.npy", TWO_FRAMES, two_frames, sizeof(two_frames));
    snprintf(expected, sizeof(expected), "%s: %s",
             support_put_npy("labels.npy", dictionary, data, size), message);
    struct snn_source *source = NULL;
    cr_assert_eq(snn_source_open(&source, support_context(), support_path("images.npy"),
                                 SNN_SOURCE_FRAMES, NULL),
                 status);
    cr_assert_str_eq(snn_context_message(support_context()), expected);
}

Test(npy, labels_are_integers_of_any_size_and_order)
{
    assert_labels(DICTIONARY("|u1", "False", "(2,)"), "\7\3", 2);
    assert_labels(DICTIONARY("|i1", "False", "(2,)"), "\7\3", 2);
    assert_labels(DICTIONARY("<i2", "False", "(2,)"), "\7\0\3\0", 4);
    assert_labels(DICTIONARY(">u2", "False", "(2,)"), "\0\7\0\3", 4);
    assert_labels(DICTIONARY("<i4", "False", "(2,)"), "\7\0\0\0\3\0\0\0", 8);
    assert_labels(DICTIONARY(">i4", "False", "(2,)"), "\0\0\0\7\0\0\0\3", 8);
    assert_labels(DICTIONARY("<i8", "False", "(2,)"), "\7\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 16);
    assert_labels(DICTIONARY(">i8", "False", "(2,)"), "\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\3", 16);
    assert_labels(DICTIONARY("<u8", "True", "(2,)"), "\7\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 16);
    assert_labels(DICTIONARY("<i4", "False", "(2, 1)"), "\7\0\0\0\3\0\0\0", 8);
}

Test(npy, labels_outside_0_to_65535_are_named_with_their_index)
{
    refuse_labels(DICTIONARY("|i1", "False", "(2,)"), "\0\xff", 2, SNN_ERR_FORMAT,
                  "the label -1 at index 1 is outside 0..65535");
    refuse_labels(DICTIONARY("<i4", "False", "(2,)"), "\0\0\1\0\0\0\0\0", 8, SNN_ERR_FORMAT,
                  "the label 65536 at index 0 is outside 0..65535");
    refuse_labels(DICTIONARY("<i8", "False", "(2,)"), "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80", 16,
                  SNN_ERR_FORMAT, "the label -9223372036854775808 at index 1 is outside 0..65535");
    refuse_labels(DICTIONARY("<u4", "False", "(2,)"), "\xff\xff\xff\xff\0\0\0\0", 8, SNN_ERR_FORMAT,
                  "the label 4294967295 at index 0 is outside 0..65535");
}

Test(npy, labels_that_are_no_list_of_integers_are_refused)
{
    static const unsigned char zeros[32];
    refuse_labels(DICTIONARY("<f4", "False", "(2,)"), zeros, 8, SNN_ERR_UNSUPPORTED,
                  "labels of dtype <f4");
    refuse_labels(DICTIONARY("|u1", "False", "(2, 10)"), zeros, 20, SNN_ERR_FORMAT,
                  "labels of shape (2, 10); accepted is (N,)");
    refuse_labels(DICTIONARY("|u1", "False", "(3,)"), zeros, 3, SNN_ERR_FORMAT,
                  "3 labels for 2 samples");
}

/* --- Headers ---------------------------------------------------------------------------------- */

Test(npy, versions_with_long_headers_are_read)
{
    for (unsigned char version = 2; version <= 3; version++) {
        static const char dictionary[] = DICTIONARY("|u1", "False", "(2, 1, 1)") " \n";
        unsigned char file[128] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
        size_t length = sizeof(dictionary) - 1;
        file[6] = version;
        file[8] = (unsigned char)length;
        memcpy(file + 12, dictionary, length);
        file[12 + length + 1] = 255;
        support_put("long", file, 12 + length + 2);
        struct snn_source *source = support_open("long", SNN_SOURCE_FRAMES);
        float frame;
        snn_source_frame(source, 1, &frame);
        cr_assert_eq(frame, 1.0f);
        snn_source_close(&source);
    }
}

Test(npy, spaces_quotes_and_order_of_members_do_not_matter)
{
    static const float expected[] = {0, 1};
    static const unsigned char data[] = {0, 255};
    struct snn_shape shape = {1, 1, 1};
    assert_frames("{\"shape\":(2,1,1),\"descr\":\"|u1\",\"fortran_order\":False}", data, 2, shape,
                  expected, 2);
    assert_frames(" { 'fortran_order' : True , 'shape' : ( 2L , 1L , 1L , ) , 'descr' : '<u1' } \n",
                  data, 2, shape, expected, 2);
}

static void refuse_header(const char *dictionary, const char *message)
{
    refuse(dictionary, 4, SNN_SOURCE_FRAMES, SNN_ERR_FORMAT, message);
}

/* The dictionary begins at byte 10. */
Test(npy, header_that_is_no_such_dictionary_is_refused_with_the_offset)
{
    refuse_header("", "NPY header: expected '{' at byte 10");
    refuse_header("[]", "NPY header: expected '{' at byte 10");
    refuse_header("{'descr' '|u1'}", "NPY header: expected ':' at byte 19");
    refuse_header("{descr: '|u1'}", "NPY header: expected a string at byte 11");
    refuse_header("{'descr: |u1}", "NPY header: expected a string that ends at byte 11");
    refuse_header("{'descr': '|u1' 'shape': (1,)}", "NPY header: expected ',' or '}' at byte 26");
    refuse_header("{'fortran_order': 0}", "NPY header: expected True or False at byte 28");
    refuse_header("{'fortran_order': Tru", "NPY header: expected True or False at byte 28");
    refuse_header("{'shape': 4}", "NPY header: expected '(' at byte 20");
    refuse_header("{'shape': (-4,)}", "NPY header: expected a whole number at byte 21");
    refuse_header("{'shape': (4 4)}", "NPY header: expected ',' or ')' at byte 23");
    refuse_header("{'shape': (18446744073709551616,)}",
                  "NPY header: expected a number below 2^64 at byte 41");
    refuse_header("{'descr': '|u1', 'shape': (1, 2, 2)}",
                  "NPY header: expected 'descr', 'fortran_order' and 'shape' before the '}' at "
                  "byte 46");
    refuse_header("{'descr': '|u1', 'descr': '|u1'}",
                  "NPY header: expected 'descr', 'fortran_order' and 'shape', once each, at byte "
                  "27");
    refuse_header("{'colour': 1}",
                  "NPY header: expected 'descr', 'fortran_order' and 'shape', once each, at byte "
                  "11");
    refuse_header(DICTIONARY("|u1", "False", "(1, 2, 2)") "x",
                  "NPY header: expected the end of the header at byte 72");
}

Test(npy, dtypes_without_numbers_are_refused_by_name)
{
    refuse(DICTIONARY("|O", "False", "(1, 2, 2)"), 32, SNN_SOURCE_FRAMES, SNN_ERR_UNSUPPORTED,
           "an array of Python objects (dtype |O) is not read: it could run code");
    static const char accepted[] =
        "%s is not read; accepted are bool, integers and floats of 1, 2, 4 or 8 bytes";
    static const char *const dtypes[] = {"<c8", "<U5", "|S4", "|u4", "<f1", "<b4", "=f4", "<i16"};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
        char dictionary[128];
        char name[16];
        char message[256];
        snprintf(dictionary, sizeof(dictionary),
                 "{'descr': '%s', 'fortran_order': False, 'shape': (1, 2, 2), }", dtypes[i]);
        snprintf(name, sizeof(name), "dtype %s", dtypes[i]);
        snprintf(message, sizeof(message), accepted, name);
        refuse(dictionary, 32, SNN_SOURCE_FRAMES, SNN_ERR_UNSUPPORTED, message);
    }
    refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2, 2), }", 16,
           SNN_SOURCE_FRAMES, SNN_ERR_UNSUPPORTED,
           "dtype with named fields is not read; accepted are bool, integers and floats of 1, 2, 4 "
           "or 8 bytes");
}

Test(npy, sizes_that_do_not_fit_the_file_are_refused)
{
    /* 10 bytes before the dictionary and 62 of it */
    refuse(DICTIONARY("|u1", "False", "(1, 2, 2)"), 3, SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
           "byte 75: truncated: |u1 of shape (1, 2, 2) needs 76 bytes, file has 75");
    refuse(DICTIONARY("|u1", "False", "(1, 2, 2)"), 5, SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
           "byte 76: too long: |u1 of shape (1, 2, 2) needs 76 bytes, file has 77");
    refuse(DICTIONARY("|u1", "False", "(0, 28, 28)"), 0, SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
           "no data: array of shape (0, 28, 28)");
    refuse(DICTIONARY("<f4", "False", "(4294967296, 4294967296)"), 4, SNN_SOURCE_FRAMES,
           SNN_ERR_LIMIT, "an array of shape (4294967296, 4294967296) exceeds the address space");
    refuse(DICTIONARY("<f8", "False", "(2305843009213693951, 1)"), 4, SNN_SOURCE_FRAMES,
           SNN_ERR_LIMIT, "an array of shape (2305843009213693951, 1) exceeds the address space");
    refuse(DICTIONARY("|u1", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 1, SNN_SOURCE_FRAMES,
           SNN_ERR_UNSUPPORTED, "array of more than 8 dimensions");
}

Test(npy, broken_beginnings_are_refused)
{
    support_put("x", "\x93NUMPY\1", 7);
    support_refuse("x", SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
                   "byte 7: truncated: the NPY header needs 10 bytes, file has 7");
    support_put("x", "\x93NUMPY\1\0\xff\xff{}", 12);
    support_refuse("x", SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
                   "byte 12: truncated: the NPY header needs 65545 bytes, file has 12");
    support_put("x", "\x93NUMPY\1\0\3\0{}", 12);
    support_refuse("x", SNN_SOURCE_FRAMES, SNN_ERR_FORMAT,
                   "byte 12: truncated: the NPY header needs 13 bytes, file has 12");
    support_put("x", "\x93NUMPY\4\0\0\0", 10);
    support_refuse("x", SNN_SOURCE_FRAMES, SNN_ERR_UNSUPPORTED,
                   "byte 6: NPY version 4.0; accepted are 1.0, 2.0 and 3.0");
}

static int open_fortran(struct snn_context *context)
{
    struct snn_source *source = NULL;
    int status =
        snn_source_open(&source, context, support_path("images.npy"), SNN_SOURCE_FRAMES, NULL);
    snn_source_close(&source);
    return status;
}

Test(npy, running_out_of_memory_leaves_nothing)
{
    static const unsigned char data[32];
    support_put_npy("images.npy", DICTIONARY("<f8", "True", "(2, 2)"), data, sizeof(data));
    support_put_npy("labels.npy", DICTIONARY("<i8", "False", "(2,)"), data, 16);
    support_sweep(open_fortran);
}
