/* A population of real numbers -> one of whole numbers: the last step of lowering for a chip.
 *
 * All that meets in a membrane potential has one scale: the weights of all synapses and the bias
 * (8 bits), thresholds, initial potentials and lower clips (16 bits). Each value is the float32
 * product with the scale, rounded half to even, as PyTorch rounds where Sinabs discretises a net
 * (sinabs/backend/dynapcnn/discretize.py); -128 is left out, so that a weight and its negative are
 * worth the same. Nothing else of the net changes.
 */
#include <float.h>
#include <math.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"

#define WEIGHT_MAX 127.0f
#define POTENTIAL_MAX 32767.0f
#define POTENTIAL_MIN (-32768.0f)

/* Least squared error: the range of the weights that is kept, in per cent of the largest. */
#define KEPT_MOST 100
#define KEPT_LEAST 20

/* A population and what its scale has to hold. */
struct quantiser {
    struct snnconv_lowering *l;
    const struct snn_population *population;
    float weight_most, bias_most; /* largest magnitudes */
    float threshold_most;         /* 0: it never fires */
    struct snn_quantised out;
};

static float largest(const float *values, size_t count)
{
    float most = 0.0f;
    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(values[i]));
    return most;
}

static float round_value(float value, float scale, float low, float high)
{
    return fminf(fmaxf(rintf(value * scale), low), high) + 0.0f; /* no -0 */
}

/* ---- The scale ---- */

static void measure(struct quantiser *q)
{
    const struct snn_population *p = q->population;
    for (uint32_t s = 0; s < p->synapse_count; s++)
        q->weight_most =
            fmaxf(q->weight_most, largest(p->synapses[s].weights, p->synapses[s].weight_count));
    q->bias_most = largest(p->bias, p->bias_count);
    if (p->neurons != NULL)
        q->threshold_most = largest(p->neurons->threshold, p->neurons->threshold_count);
    else if (p->threshold < FLT_MAX)
        q->threshold_most = p->threshold;
}

/* The scale at which `most` just fits; infinite where nothing is to be held. */
static float fitting_scale(float most, float room)
{
    const float scale = room / most;
    return most > 0.0f && isfinite(scale) ? scale : INFINITY;
}

static double squared_error(const float *values, size_t count, float scale)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double error =
            (double)round_value(values[i], scale, -WEIGHT_MAX, WEIGHT_MAX) / (double)scale -
            (double)values[i];
        sum += error * error;
    }
    return sum;
}

/* Of the weights, in their own units. */
static double error_at(const struct snn_population *p, float scale)
{
    double sum = 0.0;
    for (uint32_t s = 0; s < p->synapse_count; s++)
        sum += squared_error(p->synapses[s].weights, p->synapses[s].weight_count, scale);
    return sum;
}

/* From the scale at which no weight saturates upwards, up to `most`. */
static float search_scale(const struct snn_population *p, float fitting, float most)
{
    float scale = fminf(fitting, most), chosen = scale;
    double best = error_at(p, scale);
    for (int kept = KEPT_MOST - 1; kept >= KEPT_LEAST && scale < most; kept--) {
        scale = fminf(fitting * ((float)KEPT_MOST / (float)kept), most);
        const double error = error_at(p, scale);
        if (error >= best) continue;
        best = error;
        chosen = scale;
    }
    return chosen;
}

static void choose_scale(struct quantiser *q)
{
    const float by_weights = fitting_scale(q->weight_most, WEIGHT_MAX);
    const float by_bias = fitting_scale(q->bias_most, WEIGHT_MAX);
    const float by_threshold = fitting_scale(q->threshold_most, POTENTIAL_MAX);
    const float most = fminf(by_bias, by_threshold);
    float scale = by_weights;
    q->out.limited_by = SNN_QUANTISED_BY_WEIGHTS;
    if (q->l->options->quantise_mse && isfinite(by_weights)) {
        scale = search_scale(q->population, by_weights, most);
        q->out.limited_by = SNN_QUANTISED_BY_ERROR;
    }
    if (most <= scale && isfinite(most)) {
        scale = most;
        q->out.limited_by =
            by_bias <= by_threshold ? SNN_QUANTISED_BY_BIAS : SNN_QUANTISED_BY_THRESHOLD;
    }
    q->out.scale = isfinite(scale) ? scale : 1.0f; /* nothing but zeros */
}

/* ---- Weights and bias ---- */

/* What became of the weights. */
struct fate {
    uint64_t count, present; /* those that were not 0 */
    double squared_error;    /* in steps */
    float most;
};

