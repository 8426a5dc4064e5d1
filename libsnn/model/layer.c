/* Checks of a single layer: the only place that decides which layers a graph may contain.
 *
 * Everything later (evaluation, lowering, saving) relies on what passes here: shapes are non-zero
 * and bounded, tensors have exactly the size their shape asks for, every value is finite.
 */
#include "libsnn/model/layer.h"

#include <math.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

#define EXTENT_MAX 65536u      /* of an axis, a kernel, a padding */
#define CHANNELS_MAX 16777216u /* a flattened map has this many at the most */

static const char *const kind_names[] = {
    [SNN_LAYER_INPUT] = "input",
    [SNN_LAYER_CONV2D] = "conv2d",
    [SNN_LAYER_DENSE] = "dense",
    [SNN_LAYER_AVG_POOL2D] = "avg_pool2d",
    [SNN_LAYER_SUM_POOL2D] = "sum_pool2d",
    [SNN_LAYER_MAX_POOL2D] = "max_pool2d",
    [SNN_LAYER_ADD] = "add",
    [SNN_LAYER_FLATTEN] = "flatten",
    [SNN_LAYER_CONCAT] = "concat",
    [SNN_LAYER_IF] = "if",
};

static const char *const activation_names[] = {
    [SNN_ACTIVATION_NONE] = "none",
    [SNN_ACTIVATION_RELU] = "relu",
    [SNN_ACTIVATION_CLIP] = "clip",
    [SNN_ACTIVATION_LEAKY_RELU] = "leaky_relu",
};

const char *snn_layer_kind_name(enum snn_layer_kind kind)
{
    size_t index = (size_t)kind;
    return index < sizeof(kind_names) / sizeof(kind_names[0]) ? kind_names[index] : NULL;
}

const char *snn_activation_name(enum snn_activation activation)
{
    size_t index = (size_t)activation;
    return index < sizeof(activation_names) / sizeof(activation_names[0]) ? activation_names[index]
                                                                          : NULL;
}

uint32_t snnmodel_window_positions(uint32_t size, uint32_t kernel, uint32_t stride,
                                   uint32_t pad_before, uint32_t pad_after, uint32_t dilation)
{
    uint64_t padded = (uint64_t)size + pad_before + pad_after;
    uint64_t reach = (uint64_t)dilation * (kernel - 1u) + 1u;
    if (padded < reach) return 0;
    return (uint32_t)((padded - reach) / stride + 1u);
}

struct snn_shape snnmodel_pooled_shape(struct snn_shape shape, const struct snn_window *pool)
{
    const struct snn_window *w = pool;
    shape.height = snnmodel_window_positions(shape.height, w->kernel_h, w->stride_h, w->pad_top,
                                             w->pad_bottom, w->dilation_h);
    shape.width = snnmodel_window_positions(shape.width, w->kernel_w, w->stride_w, w->pad_left,
                                            w->pad_right, w->dilation_w);
    return shape;
}

uint64_t snnmodel_layer_macs(const struct snn_layer *layer)
{
    if (layer->kind == SNN_LAYER_DENSE) return layer->weight_count;
    if (layer->kind == SNN_LAYER_CONV2D)
        return (uint64_t)layer->weight_count * layer->shape.height * layer->shape.width;
    return 0;
}

static int check_shape(struct snn_context *context, const struct snn_layer *layer)
{
    struct snn_shape s = layer->shape;
    if (s.channels == 0 || s.height == 0 || s.width == 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': output shape %ux%ux%u has an empty axis", layer->name,
                            s.channels, s.height, s.width);
    uint64_t neurons_max = snnbase_limits(context)->neuron_count;
    uint64_t map = (uint64_t)s.height * s.width; /* both below 2^32: no overflow */
    if (s.channels > CHANNELS_MAX || s.height > EXTENT_MAX || s.width > EXTENT_MAX ||
        s.channels > neurons_max / map)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "layer '%s': output shape %ux%ux%u exceeds the limit of %llu neurons",
                            layer->name, s.channels, s.height, s.width,
                            (unsigned long long)neurons_max);
    return SNN_OK;
}

