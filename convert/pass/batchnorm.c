/* Normalisation, and chains of Mul, Add, Sub, Div by constants, become one scale and shift a
 * channel each, which goes into the weights of the Conv or Gemm before it: straight before it, or
 * with nothing but means between, never across an activation.
 *
 * What has no such layer before it stays, written as a BatchNormalization of mean 0 and variance 1
 * (linear.h), for `input` and `affine`. A lone Add behind a linear layer is left for `bias`.
 */
#include <inttypes.h>

#include "convert/pass/edit.h"
#include "convert/pass/linear.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

struct normalizer {
    struct snnconv_edit edit;
    struct snn_context *context;
    uint32_t folded, joined, left;
};

/* Takes up the scale and shift before this one, if nobody else reads what it makes. */
static int join_before(struct normalizer *n, uint32_t index, struct snnconv_affine *a)
{
    struct snnconv_affine first;
    bool found = false;
    uint32_t before = n->edit.writer[a->input];
    if (before == SNNCONV_NONE || snnconv_edit_only_reader(&n->edit, a->input) != index)
        return SNN_OK;
    int status = snnconv_affine_read(&first, &n->edit, snnconv_edit_node(&n->edit, before), &found);
    if (status != SNN_OK || !found) return status;
    /* A scale, then a map of shifts, is as short as it can be. */
    bool joins = !a->shifts_only || a->shift_count == a->channels || first.shifts_only;
    if (joins) status = snnconv_affine_join(a, &first, n->context);
    snnconv_affine_fini(&first, n->context);
    if (status != SNN_OK || !joins) return status;
    status = snnconv_affine_write(&n->edit, index, a);
    if (status != SNN_OK) return status;
    n->joined++;
    /* affine_write may have put a Mul before the node: then that one reads the first's input. */
    snnconv_edit_remove(&n->edit, before);
    return SNN_OK;
}

/* A mean of whole channels commutes with a scale and a shift: no zeros may be in it. */
static bool is_plain_mean(const struct snnconv_node *node)
{
    if (node->op == SNNCONV_OP_GLOBAL_AVERAGE_POOL) return true;
    return node->op == SNNCONV_OP_AVERAGE_POOL &&
           (!node->attributes.count_include_pad ||
            (!snnconv_node_pads(node) && !node->attributes.ceil_mode));
}

/* The linear node whose output alone, through means alone, the scale is applied to. */
static uint32_t find_linear(const struct normalizer *n, uint32_t index, uint32_t input)
{
    uint32_t reader = index, value = input;
    for (;;) {
        uint32_t writer = n->edit.writer[value];
        if (writer == SNNCONV_NONE || snnconv_edit_only_reader(&n->edit, value) != reader)
            return SNNCONV_NONE;
        const struct snnconv_node *node = snnconv_edit_node(&n->edit, writer);
        if (snnconv_linear_is(&n->edit, node)) return writer;
        if (!is_plain_mean(node)) return SNNCONV_NONE;
        reader = writer;
        value = node->inputs[0];
    }
}

/* Values between the linear node and the scale are others now. */
static int renew_between(struct normalizer *n, uint32_t linear, uint32_t last)
{
    for (uint32_t at = linear; at != last;) {
        int status = snnconv_edit_renew(&n->edit, at);
        if (status != SNN_OK) return status;
        at = snnconv_edit_only_reader(&n->edit, snnconv_edit_node(&n->edit, at)->outputs[0]);
        if (at == SNNCONV_NONE) return SNN_OK;
    }
    return SNN_OK;
}

static int fold_into(struct normalizer *n, uint32_t index, uint32_t linear,
                     const struct snnconv_affine *a)
{
    const struct snnconv_node node = *snnconv_edit_node(&n->edit, index);
    uint32_t last = n->edit.writer[a->input], output = node.outputs[0];
    int status = snnconv_linear_scale_outputs(&n->edit, linear, a->scale, a->shift);
    if (status == SNN_OK) status = renew_between(n, linear, last);
    if (status != SNN_OK) return status;
    snnconv_edit_remove(&n->edit, index);
    n->folded++;
    return snnconv_edit_set_output(&n->edit, last, output);
}

