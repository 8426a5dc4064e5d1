/* The pictures of a result: what of its numbers goes into which chart. How a chart is drawn stands
 * in chart.c; the numbers beside it are in the tables around, so that none of them is in a picture
 * alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/page_parts.h"

#define WIDTH 420u
#define HEIGHT 270u
#define HISTOGRAMS_MAX 6u
#define NAMES_MAX 16u
#define LOG_STEPS 20u /* as many and more are shown by their logarithm */

#define UNSET                                  \
    {                                          \
        .min = (double)NAN, .max = (double)NAN \
    }

/* A pointer into the document, for the source of a mark. */
struct pointer {
    char text[64];
};

static struct pointer pointer_to(const struct snnreport_pen *pen, const char *member)
{
    struct pointer pointer;
    (void)snprintf(pointer.text, sizeof(pointer.text), "/results/%u%s", pen->index, member);
    return pointer;
}

static double *allocate(struct snnreport_text *out, size_t count)
{
    double *values = calloc(count > 0 ? count : 1, sizeof(*values));
    if (values == NULL) out->failed = true;
    return values;
}

/* ---- Accuracy over time ---- */

static struct snnreport_axis step_axis(uint32_t timesteps)
{
    struct snnreport_axis axis = UNSET;
    axis.label = "time step";
    axis.scale = timesteps >= LOG_STEPS ? SNNREPORT_LOG : SNNREPORT_LINEAR;
    axis.min = 1.0;
    axis.max = timesteps;
    return axis;
}

static struct snnreport_axis accuracy_axis(void)
{
    struct snnreport_axis axis = UNSET;
    axis.label = "accuracy";
    axis.scale = SNNREPORT_ERROR;
    axis.percent = true;
    return axis;
}

static void draw_curve(const struct snnreport_pen *pen, const double *low, const double *high)
{
    const struct snn_result *r = pen->r;
    const struct pointer source = pointer_to(pen, "/accuracy_by_step");
    const struct pointer cnn = pointer_to(pen, "/cnn_accuracy");
    char label[64];
    (void)snprintf(label, sizeof(label), "CNN %s",
                   snnreport_digits(SNNREPORT_PERCENT, r->cnn_accuracy).text);
    const struct snnreport_series series = {.label = "as spikes",
                                            .mark = SNNREPORT_LINE,
                                            .y = r->accuracy_by_step,
                                            .count = r->timesteps,
                                            .low = low,
                                            .high = high,
                                            .source = source.text};
    const struct snnreport_reference reference = {r->cnn_accuracy, label, cnn.text};
    const struct snnreport_chart chart = {
        .title = "Accuracy after each time step",
        .description = "A line that rises with the time steps, within a band of 95 % confidence; "
                       "across it, where it is known, the accuracy of the CNN.",
        .width = WIDTH,
        .height = HEIGHT,
        .x = step_axis(r->timesteps),
        .y = accuracy_axis(),
        .series = &series,
        .series_count = 1,
        .references = &reference,
        .reference_count = isnan(r->cnn_accuracy) ? 0u : 1u};
    snnreport_figure_open(pen);
    snnreport_chart(pen->out, &chart);
    snnreport_figure_close(pen,
                           "Accuracy after each time step, with the band of 95&nbsp;% confidence. "
                           "The scale is stretched towards 100&nbsp;%.");
}

void snnreport_draw_accuracy(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    double *low = allocate(pen->out, r->timesteps), *high = allocate(pen->out, r->timesteps);
    if (low != NULL && high != NULL) {
        for (uint32_t t = 0; t < r->timesteps; t++) {
            const struct snn_interval bounds =
                snn_wilson_interval(r->accuracy_by_step[t], r->sample_count);
            low[t] = bounds.low;
            high[t] = bounds.high;
        }
        draw_curve(pen, low, high);
    }
    free(low);
    free(high);
}

/* ---- Latency ---- */

struct histogram {
    const char *label, *source;
    const uint64_t *counts;
};

