/* Text for people: aligned tables, and numbers as people read them.
 *
 * A table is filled cell by cell, row by row, and printed once; memory failure is remembered and
 * reported by the print, so that filling needs no checks. Widths count characters, not bytes.
 */
#ifndef TOOLS_CLI_TABLE_H
#define TOOLS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "snn/export.h"

enum snncli_align { SNNCLI_LEFT = 0, SNNCLI_RIGHT = 1 };

struct snncli_column {
    const char *title; /* NULL title ends the columns */
    enum snncli_align align;
};

struct snncli_table {
    const struct snncli_column *columns;
    size_t column_count;
    char **cells; /* row-major; a NULL first cell makes the row a rule */
    size_t cell_count;
    size_t cell_capacity;
    bool out_of_memory;
};

/* `columns` must outlive the table. */
void snncli_table_init(struct snncli_table *table, const struct snncli_column *columns);
void snncli_table_fini(struct snncli_table *table);

/* Appends the next cell of the row; a full row starts the next. */
void snncli_table_cell(struct snncli_table *table, const char *format, ...) SNN_PRINTF(2, 3);

/* A line across; an unfinished row is filled with blanks first. */
void snncli_table_rule(struct snncli_table *table);

/* Titles (bold with `color`), a rule, the rows; lines by box characters with `utf8`, else '-'.
 * Returns SNN_OK, or SNN_ERR_NOMEM if a cell was lost (then nothing is printed). */
int snncli_table_print(const struct snncli_table *table, FILE *out, bool utf8, bool color);

/* Columns that its widest line takes. */
size_t snncli_table_width(const struct snncli_table *table);

/* A short text by value, to be used at once: printf("%s", snncli_format_si(x).text). */
struct snncli_text {
    char text[32];
};

/* Three figures and a prefix: "12.3 M", "1.44 k", "999", "0.530"; "-" for NaN. */
struct snncli_text snncli_format_si(double value);

/* The same with a unit and small prefixes: (4.2e-7, "J") gives "420 nJ"; 'u' for micro. */
struct snncli_text snncli_format_unit(double value, const char *unit);

/* A fraction as per cent with two decimals: "99.02 %"; "-" for NaN. */
struct snncli_text snncli_format_percent(double fraction);

/* A share of a whole as a bar, ten columns for all of it: to an eighth of one with block
 * characters, to a whole one with '#'. */
struct snncli_text snncli_format_bar(double share, bool utf8);

/* "1,234,567". */
struct snncli_text snncli_format_count(uint64_t value);

/* "0.042 s", "7.31 s", "1:02 min", "2:03:04 h"; "-" for NaN. */
struct snncli_text snncli_format_seconds(double seconds);

/* "1:02", "2:03:04", for a time that goes by; "-" when unknown or beyond a thousand hours. */
struct snncli_text snncli_format_clock(double seconds);

/* Columns that a UTF-8 string takes: its characters (no wide or combining ones in our texts). */
size_t snncli_text_width(const char *text);

#endif
