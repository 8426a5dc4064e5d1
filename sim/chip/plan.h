/* The plan of chip arithmetic: a net of whole numbers packed for execution a chunk of steps at a
 * time. Made once a load, immutable, shared by all sessions on the net.
 *
 * Neurons stand in tiles of 16 lanes (sim/kernel/chip.h): 16 channels of a position, or, where a
 * population has up to 8 channels, those of two neighbours in x. What arrives at a synapse lies as
 * a map of lines, two channels each, with zeros around so that no tile needs clipping:
 *
 *      +------------------ row_lines ------------------+
 *      |  pad_top rows of silent lines                 |
 *      |  pad_left | width positions of `pairs` lines  |   <- origin: line of position (0, 0)
 *      |                            (and silent lines) |
 *
 * An input of one channel joins neighbours in x to pairs instead. Its tiles may then begin within a
 * pair, so that the weights are there twice: for tiles at even and at odd columns.
 */
#ifndef SNN_SIM_CHIP_PLAN_H
#define SNN_SIM_CHIP_PLAN_H

#include "libsnn/base/memory.h"
#include "sim/kernel/chip.h"
#include "snn/net.h"
#include "snn/status.h"

/* How a map of neurons is cut into tiles: index (y * tiles_x + tile of x) * groups + group. */
struct snnsim_chip_grid {
    struct snn_shape shape;
    uint32_t tile_width; /* positions of a tile: 1 or 2 */
    uint32_t tiles_x;
    uint32_t groups; /* tiles of a position: of 16 channels each */
    size_t tiles;
};

static inline size_t snnsim_chip_grid_lane(const struct snnsim_chip_grid *grid, uint32_t channel,
                                           uint32_t y, uint32_t x)
{
    const size_t column = (size_t)y * grid->tiles_x + x / grid->tile_width;
    return (column * grid->groups + channel / SNNSIM_CHIP_LANES) * SNNSIM_CHIP_LANES +
           x % grid->tile_width * SNNSIM_CHIP_UNIT + channel % SNNSIM_CHIP_LANES;
}

/* Lines of what arrives at one synapse, after its pools. */
struct snnsim_chip_lines {
    bool joined;    /* pairs are neighbours in x */
    uint32_t pairs; /* lines of a position; 1 where joined */
    uint32_t row_lines;
    uint32_t pad_top; /* row and column of position (0, 0) */
    uint32_t pad_left;
    size_t count; /* lines in all */
};

/* Where an event of the input goes. */
struct snnsim_chip_address {
    uint32_t line_odd; /* line << 1 | 1 if it is the odd one of the pair */
    uint32_t fanout;   /* neurons that a spike reaches */
};

struct snnsim_chip_synapse {
    const struct snn_synapse *synapse;
    struct snnsim_chip_lines lines;
    struct snnsim_chip_grid *pooled; /* [pool_count] behind each pool */
    uint32_t *row_fanout; /* [height], [width]: neurons of one channel that a spike reaches */
    uint32_t *column_fanout;
    uint32_t fanout_channels;
    uint32_t tally_strip; /* positions of a row whose spikes times fan-outs stay below 2^32 */
    /* By address, of unpooled input. */
    struct snnsim_chip_address *addresses;
    bool sees_each_spike_once; /* its pools neither drop nor repeat spikes of the source */

    uint32_t *run_line;
    struct snnsim_chip_runs runs; /* on run_line */
    uint32_t tap_count;           /* runs.count * runs.length */
    uint32_t variants;            /* 2: tiles begin at odd columns, too */
    uint32_t row_step;            /* lines from one row of neurons to the next */
    uint32_t column_step;         /* columns from one tile to the next */
    uint32_t *group_line; /* [groups] first line of a group's inputs; NULL: all see the same */
    int8_t *weights;      /* [variant][group][tap][lane][2] */
    struct snnsim_chip_tap *pair_taps; /* all taps, with the pair of channels in place of the line;
                                          of convolutions without groups, else NULL */
    uint16_t *tap_reach; /* [variant][tap] most that a spike each can change a sum by */
    uint32_t reach;      /* the same for all taps of a tile at once */
};

struct snnsim_chip_population {
    const struct snn_population *population;
    struct snnsim_chip_synapse *synapses;
    struct snnsim_chip_grid grid;
    int16_t *bias;       /* [groups or tiles][16]; of no meaning where they reach beyond 16 bits */
    int32_t *wide_bias;  /* the same in 32 bits */
    bool bias_each;      /* ... tiles */
    uint32_t bias_reach; /* largest magnitude */
    uint32_t counted_by; /* synapse whose arriving spikes are all of this population's, or none */
    size_t tap_count;    /* of all synapses */
};

/* Thresholds, clips and initial potentials of a population or a readout. */
struct snnsim_chip_limits {
    struct snnsim_chip_neurons *neurons; /* [1, groups or tiles] */
    uint32_t per_group, per_tile;        /* 1 where each has its own, else 0 */
    int16_t *v_init;                     /* [tiles][16] */
    uint8_t *rests; /* [tiles] no neuron would fire or be clipped that begins so */
    bool settles;   /* nor after it fired: every neuron fires as often as it can */
};

#define SNNSIM_CHIP_NOT_COUNTED UINT32_MAX

struct snnsim_chip_plan {
    struct snnbase_arena arena;
    const struct snn_net *net;
    struct snnsim_chip_kernels kernels;
    struct snnsim_chip_population *populations;
    struct snnsim_chip_limits *limits; /* [population_count + readout_count - 1] */
    struct snnsim_chip_grid input;     /* where a synapse takes the input through pools */
    bool pools_input;
    uint32_t chunk; /* steps that are run at once */
};

/* Packs a net of SNN_ARITH_CHIP. Errors: INVALID (a value that is no whole number or out of range,
 * naming its layer; unknown kernel level), LIMIT, NOMEM. */
int snnsim_chip_plan_create(struct snnsim_chip_plan **out, struct snn_context *context,
                            const struct snn_net *net);
void snnsim_chip_plan_destroy(struct snnsim_chip_plan **plan);

/* Cuts a shape into tiles (plan.c). */
struct snnsim_chip_grid snnsim_chip_grid_make(struct snn_shape shape);

/* Everything of one synapse (synapse.c), and of that its lines, runs and weights (taps.c). */
int snnsim_chip_synapse_pack(struct snnsim_chip_plan *plan, struct snn_context *context,
                             const struct snnsim_chip_grid *grid, const struct snn_synapse *synapse,
                             struct snnsim_chip_synapse *out);
int snnsim_chip_taps_make(struct snnsim_chip_plan *plan, struct snn_context *context,
                          const struct snnsim_chip_grid *grid, struct snnsim_chip_synapse *out);

/* Thresholds, initial potentials and biases (limits.c). */
int snnsim_chip_limits_make(struct snnsim_chip_plan *plan, struct snn_context *context);
int snnsim_chip_bias_make(struct snnsim_chip_plan *plan, struct snn_context *context,
                          struct snnsim_chip_population *population);

/* A value that is to be whole and from `low` to `high`; INVALID if it is not. */
int snnsim_chip_whole(struct snn_context *context, const char *what, float value, int32_t low,
                      int32_t high, int32_t *out);

#endif
