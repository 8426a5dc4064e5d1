/* Layers with windows, see keras.h: convolutions, pools, borders. Each stands between transposes to
 * N,C,H,W and back, unless Keras itself says channels_first; kernels are transposed here.
 *
 *     Conv2D            [H][W][I/g][O] -> [O][I/g][H][W]
 *     DepthwiseConv2D   [H][W][C][m]   -> [C*m][1][H][W] in C groups
 */
#include <inttypes.h>
#include <string.h>

#include "convert/read/keras.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"
#include "snn/status.h"

static const uint32_t hwio_to_oihw[] = {3, 2, 0, 1};
static const uint32_t hwcm_to_cmhw[] = {2, 3, 0, 1};

/* What convolutions and pools have in common. */
struct window {
    struct snnconv_attributes attributes;
    bool channels_first;
    bool same;
};

static int refuse_rank(const struct snnconv_keras_layer *layer, uint32_t rank)
{
    if (rank == 4 || rank == 0) return SNN_OK;
    return snnbase_fail(layer->keras->context, SNN_ERR_FORMAT,
                        "%s: its input has %" PRIu32 " axes, four are wanted", layer->class_name,
                        rank);
}

static int read_padding(const struct snnconv_keras_layer *layer, struct window *window)
{
    const char *word = snnconv_keras_word(layer, "padding", "border_mode", "valid");
    window->same = strcmp(word, "same") == 0;
    window->attributes.auto_pad =
        window->same ? SNNCONV_AUTO_PAD_SAME_UPPER : SNNCONV_AUTO_PAD_VALID;
    if (window->same || strcmp(word, "valid") == 0) return SNN_OK;
    return snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                        "%s: padding '%.40s'; accepted are same and valid", layer->class_name,
                        word);
}

static int check_positive(const struct snnconv_keras_layer *layer, const int64_t *items)
{
    if (items[0] >= 1 && items[1] >= 1 && items[0] <= INT32_MAX && items[1] <= INT32_MAX)
        return SNN_OK;
    return snnbase_fail(layer->keras->context, SNN_ERR_FORMAT,
                        "%s: a window's %" PRId64 " x %" PRId64 " is out of range",
                        layer->class_name, items[0], items[1]);
}

static int read_window(const struct snnconv_keras_layer *layer, enum snnconv_op op,
                       struct window *window)
{
    struct snnconv_attributes *attributes = &window->attributes;
    snnconv_attributes_init(attributes, op);
    attributes->spatial = 2;
    int status = snnconv_keras_channels_first(layer, &window->channels_first);
    if (status == SNN_OK) status = read_padding(layer, window);
    return status;
}

static int read_strides(const struct snnconv_keras_layer *layer, struct window *window)
{
    struct snnconv_attributes *attributes = &window->attributes;
    int status = snnconv_keras_pair(layer, "strides", "subsample", 1, attributes->stride);
    if (status == SNN_OK) status = check_positive(layer, attributes->stride);
    if (status == SNN_OK)
        status = snnconv_keras_pair(layer, "dilation_rate", NULL, 1, attributes->dilation);
    if (status == SNN_OK) status = check_positive(layer, attributes->dilation);
    return status;
}

/* ---- Convolutions ---- */

/* The depthwise kernel as an ordinary one; the number of groups is that of its channels. */
static int depthwise_kernel(struct snnconv_keras_layer *layer, struct window *window, uint32_t *out)
{
    const struct snnconv_program *program = layer->keras->program;
    bool made = layer->constants[0] != SNNCONV_NONE;
    int status = snnconv_keras_constant(layer, 0, "depthwise_kernel", 4, hwcm_to_cmhw, out);
    if (status != SNN_OK) return status;
    struct snnconv_array *array = &program->values[*out].array;
    window->attributes.group = layer->weights[0]->array.dim[2];
    if (made) return SNN_OK;
    array->dim[0] *= array->dim[1]; /* checked when the array was made */
    array->dim[1] = 1;
    return SNN_OK;
}

