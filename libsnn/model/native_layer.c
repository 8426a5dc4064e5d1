/* One object of a model file's `layers` into one layer of the graph.
 *
 * Order: names and numbers first, then the inputs, then the tensors (whose shape is held against
 * the kind and the input before anything is unpacked), then snn_graph_add, which checks the rest.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/graph.h"
#include "libsnn/model/native.h"

/* What an IF layer says of each neuron. */
enum list { LIST_THRESHOLD, LIST_V_INIT, LIST_V_MIN, LIST_COUNT };

static const char *const list_keys[LIST_COUNT] = {"threshold", "v_init", "v_min"};

/* Of PyTorch's BatchNorm. */
static const double default_epsilon = 1e-5;

/* A layer under way: the description and what it points to. */
struct draft {
    struct snn_layer layer;
    uint32_t *inputs;
    struct snnbase_arena arena; /* of the tensors; the graph takes the large ones */
    uint32_t bias_rank;         /* 0, 1 or 3 */
    uint32_t bias_dim[SNNMODEL_TENSOR_RANK_MAX];
    struct snn_neurons neurons;
    float *list[LIST_COUNT]; /* of the neurons */
    size_t list_size[LIST_COUNT];
    /* Of a topology: */
    bool wants_bias;
    const char *batch_norm; /* NULL: none */
    double epsilon;
    int refusal; /* why there are no tensors; SNN_OK where there are */
};

static bool has_tensors(enum snn_layer_kind kind)
{
    return kind == SNN_LAYER_CONV2D || kind == SNN_LAYER_DENSE;
}

static void draft_fini(struct snn_context *context, struct draft *draft)
{
    snnbase_free(context, draft->inputs);
    snnbase_arena_fini(&draft->arena);
}

/* ---- Names and numbers ---- */

static const char *const *members_of(enum snn_layer_kind kind)
{
    static const char *const input[] = {"name", "kind", "shape", "quantization", NULL};
    static const char *const conv2d[] = {
        "name",   "kind",       "inputs", "quantization", "stride",  "padding", "dilation",
        "groups", "activation", "clip",   "slope",        "weights", "bias",    NULL};
    static const char *const dense[] = {"name", "kind",  "inputs",  "quantization", "activation",
                                        "clip", "slope", "weights", "bias",         NULL};
    static const char *const pool[] = {"name",   "kind",   "inputs",  "quantization",
                                       "kernel", "stride", "padding", NULL};
    static const char *const avg_pool[] = {"name",         "kind",         "inputs",
                                           "quantization", "kernel",       "stride",
                                           "padding",      "pad_excluded", NULL};
    static const char *const add[] = {"name",       "kind", "inputs", "quantization",
                                      "activation", "clip", "slope",  NULL};
    static const char *const neurons[] = {
        "name", "kind", "inputs", "quantization", "threshold", "v_init", "v_min", "reset", NULL};
    static const char *const none[] = {"name", "kind", "inputs", "quantization", NULL};
    switch (kind) {
    case SNN_LAYER_INPUT:
        return input;
    case SNN_LAYER_CONV2D:
        return conv2d;
    case SNN_LAYER_DENSE:
        return dense;
    case SNN_LAYER_AVG_POOL2D:
        return avg_pool;
    case SNN_LAYER_SUM_POOL2D:
    case SNN_LAYER_MAX_POOL2D:
        return pool;
    case SNN_LAYER_ADD:
        return add;
    case SNN_LAYER_IF:
        return neurons;
    case SNN_LAYER_FLATTEN:
    case SNN_LAYER_CONCAT:
        break;
    }
    return none;
}

