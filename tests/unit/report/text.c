/* Text that grows: what is put in, escaped or not, comes out whole. */
#include <string.h>

#include <criterion/criterion.h>

#include "tools/report/text.h"

static void expect_escaped(const char *string, const char *expected)
{
    struct snnreport_text text = {0};

    snnreport_escaped(&text, string);
    cr_assert_not(text.failed);
    cr_assert_str_eq(text.data ? text.data : "", expected);
    snnreport_text_fini(&text);
}

Test(text, what_is_put_stands_behind_another)
{
    struct snnreport_text text = {0};

    snnreport_put(&text, "a<b");
    snnreport_printf(&text, "%d %s", 7, "seven");
    snnreport_put(&text, "");
    cr_assert_str_eq(text.data, "a<b7 seven");
    cr_assert_eq(text.size, 10);
    snnreport_text_fini(&text);
    cr_assert_null(text.data);
}

Test(text, grows_over_any_size)
{
    struct snnreport_text text = {0};
    char piece[1500];

    memset(piece, 'x', sizeof piece - 1);
    piece[sizeof piece - 1] = '\0';
    for (int i = 0; i < 100; i++) {
        snnreport_put(&text, piece);
        snnreport_printf(&text, "%s", piece);
    }
    cr_assert_eq(text.size, 200 * 1499);
    cr_assert_eq(strlen(text.data), 200 * 1499);
    cr_assert_eq(strspn(text.data, "x"), 200 * 1499);
    snnreport_text_fini(&text);
}

Test(text, what_failed_stays_failed)
{
    struct snnreport_text text = {.failed = true};

    snnreport_put(&text, "a");
    snnreport_printf(&text, "%d", 1);
    snnreport_escaped(&text, "<");
    cr_assert(text.failed);
    cr_assert_null(text.data);
}

Test(text, markup_is_escaped)
{
    expect_escaped("<a href=\"x\">'&amp;'</a>",
                   "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;");
}

Test(text, utf8_passes)
{
    expect_escaped("\xC2\xB5J \xE2\x89\xA5 \xF0\x9F\xA7\xA0",
                   "\xC2\xB5J \xE2\x89\xA5 \xF0\x9F\xA7\xA0");
}

#define REPLACED "\xEF\xBF\xBD"

/* A lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, cut short by a letter and
 * by the end. */
Test(text, broken_utf8_is_replaced)
{
    expect_escaped("a\x80z", "a" REPLACED "z");
    expect_escaped("\xE0\x80\xAF", REPLACED);
    expect_escaped("\xC0\xAF", REPLACED REPLACED);
    expect_escaped("\xED\xA0\x80", REPLACED);
    expect_escaped("\xF4\x90\x80\x80", REPLACED);
    expect_escaped("\xE2\x89z", REPLACED "z");
    expect_escaped("\xF0\x9F", REPLACED);
}

Test(text, characters_that_xml_forbids_are_replaced)
{
    expect_escaped("a\x01\x1B[31m\x7F\xC2\x85\xEF\xBF\xBF",
                   "a" REPLACED REPLACED "[31m" REPLACED REPLACED REPLACED);
    expect_escaped("a\tb\nc\rd", "a\tb\nc&#13;d");
}
