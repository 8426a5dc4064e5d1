/* What a link sends: words in order, within the credit, checked at a flush, whatever the bus does.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/device/linked.h"

TestSuite(link_send, .init = linked_begin, .fini = linked_end);

enum { EVENTS_MAX = 20000 };

static struct snnwire_event events[EVENTS_MAX];

static int send(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        events[i] = (struct snnwire_event){.time_us = first + i, .feature = (first + i) & 1023};
    return snndev_link_send(linked(), support_context(), events, count);
}

static int flush(void)
{
    return snndev_link_flush(linked(), support_context());
}

/* Decodes what the fake has taken: the events, of which all must be right and in order. */
static uint32_t taken_events(void)
{
    struct snnwire_reader reader = {.words = 0};
    struct snnwire_item item;
    enum snnwire_fault fault;
    uint32_t count = 0;
    size_t size = 0, used = 0;
    const uint8_t *bytes = fake_taken(&size);
    for (size_t at = 0; at < size; at += used) {
        const bool is_item = snnwire_read(&reader, bytes + at, size - at, &used, &item, &fault);
        cr_assert_eq(fault, SNNWIRE_FAULT_NONE);
        if (!is_item || item.is_mark) continue;
        cr_assert_eq(item.event.time_us, count);
        cr_assert_eq(item.event.feature, count & 1023);
        count++;
    }
    cr_assert_eq(reader.residue_size, 0);
    cr_assert_eq(reader.unchecked, 0);
    return count;
}

static void give_credit(void)
{
    fake_write_credit();
    cr_assert(fake_send(4096));
}

Test(link_send, nothing_goes_out_before_the_packet_is_full_or_flushed)
{
    size_t size = 0;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(send(0, 10), SNN_OK);
    (void)fake_taken(&size);
    cr_assert_eq(size, 0);
    cr_assert_eq(flush(), SNN_OK);
    /* SEQUENCE, TIME, ten events, CHECK. */
    (void)fake_taken(&size);
    cr_assert_eq(size, 13 * 8);
    cr_assert_eq(flush(), SNN_OK);
    (void)fake_taken(&size);
    cr_assert_eq(size, 13 * 8);
    cr_assert_eq(taken_events(), 10);
    cr_assert_eq(linked_counters().words_out, 13);
    cr_assert_eq(linked_counters().events_out, 10);
}

Test(link_send, never_more_words_than_credit_are_under_way)
{
    const struct snndev_link_options options = {.timeout_ms = 50};
    size_t size = 0;
    fake_plan()->hello.buffer_words = 100;
    cr_assert_eq(linked_start(&options), SNN_OK);
    cr_assert_eq(send(0, 1000), SNN_ERR_TIMEOUT);
    cr_assert(strstr(snn_context_message(support_context()), "no credit for") != NULL);
    (void)fake_taken(&size);
    cr_assert_leq(size, 800);
    cr_assert_gt(size, 400);
}

static void *give_credit_twice(void *user)
{
    (void)user;
    (void)fake_came(800);
    give_credit();
    (void)fake_came(1600);
    give_credit();
    return NULL;
}

