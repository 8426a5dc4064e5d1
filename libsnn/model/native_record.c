/* What a model file says about its graph beside the layers: where it came from, how its input was
 * prepared, what calibration saw and which thresholds it found.
 *
 * Every part is optional. Whatever would change numbers (preprocess, statistics, recipes) is held
 * to its exact members; in the descriptive parts unknown members are left alone.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/native.h"

/* A member that may be absent; *out keeps its value then. */
static int read_text(struct snn_context *context, const struct snnbase_json_value *object,
                     const char *where, const char *key, const char **out)
{
    if (snnbase_json_get(object, key) == NULL) return SNN_OK;
    return snnmodel_native_read_text(context, object, where, key, out);
}

/* ---- Provenance ---- */

bool snnmodel_native_path_is_inside(const char *path)
{
    if (path[0] == '\0' || path[0] == '/' || strchr(path, '\\') != NULL) return false;
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        if (*part == '/') part++;
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return false;
    }
    return true;
}

static int read_sample(struct snn_context *context, const struct snnbase_json_value *sample,
                       struct snn_provenance *out)
{
    if (sample == NULL) return SNN_OK;
    int status = read_text(context, sample, "sample", "images", &out->sample_images);
    if (status == SNN_OK)
        status = read_text(context, sample, "sample", "labels", &out->sample_labels);
    if (status != SNN_OK) return status;
    const char *const paths[] = {out->sample_images, out->sample_labels};
    for (size_t i = 0; i < 2; i++) {
        if (paths[i] != NULL && !snnmodel_native_path_is_inside(paths[i]))
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "sample: '%s' leads out of the model's folder", paths[i]);
    }
    return SNN_OK;
}

static int read_accuracy(struct snn_context *context, const struct snnbase_json_value *accuracy,
                         struct snn_provenance *out)
{
    if (accuracy == NULL) return SNN_OK;
    int64_t samples = 0;
    int status = snnbase_json_read_number(context, accuracy, "accuracy", "value", &out->accuracy);
    if (status == SNN_OK && !(out->accuracy >= 0.0 && out->accuracy <= 1.0))
        status = snnbase_fail(context, SNN_ERR_FORMAT, "accuracy.value: %g is not within 0..1",
                              out->accuracy);
    if (status == SNN_OK && snnbase_json_get(accuracy, "samples") != NULL)
        status =
            snnbase_json_read_int(context, accuracy, "accuracy", "samples", 0, INT64_MAX, &samples);
    out->accuracy_samples = (uint64_t)samples;
    return status == SNN_OK ? read_text(context, accuracy, "accuracy", "data", &out->accuracy_data)
                            : status;
}

/* "name version" in *out, allocated; NULL if the file names no tool. */
static int read_tool(struct snn_context *context, const struct snnbase_json_value *tool, char **out)
{
    const char *name = NULL, *version = "";
    if (tool == NULL) return SNN_OK;
    int status = snnmodel_native_read_text(context, tool, "tool", "name", &name);
    if (status == SNN_OK) status = read_text(context, tool, "tool", "version", &version);
    if (status != SNN_OK) return status;
    size_t size = strlen(name) + strlen(version) + 2;
    char *text = snnbase_alloc(context, size, 1);
    if (text == NULL) return SNN_ERR_NOMEM;
    (void)snprintf(text, size, "%s%s%s", name, version[0] != '\0' ? " " : "", version);
    *out = text;
    return SNN_OK;
}

static int read_provenance(struct snn_context *context, struct snn_graph *graph,
                           const struct snnbase_json_value *root)
{
    struct snn_provenance provenance = *snn_graph_provenance(graph);
    const struct snnbase_json_value *source = snnbase_json_get(root, "source");
    char *tool = NULL;
    int status = read_text(context, source, "source", "file", &provenance.source_file);
    if (status == SNN_OK)
        status = read_text(context, source, "source", "sha256", &provenance.source_sha256);
    if (status == SNN_OK)
        status = read_accuracy(context, snnbase_json_get(root, "accuracy"), &provenance);
    if (status == SNN_OK)
        status = read_sample(context, snnbase_json_get(root, "sample"), &provenance);
    if (status == SNN_OK) status = read_tool(context, snnbase_json_get(root, "tool"), &tool);
    provenance.tool = tool;
    if (status == SNN_OK) status = snn_graph_set_provenance(graph, context, &provenance);
    snnbase_free(context, tool);
    return status;
}

