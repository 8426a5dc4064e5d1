/* CRC-32 of IEEE 802.3 over words: the bytes of a word are looked up at once, in a table each, and
 * four words that do not wait for each other are under way at a time (Kounavis and Berry 2005,
 * "slicing-by-8"; Kadatch and Jenkins 2010, who interleave it).
 *
 * A register is linear over GF(2): what a byte does to it is the sum of what its bits do. So a
 * table is told by eight numbers, the register that each bit of a byte leaves behind after so many
 * zero bytes; the tests compare with the definition, bit by bit.
 */
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"

#define LANES 4u
#define ROUND_BYTES (LANES * SNNWIRE_WORD_BYTES)

/* The sums of all subsets of b0..b7, in the order of the byte that names the subset. */
#define SUMS1(s, b0) (s), ((s) ^ (b0))
#define SUMS2(s, b0, b1) SUMS1(s, b0), SUMS1((s) ^ (b1), b0)
#define SUMS3(s, b0, b1, b2) SUMS2(s, b0, b1), SUMS2((s) ^ (b2), b0, b1)
#define SUMS4(s, b0, b1, b2, b3) SUMS3(s, b0, b1, b2), SUMS3((s) ^ (b3), b0, b1, b2)
#define SUMS5(s, b0, b1, b2, b3, b4) SUMS4(s, b0, b1, b2, b3), SUMS4((s) ^ (b4), b0, b1, b2, b3)
#define SUMS6(s, b0, b1, b2, b3, b4, b5) \
    SUMS5(s, b0, b1, b2, b3, b4), SUMS5((s) ^ (b5), b0, b1, b2, b3, b4)
#define SUMS7(s, b0, b1, b2, b3, b4, b5, b6) \
    SUMS6(s, b0, b1, b2, b3, b4, b5), SUMS6((s) ^ (b6), b0, b1, b2, b3, b4, b5)
#define TABLE(b0, b1, b2, b3, b4, b5, b6, b7)                                        \
    {                                                                                \
        SUMS7(0u, b0, b1, b2, b3, b4, b5, b6), SUMS7(b7, b0, b1, b2, b3, b4, b5, b6) \
    }

/* [place of the byte in its word], up to the end of the word: 7 to 0 zero bytes. */
static const uint32_t near[8][256] = {
    TABLE(0xCCAA009E, 0x4225077D, 0x844A0EFA, 0xD3E51BB5, 0x7CBB312B, 0xF9766256, 0x299DC2ED,
          0x533B85DA),
    TABLE(0xA6770BB4, 0x979F1129, 0xF44F2413, 0x33EF4E67, 0x67DE9CCE, 0xCFBD399C, 0x440B7579,
          0x8816EAF2),
    TABLE(0xCB5CD3A5, 0x4DC8A10B, 0x9B914216, 0xEC53826D, 0x03D6029B, 0x07AC0536, 0x0F580A6C,
          0x1EB014D8),
    TABLE(0x3D6029B0, 0x7AC05360, 0xF580A6C0, 0x30704BC1, 0x60E09782, 0xC1C12F04, 0x58F35849,
          0xB1E6B092),
    TABLE(0xB8BC6765, 0xAA09C88B, 0x8F629757, 0xC5B428EF, 0x5019579F, 0xA032AF3E, 0x9B14583D,
          0xED59B63B),
    TABLE(0x01C26A37, 0x0384D46E, 0x0709A8DC, 0x0E1351B8, 0x1C26A370, 0x384D46E0, 0x709A8DC0,
          0xE1351B80),
    TABLE(0x191B3141, 0x32366282, 0x646CC504, 0xC8D98A08, 0x4AC21251, 0x958424A2, 0xF0794F05,
          0x3B83984B),
    TABLE(0x77073096, 0xEE0E612C, 0x076DC419, 0x0EDB8832, 0x1DB71064, 0x3B6E20C8, 0x76DC4190,
          0xEDB88320),
};

