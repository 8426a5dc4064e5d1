/* A confusion matrix: a square a pair of classes, its shade the root of its share of the row, so
 * that single errors are seen beside thousands of hits; the diagonal in one hue, errors in another.
 *
 * Of few classes squares have numbers. Of many, neighbouring classes share a square and squares of
 * one shade are one path: the picture is bounded whatever the number of classes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/report/chart.h"
#include "tools/report/draw.h"

#define NUMBERS_MAX 40u /* classes */
#define SQUARES_MAX 96u /* a side */
#define LEVELS 8
#define OPACITY_MIN 0.16
#define OPACITY_MAX 0.75 /* words stay legible on it */
#define NUMBER_MIN 8.0   /* size of the smallest numbers */
#define NUMBER_MAX 12.0
#define HEAD 36.0 /* above the squares */

struct grid {
    struct snnreport_text *out;
    uint32_t classes, pool, side; /* squares a side; classes of one */
    double width;
    double left, top, size; /* of a square */
    uint64_t *counts;       /* [side][side] */
    double *rows;           /* [side] sums */
};

static double widest(const struct grid *grid)
{
    uint64_t greatest = 0;
    char text[40];

    for (size_t i = 0; i < (size_t)grid->side * grid->side; i++) {
        if (grid->counts[i] > greatest) greatest = grid->counts[i];
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)greatest);
    return snnreport_width(text, 1);
}

static void pool(struct grid *grid, const struct snnreport_matrix *matrix)
{
    for (size_t row = 0; row < matrix->classes; row++) {
        for (size_t column = 0; column < matrix->classes; column++) {
            uint64_t count = matrix->counts[row * matrix->classes + column];
            grid->counts[row / grid->pool * grid->side + column / grid->pool] += count;
            grid->rows[row / grid->pool] += (double)count;
        }
    }
}

/* 0: nothing; LEVELS: all of its row. */
static int level_of(const struct grid *grid, size_t row, size_t column)
{
    uint64_t count = grid->counts[row * grid->side + column];

    if (count == 0) return 0;
    return (int)fmax(1, ceil(sqrt((double)count / grid->rows[row]) * LEVELS - 1e-9));
}

static double shade(int level)
{
    return OPACITY_MIN + (OPACITY_MAX - OPACITY_MIN) * (level - 1) / (LEVELS - 1);
}

/* All squares of one shade. */
static void draw_level(const struct grid *grid, int level, bool right)
{
    bool begun = false;

    for (size_t row = 0; row < grid->side; row++) {
        for (size_t column = 0; column < grid->side; column++) {
            if ((row == column) != right || level_of(grid, row, column) != level) continue;
            if (!begun)
                snnreport_printf(grid->out, "<path class=\"%s\" opacity=\"%.3g\" d=\"",
                                 right ? "right" : "wrong", shade(level));
            begun = true;
            snnreport_point(grid->out, "M", grid->left + (double)column * grid->size,
                            grid->top + (double)row * grid->size);
            snnreport_coordinate(grid->out, "h", grid->size);
            snnreport_coordinate(grid->out, "v", grid->size);
            snnreport_coordinate(grid->out, "h", -grid->size);
            snnreport_put(grid->out, "z");
        }
    }
    if (begun) snnreport_put(grid->out, "\"/>\n");
}

static void draw_numbers(const struct grid *grid, double size)
{
    snnreport_printf(grid->out, "<g style=\"font-size:%.1fpx\">\n", size);
    for (size_t row = 0; row < grid->side; row++) {
        for (size_t column = 0; column < grid->side; column++) {
            unsigned long long count = grid->counts[row * grid->side + column];
            char text[24];
            if (count == 0) continue;
            snprintf(text, sizeof text, "%llu", count);
            snnreport_word(grid->out,
                           &(struct snnreport_word){
                               .string = text,
                               .x = grid->left + ((double)column + 0.5) * grid->size,
                               .y = grid->top + ((double)row + 0.5) * grid->size + size * 0.36,
                               .size = size,
                               .anchor = SNNREPORT_MIDDLE});
        }
    }
    snnreport_put(grid->out, "</g>\n");
}

