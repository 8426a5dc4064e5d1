/* The graph's life: created empty, grown layer by layer, then only annotated with statistics,
 * recipes and provenance.
 *
 * Invariant: layers stand in topological order (an input's index is smaller), the first is the one
 * INPUT, names are unique, and every layer has passed snnmodel_layer_resolve and, unless it was
 * added bare, snnmodel_layer_check_tensors.
 */
#include "libsnn/model/graph.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"

int snn_graph_create(struct snn_graph **out, struct snn_context *context, const char *name)
{
    struct snn_graph *graph = snnbase_alloc(context, 1, sizeof(*graph));
    if (graph == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&graph->arena, context);
    graph->provenance.accuracy = -1.0;
    static const double zero = 0.0, one = 1.0;
    graph->preprocess = (struct snn_preprocess){1.0 / 255.0, 1, &zero, &one};
    graph->provenance.name = snnbase_arena_string(&graph->arena, context, name != NULL ? name : "");
    if (graph->provenance.name == NULL) {
        snn_graph_destroy(&graph);
        return SNN_ERR_NOMEM;
    }
    *out = graph;
    return SNN_OK;
}

void snn_graph_destroy(struct snn_graph **graph)
{
    if (graph == NULL || *graph == NULL) return;
    struct snn_graph *g = *graph;
    struct snn_allocator allocator = g->arena.allocator;
    snnbase_allocator_free(&allocator, g->layers);
    snnbase_allocator_free(&allocator, g->statistics);
    snnbase_allocator_free(&allocator, (void *)g->quantization);
    snnbase_allocator_free(&allocator, g->recipes);
    snnbase_arena_fini(&g->arena);
    snnbase_allocator_free(&allocator, g);
    *graph = NULL;
}

static int check_place(struct snn_graph *graph, struct snn_context *context,
                       const struct snn_layer *layer)
{
    uint32_t other = 0;
    if (layer->name == NULL || layer->name[0] == '\0')
        return snnbase_fail(context, SNN_ERR_INVALID, "layer %u has no name", graph->layer_count);
    if (snn_graph_find(graph, layer->name, &other) == SNN_OK)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': the name is already taken",
                            layer->name);
    if (graph->layer_count >= snnbase_limits(context)->layer_count)
        return snnbase_fail(context, SNN_ERR_LIMIT, "layer '%s': more than %u layers", layer->name,
                            snnbase_limits(context)->layer_count);
    if ((graph->layer_count == 0) != (layer->kind == SNN_LAYER_INPUT))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': the first layer, and no other, is the input", layer->name);
    if (layer->input_count > graph->layer_count && !snnmodel_layer_joins(layer->kind))
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': has %u inputs", layer->name,
                            layer->input_count);
    for (uint32_t i = 0; i < layer->input_count; i++) {
        if (layer->inputs[i] >= graph->layer_count)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "layer '%s': input %u is layer %u, which is not before it",
                                layer->name, i, layer->inputs[i]);
    }
    return SNN_OK;
}

static int grow_layers(struct snn_graph *graph, struct snn_context *context)
{
    size_t needed = (size_t)graph->layer_count + 1;
    size_t statistics_capacity = graph->layer_capacity;
    size_t quantization_capacity = graph->layer_capacity;
    int status = snnbase_grow(context, (void **)&graph->statistics, &statistics_capacity, needed,
                              sizeof(*graph->statistics));
    if (status == SNN_OK)
        status = snnbase_grow(context, (void **)&graph->quantization, &quantization_capacity,
                              needed, sizeof(*graph->quantization));
    if (status != SNN_OK) return status;
    return snnbase_grow(context, (void **)&graph->layers, &graph->layer_capacity, needed,
                        sizeof(*graph->layers));
}

