/* What each class of Keras layer becomes, see keras.h: a table, and the layers without windows.
 * What is not in the table is refused by its name, and so is each activation that is not known.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/keras.h"
#include "libsnn/base/error.h"
#include "snn/status.h"

enum { CONSTANTS_MAX = 1 << 16 /* of Normalization, in the configuration */ };

/* ---- Emitting ---- */

int snnconv_keras_emit(struct snnconv_keras_layer *layer, enum snnconv_op op, const char *part,
                       const struct snnconv_attributes *attributes, const uint32_t *inputs,
                       uint32_t input_count, uint32_t *out)
{
    struct snnconv_attributes defaults;
    char name[SNNCONV_KERAS_NAME_SIZE + 64], call[16] = "";
    snnconv_attributes_init(&defaults, op);
    if (layer->call_count > 1)
        (void)snprintf(call, sizeof(call), "#%" PRIu32, layer->call_count - 1);
    (void)snprintf(name, sizeof(name), "%s%s%s%s", layer->path, call, part != NULL ? "/" : "",
                   part != NULL ? part : "");
    return snnconv_program_add_op(layer->keras->program, layer->keras->context, op, name,
                                  layer->offset, attributes != NULL ? attributes : &defaults,
                                  inputs, input_count, out);
}

int snnconv_keras_transpose(struct snnconv_keras_layer *layer, uint32_t rank, bool to_first,
                            uint32_t *value)
{
    struct snnconv_attributes attributes;
    if (rank < 3) return SNN_OK;
    snnconv_attributes_init(&attributes, SNNCONV_OP_TRANSPOSE);
    attributes.perm_count = rank;
    for (uint32_t i = 1; i < rank; i++)
        attributes.perm[i] = to_first ? i - 1 : i + 1;
    if (to_first)
        attributes.perm[1] = rank - 1;
    else
        attributes.perm[rank - 1] = 1;
    return snnconv_keras_emit(layer, SNNCONV_OP_TRANSPOSE, to_first ? "nchw" : "nhwc", &attributes,
                              value, 1, value);
}

static int add_floats(struct snnconv_keras_layer *layer, const char *role, const float *items,
                      const struct snnconv_array *shape, uint32_t *out)
{
    struct snnconv_array array = *shape;
    char name[SNNCONV_KERAS_NAME_SIZE + 32];
    (void)snprintf(name, sizeof(name), "%s/%s", layer->path, role);
    array.type = SNNCONV_TYPE_F32;
    array.data = items;
    return snnconv_program_add_constant(layer->keras->program, layer->keras->context, name, &array,
                                        out);
}

static int add_scalar(struct snnconv_keras_layer *layer, const char *role, double value,
                      uint32_t *out)
{
    const struct snnconv_array scalar = {.rank = 0};
    const float item = (float)value;
    return add_floats(layer, role, &item, &scalar, out);
}

/* ---- Activations ---- */

static int emit_clip(struct snnconv_keras_layer *layer, const char *part, double high,
                     uint32_t *value)
{
    uint32_t inputs[3] = {*value};
    int status = add_scalar(layer, "min", 0, &inputs[1]);
    if (status == SNN_OK) status = add_scalar(layer, "max", high, &inputs[2]);
    if (status != SNN_OK) return status;
    return snnconv_keras_emit(layer, SNNCONV_OP_CLIP, part, NULL, inputs, 3, value);
}

static int emit_leaky(struct snnconv_keras_layer *layer, const char *part, double slope,
                      uint32_t *value)
{
    struct snnconv_attributes attributes;
    snnconv_attributes_init(&attributes, SNNCONV_OP_LEAKY_RELU);
    attributes.alpha = (float)slope;
    return snnconv_keras_emit(layer, SNNCONV_OP_LEAKY_RELU, part, &attributes, value, 1, value);
}

static int emit_softmax(struct snnconv_keras_layer *layer, const char *part, enum snnconv_op op,
                        int64_t axis, uint32_t *value)
{
    struct snnconv_attributes attributes;
    snnconv_attributes_init(&attributes, op);
    attributes.axis = axis;
    return snnconv_keras_emit(layer, op, part, &attributes, value, 1, value);
}

