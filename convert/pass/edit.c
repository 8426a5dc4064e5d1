/* Edits of a program under which writers and readers stay known; see edit.h. */
#include "convert/pass/edit.h"

#include <string.h>

#include "libsnn/base/error.h"

/* ---- Beginning and end ---- */

static int grow(struct snnconv_edit *edit, uint32_t needed)
{
    size_t capacities[3] = {edit->capacity, edit->capacity, edit->capacity};
    uint32_t **lists[3] = {&edit->writer, &edit->readers, &edit->reader};
    for (int i = 0; i < 3; i++) {
        int status = snnbase_grow(edit->context, (void **)lists[i], &capacities[i], needed,
                                  sizeof(uint32_t));
        if (status != SNN_OK) return status;
    }
    edit->capacity = capacities[0];
    return SNN_OK;
}

int snnconv_edit_begin(struct snnconv_edit *edit, struct snnconv_program *program,
                       struct snn_context *context)
{
    *edit = (struct snnconv_edit){.program = program, .context = context};
    int status = grow(edit, program->value_count + 1);
    if (status != SNN_OK) {
        snnconv_edit_end(edit);
        return status;
    }
    for (uint32_t i = 0; i < program->value_count; i++)
        edit->writer[i] = edit->reader[i] = SNNCONV_NONE;
    for (uint32_t i = 0; i < program->node_count; i++) {
        const struct snnconv_node *node = &program->nodes[i];
        for (uint32_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != SNNCONV_NONE) edit->writer[node->outputs[k]] = i;
        }
        for (uint32_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] == SNNCONV_NONE) continue;
            edit->readers[node->inputs[k]]++;
            edit->reader[node->inputs[k]] = i;
        }
    }
    for (uint32_t i = 0; i < program->output_count; i++)
        edit->readers[program->outputs[i]]++;
    return SNN_OK;
}

void snnconv_edit_end(struct snnconv_edit *edit)
{
    struct snnconv_program *program = edit->program;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < program->node_count; i++) {
        if (snnconv_node_is_blank(&program->nodes[i])) continue;
        if (kept != i) program->nodes[kept] = program->nodes[i];
        kept++;
    }
    program->node_count = kept;
    snnbase_free(edit->context, edit->writer);
    snnbase_free(edit->context, edit->readers);
    snnbase_free(edit->context, edit->reader);
    *edit = (struct snnconv_edit){.program = NULL};
}

/* ---- Looking ---- */

uint32_t snnconv_node_input(const struct snnconv_node *node, uint32_t index)
{
    return index < node->input_count ? node->inputs[index] : SNNCONV_NONE;
}

const struct snnconv_array *snnconv_edit_constant(const struct snnconv_edit *edit,
                                                  const struct snnconv_node *node, uint32_t index)
{
    uint32_t value = snnconv_node_input(node, index);
    if (value == SNNCONV_NONE) return NULL;
    const struct snnconv_value *v = snnconv_edit_value(edit, value);
    return snnconv_value_is_constant(v) ? &v->array : NULL;
}

struct snnconv_node *snnconv_edit_writer(const struct snnconv_edit *edit, uint32_t value)
{
    if (value == SNNCONV_NONE || edit->writer[value] == SNNCONV_NONE) return NULL;
    return snnconv_edit_node(edit, edit->writer[value]);
}

static bool reads(const struct snnconv_node *node, uint32_t value)
{
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (node->inputs[k] == value) return true;
    }
    return false;
}

uint32_t snnconv_edit_only_reader(const struct snnconv_edit *edit, uint32_t value)
{
    if (edit->readers[value] != 1) return SNNCONV_NONE;
    uint32_t hint = edit->reader[value];
    if (hint != SNNCONV_NONE && reads(snnconv_edit_node(edit, hint), value)) return hint;
    for (uint32_t i = 0; i < edit->program->node_count; i++) {
        if (!reads(snnconv_edit_node(edit, i), value)) continue;
        edit->reader[value] = i;
        return i;
    }
    return SNNCONV_NONE; /* an output of the program */
}

