/* The tools' JSON: strings of any bytes come out as UTF-8. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/json.h"

#define NONE "\xef\xbf\xbd" /* U+FFFD */

static void expect_string(const char *text, const char *expected)
{
    char *found = NULL, whole[256];
    size_t size = 0;
    struct snncli_json json = {.out = open_memstream(&found, &size)};
    cr_assert_not_null(json.out);
    snncli_json_text(&json, NULL, text);
    fclose(json.out);
    (void)snprintf(whole, sizeof(whole), "\"%s\"", expected);
    cr_expect_str_eq(found, whole);
    free(found);
}

Test(json, characters_stay)
{
    expect_string("", "");
    expect_string("plain/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.json",
                  "plain/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.json");
    expect_string("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
                  "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
    expect_string("a\"b\\c\n\x7f", "a\\\"b\\\\c\\u000a\\u007f");
}

Test(json, bytes_that_are_no_characters_are_replaced)
{
    expect_string("a\xff.json", "a" NONE ".json");
    expect_string("\xc3", NONE);                            /* cut off */
    expect_string("\xe2\x82\"", NONE NONE "\\\"");          /* the quote is none of it */
    expect_string("\x80", NONE);                            /* nothing before it */
    expect_string("\xc0\xaf", NONE NONE);                   /* longer than it need be */
    expect_string("\xe0\x9f\xbf", NONE NONE NONE);          /* likewise */
    expect_string("\xed\xa0\x80", NONE NONE NONE);          /* half a surrogate pair */
    expect_string("\xf4\x90\x80\x80", NONE NONE NONE NONE); /* beyond the last */
    expect_string("\xf0\x9f\x98", NONE NONE NONE);
}
