/* Recordings as they are read: times that step back, files that change, long ones, and how an
 * encoder goes through them. The bytes are N-MNIST's, five an event: x, y, polarity and 23 bits of
 * time; y = 240 is no event but adds 8192 us.
 */
#include "snn/recording.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snn/status.h"
#include "snn/stream.h"
#include "tests/unit/stream/support.h"

TestSuite(reading, .init = support_begin, .fini = support_end);

enum { EVENT = 5, ROOM = 64 };

static struct snn_camera_event events[ROOM];
static size_t event_count;
static struct snn_recording_info info;

static void put_event(unsigned char *at, uint32_t time_us, unsigned x, unsigned y, unsigned on)
{
    at[0] = (unsigned char)x;
    at[1] = (unsigned char)y;
    at[2] = (unsigned char)(on << 7 | time_us >> 16);
    at[3] = (unsigned char)(time_us >> 8);
    at[4] = (unsigned char)time_us;
}

/* A recording of events of both polarities at (1, 2), at these times. */
static const char *put_times(const char *name, const uint32_t *times, size_t count)
{
    static unsigned char bytes[ROOM * EVENT];
    for (size_t i = 0; i < count; i++)
        put_event(bytes + i * EVENT, times[i], 1, 2, i % 2);
    return support_put(name, bytes, count * EVENT);
}

/* Reads to the end or the first error with room for so many events. */
static int read_through(const char *path, const char *view, size_t room)
{
    const struct snn_recording_options options = {.view = view};
    struct snn_recording *recording = NULL;
    size_t more = 1;
    event_count = 0;
    int status = snn_recording_open(&recording, support_context(), path, &options);
    while (status == SNN_OK && more > 0) {
        cr_assert_leq(event_count + room, (size_t)ROOM);
        status =
            snn_recording_read(recording, support_context(), events + event_count, room, &more);
        if (status == SNN_OK) event_count += more;
    }
    if (recording != NULL) snn_recording_describe(recording, &info);
    snn_recording_close(&recording);
    cr_assert_null(recording);
    return status;
}

static struct snn_source *open_source(const char *path, const char *view)
{
    const struct snn_source_options options = {.view = view};
    struct snn_source *source = NULL;
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, &options),
                 SNN_OK, "%s", snn_context_message(support_context()));
    return source;
}

static bool told(const char *text)
{
    return strstr(snn_context_message(support_context()), text) != NULL;
}

Test(reading, what_was_read_is_counted)
{
    static const uint32_t times[] = {5, 70, 70, 900};
    const char *path = put_times("a.bin", times, 4);
    for (size_t room = 1; room <= 8; room++) {
        cr_assert_eq(read_through(path, NULL, room), SNN_OK);
        cr_assert_eq(event_count, 4u);
        cr_assert_str_eq(info.format, "N-MNIST");
        cr_assert(info.event_count == 4 && info.on_count == 2 && info.unseen_count == 0);
        cr_assert(info.first_us == 5 && info.last_us == 900 && info.late_count == 0);
    }
    cr_assert_eq(read_through(path, "polarity=on", 1), SNN_OK);
    cr_assert(info.event_count == 2 && info.unseen_count == 2 && info.first_us == 70);
}

Test(reading, a_little_step_back_is_taken_to_be_of_the_time_before)
{
    /* The first 4 KiB of N-MNIST have to ascend, or it is not taken for it. */
    static unsigned char bytes[1000 * EVENT];
    for (uint32_t i = 0; i < 1000; i++)
        put_event(bytes + i * EVENT, 100000 + i, 1, 2, 0);
    put_event(bytes + 995 * EVENT, 100994 - 100000, 1, 2, 0);
    const char *path = support_put("a.bin", bytes, sizeof(bytes));
    struct snn_source *source = open_source(path, NULL);
    cr_assert_eq(snn_source_duration_us(source), 1000u);
    cr_assert_not_null(
        strstr(support_diagnostics(), "events whose time steps back: 1, by 100000 us at most"),
        "%s", support_diagnostics());
    snn_source_close(&source);
}

