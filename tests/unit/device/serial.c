/* The transport "serial" against a device on a pty: requests, streams, frames that break or get
 * lost, the plug pulled out, and what is said where no port can be opened.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/transport/queue.h"
#include "snn/status.h"
#include "tests/unit/device/line.h"
#include "tests/unit/support.h"

extern const struct snndev_transport_ops snndev_serial_transport;

static struct far_end far;
static void *near;
static const struct snndev_transport_ops *const ops = &snndev_serial_transport;
static const struct snnwire_request hello = {SNNWIRE_CODE_HELLO, true, 5, 0, 0, 64};
static uint8_t data[SNNWIRE_PAYLOAD_MAX];
static uint32_t size;

static void begin(void)
{
    support_begin();
    far = (struct far_end){.descriptor = -1};
    near = calloc(1, ops->private_size);
}

static void end(void)
{
    free(near);
    far_end(&far);
    support_end();
}

TestSuite(serial, .init = begin, .fini = end);

static void open_both(void)
{
    far_begin(&far);
    cr_assert_eq(ops->open(near, support_context(), far.uri), SNN_OK, "%s",
                 snn_context_message(support_context()));
}

static int ask(const struct snnwire_request *request, unsigned timeout_ms)
{
    return ops->request(near, support_context(), request, data, &size, timeout_ms);
}

static struct snndev_transfer submit(uint8_t *bytes, size_t count, bool out)
{
    return (struct snndev_transfer){.bytes = bytes, .size = count, .out = out};
}

static int open_fails(const char *uri)
{
    return ops->open(near, support_context(), uri);
}

Test(serial, a_request_is_answered)
{
    open_both();
    cr_assert_eq(ask(&hello, 1000), SNN_OK);
    cr_assert(size == 64 && data[0] == 5 && data[63] == 5);
    ops->close(near);
}

Test(serial, data_goes_with_a_request)
{
    const struct snnwire_request write = {SNNWIRE_CODE_WRITE, false, 1, 1, 0, 4096};
    open_both();
    cr_assert_eq(ask(&write, 1000), SNN_OK);
    cr_assert_eq(size, 0);
    ops->close(near);
}

Test(serial, a_refused_request_is_the_protocol_s)
{
    open_both();
    far.refuse = SNNWIRE_CODE_HELLO;
    cr_assert_eq(ask(&hello, 1000), SNN_ERR_PROTOCOL);
    ops->close(near);
}

Test(serial, a_lost_request_is_asked_again)
{
    open_both();
    far.deaf_to = 1;
    cr_assert_eq(ask(&hello, 400), SNN_OK);
    cr_assert_eq(far.requests, 3); /* lost, the one behind the zeros, and again */
    ops->close(near);
}

Test(serial, a_broken_answer_is_asked_for_again)
{
    const struct snnwire_request crc = {SNNWIRE_CODE_CRC, true, 3, 1, 0, 4};
    open_both();
    far.garble = 1;
    cr_assert_eq(ask(&crc, 400), SNN_OK);
    cr_assert(size == 4 && data[0] == 3);
    ops->close(near);
}

/* It claims to go on for 4,096 bytes, which the answers behind it would be taken for. */
Test(serial, half_a_frame_does_not_swallow_what_follows)
{
    const struct snnwire_request crc = {SNNWIRE_CODE_CRC, true, 3, 1, 0, 4};
    open_both();
    far.halves = 1;
    cr_assert_eq(ask(&crc, 400), SNN_OK);
    cr_assert(size == 4 && data[0] == 3);
    far.halves = 2;
    cr_assert_eq(ask(&crc, 400), SNN_ERR_TIMEOUT);
    cr_assert_eq(ask(&crc, 400), SNN_OK);
    ops->close(near);
}

Test(serial, noise_between_frames_is_passed_over)
{
    static const char noise[] = "\xa5\x02\x08\x01 and \xa5\x09 more \xa5\xa5\xa5";
    open_both();
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write(far.descriptor, noise, (size_t)i % sizeof(noise)),
                     i % (int)sizeof(noise));
        cr_assert_eq(ask(&hello, 400), SNN_OK, "round %d", i);
    }
    ops->close(near);
}

