/* Tensors of the project's own files: a small JSON object on one side, values on the other, float32
 * in a model, whole numbers of 8 and 16 bits in a chip program.
 *
 *   {"dtype": "f32", "shape": [6, 1, 5, 5], "data": "<base64 of zlib of little-endian values>"}
 *   {"dtype": "f32", "shape": [6, 1, 5, 5], "file": "weights.bin", "offset": 0, "sha256": "..."}
 *   {"dtype": "int8", "shape": [6, 1, 5, 5], "data": "<the same>"}
 *
 * Reading goes in two steps, so that a shape can be held against what it is for before anything is
 * unpacked: describe (reads the shape, bounds it) and unpack (allocates, fills, checks the values).
 */
#ifndef SNN_MODEL_TENSOR_H
#define SNN_MODEL_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/json.h"
#include "libsnn/base/jsonout.h"
#include "libsnn/base/memory.h"
#include "snn/context.h"

#define SNNMODEL_TENSOR_RANK_MAX 4u

enum snnmodel_dtype { SNNMODEL_F32, SNNMODEL_INT8, SNNMODEL_INT16 };

struct snnmodel_tensor {
    enum snnmodel_dtype dtype;
    const struct snnbase_json_value *value; /* borrowed from the document */
    uint32_t rank;
    uint32_t dim[SNNMODEL_TENSOR_RANK_MAX]; /* each at least 1 */
    size_t count;                           /* product of the dims; its bytes are within limits */
};

/* Side-car files: where they may lie, and the one read last. */
struct snnmodel_sidecar {
    const char *model_path;      /* they lie beside this file; NULL: none are allowed */
    const char *name;            /* borrowed from the document; NULL: none read yet */
    struct snnbase_buffer bytes; /* of the file `name` */
};

void snnmodel_sidecar_fini(struct snn_context *context, struct snnmodel_sidecar *sidecar);

/* Describes the tensor object->key, which must be of this dtype. Every error begins with `key`.
 * Errors: FORMAT (not a tensor), UNSUPPORTED (dtype), LIMIT (tensor_bytes). */
int snnmodel_tensor_describe_as(struct snn_context *context,
                                const struct snnbase_json_value *object, const char *key,
                                enum snnmodel_dtype dtype, struct snnmodel_tensor *out);

/* The same for float32. */
static inline int snnmodel_tensor_describe(struct snn_context *context,
                                           const struct snnbase_json_value *object, const char *key,
                                           struct snnmodel_tensor *out)
{
    return snnmodel_tensor_describe_as(context, object, key, SNNMODEL_F32, out);
}

/* Holds the shape against `dim` [rank], where 0 allows any extent. Errors: FORMAT. */
int snnmodel_tensor_expect(struct snn_context *context, const struct snnmodel_tensor *tensor,
                           const char *key, uint32_t rank, const uint32_t *dim);

/* Allocates *out [tensor->count] for float32, in the arena or, with none, to be freed with
 * snnbase_free, and fills it. Errors: FORMAT (base64, packed size, side-car name, range or hash,
 * values that are not finite), those of reading the side-car, NOMEM. */
int snnmodel_tensor_unpack(struct snn_context *context, const struct snnmodel_tensor *tensor,
                           const char *key, struct snnmodel_sidecar *sidecar,
                           struct snnbase_arena *arena, float **out);

/* The same for whole numbers, int8_t or int16_t, in the arena; they have no side-car files. */
int snnmodel_tensor_unpack_whole(struct snn_context *context, const struct snnmodel_tensor *tensor,
                                 const char *key, struct snnbase_arena *arena, const void **out);

/* Writes a tensor value with its data inline. Errors stick to `out`. */
void snnmodel_tensor_write_as(struct snnbase_jsonout *out, enum snnmodel_dtype dtype,
                              const uint32_t *dim, uint32_t rank, const void *values);

static inline void snnmodel_tensor_write(struct snnbase_jsonout *out, const uint32_t *dim,
                                         uint32_t rank, const float *values)
{
    snnmodel_tensor_write_as(out, SNNMODEL_F32, dim, rank, values);
}

#endif
