/* From a graph and the ranges of its layers to integers: weights, biases, factors, and where in a
 * session's block everything lies.
 */
#include <math.h>
#include <string.h>

#include "libsnn/base/cpu.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"
#include "sim/frame/frame.h"
#include "sim/frame/target.h"

#define WEIGHT_MAX 127
#define BIAS_MAX 0x1p30 /* of those quantised here */
#define SUM_SHIFT 20u   /* of the inputs of an addition, as in tensorflow/lite/kernels/add.cc */

struct builder {
    struct snnsim_frame_plan *plan;
    struct snn_context *context;
    struct snnsim_affine *affine; /* [layer] */
    size_t plane, patch, sums;    /* bytes that the greediest layer needs */
};

static const struct snn_layer *input_of(const struct builder *b, const struct snn_layer *layer)
{
    return snn_graph_layer(b->plan->graph, layer->inputs[0]);
}

static int out_of_limit(const struct builder *b, const struct snn_layer *layer)
{
    const uint64_t limit = snnbase_limits(b->context)->tensor_bytes;
    snnbase_fail(b->context, SNN_ERR_LIMIT,
                 "layer '%s': values and weights in integers exceed the limit of %llu bytes",
                 layer->name, (unsigned long long)limit);
    return snnbase_hint(b->context, "raise the tensor_bytes limit of the context");
}

/* ---- The block of a session ---- */

/* Takes `count` elements off the end of the block; false beyond the limit. */
static bool reserve(struct builder *b, size_t count, size_t size, size_t *offset_out)
{
    size_t bytes = 0, end = 0;
    if (!snnbase_size_mul(count, size, &bytes) ||
        !snnbase_size_add(bytes, SNNBASE_ALIGNMENT - 1, &bytes))
        return false;
    bytes -= bytes % SNNBASE_ALIGNMENT;
    if (!snnbase_size_add(b->plan->block_bytes, bytes, &end) ||
        end > snnbase_limits(b->context)->tensor_bytes)
        return false;
    *offset_out = b->plan->block_bytes;
    b->plan->block_bytes = end;
    return true;
}

/* The greatest need of all layers; false beyond what a size can tell. */
static bool need(size_t *most, size_t count, size_t size)
{
    size_t bytes = 0;
    if (!snnbase_size_mul(count, size, &bytes)) return false;
    if (bytes > *most) *most = bytes;
    return true;
}

static bool plane_size(struct snn_shape in, const struct snn_window *w, size_t *out)
{
    size_t height = (size_t)in.height + w->pad_top + w->pad_bottom;
    size_t width = (size_t)in.width + w->pad_left + w->pad_right;
    return snnbase_size_mul(height, width, out) && snnbase_size_mul(*out, in.channels, out);
}

/* ---- Weights ---- */

/* Scales of a layer that was not quantised: each channel's largest weight is 127. A channel whose
 * bias would then not fit into 32 bits gets a larger one. */
static void choose_scales(const struct snn_layer *layer, double input_scale, float *scale)
{
    const size_t depth = layer->weight_count / layer->shape.channels;
    const size_t biases = layer->bias_count / layer->shape.channels; /* of one channel, or none */
    for (size_t o = 0; o < layer->shape.channels; o++) {
        double most = 0.0, bias = 0.0;
        for (size_t k = 0; k < depth; k++)
            most = fmax(most, fabs((double)layer->weights[o * depth + k]));
        for (size_t k = 0; k < biases; k++)
            bias = fmax(bias, fabs((double)layer->bias[o * biases + k]));
        scale[o] = (float)fmax(most / WEIGHT_MAX, bias / (BIAS_MAX * input_scale));
        if (!(scale[o] >= 0x1p-100f)) scale[o] = 0x1p-100f; /* nothing but zeros */
    }
}

static int16_t quantize_weight(float weight, float scale)
{
    const double q = rint((double)weight / (double)scale);
    return (int16_t)fmin(fmax(q, INT8_MIN), INT8_MAX);
}

static int32_t quantize_bias(float bias, double scale)
{
    return (int32_t)fmin(fmax(rint((double)bias / scale), INT32_MIN), INT32_MAX);
}

/* Channels-first weights [o][c][y][x] of one output to where its sum finds them, [y][x][c]. Returns
 * the sum of their magnitudes. */
static uint64_t pack_output(struct snnsim_frame_layer *l, size_t o, size_t in_channels, float scale)
{
    const size_t taps = (size_t)l->window.kernel_h * l->window.kernel_w;
    const float *from = l->layer->weights + o * in_channels * taps;
    uint64_t magnitude = 0;
    for (size_t c = 0; c < in_channels; c++) {
        for (size_t tap = 0; tap < taps; tap++) {
            int16_t q = quantize_weight(*from++, scale);
            magnitude += (uint64_t)(q < 0 ? -q : q);
            if (l->depthwise)
                l->weights[tap * l->layer->shape.channels + o] = q;
            else
                l->weights[o * l->depth + tap * in_channels + c] = q;
        }
    }
    return magnitude;
}

