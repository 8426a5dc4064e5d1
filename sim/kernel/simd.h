/* The kernels over a vector of eight floats, written once: included by the file of each level that
 * has one, which defines before it `struct vector` and what is done to it.
 *
 * Multiplications and additions stay apart (no FMA), in the events' order. Both AVX2 and NEON have
 * registers for sixteen such vectors, which the sizes of tiles and blocks go by. Not a header in
 * its own right: without a vector it is empty.
 */
#ifndef SNN_SIM_KERNEL_SIMD_H
#define SNN_SIM_KERNEL_SIMD_H

#if defined(SNNSIM_VECTOR)

#include "sim/kernel/kernel.h"

#define SNNSIM_SCATTER_TILE 10u /* vectors of current; leaves six for weights and products */
#define SNNSIM_SCATTER_WIDE 8u  /* of footprints that take several tiles */
#define SNNSIM_INLINE static inline __attribute__((always_inline))

/* Adds the events to one tile of `vectors` vectors of every row and segment. `weights` and `count`
 * are of the run. */
SNNSIM_INLINE void add_tile(float *current, const float *weights, const uint32_t *offset,
                            const float *count, size_t event_count,
                            const struct snnsim_footprint *f, uint32_t vectors)
{
    for (uint32_t row = 0; row < f->rows; row++) {
        for (uint32_t s = 0; s < f->segments; s++) {
            float *to = current + row * f->row_stride + s * f->segment_stride;
            const float *from = weights + (row * f->segments + s) * f->length;
            struct vector sum[SNNSIM_SCATTER_TILE];
            for (uint32_t i = 0; i < vectors; i++)
                sum[i] = load(to + i * SNNSIM_LANES);
            for (size_t e = 0; e < event_count; e++) {
                const float *w = from + offset[e];
                const struct vector n = alike(count[e]);
                for (uint32_t i = 0; i < vectors; i++)
                    sum[i] = plus(sum[i], times(n, load(w + i * SNNSIM_LANES)));
            }
            for (uint32_t i = 0; i < vectors; i++)
                store(to + i * SNNSIM_LANES, sum[i]);
        }
    }
}

/* All runs of a footprint that is one tile, its width known at compile time so that the sums are
 * registers. */
SNNSIM_INLINE void scatter_narrow(float *current, const float *weights,
                                  const struct snnsim_events *events,
                                  const struct snnsim_footprint *f, uint32_t vectors)
{
    const uint32_t *offset = events->weights;
    const float *count = events->count;
    for (size_t r = 0; r < events->run_count; r++) {
        const struct snnsim_run run = events->runs[r];
        add_tile(current + run.target, weights, offset, count, run.count, f, vectors);
        offset += run.count;
        count += run.count;
    }
}

/* All tiles of one run before the next: footprints of neighbours overlap, and each lane must
 * receive its additions in the order of the events. */
static void scatter_wide(float *current, const float *weights, const struct snnsim_events *events,
                         const struct snnsim_footprint *f)
{
    const uint32_t vectors = f->length / SNNSIM_LANES;
    const uint32_t *offset = events->weights;
    const float *count = events->count;
    for (size_t r = 0; r < events->run_count; r++) {
        const struct snnsim_run run = events->runs[r];
        uint32_t at = 0;
        for (; at + SNNSIM_SCATTER_WIDE <= vectors; at += SNNSIM_SCATTER_WIDE)
            add_tile(current + run.target + at * SNNSIM_LANES, weights + at * SNNSIM_LANES, offset,
                     count, run.count, f, SNNSIM_SCATTER_WIDE);
        for (; at + 2 <= vectors; at += 2)
            add_tile(current + run.target + at * SNNSIM_LANES, weights + at * SNNSIM_LANES, offset,
                     count, run.count, f, 2);
        if (at < vectors)
            add_tile(current + run.target + at * SNNSIM_LANES, weights + at * SNNSIM_LANES, offset,
                     count, run.count, f, 1);
        offset += run.count;
        count += run.count;
    }
}

