/* The manual page, in man(7) roff, from the table of a tool.
 *
 * Every text is escaped so that roff shows it as written: hyphens and quotes stay the characters
 * one can copy into a shell, other alphabets become \[uXXXX]. Source lines are kept short because
 * checkers of manuals want them so.
 */
#include <ctype.h>
#include <string.h>

#include "snn/version.h"
#include "tools/cli/args.h"
#include "tools/cli/args_parts.h"

#define SOURCE_WIDTH 72

/* Decodes one UTF-8 character; returns its bytes, 1 for a stray byte. */
static size_t decode(const char *text, unsigned *code_out)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc0 ? 2 : 1;
    unsigned code = length == 1 ? bytes[0] : bytes[0] & (0xffu >> (length + 1));

    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            length = 1;
            code = '?';
            break;
        }
        code = code << 6 | (bytes[i] & 0x3fu);
    }
    *code_out = code;
    return length;
}

/* Writes `length` bytes as roff; returns the columns written. */
static int put_escaped(FILE *out, const char *text, size_t length)
{
    int written = 0;

    for (size_t i = 0; i < length;) {
        unsigned code;
        i += decode(text + i, &code);
        if (code == '\\')
            written += fprintf(out, "\\e");
        else if (code == '-')
            written += fprintf(out, "\\-");
        else if (code == '\'')
            written += fprintf(out, "\\(aq");
        else if (code == '`')
            written += fprintf(out, "\\(ga");
        else if (code == '^')
            written += fprintf(out, "\\(ha");
        else if (code == '~')
            written += fprintf(out, "\\(ti");
        else if (code >= 0x80)
            written += fprintf(out, "\\[u%04X]", code);
        else
            written += fprintf(out, "%c", (int)code);
    }
    return written;
}

static void put_all(FILE *out, const char *text)
{
    put_escaped(out, text, strlen(text));
}

/* Running text in source lines: where the line stands, and whether a sentence just ended. */
struct prose {
    FILE *out;
    int column;
    bool sentence_ended;
};

/* A new sentence begins a new line, as manuals want it. No line may begin with '.', which would
 * make it a request. */
static void put_word(struct prose *prose, const char *word, size_t bytes)
{
    if (prose->column > 0) {
        bool fits = prose->column + 1 + (int)bytes <= SOURCE_WIDTH;
        putc(fits && !prose->sentence_ended ? ' ' : '\n', prose->out);
        prose->column = fits && !prose->sentence_ended ? prose->column + 1 : 0;
    }
    if (prose->column == 0 && *word == '.') fputs("\\&", prose->out);
    prose->column += put_escaped(prose->out, word, bytes);
    prose->sentence_ended = strchr(".?!", word[bytes - 1]) != NULL;
}

/* `paragraph` is the request for a blank line in the text. */
static void put_prose(FILE *out, const char *text, const char *paragraph)
{
    struct prose prose = {.out = out};

    while (*text) {
        if (text[0] == '\n' && text[1] == '\n' && prose.column > 0) {
            fprintf(out, "\n%s\n", paragraph);
            prose.column = 0;
        }
        text += strspn(text, " \n");
        size_t bytes = strcspn(text, " \n");
        if (bytes > 0) put_word(&prose, text, bytes);
        text += bytes;
    }
    if (prose.column > 0) putc('\n', out);
}

/* A line of help, closed by a full stop; not capitalised, because it may begin with a literal. */
static void put_sentence(FILE *out, const char *text)
{
    char sentence[512];
    size_t length = strlen(text);
    bool stopped = length > 0 && strchr(".?!", text[length - 1]);

    snprintf(sentence, sizeof sentence, "%s%s", text, stopped ? "" : ".");
    put_prose(out, sentence, ".sp");
}

static void put_styled(FILE *out, char font, const char *text)
{
    fprintf(out, "\\f%c", font);
    put_all(out, text);
    fputs("\\fR", out);
}

/* "One of a, b, c." from "a|b|c". */
static void put_list(FILE *out, const char *opening, const char *choices)
{
    struct snncli_slice choice;

    fputs(opening, out);
    for (bool first = true; snncli_choice_next(&choices, &choice); first = false) {
        fputs(first ? "\n\\fB" : ",\n\\fB", out);
        put_escaped(out, choice.text, choice.length);
        fputs("\\fR", out);
    }
    fputs(".\n", out);
}

