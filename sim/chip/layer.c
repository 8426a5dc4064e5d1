/* One population through a chunk: tile by tile the taps that are active, their sums, and every few
 * tiles the fire.
 *
 * Sums are of 16 bits where the largest counts and the weights prove that they fit. Such a proof is
 * tried for the whole population by its largest count, by the largest of each channel, then for
 * each tile; failing all, the taps are taken in parts that fit, and added up in 32 bits.
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

/* Lists what the tiles of a position, or with groups one of them, see of each synapse. Returns how
 * many taps are active. */
static size_t look(const struct batch *b, uint32_t y, uint32_t tile_x, uint32_t group)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    struct snnsim_chip_tap *taps = chip->taps;
    size_t total = 0;
    for (uint32_t i = 0; i < p->population->synapse_count; i++) {
        const struct snnsim_chip_synapse *s = &p->synapses[i];
        const struct snnsim_chip_arrival *arrival = &chip->populations[b->index].arrivals[i];
        const uint32_t column = tile_x * s->column_step;
        const uint32_t variant = s->variants == 2 ? column % 2 : 0;
        uint32_t line = y * s->row_step;
        line += s->lines.joined ? column / 2 : column * s->lines.pairs;
        if (s->group_line != NULL) line += s->group_line[group];
        struct snnsim_chip_look *out = &chip->looks[i];
        out->group_size = (size_t)s->tap_count * 2 * LANES;
        out->weights = s->weights + variant * p->grid.groups * out->group_size;
        out->reach = s->tap_reach + (size_t)variant * s->tap_count;
        out->arrival = arrival;
        out->taps = taps;
        out->tap_count = chip->plan->kernels.select(arrival->peak, line, &s->runs, taps);
        taps += out->tap_count;
        total += out->tap_count;
    }
    return total;
}

/* Whether the active taps of a tile keep its sums within 16 bits. */
static bool fits(const struct batch *b, uint32_t group)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    uint64_t reach = p->bias_reach;
    for (uint32_t i = 0; i < p->population->synapse_count; i++) {
        const struct snnsim_chip_look *l = &chip->looks[i];
        reach += chip->plan->kernels.reach(l->weights + group * l->group_size, l->arrival->peak,
                                           l->taps, l->tap_count);
    }
    return reach < INT16_MAX;
}

static void sum_narrow(const struct batch *b, uint32_t group, const int16_t *bias, int16_t *sums)
{
    const struct snnsim_chip *chip = b->chip;
    const uint32_t synapses = chip->plan->populations[b->index].population->synapse_count;
    struct snnsim_chip_sums to = {bias, 0, sums, chip->chunk.padded};
    for (uint32_t i = 0; i < synapses; i++) {
        const struct snnsim_chip_look *l = &chip->looks[i];
        chip->plan->kernels.accumulate(l->weights + group * l->group_size, l->arrival->lines,
                                       l->taps, l->tap_count, &to);
        to.start = sums;
        to.start_step = LANES;
    }
}

/* As many of the taps as change no sum by more than 16 bits. */
static size_t part_of(const struct snnsim_chip_look *l, const struct snnsim_chip_tap *taps,
                      size_t tap_count)
{
    uint32_t reach = 0;
    for (size_t i = 0; i < tap_count; i++) {
        reach += (uint32_t)l->reach[taps[i].weights] * l->arrival->peak[taps[i].line];
        if (reach > INT16_MAX) return i;
    }
    return tap_count;
}

static void sum_wide(const struct batch *b, uint32_t group, const int32_t *bias, int32_t *sums)
{
    static const int16_t zero[LANES] = {0};
    const struct snnsim_chip *chip = b->chip;
    const uint32_t synapses = chip->plan->populations[b->index].population->synapse_count;
    const size_t size = (size_t)chip->chunk.padded * LANES;
    const struct snnsim_chip_sums to = {zero, 0, chip->part, chip->chunk.padded};
    for (uint32_t t = 0; t < chip->chunk.padded; t++)
        memcpy(sums + t * LANES, bias, LANES * sizeof(*sums));
    for (uint32_t i = 0; i < synapses; i++) {
        const struct snnsim_chip_look *l = &chip->looks[i];
        for (size_t at = 0, part = 0; at < l->tap_count; at += part) {
            part = part_of(l, l->taps + at, l->tap_count - at);
            chip->plan->kernels.accumulate(l->weights + group * l->group_size, l->arrival->lines,
                                           l->taps + at, part, &to);
            chip->plan->kernels.widen(chip->part, size, sums);
        }
    }
}

