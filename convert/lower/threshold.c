/* Which threshold a population gets: quantile of the calibrated activations, a recipe, the clip of
 * the activation, or 1. Degenerate channels (never active in calibration) fall back to the layer's.
 */
#include <math.h>
#include <stdio.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"

/* Names the stored quantiles in per cent, as many as fit. */
static void list_quantiles(const double *quantile, uint32_t count, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && used + 16 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%sp%g", i > 0 ? " " : "",
                                 100.0 * quantile[i]);
}

static int find_quantile(struct snnconv_lowering *l, uint32_t *index_out)
{
    uint32_t count = 0;
    const double *quantile = snn_graph_quantiles(l->graph, &count, NULL, NULL);
    for (uint32_t i = 0; i < count; i++) {
        if (fabs(quantile[i] - l->options->quantile) < 1e-9) {
            *index_out = i;
            return SNN_OK;
        }
    }
    snnbase_fail(l->context, SNN_ERR_NOT_FOUND, "the model has no activation statistics for p%g",
                 100.0 * l->options->quantile);
    char known[256];
    list_quantiles(quantile, count, known, sizeof(known));
    if (count > 0) return snnbase_hint(l->context, "it has %s; or calibrate anew", known);
    return snnbase_hint(l->context, "calibrate with training frames (--calibrate), "
                                    "or take thresholds of 1 (--norm none)");
}

static int from_quantile(struct snnconv_lowering *l, uint32_t layer, double *scale)
{
    uint32_t index = 0, count = 0;
    int status = find_quantile(l, &index);
    if (status != SNN_OK) return status;
    const struct snn_layer *of = snn_graph_layer(l->graph, layer);
    const struct snn_statistics *statistics = snn_graph_statistics(l->graph, layer);
    if (statistics == NULL) {
        snnbase_fail(l->context, SNN_ERR_NOT_FOUND,
                     "layer '%s': the model has no activation statistics for it", of->name);
        return snnbase_hint(l->context, "calibrate anew with training frames (--calibrate)");
    }
    (void)snn_graph_quantiles(l->graph, &count, NULL, NULL);
    for (uint32_t c = 0; c < of->shape.channels; c++) {
        double value = statistics->quantile[index];
        if (l->options->channelwise && layer != snn_graph_output(l->graph)) {
            double own = statistics->channel_quantile[(size_t)c * count + index];
            if (own > 0.0) value = own;
        }
        scale[c] = value;
    }
    return SNN_OK;
}

static int from_recipe(struct snnconv_lowering *l, uint32_t layer, double *scale)
{
    const char *name = l->options->recipe != NULL ? l->options->recipe : "";
    const struct snn_layer *of = snn_graph_layer(l->graph, layer);
    const struct snn_recipe *recipe = NULL;
    int status = snnconv_recipe_find(l, name, &recipe);
    if (status != SNN_OK) return status;
    if (recipe->kind != SNN_RECIPE_THRESHOLD) {
        snnbase_fail(l->context, SNN_ERR_INVALID, "recipe '%s' is a correction, no thresholds",
                     name);
        return snnbase_hint(l->context, "corrections go with a norm: --correct %s", name);
    }
    for (uint32_t i = 0; i < recipe->entry_count; i++) {
        const struct snn_recipe_entry *entry = &recipe->entries[i];
        if (entry->layer != layer) continue;
        for (uint32_t c = 0; c < of->shape.channels; c++)
            scale[c] = entry->value[entry->count == 1 ? 0 : c];
        return SNN_OK;
    }
    return snnbase_fail(l->context, SNN_ERR_NOT_FOUND,
                        "recipe '%s' has no threshold for layer '%s'", name, of->name);
}

/* A channel that never fired in calibration gets the layer's largest scale, a dead layer gets 1. */
static void mend_degenerate(double *scale, uint32_t channels)
{
    double largest = 0.0;
    for (uint32_t c = 0; c < channels; c++)
        largest = fmax(largest, scale[c]);
    for (uint32_t c = 0; c < channels; c++) {
        if (!(scale[c] > 0.0)) scale[c] = largest > 0.0 ? largest : 1.0;
    }
}

/* On a chip the channels of a layer share 8 bits. A channel that hardly spoke in calibration has a
 * tiny threshold and so, folded, huge weights, beside which all others would vanish: its threshold
 * is not below 1 / CHIP_SPREAD of the layer's largest. It then speaks more rarely, not wrongly. */
#define CHIP_SPREAD 16.0

static uint32_t narrow(double *scale, uint32_t channels)
{
    double largest = 0.0;
    uint32_t raised = 0;
    for (uint32_t c = 0; c < channels; c++)
        largest = fmax(largest, scale[c]);
    for (uint32_t c = 0; c < channels; c++) {
        raised += scale[c] < largest / CHIP_SPREAD;
        scale[c] = fmax(scale[c], largest / CHIP_SPREAD);
    }
    return raised;
}

/* Classes are compared by their counts, so the output has one threshold: the largest. */
static void level(double *scale, uint32_t channels)
{
    for (uint32_t c = 1; c < channels; c++)
        scale[0] = fmax(scale[0], scale[c]);
    for (uint32_t c = 1; c < channels; c++)
        scale[c] = scale[0];
}

int snnconv_threshold_choose(struct snnconv_lowering *l, uint32_t layer, double **scale_out)
{
    const struct snn_layer *of = snn_graph_layer(l->graph, layer);
    double *scale = snnbase_arena_alloc(l->arena, l->context, of->shape.channels, sizeof(*scale));
    if (scale == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    if (l->spiking != NULL || l->options->norm == SNN_NORM_NONE) {
        for (uint32_t c = 0; c < of->shape.channels; c++)
            scale[c] = 1.0;
        if (of->activation == SNN_ACTIVATION_CLIP)
            snnbase_diagnose(l->context, SNN_SEVERITY_WARNING, of->name,
                             "any other norm takes the clip as the threshold",
                             "thresholds of 1 do not clip the activation at %g", (double)of->clip);
    } else if (of->activation == SNN_ACTIVATION_CLIP) {
        for (uint32_t c = 0; c < of->shape.channels; c++)
            scale[c] = of->clip;
    } else if (l->options->norm == SNN_NORM_QUANTILE) {
        status = from_quantile(l, layer, scale);
    } else {
        status = from_recipe(l, layer, scale);
    }
    if (status != SNN_OK) return status;
    mend_degenerate(scale, of->shape.channels);
    if (l->options->arith == SNN_ARITH_CHIP) l->raised = narrow(scale, of->shape.channels);
    if (layer == snn_graph_output(l->graph)) {
        level(scale, of->shape.channels);
        l->raised = 0;
    }
    *scale_out = scale;
    return SNN_OK;
}
