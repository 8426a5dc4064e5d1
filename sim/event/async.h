/* The asynchronous engine: one session's state on routes, stepped through time. Spikes are
 * processed one at a time from one queue; what input events of one time set off is over before
 * later ones come, and in a serial engine what each of them sets off before the next.
 *
 * Stepping allocates only where more spikes are on their way at once than the queue was made for.
 */
#ifndef SNN_SIM_EVENT_ASYNC_H
#define SNN_SIM_EVENT_ASYNC_H

#include "libsnn/stream/order.h"
#include "sim/event/routes.h"
#include "snn/target.h"

struct snnsim_async;

struct snnsim_async_options {
    enum snn_order order;
    uint64_t seed;
    bool serial; /* input events of one time enter one after another */
};

/* The routes are borrowed and must outlive the engine. */
int snnsim_async_create(struct snnsim_async **out, struct snn_context *context,
                        const struct snnsim_routes *routes,
                        const struct snnsim_async_options *options);
void snnsim_async_destroy(struct snnsim_async **async);

/* Back to the initial potentials. */
void snnsim_async_reset(struct snnsim_async *async);

/* Prepares for the steps of `spikes`. Errors: UNSUPPORTED (analog input), INVALID (order `recorded`
 * without single events), LIMIT, NOMEM. */
int snnsim_async_push(struct snnsim_async *async, struct snn_context *context,
                      const struct snn_spikes *spikes);

/* Step `row` of what was pushed, results at index `out_row` of `out`. Errors, which leave the
 * sample unfinished: LIMIT (too many spikes on their way), NOMEM, CANCELLED (by whom it asks). */
int snnsim_async_step(struct snnsim_async *async, struct snn_context *context,
                      const struct snn_spikes *spikes, uint32_t row, struct snn_output *out,
                      uint32_t out_row);

/* As of the synchronous engine (engine.h). */
int snnsim_async_count(struct snnsim_async *async, struct snn_context *context);
void snnsim_async_counts(const struct snnsim_async *async, uint32_t population, uint32_t *counts);

/* Told of every spike of every population, as they come; NULL: nobody is. Of input events that
 * enter together it was the last that set a spike off, as far as anybody can tell. */
void snnsim_async_watch(struct snnsim_async *async, snn_spike_fn watch, void *user);

/* Asked every thousand events or so within a step whether to go on; NULL: nobody is. */
void snnsim_async_ask(struct snnsim_async *async, bool (*go_on)(void *user), void *user);

/* Potentials of a population, [channels][height][width]. */
void snnsim_async_potentials(const struct snnsim_async *async, uint32_t population,
                             float *potential);

/* Most spikes that were on their way at once since the creation. */
size_t snnsim_async_high_water(const struct snnsim_async *async);

#endif
