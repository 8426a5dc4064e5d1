/* JSON in: the one file that includes cJSON.
 *
 * A scanner of our own goes first (json_scan.c); cJSON then only builds the tree of a text known to
 * be good, so that its one way to fail is to find no memory. Long strings may stay out of that text
 * and be put into the tree where they stand.
 *
 * What to know of cJSON 1.7:
 * - It reads numbers by strtod, in the caller's locale; whether it makes up for decimal commas is a
 *   choice of its build. Here the C locale is in force for this thread meanwhile.
 * - It takes memory from malloc, not from the context, because its hooks are global. The scanner's
 *   limits bound it: 64 bytes a value, and the strings' bytes.
 * - Each parse stores its error position in a global that this library never reads. No lock is
 *   held for that: threads of ours only ever store null there, since no parse of theirs has a
 *   syntax error, and a lock here would not stop a host that uses cJSON itself.
 * - It ends a string at an escaped NUL, takes control characters for blanks, keeps at most 63
 *   characters of a number: the scanner refuses such text.
 */
#include "libsnn/base/json.h"

#include <cjson/cJSON.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/json_scan.h"
#include "libsnn/base/memory.h"

enum { PATH_SIZE = 256 };

struct snnbase_json {
    cJSON *root;
};

/* ---- What the scanner leaves to the tree: duplicate keys, numbers out of range ---- */

/* A walk over the tree with the way back to the root. */
struct walk {
    cJSON *way[SNNBASE_JSON_DEPTH_MAX + 1]; /* from the root (0) to the current value (depth) */
    int depth;
};

/* The next value in the order of the text, or NULL. */
static cJSON *walk_next(struct walk *walk)
{
    cJSON *item = walk->way[walk->depth];
    if (item->child) {
        walk->way[++walk->depth] = item->child;
        return item->child;
    }
    while (walk->depth > 0 && !walk->way[walk->depth]->next)
        walk->depth--;
    if (walk->depth == 0) return NULL;
    walk->way[walk->depth] = walk->way[walk->depth]->next;
    return walk->way[walk->depth];
}

/* The current value's path, "layers[2].stride"; cut where it does not fit. */
static void walk_path(const struct walk *walk, char path[PATH_SIZE])
{
    size_t used = 0;
    path[0] = '\0';
    for (int i = 1; i <= walk->depth && used < PATH_SIZE; i++) {
        const cJSON *item = walk->way[i];
        size_t index = 0;
        for (const cJSON *sibling = walk->way[i - 1]->child; sibling != item;
             sibling = sibling->next)
            index++;
        int length = item->string ? snprintf(path + used, PATH_SIZE - used, "%s%s",
                                             i > 1 ? "." : "", item->string)
                                  : snprintf(path + used, PATH_SIZE - used, "[%zu]", index);
        if (length < 0) return;
        used += (size_t)length;
    }
}

static int fail_at(struct snn_context *context, const struct walk *walk)
{
    char path[PATH_SIZE];
    walk_path(walk, path);
    return path[0] != '\0' ? snnbase_where(context, "%s", path) : snn_context_status(context);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that a hostile object of a million keys takes a moment and not a day. */
static int check_keys(struct snn_context *context, const struct walk *walk)
{
    const cJSON *object = walk->way[walk->depth];
    size_t count = 0;
    for (const cJSON *member = object->child; member; member = member->next)
        count++;
    if (count < 2) return SNN_OK;
    const char **keys = snnbase_alloc(context, count, sizeof(*keys));
    if (!keys) return SNN_ERR_NOMEM;
    size_t filled = 0;
    for (const cJSON *member = object->child; member; member = member->next)
        keys[filled++] = member->string;
    qsort(keys, count, sizeof(*keys), compare_strings);
    int status = SNN_OK;
    for (size_t i = 1; i < count && status == SNN_OK; i++) {
        if (strcmp(keys[i - 1], keys[i]) != 0) continue;
        snnbase_fail(context, SNN_ERR_FORMAT, "key \"%s\" occurs twice", keys[i]);
        status = fail_at(context, walk);
    }
    snnbase_free(context, keys);
    return status;
}

static int check_tree(struct snn_context *context, cJSON *root)
{
    struct walk walk = {.way = {root}};
    int status = SNN_OK;
    for (const cJSON *item = root; item && status == SNN_OK; item = walk_next(&walk)) {
        if (cJSON_IsObject(item)) {
            status = check_keys(context, &walk);
        } else if (cJSON_IsNumber(item) && !isfinite(item->valuedouble)) {
            snnbase_fail(context, SNN_ERR_FORMAT, "a number too large for double precision");
            status = fail_at(context, &walk);
        }
    }
    return status;
}

/* ---- Parse ---- */

/* NULL with an error set; the text has passed the scanner. */
static cJSON *tree_build(struct snn_context *context, const char *text, size_t size)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    cJSON *root = NULL;
    if (plain != (locale_t)0) {
        locale_t before = uselocale(plain);
        root = cJSON_ParseWithLength(text, size);
        uselocale(before);
        freelocale(plain);
    }
    if (!root) {
        snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: tree of a JSON text of %zu bytes",
                     size);
    }
    return root;
}

