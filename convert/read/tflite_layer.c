/* TFLite's operators with weights or windows: convolutions, dense layers, pools, means.
 *
 * The file has pictures as N,H,W,C, the program's operators want N,C,H,W: each is put between two
 * transpositions, which the passes take out again. Kernels are permuted once, here.
 *
 *     x -> Transpose "conv/nchw" -> Conv "conv" -> Relu "conv/relu" -> Transpose "conv/nhwc" -> y
 */
#include "convert/read/tflite.h"
#include "libsnn/base/error.h"

/* Fields of Conv2DOptions, DepthwiseConv2DOptions, Pool2DOptions, FullyConnectedOptions. */
enum {
    WINDOW_PADDING = 0,
    WINDOW_STRIDE_W = 1,
    WINDOW_STRIDE_H = 2,
    CONV_ACTIVATION = 3,
    CONV_DILATION_W = 4,
    CONV_DILATION_H = 5,
    DEPTHWISE_ACTIVATION = 4,
    DEPTHWISE_DILATION_W = 5,
    DEPTHWISE_DILATION_H = 6,
    POOL_FILTER_W = 3,
    POOL_FILTER_H = 4,
    POOL_ACTIVATION = 5,
    DENSE_ACTIVATION = 0,
    DENSE_WEIGHTS_FORMAT = 1,
    DENSE_KEEP_DIMS = 2,
    REDUCE_KEEP_DIMS = 0
};

enum { PADDING_SAME = 0, PADDING_VALID = 1 };

static const uint32_t to_channels_first[4] = {0, 3, 1, 2}, to_channels_last[4] = {0, 2, 3, 1};

static int transpose(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                     const char *suffix, const uint32_t perm[4], const uint32_t *from,
                     uint32_t *value)
{
    struct snnconv_attributes attributes;
    snnconv_attributes_init(&attributes, SNNCONV_OP_TRANSPOSE);
    attributes.perm_count = 4;
    for (uint32_t i = 0; i < 4; i++)
        attributes.perm[i] = perm[i];
    return snnconv_tflite_emit(
        r, op, &(struct snnconv_tflite_node){suffix, SNNCONV_OP_TRANSPOSE, &attributes, from, 1},
        value);
}

/* The first input as N,C,H,W. */
static int channels_first(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                          uint32_t *out)
{
    uint32_t x = SNNCONV_NONE;
    *out = SNNCONV_NONE;
    int status = snnconv_tflite_value(r, op->inputs[0], &x);
    if (status == SNN_OK) status = transpose(r, op, "/nchw", to_channels_first, &x, out);
    if (status == SNN_OK) snnconv_tflite_annotate(r, *out, op->inputs[0]);
    return status;
}

/* The activation behind `value`, and back to N,H,W,C. */
static int channels_last(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                         int64_t activation, uint32_t value)
{
    uint32_t y = SNNCONV_NONE;
    int status = snnconv_tflite_activate(r, op, activation, SNNCONV_NONE, &value);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &y);
    if (status != SNN_OK) return status;
    snnconv_tflite_annotate(r, value, op->outputs[0]);
    return transpose(r, op, "/nhwc", to_channels_last, &value, &y);
}

static int check_rank(struct snnconv_tflite *r, int32_t index, uint32_t rank)
{
    const struct snnconv_tflite_tensor *tensor = snnconv_tflite_tensor(r, index);
    if (tensor->rank == rank) return SNN_OK;
    return snnbase_fail(r->context, SNN_ERR_FORMAT, "tensor '%s' has %u dimensions, %u expected",
                        tensor->name, tensor->rank, rank);
}

/* ---- Windows ---- */

struct window {
    int64_t kernel[2], stride[2], dilation[2]; /* h, w */
    int64_t padding;
};

static int set_window(struct snnconv_tflite *r, struct snnconv_attributes *attributes,
                      const struct window *window)
{
    if (window->padding != PADDING_SAME && window->padding != PADDING_VALID)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "padding %lld", (long long)window->padding);
    attributes->auto_pad =
        window->padding == PADDING_SAME ? SNNCONV_AUTO_PAD_SAME_UPPER : SNNCONV_AUTO_PAD_VALID;
    attributes->spatial = 2;
    for (uint32_t i = 0; i < 2; i++) {
        if (window->kernel[i] < 1 || window->stride[i] < 1 || window->dilation[i] < 1)
            return snnbase_fail(r->context, SNN_ERR_FORMAT,
                                "a window of %lld, stride %lld, dilation %lld",
                                (long long)window->kernel[i], (long long)window->stride[i],
                                (long long)window->dilation[i]);
        attributes->kernel[i] = window->kernel[i];
        attributes->stride[i] = window->stride[i];
        attributes->dilation[i] = window->dilation[i];
    }
    return SNN_OK;
}

