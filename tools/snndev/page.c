/* The monitor's page and its numbers, from rates to HTML, SVG and JSON.
 *
 * The page is drawn here once, so that it can be read without scripts; where there are any they
 * move what was drawn (page.html).
 */
#include <string.h>

#include "tools/cli/json.h"
#include "tools/cli/table.h"
#include "tools/snndev/page_data.h"
#include "tools/snndev/serve.h"

/* Of the drawings' own units. */
enum { BAR_WIDTH = 100, SPARK_WIDTH = SNNDEV_HISTORY - 1, SPARK_HEIGHT = 20 };

static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else
            putc(*text, out);
    }
}

static void put_tile(FILE *out, const char *id, const char *name, const char *value)
{
    fprintf(out, "<div><dt>%s</dt><dd id=\"%s\">%s</dd></div>\n", name, id, value);
}

static void put_tiles(FILE *out, const struct snndev_rates *rates)
{
    char text[64];
    fputs("<dl>\n", out);
    (void)snprintf(text, sizeof(text), "%s/s", snncli_format_si(rates->in_rate).text);
    put_tile(out, "in", "events in", text);
    (void)snprintf(text, sizeof(text), "%s/s", snncli_format_si(rates->out_rate).text);
    put_tile(out, "out", "events out", text);
    put_tile(out, "samples", "samples", snncli_format_count(rates->samples).text);
    (void)snprintf(text, sizeof(text), "%s",
                   rates->labelled > 0
                       ? snncli_format_percent((double)rates->right / (double)rates->labelled).text
                       : "-");
    put_tile(out, "right", "right", text);
    put_tile(out, "lost", "events lost", snncli_format_count(rates->lost.events).text);
    put_tile(out, "lost_words", "words lost", snncli_format_count(rates->lost.words).text);
    fputs("</dl>\n", out);
}

static void put_spark(FILE *out, const struct snndev_core_rate *core)
{
    const double peak = core->peak > 0.0 ? core->peak : 1.0;
    fprintf(out,
            "<svg class=\"spark\" viewBox=\"0 -1 %d %d\" preserveAspectRatio=\"none\" "
            "aria-hidden=\"true\"><polyline points=\"",
            SPARK_WIDTH, SPARK_HEIGHT + 2);
    for (int i = 0; i < SNNDEV_HISTORY; i++)
        fprintf(out, "%s%d,%.1f", i > 0 ? " " : "", i,
                SPARK_HEIGHT * (1.0 - core->history[i] / peak));
    fputs("\"/></svg>", out);
}

static void put_core(FILE *out, const struct snndev_core_rate *core, double scale)
{
    fprintf(out, "<tr><th scope=\"row\">%u</th><td class=\"name\">", core->core);
    put_text(out, core->name);
    fprintf(out,
            "</td><td class=\"bar\"><svg viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\" "
            "aria-hidden=\"true\"><rect width=\"%.2f\" height=\"10\"/></svg></td>"
            "<td class=\"rate\">%s/s</td><td class=\"last\">",
            BAR_WIDTH, BAR_WIDTH * core->rate / scale, snncli_format_si(core->rate).text);
    put_spark(out, core);
    fputs("</td></tr>\n", out);
}

static void put_rows(FILE *out, const struct snndev_rates *rates)
{
    const double scale = snndev_rates_scale(rates);
    fputs("<h1>", out);
    put_text(out, rates->title);
    fputs("</h1>\n", out);
    put_tiles(out, rates);
    fputs("<table>\n<thead><tr><th scope=\"col\">core</th><th scope=\"col\">layer</th>"
          "<th scope=\"col\" colspan=\"2\">spikes a second</th><th scope=\"col\" class=\"last\">"
          "the last 20 s, each to its peak</th></tr></thead>\n<tbody>\n",
          out);
    for (uint32_t i = 0; i < rates->core_count; i++)
        put_core(out, &rates->cores[i], scale);
    fputs("</tbody>\n</table>\n", out);
}

void snndev_page_html(FILE *out, const struct snndev_rates *rates)
{
    static const char mark[] = "<!-- rates -->";
    const char *page = (const char *)snndev_page;
    size_t before = 0;
    while (before + sizeof(mark) - 1 < snndev_page_size &&
           memcmp(page + before, mark, sizeof(mark) - 1) != 0)
        before++;
    (void)fwrite(page, 1, before, out);
    put_rows(out, rates);
    const size_t after = before + sizeof(mark) - 1;
    if (after < snndev_page_size) (void)fwrite(page + after, 1, snndev_page_size - after, out);
}

void snndev_page_json(FILE *out, const struct snndev_rates *rates)
{
    struct snncli_json json = {.out = out};
    snncli_json_open(&json, NULL, '{');
    snncli_json_text(&json, "schema", "snn.rates/1");
    snncli_json_text(&json, "title", rates->title);
    snncli_json_number(&json, "seconds", rates->last_s - rates->start_s);
    snncli_json_open(&json, "cores", '[');
    for (uint32_t i = 0; i < rates->core_count; i++) {
        const struct snndev_core_rate *core = &rates->cores[i];
        snncli_json_open(&json, NULL, '{');
        snncli_json_count(&json, "core", core->core);
        snncli_json_text(&json, "layer", core->name);
        snncli_json_number(&json, "rate", core->rate);
        snncli_json_count(&json, "spikes", core->total);
        snncli_json_number(&json, "peak", core->peak);
        snncli_json_open(&json, "history", '[');
        for (int k = 0; k < SNNDEV_HISTORY; k++)
            snncli_json_number(&json, NULL, core->history[k]);
        snncli_json_close(&json, ']');
        snncli_json_close(&json, '}');
    }
    snncli_json_close(&json, ']');
    snncli_json_number(&json, "in_rate", rates->in_rate);
    snncli_json_number(&json, "out_rate", rates->out_rate);
    snncli_json_count(&json, "samples", rates->samples);
    snncli_json_count(&json, "labelled", rates->labelled);
    snncli_json_count(&json, "right", rates->right);
    snncli_json_count(&json, "lost", rates->lost.events);
    snncli_json_count(&json, "lost_words", rates->lost.words);
    snncli_json_bool(&json, "ended", rates->ended);
    snncli_json_close(&json, '}');
    snncli_json_finish(&json);
}
