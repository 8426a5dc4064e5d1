/* What sessions on devices tell, added up: latencies in buckets, counters as differences. */
#include <criterion/criterion.h>
#include <math.h>

#include "libsnn/stream/telemetry.h"

Test(telemetry, no_trips_take_no_time)
{
    const struct snnstream_trips trips = {.count = 0};
    cr_expect(snnstream_trips_quantile_us(&trips, 0.5) <= 0.0);
    cr_expect(snnstream_trips_mean_us(&trips) <= 0.0);
}

Test(telemetry, quantiles_are_right_to_four_per_cent)
{
    static struct snnstream_trips trips;
    for (uint64_t i = 1; i <= 10000; i++)
        snnstream_trips_add(&trips, i * 1000); /* 1 us to 10 ms */
    cr_expect_eq(trips.count, 10000);
    cr_expect_lt(fabs(snnstream_trips_mean_us(&trips) - 5000.5), 1e-6);
    for (int percent = 1; percent < 100; percent++) {
        const double exact = 100.0 * percent;
        const double found = snnstream_trips_quantile_us(&trips, percent / 100.0);
        cr_expect_lt(fabs(found - exact), 0.04 * exact, "%d %%: %g us", percent, found);
    }
    cr_expect_lt(fabs(snnstream_trips_quantile_us(&trips, 1.0) - 10000.0), 400.0);
}

Test(telemetry, shortest_and_longest_trips_have_a_bucket)
{
    static struct snnstream_trips trips;
    snnstream_trips_add(&trips, 0);
    cr_expect(snnstream_trips_quantile_us(&trips, 0.5) <= 0.0);
    snnstream_trips_add(&trips, UINT64_MAX / 2);
    cr_expect_gt(snnstream_trips_quantile_us(&trips, 1.0), 1e8);
}

Test(telemetry, sums_do_not_depend_on_the_order)
{
    static struct snnstream_telemetry a, b, ab, ba;
    a = (struct snnstream_telemetry){.sessions = 1,
                                     .statistics = {.events_taken = 5, .transfers = 32},
                                     .load = {.cores_written = 2, .bytes_written = 10}};
    b = (struct snnstream_telemetry){.sessions = 1,
                                     .statistics = {.events_taken = 7, .transfers = 8},
                                     .load = {.cores_kept = 2}};
    snnstream_trips_add(&a.trips, 1000);
    snnstream_trips_add(&b.trips, 3000);
    snnstream_telemetry_merge(&ab, &a);
    snnstream_telemetry_merge(&ab, &b);
    snnstream_telemetry_merge(&ba, &b);
    snnstream_telemetry_merge(&ba, &a);
    for (const struct snnstream_telemetry *t = &ab; t != NULL; t = t == &ab ? &ba : NULL) {
        cr_expect_eq(t->sessions, 2);
        cr_expect_eq(t->statistics.events_taken, 12);
        cr_expect_eq(t->statistics.transfers, 32);
        cr_expect_eq(t->load.cores_written, 2);
        cr_expect_eq(t->load.cores_kept, 2);
        cr_expect_eq(t->trips.count, 2);
        cr_expect_lt(fabs(snnstream_trips_mean_us(&t->trips) - 2.0), 1e-9);
        cr_expect_eq(t->trips.max_ns, 3000);
    }
}

Test(telemetry, a_session_adds_what_is_new)
{
    const struct snn_device_statistics before = {.words_sent = 10, .core_spikes = {[15] = 1}};
    const struct snn_device_statistics now = {.words_sent = 14, .core_spikes = {[15] = 4}};
    struct snn_device_statistics sum = {.words_sent = 100};
    snnstream_telemetry_add(&sum, &now, &before);
    cr_expect_eq(sum.words_sent, 104);
    cr_expect_eq(sum.core_spikes[15], 3);
}
