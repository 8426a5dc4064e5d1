/* Tensors of the project's own files, see tensor.h.
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

/* By enum snnmodel_dtype. */
static const struct {
    const char *name;
    size_t size; /* bytes of a value */
} dtypes[] = {{"f32", 4}, {"int8", 1}, {"int16", 2}};

/* Within size_t: the tensor was described. */
static size_t bytes_of(const struct snnmodel_tensor *tensor)
{
    return tensor->count * dtypes[tensor->dtype].size;
}

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

static int check_dtype(struct snn_context *context, const struct snnbase_json_value *value,
                       const char *expected)
{
    const char *dtype = NULL;
    int status = snnbase_json_read_string(context, value, "", "dtype", &dtype);
    if (status != SNN_OK || strcmp(dtype, expected) == 0) return status;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "dtype '%s' is not supported", dtype);
    return snnbase_hint(context, "write the values as %s", expected);
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
    size_t bytes = dtypes[out->dtype].size;
    bool fits = true;
    out->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++) {
        out->dim[i] = (uint32_t)dim[i];
        fits = fits && snnbase_size_mul(bytes, out->dim[i], &bytes);
    }
    uint64_t limit = snnbase_limits(context)->tensor_bytes;
    if (!fits || bytes > limit)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "shape %s of %zu-byte values exceeds the limit of %llu bytes",
                            format_shape(out->rank, out->dim).text, dtypes[out->dtype].size,
                            (unsigned long long)limit);
    out->count = bytes / dtypes[out->dtype].size;
    return SNN_OK;
}

