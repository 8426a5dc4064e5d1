/* The engine's memory: taken at creation, set back for each sample.
 *
 * How many steps a chunk has follows from how large the net is, so that the maps of a chunk stay
 * within bounds. Stepping never allocates; only counts that somebody asks for are added later.
 */
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"
#include "sim/event/state.h"

/* Maps of a chunk may take so much; beyond it chunks get shorter. */
#define CHUNK_BYTES ((size_t)48 << 20)

static int init_synapse(struct snnsim_engine *engine, struct snn_context *context,
                        const struct snn_synapse *synapse, struct snnsim_synapse_state *state)
{
    struct snn_shape shape = synapse->source == SNN_SOURCE_INPUT
                                 ? engine->plan->net->input_shape
                                 : engine->plan->net->populations[synapse->source].shape;
    state->pooled =
        snnbase_arena_alloc(&engine->arena, context, synapse->pool_count, sizeof(*state->pooled));
    if (state->pooled == NULL) return SNN_ERR_NOMEM;
    for (uint32_t p = 0; p < synapse->pool_count; p++) {
        shape = snnmodel_pooled_shape(shape, &synapse->pools[p]);
        int status =
            snnsim_train_init(&state->pooled[p], &engine->arena, context, shape, engine->chunk);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static int init_population(struct snnsim_engine *engine, struct snn_context *context,
                           const struct snnsim_population *p, struct snnsim_population_state *state)
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
    int status =
        snnsim_train_init(&state->spikes, arena, context, population->shape, engine->chunk);
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

/* Room for SNNSIM_EVENTS_MAX events and the position that goes beyond: all channels of it at once.
 */
static int init_events(struct snnsim_engine *engine, struct snn_context *context)
{
    const struct snn_net *net = engine->plan->net;
    size_t most = engine->plan->input_lanes;
    for (uint32_t i = 0; i < net->population_count; i++) {
        size_t lanes = engine->plan->populations[i].lanes;
        if (lanes > most) most = lanes;
    }
    most += SNNSIM_EVENTS_MAX + SNNSIM_LANES;
    struct snnsim_events *e = &engine->events;
    e->runs = snnbase_arena_alloc(&engine->arena, context, most, sizeof(*e->runs));
    e->weights = snnbase_arena_alloc(&engine->arena, context, most, sizeof(*e->weights));
    e->count = snnbase_arena_alloc(&engine->arena, context, most, sizeof(*e->count));
    return e->runs != NULL && e->weights != NULL && e->count != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

/* Bytes that the maps of one step take. */
static size_t step_bytes(const struct snnsim_plan *plan)
{
    const struct snn_net *net = plan->net;
    size_t lanes = plan->maps_input ? snn_shape_size(net->input_shape) : 0;
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snnsim_population *p = &plan->populations[i];
        lanes += p->population->shape.height * p->row_length;
        for (uint32_t s = 0; s < p->population->synapse_count; s++) {
            if (p->population->synapses[s].pool_count > 0)
                lanes += snn_shape_size(p->population->synapses[s].source_shape);
        }
    }
    return lanes * sizeof(float);
}

static uint32_t choose_chunk(const struct snnsim_plan *plan)
{
    const size_t steps = CHUNK_BYTES / (step_bytes(plan) + 1);
    if (steps >= SNN_TARGET_STEPS_MAX) return SNN_TARGET_STEPS_MAX;
    return steps > 0 ? (uint32_t)steps : 1;
}

static int init(struct snnsim_engine *engine, struct snn_context *context)
{
    const struct snnsim_plan *plan = engine->plan;
    uint32_t count = plan->net->population_count;
    engine->chunk = choose_chunk(plan);
    engine->populations =
        snnbase_arena_alloc(&engine->arena, context, count, sizeof(*engine->populations));
    if (engine->populations == NULL) return SNN_ERR_NOMEM;
    int status = init_events(engine, context);
    if (status != SNN_OK) return status;
    status = snnsim_train_init(&engine->input, &engine->arena, context, plan->net->input_shape,
                               plan->maps_input ? engine->chunk : 1);
    for (uint32_t i = 0; status == SNN_OK && i < count; i++)
        status = init_population(engine, context, &plan->populations[i], &engine->populations[i]);
    if (status == SNN_OK) status = init_readouts(engine, context);
    return status == SNN_OK ? snnsim_batch_init(engine, context) : status;
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
        struct snnsim_population_state *state = &engine->populations[i];
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
