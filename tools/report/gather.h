/* Spikes of one lane of a raster as they come, in bounded memory, whatever the net and the sample:
 * when there are too many, neighbours are merged, in squares of as many steps and neurons as a
 * power of two, which is how the raster merges them further (raster.c).
 */
#ifndef TOOLS_REPORT_GATHER_H
#define TOOLS_REPORT_GATHER_H

#include "tools/report/chart.h"

#define SNNREPORT_GATHER_MAX 8192u /* spikes kept one by one */

struct snnreport_gather {
    uint64_t neurons;
    uint32_t timesteps;
    struct snnreport_spike *spikes; /* malloc's */
    size_t count, capacity;
    uint32_t *squares; /* [rows][columns]; NULL: not merged */
    uint64_t steps_each, neurons_each;
    size_t columns, rows;
    uint64_t total;
    bool failed; /* no memory */
};

void snnreport_gather_init(struct snnreport_gather *gather, uint64_t neurons, uint32_t timesteps);
/* `count` spikes of a neuron at one time; spikes out of range are only counted. */
void snnreport_gather_add(struct snnreport_gather *gather, double step, uint32_t neuron,
                          uint32_t count);
/* What was gathered, which stays with the gatherer; `name` with the caller. Nothing is added any
 * more. */
void snnreport_gather_lane(struct snnreport_gather *gather, struct snnreport_lane *lane,
                           const char *name);
void snnreport_gather_fini(struct snnreport_gather *gather);

#endif
