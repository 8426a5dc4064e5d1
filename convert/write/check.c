/* What a check against chips found, as a document: placements and what was measured -> JSON of
 * schema "snn.check/1" (docs/formats/check.md). Nothing in it depends on the machine or the time.
 */
#include <math.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/jsonout.h"
#include "snn/check.h"
#include "snn/version.h"

#define SCHEMA "snn.check/1"

/* ---- Members ---- */

static void write_pair(struct snnbase_jsonout *out, const char *key, uint32_t y, uint32_t x)
{
    const uint32_t sizes[] = {y, x};
    snnbase_jsonout_put_uints(out, key, sizes, 2);
}

static void write_shape(struct snnbase_jsonout *out, const char *key, struct snn_shape shape)
{
    const uint32_t sizes[] = {shape.channels, shape.height, shape.width};
    snnbase_jsonout_put_uints(out, key, sizes, 3);
}

/* A core or null. */
static void write_core(struct snnbase_jsonout *out, const char *key, uint32_t core)
{
    snnbase_jsonout_key(out, key);
    if (core == SNN_NO_CORE)
        snnbase_jsonout_null(out);
    else
        snnbase_jsonout_uint(out, core);
}

static void write_words(struct snnbase_jsonout *out, const struct snn_core_words *words)
{
    snnbase_jsonout_put_object(out, "words");
    snnbase_jsonout_put_uint(out, "kernel", words->kernel);
    snnbase_jsonout_put_uint(out, "neuron", words->neuron);
    snnbase_jsonout_put_uint(out, "bias", words->bias);
    snnbase_jsonout_object_close(out);
}

/* The constraint's name; null for none. */
static void write_constraint(struct snnbase_jsonout *out, enum snn_constraint constraint)
{
    const bool none = constraint == SNN_CONSTRAINT_NONE;
    snnbase_jsonout_put_string(out, "constraint", none ? NULL : snn_constraint_name(constraint));
}

/* ---- Chip and placement ---- */