static int check_window(struct snn_context *context, const struct snn_layer *layer,
                        struct snn_shape in)
{
    const struct snn_window *w = &layer->window;
    if (w->kernel_h == 0 || w->kernel_w == 0 || w->stride_h == 0 || w->stride_w == 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': kernel %ux%u with stride %ux%u must be at least 1",
                            layer->name, w->kernel_h, w->kernel_w, w->stride_h, w->stride_w);
    const uint32_t all[] = {w->kernel_h, w->kernel_w,   w->stride_h,  w->stride_w,   w->pad_top,
                            w->pad_left, w->pad_bottom, w->pad_right, w->dilation_h, w->dilation_w};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i] > EXTENT_MAX)
            return snnbase_fail(context, SNN_ERR_LIMIT,
                                "layer '%s': window parameter %u exceeds the limit of %u",
                                layer->name, all[i], EXTENT_MAX);
    }
    uint64_t neurons_max = snnbase_limits(context)->neuron_count;
    uint64_t height = (uint64_t)in.height + w->pad_top + w->pad_bottom;
    uint64_t width = (uint64_t)in.width + w->pad_left + w->pad_right;
    if (height * width > neurons_max / in.channels)
        return snnbase_fail(
            context, SNN_ERR_LIMIT,
            "layer '%s': padded input %ux%llux%llu exceeds the limit of %llu values", layer->name,
            in.channels, (unsigned long long)height, (unsigned long long)width,
            (unsigned long long)neurons_max);
    if (snnmodel_window_positions(in.height, w->kernel_h, w->stride_h, w->pad_top, w->pad_bottom,
                                  w->dilation_h) == 0 ||
        snnmodel_window_positions(in.width, w->kernel_w, w->stride_w, w->pad_left, w->pad_right,
                                  w->dilation_w) == 0)
        return snnbase_fail(
            context, SNN_ERR_INVALID,
            "layer '%s': kernel %ux%u (dilation %ux%u) is larger than its padded input %ux%u",
            layer->name, w->kernel_h, w->kernel_w, w->dilation_h, w->dilation_w,
            in.height + w->pad_top + w->pad_bottom, in.width + w->pad_left + w->pad_right);
    return SNN_OK;
}

static int check_tensor(struct snn_context *context, const struct snn_layer *layer,
                        const char *what, const float *values, size_t count, size_t expected)
{
    if (count != expected)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s has %zu values, needs %zu",
                            layer->name, what, count, expected);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s[%zu] is %s", layer->name,
                                what, i, isnan(values[i]) ? "not a number" : "infinite");
    }
    return SNN_OK;
}

static int check_weights(struct snn_context *context, const struct snn_layer *layer,
                         size_t inputs_per_output)
{
    size_t expected = 0;
    uint64_t bytes_max = snnbase_limits(context)->tensor_bytes;
    if (!snnbase_size_mul(layer->shape.channels, inputs_per_output, &expected) ||
        expected > bytes_max / sizeof(float))
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "layer '%s': weights of %u x %zu values exceed the limit of %llu bytes",
                            layer->name, layer->shape.channels, inputs_per_output,
                            (unsigned long long)bytes_max);
    if (layer->weights == NULL && layer->weight_count > 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': weights are missing",
                            layer->name);
    return check_tensor(context, layer, "weights", layer->weights, layer->weight_count, expected);
}

static int check_bias(struct snn_context *context, const struct snn_layer *layer)
{
    if (layer->bias == NULL && layer->bias_count == 0) return SNN_OK;
    if (layer->bias == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': bias is missing", layer->name);
    size_t expected = layer->shape.channels;
    if (layer->bias_count != expected) expected = snn_shape_size(layer->shape);
    return check_tensor(context, layer, "bias", layer->bias, layer->bias_count, expected);
}

static int check_activation(struct snn_context *context, const struct snn_layer *layer)
{
    if (snn_activation_name(layer->activation) == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': unknown activation %d",
                            layer->name, (int)layer->activation);
    if (layer->activation == SNN_ACTIVATION_CLIP && !(layer->clip > 0.0f && isfinite(layer->clip)))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': clip %g is not a positive number", layer->name,
                            (double)layer->clip);
    if (layer->activation == SNN_ACTIVATION_LEAKY_RELU && !isfinite(layer->slope))
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': slope %g is not a finite number",
                            layer->name, (double)layer->slope);
    return SNN_OK;
}

static int resolve_conv2d(struct snn_context *context, struct snn_layer *layer, struct snn_shape in)
{
    if (layer->groups == 0) layer->groups = 1;
    int status = check_window(context, layer, in);
    if (status != SNN_OK) return status;
    if (in.channels % layer->groups != 0 || layer->shape.channels % layer->groups != 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': %u groups do not divide %u input and %u output channels",
                            layer->name, layer->groups, in.channels, layer->shape.channels);
    struct snn_shape map = snnmodel_pooled_shape(in, &layer->window);
    layer->shape.height = map.height;
    layer->shape.width = map.width;
    status = check_shape(context, layer);
    return status == SNN_OK ? check_activation(context, layer) : status;
}

static int resolve_dense(struct snn_context *context, struct snn_layer *layer)
{
    layer->shape.height = 1;
    layer->shape.width = 1;
    int status = check_shape(context, layer);
    return status == SNN_OK ? check_activation(context, layer) : status;
}

