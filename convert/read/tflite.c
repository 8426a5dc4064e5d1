/* Models as TFLite files: bytes -> tensors and operators -> program.
 *
 *     root offset | "TFL3" | Model: operator codes, one subgraph, buffers
 *
 * Invariant: what the file says is held against its bytes and limits before it is used; whatever is
 * wrong with tensors and operators is reported in one run, and the first is the error. The program
 * keeps pictures as the file has them, N,H,W,C. Not here: what an operator means (tflite_op.c).
 */
#include <stdio.h>
#include <string.h>

#include "convert/read/tflite.h"
#include "libsnn/base/error.h"

/* Fields of Model, SubGraph, Operator and OperatorCode. */
enum {
    MODEL_VERSION = 0,
    MODEL_OPERATOR_CODES = 1,
    MODEL_SUBGRAPHS = 2,
    MODEL_DESCRIPTION = 3,
    MODEL_BUFFERS = 4,
    SUBGRAPH_TENSORS = 0,
    SUBGRAPH_INPUTS = 1,
    SUBGRAPH_OUTPUTS = 2,
    SUBGRAPH_OPERATORS = 3,
    SUBGRAPH_NAME = 4,
    OPERATOR_CODE = 0,
    OPERATOR_INPUTS = 1,
    OPERATOR_OUTPUTS = 2,
    OPERATOR_OPTIONS_KIND = 3,
    OPERATOR_OPTIONS = 4,
    CODE_DEPRECATED = 0,
    CODE_CUSTOM = 1,
    CODE_BUILTIN = 3
};

enum { SCHEMA_VERSION = 3 };

static int tflite_probe(const unsigned char *bytes, size_t size)
{
    return snnbase_flat_is(bytes, size, "TFL3") ? 100 : 0;
}

int snnconv_tflite_charge(struct snnconv_tflite *r, uint64_t bytes)
{
    uint64_t limit = snnbase_limits(r->context)->file_bytes;
    if (bytes <= limit && r->taken <= limit - bytes) {
        r->taken += bytes;
        return SNN_OK;
    }
    return snnbase_fail(r->context, SNN_ERR_LIMIT,
                        "the file unpacks to more than the limit of %llu bytes",
                        (unsigned long long)limit);
}

/* ---- Problems ---- */

/* Reports the error just raised; returns only what makes going on senseless. */
static int note(struct snnconv_tflite *r, int status, const char *node, size_t at)
{
    return status == SNN_OK ? SNN_OK : snnconv_problems_add(&r->problems, node, at);
}

static int note_tensor(struct snnconv_tflite *r, int status,
                       const struct snnconv_tflite_tensor *tensor)
{
    if (status != SNN_OK) snnbase_where(r->context, "tensor '%s'", tensor->name);
    return note(r, status, NULL, tensor->at);
}

/* The file itself is not what it says. */
static int check_damage(struct snnconv_tflite *r)
{
    if (r->flat.damage == NULL) return SNN_OK;
    return snnbase_fail(r->context, SNN_ERR_FORMAT, "byte %zu: %s", r->flat.damage_at,
                        r->flat.damage);
}

/* ---- Tensors and operators ---- */

static int read_tensors(struct snnconv_tflite *r, const struct snnbase_flat_table *subgraph)
{
    struct snnbase_flat_vector tensors = snnbase_flat_vector(subgraph, SUBGRAPH_TENSORS, 4);
    int status = snnconv_tflite_charge(r, tensors.count * sizeof(*r->tensors));
    if (status != SNN_OK) return status;
    r->tensors = snnbase_arena_alloc(&r->scratch, r->context, tensors.count, sizeof(*r->tensors));
    if (r->tensors == NULL) return SNN_ERR_NOMEM;
    r->tensor_count = (uint32_t)tensors.count;
    for (uint32_t i = 0; i < r->tensor_count && status == SNN_OK; i++) {
        struct snnbase_flat_table table = snnbase_flat_item_table(&tensors, i);
        status = snnconv_tflite_read_tensor(r, &table, &r->tensors[i]);
        if (r->flat.damage != NULL) return check_damage(r);
        r->tensors[i].broken = status != SNN_OK;
        status = note_tensor(r, status, &r->tensors[i]);
    }
    return status;
}

