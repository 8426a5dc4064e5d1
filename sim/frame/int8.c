/* A frame through a plan: the kernels in 8-bit integers, each after the one of TensorFlow Lite that
 * it names (tensorflow/lite/kernels/internal/reference/...), whose integers it gives. Sums of
 * integers have no order, so loops are laid out for speed alone: what a sum reads is gathered as
 * int16, and sim/kernel multiplies it with the weights of all outputs.
 */
#include <math.h>
#include <string.h>

#include "sim/frame/frame.h"

/* A layer under way. */
struct task {
    const struct snnsim_frame_plan *plan;
    const struct snnsim_frame_layer *layer;
    struct snn_shape in, out;
    char *block;
};

static int8_t *values_of(const struct task *t, uint32_t layer)
{
    return (int8_t *)t->block + t->plan->layers[layer].values;
}

static const int8_t *input_of(const struct task *t, uint32_t k)
{
    return values_of(t, t->layer->layer->inputs[k]);
}

static struct snnsim_affine input_affine(const struct task *t, uint32_t k)
{
    return t->plan->layers[t->layer->layer->inputs[k]].affine;
}

static int8_t *output_of(const struct task *t)
{
    return (int8_t *)t->block + t->layer->values;
}

/* ---- Input ---- */

/* affine quantisation: quantize.h */
static void quantize_input(const struct task *t, const float *intensity)
{
    const struct snn_preprocess *p = snn_graph_preprocess(t->plan->graph);
    const size_t map = (size_t)t->out.height * t->out.width;
    for (uint32_t c = 0; c < t->out.channels; c++) {
        uint32_t k = p->channel_count == 1 ? 0 : c;
        /* As the plain evaluation does it. */
        const double scale = 255.0 * p->scale / p->std[k], offset = p->mean[k] / p->std[k];
        int8_t *out = output_of(t) + c;
        for (size_t i = 0; i < map; i++, out += t->out.channels)
            *out = snnsim_fixed_quantize((float)((double)*intensity++ * scale - offset),
                                         t->layer->affine);
    }
}

/* ---- Convolution and dense layers: integer_ops/conv.h, depthwise_conv.h, fully_connected.h ----
 */

/* The input without its zero point, padded with zeros, channels last. */
static void pad_input(const struct task *t, int16_t *plane)
{
    const struct snn_window *w = &t->layer->window;
    const int8_t *in = input_of(t, 0);
    const int16_t zero = (int16_t)input_affine(t, 0).zero_point;
    const size_t row = (size_t)t->in.width * t->in.channels;
    const size_t left = (size_t)w->pad_left * t->in.channels;
    const size_t right = (size_t)w->pad_right * t->in.channels;
    const size_t pitch = left + row + right;
    memset(plane, 0, w->pad_top * pitch * sizeof(*plane));
    plane += w->pad_top * pitch;
    for (uint32_t y = 0; y < t->in.height; y++, plane += pitch, in += row) {
        memset(plane, 0, left * sizeof(*plane));
        for (size_t i = 0; i < row; i++)
            plane[left + i] = (int16_t)(in[i] - zero);
        memset(plane + left + row, 0, right * sizeof(*plane));
    }
    memset(plane, 0, w->pad_bottom * pitch * sizeof(*plane));
}

/* What the sums of one group at one position read, [kernel row][kernel column][channel]. `from` is
 * where the window begins in that group's channels. */
static void gather(const struct snn_window *w, const int16_t *from, size_t pitch, size_t channels,
                   size_t group_channels, int16_t *patch)
{
    const size_t row_step = w->dilation_h * pitch, step = w->dilation_w * channels;
    for (uint32_t ky = 0; ky < w->kernel_h; ky++, from += row_step) {
        if (step == group_channels) {
            memcpy(patch, from, w->kernel_w * step * sizeof(*patch));
            patch += w->kernel_w * step;
            continue;
        }
        for (uint32_t kx = 0; kx < w->kernel_w; kx++, patch += group_channels)
            memcpy(patch, from + kx * step, group_channels * sizeof(*patch));
    }
}