static int resolve_pool(struct snn_context *context, struct snn_layer *layer, struct snn_shape in)
{
    struct snn_window *w = &layer->window;
    if (w->stride_h == 0) w->stride_h = w->kernel_h;
    if (w->stride_w == 0) w->stride_w = w->kernel_w;
    int status = check_window(context, layer, in);
    if (status != SNN_OK) return status;
    if (w->dilation_h != 1 || w->dilation_w != 1)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': pools have no dilation",
                            layer->name);
    if (w->pad_top >= w->kernel_h || w->pad_bottom >= w->kernel_h || w->pad_left >= w->kernel_w ||
        w->pad_right >= w->kernel_w)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': padding must be smaller than the %ux%u kernel",
                            layer->name, w->kernel_h, w->kernel_w);
    layer->shape = snnmodel_pooled_shape(in, w);
    return check_shape(context, layer);
}

static int resolve_add(struct snn_context *context, struct snn_layer *layer,
                       const struct snn_layer *const *inputs)
{
    layer->shape = inputs[0]->shape;
    for (uint32_t i = 1; i < layer->input_count; i++) {
        struct snn_shape a = inputs[0]->shape, b = inputs[i]->shape;
        if (a.channels != b.channels || a.height != b.height || a.width != b.width)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "layer '%s': adds '%s' of %ux%ux%u to '%s' of %ux%ux%u",
                                layer->name, inputs[i]->name, b.channels, b.height, b.width,
                                inputs[0]->name, a.channels, a.height, a.width);
    }
    return check_activation(context, layer);
}

static int resolve_concat(struct snn_context *context, struct snn_layer *layer,
                          const struct snn_layer *const *inputs)
{
    uint64_t channels = 0; /* of at most 2^32 inputs with 2^24 channels each */
    layer->shape = inputs[0]->shape;
    for (uint32_t i = 0; i < layer->input_count; i++) {
        struct snn_shape a = inputs[0]->shape, b = inputs[i]->shape;
        if (a.height != b.height || a.width != b.width)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "layer '%s': joins '%s' of %ux%ux%u to '%s' of %ux%ux%u: only "
                                "their channels may differ",
                                layer->name, inputs[i]->name, b.channels, b.height, b.width,
                                inputs[0]->name, a.channels, a.height, a.width);
        channels += b.channels;
    }
    if (channels > CHANNELS_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "layer '%s': %llu channels exceed the limit of %u", layer->name,
                            (unsigned long long)channels, CHANNELS_MAX);
    layer->shape.channels = (uint32_t)channels;
    return check_shape(context, layer);
}

/* A list with one value for all neurons, for each channel, or for each neuron. */
static int check_list(struct snn_context *context, const struct snn_layer *layer, const char *what,
                      const float *values, size_t count)
{
    const size_t size = snn_shape_size(layer->shape);
    if (count != 1 && count != layer->shape.channels && count != size)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': %s has %zu values, needs 1, %u or %zu", layer->name, what,
                            count, layer->shape.channels, size);
    if (values == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s is missing", layer->name,
                            what);
    return check_tensor(context, layer, what, values, count, count);
}

static int check_neurons(struct snn_context *context, const struct snn_layer *layer)
{
    const struct snn_neurons *n = layer->neurons;
    if (n == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': neurons are missing",
                            layer->name);
    if (n->reset != SNN_RESET_SUBTRACT && n->reset != SNN_RESET_ZERO)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': unknown reset %d", layer->name,
                            (int)n->reset);
    int status = check_list(context, layer, "threshold", n->threshold, n->threshold_count);
    if (status == SNN_OK && n->v_init_count > 0)
        status = check_list(context, layer, "v_init", n->v_init, n->v_init_count);
    if (status == SNN_OK && n->v_min_count > 0)
        status = check_list(context, layer, "v_min", n->v_min, n->v_min_count);
    for (size_t i = 0; status == SNN_OK && i < n->threshold_count; i++) {
        if (!(n->threshold[i] > 0.0f))
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "layer '%s': threshold[%zu] is %g, which is not positive",
                                layer->name, i, (double)n->threshold[i]);
    }
    for (size_t i = 0; status == SNN_OK && i < n->v_min_count; i++) {
        if (n->v_min[i] > 0.0f)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "layer '%s': v_min[%zu] is %g, a lower bound is not positive",
                                layer->name, i, (double)n->v_min[i]);
    }
    return status;
}

static int resolve_if(struct snn_context *context, struct snn_layer *layer, struct snn_shape in)
{
    layer->shape = in;
    int status = check_shape(context, layer);
    return status == SNN_OK ? check_neurons(context, layer) : status;
}

