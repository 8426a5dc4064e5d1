/* The layout of a chart and its words; the marks are drawn by marks.c.
 *
 * From top to bottom: legend, label of the y axis, plot, ticks and label of the x axis. Lines are
 * named at their ends if there is room on the right, else in the legend. A word is written only
 * where no other stands: `places` holds the boxes of all.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/frame.h"

#define MARGIN 6.0
#define ROW 17.0 /* of a line of words */
#define TICK_LENGTH 4.0
#define X_SPACING 48.0 /* least distance of ticks */
#define Y_SPACING 34.0
#define DIRECT_SHARE 0.26 /* of the width: as much may go to names on the right */
#define DIRECT_STEP 14.5  /* least distance of those */
#define SWATCH 22.0       /* of the legend */
#define LEGEND_ROWS_MAX 6
#define NAMES_MAX 200 /* of dots that are tried */

/* ---- Axes ---- */

static void extents(const struct snnreport_chart *chart, struct snnreport_extent *x,
                    struct snnreport_extent *y)
{
    snnreport_extent_begin(x);
    snnreport_extent_begin(y);
    y->round = true;
    for (size_t i = 0; i < chart->series_count; i++) {
        const struct snnreport_series *series = &chart->series[i];
        bool wide = series->mark == SNNREPORT_BARS || series->mark == SNNREPORT_STEPS;
        double half = wide ? snnreport_series_half(series) : 0;
        if (wide) y->from_zero = true;
        if (series->mark == SNNREPORT_DOTS) x->round = true;
        for (size_t j = 0; j < series->count; j++) {
            double at = snnreport_series_x(series, j);
            bool whole = x->whole && at == floor(at);
            if (isnan(series->y[j])) continue;
            snnreport_extent_add(x, chart->x.scale, at - half);
            snnreport_extent_add(x, chart->x.scale, at + half);
            x->whole = whole;
            snnreport_extent_add(y, chart->y.scale, series->y[j]);
            if (!series->low || !series->high) continue;
            snnreport_extent_add(y, chart->y.scale, series->low[j]);
            /* Stretched towards 1, a bound that reaches it would take up half of the axis. */
            if (chart->y.scale != SNNREPORT_ERROR)
                snnreport_extent_add(y, chart->y.scale, series->high[j]);
        }
    }
    for (size_t i = 0; i < chart->reference_count; i++)
        snnreport_extent_add(y, chart->y.scale, chart->references[i].value);
}

static double tick_width(const struct snnreport_ruler *ruler)
{
    double width = 0;

    for (size_t i = 0; i < ruler->tick_count; i++)
        width = fmax(width, snnreport_width(ruler->ticks[i].label, SNNREPORT_TICK));
    return width;
}

static void axis_label(char label[200], const struct snnreport_axis *axis,
                       const struct snnreport_ruler *ruler)
{
    const char *name = axis->label ? axis->label : "";

    if (ruler->unit[0])
        snprintf(label, 200, "%.150s (%s)", name, ruler->unit);
    else
        snprintf(label, 200, "%.150s", name);
}

static void put_word(struct snnreport_frame *frame, const struct snnreport_word *word)
{
    snnreport_word(frame->out, word);
    snnreport_places_take(&frame->places, frame->out, snnreport_word_box(word));
}

/* Writes a word only where none stands. */
static bool try_word(struct snnreport_frame *frame, const struct snnreport_word *word)
{
    if (!snnreport_places_free(&frame->places, snnreport_word_box(word))) return false;
    put_word(frame, word);
    return true;
}