Test(reading, a_large_step_back_is_refused_with_its_place)
{
    static unsigned char bytes[1000 * EVENT];
    for (uint32_t i = 0; i < 1000; i++)
        put_event(bytes + i * EVENT, 200000 + i, 1, 2, 0);
    put_event(bytes + 995 * EVENT, 200994 - 100001, 1, 2, 0);
    struct snn_source *source = NULL;
    cr_assert_eq(snn_source_open(&source, support_context(),
                                 support_put("a.bin", bytes, sizeof(bytes)), SNN_SOURCE_EVENTS,
                                 NULL),
                 SNN_ERR_FORMAT);
    cr_assert(told("a.bin: bytes 0 to 5000: event 995: time 100993 us after 200994 us"), "%s",
              snn_context_message(support_context()));
}

Test(reading, behind_an_error_nothing_is_read)
{
    static unsigned char bytes[1000 * EVENT];
    for (uint32_t i = 0; i < 1000; i++)
        put_event(bytes + i * EVENT, i < 990 ? 200000 : 0, 1, 2, 0);
    struct snn_recording *recording = NULL;
    struct snn_camera_event *room = calloc(1000, sizeof(*room));
    size_t count = 0;
    cr_assert_eq(snn_recording_open(&recording, support_context(),
                                    support_put("a.bin", bytes, sizeof(bytes)), NULL),
                 SNN_OK);
    cr_assert_eq(snn_recording_read(recording, support_context(), room, 1000, &count),
                 SNN_ERR_FORMAT);
    cr_assert_eq(snn_recording_read(recording, support_context(), room, 1000, &count),
                 SNN_ERR_INVALID);
    snn_recording_close(&recording);
    free(room);
}

Test(reading, empty_and_unknown_files_are_refused)
{
    cr_assert_eq(read_through(support_put("a", "", 0), NULL, 8), SNN_ERR_FORMAT);
    cr_assert(told("a: the file is empty"));
    cr_assert_eq(read_through(support_put("b", "\xff\xff\xff\xff\xff", 5), NULL, 8),
                 SNN_ERR_FORMAT);
    cr_assert(told("b: not a recording of events that is known"));
    cr_assert_eq(read_through(support_put("c", "\1\2\3\4\5", 5), "polarity=none", 8),
                 SNN_ERR_INVALID);
}

/* N-MNIST does not say how large its sensor is. */
Test(reading, a_mirror_without_a_cut_needs_a_size)
{
    static const uint32_t times[] = {5, 70};
    const char *path = put_times("a.bin", times, 2);
    cr_assert_eq(read_through(path, "mirror=x", 8), SNN_ERR_INVALID);
    cr_assert(told("a.bin: mirror=x and mirror=y need to know how large the picture is"));
    struct snn_source_options options = {.view = "mirror=x,mirror=diagonal", .shape = {2, 8, 10}};
    struct snn_source *source = NULL;
    struct snn_recording *recording = NULL;
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, &options),
                 SNN_OK);
    cr_assert_eq(snn_source_recording(&recording, support_context(), source, 0), SNN_OK);
    cr_assert_eq(snn_recording_read(recording, support_context(), events, 8, &event_count), SNN_OK);
    /* The picture is 8 columns wide before x and y change places. */
    cr_assert(event_count == 2 && events[0].x == 2 && events[0].y == 8 - 1 - 1);
    snn_recording_close(&recording);
    snn_source_close(&source);
    options.view = "mirror=x";
    options.shape = (struct snn_shape){2, 2, 2};
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, &options),
                 SNN_ERR_FORMAT);
    cr_assert(told("a.bin: an event at (1, 2), a picture of 2x2 is to be turned round"));
}

static bool count_down(void *user)
{
    int *left = user;
    return (*left)-- > 0;
}

Test(reading, who_reads_may_be_stopped)
{
    static const uint32_t times[] = {5, 70};
    int left = 1;
    const char *path = put_times("a.bin", times, 2);
    const struct snn_recording_options options = {.go_on = count_down, .user = &left};
    struct snn_recording *recording = NULL;
    cr_assert_eq(snn_recording_open(&recording, support_context(), path, &options), SNN_OK);
    cr_assert_eq(snn_recording_read(recording, support_context(), events, 1, &event_count), SNN_OK);
    cr_assert_eq(snn_recording_read(recording, support_context(), events, 1, &event_count),
                 SNN_ERR_CANCELLED);
    snn_recording_close(&recording);
    const struct snn_source_options scan = {.go_on = count_down, .user = &left};
    struct snn_source *source = NULL;
    left = 1;
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_EVENTS, &scan),
                 SNN_ERR_CANCELLED);
    cr_assert_null(source);
}

