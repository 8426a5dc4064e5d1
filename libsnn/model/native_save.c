/* Writes a native model file (docs/formats/model.md): a graph in, one deterministic text out.
 *
 * Nothing of the process or the moment goes into the file, so equal graphs give equal bytes; and
 * every number is written so that it reads back to the same bits. Tensors are always inline. The
 * text goes to the file while it is made, so that a model costs no memory twice.
 */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/native.h"

/* How deep members stand on lines of their own: records of the document on one line each, a layer's
 * members, the statistics of a layer and the thresholds of a layer on a line of their own. */
enum { DEPTH_RECORD = 1, DEPTH_STATISTICS = 2, DEPTH_LAYER = 3, DEPTH_RECIPE = 4 };

/* ---- Small values ---- */

static void put_text(struct snnbase_jsonout *out, const char *key, const char *text)
{
    if (text == NULL) return;
    snnbase_jsonout_put_string(out, key, text);
}

static void put_doubles(struct snnbase_jsonout *out, const char *key, const double *values,
                        uint32_t count)
{
    snnbase_jsonout_put_array(out, key);
    for (uint32_t i = 0; i < count; i++)
        snnbase_jsonout_double(out, values[i]);
    snnbase_jsonout_array_close(out);
}

/* As double: a reader that rounds the shortest text of a float twice could miss its last bit. */
static void put_float(struct snnbase_jsonout *out, const char *key, float value)
{
    snnbase_jsonout_put_double(out, key, (double)value);
}

/* ---- Provenance ---- */

/* "snnconvert 0.1.0" as name and version. */
static int put_tool(struct snnbase_jsonout *out, const char *tool)
{
    if (tool == NULL) return SNN_OK;
    const char *space = strrchr(tool, ' ');
    size_t length = space != NULL ? (size_t)(space - tool) : strlen(tool);
    char *name = snnbase_alloc(out->context, length + 1, 1);
    if (name == NULL) return SNN_ERR_NOMEM;
    (void)snprintf(name, length + 1, "%s", tool); /* as far as there is room */
    snnbase_jsonout_put_object(out, "tool");
    put_text(out, "name", name);
    put_text(out, "version", space != NULL ? space + 1 : NULL);
    snnbase_jsonout_object_close(out);
    snnbase_free(out->context, name);
    return SNN_OK;
}

static void put_provenance(struct snnbase_jsonout *out, const struct snn_provenance *provenance)
{
    put_text(out, "name", provenance->name);
    if (provenance->source_file != NULL || provenance->source_sha256 != NULL) {
        snnbase_jsonout_put_object(out, "source");
        put_text(out, "file", provenance->source_file);
        put_text(out, "sha256", provenance->source_sha256);
        snnbase_jsonout_object_close(out);
    }
    if (provenance->accuracy >= 0.0) {
        snnbase_jsonout_put_object(out, "accuracy");
        snnbase_jsonout_put_double(out, "value", provenance->accuracy);
        snnbase_jsonout_put_uint(out, "samples", provenance->accuracy_samples);
        put_text(out, "data", provenance->accuracy_data);
        snnbase_jsonout_object_close(out);
    }
    if (provenance->sample_images != NULL || provenance->sample_labels != NULL) {
        snnbase_jsonout_put_object(out, "sample");
        put_text(out, "images", provenance->sample_images);
        put_text(out, "labels", provenance->sample_labels);
        snnbase_jsonout_object_close(out);
    }
}

/* What a reader takes anyway is left out. */
static void put_preprocess(struct snnbase_jsonout *out, const struct snn_preprocess *preprocess)
{
    if (preprocess->channel_count == 1 && preprocess->scale == 1.0 / 255.0 &&
        preprocess->mean[0] == 0.0 && preprocess->std[0] == 1.0)
        return;
    snnbase_jsonout_put_object(out, "preprocess");
    snnbase_jsonout_put_double(out, "scale", preprocess->scale);
    put_doubles(out, "mean", preprocess->mean, preprocess->channel_count);
    put_doubles(out, "std", preprocess->std, preprocess->channel_count);
    snnbase_jsonout_object_close(out);
}