/* The same in a topology, where sizes stand in place of weights. */
static const char *const *topology_members_of(enum snn_layer_kind kind)
{
    static const char *const conv2d[] = {
        "name",   "kind",    "inputs",     "quantization", "filters",    "kernel",
        "stride", "padding", "dilation",   "groups",       "activation", "clip",
        "slope",  "bias",    "batch_norm", "epsilon",      NULL};
    static const char *const dense[] = {"name",  "kind",       "inputs",  "quantization",
                                        "units", "activation", "clip",    "slope",
                                        "bias",  "batch_norm", "epsilon", NULL};
    if (kind == SNN_LAYER_CONV2D) return conv2d;
    return kind == SNN_LAYER_DENSE ? dense : members_of(kind);
}

static int check_members(struct snn_context *context, const struct snnbase_json_value *value,
                         enum snn_layer_kind kind, bool topology)
{
    int status = snnmodel_native_check_members(
        context, value, topology ? topology_members_of(kind) : members_of(kind));
    if (status == SNN_OK || !has_tensors(kind)) return status;
    if (topology && snnbase_json_get(value, "weights") != NULL)
        return snnbase_hint(context,
                            "a topology has no tensors: in place of weights it says %s; with "
                            "them it is a whole model already",
                            kind == SNN_LAYER_DENSE ? "units" : "filters and kernel");
    if (topology) return status;
    if (snnbase_json_get(value, "filters") == NULL && snnbase_json_get(value, "units") == NULL)
        return status;
    return snnbase_hint(context, "a topology: its weights are in a file of their own, as in "
                                 "snnconvert WEIGHTS --arch TOPOLOGY");
}

static int read_kind(struct snn_context *context, const struct snnbase_json_value *value,
                     enum snn_layer_kind *out)
{
    const char *text = NULL;
    int status = snnbase_json_read_string(context, value, "", "kind", &text);
    if (status != SNN_OK) return status;
    for (int kind = 0; snn_layer_kind_name((enum snn_layer_kind)kind) != NULL; kind++) {
        if (strcmp(text, snn_layer_kind_name((enum snn_layer_kind)kind)) != 0) continue;
        *out = (enum snn_layer_kind)kind;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "kind '%s' is not supported", text);
    return snnbase_hint(context, "kinds are input, conv2d, dense, avg_pool2d, sum_pool2d, "
                                 "max_pool2d, add, flatten, concat, if");
}

static int find_activation(struct snn_context *context, const char *text, enum snn_activation *out)
{
    for (int i = 0; snn_activation_name((enum snn_activation)i) != NULL; i++) {
        if (strcmp(text, snn_activation_name((enum snn_activation)i)) != 0) continue;
        *out = (enum snn_activation)i;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "activation '%s' is not supported", text);
    return snnbase_hint(context, "activations are none, relu, clip, leaky_relu");
}

static int read_clip(struct snn_context *context, const struct snnbase_json_value *value,
                     float *out)
{
    double clip = 0.0;
    int status = snnbase_json_read_number(context, value, "", "clip", &clip);
    if (status != SNN_OK) return status;
    if (!(clip > 0.0) || clip > (double)FLT_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "clip: %g is not a positive 32-bit number",
                            clip);
    *out = (float)clip;
    return SNN_OK;
}

static int read_activation(struct snn_context *context, const struct snnbase_json_value *value,
                           struct snn_layer *layer)
{
    const char *text = "none";
    int status = SNN_OK;
    if (snnbase_json_get(value, "activation") != NULL)
        status = snnbase_json_read_string(context, value, "", "activation", &text);
    if (status == SNN_OK) status = find_activation(context, text, &layer->activation);
    if (status != SNN_OK) return status;
    static const struct {
        const char *member;
        enum snn_activation activation;
    } goes_with[] = {{"clip", SNN_ACTIVATION_CLIP}, {"slope", SNN_ACTIVATION_LEAKY_RELU}};
    for (size_t i = 0; i < sizeof(goes_with) / sizeof(goes_with[0]); i++) {
        if (layer->activation == goes_with[i].activation ||
            snnbase_json_get(value, goes_with[i].member) == NULL)
            continue;
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: goes with activation %s, not %s",
                            goes_with[i].member, snn_activation_name(goes_with[i].activation),
                            text);
    }
    if (layer->activation == SNN_ACTIVATION_CLIP) return read_clip(context, value, &layer->clip);
    if (layer->activation == SNN_ACTIVATION_LEAKY_RELU)
        return snnmodel_native_read_float(context, value, "slope", &layer->slope);
    return SNN_OK;
}

