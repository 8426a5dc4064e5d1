/* NIR (.nir): an HDF5 file whose group `node` is a graph of neuromorphic primitives -> a program.
 *
 * Nodes become operators one to one, in the order that the edges ask for; several edges into a node
 * are a sum. NIR has no batch axis and its neurons live in continuous time: here a step adds what
 * arrives, so only neurons without leak can be taken. Everything that has no place in a program is
 * reported in one run.
 * Source: NIR, https://neuroir.org/docs/ (node types, layout of the file); Pedersen et al.,
 * "Neuromorphic intermediate representation", Nature Communications 15 (2024).
 */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/hdf5.h"
#include "convert/read/model.h"
#include "convert/read/nir.h"
#include "convert/read/problems.h"
#include "libsnn/base/error.h"

#if SNNCONV_HDF5
#define MISSING NULL
#else
#define MISSING "libhdf5-dev"
#endif

/* ---- Parameters ---- */

/* A numeric dataset of a node. Errors: FORMAT. */
static int find_array(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                      const char *name, const struct snnconv_array **out)
{
    const struct snnconv_hdf5_item *item = snnconv_hdf5_child(node->item, name);
    if (item == NULL || item->array.data == NULL)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT, "%s: parameter '%s' is %s", node->type,
                            name, item == NULL ? "missing" : "not an array of numbers");
    *out = &item->array;
    return SNN_OK;
}

/* Element `index` of a parameter that counts something. */
static int load_whole(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                      const char *name, const struct snnconv_array *array, size_t index,
                      int64_t *out)
{
    *out = snnconv_array_load_integer(array, index);
    double value = snnconv_array_load(array, index);
    if (!snnconv_type_is_float(array->type) || (double)*out == value) return SNN_OK;
    return snnbase_fail(nir->context, SNN_ERR_FORMAT, "%s: '%s' holds %g, not a whole number",
                        node->type, name, value);
}

/* One or two whole numbers, the first standing for both. */
static int find_pair(struct snnconv_nir *nir, const struct snnconv_nir_node *node, const char *name,
                     int64_t pair[2])
{
    const struct snnconv_array *array = NULL;
    int status = find_array(nir, node, name, &array);
    if (status != SNN_OK) return status;
    size_t count = snnconv_array_count(array);
    if (count < 1 || count > 2)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT, "%s: '%s' has %zu values, not 1 or 2",
                            node->type, name, count);
    status = load_whole(nir, node, name, array, 0, &pair[0]);
    return status == SNN_OK ? load_whole(nir, node, name, array, count - 1, &pair[1]) : status;
}

static int find_integer(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                        const char *name, int64_t missing, int64_t *out)
{
    const struct snnconv_array *array = NULL;
    *out = missing;
    if (snnconv_hdf5_child(node->item, name) == NULL) return SNN_OK;
    int status = find_array(nir, node, name, &array);
    if (status != SNN_OK) return status;
    if (snnconv_array_count(array) != 1)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT, "%s: '%s' is not one number", node->type,
                            name);
    return load_whole(nir, node, name, array, 0, out);
}

/* A parameter as a float32 constant of the program. `shape` NULL: as in the file. */
static int add_constant(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                        const char *name, const struct snnconv_array *array, uint32_t *out)
{
    char full[256];
    struct snnconv_array copy = *array;
    copy.type = SNNCONV_TYPE_F32;
    int status = snnconv_array_check(nir->context, &copy);
    if (status != SNN_OK) return status;
    float *values = snnconv_array_alloc(&copy, nir->context, &nir->program->arena);
    if (values == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < snnconv_array_count(array); i++)
        values[i] = (float)snnconv_array_load(array, i);
    (void)snprintf(full, sizeof(full), "%.200s.%s", node->name, name);
    return snnconv_program_add_value(nir->program, nir->context, full, &copy, out);
}

static int add_parameter(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                         const char *name, uint32_t *out)
{
    const struct snnconv_array *array = NULL;
    int status = find_array(nir, node, name, &array);
    return status == SNN_OK ? add_constant(nir, node, name, array, out) : status;
}

