/* Activation against rate: of each layer a small chart of how its neurons' spike rates follow the
 * activations of the CNN that they stand for. All are drawn alike, for the eye to go from one to
 * the next; of a deep net only the layers that follow worst.
 */
#include <math.h>
#include <stdio.h>

#include "tools/report/page_parts.h"

#define WIDTH 280u
#define HEIGHT 220u
#define CHARTS_MAX 12u

/* The bins of a layer as columns. */
struct columns {
    double x[SNN_RATE_BINS_MAX], y[SNN_RATE_BINS_MAX];
    double low[SNN_RATE_BINS_MAX], high[SNN_RATE_BINS_MAX];
    double reach; /* of the diagonal */
};

/* The diagonal ends with the data, but shows where one spike a step is. */
static struct columns columns_of(const struct snn_layer_rate *rate)
{
    struct columns c = {.reach = 1.0};
    for (uint32_t i = 0; i < rate->bin_count; i++) {
        const struct snn_rate_bin *bin = &rate->bins[i];
        c.x[i] = bin->activation;
        c.y[i] = bin->rate;
        c.low[i] = fmax(0.0, bin->rate - bin->rate_sd);
        c.high[i] = bin->rate + bin->rate_sd;
        c.reach = fmax(c.reach, c.high[i]);
    }
    c.reach = fmin(c.reach, c.x[rate->bin_count - 1]);
    return c;
}

static void draw_layer(const struct snnreport_pen *pen, const struct snn_layer_rate *rate,
                       uint32_t layer)
{
    char source[64], title[128];
    (void)snprintf(source, sizeof(source), "/results/%u/layers/%u/rates", pen->index, layer);
    (void)snprintf(title, sizeof(title), "Activation against rate, %.80s",
                   pen->r->layers[layer].name);
    const struct columns c = columns_of(rate);
    const double ends[] = {0.0, c.reach};
    const struct snnreport_axis x = {.label = "activation", .min = (double)NAN, .max = (double)NAN};
    const struct snnreport_axis y = {
        .label = "spikes a step", .min = (double)NAN, .max = (double)NAN};
    const struct snnreport_series series[] = {
        {.mark = SNNREPORT_LINE, .x = ends, .y = ends, .count = 2, .color = 5, .faint = true},
        /* A single point is no line. */
        {.mark = rate->bin_count > 1 ? SNNREPORT_LINE : SNNREPORT_DOTS,
         .x = c.x,
         .y = c.y,
         .count = rate->bin_count,
         .low = c.low,
         .high = c.high,
         .source = source}};
    const struct snnreport_chart chart = {
        .title = title,
        .description = "The mean rate of neurons against the activation they stand for, within a "
                       "band of one standard deviation; a broken diagonal where both are the same.",
        .width = WIDTH,
        .height = HEIGHT,
        .x = x,
        .y = y,
        .series = series,
        .series_count = 2};
    snnreport_chart(pen->out, &chart);
}

static void put_layer(const struct snnreport_pen *pen, const struct snn_layer_rate *rate,
                      uint32_t layer)
{
    snnreport_put(pen->out, "<figure>\n<figcaption><strong>");
    snnreport_escaped(pen->out, pen->r->layers[layer].name);
    snnreport_put(pen->out, "</strong> Pearson ");
    snnreport_value(pen, SNNREPORT_FINE, rate->pearson, "/layers/%u/rate_pearson", layer);
    snnreport_put(pen->out, ", slope ");
    snnreport_value(pen, SNNREPORT_FINE, rate->slope, "/layers/%u/rate_slope", layer);
    snnreport_put(pen->out, "</figcaption>\n");
    draw_layer(pen, rate, layer);
    snnreport_put(pen->out, "\n</figure>\n");
}

/* Constant rates follow nothing. */
static double followed(const struct snn_layer_rate *rate)
{
    return isnan(rate->pearson) ? -2.0 : rate->pearson;
}

/* How many layers follow worse than this one. */
static uint32_t rank_of(const struct snn_layer_rate *rates, uint32_t count, uint32_t layer)
{
    uint32_t rank = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rates[i].bin_count == 0 || i == layer) continue;
        const double own = followed(&rates[layer]), other = followed(&rates[i]);
        rank += other < own || (other <= own && i < layer);
    }
    return rank;
}

static void put_note(const struct snnreport_pen *pen, uint32_t measured)
{
    snnreport_put(pen->out,
                  "<p>How often neurons spike for the activation they stand for, both in spikes a "
                  "step: the mean, within a band of one standard deviation, over the neurons of a "
                  "layer and some frames. On the broken diagonal nothing is lost; below it rates "
                  "lag behind, a line that turns level is at its limit, and a wide band is "
                  "noise.</p>\n");
    if (measured > CHARTS_MAX)
        snnreport_printf(pen->out,
                         "<p>Of %u layers these are the %u that follow worst, by Pearson&#39;s "
                         "correlation; the document has them all.</p>\n",
                         measured, CHARTS_MAX);
}

void snnreport_page_rates(const struct snnreport_pen *pen)
{
    const struct snn_layer_rate *rates =
        pen->report->rates != NULL ? pen->report->rates[pen->index] : NULL;
    const uint32_t count = pen->r->layer_count;
    uint32_t measured = 0;
    for (uint32_t i = 0; rates != NULL && i < count; i++)
        measured += rates[i].bin_count > 0;
    if (measured == 0) return;
    snnreport_heading(pen, "rates", "Activation against rate");
    put_note(pen, measured);
    snnreport_put(pen->out, "<div class=\"multiples\">\n");
    for (uint32_t i = 0; i < count; i++) {
        if (rates[i].bin_count > 0 && rank_of(rates, count, i) < CHARTS_MAX)
            put_layer(pen, &rates[i], i);
    }
    snnreport_put(pen->out, "</div>\n");
}
