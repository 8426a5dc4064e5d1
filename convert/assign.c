/* Named tensors to the layers of a topology, see assign.h.
 *
 * Invariant: a layer gets only tensors whose shapes are exactly those that the topology asks for;
 * everything that does not fit is reported in one run. The tensors themselves are never changed.
 */
#include "convert/assign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"

enum { LEFT_OVER_SHOWN = 20, NORMS_SHOWN = 8, TEXT_SIZE = 1024 };

static const char weight_suffix[] = ".weight", bias_suffix[] = ".bias", parallel[] = "module.";
static const char mean_suffix[] = ".running_mean", variance_suffix[] = ".running_var";
static const char batches_suffix[] = ".num_batches_tracked"; /* of no use after training */

/* ---- Names ---- */

/* What stands before a suffix. */
struct stem {
    const char *text;
    size_t size;
};

/* A stem in a message. */
#define STEM_SHOWN(stem) ((int)((stem).size < 255 ? (stem).size : 255)), (stem).text

static struct stem stem_of_text(const char *text)
{
    return (struct stem){text, strlen(text)};
}

/* A tensor's name without what stands before all names. */
static const char *name_of(const struct snnconv_assignment *a, size_t index)
{
    return a->tensors->items[index].name + a->prefix;
}

/* Takes a suffix off a name; false if it has another. */
static bool take_stem(const char *name, const char *suffix, struct stem *out)
{
    size_t length = strlen(name), suffix_length = strlen(suffix);
    if (length < suffix_length || strcmp(name + length - suffix_length, suffix) != 0) return false;
    *out = (struct stem){name, length - suffix_length};
    return true;
}

/* How `name` compares with `stem` followed by `suffix`. */
static int order_of(const char *name, struct stem stem, const char *suffix)
{
    int order = strncmp(name, stem.text, stem.size);
    return order != 0 ? order : strcmp(name + stem.size, suffix);
}

