/* Nodes of an ONNX file into operators of the newest form, see onnx.h.
 *
 * What later opsets changed is undone here and nowhere else: behind this file there is one opset.
 * A Constant becomes a constant, not a node.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "convert/read/onnx.h"
#include "convert/read/onnx_attribute.h"
#include "libsnn/base/error.h"

enum {
    OPSET_CONCAT_NEEDS_AXIS = 4,
    OPSET_BROADCAST = 7, /* as numpy does */
    OPSET_SOFTMAX_ONE_AXIS = 13,
    OPSET_BATCH_NORMALIZATION_MODE = 14, /* an attribute says whether it trains */
};

/* ---- Constant ---- */

static int constant_array(struct snnconv_onnx *onnx, const struct snnconv_onnx_attribute *attribute,
                          struct snnconv_array *out)
{
    struct snnconv_array list = {.type = SNNCONV_TYPE_NONE};
    if (strcmp(attribute->name, "value") == 0 && attribute->tensor.bytes != NULL)
        return snnconv_onnx_read_tensor(onnx, attribute->tensor, out);
    if (strcmp(attribute->name, "value_float") == 0)
        list = (struct snnconv_array){.type = SNNCONV_TYPE_F32, .data = &attribute->real};
    else if (strcmp(attribute->name, "value_int") == 0)
        list = (struct snnconv_array){.type = SNNCONV_TYPE_I64, .data = &attribute->integer};
    else if (strcmp(attribute->name, "value_floats") == 0)
        list = (struct snnconv_array){.type = SNNCONV_TYPE_F32,
                                      .rank = 1,
                                      .dim = {(int64_t)attribute->real_count},
                                      .data = attribute->reals};
    else if (strcmp(attribute->name, "value_ints") == 0)
        list = (struct snnconv_array){.type = SNNCONV_TYPE_I64,
                                      .rank = 1,
                                      .dim = {(int64_t)attribute->integer_count},
                                      .data = attribute->integers};
    else
        return snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                            "attribute '%s' of Constant is not read", attribute->name);
    size_t bytes = snnconv_array_count(&list) * snnconv_type_size(list.type);
    const void *data = list.data;
    *out = list;
    void *room = snnconv_array_alloc(out, onnx->context, &onnx->program->arena);
    if (room == NULL) return SNN_ERR_NOMEM;
    if (bytes > 0) memcpy(room, data, bytes);
    return SNN_OK;
}

static int read_constant(struct snnconv_onnx *onnx, const struct snnconv_onnx_node *source)
{
    struct snnconv_array array;
    uint32_t value = SNNCONV_NONE;
    if (source->attribute_count != 1 || source->output_count != 1)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                            "Constant with %zu attributes and %zu outputs, not 1 and 1",
                            source->attribute_count, source->output_count);
    int status = constant_array(onnx, &source->attributes[0], &array);
    if (status == SNN_OK) status = snnconv_onnx_value(onnx, source->outputs[0], &value);
    if (status != SNN_OK || value == SNNCONV_NONE) return status;
    struct snnconv_array *target = &onnx->program->values[value].array;
    if (target->type != SNNCONV_TYPE_NONE)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT, "value '%s' is written twice",
                            source->outputs[0]);
    *target = array;
    return SNN_OK;
}

/* ---- Ranks, for broadcasts before opset 7 ---- */

static int32_t rank_of(const struct snnconv_onnx *onnx, uint32_t value)
{
    if (value == SNNCONV_NONE) return -1;
    const struct snnconv_array *array = &onnx->program->values[value].array;
    if (array->type != SNNCONV_TYPE_NONE) return (int32_t)array->rank;
    return value < onnx->rank_capacity ? onnx->ranks[value] - 1 : -1;
}

/* The rank that a node's first output has, as far as it follows from ranks. */
static int32_t output_rank(const struct snnconv_onnx *onnx, const struct snnconv_node *node)
{
    const uint32_t *inputs = node->inputs;
    switch (node->op) {
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_GEMM:
        return 2;
    case SNNCONV_OP_RESHAPE: {
        const struct snnconv_value *shape = node->input_count > 1 && inputs[1] != SNNCONV_NONE
                                                ? &onnx->program->values[inputs[1]]
                                                : NULL;
        return shape != NULL && shape->array.rank == 1 ? (int32_t)shape->array.dim[0] : -1;
    }
    case SNNCONV_OP_CONSTANT_OF_SHAPE:
    case SNNCONV_OP_GATHER:
    case SNNCONV_OP_MAT_MUL:
    case SNNCONV_OP_REDUCE_MAX:
    case SNNCONV_OP_REDUCE_MEAN:
    case SNNCONV_OP_SHAPE:
    case SNNCONV_OP_SQUEEZE:
    case SNNCONV_OP_UNSQUEEZE:
    case SNNCONV_OP_ARG_MAX:
        return -1;
    default:
        return node->input_count > 0 ? rank_of(onnx, inputs[0]) : -1;
    }
}

