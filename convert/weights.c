/* A file of weights and a topology become a graph: bytes -> named tensors -> layers.
 *
 * Invariant: the graph has only tensors whose shapes are exactly those that the topology asks for;
 * everything that does not fit is reported in one run.
 */
#include "convert/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/sha256.h"
#include "snn/convert.h"

enum { LEFT_OVER_SHOWN = 20, TEXT_SIZE = 1024 };

static const char weight_suffix[] = ".weight", bias_suffix[] = ".bias", parallel[] = "module.";

/* ---- Names ---- */

/* A tensor's name without what stands before all names. */
static const char *name_of(const struct snnconv_assignment *a, size_t index)
{
    return a->tensors->items[index].name + a->prefix;
}

/* The length of a name before ".weight"; false for other names. */
static bool stem_of(const char *name, size_t *out)
{
    size_t length = strlen(name), suffix = strlen(weight_suffix);
    if (length < suffix || strcmp(name + length - suffix, weight_suffix) != 0) return false;
    *out = length - suffix;
    return true;
}

/* How `name` compares with `stem` followed by `suffix`. */
static int order_of(const char *name, const char *stem, size_t stem_size, const char *suffix)
{
    int order = strncmp(name, stem, stem_size);
    return order != 0 ? order : strcmp(name + stem_size, suffix);
}

/* Among the tensors, sorted by name; false if there is none. */
static bool find_tensor(const struct snnconv_assignment *a, const char *stem, size_t stem_size,
                        const char *suffix, size_t *out)
{
    size_t low = 0, high = a->tensors->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = order_of(name_of(a, a->sorted[middle]), stem, stem_size, suffix);
        if (order == 0) {
            *out = a->sorted[middle];
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* ---- The assignment's life ---- */

/* One name with the place of its tensor, for sorting. */
struct name_index {
    const char *name;
    size_t index;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name_index *)a)->name, ((const struct name_index *)b)->name);
}

static int sort_names(struct snnconv_assignment *a, struct snn_context *context)
{
    size_t count = a->tensors->count;
    struct name_index *names = snnbase_alloc(context, count, sizeof(*names));
    if (names == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct name_index){a->tensors->items[i].name, i};
    if (count > 0) qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++)
        a->sorted[i] = names[i].index;
    snnbase_free(context, names);
    return SNN_OK;
}

int snnconv_assignment_init(struct snnconv_assignment *out, struct snn_context *context,
                            const struct snnconv_tensors *tensors, const char *file)
{
    struct snnconv_assignment a = {.tensors = tensors, .file = file};
    bool wrapped = tensors->count > 0;
    a.sorted = snnbase_alloc(context, tensors->count, sizeof(*a.sorted));
    a.weights = snnbase_alloc(context, tensors->count, sizeof(*a.weights));
    a.used = snnbase_alloc(context, tensors->count, sizeof(*a.used));
    int status = a.sorted != NULL && a.weights != NULL && a.used != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = sort_names(&a, context);
    if (status != SNN_OK) {
        snnconv_assignment_fini(&a, context);
        return status;
    }
    for (size_t i = 0; i < tensors->count; i++) {
        size_t stem = 0;
        const char *name = tensors->items[i].name;
        wrapped = wrapped && strncmp(name, parallel, strlen(parallel)) == 0;
        if (stem_of(name, &stem)) a.weights[a.weight_count++] = i;
    }
    a.prefix = wrapped ? strlen(parallel) : 0;
    *out = a;
    return SNN_OK;
}

void snnconv_assignment_fini(struct snnconv_assignment *a, struct snn_context *context)
{
    snnbase_free(context, a->sorted);
    snnbase_free(context, a->weights);
    snnbase_free(context, a->used);
    *a = (struct snnconv_assignment){.tensors = NULL};
}

/* ---- Filling ---- */

/* Decides between names and order. */
static int begin(struct snn_context *context, const char *const *layers, uint32_t count, void *user)
{
    struct snnconv_assignment *a = user;
    size_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (find_tensor(a, layers[i], strlen(layers[i]), weight_suffix, &found)) return SNN_OK;
    }
    /* An order that says nothing would give layers of one shape each other's weights. */
    a->by_order = a->tensors->ordered && a->weight_count > 0;
    if (a->by_order)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "no tensor of %s has the name of a layer: they are taken in order",
                         a->file);
    return SNN_OK;
}

