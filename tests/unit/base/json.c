/* JSON in: what is accepted, what is refused and where, and the typed access. */
#include "libsnn/base/json.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/base/support.h"

static struct support_allocator allocator;
static struct snn_context *context;
static struct snnbase_json *json;
static char folder[64]; /* of a locale, where a test makes one */

static void setup(void)
{
    context = support_context(&allocator, NULL);
}

static void teardown(void)
{
    snnbase_json_destroy(context, &json);
    support_context_end(&context, &allocator);
}

TestSuite(json, .init = setup, .fini = teardown);

static int parse(const char *text)
{
    snnbase_json_destroy(context, &json);
    return snnbase_json_parse(context, text, strlen(text), &json);
}

static const struct snnbase_json_value *parse_root(const char *text)
{
    cr_assert_eq(parse(text), SNN_OK, "%s", snn_context_message(context));
    return snnbase_json_root(json);
}

/* A copy without anything behind it, so that the address sanitizer sees a read too far. */
static int parse_exact(const char *text, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, size);
    snnbase_json_destroy(context, &json);
    int status = snnbase_json_parse(context, copy, size, &json);
    free(copy);
    return status;
}

Test(json, every_kind_of_value_is_told_apart)
{
    const struct snnbase_json_value *root = parse_root(
        " { \"o\" : {} , \"a\":[ ] ,\"s\":\"x\",\"n\":-1.5e2,\"t\":true,\"z\":null}\r\n\t");
    cr_assert(snnbase_json_is_object(root));
    cr_assert_eq(snnbase_json_count(root), 6);
    cr_assert(snnbase_json_is_object(snnbase_json_get(root, "o")));
    cr_assert(snnbase_json_is_array(snnbase_json_get(root, "a")));
    cr_assert(snnbase_json_is_string(snnbase_json_get(root, "s")));
    cr_assert(snnbase_json_is_number(snnbase_json_get(root, "n")));
    cr_assert_eq(snnbase_json_number(snnbase_json_get(root, "n")), -150.0);
    cr_assert_str_eq(snnbase_json_string(snnbase_json_get(root, "s")), "x");
    const struct snnbase_json_value *truth = snnbase_json_get(root, "t");
    cr_assert_not(snnbase_json_is_object(truth) || snnbase_json_is_array(truth) ||
                  snnbase_json_is_string(truth) || snnbase_json_is_number(truth));
    cr_assert_null(snnbase_json_get(root, "O"), "keys differ by case");
    cr_assert_null(snnbase_json_get(snnbase_json_get(root, "a"), "x"));
}

Test(json, members_and_elements_come_in_the_order_of_the_text)
{
    const struct snnbase_json_value *root = parse_root("{\"z\":[3,1,2],\"a\":0}");
    const struct snnbase_json_value *member = snnbase_json_first(root);
    cr_assert_str_eq(snnbase_json_key(member), "z");
    const struct snnbase_json_value *element = snnbase_json_first(member);
    cr_assert_null(snnbase_json_key(element));
    cr_assert_eq(snnbase_json_number(element), 3);
    element = snnbase_json_next(element);
    cr_assert_eq(snnbase_json_number(element), 1);
    element = snnbase_json_next(snnbase_json_next(element));
    cr_assert_null(element);
    member = snnbase_json_next(member);
    cr_assert_str_eq(snnbase_json_key(member), "a");
    cr_assert_null(snnbase_json_next(member));
    cr_assert_null(snnbase_json_first(member));
    cr_assert_null(snnbase_json_first(NULL));
    cr_assert_eq(snnbase_json_count(NULL), 0);
}

Test(json, escapes_become_utf8)
{
    const struct snnbase_json_value *root =
        parse_root("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83D\\uDe00 \xc3\xa9\"");
    cr_assert_str_eq(snnbase_json_string(root),
                     "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa9");
}

Test(json, texts_of_one_value_are_read_to_their_last_byte_and_no_further)
{
    static const char *const good[] = {
        "0",    "-0",   "12", "0.5", "1e5", "1E+05",       "-1.25e-3", "true",     "false",
        "null", "\"\"", "[]", "{}",  "[1]", "{\"\":\"\"}", " 1 ",      "[[[]],{}]"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert_eq(parse_exact(good[i], strlen(good[i])), SNN_OK, "%s: %s", good[i],
                     snn_context_message(context));
    }
    cr_assert_eq(snnbase_json_number(parse_root("-1.25e-3")), -1.25e-3);
}

