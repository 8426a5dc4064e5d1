/* What the event thread sees of words before they are decoded: marks and counts, cut anywhere. */
#include "device/link_scan.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SIZE = 8 * 700 };

static uint8_t bytes[SIZE];

static uint32_t any(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Words of all kinds, many of them events, and nonsense. */
static void fill(uint32_t seed)
{
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)any(&seed);
    for (size_t i = 7; i < SIZE; i += 8) {
        if (any(&seed) % 8 != 0) bytes[i] &= 0x3F;
    }
}

/* Events and other words, in pieces of at most `most` bytes. */
static void scan(size_t most, uint64_t *events, uint64_t *others)
{
    struct snndev_scan state = {.residue_size = 0};
    struct snndev_scan_step step;
    *events = *others = 0;
    for (size_t from = 0; from < SIZE; from += most) {
        const size_t size = SIZE - from < most ? SIZE - from : most;
        for (size_t at = 0; at < size;) {
            at = snndev_scan_next(&state, bytes + from, size, at, &step);
            *events += step.events;
            if (!step.found) continue;
            ++*others;
            /* It begins where a word does: the bytes of it that came before are in the residue. */
            const size_t begin = from + step.begin - step.residue;
            cr_assert_eq(begin % 8, 0);
            cr_assert_eq(memcmp(bytes + begin, state.residue, step.residue), 0);
        }
    }
    cr_assert_eq(state.residue_size, 0);
}

Test(link_scan, pieces_of_any_size_have_the_same_words)
{
    for (uint32_t seed = 1; seed < 20; seed++) {
        uint64_t events = 0, others = 0, kinds = 0;
        fill(seed);
        for (size_t i = 7; i < SIZE; i += 8)
            kinds += bytes[i] >> 6 == 0 ? 1 : 0;
        for (size_t most = 1; most < 70; most++) {
            scan(most, &events, &others);
            cr_assert_eq(events, kinds);
            cr_assert_eq(others, SIZE / 8 - kinds);
        }
    }
}

/* What is dropped is counted by the scan, what is not by the decoder: they must agree on any bytes,
 * or events would be missing from the sum. */
Test(link_scan, counts_the_events_that_the_decoder_hands_out)
{
    for (uint32_t seed = 1; seed < 50; seed++) {
        struct snnwire_reader reader = {.words = 0};
        struct snnwire_item item;
        enum snnwire_fault fault;
        uint64_t events = 0, others = 0, read = 0;
        size_t used = 0;
        fill(seed);
        for (size_t at = 0; at < SIZE; at += used) {
            if (snnwire_read(&reader, bytes + at, SIZE - at, &used, &item, &fault) && !item.is_mark)
                read++;
        }
        scan(333, &events, &others);
        cr_assert_eq(read, events);
    }
}

Test(link_scan, knows_marks_from_what_looks_like_them)
{
    struct snnwire_writer writer = {.words = 0};
    struct snnwire_item item;
    struct snndev_scan state = {.residue_size = 0};
    struct snndev_scan_step step;
    uint8_t words[64];
    (void)snnwire_write_mark(&writer, SNNWIRE_MARK_CREDIT, 0, 77, words);
    /* SEQUENCE, TIME, CREDIT. */
    (void)snndev_scan_next(&state, words, 24, 0, &step);
    cr_assert(snndev_scan_opens_block(step.word));
    cr_assert_not(snndev_scan_opens_block(step.word ^ 1));
    cr_assert_not(snndev_scan_item(step.word, &item));
    (void)snndev_scan_next(&state, words, 24, 16, &step);
    cr_assert(snndev_scan_is(step.word, SNNWIRE_MARK_CREDIT));
    cr_assert(snndev_scan_item(step.word, &item));
    cr_assert_eq(item.mark, SNNWIRE_MARK_CREDIT);
    cr_assert_eq(item.value, 77);
    /* The other kinds have the same code and are no marks. */
    cr_assert_not(snndev_scan_is(step.word | (uint64_t)1 << 63, SNNWIRE_MARK_CREDIT));
    cr_assert_not(snndev_scan_item(step.word | (uint64_t)1 << 63, &item));
}