/* Problems of one layer, put together to one message. */
struct problems {
    char text[TEXT_SIZE];
    size_t size;
};

static void add_problem(struct problems *problems, const char *text)
{
    int length = snprintf(problems->text + problems->size, TEXT_SIZE - problems->size, "%s%s",
                          problems->size > 0 ? "; " : "", text);
    if (length > 0) problems->size += (size_t)length;
    if (problems->size >= TEXT_SIZE) problems->size = TEXT_SIZE - 1;
}

/* The values of a tensor if it has the shape wanted; else NULL and one problem more. */
static const float *hold(const struct snnconv_assignment *a, size_t index, uint32_t rank,
                         const uint32_t *dim, struct problems *problems)
{
    const struct snnconv_tensor *tensor = &a->tensors->items[index];
    uint64_t wanted[SNNCONV_TENSOR_RANK_MAX] = {0};
    bool same = tensor->rank == rank;
    for (uint32_t i = 0; i < rank; i++) {
        wanted[i] = dim[i];
        same = same && tensor->dim[i] == dim[i];
    }
    a->used[index] = true;
    if (same) return tensor->values;
    char text[TEXT_SIZE], has[SNNCONV_SHAPE_TEXT_SIZE], wants[SNNCONV_SHAPE_TEXT_SIZE];
    snnconv_shape_format(has, tensor->rank, tensor->dim);
    snnconv_shape_format(wants, rank, wanted);
    (void)snprintf(text, sizeof(text), "tensor '%s' of %s is %s, %s expected", tensor->name,
                   a->file, has, wants);
    add_problem(problems, text);
    return NULL;
}

static void miss(const struct snnconv_assignment *a, const char *stem, size_t stem_size,
                 const char *suffix, struct problems *problems)
{
    char text[TEXT_SIZE / 2];
    (void)snprintf(text, sizeof(text), "no tensor '%.*s%s' in %s",
                   (int)(stem_size < 255 ? stem_size : 255), stem, suffix, a->file);
    add_problem(problems, text);
}

/* Finds the weights of a layer, and the stem of their name. */
static bool find_weights(const struct snnconv_assignment *a, const struct snnmodel_wanted *wanted,
                         size_t *index_out, const char **stem_out, size_t *stem_size_out)
{
    if (!a->by_order) {
        *stem_out = wanted->layer;
        *stem_size_out = strlen(wanted->layer);
        return find_tensor(a, *stem_out, *stem_size_out, weight_suffix, index_out);
    }
    if (wanted->index >= a->weight_count) return false;
    *index_out = a->weights[wanted->index];
    *stem_out = name_of(a, *index_out);
    return stem_of(*stem_out, stem_size_out);
}

static int fill(struct snn_context *context, const struct snnmodel_wanted *wanted,
                const float **weights_out, const float **bias_out, void *user)
{
    struct snnconv_assignment *a = user;
    struct problems problems = {.size = 0};
    const float *weights = NULL, *bias = NULL;
    const char *stem = wanted->layer;
    size_t index = 0, stem_size = strlen(stem);
    bool found = find_weights(a, wanted, &index, &stem, &stem_size);
    if (found)
        weights = hold(a, index, wanted->rank, wanted->dim, &problems);
    else
        miss(a, stem, stem_size, weight_suffix, &problems);
    bool no_bias = false;
    if (wanted->bias && (found || !a->by_order)) {
        if (find_tensor(a, stem, stem_size, bias_suffix, &index)) {
            bias = hold(a, index, 1, wanted->dim, &problems);
        } else {
            miss(a, stem, stem_size, bias_suffix, &problems);
            no_bias = true;
        }
    }
    if (problems.size == 0) {
        *weights_out = weights;
        if (wanted->bias) *bias_out = bias;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_FORMAT, "%s", problems.text);
    if (!found && !a->tensors->ordered)
        return snnbase_hint(context, "layers must be named as the tensors are: <layer>.weight");
    if (found && no_bias) return snnbase_hint(context, "a layer without one has \"bias\": false");
    return SNN_ERR_FORMAT;
}