/* Among the tensors, sorted by name; false if there is none. */
static bool find_tensor(const struct snnconv_assignment *a, struct stem stem, const char *suffix,
                        size_t *out)
{
    size_t low = 0, high = a->tensors->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = order_of(name_of(a, a->sorted[middle]), stem, suffix);
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

static bool has_tensor(const struct snnconv_assignment *a, struct stem stem, const char *suffix)
{
    size_t index = 0;
    return find_tensor(a, stem, suffix, &index);
}

/* The batch normalisation that a tensor belongs to; false if it is none's. */
static bool norm_of(const struct snnconv_assignment *a, size_t index, struct stem *out)
{
    static const char *const suffixes[] = {weight_suffix, bias_suffix, mean_suffix, variance_suffix,
                                           batches_suffix};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (take_stem(name_of(a, index), suffixes[i], out))
            return a->tensors->items[index].rank <= 1 && has_tensor(a, *out, mean_suffix);
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

/* What all names begin with and no layer's does. */
static size_t common_prefix(const struct snnconv_tensors *tensors)
{
    for (size_t i = 0; i < tensors->count; i++) {
        if (strncmp(tensors->items[i].name, parallel, strlen(parallel)) != 0) return 0;
    }
    return tensors->count > 0 ? strlen(parallel) : 0;
}

/* Tells the weights of layers from those of batch normalisations. */
static void list_groups(struct snnconv_assignment *a)
{
    struct stem stem;
    for (size_t i = 0; i < a->tensors->count; i++) {
        if (take_stem(name_of(a, i), mean_suffix, &stem))
            a->norms[a->norm_count++] = i;
        else if (take_stem(name_of(a, i), weight_suffix, &stem) && !norm_of(a, i, &stem))
            a->weights[a->weight_count++] = i;
    }
}

int snnconv_assignment_init(struct snnconv_assignment *out, struct snn_context *context,
                            const struct snnconv_tensors *tensors, const char *file)
{
    struct snnconv_assignment a = {
        .tensors = tensors, .file = file, .prefix = common_prefix(tensors)};
    a.sorted = snnbase_alloc(context, tensors->count, sizeof(*a.sorted));
    a.weights = snnbase_alloc(context, tensors->count, sizeof(*a.weights));
    a.norms = snnbase_alloc(context, tensors->count, sizeof(*a.norms));
    a.used = snnbase_alloc(context, tensors->count, sizeof(*a.used));
    bool there = a.sorted != NULL && a.weights != NULL && a.norms != NULL && a.used != NULL;
    int status = there ? sort_names(&a, context) : SNN_ERR_NOMEM;
    if (status != SNN_OK) {
        snnconv_assignment_fini(&a, context);
        return status;
    }
    list_groups(&a);
    *out = a;
    return SNN_OK;
}

void snnconv_assignment_fini(struct snnconv_assignment *a, struct snn_context *context)
{
    snnbase_free(context, a->sorted);
    snnbase_free(context, a->weights);
    snnbase_free(context, a->norms);
    snnbase_free(context, a->used);
    snnbase_free(context, a->folded);
    *a = (struct snnconv_assignment){.tensors = NULL};
}

/* ---- Names or order ---- */

/* "bn1, bn2, bn3, ...": what a topology may name. */
static void list_norms(const struct snnconv_assignment *a, char text[TEXT_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < a->norm_count && i <= NORMS_SHOWN; i++) {
        struct stem stem = {"...", 3};
        if (i < NORMS_SHOWN) (void)take_stem(name_of(a, a->norms[i]), mean_suffix, &stem);
        int length = snprintf(text + used, TEXT_SIZE - used, "%s%.*s", i > 0 ? ", " : "",
                              (int)(stem.size < 100 ? stem.size : 100), stem.text);
        if (length > 0) used += (size_t)length;
    }
}

/* An order that leaves some out would give a layer the batch normalisation of another. */
static int begin_norms(struct snnconv_assignment *a, struct snn_context *context, size_t wanted)
{
    char norms[TEXT_SIZE];
    a->norms_by_order = a->by_order && a->norm_count == wanted;
    if (a->norms_by_order || !a->by_order || a->norm_count == 0) return SNN_OK;
    list_norms(a, norms);
    snnbase_fail(context, SNN_ERR_FORMAT,
                 "%zu layers have a \"batch_norm\", %s has %zu, none by a name that is given",
                 wanted, a->file, a->norm_count);
    return snnbase_hint(context, "give their names, which are %s", norms);
}

/* Decides between names and order. */
static int begin(struct snn_context *context, const struct snnmodel_named *layers, uint32_t count,
                 void *user)
{
    struct snnconv_assignment *a = user;
    size_t layers_found = 0, norms_found = 0, norms = 0;
    for (uint32_t i = 0; i < count; i++) {
        layers_found += has_tensor(a, stem_of_text(layers[i].layer), weight_suffix) ? 1 : 0;
        if (layers[i].batch_norm == NULL) continue;
        norms++;
        norms_found += has_tensor(a, stem_of_text(layers[i].batch_norm), mean_suffix) ? 1 : 0;
    }
    if (layers_found > 0) return SNN_OK;
    /* An order that says nothing would give layers of one shape each other's weights. */
    a->by_order = a->tensors->ordered && a->weight_count > 0;
    if (a->by_order)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "no tensor of %s has the name of a layer: they are taken in order",
                         a->file);
    return norms > 0 && norms_found == 0 ? begin_norms(a, context, norms) : SNN_OK;
}

/* ---- One layer ---- */

/* A layer that asks, what it is answered, and what is wrong with that. */
struct answer {
    struct snnconv_assignment *assignment;
    const struct snnmodel_wanted *wanted;
    const float *weights;
    const float *bias;   /* NULL: none */
    const float *gain;   /* of the batch normalisation, as are these; NULL: 1 */
    const float *offset; /* NULL: 0 */
    const float *mean;
    const float *variance; /* NULL: no batch normalisation */
    const char *hint;      /* NULL: none */
    char problems[TEXT_SIZE];
    size_t size; /* of the problems */
};

static void add_problem(struct answer *answer, const char *text)
{
    int length = snprintf(answer->problems + answer->size, TEXT_SIZE - answer->size, "%s%s",
                          answer->size > 0 ? "; " : "", text);
    if (length > 0) answer->size += (size_t)length;
    if (answer->size >= TEXT_SIZE) answer->size = TEXT_SIZE - 1;
}

/* The values of a tensor if it has the shape wanted; else NULL and one problem more. */
static const float *hold(struct answer *answer, size_t index, uint32_t rank)
{
    struct snnconv_assignment *a = answer->assignment;
    const struct snnconv_tensor *tensor = &a->tensors->items[index];
    uint64_t wanted[SNNCONV_TENSOR_RANK_MAX] = {0};
    bool same = tensor->rank == rank;
    for (uint32_t i = 0; i < rank; i++) {
        wanted[i] = answer->wanted->dim[i];
        same = same && tensor->dim[i] == wanted[i];
    }
    a->used[index] = true;
    if (same) return tensor->values;
    char text[TEXT_SIZE], has[SNNCONV_SHAPE_TEXT_SIZE], wants[SNNCONV_SHAPE_TEXT_SIZE];
    snnconv_shape_format(has, tensor->rank, tensor->dim);
    snnconv_shape_format(wants, rank, wanted);
    (void)snprintf(text, sizeof(text), "tensor '%s' of %s is %s, %s expected", tensor->name,
                   a->file, has, wants);
    add_problem(answer, text);
    return NULL;
}

static void miss(struct answer *answer, struct stem stem, const char *suffix)
{
    char text[TEXT_SIZE / 2];
    (void)snprintf(text, sizeof(text), "no tensor '%.*s%s' in %s", STEM_SHOWN(stem), suffix,
                   answer->assignment->file);
    add_problem(answer, text);
}

/* One value for each output, under the name of `stem`; NULL and one problem more if there is none.
 */
static const float *require(struct answer *answer, struct stem stem, const char *suffix)
{
    size_t index = 0;
    if (find_tensor(answer->assignment, stem, suffix, &index)) return hold(answer, index, 1);
    miss(answer, stem, suffix);
    return NULL;
}

/* Finds the weights of a layer, and the stem of their name. */
static bool find_weights(const struct snnconv_assignment *a, const struct snnmodel_wanted *wanted,
                         size_t *index_out, struct stem *stem_out)
{
    *stem_out = stem_of_text(wanted->name.layer);
    if (!a->by_order) return find_tensor(a, *stem_out, weight_suffix, index_out);
    if (wanted->index >= a->weight_count) return false;
    *index_out = a->weights[wanted->index];
    return take_stem(name_of(a, *index_out), weight_suffix, stem_out);
}

static void find_layer(struct answer *answer)
{
    struct snnconv_assignment *a = answer->assignment;
    size_t index = 0;
    struct stem stem;
    bool found = find_weights(a, answer->wanted, &index, &stem);
    if (found)
        answer->weights = hold(answer, index, answer->wanted->rank);
    else
        miss(answer, stem, weight_suffix);
    if (!found && !a->tensors->ordered)
        answer->hint = "layers must be named as the tensors are: <layer>.weight";
    if (!answer->wanted->bias || (!found && a->by_order)) return;
    if (found && !has_tensor(a, stem, bias_suffix))
        answer->hint = "a layer without one has \"bias\": false";
    answer->bias = require(answer, stem, bias_suffix);
}

/* ---- Batch normalisation ---- */

/* Which of the file's it is: the one that is named, or the one whose turn it is. */
static struct stem find_stem(const struct answer *answer)
{
    const struct snnconv_assignment *a = answer->assignment;
    struct stem stem = stem_of_text(answer->wanted->name.batch_norm);
    if (a->norms_by_order && answer->wanted->norm_index < a->norm_count)
        (void)take_stem(name_of(a, a->norms[answer->wanted->norm_index]), mean_suffix, &stem);
    return stem;
}

/* The hint of a batch normalisation without means and variances. `text` holds it. */
static void explain_absence(struct answer *answer, struct stem stem, char text[TEXT_SIZE])
{
    const struct snnconv_assignment *a = answer->assignment;
    char norms[TEXT_SIZE];
    answer->hint = text;
    list_norms(a, norms);
    if (has_tensor(a, stem, weight_suffix) || has_tensor(a, stem, bias_suffix))
        (void)snprintf(text, TEXT_SIZE,
                       "without running statistics (track_running_stats=False) nothing is there "
                       "to fold");
    else if (a->norm_count == 0)
        (void)snprintf(text, TEXT_SIZE, "no name of %s ends in %s", a->file, mean_suffix);
    else
        (void)snprintf(text, TEXT_SIZE, "%s has the batch normalisations %.900s", a->file, norms);
}

/* Gain and offset are both there, or with affine=False neither. */
static void find_norm(struct answer *answer, char hint[TEXT_SIZE])
{
    struct snnconv_assignment *a = answer->assignment;
    struct stem stem = find_stem(answer);
    bool is_there = has_tensor(a, stem, mean_suffix) || has_tensor(a, stem, variance_suffix);
    bool is_affine = has_tensor(a, stem, weight_suffix) || has_tensor(a, stem, bias_suffix);
    if (!is_there) explain_absence(answer, stem, hint);
    answer->mean = require(answer, stem, mean_suffix);
    answer->variance = require(answer, stem, variance_suffix);
    if (is_affine) {
        answer->gain = require(answer, stem, weight_suffix);
        answer->offset = require(answer, stem, bias_suffix);
    }
    for (uint32_t i = 0; answer->variance != NULL && i < answer->wanted->dim[0]; i++) {
        double sum = (double)answer->variance[i] + answer->wanted->epsilon;
        if (sum > 0.0 && isfinite(sum)) continue;
        char text[TEXT_SIZE / 2];
        (void)snprintf(text, sizeof(text), "tensor '%.*s%s' of %s: element %u is %g",
                       STEM_SHOWN(stem), variance_suffix, a->file, i, (double)answer->variance[i]);
        add_problem(answer, text);
        return;
    }
}

/* (w x + b - mean) gain / sqrt(variance + epsilon) + offset as a layer again: in double, each value
 * rounded once. */
static int fold(struct answer *answer, struct snn_context *context)
{
    struct snnconv_assignment *a = answer->assignment;
    const struct snnmodel_wanted *wanted = answer->wanted;
    size_t outputs = wanted->dim[0], each = 1, at = 0;
    for (uint32_t i = 1; i < wanted->rank; i++)
        each *= wanted->dim[i]; /* exact: the tensor is there */
    int status = snnbase_grow(context, (void **)&a->folded, &a->folded_capacity,
                              outputs * each + outputs, sizeof(*a->folded));
    if (status != SNN_OK) return status;
    float *bias = a->folded + outputs * each;
    for (size_t o = 0; o < outputs; o++) {
        double gain = answer->gain != NULL ? (double)answer->gain[o] : 1.0;
        double offset = answer->offset != NULL ? (double)answer->offset[o] : 0.0;
        double before = answer->bias != NULL ? (double)answer->bias[o] : 0.0;
        double scale = gain / sqrt((double)answer->variance[o] + wanted->epsilon);
        for (size_t i = 0; i < each; i++, at++)
            a->folded[at] = (float)((double)answer->weights[at] * scale);
        bias[o] = (float)((before - (double)answer->mean[o]) * scale + offset);
    }
    answer->weights = a->folded;
    answer->bias = bias;
    return SNN_OK;
}

static int fill(struct snn_context *context, const struct snnmodel_wanted *wanted,
                const float **weights_out, const float **bias_out, void *user)
{
    struct answer answer = {.assignment = user, .wanted = wanted};
    char hint[TEXT_SIZE];
    int status = SNN_OK;
    find_layer(&answer);
    if (wanted->name.batch_norm != NULL) find_norm(&answer, hint);
    if (answer.size > 0) {
        snnbase_fail(context, SNN_ERR_FORMAT, "%s", answer.problems);
        return answer.hint != NULL ? snnbase_hint(context, "%s", answer.hint) : SNN_ERR_FORMAT;
    }
    if (wanted->name.batch_norm != NULL) status = fold(&answer, context);
    if (status != SNN_OK) return status;
    if (wanted->name.batch_norm != NULL && answer.gain == NULL)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, wanted->name.layer, NULL,
                         "its batch normalisation has neither weight nor bias (affine=False)");
    *weights_out = answer.weights;
    if (answer.bias != NULL) *bias_out = answer.bias;
    return SNN_OK;
}