/* Indices of tensors; -1 where one is left out. */
static int read_indices(struct snnconv_tflite *r, const struct snnbase_flat_table *table,
                        unsigned field, const int32_t **out, uint32_t *count_out)
{
    struct snnbase_flat_vector vector = snnbase_flat_vector(table, field, 4);
    int status = snnconv_tflite_charge(r, vector.count * sizeof(int32_t));
    if (status != SNN_OK) return status;
    int32_t *indices = snnbase_arena_alloc(&r->scratch, r->context, vector.count, sizeof(*indices));
    if (indices == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < vector.count; i++) {
        int64_t index = snnbase_flat_item_signed(&vector, i);
        if (index < -1 || index >= (int64_t)r->tensor_count)
            return snnbase_fail(r->context, SNN_ERR_FORMAT, "tensor %lld of %u", (long long)index,
                                r->tensor_count);
        indices[i] = (int32_t)index;
    }
    *out = indices;
    *count_out = (uint32_t)vector.count;
    return SNN_OK;
}

/* Codes up to 127 stood in a byte once; newer files have both fields, older ones the first. */
static int read_code(struct snnconv_tflite *r, const struct snnbase_flat_vector *codes,
                     uint64_t index, struct snnconv_tflite_op *op)
{
    if (index >= codes->count)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "operator code %llu of %zu",
                            (unsigned long long)index, codes->count);
    struct snnbase_flat_table code = snnbase_flat_item_table(codes, (size_t)index);
    int64_t deprecated = snnbase_flat_signed(&code, CODE_DEPRECATED, 1, 0);
    int64_t builtin = snnbase_flat_signed(&code, CODE_BUILTIN, 4, 0);
    if (builtin < deprecated) builtin = deprecated;
    if (builtin < 0)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "operator number %lld", (long long)builtin);
    op->code = (unsigned)builtin;
    if (op->code != TFLITE_CUSTOM) return SNN_OK;
    op->custom = snnconv_tflite_text(r, &r->scratch, snnbase_flat_string(&code, CODE_CUSTOM),
                                     SNNCONV_TFLITE_NAME_MAX);
    return op->custom != NULL ? SNN_OK : snn_context_status(r->context);
}

static int read_op(struct snnconv_tflite *r, const struct snnbase_flat_vector *codes,
                   const struct snnbase_flat_table *table, struct snnconv_tflite_op *op)
{
    op->at = table->at;
    op->options_kind = (unsigned)snnbase_flat_unsigned(table, OPERATOR_OPTIONS_KIND, 1, 0);
    op->options = snnbase_flat_child(table, OPERATOR_OPTIONS);
    int status = read_code(r, codes, snnbase_flat_unsigned(table, OPERATOR_CODE, 4, 0), op);
    if (status == SNN_OK)
        status = read_indices(r, table, OPERATOR_INPUTS, &op->inputs, &op->input_count);
    if (status == SNN_OK)
        status = read_indices(r, table, OPERATOR_OUTPUTS, &op->outputs, &op->output_count);
    return status;
}

/* An operator that cannot even be read makes what follows it meaningless. */
static int read_ops(struct snnconv_tflite *r, const struct snnbase_flat_table *model,
                    const struct snnbase_flat_table *subgraph)
{
    struct snnbase_flat_vector codes = snnbase_flat_vector(model, MODEL_OPERATOR_CODES, 4);
    struct snnbase_flat_vector ops = snnbase_flat_vector(subgraph, SUBGRAPH_OPERATORS, 4);
    int status = snnconv_tflite_charge(r, ops.count * sizeof(*r->ops));
    if (status != SNN_OK) return status;
    r->ops = snnbase_arena_alloc(&r->scratch, r->context, ops.count, sizeof(*r->ops));
    if (r->ops == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < ops.count && status == SNN_OK; i++) {
        struct snnbase_flat_table table = snnbase_flat_item_table(&ops, i);
        status = read_op(r, &codes, &table, &r->ops[i]);
        if (r->flat.damage != NULL) return check_damage(r);
        if (status != SNN_OK) return snnbase_where(r->context, "operator %zu", i);
        r->op_count++;
    }
    return snnconv_tflite_name_ops(r);
}

