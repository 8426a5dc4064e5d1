/* Parsing argv against the option table of a tool, and the table itself.
 *
 * Every mistake ends the parse with one message, the nearest right spelling as hint, and status 64.
 * The options that all tools share are rows of the same kind, appended to the tool's own, so that
 * help, manual and completion see one table.
 */
#include "tools/cli/args.h"

#include <ctype.h>
#include <string.h>

#include "snn/version.h"
#include "tools/cli/args_parts.h"

static const struct snncli_option common_options[] = {
    {.id = SNNCLI_COMMON_HELP,
     .letter = 'h',
     .name = "help",
     .help = "this text",
     .group = "General",
     .rare = true},
    {.id = SNNCLI_COMMON_QUIET,
     .letter = 'q',
     .name = "quiet",
     .help = "results and errors only, no warnings",
     .group = "General",
     .rare = true},
    {.id = SNNCLI_COMMON_VERBOSE,
     .letter = 'v',
     .name = "verbose",
     .help = "notes too",
     .group = "General",
     .rare = true},
    {.id = SNNCLI_COMMON_VERSION,
     .letter = 'V',
     .name = "version",
     .help = "print the version",
     .group = "General",
     .rare = true},
    {.id = SNNCLI_COMMON_COLOR,
     .name = "color",
     .metavar = "WHEN",
     .help = "colours (auto)",
     .text = "By default output to a terminal is coloured unless NO_COLOR is set.",
     .group = "General",
     .choices = "auto|always|never",
     .rare = true},
    {.id = SNNCLI_COMMON_GENERATE,
     .name = "generate",
     .metavar = "KIND",
     .group = "General",
     .choices = "man|bash"},
};

#define COMMON_COUNT (sizeof common_options / sizeof common_options[0])
#define NOT_FOUND SIZE_MAX

/* One pass over argv. */
struct parser {
    const struct snncli_tool *tool;
    struct snncli_console *console;
    const struct snncli_verb *verb; /* that was typed; NULL: none yet */
    char **next;                    /* argument to look at */
    char **end;
    snncli_argument_fn argument;
    void *user;
    bool seen[SNNCLI_OPTION_MAX];
};

static size_t own_count(const struct snncli_tool *tool)
{
    size_t count = 0;
    while (tool->options[count].name)
        count++;
    return count;
}

const struct snncli_option *snncli_tool_option(const struct snncli_tool *tool, size_t index)
{
    size_t own = own_count(tool);
    if (index < own) return &tool->options[index];
    return index - own < COMMON_COUNT ? &common_options[index - own] : NULL;
}

bool snncli_group_opens(const struct snncli_tool *tool, size_t index)
{
    const char *group = snncli_tool_option(tool, index)->group;
    for (size_t i = 0; i < index; i++)
        if (strcmp(snncli_tool_option(tool, i)->group, group) == 0) return false;
    return true;
}

bool snncli_option_applies(const struct snncli_option *option, const struct snncli_verb *verb)
{
    const char *verbs = option->verbs;
    struct snncli_slice name;

    if (!verbs) return true;
    while (verb && snncli_choice_next(&verbs, &name))
        if (strlen(verb->name) == name.length && memcmp(verb->name, name.text, name.length) == 0)
            return true;
    return false;
}

static size_t find_long(const struct snncli_tool *tool, const char *name, size_t length)
{
    const struct snncli_option *option;
    for (size_t i = 0; (option = snncli_tool_option(tool, i)); i++)
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) return i;
    return NOT_FOUND;
}

static size_t find_letter(const struct snncli_tool *tool, char letter)
{
    const struct snncli_option *option;
    for (size_t i = 0; (option = snncli_tool_option(tool, i)); i++)
        if (option->letter == letter) return i;
    return NOT_FOUND;
}

static void hint_help(const struct parser *parser)
{
    const struct snncli_verb *verb = parser->verb;
    snncli_hint(parser->console, "%s%s%s --help lists the options", parser->tool->name,
                verb ? " " : "", verb ? verb->name : "");
}