/* `count` whole numbers; `out` keeps its defaults if the member is absent. */
static int read_extents(struct snn_context *context, const struct snnbase_json_value *value,
                        const char *key, int64_t low, size_t count, uint32_t *const out[])
{
    int64_t number[4];
    if (snnbase_json_get(value, key) == NULL) return SNN_OK;
    int status = snnbase_json_read_ints(context, value, "", key, low, UINT32_MAX, count, number);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < count; i++)
        *out[i] = (uint32_t)number[i];
    return SNN_OK;
}

/* The members that convolutions and pools share. */
static int read_window(struct snn_context *context, const struct snnbase_json_value *value,
                       struct snn_window *window)
{
    uint32_t *const stride[] = {&window->stride_h, &window->stride_w};
    uint32_t *const padding[] = {&window->pad_top, &window->pad_left, &window->pad_bottom,
                                 &window->pad_right};
    int status = read_extents(context, value, "stride", 1, 2, stride);
    return status == SNN_OK ? read_extents(context, value, "padding", 0, 4, padding) : status;
}

static int read_conv2d(struct snn_context *context, const struct snnbase_json_value *value,
                       struct snn_layer *layer)
{
    struct snn_window *window = &layer->window;
    uint32_t *const dilation[] = {&window->dilation_h, &window->dilation_w};
    window->stride_h = window->stride_w = 1;
    window->dilation_h = window->dilation_w = 1;
    int status = read_window(context, value, window);
    if (status == SNN_OK) status = read_extents(context, value, "dilation", 1, 2, dilation);
    if (status != SNN_OK) return status;
    int64_t groups = 1;
    if (snnbase_json_get(value, "groups") != NULL)
        status = snnbase_json_read_int(context, value, "", "groups", 1, UINT32_MAX, &groups);
    layer->groups = (uint32_t)groups;
    return status == SNN_OK ? read_activation(context, value, layer) : status;
}

static int read_pool(struct snn_context *context, const struct snnbase_json_value *value,
                     struct snn_layer *layer)
{
    struct snn_window *window = &layer->window;
    int64_t kernel[2];
    int status = snnbase_json_read_ints(context, value, "", "kernel", 1, UINT32_MAX, 2, kernel);
    if (status != SNN_OK) return status;
    window->kernel_h = window->stride_h = (uint32_t)kernel[0];
    window->kernel_w = window->stride_w = (uint32_t)kernel[1];
    window->dilation_h = window->dilation_w = 1;
    status = read_window(context, value, window);
    if (status != SNN_OK || snnbase_json_get(value, "pad_excluded") == NULL) return status;
    return snnbase_json_read_bool(context, value, "", "pad_excluded", &layer->pad_excluded);
}

static int read_reset(struct snn_context *context, const struct snnbase_json_value *value,
                      enum snn_reset *out)
{
    const char *text = NULL;
    if (snnbase_json_get(value, "reset") == NULL) return SNN_OK;
    int status = snnbase_json_read_string(context, value, "", "reset", &text);
    if (status != SNN_OK) return status;
    bool zero = strcmp(text, SNNMODEL_NATIVE_RESET_ZERO) == 0;
    if (!zero && strcmp(text, SNNMODEL_NATIVE_RESET_SUBTRACT) != 0)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "reset: '" SNNMODEL_NATIVE_RESET_SUBTRACT
                            "' or '" SNNMODEL_NATIVE_RESET_ZERO "' expected, '%s' found",
                            text);
    *out = zero ? SNN_RESET_ZERO : SNN_RESET_SUBTRACT;
    return SNN_OK;
}

