/* The tensors of a layer, see keras.h.
 *
 * HDF5 files: a group for each layer, by its name, whose attribute weight_names lists the tensors
 * in the order of layer.weights (legacy_h5_format.py of Keras 3, hdf5_format.py of Keras 2). What
 * would not fit an attribute is cut into weight_names0, weight_names1, ... A model in a model has
 * one group for all its layers, told apart by the tensors' names.
 *
 * Archives: layers/<class>[_<n>]/vars/<i>, class in snake case, n counting the layers of that class
 * before in the order of the configuration, i in the order of layer.weights (saving_lib.py of Keras
 * 3, _save_container_state; Keras 2.12 and 2.13 say _layer_checkpoint_dependencies for layers).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/keras.h"
#include "libsnn/base/error.h"
#include "snn/status.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* An underscore before each capital that begins a word; of classes' names nothing else is left. */
void snnconv_keras_snake(char out[SNNCONV_KERAS_NAME_SIZE], const char *class_name)
{
    size_t used = 0;
    for (const char *c = class_name; *c != '\0' && used + 2 < SNNCONV_KERAS_NAME_SIZE; c++) {
        bool starts = c != class_name && is_upper(*c) && (is_lower(c[1]) || is_lower(c[-1]));
        if (starts) out[used++] = '_';
        out[used++] = is_upper(*c) ? (char)(*c - 'A' + 'a') : *c;
    }
    out[used] = '\0';
}

const struct snnconv_hdf5_item *snnconv_keras_archive_layers(const struct snnconv_hdf5_item *group)
{
    const struct snnconv_hdf5_item *layers = snnconv_hdf5_child(group, "layers");
    return layers != NULL ? layers : snnconv_hdf5_child(group, "_layer_checkpoint_dependencies");
}

/* The group of a layer in an archive. */
static const struct snnconv_hdf5_item *archive_group(const struct snnconv_keras_home *home,
                                                     const char *class_name, uint32_t same_class)
{
    char name[SNNCONV_KERAS_NAME_SIZE];
    snnconv_keras_snake(name, class_name);
    size_t length = strlen(name);
    if (same_class > 0)
        (void)snprintf(name + length, sizeof(name) - length, "_%" PRIu32, same_class);
    return snnconv_hdf5_child(home->weights, name);
}

static void take(struct snnconv_keras_layer *layer, const struct snnconv_hdf5_item *tensor)
{
    if (layer->weight_count < SNNCONV_KERAS_WEIGHTS_MAX)
        layer->weights[layer->weight_count] = tensor;
    if (layer->weight_count == 0) layer->offset = tensor->offset;
    layer->weight_count++;
}

static void take_vars(struct snnconv_keras_layer *layer, const struct snnconv_hdf5_item *group)
{
    const struct snnconv_hdf5_item *vars = snnconv_hdf5_child(group, "vars");
    char name[16];
    for (uint32_t i = 0; vars != NULL && i <= SNNCONV_KERAS_WEIGHTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%" PRIu32, i);
        const struct snnconv_hdf5_item *tensor = snnconv_hdf5_child(vars, name);
        if (tensor == NULL) break;
        take(layer, tensor);
    }
}

/* Whether the last but one part of a tensor's name is the layer's: "block/conv2d/kernel:0". */
static bool belongs(const char *tensor, const char *layer)
{
    const char *last = strrchr(tensor, '/');
    size_t length = strlen(layer);
    if (last == NULL || (size_t)(last - tensor) < length) return false;
    const char *part = last - length;
    return memcmp(part, layer, length) == 0 && (part == tensor || part[-1] == '/');
}

static int take_named(struct snnconv_keras_layer *layer, const struct snnconv_hdf5_item *group,
                      const struct snnconv_hdf5_item *names, bool joint)
{
    size_t count = names->text != NULL ? snnconv_array_count(&names->array) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = names->text[i];
        if (joint && !belongs(name, layer->name)) continue;
        const struct snnconv_hdf5_item *tensor = snnconv_hdf5_child(group, name);
        if (tensor == NULL)
            return snnbase_fail(layer->keras->context, SNN_ERR_FORMAT,
                                "tensor '%.100s' is named and not there", name);
        take(layer, tensor);
    }
    return SNN_OK;
}

static int take_listed(struct snnconv_keras_layer *layer, const struct snnconv_hdf5_item *group,
                       bool joint)
{
    const struct snnconv_hdf5_item *names = snnconv_hdf5_attribute(group, "weight_names");
    if (names != NULL) return take_named(layer, group, names, joint);
    for (uint32_t part = 0;; part++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "weight_names%" PRIu32, part);
        names = snnconv_hdf5_attribute(group, name);
        if (names == NULL) return SNN_OK;
        int status = take_named(layer, group, names, joint);
        if (status != SNN_OK) return status;
    }
}

int snnconv_keras_find_weights(struct snnconv_keras_layer *layer,
                               const struct snnconv_keras_home *home, uint32_t same_class)
{
    if (home->weights == NULL) return SNN_OK;
    if (layer->keras->archive) {
        take_vars(layer, archive_group(home, layer->class_name, same_class));
        return SNN_OK;
    }
    const struct snnconv_hdf5_item *group =
        home->joint ? home->weights : snnconv_hdf5_child(home->weights, layer->name);
    return group == NULL ? SNN_OK : take_listed(layer, group, home->joint);
}