static void scatter(float *current, const float *weights, const struct snnsim_events *events,
                    const struct snnsim_footprint *f)
{
    if (f->ragged) {
        struct snnsim_kernels scalar;
        snnsim_scalar_kernels(&scalar);
        scalar.scatter(current, weights, events, f);
        return;
    }
    switch (f->length / SNNSIM_LANES) {
    case 1:
        scatter_narrow(current, weights, events, f, 1);
        break;
    case 2:
        scatter_narrow(current, weights, events, f, 2);
        break;
    case 3:
        scatter_narrow(current, weights, events, f, 3);
        break;
    case 4:
        scatter_narrow(current, weights, events, f, 4);
        break;
    case 5:
        scatter_narrow(current, weights, events, f, 5);
        break;
    case 6:
        scatter_narrow(current, weights, events, f, 6);
        break;
    case 7:
        scatter_narrow(current, weights, events, f, 7);
        break;
    case 8:
        scatter_narrow(current, weights, events, f, 8);
        break;
    case 9:
        scatter_narrow(current, weights, events, f, 9);
        break;
    case SNNSIM_SCATTER_TILE:
        scatter_narrow(current, weights, events, f, SNNSIM_SCATTER_TILE);
        break;
    default:
        scatter_wide(current, weights, events, f);
        break;
    }
}

/* The constants of firing in registers; one of its variants is chosen at compile time. */
struct snnsim_firing {
    struct vector threshold, twice, v_min, spikes_max;
    bool unit_threshold; /* the division is the identity */
    bool reset_zero;
};

/* One step of a vector of neurons: returns the spikes.
 *
 * Steps of one neuron wait for each other, and a division is the longest part of that chain. The
 * rounded quotient reaches 1 exactly where x reaches the threshold, and 2 where it reaches twice
 * that (a power of two divides out): only vectors with several spikes in a lane are divided. */
SNNSIM_INLINE struct vector fire_vector(struct vector *v, struct vector input,
                                        const struct snnsim_firing *f)
{
    const struct vector zero = alike(0.0f);
    const struct vector x = plus(*v, input);
    const struct vector fired = at_least(x, f->threshold); /* a NaN fires nothing */
    struct vector n, rest;
    if (!f->unit_threshold && bits(at_least(x, f->twice)) == 0) {
        n = keep(fired, alike(1.0f));
        rest = either(fired, f->reset_zero ? zero : minus(x, f->threshold), x);
    } else {
        n = larger(x, zero); /* a NaN becomes 0: larger is its second operand */
        if (!f->unit_threshold) n = over(n, f->threshold);
        n = truncated(n);
        n = smaller(n, f->spikes_max);
        rest = f->reset_zero ? either(fired, zero, x)
                             : minus(x, f->unit_threshold ? n : times(n, f->threshold));
    }
    *v = larger(rest, f->v_min);
    return n;
}

/* A bit a lane that is not 0; a NaN counts as 0. */
SNNSIM_INLINE uint8_t set_lanes(struct vector a)
{
    return bits(differs(a, alike(0.0f)));
}

SNNSIM_INLINE void fire_row(float *v, float *current, const float *bias, float *count,
                            uint8_t *mask, size_t length, const struct snnsim_firing *f)
{
    for (size_t i = 0; i < length; i += SNNSIM_LANES) {
        struct vector x = load(v + i);
        const struct vector input = plus(load(current + i), load(bias + i));
        const struct vector n = fire_vector(&x, input, f);
        store(current + i, alike(0.0f));
        store(v + i, x);
        store(count + i, n);
        mask[i / SNNSIM_LANES] = set_lanes(n);
    }
}

SNNSIM_INLINE struct snnsim_firing firing_of(const struct snnsim_neuron *neuron, bool unit,
                                             bool reset_zero)
{
    const struct vector threshold = alike(neuron->threshold);
    return (struct snnsim_firing){threshold,
                                  plus(threshold, threshold),
                                  alike(neuron->v_min),
                                  alike(neuron->spikes_max),
                                  unit,
                                  reset_zero};
}

