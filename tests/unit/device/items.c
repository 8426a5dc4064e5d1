/* What a device's public functions make of the words that come: a tape of words written by hand is
 * played back to a program that only receives.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "device/transport/tape.h"
#include "libsnn/wire/word.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/unit/support.h"

enum { ITEMS = 64, WORDS_MAX = 256 };

static struct snn_device *device;
static struct snnwire_writer writer;
static uint8_t words[WORDS_MAX * SNNWIRE_WORD_BYTES];
static size_t size;
static struct snn_device_item items[ITEMS];

static void end(void)
{
    snn_device_close(&device);
    support_end();
}

TestSuite(items, .init = support_begin, .fini = end);

static void event(uint64_t time_us)
{
    const struct snnwire_event event = {.time_us = time_us, .layer = 1};
    size += snnwire_write_event(&writer, &event, words + size);
}

static void mark(enum snnwire_mark mark, uint32_t argument, uint32_t value)
{
    size += snnwire_write_mark(&writer, mark, argument, value, words + size);
}

static void check(void)
{
    size += snnwire_write_check(&writer, words + size);
}

/* The last word that was written gets lost. */
static void lose_word(void)
{
    size -= SNNWIRE_WORD_BYTES;
}

static void flip_bit(void)
{
    words[size - SNNWIRE_WORD_BYTES] ^= 2;
}

/* Opens a device that sends the words once it was reset. */
static void open_on_words(void)
{
    const struct snnwire_request hello = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    const struct snnwire_request reset = {.code = SNNWIRE_CODE_RESET};
    const struct snnwire_hello answer = {.version_major = SNNWIRE_VERSION_MAJOR,
                                         .chip = "tape",
                                         .serial = "T1",
                                         .buffer_words = 4096,
                                         .core_count = 1};
    struct snndev_tape *tape = NULL;
    uint8_t data[SNNWIRE_HELLO_BYTES];
    char uri[600] = "replay:";
    const char *path = support_path("words.tape");
    snnwire_hello_write(&answer, data);
    cr_assert_eq(snndev_tape_create(&tape, support_context(), path, "usb:"), SNN_OK);
    snndev_tape_request(tape, &hello, data, sizeof(data), SNN_OK);
    snndev_tape_request(tape, &reset, NULL, 0, SNN_OK);
    snndev_tape_in(tape, words, size, SNNDEV_COMPLETED);
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_OK);
    (void)strncat(uri, path, sizeof(uri) - strlen(uri) - 1);
    cr_assert_eq(snn_device_open(&device, support_context(), uri, NULL), SNN_OK, "%s",
                 snn_context_message(support_context()));
}

static int receive(size_t *count, unsigned timeout_ms)
{
    *count = 0;
    return snn_device_receive(device, support_context(), items, ITEMS, count, timeout_ms);
}

/* Calls up to the END of that sample; a status in its place. */
static int receive_end(uint32_t sample)
{
    size_t count = 0;
    int status;
    while ((status = receive(&count, 2000)) == SNN_OK) {
        const struct snn_device_item *last = &items[count - 1];
        cr_assert_gt(count, 0);
        if (last->kind == SNN_DEVICE_END && last->value == sample) return SNN_OK;
    }
    return status;
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Test(items, a_loss_of_events_does_not_hide_corrupt_words)
{
    mark(SNNWIRE_MARK_BEGIN, 0, 1);
    mark(SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 2);
    event(5);
    flip_bit();
    mark(SNNWIRE_MARK_END, 0, 1);
    check();
    open_on_words();
    cr_expect_eq(receive_end(1), SNN_ERR_PROTOCOL);
}

Test(items, words_that_were_lost_explain_a_wrong_check)
{
    mark(SNNWIRE_MARK_BEGIN, 0, 1);
    event(5);
    lose_word();
    event(6);
    check();
    mark(SNNWIRE_MARK_END, 0, 1);
    check();
    open_on_words();
    cr_expect_eq(receive_end(1), SNN_OK);
}

Test(items, a_sample_is_judged_by_its_own_losses)
{
    /* The same, with the next sample behind it in its last block. */
    mark(SNNWIRE_MARK_BEGIN, 0, 1);
    event(5);
    lose_word();
    event(6);
    check();
    mark(SNNWIRE_MARK_END, 0, 1);
    mark(SNNWIRE_MARK_BEGIN, 0, 2);
    check();
    event(7);
    flip_bit();
    mark(SNNWIRE_MARK_END, 0, 2);
    check();
    open_on_words();
    cr_expect_eq(receive_end(1), SNN_OK, "%s", snn_context_message(support_context()));
    cr_expect_eq(receive_end(2), SNN_ERR_PROTOCOL);
}

Test(items, what_came_before_an_error_is_handed_out_before_it_is_told)
{
    size_t count = 0;
    mark(SNNWIRE_MARK_BEGIN, 0, 1);
    event(5);
    flip_bit();
    mark(SNNWIRE_MARK_END, 0, 1);
    mark(SNNWIRE_MARK_BEGIN, 0, 2);
    check();
    open_on_words();
    cr_assert_eq(receive(&count, 2000), SNN_OK);
    cr_expect_eq(count, 2);
    cr_expect(items[0].kind == SNN_DEVICE_BEGIN && items[1].kind == SNN_DEVICE_EVENT);
    cr_assert_eq(receive(&count, 2000), SNN_ERR_PROTOCOL);
    cr_assert_eq(receive(&count, 2000), SNN_OK);
    cr_expect(count == 1 && items[0].kind == SNN_DEVICE_BEGIN && items[0].value == 2);
}

Test(items, nobody_waits_longer_than_asked)
{
    size_t count = 0;
    mark(SNNWIRE_MARK_BEGIN, 0, 1);
    event(5);
    mark(SNNWIRE_MARK_END, 0, 1); /* without its CHECK */
    open_on_words();
    cr_assert_eq(receive(&count, 2000), SNN_OK);
    cr_expect_eq(count, 2);
    const double begin = seconds();
    for (int i = 0; i < 3; i++)
        cr_expect_eq(receive(&count, i == 0 ? 50 : 0), SNN_ERR_TIMEOUT);
    cr_expect_lt(seconds() - begin, 0.9); /* the device's time-out is one second */
}

Test(items, room_for_nothing_is_nothing)
{
    size_t count = 1;
    mark(SNNWIRE_MARK_BEGIN, 0, 1);
    check();
    open_on_words();
    cr_assert_eq(snn_device_receive(device, support_context(), items, 0, &count, 0), SNN_OK);
    cr_expect_eq(count, 0);
}