/* Ranks are kept one higher, so that the zeros of new room mean "not known". */
static int note_rank(struct snnconv_onnx *onnx, const struct snnconv_node *node)
{
    if (onnx->opset >= OPSET_BROADCAST || node->output_count == 0 ||
        node->outputs[0] == SNNCONV_NONE)
        return SNN_OK;
    int status = snnbase_grow(onnx->context, (void **)&onnx->ranks, &onnx->rank_capacity,
                              (size_t)node->outputs[0] + 1, sizeof(*onnx->ranks));
    if (status == SNN_OK) onnx->ranks[node->outputs[0]] = output_rank(onnx, node) + 1;
    return status;
}

/* Axes of one element behind those of the second input, so that it lies on the right ones of the
 * first. Without an axis it lies on the last ones, as it does in numpy. */
static int align_broadcast(struct snnconv_onnx_call *call)
{
    struct snnconv_onnx *onnx = call->onnx;
    if (!call->broadcast || !call->has_broadcast_axis || call->node.input_count < 2) return SNN_OK;
    int32_t rank_a = rank_of(onnx, call->inputs[0]), rank_b = rank_of(onnx, call->inputs[1]);
    if (rank_a < 0 || rank_b < 0) {
        snnbase_fail(onnx->context, SNN_ERR_UNSUPPORTED,
                     "%s broadcasts along axis %" PRId64 " of a tensor whose rank is not known",
                     call->row->name, call->broadcast_axis);
        return snnbase_hint(onnx->context,
                            "bring the model to opset 7 or later with onnx.version_converter");
    }
    int64_t axis = call->broadcast_axis < 0 ? call->broadcast_axis + rank_a : call->broadcast_axis;
    int64_t behind = (int64_t)rank_a - axis - rank_b;
    int64_t axes[SNNCONV_RANK_MAX];
    if (axis < 0 || behind < 0 || behind > (int64_t)SNNCONV_RANK_MAX)
        return snnbase_fail(onnx->context, SNN_ERR_FORMAT,
                            "%s broadcasts %" PRId32 " axes from axis %" PRId64 " of %" PRId32,
                            call->row->name, rank_b, call->broadcast_axis, rank_a);
    if (behind == 0) return SNN_OK;
    for (int64_t i = 0; i < behind; i++)
        axes[i] = rank_b + i;
    struct snnconv_attributes attributes;
    uint32_t inputs[2] = {call->inputs[1], SNNCONV_NONE};
    snnconv_attributes_init(&attributes, SNNCONV_OP_UNSQUEEZE);
    int status = snnconv_program_add_integers(onnx->program, onnx->context, axes, (size_t)behind,
                                              &inputs[1]);
    if (status != SNN_OK) return status;
    return snnconv_program_add_op(onnx->program, onnx->context, SNNCONV_OP_UNSQUEEZE,
                                  call->node.name, call->node.offset, &attributes, inputs, 2,
                                  &call->inputs[1]);
}

/* ---- A node ---- */

static int take_names(struct snnconv_onnx_call *call)
{
    struct snnconv_onnx *onnx = call->onnx;
    const struct snnconv_onnx_node *source = call->source;
    uint32_t *outputs =
        snnbase_arena_alloc(&onnx->scratch, onnx->context, source->output_count, sizeof(*outputs));
    call->inputs =
        snnbase_arena_alloc(&onnx->scratch, onnx->context,
                            source->input_count + SNNCONV_ONNX_INPUTS_MADE, sizeof(*call->inputs));
    if (outputs == NULL || call->inputs == NULL) return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (size_t i = 0; i < source->input_count && status == SNN_OK; i++)
        status = snnconv_onnx_value(onnx, source->inputs[i], &call->inputs[i]);
    for (size_t i = 0; i < source->output_count && status == SNN_OK; i++)
        status = snnconv_onnx_value(onnx, source->outputs[i], &outputs[i]);
    call->node.inputs = call->inputs;
    call->node.input_count = (uint32_t)source->input_count;
    call->node.outputs = outputs;
    call->node.output_count = (uint32_t)source->output_count;
    return status;
}

