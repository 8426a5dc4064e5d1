/* JSON in: the one file that includes cJSON.
 *
 * A scanner of our own goes first. It holds the text to RFC 8259, which cJSON does not, and to the
 * limits, and it knows line and column of what is wrong; cJSON then only builds the tree of a text
 * known to be good, so that its one way to fail is to find no memory.
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
#include "libsnn/base/memory.h"

enum { DEPTH_MAX = 64, NUMBER_LENGTH_MAX = 62, PATH_SIZE = 256 };

struct snnbase_json {
    cJSON *root;
};

/* ---- The scanner ---- */

enum expectation {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_CLOSE, /* after '[' */
    EXPECT_KEY,
    EXPECT_KEY_OR_CLOSE, /* after '{' */
    EXPECT_COMMA_OR_CLOSE,
    EXPECT_END
};

struct scanner {
    struct snn_context *context;
    const char *text;
    size_t size;
    size_t at;
    enum expectation expect;
    uint32_t value_count;
    int depth;
    bool in_object[DEPTH_MAX];
};

/* The byte `ahead` of the current one, or -1 at the end of the text. */
static int peek(const struct scanner *scanner, size_t ahead)
{
    if (ahead >= scanner->size - scanner->at) return -1;
    return (unsigned char)scanner->text[scanner->at + ahead];
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex_digit(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Puts line and column of the current byte before the error just raised. */
static int fail_here(struct scanner *scanner)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < scanner->at; i++) {
        column = scanner->text[i] == '\n' ? 1 : column + 1;
        if (scanner->text[i] == '\n') line++;
    }
    return snnbase_where(scanner->context, "line %zu, column %zu", line, column);
}

static int fail_expected(struct scanner *scanner, const char *expected)
{
    int found = peek(scanner, 0);
    if (found < 0) {
        snnbase_fail(scanner->context, SNN_ERR_FORMAT, "%s expected, the text ends", expected);
    } else if (found > 0x20 && found < 0x7F) {
        snnbase_fail(scanner->context, SNN_ERR_FORMAT, "%s expected, '%c' found", expected, found);
    } else {
        snnbase_fail(scanner->context, SNN_ERR_FORMAT, "%s expected, byte 0x%02x found", expected,
                     (unsigned)found);
    }
    return fail_here(scanner);
}

static void scan_blanks(struct scanner *scanner)
{
    for (;;) {
        int c = peek(scanner, 0);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
        scanner->at++;
    }
}

