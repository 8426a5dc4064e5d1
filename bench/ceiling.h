/* What the inner loops reach on a layer when nothing else is done: the ceiling an engine works
 * under.
 */
#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include <stdint.h>

#include "sim/kernel/kernel.h"

struct snnbench_layer {
    const char *name;
    uint32_t inputs; /* channels */
    uint32_t width;  /* of the square map; 0: dense */
    uint32_t lanes, kernel;
    uint32_t active; /* channels that spike at a position with spikes */
};

/* Lane additions a second of the scatter kernel, padded lanes too; best of several rounds. */
double snnbench_ceiling_scatter(const struct snnbench_layer *layer,
                                const struct snnsim_kernels *kernels);

/* Additions a second of a[i] += b[i] in the first-level cache. */
double snnbench_ceiling_stream(void);

/* The best kernels of this processor. */
void snnbench_ceiling_kernels(struct snnsim_kernels *kernels);

#endif
