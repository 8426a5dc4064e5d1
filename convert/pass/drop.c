/* Takes out what does nothing: Identity, Dropout, casts between floats, reshapes and transposes to
 * the same shape, pads of nothing, a Concat of one; and at the end of the net what leaves the
 * decision as it is: Softmax, LogSoftmax, Sigmoid, ArgMax.
 *
 * The last is the one place where the net's output changes, hence the note says so.
 */
#include <inttypes.h>
#include <stdio.h>

#include "convert/pass/edit.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"

/* ---- Nodes that do nothing ---- */

static bool is_float(enum snnconv_type type)
{
    return type == SNNCONV_TYPE_F32 || type == SNNCONV_TYPE_F64 || type == SNNCONV_TYPE_F16 ||
           type == SNNCONV_TYPE_BF16;
}

static bool same_shape(const struct snnconv_array *a, const struct snnconv_array *b)
{
    bool same = a->rank == b->rank;
    for (uint32_t i = 0; i < a->rank && same; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

static bool moves_nothing(const struct snnconv_attributes *attributes,
                          const struct snnconv_array *x)
{
    if (attributes->perm_count == 0) return x->rank <= 1;
    for (uint32_t i = 0; i < attributes->perm_count; i++) {
        if (attributes->perm[i] != (int64_t)i) return false;
    }
    return true;
}

static bool all_zero(const struct snnconv_array *array)
{
    if (array == NULL) return false;
    for (size_t i = 0; i < snnconv_array_count(array); i++) {
        if (snnconv_array_load(array, i) != 0.0) return false;
    }
    return true;
}

/* The one bound of a Clip that is left out or infinite. */
static bool is_open(const struct snnconv_edit *edit, const struct snnconv_node *node,
                    uint32_t input)
{
    double bound = 0.0;
    if (snnconv_node_input(node, input) == SNNCONV_NONE) return true;
    return snnconv_array_scalar(snnconv_edit_constant(edit, node, input), &bound) &&
           (bound <= -3.4e38 || bound >= 3.4e38) && (bound < 0) == (input == 1);
}

static bool does_nothing(const struct snnconv_edit *edit, const struct snnconv_node *node)
{
    if (node->input_count == 0 || node->inputs[0] == SNNCONV_NONE) return false;
    const struct snnconv_array *x = &snnconv_edit_value(edit, node->inputs[0])->array;
    const struct snnconv_array *y = &snnconv_edit_value(edit, node->outputs[0])->array;
    switch (node->op) {
    case SNNCONV_OP_IDENTITY:
        return true;
    case SNNCONV_OP_DROPOUT: /* a mask that is read makes it more than nothing */
        return node->output_count == 1 || node->outputs[1] == SNNCONV_NONE ||
               edit->readers[node->outputs[1]] == 0;
    case SNNCONV_OP_CAST:
        return x->type == node->attributes.to || (is_float(x->type) && is_float(y->type));
    case SNNCONV_OP_RESHAPE:
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_SQUEEZE:
    case SNNCONV_OP_UNSQUEEZE:
        return same_shape(x, y);
    case SNNCONV_OP_TRANSPOSE:
        return moves_nothing(&node->attributes, x);
    case SNNCONV_OP_PAD:
        return same_shape(x, y) && all_zero(snnconv_edit_constant(edit, node, 1));
    case SNNCONV_OP_CONCAT:
    case SNNCONV_OP_SUM:
        return node->input_count == 1;
    case SNNCONV_OP_CLIP:
        return is_open(edit, node, 1) && is_open(edit, node, 2);
    default:
        return false;
    }
}

/* ---- The end of the net ---- */

/* Whether all elements of a frame but those along `axis` are one. */
static bool is_only_axis(const struct snnconv_array *array, int64_t axis)
{
    if (axis < 0) axis += (int64_t)array->rank;
    for (uint32_t i = 1; i < array->rank; i++) {
        if ((int64_t)i != axis && array->dim[i] != 1) return false;
    }
    return axis >= 0 && axis < (int64_t)array->rank && (axis > 0 || array->rank == 1);
}

/* Whether the largest output is the same without this node. */
static bool keeps_decision(const struct snnconv_edit *edit, const struct snnconv_node *node)
{
    const struct snnconv_array *x = &snnconv_edit_value(edit, node->inputs[0])->array;
    switch (node->op) {
    case SNNCONV_OP_SIGMOID:
        return true;
    case SNNCONV_OP_SOFTMAX:
    case SNNCONV_OP_LOG_SOFTMAX:
        if (node->attributes.flatten_axes && node->attributes.axis == 1) return true;
        return is_only_axis(x, node->attributes.axis);
    case SNNCONV_OP_ARG_MAX:
        return is_only_axis(x, node->attributes.axis) && !node->attributes.select_last_index;
    default:
        return false;
    }
}

/* Elements of an output in the same order: looked through on the way to a Softmax. */
static bool keeps_elements(const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_RESHAPE:
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_SQUEEZE:
    case SNNCONV_OP_UNSQUEEZE:
    case SNNCONV_OP_CAST:
        return true;
    default:
        return false;
    }
}

/* The value before all that may be dropped behind it; the operators are named in `text`. */
static uint32_t before_end(const struct snnconv_edit *edit, uint32_t output, char *text,
                           size_t size)
{
    uint32_t value = output, found = output;
    size_t used = 0;
    for (;;) {
        const struct snnconv_node *node = snnconv_edit_writer(edit, value);
        if (node == NULL || node->output_count > 1) break;
        bool drops = keeps_decision(edit, node);
        if (!drops && !keeps_elements(node)) break;
        value = node->inputs[0];
        if (!drops) continue;
        found = value;
        int length = snprintf(text + used, size - used, "%s%s '%s'", used > 0 ? ", " : "",
                              snnconv_op_info(node->op)->name, node->name);
        if (length > 0) used += (size_t)length;
        if (used >= size) used = size - 1;
    }
    return found;
}

static int drop_end(struct snnconv_edit *edit)
{
    struct snnconv_program *program = edit->program;
    uint32_t *kept =
        snnbase_arena_alloc(&program->arena, edit->context, program->output_count, sizeof(*kept));
    uint32_t count = 0;
    if (kept == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < program->output_count; i++) {
        char text[256] = "";
        uint32_t output = program->outputs[i];
        uint32_t value = before_end(edit, output, text, sizeof(text));
        bool known = false;
        for (uint32_t k = 0; k < count; k++)
            known = known || kept[k] == value;
        if (!known) kept[count++] = value;
        if (value == output) continue;
        snnbase_diagnose(edit->context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "drop: %s at the end of the net: the order of the outputs is the same "
                         "without, their values are not",
                         text);
    }
    program->outputs = kept;
    program->output_count = count;
    return SNN_OK;
}

static int drop(struct snnconv_program *program, struct snn_context *context,
                struct snnconv_pass_state *state)
{
    (void)state;
    struct snnconv_edit edit;
    uint32_t dropped = 0;
    int status = snnconv_edit_begin(&edit, program, context);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < program->node_count && status == SNN_OK; i++) {
        const struct snnconv_node *node = snnconv_edit_node(&edit, i);
        if (snnconv_node_is_blank(node) || !does_nothing(&edit, node)) continue;
        status = snnconv_edit_bypass(&edit, i);
        dropped++;
    }
    if (status == SNN_OK) status = drop_end(&edit);
    snnconv_edit_end(&edit);
    if (status == SNN_OK && dropped > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "drop: took out %" PRIu32 " nodes that do nothing", dropped);
    return status;
}

const struct snnconv_pass snnconv_pass_drop = {
    "drop", "takes out what does nothing, and softmax and its like at the end", drop};