static int unknown_long(struct parser *parser, const char *name, size_t length)
{
    struct snncli_nearest nearest;
    const struct snncli_option *option;

    snncli_nearest_init(&nearest, name, length);
    for (size_t i = 0; (option = snncli_tool_option(parser->tool, i)); i++)
        if (option->help && (!parser->verb || snncli_option_applies(option, parser->verb)))
            snncli_nearest_offer(&nearest, option->name, strlen(option->name));
    snncli_error(parser->console, NULL, "unknown option --%.*s", (int)length, name);
    if (nearest.best.text)
        snncli_hint(parser->console, "did you mean --%.*s?", (int)nearest.best.length,
                    nearest.best.text);
    else
        hint_help(parser);
    return SNNCLI_EXIT_USAGE;
}

static int unknown_letter(struct parser *parser, const char *letter)
{
    /* A letter beyond ASCII takes several bytes: show the rest of the cluster. */
    int shown = (unsigned char)*letter < 0x80 ? 1 : (int)strlen(letter);
    char swapped = (char)(islower((unsigned char)*letter) ? toupper((unsigned char)*letter)
                                                          : tolower((unsigned char)*letter));
    size_t index = swapped == *letter ? NOT_FOUND : find_letter(parser->tool, swapped);

    snncli_error(parser->console, NULL, "unknown option -%.*s", shown, letter);
    if (isdigit((unsigned char)*letter))
        snncli_hint(parser->console, "an argument that begins with '-' goes after --");
    else if (index != NOT_FOUND)
        snncli_hint(parser->console, "did you mean -%c, --%s?", swapped,
                    snncli_tool_option(parser->tool, index)->name);
    else
        hint_help(parser);
    return SNNCLI_EXIT_USAGE;
}

static int generate(struct parser *parser, const struct snncli_option *option, const char *value)
{
    size_t kind = 0;
    int status = snncli_parse_choice(parser->console, option, value, &kind);
    if (status != SNNCLI_EXIT_OK) return status;
    if (kind == 0)
        snncli_print_man(parser->tool, stdout);
    else
        snncli_print_bash(parser->tool, stdout);
    return snncli_console_finish(parser->console, SNNCLI_EXIT_OK);
}

static int set_color(struct parser *parser, const struct snncli_option *option, const char *value)
{
    static const enum snncli_color colors[] = {SNNCLI_COLOR_AUTO, SNNCLI_COLOR_ALWAYS,
                                               SNNCLI_COLOR_NEVER};
    size_t choice = 0;
    int status = snncli_parse_choice(parser->console, option, value, &choice);
    if (status != SNNCLI_EXIT_OK) return status;
    snncli_console_color(parser->console, colors[choice]);
    return SNNCLI_GO_ON;
}

static int set_verbosity(struct parser *parser, int verbosity)
{
    if (parser->console->verbosity == -verbosity)
        return snncli_fail(parser->console, SNNCLI_EXIT_USAGE, NULL,
                           "options --quiet and --verbose exclude each other");
    parser->console->verbosity = verbosity;
    return SNNCLI_GO_ON;
}

static int take_common(struct parser *parser, const struct snncli_option *option, const char *value)
{
    switch ((enum snncli_common_option)option->id) {
    case SNNCLI_COMMON_HELP:
        snncli_print_help(parser->tool, parser->verb, stdout, parser->console->out_color);
        return snncli_console_finish(parser->console, SNNCLI_EXIT_OK);
    case SNNCLI_COMMON_VERSION:
        printf("%s %s\n", parser->tool->name, SNN_VERSION);
        return snncli_console_finish(parser->console, SNNCLI_EXIT_OK);
    case SNNCLI_COMMON_QUIET:
        return set_verbosity(parser, -1);
    case SNNCLI_COMMON_VERBOSE:
        return set_verbosity(parser, 1);
    case SNNCLI_COMMON_COLOR:
        return set_color(parser, option, value);
    case SNNCLI_COMMON_GENERATE:
        return generate(parser, option, value);
    }
    return SNNCLI_EXIT_INTERNAL;
}