static int read_input_shape(struct snn_context *context, const struct snnbase_json_value *value,
                            struct snn_shape *out)
{
    int64_t shape[3];
    int status = snnbase_json_read_ints(context, value, "", "shape", 1, UINT32_MAX, 3, shape);
    if (status != SNN_OK) return status;
    *out = (struct snn_shape){(uint32_t)shape[0], (uint32_t)shape[1], (uint32_t)shape[2]};
    return SNN_OK;
}

/* The batch normalisation behind a layer of a topology. */
static int read_batch_norm(struct snn_context *context, const struct snnbase_json_value *value,
                           struct draft *draft)
{
    bool has_epsilon = snnbase_json_get(value, "epsilon") != NULL;
    int status = SNN_OK;
    if (snnbase_json_get(value, SNNMODEL_NATIVE_BATCH_NORM) == NULL) {
        if (!has_epsilon) return SNN_OK;
        return snnbase_fail(context, SNN_ERR_FORMAT, "epsilon: goes with batch_norm");
    }
    draft->epsilon = default_epsilon;
    status = snnmodel_native_read_text(context, value, "", SNNMODEL_NATIVE_BATCH_NORM,
                                       &draft->batch_norm);
    if (status == SNN_OK && has_epsilon)
        status = snnbase_json_read_number(context, value, "", "epsilon", &draft->epsilon);
    if (status == SNN_OK && !(draft->epsilon >= 0.0))
        return snnbase_fail(context, SNN_ERR_FORMAT, "epsilon: %g is negative", draft->epsilon);
    return status;
}

/* What a topology says in place of tensors. */
static int read_sizes(struct snn_context *context, const struct snnbase_json_value *value,
                      struct draft *draft)
{
    struct snn_layer *layer = &draft->layer;
    bool conv = layer->kind == SNN_LAYER_CONV2D;
    int64_t count = 0;
    int64_t kernel[2] = {0, 0};
    int status = snnbase_json_read_int(context, value, "", conv ? "filters" : "units", 1,
                                       UINT32_MAX, &count);
    if (status == SNN_OK && conv)
        status = snnbase_json_read_ints(context, value, "", "kernel", 1, UINT32_MAX, 2, kernel);
    draft->wants_bias = true;
    if (status == SNN_OK && snnbase_json_get(value, "bias") != NULL)
        status = snnbase_json_read_bool(context, value, "", "bias", &draft->wants_bias);
    if (status == SNN_OK) status = read_batch_norm(context, value, draft);
    layer->shape.channels = (uint32_t)count;
    layer->window.kernel_h = (uint32_t)kernel[0];
    layer->window.kernel_w = (uint32_t)kernel[1];
    return status;
}

/* Everything but inputs and tensors. */
static int read_numbers(struct snn_context *context, const struct snnbase_json_value *value,
                        bool topology, struct draft *draft)
{
    struct snn_layer *layer = &draft->layer;
    int status = read_kind(context, value, &layer->kind);
    if (status == SNN_OK) status = check_members(context, value, layer->kind, topology);
    if (status == SNN_OK && topology && has_tensors(layer->kind))
        status = read_sizes(context, value, draft);
    if (status != SNN_OK) return status;
    switch (layer->kind) {
    case SNN_LAYER_INPUT:
        return read_input_shape(context, value, &layer->shape);
    case SNN_LAYER_CONV2D:
        return read_conv2d(context, value, layer);
    case SNN_LAYER_DENSE:
    case SNN_LAYER_ADD:
        return read_activation(context, value, layer);
    case SNN_LAYER_AVG_POOL2D:
    case SNN_LAYER_SUM_POOL2D:
    case SNN_LAYER_MAX_POOL2D:
        return read_pool(context, value, layer);
    case SNN_LAYER_IF:
        layer->neurons = &draft->neurons;
        return read_reset(context, value, &draft->neurons.reset);
    case SNN_LAYER_FLATTEN:
    case SNN_LAYER_CONCAT:
        break;
    }
    return SNN_OK;
}

