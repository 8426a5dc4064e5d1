/* The kernels of chip arithmetic with AVX2: a tile is one register of sixteen 16-bit sums, a tap
 * one multiplication of byte pairs a step, and eight steps share the weights.
 */
#include "sim/kernel/chip.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define LANES SNNSIM_CHIP_LANES
#define INLINE static inline __attribute__((always_inline))

INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

INLINE void store(void *to, __m256i value)
{
    _mm256_storeu_si256((__m256i *)to, value);
}

/* Two counts of one step in every lane. Products of a pair stay within 16 bits: 127 * (128 + 128)
 * is less than 2^15. */
INLINE __m256i multiply(uint16_t counts, __m256i weights)
{
    return _mm256_maddubs_epi16(_mm256_set1_epi16((short)counts), weights);
}

/* `steps` is known at compile time, so that the sums are registers. */
INLINE void accumulate_block(const int8_t *weights, const uint16_t *lines,
                             const struct snnsim_chip_tap *taps, size_t tap_count, uint32_t padded,
                             bool more, int16_t *sums, uint32_t steps)
{
    __m256i sum[8];
    for (uint32_t t = 0; t < steps; t++)
        sum[t] = more ? load(sums + t * LANES) : _mm256_setzero_si256();
    for (size_t k = 0; k < tap_count; k++) {
        const __m256i w = load(weights + (size_t)taps[k].weights * 2 * LANES);
        const uint16_t *x = lines + (size_t)taps[k].line * padded;
        for (uint32_t t = 0; t < steps; t++)
            sum[t] = _mm256_add_epi16(sum[t], multiply(x[t], w));
    }
    for (uint32_t t = 0; t < steps; t++)
        store(sums + t * LANES, sum[t]);
}

static void accumulate(const int8_t *weights, const uint16_t *lines,
                       const struct snnsim_chip_tap *taps, size_t tap_count, uint32_t padded,
                       bool more, int16_t *sums)
{
    switch (padded) {
    case 1:
        accumulate_block(weights, lines, taps, tap_count, padded, more, sums, 1);
        break;
    case 2:
        accumulate_block(weights, lines, taps, tap_count, padded, more, sums, 2);
        break;
    case 4:
        accumulate_block(weights, lines, taps, tap_count, padded, more, sums, 4);
        break;
    default:
        for (uint32_t t = 0; t < padded; t += 8)
            accumulate_block(weights, lines + t, taps, tap_count, padded, more, sums + t * LANES,
                             8);
    }
}

static void widen(const int16_t *sums, size_t count, int32_t *totals)
{
    for (size_t i = 0; i < count; i += 8) {
        const __m256i wide =
            _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(sums + i)));
        store(totals + i, _mm256_add_epi32(load(totals + i), wide));
    }
}

/* ---- Fire ---- */

/* v + bias + sum of 32 bits, saturated to 16. */
INLINE __m256i integrate_wide(__m256i v, const int32_t *sums, const int32_t *bias)
{
    const __m256i low = _mm256_add_epi32(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(v)),
                                         _mm256_add_epi32(load(sums), load(bias)));
    const __m256i high = _mm256_add_epi32(_mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1)),
                                          _mm256_add_epi32(load(sums + 8), load(bias + 8)));
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
}

/* The parameters of a tile in registers, or where the compiler runs out of them, in the first-level
 * cache. */
struct neurons {
    __m256i threshold, v_min, multiplier, shift, spikes_max;
};

INLINE struct neurons load_neurons(const struct snnsim_chip_neurons *from)
{
    return (struct neurons){load(from->threshold), load(from->v_min), load(from->multiplier),
                            load(from->shift), load(from->spikes_max)};
}

/* Spikes of one step; *v holds the integrated potentials, then what is left of them. */
INLINE __m256i fire_step(__m256i *v, const struct neurons *n, bool reset_zero)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i above = _mm256_max_epi16(*v, zero);
    const __m256i twice = _mm256_sub_epi16(_mm256_add_epi16(above, above), _mm256_set1_epi16(-1));
    __m256i spikes = _mm256_mulhi_epu16(_mm256_mulhi_epu16(twice, n->multiplier), n->shift);
    spikes = _mm256_min_epi16(spikes, n->spikes_max);
    if (reset_zero)
        *v = _mm256_and_si256(*v, _mm256_cmpeq_epi16(spikes, zero));
    else
        *v = _mm256_sub_epi16(*v, _mm256_mullo_epi16(spikes, n->threshold));
    *v = _mm256_max_epi16(*v, n->v_min);
    return spikes;
}

