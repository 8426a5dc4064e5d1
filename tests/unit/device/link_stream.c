/* What comes over a link: order, words cut apart, losses at their place, settling. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/device/linked.h"

TestSuite(link_stream, .init = linked_begin, .fini = linked_end);

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

Test(link_stream, more_marks_than_are_kept_in_a_loss_leave_the_last)
{
    enum { TICKS = 6000 };
    cr_assert_eq(linked_start(&small), SNN_OK);
    for (uint32_t i = 0; i < TICKS; i++) {
        fake_write_events(1);
        if (i == TICKS / 2) fake_write_mark(SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 5);
        fake_write_mark(SNNWIRE_MARK_TICK, 0, i);
        if (i == TICKS - 1000) fake_write_mark(SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 7);
    }
    fake_write_mark(SNNWIRE_MARK_END, 0, 3);
    fake_write_mark(SNNWIRE_MARK_GAP, SNNWIRE_LOSS_DEVICE, 9);
    cr_assert(fake_send(4096));
    cr_assert(fake_waiting(2));
    const struct linked_items items = linked_drain(20);
    cr_assert_eq(items.marks[SNNWIRE_MARK_END], 1);
    cr_assert_gt(items.marks[SNNWIRE_MARK_TICK], 4000);
    cr_assert_lt(items.marks[SNNWIRE_MARK_TICK], TICKS);
    cr_assert_eq(items.events + items.gaps[SNNWIRE_LOSS_HOST], TICKS);
    cr_assert_eq(items.gaps[SNNWIRE_LOSS_DEVICE], 5);
    cr_assert_eq(linked_counters().dropped_device, 21);
    cr_assert_eq(snndev_link_settle(linked(), support_context(), 100), SNN_OK);
}

/* ---- Settling ---- */

/* Two samples that share a block: three words, END at word 4, BEGIN at word 5, then its CHECK. */
static uint8_t *write_shared_block(size_t *size)
{
    fake_write_mark(SNNWIRE_MARK_BEGIN, 0, 7);
    fake_write_events(1);
    fake_write_mark(SNNWIRE_MARK_END, 0, 7);
    fake_write_mark(SNNWIRE_MARK_BEGIN, 0, 8);
    return fake_written(size);
}

/* Receives items up to the mark, of which there is one. */
static void receive_up_to(enum snnwire_mark mark)
{
    struct snnwire_event events[16];
    struct snnwire_item item = {.is_mark = false};
    size_t count = 0;
    while (!item.is_mark || item.mark != mark)
        cr_assert_eq(snndev_link_receive_events(linked(), support_context(), events, 16, &count,
                                                &item, 1000),
                     SNN_OK);
}

static int settle(unsigned timeout_ms)
{
    return snndev_link_settle(linked(), support_context(), timeout_ms);
}

Test(link_stream, a_corrupt_word_is_told_behind_end_though_more_words_are_under_its_check)
{
    size_t size = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    uint8_t *bytes = write_shared_block(&size);
    bytes[3 * SNNWIRE_WORD_BYTES] ^= 2;
    cr_assert(fake_give(bytes, size, SNNDEV_COMPLETED));
    receive_up_to(SNNWIRE_MARK_END);
    cr_assert_eq(settle(1000), SNN_ERR_PROTOCOL);
    receive_up_to(SNNWIRE_MARK_BEGIN);
    cr_assert_eq(settle(1000), SNN_ERR_PROTOCOL, "the block is that sample's, too");
    cr_assert_eq(linked_counters().faults, 1);
    fake_write_mark(SNNWIRE_MARK_END, 0, 8);
    cr_assert(fake_send(4096));
    receive_up_to(SNNWIRE_MARK_END);
    cr_assert_eq(settle(1000), SNN_OK);
}

Test(link_stream, a_check_is_waited_for_behind_items_that_nobody_received)
{
    size_t size = 0;
    const struct snndev_link_options options = {.transfer_count = 4, .transfer_bytes = 64};
    cr_assert_eq(linked_start(&options), SNN_OK);
    const uint8_t *bytes = write_shared_block(&size);
    cr_assert(fake_give(bytes, 45, SNNDEV_COMPLETED)); /* END is whole, BEGIN is not */
    receive_up_to(SNNWIRE_MARK_END);
    cr_assert_eq(settle(0), SNN_ERR_TIMEOUT);
    cr_assert(fake_give(bytes + 45, 4, SNNDEV_COMPLETED)); /* BEGIN, and a byte of the CHECK */
    cr_assert_eq(settle(20), SNN_ERR_TIMEOUT);
    cr_assert(fake_give(bytes + 49, size - 49, SNNDEV_COMPLETED));
    cr_assert_eq(settle(1000), SNN_OK);
    receive_up_to(SNNWIRE_MARK_BEGIN);
    cr_assert_eq(settle(0), SNN_OK);
}

Test(link_stream, what_is_wrong_behind_the_check_is_not_yet_told)
{
    size_t size = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    fake_write_mark(SNNWIRE_MARK_END, 0, 7);
    uint8_t *bytes = fake_written(&size);
    cr_assert(fake_give(bytes, size, SNNDEV_COMPLETED));
    fake_write_mark(SNNWIRE_MARK_BEGIN, 0, 8);
    fake_write_events(1);
    bytes = fake_written(&size);
    bytes[3 * SNNWIRE_WORD_BYTES] ^= 2;
    cr_assert(fake_give(bytes, size, SNNDEV_COMPLETED));
    receive_up_to(SNNWIRE_MARK_END);
    cr_assert_eq(settle(1000), SNN_OK);
    (void)linked_drain(20);
    cr_assert_eq(settle(0), SNN_ERR_PROTOCOL);
}

Test(link_stream, an_end_is_the_last_of_what_is_received_at_once)
{
    struct snnwire_item items[16];
    size_t size = 0, count = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    const uint8_t *bytes = write_shared_block(&size);
    cr_assert(fake_give(bytes, size, SNNDEV_COMPLETED));
    cr_assert_eq(snndev_link_receive(linked(), support_context(), items, 16, &count, 1000), SNN_OK);
    cr_assert_eq(count, 3);
    cr_assert_eq(items[2].mark, SNNWIRE_MARK_END);
    cr_assert_eq(snndev_link_receive(linked(), support_context(), items, 16, &count, 1000), SNN_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(items[0].mark, SNNWIRE_MARK_BEGIN);
}
