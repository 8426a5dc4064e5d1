/* Files: read whole and bounded; written whole or not at all.
 *
 * A written file goes to a temporary name in the same folder, is flushed to the disk (fsync) and
 * renamed over the final name by commit; an abandoned one leaves nothing. "-" is never a path here.
 * A path that exists and is not a regular file (/dev/null, /dev/full, a pipe) is written directly.
 * A file that is replaced keeps its mode, a symbolic link stays, a read-only file is refused.
 */
#ifndef SNN_BASE_FILE_H
#define SNN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

/* Appends the file's bytes to `out`. Errors: NOT_FOUND, ACCESS, IO (also for a folder), LIMIT
 * (file_bytes), NOMEM; each names the path. */
int snnbase_file_read(struct snn_context *context, const char *path, struct snnbase_buffer *out);

/* The same, and a gzip file is unpacked on the way (bounded by limits.file_bytes). */
int snnbase_file_read_unpacked(struct snn_context *context, const char *path,
                               struct snnbase_buffer *out);

/* `relative` seen from the folder of `path`, or `relative` itself if absolute; allocated. NULL with
 * NOMEM set on failure. */
char *snnbase_path_beside(struct snn_context *context, const char *path, const char *relative);

/* A file that a file names: `relative` seen from the folder of `path`, allocated. It must lie in
 * that folder or below it once all symbolic links are resolved. Errors: UNSUPPORTED (it leaves the
 * folder, is no regular file), NOT_FOUND, ACCESS, IO, NOMEM. */
int snnbase_path_inside(struct snn_context *context, const char *path, const char *relative,
                        char **out);

bool snnbase_file_exists(const char *path);

/* The first bytes of a regular file, at most `room`; returns how many, 0 where none can be read. A
 * pipe is left alone, as its bytes come but once. */
size_t snnbase_file_head(const char *path, void *out, size_t room);

struct snnbase_file_writer {
    struct snn_context *context;
    char *path;        /* final name, symbolic links resolved */
    char *temporary;   /* NULL when the path is written directly */
    int descriptor;    /* -1 when closed */
    bool sequential;   /* a pipe or terminal: offsets must follow one another */
    uint64_t position; /* end of the last write */
};

/* Errors of all three: ACCESS, NOT_FOUND (no such folder), IO (disk full: says so), NOMEM. */
int snnbase_file_create(struct snnbase_file_writer *writer, struct snn_context *context,
                        const char *path);
/* Pieces may come in any order; those of a pipe must follow one another from offset 0. */
int snnbase_file_write_at(struct snnbase_file_writer *writer, uint64_t offset, const void *data,
                          size_t size);
int snnbase_file_commit(struct snnbase_file_writer *writer);

/* Removes the temporary file of a writer that was not committed; safe after commit. */
void snnbase_file_abandon(struct snnbase_file_writer *writer);

/* Create, write, commit in one. */
int snnbase_file_save(struct snn_context *context, const char *path, const void *data, size_t size);

#endif
