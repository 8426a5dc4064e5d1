/* The engine's insides, shared by its two ways through a layer: scatter.c (event by event, a step
 * at a time) and batch.c (tile by tile, all steps of a chunk at a time).
 *
 * A chunk is a run of steps that a layer takes before the next layer begins. Whatever its size and
 * whichever way a layer goes, the bits are the same: a step's current is summed on its own.
 */
#ifndef SNN_SIM_EVENT_STATE_H
#define SNN_SIM_EVENT_STATE_H

#include "sim/event/activity.h"
#include "sim/event/engine.h"
#include "sim/event/plan.h"

#define SNNSIM_EVENTS_MAX 1024u /* gathered before they are scattered: stays in the L1 cache */
#define SNNSIM_SCOPE 8u         /* steps that may share a list of taps, and an entry of `any` */

struct snnsim_synapse_state {
    struct snnsim_train *pooled; /* [pool_count] */
    uint8_t *any;    /* masks of the inputs active in each SNNSIM_SCOPE steps; then in all steps */
    size_t taps_end; /* in the list of taps of the tile under way */
};

struct snnsim_population_state {
    float *v;        /* [height][row_length] */
    float *current;  /* with halo, see plan.h */
    float *constant; /* analog input through the first synapse, or NULL */
    struct snnsim_train spikes;
    uint32_t *total; /* spikes since the reset, laid out as they are; NULL: not counted */
    struct snnsim_synapse_state *synapses;
    uint64_t constant_macs;
};

struct snnsim_readout_state {
    float *v; /* [height][row_length] of the output population */
};

/* Room for the work on one tile (batch.c). */
struct snnsim_tile_work {
    struct snnsim_tap *taps; /* of all synapses of a population, one after the other */
    float *sums;             /* [chunk][SNNSIM_TILE_LANES] */
    float *count;            /* the same, of further readouts */
    uint8_t *mask;           /* [chunk][SNNSIM_TILE_LANES / SNNSIM_LANES] */
};

struct snnsim_engine {
    struct snnbase_arena arena;
    const struct snnsim_plan *plan;
    uint32_t chunk; /* most steps at once */
    struct snnsim_train input;
    struct snnsim_population_state *populations;
    struct snnsim_readout_state *readouts; /* [readout_count]; 0 shares the output population's v */
    float *row_current;                    /* [row_length] of the output population */
    struct snnsim_activity extra;          /* spikes of further readouts, one row */
    struct snnsim_events events;           /* gathered and not yet scattered */
    struct snnsim_tile_work tile;
    bool constant; /* analog input is set */
    bool counting; /* all populations have totals */
    bool stepped;  /* since the reset */
};

/* The steps under way: `steps` of `spikes` from `first` on, with results from row `row` of `out`
 * on. */
struct snnsim_chunk {
    const struct snn_spikes *spikes;
    uint32_t first;
    uint32_t steps;
    struct snn_output *out;
    uint32_t row;
};

/* What a synapse did in one step. */
struct snnsim_tally {
    uint64_t spikes;
    uint64_t operations;
};

/* The spikes that arrive behind the synapse's pools. */
static inline const struct snnsim_train *
snnsim_engine_arriving(const struct snnsim_engine *engine, const struct snn_synapse *synapse,
                       const struct snnsim_synapse_state *state)
{
    if (synapse->pool_count > 0) return &state->pooled[synapse->pool_count - 1];
    return synapse->source == SNN_SOURCE_INPUT ? &engine->input
                                               : &engine->populations[synapse->source].spikes;
}

/* ---- scatter.c ---- */

/* Sends a map on through a synapse, into `current`; `analog`: values, not spikes. */
struct snnsim_tally snnsim_scatter_map(struct snnsim_engine *engine,
                                       const struct snnsim_synapse *synapse,
                                       const struct snnsim_activity *from, float *current,
                                       bool analog);

/* What a map would do, in spikes and operations. */
struct snnsim_tally snnsim_scatter_tally(const struct snnsim_engine *engine,
                                         const struct snnsim_synapse *synapse,
                                         const struct snnsim_activity *from);

/* A population through the chunk, step by step. Its pooled input is there. */
void snnsim_scatter_run(struct snnsim_engine *engine, uint32_t population,
                        const struct snnsim_chunk *chunk);

/* ---- batch.c ---- */

/* Takes memory for the tiles of the plan. */
int snnsim_batch_init(struct snnsim_engine *engine, struct snn_context *context);

/* How many steps of a list of taps a population is best taken tile by tile; 0: it is cheaper event
 * by event. Decided by what arrives in this chunk. */
uint32_t snnsim_batch_scope(struct snnsim_engine *engine, uint32_t population,
                            const struct snnsim_chunk *chunk);

/* A population through the chunk, tile by tile, with the scope just found. */
void snnsim_batch_run(struct snnsim_engine *engine, uint32_t population,
                      const struct snnsim_chunk *chunk, uint32_t scope);

/* ---- fire.c ---- */

/* Neurons of a population or a readout, as the kernels take them. */
struct snnsim_neuron snnsim_population_neuron(const struct snn_population *population);
struct snnsim_neuron snnsim_readout_neuron(const struct snn_net *net, uint32_t readout);

/* Fires a population on its currents of one step, which are then 0; the output population with all
 * readouts, which are shown to the caller. */
void snnsim_fire_step(struct snnsim_engine *engine, uint32_t population,
                      const struct snnsim_chunk *chunk, uint32_t step);

/* Neurons of the output population at one position, from `channel` on. */
struct snnsim_shown {
    uint32_t y, x;
    uint32_t channel, count;
    const float *spikes; /* [count] */
    const float *v;
};

/* Shows them to the caller, as far as they are no padding. */
void snnsim_fire_store(const struct snnsim_engine *engine, const struct snnsim_chunk *chunk,
                       uint32_t step, uint32_t readout, const struct snnsim_shown *lanes);

#endif
