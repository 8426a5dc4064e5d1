/* The kernels of chip arithmetic with AVX2: a tile is one register of sixteen 16-bit sums, a tap
 * one multiplication of byte pairs a step, and eight steps share the weights.
 */
#include "sim/kernel/chip.h"
#include "sim/kernel/front.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define LANES SNNSIM_CHIP_LANES
#define SHORT_RUN 16u /* lines of a run that are not worth a vector */
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

/* Short runs one by one, without a branch; a tap is one number to store and to step on. */
static size_t select_short(const uint8_t *peak, uint32_t line, const struct snnsim_chip_runs *runs,
                           struct snnsim_chip_tap *out)
{
    const uint64_t step = (uint64_t)1 << 32 | 1;
    struct snnsim_chip_tap *to = out;
    const uint32_t length = runs->length;
    for (uint32_t r = 0, weights = 0; r < runs->count; r++, weights += length) {
        const uint32_t first = line + runs->line[r];
        uint64_t tap = (uint64_t)first << 32 | weights;
        for (uint32_t i = 0; i < length; i++, tap += step) {
            memcpy(to, &tap, sizeof(tap));
            to += peak[first + i] != 0;
        }
    }
    return (size_t)(to - out);
}

static size_t select_taps(const uint8_t *peak, uint32_t line, const struct snnsim_chip_runs *runs,
                          struct snnsim_chip_tap *out)
{
    if (runs->length <= SHORT_RUN) return select_short(peak, line, runs, out);
    size_t n = 0;
    uint32_t weights = 0;
    for (uint32_t r = 0; r < runs->count; r++) {
        const uint32_t first = line + runs->line[r];
        for (uint32_t i = 0; i < runs->length; i += 8) {
            const __m128i eight =
                _mm_loadl_epi64((const __m128i *)(const void *)(peak + first + i));
            const __m128i silent = _mm_cmpeq_epi8(eight, _mm_setzero_si128());
            unsigned active = ~(unsigned)_mm_movemask_epi8(silent) & 0xffu;
            if (runs->length - i < 8) active &= (1u << (runs->length - i)) - 1;
            if (active == 0) continue;
            const __m256i at =
                _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)snnsim_front[active]));
            const __m256i w = _mm256_add_epi32(at, _mm256_set1_epi32((int)(weights + i)));
            const __m256i l = _mm256_add_epi32(at, _mm256_set1_epi32((int)(first + i)));
            const __m256i low = _mm256_unpacklo_epi32(w, l), high = _mm256_unpackhi_epi32(w, l);
            store(out + n, _mm256_permute2x128_si256(low, high, 0x20));
            store(out + n + 4, _mm256_permute2x128_si256(low, high, 0x31));
            n += (size_t)__builtin_popcount(active);
        }
        weights += runs->length;
    }
    return n;
}

/* Sums of products that are never negative: once saturated they stay so. */
static uint32_t reach(const int8_t *weights, const uint8_t *peak,
                      const struct snnsim_chip_tap *taps, size_t tap_count)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i up = zero, down = zero;
    for (size_t k = 0; k < tap_count; k++) {
        const __m256i w = load(weights + (size_t)taps[k].weights * 2 * LANES);
        const __m256i most = _mm256_set1_epi8((char)peak[taps[k].line]);
        const __m256i positive = _mm256_max_epi8(w, zero);
        up = _mm256_adds_epi16(up, _mm256_maddubs_epi16(most, positive));
        down = _mm256_adds_epi16(down, _mm256_maddubs_epi16(most, _mm256_sub_epi8(positive, w)));
    }
    /* The largest of eight unsigned numbers is 65535 minus the smallest of what they lack. */
    const __m256i both = _mm256_max_epi16(up, down);
    const __m128i half =
        _mm_max_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    const __m128i least = _mm_minpos_epu16(_mm_xor_si128(half, _mm_set1_epi16(-1)));
    return UINT16_MAX - (uint32_t)_mm_extract_epi16(least, 0);
}

