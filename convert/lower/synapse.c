/* Weights and biases in threshold form: W'[o][c] = W[o][c] * scale_source[c] * pool / scale[o],
 * b' = b / scale[o], each product taken in double and rounded to float32 once.
 */
#include <math.h>
#include <string.h>

#include "convert/lower/lower.h"
#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"

static void fold_conv2d(const struct snn_layer *layer, const struct snnconv_value *input,
                        const double *scale, float *out)
{
    uint32_t in_channels = input->shape.channels / layer->groups;
    uint32_t out_per_group = layer->shape.channels / layer->groups;
    size_t taps = (size_t)layer->window.kernel_h * layer->window.kernel_w;
    const float *in = layer->weights;
    for (uint32_t o = 0; o < layer->shape.channels; o++) {
        for (uint32_t c = 0; c < in_channels; c++, in += taps, out += taps) {
            uint32_t channel = o / out_per_group * in_channels + c;
            double factor = input->activation_scale[channel] * input->pool_scale / scale[o];
            for (size_t t = 0; t < taps; t++)
                out[t] = (float)(in[t] * factor);
        }
    }
}

static void fold_dense(const struct snn_layer *layer, const struct snnconv_value *input,
                       const double *scale, float *out)
{
    size_t map = (size_t)input->shape.height * input->shape.width;
    const float *in = layer->weights;
    for (uint32_t o = 0; o < layer->shape.channels; o++) {
        for (uint32_t c = 0; c < input->shape.channels; c++, in += map, out += map) {
            double factor = input->activation_scale[c] * input->pool_scale / scale[o];
            for (size_t t = 0; t < map; t++)
                out[t] = (float)(in[t] * factor);
        }
    }
}

/* Thresholds that are tiny beside the weights they divide. */
static int check_finite(struct snnconv_lowering *l, const struct snn_layer *layer,
                        const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i])) continue;
        snnbase_fail(l->context, SNN_ERR_INVALID,
                     "layer '%s': value %zu overflows float32 when divided by its threshold",
                     layer != NULL ? layer->name : "add", i);
        return snnbase_hint(l->context, "calibrate anew, or choose another norm");
    }
    return SNN_OK;
}

int snnconv_synapse_build(struct snnconv_lowering *l, const struct snnconv_branch *branch,
                          struct snn_shape shape, const double *scale, struct snn_synapse *out)
{
    const struct snnconv_value *input = branch->input;
    const struct snn_layer *layer = branch->weights;
    size_t count = layer != NULL ? layer->weight_count : shape.channels;
    float *weights = snnbase_arena_alloc(l->real, l->context, count, sizeof(*weights));
    if (weights == NULL) return SNN_ERR_NOMEM;
    *out = (struct snn_synapse){.source = input->source,
                                .pools = input->pools,
                                .pool_count = input->pool_count,
                                .pool_scale = input->pool_scale,
                                .source_shape = input->shape,
                                .groups = 1,
                                .weights = weights,
                                .weight_count = count};
    if (layer == NULL) {
        out->kind = SNN_SYNAPSE_ONE_TO_ONE;
        for (uint32_t c = 0; c < shape.channels; c++)
            weights[c] = (float)(input->activation_scale[c] * input->pool_scale / scale[c]);
    } else if (layer->kind == SNN_LAYER_DENSE) {
        out->kind = SNN_SYNAPSE_DENSE;
        fold_dense(layer, input, scale, weights);
    } else {
        out->kind = SNN_SYNAPSE_CONV2D;
        out->window = layer->window;
        out->groups = layer->groups;
        fold_conv2d(layer, input, scale, weights);
    }
    return check_finite(l, layer, weights, count);
}

/* One pool over a map of doubles: the sum over the window, padding being zero. */
static void pool_map(const double *in, struct snn_shape from, const struct snn_window *w,
                     double *out, struct snn_shape to)
{
    for (uint32_t c = 0; c < to.channels; c++) {
        for (uint32_t y = 0; y < to.height; y++) {
            for (uint32_t x = 0; x < to.width; x++) {
                double sum = 0.0;
                for (uint32_t k = 0; k < w->kernel_h * w->kernel_w; k++) {
                    int64_t iy = (int64_t)y * w->stride_h + k / w->kernel_w - w->pad_top;
                    int64_t ix = (int64_t)x * w->stride_w + k % w->kernel_w - w->pad_left;
                    if (iy >= 0 && iy < from.height && ix >= 0 && ix < from.width)
                        sum += in[((size_t)c * from.height + (size_t)iy) * from.width + (size_t)ix];
                }
                out[((size_t)c * to.height + y) * to.width + x] = sum;
            }
        }
    }
}

/* The input's offset as it arrives at a synapse: a constant map sent through the pools. */
static int offset_map(struct snnconv_lowering *l, const struct snnconv_value *input, double **out)
{
    struct snn_shape shape = input->source_shape;
    size_t size = snn_shape_size(shape);
    double *map = snnbase_arena_alloc(l->arena, l->context, size, sizeof(*map));
    if (map == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < size; i++)
        map[i] = input->offset[i / ((size_t)shape.height * shape.width)];
    for (uint32_t p = 0; p < input->pool_count; p++) {
        struct snn_shape to = snnmodel_pooled_shape(shape, &input->pools[p]);
        double *pooled =
            snnbase_arena_alloc(l->arena, l->context, snn_shape_size(to), sizeof(*pooled));
        if (pooled == NULL) return SNN_ERR_NOMEM;
        pool_map(map, shape, &input->pools[p], pooled, to);
        map = pooled;
        shape = to;
    }
    for (size_t i = 0; i < snn_shape_size(shape); i++)
        map[i] *= input->pool_scale;
    *out = map;
    return SNN_OK;
}

