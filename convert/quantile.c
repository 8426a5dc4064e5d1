/* Radix selection, see quantile.h.
 *
 * The bits of a float that is not negative, taken as a whole number, are in the order of the
 * values. Their 31 bits are parted 13 + 9 + 9. The first pass counts the leading digit of all
 * values; each wanted rank then lies in one bin. Every bin with a rank in it becomes a histogram of
 * the next digit in the next pass, which only counts values with that prefix:
 *
 *   pass 0   [ . . . 7 . . 9 . . ]        one histogram of 2^13 bins
 *                    |     |
 *   pass 1       [ . 3 . ] [ 1 . . 5 ]    one of 2^9 bins for each bin with a rank in it
 *
 * Invariant: ranks ascend, hence so do their nodes, and a node is never counted twice.
 */
#include "convert/quantile.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

static unsigned shift_of(unsigned pass)
{
    return pass == 0 ? 18 : pass == 1 ? 9 : 0;
}

static uint32_t bins_of(unsigned pass)
{
    return pass == 0 ? 1u << 13 : 1u << 9;
}

static uint32_t key_of(float value)
{
    float positive = value > 0.0f ? value : 0.0f;
    uint32_t key;
    memcpy(&key, &positive, sizeof(key));
    return key;
}

static uint32_t digit_of(uint32_t key, unsigned pass)
{
    return key >> shift_of(pass) & (bins_of(pass) - 1);
}

uint64_t snnconv_quantile_rank(double probability, uint64_t value_count)
{
    /* 0.07 * 100 gives 7.000000000000001: a few units in the last place off, which must not count
     * as more than 7. */
    double rank = ceil(probability * (double)value_count * (1.0 - 4.0 * DBL_EPSILON));
    if (rank < 1.0) return 1;
    return rank < (double)value_count ? (uint64_t)rank : value_count;
}

int snnconv_quantile_init(struct snnconv_quantile *quantile, struct snn_context *context,
                          const double *probability, uint32_t count, uint64_t value_count)
{
    *quantile = (struct snnconv_quantile){.rank_count = count};
    quantile->ranks = snnbase_alloc(context, count, sizeof(*quantile->ranks));
    if (quantile->ranks == NULL) return SNN_ERR_NOMEM;
    quantile->counts = snnbase_alloc(context, bins_of(0), sizeof(*quantile->counts));
    if (quantile->counts == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        quantile->ranks[i].left = snnconv_quantile_rank(probability[i], value_count) - 1;
    return SNN_OK;
}

void snnconv_quantile_fini(struct snnconv_quantile *quantile, struct snn_context *context)
{
    snnbase_free(context, quantile->ranks);
    snnbase_free(context, quantile->counts);
    for (size_t i = 0; i < SNNCONV_QUANTILE_PASSES - 1; i++)
        snnbase_free(context, quantile->child[i]);
    *quantile = (struct snnconv_quantile){.rank_count = 0};
}

void snnconv_quantile_add(struct snnconv_quantile *quantile, const float *values, size_t count)
{
    const unsigned last = quantile->pass;
    for (size_t i = 0; i < count; i++) {
        uint32_t key = key_of(values[i]);
        uint32_t node = 1;
        for (unsigned pass = 0; pass < last && node > 0; pass++)
            node = quantile->child[pass][(node - 1) * bins_of(pass) + digit_of(key, pass)];
        if (node > 0) quantile->counts[(node - 1) * bins_of(last) + digit_of(key, last)]++;
    }
}

/* The bin that holds the rank; moves the rank into it. */
static uint32_t descend(const struct snnconv_quantile *quantile, struct snnconv_rank *rank)
{
    const uint64_t *counts = quantile->counts + (size_t)rank->node * bins_of(quantile->pass);
    uint32_t bin = 0;
    while (bin + 1 < bins_of(quantile->pass) && rank->left >= counts[bin])
        rank->left -= counts[bin++];
    rank->prefix |= bin << shift_of(quantile->pass);
    return bin;
}

int snnconv_quantile_next(struct snnconv_quantile *quantile, struct snn_context *context)
{
    const unsigned pass = quantile->pass;
    const bool is_last = pass == SNNCONV_QUANTILE_PASSES - 1;
    const uint32_t nodes = quantile->ranks[quantile->rank_count - 1].node + 1;
    uint16_t *child = NULL;
    if (!is_last) {
        child = snnbase_alloc(context, (size_t)nodes * bins_of(pass), sizeof(*child));
        if (child == NULL) return SNN_ERR_NOMEM;
        quantile->child[pass] = child;
    }
    uint32_t next_nodes = 0;
    for (uint32_t i = 0; i < quantile->rank_count; i++) {
        struct snnconv_rank *rank = &quantile->ranks[i];
        size_t slot = (size_t)rank->node * bins_of(pass);
        slot += descend(quantile, rank);
        if (is_last) continue;
        if (child[slot] == 0) child[slot] = (uint16_t)++next_nodes;
        rank->node = child[slot] - 1u;
    }
    snnbase_free(context, quantile->counts);
    quantile->counts = NULL;
    if (is_last) return SNN_OK;
    quantile->pass++;
    quantile->counts = snnbase_alloc(context, (size_t)next_nodes * bins_of(quantile->pass),
                                     sizeof(*quantile->counts));
    return quantile->counts != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

void snnconv_quantile_read(const struct snnconv_quantile *quantile, float *out)
{
    for (uint32_t i = 0; i < quantile->rank_count; i++)
        memcpy(&out[i], &quantile->ranks[i].prefix, sizeof(out[i]));
}