/* ---- Operators ---- */

static int add_op(struct snnconv_nir *nir, const struct snnconv_nir_node *node, enum snnconv_op op,
                  const struct snnconv_attributes *attributes, const uint32_t *inputs,
                  uint32_t count, uint32_t *out)
{
    return snnconv_program_add_op(nir->program, nir->context, op, node->name, node->item->offset,
                                  attributes, inputs, count, out);
}

static int read_padding(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                        struct snnconv_attributes *a)
{
    const struct snnconv_hdf5_item *item = snnconv_hdf5_child(node->item, "padding");
    const char *text = item != NULL ? snnconv_hdf5_text(item) : NULL;
    if (text == NULL) {
        int status = find_pair(nir, node, "padding", a->pad_begin);
        memcpy(a->pad_end, a->pad_begin, sizeof(a->pad_end));
        return status;
    }
    if (strcmp(text, "valid") == 0) return SNN_OK;
    if (strcmp(text, "same") != 0)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT, "%s: padding '%.32s' is unknown",
                            node->type, text);
    /* As PyTorch, where "same" goes with stride 1 only: the odd one goes to the end. */
    a->auto_pad = SNNCONV_AUTO_PAD_SAME_UPPER;
    return SNN_OK;
}

static int take_conv2d(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                       uint32_t *out)
{
    struct snnconv_attributes a;
    const struct snnconv_array *weight = NULL;
    uint32_t inputs[3] = {input, SNNCONV_NONE, SNNCONV_NONE};
    snnconv_attributes_init(&a, SNNCONV_OP_CONV);
    a.spatial = 2;
    int status = find_array(nir, node, "weight", &weight);
    if (status == SNN_OK && weight->rank != 4)
        status =
            snnbase_fail(nir->context, SNN_ERR_FORMAT,
                         "Conv2d: weight has rank %u, not [out, in / groups, y, x]", weight->rank);
    if (status == SNN_OK) {
        a.kernel[0] = weight->dim[2];
        a.kernel[1] = weight->dim[3];
        status = find_pair(nir, node, "stride", a.stride);
    }
    if (status == SNN_OK) status = find_pair(nir, node, "dilation", a.dilation);
    if (status == SNN_OK) status = read_padding(nir, node, &a);
    if (status == SNN_OK) status = find_integer(nir, node, "groups", 1, &a.group);
    if (status == SNN_OK) status = add_constant(nir, node, "weight", weight, &inputs[1]);
    if (status == SNN_OK && snnconv_hdf5_child(node->item, "bias") != NULL)
        status = add_parameter(nir, node, "bias", &inputs[2]);
    return status == SNN_OK ? add_op(nir, node, SNNCONV_OP_CONV, &a, inputs, 3, out) : status;
}

/* Affine and Linear: weight [out, in]. */
static int take_affine(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                       uint32_t *out)
{
    struct snnconv_attributes a;
    uint32_t inputs[3] = {input, SNNCONV_NONE, SNNCONV_NONE};
    snnconv_attributes_init(&a, SNNCONV_OP_GEMM);
    a.trans_b = true;
    int status = add_parameter(nir, node, "weight", &inputs[1]);
    if (status == SNN_OK && strcmp(node->type, "Affine") == 0)
        status = add_parameter(nir, node, "bias", &inputs[2]);
    return status == SNN_OK ? add_op(nir, node, SNNCONV_OP_GEMM, &a, inputs, 3, out) : status;
}

static int take_scale(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                      uint32_t *out)
{
    struct snnconv_attributes a;
    uint32_t inputs[2] = {input, SNNCONV_NONE};
    snnconv_attributes_init(&a, SNNCONV_OP_MUL);
    int status = add_parameter(nir, node, "scale", &inputs[1]);
    return status == SNN_OK ? add_op(nir, node, SNNCONV_OP_MUL, &a, inputs, 2, out) : status;
}

