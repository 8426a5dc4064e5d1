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

const struct snnstream_event_ops *snnstream_recording_format(const struct snnbase_buffer *bytes)
{
    const struct snnstream_event_ops *best = NULL;
    int best_score = 0;
    for (size_t i = 0; snn_event_table[i] != NULL; i++) {
        int score = snn_event_table[i]->probe(bytes->data, bytes->size);
        if (score <= best_score) continue;
        best = snn_event_table[i];
        best_score = score;
    }
    return best;
}

int snnstream_recording_add(struct snnstream_camera_events *events, struct snn_context *context,
                            struct snnstream_camera_event event)
{
    int status = snnbase_grow(context, (void **)&events->items, &events->capacity,
                              events->count + 1, sizeof(*events->items));
    if (status == SNN_OK) events->items[events->count++] = event;
    return status;
}

static int fail_unknown(struct snn_context *context, const char *path, bool in_folder)
{
    char known[256] = "";
    for (size_t i = 0, at = 0; snn_event_table[i] != NULL && at < sizeof(known); i++) {
        const int size = snprintf(known + at, sizeof(known) - at, "%s%s", i > 0 ? ", " : "",
                                  snn_event_table[i]->summary);
        if (size > 0) at += (size_t)size;
    }
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a recording of events that is known", path);
    if (!in_folder) return snnbase_hint(context, "accepted are %s", known);
    return snnbase_hint(context,
                        "a folder holds %s and nothing else, unless its labels.txt names them "
                        "(lines of NAME LABEL); or a folder of them a class: 0, 1, 2, ...",
                        known);
}

/* *size_out: bytes, unpacked. */
static int read_file(struct snnstream_camera_events *out, struct snn_context *context,
                     const char *path, bool in_folder, uint64_t *size_out)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    int status = snnbase_file_read_unpacked(context, path, &bytes);
    const struct snnstream_event_ops *format = NULL;
    if (status == SNN_OK && bytes.size == 0)
        status = snnbase_fail(context, SNN_ERR_FORMAT, "%s: the file is empty", path);
    if (status == SNN_OK) format = snnstream_recording_format(&bytes);
    if (status == SNN_OK && format == NULL) status = fail_unknown(context, path, in_folder);
    if (status == SNN_OK) status = format->decode(out, context, path, &bytes);
    *size_out = bytes.size;
    snnbase_buffer_fini(context, &bytes);
    return status;
}

/* Reads all files one after another; begin[i] is where each starts. Together they are held to the
 * limit of one file: a list may name a large one any number of times. */
static int read_files(struct snnstream_recordings *out, struct snn_context *context,
                      const struct snnstream_folder *folder, const struct snnstream_view *view,
                      struct snnstream_camera_events *events)
{
    out->begin = snnbase_alloc(context, folder->count + 1, sizeof(*out->begin));
    if (folder->labelled) out->labels = snnbase_alloc(context, folder->count, sizeof(*out->labels));
    if (out->begin == NULL || (folder->labelled && out->labels == NULL)) return SNN_ERR_NOMEM;
    uint64_t limit = snnbase_limits(context)->file_bytes, bytes = 0;
    for (size_t i = 0; i < folder->count; i++) {
        uint64_t size = 0, left = limit - bytes;
        const size_t first = events->count;
        int status = read_file(events, context, folder->entries[i].path, !folder->is_file, &size);
        if (status != SNN_OK) return status;
        if (events->count > first)
            events->count =
                first + snnstream_view_apply(view, events->items[first].time_us,
                                             events->items + first, events->count - first);
        if (size > left || events->count > limit / sizeof(*out->events))
            return snnbase_fail(context, SNN_ERR_LIMIT,
                                "%s: recording %zu exceeds the limit of %llu bytes for all",
                                folder->entries[i].path, i, (unsigned long long)limit);
        bytes += size;
        out->begin[i + 1] = events->count;
        if (out->labels != NULL) out->labels[i] = folder->entries[i].label;
    }
    out->count = folder->count;
    if (events->count > 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a single event", folder->entries[0].path);
}

/* The sensor that all events lie on. */
static int find_shape(struct snnstream_recordings *out, struct snn_context *context,
                      const char *path, const struct snnstream_camera_events *events,
                      struct snn_shape asked, uint32_t polarities)
{
    struct snn_shape shape = {polarities, 1, 1};
    for (size_t i = 0; i < events->count; i++) {
        const struct snnstream_camera_event *event = &events->items[i];
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
                   const struct snnstream_camera_events *events)
{
    const struct snn_shape shape = out->shape;
    out->events = snnbase_alloc(context, events->count, sizeof(*out->events));
    if (out->events == NULL) return SNN_ERR_NOMEM;
    for (uint64_t i = 0; i < out->count; i++) {
        uint64_t start = out->begin[i] < events->count ? events->items[out->begin[i]].time_us : 0;
        for (uint64_t k = out->begin[i]; k < out->begin[i + 1]; k++) {
            const struct snnstream_camera_event *event = &events->items[k];
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
    struct snnstream_camera_events events = {NULL, 0, 0};
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
