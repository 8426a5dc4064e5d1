/* Spikes of one sample over time, lane under lane.
 *
 * A lane of few spikes shows each of them; of many, squares of some pixels as dark as there are
 * spikes in them. So the picture is bounded, whatever the net and the sample.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/axis.h"
#include "tools/report/chart.h"
#include "tools/report/draw.h"

#define WIDTH 720u
#define HEIGHT 640.0    /* of all lanes, unless they are too many */
#define HEIGHT 640.0    /* of all lanes, unless they are too many */
#define GAP 6.0         /* between lanes, and of words to strokes */
#define HEAD 24.0       /* above the lanes */
#define FOOT 42.0       /* below them */
#define NAME_SHARE 0.22 /* of the width, at most */
#define LANE_MIN 15.0
#define LANE_MAX 96.0
#define LANES_MAX 400
#define X_SPACING 44.0
#define SPIKES_LANE_MAX 4000 /* shown one by one, of a lane and of all */
#define SPIKES_MAX 16000
#define CELL 3.5        /* pixels a side of a square of densities, at least */
#define COLUMNS_MAX 256 /* squares; spikes may have been merged by as many (gather.c) */
#define ROWS_MAX 32
#define LEVELS 5

struct stage {
    struct snnreport_text *out;
    const struct snnreport_raster *raster;
    size_t lanes;
    double width, height, left, right; /* left, right: of the lanes */
    double scale;                      /* of the heights of lanes */
    struct snnreport_ruler x;
};

/* ---- Layout ---- */

/* A lane grows with the logarithm of its neurons. */
static double wish(const struct snnreport_lane *lane)
{
    return fmin(LANE_MAX, LANE_MIN + 8 * log2((double)lane->neurons + 1));
}

static double lane_height(const struct stage *stage, size_t index)
{
    return fmax(LANE_MIN, stage->scale * wish(&stage->raster->lanes[index]));
}

static void neurons_text(char text[60], const struct snnreport_lane *lane)
{
    char count[40];

    snnreport_count(count, lane->neurons);
    snprintf(text, 60, "%s neuron%s", count, lane->neurons == 1 ? "" : "s");
}

static void lay_out(struct stage *stage)
{
    const struct snnreport_raster *raster = stage->raster;
    double names = 0, totals = snnreport_width("spikes", SNNREPORT_SIZE), sum = 0;
    char text[60];

    for (size_t i = 0; i < stage->lanes; i++) {
        neurons_text(text, &raster->lanes[i]);
        names = fmax(names, snnreport_width(raster->lanes[i].name, SNNREPORT_SIZE));
        names = fmax(names, snnreport_width(text, SNNREPORT_TICK));
        snnreport_count(text, raster->lanes[i].total);
        totals = fmax(totals, snnreport_width(text, SNNREPORT_SIZE));
        sum += wish(&raster->lanes[i]) + GAP;
    }
    stage->width = raster->width > 0 ? raster->width : WIDTH;
    stage->left = ceil(fmin(names, NAME_SHARE * stage->width)) + GAP + 1;
    stage->right = stage->width - ceil(totals) - GAP - 1;
    stage->scale = fmin(1, HEIGHT / fmax(1, sum));
    if (raster->height > 0 && sum > 0) stage->scale = fmax(0, raster->height - HEAD - FOOT) / sum;
    stage->height = HEAD + FOOT;
    for (size_t i = 0; i < stage->lanes; i++)
        stage->height += lane_height(stage, i) + GAP;
    struct snnreport_axis axis = {.min = 0, .max = raster->timesteps > 0 ? raster->timesteps : 1};
    struct snnreport_extent extent;
    snnreport_extent_begin(&extent);
    snnreport_ruler(&stage->x, &axis, &extent, stage->right - stage->left, X_SPACING);
    stage->x.from = stage->left;
    stage->x.to = stage->right;
}

/* ---- Lanes ---- */

struct lane_box {
    double top, height;
};

/* The middle of a neuron's row; number 0 is at the bottom. */
static double neuron_y(const struct snnreport_lane *lane, const struct lane_box *box,
                       uint32_t neuron)
{
    double neurons = fmax(1, (double)lane->neurons);

    return box->top + box->height * (1 - fmin(neuron + 0.5, neurons) / neurons);
}

