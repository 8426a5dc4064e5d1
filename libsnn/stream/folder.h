/* Which files of a folder make a data set, and their labels.
 */
#ifndef SNN_STREAM_FOLDER_H
#define SNN_STREAM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/context.h"

struct snnstream_folder_entry {
    const char *path;
    int32_t label; /* -1: none */
};

struct snnstream_folder {
    struct snnbase_arena arena;
    struct snnstream_folder_entry *entries;
    size_t count;
    size_t capacity;
    bool labelled;
    bool is_file; /* the path was no folder */
};

/* True for a path that is a folder. */
bool snnstream_folder_is(const char *path);

/* Lists a folder: the files that `labels` names (a text of lines "NAME LABEL"; NULL: labels.txt of
 * the folder, if there is one); else one subfolder a class, named by its number; else all files, in
 * the order of their names. A path that is no folder is itself the only entry. *out is to be
 * finished even after an error. Errors: NOT_FOUND (nothing in it), FORMAT (a line), INVALID (labels
 * of a single file), UNSUPPORTED (a pipe or a device in it), ACCESS, LIMIT, NOMEM. */
int snnstream_folder_list(struct snnstream_folder *out, struct snn_context *context,
                          const char *path, const char *labels);
void snnstream_folder_fini(struct snnstream_folder *folder);

#endif
