/* Chip programs for tests: a description that is filled in core by core, with what a test does not
 * say derived from what it says. One at a time, in a static place, as Criterion has a process a
 * test.
 */
#ifndef TESTS_UNIT_SKETCH_H
#define TESTS_UNIT_SKETCH_H

#include "snn/context.h"
#include "snn/program.h"

enum { SKETCH_READOUT = 12, SKETCH_SENSOR = 13 };

/* The nine cores of a DynapCNN, as docs/formats/chip.md has them, written down anew. */
struct snn_chip sketch_chip(void);

/* A description without cores, on that chip, with an input that goes to core 0. Cores may be
 * changed through sketch_core until it is used. */
struct snn_program *sketch_begin(uint32_t channels, uint32_t height, uint32_t width);

/* Adds a core. Left at 0 or NULL: input map and channels (those of the core or input before it,
 * without pooling), strides 1, output map (as it follows), threshold_high 100, weights -8..8
 * without a pattern, v_init 0, scale 1, layer_index (the next), layer ("layer" with it); without
 * destinations it sends to the readout. threshold_low is -100 unless it is given. The readout's
 * class count follows from the last one added. */
struct snn_core *sketch_add(struct snn_core core);

/* The core added as number `position`, to be changed. */
struct snn_core *sketch_core(uint32_t position);

/* Values -range..range without a pattern, the same for the same seed; from a static pool. */
const int8_t *sketch_bytes(size_t count, int range, unsigned seed);
const int16_t *sketch_words(size_t count, int range, unsigned seed);

/* Programs that use what a core can do, each for a reason of its own. */
struct sketch {
    const char *name;
    struct snn_program *(*make)(void);
};
enum { SKETCH_COUNT = 11 };
extern const struct sketch sketches[SKETCH_COUNT];

/* Two branches of the input, 4 and 3 features, side by side in front of one core, pooled. */
struct snn_program *sketch_concat(void);
/* Three layers, of which the second lies on two cores, 3 features and 2, biases everywhere. */
struct snn_program *sketch_split(void);
/* A dense layer of 3 classes, one in 4 features: 9 features in memory. */
struct snn_program *sketch_spread(void);
/* The same of 5 classes on two cores: classes 0..2 (features 0..8), 3..4 (12..16). */
struct snn_program *sketch_spread_split(void);
/* A kernel of 5 with padding 1 over a map 3x3: one position, every input in reach. */
struct snn_program *sketch_dense_padded(void);
/* A kernel of 3 with stride 8 over a map 5x5: one position, of which rows 3 and 4 are out of reach.
 */
struct snn_program *sketch_point(void);
/* A map 5x5, pooled by 2, beside one of 3x3 in front of one core: its row 4 is row 2 there. */
struct snn_program *sketch_ragged(void);
/* A map 3x3 beside one of 4x4 in front of one core. */
struct snn_program *sketch_small(void);
/* Reset to zero, initial potentials a neuron, weights far above the thresholds. */
struct snn_program *sketch_wild(void);
/* A core that sends its map to another twice, whole and shifted. */
struct snn_program *sketch_twice(void);
/* Strides and paddings that differ by axis, on a map that is not square. */
struct snn_program *sketch_oblong(void);

#endif