static int quantise_synapse(struct quantiser *q, struct snn_synapse *synapse, struct fate *fate)
{
    const float scale = q->out.scale;
    const float *from = synapse->weights;
    const size_t count = synapse->weight_count;
    float *to = snnbase_arena_alloc(q->l->arena, q->l->context, count, sizeof(*to));
    if (to == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        to[i] = round_value(from[i], scale, -WEIGHT_MAX, WEIGHT_MAX);
        const bool present = fabsf(from[i]) > 0.0f;
        const double error = (double)to[i] - (double)from[i] * (double)scale;
        fate->present += present;
        fate->squared_error += error * error;
        q->out.weights_lost += present && !(fabsf(to[i]) > 0.0f);
        q->out.weights_saturated += fabsf(rintf(from[i] * scale)) > WEIGHT_MAX;
    }
    fate->most = fmaxf(fate->most, largest(to, count));
    fate->count += count;
    synapse->weights = to;
    return SNN_OK;
}

/* A chip may do with fewer bits than it has; one that is left with none computes nothing. */
static int check_fate(struct quantiser *q, const struct fate *fate)
{
    static const char *const by[] = {"largest weight", "largest bias", "threshold", "error"};
    static const char hint[] = "bring weights, bias and threshold closer together: choose another "
                               "norm (--norm), or scales of the least squared error (--quant mse)";
    const char *name = q->population->name;
    const uint64_t lost = q->out.weights_lost;
    if (fate->present == 0 || lost * 2 <= fate->present) return SNN_OK;
    if (lost < fate->present) {
        snnbase_diagnose(q->l->context, SNN_SEVERITY_WARNING, name, hint,
                         "%llu of %llu weights become 0 in 8 bits: the %s limits their scale to %g",
                         (unsigned long long)lost, (unsigned long long)fate->present,
                         by[q->out.limited_by], (double)q->out.scale);
        return SNN_OK;
    }
    snnbase_fail(q->l->context, SNN_ERR_UNSUPPORTED,
                 "layer '%s': all weights become 0 in 8 bits: the %s limits their scale to %g",
                 name, by[q->out.limited_by], (double)q->out.scale);
    return snnbase_hint(q->l->context, "%s", hint);
}

static int quantise_synapses(struct quantiser *q, const struct snn_synapse **out)
{
    const struct snn_population *p = q->population;
    struct fate fate = {.count = 0};
    struct snn_synapse *synapses =
        snnbase_arena_alloc(q->l->arena, q->l->context, p->synapse_count, sizeof(*synapses));
    if (synapses == NULL) return SNN_ERR_NOMEM;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        synapses[s] = p->synapses[s];
        int status = quantise_synapse(q, &synapses[s], &fate);
        if (status != SNN_OK) return status;
    }
    q->out.bits = log2(2.0 * (double)fate.most + 1.0);
    q->out.weight_error = fate.count > 0 ? sqrt(fate.squared_error / (double)fate.count) : 0.0;
    *out = synapses;
    return check_fate(q, &fate);
}

/* On a chip's core, biases of nothing but zeros are switched off: no tick comes, which would visit
 * the neurons. */
static int quantise_bias(struct quantiser *q, struct snn_population *out)
{
    const struct snn_population *p = q->population;
    if (p->bias == NULL) return SNN_OK;
    float *bias = snnbase_arena_alloc(q->l->arena, q->l->context, p->bias_count, sizeof(*bias));
    if (bias == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < p->bias_count; i++) {
        bias[i] = round_value(p->bias[i], q->out.scale, -WEIGHT_MAX, WEIGHT_MAX);
    }
    const bool off = q->l->options->chip != NULL && !(largest(bias, p->bias_count) > 0.0f);
    out->bias = off ? NULL : bias;
    out->bias_count = off ? 0 : p->bias_count;
    return SNN_OK;
}

/* ---- Thresholds and potentials ---- */

/* Of a population or a readout; `gain` of the latter is for messages. */
struct firing {
    float threshold, v_init, v_min;
    const struct snn_neurons *neurons;
    float gain;
};

static int quantise_threshold(const struct quantiser *q, float threshold, float gain, float *out)
{
    struct snn_context *context = q->l->context;
    const double scale = (double)q->out.scale, whole = (double)rintf(threshold * q->out.scale);
    if (whole > (double)POTENTIAL_MAX) {
        snnbase_fail(context, SNN_ERR_LIMIT,
                     "layer '%s': output gain %g makes its threshold %.0f, beyond the %.0f of 16 "
                     "bits",
                     q->population->name, (double)gain, whole, (double)POTENTIAL_MAX);
        return snnbase_hint(context, "gains up to %.4g fit",
                            floor((double)gain * (double)POTENTIAL_MAX / whole * 100.0) / 100.0);
    }
    if (whole < 1.0) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                     "layer '%s': a threshold of %g becomes 0: the scale is %g, for weights up to "
                     "%g, biases up to %g and thresholds up to %g",
                     q->population->name, (double)threshold, scale, (double)q->weight_most,
                     (double)q->bias_most, (double)q->threshold_most);
        return snnbase_hint(context, "weights and thresholds must be closer together: choose "
                                     "another norm (--norm), or train with smaller weights");
    }
    *out = (float)whole;
    return SNN_OK;
}

