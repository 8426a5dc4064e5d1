/* Stepping a net: load the input, then per population scatter what arrives, fire, read out.
 *
 * The order of additions is the contract: synapses in order, within one synapse events by (y, x,
 * channel). Everything is coalesced: an address appears once a step with its count.
 */
#include "sim/event/engine.h"

#include <stdbool.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"
#include "sim/event/activity.h"

#define EVENTS_MAX 1024u /* gathered before they are scattered: stays in the first-level cache */

struct synapse_state {
    struct snnsim_activity *pooled; /* [pool_count] */
};

struct population_state {
    float *v;        /* [height][row_length] */
    float *current;  /* with halo, see plan.h */
    float *constant; /* analog input through the first synapse, or NULL */
    struct snnsim_activity spikes;
    uint32_t *total; /* spikes since the reset, laid out as they are; NULL: not counted */
    struct synapse_state *synapses;
    uint64_t constant_macs;
};

struct readout_state {
    float *v; /* [height][row_length] of the output population */
};

struct snnsim_engine {
    struct snnbase_arena arena;
    const struct snnsim_plan *plan;
    struct snnsim_activity input;
    struct population_state *populations;
    struct readout_state *readouts; /* [readout_count]; 0 shares the output population's v */
    float *row_current;             /* [row_length] of the output population */
    struct snnsim_activity extra;   /* spikes of further readouts, one row */
    struct snnsim_events events;    /* gathered and not yet scattered */
    bool constant;                  /* analog input is set */
    bool counting;                  /* all populations have totals */
    bool stepped;                   /* since the reset */
    const uint32_t *address;        /* input of the step at hand, borrowed */
    const float *count;
    size_t event_count;
};

/* What a synapse did in one step. */
struct tally {
    uint64_t spikes;
    uint64_t operations;
};

