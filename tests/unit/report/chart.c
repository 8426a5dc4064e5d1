/* Charts of any numbers: sound, bounded, and with every number in its place. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/unit/report/sound.h"
#include "tools/report/axis.h"
#include "tools/report/chart.h"

#define VALUES_MAX 3000

static struct snnreport_axis free_axis(const char *label, enum snnreport_scale scale)
{
    return (struct snnreport_axis){.label = label, .scale = scale, .min = NAN, .max = NAN};
}

static struct snnreport_chart chart_of(const struct snnreport_series *series, size_t count)
{
    return (struct snnreport_chart){.title = "title",
                                    .description = "description",
                                    .width = 380,
                                    .height = 240,
                                    .x = free_axis("x", SNNREPORT_LINEAR),
                                    .y = free_axis("y", SNNREPORT_LINEAR),
                                    .series = series,
                                    .series_count = count};
}

static void draw(struct snnreport_text *out, const struct snnreport_chart *chart)
{
    snnreport_chart(out, chart);
    cr_assert_not(out->failed);
}

/* ---- Axes ---- */

static struct snnreport_ruler ruler_of(const struct snnreport_axis *axis, const double *values,
                                       size_t count, bool round)
{
    struct snnreport_extent extent;
    struct snnreport_ruler ruler;
    snnreport_extent_begin(&extent);
    for (size_t i = 0; i < count; i++)
        snnreport_extent_add(&extent, axis->scale, values[i]);
    extent.round = round;
    snnreport_ruler(&ruler, axis, &extent, 200, 40);
    ruler.from = 0;
    ruler.to = 200;
    return ruler;
}

static void expect_ticks(const struct snnreport_ruler *ruler, const char *expected)
{
    char labels[600] = "";
    for (size_t i = 0; i < ruler->tick_count; i++) {
        if (i > 0) strcat(labels, " ");
        strcat(labels, ruler->ticks[i].label);
    }
    cr_expect_str_eq(labels, expected);
}

Test(axis, ticks_are_round_and_end_the_axis)
{
    const struct snnreport_axis axis = free_axis("", SNNREPORT_LINEAR);
    struct snnreport_ruler ruler = ruler_of(&axis, (double[]){0.3, 9.2}, 2, true);
    expect_ticks(&ruler, "0 2 4 6 8 10");
    cr_expect_eq(ruler.min, 0);
    cr_expect_eq(ruler.max, 10);
    cr_expect_float_eq(snnreport_ruler_place(&ruler, 2.5), 50, 1e-9);
    cr_expect(isnan(snnreport_ruler_place(&ruler, 10.1)));
    cr_expect(isnan(snnreport_ruler_place(&ruler, NAN)));
    cr_expect_eq(snnreport_ruler_clamp(&ruler, 11), 200);
    cr_expect_eq(snnreport_ruler_clamp(&ruler, -INFINITY), 0);
}

Test(axis, units_have_the_prefix_of_the_largest)
{
    struct snnreport_axis axis = free_axis("", SNNREPORT_LINEAR);
    axis.unit = "J";
    struct snnreport_ruler ruler = ruler_of(&axis, (double[]){0, 3.7e-6}, 2, true);
    expect_ticks(&ruler, "0 1 2 3 4");
    cr_expect_str_eq(ruler.unit, "\xC2\xB5J");
    axis.unit = NULL;
    axis.percent = true;
    ruler = ruler_of(&axis, (double[]){0.982, 0.994}, 2, true);
    expect_ticks(&ruler, "98.0 98.5 99.0 99.5");
    cr_expect_str_eq(ruler.unit, "%");
}

Test(axis, logarithm_has_powers_of_ten)
{
    struct snnreport_axis axis = free_axis("", SNNREPORT_LOG);
    axis.unit = "J";
    struct snnreport_ruler ruler = ruler_of(&axis, (double[]){3e-9, 2e-5}, 2, true);
    expect_ticks(&ruler, "1 nJ 10 nJ 100 nJ 1 \xC2\xB5J 10 \xC2\xB5J 100 \xC2\xB5J");
    cr_expect_float_eq(snnreport_ruler_place(&ruler, 1e-7), 80, 1e-6);
    cr_expect(isnan(snnreport_ruler_place(&ruler, 0)));
    cr_expect_eq(snnreport_ruler_clamp(&ruler, 0), 0);
}

