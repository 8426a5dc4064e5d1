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

enum { BYTES_MAX = 4 << 20 };

static const struct snn_limits limits = {.file_bytes = 1 << 18, .tensor_bytes = 1 << 18};

/* Every address lies on the sensor, times ascend from 0, samples lie one behind the other. */
static bool look_at(const struct snnstream_recordings *r)
{
    uint64_t size = snn_shape_size(r->shape);
    for (uint64_t i = 0; i < r->count; i++) {
        if (r->begin[i] > r->begin[i + 1]) return false;
        for (uint64_t k = r->begin[i]; k < r->begin[i + 1]; k++) {
            if (r->events[k].address >= size || r->events[k].time_us >= r->duration_us)
                return false;
            if (k > r->begin[i] && r->events[k].time_us < r->events[k - 1].time_us) return false;
        }
    }
    return true;
}

static bool read_recording(struct snn_context *context, const char *path, uint32_t channels)
{
    const struct snn_source_options options = {.shape = {channels, 34, 34}};
    struct snnstream_recordings recordings = {.events = NULL};
    int status =
        snnstream_recordings_open(&recordings, context, path, channels > 0 ? &options : NULL);
    bool good = status != SNN_OK || look_at(&recordings);
    snnstream_recordings_fini(&recordings, snnbase_allocator(context));
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
    snnstream_folder_fini(&folder, context);
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