/* An activation by the name of its function. */
static const struct function {
    const char *name;
    enum snnconv_op op;
    double parameter; /* the highest value, the slope, the axis */
} functions[] = {
    {"linear", SNNCONV_OP_IDENTITY, 0},
    {"relu", SNNCONV_OP_RELU, 0},
    {"relu6", SNNCONV_OP_CLIP, 6},
    {"leaky_relu", SNNCONV_OP_LEAKY_RELU, 0.2},
    {"sigmoid", SNNCONV_OP_SIGMOID, 0},
    {"softmax", SNNCONV_OP_SOFTMAX, -1},
    {"log_softmax", SNNCONV_OP_LOG_SOFTMAX, -1},
};

enum { FUNCTION_COUNT = sizeof(functions) / sizeof(functions[0]) };

static int activate_named(struct snnconv_keras_layer *layer, struct snnconv_keras_tensor *tensor,
                          const char *name, const char *part)
{
    uint32_t *value = &tensor->value;
    size_t i = 0;
    while (i < FUNCTION_COUNT && strcmp(functions[i].name, name) != 0)
        i++;
    if (i == FUNCTION_COUNT) {
        (void)snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                           "%s: activation '%.60s' is not one that spikes can carry",
                           layer->class_name, name);
        return snnbase_hint(layer->keras->context, "accepted: linear, relu, relu6, leaky_relu, "
                                                   "sigmoid, softmax, log_softmax");
    }
    switch (functions[i].op) {
    case SNNCONV_OP_IDENTITY:
        return SNN_OK;
    case SNNCONV_OP_CLIP:
        return emit_clip(layer, part, functions[i].parameter, value);
    case SNNCONV_OP_LEAKY_RELU:
        return emit_leaky(layer, part, functions[i].parameter, value);
    case SNNCONV_OP_RELU:
    case SNNCONV_OP_SIGMOID:
        return snnconv_keras_emit(layer, functions[i].op, part, NULL, value, 1, value);
    default:
        return emit_softmax(layer, part, functions[i].op, (int64_t)functions[i].parameter, value);
    }
}

static int relu(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                uint32_t input_count, struct snnconv_keras_tensor *out);
static int leaky_relu(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                      uint32_t input_count, struct snnconv_keras_tensor *out);
static int softmax(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                   uint32_t input_count, struct snnconv_keras_tensor *out);

/* An activation that is a layer itself: {"class_name": "LeakyReLU", "config": {...}}. */
static int activate_layer(struct snnconv_keras_layer *layer, struct snnconv_keras_tensor *tensor,
                          const struct snnbase_json_value *entry, const char *class_name)
{
    static const struct {
        const char *class_name;
        snnconv_keras_layer_fn run;
    } rows[] = {{"ReLU", relu}, {"LeakyReLU", leaky_relu}, {"Softmax", softmax}};
    struct snnconv_keras_layer inner = *layer;
    struct snnconv_keras_tensor from = *tensor;
    (void)snprintf(inner.path, sizeof(inner.path), "%.480s/activation", layer->path);
    inner.config = snnbase_json_get(entry, "config");
    inner.class_name = class_name;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(class_name, rows[i].class_name) == 0)
            return rows[i].run(&inner, &from, 1, tensor);
    }
    return activate_named(layer, tensor, class_name, NULL);
}

int snnconv_keras_activate(struct snnconv_keras_layer *layer, struct snnconv_keras_tensor *tensor,
                           const char *part)
{
    const struct snnbase_json_value *entry = snnconv_keras_entry(layer, "activation", NULL);
    if (entry == NULL) return SNN_OK;
    const char *function = NULL;
    if (snnbase_json_is_string(entry)) function = snnbase_json_string(entry);
    const struct snnbase_json_value *class_name = snnbase_json_get(entry, "class_name");
    const struct snnbase_json_value *config = snnbase_json_get(entry, "config");
    bool is_class = class_name != NULL && snnbase_json_is_string(class_name);
    if (is_class && strcmp(snnbase_json_string(class_name), "function") == 0 && config != NULL &&
        snnbase_json_is_string(config))
        function = snnbase_json_string(config);
    else if (is_class)
        return activate_layer(layer, tensor, entry, snnbase_json_string(class_name));
    if (function == NULL) return snnconv_keras_fail_entry(layer, "activation", "names no function");
    return activate_named(layer, tensor, function, part != NULL ? part : function);
}

