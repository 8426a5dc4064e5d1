/* Parsing: what a person types, what the tool gets, and what is said about mistakes. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <string.h>

#include "snn/version.h"
#include "tests/unit/cli/sample.h"

/* What the callback saw, as "timesteps=5 model allow-loss". */
struct seen {
    char text[256];
    int status; /* what the callback is to return */
};

static int remember(const struct snncli_option *option, const char *value, void *user)
{
    struct seen *seen = user;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s%s%s%s", used ? " " : "",
             option ? option->name : "", option && value ? "=" : "", value ? value : "");
    return seen->status;
}

/* Parses a NULL-terminated argv; the console's messages are in `memory`. */
static int parse_for(const struct snncli_tool *tool, struct snncli_console *console,
                     struct seen *seen, const char *const *arguments)
{
    char copies[16][64];
    char *argv[16];
    int argc = 0;

    for (; arguments[argc]; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", arguments[argc]);
        argv[argc] = copies[argc];
    }
    return snncli_args_parse(tool, console, argc, argv, remember, seen);
}

static int parse(struct snncli_console *console, struct seen *seen, const char *const *arguments)
{
    return parse_for(&sample_tool, console, seen, arguments);
}

#define ARGV(...) ((const char *const[]){"sample", __VA_ARGS__, NULL})

static void expect_seen(const char *const *arguments, const char *expected)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};

    cr_expect_eq(parse(&console, &seen, arguments), SNNCLI_GO_ON);
    cr_expect_str_eq(seen.text, expected);
    cr_expect_str_eq(memory_text(&memory), "");
    memory_close(&memory);
}

static void expect_usage_error(const char *const *arguments, const char *message)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};

    cr_expect_eq(parse(&console, &seen, arguments), 64, "%s", arguments[1]);
    cr_expect_str_eq(memory_text(&memory), message);
    memory_close(&memory);
}

Test(cli_args, options_arrive_in_order_however_they_are_spelt)
{
    expect_seen(ARGV("--timesteps", "5", "a.json"), "timesteps=5 a.json");
    expect_seen(ARGV("a.json", "--timesteps=5"), "a.json timesteps=5");
    expect_seen(ARGV("-t", "5", "-d=x", "b"), "timesteps=5 data==x b");
    expect_seen(ARGV("-t5", "--data="), "timesteps=5 data=");
    expect_seen(ARGV("-lt5"), "allow-loss timesteps=5");
    expect_seen(ARGV("-lt", "5"), "allow-loss timesteps=5");
    expect_seen(ARGV("--data=a=b"), "data=a=b");
}

Test(cli_args, no_arguments_are_no_error)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};
    char name[] = "sample";
    char *argv[] = {name, NULL};

    cr_expect_eq(snncli_args_parse(&sample_tool, &console, 1, argv, remember, &seen), SNNCLI_GO_ON);
    cr_expect_eq(snncli_args_parse(&sample_tool, &console, 0, argv + 1, remember, &seen),
                 SNNCLI_GO_ON);
    memory_close(&memory);
}

Test(cli_args, two_dashes_end_the_options_and_one_is_an_argument)
{
    expect_seen(ARGV("-", "--", "--timesteps", "--", "-x"), "- --timesteps -- -x");
}

Test(cli_args, repeatable_option_keeps_all_values)
{
    expect_seen(ARGV("-r", "first", "--rule=count:3", "-rlast"),
                "rule=first rule=count:3 rule=last");
}

Test(cli_args, negative_number_is_a_value)
{
    expect_seen(ARGV("--v0", "-0.5"), "v0=-0.5");
    expect_seen(ARGV("--data", "--"), "data=--");
}

Test(cli_args, unknown_option_names_the_nearest)
{
    static const char *const pairs[][2] = {
        {"--timestep", "timesteps"}, {"--tiemsteps", "timesteps"}, {"--time", "timesteps"},
        {"--steps", "timesteps"},    {"--Timesteps", "timesteps"}, {"--encodign", "encoding"},
        {"--colour", "color"},       {"--dat=x", "data"},          {"--v1", "v0"},
        {"--verison", "version"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char expected[160];
        snprintf(expected, sizeof expected,
                 "sample: unknown option %.*s\n  hint: did you mean --%s?\n",
                 (int)strcspn(pairs[i][0], "="), pairs[i][0], pairs[i][1]);
        expect_usage_error(ARGV(pairs[i][0]), expected);
    }
}

Test(cli_args, unrelated_word_gets_no_guess)
{
    expect_usage_error(ARGV("--zzz"), "sample: unknown option --zzz\n"
                                      "  hint: sample --help lists the options\n");
    expect_usage_error(ARGV("--="), "sample: unknown option --\n"
                                    "  hint: sample --help lists the options\n");
}

Test(cli_args, word_longer_than_any_option_gets_no_guess)
{
    static const char word[] = "--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff";
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};
    char longer[200];
    snprintf(longer, sizeof longer, "%s%s%s", word, word, word);
    char name[] = "sample";
    char *argv[] = {name, longer, NULL};

    cr_expect_eq(snncli_args_parse(&sample_tool, &console, 2, argv, remember, &seen), 64);
    cr_expect_not_null(strstr(memory_text(&memory), "--help lists"));
    memory_close(&memory);
}

