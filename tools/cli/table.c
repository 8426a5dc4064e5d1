/* Tables and numbers for people; see table.h.
 *
 * Cells are kept as text, row by row; a row that is a rule has a NULL in its first cell.
 */
#include "tools/cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"

#define GAP 2 /* blanks between columns */
#define BAR_COLUMNS 10u
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

size_t snncli_text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void snncli_table_init(struct snncli_table *table, const struct snncli_column *columns)
{
    memset(table, 0, sizeof *table);
    table->columns = columns;
    while (columns[table->column_count].title)
        table->column_count++;
}

void snncli_table_fini(struct snncli_table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    memset(table, 0, sizeof *table);
}

/* Takes ownership of `text`. */
static void append(struct snncli_table *table, char *text)
{
    if (table->cell_count == table->cell_capacity) {
        size_t capacity = table->cell_capacity ? 2 * table->cell_capacity : 64;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (!cells) {
            free(text);
            table->out_of_memory = true;
            return;
        }
        table->cells = cells;
        table->cell_capacity = capacity;
    }
    table->cells[table->cell_count++] = text;
}

void snncli_table_cell(struct snncli_table *table, const char *format, ...)
{
    va_list arguments;
    char text[256];

    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *copy = length < 0 ? NULL : malloc((size_t)length + 1);
    if (!copy) {
        table->out_of_memory = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(copy, (size_t)length + 1, format, arguments);
    va_end(arguments);
    append(table, copy);
}

void snncli_table_rule(struct snncli_table *table)
{
    while (table->cell_count % table->column_count != 0 && !table->out_of_memory)
        snncli_table_cell(table, "%s", "");
    for (size_t i = 0; i < table->column_count; i++)
        append(table, NULL);
}

/* Text of a cell; "" for cells that were never given. */
static const char *cell_text(const struct snncli_table *table, size_t index)
{
    if (index >= table->cell_count || !table->cells[index]) return "";
    return table->cells[index];
}

static size_t column_width(const struct snncli_table *table, size_t column)
{
    size_t width = snncli_text_width(table->columns[column].title);
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell = snncli_text_width(cell_text(table, i));
        if (cell > width) width = cell;
    }
    return width;
}

static void put_blanks(FILE *out, size_t count)
{
    while (count-- > 0)
        putc(' ', out);
}

size_t snncli_table_width(const struct snncli_table *table)
{
    size_t width = table->column_count > 0 ? (table->column_count - 1) * GAP : 0;
    for (size_t i = 0; i < table->column_count; i++)
        width += column_width(table, i);
    return width;
}

static void put_rule(FILE *out, const size_t *widths, size_t count, bool utf8)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) put_blanks(out, GAP);
        for (size_t j = 0; j < widths[i]; j++)
            fputs(utf8 ? "─" : "-", out);
    }
    putc('\n', out);
}

/* One row of texts. Blanks wait until text follows them, so that no line ends in blanks. */
static void put_row(const struct snncli_table *table, FILE *out, const size_t *widths,
                    const char *const *texts)
{
    size_t pending = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        size_t blanks = widths[i] - snncli_text_width(texts[i]);
        bool right = table->columns[i].align == SNNCLI_RIGHT;
        if (right) pending += blanks;
        if (*texts[i]) {
            put_blanks(out, pending);
            fputs(texts[i], out);
            pending = 0;
        }
        if (!right) pending += blanks;
        pending += GAP;
    }
    putc('\n', out);
}

static void put_table(const struct snncli_table *table, FILE *out, const size_t *widths,
                      const char **texts, bool utf8)
{
    for (size_t first = 0; first < table->cell_count; first += table->column_count) {
        if (!table->cells[first]) {
            put_rule(out, widths, table->column_count, utf8);
            continue;
        }
        for (size_t i = 0; i < table->column_count; i++)
            texts[i] = cell_text(table, first + i);
        put_row(table, out, widths, texts);
    }
}

int snncli_table_print(const struct snncli_table *table, FILE *out, bool utf8, bool color)
{
    size_t *widths = calloc(table->column_count, sizeof *widths);
    const char **texts = calloc(table->column_count, sizeof *texts);
    int status = SNN_ERR_NOMEM;

    if (!widths || !texts || table->out_of_memory) goto done;
    for (size_t i = 0; i < table->column_count; i++) {
        widths[i] = column_width(table, i);
        texts[i] = table->columns[i].title;
    }
    if (color) fputs(BOLD, out);
    put_row(table, out, widths, texts);
    if (color) fputs(PLAIN, out);
    put_rule(out, widths, table->column_count, utf8);
    put_table(table, out, widths, texts, utf8);
    status = SNN_OK;
done:
    free(widths);
    free(texts);
    return status;
}

