/* Charts as SVG, for pages and files: numbers in, one <svg> element out.
 *
 * No scripts, no fonts, no outside references. Colours are classes (c0, c1, ... of series; ink,
 * faint, grid, ...) which snnreport_chart_style defines for light, dark and print; an SVG file of
 * its own carries the style with it. Text never overlaps: ticks and direct labels that do not fit
 * are moved or left out. Each chart has <title> and <desc>, so that it is read without eyes.
 * `source` of a mark is the JSON pointer of the numbers it shows ("/results/0/accuracy_by_step");
 * it is kept as the attribute data-json, by which tests find it. Of a chart the group .plot says
 * how to have the numbers back from the strokes: data-x, data-y = "linear|log|error MIN MAX FROM
 * TO", the values at both ends of the axis and where these stand.
 *
 * Widths are pixels of CSS, in which words are 11 and 12 high. So that they stay so at any width of
 * the page, draw charts about 380 wide and set more of them side by side on wide pages. An <svg> is
 * never narrower than 0.85 of what it was drawn for: put it into a box that scrolls (overflow-x).
 */
#ifndef TOOLS_REPORT_CHART_H
#define TOOLS_REPORT_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/report/text.h"

enum snnreport_scale {
    SNNREPORT_LINEAR,
    SNNREPORT_LOG,   /* positive values only */
    SNNREPORT_ERROR, /* fractions, stretched towards 1: logarithmic in 1 - value */
};

struct snnreport_axis {
    const char *label;
    enum snnreport_scale scale;
    double min, max;  /* both NaN: from the data */
    bool percent;     /* fractions that are shown in per cent */
    const char *unit; /* of SI prefixes: "J", "SynOps"; NULL: plain numbers */
};

enum snnreport_mark { SNNREPORT_LINE, SNNREPORT_STEPS, SNNREPORT_BARS, SNNREPORT_DOTS };

struct snnreport_series {
    const char *label; /* beside its end, or in a legend; NULL: none */
    enum snnreport_mark mark;
    const double *x; /* [count]; NULL: 1, 2, ... */
    const double *y; /* [count]; NaN leaves a gap */
    size_t count;
    const double *low, *high; /* [count] band around it; NULL: none */
    const char *const *names; /* [count] of dots, beside them as far as they fit; or NULL */
    unsigned color;
    bool faint;         /* in the background */
    const char *source; /* JSON pointer, or NULL */
};

/* A horizontal line with a label: "CNN 99.48 %". */
struct snnreport_reference {
    double value;
    const char *label;
    const char *source;
};

struct snnreport_chart {
    const char *title;       /* for <title>; what stands above it is the page's */
    const char *description; /* in a sentence: what there is to see */
    unsigned width, height;  /* of the view box; it scales with the page */
    struct snnreport_axis x, y;
    const struct snnreport_series *series;
    size_t series_count;
    const struct snnreport_reference *references;
    size_t reference_count;
};

/* Appends one <svg>. Values that an axis cannot show are left out. */
void snnreport_chart(struct snnreport_text *out, const struct snnreport_chart *chart);

/* One row a layer: name, bar, number. */
struct snnreport_row {
    const char *name;
    double value;       /* >= 0, NaN: none */
    const char *text;   /* the number as shown */
    const char *source; /* JSON pointer, or NULL */
};
void snnreport_rows(struct snnreport_text *out, const char *title, const struct snnreport_row *rows,
                    size_t count, unsigned width);

/* A confusion matrix: rows are labels, columns predictions; shades by the share of the row. */
struct snnreport_matrix {
    const char *title;
    const uint64_t *counts; /* [classes][classes] */
    uint32_t classes;
    const char *source;
};
void snnreport_matrix(struct snnreport_text *out, const struct snnreport_matrix *matrix,
                      unsigned width);

/* Spikes of one sample: time to the right, a lane for the input and each layer, neurons upwards in
 * the lane; of a lane with more spikes than pixels the density is shown. */
struct snnreport_spike {
    float step;      /* 0 to timesteps; the fraction is the place within the step */
    uint32_t neuron; /* of its lane */
    uint32_t count;
};
struct snnreport_lane {
    const char *name;
    uint64_t neurons;
    const struct snnreport_spike *spikes; /* in any order */
    size_t count;
    bool merged;    /* one stands for its neighbours, too: only densities are shown */
    uint64_t total; /* spikes, as told beside the lane */
};
struct snnreport_raster {
    const char *title;
    const char *description;
    double dt_ms;
    uint32_t timesteps;
    const struct snnreport_lane *lanes; /* input first */
    size_t lane_count;
    double decided_step;    /* a vertical line after so many steps; NaN: none */
    const char *decided_by; /* what it says: "decision" */
    unsigned width, height; /* 0: what suits the lanes */
};
void snnreport_raster(struct snnreport_text *out, const struct snnreport_raster *raster);

/* The classes that charts use: the content of a <style> element. */
void snnreport_chart_style(struct snnreport_text *out);
/* Wraps what `draw` appends as a file of its own: XML head, style, background. */
void snnreport_raster_file(struct snnreport_text *out, const struct snnreport_raster *raster);

#endif
