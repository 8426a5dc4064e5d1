/* --help: examples, usage, then the options by group; made to fit one screen.
 *
 * Rows that are marked rare appear by name at the end of their group, so that a tool with forty
 * options still shows them all. Lines follow the terminal's width between 60 and 100 columns, and
 * 80 where there is none, so that the output in a file is the same everywhere.
 */
#include <string.h>

#include "tools/cli/args.h"
#include "tools/cli/args_parts.h"
#include "tools/cli/table.h"

#define WIDTH_MIN 60
#define WIDTH_MAX 100
#define LEFT_MAX 30 /* column of help texts; longer names get a line of their own */
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct help {
    const struct snncli_tool *tool;
    const struct snncli_verb *verb; /* NULL: the tool as a whole */
    FILE *out;
    int width;
    int left; /* column in which help texts begin */
    bool color;
};

static void heading(const struct help *help, const char *text)
{
    fprintf(help->out, "%s%s%s\n", help->color ? BOLD : "", text, help->color ? PLAIN : "");
}

/* Moves from `column` to `target`, on the next line if there is no blank between. */
static void move_to(const struct help *help, int column, int target)
{
    if (column >= target) {
        putc('\n', help->out);
        column = 0;
    }
    fprintf(help->out, "%*s", target - column, "");
}

/* Words from `text`, from column `indent` on, broken at the width; ends the line. */
static void put_wrapped(const struct help *help, const char *text, int indent)
{
    int column = indent;

    while (*text) {
        size_t bytes = strcspn(text, " ");
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)bytes, text);
        int width = (int)snncli_text_width(word);
        if (column > indent && column + 1 + width > help->width) {
            fprintf(help->out, "\n%*s", indent, "");
            column = indent;
        }
        if (column > indent) {
            putc(' ', help->out);
            column++;
        }
        fwrite(text, 1, bytes, help->out);
        column += width;
        text += bytes + strspn(text + bytes, " ");
    }
    putc('\n', help->out);
}

/* Whether an option belongs into this help. */
static bool is_shown(const struct help *help, const struct snncli_option *option)
{
    return option->help && snncli_option_applies(option, help->verb);
}

/* "  -t, --timesteps N" */
static int option_left(const struct snncli_option *option, char *buffer, size_t size)
{
    char letter[8] = "    ";
    if (option->letter) snprintf(letter, sizeof letter, "-%c, ", option->letter);
    return snprintf(buffer, size, "  %s--%s%s%s", letter, option->name, option->metavar ? " " : "",
                    option->metavar ? option->metavar : "");
}

static void put_option(const struct help *help, const struct snncli_option *option)
{
    char left[160];
    int column = option_left(option, left, sizeof left);
    fputs(left, help->out);
    move_to(help, column, help->left);
    put_wrapped(help, option->help, help->left);
}

/* "      also --seed N, -q/--quiet": one paragraph for the rare options of a group. */
static void put_rare(const struct help *help, const char *group, bool others)
{
    char line[2048];
    size_t start = (size_t)snprintf(line, sizeof line, "%s", others ? "also " : "");
    size_t used = start;
    const struct snncli_option *option;

    for (size_t i = 0; (option = snncli_tool_option(help->tool, i)); i++) {
        if (!option->rare || !is_shown(help, option) || strcmp(option->group, group) != 0) continue;
        char letter[8] = "";
        if (option->letter) snprintf(letter, sizeof letter, "-%c/", option->letter);
        used += (size_t)snprintf(
            line + used, sizeof line - used, "%s%s--%s%s%s", used > start ? ", " : "", letter,
            option->name, option->metavar ? " " : "", option->metavar ? option->metavar : "");
        if (used >= sizeof line) break;
    }
    if (used == start) return;
    fputs("      ", help->out);
    put_wrapped(help, line, 6);
}

static void put_group(const struct help *help, const char *group)
{
    const struct snncli_option *option;
    bool others = false, any = false;

    for (size_t i = 0; (option = snncli_tool_option(help->tool, i)) && !any; i++)
        any = is_shown(help, option) && strcmp(option->group, group) == 0;
    if (!any) return;
    heading(help, group);
    for (size_t i = 0; (option = snncli_tool_option(help->tool, i)); i++) {
        if (option->rare || !is_shown(help, option) || strcmp(option->group, group) != 0) continue;
        put_option(help, option);
        others = true;
    }
    put_rare(help, group, others);
}

