/* Base64 (RFC 4648 section 4, with padding, no line breaks). */
#ifndef SNN_BASE_BASE64_H
#define SNN_BASE_BASE64_H

#include <stddef.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

int snnbase_base64_encode(struct snn_context *context, const void *data, size_t size,
                          struct snnbase_buffer *out);

/* Errors: FORMAT with the offset of the first character that does not belong. */
int snnbase_base64_decode(struct snn_context *context, const char *text, size_t size,
                          struct snnbase_buffer *out);

#endif