static bool has_unit_threshold(const struct snnsim_neuron *neuron)
{
    return !(neuron->threshold < 1.0f) && !(neuron->threshold > 1.0f);
}

static void fire(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                 size_t length, const struct snnsim_neuron *neuron)
{
    const struct snnsim_firing to_zero = firing_of(neuron, false, true);
    const struct snnsim_firing unit = firing_of(neuron, true, false);
    const struct snnsim_firing any = firing_of(neuron, false, false);
    if (neuron->reset_zero)
        fire_row(v, current, bias, count, mask, length, &to_zero);
    else if (has_unit_threshold(neuron))
        fire_row(v, current, bias, count, mask, length, &unit);
    else
        fire_row(v, current, bias, count, mask, length, &any);
}

SNNSIM_INLINE struct snnsim_firing firing_of_lanes(const struct snnsim_neurons *neurons,
                                                   size_t lane, bool reset_zero)
{
    const struct vector threshold = load(neurons->threshold + lane);
    return (struct snnsim_firing){threshold,
                                  plus(threshold, threshold),
                                  load(neurons->v_min + lane),
                                  alike(neurons->spikes_max),
                                  false,
                                  reset_zero};
}

SNNSIM_INLINE void fire_each_row(float *v, float *current, const float *bias, float *count,
                                 uint8_t *mask, size_t length, const struct snnsim_neurons *neurons,
                                 bool reset_zero)
{
    for (size_t i = 0; i < length; i += SNNSIM_LANES) {
        const struct snnsim_firing f = firing_of_lanes(neurons, i, reset_zero);
        fire_row(v + i, current + i, bias + i, count + i, mask + i / SNNSIM_LANES, SNNSIM_LANES,
                 &f);
    }
}

static void fire_each(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                      size_t length, const struct snnsim_neurons *neurons)
{
    if (neurons->reset_zero)
        fire_each_row(v, current, bias, count, mask, length, neurons, true);
    else
        fire_each_row(v, current, bias, count, mask, length, neurons, false);
}

/* ---- Time batching ---- */

#define SNNSIM_BLOCK_STEPS_1 8u /* of a tile of one vector: sums that fit the registers */
#define SNNSIM_BLOCK_STEPS_2 6u /* of a tile of two */

/* Adds all taps to `steps` steps of a tile of `vectors` vectors. Both are known at compile time:
 * the sums are registers, each weight is loaded once, each count broadcast once. */
SNNSIM_INLINE void accumulate_block(const struct snnsim_batch *b, const float *weights,
                                    const float *count, float *sums, uint32_t steps,
                                    uint32_t vectors)
{
    const struct snnsim_tap *taps = b->taps;
    const size_t tap_count = b->tap_count;
    const float *rows[SNNSIM_BLOCK_STEPS_1];
    struct vector sum[SNNSIM_BLOCK_STEPS_2 * 2];
    for (uint32_t t = 0; t < steps; t++)
        rows[t] = count + t * b->step_stride;
    for (uint32_t i = 0; i < steps * vectors; i++)
        sum[i] = load(sums + i * SNNSIM_LANES);
    for (size_t k = 0; k < tap_count; k++) {
        const float *w = weights + taps[k].weights;
        const size_t at = taps[k].count;
        const struct vector low = load(w);
        const struct vector high = vectors > 1 ? load(w + SNNSIM_LANES) : low;
        for (uint32_t t = 0; t < steps; t++) {
            const struct vector n = alike(rows[t][at]);
            struct vector *to = sum + t * vectors;
            to[0] = plus(to[0], times(n, low));
            if (vectors > 1) to[1] = plus(to[1], times(n, high));
        }
    }
    for (uint32_t i = 0; i < steps * vectors; i++)
        store(sums + i * SNNSIM_LANES, sum[i]);
}

