/* Which kernels a session uses: a staircase from the scalar specification upwards.
 *
 * All levels give the same bits, so the choice is a matter of speed only.
 */
#include <string.h>

#include "sim/kernel/chip.h"
#include "sim/kernel/kernel.h"

bool snnsim_kernels_init(struct snnsim_kernels *out, const char *level, bool has_avx2)
{
    snnsim_scalar_kernels(out);
    if (level != NULL && strcmp(level, out->level) == 0) return true;
#if defined(__x86_64__)
    if (has_avx2) snnsim_avx2_kernels(out);
#elif defined(__aarch64__)
    snnsim_neon_kernels(out);
#endif
    (void)has_avx2;
    return level == NULL || strcmp(level, out->level) == 0;
}

bool snnsim_chip_kernels_init(struct snnsim_chip_kernels *out, const char *level, bool has_avx2)
{
    snnsim_chip_scalar_kernels(out);
    if (level != NULL && strcmp(level, out->level) == 0) return true;
#if defined(__x86_64__)
    if (has_avx2) snnsim_chip_avx2_kernels(out);
#elif defined(__aarch64__)
    snnsim_chip_neon_kernels(out);
#endif
    (void)has_avx2;
    return level == NULL || strcmp(level, out->level) == 0;
}