static struct window read_window(const struct snnconv_tflite_op *op)
{
    return (struct window){
        .padding = snnbase_flat_signed(&op->options, WINDOW_PADDING, 1, PADDING_SAME),
        .stride = {snnbase_flat_signed(&op->options, WINDOW_STRIDE_H, 4, 0),
                   snnbase_flat_signed(&op->options, WINDOW_STRIDE_W, 4, 0)},
        .dilation = {1, 1},
    };
}

/* ---- Convolutions ---- */

/* How many groups the channels fall into; a depthwise kernel is 1,H,W,C*m: as many as channels. */
static int set_group(struct snnconv_tflite *r, const struct snnconv_tflite_op *op, bool depthwise,
                     struct snnconv_attributes *attributes)
{
    const struct snnconv_tflite_tensor *x = snnconv_tflite_tensor(r, op->inputs[0]);
    const struct snnconv_tflite_tensor *w = snnconv_tflite_tensor(r, op->inputs[1]);
    int64_t channels = x->dim[3], depth = w->dim[3];
    bool good = channels > 0 && depth > 0;
    if (good && depthwise) good = w->dim[0] == 1 && depth % channels == 0;
    if (good && !depthwise) good = channels % depth == 0;
    if (!good)
        return snnbase_fail(r->context, SNN_ERR_FORMAT,
                            "weights [%lld, %lld, %lld, %lld] on %lld channels",
                            (long long)w->dim[0], (long long)w->dim[1], (long long)w->dim[2],
                            (long long)depth, (long long)channels);
    attributes->group = depthwise ? channels : channels / depth;
    return SNN_OK;
}

static int set_conv(struct snnconv_tflite *r, const struct snnconv_tflite_op *op, bool depthwise,
                    struct snnconv_attributes *attributes)
{
    int status = check_rank(r, op->inputs[0], 4);
    if (status == SNN_OK) status = check_rank(r, op->inputs[1], 4);
    if (status != SNN_OK) return status;
    const struct snnconv_tflite_tensor *w = snnconv_tflite_tensor(r, op->inputs[1]);
    struct window window = read_window(op);
    unsigned dilation_h = depthwise ? DEPTHWISE_DILATION_H : CONV_DILATION_H;
    unsigned dilation_w = depthwise ? DEPTHWISE_DILATION_W : CONV_DILATION_W;
    window.dilation[0] = snnbase_flat_signed(&op->options, dilation_h, 4, 1);
    window.dilation[1] = snnbase_flat_signed(&op->options, dilation_w, 4, 1);
    window.kernel[0] = w->dim[1];
    window.kernel[1] = w->dim[2];
    snnconv_attributes_init(attributes, SNNCONV_OP_CONV);
    status = set_window(r, attributes, &window);
    return status == SNN_OK ? set_group(r, op, depthwise, attributes) : status;
}

int snnconv_tflite_conv(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir)
{
    /* O,H,W,I and 1,H,W,O to O,I,H,W */
    static const uint32_t plain[4] = {0, 3, 1, 2}, deep[4] = {3, 0, 1, 2};
    struct snnconv_attributes attributes;
    bool depthwise = op->code == TFLITE_DEPTHWISE_CONV_2D;
    uint32_t inputs[3] = {SNNCONV_NONE, SNNCONV_NONE, SNNCONV_NONE}, y = SNNCONV_NONE;
    int64_t activation =
        snnbase_flat_signed(&op->options, depthwise ? DEPTHWISE_ACTIVATION : CONV_ACTIVATION, 1, 0);
    int status = set_conv(r, op, depthwise, &attributes);
    if (status == SNN_OK) status = snnconv_tflite_check_activation(r, activation);
    if (status == SNN_OK)
        status = snnconv_tflite_permuted(r, op->inputs[1], depthwise ? deep : plain, &inputs[1]);
    if (status == SNN_OK) status = snnconv_tflite_bias(r, op, &inputs[2]);
    if (status == SNN_OK) status = channels_first(r, op, &inputs[0]);
    if (status == SNN_OK)
        status =
            snnconv_tflite_emit(r, op,
                                &(struct snnconv_tflite_node){"", ir, &attributes, inputs,
                                                              inputs[2] == SNNCONV_NONE ? 2 : 3},
                                &y);
    return status == SNN_OK ? channels_last(r, op, activation, y) : status;
}

