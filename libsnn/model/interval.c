/* How far a share that was measured can be trusted.
 */
#include <math.h>

#include "snn/run.h"

#define Z_95 1.959963984540054 /* 97.5 % of the normal distribution lie below */

struct snn_interval snn_wilson_interval(double share, uint64_t count)
{
    if (isnan(share) || count == 0) return (struct snn_interval){(double)NAN, (double)NAN};
    const double n = (double)count, zz = Z_95 * Z_95;
    const double centre = (share + zz / (2.0 * n)) / (1.0 + zz / n);
    const double half =
        Z_95 / (1.0 + zz / n) * sqrt(share * (1.0 - share) / n + zz / (4.0 * n * n));
    /* At the ends the formula is exact, its rounding is not. */
    return (struct snn_interval){share > 0.0 ? fmax(centre - half, 0.0) : 0.0,
                                 share < 1.0 ? fmin(centre + half, 1.0) : 1.0};
}
