/* Rounds of the kernels of chip arithmetic: all that their contracts allow, extremes included. */
#include <string.h>

#include "tests/kernel/rounds.h"

#define LANES SNNSIM_CHIP_LANES
#define STEPS SNNSIM_CHIP_STEPS
#define GUARD 8u /* entries behind what is written that must stay as they were */

static int32_t draw_between(int32_t low, int32_t high)
{
    if (draw(12) == 0) return draw(2) > 0 ? low : high;
    return low + (int32_t)draw((uint32_t)(high - low) + 1);
}

/* A step of a line: two counts, often silent. */
static uint16_t draw_counts(void)
{
    const uint32_t even = draw(3) > 0 ? 0 : (uint32_t)draw_between(0, SNNSIM_CHIP_COUNT_MAX);
    const uint32_t odd = draw(3) > 0 ? 0 : (uint32_t)draw_between(0, SNNSIM_CHIP_COUNT_MAX);
    return (uint16_t)(even | odd << 8);
}

static uint32_t draw_steps(void)
{
    return draw(3) > 0 ? 1 + draw(STEPS) : 1 + draw(8);
}

static bool select_round(const struct snnsim_chip_kernels *scalar,
                         const struct snnsim_chip_kernels *other)
{
    enum { LINES = 60, RUNS = 5, LENGTH = 9, MOST = RUNS * LENGTH + 8 };
    uint8_t peak[LINES + RUNS + LENGTH + 8];
    uint32_t line[RUNS];
    struct snnsim_chip_tap taps[2][MOST];
    struct snnsim_chip_runs runs = {.line = line, .count = draw(RUNS + 1)};
    runs.length = 1 + draw(LENGTH);
    for (size_t i = 0; i < sizeof(peak); i++)
        peak[i] = (uint8_t)(draw(2) > 0 ? 0 : draw(256));
    for (uint32_t i = 0; i < RUNS; i++)
        line[i] = draw(LINES - LENGTH);
    const uint32_t first = draw(RUNS);
    const size_t n = scalar->select(peak, first, &runs, taps[0]);
    const size_t m = other->select(peak, first, &runs, taps[1]);
    return n == m && same_bytes(taps[0], taps[1], n * sizeof(taps[0][0]));
}

static bool accumulate_round(const struct snnsim_chip_kernels *scalar,
                             const struct snnsim_chip_kernels *other)
{
    enum { TAPS = 40, LINES = 12, WEIGHTS = 10 };
    static int8_t weights[WEIGHTS * 2 * LANES];
    static uint16_t lines[LINES * STEPS];
    int16_t sums[2][STEPS * LANES + GUARD];
    struct snnsim_chip_tap taps[TAPS];
    const uint32_t padded = snnsim_chip_padded(draw_steps());
    const size_t tap_count = draw(TAPS + 1);
    const bool bias = draw(2) > 0;
    for (size_t i = 0; i < sizeof(weights); i++)
        weights[i] = (int8_t)draw_between(INT8_MIN, INT8_MAX);
    for (size_t i = 0; i < LINES * STEPS; i++)
        lines[i] = draw_counts();
    for (size_t i = 0; i < tap_count; i++) {
        taps[i].weights = draw(WEIGHTS);
        taps[i].line = draw(LINES);
    }
    for (size_t i = 0; i < STEPS * LANES + GUARD; i++)
        sums[0][i] = (int16_t)draw_between(INT16_MIN, INT16_MAX);
    memcpy(sums[1], sums[0], sizeof(sums[0]));
    int16_t start[LANES];
    memcpy(start, sums[0], sizeof(start));
    for (uint32_t i = 0; i < 2; i++) {
        const struct snnsim_chip_sums to = {bias ? start : sums[i], bias ? 0 : LANES, sums[i],
                                            padded};
        (i == 0 ? scalar : other)->accumulate(weights, lines, taps, tap_count, &to);
    }
    return same_bytes(sums[0], sums[1], sizeof(sums[0]));
}

