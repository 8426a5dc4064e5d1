/* Tapes: what was told is what is read, in its order; whatever is wrong with a file is found before
 * anything is handed out.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "device/transport/tape.h"
#include "snn/recording.h"
#include "snn/status.h"
#include "tests/unit/support.h"

TestSuite(tape, .init = support_begin, .fini = support_end);

enum { ROOM = 1 << 20, HEADER = 16, URI = 12, PER_THREAD = 2000 };

static uint8_t bytes[ROOM];
static size_t size;
static struct snndev_tape_reader reader;
static struct snndev_tape_record record;

static struct snndev_tape *begin(void)
{
    struct snndev_tape *tape = NULL;
    cr_assert_eq(
        snndev_tape_create(&tape, support_context(), support_path("a.tape"), "vdev:speck2f"),
        SNN_OK);
    return tape;
}

static void end(struct snndev_tape *tape)
{
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_OK);
    cr_assert_null(tape);
    size = support_get("a.tape", bytes, sizeof(bytes));
}

static int open_bytes(void)
{
    return snndev_tape_open(&reader, support_context(), "a.tape", bytes, size);
}

static void write_session(void)
{
    static const struct snnwire_request hello = {SNNWIRE_CODE_HELLO, true, 0, 0, 0, 64};
    static const struct snnwire_request refused = {SNNWIRE_CODE_COMMIT, false, 0, 0, 0, 0};
    static const uint8_t answer[64] = {1, 0, 7}, out[16] = {1, 2, 3}, in[5] = {9, 8, 7, 6, 5};
    struct snndev_tape *tape = begin();
    snndev_tape_request(tape, &hello, answer, sizeof(answer), SNN_OK);
    snndev_tape_out(tape, out, sizeof(out));
    snndev_tape_in(tape, in, sizeof(in), SNNDEV_TIMED_OUT);
    snndev_tape_in(tape, NULL, 0, SNNDEV_STALLED);
    snndev_tape_request(tape, &refused, NULL, 0, SNN_ERR_PROTOCOL);
    end(tape);
}

Test(tape, what_was_told_is_what_is_read)
{
    write_session();
    cr_assert(snndev_tape_probe(bytes, size));
    cr_assert_eq(open_bytes(), SNN_OK);
    cr_assert_str_eq(reader.uri, "vdev:speck2f");
    cr_assert(snndev_tape_next(&reader, &record));
    cr_assert(record.kind == SNNDEV_TAPE_REQUEST && record.status == SNN_OK);
    cr_assert(record.request.code == SNNWIRE_CODE_HELLO && record.request.in);
    cr_assert(record.size == 64 && record.data[2] == 7 && record.offset == HEADER + URI);
    cr_assert(snndev_tape_next(&reader, &record));
    cr_assert(record.kind == SNNDEV_TAPE_OUT && record.size == 16 && record.data[2] == 3);
    cr_assert(snndev_tape_next(&reader, &record));
    cr_assert(record.kind == SNNDEV_TAPE_IN && record.outcome == SNNDEV_TIMED_OUT);
    cr_assert(record.size == 5 && record.data[4] == 5);
    cr_assert(snndev_tape_next(&reader, &record));
    cr_assert(record.outcome == SNNDEV_STALLED && record.size == 0);
    cr_assert(snndev_tape_next(&reader, &record));
    cr_assert(record.status == SNN_ERR_PROTOCOL && record.request.code == SNNWIRE_CODE_COMMIT);
    cr_assert(!snndev_tape_next(&reader, &record));
}

Test(tape, a_file_that_is_cut_anywhere_is_refused)
{
    write_session();
    const size_t whole = size;
    for (size = 0; size < whole; size++) {
        cr_assert_eq(open_bytes(), SNN_ERR_FORMAT, "%zu bytes of %zu", size, whole);
        cr_assert_not_null(strstr(snn_context_message(support_context()), "a.tape"));
    }
    size = whole + 1;
    cr_assert_eq(open_bytes(), SNN_ERR_FORMAT);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "behind the end record"));
}

Test(tape, every_flipped_bit_is_found)
{
    write_session();
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
        const int status = open_bytes();
        cr_assert(status == SNN_ERR_FORMAT || status == SNN_ERR_UNSUPPORTED, "bit %zu", bit);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
    }
    cr_assert_eq(open_bytes(), SNN_OK);
}

Test(tape, a_tape_that_is_not_closed_leaves_no_file)
{
    static const uint8_t out[16] = {0};
    struct snndev_tape *tape = begin();
    snndev_tape_out(tape, out, sizeof(out));
    snndev_tape_abandon(&tape);
    cr_assert_null(tape);
    cr_assert_null(fopen(support_path("a.tape"), "r"));
}

Test(tape, a_folder_that_is_not_there_is_told_at_once)
{
    struct snndev_tape *tape = NULL;
    cr_assert_eq(snndev_tape_create(&tape, support_context(), "/no/such/folder/a.tape", "vdev:x"),
                 SNN_ERR_NOT_FOUND);
    cr_assert_null(tape);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "/no/such/folder"));
}

Test(tape, a_full_disk_is_told_by_the_close)
{
    static const uint8_t out[65536] = {0};
    struct snndev_tape *tape = NULL;
    cr_assert_eq(snndev_tape_create(&tape, support_context(), "/dev/full", "vdev:x"), SNN_OK);
    for (int i = 0; i < 10; i++)
        snndev_tape_out(tape, out, sizeof(out));
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_ERR_IO);
    cr_assert_null(tape);
}

static void *tell_in(void *user)
{
    for (uint32_t i = 0; i < PER_THREAD; i++)
        snndev_tape_in(user, (const uint8_t *)&i, sizeof(i), SNNDEV_COMPLETED);
    return NULL;
}

Test(tape, two_threads_are_kept_in_one_order)
{
    pthread_t thread;
    uint32_t seen[2] = {0, 0};
    uint64_t before = 0;
    struct snndev_tape *tape = begin();
    cr_assert_eq(pthread_create(&thread, NULL, tell_in, tape), 0);
    for (uint32_t i = 0; i < PER_THREAD; i++)
        snndev_tape_out(tape, (const uint8_t *)&i, sizeof(i));
    pthread_join(thread, NULL);
    end(tape);
    cr_assert_eq(open_bytes(), SNN_OK);
    while (snndev_tape_next(&reader, &record)) {
        uint32_t *next = &seen[record.kind == SNNDEV_TAPE_IN];
        cr_assert(record.time_us >= before && memcmp(record.data, next, sizeof(*next)) == 0);
        before = record.time_us;
        ++*next;
    }
    cr_assert(seen[0] == PER_THREAD && seen[1] == PER_THREAD);
}

static int record_one(struct snn_context *context)
{
    static const uint8_t out[16] = {0};
    struct snndev_tape *tape = NULL;
    int status = snndev_tape_create(&tape, context, support_path("b.tape"), "vdev:x");
    if (status != SNN_OK) return status;
    snndev_tape_out(tape, out, sizeof(out));
    return snndev_tape_close(&tape, context);
}

Test(tape, out_of_memory_is_told_and_gives_all_back)
{
    support_sweep(record_one);
}

/* A tape is asked for whole, so what the reader holds grows to more than it begins with; up to the
 * limit of a file. 32,000 columns behind a row, 1 us apart, in records of 4000 bytes. */
