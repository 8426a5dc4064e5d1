/* Building a result: one pass over the samples in order, then means.
 */
#include "libsnn/model/result.h"

#include <float.h>
#include <math.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/decision.h"
#include "snn/graph.h"

#define CONFUSION_CLASSES_MAX 1024u /* larger tables are no help to anybody */

struct built_result {
    struct snn_result result; /* first: snn_result_destroy finds the arena behind it */
    struct snnbase_arena arena;
    double *by_step;
    struct snn_result_layer *layers;
    uint64_t *confusion;
    int32_t *predictions;
    struct snn_result_sample *samples;
    uint64_t *silent_indices;
    uint32_t *silent_layers;
};

/* Sums over samples that are not kept in the result itself. */
struct sums {
    uint64_t correct, cnn_correct, cnn_evaluated, agreement;
    double steps, until_steps;
    struct snnmodel_cost total, until;
};

void snn_result_destroy(struct snn_result **result)
{
    if (result == NULL || *result == NULL) return;
    struct built_result *owner = (struct built_result *)(void *)*result;
    struct snn_allocator allocator = owner->arena.allocator;
    snnbase_arena_fini(&owner->arena);
    snnbase_allocator_free(&allocator, owner);
    *result = NULL;
}

double snn_result_agreement(const struct snn_result *a, const struct snn_result *b)
{
    uint64_t alike = 0;
    if (!a->complete || !b->complete || a->sample_count != b->sample_count ||
        a->sample_offset != b->sample_offset || a->sample_count == 0)
        return (double)NAN;
    for (uint64_t i = 0; i < a->sample_count; i++)
        alike += a->predictions[i] == b->predictions[i];
    return (double)alike / (double)a->sample_count;
}

double snnmodel_sinabs_operations(const struct snn_population *population,
                                  const struct snn_synapse *synapse)
{
    double fanout = 1.0;
    if (synapse->kind == SNN_SYNAPSE_DENSE)
        fanout = population->shape.channels;
    else if (synapse->kind == SNN_SYNAPSE_CONV2D)
        fanout = (double)population->shape.channels / synapse->groups * synapse->window.kernel_h *
                 synapse->window.kernel_w;
    return fanout * synapse->pool_scale;
}

static void add_cost(struct snnmodel_cost *to, const struct snnmodel_cost *cost)
{
    to->synops += cost->synops;
    to->io_events += cost->io_events;
    to->macs += cost->macs;
}

double snnmodel_energy_uj(const struct snnmodel_record *record, const struct snnmodel_cost *cost,
                          double steps)
{
    const struct snn_energy_counts counts = {
        .synops = cost->synops,
        .updates = record->net != NULL ? (double)record->net->neuron_count * steps : 0.0,
        .io_events = cost->io_events,
        .macs = cost->macs,
        .seconds = steps * record->options->dt_us * 1e-6,
    };
    return snn_energy_uj(record->options->energy, &counts);
}

/* Layers of a frame-based run are those that multiply. */
static uint32_t count_layers(const struct snnmodel_record *record)
{
    uint32_t count = 0;
    if (record->net != NULL) return record->net->population_count;
    for (uint32_t i = 0; i < snn_graph_layer_count(record->graph); i++)
        count += snn_graph_layer_macs(record->graph, i) > 0;
    return count;
}

static int allocate(struct built_result *b, struct snn_context *context,
                    const struct snnmodel_record *record, uint64_t silent_count)
{
    struct snnbase_arena *arena = &b->arena;
    size_t classes = record->class_count <= CONFUSION_CLASSES_MAX ? record->class_count : 0;
    b->by_step = snnbase_arena_alloc(arena, context, record->options->timesteps, sizeof(double));
    b->layers = snnbase_arena_alloc(arena, context, b->result.layer_count, sizeof(*b->layers));
    b->confusion = snnbase_arena_alloc(arena, context, classes * classes, sizeof(uint64_t));
    b->predictions = snnbase_arena_alloc(arena, context, record->count, sizeof(int32_t));
    b->samples = snnbase_arena_alloc(arena, context, record->count, sizeof(*b->samples));
    b->silent_indices = snnbase_arena_alloc(arena, context, silent_count, sizeof(uint64_t));
    b->silent_layers = snnbase_arena_alloc(arena, context, silent_count, sizeof(uint32_t));
    if (b->by_step == NULL || b->layers == NULL || b->confusion == NULL || b->predictions == NULL ||
        b->samples == NULL || b->silent_indices == NULL || b->silent_layers == NULL)
        return SNN_ERR_NOMEM;
    b->result.accuracy_by_step = b->by_step;
    b->result.layers = b->layers;
    b->result.confusion = classes > 0 && record->labelled ? b->confusion : NULL;
    b->result.predictions = b->predictions;
    b->result.samples = b->samples;
    b->result.sample_asked_count = record->count;
    b->result.silent_indices = b->silent_indices;
    b->result.silent_layers = b->silent_layers;
    return SNN_OK;
}

