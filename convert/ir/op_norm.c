/* BatchNormalization: y = (x - mean) * scale / sqrt(variance + epsilon) + bias, each channel its
 * own. In training mode mean and variance are those of x, and the running ones move towards them.
 *
 * Source: https://onnx.ai/onnx/operators/onnx__BatchNormalization.html (opset 15).
 */
#include <inttypes.h>
#include <math.h>

#include "convert/ir/op.h"
#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE, INPUT_COUNT };
enum { Y, RUNNING_MEAN, RUNNING_VARIANCE };

/* x as [images][channels][map]. */
struct view {
    size_t images, channels, map;
};

/* A list without further axes is N samples of one channel. */
static struct view view_of(const struct snnconv_array *x)
{
    struct view view = {(size_t)x->dim[0], x->rank > 1 ? (size_t)x->dim[1] : 1, 1};
    for (uint32_t i = 2; i < x->rank; i++)
        view.map *= (size_t)x->dim[i];
    return view;
}

static int check_parameter(struct snn_context *context, const char *name,
                           const struct snnconv_array *parameter, size_t channels)
{
    if (!snnconv_type_is_float(parameter->type))
        return snnbase_fail(context, SNN_ERR_INVALID, "%s is %s, floats expected", name,
                            snnconv_type_name(parameter->type));
    if (parameter->rank == 1 && (uint64_t)parameter->dim[0] == channels) return SNN_OK;
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(text, parameter);
    return snnbase_fail(context, SNN_ERR_INVALID, "%s has the shape %s, [%zu] expected", name, text,
                        channels);
}

int snnconv_batch_normalization_shape(struct snn_context *context, const struct snnconv_call *call)
{
    static const char *const names[INPUT_COUNT] = {"X", "scale", "B", "input_mean", "input_var"};
    const struct snnconv_array *x = call->inputs[X];
    if (!snnconv_type_is_float(x->type))
        return snnbase_fail(context, SNN_ERR_INVALID, "X is %s, floats expected",
                            snnconv_type_name(x->type));
    if (x->rank == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "X is a scalar, channels expected");
    for (uint32_t i = SCALE; i < INPUT_COUNT; i++) {
        int status = check_parameter(context, names[i], call->inputs[i], view_of(x).channels);
        if (status != SNN_OK) return status;
    }
    if (call->output_count > 1 && !call->attributes->training_mode)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%" PRIu32 " outputs without training_mode, 1 expected",
                            call->output_count);
    for (uint32_t i = 0; i < call->output_count; i++) {
        call->outputs[i] = i == Y ? *x : *call->inputs[i == RUNNING_MEAN ? MEAN : VARIANCE];
        call->outputs[i].data = NULL;
    }
    return SNN_OK;
}

/* Mean and variance (of the whole population) of one channel. */
static void measure(const struct snnconv_array *x, struct view view, size_t channel,
                    double *mean_out, double *variance_out)
{
    double count = (double)view.images * (double)view.map, sum = 0.0, squares = 0.0;
    for (size_t n = 0; n < view.images; n++) {
        size_t first = (n * view.channels + channel) * view.map;
        for (size_t i = 0; i < view.map; i++)
            sum += snnconv_array_load(x, first + i);
    }
    double mean = sum / count;
    for (size_t n = 0; n < view.images; n++) {
        size_t first = (n * view.channels + channel) * view.map;
        for (size_t i = 0; i < view.map; i++) {
            double distance = snnconv_array_load(x, first + i) - mean;
            squares += distance * distance;
        }
    }
    *mean_out = mean;
    *variance_out = squares / count;
}

/* Moves the running value of one channel: output `index` from input `from`. */
static void follow(const struct snnconv_call *call, uint32_t index, uint32_t from, size_t channel,
                   double measured)
{
    double momentum = (double)call->attributes->momentum;
    if (index >= call->output_count) return;
    double before = snnconv_array_load(call->inputs[from], channel);
    snnconv_array_store(&call->outputs[index], channel,
                        before * momentum + measured * (1.0 - momentum));
}

static void normalize(struct snnconv_array *y, const struct snnconv_array *x, size_t first,
                      size_t count, const double parameter[3])
{
    const double mean = parameter[0], factor = parameter[1], bias = parameter[2];
    if (x->type != SNNCONV_TYPE_F32) {
        for (size_t i = first; i < first + count; i++)
            snnconv_array_store(y, i, (snnconv_array_load(x, i) - mean) * factor + bias);
        return;
    }
    const float *from = (const float *)x->data + first;
    float *to = (float *)snnconv_array_room(y) + first;
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(((double)from[i] - mean) * factor + bias);
}

int snnconv_batch_normalization_evaluate(struct snn_context *context,
                                         const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[X];
    const struct view view = view_of(x);
    (void)context;
    for (size_t c = 0; c < view.channels; c++) {
        double mean = snnconv_array_load(call->inputs[MEAN], c);
        double variance = snnconv_array_load(call->inputs[VARIANCE], c);
        if (call->attributes->training_mode) {
            measure(x, view, c, &mean, &variance);
            follow(call, RUNNING_MEAN, MEAN, c, mean);
            follow(call, RUNNING_VARIANCE, VARIANCE, c, variance);
        }
        const double parameter[3] = {
            mean,
            snnconv_array_load(call->inputs[SCALE], c) /
                sqrt(variance + (double)call->attributes->epsilon),
            snnconv_array_load(call->inputs[BIAS], c),
        };
        for (size_t n = 0; n < view.images; n++)
            normalize(&call->outputs[Y], x, (n * view.channels + c) * view.map, view.map,
                      parameter);
    }
    return SNN_OK;
}