/* From the arena `from` (NULL: none) they are taken, not copied, if they are large. */
static int copy_floats(struct snn_graph *graph, struct snn_context *context,
                       struct snnbase_arena *from, const float **values, size_t count)
{
    if (count == 0) {
        *values = NULL;
        return SNN_OK;
    }
    if (from != NULL && count >= SNNBASE_ARENA_ALONE / sizeof(float) &&
        snnbase_arena_take(&graph->arena, from, *values))
        return SNN_OK;
    float *copy = snnbase_arena_alloc(&graph->arena, context, count, sizeof(float));
    if (copy == NULL) return SNN_ERR_NOMEM;
    memcpy(copy, *values, count * sizeof(float));
    *values = copy;
    return SNN_OK;
}

static int copy_neurons(struct snn_graph *graph, struct snn_context *context,
                        const struct snn_neurons **neurons)
{
    if (*neurons == NULL) return SNN_OK;
    struct snn_neurons *copy = snnbase_arena_alloc(&graph->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = **neurons;
    int status = copy_floats(graph, context, NULL, &copy->threshold, copy->threshold_count);
    if (status == SNN_OK)
        status = copy_floats(graph, context, NULL, &copy->v_init, copy->v_init_count);
    if (status == SNN_OK)
        status = copy_floats(graph, context, NULL, &copy->v_min, copy->v_min_count);
    *neurons = copy;
    return status;
}

static int copy_layer(struct snn_graph *graph, struct snn_context *context,
                      struct snnbase_arena *from, struct snn_layer *layer)
{
    layer->name = snnbase_arena_string(&graph->arena, context, layer->name);
    if (layer->name == NULL) return SNN_ERR_NOMEM;
    uint32_t *inputs =
        snnbase_arena_alloc(&graph->arena, context, layer->input_count, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    if (layer->input_count > 0) memcpy(inputs, layer->inputs, layer->input_count * sizeof(*inputs));
    layer->inputs = inputs;
    int status = copy_floats(graph, context, from, &layer->weights, layer->weight_count);
    if (status == SNN_OK)
        status = copy_floats(graph, context, from, &layer->bias, layer->bias_count);
    return status == SNN_OK ? copy_neurons(graph, context, &layer->neurons) : status;
}

/* `from` as above; `bare`: without tensors. */
static int add(struct snn_graph *graph, struct snn_context *context, const struct snn_layer *layer,
               struct snnbase_arena *from, bool bare, uint32_t *index_out)
{
    int status = check_place(graph, context, layer);
    if (status != SNN_OK) return status;
    const struct snn_layer **inputs = snnbase_alloc(context, layer->input_count, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < layer->input_count; i++)
        inputs[i] = &graph->layers[layer->inputs[i]];
    struct snn_layer copy = *layer;
    status = snnmodel_layer_resolve(context, &copy, inputs);
    if (status == SNN_OK && !bare) status = snnmodel_layer_check_tensors(context, &copy, inputs);
    snnbase_free(context, (void *)inputs);
    if (status == SNN_OK) status = grow_layers(graph, context);
    if (status == SNN_OK) status = copy_layer(graph, context, from, &copy);
    if (status != SNN_OK) return status;
    graph->layers[graph->layer_count] = copy;
    graph->statistics[graph->layer_count] = NULL;
    graph->quantization[graph->layer_count] = NULL;
    if (index_out != NULL) *index_out = graph->layer_count;
    graph->layer_count++;
    if (!graph->output_chosen) graph->output = graph->layer_count - 1;
    return SNN_OK;
}

int snn_graph_add(struct snn_graph *graph, struct snn_context *context,
                  const struct snn_layer *layer, uint32_t *index_out)
{
    return add(graph, context, layer, NULL, false, index_out);
}

int snnmodel_graph_add_from(struct snn_graph *graph, struct snn_context *context,
                            const struct snn_layer *layer, struct snnbase_arena *from,
                            uint32_t *index_out)
{
    return add(graph, context, layer, from, false, index_out);
}

int snnmodel_graph_add_bare(struct snn_graph *graph, struct snn_context *context,
                            const struct snn_layer *layer, uint32_t *index_out)
{
    struct snn_layer bare = *layer;
    bare.weights = bare.bias = NULL;
    bare.weight_count = bare.bias_count = 0;
    return add(graph, context, &bare, NULL, true, index_out);
}

static int check_index(const struct snn_graph *graph, struct snn_context *context, uint32_t index)
{
    if (index < graph->layer_count) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID, "layer %u of %u does not exist", index,
                        graph->layer_count);
}

int snn_graph_set_output(struct snn_graph *graph, struct snn_context *context, uint32_t index)
{
    int status = check_index(graph, context, index);
    if (status != SNN_OK) return status;
    graph->output = index;
    graph->output_chosen = true;
    return SNN_OK;
}

uint32_t snn_graph_layer_count(const struct snn_graph *graph)
{
    return graph->layer_count;
}

const struct snn_layer *snn_graph_layer(const struct snn_graph *graph, uint32_t index)
{
    return index < graph->layer_count ? &graph->layers[index] : NULL;
}

uint32_t snn_graph_output(const struct snn_graph *graph)
{
    return graph->output;
}

struct snn_shape snn_graph_input_shape(const struct snn_graph *graph)
{
    if (graph->layer_count == 0) return (struct snn_shape){0, 0, 0};
    return graph->layers[0].shape;
}

int snn_graph_find(const struct snn_graph *graph, const char *name, uint32_t *index_out)
{
    for (uint32_t i = 0; i < graph->layer_count; i++) {
        if (strcmp(graph->layers[i].name, name) == 0) {
            *index_out = i;
            return SNN_OK;
        }
    }
    return SNN_ERR_NOT_FOUND;
}

uint64_t snn_graph_layer_macs(const struct snn_graph *graph, uint32_t index)
{
    return snnmodel_layer_macs(&graph->layers[index]);
}

uint64_t snn_graph_parameter_count(const struct snn_graph *graph)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < graph->layer_count; i++)
        count += graph->layers[i].weight_count + graph->layers[i].bias_count;
    return count;
}

