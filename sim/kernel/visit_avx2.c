/* The visit of an event with AVX2: 8 floats or 16 whole numbers at once, and a mask of those that
 * reached their threshold.
 */
#include "sim/kernel/visit.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* Lanes of the set bits. */
INLINE uint32_t list(uint64_t mask, uint32_t at, uint32_t *hits)
{
    uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1)
        hits[count++] = at + (uint32_t)__builtin_ctzll(mask);
    return count;
}

/* What neurons fire by: all alike, or beside their potentials. */
struct limits {
    __m256 threshold, v_min;
    const float *thresholds, *v_mins;
};

/* Up to 8 vectors; a bit for each lane that reached its threshold. `vectors` and `each` are known
 * at compile time. */
INLINE uint64_t visit_block(float *v, const float *w, const struct limits *limits, size_t at,
                            size_t vectors, bool each)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < vectors; i++, at += 8) {
        const __m256 threshold =
            each ? _mm256_loadu_ps(limits->thresholds + at) : limits->threshold;
        const __m256 v_min = each ? _mm256_loadu_ps(limits->v_mins + at) : limits->v_min;
        const __m256 sum = _mm256_add_ps(_mm256_loadu_ps(v + at), _mm256_loadu_ps(w + at));
        const __m256 reached = _mm256_cmp_ps(sum, threshold, _CMP_GE_OQ);
        _mm256_storeu_ps(v + at, _mm256_max_ps(sum, v_min));
        mask |= (uint64_t)(uint32_t)_mm256_movemask_ps(reached) << 8 * i;
    }
    return mask;
}

INLINE uint64_t visit_rest(float *v, const float *w, const struct limits *limits, size_t at,
                           size_t vectors, bool each)
{
    switch (vectors) {
    case 1:
        return visit_block(v, w, limits, at, 1, each);
    case 2:
        return visit_block(v, w, limits, at, 2, each);
    case 3:
        return visit_block(v, w, limits, at, 3, each);
    case 4:
        return visit_block(v, w, limits, at, 4, each);
    case 5:
        return visit_block(v, w, limits, at, 5, each);
    case 6:
        return visit_block(v, w, limits, at, 6, each);
    case 7:
        return visit_block(v, w, limits, at, 7, each);
    default:
        return visit_block(v, w, limits, at, 8, each);
    }
}

/* One run of lanes, 64 at a time: asking a mask for its bits is what waits for the processor to
 * guess. */
INLINE uint32_t visit_run(const struct snnsim_visited *cells, uint32_t first, const float *w,
                          uint32_t length, uint32_t *hits, bool each)
{
    const struct limits limits = {_mm256_set1_ps(cells->threshold), _mm256_set1_ps(cells->v_min),
                                  each ? cells->thresholds + first : NULL,
                                  each ? cells->v_mins + first : NULL};
    float *v = cells->v + first;
    uint32_t count = 0;
    for (uint32_t i = 0; i < length; i += 64) {
        const size_t left = (length - i) / 8;
        count += list(visit_rest(v, w, &limits, i, left, each), first + i, hits + count);
    }
    return count;
}

INLINE uint32_t visit_rows(const struct snnsim_visited *cells, uint32_t target,
                           const float *weights, const struct snnsim_footprint *f, uint32_t *hits,
                           bool each)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < f->rows; row++, target += f->row_stride) {
        for (uint32_t s = 0; s < f->segments; s++, weights += f->length)
            count += visit_run(cells, target + s * f->segment_stride, weights, f->length,
                               hits + count, each);
    }
    return count;
}

static uint32_t visit(const struct snnsim_visited *cells, uint32_t target, const float *weights,
                      const struct snnsim_footprint *f, uint32_t *hits)
{
    if (f->ragged) {
        struct snnsim_visit_kernels scalar;
        snnsim_visit_scalar_kernels(&scalar);
        return scalar.visit(cells, target, weights, f, hits);
    }
    return cells->thresholds != NULL ? visit_rows(cells, target, weights, f, hits, true)
                                     : visit_rows(cells, target, weights, f, hits, false);
}

