/* The loops of the encoders with AVX2: draws 16 counters at a time, lists 8 pixels at a time.
 *
 * A word of Philox lies in the low half of a 64-bit lane, where vpmuludq multiplies it; what is
 * left in the high half never reaches a low one.
 */
#include "libsnn/stream/lanes.h"

#include <immintrin.h>

enum { GROUPS = 4, WIDTH = 4, ROUND_COUNT = 10 };

_Static_assert(SNNSTREAM_LANES % (GROUPS * WIDTH) == 0, "whole turns of the loop over counters");

struct keys {
    __m256i low[ROUND_COUNT], high[ROUND_COUNT];
};

static void spread_keys(struct keys *keys, uint64_t seed)
{
    uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);
    for (int round = 0; round < ROUND_COUNT; round++) {
        keys->low[round] = _mm256_set1_epi64x(low);
        keys->high[round] = _mm256_set1_epi64x(high);
        low += UINT32_C(0x9E3779B9);
        high += UINT32_C(0xBB67AE85);
    }
}

static inline __m256i load_wide(const uint32_t *words)
{
    return _mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)(const void *)words));
}

static inline __m256i round_word(__m256i product, __m256i word, __m256i key)
{
    return _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product, 32), key), word);
}

/* `bit` in the lanes where number <= limit; numbers and limits are in the low halves. */
static inline __m256i bit_if_below(__m256i number, __m256i limit, int bit)
{
    const __m256i below = _mm256_cmpeq_epi32(_mm256_min_epu32(number, limit), number);
    return _mm256_and_si256(below, _mm256_set1_epi64x(bit));
}

static void draw_avx2(const struct snnstream_draw *draw, uint32_t block, uint8_t *spikes)
{
    const __m256i factor0 = _mm256_set1_epi64x(0xD2511F53);
    const __m256i factor1 = _mm256_set1_epi64x(0xCD9E8D57);
    struct keys keys;
    spread_keys(&keys, draw->seed);
    for (size_t start = 0; start < draw->count; start += GROUPS * WIDTH) {
        __m256i word0[GROUPS], word1[GROUPS], word2[GROUPS], word3[GROUPS];
        for (int g = 0; g < GROUPS; g++) {
            word0[g] = load_wide(draw->address + start + (size_t)g * WIDTH);
            word1[g] = _mm256_set1_epi64x(block);
            word2[g] = _mm256_set1_epi64x((uint32_t)draw->index);
            word3[g] = _mm256_set1_epi64x((uint32_t)(draw->index >> 32));
        }
        for (int round = 0; round < ROUND_COUNT; round++) {
            for (int g = 0; g < GROUPS; g++) {
                const __m256i product0 = _mm256_mul_epu32(word0[g], factor0);
                const __m256i product1 = _mm256_mul_epu32(word2[g], factor1);
                word0[g] = round_word(product1, word1[g], keys.low[round]);
                word1[g] = product1;
                word2[g] = round_word(product0, word3[g], keys.high[round]);
                word3[g] = product0;
            }
        }
        for (int g = 0; g < GROUPS; g++) {
            const size_t at = start + (size_t)g * WIDTH;
            const __m256i limit = load_wide(draw->limit + at);
            const __m256i bits = _mm256_or_si256(
                _mm256_or_si256(bit_if_below(word0[g], limit, 1), bit_if_below(word1[g], limit, 2)),
                _mm256_or_si256(bit_if_below(word2[g], limit, 4),
                                bit_if_below(word3[g], limit, 8)));
            uint64_t lanes[WIDTH];
            _mm256_storeu_si256((__m256i *)(void *)lanes, bits);
            for (int i = 0; i < WIDTH; i++)
                spikes[at + (size_t)i] = (uint8_t)lanes[i];
        }
    }
}

/* Byte shuffles that bring the words whose bits are set to the front. */
#define WORD(i) 4 * (i), 4 * (i) + 1, 4 * (i) + 2, 4 * (i) + 3
#define KEEP(a, b, c, d)                   \
    {                                      \
        WORD(a), WORD(b), WORD(c), WORD(d) \
    }
static const uint8_t kept[16][16] = {
    KEEP(0, 0, 0, 0), KEEP(0, 0, 0, 0), KEEP(1, 0, 0, 0), KEEP(0, 1, 0, 0),
    KEEP(2, 0, 0, 0), KEEP(0, 2, 0, 0), KEEP(1, 2, 0, 0), KEEP(0, 1, 2, 0),
    KEEP(3, 0, 0, 0), KEEP(0, 3, 0, 0), KEEP(1, 3, 0, 0), KEEP(0, 1, 3, 0),
    KEEP(2, 3, 0, 0), KEEP(0, 2, 3, 0), KEEP(1, 2, 3, 0), KEEP(0, 1, 2, 3)};
static const uint8_t kept_count[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

/* Writes four words, of which the first so many as returned count. */
static inline uint32_t keep(const uint32_t *address, unsigned bits, uint32_t *list)
{
    const __m128i words = _mm_loadu_si128((const __m128i *)(const void *)address);
    const __m128i order = _mm_loadu_si128((const __m128i *)(const void *)kept[bits]);
    _mm_storeu_si128((__m128i *)(void *)list, _mm_shuffle_epi8(words, order));
    return kept_count[bits];
}

static uint32_t list_avx2(const uint32_t *restrict address, const uint32_t *restrict mark,
                          size_t count, uint32_t step, uint32_t *restrict list)
{
    const __m128i to_sign = _mm_cvtsi32_si128((int)(31 - step));
    uint32_t length = 0;
    for (size_t i = 0; i < count; i += 8) {
        const __m256i marks = _mm256_loadu_si256((const __m256i *)(const void *)(mark + i));
        const __m256i signs = _mm256_sll_epi32(marks, to_sign);
        const unsigned bits = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(signs));
        length += keep(address + i, bits & 15, list + length);
        length += keep(address + i + 4, bits >> 4, list + length);
    }
    return length;
}

void snnstream_avx2_lanes(struct snnstream_lanes *out)
{
    *out = (struct snnstream_lanes){"avx2", draw_avx2, list_avx2};
}
