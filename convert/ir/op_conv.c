/* Conv, ConvInteger and QLinearConv: one core over factors and sums of any type (op_lanes.h),
 * and what each of them does to elements before it and to sums behind it.
 *
 * The input is laid out anew so that the inner loop is straight: padded, and parted by stride.
 * Padded row y goes to row y / stride of phase y % stride, columns likewise; planes of the depth
 * axis are padded but not parted.
 *
 *   padded plane, stride 2         phase (0, 0)  (0, 1)  (1, 0)  (1, 1)
 *     a b c d                         a c          b d     e g     f h
 *     e f g h
 *
 * Then neighbouring outputs read neighbouring values at every tap of the kernel, and the outputs of
 * one plane, laid out with a phase's width, are one loop over all its rows. Sums that fall between
 * two rows (x >= width of the output) are thrown away.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/ir/op.h"
#include "convert/ir/op_lanes.h"
#include "convert/ir/op_quantize.h"
#include "convert/ir/op_rules.h"
#include "convert/ir/op_window.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"

/* Sums that are under way at once: they stay in the first-level cache. */
enum { BLOCK = 1024 };

enum { DEPTH, HEIGHT, WIDTH };

/* Inputs of the quantised operators. */
enum { INTEGER_X, INTEGER_W, INTEGER_X_ZERO, INTEGER_W_ZERO };
enum { X, X_SCALE, X_ZERO, W, W_SCALE, W_ZERO, Y_SCALE, Y_ZERO, B };

/* A convolution of factors that lie ready. */
struct conv {
    const struct snnconv_lanes *lanes;
    struct snnconv_window window;
    size_t images, groups;
    size_t in_channels, out_channels; /* of a group */
    const void *in;
    const void *weights;
    unsigned char *sums;
};

/* How one padded channel is laid out. */
struct plane {
    size_t phases_w;
    size_t height, width; /* of one phase */
    size_t size;          /* of all phases */
    size_t depth;         /* planes of one channel */
};

/* Memory of a convolution under way. */
struct scratch {
    unsigned char *unfolded;
    unsigned char *block;
    size_t *taps; /* where, from the first input under a window, each tap lies */
    size_t tap_count;
    bool is_straight; /* without a gap, in order */
};

/* ---- The input, laid out anew ---- */

/* Phases that exist, and rows or columns of each. */
static void split_axis(const struct snnconv_window *window, size_t axis, size_t *phases_out,
                       size_t *extent_out)
{
    const struct snnconv_axis *a = &window->axis[axis];
    size_t padded = (size_t)(window->extent[axis] + a->pad_begin + a->pad_end);
    size_t stride = (size_t)a->stride;
    *phases_out = stride < padded ? stride : padded;
    *extent_out = (padded - 1) / stride + 1;
}

static int plan(struct plane *out, struct snn_context *context, const struct conv *conv)
{
    const struct snnconv_window *window = &conv->window;
    const struct snnconv_axis *depth = &window->axis[DEPTH];
    const uint64_t bytes_max = snnbase_limits(context)->tensor_bytes;
    struct plane plane = {.depth =
                              (size_t)(window->extent[DEPTH] + depth->pad_begin + depth->pad_end)};
    size_t phases_h, bytes = snnconv_type_size(conv->lanes->factor);
    split_axis(window, HEIGHT, &phases_h, &plane.height);
    split_axis(window, WIDTH, &plane.phases_w, &plane.width);
    bool fits =
        snnbase_size_mul(plane.height * phases_h, plane.width * plane.phases_w, &plane.size) &&
        snnbase_size_mul(bytes, plane.size, &bytes) &&
        snnbase_size_mul(bytes, plane.depth, &bytes) &&
        snnbase_size_mul(bytes, conv->groups * conv->in_channels, &bytes);
    if (!fits || bytes > bytes_max)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "the padded input exceeds the limit of %" PRIu64 " bytes", bytes_max);
    *out = plane;
    return SNN_OK;
}

