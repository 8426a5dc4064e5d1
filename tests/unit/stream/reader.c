/* Files read in order: plain, packed, from pipes and from memory. The packed streams are made by
 * hand as in inflate.c.
 */
#include "libsnn/base/reader.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsnn/base/inflate.h"
#include "snn/status.h"
#include "tests/unit/support.h"

TestSuite(reader, .init = support_begin, .fini = support_end);

#define NINE '1', '2', '3', '4', '5', '6', '7', '8', '9'
#define GZIP_NINE                                                                                \
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 9, 0, 0xf6, 0xff, NINE, 0x26, 0x39, 0xf4, 0xcb, 9, \
        0, 0, 0

enum { TEXT_MAX = 64 };

/* Reads to the end or the first error, so many bytes at a time; `text` is ended by a zero. */
static int read_all(struct snnbase_reader *reader, size_t room, char *text)
{
    size_t size = 0, got = 1;
    int status = SNN_OK;
    while (status == SNN_OK && got > 0) {
        cr_assert_lt(size + room, (size_t)TEXT_MAX);
        status = snnbase_reader_read(reader, support_context(), text + size, room, &got);
        if (status == SNN_OK) size += got;
    }
    text[size] = '\0';
    return status;
}

static void expect(const char *path, const char *expected)
{
    for (size_t room = 1; room <= 20; room++) {
        struct snnbase_reader *reader = NULL;
        char text[TEXT_MAX];
        cr_assert_eq(snnbase_reader_open(&reader, support_context(), path), SNN_OK);
        cr_assert_eq(read_all(reader, room, text), SNN_OK);
        cr_assert_str_eq(text, expected);
        snnbase_reader_close(&reader);
    }
}

static void refuse(const void *bytes, size_t size, const char *message)
{
    struct snnbase_reader *reader = NULL;
    char text[TEXT_MAX];
    int status =
        snnbase_reader_open(&reader, support_context(), support_put("bad.gz", bytes, size));
    if (status == SNN_OK) status = read_all(reader, 16, text);
    cr_assert_eq(status, SNN_ERR_FORMAT);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "bad.gz: "));
    cr_assert_not_null(strstr(snn_context_message(support_context()), message), "%s",
                       snn_context_message(support_context()));
    snnbase_reader_close(&reader);
}

Test(reader, a_plain_file_comes_as_it_is)
{
    expect(support_put("a", "123456789", 9), "123456789");
    expect(support_put("b", "1", 1), "1");
    expect(support_put("c", "", 0), "");
}

Test(reader, members_of_a_packed_file_come_as_one)
{
    static const unsigned char two[] = {GZIP_NINE, GZIP_NINE};
    expect(support_put("a.gz", two, sizeof(two) / 2), "123456789");
    expect(support_put("b.gz", two, sizeof(two)), "123456789123456789");
}

Test(reader, damage_of_a_packed_file_is_named_with_its_byte)
{
    static const unsigned char one[] = {GZIP_NINE, 'x', 'y', 'z'};
    unsigned char sum[sizeof(one)];
    memcpy(sum, one, sizeof(one));
    sum[24] ^= 1;
    refuse(one, sizeof(one) - 3 - 4, "truncated at byte 28");
    refuse(one, sizeof(one), "no gzip follows the packed data");
    refuse(sum, sizeof(one) - 3, "incorrect data check");
}

Test(reader, bytes_at_hand_are_read_like_a_file)
{
    static const unsigned char one[] = {GZIP_NINE};
    struct snnbase_reader *reader = NULL;
    char text[TEXT_MAX];
    cr_assert_eq(snnbase_reader_open_bytes(&reader, support_context(), "x", one, sizeof(one)),
                 SNN_OK);
    cr_assert_eq(snnbase_reader_size(reader), 0u);
    cr_assert_eq(read_all(reader, 4, text), SNN_OK);
    cr_assert_str_eq(text, "123456789");
    snnbase_reader_close(&reader);
    cr_assert_eq(snnbase_reader_open_bytes(&reader, support_context(), "x", "12", 2), SNN_OK);
    cr_assert_eq(snnbase_reader_size(reader), 2u);
    snnbase_reader_close(&reader);
}

/* The writer hands over one byte, waits, and then the rest. */
Test(reader, a_pipe_is_read_as_it_comes)
{
    const char *path = support_path("pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_not(snnbase_reader_can_repeat(path));
    const pid_t child = fork();
    if (child == 0) {
        const int to = open(path, O_WRONLY);
        if (to < 0 || write(to, "1", 1) != 1) _exit(1);
        const struct timespec pause = {.tv_nsec = 20000000};
        (void)nanosleep(&pause, NULL);
        _exit(write(to, "23456789", 8) == 8 ? 0 : 1);
    }
    struct snnbase_reader *reader = NULL;
    char text[TEXT_MAX];
    int result = 1;
    cr_assert_eq(snnbase_reader_open(&reader, support_context(), path), SNN_OK);
    cr_assert_eq(read_all(reader, 5, text), SNN_OK);
    cr_assert_str_eq(text, "123456789");
    cr_assert_eq(snnbase_reader_stamp(reader), 0u);
    snnbase_reader_close(&reader);
    cr_assert(waitpid(child, &result, 0) == child && result == 0);
}

Test(reader, a_file_that_was_written_to_has_another_stamp)
{
    struct snnbase_reader *reader = NULL;
    const char *path = support_put("a", "12", 2);
    cr_assert_eq(snnbase_reader_open(&reader, support_context(), path), SNN_OK);
    const uint64_t before = snnbase_reader_stamp(reader);
    snnbase_reader_close(&reader);
    cr_assert_eq(snnbase_reader_open(&reader, support_context(), path), SNN_OK);
    cr_assert_eq(snnbase_reader_stamp(reader), before);
    snnbase_reader_close(&reader);
    (void)support_put("a", "123", 3);
    cr_assert_eq(snnbase_reader_open(&reader, support_context(), path), SNN_OK);
    cr_assert_neq(snnbase_reader_stamp(reader), before);
    snnbase_reader_close(&reader);
    snnbase_reader_close(&reader);
}

Test(reader, what_cannot_be_opened_is_named)
{
    struct snnbase_reader *reader = NULL;
    cr_assert_eq(snnbase_reader_open(&reader, support_context(), support_path("none")),
                 SNN_ERR_NOT_FOUND);
    cr_assert_eq(snnbase_reader_open(&reader, support_context(), support_path(".")), SNN_ERR_IO);
    cr_assert_null(reader);
}

static int read_packed(struct snn_context *context)
{
    struct snnbase_reader *reader = NULL;
    unsigned char byte;
    size_t got = 0;
    int status = snnbase_reader_open(&reader, context, support_path("a.gz"));
    if (status == SNN_OK) status = snnbase_reader_read(reader, context, &byte, 1, &got);
    snnbase_reader_close(&reader);
    return status;
}

Test(reader, memory_may_run_out_anywhere)
{
    static const unsigned char one[] = {GZIP_NINE};
    (void)support_put("a.gz", one, sizeof(one));
    support_sweep(read_packed);
}