/* Tiles side by side hide each other's latencies. */
INLINE void fire_tiles(struct snnsim_chip_tile *tiles, uint32_t tile_count, uint32_t steps,
                       bool wide, bool reset_zero)
{
    __m256i v[SNNSIM_CHIP_TILES], bias[SNNSIM_CHIP_TILES], any[SNNSIM_CHIP_TILES];
    const struct neurons shared = load_neurons(tiles[0].neurons);
    for (uint32_t i = 0; i < tile_count; i++) {
        v[i] = load(tiles[i].v);
        any[i] = _mm256_setzero_si256();
        bias[i] = _mm256_permute4x64_epi64(
            _mm256_packs_epi32(load(tiles[i].bias), load(tiles[i].bias + 8)), 0xd8);
    }
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t i = 0; i < tile_count; i++) {
            if (wide)
                v[i] = integrate_wide(v[i], tiles[i].wide_sums + t * LANES, tiles[i].bias);
            else
                v[i] = _mm256_adds_epi16(
                    v[i], _mm256_add_epi16(load(tiles[i].sums + t * LANES), bias[i]));
            const __m256i spikes = fire_step(&v[i], &shared, reset_zero);
            any[i] = _mm256_or_si256(any[i], spikes);
            store(tiles[i].count + t * LANES, spikes);
            if (tiles[i].potential != NULL) store(tiles[i].potential + t * LANES, v[i]);
        }
    }
    for (uint32_t i = 0; i < tile_count; i++) {
        store(tiles[i].v, v[i]);
        tiles[i].fired = !_mm256_testz_si256(any[i], any[i]);
        for (uint32_t t = steps; t < snnsim_chip_padded(steps); t++)
            store(tiles[i].count + t * LANES, _mm256_setzero_si256());
    }
}

INLINE void fire_any(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps, bool wide,
                     bool reset_zero)
{
    bool alike = tile_count == SNNSIM_CHIP_TILES;
    for (size_t i = 1; i < tile_count; i++)
        alike &= tiles[i].neurons == tiles[0].neurons;
    if (alike) {
        fire_tiles(tiles, SNNSIM_CHIP_TILES, steps, wide, reset_zero);
        return;
    }
    for (size_t i = 0; i < tile_count; i++)
        fire_tiles(&tiles[i], 1, steps, wide, reset_zero);
}

static void fire(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps, bool reset_zero)
{
    if (reset_zero)
        fire_any(tiles, tile_count, steps, false, true);
    else
        fire_any(tiles, tile_count, steps, false, false);
}

static void fire_wide(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps,
                      bool reset_zero)
{
    if (reset_zero)
        fire_any(tiles, tile_count, steps, true, true);
    else
        fire_any(tiles, tile_count, steps, true, false);
}

/* ---- Spikes to lines ---- */

INLINE __m128i load_unit(const uint16_t *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

INLINE __m128i sum_units(const uint16_t *const *units, size_t unit_count, uint32_t t)
{
    __m128i sum = load_unit(units[0] + t * LANES);
    for (size_t u = 1; u < unit_count; u++)
        sum = _mm_adds_epu16(sum, load_unit(units[u] + t * LANES));
    return sum;
}

static void pool(const uint16_t *const *units, size_t unit_count, uint32_t padded, uint16_t *out)
{
    for (uint32_t t = 0; t < padded; t++) {
        const __m128i sum = unit_count > 0 ? sum_units(units, unit_count, t) : _mm_setzero_si128();
        _mm_storeu_si128((__m128i *)(void *)(out + t * LANES), sum);
    }
}

/* Two steps as bytes, the pairs of channels in order: p0 of both steps, p1 of both, p2, p3. */
INLINE __m128i two_steps(__m128i first, __m128i second)
{
    const __m128i order = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    return _mm_shuffle_epi8(_mm_packus_epi16(first, second), order);
}

/* Eight steps of up to four pairs, turned from steps by pairs to pairs by steps. */
INLINE void store_lines(const __m128i *sum, uint32_t pairs, uint32_t padded, uint16_t *lines)
{
    const __m128i a = two_steps(sum[0], sum[1]), b = two_steps(sum[2], sum[3]);
    const __m128i c = two_steps(sum[4], sum[5]), d = two_steps(sum[6], sum[7]);
    const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
    const __m128i ab2 = _mm_unpackhi_epi32(a, b), cd2 = _mm_unpackhi_epi32(c, d);
    const __m128i line[4] = {_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd),
                             _mm_unpacklo_epi64(ab2, cd2), _mm_unpackhi_epi64(ab2, cd2)};
    for (uint32_t p = 0; p < pairs; p++)
        _mm_storeu_si128((__m128i *)(void *)(lines + (size_t)p * padded), line[p]);
}