/* `steps` is known at compile time, so that the sums are registers. */
INLINE void accumulate_few(const int8_t *weights, const uint16_t *lines,
                           const struct snnsim_chip_tap *taps, size_t tap_count,
                           const struct snnsim_chip_sums *to, uint32_t steps)
{
    __m256i sum[4];
    for (uint32_t t = 0; t < steps; t++)
        sum[t] = load(to->start + t * to->start_step);
    for (size_t k = 0; k < tap_count; k++) {
        const __m256i w = load(weights + (size_t)taps[k].weights * 2 * LANES);
        const uint16_t *line = lines + (size_t)taps[k].line * steps;
        for (uint32_t t = 0; t < steps; t++)
            sum[t] = _mm256_add_epi16(sum[t], multiply(line[t], w));
    }
    for (uint32_t t = 0; t < steps; t++)
        store(to->sums + t * LANES, sum[t]);
}

/* Eight steps by hand: of an array of sums compilers keep one or two in memory. */
__attribute__((noinline)) static void accumulate_8(const int8_t *weights, const uint16_t *lines,
                                                   const struct snnsim_chip_tap *taps,
                                                   size_t tap_count,
                                                   const struct snnsim_chip_sums *to)
{
    const int16_t *start = to->start;
    const size_t step = to->start_step, padded = to->padded;
    __m256i a = load(start), b = load(start + step);
    __m256i c = load(start + 2 * step), d = load(start + 3 * step);
    __m256i e = load(start + 4 * step), f = load(start + 5 * step);
    __m256i g = load(start + 6 * step), h = load(start + 7 * step);
    for (const struct snnsim_chip_tap *tap = taps; tap < taps + tap_count; tap++) {
        const __m256i w = load(weights + (size_t)tap->weights * 2 * LANES);
        const uint16_t *line = lines + tap->line * padded;
        a = _mm256_add_epi16(a, multiply(line[0], w));
        b = _mm256_add_epi16(b, multiply(line[1], w));
        c = _mm256_add_epi16(c, multiply(line[2], w));
        d = _mm256_add_epi16(d, multiply(line[3], w));
        e = _mm256_add_epi16(e, multiply(line[4], w));
        f = _mm256_add_epi16(f, multiply(line[5], w));
        g = _mm256_add_epi16(g, multiply(line[6], w));
        h = _mm256_add_epi16(h, multiply(line[7], w));
    }
    store(to->sums, a);
    store(to->sums + LANES, b);
    store(to->sums + 2 * LANES, c);
    store(to->sums + 3 * LANES, d);
    store(to->sums + 4 * LANES, e);
    store(to->sums + 5 * LANES, f);
    store(to->sums + 6 * LANES, g);
    store(to->sums + 7 * LANES, h);
}

static void accumulate(const int8_t *weights, const uint16_t *lines,
                       const struct snnsim_chip_tap *taps, size_t tap_count,
                       const struct snnsim_chip_sums *sums)
{
    switch (sums->padded) {
    case 1:
        accumulate_few(weights, lines, taps, tap_count, sums, 1);
        return;
    case 2:
        accumulate_few(weights, lines, taps, tap_count, sums, 2);
        return;
    case 4:
        accumulate_few(weights, lines, taps, tap_count, sums, 4);
        return;
    }
    for (uint32_t t = 0; t < sums->padded; t += 8) {
        const struct snnsim_chip_sums block = {sums->start + t * sums->start_step, sums->start_step,
                                               sums->sums + t * LANES, sums->padded};
        accumulate_8(weights, lines + t, taps, tap_count, &block);
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

/* v + sum of 32 bits, saturated to 16. */
INLINE __m256i integrate_wide(__m256i v, const int32_t *sums)
{
    const __m256i low =
        _mm256_add_epi32(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(v)), load(sums));
    const __m256i high =
        _mm256_add_epi32(_mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1)), load(sums + 8));
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
}

struct neurons {
    __m256i threshold, v_min, multiplier, shift, spikes_max;
    __m128i quick_shift;
};

INLINE struct neurons load_neurons(const struct snnsim_chip_neurons *from, bool quick)
{
    if (quick)
        return (struct neurons){.threshold = load(from->threshold),
                                .v_min = load(from->v_min),
                                .multiplier = _mm256_set1_epi16((short)from->quick_multiplier),
                                .quick_shift = _mm_cvtsi32_si128(from->quick_shift)};
    return (struct neurons){.threshold = load(from->threshold),
                            .v_min = load(from->v_min),
                            .multiplier = load(from->multiplier),
                            .shift = load(from->shift),
                            .spikes_max = load(from->spikes_max)};
}

