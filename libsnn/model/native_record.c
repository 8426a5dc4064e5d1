/* What a model file says about its graph beside the layers: where it came from, how its input was
 * prepared, what calibration saw and which thresholds it found.
 *
 * Every part is optional. Whatever would change numbers (preprocess, statistics, recipes) is held
 * to its exact members; in the descriptive parts unknown members are left alone.
 */
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/native.h"

/* What every part needs. */
struct reader {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snnmodel_sidecar *sidecar;
};

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

static int read_provenance(const struct reader *r, const struct snnbase_json_value *root)
{
    struct snn_context *context = r->context;
    struct snn_provenance provenance = *snn_graph_provenance(r->graph);
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
    if (status == SNN_OK) status = snn_graph_set_provenance(r->graph, context, &provenance);
    snnbase_free(context, tool);
    return status;
}

/* ---- Lists of plain numbers ---- */

struct list {
    double *values; /* allocated */
    uint32_t count;
};

/* Reads object->key, an array of 1 to `count_max` numbers. */
static int read_list(struct snn_context *context, const struct snnbase_json_value *object,
                     const char *where, const char *key, size_t count_max, struct list *out)
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
    *out = (struct list){values, (uint32_t)count};
    return SNN_OK;
}

/* ---- Preprocessing ---- */

static int read_preprocess(const struct reader *r, const struct snnbase_json_value *preprocess)
{
    static const char *const members[] = {"scale", "mean", "std", NULL};
    static const char where[] = "preprocess";
    if (preprocess == NULL) return SNN_OK;
    struct snn_context *context = r->context;
    size_t channels = snn_graph_input_shape(r->graph).channels;
    double scale = 0.0;
    struct list mean = {NULL, 0}, std = {NULL, 0};
    int status = snnmodel_native_check_members(context, preprocess, members);
    if (status != SNN_OK) return snnbase_where(context, "%s", where);
    status = snnbase_json_read_number(context, preprocess, where, "scale", &scale);
    if (status == SNN_OK) status = read_list(context, preprocess, where, "mean", channels, &mean);
    if (status == SNN_OK) status = read_list(context, preprocess, where, "std", channels, &std);
    if (status == SNN_OK && mean.count != std.count)
        status = snnbase_fail(context, SNN_ERR_FORMAT, "%s: %u means, but %u values of std", where,
                              mean.count, std.count);
    if (status == SNN_OK) {
        const struct snn_preprocess all = {scale, mean.count, mean.values, std.values};
        status = snn_graph_set_preprocess(r->graph, context, &all);
        status = snnmodel_native_blame_file(context, status);
    }
    snnbase_free(context, mean.values);
    snnbase_free(context, std.values);
    return status;
}

/* ---- Statistics ---- */

/* The tensor object->key of exactly the shape `dim` [rank], allocated. */
static int read_tensor(const struct reader *r, const struct snnbase_json_value *object,
                       const char *key, uint32_t rank, const uint32_t *dim, float **out)
{
    struct snnmodel_tensor tensor;
    int status = snnmodel_tensor_describe(r->context, object, key, &tensor);
    if (status == SNN_OK) status = snnmodel_tensor_expect(r->context, &tensor, key, rank, dim);
    if (status != SNN_OK) return status;
    return snnmodel_tensor_unpack(r->context, &tensor, key, r->sidecar, NULL, out);
}

static int find_layer(const struct reader *r, const char *name, uint32_t *index_out)
{
    if (snn_graph_find(r->graph, name, index_out) == SNN_OK) return SNN_OK;
    return snnbase_fail(r->context, SNN_ERR_FORMAT, "no such layer");
}

static int read_minimum(const struct reader *r, const struct snnbase_json_value *value, float *out)
{
    static const char *const members[] = {"minimum", "quantile", "channel_quantile", NULL};
    int status = snnmodel_native_check_members(r->context, value, members);
    return status == SNN_OK ? snnmodel_native_read_float(r->context, value, "minimum", out)
                            : status;
}

