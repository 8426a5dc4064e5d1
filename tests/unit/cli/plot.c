/* Pictures in characters: the shapes one expects, and that they stay within their frame. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/cli/sample.h"
#include "tools/cli/plot.h"
#include "tools/cli/table.h"

#define LINES 64

/* A printed plot, line by line. */
struct picture {
    struct memory memory;
    char *lines[LINES];
    int count;
};

static void split(struct picture *picture)
{
    memory_text(&picture->memory);
    char *at = picture->memory.text;
    picture->count = 0;
    while (*at && picture->count < LINES) {
        picture->lines[picture->count++] = at;
        at += strcspn(at, "\n");
        if (*at) *at++ = '\0';
    }
}

static void draw(struct picture *picture, const struct snncli_curve *curve,
                 const struct snncli_plot_style *style)
{
    memory_open(&picture->memory);
    cr_assert_eq(snncli_plot_curve(picture->memory.stream, curve, style), SNN_OK);
    split(picture);
}

static void fill_rising(double *values, size_t count, double top)
{
    for (size_t i = 0; i < count; i++)
        values[i] = top - (top - 0.1) * exp(-(double)i / 4);
}

static void expect_within(const struct picture *picture, size_t width, bool ascii)
{
    for (int i = 0; i < picture->count; i++) {
        const char *line = picture->lines[i];
        cr_expect_leq(snncli_text_width(line), width, "line %d: %s", i, line);
        for (const char *c = line; ascii && *c; c++)
            cr_expect(*c >= ' ' && *c < 0x7f, "line %d: byte %02x", i, (unsigned char)*c);
    }
}

/* First row in which a column of an ASCII plot has a curve; -1 if it has none. */
static int curve_row(const struct picture *picture, int rows, size_t column)
{
    for (int row = 0; row < rows; row++) {
        const char *line = picture->lines[row];
        if (column < strlen(line) && strchr("'.|", line[column])) return row;
    }
    return -1;
}

/* Rows that show a part of the curve to the right of the frame. */
static int curve_rows(const struct picture *picture, int rows)
{
    int count = 0;
    for (int row = 0; row < rows; row++) {
        const char *frame = strpbrk(picture->lines[row], "+|");
        count += frame && strpbrk(frame + 1, "'.|") != NULL;
    }
    return count;
}

Test(cli_plot, two_points_draw_a_known_picture)
{
    const double values[] = {0.2, 0.4};
    struct snncli_curve curve = {.values = values, .count = 2, .reference = NAN, .height = 5};
    struct snncli_plot_style style = {.width = 40};
    struct picture picture;

    draw(&picture, &curve, &style);
    /* 40 columns less 2 of labels, 2 of frame, 8 of the note leave 28 x 5 cells of 1 x 2 dots: from
     * dot (0,9) to (27,0), 3 dots right for each up, half of that at either end. */
    static const char *const expected[] = {
        "40 +                       ...'' 40.00 %",
        "35 +                 ...'''",
        "30 +           ...'''",
        "25 +     ...'''",
        "20 +..'''",
        "   ++--------------------------+",
        "    1                          2 step",
    };
    cr_expect_eq(picture.count, 7);
    for (int i = 0; i < picture.count && i < 7; i++)
        cr_expect_str_eq(picture.lines[i], expected[i]);
    memory_close(&picture.memory);
}

/* Of a flat line at the top, in the middle and at the bottom of three rows: dots 1 and 4, 3 and 6,
 * 7 and 8. The middle is 5.5 of 11 dots down, the third dot of the second row. */