/* ---- Inputs ---- */

/* True if a layer of that name stands before `value`, which means that it was refused. */
static bool was_refused(const struct snnbase_json_value *layers,
                        const struct snnbase_json_value *value, const char *name)
{
    const struct snnbase_json_value *other = snnbase_json_first(layers);
    for (; other != value; other = snnbase_json_next(other)) {
        const struct snnbase_json_value *other_name = snnbase_json_get(other, "name");
        if (other_name != NULL && snnbase_json_is_string(other_name) &&
            strcmp(snnbase_json_string(other_name), name) == 0)
            return true;
    }
    return false;
}

static int check_input_array(struct snn_context *context, const struct snnbase_json_value *inputs,
                             size_t *count_out)
{
    if (inputs == NULL || !snnbase_json_is_array(inputs))
        return snnbase_fail(context, SNN_ERR_FORMAT, "inputs: an array of layer names expected");
    size_t count = snnbase_json_count(inputs);
    uint32_t limit = snnbase_limits(context)->layer_count;
    if (count > limit)
        return snnbase_fail(context, SNN_ERR_LIMIT, "inputs: %zu exceed the limit of %u layers",
                            count, limit);
    *count_out = count;
    return SNN_OK;
}

static int read_inputs(struct snn_context *context, const struct snnmodel_native_layers *layers,
                       const struct snnbase_json_value *value, struct draft *draft,
                       bool *skipped_out)
{
    if (draft->layer.kind == SNN_LAYER_INPUT) return SNN_OK;
    const struct snnbase_json_value *inputs = snnbase_json_get(value, "inputs");
    size_t count = 0;
    int status = check_input_array(context, inputs, &count);
    if (status != SNN_OK) return status;
    draft->inputs = snnbase_alloc(context, count, sizeof(*draft->inputs));
    if (draft->inputs == NULL) return SNN_ERR_NOMEM;
    draft->layer.inputs = draft->inputs;
    draft->layer.input_count = (uint32_t)count;
    const struct snnbase_json_value *input = snnbase_json_first(inputs);
    for (size_t i = 0; i < count; i++, input = snnbase_json_next(input)) {
        if (!snnbase_json_is_string(input))
            return snnbase_fail(context, SNN_ERR_FORMAT, "inputs[%zu]: a layer's name expected", i);
        const char *name = snnbase_json_string(input);
        if (snn_graph_find(layers->graph, name, &draft->inputs[i]) == SNN_OK) continue;
        if (!was_refused(layers->array, value, name))
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "inputs[%zu]: no layer '%s' stands before this one", i, name);
        *skipped_out = true;
        return SNN_OK;
    }
    return SNN_OK;
}

/* ---- Tensors ---- */

static int read_weights(struct snn_context *context, const struct snnbase_json_value *value,
                        struct snn_shape in, struct snnmodel_sidecar *sidecar, struct draft *draft)
{
    struct snn_layer *layer = &draft->layer;
    bool conv = layer->kind == SNN_LAYER_CONV2D;
    if (conv && in.channels % layer->groups != 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "groups: %u do not divide %u input channels",
                            layer->groups, in.channels);
    const uint32_t conv_dim[] = {0, conv ? in.channels / layer->groups : 0, 0, 0};
    const uint32_t dense_dim[] = {0, (uint32_t)snn_shape_size(in)};
    struct snnmodel_tensor tensor;
    float *weights = NULL;
    int status = snnmodel_tensor_describe(context, value, "weights", &tensor);
    if (status == SNN_OK)
        status = snnmodel_tensor_expect(context, &tensor, "weights", conv ? 4 : 2,
                                        conv ? conv_dim : dense_dim);
    if (status == SNN_OK)
        status =
            snnmodel_tensor_unpack(context, &tensor, "weights", sidecar, &draft->arena, &weights);
    if (status != SNN_OK) return status;
    layer->weights = weights;
    layer->weight_count = tensor.count;
    layer->shape.channels = tensor.dim[0];
    if (conv) {
        layer->window.kernel_h = tensor.dim[2];
        layer->window.kernel_w = tensor.dim[3];
    }
    return SNN_OK;
}

