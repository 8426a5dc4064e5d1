/* A growing byte buffer for everything that is written: append, then hand over or free. */
#ifndef SNN_BASE_BUFFER_H
#define SNN_BASE_BUFFER_H

#include <stddef.h>

#include "snn/context.h"

struct snnbase_buffer {
    unsigned char *data; /* NULL while empty */
    size_t size;
    size_t capacity;
};

/* Makes room for `size` bytes after those held, at data + size; the caller writes them there and
 * adds to `size` itself. Errors: NOMEM, the buffer unchanged. */
int snnbase_buffer_reserve(struct snn_context *context, struct snnbase_buffer *buffer, size_t size);

/* Errors: NOMEM, the buffer unchanged. `data` may be NULL when `size` is 0. */
int snnbase_buffer_append(struct snn_context *context, struct snnbase_buffer *buffer,
                          const void *data, size_t size);
void snnbase_buffer_fini(struct snn_context *context, struct snnbase_buffer *buffer);

#endif
