/* Add, Sub, Mul, Div and Sum, with numpy's broadcasting.
 *
 *     [6, 5, 5] + [6, 1, 1]  ->  axes {6, 25}, steps of the second {1, 0}
 *
 * Neighbouring axes along which both inputs step alike are made one, so that the innermost loop is
 * as long as can be; float32 has a loop for each pattern of steps. Integers wrap around, and their
 * division truncates toward zero.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

int snnconv_arithmetic_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct snnconv_array *to = &call->outputs[0];
    int status = snnconv_rule_numeric(context, call->inputs[0]);
    snnconv_rule_same(call);
    for (uint32_t i = 1; i < call->input_count && status == SNN_OK; i++) {
        status = snnconv_rule_same_type(context, to, call->inputs[i]);
        if (status == SNN_OK) status = snnconv_rule_broadcast(context, to, call->inputs[i], to);
    }
    return status;
}

/* ---- Steps ---- */

/* Two inputs walked over the axes of the output, from the outermost in. */
struct walk {
    uint32_t rank;
    size_t dim[SNNCONV_RANK_MAX];
    size_t a[SNNCONV_RANK_MAX]; /* elements to the next place; 0: stretched */
    size_t b[SNNCONV_RANK_MAX];
};

/* Steps of an input along the axes of the output that it broadcasts to. */
static void broadcast_steps(const struct snnconv_array *to, const struct snnconv_array *from,
                            size_t step[SNNCONV_RANK_MAX])
{
    size_t stride[SNNCONV_RANK_MAX];
    uint32_t missing = to->rank - from->rank;
    snnconv_rule_strides(from, stride);
    for (uint32_t i = 0; i < to->rank; i++) {
        bool stretched = i < missing || from->dim[i - missing] == 1;
        step[i] = stretched ? 0 : stride[i - missing];
    }
}

static void walk_init(struct walk *walk, const struct snnconv_array *to,
                      const struct snnconv_array *a, const struct snnconv_array *b)
{
    size_t step_a[SNNCONV_RANK_MAX], step_b[SNNCONV_RANK_MAX];
    broadcast_steps(to, a, step_a);
    broadcast_steps(to, b, step_b);
    walk->rank = 0;
    for (uint32_t i = 0; i < to->rank; i++) {
        size_t extent = (size_t)to->dim[i];
        uint32_t last = walk->rank - 1;
        if (extent == 1) continue;
        if (walk->rank > 0 && walk->a[last] == extent * step_a[i] &&
            walk->b[last] == extent * step_b[i]) {
            extent *= walk->dim[last];
            walk->rank--;
        }
        walk->dim[walk->rank] = extent;
        walk->a[walk->rank] = step_a[i];
        walk->b[walk->rank] = step_b[i];
        walk->rank++;
    }
    if (walk->rank > 0) return;
    *walk = (struct walk){.rank = 1, .dim = {1}};
}

/* ---- Lines ---- */

/* Where a line begins, in elements, and how it steps. */
struct line {
    size_t to, a, b;
    size_t step_a, step_b;
    size_t count;
};

/* `to` may be `a` itself: Sum adds up in its output. */
#define LINE_F32(name, operator)                                                         \
    static void name(float *to, const float *a, const float *b, const struct line *line) \
    {                                                                                    \
        size_t count = line->count;                                                      \
        if (line->step_a == 1 && line->step_b == 1) {                                    \
            for (size_t i = 0; i < count; i++)                                           \
                to[i] = a[i] operator b[i];                                              \
        } else if (line->step_a == 1 && line->step_b == 0) {                             \
            const float right = b[0];                                                    \
            for (size_t i = 0; i < count; i++)                                           \
                to[i] = a[i] operator right;                                             \
        } else {                                                                         \
            for (size_t i = 0; i < count; i++)                                           \
                to[i] = a[i * line->step_a] operator b[i * line->step_b];                \
        }                                                                                \
    }

LINE_F32(add_f32, +)
LINE_F32(sub_f32, -)
LINE_F32(mul_f32, *)
LINE_F32(div_f32, /)

static void line_f32(enum snnconv_op op, float *to, const float *a, const float *b,
                     const struct line *line)
{
    switch (op) {
    case SNNCONV_OP_SUB:
        sub_f32(to, a, b, line);
        return;
    case SNNCONV_OP_MUL:
        mul_f32(to, a, b, line);
        return;
    case SNNCONV_OP_DIV:
        div_f32(to, a, b, line);
        return;
    default:
        add_f32(to, a, b, line);
    }
}

