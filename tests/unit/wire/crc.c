/* CRC-32, the fast and the small one, against its definition: the remainder of a division, a bit at
 * a time. Its published check value is cbf43926 for "123456789".
 */
#include <criterion/criterion.h>

#include "libsnn/wire/word.h"
#include "tests/unit/wire/support.h"

uint32_t snnwire_crc32_small(uint32_t crc, const uint8_t *bytes, size_t size);

static const uint8_t nine[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};

static uint32_t divide(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

Test(crc, gives_the_published_check_value)
{
    cr_assert_eq(snnwire_crc32(0, nine, 9), 0xCBF43926);
    cr_assert_eq(snnwire_crc32_small(0, nine, 9), 0xCBF43926);
    cr_assert_eq(divide(0, nine, 9), 0xCBF43926);
}

/* Every length up to several rounds of words, at every address within a word. */
Test(crc, is_the_remainder_for_every_length_and_address)
{
    static uint8_t bytes[512];
    uint32_t state = 7;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)wire_random(&state);
    for (size_t size = 0; size <= 300; size++) {
        for (size_t at = 0; at < 9; at++) {
            const uint32_t before = wire_random(&state), crc = divide(before, bytes + at, size);
            cr_assert_eq(snnwire_crc32(before, bytes + at, size), crc, "%zu at %zu", size, at);
            cr_assert_eq(snnwire_crc32_small(before, bytes + at, size), crc);
        }
    }
}

/* All entries of all tables: one byte at each place of a round, the rest zero. */
Test(crc, every_byte_counts_at_every_place)
{
    uint8_t bytes[80] = {0};
    for (size_t place = 0; place < sizeof(bytes); place++) {
        for (unsigned value = 1; value < 256; value++) {
            bytes[place] = (uint8_t)value;
            cr_assert_eq(snnwire_crc32(0, bytes, sizeof(bytes)), divide(0, bytes, sizeof(bytes)));
        }
        bytes[place] = 0;
    }
}

Test(crc, goes_on_where_it_was_left)
{
    for (size_t cut = 0; cut <= 9; cut++)
        cr_assert_eq(snnwire_crc32(snnwire_crc32(0, nine, cut), nine + cut, 9 - cut), 0xCBF43926);
}
