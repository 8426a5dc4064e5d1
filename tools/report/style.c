/* The looks of charts: one table of colours, said for light and for dark.
 *
 * The hues of series are those of M. Okabe and K. Ito, "Color Universal Design" (2008), which
 * people with any colour vision tell apart; each is darkened for light ground and lightened for
 * dark ground until it has a contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3;
 * tests/unit/report/style.c measures it). Dashes and shapes tell series apart without colour. No
 * CSS variables: programs that show SVG files do not all know them.
 */
#include "tools/report/chart.h"
#include "tools/report/draw.h"

struct colour {
    const char *selector, *property;
    const char *light, *dark;
};

static const struct colour colours[] = {
    {".ground", "fill", "#ffffff", "#14171c"}, {"text", "fill", "#1c2024", "#e4e8ec"},
    {".soft", "fill", "#57606a", "#9aa4af"},   {".axis", "stroke", "#8c959f", "#6e7781"},
    {".grid", "stroke", "#e3e7eb", "#2a3038"}, {".mark", "stroke", "#57606a", "#9aa4af"},
    {".c0", "color", "#0072b2", "#56b4e9"},    {".c1", "color", "#b84e00", "#e69f00"},
    {".c2", "color", "#007a58", "#2fbd92"},    {".c3", "color", "#a04a7c", "#d995bb"},
    {".c4", "color", "#7a6400", "#f0e442"},    {".c5", "color", "#57606a", "#b4bdc7"},
    {".right", "fill", "#0072b2", "#0072b2"},  {".wrong", "fill", "#d55e00", "#d55e00"},
};

#define COLOUR_COUNT (sizeof colours / sizeof *colours)

/* What is the same on any ground. */
static const char shapes[] =
    ".chart{font:12px system-ui,\"DejaVu Sans\",sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    ".chart .tick{font-size:11px}\n"
    ".chart .title{font-weight:600}\n"
    ".chart .line{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round}\n"
    ".chart .c1 .line{stroke-dasharray:7 3}\n"
    ".chart .c2 .line{stroke-dasharray:2 3}\n"
    ".chart .c3 .line{stroke-dasharray:9 3 2 3}\n"
    ".chart .c4 .line{stroke-dasharray:12 4}\n"
    ".chart .c5 .line{stroke-dasharray:4 4}\n"
    ".chart .band{fill:currentColor;opacity:.18}\n"
    ".chart .bar,.chart .dot,.chart .own{fill:currentColor}\n"
    ".chart .area{fill:currentColor;opacity:.25}\n"
    ".chart .spike{fill:none;stroke:currentColor}\n"
    ".chart .faint{opacity:.45}\n"
    ".chart .axis,.chart .grid{fill:none;stroke-width:1;shape-rendering:crispEdges}\n"
    ".chart .mark{fill:none;stroke-width:1.2;stroke-dasharray:5 3}\n";

static void put_colours(struct snnreport_text *out, bool dark)
{
    for (size_t i = 0; i < COLOUR_COUNT; i++) {
        const struct colour *c = &colours[i];
        snnreport_printf(out, ".chart %s{%s:%s}\n", c->selector, c->property,
                         dark ? c->dark : c->light);
    }
}

void snnreport_chart_style(struct snnreport_text *out)
{
    put_colours(out, false);
    snnreport_put(out, shapes);
    snnreport_put(out, "@media screen and (prefers-color-scheme:dark){\n");
    put_colours(out, true);
    snnreport_put(out, "}\n@media print{.chart{break-inside:avoid}}\n");
}
