/* What the inner loops reach on a layer when nothing else is done: the ceiling an engine works
 * under.
 */
#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include <stdint.h>

#include "sim/kernel/chip.h"
#include "sim/kernel/kernel.h"

/* Shares are of the inputs: those that spike in a step, and those that do so at least once in 8
 * steps, in 32, and the same of pairs of neighbouring channels. */
struct snnbench_layer {
    const char *name;
    uint32_t inputs; /* channels */
    uint32_t width;  /* of the square map; 0: dense */
    uint32_t lanes, kernel;
    double active, in_scope, in_chunk, in_chunk_pairs;
};

/* All rates are additions of a weight to a potential a second, for inputs that spike alone and with
 * padded lanes; best of several rounds. */

/* Event by event. */
double snnbench_ceiling_scatter(const struct snnbench_layer *layer,
                                const struct snnsim_kernels *kernels);
/* Tile by tile, inputs listed for `steps` steps (8 or 32), silent ones among them. */
double snnbench_ceiling_accumulate(const struct snnbench_layer *layer,
                                   const struct snnsim_kernels *kernels, uint32_t steps);
/* The same in chip arithmetic, 32 steps. */
double snnbench_ceiling_chip(const struct snnbench_layer *layer,
                             const struct snnsim_chip_kernels *kernels);

/* Updates of neurons a second in which one in ten fires, in the first-level cache: of rows or
 * tiles, whichever is faster; the other in chip arithmetic. */
double snnbench_ceiling_fire(const struct snnsim_kernels *kernels);
double snnbench_ceiling_chip_fire(const struct snnsim_chip_kernels *kernels);

/* Multiplications with an addition each a second: six counts times two vectors of eight weights,
 * all in registers but the counts. No tile can be summed faster, for it loads weights, too. 0 where
 * the processor lacks AVX2 and NEON. */
double snnbench_ceiling_products(void);

/* Additions a second of a[i] += b[i] in the first-level cache; 0 as above. */
double snnbench_ceiling_stream(void);

/* The kernels of a level; NULL: the best of this processor. False where it has none such. */
bool snnbench_ceiling_kernels(const char *level, struct snnsim_kernels *kernels,
                              struct snnsim_chip_kernels *chip);

#endif