/* Spikes of one step; *v holds the integrated potentials, then what is left of them. */
INLINE __m256i fire_step(__m256i *v, const struct neurons *n, bool reset_zero, bool quick)
{
    const __m256i zero = _mm256_setzero_si256(), minus_one = _mm256_set1_epi16(-1);
    const __m256i above = _mm256_max_epi16(*v, zero);
    __m256i spikes;
    if (quick) {
        spikes = _mm256_srl_epi16(_mm256_mulhi_epu16(above, n->multiplier), n->quick_shift);
    } else {
        const __m256i twice = _mm256_sub_epi16(_mm256_add_epi16(above, above), minus_one);
        spikes = _mm256_mulhi_epu16(_mm256_mulhi_epu16(twice, n->multiplier), n->shift);
        spikes = _mm256_min_epi16(spikes, n->spikes_max);
    }
    if (reset_zero)
        *v = _mm256_and_si256(*v, _mm256_cmpeq_epi16(spikes, zero));
    else
        *v = _mm256_sub_epi16(*v, _mm256_mullo_epi16(spikes, n->threshold));
    *v = _mm256_max_epi16(*v, n->v_min);
    return spikes;
}

/* Stores the spikes of a step and remembers whether there were any. */
INLINE __m256i note(__m256i spikes, uint16_t *count, __m256i any)
{
    store(count, spikes);
    return _mm256_or_si256(any, spikes);
}

/* What is left after the last step; no spikes in the steps that are padding. */
INLINE void close_tile(struct snnsim_chip_tile *tile, __m256i v, __m256i any, uint32_t steps)
{
    store(tile->v, v);
    tile->fired = !_mm256_testz_si256(any, any);
    for (uint32_t t = steps; t < snnsim_chip_padded(steps); t++)
        store(tile->count + t * LANES, _mm256_setzero_si256());
}

INLINE void fire_one(struct snnsim_chip_tile *tile, uint32_t steps, bool wide, bool reset_zero)
{
    const struct neurons neurons = load_neurons(tile->neurons, false);
    __m256i v = load(tile->v), any = _mm256_setzero_si256();
    for (uint32_t t = 0; t < steps; t++) {
        if (wide)
            v = integrate_wide(v, tile->wide_sums + t * LANES);
        else
            v = _mm256_adds_epi16(v, load(tile->sums + t * LANES));
        any = note(fire_step(&v, &neurons, reset_zero, false), tile->count + t * LANES, any);
        if (tile->potential != NULL) store(tile->potential + t * LANES, v);
    }
    close_tile(tile, v, any, steps);
}

/* Tiles of the same neurons side by side hide each other's latencies. */
INLINE void fire_four(struct snnsim_chip_tile *tiles, uint32_t steps, bool reset_zero, bool quick)
{
    const struct neurons neurons = load_neurons(tiles[0].neurons, quick);
    const int16_t *sums[4] = {tiles[0].sums, tiles[1].sums, tiles[2].sums, tiles[3].sums};
    uint16_t *count[4] = {tiles[0].count, tiles[1].count, tiles[2].count, tiles[3].count};
    __m256i a = load(tiles[0].v), b = load(tiles[1].v), c = load(tiles[2].v), d = load(tiles[3].v);
    __m256i any_a = _mm256_setzero_si256(), any_b = any_a, any_c = any_a, any_d = any_a;
    for (uint32_t t = 0; t < steps * LANES; t += LANES) {
        a = _mm256_adds_epi16(a, load(sums[0] + t));
        b = _mm256_adds_epi16(b, load(sums[1] + t));
        c = _mm256_adds_epi16(c, load(sums[2] + t));
        d = _mm256_adds_epi16(d, load(sums[3] + t));
        any_a = note(fire_step(&a, &neurons, reset_zero, quick), count[0] + t, any_a);
        any_b = note(fire_step(&b, &neurons, reset_zero, quick), count[1] + t, any_b);
        any_c = note(fire_step(&c, &neurons, reset_zero, quick), count[2] + t, any_c);
        any_d = note(fire_step(&d, &neurons, reset_zero, quick), count[3] + t, any_d);
    }
    close_tile(&tiles[0], a, any_a, steps);
    close_tile(&tiles[1], b, any_b, steps);
    close_tile(&tiles[2], c, any_c, steps);
    close_tile(&tiles[3], d, any_d, steps);
}

