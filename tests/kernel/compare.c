/* Every kernel level against the scalar one, to the bit, on random, extreme and misaligned input.
 *
 * A plain program that prints TAP. Sizes and offsets are drawn anew in each round; values come from
 * a list of troublemakers now and then: infinities, subnormals, negative zero, the largest counts.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/kernel.h"

#define ROUNDS 3000
#define GUARD 16u /* floats behind each array that must stay as they were */

struct pair {
    float *scalar, *other;
    size_t size;
};

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static float draw_value(void)
{
    static const float odd[] = {0.0f,   -0.0f,   1.0f,        -1.0f, FLT_MAX, -FLT_MAX, FLT_MIN,
                                1e-42f, -1e-42f, 16777216.0f, 1e30f, -1e30f,  INFINITY, -INFINITY};
    if (draw(40) == 0) return odd[draw(sizeof(odd) / sizeof(odd[0]))];
    return ((float)draw(20001) - 10000.0f) / 2500.0f;
}

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (memory == NULL) exit(1);
    return memory;
}

static struct pair make_pair(size_t size)
{
    struct pair p = {allocate((size + GUARD) * sizeof(float)),
                     allocate((size + GUARD) * sizeof(float)), size};
    for (size_t i = 0; i < size + GUARD; i++)
        p.scalar[i] = draw_value();
    memcpy(p.other, p.scalar, (size + GUARD) * sizeof(float));
    return p;
}

/* Same bits, guards included; NaNs need only both be NaN (their payloads are nobody's business). */
static bool same(const struct pair *p)
{
    for (size_t i = 0; i < p->size + GUARD; i++) {
        if (isnan(p->scalar[i]) && isnan(p->other[i])) continue;
        if (memcmp(&p->scalar[i], &p->other[i], sizeof(float)) != 0) return false;
    }
    return true;
}

static void free_pair(struct pair *p)
{
    free(p->scalar);
    free(p->other);
}

static bool scatter_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    struct snnsim_footprint f = {.rows = 1 + draw(5), .segments = 1 + draw(3)};
    f.ragged = draw(4) == 0;
    f.length = f.ragged ? 1 + draw(40) : SNNSIM_LANES * (1 + draw(24));
    f.segment_stride = f.length + draw(9);
    f.row_stride = f.segments * f.segment_stride + draw(9);
    const uint32_t size = f.rows * f.segments * f.length;
    const uint32_t channels = 1 + draw(12), misalign = draw(8), reach = 64;
    struct pair current = make_pair((size_t)f.rows * f.row_stride + reach + misalign);
    struct pair weights = make_pair((size_t)size * channels);
    struct snnsim_run runs[20];
    uint32_t offset[200];
    float count[200];
    struct snnsim_events events = {runs, draw(20), offset, count, 0};
    for (size_t r = 0; r < events.run_count; r++) {
        runs[r] = (struct snnsim_run){draw(reach), 1 + draw(10)};
        for (uint32_t e = 0; e < runs[r].count; e++) {
            offset[events.event_count] = draw(channels) * size;
            count[events.event_count++] = draw(3) > 0 ? (float)(1 + draw(5)) : draw_value();
        }
    }
    scalar->scatter(current.scalar + misalign, weights.scalar, &events, &f);
    other->scatter(current.other + misalign, weights.other, &events, &f);
    bool equal = same(&current) && same(&weights);
    free_pair(&current);
    free_pair(&weights);
    return equal;
}

static bool fire_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    static const float thresholds[] = {1.0f, 1.0f, 0.37f, 4.0f, 1e-30f, FLT_MAX};
    const size_t length = SNNSIM_LANES * (1 + draw(20));
    struct pair v = make_pair(length), current = make_pair(length), bias = make_pair(length),
                count = make_pair(length);
    uint8_t masks[2][20 + 1] = {{0}, {0}};
    const struct snnsim_neuron neuron = {thresholds[draw(6)], draw(3) > 0 ? -1.0f : -FLT_MAX,
                                         draw(2) > 0 ? 16777216.0f : (float)(1 + draw(3)),
                                         draw(3) == 0};
    scalar->fire(v.scalar, current.scalar, bias.scalar, count.scalar, masks[0], length, &neuron);
    other->fire(v.other, current.other, bias.other, count.other, masks[1], length, &neuron);
    bool equal = same(&v) && same(&current) && same(&bias) && same(&count) &&
                 memcmp(masks[0], masks[1], sizeof(masks[0])) == 0;
    free_pair(&v);
    free_pair(&current);
    free_pair(&bias);
    free_pair(&count);
    return equal;
}

