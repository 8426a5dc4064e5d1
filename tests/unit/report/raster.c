/* Spikes of a sample: gathered in bounded memory, drawn in bounded size, none lost. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/unit/report/sound.h"
#include "tools/report/gather.h"

static uint64_t sum_of(const struct snnreport_lane *lane)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < lane->count; i++)
        sum += lane->spikes[i].count;
    return sum;
}

Test(gather, few_spikes_stay_as_they_came)
{
    struct snnreport_gather gather;
    struct snnreport_lane lane;
    snnreport_gather_init(&gather, 10, 20);
    snnreport_gather_add(&gather, 3.25, 7, 1);
    snnreport_gather_add(&gather, 0.5, 0, 3);
    snnreport_gather_lane(&gather, &lane, "lane");
    cr_assert_eq(lane.count, 2);
    cr_expect_eq(lane.total, 4);
    cr_expect_eq(lane.spikes[0].step, 3.25f);
    cr_expect_eq(lane.spikes[0].neuron, 7);
    cr_expect_eq(lane.spikes[1].count, 3);
    cr_expect_not(lane.merged);
    snnreport_gather_fini(&gather);
}

Test(gather, what_is_out_of_range_is_only_counted)
{
    struct snnreport_gather gather;
    struct snnreport_lane lane;
    snnreport_gather_init(&gather, 10, 20);
    snnreport_gather_add(&gather, 1, 10, 1);
    snnreport_gather_add(&gather, 20.5, 1, 1);
    snnreport_gather_add(&gather, -1, 1, 1);
    snnreport_gather_add(&gather, NAN, 1, 1);
    snnreport_gather_add(&gather, 1, 1, 0);
    snnreport_gather_lane(&gather, &lane, "lane");
    cr_expect_eq(lane.count, 0);
    cr_expect_eq(lane.total, 4);
    snnreport_gather_fini(&gather);
}

/* Each spike goes to the square of its step and neuron. 1000 steps in squares of 4 are 250 columns,
 * 100 neurons in squares of 4 are 25 rows. */
Test(gather, many_spikes_are_merged_with_their_neighbours)
{
    struct snnreport_gather gather;
    struct snnreport_lane lane;
    snnreport_gather_init(&gather, 100, 1000);
    for (uint32_t step = 0; step < 1000; step++)
        for (uint32_t neuron = 0; neuron < 100; neuron++)
            snnreport_gather_add(&gather, step + 0.5, neuron, 1);
    snnreport_gather_lane(&gather, &lane, "lane");
    cr_expect(lane.merged);
    cr_expect_eq(lane.total, 100000);
    cr_expect_eq(sum_of(&lane), 100000);
    cr_assert_eq(lane.count, 250 * 25);
    for (size_t i = 0; i < lane.count; i++)
        cr_assert_eq(lane.spikes[i].count, 16, "square %zu", i);
    cr_expect_leq(gather.capacity, SNNREPORT_GATHER_MAX);
    snnreport_gather_lane(&gather, &lane, "again");
    cr_expect_eq(lane.count, 250 * 25);
    snnreport_gather_fini(&gather);
}

Test(gather, squares_stop_at_their_greatest)
{
    struct snnreport_gather gather;
    struct snnreport_lane lane;
    snnreport_gather_init(&gather, 1, 1);
    for (uint32_t i = 0; i <= SNNREPORT_GATHER_MAX; i++)
        snnreport_gather_add(&gather, 0.5, 0, UINT32_MAX);
    snnreport_gather_lane(&gather, &lane, "lane");
    cr_assert_eq(lane.count, 1);
    cr_expect_eq(lane.spikes[0].count, UINT32_MAX);
    cr_expect_eq(lane.total, (uint64_t)UINT32_MAX * (SNNREPORT_GATHER_MAX + 1));
    snnreport_gather_fini(&gather);
}

/* ---- Pictures ---- */

static struct snnreport_raster raster_of(const struct snnreport_lane *lanes, size_t count,
                                         uint32_t timesteps)
{
    return (struct snnreport_raster){.title = "Spikes of sample 0: label 1, decision <1>",
                                     .description = "Lanes.",
                                     .dt_ms = 1,
                                     .timesteps = timesteps,
                                     .lanes = lanes,
                                     .lane_count = count,
                                     .decided_step = NAN};
}

