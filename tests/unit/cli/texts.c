/* --help, manual and completion: the same options in all three, and each understood by the program
 * it is made for. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/cli/sample.h"
#include "tools/cli/table.h"

typedef void (*print_fn)(const struct snncli_tool *tool, FILE *out);

static void print_help(const struct snncli_tool *tool, FILE *out)
{
    snncli_print_help(tool, NULL, out, false);
}

static void print_verb_man(const struct snncli_tool *tool, FILE *out)
{
    (void)tool;
    snncli_print_man(&sample_verb_tool, out);
}

static void print_verb_bash(const struct snncli_tool *tool, FILE *out)
{
    (void)tool;
    snncli_print_bash(&sample_verb_tool, out);
}

static void print_to_memory(print_fn print, struct memory *memory)
{
    memory_open(memory);
    print(&sample_tool, memory->stream);
    memory_text(memory);
}

/* A file with what `print` writes; the caller unlinks it. */
static void print_to_file(print_fn print, char path[])
{
    int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    FILE *file = fdopen(descriptor, "w");
    cr_assert_not_null(file);
    print(&sample_tool, file);
    fclose(file);
}

/* True if `option` is a whole word of `text`: --data is not there because --data-set is. */
static bool names(const char *text, const char *option)
{
    size_t length = strlen(option);
    for (const char *at = text; (at = strstr(at, option)); at += length)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", at[length]) || !at[length])
            return true;
    return false;
}

static void expect_every_option(const char *text)
{
    const struct snncli_option *option;

    for (size_t i = 0; (option = snncli_tool_option(&sample_tool, i)); i++) {
        char word[80];
        snprintf(word, sizeof word, "--%s", option->name);
        cr_expect_eq(names(text, word), option->help != NULL, "%s", word);
    }
}

Test(cli_texts, help_names_every_option_but_hidden_ones)
{
    struct memory memory;

    print_to_memory(print_help, &memory);
    expect_every_option(memory.text);
    memory_close(&memory);
}

Test(cli_texts, help_leads_with_examples_and_keeps_to_80_columns)
{
    struct memory memory;

    print_to_memory(print_help, &memory);
    cr_expect_lt(strstr(memory.text, "sample lenet.json"), strstr(memory.text, "Usage:"));
    for (char *line = strtok(memory.text, "\n"); line; line = strtok(NULL, "\n")) {
        cr_expect_leq(snncli_text_width(line), 80, "%s", line);
        cr_expect_neq(line[strlen(line) - 1], ' ', "'%s' ends in a blank", line);
    }
    memory_close(&memory);
}

Test(cli_texts, help_aligns_and_breaks)
{
    struct memory memory;

    print_to_memory(print_help, &memory);
    cr_expect_not_null(strstr(memory.text, "\nData\n"
                                           "  -d, --data FILE      images or events\n"
                                           "  -o, --a-name-too-long-for-the-column FILE\n"
                                           "                       a help text that is longer "
                                           "than what is left of the line\n"
                                           "                       and has to be broken\n"),
                       "%s", memory.text);
    cr_expect_not_null(strstr(memory.text, "\n      also --v0 X, -l/--allow-loss\n"));
    memory_close(&memory);
}

Test(cli_texts, help_in_colour_differs_by_escapes_only)
{
    struct memory plain, color;
    memory_open(&plain);
    memory_open(&color);
    snncli_print_help(&sample_tool, NULL, plain.stream, false);
    snncli_print_help(&sample_tool, NULL, color.stream, true);

    cr_expect_null(strchr(memory_text(&plain), '\033'));
    cr_expect_gt(count_of(memory_text(&color), "\033[1m"), 3);
    cr_expect_eq(count_of(color.text, "\033[1m"), count_of(color.text, "\033[0m"));
    cr_expect_eq(strlen(color.text), strlen(plain.text) + 8 * count_of(color.text, "\033[1m"));
    memory_close(&plain);
    memory_close(&color);
}

Test(cli_texts, manual_explains_every_option)
{
    char path[] = "/tmp/snncli-man-XXXXXX";
    char command[128];

    print_to_file(snncli_print_man, path);
    snprintf(command, sizeof command, "mandoc -T ascii %s | col -b", path);
    char *text = run_program("mandoc", command);
    unlink(path);
    if (!text) cr_skip_test("mandoc is not installed");
    expect_every_option(text);
    cr_expect_not_null(strstr(text, "-t, --timesteps N"));
    cr_expect_not_null(strstr(text, "One of rate, phase, direct."));
    cr_expect_not_null(strstr(text, "May be given more than once."));
    cr_expect_not_null(strstr(text, "130"));
    free(text);
}

Test(cli_texts, manual_shows_odd_characters_as_written)
{
    char path[] = "/tmp/snncli-man-XXXXXX";
    char command[128];

    print_to_file(snncli_print_man, path);
    snprintf(command, sizeof command, "mandoc -T utf8 %s | col -b | tr -s '\\n\\t ' ' '", path);
    char *text = run_program("mandoc", command);
    unlink(path);
    if (!text) cr_skip_test("mandoc is not installed");
    cr_expect_not_null(strstr(text, ".npy too: \\n and 'x' and \xce\xb8 stay as they are. Labels"),
                       "%s", text);
    cr_expect_not_null(strstr(text, "--data 'my file.npy' lenet.json"));
    free(text);
}

