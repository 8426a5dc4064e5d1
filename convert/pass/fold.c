/* Constant folding and shape inference, in one walk over the sorted nodes: what needs nothing but
 * constants and shapes is computed, and the shape of everything else is found.
 *
 * Behind it every value that is left has a type and a shape, and no node is left that has only
 * constants for inputs. A constant that was integers in the file keeps the scales they have.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/pass/edit.h"
#include "convert/pass/passes.h"
#include "convert/read/problems.h"
#include "libsnn/base/error.h"

enum { OUTPUTS_MAX = 4 }; /* of an operator of the table: 3 */

/* What constants may ask for, since few bytes of a file can ask for hours: a fixed amount and a
 * multiple of what the file itself holds. Weights are unpacked, scaled and turned, a few bytes for
 * each of theirs; products of constants are rare and small. */
enum { BYTES_FACTOR = 32 };
#define WORK_MAX 5e8 /* elements, or multiplications, of all nodes together */

struct folder {
    struct snnconv_edit edit;
    struct snn_context *context;
    const struct snnconv_array **inputs; /* of the node at hand */
    size_t input_capacity;
    uint32_t folded;
    uint64_t bytes;     /* of what has been computed */
    uint64_t bytes_max; /* for all of it */
    double work_max;
    double work; /* what it took */
    struct snnconv_problems problems;
};

/* ---- How a folded constant is stored in the file ---- */

