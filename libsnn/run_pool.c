/* The pool that runs of both kinds share. Who takes which sample is left to chance, or to whoever
 * claims them; that nothing of it shows is up to the partial, which holds integers and samples.
 */
#include "libsnn/run_pool.h"

#include <math.h>
#include <time.h>

#include "libsnn/base/error.h"
#include "libsnn/base/thread.h"
#include "snn/partial.h"

int snnrun_read_label(struct snn_context *context, const struct snn_source *source, uint64_t index,
                      uint32_t class_count, int32_t *label_out)
{
    int32_t label = snn_source_label(source, index);
    if (label >= 0 && (uint32_t)label >= class_count)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "sample %llu has label %d, the net tells %u classes apart",
                            (unsigned long long)index, label, class_count);
    *label_out = label;
    return SNN_OK;
}

int32_t snnrun_decide(const float *logits, uint32_t class_count)
{
    int32_t best = 0;
    for (uint32_t k = 1; k < class_count; k++) {
        if (logits[k] > logits[best]) best = (int32_t)k;
    }
    return best;
}

int snnrun_pool_init(struct snnrun_pool *pool, struct snn_context *context,
                     struct snn_partial *partial, const struct snn_run_options *options)
{
    pool->options = options;
    pool->partial = partial;
    pool->count = snn_partial_total(partial);
    pool->resumed_count = snn_partial_done(partial);
    if (pthread_mutex_init(&pool->claiming, NULL) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: no lock");
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        pthread_mutex_destroy(&pool->claiming);
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: no lock");
    }
    return SNN_OK;
}

void snnrun_pool_fini(struct snnrun_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->claiming);
}

unsigned snnrun_pool_threads(const struct snnrun_pool *pool, const struct snn_target *target)
{
    const uint64_t left = pool->count - pool->resumed_count;
    unsigned threads =
        pool->options->threads > 0 ? pool->options->threads : snnbase_processor_count();
    uint32_t most = snn_target_parallel_max(target);
    if (most > 0 && threads > most) threads = most;
    if (threads > left) threads = (unsigned)left;
    return threads > 0 ? threads : 1;
}

/* The next sample of the block that was claimed last, or of a new one. */
static bool take_claimed(struct snnrun_pool *pool, uint64_t *at_out)
{
    const struct snn_run_options *o = pool->options;
    pthread_mutex_lock(&pool->claiming);
    while (pool->claim_next == pool->claim_end && !pool->claimed_all) {
        uint64_t first = 0, count = 0;
        pool->claimed_all = atomic_load(&pool->stop) || !o->claim(&first, &count, o->claim_user);
        if (pool->claimed_all || first >= pool->count) continue;
        pool->claim_next = first;
        pool->claim_end = first + (count < pool->count - first ? count : pool->count - first);
    }
    const bool taken = pool->claim_next < pool->claim_end;
    if (taken) *at_out = pool->claim_next++;
    pthread_mutex_unlock(&pool->claiming);
    return taken;
}

bool snnrun_pool_take(struct snnrun_pool *pool, uint64_t *at_out)
{
    while (!atomic_load(&pool->stop)) {
        uint64_t at = 0;
        if (pool->options->claim == NULL)
            at = atomic_fetch_add(&pool->next, 1);
        else if (!take_claimed(pool, &at))
            return false;
        if (at >= pool->count) return false;
        if (snn_partial_has(pool->partial, at)) continue;
        *at_out = at;
        return true;
    }
    return false;
}

bool snnrun_pool_go_on(struct snnrun_pool *pool)
{
    const struct snn_run_options *o = pool->options;
    if (o->progress == NULL) return !atomic_load(&pool->stop);
    pthread_mutex_lock(&pool->lock);
    if (!o->progress(snn_partial_done(pool->partial), pool->count, o->user))
        atomic_store(&pool->stop, true);
    pthread_mutex_unlock(&pool->lock);
    return !atomic_load(&pool->stop);
}

int snnrun_pool_report(struct snnrun_pool *pool, const struct snn_sample_record *record)
{
    const struct snn_run_options *o = pool->options;
    int status = SNN_OK;
    pthread_mutex_lock(&pool->lock);
    if (o->sample != NULL && record != NULL) status = o->sample(record, o->user);
    if (o->progress != NULL && !o->progress(snn_partial_done(pool->partial), pool->count, o->user))
        atomic_store(&pool->stop, true);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

void snnrun_pool_fail(struct snnrun_pool *pool, uint64_t at, int status,
                      struct snn_context *context)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->status == SNN_OK || at < pool->failed_index) {
        pool->status = status;
        pool->failed_index = at;
        pool->failed = context;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->stop, true);
}

int snnrun_pool_status(const struct snnrun_pool *pool, struct snn_context *context)
{
    if (pool->status != SNN_OK && pool->failed != NULL) snnbase_error_copy(context, pool->failed);
    return pool->status;
}

double snnrun_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