static bool fire_each_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    static const float thresholds[] = {1.0f, 0.37f, 4.0f, 1e-30f, 1e-45f, FLT_MAX, 2.5f};
    const size_t length = SNNSIM_LANES * (1 + draw(20));
    struct pair v = make_pair(length), current = make_pair(length), bias = make_pair(length),
                count = make_pair(length), threshold = make_pair(length), v_min = make_pair(length);
    uint8_t masks[2][20 + 1] = {{0}, {0}};
    for (size_t i = 0; i < length; i++) {
        threshold.scalar[i] = threshold.other[i] = thresholds[draw(7)];
        v_min.scalar[i] = v_min.other[i] = draw(3) > 0 ? -(float)draw(3) : -FLT_MAX;
    }
    struct snnsim_neurons neurons = {threshold.scalar, v_min.scalar,
                                     draw(2) > 0 ? 16777216.0f : (float)(1 + draw(3)),
                                     draw(2) == 0};
    scalar->fire_each(v.scalar, current.scalar, bias.scalar, count.scalar, masks[0], length,
                      &neurons);
    neurons.threshold = threshold.other;
    neurons.v_min = v_min.other;
    other->fire_each(v.other, current.other, bias.other, count.other, masks[1], length, &neurons);
    bool equal = same(&v) && same(&current) && same(&bias) && same(&count) && same(&threshold) &&
                 same(&v_min) && memcmp(masks[0], masks[1], sizeof(masks[0])) == 0;
    free_pair(&v);
    free_pair(&current);
    free_pair(&bias);
    free_pair(&count);
    free_pair(&threshold);
    free_pair(&v_min);
    return equal;
}

