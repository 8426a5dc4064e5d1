/* Sequential and Functional models, see keras.h: which layer is called on the output of which.
 *
 * A model is read into a list of layers and one of calls; then each call is made as soon as its
 * inputs are there. A model in a model is read when it is called. A layer that is refused gives a
 * value of which nothing is known, so that the layers behind it are looked at as well.
 *
 * Source: get_config() and get_network_config() of Keras 1.2 and 2.15, functional.py of Keras 3.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/keras.h"
#include "libsnn/base/control.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"

enum { ARGUMENT_DEPTH_MAX = 4 };

/* A layer, or a model that is used as one. */
struct entry {
    struct snnconv_keras_layer layer;
    const struct snnbase_json_value *json;
    uint32_t same_class; /* entries of its class before it */
    uint32_t call_first, call_count;
    bool is_model;
    bool broken; /* reported already */
};

struct call {
    uint32_t entry;
    uint32_t input_first, input_count; /* in model->inputs */
    bool done;
    struct snnconv_keras_tensor out;
};

/* The output of a call of a layer. */
struct source {
    const char *name;
    int64_t call;
};

struct model {
    struct snnconv_keras *keras;
    const struct snnbase_json_value *json;   /* {"class_name", "config"} */
    const struct snnbase_json_value *config; /* may be a list of layers */
    struct snnconv_keras_home home;
    unsigned depth;
    struct entry *entries;
    uint32_t count;
    struct entry **by_name;
    struct call *calls;
    size_t call_count, call_capacity;
    struct source *sources;
    size_t source_count, source_capacity;
};

static int read_into(struct model *model, const struct snnconv_keras_tensor *given,
                     struct snnconv_keras_tensor *out);

/* ---- Layers ---- */

static bool is_model_class(const char *class_name)
{
    return strcmp(class_name, "Sequential") == 0 || strcmp(class_name, "Functional") == 0 ||
           strcmp(class_name, "Model") == 0;
}

static const char *string_of(const struct snnbase_json_value *object, const char *key)
{
    const struct snnbase_json_value *value = snnbase_json_get(object, key);
    return value != NULL && snnbase_json_is_string(value) ? snnbase_json_string(value) : NULL;
}

static bool is_clean(const char *name)
{
    return *name != '\0' && !snnbase_control_in(name);
}

/* Classes of packages share names with those of Keras; their code is not here. */
static int refuse_package(const struct entry *entry, struct snn_context *context)
{
    const char *registered = string_of(entry->json, "registered_name");
    if (registered == NULL || strcmp(registered, entry->layer.class_name) == 0) return SNN_OK;
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED, "a layer of the custom class '%.60s'",
                       registered);
    return snnbase_hint(context, "what a class of one's own computes is not in the file");
}

static int name_entry(struct model *model, struct entry *entry, uint32_t index)
{
    struct snnconv_keras_layer *layer = &entry->layer;
    struct snn_context *context = model->keras->context;
    const char *class_name = string_of(entry->json, "class_name");
    const char *name = string_of(entry->json, "name");
    layer->keras = model->keras;
    layer->config = snnbase_json_get(entry->json, "config");
    layer->offset = SNNCONV_NO_OFFSET;
    for (uint32_t i = 0; i < SNNCONV_KERAS_WEIGHTS_MAX; i++)
        layer->constants[i] = SNNCONV_NONE;
    if (name == NULL) name = string_of(layer->config, "name");
    if (class_name == NULL || name == NULL || !is_clean(name) || !is_clean(class_name))
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "model configuration: layer %" PRIu32 " has no class or no name",
                            index);
    layer->class_name = class_name;
    layer->name = name;
    int length = snprintf(layer->path, sizeof(layer->path), "%s%s", model->home.prefix, name);
    if (length < 0 || (size_t)length >= sizeof(layer->path))
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "model configuration: the name of layer %" PRIu32 " is too long",
                            index);
    entry->is_model = is_model_class(class_name);
    return SNN_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    return strcmp(x->layer.name, y->layer.name);
}

