/* Recordings of event cameras: how bytes become events, and how a data set of them is held.
 *
 * A format is one const struct in snn_event_table and decodes one recording at a time; which files
 * make a data set is for folder.c to say, and recording.c joins the two.
 */
#ifndef SNN_STREAM_RECORDING_H
#define SNN_STREAM_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"
#include "snn/recording.h"
#include "snn/stream.h"

/* As a sensor sends it. */
#define snnstream_camera_event snn_camera_event

struct snnstream_camera_events {
    struct snnstream_camera_event *items;
    size_t count;
    size_t capacity;
};

struct snnstream_event_ops {
    const char *name;
    const char *summary; /* what is accepted, for messages: one phrase */

    /* How sure the format is that these bytes are its own: 0 (not at all) to 100. */
    int (*probe)(const unsigned char *bytes, size_t size);

    /* Appends the events of one recording, in the order of time. Errors: FORMAT, LIMIT, NOMEM; each
     * names path and byte. */
    int (*decode)(struct snnstream_camera_events *out, struct snn_context *context,
                  const char *path, const struct snnbase_buffer *bytes);
};

/* All formats of recordings, ended by NULL. */
extern const struct snnstream_event_ops *const snn_event_table[];

/* The format that is surest of the bytes; NULL: none. */
const struct snnstream_event_ops *snnstream_recording_format(const struct snnbase_buffer *bytes);

/* Appends one event. Errors: NOMEM. */
int snnstream_recording_add(struct snnstream_camera_events *events, struct snn_context *context,
                            struct snnstream_camera_event event);

/* A data set, one block each of the context's allocator. */
struct snnstream_recordings {
    struct snn_event *events;
    uint64_t *begin; /* [count + 1] */
    int32_t *labels; /* [count], or NULL */
    uint64_t count;
    uint64_t duration_us;
    struct snn_shape shape;
};

/* Reads a recording or a folder of them. *out is to be finished even after an error. */
int snnstream_recordings_open(struct snnstream_recordings *out, struct snn_context *context,
                              const char *path, const struct snn_source_options *options);
void snnstream_recordings_fini(struct snnstream_recordings *recordings,
                               const struct snn_allocator *allocator);

#endif
