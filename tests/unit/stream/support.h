/* What the tests of this room share: a context whose memory is counted and can run out, a folder
 * for files, and the comparison of errors with what they should say.
 *
 * Criterion runs each test in a process of its own, so one context and folder in statics is enough.
 */
#ifndef TESTS_UNIT_STREAM_SUPPORT_H
#define TESTS_UNIT_STREAM_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/stream.h"

/* For .init and .fini of a suite; the second asserts that all memory was given back. */
void support_begin(void);
void support_end(void);

struct snn_context *support_context(void);
size_t support_allocation_count(void);

/* Runs `action` on contexts of which the first, second, ... allocation fails, until it needs no
 * more. Each failure must be NOMEM and give back what was taken. */
void support_sweep(int (*action)(struct snn_context *context));

/* Path of `name` in the folder; a static place, overwritten by the next call but one. */
const char *support_path(const char *name);
/* Writes a file into the folder and gives its path. */
const char *support_put(const char *name, const void *data, size_t size);
/* Reads a file of the folder into `data`; returns its size. */
size_t support_get(const char *name, void *data, size_t size);

/* Writes an NPY file: magic, version, the dictionary as it stands, data. */
const char *support_put_npy(const char *name, const char *dictionary, const void *data,
                            size_t size);

struct snn_source *support_open(const char *name, enum snn_source_kind kind);

/* Asserts that opening `name` of the folder gives this status and the message "PATH: MESSAGE". */
void support_refuse(const char *name, enum snn_source_kind kind, int status, const char *message);

#endif