static int activation(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                      uint32_t input_count, struct snnconv_keras_tensor *out)
{
    const struct snnbase_json_value *entry = snnconv_keras_entry(layer, "activation", NULL);
    (void)input_count;
    *out = inputs[0];
    /* The node is the layer's own. */
    if (entry != NULL && snnbase_json_is_string(entry))
        return activate_named(layer, out, snnbase_json_string(entry), NULL);
    return snnconv_keras_activate(layer, out, NULL);
}

static int relu(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                uint32_t input_count, struct snnconv_keras_tensor *out)
{
    double high = INFINITY, slope = 0, threshold = 0;
    (void)input_count;
    *out = inputs[0];
    int status = snnconv_keras_number(layer, "max_value", NULL, INFINITY, &high);
    if (status == SNN_OK) status = snnconv_keras_number(layer, "negative_slope", NULL, 0, &slope);
    if (status == SNN_OK) status = snnconv_keras_number(layer, "threshold", NULL, 0, &threshold);
    if (status != SNN_OK) return status;
    if (threshold != 0 || (slope != 0 && isfinite(high)))
        return snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                            "%s: threshold %g, negative slope %g and largest value %g together",
                            layer->class_name, threshold, slope, high);
    if (slope != 0) return emit_leaky(layer, NULL, slope, &out->value);
    if (isfinite(high)) return emit_clip(layer, NULL, high, &out->value);
    return snnconv_keras_emit(layer, SNNCONV_OP_RELU, NULL, NULL, &out->value, 1, &out->value);
}

static int leaky_relu(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                      uint32_t input_count, struct snnconv_keras_tensor *out)
{
    double slope = 0;
    (void)input_count;
    *out = inputs[0];
    int status = snnconv_keras_number(layer, "negative_slope", "alpha", 0.3, &slope);
    return status == SNN_OK ? emit_leaky(layer, NULL, slope, &out->value) : status;
}

static int softmax(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                   uint32_t input_count, struct snnconv_keras_tensor *out)
{
    int64_t axis = -1;
    (void)input_count;
    *out = inputs[0];
    int status = snnconv_keras_integer(layer, "axis", NULL, -1, &axis);
    if (status != SNN_OK) return status;
    return emit_softmax(layer, NULL, SNNCONV_OP_SOFTMAX, axis, &out->value);
}

/* ---- Dense ---- */

/* Gemm for vectors, else a product over the last axis and an addition. */
static int dense(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                 uint32_t input_count, struct snnconv_keras_tensor *out)
{
    uint32_t operands[3] = {inputs[0].value, SNNCONV_NONE, SNNCONV_NONE};
    bool biased = false;
    (void)input_count;
    *out = inputs[0];
    int status = snnconv_keras_flag(layer, "use_bias", "bias", true, &biased);
    if (status == SNN_OK)
        status = snnconv_keras_want_weights(layer, biased ? 2 : 1, biased ? 2 : 1);
    if (status == SNN_OK)
        status = snnconv_keras_constant(layer, 0, "kernel", 2, NULL, &operands[1]);
    if (status == SNN_OK && biased)
        status = snnconv_keras_constant(layer, 1, "bias", 1, NULL, &operands[2]);
    if (status != SNN_OK) return status;
    if (inputs[0].rank == 2) {
        status = snnconv_keras_emit(layer, SNNCONV_OP_GEMM, NULL, NULL, operands, biased ? 3 : 2,
                                    &out->value);
    } else {
        status =
            snnconv_keras_emit(layer, SNNCONV_OP_MAT_MUL, NULL, NULL, operands, 2, &out->value);
        operands[1] = out->value;
        if (status == SNN_OK && biased)
            status = snnconv_keras_emit(layer, SNNCONV_OP_ADD, "bias", NULL, &operands[1], 2,
                                        &out->value);
    }
    return status == SNN_OK ? snnconv_keras_activate(layer, out, NULL) : status;
}