static int read_bias(struct snn_context *context, const struct snnbase_json_value *value,
                     struct snnmodel_sidecar *sidecar, struct draft *draft)
{
    if (snnbase_json_get(value, "bias") == NULL) return SNN_OK;
    struct snnmodel_tensor tensor;
    float *bias = NULL;
    int status = snnmodel_tensor_describe(context, value, "bias", &tensor);
    if (status != SNN_OK) return status;
    const uint32_t dim[] = {draft->layer.shape.channels, 0, 0};
    status = snnmodel_tensor_expect(context, &tensor, "bias", tensor.rank == 3 ? 3 : 1, dim);
    if (status == SNN_OK)
        status = snnmodel_tensor_unpack(context, &tensor, "bias", sidecar, &draft->arena, &bias);
    if (status != SNN_OK) return status;
    draft->layer.bias = bias;
    draft->layer.bias_count = tensor.count;
    draft->bias_rank = tensor.rank;
    memcpy(draft->bias_dim, tensor.dim, sizeof(tensor.dim));
    return SNN_OK;
}

/* Of a topology: borrows the tensors from whoever has them. A refusal is kept in the draft, so that
 * the layers behind this one are asked for as well. */
static int ask_tensors(struct snn_context *context, struct snnmodel_native_layers *layers,
                       struct snn_shape in, struct draft *draft)
{
    struct snn_layer *layer = &draft->layer;
    bool conv = layer->kind == SNN_LAYER_CONV2D;
    const struct snn_window *w = &layer->window;
    if (conv && in.channels % layer->groups != 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "groups: %u do not divide %u input channels",
                            layer->groups, in.channels);
    struct snnmodel_wanted wanted = {.name = {layer->name, draft->batch_norm},
                                     .index = layers->asked++,
                                     .norm_index = layers->asked_norms,
                                     .epsilon = draft->epsilon,
                                     .rank = conv ? 4 : 2,
                                     .dim = {layer->shape.channels, (uint32_t)snn_shape_size(in)},
                                     .bias = draft->wants_bias};
    if (conv) {
        wanted.dim[1] = in.channels / layer->groups;
        wanted.dim[2] = w->kernel_h;
        wanted.dim[3] = w->kernel_w;
    }
    if (draft->batch_norm != NULL) layers->asked_norms++;
    const struct snnmodel_tensor_source *source = layers->source;
    int status = source->fill(context, &wanted, &layer->weights, &layer->bias, source->user);
    if (status == SNN_ERR_NOMEM) return status;
    if (status != SNN_OK) {
        draft->refusal = snnbase_where(context, "layer '%s'", layer->name);
        return SNN_OK;
    }
    layer->weight_count = (size_t)wanted.dim[0] * wanted.dim[1];
    if (conv) layer->weight_count *= (size_t)wanted.dim[2] * wanted.dim[3];
    layer->bias_count = wanted.bias || draft->batch_norm != NULL ? wanted.dim[0] : 0;
    return SNN_OK;
}

/* A number for all neurons, or a tensor with one a channel [C] or one a neuron [C, H, W]; a lower
 * bound may also be "none". */
