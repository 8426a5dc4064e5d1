/* Recorded sessions of event cameras as recordings: the transfers of a tape, decoded by the device
 * that its URI names.
 */
#include "device/transport/tape.h"
#include "device/camera/camera.h"
#include "libsnn/base/error.h"
#include "libsnn/stream/format.h"

enum { SURENESS = 100 };

struct state {
    struct snndev_tape_reader reader;
    struct snndev_camera camera;
    size_t at, end; /* in the tape: what is left of the transfer that is being decoded */
    bool opened, over;
};

static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    (void)file_size;
    return snndev_tape_probe(head, size) ? SURENESS : 0;
}

static int open_tape(struct state *s, struct snn_context *context,
                     const struct snnstream_window *window)
{
    int status = snndev_tape_open(&s->reader, context, "tape", window->bytes, window->size);
    if (status != SNN_OK) return snnbase_error_strip(context, "tape: ");
    s->opened = true;
    s->camera.format = snndev_camera_format_of(s->reader.uri);
    if (s->camera.format != SNNDEV_CAMERA_NONE) return SNN_OK;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "a session with %s, which is no camera",
                 s->reader.uri[0] != '\0' ? s->reader.uri : "an unknown device");
    return snnbase_hint(context, "as a target it is replay:FILE");
}

static bool counts(enum snndev_outcome outcome)
{
    return outcome == SNNDEV_COMPLETED || outcome == SNNDEV_TIMED_OUT ||
           outcome == SNNDEV_CANCELLED || outcome == SNNDEV_STALLED;
}

/* The next transfer that brought something; false: the tape is over. */
static bool next_record(struct state *s)
{
    struct snndev_tape_record record;
    while (snndev_tape_next(&s->reader, &record)) {
        if (record.kind != SNNDEV_TAPE_IN) continue;
        s->at = (size_t)(record.data - s->reader.bytes);
        s->end = s->at + record.size;
        if (counts(record.outcome)) return true;
        snndev_camera_lost(&s->camera);
    }
    return false;
}

/* A tape is checked from end to end before anything of it is believed, so all of it is asked for;
 * and nothing of it is given back until it is over. */
static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct state *s = state;
    if (s->over || !window->last) return SNN_OK;
    int status = s->opened ? SNN_OK : open_tape(s, context, window);
    if (status != SNN_OK) return status;
    s->reader.bytes = window->bytes;
    while (out->count < out->room) {
        size_t used = 0;
        if (s->at == s->end && !next_record(s)) {
            s->over = true;
            window->taken = window->size;
            return SNN_OK;
        }
        out->count += snndev_camera_decode(&s->camera, window->bytes + s->at, s->end - s->at, &used,
                                           out->items + out->count, out->room - out->count);
        s->at += used;
    }
    return SNN_OK;
}

static void describe(const void *state, struct snn_recording_info *info)
{
    const struct state *s = state;
    info->other_count = s->camera.others;
    info->invalid_count = s->camera.faults;
}

const struct snnstream_format_ops snndev_camera_format = {
    .name = "tape",
    .summary = "recorded sessions of event cameras (.tape)",
    .state_size = sizeof(struct state),
    .probe = probe,
    .decode = decode,
    .describe = describe,
};