/* ---- Normalisation ---- */

/* The entry "axis" as an axis from 0: one number, or a list of one. */
static int read_axis(const struct snnconv_keras_layer *layer, uint32_t rank, int64_t fallback,
                     int64_t *out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, "axis", "concat_axis");
    uint32_t count = 1;
    *out = fallback;
    if (value != NULL && snnbase_json_is_array(value)) {
        int status = snnconv_keras_integers(layer, value, 1, out, &count);
        if (status != SNN_OK) return status;
    } else if (value != NULL && !snnconv_keras_whole(value, out)) {
        count = 0;
    }
    if (count != 1) return snnconv_keras_fail_entry(layer, "axis", "is not one axis");
    if (rank == 0) return SNN_OK;
    if (*out < 0) *out += rank;
    return *out >= 0 && *out < rank ? SNN_OK
                                    : snnconv_keras_fail_entry(layer, "axis", "is out of range");
}

/* One number for each channel, where a file leaves the learnt ones out. */
static int add_filled(struct snnconv_keras_layer *layer, const char *role, float value,
                      uint32_t *out)
{
    uint32_t last = layer->weight_count - 1;
    struct snnconv_array shape = {.rank = 1, .dim = {layer->weights[last]->array.dim[0]}};
    struct snnconv_keras *keras = layer->keras;
    shape.type = SNNCONV_TYPE_F32;
    int status = snnconv_array_check(keras->context, &shape);
    if (status != SNN_OK) return status;
    float *items = snnconv_array_alloc(&shape, keras->context, &keras->program->arena);
    if (items == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < snnconv_array_count(&shape); i++)
        items[i] = value;
    char name[SNNCONV_KERAS_NAME_SIZE + 32];
    (void)snprintf(name, sizeof(name), "%s/%s", layer->path, role);
    return snnconv_program_add_value(keras->program, keras->context, name, &shape, out);
}

/* The four tensors in the order of the operator: scale, bias, mean, variance. */
static int norm_tensors(struct snnconv_keras_layer *layer, uint32_t inputs[5])
{
    static const char *const roles[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    bool has[4] = {true, true, true, true};
    uint32_t count = 2, next = 0;
    int status = snnconv_keras_flag(layer, "scale", NULL, true, &has[0]);
    if (status == SNN_OK) status = snnconv_keras_flag(layer, "center", NULL, true, &has[1]);
    count += (has[0] ? 1u : 0u) + (has[1] ? 1u : 0u);
    if (status == SNN_OK) status = snnconv_keras_want_weights(layer, count, count);
    /* The mean and the variance first: their length is checked before it is used. */
    for (uint32_t i = 2; i < 4 && status == SNN_OK; i++)
        status = snnconv_keras_constant(layer, count - 4 + i, roles[i], 1, NULL, &inputs[1 + i]);
    for (uint32_t i = 0; i < 2 && status == SNN_OK; i++)
        status = has[i] ? snnconv_keras_constant(layer, next++, roles[i], 1, NULL, &inputs[1 + i])
                        : add_filled(layer, roles[i], i == 0 ? 1.0F : 0.0F, &inputs[1 + i]);
    return status;
}

static int batch_norm(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                      uint32_t input_count, struct snnconv_keras_tensor *out)
{
    uint32_t rank = inputs[0].rank, operands[5] = {inputs[0].value};
    struct snnconv_attributes attributes;
    double epsilon = 0;
    int64_t axis = 0, mode = 0;
    (void)input_count;
    *out = inputs[0];
    snnconv_attributes_init(&attributes, SNNCONV_OP_BATCH_NORMALIZATION);
    int status = snnconv_keras_number(layer, "epsilon", NULL, 1e-3, &epsilon);
    if (status == SNN_OK) status = snnconv_keras_integer(layer, "mode", NULL, 0, &mode);
    if (status == SNN_OK) status = read_axis(layer, rank, -1, &axis);
    if (status == SNN_OK) status = norm_tensors(layer, operands);
    if (status != SNN_OK) return status;
    if (mode != 0)
        return snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                            "%s: mode %" PRId64 " normalises by the batch it sees",
                            layer->class_name, mode);
    bool is_last = rank == 0 || axis == (int64_t)rank - 1;
    if (!is_last && axis != 1)
        return snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                            "%s: axis %" PRId64 " is not that of the channels", layer->class_name,
                            axis);
    attributes.epsilon = (float)epsilon;
    if (is_last) status = snnconv_keras_transpose(layer, rank, true, &operands[0]);
    if (status == SNN_OK)
        status = snnconv_keras_emit(layer, SNNCONV_OP_BATCH_NORMALIZATION, NULL, &attributes,
                                    operands, 5, &out->value);
    if (status == SNN_OK && is_last)
        status = snnconv_keras_transpose(layer, rank, false, &out->value);
    return status;
}

