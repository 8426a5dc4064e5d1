/* Files that take N frames at once, as some exporters fix it: made to take one.
 *
 * Sound only if nothing mixes frames. So the batch is followed from the inputs: an operator on the
 * way must leave axis 0 alone, and a Reshape must begin with N, 0 or -1, so that (in C order) frame
 * by frame it does to one what it does to N. If all do, inputs get a batch of 1, and so do the
 * constants of such Reshapes. If one does not, the program is left as it is.
 */
#include <string.h>

#include "convert/read/onnx.h"
#include "libsnn/base/error.h"

struct batch {
    struct snnconv_program *program;
    struct snn_context *context;
    int64_t extent;      /* N */
    unsigned char *held; /* [value_count]: axis 0 is the batch */
};

static bool is_held(const struct batch *b, const struct snnconv_node *node, uint32_t input)
{
    return input < node->input_count && node->inputs[input] != SNNCONV_NONE &&
           b->held[node->inputs[input]] != 0;
}

static bool any_held(const struct batch *b, const struct snnconv_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (is_held(b, node, i)) return true;
    }
    return false;
}

/* The integers of a constant input; NULL: it is none. */
static const struct snnconv_array *constant_input(const struct batch *b,
                                                  const struct snnconv_node *node, uint32_t input)
{
    if (input >= node->input_count || node->inputs[input] == SNNCONV_NONE) return NULL;
    const struct snnconv_value *value = &b->program->values[node->inputs[input]];
    return snnconv_value_is_constant(value) && value->array.type == SNNCONV_TYPE_I64 ? &value->array
                                                                                     : NULL;
}

static bool lists_axis_0(const struct snnconv_array *axes)
{
    size_t count = snnconv_array_count(axes);
    /* The last two, counted from the end, are rows and columns; what is before them may be the
     * first, as the rank is not known here. */
    for (size_t i = 0; i < count; i++) {
        int64_t axis = snnconv_array_load_integer(axes, i);
        if (axis == 0 || axis < -2) return true;
    }
    return false;
}

/* A constant that has an entry for each of N frames. */
static bool has_constant_batch(const struct batch *b, const struct snnconv_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == SNNCONV_NONE) continue;
        const struct snnconv_value *value = &b->program->values[node->inputs[i]];
        if (snnconv_value_is_constant(value) && value->array.rank % 2 == 0 &&
            value->array.rank > 0 && value->array.dim[0] == b->extent)
            return true;
    }
    return false;
}

/* Whether a list of axes is there and leaves out the first one. */
static bool leaves_axis_0(const struct batch *b, const struct snnconv_node *node, uint32_t input)
{
    const struct snnconv_array *axes = constant_input(b, node, input);
    return axes != NULL && snnconv_array_count(axes) > 0 && !lists_axis_0(axes);
}

static bool pad_leaves_axis_0(const struct batch *b, const struct snnconv_node *node)
{
    const struct snnconv_array *pads = constant_input(b, node, 1);
    size_t count = pads != NULL ? snnconv_array_count(pads) : 0;
    if (count == 0 || count % 2 != 0 || node->input_count > 3) return false;
    return snnconv_array_load_integer(pads, 0) == 0 &&
           snnconv_array_load_integer(pads, count / 2) == 0;
}

static bool reshape_keeps(const struct batch *b, const struct snnconv_node *node)
{
    const struct snnconv_array *shape = constant_input(b, node, 1);
    /* A shape computed from the input's own follows it. */
    if (shape == NULL) return true;
    if (snnconv_array_count(shape) == 0) return false;
    int64_t first = snnconv_array_load_integer(shape, 0);
    return first == b->extent || first == -1 || (first == 0 && !node->attributes.allow_zero);
}

