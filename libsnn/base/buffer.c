/* A growing byte buffer: what writers fill and readers are given.
 *
 * Invariant: size <= capacity, and data is NULL exactly while capacity is 0. A failed append
 * leaves the buffer as it was.
 */
#include "libsnn/base/buffer.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"

int snnbase_buffer_reserve(struct snn_context *context, struct snnbase_buffer *buffer, size_t size)
{
    size_t needed;
    if (!snnbase_size_add(buffer->size, size, &needed)) {
        return snnbase_fail(context, SNN_ERR_NOMEM,
                            "out of memory: %zu bytes after %zu exceed the address space", size,
                            buffer->size);
    }
    void *data = buffer->data;
    int status = snnbase_grow(context, &data, &buffer->capacity, needed, 1);
    buffer->data = data;
    return status;
}

int snnbase_buffer_append(struct snn_context *context, struct snnbase_buffer *buffer,
                          const void *data, size_t size)
{
    if (size == 0) return SNN_OK; /* data may be NULL then */
    int status = snnbase_buffer_reserve(context, buffer, size);
    if (status != SNN_OK) return status;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return SNN_OK;
}

void snnbase_buffer_fini(struct snn_context *context, struct snnbase_buffer *buffer)
{
    snnbase_free(context, buffer->data);
    *buffer = (struct snnbase_buffer){.data = NULL};
}