static void draw_spikes(const struct stage *stage, const struct snnreport_lane *lane,
                        const struct lane_box *box)
{
    double row = box->height / fmax(1, (double)lane->neurons);
    double mark = fmax(1.6, fmin(row * 0.8, 7));

    snnreport_put(stage->out, "<path class=\"spike\" stroke-width=\"1.3\" d=\"");
    for (size_t i = 0; i < lane->count; i++) {
        double x = snnreport_ruler_place(&stage->x, lane->spikes[i].step);
        if (isnan(x)) continue;
        double y = neuron_y(lane, box, lane->spikes[i].neuron) - mark / 2;
        y = fmax(box->top, fmin(y, box->top + box->height - mark));
        snnreport_point(stage->out, "M", x, y);
        snnreport_coordinate(stage->out, "v", mark);
    }
    snnreport_put(stage->out, "\"/>\n");
}

/* Squares of whole steps and neurons, so that all hold as many of them; powers of two, as those
 * that spikes may have been merged by. */
struct density {
    uint64_t steps, neurons; /* of a square */
    size_t columns, rows;
    double *counts; /* [rows][columns], neuron 0 in row 0 */
    double greatest;
};

static uint64_t per_square(uint64_t count, double pixels, double squares_max, size_t *squares_out)
{
    uint64_t each = 1;

    squares_max = fmin(squares_max, fmax(1, pixels / CELL));
    while ((double)count / (double)each > squares_max && each < UINT64_MAX / 2)
        each *= 2;
    *squares_out = (size_t)((count + each - 1) / each);
    return each;
}

static void density_fill(struct density *density, const struct snnreport_lane *lane)
{
    for (size_t i = 0; i < lane->count; i++) {
        const struct snnreport_spike *spike = &lane->spikes[i];
        if (!(spike->step >= 0)) continue;
        double column = floor(spike->step / (double)density->steps);
        size_t row = (size_t)(spike->neuron / density->neurons);
        if (column > (double)density->columns || row >= density->rows) continue;
        size_t at = (size_t)fmin(column, (double)density->columns - 1);
        double *count = &density->counts[row * density->columns + at];
        *count += spike->count;
        density->greatest = fmax(density->greatest, *count);
    }
}

static int level_of(const struct density *density, size_t row, size_t column)
{
    double count = column < density->columns ? density->counts[row * density->columns + column] : 0;

    return count > 0 ? (int)fmax(1, ceil(sqrt(count / density->greatest) * LEVELS - 1e-9)) : 0;
}

/* Neighbours of one level are one stroke. */
static void density_row(const struct density *density, const struct stage *stage, size_t row,
                        double y, int level)
{
    size_t begin = 0;

    for (size_t column = 0; column <= density->columns; column++) {
        if (level_of(density, row, column) == level) continue;
        if (column > begin) {
            double from = (double)(begin * density->steps), to = (double)(column * density->steps);
            snnreport_point(stage->out, "M", snnreport_ruler_clamp(&stage->x, from), y);
            snnreport_coordinate(stage->out, "H", snnreport_ruler_clamp(&stage->x, to));
        }
        begin = column + 1;
    }
}

static void density_draw(const struct density *density, const struct stage *stage,
                         const struct snnreport_lane *lane, const struct lane_box *box)
{
    double height = box->height * (double)density->neurons / fmax(1, (double)lane->neurons);

    for (int level = 1; level <= LEVELS; level++) {
        snnreport_printf(stage->out, "<path class=\"spike\" opacity=\"%.2f\"",
                         0.9 * level / LEVELS);
        snnreport_coordinate(stage->out, " stroke-width=\"", fmin(height, box->height));
        snnreport_put(stage->out, "\" d=\"");
        for (size_t row = 0; row < density->rows; row++) {
            double y = box->top + box->height - ((double)row + 0.5) * height;
            density_row(density, stage, row, fmax(y, box->top + height / 2), level);
        }
        snnreport_put(stage->out, "\"/>\n");
    }
}

