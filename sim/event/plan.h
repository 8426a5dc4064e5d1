/* The plan: a net packed for event-driven execution. Made once a load, immutable, shared by all
 * sessions on the net.
 *
 * Currents of a population lie as [y][x][lane] with a halo wide enough that no event needs
 * clipping:
 *
 *      +--------------------- pitch ----------------------+
 *      |  halo_top rows                                   |
 *      |  halo_left | width positions of `lanes` | right  |   <- origin points at the first
 *      |  halo_bottom rows                                |      neuron's lane 0
 *
 * A stride splits the input positions into stride_h x stride_w phases; within a phase the outputs
 * that an event reaches stand at even distances, so each phase has one footprint.
 */
#ifndef SNN_SIM_EVENT_PLAN_H
#define SNN_SIM_EVENT_PLAN_H

#include "libsnn/base/memory.h"
#include "sim/kernel/kernel.h"
#include "snn/net.h"

/* One phase of a synapse: the taps that its events meet. */
struct snnsim_phase {
    struct snnsim_footprint footprint; /* rows == 0: events of this phase reach nothing */
    uint32_t size;                     /* packed weights of one input channel */
    uint32_t weights;                  /* offset of channel 0 */
};

struct snnsim_axis {
    uint32_t *target;  /* [size] offset of the footprint's first lane */
    uint32_t *weights; /* [size] offset into the packed weights (dense) */
    uint32_t *fanout;  /* [size] valid taps */
};

/* All that an event at one position of the input needs to know. */
struct snnsim_place {
    const struct snnsim_phase *phase;
    uint32_t target;
    uint32_t weights; /* of channel 0 */
    uint32_t fanout;  /* neurons that a spike reaches */
};

/* How a synapse serves whole tiles of neurons, SNNSIM_TILE_LANES channels at one position. An input
 * is a tap (ky, kx), or of a dense layer a position of its source, and a channel. */
struct snnsim_tiles {
    const float *weights; /* of tile g from g * group on; NULL: there is none */
    size_t group;
    uint32_t position; /* from a tap's weights to the next one's */
    uint32_t step;     /* from a channel's to the next one's */
};

struct snnsim_synapse {
    const struct snn_synapse *synapse;
    uint32_t in_lanes;
    uint32_t phases_h, phases_w; /* the stride, or the map where that is smaller */
    struct snnsim_phase *phases; /* [phases_h][phases_w] */
    struct snnsim_axis rows;     /* by y */
    struct snnsim_axis columns;  /* by x */
    bool grouped;                /* channels reach different lanes: */
    uint32_t *channel_target;    /* [channels]: first lane of the channel's group */
    uint32_t fanout_channels;    /* output channels an event reaches */
    struct snnsim_place *places; /* [height][width], where the input arrives without a pool */
    bool sees_each_spike_once;   /* its pools neither drop nor repeat spikes of the source */
    float *weights;
    size_t weight_bytes;
    struct snnsim_tiles tiles;
};

/* Values of neurons, a lane each. */
struct snnsim_spread {
    float *values; /* [row_length] or [height][row_length] */
    size_t stride; /* from row to row: 0 or row_length */
};

/* What the neurons of a population or readout have each for themselves. */
struct snnsim_differing {
    struct snnsim_spread threshold; /* padded lanes have 1 */
    struct snnsim_spread v_init;    /* ... and 0 */
    struct snnsim_spread v_min;
};

struct snnsim_population {
    const struct snn_population *population;
    struct snnsim_synapse *synapses;
    uint32_t lanes; /* channels rounded up to SNNSIM_LANES */
    uint32_t halo_top, halo_left, halo_bottom, halo_right;
    size_t pitch;        /* floats a row of currents */
    size_t current_size; /* floats */
    size_t origin;       /* of neuron (0, 0, 0) */
    size_t row_length;   /* floats a row of neurons: width * lanes */
    struct snnsim_spread bias;
    const struct snnsim_differing *differing; /* NULL: the neurons are alike */
    uint32_t tap_count; /* inputs that a tile has at most; 0: the population has no tiles */
    /* Synapse of a later population whose arriving spikes are all of this one's; or none. */
    uint32_t counted_by;
};

#define SNNSIM_NOT_COUNTED UINT32_MAX

struct snnsim_plan {
    struct snnbase_arena arena;
    const struct snn_net *net;
    struct snnsim_kernels kernels;
    struct snnsim_population *populations;
    const struct snnsim_differing **readouts; /* [readout_count], NULL where they are alike */
    uint32_t input_lanes;
    bool maps_input; /* some synapse takes the input through a pool, so it is needed as a map */
};

/* Packs a net. Errors: LIMIT, INVALID (unknown kernel level), NOMEM. */
int snnsim_plan_create(struct snnsim_plan **out, struct snn_context *context,
                       const struct snn_net *net);
void snnsim_plan_destroy(struct snnsim_plan **plan);

/* Channels rounded up to whole vectors. */
static inline uint32_t snnsim_lanes(uint32_t channels)
{
    return (channels + SNNSIM_LANES - 1) / SNNSIM_LANES * SNNSIM_LANES;
}

/* Steps of packing one synapse (pack.c): how far it reaches beyond the map, then, once the halo is
 * known, its phases, tables and weights. */
struct snnsim_reach {
    int64_t row_first, row_last, column_first, column_last; /* output positions touched */
};
int snnsim_synapse_reach(struct snn_context *context, const struct snn_synapse *synapse,
                         struct snnsim_reach *out);
int snnsim_synapse_pack(struct snnsim_plan *plan, struct snn_context *context,
                        const struct snnsim_population *population,
                        const struct snn_synapse *synapse, struct snnsim_synapse *out);

#endif