/* What cJSON alone takes, among other things: leading zeros, a final point, control characters for
 * blanks and in strings, halves of surrogate pairs, an escaped NUL. */
Test(json, text_that_is_not_json_is_refused_with_line_and_column)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "line 1, column 1: a value expected, the text ends"},
        {" \n ", "line 2, column 2: a value expected, the text ends"},
        {"[1,\n 2,\n  x]", "line 3, column 3: a value expected, 'x' found"},
        {"[1,]", "line 1, column 4: a value expected, ']' found"},
        {"[1 2]", "line 1, column 4: ',' or ']' expected, '2' found"},
        {"[1", "line 1, column 3: ',' or ']' expected, the text ends"},
        {"[1}", "line 1, column 3: ',' or ']' expected, '}' found"},
        {"{\"a\":1]", "line 1, column 7: ',' or '}' expected, ']' found"},
        {"{\"a\":1,}", "line 1, column 8: a key in double quotes expected, '}' found"},
        {"{\"a\" 1}", "line 1, column 6: ':' expected, '1' found"},
        {"{a:1}", "line 1, column 2: a key in double quotes expected, 'a' found"},
        {"{,}", "line 1, column 2: a key in double quotes expected, ',' found"},
        {"{\"a\":}", "line 1, column 6: a value expected, '}' found"},
        {"{\"1\":1,", "line 1, column 8: a key in double quotes expected, the text ends"},
        {"[] []", "line 1, column 4: the end of the text expected, '[' found"},
        {"1\n}", "line 2, column 1: the end of the text expected, '}' found"},
        {"]", "line 1, column 1: a value expected, ']' found"},
        {"nul", "line 1, column 4: a value expected, the text ends"},
        {"True", "line 1, column 1: a value expected, 'T' found"},
        {"NaN", "line 1, column 1: a value expected, 'N' found"},
        {"01", "line 1, column 2: the end of the text expected, '1' found"},
        {"-", "line 1, column 2: a digit expected, the text ends"},
        {"+1", "line 1, column 1: a value expected, '+' found"},
        {".5", "line 1, column 1: a value expected, '.' found"},
        {"[1.]", "line 1, column 4: a digit expected, ']' found"},
        {"1e", "line 1, column 3: a digit expected, the text ends"},
        {"1e+]", "line 1, column 4: a digit expected, ']' found"},
        {"0x10", "line 1, column 2: the end of the text expected, 'x' found"},
        {"[1,\v2]", "line 1, column 4: a value expected, byte 0x0b found"},
        {"\xef\xbb\xbf{}", "line 1, column 1: a value expected, byte 0xef found"},
        {"'a'", "line 1, column 1: a value expected, ''' found"},
        {"\"a", "line 1, column 3: the end of a string expected, the text ends"},
        {"\"a\nb\"", "line 1, column 3: the end of a string expected, byte 0x0a found"},
        {"\"a\\", "line 1, column 4: one of \"\\/bfnrtu after a backslash expected, the text ends"},
        {"\"\\x\"", "line 1, column 3: one of \"\\/bfnrtu after a backslash expected, 'x' found"},
        {"\"\\u12g4\"", "four hexadecimal digits after \\u expected"},
        {"\"\\u12", "four hexadecimal digits after \\u expected"},
        {"\"a\\u0000b\"", "line 1, column 4: \\u0000 is not supported in strings"},
        {"\"\\ud800\"", "\\ud800 is half a surrogate pair"},
        {"\"\\ud800\\u0041\"", "\\ud800 is half a surrogate pair"},
        {"\"\\ud800\\", "\\ud800 is half a surrogate pair"},
        {"\"\\udc00\\udc00\"", "\\udc00 is half a surrogate pair"},
        {"// c\n1", "line 1, column 1: a value expected, '/' found"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = parse_exact(rows[i].text, strlen(rows[i].text));
        cr_assert_eq(status, SNN_ERR_FORMAT, "%s", rows[i].text);
        cr_assert(support_contains(snn_context_message(context), rows[i].message), "%s: %s",
                  rows[i].text, snn_context_message(context));
        cr_assert_null(json);
    }
}