Test(reading, room_for_no_event_is_refused)
{
    static const uint32_t times[] = {5};
    struct snn_recording *recording = NULL;
    cr_assert_eq(
        snn_recording_open(&recording, support_context(), put_times("a.bin", times, 1), NULL),
        SNN_OK);
    cr_assert_eq(snn_recording_read(recording, support_context(), events, 0, &event_count),
                 SNN_ERR_INVALID);
    cr_assert_eq(snn_recording_read(recording, support_context(), events, 1, &event_count), SNN_OK);
    cr_assert_eq(event_count, 1u);
    snn_recording_close(&recording);
}

/* A source needs a pipe twice: it is held, here by a child that writes it once. */
Test(reading, a_pipe_is_as_good_as_a_file)
{
    static const uint32_t times[] = {5, 70, 70, 900};
    unsigned char bytes[4 * EVENT];
    (void)put_times("a.bin", times, 4);
    cr_assert_eq(support_get("a.bin", bytes, sizeof(bytes)), sizeof(bytes));
    const char *path = support_path("pipe");
    int result = 1;
    cr_assert_eq(mkfifo(path, 0600), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int to = open(path, O_WRONLY);
        _exit(to >= 0 && write(to, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) ? 0 : 1);
    }
    struct snn_source *source = NULL;
    struct snn_recording *recording = NULL;
    cr_assert_eq(snn_source_guess(support_context(), path), SNN_SOURCE_ANY);
    cr_assert_eq(snn_source_open(&source, support_context(), path, SNN_SOURCE_ANY, NULL), SNN_OK);
    cr_assert_eq(snn_source_kind(source), SNN_SOURCE_EVENTS);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(snn_source_recording(&recording, support_context(), source, 0), SNN_OK);
        cr_assert_eq(snn_recording_read(recording, support_context(), events, 8, &event_count),
                     SNN_OK);
        cr_assert(event_count == 4 && events[3].time_us == 900);
        snn_recording_close(&recording);
    }
    snn_source_close(&source);
    cr_assert(waitpid(child, &result, 0) == child && result == 0);
}

/* ---- Files that change under the reader's hands ---- */

static struct snn_encoder *encoder_of(const struct snn_source *source, uint32_t timesteps,
                                      double dt_us)
{
    const struct snn_encoder_options options = {
        .timesteps = timesteps, .dt_us = dt_us, .singles = true};
    struct snn_encoder *encoder = NULL;
    cr_assert_eq(
        snn_encoder_create(&encoder, support_context(), &options, snn_source_shape(source)),
        SNN_OK);
    return encoder;
}

Test(reading, a_file_that_was_replaced_is_told)
{
    static const uint32_t times[] = {5, 70, 70, 900};
    struct snn_source *source = open_source(put_times("a.bin", times, 4), NULL);
    struct snn_encoder *encoder = encoder_of(source, 2, 1000.0);
    (void)put_times("a.bin", times, 3);
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_ERR_IO);
    cr_assert(told("sample 0: ") && told("a.bin: has changed since it was opened"), "%s",
              snn_context_message(support_context()));
    cr_assert_eq(unlink(support_path("a.bin")), 0);
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0),
                 SNN_ERR_NOT_FOUND);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

/* Written to behind begin: one event less, and one off the sensor. Both files are longer than what
 * is read at once. */
Test(reading, a_file_that_is_written_to_while_it_is_read_is_told)
{
    enum { COUNT = 40000 };
    static unsigned char bytes[COUNT * EVENT];
    for (uint32_t i = 0; i < COUNT; i++)
        put_event(bytes + i * EVENT, 10 * i, 1, 2, 0);
    for (int off = 0; off < 2; off++) {
        struct snn_source *source = open_source(support_put("a.bin", bytes, sizeof(bytes)), NULL);
        struct snn_encoder *encoder = encoder_of(source, 2, 1e6);
        struct snn_spikes spikes;
        cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
        const int file = open(support_path("a.bin"), O_WRONLY);
        if (off == 0) cr_assert_eq(ftruncate(file, (COUNT - 1) * EVENT), 0);
        if (off == 1) cr_assert_eq(pwrite(file, "\x9\x9", 2, (COUNT - 1) * EVENT), 2);
        cr_assert_eq(close(file), 0);
        cr_assert_eq(snn_encoder_next(encoder, support_context(), 2, &spikes), SNN_ERR_IO);
        cr_assert(told("sample 0: ") && told("has changed since it was opened"));
        snn_encoder_destroy(&encoder);
        snn_source_close(&source);
    }
}