/* An option that this verb does not take, or that stands before the verb. */
static int foreign_option(struct parser *parser, const struct snncli_option *option)
{
    char list[256] = "";
    const char *verbs = option->verbs;
    struct snncli_slice name;

    if (!parser->verb) {
        snncli_error(parser->console, NULL, "option --%s stands before the verb", option->name);
        snncli_hint(parser->console, "first the verb: %s VERB --%s", parser->tool->name,
                    option->name);
        return SNNCLI_EXIT_USAGE;
    }
    while (snncli_choice_next(&verbs, &name)) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%.*s", used ? ", " : "", (int)name.length,
                 name.text);
    }
    snncli_error(parser->console, NULL, "option --%s does not go with %s", option->name,
                 parser->verb->name);
    snncli_hint(parser->console, "it goes with %s; %s %s --help lists what %s takes", list,
                parser->tool->name, parser->verb->name, parser->verb->name);
    return SNNCLI_EXIT_USAGE;
}

/* Hands one option on, to the tool or to ourselves. Returns SNNCLI_GO_ON or an exit status. */
static int take(struct parser *parser, size_t index, const char *value)
{
    const struct snncli_option *option = snncli_tool_option(parser->tool, index);

    if (index >= SNNCLI_OPTION_MAX)
        return snncli_fail(parser->console, SNNCLI_EXIT_INTERNAL, NULL,
                           "more than %d options in the table", SNNCLI_OPTION_MAX);
    if (parser->tool->verbs && !snncli_option_applies(option, parser->verb))
        return foreign_option(parser, option);
    if (parser->seen[index] && !option->repeatable)
        return snncli_fail(parser->console, SNNCLI_EXIT_USAGE, NULL,
                           "option --%s is given more than once", option->name);
    parser->seen[index] = true;
    if (option->id < 0) return take_common(parser, option, value);
    int status = parser->argument(option, value, parser->user);
    return status == SNNCLI_EXIT_OK ? SNNCLI_GO_ON : status;
}

/* True for "--name" and "--name=..." of a known option: then it is not meant as a value. */
static bool is_known_option(const struct snncli_tool *tool, const char *word)
{
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0') return false;
    return find_long(tool, word + 2, strcspn(word + 2, "=")) != NOT_FOUND;
}

/* Takes the next word as the value of an option. */
static int take_next(struct parser *parser, size_t index)
{
    const struct snncli_option *option = snncli_tool_option(parser->tool, index);

    if (parser->next == parser->end || is_known_option(parser->tool, *parser->next)) {
        snncli_error(parser->console, NULL, "option --%s needs a value", option->name);
        snncli_hint(parser->console, "--%s %s%s%s", option->name, option->metavar,
                    option->help ? ": " : "", option->help ? option->help : "");
        return SNNCLI_EXIT_USAGE;
    }
    return take(parser, index, *parser->next++);
}

static int parse_long(struct parser *parser, const char *word)
{
    size_t length = strcspn(word, "=");
    size_t index = find_long(parser->tool, word, length);
    if (index == NOT_FOUND) return unknown_long(parser, word, length);

    const struct snncli_option *option = snncli_tool_option(parser->tool, index);
    if (word[length] == '\0')
        return option->metavar ? take_next(parser, index) : take(parser, index, NULL);
    if (!option->metavar)
        return snncli_fail(parser->console, SNNCLI_EXIT_USAGE, NULL,
                           "option --%s takes no value, got '%s'", option->name, word + length + 1);
    return take(parser, index, word + length + 1);
}

/* -q, -qv, -o FILE, -oFILE, -qoFILE: what follows an option with a value in its word is the value.
 */
