/* IDX files, and what all formats share: probing, gzip, labels beside the images. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/stream/source.h"
#include "snn/status.h"
#include "tests/unit/stream/support.h"

TestSuite(idx, .init = support_begin, .fini = support_end);

/* Two images of 2 rows and 3 columns. */
static const unsigned char images[] = {0, 0, 8, 3,  0,   0,   0,   2,   0, 0, 0, 2, 0, 0,
                                       0, 3, 0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

/* The same, packed by Python's gzip.compress(bytes, mtime=0). */
static const unsigned char images_gz[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xe0, 0x60, 0x66,
    0x60, 0x60, 0x60, 0x82, 0x62, 0x66, 0x06, 0xe3, 0xb4, 0x99, 0x67, 0xfe, 0x33, 0x32, 0x31,
    0xb3, 0xb0, 0xb2, 0x01, 0x00, 0xf2, 0x72, 0xca, 0xe9, 0x1c, 0x00, 0x00, 0x00};
static const unsigned char labels_gz[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xe0, 0x60, 0x64,
    0x60, 0x60, 0x60, 0x62, 0x67, 0x06, 0x00, 0x64, 0x6b, 0xd4, 0x43, 0x0a, 0x00, 0x00, 0x00};

static void assert_images(const struct snn_source *source)
{
    cr_assert_eq(snn_source_kind(source), SNN_SOURCE_FRAMES);
    cr_assert_eq(snn_source_count(source), 2u);
    cr_assert_eq(snn_source_steps(source), 0u);
    struct snn_shape shape = snn_source_shape(source);
    cr_assert(shape.channels == 1 && shape.height == 2 && shape.width == 3);
    float frame[6];
    snn_source_frame(source, 0, frame);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(frame[i], (float)images[16 + i] / 255.0f);
    snn_source_frame(source, 1, frame);
    cr_assert_eq(frame[5], 6.0f / 255.0f);
    cr_assert_null(snn_source_counts(source, 0, 0));
}

static void refuse(const void *bytes, size_t size, int status, const char *message)
{
    support_put("x", bytes, size);
    support_refuse("x", SNN_SOURCE_FRAMES, status, message);
}

Test(idx, images_are_intensities_of_one_channel)
{
    support_put("digits", images, sizeof(images));
    struct snn_source *source = support_open("digits", SNN_SOURCE_FRAMES);
    assert_images(source);
    cr_assert_not(snn_source_has_labels(source));
    cr_assert_eq(snn_source_label(source, 0), -1);
    snn_source_close(&source);
    cr_assert_null(source);
    snn_source_close(&source);
}

Test(idx, gzip_is_unpacked_whatever_the_name)
{
    support_put("digits.bin", images_gz, sizeof(images_gz));
    struct snn_source *source = support_open("digits.bin", SNN_SOURCE_FRAMES);
    assert_images(source);
    snn_source_close(&source);
}

Test(idx, four_dimensions_are_channels_rows_and_columns)
{
    static const unsigned char colour[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0,  0,  2,  0,
                                           0, 0, 1, 0, 0, 0, 3, 0, 1, 10, 20, 30, 255};
    support_put("colour", colour, sizeof(colour));
    struct snn_source *source = support_open("colour", SNN_SOURCE_FRAMES);
    struct snn_shape shape = snn_source_shape(source);
    cr_assert(shape.channels == 2 && shape.height == 1 && shape.width == 3);
    float frame[6];
    snn_source_frame(source, 0, frame);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(frame[i], (float)colour[20 + i] / 255.0f);
    snn_source_close(&source);
}

Test(idx, index_beyond_the_end_is_a_black_frame_without_label)
{
    support_put("images", images, sizeof(images));
    support_put("labels", labels, sizeof(labels));
    struct snn_source *source = support_open("images", SNN_SOURCE_FRAMES);
    float frame[6] = {1, 1, 1, 1, 1, 1};
    snn_source_frame(source, 2, frame);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(frame[i], 0.0f);
    cr_assert_eq(snn_source_label(source, 2), -1);
    snn_source_close(&source);
}

/* --- Labels ----------------------------------------------------------------------------------- */

static void assert_labels_beside(const char *images_name, const char *labels_name)
{
    bool packed = strstr(labels_name, ".gz") != NULL;
    support_put(images_name, images, sizeof(images));
    support_put(labels_name, packed ? labels_gz : labels,
                packed ? sizeof(labels_gz) : sizeof(labels));
    struct snn_source *source = support_open(images_name, SNN_SOURCE_FRAMES);
    cr_assert(snn_source_has_labels(source), "%s", images_name);
    cr_assert_eq(snn_source_label(source, 0), 7);
    cr_assert_eq(snn_source_label(source, 1), 3);
    snn_source_close(&source);
}

Test(idx, labels_are_found_beside_the_images)
{
    assert_labels_beside("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    assert_labels_beside("a-images-idx3-ubyte.gz", "a-labels-idx1-ubyte.gz");
    assert_labels_beside("b-images-idx3-ubyte.gz", "b-labels-idx1-ubyte");
    assert_labels_beside("c-images-idx3-ubyte", "c-labels-idx1-ubyte.gz");
    assert_labels_beside("d-images.idx3-ubyte", "d-labels.idx1-ubyte");
    assert_labels_beside("e-images-idx4-ubyte", "e-labels-idx1-ubyte");
    assert_labels_beside("images.npy", "labels.npy"); /* by content, not by name */
}

Test(idx, only_the_last_word_of_the_file_name_changes)
{
    assert_labels_beside("images-of-images-idx3", "images-of-labels-idx1");
}

Test(idx, labels_that_are_named_need_no_likeness)
{
    support_put("digits", images, sizeof(images));
    struct snn_source_options options = {.labels = support_put("classes", labels, sizeof(labels))};
    struct snn_source *source = NULL;
    cr_assert_eq(snn_source_open(&source, support_context(), support_path("digits"),
                                 SNN_SOURCE_FRAMES, &options),
                 SNN_OK);
    cr_assert_eq(snn_source_label(source, 1), 3);
    snn_source_close(&source);
}

Test(idx, labels_that_are_named_and_missing_are_an_error)
{
    support_put("images", images, sizeof(images));
    struct snn_source_options options = {.labels = support_path("nowhere")};
    struct snn_source *source = NULL;
    int status = snn_source_open(&source, support_context(), support_path("images"),
                                 SNN_SOURCE_FRAMES, &options);
    cr_assert_eq(status, SNN_ERR_NOT_FOUND);
    cr_assert_null(source);
}

Test(idx, labels_of_another_length_name_both_numbers)
{
    static const unsigned char three[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 3, 1};
    support_put("images", images, sizeof(images));
    support_put("labels", three, sizeof(three));
    struct snn_source *source = NULL;
    char expected[512];
    snprintf(expected, sizeof(expected), "%s: 3 labels for 2 samples", support_path("labels"));
    int status = snn_source_open(&source, support_context(), support_path("images"),
                                 SNN_SOURCE_FRAMES, NULL);
    cr_assert_eq(status, SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(support_context()), expected);
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "these labels were found beside the images: name others, or move them away");
}

Test(idx, images_and_labels_in_each_others_place_are_refused)
{
    refuse(labels, sizeof(labels), SNN_ERR_FORMAT, "holds 2 labels where images are wanted");

    support_put("digits", images, sizeof(images));
    struct snn_source_options options = {.labels = support_path("digits")};
    struct snn_source *source = NULL;
    char expected[512];
    snprintf(expected, sizeof(expected), "%s: holds 2 images of 2x3 where labels are wanted",
             options.labels);
    int status =
        snn_source_open(&source, support_context(), options.labels, SNN_SOURCE_FRAMES, &options);
    cr_assert_eq(status, SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(support_context()), expected);
}

/* --- Files that are wrong --------------------------------------------------------------------- */

Test(idx, missing_file_is_not_found)
{
    support_refuse("nowhere", SNN_SOURCE_FRAMES, SNN_ERR_NOT_FOUND, "no such file or folder");
}

Test(idx, unknown_bytes_are_shown_and_the_accepted_formats_named)
{
    refuse("\x89PNG\r\n\x1a\n....", 12, SNN_ERR_FORMAT,
           "not a known data format: begins with 89 50 4e 47 0d 0a 1a 0a");
    static const char accepted[] =
        "accepted are IDX of unsigned bytes (begins with 00 00 08, may be gzipped); "
        "NPY arrays of NumPy (begin with 93 4e 55 4d 50 59); to run, not to calibrate with, "
        "N-MNIST recordings (.bin, .bs2), ";
    cr_assert_eq(strncmp(snn_context_hint(support_context()), accepted, sizeof(accepted) - 1), 0,
                 "%s", snn_context_hint(support_context()));
    refuse("\0\0\x8", 3, SNN_ERR_FORMAT, "not a known data format: begins with 00 00 08");
    refuse("", 0, SNN_ERR_FORMAT, "the file is empty");
}

Test(idx, truncated_file_names_both_sizes)
{
    /* 16 + 500 x 28 x 28 = 392016 */
    unsigned char file[1000] = {0, 0, 8, 3, 0, 0, 1, 0xf4, 0, 0, 0, 28, 0, 0, 0, 28};
    refuse(file, sizeof(file), SNN_ERR_FORMAT,
           "truncated: 500 images of 28x28 need 392016 bytes, file has 1000");
    refuse(file, 15, SNN_ERR_FORMAT, "truncated: the IDX header needs 16 bytes, file has 15");
    refuse(file, 4, SNN_ERR_FORMAT, "truncated: the IDX header needs 16 bytes, file has 4");
}

Test(idx, file_that_is_too_long_names_both_sizes)
{
    unsigned char file[sizeof(images) + 1] = {0};
    memcpy(file, images, sizeof(images));
    refuse(file, sizeof(file), SNN_ERR_FORMAT,
           "too long: 2 images of 2x3 need 28 bytes, file has 29");
}

Test(idx, absurd_sizes_are_refused_before_anything_is_allocated)
{
    unsigned char file[20] = {0, 0, 8, 4};
    memset(file + 4, 0xff, 16);
    refuse(file, sizeof(file), SNN_ERR_LIMIT,
           "4294967295 images of 4294967295x4294967295x4294967295 exceed the address space");
    unsigned char many[16] = {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 1};
    /* 16 + (2^32 - 1) x 2^16 */
    refuse(many, sizeof(many), SNN_ERR_FORMAT,
           "truncated: 4294967295 images of 65536x1 need 281474976645136 bytes, file has 16");
}

Test(idx, sets_without_a_value_are_refused)
{
    unsigned char file[16] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28};
    refuse(file, sizeof(file), SNN_ERR_FORMAT, "no data: 0 images of 28x28");
    unsigned char flat[16] = {0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 28};
    refuse(flat, sizeof(flat), SNN_ERR_FORMAT, "no data: 5 images of 0x28");
}