static struct entry *find_entry(const struct model *model, const char *name)
{
    struct entry key, *wanted = &key;
    key.layer.name = name;
    struct entry **found = bsearch(&wanted, (void *)model->by_name, model->count,
                                   sizeof(struct entry *), compare_names);
    return found != NULL ? *found : NULL;
}

static int sort_entries(struct model *model)
{
    for (uint32_t i = 0; i < model->count; i++)
        model->by_name[i] = &model->entries[i];
    if (model->count > 0)
        qsort((void *)model->by_name, model->count, sizeof(struct entry *), compare_names);
    for (uint32_t i = 1; i < model->count; i++) {
        if (compare_names(&model->by_name[i - 1], &model->by_name[i]) == 0)
            return snnbase_fail(model->keras->context, SNN_ERR_FORMAT,
                                "model configuration: two layers '%.100s'",
                                model->by_name[i]->layer.name);
    }
    return SNN_OK;
}

static uint32_t count_class(const struct model *model, uint32_t index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < index; i++)
        count +=
            strcmp(model->entries[i].layer.class_name, model->entries[index].layer.class_name) == 0;
    return count;
}

/* Takes the error just raised down as one of this entry's. */
static int report(struct entry *entry)
{
    entry->broken = true;
    return snnconv_problems_add(&entry->layer.keras->problems, entry->layer.path,
                                entry->layer.offset);
}

static int read_entry(struct model *model, const struct snnbase_json_value *json, uint32_t index)
{
    struct entry *entry = &model->entries[index];
    bool ignored;
    entry->json = json;
    int status = name_entry(model, entry, index);
    if (status != SNN_OK) return status;
    entry->same_class = count_class(model, index);
    status = refuse_package(entry, model->keras->context);
    if (status == SNN_OK && !entry->is_model) {
        status = snnconv_keras_find_weights(&entry->layer, &model->home, entry->same_class);
        if (status == SNN_OK) status = snnconv_keras_channels_first(&entry->layer, &ignored);
    }
    return status == SNN_OK ? SNN_OK : report(entry);
}

static int read_entries(struct model *model)
{
    struct snn_context *context = model->keras->context;
    const struct snnbase_json_value *list = snnbase_json_is_array(model->config)
                                                ? model->config
                                                : snnbase_json_get(model->config, "layers");
    uint32_t limit = snnbase_limits(context)->layer_count, index = 0;
    if (list == NULL || !snnbase_json_is_array(list) || snnbase_json_count(list) == 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "model configuration: no list of layers");
    size_t count = snnbase_json_count(list);
    if (count > limit)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%zu layers exceed the limit of %" PRIu32,
                            count, limit);
    model->entries = snnbase_alloc(context, count, sizeof(*model->entries));
    model->by_name = snnbase_alloc(context, count, sizeof(struct entry *));
    if (model->entries == NULL || model->by_name == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (const struct snnbase_json_value *json = snnbase_json_first(list);
         json != NULL && status == SNN_OK; json = snnbase_json_next(json)) {
        status = read_entry(model, json, index);
        if (status == SNN_OK) index++;
    }
    model->count = index;
    return status == SNN_OK ? sort_entries(model) : status;
}

/* ---- Calls ---- */

static int add_call(struct model *model, struct entry *entry, size_t source_first)
{
    struct snn_context *context = model->keras->context;
    uint32_t limit = snnbase_limits(context)->layer_count;
    if (model->call_count >= limit || model->source_count > UINT32_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "calls of layers exceed the limit of %" PRIu32,
                            limit);
    int status = snnbase_grow(context, (void **)&model->calls, &model->call_capacity,
                              model->call_count + 1, sizeof(*model->calls));
    if (status != SNN_OK) return status;
    model->calls[model->call_count++] = (struct call){
        .entry = (uint32_t)(entry - model->entries),
        .input_first = (uint32_t)source_first,
        .input_count = (uint32_t)(model->source_count - source_first),
    };
    entry->call_count++;
    return SNN_OK;
}

static int fail_arguments(const struct model *model)
{
    return snnbase_fail(model->keras->context, SNN_ERR_UNSUPPORTED,
                        "it is called on what is not the output of a layer");
}

