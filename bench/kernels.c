/* What the inner loops can do, and the ceiling they work under.
 *
 * For typical layers, random events at a fixed density are scattered over and over; printed are
 * lane additions a second (every lane of the footprint, padded ones too), for each level there is.
 * The ceiling is a plain a[i] += b[i] over arrays that stay in the first-level cache.
 */
#include <stdio.h>

#include "bench/ceiling.h"

/* About one input in eight active. */
static const struct snnbench_layer layers[] = {
    {"conv 1 -> 6 (8 lanes), 5x5, 28x28", 1, 28, 8, 5, 1},
    {"conv 6 -> 16, 5x5, 14x14", 6, 14, 16, 5, 1},
    {"conv 64 -> 128, 3x3, 32x32", 64, 32, 128, 3, 9},
    {"dense 400 -> 120", 400, 0, 120, 1, 51},
    {"dense 84 -> 10 (16 lanes)", 84, 0, 16, 1, 11},
};

int main(void)
{
    struct snnsim_kernels scalar, best;
    (void)snnsim_kernels_init(&scalar, "scalar", false);
    snnbench_ceiling_kernels(&best);
    printf("%-36s %10s %10s   G lane additions/s\n", "scatter", scalar.level, best.level);
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        printf("%-36s %10.1f %10.1f\n", layers[i].name,
               snnbench_ceiling_scatter(&layers[i], &scalar) * 1e-9,
               snnbench_ceiling_scatter(&layers[i], &best) * 1e-9);
    printf("%-36s %21.1f   (as this file is compiled)\n", "ceiling: a[i] += b[i]",
           snnbench_ceiling_stream() * 1e-9);
    return 0;
}
