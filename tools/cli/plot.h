/* Pictures in characters: accuracy over time, and bars.
 *
 * Braille dots and box characters where the terminal has UTF-8, plain ASCII elsewhere. An accuracy
 * curve rises within a few steps and then creeps: the time axis becomes logarithmic beyond 40 steps
 * and the accuracy axis stretches towards 100 % (logarithmic in the error) when the values ask for
 * it, so that both the rise and the last tenth of a per cent are seen. Ticks always tell.
 */
#ifndef TOOLS_CLI_PLOT_H
#define TOOLS_CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct snncli_plot_style {
    int width; /* columns in all; 0: 80; narrower than 40 is taken as 40 */
    bool utf8;
    bool color;
};

struct snncli_curve {
    const double *values; /* after step 1, 2, ...: fractions in [0,1]; NaN leaves a gap */
    size_t count;
    double reference;            /* horizontal line, e.g. the CNN's accuracy; NaN: none */
    const char *reference_label; /* "CNN" */
    const char *label;           /* above the axis: "accuracy"; may be NULL */
    int height;                  /* rows of the plot; 0: 10 */
};

/* Prints the curve. Returns SNN_OK, INVALID (size out of range) or NOMEM. */
int snncli_plot_curve(FILE *out, const struct snncli_curve *curve,
                      const struct snncli_plot_style *style);

struct snncli_bar {
    const char *label;
    double value;     /* >= 0; the longest bar is the largest */
    const char *text; /* the number as printed; NULL: snncli_format_si */
};

/* One line a bar: label, number, bar. */
void snncli_plot_bars(FILE *out, const struct snncli_bar *bars, size_t count,
                      const struct snncli_plot_style *style);

/* A bar of `length` columns from where the line stands: eighths of a column with `utf8`, else whole
 * '#'. A length above 0 shows at least the thinnest mark. Returns the columns written, at most the
 * length rounded up. */
int snncli_plot_blocks(FILE *out, double length, bool utf8);

#endif
