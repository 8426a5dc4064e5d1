/* Rounds of the kernels that take one step at a time, and of the integer products. */
#include <float.h>
#include <string.h>

#include "tests/kernel/rounds.h"

static bool scatter_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    struct snnsim_footprint f = {.rows = 1 + draw(5)};
    f.segments = 1 + draw(3);
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
        runs[r].target = draw(reach);
        runs[r].count = 1 + draw(10);
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
    const size_t length = SNNSIM_LANES * (1 + draw(20));
    struct pair v = make_pair(length), current = make_pair(length), bias = make_pair(length),
                count = make_pair(length);
    uint8_t masks[2][20 + 1] = {{0}, {0}};
    const struct snnsim_neuron neuron = draw_neuron();
    for (size_t i = 0; i < length; i++) {
        if (draw(4) > 0) continue;
        set_pair(&v, i, draw_edge(neuron.threshold));
        set_pair(&current, i, 0.0f);
        set_pair(&bias, i, 0.0f);
    }
    scalar->fire(v.scalar, current.scalar, bias.scalar, count.scalar, masks[0], length, &neuron);
    other->fire(v.other, current.other, bias.other, count.other, masks[1], length, &neuron);
    bool equal = same(&v) && same(&current) && same(&bias) && same(&count) &&
                 same_bytes(masks[0], masks[1], sizeof(masks[0]));
    free_pair(&v);
    free_pair(&current);
    free_pair(&bias);
    free_pair(&count);
    return equal;
}

static bool fire_each_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    const size_t length = SNNSIM_LANES * (1 + draw(20));
    struct pair v = make_pair(length), current = make_pair(length), bias = make_pair(length),
                count = make_pair(length), threshold = make_pair(length), v_min = make_pair(length);
    uint8_t masks[2][20 + 1] = {{0}, {0}};
    for (size_t i = 0; i < length; i++) {
        set_pair(&threshold, i, draw_threshold());
        set_pair(&v_min, i, draw_clip());
        if (draw(4) > 0) continue;
        set_pair(&v, i, draw_edge(threshold.scalar[i]));
        set_pair(&current, i, 0.0f);
        set_pair(&bias, i, 0.0f);
    }
    struct snnsim_neurons neurons = draw_neurons(threshold.scalar, v_min.scalar);
    scalar->fire_each(v.scalar, current.scalar, bias.scalar, count.scalar, masks[0], length,
                      &neurons);
    neurons.threshold = threshold.other;
    neurons.v_min = v_min.other;
    other->fire_each(v.other, current.other, bias.other, count.other, masks[1], length, &neurons);
    bool equal = same(&v) && same(&current) && same(&bias) && same(&count) && same(&threshold) &&
                 same(&v_min) && same_bytes(masks[0], masks[1], sizeof(masks[0]));
    free_pair(&v);
    free_pair(&current);
    free_pair(&bias);
    free_pair(&count);
    free_pair(&threshold);
    free_pair(&v_min);
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
           same_bytes(offsets[0], offsets[1], n * sizeof(offsets[0][0])) &&
           same_floats(counts[0], counts[1], n);
}

static bool pool_round(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other)
{
    enum { WIDTH = 9, VECTORS = 3 };
    const uint32_t width = 1 + draw(WIDTH), vectors = 1 + draw(VECTORS);
    struct snnsim_window w = {.kernel_h = 1 + draw(4)};
    w.kernel_w = 1 + draw(4);
    if (draw(2) > 0) w.kernel_h = w.kernel_w = 2;
    const uint32_t stride = 1 + draw(4);
    w.column_stride = vectors * SNNSIM_LANES;
    w.step = stride * w.column_stride;
    w.row_stride = ((width - 1) * stride + w.kernel_w) * w.column_stride;
    struct pair in = make_pair(w.kernel_h * w.row_stride);
    struct pair out = make_pair((size_t)width * w.column_stride);
    uint8_t masks[2][WIDTH * VECTORS + 1] = {{0}, {0}};
    for (size_t i = 0; i < in.size; i++) {
        if (draw(2) > 0) set_pair(&in, i, 0.0f);
    }
    scalar->pool(in.scalar, &w, width, out.scalar, masks[0]);
    other->pool(in.other, &w, width, out.other, masks[1]);
    bool equal = same(&in) && same(&out) && same_bytes(masks[0], masks[1], sizeof(masks[0]));
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
    return same_bytes(sums[0], sums[1], sizeof(sums[0]));
}

const struct kernel_round step_rounds[] = {
    {.name = "scatter", .run = scatter_round},
    {.name = "fire", .run = fire_round},
    {.name = "fire_each", .run = fire_each_round},
    {.name = "gather", .run = gather_round},
    {.name = "pool", .run = pool_round},
    {.name = "multiply", .run = multiply_round},
    {.name = NULL},
};
