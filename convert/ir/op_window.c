/* Where windows lie, see op_window.h: attributes and extents become pads and positions.
 *
 * The formulae are those of the specification of Conv, MaxPool and AveragePool,
 * https://onnx.ai/onnx/operators/onnx__AveragePool.html
 */
#include "convert/ir/op_window.h"

#include <inttypes.h>
#include <stdbool.h>

#include "libsnn/base/error.h"

/* No net comes near; below it no sum and no product of two of these numbers overflows. */
#define SMALL INT32_MAX

static bool is_between(int64_t value, int64_t low)
{
    return value >= low && value <= SMALL;
}

int64_t snnconv_window_reach(const struct snnconv_axis *axis)
{
    return (axis->kernel - 1) * axis->dilation + 1;
}

/* The pads that leave ceil(extent / stride) positions; an odd one more goes to the end that the
 * name says. */
static void pad_same(struct snnconv_axis *axis, int64_t extent, enum snnconv_auto_pad auto_pad)
{
    int64_t positions = (extent + axis->stride - 1) / axis->stride;
    int64_t pads = (positions - 1) * axis->stride + snnconv_window_reach(axis) - extent;
    if (pads < 0) pads = 0;
    axis->pad_begin = auto_pad == SNNCONV_AUTO_PAD_SAME_LOWER ? pads - pads / 2 : pads / 2;
    axis->pad_end = pads - axis->pad_begin;
    axis->positions = positions;
}

static void count_positions(struct snnconv_axis *axis, int64_t extent, bool ceil_mode)
{
    int64_t begin = extent + axis->pad_begin; /* of the pad at the end */
    int64_t room = begin + axis->pad_end - snnconv_window_reach(axis);
    if (ceil_mode) room += axis->stride - 1;
    axis->positions = room < 0 ? 0 : room / axis->stride + 1;
    /* What ceil_mode adds must not start in the pad at the end. */
    if (ceil_mode && axis->positions > 0 && (axis->positions - 1) * axis->stride >= begin)
        axis->positions = begin > 0 ? (begin - 1) / axis->stride + 1 : 0;
}

struct snnconv_axis snnconv_op_axis(const struct snnconv_attributes *attributes, uint32_t axis,
                                    int64_t extent, int64_t kernel)
{
    struct snnconv_axis out = {.kernel = kernel, .stride = 1, .dilation = 1};
    bool ceil_mode = attributes->ceil_mode;
    if (axis < attributes->spatial && axis < SNNCONV_SPATIAL_MAX) {
        out.stride = attributes->stride[axis];
        out.dilation = attributes->dilation[axis];
        out.pad_begin = attributes->pad_begin[axis];
        out.pad_end = attributes->pad_end[axis];
    }
    if (!is_between(out.kernel, 1) || !is_between(out.stride, 1) || !is_between(out.dilation, 1) ||
        !is_between(extent, 0))
        return out;
    switch (attributes->auto_pad) {
    case SNNCONV_AUTO_PAD_SAME_UPPER:
    case SNNCONV_AUTO_PAD_SAME_LOWER:
        pad_same(&out, extent, attributes->auto_pad);
        return out;
    case SNNCONV_AUTO_PAD_VALID:
        /* Rounds down in both modes: the formula is ceil((extent - reach + 1) / stride). */
        out.pad_begin = out.pad_end = 0;
        ceil_mode = false;
        break;
    case SNNCONV_AUTO_PAD_NOTSET:
        break;
    }
    if (!is_between(out.pad_begin, 0) || !is_between(out.pad_end, 0)) return out;
    count_positions(&out, extent, ceil_mode);
    return out;
}

/* ---- A window over a tensor ---- */

/* Spatial axis `i` of so many that the attributes may speak of. */
static int check_attributes(struct snn_context *context,
                            const struct snnconv_attributes *attributes, uint32_t i)
{
    const int64_t stride = attributes->stride[i], dilation = attributes->dilation[i];
    const int64_t begin = attributes->pad_begin[i], end = attributes->pad_end[i];
    if (!is_between(stride, 1))
        return snnbase_fail(context, SNN_ERR_INVALID, "a stride of %" PRId64, stride);
    if (!is_between(dilation, 1))
        return snnbase_fail(context, SNN_ERR_INVALID, "a dilation of %" PRId64, dilation);
    if (!is_between(begin, 0) || !is_between(end, 0))
        return snnbase_fail(context, SNN_ERR_INVALID, "pads of %" PRId64 " and %" PRId64, begin,
                            end);
    return SNN_OK;
}

