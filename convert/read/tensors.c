/* The list of tensors that a file of weights becomes, see reader.h: names, shapes and sizes are
 * held against the limits here, values are the readers' to fill in.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/reader.h"
#include "libsnn/base/control.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

void snnconv_tensors_init(struct snnconv_tensors *tensors, const struct snn_context *context)
{
    *tensors = (struct snnconv_tensors){.items = NULL};
    snnbase_arena_init(&tensors->arena, context);
}

void snnconv_tensors_fini(struct snnconv_tensors *tensors, struct snn_context *context)
{
    snnbase_free(context, tensors->items);
    snnbase_arena_fini(&tensors->arena);
    tensors->items = NULL;
    tensors->count = tensors->capacity = 0;
}

bool snnconv_tensor_size(uint32_t rank, const uint64_t *dim, size_t *out)
{
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (dim[i] > SIZE_MAX || !snnbase_size_mul(count, (size_t)dim[i], &count)) return false;
    }
    *out = count;
    return true;
}

void snnconv_shape_format(char text[SNNCONV_SHAPE_TEXT_SIZE], uint32_t rank, const uint64_t *dim)
{
    size_t used = 1;
    text[0] = '[';
    for (uint32_t i = 0; i < rank; i++) {
        int length = snprintf(text + used, SNNCONV_SHAPE_TEXT_SIZE - used, "%s%" PRIu64,
                              i > 0 ? ", " : "", dim[i]);
        if (length > 0) used += (size_t)length;
    }
    (void)snprintf(text + used, SNNCONV_SHAPE_TEXT_SIZE - used, "]");
}

static int check_name(struct snn_context *context, const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (snnbase_control_at(at))
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "the name of a tensor holds the control character 0x%02x",
                                (unsigned)byte);
    }
    return SNN_OK;
}

/* One tensor may be large, and so may be many small ones that share their bytes in the file. */
static int check_limits(const struct snnconv_tensors *tensors, struct snn_context *context,
                        const struct snnconv_tensor *like)
{
    const struct snn_limits *limits = snnbase_limits(context);
    uint64_t all_max = limits->file_bytes;
    if (like->count > limits->tensor_bytes / sizeof(float))
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "tensor '%s': %zu values exceed the limit of %" PRIu64 " bytes",
                            like->name, like->count, limits->tensor_bytes);
    if (tensors->arena.bytes > all_max ||
        like->count > (all_max - tensors->arena.bytes) / sizeof(float))
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "tensor '%s': all tensors together exceed the limit of %" PRIu64
                            " bytes",
                            like->name, all_max);
    return SNN_OK;
}

int snnconv_tensors_add(struct snnconv_tensors *tensors, struct snn_context *context,
                        const struct snnconv_tensor *like, struct snnconv_tensor **out)
{
    int status = check_name(context, like->name);
    if (status == SNN_OK) status = check_limits(tensors, context, like);
    if (status == SNN_OK)
        status = snnbase_grow(context, (void **)&tensors->items, &tensors->capacity,
                              tensors->count + 1, sizeof(*tensors->items));
    if (status != SNN_OK) return status;
    struct snnconv_tensor *tensor = &tensors->items[tensors->count];
    *tensor = *like;
    tensor->name = snnbase_arena_string(&tensors->arena, context, like->name);
    if (tensor->name == NULL) return SNN_ERR_NOMEM;
    tensor->values =
        snnbase_arena_alloc(&tensors->arena, context, like->count, sizeof(*tensor->values));
    if (tensor->values == NULL) return SNN_ERR_NOMEM;
    tensors->count++;
    *out = tensor;
    return SNN_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int snnconv_tensors_check_names(const struct snnconv_tensors *tensors, struct snn_context *context)
{
    const char **names = snnbase_alloc(context, tensors->count, sizeof(*names));
    if (names == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < tensors->count; i++)
        names[i] = tensors->items[i].name;
    if (tensors->count > 0) qsort(names, tensors->count, sizeof(*names), compare_names);
    int status = SNN_OK;
    for (size_t i = 1; i < tensors->count && status == SNN_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            status = snnbase_fail(context, SNN_ERR_FORMAT, "two tensors '%s'", names[i]);
    }
    snnbase_free(context, names);
    return status;
}
