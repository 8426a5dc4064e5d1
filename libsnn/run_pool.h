/* What the two kinds of run (run.c: spikes, run_frames.c: frames) share: the pool that hands
 * samples out to workers and gathers their failures.
 */
#ifndef SNN_RUN_POOL_H
#define SNN_RUN_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "snn/run.h"

struct snnrun_pool {
    const struct snn_run_options *options;
    struct snn_partial *partial; /* what is done, here or elsewhere */
    uint64_t count;              /* of samples */
    uint64_t resumed_count;      /* that were done when the run began */
    atomic_uint_fast64_t next;   /* without claims: sample that nobody has taken yet */
    atomic_bool stop;
    pthread_mutex_t claiming; /* of the block that was claimed last, and of asking for the next */
    uint64_t claim_next, claim_end;
    bool claimed_all;
    pthread_mutex_t lock; /* of everything below, and of the callbacks */
    int status;           /* of the failed sample with the lowest index */
    uint64_t failed_index;
    struct snn_context *failed; /* worker context that holds its message; NULL: the caller's does */
};

/* A sample's label, negative: none. Errors: INVALID (not one of the classes). */
int snnrun_read_label(struct snn_context *context, const struct snn_source *source, uint64_t index,
                      uint32_t class_count, int32_t *label_out);

/* The first of the largest logits. */
int32_t snnrun_decide(const float *logits, uint32_t class_count);

/* The partial must outlive the pool. Errors: NOMEM. */
int snnrun_pool_init(struct snnrun_pool *pool, struct snn_context *context,
                     struct snn_partial *partial, const struct snn_run_options *options);
void snnrun_pool_fini(struct snnrun_pool *pool);

/* As many workers as asked for, as the target takes and as there are samples to be run. */
unsigned snnrun_pool_threads(const struct snnrun_pool *pool, const struct snn_target *target);

/* The next sample that is still to be run, counted from 0; false at the end or when the run is to
 * stop. Waits as long as a claim does. */
bool snnrun_pool_take(struct snnrun_pool *pool, uint64_t *at_out);

/* Asks in the middle of a sample whether to go on: samples may be long. */
bool snnrun_pool_go_on(struct snnrun_pool *pool);

/* Tells the callbacks that a sample is done; `record` may be NULL. Their verdict stops the run. */
int snnrun_pool_report(struct snnrun_pool *pool, const struct snn_sample_record *record);

/* Stops the run. `context` holds the message; NULL: the caller's does. */
void snnrun_pool_fail(struct snnrun_pool *pool, uint64_t at, int status,
                      struct snn_context *context);

/* The run's status when all workers are through, its message in `context`. */
int snnrun_pool_status(const struct snnrun_pool *pool, struct snn_context *context);

double snnrun_seconds(void);

#endif
