/* Recordings of event cameras: N-MNIST files, folders of them, and their way into spikes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "snn/status.h"
#include "snn/stream.h"
#include "tests/unit/stream/support.h"

TestSuite(recording, .init = support_begin, .fini = support_end);

/* x, y, polarity and 23 bits of time: (1, 2) ON at 5 us, (0, 0) OFF at 70,000 us (1 11 70), (1, 2)
 * ON at 70,001 us and again at 70,002 us. */
static const unsigned char four[] = {1, 2, 0x80, 0,    5,    0, 0, 0x01, 0x11, 0x70,
                                     1, 2, 0x81, 0x11, 0x71, 1, 2, 0x81, 0x11, 0x72};

static struct snn_source *open_events(const char *path, const struct snn_source_options *options)
{
    struct snn_source *source = NULL;
    int status = snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, options);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    return source;
}

/* Events of a recording of the source, with addresses and times from its first event on. */
static const struct snn_event *events_of(const struct snn_source *source, uint64_t index,
                                         uint64_t *count_out)
{
    static struct snn_camera_event read[64];
    static struct snn_event events[64];
    struct snn_context *context = support_context();
    const struct snn_shape shape = snn_source_shape(source);
    struct snn_recording *recording = NULL;
    size_t count = 0, more = 1;
    cr_assert_eq(snn_source_recording(&recording, context, source, index), SNN_OK, "%s",
                 snn_context_message(context));
    while (more > 0) {
        cr_assert_lt(count, 64u);
        cr_assert_eq(snn_recording_read(recording, context, read + count, 64 - count, &more),
                     SNN_OK);
        count += more;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t place = read[i].y * shape.width + read[i].x;
        events[i].time_us = (uint32_t)(read[i].time_us - read[0].time_us);
        events[i].address = place * shape.channels + (shape.channels > 1 ? read[i].polarity : 0u);
    }
    snn_recording_close(&recording);
    *count_out = count;
    return events;
}

static void assert_refused(const char *path, const struct snn_source_options *options, int status,
                           const char *message)
{
    struct snn_source *source = NULL;
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, options),
                 status);
    cr_assert_not_null(strstr(snn_context_message(support_context()), message), "%s",
                       snn_context_message(support_context()));
    cr_assert_null(source);
}

/* Makes a folder below the test's own. */
static const char *put_folder(const char *name)
{
    const char *path = support_path(name);
    cr_assert_eq(mkdir(path, 0700), 0);
    return path;
}

Test(recording, events_have_addresses_and_times_from_the_first_on)
{
    struct snn_source *source = open_events(support_put("a.bin", four, sizeof(four)), NULL);
    uint64_t count = 0;
    struct snn_shape shape = snn_source_shape(source);
    const struct snn_event *events = events_of(source, 0, &count);
    cr_assert(shape.channels == 2 && shape.height == 3 && shape.width == 2);
    cr_assert_eq(snn_source_count(source), 1u);
    cr_assert_eq(count, 4u);
    /* (y * width + x) * channels + polarity */
    cr_assert_eq(events[0].address, (2u * 2u + 1u) * 2u + 1u);
    cr_assert_eq(events[0].time_us, 0u);
    cr_assert_eq(events[1].address, 0u);
    cr_assert_eq(events[1].time_us, 69995u);
    cr_assert_eq(snn_source_duration_us(source), 69998u);
    cr_assert_eq(snn_source_label(source, 0), -1);
    struct snn_recording *recording = NULL;
    cr_assert_eq(snn_source_recording(&recording, support_context(), source, 1), SNN_ERR_INVALID);
    snn_source_close(&source);
}

Test(recording, a_wrapped_timer_adds_8192_us)
{
    /* An event at 8,000 us, the mark y = 240, an event whose time begins anew at 10 us. */
    static const unsigned char wrapped[] = {0, 0, 0, 0x1f, 0x40, 0, 240, 0, 0, 0, 3, 0, 0, 0, 10};
    struct snn_source *source = open_events(support_put("w.bin", wrapped, sizeof(wrapped)), NULL);
    uint64_t count = 0;
    const struct snn_event *events = events_of(source, 0, &count);
    cr_assert_eq(count, 2u);
    cr_assert_eq(events[1].time_us, 8192u + 10u - 8000u);
    snn_source_close(&source);
}