/* ["conv2d", 0, 0], perhaps with {...} behind: the call and which of its outputs. */
static bool parse_source(const struct snnbase_json_value *value, struct source *out)
{
    const struct snnbase_json_value *name = snnbase_json_first(value);
    if (!snnbase_json_is_array(value) || name == NULL || !snnbase_json_is_string(name))
        return false;
    const struct snnbase_json_value *call = snnbase_json_next(name);
    const struct snnbase_json_value *output = call != NULL ? snnbase_json_next(call) : NULL;
    int64_t which = 0;
    out->name = snnbase_json_string(name);
    return snnconv_keras_whole(call, &out->call) && snnconv_keras_whole(output, &which) &&
           which == 0;
}

static int add_source(struct model *model, const struct snnbase_json_value *value)
{
    struct source source;
    if (!parse_source(value, &source)) return fail_arguments(model);
    int status =
        snnbase_grow(model->keras->context, (void **)&model->sources, &model->source_capacity,
                     model->source_count + 1, sizeof(*model->sources));
    if (status == SNN_OK) model->sources[model->source_count++] = source;
    return status;
}

/* Keras 3: tensors, in lists or not. Constants beside them change what the layer computes. */
static int add_arguments(struct model *model, const struct snnbase_json_value *value,
                         unsigned depth)
{
    const char *class_name = string_of(value, "class_name");
    int status = SNN_OK;
    if (snnbase_json_is_null(value)) return SNN_OK;
    if (class_name != NULL && strcmp(class_name, "__keras_tensor__") == 0) {
        const struct snnbase_json_value *config = snnbase_json_get(value, "config");
        const struct snnbase_json_value *history = snnbase_json_get(config, "keras_history");
        return history != NULL ? add_source(model, history) : fail_arguments(model);
    }
    if (!snnbase_json_is_array(value) || depth >= ARGUMENT_DEPTH_MAX) return fail_arguments(model);
    for (const struct snnbase_json_value *item = snnbase_json_first(value);
         item != NULL && status == SNN_OK; item = snnbase_json_next(item))
        status = add_arguments(model, item, depth + 1);
    return status;
}

/* {"training": false, "mask": null} says nothing; a tensor or a number would. */
static int check_keywords(const struct model *model, const struct snnbase_json_value *keywords)
{
    for (const struct snnbase_json_value *item = snnbase_json_first(keywords); item != NULL;
         item = snnbase_json_next(item)) {
        if (snnbase_json_is_object(item) || snnbase_json_is_array(item) ||
            snnbase_json_is_number(item) || snnbase_json_is_string(item))
            return snnbase_fail(model->keras->context, SNN_ERR_UNSUPPORTED,
                                "it is called with the argument '%.60s'", snnbase_json_key(item));
    }
    return SNN_OK;
}

static int read_call(struct model *model, struct entry *entry,
                     const struct snnbase_json_value *json)
{
    size_t first = model->source_count;
    int status = SNN_OK;
    if (snnbase_json_is_object(json)) { /* Keras 3 */
        const struct snnbase_json_value *arguments = snnbase_json_get(json, "args");
        const struct snnbase_json_value *keywords = snnbase_json_get(json, "kwargs");
        if (arguments == NULL) return fail_arguments(model);
        status = add_arguments(model, arguments, 0);
        if (status == SNN_OK && keywords != NULL) status = check_keywords(model, keywords);
        return status == SNN_OK ? add_call(model, entry, first) : status;
    }
    if (!snnbase_json_is_array(json)) return fail_arguments(model);
    for (const struct snnbase_json_value *item = snnbase_json_first(json);
         item != NULL && status == SNN_OK; item = snnbase_json_next(item)) {
        status = add_source(model, item);
        const struct snnbase_json_value *last = snnbase_json_first(item);
        for (int i = 0; i < 3 && last != NULL; i++)
            last = snnbase_json_next(last);
        if (status == SNN_OK && last != NULL) status = check_keywords(model, last);
    }
    return status == SNN_OK ? add_call(model, entry, first) : status;
}