static void multiply_depthwise(const struct snn_window *w, const int16_t *from, size_t pitch,
                               size_t channels, const int16_t *weights, int32_t *restrict sums)
{
    memset(sums, 0, channels * sizeof(*sums));
    for (uint32_t ky = 0; ky < w->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < w->kernel_w; kx++, weights += channels) {
            const int16_t *x = from + ky * w->dilation_h * pitch + kx * w->dilation_w * channels;
            for (size_t c = 0; c < channels; c++)
                sums[c] += x[c] * weights[c];
        }
    }
}

/* What the loop needs is copied: a store of int8_t may alias anything. */
static void finish_sums(const struct snnsim_frame_layer *l, const int32_t *sums,
                        const int32_t *bias, int8_t *out)
{
    const size_t channels = l->layer->shape.channels;
    const struct snnsim_multiplier *factor = l->factor;
    const struct snnsim_multiplier *below = l->negative != NULL ? l->negative : l->factor;
    const int32_t low = l->low, high = l->high, zero_point = l->affine.zero_point;
    for (size_t o = 0; o < channels; o++) {
        const int32_t sum = sums[o] + bias[o];
        const int64_t scaled = snnsim_fixed_multiply(sum, sum < 0 ? below[o] : factor[o]);
        out[o] = snnsim_fixed_clamp(scaled + zero_point, low, high);
    }
}

/* Sums as what they stand for: nothing is rounded but to a float. */
static void finish_reals(const struct snnsim_frame_layer *l, const int32_t *sums,
                         const int32_t *bias, float *out)
{
    const struct snn_layer *layer = l->layer;
    for (size_t o = 0; o < layer->shape.channels; o++) {
        double value = (double)(sums[o] + bias[o]) * l->real[o];
        if (value < 0.0 && layer->activation != SNN_ACTIVATION_NONE)
            value *= layer->activation == SNN_ACTIVATION_LEAKY_RELU ? (double)layer->slope : 0.0;
        if (layer->activation == SNN_ACTIVATION_CLIP) value = fmin(value, (double)layer->clip);
        out[o] = (float)value;
    }
}

static void sum_layer(const struct task *t)
{
    const struct snnsim_frame_layer *l = t->layer;
    const struct snn_window *w = &l->window;
    const size_t channels = t->in.channels, in_group = channels / l->groups;
    const size_t out_group = t->out.channels / l->groups;
    const size_t pitch = ((size_t)t->in.width + w->pad_left + w->pad_right) * channels;
    int16_t *plane = (int16_t *)(void *)(t->block + t->plan->plane);
    int16_t *patch = (int16_t *)(void *)(t->block + t->plan->patch);
    int32_t *sums = (int32_t *)(void *)(t->block + t->plan->sums);
    const int32_t *bias = l->bias;
    int8_t *out = output_of(t);
    float *real = (float *)(void *)(t->block + l->values);
    pad_input(t, plane);
    memset(patch, 0, l->depth * sizeof(*patch));
    for (uint32_t y = 0; y < t->out.height; y++) {
        const int16_t *from = plane + y * w->stride_h * pitch;
        for (uint32_t x = 0; x < t->out.width; x++, from += w->stride_w * channels) {
            if (l->depthwise) multiply_depthwise(w, from, pitch, channels, l->weights, sums);
            for (size_t g = 0; !l->depthwise && g < l->groups; g++) {
                gather(w, from + g * in_group, pitch, channels, in_group, patch);
                t->plan->kernels.multiply(patch, l->weights + g * out_group * l->depth, l->depth,
                                          out_group, sums + g * out_group);
            }
            if (l->real == NULL) {
                finish_sums(l, sums, bias, out);
                out += t->out.channels;
            } else {
                finish_reals(l, sums, bias, real);
                real += t->out.channels;
            }
            bias += l->bias_step;
        }
    }
}

/* ---- Pools ---- */

/* The part of a window that lies inside the input along one axis: from .. end. */
struct span {
    size_t from, end;
};

static struct span span_of(uint32_t at, uint32_t stride, uint32_t pad, uint32_t kernel,
                           uint32_t size)
{
    const int64_t first = (int64_t)at * stride - pad, end = first + kernel;
    return (struct span){first > 0 ? (size_t)first : 0, end < size ? (size_t)end : size};
}

