/* Tensors of the native model file, see tensor.h.
 *
 * Invariant: nothing is allocated for values before the shape is within the limits and the packed
 * bytes at hand could hold that many, so a short file cannot ask for much memory.
 */
#include "libsnn/model/tensor.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/base64.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/sha256.h"
#include "libsnn/base/size.h"
#include "libsnn/model/native.h"

/* Deflate copies at most 258 bytes for 2 bits: no stream unpacks to more than this many times its
 * size. */
#define DEFLATE_RATIO_MAX 1032u

struct shape_text {
    char text[64];
};

static struct shape_text format_shape(uint32_t rank, const uint32_t *dim)
{
    struct shape_text out = {"["};
    size_t used = 1;
    for (uint32_t i = 0; i < rank; i++) {
        char number[16] = "*";
        if (dim[i] != 0) (void)snprintf(number, sizeof(number), "%u", dim[i]);
        int length =
            snprintf(out.text + used, sizeof(out.text) - used, "%s%s", i > 0 ? ", " : "", number);
        used += (size_t)length;
    }
    out.text[used] = ']';
    return out;
}

void snnmodel_sidecar_fini(struct snn_context *context, struct snnmodel_sidecar *sidecar)
{
    snnbase_buffer_fini(context, &sidecar->bytes);
    sidecar->name = NULL;
}

static int check_dtype(struct snn_context *context, const struct snnbase_json_value *value)
{
    const char *dtype = NULL;
    int status = snnbase_json_read_string(context, value, "", "dtype", &dtype);
    if (status != SNN_OK || strcmp(dtype, "f32") == 0) return status;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "dtype '%s' is not supported", dtype);
    return snnbase_hint(context, "write the values as f32");
}

static int read_shape(struct snn_context *context, const struct snnbase_json_value *value,
                      struct snnmodel_tensor *out)
{
    const struct snnbase_json_value *shape = snnbase_json_get(value, "shape");
    size_t rank = shape != NULL ? snnbase_json_count(shape) : 1;
    if (rank < 1 || rank > SNNMODEL_TENSOR_RANK_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "shape has %zu axes, 1 to %u expected", rank,
                            SNNMODEL_TENSOR_RANK_MAX);
    int64_t dim[SNNMODEL_TENSOR_RANK_MAX];
    int status = snnbase_json_read_ints(context, value, "", "shape", 1, UINT32_MAX, rank, dim);
    if (status != SNN_OK) return status;
    size_t bytes = sizeof(float);
    bool fits = true;
    out->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++) {
        out->dim[i] = (uint32_t)dim[i];
        fits = fits && snnbase_size_mul(bytes, out->dim[i], &bytes);
    }
    uint64_t limit = snnbase_limits(context)->tensor_bytes;
    if (!fits || bytes > limit)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "shape %s of 4-byte values exceeds the limit of %llu bytes",
                            format_shape(out->rank, out->dim).text, (unsigned long long)limit);
    out->count = bytes / sizeof(float);
    return SNN_OK;
}

int snnmodel_tensor_describe(struct snn_context *context, const struct snnbase_json_value *object,
                             const char *key, struct snnmodel_tensor *out)
{
    static const char *const members[] = {"dtype",  "shape",  "data", "file",
                                          "offset", "sha256", NULL};
    struct snnmodel_tensor tensor = {.value = snnbase_json_get(object, key)};
    int status;
    if (!snnbase_json_is_object(tensor.value)) {
        status = snnbase_fail(context, SNN_ERR_FORMAT, "%s",
                              tensor.value == NULL ? "missing, a tensor expected"
                                                   : "a tensor expected, an object");
    } else {
        status = snnmodel_native_check_members(context, tensor.value, members);
        if (status == SNN_OK) status = check_dtype(context, tensor.value);
        if (status == SNN_OK) status = read_shape(context, tensor.value, &tensor);
    }
    if (status != SNN_OK) return snnbase_where(context, "%s", key);
    *out = tensor;
    return SNN_OK;
}