/* An entry without calls that are fit to be used has one on nothing, for those behind it. */
static int read_calls(struct model *model)
{
    for (uint32_t i = 0; i < model->count; i++) {
        struct entry *entry = &model->entries[i];
        const struct snnbase_json_value *nodes = snnbase_json_get(entry->json, "inbound_nodes");
        int status = SNN_OK;
        entry->call_first = (uint32_t)model->call_count;
        if (nodes != NULL && snnbase_json_is_array(nodes)) {
            for (const struct snnbase_json_value *node = snnbase_json_first(nodes);
                 node != NULL && status == SNN_OK; node = snnbase_json_next(node))
                status = read_call(model, entry, node);
        }
        if (status == SNN_ERR_NOMEM || status == SNN_ERR_LIMIT) return status;
        if (status != SNN_OK && report(entry) != SNN_OK) return status;
        if (entry->call_count == 0) {
            status = add_call(model, entry, model->source_count);
            if (status != SNN_OK) return status;
        }
    }
    return SNN_OK;
}

/* ---- Running ---- */

/* Something for the layers behind one that was refused. */
static int add_unknown(struct snnconv_keras *keras, struct snnconv_keras_tensor *out)
{
    const struct snnconv_array unknown = {.type = SNNCONV_TYPE_NONE};
    out->rank = 0;
    return snnconv_program_add_value(keras->program, keras->context, NULL, &unknown, &out->value);
}

static int call_model(struct model *outer, struct entry *entry,
                      const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                      struct snnconv_keras_tensor *out)
{
    struct snnconv_keras *keras = outer->keras;
    if (input_count != 1 || entry->layer.call_count > 1)
        return snnbase_fail(keras->context, SNN_ERR_UNSUPPORTED,
                            "a model in a model that is called more than once, or on several "
                            "inputs");
    if (outer->depth >= SNNCONV_KERAS_DEPTH_MAX)
        return snnbase_fail(keras->context, SNN_ERR_LIMIT, "models in models, more than %d deep",
                            SNNCONV_KERAS_DEPTH_MAX);
    struct model inner = {.keras = keras, .json = entry->json, .depth = outer->depth + 1};
    inner.config = entry->layer.config;
    inner.home = snnconv_keras_inner_home(keras, &outer->home, &entry->layer, entry->same_class);
    size_t length = strlen(entry->layer.path);
    char *prefix = snnbase_arena_alloc(&keras->program->arena, keras->context, length + 2, 1);
    if (prefix == NULL) return SNN_ERR_NOMEM;
    (void)snprintf(prefix, length + 2, "%s/", entry->layer.path);
    inner.home.prefix = prefix;
    return read_into(&inner, inputs, out);
}

/* Makes a call; a refusal is reported and its output is unknown. */
static int make_call(struct model *model, struct entry *entry,
                     const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                     struct snnconv_keras_tensor *out)
{
    struct snnconv_keras *keras = model->keras;
    entry->layer.call_count++;
    int status = SNN_OK;
    if (!entry->broken) {
        status = entry->is_model ? call_model(model, entry, inputs, input_count, out)
                                 : snnconv_keras_call(&entry->layer, inputs, input_count, out);
        if (status != SNN_OK) status = report(entry);
    }
    if (status == SNN_OK && entry->broken) status = add_unknown(keras, out);
    return status;
}

/* ---- Input ---- */

/* The shape that a layer was told it would see; NULL: none. */
static const struct snnbase_json_value *shape_of(const struct snnbase_json_value *config)
{
    static const char *const keys[] = {"batch_shape", "batch_input_shape", "build_input_shape"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct snnbase_json_value *value = snnbase_json_get(config, keys[i]);
        if (value != NULL && snnbase_json_is_array(value)) return value;
    }
    return NULL;
}

/* The same of a model, which may begin with one. */
static const struct snnbase_json_value *model_shape(const struct snnbase_json_value *config)
{
    const struct snnbase_json_value *own = shape_of(config);
    for (unsigned depth = 0; own == NULL && depth < SNNCONV_KERAS_DEPTH_MAX; depth++) {
        const struct snnbase_json_value *list =
            snnbase_json_is_array(config) ? config : snnbase_json_get(config, "layers");
        const struct snnbase_json_value *first = snnbase_json_first(list);
        config = snnbase_json_get(first, "config");
        own = shape_of(config);
    }
    return own;
}

