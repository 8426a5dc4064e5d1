/* A data set of recordings: files -> events as cameras send them -> addresses and times.
 *
 * Held sparse, eight bytes an event. The sensor's size is the caller's, or what all recordings
 * together take up, so it is known only at the end: addresses are made then.
 */
#include "libsnn/stream/recording.h"

#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "libsnn/stream/folder.h"
#include "libsnn/stream/source.h"
#include "libsnn/stream/view.h"

enum { POLARITIES = 2 };

/* Every event of all recordings. */
struct events {
    struct snn_camera_event *items;
    size_t count, capacity;
};

static int read_file(struct events *out, struct snn_context *context, const char *path,
                     const struct snnstream_view *view, bool in_folder)
{
    const struct snnstream_recording_spec spec = {path, view, NULL, 0, in_folder, false};
    struct snn_recording *recording = NULL;
    struct snn_camera_event *batch = snnbase_alloc(context, 4096, sizeof(*batch));
    size_t count = 1;
    int status = batch != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = snnstream_recording_open(&recording, context, &spec);
    while (status == SNN_OK && count > 0) {
        status = snn_recording_read(recording, context, batch, 4096, &count);
        if (status == SNN_OK)
            status = snnbase_grow(context, (void **)&out->items, &out->capacity, out->count + count,
                                  sizeof(*out->items));
        if (status != SNN_OK) break;
        memcpy(out->items + out->count, batch, count * sizeof(*batch));
        out->count += count;
    }
    snnbase_free(context, batch);
    snn_recording_close(&recording);
    return status;
}

/* Reads all files one after another; begin[i] is where each starts. Together they are held to the
 * limit of one file: a list may name a large one any number of times. */
static int read_files(struct snnstream_recordings *out, struct snn_context *context,
                      const struct snnstream_folder *folder, const struct snnstream_view *view,
                      struct events *events)
{
    out->begin = snnbase_alloc(context, folder->count + 1, sizeof(*out->begin));
    if (folder->labelled) out->labels = snnbase_alloc(context, folder->count, sizeof(*out->labels));
    if (out->begin == NULL || (folder->labelled && out->labels == NULL)) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < folder->count; i++) {
        int status = read_file(events, context, folder->entries[i].path, view, !folder->is_file);
        if (status != SNN_OK) return status;
        out->begin[i + 1] = events->count;
        if (out->labels != NULL) out->labels[i] = folder->entries[i].label;
    }
    out->count = folder->count;
    if (events->count > 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a single event", folder->entries[0].path);
}

/* The sensor that all events lie on. */
static int find_shape(struct snnstream_recordings *out, struct snn_context *context,
                      const char *path, const struct events *events, struct snn_shape asked,
                      uint32_t polarities)
{
    struct snn_shape shape = {polarities, 1, 1};
    for (size_t i = 0; i < events->count; i++) {
        const struct snn_camera_event *event = &events->items[i];
        if (event->y >= shape.height) shape.height = event->y + 1u;
        if (event->x >= shape.width) shape.width = event->x + 1u;
    }
    out->shape = asked.channels > 0 ? asked : shape;
    if (asked.channels == 0) return SNN_OK;
    if (asked.channels > polarities)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "%s: events have %u polarities, %u channels are wanted", path,
                            polarities, asked.channels);
    if (shape.height <= asked.height && shape.width <= asked.width) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "%s: events at up to %ux%u (width x height), a sensor of %ux%u is wanted",
                        path, shape.width, shape.height, asked.width, asked.height);
}

/* With one channel both polarities are the same. */
static int convert(struct snnstream_recordings *out, struct snn_context *context, const char *path,
                   const struct events *events)
{
    const struct snn_shape shape = out->shape;
    out->events = snnbase_alloc(context, events->count, sizeof(*out->events));
    if (out->events == NULL) return SNN_ERR_NOMEM;
    for (uint64_t i = 0; i < out->count; i++) {
        uint64_t start = out->begin[i] < events->count ? events->items[out->begin[i]].time_us : 0;
        for (uint64_t k = out->begin[i]; k < out->begin[i + 1]; k++) {
            const struct snn_camera_event *event = &events->items[k];
            uint64_t time = event->time_us - start;
            uint32_t position = event->y * shape.width + event->x;
            uint32_t channel = shape.channels == 1 ? 0 : event->polarity;
            if (time >= UINT32_MAX)
                return snnbase_fail(context, SNN_ERR_LIMIT,
                                    "%s: recording %llu is longer than %u us", path,
                                    (unsigned long long)i, UINT32_MAX);
            out->events[k] =
                (struct snn_event){(uint32_t)time, position * shape.channels + channel};
            if (time >= out->duration_us) out->duration_us = time + 1;
        }
    }
    return SNN_OK;
}

int snnstream_recordings_open(struct snnstream_recordings *out, struct snn_context *context,
                              const char *path, const struct snn_source_options *options)
{
    struct snnstream_folder folder;
    struct events events = {NULL, 0, 0};
    struct snnstream_view view;
    const struct snn_source_options none = {.labels = NULL};
    if (options == NULL) options = &none;
    int status = snnstream_folder_list(&folder, context, path, options->labels);
    if (status == SNN_OK) status = snnstream_view_parse(&view, context, options->view);
    if (status == SNN_OK) status = read_files(out, context, &folder, &view, &events);
    if (status == SNN_OK)
        status = find_shape(out, context, path, &events, options->shape,
                            snnstream_view_has_one(&view) ? 1 : POLARITIES);
    if (status == SNN_OK) status = snnstream_source_check_shape(context, path, out->shape);
    if (status == SNN_OK) status = convert(out, context, path, &events);
    snnbase_free(context, events.items);
    snnstream_folder_fini(&folder, context);
    return status;
}

void snnstream_recordings_fini(struct snnstream_recordings *recordings,
                               const struct snn_allocator *allocator)
{
    snnbase_allocator_free(allocator, recordings->events);
    snnbase_allocator_free(allocator, recordings->begin);
    snnbase_allocator_free(allocator, recordings->labels);
}
