/* Tile by tile: a few neurons at one position take all steps of a chunk with their potentials in
 * registers.
 *
 * A tile's inputs are listed once for several steps, in the order (y, x, channel); an input that is
 * silent in some of them adds 0 there, which changes nothing. So the bits are those of scatter.c.
 *
 *      any [y][x][channel] -> taps -> sums [step][lane] -> spikes [step][y][x][lane]
 */
#include <string.h>

#include "sim/event/state.h"
#include "snn/status.h"

#define STEPS_MIN 4u /* below, weights are loaded for too little */

/* Relative costs for one tile, as bench/kernels shows them: an input of a list in one step, listing
 * it, and an event that is scattered and so loads and stores its currents. */
#define TAP_COST 0.32
#define LIST_COST 1.2
#define SCATTER_COST 0.8
#define TILE_COST 60.0 /* a tile's sums and potentials, once a list */
#define FAR_COST 3.0   /* for weights that come from beyond the second-level cache */
#define FAR_BYTES ((size_t)8 << 20)

/* ---- Memory ---- */

static uint32_t scopes_of(uint32_t steps)
{
    return (steps + SNNSIM_SCOPE - 1) / SNNSIM_SCOPE;
}

/* Masks of all scopes of a chunk and of the chunk itself. */
static int init_any(struct snnsim_engine *engine, struct snn_context *context,
                    const struct snnsim_population *p, struct snnsim_population_state *state)
{
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const size_t bytes =
            snnsim_engine_arriving(engine, &p->population->synapses[s], &state->synapses[s])->size /
            SNNSIM_LANES;
        state->synapses[s].any =
            snnbase_arena_alloc(&engine->arena, context, scopes_of(engine->chunk) + 1, bytes);
        if (state->synapses[s].any == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

int snnsim_batch_init(struct snnsim_engine *engine, struct snn_context *context)
{
    struct snnsim_tile_work *tile = &engine->tile;
    uint32_t most = 0;
    if (engine->chunk < STEPS_MIN) return SNN_OK;
    for (uint32_t i = 0; i < engine->plan->net->population_count; i++) {
        const struct snnsim_population *p = &engine->plan->populations[i];
        if (p->tap_count > most) most = p->tap_count;
        if (p->tap_count == 0) continue;
        int status = init_any(engine, context, p, &engine->populations[i]);
        if (status != SNN_OK) return status;
    }
    const size_t lanes = (size_t)engine->chunk * SNNSIM_TILE_LANES;
    tile->taps = snnbase_arena_alloc(&engine->arena, context, (size_t)most + SNNSIM_LANES,
                                     sizeof(*tile->taps));
    tile->sums = snnbase_arena_alloc(&engine->arena, context, lanes, sizeof(*tile->sums));
    tile->count = snnbase_arena_alloc(&engine->arena, context, lanes, sizeof(*tile->count));
    tile->mask = snnbase_arena_alloc(&engine->arena, context, lanes / SNNSIM_LANES, 1);
    return tile->taps != NULL && tile->sums != NULL && tile->count != NULL && tile->mask != NULL
               ? SNN_OK
               : SNN_ERR_NOMEM;
}

/* ---- The choice ---- */

static uint64_t count_bits(const uint8_t *mask, size_t bytes)
{
    uint64_t bits = 0;
    size_t at = 0;
    for (uint64_t eight; at + sizeof(eight) <= bytes; at += sizeof(eight)) {
        memcpy(&eight, mask + at, sizeof(eight));
        bits += (uint64_t)__builtin_popcountll(eight);
    }
    for (; at < bytes; at++)
        bits += (uint64_t)__builtin_popcount(mask[at]);
    return bits;
}

/* What arrives at a synapse: inputs times steps that are active, and that either kind of list would
 * hold. */
struct load {
    uint64_t active;
    uint64_t in_scopes;
    uint64_t in_chunk;
};

static struct load survey(const struct snnsim_engine *engine, const struct snnsim_train *from,
                          uint8_t *any, uint32_t steps)
{
    const struct snnsim_kernels *kernels = &engine->plan->kernels;
    const size_t bytes = from->size / SNNSIM_LANES;
    const uint8_t *mask = from->first.mask;
    const uint32_t scopes = scopes_of(steps);
    struct load load = {count_bits(mask, bytes * steps), 0, 0};
    for (uint32_t i = 0; i < scopes; i++) {
        const uint32_t left = steps - i * SNNSIM_SCOPE;
        const uint32_t length = left < SNNSIM_SCOPE ? left : SNNSIM_SCOPE;
        kernels->unite(mask + i * SNNSIM_SCOPE * bytes, bytes, length, bytes, any + i * bytes);
        load.in_scopes += count_bits(any + i * bytes, bytes) * length;
    }
    uint8_t *all = any + scopes_of(engine->chunk) * bytes;
    kernels->unite(any, bytes, scopes, bytes, all);
    load.in_chunk = count_bits(all, bytes) * steps;
    return load;
}

/* What a chunk costs a population, either way, for each of its tiles at a position. */
struct cost {
    double by_event, by_scope, by_chunk;
};

/* Positions that an input reaches, at most. */
static double reached(const struct snn_synapse *s)
{
    if (s->kind != SNN_SYNAPSE_CONV2D) return 1.0;
    return (double)s->window.kernel_h * s->window.kernel_w /
           ((double)s->window.stride_h * s->window.stride_w);
}

static void add_cost(struct cost *cost, const struct load *load, const struct snnsim_synapse *s,
                     uint32_t tiles, uint32_t steps)
{
    const double far = s->weight_bytes > FAR_BYTES ? FAR_COST : 0.0;
    const double list = LIST_COST / tiles + far; /* an entry of a list, whatever its steps */
    const double reach = reached(s->synapse);
    cost->by_event += (double)load->active * reach * (SCATTER_COST + far);
    cost->by_scope += (double)load->in_scopes * reach * (TAP_COST + list / SNNSIM_SCOPE);
    cost->by_chunk += (double)load->in_chunk * reach * (TAP_COST + list / steps);
}

uint32_t snnsim_batch_scope(struct snnsim_engine *engine, uint32_t population,
                            const struct snnsim_chunk *chunk)
{
    const struct snnsim_population *p = &engine->plan->populations[population];
    const uint32_t tiles = (p->lanes + SNNSIM_TILE_LANES - 1) / SNNSIM_TILE_LANES;
    const double positions = (double)p->population->shape.height * p->population->shape.width;
    struct cost cost = {0.0, positions * scopes_of(chunk->steps) * TILE_COST,
                        positions * TILE_COST};
    if (p->tap_count == 0 || chunk->steps < STEPS_MIN) return 0;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snn_synapse *synapse = &p->population->synapses[s];
        struct snnsim_synapse_state *state = &engine->populations[population].synapses[s];
        if (synapse->source == SNN_SOURCE_INPUT && engine->constant) return 0;
        if (synapse->kind == SNN_SYNAPSE_ONE_TO_ONE) continue;
        const struct load load = survey(engine, snnsim_engine_arriving(engine, synapse, state),
                                        state->any, chunk->steps);
        add_cost(&cost, &load, &p->synapses[s], tiles, chunk->steps);
    }
    if (cost.by_chunk <= cost.by_scope && cost.by_chunk < cost.by_event) return chunk->steps;
    return cost.by_scope < cost.by_event ? SNNSIM_SCOPE : 0;
}

/* ---- Lists of taps ---- */

/* One synapse at one position, over the steps of one list. */
struct site {
    const struct snnsim_synapse *synapse;
    const struct snnsim_activity *from; /* of the first step */
    const uint8_t *any;
    uint32_t y, x;
    size_t (*list)(const uint8_t *, size_t, struct snnsim_tap, uint32_t, struct snnsim_tap *);
};

/* Appends the active inputs at `count` positions of a row (of a dense layer: of the map), whose
 * weights begin at `weights`. */
static size_t list_positions(const struct site *site, size_t first, size_t count, uint32_t weights,
                             struct snnsim_tap *taps)
{
    const struct snnsim_tiles *tiles = &site->synapse->tiles;
    const uint32_t lanes = site->from->lanes;
    const size_t bytes = lanes / SNNSIM_LANES;
    if (tiles->position == lanes * tiles->step) /* weights are spaced as the inputs are */
        return site->list(site->any + first * bytes, count * bytes,
                          (struct snnsim_tap){weights, (uint32_t)(first * lanes)}, tiles->step,
                          taps);
    size_t n = 0;
    for (size_t i = first; i < first + count; i++, weights += tiles->position)
        n += site->list(site->any + i * bytes, bytes,
                        (struct snnsim_tap){weights, (uint32_t)(i * lanes)}, tiles->step, taps + n);
    return n;
}

/* Taps of a kernel that lie on the map, along one axis: first, first + 1, ... below end. */
struct span {
    uint32_t first, end;
};

static struct span taps_on_map(int64_t at, uint32_t kernel, uint32_t dilation, uint32_t size)
{
    struct span span = {0, kernel};
    while (span.first < kernel && at + (int64_t)span.first * dilation < 0)
        span.first++;
    while (span.end > span.first && at + (int64_t)(span.end - 1) * dilation >= size)
        span.end--;
    return span;
}

/* Appends a tile's active inputs in the order of additions. */
static size_t list_taps(const struct site *site, struct snnsim_tap *taps)
{
    const struct snn_synapse *s = site->synapse->synapse;
    const struct snn_shape in = s->source_shape;
    const uint32_t position = site->synapse->tiles.position;
    size_t n = 0;
    if (s->kind == SNN_SYNAPSE_DENSE)
        return list_positions(site, 0, (size_t)in.height * in.width, 0, taps);
    const struct snn_window *w = &s->window;
    const int64_t top = (int64_t)site->y * w->stride_h - w->pad_top;
    const int64_t left = (int64_t)site->x * w->stride_w - w->pad_left;
    const struct span rows = taps_on_map(top, w->kernel_h, w->dilation_h, in.height);
    const struct span columns = taps_on_map(left, w->kernel_w, w->dilation_w, in.width);
    /* Neighbouring taps meet neighbouring inputs unless the kernel is dilated. */
    const uint32_t run = w->dilation_w == 1 ? columns.end - columns.first : 1;
    for (uint32_t ky = rows.first; ky < rows.end; ky++) {
        const size_t row = (size_t)(top + (int64_t)ky * w->dilation_h) * in.width;
        for (uint32_t kx = columns.first; kx < columns.end; kx += run)
            n += list_positions(site, row + (size_t)(left + (int64_t)kx * w->dilation_w), run,
                                (ky * w->kernel_w + kx) * position, taps + n);
    }
    return n;
}

/* ---- Tiles ---- */

/* What is the same for all tiles at one position. */
struct work {
    struct snnsim_engine *engine;
    const struct snnsim_chunk *chunk;
    uint32_t population;
    uint32_t begin, steps; /* of the chunk: those that the lists are for */
    uint32_t y, x;
};

/* Neuron (c, y, x) hears only (c, y, x): a product a lane, silent or not. */
static void add_one_to_one(const struct work *work, const struct snnsim_synapse *synapse,
                           const struct snnsim_train *from, uint32_t lane, uint32_t lanes)
{
    const struct snn_shape shape = synapse->synapse->source_shape;
    const size_t position = (size_t)work->y * shape.width + work->x;
    const uint32_t end = lane + lanes < shape.channels ? lane + lanes : shape.channels;
    for (uint32_t t = 0; t < work->steps; t++) {
        const struct snnsim_activity map = snnsim_train_at(from, work->begin + t);
        const float *count = map.count + position * map.lanes;
        float *sums = work->engine->tile.sums + (size_t)t * lanes;
        for (uint32_t c = lane; c < end; c++)
            sums[c - lane] += count[c] * synapse->weights[c];
    }
}

/* The currents of lanes lane .. lane + lanes - 1, from all synapses in order. */
static void sum_tile(const struct work *work, uint32_t lane, uint32_t lanes)
{
    struct snnsim_engine *engine = work->engine;
    const struct snnsim_population *p = &engine->plan->populations[work->population];
    struct snnsim_population_state *state = &engine->populations[work->population];
    memset(engine->tile.sums, 0, (size_t)work->steps * lanes * sizeof(float));
    size_t begin = 0;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snnsim_synapse *synapse = &p->synapses[s];
        const struct snnsim_train *from =
            snnsim_engine_arriving(engine, synapse->synapse, &state->synapses[s]);
        if (synapse->synapse->kind == SNN_SYNAPSE_ONE_TO_ONE) {
            add_one_to_one(work, synapse, from, lane, lanes);
            continue;
        }
        const struct snnsim_batch batch = {engine->tile.taps + begin,
                                           state->synapses[s].taps_end - begin, from->size,
                                           work->steps, lanes};
        engine->plan->kernels.accumulate(
            &batch, synapse->tiles.weights + lane / SNNSIM_TILE_LANES * synapse->tiles.group,
            snnsim_train_at(from, work->begin).count, engine->tile.sums);
        begin = state->synapses[s].taps_end;
    }
}

