/* JSON on a stream, written as it comes: objects, arrays, members, with the commas where they
 * belong.
 */
#ifndef TOOLS_CLI_JSON_H
#define TOOLS_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct snncli_json {
    FILE *out;
    bool comma; /* the next member needs one before it */
};

/* `key` NULL: an element of an array, or the whole. `bracket` is '{' or '[', '}' or ']'. */
void snncli_json_open(struct snncli_json *json, const char *key, char bracket);
void snncli_json_close(struct snncli_json *json, char bracket);
void snncli_json_text(struct snncli_json *json, const char *key, const char *value);
void snncli_json_count(struct snncli_json *json, const char *key, uint64_t value);
/* Six figures; null for what is no number. */
void snncli_json_number(struct snncli_json *json, const char *key, double value);
void snncli_json_bool(struct snncli_json *json, const char *key, bool value);
void snncli_json_null(struct snncli_json *json, const char *key);
/* Ends the line. */
void snncli_json_finish(struct snncli_json *json);

#endif
