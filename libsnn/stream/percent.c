/* The text before events of Prophesee's tools, see percent.h. */
#include "libsnn/stream/percent.h"

#include <inttypes.h>
#include <string.h>

#include "libsnn/base/error.h"

enum { SIDE_MAX = 65535, DIGITS_MAX = 9 };

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Bytes from 128 on may be names of people and places. */
static bool is_text(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || is_space((char)c);
}

static void split(struct snnstream_percent_line *out, const char *text, size_t size)
{
    size_t at = 1; /* behind the % */
    while (size > 0 && is_space(text[size - 1]))
        size--;
    while (at < size && is_space(text[at]))
        at++;
    out->key = text + at;
    while (at < size && !is_space(text[at]))
        at++;
    out->key_size = (size_t)(text + at - out->key);
    while (at < size && is_space(text[at]))
        at++;
    out->value = text + at;
    out->value_size = at < size ? size - at : 0;
}

enum snnstream_percent snnstream_percent_next(struct snnstream_percent_line *out,
                                              const unsigned char *bytes, size_t size, bool last)
{
    size_t end = 2;
    if (size < 2)
        return last || (size == 1 && bytes[0] != '%') ? SNNSTREAM_PERCENT_DATA
                                                      : SNNSTREAM_PERCENT_MORE;
    if (bytes[0] != '%' || bytes[1] != ' ') return SNNSTREAM_PERCENT_DATA;
    while (end < size && end < SNNSTREAM_PERCENT_LINE_MAX && is_text(bytes[end]))
        end++;
    if (end == SNNSTREAM_PERCENT_LINE_MAX) return SNNSTREAM_PERCENT_LONG;
    if (end == size && !last) return SNNSTREAM_PERCENT_MORE;
    if (end < size && bytes[end] != '\n') return SNNSTREAM_PERCENT_DATA;
    split(out, (const char *)bytes, end);
    out->size = end < size ? end + 1 : end;
    return SNNSTREAM_PERCENT_LINE;
}

int snnstream_percent_take(struct snnstream_percent_line *out, struct snn_context *context,
                           struct snnstream_window *window, enum snnstream_percent *what_out)
{
    out->offset = window->offset + window->taken;
    *what_out = snnstream_percent_next(out, window->bytes + window->taken,
                                       window->size - window->taken, window->last);
    if (*what_out == SNNSTREAM_PERCENT_LINE) window->taken += out->size;
    if (*what_out != SNNSTREAM_PERCENT_LONG) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "byte %" PRIu64 ": a line of the header exceeds %d bytes", out->offset,
                        SNNSTREAM_PERCENT_LINE_MAX);
}

static bool is_same(char a, char b)
{
    const bool letter = (a >= 'A' && a <= 'Z') || (a >= 'a' && a <= 'z');
    return a == b || (letter && (a ^ b) == ('a' ^ 'A'));
}

bool snnstream_percent_key(const struct snnstream_percent_line *line, const char *key)
{
    if (strlen(key) != line->key_size) return false;
    for (size_t i = 0; i < line->key_size; i++) {
        if (!is_same(line->key[i], key[i])) return false;
    }
    return true;
}

bool snnstream_percent_number(const char *text, size_t size, uint32_t *out)
{
    uint32_t number = 0;
    if (size == 0 || size > DIGITS_MAX) return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        number = 10 * number + (uint32_t)(text[i] - '0');
    }
    *out = number;
    return true;
}

int snnstream_percent_side(struct snn_context *context, const struct snnstream_percent_line *line,
                           const char *text, size_t size, uint32_t *side)
{
    uint32_t number = 0;
    if (!snnstream_percent_number(text, size, &number) || number == 0 || number > SIDE_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %" PRIu64 ": '%.*s' is no side of a sensor (1 to %d)",
                            line->offset, size < 40 ? (int)size : 40, text, SIDE_MAX);
    if (*side != 0 && *side != number)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "byte %" PRIu64
                            ": a sensor with a side of %u pixels, which was %u before",
                            line->offset, number, *side);
    *side = number;
    return SNN_OK;
}