Test(recording, one_channel_takes_both_polarities)
{
    const struct snn_source_options options = {.shape = {1, 4, 4}};
    struct snn_source *source = open_events(support_put("a.bin", four, sizeof(four)), &options);
    uint64_t count = 0;
    cr_assert_eq(events_of(source, 0, &count)[0].address, 2u * 4u + 1u);
    snn_source_close(&source);
}

Test(recording, a_folder_is_read_as_its_labels_list_it)
{
    put_folder("set");
    (void)support_put("set/b.bs2", four, sizeof(four));
    (void)support_put("set/a.bs2", four, 5);
    (void)support_put("set/unlisted", "x", 1);
    static const char text[] = "# name label\nb.bs2 7\r\n\na.bs2\t3\n";
    (void)support_put("set/labels.txt", text, sizeof(text) - 1);
    struct snn_source *source = open_events(support_path("set"), NULL);
    uint64_t count = 0;
    cr_assert_eq(snn_source_count(source), 2u);
    cr_assert(snn_source_has_labels(source));
    cr_assert_eq(snn_source_label(source, 0), 7);
    cr_assert_eq(snn_source_label(source, 1), 3);
    (void)events_of(source, 1, &count);
    cr_assert_eq(count, 1u);
    snn_source_close(&source);
}

Test(recording, folders_named_by_numbers_are_classes)
{
    put_folder("set");
    put_folder("set/4");
    put_folder("set/0");
    put_folder("set/others");
    (void)support_put("set/4/a.bin", four, 5);
    (void)support_put("set/0/b.bin", four, 5);
    (void)support_put("set/0/a.bin", four, sizeof(four));
    struct snn_source *source = open_events(support_path("set"), NULL);
    uint64_t count = 0;
    cr_assert_eq(snn_source_count(source), 3u);
    cr_assert_eq(snn_source_label(source, 0), 0);
    cr_assert_eq(snn_source_label(source, 2), 4);
    (void)events_of(source, 0, &count);
    cr_assert_eq(count, 4u);
    snn_source_close(&source);
}

Test(recording, a_pipe_in_a_folder_is_refused_and_not_waited_for)
{
    put_folder("set");
    put_folder("set/0");
    (void)support_put("set/0/a.bin", four, sizeof(four));
    cr_assert_eq(mkfifo(support_path("set/0/p.raw"), 0600), 0);
    assert_refused(support_path("set"), NULL, SNN_ERR_UNSUPPORTED, "0/p.raw: not a regular file");
    assert_refused(support_path("set/0"), NULL, SNN_ERR_UNSUPPORTED, "p.raw: not a regular file");
    (void)support_put("set/0/labels.txt", "a.bin 1\np.raw 2\n", 16);
    assert_refused(support_path("set/0"), NULL, SNN_ERR_UNSUPPORTED, "line 2: ");
    put_folder("piped");
    cr_assert_eq(mkfifo(support_path("piped/labels.txt"), 0600), 0);
    assert_refused(support_path("piped"), NULL, SNN_ERR_UNSUPPORTED, "labels.txt: not a regular");
}

Test(recording, a_list_of_labels_may_begin_with_a_byte_order_mark)
{
    put_folder("set");
    (void)support_put("set/a.bin", four, sizeof(four));
    (void)support_put("set/labels.txt",
                      "\xef\xbb\xbf"
                      "a.bin 3\n",
                      11);
    struct snn_source *source = open_events(support_path("set"), NULL);
    cr_assert_eq(snn_source_label(source, 0), 3);
    snn_source_close(&source);
}