Test(serial, silence_is_a_time_out_and_the_line_goes_on)
{
    const struct snnwire_request commit = {SNNWIRE_CODE_COMMIT, false, 0, 0, 0, 0};
    open_both();
    far.silent = SNNWIRE_CODE_COMMIT;
    const uint64_t before = snndev_now_us();
    cr_assert_eq(ask(&commit, 200), SNN_ERR_TIMEOUT);
    cr_assert(snndev_now_us() - before < 1500000);
    cr_assert_eq(ask(&hello, 1000), SNN_OK);
    ops->close(near);
}

Test(serial, another_rate_is_suspected_where_nothing_makes_sense)
{
    open_both();
    far.babble = "\xff\x13garbage\xa5\x01";
    cr_assert_eq(ask(&hello, 100), SNN_ERR_TIMEOUT);
    const char *hint = snn_context_hint(support_context());
    cr_assert_not_null(strstr(hint, "at another rate than 115200"));
    /* As many bytes as have come. */
    cr_assert_not_null(strchr(hint, '('));
    const unsigned long came = strtoul(strchr(hint, '(') + 1, NULL, 10);
    cr_assert(came > 0 && came % strlen(far.babble) == 0, "%s", hint);
    cr_assert_leq(came, far.requests * strlen(far.babble), "%s", hint);
    ops->close(near);
}

Test(serial, a_silent_port_is_not_taken_for_one_of_another_rate)
{
    open_both();
    far.silent = SNNWIRE_CODE_HELLO;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ask(&hello, 100), SNN_ERR_TIMEOUT);
        const char *hint = snn_context_hint(support_context());
        cr_assert_not_null(strstr(hint, "is it the right port"), "%s", hint);
    }
    ops->close(near);
}

Test(serial, streams_keep_their_bytes_in_both_directions)
{
    enum { BYTES = 30003 * 8, PIECE = 1237 };
    static uint8_t out[BYTES], in[BYTES], room[4][4096];
    struct snndev_transfer outs[BYTES / PIECE + 1], ins[4];
    size_t got = 0, count = 0;
    open_both();
    far.echo = true;
    for (size_t i = 0; i < BYTES; i++)
        out[i] = (uint8_t)(i * 37 + i / 251);
    for (int i = 0; i < 4; i++) {
        ins[i] = submit(room[i], sizeof(room[i]), false);
        cr_assert_eq(ops->submit(near, &ins[i]), SNN_OK);
    }
    /* A piece at a time: the device keeps only so much. */
    for (size_t at = 0; got < BYTES;) {
        if (at < BYTES && at < got + FAR_ROOM / 4) {
            const size_t left = BYTES - at;
            outs[count] = submit(out + at, left < PIECE ? left : PIECE, true);
            at += outs[count].size;
            cr_assert_eq(ops->submit(near, &outs[count++]), SNN_OK);
        }
        struct snndev_transfer *ended = ops->reap(near, 1000);
        cr_assert_not_null(ended);
        cr_assert_eq(ended->outcome, SNNDEV_COMPLETED);
        far.words_size = 0;
        if (ended->out) {
            cr_assert_eq(ended->actual, ended->size);
            continue;
        }
        memcpy(in + got, ended->bytes, ended->actual);
        got += ended->actual;
        cr_assert_eq(ops->submit(near, ended), SNN_OK);
    }
    cr_assert(memcmp(in, out, BYTES) == 0);
    ops->cancel_all(near);
    for (int left = 4; left > 0;) {
        const struct snndev_transfer *ended = ops->reap(near, 1000);
        cr_assert_not_null(ended);
        if (ended->out) continue; /* the last of those that went out before all was back */
        cr_assert_eq(ended->outcome, SNNDEV_CANCELLED);
        left--;
    }
    ops->close(near);
}

