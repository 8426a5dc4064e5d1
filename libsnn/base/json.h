/* JSON in: the one place that knows cJSON. Independent of the caller's locale, bounded in bytes,
 * depth and number of values before the parser sees the text.
 *
 * Values are borrowed from the document. Lookups that fail raise FORMAT with the value's path
 * ("layers[2].stride[0]"), so readers need no messages of their own for shape errors.
 */
#ifndef SNN_BASE_JSON_H
#define SNN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"

struct snnbase_json;       /* a parsed document */
struct snnbase_json_value; /* a value in it; opaque (a cJSON item) */

/* Parses `size` bytes, which need no terminator and are not kept. Strictly RFC 8259; of what that
 * allows, duplicate keys, \u0000, numbers of more than 62 characters and numbers beyond double
 * precision are refused. Errors: FORMAT (with line and column, or the value's path), LIMIT
 * (json_node_count, depth > 64), NOMEM. */
int snnbase_json_parse(struct snn_context *context, const char *text, size_t size,
                       struct snnbase_json **out);

/* The same for a text that may be changed and outlives the document: values that are long strings
 * stay where they are in it, which saves a copy of all tensors in a model. */
int snnbase_json_parse_in_place(struct snn_context *context, char *text, size_t size,
                                struct snnbase_json **out);
void snnbase_json_destroy(struct snn_context *context, struct snnbase_json **json);

const struct snnbase_json_value *snnbase_json_root(const struct snnbase_json *json);

/* Typed access. `what` names the value in messages ("layers[2].stride"). */
bool snnbase_json_is_object(const struct snnbase_json_value *value);
bool snnbase_json_is_array(const struct snnbase_json_value *value);
bool snnbase_json_is_string(const struct snnbase_json_value *value);
bool snnbase_json_is_number(const struct snnbase_json_value *value);
bool snnbase_json_is_null(const struct snnbase_json_value *value);
size_t snnbase_json_count(const struct snnbase_json_value *array_or_object);

/* Member or element, NULL if absent or not an object/array. Iterate elements with first/next. */
const struct snnbase_json_value *snnbase_json_get(const struct snnbase_json_value *object,
                                                  const char *key);
const struct snnbase_json_value *
snnbase_json_first(const struct snnbase_json_value *array_or_object);
const struct snnbase_json_value *snnbase_json_next(const struct snnbase_json_value *value);
const char *snnbase_json_key(const struct snnbase_json_value *member); /* NULL for elements */

/* Unchecked reads for values already known by type: string (never NULL for strings), number. */
const char *snnbase_json_string(const struct snnbase_json_value *value);
double snnbase_json_number(const struct snnbase_json_value *value);

/* Required members. Outputs are written only on success. Errors: FORMAT naming `where`.`key`. */
int snnbase_json_read_string(struct snn_context *context, const struct snnbase_json_value *object,
                             const char *where, const char *key, const char **out);
int snnbase_json_read_number(struct snn_context *context, const struct snnbase_json_value *object,
                             const char *where, const char *key, double *out);
int snnbase_json_read_bool(struct snn_context *context, const struct snnbase_json_value *object,
                           const char *where, const char *key, bool *out);
/* A whole number within [low, high]. */
int snnbase_json_read_int(struct snn_context *context, const struct snnbase_json_value *object,
                          const char *where, const char *key, int64_t low, int64_t high,
                          int64_t *out);
/* An array of exactly `count` whole numbers within [low, high]. */
int snnbase_json_read_ints(struct snn_context *context, const struct snnbase_json_value *object,
                           const char *where, const char *key, int64_t low, int64_t high,
                           size_t count, int64_t *out);

#endif
