/* What is measured at the output of the whole net: the offset that leaves no frame silent, and how
 * soon each of several norms comes near the CNN. See measure.h.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "convert/measure.h"
#include "libsnn/base/error.h"

/* The net of the graph's own output. */
static int lower_whole(const struct snnconv_measurement *m, const struct snn_lower_options *options,
                       const struct snn_recipe *draft, struct snn_net **out)
{
    const struct snnconv_probe *probe = m->probe;
    return snnconv_probe_lower(probe, options, snn_graph_output(probe->graph), draft, out);
}

/* ---- offset ---- */

/* What each worker saw. */
struct silence {
    bool fired;      /* in the current frame */
    float nearest;   /* how much more a step would have made the current frame fire */
    float need;      /* the most that a silent frame needed */
    uint64_t silent; /* frames */
};

static void look_for_silence(const struct snnconv_probe_view *view, void *user)
{
    struct silence *s = (struct silence *)user + view->worker;
    const struct snn_readout *readout = &view->net->readouts[0];
    const size_t count = view->net->class_count;
    const size_t stride = count * view->net->readout_count;
    if (view->step == 0) {
        s->fired = false;
        s->nearest = FLT_MAX;
    }
    for (uint32_t row = 0; row < view->output->step_count && !s->fired; row++) {
        const uint32_t *spikes = view->output->spikes + row * stride;
        const float *potential = view->output->potential + row * stride;
        const float steps = (float)(view->step + row + 1);
        for (size_t k = 0; k < count; k++) {
            s->fired = s->fired || spikes[k] > 0;
            s->nearest = fminf(s->nearest, (readout->threshold - potential[k]) / steps);
        }
    }
    if (!view->last || s->fired) return;
    s->silent++;
    s->need = fmaxf(s->need, s->nearest);
}

/* How many frames are silent, and the bias they lack, in units of the output's activations. */
static int find_silence(const struct snnconv_probe *probe, const struct snn_net *net,
                        uint64_t *silent_out, double *need_out)
{
    const struct snn_population *p = &net->populations[net->population_count - 1];
    struct silence *workers = snnbase_alloc(probe->context, probe->threads, sizeof(*workers));
    if (workers == NULL) return SNN_ERR_NOMEM;
    int status = snnconv_probe_run(probe, net, look_for_silence, workers);
    float need = 0.0f;
    *silent_out = 0;
    for (unsigned i = 0; i < probe->threads; i++) {
        *silent_out += workers[i].silent;
        need = fmaxf(need, workers[i].need);
    }
    const double scale = p->quantised != NULL ? (double)p->quantised->scale : 1.0;
    *need_out = (double)need * (double)p->activation_scale[0] / scale;
    snnbase_free(probe->context, workers);
    return status;
}

/* What lower clips and rounding take away is asked for again, and more of it each time. */
static int raise_offset(const struct snnconv_measurement *m,
                        const struct snn_lower_options *options, struct snn_recipe *recipe,
                        float *value)
{
    const struct snnconv_probe *probe = m->probe;
    uint64_t silent = 0;
    for (unsigned round = 0; round < SNNCONV_OFFSET_ROUNDS; round++) {
        double need = 0.0;
        struct snn_net *net = NULL;
        int status = lower_whole(m, options, recipe, &net);
        if (status == SNN_OK) status = find_silence(probe, net, &silent, &need);
        snn_net_destroy(&net);
        if (status != SNN_OK || silent == 0) return status;
        *value += (float)(need * (double)(1u << round) * (1.0 + 1e-4));
    }
    snnbase_diagnose(probe->context, SNN_SEVERITY_WARNING, NULL, "more steps leave fewer silent",
                     "%llu calibration frames were silent before the offset was raised for the "
                     "last time",
                     (unsigned long long)silent);
    return SNN_OK;
}

