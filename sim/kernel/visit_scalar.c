/* The visit of an event in plain C: the specification, and what every processor has.
 *
 * A few lanes at a time are added up without a branch, which compilers turn into vectors; only
 * where one of them reached its threshold it is asked which. That v is clipped by then makes no
 * difference: no lower clip is positive, and every threshold is.
 */
#include <string.h>

#include "sim/kernel/visit.h"

static uint32_t visit_lanes(const struct snnsim_visited *cells, uint32_t at, const float *w,
                            uint32_t lanes, uint32_t *hits)
{
    float *v = cells->v + at;
    const float threshold = cells->threshold, v_min = cells->v_min;
    uint32_t any = 0, count = 0;
    for (uint32_t i = 0; i < lanes; i++) {
        const float sum = v[i] + w[i];
        any |= (uint32_t)(sum >= threshold);
        v[i] = sum > v_min ? sum : v_min;
    }
    for (uint32_t i = 0; any != 0 && i < lanes; i++) {
        if (v[i] >= threshold) hits[count++] = at + i;
    }
    return count;
}

static uint32_t visit_lanes_each(const struct snnsim_visited *cells, uint32_t at, const float *w,
                                 uint32_t lanes, uint32_t *hits)
{
    float *v = cells->v + at;
    const float *threshold = cells->thresholds + at, *v_min = cells->v_mins + at;
    uint32_t any = 0, count = 0;
    for (uint32_t i = 0; i < lanes; i++) {
        const float sum = v[i] + w[i];
        any |= (uint32_t)(sum >= threshold[i]);
        v[i] = sum > v_min[i] ? sum : v_min[i];
    }
    for (uint32_t i = 0; any != 0 && i < lanes; i++) {
        if (v[i] >= threshold[i]) hits[count++] = at + i;
    }
    return count;
}

static uint32_t visit_run(const struct snnsim_visited *cells, uint32_t first, const float *w,
                          uint32_t length, uint32_t *hits)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < length; i += SNNSIM_LANES) {
        const uint32_t lanes = length - i < SNNSIM_LANES ? length - i : SNNSIM_LANES;
        count += cells->thresholds != NULL
                     ? visit_lanes_each(cells, first + i, w + i, lanes, hits + count)
                     : visit_lanes(cells, first + i, w + i, lanes, hits + count);
    }
    return count;
}

static uint32_t visit(const struct snnsim_visited *cells, uint32_t target, const float *weights,
                      const struct snnsim_footprint *f, uint32_t *hits)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < f->rows; row++, target += f->row_stride) {
        for (uint32_t s = 0; s < f->segments; s++, weights += f->length)
            count +=
                visit_run(cells, target + s * f->segment_stride, weights, f->length, hits + count);
    }
    return count;
}

/* ---- Chip arithmetic ---- */

static int16_t saturated_sum(int16_t a, int16_t b)
{
    const int sum = a + b;
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

static uint32_t visit_chip_lanes(const struct snnsim_chip_visited *cells, uint32_t at,
                                 const int16_t *w, uint32_t lanes, uint32_t *hits)
{
    int16_t *v = cells->v + at;
    const int16_t below = cells->below, v_min = cells->v_min;
    uint32_t any = 0, count = 0;
    for (uint32_t i = 0; i < lanes; i++) {
        const int16_t sum = saturated_sum(v[i], w[i]);
        any |= (uint32_t)(sum > below);
        v[i] = sum > v_min ? sum : v_min;
    }
    for (uint32_t i = 0; any != 0 && i < lanes; i++) {
        if (v[i] > below) hits[count++] = at + i;
    }
    return count;
}

static uint32_t visit_chip_lanes_each(const struct snnsim_chip_visited *cells, uint32_t at,
                                      const int16_t *w, uint32_t lanes, uint32_t *hits)
{
    int16_t *v = cells->v + at;
    const int16_t *below = cells->belows + at, *v_min = cells->v_mins + at;
    uint32_t any = 0, count = 0;
    for (uint32_t i = 0; i < lanes; i++) {
        const int16_t sum = saturated_sum(v[i], w[i]);
        any |= (uint32_t)(sum > below[i]);
        v[i] = sum > v_min[i] ? sum : v_min[i];
    }
    for (uint32_t i = 0; any != 0 && i < lanes; i++) {
        if (v[i] > below[i]) hits[count++] = at + i;
    }
    return count;
}

static uint32_t visit_chip_run(const struct snnsim_chip_visited *cells, uint32_t first,
                               const int16_t *w, uint32_t length, uint32_t *hits)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < length; i += SNNSIM_LANES) {
        const uint32_t lanes = length - i < SNNSIM_LANES ? length - i : SNNSIM_LANES;
        count += cells->belows != NULL
                     ? visit_chip_lanes_each(cells, first + i, w + i, lanes, hits + count)
                     : visit_chip_lanes(cells, first + i, w + i, lanes, hits + count);
    }
    return count;
}

static uint32_t visit_chip(const struct snnsim_chip_visited *cells, uint32_t target,
                           const int16_t *weights, const struct snnsim_footprint *f, uint32_t *hits)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < f->rows; row++, target += f->row_stride) {
        for (uint32_t s = 0; s < f->segments; s++, weights += f->length)
            count += visit_chip_run(cells, target + s * f->segment_stride, weights, f->length,
                                    hits + count);
    }
    return count;
}

void snnsim_visit_scalar_kernels(struct snnsim_visit_kernels *kernels)
{
    kernels->visit = visit;
    kernels->visit_chip = visit_chip;
}

void snnsim_visit_kernels_init(struct snnsim_visit_kernels *out, const char *level)
{
    snnsim_visit_scalar_kernels(out);
#if defined(__x86_64__)
    if (strcmp(level, "avx2") == 0) snnsim_visit_avx2_kernels(out);
#else
    (void)level;
#endif
}
