/* Sessions played again: "replay:FILE" answers as the device did (docs/formats/tape.md).
 *
 * Two places in the tape: the next thing that the host is to do, a request or stream bytes, and the
 * next transfer of the device. A transfer is handed out once the host has done everything that
 * stands before it, so the host sees the device's answers in the same order as then, at its own
 * pace; what the device had sent before a RESET is not handed out behind it. A host that does
 * something else than what is on the tape is told where and what, and the device is gone for it.
 */
#include <stdio.h>
#include <string.h>

#include "device/transport/queue.h"
#include "device/transport/tape.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"

enum { MESSAGE_ROOM = 256 };

struct replay {
    struct snndev_desk desk;
    struct snn_allocator allocator;
    unsigned char *bytes; /* the whole file */
    struct snndev_tape_reader host, device;
    struct snndev_tape_record due, given; /* the next of each */
    bool has_due, has_given;
    size_t due_at, given_at; /* bytes of them that are done */
    uint64_t requests, out;  /* done so far; `out` in bytes */
    bool gone;
    char message[MESSAGE_ROOM]; /* how the host differs; "": it does not */
};

static const char *code_name(unsigned code)
{
    static const char *const names[] = {"0",    "HELLO", "STATUS", "BEGIN", "WRITE",
                                        "READ", "CRC",   "COMMIT", "RESET", "STATISTICS"};
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "an unknown request";
}

/* ---- Places in the tape; with the lock held from here on ---- */

static void next_due(struct replay *replay)
{
    replay->due_at = 0;
    do {
        replay->has_due = snndev_tape_next(&replay->host, &replay->due);
    } while (replay->has_due && (replay->due.kind == SNNDEV_TAPE_IN ||
                                 (replay->due.kind == SNNDEV_TAPE_OUT && replay->due.size == 0)));
}

static bool has_bytes(enum snndev_outcome outcome)
{
    return outcome == SNNDEV_COMPLETED || outcome == SNNDEV_TIMED_OUT ||
           outcome == SNNDEV_CANCELLED || outcome == SNNDEV_STALLED;
}

/* What was cancelled or timed out without data is the host's affair, which cancels otherwise now.
 */
static void next_given(struct replay *replay)
{
    const struct snndev_tape_record *given = &replay->given;
    replay->given_at = 0;
    do {
        replay->has_given = snndev_tape_next(&replay->device, &replay->given);
    } while (replay->has_given && (given->kind != SNNDEV_TAPE_IN ||
                                   (given->size == 0 && (given->outcome == SNNDEV_TIMED_OUT ||
                                                         given->outcome == SNNDEV_CANCELLED))));
}

/* What the device had sent when it was reset is of the time before. */
static void pass_given(struct replay *replay, size_t offset)
{
    while (replay->has_given && replay->given.offset < offset)
        next_given(replay);
}

static void vanish(struct replay *replay)
{
    replay->gone = true;
    snndev_desk_end_all(&replay->desk, &replay->desk.in, SNNDEV_VANISHED);
    snndev_desk_end_all(&replay->desk, &replay->desk.out, SNNDEV_VANISHED);
}

/* Hands one transfer over, or as much of it as the host has room for; a halt comes with the last of
 * it. */
static void give(struct replay *replay)
{
    const struct snndev_tape_record *given = &replay->given;
    struct snndev_transfer *transfer = snndev_queue_take(&replay->desk.in);
    enum snndev_outcome outcome = given->outcome;
    const size_t left = has_bytes(outcome) ? given->size - replay->given_at : 0;
    transfer->actual = 0;
    if (has_bytes(outcome)) {
        transfer->actual = left < transfer->size ? left : transfer->size;
        if (transfer->actual > 0)
            memcpy(transfer->bytes, given->data + replay->given_at, transfer->actual);
        if (outcome != SNNDEV_STALLED || transfer->actual < left) outcome = SNNDEV_COMPLETED;
    }
    replay->given_at += transfer->actual;
    const bool is_cut = transfer->actual < left;
    snndev_desk_end(&replay->desk, transfer, outcome);
    if (is_cut) return;
    /* The others of a halted endpoint end, too. */
    if (outcome == SNNDEV_STALLED)
        snndev_desk_end_all(&replay->desk, &replay->desk.in, SNNDEV_CANCELLED);
    if (outcome == SNNDEV_VANISHED) vanish(replay);
    next_given(replay);
}

