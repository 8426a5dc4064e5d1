/* Numbers of a series as strokes: lines with bands, steps, bars and dots.
 *
 * What is drawn is bounded by the pixels: of a line with several values in a column of pixels the
 * first, the least, the greatest and the last are kept, which is what the column shows of them (U.
 * Jugel and others, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014).
 */
#include <math.h>
#include <stdlib.h>

#include "tools/report/frame.h"

#define DOTS_MAX 1000 /* of more every second, third, ... is drawn */
#define DOT_RADIUS 3.2

double snnreport_series_x(const struct snnreport_series *series, size_t index)
{
    return series->x ? series->x[index] : (double)index + 1;
}

double snnreport_series_half(const struct snnreport_series *series)
{
    double least = INFINITY;

    if (!series->x) return 0.5;
    for (size_t i = 1; i < series->count; i++) {
        double distance = fabs(series->x[i] - series->x[i - 1]);
        if (distance > 0) least = fmin(least, distance);
    }
    return isfinite(least) ? least / 2 : 0.5;
}

/* ---- Lines ---- */

struct point {
    double x, y;
};

static struct point point_at(const struct snnreport_frame *frame,
                             const struct snnreport_series *series, size_t index)
{
    return (struct point){
        snnreport_ruler_place(&frame->x, snnreport_series_x(series, index)),
        snnreport_ruler_place(&frame->y, series->y[index]),
    };
}

static bool is_point(struct point p)
{
    return !isnan(p.x) && !isnan(p.y);
}

/* A pen that keeps four points of a column of pixels, in the order in which they came. */
struct pen {
    struct snnreport_text *out;
    double column; /* NaN: none begun */
    struct point first, least, greatest, last;
    size_t least_index, greatest_index, index;
    bool down; /* a point of this stroke is written */
};

static void pen_point(struct pen *pen, struct point p)
{
    snnreport_point(pen->out, pen->down ? "L" : "M", p.x, p.y);
    pen->down = true;
}

static bool is_other(struct point p, struct point q)
{
    return p.x != q.x || p.y != q.y;
}

static void pen_flush(struct pen *pen)
{
    if (isnan(pen->column)) return;
    bool rises = pen->least_index < pen->greatest_index;
    struct point second = rises ? pen->least : pen->greatest;
    struct point third = rises ? pen->greatest : pen->least;
    pen_point(pen, pen->first);
    if (is_other(second, pen->first)) pen_point(pen, second);
    if (is_other(third, second) && is_other(third, pen->first)) pen_point(pen, third);
    if (is_other(pen->last, third) && is_other(pen->last, pen->first)) pen_point(pen, pen->last);
    pen->column = NAN;
}

static void pen_move(struct pen *pen, struct point p, double width)
{
    double column = floor(p.x / width);

    if (column != pen->column) {
        pen_flush(pen);
        pen->column = column;
        pen->first = pen->least = pen->greatest = p;
        pen->least_index = pen->greatest_index = pen->index;
    }
    if (p.y < pen->least.y) {
        pen->least = p;
        pen->least_index = pen->index;
    }
    if (p.y > pen->greatest.y) {
        pen->greatest = p;
        pen->greatest_index = pen->index;
    }
    pen->last = p;
    pen->index++;
}

/* Width of a column: nothing is left out of what has no more values than columns. */
static double column_width(const struct snnreport_frame *frame,
                           const struct snnreport_series *series)
{
    return (double)series->count <= frame->right - frame->left ? 1e-6 : 1;
}

static void draw_line(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    struct pen pen = {.out = frame->out, .column = NAN};
    double width = column_width(frame, series);

    snnreport_put(frame->out, "<path class=\"line\"");
    snnreport_attribute(frame->out, "data-json", series->source);
    snnreport_put(frame->out, " d=\"");
    for (size_t i = 0; i < series->count; i++) {
        struct point p = point_at(frame, series, i);
        if (is_point(p)) {
            pen_move(&pen, p, width);
            continue;
        }
        pen_flush(&pen);
        pen.down = false;
    }
    pen_flush(&pen);
    snnreport_put(frame->out, "\"/>\n");
}

/* ---- Bands ---- */

/* What a column shows of a band. */
struct slice {
    double x, low, high; /* places: low lies below, which is a greater number */
};

static bool slice_at(const struct snnreport_frame *frame, const struct snnreport_series *series,
                     size_t index, struct slice *out)
{
    out->x = snnreport_ruler_place(&frame->x, snnreport_series_x(series, index));
    out->low = snnreport_ruler_clamp(&frame->y, series->low[index]);
    out->high = snnreport_ruler_clamp(&frame->y, series->high[index]);
    return !isnan(out->x) && !isnan(out->low) && !isnan(out->high);
}

