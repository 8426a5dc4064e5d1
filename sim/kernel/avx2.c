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
    __m256 threshold, v_min, spikes_max;
    bool unit_threshold; /* the division is the identity */
    bool reset_zero;
};

/* One step of a vector of neurons: returns the spikes. */
INLINE __m256 fire_vector(__m256 *v, __m256 input, const struct firing *f)
{
    const __m256 zero = _mm256_setzero_ps();
    __m256 x = _mm256_add_ps(*v, input);
    __m256 n = _mm256_max_ps(x, zero); /* a NaN becomes 0: maxps returns its second operand */
    if (!f->unit_threshold) n = _mm256_div_ps(n, f->threshold);
    n = _mm256_round_ps(n, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    n = _mm256_min_ps(n, f->spikes_max);
    if (f->reset_zero)
        x = _mm256_andnot_ps(_mm256_cmp_ps(n, zero, _CMP_GT_OQ), x);
    else
        x = _mm256_sub_ps(x, f->unit_threshold ? n : _mm256_mul_ps(n, f->threshold));
    *v = _mm256_max_ps(x, f->v_min);
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
    return (struct firing){_mm256_set1_ps(neuron->threshold), _mm256_set1_ps(neuron->v_min),
                           _mm256_set1_ps(neuron->spikes_max), unit, reset_zero};
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
    return (struct firing){_mm256_loadu_ps(neurons->threshold + lane),
                           _mm256_loadu_ps(neurons->v_min + lane),
                           _mm256_set1_ps(neurons->spikes_max), false, reset_zero};
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

/* Adds all taps to `steps` steps of a tile of `vectors` vectors. Both are known at compile time:
 * the sums are registers, each weight is loaded once, each count broadcast once. */
INLINE void accumulate_block(const struct snnsim_batch *b, const float *weights, const float *count,
                             float *sums, uint32_t steps, uint32_t vectors)
{
    __m256 sum[8];
    for (uint32_t i = 0; i < steps * vectors; i++)
        sum[i] = _mm256_loadu_ps(sums + i * SNNSIM_LANES);
    for (size_t k = 0; k < b->tap_count; k++) {
        const float *w = weights + b->taps[k].weights;
        const float *n = count + b->taps[k].count;
        __m256 weight[2];
        for (uint32_t i = 0; i < vectors; i++)
            weight[i] = _mm256_loadu_ps(w + i * SNNSIM_LANES);
        for (uint32_t t = 0; t < steps; t++) {
            const __m256 spikes = _mm256_broadcast_ss(n + t * b->step_stride);
            for (uint32_t i = 0; i < vectors; i++)
                sum[t * vectors + i] =
                    _mm256_add_ps(sum[t * vectors + i], _mm256_mul_ps(spikes, weight[i]));
        }
    }
    for (uint32_t i = 0; i < steps * vectors; i++)
        _mm256_storeu_ps(sums + i * SNNSIM_LANES, sum[i]);
}

/* Blocks of 8 sums, then what is left of the steps in halves. */
INLINE void accumulate_tile(const struct snnsim_batch *b, const float *weights, const float *count,
                            float *sums, uint32_t vectors)
{
    const uint32_t lanes = vectors * SNNSIM_LANES, most = 8 / vectors;
    uint32_t left = b->steps;
    for (; left >= most; left -= most, count += most * b->step_stride, sums += most * lanes)
        accumulate_block(b, weights, count, sums, most, vectors);
    if (vectors == 1 && left >= 4) {
        accumulate_block(b, weights, count, sums, 4, vectors);
        left -= 4, count += 4 * b->step_stride, sums += 4 * lanes;
    }
    if (left >= 2) {
        accumulate_block(b, weights, count, sums, 2, vectors);
        left -= 2, count += 2 * b->step_stride, sums += 2 * lanes;
    }
    if (left > 0) accumulate_block(b, weights, count, sums, 1, vectors);
}

static void accumulate(const struct snnsim_batch *batch, const float *weights, const float *count,
                       float *sums)
{
    if (batch->lanes == SNNSIM_TILE_LANES)
        accumulate_tile(batch, weights, count, sums, 2);
    else
        accumulate_tile(batch, weights, count, sums, 1);
}

/* One vector of a tile over all steps, its potentials in a register. */
INLINE void fire_column(float *v, const float *sums, const float *bias, uint32_t steps,
                        uint32_t lanes, const struct firing *f, const struct snnsim_fired *out)
{
    const __m256 b = _mm256_loadu_ps(bias);
    __m256 x = _mm256_loadu_ps(v);
    uint8_t any = 0;
    float *count = out->count;
    uint8_t *mask = out->mask;
    for (uint32_t t = 0; t < steps; t++) {
        const __m256 n = fire_vector(&x, _mm256_add_ps(_mm256_loadu_ps(sums), b), f);
        _mm256_storeu_ps(count, n);
        *mask = fired_lanes(n);
        any |= *mask;
        sums += lanes;
        count += out->count_stride;
        mask += out->mask_stride;
    }
    _mm256_storeu_ps(v, x);
    if (out->any != NULL) *out->any = any;
}

static struct snnsim_fired column_of(const struct snnsim_fired *out, uint32_t lane)
{
    struct snnsim_fired column = *out;
    column.count += lane;
    column.mask += lane / SNNSIM_LANES;
    if (column.any != NULL) column.any += lane / SNNSIM_LANES;
    return column;
}

static void fire_steps(float *v, const float *sums, const float *bias, uint32_t steps,
                       uint32_t lanes, const struct snnsim_neuron *neuron,
                       const struct snnsim_fired *out)
{
    const struct firing to_zero = firing_of(neuron, false, true);
    const struct firing unit = firing_of(neuron, true, false);
    const struct firing other = firing_of(neuron, false, false);
    for (uint32_t i = 0; i < lanes; i += SNNSIM_LANES) {
        const struct snnsim_fired column = column_of(out, i);
        if (neuron->reset_zero)
            fire_column(v + i, sums + i, bias + i, steps, lanes, &to_zero, &column);
        else if (has_unit_threshold(neuron))
            fire_column(v + i, sums + i, bias + i, steps, lanes, &unit, &column);
        else
            fire_column(v + i, sums + i, bias + i, steps, lanes, &other, &column);
    }
}

static void fire_each_steps(float *v, const float *sums, const float *bias, uint32_t steps,
                            uint32_t lanes, const struct snnsim_neurons *neurons,
                            const struct snnsim_fired *out)
{
    for (uint32_t i = 0; i < lanes; i += SNNSIM_LANES) {
        const struct snnsim_fired column = column_of(out, i);
        const struct firing to_zero = firing_of_lanes(neurons, i, true);
        const struct firing by_subtraction = firing_of_lanes(neurons, i, false);
        if (neurons->reset_zero)
            fire_column(v + i, sums + i, bias + i, steps, lanes, &to_zero, &column);
        else
            fire_column(v + i, sums + i, bias + i, steps, lanes, &by_subtraction, &column);
    }
}

static void mark(const float *count, size_t vectors, uint8_t *mask)
{
    for (size_t i = 0; i < vectors; i++)
        mask[i] = (uint8_t)_mm256_movemask_ps(_mm256_cmp_ps(
            _mm256_loadu_ps(count + i * SNNSIM_LANES), _mm256_setzero_ps(), _CMP_NEQ_OQ));
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
    kernels->accumulate = accumulate;
    kernels->fire_steps = fire_steps;
    kernels->fire_each_steps = fire_each_steps;
    kernels->mark = mark;
    kernels->pool = pool;
    kernels->multiply = multiply;
}

#endif