/* The errors run from 0.5 to 0.01: log(0.5 / 0.1) / log(0.5 / 0.01) = 0.4114 of 200. */
Test(axis, errors_are_stretched_towards_one)
{
    struct snnreport_axis axis = free_axis("", SNNREPORT_ERROR);
    axis.percent = true;
    struct snnreport_ruler ruler = ruler_of(&axis, (double[]){0.6, 0.988}, 2, true);
    cr_expect_float_eq(ruler.min, 0.5, 1e-12);
    cr_expect_float_eq(ruler.max, 0.99, 1e-12);
    cr_expect_float_eq(snnreport_ruler_place(&ruler, 0.9), 82.28, 0.01);
    cr_expect_eq(snnreport_ruler_place(&ruler, 1), 200);
    cr_expect_eq(ruler.tick_count, 6, "50 80 90 95 98 99, in any order");
}

Test(axis, one_is_the_end_of_errors)
{
    struct snnreport_axis axis = free_axis("", SNNREPORT_ERROR);
    axis.percent = true;
    struct snnreport_ruler ruler = ruler_of(&axis, (double[]){0.9, 0.99, 1}, 3, true);
    cr_expect_str_eq(ruler.ticks[0].label, "100");
    cr_expect_eq(snnreport_ruler_place(&ruler, 1), 200);
    cr_expect_lt(snnreport_ruler_place(&ruler, 0.99), 180);
    ruler = ruler_of(&axis, (double[]){1, 1}, 2, true);
    cr_expect_eq(snnreport_ruler_place(&ruler, 1), 200);
    cr_expect_geq(ruler.tick_count, 2);
}

/* ---- Charts ---- */

Test(chart, nothing_is_said_to_be_nothing)
{
    struct snnreport_text out = {0};
    const struct snnreport_chart chart = chart_of(NULL, 0);
    draw(&out, &chart);
    cr_expect_eq(occurrences(out.data, ">no values<"), 1);
    expect_sound(&out, "no series");
    const double none[] = {NAN, INFINITY, -INFINITY};
    const struct snnreport_series series = {.y = none, .count = 3};
    const struct snnreport_chart empty = chart_of(&series, 1);
    draw(&out, &empty);
    cr_expect_eq(occurrences(out.data, ">no values<"), 1);
    expect_sound(&out, "no numbers");
}

Test(chart, any_numbers_give_a_sound_chart)
{
    static const double sets[][4] = {
        {0, 0, 0, 0},
        {5, 5, 5, 5},
        {-DBL_MAX, DBL_MAX, 0, 1},
        {1e300, -1e300, 1e299, 0},
        {DBL_MIN, DBL_TRUE_MIN, 0, 1e-320},
        {1e-300, 1e300, 1, 1e10},
        {1e15, 1e15 + 1, 1e15 + 2, 1e15},
        {NAN, 1, NAN, 2},
        {INFINITY, 3, -INFINITY, 4},
        {0.999999999, 1, 1, 1},
        {-3, -2, -1, -0.5},
        {1, 1 + 1e-15, 1, 1},
    };
    static const enum snnreport_mark marks[] = {SNNREPORT_LINE, SNNREPORT_STEPS, SNNREPORT_BARS,
                                                SNNREPORT_DOTS};

    for (size_t set = 0; set < sizeof(sets) / sizeof(*sets); set++) {
        for (size_t mark = 0; mark < 4; mark++) {
            for (int scale = 0; scale < 9; scale++) {
                struct snnreport_text out = {0};
                char what[80];
                const struct snnreport_series series = {.label = "series",
                                                        .mark = marks[mark],
                                                        .x = scale / 3 > 0 ? sets[set] : NULL,
                                                        .y = sets[set],
                                                        .count = 4,
                                                        .low = sets[set],
                                                        .high = sets[set]};
                struct snnreport_chart chart = chart_of(&series, 1);
                const struct snnreport_reference reference = {sets[set][0], "reference", NULL};
                chart.references = &reference;
                chart.reference_count = 1;
                chart.x.scale = (enum snnreport_scale)(scale / 3);
                chart.y.scale = (enum snnreport_scale)(scale % 3);
                snprintf(what, sizeof(what), "set %zu, mark %zu, scales %d", set, mark, scale);
                draw(&out, &chart);
                expect_sound(&out, what);
            }
        }
    }
}

static double some(void)
{
    return rand() / (RAND_MAX + 1.0);
}

static const char *some_name(char name[40])
{
    static const char letters[] = "WMi lj.<&>\"'abcXYZ0123456789-";
    size_t size = (size_t)(some() * 38);
    for (size_t i = 0; i < size; i++)
        name[i] = letters[(size_t)(some() * (sizeof(letters) - 1))];
    name[size] = '\0';
    return name;
}