int snnconv_measure_offset(const struct snnconv_measurement *m, const char *const *names,
                           uint32_t count, struct snn_recipe *recipe)
{
    const struct snnconv_probe *probe = m->probe;
    struct snn_context *context = probe->context;
    struct snn_recipe_entry *entry = snnbase_arena_alloc(m->arena, context, 1, sizeof(*entry));
    const char **all = snnbase_arena_alloc(m->arena, context, (size_t)count + 1, sizeof(*all));
    float *value = snnbase_arena_alloc(m->arena, context, 1, sizeof(*value));
    if (entry == NULL || all == NULL || value == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        all[i] = names[i];
    all[count] = recipe->name;
    *entry = (struct snn_recipe_entry){snn_graph_output(probe->graph), 1, value};
    recipe->entries = entry;
    recipe->entry_count = 1;
    struct snn_lower_options options = *probe->options->lower;
    if (options.readout_membrane) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "an output that never fires is read by its membrane: no offset makes it fire");
        return snnbase_hint(context, "the offset is for outputs that spike");
    }
    options.corrections = all;
    options.correction_count = count + 1;
    return raise_offset(m, &options, recipe, value);
}

/* ---- auto ---- */

/* How far below the CNN's accuracy is near enough: 0.3 points. */
#define NEAR_ENOUGH 0.003

/* Of one candidate; all [worker][step] but for `counts`. */
struct trial {
    const int32_t *decisions; /* [frame] */
    uint32_t timesteps;
    uint64_t *correct; /* frames decided rightly after so many steps */
    uint64_t *synops;  /* of all frames, of that step alone */
    uint64_t *counts;  /* [worker][class] spikes of the current frame */
};

/* As decisions are taken by all results: the class of the most spikes, among equals the one with
 * the highest potential, then the first; none before the first spike. */
static int32_t decide(const uint64_t *counts, const float *potential, size_t classes, bool fires)
{
    int32_t best = -1;
    for (size_t k = 0; k < classes; k++) {
        if (fires && counts[k] == 0) continue;
        if (best < 0 || counts[k] > counts[best] ||
            (counts[k] == counts[best] && potential[k] > potential[best]))
            best = (int32_t)k;
    }
    return best;
}

static void look_at_trial(const struct snnconv_probe_view *view, void *user)
{
    const struct trial *trial = user;
    const struct snn_net *net = view->net;
    const size_t classes = net->class_count, stride = classes * net->readout_count;
    const bool fires = net->readouts[0].threshold < FLT_MAX;
    uint64_t *counts = trial->counts + view->worker * classes;
    if (view->step == 0) memset(counts, 0, classes * sizeof(*counts));
    for (uint32_t row = 0; row < view->output->step_count; row++) {
        const size_t at = (size_t)view->worker * trial->timesteps + view->step + row;
        const uint32_t *spikes = view->output->spikes + row * stride;
        const uint64_t *operations =
            view->output->synapse_operations + (size_t)row * net->synapse_count;
        for (size_t k = 0; k < classes; k++)
            counts[k] += spikes[k];
        for (uint32_t s = 0; s < net->synapse_count; s++)
            trial->synops[at] += operations[s];
        trial->correct[at] += decide(counts, view->output->potential + row * stride, classes,
                                     fires) == trial->decisions[view->frame];
    }
}

static int make_trial(const struct snnconv_measurement *m, size_t classes, struct trial *trial)
{
    struct snn_context *context = m->probe->context;
    const size_t threads = m->probe->threads;
    *trial = (struct trial){.decisions = m->reference->decisions,
                            .timesteps = m->probe->options->timesteps};
    trial->correct = snnbase_alloc(context, threads * trial->timesteps, sizeof(uint64_t));
    trial->synops = snnbase_alloc(context, threads * trial->timesteps, sizeof(uint64_t));
    trial->counts = snnbase_alloc(context, threads * classes, sizeof(uint64_t));
    return trial->correct != NULL && trial->synops != NULL && trial->counts != NULL ? SNN_OK
                                                                                    : SNN_ERR_NOMEM;
}

static void drop_trial(struct trial *trial, struct snn_context *context)
{
    snnbase_free(context, trial->correct);
    snnbase_free(context, trial->synops);
    snnbase_free(context, trial->counts);
}