/* Three figures: the number of decimals follows from the size; 9.995 is one more figure than it
 * looks, so the limits lie where printf would round up. */
static int decimals(double magnitude)
{
    return magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0;
}

struct snncli_text snncli_format_si(double value)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    struct snncli_text text;
    double magnitude = fabs(value);
    size_t prefix = 0;

    if (isnan(value)) return (struct snncli_text){"-"};
    if (magnitude < 999.5) {
        bool whole = magnitude == floor(magnitude);
        int digits = whole ? 0 : magnitude < 0.9995 ? 3 : decimals(magnitude);
        snprintf(text.text, sizeof text.text, "%.*f", digits, value);
        return text;
    }
    while (magnitude >= 999.5 && prefix + 1 < sizeof prefixes / sizeof prefixes[0]) {
        magnitude /= 1000;
        value /= 1000;
        prefix++;
    }
    if (magnitude >= 999.5)
        snprintf(text.text, sizeof text.text, "%.3g", value * 1e18);
    else
        snprintf(text.text, sizeof text.text, "%.*f %s", decimals(magnitude), value,
                 prefixes[prefix]);
    return text;
}

struct snncli_text snncli_format_unit(double value, const char *unit)
{
    static const char *const prefixes[] = {"", "m", "u", "n", "p", "f"};
    struct snncli_text text;
    size_t prefix = 0;

    if (isnan(value)) return (struct snncli_text){"-"};
    if (fabs(value) >= 999.5 || value == 0) {
        struct snncli_text number = snncli_format_si(value);
        bool prefixed = strchr(number.text, ' ') != NULL;
        snprintf(text.text, sizeof text.text, "%.16s%s%.12s", number.text, prefixed ? "" : " ",
                 unit);
        return text;
    }
    while (fabs(value) < 0.9995 && prefix + 1 < sizeof prefixes / sizeof prefixes[0]) {
        value *= 1000;
        prefix++;
    }
    snprintf(text.text, sizeof text.text, "%.*f %s%.12s", decimals(fabs(value)), value,
             prefixes[prefix], unit);
    return text;
}

struct snncli_text snncli_format_percent(double fraction)
{
    struct snncli_text text = {"-"};
    if (!isnan(fraction)) snprintf(text.text, sizeof text.text, "%.2f %%", fraction * 100);
    return text;
}

struct snncli_text snncli_format_bar(double share, bool utf8)
{
    static const char *const parts[] = {"",       "\u258f", "\u258e", "\u258d",
                                        "\u258c", "\u258b", "\u258a", "\u2589"};
    struct snncli_text text = {""};
    const double inside = share > 0.0 ? (share < 1.0 ? share : 1.0) : 0.0; /* NaN too */
    const unsigned eighths = (unsigned)lround(inside * 8 * BAR_COLUMNS);
    const unsigned whole = utf8 ? eighths / 8 : (unsigned)lround(inside * BAR_COLUMNS);
    for (unsigned i = 0; i < whole; i++)
        strcat(text.text, utf8 ? "\u2588" : "#");
    if (utf8) strcat(text.text, parts[eighths % 8]);
    return text;
}

struct snncli_text snncli_format_count(uint64_t value)
{
    struct snncli_text text;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    size_t used = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) text.text[used++] = ',';
        text.text[used++] = digits[i];
    }
    text.text[used] = '\0';
    return text;
}

struct snncli_text snncli_format_seconds(double seconds)
{
    struct snncli_text text;

    if (isnan(seconds)) return (struct snncli_text){"-"};
    if (seconds < 59.5) {
        int digits = seconds < 0.9995 ? 3 : seconds < 9.995 ? 2 : 1;
        snprintf(text.text, sizeof text.text, "%.*f s", digits, seconds);
        return text;
    }
    struct snncli_text clock = snncli_format_clock(seconds);
    const char *unit = clock.text[0] == '-' ? "" : seconds < 3599.5 ? " min" : " h";
    snprintf(text.text, sizeof text.text, "%.24s%s", clock.text, unit);
    return text;
}

struct snncli_text snncli_format_clock(double seconds)
{
    struct snncli_text text;

    /* 1000 hours and more: the estimate means nothing any longer. */
    if (isnan(seconds) || seconds >= 3.6e6) return (struct snncli_text){"-"};
    long whole = seconds < 0 ? 0 : lround(seconds);
    if (whole < 3600)
        snprintf(text.text, sizeof text.text, "%ld:%02ld", whole / 60, whole % 60);
    else
        snprintf(text.text, sizeof text.text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60,
                 whole % 60);
    return text;
}
