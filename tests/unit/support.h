/* What the tests of several rooms share: a context whose memory is counted and can run out, what it
 * was told, and a folder for files.
 *
 * Criterion runs each test in a process of its own, so one context and one folder in statics is
 * enough. A room's own support.h adds what only that room needs.
 */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <stddef.h>

#include "snn/context.h"
#include "snn/graph.h"

/* For .init and .fini of a suite; the second asserts that all memory was given back. */
void support_begin(void);
void support_end(void);

struct snn_context *support_context(void);
size_t support_allocation_count(void);

/* A context of its own with these limits; destroy it. */
struct snn_context *support_limited(const struct snn_limits *limits);

/* Diagnostics since support_begin, "error: text" or "warning: text", one a line; or since they were
 * forgotten. */
const char *support_diagnostics(void);
void support_forget_diagnostics(void);

/* Runs `action` on contexts of which the first, second, ... allocation fails, until it needs no
 * more. Each failure must be NOMEM and give back what was taken. The second form gives it a graph
 * that was made while there still was memory. */
void support_sweep(int (*action)(struct snn_context *context));
void support_sweep_graph(struct snn_graph *(*make)(struct snn_context *context),
                         int (*action)(struct snn_context *context, struct snn_graph *graph));

/* Path of `name` in the folder; a static place, overwritten by the next call but one. */
const char *support_path(const char *name);
/* Writes a file into the folder and gives its path. */
const char *support_put(const char *name, const void *data, size_t size);
/* Reads a file of the folder into `data`; returns its size. */
size_t support_get(const char *name, void *data, size_t size);

#endif
