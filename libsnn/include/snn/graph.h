/* The graph: a trained CNN as layers in topological order, with its weights, calibration statistics
 * and recipes. It is what every reader makes and every target is lowered from.
 *
 * All tensors are float32, C order: activations [channels][height][width], convolution weights
 * [out][in / groups][kernel_h][kernel_w], dense weights [out][in], where `in` runs over the input's
 * channels, rows, columns. Everything a graph points to belongs to the graph.
 */
#ifndef SNN_GRAPH_H
#define SNN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

struct snn_graph;

struct snn_shape {
    uint32_t channels;
    uint32_t height;
    uint32_t width;
};

/* channels * height * width; exact for every shape a graph accepts. */
static inline size_t snn_shape_size(struct snn_shape shape)
{
    return (size_t)shape.channels * shape.height * shape.width;
}

/* Serialised by name, see snn_layer_kind_name; values are append-only. */
enum snn_layer_kind {
    SNN_LAYER_INPUT = 0,
    SNN_LAYER_CONV2D = 1,
    SNN_LAYER_DENSE = 2,
    SNN_LAYER_AVG_POOL2D = 3, /* padding counts as zeros in the mean, but see pad_excluded */
    SNN_LAYER_SUM_POOL2D = 4,
    SNN_LAYER_MAX_POOL2D = 5, /* padding never wins */
    SNN_LAYER_ADD = 6,
    SNN_LAYER_FLATTEN = 7,
    SNN_LAYER_CONCAT = 8, /* along the channels, in the order of the inputs */
    SNN_LAYER_IF = 9      /* integrate-and-fire neurons of a net that arrived spiking */
};

enum snn_activation {
    SNN_ACTIVATION_NONE = 0,
    SNN_ACTIVATION_RELU = 1,      /* max(x, 0) */
    SNN_ACTIVATION_CLIP = 2,      /* min(max(x, 0), clip) */
    SNN_ACTIVATION_LEAKY_RELU = 3 /* x < 0 ? slope * x : x; frame-based targets only */
};

enum snn_reset { SNN_RESET_SUBTRACT = 0, SNN_RESET_ZERO = 1 };

/* Neurons of a layer of kind IF. Each list has 1 value, one a channel, or one a neuron
 * [channels][height][width]; thresholds are positive, lower bounds are not. Without v_init or v_min
 * (NULL, 0) those of the lowering options hold, in thresholds; -FLT_MAX in v_min: no lower bound.
 *
 * In the plain evaluation such a layer gives max(x, 0) / threshold: the spikes a step that a neuron
 * settles to which may fire any number of times in one and resets by subtraction. */
struct snn_neurons {
    enum snn_reset reset;
    const float *threshold;
    size_t threshold_count;
    const float *v_init;
    size_t v_init_count;
    const float *v_min;
    size_t v_min_count;
};

/* What such a list of `count` values says of a neuron of a layer with `neurons` neurons; the index
 * runs over [channels][height][width]. */
static inline float snn_neurons_at(const float *list, size_t count, size_t neurons, size_t index)
{
    return list[index / (neurons / count)];
}

/* The sliding window of convolutions and pools. */
struct snn_window {
    uint32_t kernel_h, kernel_w;
    uint32_t stride_h, stride_w;
    uint32_t pad_top, pad_left, pad_bottom, pad_right;
    uint32_t dilation_h, dilation_w;
};

/* One layer. The same struct describes a layer to snn_graph_add, where name, inputs and tensors are
 * copied, and of `shape` only what cannot be derived is read: all of it for INPUT, the channels for
 * CONV2D and DENSE. Fields that a kind does not use are 0. */
struct snn_layer {
    const char *name;
    enum snn_layer_kind kind;
    const uint32_t *inputs; /* indices of earlier layers; INPUT has none, ADD, CONCAT two or more */
    uint32_t input_count;
    struct snn_shape shape; /* of the output */
    struct snn_window window;
    uint32_t groups;
    bool pad_excluded;              /* AVG_POOL2D: the mean is over positions inside only */
    enum snn_activation activation; /* CONV2D, DENSE, ADD */
    float clip;
    float slope; /* LEAKY_RELU */
    const float *weights;
    size_t weight_count;
    const float *bias; /* NULL, one value a channel, or one a neuron [channels][height][width] */
    size_t bias_count;
    const struct snn_neurons *neurons; /* IF; NULL for all other kinds */
};

/* How a quantised model stored a layer: real = scale * (q - zero_point) for its output in int8, and
 * weights[o] = weight_scale[o] * q with q in -127..127 (-128 for files that use it). The graph's
 * float weights are those products, so that the integers can be had back exactly by rounding
 * w / weight_scale; the bias is of scale input_scale * weight_scale[o], in int32. Layers that only
 * move values (FLATTEN, MAX_POOL2D) have what their input has. */