Test(recording, a_missing_file_is_told_with_its_line)
{
    put_folder("set");
    (void)support_put("set/a.bin", four, sizeof(four));
    (void)support_put("set/labels.txt", "a.bin 3\nb.bin 4\n", 16);
    assert_refused(support_path("set"), NULL, SNN_ERR_NOT_FOUND, "labels.txt: line 2: ");
    (void)support_put("set/labels.txt", "a.bin,3\n", 8);
    assert_refused(support_path("set"), NULL, SNN_ERR_FORMAT, "line 1: 'a.bin,3' is not");
    cr_assert_not_null(strstr(snn_context_hint(support_context()), "whole number"));
}

Test(recording, what_is_wrong_is_named)
{
    static const unsigned char backwards[] = {0, 0, 0, 0, 9, 0, 0, 0, 0, 8};
    const struct snn_source_options small = {.shape = {2, 2, 2}};
    assert_refused(support_put("cut.bin", four, 7), NULL, SNN_ERR_FORMAT, "not a recording");
    assert_refused(support_put("back.bin", backwards, 10), NULL, SNN_ERR_FORMAT, "not a recording");
    assert_refused(support_put("a.bin", four, sizeof(four)), &small, SNN_ERR_FORMAT,
                   "a sensor of 2x2 is wanted");
    assert_refused(put_folder("empty"), NULL, SNN_ERR_NOT_FOUND, "no recordings");
    assert_refused(support_path("none"), NULL, SNN_ERR_NOT_FOUND, "none");
    put_folder("set");
    (void)support_put("set/a.bin", four, sizeof(four));
    (void)support_put("set/labels.txt", "a.bin 3\nb.bin x\n", 16);
    assert_refused(support_path("set"), NULL, SNN_ERR_FORMAT, "line 2");
}

Test(recording, a_path_tells_what_it_holds)
{
    struct snn_context *context = support_context();
    const char *path = support_put("a.bin", four, sizeof(four));
    cr_assert_eq(snn_source_guess(context, path), SNN_SOURCE_EVENTS);
    cr_assert_eq(snn_source_guess(context, put_folder("set")), SNN_SOURCE_EVENTS);
    cr_assert_eq(snn_source_guess(context, support_path("none")), SNN_SOURCE_FRAMES);
    path = support_put("text", "hello", 6);
    cr_assert_eq(snn_source_guess(context, path), SNN_SOURCE_FRAMES);
}

/* Steps of 35 ms: the first event in step 0, OFF at 69,995 us in step 1; the last two, at 69,996
 * and 69,997 us, share step and address and count as two spikes. */
