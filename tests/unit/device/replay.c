/* The transport "replay": a host that does the same gets the same, in the same order; one that does
 * not is told where.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/transport/tape.h"
#include "snn/status.h"
#include "tests/unit/support.h"

extern const struct snndev_transport_ops snndev_replay_transport;

static const struct snndev_transport_ops *const ops = &snndev_replay_transport;
static const struct snnwire_request hello = {SNNWIRE_CODE_HELLO, true, 0, 0, 0, 4};
static const struct snnwire_request put = {SNNWIRE_CODE_WRITE, false, 2, 1, 16, 3};
static const struct snnwire_request commit = {SNNWIRE_CODE_COMMIT, false, 0, 0, 0, 0};
static uint8_t answer[4] = {1, 2, 3, 4}, weights[3] = {7, 8, 9};
static uint8_t out[8] = {10, 11, 12, 13, 14, 15, 16, 17}, in[6] = {20, 21, 22, 23, 24, 25};
static uint8_t data[64], room[3][4];
static uint32_t size;
static struct snndev_transfer ins[3], outs[2];
static void *self;

/* What is told is on the tape that is open now. */
static void play(void (*tell)(struct snndev_tape *tape))
{
    struct snndev_tape *tape = NULL;
    ops->close(self);
    memset(self, 0, ops->private_size);
    cr_assert_eq(snndev_tape_create(&tape, support_context(), support_path("c.tape"), "vdev:x"),
                 SNN_OK);
    tell(tape);
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_OK);
    cr_assert_eq(ops->open(self, support_context(), support_path("c.tape")), SNN_OK);
}

/* hello, write; 8 bytes out in two parts; 6 in; a halt; 1 in; a refused commit; gone */
static void begin(void)
{
    struct snndev_tape *tape = NULL;
    support_begin();
    self = calloc(1, ops->private_size);
    cr_assert_eq(snndev_tape_create(&tape, support_context(), support_path("a.tape"), "vdev:x"),
                 SNN_OK);
    snndev_tape_request(tape, &hello, answer, sizeof(answer), SNN_OK);
    snndev_tape_request(tape, &put, weights, sizeof(weights), SNN_OK);
    snndev_tape_out(tape, out, 3);
    snndev_tape_out(tape, out + 3, 5);
    snndev_tape_in(tape, NULL, 0, SNNDEV_TIMED_OUT);
    snndev_tape_in(tape, in, sizeof(in), SNNDEV_COMPLETED);
    snndev_tape_in(tape, NULL, 0, SNNDEV_STALLED);
    snndev_tape_in(tape, in, 1, SNNDEV_CANCELLED);
    snndev_tape_request(tape, &commit, NULL, 0, SNN_ERR_PROTOCOL);
    snndev_tape_in(tape, NULL, 0, SNNDEV_VANISHED);
    cr_assert_eq(snndev_tape_close(&tape, support_context()), SNN_OK);
    cr_assert_eq(ops->open(self, support_context(), support_path("a.tape")), SNN_OK);
    for (int i = 0; i < 3; i++)
        ins[i] = (struct snndev_transfer){.bytes = room[i], .size = sizeof(room[i])};
}

static void end(void)
{
    ops->close(self);
    free(self);
    support_end();
}

TestSuite(replay, .init = begin, .fini = end);

static int ask(const struct snnwire_request *request, const uint8_t *bytes)
{
    if (bytes != NULL) memcpy(data, bytes, request->size);
    return ops->request(self, support_context(), request, data, &size, 1000);
}

static int send(int which, uint8_t *bytes, size_t count)
{
    outs[which] = (struct snndev_transfer){.bytes = bytes, .size = count, .out = true};
    return ops->submit(self, &outs[which]);
}

static void configure(void)
{
    cr_assert_eq(ask(&hello, NULL), SNN_OK);
    cr_assert(size == 4 && memcmp(data, answer, 4) == 0);
    cr_assert_eq(ask(&put, weights), SNN_OK);
}

static void says(const char *text)
{
    const char *message = ops->explain(self);
    cr_assert_not_null(message);
    cr_assert_not_null(strstr(message, text), "%s", message);
}

static void ends(struct snndev_transfer *transfer, enum snndev_outcome outcome, size_t actual)
{
    cr_assert_eq(ops->reap(self, 0), transfer);
    cr_assert_eq(transfer->outcome, outcome);
    cr_assert_eq(transfer->actual, actual);
}

Test(replay, a_host_that_does_the_same_gets_the_same)
{
    configure();
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ops->submit(self, &ins[i]), SNN_OK);
    cr_assert_null(ops->reap(self, 0));
    cr_assert_eq(send(0, out, 7), SNN_OK); /* cut otherwise than then */
    ends(&outs[0], SNNDEV_COMPLETED, 7);
    cr_assert_null(ops->reap(self, 0), "not all that stands before it was done");
    cr_assert_eq(send(1, out + 7, 1), SNN_OK);
    ends(&outs[1], SNNDEV_COMPLETED, 1);
    ends(&ins[0], SNNDEV_COMPLETED, 4);
    ends(&ins[1], SNNDEV_COMPLETED, 2);
    cr_assert(memcmp(room[0], in, 4) == 0 && memcmp(room[1], in + 4, 2) == 0);
    ends(&ins[2], SNNDEV_STALLED, 0);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    ends(&ins[0], SNNDEV_COMPLETED, 1);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    cr_assert_eq(ask(&commit, NULL), SNN_ERR_PROTOCOL);
    cr_assert_null(ops->explain(self));
    ends(&ins[0], SNNDEV_VANISHED, 0);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_ERR_GONE);
    cr_assert_eq(ask(&hello, NULL), SNN_ERR_GONE);
}