static void draw_y_axis(struct snnreport_frame *frame)
{
    snnreport_put(frame->out, "<path class=\"grid\" d=\"");
    for (size_t i = 0; i < frame->y.tick_count; i++) {
        double y = snnreport_ruler_place(&frame->y, frame->y.ticks[i].value);
        if (isnan(y)) continue;
        snnreport_point(frame->out, "M", frame->left, y);
        snnreport_coordinate(frame->out, "H", frame->right);
    }
    snnreport_put(frame->out, "\"/>\n");
    for (size_t i = 0; i < frame->y.tick_count; i++) {
        double y = snnreport_ruler_place(&frame->y, frame->y.ticks[i].value);
        if (isnan(y)) continue;
        try_word(frame, &(struct snnreport_word){.string = frame->y.ticks[i].label,
                                                 .x = frame->left - MARGIN,
                                                 .y = y + 4,
                                                 .size = SNNREPORT_TICK,
                                                 .anchor = SNNREPORT_END,
                                                 .classes = "tick soft"});
    }
}

/* The words under the ticks, those near an end moved inwards. */
static void draw_x_axis(struct snnreport_frame *frame)
{
    double width = frame->chart->width;

    snnreport_put(frame->out, "<path class=\"axis\" d=\"");
    snnreport_point(frame->out, "M", frame->left, frame->bottom);
    snnreport_coordinate(frame->out, "H", frame->right);
    for (size_t i = 0; i < frame->x.tick_count; i++) {
        double x = snnreport_ruler_place(&frame->x, frame->x.ticks[i].value);
        if (isnan(x)) continue;
        snnreport_point(frame->out, "M", x, frame->bottom);
        snnreport_coordinate(frame->out, "v", TICK_LENGTH);
    }
    snnreport_put(frame->out, "\"/>\n");
    double taken = -INFINITY;
    for (size_t i = 0; i < frame->x.tick_count; i++) {
        const char *label = frame->x.ticks[i].label;
        double x = snnreport_ruler_place(&frame->x, frame->x.ticks[i].value);
        double half = snnreport_width(label, SNNREPORT_TICK) / 2;
        if (isnan(x)) continue;
        x = fmin(fmax(x, half + 1), width - half - 1);
        if (x - half < taken + MARGIN) continue;
        taken = x + half;
        put_word(frame, &(struct snnreport_word){.string = label,
                                                 .x = x,
                                                 .y = frame->bottom + 18,
                                                 .size = SNNREPORT_TICK,
                                                 .anchor = SNNREPORT_MIDDLE,
                                                 .classes = "tick soft"});
    }
}

static void draw_axis_labels(struct snnreport_frame *frame)
{
    char label[200];
    double width = frame->chart->width;

    axis_label(label, &frame->chart->y, &frame->y);
    put_word(frame, &(struct snnreport_word){.string = label,
                                             .x = 1,
                                             .y = frame->top - 11,
                                             .classes = "soft",
                                             .width_max = width - 2});
    axis_label(label, &frame->chart->x, &frame->x);
    struct snnreport_word word = {.string = label,
                                  .x = (frame->left + frame->right) / 2,
                                  .y = frame->bottom + 33,
                                  .anchor = SNNREPORT_MIDDLE,
                                  .classes = "soft",
                                  .width_max = width - 2};
    struct snnreport_box box = snnreport_word_box(&word);
    if (box.right > width - 1) word.x -= box.right - (width - 1);
    if (box.left < 1) word.x += 1 - box.left;
    put_word(frame, &word);
}

/* ---- Names of series ---- */

static bool has_label(const struct snnreport_series *series)
{
    return series->label && series->label[0];
}

static bool is_shown(const struct snnreport_frame *frame, const struct snnreport_series *series,
                     size_t index)
{
    return !isnan(snnreport_ruler_place(&frame->x, snnreport_series_x(series, index))) &&
           !isnan(snnreport_ruler_place(&frame->y, series->y[index]));
}