Test(cli_plot, braille_dots_have_their_places)
{
    static const double levels[] = {1, 0.01, 0};
    static const char *const expected[] = {"⠉⠉⠉⠉", "⠤⠤⠤⠤", "⣀⣀⣀⣀"};
    struct snncli_plot_style style = {.width = 40, .utf8 = true};

    for (int i = 0; i < 3; i++) {
        const double values[] = {levels[i], levels[i]};
        struct snncli_curve curve = {.values = values, .count = 2, .reference = NAN, .height = 3};
        struct picture picture;
        draw(&picture, &curve, &style);
        cr_expect_not_null(strstr(picture.lines[i], expected[i]), "%s", picture.lines[i]);
        memory_close(&picture.memory);
    }
}

Test(cli_plot, last_step_is_labelled_at_the_end_of_the_axis)
{
    double values[1000];
    fill_rising(values, 1000, 0.8);
    struct snncli_curve curve = {.values = values, .count = 1000, .reference = NAN};
    struct snncli_plot_style style = {.width = 60};
    struct picture picture;

    draw(&picture, &curve, &style);
    const char *axis = picture.lines[10], *labels = picture.lines[11];
    cr_expect_eq(strlen(axis), (size_t)(strstr(labels, " step") - labels));
    cr_expect_eq(strncmp(labels + strlen(axis) - 4, "1000 step", 9), 0, "%s", labels);
    memory_close(&picture.memory);
}

Test(cli_plot, rising_curve_rises_in_both_character_sets)
{
    double values[100];
    fill_rising(values, 100, 0.99);
    struct snncli_curve curve = {.values = values, .count = 100, .reference = NAN};
    struct snncli_plot_style style = {.width = 80};
    struct picture picture;

    draw(&picture, &curve, &style);
    int last = 10;

    for (size_t column = 6; column < 60; column++) {
        int row = curve_row(&picture, 10, column);
        cr_expect_geq(row, 0, "column %zu is empty", column);
        cr_expect_leq(row, last, "falls in column %zu", column);
        last = row;
    }
    cr_expect_leq(last, 1);
    expect_within(&picture, 80, true);
    memory_close(&picture.memory);

    style.utf8 = true;
    draw(&picture, &curve, &style);
    expect_within(&picture, 80, false);
    cr_expect_not_null(strstr(picture.lines[9], "⠤"));
    cr_expect_not_null(strstr(picture.lines[10], "└"));
    memory_close(&picture.memory);
}

/* Of a rise from 10 % to 99 % both ends are seen: the axis has 50 as well as 98 and 99. */
Test(cli_plot, accuracy_axis_stretches_towards_hundred)
{
    double values[100];
    fill_rising(values, 100, 0.9902);
    struct snncli_curve curve = {.values = values, .count = 100, .reference = 0.9906};
    struct snncli_plot_style style = {.width = 80};
    struct picture picture;

    draw(&picture, &curve, &style);
    static const char *const labels[] = {"  50 +", "  90 +", "  98 +", "  99 +"};

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        bool found = false;
        for (int row = 0; row < 10; row++)
            found = found || strncmp(picture.lines[row], labels[i], strlen(labels[i])) == 0;
        cr_expect(found, "no label '%s'", labels[i]);
    }
    memory_close(&picture.memory);
}

Test(cli_plot, time_axis_is_logarithmic_beyond_forty_steps)
{
    double values[100];
    fill_rising(values, 100, 0.8);
    struct snncli_curve curve = {.values = values, .count = 40, .reference = NAN};
    struct snncli_plot_style style = {.width = 80};
    struct picture picture;

    draw(&picture, &curve, &style);
    const char *ruler = picture.lines[11];
    /* 10, 20, 30 stand at equal distances but for rounding. */
    long first = strstr(ruler, "20") - strstr(ruler, "10");
    long second = strstr(ruler, "30") - strstr(ruler, "20");
    cr_expect_leq(labs(first - second), 1, "%s", ruler);
    memory_close(&picture.memory);

    curve.count = 100;
    draw(&picture, &curve, &style);
    ruler = picture.lines[11];
    cr_expect_not_null(strstr(ruler, "1 "));
    long decade = (strstr(ruler, "10 ") - strstr(ruler, "1 "));
    long next = (strstr(ruler, "100 ") - strstr(ruler, "10 "));
    cr_expect_lt(labs(decade - next), 4, "%s", ruler);
    memory_close(&picture.memory);
}

