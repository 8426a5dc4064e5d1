/* The scanner before the JSON parser: a text is RFC 8259, within the limits, or refused with line
 * and column. It keeps nothing of the text but where long strings stand, and makes no tree.
 */
#include "libsnn/base/json_scan.h"

#include <stdbool.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { NUMBER_LENGTH_MAX = 62 };

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
    struct snnbase_json_scan *found; /* NULL: nobody asks */
    bool in_object[SNNBASE_JSON_DEPTH_MAX];
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

/* Passes characters that mean themselves; most of a file of tensors is passed here. */
static void scan_plain(struct scanner *scanner)
{
    const unsigned char *text = (const unsigned char *)scanner->text;
    size_t at = scanner->at;
    while (at < scanner->size && text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
        at++;
    scanner->at = at;
}

static int scan_string(struct scanner *scanner)
{
    scanner->at++;
    for (;;) {
        scan_plain(scanner);
        int c = peek(scanner, 0);
        if (c < 0x20) return fail_expected(scanner, "the end of a string");
        scanner->at++;
        if (c == '"') return SNN_OK;
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
    if (scanner->depth == SNNBASE_JSON_DEPTH_MAX) {
        snnbase_fail(scanner->context, SNN_ERR_LIMIT, "nested deeper than %d",
                     (int)SNNBASE_JSON_DEPTH_MAX);
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

/* A string that is a value. A long one is noted where somebody asks for them, if it means its own
 * characters only. */
static int scan_string_value(struct scanner *scanner)
{
    size_t start = scanner->at + 1;
    int status = scan_string(scanner);
    struct snnbase_json_scan *found = scanner->found;
    if (status != SNN_OK || !found) return status;
    size_t size = scanner->at - 1 - start;
    if (size < SNNBASE_JSON_LONG || memchr(scanner->text + start, '\\', size)) return SNN_OK;
    void *strings = found->strings;
    status = snnbase_grow(scanner->context, &strings, &found->capacity, found->count + 1,
                          sizeof(*found->strings));
    found->strings = strings;
    if (status != SNN_OK) return status;
    found->strings[found->count++] =
        (struct snnbase_json_long){start, size, scanner->value_count - 1};
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
        status = scan_string_value(scanner);
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

int snnbase_json_scan(struct snn_context *context, const char *text, size_t size,
                      struct snnbase_json_scan *out_or_null)
{
    struct scanner scanner = {.context = context,
                              .text = text,
                              .size = size,
                              .expect = EXPECT_VALUE,
                              .found = out_or_null};
    for (;;) {
        scan_blanks(&scanner);
        if (scanner.expect == EXPECT_END && scanner.at == size) return SNN_OK;
        int status = scan_next(&scanner);
        if (status != SNN_OK) return status;
    }
}