SNNSIM_INLINE void accumulate_some(const struct snnsim_batch *b, const float *weights,
                                   const float *count, float *sums, uint32_t steps,
                                   uint32_t vectors)
{
    switch (steps) {
    case 1:
        accumulate_block(b, weights, count, sums, 1, vectors);
        break;
    case 2:
        accumulate_block(b, weights, count, sums, 2, vectors);
        break;
    case 3:
        accumulate_block(b, weights, count, sums, 3, vectors);
        break;
    case 4:
        accumulate_block(b, weights, count, sums, 4, vectors);
        break;
    case 5:
        accumulate_block(b, weights, count, sums, 5, vectors);
        break;
    case SNNSIM_BLOCK_STEPS_2:
        accumulate_block(b, weights, count, sums, SNNSIM_BLOCK_STEPS_2, vectors);
        break;
    case 7:
        if (vectors == 1) accumulate_block(b, weights, count, sums, 7, 1);
        break;
    case SNNSIM_BLOCK_STEPS_1:
        if (vectors == 1) accumulate_block(b, weights, count, sums, SNNSIM_BLOCK_STEPS_1, 1);
        break;
    default:
        break;
    }
}

/* The steps in as few blocks as there can be, as even as they can be. */
SNNSIM_INLINE void accumulate_tile(const struct snnsim_batch *b, const float *weights,
                                   const float *count, float *sums, uint32_t vectors)
{
    const uint32_t most = vectors == 1 ? SNNSIM_BLOCK_STEPS_1 : SNNSIM_BLOCK_STEPS_2;
    uint32_t left = b->steps;
    for (uint32_t blocks = (left + most - 1) / most; blocks > 0; blocks--) {
        const uint32_t steps = (left + blocks - 1) / blocks;
        accumulate_some(b, weights, count, sums, steps, vectors);
        left -= steps;
        count += steps * b->step_stride;
        sums += (size_t)steps * vectors * SNNSIM_LANES;
    }
}

static void accumulate(const struct snnsim_batch *batch, const float *weights, const float *count,
                       float *sums)
{
    if (batch->lanes == SNNSIM_TILE_LANES)
        accumulate_tile(batch, weights, count, sums, 2);
    else
        accumulate_tile(batch, weights, count, sums, 1);
}

/* A tile of `vectors` vectors over all steps, its potentials in registers. */
SNNSIM_INLINE void fire_tile(float *v, const float *sums, const float *bias, uint32_t steps,
                             uint32_t vectors, const struct snnsim_firing *f,
                             const struct snnsim_fired *out)
{
    float *count = out->count;
    uint8_t *mask = out->mask;
    uint8_t any[2] = {0, 0};
    struct vector x[2], b[2];
    for (uint32_t i = 0; i < vectors; i++) {
        x[i] = load(v + i * SNNSIM_LANES);
        b[i] = load(bias + i * SNNSIM_LANES);
    }
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t i = 0; i < vectors; i++, sums += SNNSIM_LANES) {
            const struct vector n = fire_vector(&x[i], plus(load(sums), b[i]), &f[i]);
            store(count + i * SNNSIM_LANES, n);
            mask[i] = set_lanes(n);
            any[i] |= mask[i];
        }
        count += out->count_stride;
        mask += out->mask_stride;
    }
    for (uint32_t i = 0; i < vectors; i++) {
        store(v + i * SNNSIM_LANES, x[i]);
        if (out->any != NULL) out->any[i] = any[i];
    }
}