/* ---- Layers ---- */

static void put_inputs(struct snnbase_jsonout *out, const struct snn_graph *graph,
                       const struct snn_layer *layer)
{
    snnbase_jsonout_put_array(out, "inputs");
    for (uint32_t i = 0; i < layer->input_count; i++)
        snnbase_jsonout_string(out, snn_graph_layer(graph, layer->inputs[i])->name);
    snnbase_jsonout_array_close(out);
}

static void put_window(struct snnbase_jsonout *out, const struct snn_layer *layer)
{
    const struct snn_window *w = &layer->window;
    const uint32_t kernel[] = {w->kernel_h, w->kernel_w};
    const uint32_t stride[] = {w->stride_h, w->stride_w};
    const uint32_t padding[] = {w->pad_top, w->pad_left, w->pad_bottom, w->pad_right};
    const uint32_t dilation[] = {w->dilation_h, w->dilation_w};
    bool conv = layer->kind == SNN_LAYER_CONV2D;
    if (!conv) snnbase_jsonout_put_uints(out, "kernel", kernel, 2);
    snnbase_jsonout_put_uints(out, "stride", stride, 2);
    snnbase_jsonout_put_uints(out, "padding", padding, 4);
    if (!conv) return;
    snnbase_jsonout_put_uints(out, "dilation", dilation, 2);
    snnbase_jsonout_put_uint(out, "groups", layer->groups);
}

static void put_activation(struct snnbase_jsonout *out, const struct snn_layer *layer)
{
    put_text(out, "activation", snn_activation_name(layer->activation));
    if (layer->activation == SNN_ACTIVATION_CLIP) put_float(out, "clip", layer->clip);
    if (layer->activation == SNN_ACTIVATION_LEAKY_RELU) put_float(out, "slope", layer->slope);
}

/* One number, or a tensor with one a channel or one a neuron. */
static void put_list(struct snnbase_jsonout *out, const char *key, struct snn_shape shape,
                     const float *values, size_t count)
{
    const uint32_t dim[] = {shape.channels, shape.height, shape.width};
    if (count == 0) return;
    snnbase_jsonout_key(out, key);
    if (count == 1)
        snnbase_jsonout_double(out, (double)values[0]);
    else
        snnmodel_tensor_write(out, dim, count == shape.channels ? 1 : 3, values);
}

static void put_neurons(struct snnbase_jsonout *out, const struct snn_layer *layer)
{
    const struct snn_neurons *n = layer->neurons;
    put_list(out, "threshold", layer->shape, n->threshold, n->threshold_count);
    put_list(out, "v_init", layer->shape, n->v_init, n->v_init_count);
    if (n->v_min_count == 1 && n->v_min[0] <= -FLT_MAX)
        put_text(out, "v_min", SNNMODEL_NATIVE_NONE);
    else
        put_list(out, "v_min", layer->shape, n->v_min, n->v_min_count);
    put_text(out, "reset",
             n->reset == SNN_RESET_ZERO ? SNNMODEL_NATIVE_RESET_ZERO
                                        : SNNMODEL_NATIVE_RESET_SUBTRACT);
}

static void put_quantization(struct snnbase_jsonout *out, const struct snn_quantization *q)
{
    if (q == NULL) return;
    snnbase_jsonout_put_object(out, "quantization");
    put_float(out, "scale", q->scale);
    snnbase_jsonout_put_int(out, "zero_point", q->zero_point);
    if (q->weight_scale_count > 0) {
        snnbase_jsonout_key(out, "weight_scale");
        snnmodel_tensor_write(out, &q->weight_scale_count, 1, q->weight_scale);
    }
    snnbase_jsonout_object_close(out);
}

