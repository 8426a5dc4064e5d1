/* The executor in 8-bit integers: a graph quantised once (the plan, shared by threads), and what
 * one thread runs frames in.
 *
 *   snn_graph --range--> a scale and zero point a layer --plan--> integers --int8--> values
 *
 * Arithmetic and formats are those of TensorFlow Lite (its quantisation specification, 8 bits):
 * affine activations, symmetric weights, int32 biases of scale input x weight, see fixed.h. Values
 * lie as there, channels last, [height][width][channels]. A quantised model gives the integers of
 * the reference kernels bit by bit.
 */
#ifndef SNN_SIM_FRAME_FRAME_H
#define SNN_SIM_FRAME_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "sim/frame/fixed.h"
#include "sim/kernel/kernel.h"
#include "snn/graph.h"

/* Integers of 8 bits: tables have one entry for each, from -128 on. */
#define SNNSIM_FRAME_CODES 256u

/* Offsets are in bytes, into the block that each session has of its own. */
struct snnsim_frame_layer {
    const struct snn_layer *layer;
    struct snnsim_affine affine;
    int32_t low, high; /* what the activation leaves: the output is clamped to it */
    size_t values;     /* offset of the values */

    /* CONV2D and DENSE, which is a convolution with a window over all of its input. */
    struct snn_window window;
    uint32_t groups;
    bool depthwise;   /* one channel in, one out, in each group */
    size_t depth;     /* of one output's sum, padded with zeros to SNNSIM_DEPTH_STEP */
    int16_t *weights; /* [channels][depth], of depthwise layers [tap][channels] */
    int32_t *bias;    /* [channels], or [height][width][channels] */
    size_t bias_step; /* from one position to the next: 0 or the channels */

    /* From sums to the output's scale: one for each channel, of mean and sum pools one. */
    struct snnsim_multiplier *factor;
    struct snnsim_multiplier *negative; /* of sums below 0, for LEAKY_RELU; else NULL */
    /* What 1 in a sum of each channel stands for, where the output has no scale: its values are
     * floats then. NULL: they are integers. */
    double *real;

    /* ADD: what each integer of each input adds to the sum, [input][code]; and from the sum to the
     * output, for sums below 0 by a factor of their own. */
    int32_t *summand;
    struct snnsim_multiplier total;
    struct snnsim_multiplier total_below;

    /* MAX_POOL2D, CONCAT, FLATTEN: each integer of each input as the output has it, [input][code].
     */
    int8_t *moved;
};

struct snnsim_frame_plan {
    struct snnbase_arena arena;
    const struct snn_graph *graph;
    struct snnsim_kernels kernels;
    uint32_t layer_count;
    struct snnsim_frame_layer *layers;
    size_t plane;       /* offset of a convolution's padded input, int16 */
    size_t patch;       /* offset of what one sum reads, int16 [depth] */
    size_t sums;        /* offset of sums: of one position (pools: int64), of an ADD all; int32 */
    size_t block_bytes; /* of a session */
};

/* Quantises a graph that stays. Errors: INVALID (a kernel level that this processor lacks),
 * UNSUPPORTED (a net that arrived spiking, sums beyond 32 bits), NOT_FOUND (a layer without a
 * range), LIMIT, NOMEM. */
int snnsim_frame_plan_create(struct snnsim_frame_plan **out, struct snn_context *context,
                             const struct snn_graph *graph);
void snnsim_frame_plan_destroy(struct snnsim_frame_plan **plan);

/* Finds scale and zero point of every layer: as the graph was quantised, else from its calibration
 * (docs/semantics.md tells how); scale 0 for an output that stays real. `out` has room for all
 * layers. Errors: NOT_FOUND, NOMEM. */
int snnsim_frame_find_ranges(struct snn_context *context, const struct snn_graph *graph,
                             struct snnsim_affine *out);

/* One frame through all layers; `block` is of plan->block_bytes, aligned. */
void snnsim_frame_run(const struct snnsim_frame_plan *plan, void *block, const float *intensity);

/* A layer's integers after a run, [height][width][channels]; not of one that stays real. */
static inline const int8_t *snnsim_frame_values(const struct snnsim_frame_plan *plan,
                                                const void *block, uint32_t layer)
{
    return (const int8_t *)block + plan->layers[layer].values;
}

/* The floats of a layer that stays real, in the same order. */
static inline const float *snnsim_frame_reals(const struct snnsim_frame_plan *plan,
                                              const void *block, uint32_t layer)
{
    return (const float *)(const void *)((const char *)block + plan->layers[layer].values);
}

#endif