/* ---- Dense layers ---- */

/* The first input as a matrix of rows of the weights' length, as the operator itself takes it. */
static int as_rows(struct snnconv_tflite *r, const struct snnconv_tflite_op *op, uint32_t *value)
{
    const struct snnconv_tflite_tensor *x = snnconv_tflite_tensor(r, op->inputs[0]);
    const struct snnconv_tflite_tensor *w = snnconv_tflite_tensor(r, op->inputs[1]);
    struct snnconv_attributes attributes;
    const int64_t shape[2] = {-1, w->dim[1]};
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE};
    int status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    *value = inputs[0];
    if (status != SNN_OK || (x->rank == 2 && x->dim[1] == w->dim[1])) return status;
    snnconv_attributes_init(&attributes, SNNCONV_OP_RESHAPE);
    *value = SNNCONV_NONE;
    status = snnconv_program_add_integers(r->program, r->context, shape, 2, &inputs[1]);
    if (status == SNN_OK)
        status = snnconv_tflite_emit(
            r, op,
            &(struct snnconv_tflite_node){"/flatten", SNNCONV_OP_RESHAPE, &attributes, inputs, 2},
            value);
    if (status == SNN_OK) snnconv_tflite_annotate(r, *value, op->inputs[0]);
    return status;
}

/* y = x W^T + b on rows. */
static int emit_gemm(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                     enum snnconv_op ir, int64_t activation)
{
    struct snnconv_attributes attributes;
    uint32_t inputs[3] = {SNNCONV_NONE, SNNCONV_NONE, SNNCONV_NONE}, last = SNNCONV_NONE;
    snnconv_attributes_init(&attributes, ir);
    attributes.trans_b = true;
    int status = snnconv_tflite_permuted(r, op->inputs[1], NULL, &inputs[1]);
    if (status == SNN_OK) status = snnconv_tflite_bias(r, op, &inputs[2]);
    if (status == SNN_OK) status = as_rows(r, op, &inputs[0]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &last);
    uint32_t y = activation == 0 ? last : SNNCONV_NONE;
    if (status == SNN_OK)
        status =
            snnconv_tflite_emit(r, op,
                                &(struct snnconv_tflite_node){"", ir, &attributes, inputs,
                                                              inputs[2] == SNNCONV_NONE ? 2 : 3},
                                &y);
    return status == SNN_OK ? snnconv_tflite_activate(r, op, activation, last, &y) : status;
}

/* The same along the last of several axes. */
static int emit_matmul(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                       int64_t activation)
{
    static const uint32_t swapped[2] = {1, 0};
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE}, sum[2] = {SNNCONV_NONE, SNNCONV_NONE};
    uint32_t last = SNNCONV_NONE;
    int status = snnconv_tflite_permuted(r, op->inputs[1], swapped, &inputs[1]);
    if (status == SNN_OK) status = snnconv_tflite_bias(r, op, &sum[1]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &last);
    bool biased = sum[1] != SNNCONV_NONE;
    uint32_t y = activation == 0 ? last : SNNCONV_NONE;
    if (!biased) sum[0] = y;
    if (status == SNN_OK)
        status = snnconv_tflite_emit(
            r, op, &(struct snnconv_tflite_node){"", SNNCONV_OP_MAT_MUL, NULL, inputs, 2}, &sum[0]);
    if (status == SNN_OK && biased)
        status = snnconv_tflite_emit(
            r, op, &(struct snnconv_tflite_node){"/bias", SNNCONV_OP_ADD, NULL, sum, 2}, &y);
    if (!biased) y = sum[0];
    return status == SNN_OK ? snnconv_tflite_activate(r, op, activation, last, &y) : status;
}

int snnconv_tflite_dense(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                         enum snnconv_op ir)
{
    const struct snnconv_tflite_tensor *x = snnconv_tflite_tensor(r, op->inputs[0]);
    int64_t activation = snnbase_flat_signed(&op->options, DENSE_ACTIVATION, 1, 0);
    int status = check_rank(r, op->inputs[1], 2);
    if (status == SNN_OK) status = snnconv_tflite_check_activation(r, activation);
    if (status != SNN_OK) return status;
    if (snnbase_flat_signed(&op->options, DENSE_WEIGHTS_FORMAT, 1, 0) != 0)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "weights in a shuffled order");
    bool keep = snnbase_flat_unsigned(&op->options, DENSE_KEEP_DIMS, 1, 0) != 0;
    if (keep && x->rank > 2) return emit_matmul(r, op, activation);
    return emit_gemm(r, op, ir, activation);
}

