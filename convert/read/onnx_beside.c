/* Tensors that lie in a file beside the model ("external data"), see onnx.h.
 *
 * A model names that file, so a hostile one would name any: only what lies in the model's own
 * folder or below is opened, after all symbolic links are resolved.
 * Source: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 */
#include <inttypes.h>
#include <string.h>

#include "convert/read/onnx.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"

enum { DECIMAL = 10 };

static void release_buffer(void *block, void *user)
{
    const struct snn_allocator *allocator = user;
    snnbase_allocator_free(allocator, block);
}

/* Whole file, loaded once however many tensors lie in it. */
static int load(struct snnconv_onnx *onnx, const char *location, const char *path,
                struct snnconv_onnx_beside **out)
{
    struct snnbase_buffer buffer = {.data = NULL};
    struct snnconv_onnx_beside *beside =
        snnbase_arena_alloc(&onnx->scratch, onnx->context, 1, sizeof(*beside));
    struct snn_allocator *allocator =
        snnbase_arena_alloc(&onnx->program->arena, onnx->context, 1, sizeof(*allocator));
    if (beside == NULL || allocator == NULL) return SNN_ERR_NOMEM;
    *allocator = *snnbase_allocator(onnx->context);
    beside->location = snnbase_arena_string(&onnx->scratch, onnx->context, location);
    if (beside->location == NULL) return SNN_ERR_NOMEM;
    int status = snnbase_file_read(onnx->context, path, &buffer);
    if (status == SNN_OK && buffer.data != NULL)
        status = snnconv_program_keep(onnx->program, onnx->context, buffer.data, release_buffer,
                                      allocator);
    else
        snnbase_buffer_fini(onnx->context, &buffer);
    if (status != SNN_OK) return status;
    /* An empty file has no bytes, but a place. */
    beside->bytes = buffer.data != NULL ? buffer.data : (const unsigned char *)"";
    beside->size = buffer.size;
    beside->next = onnx->beside;
    onnx->beside = beside;
    *out = beside;
    return SNN_OK;
}

static int find(struct snnconv_onnx *onnx, const char *location, struct snnconv_onnx_beside **out)
{
    for (struct snnconv_onnx_beside *at = onnx->beside; at != NULL; at = at->next) {
        if (strcmp(at->location, location) != 0) continue;
        *out = at;
        return SNN_OK;
    }
    char *path = NULL;
    int status = snnbase_path_inside(onnx->context, onnx->file->path, location, &path);
    if (status == SNN_OK) status = load(onnx, location, path, out);
    snnbase_free(onnx->context, path);
    return status;
}

/* Decimal digits alone, as the format has them. */
static bool read_number(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (text[0] == '\0') return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') return false;
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / DECIMAL) return false;
        value = value * DECIMAL + digit;
    }
    *out = value;
    return true;
}

int snnconv_onnx_read_beside(struct snnconv_onnx *onnx, const struct snnconv_onnx_tensor *tensor,
                             struct snnconv_wire_bytes *out)
{
    struct snnconv_onnx_beside *beside = NULL;
    uint64_t offset = 0, length = 0;
    if (tensor->location == NULL)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                            "tensor '%s' is in another file, but does not say in which",
                            tensor->name);
    int status = find(onnx, tensor->location, &beside);
    if (status != SNN_OK) return snnbase_where(onnx->context, "tensor '%s'", tensor->name);
    if (tensor->location_offset != NULL && !read_number(tensor->location_offset, &offset))
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "tensor '%s': offset '%s' is no number",
                            tensor->name, tensor->location_offset);
    length = offset <= beside->size ? beside->size - offset : 0;
    if (tensor->location_length != NULL && !read_number(tensor->location_length, &length))
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "tensor '%s': length '%s' is no number",
                            tensor->name, tensor->location_length);
    if (offset > beside->size || length > beside->size - offset)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                            "tensor '%s': %" PRIu64 " bytes at %" PRIu64
                            " of '%s', which has %zu bytes",
                            tensor->name, length, offset, tensor->location, beside->size);
    *out = (struct snnconv_wire_bytes){beside->bytes + offset, (size_t)length};
    return SNN_OK;
}
