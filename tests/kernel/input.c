/* Random input for the kernels, and the comparison of what came of it. See rounds.h. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernel/rounds.h"

#define GUARD 16u

static uint64_t state = 88172645463325252u;
static uint64_t digest = 14695981039346656037u; /* 64-bit FNV-1a */

uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

float draw_value(void)
{
    static const float odd[] = {0.0f,     -0.0f,   1.0f,     -1.0f,     FLT_MAX,
                                -FLT_MAX, FLT_MIN, 1e-42f,   -1e-42f,   16777216.0f,
                                1e30f,    -1e30f,  INFINITY, -INFINITY, NAN};
    if (draw(40) == 0) return odd[draw(sizeof(odd) / sizeof(odd[0]))];
    return ((float)draw(20001) - 10000.0f) / 2500.0f;
}

float draw_threshold(void)
{
    static const float thresholds[] = {1.0f,   1.0f,   0.37f,   4.0f, 2.5f,
                                       1e-30f, 1e-45f, FLT_MAX, 0.9f, 1.7f};
    return thresholds[draw(sizeof(thresholds) / sizeof(thresholds[0]))];
}

float draw_clip(void)
{
    return draw(3) > 0 ? -(float)draw(3) : -FLT_MAX;
}

static float draw_spikes_max(void)
{
    return draw(2) > 0 ? 16777216.0f : (float)(1 + draw(3));
}

struct snnsim_neuron draw_neuron(void)
{
    struct snnsim_neuron neuron = {.threshold = draw_threshold()};
    neuron.v_min = draw_clip();
    neuron.spikes_max = draw_spikes_max();
    neuron.reset_zero = draw(3) == 0;
    return neuron;
}

struct snnsim_neurons draw_neurons(const float *threshold, const float *v_min)
{
    struct snnsim_neurons neurons = {threshold, v_min, draw_spikes_max(), false};
    neurons.reset_zero = draw(3) == 0;
    return neurons;
}

float draw_edge(float threshold)
{
    const float multiple = threshold * (float)draw(10);
    switch (draw(3)) {
    case 0:
        return nextafterf(multiple, -INFINITY);
    case 1:
        return nextafterf(multiple, INFINITY);
    default:
        return multiple;
    }
}

static void note(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * 1099511628211u;
}

uint64_t digest_of_results(void)
{
    return digest;
}

bool same_bytes(const void *a, const void *b, size_t size)
{
    note(a, size);
    return memcmp(a, b, size) == 0;
}

bool same_floats(const float *a, const float *b, size_t count)
{
    const float nan = NAN;
    bool equal = true;
    for (size_t i = 0; i < count; i++) {
        note(isnan(a[i]) ? &nan : &a[i], sizeof(nan));
        if (!isnan(a[i]) || !isnan(b[i])) equal = equal && memcmp(&a[i], &b[i], sizeof(a[i])) == 0;
    }
    return equal;
}

static float *allocate(size_t count)
{
    float *memory = aligned_alloc(64, (count * sizeof(float) + 127) / 64 * 64);
    if (memory == NULL) exit(71);
    return memory;
}

struct pair make_pair(size_t size)
{
    struct pair p = {allocate(size + GUARD), allocate(size + GUARD), size};
    for (size_t i = 0; i < size + GUARD; i++)
        set_pair(&p, i, draw_value());
    return p;
}

void set_pair(struct pair *p, size_t index, float value)
{
    p->scalar[index] = p->other[index] = value;
}

bool same(const struct pair *p)
{
    return same_floats(p->scalar, p->other, p->size + GUARD);
}

void free_pair(struct pair *p)
{
    free(p->scalar);
    free(p->other);
}