/* Where padded row y, column x lies. */
static size_t plane_offset(const struct plane *plane, const struct snnconv_window *window, size_t y,
                           size_t x)
{
    size_t stride_h = (size_t)window->axis[HEIGHT].stride;
    size_t stride_w = (size_t)window->axis[WIDTH].stride;
    size_t phase = y % stride_h * plane->phases_w + x % stride_w;
    return (phase * plane->height + y / stride_h) * plane->width + x / stride_w;
}

/* Every `stride`-th number of `from`. */
static void gather(unsigned char *restrict to, const unsigned char *restrict from, size_t stride,
                   size_t count, size_t size)
{
    switch (size) {
    case 2:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 2 * i, from + 2 * i * stride, 2);
        return;
    case 4:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 4 * i, from + 4 * i * stride, 4);
        return;
    default:
        for (size_t i = 0; i < count; i++)
            memcpy(to + size * i, from + size * i * stride, size);
    }
}

static void unfold_row(const struct conv *conv, const struct plane *plane, size_t y,
                       const unsigned char *from, unsigned char *to)
{
    const struct snnconv_axis *w = &conv->window.axis[WIDTH];
    const size_t extent = (size_t)conv->window.extent[WIDTH], stride = (size_t)w->stride;
    const size_t size = snnconv_type_size(conv->lanes->factor);
    for (size_t x = 0; x < extent && x < stride; x++) {
        size_t count = (extent - x - 1) / stride + 1;
        size_t at = plane_offset(plane, &conv->window, y, x + (size_t)w->pad_begin);
        if (stride == 1)
            memcpy(to + at * size, from + x * size, count * size);
        else
            gather(to + at * size, from + x * size, stride, count, size);
    }
}

/* One image. The pads have been zero from the beginning. */
static void unfold(const struct conv *conv, const struct plane *plane, const unsigned char *from,
                   unsigned char *to)
{
    const struct snnconv_window *window = &conv->window;
    const size_t size = snnconv_type_size(conv->lanes->factor);
    const size_t row = (size_t)window->extent[WIDTH] * size;
    for (size_t c = 0; c < conv->groups * conv->in_channels; c++) {
        for (size_t z = 0; z < (size_t)window->extent[DEPTH]; z++) {
            size_t at = c * plane->depth + z + (size_t)window->axis[DEPTH].pad_begin;
            for (size_t y = 0; y < (size_t)window->extent[HEIGHT]; y++, from += row)
                unfold_row(conv, plane, y + (size_t)window->axis[HEIGHT].pad_begin, from,
                           to + at * plane->size * size);
        }
    }
}

/* ---- The core ---- */

static void find_taps(const struct conv *conv, const struct plane *plane, struct scratch *scratch)
{
    size_t *taps = scratch->taps;
    const struct snnconv_axis *axis = conv->window.axis;
    for (size_t c = 0; c < conv->in_channels; c++) {
        for (size_t z = 0; z < (size_t)axis[DEPTH].kernel; z++) {
            size_t at = (c * plane->depth + z * (size_t)axis[DEPTH].dilation) * plane->size;
            for (size_t y = 0; y < (size_t)axis[HEIGHT].kernel; y++) {
                for (size_t x = 0; x < (size_t)axis[WIDTH].kernel; x++)
                    *taps++ =
                        at + plane_offset(plane, &conv->window, y * (size_t)axis[HEIGHT].dilation,
                                          x * (size_t)axis[WIDTH].dilation);
            }
        }
    }
    scratch->is_straight = true;
    for (size_t k = 0; k < scratch->tap_count && scratch->is_straight; k++)
        scratch->is_straight = scratch->taps[k] == k;
}

/* Copies what of sums `first` .. `first` + `count` is output; they are laid out with the width of a
 * phase, the output with its own. */
static void keep_block(const struct conv *conv, const struct plane *plane, const void *block,
                       size_t first, size_t count, unsigned char *out)
{
    const size_t size = snnconv_type_size(conv->lanes->sum);
    const size_t width = (size_t)conv->window.axis[WIDTH].positions, end = first + count;
    for (size_t at = first; at < end;) {
        size_t y = at / plane->width, x = at % plane->width;
        size_t run = plane->width - x < end - at ? plane->width - x : end - at;
        if (x < width) {
            size_t kept = width - x < run ? width - x : run;
            memcpy(out + (y * width + x) * size, (const unsigned char *)block + (at - first) * size,
                   kept * size);
        }
        at += run;
    }
}

