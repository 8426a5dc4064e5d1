/* JSON on stdout, written as it comes: objects, arrays, members, with the commas where they belong.
 */
#ifndef TOOLS_SNNDEV_JSON_H
#define TOOLS_SNNDEV_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct snndev_json {
    FILE *out;
    bool comma; /* the next member needs one before it */
};

/* `key` NULL: an element of an array, or the whole. `bracket` is '{' or '[', '}' or ']'. */
void snndev_json_open(struct snndev_json *json, const char *key, char bracket);
void snndev_json_close(struct snndev_json *json, char bracket);
void snndev_json_text(struct snndev_json *json, const char *key, const char *value);
void snndev_json_count(struct snndev_json *json, const char *key, uint64_t value);
/* Six figures; null for what is no number. */
void snndev_json_number(struct snndev_json *json, const char *key, double value);
void snndev_json_bool(struct snndev_json *json, const char *key, bool value);
void snndev_json_null(struct snndev_json *json, const char *key);
/* Ends the line. */
void snndev_json_finish(struct snndev_json *json);

#endif
