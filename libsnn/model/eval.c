/* What a graph means: its plain evaluation in float32. Everything else that executes a graph is
 * held against this file, so the order of every sum is part of the contract:
 *
 * conv2d  in (input channel, kernel row, kernel column) order, then the bias
 * dense   eight partial sums over inputs i, i + 8, ..., added in a fixed tree, then the bias
 * pools   in (kernel row, kernel column) order, then divided by the kernel's area (avg), of which
 *         only the part inside counts where padding is excluded
 * add     in the order of the inputs
 * if      max(x, 0) divided by the threshold: the rate of a neuron without limits
 *
 * The loops are laid out so that a compiler vectorises them without touching that order.
 */
#include "libsnn/model/eval.h"

#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"
#include "snn/context.h"
#include "snn/status.h"

/* Sums of a convolution that are under way at once: they stay in the first-level cache. */
enum { BLOCK = 1024 };

/* Partial sums of a dense layer. */
enum { LANES = 8 };

struct snn_evaluator {
    struct snnbase_arena arena; /* everything but this struct */
    const struct snn_graph *graph;
    float **values;  /* [layer]: [channels][height][width]; FLATTEN shares its input's */
    float *minimum;  /* [layer] before the activation */
    float *unfolded; /* input of the convolution under way, see struct plane */
    size_t *taps;    /* its kernel: where in a plane each tap begins */
};

/* ---- The input of a convolution, padded and parted by stride ----
 *
 * Padded row y goes to row y / stride of phase y % stride, columns likewise:
 *
 *   padded plane, stride 2         phase (0, 0)  (0, 1)  (1, 0)  (1, 1)
 *     a b c d                         a c          b d     e g     f h
 *     e f g h
 *
 * Then kernel tap (ky, kx) of neighbouring outputs reads neighbouring values of one phase, whatever
 * the stride, and the outputs of a channel, laid out with the phase's width, are one straight loop
 * over all rows. Sums that fall between two rows (x >= width of the output) are thrown away.
 */
struct plane {
    uint32_t stride_h, stride_w;
    uint32_t phases_h, phases_w; /* that exist: the strides, or the padded extents if smaller */
    uint32_t height, width;      /* of one phase */
    size_t size;                 /* of one input channel: all phases */
};

static struct plane plane_of(struct snn_shape in, const struct snn_window *window)
{
    uint32_t padded_h = in.height + window->pad_top + window->pad_bottom;
    uint32_t padded_w = in.width + window->pad_left + window->pad_right;
    struct plane plane = {
        .stride_h = window->stride_h,
        .stride_w = window->stride_w,
        .phases_h = window->stride_h < padded_h ? window->stride_h : padded_h,
        .phases_w = window->stride_w < padded_w ? window->stride_w : padded_w,
        .height = (padded_h - 1) / window->stride_h + 1,
        .width = (padded_w - 1) / window->stride_w + 1,
    };
    plane.size = (size_t)plane.height * plane.phases_h * plane.width * plane.phases_w;
    return plane;
}

/* Where padded row y, column x lies. */
static size_t plane_offset(const struct plane *plane, uint32_t y, uint32_t x)
{
    size_t phase = (size_t)(y % plane->stride_h) * plane->phases_w + x % plane->stride_w;
    size_t row = phase * plane->height + y / plane->stride_h;
    return row * plane->width + x / plane->stride_w;
}

static void unfold(const struct plane *plane, const struct snn_window *window, struct snn_shape in,
                   const float *restrict from, float *restrict to)
{
    memset(to, 0, in.channels * plane->size * sizeof(*to));
    for (uint32_t c = 0; c < in.channels; c++, to += plane->size) {
        for (uint32_t y = 0; y < in.height; y++, from += in.width) {
            uint32_t padded_y = y + window->pad_top;
            if (plane->stride_w == 1) {
                memcpy(to + plane_offset(plane, padded_y, window->pad_left), from,
                       in.width * sizeof(*from));
                continue;
            }
            for (uint32_t x = 0; x < in.width; x++)
                to[plane_offset(plane, padded_y, x + window->pad_left)] = from[x];
        }
    }
}

