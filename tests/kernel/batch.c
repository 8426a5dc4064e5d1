/* Rounds of the kernels that take a tile of neurons over the steps of a chunk. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/kernel/rounds.h"

static bool accumulate_round(const struct snnsim_kernels *scalar,
                             const struct snnsim_kernels *other)
{
    enum { TAPS = 40, ROWS = 60 };
    struct snnsim_tap taps[TAPS];
    const uint32_t lanes = SNNSIM_LANES << draw(2), steps = 1 + draw(32), misalign = draw(8);
    struct snnsim_batch batch = {taps, draw(TAPS + 1), ROWS, steps, lanes};
    batch.step_stride += draw(9);
    struct pair sums = make_pair((size_t)steps * lanes + misalign);
    struct pair weights = make_pair(ROWS * SNNSIM_TILE_LANES);
    struct pair count = make_pair(batch.step_stride * steps);
    for (size_t i = 0; i < batch.tap_count; i++) {
        taps[i].weights = draw(ROWS * SNNSIM_TILE_LANES - lanes);
        taps[i].count = draw(ROWS);
        for (uint32_t t = 0; t < steps && draw(4) > 0; t++) {
            set_pair(&count, taps[i].count + t * batch.step_stride, (float)draw(4));
        }
    }
    scalar->accumulate(&batch, weights.scalar, count.scalar, sums.scalar + misalign);
    other->accumulate(&batch, weights.other, count.other, sums.other + misalign);
    bool equal = same(&sums) && same(&weights) && same(&count);
    free_pair(&sums);
    free_pair(&weights);
    free_pair(&count);
    return equal;
}

/* What firing a tile over its steps reads and writes. */
struct tile {
    uint32_t lanes, steps, misalign;
    size_t count_stride, mask_stride;
    bool wants_any;
    struct pair v, sums, bias, count, threshold, v_min;
    uint8_t mask[2][32 * 5 + 4], any[2][4];
};

static void make_tile(struct tile *t)
{
    t->lanes = SNNSIM_LANES << draw(2);
    t->steps = 1 + draw(32);
    t->misalign = draw(8);
    t->count_stride = t->lanes + draw(20);
    t->mask_stride = t->lanes / SNNSIM_LANES + draw(3);
    t->wants_any = draw(4) > 0;
    t->v = make_pair(t->lanes + t->misalign);
    t->sums = make_pair((size_t)t->lanes * t->steps + t->misalign);
    t->bias = make_pair(t->lanes + t->misalign);
    t->count = make_pair(t->count_stride * t->steps + t->misalign);
    t->threshold = make_pair(t->lanes + t->misalign);
    t->v_min = make_pair(t->lanes + t->misalign);
    for (size_t i = 0; i < t->threshold.size; i++) {
        set_pair(&t->threshold, i, draw_threshold());
        set_pair(&t->v_min, i, draw_clip());
    }
    memset(t->mask, 0x55, sizeof(t->mask));
    memset(t->any, 0x55, sizeof(t->any));
}

/* Now and then a lane that meets its threshold exactly, or just not, in the first step. */
static void set_edge(struct tile *t, uint32_t lane, float threshold)
{
    if (draw(4) > 0) return;
    set_pair(&t->v, t->misalign + lane, draw_edge(threshold));
    set_pair(&t->sums, t->misalign + lane, 0.0f);
    set_pair(&t->bias, t->misalign + lane, 0.0f);
}

static struct snnsim_fired fired_of(struct tile *t, float *count, unsigned which)
{
    return (struct snnsim_fired){count + t->misalign, t->count_stride, t->mask[which],
                                 t->mask_stride, t->wants_any ? t->any[which] : NULL};
}

