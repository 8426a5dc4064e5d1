/* What the processor can do, so that the kernel tables can be filled.
 *
 * The compiler's own test is used: it also asks the system (XGETBV) whether the wide registers
 * are saved. Elsewhere than on x86 with gcc or clang nothing is claimed.
 */
#include "libsnn/base/cpu.h"

void snnbase_cpu_detect(struct snnbase_cpu *out)
{
    *out = (struct snnbase_cpu){.avx2 = false};
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_cpu_init();
    out->avx2 = __builtin_cpu_supports("avx2") != 0;
#endif
}