/* One tile, what it sees being listed. */
static void run_tile(struct batch *b, size_t at, uint32_t group, size_t tap_count)
{
    const struct snnsim_chip *chip = b->chip;
    const struct snnsim_chip_population *p = &chip->plan->populations[b->index];
    const size_t bias = (p->bias_each ? at : group) * LANES;
    const bool output = b->index == chip->plan->net->population_count - 1;
    if (tap_count == 0 && p->bias_reach == 0 && !output && chip->populations[b->index].rests[at])
        return;
    const bool narrow = b->narrow || fits(b, group);
    if (b->count > 0 && narrow != (b->tiles[0].wide_sums == NULL)) flush(b);
    if (narrow) {
        int16_t *sums = chip->sums + b->count * SUMS;
        sum_narrow(b, group, p->bias + bias, sums);
        b->tiles[b->count] = (struct snnsim_chip_tile){.sums = sums};
    } else {
        int32_t *sums = chip->wide_sums + b->count * SUMS;
        sum_wide(b, group, p->wide_bias + bias, sums);
        b->tiles[b->count] = (struct snnsim_chip_tile){.wide_sums = sums};
    }
    b->at[b->count++] = at;
    if (b->count == SNNSIM_CHIP_TILES) flush(b);
}

static void run_position(struct batch *b, uint32_t y, uint32_t tile_x)
{
    const struct snnsim_chip_grid *grid = &b->chip->plan->populations[b->index].grid;
    size_t tap_count = 0;
    for (uint32_t group = 0; group < grid->groups; group++) {
        if (group == 0 || b->grouped) tap_count = look(b, y, tile_x, group);
        run_tile(b, ((size_t)y * grid->tiles_x + tile_x) * grid->groups + group, group, tap_count);
    }
}

/* Most that a synapse can change a sum by, given the largest count of each pair of channels. */
static uint32_t reach_by_pairs(const struct snnsim_chip *chip, const struct snnsim_chip_synapse *s,
                               const struct snnsim_chip_arrival *arrival, uint32_t groups)
{
    const uint32_t pairs = s->lines.pairs;
    if (s->pair_taps == NULL) return INT16_MAX;
    memset(chip->pair_peak, 0, pairs);
    for (size_t line = 0; line < s->lines.count; line += pairs) {
        for (uint32_t p = 0; p < pairs; p++) {
            const uint8_t peak = arrival->peak[line + p];
            if (peak > chip->pair_peak[p]) chip->pair_peak[p] = peak;
        }
    }
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->variants * groups; i++) {
        const size_t weights = (size_t)i * s->tap_count * 2 * LANES;
        const uint32_t reach = chip->plan->kernels.reach(s->weights + weights, chip->pair_peak,
                                                         s->pair_taps, s->tap_count);
        most = reach > most ? reach : most;
    }
    return most;
}

/* Whether that proves all sums of a population to be of 16 bits. */
static bool all_fit(const struct snnsim_chip *chip, uint32_t index)
{
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    uint64_t reach = p->bias_reach;
    for (uint32_t s = 0; s < p->population->synapse_count && reach < INT16_MAX; s++)
        reach += reach_by_pairs(chip, &p->synapses[s], &chip->populations[index].arrivals[s],
                                p->grid.groups);
    return reach < INT16_MAX;
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
    batch.narrow = reach <= INT16_MAX || all_fit(chip, index);
    for (uint32_t y = 0; y < p->grid.shape.height; y++) {
        for (uint32_t x = 0; x < p->grid.tiles_x; x++)
            run_position(&batch, y, x);
    }
    flush(&batch);
}