static int init_axis(struct snnconv_axis *out, struct snn_context *context,
                     const struct snnconv_attributes *attributes, uint32_t i, int64_t extent,
                     int64_t kernel)
{
    if (i < attributes->spatial) {
        int status = check_attributes(context, attributes, i);
        if (status != SNN_OK) return status;
    }
    if (!is_between(kernel, 1))
        return snnbase_fail(context, SNN_ERR_INVALID, "a kernel of %" PRId64, kernel);
    if (i < attributes->spatial && attributes->kernel[i] != 0 && attributes->kernel[i] != kernel)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "kernel_shape says %" PRId64 ", the weights have %" PRId64,
                            attributes->kernel[i], kernel);
    *out = snnconv_op_axis(attributes, i, extent, kernel);
    if (out->positions <= 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "a window of %" PRId64 " does not fit into %" PRId64
                            " with pads of %" PRId64 " and %" PRId64,
                            snnconv_window_reach(out), extent, out->pad_begin, out->pad_end);
    return SNN_OK;
}

static int check_ranks(struct snn_context *context, const struct snnconv_attributes *attributes,
                       const struct snnconv_array *x)
{
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(text, x);
    if (x->rank < 3)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "an input of shape %s has no spatial axes: rank %" PRIu32
                            ", at least 3 expected",
                            text, x->rank);
    if (x->rank - 2 > SNNCONV_WINDOW_AXES)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "an input of shape %s: %" PRIu32 " spatial axes, at most %d", text,
                            x->rank - 2, SNNCONV_WINDOW_AXES);
    if (attributes->spatial != 0 && attributes->spatial != x->rank - 2)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "a window over %" PRIu32 " axes for an input of shape %s",
                            attributes->spatial, text);
    return SNN_OK;
}

int snnconv_window_init(struct snnconv_window *out, struct snn_context *context,
                        const struct snnconv_attributes *attributes, const struct snnconv_array *x,
                        const int64_t *kernel)
{
    struct snnconv_window window = {.spatial = 0};
    int status = check_ranks(context, attributes, x);
    if (status != SNN_OK) return status;
    window.spatial = x->rank - 2;
    uint32_t first = SNNCONV_WINDOW_AXES - window.spatial;
    for (uint32_t i = 0; i < first; i++) {
        window.extent[i] = 1;
        window.axis[i] =
            (struct snnconv_axis){.kernel = 1, .stride = 1, .dilation = 1, .positions = 1};
    }
    if (kernel == NULL) kernel = attributes->kernel;
    for (uint32_t i = 0; i < window.spatial; i++) {
        window.extent[first + i] = x->dim[2 + i];
        status =
            init_axis(&window.axis[first + i], context, attributes, i, x->dim[2 + i], kernel[i]);
        if (status != SNN_OK) return snnbase_where(context, "spatial axis %" PRIu32, i);
    }
    *out = window;
    return SNN_OK;
}

size_t snnconv_window_in_size(const struct snnconv_window *window)
{
    size_t size = 1;
    for (size_t i = 0; i < SNNCONV_WINDOW_AXES; i++)
        size *= (size_t)window->extent[i];
    return size;
}

size_t snnconv_window_out_size(const struct snnconv_window *window)
{
    size_t size = 1;
    for (size_t i = 0; i < SNNCONV_WINDOW_AXES; i++)
        size *= (size_t)window->axis[i].positions;
    return size;
}

void snnconv_window_shape(const struct snnconv_window *window, const struct snnconv_array *x,
                          int64_t channels, struct snnconv_array *out)
{
    uint32_t first = SNNCONV_WINDOW_AXES - window->spatial;
    *out = (struct snnconv_array){.type = x->type, .rank = x->rank};
    out->dim[0] = x->dim[0];
    out->dim[1] = channels;
    for (uint32_t i = 0; i < window->spatial; i++)
        out->dim[2 + i] = window->axis[first + i].positions;
}