/* Fires the tile from `lane` on with the neurons of one readout (0: the population's own) on the
 * sums. */
static void fire_lanes(const struct work *work, uint32_t readout, const float *sums, float *v,
                       uint32_t lane, uint32_t lanes, const struct snnsim_fired *out)
{
    const struct snnsim_plan *plan = work->engine->plan;
    const struct snnsim_population *p = &plan->populations[work->population];
    const struct snnsim_neuron alike = readout == 0 ? snnsim_population_neuron(p->population)
                                                    : snnsim_readout_neuron(plan->net, readout);
    const struct snnsim_differing *differing =
        readout == 0 ? p->differing : plan->readouts[readout];
    const size_t at = (size_t)work->x * p->lanes + lane;
    const float *bias = p->bias.values + work->y * p->bias.stride + at;
    if (differing == NULL) {
        plan->kernels.fire_steps(v, sums, bias, work->steps, lanes, &alike, out);
        return;
    }
    const struct snnsim_neurons neurons = {
        differing->threshold.values + work->y * differing->threshold.stride + at,
        differing->v_min.values + work->y * differing->v_min.stride + at, alike.spikes_max,
        alike.reset_zero};
    plan->kernels.fire_each_steps(v, sums, bias, work->steps, lanes, &neurons, out);
}

