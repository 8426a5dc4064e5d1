/* One population through a chunk: tile by tile the taps that are active, their sums, and every few
 * tiles the fire.
 *
 * Sums are of 16 bits where the largest counts and the weights prove that they fit. Such a proof is
 * tried for the whole population, then for the tile; failing both, the taps are taken in parts that
 * fit, and added up in 32 bits.
 */
#include <string.h>

#include "sim/chip/session.h"

#define LANES SNNSIM_CHIP_LANES
#define SUMS ((size_t)SNNSIM_CHIP_STEPS * LANES)
#define WIDE_REACH_MAX ((uint64_t)1 << 30)

/* Tiles whose sums are there and that have not fired. */
struct batch {
    struct snnsim_chip *chip;
    uint32_t index;
    bool narrow; /* all sums of the population are of 16 bits */
    bool grouped;
    struct snnsim_chip_tile tiles[SNNSIM_CHIP_TILES];
    size_t at[SNNSIM_CHIP_TILES];
    size_t count;
};

static void flush(struct batch *b)
{
    if (b->count > 0)
        snnsim_chip_fire(b->chip, b->index, b->tiles, b->at, b->count, 0, b->chip->chunk.steps);
    b->count = 0;
}

/* Where a tile looks at a synapse's lines: the first line and the weights. */
struct look {
    uint32_t line;
    size_t block; /* of weights: variant * groups */
    const uint16_t *reach;
};

static struct look look_of(const struct snnsim_chip_synapse *s, const struct snnsim_chip_grid *grid,
                           uint32_t y, uint32_t tile_x)
{
    const uint32_t row = y * s->row_step, column = tile_x * s->column_step;
    struct look look = {.line = row + column * s->lines.pairs, .reach = s->tap_reach};
    if (!s->lines.joined) return look;
    const uint32_t variant = s->variants == 2 ? column % 2 : 0;
    look.line = row + column / 2;
    look.block = (size_t)variant * grid->groups;
    look.reach += (size_t)variant * s->tap_count;
    return look;
}

/* Lists the active taps of a tile, synapse by synapse. Returns how many. */
static size_t list_taps(const struct batch *b, uint32_t y, uint32_t tile_x, uint32_t group)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    struct snnsim_chip_tap *taps = chip->taps;
    size_t total = 0;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snnsim_chip_synapse *synapse = &p->synapses[s];
        const uint8_t *peak = chip->populations[b->index].arrivals[s].peak;
        uint32_t line = look_of(synapse, &p->grid, y, tile_x).line;
        if (synapse->group_line != NULL) line += synapse->group_line[group];
        chip->tap_count[s] = chip->plan->kernels.select(peak, line, &synapse->runs, taps);
        total += chip->tap_count[s];
        taps += chip->tap_count[s];
    }
    return total;
}

/* Most that the listed taps of synapse s from `from` on can change a sum by, up to 16 bits; how
 * many taps that are in *count_out. */
static uint32_t part_reach(const struct batch *b, uint32_t s, const struct look *look,
                           const struct snnsim_chip_tap *taps, size_t tap_count, size_t *count_out)
{
    const uint8_t *peak = b->chip->populations[b->index].arrivals[s].peak;
    uint32_t reach = 0;
    size_t i = 0;
    for (; i < tap_count; i++) {
        const uint32_t more = (uint32_t)look->reach[taps[i].weights] * peak[taps[i].line];
        if (reach + more > INT16_MAX) break;
        reach += more;
    }
    *count_out = i;
    return reach;
}

static bool fits(const struct batch *b, uint32_t y, uint32_t tile_x)
{
    const struct snnsim_chip_population *p = &b->chip->plan->populations[b->index];
    const struct snnsim_chip_tap *taps = b->chip->taps;
    uint64_t reach = p->bias_reach;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct look look = look_of(&p->synapses[s], &p->grid, y, tile_x);
        size_t part = 0;
        reach += part_reach(b, s, &look, taps, b->chip->tap_count[s], &part);
        if (part < b->chip->tap_count[s]) return false;
        taps += b->chip->tap_count[s];
    }
    return reach <= INT16_MAX;
}

static void sum_narrow(const struct batch *b, uint32_t y, uint32_t tile_x, uint32_t group,
                       int16_t *sums)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    const struct snnsim_chip_tap *taps = chip->taps;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snnsim_chip_synapse *synapse = &p->synapses[s];
        const struct look look = look_of(synapse, &p->grid, y, tile_x);
        const size_t weights = (look.block + group) * synapse->tap_count * 2 * LANES;
        chip->plan->kernels.accumulate(synapse->weights + weights,
                                       chip->populations[b->index].arrivals[s].lines, taps,
                                       chip->tap_count[s], chip->chunk.padded, s > 0, sums);
        taps += chip->tap_count[s];
    }
}

