/* What the inner loops can do, and the ceiling they work under.
 *
 * For typical layers, random events at a fixed density are scattered over and over; printed are
 * lane additions a second (every lane of the footprint, padded ones too), for each level there is.
 * The ceiling is a plain a[i] += b[i] over arrays that stay in the first-level cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/kernel/kernel.h"

#define EVENTS 512u
#define STREAM 2048u /* floats: two arrays of 8 KiB */

struct layer {
    const char *name;
    uint32_t inputs, width, lanes, kernel; /* width 0: dense */
};

static const struct layer layers[] = {
    {"conv 1 -> 6 (8 lanes), 5x5, 28x28", 1, 28, 8, 5}, {"conv 6 -> 16, 5x5, 14x14", 6, 14, 16, 5},
    {"conv 64 -> 128, 3x3, 32x32", 64, 32, 128, 3},     {"dense 400 -> 120", 400, 0, 120, 1},
    {"dense 84 -> 10 (16 lanes)", 84, 0, 16, 1},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static float *floats(size_t count)
{
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    float *memory = aligned_alloc(64, bytes);
    if (memory == NULL) exit(71);
    memset(memory, 0, bytes);
    return memory;
}

/* EVENTS events in ascending order of position, about one input in eight active. */
static void make_events(const struct layer *l, struct snnsim_events *e, uint32_t footprint_size,
                        uint32_t pitch)
{
    uint64_t state = 1;
    const uint32_t positions = l->width * l->width;
    const uint32_t runs = EVENTS / (1 + l->inputs / 8) + 1;
    e->run_count = 0;
    for (e->event_count = 0; e->event_count < EVENTS;) {
        uint32_t position = (uint32_t)((uint64_t)e->run_count * positions / runs);
        uint32_t active = 1 + l->inputs / 8;
        if (active > EVENTS - e->event_count) active = (uint32_t)(EVENTS - e->event_count);
        uint32_t target =
            l->width > 0 ? position / l->width * pitch + position % l->width * l->lanes : 0;
        e->runs[e->run_count++] = (struct snnsim_run){target, active};
        for (uint32_t i = 0; i < active; i++) {
            e->weights[e->event_count] = draw(&state) % l->inputs * footprint_size;
            e->count[e->event_count++] = (float)(1 + draw(&state) % 3);
        }
    }
}

/* Lane additions a second, best of several rounds. */
static double measure(const struct layer *l, const struct snnsim_kernels *kernels)
{
    const uint32_t pitch = (l->width + l->kernel) * l->lanes;
    const struct snnsim_footprint f = {l->kernel, pitch, 1, 0, l->kernel * l->lanes, false};
    const uint32_t size = f.rows * f.length;
    float *current = floats((size_t)(l->width + l->kernel) * pitch + l->lanes);
    float *weights = floats((size_t)size * l->inputs);
    struct snnsim_run runs[EVENTS];
    uint32_t offsets[EVENTS];
    float count[EVENTS];
    struct snnsim_events events = {runs, 0, offsets, count, 0};
    make_events(l, &events, size, pitch);
    const unsigned repeat = 200000000u / (size * EVENTS) + 1;
    double best = 0.0;
    for (unsigned round = 0; round < 5; round++) {
        double start = now();
        for (unsigned i = 0; i < repeat; i++)
            kernels->scatter(current, weights, &events, &f);
        double rate = (double)repeat * EVENTS * size / (now() - start);
        if (rate > best) best = rate;
    }
    free(current);
    free(weights);
    return best;
}

/* Additions a second of a[i] += b[i] in the first-level cache. */
static double ceiling(void)
{
    float *a = floats(STREAM), *b = floats(STREAM);
    const unsigned repeat = 200000;
    double best = 0.0;
    for (unsigned round = 0; round < 5; round++) {
        double start = now();
        for (unsigned i = 0; i < repeat; i++) {
            for (size_t k = 0; k < STREAM; k++)
                a[k] += b[k];
            __asm__ volatile("" : : "r"(a) : "memory");
        }
        double rate = (double)repeat * STREAM / (now() - start);
        if (rate > best) best = rate;
    }
    free(a);
    free(b);
    return best;
}

int main(void)
{
    struct snnsim_kernels scalar, best;
    bool has_avx2 = false;
#if defined(__x86_64__)
    has_avx2 = __builtin_cpu_supports("avx2");
#endif
    (void)snnsim_kernels_init(&scalar, "scalar", false);
    (void)snnsim_kernels_init(&best, NULL, has_avx2);
    printf("%-36s %10s %10s   G lane additions/s\n", "scatter", scalar.level, best.level);
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        printf("%-36s %10.1f %10.1f\n", layers[i].name, measure(&layers[i], &scalar) * 1e-9,
               measure(&layers[i], &best) * 1e-9);
    printf("%-36s %21.1f   (as this file is compiled)\n", "ceiling: a[i] += b[i]",
           ceiling() * 1e-9);
    return 0;
}