static int take_pool(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                     uint32_t *out)
{
    bool sum = strcmp(node->type, "SumPool2d") == 0;
    enum snnconv_op op = sum ? SNNCONV_OP_SUM_POOL : SNNCONV_OP_AVERAGE_POOL;
    struct snnconv_attributes a;
    snnconv_attributes_init(&a, op);
    a.spatial = 2;
    a.count_include_pad = true;
    int status = find_pair(nir, node, "kernel_size", a.kernel);
    if (status == SNN_OK) status = find_pair(nir, node, "stride", a.stride);
    if (status == SNN_OK) status = read_padding(nir, node, &a);
    return status == SNN_OK ? add_op(nir, node, op, &a, &input, 1, out) : status;
}

/* Only of all axes: what comes out is a vector. */
static int take_flatten(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                        uint32_t input, uint32_t *out)
{
    struct snnconv_attributes a;
    int64_t start = 0, end = -1;
    const struct snnconv_array *type = NULL;
    snnconv_attributes_init(&a, SNNCONV_OP_FLATTEN);
    a.axis = 1;
    int status = find_integer(nir, node, "start_dim", 0, &start);
    if (status == SNN_OK) status = find_integer(nir, node, "end_dim", -1, &end);
    if (status != SNN_OK) return status;
    int64_t rank = 0;
    if (snnconv_hdf5_child(node->item, "input_type") != NULL) {
        status = find_array(nir, node, "input_type", &type);
        if (status != SNN_OK) return status;
        rank = (int64_t)snnconv_array_count(type);
    }
    if (start != 0 || (end != -1 && end != rank - 1))
        return snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED,
                            "Flatten: axes %lld to %lld; only all axes can be flattened",
                            (long long)start, (long long)end);
    return add_op(nir, node, SNNCONV_OP_FLATTEN, &a, &input, 1, out);
}

/* ---- Neurons ---- */

/* IF: v' = r I, so a step adds r times what arrives; v = r u, where u integrates what arrives and
 * all potentials are divided by r. */

static int check_resistance(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                            const struct snnconv_array *r)
{
    for (size_t i = 0; i < snnconv_array_count(r); i++) {
        double value = snnconv_array_load(r, i);
        if (!(value > 0.0))
            return snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED,
                                "%s: r[%zu] = %g is not positive", node->type, i, value);
    }
    return SNN_OK;
}

/* A potential divided by r, each broadcast to the other. */
static int add_potential(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                         const char *name, const struct snnconv_array *array, uint32_t *out)
{
    const struct snnconv_array *r = NULL;
    struct snnconv_attributes a;
    uint32_t inputs[2] = {SNNCONV_NONE, SNNCONV_NONE};
    snnconv_attributes_init(&a, SNNCONV_OP_DIV);
    if (snnconv_hdf5_child(node->item, "r") == NULL)
        return add_constant(nir, node, name, array, out);
    int status = find_array(nir, node, "r", &r);
    if (status == SNN_OK) status = check_resistance(nir, node, r);
    if (status == SNN_OK) status = add_constant(nir, node, name, array, &inputs[0]);
    if (status == SNN_OK) status = add_constant(nir, node, "r", r, &inputs[1]);
    return status == SNN_OK ? add_op(nir, node, SNNCONV_OP_DIV, &a, inputs, 2, out) : status;
}

/* "zero" or "subtract" of our own metadata; else a v_reset, which must be 0, means reset to zero;
 * without one the caller's option decides. */
static int read_reset(struct snnconv_nir *nir, const struct snnconv_nir_node *node, bool *zero_out)
{
    const struct snnconv_hdf5_item *own = snnconv_hdf5_child(node->item, "metadata/reset");
    const char *text = own != NULL ? snnconv_hdf5_text(own) : NULL;
    const struct snnconv_array *reset = NULL;
    *zero_out = nir->options->nir_reset == SNN_RESET_ZERO;
    if (text != NULL) *zero_out = strcmp(text, "zero") == 0;
    if (text != NULL && !*zero_out && strcmp(text, "subtract") != 0)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT,
                            "%s: metadata/reset '%.32s' is neither 'zero' nor 'subtract'",
                            node->type, text);
    if (text != NULL || snnconv_hdf5_child(node->item, "v_reset") == NULL) return SNN_OK;
    int status = find_array(nir, node, "v_reset", &reset);
    for (size_t i = 0; status == SNN_OK && i < snnconv_array_count(reset); i++) {
        double value = snnconv_array_load(reset, i);
        if (value != 0.0)
            status = snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED,
                                  "%s: v_reset[%zu] = %g; only a reset to 0 can be run", node->type,
                                  i, value);
    }
    *zero_out = true;
    return status;
}