const struct snn_provenance *snn_graph_provenance(const struct snn_graph *graph)
{
    return &graph->provenance;
}

static int copy_string(struct snn_graph *graph, struct snn_context *context, const char **string)
{
    if (*string == NULL) return SNN_OK;
    *string = snnbase_arena_string(&graph->arena, context, *string);
    return *string != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

int snn_graph_set_provenance(struct snn_graph *graph, struct snn_context *context,
                             const struct snn_provenance *provenance)
{
    struct snn_provenance copy = *provenance;
    if (copy.name == NULL) copy.name = "";
    const char **strings[] = {&copy.name,          &copy.tool,          &copy.source_file,
                              &copy.source_sha256, &copy.sample_images, &copy.sample_labels,
                              &copy.accuracy_data};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        int status = copy_string(graph, context, strings[i]);
        if (status != SNN_OK) return status;
    }
    graph->provenance = copy;
    return SNN_OK;
}

const struct snn_preprocess *snn_graph_preprocess(const struct snn_graph *graph)
{
    return &graph->preprocess;
}

static bool same_number(double a, double b)
{
    return a >= b && a <= b;
}

/* In effect: one value stands for all channels. */
static bool same_preprocess(const struct snn_preprocess *a, const struct snn_preprocess *b)
{
    uint32_t count = a->channel_count > b->channel_count ? a->channel_count : b->channel_count;
    if (!same_number(a->scale, b->scale)) return false;
    for (uint32_t c = 0; c < count; c++) {
        uint32_t i = a->channel_count == 1 ? 0 : c, k = b->channel_count == 1 ? 0 : c;
        if (!same_number(a->mean[i], b->mean[k]) || !same_number(a->std[i], b->std[k]))
            return false;
    }
    return true;
}

/* What frames gave under another preprocessing is not what they would give now. */
static void drop_calibration(struct snn_graph *graph)
{
    graph->quantiles = NULL;
    graph->quantile_count = 0;
    graph->calibration_frames = 0;
    graph->calibration_data = NULL;
    graph->recipe_count = 0;
    for (uint32_t i = 0; i < graph->layer_count; i++)
        graph->statistics[i] = NULL;
}