/* One plane of one output channel, from the input at `in`, where its first window begins. */
static void convolve_plane(const struct conv *conv, const struct plane *plane,
                           const struct scratch *scratch, const unsigned char *in,
                           const unsigned char *weights, unsigned char *out)
{
    const size_t factor = snnconv_type_size(conv->lanes->factor);
    const size_t height = (size_t)conv->window.axis[HEIGHT].positions;
    const size_t width = (size_t)conv->window.axis[WIDTH].positions;
    const size_t sums = (height - 1) * plane->width + width;
    if (sums == 1 && scratch->is_straight) {
        conv->lanes->dot(out, in, weights, scratch->tap_count);
        return;
    }
    for (size_t first = 0; first < sums; first += BLOCK) {
        size_t count = sums - first < BLOCK ? sums - first : BLOCK;
        memset(scratch->block, 0, count * snnconv_type_size(conv->lanes->sum));
        conv->lanes->accumulate(scratch->block, in + first * factor, scratch->taps, weights,
                                scratch->tap_count, count);
        keep_block(conv, plane, scratch->block, first, count, out);
    }
}

/* One image that has been unfolded. */
static void convolve_image(const struct conv *conv, const struct plane *plane,
                           const struct scratch *scratch, unsigned char *out)
{
    const struct snnconv_axis *axis = conv->window.axis;
    const size_t factor = snnconv_type_size(conv->lanes->factor);
    const size_t group_size = conv->in_channels * plane->depth * plane->size * factor;
    const size_t step = (size_t)axis[DEPTH].stride * plane->size * factor;
    const size_t map = (size_t)axis[HEIGHT].positions * (size_t)axis[WIDTH].positions *
                       snnconv_type_size(conv->lanes->sum);
    const unsigned char *weights = conv->weights;
    for (size_t o = 0; o < conv->groups * conv->out_channels; o++) {
        const unsigned char *in = scratch->unfolded + o / conv->out_channels * group_size;
        for (size_t z = 0; z < (size_t)axis[DEPTH].positions; z++, out += map)
            convolve_plane(conv, plane, scratch, in + z * step, weights, out);
        weights += scratch->tap_count * factor;
    }
}

static int run(struct snn_context *context, const struct conv *conv)
{
    const struct snnconv_axis *axis = conv->window.axis;
    const size_t factor = snnconv_type_size(conv->lanes->factor);
    const size_t sum = snnconv_type_size(conv->lanes->sum);
    const size_t channels_in = conv->groups * conv->in_channels;
    const size_t in_size = channels_in * snnconv_window_in_size(&conv->window) * factor;
    const size_t out_size =
        conv->groups * conv->out_channels * snnconv_window_out_size(&conv->window) * sum;
    struct scratch scratch = {.tap_count = conv->in_channels};
    struct plane plane = {.depth = 0};
    if (conv->images == 0 || out_size == 0 || channels_in == 0) return SNN_OK;
    int status = plan(&plane, context, conv);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < SNNCONV_WINDOW_AXES; i++)
        scratch.tap_count *= (size_t)axis[i].kernel;
    status = SNN_ERR_NOMEM;
    scratch.unfolded =
        snnbase_alloc_aligned(context, channels_in * plane.depth * plane.size, factor);
    scratch.block = snnbase_alloc_aligned(context, BLOCK, sum);
    scratch.taps = snnbase_alloc(context, scratch.tap_count, sizeof(*scratch.taps));
    if (!scratch.unfolded || !scratch.block || !scratch.taps) goto done;
    find_taps(conv, &plane, &scratch);
    for (size_t n = 0; n < conv->images; n++) {
        unfold(conv, &plane, (const unsigned char *)conv->in + n * in_size, scratch.unfolded);
        convolve_image(conv, &plane, &scratch, conv->sums + n * out_size);
    }
    status = SNN_OK;
done:
    snnbase_free(context, scratch.unfolded);
    snnbase_free(context, scratch.block);
    snnbase_free(context, scratch.taps);
    return status;
}

