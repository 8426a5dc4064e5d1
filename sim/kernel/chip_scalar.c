/* The kernels of chip arithmetic in plain C: the specification that every other level must equal.
 */
#include <string.h>

#include "sim/kernel/chip.h"

#define LANES SNNSIM_CHIP_LANES

/* For v in 0..32767 and thresholds 1..32767, with 2^(l - 1) < threshold <= 2^l and the multiplier
 * m = 2^(15 + l) / threshold rounded to the nearest, e = m * threshold - 2^(15 + l):
 *
 *   (2v + 1) m / 2^(16 + l) = (v + 1/2) / threshold + e (v + 1/2) / (threshold 2^(15 + l))
 *
 * The first term is at least 1 / (2 threshold) away from every whole number, and the second is
 * smaller than that: |e| <= threshold / 2 <= 2^l / 2 and v + 1/2 < 2^15. So the floor is that of
 * v / threshold. m fits 16 bits for a threshold above 1: it is below 2^16 / (1 + 2^(1 - l)) + 1. A
 * threshold of 1 takes l = 1 and m = 65535: (2v + 1) (1 - 2^-16) is within [2v, 2v + 1), halved v.
 */
static void set_divisor(struct snnsim_chip_neurons *neurons, uint32_t lane)
{
    const uint32_t threshold = (uint32_t)neurons->threshold[lane];
    uint32_t l = 1;
    while (1u << l < threshold)
        l++;
    const uint32_t multiplier = ((1u << (15 + l)) + threshold / 2) / threshold;
    neurons->multiplier[lane] = (uint16_t)(multiplier < UINT16_MAX ? multiplier : UINT16_MAX);
    neurons->shift[lane] = (uint16_t)(1u << (16 - l));
}

/* With the l of above and a threshold above 1, m = 2^(15 + l) / threshold rounded up, which is
 * below 2^16 as above, and e < threshold <= 2^l:
 *
 *   v m / 2^(15 + l) = v / threshold + v e / (threshold 2^(15 + l)),
 *
 * of which the second term is below 1 / threshold for v < 2^15: the floor is that of v / threshold.
 */
static void set_quick(struct snnsim_chip_neurons *neurons)
{
    const uint32_t threshold = (uint32_t)neurons->threshold[0];
    neurons->quick = threshold > 1;
    for (uint32_t lane = 0; lane < LANES; lane++)
        neurons->quick &= neurons->threshold[lane] == neurons->threshold[0] &&
                          neurons->spikes_max[lane] == INT16_MAX;
    if (!neurons->quick) return;
    uint32_t l = 1;
    while (1u << l < threshold)
        l++;
    neurons->quick_multiplier = (uint16_t)(((1u << (15 + l)) + threshold - 1) / threshold);
    neurons->quick_shift = (uint16_t)(l - 1);
}

void snnsim_chip_divisors(struct snnsim_chip_neurons *neurons)
{
    for (uint32_t lane = 0; lane < LANES; lane++)
        set_divisor(neurons, lane);
    set_quick(neurons);
}

static size_t select_taps(const uint8_t *peak, uint32_t line, const struct snnsim_chip_runs *runs,
                          struct snnsim_chip_tap *out)
{
    size_t n = 0;
    uint32_t weights = 0;
    for (uint32_t r = 0; r < runs->count; r++) {
        const uint32_t first = line + runs->line[r];
        for (uint32_t i = 0; i < runs->length; i++, weights++) {
            out[n] = (struct snnsim_chip_tap){weights, first + i};
            n += peak[first + i] != 0;
        }
    }
    return n;
}

static uint32_t reach(const int8_t *weights, const uint8_t *peak,
                      const struct snnsim_chip_tap *taps, size_t tap_count)
{
    uint64_t most = 0;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        uint64_t up = 0, down = 0;
        for (size_t k = 0; k < tap_count; k++) {
            const int8_t *w = weights + ((size_t)taps[k].weights * LANES + lane) * 2;
            for (uint32_t i = 0; i < 2; i++) {
                const int magnitude = w[i] < 0 ? -w[i] : w[i];
                *(w[i] < 0 ? &down : &up) += (uint64_t)magnitude * peak[taps[k].line];
            }
        }
        most = up > most ? up : most;
        most = down > most ? down : most;
    }
    return most < INT16_MAX ? (uint32_t)most : INT16_MAX;
}

/* Sums of 16 bits wrap, which C defines for unsigned numbers only. */
static void accumulate(const int8_t *weights, const uint16_t *lines,
                       const struct snnsim_chip_tap *taps, size_t tap_count,
                       const struct snnsim_chip_sums *sums)
{
    for (uint32_t t = 0; t < sums->padded; t++)
        memmove(sums->sums + (size_t)t * LANES, sums->start + t * sums->start_step,
                LANES * sizeof(*sums->sums));
    for (size_t k = 0; k < tap_count; k++) {
        const int8_t *w = weights + (size_t)taps[k].weights * 2 * LANES;
        const uint16_t *x = lines + (size_t)taps[k].line * sums->padded;
        for (uint32_t t = 0; t < sums->padded; t++) {
            const int even = x[t] & 0xff, odd = x[t] >> 8;
            int16_t *to = sums->sums + (size_t)t * LANES;
            for (uint32_t lane = 0; lane < LANES; lane++)
                to[lane] =
                    (int16_t)(uint16_t)(to[lane] + even * w[2 * lane] + odd * w[2 * lane + 1]);
        }
    }
}

