/* Fuzz target: any recording of events, read through to its end or first error, with much room and
 * with little, as it is and with a view.
 *
 * Memory may be a window's and once more for each byte of the file, whatever lengths stand in it.
 * Times never go back, events lie on the sensor, and what describe tells is what came.
 */
#include "snn/recording.h"

#include <stdbool.h>
#include <string.h>

#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"

enum { BYTES_FIXED = 1 << 20, BYTES_A_BYTE = 16, ROOM_MAX = 1024 };

static const struct snn_limits limits = {.file_bytes = 1 << 18, .tensor_bytes = 1 << 18};

/* What came of a recording. */
struct seen {
    int status;
    bool good;
    uint64_t count, on, last_us;
};

static void look_at(struct seen *seen, const struct snn_camera_event *events, size_t count,
                    const struct snn_recording_info *info)
{
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *event = &events[i];
        seen->good = seen->good && event->time_us >= seen->last_us && event->polarity <= 1;
        if (info != NULL && info->width > 0) seen->good = seen->good && event->x < info->width;
        if (info != NULL && info->height > 0) seen->good = seen->good && event->y < info->height;
        seen->last_us = event->time_us;
        seen->on += event->polarity;
    }
    seen->count += count;
}

static struct seen read_through(struct snn_context *context, const char *path, const char *view,
                                size_t room)
{
    const struct snn_recording_options options = {.view = view};
    struct snn_camera_event events[ROOM_MAX];
    struct snn_recording *recording = NULL;
    struct snn_recording_info info;
    struct seen seen = {.good = true};
    size_t count = 1;
    seen.status = snn_recording_open(&recording, context, path, &options);
    while (seen.status == SNN_OK && count > 0 && seen.good) {
        seen.status = snn_recording_read(recording, context, events, room, &count);
        if (seen.status != SNN_OK) break;
        snn_recording_describe(recording, &info);
        look_at(&seen, events, count, view == NULL ? &info : NULL);
    }
    if (recording != NULL && seen.good) {
        snn_recording_describe(recording, &info);
        seen.good = info.event_count == seen.count && info.on_count == seen.on &&
                    (seen.count == 0 || info.last_us == seen.last_us);
    }
    snn_recording_close(&recording);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_FIXED + BYTES_A_BYTE * size};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = limits};
    struct snn_context *context = NULL;
    const char *path = file_of(0, data, size);
    if (path == NULL || snn_context_create(&context, &options) != SNN_OK) return 0;
    const struct seen much = read_through(context, path, NULL, ROOM_MAX);
    const struct seen little = read_through(context, path, NULL, 7);
    const struct seen view =
        read_through(context, path, "polarity=merge,cut=0:0:63:63,mirror=y,pool=2", 61);
    const struct seen table = read_through(context, path, "columns=txyp,unit=ms", 61);
    bool good = much.good && little.good && view.good && table.good;
    good = good && much.status == little.status;
    /* Behind an error fewer may have come, where there was less room. */
    if (much.status == SNN_OK) good = good && little.count == much.count && little.on == much.on;
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || !good;
}
