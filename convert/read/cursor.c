/* The bounded cursor, see cursor.h. Comparisons are always with what is left, never with a sum,
 * which could overflow.
 */
#include "convert/read/cursor.h"

#include <string.h>

void snnconv_cursor_init(struct snnconv_cursor *cursor, const void *bytes, size_t size)
{
    *cursor = (struct snnconv_cursor){bytes, size, 0};
}

size_t snnconv_cursor_left(const struct snnconv_cursor *cursor)
{
    return cursor->size - cursor->at;
}

bool snnconv_cursor_seek(struct snnconv_cursor *cursor, uint64_t at)
{
    if (at > cursor->size) return false;
    cursor->at = (size_t)at;
    return true;
}

bool snnconv_cursor_take(struct snnconv_cursor *cursor, uint64_t count, const unsigned char **out)
{
    if (count > snnconv_cursor_left(cursor)) return false;
    *out = cursor->bytes + cursor->at;
    cursor->at += (size_t)count;
    return true;
}

bool snnconv_cursor_take_line(struct snnconv_cursor *cursor, const unsigned char **out,
                              size_t *size_out)
{
    size_t left = snnconv_cursor_left(cursor);
    if (left == 0) return false;
    const unsigned char *start = cursor->bytes + cursor->at;
    const unsigned char *end = memchr(start, '\n', left);
    if (end == NULL) return false;
    *out = start;
    *size_out = (size_t)(end - start);
    cursor->at += *size_out + 1;
    return true;
}

bool snnconv_cursor_read_le(struct snnconv_cursor *cursor, unsigned width, uint64_t *out)
{
    const unsigned char *bytes;
    if (!snnconv_cursor_take(cursor, width, &bytes)) return false;
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    *out = value;
    return true;
}

bool snnconv_cursor_read_be(struct snnconv_cursor *cursor, unsigned width, uint64_t *out)
{
    const unsigned char *bytes;
    if (!snnconv_cursor_take(cursor, width, &bytes)) return false;
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    *out = value;
    return true;
}