static bool reach_round(const struct snnsim_chip_kernels *scalar,
                        const struct snnsim_chip_kernels *other)
{
    enum { TAPS = 60, LINES = 12, WEIGHTS = 10 };
    static int8_t weights[WEIGHTS * 2 * LANES];
    uint8_t peak[LINES];
    struct snnsim_chip_tap taps[TAPS];
    const size_t tap_count = draw(TAPS + 1);
    const int32_t most = draw(2) > 0 ? 6 : SNNSIM_CHIP_COUNT_MAX; /* beyond 16 bits, or not */
    for (size_t i = 0; i < sizeof(weights); i++)
        weights[i] = (int8_t)draw_between(-INT8_MAX, INT8_MAX);
    for (size_t i = 0; i < LINES; i++)
        peak[i] = (uint8_t)draw_between(0, most);
    for (size_t i = 0; i < tap_count; i++)
        taps[i] = (struct snnsim_chip_tap){draw(WEIGHTS), draw(LINES)};
    const uint32_t a = scalar->reach(weights, peak, taps, tap_count);
    const uint32_t b = other->reach(weights, peak, taps, tap_count);
    return same_bytes(&a, &b, sizeof(a));
}

static bool widen_round(const struct snnsim_chip_kernels *scalar,
                        const struct snnsim_chip_kernels *other)
{
    int16_t sums[4 * LANES];
    int32_t totals[2][4 * LANES + GUARD];
    const size_t count = LANES * draw(5);
    for (size_t i = 0; i < 4 * LANES; i++)
        sums[i] = (int16_t)draw_between(INT16_MIN, INT16_MAX);
    for (size_t i = 0; i < 4 * LANES + GUARD; i++)
        totals[0][i] = totals[1][i] = draw_between(-1000000000, 1000000000);
    scalar->widen(sums, count, totals[0]);
    other->widen(sums, count, totals[1]);
    return same_bytes(totals[0], totals[1], sizeof(totals[0]));
}

/* What one level fires. */
struct firing {
    struct snnsim_chip_tile tiles[SNNSIM_CHIP_TILES];
    int16_t v[SNNSIM_CHIP_TILES][LANES];
    uint16_t count[SNNSIM_CHIP_TILES][STEPS * LANES + GUARD];
    int16_t potential[SNNSIM_CHIP_TILES][STEPS * LANES + GUARD];
};

/* What both read. */
struct currents {
    struct snnsim_chip_neurons neurons[SNNSIM_CHIP_TILES];
    int16_t sums[SNNSIM_CHIP_TILES][STEPS * LANES];
    int32_t wide_sums[SNNSIM_CHIP_TILES][STEPS * LANES];
};

static void draw_neurons_of_tile(struct snnsim_chip_neurons *n)
{
    for (uint32_t lane = 0; lane < LANES; lane++) {
        n->threshold[lane] = (int16_t)(draw(2) > 0 ? 1 + draw(300) : 1 + draw(INT16_MAX));
        if (draw(10) == 0) n->threshold[lane] = (int16_t)(1u << draw(15));
        n->v_min[lane] = (int16_t)(draw(3) > 0 ? draw_between(-1000, 0) : INT16_MIN);
        n->spikes_max[lane] = (uint16_t)(draw(2) > 0 ? INT16_MAX : draw(4));
    }
    const bool one = draw(2) > 0, unlimited = draw(2) > 0;
    for (uint32_t lane = 1; lane < LANES && one; lane++)
        n->threshold[lane] = n->threshold[0];
    for (uint32_t lane = 0; lane < LANES && unlimited; lane++)
        n->spikes_max[lane] = INT16_MAX;
    snnsim_chip_divisors(n);
}

/* Wide sums reach beyond what a potential can be. */
static void draw_currents(struct currents *c, size_t tile)
{
    draw_neurons_of_tile(&c->neurons[tile]);
    for (uint32_t i = 0; i < STEPS * LANES; i++) {
        const int32_t range = draw(4) > 0 ? 2000 : INT16_MAX;
        c->sums[tile][i] = (int16_t)draw_between(-range, range);
        c->wide_sums[tile][i] =
            draw(4) > 0 ? draw_between(-20000, 20000) : draw_between(-1000000000, 1000000000);
    }
}

