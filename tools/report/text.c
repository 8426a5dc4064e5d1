/* Text that grows; see text.h. Doubling, so that a page of a megabyte is copied some twenty times.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/text.h"

#define CAPACITY_MIN 1024

/* Room for `more` bytes and the end. */
static bool grow(struct snnreport_text *text, size_t more)
{
    if (text->failed) return false;
    if (text->capacity > text->size && text->capacity - text->size > more) return true;
    size_t capacity = text->capacity > 0 ? text->capacity : CAPACITY_MIN;
    while (capacity - text->size <= more && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *data = capacity - text->size > more ? realloc(text->data, capacity) : NULL;
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

static void put(struct snnreport_text *text, const char *bytes, size_t size)
{
    if (!grow(text, size)) return;
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void snnreport_put(struct snnreport_text *text, const char *string)
{
    put(text, string, strlen(string));
}

void snnreport_printf(struct snnreport_text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) text->failed = true;
    if (size < 0 || !grow(text, (size_t)size)) return;
    va_start(arguments, format);
    vsnprintf(text->data + text->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)size;
}

/* Bytes of a continuation (10xxxxxx) that a first byte asks for; -1: it begins nothing. */
static int continuations(unsigned char first)
{
    if (first < 0x80) return 0;
    if (first >= 0xC2 && first <= 0xDF) return 1;
    if (first >= 0xE0 && first <= 0xEF) return 2;
    if (first >= 0xF0 && first <= 0xF4) return 3;
    return -1;
}

size_t snnreport_character(const char *string, uint32_t *code_out)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)string[0];
    int more = continuations(first);

    *code_out = SNNREPORT_NO_CHARACTER;
    if (more < 0) return 1;
    uint32_t code = more == 0 ? first : first & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        unsigned char next = (unsigned char)string[i];
        if ((next & 0xC0) != 0x80) return (size_t)i;
        code = code << 6 | (next & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code >= least[more] && code <= 0x10FFFF && !surrogate) *code_out = code;
    return (size_t)more + 1;
}

/* What neither XML 1.0 (section 2.2) nor HTML takes, not even escaped. */
static bool is_forbidden(uint32_t code)
{
    if (code < 0x20) return code != '\t' && code != '\n' && code != '\r';
    return (code >= 0x7F && code <= 0x9F) || (code >= 0xFDD0 && code <= 0xFDEF) ||
           (code & 0xFFFE) == 0xFFFE;
}

void snnreport_escaped_part(struct snnreport_text *text, const char *string, size_t size_max)
{
    const char *begin = string;

    while (*string && (size_t)(string - begin) < size_max) {
        uint32_t code;
        size_t size = snnreport_character(string, &code);
        if (is_forbidden(code))
            snnreport_put(text, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (code == '<')
            snnreport_put(text, "&lt;");
        else if (code == '>')
            snnreport_put(text, "&gt;");
        else if (code == '&')
            snnreport_put(text, "&amp;");
        else if (code == '"')
            snnreport_put(text, "&quot;");
        else if (code == '\'')
            snnreport_put(text, "&#39;");
        else if (code == '\r')
            snnreport_put(text, "&#13;");
        else
            put(text, string, size);
        string += size;
    }
}

void snnreport_escaped(struct snnreport_text *text, const char *string)
{
    snnreport_escaped_part(text, string, SIZE_MAX);
}

void snnreport_text_fini(struct snnreport_text *text)
{
    free(text->data);
    *text = (struct snnreport_text){0};
}
