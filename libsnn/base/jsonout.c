/* JSON out: reports, models and events as text, the same bytes on every machine.
 *
 * The writer keeps no stack: the caller names what it closes, and `first` tells whether the
 * container being closed is empty. Nothing here depends on the caller's locale.
 */
#include "libsnn/base/jsonout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/number.h"

enum { INDENT = 2, WRITE_SIZE = 65536 };

static void flush(struct snnbase_jsonout *out)
{
    if (out->status != SNN_OK) return;
    out->status =
        snnbase_file_write_at(out->file, out->file->position, out->buffer->data, out->buffer->size);
    out->buffer->size = 0;
}

static void put(struct snnbase_jsonout *out, const void *text, size_t size)
{
    if (out->status != SNN_OK) return;
    out->status = snnbase_buffer_append(out->context, out->buffer, text, size);
    if (out->file && out->buffer->size >= WRITE_SIZE) flush(out);
}

static void put_text(struct snnbase_jsonout *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_line_break(struct snnbase_jsonout *out)
{
    put(out, "\n", 1);
    for (int i = 0; i < out->depth * INDENT; i++)
        put(out, " ", 1);
}

/* True if the members of the container we are in stand on lines of their own. */
static bool is_pretty(const struct snnbase_jsonout *out)
{
    return out->depth > 0 && out->depth <= out->pretty_depth;
}

/* What stands between the previous value or bracket and the next value or key. */
static void put_separator(struct snnbase_jsonout *out)
{
    if (!out->first) put(out, ",", 1);
    if (is_pretty(out)) {
        put_line_break(out);
    } else if (!out->first) {
        put(out, " ", 1);
    }
    out->first = false;
}

static void value_begin(struct snnbase_jsonout *out)
{
    if (!out->keyed) put_separator(out);
    out->keyed = false;
}

static void container_open(struct snnbase_jsonout *out, const char *bracket)
{
    value_begin(out);
    put_text(out, bracket);
    out->depth++;
    out->first = true;
}

static void container_close(struct snnbase_jsonout *out, const char *bracket)
{
    bool breaks = is_pretty(out) && !out->first;
    out->depth--;
    if (breaks) put_line_break(out);
    put_text(out, bracket);
    out->first = false;
}

void snnbase_jsonout_init(struct snnbase_jsonout *out, struct snn_context *context,
                          struct snnbase_buffer *buffer, int pretty_depth)
{
    *out = (struct snnbase_jsonout){
        .context = context,
        .buffer = buffer,
        .pretty_depth = pretty_depth,
        .first = true,
        .status = SNN_OK,
    };
}

void snnbase_jsonout_init_file(struct snnbase_jsonout *out, struct snnbase_buffer *buffer,
                               struct snnbase_file_writer *file, int pretty_depth)
{
    snnbase_jsonout_init(out, file->context, buffer, pretty_depth);
    out->file = file;
}

void snnbase_jsonout_object_open(struct snnbase_jsonout *out)
{
    container_open(out, "{");
}

void snnbase_jsonout_object_close(struct snnbase_jsonout *out)
{
    container_close(out, "}");
}

void snnbase_jsonout_array_open(struct snnbase_jsonout *out)
{
    container_open(out, "[");
}

void snnbase_jsonout_array_close(struct snnbase_jsonout *out)
{
    container_close(out, "]");
}

/* Bytes of the well-formed UTF-8 sequence at `text` (Unicode, table 3-7), 0 if there is none. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char c = text[0];
    if (c < 0x80) return 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    size_t length = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if (text[i] < 0x80 || text[i] > 0xBF) return 0;
    }
    return length;
}

bool snnbase_jsonout_keeps(const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    while (*at != '\0') {
        const size_t length = utf8_length(at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

static void put_escaped(struct snnbase_jsonout *out, unsigned char c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = strchr(named, c);
    char escape[8];
    if (found) {
        snprintf(escape, sizeof(escape), "\\%c", letters[found - named]);
    } else {
        snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
    }
    put_text(out, escape);
}

/* Bytes from `text` on that need no escape; 0 at the end of the string and where one is needed. */
static size_t plain_length(const unsigned char *text)
{
    size_t length = 0;
    for (;;) {
        const unsigned char *at = text + length;
        size_t character = utf8_length(at);
        if (character == 0 || *at < 0x20 || *at == '"' || *at == '\\') return length;
        length += character;
    }
}

/* File names need not be UTF-8, JSON must: what is not becomes U+FFFD. */
static void put_string(struct snnbase_jsonout *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    put(out, "\"", 1);
    while (*at != '\0') {
        size_t length = plain_length(at);
        put(out, at, length);
        at += length;
        if (*at == '\0') break;
        if (utf8_length(at) == 0) {
            put_text(out, "\\ufffd");
        } else {
            put_escaped(out, *at);
        }
        at++;
    }
    put(out, "\"", 1);
}

void snnbase_jsonout_key(struct snnbase_jsonout *out, const char *key)
{
    put_separator(out);
    put_string(out, key);
    put(out, ": ", 2);
    out->keyed = true;
}

void snnbase_jsonout_string(struct snnbase_jsonout *out, const char *string)
{
    value_begin(out);
    if (string) {
        put_string(out, string);
    } else {
        put_text(out, "null");
    }
}

void snnbase_jsonout_string_open(struct snnbase_jsonout *out)
{
    value_begin(out);
    put(out, "\"", 1);
}

void snnbase_jsonout_string_piece(struct snnbase_jsonout *out, const void *text, size_t size)
{
    put(out, text, size);
}

void snnbase_jsonout_string_close(struct snnbase_jsonout *out)
{
    put(out, "\"", 1);
}

void snnbase_jsonout_double(struct snnbase_jsonout *out, double value)
{
    char text[SNNBASE_NUMBER_SIZE];
    snnbase_number_format(value, text);
    value_begin(out);
    put_text(out, text);
}

void snnbase_jsonout_float(struct snnbase_jsonout *out, float value)
{
    char text[SNNBASE_NUMBER_SIZE];
    snnbase_number_format_float(value, text);
    value_begin(out);
    put_text(out, text);
}

void snnbase_jsonout_int(struct snnbase_jsonout *out, int64_t value)
{
    char text[SNNBASE_NUMBER_SIZE];
    snprintf(text, sizeof(text), "%" PRId64, value);
    value_begin(out);
    put_text(out, text);
}

void snnbase_jsonout_uint(struct snnbase_jsonout *out, uint64_t value)
{
    char text[SNNBASE_NUMBER_SIZE];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    value_begin(out);
    put_text(out, text);
}

void snnbase_jsonout_bool(struct snnbase_jsonout *out, bool value)
{
    value_begin(out);
    put_text(out, value ? "true" : "false");
}

void snnbase_jsonout_null(struct snnbase_jsonout *out)
{
    value_begin(out);
    put_text(out, "null");
}

void snnbase_jsonout_put_string(struct snnbase_jsonout *out, const char *key, const char *value)
{
    snnbase_jsonout_key(out, key);
    snnbase_jsonout_string(out, value);
}

void snnbase_jsonout_put_double(struct snnbase_jsonout *out, const char *key, double value)
{
    snnbase_jsonout_key(out, key);
    snnbase_jsonout_double(out, value);
}

void snnbase_jsonout_put_int(struct snnbase_jsonout *out, const char *key, int64_t value)
{
    snnbase_jsonout_key(out, key);
    snnbase_jsonout_int(out, value);
}

void snnbase_jsonout_put_uint(struct snnbase_jsonout *out, const char *key, uint64_t value)
{
    snnbase_jsonout_key(out, key);
    snnbase_jsonout_uint(out, value);
}

void snnbase_jsonout_put_bool(struct snnbase_jsonout *out, const char *key, bool value)
{
    snnbase_jsonout_key(out, key);
    snnbase_jsonout_bool(out, value);
}

void snnbase_jsonout_put_uints(struct snnbase_jsonout *out, const char *key, const uint32_t *values,
                               size_t count)
{
    snnbase_jsonout_put_array(out, key);
    for (size_t i = 0; i < count; i++)
        snnbase_jsonout_uint(out, values[i]);
    snnbase_jsonout_array_close(out);
}

void snnbase_jsonout_put_null(struct snnbase_jsonout *out, const char *key)
{
    snnbase_jsonout_key(out, key);
    snnbase_jsonout_null(out);
}

void snnbase_jsonout_put_object(struct snnbase_jsonout *out, const char *key)
{
    if (key != NULL) snnbase_jsonout_key(out, key);
    snnbase_jsonout_object_open(out);
}

void snnbase_jsonout_put_array(struct snnbase_jsonout *out, const char *key)
{
    if (key != NULL) snnbase_jsonout_key(out, key);
    snnbase_jsonout_array_open(out);
}

int snnbase_jsonout_finish(struct snnbase_jsonout *out)
{
    if (out->status == SNN_OK && out->depth != 0) {
        out->status = snnbase_fail(out->context, SNN_ERR_INTERNAL,
                                   "JSON text ends %d brackets deep", out->depth);
    }
    put(out, "\n", 1);
    if (out->file) flush(out);
    return out->status;
}