int snnmodel_tensor_expect(struct snn_context *context, const struct snnmodel_tensor *tensor,
                           const char *key, uint32_t rank, const uint32_t *dim)
{
    bool same = tensor->rank == rank;
    for (uint32_t i = 0; same && i < rank; i++)
        same = dim[i] == 0 || dim[i] == tensor->dim[i];
    if (same) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: shape is %s, %s expected", key,
                        format_shape(tensor->rank, tensor->dim).text, format_shape(rank, dim).text);
}

/* The file's bytes are little-endian on every machine. */
static void floats_from_bytes(float *values, size_t count)
{
    unsigned char *byte = (unsigned char *)values;
    for (size_t i = 0; i < count; i++, byte += 4) {
        uint32_t bits = (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
                        (uint32_t)byte[3] << 24;
        memcpy(byte, &bits, sizeof(bits));
    }
}

static int check_finite(struct snn_context *context, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i])) continue;
        return snnbase_fail(context, SNN_ERR_FORMAT, "value %zu is %s", i,
                            isnan(values[i]) ? "not a number" : "infinite");
    }
    return SNN_OK;
}

/* Base64 of zlib into values, allocated; NULL with the error set. */
static float *unpack_bytes(struct snn_context *context, const struct snnmodel_tensor *tensor,
                           const struct snnbase_buffer *packed)
{
    size_t bytes = tensor->count * sizeof(float);
    if (bytes / DEFLATE_RATIO_MAX > packed->size) {
        snnbase_fail(context, SNN_ERR_FORMAT,
                     "%zu packed bytes cannot hold the %zu bytes of shape %s", packed->size, bytes,
                     format_shape(tensor->rank, tensor->dim).text);
        return NULL;
    }
    float *values = snnbase_alloc(context, tensor->count, sizeof(float));
    if (values == NULL) return NULL;
    if (snnbase_zlib_unpack(context, packed->data, packed->size, values, bytes) == SNN_OK)
        return values;
    snnbase_free(context, values);
    return NULL;
}

static float *unpack_inline(struct snn_context *context, const struct snnmodel_tensor *tensor)
{
    const char *text = NULL;
    if (snnbase_json_read_string(context, tensor->value, "", "data", &text) != SNN_OK) return NULL;
    struct snnbase_buffer packed = {NULL, 0, 0};
    float *values = NULL;
    if (snnbase_base64_decode(context, text, strlen(text), &packed) == SNN_OK)
        values = unpack_bytes(context, tensor, &packed);
    if (values == NULL) snnbase_where(context, "data");
    snnbase_buffer_fini(context, &packed);
    return values;
}

/* Only a bare name: the file stands beside the model, never anywhere else. */
static int check_sidecar_name(struct snn_context *context, const struct snnmodel_sidecar *sidecar,
                              const char *name)
{
    if (sidecar->model_path == NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "file '%s' lies outside the model, which is not read from a file here",
                            name);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strpbrk(name, "/\\") != NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "file '%s' is not a bare name: a tensor's file must lie beside the "
                            "model",
                            name);
    return SNN_OK;
}

static int sidecar_read(struct snn_context *context, struct snnmodel_sidecar *sidecar,
                        const char *name)
{
    if (sidecar->name != NULL && strcmp(sidecar->name, name) == 0) return SNN_OK;
    snnmodel_sidecar_fini(context, sidecar);
    char *path = snnbase_path_beside(context, sidecar->model_path, name);
    if (path == NULL) return SNN_ERR_NOMEM;
    int status = snnbase_file_read(context, path, &sidecar->bytes);
    snnbase_free(context, path);
    if (status == SNN_OK) sidecar->name = name;
    return status;
}

/* Holds the tensor's bytes in its side-car file against range and hash. */
static int check_sidecar_bytes(struct snn_context *context, const struct snnmodel_tensor *tensor,
                               const struct snnmodel_sidecar *sidecar, uint64_t offset,
                               const char *sha256)
{
    size_t bytes = tensor->count * sizeof(float);
    if (offset > sidecar->bytes.size || bytes > sidecar->bytes.size - (size_t)offset)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "file '%s' has %zu bytes, the tensor takes %zu from %llu on",
                            sidecar->name, sidecar->bytes.size, bytes, (unsigned long long)offset);
    char found[SNNBASE_SHA256_HEX_SIZE];
    snnbase_sha256_hex(sidecar->bytes.data + offset, bytes, found);
    if (strcmp(found, sha256) == 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "file '%s': the tensor's bytes have sha256 %s, %s expected", sidecar->name,
                        found, sha256);
}