static int64_t open_extent(const struct snnconv_keras *keras, uint32_t rank, uint32_t axis)
{
    const struct snn_shape *given = &keras->options->input_shape;
    const int64_t first[] = {1, given->channels, given->height, given->width};
    const int64_t last[] = {1, given->height, given->width, given->channels};
    if (axis == 0) return 1;
    if (rank != 4) return 0;
    return keras->program->channels_last ? last[axis] : first[axis];
}

/* The program's one input. The batch is of one frame. */
static int add_input(struct snnconv_keras *keras, const char *name,
                     const struct snnbase_json_value *shape, struct snnconv_keras_tensor *out)
{
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32};
    struct snn_context *context = keras->context;
    if (shape == NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "model configuration: no input shape");
    for (const struct snnbase_json_value *item = snnbase_json_first(shape); item != NULL;
         item = snnbase_json_next(item)) {
        int64_t extent = 0;
        uint32_t axis = array.rank++;
        if (axis >= 4 || (!snnbase_json_is_null(item) && !snnconv_keras_whole(item, &extent)))
            return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                                "input '%.100s' is not of at most four axes", name);
        array.dim[axis] = extent;
    }
    for (uint32_t axis = 0; axis < array.rank; axis++) {
        if (axis == 0 || array.dim[axis] == 0)
            array.dim[axis] = open_extent(keras, array.rank, axis);
        if (array.dim[axis] > 0) continue;
        (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                           "input '%.100s' leaves axis %" PRIu32 " open", name, axis);
        return snnbase_hint(context, "say what the shape of the input is");
    }
    int status = snnconv_program_add_value(keras->program, context, name, &array, &out->value);
    out->rank = array.rank;
    if (status != SNN_OK) return status;
    return snnconv_program_set_inputs(keras->program, context, &out->value, 1);
}

/* ---- Models ---- */

static int read_sequential(struct model *model, const struct snnconv_keras_tensor *given,
                           struct snnconv_keras_tensor *out)
{
    struct entry *first = &model->entries[0];
    bool named = strcmp(first->layer.class_name, "InputLayer") == 0;
    struct snnconv_keras_tensor tensor;
    int status = SNN_OK;
    if (given != NULL)
        tensor = *given;
    else
        status = add_input(model->keras, named ? first->layer.path : "input",
                           model_shape(model->config), &tensor);
    for (uint32_t i = 0; i < model->count && status == SNN_OK; i++) {
        struct snnconv_keras_tensor input = tensor;
        status = make_call(model, &model->entries[i], &input, 1, &tensor);
    }
    if (status == SNN_OK) *out = tensor;
    return status;
}

/* "input_layers" or "output_layers": ["x", 0, 0] or a list of one of them. */
static int read_end(struct model *model, const char *key, struct source *out)
{
    struct snn_context *context = model->keras->context;
    const struct snnbase_json_value *value = snnbase_json_get(model->config, key);
    const struct snnbase_json_value *first = snnbase_json_first(value);
    if (parse_source(value, out)) return SNN_OK;
    if (value == NULL || first == NULL || snnbase_json_count(value) != 1)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "model configuration: %zu %s, one is wanted",
                            value != NULL ? snnbase_json_count(value) : 0, key);
    if (parse_source(first, out)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "model configuration: %s names no layer", key);
}

/* The call that a source means; models count the call that made them first. */
static int find_call(struct model *model, const struct source *source, struct call **out)
{
    struct entry *entry = find_entry(model, source->name);
    struct snn_context *context = model->keras->context;
    if (entry == NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "it is called on '%.100s', which is no layer",
                            source->name);
    int64_t index = entry->is_model && entry->call_count == 1 ? 0 : source->call;
    if (entry->broken && index >= entry->call_count) index = 0;
    if (index < 0 || index >= entry->call_count)
        return snnbase_fail(context, SNN_ERR_FORMAT, "layer '%.100s' has no call %" PRId64,
                            source->name, source->call);
    *out = &model->calls[entry->call_first + (uint32_t)index];
    return SNN_OK;
}

