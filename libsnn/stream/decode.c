/* The decoder: running counts a readout, and per rule whether it has decided.
 *
 * Ties in counts are broken by the residual membrane potential, then by the lowest index. Evidence
 * of `membrane` and `softmax` is what a neuron has integrated so far: spikes emitted plus residual
 * potential.
 */
#include "libsnn/stream/decode.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

struct snnstream_decoder {
    struct snnbase_arena arena;
    const struct snn_net *net;
    const struct snn_rule *rules;
    uint32_t rule_count;
    uint32_t timesteps;
    uint32_t *rule_readout;              /* [rule_count] */
    uint64_t *counts;                    /* [readout][class] */
    double *evidence;                    /* [class], scratch */
    int32_t *prediction;                 /* [timesteps] */
    struct snnmodel_decision *decisions; /* [rule_count] */
    struct snnmodel_decision first;
    struct snnmodel_cost total;
    uint32_t step; /* steps fed */
};

static int match_readout(struct snnstream_decoder *d, struct snn_context *context, uint32_t rule)
{
    d->rule_readout[rule] = 0;
    float gain = d->rules[rule].gain;
    enum snn_rule_kind kind = d->rules[rule].kind;
    if (gain <= 0.0f) {
        bool by_spikes = kind != SNN_RULE_MEMBRANE && kind != SNN_RULE_SOFTMAX;
        if (!by_spikes || d->net->readouts[0].threshold < FLT_MAX) return SNN_OK;
        snnbase_fail(context, SNN_ERR_INVALID,
                     "a rule on spikes needs an output that fires; the readout is its membrane");
        return snnbase_hint(context, "give the rule a readout of its own: first@1");
    }
    for (uint32_t r = 0; r < d->net->readout_count; r++) {
        bool fires = d->net->readouts[r].threshold < FLT_MAX;
        if (!fires || d->net->readouts[r].gain < gain || d->net->readouts[r].gain > gain) continue;
        d->rule_readout[rule] = r;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_INVALID, "the net was lowered without a readout of gain %g",
                 (double)gain);
    return snnbase_hint(context, "name the gain in snn_lower_options.extra_gains");
}

