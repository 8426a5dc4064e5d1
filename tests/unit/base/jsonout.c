/* JSON out: layout, numbers, escapes; and what it writes, json.c reads. Numbers as text alone. */
#include "libsnn/base/jsonout.h"

#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/json.h"
#include "libsnn/base/number.h"
#include "libsnn/base/rng.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

static struct support_allocator allocator;
static struct snn_context *context;
static struct snnbase_buffer buffer;
static struct snnbase_jsonout out;
static char folder[64]; /* of what a test writes */

static void setup(void)
{
    context = support_context(&allocator, NULL);
    snnbase_jsonout_init(&out, context, &buffer, 0);
}

static void teardown(void)
{
    snnbase_buffer_fini(context, &buffer);
    support_context_end(&context, &allocator);
}

TestSuite(jsonout, .init = setup, .fini = teardown);

/* Finishes the text, compares it and starts anew. */
static void assert_text(const char *text)
{
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_OK);
    cr_assert(support_buffer_equals(&buffer, text, strlen(text)), "'%.*s' is not '%s'",
              (int)buffer.size, (const char *)buffer.data, text);
    buffer.size = 0;
    snnbase_jsonout_init(&out, context, &buffer, 0);
}

static void write_document(struct snnbase_jsonout *to)
{
    snnbase_jsonout_object_open(to);
    snnbase_jsonout_key(to, "name");
    snnbase_jsonout_string(to, "lenet");
    snnbase_jsonout_key(to, "layers");
    snnbase_jsonout_array_open(to);
    for (int i = 1; i <= 2; i++) {
        snnbase_jsonout_object_open(to);
        snnbase_jsonout_key(to, "i");
        snnbase_jsonout_int(to, i);
        snnbase_jsonout_key(to, "e");
        snnbase_jsonout_array_open(to);
        snnbase_jsonout_array_close(to);
        snnbase_jsonout_object_close(to);
    }
    snnbase_jsonout_array_close(to);
    snnbase_jsonout_key(to, "none");
    snnbase_jsonout_object_open(to);
    snnbase_jsonout_object_close(to);
    snnbase_jsonout_object_close(to);
}

Test(jsonout, layout_on_one_line)
{
    write_document(&out);
    assert_text("{\"name\": \"lenet\", \"layers\": [{\"i\": 1, \"e\": []}, {\"i\": 2, \"e\": []}], "
                "\"none\": {}}\n");
}

Test(jsonout, layout_one_member_a_line_down_to_a_depth)
{
    snnbase_jsonout_init(&out, context, &buffer, 1);
    write_document(&out);
    assert_text("{\n"
                "  \"name\": \"lenet\",\n"
                "  \"layers\": [{\"i\": 1, \"e\": []}, {\"i\": 2, \"e\": []}],\n"
                "  \"none\": {}\n"
                "}\n");
    snnbase_jsonout_init(&out, context, &buffer, 2);
    write_document(&out);
    assert_text("{\n"
                "  \"name\": \"lenet\",\n"
                "  \"layers\": [\n"
                "    {\"i\": 1, \"e\": []},\n"
                "    {\"i\": 2, \"e\": []}\n"
                "  ],\n"
                "  \"none\": {}\n"
                "}\n");
}

Test(jsonout, text_is_appended_to_what_the_buffer_holds)
{
    cr_assert_eq(snnbase_buffer_append(context, &buffer, "> ", 2), SNN_OK);
    snnbase_jsonout_bool(&out, true);
    assert_text("> true\n");
}

Test(jsonout, plain_values)
{
    snnbase_jsonout_array_open(&out);
    snnbase_jsonout_int(&out, INT64_MIN);
    snnbase_jsonout_int(&out, INT64_MAX);
    snnbase_jsonout_uint(&out, UINT64_MAX);
    snnbase_jsonout_bool(&out, false);
    snnbase_jsonout_null(&out);
    snnbase_jsonout_string(&out, NULL);
    snnbase_jsonout_double(&out, (double)NAN);
    snnbase_jsonout_double(&out, -HUGE_VAL);
    snnbase_jsonout_float(&out, HUGE_VALF);
    snnbase_jsonout_array_close(&out);
    assert_text("[-9223372036854775808, 9223372036854775807, 18446744073709551615, false, null, "
                "null, null, null, null]\n");
}

Test(jsonout, doubles_are_as_short_as_they_can_be)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {3, "3\n"},
        {-0.0, "-0\n"},
        {0.1, "0.1\n"},
        {100000, "100000\n"},
        {1e20, "1e+20\n"},
        {1.0 / 3, "0.3333333333333333\n"},          /* 16 digits */
        {0.1 + 0.2, "0.30000000000000004\n"},       /* 17 digits */
        {9007199254740993.0, "9007199254740992\n"}, /* 2^53, 16 digits */
        {5e-324, "5e-324\n"},                       /* smallest: one digit will do */
        {DBL_MIN, "2.2250738585072014e-308\n"},
        {DBL_MAX, "1.7976931348623157e+308\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snnbase_jsonout_double(&out, rows[i].value);
        assert_text(rows[i].text);
    }
}

