/* Holds a JSON text to the standard and the limits before it is parsed; private to json.c.
 *
 * The parser behind it trusts every byte. Numbers are held to their form and length, not to the
 * range of doubles, and keys may occur twice: that is seen in the tree.
 */
#ifndef SNN_BASE_JSON_SCAN_H
#define SNN_BASE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"

enum { SNNBASE_JSON_DEPTH_MAX = 64 };

/* Strings from here on may stay where they are in the text. */
enum { SNNBASE_JSON_LONG = 4096 };

/* A string that is a value, long and without escapes. */
struct snnbase_json_long {
    size_t at, size; /* of its bytes, between the quotes */
    uint32_t value;  /* values that begin before this one */
};

struct snnbase_json_scan {
    struct snnbase_json_long *strings; /* in the order of the text; free with snnbase_free */
    size_t count, capacity;
};

/* Errors: FORMAT, LIMIT (json_node_count, depth) with line and column, NOMEM. *out_or_null, zeroed
 * by the caller, is to be freed on errors too. */
int snnbase_json_scan(struct snn_context *context, const char *text, size_t size,
                      struct snnbase_json_scan *out_or_null);

#endif
