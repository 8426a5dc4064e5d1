/* What the inner loops can do, and the ceiling they work under.
 *
 * For typical layers, random spikes of a fixed density are added over and over: event by event, and
 * tile by tile over 32 steps in float32 and in chip arithmetic, where silent steps cost as much as
 * others. Printed are additions a second for spikes alone (padded lanes too), for each level there
 * is. Where every input spikes in every step, additions are all that the tiles' kernel does.
 *
 * The ceilings, measured in the same run: of an event alone, a plain a[i] += b[i] in the
 * first-level cache; of tiles in float32, and of events that share their targets, multiplying and
 * adding in registers.
 */
#include <stdio.h>

#include "bench/ceiling.h"

/* One input in eight spikes in a step, half of them ever do. */
#define SPARSE 0.125, 0.35, 0.5, 0.7
/* One in two, all of them at some time. */
#define BUSY 0.5, 1.0, 1.0, 1.0

#define FULL 1.0, 1.0, 1.0, 1.0

static const struct snnbench_layer layers[] = {
    {"conv 1 -> 6 (8 lanes), 5x5, 28x28", 1, 28, 8, 5, SPARSE},
    {"conv 6 -> 16, 5x5, 14x14", 6, 14, 16, 5, SPARSE},
    {"conv 6 -> 16, 5x5, 14x14, busy", 6, 14, 16, 5, BUSY},
    {"conv 64 -> 128, 3x3, 32x32", 64, 32, 128, 3, SPARSE},
    {"conv 256 -> 256, 3x3, 8x8", 256, 8, 256, 3, SPARSE},
    {"conv 1 -> 6 (8 lanes), full", 1, 28, 8, 5, FULL},
    {"conv 6 -> 16, 5x5, full", 6, 14, 16, 5, FULL},
    {"conv 64 -> 128, 3x3, full", 64, 32, 128, 3, FULL},
    {"conv 256 -> 256, 3x3, full", 256, 8, 256, 3, FULL},
    {"dense 400 -> 120", 400, 0, 120, 1, SPARSE},
    {"dense 84 -> 10 (16 lanes)", 84, 0, 16, 1, SPARSE},
};

static void print_level(const struct snnsim_kernels *kernels,
                        const struct snnsim_chip_kernels *chip)
{
    printf("%-36s %9s %9s %9s %9s   G additions/s\n", kernels->level, "events", "8 steps",
           "32 steps", "chip");
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        printf("%-36s %9.1f %9.1f %9.1f %9.1f\n", layers[i].name,
               snnbench_ceiling_scatter(&layers[i], kernels) * 1e-9,
               snnbench_ceiling_accumulate(&layers[i], kernels, 8) * 1e-9,
               snnbench_ceiling_accumulate(&layers[i], kernels, 32) * 1e-9,
               snnbench_ceiling_chip(&layers[i], chip) * 1e-9);
    printf("%-36s %9.2f %9s %9s %9.2f   G updates/s\n\n", "neurons that fire in 1 of 10 steps",
           snnbench_ceiling_fire(kernels) * 1e-9, "", "", snnbench_ceiling_chip_fire(chip) * 1e-9);
}

int main(void)
{
    static const char *const levels[] = {"scalar", NULL};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct snnsim_kernels kernels;
        struct snnsim_chip_kernels chip;
        if (snnbench_ceiling_kernels(levels[i], &kernels, &chip)) print_level(&kernels, &chip);
    }
    printf("%-36s %9.1f\n", "ceiling: a[i] += b[i]", snnbench_ceiling_stream() * 1e-9);
    printf("%-36s %29.1f\n", "ceiling: multiply and add", snnbench_ceiling_products() * 1e-9);
    return 0;
}
