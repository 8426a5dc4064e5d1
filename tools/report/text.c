/* Text that grows, by doubling; see text.h. What is written once is never looked at again, so that
 * one flag is all there is to an error.
 */
#include "tools/report/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Room for `size` further bytes and the terminator. */
static bool make_room(struct snnreport_text *text, size_t size)
{
    if (text->failed) return false;
    if (size < text->capacity - text->size) return true;
    size_t capacity = text->capacity > 0 ? text->capacity : 4096;
    while (capacity - text->size <= size && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *data = capacity - text->size > size ? realloc(text->data, capacity) : NULL;
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

static void put_bytes(struct snnreport_text *text, const char *bytes, size_t size)
{
    if (!make_room(text, size)) return;
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void snnreport_put(struct snnreport_text *text, const char *string)
{
    put_bytes(text, string, strlen(string));
}

void snnreport_printf(struct snnreport_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) text->failed = true;
    if (length < 0 || !make_room(text, (size_t)length)) return;
    va_start(arguments, format);
    (void)vsnprintf(text->data + text->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)length;
}

/* Bytes of the UTF-8 character at `s`; 0: it is none (RFC 3629: no surrogates, nothing overlong,
 * nothing above U+10FFFF). Stops at the terminator, which is no continuation. */
static size_t character(const unsigned char *s)
{
    const unsigned char c = s[0], next = s[0] != 0 ? s[1] : 0;
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    const size_t size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    const unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (next < low || next > high) return 0;
    for (size_t i = 2; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    return size;
}

/* What stands for a character that cannot stand for itself; NULL: it can. */
static const char *entity(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        break;
    }
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    return control ? REPLACEMENT : NULL;
}

void snnreport_escaped(struct snnreport_text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    while (*s != 0) {
        const size_t size = character(s);
        const char *instead = size > 0 ? entity(*s) : REPLACEMENT;
        if (instead != NULL)
            snnreport_put(text, instead);
        else
            put_bytes(text, (const char *)s, size);
        s += size > 0 ? size : 1;
    }
}

void snnreport_text_fini(struct snnreport_text *text)
{
    free(text->data);
    *text = (struct snnreport_text){.data = NULL};
}
