/* One node of a program as one layer of a graph, operator by operator. What has no layer is refused
 * with the cause and, where there is one, a remedy.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/emit_parts.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

static int refuse(struct snnconv_emitter *e, const char *hint, const char *cause)
{
    (void)snnbase_fail(e->context, SNN_ERR_UNSUPPORTED, "%s", cause);
    return hint != NULL ? snnbase_hint(e->context, "%s", hint) : SNN_ERR_UNSUPPORTED;
}

static bool is_constant(const struct snnconv_array *array)
{
    return array != NULL && array->data != NULL;
}

static bool is_frame(const struct snnconv_array *array)
{
    return array->rank == 2 || array->rank == 4;
}

/* Elements of a constant as floats. */
static int load_floats(struct snnconv_emitter *e, const struct snnconv_array *array,
                       const float **out, size_t *count_out)
{
    *count_out = snnconv_array_count(array);
    if (array->type == SNNCONV_TYPE_F32) {
        *out = array->data;
        return SNN_OK;
    }
    float *copy = snnbase_arena_alloc(e->constants, e->context, *count_out, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < *count_out; i++)
        copy[i] = (float)snnconv_array_load(array, i);
    *out = copy;
    return SNN_OK;
}

/* ---- Weights and biases ---- */

/* The bias of a channel each, and the map behind the node, as one list. */
static int load_bias(struct snnconv_emitter *e, const struct snnconv_array *bias,
                     const struct snnconv_array *map, struct snn_layer *layer)
{
    int status = SNN_OK;
    if (bias != NULL) status = load_floats(e, bias, &layer->bias, &layer->bias_count);
    if (status != SNN_OK || map == NULL) return status;
    size_t count = snnconv_array_count(map), each = count / (size_t)map->dim[1];
    float *sum = snnbase_arena_alloc(e->constants, e->context, count, sizeof(*sum));
    if (sum == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        double channel = layer->bias != NULL ? (double)layer->bias[i / each] : 0.0;
        sum[i] = (float)(channel + snnconv_array_load(map, i));
    }
    layer->bias = sum;
    layer->bias_count = count;
    return SNN_OK;
}

static bool to_u32(int64_t value, uint32_t *out)
{
    if (value < 0 || value > UINT32_MAX) return false;
    *out = (uint32_t)value;
    return true;
}

static int load_window(struct snnconv_emitter *e, const struct snnconv_attributes *a,
                       struct snn_window *out)
{
    struct snn_window w = {.kernel_h = 0};
    bool fits = a->spatial == 2 && to_u32(a->kernel[0], &w.kernel_h) &&
                to_u32(a->kernel[1], &w.kernel_w) && to_u32(a->stride[0], &w.stride_h) &&
                to_u32(a->stride[1], &w.stride_w) && to_u32(a->dilation[0], &w.dilation_h) &&
                to_u32(a->dilation[1], &w.dilation_w);
    if (!fits) return refuse(e, NULL, "windows of two axes are supported, in range");
    if (!to_u32(a->pad_begin[0], &w.pad_top) || !to_u32(a->pad_begin[1], &w.pad_left) ||
        !to_u32(a->pad_end[0], &w.pad_bottom) || !to_u32(a->pad_end[1], &w.pad_right))
        return refuse(e, NULL, "negative padding is not supported");
    *out = w;
    return SNN_OK;
}