/* Halves away from 0. Divisions of 32 bits are the faster ones. */
static int64_t divide(int64_t sum, int64_t count)
{
    const int64_t nudged = sum > 0 ? sum + count / 2 : sum - count / 2;
    if (nudged == (int32_t)nudged && count <= INT32_MAX) return (int32_t)nudged / (int32_t)count;
    return nudged / count;
}

static bool same_affine(struct snnsim_affine a, struct snnsim_affine b)
{
    return a.zero_point == b.zero_point && !(a.scale < b.scale) && !(a.scale > b.scale);
}

/* A factor divided by a count, as reference/reduce.h does it, QuantizedMeanOrSum. */
static struct snnsim_multiplier divide_factor(struct snnsim_multiplier factor, int64_t count)
{
    int32_t shift = 0;
    while (shift < 32 && shift < 31 + factor.shift && count >> (shift + 1) > 0)
        shift++;
    const int64_t mantissa = (int64_t)factor.mantissa * (INT64_C(1) << shift) / count;
    return (struct snnsim_multiplier){(int32_t)mantissa, factor.shift - shift};
}

/* An integer of input k as the output has it. */
static int8_t move(const struct snnsim_frame_layer *l, uint32_t k, int8_t value)
{
    return l->moved[k * SNNSIM_FRAME_CODES + (uint32_t)(value - INT8_MIN)];
}

static void max_window(const struct task *t, struct span y, struct span x, int8_t *restrict out)
{
    const size_t channels = t->in.channels;
    memset(out, INT8_MIN, channels);
    for (size_t row = y.from; row < y.end; row++) {
        const int8_t *in = input_of(t, 0) + (row * t->in.width + x.from) * channels;
        for (size_t column = x.from; column < x.end; column++, in += channels) {
            for (size_t c = 0; c < channels; c++)
                out[c] = in[c] > out[c] ? in[c] : out[c];
        }
    }
    for (size_t c = 0; c < channels; c++)
        out[c] = move(t->layer, 0, out[c]);
}

static void sum_window(const struct task *t, struct span y, struct span x, int64_t *restrict sums)
{
    const size_t channels = t->in.channels;
    memset(sums, 0, channels * sizeof(*sums));
    for (size_t row = y.from; row < y.end; row++) {
        const int8_t *in = input_of(t, 0) + (row * t->in.width + x.from) * channels;
        for (size_t column = x.from; column < x.end; column++, in += channels) {
            for (size_t c = 0; c < channels; c++)
                sums[c] += in[c];
        }
    }
}

/* A mean in the input's own integers is AVERAGE_POOL_2D (integer_ops/pooling.h); to another scale
 * it is MEAN (reduce.h). Sums have no counterpart there. */
static void finish_window(const struct task *t, const int64_t *sums, int64_t inside, int8_t *out)
{
    const struct snn_layer *layer = t->layer->layer;
    const struct snnsim_affine in = input_affine(t, 0), to = t->layer->affine;
    const int64_t area = (int64_t)layer->window.kernel_h * layer->window.kernel_w;
    const int64_t count = layer->pad_excluded ? inside : area;
    const bool mean = layer->kind == SNN_LAYER_AVG_POOL2D, plain = mean && same_affine(in, to);
    const int64_t zeros = (plain ? count - inside : -inside) * in.zero_point;
    const struct snnsim_multiplier factor =
        mean ? divide_factor(*t->layer->factor, count) : *t->layer->factor;
    for (size_t c = 0; c < t->out.channels; c++) {
        int64_t value = sums[c] + zeros;
        if (plain) {
            value = divide(value, count);
        } else {
            value = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value;
            value = (int64_t)snnsim_fixed_multiply((int32_t)value, factor) + to.zero_point;
        }
        out[c] = snnsim_fixed_clamp(value, INT8_MIN, INT8_MAX);
    }
}

