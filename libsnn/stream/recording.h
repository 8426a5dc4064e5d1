/* Recordings of event cameras inside libsnn: one of them (recording.c) and data sets
 * (recordings.c).
 *
 * Formats are const structs in snn_recording_table (format.h); which files make a data set is for
 * folder.c to say.
 */
#ifndef SNN_STREAM_RECORDING_H
#define SNN_STREAM_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "libsnn/stream/folder.h"
#include "libsnn/stream/view.h"
#include "snn/context.h"
#include "snn/recording.h"
#include "snn/stream.h"

/* What snn_recording_open does not need to know. */
struct snnstream_recording_spec {
    const char *path;
    const struct snnstream_view *view;
    const unsigned char *bytes; /* of the file, at hand, and staying; NULL: read from the path */
    size_t size;
    struct snn_shape shape;    /* behind the view, where the file does not say it; 0: not known */
    bool (*go_on)(void *user); /* as in struct snn_recording_options */
    void *user;
    bool in_folder; /* for a hint */
    bool sums;      /* make a sum of the bytes on the way */
};

int snnstream_recording_open(struct snn_recording **out, struct snn_context *context,
                             const struct snnstream_recording_spec *spec);
/* A number that is another one once the file was replaced or written to; 0: nothing tells. */
uint64_t snnstream_recording_stamp(const struct snn_recording *recording);
/* CRC-32 of the (unpacked) bytes that were read so far. */
uint32_t snnstream_recording_sum(const struct snn_recording *recording);
/* How sure the surest format is that a file which begins so is its own. */
int snnstream_recording_score(const unsigned char *head, size_t size);
/* What is accepted, for messages: the summaries of all formats. */
void snnstream_recording_summaries(char *out, size_t size);

struct snnstream_recording_entry {
    const char *path; /* the folder's */
    int32_t label;    /* -1: none */
    uint64_t event_count;
    uint64_t stamp;       /* of the file that was scanned */
    unsigned char *bytes; /* of a file that can be read but once, owned; else NULL */
    size_t size;
};

/* A data set. Zeroed to begin with; never changes while it is open. */
struct snnstream_recordings {
    struct snnstream_folder folder;
    struct snnstream_view view;
    struct snnstream_recording_entry *entries; /* [count] */
    uint64_t count;
    uint64_t duration_us; /* of the longest */
    uint64_t digest;      /* of what is in them, the labels and the view */
    struct snn_shape shape;
};

/* Scans a recording or a folder of them. A file of which `have` holds the bytes is taken from
 * there. *out is to be finished even after an error. */
int snnstream_recordings_open(struct snnstream_recordings *out, struct snn_context *context,
                              const char *path, struct snnbase_buffer *have,
                              const struct snn_source_options *options);
void snnstream_recordings_fini(struct snnstream_recordings *recordings,
                               const struct snn_allocator *allocator);
/* Opens recording `index` (below count) with the set's view. Errors: IO (it has changed), as
 * snn_recording_open. */
int snnstream_recordings_read(struct snn_recording **out, struct snn_context *context,
                              const struct snnstream_recordings *recordings, uint64_t index);
/* For whoever reads other events than there were: IO. */
int snnstream_recordings_fail_changed(struct snn_context *context,
                                      const struct snnstream_recordings *recordings,
                                      uint64_t index);

#endif