/* The width that names at the ends of lines take; 0: they go to the legend. */
static double direct_width(const struct snnreport_chart *chart)
{
    double width = 0;
    size_t count = 0;

    for (size_t i = 0; i < chart->series_count; i++) {
        const struct snnreport_series *series = &chart->series[i];
        if (!has_label(series)) continue;
        if (series->mark != SNNREPORT_LINE) return 0;
        width = fmax(width, snnreport_width(series->label, SNNREPORT_SIZE));
        count++;
    }
    if (width > DIRECT_SHARE * chart->width || (double)count * DIRECT_STEP > chart->height / 2)
        return 0;
    return width;
}

struct direct {
    const struct snnreport_series *series;
    double y;
};

static int by_y(const void *left, const void *right)
{
    double a = ((const struct direct *)left)->y, b = ((const struct direct *)right)->y;

    return (a > b) - (a < b);
}

/* Pushes names apart, downwards and then up again from the bottom. */
static void spread(struct direct *direct, size_t count, double bottom)
{
    for (size_t i = 1; i < count; i++)
        direct[i].y = fmax(direct[i].y, direct[i - 1].y + DIRECT_STEP);
    for (size_t i = count; i > 0; i--) {
        double least = i == count ? bottom : direct[i].y - DIRECT_STEP;
        direct[i - 1].y = fmin(direct[i - 1].y, least);
    }
}

static void draw_direct(struct snnreport_frame *frame)
{
    const struct snnreport_chart *chart = frame->chart;
    struct direct *direct = calloc(chart->series_count + 1, sizeof *direct);
    size_t count = 0;

    if (!direct) {
        frame->out->failed = true;
        return;
    }
    for (size_t i = 0; i < chart->series_count; i++) {
        const struct snnreport_series *series = &chart->series[i];
        size_t last = series->count;
        while (last > 0 && !is_shown(frame, series, last - 1))
            last--;
        if (!has_label(series) || last == 0) continue;
        direct[count].series = series;
        direct[count++].y = snnreport_ruler_place(&frame->y, series->y[last - 1]) + 4;
    }
    qsort(direct, count, sizeof *direct, by_y);
    spread(direct, count, frame->bottom);
    for (size_t i = 0; i < count; i++) {
        char classes[16];
        snprintf(classes, sizeof classes, "own c%u", direct[i].series->color % SNNREPORT_COLOURS);
        put_word(frame, &(struct snnreport_word){.string = direct[i].series->label,
                                                 .x = frame->right + MARGIN,
                                                 .y = direct[i].y,
                                                 .classes = classes});
    }
    free(direct);
}

/* The sign of a series, from x to x + 16. */
static void draw_swatch(struct snnreport_text *out, const struct snnreport_series *series, double x,
                        double y)
{
    static const char *const classes[] = {"line", "line", "bar", "dot"};

    snnreport_printf(out, "<g class=\"c%u%s\"><path class=\"%s\" d=\"",
                     series->color % SNNREPORT_COLOURS, series->faint ? " faint" : "",
                     classes[series->mark]);
    if (series->mark == SNNREPORT_DOTS) {
        snnreport_marks_dot(out, series->color, x + 8, y - 4);
    } else {
        snnreport_point(out, "M", x, series->mark == SNNREPORT_BARS ? y + 1 : y - 4);
        snnreport_put(out, series->mark == SNNREPORT_BARS ? "v-10h16v10z" : "h16");
    }
    snnreport_put(out, "\"/></g>\n");
}

/* Writes the legend, or (frame without text) only tells its rows. */
static unsigned legend(struct snnreport_frame *frame, const struct snnreport_chart *chart)
{
    double x = 0, width = chart->width;
    unsigned row = 0;

    for (size_t i = 0; i < chart->series_count; i++) {
        const struct snnreport_series *series = &chart->series[i];
        if (!has_label(series)) continue;
        struct snnreport_word word = {.string = series->label,
                                      .width_max = width - SWATCH - MARGIN};
        struct snnreport_box box = snnreport_word_box(&word);
        double entry = SWATCH + box.right - box.left;
        if (row == 0) row = 1;
        if (x > 0 && x + entry > width - 2) {
            if (row == LEGEND_ROWS_MAX) break;
            row++;
            x = 0;
        }
        if (frame) {
            word.x = x + SWATCH;
            word.y = row * ROW - 5;
            draw_swatch(frame->out, series, x + 2, word.y);
            put_word(frame, &word);
        }
        x += entry + 2 * MARGIN;
    }
    return row;
}

