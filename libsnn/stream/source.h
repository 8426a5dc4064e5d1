/* Sources: how a data format becomes a data set in memory.
 *
 * A format is one const struct in snn_source_table. It is chosen by what the file's bytes are,
 * never by the file's name; a gzip file is unpacked before any format sees it. What a format hands
 * over is checked: every byte that `count`, `steps` and `shape` promise is there, and floats are
 * finite.
 */
#ifndef SNN_STREAM_SOURCE_H
#define SNN_STREAM_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"
#include "snn/stream.h"

struct snnstream_recordings;

/* One file, read whole and unpacked. */
struct snnstream_file {
    const char *path; /* for messages */
    struct snnbase_buffer bytes;
};

/* What a format reads out of a file: either bytes or values are set, and point into storage. */
struct snnstream_samples {
    uint64_t count;
    uint32_t steps; /* of a spike recording; 0 for frames */
    struct snn_shape shape;
    const uint8_t *bytes; /* frames 0..255 or spike counts: [count][steps or 1][c][h][w] */
    const float *values;  /* frames as intensities: [count][c][h][w] */
    void *storage;        /* a block of the context's allocator, owned */
};

struct snnstream_source_ops {
    const char *name;
    const char *summary; /* what is accepted, for messages: one phrase */

    /* How sure the format is that these bytes are its own: 0 (not at all) to 100. */
    int (*probe)(const unsigned char *bytes, size_t size);

    /* Fills *out (zeroed by the caller, who releases storage even after an error). The file's bytes
     * may be kept, see snnstream_source_take. Errors: FORMAT, UNSUPPORTED, LIMIT, NOMEM; each names
     * the file. */
    int (*open)(struct snnstream_samples *out, struct snn_context *context,
                struct snnstream_file *file, enum snn_source_kind kind);

    /* Reads a file of labels, each 0..65535, into a block of the context's allocator; at least one.
     * NULL for formats that hold none. Errors as open. */
    int (*labels)(int32_t **out, uint64_t *count_out, struct snn_context *context,
                  const struct snnstream_file *file);
};

/* All formats, ended by NULL. */
extern const struct snnstream_source_ops *const snn_source_table[];

/* The data set behind a source of events. */
const struct snnstream_recordings *snnstream_source_recordings(const struct snn_source *source);

/* Moves the file's bytes out of it: the block now belongs to the caller. */
unsigned char *snnstream_source_take(struct snnstream_file *file);

/* Refuses shapes with more values than the context's limit for neurons. Errors: LIMIT. */
int snnstream_source_check_shape(struct snn_context *context, const char *path,
                                 struct snn_shape shape);

#endif