/* The largest bias of one output. Biases go from [o] or [o][y][x] to [y][x][o]. */
static uint64_t pack_bias(struct snnsim_frame_layer *l, size_t o, double scale)
{
    const struct snn_layer *layer = l->layer;
    const size_t channels = layer->shape.channels;
    const size_t positions = layer->bias_count / channels;
    uint64_t most = 0;
    for (size_t at = 0; at < positions; at++) {
        int64_t q = quantize_bias(layer->bias[o * positions + at], scale);
        l->bias[at * channels + o] = (int32_t)q;
        if ((uint64_t)(q < 0 ? -q : q) > most) most = (uint64_t)(q < 0 ? -q : q);
    }
    return most;
}

/* The factor from sums to outputs. With one scale for all weights TensorFlow Lite takes the product
 * of scales in single precision for dense layers (kernel_util.cc, GetQuantizedConvolutionMultipler)
 * and in double precision for convolutions (PopulateConvolutionQuantizationParams). */
static double factor_of(const struct snnsim_frame_layer *l, struct snnsim_affine in, float scale,
                        bool one_scale)
{
    double product = (double)in.scale * (double)scale;
    if (one_scale && l->layer->kind == SNN_LAYER_DENSE) product = (double)(in.scale * scale);
    return product / (double)l->affine.scale;
}

static int quantize_outputs(struct builder *b, struct snnsim_frame_layer *l, const float *scale,
                            bool one_scale)
{
    const struct snn_layer *layer = l->layer;
    const struct snnsim_affine in = b->affine[layer->inputs[0]];
    const size_t in_channels = input_of(b, layer)->shape.channels / l->groups;
    for (size_t o = 0; o < layer->shape.channels; o++) {
        const float s = scale[one_scale ? 0 : o];
        uint64_t most = UINT8_MAX * pack_output(l, o, in_channels, s);
        most += pack_bias(l, o, (double)in.scale * (double)s);
        if (most > INT32_MAX)
            return snnbase_fail(b->context, SNN_ERR_UNSUPPORTED,
                                "layer '%s': sums of channel %zu may reach %llu, beyond 32 bits",
                                layer->name, o, (unsigned long long)most);
        if (l->real != NULL) {
            l->real[o] = (double)in.scale * (double)s;
            continue;
        }
        const double factor = factor_of(l, in, s, one_scale);
        l->factor[o] = snnsim_fixed_multiplier(factor);
        if (l->negative != NULL)
            l->negative[o] = snnsim_fixed_multiplier(factor * (double)layer->slope);
    }
    return SNN_OK;
}

/* Fills in the window, with which a dense layer is a convolution too. */
static int shape_sum(struct builder *b, struct snnsim_frame_layer *l)
{
    const struct snn_layer *layer = l->layer;
    const struct snn_shape in = input_of(b, layer)->shape;
    l->window = layer->window;
    l->groups = layer->groups;
    if (layer->kind == SNN_LAYER_DENSE) {
        l->window = (struct snn_window){in.height, in.width, 1, 1, 0, 0, 0, 0, 1, 1};
        l->groups = 1;
    }
    l->depthwise = l->groups > 1 && l->groups == in.channels && l->groups == layer->shape.channels;
    const size_t depth = layer->weight_count / layer->shape.channels;
    const size_t last = depth % SNNSIM_DEPTH_STEP;
    l->depth = l->depthwise || last == 0 ? depth : depth + SNNSIM_DEPTH_STEP - last;
    l->bias_step = layer->bias_count > layer->shape.channels ? layer->shape.channels : 0;
    size_t plane = 0;
    if (!plane_size(in, &l->window, &plane) || !need(&b->plane, plane, sizeof(int16_t)) ||
        !need(&b->patch, l->depth, sizeof(int16_t)) ||
        !need(&b->sums, layer->shape.channels, sizeof(int32_t)))
        return out_of_limit(b, layer);
    return SNN_OK;
}