Test(cli_args, hidden_option_is_never_suggested)
{
    expect_usage_error(ARGV("--generat"), "sample: unknown option --generat\n"
                                          "  hint: sample --help lists the options\n");
}

Test(cli_args, unknown_letter_suggests_the_other_case)
{
    expect_usage_error(ARGV("-T"), "sample: unknown option -T\n"
                                   "  hint: did you mean -t, --timesteps?\n");
    expect_usage_error(ARGV("-lX5"), "sample: unknown option -X\n"
                                     "  hint: sample --help lists the options\n");
    expect_usage_error(ARGV("-5"), "sample: unknown option -5\n"
                                   "  hint: an argument that begins with '-' goes after --\n");
}

Test(cli_args, missing_value_shows_what_was_expected)
{
    static const char expected[] = "sample: option --timesteps needs a value\n"
                                   "  hint: --timesteps N: time steps (100)\n";
    expect_usage_error(ARGV("--timesteps"), expected);
    expect_usage_error(ARGV("-t"), expected);
    expect_usage_error(ARGV("-t", "--data", "x"), expected);
    expect_usage_error(ARGV("--timesteps", "--data=x"), expected);
}

Test(cli_args, option_given_twice_is_an_error)
{
    expect_usage_error(ARGV("-t", "1", "--timesteps", "2"),
                       "sample: option --timesteps is given more than once\n");
    expect_usage_error(ARGV("-qq"), "sample: option --quiet is given more than once\n");
}

Test(cli_args, flag_takes_no_value)
{
    expect_usage_error(ARGV("--allow-loss=yes"),
                       "sample: option --allow-loss takes no value, got 'yes'\n");
}

Test(cli_args, quiet_and_verbose_set_the_console_and_exclude_each_other)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};

    cr_expect_eq(parse(&console, &seen, ARGV("-q")), SNNCLI_GO_ON);
    cr_expect_eq(console.verbosity, -1);
    console.verbosity = 0;
    cr_expect_eq(parse(&console, &seen, ARGV("--verbose")), SNNCLI_GO_ON);
    cr_expect_eq(console.verbosity, 1);
    memory_close(&memory);
    expect_usage_error(ARGV("-qv"), "sample: options --quiet and --verbose exclude each other\n");
}

Test(cli_args, color_option_sets_the_console)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};

    cr_expect_eq(parse(&console, &seen, ARGV("--color", "always")), SNNCLI_GO_ON);
    cr_expect(console.err_color && console.out_color);
    cr_expect_eq(parse(&console, &seen, ARGV("--color=never")), SNNCLI_GO_ON);
    cr_expect(!console.err_color && !console.out_color);
    memory_close(&memory);
}

Test(cli_args, status_of_the_callback_ends_the_parse)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {.status = SNNCLI_EXIT_DATA};

    cr_expect_eq(parse(&console, &seen, ARGV("-t1", "never-seen")), 65);
    cr_expect_str_eq(seen.text, "timesteps=1");
    memory_close(&memory);
}

Test(cli_args, version_goes_to_stdout_and_ends_well, .init = cr_redirect_stdout)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};

    cr_expect_eq(parse(&console, &seen, ARGV("--version", "--bogus")), 0);
    cr_expect_stdout_eq_str("sample " SNN_VERSION "\n");
    memory_close(&memory);
}

static void expect_int(const char *value, int status, const char *message)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    int64_t out = -77;

    cr_expect_eq(snncli_parse_int(&console, sample_option(SAMPLE_TIMESTEPS), value, 1, 1000, &out),
                 status, "'%s'", value);
    cr_expect_str_eq(memory_text(&memory), message);
    if (status != 0) cr_expect_eq(out, -77, "written although '%s' is wrong", value);
    memory_close(&memory);
}

