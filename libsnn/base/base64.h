/* Base64 (RFC 4648 section 4, with padding, no line breaks). */
#ifndef SNN_BASE_BASE64_H
#define SNN_BASE_BASE64_H

#include <stddef.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

/* Appends the text to `out`. The texts of pieces make up the text of the whole where all pieces but
 * the last have a multiple of 3 bytes. */
int snnbase_base64_encode(struct snn_context *context, const void *data, size_t size,
                          struct snnbase_buffer *out);

/* Errors: FORMAT with the offset of the first character that does not belong. */
int snnbase_base64_decode(struct snn_context *context, const char *text, size_t size,
                          struct snnbase_buffer *out);

/* The bytes that `size` characters stand for if they are base64. */
size_t snnbase_base64_decoded_size(const char *text, size_t size);

/* Text that is decoded piece by piece. */
struct snnbase_base64_reader {
    struct snn_context *context;
    const char *text; /* borrowed */
    size_t size;      /* of the text */
    size_t at;        /* decoded so far, of the text */
};

/* Decodes the next bytes, as many groups as `room` (at least 3) takes; *made_out is 0 at the end.
 * Errors as above, offsets from the beginning of the text. */
int snnbase_base64_read(struct snnbase_base64_reader *reader, unsigned char *out, size_t room,
                        size_t *made_out);

#endif
