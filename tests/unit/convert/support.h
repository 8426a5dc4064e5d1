/* What the tests of this room add to the common support: a random generator, and shorthand for
 * building graphs in any context.
 */
#ifndef TESTS_UNIT_CONVERT_SUPPORT_H
#define TESTS_UNIT_CONVERT_SUPPORT_H

#include <stdint.h>

#include "snn/graph.h"
#include "tests/unit/support.h"

/* Uniform in 0 .. 1; the same numbers on every machine. */
double support_random(uint32_t *state);

/* A graph with an input layer "input". */
struct snn_graph *support_graph(struct snn_context *context, uint32_t channels, uint32_t height,
                                uint32_t width);

/* Adds a layer whose inputs are the last layer added (or `inputs`, where they are given). */
uint32_t support_add(struct snn_graph *graph, struct snn_context *context, struct snn_layer layer);

#endif