/* ---- Constants on the input ---- */

/* A number, or numbers in lists however deep, as floats in the program's arena. */
static int read_constants(struct snnconv_keras_layer *layer, const struct snnbase_json_value *value,
                          const char *name, const float **out, uint32_t *count_out)
{
    struct snnconv_keras *keras = layer->keras;
    const struct snnbase_json_value *inner = snnbase_json_get(value, "value");
    if (snnbase_json_is_object(value) && inner != NULL) value = inner;
    while (snnbase_json_is_array(value) && snnbase_json_count(value) == 1)
        value = snnbase_json_first(value);
    size_t count = snnbase_json_is_array(value) ? snnbase_json_count(value) : 1;
    if (count == 0 || count > CONSTANTS_MAX)
        return snnconv_keras_fail_entry(layer, name, "is empty, or too long");
    float *items =
        snnbase_arena_alloc(&keras->program->arena, keras->context, count, sizeof(*items));
    if (items == NULL) return SNN_ERR_NOMEM;
    if (snnbase_json_is_array(value)) value = snnbase_json_first(value);
    for (size_t i = 0; i < count; i++, value = snnbase_json_next(value)) {
        if (!snnbase_json_is_number(value))
            return snnconv_keras_fail_entry(layer, name, "is not a list of numbers");
        items[i] = (float)snnbase_json_number(value);
    }
    *out = items;
    *count_out = (uint32_t)count;
    return SNN_OK;
}

/* x (op) constant; a list runs along axis `axis`. */
static int apply_constant(struct snnconv_keras_layer *layer, enum snnconv_op op, const char *role,
                          const float *items, const struct snnconv_array *shape, uint32_t *value)
{
    uint32_t inputs[2] = {*value, SNNCONV_NONE};
    int status = add_floats(layer, role, items, shape, &inputs[1]);
    return status == SNN_OK ? snnconv_keras_emit(layer, op, role, NULL, inputs, 2, value) : status;
}

static struct snnconv_array row_of(uint32_t count)
{
    struct snnconv_array shape = {.rank = count == 1 ? 0 : 1, .dim = {count}};
    return shape;
}

static int rescaling(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                     uint32_t input_count, struct snnconv_keras_tensor *out)
{
    static const char *const names[] = {"scale", "offset"};
    (void)input_count;
    *out = inputs[0];
    int status = SNN_OK;
    for (uint32_t i = 0; i < 2 && status == SNN_OK; i++) {
        const struct snnbase_json_value *value = snnconv_keras_entry(layer, names[i], NULL);
        const float *items = NULL;
        uint32_t count = 0;
        if (value == NULL) continue;
        status = read_constants(layer, value, names[i], &items, &count);
        if (status != SNN_OK) return status;
        if (i == 1 && count == 1 && items[0] == 0) continue;
        const struct snnconv_array shape = row_of(count);
        status = apply_constant(layer, i == 0 ? SNNCONV_OP_MUL : SNNCONV_OP_ADD, names[i], items,
                                &shape, &out->value);
    }
    return status;
}