/* ---- Shapes ---- */

static int check_channels(struct snn_context *context, const struct snnconv_array *x,
                          const struct snnconv_array *w, int64_t group)
{
    if (group < 1) return snnbase_fail(context, SNN_ERR_INVALID, "%" PRId64 " groups", group);
    if (x->dim[1] % group != 0 || x->dim[1] / group != w->dim[1])
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%" PRId64 " channels in %" PRId64 " groups for weights of %" PRId64
                            " channels each",
                            x->dim[1], group, w->dim[1]);
    if (w->dim[0] % group != 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%" PRId64 " output channels in %" PRId64 " groups", w->dim[0], group);
    return SNN_OK;
}

/* The geometry of weights [outputs, inputs of a group, kernel ...] on x. */
static int conv_init(struct conv *out, struct snn_context *context,
                     const struct snnconv_attributes *attributes, const struct snnconv_array *x,
                     const struct snnconv_array *w)
{
    struct conv conv = {.lanes = NULL};
    if (x->rank != w->rank || w->rank < 3) {
        char x_text[SNNCONV_ARRAY_TEXT_SIZE], w_text[SNNCONV_ARRAY_TEXT_SIZE];
        snnconv_array_format(x_text, x);
        snnconv_array_format(w_text, w);
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "weights of shape %s for an input of shape %s", w_text, x_text);
    }
    int status = check_channels(context, x, w, attributes->group);
    if (status == SNN_OK)
        status = snnconv_window_init(&conv.window, context, attributes, x, w->dim + 2);
    if (status != SNN_OK) return status;
    conv.images = (size_t)x->dim[0];
    conv.groups = (size_t)attributes->group;
    conv.in_channels = (size_t)w->dim[1];
    conv.out_channels = (size_t)(w->dim[0] / attributes->group);
    *out = conv;
    return SNN_OK;
}

static int conv_shape(struct snn_context *context, const struct snnconv_call *call,
                      const struct snnconv_array *x, const struct snnconv_array *w)
{
    struct conv conv = {.lanes = NULL};
    int status = conv_init(&conv, context, call->attributes, x, w);
    if (status != SNN_OK) return status;
    snnconv_window_shape(&conv.window, x, w->dim[0], &call->outputs[0]);
    return SNN_OK;
}

static int check_bias(struct snn_context *context, const struct snnconv_array *bias,
                      enum snnconv_type type, const struct snnconv_array *w)
{
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    if (bias == NULL) return SNN_OK;
    if (bias->type != type)
        return snnbase_fail(context, SNN_ERR_INVALID, "a bias of %s, %s expected",
                            snnconv_type_name(bias->type), snnconv_type_name(type));
    if (bias->rank == 1 && bias->dim[0] == w->dim[0]) return SNN_OK;
    snnconv_array_format(text, bias);
    return snnbase_fail(context, SNN_ERR_INVALID, "a bias of shape %s, [%" PRId64 "] expected",
                        text, w->dim[0]);
}

int snnconv_conv_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0], *w = call->inputs[1];
    if (!snnconv_type_is_float(x->type))
        return snnbase_fail(context, SNN_ERR_INVALID, "an input of %s, floats expected",
                            snnconv_type_name(x->type));
    int status = snnconv_rule_same_type(context, x, w);
    if (status == SNN_OK) status = check_bias(context, snnconv_call_input(call, 2), x->type, w);
    return status == SNN_OK ? conv_shape(context, call, x, w) : status;
}

/* ---- Values ---- */

static void add_bias(const struct conv *conv, const void *bias)
{
    const size_t sum = snnconv_type_size(conv->lanes->sum);
    const size_t map = snnconv_window_out_size(&conv->window);
    const size_t channels = conv->groups * conv->out_channels;
    unsigned char *at = conv->sums;
    for (size_t n = 0; n < conv->images; n++) {
        for (size_t o = 0; o < channels; o++, at += map * sum)
            conv->lanes->add(at, (const unsigned char *)bias + o * sum, map);
    }
}

