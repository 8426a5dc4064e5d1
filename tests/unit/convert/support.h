/* What the tests of this room share: a context whose memory is counted and can run out, a random
 * generator, and shorthand for building graphs.
 *
 * Criterion runs each test in a process of its own, so one context in statics is enough.
 */
#ifndef TESTS_UNIT_CONVERT_SUPPORT_H
#define TESTS_UNIT_CONVERT_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/graph.h"

/* For .init and .fini of a suite; the second asserts that all memory was given back. */
void support_begin(void);
void support_end(void);

struct snn_context *support_context(void);

/* Runs `action` on a graph (that `make` made while there was memory, or NULL without `make`) and on
 * contexts of which the first, second, ... allocation fails, until it needs no more. Each failure
 * must be NOMEM and give back what was taken. */
void support_sweep(struct snn_graph *(*make)(struct snn_context *context),
                   int (*action)(struct snn_context *context, struct snn_graph *graph));

/* Uniform in 0 .. 1; the same numbers on every machine. */
double support_random(uint32_t *state);

/* A graph with an input layer "input". */
struct snn_graph *support_graph(struct snn_context *context, uint32_t channels, uint32_t height,
                                uint32_t width);

/* Adds a layer whose inputs are the last layer added (or `inputs`, where they are given). */
uint32_t support_add(struct snn_graph *graph, struct snn_context *context, struct snn_layer layer);

#endif
