/* The kernels of the simulator: straight loops over arrays, one struct of function pointers a
 * domain.
 *
 * The scalar version is the specification; every other level gives the same bits, because each lane
 * receives its additions in the order of the events and no multiply is fused with an add. Lanes are
 * channels, padded to SNNSIM_LANES; padded lanes carry weights of 0 and never fire.
 */
#ifndef SNN_SIM_KERNEL_KERNEL_H
#define SNN_SIM_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNNSIM_DEPTH_STEP 16u /* integers that sums of products are padded to a multiple of */

#define SNNSIM_LANES 8u /* floats a vector; one byte of an activity mask */

/* Coalesced events at one synapse, in order. Event e adds count[e] times the packed weights from
 * weights[e] on. Successive events with the same target (all channels of one position, all inputs
 * of a dense layer) form a run. Offsets in floats. */
struct snnsim_run {
    uint32_t target; /* first lane of the footprint in the currents */
    uint32_t count;  /* events */
};

struct snnsim_events {
    struct snnsim_run *runs;
    size_t run_count;
    uint32_t *weights;
    float *count; /* spikes, or an analog value */
    size_t event_count;
};

/* What an event touches: `rows` rows of `segments` runs of `length` lanes. Weights are packed in
 * the same order without gaps.
 *
 *      target -> |<-length->|  |<-length->|      row 0, segments 2
 *                  segment_stride ^
 *   + row_stride |<-length->|  |<-length->|      row 1
 */
struct snnsim_footprint {
    uint32_t rows;
    uint32_t row_stride;
    uint32_t segments;
    uint32_t segment_stride;
    uint32_t length; /* a multiple of SNNSIM_LANES unless `ragged` */
    bool ragged;
};

/* How a neuron fires, see struct snn_population. */
struct snnsim_neuron {
    float threshold;
    float v_min;
    float spikes_max;
    bool reset_zero;
};

/* The same where each lane has a threshold (positive) and a lower clip of its own. */
struct snnsim_neurons {
    const float *threshold; /* [length], aligned to a vector */
    const float *v_min;
    float spikes_max;
    bool reset_zero;
};

/* The windows of one row of outputs, all of them wholly on the map. */
struct snnsim_window {
    uint32_t kernel_h, kernel_w;
    size_t row_stride;    /* floats from one row of the map to the next */
    size_t column_stride; /* floats from one position to the next: the map's lanes */
    size_t step;          /* floats from one window to the next */
};

/* ---- Time batching: one tile of neurons over the steps of a chunk ---- */

#define SNNSIM_TILE_LANES 16u /* of the widest tile */

/* One input of a tile; offsets in floats. */
struct snnsim_tap {
    uint32_t weights; /* of its weights for the lanes of the tile */
    uint32_t count;   /* of its count in the first step */
};

struct snnsim_batch {
    const struct snnsim_tap *taps;
    size_t tap_count;   /* in the order of additions */
    size_t step_stride; /* counts from one step to the next */
    uint32_t steps;
    uint32_t lanes; /* of the tile: 8 or 16 */
};

/* Where a tile's spikes go: strides lead from one step to the next. */
struct snnsim_fired {
    float *count;
    size_t count_stride; /* in floats */
    uint8_t *mask;
    size_t mask_stride;
    uint8_t *any; /* one byte a vector: the masks of all steps together; may be NULL */
};

/* Spikes of a row, and each times the columns it reaches. */
struct snnsim_reached {
    uint64_t spikes;
    uint64_t targets;
};

struct snnsim_kernels {
    const char *level;

    /* current[target + lane] += count * weights[lane] for every event in order. */
    void (*scatter)(float *current, const float *weights, const struct snnsim_events *events,
                    const struct snnsim_footprint *footprint);

    /* The events of one position: for every set bit of the `vectors` mask bytes, channel by
     * channel, appends its count and the offset base + channel * step. Writes up to SNNSIM_LANES
     * entries beyond the ones it appends. Returns how many, and adds their spikes to *spikes. */
    size_t (*gather)(const uint8_t *mask, const float *count, size_t vectors, uint32_t base,
                     uint32_t step, uint32_t *weights_out, float *count_out, uint64_t *spikes);

