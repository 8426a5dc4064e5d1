/* Worker threads that live as long as one call.
 *
 * Invariant: when snnbase_workers_run returns, every index has run exactly once and every thread
 * is joined. Which thread ran an index must not matter to the result.
 */
#if defined(__linux__)
/* For CPU_COUNT. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _GNU_SOURCE
#endif

#include "libsnn/base/thread.h"

#include <pthread.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

enum { THREAD_MAX = 256 };

struct job {
    snnbase_worker_fn worker;
    void *user;
    unsigned index;
    pthread_t thread;
};

static void *job_main(void *argument)
{
    struct job *job = argument;
    job->worker(job->index, job->user);
    return NULL;
}

void snnbase_workers_run(unsigned count, snnbase_worker_fn worker, void *user)
{
    struct job jobs[THREAD_MAX];
    unsigned started = 0;
    while (started < THREAD_MAX && started + 1 < count) {
        struct job *job = &jobs[started];
        *job = (struct job){.worker = worker, .user = user, .index = started + 1};
        if (pthread_create(&job->thread, NULL, job_main, job) != 0) break;
        started++;
    }
    if (count > 0) worker(0, user);
    for (unsigned index = started + 1; index < count; index++)
        worker(index, user);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(jobs[i].thread, NULL);
}

unsigned snnbase_processor_count(void)
{
#if defined(__linux__)
    /* The set this process is bound to (taskset, a container), not the whole machine. Fails where
     * the machine has more processors than the set has bits. */
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        int bound = CPU_COUNT(&set);
        if (bound > 0) return (unsigned)bound;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online <= 65536 ? (unsigned)online : 1;
}
