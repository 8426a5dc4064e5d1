/* Recorded sessions of event cameras as recordings: the transfers of a tape, decoded by the device
 * that its URI names.
 */
#include "device/transport/tape.h"
#include "device/camera/camera.h"
#include "libsnn/base/error.h"

enum { SURENESS = 100, EVENTS = 256 };

static int probe(const unsigned char *bytes, size_t size)
{
    return snndev_tape_probe(bytes, size) ? SURENESS : 0;
}

static int take(struct snnstream_camera_events *out, struct snn_context *context,
                struct snndev_camera *camera, const struct snndev_tape_record *record)
{
    struct snnstream_camera_event events[EVENTS];
    for (size_t at = 0; at < record->size;) {
        size_t used = 0;
        const size_t count = snndev_camera_decode(camera, record->data + at, record->size - at,
                                                  &used, events, EVENTS);
        for (size_t i = 0; i < count; i++) {
            const int status = snnstream_recording_add(out, context, events[i]);
            if (status != SNN_OK) return status;
        }
        at += used;
    }
    return SNN_OK;
}

static bool counts(enum snndev_outcome outcome)
{
    return outcome == SNNDEV_COMPLETED || outcome == SNNDEV_TIMED_OUT ||
           outcome == SNNDEV_CANCELLED || outcome == SNNDEV_STALLED;
}

static int decode(struct snnstream_camera_events *out, struct snn_context *context,
                  const char *path, const struct snnbase_buffer *bytes)
{
    struct snndev_tape_reader reader;
    struct snndev_tape_record record;
    int status = snndev_tape_open(&reader, context, path, bytes->data, bytes->size);
    if (status != SNN_OK) return status;
    struct snndev_camera camera = {.format = snndev_camera_format_of(reader.uri)};
    if (camera.format == SNNDEV_CAMERA_NONE) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: a session with %s, which is no camera",
                     path, reader.uri[0] != '\0' ? reader.uri : "an unknown device");
        return snnbase_hint(context, "as a target: replay:%s", path);
    }
    while (status == SNN_OK && snndev_tape_next(&reader, &record)) {
        if (record.kind != SNNDEV_TAPE_IN) continue;
        if (counts(record.outcome))
            status = take(out, context, &camera, &record);
        else
            snndev_camera_lost(&camera);
    }
    if (status == SNN_OK && camera.faults > 0)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL, "%s: %llu words make no sense",
                         path, (unsigned long long)camera.faults);
    return status;
}

const struct snnstream_event_ops snndev_camera_events = {
    .name = "tape",
    .summary = "recorded sessions of event cameras (.tape)",
    .probe = probe,
    .decode = decode,
};
