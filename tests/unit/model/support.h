/* What the tests of this room share: a context whose memory is counted and can run out, a folder
 * for files, the diagnostics seen, and shorthand for building graphs and model texts.
 *
 * Criterion runs each test in a process of its own, so one context and folder in statics is enough.
 */
#ifndef TESTS_UNIT_MODEL_SUPPORT_H
#define TESTS_UNIT_MODEL_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/graph.h"

/* For .init and .fini of a suite; the second asserts that all memory was given back. */
void support_begin(void);
void support_end(void);

struct snn_context *support_context(void);

/* A context of its own with these limits; destroy it. */
struct snn_context *support_limited(const struct snn_limits *limits);

/* Diagnostics since support_begin, "error: text" or "warning: text", one a line. */
const char *support_diagnostics(void);

/* Runs `action` on contexts of which the first, second, ... allocation fails, until it needs no
 * more. Each failure must be NOMEM and give back what was taken. */
void support_sweep(int (*action)(struct snn_context *context));

/* Path of `name` in the folder; a static place, overwritten by the next call but one. */
const char *support_path(const char *name);
const char *support_put(const char *name, const void *data, size_t size);

/* The whole file, allocated, with a terminating zero. */
char *support_get(const char *name, size_t *size_out);

/* `text` with every ' turned into "; a static place, overwritten by the next call. */
const char *support_quoted(const char *text);

/* A graph with an input layer "input". */
struct snn_graph *support_graph(uint32_t channels, uint32_t height, uint32_t width);

/* Adds a layer whose inputs are the last layer added (or `inputs`, where they are given). */
uint32_t support_add(struct snn_graph *graph, struct snn_layer layer);

#endif