static double compute(enum snnconv_op op, double a, double b)
{
    switch (op) {
    case SNNCONV_OP_SUB:
        return a - b;
    case SNNCONV_OP_MUL:
        return a * b;
    case SNNCONV_OP_DIV:
        return a / b;
    default:
        return a + b;
    }
}

/* Two's complement throughout, hence in unsigned arithmetic; `b` is not 0 in a division. */
static int64_t compute_integer(enum snnconv_op op, enum snnconv_type type, int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case SNNCONV_OP_SUB:
        return (int64_t)(x - y);
    case SNNCONV_OP_MUL:
        return (int64_t)(x * y);
    case SNNCONV_OP_DIV:
        if (type == SNNCONV_TYPE_U64) return (int64_t)(x / y);
        return b == -1 ? (int64_t)(0 - x) : a / b; /* the smallest by -1 would not fit */
    default:
        return (int64_t)(x + y);
    }
}

/* Float16 and bfloat16 are computed in double and rounded once, which is what rounding the exact
 * result gives: a double has more than twice their bits. */
static int line_any(struct snn_context *context, const struct snnconv_call *call,
                    const struct snnconv_array *a, const struct snnconv_array *b,
                    const struct line *line)
{
    struct snnconv_array *to = &call->outputs[0];
    bool is_float = snnconv_type_is_float(to->type);
    for (size_t i = 0; i < line->count; i++) {
        size_t at_a = line->a + i * line->step_a, at_b = line->b + i * line->step_b;
        if (is_float) {
            double value =
                compute(call->op, snnconv_array_load(a, at_a), snnconv_array_load(b, at_b));
            snnconv_array_store(to, line->to + i, value);
            continue;
        }
        int64_t left = snnconv_array_load_integer(a, at_a);
        int64_t right = snnconv_array_load_integer(b, at_b);
        if (call->op == SNNCONV_OP_DIV && right == 0)
            return snnbase_fail(context, SNN_ERR_INVALID, "an integer is divided by 0");
        snnconv_array_store_integer(to, line->to + i,
                                    compute_integer(call->op, to->type, left, right));
    }
    return SNN_OK;
}

static int run_line(struct snn_context *context, const struct snnconv_call *call,
                    const struct snnconv_array *a, const struct snnconv_array *b,
                    const struct line *line)
{
    const struct snnconv_array *to = &call->outputs[0];
    if (to->type != SNNCONV_TYPE_F32) return line_any(context, call, a, b, line);
    line_f32(call->op, (float *)snnconv_array_room(to) + line->to, (const float *)a->data + line->a,
             (const float *)b->data + line->b, line);
    return SNN_OK;
}

/* ---- The whole ---- */

static int combine(struct snn_context *context, const struct snnconv_call *call,
                   const struct snnconv_array *a, const struct snnconv_array *b)
{
    size_t at[SNNCONV_RANK_MAX] = {0}, count = snnconv_array_count(&call->outputs[0]);
    struct walk walk;
    walk_init(&walk, &call->outputs[0], a, b);
    uint32_t last = walk.rank - 1;
    struct line line = {.step_a = walk.a[last], .step_b = walk.b[last], .count = walk.dim[last]};
    int status = SNN_OK;
    for (; line.to < count && status == SNN_OK; line.to += line.count) {
        status = run_line(context, call, a, b, &line);
        for (uint32_t axis = last; axis-- > 0;) {
            line.a += walk.a[axis];
            line.b += walk.b[axis];
            if (++at[axis] < walk.dim[axis]) break;
            at[axis] = 0;
            line.a -= walk.dim[axis] * walk.a[axis];
            line.b -= walk.dim[axis] * walk.b[axis];
        }
    }
    return status;
}

int snnconv_arithmetic_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *sum = call->inputs[0];
    int status = SNN_OK;
    if (call->input_count == 1) return snnconv_identity_evaluate(context, call);
    for (uint32_t i = 1; i < call->input_count && status == SNN_OK; i++) {
        status = combine(context, call, sum, call->inputs[i]);
        sum = &call->outputs[0];
    }
    return status;
}
