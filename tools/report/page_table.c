/* Headings, tables and figures of the page: the HTML that all sections are made of.
 */
#include <string.h>

#include "tools/report/page_parts.h"

#define SHORT_MAX 16 /* bytes: "softmax:0.9999@4" */

void snnreport_heading(const struct snnreport_pen *pen, const char *id, const char *text)
{
    snnreport_printf(pen->out, "<h%u id=\"%s-%u\">%s</h%u>\n", pen->level, id, pen->index, text,
                     pen->level);
}

void snnreport_table_open(const struct snnreport_pen *pen, const char *caption, const char *columns)
{
    struct snnreport_text *out = pen->out;
    snnreport_put(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
    snnreport_escaped(out, caption);
    snnreport_put(out, "\">\n<table>\n<caption><span>");
    snnreport_escaped(out, caption);
    snnreport_put(out, "</span></caption>\n<thead><tr>");
    while (*columns != '\0') {
        const size_t size = strcspn(columns, "|");
        const bool left = *columns == '<';
        snnreport_printf(out, "<th scope=\"col\"%s>%.*s</th>", left ? " class=\"l\"" : "",
                         (int)(size - left), columns + left);
        columns += size + (columns[size] == '|');
    }
    snnreport_put(out, "</tr></thead>\n<tbody>\n");
}

void snnreport_table_close(const struct snnreport_pen *pen)
{
    snnreport_put(pen->out, "</tbody>\n</table>\n</div>\n");
}

void snnreport_row_open(const struct snnreport_pen *pen, const char *heading)
{
    /* Long names are broken where a table is narrow. */
    const bool is_short = strlen(heading) <= SHORT_MAX;
    snnreport_printf(pen->out, "<tr><th scope=\"row\" class=\"l%s\">", is_short ? " short" : "");
    snnreport_escaped(pen->out, heading);
    snnreport_put(pen->out, "</th>");
}

void snnreport_row_close(const struct snnreport_pen *pen)
{
    snnreport_put(pen->out, "</tr>\n");
}

void snnreport_figure_open(const struct snnreport_pen *pen)
{
    snnreport_put(pen->out, "<figure>\n");
}

void snnreport_figure_close(const struct snnreport_pen *pen, const char *caption)
{
    snnreport_put(pen->out, "\n<figcaption>");
    snnreport_put(pen->out, caption);
    snnreport_put(pen->out, "</figcaption>\n</figure>\n");
}