struct snnmodel_tensor_source snnconv_assignment_source(struct snnconv_assignment *assignment)
{
    return (struct snnmodel_tensor_source){begin, fill, assignment};
}

void snnconv_assignment_warn(const struct snnconv_assignment *a, struct snn_context *context)
{
    size_t left = 0;
    for (size_t i = 0; i < a->tensors->count; i++) {
        if (a->used[i] || left++ >= LEFT_OVER_SHOWN) continue;
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                         "tensor '%s' of %s goes to no layer", a->tensors->items[i].name, a->file);
    }
    if (left > LEFT_OVER_SHOWN)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                         "%zu further tensors of %s go to no layer", left - LEFT_OVER_SHOWN,
                         a->file);
}

/* ---- The file ---- */

static int fail_unknown(struct snn_context *context, const struct snnconv_file *file)
{
    char text[TEXT_SIZE] = "accepted are ";
    for (size_t i = 0; snn_weight_reader_table[i] != NULL; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? ", " : "",
                       snn_weight_reader_table[i]->summary);
    }
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a file of weights that is known", file->path);
    return snnbase_hint(context, "%s", text);
}

int snnconv_weights_read(struct snnconv_tensors *out, struct snn_context *context,
                         const struct snnconv_file *file)
{
    const struct snnconv_reader *best = NULL;
    int best_score = 0;
    for (size_t i = 0; snn_weight_reader_table[i] != NULL; i++) {
        int score = snn_weight_reader_table[i]->probe(file->bytes, file->size);
        if (score <= best_score) continue;
        best = snn_weight_reader_table[i];
        best_score = score;
    }
    if (best == NULL) return fail_unknown(context, file);
    int status = best->read_weights(out, context, file);
    if (status != SNN_OK) return status;
    status = snnconv_tensors_check_names(out, context);
    return status == SNN_OK ? SNN_OK : snnbase_where(context, "%s", file->path);
}

static int set_source(struct snn_graph *graph, struct snn_context *context,
                      const struct snnconv_file *file, const char *base_name)
{
    char sha256[SNNBASE_SHA256_HEX_SIZE];
    struct snn_provenance provenance = *snn_graph_provenance(graph);
    snnbase_sha256_hex(file->bytes, file->size, sha256);
    provenance.source_file = base_name;
    provenance.source_sha256 = sha256;
    return snn_graph_set_provenance(graph, context, &provenance);
}

/* Tensors into a topology. */
static int assign(struct snn_graph **out, struct snn_context *context, const char *topology_path,
                  const struct snnconv_tensors *tensors, const char *file)
{
    struct snnconv_assignment assignment;
    int status = snnconv_assignment_init(&assignment, context, tensors, file);
    if (status != SNN_OK) return status;
    const struct snnmodel_tensor_source source = snnconv_assignment_source(&assignment);
    status = snnmodel_topology_load(out, context, topology_path, &source);
    if (status == SNN_OK) snnconv_assignment_warn(&assignment, context);
    snnconv_assignment_fini(&assignment, context);
    return status;
}

int snn_graph_load_weights(struct snn_graph **out, struct snn_context *context,
                           const char *topology_path, const char *weights_path)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    struct snn_graph *graph = NULL;
    struct snnconv_tensors tensors;
    const char *slash = strrchr(weights_path, '/');
    const char *base_name = slash != NULL ? slash + 1 : weights_path;
    snnconv_tensors_init(&tensors, context);
    int status = snnbase_file_read(context, weights_path, &bytes);
    const struct snnconv_file file = {weights_path, bytes.data, bytes.size};
    if (status == SNN_OK) status = snnconv_weights_read(&tensors, context, &file);
    if (status == SNN_OK) status = assign(&graph, context, topology_path, &tensors, base_name);
    if (status == SNN_OK) status = set_source(graph, context, &file, base_name);
    if (status == SNN_OK)
        *out = graph;
    else
        snn_graph_destroy(&graph);
    snnconv_tensors_fini(&tensors, context);
    snnbase_buffer_fini(context, &bytes);
    return status;
}
