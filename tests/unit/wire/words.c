/* Events and marks to words and back: the layout by hand, blocks, times, numbers, packets. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/wire/support.h"

enum { COUNT = 3000, ROOM = (COUNT + COUNT / 100 + 64) * 8 };

static struct snnwire_event events[COUNT];
static uint8_t stream[ROOM], other[ROOM];
static struct wire_log first, second;

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

/* A microsecond between two, but now and then a jump over what 32 bits hold, or back. */
static void draw_events(uint32_t seed)
{
    uint64_t time = 0xFFFFFF00;
    for (size_t i = 0; i < COUNT; i++) {
        if (wire_random(&seed) % 200 == 0) time = (uint64_t)wire_random(&seed) << 20;
        events[i] = wire_event(&seed, time++);
    }
}

static size_t write_one_by_one(struct snnwire_writer *writer, size_t count, uint8_t *out)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t bytes = snnwire_write_event(writer, &events[i], out + size);
        cr_assert(bytes > 0 && bytes <= 8 * SNNWIRE_EVENT_WORDS_MAX);
        size += bytes;
    }
    return size + snnwire_write_check(writer, out + size);
}

/* 1 << 30 | 2 << 24 | 3 << 14 | 4 << 7 | 5, behind SEQUENCE 0, whose argument is ~0, and TIME 0. */
Test(words, an_event_is_laid_out_as_drawn)
{
    struct snnwire_writer writer = {0};
    const struct snnwire_event event = {.time_us = 1, .layer = 2, .feature = 3, .y = 4, .x = 5};
    cr_assert_eq(snnwire_write_event(&writer, &event, stream), 24);
    cr_assert_eq(word_at(stream), 0x42FFFFFF00000000);
    cr_assert_eq(word_at(stream + 8), 0x4100000000000000);
    cr_assert_eq(word_at(stream + 16), 0x000000004200C205);
    cr_assert_eq(snnwire_write_check(&writer, stream + 24), 8);
    cr_assert_eq(word_at(stream + 24), 0x4300000300000000 | (uint64_t)snnwire_crc32(0, stream, 24));
    cr_assert_eq(snnwire_write_check(&writer, stream + 32), 0);
}

