/* The kernels of chip arithmetic with NEON: a tile is two registers of eight 16-bit sums; eight
 * steps share the weights. Every 64-bit ARM has it. See chip_avx2.c, which goes the same ways.
 */
#include "sim/kernel/chip.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define LANES SNNSIM_CHIP_LANES
#define INLINE static inline __attribute__((always_inline))

/* Sums of products that are never negative: once saturated they stay so. */
static uint32_t reach(const int8_t *weights, const uint8_t *peak,
                      const struct snnsim_chip_tap *taps, size_t tap_count)
{
    int16x8_t up[2] = {vdupq_n_s16(0), vdupq_n_s16(0)}, down[2] = {up[0], up[0]};
    for (size_t k = 0; k < tap_count; k++) {
        const int8_t *w = weights + (size_t)taps[k].weights * 2 * LANES;
        const int8x8_t most = vdup_n_s8((int8_t)peak[taps[k].line]);
        for (uint32_t half = 0; half < 2; half++) {
            const int8x8x2_t pair = vld2_s8(w + (size_t)half * LANES);
            for (uint32_t i = 0; i < 2; i++) {
                const int8x8_t positive = vmax_s8(pair.val[i], vdup_n_s8(0));
                const int8x8_t negative = vsub_s8(positive, pair.val[i]);
                up[half] = vqaddq_s16(up[half], vmull_s8(most, positive));
                down[half] = vqaddq_s16(down[half], vmull_s8(most, negative));
            }
        }
    }
    const int16x8_t low = vmaxq_s16(up[0], down[0]), high = vmaxq_s16(up[1], down[1]);
    return (uint32_t)vmaxvq_s16(vmaxq_s16(low, high));
}

/* `steps` is known at compile time, so that the sums are registers. Weights come apart into those
 * of the even and the odd inputs; so do the two counts of a step, which are its bytes. */
INLINE void accumulate_block(const int8_t *weights, const uint16_t *lines,
                             const struct snnsim_chip_tap *taps, size_t tap_count,
                             const struct snnsim_chip_sums *to, uint32_t steps)
{
    int16x8_t low[8], high[8];
    for (uint32_t t = 0; t < steps; t++) {
        low[t] = vld1q_s16(to->start + t * to->start_step);
        high[t] = vld1q_s16(to->start + t * to->start_step + 8);
    }
    for (size_t k = 0; k < tap_count; k++) {
        const int8x16x2_t w = vld2q_s8(weights + (size_t)taps[k].weights * 2 * LANES);
        const int8_t *x = (const int8_t *)(lines + (size_t)taps[k].line * to->padded);
        for (uint32_t t = 0; t < steps; t++) {
            const int8x16_t even = vld1q_dup_s8(x + 2 * t), odd = vld1q_dup_s8(x + 2 * t + 1);
            low[t] = vmlal_s8(low[t], vget_low_s8(w.val[0]), vget_low_s8(even));
            low[t] = vmlal_s8(low[t], vget_low_s8(w.val[1]), vget_low_s8(odd));
            high[t] = vmlal_high_s8(high[t], w.val[0], even);
            high[t] = vmlal_high_s8(high[t], w.val[1], odd);
        }
    }
    for (uint32_t t = 0; t < steps; t++) {
        vst1q_s16(to->sums + t * LANES, low[t]);
        vst1q_s16(to->sums + t * LANES + 8, high[t]);
    }
}

static void accumulate(const int8_t *weights, const uint16_t *lines,
                       const struct snnsim_chip_tap *taps, size_t tap_count,
                       const struct snnsim_chip_sums *sums)
{
    switch (sums->padded) {
    case 1:
        accumulate_block(weights, lines, taps, tap_count, sums, 1);
        return;
    case 2:
        accumulate_block(weights, lines, taps, tap_count, sums, 2);
        return;
    case 4:
        accumulate_block(weights, lines, taps, tap_count, sums, 4);
        return;
    }
    for (uint32_t t = 0; t < sums->padded; t += 8) {
        const struct snnsim_chip_sums block = {sums->start + t * sums->start_step, sums->start_step,
                                               sums->sums + t * LANES, sums->padded};
        accumulate_block(weights, lines + t, taps, tap_count, &block, 8);
    }
}

static void widen(const int16_t *sums, size_t count, int32_t *totals)
{
    for (size_t i = 0; i < count; i += 4)
        vst1q_s32(totals + i, vaddw_s16(vld1q_s32(totals + i), vld1_s16(sums + i)));
}