/* Fires a tile of the output population with one readout, step by step, for what is shown to the
 * caller includes the potentials after each. */
static void fire_readout(const struct work *work, uint32_t readout, float *v, uint32_t lane,
                         uint32_t lanes)
{
    struct snnsim_engine *engine = work->engine;
    const struct snnsim_tile_work *tile = &engine->tile;
    struct work step = *work;
    for (step.steps = 1; step.begin < work->begin + work->steps; step.begin++) {
        const size_t at = (size_t)(step.begin - work->begin) * lanes;
        const struct snnsim_fired out = {tile->count + at, lanes, tile->mask + at / SNNSIM_LANES,
                                         lanes / SNNSIM_LANES, NULL};
        fire_lanes(&step, readout, tile->sums + at, v, lane, lanes, &out);
        const struct snnsim_shown shown = {work->y, work->x, lane, lanes, out.count, v};
        snnsim_fire_store(engine, work->chunk, step.begin, readout, &shown);
    }
}

static void fire_tile(const struct work *work, uint32_t lane, uint32_t lanes)
{
    struct snnsim_engine *engine = work->engine;
    const struct snn_net *net = engine->plan->net;
    const struct snnsim_population *p = &engine->plan->populations[work->population];
    struct snnsim_population_state *state = &engine->populations[work->population];
    const size_t at = work->y * p->row_length + (size_t)work->x * p->lanes + lane;
    const struct snnsim_activity map = snnsim_train_at(&state->spikes, work->begin);
    const struct snnsim_fired out = {map.count + at, state->spikes.size,
                                     map.mask + at / SNNSIM_LANES,
                                     state->spikes.size / SNNSIM_LANES, NULL};
    if (work->population < net->population_count - 1) {
        fire_lanes(work, 0, engine->tile.sums, state->v + at, lane, lanes, &out);
        return;
    }
    for (uint32_t r = net->readout_count; r-- > 0;)
        fire_readout(work, r, engine->readouts[r].v + at, lane, lanes);
    for (uint32_t t = 0; t < work->steps; t++) {
        memcpy(out.count + t * out.count_stride, engine->tile.count + (size_t)t * lanes,
               lanes * sizeof(float));
        memcpy(out.mask + t * out.mask_stride, engine->tile.mask + t * (lanes / SNNSIM_LANES),
               lanes / SNNSIM_LANES);
    }
}

