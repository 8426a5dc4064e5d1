/* Numbers on the page: rounded for people, each with the place it has in the JSON document. The
 * blank before a unit does not break, and u is written µ.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/report/page_parts.h"

#define POINTER_SIZE 160
#define NO_BREAK "\xc2\xa0"
#define MICRO "\xc2\xb5"

static struct snncli_text format(enum snnreport_form form, double value)
{
    struct snncli_text text;
    switch (form) {
    case SNNREPORT_PERCENT:
        return snncli_format_percent(value);
    case SNNREPORT_POINTS:
        (void)snprintf(text.text, sizeof(text.text), "%.2f", 100.0 * value);
        return text;
    case SNNREPORT_SI:
        return snncli_format_si(value);
    case SNNREPORT_JOULE:
        return snncli_format_unit(value * 1e-6, "J");
    case SNNREPORT_TIME:
        return snncli_format_unit(value * 1e-6, "s");
    case SNNREPORT_COUNT:
        return snncli_format_count((uint64_t)value);
    case SNNREPORT_MEAN:
        (void)snprintf(text.text, sizeof(text.text), "%.2f", value);
        return text;
    case SNNREPORT_FINE:
        break;
    }
    (void)snprintf(text.text, sizeof(text.text), "%.4f", value);
    return text;
}

/* A unit stays with its number, and micro is spelt as it is. The text has no character that would
 * have to be escaped. */
static struct snnreport_digits typeset(const struct snncli_text *text)
{
    struct snnreport_digits digits;
    const char *blank = strchr(text->text, ' ');
    if (blank == NULL) {
        (void)snprintf(digits.text, sizeof(digits.text), "%s", text->text);
        return digits;
    }
    const bool micro = blank[1] == 'u';
    (void)snprintf(digits.text, sizeof(digits.text), "%.*s%s%s%s", (int)(blank - text->text),
                   text->text, NO_BREAK, micro ? MICRO : "", blank + (micro ? 2 : 1));
    return digits;
}

struct snnreport_digits snnreport_digits(enum snnreport_form form, double value)
{
    const struct snncli_text text = format(form, value);
    return typeset(&text);
}

/* `whole`: the number is a share of that one's; NULL: it is not. `unit`: not shown, but meant. */
static void put(struct snnreport_text *out, const struct snncli_text *text, const char *pointer,
                const char *whole, const char *unit)
{
    snnreport_printf(out, "<span class=\"n\" data-json=\"%s\"", pointer);
    if (whole != NULL) snnreport_printf(out, " data-of=\"%s\"", whole);
    if (unit != NULL) snnreport_printf(out, " data-unit=\"%s\"", unit);
    snnreport_put(out, ">");
    snnreport_put(out, typeset(text).text);
    snnreport_put(out, "</span>");
}

static void put_value(struct snnreport_text *out, enum snnreport_form form, double value,
                      const char *pointer)
{
    if (!isfinite(value)) {
        snnreport_put(out, "\xe2\x80\x93"); /* a dash */
        return;
    }
    const struct snncli_text text = format(form, value);
    put(out, &text, pointer, NULL, form == SNNREPORT_POINTS ? "%" : NULL);
}

void snnreport_number(struct snnreport_text *out, enum snnreport_form form, double value,
                      const char *pointer, ...)
{
    char path[POINTER_SIZE];
    va_list arguments;
    va_start(arguments, pointer);
    (void)vsnprintf(path, sizeof(path), pointer, arguments);
    va_end(arguments);
    put_value(out, form, value, path);
}

/* "/results/0" and what follows; returns the bytes used. */
static size_t begin(const struct snnreport_pen *pen, char path[POINTER_SIZE])
{
    return (size_t)snprintf(path, POINTER_SIZE, "/results/%u", pen->index);
}

void snnreport_value(const struct snnreport_pen *pen, enum snnreport_form form, double value,
                     const char *pointer, ...)
{
    char path[POINTER_SIZE];
    const size_t used = begin(pen, path);
    va_list arguments;
    va_start(arguments, pointer);
    (void)vsnprintf(path + used, sizeof(path) - used, pointer, arguments);
    va_end(arguments);
    put_value(pen->out, form, value, path);
}

void snnreport_cell(const struct snnreport_pen *pen, enum snnreport_form form, double value,
                    const char *pointer, ...)
{
    char path[POINTER_SIZE];
    const size_t used = begin(pen, path);
    va_list arguments;
    va_start(arguments, pointer);
    (void)vsnprintf(path + used, sizeof(path) - used, pointer, arguments);
    va_end(arguments);
    snnreport_put(pen->out, "<td>");
    put_value(pen->out, form, value, path);
    snnreport_put(pen->out, "</td>");
}

void snnreport_share(const struct snnreport_pen *pen, double part, double whole,
                     const char *part_pointer, const char *whole_pointer)
{
    char path[POINTER_SIZE], of[POINTER_SIZE];
    if (!isfinite(part) || !(whole > 0.0)) {
        snnreport_put(pen->out, "\xe2\x80\x93");
        return;
    }
    (void)snprintf(path + begin(pen, path), 64, "%s", part_pointer);
    (void)snprintf(of + begin(pen, of), 64, "%s", whole_pointer);
    struct snncli_text text;
    (void)snprintf(text.text, sizeof(text.text), "%.1f %%", 100.0 * part / whole);
    put(pen->out, &text, path, of, NULL);
}

void snnreport_interval(const struct snnreport_pen *pen, double share, const char *pointer, ...)
{
    const struct snn_interval bounds = snn_wilson_interval(share, pen->r->sample_count);
    char path[POINTER_SIZE];
    const size_t used = begin(pen, path);
    if (isnan(bounds.low)) return;
    va_list arguments;
    va_start(arguments, pointer);
    (void)vsnprintf(path + used, sizeof(path) - used - 2, pointer, arguments);
    va_end(arguments);
    const size_t end = strlen(path);
    memcpy(path + end, "/0", 3);
    snnreport_put(pen->out, "<span class=\"range\">");
    put_value(pen->out, SNNREPORT_POINTS, bounds.low, path);
    snnreport_put(pen->out, " to ");
    path[end + 1] = '1';
    put_value(pen->out, SNNREPORT_PERCENT, bounds.high, path);
    snnreport_put(pen->out, "</span>");
}

void snnreport_accuracy_cell(const struct snnreport_pen *pen, double accuracy, const char *row)
{
    snnreport_put(pen->out, "<td>");
    snnreport_value(pen, SNNREPORT_PERCENT, accuracy, "%s/accuracy", row);
    snnreport_put(pen->out, " ");
    snnreport_interval(pen, accuracy, "%s/accuracy_interval", row);
    snnreport_put(pen->out, "</td>");
}