Test(jsonout, floats_are_as_short_as_a_float_allows)
{
    static const struct {
        float value;
        const char *text;
    } rows[] = {
        {3, "3\n"},
        {0.1f, "0.1\n"},
        {1.0f / 3, "0.33333334\n"},
        {16777216, "16777216\n"},
        {1.401298464e-45f, "1e-45\n"},
        {FLT_MIN, "1.1754944e-38\n"},
        {FLT_MAX, "3.4028235e+38\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snnbase_jsonout_float(&out, rows[i].value);
        assert_text(rows[i].text);
    }
}

/* Writes `value` alone; what strtod makes of it is compared bit by bit. */
static void assert_double_returns(double value)
{
    snnbase_jsonout_double(&out, value);
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_OK);
    cr_assert_eq(snnbase_buffer_append(context, &buffer, "", 1), SNN_OK);
    double read = strtod((const char *)buffer.data, NULL);
    uint64_t bits[2];
    memcpy(&bits[0], &value, sizeof(value));
    memcpy(&bits[1], &read, sizeof(read));
    cr_assert_eq(bits[0], bits[1], "%a", value);
    buffer.size = 0;
    snnbase_jsonout_init(&out, context, &buffer, 0);
}

static void assert_float_returns(float value)
{
    snnbase_jsonout_float(&out, value);
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_OK);
    cr_assert_eq(snnbase_buffer_append(context, &buffer, "", 1), SNN_OK);
    float read = strtof((const char *)buffer.data, NULL);
    uint32_t bits[2];
    memcpy(&bits[0], &value, sizeof(value));
    memcpy(&bits[1], &read, sizeof(read));
    cr_assert_eq(bits[0], bits[1], "%a", (double)value);
    buffer.size = 0;
    snnbase_jsonout_init(&out, context, &buffer, 0);
}

Test(jsonout, random_numbers_read_back_to_the_same_bits)
{
    const uint32_t key[2] = {1, 2};
    int finite_count = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        const uint32_t counter[4] = {i};
        uint32_t words[4];
        snnbase_philox4x32(counter, key, words);
        double value;
        float narrow;
        memcpy(&value, words, sizeof(value));
        memcpy(&narrow, words + 2, sizeof(narrow));
        if (!isfinite(value) || !isfinite(narrow)) continue;
        finite_count++;
        assert_double_returns(value);
        assert_float_returns(narrow);
    }
    cr_assert_gt(finite_count, 9000);
}