/* ---- A population ---- */

/* All tiles at one position. */
static void run_position(const struct work *work)
{
    struct snnsim_engine *engine = work->engine;
    const struct snnsim_population *p = &engine->plan->populations[work->population];
    struct snnsim_population_state *state = &engine->populations[work->population];
    size_t n = 0;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        struct snnsim_synapse_state *synapse = &state->synapses[s];
        if (p->synapses[s].synapse->kind == SNN_SYNAPSE_ONE_TO_ONE) continue;
        const struct snnsim_train *from =
            snnsim_engine_arriving(engine, p->synapses[s].synapse, synapse);
        const bool whole = work->steps == work->chunk->steps;
        const size_t scope = whole ? scopes_of(engine->chunk) : work->begin / SNNSIM_SCOPE;
        const struct site site = {
            &p->synapses[s], &from->first, synapse->any + scope * (from->size / SNNSIM_LANES),
            work->y,         work->x,      engine->plan->kernels.list};
        n += list_taps(&site, engine->tile.taps + n);
        synapse->taps_end = n;
    }
    for (uint32_t lane = 0; lane < p->lanes; lane += SNNSIM_TILE_LANES) {
        const uint32_t left = p->lanes - lane;
        const uint32_t lanes = left < SNNSIM_TILE_LANES ? left : SNNSIM_TILE_LANES;
        sum_tile(work, lane, lanes);
        fire_tile(work, lane, lanes);
    }
}