/* Slices up to the next gap; advances the index behind it. */
static size_t collect(const struct snnreport_frame *frame, const struct snnreport_series *series,
                      size_t *index, struct slice *slices)
{
    double width = column_width(frame, series);
    size_t count = 0;

    for (; *index < series->count; (*index)++) {
        struct slice slice;
        if (!slice_at(frame, series, *index, &slice)) {
            if (count > 0) break;
            continue;
        }
        struct slice *before = count > 0 ? &slices[count - 1] : NULL;
        if (before && floor(before->x / width) == floor(slice.x / width)) {
            before->low = fmax(before->low, slice.low);
            before->high = fmin(before->high, slice.high);
        } else {
            slices[count++] = slice;
        }
    }
    return count;
}

static void draw_band(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    struct slice *slices = malloc(series->count * sizeof *slices);
    size_t index = 0, count;

    if (!slices) {
        frame->out->failed = true;
        return;
    }
    snnreport_put(frame->out, "<path class=\"band\" d=\"");
    while ((count = collect(frame, series, &index, slices)) > 0) {
        for (size_t i = 0; i < count; i++)
            snnreport_point(frame->out, i == 0 ? "M" : "L", slices[i].x, slices[i].high);
        for (size_t i = count; i > 0; i--)
            snnreport_point(frame->out, "L", slices[i - 1].x, slices[i - 1].low);
        snnreport_put(frame->out, "Z");
    }
    snnreport_put(frame->out, "\"/>\n");
    free(slices);
}

/* ---- Steps and bars ---- */

/* A box that stands on the bottom of the plot; of all values in a column the greatest. */
struct bar {
    double left, right, top;
};

static bool bar_at(const struct snnreport_frame *frame, const struct snnreport_series *series,
                   size_t index, double half, struct bar *out)
{
    double x = snnreport_series_x(series, index);

    if (isnan(snnreport_ruler_place(&frame->x, x))) return false;
    out->left = snnreport_ruler_clamp(&frame->x, x - half);
    out->right = snnreport_ruler_clamp(&frame->x, x + half);
    out->top = snnreport_ruler_place(&frame->y, series->y[index]);
    return !isnan(out->top);
}

/* The next bar from an index on, as wide as a pixel at least; false: none. */
static bool next_bar(const struct snnreport_frame *frame, const struct snnreport_series *series,
                     double half, size_t *index, struct bar *out)
{
    bool begun = false;

    for (; *index < series->count; (*index)++) {
        struct bar bar;
        if (!bar_at(frame, series, *index, half, &bar)) {
            if (begun) break;
            continue;
        }
        if (!begun) {
            *out = bar;
            begun = true;
            continue;
        }
        if (bar.right - out->left > 1) break;
        out->right = bar.right;
        out->top = fmin(out->top, bar.top);
    }
    return begun;
}

static double base_of(const struct snnreport_frame *frame)
{
    return snnreport_ruler_clamp(&frame->y, frame->y.scale == SNNREPORT_LINEAR ? 0 : frame->y.min);
}

static void draw_bars(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    double half = snnreport_series_half(series) * 0.8, base = base_of(frame);
    struct bar bar;
    size_t index = 0;

    snnreport_put(frame->out, "<path class=\"bar\"");
    snnreport_attribute(frame->out, "data-json", series->source);
    snnreport_put(frame->out, " d=\"");
    while (next_bar(frame, series, half, &index, &bar)) {
        snnreport_point(frame->out, "M", bar.left, base);
        snnreport_coordinate(frame->out, "V", bar.top);
        snnreport_coordinate(frame->out, "H", bar.right);
        snnreport_coordinate(frame->out, "V", base);
        snnreport_put(frame->out, "Z");
    }
    snnreport_put(frame->out, "\"/>\n");
}

/* The outline of neighbouring steps is one stroke; between others it goes down to the base. */
static void step_path(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    double half = snnreport_series_half(series), base = base_of(frame), end = NAN;
    struct bar bar;
    size_t index = 0;

    while (next_bar(frame, series, half, &index, &bar)) {
        if (!(fabs(bar.left - end) < 0.05)) {
            if (!isnan(end)) snnreport_coordinate(frame->out, "V", base);
            snnreport_point(frame->out, "M", bar.left, base);
        }
        snnreport_coordinate(frame->out, "V", bar.top);
        snnreport_coordinate(frame->out, "H", bar.right);
        end = bar.right;
    }
    if (!isnan(end)) snnreport_coordinate(frame->out, "V", base);
}

static void draw_steps(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    snnreport_put(frame->out, "<path class=\"area\" d=\"");
    step_path(frame, series);
    snnreport_put(frame->out, "\"/>\n<path class=\"line\"");
    snnreport_attribute(frame->out, "data-json", series->source);
    snnreport_put(frame->out, " d=\"");
    step_path(frame, series);
    snnreport_put(frame->out, "\"/>\n");
}

/* ---- Dots ---- */