static void draw_density(const struct stage *stage, const struct snnreport_lane *lane,
                         const struct lane_box *box)
{
    struct density density = {0};
    uint64_t neurons = lane->neurons > 0 ? lane->neurons : 1;

    density.steps = per_square((uint64_t)stage->x.max, stage->right - stage->left, COLUMNS_MAX,
                               &density.columns);
    density.neurons = per_square(neurons, box->height, ROWS_MAX, &density.rows);
    density.counts = calloc(density.rows * density.columns, sizeof *density.counts);
    if (!density.counts) {
        stage->out->failed = true;
        return;
    }
    density_fill(&density, lane);
    density_draw(&density, stage, lane, box);
    free(density.counts);
}

static void draw_lane_words(const struct stage *stage, const struct snnreport_lane *lane,
                            const struct lane_box *box)
{
    bool two = box->height >= 30;
    double middle = box->top + box->height / 2;
    char text[60];

    snnreport_word(stage->out, &(struct snnreport_word){.string = lane->name,
                                                        .x = 1,
                                                        .y = middle + (two ? -3 : 4),
                                                        .width_max = stage->left - GAP - 1});
    neurons_text(text, lane);
    if (two)
        snnreport_word(stage->out, &(struct snnreport_word){.string = text,
                                                            .x = 1,
                                                            .y = middle + 12,
                                                            .size = SNNREPORT_TICK,
                                                            .classes = "tick soft",
                                                            .width_max = stage->left - GAP - 1});
    snnreport_count(text, lane->total);
    snnreport_word(stage->out, &(struct snnreport_word){.string = text,
                                                        .x = stage->width - 1,
                                                        .y = middle + 4,
                                                        .anchor = SNNREPORT_END});
}

static void draw_lane(const struct stage *stage, size_t index, const struct lane_box *box)
{
    const struct snnreport_lane *lane = &stage->raster->lanes[index];
    size_t most = SPIKES_MAX / stage->lanes;

    if (most > SPIKES_LANE_MAX) most = SPIKES_LANE_MAX;
    bool single = lane->count <= most && !lane->merged;
    snnreport_put(stage->out, "<g");
    snnreport_attribute(stage->out, "data-lane", lane->name);
    snnreport_printf(stage->out, " data-neurons=\"%llu\" data-spikes=\"%llu\" data-shown=\"%s\"",
                     (unsigned long long)lane->neurons, (unsigned long long)lane->total,
                     single ? "spikes" : "density");
    snnreport_coordinate(stage->out, " data-y=\"", box->top + box->height);
    snnreport_coordinate(stage->out, " ", box->top);
    snnreport_printf(stage->out, "\" class=\"c%u\">\n<path class=\"grid\" d=\"",
                     index == 0 ? 1 : 0);
    snnreport_point(stage->out, "M", stage->left, box->top + box->height + GAP / 2);
    snnreport_coordinate(stage->out, "H", stage->right);
    snnreport_put(stage->out, "\"/>\n");
    if (single)
        draw_spikes(stage, lane, box);
    else
        draw_density(stage, lane, box);
    snnreport_put(stage->out, "</g>\n");
    draw_lane_words(stage, lane, box);
}

/* ---- Around them ---- */

static void draw_axis(const struct stage *stage, double bottom)
{
    double taken = -INFINITY;
    char label[80] = "time step";

    snnreport_put(stage->out, "<path class=\"axis\" d=\"");
    snnreport_point(stage->out, "M", stage->left, bottom);
    snnreport_coordinate(stage->out, "H", stage->right);
    for (size_t i = 0; i < stage->x.tick_count; i++) {
        snnreport_point(stage->out, "M", snnreport_ruler_place(&stage->x, stage->x.ticks[i].value),
                        bottom);
        snnreport_put(stage->out, "v4");
    }
    snnreport_put(stage->out, "\"/>\n");
    for (size_t i = 0; i < stage->x.tick_count; i++) {
        struct snnreport_word word = {.string = stage->x.ticks[i].label,
                                      .x =
                                          snnreport_ruler_place(&stage->x, stage->x.ticks[i].value),
                                      .y = bottom + 16,
                                      .size = SNNREPORT_TICK,
                                      .anchor = SNNREPORT_MIDDLE,
                                      .classes = "tick soft"};
        struct snnreport_box box = snnreport_word_box(&word);
        if (box.left < taken + GAP || box.right > stage->width) continue;
        taken = box.right;
        snnreport_word(stage->out, &word);
    }
    if (stage->raster->dt_ms > 0)
        snprintf(label, sizeof label, "time step of %.4g ms", stage->raster->dt_ms);
    snnreport_word(stage->out, &(struct snnreport_word){.string = label,
                                                        .x = (stage->left + stage->right) / 2,
                                                        .y = bottom + 32,
                                                        .anchor = SNNREPORT_MIDDLE,
                                                        .classes = "soft",
                                                        .width_max = stage->width});
}

