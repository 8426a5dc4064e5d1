/* What the parts of the page share: where text goes, and how a number is shown.
 *
 * Every number goes through snnreport_number, which rounds it for people and notes where the JSON
 * document has it. A pointer to an array stands for its sum.
 */
#ifndef TOOLS_REPORT_PAGE_PARTS_H
#define TOOLS_REPORT_PAGE_PARTS_H

#include "tools/report/page.h"

enum snnreport_form {
    SNNREPORT_PERCENT, /* "99.48 %" of a fraction */
    SNNREPORT_POINTS,  /* "99.48", likewise, where the sign follows */
    SNNREPORT_SI,      /* "10.8 M" */
    SNNREPORT_JOULE,   /* "108 µJ" of microjoules */
    SNNREPORT_TIME,    /* "1.00 ms" of microseconds */
    SNNREPORT_COUNT,   /* "10,000" */
    SNNREPORT_MEAN,    /* "1.72" */
    SNNREPORT_FINE,    /* "0.9987" */
};

/* One result among those of the report. */
struct snnreport_pen {
    struct snnreport_text *out;
    const struct snnreport_page *page;
    const struct snn_report *report;
    const struct snn_result *r;
    uint32_t index;
    unsigned level; /* of its headings: 2, or 3 below that of its target */
};

/* ---- page_number.c ---- */

/* How a number is shown: "108 µJ". */
struct snnreport_digits {
    char text[48];
};
struct snnreport_digits snnreport_digits(enum snnreport_form form, double value);

/* A number of the document; NaN is a dash. */
void snnreport_number(struct snnreport_text *out, enum snnreport_form form, double value,
                      const char *pointer, ...) SNN_PRINTF(4, 5);
/* The same of the pen's result: the pointer begins behind "/results/0". */
void snnreport_value(const struct snnreport_pen *pen, enum snnreport_form form, double value,
                     const char *pointer, ...) SNN_PRINTF(4, 5);
/* What one number is of another, in per cent: "72.7 %". */
void snnreport_share(const struct snnreport_pen *pen, double part, double whole,
                     const char *part_pointer, const char *whole_pointer);
/* "99.34 to 99.62 %": the bounds of a share of the result's samples, as its `key` has them. */
void snnreport_interval(const struct snnreport_pen *pen, double share, const char *pointer, ...)
    SNN_PRINTF(3, 4);

/* A number in a cell of a table. */
void snnreport_cell(const struct snnreport_pen *pen, enum snnreport_form form, double value,
                    const char *pointer, ...) SNN_PRINTF(4, 5);
/* An accuracy, below it its bounds: the members `accuracy` and `accuracy_interval` of `row`, a
 * pointer behind that of the result. */
void snnreport_accuracy_cell(const struct snnreport_pen *pen, double accuracy, const char *row);
/* Its heading. */
#define SNNREPORT_ACCURACY "Accuracy <small>95 % confidence</small>"

/* ---- page_table.c ---- */

/* A heading of the pen's level, with an id that is unique on the page. */
void snnreport_heading(const struct snnreport_pen *pen, const char *id, const char *text);
/* A table that scrolls where the page is too narrow. `columns`: headings between '|', behind '<'
 * to the left. */
void snnreport_table_open(const struct snnreport_pen *pen, const char *caption,
                          const char *columns);
void snnreport_table_close(const struct snnreport_pen *pen);
/* The first cell of a row, its heading; escaped. */
void snnreport_row_open(const struct snnreport_pen *pen, const char *heading);
void snnreport_row_close(const struct snnreport_pen *pen);
/* A figure with a caption around what is appended in between. */
void snnreport_figure_open(const struct snnreport_pen *pen);
void snnreport_figure_close(const struct snnreport_pen *pen, const char *caption);

/* ---- page_charts.c: pictures, each a figure ---- */

void snnreport_draw_accuracy(const struct snnreport_pen *pen);
void snnreport_draw_latency(const struct snnreport_pen *pen);
void snnreport_draw_prices(const struct snnreport_pen *pen);
void snnreport_draw_targets(const struct snnreport_pen *pen);
void snnreport_draw_layers(const struct snnreport_pen *pen);
void snnreport_draw_confusion(const struct snnreport_pen *pen);

/* ---- Sections of a result ---- */

void snnreport_page_verdict(const struct snnreport_pen *pen);
void snnreport_page_accuracy(const struct snnreport_pen *pen);
void snnreport_page_latency(const struct snnreport_pen *pen);
void snnreport_page_rules(const struct snnreport_pen *pen);
void snnreport_page_layers(const struct snnreport_pen *pen);
void snnreport_page_rates(const struct snnreport_pen *pen);
void snnreport_page_confusion(const struct snnreport_pen *pen);
void snnreport_page_silent(const struct snnreport_pen *pen);
void snnreport_page_raster(const struct snnreport_pen *pen);
void snnreport_page_chip(const struct snnreport_pen *pen);

/* ---- Of all results ---- */

void snnreport_page_comparison(const struct snnreport_pen *pen);
void snnreport_page_run(const struct snnreport_pen *pen);

/* What tells a result from the others: "chip:speck2f interleave". */
struct snnreport_name {
    char text[128];
};
struct snnreport_name snnreport_target(const struct snn_result *result);
bool snnreport_is_spiking(const struct snn_result *result);

/* The style of the page, without that of its charts. */
void snnreport_page_style(struct snnreport_text *out);

#endif
