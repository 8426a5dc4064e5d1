/* Wilson's interval against published tables. */
#include <math.h>

#include <criterion/criterion.h>

#include "snn/run.h"

static void expect_interval(double share, uint64_t count, double low, double high)
{
    const struct snn_interval interval = snn_wilson_interval(share, count);
    cr_expect_float_eq(interval.low, low, 5e-5, "%g of %llu: %g", share, (unsigned long long)count,
                       interval.low);
    cr_expect_float_eq(interval.high, high, 5e-5, "%g of %llu: %g", share,
                       (unsigned long long)count, interval.high);
}

/* R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3. */
Test(interval, is_that_of_newcombes_table)
{
    expect_interval(81.0 / 263.0, 263, 0.2553, 0.3662);
    expect_interval(15.0 / 148.0, 148, 0.0624, 0.1605);
    expect_interval(0.0 / 20.0, 20, 0.0, 0.1611);
    expect_interval(1.0 / 29.0, 29, 0.0061, 0.1718);
}

Test(interval, ends_at_the_ends)
{
    for (uint64_t count = 1; count < 100000; count = count * 3 + 1) {
        const struct snn_interval none = snn_wilson_interval(0.0, count);
        const struct snn_interval all = snn_wilson_interval(1.0, count);
        cr_expect_eq(none.low, 0.0);
        cr_expect_eq(all.high, 1.0);
        cr_expect_float_eq(none.high, 1.0 - all.low, 1e-15);
        cr_expect(none.high > 0.0 && none.high < 1.0);
    }
}

Test(interval, of_nothing_is_unknown)
{
    cr_expect(isnan(snn_wilson_interval((double)NAN, 10).low));
    cr_expect(isnan(snn_wilson_interval((double)NAN, 10).high));
    cr_expect(isnan(snn_wilson_interval(0.5, 0).low));
}
