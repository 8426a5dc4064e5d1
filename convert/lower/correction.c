/* Corrections: biases and potentials that calibration measured, added to those of the CNN.
 *
 * They are kept in units of the layer's activations, so that here nothing is known of thresholds.
 * Names were checked before any layer is lowered.
 */
#include <string.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"

static const struct snn_recipe *find(const struct snnconv_lowering *l, const char *name)
{
    if (l->draft != NULL && strcmp(l->draft->name, name) == 0) return l->draft;
    return snn_graph_find_recipe(l->graph, name);
}

int snnconv_recipe_find(const struct snnconv_lowering *l, const char *name,
                        const struct snn_recipe **out)
{
    const struct snn_recipe *recipe = find(l, name);
    if (recipe != NULL) {
        *out = recipe;
        return SNN_OK;
    }
    snnbase_fail(l->context, SNN_ERR_NOT_FOUND, "the model has no recipe '%s'", name);
    return snnbase_hint(l->context, "compute it from training frames: --calibrate FRAMES; "
                                    "snnconvert keeps it in the model, with --recipe");
}

static int check(const struct snnconv_lowering *l, const struct snn_recipe *recipe)
{
    if (recipe->kind == SNN_RECIPE_THRESHOLD) {
        snnbase_fail(l->context, SNN_ERR_INVALID, "recipe '%s' has thresholds, no correction",
                     recipe->name);
        return snnbase_hint(l->context, "thresholds are chosen by --norm %s", recipe->name);
    }
    for (uint32_t i = 0; i < recipe->entry_count; i++) {
        const uint32_t layer = recipe->entries[i].layer;
        if (!snn_graph_layer_is_neuronal(l->graph, layer))
            return snnbase_fail(l->context, SNN_ERR_INVALID,
                                "recipe '%s' corrects layer '%s', which has no neurons",
                                recipe->name, snn_graph_layer(l->graph, layer)->name);
    }
    return SNN_OK;
}

int snnconv_corrections_check(const struct snnconv_lowering *l)
{
    const struct snn_lower_options *o = l->options;
    if (o->correction_count > 0 && l->spiking != NULL)
        return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                            "layer '%s': the net arrived spiking, corrections are for CNNs",
                            l->spiking->name);
    for (uint32_t i = 0; i < o->correction_count; i++) {
        const struct snn_recipe *recipe = NULL;
        int status = snnconv_recipe_find(l, o->corrections[i], &recipe);
        if (status == SNN_OK) status = check(l, recipe);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* What a recipe has for the layer being lowered; NULL: nothing. */
static const struct snn_recipe_entry *entry_of(const struct snnconv_lowering *l, const char *name,
                                               enum snn_recipe_kind kind)
{
    const struct snn_recipe *recipe = find(l, name);
    for (uint32_t i = 0; recipe->kind == kind && i < recipe->entry_count; i++) {
        if (recipe->entries[i].layer == l->layer) return &recipe->entries[i];
    }
    return NULL;
}

size_t snnconv_corrections_count(const struct snnconv_lowering *l, enum snn_recipe_kind kind)
{
    size_t count = 0;
    for (uint32_t i = 0; i < l->options->correction_count; i++) {
        const struct snn_recipe_entry *entry = entry_of(l, l->options->corrections[i], kind);
        if (entry != NULL && entry->count > count) count = entry->count;
    }
    return count;
}

void snnconv_corrections_add(const struct snnconv_lowering *l, enum snn_recipe_kind kind,
                             double *values, size_t count)
{
    for (uint32_t i = 0; i < l->options->correction_count; i++) {
        const struct snn_recipe_entry *entry = entry_of(l, l->options->corrections[i], kind);
        for (size_t k = 0; entry != NULL && k < count; k++)
            values[k] += entry->value[k / (count / entry->count)];
    }
}