Test(words, the_largest_fields_come_back)
{
    const uint64_t times[] = {0, 1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
    struct snnwire_writer writer = {0};
    struct snnwire_reader reader = {.words = 0};
    size_t count = 0;
    for (unsigned bits = 0; bits < 16; bits++) {
        for (size_t t = 0; t < 5; t++)
            events[count++] = (struct snnwire_event){.time_us = times[t],
                                                     .layer = bits & 1 ? 63 : 0,
                                                     .feature = bits & 2 ? 1023 : 0,
                                                     .y = bits & 4 ? 127 : 0,
                                                     .x = bits & 8 ? 127 : 0};
    }
    wire_read(&reader, stream, write_one_by_one(&writer, count, stream), &first);
    cr_assert_eq(first.count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert(wire_same_event(&first.items[i].event, &events[i]), "event %zu", i);
    cr_assert_eq(reader.faults, 0);
    cr_assert_eq(reader.unchecked, 0);
}

Test(words, fields_out_of_range_are_refused_and_leave_no_trace)
{
    const struct snnwire_event wrong[] = {
        {.layer = 64}, {.feature = 1024}, {.y = 128}, {.x = 128}, {.layer = 65535, .x = 255}};
    struct snnwire_writer writer = {0};
    for (size_t i = 0; i < 5; i++) {
        size_t size = 1;
        cr_assert_eq(snnwire_write_event(&writer, &wrong[i], stream), 0);
        cr_assert_eq(snnwire_write_events(&writer, &wrong[i], 1, stream, ROOM, &size), 0);
        cr_assert_eq(size, 0);
    }
    cr_assert_eq(snnwire_write_mark(&writer, SNNWIRE_MARK_GAP, 1 << 24, 0, stream), 0);
    cr_assert_eq(snnwire_write_mark(&writer, SNNWIRE_MARK_TIME, 0, 0, stream), 0);
    cr_assert_eq(snnwire_write_mark(&writer, SNNWIRE_MARK_SEQUENCE, 0, 0, stream), 0);
    cr_assert_eq(snnwire_write_mark(&writer, SNNWIRE_MARK_CHECK, 0, 0, stream), 0);
    cr_assert_eq(snnwire_write_mark(&writer, (enum snnwire_mark)10, 0, 0, stream), 0);
    cr_assert(writer.words == 0 && writer.crc == 0 && writer.unchecked == 0);
}

Test(words, a_wrong_event_stops_the_run_behind_those_before_it)
{
    draw_events(3);
    for (size_t wrong = 0; wrong < 140; wrong++) {
        struct snnwire_writer writer = {0};
        struct snnwire_reader reader = {.words = 0};
        const uint8_t y = events[wrong].y;
        size_t size = 0;
        events[wrong].y = 200;
        cr_assert_eq(snnwire_write_events(&writer, events, 200, stream, ROOM, &size), wrong);
        events[wrong].y = y;
        first.count = 0;
        wire_read(&reader, stream, size, &first);
        cr_assert_eq(first.count, wrong);
    }
}

Test(words, every_mark_comes_back)
{
    struct snnwire_writer writer = {0};
    struct snnwire_reader reader = {.words = 0};
    size_t size = snnwire_write_mark(&writer, SNNWIRE_MARK_PAD, 0, 0, stream);
    for (uint32_t mark = SNNWIRE_MARK_BEGIN; mark <= SNNWIRE_MARK_ERROR; mark++)
        size += snnwire_write_mark(&writer, (enum snnwire_mark)mark, mark * 1000000,
                                   UINT32_MAX - mark, stream + size);
    wire_read_fast(&reader, stream, size, &first);
    cr_assert_eq(first.count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        const struct snnwire_item want = {.is_mark = true,
                                          .mark = (enum snnwire_mark)(i + 4),
                                          .argument = (i + 4) * 1000000,
                                          .value = UINT32_MAX - (i + 4)};
        cr_assert(wire_same_item(&first.items[i], &want));
    }
}

/* SEQUENCE, TIME, 509 events, CHECK. */
Test(words, a_block_has_512_words)
{
    struct snnwire_writer writer = {0};
    for (size_t i = 0; i < 600; i++)
        events[i] = (struct snnwire_event){.time_us = i};
    write_one_by_one(&writer, 600, stream);
    cr_assert_eq(word_at(stream + 8 * 510), (uint64_t)508 << 30);
    cr_assert_eq(word_at(stream + 8 * 511) >> 32, 0x430001FF);
    cr_assert_eq(word_at(stream + 8 * 512), 0x42FFFDFF00000200);
    cr_assert_eq(word_at(stream + 8 * 513), 0x4100000000000000);
    cr_assert_eq(word_at(stream + 8 * 514), (uint64_t)509 << 30);
}

/* A new TIME at each place of a block, the last ones included, where it opens the next block. */
Test(words, time_wraps_at_every_place_of_a_block)
{
    for (size_t wrap = 0; wrap < 520; wrap++) {
        struct snnwire_writer writer = {0};
        struct snnwire_reader reader = {.words = 0};
        for (size_t i = 0; i < 530; i++)
            events[i] = (struct snnwire_event){.time_us = ((uint64_t)1 << 32) - wrap + i};
        first = (struct wire_log){.count = 0};
        const size_t size = write_one_by_one(&writer, 530, stream);
        wire_read(&reader, stream, size, &first);
        cr_assert(first.count == 530 && reader.faults == 0 && reader.unchecked == 0);
        for (size_t i = 0; i < 530; i++)
            cr_assert_eq(first.items[i].event.time_us, ((uint64_t)1 << 32) - wrap + i);
    }
}

Test(words, many_at_once_are_the_same_bytes_as_one_by_one)
{
    for (uint32_t seed = 1; seed < 20; seed++) {
        struct snnwire_writer one = {.words = 0}, many = {.words = 0};
        size_t size = 0;
        draw_events(seed);
        const size_t expected = write_one_by_one(&one, COUNT, stream);
        cr_assert_eq(snnwire_write_events(&many, events, COUNT, other, ROOM, &size), COUNT);
        size += snnwire_write_check(&many, other + size);
        cr_assert_eq(size, expected);
        cr_assert_eq(memcmp(stream, other, size), 0);
        cr_assert(one.words == many.words && one.epoch == many.epoch);
    }
}

Test(words, a_run_keeps_to_its_room_and_goes_on_in_the_next)
{
    struct snnwire_writer one = {0};
    draw_events(5);
    const size_t expected = write_one_by_one(&one, COUNT, stream);
    for (size_t room = 32; room < 400; room += 7) {
        struct snnwire_writer many = {0};
        size_t done = 0, total = 0;
        while (done < COUNT) {
            size_t size = 0;
            memset(other + total, 0xEE, room + 8 < ROOM - total ? room + 8 : 0);
            const size_t count = snnwire_write_events(&many, events + done, COUNT - done,
                                                      other + total, room, &size);
            cr_assert(count > 0 && size <= room);
            cr_assert(done + count == COUNT || size > room - 32);
            if (total + room + 8 < ROOM) cr_assert_eq(other[total + room], 0xEE);
            done += count;
            total += size;
        }
        total += snnwire_write_check(&many, other + total);
        cr_assert_eq(total, expected);
        cr_assert_eq(memcmp(stream, other, total), 0);
    }
}

Test(words, no_room_takes_nothing)
{
    struct snnwire_writer writer = {0};
    for (size_t room = 0; room < 32; room++) {
        size_t size = 1;
        cr_assert_eq(snnwire_write_events(&writer, events, COUNT, stream, room, &size), 0);
        cr_assert_eq(size, 0);
    }
}

/* Numbers of words count modulo 2^32: over the wrap nothing is missing. */
Test(words, sequence_numbers_wrap)
{
    for (uint32_t before = 0; before < 520; before++) {
        struct snnwire_writer writer = {.words = 0u - before};
        struct snnwire_reader reader = {.words = 0u - before};
        draw_events(before + 1);
        first = (struct wire_log){.count = 0};
        wire_read(&reader, stream, write_one_by_one(&writer, 1200, stream), &first);
        cr_assert(first.count == 1200 && reader.faults == 0);
        cr_assert_eq(reader.words, writer.words);
        cr_assert_leq(reader.words, 1400);
    }
}

/* Events, marks, a TIME within a block, and a border of blocks. */
static size_t mixed_stream(size_t count)
{
    struct snnwire_writer writer = {0};
    size_t size = snnwire_write_mark(&writer, SNNWIRE_MARK_BEGIN, 0, 7, stream);
    draw_events(9);
    for (size_t i = 0; i < count; i++) {
        size += snnwire_write_event(&writer, &events[i], stream + size);
        if (i % 5 == 4)
            size += snnwire_write_mark(&writer, SNNWIRE_MARK_TICK, 0, (uint32_t)i, stream + size);
        if (i % 7 == 6) size += snnwire_write_check(&writer, stream + size);
    }
    size += snnwire_write_mark(&writer, SNNWIRE_MARK_END, 0, 7, stream + size);
    return size + snnwire_write_check(&writer, stream + size);
}

/* Every two places at which packets may cut it. */
Test(words, packets_may_cut_words_anywhere)
{
    const size_t size = mixed_stream(9);
    struct snnwire_reader whole = {.words = 0};
    wire_read(&whole, stream, size, &first);
    cr_assert_eq(first.count, 12);
    for (size_t a = 0; a <= size; a++) {
        for (size_t b = a; b <= size; b++) {
            struct snnwire_reader slow = {.words = 0}, fast = {.words = 0};
            second = (struct wire_log){.count = 0};
            wire_read(&slow, stream, a, &second);
            wire_read(&slow, stream + a, b - a, &second);
            wire_read(&slow, stream + b, size - b, &second);
            cr_assert(wire_same_log(&first, &second), "cut at %zu and %zu", a, b);
            second = (struct wire_log){.count = 0};
            wire_read_fast(&fast, stream, a, &second);
            wire_read_fast(&fast, stream + a, b - a, &second);
            wire_read_fast(&fast, stream + b, size - b, &second);
            cr_assert(wire_same_log(&first, &second), "cut at %zu and %zu", a, b);
        }
    }
}

Test(words, packets_of_every_size_give_the_same)
{
    const size_t size = mixed_stream(1500);
    struct snnwire_reader whole = {.words = 0};
    wire_read(&whole, stream, size, &first);
    cr_assert_eq(whole.faults, 0);
    for (size_t packet = 1; packet < 600; packet += packet < 70 ? 1 : 53) {
        struct snnwire_reader reader = {.words = 0};
        second = (struct wire_log){.count = 0};
        for (size_t at = 0; at < size; at += packet)
            wire_read_fast(&reader, stream + at, size - at < packet ? size - at : packet, &second);
        cr_assert(wire_same_log(&first, &second), "packets of %zu", packet);
    }
}

/* Quiet words between events do not end a run; the room does. */
Test(words, runs_of_events_cross_blocks_and_stop_at_the_room)
{
    struct snnwire_writer writer = {0};
    struct snnwire_reader reader = {.words = 0};
    static struct snnwire_event back[COUNT];
    size_t size = 0, used = 0;
    draw_events(11);
    snnwire_write_events(&writer, events, COUNT, stream, ROOM, &size);
    size += snnwire_write_check(&writer, stream + size);
    cr_assert_eq(snnwire_read_events(&reader, stream, size, &used, back, 700), 700);
    const size_t rest = used;
    cr_assert_eq(
        snnwire_read_events(&reader, stream + rest, size - rest, &used, back + 700, COUNT - 700),
        COUNT - 700);
    cr_assert_eq(rest + used, size);
    cr_assert(reader.faults == 0 && reader.unchecked == 0);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert(wire_same_event(&events[i], &back[i]));
}