static int init_synapse(struct snnsim_engine *engine, struct snn_context *context,
                        const struct snn_synapse *synapse, struct synapse_state *state)
{
    struct snn_shape shape = synapse->source == SNN_SOURCE_INPUT
                                 ? engine->plan->net->input_shape
                                 : engine->plan->net->populations[synapse->source].shape;
    state->pooled =
        snnbase_arena_alloc(&engine->arena, context, synapse->pool_count, sizeof(*state->pooled));
    if (state->pooled == NULL) return SNN_ERR_NOMEM;
    for (uint32_t p = 0; p < synapse->pool_count; p++) {
        shape = snnmodel_pooled_shape(shape, &synapse->pools[p]);
        int status = snnsim_activity_init(&state->pooled[p], &engine->arena, context, shape);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static int init_population(struct snnsim_engine *engine, struct snn_context *context,
                           const struct snnsim_population *p, struct population_state *state)
{
    const struct snn_population *population = p->population;
    struct snnbase_arena *arena = &engine->arena;
    size_t neurons = population->shape.height * p->row_length;
    state->v = snnbase_arena_alloc(arena, context, neurons, sizeof(float));
    state->current = snnbase_arena_alloc(arena, context, p->current_size, sizeof(float));
    state->synapses =
        snnbase_arena_alloc(arena, context, population->synapse_count, sizeof(*state->synapses));
    if (state->v == NULL || state->current == NULL || state->synapses == NULL) return SNN_ERR_NOMEM;
    if (population->synapses[0].source == SNN_SOURCE_INPUT) {
        state->constant = snnbase_arena_alloc(arena, context, p->current_size, sizeof(float));
        if (state->constant == NULL) return SNN_ERR_NOMEM;
    }
    int status = snnsim_activity_init(&state->spikes, arena, context, population->shape);
    for (uint32_t s = 0; status == SNN_OK && s < population->synapse_count; s++)
        status = init_synapse(engine, context, &population->synapses[s], &state->synapses[s]);
    return status;
}

static int init_readouts(struct snnsim_engine *engine, struct snn_context *context)
{
    const struct snn_net *net = engine->plan->net;
    const struct snnsim_population *p = &engine->plan->populations[net->population_count - 1];
    size_t neurons = p->population->shape.height * p->row_length;
    engine->readouts =
        snnbase_arena_alloc(&engine->arena, context, net->readout_count, sizeof(*engine->readouts));
    engine->row_current =
        snnbase_arena_alloc(&engine->arena, context, p->row_length, sizeof(float));
    if (engine->readouts == NULL || engine->row_current == NULL) return SNN_ERR_NOMEM;
    engine->readouts[0].v = engine->populations[net->population_count - 1].v;
    for (uint32_t r = 1; r < net->readout_count; r++) {
        engine->readouts[r].v =
            snnbase_arena_alloc(&engine->arena, context, neurons, sizeof(float));
        if (engine->readouts[r].v == NULL) return SNN_ERR_NOMEM;
    }
    struct snn_shape row = p->population->shape;
    row.height = 1;
    return snnsim_activity_init(&engine->extra, &engine->arena, context, row);
}

/* Room for EVENTS_MAX events and the position that goes beyond: all channels of it at once. */
static int init_events(struct snnsim_engine *engine, struct snn_context *context)
{
    const struct snn_net *net = engine->plan->net;
    size_t most = engine->plan->input_lanes;
    for (uint32_t i = 0; i < net->population_count; i++) {
        size_t lanes = engine->plan->populations[i].lanes;
        if (lanes > most) most = lanes;
    }
    most += EVENTS_MAX + SNNSIM_LANES;
    struct snnsim_events *e = &engine->events;
    e->runs = snnbase_arena_alloc(&engine->arena, context, most, sizeof(*e->runs));
    e->weights = snnbase_arena_alloc(&engine->arena, context, most, sizeof(*e->weights));
    e->count = snnbase_arena_alloc(&engine->arena, context, most, sizeof(*e->count));
    return e->runs != NULL && e->weights != NULL && e->count != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int init(struct snnsim_engine *engine, struct snn_context *context)
{
    const struct snnsim_plan *plan = engine->plan;
    uint32_t count = plan->net->population_count;
    engine->populations =
        snnbase_arena_alloc(&engine->arena, context, count, sizeof(*engine->populations));
    if (engine->populations == NULL) return SNN_ERR_NOMEM;
    int status = init_events(engine, context);
    if (status != SNN_OK) return status;
    status = snnsim_activity_init(&engine->input, &engine->arena, context, plan->net->input_shape);
    for (uint32_t i = 0; status == SNN_OK && i < count; i++)
        status = init_population(engine, context, &plan->populations[i], &engine->populations[i]);
    return status == SNN_OK ? init_readouts(engine, context) : status;
}

int snnsim_engine_create(struct snnsim_engine **out, struct snn_context *context,
                         const struct snnsim_plan *plan)
{
    struct snnsim_engine *engine = snnbase_alloc(context, 1, sizeof(*engine));
    if (engine == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&engine->arena, context);
    engine->plan = plan;
    int status = init(engine, context);
    if (status != SNN_OK) {
        snnsim_engine_destroy(&engine);
        return status;
    }
    snnsim_engine_reset(engine);
    *out = engine;
    return SNN_OK;
}

void snnsim_engine_destroy(struct snnsim_engine **engine)
{
    if (engine == NULL || *engine == NULL) return;
    struct snn_allocator allocator = (*engine)->arena.allocator;
    snnbase_arena_fini(&(*engine)->arena);
    snnbase_allocator_free(&allocator, *engine);
    *engine = NULL;
}

/* Padded lanes start at 0 and receive nothing, so they never fire. */
static void set_potentials(float *v, const struct snnsim_population *p, float v_init,
                           const struct snnsim_differing *differing)
{
    const struct snn_shape shape = p->population->shape;
    for (uint32_t y = 0; y < shape.height; y++, v += p->row_length) {
        if (differing != NULL) {
            memcpy(v, differing->v_init.values + y * differing->v_init.stride,
                   p->row_length * sizeof(*v));
            continue;
        }
        for (size_t i = 0; i < p->row_length; i++)
            v[i] = i % p->lanes < shape.channels ? v_init : 0.0f;
    }
}

void snnsim_engine_reset(struct snnsim_engine *engine)
{
    const struct snn_net *net = engine->plan->net;
    const struct snnsim_population *last = &engine->plan->populations[net->population_count - 1];
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        set_potentials(engine->populations[i].v, p, p->population->v_init, p->differing);
        memset(engine->populations[i].current, 0, p->current_size * sizeof(float));
        if (engine->counting)
            memset(engine->populations[i].total, 0,
                   p->population->shape.height * p->row_length * sizeof(uint32_t));
    }
    for (uint32_t r = 0; r < net->readout_count; r++)
        set_potentials(engine->readouts[r].v, last, net->readouts[r].v_init,
                       engine->plan->readouts[r]);
    engine->constant = false;
    engine->stepped = false;
}

int snnsim_engine_count(struct snnsim_engine *engine, struct snn_context *context)
{
    if (engine->counting) return SNN_OK;
    if (engine->stepped) {
        snnbase_fail(context, SNN_ERR_INVALID, "spikes were not counted from the first step on");
        return snnbase_hint(context, "ask for the counts once after the reset, before any step");
    }
    for (uint32_t i = 0; i < engine->plan->net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        struct population_state *state = &engine->populations[i];
        size_t neurons = p->population->shape.height * p->row_length;
        if (state->total == NULL)
            state->total = snnbase_arena_alloc(&engine->arena, context, neurons, sizeof(uint32_t));
        if (state->total == NULL) return SNN_ERR_NOMEM;
    }
    engine->counting = true;
    return SNN_OK;
}

void snnsim_engine_counts(const struct snnsim_engine *engine, uint32_t population, uint32_t *counts)
{
    const struct snnsim_population *p = &engine->plan->populations[population];
    const uint32_t *total = engine->populations[population].total;
    const struct snn_shape shape = p->population->shape;
    const size_t map = (size_t)shape.height * shape.width;
    for (size_t i = 0; i < map; i++, total += p->lanes) {
        for (uint32_t c = 0; c < shape.channels; c++)
            counts[c * map + i] = total[c];
    }
}

/* The source's spikes after the synapse's pools. */
static const struct snnsim_activity *arriving(struct snnsim_engine *engine,
                                              const struct snn_synapse *synapse,
                                              struct synapse_state *state)
{
    const struct snnsim_activity *from = synapse->source == SNN_SOURCE_INPUT
                                             ? &engine->input
                                             : &engine->populations[synapse->source].spikes;
    for (uint32_t p = 0; p < synapse->pool_count; p++) {
        snnsim_activity_pool(&engine->plan->kernels, from, &synapse->pools[p], &state->pooled[p]);
        from = &state->pooled[p];
    }
    return from;
}

/* Gathering events until the buffer is full or the phase changes, then scattering them. */
struct batch {
    struct snnsim_engine *engine;
    const struct snnsim_synapse *synapse;
    const struct snnsim_phase *phase;
    float *current;
};

static void flush(struct batch *batch)
{
    struct snnsim_events *e = &batch->engine->events;
    if (e->event_count > 0 && batch->phase->size > 0)
        batch->engine->plan->kernels.scatter(batch->current, batch->synapse->weights, e,
                                             &batch->phase->footprint);
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
static void add_runs(struct batch *batch, uint32_t target, uint32_t weights, size_t count)
{
    struct snnsim_events *e = &batch->engine->events;
    const struct snnsim_synapse *s = batch->synapse;
    if (!s->grouped) {
        add_run(e, target, (uint32_t)count);
    } else {
        for (size_t i = e->event_count; i < e->event_count + count; i++) {
            uint32_t channel =
                batch->phase->size > 0 ? (e->weights[i] - weights) / batch->phase->size : 0;
            add_run(e, target + s->channel_target[channel], 1);
        }
    }
    e->event_count += count;
}

/* Gathers one position. Returns its spikes, or for analog input its values that are not 0. */
static uint64_t gather(struct batch *batch, const uint8_t *mask, const float *count, size_t vectors,
                       uint32_t target, uint32_t weights, bool analog)
{
    struct snnsim_events *e = &batch->engine->events;
    uint64_t spikes = 0;
    size_t n = batch->engine->plan->kernels.gather(mask, count, vectors, weights,
                                                   batch->phase->size, e->weights + e->event_count,
                                                   e->count + e->event_count, &spikes);
    add_runs(batch, target, weights, n);
    if (e->event_count >= EVENTS_MAX) flush(batch);
    return analog ? n : spikes;
}

/* One row of the map. */
static void scatter_row(struct batch *batch, const struct snnsim_activity *from, uint32_t y,
                        bool analog, struct tally *tally)
{
    const struct snnsim_synapse *s = batch->synapse;
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
        if (phase != batch->phase) {
            flush(batch);
            batch->phase = phase;
        }
        uint64_t spikes =
            gather(batch, mask + x * vectors, count + (size_t)x * from->lanes, vectors,
                   s->rows.target[y] + s->columns.target[x],
                   phase->weights + s->rows.weights[y] + s->columns.weights[x], analog);
        tally->spikes += spikes;
        operations += spikes * s->columns.fanout[x];
    }
    tally->operations += operations * s->rows.fanout[y] * s->fanout_channels;
}

static struct tally scatter(struct snnsim_engine *engine, const struct snnsim_synapse *synapse,
                            const struct snnsim_activity *from, float *current, bool analog)
{
    struct tally tally = {0, 0};
    struct batch batch = {engine, synapse, NULL, current};
    for (uint32_t y = 0; y < from->shape.height; y++)
        scatter_row(&batch, from, y, analog, &tally);
    flush(&batch);
    return tally;
}

/* The step's input as it was pushed, without a detour over a map of it. */
static struct tally scatter_input(struct snnsim_engine *engine, const struct snnsim_synapse *s,
                                  float *current)
{
    const uint32_t channels = s->synapse->source_shape.channels;
    struct tally tally = {0, 0};
    struct batch batch = {engine, s, NULL, current};
    struct snnsim_events *e = &engine->events;
    for (size_t i = 0; i < engine->event_count; i++) {
        const uint32_t position =
            channels == 1 ? engine->address[i] : engine->address[i] / channels;
        const uint32_t channel = engine->address[i] - position * channels;
        const struct snnsim_place *place = &s->places[position];
        const float n = engine->count != NULL ? engine->count[i] : 1.0f;
        if (place->phase != batch.phase || e->event_count == EVENTS_MAX) flush(&batch);
        batch.phase = place->phase;
        e->weights[e->event_count] = place->weights + channel * place->phase->size;
        e->count[e->event_count++] = n;
        add_run(e, place->target + s->channel_target[channel], 1);
        tally.spikes += (uint64_t)n;
        tally.operations += (uint64_t)n * place->fanout;
    }
    flush(&batch);
    return tally;
}

void snnsim_engine_set_constant(struct snnsim_engine *engine, const struct snn_spikes *spikes)
{
    engine->constant = spikes != NULL;
    if (spikes == NULL) return;
    snnsim_activity_load(&engine->input, spikes->address, spikes->count, spikes->step_begin[1]);
    for (uint32_t i = 0; i < engine->plan->net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        struct population_state *state = &engine->populations[i];
        if (state->constant == NULL) continue;
        memset(state->constant, 0, p->current_size * sizeof(float));
        const struct snnsim_activity *from =
            arriving(engine, &p->population->synapses[0], &state->synapses[0]);
        state->constant_macs =
            scatter(engine, &p->synapses[0], from, state->constant, true).operations;
    }
}

/* Adds everything that arrives at a population in this step to its currents. */
static void integrate(struct snnsim_engine *engine, uint32_t index, struct snn_output *out,
                      uint32_t row)
{
    const struct snnsim_population *p = &engine->plan->populations[index];
    struct population_state *state = &engine->populations[index];
    size_t at = (size_t)row * engine->plan->net->synapse_count + p->population->synapse_first;
    for (uint32_t s = 0; s < p->population->synapse_count; s++, at++) {
        const struct snn_synapse *synapse = &p->population->synapses[s];
        bool analog = engine->constant && synapse->source == SNN_SOURCE_INPUT;
        struct tally tally;
        if (analog && s == 0) {
            memcpy(state->current, state->constant, p->current_size * sizeof(float));
            tally = (struct tally){0, state->constant_macs};
        } else if (p->synapses[s].places != NULL && !analog) {
            tally = scatter_input(engine, &p->synapses[s], state->current);
        } else {
            const struct snnsim_activity *from = arriving(engine, synapse, &state->synapses[s]);
            tally = scatter(engine, &p->synapses[s], from, state->current, analog);
        }
        out->synapse_spikes[at] = analog ? 0 : tally.spikes;
        out->synapse_operations[at] = analog ? 0 : tally.operations;
        out->synapse_macs[at] = analog ? tally.operations : 0;
    }
}

/* One row of neurons under way: what it reads and writes. */
struct row {
    float *v;
    float *current;
    float *count;
    uint8_t *mask;
};

/* Fires row y of a population or, with other neurons on the same currents, of a readout. */
static void fire_row(const struct snnsim_engine *engine, const struct snnsim_population *p,
                     uint32_t y, const struct snnsim_neuron *alike,
                     const struct snnsim_differing *differing, struct row row)
{
    const struct snnsim_kernels *kernels = &engine->plan->kernels;
    const float *bias = p->bias.values + y * p->bias.stride;
    if (differing == NULL) {
        kernels->fire(row.v, row.current, bias, row.count, row.mask, p->row_length, alike);
        return;
    }
    const struct snnsim_neurons neurons = {differing->threshold.values +
                                               y * differing->threshold.stride,
                                           differing->v_min.values + y * differing->v_min.stride,
                                           alike->spikes_max, alike->reset_zero};
    kernels->fire_each(row.v, row.current, bias, row.count, row.mask, p->row_length, &neurons);
}

static void fire(struct snnsim_engine *engine, uint32_t index)
{
    const struct snnsim_population *p = &engine->plan->populations[index];
    const struct snn_population *population = p->population;
    struct population_state *state = &engine->populations[index];
    const struct snnsim_neuron neuron = {population->threshold, population->v_min,
                                         (float)population->spikes_max,
                                         population->reset == SNN_RESET_ZERO};
    for (uint32_t y = 0; y < population->shape.height; y++) {
        size_t first = y * p->row_length;
        const struct row row = {state->v + first, state->current + p->origin + y * p->pitch,
                                state->spikes.count + first,
                                state->spikes.mask + first / SNNSIM_LANES};
        fire_row(engine, p, y, &neuron, p->differing, row);
    }
}

/* Copies one row of a readout to the caller's [class] order, classes being [channel][y][x]. */
static void read_row(const struct snnsim_population *p, uint32_t y, const float *count,
                     const float *v, uint32_t *spikes, float *potential)
{
    struct snn_shape shape = p->population->shape;
    for (uint32_t x = 0; x < shape.width; x++) {
        for (uint32_t c = 0; c < shape.channels; c++) {
            size_t class_index = ((size_t)c * shape.height + y) * shape.width + x;
            spikes[class_index] = (uint32_t)count[(size_t)x * p->lanes + c];
            potential[class_index] = v[(size_t)x * p->lanes + c];
        }
    }
}

/* Fires the output population and every further readout on the same currents. */
static void fire_output(struct snnsim_engine *engine, struct snn_output *out, uint32_t row)
{
    const struct snn_net *net = engine->plan->net;
    uint32_t index = net->population_count - 1;
    const struct snnsim_population *p = &engine->plan->populations[index];
    struct population_state *state = &engine->populations[index];
    size_t base = (size_t)row * net->readout_count * net->class_count;
    for (uint32_t y = 0; y < p->population->shape.height; y++) {
        size_t first = y * p->row_length;
        const float *current = state->current + p->origin + y * p->pitch;
        for (uint32_t r = 1; r < net->readout_count; r++) {
            const struct snn_readout *readout = &net->readouts[r];
            const struct snnsim_neuron neuron = {readout->threshold, readout->v_min,
                                                 (float)readout->spikes_max,
                                                 p->population->reset == SNN_RESET_ZERO};
            float *v = engine->readouts[r].v + first;
            memcpy(engine->row_current, current, p->row_length * sizeof(float));
            fire_row(engine, p, y, &neuron, engine->plan->readouts[r],
                     (struct row){v, engine->row_current, engine->extra.count, engine->extra.mask});
            size_t at = base + (size_t)r * net->class_count;
            read_row(p, y, engine->extra.count, v, out->spikes + at, out->potential + at);
        }
    }
    fire(engine, index);
    for (uint32_t y = 0; y < p->population->shape.height; y++) {
        size_t first = y * p->row_length;
        read_row(p, y, state->spikes.count + first, state->v + first, out->spikes + base,
                 out->potential + base);
    }
}

/* A population's spikes are known from a synapse that sees each once; else they are counted. Pooled
 * counts are float32: below 2^24 in all, each of them is exact. */
static void count_spikes(struct snnsim_engine *engine, struct snn_output *out, uint32_t row)
{
    const struct snn_net *net = engine->plan->net;
    for (uint32_t i = 0; i < net->population_count; i++) {
        uint32_t by = engine->plan->populations[i].counted_by;
        uint64_t spikes = SNN_SPIKES_PER_STEP_MAX;
        if (by != SNNSIM_NOT_COUNTED)
            spikes = out->synapse_spikes[(size_t)row * net->synapse_count + by];
        if (spikes >= SNN_SPIKES_PER_STEP_MAX)
            spikes = snnsim_activity_total(&engine->populations[i].spikes);
        out->population_spikes[(size_t)row * net->population_count + i] = spikes;
    }
}

/* Adds the step's spikes to the totals, where anybody wants them. */
static void add_totals(struct snnsim_engine *engine)
{
    for (uint32_t i = 0; engine->counting && i < engine->plan->net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        const struct snnsim_activity *spikes = &engine->populations[i].spikes;
        uint32_t *total = engine->populations[i].total;
        const size_t neurons = p->population->shape.height * p->row_length;
        for (size_t n = 0; n < neurons; n++) {
            uint32_t count = (uint32_t)spikes->count[n];
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

void snnsim_engine_step(struct snnsim_engine *engine, const uint32_t *address, const float *count,
                        size_t event_count, struct snn_output *out, uint32_t row)
{
    const uint32_t last = engine->plan->net->population_count - 1;
    engine->address = address;
    engine->count = count;
    engine->event_count = event_count;
    if (!engine->constant && engine->plan->maps_input)
        snnsim_activity_load(&engine->input, address, count, event_count);
    out->input_spikes[row] = engine->constant ? 0 : count_input(count, event_count);
    for (uint32_t i = 0; i < last; i++) {
        integrate(engine, i, out, row);
        fire(engine, i);
    }
    integrate(engine, last, out, row);
    fire_output(engine, out, row);
    count_spikes(engine, out, row);
    add_totals(engine);
    engine->stepped = true;
}