int snn_graph_set_preprocess(struct snn_graph *graph, struct snn_context *context,
                             const struct snn_preprocess *preprocess)
{
    uint32_t channels = snn_graph_input_shape(graph).channels;
    uint32_t count = preprocess->channel_count;
    if (count != 1 && count != channels)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "preprocess names %u channels, the input has %u", count, channels);
    if (!(preprocess->scale > 0.0) || !isfinite(preprocess->scale))
        return snnbase_fail(context, SNN_ERR_INVALID, "preprocess scale %g is not positive",
                            preprocess->scale);
    for (uint32_t c = 0; c < count; c++) {
        if (!isfinite(preprocess->mean[c]) || !(preprocess->std[c] > 0.0) ||
            !isfinite(preprocess->std[c]))
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "preprocess mean %g, std %g of channel %u: std must be positive",
                                preprocess->mean[c], preprocess->std[c], c);
    }
    double *copy = snnbase_arena_alloc(&graph->arena, context, 2 * (size_t)count, sizeof(double));
    if (copy == NULL) return SNN_ERR_NOMEM;
    memcpy(copy, preprocess->mean, count * sizeof(double));
    memcpy(copy + count, preprocess->std, count * sizeof(double));
    if (!same_preprocess(&graph->preprocess, preprocess)) drop_calibration(graph);
    graph->preprocess = (struct snn_preprocess){preprocess->scale, count, copy, copy + count};
    return SNN_OK;
}

bool snn_graph_layer_is_neuronal(const struct snn_graph *graph, uint32_t index)
{
    const struct snn_layer *layer = &graph->layers[index];
    if (layer->kind != SNN_LAYER_CONV2D && layer->kind != SNN_LAYER_DENSE &&
        layer->kind != SNN_LAYER_ADD)
        return false;
    return layer->activation != SNN_ACTIVATION_NONE || index == graph->output;
}

bool snn_graph_is_spiking(const struct snn_graph *graph)
{
    for (uint32_t i = 0; i < graph->layer_count; i++) {
        if (graph->layers[i].kind == SNN_LAYER_IF) return true;
    }
    return false;
}

int snn_graph_set_quantiles(struct snn_graph *graph, struct snn_context *context,
                            const double *probability, uint32_t count, uint64_t frame_count,
                            const char *data)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!(probability[i] > 0.0 && probability[i] <= 1.0) ||
            (i > 0 && probability[i] <= probability[i - 1]))
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "quantile %u is %g: they must ascend within 0..1", i,
                                probability[i]);
    }
    double *copy = snnbase_arena_alloc(&graph->arena, context, count, sizeof(double));
    if (copy == NULL) return SNN_ERR_NOMEM;
    int status = copy_string(graph, context, &data);
    if (status != SNN_OK) return status;
    if (count > 0) memcpy(copy, probability, count * sizeof(double));
    graph->quantiles = copy;
    graph->quantile_count = count;
    graph->calibration_frames = frame_count;
    graph->calibration_data = data;
    for (uint32_t i = 0; i < graph->layer_count; i++)
        graph->statistics[i] = NULL;
    return SNN_OK;
}

const double *snn_graph_quantiles(const struct snn_graph *graph, uint32_t *count_out,
                                  uint64_t *frame_count_out, const char **data_out)
{
    *count_out = graph->quantile_count;
    if (frame_count_out != NULL) *frame_count_out = graph->calibration_frames;
    if (data_out != NULL) *data_out = graph->calibration_data;
    return graph->quantiles;
}

static int check_finite(struct snn_context *context, const struct snn_layer *layer,
                        const char *what, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s[%zu] is not finite",
                                layer->name, what, i);
    }
    return SNN_OK;
}