/* ---- Convolution ---- */

static size_t find_taps(const struct plane *plane, const struct snn_window *window, size_t *taps)
{
    size_t count = 0;
    for (uint32_t ky = 0; ky < window->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < window->kernel_w; kx++)
            taps[count++] = plane_offset(plane, ky * window->dilation_h, kx * window->dilation_w);
    }
    return count;
}

static void multiply_add(float *restrict sum, const float *restrict in, float weight, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += weight * in[i];
}

/* Copies what of sums `first` .. `first` + `count` is output; `stride` is the width of a phase. */
static void keep_block(const float *sum, size_t first, size_t count, size_t stride,
                       struct snn_shape shape, float *out)
{
    size_t end = first + count;
    for (size_t at = first; at < end;) {
        size_t y = at / stride, x = at % stride;
        size_t run = stride - x < end - at ? stride - x : end - at;
        if (x < shape.width) {
            size_t kept = shape.width - x < run ? shape.width - x : run;
            memcpy(out + y * shape.width + x, sum + (at - first), kept * sizeof(*out));
        }
        at += run;
    }
}

static void conv2d(struct snn_evaluator *evaluator, const struct snn_layer *layer,
                   struct snn_shape in_shape, const float *in, float *out)
{
    const struct snn_shape shape = layer->shape;
    const struct plane plane = plane_of(in_shape, &layer->window);
    const uint32_t in_channels = in_shape.channels / layer->groups;
    const uint32_t out_channels = shape.channels / layer->groups;
    const size_t sums = (size_t)(shape.height - 1) * plane.width + shape.width;
    const size_t tap_count = find_taps(&plane, &layer->window, evaluator->taps);
    unfold(&plane, &layer->window, in_shape, in, evaluator->unfolded);
    for (uint32_t o = 0; o < shape.channels; o++, out += (size_t)shape.height * shape.width) {
        const float *group_in =
            evaluator->unfolded + (size_t)(o / out_channels) * in_channels * plane.size;
        for (size_t first = 0; first < sums; first += BLOCK) {
            float sum[BLOCK] = {0.0f};
            size_t count = sums - first < BLOCK ? sums - first : BLOCK;
            const float *weight = layer->weights + (size_t)o * in_channels * tap_count;
            for (uint32_t c = 0; c < in_channels; c++) {
                const float *from = group_in + c * plane.size + first;
                for (size_t k = 0; k < tap_count; k++)
                    multiply_add(sum, from + evaluator->taps[k], *weight++, count);
            }
            keep_block(sum, first, count, plane.width, shape, out);
        }
    }
}

/* ---- Dense ---- */

static float dot(const float *restrict weights, const float *restrict in, size_t count)
{
    float sum[LANES] = {0.0f};
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += weights[i + lane] * in[i + lane];
    }
    for (size_t i = whole; i < count; i++)
        sum[i - whole] += weights[i] * in[i];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static void dense(const struct snn_layer *layer, const float *in, float *out)
{
    size_t count = layer->weight_count / layer->shape.channels;
    for (uint32_t o = 0; o < layer->shape.channels; o++)
        out[o] = dot(layer->weights + o * count, in, count);
}

/* ---- Pools ---- */

/* The part of a window that lies inside the input along one axis: taps first .. end. */
struct taps {
    int64_t start; /* input position of tap 0, may be negative */
    uint32_t first, end;
};

static struct taps taps_of(uint32_t at, uint32_t stride, uint32_t pad, uint32_t kernel,
                           uint32_t size)
{
    struct taps taps = {.start = (int64_t)at * stride - pad, .first = 0, .end = kernel};
    if (taps.start < 0) taps.first = (uint32_t)-taps.start;
    if (taps.start + kernel > size) taps.end = (uint32_t)(size - taps.start);
    return taps;
}