int snnconv_conv_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0], *w = call->inputs[1];
    const struct snnconv_array *bias = snnconv_call_input(call, 2);
    void *x_block = NULL, *w_block = NULL, *bias_block = NULL, *sum_block = NULL;
    const void *addends = NULL;
    struct snnconv_array sums;
    struct conv conv = {.lanes = NULL};
    int status = conv_init(&conv, context, call->attributes, x, w);
    if (status != SNN_OK) return status;
    conv.lanes = snnconv_lanes_of(x->type);
    status = snnconv_lanes_load(&conv.in, context, conv.lanes->factor, x, &x_block);
    if (status == SNN_OK)
        status = snnconv_lanes_load(&conv.weights, context, conv.lanes->factor, w, &w_block);
    if (status == SNN_OK && bias != NULL)
        status = snnconv_lanes_load(&addends, context, conv.lanes->sum, bias, &bias_block);
    if (status == SNN_OK)
        status =
            snnconv_lanes_begin(&sums, context, conv.lanes->sum, &call->outputs[0], &sum_block);
    if (status != SNN_OK) goto done;
    conv.sums = snnconv_array_room(&sums);
    status = run(context, &conv);
    if (status != SNN_OK) goto done;
    if (addends != NULL) add_bias(&conv, addends);
    snnconv_lanes_store(&call->outputs[0], &sums);
done:
    snnbase_free(context, x_block);
    snnbase_free(context, w_block);
    snnbase_free(context, bias_block);
    snnbase_free(context, sum_block);
    return status;
}

/* ---- Quantised ---- */

/* A convolution of 8-bit integers above their zero points. */
struct quantized {
    const struct snnconv_array *x, *w;
    const struct snnconv_array *x_zero, *w_zero; /* may be NULL */
};

/* A parameter of x: one; of the weights: one, or one for each output channel. */
static int check_parameter(struct snn_context *context, const char *name,
                           const struct snnconv_array *parameter, int64_t channels)
{
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    if (parameter == NULL || parameter->rank == 0) return SNN_OK;
    if (parameter->rank == 1 && (parameter->dim[0] == 1 || parameter->dim[0] == channels))
        return SNN_OK;
    snnconv_array_format(text, parameter);
    return snnbase_fail(context, SNN_ERR_INVALID,
                        "%s has the shape %s, a scalar or [%" PRId64 "] expected", name, text,
                        channels);
}

static int check_quantized(struct snn_context *context, const struct quantized *q)
{
    int status = snnconv_quantize_check(context, "x", q->x, q->x_zero);
    if (status == SNN_OK) status = snnconv_quantize_check(context, "w", q->w, q->w_zero);
    if (status == SNN_OK) status = check_parameter(context, "x_zero_point", q->x_zero, 1);
    if (status == SNN_OK && q->w->rank > 0)
        status = check_parameter(context, "w_zero_point", q->w_zero, q->w->dim[0]);
    return status;
}

/* int32 sums of q into `sums`. */
static int run_quantized(struct snn_context *context, const struct snnconv_call *call,
                         const struct quantized *q, const struct snnconv_array *bias, void *sums)
{
    struct conv conv = {.lanes = NULL};
    int16_t *x = NULL, *w = NULL;
    int status = conv_init(&conv, context, call->attributes, q->x, q->w);
    if (status != SNN_OK) return status;
    struct snnconv_grain x_grain = snnconv_grain_whole(q->x);
    struct snnconv_grain w_grain = snnconv_grain_axis(q->w, 0);
    if (q->w_zero != NULL && snnconv_array_count(q->w_zero) == 1) w_grain.step = 0;
    status = snnconv_quantize_center(&x, context, q->x, q->x_zero, &x_grain);
    if (status == SNN_OK) status = snnconv_quantize_center(&w, context, q->w, q->w_zero, &w_grain);
    if (status == SNN_OK) {
        conv.lanes = &snnconv_lanes_quantized;
        conv.in = x;
        conv.weights = w;
        conv.sums = sums;
        status = run(context, &conv);
    }
    if (status == SNN_OK && bias != NULL) add_bias(&conv, bias->data);
    snnbase_free(context, x);
    snnbase_free(context, w);
    return status;
}

