/* What the files of this folder share of a session: state, scratch memory and the chunk at hand.
 * Nobody else includes this.
 */
#ifndef SNN_SIM_CHIP_SESSION_H
#define SNN_SIM_CHIP_SESSION_H

#include "sim/chip/engine.h"

/* Spikes of a chunk, by tiles. A tile that is silent throughout the chunk has no valid counts. */
struct snnsim_chip_spikes {
    const struct snnsim_chip_grid *grid;
    uint16_t *count; /* [tiles][padded][16] */
    uint8_t *fired;  /* [tiles] */
};

struct snnsim_chip_arrival {
    uint16_t *lines;                   /* [lines][padded] */
    uint8_t *peak;                     /* [lines] largest count of the chunk, 0 where lines are not
                                          valid: nothing came */
    uint32_t largest;                  /* of all peaks, or above 127: the lines mean nothing */
    struct snnsim_chip_spikes *pooled; /* [pool_count - 1]: between the pools of a chain */
    uint64_t spikes[SNNSIM_CHIP_STEPS];
    uint64_t operations[SNNSIM_CHIP_STEPS];
};

struct snnsim_chip_state {
    int16_t *v;     /* [tiles][16] */
    uint8_t *rests; /* [tiles] nothing would change if nothing came */
    struct snnsim_chip_spikes spikes;
    struct snnsim_chip_arrival *arrivals; /* [synapse_count] */
    uint32_t *total;                      /* [tiles][16] spikes since the reset, or NULL */
};

/* The steps that are run at once. */
struct snnsim_chip_chunk {
    const struct snn_spikes *input;
    uint32_t first;
    uint32_t steps, padded;
    struct snn_output *out;
    uint32_t row;
};

/* What a tile sees of a synapse. */
struct snnsim_chip_look {
    const int8_t *weights; /* of the position's first tile */
    size_t group_size;     /* from there to the next tile's */
    const uint16_t *reach; /* by tap */
    const struct snnsim_chip_arrival *arrival;
    const struct snnsim_chip_tap *taps; /* the active ones */
    size_t tap_count;
};

struct snnsim_chip {
    struct snnbase_arena arena;
    const struct snnsim_chip_plan *plan;
    struct snnsim_chip_state *populations;
    struct snnsim_chip_spikes input; /* where a synapse takes it through pools */
    int16_t **readout_v;             /* [readout_count]; 0: the output population's own */
    struct snnsim_chip_chunk chunk;
    bool counting;
    bool stepped; /* since the reset */

    const uint16_t **units;         /* of a pool's window */
    struct snnsim_chip_tap *taps;   /* of one tile, synapse by synapse */
    struct snnsim_chip_look *looks; /* [synapses of a population] */
    uint8_t *pair_peak;             /* largest count of each pair of channels of a map */
    uint32_t *row_sums;             /* [2][SNNSIM_CHIP_STEPS] */
    int16_t *sums;                  /* [SNNSIM_CHIP_TILES][steps][16] */
    int16_t *part;                  /* [steps][16] */
    int32_t *wide_sums;             /* [SNNSIM_CHIP_TILES][steps][16] */
    uint16_t *read_count;           /* [steps][16] */
    int16_t *read_potential;        /* [steps][16] */
    int64_t *current;               /* of all neurons of a population, one step */
    int64_t *map[2];                /* spikes of one step [y][x][channel] */
};

/* Memory for the lines of a population's synapses, and what they hold of a chunk (arrive.c). */
int snnsim_chip_arrival_init(struct snnsim_chip *chip, struct snn_context *context,
                             const struct snnsim_chip_synapse *synapse,
                             struct snnsim_chip_arrival *out);
int snnsim_chip_spikes_init(struct snnsim_chip *chip, struct snn_context *context,
                            const struct snnsim_chip_grid *grid, struct snnsim_chip_spikes *out);
void snnsim_chip_load_input(struct snnsim_chip *chip);
void snnsim_chip_arrive(struct snnsim_chip *chip, const struct snnsim_chip_synapse *synapse,
                        struct snnsim_chip_arrival *arrival);

/* Runs a population through the chunk, once its lines are there (layer.c). */
void snnsim_chip_layer_run(struct snnsim_chip *chip, uint32_t index);

/* The same step by step in wide integers, for counts that lines have no room for (wide.c). */
void snnsim_chip_wide_run(struct snnsim_chip *chip, uint32_t index);

/* Fires tiles of a population, the output's readouts with them, `steps` steps from step `first` of
 * the chunk on (fire.c). `at` are the indices of the tiles. */
void snnsim_chip_fire(struct snnsim_chip *chip, uint32_t index, struct snnsim_chip_tile *tiles,
                      const size_t *at, size_t count, uint32_t first, uint32_t steps);

#endif