static float pool_window(enum snn_layer_kind kind, const float *in, uint32_t width, struct taps y,
                         struct taps x)
{
    float sum = 0.0f, maximum = -INFINITY;
    for (uint32_t ky = y.first; ky < y.end; ky++) {
        const float *row = in + (size_t)(y.start + ky) * width;
        for (uint32_t kx = x.first; kx < x.end; kx++) {
            float value = row[x.start + kx];
            sum += value;
            if (value > maximum) maximum = value;
        }
    }
    return kind == SNN_LAYER_MAX_POOL2D ? maximum : sum;
}

static void pool(const struct snn_layer *layer, struct snn_shape in_shape, const float *in,
                 float *out)
{
    const struct snn_window *w = &layer->window;
    const bool mean = layer->kind == SNN_LAYER_AVG_POOL2D;
    const float whole = mean ? (float)w->kernel_h * (float)w->kernel_w : 1.0f;
    for (uint32_t c = 0; c < layer->shape.channels; c++) {
        for (uint32_t oy = 0; oy < layer->shape.height; oy++) {
            struct taps y = taps_of(oy, w->stride_h, w->pad_top, w->kernel_h, in_shape.height);
            for (uint32_t ox = 0; ox < layer->shape.width; ox++) {
                struct taps x = taps_of(ox, w->stride_w, w->pad_left, w->kernel_w, in_shape.width);
                float area = whole;
                if (layer->pad_excluded) area = (float)(y.end - y.first) * (float)(x.end - x.first);
                *out++ = pool_window(layer->kind, in, in_shape.width, y, x) / area;
            }
        }
        in += (size_t)in_shape.height * in_shape.width;
    }
}

/* ---- What ends a layer: bias, minimum, activation ---- */

static void add_bias(const struct snn_layer *layer, float *values)
{
    size_t size = snn_shape_size(layer->shape);
    if (layer->bias == NULL) return;
    if (layer->bias_count == size) {
        for (size_t i = 0; i < size; i++)
            values[i] += layer->bias[i];
        return;
    }
    size_t map = size / layer->shape.channels;
    for (uint32_t c = 0; c < layer->shape.channels; c++, values += map) {
        for (size_t i = 0; i < map; i++)
            values[i] += layer->bias[c];
    }
}

static float lowest(const float *values, size_t count)
{
    float low[LANES];
    for (size_t lane = 0; lane < LANES; lane++)
        low[lane] = values[0];
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            low[lane] = values[i + lane] < low[lane] ? values[i + lane] : low[lane];
    }
    for (size_t i = whole; i < count; i++)
        low[0] = values[i] < low[0] ? values[i] : low[0];
    for (size_t lane = 1; lane < LANES; lane++)
        low[0] = low[lane] < low[0] ? low[lane] : low[0];
    return low[0];
}

static void activate(const struct snn_layer *layer, float *values, size_t count)
{
    if (layer->activation == SNN_ACTIVATION_NONE) return;
    if (layer->activation == SNN_ACTIVATION_LEAKY_RELU) {
        for (size_t i = 0; i < count; i++)
            values[i] = values[i] < 0.0f ? layer->slope * values[i] : values[i];
        return;
    }
    const float clip = layer->activation == SNN_ACTIVATION_CLIP ? layer->clip : INFINITY;
    for (size_t i = 0; i < count; i++) {
        float value = values[i] > 0.0f ? values[i] : 0.0f;
        values[i] = value < clip ? value : clip;
    }
}

static void finish(struct snn_evaluator *evaluator, uint32_t index, const struct snn_layer *layer)
{
    float *values = evaluator->values[index];
    size_t count = snn_shape_size(layer->shape);
    add_bias(layer, values);
    evaluator->minimum[index] = lowest(values, count);
    activate(layer, values, count);
}

static void add(const struct snn_evaluator *evaluator, const struct snn_layer *layer, float *out)
{
    size_t count = snn_shape_size(layer->shape);
    memcpy(out, evaluator->values[layer->inputs[0]], count * sizeof(*out));
    for (uint32_t k = 1; k < layer->input_count; k++) {
        const float *in = evaluator->values[layer->inputs[k]];
        for (size_t i = 0; i < count; i++)
            out[i] += in[i];
    }
}