Test(idx, other_element_types_and_ranks_are_named)
{
    unsigned char file[32] = {0, 0, 0x0d, 3};
    refuse(file, sizeof(file), SNN_ERR_UNSUPPORTED,
           "IDX of element type 0x0d; accepted are unsigned bytes (0x08)");
    unsigned char flat[32] = {0, 0, 8, 2};
    refuse(flat, sizeof(flat), SNN_ERR_UNSUPPORTED,
           "IDX with 2 dimensions; images have 3 (count, rows, columns) or 4 (count, channels, "
           "rows, columns), labels 1");
}

Test(idx, images_beyond_the_neuron_limit_are_refused)
{
    struct snn_context_options options = {.limits = {.neuron_count = 5}};
    struct snn_context *small = NULL;
    cr_assert_eq(snn_context_create(&small, &options), SNN_OK);
    const char *path = support_put("images", images, sizeof(images));
    struct snn_source *source = NULL;
    cr_assert_eq(snn_source_open(&source, small, path, SNN_SOURCE_FRAMES, NULL), SNN_ERR_LIMIT);
    char expected[512];
    snprintf(expected, sizeof(expected),
             "%s: samples of 1x2x3 values exceed the limit of 5 neurons", path);
    cr_assert_str_eq(snn_context_message(small), expected);
    snn_context_destroy(&small);
}

Test(idx, recorded_spikes_are_not_read_from_idx)
{
    support_put("x", images, sizeof(images));
    support_refuse("x", SNN_SOURCE_SPIKES, SNN_ERR_UNSUPPORTED,
                   "IDX holds images, not recorded spikes");
}

static int open_with_labels(struct snn_context *context)
{
    struct snn_source *source = NULL;
    int status = snn_source_open(&source, context, support_path("images"), SNN_SOURCE_FRAMES, NULL);
    snn_source_close(&source);
    return status;
}

Test(idx, running_out_of_memory_leaves_nothing)
{
    support_put("images", images, sizeof(images));
    support_put("labels", labels_gz, sizeof(labels_gz));
    support_sweep(open_with_labels);
}
