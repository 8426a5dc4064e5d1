/* What the programs of this folder share: random input, two copies of each array, and the rounds,
 * in each of which both of two levels get the same input and must give the same bits.
 *
 * Draws are made in the order of the statements only, so that every compiler draws the same, and
 * what came out goes into a digest that every machine must share.
 */
#ifndef SNN_TESTS_KERNEL_ROUNDS_H
#define SNN_TESTS_KERNEL_ROUNDS_H

#include "sim/kernel/chip.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/visit.h"

/* An array for each of the two levels. Behind it lie floats that must stay as they were. */
struct pair {
    float *scalar, *other;
    size_t size;
};

/* All give false where the levels differ. */
typedef bool (*round_fn)(const struct snnsim_kernels *scalar, const struct snnsim_kernels *other);
typedef bool (*chip_round_fn)(const struct snnsim_chip_kernels *scalar,
                              const struct snnsim_chip_kernels *other);
typedef bool (*visit_round_fn)(const struct snnsim_visit_kernels *scalar,
                               const struct snnsim_visit_kernels *other);

struct kernel_round {
    const char *name;
    round_fn run; /* one of the three */
    chip_round_fn run_chip;
    visit_round_fn run_visit;
};

/* Lists that end with a name of NULL. */
extern const struct kernel_round step_rounds[];
extern const struct kernel_round batch_rounds[];
extern const struct kernel_round chip_rounds[];
extern const struct kernel_round visit_rounds[];

/* Uniform in 0 .. below - 1. */
uint32_t draw(uint32_t below);

/* Now and then a troublemaker: a NaN, an infinity, a subnormal, negative zero,
 * the largest floats. */
float draw_value(void);

/* How neurons fire; all lanes alike, or a threshold and a lower clip of its own a lane. */
float draw_threshold(void);
float draw_clip(void);
struct snnsim_neuron draw_neuron(void);
struct snnsim_neurons draw_neurons(const float *threshold, const float *v_min);

/* Exactly a multiple of the threshold, or one of its neighbours among the floats: where rounding
 * decides how many spikes there are. */
float draw_edge(float threshold);

/* What two levels wrote: whether it is the same; it goes into the digest. Of NaNs it is enough that
 * both are. */
bool same_floats(const float *a, const float *b, size_t count);
bool same_bytes(const void *a, const void *b, size_t size);

uint64_t digest_of_results(void);

struct pair make_pair(size_t size);
void set_pair(struct pair *p, size_t index, float value);
bool same(const struct pair *p);
void free_pair(struct pair *p);

#endif