static int convert_ops(struct snnconv_tflite *r)
{
    int status = SNN_OK;
    for (uint32_t i = 0; i < r->op_count && status == SNN_OK; i++) {
        const struct snnconv_tflite_op *op = &r->ops[i];
        status = snnconv_tflite_convert(r, op);
        if (r->flat.damage != NULL) return check_damage(r);
        status = note(r, status, op->name, op->at);
    }
    return status;
}

/* ---- Inputs and outputs ---- */

/* The extent of an axis that the file leaves open may come from the caller. */
static int64_t extent_of(const struct snnconv_tflite *r, const struct snnconv_tflite_tensor *tensor,
                         uint32_t axis)
{
    const struct snn_shape *shape = &r->options->input_shape;
    const uint32_t given[4] = {0, shape->height, shape->width, shape->channels};
    bool open = tensor->signature[axis] < 0;
    return open && tensor->rank == 4 && given[axis] > 0 ? given[axis] : tensor->dim[axis];
}

static int read_input(struct snnconv_tflite *r, int32_t index, uint32_t *out)
{
    const struct snnconv_tflite_tensor *tensor = snnconv_tflite_tensor(r, index);
    if (tensor == NULL || tensor->data != NULL)
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "an input is missing, or a constant");
    if (tensor->broken) return SNN_OK;
    int status = snnconv_tflite_value(r, index, out);
    if (status != SNN_OK) return note(r, status, NULL, tensor->at);
    struct snnconv_array *array = &r->program->values[*out].array;
    array->type =
        tensor->quantization != NULL ? SNNCONV_TYPE_F32 : snnconv_tflite_type(tensor->type);
    array->rank = tensor->rank;
    for (uint32_t i = 0; i < tensor->rank; i++)
        array->dim[i] = extent_of(r, tensor, i);
    status = snnconv_array_check(r->context, array);
    return note_tensor(r, status, tensor);
}

/* The values of the subgraph's inputs or outputs. */
static int read_ends(struct snnconv_tflite *r, const struct snnbase_flat_table *subgraph,
                     unsigned field, uint32_t **out, uint32_t *count_out)
{
    const int32_t *indices = NULL;
    uint32_t count = 0;
    int status = read_indices(r, subgraph, field, &indices, &count);
    if (status == SNN_OK && count == 0)
        status = snnbase_fail(r->context, SNN_ERR_FORMAT, "the subgraph has no %s",
                              field == SUBGRAPH_INPUTS ? "input" : "output");
    if (status != SNN_OK) return status;
    *out = snnbase_arena_alloc(&r->scratch, r->context, count, sizeof(**out));
    if (*out == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        if (indices[i] < 0)
            status = snnbase_fail(r->context, SNN_ERR_FORMAT, "an input or output is missing");
        else if (field == SUBGRAPH_INPUTS)
            status = read_input(r, indices[i], &(*out)[i]);
        else
            status = snnconv_tflite_value(r, indices[i], &(*out)[i]);
    }
    *count_out = count;
    return status;
}

static int read_subgraph(struct snnconv_tflite *r, const struct snnbase_flat_table *model,
                         const struct snnbase_flat_table *subgraph)
{
    uint32_t *inputs = NULL, *outputs = NULL, input_count = 0, output_count = 0;
    int status = read_tensors(r, subgraph);
    if (status == SNN_OK) status = read_ops(r, model, subgraph);
    if (status == SNN_OK) status = read_ends(r, subgraph, SUBGRAPH_INPUTS, &inputs, &input_count);
    if (status == SNN_OK) status = convert_ops(r);
    /* After a problem outputs may have no value that anybody writes. */
    if (status != SNN_OK || r->problems.status != SNN_OK) return status;
    status = read_ends(r, subgraph, SUBGRAPH_OUTPUTS, &outputs, &output_count);
    if (status == SNN_OK)
        status = snnconv_program_set_inputs(r->program, r->context, inputs, input_count);
    if (status == SNN_OK)
        status = snnconv_program_set_outputs(r->program, r->context, outputs, output_count);
    return status;
}