/* The fewest steps with which the candidate is near enough, or else its last. */
static void judge(const struct snnconv_measurement *m, const struct trial *trial,
                  struct snn_candidate *out)
{
    const double frames = (double)m->probe->frame_count;
    const double bound = out->cnn_accuracy - NEAR_ENOUGH;
    uint64_t synops = 0;
    for (uint32_t t = 0; t < trial->timesteps && out->timesteps == 0; t++) {
        uint64_t correct = 0;
        for (size_t w = 0; w < m->probe->threads; w++) {
            correct += trial->correct[w * trial->timesteps + t];
            synops += trial->synops[w * trial->timesteps + t];
        }
        out->accuracy = (double)correct / frames;
        out->synops_mean = (double)synops / frames;
        if (out->accuracy >= bound - 1e-12) out->timesteps = t + 1;
    }
}

/* The scales of all layers in the net, as thresholds. */
static int take_thresholds(const struct snnconv_measurement *m, const struct snn_net *net,
                           struct snn_recipe *recipe)
{
    struct snn_context *context = m->probe->context;
    struct snn_recipe_entry *entries =
        snnbase_arena_alloc(m->arena, context, net->population_count, sizeof(*entries));
    if (entries == NULL) return SNN_ERR_NOMEM;
    recipe->entry_count = 0;
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snn_population *p = &net->populations[i];
        const size_t channels = p->shape.channels;
        struct snn_recipe_entry *entry = &entries[recipe->entry_count];
        if (snn_graph_find(m->probe->graph, p->name, &entry->layer) != SNN_OK ||
            !snn_graph_layer_is_neuronal(m->probe->graph, entry->layer))
            continue; /* a stand-in of max pooling, which keeps the scale of its input */
        float *value = snnbase_arena_alloc(m->arena, context, channels, sizeof(*value));
        if (value == NULL) return SNN_ERR_NOMEM;
        memcpy(value, p->activation_scale, channels * sizeof(*value));
        entry->value = value;
        entry->count = (uint32_t)channels;
        recipe->entry_count++;
    }
    recipe->entries = entries;
    return SNN_OK;
}

/* One norm: judged, and taken over into the recipe if none was better so far. */
static int try_norm(const struct snnconv_measurement *m, const char *norm,
                    struct snn_candidate *candidate, double *best, struct snn_recipe *recipe)
{
    const struct snnconv_probe *probe = m->probe;
    struct snn_lower_options options = *probe->options->lower;
    struct snn_net *net = NULL;
    struct trial trial = {.timesteps = 0};
    options.correction_count = 0;
    options.extra_gain_count = 0;
    int status = snn_norm_parse(&options, probe->context, norm);
    if (status == SNN_OK) status = lower_whole(m, &options, NULL, &net);
    if (status == SNN_OK) status = make_trial(m, net->class_count, &trial);
    if (status == SNN_OK) status = snnconv_probe_run(probe, net, look_at_trial, &trial);
    if (status == SNN_OK) judge(m, &trial, candidate);
    if (status == SNN_OK && candidate->timesteps > 0 && candidate->synops_mean < *best) {
        *best = candidate->synops_mean;
        recipe->norm = norm;
        recipe->timesteps = candidate->timesteps;
        status = take_thresholds(m, net, recipe);
    }
    drop_trial(&trial, probe->context);
    snn_net_destroy(&net);
    return status;
}

int snnconv_measure_auto(const struct snnconv_measurement *m, const char *const *norms,
                         uint32_t norm_count, const struct snn_calibrate_options *options,
                         struct snn_recipe *recipe)
{
    struct snn_context *context = m->probe->context;
    double best = INFINITY;
    struct snn_candidate *candidates =
        snnbase_arena_alloc(m->arena, context, norm_count, sizeof(*candidates));
    if (candidates == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < norm_count; i++) {
        candidates[i].norm = norms[i];
        candidates[i].cnn_accuracy = (double)m->reference->correct / (double)m->probe->frame_count;
        int status = try_norm(m, norms[i], &candidates[i], &best, recipe);
        if (status != SNN_OK) return status;
    }
    for (uint32_t i = 0; i < norm_count && options->candidate != NULL; i++) {
        candidates[i].chosen = recipe->norm == norms[i];
        options->candidate(&candidates[i], options->user);
    }
    if (recipe->norm != NULL) return SNN_OK;
    snnbase_fail(context, SNN_ERR_NOT_FOUND,
                 "auto: no norm comes within 0.3 points of the CNN in %u steps",
                 m->probe->options->timesteps);
    return snnbase_hint(context, "allow more steps: --timesteps");
}
