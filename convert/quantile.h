/* Exact quantiles of many values that nobody keeps: the values are shown in three passes, and each
 * pass narrows down where the wanted ranks lie (radix selection on the bits of the floats).
 *
 * Only whole numbers are counted, so the result depends neither on the order of the values nor on
 * how they were divided over calls.
 */
#ifndef SNN_CONVERT_QUANTILE_H
#define SNN_CONVERT_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"

#define SNNCONV_QUANTILE_PASSES 3u

/* Most quantiles of one list. */
#define SNNCONV_QUANTILE_COUNT_MAX 1000u

/* Where one quantile lies, as far as is known. */
struct snnconv_rank {
    uint64_t left;   /* how many values of its histogram are smaller or stand before it */
    uint32_t node;   /* its histogram in this pass */
    uint32_t prefix; /* the bits found in earlier passes */
};

struct snnconv_quantile {
    uint32_t rank_count;
    unsigned pass;
    struct snnconv_rank *ranks;                   /* [rank_count] */
    uint64_t *counts;                             /* [nodes][bins of the pass] */
    uint16_t *child[SNNCONV_QUANTILE_PASSES - 1]; /* [nodes][bins] of finished passes: node in
                                                     the next pass + 1, or 0 */
};

/* Starts the selection of quantiles `probability` [count] (ascending, in (0, 1]) among
 * `value_count` values > 0. Errors: NOMEM. */
int snnconv_quantile_init(struct snnconv_quantile *quantile, struct snn_context *context,
                          const double *probability, uint32_t count, uint64_t value_count);
void snnconv_quantile_fini(struct snnconv_quantile *quantile, struct snn_context *context);

/* Shows values in the current pass; each counts as max(value, 0). No allocation. */
void snnconv_quantile_add(struct snnconv_quantile *quantile, const float *values, size_t count);

/* Ends a pass in which all values were shown. Errors: NOMEM. */
int snnconv_quantile_next(struct snnconv_quantile *quantile, struct snn_context *context);

/* After the last pass: the quantiles [rank_count]. */
void snnconv_quantile_read(const struct snnconv_quantile *quantile, float *out);

/* The rank (from 1) of quantile `probability` among `value_count` values: the smallest whole number
 * that is at least probability * value_count. */
uint64_t snnconv_quantile_rank(double probability, uint64_t value_count);

#endif
