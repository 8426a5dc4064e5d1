/* Reads a native model file (docs/formats/model.md): bytes in, checked graph out.
 *
 * All layers are read even when some are refused, each refusal is a diagnostic, and the first one
 * is the error returned; a layer that stands on a refused one is passed over in silence.
 * Annotations are read only once every layer is good.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/control.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/near.h"
#include "libsnn/base/sha256.h"
#include "libsnn/model/native.h"
#include "libsnn/model/stranger.h"

static bool is_known(const char *const *known, const char *name)
{
    while (*known != NULL && strcmp(*known, name) != 0)
        known++;
    return *known != NULL;
}

static int fail_member(struct snn_context *context, const char *name, const char *const *known)
{
    struct snnbase_near near;
    snnbase_near_init(&near, name);
    for (; *known != NULL; known++)
        snnbase_near_offer(&near, *known);
    int status = snnbase_fail(context, SNN_ERR_FORMAT, "unknown member '%s'", name);
    return near.best[0] != '\0' ? snnbase_hint(context, "did you mean '%s'?", near.best) : status;
}

int snnmodel_native_check_members(struct snn_context *context,
                                  const struct snnbase_json_value *object, const char *const *known)
{
    if (!snnbase_json_is_object(object))
        return snnbase_fail(context, SNN_ERR_FORMAT, "an object expected");
    const struct snnbase_json_value *member = snnbase_json_first(object);
    for (; member != NULL; member = snnbase_json_next(member)) {
        if (!is_known(known, snnbase_json_key(member)))
            return fail_member(context, snnbase_json_key(member), known);
    }
    return SNN_OK;
}

int snnmodel_native_read_text(struct snn_context *context, const struct snnbase_json_value *object,
                              const char *where, const char *key, const char **out)
{
    const char *text = NULL;
    int status = snnbase_json_read_string(context, object, where, key, &text);
    if (status != SNN_OK) return status;
    for (const char *at = text; *at != '\0'; at++) {
        if (!snnbase_control_at(at)) continue;
        unsigned char byte = (unsigned char)*at;
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s%s%s: control character 0x%02x", where,
                            where[0] != '\0' ? "." : "", key, (unsigned)byte);
    }
    *out = text;
    return SNN_OK;
}

int snnmodel_native_read_float(struct snn_context *context, const struct snnbase_json_value *object,
                               const char *key, float *out)
{
    double number = 0.0;
    int status = snnbase_json_read_number(context, object, "", key, &number);
    if (status != SNN_OK) return status;
    if (!(fabs(number) <= (double)FLT_MAX))
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: %g exceeds 32-bit floats", key, number);
    *out = (float)number;
    return SNN_OK;
}

int snnmodel_native_blame_file(struct snn_context *context, int status)
{
    if (status != SNN_ERR_INVALID) return status;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s", snn_context_message(context));
}

/* ---- The document ---- */

static int check_format(struct snn_context *context, const struct snnbase_json_value *root)
{
    const char *format = NULL;
    if (!snnbase_json_is_object(root))
        return snnbase_fail(context, SNN_ERR_FORMAT, "not a model: an object expected");
    int status = snnbase_json_read_string(context, root, "", "format", &format);
    if (status != SNN_OK) return status;
    if (strcmp(format, SNNMODEL_NATIVE_FORMAT) == 0) return SNN_OK;
    if (strncmp(format, SNNMODEL_NATIVE_FAMILY, strlen(SNNMODEL_NATIVE_FAMILY)) == 0)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "format is '%s', this version reads '%s'",
                            format, SNNMODEL_NATIVE_FORMAT);
    return snnbase_fail(context, SNN_ERR_FORMAT, "not a model: format is '%s', '%s' expected",
                        format, SNNMODEL_NATIVE_FORMAT);
}

static void warn_of_unknown(struct snn_context *context, const struct snnbase_json_value *root)
{
    static const char *const known[] = {"format",     "tool",    "name",       "source",
                                        "accuracy",   "sample",  "layers",     "output",
                                        "preprocess", "recipes", "statistics", NULL};
    const struct snnbase_json_value *member = snnbase_json_first(root);
    for (; member != NULL; member = snnbase_json_next(member)) {
        if (!is_known(known, snnbase_json_key(member)))
            snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                             "unknown member '%s' is ignored", snnbase_json_key(member));
    }
}

/* The first error of a file that is read on after it. */
struct first_error {
    struct snn_context *keeper; /* holds the message; NULL: no error yet */
    int status;
};