static int resolve_flatten(struct snn_context *context, struct snn_layer *layer,
                           struct snn_shape in)
{
    if (snn_shape_size(in) > CHANNELS_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "layer '%s': %zu values exceed the limit of %u channels", layer->name,
                            snn_shape_size(in), CHANNELS_MAX);
    layer->shape = (struct snn_shape){(uint32_t)snn_shape_size(in), 1, 1};
    return check_shape(context, layer);
}

bool snnmodel_layer_joins(enum snn_layer_kind kind)
{
    return kind == SNN_LAYER_ADD || kind == SNN_LAYER_CONCAT;
}

static int check_input_count(struct snn_context *context, const struct snn_layer *layer)
{
    bool many = snnmodel_layer_joins(layer->kind);
    uint32_t low = layer->kind == SNN_LAYER_INPUT ? 0 : many ? 2 : 1;
    if (layer->input_count < low || (!many && layer->input_count > low))
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': has %u inputs, %s takes %u%s",
                            layer->name, layer->input_count, snn_layer_kind_name(layer->kind), low,
                            many ? " or more" : "");
    return SNN_OK;
}

/* Only some kinds have tensors, an activation, neurons. */
static int check_belongings(struct snn_context *context, const struct snn_layer *layer)
{
    bool weighted = layer->kind == SNN_LAYER_CONV2D || layer->kind == SNN_LAYER_DENSE;
    if (!weighted && (layer->weight_count > 0 || layer->bias_count > 0))
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s has no weights or bias",
                            layer->name, snn_layer_kind_name(layer->kind));
    if (!weighted && layer->kind != SNN_LAYER_ADD && layer->activation != SNN_ACTIVATION_NONE)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s has no activation",
                            layer->name, snn_layer_kind_name(layer->kind));
    if (layer->kind != SNN_LAYER_IF && layer->neurons != NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': %s has no neurons", layer->name,
                            snn_layer_kind_name(layer->kind));
    if (layer->kind != SNN_LAYER_AVG_POOL2D && layer->pad_excluded)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s': %s has no padding to leave out of a mean", layer->name,
                            snn_layer_kind_name(layer->kind));
    return SNN_OK;
}

int snnmodel_layer_resolve(struct snn_context *context, struct snn_layer *layer,
                           const struct snn_layer *const *inputs)
{
    if (snn_layer_kind_name(layer->kind) == NULL)
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s': unknown kind %d", layer->name,
                            (int)layer->kind);
    int status = check_input_count(context, layer);
    if (status == SNN_OK) status = check_belongings(context, layer);
    if (status != SNN_OK) return status;
    if (layer->window.dilation_h == 0) layer->window.dilation_h = 1;
    if (layer->window.dilation_w == 0) layer->window.dilation_w = 1;
    switch (layer->kind) {
    case SNN_LAYER_INPUT:
        return check_shape(context, layer);
    case SNN_LAYER_CONV2D:
        return resolve_conv2d(context, layer, inputs[0]->shape);
    case SNN_LAYER_DENSE:
        return resolve_dense(context, layer);
    case SNN_LAYER_AVG_POOL2D:
    case SNN_LAYER_SUM_POOL2D:
    case SNN_LAYER_MAX_POOL2D:
        return resolve_pool(context, layer, inputs[0]->shape);
    case SNN_LAYER_ADD:
        return resolve_add(context, layer, inputs);
    case SNN_LAYER_FLATTEN:
        return resolve_flatten(context, layer, inputs[0]->shape);
    case SNN_LAYER_CONCAT:
        return resolve_concat(context, layer, inputs);
    case SNN_LAYER_IF:
        return resolve_if(context, layer, inputs[0]->shape);
    }
    return snnbase_fail(context, SNN_ERR_INTERNAL, "layer '%s': kind without a rule", layer->name);
}

int snnmodel_layer_check_tensors(struct snn_context *context, const struct snn_layer *layer,
                                 const struct snn_layer *const *inputs)
{
    if (layer->kind != SNN_LAYER_CONV2D && layer->kind != SNN_LAYER_DENSE) return SNN_OK;
    struct snn_shape in = inputs[0]->shape;
    size_t per_output = snn_shape_size(in);
    if (layer->kind == SNN_LAYER_CONV2D) {
        per_output = (size_t)(in.channels / layer->groups) * layer->window.kernel_h;
        if (!snnbase_size_mul(per_output, layer->window.kernel_w, &per_output))
            return snnbase_fail(context, SNN_ERR_LIMIT, "layer '%s': kernel is too large",
                                layer->name);
    }
    int status = check_weights(context, layer, per_output);
    return status == SNN_OK ? check_bias(context, layer) : status;
}
