/* Runs a function in a forked child with little memory, little time and no files, and brings back
 * the bytes it wrote: the cage for libraries that are not to be trusted with hostile files.
 *
 * The child inherits memory and one pipe, nothing else: every other descriptor is closed, no new
 * one can be opened, signals are as in a fresh process. Whatever happens to it, the parent gets a
 * status, never a crash, and has reaped it on return.
 */
#ifndef SNN_CONVERT_READ_CHILD_H
#define SNN_CONVERT_READ_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

struct snnconv_child_pipe;

/* What the child does. The context is a copy: its last error comes back to the parent, its
 * diagnostics sink must not be used. May take memory with malloc and need not give it back. */
typedef int (*snnconv_child_fn)(struct snnconv_child_pipe *pipe, struct snn_context *context,
                                void *user);

struct snnconv_child_job {
    snnconv_child_fn run;
    void *user;
    uint64_t memory_bytes; /* beyond what the parent has now; not held under sanitizers */
    uint64_t output_bytes; /* more than that is LIMIT */
    unsigned processor_ms; /* processor time; a child that sleeps gets a multiple of it */
    const char *blame;     /* "damaged HDF5 file: the library gave up" */
};

/* In the child: appends to the output. Does not return when the parent is gone. */
void snnconv_child_put(struct snnconv_child_pipe *pipe, const void *data, size_t size);
void snnconv_child_put_number(struct snnconv_child_pipe *pipe, uint64_t number); /* 8 bytes, LE */
/* Its length as a number, then the bytes. */
void snnconv_child_put_text(struct snnconv_child_pipe *pipe, const char *text, size_t size);

/* In the parent: `out` is an empty buffer and gets the output; it is the caller's to free, also
 * after an error. Errors: those of `run`, with its message; FORMAT (the child crashed or used up
 * its time: "<blame> (signal 11)"), LIMIT, NOMEM (also: no process to be had). */
int snnconv_child_run(struct snnbase_buffer *out, struct snn_context *context,
                      const struct snnconv_child_job *job);

#endif
