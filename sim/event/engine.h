/* The engine: one session's state on a plan, stepped through time. Synchronous semantics: within a
 * step the populations run in order, and a layer's spikes reach the next in the same step.
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

/* One step: input `address`/`count` (see snn_spikes), results at index `row` of `out`. */
void snnsim_engine_step(struct snnsim_engine *engine, const uint32_t *address, const float *count,
                        size_t event_count, struct snn_output *out, uint32_t row);

/* Makes the engine count the spikes of each neuron from now on. Errors: INVALID (steps were taken
 * since the reset), NOMEM. */
int snnsim_engine_count(struct snnsim_engine *engine, struct snn_context *context);

/* Spikes since the reset, of an engine that counts, [channels][height][width]. */
void snnsim_engine_counts(const struct snnsim_engine *engine, uint32_t population,
                          uint32_t *counts);

#endif
