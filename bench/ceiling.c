/* Kernels over and over on random spikes of a given density.
 */
#include "bench/ceiling.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    EVENTS = 512,
    STREAM = 2048, /* floats: two arrays of 8 KiB */
    ROUNDS = 5,
    POSITIONS = 16, /* that tiles are summed at, side by side */
    STEPS = 32
};

#define WORK_MIN 4e7 /* additions a round */

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

static bool happens(uint64_t *state, double probability)
{
    return draw(state) < probability * 2147483648.0;
}

static void *zeros(size_t count, size_t size)
{
    size_t bytes = (count * size + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory == NULL) exit(71);
    memset(memory, 0, bytes);
    return memory;
}

/* ---- Event by event ---- */

/* EVENTS events in ascending order of position. */
static void make_events(const struct snnbench_layer *l, struct snnsim_events *e,
                        uint32_t footprint_size, uint32_t pitch)
{
    uint64_t state = 1;
    const uint32_t positions = l->width * l->width;
    const uint32_t expected = (uint32_t)(l->active * l->inputs + 0.5);
    const uint32_t together = expected > 0 ? expected : 1, runs = EVENTS / together + 1;
    e->run_count = 0;
    for (e->event_count = 0; e->event_count < EVENTS;) {
        uint32_t position = (uint32_t)((uint64_t)e->run_count * positions / runs);
        uint32_t active = together;
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
    float *current = zeros((size_t)(l->width + l->kernel) * pitch + l->lanes, sizeof(float));
    float *weights = zeros((size_t)size * l->inputs, sizeof(float));
    struct snnsim_run runs[EVENTS];
    uint32_t offsets[EVENTS];
    float count[EVENTS];
    struct snnsim_events events = {runs, 0, offsets, count, 0};
    make_events(l, &events, size, pitch);
    const unsigned repeat = (unsigned)(WORK_MIN / (size * EVENTS)) + 1;
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

/* ---- Tile by tile ---- */

/* A strip of the map as high as the kernel: all that tiles at neighbouring positions see. */
struct strip {
    uint32_t kernel, columns, positions, channels;
    size_t size; /* inputs */
    uint8_t *any;
    uint8_t *spikes; /* [STEPS][size] */
};

/* Inputs spike in one of `steps` steps with probability `in_chunk`, and then in each of them so
 * often that `active` comes out; two channels at once spike in the same chunks where `paired`. */
static void make_strip(const struct snnbench_layer *l, double in_chunk, bool paired,
                       struct strip *out)
{
    uint64_t state = 1;
    *out = (struct strip){.kernel = l->width > 0 ? l->kernel : 1, .positions = 1};
    if (l->width > 0) out->positions = l->width < POSITIONS ? l->width : POSITIONS;
    out->columns = out->positions + out->kernel - 1;
    out->channels = l->inputs;
    out->size = (size_t)out->kernel * out->columns * l->inputs;
    out->any = zeros(out->size, 1);
    out->spikes = zeros(out->size * STEPS, 1);
    for (size_t i = 0; i < out->size; i++) {
        const bool joins = paired && i % l->inputs % 2 == 1;
        out->any[i] = joins ? out->any[i - 1] : happens(&state, in_chunk);
        for (size_t t = 0; out->any[i] && t < STEPS; t++)
            out->spikes[t * out->size + i] = happens(&state, l->active / in_chunk);
    }
}

static void free_strip(struct strip *s)
{
    free(s->any);
    free(s->spikes);
}

/* The input of tap k at a position; taps run over rows, columns, channels. */
static size_t input_of(const struct strip *s, uint32_t position, size_t k)
{
    const size_t row = (size_t)s->kernel * s->channels;
    return (k / row * s->columns + position) * s->channels + k % row;
}

static size_t tap_count(const struct strip *s)
{
    return (size_t)s->kernel * s->kernel * s->channels;
}

/* Spikes that the tiles of one group of lanes receive, all positions and steps. */
static double count_spikes(const struct strip *s, uint32_t steps)
{
    double total = 0.0;
    for (uint32_t position = 0; position < s->positions; position++) {
        for (size_t k = 0; k < tap_count(s); k++) {
            for (uint32_t t = 0; t < steps; t++)
                total += s->spikes[t * s->size + input_of(s, position, k)];
        }
    }
    return total;
}

double snnbench_ceiling_accumulate(const struct snnbench_layer *l,
                                   const struct snnsim_kernels *kernels, uint32_t steps)
{
    struct strip s;
    make_strip(l, steps > 8 ? l->in_chunk : l->in_scope, false, &s);
    const uint32_t lanes = l->lanes < SNNSIM_TILE_LANES ? l->lanes : SNNSIM_TILE_LANES;
    const uint32_t groups = l->lanes / lanes;
    const size_t all = tap_count(&s);
    float *count = zeros(s.size * steps, sizeof(float)),
          *sums = zeros(steps * lanes, sizeof(float));
    float *weights = zeros(all * groups * lanes, sizeof(float));
    struct snnsim_tap *taps = zeros(all * s.positions, sizeof(*taps));
    size_t listed[POSITIONS] = {0};
    for (size_t i = 0; i < s.size * steps; i++)
        count[i] = s.spikes[i];
    for (uint32_t p = 0; p < s.positions; p++) {
        for (size_t k = 0; k < all; k++) {
            const size_t input = input_of(&s, p, k);
            if (s.any[input])
                taps[p * all + listed[p]++] =
                    (struct snnsim_tap){(uint32_t)(k * lanes), (uint32_t)input};
        }
    }
    const double work = count_spikes(&s, steps) * l->lanes;
    const unsigned repeat = work > 0.0 ? (unsigned)(WORK_MIN / work) + 1 : 0;
    double best = 0.0;
    for (unsigned round = 0; round < ROUNDS && repeat > 0; round++) {
        const double start = now();
        for (unsigned i = 0; i < repeat * s.positions * groups; i++) {
            const uint32_t p = i / groups % s.positions;
            const struct snnsim_batch batch = {taps + p * all, listed[p], s.size, steps, lanes};
            kernels->accumulate(&batch, weights + i % groups * all * lanes, count, sums);
        }
        const double rate = repeat * work / (now() - start);
        if (rate > best) best = rate;
    }
    free(count);
    free(sums);
    free(weights);
    free(taps);
    free_strip(&s);
    return best;
}

/* Two channels a line; the odd one of the last may be missing. */
static void make_lines(const struct strip *s, uint32_t pairs, uint16_t *lines)
{
    for (size_t i = 0; i < s->size; i++) {
        const size_t position = i / s->channels, c = i % s->channels;
        uint16_t *line = lines + (position * pairs + c / 2) * STEPS;
        for (size_t t = 0; t < STEPS; t++)
            line[t] = (uint16_t)(line[t] | s->spikes[t * s->size + i] << (c % 2 * 8));
    }
}

double snnbench_ceiling_chip(const struct snnbench_layer *l,
                             const struct snnsim_chip_kernels *kernels)
{
    struct strip s;
    make_strip(l, l->in_chunk_pairs, true, &s);
    const uint32_t pairs = (l->inputs + 1) / 2;
    const uint32_t groups = (l->lanes + SNNSIM_CHIP_LANES - 1) / SNNSIM_CHIP_LANES;
    const size_t row = (size_t)s.kernel * pairs, all = row * s.kernel;
    uint16_t *lines = zeros(s.size / s.channels * pairs * STEPS, sizeof(*lines));
    int8_t *weights = zeros(all * groups * 2 * SNNSIM_CHIP_LANES, sizeof(*weights));
    int16_t *sums = zeros((size_t)STEPS * SNNSIM_CHIP_LANES, sizeof(*sums));
    struct snnsim_chip_tap *taps = zeros(all * s.positions, sizeof(*taps));
    size_t listed[POSITIONS] = {0};
    static const int16_t bias[SNNSIM_CHIP_LANES] = {0};
    make_lines(&s, pairs, lines);
    for (uint32_t p = 0; p < s.positions; p++) {
        for (size_t k = 0; k < all; k++) {
            const size_t line = (k / row * s.columns + p) * pairs + k % row;
            if (s.any[line / pairs * s.channels + line % pairs * 2])
                taps[p * all + listed[p]++] = (struct snnsim_chip_tap){(uint32_t)k, (uint32_t)line};
        }
    }
    const double work = count_spikes(&s, STEPS) * groups * SNNSIM_CHIP_LANES;
    const unsigned repeat = work > 0.0 ? (unsigned)(4.0 * WORK_MIN / work) + 1 : 0;
    double best = 0.0;
    for (unsigned round = 0; round < ROUNDS && repeat > 0; round++) {
        const struct snnsim_chip_sums to = {bias, 0, sums, STEPS};
        const double start = now();
        for (unsigned i = 0; i < repeat * s.positions * groups; i++) {
            const uint32_t p = i / groups % s.positions;
            kernels->accumulate(weights + i % groups * all * 2 * SNNSIM_CHIP_LANES, lines,
                                taps + p * all, listed[p], &to);
        }
        const double rate = repeat * work / (now() - start);
        if (rate > best) best = rate;
    }
    free(lines);
    free(weights);
    free(sums);
    free(taps);
    free_strip(&s);
    return best * l->lanes / (groups * SNNSIM_CHIP_LANES);
}

/* ---- Neurons ---- */

enum { NEURONS = 1024, FIRE_ROUNDS = 400 };

/* The currents that make a neuron of threshold 1 fire every tenth step. */
static float *tenths(size_t count)
{
    float *values = zeros(count, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = 0.1f;
    return values;
}

/* A row, step by step. */
static double fire_rows(const struct snnsim_kernels *kernels)
{
    const struct snnsim_neuron neuron = {1.0f, -1.0f, 16777216.0f, false};
    float *v = zeros(NEURONS, sizeof(*v)), *current = zeros(NEURONS, sizeof(*current));
    float *bias = tenths(NEURONS), *count = zeros(NEURONS, sizeof(*count));
    uint8_t *mask = zeros(NEURONS / SNNSIM_LANES, 1);
    double best = 0.0;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int i = 0; i < FIRE_ROUNDS * STEPS; i++)
            kernels->fire(v, current, bias, count, mask, NEURONS, &neuron);
        const double rate = (double)FIRE_ROUNDS * STEPS * NEURONS / (now() - start);
        if (rate > best) best = rate;
    }
    free(v);
    free(current);
    free(bias);
    free(count);
    free(mask);
    return best;
}

/* A tile through all steps. */
static double fire_tiles(const struct snnsim_kernels *kernels)
{
    enum { LANES = SNNSIM_TILE_LANES };
    const struct snnsim_neuron neuron = {1.0f, -1.0f, 16777216.0f, false};
    float *v = zeros(LANES, sizeof(*v)), *bias = zeros(LANES, sizeof(*bias));
    float *sums = tenths((size_t)STEPS * LANES),
          *count = zeros((size_t)STEPS * LANES, sizeof(*sums));
    uint8_t *mask = zeros(STEPS * LANES / SNNSIM_LANES, 1);
    const struct snnsim_fired fired = {count, LANES, mask, LANES / SNNSIM_LANES, NULL};
    double best = 0.0;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int i = 0; i < FIRE_ROUNDS * NEURONS / LANES; i++)
            kernels->fire_steps(v, sums, bias, STEPS, LANES, &neuron, &fired);
        const double rate = (double)FIRE_ROUNDS * STEPS * NEURONS / (now() - start);
        if (rate > best) best = rate;
    }
    free(v);
    free(bias);
    free(sums);
    free(count);
    free(mask);
    return best;
}

