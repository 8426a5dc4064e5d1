/* Schedules: orders and times of single events, derived by hand from docs/semantics.md.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/rng.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "tests/unit/stream/support.h"

TestSuite(schedule, .init = support_begin, .fini = support_end);

static struct snn_schedule *create(enum snn_order order, uint64_t seed, double dt_us,
                                   struct snn_shape shape)
{
    const struct snn_schedule_options options = {order, seed, dt_us};
    struct snn_schedule *schedule = NULL;
    cr_assert_eq(snn_schedule_create(&schedule, support_context(), &options, shape), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return schedule;
}

static void push(struct snn_schedule *schedule, const struct snn_spikes *spikes)
{
    cr_assert_eq(snn_schedule_push(schedule, support_context(), spikes), SNN_OK, "%s",
                 snn_context_message(support_context()));
}

static void expect_step(struct snn_schedule *schedule, const struct snn_arrival *expected,
                        size_t count)
{
    const struct snn_arrival *events = NULL;
    size_t found = 0;
    cr_assert(snn_schedule_next(schedule, &events, &found));
    cr_assert_eq(found, count, "%zu", found);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(events[i].address, expected[i].address, "%zu: %u", i, events[i].address);
        cr_expect_eq(events[i].time_us, expected[i].time_us, "%zu: %g", i, events[i].time_us);
    }
}

static void expect_end(struct snn_schedule *schedule)
{
    const struct snn_arrival *events = NULL;
    size_t count = 0;
    cr_assert_not(snn_schedule_next(schedule, &events, &count));
}

Test(schedule, raster_comes_at_once_by_address)
{
    const uint32_t begin[] = {0, 2, 2, 3}, address[] = {1, 3, 0};
    const float count[] = {2, 1, 3};
    const struct snn_spikes spikes = {
        .step_count = 3, .step_begin = begin, .address = address, .count = count};
    struct snn_schedule *s = create(SNN_ORDER_RASTER, 0, 0, (struct snn_shape){1, 2, 2});
    push(s, &spikes);
    expect_step(s, (struct snn_arrival[]){{0, 1}, {0, 1}, {0, 3}}, 3);
    expect_step(s, NULL, 0);
    expect_step(s, (struct snn_arrival[]){{0, 0}, {0, 0}, {0, 0}}, 3);
    expect_end(s);
    snn_schedule_destroy(&s);
}

/* Bayer's dither of 2 x 2: (0,0) 0, (1,1) 1/4, (0,1) 2/4, (1,0) 3/4 of 800 us; row, column. A count
 * of 2 halves the distances and comes a second time half a step later. */
Test(schedule, interleave_spreads_the_step_over_its_time)
{
    const uint32_t begin[] = {0, 4, 5}, address[] = {0, 1, 2, 3, 1};
    const float count[] = {1, 1, 1, 1, 2};
    const struct snn_spikes spikes = {
        .step_count = 2, .step_begin = begin, .address = address, .count = count};
    struct snn_schedule *s = create(SNN_ORDER_INTERLEAVE, 0, 800, (struct snn_shape){1, 2, 2});
    push(s, &spikes);
    expect_step(s, (struct snn_arrival[]){{0, 0}, {200, 3}, {400, 1}, {600, 2}}, 4);
    expect_step(s, (struct snn_arrival[]){{200, 1}, {600, 1}}, 2);
    expect_end(s);
    snn_schedule_destroy(&s);
}

/* Philox with key {seed, seed high ^ "orde"} and counter {address, k, step, sample}. */
static double drawn_us(uint32_t address, uint32_t k, uint32_t step, uint32_t sample)
{
    const uint32_t key[2] = {7, UINT32_C(0x6F726465)}, counter[4] = {address, k, step, sample};
    uint32_t words[4];
    snnbase_philox4x32(counter, key, words);
    return (double)words[0] / 4294967296.0 * 1000.0;
}

Test(schedule, random_times_go_by_sample_step_and_address)
{
    const uint32_t begin[] = {0, 0, 1}, address[] = {5};
    const struct snn_spikes spikes = {
        .step_count = 2, .step_begin = begin, .address = address, .sample = 9};
    struct snn_schedule *s = create(SNN_ORDER_RANDOM, 7, 1000, (struct snn_shape){2, 2, 2});
    for (uint32_t round = 0; round < 2; round++) { /* the second sample is as the first */
        snn_schedule_begin(s);
        push(s, &spikes);
        expect_step(s, NULL, 0);
        expect_step(s, (struct snn_arrival[]){{drawn_us(5, 0, 1, 9), 5}}, 1);
        push(s, &spikes); /* steps 2 and 3 */
        expect_step(s, NULL, 0);
        expect_step(s, (struct snn_arrival[]){{drawn_us(5, 0, 3, 9), 5}}, 1);
        expect_end(s);
    }
    snn_schedule_destroy(&s);
}