/* Whether rules ended the samples, whose first spike may then not have come yet. */
static bool is_first_unknown(const struct snnmodel_record *record)
{
    return record->options->until_decided && record->rule_count > 0;
}

static void copy_sample(struct snn_result_sample *out, const struct snnmodel_record *record,
                        uint64_t index)
{
    const struct snnmodel_sample *s = &record->samples[index];
    const bool ruled = record->options->rule_count > 0;
    const struct snnmodel_decision none = {.class_index = SNN_NO_CLASS};
    const struct snnmodel_decision *rule =
        ruled ? &record->decisions[index * record->rule_count] : &none;
    const bool first = s->first.decided && !is_first_unknown(record);
    *out = (struct snn_result_sample){
        .done = true,
        .silent = s->silent,
        .silent_layer = s->silent_layer,
        .label = s->label,
        .prediction = s->prediction,
        .cnn_prediction = s->cnn_prediction,
        .steps = s->steps,
        .first_steps = first ? s->first.steps : 0,
        .first_prediction = first ? s->first.class_index : SNN_NO_CLASS,
        .decision_steps = rule->steps,
        .decision_prediction = rule->class_index,
        .synops = record->net != NULL ? s->total.synops : (double)NAN,
        .synops_until_decision =
            record->net != NULL ? (ruled ? rule : &s->first)->cost.synops : (double)NAN,
    };
}

