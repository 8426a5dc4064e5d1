/* Event by event: what arrives at a population in a step is gathered and scattered into currents.
 *
 * The order of additions is the contract: synapses in order, within one synapse events by (y, x,
 * channel). Everything is coalesced: an address appears once a step with its count.
 */
#include <string.h>

#include "sim/event/state.h"

/* Gathering events until the buffer is full or the phase changes, then scattering them. */
struct gathering {
    struct snnsim_engine *engine;
    const struct snnsim_synapse *synapse;
    const struct snnsim_phase *phase;
    float *current;
};

static void flush(struct gathering *g)
{
    struct snnsim_events *e = &g->engine->events;
    if (e->event_count > 0 && g->phase->size > 0)
        g->engine->plan->kernels.scatter(g->current, g->synapse->weights, e, &g->phase->footprint);
    e->event_count = 0;
    e->run_count = 0;
}

/* Appends a run; one that continues the last (dense layers) is joined to it. */
static void add_run(struct snnsim_events *e, uint32_t target, uint32_t count)
{
    if (e->run_count > 0 && e->runs[e->run_count - 1].target == target)
        e->runs[e->run_count - 1].count += count;
    else
        e->runs[e->run_count++] = (struct snnsim_run){target, count};
}

/* The events of one position: one run, or with groups one for the channels of each group. */
static void add_runs(struct gathering *g, uint32_t target, uint32_t weights, size_t count)
{
    struct snnsim_events *e = &g->engine->events;
    const struct snnsim_synapse *s = g->synapse;
    if (!s->grouped) {
        add_run(e, target, (uint32_t)count);
    } else {
        for (size_t i = e->event_count; i < e->event_count + count; i++) {
            uint32_t channel = g->phase->size > 0 ? (e->weights[i] - weights) / g->phase->size : 0;
            add_run(e, target + s->channel_target[channel], 1);
        }
    }
    e->event_count += count;
}

/* Gathers one position. Returns its spikes, or for analog input its values that are not 0. */
static uint64_t gather(struct gathering *g, const uint8_t *mask, const float *count, size_t vectors,
                       uint32_t target, uint32_t weights, bool analog)
{
    struct snnsim_events *e = &g->engine->events;
    uint64_t spikes = 0;
    size_t n = g->engine->plan->kernels.gather(mask, count, vectors, weights, g->phase->size,
                                               e->weights + e->event_count,
                                               e->count + e->event_count, &spikes);
    add_runs(g, target, weights, n);
    if (e->event_count >= SNNSIM_EVENTS_MAX) flush(g);
    return analog ? n : spikes;
}

/* One row of the map. */
static void scatter_row(struct gathering *g, const struct snnsim_activity *from, uint32_t y,
                        bool analog, struct snnsim_tally *tally)
{
    const struct snnsim_synapse *s = g->synapse;
    const struct snnsim_phase *phases = s->phases + y % s->phases_h * s->phases_w;
    const size_t vectors = from->lanes / SNNSIM_LANES;
    const uint8_t *mask = from->mask + y * from->shape.width * vectors;
    const float *count = from->count + (size_t)y * from->shape.width * from->lanes;
    uint64_t operations = 0;
    const size_t bytes = from->shape.width * vectors;
    uint32_t x = 0;
    for (size_t at = snnsim_activity_next(mask, 0, bytes); at < bytes;
         at = snnsim_activity_next(mask, (x + 1) * vectors, bytes)) {
        while ((x + 1) * vectors <= at)
            x++;
        const struct snnsim_phase *phase = &phases[s->phases_w > 1 ? x % s->phases_w : 0];
        if (phase != g->phase) {
            flush(g);
            g->phase = phase;
        }
        uint64_t spikes =
            gather(g, mask + x * vectors, count + (size_t)x * from->lanes, vectors,
                   s->rows.target[y] + s->columns.target[x],
                   phase->weights + s->rows.weights[y] + s->columns.weights[x], analog);
        tally->spikes += spikes;
        operations += spikes * s->columns.fanout[x];
    }
    tally->operations += operations * s->rows.fanout[y] * s->fanout_channels;
}

struct snnsim_tally snnsim_scatter_map(struct snnsim_engine *engine,
                                       const struct snnsim_synapse *synapse,
                                       const struct snnsim_activity *from, float *current,
                                       bool analog)
{
    struct snnsim_tally tally = {0, 0};
    struct gathering g = {engine, synapse, NULL, current};
    for (uint32_t y = 0; y < from->shape.height; y++)
        scatter_row(&g, from, y, analog, &tally);
    flush(&g);
    return tally;
}