struct snn_quantization {
    float scale;
    int32_t zero_point;          /* -128..127 */
    uint32_t weight_scale_count; /* 0 (no weights), 1, or the layer's channels */
    const float *weight_scale;
};

/* What calibration saw at one layer: values after its activation, for a layer without one
 * and for LEAKY_RELU max(x, 0). Quantile q is the smallest value that at least a share q of all
 * values do not exceed (the inverse of the empirical distribution function); q = 1 is the maximum.
 */
struct snn_statistics {
    float minimum;                 /* before the activation */
    const float *quantile;         /* [quantile_count] */
    const float *channel_quantile; /* [channels][quantile_count] */
};

/* What a calibration procedure found, by layer: thresholds, or corrections of a spiking net that
 * was measured. All values are in units of the layer's activations. */
enum snn_recipe_kind {
    SNN_RECIPE_THRESHOLD = 0, /* not negative; 0: never fired */
    SNN_RECIPE_BIAS = 1,      /* to be added to the bias, which comes in every step */
    SNN_RECIPE_POTENTIAL = 2  /* to be added to the potential at the start */
};

struct snn_recipe_entry {
    uint32_t layer;
    uint32_t count; /* 1, the layer's channels, or but for thresholds its neurons */
    const float *value;
};

struct snn_recipe {
    const char *name; /* "mse:16", "ltb", "bias:p99.9@sim:rate:16" */
    enum snn_recipe_kind kind;
    const char *norm;   /* "auto": the norm that was chosen; else NULL */
    uint32_t timesteps; /* "auto": and the steps; else 0 */
    uint32_t entry_count;
    const struct snn_recipe_entry *entries;
};

/* What the net was trained on: x' = (x * scale - mean[c]) / std[c] for raw values x (pixels
 * 0..255). Without it: scale = 1/255, mean 0, std 1. */
struct snn_preprocess {
    double scale;
    uint32_t channel_count; /* of mean and std: 1, or the input's channels */
    const double *mean;
    const double *std;
};

/* Where a graph came from; strings may be NULL. */
struct snn_provenance {
    const char *name;          /* of the model */
    const char *tool;          /* "snnconvert 0.1.0": who wrote the file */
    const char *source_file;   /* the file it was converted from, without folder */
    const char *source_sha256; /* of that file, 64 hexadecimal digits */
    const char *sample_images; /* bundled sample data, relative to the model file */
    const char *sample_labels;
    const char *accuracy_data; /* what the next two were measured on */
    double accuracy;           /* the CNN's, 0..1; negative where unknown */
    uint64_t accuracy_samples;
};

/* Makes an empty graph. Errors: NOMEM. */
SNN_API int snn_graph_create(struct snn_graph **out, struct snn_context *context, const char *name);
SNN_API void snn_graph_destroy(struct snn_graph **graph);

/* Appends a layer after checking it: kind, inputs, window, tensor sizes, finite values; derives its
 * output shape. Errors: INVALID naming the layer and the number that is wrong, LIMIT, NOMEM. */
SNN_API int snn_graph_add(struct snn_graph *graph, struct snn_context *context,
                          const struct snn_layer *layer, uint32_t *index_out);

/* Names the layer whose values are the result (default: the last). Errors: INVALID. */
SNN_API int snn_graph_set_output(struct snn_graph *graph, struct snn_context *context,
                                 uint32_t index);

SNN_API uint32_t snn_graph_layer_count(const struct snn_graph *graph);
/* Layers and recipes are borrowed until the graph grows by another. */
SNN_API const struct snn_layer *snn_graph_layer(const struct snn_graph *graph, uint32_t index);
SNN_API uint32_t snn_graph_output(const struct snn_graph *graph);
SNN_API struct snn_shape snn_graph_input_shape(const struct snn_graph *graph);
/* SNN_ERR_NOT_FOUND without a message if there is none. */
SNN_API int snn_graph_find(const struct snn_graph *graph, const char *name, uint32_t *index_out);

/* Multiply-accumulates of one layer for one frame, padding included. */
SNN_API uint64_t snn_graph_layer_macs(const struct snn_graph *graph, uint32_t index);
SNN_API uint64_t snn_graph_parameter_count(const struct snn_graph *graph);

SNN_API const struct snn_provenance *snn_graph_provenance(const struct snn_graph *graph);
/* Copies the strings. Errors: NOMEM. */
SNN_API int snn_graph_set_provenance(struct snn_graph *graph, struct snn_context *context,
                                     const struct snn_provenance *provenance);
