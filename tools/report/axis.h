/* An axis of a chart as drawn: its range, where values stand on it, and its ticks.
 *
 * First the range (of the axis, or of the data where it says none), then the ticks for so many
 * pixels, which are round numbers, then the place of both ends on the view box.
 */
#ifndef TOOLS_REPORT_AXIS_H
#define TOOLS_REPORT_AXIS_H

#include "tools/report/chart.h"

#define SNNREPORT_TICK_MAX 24

struct snnreport_tick {
    double value;
    char label[32];
};

struct snnreport_ruler {
    enum snnreport_scale scale;
    double min, max; /* values */
    double from, to; /* where they stand */
    double pixels;   /* that ticks were made for */
    struct snnreport_tick ticks[SNNREPORT_TICK_MAX];
    size_t tick_count;
    char unit[32]; /* for behind the label: "", "%", "nJ" */
};

/* What the data ask of an axis. */
struct snnreport_extent {
    double min, max;  /* of values that the scale can show; min > max: none */
    double error_min; /* least 1 - value above 0 */
    bool whole;       /* no fractions */
    bool from_zero;   /* bars stand on it */
    bool round;       /* the axis ends at ticks */
};
void snnreport_extent_begin(struct snnreport_extent *extent);
/* Values that the scale cannot show are passed over. */
void snnreport_extent_add(struct snnreport_extent *extent, enum snnreport_scale scale,
                          double value);

/* Range and ticks, `spacing` pixels apart or more. */
void snnreport_ruler(struct snnreport_ruler *ruler, const struct snnreport_axis *axis,
                     const struct snnreport_extent *extent, double pixels, double spacing);

/* Where a value stands between `from` and `to`; NaN: not on this axis. */
double snnreport_ruler_place(const struct snnreport_ruler *ruler, double value);
/* The same, at the nearer end where it lies beyond one. NaN stays NaN. */
double snnreport_ruler_clamp(const struct snnreport_ruler *ruler, double value);

#endif