Test(raster, spikes_stand_at_their_step_and_neuron)
{
    const struct snnreport_spike spikes[] = {{0, 0, 1}, {5, 1, 1}, {10, 1, 1}};
    const struct snnreport_lane lane = {
        .name = "lane", .neurons = 2, .spikes = spikes, .count = 3, .total = 3};
    struct snnreport_raster raster = raster_of(&lane, 1, 10);
    struct snnreport_text out = {0};
    snnreport_raster(&out, &raster);
    cr_assert_not(out.failed);
    const char *path = strstr(out.data, "class=\"spike\"");
    double x[3], y[3], left, right, bottom, top;
    cr_assert_not_null(path);
    cr_assert_eq(sscanf(strstr(path, "d=\""), "d=\"M%lf,%lfv%*fM%lf,%lfv%*fM%lf,%lf", &x[0], &y[0],
                        &x[1], &y[1], &x[2], &y[2]),
                 6);
    cr_assert_eq(
        sscanf(strstr(out.data, "data-x=\""), "data-x=\"linear 0 10 %lf %lf", &left, &right), 2);
    cr_assert_eq(sscanf(strstr(out.data, "data-y=\""), "data-y=\"%lf %lf", &bottom, &top), 2);
    cr_expect_float_eq(x[0], left, 0.06);
    cr_expect_float_eq(x[1], (left + right) / 2, 0.11);
    cr_expect_float_eq(x[2], right, 0.06);
    cr_expect_eq(y[1], y[2]);
    cr_expect_gt(y[0], (top + bottom) / 2, "neuron 0 is below the middle");
    cr_expect_lt(y[1], (top + bottom) / 2, "neuron 1 is above it");
    expect_sound(&out, "three spikes");
}

static void draw_many(size_t lane_count, uint64_t neurons, uint32_t timesteps, size_t count,
                      unsigned width)
{
    struct snnreport_lane *lanes = calloc(lane_count + 1, sizeof(*lanes));
    struct snnreport_gather gather;
    struct snnreport_text out = {0};
    char what[100];
    cr_assert_not_null(lanes);
    snprintf(what, sizeof(what), "%zu lanes of %llu neurons, %u steps, %zu spikes on %u pixels",
             lane_count, (unsigned long long)neurons, timesteps, count, width);
    snnreport_gather_init(&gather, neurons, timesteps);
    srand(7);
    for (size_t i = 0; i < count; i++)
        snnreport_gather_add(&gather, timesteps * (rand() / (RAND_MAX + 1.0)),
                             (uint32_t)((double)neurons * (rand() / (RAND_MAX + 1.0))), 1);
    for (size_t i = 0; i < lane_count; i++)
        snnreport_gather_lane(&gather, &lanes[i], i % 2 == 0 ? "conv" : "a long name <of> a layer");
    struct snnreport_raster raster = raster_of(lanes, lane_count, timesteps);
    raster.width = width;
    raster.decided_step = timesteps;
    snnreport_raster(&out, &raster);
    cr_expect_lt(out.size, 700000 + 3000 * lane_count, "%s: %zu bytes", what, out.size);
    expect_sound(&out, what);
    raster.decided_step = 0.5;
    raster.height = 400;
    snnreport_raster_file(&out, &raster);
    cr_expect_eq(occurrences(out.data, "<style>"), 1);
    cr_expect_eq(occurrences(out.data, "http"), 1, "the name space alone");
    expect_sound(&out, what);
    snnreport_gather_fini(&gather);
    free(lanes);
}

Test(raster, any_net_and_sample_is_sound_and_bounded)
{
    draw_many(0, 1, 1, 0, 0);
    draw_many(1, 1, 1, 1, 380);
    draw_many(1, 10, 1, 8000, 380);
    draw_many(6, 784, 100, 3000, 380);
    draw_many(6, 784, 333, 9000, 720);
    draw_many(40, 100000, 100, 50000, 720);
    draw_many(500, 7, 30, 2000, 720);
    draw_many(2, 5000000, 100000, 300000, 1600);
    draw_many(3, 4, 10000000, 100000, 720);
}

/* 100 steps of 96 neurons that all fire: every square that holds as many as another is as dark. */
Test(raster, even_density_is_one_shade)
{
    struct snnreport_gather gather;
    struct snnreport_lane lane;
    struct snnreport_text out = {0};
    snnreport_gather_init(&gather, 64, 128);
    for (uint32_t step = 0; step < 128; step++)
        for (uint32_t neuron = 0; neuron < 64; neuron++)
            for (int times = 0; times < 2; times++)
                snnreport_gather_add(&gather, step + 0.5, neuron, 1);
    snnreport_gather_lane(&gather, &lane, "lane");
    const struct snnreport_raster raster = raster_of(&lane, 1, 128);
    snnreport_raster(&out, &raster);
    cr_expect_eq(occurrences(out.data, "data-shown=\"density\""), 1);
    for (int level = 1; level <= 4; level++) {
        char shade[100];
        snprintf(shade, sizeof(shade), "class=\"spike\" opacity=\"%.2f\"", 0.18 * level);
        const char *path = strstr(out.data, shade);
        cr_assert_not_null(path);
        const char *strokes = strstr(path, "d=\"");
        cr_expect_eq(strokes[3], '"', "level %d has squares", level);
    }
    expect_sound(&out, "even density");
    snnreport_gather_fini(&gather);
}