/* ---- Lists of plain numbers ---- */

/* Reads object->key, an array of 1 to `count_max` numbers, into `*out`, allocated. */
static int read_doubles(struct snn_context *context, const struct snnbase_json_value *object,
                        const char *where, const char *key, size_t count_max, double **out,
                        uint32_t *count_out)
{
    const struct snnbase_json_value *array = snnbase_json_get(object, key);
    size_t count = array != NULL && snnbase_json_is_array(array) ? snnbase_json_count(array) : 0;
    if (count < 1 || count > count_max)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s.%s: an array of 1 to %zu numbers expected",
                            where, key, count_max);
    double *values = snnbase_alloc(context, count, sizeof(*values));
    if (values == NULL) return SNN_ERR_NOMEM;
    const struct snnbase_json_value *value = snnbase_json_first(array);
    for (size_t i = 0; i < count; i++, value = snnbase_json_next(value)) {
        if (!snnbase_json_is_number(value)) {
            snnbase_free(context, values);
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s.%s[%zu]: a number expected", where,
                                key, i);
        }
        values[i] = snnbase_json_number(value);
    }
    *out = values;
    *count_out = (uint32_t)count;
    return SNN_OK;
}

/* ---- Preprocessing ---- */

static int read_preprocess(struct snn_context *context, struct snn_graph *graph,
                           const struct snnbase_json_value *preprocess)
{
    static const char *const members[] = {"scale", "mean", "std", NULL};
    if (preprocess == NULL) return SNN_OK;
    size_t channels = snn_graph_input_shape(graph).channels;
    double scale = 0.0, *mean = NULL, *std = NULL;
    uint32_t mean_count = 0, std_count = 0;
    int status = snnmodel_native_check_members(context, preprocess, members);
    if (status != SNN_OK) return snnbase_where(context, "preprocess");
    status = snnbase_json_read_number(context, preprocess, "preprocess", "scale", &scale);
    if (status == SNN_OK)
        status =
            read_doubles(context, preprocess, "preprocess", "mean", channels, &mean, &mean_count);
    if (status == SNN_OK)
        status = read_doubles(context, preprocess, "preprocess", "std", channels, &std, &std_count);
    if (status == SNN_OK && mean_count != std_count)
        status = snnbase_fail(context, SNN_ERR_FORMAT, "preprocess: %u means, but %u values of std",
                              mean_count, std_count);
    if (status == SNN_OK) {
        const struct snn_preprocess all = {scale, mean_count, mean, std};
        status = snn_graph_set_preprocess(graph, context, &all);
        status = snnmodel_native_blame_file(context, status);
    }
    snnbase_free(context, mean);
    snnbase_free(context, std);
    return status;
}

/* ---- Statistics ---- */

/* The tensor object->key of exactly the shape `dim` [rank], allocated. */
static int read_tensor(struct snn_context *context, const struct snnbase_json_value *object,
                       const char *key, uint32_t rank, const uint32_t *dim,
                       struct snnmodel_sidecar *sidecar, float **out)
{
    struct snnmodel_tensor tensor;
    int status = snnmodel_tensor_describe(context, object, key, &tensor);
    if (status == SNN_OK) status = snnmodel_tensor_expect(context, &tensor, key, rank, dim);
    return status == SNN_OK ? snnmodel_tensor_unpack(context, &tensor, key, sidecar, out) : status;
}

static int find_layer(struct snn_context *context, const struct snn_graph *graph, const char *name,
                      uint32_t *index_out)
{
    if (snn_graph_find(graph, name, index_out) == SNN_OK) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "no such layer");
}