static int conv_kernel(struct snnconv_keras_layer *layer, struct window *window, uint32_t *out)
{
    bool oihw = layer->keras->version == 1 && window->channels_first;
    int status = snnconv_keras_integer(layer, "groups", NULL, 1, &window->attributes.group);
    if (status == SNN_OK)
        status = snnconv_keras_constant(layer, 0, "kernel", 4, oihw ? NULL : hwio_to_oihw, out);
    return status;
}

/* Input, kernel and, if the layer has one, bias of the convolution that ends it. */
static int emit_conv(struct snnconv_keras_layer *layer, struct window *window, uint32_t kernel,
                     uint32_t bias_index, uint32_t *value)
{
    uint32_t inputs[3] = {*value, kernel, SNNCONV_NONE};
    bool biased = false;
    int status = snnconv_keras_flag(layer, "use_bias", "bias", true, &biased);
    if (status == SNN_OK && biased)
        status = snnconv_keras_constant(layer, bias_index, "bias", 1, NULL, &inputs[2]);
    if (status != SNN_OK) return status;
    return snnconv_keras_emit(layer, SNNCONV_OP_CONV, NULL, &window->attributes, inputs,
                              biased ? 3 : 2, value);
}

/* Depthwise with the layer's strides, then pointwise without. */
static int separable(struct snnconv_keras_layer *layer, struct window *window, uint32_t *value)
{
    struct window pointwise = *window;
    uint32_t kernels[2], inputs[2];
    int status = depthwise_kernel(layer, window, &kernels[0]);
    if (status == SNN_OK)
        status = snnconv_keras_constant(layer, 1, "pointwise_kernel", 4, hwio_to_oihw, &kernels[1]);
    if (status != SNN_OK) return status;
    inputs[0] = *value;
    inputs[1] = kernels[0];
    status = snnconv_keras_emit(layer, SNNCONV_OP_CONV, "depthwise", &window->attributes, inputs, 2,
                                value);
    if (status != SNN_OK) return status;
    for (int i = 0; i < 2; i++)
        pointwise.attributes.stride[i] = pointwise.attributes.dilation[i] = 1;
    pointwise.attributes.auto_pad = SNNCONV_AUTO_PAD_VALID;
    return emit_conv(layer, &pointwise, kernels[1], 2, value);
}

int snnconv_keras_conv(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out)
{
    bool is_depthwise = strcmp(layer->class_name, "DepthwiseConv2D") == 0;
    bool is_separable = strncmp(layer->class_name, "Separable", 9) == 0;
    bool biased = false;
    uint32_t kernel = SNNCONV_NONE;
    struct window window;
    (void)input_count;
    int status = refuse_rank(layer, inputs[0].rank);
    if (status == SNN_OK) status = read_window(layer, SNNCONV_OP_CONV, &window);
    if (status == SNN_OK) status = read_strides(layer, &window);
    if (status == SNN_OK) status = snnconv_keras_flag(layer, "use_bias", "bias", true, &biased);
    uint32_t wanted = (is_separable ? 2u : 1u) + (biased ? 1u : 0u);
    if (status == SNN_OK) status = snnconv_keras_want_weights(layer, wanted, wanted);
    if (status != SNN_OK) return status;
    *out = (struct snnconv_keras_tensor){inputs[0].value, 4};
    if (!window.channels_first) status = snnconv_keras_transpose(layer, 4, true, &out->value);
    if (status == SNN_OK && is_separable) {
        status = separable(layer, &window, &out->value);
    } else if (status == SNN_OK) {
        status = is_depthwise ? depthwise_kernel(layer, &window, &kernel)
                              : conv_kernel(layer, &window, &kernel);
        if (status == SNN_OK) status = emit_conv(layer, &window, kernel, 1, &out->value);
    }
    if (status == SNN_OK && !window.channels_first)
        status = snnconv_keras_transpose(layer, 4, false, &out->value);
    return status == SNN_OK ? snnconv_keras_activate(layer, out, NULL) : status;
}