/* ---- Long ones ---- */

/* Two events 2^33 + 8192 us apart, by 1,048,577 wraps of 8192 us: 2 h 23 min. */
Test(reading, a_recording_may_last_longer_than_32_bits_of_microseconds)
{
    enum { WRAPS = 1048577 };
    const uint64_t last_us = (uint64_t)WRAPS * 8192;
    unsigned char *bytes = calloc(WRAPS + 2, EVENT);
    cr_assert_not_null(bytes);
    put_event(bytes, 7, 1, 2, 1);
    for (uint32_t i = 1; i <= WRAPS; i++)
        put_event(bytes + i * EVENT, 0, 0, 240, 0);
    put_event(bytes + (WRAPS + 1) * EVENT, 7, 0, 0, 0);
    struct snn_source *source = open_source(support_put("a.bin", bytes, (WRAPS + 2) * EVENT), NULL);
    free(bytes);
    cr_assert_eq(snn_source_duration_us(source), last_us + 1);
    /* Steps of a minute: the last event falls 55.5 s into step 143 (143.99 min), which is row 15 of
     * the fifth chunk of 32. */
    struct snn_encoder *encoder = encoder_of(source, 160, 60e6);
    struct snn_spikes spikes;
    uint64_t found = 0;
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
    for (uint32_t chunk = 0; chunk < 5; chunk++) {
        cr_assert_eq(snn_encoder_next(encoder, support_context(), 32, &spikes), SNN_OK);
        for (uint32_t t = 0; t < 32; t++) {
            if (spikes.event_begin[t] == spikes.event_begin[t + 1]) continue;
            const struct snn_event *event = &spikes.event[spikes.event_begin[t]];
            found++;
            cr_assert_eq(chunk * 32 + t, found == 1 ? 0 : last_us / 60000000);
            cr_assert_eq(spikes.event_origin_us, chunk * 32 * UINT64_C(60000000));
            cr_assert_eq(spikes.event_origin_us + event->time_us, found == 1 ? 0 : last_us);
            cr_assert_eq(spikes.step_begin[t + 1] - spikes.step_begin[t], 1u);
        }
    }
    cr_assert_eq(found, 2u);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

/* A chunk of 32 steps of 10 minutes is longer than single events can say. */
Test(reading, steps_too_long_for_single_events_are_refused)
{
    enum { WRAPS = 1048577 };
    unsigned char *bytes = calloc(WRAPS + 2, EVENT);
    cr_assert_not_null(bytes);
    for (uint32_t i = 1; i <= WRAPS; i++)
        bytes[i * EVENT + 1] = 240;
    struct snn_source *source = open_source(support_put("a.bin", bytes, (WRAPS + 2) * EVENT), NULL);
    free(bytes);
    struct snn_encoder *encoder = encoder_of(source, 32, 600e6);
    struct snn_spikes spikes;
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 32, &spikes), SNN_ERR_LIMIT);
    cr_assert(told("us after the first of 32 steps"));
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

/* ---- Lists of steps ---- */