struct snnconv_keras_home snnconv_keras_inner_home(const struct snnconv_keras *keras,
                                                   const struct snnconv_keras_home *outer,
                                                   const struct snnconv_keras_layer *layer,
                                                   uint32_t same_class)
{
    struct snnconv_keras_home home = {.weights = outer->weights, .joint = true};
    if (keras->archive && outer->weights != NULL)
        home.weights =
            snnconv_keras_archive_layers(archive_group(outer, layer->class_name, same_class));
    else if (!outer->joint && outer->weights != NULL)
        home.weights = snnconv_hdf5_child(outer->weights, layer->name);
    return home;
}

int snnconv_keras_want_weights(const struct snnconv_keras_layer *layer, uint32_t count,
                               uint32_t max)
{
    if (layer->weight_count >= count && layer->weight_count <= max) return SNN_OK;
    (void)snnbase_fail(layer->keras->context, SNN_ERR_FORMAT,
                       "%s: the file has %" PRIu32 " of its tensors, %" PRIu32 " are wanted",
                       layer->class_name, layer->weight_count, count);
    return snnbase_hint(layer->keras->context, "save the whole model: model.save(\"model.h5\")");
}

static int check_tensor(const struct snnconv_keras_layer *layer,
                        const struct snnconv_hdf5_item *tensor, const char *role, uint32_t rank)
{
    enum snnconv_type type = tensor->array.type;
    struct snn_context *context = layer->keras->context;
    char shape[SNNCONV_ARRAY_TEXT_SIZE];
    if (tensor->array.data == NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: its %s is no array of numbers",
                            layer->class_name, role);
    if (type != SNNCONV_TYPE_F32 && type != SNNCONV_TYPE_F64 && type != SNNCONV_TYPE_F16)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: its %s is of %s, not of floats",
                            layer->class_name, role, snnconv_type_name(type));
    if (tensor->array.rank == rank) return SNN_OK;
    snnconv_array_format(shape, &tensor->array);
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "%s: its %s is of shape %s, wanted are %" PRIu32 " axes", layer->class_name,
                        role, shape, rank);
}

/* Axis i of `to` is axis perm[i] of `from`. */
static void permute(float *to, const struct snnconv_array *shape, const struct snnconv_array *from,
                    const uint32_t *perm)
{
    size_t stride[SNNCONV_RANK_MAX], step[SNNCONV_RANK_MAX], offset = 0;
    int64_t index[SNNCONV_RANK_MAX] = {0};
    size_t count = snnconv_array_count(shape);
    for (uint32_t i = from->rank; i-- > 0;)
        stride[i] = i + 1 == from->rank ? 1 : stride[i + 1] * (size_t)from->dim[i + 1];
    for (uint32_t i = 0; i < from->rank; i++)
        step[i] = stride[perm[i]];
    for (size_t k = 0; k < count; k++) {
        to[k] = (float)snnconv_array_load(from, offset);
        for (uint32_t i = from->rank; i-- > 0;) {
            offset += step[i];
            if (++index[i] < shape->dim[i]) break;
            offset -= step[i] * (size_t)shape->dim[i];
            index[i] = 0;
        }
    }
}

/* Theano convolves where the others correlate: its kernels are mirrored. */
static void mirror(float *kernels, const struct snnconv_array *shape)
{
    size_t size = (size_t)shape->dim[2] * (size_t)shape->dim[3];
    size_t count = snnconv_array_count(shape);
    for (size_t at = 0; size > 0 && at < count; at += size) {
        for (size_t i = 0; i < size / 2; i++) {
            float value = kernels[at + i];
            kernels[at + i] = kernels[at + size - 1 - i];
            kernels[at + size - 1 - i] = value;
        }
    }
}

int snnconv_keras_constant(struct snnconv_keras_layer *layer, uint32_t index, const char *role,
                           uint32_t rank, const uint32_t *perm, uint32_t *out)
{
    static const uint32_t plain[SNNCONV_RANK_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct snnconv_keras *keras = layer->keras;
    char name[SNNCONV_KERAS_NAME_SIZE + 32];
    if (layer->constants[index] != SNNCONV_NONE) {
        *out = layer->constants[index];
        return SNN_OK;
    }
    const struct snnconv_hdf5_item *tensor = layer->weights[index];
    int status = check_tensor(layer, tensor, role, rank);
    if (status != SNN_OK) return status;
    if (perm == NULL) perm = plain;
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = rank};
    for (uint32_t i = 0; i < rank; i++)
        array.dim[i] = tensor->array.dim[perm[i]];
    status = snnconv_array_check(keras->context, &array);
    if (status != SNN_OK) return status;
    float *data = snnconv_array_alloc(&array, keras->context, &keras->program->arena);
    if (data == NULL) return SNN_ERR_NOMEM;
    permute(data, &array, &tensor->array, perm);
    if (keras->flipped && rank == 4 && strcmp(role, "kernel") == 0) mirror(data, &array);
    (void)snprintf(name, sizeof(name), "%s/%s", layer->path, role);
    status = snnconv_program_add_value(keras->program, keras->context, name, &array, out);
    if (status == SNN_OK) layer->constants[index] = *out;
    return status;
}