static void run(struct replay *replay)
{
    while (!replay->gone && replay->has_given && replay->desk.in.first != NULL &&
           (!replay->has_due || replay->given.offset < replay->due.offset))
        give(replay);
}

/* ---- What the host does ---- */

/* Says in replay->message where a request differs from the one that is due; false: nowhere. */
static bool request_differs(struct replay *replay, const struct snnwire_request *request,
                            const uint8_t *data)
{
    const struct snndev_tape_record *due = &replay->due;
    const char *name = code_name(request->code);
    char *text = replay->message;
    if (!replay->has_due) {
        snprintf(text, MESSAGE_ROOM, "request %llu, %s: the recording ends before it",
                 (unsigned long long)replay->requests + 1, name);
        return true;
    }
    if (due->kind == SNNDEV_TAPE_OUT) {
        snprintf(text, MESSAGE_ROOM,
                 "byte %zu of the recording: %zu more stream bytes expected, got request %s",
                 due->offset, due->size - replay->due_at, name);
        return true;
    }
    const struct snnwire_request *other = &due->request;
    if (request->code != other->code || request->in != other->in || request->core != other->core ||
        request->region != other->region || request->offset != other->offset ||
        request->size != other->size) {
        snprintf(text, MESSAGE_ROOM,
                 "byte %zu of the recording, request %llu: expected %s (core %u, region %u, offset "
                 "%u, %u bytes), got %s (core %u, region %u, offset %u, %u bytes)",
                 due->offset, (unsigned long long)replay->requests + 1, code_name(other->code),
                 other->core, other->region, other->offset, other->size, name, request->core,
                 request->region, request->offset, request->size);
        return true;
    }
    for (uint32_t i = 0; !request->in && i < due->size; i++) {
        if (data[i] == due->data[i]) continue;
        snprintf(text, MESSAGE_ROOM,
                 "byte %zu of the recording, request %llu, %s: expected %02x, got %02x at byte %u "
                 "of its data",
                 due->offset, (unsigned long long)replay->requests + 1, name, due->data[i], data[i],
                 i);
        return true;
    }
    return false;
}

/* The same of stream bytes, which are taken up to there. */
static bool out_differs(struct replay *replay, const uint8_t *bytes, size_t size)
{
    const struct snndev_tape_record *due = &replay->due;
    for (size_t i = 0; i < size; i++, replay->out++) {
        if (!replay->has_due) {
            snprintf(replay->message, MESSAGE_ROOM,
                     "byte %llu of the stream: the recording ends here, got %zu bytes more",
                     (unsigned long long)replay->out, size - i);
            return true;
        }
        if (due->kind == SNNDEV_TAPE_REQUEST) {
            snprintf(replay->message, MESSAGE_ROOM,
                     "byte %zu of the recording: expected request %s, got byte %llu of the stream",
                     due->offset, code_name(due->request.code), (unsigned long long)replay->out);
            return true;
        }
        if (bytes[i] != due->data[replay->due_at]) {
            snprintf(replay->message, MESSAGE_ROOM,
                     "byte %llu of the stream (%zu of the recording): expected %02x, got %02x",
                     (unsigned long long)replay->out,
                     (size_t)(due->data - replay->host.bytes) + replay->due_at,
                     due->data[replay->due_at], bytes[i]);
            return true;
        }
        if (++replay->due_at == due->size) next_due(replay);
    }
    return false;
}

/* ---- As a transport ---- */

static int replay_open(void *self, struct snn_context *context, const char *arguments)
{
    struct replay *replay = self;
    struct snnbase_buffer file = {NULL, 0, 0};
    int status = snnbase_file_read(context, arguments, &file);
    if (status == SNN_OK)
        status = snndev_tape_open(&replay->host, context, arguments, file.data, file.size);
    if (status == SNN_OK) status = snndev_desk_init(&replay->desk, context);
    if (status != SNN_OK) {
        snnbase_buffer_fini(context, &file);
        return status;
    }
    replay->allocator = *snnbase_allocator(context);
    replay->bytes = file.data;
    replay->device = replay->host;
    next_due(replay);
    next_given(replay);
    return SNN_OK;
}