static void pool_layer(const struct task *t)
{
    const struct snn_window *w = &t->layer->layer->window;
    int64_t *sums = (int64_t *)(void *)(t->block + t->plan->sums);
    int8_t *out = output_of(t);
    for (uint32_t oy = 0; oy < t->out.height; oy++) {
        const struct span y = span_of(oy, w->stride_h, w->pad_top, w->kernel_h, t->in.height);
        for (uint32_t ox = 0; ox < t->out.width; ox++, out += t->out.channels) {
            const struct span x = span_of(ox, w->stride_w, w->pad_left, w->kernel_w, t->in.width);
            if (t->layer->layer->kind == SNN_LAYER_MAX_POOL2D) {
                max_window(t, y, x, out);
                continue;
            }
            sum_window(t, y, x, sums);
            finish_window(t, sums, (int64_t)((y.end - y.from) * (x.end - x.from)), out);
        }
    }
}

/* ---- Joins and moves ---- */

/* integer_ops/add.h */
static void add_layer(const struct task *t)
{
    const struct snnsim_frame_layer *l = t->layer;
    const size_t count = snn_shape_size(t->out);
    int32_t *sums = (int32_t *)(void *)(t->block + t->plan->sums);
    const struct snnsim_multiplier total = l->total, below = l->total_below;
    const int32_t low = l->low, high = l->high, zero_point = l->affine.zero_point;
    int8_t *out = output_of(t);
    memset(sums, 0, count * sizeof(*sums));
    for (uint32_t k = 0; k < l->layer->input_count; k++) {
        const int32_t *summand = l->summand + k * SNNSIM_FRAME_CODES - INT8_MIN;
        const int8_t *in = input_of(t, k);
        for (size_t i = 0; i < count; i++)
            sums[i] += summand[in[i]];
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t scaled = snnsim_fixed_multiply(sums[i], sums[i] < 0 ? below : total);
        out[i] = snnsim_fixed_clamp(scaled + zero_point, low, high);
    }
}

/* concatenation.h, where all scales are the same. */
static void concat_layer(const struct task *t)
{
    const size_t map = (size_t)t->out.height * t->out.width;
    int8_t *out = output_of(t);
    for (uint32_t k = 0; k < t->layer->layer->input_count; k++) {
        const size_t channels =
            snn_graph_layer(t->plan->graph, t->layer->layer->inputs[k])->shape.channels;
        const int8_t *in = input_of(t, k);
        for (size_t i = 0; i < map; i++) {
            for (size_t c = 0; c < channels; c++)
                out[i * t->out.channels + c] = move(t->layer, k, *in++);
        }
        out += channels;
    }
}

/* The order of a flattened map is channels first, as everywhere in a graph. */
static void flatten_layer(const struct task *t)
{
    const size_t map = (size_t)t->in.height * t->in.width;
    const int8_t *in = input_of(t, 0);
    int8_t *out = output_of(t);
    for (size_t c = 0; c < t->in.channels; c++) {
        for (size_t i = 0; i < map; i++)
            *out++ = move(t->layer, 0, in[i * t->in.channels + c]);
    }
}

void snnsim_frame_run(const struct snnsim_frame_plan *plan, void *block, const float *intensity)
{
    for (uint32_t i = 0; i < plan->layer_count; i++) {
        const struct snn_layer *layer = plan->layers[i].layer;
        struct task task = {
            .plan = plan, .layer = &plan->layers[i], .out = layer->shape, .block = block};
        if (layer->input_count > 0) task.in = plan->layers[layer->inputs[0]].layer->shape;
        switch (layer->kind) {
        case SNN_LAYER_INPUT:
            quantize_input(&task, intensity);
            break;
        case SNN_LAYER_CONV2D:
        case SNN_LAYER_DENSE:
            sum_layer(&task);
            break;
        case SNN_LAYER_AVG_POOL2D:
        case SNN_LAYER_SUM_POOL2D:
        case SNN_LAYER_MAX_POOL2D:
            pool_layer(&task);
            break;
        case SNN_LAYER_ADD:
            add_layer(&task);
            break;
        case SNN_LAYER_CONCAT:
            concat_layer(&task);
            break;
        case SNN_LAYER_FLATTEN:
            flatten_layer(&task);
            break;
        case SNN_LAYER_IF:
            break;
        }
    }
}