static void write_chip(struct snnbase_jsonout *out, const struct snn_chip *chip)
{
    snnbase_jsonout_put_object(out, "chip");
    snnbase_jsonout_put_string(out, "name", chip->name);
    snnbase_jsonout_put_string(out, "description", chip->description);
    snnbase_jsonout_put_string(out, "source", chip->source);
    snnbase_jsonout_put_array(out, "cores");
    for (uint32_t i = 0; i < chip->core_count; i++) {
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_uint(out, "kernel_words", chip->cores[i].kernel_words);
        snnbase_jsonout_put_uint(out, "neuron_words", chip->cores[i].neuron_words);
        snnbase_jsonout_put_uint(out, "bias_words", chip->cores[i].bias_words);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_put_uint(out, "readout_spread", chip->readout_spread);
    snnbase_jsonout_object_close(out);
}

static void write_parts(struct snnbase_jsonout *out, const struct snn_placed_layer *layer)
{
    snnbase_jsonout_put_array(out, "parts");
    for (uint32_t i = 0; i < layer->part_count; i++) {
        const struct snn_placed_part *part = &layer->parts[i];
        snnbase_jsonout_object_open(out);
        write_core(out, "core", part->core);
        snnbase_jsonout_put_uint(out, "feature_first", part->feature_first);
        snnbase_jsonout_put_uint(out, "feature_count", part->feature_count);
        write_words(out, &part->words);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void write_quantised(struct snnbase_jsonout *out, const struct snn_quantised *q)
{
    static const char *const limits[] = {"weights", "bias", "threshold", "error"};
    snnbase_jsonout_put_object(out, "quantised");
    snnbase_jsonout_key(out, "scale");
    snnbase_jsonout_float(out, q->scale);
    snnbase_jsonout_put_string(out, "limited_by", limits[q->limited_by]);
    snnbase_jsonout_put_double(out, "bits", q->bits);
    snnbase_jsonout_put_uint(out, "threshold", q->threshold);
    snnbase_jsonout_put_uint(out, "weights_saturated", q->weights_saturated);
    snnbase_jsonout_put_uint(out, "weights_lost", q->weights_lost);
    snnbase_jsonout_put_double(out, "weight_error", q->weight_error);
    snnbase_jsonout_put_uint(out, "channels_raised", q->channels_raised);
    snnbase_jsonout_object_close(out);
}

/* What keeps the layer off each core; null where it fits. */
static void write_fits(struct snnbase_jsonout *out, const struct snn_fit *fits, uint32_t count)
{
    snnbase_jsonout_put_array(out, "fits_on");
    for (uint32_t i = 0; i < count; i++) {
        if (fits[i].constraint == SNN_CONSTRAINT_NONE) {
            snnbase_jsonout_null(out);
            continue;
        }
        snnbase_jsonout_object_open(out);
        write_constraint(out, fits[i].constraint);
        snnbase_jsonout_put_uint(out, "need", fits[i].need);
        snnbase_jsonout_put_uint(out, "limit", fits[i].limit);
        snnbase_jsonout_put_uint(out, "features_most", fits[i].features_most);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void write_layer(struct snnbase_jsonout *out, const struct snn_placement *placement,
                        uint32_t index)
{
    const struct snn_placed_layer *layer = &placement->layers[index];
    const uint32_t cores = placement->chip.core_count;
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_put_string(out, "name", layer->name);
    write_shape(out, "input", layer->input);
    write_shape(out, "output", layer->output);
    snnbase_jsonout_put_uint(out, "kernel", layer->kernel_size);
    write_pair(out, "stride", layer->stride_y, layer->stride_x);
    write_pair(out, "padding", layer->pad_y, layer->pad_x);
    snnbase_jsonout_put_uint(out, "pooling", layer->pooling);
    snnbase_jsonout_put_bool(out, "readout", layer->readout);
    snnbase_jsonout_put_bool(out, "bias", layer->has_bias);
    write_words(out, &layer->words);
    write_parts(out, layer);
    if (layer->quantised != NULL) write_quantised(out, layer->quantised);
    write_fits(out, &placement->fits_on[(size_t)index * cores], cores);
    snnbase_jsonout_object_close(out);
}

static void write_findings(struct snnbase_jsonout *out, const struct snn_placement *placement)
{
    static const char *const severities[] = {"note", "warning", "error"};
    snnbase_jsonout_put_array(out, "findings");
    for (uint32_t i = 0; i < placement->finding_count; i++) {
        const struct snn_finding *finding = &placement->findings[i];
        const bool whole = finding->layer >= placement->layer_count;
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_string(out, "severity", severities[finding->severity]);
        write_constraint(out, finding->constraint);
        snnbase_jsonout_put_string(out, "layer",
                                   whole ? NULL : placement->layers[finding->layer].name);
        write_core(out, "core", finding->core);
        snnbase_jsonout_put_uint(out, "need", finding->need);
        snnbase_jsonout_put_uint(out, "limit", finding->limit);
        snnbase_jsonout_put_string(out, "text", finding->text);
        snnbase_jsonout_put_string(out, "hint", finding->hint[0] != '\0' ? finding->hint : NULL);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void write_remedies(struct snnbase_jsonout *out, const struct snn_placement *placement)
{
    snnbase_jsonout_put_array(out, "remedies");
    for (uint32_t i = 0; i < placement->remedy_count; i++) {
        const struct snn_remedy *remedy = &placement->remedies[i];
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_string(out, "text", remedy->text);
        snnbase_jsonout_put_string(out, "layer", remedy->layer[0] != '\0' ? remedy->layer : NULL);
        snnbase_jsonout_put_string(out, "chip", remedy->chip);
        snnbase_jsonout_put_array(out, "layers");
        for (uint32_t k = 0; k < remedy->layer_count; k++) {
            snnbase_jsonout_object_open(out);
            snnbase_jsonout_put_string(out, "name", remedy->layers[k].name);
            write_parts(out, &remedy->layers[k]);
            snnbase_jsonout_object_close(out);
        }
        snnbase_jsonout_array_close(out);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

/* ---- Accuracy ---- */

static void write_run(struct snnbase_jsonout *out, const struct snn_result *r)
{
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_put_string(out, "target", r->target);
    snnbase_jsonout_put_string(out, "semantics", r->semantics);
    snnbase_jsonout_put_string(out, "order", r->order);
    snnbase_jsonout_put_string(out, "arith", r->arith);
    snnbase_jsonout_put_bool(out, "complete", r->complete);
    snnbase_jsonout_put_double(out, "accuracy", r->accuracy);
    snnbase_jsonout_put_double(out, "cnn_agreement", r->cnn_agreement);
    snnbase_jsonout_put_uint(out, "silent", r->silent_count);
    snnbase_jsonout_put_double(out, "synops_mean", r->synops_mean);
    snnbase_jsonout_object_close(out);
}

/* Of the runs that there were; nothing without one. */
static void write_accuracy(struct snnbase_jsonout *out, const struct snn_check *check,
                           const struct snn_check_chip *chip)
{
    static const char *const names[] = {"float", "integer", "program"};
    const struct snn_result *first = NULL;
    for (int i = 0; i < SNN_CHECK_STAGES && first == NULL; i++)
        first = chip->results[i];
    if (first == NULL) return;
    snnbase_jsonout_put_object(out, "accuracy");
    snnbase_jsonout_put_string(out, "data", check->data);
    snnbase_jsonout_put_uint(out, "samples", first->sample_count);
    snnbase_jsonout_put_uint(out, "offset", first->sample_offset);
    snnbase_jsonout_put_uint(out, "timesteps", first->timesteps);
    snnbase_jsonout_put_double(out, "dt_ms", check->dt_us / 1000.0);
    snnbase_jsonout_put_string(out, "encoding", check->encoding);
    snnbase_jsonout_put_uint(out, "seed", check->seed);
    snnbase_jsonout_put_double(out, "cnn_accuracy", first->cnn_accuracy);
    for (int i = 0; i < SNN_CHECK_STAGES; i++) {
        snnbase_jsonout_key(out, names[i]);
        if (chip->results[i] != NULL)
            write_run(out, chip->results[i]);
        else
            snnbase_jsonout_null(out);
    }
    snnbase_jsonout_object_close(out);
}

/* ---- The document ---- */

static void write_result(struct snnbase_jsonout *out, const struct snn_check *check,
                         const struct snn_check_chip *chip)
{
    const struct snn_placement *placement = chip->placement;
    snnbase_jsonout_object_open(out);
    write_chip(out, &placement->chip);
    snnbase_jsonout_put_bool(out, "fits", placement->fits);
    snnbase_jsonout_put_array(out, "layers");
    for (uint32_t i = 0; i < placement->layer_count; i++)
        write_layer(out, placement, i);
    snnbase_jsonout_array_close(out);
    write_findings(out, placement);
    write_remedies(out, placement);
    write_accuracy(out, check, chip);
    snnbase_jsonout_object_close(out);
}

static void write_model(struct snnbase_jsonout *out, const struct snn_check *check)
{
    snnbase_jsonout_put_object(out, "model");
    snnbase_jsonout_put_string(out, "name", snn_graph_provenance(check->graph)->name);
    snnbase_jsonout_put_string(out, "file", check->file);
    snnbase_jsonout_put_string(out, "format", check->format);
    snnbase_jsonout_put_string(out, "sha256", check->sha256);
    snnbase_jsonout_put_bool(out, "spiking", snn_graph_is_spiking(check->graph));
    write_shape(out, "input", snn_graph_input_shape(check->graph));
    snnbase_jsonout_object_close(out);
}

static void write_pins(struct snnbase_jsonout *out, const struct snn_check *check)
{
    snnbase_jsonout_put_array(out, "cores");
    for (uint32_t i = 0; i < check->pin_count; i++) {
        snnbase_jsonout_object_open(out);
        snnbase_jsonout_put_string(out, "layer", check->pins[i].layer);
        snnbase_jsonout_put_array(out, "cores");
        for (uint32_t k = 0; k < check->pins[i].core_count; k++)
            snnbase_jsonout_uint(out, check->pins[i].cores[k]);
        snnbase_jsonout_array_close(out);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void write_options(struct snnbase_jsonout *out, const struct snn_check *check)
{
    static const char *const pools[] = {NULL, "avg", "or"};
    const struct snn_lower_options *lower = check->lower;
    char norm[64];
    snn_norm_format(lower, norm, sizeof(norm));
    snnbase_jsonout_put_object(out, "options");
    snnbase_jsonout_put_string(out, "norm", snn_graph_is_spiking(check->graph) ? "model" : norm);
    snnbase_jsonout_put_string(out, "quant", lower->quantise_mse ? "mse" : "max");
    snnbase_jsonout_key(out, "v0");
    snnbase_jsonout_float(out, lower->v_init);
    snnbase_jsonout_key(out, "v_min");
    snnbase_jsonout_float(out, lower->v_min);
    snnbase_jsonout_put_string(out, "reset", lower->reset == SNN_RESET_ZERO ? "zero" : "subtract");
    snnbase_jsonout_key(out, "output_gain");
    snnbase_jsonout_float(out, lower->output_gain);
    snnbase_jsonout_put_string(out, "max_pool", pools[lower->max_pool]);
    write_pins(out, check);
    snnbase_jsonout_object_close(out);
}

static int write_document(struct snnbase_buffer *buffer, struct snn_context *context,
                          const struct snn_check *check)
{
    struct snnbase_jsonout out;
    snnbase_jsonout_init(&out, context, buffer, 4);
    snnbase_jsonout_object_open(&out);
    snnbase_jsonout_put_string(&out, "schema", SCHEMA);
    snnbase_jsonout_put_object(&out, "tool");
    snnbase_jsonout_put_string(&out, "name", check->tool);
    snnbase_jsonout_put_string(&out, "version", snn_version());
    snnbase_jsonout_object_close(&out);
    write_model(&out, check);
    write_options(&out, check);
    snnbase_jsonout_put_array(&out, "results");
    for (uint32_t i = 0; i < check->chip_count; i++)
        write_result(&out, check, &check->chips[i]);
    snnbase_jsonout_array_close(&out);
    snnbase_jsonout_object_close(&out);
    return snnbase_jsonout_finish(&out);
}

int snn_check_save(struct snn_context *context, const struct snn_check *check, const char *path)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    int status = write_document(&buffer, context, check);
    if (status == SNN_OK) status = snnbase_file_save(context, path, buffer.data, buffer.size);
    snnbase_buffer_fini(context, &buffer);
    return status;
}

int snn_check_format(char **out, struct snn_context *context, const struct snn_check *check)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    int status = write_document(&buffer, context, check);
    if (status == SNN_OK) status = snnbase_buffer_append(context, &buffer, "", 1);
    if (status != SNN_OK) {
        snnbase_buffer_fini(context, &buffer);
        return status;
    }
    *out = (char *)buffer.data;
    return SNN_OK;
}