SNNSIM_INLINE void fire_alike(float *v, const float *sums, const float *bias, uint32_t steps,
                              const struct snnsim_neuron *neuron, const struct snnsim_fired *out,
                              uint32_t vectors)
{
    const struct snnsim_firing to_zero = firing_of(neuron, false, true);
    const struct snnsim_firing unit = firing_of(neuron, true, false);
    const struct snnsim_firing other = firing_of(neuron, false, false);
    if (neuron->reset_zero)
        fire_tile(v, sums, bias, steps, vectors, (struct snnsim_firing[]){to_zero, to_zero}, out);
    else if (has_unit_threshold(neuron))
        fire_tile(v, sums, bias, steps, vectors, (struct snnsim_firing[]){unit, unit}, out);
    else
        fire_tile(v, sums, bias, steps, vectors, (struct snnsim_firing[]){other, other}, out);
}

static void fire_steps(float *v, const float *sums, const float *bias, uint32_t steps,
                       uint32_t lanes, const struct snnsim_neuron *neuron,
                       const struct snnsim_fired *out)
{
    if (lanes == SNNSIM_TILE_LANES)
        fire_alike(v, sums, bias, steps, neuron, out, 2);
    else
        fire_alike(v, sums, bias, steps, neuron, out, 1);
}

SNNSIM_INLINE void fire_different(float *v, const float *sums, const float *bias, uint32_t steps,
                                  const struct snnsim_neurons *neurons,
                                  const struct snnsim_fired *out, uint32_t vectors)
{
    const size_t last = (vectors - 1) * SNNSIM_LANES;
    const struct snnsim_firing to_zero[] = {firing_of_lanes(neurons, 0, true),
                                            firing_of_lanes(neurons, last, true)};
    const struct snnsim_firing other[] = {firing_of_lanes(neurons, 0, false),
                                          firing_of_lanes(neurons, last, false)};
    if (neurons->reset_zero)
        fire_tile(v, sums, bias, steps, vectors, to_zero, out);
    else
        fire_tile(v, sums, bias, steps, vectors, other, out);
}

static void fire_each_steps(float *v, const float *sums, const float *bias, uint32_t steps,
                            uint32_t lanes, const struct snnsim_neurons *neurons,
                            const struct snnsim_fired *out)
{
    if (lanes == SNNSIM_TILE_LANES)
        fire_different(v, sums, bias, steps, neurons, out, 2);
    else
        fire_different(v, sums, bias, steps, neurons, out, 1);
}

static void mark(const float *count, size_t vectors, uint8_t *mask)
{
    for (size_t i = 0; i < vectors; i++)
        mask[i] = set_lanes(load(count + i * SNNSIM_LANES));
}

SNNSIM_INLINE void pool_row(const float *in, const struct snnsim_window *w, uint32_t width,
                            float *out, uint8_t *mask, uint32_t kernel_h, uint32_t kernel_w)
{
    for (uint32_t x = 0; x < width; x++, in += w->step) {
        for (size_t lane = 0; lane < w->column_stride; lane += SNNSIM_LANES) {
            struct vector sum = load(in + lane);
            for (uint32_t ky = 0; ky < kernel_h; ky++) {
                for (uint32_t kx = ky == 0 ? 1 : 0; kx < kernel_w; kx++)
                    sum = plus(sum, load(in + ky * w->row_stride + kx * w->column_stride + lane));
            }
            store(out, sum);
            *mask++ = set_lanes(sum);
            out += SNNSIM_LANES;
        }
    }
}

static void pool(const float *in, const struct snnsim_window *w, uint32_t width, float *out,
                 uint8_t *mask)
{
    if (w->kernel_h == 2 && w->kernel_w == 2)
        pool_row(in, w, width, out, mask, 2, 2);
    else
        pool_row(in, w, width, out, mask, w->kernel_h, w->kernel_w);
}

/* What has a vector's name in every level; a level adds what is its own. */
static void fill_simd_kernels(struct snnsim_kernels *kernels)
{
    kernels->scatter = scatter;
    kernels->fire = fire;
    kernels->fire_each = fire_each;
    kernels->accumulate = accumulate;
    kernels->fire_steps = fire_steps;
    kernels->fire_each_steps = fire_each_steps;
    kernels->mark = mark;
    kernels->pool = pool;
}

#endif

#endif