/* An optional potential from our metadata; without it the value that NIR means. */
static int add_initial(struct snnconv_nir *nir, const struct snnconv_nir_node *node,
                       const char *name, float meant, uint32_t *out)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "metadata/%s", name);
    const struct snnconv_hdf5_item *own = snnconv_hdf5_child(node->item, path);
    const struct snnconv_array scalar = {.type = SNNCONV_TYPE_F32, .data = &meant};
    if (own != NULL && own->array.data != NULL)
        return add_potential(nir, node, name, &own->array, out);
    return add_constant(nir, node, name, &scalar, out);
}

static int take_if(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                   uint32_t *out)
{
    struct snnconv_attributes a;
    const struct snnconv_array *threshold = NULL;
    uint32_t inputs[4] = {input, SNNCONV_NONE, SNNCONV_NONE, SNNCONV_NONE};
    snnconv_attributes_init(&a, SNNCONV_OP_IF);
    int status = find_array(nir, node, "v_threshold", &threshold);
    if (status == SNN_OK) status = add_potential(nir, node, "v_threshold", threshold, &inputs[1]);
    if (status == SNN_OK) status = read_reset(nir, node, &a.reset_zero);
    if (status == SNN_OK) status = add_initial(nir, node, "v_init", 0.0f, &inputs[2]);
    if (status == SNN_OK) status = add_initial(nir, node, "v_min", -FLT_MAX, &inputs[3]);
    return status == SNN_OK ? add_op(nir, node, SNNCONV_OP_IF, &a, inputs, 4, out) : status;
}

static int take_input(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                      uint32_t *out)
{
    const struct snnconv_array *shape = NULL;
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = 1, .dim = {1}};
    (void)input;
    int status = find_array(nir, node, "shape", &shape);
    if (status != SNN_OK) return status;
    size_t rank = snnconv_array_count(shape);
    if (rank != 1 && rank != 3)
        return snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED,
                            "Input: shape of rank %zu; features, or channels x height x width",
                            rank);
    for (size_t i = 0; i < rank && status == SNN_OK; i++)
        status = load_whole(nir, node, "shape", shape, i, &array.dim[array.rank++]);
    if (status == SNN_OK) status = snnconv_array_check(nir->context, &array);
    if (status == SNN_OK)
        status = snnconv_program_add_value(nir->program, nir->context, node->name, &array, out);
    return status == SNN_OK ? snnconv_program_set_inputs(nir->program, nir->context, out, 1)
                            : status;
}

static int take_output(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                       uint32_t *out)
{
    (void)node;
    *out = input;
    return snnconv_program_set_outputs(nir->program, nir->context, &input, 1);
}

/* ---- The table of node types ---- */

struct node_type {
    const char *name;
    const char *becomes; /* NULL: refused, with a hint */
    const char *hint;
    int (*take)(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                uint32_t *out);
};

static const char leak_hint[] = "neurons leak; only IF can be run";

static const struct node_type types[] = {
    {"Affine", "dense layer with bias", NULL, take_affine},
    {"AvgPool2d", "average pooling", NULL, take_pool},
    {"Conv2d", "convolution", NULL, take_conv2d},
    {"CubaLI", NULL, leak_hint, NULL},
    {"CubaLIF", NULL, leak_hint, NULL},
    {"Flatten", "flatten (all axes)", NULL, take_flatten},
    {"IF", "integrate-and-fire neurons, a threshold each", NULL, take_if},
    {"Input", "input", NULL, take_input},
    {"LI", NULL, leak_hint, NULL},
    {"LIF", NULL, leak_hint, NULL},
    {"Linear", "dense layer", NULL, take_affine},
    {"NIRGraph", NULL, "write the graph without subgraphs", NULL},
    {"Output", "output", NULL, take_output},
    {"Scale", "factor, folded into weights", NULL, take_scale},
    {"SumPool2d", "sum pooling", NULL, take_pool},
};