int snnmodel_tensor_describe_as(struct snn_context *context,
                                const struct snnbase_json_value *object, const char *key,
                                enum snnmodel_dtype dtype, struct snnmodel_tensor *out)
{
    static const char *const members[] = {"dtype",  "shape",  "data", "file",
                                          "offset", "sha256", NULL};
    static const char *const inline_members[] = {"dtype", "shape", "data", NULL};
    struct snnmodel_tensor tensor = {.dtype = dtype, .value = snnbase_json_get(object, key)};
    int status;
    if (!snnbase_json_is_object(tensor.value)) {
        status = snnbase_fail(context, SNN_ERR_FORMAT, "%s",
                              tensor.value == NULL ? "missing, a tensor expected"
                                                   : "a tensor expected, an object");
    } else {
        status = snnmodel_native_check_members(context, tensor.value,
                                               dtype == SNNMODEL_F32 ? members : inline_members);
        if (status == SNN_OK) status = check_dtype(context, tensor.value, dtypes[dtype].name);
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
static void values_from_bytes(const struct snnmodel_tensor *tensor, void *values)
{
    unsigned char *byte = values;
    for (size_t i = 0; tensor->dtype == SNNMODEL_F32 && i < tensor->count; i++, byte += 4) {
        const uint32_t bits = (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
                              (uint32_t)byte[3] << 24;
        memcpy(byte, &bits, sizeof(bits));
    }
    for (size_t i = 0; tensor->dtype == SNNMODEL_INT16 && i < tensor->count; i++, byte += 2) {
        const uint16_t bits = (uint16_t)(byte[0] | byte[1] << 8);
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

/* Base64 text that is decoded as far as the unpacker wants it. */
struct decoding {
    struct snnbase_base64_reader text;
    unsigned char piece[12288];
};

static int next_piece(const unsigned char **piece_out, size_t *size_out, void *user)
{
    struct decoding *decoding = user;
    *piece_out = decoding->piece;
    return snnbase_base64_read(&decoding->text, decoding->piece, sizeof(decoding->piece), size_out);
}

/* Base64 of zlib into values. */
static int unpack_text(struct snn_context *context, const struct snnmodel_tensor *tensor,
                       const char *text, size_t size, void *values)
{
    struct decoding decoding = {.text = {context, text, size, 0}};
    const struct snnbase_pieces packed = {snnbase_base64_decoded_size(text, size), next_piece,
                                          &decoding};
    int status = snnbase_zlib_unpack_pieces(context, &packed, values, bytes_of(tensor));
    size_t none = 0; /* bytes left; but there may be characters that make up none */
    if (status == SNN_OK)
        status = snnbase_base64_read(&decoding.text, decoding.piece, sizeof(decoding.piece), &none);
    return status;
}

/* Deflate bounds what packed bytes can hold. */
static int check_packed_size(struct snn_context *context, const struct snnmodel_tensor *tensor,
                             size_t packed_size)
{
    size_t bytes = bytes_of(tensor);
    if (bytes / DEFLATE_RATIO_MAX <= packed_size) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "%zu packed bytes cannot hold the %zu bytes of shape %s", packed_size,
                        bytes, format_shape(tensor->rank, tensor->dim).text);
}

/* Room for the values; NULL: NOMEM. */
static void *values_alloc(struct snn_context *context, const struct snnmodel_tensor *tensor,
                          struct snnbase_arena *arena)
{
    const size_t size = dtypes[tensor->dtype].size;
    return arena != NULL ? snnbase_arena_alloc(arena, context, tensor->count, size)
                         : snnbase_alloc(context, tensor->count, size);
}

static int unpack_inline(struct snn_context *context, const struct snnmodel_tensor *tensor,
                         struct snnbase_arena *arena, void **values)
{
    const char *text = NULL;
    int status = snnbase_json_read_string(context, tensor->value, "", "data", &text);
    if (status != SNN_OK) return status;
    size_t size = strlen(text);
    status = check_packed_size(context, tensor, snnbase_base64_decoded_size(text, size));
    if (status == SNN_OK) {
        *values = values_alloc(context, tensor, arena);
        if (*values == NULL) return SNN_ERR_NOMEM;
        status = unpack_text(context, tensor, text, size, *values);
    }
    return status == SNN_OK ? SNN_OK : snnbase_where(context, "data");
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
    size_t bytes = bytes_of(tensor);
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

static int unpack_sidecar(struct snn_context *context, const struct snnmodel_tensor *tensor,
                          struct snnmodel_sidecar *sidecar, struct snnbase_arena *arena,
                          void **values)
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
    if (status != SNN_OK) return status;
    *values = values_alloc(context, tensor, arena);
    if (*values == NULL) return SNN_ERR_NOMEM;
    memcpy(*values, sidecar->bytes.data + offset, bytes_of(tensor));
    return SNN_OK;
}

/* Allocates and fills; *values may be set on errors too. */
static int unpack(struct snn_context *context, const struct snnmodel_tensor *tensor,
                  struct snnmodel_sidecar *sidecar, struct snnbase_arena *arena, void **values)
{
    bool in_file = snnbase_json_get(tensor->value, "file") != NULL;
    if (in_file && snnbase_json_get(tensor->value, "data") != NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "has both 'data' and 'file'");
    int status = in_file ? unpack_sidecar(context, tensor, sidecar, arena, values)
                         : unpack_inline(context, tensor, arena, values);
    if (status != SNN_OK) return status;
    values_from_bytes(tensor, *values);
    return tensor->dtype == SNNMODEL_F32 ? check_finite(context, *values, tensor->count) : SNN_OK;
}

int snnmodel_tensor_unpack(struct snn_context *context, const struct snnmodel_tensor *tensor,
                           const char *key, struct snnmodel_sidecar *sidecar,
                           struct snnbase_arena *arena, float **out)
{
    void *values = NULL;
    int status = unpack(context, tensor, sidecar, arena, &values);
    if (status != SNN_OK) {
        if (arena == NULL) snnbase_free(context, values);
        return snnbase_where(context, "%s", key);
    }
    *out = values;
    return SNN_OK;
}

int snnmodel_tensor_unpack_whole(struct snn_context *context, const struct snnmodel_tensor *tensor,
                                 const char *key, struct snnbase_arena *arena, const void **out)
{
    void *values = NULL;
    int status = unpack_inline(context, tensor, arena, &values);
    if (status != SNN_OK) return snnbase_where(context, "%s", key);
    values_from_bytes(tensor, values);
    *out = values;
    return SNN_OK;
}

/* ---- Writing ---- */

enum {
    PIECE_COUNT = 4096,        /* values packed at a time; the text depends on it */
    WELL_PACKED_COUNT = 65536, /* up to here packing costs nothing that anybody would notice */
    SAMPLE_PIECES = 4,         /* of a larger tensor are tried */
};

/* Trained weights gain about 8 % and are slow to pack; what is pruned or stands for integers gains
 * much more. Of this many parts ... */
enum { GAIN_PARTS = 20, GAIN_PARTS_WORTH = 3 };

/* Values on their way to a file: packed, then text. */
struct packing {
    struct snnbase_packer *packer;
    struct snnbase_buffer packed;
    struct snnbase_buffer text;
};

static int packing_open(struct snn_context *context, struct packing *packing, int level)
{
    *packing = (struct packing){.packer = NULL};
    return snnbase_packer_open(&packing->packer, context, level);
}

static void packing_close(struct snn_context *context, struct packing *packing)
{
    snnbase_packer_close(&packing->packer);
    snnbase_buffer_fini(context, &packing->packed);
    snnbase_buffer_fini(context, &packing->text);
}

/* Values of a tensor that are written. */
struct span {
    enum snnmodel_dtype dtype;
    const void *values;
    size_t count;
};

static struct span part_of(const struct span *span, size_t first, size_t count)
{
    const char *values = span->values;
    return (struct span){span->dtype, values + first * dtypes[span->dtype].size, count};
}

/* The bits of a value. */
static uint32_t bits_at(const struct span *span, size_t index)
{
    if (span->dtype == SNNMODEL_INT8) return (uint8_t)((const int8_t *)span->values)[index];
    if (span->dtype == SNNMODEL_INT16) return (uint16_t)((const int16_t *)span->values)[index];
    uint32_t bits;
    memcpy(&bits, (const float *)span->values + index, sizeof(bits));
    return bits;
}

/* Packs up to PIECE_COUNT values, as little-endian bytes. */
static int packing_push(struct packing *packing, const struct span *span, bool last)
{
    unsigned char bytes[PIECE_COUNT * sizeof(float)];
    const size_t size = dtypes[span->dtype].size;
    for (size_t i = 0; i < span->count; i++) {
        const uint32_t bits = bits_at(span, i);
        for (size_t k = 0; k < size; k++)
            bytes[size * i + k] = (unsigned char)(bits >> 8 * k & 0xFFu);
    }
    return snnbase_packer_push(packing->packer, bytes, span->count * size, last, &packing->packed);
}

/* The level for these values. Only their bits decide, never the time it takes. */
static int choose_level(struct snn_context *context, const struct span *span, int *level_out)
{
    *level_out = SNNBASE_PACK_BEST;
    if (span->count <= WELL_PACKED_COUNT) return SNN_OK;
    struct packing sample;
    int status = packing_open(context, &sample, SNNBASE_PACK_FAST);
    for (size_t i = 0; i < SAMPLE_PIECES && status == SNN_OK; i++) {
        const struct span piece = part_of(span, span->count / SAMPLE_PIECES * i, PIECE_COUNT);
        status = packing_push(&sample, &piece, i + 1 == SAMPLE_PIECES);
    }
    size_t whole = SAMPLE_PIECES * PIECE_COUNT * dtypes[span->dtype].size;
    bool gains = sample.packed.size * GAIN_PARTS <= whole * (GAIN_PARTS - GAIN_PARTS_WORTH);
    *level_out = gains ? SNNBASE_PACK_FAST : SNNBASE_PACK_STORE;
    packing_close(context, &sample);
    return status;
}

/* Writes whole groups of the packed bytes as base64, all of them with the last piece. */
static int put_packed(struct snnbase_jsonout *out, struct packing *packing, bool last)
{
    struct snnbase_buffer *packed = &packing->packed, *text = &packing->text;
    size_t left = last ? 0 : packed->size % 3;
    size_t ready = packed->size - left;
    text->size = 0;
    int status = snnbase_base64_encode(out->context, packed->data, ready, text);
    if (status != SNN_OK) return status;
    snnbase_jsonout_string_piece(out, text->data, text->size);
    if (left > 0) memmove(packed->data, packed->data + ready, left);
    packed->size = left;
    return out->status;
}

static int put_values(struct snnbase_jsonout *out, const struct span *span)
{
    struct packing packing = {.packer = NULL};
    int level = 0;
    int status = choose_level(out->context, span, &level);
    if (status == SNN_OK) status = packing_open(out->context, &packing, level);
    for (size_t at = 0; at < span->count && status == SNN_OK; at += PIECE_COUNT) {
        const size_t left = span->count - at;
        const bool last = left <= PIECE_COUNT;
        const struct span piece = part_of(span, at, last ? left : PIECE_COUNT);
        status = packing_push(&packing, &piece, last);
        if (status == SNN_OK) status = put_packed(out, &packing, last);
    }
    packing_close(out->context, &packing);
    return status;
}

void snnmodel_tensor_write_as(struct snnbase_jsonout *out, enum snnmodel_dtype dtype,
                              const uint32_t *dim, uint32_t rank, const void *values)
{
    if (out->status != SNN_OK) return;
    struct span span = {dtype, values, 1};
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_key(out, "dtype");
    snnbase_jsonout_string(out, dtypes[dtype].name);
    snnbase_jsonout_key(out, "shape");
    snnbase_jsonout_array_open(out);
    for (uint32_t i = 0; i < rank; i++) {
        snnbase_jsonout_uint(out, dim[i]);
        span.count *= dim[i];
    }
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_key(out, "data");
    snnbase_jsonout_string_open(out);
    int status = put_values(out, &span);
    if (out->status == SNN_OK) out->status = status;
    snnbase_jsonout_string_close(out);
    snnbase_jsonout_object_close(out);
}
