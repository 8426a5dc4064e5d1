/* The kernels with AVX2. Multiplications and additions of floats stay apart (no FMA), in the
 * events' order.
 *
 * The events of a run are taken together: a tile of up to TILE_MAX vectors of current is loaded
 * once, receives them all in registers, and is stored once.
 */
#include "sim/kernel/kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TILE_MAX 10u /* vectors of current in registers: leaves six for weights and products */
#define WIDE_TILE 8u /* of footprints that take several tiles */
#define INLINE static inline __attribute__((always_inline))

/* Adds the events to one tile of `vectors` vectors of every row and segment. `weights` and `count`
 * are of the run. */
INLINE void add_tile(float *current, const float *weights, const uint32_t *offset,
                     const float *count, size_t event_count, const struct snnsim_footprint *f,
                     uint32_t vectors)
{
    for (uint32_t row = 0; row < f->rows; row++) {
        for (uint32_t s = 0; s < f->segments; s++) {
            float *to = current + row * f->row_stride + s * f->segment_stride;
            const float *from = weights + (row * f->segments + s) * f->length;
            __m256 sum[TILE_MAX];
            for (uint32_t i = 0; i < vectors; i++)
                sum[i] = _mm256_loadu_ps(to + i * SNNSIM_LANES);
            for (size_t e = 0; e < event_count; e++) {
                const float *w = from + offset[e];
                const __m256 n = _mm256_broadcast_ss(count + e);
                for (uint32_t i = 0; i < vectors; i++)
                    sum[i] = _mm256_add_ps(sum[i],
                                           _mm256_mul_ps(n, _mm256_loadu_ps(w + i * SNNSIM_LANES)));
            }
            for (uint32_t i = 0; i < vectors; i++)
                _mm256_storeu_ps(to + i * SNNSIM_LANES, sum[i]);
        }
    }
}

/* All runs of a footprint that is one tile, its width known at compile time so that the sums are
 * registers. */
INLINE void scatter_narrow(float *current, const float *weights, const struct snnsim_events *events,
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
        for (; at + WIDE_TILE <= vectors; at += WIDE_TILE)
            add_tile(current + run.target + at * SNNSIM_LANES, weights + at * SNNSIM_LANES, offset,
                     count, run.count, f, WIDE_TILE);
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
    case TILE_MAX:
        scatter_narrow(current, weights, events, f, TILE_MAX);
        break;
    default:
        scatter_wide(current, weights, events, f);
        break;
    }
}

/* For each mask byte the numbers of its set bits in ascending order, a byte each: the permutation
 * that moves the lanes of the set bits to the front. */
#define BIT(m, b) (((uint64_t)(m) >> (b)) & 1u)
#define RANK1(m) BIT(m, 0)
#define RANK2(m) (RANK1(m) + BIT(m, 1))
#define RANK3(m) (RANK2(m) + BIT(m, 2))
#define RANK4(m) (RANK3(m) + BIT(m, 3))
#define RANK5(m) (RANK4(m) + BIT(m, 4))
#define RANK6(m) (RANK5(m) + BIT(m, 5))
#define RANK7(m) (RANK6(m) + BIT(m, 6))
#define PLACE(m, b) (BIT(m, b) * (b##u) << (8u * RANK##b(m)))
#define FRONT(m)                                                                         \
    (PLACE(m, 1) | PLACE(m, 2) | PLACE(m, 3) | PLACE(m, 4) | PLACE(m, 5) | PLACE(m, 6) | \
     PLACE(m, 7))
#define FRONT4(m) FRONT(m), FRONT((m) + 1), FRONT((m) + 2), FRONT((m) + 3)
#define FRONT16(m) FRONT4(m), FRONT4((m) + 4), FRONT4((m) + 8), FRONT4((m) + 12)
#define FRONT64(m) FRONT16(m), FRONT16((m) + 16), FRONT16((m) + 32), FRONT16((m) + 48)

static const uint64_t front[256] = {FRONT64(0), FRONT64(64), FRONT64(128), FRONT64(192)};

INLINE __m256i front_lanes(uint8_t mask)
{
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)front[mask]));
}

