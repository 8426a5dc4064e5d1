/* Rows of names, bars and numbers; one scale for all, from 0. */
#include <math.h>
#include <stdio.h>

#include "tools/report/chart.h"
#include "tools/report/draw.h"

#define ROW 20.0
#define BAR 11.0
#define GAP 8.0
#define NAME_SHARE 0.34 /* of the width, at most */
#define TEXT_SHARE 0.40
#define ROWS_MAX 400

struct columns {
    double bar_left, bar_right, text_right; /* names begin at 1 */
    double greatest;
};

static struct columns lay_out(const struct snnreport_row *rows, size_t count, double width)
{
    struct columns columns = {.text_right = width - 1};
    double names = 0, texts = 0;

    for (size_t i = 0; i < count; i++) {
        names = fmax(names, snnreport_width(rows[i].name, SNNREPORT_SIZE));
        if (rows[i].text) texts = fmax(texts, snnreport_width(rows[i].text, SNNREPORT_SIZE));
        if (isfinite(rows[i].value)) columns.greatest = fmax(columns.greatest, rows[i].value);
    }
    columns.bar_left = ceil(fmin(names, NAME_SHARE * width)) + GAP;
    columns.bar_right = width - ceil(fmin(texts, TEXT_SHARE * width)) - GAP;
    return columns;
}

static void draw_row(struct snnreport_text *out, const struct snnreport_row *row,
                     const struct columns *columns, double top)
{
    double length = columns->bar_right - columns->bar_left;
    double middle = top + ROW / 2;

    snnreport_word(out, &(struct snnreport_word){.string = row->name,
                                                 .x = 1,
                                                 .y = middle + 4,
                                                 .width_max = columns->bar_left - GAP});
    if (isfinite(row->value) && row->value >= 0) {
        double share = columns->greatest > 0 ? row->value / columns->greatest : 0;
        snnreport_put(out, "<g class=\"c0\"><path class=\"bar\"");
        snnreport_attribute(out, "data-json", row->source);
        snnreport_printf(out, " data-value=\"%.17g\" d=\"", row->value);
        snnreport_point(out, "M", columns->bar_left, middle - BAR / 2);
        snnreport_coordinate(out, "h", fmax(share * length, row->value > 0 ? 0.6 : 0));
        snnreport_coordinate(out, "v", BAR);
        snnreport_coordinate(out, "H", columns->bar_left);
        snnreport_put(out, "z\"/></g>\n");
    }
    if (!row->text) return;
    snnreport_word(out, &(struct snnreport_word){.string = row->text,
                                                 .x = columns->text_right,
                                                 .y = middle + 4,
                                                 .anchor = SNNREPORT_END,
                                                 .width_max = columns->text_right -
                                                              columns->bar_right - GAP + 1});
}

void snnreport_rows(struct snnreport_text *out, const char *title, const struct snnreport_row *rows,
                    size_t count, unsigned width)
{
    size_t shown = count > ROWS_MAX ? ROWS_MAX : count;
    struct columns columns = lay_out(rows, shown, width);
    unsigned height = (unsigned)(ROW * (double)(shown + (count > shown || count == 0)));

    snnreport_open(out, SNNREPORT_PAGE, title, NULL, width, height);
    for (size_t i = 0; i < shown; i++)
        draw_row(out, &rows[i], &columns, ROW * (double)i);
    if (count > shown || count == 0) {
        char more[40] = "none";
        if (count > 0) snprintf(more, sizeof more, "and %zu more", count - shown);
        snnreport_word(out, &(struct snnreport_word){
                                .string = more, .x = 1, .y = height - 6.0, .classes = "soft"});
    }
    if (shown > 0) {
        snnreport_put(out, "<path class=\"axis\" d=\"");
        snnreport_point(out, "M", columns.bar_left - 0.5, 0);
        snnreport_coordinate(out, "V", ROW * (double)shown);
        snnreport_put(out, "\"/>\n");
    }
    snnreport_shut(out);
}
