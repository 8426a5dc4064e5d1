/* Fuzz target: recorded sessions. The bytes as a file, and once more as the script of a session
 * that is then put on tape as it should be: read, played again to a host that does what is on it,
 * and decoded as a camera's.
 */
#include "device/transport/tape.h"

#include <stdlib.h>
#include <string.h>

#include "device/camera/camera.h"
#include "libsnn/stream/format.h"
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"

enum {
    BYTES_MAX = 4 << 20,
    SCRIPT_MAX = 1 << 14,
    TAPE_MAX = 1 << 18,
    HEAD = 16,
    ROOM = 61,
    EVENTS = 7
};

extern const struct snndev_transport_ops snndev_replay_transport;
extern const struct snnstream_format_ops snndev_camera_format;

static const struct snn_limits limits = {.file_bytes = 1 << 18, .tensor_bytes = 1 << 18};

/* One transfer towards the host, which may come or not. */
static void take_in(void *self)
{
    const struct snndev_transport_ops *ops = &snndev_replay_transport;
    uint8_t bytes[ROOM];
    struct snndev_transfer transfer = {.bytes = bytes, .size = sizeof(bytes)};
    if (ops->submit(self, &transfer) != SNN_OK) return;
    if (ops->reap(self, 0) == NULL) {
        ops->cancel_all(self);
        (void)ops->reap(self, 0);
    }
}

static void send_out(void *self, const struct snndev_tape_record *record)
{
    const struct snndev_transport_ops *ops = &snndev_replay_transport;
    /* Never written to. */
    uint8_t *bytes = malloc(record->size + 1u);
    if (bytes == NULL) return;
    memcpy(bytes, record->data, record->size);
    struct snndev_transfer transfer = {.bytes = bytes, .size = record->size, .out = true};
    if (ops->submit(self, &transfer) == SNN_OK) (void)ops->reap(self, 0);
    free(bytes);
}

static void ask(void *self, struct snn_context *context, const struct snndev_tape_record *record)
{
    uint8_t data[SNNWIRE_PAYLOAD_MAX] = {0};
    uint32_t size = 0;
    if (!record->request.in) memcpy(data, record->data, record->size);
    (void)snndev_replay_transport.request(self, context, &record->request, data, &size, 0);
}

/* Nothing that the tape has is told to be different from it. */
static bool play(struct snn_context *context, struct snndev_tape_reader reader, const char *path)
{
    const struct snndev_transport_ops *ops = &snndev_replay_transport;
    struct snndev_tape_record record;
    void *self = calloc(1, ops->private_size);
    if (self == NULL || ops->open(self, context, path) != SNN_OK) {
        free(self);
        return self == NULL;
    }
    while (snndev_tape_next(&reader, &record)) {
        if (record.kind == SNNDEV_TAPE_REQUEST) ask(self, context, &record);
        if (record.kind == SNNDEV_TAPE_OUT) send_out(self, &record);
        for (size_t at = 0; record.kind == SNNDEV_TAPE_IN && at <= record.size; at += ROOM)
            take_in(self);
    }
    const bool good = ops->explain(self) == NULL;
    ops->close(self);
    free(self);
    return good;
}

/* Decoded as a camera's, with room for few events at a time. */
static bool see(struct snn_context *context, const uint8_t *data, size_t size)
{
    const struct snnstream_format_ops *format = &snndev_camera_format;
    struct snn_camera_event events[EVENTS];
    unsigned char *copy = malloc(size);
    void *state = calloc(1, format->state_size);
    bool good = true, more = copy != NULL && state != NULL;
    uint64_t time_us = 0;
    if (more) memcpy(copy, data, size);
    while (more && good) {
        struct snnstream_window window = {.bytes = copy, .size = size, .last = true};
        struct snnstream_batch batch = {.items = events, .room = EVENTS};
        if (format->decode(state, context, &window, &batch) != SNN_OK) break;
        for (size_t i = 0; i < batch.count; i++) {
            good = good && events[i].time_us >= time_us;
            time_us = events[i].time_us;
        }
        more = window.taken == 0;
    }
    free(state);
    free(copy);
    return good;
}

static bool look_at(struct snn_context *context, const uint8_t *data, size_t size, unsigned slot,
                    bool right)
{
    struct snndev_tape_reader reader;
    if (snndev_tape_open(&reader, context, "a.tape", data, size) != SNN_OK) return !right;
    const char *path = file_of(slot, data, size);
    return path == NULL || (play(context, reader, path) && see(context, data, size));
}

/* ---- A tape out of a script ---- */

static uint8_t tape[TAPE_MAX];
static size_t tape_size;

static void put(const void *bytes, size_t size)
{
    memcpy(tape + tape_size, bytes, size);
    tape_size += size;
}

static void put_head(enum snndev_tape_kind kind, unsigned result, size_t size, uint64_t time_us)
{
    uint8_t head[HEAD] = {(uint8_t)kind, (uint8_t)result};
    snnwire_put32(head + 4, (uint32_t)size);
    snnwire_put64(head + 8, time_us);
    put(head, sizeof(head));
}

/* Three bytes a record, and its data. */
static size_t put_record(const uint8_t *script, size_t size, uint64_t time_us)
{
    const unsigned kind = script[0] % 4, result = script[1];
    size_t count = script[2];
    const uint8_t *data = script + 3;
    if (count > size - 3) count = size - 3;
    if (kind == 0 && count >= SNNWIRE_REQUEST_BYTES) {
        uint8_t setup[SNNWIRE_REQUEST_BYTES] = {0};
        const size_t more = count - SNNWIRE_REQUEST_BYTES;
        memcpy(setup, data, 6);
        setup[0] = (script[0] & 4) != 0 ? SNNWIRE_SETUP_IN : SNNWIRE_SETUP_OUT;
        setup[6] = (uint8_t)more;
        put_head(SNNDEV_TAPE_REQUEST, result % 16, count, time_us);
        put(setup, sizeof(setup));
        put(data + SNNWIRE_REQUEST_BYTES, more);
    } else {
        const bool out = kind == 1;
        put_head(out ? SNNDEV_TAPE_OUT : SNNDEV_TAPE_IN,
                 out               ? 0
                 : result % 16 > 6 ? 0
                                   : result % 16,
                 count, time_us);
        put(data, count);
    }
    return 3 + count;
}

static void put_tape(const uint8_t *script, size_t size)
{
    static const char *const uris[] = {"vdev:x", "usb:152a:8400", "usb:152a:841b", "usb:152a:841d"};
    const char *uri = uris[script[0] % 4];
    uint8_t head[HEAD] = "snn.tape\1";
    uint8_t crc[4];
    uint64_t time_us = 0;
    tape_size = 0;
    snnwire_put16(head + 10, (uint16_t)strlen(uri));
    put(head, sizeof(head));
    put(uri, strlen(uri));
    for (size_t at = 1; at + 3 <= size;)
        at += put_record(script + at, size - at, time_us++);
    put_head(SNNDEV_TAPE_END, 0, sizeof(crc), time_us);
    snnwire_put32(crc, snnwire_crc32(0, tape, tape_size));
    put(crc, sizeof(crc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = limits};
    struct snn_context *context = NULL;
    if (size == 0 || size > SCRIPT_MAX || snn_context_create(&context, &options) != SNN_OK)
        return 0;
    bool good = look_at(context, data, size, 0, false);
    put_tape(data, size);
    good = good && look_at(context, tape, tape_size, 1, true);
    snn_context_destroy(&context);
    return !good || bounded_verdict(&bounded) != 0;
}