static int emit_conv(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_array *weights = snnconv_emit_input(e, node, 1);
    const struct snnconv_array *bias = snnconv_emit_input(e, node, 2);
    struct snn_layer layer = {.kind = SNN_LAYER_CONV2D};
    struct snnconv_tail tail;
    if (!is_constant(weights) || (bias != NULL && !is_constant(bias)))
        return refuse(e, "export the net with its weights as constants",
                      "the weights are computed while the net runs");
    if (weights->rank != 4 || snnconv_emit_array(e, node->inputs[0])->rank != 4)
        return refuse(e, NULL, "convolutions over one or two spatial axes are supported");
    int status = load_window(e, &node->attributes, &layer.window);
    if (status != SNN_OK) return status;
    layer.shape.channels = (uint32_t)weights->dim[0];
    layer.groups = (uint32_t)node->attributes.group;
    snnconv_emit_tail(e, node, true, &tail);
    status = load_floats(e, weights, &layer.weights, &layer.weight_count);
    if (status == SNN_OK) status = load_bias(e, bias, tail.map, &layer);
    if (status == SNN_OK) status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, 1);
    if (status != SNN_OK) return status;
    return snnconv_emit_quantization(e, e->layer[tail.output], tail.output,
                                     &e->program->values[node->inputs[1]]);
}

static int emit_dense(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_array *weights = snnconv_emit_input(e, node, 1);
    const struct snnconv_array *bias = snnconv_emit_input(e, node, 2);
    const struct snnconv_attributes *a = &node->attributes;
    struct snn_layer layer = {.kind = SNN_LAYER_DENSE};
    struct snnconv_tail tail;
    if (is_constant(snnconv_emit_input(e, node, 0)))
        return refuse(e, "write the product with the constant as its second factor",
                      "the constant is the first factor of the product");
    if (!is_constant(weights) || (bias != NULL && !is_constant(bias)))
        return refuse(e, "attention and other products of two activations have no layer",
                      "a product of two values that both depend on the input");
    bool normal = node->op == SNNCONV_OP_GEMM && a->trans_b && !a->trans_a && a->alpha == 1.0f &&
                  (bias == NULL || (a->beta == 1.0f && bias->rank == 1));
    if (!normal || weights->rank != 2)
        return refuse(e, NULL,
                      a->trans_a ? "a transposed first factor is not supported"
                                 : "products of a vector and a matrix are supported");
    layer.shape.channels = (uint32_t)weights->dim[0];
    snnconv_emit_tail(e, node, true, &tail);
    int status = load_floats(e, weights, &layer.weights, &layer.weight_count);
    if (status == SNN_OK) status = load_bias(e, bias, tail.map, &layer);
    if (status == SNN_OK) status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, 1);
    if (status != SNN_OK) return status;
    return snnconv_emit_quantization(e, e->layer[tail.output], tail.output,
                                     &e->program->values[node->inputs[1]]);
}

/* ---- One pixel, channel by channel ---- */

/* A convolution of one pixel, channel by channel: scale (NULL: 1), shift (NULL: none) and what
 * follows. */
static int emit_depthwise(struct snnconv_emitter *e, const struct snnconv_node *node,
                          const double *scale, const double *shift, size_t shift_count,
                          const struct snnconv_tail *tail)
{
    uint32_t channels = (uint32_t)snnconv_emit_array(e, node->inputs[0])->dim[1];
    struct snn_layer layer = {
        .kind = SNN_LAYER_CONV2D,
        .shape = {.channels = channels},
        .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1},
        .groups = channels,
        .weight_count = channels,
        .bias_count = shift != NULL ? shift_count : 0,
    };
    float *weights = snnbase_arena_alloc(&e->arena, e->context, channels, sizeof(*weights));
    float *bias = snnbase_arena_alloc(&e->arena, e->context, layer.bias_count, sizeof(*bias));
    if (weights == NULL || bias == NULL) return SNN_ERR_NOMEM;
    for (size_t c = 0; c < channels; c++)
        weights[c] = scale != NULL ? (float)scale[c] : 1.0f;
    for (size_t i = 0; i < layer.bias_count; i++)
        bias[i] = (float)shift[i];
    layer.weights = weights;
    if (shift != NULL) layer.bias = bias;
    return snnconv_emit_add(e, node, &layer, tail, node->inputs, 1);
}

