/* Arrays for NumPy: files of fixed shape, written one row (an index of the first axis) at a time,
 * in any order, as a run produces samples.
 *
 * Files are in C order and little-endian on every host, the same bytes for the same numbers. A file
 * appears whole with commit, or not at all. One thread at a time. docs/formats/data.md has the
 * layouts.
 */
#ifndef SNN_NPY_H
#define SNN_NPY_H

#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

enum snn_npy_dtype { SNN_NPY_INT32 = 0, SNN_NPY_INT64 = 1, SNN_NPY_UINT8 = 2 };

/* One file that is being written. The context it was created with must outlive it. */
struct snn_npy_writer;

/* Begins an .npy file of one array. `shape` [rank], rank 1..8, no dimension 0. Errors: INVALID,
 * LIMIT (larger than a file can be), ACCESS, NOT_FOUND (no such folder), IO, NOMEM. */
SNN_API int snn_npy_create(struct snn_npy_writer **out, struct snn_context *context,
                           const char *path, const uint64_t *shape, uint32_t rank,
                           enum snn_npy_dtype dtype);

/* Begins an .npz file of `name_count` arrays of the same shape and type; numpy.load gives them
 * under these names, which must differ. Errors as above. */
SNN_API int snn_npz_create(struct snn_npy_writer **out, struct snn_context *context,
                           const char *path, const char *const *names, uint32_t name_count,
                           const uint64_t *shape, uint32_t rank, enum snn_npy_dtype dtype);

/* Writes row `index` of the first axis: shape[1] * shape[2] * ... numbers of the file's type; for
 * an .npz the rows of all its arrays, one array after another. A row may be written again, and one
 * that never is stays zero. Errors: INVALID (index), IO. */
SNN_API int snn_npy_write(struct snn_npy_writer *writer, struct snn_context *context,
                          uint64_t index, const void *data);

/* Finishes the file and frees the writer, also after an error, which leaves no file. Errors: IO. */
SNN_API int snn_npy_commit(struct snn_npy_writer **writer, struct snn_context *context);

/* Drops the file. Takes the address, nulls it, accepts NULL. */
SNN_API void snn_npy_abandon(struct snn_npy_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
