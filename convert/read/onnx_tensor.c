/* Tensors of an ONNX file as constants, see onnx.h.
 *
 * The file keeps elements in one of three ways: raw bytes, little-endian and in C order; lists of
 * protobuf numbers, wider than the element for the narrow types; a place in another file. Source:
 * TensorProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/onnx.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* By TensorProto.DataType. */
static const struct {
    const char *name;
    enum snnconv_type type; /* NONE: not read */
} types[] = {
    {"UNDEFINED", SNNCONV_TYPE_NONE},
    {"FLOAT", SNNCONV_TYPE_F32},
    {"UINT8", SNNCONV_TYPE_U8},
    {"INT8", SNNCONV_TYPE_I8},
    {"UINT16", SNNCONV_TYPE_U16},
    {"INT16", SNNCONV_TYPE_I16},
    {"INT32", SNNCONV_TYPE_I32},
    {"INT64", SNNCONV_TYPE_I64},
    {"STRING", SNNCONV_TYPE_NONE},
    {"BOOL", SNNCONV_TYPE_BOOL},
    {"FLOAT16", SNNCONV_TYPE_F16},
    {"DOUBLE", SNNCONV_TYPE_F64},
    {"UINT32", SNNCONV_TYPE_U32},
    {"UINT64", SNNCONV_TYPE_U64},
    {"COMPLEX64", SNNCONV_TYPE_NONE},
    {"COMPLEX128", SNNCONV_TYPE_NONE},
    {"BFLOAT16", SNNCONV_TYPE_BF16},
    {"FLOAT8E4M3FN", SNNCONV_TYPE_NONE},
    {"FLOAT8E4M3FNUZ", SNNCONV_TYPE_NONE},
    {"FLOAT8E5M2", SNNCONV_TYPE_NONE},
    {"FLOAT8E5M2FNUZ", SNNCONV_TYPE_NONE},
    {"UINT4", SNNCONV_TYPE_NONE},
    {"INT4", SNNCONV_TYPE_NONE},
};

static bool is_data_type(int32_t data_type)
{
    return data_type >= 0 && (size_t)data_type < sizeof(types) / sizeof(types[0]);
}

enum snnconv_type snnconv_onnx_type(int32_t data_type)
{
    return is_data_type(data_type) ? types[data_type].type : SNNCONV_TYPE_NONE;
}

const char *snnconv_onnx_type_name(int32_t data_type)
{
    return is_data_type(data_type) ? types[data_type].name : NULL;
}

int snnconv_onnx_refuse_type(struct snnconv_onnx *onnx, const char *what, int32_t data_type)
{
    const char *name = snnconv_onnx_type_name(data_type);
    if (name == NULL)
        return snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                            "%s: element type %" PRId32 " is not known", what, data_type);
    snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED, "%s: elements of type %s are not read", what,
                 name);
    return snnbase_hint(onnx->context,
                        "floats of 16, 32 and 64 bits, integers of 8 to 64 bits and BOOL are");
}

/* ---- Elements ---- */

static bool host_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void copy_little(unsigned char *to, const unsigned char *from, size_t count, size_t size)
{
    if (count == 0) return;
    if (size == 1 || host_is_little()) {
        memcpy(to, from, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++, to += size, from += size) {
        for (size_t k = 0; k < size; k++)
            to[k] = from[size - 1 - k];
    }
}

/* Bytes of a file beside the model may stay where they are if the processor can take them from
 * there. Those of the model itself never do: few of them are aligned, and once all are copied the
 * file's bytes can go. */
static bool can_lie(struct snnconv_wire_bytes bytes, enum snnconv_type type)
{
    size_t size = snnconv_type_size(type);
    if (bytes.size == 0 || (size > 1 && !host_is_little())) return false;
    return (uintptr_t)bytes.bytes % size == 0;
}

static int check_bools(struct snnconv_onnx *onnx, const char *name, struct snnconv_wire_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.bytes[i] > 1)
            return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                                "tensor '%s': element %zu is %u, no BOOL", name, i, bytes.bytes[i]);
    }
    return SNN_OK;
}

static int take_bytes(struct snnconv_onnx *onnx, const struct snnconv_onnx_tensor *tensor,
                      struct snnconv_wire_bytes bytes, struct snnconv_array *out)
{
    const char *name = tensor->name;
    size_t count = snnconv_array_count(out), size = snnconv_type_size(out->type);
    char shape[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(shape, out);
    if (bytes.size != count * size)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                            "tensor '%s': %s of %s takes %zu bytes, there are %zu", name, shape,
                            snnconv_type_name(out->type), count * size, bytes.size);
    int status = out->type == SNNCONV_TYPE_BOOL ? check_bools(onnx, name, bytes) : SNN_OK;
    if (status != SNN_OK) return status;
    if (tensor->is_external && can_lie(bytes, out->type)) {
        out->data = bytes.bytes;
        return SNN_OK;
    }
    unsigned char *room = snnconv_array_alloc(out, onnx->context, &onnx->program->arena);
    if (room == NULL) return SNN_ERR_NOMEM;
    copy_little(room, bytes.bytes, count, size);
    return SNN_OK;
}