static int check_counts(const struct snnconv_onnx_call *call)
{
    const struct snnconv_op_info *info = snnconv_op_info(call->row->op);
    size_t inputs = call->source->input_count, outputs = call->source->output_count;
    /* Before opset 14 its further outputs were for training alone. */
    bool trains = call->row->op == SNNCONV_OP_BATCH_NORMALIZATION &&
                  call->onnx->opset < OPSET_BATCH_NORMALIZATION_MODE;
    if (inputs > info->input_max)
        return snnbase_fail(call->onnx->context, SNN_ERR_FORMAT,
                            "%s with %zu inputs, at most %" PRIu32 " are known", call->row->name,
                            inputs, info->input_max);
    if (outputs == 0 || (outputs > info->output_max && !trains))
        return snnbase_fail(call->onnx->context, SNN_ERR_FORMAT,
                            "%s with %zu outputs, 1 to %" PRIu32 " are known", call->row->name,
                            outputs, info->output_max);
    return SNN_OK;
}

/* Defaults that were others in the file's opset than in the newest. */
static void set_defaults(struct snnconv_onnx_call *call)
{
    struct snnconv_attributes *attributes = &call->node.attributes;
    int64_t opset = call->onnx->opset;
    snnconv_attributes_init(attributes, call->row->op);
    switch (call->row->op) {
    case SNNCONV_OP_CONCAT:
        attributes->axis = opset < OPSET_CONCAT_NEEDS_AXIS ? 1 : 0;
        break;
    case SNNCONV_OP_SOFTMAX:
    case SNNCONV_OP_LOG_SOFTMAX:
        attributes->flatten_axes = opset < OPSET_SOFTMAX_ONE_AXIS;
        attributes->axis = attributes->flatten_axes ? 1 : -1;
        break;
    case SNNCONV_OP_BATCH_NORMALIZATION:
        if (opset < OPSET_BATCH_NORMALIZATION_MODE) call->node.output_count = 1;
        break;
    default:
        break;
    }
}

static int take_attributes(struct snnconv_onnx_call *call)
{
    const struct snnconv_onnx_node *source = call->source;
    for (size_t i = 0; i < source->attribute_count; i++) {
        const struct snnconv_onnx_attribute *attribute = &source->attributes[i];
        const struct snnconv_onnx_rule *rule =
            snnconv_onnx_rule(call->row->name, call->onnx->opset, attribute->name);
        if (rule == NULL)
            return snnbase_fail(call->onnx->context, SNN_ERR_UNSUPPORTED,
                                "attribute '%s' of %s is not known in opset %" PRId64,
                                attribute->name, call->row->name, call->onnx->opset);
        if (attribute->is_reference)
            return snnbase_fail(call->onnx->context, SNN_ERR_FORMAT,
                                "attribute '%s' of %s refers to a function's, outside of one",
                                attribute->name, call->row->name);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(source->attributes[k].name, attribute->name) == 0)
                return snnbase_fail(call->onnx->context, SNN_ERR_FORMAT,
                                    "attribute '%s' of %s is there twice", attribute->name,
                                    call->row->name);
        }
        int status = snnconv_onnx_take_attribute(call, rule, attribute);
        if (status != SNN_OK) return status;
    }
    const char *missing =
        snnconv_onnx_missing_attribute(call->row->name, call->onnx->opset, source);
    if (missing == NULL) return SNN_OK;
    return snnbase_fail(call->onnx->context, SNN_ERR_FORMAT, "%s without attribute '%s'",
                        call->row->name, missing);
}

static int find_operator(struct snnconv_onnx_call *call)
{
    struct snn_context *context = call->onnx->context;
    const struct snnconv_onnx_node *source = call->source;
    if (source->domain[0] != '\0') {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "operator '%s' is of the custom domain '%s'",
                     source->operator_name, source->domain);
        return snnbase_hint(context, "export with operators of ONNX itself");
    }
    call->row = snnconv_onnx_operator(source->operator_name);
    if (call->row == NULL) return snnconv_onnx_refuse_operator(context, source->operator_name);
    if (call->onnx->opset < call->row->first)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "operator %s is of opset %d, the model of opset %" PRId64,
                            call->row->name, call->row->first, call->onnx->opset);
    return SNN_OK;
}

int snnconv_onnx_read_node(struct snnconv_onnx *onnx, size_t index)
{
    const struct snnconv_onnx_node *source = &onnx->nodes[index];
    struct snnconv_onnx_call call = {.onnx = onnx, .source = source};
    if (source->domain[0] == '\0' && strcmp(source->operator_name, "Constant") == 0)
        return read_constant(onnx, source);
    int status = find_operator(&call);
    if (status == SNN_OK) status = check_counts(&call);
    if (status == SNN_OK) status = take_names(&call);
    if (status != SNN_OK) return status;
    call.node.op = call.row->op;
    call.node.name = source->name;
    call.node.offset = snnconv_onnx_offset(onnx, source->message);
    set_defaults(&call);
    status = take_attributes(&call);
    if (status == SNN_OK) status = align_broadcast(&call);
    if (status == SNN_OK)
        status = snnconv_program_add_node(onnx->program, onnx->context, &call.node);
    return status == SNN_OK ? note_rank(onnx, &call.node) : status;
}