/* ---- Fire ---- */

/* The parameters of eight neurons. */
struct neurons {
    int16x8_t threshold, v_min, spikes_max;
    uint16x8_t multiplier, shift;
};

INLINE struct neurons load_neurons(const struct snnsim_chip_neurons *from, uint32_t lane)
{
    return (struct neurons){
        vld1q_s16(from->threshold + lane),
        vld1q_s16(from->v_min + lane),
        vreinterpretq_s16_u16(vld1q_u16(from->spikes_max + lane)),
        vld1q_u16(from->multiplier + lane),
        vld1q_u16(from->shift + lane),
    };
}

/* v + sum of 32 bits, saturated to 16. */
INLINE int16x8_t integrate_wide(int16x8_t v, const int32_t *sums)
{
    const int32x4_t low = vld1q_s32(sums), high = vld1q_s32(sums + 4);
    return vqmovn_high_s32(vqmovn_s32(vaddw_s16(low, vget_low_s16(v))), vaddw_high_s16(high, v));
}

/* The upper halves of the products. */
INLINE uint16x8_t multiply_high(uint16x8_t a, uint16x8_t b)
{
    const uint32x4_t low = vmull_u16(vget_low_u16(a), vget_low_u16(b));
    return vshrn_high_n_u32(vshrn_n_u32(low, 16), vmull_high_u16(a, b), 16);
}

/* Spikes of one step; *v holds the integrated potentials, then what is left of them. */
INLINE int16x8_t fire_step(int16x8_t *v, const struct neurons *n, bool reset_zero)
{
    const uint16x8_t above = vreinterpretq_u16_s16(vmaxq_s16(*v, vdupq_n_s16(0)));
    const uint16x8_t twice = vaddq_u16(vaddq_u16(above, above), vdupq_n_u16(1));
    const uint16x8_t quotient = multiply_high(multiply_high(twice, n->multiplier), n->shift);
    const int16x8_t spikes = vminq_s16(vreinterpretq_s16_u16(quotient), n->spikes_max);
    if (reset_zero)
        *v = vandq_s16(*v, vreinterpretq_s16_u16(vceqzq_s16(spikes)));
    else
        *v = vmlsq_s16(*v, spikes, n->threshold);
    *v = vmaxq_s16(*v, n->v_min);
    return spikes;
}

/* Eight lanes of a tile over all steps; returns whether any spiked. */
INLINE bool fire_half(struct snnsim_chip_tile *tile, uint32_t lane, uint32_t steps, bool wide,
                      bool reset_zero)
{
    const struct neurons neurons = load_neurons(tile->neurons, lane);
    int16x8_t v = vld1q_s16(tile->v + lane), any = vdupq_n_s16(0);
    for (uint32_t t = 0; t < steps; t++) {
        const size_t at = (size_t)t * LANES + lane;
        if (wide)
            v = integrate_wide(v, tile->wide_sums + at);
        else
            v = vqaddq_s16(v, vld1q_s16(tile->sums + at));
        const int16x8_t spikes = fire_step(&v, &neurons, reset_zero);
        any = vorrq_s16(any, spikes);
        vst1q_u16(tile->count + at, vreinterpretq_u16_s16(spikes));
        if (tile->potential != NULL) vst1q_s16(tile->potential + at, v);
    }
    for (uint32_t t = steps; t < snnsim_chip_padded(steps); t++)
        vst1q_u16(tile->count + (size_t)t * LANES + lane, vdupq_n_u16(0));
    vst1q_s16(tile->v + lane, v);
    return vmaxvq_u16(vreinterpretq_u16_s16(any)) != 0;
}