Test(json, every_beginning_of_a_document_is_refused)
{
    static const char text[] =
        "{\"a\":[-1.5e+3,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\"],\"b\":{}}";
    cr_assert_eq(parse_exact(text, sizeof(text) - 1), SNN_OK);
    for (size_t size = 0; size < sizeof(text) - 1; size++)
        cr_assert_eq(parse_exact(text, size), SNN_ERR_FORMAT, "%zu bytes", size);
}

Test(json, nul_byte_is_refused_wherever_it_stands)
{
    cr_assert_eq(parse_exact("[1]\0", 4), SNN_ERR_FORMAT);
    cr_assert(support_contains(snn_context_message(context), "column 4"));
    cr_assert_eq(parse_exact("[\0]", 3), SNN_ERR_FORMAT);
    cr_assert_eq(parse_exact("\"a\0b\"", 5), SNN_ERR_FORMAT);
    cr_assert_eq(parse_exact("\0", 1), SNN_ERR_FORMAT);
}

Test(json, number_beyond_double_precision_is_refused_with_its_path)
{
    cr_assert_eq(parse("{\"a\":[0,{\"b\":1e999}]}"), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context),
                     "a[1].b: a number too large for double precision");
    cr_assert_eq(parse("-1e309"), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "a number too large for double precision");
    cr_assert_eq(snnbase_json_number(parse_root("1.7976931348623157e308")), 1.7976931348623157e308);
    cr_assert_eq(snnbase_json_number(parse_root("1e-999")), 0.0);
}

Test(json, number_longer_than_the_parser_keeps_is_refused)
{
    char text[80];
    memset(text, '1', sizeof(text));
    text[62] = '\0';
    cr_assert_eq(snnbase_json_number(parse_root(text)), 1.1111111111111111e61);
    text[62] = '1';
    text[63] = '\0';
    cr_assert_eq(parse(text), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context),
                     "line 1, column 1: a number of 63 characters, more than 62");
}

/* `depth` brackets, opened and closed. */
static int parse_nested(size_t depth)
{
    char *text = malloc(2 * depth);
    cr_assert_not_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    int status = parse_exact(text, 2 * depth);
    free(text);
    return status;
}

Test(json, nesting_up_to_64_is_read_and_deeper_is_a_limit)
{
    cr_assert_eq(parse_nested(64), SNN_OK);
    cr_assert_eq(parse_nested(65), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context), "line 1, column 65: nested deeper than 64");
    cr_assert_eq(parse_nested(3000000), SNN_ERR_LIMIT);
}

Test(json, million_commas_are_refused_at_the_first)
{
    char *text = malloc(1000001);
    cr_assert_not_null(text);
    memset(text, ',', 1000001);
    text[0] = '[';
    cr_assert_eq(parse_exact(text, 1000001), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "line 1, column 2: a value expected, ',' found");
    free(text);
}

Test(json, values_are_counted_before_any_memory_is_taken)
{
    struct snn_limits limits = {.json_node_count = 6};
    struct support_allocator small_allocator = {0};
    struct snn_context *small = support_context(&small_allocator, &limits);
    struct snnbase_json *document = NULL;
    /* The object, the array and four values in it; commas in strings are none, nor are keys. */
    const char *six = "{\"a,[\":[1,\"2,3\",{},null]}";
    cr_assert_eq(snnbase_json_parse(small, six, strlen(six), &document), SNN_OK);
    snnbase_json_destroy(small, &document);
    size_t calls = small_allocator.calls;
    const char *seven = "[1,2,3,4,\n5,6]";
    cr_assert_eq(snnbase_json_parse(small, seven, strlen(seven), &document), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(small),
                     "line 2, column 3: more than the limit of 6 values");
    cr_assert_str_neq(snn_context_hint(small), "");
    cr_assert_eq(small_allocator.calls, calls);
    cr_assert_null(document);
    support_context_end(&small, &small_allocator);
}

Test(json, default_limit_holds_for_a_million_values)
{
    /* 1 array + 1048575 elements is the limit, one more is not. */
    size_t size = 2 * (size_t)1048575 + 1;
    char *text = malloc(size + 2);
    cr_assert_not_null(text);
    for (size_t i = 1; i < size + 2; i += 2) {
        text[i] = '0';
        text[i + 1 < size + 2 ? i + 1 : i] = ',';
    }
    text[0] = '[';
    text[size - 1] = ']';
    cr_assert_eq(parse_exact(text, size), SNN_OK, "%s", snn_context_message(context));
    cr_assert_eq(snnbase_json_count(snnbase_json_root(json)), 1048575);
    text[size - 1] = ',';
    text[size] = '0';
    text[size + 1] = ']';
    cr_assert_eq(parse_exact(text, size + 2), SNN_ERR_LIMIT);
    free(text);
}

