/* A batch of frames and their evaluators, see batch.h. Nothing here knows what is measured. */
#include "convert/batch.h"

#include <stdatomic.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/thread.h"
#include "libsnn/model/eval.h"

/* What the evaluators of a batch may take together before it is made smaller. */
#define BATCH_BYTES ((size_t)512 << 20)

int snnconv_progress_report(struct snnconv_progress *progress, struct snn_context *context,
                            uint64_t done)
{
    const struct snn_calibrate_options *o = progress->options;
    progress->done = done;
    if (o->progress == NULL || o->progress(done, progress->total, o->user)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_CANCELLED, "calibration was stopped");
}

static int list_neuronal(struct snnconv_batch *batch)
{
    uint32_t layers = snn_graph_layer_count(batch->graph);
    batch->neuronal = snnbase_alloc(batch->context, layers, sizeof(*batch->neuronal));
    if (batch->neuronal == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < layers; i++) {
        if (snn_graph_layer_is_neuronal(batch->graph, i))
            batch->neuronal[batch->neuronal_count++] = i;
    }
    return SNN_OK;
}

static int allocate(struct snnconv_batch *batch, uint32_t capacity)
{
    struct snn_context *context = batch->context;
    size_t frame = snn_shape_size(snn_graph_input_shape(batch->graph));
    batch->evaluators = snnbase_alloc(context, capacity, sizeof(struct snn_evaluator *));
    batch->intensity = snnbase_alloc(context, capacity * frame, sizeof(*batch->intensity));
    if (batch->evaluators == NULL || batch->intensity == NULL) return SNN_ERR_NOMEM;
    while (batch->capacity < capacity) {
        int status =
            snn_evaluator_create(&batch->evaluators[batch->capacity], context, batch->graph);
        if (status != SNN_OK) return status;
        batch->capacity++;
    }
    return list_neuronal(batch);
}

int snnconv_batch_init(struct snnconv_batch *batch, struct snn_context *context,
                       const struct snn_graph *graph, const struct snn_frames *frames,
                       struct snnconv_progress *progress, bool whole)
{
    const unsigned threads = progress->options->threads;
    *batch = (struct snnconv_batch){
        .context = context,
        .graph = graph,
        .frames = frames,
        .progress = progress,
        .threads = threads > 0 ? threads : snnbase_processor_count(),
    };
    size_t fitting = BATCH_BYTES / (snnmodel_eval_bytes(graph) + 1);
    uint32_t capacity = SNNCONV_BATCH_FRAMES;
    if (!whole && fitting < capacity) capacity = fitting > 1 ? (uint32_t)fitting : 1;
    if (frames->count < capacity) capacity = (uint32_t)frames->count;
    int status = allocate(batch, capacity);
    if (status != SNN_OK) snnconv_batch_fini(batch);
    return status;
}

void snnconv_batch_fini(struct snnconv_batch *batch)
{
    for (uint32_t i = 0; i < batch->capacity; i++)
        snn_evaluator_destroy(&batch->evaluators[i]);
    snnbase_free(batch->context, batch->evaluators);
    snnbase_free(batch->context, batch->intensity);
    snnbase_free(batch->context, batch->neuronal);
    *batch = (struct snnconv_batch){.context = batch->context};
}

/* ---- Work shared between threads ---- */

struct share {
    atomic_size_t next;
    size_t count;
    void (*item)(size_t index, void *user);
    void *user;
};

static void share_worker(unsigned index, void *user)
{
    struct share *share = user;
    (void)index;
    for (;;) {
        size_t item = atomic_fetch_add(&share->next, 1);
        if (item >= share->count) return;
        share->item(item, share->user);
    }
}

void snnconv_batch_each(const struct snnconv_batch *batch, size_t count,
                        void (*item)(size_t index, void *user), void *user)
{
    struct share share = {.count = count, .item = item, .user = user};
    unsigned threads = count < batch->threads ? (unsigned)count : batch->threads;
    snnbase_workers_run(threads, share_worker, &share);
}

/* ---- The frames ---- */

static void load_frame(size_t index, void *user)
{
    struct snnconv_batch *batch = user;
    float *intensity =
        batch->intensity + index * snn_shape_size(snn_graph_input_shape(batch->graph));
    batch->frames->read(batch->first + index, intensity, batch->frames->user);
    snnmodel_eval_begin(batch->evaluators[index], intensity);
}

bool snnconv_batch_next(struct snnconv_batch *batch)
{
    uint64_t first = batch->first + batch->count;
    bool at_end = first == batch->frames->count;
    uint64_t left = batch->frames->count - first;
    batch->first = at_end ? 0 : first;
    batch->count = left < batch->capacity ? (uint32_t)left : batch->capacity;
    if (at_end) return false;
    snnconv_batch_each(batch, batch->count, load_frame, batch);
    return true;
}

struct layer_job {
    struct snnconv_batch *batch;
    uint32_t begin, end; /* layers */
};

static void run_layers(size_t index, void *user)
{
    const struct layer_job *job = user;
    for (uint32_t layer = job->begin; layer < job->end; layer++)
        snnmodel_eval_layer(job->batch->evaluators[index], layer);
}

void snnconv_batch_layer(struct snnconv_batch *batch, uint32_t layer)
{
    struct layer_job job = {batch, layer, layer + 1};
    snnconv_batch_each(batch, batch->count, run_layers, &job);
}

void snnconv_batch_run(struct snnconv_batch *batch)
{
    struct layer_job job = {batch, 0, snn_graph_layer_count(batch->graph)};
    snnconv_batch_each(batch, batch->count, run_layers, &job);
}

const float *snnconv_batch_values(const struct snnconv_batch *batch, uint32_t frame, uint32_t layer,
                                  uint32_t channel, size_t *count_out)
{
    const struct snn_shape shape = snn_graph_layer(batch->graph, layer)->shape;
    const float *values = snn_evaluator_values(batch->evaluators[frame], layer);
    bool all = channel == SNNCONV_ALL_CHANNELS;
    size_t map = (size_t)shape.height * shape.width;
    *count_out = all ? map * shape.channels : map;
    return all ? values : values + channel * map;
}

int snnconv_batch_report(struct snnconv_batch *batch)
{
    return snnconv_progress_report(batch->progress, batch->context,
                                   batch->progress->done + batch->count);
}
