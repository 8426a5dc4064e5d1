/* Scale and zero point of every layer, before anything becomes an integer.
 *
 * A layer that was quantised keeps what its file says. For the others the range of its values is
 * sought, [low, high] with 0 in it: from the calibration where the layer has statistics; the same
 * as the input's where a layer only moves or averages values; else (a sum without activation) from
 * what its inputs can make of the weights, and from the statistics of an addition that it goes
 * into: what a calibrated sum was and the other summand can be leaves only so much for this one.
 * Nothing here guesses: a value seen in calibration is never out of range. The output of a
 * quantised net whose file leaves it real, as ONNX files may, stays real.
 */
#include <math.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "sim/frame/frame.h"

struct interval {
    double low, high;
};

static struct interval join(struct interval a, struct interval b)
{
    return (struct interval){fmin(a.low, b.low), fmax(a.high, b.high)};
}

/* What the preprocessing makes of intensities 0..1. */
static struct interval input_range(const struct snn_graph *graph)
{
    const struct snn_preprocess *p = snn_graph_preprocess(graph);
    struct interval range = {0.0, 0.0};
    for (uint32_t k = 0; k < p->channel_count; k++) {
        double dark = -p->mean[k] / p->std[k];
        double bright = (255.0 * p->scale - p->mean[k]) / p->std[k];
        range = join(range, (struct interval){fmin(dark, bright), fmax(dark, bright)});
    }
    return range;
}

static struct interval affine_range(float scale, int32_t zero_point)
{
    return (struct interval){(double)scale * (INT8_MIN - zero_point),
                             (double)scale * (INT8_MAX - zero_point)};
}

static struct interval calibrated_range(const struct snn_graph *graph, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(graph, index);
    const struct snn_statistics *statistics = snn_graph_statistics(graph, index);
    uint32_t count = 0;
    (void)snn_graph_quantiles(graph, &count, NULL, NULL);
    struct interval range = {(double)statistics->minimum, (double)statistics->quantile[count - 1]};
    if (layer->activation == SNN_ACTIVATION_RELU || layer->activation == SNN_ACTIVATION_CLIP)
        range.low = 0.0;
    if (layer->activation != SNN_ACTIVATION_LEAKY_RELU || range.low >= 0.0) return range;
    const double bent = (double)layer->slope * range.low; /* on either side of 0 */
    return (struct interval){fmin(bent, 0.0), fmax(bent, range.high)};
}

/* What a weighted sum of inputs in `in` can be. */
static struct interval weighted_range(const struct snn_layer *layer, struct interval in)
{
    const size_t depth = layer->weight_count / layer->shape.channels;
    const size_t biases =
        layer->bias_count > layer->shape.channels ? layer->bias_count / layer->shape.channels : 1;
    struct interval range = {0.0, 0.0};
    for (size_t o = 0; o < layer->shape.channels; o++) {
        struct interval sum = {0.0, 0.0};
        for (size_t k = 0; k < depth; k++) {
            double w = (double)layer->weights[o * depth + k];
            sum.low += w * (w < 0.0 ? in.high : in.low);
            sum.high += w * (w < 0.0 ? in.low : in.high);
        }
        for (size_t b = 0; b < biases; b++) {
            double bias = layer->bias != NULL ? (double)layer->bias[o * biases + b] : 0.0;
            range = join(range, (struct interval){sum.low + bias, sum.high + bias});
        }
    }
    return range;
}

static struct interval propagated_range(const struct snn_layer *layer,
                                        const struct interval *ranges)
{
    struct interval range = ranges[layer->inputs[0]];
    const double area = (double)layer->window.kernel_h * layer->window.kernel_w;
    switch (layer->kind) {
    case SNN_LAYER_CONV2D:
    case SNN_LAYER_DENSE:
        return weighted_range(layer, range);
    case SNN_LAYER_ADD:
        for (uint32_t k = 1; k < layer->input_count; k++) {
            range.low += ranges[layer->inputs[k]].low;
            range.high += ranges[layer->inputs[k]].high;
        }
        return range;
    case SNN_LAYER_CONCAT:
        for (uint32_t k = 1; k < layer->input_count; k++)
            range = join(range, ranges[layer->inputs[k]]);
        return range;
    case SNN_LAYER_SUM_POOL2D:
        return (struct interval){range.low * area, range.high * area};
    case SNN_LAYER_INPUT:
    case SNN_LAYER_AVG_POOL2D:
    case SNN_LAYER_MAX_POOL2D:
    case SNN_LAYER_FLATTEN:
    case SNN_LAYER_IF:
        break;
    }
    return range;
}

/* Narrows a summand by an addition that was calibrated: s = a + b, so a lies within s - b. A
 * summand cut there would only have made a sum that is cut as well. */