Test(json, duplicate_key_is_refused_with_the_path_of_its_object)
{
    cr_assert_eq(parse("{\"a\":1,\"b\":2,\"a\":1}"), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "key \"a\" occurs twice");
    cr_assert_eq(parse("{\"l\":[0,{\"s\":{\"x\":1,\"\\u0078\":2}}]}"), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "l[1].s: key \"x\" occurs twice");
    cr_assert_eq(parse("[{},{\"\":1,\"\":2}]"), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "[1]: key \"\" occurs twice");
    cr_assert_eq(parse("{\"a\":{\"a\":1},\"A\":2,\"b\":[{\"a\":1},{\"a\":1}]}"), SNN_OK);
}

Test(json, path_too_long_for_its_place_is_cut)
{
    char text[1000];
    char key[301];
    memset(key, 'k', 300);
    key[300] = '\0';
    snprintf(text, sizeof(text), "{\"%s\":{\"%s\":1e999}}", key, key);
    cr_assert_eq(parse(text), SNN_ERR_FORMAT);
    cr_assert(support_contains(snn_context_message(context), "kkk: a number too large"));
    cr_assert_lt(strlen(snn_context_message(context)), 300);
}

/* Pairwise comparison of 300000 keys would be 4.5e10 of them: minutes. */
Test(json, object_of_many_keys_is_checked_quickly, .timeout = 30)
{
    enum { COUNT = 300000, MEMBER_SIZE = 12 };
    char *text = malloc((size_t)COUNT * MEMBER_SIZE + 2);
    cr_assert_not_null(text);
    char *at = text;
    for (unsigned i = 0; i < COUNT; i++)
        at += snprintf(at, MEMBER_SIZE + 1, "%c\"%07u\":0", i > 0 ? ',' : '{', i);
    *at++ = '}';
    cr_assert_eq(parse_exact(text, (size_t)(at - text)), SNN_OK, "%s",
                 snn_context_message(context));
    memset(at - 11, '0', 7); /* the last key becomes the first */
    cr_assert_eq(parse_exact(text, (size_t)(at - text)), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "key \"0000000\" occurs twice");
    free(text);
}

Test(json, numbers_are_read_alike_in_a_locale_with_decimal_commas)
{
    support_folder_make(folder);
    bool set = support_comma_locale_set(folder);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
    if (!set) cr_skip_test("no locale with decimal commas on this machine, nor localedef");
    cr_assert_eq(strtod("1,5", NULL), 1.5, "the locale is not in force");
    const struct snnbase_json_value *root = parse_root("[1.5,-2.25e1]");
    cr_assert_eq(snnbase_json_number(snnbase_json_first(root)), 1.5);
    cr_assert_eq(snnbase_json_number(snnbase_json_next(snnbase_json_first(root))), -22.5);
    cr_assert_eq(parse("[1,5]"), SNN_OK);
    cr_assert_eq(snnbase_json_count(snnbase_json_root(json)), 2);
    cr_assert_eq(strtod("1,5", NULL), 1.5, "the caller's locale was not restored");
}

static int parse_small(struct snn_context *failing, void *user)
{
    const char *text = user;
    struct snnbase_json *document = NULL;
    int status = snnbase_json_parse(failing, text, strlen(text), &document);
    cr_assert_eq(document != NULL, status == SNN_OK);
    snnbase_json_destroy(failing, &document);
    return status;
}

Test(json, failing_allocator_is_nomem)
{
    char text[] = "{\"a\":{\"b\":1,\"c\":2},\"d\":[{\"e\":1,\"f\":2}]}";
    support_sweep(parse_small, text);
}

Test(json, destroy_accepts_null)
{
    struct snnbase_json *none = NULL;
    snnbase_json_destroy(context, NULL);
    snnbase_json_destroy(context, &none);
    cr_assert_null(none);
}

/* ---- In place ---- */

/* [" LONG ", {"data": "LONG", "short": "s", "data2": "LONG\\n"}, 1, "LONG"], strings of `length`.
 */