static int read_layer_statistics(const struct reader *r, const struct snnbase_json_value *value,
                                 uint32_t quantile_count)
{
    uint32_t layer = 0;
    struct snn_statistics statistics = {.minimum = 0.0f};
    float *quantile = NULL, *channel_quantile = NULL;
    int status = find_layer(r, snnbase_json_key(value), &layer);
    if (status == SNN_OK) status = read_minimum(r, value, &statistics.minimum);
    if (status != SNN_OK) return status;
    const uint32_t dim[] = {snn_graph_layer(r->graph, layer)->shape.channels, quantile_count};
    status = read_tensor(r, value, "quantile", 1, &dim[1], &quantile);
    if (status == SNN_OK)
        status = read_tensor(r, value, "channel_quantile", 2, dim, &channel_quantile);
    if (status == SNN_OK) {
        statistics.quantile = quantile;
        statistics.channel_quantile = channel_quantile;
        status = snn_graph_set_statistics(r->graph, r->context, layer, &statistics);
        status = snnmodel_native_blame_file(r->context, status);
    }
    snnbase_free(r->context, quantile);
    snnbase_free(r->context, channel_quantile);
    return status;
}

static int read_quantiles(const struct reader *r, const struct snnbase_json_value *statistics,
                          uint32_t *count_out)
{
    struct snn_context *context = r->context;
    static const char where[] = "statistics";
    int64_t frames = 0;
    const char *data = NULL;
    struct list list = {NULL, 0};
    int status = snnbase_json_read_int(context, statistics, where, "frames", 0, INT64_MAX, &frames);
    if (status == SNN_OK) status = read_text(context, statistics, where, "data", &data);
    if (status == SNN_OK)
        status = read_list(context, statistics, where, "quantiles", UINT16_MAX, &list);
    if (status != SNN_OK) return status;
    status =
        snn_graph_set_quantiles(r->graph, context, list.values, list.count, (uint64_t)frames, data);
    status = snnmodel_native_blame_file(context, status);
    snnbase_free(context, list.values);
    *count_out = list.count;
    return status;
}

static int read_statistics(const struct reader *r, const struct snnbase_json_value *statistics)
{
    static const char *const members[] = {"frames", "data", "quantiles", "layers", NULL};
    if (statistics == NULL) return SNN_OK;
    uint32_t quantile_count = 0;
    int status = snnmodel_native_check_members(r->context, statistics, members);
    if (status != SNN_OK) return snnbase_where(r->context, "statistics");
    status = read_quantiles(r, statistics, &quantile_count);
    if (status != SNN_OK) return status;
    const struct snnbase_json_value *layers = snnbase_json_get(statistics, "layers");
    if (layers == NULL || !snnbase_json_is_object(layers))
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "statistics.layers: an object expected");
    const struct snnbase_json_value *value = snnbase_json_first(layers);
    for (; value != NULL; value = snnbase_json_next(value)) {
        status = read_layer_statistics(r, value, quantile_count);
        if (status != SNN_OK)
            return snnbase_where(r->context, "statistics.layers.%s", snnbase_json_key(value));
    }
    return SNN_OK;
}

/* ---- Recipes ---- */

const char *snnmodel_native_recipe_member(enum snn_recipe_kind kind)
{
    static const char *const members[] = {"thresholds", "biases", "potentials"};
    return members[kind];
}

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

/* The values of layer `name` into entry `index`. */
static int read_values(const struct reader *r, const struct snnbase_json_value *layers,
                       const char *name, struct recipe_draft *draft, uint32_t index)
{
    struct snnmodel_tensor tensor;
    struct snn_recipe_entry *entry = &draft->entries[index];
    const uint32_t any = 0;
    int status = find_layer(r, name, &entry->layer);
    if (status != SNN_OK) return snnbase_where(r->context, "%s", name);
    status = snnmodel_tensor_describe(r->context, layers, name, &tensor);
    if (status == SNN_OK) status = snnmodel_tensor_expect(r->context, &tensor, name, 1, &any);
    if (status == SNN_OK)
        status = snnmodel_tensor_unpack(r->context, &tensor, name, r->sidecar, NULL,
                                        &draft->values[index]);
    if (status != SNN_OK) return status;
    entry->count = tensor.dim[0];
    entry->value = draft->values[index];
    return SNN_OK;
}

