/* A page with charts of every kind, of numbers that test their limits: report-gallery > FILE.html.
 * It is looked at by people, and read by tests/flow/charts.py, which has the formulas, too.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/report/chart.h"

#define STEPS 64
#define LONG 20000
#define BINS 40
#define CLASSES_MAX 1000

static void figure(struct snnreport_text *out, const char *name)
{
    snnreport_printf(out, "</figure>\n<figure id=\"%s\"><figcaption>%s</figcaption>\n", name, name);
}

/* Accuracy that approaches 99.4 %, with a band and two ends. */
static void accuracy(struct snnreport_text *out, unsigned width, bool direct)
{
    double y[STEPS], low[STEPS], high[STEPS], other[STEPS];

    for (int i = 0; i < STEPS; i++) {
        y[i] = 0.994 - 0.894 * exp(-i / 5.0);
        double half = 1.96 * sqrt(y[i] * (1 - y[i]) / 500);
        low[i] = fmax(0, y[i] - half);
        high[i] = fmin(1, y[i] + half);
        other[i] = 0.985 - 0.885 * exp(-i / 9.0);
    }
    struct snnreport_series series[] = {
        {.label = direct ? "sync" : "synchronous, fixed rule",
         .y = y,
         .count = STEPS,
         .low = low,
         .high = high,
         .source = "/a"},
        {.label = direct ? "async" : "asynchronous, stopped by margin",
         .y = other,
         .count = STEPS,
         .color = 1,
         .source = "/b"},
    };
    struct snnreport_reference cnn = {0.9948, "CNN 99.48 %", "/cnn"};
    snnreport_chart(out,
                    &(struct snnreport_chart){.title = "Accuracy over time",
                                              .description = "It rises to 99.4 %.",
                                              .width = width,
                                              .height = 260,
                                              .x = {.label = "time step", .min = NAN, .max = NAN},
                                              .y = {.label = "accuracy",
                                                    .scale = SNNREPORT_ERROR,
                                                    .min = NAN,
                                                    .max = NAN,
                                                    .percent = true},
                                              .series = series,
                                              .series_count = 2,
                                              .references = &cnn,
                                              .reference_count = 1});
}

static void noise(struct snnreport_text *out, unsigned width)
{
    static double y[LONG], low[LONG], high[LONG];

    srand(1);
    for (int i = 0; i < LONG; i++) {
        y[i] = sin(i / 1500.0) + 0.2 * rand() / RAND_MAX;
        low[i] = y[i] - 0.3;
        high[i] = y[i] + 0.3;
        if (i > 12000 && i < 13000) y[i] = NAN;
        if (i > 12000 && i < 13000) low[i] = NAN;
    }
    struct snnreport_series series = {
        .y = y, .low = low, .high = high, .count = LONG, .color = 2, .source = "/noise"};
    snnreport_chart(out,
                    &(struct snnreport_chart){.title = "Twenty thousand steps",
                                              .width = width,
                                              .height = 220,
                                              .x = {.label = "time step", .min = NAN, .max = NAN},
                                              .y = {.label = "potential", .min = NAN, .max = NAN},
                                              .series = &series,
                                              .series_count = 1});
}

static void histogram(struct snnreport_text *out, unsigned width, enum snnreport_mark mark)
{
    double first[BINS], decision[BINS];

    for (int i = 0; i < BINS; i++) {
        first[i] = floor(3000 * exp(-(i - 6) * (i - 6) / 8.0));
        decision[i] = floor(1500 * exp(-(i - 18) * (i - 18) / 60.0));
    }
    struct snnreport_series series[] = {
        {.label = "first spike", .mark = mark, .y = first, .count = BINS, .source = "/first"},
        {.label = "decision",
         .mark = SNNREPORT_STEPS,
         .y = decision,
         .count = BINS,
         .color = 1,
         .source = "/decision"},
    };
    snnreport_chart(out,
                    &(struct snnreport_chart){.title = "Latency",
                                              .width = width,
                                              .height = 220,
                                              .x = {.label = "time step", .min = NAN, .max = NAN},
                                              .y = {.label = "samples", .min = NAN, .max = NAN},
                                              .series = series,
                                              .series_count = 2});
}

