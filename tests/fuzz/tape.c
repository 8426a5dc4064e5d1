/* Fuzz target: recorded sessions. The bytes as they are, and once more with an end record whose CRC
 * is right, are read, played again to a host that does what is on them, and decoded as a camera's.
 */
#include "device/transport/tape.h"

#include <stdlib.h>
#include <string.h>

#include "device/camera/camera.h"
#include "libsnn/base/memory.h"
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 4 << 20, SIZE_MAX_TAPE = 1 << 16, END_BYTES = 20, ROOM = 61 };

extern const struct snndev_transport_ops snndev_replay_transport;
extern const struct snnstream_event_ops snndev_camera_events;

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

static bool see(struct snn_context *context, const uint8_t *data, size_t size)
{
    struct snnstream_camera_events events = {.items = NULL};
    unsigned char *copy = malloc(size);
    if (copy == NULL) return true;
    memcpy(copy, data, size);
    const struct snnbase_buffer bytes = {copy, size, size};
    bool good = true;
    (void)snndev_camera_events.decode(&events, context, "a.tape", &bytes);
    for (size_t i = 1; i < events.count; i++)
        good = good && events.items[i].time_us >= events.items[i - 1].time_us;
    snnbase_free(context, events.items);
    free(copy);
    return good;
}

static bool look_at(struct snn_context *context, const uint8_t *data, size_t size, unsigned slot)
{
    struct snndev_tape_reader reader;
    if (snndev_tape_open(&reader, context, "a.tape", data, size) != SNN_OK) return true;
    const char *path = file_of(slot, data, size);
    return path == NULL || (play(context, reader, path) && see(context, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[SIZE_MAX_TAPE + END_BYTES];
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = limits};
    struct snn_context *context = NULL;
    if (size == 0 || size > SIZE_MAX_TAPE || snn_context_create(&context, &options) != SNN_OK)
        return 0;
    bool good = look_at(context, data, size, 0);
    memcpy(whole, data, size);
    memset(whole + size, 0, END_BYTES);
    whole[size] = SNNDEV_TAPE_END;
    whole[size + 4] = 4;
    snnwire_put64(whole + size + 8, INT64_MAX);
    snnwire_put32(whole + size + 16, snnwire_crc32(0, whole, size + 16));
    good = good && look_at(context, whole, size + END_BYTES, 1);
    snn_context_destroy(&context);
    return !good || bounded_verdict(&bounded) != 0;
}
