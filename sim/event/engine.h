/* The engine: one session's state on a plan, run through time. Synchronous semantics: a layer's
 * spikes reach the next in the same step, so that a layer may take many steps before the next.
 *
 * All memory is taken at creation, but for counts that somebody asks for; stepping never allocates.
 */
#ifndef SNN_SIM_EVENT_ENGINE_H
#define SNN_SIM_EVENT_ENGINE_H

#include "sim/event/plan.h"
#include "snn/stream.h"
#include "snn/target.h"

struct snnsim_engine;

/* The plan is borrowed and must outlive the engine. */
int snnsim_engine_create(struct snnsim_engine **out, struct snn_context *context,
                         const struct snnsim_plan *plan);
void snnsim_engine_destroy(struct snnsim_engine **engine);

/* Back to the initial potentials. */
void snnsim_engine_reset(struct snnsim_engine *engine);

/* Prepares analog input that stays the same in all steps (snn_spikes.constant), or none (NULL). */
void snnsim_engine_set_constant(struct snnsim_engine *engine, const struct snn_spikes *spikes);

/* Steps first .. first + step_count - 1 of `spikes` (snn_spikes), results behind those that `out`
 * has, whose step_count grows. */
void snnsim_engine_run(struct snnsim_engine *engine, const struct snn_spikes *spikes,
                       uint32_t first, uint32_t step_count, struct snn_output *out);

/* Makes the engine count the spikes of each neuron from now on. Errors: INVALID (steps were taken
 * since the reset), NOMEM. */
int snnsim_engine_count(struct snnsim_engine *engine, struct snn_context *context);

/* Spikes since the reset, of an engine that counts, [channels][height][width]. */
void snnsim_engine_counts(const struct snnsim_engine *engine, uint32_t population,
                          uint32_t *counts);

#endif
