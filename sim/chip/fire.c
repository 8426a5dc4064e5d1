/* Firing tiles, and reading out those of the output population: its extra readouts are neurons on
 * the same sums.
 */
#include "sim/chip/session.h"

#define LANES SNNSIM_CHIP_LANES

static const struct snnsim_chip_neurons *neurons_of(const struct snnsim_chip_limits *limits,
                                                    const struct snnsim_chip_grid *grid,
                                                    size_t tile)
{
    return limits->neurons + tile * limits->per_tile + tile % grid->groups * limits->per_group;
}

static void fire(const struct snnsim_chip *chip, const struct snnsim_chip_population *p,
                 struct snnsim_chip_tile *tiles, size_t count, uint32_t steps)
{
    const bool reset_zero = p->population->reset == SNN_RESET_ZERO;
    if (tiles[0].wide_sums != NULL)
        chip->plan->kernels.fire_wide(tiles, count, steps, reset_zero);
    else
        chip->plan->kernels.fire(tiles, count, steps, reset_zero);
}

/* Copies what one tile did to the caller's [class] order, classes being [channel][y][x]. */
static void copy_out(const struct snnsim_chip *chip, const struct snnsim_chip_grid *grid,
                     const struct snnsim_chip_tile *tile, size_t at, size_t class_first,
                     uint32_t steps)
{
    const struct snn_net *net = chip->plan->net;
    const struct snn_shape shape = grid->shape;
    const size_t row = (size_t)net->readout_count * net->class_count;
    const size_t column = at / grid->groups;
    const uint32_t y = (uint32_t)(column / grid->tiles_x);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const bool second = grid->tile_width == 2 && lane >= SNNSIM_CHIP_UNIT;
        const size_t x = column % grid->tiles_x * grid->tile_width + second;
        const size_t c = at % grid->groups * LANES + lane - (second ? SNNSIM_CHIP_UNIT : 0);
        if (x >= shape.width || c >= shape.channels) continue;
        const size_t to = class_first + (c * shape.height + y) * shape.width + x;
        for (uint32_t t = 0; t < steps; t++) {
            chip->chunk.out->spikes[to + t * row] = tile->count[t * LANES + lane];
            chip->chunk.out->potential[to + t * row] = tile->potential[t * LANES + lane];
        }
    }
}

/* One tile of the output population, readout by readout; the population itself is the last. */
static void fire_output(struct snnsim_chip *chip, const struct snnsim_chip_population *p,
                        struct snnsim_chip_tile *tile, size_t at, uint32_t first, uint32_t steps)
{
    const struct snn_net *net = chip->plan->net;
    const uint32_t last = net->population_count - 1;
    uint16_t *count = tile->count;
    const size_t row = chip->chunk.row + first;
    for (uint32_t r = net->readout_count; r-- > 0;) {
        tile->neurons = neurons_of(&chip->plan->limits[last + r], &p->grid, at);
        tile->v = chip->readout_v[r] + at * LANES;
        tile->count = r == 0 ? count : chip->read_count;
        tile->potential = chip->read_potential;
        fire(chip, p, tile, 1, steps);
        copy_out(chip, &p->grid, tile, at, (row * net->readout_count + r) * net->class_count,
                 steps);
    }
}

void snnsim_chip_fire(struct snnsim_chip *chip, uint32_t index, struct snnsim_chip_tile *tiles,
                      const size_t *at, size_t count, uint32_t first, uint32_t steps)
{
    const struct snnsim_chip_population *p = &chip->plan->populations[index];
    struct snnsim_chip_state *state = &chip->populations[index];
    const bool output = index == chip->plan->net->population_count - 1;
    for (size_t i = 0; i < count; i++) {
        struct snnsim_chip_tile *tile = &tiles[i];
        tile->neurons = neurons_of(&chip->plan->limits[index], &p->grid, at[i]);
        tile->v = state->v + at[i] * LANES;
        tile->count = state->spikes.count + (at[i] * chip->chunk.padded + first) * LANES;
        tile->potential = NULL;
        if (output) fire_output(chip, p, tile, at[i], first, steps);
    }
    if (!output) fire(chip, p, tiles, count, steps);
    for (size_t i = 0; i < count; i++) {
        state->spikes.fired[at[i]] |= tiles[i].fired;
        state->rests[at[i]] = chip->plan->limits[index].settles;
    }
}