/* ---- Pools, means, maxima ---- */

int snnconv_tflite_pool(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                        enum snnconv_op ir)
{
    struct snnconv_attributes attributes;
    struct window window = read_window(op);
    int64_t activation = snnbase_flat_signed(&op->options, POOL_ACTIVATION, 1, 0);
    uint32_t x = SNNCONV_NONE, y = SNNCONV_NONE;
    window.kernel[0] = snnbase_flat_signed(&op->options, POOL_FILTER_H, 4, 0);
    window.kernel[1] = snnbase_flat_signed(&op->options, POOL_FILTER_W, 4, 0);
    snnconv_attributes_init(&attributes, ir);
    attributes.count_include_pad = false;
    int status = check_rank(r, op->inputs[0], 4);
    if (status == SNN_OK) status = set_window(r, &attributes, &window);
    if (status == SNN_OK) status = snnconv_tflite_check_activation(r, activation);
    if (status == SNN_OK) status = channels_first(r, op, &x);
    if (status == SNN_OK)
        status = snnconv_tflite_emit(r, op,
                                     &(struct snnconv_tflite_node){"", ir, &attributes, &x, 1}, &y);
    return status == SNN_OK ? channels_last(r, op, activation, y) : status;
}

/* The mean or maximum over height and width, as N,C,H,W. */
static int reduce_picture(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                          enum snnconv_op ir, const struct snnconv_attributes *attributes)
{
    static const int64_t spatial[2] = {2, 3};
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE}, y = SNNCONV_NONE;
    int status = channels_first(r, op, &inputs[0]);
    if (status == SNN_OK)
        status = snnconv_program_add_integers(r->program, r->context, spatial, 2, &inputs[1]);
    if (status == SNN_OK && !attributes->keepdims)
        status = snnconv_tflite_value(r, op->outputs[0], &y);
    if (status == SNN_OK)
        status = snnconv_tflite_emit(
            r, op, &(struct snnconv_tflite_node){"", ir, attributes, inputs, 2}, &y);
    if (status != SNN_OK || !attributes->keepdims) return status;
    return channels_last(r, op, 0, y);
}

int snnconv_tflite_reduce(struct snnconv_tflite *r, const struct snnconv_tflite_op *op,
                          enum snnconv_op ir)
{
    const struct snnconv_tflite_tensor *x = snnconv_tflite_tensor(r, op->inputs[0]);
    struct snnconv_attributes attributes;
    int64_t axes[SNNCONV_RANK_MAX];
    uint32_t count = 0, inputs[2] = {SNNCONV_NONE, SNNCONV_NONE}, y = SNNCONV_NONE, bits = 0;
    int status = snnconv_tflite_integers(r, op->inputs[1], axes, SNNCONV_RANK_MAX, &count);
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        status = snnconv_tflite_axis(r, axes[i], x->rank, &axes[i]);
        if (status == SNN_OK) bits |= 1u << axes[i];
    }
    if (status != SNN_OK) return status;
    if (bits == 0) return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "a reduction over no axis");
    count = 0;
    for (uint32_t axis = 0; axis < x->rank; axis++) /* each once */
        if (bits >> axis & 1u) axes[count++] = axis;
    snnconv_attributes_init(&attributes, ir);
    attributes.keepdims = snnbase_flat_unsigned(&op->options, REDUCE_KEEP_DIMS, 1, 0) != 0;
    if (x->rank == 4 && bits == (1u << 1 | 1u << 2)) return reduce_picture(r, op, ir, &attributes);
    status = snnconv_tflite_value(r, op->inputs[0], &inputs[0]);
    if (status == SNN_OK)
        status = snnconv_program_add_integers(r->program, r->context, axes, count, &inputs[1]);
    if (status == SNN_OK) status = snnconv_tflite_value(r, op->outputs[0], &y);
    if (status != SNN_OK) return status;
    return snnconv_tflite_emit(r, op, &(struct snnconv_tflite_node){"", ir, &attributes, inputs, 2},
                               &y);
}