/* Steps behind which there is nothing. */
static uint32_t last_step(const struct histogram *list, size_t count, uint32_t timesteps)
{
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t t = last; t < timesteps; t++) {
            if (list[i].counts[t] > 0) last = t + 1;
        }
    }
    return last;
}

static void draw_histograms(const struct snnreport_pen *pen, const struct histogram *list,
                            size_t count, const char *title)
{
    struct snnreport_series series[HISTOGRAMS_MAX];
    const uint32_t steps = last_step(list, count, pen->r->timesteps);
    double *values = allocate(pen->out, count * steps);
    if (values == NULL) return;
    for (size_t i = 0; i < count; i++) {
        double *y = values + i * steps;
        for (uint32_t t = 0; t < steps; t++)
            y[t] = (double)list[i].counts[t];
        series[i] = (struct snnreport_series){.label = count > 1 ? list[i].label : NULL,
                                              .mark = count > 1 ? SNNREPORT_STEPS : SNNREPORT_BARS,
                                              .y = y,
                                              .count = steps,
                                              .color = (unsigned)i,
                                              .source = list[i].source};
    }
    struct snnreport_axis x = UNSET, y = UNSET;
    x.label = "time step";
    x.scale = steps >= LOG_STEPS ? SNNREPORT_LOG : SNNREPORT_LINEAR;
    y.label = "samples";
    const struct snnreport_chart chart = {.title = title,
                                          .description =
                                              "How many samples are decided after each time step.",
                                          .width = WIDTH,
                                          .height = HEIGHT,
                                          .x = x,
                                          .y = y,
                                          .series = series,
                                          .series_count = count};
    snnreport_figure_open(pen);
    if (steps > 0) snnreport_chart(pen->out, &chart);
    snnreport_figure_close(pen, title);
    free(values);
}

void snnreport_draw_latency(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    struct histogram list[HISTOGRAMS_MAX];
    char names[HISTOGRAMS_MAX][64];
    struct pointer sources[HISTOGRAMS_MAX];
    const struct pointer first = pointer_to(pen, "/first_spike/steps_histogram");
    size_t count = 0;
    for (uint32_t i = 0; i < r->rule_count && count < HISTOGRAMS_MAX; i++) {
        if (r->rules[i].steps_histogram == NULL) continue;
        char member[48];
        snn_rule_format(&r->rules[i].rule, names[count], sizeof(names[count]));
        (void)snprintf(member, sizeof(member), "/rules/%u/steps_histogram", i);
        sources[count] = pointer_to(pen, member);
        list[count] =
            (struct histogram){names[count], sources[count].text, r->rules[i].steps_histogram};
        count++;
    }
    const bool fires = r->first_spike.steps_histogram != NULL && r->first_spike.count > 0;
    if (!fires && count == 0) return;
    snnreport_put(pen->out, "<div class=\"pair\">\n");
    if (fires) {
        const struct histogram one = {"first spike", first.text, r->first_spike.steps_histogram};
        draw_histograms(pen, &one, 1, "When the first output spike comes.");
    }
    if (count > 0)
        draw_histograms(pen, list, count,
                        count < r->rule_count ? "When the first six rules decide."
                        : count > 1           ? "When the rules decide."
                                              : "When the rule decides.");
    snnreport_put(pen->out, "</div>\n");
}

/* ---- Accuracy against its price ---- */

struct price {
    const char *label, *unit, *caption;
    bool synops;
};

static const struct price prices[] = {
    {"steps until the decision", NULL, "Accuracy against the mean time of the decision.", false},
    {"SynOps until the decision", "", "Accuracy against the mean SynOps until the decision.", true},
};

/* Points of the list of rules that are, or are not, on the front. */
static size_t fill_points(const struct snn_result_rule *rows, uint32_t count,
                          const struct price *price, bool front, double *x, double *y)
{
    size_t filled = 0;
    for (uint32_t i = 0; i < count; i++) {
        const bool best = price->synops ? rows[i].pareto_synops : rows[i].pareto_steps;
        if (best != front || rows[i].rule.kind == SNN_RULE_ORACLE) continue;
        x[filled] = price->synops ? rows[i].synops_mean : rows[i].steps_mean;
        y[filled++] = rows[i].accuracy;
    }
    return filled;
}

