/* The engine of chip arithmetic: one session's state on a plan. Synchronous semantics, a chunk of
 * steps through one population after the other: the same numbers as step by step, for spikes of a
 * step never reach back.
 *
 * All memory is taken at creation, but for counts that somebody asks for; stepping never allocates.
 */
#ifndef SNN_SIM_CHIP_ENGINE_H
#define SNN_SIM_CHIP_ENGINE_H

#include "sim/chip/plan.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "snn/target.h"

struct snnsim_chip;

/* The plan is borrowed and must outlive the engine. */
int snnsim_chip_create(struct snnsim_chip **out, struct snn_context *context,
                       const struct snnsim_chip_plan *plan);
void snnsim_chip_destroy(struct snnsim_chip **chip);

/* Back to the initial potentials. */
void snnsim_chip_reset(struct snnsim_chip *chip);

/* Steps [first, first + steps) of `spikes`, results behind the out->step_count rows of `out` that
 * are there, and counted with them. */
void snnsim_chip_advance(struct snnsim_chip *chip, const struct snn_spikes *spikes, uint32_t first,
                         uint32_t steps, struct snn_output *out);

/* As of the engine for floats (sim/event/engine.h). */
int snnsim_chip_count(struct snnsim_chip *chip, struct snn_context *context);
void snnsim_chip_counts(const struct snnsim_chip *chip, uint32_t population, uint32_t *counts);

#endif