void snnreport_marks_dot(struct snnreport_text *out, unsigned colour, double x, double y)
{
    static const char *const shapes[] = {
        "a3.2,3.2 0 1 0 6.4,0a3.2,3.2 0 1 0-6.4,0z",       /* disc */
        "v-3h6.4v6h-6.4z",                                 /* square */
        "l3.2,-3.9l3.2,3.9l-3.2,3.9z",                     /* diamond */
        "m-.6,3l3.8,-7l3.8,7z",                            /* triangle */
        "m-.6,-3l3.8,7l3.8,-7z",                           /* triangle on its tip */
        "v-1h2.2v-2.2h2v2.2h2.2v2h-2.2v2.2h-2v-2.2h-2.2z", /* cross */
    };

    snnreport_point(out, "M", x - DOT_RADIUS, y);
    snnreport_put(out, shapes[colour % SNNREPORT_COLOURS]);
}

static void draw_dots(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    size_t stride = series->count / DOTS_MAX + 1;

    snnreport_put(frame->out, "<g");
    snnreport_attribute(frame->out, "data-json", series->source);
    snnreport_put(frame->out, ">\n");
    for (size_t i = 0; i < series->count; i += stride) {
        struct point p = point_at(frame, series, i);
        if (!is_point(p)) continue;
        snnreport_printf(frame->out, "<path class=\"dot\" data-value=\"%.9g %.9g\" d=\"",
                         snnreport_series_x(series, i), series->y[i]);
        snnreport_marks_dot(frame->out, series->color, p.x, p.y);
        snnreport_put(frame->out, "\"");
        if (series->names && series->names[i]) {
            snnreport_put(frame->out, "><title>");
            snnreport_escaped(frame->out, series->names[i]);
            snnreport_put(frame->out, "</title></path>\n");
        } else {
            snnreport_put(frame->out, "/>\n");
        }
    }
    snnreport_put(frame->out, "</g>\n");
}

/* ---- All ---- */

void snnreport_marks_draw(struct snnreport_frame *frame, const struct snnreport_series *series)
{
    snnreport_printf(frame->out, "<g class=\"c%u%s\">\n", series->color % SNNREPORT_COLOURS,
                     series->faint ? " faint" : "");
    if (series->low && series->high && series->count > 0) draw_band(frame, series);
    switch (series->mark) {
    case SNNREPORT_LINE:
        draw_line(frame, series);
        break;
    case SNNREPORT_STEPS:
        draw_steps(frame, series);
        break;
    case SNNREPORT_BARS:
        draw_bars(frame, series);
        break;
    case SNNREPORT_DOTS:
        draw_dots(frame, series);
        break;
    }
    snnreport_put(frame->out, "</g>\n");
}

/* Whether a stroke from p to q passes through a box: Liang and Barsky's clipping, of which only the
 * answer counts. */
static bool crosses(struct point p, struct point q, const struct snnreport_box *box)
{
    double from = 0, to = 1;
    const double deltas[] = {p.x - q.x, q.x - p.x, p.y - q.y, q.y - p.y};
    const double rooms[] = {p.x - box->left, box->right - p.x, p.y - box->top, box->bottom - p.y};

    for (int side = 0; side < 4; side++) {
        if (deltas[side] == 0) {
            if (rooms[side] < 0) return false;
            continue;
        }
        double at = rooms[side] / deltas[side];
        if (deltas[side] < 0)
            from = fmax(from, at);
        else
            to = fmin(to, at);
    }
    return from <= to;
}

static bool line_crosses(const struct snnreport_frame *frame, const struct snnreport_series *series,
                         const struct snnreport_box *box)
{
    struct point before = {NAN, NAN};

    for (size_t i = 0; i < series->count; i++) {
        struct point p = point_at(frame, series, i);
        if (is_point(p) && crosses(is_point(before) ? before : p, p, box)) return true;
        before = p;
    }
    return false;
}

static bool bars_cross(const struct snnreport_frame *frame, const struct snnreport_series *series,
                       const struct snnreport_box *box)
{
    double half = snnreport_series_half(series);

    for (size_t i = 0; i < series->count; i++) {
        struct bar bar;
        if (!bar_at(frame, series, i, half, &bar)) continue;
        if (bar.left < box->right && bar.right > box->left && bar.top < box->bottom) return true;
    }
    return false;
}

static bool dots_cross(const struct snnreport_frame *frame, const struct snnreport_series *series,
                       const struct snnreport_box *box)
{
    const double r = DOT_RADIUS + 0.8;

    for (size_t i = 0; i < series->count; i++) {
        struct point p = point_at(frame, series, i);
        if (is_point(p) && p.x + r > box->left && p.x - r < box->right && p.y + r > box->top &&
            p.y - r < box->bottom)
            return true;
    }
    return false;
}

bool snnreport_marks_cross(const struct snnreport_frame *frame, struct snnreport_box box)
{
    for (size_t i = 0; i < frame->chart->series_count; i++) {
        const struct snnreport_series *series = &frame->chart->series[i];
        bool hit = series->mark == SNNREPORT_LINE   ? line_crosses(frame, series, &box)
                   : series->mark == SNNREPORT_DOTS ? dots_cross(frame, series, &box)
                                                    : bars_cross(frame, series, &box);
        if (hit) return true;
    }
    return false;
}