static size_t gather(const uint8_t *mask, const float *count, size_t vectors, uint32_t base,
                     uint32_t step, uint32_t *weights_out, float *count_out, uint64_t *spikes)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i steps = _mm256_set1_epi32((int32_t)step);
    __m256d sum = _mm256_setzero_pd();
    size_t n = 0;
    for (size_t i = 0; i < vectors; i++) {
        if (mask[i] == 0) continue;
        const __m256 counts = _mm256_loadu_ps(count + i * SNNSIM_LANES);
        const __m256i order = front_lanes(mask[i]);
        const __m256i channel = _mm256_add_epi32(lane, _mm256_set1_epi32((int32_t)(i * 8)));
        const __m256i offset =
            _mm256_add_epi32(_mm256_mullo_epi32(channel, steps), _mm256_set1_epi32((int32_t)base));
        _mm256_storeu_si256((__m256i *)(void *)(weights_out + n),
                            _mm256_permutevar8x32_epi32(offset, order));
        _mm256_storeu_ps(count_out + n, _mm256_permutevar8x32_ps(counts, order));
        n += (size_t)__builtin_popcount(mask[i]);
        /* In double: pooled counts may exceed 32 bits, their sums stay below 53. Lanes without
         * their bit hold 0. */
        sum = _mm256_add_pd(sum, _mm256_cvtps_pd(_mm256_castps256_ps128(counts)));
        sum = _mm256_add_pd(sum, _mm256_cvtps_pd(_mm256_extractf128_ps(counts, 1)));
    }
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    *spikes += (uint64_t)(_mm_cvtsd_f64(half) + _mm_cvtsd_f64(_mm_unpackhi_pd(half, half)));
    return n;
}

/* The constants of firing in registers; one of its variants is chosen at compile time. */
struct firing {
    __m256 threshold, twice, v_min, spikes_max;
    bool unit_threshold; /* the division is the identity */
    bool reset_zero;
};

/* One step of a vector of neurons: returns the spikes.
 *
 * Steps of one neuron wait for each other, and a division is the longest part of that chain. The
 * rounded quotient reaches 1 exactly where x reaches the threshold, and 2 where it reaches twice
 * that (a power of two divides out): only vectors with several spikes in a lane are divided. */
