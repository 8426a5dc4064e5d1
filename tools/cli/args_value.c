/* Values of options and verbs: numbers and choices, and the nearest word to a misspelt one.
 *
 * Each function says what was typed and what would have been right. Numbers are read with a decimal
 * point whatever the locale, because the tools never set LC_NUMERIC.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/args.h"
#include "tools/cli/args_parts.h"

/* Longest word for which a near one is sought: no option is longer. */
#define NEAREST_MAX 63

struct where {
    char text[80];
};

static struct where where_option(const struct snncli_option *option)
{
    struct where where;
    snprintf(where.text, sizeof where.text, "--%s", option->name);
    return where;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string
 * alignment). Three rows of the table are alive at a time. */
static size_t edit_distance(struct snncli_slice a, struct snncli_slice b)
{
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t cost = same_letter(a.text[i - 1], b.text[j - 1]) ? 0 : 1;
            row[j] = min_size(above[j - 1] + cost, min_size(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a.text[i - 1], b.text[j - 2]) &&
                same_letter(a.text[i - 2], b.text[j - 1]))
                row[j] = min_size(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.length];
}

static bool contains(struct snncli_slice text, struct snncli_slice part)
{
    for (size_t i = 0; i + part.length <= text.length; i++)
        if (memcmp(text.text + i, part.text, part.length) == 0) return true;
    return false;
}

void snncli_nearest_init(struct snncli_nearest *nearest, const char *word, size_t length)
{
    nearest->word = (struct snncli_slice){word, length};
    nearest->best = (struct snncli_slice){NULL, 0};
    nearest->distance = SIZE_MAX;
}

void snncli_nearest_offer(struct snncli_nearest *nearest, const char *candidate, size_t length)
{
    struct snncli_slice word = nearest->word;
    struct snncli_slice other = {candidate, length};
    if (word.length == 0 || word.length > NEAREST_MAX || length > NEAREST_MAX) return;

    size_t longer = word.length > length ? word.length : length;
    size_t allowed = longer / 3 > 1 ? longer / 3 : 1;
    size_t distance = edit_distance(word, other);
    bool inside = word.length >= 3 && contains(other, word);
    /* Whoever types the beginning, or a telling part, of a name means it. */
    if (word.length >= 2 && length > word.length && memcmp(candidate, word.text, word.length) == 0)
        distance = 1;
    else if (inside)
        distance = min_size(distance, 2);
    else if (distance > allowed)
        return;
    if (distance >= nearest->distance) return;
    nearest->distance = distance;
    nearest->best = other;
}

bool snncli_choice_next(const char **choices, struct snncli_slice *out)
{
    if (!*choices) return false;
    out->text = *choices;
    out->length = strcspn(*choices, "|");
    *choices = out->text[out->length] == '|' ? out->text + out->length + 1 : NULL;
    return true;
}

static int out_of_range(struct snncli_console *console, const struct snncli_option *option,
                        const char *value, const char *range)
{
    return snncli_fail(console, SNNCLI_EXIT_USAGE, where_option(option).text,
                       "%s is out of range: %s", value, range);
}

int snncli_parse_int(struct snncli_console *console, const struct snncli_option *option,
                     const char *value, int64_t min, int64_t max, int64_t *out)
{
    char range[64];
    char *end = NULL;

    if (min == INT64_MIN && max == INT64_MAX)
        snprintf(range, sizeof range, "a whole number of 64 bits");
    else if (max == INT64_MAX)
        snprintf(range, sizeof range, "at least %" PRId64, min);
    else if (min == INT64_MIN)
        snprintf(range, sizeof range, "at most %" PRId64, max);
    else
        snprintf(range, sizeof range, "%" PRId64 " to %" PRId64, min, max);

    /* strtoll would skip blanks before the number. */
    bool number = isdigit((unsigned char)value[0]) ||
                  ((value[0] == '-' || value[0] == '+') && isdigit((unsigned char)value[1]));
    errno = 0;
    long long read = number ? strtoll(value, &end, 10) : 0;
    if (!number || *end) {
        snncli_error(console, where_option(option).text, "'%s' is not a whole number", value);
        if (min != INT64_MIN || max != INT64_MAX) snncli_hint(console, "allowed: %s", range);
        return SNNCLI_EXIT_USAGE;
    }
    if (errno == ERANGE || read < min || read > max)
        return out_of_range(console, option, value, range);
    *out = read;
    return SNNCLI_EXIT_OK;
}