INLINE void fire_any(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps, bool wide,
                     bool reset_zero)
{
    bool alike = !wide && tile_count == 4;
    for (size_t i = 0; i < tile_count; i++)
        alike &= tiles[i].neurons == tiles[0].neurons && tiles[i].potential == NULL;
    if (alike && tiles[0].neurons->quick)
        fire_four(tiles, steps, reset_zero, true);
    else if (alike)
        fire_four(tiles, steps, reset_zero, false);
    for (size_t i = 0; i < tile_count && !alike; i++)
        fire_one(&tiles[i], steps, wide, reset_zero);
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

/* The sums of eight steps. */
INLINE void sum_block(const uint16_t *const *units, size_t unit_count, uint32_t t, uint32_t steps,
                      __m128i *sum)
{
    const uint16_t *from = units[0] + t * LANES;
    for (uint32_t i = 0; i < steps; i++)
        sum[i] = load_unit(from + i * LANES);
    for (size_t u = 1; u < unit_count; u++) {
        from = units[u] + t * LANES;
        for (uint32_t i = 0; i < steps; i++)
            sum[i] = _mm_adds_epu16(sum[i], load_unit(from + i * LANES));
    }
}

/* The largest of each pair of lanes as the pair's peak. Returns the largest of all. */
INLINE uint32_t store_peaks(__m128i most, uint32_t pairs, uint8_t *peak)
{
    const __m128i lane = _mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7);
    most = _mm_and_si128(most, _mm_cmpgt_epi16(_mm_set1_epi16((short)(2 * pairs)), lane));
    const __m128i swapped = _mm_or_si128(_mm_slli_epi32(most, 16), _mm_srli_epi32(most, 16));
    const __m128i of_pair = _mm_max_epu16(most, swapped);
    const __m128i bytes =
        _mm_packus_epi16(_mm_min_epu16(of_pair, _mm_set1_epi16(UINT8_MAX)), _mm_setzero_si128());
    uint8_t twice[8];
    _mm_storel_epi64((__m128i *)(void *)twice, bytes);
    for (uint32_t p = 0; p < pairs; p++)
        peak[p] = twice[2 * p];
    /* The largest of eight unsigned numbers is 65535 minus the smallest of what they lack. */
    const __m128i least = _mm_minpos_epu16(_mm_xor_si128(most, _mm_set1_epi16(-1)));
    return UINT16_MAX - (uint32_t)_mm_extract_epi16(least, 0);
}

static uint32_t pack(const uint16_t *const *units, size_t unit_count, uint32_t padded,
                     uint16_t *lines, uint32_t pairs, uint8_t *peak)
{
    __m128i most = _mm_setzero_si128(), sum[8];
    if (padded < 8) {
        for (uint32_t i = 0; i < padded; i++) {
            sum_block(units, unit_count, i, 1, sum + i);
            most = _mm_max_epu16(most, sum[i]);
        }
        store_short(sum, padded, pairs, lines);
        return store_peaks(most, pairs, peak);
    }
    for (uint32_t t = 0; t < padded; t += 8) {
        sum_block(units, unit_count, t, 8, sum);
        for (uint32_t i = 0; i < 8; i++)
            most = _mm_max_epu16(most, sum[i]);
        store_lines(sum, pairs, padded, lines + t);
    }
    return store_peaks(most, pairs, peak);
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
    kernels->select = select_taps;
    kernels->reach = reach;
    kernels->accumulate = accumulate;
    kernels->widen = widen;
    kernels->fire = fire;
    kernels->fire_wide = fire_wide;
    kernels->pool = pool;
    kernels->pack = pack;
    kernels->tally = tally;
}

#endif