static void pareto(struct snnreport_text *out, unsigned width)
{
    const double energy[] = {2.1e-8, 3.4e-8, 6.5e-8, 6.7e-8, 1.2e-7, 4.0e-7, 4.1e-7, 4.2e-7};
    const double right[] = {0.91, 0.951, 0.97, 0.972, 0.985, 0.9901, 0.9902, 0.9903};
    const char *const names[] = {"T=4",  "T=8",  "T=12", "threshold 1.5, T=12",
                                 "T=16", "T=64", "T=96", "T=128"};
    const double cnn_energy = 2.8e-6, cnn_right = 0.9948;
    const char *const cnn_name[] = {"CNN int8 on the same chip"};
    struct snnreport_series series[] = {
        {.label = "spiking",
         .mark = SNNREPORT_DOTS,
         .x = energy,
         .y = right,
         .count = 8,
         .names = names,
         .source = "/pareto"},
        {.label = "front",
         .mark = SNNREPORT_LINE,
         .x = energy,
         .y = right,
         .count = 8,
         .faint = true,
         .color = 5},
        {.label = "frame-based",
         .mark = SNNREPORT_DOTS,
         .x = &cnn_energy,
         .y = &cnn_right,
         .count = 1,
         .names = cnn_name,
         .color = 1},
    };
    snnreport_chart(out, &(struct snnreport_chart){.title = "Energy and accuracy",
                                                   .width = width,
                                                   .height = 260,
                                                   .x = {.label = "energy per sample",
                                                         .scale = SNNREPORT_LOG,
                                                         .min = NAN,
                                                         .max = NAN,
                                                         .unit = "J"},
                                                   .y = {.label = "accuracy",
                                                         .scale = SNNREPORT_ERROR,
                                                         .min = NAN,
                                                         .max = NAN,
                                                         .percent = true},
                                                   .series = series,
                                                   .series_count = 3});
}

static void dots(struct snnreport_text *out, unsigned width)
{
    double x[300], y[300];

    srand(2);
    for (int i = 0; i < 300; i++) {
        x[i] = rand() / (double)RAND_MAX;
        y[i] = x[i] * 1e6 + 4e4 * rand() / RAND_MAX;
    }
    struct snnreport_series series = {
        .mark = SNNREPORT_DOTS, .x = x, .y = y, .count = 300, .color = 3, .source = "/dots"};
    snnreport_chart(out, &(struct snnreport_chart){
                             .title = "Activation and rate",
                             .width = width,
                             .height = 220,
                             .x = {.label = "activation", .min = NAN, .max = NAN},
                             .y = {.label = "work", .min = NAN, .max = NAN, .unit = "SynOps"},
                             .series = &series,
                             .series_count = 1});
}

static void nothing(struct snnreport_text *out, unsigned width)
{
    const double one = 5, none[] = {NAN, INFINITY, -INFINITY};
    struct snnreport_series series[] = {
        {.label = "<script>alert(1)</script> & a very long name that goes on and on and on, so it "
                  "must be cut somewhere before the end of it",
         .y = none,
         .count = 3},
        {.label = "one", .y = &one, .count = 1, .mark = SNNREPORT_DOTS, .color = 1},
    };
    struct snnreport_chart chart = {.title = "\"<&>'",
                                    .description = "]]>",
                                    .width = width,
                                    .height = 160,
                                    .x = {.label = "x", .min = NAN, .max = NAN},
                                    .y = {.label = "y", .min = NAN, .max = NAN},
                                    .series = series,
                                    .series_count = 2};
    snnreport_chart(out, &chart);
    chart.series_count = 0;
    snnreport_chart(out, &chart);
}

static void rows(struct snnreport_text *out, unsigned width)
{
    const struct snnreport_row row[] = {
        {"input", 0, "0", "/rows/0"},
        {"conv1", 1254000, "1.25 M", "/rows/1"},
        {"conv2 with a long name, as exported", 3e6, "3.00 M", "/rows/2"},
        {"dense1", 23000, "23.0 k", "/rows/3"},
        {"output", NAN, "not measured", NULL},
    };

    snnreport_rows(out, "Synaptic operations", row, 5, width);
    snnreport_rows(out, "None", NULL, 0, width);
}