/* The layers of a recipe of which everything else is known. */
static int read_layers(const struct reader *r, struct snn_recipe *recipe,
                       const struct snnbase_json_value *layers)
{
    struct recipe_draft draft;
    int status = draft_init(r->context, &draft, snnbase_json_count(layers));
    const struct snnbase_json_value *entry = snnbase_json_first(layers);
    for (uint32_t i = 0; i < draft.count && status == SNN_OK; i++) {
        status = read_values(r, layers, snnbase_json_key(entry), &draft, i);
        if (status != SNN_OK)
            snnbase_where(r->context, "%s", snnmodel_native_recipe_member(recipe->kind));
        entry = snnbase_json_next(entry);
    }
    if (status == SNN_OK) {
        recipe->entry_count = draft.count;
        recipe->entries = draft.entries;
        status = snn_graph_set_recipe(r->graph, r->context, recipe);
        status = snnmodel_native_blame_file(r->context, status);
    }
    draft_fini(r->context, &draft);
    return status;
}

static int read_recipe(const struct reader *r, const struct snnbase_json_value *value)
{
    static const char *const members[] = {"name",   "norm",       "timesteps", "thresholds",
                                          "biases", "potentials", NULL};
    struct snn_recipe recipe = {.kind = SNN_RECIPE_THRESHOLD};
    struct snn_context *context = r->context;
    int64_t timesteps = 0;
    int status = snnmodel_native_check_members(context, value, members);
    if (status == SNN_OK)
        status = snnmodel_native_read_text(context, value, "", "name", &recipe.name);
    if (status == SNN_OK) status = read_text(context, value, "", "norm", &recipe.norm);
    if (status == SNN_OK && snnbase_json_get(value, "timesteps") != NULL)
        status = snnbase_json_read_int(context, value, "", "timesteps", 0, UINT32_MAX, &timesteps);
    if (status != SNN_OK) return status;
    recipe.timesteps = (uint32_t)timesteps;
    const struct snnbase_json_value *layers = NULL;
    for (unsigned kind = SNN_RECIPE_THRESHOLD; kind <= SNN_RECIPE_POTENTIAL; kind++) {
        const char *member = snnmodel_native_recipe_member((enum snn_recipe_kind)kind);
        const struct snnbase_json_value *found = snnbase_json_get(value, member);
        if (found == NULL) continue;
        if (layers != NULL)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s: a recipe is of one kind", member);
        layers = found;
        recipe.kind = (enum snn_recipe_kind)kind;
    }
    if (layers == NULL || !snnbase_json_is_object(layers))
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: an object expected",
                            snnmodel_native_recipe_member(recipe.kind));
    return read_layers(r, &recipe, layers);
}

static int read_recipes(const struct reader *r, const struct snnbase_json_value *recipes)
{
    if (recipes == NULL) return SNN_OK;
    if (!snnbase_json_is_array(recipes))
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "recipes: an array expected");
    size_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(recipes);
    for (; value != NULL; value = snnbase_json_next(value), index++) {
        int status = read_recipe(r, value);
        if (status != SNN_OK) return snnbase_where(r->context, "recipes[%zu]", index);
    }
    return SNN_OK;
}

int snnmodel_native_read_records(struct snn_context *context, struct snn_graph *graph,
                                 const struct snnbase_json_value *root,
                                 struct snnmodel_sidecar *sidecar)
{
    const struct reader reader = {context, graph, sidecar};
    int status = read_provenance(&reader, root);
    if (status == SNN_OK) status = read_preprocess(&reader, snnbase_json_get(root, "preprocess"));
    if (status == SNN_OK) status = read_statistics(&reader, snnbase_json_get(root, "statistics"));
    if (status == SNN_OK) status = read_recipes(&reader, snnbase_json_get(root, "recipes"));
    return status;
}