static int emit_normalization(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_array *x = snnconv_emit_array(e, node->inputs[0]);
    const struct snnconv_array *p[4];
    struct snnconv_tail tail;
    if (!is_frame(x)) return refuse(e, NULL, "normalisation of images and vectors is supported");
    if (node->attributes.training_mode)
        return refuse(e, "export the net for inference", "the net is in training mode");
    size_t channels = (size_t)x->dim[1];
    for (uint32_t k = 0; k < 4; k++) {
        p[k] = snnconv_emit_input(e, node, k + 1);
        if (!is_constant(p[k]) || snnconv_array_count(p[k]) != channels)
            return refuse(e, NULL, "its parameters are not constants of one value a channel");
    }
    double *scale = snnbase_arena_alloc(&e->arena, e->context, channels, sizeof(*scale));
    double *shift = snnbase_arena_alloc(&e->arena, e->context, channels, sizeof(*shift));
    if (scale == NULL || shift == NULL) return SNN_ERR_NOMEM;
    for (size_t c = 0; c < channels; c++) {
        double root = sqrt(snnconv_array_load(p[3], c) + (double)node->attributes.epsilon);
        scale[c] = snnconv_array_load(p[0], c) / root;
        shift[c] = snnconv_array_load(p[1], c) - snnconv_array_load(p[2], c) * scale[c];
    }
    snnconv_emit_tail(e, node, false, &tail);
    return emit_depthwise(e, node, scale, shift, channels, &tail);
}

static int emit_activation(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    struct snnconv_tail tail = {.output = node->outputs[0], .activation = node};
    if (!is_frame(snnconv_emit_array(e, node->inputs[0])))
        return refuse(e, NULL, "activations of images and vectors are supported");
    return emit_depthwise(e, node, NULL, NULL, 0, &tail);
}

/* ---- Pools ---- */

static int emit_pool(struct snnconv_emitter *e, const struct snnconv_node *node,
                     enum snn_layer_kind kind)
{
    const struct snnconv_attributes *a = &node->attributes;
    const struct snnconv_tail tail = {.output = node->outputs[0]};
    struct snn_layer layer = {.kind = kind};
    if (node->output_count > 1 && node->outputs[1] != SNNCONV_NONE &&
        e->readers[node->outputs[1]] > 0)
        return refuse(e, NULL, "the places of the maxima are read");
    if (a->ceil_mode)
        return refuse(e, "export the pool with ceil_mode off or count_include_pad off",
                      "rounding up (ceil_mode) where padding is counted is not supported");
    int status = load_window(e, a, &layer.window);
    if (status != SNN_OK) return status;
    const struct snn_window *w = &layer.window;
    bool pads = w->pad_top + w->pad_left + w->pad_bottom + w->pad_right > 0;
    if (w->dilation_h != 1 || w->dilation_w != 1)
        return refuse(e, NULL, "pools with dilation are not supported");
    layer.pad_excluded = kind == SNN_LAYER_AVG_POOL2D && pads && !a->count_include_pad;
    status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, 1);
    return status == SNN_OK ? snnconv_emit_quantization(e, e->layer[tail.output], tail.output, NULL)
                            : status;
}

static int emit_global(struct snnconv_emitter *e, const struct snnconv_node *node,
                       enum snn_layer_kind kind)
{
    const struct snnconv_array *x = snnconv_emit_array(e, node->inputs[0]);
    const struct snnconv_tail tail = {.output = node->outputs[0]};
    struct snn_layer layer = {.kind = kind};
    if (x->rank != 4) return refuse(e, NULL, "global pools of images are supported");
    if (!to_u32(x->dim[2], &layer.window.kernel_h) || !to_u32(x->dim[3], &layer.window.kernel_w))
        return refuse(e, NULL, "the image is too large");
    layer.window.stride_h = layer.window.stride_w = 1;
    int status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, 1);
    return status == SNN_OK ? snnconv_emit_quantization(e, e->layer[tail.output], tail.output, NULL)
                            : status;
}

/* ---- Branches ---- */

