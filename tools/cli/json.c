/* JSON on a stream; see json.h.
 */
#include "tools/cli/json.h"

#include <inttypes.h>
#include <math.h>

/* Bytes of the well-formed UTF-8 character at `text` (Unicode, table 3-7); 0: there is none. */
static size_t character_length(const unsigned char *text)
{
    const unsigned char first = text[0];
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    const size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < least || text[1] > most) return 0;
    for (size_t i = 2; i < length; i++) {
        if (text[i] < 0x80 || text[i] > 0xbf) return 0;
    }
    return length;
}

/* A path may hold any bytes, JSON only UTF-8: what is none becomes U+FFFD. */
static void put_string(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    putc('"', out);
    while (*at != '\0') {
        const size_t length = character_length(at);
        if (length == 0)
            fputs("\xef\xbf\xbd", out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, length, out);
        at += length > 0 ? length : 1;
    }
    putc('"', out);
}

static void begin(struct snncli_json *json, const char *key)
{
    if (json->comma) fputs(", ", json->out);
    json->comma = true;
    if (key == NULL) return;
    put_string(json->out, key);
    fputs(": ", json->out);
}

void snncli_json_open(struct snncli_json *json, const char *key, char bracket)
{
    begin(json, key);
    putc(bracket, json->out);
    json->comma = false;
}

void snncli_json_close(struct snncli_json *json, char bracket)
{
    putc(bracket, json->out);
    json->comma = true;
}

void snncli_json_text(struct snncli_json *json, const char *key, const char *value)
{
    begin(json, key);
    put_string(json->out, value);
}

void snncli_json_count(struct snncli_json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void snncli_json_number(struct snncli_json *json, const char *key, double value)
{
    if (!isfinite(value)) {
        snncli_json_null(json, key);
        return;
    }
    begin(json, key);
    fprintf(json->out, "%.6g", value);
}

void snncli_json_bool(struct snncli_json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->out);
}

void snncli_json_null(struct snncli_json *json, const char *key)
{
    begin(json, key);
    fputs("null", json->out);
}

void snncli_json_finish(struct snncli_json *json)
{
    putc('\n', json->out);
    fflush(json->out);
    json->comma = false;
}