static void concat(const struct snn_evaluator *evaluator, const struct snn_layer *layer, float *out)
{
    for (uint32_t k = 0; k < layer->input_count; k++) {
        uint32_t input = layer->inputs[k];
        size_t count = snn_shape_size(snn_graph_layer(evaluator->graph, input)->shape);
        memcpy(out, evaluator->values[input], count * sizeof(*out));
        out += count;
    }
}

static void spike_rate(const struct snn_layer *layer, const float *in, float *out)
{
    const struct snn_neurons *neurons = layer->neurons;
    const size_t size = snn_shape_size(layer->shape);
    const size_t each = size / neurons->threshold_count; /* neurons that share a threshold */
    for (size_t i = 0; i < size; i++)
        out[i] = (in[i] > 0.0f ? in[i] : 0.0f) / neurons->threshold[i / each];
}

/* ---- The evaluator ---- */

void snnmodel_eval_layer(struct snn_evaluator *evaluator, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(evaluator->graph, index);
    if (layer->kind == SNN_LAYER_INPUT || layer->kind == SNN_LAYER_FLATTEN) return;
    const struct snn_shape in_shape = snn_graph_layer(evaluator->graph, layer->inputs[0])->shape;
    const float *in = evaluator->values[layer->inputs[0]];
    float *out = evaluator->values[index];
    switch (layer->kind) {
    case SNN_LAYER_CONV2D:
        conv2d(evaluator, layer, in_shape, in, out);
        break;
    case SNN_LAYER_DENSE:
        dense(layer, in, out);
        break;
    case SNN_LAYER_ADD:
        add(evaluator, layer, out);
        break;
    case SNN_LAYER_AVG_POOL2D:
    case SNN_LAYER_SUM_POOL2D:
    case SNN_LAYER_MAX_POOL2D:
        pool(layer, in_shape, in, out);
        return;
    case SNN_LAYER_CONCAT:
        concat(evaluator, layer, out);
        return;
    case SNN_LAYER_IF:
        spike_rate(layer, in, out);
        return;
    case SNN_LAYER_INPUT:
    case SNN_LAYER_FLATTEN:
        return;
    }
    finish(evaluator, index, layer);
}

void snnmodel_eval_begin(struct snn_evaluator *evaluator, const float *intensity)
{
    const struct snn_preprocess *preprocess = snn_graph_preprocess(evaluator->graph);
    const struct snn_shape shape = snn_graph_input_shape(evaluator->graph);
    size_t map = (size_t)shape.height * shape.width;
    float *out = evaluator->values[0];
    for (uint32_t c = 0; c < shape.channels; c++) {
        uint32_t k = preprocess->channel_count == 1 ? 0 : c;
        /* In double, so that the default (scale 1/255) gives back each intensity exactly. */
        double scale = 255.0 * preprocess->scale / preprocess->std[k];
        double offset = preprocess->mean[k] / preprocess->std[k];
        for (size_t i = 0; i < map; i++)
            *out++ = (float)((double)*intensity++ * scale - offset);
    }
}

void snnmodel_eval_cap(struct snn_evaluator *evaluator, uint32_t layer, const float *threshold)
{
    const struct snn_shape shape = snn_graph_layer(evaluator->graph, layer)->shape;
    size_t map = (size_t)shape.height * shape.width;
    float *values = evaluator->values[layer];
    for (uint32_t c = 0; c < shape.channels; c++, values += map) {
        for (size_t i = 0; i < map; i++)
            values[i] = values[i] < threshold[c] ? values[i] : threshold[c];
    }
}

float snnmodel_eval_minimum(const struct snn_evaluator *evaluator, uint32_t layer)
{
    return evaluator->minimum[layer];
}

void snn_evaluator_run(struct snn_evaluator *evaluator, const float *intensity)
{
    snnmodel_eval_begin(evaluator, intensity);
    for (uint32_t i = 1; i < snn_graph_layer_count(evaluator->graph); i++)
        snnmodel_eval_layer(evaluator, i);
}

const float *snn_evaluator_values(const struct snn_evaluator *evaluator, uint32_t layer)
{
    return evaluator->values[layer];
}