Test(recording, events_are_binned_and_add_up)
{
    struct snn_context *context = support_context();
    struct snn_source *source = open_events(support_put("a.bin", four, sizeof(four)), NULL);
    const struct snn_encoder_options options = {.timesteps = 3, .dt_us = 35000.0};
    struct snn_encoder *encoder = NULL;
    struct snn_spikes spikes;
    cr_assert_eq(snn_encoder_create(&encoder, context, &options, snn_source_shape(source)), SNN_OK);
    cr_assert_eq(snn_encoder_begin_recorded(encoder, context, source, 0), SNN_OK);
    cr_assert_eq(snn_encoder_next(encoder, context, 3, &spikes), SNN_OK);
    cr_assert_eq(spikes.step_begin[1], 1u);
    cr_assert_eq(spikes.step_begin[2], 3u);
    cr_assert_eq(spikes.step_begin[3], 3u);
    cr_assert_eq(spikes.address[0], 11u);
    cr_assert_eq(spikes.address[1], 0u);
    cr_assert_eq(spikes.address[2], 11u);
    cr_assert_eq(spikes.count[0], 1.0f);
    cr_assert_eq(spikes.count[2], 2.0f);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

Test(recording, one_without_events_is_refused_alone_and_taken_among_others)
{
    static const unsigned char wraps[] = {0, 240, 0, 0, 0, 0, 240, 0, 0, 0};
    assert_refused(support_put("w.bin", wraps, 10), NULL, SNN_ERR_FORMAT, "not a single event");
    put_folder("set");
    (void)support_put("set/a.bin", wraps, 10);
    (void)support_put("set/b.bin", four, sizeof(four));
    struct snn_source *source = open_events(support_path("set"), NULL);
    uint64_t count = 1;
    (void)events_of(source, 0, &count);
    cr_assert_eq(count, 0u);
    (void)events_of(source, 1, &count);
    cr_assert_eq(count, 4u);
    snn_source_close(&source);
}

Test(recording, labels_of_a_single_file_are_refused)
{
    const struct snn_source_options options = {.labels = "labels.txt"};
    assert_refused(support_put("a.bin", four, sizeof(four)), &options, SNN_ERR_INVALID,
                   "go with a folder");
}

/* 20 bytes a file, a limit of 48: recordings are never held whole. */
Test(recording, a_list_may_name_one_file_again_and_again)
{
    const struct snn_limits limits = {.file_bytes = 48};
    struct snn_context *context = support_limited(&limits);
    struct snn_source *source = NULL;
    put_folder("set");
    (void)support_put("set/a", four, sizeof(four));
    (void)support_put("set/labels.txt", "a 1\na 1\na 1\na 1\n", 16);
    cr_assert_eq(snn_source_open(&source, context, support_path("set"), SNN_SOURCE_EVENTS, NULL),
                 SNN_OK);
    cr_assert_eq(snn_source_count(source), 4u);
    snn_source_close(&source);
    snn_context_destroy(&context);
}

/* The four events above, by gzip. */
Test(recording, a_packed_recording_is_guessed_and_read)
{
    static const unsigned char packed[] = {
        0x1f, 0x8b, 0x08, 0,    0,    0,    0,    0,    0,    0xff, 0x01, 20, 0,    0xeb, 0xff,
        1,    2,    0x80, 0,    5,    0,    0,    0x01, 0x11, 0x70, 1,    2,  0x81, 0x11, 0x71,
        1,    2,    0x81, 0x11, 0x72, 0x26, 0x9b, 0x03, 0xbb, 20,   0,    0,  0};
    const char *path = support_put("a.bin.gz", packed, sizeof(packed));
    cr_assert_eq(snn_source_guess(support_context(), path), SNN_SOURCE_EVENTS);
    struct snn_source *source = open_events(path, NULL);
    uint64_t count = 0;
    (void)events_of(source, 0, &count);
    cr_assert_eq(count, 4u);
    snn_source_close(&source);
}

Test(recording, steps_without_length_are_refused)
{
    const double lengths[] = {-1.0, (double)NAN, (double)INFINITY};
    const struct snn_shape shape = {2, 3, 2};
    for (size_t i = 0; i < 3; i++) {
        const struct snn_encoder_options options = {.timesteps = 3, .dt_us = lengths[i]};
        struct snn_encoder *encoder = NULL;
        cr_assert_eq(snn_encoder_create(&encoder, support_context(), &options, shape),
                     SNN_ERR_INVALID);
        cr_assert_null(encoder);
    }
}

static int open_and_close(struct snn_context *context)
{
    struct snn_source *source = NULL;
    int status = snn_source_open(&source, context, support_path("set"), SNN_SOURCE_EVENTS, NULL);
    snn_source_close(&source);
    return status;
}

Test(recording, text_is_no_recording_whatever_its_length)
{
    struct snn_source *source = NULL;
    const char *path = support_put("hello.bin", "hello", 5);
    cr_assert_eq(snn_source_guess(support_context(), path), SNN_SOURCE_FRAMES);
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, NULL),
                 SNN_ERR_FORMAT);
    path = support_put("hello.bin", "hell\1", 5);
    cr_assert_eq(snn_source_guess(support_context(), path), SNN_SOURCE_EVENTS);
}

Test(recording, memory_may_run_out_anywhere)
{
    put_folder("set");
    (void)support_put("set/a.bin", four, sizeof(four));
    (void)support_put("set/labels.txt", "a.bin 3\n", 8);
    support_sweep(open_and_close);
}
