/* Recipes, see threshold.h. Both procedures add in double, and each sum belongs to one worker that
 * takes the frames in order: the thresholds do not depend on the number of threads.
 *
 * mse  tries thresholds in hundredths of the maximum and keeps the one whose T-step spike count
 *      reproduces the activations best.
 * ltb  local threshold balancing (Bu, Li, Yu, "Inference-Scale Complexity in ANN-SNN Conversion for
 *      High-Performance and Low-Power Applications", arXiv:2409.03368): raises the threshold of
 *      each channel from 0 by what overshoots it, layer by layer; the layers downstream see capped
 *      values.
 */
#include "convert/threshold.h"

#include <string.h>

#include "libsnn/model/eval.h"
#include "snn/status.h"

/* ---- mse:T ---- */

/* Thresholds tried: 1.00, 0.99, ... 0.06 times the maximum. */
enum { CANDIDATES = 95 };

/* One worker adds up this many at a time, so that one layer gives work to several. */
enum { CHUNK = 24, CHUNKS = (CANDIDATES + CHUNK - 1) / CHUNK };

/* Sums of CHUNK candidates at one layer for one T. */
struct mse_part {
    uint32_t layer;
    double timesteps;
    double steps_per_value[CHUNK]; /* T / threshold */
    double value_per_step[CHUNK];  /* threshold / T */
    double error[CHUNK];           /* sum of squares */
};

struct mse_job {
    const struct snnconv_batch *batch;
    struct mse_part *parts; /* [T][neuronal layer][CHUNKS] */
};

static float candidate_threshold(float maximum, uint32_t candidate)
{
    return (float)((double)maximum * (double)(100 - candidate) / 100.0);
}

static void add_errors(struct mse_part *part, double value)
{
    for (size_t k = 0; k < CHUNK; k++) {
        double steps = value * part->steps_per_value[k] + 0.5;
        steps = steps < part->timesteps ? steps : part->timesteps;
        double error = (double)(int32_t)steps * part->value_per_step[k] - value;
        part->error[k] += error * error;
    }
}

static void add_part(size_t index, void *user)
{
    const struct mse_job *job = user;
    struct mse_part *part = &job->parts[index];
    if (part->steps_per_value[0] == 0.0) return;
    for (uint32_t frame = 0; frame < job->batch->count; frame++) {
        size_t count = 0;
        const float *values =
            snnconv_batch_values(job->batch, frame, part->layer, SNNCONV_ALL_CHANNELS, &count);
        /* A value of 0 gives no spikes and no error, whatever the threshold. */
        for (size_t i = 0; i < count; i++) {
            if (values[i] > 0.0f) add_errors(part, (double)values[i]);
        }
    }
}

/* Leaves factors of 0 where there is nothing to try: a dead layer, candidates beyond the last. */
static void init_part(struct mse_part *part, uint32_t layer, uint32_t timesteps, float maximum,
                      uint32_t chunk)
{
    part->layer = layer;
    part->timesteps = (double)timesteps;
    for (uint32_t k = 0; k < CHUNK && maximum > 0.0f; k++) {
        uint32_t candidate = chunk * CHUNK + k;
        if (candidate >= CANDIDATES) break;
        double threshold = (double)candidate_threshold(maximum, candidate);
        part->steps_per_value[k] = part->timesteps / threshold;
        part->value_per_step[k] = threshold / part->timesteps;
    }
}

/* The best of a layer's candidates, the largest of equals; 0 for a layer that never fired. */
static float best_threshold(const struct mse_part parts[CHUNKS], float maximum)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < CANDIDATES; k++) {
        if (parts[k / CHUNK].error[k % CHUNK] < parts[best / CHUNK].error[best % CHUNK]) best = k;
    }
    return maximum > 0.0f ? candidate_threshold(maximum, best) : 0.0f;
}

static int read_recipes(const struct mse_job *job, struct snnbase_arena *arena,
                        const float *maximum, uint32_t count, struct snn_recipe *recipes)
{
    const struct snnconv_batch *batch = job->batch;
    const uint32_t layers = batch->neuronal_count;
    const struct mse_part *part = job->parts;
    for (uint32_t t = 0; t < count; t++) {
        struct snn_recipe_entry *entries =
            snnbase_arena_alloc(arena, batch->context, layers, sizeof(*entries));
        float *thresholds = snnbase_arena_alloc(arena, batch->context, layers, sizeof(*thresholds));
        if (entries == NULL || thresholds == NULL) return SNN_ERR_NOMEM;
        for (uint32_t i = 0; i < layers; i++, part += CHUNKS) {
            thresholds[i] = best_threshold(part, maximum[i]);
            entries[i] = (struct snn_recipe_entry){batch->neuronal[i], 1, &thresholds[i]};
        }
        recipes[t].entries = entries;
        recipes[t].entry_count = layers;
    }
    return SNN_OK;
}