double snnbench_ceiling_fire(const struct snnsim_kernels *kernels)
{
    const double rows = fire_rows(kernels), tiles = fire_tiles(kernels);
    return rows > tiles ? rows : tiles;
}

double snnbench_ceiling_chip_fire(const struct snnsim_chip_kernels *kernels)
{
    enum { LANES = SNNSIM_CHIP_LANES, TILES = SNNSIM_CHIP_TILES, ALL = STEPS * LANES };
    struct snnsim_chip_neurons neurons = {.v_min = {0}};
    struct snnsim_chip_tile tiles[TILES];
    int16_t *sums = zeros(ALL, sizeof(*sums)), *v = zeros((size_t)TILES * LANES, sizeof(*v));
    uint16_t *count = zeros((size_t)TILES * ALL, sizeof(*count));
    double best = 0.0;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        neurons.threshold[lane] = 1000;
        neurons.v_min[lane] = -1000;
        neurons.spikes_max[lane] = INT16_MAX;
    }
    snnsim_chip_divisors(&neurons);
    for (size_t i = 0; i < ALL; i++)
        sums[i] = 100;
    for (size_t i = 0; i < TILES; i++)
        tiles[i] = (struct snnsim_chip_tile){
            .sums = sums, .neurons = &neurons, .v = v + i * LANES, .count = count + i * ALL};
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int i = 0; i < FIRE_ROUNDS * NEURONS / (TILES * LANES); i++)
            kernels->fire(tiles, TILES, STEPS, false);
        const double rate = (double)FIRE_ROUNDS * STEPS * NEURONS / (now() - start);
        if (rate > best) best = rate;
    }
    free(sums);
    free(v);
    free(count);
    return best;
}