/* The text without the long strings: from each only the quotes are left. Allocated; NULL: NOMEM. */
static char *text_cut(struct snn_context *context, const char *text, size_t size,
                      const struct snnbase_json_long *cuts, size_t cut_count, size_t *size_out)
{
    size_t left = size;
    for (size_t i = 0; i < cut_count; i++)
        left -= cuts[i].size;
    char *out = snnbase_alloc(context, left, 1);
    if (!out) return NULL;
    size_t from = 0, to = 0;
    for (size_t i = 0; i <= cut_count; i++) {
        size_t end = i < cut_count ? cuts[i].at : size;
        memcpy(out + to, text + from, end - from);
        to += end - from;
        if (i < cut_count) from = end + cuts[i].size;
    }
    *size_out = left;
    return out;
}

/* Puts the strings that were cut out back, as they stand in the text. A reference is what
 * cJSON_Delete leaves alone. */
static void strings_restore(cJSON *root, char *text, const struct snnbase_json_long *cuts,
                            size_t cut_count)
{
    struct walk walk = {.way = {root}};
    uint32_t index = 0;
    size_t done = 0;
    for (cJSON *item = root; item && done < cut_count; item = walk_next(&walk), index++) {
        if (index != cuts[done].value) continue;
        cJSON_free(item->valuestring);
        item->valuestring = text + cuts[done].at;
        item->valuestring[cuts[done].size] = '\0'; /* was the closing quote */
        item->type |= cJSON_IsReference;
        done++;
    }
}

/* NULL with an error set. */
static cJSON *tree_build_in_place(struct snn_context *context, char *text, size_t size,
                                  const struct snnbase_json_scan *scan)
{
    size_t cut_size = 0;
    char *cut = text_cut(context, text, size, scan->strings, scan->count, &cut_size);
    if (!cut) return NULL;
    cJSON *root = tree_build(context, cut, cut_size);
    snnbase_free(context, cut);
    if (root) strings_restore(root, text, scan->strings, scan->count);
    return root;
}

/* Makes a document of the tree, or nothing of NULL, for which an error is set. */
static int document_create(struct snn_context *context, cJSON *root, struct snnbase_json **out)
{
    if (!root) return SNN_ERR_NOMEM;
    struct snnbase_json *json = NULL;
    int status = check_tree(context, root);
    if (status == SNN_OK) {
        json = snnbase_alloc(context, 1, sizeof(*json));
        if (!json) status = SNN_ERR_NOMEM;
    }
    if (status != SNN_OK) {
        cJSON_Delete(root);
        return status;
    }
    json->root = root;
    *out = json;
    return SNN_OK;
}

int snnbase_json_parse(struct snn_context *context, const char *text, size_t size,
                       struct snnbase_json **out)
{
    int status = snnbase_json_scan(context, text, size, NULL);
    if (status != SNN_OK) return status;
    return document_create(context, tree_build(context, text, size), out);
}

int snnbase_json_parse_in_place(struct snn_context *context, char *text, size_t size,
                                struct snnbase_json **out)
{
    struct snnbase_json_scan scan = {.count = 0};
    int status = snnbase_json_scan(context, text, size, &scan);
    if (status == SNN_OK) {
        cJSON *root = scan.count > 0 ? tree_build_in_place(context, text, size, &scan)
                                     : tree_build(context, text, size);
        status = document_create(context, root, out);
    }
    snnbase_free(context, scan.strings);
    return status;
}

