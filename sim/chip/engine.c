/* Stepping a net of whole numbers: chunk by chunk the input's spikes are sorted in, every
 * population is run through the chunk, and the tallies are written out.
 */
#include "sim/chip/engine.h"

#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"
#include "sim/chip/session.h"

#define LANES SNNSIM_CHIP_LANES

static int init_population(struct snnsim_chip *chip, struct snn_context *context, uint32_t index)
{
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    struct snnsim_chip_state *state = &chip->populations[index];
    const uint32_t synapses = p->population->synapse_count;
    state->v = snnbase_arena_alloc(&chip->arena, context, p->grid.tiles, LANES * sizeof(int16_t));
    state->rests = snnbase_arena_alloc(&chip->arena, context, p->grid.tiles, 1);
    state->arrivals =
        snnbase_arena_alloc(&chip->arena, context, synapses, sizeof(*state->arrivals));
    if (state->v == NULL || state->rests == NULL || state->arrivals == NULL) return SNN_ERR_NOMEM;
    int status = snnsim_chip_spikes_init(chip, context, &p->grid, &state->spikes);
    for (uint32_t s = 0; status == SNN_OK && s < synapses; s++)
        status = snnsim_chip_arrival_init(chip, context, &p->synapses[s], &state->arrivals[s]);
    return status;
}