INLINE __m256 fire_vector(__m256 *v, __m256 input, const struct firing *f)
{
    const __m256 zero = _mm256_setzero_ps();
    const __m256 x = _mm256_add_ps(*v, input);
    const __m256 fired = _mm256_cmp_ps(x, f->threshold, _CMP_GE_OQ); /* a NaN fires nothing */
    __m256 n, rest;
    if (!f->unit_threshold && _mm256_movemask_ps(_mm256_cmp_ps(x, f->twice, _CMP_GE_OQ)) == 0) {
        n = _mm256_and_ps(fired, _mm256_set1_ps(1.0f));
        rest = _mm256_blendv_ps(x, f->reset_zero ? zero : _mm256_sub_ps(x, f->threshold), fired);
    } else {
        n = _mm256_max_ps(x, zero); /* a NaN becomes 0: maxps returns its second operand */
        if (!f->unit_threshold) n = _mm256_div_ps(n, f->threshold);
        n = _mm256_round_ps(n, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
        n = _mm256_min_ps(n, f->spikes_max);
        rest = f->reset_zero
                   ? _mm256_andnot_ps(fired, x)
                   : _mm256_sub_ps(x, f->unit_threshold ? n : _mm256_mul_ps(n, f->threshold));
    }
    *v = _mm256_max_ps(rest, f->v_min);
    return n;
}

INLINE uint8_t fired_lanes(__m256 n)
{
    return (uint8_t)_mm256_movemask_ps(_mm256_cmp_ps(n, _mm256_setzero_ps(), _CMP_GT_OQ));
}

INLINE void fire_row(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                     size_t length, const struct firing *f)
{
    for (size_t i = 0; i < length; i += SNNSIM_LANES) {
        __m256 x = _mm256_load_ps(v + i);
        const __m256 input = _mm256_add_ps(_mm256_load_ps(current + i), _mm256_load_ps(bias + i));
        const __m256 n = fire_vector(&x, input, f);
        _mm256_store_ps(current + i, _mm256_setzero_ps());
        _mm256_store_ps(v + i, x);
        _mm256_store_ps(count + i, n);
        mask[i / SNNSIM_LANES] = fired_lanes(n);
    }
}

INLINE struct firing firing_of(const struct snnsim_neuron *neuron, bool unit, bool reset_zero)
{
    const __m256 threshold = _mm256_set1_ps(neuron->threshold);
    return (struct firing){threshold,
                           _mm256_add_ps(threshold, threshold),
                           _mm256_set1_ps(neuron->v_min),
                           _mm256_set1_ps(neuron->spikes_max),
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
    const struct firing to_zero = firing_of(neuron, false, true);
    const struct firing unit = firing_of(neuron, true, false);
    const struct firing any = firing_of(neuron, false, false);
    if (neuron->reset_zero)
        fire_row(v, current, bias, count, mask, length, &to_zero);
    else if (has_unit_threshold(neuron))
        fire_row(v, current, bias, count, mask, length, &unit);
    else
        fire_row(v, current, bias, count, mask, length, &any);
}

INLINE struct firing firing_of_lanes(const struct snnsim_neurons *neurons, size_t lane,
                                     bool reset_zero)
{
    const __m256 threshold = _mm256_loadu_ps(neurons->threshold + lane);
    return (struct firing){threshold,
                           _mm256_add_ps(threshold, threshold),
                           _mm256_loadu_ps(neurons->v_min + lane),
                           _mm256_set1_ps(neurons->spikes_max),
                           false,
                           reset_zero};
}

INLINE void fire_each_row(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                          size_t length, const struct snnsim_neurons *neurons, bool reset_zero)
{
    for (size_t i = 0; i < length; i += SNNSIM_LANES) {
        const struct firing f = firing_of_lanes(neurons, i, reset_zero);
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

static size_t list(const uint8_t *mask, size_t bytes, struct snnsim_tap first, uint32_t step,
                   struct snnsim_tap *taps)
{
    const __m256i steps = _mm256_set1_epi32((int32_t)step);
    const __m256i weights = _mm256_set1_epi32((int32_t)first.weights);
    const __m256i count = _mm256_set1_epi32((int32_t)first.count);
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (mask[i] == 0) continue;
        const __m256i input =
            _mm256_add_epi32(front_lanes(mask[i]), _mm256_set1_epi32((int32_t)(i * SNNSIM_LANES)));
        const __m256i w = _mm256_add_epi32(_mm256_mullo_epi32(input, steps), weights);
        const __m256i c = _mm256_add_epi32(input, count);
        const __m256i low = _mm256_unpacklo_epi32(w, c), high = _mm256_unpackhi_epi32(w, c);
        __m256i *to = (__m256i *)(void *)(taps + n);
        _mm256_storeu_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
        n += (size_t)__builtin_popcount(mask[i]);
    }
    return n;
}

#define BLOCK_STEPS_1 8u /* of a tile of one vector: sums that fit the registers */
#define BLOCK_STEPS_2 6u /* of a tile of two */

/* Adds all taps to `steps` steps of a tile of `vectors` vectors. Both are known at compile time:
 * the sums are registers, each weight is loaded once, each count broadcast once. */
INLINE void accumulate_block(const struct snnsim_batch *b, const float *weights, const float *count,
                             float *sums, uint32_t steps, uint32_t vectors)
{
    const struct snnsim_tap *taps = b->taps;
    const size_t tap_count = b->tap_count;
    const float *rows[BLOCK_STEPS_1];
    __m256 sum[BLOCK_STEPS_2 * 2];
    for (uint32_t t = 0; t < steps; t++)
        rows[t] = count + t * b->step_stride;
    for (uint32_t i = 0; i < steps * vectors; i++)
        sum[i] = _mm256_loadu_ps(sums + i * SNNSIM_LANES);
    for (size_t k = 0; k < tap_count; k++) {
        const float *w = weights + taps[k].weights;
        const size_t at = taps[k].count;
        const __m256 low = _mm256_loadu_ps(w);
        const __m256 high = vectors > 1 ? _mm256_loadu_ps(w + SNNSIM_LANES) : low;
        for (uint32_t t = 0; t < steps; t++) {
            const __m256 n = _mm256_broadcast_ss(rows[t] + at);
            __m256 *to = sum + t * vectors;
            to[0] = _mm256_add_ps(to[0], _mm256_mul_ps(n, low));
            if (vectors > 1) to[1] = _mm256_add_ps(to[1], _mm256_mul_ps(n, high));
        }
    }
    for (uint32_t i = 0; i < steps * vectors; i++)
        _mm256_storeu_ps(sums + i * SNNSIM_LANES, sum[i]);
}

INLINE void accumulate_some(const struct snnsim_batch *b, const float *weights, const float *count,
                            float *sums, uint32_t steps, uint32_t vectors)
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
    case BLOCK_STEPS_2:
        accumulate_block(b, weights, count, sums, BLOCK_STEPS_2, vectors);
        break;
    case 7:
        if (vectors == 1) accumulate_block(b, weights, count, sums, 7, 1);
        break;
    case BLOCK_STEPS_1:
        if (vectors == 1) accumulate_block(b, weights, count, sums, BLOCK_STEPS_1, 1);
        break;
    default:
        break;
    }
}

/* The steps in as few blocks as there can be, as even as they can be. */
INLINE void accumulate_tile(const struct snnsim_batch *b, const float *weights, const float *count,
                            float *sums, uint32_t vectors)
{
    const uint32_t most = vectors == 1 ? BLOCK_STEPS_1 : BLOCK_STEPS_2;
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
INLINE void fire_tile(float *v, const float *sums, const float *bias, uint32_t steps,
                      uint32_t vectors, const struct firing *f, const struct snnsim_fired *out)
{
    float *count = out->count;
    uint8_t *mask = out->mask;
    uint8_t any[2] = {0, 0};
    __m256 x[2], b[2];
    for (uint32_t i = 0; i < vectors; i++) {
        x[i] = _mm256_loadu_ps(v + i * SNNSIM_LANES);
        b[i] = _mm256_loadu_ps(bias + i * SNNSIM_LANES);
    }
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t i = 0; i < vectors; i++, sums += SNNSIM_LANES) {
            const __m256 n = fire_vector(&x[i], _mm256_add_ps(_mm256_loadu_ps(sums), b[i]), &f[i]);
            _mm256_storeu_ps(count + i * SNNSIM_LANES, n);
            mask[i] = fired_lanes(n);
            any[i] |= mask[i];
        }
        count += out->count_stride;
        mask += out->mask_stride;
    }
    for (uint32_t i = 0; i < vectors; i++) {
        _mm256_storeu_ps(v + i * SNNSIM_LANES, x[i]);
        if (out->any != NULL) out->any[i] = any[i];
    }
}