/* Reports the error just raised and keeps it if it is the first. */
static int note_error(struct snn_context *context, const char *path, int status,
                      struct first_error *first)
{
    if (path != NULL) snnbase_where(context, "%s", path);
    /* The text names file and layer already, as the error that is returned must. */
    snnbase_diagnose(context, SNN_SEVERITY_ERROR, NULL, snn_context_hint(context), "%s",
                     snn_context_message(context));
    if (first->keeper != NULL) return SNN_OK;
    int forked = snnbase_context_fork(&first->keeper, context);
    if (forked != SNN_OK) return snnbase_fail(context, forked, "out of memory");
    snnbase_error_copy(first->keeper, context);
    first->status = status;
    return SNN_OK;
}

static bool has_name(const struct snnbase_json_value *layer)
{
    const struct snnbase_json_value *name = snnbase_json_get(layer, "name");
    return name != NULL && snnbase_json_is_string(name);
}

/* Adds all layers; reports each that is refused. Returns only what makes going on senseless. */
static int add_layers(struct snn_context *context, struct snnmodel_native_layers *layers,
                      struct first_error *first)
{
    size_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(layers->array);
    for (; value != NULL; value = snnbase_json_next(value), index++) {
        bool skipped = false;
        int status = snnmodel_native_add_layer(context, layers, value, &skipped);
        if (status == SNN_OK) continue;
        if (status == SNN_ERR_NOMEM) return status;
        if (!has_name(value)) snnbase_where(context, "layers[%zu]", index);
        status = note_error(context, layers->sidecar->model_path, status, first);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* The layer's name if it has one and a kind with tensors, else NULL. */
static const char *tensor_layer_name(const struct snnbase_json_value *layer)
{
    const struct snnbase_json_value *kind = snnbase_json_get(layer, "kind");
    if (!has_name(layer) || kind == NULL || !snnbase_json_is_string(kind)) return NULL;
    if (strcmp(snnbase_json_string(kind), snn_layer_kind_name(SNN_LAYER_CONV2D)) != 0 &&
        strcmp(snnbase_json_string(kind), snn_layer_kind_name(SNN_LAYER_DENSE)) != 0)
        return NULL;
    return snnbase_json_string(snnbase_json_get(layer, "name"));
}

/* Tells the source of a topology which layers there are. */
static int begin_source(struct snn_context *context, const struct snnmodel_native_layers *layers,
                        size_t layer_count)
{
    if (layers->source == NULL) return SNN_OK;
    struct snnmodel_named *names = snnbase_alloc(context, layer_count, sizeof(*names));
    if (names == NULL) return SNN_ERR_NOMEM;
    uint32_t count = 0;
    const struct snnbase_json_value *value = snnbase_json_first(layers->array);
    for (; value != NULL; value = snnbase_json_next(value)) {
        names[count].layer = tensor_layer_name(value);
        if (names[count].layer == NULL) continue;
        const struct snnbase_json_value *norm = snnbase_json_get(value, SNNMODEL_NATIVE_BATCH_NORM);
        bool named = norm != NULL && snnbase_json_is_string(norm);
        names[count++].batch_norm = named ? snnbase_json_string(norm) : NULL;
    }
    int status = layers->source->begin(context, names, count, layers->source->user);
    snnbase_free(context, names);
    return status;
}

static int read_layers(struct snn_context *context, struct snnmodel_native_layers *layers,
                       const struct snnbase_json_value *root, bool *located_out)
{
    layers->array = snnbase_json_get(root, "layers");
    if (layers->array == NULL || !snnbase_json_is_array(layers->array) ||
        snnbase_json_first(layers->array) == NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "layers: an array of layers expected");
    size_t count = snnbase_json_count(layers->array);
    uint32_t limit = snnbase_limits(context)->layer_count;
    if (count > limit)
        return snnbase_fail(context, SNN_ERR_LIMIT, "layers: %zu exceed the limit of %u", count,
                            limit);
    struct first_error first = {NULL, SNN_OK};
    int status = begin_source(context, layers, count);
    if (status == SNN_OK) status = add_layers(context, layers, &first);
    if (status == SNN_OK && first.keeper != NULL) {
        snnbase_error_copy(context, first.keeper);
        status = first.status;
        *located_out = true;
    }
    snn_context_destroy(&first.keeper);
    return status;
}

static int read_output(struct snn_context *context, struct snn_graph *graph,
                       const struct snnbase_json_value *root)
{
    const char *name = NULL;
    uint32_t index = 0;
    int status = snnbase_json_read_string(context, root, "", "output", &name);
    if (status != SNN_OK) return status;
    if (snn_graph_find(graph, name, &index) != SNN_OK)
        return snnbase_fail(context, SNN_ERR_FORMAT, "output: no layer '%s'", name);
    return snn_graph_set_output(graph, context, index);
}

/* Fills *out from the document. *located_out: the error already names the file. */
static int read_document(struct snn_graph **out, struct snn_context *context,
                         const struct snnbase_json_value *root,
                         struct snnmodel_native_layers *layers, bool *located_out)
{
    const char *name = NULL;
    int status = check_format(context, root);
    if (status == SNN_OK) status = snnmodel_native_read_text(context, root, "", "name", &name);
    if (status != SNN_OK) return status;
    warn_of_unknown(context, root);
    struct snn_graph *graph = NULL;
    status = snn_graph_create(&graph, context, name);
    if (status != SNN_OK) return status;
    layers->graph = graph;
    status = read_layers(context, layers, root, located_out);
    if (status == SNN_OK) status = read_output(context, graph, root);
    if (status == SNN_OK)
        status = snnmodel_native_read_records(context, graph, root, layers->sidecar);
    if (status != SNN_OK) {
        snn_graph_destroy(&graph);
        return status;
    }
    *out = graph;
    return SNN_OK;
}

/* Says what a file is rather than where it stops being JSON. */
static int check_kind(struct snn_context *context, const char *text, size_t size, bool topology)
{
    const char *name = NULL, *hint = NULL;
    const char *other = topology ? "a topology is JSON: docs/formats/model.md"
                                 : "snn_graph_import reads models of other formats";
    if (snnmodel_stranger_is_text(text, size)) return SNN_OK; /* the parser says where it ends */
    snnmodel_stranger_find(text, size, &name, &hint);
    snnbase_fail(context, SNN_ERR_FORMAT, "not a model file of libsnn (JSON): it looks like %s",
                 name != NULL ? name : "something else");
    return snnbase_hint(context, "%s%s%s", hint != NULL ? hint : "", hint != NULL ? "; " : "",
                        other);
}

/* What is read, and where its tensors come from. */
struct input {
    const char *path; /* NULL for a text that comes from no file */
    const struct snnmodel_tensor_source *source;
    char *own; /* the text if it is ours to change, else NULL */
};

static int parse(struct snn_graph **out, struct snn_context *context, const struct input *input,
                 const char *text, size_t size)
{
    struct snnbase_json *json = NULL;
    struct snnmodel_sidecar sidecar = {.model_path = input->path};
    struct snnmodel_native_layers layers = {.sidecar = &sidecar, .source = input->source};
    bool located = false;
    int status = check_kind(context, text, size, input->source != NULL);
    if (status == SNN_OK)
        status = input->own != NULL ? snnbase_json_parse_in_place(context, input->own, size, &json)
                                    : snnbase_json_parse(context, text, size, &json);
    if (status == SNN_OK)
        status = read_document(out, context, snnbase_json_root(json), &layers, &located);
    if (status != SNN_OK && input->path != NULL && !located)
        snnbase_where(context, "%s", input->path);
    snnmodel_sidecar_fini(context, &sidecar);
    snnbase_json_destroy(context, &json);
    return status;
}

int snn_graph_parse(struct snn_graph **out, struct snn_context *context, const char *text,
                    size_t size)
{
    const struct input input = {.path = NULL};
    return parse(out, context, &input, text, size);
}

static int load(struct snn_graph **out, struct snn_context *context, struct input *input,
                char *sha256_hex_out)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    struct snn_graph *graph = NULL;
    char sha256[SNNBASE_SHA256_HEX_SIZE];
    int status = snnbase_file_read(context, input->path, &bytes);
    if (status == SNN_OK) {
        /* Before parsing, which changes them. */
        if (sha256_hex_out != NULL) snnbase_sha256_hex(bytes.data, bytes.size, sha256);
        input->own = (char *)bytes.data;
        status = parse(&graph, context, input, input->own, bytes.size);
    }
    if (status == SNN_OK) {
        if (sha256_hex_out != NULL) memcpy(sha256_hex_out, sha256, sizeof(sha256));
        *out = graph;
    }
    snnbase_buffer_fini(context, &bytes);
    return status;
}

int snn_graph_load(struct snn_graph **out, struct snn_context *context, const char *path,
                   char *sha256_hex_out)
{
    struct input input = {.path = path};
    return load(out, context, &input, sha256_hex_out);
}

int snnmodel_topology_load(struct snn_graph **out, struct snn_context *context, const char *path,
                           const struct snnmodel_tensor_source *source)
{
    struct input input = {.path = path, .source = source};
    return load(out, context, &input, NULL);
}