static int read_list(struct snn_context *context, const struct snnbase_json_value *value,
                     struct snn_shape shape, struct snnmodel_sidecar *sidecar, enum list which,
                     struct draft *draft)
{
    const char *key = list_keys[which];
    const struct snnbase_json_value *member = snnbase_json_get(value, key);
    float **out = &draft->list[which];
    if (member != NULL && snnbase_json_is_object(member)) {
        const uint32_t dim[] = {shape.channels, shape.height, shape.width};
        struct snnmodel_tensor tensor;
        int status = snnmodel_tensor_describe(context, value, key, &tensor);
        if (status == SNN_OK)
            status = snnmodel_tensor_expect(context, &tensor, key, tensor.rank == 3 ? 3 : 1, dim);
        if (status == SNN_OK) draft->list_size[which] = tensor.count;
        return status == SNN_OK
                   ? snnmodel_tensor_unpack(context, &tensor, key, sidecar, &draft->arena, out)
                   : status;
    }
    *out = snnbase_arena_alloc(&draft->arena, context, 1, sizeof(**out));
    if (*out == NULL) return SNN_ERR_NOMEM;
    draft->list_size[which] = 1;
    if (which == LIST_V_MIN && member != NULL && snnbase_json_is_string(member) &&
        strcmp(snnbase_json_string(member), SNNMODEL_NATIVE_NONE) == 0) {
        **out = -FLT_MAX;
        return SNN_OK;
    }
    return snnmodel_native_read_float(context, value, key, *out);
}

static int read_neurons(struct snn_context *context, const struct snnbase_json_value *value,
                        struct snn_shape shape, struct snnmodel_sidecar *sidecar,
                        struct draft *draft)
{
    for (enum list i = LIST_THRESHOLD; i < LIST_COUNT; i++) {
        if (i != LIST_THRESHOLD && snnbase_json_get(value, list_keys[i]) == NULL) continue;
        int status = read_list(context, value, shape, sidecar, i, draft);
        if (status != SNN_OK) return status;
    }
    struct snn_neurons *n = &draft->neurons;
    n->threshold = draft->list[LIST_THRESHOLD];
    n->threshold_count = draft->list_size[LIST_THRESHOLD];
    n->v_init = draft->list[LIST_V_INIT];
    n->v_init_count = draft->list_size[LIST_V_INIT];
    n->v_min = draft->list[LIST_V_MIN];
    n->v_min_count = draft->list_size[LIST_V_MIN];
    return SNN_OK;
}

static int read_tensors(struct snn_context *context, struct snnmodel_native_layers *layers,
                        const struct snnbase_json_value *value, struct draft *draft)
{
    const struct snn_layer *layer = &draft->layer;
    if (!has_tensors(layer->kind) && layer->kind != SNN_LAYER_IF) return SNN_OK;
    if (layer->input_count != 1)
        return snnbase_fail(context, SNN_ERR_FORMAT, "inputs: %u found, %s takes 1",
                            layer->input_count, snn_layer_kind_name(layer->kind));
    struct snn_shape in = snn_graph_layer(layers->graph, layer->inputs[0])->shape;
    if (layer->kind == SNN_LAYER_IF)
        return read_neurons(context, value, in, layers->sidecar, draft);
    if (layers->source != NULL) return ask_tensors(context, layers, in, draft);
    int status = read_weights(context, value, in, layers->sidecar, draft);
    return status == SNN_OK ? read_bias(context, value, layers->sidecar, draft) : status;
}

/* A bias map's height and width are only known once the graph has derived the layer's shape. */
static int check_bias_map(struct snn_context *context, const struct snn_layer *layer,
                          const struct draft *draft)
{
    const uint32_t *dim = draft->bias_dim;
    if (draft->bias_rank != 3) return SNN_OK;
    if (dim[1] == layer->shape.height && dim[2] == layer->shape.width) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "bias: map of %ux%ux%u for an output of %ux%ux%u",
                        dim[0], dim[1], dim[2], layer->shape.channels, layer->shape.height,
                        layer->shape.width);
}