static void put_tensors(struct snnbase_jsonout *out, const struct snn_layer *layer)
{
    const uint32_t channels = layer->shape.channels;
    const uint32_t conv_dim[] = {channels, 0, layer->window.kernel_h, layer->window.kernel_w};
    uint32_t dim[SNNMODEL_TENSOR_RANK_MAX] = {channels, 0, 0, 0};
    uint32_t rank = 2;
    if (layer->kind == SNN_LAYER_CONV2D) {
        memcpy(dim, conv_dim, sizeof(conv_dim));
        rank = 4;
    }
    size_t kernel = rank == 4 ? (size_t)dim[2] * dim[3] : 1;
    dim[1] = (uint32_t)(layer->weight_count / channels / kernel);
    snnbase_jsonout_key(out, "weights");
    snnmodel_tensor_write(out, dim, rank, layer->weights);
    if (layer->bias == NULL) return;
    const uint32_t map[] = {channels, layer->shape.height, layer->shape.width};
    snnbase_jsonout_key(out, "bias");
    snnmodel_tensor_write(out, map, layer->bias_count == channels ? 1 : 3, layer->bias);
}

static void put_layer(struct snnbase_jsonout *out, const struct snn_graph *graph, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(graph, index);
    snnbase_jsonout_object_open(out);
    put_text(out, "name", layer->name);
    put_text(out, "kind", snn_layer_kind_name(layer->kind));
    if (layer->kind != SNN_LAYER_INPUT) put_inputs(out, graph, layer);
    switch (layer->kind) {
    case SNN_LAYER_INPUT:
        snnbase_jsonout_put_uints(
            out, "shape",
            (const uint32_t[]){layer->shape.channels, layer->shape.height, layer->shape.width}, 3);
        break;
    case SNN_LAYER_CONV2D:
        put_window(out, layer);
        put_activation(out, layer);
        put_tensors(out, layer);
        break;
    case SNN_LAYER_DENSE:
        put_activation(out, layer);
        put_tensors(out, layer);
        break;
    case SNN_LAYER_AVG_POOL2D:
    case SNN_LAYER_SUM_POOL2D:
    case SNN_LAYER_MAX_POOL2D:
        put_window(out, layer);
        if (layer->pad_excluded) {
            snnbase_jsonout_put_bool(out, "pad_excluded", true);
        }
        break;
    case SNN_LAYER_ADD:
        put_activation(out, layer);
        break;
    case SNN_LAYER_IF:
        put_neurons(out, layer);
        break;
    case SNN_LAYER_FLATTEN:
    case SNN_LAYER_CONCAT:
        break;
    }
    put_quantization(out, snn_graph_quantization(graph, index));
    snnbase_jsonout_object_close(out);
}

static void put_layers(struct snnbase_jsonout *out, const struct snn_graph *graph)
{
    out->pretty_depth = DEPTH_LAYER;
    snnbase_jsonout_put_array(out, "layers");
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++)
        put_layer(out, graph, i);
    snnbase_jsonout_array_close(out);
    out->pretty_depth = DEPTH_RECORD;
    if (snn_graph_layer_count(graph) > 0)
        put_text(out, "output", snn_graph_layer(graph, snn_graph_output(graph))->name);
}

/* ---- Calibration ---- */

static void put_layer_statistics(struct snnbase_jsonout *out, const struct snn_layer *layer,
                                 const struct snn_statistics *statistics, uint32_t quantile_count)
{
    const uint32_t dim[] = {layer->shape.channels, quantile_count};
    snnbase_jsonout_put_object(out, layer->name);
    put_float(out, "minimum", statistics->minimum);
    snnbase_jsonout_key(out, "quantile");
    snnmodel_tensor_write(out, &dim[1], 1, statistics->quantile);
    snnbase_jsonout_key(out, "channel_quantile");
    snnmodel_tensor_write(out, dim, 2, statistics->channel_quantile);
    snnbase_jsonout_object_close(out);
}