struct snnmodel_tensor_source snnconv_assignment_source(struct snnconv_assignment *assignment)
{
    return (struct snnmodel_tensor_source){begin, fill, assignment};
}

/* ---- What is left ---- */

static void warn_of_norm(const struct snnconv_assignment *a, struct snn_context *context,
                         struct stem stem)
{
    char hint[TEXT_SIZE];
    (void)snprintf(hint, sizeof(hint),
                   "the layer before it names it in the topology: \"batch_norm\": \"%.*s\"",
                   STEM_SHOWN(stem));
    snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, hint,
                     "batch normalisation '%.*s' of %s goes to no layer", STEM_SHOWN(stem),
                     a->file);
}

void snnconv_assignment_warn(const struct snnconv_assignment *a, struct snn_context *context)
{
    size_t left = 0;
    for (size_t i = 0; i < a->tensors->count; i++) {
        struct stem stem, norm;
        bool is_mean = take_stem(name_of(a, i), mean_suffix, &stem);
        /* A batch normalisation is one thing and stands where its means do. */
        if (a->used[i] || (!is_mean && norm_of(a, i, &norm)) || left++ >= LEFT_OVER_SHOWN) continue;
        if (is_mean)
            warn_of_norm(a, context, stem);
        else
            snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                             "tensor '%s' of %s goes to no layer", a->tensors->items[i].name,
                             a->file);
    }
    if (left > LEFT_OVER_SHOWN)
        snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL,
                         "%zu further tensors of %s go to no layer", left - LEFT_OVER_SHOWN,
                         a->file);
}