static int keep(struct folder *f, uint32_t output, const struct snnconv_quantization *quantization)
{
    struct snnconv_quantization *copy =
        snnbase_arena_alloc(&f->edit.program->arena, f->context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *quantization;
    snnconv_edit_value(&f->edit, output)->quantization = copy;
    return SNN_OK;
}

/* Scales of DequantizeLinear become those of its output. */
static int keep_dequantized(struct folder *f, const struct snnconv_node *node, uint32_t output)
{
    const struct snnconv_array *x = f->inputs[0], *scale = f->inputs[1];
    const struct snnconv_array *zero = node->input_count > 2 ? f->inputs[2] : NULL;
    size_t count = snnconv_array_count(scale);
    int64_t axis = node->attributes.axis < 0 ? node->attributes.axis + (int64_t)x->rank
                                             : node->attributes.axis;
    if (node->attributes.block_size != 0 || count == 0 || count > UINT32_MAX) return SNN_OK;
    if (count > 1 && (axis < 0 || axis >= (int64_t)x->rank || (size_t)x->dim[axis] != count))
        return SNN_OK;
    struct snnbase_arena *arena = &f->edit.program->arena;
    float *scales = snnbase_arena_alloc(arena, f->context, count, sizeof(*scales));
    int32_t *zeros = snnbase_arena_alloc(arena, f->context, count, sizeof(*zeros));
    if (scales == NULL || zeros == NULL) return SNN_ERR_NOMEM;
    bool one_zero = zero != NULL && snnconv_array_count(zero) == 1;
    for (size_t i = 0; i < count; i++) {
        scales[i] = (float)snnconv_array_load(scale, i);
        if (zero != NULL) zeros[i] = (int32_t)snnconv_array_load_integer(zero, one_zero ? 0 : i);
    }
    struct snnconv_quantization quantization = {.type = x->type,
                                                .count = (uint32_t)count,
                                                .axis = count > 1 ? (uint32_t)axis : 0,
                                                .scale = scales,
                                                .zero_point = zeros};
    return keep(f, output, &quantization);
}

/* The axis of the output that `axis` of the input becomes when nothing moves; false: it is split or
 * joined with others. */
static bool reshaped_axis(const struct snnconv_array *from, const struct snnconv_array *to,
                          uint32_t axis, uint32_t *out)
{
    int64_t before = 1, passed = 1;
    for (uint32_t i = 0; i < axis; i++)
        before *= from->dim[i];
    for (uint32_t i = 0; i < to->rank; i++) {
        if (passed == before && to->dim[i] == from->dim[axis]) {
            *out = i;
            return true;
        }
        passed *= to->dim[i];
    }
    return false;
}

static int keep_moved(struct folder *f, const struct snnconv_node *node, uint32_t output)
{
    const struct snnconv_quantization *from =
        snnconv_edit_value(&f->edit, node->inputs[0])->quantization;
    const struct snnconv_array *x = f->inputs[0];
    if (from == NULL || f->edit.program->values[output].quantization != NULL) return SNN_OK;
    struct snnconv_quantization moved = *from;
    if (from->count > 1 && from->axis >= x->rank) return SNN_OK;
    if (from->count > 1 && node->op == SNNCONV_OP_TRANSPOSE) {
        const struct snnconv_attributes *a = &node->attributes;
        moved.axis = x->rank - 1 - from->axis; /* reversed */
        for (uint32_t i = 0; i < a->perm_count; i++) {
            if (a->perm[i] == (int64_t)from->axis) moved.axis = i;
        }
    } else if (from->count > 1 &&
               !reshaped_axis(x, &f->edit.program->values[output].array, from->axis, &moved.axis)) {
        return SNN_OK;
    }
    return keep(f, output, &moved);
}

static int keep_scales(struct folder *f, const struct snnconv_node *node)
{
    switch (node->op) {
    case SNNCONV_OP_DEQUANTIZE_LINEAR:
        return keep_dequantized(f, node, node->outputs[0]);
    case SNNCONV_OP_IDENTITY:
    case SNNCONV_OP_RESHAPE:
    case SNNCONV_OP_FLATTEN:
    case SNNCONV_OP_SQUEEZE:
    case SNNCONV_OP_UNSQUEEZE:
    case SNNCONV_OP_TRANSPOSE:
        return keep_moved(f, node, node->outputs[0]);
    default:
        return SNN_OK;
    }
}

/* ---- The walk ---- */

/* The inputs of a node as arrays; *known_out: every shape is known, *constant_out: every element.
 */
static int gather(struct folder *f, const struct snnconv_node *node, bool *known_out,
                  bool *constant_out)
{
    *known_out = *constant_out = true;
    int status = snnbase_grow(f->context, (void **)&f->inputs, &f->input_capacity,
                              (size_t)node->input_count + 1, sizeof(*f->inputs));
    if (status != SNN_OK) return status;
    for (uint32_t k = 0; k < node->input_count; k++) {
        f->inputs[k] = NULL;
        if (node->inputs[k] == SNNCONV_NONE) continue;
        const struct snnconv_array *array = &f->edit.program->values[node->inputs[k]].array;
        f->inputs[k] = array;
        *known_out = *known_out && array->type != SNNCONV_TYPE_NONE;
        *constant_out = *constant_out && array->data != NULL;
    }
    return SNN_OK;
}

/* Shape needs no more than the shape of its input. */
static int fold_shape(struct folder *f, const struct snnconv_node *node, bool *done_out)
{
    const struct snnconv_array *x = f->inputs[0];
    struct snnconv_array out = {.type = SNNCONV_TYPE_I64, .rank = 1};
    int64_t start = node->attributes.start, end = node->attributes.end;
    int64_t rank = (int64_t)x->rank;
    if (start < 0) start = start + rank < 0 ? 0 : start + rank;
    if (end < 0) end += rank;
    if (end > rank) end = rank;
    out.dim[0] = end > start ? end - start : 0;
    int64_t *items = snnconv_array_alloc(&out, f->context, &f->edit.program->arena);
    if (items == NULL) return SNN_ERR_NOMEM;
    for (int64_t i = 0; i < out.dim[0]; i++)
        items[i] = x->dim[start + i];
    f->edit.program->values[node->outputs[0]].array = out;
    *done_out = true;
    return SNN_OK;
}

static int call_node(struct folder *f, const struct snnconv_node *node, bool constant)
{
    struct snnconv_program *program = f->edit.program;
    struct snnconv_array outputs[OUTPUTS_MAX];
    struct snnconv_call call = {.op = node->op,
                                .attributes = &node->attributes,
                                .inputs = f->inputs,
                                .input_count = node->input_count,
                                .outputs = outputs,
                                .output_count = node->output_count};
    while (call.output_count > 1 && node->outputs[call.output_count - 1] == SNNCONV_NONE)
        call.output_count--;
    if (call.output_count > OUTPUTS_MAX)
        return snnbase_fail(f->context, SNN_ERR_INVALID, "has %" PRIu32 " outputs",
                            call.output_count);
    int status = constant ? snnconv_op_evaluate(f->context, &call, &program->arena)
                          : snnconv_op_shape(f->context, &call);
    for (uint32_t k = 0; k < call.output_count && status == SNN_OK; k++) {
        if (node->outputs[k] == SNNCONV_NONE) continue;
        if (!constant) outputs[k].data = NULL;
        program->values[node->outputs[k]].array = outputs[k];
    }
    return status;
}

/* ---- What it may take ---- */

static uint64_t bytes_of(const struct snnconv_array *array)
{
    return (uint64_t)snnconv_array_count(array) * snnconv_type_size(array->type);
}

/* So much as all constants of the file allow. */
static void find_limits(struct folder *f, const struct snnconv_program *program)
{
    struct snn_context *context = f->context;
    uint64_t max = snnbase_limits(context)->file_bytes, held = 0;
    for (uint32_t i = 0; i < program->value_count; i++) {
        const struct snnconv_array *array = &program->values[i].array;
        if (array->data == NULL) continue;
        held += bytes_of(array);
        if (held > max) held = max;
    }
    /* A net may be published without its weights, all made by ConstantOfShape. */
    uint64_t wanted = snnbase_limits(context)->tensor_bytes + BYTES_FACTOR * held;
    f->bytes_max = wanted < max ? wanted : max;
    f->work_max = WORK_MAX + BYTES_FACTOR * (double)held;
}

static double axis_of(const struct snnconv_array *array, uint32_t axis)
{
    return axis < array->rank ? (double)array->dim[axis] : 1.0;
}

/* What one element of the output takes: elements of a kernel, a row or a window. */
static double work_each(const struct folder *f, const struct snnconv_node *node)
{
    const struct snnconv_attributes *a = &node->attributes;
    const struct snnconv_array *x = f->inputs[0], *w = NULL;
    double product = 1.0;
    switch (node->op) {
    case SNNCONV_OP_CONV:
    case SNNCONV_OP_CONV_INTEGER:
    case SNNCONV_OP_QLINEAR_CONV:
        w = f->inputs[node->op == SNNCONV_OP_QLINEAR_CONV ? 3 : 1];
        for (uint32_t i = 1; i < w->rank; i++)
            product *= axis_of(w, i);
        return product;
    case SNNCONV_OP_MAT_MUL:
    case SNNCONV_OP_MAT_MUL_INTEGER:
    case SNNCONV_OP_QLINEAR_MAT_MUL:
        return axis_of(x, x->rank > 0 ? x->rank - 1 : 0);
    case SNNCONV_OP_GEMM:
        return axis_of(x, a->trans_a ? 0 : 1);
    case SNNCONV_OP_AVERAGE_POOL:
    case SNNCONV_OP_MAX_POOL:
    case SNNCONV_OP_SUM_POOL:
        for (uint32_t i = 0; i < a->spatial; i++)
            product *= (double)a->kernel[i];
        return product;
    default:
        return 1.0;
    }
}

/* Holds a node whose shapes are known to what is left, before anything is allocated. */
static int count_cost(struct folder *f, const struct snnconv_node *node)
{
    double each = work_each(f, node);
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (f->inputs[k] != NULL) f->work += (double)snnconv_array_count(f->inputs[k]);
    }
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] == SNNCONV_NONE) continue;
        const struct snnconv_array *array = &f->edit.program->values[node->outputs[k]].array;
        f->bytes += bytes_of(array);
        f->work += each * (double)snnconv_array_count(array);
    }
    if (f->bytes > f->bytes_max)
        return snnbase_fail(f->context, SNN_ERR_LIMIT,
                            "constants computed up to here take more than %" PRIu64 " bytes",
                            f->bytes_max);
    if (f->work > f->work_max)
        return snnbase_fail(f->context, SNN_ERR_LIMIT,
                            "constants computed up to here take more than %.0f operations",
                            f->work_max);
    return SNN_OK;
}