static void add_sample(struct built_result *b, const struct snnmodel_record *record, uint64_t index,
                       struct sums *sums)
{
    const struct snnmodel_sample *s = &record->samples[index];
    const uint32_t classes = record->class_count;
    bool correct = record->labelled && s->prediction == s->label;
    sums->correct += correct;
    if (s->cnn_prediction != SNN_NO_CLASS) {
        sums->cnn_evaluated++;
        sums->cnn_correct += record->labelled && s->cnn_prediction == s->label;
        sums->agreement += s->cnn_prediction == s->prediction;
    }
    const struct snnmodel_decision *until = record->options->rule_count > 0
                                                ? &record->decisions[index * record->rule_count]
                                                : &s->first;
    sums->steps += s->steps;
    sums->until_steps += until->steps;
    add_cost(&sums->until, &until->cost);
    add_cost(&sums->total, &s->total);
    if (s->silent) {
        b->silent_indices[b->result.silent_count] = record->options->offset + index;
        b->silent_layers[b->result.silent_count++] = s->silent_layer;
    } else if (b->result.confusion != NULL && record->labelled && s->prediction >= 0) {
        b->confusion[(size_t)s->label * classes + (size_t)s->prediction]++;
    }
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

/* Mean over classes of the share that was recognised; classes without samples do not count. */
static double balanced_accuracy(const struct snnmodel_record *record)
{
    double sum = 0.0;
    uint32_t seen = 0;
    for (uint32_t k = 0; k < record->class_count; k++) {
        uint64_t all = 0, right = 0;
        for (uint64_t i = 0; i < record->count; i++) {
            const struct snnmodel_sample *s = &record->samples[i];
            if (!s->done || s->label != (int32_t)k) continue;
            all++;
            right += s->prediction == s->label;
        }
        if (all == 0) continue;
        sum += (double)right / (double)all;
        seen++;
    }
    return seen > 0 ? sum / seen : (double)NAN;
}

static void summarise(struct built_result *b, const struct snnmodel_record *record,
                      const struct sums *sums)
{
    struct snn_result *r = &b->result;
    const double nan = (double)NAN;
    const uint64_t n = r->sample_count;
    const double samples = (double)n;
    r->accuracy = record->labelled ? share(sums->correct, n) : nan;
    r->balanced_accuracy =
        record->labelled && r->confusion != NULL ? balanced_accuracy(record) : nan;
    r->accuracy_without_silent = record->labelled ? share(sums->correct, n - r->silent_count) : nan;
    for (uint32_t t = 0; t < r->timesteps; t++)
        b->by_step[t] = record->labelled ? share(record->tally->correct_by_step[t], n) : nan;
    r->cnn_accuracy = record->labelled ? share(sums->cnn_correct, sums->cnn_evaluated) : nan;
    r->cnn_agreement = share(sums->agreement, sums->cnn_evaluated);
    const struct snnmodel_cost mean = {sums->total.synops / samples,
                                       sums->total.io_events / samples, sums->total.macs / samples};
    const struct snnmodel_cost until = {
        sums->until.synops / samples, sums->until.io_events / samples, sums->until.macs / samples};
    r->synops_mean = mean.synops;
    r->macs_mean = mean.macs;
    r->io_events_mean = mean.io_events;
    r->synops_until_decision_mean = until.synops;
    r->steps_mean = sums->steps / samples;
    r->energy_uj_mean = snnmodel_energy_uj(record, &mean, r->steps_mean);
    r->energy_uj_until_decision_mean =
        snnmodel_energy_uj(record, &until, sums->until_steps / samples);
}

/* The population's own lives as long as the net, the result may live longer. */
static int copy_quantised(struct built_result *b, struct snn_context *context,
                          const struct snn_quantised *from, const struct snn_quantised **out)
{
    if (from == NULL) return SNN_OK;
    struct snn_quantised *copy = snnbase_arena_alloc(&b->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *from;
    *out = copy;
    return SNN_OK;
}

/* Likewise the option's. */
static int copy_chip(struct built_result *b, struct snn_context *context,
                     const struct snn_chip *chip)
{
    if (chip == NULL) return SNN_OK;
    struct snn_chip *copy = snnbase_arena_alloc(&b->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *chip;
    b->result.chip = copy;
    return SNN_OK;
}

static int copy_device(struct built_result *b, struct snn_context *context,
                       const struct snn_result_device *device)
{
    if (device == NULL) return SNN_OK;
    struct snn_result_device *copy = snnbase_arena_alloc(&b->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *device;
    b->result.device = copy;
    return SNN_OK;
}

/* What a layer adds to the energy of a sample; events and static power are of the whole net. */
static double layer_energy_uj(const struct snnmodel_record *record,
                              const struct snn_result_layer *layer)
{
    const struct snn_energy_counts counts = {.synops = layer->synops_mean,
                                             .updates = layer->updates_mean,
                                             .macs = layer->input_macs_mean};
    return snn_energy_uj(record->options->energy, &counts);
}

static int summarise_layer(struct built_result *b, struct snn_context *context,
                           const struct snnmodel_record *record, uint32_t index)
{
    const struct snn_population *p = &record->net->populations[index];
    const struct snnmodel_busiest *busiest = &record->tally->busiest[index];
    const double n = (double)b->result.sample_count;
    double synops = 0.0;
    uint64_t events = 0, macs = 0, operations = 0;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        uint32_t at = p->synapse_first + s;
        events += record->tally->synapse_spikes[at];
        macs += record->tally->synapse_macs[at];
        operations += record->tally->synapse_operations[at];
        if (record->options->accounting == SNN_SYNOPS_SINABS_0_3_3)
            synops += (double)record->tally->synapse_spikes[at] *
                      snnmodel_sinabs_operations(p, &p->synapses[s]);
        else
            synops += (double)record->tally->synapse_operations[at];
    }
    b->result.synops_total += (double)operations;
    uint64_t neurons = snn_shape_size(p->shape);
    b->layers[index] = (struct snn_result_layer){
        .name = snnbase_arena_string(&b->arena, context, p->name),
        .neurons = neurons,
        .spikes_mean = (double)record->tally->population_spikes[index] / n,
        .events_mean = (double)events / n,
        .synops_mean = synops / n,
        .updates_mean = (double)neurons * b->result.steps_mean,
        .input_macs_mean = (double)macs / n,
        .macs = p->macs,
        .core = p->core,
        .events_max = busiest->events,
        .synops_max = (uint64_t)llround(busiest->synops),
        .events_per_step_max = busiest->events_per_step,
        .synops_per_step_max = busiest->synops_per_step,
    };
    if (b->layers[index].name == NULL) return SNN_ERR_NOMEM;
    b->layers[index].energy_uj_mean = layer_energy_uj(record, &b->layers[index]);
    return copy_quantised(b, context, p->quantised, &b->layers[index].quantised);
}

/* What only spikes have is unknown, and so is the energy by a profile that has none for a MAC. */
static int summarise_frames(struct built_result *b, struct snn_context *context,
                            const struct snnmodel_record *record)
{
    struct snn_result *r = &b->result;
    const double nan = (double)NAN;
    r->accuracy_without_silent = nan;
    r->steps_mean = nan;
    r->first_spike.accuracy = nan;
    r->input_spikes_mean = nan;
    r->synops_mean = nan;
    r->synops_until_decision_mean = nan;
    r->energy_uj_until_decision_mean = nan;
    r->io_events_mean = nan;
    if (!(record->options->energy->mac_pj > 0.0)) r->energy_uj_mean = nan;
    uint32_t count = 0;
    for (uint32_t i = 0; i < snn_graph_layer_count(record->graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(record->graph, i);
        const uint64_t macs = snn_graph_layer_macs(record->graph, i);
        if (macs == 0) continue;
        b->layers[count] = (struct snn_result_layer){
            .name = snnbase_arena_string(&b->arena, context, layer->name),
            .neurons = snn_shape_size(layer->shape),
            .spikes_mean = nan,
            .events_mean = nan,
            .synops_mean = nan,
            .updates_mean = nan,
            .input_macs_mean = nan,
            .macs = macs,
            .core = SNN_NO_CORE,
            .events_per_step_max = nan,
            .synops_per_step_max = nan,
            .energy_uj_mean = record->options->energy->mac_pj > 0.0
                                  ? (double)macs * record->options->energy->mac_pj * 1e-6
                                  : nan,
        };
        if (b->layers[count++].name == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

static int fill(struct built_result *b, struct snn_context *context,
                const struct snnmodel_record *record)
{
    struct snn_result *r = &b->result;
    uint64_t silent = 0;
    for (uint64_t i = 0; i < record->count; i++) {
        r->sample_count += record->samples[i].done;
        silent += record->samples[i].done && record->samples[i].silent;
    }
    r->layer_count = count_layers(record);
    int status = allocate(b, context, record, silent);
    if (status != SNN_OK) return status;
    r->target = record->target;
    r->semantics = record->semantics;
    r->order = record->order;
    if (record->net != NULL) r->arith = record->net->arith == SNN_ARITH_CHIP ? "chip" : "float";
    r->sample_offset = record->options->offset;
    r->resumed_count = record->resumed_count;
    r->complete = r->sample_count == record->count;
    r->timesteps = record->options->timesteps;
    r->class_count = record->class_count;
    r->until_decided = record->options->until_decided;
    r->energy = *record->options->energy;
    r->accounting = record->options->accounting;
    r->seconds = record->seconds;
    r->threads = record->threads;
    struct sums sums = {0};
    for (uint64_t i = 0; i < record->count; i++) {
        const struct snnmodel_sample *s = &record->samples[i];
        b->predictions[i] = SNN_NO_CLASS;
        b->samples[i] = (struct snn_result_sample){.label = -1,
                                                   .prediction = -1,
                                                   .cnn_prediction = -1,
                                                   .first_prediction = -1,
                                                   .decision_prediction = -1};
        if (!s->done) continue;
        b->predictions[i] = s->prediction;
        copy_sample(&b->samples[i], record, i);
        add_sample(b, record, i, &sums);
    }
    summarise(b, record, &sums);
    if (record->net == NULL) return summarise_frames(b, context, record);
    r->input_spikes_mean = (double)record->tally->input_spikes / (double)r->sample_count;
    status = copy_chip(b, context, record->options->chip);
    if (status == SNN_OK) status = copy_device(b, context, record->device);
    if (status == SNN_OK) status = snnmodel_decision_summarise(r, &b->arena, context, record);
    for (uint32_t i = 0; i < r->layer_count && status == SNN_OK; i++)
        status = summarise_layer(b, context, record, i);
    return status;
}

int snnmodel_result_build(struct snn_result **out, struct snn_context *context,
                          const struct snnmodel_record *record)
{
    struct built_result *b = snnbase_alloc(context, 1, sizeof(*b));
    if (b == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&b->arena, context);
    int status = fill(b, context, record);
    struct snn_result *result = &b->result;
    if (status != SNN_OK)
        snn_result_destroy(&result);
    else
        *out = result;
    return status;
}