INLINE void fire_any(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps, bool wide,
                     bool reset_zero)
{
    for (size_t i = 0; i < tile_count; i++) {
        const bool low = fire_half(&tiles[i], 0, steps, wide, reset_zero);
        const bool high = fire_half(&tiles[i], 8, steps, wide, reset_zero);
        tiles[i].fired = low || high;
    }
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

INLINE uint16x8_t sum_units(const uint16_t *const *units, size_t unit_count, uint32_t t)
{
    uint16x8_t sum = vdupq_n_u16(0);
    for (size_t u = 0; u < unit_count; u++)
        sum = vqaddq_u16(sum, vld1q_u16(units[u] + t * LANES));
    return sum;
}

static void pool(const uint16_t *const *units, size_t unit_count, uint32_t padded, uint16_t *out)
{
    for (uint32_t t = 0; t < padded; t++)
        vst1q_u16(out + t * LANES, sum_units(units, unit_count, t));
}

/* Up to eight steps of four pairs, turned from steps by pairs to pairs by steps: as bytes in
 * memory, from which every fourth pair is loaded. */
INLINE void store_lines(const uint8_t *bytes, uint32_t pairs, uint32_t padded, uint32_t steps,
                        uint16_t *lines)
{
    uint16_t line[4][8];
    const uint16x8x4_t turned = vld4q_u16((const uint16_t *)(const void *)bytes);
    vst1q_u16(line[0], turned.val[0]);
    vst1q_u16(line[1], turned.val[1]);
    vst1q_u16(line[2], turned.val[2]);
    vst1q_u16(line[3], turned.val[3]);
    for (uint32_t p = 0; p < pairs; p++) {
        for (uint32_t t = 0; t < steps; t++)
            lines[(size_t)p * padded + t] = line[p][t];
    }
}

static uint32_t pack(const uint16_t *const *units, size_t unit_count, uint32_t padded,
                     uint16_t *lines, uint32_t pairs, uint8_t *peak)
{
    const uint32_t block = padded < 8 ? padded : 8;
    _Alignas(16) uint8_t bytes[8 * SNNSIM_CHIP_UNIT] = {0};
    uint16x8_t most = vdupq_n_u16(0);
    for (uint32_t t = 0; t < padded; t += block) {
        for (uint32_t i = 0; i < block; i++) {
            const uint16x8_t sum = sum_units(units, unit_count, t + i);
            most = vmaxq_u16(most, sum);
            vst1_u8(bytes + i * SNNSIM_CHIP_UNIT, vqmovn_u16(sum));
        }
        if (block == 8)
            store_lines(bytes, pairs, padded, 8, lines + t);
        else
            store_lines(bytes, pairs, padded, block, lines);
    }
    uint16_t largest[SNNSIM_CHIP_UNIT], all = 0;
    vst1q_u16(largest, vmaxq_u16(most, vrev32q_u16(most))); /* the larger of each pair */
    for (uint32_t p = 0; p < pairs; p++) {
        peak[p] = (uint8_t)(largest[2 * p] < UINT8_MAX ? largest[2 * p] : UINT8_MAX);
        if (largest[2 * p] > all) all = largest[2 * p];
    }
    return all;
}

/* ---- Tally ---- */

/* Spikes of one position over eight steps, 16 bits: at most 128 lines at once. */
INLINE uint16x8_t sum_position(const uint16_t *lines, const uint8_t *peak, uint32_t pairs,
                               uint32_t padded)
{
    uint16x8_t sum = vdupq_n_u16(0);
    for (uint32_t p = 0; p < pairs; p++) {
        if (peak[p] == 0) continue;
        sum = vpadalq_u8(sum, vreinterpretq_u8_u16(vld1q_u16(lines + (size_t)p * padded)));
    }
    return sum;
}

INLINE void tally_block(const uint16_t *lines, const uint8_t *peak,
                        const struct snnsim_chip_row *row, uint32_t padded, uint32_t *spikes,
                        uint32_t *weighted)
{
    uint32x4_t plain[2] = {vdupq_n_u32(0), vdupq_n_u32(0)}, times[2] = {plain[0], plain[0]};
    for (uint32_t x = 0; x < row->positions; x++) {
        for (uint32_t p = 0; p < row->pairs; p += 128) {
            const uint32_t pairs = row->pairs - p < 128 ? row->pairs - p : 128;
            const size_t at = (size_t)x * row->pairs + p;
            const uint16x8_t sum = sum_position(lines + at * padded, peak + at, pairs, padded);
            const uint32x4_t low = vmovl_u16(vget_low_u16(sum)), high = vmovl_high_u16(sum);
            plain[0] = vaddq_u32(plain[0], low);
            plain[1] = vaddq_u32(plain[1], high);
            times[0] = vmlaq_n_u32(times[0], low, row->factor[x]);
            times[1] = vmlaq_n_u32(times[1], high, row->factor[x]);
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        vst1q_u32(spikes + 4 * i, plain[i]);
        vst1q_u32(weighted + 4 * i, times[i]);
    }
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

void snnsim_chip_neon_kernels(struct snnsim_chip_kernels *kernels)
{
    kernels->level = "neon";
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