/* What the convolutions of a graph need at most. */
struct scratch {
    size_t unfolded;
    size_t taps;
};

static struct scratch scratch_of(const struct snn_graph *graph)
{
    struct scratch scratch = {0, 0};
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        if (layer->kind != SNN_LAYER_CONV2D) continue;
        struct snn_shape in = snn_graph_layer(graph, layer->inputs[0])->shape;
        size_t taps = (size_t)layer->window.kernel_h * layer->window.kernel_w;
        size_t unfolded = SIZE_MAX;
        (void)snnbase_size_mul(plane_of(in, &layer->window).size, in.channels, &unfolded);
        if (unfolded > scratch.unfolded) scratch.unfolded = unfolded;
        if (taps > scratch.taps) scratch.taps = taps;
    }
    return scratch;
}

size_t snnmodel_eval_bytes(const struct snn_graph *graph)
{
    size_t count = scratch_of(graph).unfolded;
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        if (layer->kind != SNN_LAYER_FLATTEN &&
            !snnbase_size_add(count, snn_shape_size(layer->shape), &count))
            return SIZE_MAX;
    }
    return count <= SIZE_MAX / sizeof(float) ? count * sizeof(float) : SIZE_MAX;
}

static int allocate(struct snn_evaluator *evaluator, struct snn_context *context)
{
    const struct snn_graph *graph = evaluator->graph;
    const struct scratch scratch = scratch_of(graph);
    struct snnbase_arena *arena = &evaluator->arena;
    uint32_t count = snn_graph_layer_count(graph);
    evaluator->values = snnbase_arena_alloc(arena, context, count, sizeof(*evaluator->values));
    evaluator->minimum = snnbase_arena_alloc(arena, context, count, sizeof(*evaluator->minimum));
    evaluator->unfolded = snnbase_arena_alloc(arena, context, scratch.unfolded, sizeof(float));
    evaluator->taps = snnbase_arena_alloc(arena, context, scratch.taps, sizeof(*evaluator->taps));
    if (evaluator->values == NULL || evaluator->minimum == NULL || evaluator->unfolded == NULL ||
        evaluator->taps == NULL)
        return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        if (layer->kind == SNN_LAYER_FLATTEN) {
            evaluator->values[i] = evaluator->values[layer->inputs[0]];
            continue;
        }
        evaluator->values[i] =
            snnbase_arena_alloc(arena, context, snn_shape_size(layer->shape), sizeof(float));
        if (evaluator->values[i] == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

/* A model of a few bytes can ask for huge maps, by pools that shrink nothing or by padding. */
static int check_size(struct snn_context *context, const struct snn_graph *graph)
{
    uint64_t limit = snnbase_limits(context)->tensor_bytes;
    size_t bytes = snnmodel_eval_bytes(graph);
    if (bytes <= limit) return SNN_OK;
    snnbase_fail(context, SNN_ERR_LIMIT,
                 "the activations of all layers take %zu bytes, more than the limit of %llu", bytes,
                 (unsigned long long)limit);
    return snnbase_hint(context, "raise the tensor_bytes limit of the context");
}

int snn_evaluator_create(struct snn_evaluator **out, struct snn_context *context,
                         const struct snn_graph *graph)
{
    int status = check_size(context, graph);
    if (status != SNN_OK) return status;
    struct snn_evaluator *evaluator = snnbase_alloc(context, 1, sizeof(*evaluator));
    if (evaluator == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&evaluator->arena, context);
    evaluator->graph = graph;
    status = allocate(evaluator, context);
    if (status != SNN_OK) {
        snn_evaluator_destroy(&evaluator);
        return status;
    }
    *out = evaluator;
    return SNN_OK;
}

void snn_evaluator_destroy(struct snn_evaluator **evaluator)
{
    if (evaluator == NULL || *evaluator == NULL) return;
    struct snn_allocator allocator = (*evaluator)->arena.allocator;
    snnbase_arena_fini(&(*evaluator)->arena);
    snnbase_allocator_free(&allocator, *evaluator);
    *evaluator = NULL;
}