static bool accumulate_round(const struct snnsim_kernels *scalar,
                             const struct snnsim_kernels *other)
{
    enum { TAPS = 40, ROWS = 60 };
    struct snnsim_tap taps[TAPS];
    const uint32_t lanes = SNNSIM_LANES << draw(2), steps = 1 + draw(32), misalign = draw(8);
    struct snnsim_batch batch = {taps, draw(TAPS + 1), ROWS + draw(9), steps, lanes};
    struct pair sums = make_pair((size_t)steps * lanes + misalign);
    struct pair weights = make_pair(ROWS * SNNSIM_TILE_LANES);
    struct pair count = make_pair(batch.step_stride * steps);
    for (size_t i = 0; i < batch.tap_count; i++) {
        taps[i] = (struct snnsim_tap){draw(ROWS * SNNSIM_TILE_LANES - lanes), draw(ROWS)};
        for (uint32_t t = 0; t < steps && draw(4) > 0; t++) {
            const size_t at = taps[i].count + t * batch.step_stride;
            count.scalar[at] = count.other[at] = (float)draw(4);
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
    static const float thresholds[] = {1.0f, 0.37f, 4.0f, 1e-30f, 1e-45f, FLT_MAX, 2.5f};
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
        t->threshold.scalar[i] = t->threshold.other[i] = thresholds[draw(7)];
        t->v_min.scalar[i] = t->v_min.other[i] = draw(3) > 0 ? -(float)draw(3) : -FLT_MAX;
    }
    memset(t->mask, 0x55, sizeof(t->mask));
    memset(t->any, 0x55, sizeof(t->any));
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
                 memcmp(t->mask[0], t->mask[1], sizeof(t->mask[0])) == 0 &&
                 memcmp(t->any[0], t->any[1], sizeof(t->any[0])) == 0;
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
    static const float thresholds[] = {1.0f, 1.0f, 0.37f, 4.0f, 1e-30f, FLT_MAX};
    struct tile t;
    make_tile(&t);
    const struct snnsim_neuron neuron = {thresholds[draw(6)], draw(3) > 0 ? -1.0f : -FLT_MAX,
                                         draw(2) > 0 ? 16777216.0f : (float)(1 + draw(3)),
                                         draw(3) == 0};
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
    struct snnsim_neurons neurons = {t.threshold.scalar + t.misalign, t.v_min.scalar + t.misalign,
                                     draw(2) > 0 ? 16777216.0f : (float)(1 + draw(3)),
                                     draw(2) == 0};
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
    struct tile t;
    make_tile(&t);
    const struct snnsim_neuron neuron = {0.75f, draw(3) > 0 ? -1.0f : -FLT_MAX, 16777216.0f,
                                         draw(3) == 0};
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
    const struct snnsim_tap first = {draw(1u << 30), draw(1u << 30)};
    const uint32_t step = draw(1u << 12);
    for (size_t i = 0; i < bytes; i++)
        mask[i] = (uint8_t)(draw(2) > 0 ? draw(256) : 0);
    const size_t n = scalar->list(mask, bytes, first, step, taps[0]);
    return n == other->list(mask, bytes, first, step, taps[1]) &&
           memcmp(taps[0], taps[1], n * sizeof(taps[0][0])) == 0;
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
    return a.spikes == b.spikes && a.targets == b.targets;
}

static bool mark_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { VECTORS = 20 };
    const size_t vectors = draw(VECTORS + 1), misalign = draw(8);
    struct pair count = make_pair(VECTORS * SNNSIM_LANES + misalign);
    uint8_t masks[2][VECTORS + 1];
    for (size_t i = 0; i < count.size; i++) {
        if (draw(2) > 0) count.scalar[i] = count.other[i] = draw(2) > 0 ? 0.0f : -0.0f;
        if (draw(50) == 0) count.scalar[i] = count.other[i] = NAN;
    }
    memset(masks, 0x55, sizeof(masks));
    scalar->mark(count.scalar + misalign, vectors, masks[0]);
    other->mark(count.other + misalign, vectors, masks[1]);
    bool equal = same(&count) && memcmp(masks[0], masks[1], sizeof(masks[0])) == 0;
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
    bool equal = memcmp(united[0], united[1], sizeof(united[0])) == 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t all = 0;
        for (uint32_t t = 0; t < steps; t++)
            all |= mask[t * stride + i];
        equal = equal && united[0][i] == all;
    }
    return equal;
}

static bool gather_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { VECTORS = 6, MOST = VECTORS * 8 };
    const size_t vectors = 1 + draw(VECTORS);
    const uint32_t base = draw(1u << 20), step = draw(1u << 12), misalign = draw(4);
    uint8_t mask[VECTORS] = {0};
    float count[MOST + 4];
    uint32_t offsets[2][MOST + SNNSIM_LANES];
    float counts[2][MOST + SNNSIM_LANES];
    uint64_t spikes[2] = {5, 5};
    memset(count, 0, sizeof(count));
    for (size_t i = 0; i < vectors * SNNSIM_LANES; i++) {
        if (draw(3) > 0) continue;
        mask[i / SNNSIM_LANES] |= (uint8_t)(1u << (i % SNNSIM_LANES));
        count[misalign + i] = draw(9) == 0 ? 1099511627776.0f : (float)(1 + draw(7));
    }
    size_t n = scalar->gather(mask, count + misalign, vectors, base, step, offsets[0], counts[0],
                              &spikes[0]);
    size_t m = other->gather(mask, count + misalign, vectors, base, step, offsets[1], counts[1],
                             &spikes[1]);
    return n == m && spikes[0] == spikes[1] &&
           memcmp(offsets[0], offsets[1], n * sizeof(offsets[0][0])) == 0 &&
           memcmp(counts[0], counts[1], n * sizeof(counts[0][0])) == 0;
}