Test(cli_plot, flat_curve_is_a_flat_line)
{
    double values[30];
    static const double levels[] = {0, 0.1, 0.5, 0.995, 1};
    struct snncli_curve curve = {.values = values, .count = 30, .reference = NAN, .height = 8};
    struct snncli_plot_style style = {.width = 60};

    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        for (size_t i = 0; i < 30; i++)
            values[i] = levels[level];
        struct picture picture;

        draw(&picture, &curve, &style);
        size_t column = strcspn(picture.lines[0], "+|") + 1;
        int row = curve_row(&picture, 8, column);
        cr_expect_geq(row, 0);
        for (; column < 45; column++)
            cr_expect_eq(curve_row(&picture, 8, column), row, "level %g", levels[level]);
        expect_within(&picture, 60, true);
        memory_close(&picture.memory);
    }
}

Test(cli_plot, single_step_is_seen)
{
    const double value = 0.42;
    struct snncli_curve curve = {.values = &value, .count = 1, .reference = NAN};
    struct snncli_plot_style style = {.width = 60};
    struct picture picture;

    draw(&picture, &curve, &style);
    cr_expect_geq(curve_rows(&picture, 10), 1);
    cr_expect_eq(count_of(picture.lines[11], "1"), 1);
    expect_within(&picture, 60, true);
    memory_close(&picture.memory);
}

Test(cli_plot, perfect_accuracy_is_labelled_hundred)
{
    const double values[] = {0.1, 0.9, 0.99, 1, 1};
    struct snncli_curve curve = {.values = values, .count = 5, .reference = NAN};
    struct snncli_plot_style style = {.width = 60};
    struct picture picture;

    draw(&picture, &curve, &style);
    cr_expect_not_null(strstr(picture.lines[0], "100 +"), "%s", picture.lines[0]);
    cr_expect_not_null(strstr(picture.lines[0], "100.00 %"));
    /* The best value below it keeps its own place: errors run from 1 to 0.005, so that of 0.99 is
     * ln 100 / ln 200 = 0.87 of the 19 dots up, in the second row. */
    cr_expect_not_null(strstr(picture.lines[1], " 99 +"), "%s", picture.lines[1]);
    memory_close(&picture.memory);
}

Test(cli_plot, reference_is_a_dashed_line_with_its_note)
{
    const double values[] = {0.2, 0.3, 0.4};
    struct snncli_curve curve = {
        .values = values, .count = 3, .reference = 0.6, .reference_label = "CNN", .height = 5};
    struct snncli_plot_style style = {.width = 60};
    struct picture picture;

    draw(&picture, &curve, &style);
    cr_expect_not_null(strstr(picture.lines[0], "- - - - -"));
    cr_expect_not_null(strstr(picture.lines[0], "CNN 60.00 %"));
    cr_expect_null(strstr(picture.lines[1], "- - -"));
    memory_close(&picture.memory);
}

/* Both lines end in the same row: the notes stand below each other, the greater above. */
Test(cli_plot, notes_do_not_cover_each_other)
{
    for (int order = 0; order < 2; order++) {
        const double values[] = {0.1, 0.5, order ? 0.701 : 0.7};
        struct snncli_curve curve = {.values = values,
                                     .count = 3,
                                     .reference = order ? 0.7 : 0.701,
                                     .reference_label = "CNN",
                                     .height = 5};
        struct snncli_plot_style style = {.width = 60};
        struct picture picture;

        draw(&picture, &curve, &style);
        int cnn = -1, last = -1;
        for (int row = 0; row < 5; row++) {
            if (strstr(picture.lines[row], "CNN")) cnn = row;
            if (strstr(picture.lines[row], "70.") && !strstr(picture.lines[row], "CNN")) last = row;
        }
        cr_expect(cnn >= 0 && last >= 0);
        cr_expect_eq(order ? cnn - last : last - cnn, 1);
        memory_close(&picture.memory);
    }
}

