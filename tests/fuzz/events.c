/* Fuzz target: a recording of events, binned into steps; and the same bytes as a list of labels.
 */
#include <stdbool.h>
#include <stddef.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/stream/folder.h"
#include "libsnn/stream/recording.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 4 << 20, EVENTS = 100 };

static const struct snn_limits limits = {.file_bytes = 1 << 18, .tensor_bytes = 1 << 18};

/* Every event lies on the sensor, times ascend, and none comes that was not counted. */
static bool look_at(struct snn_context *context, const struct snnstream_recordings *set,
                    uint64_t index)
{
    struct snn_recording *recording = NULL;
    struct snn_camera_event events[EVENTS];
    uint64_t read = 0, time_us = 0;
    size_t count = 1;
    bool good = snnstream_recordings_read(&recording, context, set, index) == SNN_OK;
    while (good && count > 0) {
        good = snn_recording_read(recording, context, events, EVENTS, &count) == SNN_OK;
        for (size_t i = 0; good && i < count; i++) {
            good = events[i].x < set->shape.width && events[i].y < set->shape.height &&
                   events[i].polarity <= 1 && events[i].time_us >= time_us;
            time_us = events[i].time_us;
        }
        read += good ? count : 0;
    }
    snn_recording_close(&recording);
    return good && read == set->entries[index].event_count;
}

static bool read_recording(struct snn_context *context, const char *path, uint32_t channels)
{
    const struct snn_source_options options = {.shape = {channels, 34, 34}};
    struct snnstream_recordings set = {.count = 0};
    struct snnbase_buffer have = {.data = NULL};
    int status =
        snnstream_recordings_open(&set, context, path, &have, channels > 0 ? &options : NULL);
    bool good = true;
    for (uint64_t i = 0; status == SNN_OK && i < set.count; i++)
        good = good && look_at(context, &set, i);
    snnstream_recordings_fini(&set, snnbase_allocator(context));
    return good;
}

static bool read_labels(struct snn_context *context, const char *path)
{
    struct snnstream_folder folder;
    bool good = true;
    if (snnstream_folder_list(&folder, context, ".", path) == SNN_OK) {
        for (size_t i = 0; i < folder.count; i++)
            good = good && folder.entries[i].label >= 0 && folder.entries[i].label <= 65535;
    }
    snnstream_folder_fini(&folder);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = limits};
    const char *path = file_of(0, data, size);
    struct snn_context *context = NULL;
    if (path == NULL || snn_context_create(&context, &options) != SNN_OK) return 0;
    bool good = read_labels(context, path);
    for (uint32_t channels = 0; channels <= 2 && good; channels++)
        good = read_recording(context, path, channels);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || !good;
}
