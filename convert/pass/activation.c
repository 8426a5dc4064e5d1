/* Brings activations to where they join a layer: Relu, Clip from 0 and LeakyRelu straight behind
 * the Conv, Gemm, addition or normalisation that they belong to (convert/emit.c makes one layer of
 * the two). They go before max pools, with which they commute; two in a row become one.
 *
 * An activation behind anything else stays where it is and becomes a layer of its own.
 */
#include <inttypes.h>
#include <math.h>

#include "convert/pass/edit.h"
#include "convert/pass/linear.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"

struct activator {
    struct snnconv_edit edit;
    uint32_t placed, moved, merged;
};

/* Upper bound of a ReLU (INFINITY) or of a Clip from 0; false for all else. */
static bool read_clip(const struct snnconv_edit *edit, const struct snnconv_node *node,
                      double *high_out)
{
    double low = 0.0, high = INFINITY;
    *high_out = INFINITY;
    if (node->op == SNNCONV_OP_RELU) return true;
    if (node->op != SNNCONV_OP_CLIP) return false;
    if (!snnconv_array_scalar(snnconv_edit_constant(edit, node, 1), &low)) return false;
    if (snnconv_node_input(node, 2) != SNNCONV_NONE &&
        !snnconv_array_scalar(snnconv_edit_constant(edit, node, 2), &high))
        return false;
    *high_out = high;
    return low == 0.0 && high > 0.0;
}

static bool is_activation(const struct snnconv_edit *edit, const struct snnconv_node *node)
{
    double high;
    return !snnconv_node_is_blank(node) &&
           (node->op == SNNCONV_OP_LEAKY_RELU || read_clip(edit, node, &high));
}

/* A ReLU behind a clip does nothing; a clip behind a ReLU is all that is needed of the two. */
static int merge(struct activator *a, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&a->edit, index);
    double high, before;
    if (!read_clip(&a->edit, node, &high)) return SNN_OK;
    uint32_t x = node->inputs[0], writer = a->edit.writer[x];
    if (snnconv_edit_is_positive(&a->edit, x) && !(high < (double)INFINITY)) {
        a->merged++;
        return snnconv_edit_bypass(&a->edit, index);
    }
    if (writer == SNNCONV_NONE || snnconv_edit_only_reader(&a->edit, x) != index) return SNN_OK;
    const struct snnconv_node *first = snnconv_edit_node(&a->edit, writer);
    if (!read_clip(&a->edit, first, &before)) return SNN_OK;
    a->merged++;
    if (before <= high) return snnconv_edit_bypass(&a->edit, index);
    int status = snnconv_edit_set_input(&a->edit, index, 0, first->inputs[0]);
    if (status == SNN_OK) snnconv_edit_remove(&a->edit, writer);
    return status;
}

/* A Clip without an upper bound that counts is a ReLU. */
static int simplify(struct activator *a, uint32_t index)
{
    struct snnconv_node *node = snnconv_edit_node(&a->edit, index);
    double high;
    if (node->op != SNNCONV_OP_CLIP || !read_clip(&a->edit, node, &high) || high < 3.4e38)
        return SNN_OK;
    uint32_t x = node->inputs[0];
    node->op = SNNCONV_OP_RELU;
    return snnconv_edit_set_inputs(&a->edit, index, &x, 1);
}

/* x -> pool -> activation becomes x -> activation -> pool: the pool writes what the activation
 * wrote. */
static int move_before_pools(struct activator *a, uint32_t index)
{
    for (;;) {
        const struct snnconv_node *node = snnconv_edit_node(&a->edit, index);
        uint32_t middle = node->inputs[0], output = node->outputs[0], value = SNNCONV_NONE;
        uint32_t pool = a->edit.writer[middle];
        if (pool == SNNCONV_NONE || snnconv_edit_only_reader(&a->edit, middle) != index)
            return SNN_OK;
        const struct snnconv_node *before = snnconv_edit_node(&a->edit, pool);
        bool monotone = node->op != SNNCONV_OP_LEAKY_RELU || node->attributes.alpha >= 0.0f;
        uint32_t x = before->inputs[0];
        if ((before->op != SNNCONV_OP_MAX_POOL && before->op != SNNCONV_OP_GLOBAL_MAX_POOL) ||
            !monotone || snnconv_edit_only_reader(&a->edit, x) != pool)
            return SNN_OK;
        const struct snnconv_array shape = snnconv_edit_value(&a->edit, x)->array;
        int status = snnconv_edit_add_value(&a->edit, &shape, SNNCONV_NONE, &value);
        if (status == SNN_OK) status = snnconv_edit_set_input(&a->edit, index, 0, x);
        if (status == SNN_OK) status = snnconv_edit_set_output(&a->edit, index, value);
        if (status == SNN_OK) status = snnconv_edit_set_input(&a->edit, pool, 0, value);
        if (status == SNN_OK) status = snnconv_edit_set_output(&a->edit, pool, output);
        if (status != SNN_OK) return status;
        /* Integers of the file are those of the pool's output, and of its input as well. */
        snnconv_edit_value(&a->edit, value)->quantization =
            snnconv_edit_value(&a->edit, output)->quantization;
        a->moved++;
    }
}

/* Whether what writes a value can have an activation. */
static bool is_host(const struct snnconv_edit *edit, uint32_t value)
{
    const struct snnconv_node *node = snnconv_edit_writer(edit, value);
    if (node == NULL) return false;
    return snnconv_linear_is(edit, node) || node->op == SNNCONV_OP_ADD ||
           node->op == SNNCONV_OP_SUM || node->op == SNNCONV_OP_BATCH_NORMALIZATION;
}

static int place(struct activator *a, uint32_t index)
{
    int status = SNN_OK;
    if (!is_activation(&a->edit, snnconv_edit_node(&a->edit, index))) return SNN_OK;
    status = merge(a, index);
    if (status != SNN_OK || snnconv_node_is_blank(snnconv_edit_node(&a->edit, index)))
        return status;
    status = simplify(a, index);
    if (status == SNN_OK) status = move_before_pools(a, index);
    if (status != SNN_OK) return status;
    uint32_t x = snnconv_edit_node(&a->edit, index)->inputs[0];
    if (is_host(&a->edit, x) && snnconv_edit_only_reader(&a->edit, x) == index) a->placed++;
    return SNN_OK;
}

static int activation(struct snnconv_program *program, struct snn_context *context,
                      struct snnconv_pass_state *state)
{
    (void)state;
    struct activator a = {.placed = 0};
    int status = snnconv_edit_begin(&a.edit, program, context);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < program->node_count && status == SNN_OK; i++)
        status = place(&a, i);
    snnconv_edit_end(&a.edit);
    if (status == SNN_OK && a.placed + a.moved + a.merged > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "activation: %" PRIu32 " join the layer before them (%" PRIu32
                         " moved before a max pool, %" PRIu32 " were one too many)",
                         a.placed, a.moved, a.merged);
    return status;
}

const struct snnconv_pass snnconv_pass_activation = {
    "activation", "brings activations to the layers that they belong to", activation};
