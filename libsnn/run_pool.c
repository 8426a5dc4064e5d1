/* The checks and the pool that runs of both kinds share. Who takes which sample is left to chance;
 * that nothing of it shows is up to the runs: results are integers or summed in sample order.
 */
#include "libsnn/run_pool.h"

#include <math.h>
#include <time.h>

#include "libsnn/base/error.h"
#include "libsnn/base/thread.h"
#include "libsnn/model/intensity.h"
#include "snn/graph.h"

static bool same_shape(struct snn_shape a, struct snn_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

static int check_samples(struct snn_context *context, const struct snn_source *source,
                         const struct snn_run_options *o)
{
    uint64_t total = snn_source_count(source);
    if (o->offset >= total)
        return snnbase_fail(context, SNN_ERR_NOT_FOUND,
                            "sample %llu was asked for, the data has %llu",
                            (unsigned long long)o->offset, (unsigned long long)total);
    if (o->count > total - o->offset)
        return snnbase_fail(context, SNN_ERR_NOT_FOUND,
                            "%llu samples from %llu on were asked for, the data has %llu",
                            (unsigned long long)o->count, (unsigned long long)o->offset,
                            (unsigned long long)total);
    return SNN_OK;
}

int snnrun_check(struct snn_context *context, struct snn_shape shape, size_t class_count,
                 const struct snn_source *source, const struct snn_run_options *o)
{
    struct snn_shape have = snn_source_shape(source);
    if (!same_shape(shape, have)) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "the data has samples of %ux%ux%u, the net takes %ux%ux%u", have.channels,
                     have.height, have.width, shape.channels, shape.height, shape.width);
        return snnmodel_frame_shape_hint(context, have, shape);
    }
    int status = check_samples(context, source, o);
    if (status != SNN_OK) return status;
    if (o->cnn != NULL) {
        const struct snn_layer *output = snn_graph_layer(o->cnn, snn_graph_output(o->cnn));
        if (!same_shape(shape, snn_graph_input_shape(o->cnn)) || output == NULL ||
            snn_shape_size(output->shape) != class_count)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "the CNN to compare with is not the one the net came from");
    }
    if (o->energy == NULL) {
        snnbase_fail(context, SNN_ERR_INVALID, "no energy profile was given");
        return snnbase_hint(context, "snn_energy_profile_load gives one, \"sinabs\" for instance");
    }
    return SNN_OK;
}

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
                     const struct snn_source *source, const struct snn_run_options *options)
{
    pool->options = options;
    pool->count = options->count > 0 ? options->count : snn_source_count(source) - options->offset;
    if (pthread_mutex_init(&pool->lock, NULL) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: no lock");
    return SNN_OK;
}

void snnrun_pool_fini(struct snnrun_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
}

unsigned snnrun_pool_threads(const struct snnrun_pool *pool, const struct snn_target *target)
{
    unsigned threads =
        pool->options->threads > 0 ? pool->options->threads : snnbase_processor_count();
    uint32_t most = snn_target_parallel_max(target);
    if (most > 0 && threads > most) threads = most;
    if (threads > pool->count) threads = (unsigned)pool->count;
    return threads > 0 ? threads : 1;
}

bool snnrun_pool_take(struct snnrun_pool *pool, uint64_t *at_out)
{
    if (atomic_load(&pool->stop)) return false;
    *at_out = atomic_fetch_add(&pool->next, 1);
    return *at_out < pool->count;
}

bool snnrun_pool_go_on(struct snnrun_pool *pool)
{
    const struct snn_run_options *o = pool->options;
    if (o->progress == NULL) return !atomic_load(&pool->stop);
    pthread_mutex_lock(&pool->lock);
    if (!o->progress(pool->done, pool->count, o->user)) atomic_store(&pool->stop, true);
    pthread_mutex_unlock(&pool->lock);
    return !atomic_load(&pool->stop);
}

int snnrun_pool_report(struct snnrun_pool *pool, const struct snn_sample_record *record)
{
    const struct snn_run_options *o = pool->options;
    int status = SNN_OK;
    pthread_mutex_lock(&pool->lock);
    pool->done++;
    if (o->sample != NULL && record != NULL) status = o->sample(record, o->user);
    if (o->progress != NULL && !o->progress(pool->done, pool->count, o->user))
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