/* Mean and variance as lists: of the configuration, or of the file's tensors. */
static int read_moment(struct snnconv_keras_layer *layer, uint32_t index, const char *name,
                       const float **out, uint32_t *count_out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, NULL);
    uint32_t constant = SNNCONV_NONE;
    if (value != NULL) return read_constants(layer, value, name, out, count_out);
    int status = snnconv_keras_want_weights(layer, 2, 3);
    if (status != SNN_OK) return status;
    uint32_t rank = layer->weights[index]->array.rank;
    status = snnconv_keras_constant(layer, index, name, rank, NULL, &constant);
    if (status != SNN_OK) return status;
    const struct snnconv_array *array = &layer->keras->program->values[constant].array;
    if (rank > 1 || snnconv_array_count(array) > CONSTANTS_MAX)
        return snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                            "%s: its %s is not a number for each channel", layer->class_name, name);
    *out = array->data;
    *count_out = (uint32_t)snnconv_array_count(array);
    return SNN_OK;
}

/* (x - mean) / max(sqrt(variance), 1e-7): backend.epsilon() keeps it from zero. */
static int normalization(struct snnconv_keras_layer *layer,
                         const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                         struct snnconv_keras_tensor *out)
{
    const float *mean = NULL, *variance = NULL;
    uint32_t counts[2] = {0, 0};
    bool invert = false;
    int64_t axis = -1;
    struct snnconv_keras *keras = layer->keras;
    (void)input_count;
    *out = inputs[0];
    int status = snnconv_keras_flag(layer, "invert", NULL, false, &invert);
    if (status == SNN_OK) status = read_moment(layer, 0, "mean", &mean, &counts[0]);
    if (status == SNN_OK) status = read_moment(layer, 1, "variance", &variance, &counts[1]);
    if (status == SNN_OK && counts[0] > 1) status = read_axis(layer, inputs[0].rank, -1, &axis);
    if (status != SNN_OK) return status;
    if (invert || counts[0] != counts[1])
        return snnbase_fail(keras->context, SNN_ERR_UNSUPPORTED,
                            "%s: inverted, or of different numbers of means and variances",
                            layer->class_name);
    float *factor =
        snnbase_arena_alloc(&keras->program->arena, keras->context, counts[0], sizeof(float));
    if (factor == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < counts[0]; i++)
        factor[i] = (float)fmax(sqrt((double)variance[i]), 1e-7);
    struct snnconv_array shape = row_of(counts[0]);
    for (int64_t i = axis + 1; counts[0] > 1 && inputs[0].rank > 0 && i < inputs[0].rank; i++)
        shape.dim[shape.rank++] = 1;
    status = apply_constant(layer, SNNCONV_OP_SUB, "mean", mean, &shape, &out->value);
    if (status != SNN_OK) return status;
    return apply_constant(layer, SNNCONV_OP_DIV, "deviation", factor, &shape, &out->value);
}

/* ---- Shapes ---- */

/* Keras puts the channels last before it flattens, whatever the layout (but Keras 1 does not). */
static int flatten(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                   uint32_t input_count, struct snnconv_keras_tensor *out)
{
    bool channels_first = false;
    uint32_t value = inputs[0].value;
    (void)input_count;
    int status = snnconv_keras_channels_first(layer, &channels_first);
    if (status == SNN_OK && channels_first && layer->keras->version > 1)
        status = snnconv_keras_transpose(layer, inputs[0].rank, false, &value);
    if (status == SNN_OK)
        status = snnconv_keras_emit(layer, SNNCONV_OP_FLATTEN, NULL, NULL, &value, 1, &value);
    *out = (struct snnconv_keras_tensor){value, 2};
    return status;
}

static int reshape(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                   uint32_t input_count, struct snnconv_keras_tensor *out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, "target_shape", NULL);
    int64_t shape[SNNCONV_RANK_MAX] = {0}; /* the batch: as it is */
    uint32_t operands[2] = {inputs[0].value, SNNCONV_NONE}, count = 0;
    (void)input_count;
    if (value == NULL) return snnconv_keras_fail_entry(layer, "target_shape", "is missing");
    int status = snnconv_keras_integers(layer, value, SNNCONV_RANK_MAX - 1, &shape[1], &count);
    for (uint32_t i = 1; status == SNN_OK && i <= count; i++) {
        if (shape[i] == 0 || shape[i] < -1)
            status = snnconv_keras_fail_entry(layer, "target_shape", "is out of range");
    }
    if (status == SNN_OK)
        status = snnconv_program_add_integers(layer->keras->program, layer->keras->context, shape,
                                              count + 1, &operands[1]);
    *out = (struct snnconv_keras_tensor){inputs[0].value, count + 1};
    if (status != SNN_OK) return status;
    return snnconv_keras_emit(layer, SNNCONV_OP_RESHAPE, NULL, NULL, operands, 2, &out->value);
}