/* Add of a constant that is no bias: a scale of 1 and a shift. */
static int emit_shift(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_array *x = snnconv_emit_array(e, node->inputs[0]);
    const struct snnconv_array *constant = snnconv_emit_input(e, node, 1);
    struct snnconv_tail tail;
    size_t size = snnconv_array_count(x) / (size_t)x->dim[0];
    bool whole = is_frame(x) && !is_constant(x) && is_constant(constant) &&
                 constant->rank == x->rank && snnconv_array_count(constant) == size;
    if (!whole)
        return refuse(e, "constants of one value a channel or one an element can be added",
                      "adds a constant of a shape of its own");
    double *shift = snnbase_arena_alloc(&e->arena, e->context, size, sizeof(*shift));
    if (shift == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < size; i++)
        shift[i] = snnconv_array_load(constant, i);
    snnconv_emit_tail(e, node, false, &tail);
    return emit_depthwise(e, node, NULL, shift, size, &tail);
}

static int emit_add(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    struct snn_layer layer = {.kind = SNN_LAYER_ADD};
    struct snnconv_tail tail;
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (is_constant(snnconv_emit_input(e, node, k)))
            return node->input_count == 2
                       ? emit_shift(e, node)
                       : refuse(e, NULL, "a sum of branches and a constant is not supported");
    }
    snnconv_emit_tail(e, node, false, &tail);
    int status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, node->input_count);
    return status == SNN_OK ? snnconv_emit_quantization(e, e->layer[tail.output], tail.output, NULL)
                            : status;
}

static int emit_concat(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_tail tail = {.output = node->outputs[0]};
    struct snn_layer layer = {.kind = SNN_LAYER_CONCAT};
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (is_constant(snnconv_emit_input(e, node, k)))
            return refuse(e, NULL, "a constant among what is joined is not supported");
    }
    if (node->attributes.axis != 1)
        return refuse(e, NULL, "only channels, or elements of vectors, can be joined");
    int status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, node->input_count);
    return status == SNN_OK ? snnconv_emit_quantization(e, e->layer[tail.output], tail.output, NULL)
                            : status;
}

/* ---- Shapes ---- */

/* Nothing, if a frame is one value a channel before and behind; else it must flatten. */
static int emit_reshape(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_tail tail = {.output = node->outputs[0]};
    const struct snnconv_array *x = snnconv_emit_array(e, node->inputs[0]);
    const struct snnconv_array *y = snnconv_emit_array(e, node->outputs[0]);
    struct snn_layer layer = {.kind = SNN_LAYER_FLATTEN};
    uint32_t before = e->layer[node->inputs[0]];
    struct snn_shape shape = snn_graph_layer(e->graph, before)->shape;
    size_t size = snn_shape_size(shape);
    bool vector = is_frame(y) && x->dim[0] == y->dim[0] && (size_t)y->dim[1] == size;
    if (!vector && y->rank == 1 && x->rank == 2 && x->dim[0] == 1) vector = true;
    if (!vector)
        return refuse(e,
                      "reshapes that flatten an image, or that only add or take axes of one "
                      "element, are supported",
                      "makes an image of other values than its channels, rows and columns");
    if (shape.height == 1 && shape.width == 1) {
        e->layer[node->outputs[0]] = before;
        return SNN_OK;
    }
    int status = snnconv_emit_add(e, node, &layer, &tail, node->inputs, 1);
    return status == SNN_OK ? snnconv_emit_quantization(e, e->layer[tail.output], tail.output, NULL)
                            : status;
}

/* ---- Neurons ---- */