/* ---- Chip arithmetic ---- */

INLINE __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

/* Eight lanes; a byte of ones for each that reached its threshold. */
INLINE __m128i visit_eight(int16_t *v, const int16_t *w, __m128i below, __m128i v_min)
{
    const __m128i sum = _mm_adds_epi16(load(v), load(w));
    _mm_storeu_si128((__m128i *)(void *)v, _mm_max_epi16(sum, v_min));
    return _mm_packs_epi16(_mm_cmpgt_epi16(sum, below), _mm_setzero_si128());
}

/* Sixteen. */
INLINE __m128i visit_sixteen(int16_t *v, const int16_t *w, __m256i below, __m256i v_min)
{
    __m256i *at = (__m256i *)(void *)v;
    const __m256i sum = _mm256_adds_epi16(_mm256_loadu_si256(at),
                                          _mm256_loadu_si256((const __m256i *)(const void *)w));
    const __m256i reached = _mm256_cmpgt_epi16(sum, below);
    _mm256_storeu_si256(at, _mm256_max_epi16(sum, v_min));
    return _mm_packs_epi16(_mm256_castsi256_si128(reached), _mm256_extracti128_si256(reached, 1));
}

INLINE uint32_t visit_chip_run(const struct snnsim_chip_visited *cells, uint32_t first,
                               const int16_t *w, uint32_t length, uint32_t *hits, bool each)
{
    const int16_t *belows = each ? cells->belows + first : NULL;
    const int16_t *v_mins = each ? cells->v_mins + first : NULL;
    __m256i below = _mm256_set1_epi16(cells->below), v_min = _mm256_set1_epi16(cells->v_min);
    int16_t *v = cells->v + first;
    uint32_t count = 0;
    for (uint32_t i = 0; i < length;) {
        const uint32_t from = i, end = length - i < 64 ? length : i + 64;
        uint64_t mask = 0;
        for (; i + 16 <= end; i += 16) {
            if (each) {
                below = _mm256_loadu_si256((const __m256i *)(const void *)(belows + i));
                v_min = _mm256_loadu_si256((const __m256i *)(const void *)(v_mins + i));
            }
            const __m128i reached = visit_sixteen(v + i, w + i, below, v_min);
            mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(reached) << (i - from);
        }
        if (i < end) { /* half of it is left */
            const __m128i reached =
                visit_eight(v + i, w + i, each ? load(belows + i) : _mm256_castsi256_si128(below),
                            each ? load(v_mins + i) : _mm256_castsi256_si128(v_min));
            mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(reached) << (i - from);
            i += 8;
        }
        count += list(mask, first + from, hits + count);
    }
    return count;
}

INLINE uint32_t visit_chip_rows(const struct snnsim_chip_visited *cells, uint32_t target,
                                const int16_t *weights, const struct snnsim_footprint *f,
                                uint32_t *hits, bool each)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < f->rows; row++, target += f->row_stride) {
        for (uint32_t s = 0; s < f->segments; s++, weights += f->length)
            count += visit_chip_run(cells, target + s * f->segment_stride, weights, f->length,
                                    hits + count, each);
    }
    return count;
}

static uint32_t visit_chip(const struct snnsim_chip_visited *cells, uint32_t target,
                           const int16_t *weights, const struct snnsim_footprint *f, uint32_t *hits)
{
    if (f->ragged) {
        struct snnsim_visit_kernels scalar;
        snnsim_visit_scalar_kernels(&scalar);
        return scalar.visit_chip(cells, target, weights, f, hits);
    }
    return cells->belows != NULL ? visit_chip_rows(cells, target, weights, f, hits, true)
                                 : visit_chip_rows(cells, target, weights, f, hits, false);
}

void snnsim_visit_avx2_kernels(struct snnsim_visit_kernels *kernels)
{
    kernels->visit = visit;
    kernels->visit_chip = visit_chip;
}

#endif