static void fill_series(struct snnreport_series *series, double *numbers, char (*names)[40],
                        const char **pointers)
{
    size_t count = (size_t)(some() * some() * VALUES_MAX);
    double scale = pow(10, some() * 24 - 12), x = 0;
    for (size_t i = 0; i < count; i++) {
        x += some() < 0.1 ? 3 : 1;
        numbers[i] = x;
        numbers[VALUES_MAX + i] = some() < 0.05 ? NAN : scale * (some() - (scale > 1 ? 0.3 : 0));
        numbers[2 * VALUES_MAX + i] = numbers[VALUES_MAX + i] - scale * 0.1;
        numbers[3 * VALUES_MAX + i] = numbers[VALUES_MAX + i] + scale * 0.1;
    }
    for (size_t i = 0; i < 60; i++)
        pointers[i] = some_name(names[i]);
    *series = (struct snnreport_series){
        .label = some() < 0.8 ? some_name(names[60]) : NULL,
        .mark = (enum snnreport_mark)(some() * 4),
        .x = some() < 0.5 ? numbers : NULL,
        .y = numbers + VALUES_MAX,
        .low = some() < 0.3 ? numbers + 2 * (size_t)VALUES_MAX : NULL,
        .high = numbers + 3 * (size_t)VALUES_MAX,
        .count = count,
        .color = (unsigned)(some() * 8),
        .faint = some() < 0.2,
    };
    if (count > 0 && count <= 60 && some() < 0.7) series->names = pointers;
}

/* Whatever the sizes, scales, names and numbers are. */
Test(chart, words_never_overlap)
{
    enum { SERIES = 5, ROUNDS = 600 };
    static double numbers[SERIES][4 * VALUES_MAX];
    static char names[SERIES][61][40];
    static const char *pointers[SERIES][60];

    srand(4);
    for (int round = 0; round < ROUNDS; round++) {
        struct snnreport_series series[SERIES];
        char label[40], what[40];
        struct snnreport_text out = {0};
        const struct snnreport_reference references[] = {{some(), some_name(label), NULL},
                                                         {some() * 10, "CNN 99.48 %", NULL}};
        for (size_t i = 0; i < SERIES; i++)
            fill_series(&series[i], numbers[i], names[i], pointers[i]);
        struct snnreport_chart chart = chart_of(series, (size_t)(some() * (SERIES + 1)));
        chart.width = 300 + (unsigned)(some() * 700);
        chart.height = 180 + (unsigned)(some() * 400);
        chart.x.scale = (enum snnreport_scale)(some() * 3);
        chart.y.scale = (enum snnreport_scale)(some() * 3);
        chart.x.percent = some() < 0.2;
        chart.y.percent = some() < 0.2;
        chart.y.unit = some() < 0.3 ? "J" : some() < 0.3 ? "SynOps" : NULL;
        chart.references = references;
        chart.reference_count = (size_t)(some() * 3);
        snprintf(what, sizeof(what), "round %d", round);
        draw(&out, &chart);
        cr_expect_lt(out.size, 40 * chart.width * (SERIES + 4) + 300000, "%s: %zu bytes", what,
                     out.size);
        expect_sound(&out, what);
    }
}

Test(chart, reference_and_source_are_kept_for_readers)
{
    const double y[] = {0.5, 0.8, 0.9};
    const struct snnreport_series series = {.y = y, .count = 3, .source = "/a/0~1\""};
    const struct snnreport_reference reference = {0.95, "CNN", "/cnn"};
    struct snnreport_chart chart = chart_of(&series, 1);
    struct snnreport_text out = {0};
    chart.references = &reference;
    chart.reference_count = 1;
    draw(&out, &chart);
    cr_expect_eq(occurrences(out.data, "data-json=\"/a/0~1&quot;\""), 1);
    cr_expect_eq(occurrences(out.data, "<path class=\"mark\" data-json=\"/cnn\""), 1);
    cr_expect_eq(occurrences(out.data, ">CNN</text>"), 1);
    cr_expect_eq(occurrences(out.data, "data-x=\"linear 1 3 "), 1);
    cr_expect_eq(occurrences(out.data, "<title>title</title>"), 1);
    cr_expect_eq(occurrences(out.data, "role=\"img\""), 1);
    expect_sound(&out, "sources");
}

/* ---- Rows and matrices ---- */