/* Other formatters than mandoc turn a plain quote or hyphen into one that no shell knows. */
Test(cli_texts, manual_keeps_quotes_and_hyphens_for_the_shell)
{
    struct memory memory;

    print_to_memory(snncli_print_man, &memory);
    cr_expect_not_null(strstr(memory.text, "\\-\\-data \\(aqmy file.npy\\(aq"));
    memory_close(&memory);
}

Test(cli_texts, manual_pleases_mandoc)
{
    char path[] = "/tmp/snncli-man-XXXXXX";
    char command[128];

    print_to_file(snncli_print_man, path);
    snprintf(command, sizeof command, "mandoc -T lint %s", path);
    char *text = run_program("mandoc", command);
    unlink(path);
    if (!text) cr_skip_test("mandoc is not installed");
    /* Names of other pages cannot be found before they are installed. */
    cr_expect_str_eq(text, "");
    free(text);
}

Test(cli_texts, completion_offers_every_option)
{
    struct memory memory;

    print_to_memory(snncli_print_bash, &memory);
    expect_every_option(memory.text);
    memory_close(&memory);
}

/* What bash would offer at the end of `line`, blank-separated. */
static void expect_words(print_fn print, const char *line, const char *expected)
{
    char path[] = "/tmp/snncli-bash-XXXXXX";
    char command[1024];

    print_to_file(print, path);
    snprintf(command, sizeof command,
             "bash -c 'source %s; COMP_WORDBREAKS=\"=:\"; COMP_LINE=\"%s\"; "
             "COMP_POINT=${#COMP_LINE}; _sample; echo \"${COMPREPLY[*]}\"'",
             path, line);
    char *text = run_program("bash", command);
    unlink(path);
    if (!text) cr_skip_test("bash is not installed");
    text[strcspn(text, "\n")] = '\0';
    cr_expect_str_eq(text, expected, "'%s' offers '%s'", line, text);
    free(text);
}

static void expect_completion(const char *line, const char *expected)
{
    expect_words(snncli_print_bash, line, expected);
}

Test(cli_texts, completion_offers_verbs_and_what_goes_with_them)
{
    expect_words(print_verb_bash, "sample l", "list load");
    expect_words(print_verb_bash, "sample load l", "");
    expect_words(print_verb_bash, "sample list --w", "--watch");
    expect_words(print_verb_bash, "sample record --s", "--seconds");
    expect_words(print_verb_bash, "sample load list --s", "--seconds --slow");
    expect_words(print_verb_bash, "sample --w", "");
    expect_words(print_verb_bash, "sample --verb", "--verbose");
}

Test(cli_texts, help_of_a_verb_is_about_the_verb)
{
    struct memory memory;

    memory_open(&memory);
    snncli_print_help(&sample_verb_tool, &sample_verb_tool.verbs[1], memory.stream, false);
    cr_expect_str_eq(memory_text(&memory),
                     "sample load - put a net on a device\n\n"
                     "What is there already is not written.\n\n"
                     "  sample load usb: lenet.json  the only device\n\n"
                     "Usage: sample load URI MODEL [option ...]\n"
                     "  URI              the device\n"
                     "  MODEL            the net\n\n"
                     "Load\n"
                     "      --seconds N  so long\n"
                     "      also --slow\n"
                     "General\n"
                     "      -h/--help, -q/--quiet, -v/--verbose, -V/--version, --color WHEN\n\n"
                     "More on every option: man sample\n");
    memory_close(&memory);
}

Test(cli_texts, help_of_a_tool_with_verbs_leads_to_theirs)
{
    struct memory memory;

    memory_open(&memory);
    snncli_print_help(&sample_verb_tool, NULL, memory.stream, false);
    cr_expect_not_null(strstr(memory_text(&memory), "\nVerbs\n"
                                                    "  list    name the devices\n"
                                                    "  load    put a net on a device\n"));
    cr_expect_null(strstr(memory.text, "--watch"));
    cr_expect_not_null(strstr(memory.text, "\nOptions of a verb: sample VERB --help;"));
    memory_close(&memory);
}

Test(cli_texts, manual_says_which_verbs_an_option_goes_with)
{
    char path[] = "/tmp/snncli-man-XXXXXX";
    char command[128];

    print_to_file(print_verb_man, path);
    snprintf(command, sizeof command, "mandoc -T ascii %s | col -b | tr -s '\\n\\t ' ' '", path);
    char *text = run_program("mandoc", command);
    unlink(path);
    if (!text) cr_skip_test("mandoc is not installed");
    cr_expect_not_null(strstr(text, "load URI MODEL [option ...] put a net on a device."), "%s",
                       text);
    cr_expect_not_null(strstr(text, "--seconds N so long. Goes with load, record."), "%s", text);
    free(text);
}

Test(cli_texts, completion_offers_names_and_choices)
{
    expect_completion("sample --ti", "--timesteps");
    expect_completion("sample --encoding ", "rate phase direct");
    expect_completion("sample --encoding=p", "phase");
    expect_completion("sample -t ", "");
    expect_completion("sample -- --ti", "");
    expect_completion("sample --color a", "auto always");
}

/* Bash replaces only what follows the last ':' or '=', so only that is handed back. */
Test(cli_texts, completion_copes_with_colons)
{
    expect_completion("sample --target fr", "frame:int8 frame:int16");
    expect_completion("sample --target frame:", "int8 int16");
    expect_completion("sample --target=frame:int1", "int16");
}
