/* JSON on stdout; see json.h.
 */
#include "tools/snndev/json.h"

#include <inttypes.h>
#include <math.h>

static void put_string(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf(out, "\\u%04x", *at);
        else
            putc(*at, out);
    }
    putc('"', out);
}

static void begin(struct snndev_json *json, const char *key)
{
    if (json->comma) fputs(", ", json->out);
    json->comma = true;
    if (key == NULL) return;
    put_string(json->out, key);
    fputs(": ", json->out);
}

void snndev_json_open(struct snndev_json *json, const char *key, char bracket)
{
    begin(json, key);
    putc(bracket, json->out);
    json->comma = false;
}

void snndev_json_close(struct snndev_json *json, char bracket)
{
    putc(bracket, json->out);
    json->comma = true;
}

void snndev_json_text(struct snndev_json *json, const char *key, const char *value)
{
    begin(json, key);
    put_string(json->out, value);
}

void snndev_json_count(struct snndev_json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void snndev_json_number(struct snndev_json *json, const char *key, double value)
{
    if (!isfinite(value)) {
        snndev_json_null(json, key);
        return;
    }
    begin(json, key);
    fprintf(json->out, "%.6g", value);
}

void snndev_json_bool(struct snndev_json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->out);
}

void snndev_json_null(struct snndev_json *json, const char *key)
{
    begin(json, key);
    fputs("null", json->out);
}

void snndev_json_finish(struct snndev_json *json)
{
    putc('\n', json->out);
    fflush(json->out);
    json->comma = false;
}