static void draw_prices(const struct snnreport_pen *pen, const struct price *price,
                        const struct snnreport_series *series, size_t count)
{
    struct snnreport_axis x = UNSET;
    x.label = price->label;
    x.scale = SNNREPORT_LOG;
    x.unit = price->unit;
    const struct snnreport_chart chart = {.title = price->caption,
                                          .description = "Each dot is a decision rule; those "
                                                         "to the upper left are better.",
                                          .width = WIDTH,
                                          .height = HEIGHT,
                                          .x = x,
                                          .y = accuracy_axis(),
                                          .series = series,
                                          .series_count = count};
    snnreport_figure_open(pen);
    snnreport_chart(pen->out, &chart);
    snnreport_figure_close(pen, price->caption);
}

static void draw_front(const struct snnreport_pen *pen, const struct price *price)
{
    const struct snn_result *r = pen->r;
    const struct pointer source = pointer_to(pen, "/sweep");
    double *values = allocate(pen->out, 4 * (size_t)r->sweep_count);
    if (values == NULL) return;
    double *x = values + 2 * r->sweep_count;
    struct snnreport_series series[] = {{.label = "other rules",
                                         .mark = SNNREPORT_DOTS,
                                         .x = values,
                                         .y = values + r->sweep_count,
                                         .color = 5,
                                         .faint = true,
                                         .source = source.text},
                                        {.label = "Pareto front",
                                         .mark = SNNREPORT_DOTS,
                                         .x = x,
                                         .y = x + r->sweep_count,
                                         .source = source.text}};
    series[0].count =
        fill_points(r->sweep, r->sweep_count, price, false, values, values + r->sweep_count);
    series[1].count = fill_points(r->sweep, r->sweep_count, price, true, x, x + r->sweep_count);
    draw_prices(pen, price, series, 2);
    free(values);
}

static void draw_rules(const struct snnreport_pen *pen, const struct price *price)
{
    const struct snn_result *r = pen->r;
    const struct pointer source = pointer_to(pen, "/rules");
    double x[NAMES_MAX], y[NAMES_MAX];
    char texts[NAMES_MAX][64];
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (; count < r->rule_count && count < NAMES_MAX; count++) {
        const struct snn_result_rule *rule = &r->rules[count];
        x[count] = price->synops ? rule->synops_mean : rule->steps_mean;
        y[count] = rule->accuracy;
        snn_rule_format(&rule->rule, texts[count], sizeof(texts[count]));
        names[count] = texts[count];
    }
    const struct snnreport_series series = {.mark = SNNREPORT_DOTS,
                                            .x = x,
                                            .y = y,
                                            .count = count,
                                            .names = names,
                                            .source = source.text};
    draw_prices(pen, price, &series, 1);
}

void snnreport_draw_prices(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (isnan(r->accuracy) || (r->sweep_count == 0 && r->rule_count < 2)) return;
    snnreport_put(pen->out, "<div class=\"pair\">\n");
    for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
        if (r->sweep_count > 0)
            draw_front(pen, &prices[i]);
        else
            draw_rules(pen, &prices[i]);
    }
    snnreport_put(pen->out, "</div>\n");
}

/* ---- Targets ---- */