Test(tape, of_a_camera_is_a_recording_however_long)
{
    enum { EVENTS = 32000, A_RECORD = 1000 };
    static struct snn_camera_event events[EVENTS + 777];
    static uint8_t words[A_RECORD * 4];
    const struct snn_limits limits = {.file_bytes = 100000};
    struct snn_context *small = support_limited(&limits);
    struct snn_recording *recording = NULL;
    struct snndev_tape *tape = NULL;
    const char *path = support_path("camera.tape");
    size_t count = 0, more = 1;
    cr_assert_eq(snndev_tape_create(&tape, support_context(), path, "usb:152a:841b"), SNN_OK);
    static const uint8_t row[] = {0x64, 0x10};
    snndev_tape_in(tape, row, sizeof(row), SNNDEV_COMPLETED);
    for (unsigned i = 0; i < EVENTS; i++) {
        const unsigned at = i % A_RECORD * 4, time = 0x8000u | i, column = 0x3000u | i % 346;
        words[at] = (uint8_t)time;
        words[at + 1] = (uint8_t)(time >> 8);
        words[at + 2] = (uint8_t)column;
        words[at + 3] = (uint8_t)(column >> 8);
        if (i % A_RECORD == A_RECORD - 1)
            snndev_tape_in(tape, words, sizeof(words), SNNDEV_COMPLETED);
    }
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_OK);
    cr_assert_eq(snn_recording_open(&recording, support_context(), path, NULL), SNN_OK);
    while (more > 0) {
        cr_assert_leq(count, (size_t)EVENTS);
        cr_assert_eq(snn_recording_read(recording, support_context(), events + count, 777, &more),
                     SNN_OK);
        count += more;
    }
    cr_assert_eq(count, (size_t)EVENTS);
    for (unsigned i = 0; i < EVENTS; i++)
        cr_assert(events[i].time_us == i && events[i].x == i % 346 && events[i].y == 100);
    snn_recording_close(&recording);
    cr_assert_eq(snn_recording_open(&recording, small, path, NULL), SNN_OK);
    cr_assert_eq(snn_recording_read(recording, small, events, 10, &more), SNN_ERR_LIMIT);
    cr_assert_not_null(strstr(snn_context_message(small), "limit of 100000 bytes"));
    snn_recording_close(&recording);
    snn_context_destroy(&small);
}