SNN_API const struct snn_preprocess *snn_graph_preprocess(const struct snn_graph *graph);
/* Other values than before drop statistics and recipes, which hold for frames as they were prepared
 * then: it is set first, calibration comes after. Errors: INVALID (std not positive, channel
 * count), NOMEM. */
SNN_API int snn_graph_set_preprocess(struct snn_graph *graph, struct snn_context *context,
                                     const struct snn_preprocess *preprocess);

/* Calibration. The list of probabilities (ascending, in (0, 1]) is one for the whole graph; setting
 * it drops statistics already there. `statistics` is NULL for layers without. Errors: INVALID,
 * NOMEM. */
SNN_API int snn_graph_set_quantiles(struct snn_graph *graph, struct snn_context *context,
                                    const double *probability, uint32_t count, uint64_t frame_count,
                                    const char *data);
SNN_API const double *snn_graph_quantiles(const struct snn_graph *graph, uint32_t *count_out,
                                          uint64_t *frame_count_out, const char **data_out);
SNN_API int snn_graph_set_statistics(struct snn_graph *graph, struct snn_context *context,
                                     uint32_t layer, const struct snn_statistics *statistics);
SNN_API const struct snn_statistics *snn_graph_statistics(const struct snn_graph *graph,
                                                          uint32_t layer);
/* Adds a recipe or replaces the one of that name. Errors: INVALID, NOMEM. */
SNN_API int snn_graph_set_recipe(struct snn_graph *graph, struct snn_context *context,
                                 const struct snn_recipe *recipe);
/* NULL if there is none. */
SNN_API const struct snn_recipe *snn_graph_find_recipe(const struct snn_graph *graph,
                                                       const char *name);
SNN_API uint32_t snn_graph_recipe_count(const struct snn_graph *graph);
SNN_API const struct snn_recipe *snn_graph_recipe(const struct snn_graph *graph, uint32_t index);

/* Sets how a layer was stored (copied). Errors: INVALID (a scale that is not positive, the zero
 * point, the count of weight scales, which for a layer with weights is not 0), NOMEM. */
SNN_API int snn_graph_set_quantization(struct snn_graph *graph, struct snn_context *context,
                                       uint32_t layer, const struct snn_quantization *quantization);
/* NULL for a layer without. */
SNN_API const struct snn_quantization *snn_graph_quantization(const struct snn_graph *graph,
                                                              uint32_t layer);
/* True for a net that arrived spiking: it has a layer of kind IF, and no CNN to be compared with.
 */
SNN_API bool snn_graph_is_spiking(const struct snn_graph *graph);

/* True for layers of a CNN that have statistics and become integrate-and-fire neurons: CONV2D,
 * DENSE and ADD with an activation, and the output layer. */
SNN_API bool snn_graph_layer_is_neuronal(const struct snn_graph *graph, uint32_t index);

/* Names as they stand in the model file ("conv2d"); NULL for an unknown value. */
SNN_API const char *snn_layer_kind_name(enum snn_layer_kind kind);
SNN_API const char *snn_activation_name(enum snn_activation activation);

/* The native model file (docs/formats/model.md). Load errors: NOT_FOUND, ACCESS, IO, FORMAT, LIMIT,
 * INVALID, NOMEM; the message names file, layer and member. Save: the file appears whole or not at
 * all. `sha256_hex_out` (65 bytes, may be NULL) receives the SHA-256 of the file's bytes. */
SNN_API int snn_graph_load(struct snn_graph **out, struct snn_context *context, const char *path,
                           char *sha256_hex_out);
SNN_API int snn_graph_parse(struct snn_graph **out, struct snn_context *context, const char *text,
                            size_t size);
SNN_API int snn_graph_save(const struct snn_graph *graph, struct snn_context *context,
                           const char *path);

/* Plain float evaluation, the reference for everything: what the graph means. An evaluator holds
 * the activations of all layers for one frame; one thread at a time. The graph must outlive it. */
struct snn_evaluator;

/* Errors: LIMIT (the activations of all layers exceed limits.tensor_bytes), NOMEM. */
SNN_API int snn_evaluator_create(struct snn_evaluator **out, struct snn_context *context,
                                 const struct snn_graph *graph);
SNN_API void snn_evaluator_destroy(struct snn_evaluator **evaluator);
/* `intensity` [channels][height][width] in 0..1 (raw value / 255); the graph's preprocessing is
 * applied to it. */
SNN_API void snn_evaluator_run(struct snn_evaluator *evaluator, const float *intensity);
/* The values of a layer after the last run, snn_shape_size of them, after its activation. */
SNN_API const float *snn_evaluator_values(const struct snn_evaluator *evaluator, uint32_t layer);

#ifdef __cplusplus
}
#endif
#endif