struct snnsim_tally snnsim_scatter_tally(const struct snnsim_engine *engine,
                                         const struct snnsim_synapse *synapse,
                                         const struct snnsim_activity *from)
{
    struct snnsim_tally tally = {0, 0};
    const size_t row = (size_t)from->shape.width * from->lanes;
    for (uint32_t y = 0; y < from->shape.height; y++) {
        const struct snnsim_reached reached =
            engine->plan->kernels.reach(from->count + y * row, from->mask + y * row / SNNSIM_LANES,
                                        from->shape.width, from->lanes, synapse->columns.fanout);
        tally.spikes += reached.spikes;
        tally.operations += reached.targets * synapse->rows.fanout[y] * synapse->fanout_channels;
    }
    return tally;
}

/* The step's input as it was pushed, without a detour over a map of it. */
static struct snnsim_tally scatter_input(struct snnsim_engine *engine,
                                         const struct snnsim_synapse *s,
                                         const struct snnsim_chunk *chunk, uint32_t step,
                                         float *current)
{
    const struct snn_spikes *spikes = chunk->spikes;
    const uint32_t channels = s->synapse->source_shape.channels;
    const uint32_t end = spikes->step_begin[chunk->first + step + 1];
    struct snnsim_tally tally = {0, 0};
    struct gathering g = {engine, s, NULL, current};
    struct snnsim_events *e = &engine->events;
    for (uint32_t i = spikes->step_begin[chunk->first + step]; i < end; i++) {
        const uint32_t address = spikes->address[i];
        const uint32_t position = channels == 1 ? address : address / channels;
        const uint32_t channel = address - position * channels;
        const struct snnsim_place *place = &s->places[position];
        const float n = spikes->count != NULL ? spikes->count[i] : 1.0f;
        if (place->phase != g.phase || e->event_count == SNNSIM_EVENTS_MAX) flush(&g);
        g.phase = place->phase;
        e->weights[e->event_count] = place->weights + channel * place->phase->size;
        e->count[e->event_count++] = n;
        add_run(e, place->target + s->channel_target[channel], 1);
        tally.spikes += (uint64_t)n;
        tally.operations += (uint64_t)n * place->fanout;
    }
    flush(&g);
    return tally;
}

/* Adds everything that arrives at a population in this step to its currents. */
static void integrate(struct snnsim_engine *engine, uint32_t index,
                      const struct snnsim_chunk *chunk, uint32_t step)
{
    const struct snnsim_population *p = &engine->plan->populations[index];
    struct snnsim_population_state *state = &engine->populations[index];
    size_t at = (size_t)(chunk->row + step) * engine->plan->net->synapse_count +
                p->population->synapse_first;
    for (uint32_t s = 0; s < p->population->synapse_count; s++, at++) {
        const struct snn_synapse *synapse = &p->population->synapses[s];
        bool analog = engine->constant && synapse->source == SNN_SOURCE_INPUT;
        struct snnsim_tally tally;
        if (analog && s == 0) {
            memcpy(state->current, state->constant, p->current_size * sizeof(float));
            tally = (struct snnsim_tally){0, state->constant_macs};
        } else if (p->synapses[s].places != NULL && !analog) {
            tally = scatter_input(engine, &p->synapses[s], chunk, step, state->current);
        } else {
            const struct snnsim_train *train =
                snnsim_engine_arriving(engine, synapse, &state->synapses[s]);
            const struct snnsim_activity from = snnsim_train_at(train, analog ? 0 : step);
            tally = snnsim_scatter_map(engine, &p->synapses[s], &from, state->current, analog);
        }
        chunk->out->synapse_spikes[at] = analog ? 0 : tally.spikes;
        chunk->out->synapse_operations[at] = analog ? 0 : tally.operations;
        chunk->out->synapse_macs[at] = analog ? tally.operations : 0;
    }
}

void snnsim_scatter_run(struct snnsim_engine *engine, uint32_t population,
                        const struct snnsim_chunk *chunk)
{
    for (uint32_t step = 0; step < chunk->steps; step++) {
        integrate(engine, population, chunk, step);
        snnsim_fire_step(engine, population, chunk, step);
    }
}