/* ---- Pools ---- */

/* One node between transposes. */
static int emit_between(struct snnconv_keras_layer *layer, enum snnconv_op op,
                        const struct window *window, const uint32_t *others, uint32_t other_count,
                        uint32_t *value)
{
    uint32_t inputs[5] = {*value};
    int status = SNN_OK;
    if (!window->channels_first) status = snnconv_keras_transpose(layer, 4, true, &inputs[0]);
    for (uint32_t i = 0; i < other_count; i++)
        inputs[1 + i] = others[i];
    if (status == SNN_OK)
        status = snnconv_keras_emit(layer, op, NULL, &window->attributes, inputs, 1 + other_count,
                                    value);
    if (status == SNN_OK && !window->channels_first)
        status = snnconv_keras_transpose(layer, 4, false, value);
    return status;
}

int snnconv_keras_pool(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out)
{
    enum snnconv_op op =
        strncmp(layer->class_name, "Max", 3) == 0 ? SNNCONV_OP_MAX_POOL : SNNCONV_OP_AVERAGE_POOL;
    struct window window;
    (void)input_count;
    int status = refuse_rank(layer, inputs[0].rank);
    if (status == SNN_OK) status = read_window(layer, op, &window);
    struct snnconv_attributes *attributes = &window.attributes;
    if (status == SNN_OK)
        status = snnconv_keras_pair(layer, "pool_size", NULL, 2, attributes->kernel);
    if (status == SNN_OK) status = check_positive(layer, attributes->kernel);
    if (status == SNN_OK && snnconv_keras_entry(layer, "strides", NULL) == NULL)
        memcpy(attributes->stride, attributes->kernel, 2 * sizeof(attributes->stride[0]));
    else if (status == SNN_OK)
        status = snnconv_keras_pair(layer, "strides", NULL, 1, attributes->stride);
    if (status == SNN_OK) status = check_positive(layer, attributes->stride);
    if (status != SNN_OK) return status;
    *out = (struct snnconv_keras_tensor){inputs[0].value, 4};
    return emit_between(layer, op, &window, NULL, 0, &out->value);
}

int snnconv_keras_global_pool(struct snnconv_keras_layer *layer,
                              const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                              struct snnconv_keras_tensor *out)
{
    enum snnconv_op op = strncmp(layer->class_name, "GlobalMax", 9) == 0
                             ? SNNCONV_OP_GLOBAL_MAX_POOL
                             : SNNCONV_OP_GLOBAL_AVERAGE_POOL;
    struct snnconv_attributes flatten;
    bool channels_first = false, keepdims = false;
    uint32_t value = inputs[0].value;
    (void)input_count;
    int status = refuse_rank(layer, inputs[0].rank);
    if (status == SNN_OK) status = snnconv_keras_channels_first(layer, &channels_first);
    if (status == SNN_OK) status = snnconv_keras_flag(layer, "keepdims", NULL, false, &keepdims);
    if (status == SNN_OK && !channels_first)
        status = snnconv_keras_transpose(layer, 4, true, &value);
    if (status == SNN_OK) status = snnconv_keras_emit(layer, op, NULL, NULL, &value, 1, &value);
    if (status != SNN_OK) return status;
    snnconv_attributes_init(&flatten, SNNCONV_OP_FLATTEN);
    if (!keepdims)
        status =
            snnconv_keras_emit(layer, SNNCONV_OP_FLATTEN, "flatten", &flatten, &value, 1, &value);
    else if (!channels_first)
        status = snnconv_keras_transpose(layer, 4, false, &value);
    *out = (struct snnconv_keras_tensor){value, keepdims ? 4 : 2};
    return status;
}

/* ---- Borders: ZeroPadding2D and Cropping2D ---- */