int snncli_parse_double(struct snncli_console *console, const struct snncli_option *option,
                        const char *value, double min, double max, double *out)
{
    char range[80];
    char *end = NULL;

    if (isinf(min) && isinf(max))
        snprintf(range, sizeof range, "a finite number");
    else if (isinf(max))
        snprintf(range, sizeof range, "at least %g", min);
    else if (isinf(min))
        snprintf(range, sizeof range, "at most %g", max);
    else
        snprintf(range, sizeof range, "%g to %g", min, max);

    /* strtod would also take blanks, hexadecimal, "nan" and "inf". */
    bool number = value[0] != '\0' && value[strspn(value, "0123456789+-.eE")] == '\0';
    double read = number ? strtod(value, &end) : 0;
    if (!number || end == value || *end) {
        snncli_error(console, where_option(option).text, "'%s' is not a number", value);
        if (!isinf(min) || !isinf(max)) snncli_hint(console, "allowed: %s", range);
        return SNNCLI_EXIT_USAGE;
    }
    if (!isfinite(read) || read < min || read > max)
        return out_of_range(console, option, value, range);
    *out = read;
    return SNNCLI_EXIT_OK;
}

/* Appends ", word" to a list in a buffer; what does not fit is cut. */
static void list_add(char *list, size_t size, const char *word, size_t length)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%.*s", used ? ", " : "", (int)length, word);
}

/* The hint after an unknown choice or verb. */
static void hint_choices(struct snncli_console *console, const struct snncli_nearest *nearest,
                         const char *list)
{
    if (nearest->best.text)
        snncli_hint(console, "did you mean %.*s? One of: %s", (int)nearest->best.length,
                    nearest->best.text, list);
    else
        snncli_hint(console, "one of: %s", list);
}

int snncli_parse_choice(struct snncli_console *console, const struct snncli_option *option,
                        const char *value, size_t *index_out)
{
    char list[512] = "";
    const char *rest = option->choices;
    struct snncli_slice choice;
    struct snncli_nearest nearest;

    snncli_nearest_init(&nearest, value, strlen(value));
    for (size_t i = 0; snncli_choice_next(&rest, &choice); i++) {
        if (choice.length == strlen(value) && memcmp(choice.text, value, choice.length) == 0) {
            *index_out = i;
            return SNNCLI_EXIT_OK;
        }
        snncli_nearest_offer(&nearest, choice.text, choice.length);
        list_add(list, sizeof list, choice.text, choice.length);
    }
    snncli_error(console, where_option(option).text, "unknown choice '%s'", value);
    hint_choices(console, &nearest, list);
    return SNNCLI_EXIT_USAGE;
}

int snncli_parse_verb(struct snncli_console *console, const struct snncli_tool *tool,
                      const char *value, size_t *index_out)
{
    char list[512] = "";
    struct snncli_nearest nearest;

    snncli_nearest_init(&nearest, value, strlen(value));
    for (size_t i = 0; tool->verbs[i].name; i++) {
        const char *verb = tool->verbs[i].name;
        if (strcmp(verb, value) == 0) {
            *index_out = i;
            return SNNCLI_EXIT_OK;
        }
        snncli_nearest_offer(&nearest, verb, strlen(verb));
        list_add(list, sizeof list, verb, strlen(verb));
    }
    snncli_error(console, NULL, "unknown verb '%s'", value);
    hint_choices(console, &nearest, list);
    return SNNCLI_EXIT_USAGE;
}

int snncli_args_excess(struct snncli_console *console, const char *value)
{
    return snncli_fail(console, SNNCLI_EXIT_USAGE, NULL, "unexpected argument '%s'", value);
}

int snncli_args_missing(struct snncli_console *console, const struct snncli_tool *tool,
                        const char *metavar)
{
    snncli_error(console, NULL, "%s is missing", metavar);
    snncli_hint(console, "usage: %s %s", tool->name, tool->usage[0]);
    return SNNCLI_EXIT_USAGE;
}
