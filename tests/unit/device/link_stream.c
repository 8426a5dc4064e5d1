/* What comes over a link: order, words cut apart, losses at their place, settling. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/device/linked.h"

TestSuite(link_stream, .init = linked_begin, .fini = linked_end, .timeout = 20);

static const struct snndev_link_options small = {
    .transfer_count = 2, .transfer_bytes = 4096, .ring_slots = 4};

Test(link_stream, events_come_in_their_order)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_mark(SNNWIRE_MARK_BEGIN, 0, 9);
    fake_write_events(100000);
    fake_write_mark(SNNWIRE_MARK_END, 0, 9);
    cr_assert(fake_send(65536));
    const struct linked_items items = linked_drain_after(100000, 50);
    cr_assert_eq(items.status, SNN_ERR_TIMEOUT);
    cr_assert_eq(items.events, 100000);
    cr_assert(items.in_order);
    cr_assert_eq(items.marks[SNNWIRE_MARK_BEGIN], 1);
    cr_assert_eq(items.marks[SNNWIRE_MARK_END], 1);
    cr_assert_eq(linked_counters().events_in, 100000);
    cr_assert_eq(linked_counters().faults, 0);
}

Test(link_stream, words_are_cut_apart_anywhere)
{
    for (size_t most = 1; most < 24; most += 2) {
        struct linked_items items;
        cr_assert_eq(linked_start(NULL), SNN_OK);
        fake_write_events(20);
        cr_assert(fake_send(most));
        items = linked_drain_after(20, 20);
        cr_assert_eq(items.events, 20, "in pieces of %zu: %zu", most, (size_t)items.events);
        cr_assert(items.in_order);
        cr_assert_eq(linked_counters().faults + items.gaps[1] + items.gaps[3], 0);
        linked_close();
        fake_begin();
    }
}

Test(link_stream, what_nobody_received_is_waiting)
{
    struct snnwire_item items[10];
    size_t count = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(50);
    cr_assert(fake_send(4096));
    cr_assert_eq(snndev_link_receive(linked(), support_context(), items, 10, &count, 1000), SNN_OK);
    cr_assert_eq(count, 10);
    cr_assert_eq(linked_counters().events_in, 10);
    cr_assert_eq(linked_counters().events_waiting, 40);
}

Test(link_stream, a_reader_that_lags_loses_events_at_their_place)
{
    struct linked_items items;
    cr_assert_eq(linked_start(&small), SNN_OK);
    /* Two slots for what came, two in flight; all else is lost, up to a block. */
    fake_write_events(5000);
    fake_write_mark(SNNWIRE_MARK_TICK, 0, 1);
    fake_write_events(5000);
    fake_write_mark(SNNWIRE_MARK_TICK, 0, 2);
    cr_assert(fake_send(4096));
    cr_assert(fake_waiting(2));
    items = linked_drain(20);
    const struct snndev_link_counters counters = linked_counters();
    cr_assert_gt(items.gaps[SNNWIRE_LOSS_HOST], 0);
    cr_assert_eq(items.events + items.gaps[SNNWIRE_LOSS_HOST], 10000);
    cr_assert_eq(counters.dropped_host, items.gaps[SNNWIRE_LOSS_HOST]);
    cr_assert_eq(items.marks[SNNWIRE_MARK_TICK], 2);
    cr_assert_eq(items.gaps[SNNWIRE_LOSS_TRANSPORT], 0);
    cr_assert_eq(counters.faults, 0);
    cr_assert_gt(counters.spare_used, 10);
    /* The stream goes on behind the loss. */
    fake_write_events(1000);
    cr_assert(fake_send(4096));
    cr_assert(fake_waiting(2));
    items = linked_drain(20);
    cr_assert_eq(items.events + items.gaps[SNNWIRE_LOSS_HOST], 1000);
    cr_assert_gt(items.events, 0);
    cr_assert_eq(linked_counters().faults, 0);
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 100), SNN_OK);
}

Test(link_stream, a_loss_up_to_the_end_leaves_nothing_unsettled)
{
    cr_assert_eq(linked_start(&small), SNN_OK);
    fake_write_events(5000);
    fake_write_mark(SNNWIRE_MARK_END, 0, 2);
    cr_assert(fake_send(1000)); /* cuts blocks anywhere */
    cr_assert(fake_waiting(2));
    const struct linked_items items = linked_drain(20);
    cr_assert_gt(items.gaps[SNNWIRE_LOSS_HOST], 0);
    cr_assert_eq(items.marks[SNNWIRE_MARK_END], 1);
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 100), SNN_OK);
}
