/* What a plot is made of: a canvas of dots, and axes that place values on it. For plot*.c only.
 */
#ifndef TOOLS_CLI_PLOT_PARTS_H
#define TOOLS_CLI_PLOT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Who set a dot; decides the colour of its cell. */
enum snncli_ink { SNNCLI_INK_NONE = 0, SNNCLI_INK_REFERENCE = 1, SNNCLI_INK_CURVE = 2 };

/* Cells of characters, each made of dots: 2 x 4 in UTF-8 (a Braille character), 1 x 2 in ASCII. Dot
 * (0,0) is at the upper left. */
struct snncli_canvas {
    int columns;
    int rows;
    bool utf8;
    int width;           /* dots */
    int height;          /* dots */
    unsigned char *dots; /* [rows][columns] bit 4 * (x in cell) + (y in cell) */
    unsigned char *inks; /* [rows][columns] enum snncli_ink; the greater covers */
};

/* Returns SNN_OK or SNN_ERR_NOMEM. */
int snncli_canvas_init(struct snncli_canvas *canvas, int columns, int rows, bool utf8);
void snncli_canvas_fini(struct snncli_canvas *canvas);

/* Dots outside the canvas are dropped. */
void snncli_canvas_dot(struct snncli_canvas *canvas, int x, int y, enum snncli_ink ink);
void snncli_canvas_line(struct snncli_canvas *canvas, int x0, int y0, int x1, int y1);

/* A dashed line of the reference across the whole width; to be drawn before the curve. */
void snncli_canvas_dashes(struct snncli_canvas *canvas, int y);

enum snncli_ink snncli_canvas_ink(const struct snncli_canvas *canvas, int column, int row);
void snncli_canvas_put(const struct snncli_canvas *canvas, FILE *out, int column, int row);

#define SNNCLI_TICK_MAX 40

/* Values low..high on a line 0..1; linear, logarithmic, or logarithmic in 1 - value ("stretched"
 * towards 1: every halving of the error takes the same room). */
enum snncli_scale { SNNCLI_SCALE_LINEAR, SNNCLI_SCALE_LOG, SNNCLI_SCALE_STRETCHED };

struct snncli_tick {
    double value;
    int rank; /* 0: shown before all others */
    char label[24];
};

struct snncli_axis {
    enum snncli_scale scale;
    double low;
    double high;
    size_t tick_count;
    struct snncli_tick ticks[SNNCLI_TICK_MAX]; /* ascending; the plot shows as many as fit */
};

/* Accuracies: axis labelled in per cent. `values` may contain NaN; `reference` may be NaN. */
void snncli_axis_accuracy(struct snncli_axis *axis, const double *values, size_t count,
                          double reference);

/* Steps 1..count: linear up to 40, then logarithmic. */
void snncli_axis_steps(struct snncli_axis *axis, size_t count);

/* Place of a value, 0 at low, 1 at high; values beyond the axis are put at its end. An axis of one
 * value has it in the middle. */
double snncli_axis_place(const struct snncli_axis *axis, double value);

#endif