/* A list of one value, one a channel or one a neuron from a constant that broadcasts to a frame. */
static int load_list(struct snnconv_emitter *e, const struct snnconv_array *x,
                     const struct snnconv_array *list, const float **out, size_t *count_out)
{
    uint32_t rank = x->rank - 1;
    int64_t dim[SNNCONV_RANK_MAX] = {1, 1, 1}; /* of the list, one an axis of the frame */
    size_t step[SNNCONV_RANK_MAX] = {0}, at = 1, count = snnconv_array_count(list);
    if (list->rank > rank) return refuse(e, NULL, "a parameter has more axes than a frame");
    if (count == 1 || (count == (size_t)x->dim[1] && list->rank == rank && list->dim[0] != 1))
        return load_floats(e, list, out, count_out);
    for (uint32_t i = rank; i-- > 0 && i + list->rank >= rank;) {
        dim[i] = list->dim[i + list->rank - rank];
        if (dim[i] != 1) step[i] = at;
        at *= (size_t)dim[i];
    }
    size_t size = snnconv_array_count(x) / (size_t)x->dim[0];
    float *data = snnbase_arena_alloc(&e->arena, e->context, size, sizeof(*data));
    if (data == NULL) return SNN_ERR_NOMEM;
    for (size_t p = 0; p < size; p++) {
        size_t rest = p, from = 0;
        for (uint32_t i = rank; i-- > 0;) {
            from += rest % (size_t)x->dim[i + 1] * step[i];
            rest /= (size_t)x->dim[i + 1];
        }
        data[p] = (float)snnconv_array_load(list, from);
    }
    *out = data;
    *count_out = size;
    return SNN_OK;
}

static int emit_neurons(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_array *x = snnconv_emit_array(e, node->inputs[0]);
    const struct snnconv_tail tail = {.output = node->outputs[0]};
    struct snn_neurons neurons = {.reset = node->attributes.reset_zero ? SNN_RESET_ZERO
                                                                       : SNN_RESET_SUBTRACT};
    struct snn_layer layer = {.kind = SNN_LAYER_IF, .neurons = &neurons};
    const float **lists[3] = {&neurons.threshold, &neurons.v_init, &neurons.v_min};
    size_t *counts[3] = {&neurons.threshold_count, &neurons.v_init_count, &neurons.v_min_count};
    if (!is_frame(x)) return refuse(e, NULL, "neurons of images and vectors are supported");
    for (uint32_t k = 0; k < 3; k++) {
        const struct snnconv_array *list = snnconv_emit_input(e, node, k + 1);
        if (list == NULL) continue;
        if (!is_constant(list)) return refuse(e, NULL, "a parameter is not constant");
        int status = load_list(e, x, list, lists[k], counts[k]);
        if (status != SNN_OK) return status;
    }
    return snnconv_emit_add(e, node, &layer, &tail, node->inputs, 1);
}

/* ---- What has no layer ---- */

static int refuse_clip(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    const struct snnconv_array *low = snnconv_emit_input(e, node, 1);
    const struct snnconv_array *high = snnconv_emit_input(e, node, 2);
    bool known = (low == NULL || is_constant(low)) && (high == NULL || is_constant(high));
    if (!known) return refuse(e, NULL, "its bounds are computed while the net runs");
    if (low == NULL)
        (void)snnbase_fail(e->context, SNN_ERR_UNSUPPORTED,
                           "has no lower bound: activations are 0 or above");
    else if (snnconv_array_load(low, 0) != 0.0)
        (void)snnbase_fail(e->context, SNN_ERR_UNSUPPORTED,
                           "its lower bound is %g: activations are 0 or above",
                           snnconv_array_load(low, 0));
    else
        (void)snnbase_fail(e->context, SNN_ERR_UNSUPPORTED,
                           "its upper bound is %g, which is not above 0",
                           high != NULL ? snnconv_array_load(high, 0) : 0.0);
    return snnbase_hint(e->context, "ReLU and clips from 0 to a positive bound are supported");
}