static float *unpack_sidecar(struct snn_context *context, const struct snnmodel_tensor *tensor,
                             struct snnmodel_sidecar *sidecar)
{
    const char *name = NULL, *sha256 = NULL;
    const struct snnbase_json_value *value = tensor->value;
    int64_t offset = 0;
    int status = snnbase_json_read_string(context, value, "", "file", &name);
    if (status == SNN_OK)
        status = snnbase_json_read_int(context, value, "", "offset", 0, INT64_MAX, &offset);
    if (status == SNN_OK) status = snnbase_json_read_string(context, value, "", "sha256", &sha256);
    if (status == SNN_OK) status = check_sidecar_name(context, sidecar, name);
    if (status == SNN_OK) status = sidecar_read(context, sidecar, name);
    if (status == SNN_OK)
        status = check_sidecar_bytes(context, tensor, sidecar, (uint64_t)offset, sha256);
    if (status != SNN_OK) return NULL;
    float *values = snnbase_alloc(context, tensor->count, sizeof(float));
    if (values != NULL) memcpy(values, sidecar->bytes.data + offset, tensor->count * sizeof(float));
    return values;
}

int snnmodel_tensor_unpack(struct snn_context *context, const struct snnmodel_tensor *tensor,
                           const char *key, struct snnmodel_sidecar *sidecar, float **out)
{
    bool in_file = snnbase_json_get(tensor->value, "file") != NULL;
    float *values = NULL;
    if (in_file && snnbase_json_get(tensor->value, "data") != NULL)
        snnbase_fail(context, SNN_ERR_FORMAT, "has both 'data' and 'file'");
    else
        values =
            in_file ? unpack_sidecar(context, tensor, sidecar) : unpack_inline(context, tensor);
    if (values == NULL) return snnbase_where(context, "%s", key);
    floats_from_bytes(values, tensor->count);
    int status = check_finite(context, values, tensor->count);
    if (status != SNN_OK) {
        snnbase_free(context, values);
        return snnbase_where(context, "%s", key);
    }
    *out = values;
    return SNN_OK;
}

/* Appends base64 of zlib of the values, with a terminating zero. */
static int pack(struct snn_context *context, const float *values, size_t count,
                struct snnbase_buffer *out)
{
    unsigned char *bytes = snnbase_alloc(context, count, sizeof(float));
    if (bytes == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        for (size_t k = 0; k < 4; k++)
            bytes[4 * i + k] = (unsigned char)(bits >> 8 * k & 0xFFu);
    }
    struct snnbase_buffer packed = {NULL, 0, 0};
    int status = snnbase_zlib_pack(context, bytes, count * sizeof(float), &packed);
    if (status == SNN_OK) status = snnbase_base64_encode(context, packed.data, packed.size, out);
    if (status == SNN_OK) status = snnbase_buffer_append(context, out, "", 1);
    snnbase_buffer_fini(context, &packed);
    snnbase_free(context, bytes);
    return status;
}

void snnmodel_tensor_write(struct snnbase_jsonout *out, const uint32_t *dim, uint32_t rank,
                           const float *values)
{
    if (out->status != SNN_OK) return;
    struct snnbase_buffer text = {NULL, 0, 0};
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= dim[i];
    int status = pack(out->context, values, count, &text);
    if (status == SNN_OK) {
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_key(out, "dtype");
        snnbase_jsonout_string(out, "f32");
        snnbase_jsonout_key(out, "shape");
        snnbase_jsonout_array_open(out);
        for (uint32_t i = 0; i < rank; i++)
            snnbase_jsonout_uint(out, dim[i]);
        snnbase_jsonout_array_close(out);
        snnbase_jsonout_key(out, "data");
        snnbase_jsonout_string(out, (const char *)text.data);
        snnbase_jsonout_object_close(out);
    } else {
        out->status = status;
    }
    snnbase_buffer_fini(out->context, &text);
}