bool snnconv_program_has_output(const struct snnconv_program *program, uint32_t value)
{
    for (uint32_t i = 0; i < program->output_count; i++) {
        if (program->outputs[i] == value) return true;
    }
    return false;
}

bool snnconv_array_scalar(const struct snnconv_array *array, double *out)
{
    if (array == NULL || array->data == NULL || snnconv_array_count(array) != 1) return false;
    *out = snnconv_array_load(array, 0);
    return true;
}

bool snnconv_edit_is_positive(const struct snnconv_edit *edit, uint32_t value)
{
    double low = 0.0;
    for (;;) {
        const struct snnconv_node *node = snnconv_edit_writer(edit, value);
        if (node == NULL) return false;
        switch (node->op) {
        case SNNCONV_OP_RELU:
            return true;
        case SNNCONV_OP_CLIP:
            return snnconv_array_scalar(snnconv_edit_constant(edit, node, 1), &low) && low >= 0.0;
        case SNNCONV_OP_MAX_POOL:
        case SNNCONV_OP_GLOBAL_MAX_POOL:
        case SNNCONV_OP_AVERAGE_POOL:
        case SNNCONV_OP_GLOBAL_AVERAGE_POOL:
        case SNNCONV_OP_REDUCE_MAX:
        case SNNCONV_OP_REDUCE_MEAN:
        case SNNCONV_OP_FLATTEN:
        case SNNCONV_OP_RESHAPE:
        case SNNCONV_OP_TRANSPOSE:
        case SNNCONV_OP_SQUEEZE:
        case SNNCONV_OP_UNSQUEEZE:
        case SNNCONV_OP_IDENTITY:
            value = node->inputs[0];
            break;
        default:
            return false;
        }
    }
}

/* ---- Changing ---- */

static void forget_inputs(struct snnconv_edit *edit, const struct snnconv_node *node)
{
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (node->inputs[k] != SNNCONV_NONE) edit->readers[node->inputs[k]]--;
    }
}

void snnconv_edit_remove(struct snnconv_edit *edit, uint32_t index)
{
    struct snnconv_node *node = snnconv_edit_node(edit, index);
    forget_inputs(edit, node);
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] != SNNCONV_NONE && edit->writer[node->outputs[k]] == index)
            edit->writer[node->outputs[k]] = SNNCONV_NONE;
    }
    node->input_count = node->output_count = 0;
}

static uint32_t *copy_list(struct snnconv_edit *edit, const uint32_t *list, uint32_t count)
{
    uint32_t *copy =
        snnbase_arena_alloc(&edit->program->arena, edit->context, count, sizeof(*copy));
    if (copy != NULL && count > 0) memcpy(copy, list, count * sizeof(*copy));
    return copy;
}

int snnconv_edit_set_inputs(struct snnconv_edit *edit, uint32_t index, const uint32_t *inputs,
                            uint32_t count)
{
    struct snnconv_node *node = snnconv_edit_node(edit, index);
    uint32_t *copy = copy_list(edit, inputs, count);
    if (copy == NULL) return SNN_ERR_NOMEM;
    forget_inputs(edit, node);
    node->inputs = copy;
    node->input_count = count;
    for (uint32_t k = 0; k < count; k++) {
        if (copy[k] == SNNCONV_NONE) continue;
        edit->readers[copy[k]]++;
        edit->reader[copy[k]] = index;
    }
    return SNN_OK;
}

int snnconv_edit_set_input(struct snnconv_edit *edit, uint32_t index, uint32_t input,
                           uint32_t value)
{
    struct snnconv_node *node = snnconv_edit_node(edit, index);
    uint32_t *copy = copy_list(edit, node->inputs, node->input_count);
    if (copy == NULL) return SNN_ERR_NOMEM;
    if (copy[input] != SNNCONV_NONE) edit->readers[copy[input]]--;
    if (value != SNNCONV_NONE) {
        edit->readers[value]++;
        edit->reader[value] = index;
    }
    copy[input] = value;
    node->inputs = copy;
    return SNN_OK;
}