int snnconv_threshold_mse(struct snnconv_batch *batch, struct snnbase_arena *arena,
                          const float *maximum, const uint32_t *timesteps, uint32_t count,
                          struct snn_recipe *recipes)
{
    const uint32_t layers = batch->neuronal_count;
    const size_t part_count = (size_t)count * layers * CHUNKS;
    struct mse_job job = {.batch = batch};
    job.parts = snnbase_alloc(batch->context, part_count, sizeof(*job.parts));
    if (job.parts == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < part_count; i++) {
        size_t layer = i / CHUNKS % layers;
        init_part(&job.parts[i], batch->neuronal[layer], timesteps[i / CHUNKS / layers],
                  maximum[layer], (uint32_t)(i % CHUNKS));
    }
    int status = SNN_OK;
    while (status == SNN_OK && snnconv_batch_next(batch)) {
        snnconv_batch_run(batch);
        snnconv_batch_each(batch, part_count, add_part, &job);
        status = snnconv_batch_report(batch);
    }
    if (status == SNN_OK) status = read_recipes(&job, arena, maximum, count, recipes);
    snnbase_free(batch->context, job.parts);
    return status;
}

/* ---- ltb ---- */

struct ltb_job {
    const struct snnconv_batch *batch;
    uint32_t layer;
    float *threshold; /* [channels] of the layer */
};

/* threshold += 2 * mean(max(x - threshold, 0)) over the batch, for one channel. */
static void raise_threshold(size_t channel, void *user)
{
    const struct ltb_job *job = user;
    double threshold = (double)job->threshold[channel];
    double excess = 0.0;
    size_t count = 0;
    for (uint32_t frame = 0; frame < job->batch->count; frame++) {
        const float *values =
            snnconv_batch_values(job->batch, frame, job->layer, (uint32_t)channel, &count);
        for (size_t i = 0; i < count; i++) {
            double over = (double)values[i] - threshold;
            excess += over > 0.0 ? over : 0.0;
        }
    }
    double mean = excess / ((double)count * (double)job->batch->count);
    job->threshold[channel] = (float)(threshold + 2.0 * mean);
}

static void cap_frame(size_t frame, void *user)
{
    const struct ltb_job *job = user;
    snnmodel_eval_cap(job->batch->evaluators[frame], job->layer, job->threshold);
}

/* One batch through all layers; entries [neuronal_count] hold the thresholds. */
static void balance_batch(struct snnconv_batch *batch, float *const *thresholds)
{
    uint32_t next = 0;
    for (uint32_t layer = 0; layer < snn_graph_layer_count(batch->graph); layer++) {
        snnconv_batch_layer(batch, layer);
        if (next == batch->neuronal_count || batch->neuronal[next] != layer) continue;
        struct ltb_job job = {batch, layer, thresholds[next++]};
        snnconv_batch_each(batch, snn_graph_layer(batch->graph, layer)->shape.channels,
                           raise_threshold, &job);
        snnconv_batch_each(batch, batch->count, cap_frame, &job);
    }
}

int snnconv_threshold_ltb(struct snnconv_batch *batch, struct snnbase_arena *arena,
                          struct snn_recipe *recipe)
{
    const uint32_t layers = batch->neuronal_count;
    struct snn_recipe_entry *entries =
        snnbase_arena_alloc(arena, batch->context, layers, sizeof(*entries));
    float **thresholds = snnbase_arena_alloc(arena, batch->context, layers, sizeof(*thresholds));
    if (entries == NULL || thresholds == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < layers; i++) {
        uint32_t channels = snn_graph_layer(batch->graph, batch->neuronal[i])->shape.channels;
        thresholds[i] = snnbase_arena_alloc(arena, batch->context, channels, sizeof(float));
        if (thresholds[i] == NULL) return SNN_ERR_NOMEM;
        entries[i] = (struct snn_recipe_entry){batch->neuronal[i], channels, thresholds[i]};
    }
    while (snnconv_batch_next(batch)) {
        balance_batch(batch, thresholds);
        int status = snnconv_batch_report(batch);
        if (status != SNN_OK) return status;
    }
    recipe->entries = entries;
    recipe->entry_count = layers;
    return SNN_OK;
}