int snn_graph_set_statistics(struct snn_graph *graph, struct snn_context *context, uint32_t layer,
                             const struct snn_statistics *statistics)
{
    int status = check_index(graph, context, layer);
    if (status != SNN_OK) return status;
    size_t count = graph->quantile_count;
    size_t channel_count = count * graph->layers[layer].shape.channels;
    struct snn_statistics *copy = snnbase_arena_alloc(&graph->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *statistics;
    status = check_finite(context, &graph->layers[layer], "quantile", copy->quantile, count);
    if (status == SNN_OK)
        status = check_finite(context, &graph->layers[layer], "channel_quantile",
                              copy->channel_quantile, channel_count);
    if (status == SNN_OK) status = copy_floats(graph, context, NULL, &copy->quantile, count);
    if (status == SNN_OK)
        status = copy_floats(graph, context, NULL, &copy->channel_quantile, channel_count);
    if (status != SNN_OK) return status;
    graph->statistics[layer] = copy;
    return SNN_OK;
}

const struct snn_statistics *snn_graph_statistics(const struct snn_graph *graph, uint32_t layer)
{
    return layer < graph->layer_count ? graph->statistics[layer] : NULL;
}

static int check_entry(struct snn_context *context, const struct snn_recipe *recipe,
                       const struct snn_recipe_entry *entry, const struct snn_layer *layer)
{
    static const char *const what[] = {"threshold", "bias", "potential"};
    const bool threshold = recipe->kind == SNN_RECIPE_THRESHOLD;
    const bool per_neuron = !threshold && entry->count == snn_shape_size(layer->shape);
    if (entry->count != 1 && entry->count != layer->shape.channels && !per_neuron)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "recipe '%s': %u %ss for the %u channels of layer '%s'", recipe->name,
                            entry->count, what[recipe->kind], layer->shape.channels, layer->name);
    for (uint32_t k = 0; k < entry->count; k++) {
        const float value = entry->value[k];
        if (isfinite(value) && (!threshold || value >= 0.0f)) continue;
        return snnbase_fail(
            context, SNN_ERR_INVALID, "recipe '%s': %s %g of layer '%s' is not a number%s",
            recipe->name, what[recipe->kind], (double)value, layer->name, threshold ? " >= 0" : "");
    }
    return SNN_OK;
}