/* Compares the tile's arrays, and what is said of all steps with the masks; frees it. */
static bool same_tile(struct tile *t)
{
    bool equal = same(&t->v) && same(&t->sums) && same(&t->bias) && same(&t->count) &&
                 same(&t->threshold) && same(&t->v_min) &&
                 same_bytes(t->mask[0], t->mask[1], sizeof(t->mask[0])) &&
                 same_bytes(t->any[0], t->any[1], sizeof(t->any[0]));
    for (uint32_t i = 0; t->wants_any && i < t->lanes / SNNSIM_LANES; i++) {
        uint8_t any = 0;
        for (uint32_t step = 0; step < t->steps; step++)
            any |= t->mask[0][step * t->mask_stride + i];
        equal = equal && any == t->any[0][i];
    }
    free_pair(&t->v);
    free_pair(&t->sums);
    free_pair(&t->bias);
    free_pair(&t->count);
    free_pair(&t->threshold);
    free_pair(&t->v_min);
    return equal;
}

static bool fire_steps_round(const struct snnsim_kernels *scalar,
                             const struct snnsim_kernels *other)
{
    const struct snnsim_neuron neuron = draw_neuron();
    struct tile t;
    make_tile(&t);
    for (uint32_t i = 0; i < t.lanes; i++)
        set_edge(&t, i, neuron.threshold);
    const struct snnsim_fired a = fired_of(&t, t.count.scalar, 0);
    const struct snnsim_fired b = fired_of(&t, t.count.other, 1);
    scalar->fire_steps(t.v.scalar + t.misalign, t.sums.scalar + t.misalign,
                       t.bias.scalar + t.misalign, t.steps, t.lanes, &neuron, &a);
    other->fire_steps(t.v.other + t.misalign, t.sums.other + t.misalign, t.bias.other + t.misalign,
                      t.steps, t.lanes, &neuron, &b);
    return same_tile(&t);
}

static bool fire_each_steps_round(const struct snnsim_kernels *scalar,
                                  const struct snnsim_kernels *other)
{
    struct tile t;
    make_tile(&t);
    struct snnsim_neurons neurons =
        draw_neurons(t.threshold.scalar + t.misalign, t.v_min.scalar + t.misalign);
    for (uint32_t i = 0; i < t.lanes; i++)
        set_edge(&t, i, neurons.threshold[i]);
    const struct snnsim_fired a = fired_of(&t, t.count.scalar, 0);
    const struct snnsim_fired b = fired_of(&t, t.count.other, 1);
    scalar->fire_each_steps(t.v.scalar + t.misalign, t.sums.scalar + t.misalign,
                            t.bias.scalar + t.misalign, t.steps, t.lanes, &neurons, &a);
    neurons.threshold = t.threshold.other + t.misalign;
    neurons.v_min = t.v_min.other + t.misalign;
    other->fire_each_steps(t.v.other + t.misalign, t.sums.other + t.misalign,
                           t.bias.other + t.misalign, t.steps, t.lanes, &neurons, &b);
    return same_tile(&t);
}

/* Over one step after the other, fire gives what fire_steps gives at once. */
static bool batch_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    const struct snnsim_neuron neuron = draw_neuron();
    struct tile t;
    make_tile(&t);
    t.misalign = 0; /* which fire does not take */
    t.count_stride = t.count_stride / SNNSIM_LANES * SNNSIM_LANES;
    const struct snnsim_fired at_once = fired_of(&t, t.count.other, 1);
    const struct snnsim_fired step_by_step = fired_of(&t, t.count.scalar, 0);
    other->fire_steps(t.v.other, t.sums.other, t.bias.other, t.steps, t.lanes, &neuron, &at_once);
    memset(t.any, 0, sizeof(t.any));
    t.wants_any = false;
    for (uint32_t step = 0; step < t.steps; step++) {
        float current[SNNSIM_TILE_LANES] __attribute__((aligned(64)));
        memcpy(current, t.sums.scalar + step * t.lanes, t.lanes * sizeof(float));
        scalar->fire(t.v.scalar, current, t.bias.scalar,
                     step_by_step.count + step * step_by_step.count_stride,
                     step_by_step.mask + step * step_by_step.mask_stride, t.lanes, &neuron);
    }
    return same_tile(&t);
}

