/* Messages and exit statuses. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cli/sample.h"

Test(cli_message, every_status_has_its_exit_status)
{
    static const int pairs[][2] = {
        {SNN_OK, 0},
        {SNN_ERR_INVALID, 64},
        {SNN_ERR_NOMEM, 71},
        {SNN_ERR_IO, 74},
        {SNN_ERR_FORMAT, 65},
        {SNN_ERR_UNSUPPORTED, 65},
        {SNN_ERR_LIMIT, 65},
        {SNN_ERR_NOT_FOUND, 66},
        {SNN_ERR_ACCESS, 77},
        {SNN_ERR_BUSY, 75},
        {SNN_ERR_TIMEOUT, 74},
        {SNN_ERR_GONE, 74},
        {SNN_ERR_PROTOCOL, 76},
        {SNN_ERR_CANCELLED, 130},
        {SNN_ERR_AGAIN, 70},
        {SNN_ERR_INTERNAL, 70},
        {-999, 70},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        cr_expect_eq(snncli_exit_from_status(pairs[i][0]), pairs[i][1], "status %d", pairs[i][0]);
}

Test(cli_message, every_exit_status_has_a_text)
{
    static const int all[] = {0, 1, 64, 65, 66, 69, 70, 71, 73, 74, 75, 76, 77, 78, 130};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cr_expect_str_neq(snncli_exit_text(all[i]), "unknown", "%d", all[i]);
    cr_expect_str_eq(snncli_exit_text(42), "unknown");
}

Test(cli_message, error_names_tool_and_place_and_is_counted)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);

    snncli_error(&console, "lenet.json", "byte %d is odd", 7);
    snncli_hint(&console, "make it %s", "even");
    snncli_error(&console, NULL, "no place");
    cr_expect_eq(snncli_fail(&console, 73, "", "empty place"), 73);
    cr_expect_str_eq(memory_text(&memory), "sample: lenet.json: byte 7 is odd\n"
                                           "  hint: make it even\n"
                                           "sample: no place\n"
                                           "sample: empty place\n");
    cr_expect_eq(console.error_count, 3);
    memory_close(&memory);
}

Test(cli_message, verbosity_chooses_what_is_shown)
{
    static const char *const expected[] = {
        "sample: a: one\n",
        "sample: a: one\nsample: b: warning: two\n",
        "sample: a: one\nsample: b: warning: two\nsample: c: note: three\n",
    };
    for (int verbosity = -1; verbosity <= 1; verbosity++) {
        struct memory memory;
        struct snncli_console console = memory_console(&memory);
        console.verbosity = verbosity;
        snncli_error(&console, "a", "one");
        snncli_warning(&console, "b", "two");
        snncli_note(&console, "c", "three");
        cr_expect_str_eq(memory_text(&memory), expected[verbosity + 1]);
        cr_expect_eq(console.warning_count, 1);
        memory_close(&memory);
    }
}

Test(cli_message, control_characters_never_reach_the_terminal)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);

    snncli_error(&console, "a\033[31m.json", "layer '%s'", "x\ny\177\tz\xc3\xa9");
    cr_expect_str_eq(memory_text(&memory),
                     "sample: a\\x1b[31m.json: layer 'x\\x0ay\\x7f\\x09z\xc3\xa9'\n");
    memory_close(&memory);
}

/* U+009B, which UTF-8 writes as C2 9B, and the byte 9B alone begin a sequence like ESC [ does. */
Test(cli_message, controls_of_eight_bits_never_reach_the_terminal)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);

    snncli_error(&console, NULL, "%s",
                 "a\xc2\x9b"
                 "2Jb\x9b"
                 "2Jc\xe2\x82\xac\xc2\xa0\xe2\x82");
    cr_expect_str_eq(memory_text(&memory),
                     "sample: a\\xc2\\x9b2Jb\\x9b2Jc\xe2\x82\xac\xc2\xa0\\xe2\\x82\n");
    memory_close(&memory);
}

Test(cli_message, endless_text_is_cut)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    char text[10000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snncli_error(&console, NULL, "%s", text);
    cr_expect_lt(strlen(memory_text(&memory)), 4200);
    cr_expect_not_null(strstr(memory.text, "x...\n"));
    memory_close(&memory);
}

Test(cli_message, colours_only_when_asked_for)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);

    console.err_color = true;
    snncli_error(&console, NULL, "red");
    cr_expect_str_eq(memory_text(&memory), "\033[1;31msample:\033[0m red\n");
    memory_close(&memory);
}

Test(cli_message, no_color_wins_over_a_terminal_and_loses_to_the_option)
{
    struct snncli_console console;

    setenv("NO_COLOR", "1", 1);
    snncli_console_init(&console, "sample");
    cr_expect(!console.err_color && !console.out_color);
    snncli_console_color(&console, SNNCLI_COLOR_ALWAYS);
    cr_expect(console.err_color && console.out_color);
    snncli_console_color(&console, SNNCLI_COLOR_AUTO);
    cr_expect(!console.err_color && !console.out_color);
}

Test(cli_message, decimal_point_stays_whatever_the_locale)
{
    struct snncli_console console;

    setenv("LC_ALL", "de_DE.UTF-8", 1);
    snncli_console_init(&console, "sample");
    cr_expect_eq(strtod("1.5", NULL), 1.5);
}

Test(cli_message, locale_decides_on_utf8)
{
    struct snncli_console console;

    setenv("LC_ALL", "C", 1);
    snncli_console_init(&console, "sample");
    cr_expect_not(console.utf8);
}

Test(cli_message, finding_shows_place_layer_and_hint)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snn_diagnostic finding = {.severity = SNN_SEVERITY_WARNING,
                                     .layer = "conv2",
                                     .where = "a.onnx",
                                     .text = "padding is ignored",
                                     .hint = "pad before"};

    snncli_diagnostic(&finding, &console);
    finding.where = "";
    finding.hint = "";
    finding.severity = SNN_SEVERITY_ERROR;
    snncli_diagnostic(&finding, &console);
    finding.layer = "";
    snncli_diagnostic(&finding, &console);
    cr_expect_str_eq(memory_text(&memory),
                     "sample: a.onnx: layer 'conv2': warning: padding is ignored\n"
                     "  hint: pad before\n"
                     "sample: layer 'conv2': padding is ignored\n"
                     "sample: padding is ignored\n");
    memory_close(&memory);
}

Test(cli_message, hint_of_a_hidden_finding_is_hidden_too)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snn_diagnostic finding = {.layer = "", .where = "", .text = "x", .hint = "y"};

    finding.severity = SNN_SEVERITY_NOTE;
    snncli_diagnostic(&finding, &console);
    console.verbosity = -1;
    finding.severity = SNN_SEVERITY_WARNING;
    snncli_diagnostic(&finding, &console);
    cr_expect_str_eq(memory_text(&memory), "");
    memory_close(&memory);
}

/* A context without an error has nothing to tell: ending with it is a defect of the tool. */
Test(cli_message, context_without_error_counts_as_internal)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snn_context *context = NULL;

    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    cr_expect_eq(snncli_fail_context(&console, context, "a.json"), 70);
    cr_expect_eq(strncmp(memory_text(&memory), "sample: a.json: ", 16), 0);
    snn_context_destroy(&context);
    memory_close(&memory);
}
