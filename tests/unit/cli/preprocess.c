/* --preprocess: what is understood, what is refused, and that a refusal says what to write. */
#include "tools/cli/preprocess.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/cli/sample.h"

static struct snncli_preprocess accept(const char *text)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snncli_preprocess out = {.given = false};
    const struct snncli_option option = {.name = "preprocess"};
    cr_assert_eq(snncli_parse_preprocess(&console, &option, text, &out), SNNCLI_EXIT_OK, "'%s': %s",
                 text, memory_text(&memory));
    cr_assert_str_eq(memory_text(&memory), "");
    cr_assert(out.given);
    memory_close(&memory);
    return out;
}

static void refuse(const char *text)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snncli_preprocess out = {.scale = 42.0};
    const struct snncli_option option = {.name = "preprocess"};
    cr_expect_eq(snncli_parse_preprocess(&console, &option, text, &out), SNNCLI_EXIT_USAGE, "'%s'",
                 text);
    cr_expect_not_null(strstr(memory_text(&memory), "sample: --preprocess: '"), "'%s'", text);
    cr_expect_not_null(strstr(memory_text(&memory), "is not understood\n  hint: write scale="),
                       "'%s'", text);
    cr_expect_eq(out.scale, 42.0, "'%s': a refused value changes nothing", text);
    memory_close(&memory);
}

Test(cli_preprocess, all_three_are_numbers)
{
    struct snncli_preprocess p = accept("scale=0.5,mean=0.1307,std=0.3081");
    cr_expect_eq(p.scale, 0.5);
    cr_expect_eq(p.mean[0], 0.1307);
    cr_expect_eq(p.std[0], 0.3081);
    cr_expect_eq(p.channel_count, 1);
}

Test(cli_preprocess, the_scale_may_be_a_fraction)
{
    cr_expect_eq(accept("scale=1/255").scale, 1.0 / 255.0);
    cr_expect_eq(accept("scale=2/127.5").scale, 2.0 / 127.5);
    cr_expect_eq(accept("scale=1e-3").scale, 1e-3);
}

Test(cli_preprocess, what_is_not_said_keeps_its_default)
{
    struct snncli_preprocess p = accept("std=2");
    cr_expect_eq(p.scale, 1.0 / 255.0);
    cr_expect_eq(p.mean[0], 0.0);
    cr_expect_eq(p.std[0], 2.0);
    p = accept("mean=-1");
    cr_expect_eq(p.mean[0], -1.0);
    cr_expect_eq(p.std[0], 1.0);
}

Test(cli_preprocess, channels_are_listed_and_one_value_stands_for_all)
{
    struct snncli_preprocess p = accept("std=0.5,mean=0.485:0.456:0.406");
    cr_assert_eq(p.channel_count, 3);
    cr_expect_eq(p.mean[0], 0.485);
    cr_expect_eq(p.mean[2], 0.406);
    for (int c = 0; c < 3; c++)
        cr_expect_eq(p.std[c], 0.5, "channel %d", c);
    cr_expect_eq(accept("mean=0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:16").mean[15], 16.0);
}

Test(cli_preprocess, what_is_not_understood_is_refused)
{
    static const char *const texts[] = {
        "",
        ",",
        "scale",
        "scale=",
        "scale=x",
        "scale=0",
        "scale=-1",
        "scale=1/",
        "scale=1/0",
        "scale=/255",
        "scale=1/2/3",
        "scale=nan",
        "scale=inf",
        "scale=1,",
        "scale=1;mean=0",
        "mean=",
        "mean=:",
        "mean=1:",
        "mean=:1",
        "mean=1::2",
        "mean=a",
        "mean=1x",
        "mean=nan",
        "std=inf",
        "Mean=0",
        "mean=0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:17", /* a seventeenth channel */
        "mean=1:2,std=1:2:3",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuse(texts[i]);
}

Test(cli_preprocess, a_text_of_any_length_is_survived)
{
    char text[2048];
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "mean=", 5);
    refuse(text);
    text[511] = '\0'; /* short enough for a list, too long for a number */
    refuse(text);
    memcpy(text, "scal=", 5);
    refuse(text);
}

Test(cli_preprocess, a_deviation_is_left_to_the_library_to_judge)
{
    /* The graph refuses it with the channel's number. */
    cr_expect_eq(accept("std=0").std[0], 0.0);
}

Test(cli_preprocess, the_library_sees_the_same_numbers)
{
    struct snncli_preprocess p = accept("scale=1/2,mean=1:2,std=3:4");
    struct snn_preprocess view = snncli_preprocess_view(&p);
    cr_expect_eq(view.scale, 0.5);
    cr_expect_eq(view.channel_count, 2);
    cr_expect_eq(view.mean, p.mean);
    cr_expect_eq(view.std[1], 4.0);
}
