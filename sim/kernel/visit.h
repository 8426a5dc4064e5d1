/* The kernels of asynchronous semantics: one event at every neuron that it reaches.
 *
 * Potentials lie as currents do (sim/event/plan.h). An event visits a neuron once: v += w, whether
 * that reached the threshold, the lower clip. Few neurons do, so firing is left to the caller. All
 * levels give the same bits.
 */
#ifndef SNN_SIM_KERNEL_VISIT_H
#define SNN_SIM_KERNEL_VISIT_H

#include <stdint.h>

#include "sim/kernel/kernel.h"

/* Neurons with potentials in float32. */
struct snnsim_visited {
    float *v;
    float threshold, v_min;           /* of all alike; no lower clip is positive */
    const float *thresholds, *v_mins; /* where neurons differ, beside v; else NULL */
};

/* Neurons in chip arithmetic: potentials saturate at -32768 and 32767. */
struct snnsim_chip_visited {
    int16_t *v;
    int16_t below; /* the largest potential that does not fire: the threshold - 1 */
    int16_t v_min;
    const int16_t *belows, *v_mins; /* where neurons differ, beside v; else NULL */
};

struct snnsim_visit_kernels {
    /* Visits the lanes of a footprint that begins at lane `target`: v = max(v + w, v_min). Writes
     * the lanes where v + w reached the threshold to `hits`, which has room for all, in the order
     * of the footprint. Returns how many. Any alignment. */
    uint32_t (*visit)(const struct snnsim_visited *cells, uint32_t target, const float *weights,
                      const struct snnsim_footprint *footprint, uint32_t *hits);
    uint32_t (*visit_chip)(const struct snnsim_chip_visited *cells, uint32_t target,
                           const int16_t *weights, const struct snnsim_footprint *footprint,
                           uint32_t *hits);
};

/* Fills in what the level has, as snnsim_kernels_init of kernel.h named it. */
void snnsim_visit_kernels_init(struct snnsim_visit_kernels *out, const char *level);

void snnsim_visit_scalar_kernels(struct snnsim_visit_kernels *kernels);
void snnsim_visit_avx2_kernels(struct snnsim_visit_kernels *kernels);

#endif