Test(schedule, recorded_times_are_those_since_the_step_began)
{
    const uint32_t begin[] = {0, 2, 3}, address[] = {0, 1, 0};
    const struct snn_event event[] = {{30, 1}, {70, 0}, {130, 0}};
    const uint64_t event_begin[] = {0, 2, 3};
    const struct snn_spikes spikes = {.step_count = 2,
                                      .step_begin = begin,
                                      .address = address,
                                      .event = event,
                                      .event_begin = event_begin};
    struct snn_schedule *s = create(SNN_ORDER_RECORDED, 0, 100, (struct snn_shape){1, 1, 2});
    push(s, &spikes);
    expect_step(s, (struct snn_arrival[]){{30, 1}, {70, 0}}, 2);
    expect_step(s, (struct snn_arrival[]){{30, 0}}, 1);
    snn_schedule_destroy(&s);
}

/* Single events that say less than the counts must not be what room is made for. */
Test(schedule, counts_and_single_events_may_disagree)
{
    const uint32_t begin[] = {0, 1}, address[] = {0};
    const float count[] = {50000};
    const struct snn_event event[] = {{0, 0}};
    const uint64_t event_begin[] = {0, 0};
    const struct snn_spikes spikes = {.step_count = 1,
                                      .step_begin = begin,
                                      .address = address,
                                      .count = count,
                                      .event = event,
                                      .event_begin = event_begin};
    const struct snn_arrival *events = NULL;
    size_t found = 0;
    struct snn_schedule *s = create(SNN_ORDER_INTERLEAVE, 0, 1000, (struct snn_shape){1, 1, 1});
    push(s, &spikes);
    cr_assert(snn_schedule_next(s, &events, &found));
    cr_assert_eq(found, 50000);
    for (size_t i = 1; i < found; i++)
        cr_assert_gt(events[i].time_us, events[i - 1].time_us);
    cr_assert_lt(events[found - 1].time_us, 1000);
    snn_schedule_destroy(&s);
}

Test(schedule, what_has_no_single_events_is_refused)
{
    const uint32_t begin[] = {0, 1}, address[] = {4};
    const float value[] = {0.5f};
    struct snn_spikes spikes = {.step_count = 1, .step_begin = begin, .address = address};
    struct snn_context *context = support_context();
    struct snn_schedule *s = create(SNN_ORDER_RECORDED, 0, 0, (struct snn_shape){1, 2, 2});
    cr_expect_eq(snn_schedule_push(s, context, &spikes), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(context), "event 0 has address 4, the input has 4");
    expect_end(s);
    snn_schedule_destroy(&s);
    s = create(SNN_ORDER_RECORDED, 0, 0, (struct snn_shape){1, 2, 3});
    cr_expect_eq(snn_schedule_push(s, context, &spikes), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_message(context),
                     "order recorded: the input has no times of single events");
    spikes.constant = true;
    spikes.count = value;
    cr_expect_eq(snn_schedule_push(s, context, &spikes), SNN_ERR_UNSUPPORTED);
    snn_schedule_destroy(&s);
}

Test(schedule, options_that_make_no_sense_are_refused)
{
    struct snn_schedule *s = NULL;
    struct snn_context *context = support_context();
    struct snn_schedule_options options = {(enum snn_order)4, 0, 0};
    const struct snn_shape shape = {1, 2, 2}, huge = {2, 65536, 65536}, none = {1, 0, 2};
    cr_expect_eq(snn_schedule_create(&s, context, &options, shape), SNN_ERR_INVALID);
    options = (struct snn_schedule_options){SNN_ORDER_RASTER, 0, -1};
    cr_expect_eq(snn_schedule_create(&s, context, &options, shape), SNN_ERR_INVALID);
    options.dt_us = NAN;
    cr_expect_eq(snn_schedule_create(&s, context, &options, shape), SNN_ERR_INVALID);
    options.dt_us = 1000;
    cr_expect_eq(snn_schedule_create(&s, context, &options, huge), SNN_ERR_INVALID);
    cr_expect_eq(snn_schedule_create(&s, context, &options, none), SNN_ERR_INVALID);
    cr_expect_null(s);
}

Test(schedule, names_of_orders_are_read_back)
{
    enum snn_order order = SNN_ORDER_RASTER;
    struct snn_context *context = support_context();
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(snn_order_parse(&order, context, snn_order_name((enum snn_order)i)), SNN_OK);
        cr_expect_eq((int)order, i);
    }
    cr_expect_null(snn_order_name((enum snn_order)4));
    cr_expect_eq(snn_order_parse(&order, context, "shuffled"), SNN_ERR_INVALID);
    cr_expect_str_eq(snn_context_hint(context),
                     "the orders are raster, interleave, random and recorded");
    cr_expect_eq(order, SNN_ORDER_RECORDED);
}

static int make_schedule(struct snn_context *context)
{
    const uint32_t begin[] = {0, 1}, address[] = {3};
    const float count[] = {4000};
    const struct snn_spikes spikes = {
        .step_count = 1, .step_begin = begin, .address = address, .count = count};
    const struct snn_schedule_options options = {SNN_ORDER_INTERLEAVE, 0, 0};
    struct snn_schedule *s = NULL;
    int status = snn_schedule_create(&s, context, &options, (struct snn_shape){1, 2, 2});
    if (status == SNN_OK) status = snn_schedule_push(s, context, &spikes);
    snn_schedule_destroy(&s);
    return status;
}

Test(schedule, running_out_of_memory_leaks_nothing)
{
    support_sweep(make_schedule);
}