static bool list_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { BYTES = 12, MOST = BYTES * SNNSIM_LANES };
    uint8_t mask[BYTES];
    struct snnsim_tap taps[2][MOST + SNNSIM_LANES];
    const size_t bytes = draw(BYTES + 1);
    const uint32_t weights = draw(1u << 30), count = draw(1u << 30), step = draw(1u << 12);
    const struct snnsim_tap first = {weights, count};
    for (size_t i = 0; i < bytes; i++)
        mask[i] = (uint8_t)(draw(2) > 0 ? draw(256) : 0);
    const size_t n = scalar->list(mask, bytes, first, step, taps[0]);
    return n == other->list(mask, bytes, first, step, taps[1]) &&
           same_bytes(taps[0], taps[1], n * sizeof(taps[0][0]));
}

static bool reach_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { WIDTH = 9, MOST = WIDTH * 3 * SNNSIM_LANES };
    const uint32_t width = 1 + draw(WIDTH), lanes = SNNSIM_LANES * (1 + draw(3));
    const uint32_t misalign = draw(4);
    uint8_t mask[MOST / SNNSIM_LANES] = {0};
    float count[MOST + 4];
    uint32_t fanout[WIDTH];
    memset(count, 0, sizeof(count));
    for (uint32_t x = 0; x < width; x++)
        fanout[x] = draw(8);
    for (uint32_t i = 0; i < width * lanes; i++) {
        if (draw(3) > 0) continue;
        mask[i / SNNSIM_LANES] |= (uint8_t)(1u << (i % SNNSIM_LANES));
        count[misalign + i] = draw(9) == 0 ? 1099511627776.0f : (float)(1 + draw(7));
    }
    const struct snnsim_reached a = scalar->reach(count + misalign, mask, width, lanes, fanout);
    const struct snnsim_reached b = other->reach(count + misalign, mask, width, lanes, fanout);
    return same_bytes(&a, &b, sizeof(a));
}

static bool mark_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { VECTORS = 20 };
    const size_t vectors = draw(VECTORS + 1), misalign = draw(8);
    struct pair count = make_pair(VECTORS * SNNSIM_LANES + misalign);
    uint8_t masks[2][VECTORS + 1];
    for (size_t i = 0; i < count.size; i++) {
        if (draw(2) > 0) set_pair(&count, i, draw(2) > 0 ? 0.0f : -0.0f);
        if (draw(50) == 0) set_pair(&count, i, NAN);
    }
    memset(masks, 0x55, sizeof(masks));
    scalar->mark(count.scalar + misalign, vectors, masks[0]);
    other->mark(count.other + misalign, vectors, masks[1]);
    bool equal = same(&count) && same_bytes(masks[0], masks[1], sizeof(masks[0]));
    free_pair(&count);
    return equal;
}

static bool unite_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    uint8_t mask[600], united[2][70];
    const size_t length = draw(65), stride = length + draw(4);
    const uint32_t steps = 1 + draw(8);
    for (size_t i = 0; i < sizeof(mask); i++)
        mask[i] = (uint8_t)(draw(256) & draw(256) & draw(256));
    memset(united, 0x55, sizeof(united));
    scalar->unite(mask, stride, steps, length, united[0]);
    other->unite(mask, stride, steps, length, united[1]);
    bool equal = same_bytes(united[0], united[1], sizeof(united[0]));
    for (size_t i = 0; i < length; i++) {
        uint8_t all = 0;
        for (uint32_t t = 0; t < steps; t++)
            all |= mask[t * stride + i];
        equal = equal && united[0][i] == all;
    }
    return equal;
}

const struct kernel_round batch_rounds[] = {
    {.name = "accumulate", .run = accumulate_round},
    {.name = "fire_steps", .run = fire_steps_round},
    {.name = "fire_each_steps", .run = fire_each_steps_round},
    {.name = "fire_steps after fire", .run = batch_round},
    {.name = "list", .run = list_round},
    {.name = "reach", .run = reach_round},
    {.name = "mark", .run = mark_round},
    {.name = "unite", .run = unite_round},
    {.name = NULL},
};