/* The line of the decision, with its word on the side where there is room. */
static void draw_decision(const struct stage *stage, double bottom)
{
    double x = snnreport_ruler_place(&stage->x, stage->raster->decided_step);
    char text[80];

    if (isnan(x)) return;
    snnreport_printf(stage->out, "<path class=\"mark\" data-decided=\"%.9g\"",
                     stage->raster->decided_step);
    snnreport_point(stage->out, " d=\"M", x, HEAD - 4);
    snnreport_coordinate(stage->out, "V", bottom);
    snnreport_put(stage->out, "\"/>\n");
    double steps = ceil(stage->raster->decided_step);
    const char *by = stage->raster->decided_by ? stage->raster->decided_by : "decision";
    snprintf(text, sizeof text, "%.40s after %.0f step%s", by, steps, steps > 1 ? "s" : "");
    struct snnreport_word word = {
        .string = text, .x = x, .y = HEAD - 9, .anchor = SNNREPORT_MIDDLE, .classes = "soft"};
    struct snnreport_box box = snnreport_word_box(&word);
    if (box.right > stage->right) word.x -= box.right - stage->right;
    if (box.left < 1) word.x += 1 - box.left;
    snnreport_word(stage->out, &word);
}

static void draw(const struct stage *stage)
{
    double top = HEAD, bottom = stage->height - FOOT;

    snnreport_word(stage->out, &(struct snnreport_word){.string = "spikes",
                                                        .x = stage->width - 1,
                                                        .y = HEAD - 9,
                                                        .anchor = SNNREPORT_END,
                                                        .classes = "soft"});
    snnreport_printf(stage->out, "<g class=\"raster\" data-x=\"linear 0 %.9g", stage->x.max);
    snnreport_coordinate(stage->out, " ", stage->left);
    snnreport_coordinate(stage->out, " ", stage->right);
    snnreport_put(stage->out, "\">\n");
    for (size_t i = 0; i < stage->lanes; i++) {
        struct lane_box box = {top, lane_height(stage, i)};
        draw_lane(stage, i, &box);
        top += box.height + GAP;
    }
    snnreport_put(stage->out, "</g>\n");
    draw_decision(stage, bottom);
    draw_axis(stage, bottom);
}

static struct stage stage_of(struct snnreport_text *out, const struct snnreport_raster *raster)
{
    struct stage stage = {.out = out, .raster = raster};

    stage.lanes = raster->lane_count < LANES_MAX ? raster->lane_count : LANES_MAX;
    lay_out(&stage);
    return stage;
}

void snnreport_raster(struct snnreport_text *out, const struct snnreport_raster *raster)
{
    struct stage stage = stage_of(out, raster);

    snnreport_open(out, SNNREPORT_PAGE, raster->title, raster->description, (unsigned)stage.width,
                   (unsigned)ceil(stage.height));
    draw(&stage);
    snnreport_shut(out);
}

void snnreport_raster_file(struct snnreport_text *out, const struct snnreport_raster *raster)
{
    struct stage stage = stage_of(out, raster);

    snnreport_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    snnreport_open(out, SNNREPORT_FILE, raster->title, raster->description, (unsigned)stage.width,
                   (unsigned)ceil(stage.height));
    snnreport_put(out, "<style>\n");
    snnreport_chart_style(out);
    snnreport_printf(out, "</style>\n<rect class=\"ground\" x=\"%d\" y=\"%d\" width=\"100%%\" ",
                     -SNNREPORT_MARGIN, -SNNREPORT_HEAD);
    snnreport_put(out, "height=\"100%\"/>\n");
    if (raster->title)
        snnreport_word(out, &(struct snnreport_word){.string = raster->title,
                                                     .x = 1,
                                                     .y = -16,
                                                     .classes = "title",
                                                     .width_max = stage.width / 1.2 - 2});
    draw(&stage);
    snnreport_shut(out);
}