Test(rows, any_rows_are_sound)
{
    static struct snnreport_row rows[1000];
    static char names[1000][40];

    srand(5);
    for (size_t i = 0; i < 1000; i++)
        rows[i] =
            (struct snnreport_row){some_name(names[i]), i % 7 == 3 ? NAN : some() * 1e9,
                                   i % 11 == 0 ? NULL : "a long text of a number 12.3 M", NULL};
    rows[5].value = INFINITY;
    for (size_t count = 0; count <= 1000; count = count * 3 + 1) {
        struct snnreport_text out = {0};
        snnreport_rows(&out, "Rows", rows, count, count % 2 == 0 ? 340 : 720);
        cr_expect_eq(occurrences(out.data, " more<"), count > 400);
        expect_sound(&out, "rows");
    }
}

Test(matrix, any_number_of_classes_is_sound_and_bounded)
{
    static const uint32_t sizes[] = {1, 2, 3, 10, 26, 40, 41, 100, 1000};
    uint64_t *counts = calloc(1000 * 1000, sizeof(*counts));

    cr_assert_not_null(counts);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (unsigned width = 340; width <= 1000; width += 330) {
            struct snnreport_text out = {0};
            const struct snnreport_matrix matrix = {"Confusion", counts, sizes[i], "/confusion"};
            srand(6);
            for (size_t k = 0; k < (size_t)sizes[i] * sizes[i]; k++)
                counts[k] = rand() % 3 == 0 ? 0 : (uint64_t)rand() % 100000;
            snnreport_matrix(&out, &matrix, width);
            cr_expect_lt(out.size, 300000, "%u classes: %zu bytes", sizes[i], out.size);
            size_t numbered = occurrences(out.data, "<g style=\"font-size");
            if (sizes[i] <= 3 || sizes[i] > 40)
                cr_expect_eq(numbered, sizes[i] <= 3, "%u classes on %u pixels", sizes[i], width);
            expect_sound(&out, "matrix");
        }
    }
    free(counts);
}

/* Of the row 90 7 3 the shares are 0.9, 0.07, 0.03, whose roots are 0.95, 0.26, 0.17: of eight
 * shades the 8th, the 3rd and the 2nd. */
Test(matrix, shades_are_roots_of_shares)
{
    const uint64_t counts[] = {90, 7, 3, 0, 1, 0, 0, 0, 0};
    const struct snnreport_matrix matrix = {"Confusion", counts, 3, NULL};
    struct snnreport_text out = {0};
    snnreport_matrix(&out, &matrix, 400);
    cr_expect_eq(occurrences(out.data, "<path class=\"right\""), 1, "both of the strongest shade");
    cr_expect_eq(occurrences(out.data, "<path class=\"wrong\""), 2);
    cr_expect_eq(occurrences(out.data, "class=\"right\" opacity=\"0.75\""), 1);
    cr_expect_eq(occurrences(out.data, "class=\"wrong\" opacity=\"0.329\""), 1);
    cr_expect_eq(occurrences(out.data, "class=\"wrong\" opacity=\"0.244\""), 1);
    expect_sound(&out, "shades");
}

/* ---- Style ---- */

static double channel(const char *hex)
{
    char digits[3] = {hex[0], hex[1], '\0'};
    double value = (double)strtol(digits, NULL, 16) / 255;
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double luminance(const char *colour)
{
    return 0.2126 * channel(colour + 1) + 0.7152 * channel(colour + 3) +
           0.0722 * channel(colour + 5);
}

static double contrast(const char *a, const char *b)
{
    double x = luminance(a), y = luminance(b);
    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

/* The colour of a rule in one half of the style. */
static void colour_of(const char *style, const char *selector, char colour[8])
{
    char rule[60];
    snprintf(rule, sizeof(rule), ".chart %s{", selector);
    const char *at = strstr(style, rule);
    cr_assert_not_null(at, "%s", rule);
    at = strchr(at, '#');
    memcpy(colour, at, 7);
    colour[7] = '\0';
}

Test(style, words_and_series_stand_out_on_light_and_dark)
{
    static const char *const words[] = {"text", ".soft", ".c0", ".c1",  ".c2",
                                        ".c3",  ".c4",   ".c5", ".mark"};
    struct snnreport_text out = {0};
    snnreport_chart_style(&out);
    const char *halves[] = {out.data, strstr(out.data, "prefers-color-scheme:dark")};
    for (size_t half = 0; half < 2; half++) {
        char ground[8], colour[8];
        cr_assert_not_null(halves[half]);
        colour_of(halves[half], ".ground", ground);
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
            colour_of(halves[half], words[i], colour);
            cr_expect_geq(contrast(colour, ground), 4.5, "%s %s on %s: %.2f", words[i], colour,
                          ground, contrast(colour, ground));
        }
        colour_of(halves[half], ".axis", colour);
        cr_expect_geq(contrast(colour, ground), 3, "axis");
    }
    snnreport_text_fini(&out);
}
