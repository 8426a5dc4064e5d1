/* A run in parts: what is known of each sample that is done, as bytes that another process, another
 * machine or a later start of this one can go on with.
 *
 * A partial result belongs to one run: one target, net, data set and set of options, which its
 * fingerprint stands for. It is a set of sample records; in which order, how often and from where
 * they come does not matter. With all of them there, snn_run makes the result from it, to the bit
 * the one of a run in one piece.
 *
 *     create -> add records (of a file, of other machines) -> snn_run does the rest -> result
 *                                 each new record -> watch (to a file, to another machine)
 */
#ifndef SNN_PARTIAL_H
#define SNN_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/run.h"

#ifdef __cplusplus
extern "C" {
#endif

struct snn_partial;

/* An empty one for a run with these arguments, which must be those that snn_run (or, with a graph
 * in place of the net, snn_run_frames) is given later, and outlive it; of the options, energy,
 * callbacks, threads and claim may differ. But where there is a callback `sample`, records carry
 * the counts of each step that it is given: with it and without it are two runs, and samples from
 * elsewhere reach it when all are done. The data's content counts, not its path. Target, net and
 * all options stand for the fingerprint. Errors: those of snn_run's checks, NOMEM. */
SNN_API int snn_partial_create(struct snn_partial **out, struct snn_context *context,
                               struct snn_target *target, const struct snn_net *net,
                               const struct snn_graph *graph, const struct snn_source *source,
                               const struct snn_run_options *options);
/* Takes the address, nulls it, accepts NULL. */
SNN_API void snn_partial_destroy(struct snn_partial **partial);

#define SNN_FINGERPRINT_SIZE 32
/* SHA-256 of everything that decides the outcome of a sample. */
SNN_API void snn_partial_fingerprint(const struct snn_partial *partial,
                                     unsigned char out[SNN_FINGERPRINT_SIZE]);

/* What it is made of, as lines of text NAME=VALUE; lives as long as the partial. */
SNN_API const char *snn_partial_identity(const struct snn_partial *partial);
/* What differs between two such texts, as "timesteps 100 there, 50 here; other data", cut to `size`
 * bytes with the terminator (at 0 nothing is written); "" if nothing does. */
SNN_API void snn_partial_compare(const char *there, const char *here, char *text, size_t size);

/* The rest is safe to call from any thread, during the run too, each with a context of its own (and
 * one allocator for all). */

/* Samples asked for, and how many of them are done. */
SNN_API uint64_t snn_partial_total(const struct snn_partial *partial);
SNN_API uint64_t snn_partial_done(const struct snn_partial *partial);
/* `at`: counted from the run's first sample. */
SNN_API bool snn_partial_has(const struct snn_partial *partial, uint64_t at);

/* Takes in the record of one sample, made by a run of the same fingerprint; one that is there
 * already changes nothing. Errors: FORMAT (no record of this run: a length, an index, a value that
 * cannot be), NOMEM, the watcher's; the partial is then as before. */
SNN_API int snn_partial_add(struct snn_partial *partial, struct snn_context *context,
                            const void *record, size_t size);

/* Called once with each record that is new, from the run or from add, under the partial's lock: it
 * asks nothing of the partial. A status other than SNN_OK ends the run, or is add's, and the sample
 * is not done; the message is set by snn_context_fail in the context given, which is that of the
 * thread at hand. */
typedef int (*snn_partial_fn)(struct snn_context *context, const void *record, size_t size,
                              void *user);
SNN_API void snn_partial_watch(struct snn_partial *partial, snn_partial_fn watch, void *user);

/* ---- Checkpoints ---- */

/* A file that each finished sample is appended to. Killed at any time, at most the last moments are
 * lost: a record that is cut off is dropped when the file is opened again. */
struct snn_checkpoint;

/* Opens `path` for the partials of one or several runs, or makes it; samples that the file holds
 * are added to the partials of the same fingerprint, and from then on their new records are
 * appended (at most `interval_s` later, 1 if 0; and synced). The partials must outlive it and are
 * not to be watched by others. Errors: FORMAT (no checkpoint), INVALID (of another run: what
 * differs), BUSY (another process writes to it), ACCESS, NOT_FOUND, IO, NOMEM. */
SNN_API int snn_checkpoint_open(struct snn_checkpoint **out, struct snn_context *context,
                                const char *path, struct snn_partial *const *partials,
                                uint32_t partial_count, double interval_s);
/* Writes what is left. Takes the address, nulls it, accepts NULL. Errors: IO. */
SNN_API int snn_checkpoint_close(struct snn_checkpoint **checkpoint, struct snn_context *context);

#ifdef __cplusplus
}
#endif
#endif
