/* What a link does when transfers stall, fail, vanish, are short of memory, or never end. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/device/linked.h"

TestSuite(link_trouble, .init = linked_begin, .fini = linked_end);

static const uint8_t nothing[1];

static void assert_message(const char *text)
{
    cr_assert(strstr(snn_context_message(support_context()), text) != NULL, "message: %s",
              snn_context_message(support_context()));
}

/* Sends ten events in one transfer of that outcome; how many of them the reader gets. */
static uint64_t events_of(enum snndev_outcome outcome)
{
    const bool counts =
        outcome == SNNDEV_COMPLETED || outcome == SNNDEV_TIMED_OUT || outcome == SNNDEV_CANCELLED;
    size_t size = 0;
    fake_write_events(10);
    const uint8_t *bytes = fake_written(&size);
    cr_assert(fake_give(bytes, size, outcome));
    return linked_drain_after(counts ? 10 : 0, 30).events;
}

Test(link_trouble, data_of_transfers_that_time_out_or_are_cancelled_counts)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
    cr_assert_eq(events_of(SNNDEV_TIMED_OUT), 10);
    cr_assert_eq(events_of(SNNDEV_CANCELLED), 10);
    cr_assert_eq(linked_counters().retries, 0);
    cr_assert_eq(linked_counters().stalls, 0);
    cr_assert(fake_waiting(32));
}

Test(link_trouble, data_of_transfers_that_failed_does_not)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(events_of(SNNDEV_FAILED), 0);
    cr_assert_eq(events_of(SNNDEV_OVERFLOWED), 0);
    cr_assert_eq(linked_counters().retries, 2);
    /* What is missing is a hole in the next words: two blocks of 10 events, each with 3 words. */
    fake_write_events(1);
    cr_assert(fake_send(4096));
    const struct linked_items items = linked_drain_after(1, 30);
    cr_assert_eq(items.events, 1);
    cr_assert_eq(items.gaps[SNNWIRE_LOSS_TRANSPORT], 26);
    cr_assert_eq(linked_counters().dropped_transport, 26);
}

Test(link_trouble, data_of_a_device_that_vanished_does_not_count)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(events_of(SNNDEV_VANISHED), 0);
}

Test(link_trouble, a_stall_is_cleared_when_all_are_home_and_loses_nothing)
{
    size_t size = 0;
    const struct snndev_link_options options = {.transfer_count = 4};
    cr_assert_eq(linked_start(&options), SNN_OK);
    fake_write_events(1000);
    const uint8_t *bytes = fake_written(&size);
    cr_assert(fake_give(bytes, 4000, SNNDEV_COMPLETED));
    cr_assert(fake_give(bytes + 4000, 1000, SNNDEV_STALLED));
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(fake_halts_cleared(false), 0);
        cr_assert(fake_waiting(3 - i));
        cr_assert(fake_give(nothing, 0, SNNDEV_STALLED));
    }
    cr_assert(fake_waiting(4));
    cr_assert_eq(fake_halts_cleared(false), 1);
    cr_assert(fake_give(bytes + 5000, size - 5000, SNNDEV_COMPLETED));
    const struct linked_items items = linked_drain_after(1000, 30);
    cr_assert_eq(items.events, 1000);
    cr_assert(items.in_order);
    cr_assert_eq(linked_counters().stalls, 1);
    cr_assert_eq(linked_counters().faults + items.gaps[3], 0);
}

Test(link_trouble, transfers_that_stay_behind_a_stall_are_called_home)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert(fake_waiting(32));
    cr_assert(fake_give(nothing, 0, SNNDEV_STALLED));
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10); /* before the drain's time is over */
    cr_assert(fake_waiting(32));
    cr_assert_eq(fake_halts_cleared(false), 1);
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
}

Test(link_trouble, an_endpoint_that_stalls_for_ever_fails)
{
    struct snnwire_item item;
    size_t count = 0;
    const struct snndev_link_options options = {.transfer_count = 1};
    cr_assert_eq(linked_start(&options), SNN_OK);
    for (unsigned i = 0; i < 9; i++)
        cr_assert(fake_give(nothing, 0, SNNDEV_STALLED));
    cr_assert_eq(snndev_link_receive(linked(), support_context(), &item, 1, &count, 1000),
                 SNN_ERR_IO);
    assert_message("fake F1: the endpoint stalls again and again");
}