static int refuse_operator(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_SUB:
    case SNNCONV_OP_MUL:
    case SNNCONV_OP_DIV:
        for (uint32_t k = 0; k < node->input_count; k++) {
            if (is_constant(snnconv_emit_input(e, node, k)))
                return refuse(e, "constants of one value a channel can be folded",
                              "its constant cannot be folded into a layer beside it");
        }
        return refuse(e, "only sums of two branches have a layer",
                      "of two values that both depend on the input");
    case SNNCONV_OP_PAD:
        return refuse(e,
                      "zeros around rows and columns of convolutions and average pools, and of "
                      "max pools behind a ReLU, are supported",
                      "this padding cannot go into the layers behind it");
    case SNNCONV_OP_TRANSPOSE:
        return refuse(e, "train or export the net with one order of axes",
                      "the order of the axes it makes cannot go into the layers behind it");
    case SNNCONV_OP_SIGMOID:
        return refuse(
            e,
            "train with ReLU in place of sigmoid, SiLU (Swish), GELU and of gates such as "
            "squeeze-and-excitation",
            "has no integrate-and-fire and no frame-based form inside a net; only at its "
            "end, over its classes, is it dropped");
    case SNNCONV_OP_SOFTMAX:
    case SNNCONV_OP_LOG_SOFTMAX:
    case SNNCONV_OP_ARG_MAX:
        return refuse(e, "attention has no form here: train with convolutions and ReLU",
                      "has no integrate-and-fire and no frame-based form inside a net; only at its "
                      "end, over its classes, is it dropped");
    case SNNCONV_OP_SLICE:
    case SNNCONV_OP_GATHER:
        return refuse(
            e,
            "give each branch a layer of its own that reads the whole value; of splits by "
            "channels, a convolution with groups does the same",
            "takes a part of a value that depends on the input");
    case SNNCONV_OP_REDUCE_MAX:
    case SNNCONV_OP_REDUCE_MEAN:
        return refuse(e, NULL, "means and maxima over rows and columns are supported");
    default:
        return refuse(e, "export the net for inference, for an input of fixed shape",
                      "has no layer where its inputs are not constant");
    }
}

static bool is_relu(const struct snnconv_emitter *e, const struct snnconv_node *node)
{
    double high = 0.0;
    if (node->op != SNNCONV_OP_CLIP) return true;
    const struct snnconv_array *low = snnconv_emit_input(e, node, 1);
    const struct snnconv_array *top = snnconv_emit_input(e, node, 2);
    if (!is_constant(low) || snnconv_array_count(low) != 1 || !is_constant(top)) return false;
    high = snnconv_array_count(top) == 1 ? snnconv_array_load(top, 0) : 0.0;
    return snnconv_array_load(low, 0) == 0.0 && high > 0.0;
}

int snnconv_emit_node(struct snnconv_emitter *e, const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_CONV:
        return emit_conv(e, node);
    case SNNCONV_OP_GEMM:
    case SNNCONV_OP_MAT_MUL:
        return emit_dense(e, node);
    case SNNCONV_OP_BATCH_NORMALIZATION:
        return emit_normalization(e, node);
    case SNNCONV_OP_RELU:
    case SNNCONV_OP_LEAKY_RELU:
        return emit_activation(e, node);
    case SNNCONV_OP_CLIP:
        return is_relu(e, node) ? emit_activation(e, node) : refuse_clip(e, node);
    case SNNCONV_OP_AVERAGE_POOL:
        return emit_pool(e, node, SNN_LAYER_AVG_POOL2D);
    case SNNCONV_OP_MAX_POOL:
        return emit_pool(e, node, SNN_LAYER_MAX_POOL2D);
    case SNNCONV_OP_SUM_POOL:
        return emit_pool(e, node, SNN_LAYER_SUM_POOL2D);
    case SNNCONV_OP_GLOBAL_AVERAGE_POOL:
        return emit_global(e, node, SNN_LAYER_AVG_POOL2D);
    case SNNCONV_OP_GLOBAL_MAX_POOL:
        return emit_global(e, node, SNN_LAYER_MAX_POOL2D);
    case SNNCONV_OP_ADD:
    case SNNCONV_OP_SUM:
        return emit_add(e, node);
    case SNNCONV_OP_CONCAT:
        return emit_concat(e, node);
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_RESHAPE:
        return emit_reshape(e, node);
    case SNNCONV_OP_IF:
        return emit_neurons(e, node);
    default:
        return refuse_operator(e, node);
    }
}
