/* What a broken transport or a hostile device makes of a stream: bits that flip, packets that are
 * lost or come twice, words that mean nothing. Every damage is told, and the next block is whole.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire/support.h"

/* Three blocks, of which the second is full, and time has wrapped. */
enum { BLOCK = 512 * 8, FIRST = 4 * 8, EVENTS = 1 + 509 + 20 };

static uint8_t stream[BLOCK * 4];
static struct snnwire_event events[EVENTS];
static struct wire_log whole, broken;

static size_t make_stream(void)
{
    struct snnwire_writer writer = {0};
    uint32_t seed = 1;
    size_t size = 0, more = 0;
    for (size_t i = 0; i < EVENTS; i++)
        events[i] = wire_event(&seed, ((uint64_t)3 << 32) + i);
    size += snnwire_write_event(&writer, &events[0], stream);
    size += snnwire_write_check(&writer, stream + size);
    cr_assert_eq(size, FIRST);
    snnwire_write_events(&writer, events + 1, EVENTS - 1, stream + size, sizeof(stream) - size,
                         &more);
    size += more;
    size += snnwire_write_check(&writer, stream + size);
    cr_assert_eq(size, FIRST + BLOCK + 8 * (2 + 20 + 1));
    return size;
}

static size_t fault_count(const struct wire_log *log)
{
    return log->fault_counts[1] + log->fault_counts[2] + log->fault_counts[3];
}

/* Whether the log ends with the events from `from` on. */
static bool ends_with(const struct wire_log *log, size_t from)
{
    const size_t count = EVENTS - from;
    for (size_t i = 0; i < count; i++) {
        const struct snnwire_item *item = &log->items[log->count - count + i];
        if (item->is_mark || !wire_same_event(&item->event, &events[from + i])) return false;
    }
    return true;
}

static struct snnwire_reader read_all(size_t size, bool fast)
{
    struct snnwire_reader reader = {.words = 0};
    broken = (struct wire_log){.count = 0};
    if (fast) wire_read_fast(&reader, stream, size, &broken);
    if (!fast) wire_read(&reader, stream, size, &broken);
    cr_assert_eq(reader.faults, fault_count(&broken));
    return reader;
}

/* All bits of a block, its SEQUENCE, TIME and CHECK included; `next` is the first event behind it.
 * Where CHECK itself turns into something else, the block becomes too long or the next SEQUENCE
 * shows it; no bit makes a GAP of what was not lost. */
static void flip_every_bit(size_t from, size_t block, size_t next, bool fast)
{
    const size_t size = make_stream();
    for (size_t bit = 0; bit < block * 8; bit++) {
        uint8_t *byte = &stream[from + bit / 8];
        *byte = (uint8_t)(*byte ^ 1u << bit % 8);
        const struct snnwire_reader reader = read_all(size, fast);
        *byte = (uint8_t)(*byte ^ 1u << bit % 8);
        cr_assert(broken.fault_counts[SNNWIRE_FAULT_CHECK] > 0, "bit %zu", bit);
        cr_assert_eq(broken.fault_counts[SNNWIRE_FAULT_SEQUENCE], 0, "bit %zu", bit);
        cr_assert(ends_with(&broken, next), "bit %zu", bit);
        cr_assert(reader.unchecked == 0 && reader.residue_size == 0);
    }
}

Test(damage, every_flipped_bit_of_a_block_is_a_check_fault)
{
    flip_every_bit(FIRST, BLOCK, 510, false);
    flip_every_bit(0, FIRST, 1, false);
}

Test(damage, every_flipped_bit_is_a_check_fault_among_runs_too)
{
    flip_every_bit(FIRST, BLOCK, 510, true);
    flip_every_bit(0, FIRST, 1, true);
}

/* `count` words lost from each place on: a GAP of as many, at the next SEQUENCE; what comes behind
 * that has its right time. */
static void lose_words(size_t count)
{
    const size_t size = make_stream();
    const size_t last = (FIRST + BLOCK) / 8; /* the SEQUENCE of the third block */
    uint8_t copy[sizeof(stream)];
    memcpy(copy, stream, size);
    for (size_t at = 0; at + count <= last; at++) {
        size_t gap = 0;
        memmove(stream + at * 8, stream + (at + count) * 8, size - (at + count) * 8);
        read_all(size - count * 8, at % 2 == 0);
        memcpy(stream, copy, size);
        for (size_t i = 0; i < broken.count; i++) {
            const struct snnwire_item *item = &broken.items[i];
            if (!item->is_mark) continue;
            cr_assert(item->mark == SNNWIRE_MARK_GAP && item->argument == SNNWIRE_LOSS_TRANSPORT);
            gap += item->value;
        }
        cr_assert_eq(gap, count, "%zu of %zu words at %zu", gap, count, at);
        cr_assert_eq(broken.fault_counts[SNNWIRE_FAULT_SEQUENCE], 1);
        cr_assert(ends_with(&broken, 510), "words lost at %zu", at);
    }
}

Test(damage, lost_words_are_a_gap_of_as_many)
{
    lose_words(1);
    lose_words(2);
    lose_words(64);
    lose_words(512);
}

