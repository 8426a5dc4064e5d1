/* Running a net: a chunk of steps through one population after the other, then the next chunk.
 *
 * Per population: pool what arrives, choose the cheaper of two ways (scatter.c, batch.c), go it.
 * How steps are cut into chunks and which way a population goes changes no bit of any result.
 */
#include "sim/event/engine.h"

#include <stdbool.h>
#include <string.h>

#include "sim/event/state.h"

/* Pools the source's spikes, those of `steps` steps. */
static void pool_arriving(struct snnsim_engine *engine, const struct snn_synapse *synapse,
                          struct snnsim_synapse_state *state, uint32_t steps)
{
    const struct snnsim_train *from = synapse->source == SNN_SOURCE_INPUT
                                          ? &engine->input
                                          : &engine->populations[synapse->source].spikes;
    for (uint32_t p = 0; p < synapse->pool_count; p++) {
        for (uint32_t t = 0; t < steps; t++) {
            const struct snnsim_activity in = snnsim_train_at(from, t);
            struct snnsim_activity out = snnsim_train_at(&state->pooled[p], t);
            snnsim_activity_pool(&engine->plan->kernels, &in, &synapse->pools[p], &out);
        }
        from = &state->pooled[p];
    }
}

void snnsim_engine_set_constant(struct snnsim_engine *engine, const struct snn_spikes *spikes)
{
    engine->constant = spikes != NULL;
    if (spikes == NULL) return;
    snnsim_activity_load(&engine->input.first, spikes->address, spikes->count,
                         spikes->step_begin[1]);
    for (uint32_t i = 0; i < engine->plan->net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        const struct snn_synapse *synapse = &p->population->synapses[0];
        struct snnsim_population_state *state = &engine->populations[i];
        if (state->constant == NULL) continue;
        memset(state->constant, 0, p->current_size * sizeof(float));
        pool_arriving(engine, synapse, &state->synapses[0], 1);
        state->constant_macs =
            snnsim_scatter_map(engine, &p->synapses[0],
                               &snnsim_engine_arriving(engine, synapse, &state->synapses[0])->first,
                               state->constant, true)
                .operations;
    }
}

static void run_population(struct snnsim_engine *engine, uint32_t index,
                           const struct snnsim_chunk *chunk)
{
    const struct snn_population *population = engine->plan->populations[index].population;
    for (uint32_t s = 0; s < population->synapse_count; s++) {
        const struct snn_synapse *synapse = &population->synapses[s];
        const bool analog = engine->constant && synapse->source == SNN_SOURCE_INPUT;
        pool_arriving(engine, synapse, &engine->populations[index].synapses[s],
                      analog ? 1 : chunk->steps);
    }
    const uint32_t scope = snnsim_batch_scope(engine, index, chunk);
    if (scope > 0)
        snnsim_batch_run(engine, index, chunk, scope);
    else
        snnsim_scatter_run(engine, index, chunk);
}

/* A population's spikes are known from a synapse that sees each once; else they are counted. Pooled
 * counts are float32: below 2^24 in all, each of them is exact. */
static void count_spikes(const struct snnsim_engine *engine, const struct snnsim_chunk *chunk,
                         uint32_t step)
{
    const struct snn_net *net = engine->plan->net;
    const size_t row = chunk->row + step;
    for (uint32_t i = 0; i < net->population_count; i++) {
        uint32_t by = engine->plan->populations[i].counted_by;
        uint64_t spikes = SNN_SPIKES_PER_STEP_MAX;
        if (by != SNNSIM_NOT_COUNTED)
            spikes = chunk->out->synapse_spikes[row * net->synapse_count + by];
        if (spikes >= SNN_SPIKES_PER_STEP_MAX) {
            const struct snnsim_activity map =
                snnsim_train_at(&engine->populations[i].spikes, step);
            spikes = snnsim_activity_total(&map);
        }
        chunk->out->population_spikes[row * net->population_count + i] = spikes;
    }
}

/* Adds the step's spikes to the totals, where anybody wants them. */
static void add_totals(struct snnsim_engine *engine, uint32_t step)
{
    for (uint32_t i = 0; engine->counting && i < engine->plan->net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        const struct snnsim_activity map = snnsim_train_at(&engine->populations[i].spikes, step);
        uint32_t *total = engine->populations[i].total;
        const size_t neurons = p->population->shape.height * p->row_length;
        for (size_t n = 0; n < neurons; n++) {
            uint32_t count = (uint32_t)map.count[n];
            total[n] = total[n] < UINT32_MAX - count ? total[n] + count : UINT32_MAX;
        }
    }
}

static uint64_t count_input(const float *count, size_t event_count)
{
    if (count == NULL) return event_count;
    uint64_t total = 0;
    for (size_t e = 0; e < event_count; e++)
        total += (uint64_t)count[e];
    return total;
}

static void load_input(struct snnsim_engine *engine, const struct snnsim_chunk *chunk,
                       uint32_t step)
{
    const struct snn_spikes *spikes = chunk->spikes;
    uint64_t *total = &chunk->out->input_spikes[chunk->row + step];
    *total = 0;
    if (spikes->constant) return;
    const uint32_t begin = spikes->step_begin[chunk->first + step];
    const uint32_t count = spikes->step_begin[chunk->first + step + 1] - begin;
    const float *values = spikes->count != NULL ? spikes->count + begin : NULL;
    *total = count_input(values, count);
    if (!engine->plan->maps_input) return;
    struct snnsim_activity map = snnsim_train_at(&engine->input, step);
    snnsim_activity_load(&map, spikes->address + begin, values, count);
}

static void run_chunk(struct snnsim_engine *engine, const struct snnsim_chunk *chunk)
{
    for (uint32_t step = 0; step < chunk->steps; step++)
        load_input(engine, chunk, step);
    for (uint32_t i = 0; i < engine->plan->net->population_count; i++)
        run_population(engine, i, chunk);
    for (uint32_t step = 0; step < chunk->steps; step++) {
        count_spikes(engine, chunk, step);
        add_totals(engine, step);
    }
    engine->stepped = true;
}

void snnsim_engine_run(struct snnsim_engine *engine, const struct snn_spikes *spikes,
                       uint32_t first, uint32_t step_count, struct snn_output *out)
{
    const uint32_t end = first + step_count;
    for (uint32_t at = first; at < end;) {
        const uint32_t steps = end - at < engine->chunk ? end - at : engine->chunk;
        const struct snnsim_chunk chunk = {spikes, at, steps, out, out->step_count};
        run_chunk(engine, &chunk);
        out->step_count += steps;
        at += steps;
    }
}