void snnreport_draw_targets(const struct snnreport_pen *pen)
{
    const struct snn_report *report = pen->report;
    double x[NAMES_MAX], y[NAMES_MAX];
    struct snnreport_name texts[NAMES_MAX];
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < report->result_count && count < NAMES_MAX; i++) {
        const struct snn_result *r = report->results[i];
        if (!(r->energy_uj_mean > 0.0) || isnan(r->accuracy)) continue;
        x[count] = r->energy_uj_mean * 1e-6;
        y[count] = r->accuracy;
        texts[count] = snnreport_target(r);
        names[count] = texts[count].text;
        count++;
    }
    if (count < 2) return;
    struct snnreport_axis axis = UNSET;
    axis.label = "energy of a sample";
    axis.scale = SNNREPORT_LOG;
    axis.unit = "J";
    const struct snnreport_series series = {.mark = SNNREPORT_DOTS,
                                            .x = x,
                                            .y = y,
                                            .count = count,
                                            .names = names,
                                            .source = "/results"};
    const struct snnreport_chart chart = {.title = "Accuracy against energy",
                                          .description = "Each dot is a target; those to the "
                                                         "upper left are better.",
                                          .width = WIDTH,
                                          .height = HEIGHT,
                                          .x = axis,
                                          .y = accuracy_axis(),
                                          .series = &series,
                                          .series_count = 1};
    snnreport_figure_open(pen);
    snnreport_chart(pen->out, &chart);
    snnreport_figure_close(pen, "Accuracy against the energy of a sample, a dot a target.");
}

/* ---- Layers ---- */

struct measure {
    const char *member, *caption;
    double (*of)(const struct snn_result_layer *layer);
    enum snnreport_form form;
};

static double synops_of(const struct snn_result_layer *layer)
{
    return layer->synops_mean;
}

static double macs_of(const struct snn_result_layer *layer)
{
    return (double)layer->macs;
}

static double energy_of(const struct snn_result_layer *layer)
{
    return layer->energy_uj_mean;
}

static void draw_rows(const struct snnreport_pen *pen, const struct measure *measure)
{
    const struct snn_result *r = pen->r;
    struct snnreport_row *rows = calloc(r->layer_count, sizeof(*rows));
    struct snnreport_digits *texts = calloc(r->layer_count, sizeof(*texts));
    struct pointer *sources = calloc(r->layer_count, sizeof(*sources));
    if (rows == NULL || texts == NULL || sources == NULL) pen->out->failed = true;
    for (uint32_t i = 0; i < r->layer_count && !pen->out->failed; i++) {
        const double value = measure->of(&r->layers[i]);
        char member[48];
        (void)snprintf(member, sizeof(member), "/layers/%u/%s", i, measure->member);
        sources[i] = pointer_to(pen, member);
        texts[i] = snnreport_digits(measure->form, value);
        rows[i] = (struct snnreport_row){r->layers[i].name, value, texts[i].text, sources[i].text};
    }
    snnreport_figure_open(pen);
    if (!pen->out->failed) snnreport_rows(pen->out, measure->caption, rows, r->layer_count, WIDTH);
    snnreport_figure_close(pen, measure->caption);
    free(rows);
    free(texts);
    free(sources);
}

void snnreport_draw_layers(const struct snnreport_pen *pen)
{
    static const struct measure synops = {"synops_mean", "SynOps of each layer, a sample.",
                                          synops_of, SNNREPORT_SI};
    static const struct measure macs = {"macs", "MACs of each layer, a sample.", macs_of,
                                        SNNREPORT_SI};
    static const struct measure energy = {"energy_uj_mean", "Energy of each layer, a sample.",
                                          energy_of, SNNREPORT_JOULE};
    snnreport_put(pen->out, "<div class=\"pair\">\n");
    draw_rows(pen, snnreport_is_spiking(pen->r) ? &synops : &macs);
    if (!isnan(pen->r->energy_uj_mean)) draw_rows(pen, &energy);
    snnreport_put(pen->out, "</div>\n");
}

/* ---- Classes ---- */

void snnreport_draw_confusion(const struct snnreport_pen *pen)
{
    const struct pointer source = pointer_to(pen, "/confusion");
    const struct snnreport_matrix matrix = {"Predictions by label", pen->r->confusion,
                                            pen->r->class_count, source.text};
    snnreport_figure_open(pen);
    snnreport_matrix(pen->out, &matrix, WIDTH);
    snnreport_figure_close(pen, "Samples by label (rows) and prediction (columns); silent samples "
                                "are in neither.");
}