/* ---- References and dots ---- */

/* A word beside a line goes where nothing else is: over or under it, from left to right. */
static void label_reference(struct snnreport_frame *frame, const char *label, double y)
{
    struct snnreport_word word = {.string = label, .classes = "soft"};
    double width = snnreport_width(label, SNNREPORT_SIZE);
    double room = frame->right - frame->left - 2 * MARGIN;

    word.width_max = room;
    for (int crossed = 0; crossed < 2; crossed++) {
        for (int place = 0; place < 10; place++) {
            double share = (place / 2) / 4.0;
            word.x = frame->left + MARGIN + share * fmax(0, room - width);
            word.y = place % 2 == 0 ? y - 4 : y + 13;
            struct snnreport_box box = snnreport_word_box(&word);
            if (box.top < frame->top - 2 || box.bottom > frame->bottom) continue;
            if (!crossed && snnreport_marks_cross(frame, box)) continue;
            if (try_word(frame, &word)) return;
        }
    }
}

static void draw_references(struct snnreport_frame *frame)
{
    for (size_t i = 0; i < frame->chart->reference_count; i++) {
        const struct snnreport_reference *reference = &frame->chart->references[i];
        double y = snnreport_ruler_place(&frame->y, reference->value);
        if (isnan(y)) continue;
        snnreport_put(frame->out, "<path class=\"mark\"");
        snnreport_attribute(frame->out, "data-json", reference->source);
        snnreport_point(frame->out, " d=\"M", frame->left, y);
        snnreport_coordinate(frame->out, "H", frame->right);
        snnreport_put(frame->out, "\"/>\n");
    }
    for (size_t i = 0; i < frame->chart->reference_count; i++) {
        const struct snnreport_reference *reference = &frame->chart->references[i];
        double y = snnreport_ruler_place(&frame->y, reference->value);
        if (!isnan(y) && reference->label) label_reference(frame, reference->label, y);
    }
}

/* Beside a dot, on the side where nothing else is. */
static void name_dot(struct snnreport_frame *frame, const char *name, double x, double y)
{
    static const struct {
        double x, y;
        enum snnreport_anchor anchor;
    } sides[] = {{7, 4, SNNREPORT_START},   {-7, 4, SNNREPORT_END},   {0, -8, SNNREPORT_MIDDLE},
                 {0, 16, SNNREPORT_MIDDLE}, {6, -6, SNNREPORT_START}, {6, 14, SNNREPORT_START},
                 {-6, -6, SNNREPORT_END},   {-6, 14, SNNREPORT_END}};

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct snnreport_word word = {.string = name,
                                      .x = x + sides[i].x,
                                      .y = y + sides[i].y,
                                      .size = SNNREPORT_TICK,
                                      .anchor = sides[i].anchor,
                                      .classes = "tick"};
        struct snnreport_box box = snnreport_word_box(&word);
        if (box.left < frame->left || box.right > frame->chart->width - 1) continue;
        if (box.top < frame->top - 4 || box.bottom > frame->bottom) continue;
        if (snnreport_marks_cross(frame, box)) continue;
        if (try_word(frame, &word)) return;
    }
}

static void name_dots(struct snnreport_frame *frame)
{
    size_t tried = 0;

    for (size_t i = 0; i < frame->chart->series_count; i++) {
        const struct snnreport_series *series = &frame->chart->series[i];
        for (size_t j = 0; series->names && j < series->count; j++) {
            if (!series->names[j] || !is_shown(frame, series, j)) continue;
            if (++tried > NAMES_MAX) return;
            name_dot(frame, series->names[j],
                     snnreport_ruler_place(&frame->x, snnreport_series_x(series, j)),
                     snnreport_ruler_place(&frame->y, series->y[j]));
        }
    }
}