static float quantise_potential(const struct quantiser *q, float potential)
{
    if (potential <= -FLT_MAX) return POTENTIAL_MIN; /* no lower clip but that of the 16 bits */
    return round_value(potential, q->out.scale, POTENTIAL_MIN, POTENTIAL_MAX);
}

static int quantise_potentials(const struct quantiser *q, const float *from, size_t count,
                               const float **out)
{
    float *to = snnbase_arena_alloc(q->l->arena, q->l->context, count, sizeof(*to));
    if (to == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        to[i] = quantise_potential(q, from[i]);
    *out = to;
    return SNN_OK;
}

static int quantise_lists(const struct quantiser *q, const struct snn_neurons *from, float gain,
                          const struct snn_neurons **out)
{
    struct snnbase_arena *arena = q->l->arena;
    struct snn_neurons *to = snnbase_arena_alloc(arena, q->l->context, 1, sizeof(*to));
    float *threshold =
        snnbase_arena_alloc(arena, q->l->context, from->threshold_count, sizeof(*threshold));
    if (to == NULL || threshold == NULL) return SNN_ERR_NOMEM;
    *to = *from;
    int status = SNN_OK;
    for (size_t i = 0; status == SNN_OK && i < from->threshold_count; i++)
        status = quantise_threshold(q, from->threshold[i], gain, &threshold[i]);
    to->threshold = threshold;
    if (status == SNN_OK)
        status = quantise_potentials(q, from->v_init, from->v_init_count, &to->v_init);
    if (status == SNN_OK)
        status = quantise_potentials(q, from->v_min, from->v_min_count, &to->v_min);
    *out = to;
    return status;
}

static int quantise_firing(const struct quantiser *q, struct firing *f)
{
    if (f->neurons != NULL) {
        int status = quantise_lists(q, f->neurons, f->gain, &f->neurons);
        if (status != SNN_OK) return status;
        f->threshold = f->neurons->threshold[0];
        f->v_init = f->neurons->v_init[0];
        f->v_min = f->neurons->v_min[0];
        return SNN_OK;
    }
    f->v_init = quantise_potential(q, f->v_init);
    f->v_min = quantise_potential(q, f->v_min);
    if (f->threshold >= FLT_MAX) return SNN_OK; /* never fires */
    return quantise_threshold(q, f->threshold, f->gain, &f->threshold);
}

int snnconv_quantise_population(struct snnconv_lowering *l, struct snn_population *population)
{
    struct quantiser q = {.l = l, .population = population, .out = *population->quantised};
    struct snn_population p = *population;
    struct firing f = {p.threshold, p.v_init, p.v_min, p.neurons, 1.0f};
    struct snn_quantised *quantised =
        snnbase_arena_alloc(l->arena, l->context, 1, sizeof(*quantised));
    if (quantised == NULL) return SNN_ERR_NOMEM;
    measure(&q);
    choose_scale(&q);
    int status = quantise_synapses(&q, &p.synapses);
    if (status == SNN_OK) status = quantise_bias(&q, &p);
    if (status == SNN_OK) status = quantise_firing(&q, &f);
    if (status != SNN_OK) return status;
    p.threshold = f.threshold;
    p.v_init = f.v_init;
    p.v_min = f.v_min;
    p.neurons = f.neurons;
    q.out.threshold = p.threshold < FLT_MAX ? (uint32_t)p.threshold : 0;
    *quantised = q.out;
    p.quantised = quantised;
    *population = p;
    return SNN_OK;
}

int snnconv_quantise_readout(struct snnconv_lowering *l, const struct snn_population *output,
                             struct snn_readout *readout)
{
    const struct quantiser q = {.l = l, .population = output, .out = *output->quantised};
    struct firing f = {readout->threshold, readout->v_init, readout->v_min, readout->neurons,
                       readout->gain};
    int status = quantise_firing(&q, &f);
    if (status != SNN_OK) return status;
    readout->threshold = f.threshold;
    readout->v_init = f.v_init;
    readout->v_min = f.v_min;
    readout->neurons = f.neurons;
    return SNN_OK;
}
