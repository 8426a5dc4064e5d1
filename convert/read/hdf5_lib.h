/* The two things that libhdf5 does for us, both in the child process of hdf5.c: a file in memory
 * becomes the message that hdf5.c decodes, and a tree becomes the bytes of a file.
 *
 * The message is one item, the root (numbers are of 8 bytes, little-endian; texts have their length
 * in front):
 *
 *     item:   kind (a number) | name (a text) | offset | payload |
 *             count of attributes | that many items | count of children | that many items
 *     group:   no payload
 *     array:   type (enum snnconv_type) | shape | elements, in C order and as they are in memory
 *     text:    shape | for each element a text
 *     foreign: name of the type class (a text)
 *     shape:   rank | that many extents
 */
#ifndef SNN_CONVERT_READ_HDF5_LIB_H
#define SNN_CONVERT_READ_HDF5_LIB_H

#include <stddef.h>
#include <stdint.h>

#include "convert/read/child.h"
#include "convert/read/hdf5.h"
#include "snn/context.h"

enum snnconv_hdf5_kind {
    SNNCONV_HDF5_GROUP = 1,
    SNNCONV_HDF5_ARRAY = 2,
    SNNCONV_HDF5_TEXT = 3,
    SNNCONV_HDF5_FOREIGN = 4
};

enum {
    SNNCONV_HDF5_DEPTH_MAX = 32,
    SNNCONV_HDF5_ITEM_MIN = 40 /* bytes of the smallest item */
};

struct snnconv_hdf5_bytes {
    const unsigned char *bytes;
    size_t size;
};

/* Of type snnconv_child_fn; `user` is a struct snnconv_hdf5_bytes. Errors: FORMAT, LIMIT, NOMEM. */
int snnconv_hdf5_lib_walk(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user);

/* Of type snnconv_child_fn; `user` is the root, a struct snnconv_hdf5_item, written as the bytes of
 * a file. Errors: INVALID, NOMEM. */
int snnconv_hdf5_lib_build(struct snnconv_child_pipe *pipe, struct snn_context *context,
                           void *user);

/* In the parent: the tree that a message tells, whoever wrote it. Errors: FORMAT, NOMEM. */
int snnconv_hdf5_decode(struct snnconv_hdf5_item **root_out, struct snn_context *context,
                        struct snnbase_arena *arena, const unsigned char *bytes, size_t size);

#endif