Test(cli_args, whole_number_must_be_one_and_in_range)
{
    static const char *const no_numbers[] = {"", " 5", "5 ", "5x", "0x10", "1.5", "1e3", "-", "+"};

    expect_int("1", 0, "");
    expect_int("1000", 0, "");
    expect_int("0", 64, "sample: --timesteps: 0 is out of range: 1 to 1000\n");
    expect_int("1001", 64, "sample: --timesteps: 1001 is out of range: 1 to 1000\n");
    expect_int("99999999999999999999", 64,
               "sample: --timesteps: 99999999999999999999 is out of range: 1 to 1000\n");
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 "sample: --timesteps: '%s' is not a whole number\n  hint: allowed: 1 to 1000\n",
                 no_numbers[i]);
        expect_int(no_numbers[i], 64, message);
    }
}

Test(cli_args, whole_number_reaches_the_ends_of_64_bits)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    const struct snncli_option *option = sample_option(SAMPLE_TIMESTEPS);
    int64_t out = 0;

    cr_expect_eq(
        snncli_parse_int(&console, option, "-9223372036854775808", INT64_MIN, INT64_MAX, &out), 0);
    cr_expect_eq(out, INT64_MIN);
    cr_expect_eq(
        snncli_parse_int(&console, option, "9223372036854775808", INT64_MIN, INT64_MAX, &out), 64);
    cr_expect_eq(snncli_parse_int(&console, option, "-1", 0, INT64_MAX, &out), 64);
    cr_expect_not_null(strstr(memory_text(&memory), "-1 is out of range: at least 0\n"));
    memory_close(&memory);
}

static void expect_double(const char *value, int status, double expected)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    double out = -77;

    cr_expect_eq(snncli_parse_double(&console, sample_option(SAMPLE_V0), value, -1, 1e6, &out),
                 status, "'%s'", value);
    cr_expect_eq(out, status == 0 ? expected : -77, "'%s' gives %g", value, out);
    cr_expect_eq(strlen(memory_text(&memory)) > 0, status != 0);
    memory_close(&memory);
}

Test(cli_args, number_must_be_finite_and_in_range)
{
    static const char *const wrong[] = {"",     " 1",  "1 ",    "1,5", "0x1p3", "nan",  "inf",
                                        "-1.5", "2e6", "1e999", "e",   ".",     "1.2.3"};

    expect_double("0.5", 0, 0.5);
    expect_double("-1", 0, -1);
    expect_double("1e3", 0, 1000);
    expect_double(".25", 0, 0.25);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_double(wrong[i], 64, 0);
}

Test(cli_args, number_range_is_told)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    double out;

    snncli_parse_double(&console, sample_option(SAMPLE_V0), "2", 0, 1, &out);
    snncli_parse_double(&console, sample_option(SAMPLE_V0), "-1", 0, INFINITY, &out);
    snncli_parse_double(&console, sample_option(SAMPLE_V0), "x", -INFINITY, INFINITY, &out);
    cr_expect_eq(
        snncli_parse_double(&console, sample_option(SAMPLE_V0), "1e999", 0, INFINITY, &out), 64);
    cr_expect_str_eq(memory_text(&memory), "sample: --v0: 2 is out of range: 0 to 1\n"
                                           "sample: --v0: -1 is out of range: at least 0\n"
                                           "sample: --v0: 'x' is not a number\n"
                                           "sample: --v0: 1e999 is out of range: at least 0\n");
    memory_close(&memory);
}

Test(cli_args, choice_gives_its_index_and_a_wrong_one_the_list)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    const struct snncli_option *option = sample_option(SAMPLE_ENCODING);
    size_t index = 77;

    cr_expect_eq(snncli_parse_choice(&console, option, "direct", &index), 0);
    cr_expect_eq(index, 2);
    cr_expect_eq(snncli_parse_choice(&console, option, "rat", &index), 64);
    cr_expect_eq(snncli_parse_choice(&console, option, "", &index), 64);
    cr_expect_eq(index, 2);
    cr_expect_str_eq(memory_text(&memory),
                     "sample: --encoding: unknown choice 'rat'\n"
                     "  hint: did you mean rate? One of: rate, phase, direct\n"
                     "sample: --encoding: unknown choice ''\n"
                     "  hint: one of: rate, phase, direct\n");
    memory_close(&memory);
}