/* Fewer than eight steps: as bytes in memory, then pair by pair. */
INLINE void store_short(const __m128i *sum, uint32_t steps, uint32_t pairs, uint16_t *lines)
{
    uint16_t bytes[4][4];
    for (uint32_t t = 0; t < steps; t++)
        _mm_storel_epi64((__m128i *)(void *)bytes[t], _mm_packus_epi16(sum[t], sum[t]));
    for (uint32_t p = 0; p < pairs; p++) {
        for (uint32_t t = 0; t < steps; t++)
            lines[p * steps + t] = bytes[t][p];
    }
}

static uint32_t pack(const uint16_t *const *units, size_t unit_count, uint32_t padded,
                     uint16_t *lines, uint32_t pairs, uint8_t *peak)
{
    const uint32_t block = padded < 8 ? padded : 8;
    __m128i most = _mm_setzero_si128(), sum[8];
    for (uint32_t t = 0; t < padded; t += block) {
        for (uint32_t i = 0; i < block; i++) {
            sum[i] = sum_units(units, unit_count, t + i);
            most = _mm_max_epu16(most, sum[i]);
        }
        if (block == 8)
            store_lines(sum, pairs, padded, lines + t);
        else
            store_short(sum, block, pairs, lines);
    }
    /* The larger of each pair of lanes, then its 8 bits. */
    const __m128i swapped = _mm_or_si128(_mm_slli_epi32(most, 16), _mm_srli_epi32(most, 16));
    const __m128i pair_most = _mm_max_epu16(most, swapped);
    uint16_t largest[8], all = 0;
    _mm_storeu_si128((__m128i *)(void *)largest, pair_most);
    for (uint32_t p = 0; p < pairs; p++) {
        peak[p] = (uint8_t)(largest[2 * p] < UINT8_MAX ? largest[2 * p] : UINT8_MAX);
        if (largest[2 * p] > all) all = largest[2 * p];
    }
    return all;
}

/* ---- Tally ---- */

/* Spikes of one position over eight steps, 16 bits: at most 128 lines at once. */
INLINE __m128i sum_position(const uint16_t *lines, const uint8_t *peak, uint32_t pairs,
                            uint32_t padded)
{
    __m128i sum = _mm_setzero_si128();
    for (uint32_t p = 0; p < pairs; p++) {
        if (peak[p] == 0) continue;
        const __m128i line = load_unit(lines + (size_t)p * padded);
        sum = _mm_add_epi16(sum, _mm_maddubs_epi16(line, _mm_set1_epi8(1)));
    }
    return sum;
}

INLINE void tally_block(const uint16_t *lines, const uint8_t *peak,
                        const struct snnsim_chip_row *row, uint32_t padded, uint32_t *spikes,
                        uint32_t *weighted)
{
    __m256i plain = _mm256_setzero_si256(), times = plain;
    for (uint32_t x = 0; x < row->positions; x++) {
        const __m256i factor = _mm256_set1_epi32((int)row->factor[x]);
        for (uint32_t p = 0; p < row->pairs; p += 128) {
            const uint32_t pairs = row->pairs - p < 128 ? row->pairs - p : 128;
            const size_t at = (size_t)x * row->pairs + p;
            const __m256i wide =
                _mm256_cvtepu16_epi32(sum_position(lines + at * padded, peak + at, pairs, padded));
            plain = _mm256_add_epi32(plain, wide);
            times = _mm256_add_epi32(times, _mm256_mullo_epi32(wide, factor));
        }
    }
    store(spikes, plain);
    store(weighted, times);
}

static void tally(const uint16_t *lines, const uint8_t *peak, const struct snnsim_chip_row *row,
                  uint32_t padded, uint32_t *spikes, uint32_t *weighted)
{
    if (padded < 8) {
        struct snnsim_chip_kernels scalar;
        snnsim_chip_scalar_kernels(&scalar);
        scalar.tally(lines, peak, row, padded, spikes, weighted);
        return;
    }
    for (uint32_t t = 0; t < padded; t += 8)
        tally_block(lines + t, peak, row, padded, spikes + t, weighted + t);
}

void snnsim_chip_avx2_kernels(struct snnsim_chip_kernels *kernels)
{
    kernels->level = "avx2";
    kernels->accumulate = accumulate;
    kernels->widen = widen;
    kernels->fire = fire;
    kernels->fire_wide = fire_wide;
    kernels->pool = pool;
    kernels->pack = pack;
    kernels->tally = tally;
}

#endif