static int plan_sum(struct builder *b, struct snnsim_frame_layer *l)
{
    const struct snn_layer *layer = l->layer;
    const size_t channels = layer->shape.channels;
    struct snnbase_arena *arena = &b->plan->arena;
    int status = shape_sum(b, l);
    if (status != SNN_OK) return status;
    l->weights = snnbase_arena_alloc(arena, b->context, channels * l->depth, sizeof(*l->weights));
    l->bias = snnbase_arena_alloc(
        arena, b->context, l->bias_step > 0 ? layer->bias_count : channels, sizeof(*l->bias));
    l->factor = snnbase_arena_alloc(arena, b->context, channels, sizeof(*l->factor));
    if (l->weights == NULL || l->bias == NULL || l->factor == NULL) return SNN_ERR_NOMEM;
    if (!(l->affine.scale > 0.0f)) {
        l->real = snnbase_arena_alloc(arena, b->context, channels, sizeof(*l->real));
        if (l->real == NULL) return SNN_ERR_NOMEM;
    } else if (layer->activation == SNN_ACTIVATION_LEAKY_RELU) {
        l->negative = snnbase_arena_alloc(arena, b->context, channels, sizeof(*l->negative));
        if (l->negative == NULL) return SNN_ERR_NOMEM;
    }
    const struct snn_quantization *stored =
        snn_graph_quantization(b->plan->graph, (uint32_t)(l - b->plan->layers));
    if (stored != NULL && stored->weight_scale_count > 0)
        return quantize_outputs(b, l, stored->weight_scale, stored->weight_scale_count == 1);
    float *scale = snnbase_arena_alloc(arena, b->context, channels, sizeof(*scale));
    if (scale == NULL) return SNN_ERR_NOMEM;
    choose_scales(layer, (double)b->affine[layer->inputs[0]].scale, scale);
    return quantize_outputs(b, l, scale, false);
}

/* ---- Layers without weights ---- */

/* Inputs are shifted left, brought to twice the largest scale, added, and brought to the output's
 * scale, as in tensorflow/lite/kernels/add.cc. Beyond eight inputs the shift is less, for the sum
 * to stay within 32 bits. */
static int plan_add(struct builder *b, struct snnsim_frame_layer *l)
{
    const struct snn_layer *layer = l->layer;
    float most = 0.0f;
    uint32_t shift = SUM_SHIFT;
    for (uint32_t k = 0; k < layer->input_count; k++)
        most = fmaxf(most, b->affine[layer->inputs[k]].scale);
    while (((uint64_t)layer->input_count << (shift + 7)) > (UINT64_C(1) << 30))
        shift--;
    l->summand = snnbase_arena_alloc(&b->plan->arena, b->context, layer->input_count,
                                     SNNSIM_FRAME_CODES * sizeof(*l->summand));
    if (l->summand == NULL) return SNN_ERR_NOMEM;
    const double twice = 2.0 * (double)most;
    int32_t *to = l->summand;
    if (!need(&b->sums, snn_shape_size(layer->shape), sizeof(int32_t)))
        return out_of_limit(b, layer);
    for (uint32_t k = 0; k < layer->input_count; k++) {
        const struct snnsim_affine in = b->affine[layer->inputs[k]];
        const struct snnsim_multiplier factor = snnsim_fixed_multiplier((double)in.scale / twice);
        for (int32_t q = INT8_MIN; q <= INT8_MAX; q++)
            *to++ = snnsim_fixed_multiply((q - in.zero_point) * (1 << shift), factor);
    }
    const double total = twice / (ldexp(1.0, (int)shift) * (double)l->affine.scale);
    l->total = l->total_below = snnsim_fixed_multiplier(total);
    if (layer->activation == SNN_ACTIVATION_LEAKY_RELU)
        l->total_below = snnsim_fixed_multiplier(total * (double)layer->slope);
    return SNN_OK;
}

/* The factor from the scale of an input to the output's. */
static struct snnsim_multiplier rescale_factor(const struct builder *b,
                                               const struct snnsim_frame_layer *l, uint32_t k)
{
    return snnsim_fixed_multiplier((double)b->affine[l->layer->inputs[k]].scale /
                                   (double)l->affine.scale);
}

static int plan_pool(struct builder *b, struct snnsim_frame_layer *l)
{
    l->factor = snnbase_arena_alloc(&b->plan->arena, b->context, 1, sizeof(*l->factor));
    if (l->factor == NULL) return SNN_ERR_NOMEM;
    *l->factor = rescale_factor(b, l, 0);
    if (!need(&b->sums, l->layer->shape.channels, sizeof(int64_t)))
        return out_of_limit(b, l->layer);
    return SNN_OK;
}

/* Each integer in the output's scale, as by
 * tensorflow/lite/kernels/internal/reference/requantize.h; itself where the scales are the same. */
static int plan_move(struct builder *b, struct snnsim_frame_layer *l)
{
    const struct snn_layer *layer = l->layer;
    l->moved = snnbase_arena_alloc(&b->plan->arena, b->context, layer->input_count,
                                   SNNSIM_FRAME_CODES * sizeof(*l->moved));
    if (l->moved == NULL) return SNN_ERR_NOMEM;
    int8_t *to = l->moved;
    for (uint32_t k = 0; k < layer->input_count; k++) {
        const int32_t zero_point = b->affine[layer->inputs[k]].zero_point;
        const struct snnsim_multiplier factor = rescale_factor(b, l, k);
        for (int32_t q = INT8_MIN; q <= INT8_MAX; q++) {
            const int64_t scaled = snnsim_fixed_multiply(q - zero_point, factor);
            *to++ = snnsim_fixed_clamp(scaled + l->affine.zero_point, INT8_MIN, INT8_MAX);
        }
    }
    return SNN_OK;
}