/* A scale for each channel and a shift for each element: the scale goes into the layer straight
 * before it, the shift stays an Add, from which a map of biases is made. */
static int fold_scale(struct normalizer *n, uint32_t index, uint32_t linear,
                      struct snnconv_affine *a)
{
    double *none = snnbase_alloc(n->context, a->channels, sizeof(*none));
    if (none == NULL) return SNN_ERR_NOMEM;
    int status = snnconv_linear_scale_outputs(&n->edit, linear, a->scale, none);
    snnbase_free(n->context, none);
    if (status == SNN_OK) status = snnconv_edit_renew(&n->edit, linear);
    if (status != SNN_OK) return status;
    a->input = snnconv_edit_node(&n->edit, linear)->outputs[0];
    for (size_t c = 0; c < a->channels; c++)
        a->scale[c] = 1.0;
    n->folded++;
    return snnconv_affine_write(&n->edit, index, a);
}

static bool is_written(const struct snnconv_node *node)
{
    return node->op == SNNCONV_OP_BATCH_NORMALIZATION && node->attributes.epsilon == 0.0f;
}

static int settle(struct normalizer *n, uint32_t index, struct snnconv_affine *a)
{
    bool flat = a->scale_count == a->channels && a->shift_count == a->channels;
    if (snnconv_affine_is_identity(a)) {
        const struct snnconv_node *node = snnconv_edit_node(&n->edit, index);
        uint32_t output = node->outputs[0];
        int status = snnconv_edit_replace(&n->edit, output, a->input);
        snnconv_edit_remove(&n->edit, index);
        n->folded++;
        return status;
    }
    uint32_t linear = flat ? find_linear(n, index, a->input) : SNNCONV_NONE;
    if (a->shifts_only) return SNN_OK;
    if (linear != SNNCONV_NONE) return fold_into(n, index, linear, a);
    uint32_t writer = n->edit.writer[a->input];
    if (!flat && a->scale_count == a->channels && writer != SNNCONV_NONE &&
        snnconv_edit_only_reader(&n->edit, a->input) == index &&
        snnconv_linear_is(&n->edit, snnconv_edit_node(&n->edit, writer)))
        return fold_scale(n, index, writer, a);
    n->left++;
    if (!flat || is_written(snnconv_edit_node(&n->edit, index))) return SNN_OK;
    return snnconv_affine_write(&n->edit, index, a);
}

static int normalize(struct normalizer *n, uint32_t index)
{
    struct snnconv_affine a;
    bool found = false;
    int status = snnconv_affine_read(&a, &n->edit, snnconv_edit_node(&n->edit, index), &found);
    if (status != SNN_OK || !found) return status;
    status = join_before(n, index, &a);
    if (status == SNN_OK) status = settle(n, index, &a);
    snnconv_affine_fini(&a, n->context);
    return status;
}

static int batchnorm(struct snnconv_program *program, struct snn_context *context,
                     struct snnconv_pass_state *state)
{
    (void)state;
    struct normalizer n = {.context = context};
    const uint32_t node_count = program->node_count;
    int status = snnconv_edit_begin(&n.edit, program, context);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < node_count && status == SNN_OK; i++)
        status = normalize(&n, i);
    snnconv_edit_end(&n.edit);
    if (status == SNN_OK && n.folded + n.joined > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "batchnorm: folded %" PRIu32 " into the layers before them; %" PRIu32
                         " have none",
                         n.folded, n.left);
    return status;
}

const struct snnconv_pass snnconv_pass_batchnorm = {
    "batchnorm", "folds normalisation, scales and shifts into the weights before them", batchnorm};
