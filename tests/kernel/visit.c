/* Rounds of the visits of asynchronous semantics, in floats and in chip arithmetic. */
#include <string.h>

#include "tests/kernel/rounds.h"

enum { REACH = 64, LANES_MAX = 5 * (3 * (12 * 8 + 8) + 8) + REACH + 8 };

static struct snnsim_footprint draw_footprint(void)
{
    struct snnsim_footprint f = {.rows = draw(6)};
    f.segments = 1 + draw(3);
    f.ragged = draw(4) == 0;
    f.length = f.ragged ? 1 + draw(40) : SNNSIM_LANES * (1 + draw(12));
    f.segment_stride = f.length + draw(9);
    f.row_stride = f.segments * f.segment_stride + draw(9);
    return f;
}

static bool same_hits(uint32_t scalar_count, uint32_t other_count,
                      uint32_t hits[static 2][LANES_MAX])
{
    return scalar_count == other_count &&
           same_bytes(hits[0], hits[1], scalar_count * sizeof(hits[0][0]));
}

static bool visit_round(const struct snnsim_visit_kernels *scalar,
                        const struct snnsim_visit_kernels *other)
{
    static uint32_t hits[2][LANES_MAX];
    static float threshold[LANES_MAX], v_min[LANES_MAX];
    const struct snnsim_footprint f = draw_footprint();
    const uint32_t target = draw(REACH);
    struct pair v = make_pair(LANES_MAX), weights = make_pair(LANES_MAX);
    struct snnsim_visited cells = {.v = v.scalar, .threshold = draw_threshold()};
    cells.v_min = draw_clip();
    const bool each = draw(3) == 0;
    for (size_t i = 0; i < LANES_MAX; i++) {
        threshold[i] = draw_threshold();
        v_min[i] = draw_clip();
        if (draw(4) > 0) continue;
        set_pair(&v, i, draw_edge(each ? threshold[i] : cells.threshold));
        set_pair(&weights, i, 0.0f);
    }
    if (each) {
        cells.thresholds = threshold;
        cells.v_mins = v_min;
    }
    const uint32_t n = scalar->visit(&cells, target, weights.scalar, &f, hits[0]);
    cells.v = v.other;
    const uint32_t m = other->visit(&cells, target, weights.other, &f, hits[1]);
    const bool equal = same_hits(n, m, hits) && same(&v) && same(&weights);
    free_pair(&v);
    free_pair(&weights);
    return equal;
}

/* Whole numbers of 16 bits, extremes often. */
static int16_t draw_whole(int32_t low, int32_t high)
{
    if (draw(8) == 0) return (int16_t)(draw(2) > 0 ? low : high);
    return (int16_t)(low + (int32_t)draw((uint32_t)(high - low) + 1));
}

static int16_t draw_below(void)
{
    return draw(3) > 0 ? draw_whole(0, 400) : draw_whole(0, INT16_MAX);
}

static int16_t draw_whole_clip(void)
{
    return draw(2) > 0 ? INT16_MIN : draw_whole(-400, 0);
}

static bool visit_chip_round(const struct snnsim_visit_kernels *scalar,
                             const struct snnsim_visit_kernels *other)
{
    static uint32_t hits[2][LANES_MAX];
    static int16_t v[2][LANES_MAX], weights[LANES_MAX], below[LANES_MAX], v_min[LANES_MAX];
    const struct snnsim_footprint f = draw_footprint();
    const uint32_t target = draw(REACH);
    struct snnsim_chip_visited cells = {.v = v[0], .below = draw_below()};
    cells.v_min = draw_whole_clip();
    for (size_t i = 0; i < LANES_MAX; i++) {
        v[0][i] = draw(2) > 0 ? draw_whole(-500, 500) : draw_whole(INT16_MIN, INT16_MAX);
        weights[i] = draw_whole(-128, 127);
        below[i] = draw_below();
        v_min[i] = draw_whole_clip();
    }
    memcpy(v[1], v[0], sizeof(v[0]));
    if (draw(3) == 0) {
        cells.belows = below;
        cells.v_mins = v_min;
    }
    const uint32_t n = scalar->visit_chip(&cells, target, weights, &f, hits[0]);
    cells.v = v[1];
    const uint32_t m = other->visit_chip(&cells, target, weights, &f, hits[1]);
    return same_hits(n, m, hits) && same_bytes(v[0], v[1], sizeof(v[0]));
}

const struct kernel_round visit_rounds[] = {
    {.name = "visit", .run_visit = visit_round},
    {.name = "visit_chip", .run_visit = visit_chip_round},
    {.name = NULL},
};