/* A name and its text, texts in column `left` where they fit. */
static void put_entries(const struct help *help, const struct snncli_entry *entries, int left)
{
    for (; entries && entries->name; entries++) {
        fprintf(help->out, "  %s", entries->name);
        move_to(help, 2 + (int)snncli_text_width(entries->name), left);
        put_wrapped(help, entries->text, left);
    }
}

/* Commands are long: their texts stand beside them only if every line then fits the width. */
static void put_examples(const struct help *help, const struct snncli_entry *examples)
{
    int left = 0, right = 0;

    for (const struct snncli_entry *e = examples; e && e->name; e++) {
        int name = (int)snncli_text_width(e->name), text = (int)snncli_text_width(e->text);
        if (name + 4 > left) left = name + 4;
        if (text > right) right = text;
    }
    put_entries(help, examples, left + right <= help->width ? left : 6);
}

static void put_usage(const struct help *help)
{
    const char *bold = help->color ? BOLD : "", *plain = help->color ? PLAIN : "";

    if (help->verb) {
        fprintf(help->out, "%sUsage:%s %s %s %s\n", bold, plain, help->tool->name, help->verb->name,
                help->verb->usage);
        return;
    }
    for (const char *const *usage = help->tool->usage; *usage; usage++)
        fprintf(help->out, "%s%s%s %s %s\n", bold, usage == help->tool->usage ? "Usage:" : "      ",
                plain, help->tool->name, *usage);
}

/* Arguments: of a verb those that its usage names. */
static void put_positionals(const struct help *help)
{
    for (const struct snncli_entry *p = help->tool->positionals; p && p->name; p++) {
        const struct snncli_entry one[] = {*p, {NULL, NULL}};
        if (!help->verb || strstr(help->verb->usage, p->name)) put_entries(help, one, help->left);
    }
}

static void put_verbs(const struct help *help)
{
    int left = 0;
    const struct snncli_verb *verbs = help->tool->verbs;

    for (const struct snncli_verb *v = verbs; v->name; v++)
        if ((int)strlen(v->name) + 4 > left) left = (int)strlen(v->name) + 4;
    heading(help, "Verbs");
    for (const struct snncli_verb *v = verbs; v->name; v++) {
        const struct snncli_entry one[] = {{v->name, v->text}, {NULL, NULL}};
        put_entries(help, one, left);
    }
}

static int left_column(const struct help *help)
{
    int left = 0;
    const struct snncli_option *option;

    for (size_t i = 0; (option = snncli_tool_option(help->tool, i)); i++) {
        char buffer[160];
        int width = option_left(option, buffer, sizeof buffer);
        if (is_shown(help, option) && !option->rare && width + 2 <= LEFT_MAX && width + 2 > left)
            left = width + 2;
    }
    return left;
}

/* "snnsim - what it does", or "snndev load - what it does" and more about it. */
static void put_title(const struct help *help)
{
    const struct snncli_verb *verb = help->verb;

    fprintf(help->out, "%s%s%s%s%s - %s\n\n", help->color ? BOLD : "", help->tool->name,
            verb ? " " : "", verb ? verb->name : "", help->color ? PLAIN : "",
            verb ? verb->text : help->tool->summary);
    if (!verb || !verb->description) return;
    put_wrapped(help, verb->description, 0);
    putc('\n', help->out);
}

void snncli_print_help(const struct snncli_tool *tool, const struct snncli_verb *verb, FILE *out,
                       bool color)
{
    int width = snncli_console_width(out);
    struct help help = {.tool = tool, .verb = verb, .out = out, .color = color};
    const struct snncli_entry *examples = verb ? verb->examples : tool->examples;
    const struct snncli_option *option;

    help.width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    help.left = left_column(&help);
    if (help.left == 0) help.left = 12;
    put_title(&help);
    put_examples(&help, examples);
    if (examples) putc('\n', out);
    put_usage(&help);
    put_positionals(&help);
    if (tool->verbs && !verb) {
        putc('\n', out);
        put_verbs(&help);
    }
    putc('\n', out);
    for (size_t i = 0; (option = snncli_tool_option(tool, i)); i++)
        if (snncli_group_opens(tool, i)) put_group(&help, option->group);
    if (tool->verbs && !verb)
        fprintf(out, "\nOptions of a verb: %s VERB --help; of all of them: man %s\n", tool->name,
                tool->name);
    else
        fprintf(out, "\nMore on every option: man %s\n", tool->name);
}