static int parse_cluster(struct parser *parser, const char *letters)
{
    for (; *letters; letters++) {
        size_t index = find_letter(parser->tool, *letters);
        if (index == NOT_FOUND) return unknown_letter(parser, letters);
        if (snncli_tool_option(parser->tool, index)->metavar)
            return letters[1] ? take(parser, index, letters + 1) : take_next(parser, index);
        int status = take(parser, index, NULL);
        if (status != SNNCLI_GO_ON) return status;
    }
    return SNNCLI_GO_ON;
}

static int take_positional(struct parser *parser, const char *word)
{
    if (parser->tool->verbs && !parser->verb) {
        size_t index = 0;
        int wrong = snncli_parse_verb(parser->console, parser->tool, word, &index);
        if (wrong != SNNCLI_EXIT_OK) return wrong;
        parser->verb = &parser->tool->verbs[index];
    }
    int status = parser->argument(NULL, word, parser->user);
    return status == SNNCLI_EXIT_OK ? SNNCLI_GO_ON : status;
}

int snncli_args_parse(const struct snncli_tool *tool, struct snncli_console *console, int argc,
                      char **argv, snncli_argument_fn argument, void *user)
{
    struct parser parser = {.tool = tool, .console = console, .argument = argument, .user = user};
    bool options_ended = false;
    int status = SNNCLI_GO_ON;

    parser.next = argc > 0 ? argv + 1 : argv;
    parser.end = argv + argc;
    while (status == SNNCLI_GO_ON && parser.next != parser.end) {
        const char *word = *parser.next++;
        /* "-" alone is standard input or output, an argument like any other. */
        if (options_ended || word[0] != '-' || word[1] == '\0')
            status = take_positional(&parser, word);
        else if (word[1] != '-')
            status = parse_cluster(&parser, word + 1);
        else if (word[2] != '\0')
            status = parse_long(&parser, word + 2);
        else
            options_ended = true;
    }
    return status;
}

/* Whether every verb that an option names is one. */
static bool names_verbs(const struct snncli_tool *tool, const struct snncli_option *option)
{
    const char *verbs = option->verbs;
    struct snncli_slice name;

    while (snncli_choice_next(&verbs, &name)) {
        bool known = false;
        for (const struct snncli_verb *verb = tool->verbs; verb && verb->name; verb++)
            known |= strlen(verb->name) == name.length &&
                     memcmp(verb->name, name.text, name.length) == 0;
        if (!known) return false;
    }
    return true;
}

static const char *option_defect(const struct snncli_tool *tool, size_t index)
{
    const struct snncli_option *option = snncli_tool_option(tool, index);

    if (!option->group) return "has no group";
    if (option->id == 0) return "has no id";
    if (strlen(option->name) < 2) return "has a name shorter than two characters";
    if (option->letter && !isalnum((unsigned char)option->letter)) return "has no proper letter";
    if (!option->metavar && (option->choices || option->path)) return "is a flag with values";
    if (!names_verbs(tool, option)) return "names a verb that is none";
    if (option->help && strchr(option->help, '\n')) return "has a help text of several lines";
    for (size_t i = 0; i < index; i++) {
        const struct snncli_option *other = snncli_tool_option(tool, i);
        if (strcmp(other->name, option->name) == 0) return "has the name of another";
        if (option->letter && other->letter == option->letter) return "has the letter of another";
        if (other->id == option->id) return "has the id of another";
    }
    return NULL;
}

bool snncli_tool_defect(const struct snncli_tool *tool, char *buffer, size_t size)
{
    if (own_count(tool) + COMMON_COUNT > SNNCLI_OPTION_MAX) {
        snprintf(buffer, size, "more than %d options", SNNCLI_OPTION_MAX);
        return true;
    }
    const struct snncli_option *option;
    for (size_t i = 0; (option = snncli_tool_option(tool, i)); i++) {
        const char *defect = option_defect(tool, i);
        if (!defect) continue;
        snprintf(buffer, size, "option --%s %s", option->name, defect);
        return true;
    }
    return false;
}