/* Classes on both sides, as many as fit. */
static void draw_classes(const struct grid *grid)
{
    double side = grid->size * grid->side;
    char text[24];

    snprintf(text, sizeof text, "%u", grid->classes - 1);
    double wide = fmax(snnreport_width(text, SNNREPORT_TICK) + 4, SNNREPORT_TICK + 3);
    uint32_t stride = (uint32_t)fmax(1, ceil(wide / grid->size));
    if (stride > 1) stride = stride <= 2 ? 2 : (stride + 4) / 5 * 5;
    for (uint32_t i = 0; i < grid->side; i += stride) {
        double middle = (i + 0.5) * grid->size;
        snprintf(text, sizeof text, "%u", i * grid->pool);
        struct snnreport_word word = {.string = text,
                                      .x = grid->left + middle,
                                      .y = grid->top - 5,
                                      .size = SNNREPORT_TICK,
                                      .anchor = SNNREPORT_MIDDLE,
                                      .classes = "tick soft"};
        if (snnreport_word_box(&word).right > grid->width) break;
        snnreport_word(grid->out, &word);
        word.anchor = SNNREPORT_END;
        word.x = grid->left - 5;
        word.y = grid->top + middle + 4;
        if (snnreport_word_box(&word).bottom < grid->top + side + 2)
            snnreport_word(grid->out, &word);
    }
    snnreport_word(grid->out, &(struct snnreport_word){.string = "rows: label, columns: prediction",
                                                       .x = 1,
                                                       .y = grid->top - 22,
                                                       .classes = "soft",
                                                       .width_max = grid->width - 2});
}

static void draw(struct grid *grid, const struct snnreport_matrix *matrix, double letters)
{
    struct snnreport_text *out = grid->out;
    double side = grid->size * grid->side;
    double size = fmin(NUMBER_MAX, (grid->size - 3) / fmax(letters, 0.1));

    snnreport_put(out, "<g class=\"matrix\"");
    snnreport_attribute(out, "data-json", matrix->source);
    snnreport_printf(out, " data-classes=\"%u\" data-pool=\"%u\">\n", grid->classes, grid->pool);
    for (int level = 1; level <= LEVELS; level++) {
        draw_level(grid, level, true);
        draw_level(grid, level, false);
    }
    if (grid->pool == 1 && grid->classes <= NUMBERS_MAX && size >= NUMBER_MIN)
        draw_numbers(grid, size);
    snnreport_put(out, "</g>\n<path class=\"axis\" d=\"");
    snnreport_point(out, "M", grid->left, grid->top);
    snnreport_coordinate(out, "h", side);
    snnreport_coordinate(out, "v", side);
    snnreport_coordinate(out, "h", -side);
    snnreport_put(out, "z\"/>\n");
    draw_classes(grid);
}

void snnreport_matrix(struct snnreport_text *out, const struct snnreport_matrix *matrix,
                      unsigned width)
{
    struct grid grid = {.out = out, .classes = matrix->classes, .width = width, .top = HEAD};
    char label[24];

    if (matrix->classes == 0) return;
    grid.pool = (matrix->classes + SQUARES_MAX - 1) / SQUARES_MAX;
    grid.side = (matrix->classes + grid.pool - 1) / grid.pool;
    grid.counts = calloc((size_t)grid.side * grid.side, sizeof *grid.counts);
    grid.rows = calloc(grid.side, sizeof *grid.rows);
    if (!grid.counts || !grid.rows) {
        out->failed = true;
        goto done;
    }
    pool(&grid, matrix);
    snprintf(label, sizeof label, "%u", matrix->classes - 1);
    grid.left = ceil(snnreport_width(label, SNNREPORT_TICK)) + 8;
    grid.size = floor((width - grid.left - 2) / grid.side * 10) / 10;
    snnreport_open(out, SNNREPORT_PAGE, matrix->title,
                   "Rows are labels, columns predictions; the stronger a square, the larger its "
                   "share of its row. Right ones stand on the diagonal.",
                   width, (unsigned)ceil(grid.top + grid.size * grid.side + 2));
    draw(&grid, matrix, widest(&grid));
    snnreport_shut(out);
done:
    free(grid.counts);
    free(grid.rows);
}