/* Where the numbers of an element type are listed, and how many there are. */
static size_t listed_count(const struct snnconv_onnx_tensor *tensor, enum snnconv_type type)
{
    switch (type) {
    case SNNCONV_TYPE_F32:
        return tensor->real_count;
    case SNNCONV_TYPE_F64:
        return tensor->double_count;
    case SNNCONV_TYPE_I64:
        return tensor->integer64_count;
    case SNNCONV_TYPE_U32:
    case SNNCONV_TYPE_U64:
        return tensor->unsigned64_count;
    default:
        return tensor->integer32_count;
    }
}

static void copy_listed(const struct snnconv_onnx_tensor *tensor, struct snnconv_array *out,
                        void *room)
{
    size_t count = snnconv_array_count(out);
    for (size_t i = 0; i < count; i++) {
        switch (out->type) {
        case SNNCONV_TYPE_F32:
            ((float *)room)[i] = tensor->reals[i];
            break;
        case SNNCONV_TYPE_F64:
            ((double *)room)[i] = tensor->doubles[i];
            break;
        case SNNCONV_TYPE_I64:
            ((int64_t *)room)[i] = tensor->integers64[i];
            break;
        case SNNCONV_TYPE_U64:
            ((uint64_t *)room)[i] = tensor->unsigneds64[i];
            break;
        case SNNCONV_TYPE_U32:
            ((uint32_t *)room)[i] = (uint32_t)tensor->unsigneds64[i];
            break;
        case SNNCONV_TYPE_F16: /* the bits, as a number */
        case SNNCONV_TYPE_BF16:
            ((uint16_t *)room)[i] = (uint16_t)tensor->integers32[i];
            break;
        default:
            snnconv_array_store_integer(out, i, tensor->integers32[i]);
        }
    }
}

static int take_listed(struct snnconv_onnx *onnx, const struct snnconv_onnx_tensor *tensor,
                       struct snnconv_array *out)
{
    size_t listed = listed_count(tensor, out->type), count = snnconv_array_count(out);
    char shape[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(shape, out);
    if (listed != count)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                            "tensor '%s': %s of %s has %zu elements, there are %zu", tensor->name,
                            shape, snnconv_type_name(out->type), count, listed);
    void *room = snnconv_array_alloc(out, onnx->context, &onnx->program->arena);
    if (room == NULL) return SNN_ERR_NOMEM;
    copy_listed(tensor, out, room);
    return SNN_OK;
}

/* ---- The tensor ---- */

static int take_elements(struct snnconv_onnx *onnx, const struct snnconv_onnx_tensor *tensor,
                         struct snnconv_array *out)
{
    char what[128];
    struct snnconv_wire_bytes bytes = tensor->bytes;
    (void)snprintf(what, sizeof(what), "tensor '%.100s'", tensor->name);
    out->type = snnconv_onnx_type(tensor->data_type);
    if (out->type == SNNCONV_TYPE_NONE)
        return snnconv_onnx_refuse_type(onnx, what, tensor->data_type);
    out->rank = tensor->rank;
    memcpy(out->dim, tensor->dim, sizeof(out->dim));
    int status = snnconv_array_check(onnx->context, out);
    if (status != SNN_OK) return snnbase_where(onnx->context, "%s", what);
    if (tensor->is_external) {
        status = snnconv_onnx_read_beside(onnx, tensor, &bytes);
        return status == SNN_OK ? take_bytes(onnx, tensor, bytes, out) : status;
    }
    bool fits =
        !tensor->bytes_typed || out->type == SNNCONV_TYPE_F32 || out->type == SNNCONV_TYPE_F64;
    if (bytes.bytes != NULL && fits) return take_bytes(onnx, tensor, bytes, out);
    return take_listed(onnx, tensor, out);
}

int snnconv_onnx_read_tensor(struct snnconv_onnx *onnx, struct snnconv_wire_bytes message,
                             struct snnconv_array *out)
{
    struct snnbase_arena arena;
    struct snnconv_onnx_tensor tensor;
    struct snnconv_array array = {.type = SNNCONV_TYPE_NONE};
    struct snnconv_onnx_unpacker unpacker = onnx->unpacker;
    /* An arena of its own, so that lists of numbers go as soon as they are elements. */
    snnbase_arena_init(&arena, onnx->context);
    unpacker.arena = &arena;
    int status = snnconv_onnx_unpack_tensor(&tensor, &unpacker, message);
    if (status == SNN_OK) status = take_elements(onnx, &tensor, &array);
    if (status == SNN_OK) *out = array;
    snnbase_arena_fini(&arena);
    return status;
}