/* The whole first block: nothing else is wrong. */
Test(damage, a_lost_block_is_a_gap_and_no_other_fault)
{
    const size_t size = make_stream();
    struct snnwire_reader reader = {.words = 0};
    wire_read_fast(&reader, stream + FIRST, size - FIRST, &broken);
    cr_assert_eq(broken.count, 1 + EVENTS - 1);
    cr_assert(broken.items[0].is_mark && broken.items[0].mark == SNNWIRE_MARK_GAP);
    cr_assert_eq(broken.items[0].value, FIRST / 8);
    cr_assert(ends_with(&broken, 1));
    cr_assert_eq(fault_count(&broken), 1);
}

Test(damage, holes_are_counted_over_the_wrap_of_numbers)
{
    struct snnwire_writer writer = {.words = UINT32_MAX - 1};
    struct snnwire_reader reader = {.words = UINT32_MAX - 5};
    const struct snnwire_event event = {.time_us = 5};
    size_t size = snnwire_write_event(&writer, &event, stream);
    size += snnwire_write_check(&writer, stream + size);
    writer.words += 10;
    size += snnwire_write_event(&writer, &event, stream + size);
    size += snnwire_write_check(&writer, stream + size);
    wire_read(&reader, stream, size, &broken);
    cr_assert_eq(broken.count, 4);
    cr_assert_eq(broken.items[0].value, 4);
    cr_assert_eq(broken.items[2].value, 10);
    cr_assert_eq(reader.words, 16); /* 2^32 - 2 + 4 + 10 + 4, modulo 2^32 */
}

/* Nothing is missing, so there is no GAP: its number would be about 2^32. */
Test(damage, a_block_that_comes_twice_is_a_fault_without_a_gap)
{
    const size_t size = make_stream();
    struct snnwire_reader reader = {.words = 0};
    wire_read(&reader, stream, FIRST, &broken);
    wire_read(&reader, stream, size, &broken);
    cr_assert_eq(broken.count, EVENTS + 1);
    cr_assert_eq(broken.fault_counts[SNNWIRE_FAULT_SEQUENCE], 1);
    cr_assert_eq(fault_count(&broken), 1);
    cr_assert(ends_with(&broken, 0));
}

Test(damage, a_stream_that_is_cut_off_has_unchecked_words_or_bytes)
{
    const size_t size = make_stream();
    for (size_t end = FIRST + BLOCK + 1; end < size; end++) {
        const struct snnwire_reader reader = read_all(end, true);
        cr_assert(reader.unchecked > 0 || reader.residue_size > 0, "cut at %zu", end);
        cr_assert_eq(reader.faults, 0);
    }
}

static void put_word(uint8_t *out, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(word >> 8 * i);
}

Test(damage, kinds_and_marks_that_do_not_exist_are_faults_and_skipped)
{
    struct snnwire_reader reader = {.words = 0};
    for (uint64_t code = 10; code < 64; code++)
        put_word(stream + (code - 10) * 8, (uint64_t)1 << 62 | code << 56);
    put_word(stream + 54 * 8, (uint64_t)2 << 62);
    put_word(stream + 55 * 8, UINT64_MAX);
    put_word(stream + 56 * 8, 127);
    wire_read(&reader, stream, 57 * 8, &broken);
    cr_assert_eq(broken.count, 1);
    cr_assert_eq(broken.items[0].event.x, 127);
    cr_assert_eq(broken.fault_counts[SNNWIRE_FAULT_KIND], 56);
    cr_assert_eq(reader.words, 57);
}

/* The 512th word without a CHECK is the fault, and still an event. */
Test(damage, a_block_without_an_end_is_a_fault)
{
    struct snnwire_reader slow = {.words = 0}, fast = {.words = 0};
    memset(stream, 0, BLOCK * 3);
    wire_read(&slow, stream, BLOCK * 3 - 8, &broken);
    cr_assert_eq(broken.count, 3 * 512 - 1);
    cr_assert_eq(broken.fault_counts[SNNWIRE_FAULT_CHECK], 2);
    whole = broken;
    broken = (struct wire_log){.count = 0};
    wire_read_fast(&fast, stream, BLOCK * 3 - 8, &broken);
    cr_assert(wire_same_log(&whole, &broken));
}

/* Bytes in a block of their own size, so that a sanitizer sees a step beyond them. Both ways of
 * reading say the same. */
Test(damage, any_bytes_are_read_within_their_bounds)
{
    uint32_t seed = 99;
    for (unsigned round = 0; round < 2000; round++) {
        const size_t size = wire_random(&seed) % 700 + 1;
        const uint32_t top = wire_random(&seed) % 3;
        uint8_t *bytes = malloc(size);
        struct snnwire_reader slow = {.words = 0}, fast = {.words = 0};
        cr_assert_not_null(bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)wire_random(&seed);
            if (i % 8 == 7 && top == 0) bytes[i] &= 0x3F;
            if (i % 8 == 7 && top == 1) bytes[i] = (uint8_t)(0x40 | bytes[i] % 12);
        }
        whole = broken = (struct wire_log){.count = 0};
        wire_read(&slow, bytes, size, &whole);
        wire_read_fast(&fast, bytes, size, &broken);
        free(bytes);
        cr_assert(wire_same_log(&whole, &broken), "round %u", round);
        cr_assert(slow.words == fast.words && slow.crc == fast.crc);
        cr_assert_eq(slow.residue_size, size % 8);
    }
}