static struct interval narrow_by_sum(const struct snn_graph *graph, uint32_t summand, uint32_t sum,
                                     const struct interval *ranges, struct interval range)
{
    const struct snn_layer *layer = snn_graph_layer(graph, sum);
    const struct snn_statistics *statistics = snn_graph_statistics(graph, sum);
    if (layer->kind != SNN_LAYER_ADD || statistics == NULL) return range;
    uint32_t count = 0, times = 0;
    (void)snn_graph_quantiles(graph, &count, NULL, NULL);
    struct interval left = {(double)statistics->minimum, (double)statistics->quantile[count - 1]};
    left = join(left, (struct interval){0.0, 0.0}); /* quantiles are of max(x, 0) */
    for (uint32_t k = 0; k < layer->input_count; k++) {
        times += layer->inputs[k] == summand;
        if (layer->inputs[k] == summand) continue;
        left.low -= ranges[layer->inputs[k]].high;
        left.high -= ranges[layer->inputs[k]].low;
    }
    if (times != 1) return range;
    return (struct interval){fmax(range.low, fmin(left.low, 0.0)),
                             fmin(range.high, fmax(left.high, 0.0))};
}

static bool is_sum(const struct snn_layer *layer)
{
    return layer->kind == SNN_LAYER_CONV2D || layer->kind == SNN_LAYER_DENSE ||
           layer->kind == SNN_LAYER_ADD;
}

static bool is_quantized(const struct snn_graph *graph)
{
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        if (snn_graph_quantization(graph, i) != NULL) return true;
    }
    return false;
}

/* Whether a layer without any range needs none: it is the output, sums integers, and is not read.
 */
static bool stays_real(const struct snn_graph *graph, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(graph, index);
    if (index != snn_graph_output(graph) || snn_graph_statistics(graph, index) != NULL ||
        snn_graph_quantization(graph, index) != NULL || !is_quantized(graph))
        return false;
    for (uint32_t i = index + 1; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *other = snn_graph_layer(graph, i);
        for (uint32_t k = 0; k < other->input_count; k++) {
            if (other->inputs[k] == index) return false;
        }
    }
    return layer->kind == SNN_LAYER_CONV2D || layer->kind == SNN_LAYER_DENSE;
}

static int fail_range(struct snn_context *context, const struct snn_graph *graph,
                      const struct snn_layer *layer)
{
    bool partly = is_quantized(graph);
    snnbase_fail(context, SNN_ERR_NOT_FOUND, "layer '%s' has no range for 8 bits: %s", layer->name,
                 partly ? "the file quantises other layers, but not what this one puts out"
                        : "the model is neither quantised nor calibrated");
    return snnbase_hint(context, "give training frames with --calibrate (snnconvert, snnsim)");
}

static int find_range(struct snn_context *context, const struct snn_graph *graph, uint32_t index,
                      struct interval *ranges)
{
    const struct snn_layer *layer = snn_graph_layer(graph, index);
    const struct snn_quantization *stored = snn_graph_quantization(graph, index);
    if (stored != NULL) {
        ranges[index] = affine_range(stored->scale, stored->zero_point);
    } else if (layer->kind == SNN_LAYER_INPUT) {
        ranges[index] = input_range(graph);
    } else if (snn_graph_statistics(graph, index) != NULL) {
        ranges[index] = calibrated_range(graph, index);
    } else if (stays_real(graph, index)) {
        ranges[index] = (struct interval){0.0, 0.0}; /* not read */
    } else if (snn_graph_layer_is_neuronal(graph, index) && is_sum(layer)) {
        return fail_range(context, graph, layer);
    } else {
        struct interval range = propagated_range(layer, ranges);
        for (uint32_t i = index + 1; is_sum(layer) && i < snn_graph_layer_count(graph); i++)
            range = narrow_by_sum(graph, index, i, ranges, range);
        ranges[index] = range;
    }
    return SNN_OK;
}

static struct snnsim_affine affine_of(struct interval range)
{
    range = join(range, (struct interval){0.0, 0.0});
    struct snnsim_affine affine = {(float)((range.high - range.low) / 255.0), 0};
    if (!(affine.scale >= 0x1p-100f)) affine.scale = 0x1p-100f; /* all zeros */
    if (!(affine.scale <= 0x1p100f)) affine.scale = 0x1p100f;
    const double zero_point = rint(INT8_MIN - range.low / (double)affine.scale);
    affine.zero_point = (int32_t)fmin(fmax(zero_point, INT8_MIN), INT8_MAX);
    return affine;
}

/* Layers that move values keep their input's integers, exactly. */
static bool keeps_integers(const struct snn_layer *layer)
{
    return layer->kind == SNN_LAYER_FLATTEN || layer->kind == SNN_LAYER_MAX_POOL2D ||
           layer->kind == SNN_LAYER_AVG_POOL2D;
}

int snnsim_frame_find_ranges(struct snn_context *context, const struct snn_graph *graph,
                             struct snnsim_affine *out)
{
    const uint32_t count = snn_graph_layer_count(graph);
    struct interval *ranges = snnbase_alloc(context, count, sizeof(*ranges));
    if (ranges == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        ranges[i] = (struct interval){-INFINITY, INFINITY};
    /* Twice: what narrows a layer may be known only once its successors are. */
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i < 2 * count; i++)
        status = find_range(context, graph, i % count, ranges);
    for (uint32_t i = 0; status == SNN_OK && i < count; i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        const struct snn_quantization *stored = snn_graph_quantization(graph, i);
        if (stored != NULL)
            out[i] = (struct snnsim_affine){stored->scale, stored->zero_point};
        else if (stays_real(graph, i))
            out[i] = (struct snnsim_affine){0.0f, 0};
        else
            out[i] = keeps_integers(layer) ? out[layer->inputs[0]] : affine_of(ranges[i]);
    }
    snnbase_free(context, ranges);
    return status;
}