static int permute(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                   uint32_t input_count, struct snnconv_keras_tensor *out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, "dims", NULL);
    struct snnconv_attributes attributes;
    uint32_t count = 0;
    (void)input_count;
    *out = inputs[0];
    if (value == NULL) return snnconv_keras_fail_entry(layer, "dims", "is missing");
    snnconv_attributes_init(&attributes, SNNCONV_OP_TRANSPOSE);
    int status =
        snnconv_keras_integers(layer, value, SNNCONV_RANK_MAX - 1, &attributes.perm[1], &count);
    if (status != SNN_OK) return status;
    attributes.perm_count = count + 1;
    if (inputs[0].rank != 0 && inputs[0].rank != attributes.perm_count)
        return snnconv_keras_fail_entry(layer, "dims", "is not of the input's axes");
    return snnconv_keras_emit(layer, SNNCONV_OP_TRANSPOSE, NULL, &attributes, &out->value, 1,
                              &out->value);
}

/* ---- Several inputs ---- */

enum { INPUTS_MAX = 64 };

static int list_inputs(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, uint32_t *values)
{
    if (input_count > INPUTS_MAX)
        return snnbase_fail(layer->keras->context, SNN_ERR_LIMIT,
                            "%s: %" PRIu32 " inputs, at most %d", layer->class_name, input_count,
                            INPUTS_MAX);
    for (uint32_t i = 0; i < input_count; i++)
        values[i] = inputs[i].value;
    return SNN_OK;
}

static int add(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
               uint32_t input_count, struct snnconv_keras_tensor *out)
{
    uint32_t values[INPUTS_MAX];
    int status = list_inputs(layer, inputs, input_count, values);
    *out = inputs[0];
    if (status != SNN_OK) return status;
    return snnconv_keras_emit(layer, input_count == 2 ? SNNCONV_OP_ADD : SNNCONV_OP_SUM, NULL, NULL,
                              values, input_count, &out->value);
}

static int concatenate(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out)
{
    uint32_t values[INPUTS_MAX];
    struct snnconv_attributes attributes;
    snnconv_attributes_init(&attributes, SNNCONV_OP_CONCAT);
    *out = inputs[0];
    int status = list_inputs(layer, inputs, input_count, values);
    if (status == SNN_OK) status = read_axis(layer, inputs[0].rank, -1, &attributes.axis);
    if (status != SNN_OK) return status;
    return snnconv_keras_emit(layer, SNNCONV_OP_CONCAT, NULL, &attributes, values, input_count,
                              &out->value);
}

/* Keras 1. */
static int merge(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                 uint32_t input_count, struct snnconv_keras_tensor *out)
{
    const char *mode = snnconv_keras_word(layer, "mode", NULL, "sum");
    if (strcmp(mode, "sum") == 0) return add(layer, inputs, input_count, out);
    if (strcmp(mode, "concat") == 0) return concatenate(layer, inputs, input_count, out);
    return snnbase_fail(layer->keras->context, SNN_ERR_UNSUPPORTED,
                        "%s: mode '%.40s'; accepted are sum and concat", layer->class_name, mode);
}

/* What does nothing once training is over. */
static int pass(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                uint32_t input_count, struct snnconv_keras_tensor *out)
{
    (void)layer;
    (void)input_count;
    *out = inputs[0];
    return SNN_OK;
}

/* ---- The table ---- */