static void put_statistics(struct snnbase_jsonout *out, const struct snn_graph *graph)
{
    uint32_t count = 0;
    uint64_t frames = 0;
    const char *data = NULL;
    const double *probability = snn_graph_quantiles(graph, &count, &frames, &data);
    if (count == 0) return;
    out->pretty_depth = DEPTH_STATISTICS;
    snnbase_jsonout_put_object(out, "statistics");
    snnbase_jsonout_put_uint(out, "frames", frames);
    put_text(out, "data", data);
    put_doubles(out, "quantiles", probability, count);
    out->pretty_depth = DEPTH_LAYER;
    snnbase_jsonout_put_object(out, "layers");
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_statistics *statistics = snn_graph_statistics(graph, i);
        if (statistics != NULL)
            put_layer_statistics(out, snn_graph_layer(graph, i), statistics, count);
    }
    snnbase_jsonout_object_close(out);
    snnbase_jsonout_object_close(out);
    out->pretty_depth = DEPTH_RECORD;
}

static void put_recipe(struct snnbase_jsonout *out, const struct snn_graph *graph,
                       const struct snn_recipe *recipe)
{
    snnbase_jsonout_object_open(out);
    put_text(out, "name", recipe->name);
    if (recipe->norm != NULL) put_text(out, "norm", recipe->norm);
    if (recipe->timesteps > 0) {
        snnbase_jsonout_put_int(out, "timesteps", recipe->timesteps);
    }
    snnbase_jsonout_put_object(out, snnmodel_native_recipe_member(recipe->kind));
    for (uint32_t i = 0; i < recipe->entry_count; i++) {
        const struct snn_recipe_entry *entry = &recipe->entries[i];
        snnbase_jsonout_key(out, snn_graph_layer(graph, entry->layer)->name);
        snnmodel_tensor_write(out, &entry->count, 1, entry->value);
    }
    snnbase_jsonout_object_close(out);
    snnbase_jsonout_object_close(out);
}

static void put_recipes(struct snnbase_jsonout *out, const struct snn_graph *graph)
{
    uint32_t count = snn_graph_recipe_count(graph);
    if (count == 0) return;
    out->pretty_depth = DEPTH_RECIPE;
    snnbase_jsonout_put_array(out, "recipes");
    for (uint32_t i = 0; i < count; i++)
        put_recipe(out, graph, snn_graph_recipe(graph, i));
    snnbase_jsonout_array_close(out);
    out->pretty_depth = DEPTH_RECORD;
}

/* ---- The file ---- */

static int check_sample(struct snn_context *context, const struct snn_provenance *provenance)
{
    const char *const paths[] = {provenance->sample_images, provenance->sample_labels};
    for (size_t i = 0; i < 2; i++) {
        if (paths[i] != NULL && !snnmodel_native_path_is_inside(paths[i]))
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "sample '%s' is not a path below the model's folder", paths[i]);
    }
    return SNN_OK;
}

static int put_graph(struct snnbase_jsonout *out, const struct snn_graph *graph)
{
    const struct snn_provenance *provenance = snn_graph_provenance(graph);
    snnbase_jsonout_object_open(out);
    put_text(out, "format", SNNMODEL_NATIVE_FORMAT);
    int status = put_tool(out, provenance->tool);
    if (status != SNN_OK) return status;
    put_provenance(out, provenance);
    put_preprocess(out, snn_graph_preprocess(graph));
    put_layers(out, graph);
    put_statistics(out, graph);
    put_recipes(out, graph);
    snnbase_jsonout_object_close(out);
    return snnbase_jsonout_finish(out);
}

int snn_graph_save(const struct snn_graph *graph, struct snn_context *context, const char *path)
{
    int status = check_sample(context, snn_graph_provenance(graph));
    if (status != SNN_OK) return status;
    struct snnbase_file_writer file;
    status = snnbase_file_create(&file, context, path);
    if (status != SNN_OK) return status;
    struct snnbase_buffer text = {NULL, 0, 0};
    struct snnbase_jsonout out;
    snnbase_jsonout_init_file(&out, &text, &file, DEPTH_RECORD);
    status = put_graph(&out, graph);
    if (status == SNN_OK) status = snnbase_file_commit(&file);
    snnbase_file_abandon(&file);
    snnbase_buffer_fini(context, &text);
    return status;
}