static void put_option(FILE *out, const struct snncli_option *option)
{
    fputs(".TP\n", out);
    if (option->letter) fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    put_all(out, option->name);
    fputs("\\fR", out);
    if (option->metavar) {
        putc(' ', out);
        put_styled(out, 'I', option->metavar);
    }
    putc('\n', out);
    put_sentence(out, option->help);
    if (option->text) put_prose(out, option->text, ".sp");
    if (option->choices) put_list(out, "One of", option->choices);
    if (option->repeatable) fputs("May be given more than once.\n", out);
    if (option->verbs) put_list(out, "Goes with", option->verbs);
}

static void put_entries(FILE *out, const struct snncli_entry *entries, char font)
{
    for (; entries && entries->name; entries++) {
        fputs(".TP\n", out);
        put_styled(out, font, entries->name);
        putc('\n', out);
        put_sentence(out, entries->text);
    }
}

static void put_section(FILE *out, const char *title, const struct snncli_entry *entries, char font)
{
    if (!entries) return;
    fprintf(out, ".SH %s\n", title);
    put_entries(out, entries, font);
}

static void put_verbs(FILE *out, const struct snncli_tool *tool)
{
    if (!tool->verbs) return;
    fputs(".SH VERBS\n", out);
    for (const struct snncli_verb *verb = tool->verbs; verb->name; verb++) {
        fputs(".TP\n", out);
        put_styled(out, 'B', verb->name);
        putc(' ', out);
        put_all(out, verb->usage);
        putc('\n', out);
        put_sentence(out, verb->text);
        if (verb->description) put_prose(out, verb->description, ".sp");
    }
}

static void put_head(FILE *out, const struct snncli_tool *tool)
{
    fprintf(out, ".\\\" Made by: %s --generate man\n.TH ", tool->name);
    for (const char *c = tool->name; *c; c++)
        putc(toupper((unsigned char)*c), out);
    fprintf(out, " 1 %s \"libsnn %s\" \"User Commands\"\n.SH NAME\n%s \\- ", tool->date,
            SNN_VERSION, tool->name);
    put_all(out, tool->summary);
    fputs("\n.SH SYNOPSIS\n", out);
    for (const char *const *usage = tool->usage; *usage; usage++) {
        fprintf(out, "%s.B %s\n", usage == tool->usage ? "" : ".br\n", tool->name);
        put_all(out, *usage);
        putc('\n', out);
    }
}

static void put_options(FILE *out, const struct snncli_tool *tool)
{
    const struct snncli_option *head, *option;

    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; (head = snncli_tool_option(tool, i)); i++) {
        if (!snncli_group_opens(tool, i)) continue;
        fputs(".SS ", out);
        put_all(out, head->group);
        putc('\n', out);
        for (size_t j = i; (option = snncli_tool_option(tool, j)); j++)
            if (option->help && strcmp(option->group, head->group) == 0) put_option(out, option);
    }
}

static void put_exit_statuses(FILE *out, const struct snncli_tool *tool)
{
    static const int all[] = {1, 64, 65, 66, 69, 70, 71, 73, 74, 75, 76, 77, 78, 130, 0};
    const int *status = tool->exit_statuses ? tool->exit_statuses : all;

    fputs(".SH EXIT STATUS\n.TP\n0\nsuccess.\n", out);
    for (; *status; status++) {
        fprintf(out, ".TP\n%d\n", *status);
        put_sentence(out, snncli_exit_text(*status));
    }
}

void snncli_print_man(const struct snncli_tool *tool, FILE *out)
{
    put_head(out, tool);
    fputs(".SH DESCRIPTION\n", out);
    put_prose(out, tool->description ? tool->description : tool->summary, ".PP");
    put_entries(out, tool->positionals, 'I');
    put_verbs(out, tool);
    put_options(out, tool);
    put_exit_statuses(out, tool);
    fputs(".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\n"
          "set and not empty: no colours unless \\fB\\-\\-color\\fR asks for them.\n",
          out);
    put_section(out, "FILES", tool->files, 'I');
    put_section(out, "EXAMPLES", tool->examples, 'B');
    if (tool->see_also) {
        fputs(".SH SEE ALSO\n", out);
        put_prose(out, tool->see_also, ".PP");
    }
}