static void make_tiles(struct firing *f, const struct currents *c, bool alike, bool watched)
{
    for (size_t i = 0; i < SNNSIM_CHIP_TILES; i++) {
        f->tiles[i] = (struct snnsim_chip_tile){
            .sums = c->sums[i],
            .wide_sums = c->wide_sums[i],

            .neurons = &c->neurons[alike ? 0 : i],
            .v = f->v[i],
            .count = f->count[i],
            .potential = watched ? f->potential[i] : NULL,
        };
    }
}

static bool fire_either(const struct snnsim_chip_kernels *scalar,
                        const struct snnsim_chip_kernels *other, bool wide)
{
    static struct currents c;
    static struct firing f[2];
    const uint32_t steps = draw_steps();
    const size_t tile_count = 1 + draw(SNNSIM_CHIP_TILES);
    const bool alike = draw(2) > 0, watched = draw(2) > 0, reset_zero = draw(3) == 0;
    memset(f, 0x55, sizeof(f));
    for (size_t i = 0; i < SNNSIM_CHIP_TILES; i++) {
        draw_currents(&c, i);
        for (uint32_t lane = 0; lane < LANES; lane++)
            f[0].v[i][lane] = f[1].v[i][lane] = (int16_t)draw_between(INT16_MIN, INT16_MAX);
    }
    make_tiles(&f[0], &c, alike, watched);
    make_tiles(&f[1], &c, alike, watched);
    (wide ? scalar->fire_wide : scalar->fire)(f[0].tiles, tile_count, steps, reset_zero);
    (wide ? other->fire_wide : other->fire)(f[1].tiles, tile_count, steps, reset_zero);
    bool equal = same_bytes(f[0].v, f[1].v, sizeof(f[0].v)) &&
                 same_bytes(f[0].count, f[1].count, sizeof(f[0].count)) &&
                 same_bytes(f[0].potential, f[1].potential, sizeof(f[0].potential));
    for (size_t i = 0; i < tile_count; i++)
        equal = equal && f[0].tiles[i].fired == f[1].tiles[i].fired;
    return equal;
}

static bool fire_round(const struct snnsim_chip_kernels *scalar,
                       const struct snnsim_chip_kernels *other)
{
    return fire_either(scalar, other, false);
}

static bool fire_wide_round(const struct snnsim_chip_kernels *scalar,
                            const struct snnsim_chip_kernels *other)
{
    return fire_either(scalar, other, true);
}

enum { UNITS = 9 };

/* Counts of up to UNITS units, each its own half of a tile. */
static size_t draw_units(uint16_t counts[UNITS][STEPS * LANES], const uint16_t *units[UNITS],
                         size_t least)
{
    static const uint32_t below[] = {2, 5, 16, 130, 300, 65536};
    const size_t unit_count = least + draw(UNITS + 1 - (uint32_t)least);
    for (size_t u = 0; u < unit_count; u++) {
        const uint32_t most = below[draw(6)];
        for (size_t i = 0; i < STEPS * LANES; i++)
            counts[u][i] = (uint16_t)(draw(3) > 0 ? 0 : draw(most));
        units[u] = counts[u] + SNNSIM_CHIP_UNIT * draw(2);
    }
    return unit_count;
}

static bool pool_round(const struct snnsim_chip_kernels *scalar,
                       const struct snnsim_chip_kernels *other)
{
    static uint16_t counts[UNITS][STEPS * LANES];
    const uint16_t *units[UNITS];
    uint16_t out[2][STEPS * LANES + GUARD];
    const uint32_t padded = snnsim_chip_padded(draw_steps());
    const size_t unit_count = draw_units(counts, units, 0);
    memset(out, 0x55, sizeof(out));
    scalar->pool(units, unit_count, padded, out[0]);
    other->pool(units, unit_count, padded, out[1]);
    return same_bytes(out[0], out[1], sizeof(out[0]));
}