static int init_readouts(struct snnsim_chip *chip, struct snn_context *context)
{
    const struct snn_net *net = chip->plan->net;
    const uint32_t last = net->population_count - 1;
    const size_t tiles = chip->plan->populations[last].grid.tiles;
    chip->readout_v =
        snnbase_arena_alloc(&chip->arena, context, net->readout_count, sizeof(*chip->readout_v));
    if (chip->readout_v == NULL) return SNN_ERR_NOMEM;
    chip->readout_v[0] = chip->populations[last].v;
    for (uint32_t r = 1; r < net->readout_count; r++) {
        chip->readout_v[r] =
            snnbase_arena_alloc(&chip->arena, context, tiles, LANES * sizeof(int16_t));
        if (chip->readout_v[r] == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

/* What the largest population and synapse need. */
struct needs {
    size_t units, taps, synapses, pairs, lanes, map;
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct needs find_needs(const struct snnsim_chip_plan *plan)
{
    struct needs n = {.units = 1, .map = snn_shape_size(plan->net->input_shape)};
    for (uint32_t i = 0; i < plan->net->population_count; i++) {
        const struct snnsim_chip_population *p = &plan->populations[i];
        n.taps = larger(n.taps, p->tap_count);
        n.synapses = larger(n.synapses, p->population->synapse_count);
        n.lanes = larger(n.lanes, p->grid.tiles * LANES);
        n.map = larger(n.map, snn_shape_size(p->grid.shape));
        for (uint32_t s = 0; s < p->population->synapse_count; s++) {
            const struct snn_synapse *synapse = p->synapses[s].synapse;
            n.pairs = larger(n.pairs, p->synapses[s].lines.pairs);
            for (uint32_t w = 0; w < synapse->pool_count; w++) {
                const struct snn_window *pool = &synapse->pools[w];
                n.units = larger(n.units, (size_t)pool->kernel_h * pool->kernel_w);
                n.map = larger(n.map, snn_shape_size(p->synapses[s].pooled[w].shape));
            }
        }
    }
    return n;
}

static int init_scratch(struct snnsim_chip *chip, struct snn_context *context)
{
    const size_t sums = (size_t)SNNSIM_CHIP_STEPS * LANES, tiles = SNNSIM_CHIP_TILES;
    const struct needs needs = find_needs(chip->plan);
    struct snnbase_arena *arena = &chip->arena;
    /* One more than a window has: the next is written before it is known to count. */
    chip->units = snnbase_arena_alloc(arena, context, needs.units + 1, sizeof(*chip->units));
    chip->taps = snnbase_arena_alloc(arena, context, needs.taps + 8, sizeof(*chip->taps));
    chip->looks = snnbase_arena_alloc(arena, context, needs.synapses, sizeof(*chip->looks));
    chip->pair_peak = snnbase_arena_alloc(arena, context, needs.pairs, 1);
    chip->row_sums = snnbase_arena_alloc(arena, context, 2 * SNNSIM_CHIP_STEPS, sizeof(uint32_t));
    chip->sums = snnbase_arena_alloc(arena, context, tiles * sums, sizeof(int16_t));
    chip->part = snnbase_arena_alloc(arena, context, sums, sizeof(int16_t));
    chip->wide_sums = snnbase_arena_alloc(arena, context, tiles * sums, sizeof(int32_t));
    chip->read_count = snnbase_arena_alloc(arena, context, sums, sizeof(uint16_t));
    chip->read_potential = snnbase_arena_alloc(arena, context, sums, sizeof(int16_t));
    chip->current = snnbase_arena_alloc(arena, context, needs.lanes, sizeof(int64_t));
    chip->map[0] = snnbase_arena_alloc(arena, context, needs.map, sizeof(int64_t));
    chip->map[1] = snnbase_arena_alloc(arena, context, needs.map, sizeof(int64_t));
    const bool all = chip->units != NULL && chip->taps != NULL && chip->looks != NULL &&
                     chip->pair_peak != NULL && chip->row_sums != NULL && chip->sums != NULL &&
                     chip->part != NULL && chip->wide_sums != NULL && chip->read_count != NULL &&
                     chip->read_potential != NULL && chip->current != NULL &&
                     chip->map[0] != NULL && chip->map[1] != NULL;
    return all ? SNN_OK : SNN_ERR_NOMEM;
}

static int init(struct snnsim_chip *chip, struct snn_context *context)
{
    const struct snnsim_chip_plan *plan = chip->plan;
    const uint32_t count = plan->net->population_count;
    chip->populations =
        snnbase_arena_alloc(&chip->arena, context, count, sizeof(*chip->populations));
    if (chip->populations == NULL) return SNN_ERR_NOMEM;
    int status = init_scratch(chip, context);
    if (status == SNN_OK && plan->pools_input)
        status = snnsim_chip_spikes_init(chip, context, &plan->input, &chip->input);
    for (uint32_t i = 0; status == SNN_OK && i < count; i++)
        status = init_population(chip, context, i);
    return status == SNN_OK ? init_readouts(chip, context) : status;
}

int snnsim_chip_create(struct snnsim_chip **out, struct snn_context *context,
                       const struct snnsim_chip_plan *plan)
{
    struct snnsim_chip *chip = snnbase_alloc(context, 1, sizeof(*chip));
    if (chip == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&chip->arena, context);
    chip->plan = plan;
    int status = init(chip, context);
    if (status != SNN_OK) {
        snnsim_chip_destroy(&chip);
        return status;
    }
    snnsim_chip_reset(chip);
    *out = chip;
    return SNN_OK;
}

void snnsim_chip_destroy(struct snnsim_chip **chip)
{
    if (chip == NULL || *chip == NULL) return;
    struct snn_allocator allocator = (*chip)->arena.allocator;
    snnbase_arena_fini(&(*chip)->arena);
    snnbase_allocator_free(&allocator, *chip);
    *chip = NULL;
}

void snnsim_chip_reset(struct snnsim_chip *chip)
{
    const struct snn_net *net = chip->plan->net;
    const uint32_t last = net->population_count - 1;
    for (uint32_t i = 0; i <= last; i++) {
        const size_t lanes = chip->plan->populations[i].grid.tiles * LANES;
        memcpy(chip->populations[i].v, chip->plan->limits[i].v_init, lanes * sizeof(int16_t));
        memcpy(chip->populations[i].rests, chip->plan->limits[i].rests, lanes / LANES);
        if (chip->counting) memset(chip->populations[i].total, 0, lanes * sizeof(uint32_t));
    }
    for (uint32_t r = 1; r < net->readout_count; r++)
        memcpy(chip->readout_v[r], chip->plan->limits[last + r].v_init,
               chip->plan->populations[last].grid.tiles * LANES * sizeof(int16_t));
    chip->stepped = false;
}

/* ---- Tallies ---- */

static uint64_t tile_spikes(const struct snnsim_chip_grid *grid, size_t tile, const uint16_t *count)
{
    const size_t x = tile / grid->groups % grid->tiles_x * grid->tile_width;
    const bool half = grid->tile_width == 2 && x + 1 == grid->shape.width;
    uint64_t spikes = 0;
    for (uint32_t lane = 0; lane < (half ? SNNSIM_CHIP_UNIT : LANES); lane++)
        spikes += count[lane];
    return spikes;
}

/* A population's spikes are known from a synapse that sees each once; else they are added up. */
static void count_population(const struct snnsim_chip *chip, uint32_t index)
{
    const struct snnsim_chip_chunk *chunk = &chip->chunk;
    const struct snn_net *net = chip->plan->net;
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    const struct snnsim_chip_spikes *spikes = &chip->populations[index].spikes;
    for (uint32_t t = 0; t < chunk->steps; t++) {
        const size_t row = (size_t)chunk->row + t;
        uint64_t *to = &chunk->out->population_spikes[row * net->population_count + index];
        *to = 0;
        if (p->counted_by != SNNSIM_CHIP_NOT_COUNTED) {
            *to = chunk->out->synapse_spikes[row * net->synapse_count + p->counted_by];
            continue;
        }
        for (size_t tile = 0; tile < p->grid.tiles; tile++) {
            if (spikes->fired[tile])
                *to +=
                    tile_spikes(&p->grid, tile, spikes->count + (tile * chunk->padded + t) * LANES);
        }
    }
}

static void count_synapses(const struct snnsim_chip *chip, uint32_t index)
{
    const struct snnsim_chip_chunk *chunk = &chip->chunk;
    const struct snn_population *population = chip->plan->populations[index].population;
    for (uint32_t s = 0; s < population->synapse_count; s++) {
        const struct snnsim_chip_arrival *arrival = &chip->populations[index].arrivals[s];
        for (uint32_t t = 0; t < chunk->steps; t++) {
            const size_t at = (size_t)(chunk->row + t) * chip->plan->net->synapse_count +
                              population->synapse_first + s;
            chunk->out->synapse_spikes[at] = arrival->spikes[t];
            chunk->out->synapse_operations[at] = arrival->operations[t];
            chunk->out->synapse_macs[at] = 0;
        }
    }
}

/* Adds the chunk's spikes to the totals, where anybody wants them. */
static void add_totals(const struct snnsim_chip *chip, uint32_t index)
{
    const struct snnsim_chip_spikes *spikes = &chip->populations[index].spikes;
    const size_t tiles = chip->plan->populations[index].grid.tiles;
    for (size_t tile = 0; tile < tiles; tile++) {
        const uint16_t *count = spikes->count + tile * chip->chunk.padded * LANES;
        uint32_t *total = chip->populations[index].total + tile * LANES;
        for (uint32_t i = 0; spikes->fired[tile] && i < chip->chunk.steps * LANES; i++) {
            uint32_t *to = &total[i % LANES];
            *to = *to < UINT32_MAX - count[i] ? *to + count[i] : UINT32_MAX;
        }
    }
}

/* ---- Chunks ---- */

static void run_chunk(struct snnsim_chip *chip)
{
    const struct snnsim_chip_plan *plan = chip->plan;
    snnsim_chip_load_input(chip);
    for (uint32_t i = 0; i < plan->net->population_count; i++) {
        const struct snnsim_chip_population *p = &plan->populations[i];
        for (uint32_t s = 0; s < p->population->synapse_count; s++)
            snnsim_chip_arrive(chip, &p->synapses[s], &chip->populations[i].arrivals[s]);
        snnsim_chip_layer_run(chip, i);
        count_synapses(chip, i);
        if (chip->counting) add_totals(chip, i);
    }
    for (uint32_t i = 0; i < plan->net->population_count; i++)
        count_population(chip, i);
}

void snnsim_chip_advance(struct snnsim_chip *chip, const struct snn_spikes *spikes, uint32_t first,
                         uint32_t steps, struct snn_output *out)
{
    const uint32_t most = chip->plan->chunk;
    while (steps > 0) {
        const uint32_t now = steps < most ? steps : most;
        chip->chunk = (struct snnsim_chip_chunk){
            spikes, first, now, snnsim_chip_padded(now), out, out->step_count};
        run_chunk(chip);
        chip->stepped = true;
        out->step_count += now;
        first += now;
        steps -= now;
    }
}

int snnsim_chip_count(struct snnsim_chip *chip, struct snn_context *context)
{
    if (chip->counting) return SNN_OK;
    if (chip->stepped) {
        snnbase_fail(context, SNN_ERR_INVALID, "spikes were not counted from the first step on");
        return snnbase_hint(context, "ask for the counts once after the reset, before any step");
    }
    for (uint32_t i = 0; i < chip->plan->net->population_count; i++) {
        struct snnsim_chip_state *state = &chip->populations[i];
        const size_t tiles = chip->plan->populations[i].grid.tiles;
        if (state->total == NULL)
            state->total =
                snnbase_arena_alloc(&chip->arena, context, tiles, LANES * sizeof(uint32_t));
        if (state->total == NULL) return SNN_ERR_NOMEM;
    }
    chip->counting = true;
    return SNN_OK;
}

void snnsim_chip_counts(const struct snnsim_chip *chip, uint32_t population, uint32_t *counts)
{
    const struct snnsim_chip_grid *grid = &chip->plan->populations[population].grid;
    const uint32_t *total = chip->populations[population].total;
    const struct snn_shape shape = grid->shape;
    const size_t map = (size_t)shape.height * shape.width;
    for (size_t i = 0; i < snn_shape_size(shape); i++)
        counts[i] = total[snnsim_chip_grid_lane(grid, (uint32_t)(i / map),
                                                (uint32_t)(i % map / shape.width),
                                                (uint32_t)(i % shape.width))];
}