/* ---- The whole ---- */

static void lay_out(struct snnreport_frame *frame, double direct, unsigned legend_rows)
{
    const struct snnreport_chart *chart = frame->chart;
    struct snnreport_extent x, y;

    extents(chart, &x, &y);
    frame->top = legend_rows * ROW + ROW + MARGIN;
    frame->bottom = fmax(frame->top + 20, chart->height - 38.0);
    snnreport_ruler(&frame->y, &chart->y, &y, frame->bottom - frame->top, Y_SPACING);
    frame->left = fmin(ceil(tick_width(&frame->y)) + MARGIN + 2, chart->width / 2.0);
    frame->right = chart->width - (direct > 0 ? ceil(direct) + MARGIN + 2 : MARGIN);
    frame->right = fmax(frame->right, frame->left + 20);
    snnreport_ruler(&frame->x, &chart->x, &x, frame->right - frame->left, X_SPACING);
    frame->x.from = frame->left;
    frame->x.to = frame->right;
    frame->y.from = frame->bottom;
    frame->y.to = frame->top;
}

/* Kind of scale, the values at its ends and where they stand: what a reader of the picture needs to
 * have the numbers back. */
static void put_scale(struct snnreport_text *out, const char *name,
                      const struct snnreport_ruler *ruler)
{
    static const char *const scales[] = {"linear", "log", "error"};

    snnreport_printf(out, " %s=\"%s %.17g %.17g", name, scales[ruler->scale], ruler->min,
                     ruler->max);
    snnreport_coordinate(out, " ", ruler->from);
    snnreport_coordinate(out, " ", ruler->to);
    snnreport_put(out, "\"");
}

static void draw(struct snnreport_frame *frame, double direct)
{
    const struct snnreport_chart *chart = frame->chart;
    bool empty = true;

    draw_axis_labels(frame);
    draw_y_axis(frame);
    draw_x_axis(frame);
    snnreport_put(frame->out, "<g class=\"plot\"");
    put_scale(frame->out, "data-x", &frame->x);
    put_scale(frame->out, "data-y", &frame->y);
    snnreport_put(frame->out, ">\n");
    for (size_t i = 0; i < chart->series_count; i++) {
        for (size_t j = 0; empty && j < chart->series[i].count; j++)
            empty = !is_shown(frame, &chart->series[i], j);
        if (chart->series[i].faint) snnreport_marks_draw(frame, &chart->series[i]);
    }
    for (size_t i = 0; i < chart->series_count; i++) {
        if (!chart->series[i].faint) snnreport_marks_draw(frame, &chart->series[i]);
    }
    draw_references(frame);
    snnreport_put(frame->out, "</g>\n");
    if (direct > 0) draw_direct(frame);
    name_dots(frame);
    if (empty)
        try_word(frame, &(struct snnreport_word){.string = "no values",
                                                 .x = (frame->left + frame->right) / 2,
                                                 .y = (frame->top + frame->bottom) / 2,
                                                 .anchor = SNNREPORT_MIDDLE,
                                                 .classes = "soft"});
}

void snnreport_chart(struct snnreport_text *out, const struct snnreport_chart *chart)
{
    struct snnreport_frame frame = {.out = out, .chart = chart};
    double direct = direct_width(chart);
    unsigned legend_rows = direct > 0 ? 0 : legend(NULL, chart);

    lay_out(&frame, direct, legend_rows);
    snnreport_open(out, SNNREPORT_PAGE, chart->title, chart->description, chart->width,
                   chart->height);
    if (legend_rows > 0) legend(&frame, chart);
    draw(&frame, direct);
    snnreport_shut(out);
    snnreport_places_fini(&frame.places);
}
