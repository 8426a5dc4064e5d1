/* The kernels of chip arithmetic: whole numbers, many steps at once.
 *
 * Neurons stand in tiles of 16 lanes. Spikes that arrive lie in lines: two neighbouring inputs over
 * the steps of a chunk, count of the even one | count of the odd one << 8, each at most 127. A tap
 * is such a line and the weights from it to a tile, a pair a lane. All levels give the same bits:
 * sums of whole numbers are exact in any order.
 */
#ifndef SNN_SIM_KERNEL_CHIP_H
#define SNN_SIM_KERNEL_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNNSIM_CHIP_LANES 16u /* neurons of a tile */
#define SNNSIM_CHIP_UNIT 8u   /* lanes that are packed at once: half a tile */
#define SNNSIM_CHIP_STEPS 32u /* most steps of a chunk */
#define SNNSIM_CHIP_TILES 4u  /* tiles that fire side by side */
#define SNNSIM_CHIP_COUNT_MAX 127u

/* Steps as they lie in memory: 1, 2, 4 or a multiple of 8. */
static inline uint32_t snnsim_chip_padded(uint32_t steps)
{
    if (steps > 4) return (steps + 7) / 8 * 8;
    return steps > 2 ? 4 : steps;
}

/* Which lines a tile sees: `count` runs of `length` lines, run r from line[r] on. */
struct snnsim_chip_runs {
    const uint32_t *line;
    uint32_t count;
    uint32_t length;
};

struct snnsim_chip_tap {
    uint32_t weights; /* index of its 16 pairs of weights */
    uint32_t line;
};

/* What 16 neurons have of their own. A neuron fires n = max(v, 0) / threshold times, computed as
 * ((2v + 1) * multiplier >> 16) * shift >> 16; where all 16 have one threshold above 1 and no limit
 * of their spikes (`quick`), also as v * quick_multiplier >> 16 >> quick_shift. */
struct snnsim_chip_neurons {
    int16_t threshold[SNNSIM_CHIP_LANES];
    int16_t v_min[SNNSIM_CHIP_LANES];
    uint16_t multiplier[SNNSIM_CHIP_LANES];
    uint16_t shift[SNNSIM_CHIP_LANES];      /* 2^(16 - l) */
    uint16_t spikes_max[SNNSIM_CHIP_LANES]; /* at most 32767; 0: integrates only */
    uint16_t quick_multiplier, quick_shift;
    bool quick;
};

/* Sixteen neurons over a chunk. */
struct snnsim_chip_tile {
    const int16_t *sums; /* [padded][16] what each step adds to v; or */
    const int32_t *wide_sums;
    const struct snnsim_chip_neurons *neurons;
    int16_t *v;         /* [16] */
    uint16_t *count;    /* [padded][16]: spikes */
    int16_t *potential; /* [padded][16]: v after each step; or NULL */
    bool fired;         /* out */
};

/* A row of positions, each with as many lines. */
struct snnsim_chip_row {
    uint32_t positions;
    uint32_t pairs;
    const uint32_t *factor; /* [positions] */
};

/* Sums of a tile over a chunk, [padded][16]. They begin with `start`, which is the tile's bias and
 * the same in every step (`start_step` 0), or the sums so far, of [padded][16] (16). */
struct snnsim_chip_sums {
    const int16_t *start;
    size_t start_step;
    int16_t *sums;
    uint32_t padded;
};

struct snnsim_chip_kernels {
    const char *level;

    /* The taps whose line has a peak above 0, in order: lines line + runs->line[r] + i with weights
     * r * length + i. Reads up to 7 peaks beyond a run and writes up to 8 entries beyond those it
     * returns the number of. */
    size_t (*select)(const uint8_t *peak, uint32_t line, const struct snnsim_chip_runs *runs,
                     struct snnsim_chip_tap *out);

    /* Most that the sum of any lane can rise or fall by through these taps while counts are at most
     * their peaks; 32767 stands for all that is more. Weights are at least -127. */
    uint32_t (*reach)(const int8_t *weights, const uint8_t *peak,
                      const struct snnsim_chip_tap *taps, size_t tap_count);

    /* Adds to the sums of step t over all taps both counts of the line times their weights, modulo
     * 2^16. Weights [tap][lane][2], lines [line][padded]. */
    void (*accumulate)(const int8_t *weights, const uint16_t *lines,
                       const struct snnsim_chip_tap *taps, size_t tap_count,
                       const struct snnsim_chip_sums *sums);

    /* totals[i] += sums[i]; `count` is a multiple of 16. */
    void (*widen)(const int16_t *sums, size_t count, int32_t *totals);

    /* Fires 1 to 4 tiles through `steps` steps; counts of the steps up to the padded ones are 0.
     * With each step v = saturated(v + sum), n = min(n, spikes_max), v -= n * threshold or v = 0
     * where n > 0, v = max(v, v_min). Wide sums are within 31 bits. */
    void (*fire)(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps,
                 bool reset_zero);
    void (*fire_wide)(struct snnsim_chip_tile *tiles, size_t tile_count, uint32_t steps,
                      bool reset_zero);

    /* Adds up units of 8 lanes, [padded] steps a tile apart, saturating at 65535. */
    void (*pool)(const uint16_t *const *units, size_t unit_count, uint32_t padded, uint16_t *out);

    /* The same, and packs the sums into the lines of their 1 to 4 pairs; lanes beyond are 0.
     * Returns the largest sum and writes to peak[pair] the pair's, at most 255; the lines mean
     * nothing where that is above 127. */
    uint32_t (*pack)(const uint16_t *const *units, size_t unit_count, uint32_t padded,
                     uint16_t *lines, uint32_t pairs, uint8_t *peak);

    /* Per step the spikes of a row of `positions` positions of `pairs` lines each, plain and times
     * the factor of the position, both modulo 2^32. */
    void (*tally)(const uint16_t *lines, const uint8_t *peak, const struct snnsim_chip_row *row,
                  uint32_t padded, uint32_t *spikes, uint32_t *weighted);
};

/* Sets what divisions take, once thresholds of 1..32767 and spikes_max are there. */
void snnsim_chip_divisors(struct snnsim_chip_neurons *neurons);

/* As snnsim_kernels_init of kernel.h. */
bool snnsim_chip_kernels_init(struct snnsim_chip_kernels *out, const char *level, bool has_avx2);

void snnsim_chip_scalar_kernels(struct snnsim_chip_kernels *kernels);
void snnsim_chip_avx2_kernels(struct snnsim_chip_kernels *kernels);
void snnsim_chip_neon_kernels(struct snnsim_chip_kernels *kernels);

#endif
