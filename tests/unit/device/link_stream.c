/* What comes over a link: order, words cut apart, losses at their place, settling. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void assert_message(const char *text)
{
    cr_assert(strstr(snn_context_message(support_context()), text) != NULL, "message: %s",
              snn_context_message(support_context()));
}

Test(link_stream, an_error_of_the_device_is_told_behind_what_came_before_it)
{
    struct snnwire_item items[100];
    size_t count = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(5);
    fake_write_mark(SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_OVERRUN, 12);
    fake_write_events(3);
    cr_assert(fake_send(4096));
    cr_assert_eq(snndev_link_receive(linked(), support_context(), items, 100, &count, 5000),
                 SNN_OK);
    cr_assert_eq(count, 5);
    cr_assert_eq(snndev_link_receive(linked(), support_context(), items, 100, &count, 5000),
                 SNN_ERR_PROTOCOL);
    assert_message("more words came than it gave credit for (error 5, detail 12)");
    cr_assert_eq(snndev_link_receive(linked(), support_context(), items, 100, &count, 5000),
                 SNN_OK);
    cr_assert_eq(count, 3);
}

Test(link_stream, a_corrupt_word_shows_when_the_stream_settles)
{
    size_t size = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(20);
    uint8_t *bytes = fake_written(&size);
    bytes[8 * 5] ^= 1;
    cr_assert(fake_give(bytes, size, SNNDEV_COMPLETED));
    cr_assert_eq(linked_drain_after(20, 20).events, 20);
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 1000), SNN_ERR_PROTOCOL);
    cr_assert_eq(linked_counters().faults, 1);
    /* It is told once. */
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 1000), SNN_OK);
}

Test(link_stream, a_block_without_its_end_does_not_settle)
{
    size_t size = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(20);
    const uint8_t *bytes = fake_written(&size);
    cr_assert(fake_give(bytes, size - 3, SNNDEV_COMPLETED));
    cr_assert_eq(linked_drain_after(20, 20).events, 20);
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 20), SNN_ERR_TIMEOUT);
    assert_message("the end of a block is missing");
    cr_assert(fake_give(bytes + size - 3, 3, SNNDEV_COMPLETED));
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 1000), SNN_OK);
}

Test(link_stream, losses_of_the_device_are_counted_apart)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(2);
    fake_write_mark(SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 100);
    fake_write_events(2);
    fake_write_mark(SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 11);
    fake_write_events(1);
    cr_assert(fake_send(4096));
    const struct linked_items items = linked_drain_after(5, 20);
    cr_assert_eq(items.gaps[SNNWIRE_LOSS_DEVICE], 111);
    cr_assert_eq(linked_counters().dropped_device, 111);
    cr_assert_eq(linked_counters().dropped_host, 0);
}

Test(link_stream, events_are_received_up_to_a_mark)
{
    struct snnwire_event events[100];
    struct snnwire_item mark;
    size_t count = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_events(7);
    fake_write_mark(SNNWIRE_MARK_TICK, 0, 4);
    fake_write_events(9);
    cr_assert(fake_send(4096));
    cr_assert_eq(
        snndev_link_receive_events(linked(), support_context(), events, 100, &count, &mark, 5000),
        SNN_OK);
    cr_assert_eq(count, 7);
    cr_assert(mark.is_mark);
    cr_assert_eq(mark.mark, SNNWIRE_MARK_TICK);
    cr_assert_eq(mark.value, 4);
    cr_assert_eq(
        snndev_link_receive_events(linked(), support_context(), events, 5, &count, &mark, 5000),
        SNN_OK);
    cr_assert_eq(count, 5);
    cr_assert_not(mark.is_mark);
    cr_assert_eq(events[4].time_us, 11);
}

Test(link_stream, short_transfers_share_a_slot)
{
    cr_assert_eq(linked_start(&small), SNN_OK);
    /* 200 transfers of a mark each in two slots of 4 KiB: nobody reads, nothing is lost. */
    for (unsigned i = 0; i < 200; i++) {
        fake_write_mark(SNNWIRE_MARK_TICK, 0, i);
        cr_assert(fake_send(4096));
    }
    cr_assert(fake_waiting(2));
    cr_assert_eq(linked_drain(20).marks[SNNWIRE_MARK_TICK], 200);
    cr_assert_eq(linked_counters().spare_used, 0);
    cr_assert_eq(linked_counters().short_packets, 200);
}

Test(link_stream, a_recording_is_whole_or_not_there)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s", support_path("session.tape"));
    const struct snndev_link_options options = {.record = path};
    cr_assert_eq(linked_start(&options), SNN_OK);
    fake_write_events(5);
    cr_assert(fake_send(4096));
    cr_assert_eq(linked_drain_after(5, 20).events, 5);
    cr_assert_neq(access(path, R_OK), 0);
    cr_assert_eq(snndev_link_record_end(linked(), support_context()), SNN_OK);
    cr_assert_eq(access(path, R_OK), 0);
    cr_assert_eq(snndev_link_record_end(linked(), support_context()), SNN_OK);
}