/* What arrived, as if it had been scattered. */
static void tally(struct snnsim_engine *engine, uint32_t population,
                  const struct snnsim_chunk *chunk)
{
    const struct snnsim_population *p = &engine->plan->populations[population];
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snnsim_synapse *synapse = &p->synapses[s];
        const struct snnsim_train *from = snnsim_engine_arriving(
            engine, synapse->synapse, &engine->populations[population].synapses[s]);
        for (uint32_t t = 0; t < chunk->steps; t++) {
            const struct snnsim_activity map = snnsim_train_at(from, t);
            const struct snnsim_tally all = snnsim_scatter_tally(engine, synapse, &map);
            const size_t at = (size_t)(chunk->row + t) * engine->plan->net->synapse_count +
                              p->population->synapse_first + s;
            chunk->out->synapse_spikes[at] = all.spikes;
            chunk->out->synapse_operations[at] = all.operations;
            chunk->out->synapse_macs[at] = 0;
        }
    }
}

void snnsim_batch_run(struct snnsim_engine *engine, uint32_t population,
                      const struct snnsim_chunk *chunk, uint32_t scope)
{
    const struct snn_shape shape = engine->plan->populations[population].population->shape;
    struct work work = {engine, chunk, population, 0, 0, 0, 0};
    for (; work.begin < chunk->steps; work.begin += scope) {
        const uint32_t left = chunk->steps - work.begin;
        work.steps = left < scope ? left : scope;
        for (work.y = 0; work.y < shape.height; work.y++) {
            for (work.x = 0; work.x < shape.width; work.x++)
                run_position(&work);
        }
    }
    tally(engine, population, chunk);
}
