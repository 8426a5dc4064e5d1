/* Files that a program writes: whole or not at all.
 */
#ifndef SNN_FILE_H
#define SNN_FILE_H

#include <stddef.h>

#include "snn/context.h"
#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `size` bytes to `path`: under a temporary name in the same folder, flushed to the disk,
 * then renamed. What is no regular file (/dev/null, a pipe) is written directly. Errors: ACCESS,
 * NOT_FOUND (no such folder), IO (disk full: says so), NOMEM. */
SNN_API int snn_file_save(struct snn_context *context, const char *path, const void *data,
                          size_t size);

/* Makes a folder unless there is one. The folder it lies in must exist. Errors: ACCESS, NOT_FOUND,
 * IO (something else has that name). */
SNN_API int snn_folder_make(struct snn_context *context, const char *path);

#ifdef __cplusplus
}
#endif
#endif