static int init(struct snnstream_decoder *d, struct snn_context *context)
{
    size_t classes = d->net->class_count;
    d->rule_readout =
        snnbase_arena_alloc(&d->arena, context, d->rule_count, sizeof(*d->rule_readout));
    d->counts = snnbase_arena_alloc(&d->arena, context, classes * d->net->readout_count,
                                    sizeof(*d->counts));
    d->evidence = snnbase_arena_alloc(&d->arena, context, classes, sizeof(*d->evidence));
    d->prediction = snnbase_arena_alloc(&d->arena, context, d->timesteps, sizeof(*d->prediction));
    d->decisions = snnbase_arena_alloc(&d->arena, context, d->rule_count, sizeof(*d->decisions));
    if (d->rule_readout == NULL || d->counts == NULL || d->evidence == NULL ||
        d->prediction == NULL || d->decisions == NULL)
        return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < d->rule_count; i++) {
        int status = match_readout(d, context, i);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

int snnstream_decoder_create(struct snnstream_decoder **out, struct snn_context *context,
                             const struct snn_net *net, const struct snn_rule *rules,
                             uint32_t rule_count, uint32_t timesteps)
{
    struct snnstream_decoder *d = snnbase_alloc(context, 1, sizeof(*d));
    if (d == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&d->arena, context);
    d->net = net;
    d->rules = rules;
    d->rule_count = rule_count;
    d->timesteps = timesteps;
    int status = init(d, context);
    if (status != SNN_OK) {
        snnstream_decoder_destroy(&d);
        return status;
    }
    snnstream_decoder_begin(d);
    *out = d;
    return SNN_OK;
}

void snnstream_decoder_destroy(struct snnstream_decoder **decoder)
{
    if (decoder == NULL || *decoder == NULL) return;
    struct snn_allocator allocator = (*decoder)->arena.allocator;
    snnbase_arena_fini(&(*decoder)->arena);
    snnbase_allocator_free(&allocator, *decoder);
    *decoder = NULL;
}

void snnstream_decoder_begin(struct snnstream_decoder *d)
{
    const struct snnmodel_decision undecided = {.class_index = SNN_NO_CLASS};
    memset(d->counts, 0, (size_t)d->net->class_count * d->net->readout_count * sizeof(*d->counts));
    for (uint32_t i = 0; i < d->rule_count; i++)
        d->decisions[i] = undecided;
    d->first = undecided;
    d->total = (struct snnmodel_cost){0, 0, 0};
    d->step = 0;
}

/* Two classes' standing: the leader's value and its lead over the best other. */
struct lead {
    int32_t leader;
    double top;
    double margin;
};

static struct lead lead_of(const double *evidence, uint32_t count)
{
    struct lead lead = {0, evidence[0], INFINITY};
    double second = count > 1 ? -INFINITY : 0.0; /* a single class leads nobody by what it has */
    for (uint32_t k = 1; k < count; k++) {
        if (evidence[k] > lead.top) {
            second = lead.top;
            lead.top = evidence[k];
            lead.leader = (int32_t)k;
        } else if (evidence[k] > second) {
            second = evidence[k];
        }
    }
    lead.margin = lead.top - second;
    return lead;
}

/* The class with most spikes; SNN_NO_CLASS if there were none. */
static int32_t predict_by_counts(const uint64_t *counts, const float *potential, uint32_t classes)
{
    int32_t best = SNN_NO_CLASS;
    for (uint32_t k = 0; k < classes; k++) {
        if (counts[k] == 0) continue;
        if (best < 0 || counts[k] > counts[best] ||
            (counts[k] == counts[best] && potential[k] > potential[best]))
            best = (int32_t)k;
    }
    return best;
}

/* What each output neuron has integrated, in thresholds, or in the CNN's logits. */
static void integrate(struct snnstream_decoder *d, uint32_t readout, const float *potential,
                      bool logits)
{
    const struct snn_readout *r = &d->net->readouts[readout];
    const struct snn_population *output = &d->net->populations[d->net->population_count - 1];
    const uint64_t *counts = d->counts + (size_t)readout * d->net->class_count;
    size_t map = (size_t)output->shape.height * output->shape.width;
    bool fires = r->threshold < FLT_MAX;
    double unit = output->quantised != NULL ? (double)output->quantised->scale : 1.0;
    double threshold = fires ? r->threshold : r->gain * unit; /* a unit where it never fires */
    double v_init = r->v_init;
    for (uint32_t k = 0; k < d->net->class_count; k++) {
        if (r->neurons != NULL) {
            const struct snn_neurons *n = r->neurons;
            threshold = snn_neurons_at(n->threshold, n->threshold_count, d->net->class_count, k);
            v_init = snn_neurons_at(n->v_init, n->v_init_count, d->net->class_count, k);
        }
        double emitted = fires ? (double)counts[k] * threshold : 0.0;
        double sum = emitted + (double)potential[k] - v_init;
        d->evidence[k] = logits ? sum / unit * output->activation_scale[k / map] : sum / threshold;
    }
}

static double softmax_top(const double *evidence, uint32_t count, double top)
{
    double sum = 0.0;
    for (uint32_t k = 0; k < count; k++)
        sum += exp(evidence[k] - top);
    return 1.0 / sum;
}

/* The class a rule decides for in this step, or SNN_NO_CLASS. */
static int32_t apply_rule(struct snnstream_decoder *d, uint32_t index, const float *potential)
{
    const struct snn_rule *rule = &d->rules[index];
    const uint32_t classes = d->net->class_count;
    const uint32_t readout = d->rule_readout[index];
    const uint64_t *counts = d->counts + (size_t)readout * classes;
    potential += (size_t)readout * classes;
    if (rule->kind == SNN_RULE_FIRST) return predict_by_counts(counts, potential, classes);
    if (rule->kind == SNN_RULE_COUNT || rule->kind == SNN_RULE_MARGIN) {
        for (uint32_t k = 0; k < classes; k++)
            d->evidence[k] = (double)counts[k];
        struct lead lead = lead_of(d->evidence, classes);
        bool decided = rule->kind == SNN_RULE_COUNT
                           ? lead.top >= rule->parameter
                           : lead.margin >= rule->parameter && lead.top >= rule->parameter;
        return decided ? predict_by_counts(counts, potential, classes) : SNN_NO_CLASS;
    }
    integrate(d, readout, potential, rule->kind == SNN_RULE_SOFTMAX);
    struct lead lead = lead_of(d->evidence, classes);
    bool decided = rule->kind == SNN_RULE_MEMBRANE
                       ? lead.margin >= rule->parameter
                       : softmax_top(d->evidence, classes, lead.top) >= rule->parameter;
    return decided ? lead.leader : SNN_NO_CLASS;
}

static void decide(struct snnstream_decoder *d, struct snnmodel_decision *decision,
                   int32_t class_index)
{
    if (class_index == SNN_NO_CLASS) return;
    *decision = (struct snnmodel_decision){d->step, class_index, true, d->total};
}

static int32_t predict(struct snnstream_decoder *d, const float *potential)
{
    if (d->net->readouts[0].threshold < FLT_MAX)
        return predict_by_counts(d->counts, potential, d->net->class_count);
    integrate(d, 0, potential, false);
    return lead_of(d->evidence, d->net->class_count).leader;
}

void snnstream_decoder_step(struct snnstream_decoder *d, const uint32_t *spikes,
                            const float *potential, const struct snnmodel_cost *cost)
{
    const size_t all = (size_t)d->net->class_count * d->net->readout_count;
    for (size_t i = 0; i < all; i++)
        d->counts[i] += spikes[i];
    d->total.synops += cost->synops;
    d->total.io_events += cost->io_events;
    d->total.macs += cost->macs;
    d->prediction[d->step] = predict(d, potential);
    d->step++;
    if (!d->first.decided)
        decide(d, &d->first, predict_by_counts(d->counts, potential, d->net->class_count));
    for (uint32_t i = 0; i < d->rule_count; i++) {
        if (!d->decisions[i].decided) decide(d, &d->decisions[i], apply_rule(d, i, potential));
    }
}

void snnstream_decoder_end(struct snnstream_decoder *d, struct snnstream_outcome *out)
{
    int32_t last = d->step > 0 ? d->prediction[d->step - 1] : SNN_NO_CLASS;
    const struct snnmodel_decision at_end = {d->step, last, false, d->total};
    bool silent = d->net->readouts[0].threshold < FLT_MAX && !d->first.decided;
    if (!d->first.decided) {
        d->first = at_end;
        d->first.class_index = SNN_NO_CLASS;
    }
    for (uint32_t i = 0; i < d->rule_count; i++) {
        if (!d->decisions[i].decided) d->decisions[i] = at_end;
    }
    *out = (struct snnstream_outcome){d->prediction, d->first, d->decisions, d->total, silent};
}
