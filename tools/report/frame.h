/* A chart while it is drawn: its axes, where the plot stands, what words have taken. Shared by
 * chart.c, which lays it out and writes words, and marks.c, which draws numbers.
 */
#ifndef TOOLS_REPORT_FRAME_H
#define TOOLS_REPORT_FRAME_H

#include "tools/report/axis.h"
#include "tools/report/chart.h"
#include "tools/report/draw.h"

#define SNNREPORT_COLOURS 6u

struct snnreport_frame {
    struct snnreport_text *out;
    const struct snnreport_chart *chart;
    struct snnreport_ruler x, y;
    double left, right, top, bottom; /* of the plot */
    struct snnreport_places places;
};

/* The x of a value of a series. */
double snnreport_series_x(const struct snnreport_series *series, size_t index);
/* Half the distance of two bars or steps, in x. */
double snnreport_series_half(const struct snnreport_series *series);
/* Whether any stroke of the data passes through a box. */
bool snnreport_marks_cross(const struct snnreport_frame *frame, struct snnreport_box box);
/* Draws one series, with its band, without words. */
void snnreport_marks_draw(struct snnreport_frame *frame, const struct snnreport_series *series);
/* A dot of its shape. */
void snnreport_marks_dot(struct snnreport_text *out, unsigned colour, double x, double y);

#endif