static int read_layer_statistics(struct snn_context *context, struct snn_graph *graph,
                                 const struct snnbase_json_value *value, uint32_t quantile_count,
                                 struct snnmodel_sidecar *sidecar)
{
    static const char *const members[] = {"minimum", "quantile", "channel_quantile", NULL};
    uint32_t layer = 0;
    double minimum = 0.0;
    float *quantile = NULL, *channel_quantile = NULL;
    int status = find_layer(context, graph, snnbase_json_key(value), &layer);
    if (status == SNN_OK) status = snnmodel_native_check_members(context, value, members);
    if (status == SNN_OK)
        status = snnbase_json_read_number(context, value, "", "minimum", &minimum);
    if (status == SNN_OK && !(fabs(minimum) <= (double)FLT_MAX))
        status =
            snnbase_fail(context, SNN_ERR_FORMAT, "minimum: %g exceeds 32-bit floats", minimum);
    if (status != SNN_OK) return status;
    const uint32_t dim[] = {snn_graph_layer(graph, layer)->shape.channels, quantile_count};
    status = read_tensor(context, value, "quantile", 1, &dim[1], sidecar, &quantile);
    if (status == SNN_OK)
        status =
            read_tensor(context, value, "channel_quantile", 2, dim, sidecar, &channel_quantile);
    if (status == SNN_OK) {
        const struct snn_statistics statistics = {(float)minimum, quantile, channel_quantile};
        status = snn_graph_set_statistics(graph, context, layer, &statistics);
        status = snnmodel_native_blame_file(context, status);
    }
    snnbase_free(context, quantile);
    snnbase_free(context, channel_quantile);
    return status;
}

static int read_quantiles(struct snn_context *context, struct snn_graph *graph,
                          const struct snnbase_json_value *statistics, uint32_t *count_out)
{
    int64_t frames = 0;
    const char *data = NULL;
    double *probability = NULL;
    int status =
        snnbase_json_read_int(context, statistics, "statistics", "frames", 0, INT64_MAX, &frames);
    if (status == SNN_OK) status = read_text(context, statistics, "statistics", "data", &data);
    if (status == SNN_OK)
        status = read_doubles(context, statistics, "statistics", "quantiles", UINT16_MAX,
                              &probability, count_out);
    if (status != SNN_OK) return status;
    status =
        snn_graph_set_quantiles(graph, context, probability, *count_out, (uint64_t)frames, data);
    status = snnmodel_native_blame_file(context, status);
    snnbase_free(context, probability);
    return status;
}

static int read_statistics(struct snn_context *context, struct snn_graph *graph,
                           const struct snnbase_json_value *statistics,
                           struct snnmodel_sidecar *sidecar)
{
    static const char *const members[] = {"frames", "data", "quantiles", "layers", NULL};
    if (statistics == NULL) return SNN_OK;
    uint32_t quantile_count = 0;
    int status = snnmodel_native_check_members(context, statistics, members);
    if (status != SNN_OK) return snnbase_where(context, "statistics");
    status = read_quantiles(context, graph, statistics, &quantile_count);
    if (status != SNN_OK) return status;
    const struct snnbase_json_value *layers = snnbase_json_get(statistics, "layers");
    if (layers == NULL || !snnbase_json_is_object(layers))
        return snnbase_fail(context, SNN_ERR_FORMAT, "statistics.layers: an object expected");
    const struct snnbase_json_value *value = snnbase_json_first(layers);
    for (; value != NULL; value = snnbase_json_next(value)) {
        status = read_layer_statistics(context, graph, value, quantile_count, sidecar);
        if (status != SNN_OK)
            return snnbase_where(context, "statistics.layers.%s", snnbase_json_key(value));
    }
    return SNN_OK;
}

/* ---- Recipes ---- */

/* A recipe under way: its entries, and the values they point to. */
struct recipe_draft {
    struct snn_recipe_entry *entries; /* [count] */
    float **values;                   /* [count], allocated each */
    uint32_t count;
};

