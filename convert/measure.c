/* Thresholds and corrections measured on the spiking net, see measure.h.
 *
 * A layer is measured at the end of a net that goes no further: its spikes, or, where it is not to
 * fire, its potential, are then the output of the target. Sums are of whole numbers and maxima, so
 * that it does not matter which worker ran which frame; potentials are summed in units of 2^-20.
 *
 * spike      Sengupta, Ye, Wang, Liu, Roy, "Going Deeper in Spiking Neural Networks: VGG and
 *            Residual Architectures" (Frontiers in Neuroscience 13, 2019), algorithm Spike-Norm.
 * bias, potential
 *            Li, Deng, Dong, Gong, Gu, "A Free Lunch From ANN: Towards Efficient, Accurate Spiking
 *            Neural Networks Calibration" (ICML 2021): light pipeline, and calibration of the
 *            initial potential.
 */
#include "convert/measure.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"

#define POTENTIAL_UNIT 1048576.0 /* 2^20 */
#define POTENTIAL_MAX 67108864.0 /* 2^26: 2^17 frames of it fit into 64 bits */

/* ---- What the CNN does ---- */

struct reference_job {
    const struct snnconv_batch *batch;
    struct snnconv_reference *reference;
};

static void add_layer(size_t index, void *user)
{
    const struct reference_job *job = user;
    for (uint32_t frame = 0; frame < job->batch->count; frame++) {
        size_t count = 0;
        const float *values = snnconv_batch_values(job->batch, frame, job->batch->neuronal[index],
                                                   SNNCONV_ALL_CHANNELS, &count);
        double *sums = job->reference->sums[index];
        for (size_t i = 0; i < count; i++)
            sums[i] += (double)values[i];
    }
}

static void decide_frame(const struct snnconv_batch *batch, uint32_t frame,
                         struct snnconv_reference *reference)
{
    const struct snn_frames *frames = batch->frames;
    const uint64_t index = batch->first + frame;
    size_t count = 0;
    const float *logits = snnconv_batch_values(batch, frame, snn_graph_output(batch->graph),
                                               SNNCONV_ALL_CHANNELS, &count);
    int32_t best = 0;
    for (size_t k = 1; k < count; k++) {
        if (logits[k] > logits[best]) best = (int32_t)k;
    }
    int32_t label = frames->label != NULL ? frames->label(index, frames->user) : best;
    reference->decisions[index] = label;
    reference->correct += label == best;
}

