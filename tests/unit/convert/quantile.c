/* Selection of quantiles against a full sort, on values that are hard on it.
 */
#include "convert/quantile.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(quantile, .init = support_begin, .fini = support_end);

enum { PROBABILITIES = 9 };

static const double probability[PROBABILITIES] = {0.001, 0.01, 0.25,  0.5, 0.75,
                                                  0.9,   0.99, 0.999, 1.0};

/* The same in thousandths, for ranks in whole numbers. */
static const uint64_t thousandth[PROBABILITIES] = {1, 10, 250, 500, 750, 900, 990, 999, 1000};

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float *sorted_positive(const float *values, size_t count)
{
    float *sorted = malloc(count * sizeof(*sorted));
    cr_assert_not_null(sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = values[i] > 0 ? values[i] : 0;
    qsort(sorted, count, sizeof(*sorted), compare);
    return sorted;
}

static void check(const float *values, size_t count)
{
    struct snnconv_quantile quantile;
    float found[PROBABILITIES];
    cr_assert_eq(
        snnconv_quantile_init(&quantile, support_context(), probability, PROBABILITIES, count),
        SNN_OK);
    for (unsigned pass = 0; pass < SNNCONV_QUANTILE_PASSES; pass++) {
        /* In two calls, from a place that moves with the pass. */
        size_t first = count * (pass + 1) / 5;
        snnconv_quantile_add(&quantile, values + first, count - first);
        snnconv_quantile_add(&quantile, values, first);
        cr_assert_eq(snnconv_quantile_next(&quantile, support_context()), SNN_OK);
    }
    snnconv_quantile_read(&quantile, found);
    snnconv_quantile_fini(&quantile, support_context());
    float *sorted = sorted_positive(values, count);
    for (size_t i = 0; i < PROBABILITIES; i++) {
        uint64_t rank = (thousandth[i] * count + 999) / 1000; /* rounded up */
        cr_assert_eq(found[i], sorted[rank - 1], "p%g of %zu: %g, %g expected",
                     100.0 * probability[i], count, (double)found[i], (double)sorted[rank - 1]);
    }
    free(sorted);
}

Test(quantile, ranks_are_those_of_the_decimal)
{
    static const struct {
        double probability;
        uint64_t count, rank;
    } cases[] = {
        {0.5, 1, 1},
        {0.5, 2, 1},
        {0.5, 3, 2},
        {1.0, 7, 7},
        {0.07, 100, 7}, /* 7.000000000000001 in doubles */
        {0.29, 100, 29},
        {0.57, 100, 57},
        {0.58, 100, 58},
        {0.999, 1000, 999},
        {0.999, 1001, 1000},
        {1e-9, 1000, 1},
        {0.9999, 10000000000, 9999000000},
        {0.991, 47040000, 46616640},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(snnconv_quantile_rank(cases[i].probability, cases[i].count), cases[i].rank,
                     "%g of %zu", cases[i].probability, (size_t)cases[i].count);
}

Test(quantile, random_values_of_every_magnitude)
{
    enum { COUNT = 20011 };
    static float values[COUNT];
    uint32_t state = 1;
    for (size_t i = 0; i < COUNT; i++)
        values[i] =
            (float)(ldexp(support_random(&state), (int)(support_random(&state) * 240) - 130) *
                    (support_random(&state) < 0.4 ? -1 : 1));
    check(values, COUNT);
}

Test(quantile, values_that_differ_in_the_last_bits)
{
    enum { COUNT = 5000 };
    static float values[COUNT];
    uint32_t state = 2;
    for (size_t i = 0; i < COUNT; i++)
        values[i] = 1.0f + (float)(uint32_t)(support_random(&state) * 3000) * FLT_EPSILON;
    check(values, COUNT);
}

Test(quantile, few_values_and_many_of_one)
{
    static const float one[] = {3};
    static const float some[] = {2, 1, 2, 0, -1, FLT_MAX, 1e-45f, 2};
    static float same[3000];
    check(one, 1);
    check(some, 8);
    check(same, 3000);
    for (size_t i = 0; i < 3000; i++)
        same[i] = i < 2997 ? 0.1f : -0.0f;
    check(same, 3000);
}

static int select_some(struct snn_context *context, struct snn_graph *graph)
{
    (void)graph;
    struct snnconv_quantile quantile;
    const float values[] = {1, 2, 3};
    int status = snnconv_quantile_init(&quantile, context, probability, PROBABILITIES, 3);
    for (unsigned pass = 0; pass < SNNCONV_QUANTILE_PASSES && status == SNN_OK; pass++) {
        snnconv_quantile_add(&quantile, values, 3);
        status = snnconv_quantile_next(&quantile, context);
    }
    snnconv_quantile_fini(&quantile, context);
    return status;
}

Test(quantile, running_out_of_memory_leaks_nothing)
{
    support_sweep_graph(NULL, select_some);
}