void snnbase_json_destroy(struct snn_context *context, struct snnbase_json **json)
{
    if (!json || !*json) return;
    cJSON_Delete((*json)->root);
    snnbase_free(context, *json);
    *json = NULL;
}

/* ---- Access ---- */

static const cJSON *item_of(const struct snnbase_json_value *value)
{
    return (const cJSON *)value;
}

static const struct snnbase_json_value *value_of(const cJSON *item)
{
    return (const struct snnbase_json_value *)item;
}

const struct snnbase_json_value *snnbase_json_root(const struct snnbase_json *json)
{
    return value_of(json->root);
}

bool snnbase_json_is_object(const struct snnbase_json_value *value)
{
    return cJSON_IsObject(item_of(value)) != 0;
}

bool snnbase_json_is_array(const struct snnbase_json_value *value)
{
    return cJSON_IsArray(item_of(value)) != 0;
}

bool snnbase_json_is_string(const struct snnbase_json_value *value)
{
    return cJSON_IsString(item_of(value)) != 0;
}

bool snnbase_json_is_number(const struct snnbase_json_value *value)
{
    return cJSON_IsNumber(item_of(value)) != 0;
}

bool snnbase_json_is_null(const struct snnbase_json_value *value)
{
    return cJSON_IsNull(item_of(value)) != 0;
}

size_t snnbase_json_count(const struct snnbase_json_value *array_or_object)
{
    size_t count = 0;
    const struct snnbase_json_value *value = snnbase_json_first(array_or_object);
    for (; value; value = snnbase_json_next(value))
        count++;
    return count;
}

const struct snnbase_json_value *snnbase_json_get(const struct snnbase_json_value *object,
                                                  const char *key)
{
    if (!snnbase_json_is_object(object)) return NULL;
    return value_of(cJSON_GetObjectItemCaseSensitive(item_of(object), key));
}

const struct snnbase_json_value *
snnbase_json_first(const struct snnbase_json_value *array_or_object)
{
    return array_or_object ? value_of(item_of(array_or_object)->child) : NULL;
}

const struct snnbase_json_value *snnbase_json_next(const struct snnbase_json_value *value)
{
    return value_of(item_of(value)->next);
}

const char *snnbase_json_key(const struct snnbase_json_value *member)
{
    return item_of(member)->string;
}

const char *snnbase_json_string(const struct snnbase_json_value *value)
{
    return item_of(value)->valuestring;
}

double snnbase_json_number(const struct snnbase_json_value *value)
{
    return item_of(value)->valuedouble;
}

/* ---- Required members ---- */

/* What a value is, for messages. */
static const char *kind_name(const struct snnbase_json_value *value)
{
    const cJSON *item = item_of(value);
    if (cJSON_IsObject(item)) return "an object";
    if (cJSON_IsArray(item)) return "an array";
    if (cJSON_IsString(item)) return "a string";
    if (cJSON_IsNumber(item)) return "a number";
    if (cJSON_IsBool(item)) return "true or false";
    return "null";
}

/* Puts "<where>.<key>" before the error just raised; `where` is "" or NULL at the root. */
static int fail_member(struct snn_context *context, const char *where, const char *key)
{
    if (!where || where[0] == '\0') return snnbase_where(context, "%s", key);
    return snnbase_where(context, "%s.%s", where, key);
}

static const struct snnbase_json_value *member_get(struct snn_context *context,
                                                   const struct snnbase_json_value *object,
                                                   const char *where, const char *key,
                                                   const char *expected)
{
    const struct snnbase_json_value *member = snnbase_json_get(object, key);
    if (!member) {
        snnbase_fail(context, SNN_ERR_FORMAT, "missing, %s expected", expected);
        fail_member(context, where, key);
    }
    return member;
}

static int fail_kind(struct snn_context *context, const struct snnbase_json_value *value,
                     const char *where, const char *key, const char *expected)
{
    snnbase_fail(context, SNN_ERR_FORMAT, "%s expected, %s found", expected, kind_name(value));
    return fail_member(context, where, key);
}