static int read_weight_scale(struct snn_context *context, const struct snnbase_json_value *record,
                             struct snnmodel_sidecar *sidecar, float **out, uint32_t *count_out)
{
    static const char key[] = "weight_scale";
    const uint32_t any = 0;
    struct snnmodel_tensor tensor;
    if (snnbase_json_get(record, key) == NULL) return SNN_OK;
    int status = snnmodel_tensor_describe(context, record, key, &tensor);
    if (status == SNN_OK) status = snnmodel_tensor_expect(context, &tensor, key, 1, &any);
    if (status == SNN_OK)
        status = snnmodel_tensor_unpack(context, &tensor, key, sidecar, NULL, out);
    if (status == SNN_OK) *count_out = tensor.dim[0];
    return status;
}

/* How the layer was stored, once it is part of the graph. Errors name the layer. */
static int read_quantization(struct snn_context *context,
                             const struct snnmodel_native_layers *layers,
                             const struct snnbase_json_value *value, uint32_t index)
{
    static const char *const members[] = {"scale", "zero_point", "weight_scale", NULL};
    const struct snnbase_json_value *record = snnbase_json_get(value, "quantization");
    if (record == NULL) return SNN_OK;
    struct snn_quantization q = {.scale = 0.0f};
    float *weight_scale = NULL;
    int64_t zero_point = 0;
    int status = snnmodel_native_check_members(context, record, members);
    if (status == SNN_OK) status = snnmodel_native_read_float(context, record, "scale", &q.scale);
    if (status == SNN_OK)
        status = snnbase_json_read_int(context, record, "", "zero_point", INT8_MIN, INT8_MAX,
                                       &zero_point);
    if (status == SNN_OK)
        status = read_weight_scale(context, record, layers->sidecar, &weight_scale,
                                   &q.weight_scale_count);
    if (status != SNN_OK)
        return snnbase_where(context, "layer '%s': quantization",
                             snn_graph_layer(layers->graph, index)->name);
    q.zero_point = (int32_t)zero_point;
    q.weight_scale = weight_scale;
    status = snn_graph_set_quantization(layers->graph, context, index, &q);
    snnbase_free(context, weight_scale);
    return snnmodel_native_blame_file(context, status);
}

/* Into the graph, and what only then can be checked. Errors name the layer. */
static int add_draft(struct snn_context *context, const struct snnmodel_native_layers *layers,
                     const struct snnbase_json_value *value, struct draft *draft)
{
    struct snn_graph *graph = layers->graph;
    uint32_t index = 0;
    int status = draft->refusal == SNN_OK
                     ? snnmodel_graph_add_from(graph, context, &draft->layer, &draft->arena, &index)
                     : snnmodel_graph_add_bare(graph, context, &draft->layer, &index);
    if (status != SNN_OK) return snnmodel_native_blame_file(context, status);
    status = check_bias_map(context, snn_graph_layer(graph, index), draft);
    if (status != SNN_OK) return snnbase_where(context, "layer '%s'", draft->layer.name);
    if (draft->refusal != SNN_OK) return draft->refusal;
    return read_quantization(context, layers, value, index);
}

int snnmodel_native_add_layer(struct snn_context *context, struct snnmodel_native_layers *layers,
                              const struct snnbase_json_value *value, bool *skipped_out)
{
    struct draft draft = {.bias_rank = 0};
    bool skipped = false;
    int status = snnmodel_native_read_text(context, value, "", "name", &draft.layer.name);
    if (status != SNN_OK) return status;
    snnbase_arena_init(&draft.arena, context);
    status = read_numbers(context, value, layers->source != NULL, &draft);
    if (status == SNN_OK) status = read_inputs(context, layers, value, &draft, &skipped);
    if (status == SNN_OK && !skipped) status = read_tensors(context, layers, value, &draft);
    if (status != SNN_OK)
        snnbase_where(context, "layer '%s'", draft.layer.name);
    else if (!skipped)
        status = add_draft(context, layers, value, &draft);
    draft_fini(context, &draft);
    *skipped_out = skipped;
    return status;
}
