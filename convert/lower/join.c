/* Concatenated maps: what joins them takes no neurons, and what consumes them gets one synapse for
 * each part, with the weights that belong to its channels.
 *
 *   weights [out][  a's  |  b's  ]   ->   [out][a's] from a,  [out][b's] from b
 *
 * So the events of the first part come before those of the second, whatever their positions.
 */
#include <stdio.h>
#include <string.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"

/* A value as its parts: those of a concatenation, or itself. */
static const struct snnconv_value *parts_of(const struct snnconv_value *value, uint32_t *count_out)
{
    bool joined = value->kind == SNNCONV_VALUE_JOINED;
    *count_out = joined ? value->part_count : 1;
    return joined ? value->parts : value;
}

/* Concatenations of concatenations multiply parts, so a small file could ask for any number. */
static int count_parts(struct snnconv_lowering *l, const struct snn_layer *layer,
                       uint32_t *count_out)
{
    const uint32_t most = snnbase_limits(l->context)->layer_count;
    uint64_t total = 0;
    for (uint32_t i = 0; i < layer->input_count; i++) {
        const struct snn_layer *input = snn_graph_layer(l->graph, layer->inputs[i]);
        const struct snnconv_value *value = &l->values[layer->inputs[i]];
        uint32_t count = 0;
        if (value->kind == SNNCONV_VALUE_ABSENT) return SNN_OK;
        if (value->kind == SNNCONV_VALUE_LINEAR) return snnconv_fail_linear(l, layer, input);
        (void)parts_of(value, &count);
        total += count;
        if (total > most)
            return snnbase_fail(l->context, SNN_ERR_LIMIT, "layer '%s': joins more than %u maps",
                                layer->name, most);
    }
    *count_out = (uint32_t)total;
    return SNN_OK;
}

int snnconv_join_lower(struct snnconv_lowering *l, const struct snn_layer *layer,
                       struct snnconv_value *out)
{
    uint32_t total = 0, at = 0;
    int status = count_parts(l, layer, &total);
    if (status != SNN_OK || total == 0) return status; /* 0: reported further up */
    struct snnconv_value *parts =
        snnbase_arena_alloc(l->scratch, l->context, total, sizeof(*parts));
    if (parts == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < layer->input_count; i++) {
        uint32_t count = 0;
        const struct snnconv_value *from = parts_of(&l->values[layer->inputs[i]], &count);
        memcpy(parts + at, from, count * sizeof(*parts));
        at += count;
    }
    *out = (struct snnconv_value){
        .kind = SNNCONV_VALUE_JOINED, .shape = layer->shape, .parts = parts, .part_count = total};
    return SNN_OK;
}

/* Joined vectors may come from maps of any extent, which only a dense layer can tell apart. */
static int check_maps(struct snnconv_lowering *l, const struct snn_layer *layer,
                      const struct snnconv_value *joined)
{
    for (uint32_t i = 0; i < joined->part_count; i++) {
        struct snn_shape part = joined->parts[i].shape;
        if (part.height == joined->shape.height && part.width == joined->shape.width) continue;
        return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                            "layer '%s': %s after a flatten has no spiking form", layer->name,
                            snn_layer_kind_name(layer->kind));
    }
    return SNN_OK;
}

/* The pool as a layer of one part's channels. */
static int pool_of_part(struct snnconv_lowering *l, const struct snn_layer *layer, uint32_t part,
                        uint32_t channels, struct snn_layer *out)
{
    const size_t size = strlen(layer->name) + sizeof("[4294967295]");
    char *name = snnbase_arena_alloc(l->scratch, l->context, size, 1);
    if (name == NULL) return SNN_ERR_NOMEM;
    (void)snprintf(name, size, "%s[%u]", layer->name, part);
    *out = *layer;
    out->name = name;
    out->shape.channels = channels;
    return SNN_OK;
}

int snnconv_join_pool(struct snnconv_lowering *l, const struct snn_layer *layer,
                      const struct snnconv_value *joined, snnconv_lower_fn lower,
                      struct snnconv_value *out)
{
    int status = check_maps(l, layer, joined);
    if (status != SNN_OK) return status;
    struct snnconv_value *parts =
        snnbase_arena_alloc(l->scratch, l->context, joined->part_count, sizeof(*parts));
    if (parts == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < joined->part_count; i++) {
        const struct snnconv_value *part = &joined->parts[i];
        struct snn_layer own;
        status = pool_of_part(l, layer, i, part->shape.channels, &own);
        if (status == SNN_OK) status = lower(l, &own, part, &parts[i]);
        if (status != SNN_OK) return status;
    }
    *out = *joined;
    out->shape = layer->shape;
    out->parts = parts;
    return SNN_OK;
}

/* The layer as one part sees it: columns `first` to `first` + `count` of its weights, seen as a
 * matrix with a row an output. */
static int slice_layer(struct snnconv_lowering *l, const struct snn_layer *layer, size_t first,
                       size_t count, const struct snn_layer **out)
{
    const size_t rows = layer->shape.channels, row = layer->weight_count / rows;
    struct snn_layer *copy = snnbase_arena_alloc(l->scratch, l->context, 1, sizeof(*copy));
    float *weights = snnbase_arena_alloc(l->scratch, l->context, rows * count, sizeof(*weights));
    if (copy == NULL || weights == NULL) return SNN_ERR_NOMEM;
    for (size_t o = 0; o < rows; o++)
        memcpy(weights + o * count, layer->weights + o * row + first, count * sizeof(*weights));
    *copy = *layer;
    copy->weights = weights;
    copy->weight_count = rows * count;
    if (first > 0) {
        copy->bias = NULL;
        copy->bias_count = 0;
    }
    *out = copy;
    return SNN_OK;
}

int snnconv_join_branches(struct snnconv_lowering *l, const struct snn_layer *layer,
                          const struct snnconv_value *joined, struct snnconv_value *out)
{
    bool conv = layer->kind == SNN_LAYER_CONV2D;
    int status = conv ? check_maps(l, layer, joined) : SNN_OK;
    if (status != SNN_OK) return status;
    if (conv && layer->groups > 1) {
        snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                     "layer '%s': %u groups over the joined maps '%s' have no spiking form",
                     layer->name, layer->groups, snn_graph_layer(l->graph, layer->inputs[0])->name);
        return snnbase_hint(l->context, "give each of the joined maps a convolution of its own");
    }
    struct snnconv_branch *branches =
        snnbase_arena_alloc(l->scratch, l->context, joined->part_count, sizeof(*branches));
    if (branches == NULL) return SNN_ERR_NOMEM;
    const size_t taps = conv ? (size_t)layer->window.kernel_h * layer->window.kernel_w : 1;
    size_t first = 0;
    for (uint32_t i = 0; i < joined->part_count; i++) {
        const struct snnconv_value *part = &joined->parts[i];
        size_t count = conv ? part->shape.channels * taps : snn_shape_size(part->shape);
        branches[i].input = part;
        status = slice_layer(l, layer, first, count, &branches[i].weights);
        if (status != SNN_OK) return status;
        first += count;
    }
    *out = (struct snnconv_value){
        .kind = SNNCONV_VALUE_LINEAR, .branches = branches, .branch_count = joined->part_count};
    return SNN_OK;
}