static int check_recipe(const struct snn_graph *graph, struct snn_context *context,
                        const struct snn_recipe *recipe)
{
    for (uint32_t i = 0; i < recipe->entry_count; i++) {
        const struct snn_recipe_entry *entry = &recipe->entries[i];
        int status = check_index(graph, context, entry->layer);
        if (status == SNN_OK)
            status = check_entry(context, recipe, entry, &graph->layers[entry->layer]);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

int snn_graph_set_recipe(struct snn_graph *graph, struct snn_context *context,
                         const struct snn_recipe *recipe)
{
    int status = check_recipe(graph, context, recipe);
    if (status != SNN_OK) return status;
    struct snn_recipe copy = *recipe;
    status = copy_string(graph, context, &copy.name);
    if (status == SNN_OK) status = copy_string(graph, context, &copy.norm);
    if (status != SNN_OK) return status;
    struct snn_recipe_entry *entries =
        snnbase_arena_alloc(&graph->arena, context, recipe->entry_count, sizeof(*entries));
    if (entries == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < recipe->entry_count; i++) {
        entries[i] = recipe->entries[i];
        status = copy_floats(graph, context, NULL, &entries[i].value, entries[i].count);
        if (status != SNN_OK) return status;
    }
    copy.entries = entries;
    uint32_t index = 0;
    while (index < graph->recipe_count && strcmp(graph->recipes[index].name, copy.name) != 0)
        index++;
    status = snnbase_grow(context, (void **)&graph->recipes, &graph->recipe_capacity,
                          (size_t)index + 1, sizeof(*graph->recipes));
    if (status != SNN_OK) return status;
    graph->recipes[index] = copy;
    if (index == graph->recipe_count) graph->recipe_count++;
    return SNN_OK;
}

uint32_t snn_graph_recipe_count(const struct snn_graph *graph)
{
    return graph->recipe_count;
}

const struct snn_recipe *snn_graph_recipe(const struct snn_graph *graph, uint32_t index)
{
    return index < graph->recipe_count ? &graph->recipes[index] : NULL;
}

const struct snn_recipe *snn_graph_find_recipe(const struct snn_graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->recipe_count; i++) {
        if (strcmp(graph->recipes[i].name, name) == 0) return &graph->recipes[i];
    }
    return NULL;
}

int snnmodel_calibration_keep(struct snnmodel_calibration *out, struct snn_context *context,
                              const struct snn_graph *graph)
{
    struct snnmodel_calibration kept = {.quantiles = graph->quantiles,
                                        .quantile_count = graph->quantile_count,
                                        .frames = graph->calibration_frames,
                                        .data = graph->calibration_data,
                                        .recipe_count = graph->recipe_count};
    kept.statistics = snnbase_alloc(context, graph->layer_count, sizeof(*kept.statistics));
    kept.recipes = snnbase_alloc(context, graph->recipe_count, sizeof(*kept.recipes));
    if (kept.statistics == NULL || kept.recipes == NULL) {
        snnmodel_calibration_drop(&kept, context);
        return SNN_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < graph->layer_count; i++)
        kept.statistics[i] = graph->statistics[i];
    for (uint32_t i = 0; i < graph->recipe_count; i++)
        kept.recipes[i] = graph->recipes[i];
    *out = kept;
    return SNN_OK;
}

/* Lists of a graph only grow: what was in them has room there. */
void snnmodel_calibration_restore(const struct snnmodel_calibration *kept, struct snn_graph *graph)
{
    graph->quantiles = kept->quantiles;
    graph->quantile_count = kept->quantile_count;
    graph->calibration_frames = kept->frames;
    graph->calibration_data = kept->data;
    graph->recipe_count = kept->recipe_count;
    for (uint32_t i = 0; i < graph->layer_count; i++)
        graph->statistics[i] = kept->statistics[i];
    for (uint32_t i = 0; i < graph->recipe_count; i++)
        graph->recipes[i] = kept->recipes[i];
}

void snnmodel_calibration_drop(struct snnmodel_calibration *kept, struct snn_context *context)
{
    snnbase_free(context, (void *)kept->statistics);
    snnbase_free(context, kept->recipes);
    *kept = (struct snnmodel_calibration){.quantiles = NULL};
}

/* ---- Quantisation ---- */

static int check_scale(struct snn_context *context, const struct snn_layer *layer, const char *what,
                       float scale)
{
    if (scale > 0.0f && isfinite(scale)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "layer '%s': quantization %s %g is not a positive number", layer->name,
                        what, (double)scale);
}

static int check_quantization(struct snn_context *context, const struct snn_layer *layer,
                              const struct snn_quantization *q)
{
    int status = check_scale(context, layer, "scale", q->scale);
    if (status != SNN_OK) return status;
    if (q->zero_point < INT8_MIN || q->zero_point > INT8_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': quantization zero_point %d is not within -128..127",
                            layer->name, (int)q->zero_point);
    if (layer->weight_count == 0 && q->weight_scale_count > 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': quantization has %u weight scales, %s has no weights",
                            layer->name, q->weight_scale_count, snn_layer_kind_name(layer->kind));
    if (layer->weight_count > 0 && q->weight_scale_count != 1 &&
        q->weight_scale_count != layer->shape.channels)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': quantization has %u weight scales, needs 1 or %u",
                            layer->name, q->weight_scale_count, layer->shape.channels);
    for (uint32_t i = 0; i < q->weight_scale_count && status == SNN_OK; i++)
        status = check_scale(context, layer, "weight_scale", q->weight_scale[i]);
    return status;
}

int snn_graph_set_quantization(struct snn_graph *graph, struct snn_context *context, uint32_t layer,
                               const struct snn_quantization *quantization)
{
    int status = check_index(graph, context, layer);
    if (status == SNN_OK) status = check_quantization(context, &graph->layers[layer], quantization);
    if (status != SNN_OK) return status;
    struct snn_quantization *copy = snnbase_arena_alloc(&graph->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *quantization;
    status = copy_floats(graph, context, NULL, &copy->weight_scale, copy->weight_scale_count);
    if (status != SNN_OK) return status;
    graph->quantization[layer] = copy;
    return SNN_OK;
}

const struct snn_quantization *snn_graph_quantization(const struct snn_graph *graph, uint32_t layer)
{
    return layer < graph->layer_count ? graph->quantization[layer] : NULL;
}