Test(serial, the_plug_pulled_out_ends_all)
{
    uint8_t bytes[64];
    struct snndev_transfer in = submit(bytes, sizeof(bytes), false);
    open_both();
    cr_assert_eq(ops->submit(near, &in), SNN_OK);
    cr_assert_null(ops->reap(near, 20));
    const uint64_t before = snndev_now_us();
    far_pull(&far);
    cr_assert_eq(ops->reap(near, 1000), &in);
    cr_assert(in.outcome == SNNDEV_VANISHED && snndev_now_us() - before < 300000);
    cr_assert_eq(ops->submit(near, &in), SNN_ERR_GONE);
    cr_assert_eq(ask(&hello, 1000), SNN_ERR_GONE);
    ops->close(near);
}

Test(serial, a_wake_ends_a_wait)
{
    open_both();
    ops->wake(near);
    cr_assert_null(ops->reap(near, 10000));
    ops->close(near);
}

Test(serial, a_port_is_one_program_s)
{
    void *other = calloc(1, ops->private_size);
    open_both();
    cr_assert_eq(ops->open(other, support_context(), far.uri), SNN_ERR_BUSY);
    ops->close(near);
    cr_assert_eq(ops->open(other, support_context(), far.uri), SNN_OK);
    ops->close(other);
    free(other);
}

Test(serial, a_link_leads_to_its_port)
{
    char target[80];
    far_begin(&far);
    snprintf(target, sizeof(target), "%s", far.uri);
    *strchr(target, '@') = '\0';
    cr_assert_eq(symlink(target, support_path("line")), 0);
    cr_assert_eq(ops->open(near, support_context(), support_path("line")), SNN_OK);
    cr_assert_eq(ask(&hello, 1000), SNN_OK);
    ops->close(near);
}

Test(serial, what_is_no_port_is_told)
{
    cr_assert_eq(open_fails("/dev/ttyNONE@115200"), SNN_ERR_NOT_FOUND);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "/dev/ttyNONE"));
    cr_assert_not_null(strstr(snn_context_hint(support_context()), "serial ports"));
    cr_assert_eq(open_fails("/dev/null@115200"), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "is no serial port"));
    cr_assert_eq(open_fails("@115200"), SNN_ERR_INVALID);
    cr_assert_eq(open_fails("/dev/null@fast"), SNN_ERR_INVALID);
    cr_assert_eq(open_fails("/dev/null@0"), SNN_ERR_INVALID);
    cr_assert_eq(open_fails("/dev/null@99999999999"), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_hint(support_context()), "serial:/dev/null@115200"));
}

static int open_and_close(struct snn_context *context)
{
    const int status = ops->open(near, context, far.uri);
    if (status == SNN_OK) ops->close(near);
    return status;
}

/* The line by a link: what libserialport takes for a port, if it has modem lines. */
static const char *linked_line(const char *rate)
{
    static char uri[160];
    char target[80];
    snprintf(target, sizeof(target), "%s", far.uri);
    *strchr(target, '@') = '\0';
    (void)unlink(support_path("line"));
    cr_assert_eq(symlink(target, support_path("line")), 0);
    snprintf(uri, sizeof(uri), "%s@%s", support_path("line"), rate);
    return uri;
}

Test(serial, libserialport_opens_what_has_modem_lines)
{
    far_begin(&far);
    far_has_modem = true;
    cr_assert_eq(ops->open(near, support_context(), linked_line("115200")), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_gt(far_modem_calls, 0);
    cr_assert_eq(ask(&hello, 1000), SNN_OK);
    const unsigned flushes = far_flushes_out;
    ops->close(near);
    cr_assert_gt(far_flushes_out, flushes, "a close waits for what nobody takes");
    memset(near, 0, ops->private_size);
    cr_assert_eq(ops->open(near, support_context(), linked_line("123456")), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(ask(&hello, 1000), SNN_OK);
    far_pull(&far);
    cr_assert_eq(ask(&hello, 1000), SNN_ERR_GONE);
    ops->close(near);
}

Test(serial, opens_again_and_again)
{
    far_begin(&far);
    for (int i = 0; i < 50; i++) {
        memset(near, 0, ops->private_size);
        cr_assert_eq(open_and_close(support_context()), SNN_OK);
    }
}