/* kernel_util.cc, CalculateActivationRangeQuantized. */
static void find_clamp(struct snnsim_frame_layer *l)
{
    l->low = INT8_MIN;
    l->high = INT8_MAX;
    if (l->layer->activation != SNN_ACTIVATION_RELU && l->layer->activation != SNN_ACTIVATION_CLIP)
        return;
    l->low = l->affine.zero_point;
    if (l->layer->activation == SNN_ACTIVATION_CLIP)
        l->high = snnsim_fixed_quantize(l->layer->clip, l->affine);
}

static int plan_layer(struct builder *b, uint32_t index)
{
    struct snnsim_frame_layer *l = &b->plan->layers[index];
    l->layer = snn_graph_layer(b->plan->graph, index);
    l->affine = b->affine[index];
    bool real = !(l->affine.scale > 0.0f);
    if (!real) find_clamp(l);
    if (!reserve(b, snn_shape_size(l->layer->shape), real ? sizeof(float) : sizeof(int8_t),
                 &l->values))
        return out_of_limit(b, l->layer);
    switch (l->layer->kind) {
    case SNN_LAYER_CONV2D:
    case SNN_LAYER_DENSE:
        return plan_sum(b, l);
    case SNN_LAYER_ADD:
        return plan_add(b, l);
    case SNN_LAYER_AVG_POOL2D:
    case SNN_LAYER_SUM_POOL2D:
        return plan_pool(b, l);
    case SNN_LAYER_CONCAT:
    case SNN_LAYER_MAX_POOL2D:
    case SNN_LAYER_FLATTEN:
        return plan_move(b, l);
    case SNN_LAYER_INPUT:
    case SNN_LAYER_IF:
        break;
    }
    return SNN_OK;
}

static int choose_kernels(struct builder *b)
{
    struct snnbase_cpu cpu;
    const char *level = snnbase_kernel_level(b->context);
    snnbase_cpu_detect(&cpu);
    if (snnsim_kernels_init(&b->plan->kernels, level, cpu.avx2)) return SNN_OK;
    return snnbase_fail(b->context, SNN_ERR_INVALID,
                        "this processor or build has no kernel level '%s'", level);
}

static int build(struct builder *b)
{
    struct snnsim_frame_plan *plan = b->plan;
    int status = choose_kernels(b);
    if (status != SNN_OK) return status;
    plan->layer_count = snn_graph_layer_count(plan->graph);
    plan->layers =
        snnbase_arena_alloc(&plan->arena, b->context, plan->layer_count, sizeof(*plan->layers));
    b->affine =
        snnbase_arena_alloc(&plan->arena, b->context, plan->layer_count, sizeof(*b->affine));
    if (plan->layers == NULL || b->affine == NULL) return SNN_ERR_NOMEM;
    status = snnsim_frame_find_ranges(b->context, plan->graph, b->affine);
    for (uint32_t i = 0; status == SNN_OK && i < plan->layer_count; i++)
        status = plan_layer(b, i);
    if (status != SNN_OK) return status;
    if (!reserve(b, b->plane, 1, &plan->plane) || !reserve(b, b->patch, 1, &plan->patch) ||
        !reserve(b, b->sums, 1, &plan->sums))
        return out_of_limit(b, snn_graph_layer(plan->graph, snn_graph_output(plan->graph)));
    return SNN_OK;
}

int snnsim_frame_plan_create(struct snnsim_frame_plan **out, struct snn_context *context,
                             const struct snn_graph *graph)
{
    int status = snnsim_frame_check_graph(context, graph);
    if (status != SNN_OK) return status;
    struct snnsim_frame_plan *plan = snnbase_alloc(context, 1, sizeof(*plan));
    if (plan == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&plan->arena, context);
    plan->graph = graph;
    struct builder builder = {.plan = plan, .context = context};
    status = build(&builder);
    if (status == SNN_OK)
        *out = plan;
    else
        snnsim_frame_plan_destroy(&plan);
    return status;
}

void snnsim_frame_plan_destroy(struct snnsim_frame_plan **plan)
{
    if (plan == NULL || *plan == NULL) return;
    struct snn_allocator allocator = (*plan)->arena.allocator;
    snnbase_arena_fini(&(*plan)->arena);
    snnbase_allocator_free(&allocator, *plan);
    *plan = NULL;
}