int snnconv_edit_set_output(struct snnconv_edit *edit, uint32_t index, uint32_t value)
{
    struct snnconv_node *node = snnconv_edit_node(edit, index);
    uint32_t *copy = copy_list(edit, &value, 1);
    if (copy == NULL) return SNN_ERR_NOMEM;
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] != SNNCONV_NONE && edit->writer[node->outputs[k]] == index)
            edit->writer[node->outputs[k]] = SNNCONV_NONE;
    }
    node->outputs = copy;
    node->output_count = 1;
    edit->writer[value] = index;
    return SNN_OK;
}

static int replace_outputs(struct snnconv_edit *edit, uint32_t old, uint32_t value)
{
    struct snnconv_program *program = edit->program;
    if (!snnconv_program_has_output(program, old)) return SNN_OK;
    uint32_t *copy = copy_list(edit, program->outputs, program->output_count);
    if (copy == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < program->output_count; i++) {
        if (copy[i] != old) continue;
        copy[i] = value;
        edit->readers[old]--;
        edit->readers[value]++;
    }
    program->outputs = copy;
    return SNN_OK;
}

int snnconv_edit_replace(struct snnconv_edit *edit, uint32_t old, uint32_t value)
{
    struct snnconv_value *from = snnconv_edit_value(edit, old);
    struct snnconv_value *to = snnconv_edit_value(edit, value);
    if (to->quantization == NULL) to->quantization = from->quantization;
    uint32_t only = snnconv_edit_only_reader(edit, old);
    int status = replace_outputs(edit, old, value);
    uint32_t first = only == SNNCONV_NONE ? 0 : only;
    for (uint32_t i = first; i < edit->program->node_count && edit->readers[old] > 0; i++) {
        const struct snnconv_node *node = snnconv_edit_node(edit, i);
        for (uint32_t k = 0; k < node->input_count && status == SNN_OK; k++) {
            if (node->inputs[k] == old) status = snnconv_edit_set_input(edit, i, k, value);
        }
        if (status != SNN_OK) return status;
    }
    return status;
}

int snnconv_edit_bypass(struct snnconv_edit *edit, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(edit, index);
    uint32_t input = node->inputs[0], output = node->outputs[0];
    int status = snnconv_edit_replace(edit, output, input);
    if (status == SNN_OK) snnconv_edit_remove(edit, index);
    return status;
}

/* ---- Adding ---- */

static int note_value(struct snnconv_edit *edit, uint32_t value)
{
    int status = grow(edit, value + 1);
    if (status != SNN_OK) return status;
    edit->writer[value] = edit->reader[value] = SNNCONV_NONE;
    edit->readers[value] = 0;
    return SNN_OK;
}

int snnconv_edit_add_value(struct snnconv_edit *edit, const struct snnconv_array *shape,
                           uint32_t like, uint32_t *value_out)
{
    struct snnconv_array array = *shape;
    array.data = NULL;
    const char *name = like != SNNCONV_NONE ? snnconv_edit_value(edit, like)->name : NULL;
    int status = snnconv_program_add_value(edit->program, edit->context, name, &array, value_out);
    if (status == SNN_OK) status = note_value(edit, *value_out);
    if (status != SNN_OK) return status;
    struct snnconv_value *value = snnconv_edit_value(edit, *value_out);
    value->origin = SNNCONV_NONE;
    value->origin_rank = 0;
    if (like == SNNCONV_NONE) return SNN_OK;
    const struct snnconv_value *model = snnconv_edit_value(edit, like);
    value->quantization = model->quantization;
    value->origin = model->origin;
    value->origin_rank = model->origin_rank;
    memcpy(value->origin_perm, model->origin_perm, sizeof(value->origin_perm));
    return SNN_OK;
}

