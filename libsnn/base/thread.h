/* Worker threads: start, run to the end, join. No pool that outlives a call. */
#ifndef SNN_BASE_THREAD_H
#define SNN_BASE_THREAD_H

#include "snn/context.h"

typedef void (*snnbase_worker_fn)(unsigned index, void *user);

/* Runs worker(0..count-1, user), worker 0 on the calling thread, and returns when all are done. If
 * fewer threads can be had, the remaining indices run one after another on the calling thread. */
void snnbase_workers_run(unsigned count, snnbase_worker_fn worker, void *user);

/* Processors this process may run on; at least 1. */
unsigned snnbase_processor_count(void);

#endif