Test(cli_plot, any_length_and_width_stays_in_its_frame)
{
    static double values[10000];
    static const size_t counts[] = {1, 2, 3, 7, 19, 40, 41, 42, 99, 100, 101, 999, 1001, 10000};
    static const int widths[] = {1, 40, 80, 200};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (size_t j = 0; j < sizeof widths / sizeof widths[0]; j++) {
            fill_rising(values, counts[i], 0.9987);
            struct snncli_curve curve = {.values = values,
                                         .count = counts[i],
                                         .reference = 0.9991,
                                         .reference_label = "CNN",
                                         .label = "accuracy"};
            struct snncli_plot_style style = {.width = widths[j], .utf8 = j % 2 == 0};
            struct picture picture;

            draw(&picture, &curve, &style);
            cr_expect_eq(picture.count, 13);
            expect_within(&picture, widths[j] < 40 ? 40 : (size_t)widths[j], !style.utf8);
            memory_close(&picture.memory);
        }
    }
}

Test(cli_plot, gaps_and_nothing_are_survived)
{
    const double values[] = {0.1, NAN, 0.5, NAN};
    const double none[] = {NAN, NAN};
    struct snncli_curve curve = {.values = values, .count = 4, .reference = NAN};
    struct snncli_plot_style style = {.width = 60};
    struct picture picture;

    draw(&picture, &curve, &style);
    expect_within(&picture, 60, true);
    memory_close(&picture.memory);

    curve = (struct snncli_curve){.values = none, .count = 2, .reference = NAN};
    draw(&picture, &curve, &style);
    cr_expect_eq(curve_rows(&picture, 10), 0);
    memory_close(&picture.memory);

    curve.count = 0;
    memory_open(&picture.memory);
    cr_expect_eq(snncli_plot_curve(picture.memory.stream, &curve, &style), SNN_ERR_INVALID);
    cr_expect_str_eq(memory_text(&picture.memory), "");
    memory_close(&picture.memory);
}

Test(cli_plot, colour_differs_by_escapes_only)
{
    const double values[] = {0.2, 0.3, 0.4};
    struct snncli_curve curve = {.values = values, .count = 3, .reference = 0.35};
    struct snncli_plot_style style = {.width = 60, .color = true};
    struct picture picture;

    draw(&picture, &curve, &style);
    for (int i = 0; i < picture.count; i++) {
        const char *end = strrchr(picture.lines[i], '\033');
        if (end) cr_expect_eq(strncmp(end, "\033[0m", 4), 0, "line %d ends in colour", i);
    }
    memory_close(&picture.memory);
}

Test(cli_plot, bars_show_label_number_and_length)
{
    static const struct snncli_bar bars[] = {
        {"conv1", 1000, NULL}, {"c2", 4000, "four"}, {"none", 0, NULL}, {"tiny", 1, NULL}};
    struct snncli_plot_style style = {.width = 40};
    struct memory memory;

    /* 40 columns - 5 of labels - 6 of numbers - 4 of gaps leave 25. */
    memory_open(&memory);
    snncli_plot_bars(memory.stream, bars, 4, &style);
    cr_expect_str_eq(memory_text(&memory), "conv1  1.00 k  ######\n"
                                           "c2       four  #########################\n"
                                           "none        0\n"
                                           "tiny        1  #\n");
    memory_close(&memory);

    style.utf8 = true;
    memory_open(&memory);
    snncli_plot_bars(memory.stream, bars, 4, &style);
    cr_expect_str_eq(memory_text(&memory), "conv1  1.00 k  ██████▎\n"
                                           "c2       four  █████████████████████████\n"
                                           "none        0\n"
                                           "tiny        1  ▏\n");
    memory_close(&memory);
}