static void sum_wide(const struct batch *b, uint32_t y, uint32_t tile_x, uint32_t group,
                     int32_t *sums)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    const struct snnsim_chip_tap *taps = chip->taps;
    const size_t size = (size_t)chip->chunk.padded * LANES;
    memset(sums, 0, size * sizeof(*sums));
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snnsim_chip_synapse *synapse = &p->synapses[s];
        const struct look look = look_of(synapse, &p->grid, y, tile_x);
        const size_t weights = (look.block + group) * synapse->tap_count * 2 * LANES;
        for (size_t left = chip->tap_count[s], part = 0; left > 0; left -= part, taps += part) {
            part_reach(b, s, &look, taps, left, &part);
            chip->plan->kernels.accumulate(synapse->weights + weights,
                                           chip->populations[b->index].arrivals[s].lines, taps,
                                           part, chip->chunk.padded, false, chip->part);
            chip->plan->kernels.widen(chip->part, size, sums);
        }
    }
}

/* Whether a tile that receives nothing stays as it is: no neuron above its threshold or below its
 * clip. */
static bool rests(const struct batch *b, size_t at)
{
    const struct snnsim_chip_population *p = &b->chip->plan->populations[b->index];
    const struct snnsim_chip_limits *limits = &b->chip->plan->limits[b->index];
    const size_t block = at * limits->per_tile + at % p->grid.groups * limits->per_group;
    const struct snnsim_chip_neurons *neurons = &limits->neurons[block];
    const int16_t *v = b->chip->populations[b->index].v + at * LANES;
    unsigned awake = 0;
    for (uint32_t lane = 0; lane < LANES; lane++)
        awake |= (unsigned)(v[lane] >= neurons->threshold[lane]) |
                 (unsigned)(v[lane] < neurons->v_min[lane]);
    return awake == 0;
}

static void add_tile(struct batch *b, size_t at, const int16_t *sums, const int32_t *wide_sums)
{
    b->tiles[b->count] = (struct snnsim_chip_tile){.sums = sums, .wide_sums = wide_sums};
    b->at[b->count++] = at;
    if (b->count == SNNSIM_CHIP_TILES) flush(b);
}

/* One tile whose `tap_count` active taps are listed; `narrow` if their sums are of 16 bits. */
static void run_tile(struct batch *b, uint32_t y, uint32_t tile_x, uint32_t group, size_t tap_count,
                     bool narrow)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    const size_t at = ((size_t)y * p->grid.tiles_x + tile_x) * p->grid.groups + group;
    const bool output = b->index == chip->plan->net->population_count - 1;
    if (tap_count == 0 && p->bias_reach == 0 && !output && rests(b, at)) return;
    if (b->count > 0 && narrow != (b->tiles[0].wide_sums == NULL)) flush(b);
    if (!narrow) {
        int32_t *sums = chip->wide_sums + b->count * SUMS;
        sum_wide(b, y, tile_x, group, sums);
        add_tile(b, at, NULL, sums);
    } else if (tap_count == 0) {
        add_tile(b, at, chip->sums + SNNSIM_CHIP_TILES * SUMS, NULL);
    } else {
        int16_t *sums = chip->sums + b->count * SUMS;
        sum_narrow(b, y, tile_x, group, sums);
        add_tile(b, at, sums, NULL);
    }
}

static void run_position(struct batch *b, uint32_t y, uint32_t tile_x)
{
    const uint32_t groups = b->chip->plan->populations[b->index].grid.groups;
    size_t count = 0;
    bool narrow = b->narrow;
    for (uint32_t group = 0; group < groups; group++) {
        if (group == 0 || b->grouped) {
            count = list_taps(b, y, tile_x, group);
            narrow = b->narrow || fits(b, y, tile_x);
        }
        run_tile(b, y, tile_x, group, count, narrow);
    }
}

void snnsim_chip_layer_run(struct snnsim_chip *chip, uint32_t index)
{
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    struct snnsim_chip_state *state = &chip->populations[index];
    struct batch batch = {.chip = chip, .index = index};
    uint64_t reach = p->bias_reach;
    bool wide = false;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const uint32_t largest = state->arrivals[s].largest;
        wide |= largest > SNNSIM_CHIP_COUNT_MAX;
        reach += (uint64_t)p->synapses[s].reach * largest;
        batch.grouped |= p->synapses[s].group_line != NULL;
    }
    memset(state->spikes.fired, 0, p->grid.tiles);
    if (wide || reach > WIDE_REACH_MAX) {
        snnsim_chip_wide_run(chip, index);
        return;
    }
    batch.narrow = reach <= INT16_MAX;
    for (uint32_t y = 0; y < p->grid.shape.height; y++) {
        for (uint32_t x = 0; x < p->grid.tiles_x; x++)
            run_position(&batch, y, x);
    }
    flush(&batch);
}