static const struct row {
    const char *class_name;
    uint32_t input_max; /* of one call */
    snnconv_keras_layer_fn run;
    enum snnconv_op op; /* what it chiefly is, for the list of what is read */
} rows[] = {
    {"Activation", 1, activation, SNNCONV_OP_RELU},
    {"ActivityRegularization", 1, pass, SNNCONV_OP_IDENTITY},
    {"Add", INPUTS_MAX, add, SNNCONV_OP_ADD},
    {"AlphaDropout", 1, pass, SNNCONV_OP_IDENTITY},
    {"AveragePooling2D", 1, snnconv_keras_pool, SNNCONV_OP_AVERAGE_POOL},
    {"BatchNormalization", 1, batch_norm, SNNCONV_OP_BATCH_NORMALIZATION},
    {"Concatenate", INPUTS_MAX, concatenate, SNNCONV_OP_CONCAT},
    {"Conv2D", 1, snnconv_keras_conv, SNNCONV_OP_CONV},
    {"Convolution2D", 1, snnconv_keras_conv, SNNCONV_OP_CONV},
    {"Cropping2D", 1, snnconv_keras_border, SNNCONV_OP_SLICE},
    {"Dense", 1, dense, SNNCONV_OP_GEMM},
    {"DepthwiseConv2D", 1, snnconv_keras_conv, SNNCONV_OP_CONV},
    {"Dropout", 1, pass, SNNCONV_OP_IDENTITY},
    {"Flatten", 1, flatten, SNNCONV_OP_FLATTEN},
    {"GaussianDropout", 1, pass, SNNCONV_OP_IDENTITY},
    {"GaussianNoise", 1, pass, SNNCONV_OP_IDENTITY},
    {"GlobalAveragePooling2D", 1, snnconv_keras_global_pool, SNNCONV_OP_GLOBAL_AVERAGE_POOL},
    {"GlobalMaxPooling2D", 1, snnconv_keras_global_pool, SNNCONV_OP_GLOBAL_MAX_POOL},
    {"InputLayer", 1, pass, SNNCONV_OP_IDENTITY},
    {"LeakyReLU", 1, leaky_relu, SNNCONV_OP_LEAKY_RELU},
    {"MaxPooling2D", 1, snnconv_keras_pool, SNNCONV_OP_MAX_POOL},
    {"Merge", INPUTS_MAX, merge, SNNCONV_OP_CONCAT},
    {"Normalization", 1, normalization, SNNCONV_OP_DIV},
    {"Permute", 1, permute, SNNCONV_OP_TRANSPOSE},
    {"ReLU", 1, relu, SNNCONV_OP_RELU},
    {"Rescaling", 1, rescaling, SNNCONV_OP_MUL},
    {"Reshape", 1, reshape, SNNCONV_OP_RESHAPE},
    {"SeparableConv2D", 1, snnconv_keras_conv, SNNCONV_OP_CONV},
    {"SeparableConvolution2D", 1, snnconv_keras_conv, SNNCONV_OP_CONV},
    {"Softmax", 1, softmax, SNNCONV_OP_SOFTMAX},
    {"SpatialDropout2D", 1, pass, SNNCONV_OP_IDENTITY},
    {"ZeroPadding2D", 1, snnconv_keras_border, SNNCONV_OP_PAD},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

bool snnconv_keras_supported(uint32_t index, struct snn_supported *out)
{
    out->format = "Keras";
    if (index < ROW_COUNT) {
        out->operator_name = rows[index].class_name;
        out->becomes = snnconv_op_info(rows[index].op)->becomes;
        return true;
    }
    index -= ROW_COUNT;
    if (index >= FUNCTION_COUNT) return false;
    out->operator_name = functions[index].name;
    out->becomes = snnconv_op_info(functions[index].op)->becomes;
    return true;
}

int snnconv_keras_call(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out)
{
    struct snn_context *context = layer->keras->context;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].class_name, layer->class_name) != 0) continue;
        if (input_count == 0 || input_count > rows[i].input_max)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s: it is called on %" PRIu32 " inputs",
                                layer->class_name, input_count);
        return rows[i].run(layer, inputs, input_count, out);
    }
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED, "a layer of class '%.60s'", layer->class_name);
    return snnbase_hint(context, "docs/formats/keras.md lists the classes that can be converted");
}