int snnconv_conv_integer_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct quantized q = {call->inputs[INTEGER_X], call->inputs[INTEGER_W],
                                snnconv_call_input(call, INTEGER_X_ZERO),
                                snnconv_call_input(call, INTEGER_W_ZERO)};
    int status = check_quantized(context, &q);
    if (status == SNN_OK) status = conv_shape(context, call, q.x, q.w);
    if (status == SNN_OK) call->outputs[0].type = SNNCONV_TYPE_I32;
    return status;
}

int snnconv_conv_integer_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct quantized q = {call->inputs[INTEGER_X], call->inputs[INTEGER_W],
                                snnconv_call_input(call, INTEGER_X_ZERO),
                                snnconv_call_input(call, INTEGER_W_ZERO)};
    return run_quantized(context, call, &q, NULL, snnconv_array_room(&call->outputs[0]));
}

static struct quantized qlinear_inputs(const struct snnconv_call *call)
{
    return (struct quantized){call->inputs[X], call->inputs[W], call->inputs[X_ZERO],
                              call->inputs[W_ZERO]};
}

int snnconv_qlinear_conv_shape(struct snn_context *context, const struct snnconv_call *call)
{
    static const struct {
        uint32_t input;
        const char *name;
    } scales[] = {{X_SCALE, "x_scale"}, {W_SCALE, "w_scale"}, {Y_SCALE, "y_scale"}};
    const struct quantized q = qlinear_inputs(call);
    const struct snnconv_array *y_zero = call->inputs[Y_ZERO];
    int status = check_quantized(context, &q);
    if (status == SNN_OK) status = snnconv_quantize_check(context, "y", y_zero, NULL);
    if (status == SNN_OK) status = check_parameter(context, "y_zero_point", y_zero, 1);
    if (status == SNN_OK)
        status = check_bias(context, snnconv_call_input(call, B), SNNCONV_TYPE_I32, q.w);
    if (status == SNN_OK) status = conv_shape(context, call, q.x, q.w);
    for (size_t i = 0; i < sizeof(scales) / sizeof(*scales) && status == SNN_OK; i++) {
        const struct snnconv_array *scale = call->inputs[scales[i].input];
        status = snnconv_quantize_check_scale(context, scales[i].name, scale);
        if (status == SNN_OK)
            status = check_parameter(context, scales[i].name, scale,
                                     scales[i].input == W_SCALE ? q.w->dim[0] : 1);
    }
    if (status == SNN_OK) call->outputs[0].type = y_zero->type;
    return status;
}

/* int32 sums into the output, channel by channel. */
static void requantize(const struct snnconv_call *call, const int32_t *sums)
{
    struct snnconv_array *y = &call->outputs[0];
    const struct snnconv_array *w_scale = call->inputs[W_SCALE];
    const int64_t zero = snnconv_array_load_integer(call->inputs[Y_ZERO], 0);
    const float x_scale = (float)snnconv_array_load(call->inputs[X_SCALE], 0);
    const float y_scale = (float)snnconv_array_load(call->inputs[Y_SCALE], 0);
    const size_t step = snnconv_array_count(w_scale) == 1 ? 0 : 1;
    const struct snnconv_grain grain = snnconv_grain_axis(y, 1);
    size_t at = 0;
    for (size_t n = 0; n < grain.outer; n++) {
        for (size_t o = 0; o < grain.extent; o++) {
            float scale = x_scale * (float)snnconv_array_load(w_scale, o * step) / y_scale;
            for (size_t i = 0; i < grain.inner; i++, at++) {
                double steps = (double)((float)sums[at] * scale);
                snnconv_array_store_integer(y, at, snnconv_quantize_round(y->type, steps, zero));
            }
        }
    }
}

int snnconv_qlinear_conv_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct quantized q = qlinear_inputs(call);
    struct snnconv_array sums;
    void *block = NULL;
    int status = snnconv_lanes_begin(&sums, context, SNNCONV_TYPE_I32, &call->outputs[0], &block);
    if (status != SNN_OK) return status;
    status = run_quantized(context, call, &q, snnconv_call_input(call, B), block);
    if (status == SNN_OK) requantize(call, sums.data);
    snnbase_free(context, block);
    return status;
}