static char *long_text(size_t length, size_t *size_out)
{
    char *text = malloc(4 * length + 100), *x = malloc(length + 1);
    cr_assert(text != NULL && x != NULL);
    memset(x, 'x', length);
    x[length] = '\0';
    *size_out = (size_t)sprintf(
        text, "[\"%s\", {\"data\": \"%s\", \"short\": \"s\", \"data2\": \"%s\\n\"}, 1, \"%s\"]", x,
        x, x, x);
    free(x);
    return text;
}

static void assert_long(const struct snnbase_json_value *value, size_t length, const char *text,
                        size_t size, bool inside)
{
    cr_assert(snnbase_json_is_string(value));
    const char *string = snnbase_json_string(value);
    cr_assert_eq(strspn(string, "x"), length);
    cr_assert_eq(strlen(string), length);
    cr_assert_eq(string >= text && string < text + size, inside);
}

Test(json, long_strings_stay_where_they_are)
{
    static const size_t lengths[] = {4095, 4096, 100000};
    for (size_t i = 0; i < 3; i++) {
        size_t length = lengths[i], size = 0;
        char *text = long_text(length, &size);
        cr_assert_eq(snnbase_json_parse_in_place(context, text, size, &json), SNN_OK);
        const struct snnbase_json_value *value = snnbase_json_first(snnbase_json_root(json));
        assert_long(value, length, text, size, i > 0);
        value = snnbase_json_next(value);
        assert_long(snnbase_json_get(value, "data"), length, text, size, i > 0);
        cr_assert_str_eq(snnbase_json_string(snnbase_json_get(value, "short")), "s");
        const char *escaped = snnbase_json_string(snnbase_json_get(value, "data2"));
        cr_assert_eq(strlen(escaped), length + 1, "an escape is decoded, in a copy");
        cr_assert_eq(escaped[length], '\n');
        value = snnbase_json_next(value);
        cr_assert_eq(snnbase_json_number(value), 1.0);
        assert_long(snnbase_json_next(value), length, text, size, i > 0);
        snnbase_json_destroy(context, &json);
        free(text);
    }
    char root[5000];
    memset(root, 'x', sizeof(root));
    root[0] = root[4999] = '"';
    cr_assert_eq(snnbase_json_parse_in_place(context, root, sizeof(root), &json), SNN_OK);
    assert_long(snnbase_json_root(json), 4998, root, sizeof(root), true);
}

static int parse_in_place(struct snn_context *failing, void *user)
{
    size_t size = 0;
    char *text = long_text(5000, &size);
    struct snnbase_json *document = NULL;
    (void)user;
    int status = snnbase_json_parse_in_place(failing, text, size, &document);
    snnbase_json_destroy(failing, &document);
    free(text);
    return status;
}

Test(json, failing_allocator_in_place_is_nomem)
{
    support_sweep(parse_in_place, NULL);
}

Test(json, required_members_are_read)
{
    const struct snnbase_json_value *root = parse_root(
        "{\"s\":\"text\",\"n\":0.5,\"t\":true,\"f\":false,\"i\":-7,\"a\":[1,-2,9007199254740992]}");
    bool truth = false;
    const char *string = NULL;
    double number = 0;
    int64_t integer = 0;
    int64_t integers[3] = {0};
    cr_assert_eq(snnbase_json_read_string(context, root, "", "s", &string), SNN_OK);
    cr_assert_str_eq(string, "text");
    cr_assert_eq(snnbase_json_read_number(context, root, "", "n", &number), SNN_OK);
    cr_assert_eq(number, 0.5);
    cr_assert_eq(snnbase_json_read_bool(context, root, "", "t", &truth), SNN_OK);
    cr_assert(truth);
    cr_assert_eq(snnbase_json_read_bool(context, root, "", "f", &truth), SNN_OK);
    cr_assert_not(truth);
    cr_assert_eq(snnbase_json_read_int(context, root, "", "i", -7, -7, &integer), SNN_OK);
    cr_assert_eq(integer, -7);
    cr_assert_eq(snnbase_json_read_ints(context, root, "", "a", INT64_MIN, INT64_MAX, 3, integers),
                 SNN_OK);
    cr_assert_eq(integers[0], 1);
    cr_assert_eq(integers[1], -2);
    cr_assert_eq(integers[2], 9007199254740992);
}