/* ---- The file ---- */

static int read_names(struct snnconv_tflite *r, const struct snnbase_flat_table *model,
                      const struct snnbase_flat_table *subgraph)
{
    char format[SNNCONV_TFLITE_NAME_MAX + 32];
    const char *writer = snnconv_tflite_text(
        r, &r->scratch, snnbase_flat_string(model, MODEL_DESCRIPTION), SNNCONV_TFLITE_NAME_MAX);
    const char *name =
        snnconv_tflite_text(r, &r->program->arena, snnbase_flat_string(subgraph, SUBGRAPH_NAME),
                            SNNCONV_TFLITE_NAME_MAX);
    if (writer == NULL || name == NULL) return snn_context_status(r->context);
    size_t length = strlen(writer);
    if (length > 0 && writer[length - 1] == '.') length--;
    (void)snprintf(format, sizeof(format), "TFLite (version %d%s%.*s)", (int)SCHEMA_VERSION,
                   length > 0 ? ", " : "", (int)length, writer);
    r->program->format = snnbase_arena_string(&r->program->arena, r->context, format);
    if (r->program->format == NULL) return SNN_ERR_NOMEM;
    r->program->name = name[0] != '\0' ? name : NULL;
    r->program->channels_last = true;
    return SNN_OK;
}

static int read_model(struct snnconv_tflite *r)
{
    if (!snnbase_flat_is(r->flat.bytes, r->flat.size, "TFL3"))
        return snnbase_fail(r->context, SNN_ERR_FORMAT, "not a TFLite file");
    struct snnbase_flat_table model = snnbase_flat_root(&r->flat);
    struct snnbase_flat_vector subgraphs = snnbase_flat_vector(&model, MODEL_SUBGRAPHS, 4);
    uint64_t version = snnbase_flat_unsigned(&model, MODEL_VERSION, 4, 0);
    r->buffers = snnbase_flat_vector(&model, MODEL_BUFFERS, 4);
    int status = check_damage(r);
    if (status != SNN_OK) return status;
    if (version != SCHEMA_VERSION)
        return snnbase_fail(r->context, SNN_ERR_UNSUPPORTED,
                            "byte %zu: version %llu of the schema, %d is read", model.at,
                            (unsigned long long)version, (int)SCHEMA_VERSION);
    if (subgraphs.count != 1) {
        snnbase_fail(r->context, SNN_ERR_UNSUPPORTED, "byte %zu: %zu subgraphs, 1 is read",
                     model.at, subgraphs.count);
        return snnbase_hint(r->context, "control flow and several signatures have subgraphs of "
                                        "their own; export one function");
    }
    struct snnbase_flat_table subgraph = snnbase_flat_item_table(&subgraphs, 0);
    status = read_names(r, &model, &subgraph);
    if (status == SNN_OK) status = read_subgraph(r, &model, &subgraph);
    /* Whatever else went wrong, a lie of the file explains it. */
    return r->flat.damage != NULL ? check_damage(r) : status;
}

static int tflite_read(struct snnconv_program *out, struct snn_context *context,
                       const struct snnconv_file *file, const struct snn_import_options *options)
{
    struct snn_import_options defaults;
    struct snnconv_tflite r = {
        .context = context, .program = out, .file = file, .options = options};
    if (options == NULL) {
        memset(&defaults, 0, sizeof(defaults));
        r.options = &defaults;
    }
    snnbase_arena_init(&r.scratch, context);
    snnconv_problems_init(&r.problems, context, file);
    snnbase_flat_init(&r.flat, file->bytes, file->size);
    int status = read_model(&r);
    if (status != SNN_OK) status = snnconv_problems_add(&r.problems, NULL, SNNCONV_NO_OFFSET);
    int first = snnconv_problems_end(&r.problems);
    snnbase_arena_fini(&r.scratch);
    return status == SNN_OK ? first : status;
}

const struct snnconv_model_reader snnconv_tflite_reader = {
    .name = "tflite",
    .summary = "TensorFlow Lite models (.tflite)",
    .missing = NULL,
    .probe = tflite_probe,
    .read = tflite_read,
    .supported = snnconv_tflite_supported,
};