static bool pack_round(const struct snnsim_chip_kernels *scalar,
                       const struct snnsim_chip_kernels *other)
{
    static uint16_t counts[UNITS][STEPS * LANES];
    const uint16_t *units[UNITS];
    uint16_t lines[2][4 * STEPS + GUARD];
    uint8_t peak[2][4 + GUARD];
    const uint32_t padded = snnsim_chip_padded(draw_steps()), pairs = 1 + draw(4);
    const size_t unit_count = draw_units(counts, units, 1);
    memset(lines, 0x55, sizeof(lines));
    memset(peak, 0x55, sizeof(peak));
    const uint32_t a = scalar->pack(units, unit_count, padded, lines[0], pairs, peak[0]);
    const uint32_t b = other->pack(units, unit_count, padded, lines[1], pairs, peak[1]);
    bool equal = a == b && same_bytes(peak[0], peak[1], sizeof(peak[0]));
    for (uint32_t p = 0; p < pairs && equal; p++) {
        const size_t at = (size_t)p * padded;
        if (peak[0][p] <= SNNSIM_CHIP_COUNT_MAX)
            equal = same_bytes(lines[0] + at, lines[1] + at, padded * sizeof(lines[0][0]));
    }
    const size_t end = (size_t)pairs * padded;
    return equal && same_bytes(lines[0] + end, lines[1] + end, GUARD * sizeof(lines[0][0]));
}

static bool tally_round(const struct snnsim_chip_kernels *scalar,
                        const struct snnsim_chip_kernels *other)
{
    enum { POSITIONS = 4, PAIRS = 300 };
    static uint16_t lines[POSITIONS * PAIRS * STEPS];
    static uint8_t peak[POSITIONS * PAIRS];
    uint32_t factor[POSITIONS], spikes[2][STEPS + GUARD], weighted[2][STEPS + GUARD];
    const uint32_t padded = snnsim_chip_padded(draw_steps());
    struct snnsim_chip_row row = {1 + draw(POSITIONS), 1 + draw(6), factor};
    if (draw(16) == 0) row.pairs = 120 + draw(PAIRS - 119);
    const bool full = draw(4) == 0; /* every count the largest */
    for (uint32_t i = 0; i < row.positions; i++)
        factor[i] = draw(8) > 0 ? draw(1000) : UINT32_MAX;
    for (uint32_t i = 0; i < row.positions * row.pairs; i++) {
        const bool silent = draw(3) == 0;
        peak[i] = 0;
        for (uint32_t t = 0; t < padded; t++) {
            uint16_t counts = silent ? 0 : draw_counts();
            if (full) counts = SNNSIM_CHIP_COUNT_MAX | SNNSIM_CHIP_COUNT_MAX << 8;
            lines[i * padded + t] = counts;
            peak[i] |= (uint8_t)(counts | counts >> 8);
        }
    }
    memset(spikes, 0x55, sizeof(spikes));
    memset(weighted, 0x55, sizeof(weighted));
    scalar->tally(lines, peak, &row, padded, spikes[0], weighted[0]);
    other->tally(lines, peak, &row, padded, spikes[1], weighted[1]);
    return same_bytes(spikes[0], spikes[1], sizeof(spikes[0])) &&
           same_bytes(weighted[0], weighted[1], sizeof(weighted[0]));
}

const struct kernel_round chip_rounds[] = {
    {.name = "chip select", .run_chip = select_round},
    {.name = "chip accumulate", .run_chip = accumulate_round},
    {.name = "chip reach", .run_chip = reach_round},
    {.name = "chip widen", .run_chip = widen_round},
    {.name = "chip fire", .run_chip = fire_round},
    {.name = "chip fire_wide", .run_chip = fire_wide_round},
    {.name = "chip pool", .run_chip = pool_round},
    {.name = "chip pack", .run_chip = pack_round},
    {.name = "chip tally", .run_chip = tally_round},
    {.name = NULL},
};