/* Sum of one output neuron's window over a map, for a convolution. */
static double conv2d_at(const struct snn_layer *layer, const double *map, struct snn_shape in,
                        uint32_t o, uint32_t y, uint32_t x)
{
    const struct snn_window *w = &layer->window;
    uint32_t in_channels = in.channels / layer->groups;
    uint32_t first = o / (layer->shape.channels / layer->groups) * in_channels;
    const float *weights = layer->weights + (size_t)o * in_channels * w->kernel_h * w->kernel_w;
    double sum = 0.0;
    for (uint32_t c = 0; c < in_channels; c++) {
        for (uint32_t k = 0; k < w->kernel_h * w->kernel_w; k++, weights++) {
            int64_t iy =
                (int64_t)y * w->stride_h + (int64_t)(k / w->kernel_w) * w->dilation_h - w->pad_top;
            int64_t ix =
                (int64_t)x * w->stride_w + (int64_t)(k % w->kernel_w) * w->dilation_w - w->pad_left;
            if (iy < 0 || iy >= in.height || ix < 0 || ix >= in.width) continue;
            size_t at = ((size_t)(first + c) * in.height + (size_t)iy) * in.width + (size_t)ix;
            sum += *weights * map[at];
        }
    }
    return sum;
}

/* Adds to `total` [channels][height][width] what a branch receives from the input's offset. */
static int add_offset(struct snnconv_lowering *l, const struct snnconv_branch *branch,
                      struct snn_shape shape, double *total)
{
    double *map = NULL;
    int status = offset_map(l, branch->input, &map);
    if (status != SNN_OK) return status;
    struct snn_shape in = branch->input->shape;
    const struct snn_layer *layer = branch->weights;
    size_t at = 0;
    for (uint32_t o = 0; o < shape.channels; o++) {
        for (uint32_t y = 0; y < shape.height; y++) {
            for (uint32_t x = 0; x < shape.width; x++, at++) {
                if (layer == NULL) {
                    total[at] += map[at];
                } else if (layer->kind == SNN_LAYER_CONV2D) {
                    total[at] += conv2d_at(layer, map, in, o, y, x);
                } else {
                    for (size_t i = 0; i < snn_shape_size(in); i++)
                        total[at] += layer->weights[at * snn_shape_size(in) + i] * map[i];
                }
            }
        }
    }
    return SNN_OK;
}

static bool needs_map(const struct snnconv_value *value, struct snn_shape shape)
{
    for (uint32_t b = 0; b < value->branch_count; b++) {
        const struct snnconv_branch *branch = &value->branches[b];
        if (branch->input->offset != NULL) return true;
        if (branch->weights != NULL && branch->weights->bias_count > shape.channels) return true;
    }
    return false;
}

int snnconv_bias_build(struct snnconv_lowering *l, const struct snnconv_value *value,
                       struct snn_shape shape, const double *scale, struct snn_population *out)
{
    size_t map = (size_t)shape.height * shape.width;
    const size_t corrections = snnconv_corrections_count(l, SNN_RECIPE_BIAS);
    size_t per_channel = needs_map(value, shape) || corrections > shape.channels ? map : 1;
    size_t count = shape.channels * per_channel;
    bool any = (per_channel == map && map > 1) || corrections > 0;
    double *total = snnbase_alloc(l->context, count, sizeof(*total));
    if (total == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (uint32_t b = 0; b < value->branch_count && status == SNN_OK; b++) {
        const struct snnconv_branch *branch = &value->branches[b];
        const struct snn_layer *layer = branch->weights;
        if (branch->input->offset != NULL) {
            any = true;
            status = add_offset(l, branch, shape, total);
        }
        if (layer == NULL || layer->bias_count == 0) continue;
        any = true;
        size_t own = layer->bias_count > shape.channels ? 1 : per_channel;
        for (size_t i = 0; i < count; i++)
            total[i] += layer->bias[i / own];
    }
    if (status == SNN_OK) snnconv_corrections_add(l, SNN_RECIPE_BIAS, total, count);
    float *bias = NULL;
    if (any && status == SNN_OK) {
        bias = snnbase_arena_alloc(l->real, l->context, count, sizeof(*bias));
        if (bias == NULL) status = SNN_ERR_NOMEM;
        for (size_t i = 0; bias != NULL && i < count; i++)
            bias[i] = (float)(total[i] / scale[i / per_channel]);
        if (bias != NULL) status = check_finite(l, value->branches[0].weights, bias, count);
    }
    snnbase_free(l->context, total);
    if (status != SNN_OK) return status;
    out->bias = bias;
    out->bias_count = bias != NULL ? count : 0;
    return SNN_OK;
}