/* Four hexadecimal digits `ahead`, or -1. */
static int peek_hex4(const struct scanner *scanner, size_t ahead)
{
    int value = 0;
    for (size_t i = ahead; i < ahead + 4; i++) {
        int c = peek(scanner, i);
        if (!is_hex_digit(c)) return -1;
        value = value * 16 + (is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* At the 'u' of an escape; passes a whole surrogate pair. */
static int scan_unicode_escape(struct scanner *scanner)
{
    int unit = peek_hex4(scanner, 1);
    if (unit < 0) return fail_expected(scanner, "four hexadecimal digits after \\u");
    if (unit == 0) {
        snnbase_fail(scanner->context, SNN_ERR_FORMAT, "\\u0000 is not supported in strings");
        return fail_here(scanner);
    }
    scanner->at += 5;
    if (unit < 0xD800 || unit > 0xDFFF) return SNN_OK;
    int low = peek(scanner, 0) == '\\' && peek(scanner, 1) == 'u' ? peek_hex4(scanner, 2) : -1;
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
        snnbase_fail(scanner->context, SNN_ERR_FORMAT, "\\u%04x is half a surrogate pair",
                     (unsigned)unit);
        return fail_here(scanner);
    }
    scanner->at += 6;
    return SNN_OK;
}

static int scan_string(struct scanner *scanner)
{
    scanner->at++;
    for (;;) {
        int c = peek(scanner, 0);
        if (c < 0x20) return fail_expected(scanner, "the end of a string");
        if (c != '\\') scanner->at++;
        if (c == '"') return SNN_OK;
        if (c != '\\') continue;
        scanner->at++;
        c = peek(scanner, 0);
        if (c == 'u') {
            int status = scan_unicode_escape(scanner);
            if (status != SNN_OK) return status;
        } else if (c > 0 && strchr("\"\\/bfnrt", c)) {
            scanner->at++;
        } else {
            return fail_expected(scanner, "one of \"\\/bfnrtu after a backslash");
        }
    }
}

/* At least one digit. */
static int scan_digits(struct scanner *scanner)
{
    if (!is_digit(peek(scanner, 0))) return fail_expected(scanner, "a digit");
    while (is_digit(peek(scanner, 0)))
        scanner->at++;
    return SNN_OK;
}

static int scan_number(struct scanner *scanner)
{
    size_t start = scanner->at;
    int status = SNN_OK;
    if (peek(scanner, 0) == '-') scanner->at++;
    if (peek(scanner, 0) == '0') {
        scanner->at++; /* no digit may follow: that would be read as the next token */
    } else {
        status = scan_digits(scanner);
    }
    if (status == SNN_OK && peek(scanner, 0) == '.') {
        scanner->at++;
        status = scan_digits(scanner);
    }
    if (status == SNN_OK && (peek(scanner, 0) | 0x20) == 'e') {
        scanner->at++;
        if (peek(scanner, 0) == '+' || peek(scanner, 0) == '-') scanner->at++;
        status = scan_digits(scanner);
    }
    if (status != SNN_OK) return status;
    size_t length = scanner->at - start;
    if (length <= NUMBER_LENGTH_MAX) return SNN_OK;
    scanner->at = start;
    snnbase_fail(scanner->context, SNN_ERR_FORMAT, "a number of %zu characters, more than %d",
                 length, (int)NUMBER_LENGTH_MAX);
    return fail_here(scanner);
}

static int scan_word(struct scanner *scanner, const char *word)
{
    for (; *word != '\0'; word++) {
        if (peek(scanner, 0) != (unsigned char)*word) return fail_expected(scanner, "a value");
        scanner->at++;
    }
    return SNN_OK;
}

static int scan_open(struct scanner *scanner, bool object)
{
    if (scanner->depth == DEPTH_MAX) {
        snnbase_fail(scanner->context, SNN_ERR_LIMIT, "nested deeper than %d", (int)DEPTH_MAX);
        return fail_here(scanner);
    }
    scanner->at++;
    scanner->in_object[scanner->depth++] = object;
    scanner->expect = object ? EXPECT_KEY_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
    return SNN_OK;
}

static void value_end(struct scanner *scanner)
{
    scanner->expect = scanner->depth > 0 ? EXPECT_COMMA_OR_CLOSE : EXPECT_END;
}

static int scan_close(struct scanner *scanner)
{
    scanner->at++;
    scanner->depth--;
    value_end(scanner);
    return SNN_OK;
}

static int scan_value(struct scanner *scanner)
{
    uint32_t limit = snnbase_limits(scanner->context)->json_node_count;
    if (scanner->value_count == limit) {
        snnbase_fail(scanner->context, SNN_ERR_LIMIT, "more than the limit of %u values",
                     (unsigned)limit);
        snnbase_hint(scanner->context, "raise the json_node_count limit of the context");
        return fail_here(scanner);
    }
    scanner->value_count++;
    int c = peek(scanner, 0);
    if (c == '{' || c == '[') return scan_open(scanner, c == '{');
    int status;
    if (c == '"') {
        status = scan_string(scanner);
    } else if (c == '-' || is_digit(c)) {
        status = scan_number(scanner);
    } else {
        status = scan_word(scanner, c == 't' ? "true" : c == 'f' ? "false" : "null");
    }
    value_end(scanner);
    return status;
}

static int scan_key(struct scanner *scanner)
{
    if (peek(scanner, 0) != '"') return fail_expected(scanner, "a key in double quotes");
    int status = scan_string(scanner);
    if (status != SNN_OK) return status;
    scan_blanks(scanner);
    if (peek(scanner, 0) != ':') return fail_expected(scanner, "':'");
    scanner->at++;
    scanner->expect = EXPECT_VALUE;
    return SNN_OK;
}

static int scan_comma_or_close(struct scanner *scanner)
{
    bool object = scanner->in_object[scanner->depth - 1];
    int c = peek(scanner, 0);
    if (c == (object ? '}' : ']')) return scan_close(scanner);
    if (c != ',') return fail_expected(scanner, object ? "',' or '}'" : "',' or ']'");
    scanner->at++;
    scanner->expect = object ? EXPECT_KEY : EXPECT_VALUE;
    return SNN_OK;
}

static int scan_next(struct scanner *scanner)
{
    int c = peek(scanner, 0);
    switch (scanner->expect) {
    case EXPECT_VALUE_OR_CLOSE:
        return c == ']' ? scan_close(scanner) : scan_value(scanner);
    case EXPECT_VALUE:
        return scan_value(scanner);
    case EXPECT_KEY_OR_CLOSE:
        return c == '}' ? scan_close(scanner) : scan_key(scanner);
    case EXPECT_KEY:
        return scan_key(scanner);
    case EXPECT_COMMA_OR_CLOSE:
        return scan_comma_or_close(scanner);
    case EXPECT_END:
        break;
    }
    return fail_expected(scanner, "the end of the text");
}

static int scan_text(struct snn_context *context, const char *text, size_t size)
{
    struct scanner scanner = {
        .context = context, .text = text, .size = size, .expect = EXPECT_VALUE};
    for (;;) {
        scan_blanks(&scanner);
        if (scanner.expect == EXPECT_END && scanner.at == size) return SNN_OK;
        int status = scan_next(&scanner);
        if (status != SNN_OK) return status;
    }
}

/* ---- What the scanner leaves to the tree: duplicate keys, numbers out of range ---- */

/* A walk over the tree with the way back to the root. */
struct walk {
    const cJSON *way[DEPTH_MAX + 1]; /* from the root (0) to the current value (depth) */
    int depth;
};

/* The next value in the order of the text, or NULL. */
static const cJSON *walk_next(struct walk *walk)
{
    const cJSON *item = walk->way[walk->depth];
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

static int check_tree(struct snn_context *context, const cJSON *root)
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

int snnbase_json_parse(struct snn_context *context, const char *text, size_t size,
                       struct snnbase_json **out)
{
    int status = scan_text(context, text, size);
    if (status != SNN_OK) return status;
    struct snnbase_json *json = snnbase_alloc(context, 1, sizeof(*json));
    if (!json) return SNN_ERR_NOMEM;
    json->root = tree_build(context, text, size);
    status = json->root ? check_tree(context, json->root) : SNN_ERR_NOMEM;
    if (status == SNN_OK) {
        *out = json;
    } else {
        snnbase_json_destroy(context, &json);
    }
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