Test(link_send, credit_lets_it_go_on)
{
    pthread_t thread;
    size_t size = 0;
    fake_plan()->hello.buffer_words = 200;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(pthread_create(&thread, NULL, give_credit_twice, NULL), 0);
    cr_assert_eq(send(0, 350), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    (void)fake_taken(&size);
    cr_assert(fake_came(353 * 8));
    (void)pthread_join(thread, NULL);
    cr_assert_eq(taken_events(), 350);
}

Test(link_send, the_least_credit_is_enough)
{
    fake_plan()->hello.buffer_words = SNNDEV_CREDIT_MIN;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    for (uint32_t i = 0; i < 50; i++) {
        cr_assert_eq(send(i, 1), SNN_OK);
        cr_assert_eq(flush(), SNN_OK);
        give_credit();
    }
    cr_assert_eq(taken_events(), 50);
}

Test(link_send, credit_for_words_that_were_never_sent_is_not_believed)
{
    const struct snndev_link_options options = {.timeout_ms = 50};
    fake_plan()->hello.buffer_words = 100;
    cr_assert_eq(linked_start(&options), SNN_OK);
    fake_write_mark(SNNWIRE_MARK_CREDIT, 0, 5000);
    cr_assert(fake_send(4096));
    cr_assert_eq(linked_drain(20).events, 0);
    cr_assert_eq(send(0, 1000), SNN_ERR_TIMEOUT);
}

Test(link_send, addresses_beyond_the_wire_are_refused)
{
    const struct snnwire_event wrong[] = {{.layer = 1}, {.layer = 64}};
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(snndev_link_send(linked(), support_context(), wrong, 2), SNN_ERR_INVALID);
    cr_assert_eq(linked_counters().events_out, 1);
    cr_assert_eq(snndev_link_mark(linked(), support_context(), SNNWIRE_MARK_CHECK, 0, 0),
                 SNN_ERR_INVALID);
}

Test(link_send, a_stall_that_took_a_part_is_resumed_behind_it)
{
    fake_plan()->manual = true;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(send(0, 20), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert_eq(send(20, 20), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert(fake_end_out(101, SNNDEV_STALLED));
    cr_assert(fake_end_out(0, SNNDEV_STALLED));
    cr_assert(fake_end_out(SIZE_MAX, SNNDEV_COMPLETED));
    cr_assert(fake_end_out(SIZE_MAX, SNNDEV_COMPLETED));
    cr_assert_eq(fake_halts_cleared(true), 1);
    cr_assert_eq(taken_events(), 40);
    cr_assert_eq(linked_counters().stalls, 1);
}

Test(link_send, a_bus_error_sends_the_packet_again)
{
    fake_plan()->manual = true;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(send(0, 20), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert(fake_end_out(0, SNNDEV_FAILED));
    cr_assert(fake_waiting_out(1));
    cr_assert_eq(send(20, 20), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert(fake_end_out(SIZE_MAX, SNNDEV_COMPLETED));
    cr_assert(fake_end_out(SIZE_MAX, SNNDEV_COMPLETED));
    cr_assert_eq(taken_events(), 40);
    cr_assert_eq(linked_counters().retries, 1);
}

Test(link_send, packets_that_are_taken_in_part_go_on)
{
    fake_plan()->manual = true;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(send(0, 20), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert(fake_end_out(3, SNNDEV_TIMED_OUT));
    cr_assert(fake_end_out(5, SNNDEV_CANCELLED));
    cr_assert(fake_end_out(7, SNNDEV_COMPLETED));
    cr_assert(fake_end_out(SIZE_MAX, SNNDEV_COMPLETED));
    cr_assert_eq(taken_events(), 20);
}

Test(link_send, words_that_overtook_others_end_the_stream)
{
    fake_plan()->manual = true;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(send(i, 1), SNN_OK);
        cr_assert_eq(flush(), SNN_OK);
    }
    cr_assert(fake_end_out(0, SNNDEV_FAILED));
    cr_assert(fake_end_out(SIZE_MAX, SNNDEV_COMPLETED));
    cr_assert_eq(linked_drain(1000).status, SNN_ERR_IO);
}

Test(link_send, packets_that_never_go_out_time_out)
{
    const struct snndev_link_options options = {.timeout_ms = 50};
    int status = SNN_OK;
    fake_plan()->manual = true;
    cr_assert_eq(linked_start(&options), SNN_OK);
    for (uint32_t i = 0; i < 100 && status == SNN_OK; i++) {
        status = send(i, 1);
        if (status == SNN_OK) status = flush();
    }
    cr_assert_eq(status, SNN_ERR_TIMEOUT);
    cr_assert(strstr(snn_context_message(support_context()), "no packet went out") != NULL);
}

static void *vanish_soon(void *user)
{
    (void)user;
    (void)fake_came(400);
    fake_vanish();
    return NULL;
}

Test(link_send, a_device_that_leaves_while_sending_is_gone)
{
    pthread_t thread;
    const struct snndev_link_options options = {.timeout_ms = 5000};
    fake_plan()->hello.buffer_words = 100;
    cr_assert_eq(linked_start(&options), SNN_OK);
    cr_assert_eq(pthread_create(&thread, NULL, vanish_soon, NULL), 0);
    const double begin = linked_seconds();
    cr_assert_eq(send(0, 1000), SNN_ERR_GONE);
    cr_assert_lt(linked_seconds() - begin, 0.5);
    (void)pthread_join(thread, NULL);
}

Test(link_send, memory_for_one_transfer_is_waited_for)
{
    fake_plan()->lend = 1;
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(send(0, 10), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    fake_plan()->lend = 2;
    cr_assert(fake_came(13 * 8));
    cr_assert_eq(taken_events(), 10);
}

Test(link_send, a_reset_begins_at_word_0)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(send(0, 100), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert_eq(send(100, 7), SNN_OK); /* collected, and gone with the reset */
    fake_write_events(50);
    cr_assert(fake_send(4096));
    cr_assert_eq(snndev_link_reset(linked(), support_context()), SNN_OK);
    cr_assert_eq(linked_counters().events_out, 0);
    cr_assert_eq(linked_counters().words_in, 0);
    cr_assert_eq(send(0, 10), SNN_OK);
    cr_assert_eq(flush(), SNN_OK);
    cr_assert(fake_came(13 * 8));
    cr_assert_eq(taken_events(), 10);
    fake_write_events(3);
    cr_assert(fake_send(4096));
    const struct linked_items items = linked_drain_after(3, 30);
    cr_assert_eq(items.events, 3);
    cr_assert_eq(items.gaps[3] + linked_counters().faults, 0);
}

/* Events that fill packets of 64 bytes with 4 to 7 words so that a block ends with the 7th word of
 * one: each new upper half of the time takes a word more. Behind them the 8th word is the CHECK's.
 */
static void fill_packet_but_the_check(void)
{
    struct snnwire_event event = {.layer = 1};
    uint32_t words = 0, in_packet = 0, shifts = 0;
    while (words < SNNWIRE_CHECK_WORDS - 2) {
        uint32_t own = words == 0 ? 3 : 1; /* SEQUENCE and TIME */
        if (in_packet >= 4) in_packet = 0;
        if (in_packet == 3 && words > 3 && shifts < 3) {
            event.time_us += 1ull << 32;
            shifts++;
            own = 2;
        }
        cr_assert_eq(snndev_link_send(linked(), support_context(), &event, 1), SNN_OK);
        words += own;
        in_packet += own;
    }
    event.time_us += 1ull << 32; /* CHECK, SEQUENCE, TIME, event */
    cr_assert_eq(snndev_link_send(linked(), support_context(), &event, 1), SNN_OK);
}

Test(link_send, behind_a_flush_that_timed_out_nothing_more_goes_into_the_packet)
{
    const struct snndev_link_options options = {.transfer_bytes = 64, .timeout_ms = 50};
    fake_plan()->hello.buffer_words = 514;
    cr_assert_eq(linked_start(&options), SNN_OK);
    fill_packet_but_the_check();
    const uint64_t sent = linked_counters().events_out;
    cr_assert_eq(flush(), SNN_ERR_TIMEOUT);
    cr_assert_eq(send(0, EVENTS_MAX), SNN_ERR_TIMEOUT);
    cr_assert_eq(linked_counters().events_out, sent);
    cr_assert_eq(snndev_link_mark(linked(), support_context(), SNNWIRE_MARK_END, 0, 1),
                 SNN_ERR_TIMEOUT);
    cr_assert_eq(flush(), SNN_ERR_TIMEOUT);
    give_credit();
    cr_assert_eq(flush(), SNN_OK);
    cr_assert_eq(send(0, 10), SNN_OK);
}

/* How much of it was taken nobody can tell: the sample begins anew, with nothing left of it. */
Test(link_send, what_timed_out_is_gone_with_a_reset)
{
    fake_plan()->silent = true;
    cr_assert_eq(linked_start(&(struct snndev_link_options){.timeout_ms = 100}), SNN_OK);
    cr_assert_eq(send(7000, EVENTS_MAX), SNN_ERR_TIMEOUT);
    cr_assert_lt(linked_counters().events_out, EVENTS_MAX);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(snndev_link_reset(linked(), support_context()), SNN_OK);
        cr_assert_eq(linked_counters().events_out, 0);
        cr_assert_eq(send(0, 10), SNN_OK);
        cr_assert_eq(flush(), SNN_OK);
        cr_assert(fake_came(13 * 8));
        cr_assert_eq(taken_events(), 10);
        cr_assert_eq(send(7000, EVENTS_MAX), SNN_ERR_TIMEOUT);
    }
}
