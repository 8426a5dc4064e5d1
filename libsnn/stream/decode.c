/* The decoder: running counts a readout, and per rule whether it has decided.
 *
 * Rules that look at the same quantity of the same readout form a group in ascending order of what
 * they ask for: they can only decide in that order, so that a step evaluates each quantity once,
 * and none that nobody waits for any more. Sixty rules cost little more than six.
 *
 * Ties in counts are broken by the residual membrane potential, then by the lowest index. Evidence
 * of `membrane`, `softmax` and `entropy` is what a neuron has integrated so far: spikes emitted
 * plus residual potential.
 */
#include "libsnn/stream/decode.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

/* rank[next .. end) are the rules of a group that have not decided yet. */
struct group {
    uint32_t readout;
    enum snn_rule_kind quantity; /* COUNT for `first` too */
    uint32_t begin, next, end;
};

struct snnstream_decoder {
    struct snnbase_arena arena;
    const struct snn_net *net;
    const struct snn_rule *rules;
    uint32_t rule_count;
    uint32_t timesteps;
    uint32_t *rule_readout; /* [rule_count] */
    uint32_t *rank;         /* [rule_count] rules, group by group */
    struct group *groups;   /* [rule_count], the first group_count in use */
    uint32_t group_count;
    uint64_t *counts;                    /* [readout][class] */
    double *evidence;                    /* [class], scratch */
    int32_t *prediction;                 /* [timesteps] */
    struct snnmodel_decision *decisions; /* [rule_count] */
    struct snnmodel_decision first;
    struct snnmodel_cost total;
    int32_t label;
    uint32_t step;       /* steps fed */
    uint32_t open_count; /* rules that have not decided */
};

/* --- Which rule looks at what ----------------------------------------------------------------- */

static bool is_about_spikes(enum snn_rule_kind kind)
{
    return kind == SNN_RULE_FIRST || kind == SNN_RULE_COUNT || kind == SNN_RULE_MARGIN;
}