static int draft_init(struct snn_context *context, struct recipe_draft *draft, size_t count)
{
    *draft = (struct recipe_draft){.count = (uint32_t)count};
    draft->entries = snnbase_alloc(context, count, sizeof(*draft->entries));
    draft->values = snnbase_alloc(context, count, sizeof(*draft->values));
    return draft->entries != NULL && draft->values != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static void draft_fini(struct snn_context *context, struct recipe_draft *draft)
{
    for (uint32_t i = 0; draft->values != NULL && i < draft->count; i++)
        snnbase_free(context, draft->values[i]);
    snnbase_free(context, draft->values);
    snnbase_free(context, draft->entries);
}

/* The thresholds of layer `name` into entry `index`. */
static int read_threshold(struct snn_context *context, const struct snn_graph *graph,
                          const struct snnbase_json_value *thresholds, const char *name,
                          struct snnmodel_sidecar *sidecar, struct recipe_draft *draft,
                          uint32_t index)
{
    struct snnmodel_tensor tensor;
    struct snn_recipe_entry *entry = &draft->entries[index];
    const uint32_t any = 0;
    int status = find_layer(context, graph, name, &entry->layer);
    if (status != SNN_OK) return snnbase_where(context, "%s", name);
    status = snnmodel_tensor_describe(context, thresholds, name, &tensor);
    if (status == SNN_OK) status = snnmodel_tensor_expect(context, &tensor, name, 1, &any);
    if (status == SNN_OK)
        status = snnmodel_tensor_unpack(context, &tensor, name, sidecar, &draft->values[index]);
    if (status != SNN_OK) return status;
    entry->count = tensor.dim[0];
    entry->threshold = draft->values[index];
    return SNN_OK;
}

static int read_thresholds(struct snn_context *context, struct snn_graph *graph, const char *name,
                           const struct snnbase_json_value *thresholds,
                           struct snnmodel_sidecar *sidecar)
{
    struct recipe_draft draft;
    int status = draft_init(context, &draft, snnbase_json_count(thresholds));
    const struct snnbase_json_value *entry = snnbase_json_first(thresholds);
    for (uint32_t i = 0; i < draft.count && status == SNN_OK; i++) {
        status =
            read_threshold(context, graph, thresholds, snnbase_json_key(entry), sidecar, &draft, i);
        if (status != SNN_OK) snnbase_where(context, "thresholds");
        entry = snnbase_json_next(entry);
    }
    if (status == SNN_OK) {
        const struct snn_recipe recipe = {name, draft.count, draft.entries};
        status = snn_graph_set_recipe(graph, context, &recipe);
        status = snnmodel_native_blame_file(context, status);
    }
    draft_fini(context, &draft);
    return status;
}

static int read_recipe(struct snn_context *context, struct snn_graph *graph,
                       const struct snnbase_json_value *value, struct snnmodel_sidecar *sidecar)
{
    static const char *const members[] = {"name", "thresholds", NULL};
    const char *name = NULL;
    int status = snnmodel_native_check_members(context, value, members);
    if (status == SNN_OK) status = snnmodel_native_read_text(context, value, "", "name", &name);
    if (status != SNN_OK) return status;
    const struct snnbase_json_value *thresholds = snnbase_json_get(value, "thresholds");
    if (thresholds == NULL || !snnbase_json_is_object(thresholds))
        return snnbase_fail(context, SNN_ERR_FORMAT, "thresholds: an object expected");
    return read_thresholds(context, graph, name, thresholds, sidecar);
}

static int read_recipes(struct snn_context *context, struct snn_graph *graph,
                        const struct snnbase_json_value *recipes, struct snnmodel_sidecar *sidecar)
{
    if (recipes == NULL) return SNN_OK;
    if (!snnbase_json_is_array(recipes))
        return snnbase_fail(context, SNN_ERR_FORMAT, "recipes: an array expected");
    size_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(recipes);
    for (; value != NULL; value = snnbase_json_next(value), index++) {
        int status = read_recipe(context, graph, value, sidecar);
        if (status != SNN_OK) return snnbase_where(context, "recipes[%zu]", index);
    }
    return SNN_OK;
}

int snnmodel_native_read_records(struct snn_context *context, struct snn_graph *graph,
                                 const struct snnbase_json_value *root,
                                 struct snnmodel_sidecar *sidecar)
{
    int status = read_provenance(context, graph, root);
    if (status == SNN_OK)
        status = read_preprocess(context, graph, snnbase_json_get(root, "preprocess"));
    if (status == SNN_OK)
        status = read_statistics(context, graph, snnbase_json_get(root, "statistics"), sidecar);
    if (status == SNN_OK)
        status = read_recipes(context, graph, snnbase_json_get(root, "recipes"), sidecar);
    return status;
}