/* The same, up to the next word of the lane: 31 to 24 zero bytes. */
static const uint32_t far[8][256] = {
    TABLE(0xF1DA05AA, 0x38C50D15, 0x718A1A2A, 0xE3143454, 0x1D596EE9, 0x3AB2DDD2, 0x7565BBA4,
          0xEACB7748),
    TABLE(0x0EE7E8D1, 0x1DCFD1A2, 0x3B9FA344, 0x773F4688, 0xEE7E8D10, 0x078C1C61, 0x0F1838C2,
          0x1E307184),
    TABLE(0x3C60E308, 0x78C1C610, 0xF1838C20, 0x38761E01, 0x70EC3C02, 0xE1D87804, 0x18C1F649,
          0x3183EC92),
    TABLE(0x6307D924, 0xC60FB248, 0x576E62D1, 0xAEDCC5A2, 0x86C88D05, 0xD6E01C4B, 0x76B13ED7,
          0xED627DAE),
    TABLE(0x01B5FD1D, 0x036BFA3A, 0x06D7F474, 0x0DAFE8E8, 0x1B5FD1D0, 0x36BFA3A0, 0x6D7F4740,
          0xDAFE8E80),
    TABLE(0x6E8C1B41, 0xDD183682, 0x61416B45, 0xC282D68A, 0x5E74AB55, 0xBCE956AA, 0xA2A3AB15,
          0x9E36506B),
    TABLE(0xE71DA697, 0x154A4B6F, 0x2A9496DE, 0x55292DBC, 0xAA525B78, 0x8FD5B0B1, 0xC4DA6723,
          0x52C5C807),
    TABLE(0xA58B900E, 0x9066265D, 0xFBBD4AFB, 0x2C0B93B7, 0x5817276E, 0xB02E4EDC, 0xBB2D9BF9,
          0xAD2A31B3),
};

static inline uint32_t look_up(const uint32_t table[8][256], uint64_t word)
{
    return table[0][word & 255] ^ table[1][word >> 8 & 255] ^ table[2][word >> 16 & 255] ^
           table[3][word >> 24 & 255] ^ table[4][word >> 32 & 255] ^ table[5][word >> 40 & 255] ^
           table[6][word >> 48 & 255] ^ table[7][word >> 56];
}

static inline uint32_t take_word(uint32_t crc, const uint8_t *bytes)
{
    return look_up(near, snnwire_get64(bytes) ^ crc);
}

/* At least one round. Each lane looks ahead to its own next word; the last round joins them. */
static uint32_t take_rounds(uint32_t crc, const uint8_t *bytes, size_t rounds)
{
    uint32_t a = crc, b = 0, c = 0, d = 0;
    for (; rounds > 1; rounds--, bytes += ROUND_BYTES) {
        a = look_up(far, snnwire_get64(bytes) ^ a);
        b = look_up(far, snnwire_get64(bytes + 8) ^ b);
        c = look_up(far, snnwire_get64(bytes + 16) ^ c);
        d = look_up(far, snnwire_get64(bytes + 24) ^ d);
    }
    a = take_word(a, bytes);
    a = take_word(a ^ b, bytes + 8);
    a = take_word(a ^ c, bytes + 16);
    return take_word(a ^ d, bytes + 24);
}

uint32_t snnwire_crc32(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    if (size >= ROUND_BYTES) {
        const size_t rounds = size / ROUND_BYTES;
        crc = take_rounds(crc, bytes, rounds);
        bytes += rounds * ROUND_BYTES;
        size -= rounds * ROUND_BYTES;
    }
    for (; size >= SNNWIRE_WORD_BYTES; size -= SNNWIRE_WORD_BYTES, bytes += SNNWIRE_WORD_BYTES)
        crc = take_word(crc, bytes);
    for (; size > 0; size--, bytes++)
        crc = near[7][(crc ^ *bytes) & 255] ^ crc >> 8;
    return ~crc;
}