static int match_readout(struct snnstream_decoder *d, struct snn_context *context, uint32_t rule)
{
    d->rule_readout[rule] = 0;
    float gain = d->rules[rule].gain;
    if (gain <= 0.0f) {
        if (!is_about_spikes(d->rules[rule].kind) || d->net->readouts[0].threshold < FLT_MAX)
            return SNN_OK;
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

static enum snn_rule_kind quantity_of(const struct snn_rule *rule)
{
    return rule->kind == SNN_RULE_FIRST ? SNN_RULE_COUNT : rule->kind;
}

/* What the quantity has to reach. */
static double bound_of(const struct snn_rule *rule)
{
    bool has_parameter =
        rule->kind != SNN_RULE_FIRST && rule->kind != SNN_RULE_ORACLE && rule->kind != SNN_RULE_ALL;
    return has_parameter ? rule->parameter : 1.0;
}

static bool is_before(const struct snnstream_decoder *d, uint32_t a, uint32_t b)
{
    const struct snn_rule *x = &d->rules[a], *y = &d->rules[b];
    if (d->rule_readout[a] != d->rule_readout[b]) return d->rule_readout[a] < d->rule_readout[b];
    if (quantity_of(x) != quantity_of(y)) return quantity_of(x) < quantity_of(y);
    return bound_of(x) < bound_of(y);
}

static void form_groups(struct snnstream_decoder *d)
{
    for (uint32_t i = 0; i < d->rule_count; i++) {
        uint32_t at = i;
        for (; at > 0 && is_before(d, i, d->rank[at - 1]); at--)
            d->rank[at] = d->rank[at - 1];
        d->rank[at] = i;
    }
    for (uint32_t i = 0; i < d->rule_count; i++) {
        const uint32_t rule = d->rank[i];
        const struct group next = {d->rule_readout[rule], quantity_of(&d->rules[rule]), i, i, i};
        const struct group *last = d->group_count > 0 ? &d->groups[d->group_count - 1] : NULL;
        if (last == NULL || last->readout != next.readout || last->quantity != next.quantity)
            d->groups[d->group_count++] = next;
        d->groups[d->group_count - 1].end = i + 1;
    }
}

/* --- Creation --------------------------------------------------------------------------------- */

static int init(struct snnstream_decoder *d, struct snn_context *context)
{
    struct snnbase_arena *a = &d->arena;
    size_t classes = d->net->class_count;
    d->rule_readout = snnbase_arena_alloc(a, context, d->rule_count, sizeof(*d->rule_readout));
    d->rank = snnbase_arena_alloc(a, context, d->rule_count, sizeof(*d->rank));
    d->groups = snnbase_arena_alloc(a, context, d->rule_count, sizeof(*d->groups));
    d->counts =
        snnbase_arena_alloc(a, context, classes * d->net->readout_count, sizeof(*d->counts));
    d->evidence = snnbase_arena_alloc(a, context, classes, sizeof(*d->evidence));
    d->prediction = snnbase_arena_alloc(a, context, d->timesteps, sizeof(*d->prediction));
    d->decisions = snnbase_arena_alloc(a, context, d->rule_count, sizeof(*d->decisions));
    if (d->rule_readout == NULL || d->rank == NULL || d->groups == NULL || d->counts == NULL ||
        d->evidence == NULL || d->prediction == NULL || d->decisions == NULL)
        return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < d->rule_count; i++) {
        int status = match_readout(d, context, i);
        if (status != SNN_OK) return status;
    }
    form_groups(d);
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
    snnstream_decoder_begin(d, SNN_NO_CLASS);
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

void snnstream_decoder_begin(struct snnstream_decoder *d, int32_t label)
{
    const struct snnmodel_decision undecided = {.class_index = SNN_NO_CLASS};
    memset(d->counts, 0, (size_t)d->net->class_count * d->net->readout_count * sizeof(*d->counts));
    for (uint32_t i = 0; i < d->rule_count; i++)
        d->decisions[i] = undecided;
    for (uint32_t i = 0; i < d->group_count; i++)
        d->groups[i].next = d->groups[i].begin;
    d->first = undecided;
    d->total = (struct snnmodel_cost){0, 0, 0};
    d->label = label;
    d->step = 0;
    d->open_count = d->rule_count;
}

/* --- Quantities ------------------------------------------------------------------------------- */

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
    const size_t map = (size_t)output->shape.height * output->shape.width;
    bool fires = r->threshold < FLT_MAX;
    /* A chip's whole numbers are so many times what they stand for. */
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

/* 1 - H / ln C of the softmax: 0 where all classes are alike, 1 where one is certain. With
 * e = exp(x - top) and S their sum, H = ln S - sum of e (x - top) / S. */
static double certainty(const double *evidence, uint32_t count, double top)
{
    double sum = 0.0, weighted = 0.0;
    if (count < 2) return 1.0;
    for (uint32_t k = 0; k < count; k++) {
        double x = evidence[k] - top, e = exp(x);
        sum += e;
        weighted += e * x;
    }
    return 1.0 - (log(sum) - weighted / sum) / log((double)count);
}

static int32_t predict(struct snnstream_decoder *d, uint32_t readout, const float *potential)
{
    const uint32_t classes = d->net->class_count;
    if (d->net->readouts[readout].threshold < FLT_MAX)
        return predict_by_counts(d->counts + (size_t)readout * classes, potential, classes);
    integrate(d, readout, potential, false);
    return lead_of(d->evidence, classes).leader;
}

/* The value of a group's quantity after this step and the class it speaks for. */
static double measure(struct snnstream_decoder *d, const struct group *group,
                      const float *potential, int32_t *class_out)
{
    const uint32_t classes = d->net->class_count;
    const uint64_t *counts = d->counts + (size_t)group->readout * classes;
    const enum snn_rule_kind quantity = group->quantity;
    potential += (size_t)group->readout * classes;
    if (is_about_spikes(quantity)) {
        *class_out = predict_by_counts(counts, potential, classes);
        if (*class_out == SNN_NO_CLASS) return 0.0;
        if (quantity == SNN_RULE_COUNT) return (double)counts[*class_out];
        for (uint32_t k = 0; k < classes; k++)
            d->evidence[k] = (double)counts[k];
        return lead_of(d->evidence, classes).margin;
    }
    if (quantity == SNN_RULE_ORACLE || quantity == SNN_RULE_ALL) {
        *class_out = predict(d, group->readout, potential);
        return quantity == SNN_RULE_ALL ? d->step == d->timesteps : *class_out == d->label;
    }
    integrate(d, group->readout, potential, quantity != SNN_RULE_MEMBRANE);
    struct lead lead = lead_of(d->evidence, classes);
    *class_out = lead.leader;
    if (quantity == SNN_RULE_SOFTMAX) return softmax_top(d->evidence, classes, lead.top);
    if (quantity == SNN_RULE_ENTROPY) return certainty(d->evidence, classes, lead.top);
    return lead.margin;
}

/* --- Steps ------------------------------------------------------------------------------------ */

static struct snnmodel_decision decision_for(const struct snnstream_decoder *d, int32_t class_index)
{
    return (struct snnmodel_decision){d->step, class_index, true, d->total};
}

static void apply_group(struct snnstream_decoder *d, struct group *group, const float *potential)
{
    int32_t class_index = SNN_NO_CLASS;
    if (group->next == group->end) return;
    double value = measure(d, group, potential, &class_index);
    if (class_index == SNN_NO_CLASS) return;
    for (; group->next < group->end; group->next++, d->open_count--) {
        const uint32_t rule = d->rank[group->next];
        if (!(value >= bound_of(&d->rules[rule]))) return;
        d->decisions[rule] = decision_for(d, class_index);
    }
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
    d->prediction[d->step] = predict(d, 0, potential);
    d->step++;
    if (!d->first.decided) {
        int32_t first = predict_by_counts(d->counts, potential, d->net->class_count);
        if (first != SNN_NO_CLASS) d->first = decision_for(d, first);
    }
    for (uint32_t i = 0; i < d->group_count; i++)
        apply_group(d, &d->groups[i], potential);
}

bool snnstream_decoder_decided(const struct snnstream_decoder *d)
{
    return d->rule_count > 0 ? d->open_count == 0 : d->first.decided;
}

void snnstream_decoder_end(struct snnstream_decoder *d, struct snnstream_outcome *out)
{
    int32_t last = d->step > 0 ? d->prediction[d->step - 1] : SNN_NO_CLASS;
    const struct snnmodel_decision at_end = {d->step, last, false, d->total};
    const bool fires = d->net->readouts[0].threshold < FLT_MAX;
    bool silent = fires && !d->first.decided && d->step == d->timesteps;
    if (!d->first.decided) {
        d->first = at_end;
        d->first.class_index = SNN_NO_CLASS;
    }
    for (uint32_t i = 0; i < d->rule_count; i++) {
        if (!d->decisions[i].decided) d->decisions[i] = at_end;
    }
    const struct snnmodel_decision *kept = d->rule_count > 0 ? &d->decisions[0] : &d->first;
    for (uint32_t t = d->step; t < d->timesteps; t++)
        d->prediction[t] = kept->class_index;
    *out = (struct snnstream_outcome){d->prediction, d->first, d->decisions,
                                      d->total,      d->step,  silent};
}