/* ---- Ceilings ---- */

/* Lets the loops of one function use AVX2. */
#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2"), noinline))
#else
#define WIDE __attribute__((noinline))
#endif

WIDE static void add(float *restrict a, const float *restrict b)
{
    for (size_t k = 0; k < STREAM; k++)
        a[k] += b[k];
}

static bool has_vectors(void)
{
    struct snnsim_kernels best;
    struct snnsim_chip_kernels chip;
    return snnbench_ceiling_kernels(NULL, &best, &chip) && strcmp(best.level, "scalar") != 0;
}

double snnbench_ceiling_stream(void)
{
    if (!has_vectors()) return 0.0;
    float *a = zeros(STREAM, sizeof(float)), *b = zeros(STREAM, sizeof(float));
    const unsigned repeat = 200000;
    double best = 0.0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now();
        for (unsigned i = 0; i < repeat; i++) {
            add(a, b);
        }
        double rate = (double)repeat * STREAM / (now() - start);
        if (rate > best) best = rate;
    }
    free(a);
    free(b);
    return best;
}

#define VECTOR float __attribute__((vector_size(32)))

WIDE static void multiply_and_add(const float *count, size_t size, float *sums)
{
    VECTOR sum[12] = {{0.0f}}, low, high;
    memcpy(&low, sums, sizeof(low));
    memcpy(&high, sums + SNNSIM_LANES, sizeof(high));
    for (size_t i = 0; i + 6 <= size; i += 6) {
        for (size_t t = 0; t < 6; t++) {
            sum[2 * t] += count[i + t] * low;
            sum[2 * t + 1] += count[i + t] * high;
        }
    }
    for (size_t t = 1; t < 12; t++)
        sum[0] += sum[t];
    memcpy(sums, &sum[0], sizeof(low));
}

double snnbench_ceiling_products(void)
{
    enum { COUNTS = 6 * 256 };
    if (!has_vectors()) return 0.0;
    float *count = zeros(COUNTS, sizeof(float)), *sums = zeros(SNNSIM_TILE_LANES, sizeof(float));
    const unsigned repeat = 2000;
    double most = 0.0;
    for (unsigned round = 0; round < 4 * ROUNDS; round++) {
        double start = now();
        for (unsigned i = 0; i < repeat; i++)
            multiply_and_add(count, COUNTS, sums);
        double rate = (double)repeat * COUNTS * SNNSIM_TILE_LANES / (now() - start);
        if (rate > most) most = rate;
    }
    free(count);
    free(sums);
    return most;
}

bool snnbench_ceiling_kernels(const char *level, struct snnsim_kernels *kernels,
                              struct snnsim_chip_kernels *chip)
{
    bool has_avx2 = false;
#if defined(__x86_64__)
    has_avx2 = __builtin_cpu_supports("avx2");
#endif
    return snnsim_kernels_init(kernels, level, has_avx2) &&
           snnsim_chip_kernels_init(chip, level, has_avx2);
}
