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

#endif
