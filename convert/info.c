/* What a model is, as a document: graph, fate of each layer, verification -> JSON.
 */
#include <math.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/jsonout.h"
#include "snn/convert.h"
#include "snn/version.h"

#define SCHEMA "snn.info/1"

static void write_shape(struct snnbase_jsonout *out, const char *key, struct snn_shape shape)
{
    const uint32_t sizes[] = {shape.channels, shape.height, shape.width};
    snnbase_jsonout_put_uints(out, key, sizes, 3);
}

static void write_layer(struct snnbase_jsonout *out, const struct snn_info *info, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(info->graph, index);
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_put_string(out, "name", layer->name);
    snnbase_jsonout_put_string(out, "kind", snn_layer_kind_name(layer->kind));
    snnbase_jsonout_put_string(out, "activation", snn_activation_name(layer->activation));
    write_shape(out, "shape", layer->shape);
    snnbase_jsonout_put_uint(out, "parameters", layer->weight_count + layer->bias_count);
    snnbase_jsonout_put_uint(out, "macs", snn_graph_layer_macs(info->graph, index));
    snnbase_jsonout_put_bool(out, "quantized", snn_graph_quantization(info->graph, index) != NULL);
    if (info->spiking != NULL) snnbase_jsonout_put_string(out, "spiking", info->spiking[index]);
    if (info->frame != NULL) snnbase_jsonout_put_string(out, "frame", info->frame[index]);
    snnbase_jsonout_object_close(out);
}

static void write_preprocess(struct snnbase_jsonout *out, const struct snn_preprocess *preprocess)
{
    snnbase_jsonout_put_object(out, "preprocess");
    snnbase_jsonout_put_double(out, "scale", preprocess->scale);
    snnbase_jsonout_put_array(out, "mean");
    for (uint32_t c = 0; c < preprocess->channel_count; c++)
        snnbase_jsonout_double(out, preprocess->mean[c]);
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_put_array(out, "std");
    for (uint32_t c = 0; c < preprocess->channel_count; c++)
        snnbase_jsonout_double(out, preprocess->std[c]);
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_object_close(out);
}

static void write_verified_layers(struct snnbase_jsonout *out, const struct snn_verification *v)
{
    snnbase_jsonout_put_array(out, "layers");
    for (uint32_t i = 0; i < v->layer_count; i++) {
        const struct snn_verify_layer *layer = &v->layers[i];
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_string(out, "name", layer->name);
        snnbase_jsonout_put_bool(out, "compared", layer->compared);
        snnbase_jsonout_put_bool(out, "deviates", layer->deviates);
        snnbase_jsonout_put_double(out, "deviation", layer->compared ? layer->deviation : NAN);
        snnbase_jsonout_put_double(out, "magnitude", layer->compared ? layer->magnitude : NAN);
        snnbase_jsonout_put_double(out, "pearson", layer->pearson);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void write_verification(struct snnbase_jsonout *out, const struct snn_verification *v)
{
    bool deviates = v->first_deviating < v->layer_count;
    snnbase_jsonout_put_object(out, "verification");
    snnbase_jsonout_put_uint(out, "frames", v->frame_count);
    snnbase_jsonout_put_bool(out, "compared", v->compared);
    snnbase_jsonout_put_double(out, "output_deviation", v->compared ? v->output_deviation : NAN);
    snnbase_jsonout_put_uint(out, "equal_decisions", v->equal_decisions);
    snnbase_jsonout_put_string(out, "first_deviating",
                               deviates ? v->layers[v->first_deviating].name : NULL);
    write_verified_layers(out, v);
    snnbase_jsonout_object_close(out);
}

static void write_model(struct snnbase_jsonout *out, const struct snn_info *info)
{
    snnbase_jsonout_put_object(out, "model");
    snnbase_jsonout_put_string(out, "name", snn_graph_provenance(info->graph)->name);
    snnbase_jsonout_put_string(out, "file", info->file);
    snnbase_jsonout_put_string(out, "format", info->format);
    snnbase_jsonout_put_string(out, "sha256", info->sha256);
    snnbase_jsonout_put_bool(out, "spiking", snn_graph_is_spiking(info->graph));
    write_shape(out, "input", snn_graph_input_shape(info->graph));
    snnbase_jsonout_put_string(out, "output",
                               snn_graph_layer(info->graph, snn_graph_output(info->graph))->name);
    snnbase_jsonout_put_uint(out, "parameters", snn_graph_parameter_count(info->graph));
    write_preprocess(out, snn_graph_preprocess(info->graph));
    snnbase_jsonout_object_close(out);
}

static int write_document(struct snnbase_buffer *buffer, struct snn_context *context,
                          const struct snn_info *info)
{
    struct snnbase_jsonout out;
    uint64_t macs = 0;
    snnbase_jsonout_init(&out, context, buffer, 2);
    snnbase_jsonout_object_open(&out);
    snnbase_jsonout_put_string(&out, "schema", SCHEMA);
    snnbase_jsonout_put_object(&out, "tool");
    snnbase_jsonout_put_string(&out, "name", info->tool);
    snnbase_jsonout_put_string(&out, "version", snn_version());
    snnbase_jsonout_object_close(&out);
    write_model(&out, info);
    snnbase_jsonout_put_array(&out, "layers");
    for (uint32_t i = 0; i < snn_graph_layer_count(info->graph); i++) {
        write_layer(&out, info, i);
        macs += snn_graph_layer_macs(info->graph, i);
    }
    snnbase_jsonout_array_close(&out);
    snnbase_jsonout_put_uint(&out, "macs", macs);
    if (info->verification != NULL) write_verification(&out, info->verification);
    snnbase_jsonout_object_close(&out);
    return snnbase_jsonout_finish(&out);
}

int snn_info_save(struct snn_context *context, const struct snn_info *info, const char *path)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    int status = write_document(&buffer, context, info);
    if (status == SNN_OK) status = snnbase_file_save(context, path, buffer.data, buffer.size);
    snnbase_buffer_fini(context, &buffer);
    return status;
}

int snn_info_format(char **out, struct snn_context *context, const struct snn_info *info)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    int status = write_document(&buffer, context, info);
    if (status == SNN_OK) status = snnbase_buffer_append(context, &buffer, "", 1);
    if (status != SNN_OK) {
        snnbase_buffer_fini(context, &buffer);
        return status;
    }
    *out = (char *)buffer.data;
    return SNN_OK;
}
