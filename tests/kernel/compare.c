/* Every kernel of the best level against the scalar one, to the bit, on random, extreme and
 * misaligned input.
 *
 * A plain program that prints TAP. With --scalar it compares the scalar level with itself, which
 * only makes the digest: all machines and levels must print the same.
 */
#include <stdio.h>
#include <string.h>

#include "tests/kernel/rounds.h"

#define ROUNDS 3000u

static const struct kernel_round *const lists[] = {step_rounds, batch_rounds, chip_rounds,
                                                   visit_rounds};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

struct level {
    struct snnsim_kernels kernels;
    struct snnsim_chip_kernels chip;
    struct snnsim_visit_kernels visit;
};

static struct level level_of(const char *name)
{
    struct level level;
    bool has_avx2 = false;
#if defined(__x86_64__)
    has_avx2 = __builtin_cpu_supports("avx2");
#endif
    (void)snnsim_kernels_init(&level.kernels, name, has_avx2);
    (void)snnsim_chip_kernels_init(&level.chip, name, has_avx2);
    snnsim_visit_kernels_init(&level.visit, level.kernels.level);
    return level;
}

static bool run_round(const struct kernel_round *kernel, const struct level *scalar,
                      const struct level *other)
{
    if (kernel->run_chip != NULL) return kernel->run_chip(&scalar->chip, &other->chip);
    if (kernel->run_visit != NULL) return kernel->run_visit(&scalar->visit, &other->visit);
    return kernel->run(&scalar->kernels, &other->kernels);
}

/* Goes on after a difference, so that the digest always covers the same rounds. */
static bool compare(unsigned number, const struct kernel_round *kernel, const struct level *scalar,
                    const struct level *other)
{
    unsigned differing = 0, first = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (run_round(kernel, scalar, other)) continue;
        if (differing++ == 0) first = i;
    }
    printf("%sok %u - %s of %s equals scalar to the bit (%u rounds)\n", differing > 0 ? "not " : "",
           number, kernel->name, other->kernels.level, ROUNDS);
    if (differing > 0) printf("# differs in %u rounds, the first is %u\n", differing, first);
    return differing == 0;
}

int main(int argc, char **argv)
{
    const bool only_scalar = argc > 1 && strcmp(argv[1], "--scalar") == 0;
    const struct level scalar = level_of("scalar");
    const struct level best = level_of(only_scalar ? "scalar" : NULL);
    bool passed = true;
    unsigned count = 0;
    if (!only_scalar && strcmp(best.kernels.level, scalar.kernels.level) == 0) {
        printf("1..0 # SKIP this processor has no level but scalar\n");
        return 0;
    }
    for (size_t i = 0; i < LISTS; i++) {
        for (const struct kernel_round *kernel = lists[i]; kernel->name != NULL; kernel++)
            passed &= compare(++count, kernel, &scalar, &best);
    }
    printf("1..%u\n# digest %016llx\n", count, (unsigned long long)digest_of_results());
    return passed ? 0 : 1;
}