enum { TYPE_COUNT = sizeof(types) / sizeof(types[0]) };

static bool list_supported(uint32_t index, struct snn_supported *out)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].take == NULL || index-- > 0) continue;
        *out = (struct snn_supported){"NIR", types[i].name, types[i].becomes};
        return true;
    }
    return false;
}

int snnconv_nir_take(struct snnconv_nir *nir, const struct snnconv_nir_node *node, uint32_t input,
                     uint32_t *out)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(types[i].name, node->type) != 0) continue;
        if (types[i].take != NULL) return types[i].take(nir, node, input, out);
        snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED, "node type %s cannot be run", node->type);
        return snnbase_hint(nir->context, "%s", types[i].hint);
    }
    snnbase_fail(nir->context, SNN_ERR_UNSUPPORTED, "unknown node type '%.64s'", node->type);
    return snnbase_hint(nir->context, "see snnconvert --supported");
}

/* ---- The file ---- */

static int probe(const unsigned char *bytes, size_t size)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    if (size < 8 || memcmp(bytes, signature, 8) != 0) return 0;
    /* Only the tree tells NIR from other HDF5 files; a name of it must stand in the bytes. */
    static const char mark[] = "NIRGraph";
    for (size_t i = 0; i + sizeof(mark) - 1 <= size; i++) {
        const unsigned char *at = memchr(bytes + i, mark[0], size - i - (sizeof(mark) - 2));
        if (at == NULL) break;
        if (memcmp(at, mark, sizeof(mark) - 1) == 0) return 90;
        i = (size_t)(at - bytes);
    }
    return 0;
}

static int read_tree(struct snnconv_nir *nir, const struct snnconv_file *file)
{
    struct snnconv_hdf5_item *root = NULL;
    int status =
        snnconv_hdf5_read(&root, nir->context, &nir->program->arena, file->bytes, file->size);
    if (status != SNN_OK) return status;
    const struct snnconv_hdf5_item *node = snnconv_hdf5_child(root, "node");
    const struct snnconv_hdf5_item *version = snnconv_hdf5_child(root, "version");
    const struct snnconv_hdf5_item *type = node != NULL ? snnconv_hdf5_child(node, "type") : NULL;
    const char *text = type != NULL ? snnconv_hdf5_text(type) : NULL;
    if (text == NULL || strcmp(text, "NIRGraph") != 0)
        return snnbase_fail(nir->context, SNN_ERR_FORMAT, "no group 'node' of type NIRGraph");
    const char *number = version != NULL ? snnconv_hdf5_text(version) : NULL;
    char format[64];
    (void)snprintf(format, sizeof(format), "NIR (%.32s)", number != NULL ? number : "no version");
    nir->program->format = snnbase_arena_string(&nir->program->arena, nir->context, format);
    if (nir->program->format == NULL) return SNN_ERR_NOMEM;
    return snnconv_nir_read_graph(nir, node);
}

static int read_model(struct snnconv_program *out, struct snn_context *context,
                      const struct snnconv_file *file, const struct snn_import_options *options)
{
    struct snnconv_nir nir = {.context = context, .program = out, .options = options};
    snnconv_problems_init(&nir.problems, context, file);
    int status = read_tree(&nir, file);
    if (status != SNN_OK) status = snnconv_problems_add(&nir.problems, NULL, SNNCONV_NO_OFFSET);
    int ended = snnconv_problems_end(&nir.problems);
    return status != SNN_OK ? status : ended;
}

const struct snnconv_model_reader snnconv_nir_reader = {
    .name = "nir",
    .summary = "NIR (.nir)",
    .missing = MISSING,
    .probe = probe,
    .read = read_model,
    .supported = list_supported,
};