int snnbase_json_read_string(struct snn_context *context, const struct snnbase_json_value *object,
                             const char *where, const char *key, const char **out)
{
    const struct snnbase_json_value *value = member_get(context, object, where, key, "a string");
    if (!value) return SNN_ERR_FORMAT;
    if (!snnbase_json_is_string(value)) return fail_kind(context, value, where, key, "a string");
    *out = snnbase_json_string(value);
    return SNN_OK;
}

int snnbase_json_read_number(struct snn_context *context, const struct snnbase_json_value *object,
                             const char *where, const char *key, double *out)
{
    const struct snnbase_json_value *value = member_get(context, object, where, key, "a number");
    if (!value) return SNN_ERR_FORMAT;
    if (!snnbase_json_is_number(value)) return fail_kind(context, value, where, key, "a number");
    *out = snnbase_json_number(value);
    return SNN_OK;
}

int snnbase_json_read_bool(struct snn_context *context, const struct snnbase_json_value *object,
                           const char *where, const char *key, bool *out)
{
    const char *expected = "true or false";
    const struct snnbase_json_value *value = member_get(context, object, where, key, expected);
    if (!value) return SNN_ERR_FORMAT;
    if (!cJSON_IsBool(item_of(value))) return fail_kind(context, value, where, key, expected);
    *out = cJSON_IsTrue(item_of(value)) != 0;
    return SNN_OK;
}

/* A whole number within [low, high]; the error says nothing of the place yet. */
static int value_to_int(struct snn_context *context, const struct snnbase_json_value *value,
                        int64_t low, int64_t high, int64_t *out)
{
    if (!snnbase_json_is_number(value)) {
        return snnbase_fail(context, SNN_ERR_FORMAT, "a whole number expected, %s found",
                            kind_name(value));
    }
    double number = snnbase_json_number(value);
    /* Beyond 2^53 doubles skip whole numbers, so the text said something else perhaps. */
    bool exact = number == floor(number) && fabs(number) <= 9007199254740992.0;
    if (!exact || (int64_t)number < low || (int64_t)number > high) {
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "a whole number from %lld to %lld expected, %.17g found",
                            (long long)low, (long long)high, number);
    }
    *out = (int64_t)number;
    return SNN_OK;
}

/* NOLINTNEXTLINE(readability-function-size): place and range are four of the parameters */
int snnbase_json_read_int(struct snn_context *context, const struct snnbase_json_value *object,
                          const char *where, const char *key, int64_t low, int64_t high,
                          int64_t *out)
{
    const struct snnbase_json_value *value =
        member_get(context, object, where, key, "a whole number");
    if (!value) return SNN_ERR_FORMAT;
    int status = value_to_int(context, value, low, high, out);
    return status == SNN_OK ? SNN_OK : fail_member(context, where, key);
}

/* Checks only while `out_or_null` is NULL. */
static int elements_to_ints(struct snn_context *context, const struct snnbase_json_value *array,
                            int64_t low, int64_t high, int64_t *out_or_null, size_t *index_out)
{
    size_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(array);
    for (; value; value = snnbase_json_next(value), index++) {
        int64_t number = 0;
        *index_out = index;
        int status = value_to_int(context, value, low, high, &number);
        if (status != SNN_OK) return status;
        if (out_or_null) out_or_null[index] = number;
    }
    return SNN_OK;
}

/* NOLINTNEXTLINE(readability-function-size): place and range are four of the parameters */
int snnbase_json_read_ints(struct snn_context *context, const struct snnbase_json_value *object,
                           const char *where, const char *key, int64_t low, int64_t high,
                           size_t count, int64_t *out)
{
    const struct snnbase_json_value *value =
        member_get(context, object, where, key, "an array of whole numbers");
    if (!value) return SNN_ERR_FORMAT;
    if (!snnbase_json_is_array(value)) return fail_kind(context, value, where, key, "an array");
    size_t found = snnbase_json_count(value);
    if (found != count) {
        snnbase_fail(context, SNN_ERR_FORMAT, "%zu elements expected, %zu found", count, found);
        return fail_member(context, where, key);
    }
    /* Twice: nothing is stored before the last element is known to be good. */
    size_t index = 0;
    int status = elements_to_ints(context, value, low, high, NULL, &index);
    if (status == SNN_OK) return elements_to_ints(context, value, low, high, out, &index);
    char element[PATH_SIZE];
    snprintf(element, sizeof(element), "%s[%zu]", key, index);
    return fail_member(context, where, element);
}