/* 300 events a step on a sensor of 200 x 100, against a plain count. */
Test(reading, steps_hold_what_a_plain_count_says)
{
    enum { STEPS = 40, A_STEP = 300, WIDTH = 200, HEIGHT = 100 };
    static unsigned char bytes[STEPS * A_STEP * EVENT];
    static uint32_t plain[STEPS][2 * WIDTH * HEIGHT];
    uint32_t random = 1;
    for (uint32_t i = 0; i < STEPS * A_STEP; i++) {
        random = random * 1664525 + 1013904223;
        const uint32_t x = i == 0 ? WIDTH - 1 : (random >> 8) % 40 * 5, on = random >> 31;
        const uint32_t y = i == 0 ? HEIGHT - 1 : (random >> 16) % 10 * 7;
        put_event(bytes + i * EVENT, i, x, y, on);
        plain[i / A_STEP][(y * WIDTH + x) * 2 + on]++;
    }
    struct snn_source *source = open_source(support_put("a.bin", bytes, sizeof(bytes)), NULL);
    struct snn_encoder *encoder = encoder_of(source, STEPS, A_STEP);
    struct snn_spikes spikes;
    for (uint32_t chunk = 1; chunk <= 32; chunk += 31) {
        cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
        for (uint32_t step = 0; step < STEPS; step += chunk) {
            const uint32_t count = STEPS - step < chunk ? STEPS - step : chunk;
            cr_assert_eq(snn_encoder_next(encoder, support_context(), count, &spikes), SNN_OK);
            for (uint32_t t = 0; t < count; t++) {
                uint32_t i = spikes.step_begin[t];
                for (uint32_t a = 0; a < 2 * WIDTH * HEIGHT; a++) {
                    if (plain[step + t][a] == 0) continue;
                    cr_assert_lt(i, spikes.step_begin[t + 1]);
                    cr_assert_eq(spikes.address[i], a);
                    cr_assert_eq(spikes.count ? spikes.count[i] : 1.0f, (float)plain[step + t][a]);
                    i++;
                }
                cr_assert_eq(i, spikes.step_begin[t + 1]);
                cr_assert_eq(spikes.event_begin[t + 1] - spikes.event_begin[t], A_STEP);
            }
        }
    }
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

Test(reading, single_events_come_only_where_they_are_asked_for)
{
    static const uint32_t times[] = {5, 70, 70, 900};
    const struct snn_encoder_options options = {.timesteps = 2};
    struct snn_source *source = open_source(put_times("a.bin", times, 4), NULL);
    struct snn_encoder *encoder = NULL;
    struct snn_spikes spikes;
    cr_assert_eq(
        snn_encoder_create(&encoder, support_context(), &options, snn_source_shape(source)),
        SNN_OK);
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 2, &spikes), SNN_OK);
    cr_assert_eq(spikes.step_begin[2], 2u);
    cr_assert_null(spikes.event_begin);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

/* ---- Digests ---- */

static uint64_t digest_of(const char *path, const char *view)
{
    struct snn_source *source = open_source(path, view);
    const uint64_t digest = snn_source_digest(source);
    snn_source_close(&source);
    return digest;
}

Test(reading, a_digest_tells_contents_labels_and_views_apart_and_not_names)
{
    static const uint32_t times[] = {5, 70, 70, 900}, others[] = {5, 70, 71, 900};
    cr_assert_eq(mkdir(support_path("set"), 0700), 0);
    (void)put_times("set/a", times, 4);
    (void)support_put("set/labels.txt", "a 1\n", 4);
    const uint64_t labelled = digest_of(support_path("set"), NULL);
    (void)support_put("set/labels.txt", "a 2\n", 4);
    cr_assert_neq(digest_of(support_path("set"), NULL), labelled);
    (void)support_put("set/labels.txt", "a 1\n", 4);
    cr_assert_eq(digest_of(support_path("set"), NULL), labelled);
    const uint64_t plain = digest_of(put_times("b.bin", times, 4), NULL);
    cr_assert_eq(digest_of(put_times("c.bin", times, 4), NULL), plain);
    cr_assert_neq(digest_of(put_times("d.bin", others, 4), NULL), plain);
    cr_assert_neq(digest_of(support_path("c.bin"), "polarity=swap"), plain);
    cr_assert_neq(plain, labelled);
}

static int read_some(struct snn_context *context)
{
    const struct snn_encoder_options options = {.timesteps = 3, .singles = true};
    struct snn_source *source = NULL;
    struct snn_encoder *encoder = NULL;
    struct snn_spikes spikes;
    int status = snn_source_open(&source, context, support_path("a.bin"), SNN_SOURCE_EVENTS, NULL);
    if (status == SNN_OK)
        status = snn_encoder_create(&encoder, context, &options, snn_source_shape(source));
    if (status == SNN_OK) status = snn_encoder_begin_recorded(encoder, context, source, 0);
    if (status == SNN_OK) status = snn_encoder_next(encoder, context, 3, &spikes);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
    return status;
}

Test(reading, memory_may_run_out_anywhere)
{
    static const uint32_t times[] = {5, 70, 70, 900};
    (void)put_times("a.bin", times, 4);
    support_sweep(read_some);
}