static void assert_message(int status, const char *message)
{
    cr_assert_eq(status, SNN_ERR_FORMAT, "no error where expected: %s", message);
    cr_assert_str_eq(snn_context_message(context), message);
}

Test(json, missing_and_mistyped_members_are_named_with_their_path)
{
    const struct snnbase_json_value *root =
        parse_root("{\"o\":{},\"a\":[1],\"s\":\"x\",\"n\":1,\"b\":true,\"z\":null}");
    const char *string = "kept";
    double number = 42;
    assert_message(snnbase_json_read_string(context, root, "layers[2]", "q", &string),
                   "layers[2].q: missing, a string expected");
    assert_message(snnbase_json_read_string(context, root, "", "n", &string),
                   "n: a string expected, a number found");
    assert_message(snnbase_json_read_string(context, root, NULL, "b", &string),
                   "b: a string expected, true or false found");
    bool truth = true;
    assert_message(snnbase_json_read_bool(context, root, "x", "n", &truth),
                   "x.n: true or false expected, a number found");
    assert_message(snnbase_json_read_number(context, root, "x", "s", &number),
                   "x.s: a number expected, a string found");
    assert_message(snnbase_json_read_number(context, root, "", "o", &number),
                   "o: a number expected, an object found");
    assert_message(snnbase_json_read_number(context, root, "", "a", &number),
                   "a: a number expected, an array found");
    assert_message(snnbase_json_read_number(context, root, "", "z", &number),
                   "z: a number expected, null found");
    const struct snnbase_json_value *array = snnbase_json_get(root, "a");
    assert_message(snnbase_json_read_number(context, array, "a", "n", &number),
                   "a.n: missing, a number expected");
    cr_assert_str_eq(string, "kept");
    cr_assert_eq(number, 42);
}

Test(json, whole_numbers_are_held_to_their_range)
{
    const struct snnbase_json_value *root =
        parse_root("{\"h\":2.5,\"n\":-1,\"b\":1e300,\"u\":9007199254740994,\"s\":\"1\",\"m\":9}");
    int64_t out = 42;
    assert_message(snnbase_json_read_int(context, root, "", "h", 1, 8, &out),
                   "h: a whole number from 1 to 8 expected, 2.5 found");
    assert_message(snnbase_json_read_int(context, root, "w", "n", 0, 8, &out),
                   "w.n: a whole number from 0 to 8 expected, -1 found");
    assert_message(snnbase_json_read_int(context, root, "", "m", 0, 8, &out),
                   "m: a whole number from 0 to 8 expected, 9 found");
    assert_message(snnbase_json_read_int(context, root, "", "s", 0, 8, &out),
                   "s: a whole number expected, a string found");
    assert_message(snnbase_json_read_int(context, root, "", "q", 0, 8, &out),
                   "q: missing, a whole number expected");
    cr_assert_eq(snnbase_json_read_int(context, root, "", "b", INT64_MIN, INT64_MAX, &out),
                 SNN_ERR_FORMAT);
    /* 2^53 + 2 is a double, but so might be what was written as 2^53 + 1. */
    cr_assert_eq(snnbase_json_read_int(context, root, "", "u", INT64_MIN, INT64_MAX, &out),
                 SNN_ERR_FORMAT);
    cr_assert_eq(out, 42);
}

Test(json, arrays_of_whole_numbers_are_stored_whole_or_not_at_all)
{
    const struct snnbase_json_value *root = parse_root("{\"a\":[1,2,\"x\"],\"b\":[1,99],\"n\":1}");
    int64_t out[3] = {7, 7, 7};
    assert_message(snnbase_json_read_ints(context, root, "layers[2]", "a", 0, 9, 3, out),
                   "layers[2].a[2]: a whole number expected, a string found");
    assert_message(snnbase_json_read_ints(context, root, "", "b", 0, 9, 2, out),
                   "b[1]: a whole number from 0 to 9 expected, 99 found");
    assert_message(snnbase_json_read_ints(context, root, "", "b", 0, 99, 3, out),
                   "b: 3 elements expected, 2 found");
    assert_message(snnbase_json_read_ints(context, root, "", "n", 0, 9, 1, out),
                   "n: an array expected, a number found");
    assert_message(snnbase_json_read_ints(context, root, "", "q", 0, 9, 1, out),
                   "q: missing, an array of whole numbers expected");
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(out[i], 7);
}