/* Whether a node is computed here: its operator has values, and all it needs is constant. */
static bool is_computed(const struct snnconv_node *node, bool constant)
{
    const struct snnconv_op_info *info = snnconv_op_info(node->op);
    return constant && info != NULL && info->evaluate != NULL;
}

static int fold_node(struct folder *f, uint32_t index)
{
    const struct snnconv_node *node = snnconv_edit_node(&f->edit, index);
    bool known = false, constant = false, done = false;
    int status = gather(f, node, &known, &constant);
    if (status != SNN_OK) return status;
    /* Behind a node that has been complained about there is nothing to say. */
    if (!known && f->problems.status != SNN_OK) return SNN_OK;
    if (node->op == SNNCONV_OP_SHAPE && known && node->input_count == 1 &&
        node->output_count == 1) {
        status = fold_shape(f, node, &done);
    } else {
        done = is_computed(node, constant);
        status = call_node(f, node, false);
        if (done && status == SNN_OK) status = count_cost(f, node);
        if (done && status == SNN_OK) status = call_node(f, node, true);
    }
    if (status != SNN_OK || !done) return status;
    status = keep_scales(f, node);
    if (status != SNN_OK) return status;
    snnconv_edit_remove(&f->edit, index);
    f->folded++;
    return SNN_OK;
}

/* A problem of the file is a finding, and the walk goes on to the next. */
static int report(struct folder *f, const struct snnconv_node *node)
{
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] == SNNCONV_NONE) continue;
        f->edit.program->values[node->outputs[k]].array =
            (struct snnconv_array){.type = SNNCONV_TYPE_NONE};
    }
    return snnconv_problems_add(&f->problems, node->name, node->offset);
}

static int fold(struct snnconv_program *program, struct snn_context *context,
                struct snnconv_pass_state *state)
{
    (void)state;
    struct folder f = {.context = context};
    int status = snnconv_edit_begin(&f.edit, program, context);
    if (status != SNN_OK) return status;
    find_limits(&f, program);
    snnconv_problems_init_inner(&f.problems, context, program->path);
    for (uint32_t i = 0; i < program->node_count && status == SNN_OK; i++) {
        int failed = fold_node(&f, i);
        if (failed != SNN_OK) status = report(&f, snnconv_edit_node(&f.edit, i));
        if (failed == SNN_ERR_LIMIT) break; /* the next one would ask for more */
    }
    snnconv_edit_end(&f.edit);
    snnbase_free(context, (void *)f.inputs);
    int first = snnconv_problems_end(&f.problems);
    if (status == SNN_OK) status = first;
    if (status == SNN_OK && f.folded > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "fold: computed %" PRIu32 " nodes that need only constants", f.folded);
    return status;
}

const struct snnconv_pass snnconv_pass_fold = {
    "fold", "computes what needs only constants and shapes; finds all shapes", fold};