Test(jsonout, strings_are_escaped_and_utf8_passes)
{
    snnbase_jsonout_string(&out, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f");
    assert_text("\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"\n");
    snnbase_jsonout_string(&out, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_text("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"\n");
    snnbase_jsonout_object_open(&out);
    snnbase_jsonout_key(&out, "\n");
    snnbase_jsonout_string(&out, "");
    snnbase_jsonout_object_close(&out);
    assert_text("{\"\\n\": \"\"}\n");
}

Test(jsonout, bytes_that_are_not_utf8_are_replaced)
{
    static const struct {
        const char *string;
        const char *text;
    } rows[] = {
        {"a\xff"
         "b",
         "\"a\\ufffdb\"\n"},
        {"\x80", "\"\\ufffd\"\n"},                                  /* continuation alone */
        {"\xc3", "\"\\ufffd\"\n"},                                  /* cut short by the end */
        {"\xe2\x82", "\"\\ufffd\\ufffd\"\n"},                       /* the same, three bytes */
        {"\xc0\xaf", "\"\\ufffd\\ufffd\"\n"},                       /* overlong '/' */
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"\n"},            /* overlong */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"\n"},            /* surrogate */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n"}, /* beyond U+10FFFF */
        {"\xed\x9f\xbf\xf4\x8f\xbf\xbf", "\"\xed\x9f\xbf\xf4\x8f\xbf\xbf\"\n"}, /* just allowed */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snnbase_jsonout_string(&out, rows[i].string);
        assert_text(rows[i].text);
    }
}

Test(jsonout, numbers_are_written_alike_in_a_locale_with_decimal_commas)
{
    support_folder_make(folder);
    bool set = support_comma_locale_set(folder);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
    if (!set) cr_skip_test("no locale with decimal commas on this machine, nor localedef");
    char check[16];
    snprintf(check, sizeof(check), "%.1f", 1.5);
    cr_assert_str_eq(check, "1,5", "the locale is not in force");
    snnbase_jsonout_array_open(&out);
    snnbase_jsonout_double(&out, 1.5);
    snnbase_jsonout_float(&out, 0.1f);
    snnbase_jsonout_int(&out, 1234567);
    snnbase_jsonout_array_close(&out);
    assert_text("[1.5, 0.1, 1234567]\n");
    double value = 0;
    cr_assert(snnbase_number_parse("1.5", &value));
    cr_assert_eq(value, 1.5);
    snprintf(check, sizeof(check), "%.1f", 1.5);
    cr_assert_str_eq(check, "1,5", "the caller's locale was not restored");
}

Test(jsonout, what_is_written_can_be_read)
{
    snnbase_jsonout_init(&out, context, &buffer, 1);
    write_document(&out);
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_OK);
    struct snnbase_json *json = NULL;
    cr_assert_eq(snnbase_json_parse(context, (const char *)buffer.data, buffer.size, &json),
                 SNN_OK);
    const struct snnbase_json_value *layers = snnbase_json_get(snnbase_json_root(json), "layers");
    cr_assert_eq(snnbase_json_count(layers), 2);
    snnbase_json_destroy(context, &json);
}

/* An array with a short and a long string again and again, some 200,000 bytes. */
static void write_much(struct snnbase_jsonout *to)
{
    char piece[1000];
    memset(piece, 'x', sizeof(piece));
    snnbase_jsonout_array_open(to);
    for (int i = 0; i < 20; i++) {
        snnbase_jsonout_string(to, "short");
        snnbase_jsonout_string_open(to);
        for (int k = 0; k < i; k++)
            snnbase_jsonout_string_piece(to, piece, sizeof(piece));
        snnbase_jsonout_string_close(to);
    }
    snnbase_jsonout_array_close(to);
}

Test(jsonout, a_file_receives_what_a_buffer_would)
{
    support_folder_make(folder);
    const char *path = support_path(folder, "much.json");
    struct snnbase_buffer held = {0}, back = {0};
    struct snnbase_file_writer file;
    struct snnbase_jsonout to;
    write_much(&out);
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_OK);
    cr_assert_gt(buffer.size, 190000);
    cr_assert_eq(snnbase_file_create(&file, context, path), SNN_OK);
    snnbase_jsonout_init_file(&to, &held, &file, 0);
    write_much(&to);
    cr_assert_eq(snnbase_jsonout_finish(&to), SNN_OK);
    cr_assert_eq(snnbase_file_commit(&file), SNN_OK);
    cr_assert_leq(held.capacity, 140000, "%zu bytes were held", held.capacity);
    cr_assert_eq(snnbase_file_read(context, path, &back), SNN_OK);
    cr_assert(support_buffer_equals(&back, buffer.data, buffer.size));
    snnbase_buffer_fini(context, &held);
    snnbase_buffer_fini(context, &back);
    support_folder_remove(folder);
}

Test(jsonout, unclosed_container_is_told)
{
    snnbase_jsonout_array_open(&out);
    snnbase_jsonout_object_open(&out);
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_ERR_INTERNAL);
    cr_assert_str_eq(snn_context_message(context), "JSON text ends 2 brackets deep");
}

static int write_all(struct snn_context *failing, void *user)
{
    (void)user;
    struct snnbase_buffer text = {0};
    struct snnbase_jsonout to;
    snnbase_jsonout_init(&to, failing, &text, 2);
    for (int i = 0; i < 3; i++) {
        /* Three documents in a row: enough text to grow several times. */
        to.first = true;
        write_document(&to);
        snnbase_jsonout_double(&to, 0.1);
    }
    int status = snnbase_jsonout_finish(&to);
    snnbase_buffer_fini(failing, &text);
    return status;
}

Test(jsonout, failing_allocator_sticks_until_finish)
{
    support_sweep(write_all, NULL);
}

Test(number, decimal_numbers_are_parsed_whole)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"0", 0}, {"-1.5e2", -150}, {"+3", 3}, {".5", 0.5}, {"5.", 5}, {"1E-3", 0.001}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value = 42;
        cr_assert(snnbase_number_parse(rows[i].text, &value), "%s", rows[i].text);
        cr_assert_eq(value, rows[i].value);
    }
}

Test(number, anything_else_is_refused_and_nothing_written)
{
    static const char *const wrong[] = {"",    " 1",    "1 ",     "1,5", "0x10",  "inf",
                                        "nan", "-",     "1e",     "1-2", "1.2.3", "e5",
                                        ".",   "1e999", "-1e999", "ten"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        double value = 42;
        cr_assert_not(snnbase_number_parse(wrong[i], &value), "'%s'", wrong[i]);
        cr_assert_eq(value, 42);
    }
}
