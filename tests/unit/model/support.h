/* What the tests of this room add to the common support: whole files as text, and shorthand for
 * building graphs and model texts.
 */
#ifndef TESTS_UNIT_MODEL_SUPPORT_H
#define TESTS_UNIT_MODEL_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "snn/graph.h"
#include "tests/unit/support.h"

/* The whole file, allocated, with a terminating zero. */
char *support_text(const char *name, size_t *size_out);

/* `text` with every ' turned into "; a static place, overwritten by the next call. */
const char *support_quoted(const char *text);

/* A graph with an input layer "input". */
struct snn_graph *support_graph(uint32_t channels, uint32_t height, uint32_t width);

/* Adds a layer whose inputs are the last layer added (or `inputs`, where they are given). */
uint32_t support_add(struct snn_graph *graph, struct snn_layer layer);

#endif