/* Whether a node that reads the batch does to each frame of it the same, on axis 0. */
static bool keeps_batch(const struct batch *b, const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_RESHAPE:
        return reshape_keeps(b, node);
    case SNNCONV_OP_ADD:
    case SNNCONV_OP_DIV:
    case SNNCONV_OP_MUL:
    case SNNCONV_OP_SUB:
    case SNNCONV_OP_SUM:
        return !has_constant_batch(b, node);
    case SNNCONV_OP_PAD:
        return pad_leaves_axis_0(b, node);
    case SNNCONV_OP_REDUCE_MAX:
    case SNNCONV_OP_REDUCE_MEAN:
    case SNNCONV_OP_SQUEEZE:
    case SNNCONV_OP_UNSQUEEZE:
        return leaves_axis_0(b, node, 1);
    case SNNCONV_OP_SLICE:
        return leaves_axis_0(b, node, 3);
    case SNNCONV_OP_TRANSPOSE:
        return node->attributes.perm_count > 0 && node->attributes.perm[0] == 0;
    case SNNCONV_OP_CONCAT:
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_SOFTMAX:
    case SNNCONV_OP_LOG_SOFTMAX:
    case SNNCONV_OP_ARG_MAX:
        return node->attributes.axis > 0 || node->attributes.axis == -1;
    case SNNCONV_OP_GEMM:
        return !node->attributes.trans_a && !is_held(b, node, 1);
    case SNNCONV_OP_MAT_MUL:
    case SNNCONV_OP_MAT_MUL_INTEGER:
        return is_held(b, node, 0) && !is_held(b, node, 1);
    case SNNCONV_OP_GATHER:
    case SNNCONV_OP_CONSTANT_OF_SHAPE:
    case SNNCONV_OP_QLINEAR_MAT_MUL:
        return false;
    default:
        return true;
    }
}

/* Marks what the batch reaches; false: it would be lost on the way. */
static bool follow(struct batch *b)
{
    const struct snnconv_program *program = b->program;
    for (uint32_t i = 0; i < program->node_count; i++) {
        const struct snnconv_node *node = &program->nodes[i];
        if (!any_held(b, node)) continue;
        if (node->op == SNNCONV_OP_SHAPE) continue; /* of integers, which hold no frames */
        if (!keeps_batch(b, node)) return false;
        for (uint32_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != SNNCONV_NONE) b->held[node->outputs[k]] = 1;
        }
    }
    return true;
}

/* A Reshape of the batch gets a constant of its own: others may use the same for weights. */
static int rewrite_reshape(struct batch *b, struct snnconv_node *node)
{
    const struct snnconv_array *shape = constant_input(b, node, 1);
    if (shape == NULL || snnconv_array_load_integer(shape, 0) != b->extent) return SNN_OK;
    int64_t items[SNNCONV_RANK_MAX];
    size_t count = snnconv_array_count(shape);
    if (count > SNNCONV_RANK_MAX) return SNN_OK; /* refused with the shapes */
    for (size_t i = 0; i < count; i++)
        items[i] = snnconv_array_load_integer(shape, i);
    items[0] = 1;
    uint32_t *inputs = snnbase_arena_alloc(&b->program->arena, b->context, 2, sizeof(*inputs));
    if (inputs == NULL) return SNN_ERR_NOMEM;
    inputs[0] = node->inputs[0];
    node->inputs = inputs;
    return snnconv_program_add_integers(b->program, b->context, items, count, &inputs[1]);
}

static int make_one(struct batch *b)
{
    struct snnconv_program *program = b->program;
    for (uint32_t i = 0; i < program->node_count; i++) {
        struct snnconv_node *node = &program->nodes[i];
        if (node->op != SNNCONV_OP_RESHAPE || !is_held(b, node, 0)) continue;
        int status = rewrite_reshape(b, node);
        if (status != SNN_OK) return status;
    }
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (b->held[program->inputs[i]]) program->values[program->inputs[i]].array.dim[0] = 1;
    }
    return SNN_OK;
}

/* N: the first extent of inputs of two axes or of four and more, if all agree; else 1. An input of
 * three axes may be one frame. */
static int64_t find_extent(const struct snnconv_program *program)
{
    int64_t extent = 1;
    for (uint32_t i = 0; i < program->input_count; i++) {
        const struct snnconv_array *array = &program->values[program->inputs[i]].array;
        if (array->rank < 2 || array->rank == 3 || array->dim[0] <= 1) continue;
        if (extent != 1 && extent != array->dim[0]) return 1;
        extent = array->dim[0];
    }
    return extent;
}

int snnconv_onnx_take_one(struct snnconv_program *program, struct snn_context *context)
{
    struct batch b = {program, context, find_extent(program), NULL};
    if (b.extent == 1) return SNN_OK;
    int status = snnconv_program_sort(program, context);
    if (status == SNN_ERR_NOMEM) return status;
    if (status != SNN_OK) return SNN_OK; /* whoever sorts it next tells why */
    b.held = snnbase_alloc(context, program->value_count, 1);
    if (b.held == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < program->input_count; i++) {
        const struct snnconv_array *array = &program->values[program->inputs[i]].array;
        b.held[program->inputs[i]] = array->rank > 0 && array->dim[0] == b.extent;
    }
    if (follow(&b)) {
        status = make_one(&b);
        if (status == SNN_OK)
            snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                             "the file takes %lld frames at once; taken as a net for one",
                             (long long)b.extent);
    }
    snnbase_free(context, b.held);
    return status;
}
