/* Kernels over and over on random events at a fixed density.
 */
#include "bench/ceiling.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENTS 512u
#define STREAM 2048u /* floats: two arrays of 8 KiB */
#define ROUNDS 5

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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

/* EVENTS events in ascending order of position. */
static void make_events(const struct snnbench_layer *l, struct snnsim_events *e,
                        uint32_t footprint_size, uint32_t pitch)
{
    uint64_t state = 1;
    const uint32_t positions = l->width * l->width;
    const uint32_t runs = EVENTS / l->active + 1;
    e->run_count = 0;
    for (e->event_count = 0; e->event_count < EVENTS;) {
        uint32_t position = (uint32_t)((uint64_t)e->run_count * positions / runs);
        uint32_t active = l->active;
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

double snnbench_ceiling_scatter(const struct snnbench_layer *l,
                                const struct snnsim_kernels *kernels)
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
    for (unsigned round = 0; round < ROUNDS; round++) {
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

double snnbench_ceiling_stream(void)
{
    float *a = floats(STREAM), *b = floats(STREAM);
    const unsigned repeat = 200000;
    double best = 0.0;
    for (unsigned round = 0; round < ROUNDS; round++) {
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

void snnbench_ceiling_kernels(struct snnsim_kernels *kernels)
{
    bool has_avx2 = false;
#if defined(__x86_64__)
    has_avx2 = __builtin_cpu_supports("avx2");
#endif
    (void)snnsim_kernels_init(kernels, NULL, has_avx2);
}
