/* The kernels with AVX2: the vector of simd.h, and the kernels that need more of the processor.
 *
 * Compiled with -mavx2 and without -mfma; called only where the processor has it.
 */
#include "sim/kernel/kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

struct vector {
    __m256 lanes;
};

static inline struct vector load(const float *from)
{
    return (struct vector){_mm256_loadu_ps(from)};
}

static inline void store(float *to, struct vector a)
{
    _mm256_storeu_ps(to, a.lanes);
}

static inline struct vector alike(float a)
{
    return (struct vector){_mm256_set1_ps(a)};
}

static inline struct vector plus(struct vector a, struct vector b)
{
    return (struct vector){_mm256_add_ps(a.lanes, b.lanes)};
}

static inline struct vector minus(struct vector a, struct vector b)
{
    return (struct vector){_mm256_sub_ps(a.lanes, b.lanes)};
}

static inline struct vector times(struct vector a, struct vector b)
{
    return (struct vector){_mm256_mul_ps(a.lanes, b.lanes)};
}

static inline struct vector over(struct vector a, struct vector b)
{
    return (struct vector){_mm256_div_ps(a.lanes, b.lanes)};
}

static inline struct vector truncated(struct vector a)
{
    return (struct vector){_mm256_round_ps(a.lanes, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)};
}

/* b where either is a NaN. */
static inline struct vector larger(struct vector a, struct vector b)
{
    return (struct vector){_mm256_max_ps(a.lanes, b.lanes)};
}

/* b where either is a NaN. */
static inline struct vector smaller(struct vector a, struct vector b)
{
    return (struct vector){_mm256_min_ps(a.lanes, b.lanes)};
}

/* Comparisons fill each lane with ones or zeros; zeros where either is a NaN. */
static inline struct vector at_least(struct vector a, struct vector b)
{
    return (struct vector){_mm256_cmp_ps(a.lanes, b.lanes, _CMP_GE_OQ)};
}

static inline struct vector differs(struct vector a, struct vector b)
{
    return (struct vector){_mm256_cmp_ps(a.lanes, b.lanes, _CMP_NEQ_OQ)};
}

static inline struct vector keep(struct vector mask, struct vector a)
{
    return (struct vector){_mm256_and_ps(mask.lanes, a.lanes)};
}

static inline struct vector either(struct vector mask, struct vector a, struct vector b)
{
    return (struct vector){_mm256_blendv_ps(b.lanes, a.lanes, mask.lanes)};
}

/* A bit a lane of a comparison. */
static inline uint8_t bits(struct vector mask)
{
    return (uint8_t)_mm256_movemask_ps(mask.lanes);
}

#define SNNSIM_VECTOR
#include "sim/kernel/front.h"
#include "sim/kernel/simd.h"

SNNSIM_INLINE __m256i front_lanes(uint8_t mask)
{
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)snnsim_front[mask]));
}

SNNSIM_INLINE uint64_t add_doubles(__m256d sum)
{
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    return (uint64_t)(_mm_cvtsd_f64(half) + _mm_cvtsd_f64(_mm_unpackhi_pd(half, half)));
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
    *spikes += add_doubles(sum);
    return n;
}

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

SNNSIM_INLINE __m256i multiply_add(__m256i sum, __m256i x, const int16_t *w)
{
    return _mm256_add_epi32(
        sum, _mm256_madd_epi16(x, _mm256_loadu_si256((const __m256i *)(const void *)w)));
}

/* The sums of four vectors' lanes. */
SNNSIM_INLINE __m128i add_lanes(__m256i a, __m256i b, __m256i c, __m256i d)
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
    fill_simd_kernels(kernels);
    kernels->gather = gather;
    kernels->list = list;
    kernels->reach = reach;
    kernels->multiply = multiply;
}

#endif
