/* A bounded cursor over the bytes of a file: the only way readers of this folder take them.
 *
 * It never moves beyond its end. Every read says whether the bytes were there; a reader that was
 * refused leaves cursor and output as they were, so that the offset still names the place.
 */
#ifndef SNN_CONVERT_READ_CURSOR_H
#define SNN_CONVERT_READ_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snnconv_cursor {
    const unsigned char *bytes;
    size_t size;
    size_t at; /* never above size */
};

void snnconv_cursor_init(struct snnconv_cursor *cursor, const void *bytes, size_t size);

size_t snnconv_cursor_left(const struct snnconv_cursor *cursor);

/* False beyond the end. */
bool snnconv_cursor_seek(struct snnconv_cursor *cursor, uint64_t at);

/* Passes over `count` bytes and lends them; false if fewer are left. */
bool snnconv_cursor_take(struct snnconv_cursor *cursor, uint64_t count, const unsigned char **out);

/* Up to and over the next '\n', which is not lent; false if there is none. */
bool snnconv_cursor_take_line(struct snnconv_cursor *cursor, const unsigned char **out,
                              size_t *size_out);

/* Unsigned integers of 1 to 8 bytes. */
bool snnconv_cursor_read_le(struct snnconv_cursor *cursor, unsigned width, uint64_t *out);
bool snnconv_cursor_read_be(struct snnconv_cursor *cursor, unsigned width, uint64_t *out);

#endif