INLINE void fire_alike(float *v, const float *sums, const float *bias, uint32_t steps,
                       const struct snnsim_neuron *neuron, const struct snnsim_fired *out,
                       uint32_t vectors)
{
    const struct firing to_zero = firing_of(neuron, false, true);
    const struct firing unit = firing_of(neuron, true, false);
    const struct firing other = firing_of(neuron, false, false);
    if (neuron->reset_zero)
        fire_tile(v, sums, bias, steps, vectors, (struct firing[]){to_zero, to_zero}, out);
    else if (has_unit_threshold(neuron))
        fire_tile(v, sums, bias, steps, vectors, (struct firing[]){unit, unit}, out);
    else
        fire_tile(v, sums, bias, steps, vectors, (struct firing[]){other, other}, out);
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

INLINE void fire_different(float *v, const float *sums, const float *bias, uint32_t steps,
                           const struct snnsim_neurons *neurons, const struct snnsim_fired *out,
                           uint32_t vectors)
{
    const size_t last = (vectors - 1) * SNNSIM_LANES;
    const struct firing to_zero[] = {firing_of_lanes(neurons, 0, true),
                                     firing_of_lanes(neurons, last, true)};
    const struct firing other[] = {firing_of_lanes(neurons, 0, false),
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
        mask[i] = (uint8_t)_mm256_movemask_ps(_mm256_cmp_ps(
            _mm256_loadu_ps(count + i * SNNSIM_LANES), _mm256_setzero_ps(), _CMP_NEQ_OQ));
}

INLINE uint64_t add_doubles(__m256d sum)
{
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    return (uint64_t)(_mm_cvtsd_f64(half) + _mm_cvtsd_f64(_mm_unpackhi_pd(half, half)));
}

/* In double, where all of it is exact. */
static struct snnsim_reached reach(const float *count, const uint8_t *mask, uint32_t width,
                                   uint32_t lanes, const uint32_t *fanout)
{
    __m256d spikes = _mm256_setzero_pd(), targets = _mm256_setzero_pd();
    for (uint32_t x = 0; x < width; x++, mask += lanes / SNNSIM_LANES, count += lanes) {
        const __m256d columns = _mm256_set1_pd((double)fanout[x]);
        for (uint32_t lane = 0; lane < lanes; lane += SNNSIM_LANES) {
            if (mask[lane / SNNSIM_LANES] == 0) continue;
            const __m256d n = _mm256_add_pd(_mm256_cvtps_pd(_mm_loadu_ps(count + lane)),
                                            _mm256_cvtps_pd(_mm_loadu_ps(count + lane + 4)));
            spikes = _mm256_add_pd(spikes, n);
            targets = _mm256_add_pd(targets, _mm256_mul_pd(n, columns));
        }
    }
    return (struct snnsim_reached){add_doubles(spikes), add_doubles(targets)};
}

INLINE void pool_row(const float *in, const struct snnsim_window *w, uint32_t width, float *out,
                     uint8_t *mask, uint32_t kernel_h, uint32_t kernel_w)
{
    const __m256 zero = _mm256_setzero_ps();
    for (uint32_t x = 0; x < width; x++, in += w->step) {
        for (size_t lane = 0; lane < w->column_stride; lane += SNNSIM_LANES) {
            __m256 sum = _mm256_load_ps(in + lane);
            for (uint32_t ky = 0; ky < kernel_h; ky++) {
                for (uint32_t kx = ky == 0 ? 1 : 0; kx < kernel_w; kx++)
                    sum = _mm256_add_ps(sum, _mm256_load_ps(in + ky * w->row_stride +
                                                            kx * w->column_stride + lane));
            }
            _mm256_store_ps(out, sum);
            *mask++ = (uint8_t)_mm256_movemask_ps(_mm256_cmp_ps(sum, zero, _CMP_NEQ_OQ));
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

INLINE __m256i multiply_add(__m256i sum, __m256i x, const int16_t *w)
{
    return _mm256_add_epi32(
        sum, _mm256_madd_epi16(x, _mm256_loadu_si256((const __m256i *)(const void *)w)));
}

/* The sums of four vectors' lanes. */
INLINE __m128i add_lanes(__m256i a, __m256i b, __m256i c, __m256i d)
{
    const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

static void multiply(const int16_t *restrict x, const int16_t *restrict weights, size_t depth,
                     size_t outputs, int32_t *restrict sums)
{
    for (size_t o = 0; o < outputs; o += 4) {
        /* Beyond the last output the last is taken again. */
        const size_t left = outputs - o < 4 ? outputs - o : 4;
        const int16_t *w0 = weights + o * depth;
        const int16_t *w1 = left > 1 ? w0 + depth : w0, *w2 = left > 2 ? w1 + depth : w1;
        const int16_t *w3 = left > 3 ? w2 + depth : w2;
        __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
        for (size_t k = 0; k < depth; k += SNNSIM_DEPTH_STEP) {
            const __m256i in = _mm256_loadu_si256((const __m256i *)(const void *)(x + k));
            a = multiply_add(a, in, w0 + k);
            b = multiply_add(b, in, w1 + k);
            c = multiply_add(c, in, w2 + k);
            d = multiply_add(d, in, w3 + k);
        }
        int32_t four[4];
        _mm_storeu_si128((__m128i *)(void *)four, add_lanes(a, b, c, d));
        for (size_t i = 0; i < left; i++)
            sums[o + i] = four[i];
    }
}

void snnsim_avx2_kernels(struct snnsim_kernels *kernels)
{
    kernels->level = "avx2";
    kernels->scatter = scatter;
    kernels->gather = gather;
    kernels->fire = fire;
    kernels->fire_each = fire_each;
    kernels->list = list;
    kernels->accumulate = accumulate;
    kernels->fire_steps = fire_steps;
    kernels->fire_each_steps = fire_each_steps;
    kernels->mark = mark;
    kernels->reach = reach;
    kernels->pool = pool;
    kernels->multiply = multiply;
}

#endif