static void matrix(struct snnreport_text *out, unsigned width, uint32_t classes)
{
    uint64_t *counts = calloc((size_t)classes * classes, sizeof *counts);

    if (!counts) exit(1);
    srand(classes);
    for (uint32_t row = 0; row < classes; row++) {
        counts[row * classes + row] = 960 + row % 40;
        for (int k = 0; k < 5; k++)
            counts[row * classes + (uint32_t)rand() % classes] += (uint64_t)(rand() % 12);
    }
    snnreport_matrix(out, &(struct snnreport_matrix){"Confusion", counts, classes, "/confusion"},
                     width);
    free(counts);
}

/* Few spikes of 12 neurons, many of 784, more of a million. */
static struct snnreport_spike *spikes(size_t count, uint32_t neurons, uint32_t steps)
{
    struct snnreport_spike *all = calloc(count, sizeof *all);

    if (!all) exit(1);
    for (size_t i = 0; i < count; i++) {
        double share = rand() / (RAND_MAX + 1.0);
        all[i].step = (float)(steps * sqrt(rand() / (RAND_MAX + 1.0)));
        all[i].neuron = (uint32_t)(neurons * share * share);
        all[i].count = 1;
    }
    return all;
}

static void raster(struct snnreport_text *out, unsigned width)
{
    static const struct {
        const char *name;
        uint32_t neurons;
        size_t count;
    } of[] = {{"input", 784, 3200},
              {"conv1", 3456, 1800},
              {"conv2", 1024, 900},
              {"huge <layer> of a deep network", 1000000, 200000},
              {"output", 10, 24}};
    struct snnreport_lane lanes[5];
    struct snnreport_spike *all[5];

    srand(3);
    for (int i = 0; i < 5; i++) {
        all[i] = spikes(of[i].count, of[i].neurons, 32);
        lanes[i] = (struct snnreport_lane){.name = of[i].name,
                                           .neurons = of[i].neurons,
                                           .spikes = all[i],
                                           .count = of[i].count,
                                           .total = of[i].count};
    }
    snnreport_raster(out, &(struct snnreport_raster){.title = "Spikes of sample 7",
                                                     .description = "Five lanes.",
                                                     .dt_ms = 1,
                                                     .timesteps = 32,
                                                     .lanes = lanes,
                                                     .lane_count = 5,
                                                     .decided_step = 21.5,
                                                     .width = width});
    for (int i = 0; i < 5; i++)
        free(all[i]);
}

static void charts(struct snnreport_text *out, unsigned width)
{
    figure(out, "accuracy");
    accuracy(out, width, true);
    figure(out, "accuracy-legend");
    accuracy(out, width, false);
    figure(out, "noise");
    noise(out, width);
    figure(out, "latency");
    histogram(out, width, SNNREPORT_STEPS);
    figure(out, "bars");
    histogram(out, width, SNNREPORT_BARS);
    figure(out, "pareto");
    pareto(out, width);
    figure(out, "dots");
    dots(out, width);
    figure(out, "nothing");
    nothing(out, width);
    figure(out, "rows");
    rows(out, width);
    figure(out, "matrix-10");
    matrix(out, width, 10);
    figure(out, "matrix-26");
    matrix(out, width, 26);
    figure(out, "matrix-1000");
    matrix(out, width, CLASSES_MAX);
    figure(out, "raster");
    raster(out, width);
}

int main(int argc, char **argv)
{
    struct snnreport_text out = {0};
    unsigned width = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 380;

    snnreport_put(&out, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                        "<meta name=\"viewport\" content=\"width=device-width\">"
                        "<title>Charts</title><style>\n");
    snnreport_chart_style(&out);
    snnreport_put(&out, "body{margin:12px;display:grid;gap:24px;"
                        "grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr))}"
                        "figure{margin:0;overflow-x:auto;min-width:0}figure:empty{display:none}"
                        "figcaption{font:600 13px system-ui}"
                        "@media screen and (prefers-color-scheme:dark){body{background:#14171c;"
                        "color:#e4e8ec}}\n</style>\n<figure>");
    charts(&out, width);
    snnreport_put(&out,
                  "</figure><script type=\"application/json\" id=\"result\">{}</script></html>\n");
    if (out.failed) return 1;
    fputs(out.data, stdout);
    snnreport_text_fini(&out);
    return 0;
}