    /* One row of neurons: integrates current (then cleared) and bias into v, fires, resets. Writes
     * the spikes of each lane to `count` and a bit a lane (count > 0) to `mask`. `length` is a
     * multiple of SNNSIM_LANES; all pointers but `mask` are aligned to a vector. */
    void (*fire)(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                 size_t length, const struct snnsim_neuron *neuron);

    /* The same for neurons that differ. */
    void (*fire_each)(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                      size_t length, const struct snnsim_neurons *neurons);

    /* Lists inputs: for every set bit of the `bytes` mask bytes, bit i of all, appends the tap
     * {first.weights + i * step, first.count + i}. Writes up to SNNSIM_LANES taps beyond the ones
     * it appends. Returns how many. */
    size_t (*list)(const uint8_t *mask, size_t bytes, struct snnsim_tap first, uint32_t step,
                   struct snnsim_tap *taps);

    /* sums[t * lanes + lane] += count[tap.count + t * step_stride] * weights[tap.weights + lane]
     * for every tap in order and every step t. Any alignment. A silent step adds count 0 times a
     * finite weight, which leaves every sum that started at +0 as it is. */
    void (*accumulate)(const struct snnsim_batch *batch, const float *weights, const float *count,
                       float *sums);

    /* Fires one tile of 8 or 16 lanes over `steps` steps: in step t what fire does with the current
     * sums[t * lanes + lane], which is not cleared. Any alignment. */
    void (*fire_steps)(float *v, const float *sums, const float *bias, uint32_t steps,
                       uint32_t lanes, const struct snnsim_neuron *neuron,
                       const struct snnsim_fired *out);

    /* The same for neurons that differ; their thresholds and clips are those of the tile. */
    void (*fire_each_steps)(float *v, const float *sums, const float *bias, uint32_t steps,
                            uint32_t lanes, const struct snnsim_neurons *neurons,
                            const struct snnsim_fired *out);

    /* A bit a lane where the count is not 0, for `vectors` vectors of counts. Any alignment. */
    void (*mark)(const float *count, size_t vectors, uint8_t *mask);

    /* out[i] = the masks mask[t * stride + i] of all steps t together, for `length` bytes; `steps`
     * is at least 1. */
    void (*unite)(const uint8_t *mask, size_t stride, uint32_t steps, size_t length, uint8_t *out);

    /* Adds up a row of `width` positions of `lanes` counts; fanout[x] columns are reached from x.
     * Lanes without their bit hold 0. No sum leaves 53 bits. */
    struct snnsim_reached (*reach)(const float *count, const uint8_t *mask, uint32_t width,
                                   uint32_t lanes, const uint32_t *fanout);

    /* Sums the windows of `width` outputs, rows before columns; a bit a lane where the sum is not
     * 0. Aligned as for fire. */
    void (*pool)(const float *in, const struct snnsim_window *window, uint32_t width, float *out,
                 uint8_t *mask);

    /* sums[o] = sum of x[k] * weights[o][k] over `depth` k, a multiple of SNNSIM_DEPTH_STEP. No
     * sum leaves 32 bits in any order, and no product of two 31 bits. Any alignment. */
    void (*multiply)(const int16_t *x, const int16_t *weights, size_t depth, size_t outputs,
                     int32_t *sums);
};

/* Fills in the level of that name, or the best one the processor has for NULL. Returns false for a
 * name that this build or this processor does not have. Every 64-bit ARM has NEON. */
bool snnsim_kernels_init(struct snnsim_kernels *out, const char *level, bool has_avx2);

/* The staircase: scalar fills everything, each further level overwrites what it does better. */
void snnsim_scalar_kernels(struct snnsim_kernels *kernels);
void snnsim_avx2_kernels(struct snnsim_kernels *kernels);
void snnsim_neon_kernels(struct snnsim_kernels *kernels);

#endif