/* n, [h, w], [[top, bottom], [left, right]], and of Keras 1 [top, bottom, left, right]. */
static int read_border(const struct snnconv_keras_layer *layer, const char *name,
                       int64_t border[2][2])
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, NULL);
    int64_t items[4] = {1, 1, 1, 1};
    uint32_t count = 1;
    int status = SNN_OK;
    if (value != NULL && snnbase_json_is_array(value) &&
        snnbase_json_is_array(snnbase_json_first(value))) {
        const struct snnbase_json_value *sides = snnbase_json_first(value);
        count = 4;
        for (uint32_t axis = 0; axis < 2 && status == SNN_OK; axis++) {
            uint32_t two = 0;
            if (sides == NULL) return snnconv_keras_fail_entry(layer, name, "is too short");
            status = snnconv_keras_integers(layer, sides, 2, &items[2 * axis], &two);
            if (status == SNN_OK && two != 2)
                return snnconv_keras_fail_entry(layer, name, "is no pair of pairs");
            sides = snnbase_json_next(sides);
        }
    } else if (value != NULL && snnbase_json_is_array(value)) {
        status = snnconv_keras_integers(layer, value, 4, items, &count);
    } else if (value != NULL && !snnconv_keras_whole(value, &items[0])) {
        return snnconv_keras_fail_entry(layer, name, "is no whole number");
    }
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < 4; i++) {
        border[i / 2][i % 2] = items[count == 4 ? i : count == 2 ? i / 2 : 0];
        if (border[i / 2][i % 2] < 0 || border[i / 2][i % 2] > INT32_MAX || count == 3)
            return snnconv_keras_fail_entry(layer, name, "is out of range");
    }
    return SNN_OK;
}

static int emit_pad(struct snnconv_keras_layer *layer, struct window *window, int64_t border[2][2],
                    uint32_t *value)
{
    const int64_t pads[] = {0, 0, border[0][0], border[1][0], 0, 0, border[0][1], border[1][1]};
    uint32_t other = SNNCONV_NONE;
    int status =
        snnconv_program_add_integers(layer->keras->program, layer->keras->context, pads, 8, &other);
    return status == SNN_OK ? emit_between(layer, SNNCONV_OP_PAD, window, &other, 1, value)
                            : status;
}

static int emit_crop(struct snnconv_keras_layer *layer, struct window *window, int64_t border[2][2],
                     uint32_t *value)
{
    const int64_t lists[3][2] = {
        {border[0][0], border[1][0]},
        {border[0][1] > 0 ? -border[0][1] : INT64_MAX,
         border[1][1] > 0 ? -border[1][1] : INT64_MAX},
        {2, 3},
    };
    uint32_t others[3];
    int status = SNN_OK;
    for (uint32_t i = 0; i < 3 && status == SNN_OK; i++)
        status = snnconv_program_add_integers(layer->keras->program, layer->keras->context,
                                              lists[i], 2, &others[i]);
    return status == SNN_OK ? emit_between(layer, SNNCONV_OP_SLICE, window, others, 3, value)
                            : status;
}

int snnconv_keras_border(struct snnconv_keras_layer *layer,
                         const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                         struct snnconv_keras_tensor *out)
{
    bool pads = strncmp(layer->class_name, "Zero", 4) == 0;
    int64_t border[2][2];
    struct window window;
    (void)input_count;
    snnconv_attributes_init(&window.attributes, pads ? SNNCONV_OP_PAD : SNNCONV_OP_SLICE);
    int status = refuse_rank(layer, inputs[0].rank);
    if (status == SNN_OK) status = snnconv_keras_channels_first(layer, &window.channels_first);
    if (status == SNN_OK) status = read_border(layer, pads ? "padding" : "cropping", border);
    if (status != SNN_OK) return status;
    *out = (struct snnconv_keras_tensor){inputs[0].value, 4};
    return pads ? emit_pad(layer, &window, border, &out->value)
                : emit_crop(layer, &window, border, &out->value);
}