static bool pool_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { WIDTH = 9, VECTORS = 3 };
    const uint32_t width = 1 + draw(WIDTH), vectors = 1 + draw(VECTORS);
    struct snnsim_window w = {.kernel_h = 1 + draw(4), .kernel_w = 1 + draw(4)};
    if (draw(2) > 0) w.kernel_h = w.kernel_w = 2;
    const uint32_t stride = 1 + draw(4);
    w.column_stride = vectors * SNNSIM_LANES;
    w.step = stride * w.column_stride;
    w.row_stride = ((width - 1) * stride + w.kernel_w) * w.column_stride;
    struct pair in = make_pair(w.kernel_h * w.row_stride);
    struct pair out = make_pair((size_t)width * w.column_stride);
    uint8_t masks[2][WIDTH * VECTORS + 1] = {{0}, {0}};
    for (size_t i = 0; i < in.size; i++) {
        if (draw(2) > 0) in.scalar[i] = in.other[i] = 0.0f;
    }
    scalar->pool(in.scalar, &w, width, out.scalar, masks[0]);
    other->pool(in.other, &w, width, out.other, masks[1]);
    bool equal = same(&in) && same(&out) && memcmp(masks[0], masks[1], sizeof(masks[0])) == 0;
    free_pair(&in);
    free_pair(&out);
    return equal;
}

/* All that inputs without their zero point and weights can be, and the extremes now and then. */
static int16_t draw_integer(int low, int high)
{
    if (draw(20) == 0) return (int16_t)(draw(2) > 0 ? low : high);
    return (int16_t)(low + (int)draw((uint32_t)(high - low + 1)));
}

static bool multiply_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { DEPTH = 16 * SNNSIM_DEPTH_STEP, OUTPUTS = 11 };
    static int16_t x[DEPTH + 8], weights[DEPTH * OUTPUTS + 8];
    int32_t sums[2][OUTPUTS + 1];
    const size_t depth = SNNSIM_DEPTH_STEP * (1 + draw(16)), outputs = 1 + draw(OUTPUTS);
    const uint32_t misalign = draw(8);
    for (size_t i = 0; i < depth; i++)
        x[misalign + i] = draw_integer(-255, 255);
    for (size_t i = 0; i < depth * outputs; i++)
        weights[misalign + i] = draw_integer(-128, 127);
    memset(sums, 0x55, sizeof(sums));
    scalar->multiply(x + misalign, weights + misalign, depth, outputs, sums[0]);
    other->multiply(x + misalign, weights + misalign, depth, outputs, sums[1]);
    return memcmp(sums[0], sums[1], sizeof(sums[0])) == 0;
}

typedef bool (*round_fn)(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other);

static const struct {
    const char *name;
    round_fn run;
} kernels[] = {
    {"scatter", scatter_round},
    {"fire", fire_round},
    {"fire_each", fire_each_round},
    {"gather", gather_round},
    {"pool", pool_round},
    {"multiply", multiply_round},
    {"accumulate", accumulate_round},
    {"fire_steps", fire_steps_round},
    {"fire over steps", batch_round},
    {"fire_each_steps", fire_each_steps_round},
    {"mark", mark_round},
    {"unite", unite_round},
    {"list", list_round},
    {"reach", reach_round},
};
#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

static int compare(size_t kernel, const struct snnsim_kernels *scalar,
                   const struct snnsim_kernels *other)
{
    unsigned round = 0;
    while (round < ROUNDS && kernels[kernel].run(scalar, other))
        round++;
    bool passed = round == ROUNDS;
    printf("%sok %zu - %s of %s equals scalar to the bit", passed ? "" : "not ", kernel + 1,
           kernels[kernel].name, other->level);
    printf(passed ? " (%u rounds)\n" : ": differs in round %u\n", round);
    return passed ? 0 : 1;
}

int main(void)
{
    struct snnsim_kernels scalar, best;
    bool has_avx2 = false;
#if defined(__x86_64__)
    has_avx2 = __builtin_cpu_supports("avx2");
#endif
    (void)snnsim_kernels_init(&scalar, "scalar", false);
    (void)snnsim_kernels_init(&best, NULL, has_avx2);
    if (strcmp(best.level, scalar.level) == 0) {
        printf("1..0 # SKIP this processor has no level but scalar\n");
        return 0;
    }
    printf("1..%zu\n", KERNELS);
    int failed = 0;
    for (size_t i = 0; i < KERNELS; i++)
        failed += compare(i, &scalar, &best);
    return failed > 0;
}
