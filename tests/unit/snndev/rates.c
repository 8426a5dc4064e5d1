/* Rates from counters. */
#include <criterion/criterion.h>

#include "tools/snndev/rates.h"

static struct snn_device_statistics counters(uint64_t core0, uint64_t core3)
{
    struct snn_device_statistics have = {.events_taken = 10 * core0, .events_sent = core0 + core3};
    have.core_spikes[0] = core0;
    have.core_spikes[3] = core3;
    return have;
}

static struct snndev_rates two_cores(void)
{
    struct snndev_rates rates = {.core_count = 2};
    rates.cores[1].core = 3;
    return rates;
}

static void take(struct snndev_rates *rates, uint64_t core0, uint64_t core3, double now_s)
{
    const struct snn_device_statistics have = counters(core0, core3);
    snndev_rates_take(rates, &have, now_s);
}

Test(snndev_rates, first_reading_has_no_rates)
{
    struct snndev_rates rates = two_cores();
    take(&rates, 1000, 5, 50.0);
    cr_expect_float_eq(rates.cores[0].rate, 0.0, 0.0);
    cr_expect_float_eq(rates.in_rate, 0.0, 0.0);
    cr_expect_float_eq(rates.start_s, 50.0, 0.0);
    cr_expect_eq(rates.cores[0].total, 1000u);
}

/* 300 spikes in half a second are 600 a second, 3000 events 6000. */
Test(snndev_rates, difference_over_time_is_the_rate)
{
    struct snndev_rates rates = two_cores();
    take(&rates, 1000, 5, 50.0);
    take(&rates, 1300, 25, 50.5);
    cr_expect_float_eq(rates.cores[0].rate, 600.0, 1e-9);
    cr_expect_float_eq(rates.cores[1].rate, 40.0, 1e-9);
    cr_expect_float_eq(rates.in_rate, 6000.0, 1e-9);
    cr_expect_float_eq(rates.out_rate, 640.0, 1e-9);
    cr_expect_float_eq(snndev_rates_scale(&rates), 600.0, 1e-9);
    cr_expect_float_eq(rates.start_s, 50.0, 0.0);
}

Test(snndev_rates, counters_that_fell_back_make_no_rate)
{
    struct snndev_rates rates = two_cores();
    take(&rates, 1000, 5, 1.0);
    take(&rates, 10, 6, 2.0);
    cr_expect_float_eq(rates.cores[0].rate, 0.0, 0.0);
    cr_expect_float_eq(rates.cores[1].rate, 1.0, 1e-9);
    take(&rates, 30, 6, 3.0);
    cr_expect_float_eq(rates.cores[0].rate, 20.0, 1e-9);
}

Test(snndev_rates, history_keeps_the_last_and_its_peak)
{
    struct snndev_rates rates = two_cores();
    uint64_t total = 0;
    take(&rates, total, 0, 0.0);
    for (int i = 1; i <= SNNDEV_HISTORY + 1; i++) {
        total += i == 1 ? 1000 : (uint64_t)i;
        take(&rates, total, 0, i);
    }
    /* The 1000 of the first second has left; of the seconds 2..101 the last is the largest. */
    cr_expect_float_eq(rates.cores[0].history[0], 2.0, 1e-9);
    cr_expect_float_eq(rates.cores[0].history[SNNDEV_HISTORY - 1], SNNDEV_HISTORY + 1, 1e-9);
    cr_expect_float_eq(rates.cores[0].peak, SNNDEV_HISTORY + 1, 1e-9);
}

Test(snndev_rates, scale_of_silence_is_one)
{
    struct snndev_rates rates = two_cores();
    cr_expect_float_eq(snndev_rates_scale(&rates), 1.0, 0.0);
}

/* A word that the transport lost may have been an event, or none. */
Test(snndev_rates, words_that_are_lost_are_no_events)
{
    const struct snn_device_statistics have = {
        .events_dropped = 5, .host_dropped = 7, .transport_dropped = 512};
    struct snndev_rates rates = two_cores();
    snndev_rates_take(&rates, &have, 1.0);
    cr_expect_eq(rates.lost.events, 12);
    cr_expect_eq(rates.lost.words, 512);
    cr_expect_str_eq(snndev_losses_format(&rates.lost).text, "12 events and 512 words on the way");
}

Test(snndev_rates, gaps_are_counted_by_what_they_tell)
{
    struct snndev_losses lost = {.events = 0};
    cr_expect(!snndev_losses_any(&lost));
    for (uint32_t loss = 1; loss <= 3; loss++)
        snndev_losses_add(&lost, &(struct snn_device_item){
                                     .kind = SNN_DEVICE_GAP, .value = 10 * loss, .loss = loss});
    cr_expect_eq(lost.events, 30);
    cr_expect_eq(lost.words, 30);
    cr_expect(snndev_losses_any(&lost));
    lost.events = 0;
    cr_expect_str_eq(snndev_losses_format(&lost).text, "30 words on the way");
    lost.words = 0;
    cr_expect_str_eq(snndev_losses_format(&lost).text, "0 events");
}
