/* An HDF5 file as a plain tree, read by libhdf5 in a child process.
 *
 * libhdf5 crashes on hostile files, so it runs in a forked child with limits on memory and
 * processor time, which walks the file and writes the tree down a pipe; the parent reads that
 * message through a bounded cursor and trusts nothing in it. Links out of the file and cycles are
 * not followed.
 */
#ifndef SNN_CONVERT_READ_HDF5_H
#define SNN_CONVERT_READ_HDF5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "libsnn/base/memory.h"
#include "snn/context.h"

struct snnconv_hdf5_item {
    const char *name; /* without its group; "/" for the root */
    bool is_group;
    /* A dataset or attribute. Strings, of fixed or variable length: text is set, [element count],
     * and array.type is NONE; other arrays have data. What has a type that no array can hold: both
     * are unset and `foreign` names the HDF5 type class. */
    struct snnconv_array array;
    const char *const *text;
    const char *foreign;
    uint64_t offset; /* address of the object in the file, or SNNCONV_NO_OFFSET */
    struct snnconv_hdf5_item *attributes; /* in order of creation where the file keeps it */
    size_t attribute_count;
    struct snnconv_hdf5_item *children; /* of a group, in order of creation or of name */
    size_t child_count;
};

/* True if the signature stands at byte 0, 512, 1024, 2048, ... */
bool snnconv_hdf5_probe(const unsigned char *bytes, size_t size);

/* Reads a whole file that is in memory. `root_out` and everything below it lives in the arena.
 * Errors: FORMAT (not HDF5, damaged, the child died: says so), LIMIT, NOMEM, UNSUPPORTED (built
 * without libhdf5: names the package). */
int snnconv_hdf5_read(struct snnconv_hdf5_item **root_out, struct snn_context *context,
                      struct snnbase_arena *arena, const unsigned char *bytes, size_t size);

/* NULL if there is none. `path` may have several parts: "model_weights/conv/kernel:0" walks groups.
 */
const struct snnconv_hdf5_item *snnconv_hdf5_child(const struct snnconv_hdf5_item *group,
                                                   const char *path);
const struct snnconv_hdf5_item *snnconv_hdf5_attribute(const struct snnconv_hdf5_item *item,
                                                       const char *name);
/* The text of a scalar string; NULL for anything else. */
const char *snnconv_hdf5_text(const struct snnconv_hdf5_item *item);

/* Writes a tree as a file, whole or not at all (in a child process as well). Errors: those of
 * writing files, UNSUPPORTED (built without libhdf5), NOMEM. */
int snnconv_hdf5_write(struct snn_context *context, const char *path,
                       const struct snnconv_hdf5_item *root);

#endif