Test(cli_args, verb_gives_its_index_and_a_wrong_one_the_list)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    size_t index = 77;

    cr_expect_eq(snncli_parse_verb(&console, &sample_verb_tool, "record", &index), 0);
    cr_expect_eq(index, 2);
    cr_expect_eq(snncli_parse_verb(&console, &sample_verb_tool, "lits", &index), 64);
    cr_expect_str_eq(memory_text(&memory), "sample: unknown verb 'lits'\n"
                                           "  hint: did you mean list? One of: list, load, "
                                           "record\n");
    memory_close(&memory);
}

/* What the tool with verbs says to a command, and what its callback saw. */
static void expect_verb(const char *const *arguments, int status, const char *saw,
                        const char *message)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct seen seen = {0};

    cr_expect_eq(parse_for(&sample_verb_tool, &console, &seen, arguments), status);
    cr_expect_str_eq(seen.text, saw);
    cr_expect_str_eq(memory_text(&memory), message);
    memory_close(&memory);
}

Test(cli_args, options_belong_to_verbs)
{
    expect_verb(ARGV("load", "usb:", "--seconds", "5", "-v"), SNNCLI_GO_ON, "load usb: seconds=5",
                "");
    expect_verb(ARGV("-q", "list", "--watch"), SNNCLI_GO_ON, "list watch", "");
    expect_verb(ARGV("load", "--watch"), 64, "load",
                "sample: option --watch does not go with load\n"
                "  hint: it goes with list; sample load --help lists what load takes\n");
    expect_verb(ARGV("list", "--seconds=3"), 64, "list",
                "sample: option --seconds does not go with list\n"
                "  hint: it goes with load, record; sample list --help lists what list takes\n");
    expect_verb(ARGV("--watch", "list"), 64, "",
                "sample: option --watch stands before the verb\n"
                "  hint: first the verb: sample VERB --watch\n");
    expect_verb(ARGV("list", "--second"), 64, "list",
                "sample: unknown option --second\n"
                "  hint: sample list --help lists the options\n");
    expect_verb(ARGV("lod", "usb:"), 64, "",
                "sample: unknown verb 'lod'\n"
                "  hint: did you mean load? One of: list, load, record\n");
}

Test(cli_args, missing_and_excess_arguments_are_named)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);

    cr_expect_eq(snncli_args_missing(&console, &sample_tool, "MODEL"), 64);
    cr_expect_eq(snncli_args_excess(&console, "b.json"), 64);
    cr_expect_str_eq(memory_text(&memory), "sample: MODEL is missing\n"
                                           "  hint: usage: sample [option ...] MODEL\n"
                                           "sample: unexpected argument 'b.json'\n");
    memory_close(&memory);
}

/* The defect of a table with one more row than a good one. */
static void expect_defect(struct snncli_option extra, const char *expected)
{
    const struct snncli_option options[] = {
        {.id = 1, .letter = 'a', .name = "first", .help = "x", .group = "G"}, extra, {.id = 0}};
    struct snncli_tool tool = sample_tool;
    char text[128] = "none";

    tool.options = options;
    cr_expect_eq(snncli_tool_defect(&tool, text, sizeof text), strcmp(expected, "none") != 0);
    cr_expect_str_eq(text, expected);
}

Test(cli_args, defects_of_a_table_are_found)
{
    char text[128];

    cr_expect_not(snncli_tool_defect(&sample_tool, text, sizeof text));
    expect_defect((struct snncli_option){.id = 2, .name = "good", .help = "x", .group = "G"},
                  "none");
    expect_defect((struct snncli_option){.id = 2, .name = "first", .help = "x", .group = "G"},
                  "option --first has the name of another");
    expect_defect((struct snncli_option){.id = 1, .name = "other", .help = "x", .group = "G"},
                  "option --other has the id of another");
    expect_defect(
        (struct snncli_option){.id = 2, .letter = 'a', .name = "xy", .help = "x", .group = "G"},
        "option --xy has the letter of another");
    expect_defect(
        (struct snncli_option){.id = 2, .letter = 'h', .name = "xy", .help = "x", .group = "G"},
        "option --help has the letter of another");
    expect_defect(
        (struct snncli_option){.id = 2, .name = "xy", .help = "x", .group = "G", .verbs = "fly"},
        "option --xy names a verb that is none");
    expect_defect((struct snncli_option){.id = 2, .name = "no-group", .help = "x"},
                  "option --no-group has no group");
    expect_defect((struct snncli_option){.id = 2, .name = "flag", .group = "G", .choices = "a|b"},
                  "option --flag is a flag with values");
}