int snnconv_reference_find(struct snnconv_batch *batch, struct snnbase_arena *arena, bool sums,
                           struct snnconv_reference *out)
{
    struct snn_context *context = batch->context;
    struct reference_job job = {batch, out};
    out->decisions =
        snnbase_arena_alloc(arena, context, batch->frames->count, sizeof(*out->decisions));
    out->sums = snnbase_arena_alloc(arena, context, batch->neuronal_count, sizeof(*out->sums));
    if (out->decisions == NULL || out->sums == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; sums && i < batch->neuronal_count; i++) {
        const struct snn_layer *layer = snn_graph_layer(batch->graph, batch->neuronal[i]);
        out->sums[i] =
            snnbase_arena_alloc(arena, context, snn_shape_size(layer->shape), sizeof(double));
        if (out->sums[i] == NULL) return SNN_ERR_NOMEM;
    }
    while (snnconv_batch_next(batch)) {
        snnconv_batch_run(batch);
        if (sums) snnconv_batch_each(batch, batch->neuronal_count, add_layer, &job);
        for (uint32_t frame = 0; frame < batch->count; frame++)
            decide_frame(batch, frame, out);
        int status = snnconv_batch_report(batch);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* ---- spike ---- */

/* Potentials of a net's output that never fires: what came in a step is what they rose by. */
struct peaks {
    float *potential; /* [worker][neuron] after the step before */
    float *peak;      /* [worker] */
};

static void look_for_peak(const struct snnconv_probe_view *view, void *user)
{
    const struct peaks *peaks = user;
    const size_t count = view->net->class_count;
    const struct snn_readout *readout = &view->net->readouts[0];
    float *before = peaks->potential + view->worker * count;
    float *peak = &peaks->peak[view->worker];
    for (size_t i = 0; view->step == 0 && i < count; i++)
        before[i] = readout->v_init;
    for (uint32_t row = 0; row < view->output->step_count; row++) {
        const float *potential = view->output->potential + row * count;
        for (size_t i = 0; i < count; i++) {
            float input = potential[i] - before[i];
            *peak = input > *peak ? input : *peak;
        }
        memcpy(before, potential, count * sizeof(*before));
    }
}

static int find_peak(const struct snnconv_probe *probe, const struct snn_net *net, float *out)
{
    const size_t threads = probe->threads;
    struct peaks peaks;
    struct snn_context *context = probe->context;
    peaks.potential = snnbase_alloc(context, threads * net->class_count, sizeof(float));
    peaks.peak = snnbase_alloc(context, threads, sizeof(float));
    int status = peaks.potential != NULL && peaks.peak != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = snnconv_probe_run(probe, net, look_for_peak, &peaks);
    *out = 0.0f;
    for (size_t i = 0; status == SNN_OK && i < threads; i++)
        *out = fmaxf(*out, peaks.peak[i]);
    snnbase_free(context, peaks.potential);
    snnbase_free(context, peaks.peak);
    return status;
}

/* One entry a neuronal layer with room for one value each, 0 as yet. */
static int make_entries(const struct snnconv_measurement *m, float **values_out,
                        struct snn_recipe_entry **out)
{
    struct snn_context *context = m->probe->context;
    struct snn_recipe_entry *entries =
        snnbase_arena_alloc(m->arena, context, m->neuronal_count, sizeof(*entries));
    float *values = snnbase_arena_alloc(m->arena, context, m->neuronal_count, sizeof(*values));
    if (entries == NULL || values == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < m->neuronal_count; i++)
        entries[i] = (struct snn_recipe_entry){m->neuronal[i], 1, &values[i]};
    *out = entries;
    *values_out = values;
    return SNN_OK;
}

/* A layer without a threshold as yet has 1, so that its potentials are in units of activations. */
int snnconv_measure_spike(const struct snnconv_measurement *m, struct snn_recipe *recipe)
{
    const struct snnconv_probe *probe = m->probe;
    struct snn_recipe_entry *entries = NULL;
    float *thresholds = NULL;
    int status = make_entries(m, &thresholds, &entries);
    if (status != SNN_OK) return status;
    recipe->entries = entries;
    recipe->entry_count = m->neuronal_count;
    for (uint32_t i = 0; i < m->neuronal_count && status == SNN_OK; i++) {
        struct snn_lower_options options;
        struct snn_net *net = NULL;
        snnconv_probe_options(probe, m->neuronal[i], &options);
        options.norm = SNN_NORM_RECIPE;
        options.recipe = recipe->name;
        options.arith = SNN_ARITH_FLOAT;
        options.correction_count = 0;
        options.output_gain = 1.0f;
        options.extra_gain_count = 0;
        options.readout_membrane = true;
        status = snnconv_probe_lower(probe, &options, m->neuronal[i], recipe, &net);
        if (status == SNN_OK) status = find_peak(probe, net, &thresholds[i]);
        snn_net_destroy(&net);
    }
    return status;
}

/* ---- bias, potential ---- */

/* What a layer's neurons emitted in all frames, or how far their potentials came. */
struct sums {
    int64_t *sum; /* [worker][neuron]; in the end worker 0 has them all */
    bool membrane;
};

static void look_at_sums(const struct snnconv_probe_view *view, void *user)
{
    const struct sums *sums = user;
    const size_t count = view->net->class_count;
    const struct snn_output *output = view->output;
    int64_t *sum = sums->sum + view->worker * count;
    if (sums->membrane && !view->last) return;
    for (uint32_t row = sums->membrane ? output->step_count - 1 : 0; row < output->step_count;
         row++) {
        const uint32_t *spikes = output->spikes + row * count;
        const float *potential = output->potential + row * count;
        for (size_t i = 0; i < count && !sums->membrane; i++)
            sum[i] += spikes[i];
        for (size_t i = 0; i < count && sums->membrane; i++) {
            double v = fmax(-POTENTIAL_MAX, fmin((double)potential[i], POTENTIAL_MAX));
            sum[i] += llrint(v * POTENTIAL_UNIT);
        }
    }
}

/* Allocates sums->sum. */
static int find_sums(const struct snnconv_probe *probe, const struct snn_net *net,
                     struct sums *sums)
{
    const size_t threads = probe->threads, count = net->class_count;
    sums->sum = snnbase_alloc(probe->context, threads * count, sizeof(*sums->sum));
    if (sums->sum == NULL) return SNN_ERR_NOMEM;
    int status = snnconv_probe_run(probe, net, look_at_sums, sums);
    for (size_t w = 1; status == SNN_OK && w < threads; w++) {
        for (size_t i = 0; i < count; i++)
            sums->sum[i] += sums->sum[w * count + i];
    }
    return status;
}

/* The activation that one of `sums` stands for in channel c, were it one a step. */
static double unit_of(const struct snn_population *p, bool membrane, uint32_t c)
{
    double unit = (double)p->activation_scale[c];
    if (!membrane) return unit;
    return unit / (p->quantised != NULL ? (double)p->quantised->scale : 1.0) / POTENTIAL_UNIT;
}

/* value[k] = mean of the CNN's activations - mean of the spikes', over the frames and the neurons
 * that value k is for; as a potential it makes up for all steps at once. */
static void fill_values(const struct snnconv_measurement *m, const struct snn_net *net,
                        const struct sums *sums, const double *reference, enum snn_recipe_kind kind,
                        float *value)
{
    const struct snn_population *p = &net->populations[net->population_count - 1];
    const size_t map = (size_t)p->shape.height * p->shape.width;
    const size_t group = kind == SNN_RECIPE_BIAS ? map : 1;
    const double frames = (double)m->probe->frame_count;
    const double steps = (double)m->probe->options->timesteps;
    for (size_t first = 0; first < net->class_count; first += group) {
        double activation = 0.0, emitted = 0.0;
        for (size_t i = first; i < first + group; i++) {
            activation += reference[i];
            emitted += (double)sums->sum[i];
        }
        emitted *= unit_of(p, sums->membrane, (uint32_t)(first / map)) / steps;
        double missing = (activation - emitted) / (frames * (double)group);
        value[first / group] = (float)(kind == SNN_RECIPE_BIAS ? missing : missing * steps);
    }
}

/* Measures layer i of the neuronal ones with the recipe's entries so far in place. */
static int measure_layer(const struct snnconv_measurement *m, uint32_t i, const char *const *names,
                         uint32_t count, struct snn_recipe *recipe, float *value)
{
    const struct snnconv_probe *probe = m->probe;
    struct sums sums = {.membrane = m->neuronal[i] == snn_graph_output(probe->graph)};
    struct snn_lower_options options;
    struct snn_net *net = NULL;
    snnconv_probe_options(probe, m->neuronal[i], &options);
    options.corrections = names;
    options.correction_count = count;
    options.output_gain = 1.0f;
    options.extra_gain_count = 0;
    options.readout_membrane = sums.membrane;
    int status = snnconv_probe_lower(probe, &options, m->neuronal[i], recipe, &net);
    if (status == SNN_OK) status = find_sums(probe, net, &sums);
    if (status == SNN_OK) fill_values(m, net, &sums, m->reference->sums[i], recipe->kind, value);
    snnbase_free(probe->context, sums.sum);
    snn_net_destroy(&net);
    return status;
}

int snnconv_measure_correction(const struct snnconv_measurement *m, const char *const *names,
                               uint32_t count, struct snn_recipe *recipe)
{
    const struct snnconv_probe *probe = m->probe;
    struct snn_context *context = probe->context;
    struct snn_recipe_entry *entries =
        snnbase_arena_alloc(m->arena, context, m->neuronal_count, sizeof(*entries));
    const char **all = snnbase_arena_alloc(m->arena, context, (size_t)count + 1, sizeof(*all));
    if (entries == NULL || all == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        all[i] = names[i];
    all[count] = recipe->name;
    recipe->entries = entries;
    for (uint32_t i = 0; i < m->neuronal_count; i++) {
        const struct snn_shape shape = snn_graph_layer(probe->graph, m->neuronal[i])->shape;
        const bool is_bias = recipe->kind == SNN_RECIPE_BIAS;
        const size_t size = is_bias ? shape.channels : snn_shape_size(shape);
        /* The output's potentials are compared with each other: they begin alike. */
        if (!is_bias && m->neuronal[i] == snn_graph_output(probe->graph)) continue;
        float *value = snnbase_arena_alloc(m->arena, context, size, sizeof(*value));
        if (value == NULL) return SNN_ERR_NOMEM;
        int status = measure_layer(m, i, all, count + 1, recipe, value);
        if (status != SNN_OK) return status;
        entries[recipe->entry_count++] =
            (struct snn_recipe_entry){m->neuronal[i], (uint32_t)size, value};
    }
    return SNN_OK;
}