Test(link_trouble, bus_errors_are_tried_again_later_and_later)
{
    const struct snndev_link_options options = {.transfer_count = 1};
    cr_assert_eq(linked_start(&options), SNN_OK);
    const double begin = linked_seconds();
    for (unsigned i = 0; i < 6; i++)
        cr_assert(fake_give(nothing, 0, SNNDEV_FAILED));
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
    /* 1 + 2 + 4 + 8 + 16 + 32 ms of waiting. */
    cr_assert_geq(linked_seconds() - begin, 0.060);
    cr_assert_eq(linked_counters().retries, 6);
    /* What got through makes it forget them. */
    for (unsigned i = 0; i < 6; i++)
        cr_assert(fake_give(nothing, 0, SNNDEV_FAILED));
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
}

Test(link_trouble, a_bus_that_fails_for_ever_fails)
{
    struct snnwire_item item;
    size_t count = 0;
    const struct snndev_link_options options = {.transfer_count = 1};
    cr_assert_eq(linked_start(&options), SNN_OK);
    for (unsigned i = 0; i < 9; i++)
        cr_assert(fake_give(nothing, 0, SNNDEV_FAILED));
    cr_assert_eq(snndev_link_receive(linked(), support_context(), &item, 1, &count, 1000),
                 SNN_ERR_IO);
    assert_message("fake F1: the bus fails again and again");
}

Test(link_trouble, a_reset_makes_a_link_of_a_failed_one_again)
{
    const struct snndev_link_options options = {.transfer_count = 1};
    cr_assert_eq(linked_start(&options), SNN_OK);
    for (unsigned i = 0; i < 9; i++)
        cr_assert(fake_give(nothing, 0, SNNDEV_FAILED));
    cr_assert_eq(linked_drain(3000).status, SNN_ERR_IO);
    cr_assert_eq(snndev_link_reset(linked(), support_context()), SNN_OK);
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
    cr_assert_eq(linked_counters().retries, 0);
}

Test(link_trouble, a_device_that_left_is_gone_within_a_tenth_of_a_second)
{
    struct snnwire_item item;
    size_t count = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(5);
    cr_assert(fake_send(4096));
    cr_assert_eq(linked_drain_after(5, 20).events, 5);
    fake_vanish();
    const double begin = linked_seconds();
    cr_assert_eq(snndev_link_receive(linked(), support_context(), &item, 1, &count, 5000),
                 SNN_ERR_GONE);
    cr_assert_lt(linked_seconds() - begin, 0.1);
    assert_message("fake F1: the device is gone");
    cr_assert_eq(snndev_link_flush(linked(), support_context()), SNN_OK);
    cr_assert_eq(snndev_link_mark(linked(), support_context(), SNNWIRE_MARK_BEGIN, 0, 1),
                 SNN_ERR_GONE);
}

Test(link_trouble, what_came_before_the_device_left_is_still_received)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(500);
    cr_assert(fake_send(512));
    fake_vanish();
    const struct linked_items items = linked_drain(1000);
    cr_assert_eq(items.status, SNN_ERR_GONE);
    cr_assert_eq(items.events, 500);
}

Test(link_trouble, a_host_without_memory_gets_fewer_transfers)
{
    fake_plan()->lend = 16;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    /* A quarter of what there is stays for transfers to the device. */
    cr_assert_eq(linked_counters().transfers, 12);
    cr_assert(fake_waiting(12));
    cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
}

Test(link_trouble, one_transfer_is_enough)
{
    fake_plan()->lend = 1;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(linked_counters().transfers, 1);
    for (unsigned i = 0; i < 100; i++) {
        fake_write_events(100);
        cr_assert(fake_send(333));
    }
    const struct linked_items items = linked_drain_after(10000, 30);
    cr_assert_eq(items.events, 10000);
    cr_assert(items.in_order);
}

Test(link_trouble, memory_that_others_take_later_shrinks_the_pool)
{
    const struct snndev_link_options options = {.transfer_count = 8};
    cr_assert_eq(linked_start(&options), SNN_OK);
    cr_assert(fake_waiting(8));
    fake_plan()->lend = 5;
    for (unsigned i = 0; i < 12; i++)
        cr_assert_eq(events_of(SNNDEV_COMPLETED), 10);
    cr_assert_eq(linked_counters().transfers, 5);
}

Test(link_trouble, a_device_that_never_ends_transfers_is_closed_in_time)
{
    fake_plan()->deaf = true;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert(fake_waiting(32));
    linked_close(); /* asserts the second */
}

Test(link_trouble, closing_wakes_nobody_who_is_not_there)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_vanish();
    linked_close();
    cr_assert_eq(fake_left_over(), 0);
}

Test(link_trouble, all_transfers_are_home_before_the_transport_closes)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert(fake_waiting(32));
    linked_close();
    cr_assert_eq(fake_left_over(), 0);
}
