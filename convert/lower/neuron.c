/* The neurons of a population: those of the options for a CNN's activation, the layer's own for a
 * net that arrived spiking; and the readouts of the output.
 *
 * Lists of equal values become one value, so that a population has lists only where its neurons do
 * differ.
 */
#include <float.h>
#include <math.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"

/* How many values of a list are needed: 1 where all are equal. */
static size_t level(const float *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (values[i] < values[0] || values[i] > values[0]) return count;
    }
    return 1;
}

/* A copy of a list times a factor; a lower clip of none stays none. */
static int scale_list(struct snnconv_lowering *l, const char *layer, const float *values,
                      size_t count, float factor, const float **out)
{
    float *scaled = snnbase_arena_alloc(l->arena, l->context, count, sizeof(*scaled));
    if (scaled == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        scaled[i] = values[i] <= -FLT_MAX ? -FLT_MAX : values[i] * factor;
        if (!isfinite(scaled[i]))
            return snnbase_fail(l->context, SNN_ERR_INVALID,
                                "layer '%s': a potential of %g times %g overflows float32", layer,
                                (double)values[i], (double)factor);
    }
    *out = scaled;
    return SNN_OK;
}

/* All three lists of a layer, what it leaves out from the options, which are in thresholds. */
static int complete(struct snnconv_lowering *l, const struct snn_layer *layer,
                    struct snn_neurons *out)
{
    static const float none = -FLT_MAX;
    const struct snn_lower_options *o = l->options;
    const struct snn_neurons *own = layer->neurons;
    const bool has_v_init = own->v_init_count > 0, has_v_min = own->v_min_count > 0;
    struct snn_neurons n = *own;
    if (!has_v_init) {
        n.v_init = own->threshold;
        n.v_init_count = own->threshold_count;
    }
    if (!has_v_min) {
        n.v_min = isinf(o->v_min) ? &none : own->threshold;
        n.v_min_count = isinf(o->v_min) ? 1 : own->threshold_count;
    }
    n.threshold_count = level(n.threshold, n.threshold_count);
    n.v_init_count = level(n.v_init, n.v_init_count);
    n.v_min_count = level(n.v_min, n.v_min_count);
    int status = scale_list(l, layer->name, n.threshold, n.threshold_count, 1.0f, &n.threshold);
    if (status == SNN_OK)
        status = scale_list(l, layer->name, n.v_init, n.v_init_count, has_v_init ? 1.0f : o->v_init,
                            &n.v_init);
    if (status == SNN_OK)
        status = scale_list(l, layer->name, n.v_min, n.v_min_count,
                            has_v_min || isinf(o->v_min) ? 1.0f : o->v_min, &n.v_min);
    *out = n;
    return status;
}

static bool are_alike(const struct snn_neurons *n)
{
    return n->threshold_count == 1 && n->v_init_count == 1 && n->v_min_count == 1;
}

/* Neurons of an activation, whose thresholds are 1, that begin with corrected potentials. */
static int correct(struct snnconv_lowering *l, const struct snn_layer *layer, const double *scale,
                   size_t count, struct snn_population *out)
{
    struct snn_neurons *n = snnbase_arena_alloc(l->arena, l->context, 1, sizeof(*n));
    float *own = snnbase_arena_alloc(l->arena, l->context, 2, sizeof(*own));
    float *v_init = snnbase_arena_alloc(l->arena, l->context, count, sizeof(*v_init));
    double *added = snnbase_arena_alloc(l->scratch, l->context, count, sizeof(*added));
    if (n == NULL || own == NULL || v_init == NULL || added == NULL) return SNN_ERR_NOMEM;
    snnconv_corrections_add(l, SNN_RECIPE_POTENTIAL, added, count);
    for (size_t i = 0; i < count; i++) {
        v_init[i] = (float)(out->v_init + added[i] / scale[i / (count / layer->shape.channels)]);
        if (isfinite(v_init[i])) continue;
        return snnbase_fail(l->context, SNN_ERR_INVALID,
                            "layer '%s': its corrected potential overflows float32", layer->name);
    }
    own[0] = out->threshold;
    own[1] = out->v_min;
    *n = (struct snn_neurons){out->reset, &own[0], 1, v_init, level(v_init, count), &own[1], 1};
    out->v_init = v_init[0];
    out->neurons = are_alike(n) ? NULL : n;
    return SNN_OK;
}

int snnconv_neurons_build(struct snnconv_lowering *l, const struct snn_layer *layer,
                          const double *scale, struct snn_population *out)
{
    const struct snn_lower_options *o = l->options;
    out->spikes_max = o->spikes_max > 0 ? o->spikes_max : SNN_SPIKES_PER_STEP_MAX;
    if (layer->neurons == NULL) {
        out->threshold = 1.0f;
        out->v_init = o->v_init;
        out->v_min = isinf(o->v_min) ? -FLT_MAX : o->v_min;
        out->reset = o->reset;
        size_t count = snnconv_corrections_count(l, SNN_RECIPE_POTENTIAL);
        if (count == 0) return SNN_OK;
        if (count < layer->shape.channels) count = layer->shape.channels;
        return correct(l, layer, scale, count, out);
    }
    struct snn_neurons *n = snnbase_arena_alloc(l->arena, l->context, 1, sizeof(*n));
    if (n == NULL) return SNN_ERR_NOMEM;
    int status = complete(l, layer, n);
    if (status != SNN_OK) return status;
    out->threshold = n->threshold[0];
    out->v_init = n->v_init[0];
    out->v_min = n->v_min[0];
    out->reset = n->reset;
    out->neurons = are_alike(n) ? NULL : n;
    return SNN_OK;
}

int snnconv_readout_build(struct snnconv_lowering *l, const struct snn_population *of, float gain,
                          struct snn_readout *out)
{
    struct snn_readout r = {.gain = gain,
                            .threshold = of->threshold * gain,
                            .v_init = of->v_init * gain,
                            .v_min = of->v_min <= -FLT_MAX ? -FLT_MAX : of->v_min * gain,
                            .spikes_max = of->spikes_max};
    if (of->neurons != NULL) {
        const struct snn_neurons *n = of->neurons;
        struct snn_neurons *copy = snnbase_arena_alloc(l->arena, l->context, 1, sizeof(*copy));
        if (copy == NULL) return SNN_ERR_NOMEM;
        *copy = *n;
        int status =
            scale_list(l, of->name, n->threshold, n->threshold_count, gain, &copy->threshold);
        if (status == SNN_OK)
            status = scale_list(l, of->name, n->v_init, n->v_init_count, gain, &copy->v_init);
        if (status == SNN_OK)
            status = scale_list(l, of->name, n->v_min, n->v_min_count, gain, &copy->v_min);
        if (status != SNN_OK) return status;
        r.neurons = copy;
    }
    *out = r;
    return SNN_OK;
}