/* Makes a call if all it needs is there. */
static int try_call(struct model *model, struct call *call)
{
    struct snn_context *context = model->keras->context;
    struct entry *entry = &model->entries[call->entry];
    struct snnconv_keras_tensor *inputs =
        snnbase_alloc(context, call->input_count, sizeof(*inputs));
    int status = inputs != NULL ? SNN_OK : SNN_ERR_NOMEM;
    bool ready = true;
    for (uint32_t i = 0; i < call->input_count && status == SNN_OK && ready; i++) {
        struct call *from = NULL;
        status = find_call(model, &model->sources[call->input_first + i], &from);
        if (status != SNN_OK) {
            status = entry->broken ? SNN_OK : report(entry);
            break;
        }
        ready = from->done;
        inputs[i] = from->out;
    }
    if (status == SNN_OK && ready) {
        status = make_call(model, entry, inputs, call->input_count, &call->out);
        call->done = status == SNN_OK;
    }
    snnbase_free(context, inputs);
    return status;
}

static int make_calls(struct model *model)
{
    size_t done = 0, before;
    do {
        before = done;
        for (size_t i = 0; i < model->call_count; i++) {
            struct call *call = &model->calls[i];
            if (call->done) continue;
            int status = try_call(model, call);
            if (status != SNN_OK) return status;
            if (call->done) done++;
        }
    } while (done > before && done < model->call_count);
    for (size_t i = 0; i < model->call_count; i++) {
        struct entry *entry = &model->entries[model->calls[i].entry];
        if (model->calls[i].done || entry->broken) continue;
        (void)snnbase_fail(model->keras->context, SNN_ERR_FORMAT,
                           "it is called on what is made of its own output");
        int status = report(entry);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

static int read_functional(struct model *model, const struct snnconv_keras_tensor *given,
                           struct snnconv_keras_tensor *out)
{
    struct source input, output;
    struct call *first = NULL, *last = NULL;
    int status = read_calls(model);
    if (status == SNN_OK) status = read_end(model, "input_layers", &input);
    if (status == SNN_OK) status = read_end(model, "output_layers", &output);
    if (status == SNN_OK) status = find_call(model, &input, &first);
    if (status == SNN_OK) status = find_call(model, &output, &last);
    if (status != SNN_OK) return status;
    const struct snnconv_keras_layer *layer = &model->entries[first->entry].layer;
    if (given != NULL)
        first->out = *given;
    else
        status = add_input(model->keras, layer->path, shape_of(layer->config), &first->out);
    if (status != SNN_OK) return status;
    first->done = true;
    model->entries[first->entry].layer.call_count++;
    status = make_calls(model);
    if (status != SNN_OK) return status;
    if (!last->done) return add_unknown(model->keras, out);
    *out = last->out;
    return SNN_OK;
}

static int read_into(struct model *model, const struct snnconv_keras_tensor *given,
                     struct snnconv_keras_tensor *out)
{
    const char *class_name = string_of(model->json, "class_name");
    struct snn_context *context = model->keras->context;
    bool is_sequential = class_name != NULL && strcmp(class_name, "Sequential") == 0;
    int status = SNN_OK;
    if (class_name == NULL || !is_model_class(class_name) || model->config == NULL)
        status = snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                              "a model of class '%.60s'; accepted are Sequential and Functional",
                              class_name != NULL ? class_name : "");
    if (status == SNN_OK) status = read_entries(model);
    if (status == SNN_OK)
        status =
            is_sequential ? read_sequential(model, given, out) : read_functional(model, given, out);
    snnbase_free(context, model->entries);
    snnbase_free(context, (void *)model->by_name);
    snnbase_free(context, model->calls);
    snnbase_free(context, model->sources);
    return status;
}

int snnconv_keras_read_model(struct snnconv_keras *keras, const struct snnbase_json_value *json)
{
    struct snnconv_keras_tensor out = {SNNCONV_NONE, 0};
    struct model model = {.keras = keras, .json = json};
    model.config = snnbase_json_get(json, "config");
    model.home = (struct snnconv_keras_home){.prefix = "", .weights = keras->weights};
    int status = read_into(&model, NULL, &out);
    if (status != SNN_OK) return snnconv_problems_add(&keras->problems, NULL, SNNCONV_NO_OFFSET);
    return snnconv_program_set_outputs(keras->program, keras->context, &out.value, 1);
}