Test(replay, another_request_is_told)
{
    cr_assert_eq(ask(&commit, NULL), SNN_ERR_PROTOCOL);
    says("byte 22 of the recording, request 1: expected HELLO");
    says("got COMMIT");
    cr_assert_eq(ask(&hello, NULL), SNN_ERR_PROTOCOL);
}

Test(replay, other_data_of_a_request_are_told)
{
    uint8_t other[3] = {7, 8, 0x5a};
    cr_assert_eq(ask(&hello, NULL), SNN_OK);
    cr_assert_eq(ask(&put, other), SNN_ERR_PROTOCOL);
    says("request 2, WRITE: expected 09, got 5a at byte 2 of its data");
}

Test(replay, another_byte_of_the_stream_is_told_and_ends_all)
{
    uint8_t other[8];
    memcpy(other, out, 8);
    other[5] = 0xff;
    configure();
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    cr_assert_eq(send(0, other, 8), SNN_ERR_PROTOCOL);
    says("byte 5 of the stream");
    says("expected 0f, got ff");
    ends(&ins[0], SNNDEV_VANISHED, 0);
    cr_assert_eq(ops->submit(self, &ins[1]), SNN_ERR_PROTOCOL);
}

Test(replay, a_request_amid_the_stream_is_told)
{
    configure();
    cr_assert_eq(send(0, out, 2), SNN_OK);
    cr_assert_eq(ask(&commit, NULL), SNN_ERR_PROTOCOL);
    says("1 more stream bytes expected, got request COMMIT");
}

Test(replay, stream_bytes_amid_requests_are_told)
{
    cr_assert_eq(send(0, out, 2), SNN_ERR_PROTOCOL);
    says("expected request HELLO, got byte 0 of the stream");
}

Test(replay, more_than_there_is_is_told)
{
    configure();
    cr_assert_eq(send(0, out, 8), SNN_OK);
    cr_assert_eq(ask(&commit, NULL), SNN_ERR_PROTOCOL);
    cr_assert_null(ops->explain(self));
    cr_assert_eq(ask(&commit, NULL), SNN_ERR_PROTOCOL);
    says("request 4, COMMIT: the recording ends before it");
}

Test(replay, what_waits_can_be_cancelled)
{
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    ops->cancel_all(self);
    ends(&ins[0], SNNDEV_CANCELLED, 0);
}

static void tell_halts(struct snndev_tape *tape)
{
    snndev_tape_in(tape, in, 2, SNNDEV_STALLED);
    snndev_tape_in(tape, NULL, 0, SNNDEV_CANCELLED);
    snndev_tape_in(tape, in, 6, SNNDEV_STALLED);
    snndev_tape_in(tape, in, 3, SNNDEV_FAILED);
    snndev_tape_in(tape, in, 1, SNNDEV_COMPLETED);
}

Test(replay, what_came_before_a_halt_is_handed_out)
{
    play(tell_halts);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ops->submit(self, &ins[i]), SNN_OK);
    ends(&ins[0], SNNDEV_STALLED, 2);
    cr_assert(memcmp(room[0], in, 2) == 0);
    /* The second ended before the third was there, so it has the front of a larger one. */
    ends(&ins[1], SNNDEV_COMPLETED, 4);
    ends(&ins[2], SNNDEV_STALLED, 2);
    cr_assert(memcmp(room[1], in, 4) == 0 && memcmp(room[2], in + 4, 2) == 0);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    ends(&ins[0], SNNDEV_FAILED, 0);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    ends(&ins[0], SNNDEV_COMPLETED, 1);
}

static const struct snnwire_request reset = {SNNWIRE_CODE_RESET, false, 0, 0, 0, 0};

static void tell_resets(struct snndev_tape *tape)
{
    snndev_tape_in(tape, in, 6, SNNDEV_COMPLETED);
    snndev_tape_in(tape, in + 1, 1, SNNDEV_CANCELLED);
    snndev_tape_request(tape, &reset, NULL, 0, SNN_ERR_TIMEOUT);
    snndev_tape_in(tape, in + 2, 1, SNNDEV_CANCELLED);
    snndev_tape_request(tape, &reset, NULL, 0, SNN_OK);
    snndev_tape_in(tape, in + 3, 1, SNNDEV_COMPLETED);
}

Test(replay, what_came_before_a_reset_is_not_handed_out_behind_it)
{
    play(tell_resets);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    ends(&ins[0], SNNDEV_COMPLETED, 4);
    cr_assert_eq(ask(&reset, NULL), SNN_ERR_TIMEOUT);
    cr_assert_eq(ops->submit(self, &ins[1]), SNN_OK); /* that one has reset nothing */
    ends(&ins[1], SNNDEV_COMPLETED, 2);
    cr_assert_eq(ask(&reset, NULL), SNN_OK);
    cr_assert_eq(ops->submit(self, &ins[0]), SNN_OK);
    ends(&ins[0], SNNDEV_COMPLETED, 1);
    cr_assert_eq(room[0][0], in[3]);
}

Test(replay, a_file_that_is_none_is_told)
{
    void *other = calloc(1, ops->private_size);
    const char *path = support_put("b.tape", "no tape", 7);
    cr_assert_eq(ops->open(other, support_context(), path), SNN_ERR_FORMAT);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "not a recorded session"));
    cr_assert_eq(ops->open(other, support_context(), "/no/such.tape"), SNN_ERR_NOT_FOUND);
    free(other);
}

static int open_and_close(struct snn_context *context)
{
    void *other = calloc(1, ops->private_size);
    const int status = ops->open(other, context, support_path("a.tape"));
    if (status == SNN_OK) ops->close(other);
    free(other);
    return status;
}

Test(replay, memory_may_end_anywhere)
{
    support_sweep(open_and_close);
}