int snnconv_edit_add_floats(struct snnconv_edit *edit, uint32_t rank, const int64_t *dim,
                            const char *name, float **data_out, uint32_t *value_out)
{
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = rank};
    for (uint32_t i = 0; i < rank; i++)
        array.dim[i] = dim[i];
    int status = snnconv_array_check(edit->context, &array);
    if (status != SNN_OK) return status;
    *data_out = snnconv_array_alloc(&array, edit->context, &edit->program->arena);
    if (*data_out == NULL) return SNN_ERR_NOMEM;
    status = snnconv_program_add_value(edit->program, edit->context, name, &array, value_out);
    if (status == SNN_OK) status = note_value(edit, *value_out);
    if (status != SNN_OK) return status;
    struct snnconv_value *value = snnconv_edit_value(edit, *value_out);
    value->array.data = array.data;
    value->origin = SNNCONV_NONE;
    return SNN_OK;
}

int snnconv_edit_add_node(struct snnconv_edit *edit, const struct snnconv_node *like,
                          enum snnconv_op op, const uint32_t *inputs, uint32_t input_count,
                          uint32_t output)
{
    struct snnconv_node node = {.op = op,
                                .name = like->name,
                                .offset = like->offset,
                                .inputs = inputs,
                                .input_count = input_count,
                                .outputs = &output,
                                .output_count = 1};
    snnconv_attributes_init(&node.attributes, op);
    int status = snnconv_program_add_node(edit->program, edit->context, &node);
    if (status != SNN_OK) return status;
    uint32_t index = edit->program->node_count - 1;
    edit->writer[output] = index;
    for (uint32_t k = 0; k < input_count; k++) {
        if (inputs[k] == SNNCONV_NONE) continue;
        edit->readers[inputs[k]]++;
        edit->reader[inputs[k]] = index;
    }
    return SNN_OK;
}

/* ---- Shapes ---- */

/* Shapes of all outputs of a node; `outputs` has room for them. */
static int shape_node(const struct snnconv_program *program, struct snn_context *context,
                      const struct snnconv_node *node, struct snnconv_array *outputs)
{
    const struct snnconv_array **inputs =
        snnbase_alloc(context, node->input_count, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    uint32_t output_count = node->output_count;
    while (output_count > 1 && node->outputs[output_count - 1] == SNNCONV_NONE)
        output_count--;
    for (uint32_t k = 0; k < node->input_count; k++) {
        uint32_t value = node->inputs[k];
        inputs[k] = value == SNNCONV_NONE ? NULL : &program->values[value].array;
    }
    struct snnconv_call call = {.op = node->op,
                                .attributes = &node->attributes,
                                .inputs = inputs,
                                .input_count = node->input_count,
                                .outputs = outputs,
                                .output_count = output_count};
    int status = snnconv_op_shape(context, &call);
    snnbase_free(context, (void *)inputs);
    return status;
}

enum { OUTPUTS_MAX = 4 }; /* of an operator of the table: 3 */

int snnconv_edit_shape(const struct snnconv_edit *edit, const struct snnconv_node *node,
                       struct snnconv_array *out)
{
    struct snnconv_array outputs[OUTPUTS_MAX];
    struct snnconv_node first = *node;
    first.output_count = 1;
    int status = shape_node(edit->program, edit->context, &first, outputs);
    if (status == SNN_OK) *out = outputs[0];
    return status;
}

int snnconv_program_infer(struct snnconv_program *program, struct snn_context *context)
{
    struct snnconv_array outputs[OUTPUTS_MAX];
    for (uint32_t i = 0; i < program->node_count; i++) {
        const struct snnconv_node *node = &program->nodes[i];
        int status = node->output_count <= OUTPUTS_MAX
                         ? shape_node(program, context, node, outputs)
                         : snnbase_fail(context, SNN_ERR_INVALID, "too many outputs");
        if (status != SNN_OK) return snnbase_where(context, "node '%s'", node->name);
        for (uint32_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] == SNNCONV_NONE) continue;
            outputs[k].data = NULL;
            program->values[node->outputs[k]].array = outputs[k];
        }
    }
    return SNN_OK;
}