static int replay_request(void *self, struct snn_context *context,
                          const struct snnwire_request *request, uint8_t *data, uint32_t *size_out,
                          unsigned timeout_ms)
{
    struct replay *replay = self;
    (void)timeout_ms;
    (void)pthread_mutex_lock(&replay->desk.lock);
    const bool was_gone = replay->gone;
    const bool differs = !was_gone && request_differs(replay, request, data);
    const struct snndev_tape_record done = replay->due;
    if (differs) vanish(replay);
    if (!was_gone && !differs) {
        if (request->in && done.size > 0) memcpy(data, done.data, done.size);
        replay->requests++;
        next_due(replay);
        if (request->code == SNNWIRE_CODE_RESET && done.status == SNN_OK)
            pass_given(replay, done.offset);
        run(replay);
    }
    /* Once there it stays as it is: the device is gone. */
    const bool is_told = replay->message[0] != '\0';
    (void)pthread_mutex_unlock(&replay->desk.lock);
    if (is_told) return snnbase_fail(context, SNN_ERR_PROTOCOL, "%s", replay->message);
    if (was_gone) return snnbase_fail(context, SNN_ERR_GONE, "the device went away, as recorded");
    if (done.status != SNN_OK)
        return snnbase_fail(context, done.status, "%s: %s, as recorded", code_name(request->code),
                            snn_status_text(done.status));
    if (size_out != NULL) *size_out = request->in ? done.size : 0;
    return SNN_OK;
}

static int replay_submit(void *self, struct snndev_transfer *transfer)
{
    struct replay *replay = self;
    int status = SNN_OK;
    transfer->actual = 0;
    (void)pthread_mutex_lock(&replay->desk.lock);
    if (replay->gone) {
        status = replay->message[0] != '\0' ? SNN_ERR_PROTOCOL : SNN_ERR_GONE;
    } else if (!transfer->out) {
        snndev_queue_put(&replay->desk.in, transfer);
    } else if (out_differs(replay, transfer->bytes, transfer->size)) {
        vanish(replay);
        status = SNN_ERR_PROTOCOL;
    } else {
        transfer->actual = transfer->size;
        snndev_desk_end(&replay->desk, transfer, SNNDEV_COMPLETED);
    }
    run(replay);
    (void)pthread_mutex_unlock(&replay->desk.lock);
    return status;
}

static struct snndev_transfer *replay_reap(void *self, unsigned timeout_ms)
{
    return snndev_desk_reap(&((struct replay *)self)->desk, timeout_ms);
}

static void replay_wake(void *self)
{
    snndev_desk_wake(&((struct replay *)self)->desk);
}

static void replay_cancel_all(void *self)
{
    struct replay *replay = self;
    (void)pthread_mutex_lock(&replay->desk.lock);
    snndev_desk_end_all(&replay->desk, &replay->desk.in, SNNDEV_CANCELLED);
    (void)pthread_mutex_unlock(&replay->desk.lock);
}

static int replay_clear_halt(void *self, bool out)
{
    (void)self;
    (void)out;
    return SNN_OK;
}

static const char *replay_explain(void *self)
{
    struct replay *replay = self;
    (void)pthread_mutex_lock(&replay->desk.lock);
    const bool differs = replay->message[0] != '\0';
    (void)pthread_mutex_unlock(&replay->desk.lock);
    return differs ? replay->message : NULL;
}

static void replay_close(void *self)
{
    struct replay *replay = self;
    snndev_desk_fini(&replay->desk);
    snnbase_allocator_free(&replay->allocator, replay->bytes);
}

const struct snndev_transport_ops snndev_replay_transport = {
    .scheme = "replay",
    .summary = "a recorded session, answered as the device did: replay:FILE",
    .private_size = sizeof(struct replay),
    .open = replay_open,
    .request = replay_request,
    .submit = replay_submit,
    .reap = replay_reap,
    .wake = replay_wake,
    .cancel_all = replay_cancel_all,
    .clear_halt = replay_clear_halt,
    .explain = replay_explain,
    .close = replay_close,
};