static void widen(const int16_t *sums, size_t count, int32_t *totals)
{
    for (size_t i = 0; i < count; i++)
        totals[i] += sums[i];
}

static int32_t saturate(int32_t value)
{
    if (value > INT16_MAX) return INT16_MAX;
    return value < INT16_MIN ? INT16_MIN : value;
}

/* One neuron, one step; returns its spikes. */
static uint16_t fire_one(int16_t *v, int32_t current, const struct snnsim_chip_neurons *neurons,
                         uint32_t lane, bool reset_zero)
{
    int32_t potential = saturate(*v + current);
    int32_t n = potential > 0 ? potential / neurons->threshold[lane] : 0;
    n = n < neurons->spikes_max[lane] ? n : neurons->spikes_max[lane];
    if (reset_zero)
        potential = n > 0 ? 0 : potential;
    else
        potential -= n * neurons->threshold[lane];
    *v = (int16_t)(potential > neurons->v_min[lane] ? potential : neurons->v_min[lane]);
    return (uint16_t)n;
}

static void fire_tile(struct snnsim_chip_tile *tile, uint32_t steps, bool wide, bool reset_zero)
{
    uint16_t any = 0;
    for (uint32_t i = 0; i < steps * LANES; i++) {
        const uint32_t lane = i % LANES;
        const int32_t sum = wide ? tile->wide_sums[i] : tile->sums[i];
        tile->count[i] = fire_one(&tile->v[lane], sum, tile->neurons, lane, reset_zero);
        any |= tile->count[i];
        if (tile->potential != NULL) tile->potential[i] = tile->v[lane];
    }
    const uint32_t padded = snnsim_chip_padded(steps);
    memset(tile->count + (size_t)steps * LANES, 0, (padded - steps) * LANES * sizeof(uint16_t));
    tile->fired = any != 0;
}

static void fire(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps, bool reset_zero)
{
    for (size_t i = 0; i < tile_count; i++)
        fire_tile(&tiles[i], steps, false, reset_zero);
}

static void fire_wide(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps,
                      bool reset_zero)
{
    for (size_t i = 0; i < tile_count; i++)
        fire_tile(&tiles[i], steps, true, reset_zero);
}

static uint16_t add_up(const uint16_t *const *units, size_t unit_count, size_t at)
{
    uint32_t sum = 0;
    for (size_t u = 0; u < unit_count && sum < UINT16_MAX; u++)
        sum += units[u][at];
    return (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
}

static void pool(const uint16_t *const *units, size_t unit_count, uint32_t padded, uint16_t *out)
{
    for (uint32_t t = 0; t < padded; t++) {
        for (uint32_t lane = 0; lane < SNNSIM_CHIP_UNIT; lane++)
            out[t * LANES + lane] = add_up(units, unit_count, t * LANES + lane);
    }
}

static uint32_t pack(const uint16_t *const *units, size_t unit_count, uint32_t padded,
                     uint16_t *lines, uint32_t pairs, uint8_t *peak)
{
    uint32_t largest = 0;
    for (uint32_t p = 0; p < pairs; p++) {
        uint32_t most = 0;
        for (uint32_t t = 0; t < padded; t++) {
            const uint32_t even = add_up(units, unit_count, t * LANES + 2 * p);
            const uint32_t odd = add_up(units, unit_count, t * LANES + 2 * p + 1);
            lines[(size_t)p * padded + t] = (uint16_t)(even | odd << 8);
            if (even > most) most = even;
            if (odd > most) most = odd;
        }
        peak[p] = (uint8_t)(most < UINT8_MAX ? most : UINT8_MAX);
        if (most > largest) largest = most;
    }
    return largest;
}

static void tally(const uint16_t *lines, const uint8_t *peak, const struct snnsim_chip_row *row,
                  uint32_t padded, uint32_t *spikes, uint32_t *weighted)
{
    memset(spikes, 0, padded * sizeof(*spikes));
    memset(weighted, 0, padded * sizeof(*weighted));
    const size_t size = (size_t)row->positions * row->pairs;
    for (size_t i = 0; i < size; i++) {
        if (peak[i] == 0) continue;
        const uint32_t factor = row->factor[i / row->pairs];
        for (uint32_t t = 0; t < padded; t++) {
            const uint32_t both = (lines[i * padded + t] & 0xffu) + (lines[i * padded + t] >> 8);
            spikes[t] += both;
            weighted[t] += both * factor;
        }
    }
}

void snnsim_chip_scalar_kernels(struct snnsim_chip_kernels *kernels)
{
    kernels->level = "scalar";
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
