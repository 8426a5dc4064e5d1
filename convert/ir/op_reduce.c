/* Operators that look along axes: Softmax, LogSoftmax, ArgMax, ReduceMean,
 * ReduceMax.
 *
 * Sums are taken in double precision. None of these stands inside a spiking net but a mean or
 * maximum over rows and columns, so nothing here is made to be fast.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

/* ---- Softmax, LogSoftmax ---- */

/* `outer` * `inner` lines of `count` elements, `inner` elements apart. */
struct lines {
    size_t outer, count, inner;
};

static int softmax_lines(struct snn_context *context, const struct snnconv_call *call,
                         struct lines *lines)
{
    const struct snnconv_array *from = call->inputs[0];
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, from->rank, &axis);
    if (status != SNN_OK) return status;
    snnconv_rule_split(from, axis, &lines->outer, &lines->inner);
    lines->count = (size_t)from->dim[axis];
    if (call->attributes->flatten_axes) { /* all from `axis` on are one */
        lines->count *= lines->inner;
        lines->inner = 1;
    }
    return SNN_OK;
}

int snnconv_softmax_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct lines lines;
    int status = softmax_lines(context, call, &lines);
    if (status != SNN_OK) return status;
    if (!snnconv_type_is_float(call->inputs[0]->type))
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "an input of %s, floats are expected",
                            snnconv_type_name(call->inputs[0]->type));
    snnconv_rule_same(call);
    return SNN_OK;
}

/* exp(x - max) / sum, and its logarithm x - max - log(sum): nothing overflows. */
static void softmax_line(const struct snnconv_call *call, const struct lines *lines, size_t first)
{
    const struct snnconv_array *from = call->inputs[0];
    double max = -(double)INFINITY, sum = 0;
    for (size_t i = 0; i < lines->count; i++)
        max = fmax(max, snnconv_array_load(from, first + i * lines->inner));
    for (size_t i = 0; i < lines->count; i++)
        sum += exp(snnconv_array_load(from, first + i * lines->inner) - max);
    for (size_t i = 0; i < lines->count; i++) {
        size_t at = first + i * lines->inner;
        double below = snnconv_array_load(from, at) - max;
        bool is_log = call->op == SNNCONV_OP_LOG_SOFTMAX;
        snnconv_array_store(&call->outputs[0], at, is_log ? below - log(sum) : exp(below) / sum);
    }
}

int snnconv_softmax_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct lines lines;
    int status = softmax_lines(context, call, &lines);
    if (status != SNN_OK) return status;
    for (size_t o = 0; o < lines.outer; o++) {
        for (size_t i = 0; i < lines.inner; i++)
            softmax_line(call, &lines, o * lines.count * lines.inner + i);
    }
    return SNN_OK;
}

/* ---- Reduced shapes ---- */

/* The extents without the marked axes, or with 1 in their place. */
static void reduce_shape(const struct snnconv_array *from, const bool *reduced, bool keepdims,
                         struct snnconv_array *to)
{
    to->rank = 0;
    for (uint32_t i = 0; i < from->rank; i++) {
        if (!reduced[i])
            to->dim[to->rank++] = from->dim[i];
        else if (keepdims)
            to->dim[to->rank++] = 1;
    }
}

/* ---- ArgMax ---- */

int snnconv_arg_max_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    bool reduced[SNNCONV_RANK_MAX] = {false};
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, from->rank, &axis);
    if (status == SNN_OK) status = snnconv_rule_numeric(context, from);
    if (status != SNN_OK) return status;
    if (from->dim[axis] == 0)
        return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRIu32 " has no largest element",
                            axis);
    reduced[axis] = true;
    call->outputs[0].type = SNNCONV_TYPE_I64;
    reduce_shape(from, reduced, call->attributes->keepdims, &call->outputs[0]);
    return SNN_OK;
}

static bool is_greater(const struct snnconv_array *array, size_t a, size_t b)
{
    if (snnconv_type_is_float(array->type))
        return snnconv_array_load(array, a) > snnconv_array_load(array, b);
    int64_t x = snnconv_array_load_integer(array, a), y = snnconv_array_load_integer(array, b);
    return array->type == SNNCONV_TYPE_U64 ? (uint64_t)x > (uint64_t)y : x > y;
}

int snnconv_arg_max_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    bool last = call->attributes->select_last_index;
    int64_t *to = snnconv_array_room(&call->outputs[0]);
    size_t outer, inner;
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, from->rank, &axis);
    if (status != SNN_OK) return status;
    snnconv_rule_split(from, axis, &outer, &inner);
    size_t count = (size_t)from->dim[axis];
    for (size_t line = 0; line < outer * inner; line++) {
        size_t first = line / inner * count * inner + line % inner, best = 0;
        for (size_t i = 1; i < count; i++) {
            size_t at = first + i * inner, champion = first + best * inner;
            bool wins = last ? !is_greater(from, champion, at) : is_greater(from, at, champion);
            if (wins) best = i;
        }
        to[line] = (int64_t)best;
    }
    return SNN_OK;
}

/* ---- ReduceMean, ReduceMax ---- */

static int find_axes(struct snn_context *context, const struct snnconv_call *call,
                     bool reduced[SNNCONV_RANK_MAX])
{
    const struct snnconv_array *list = snnconv_call_input(call, 1);
    uint32_t rank = call->inputs[0]->rank, count = 0, axis;
    int64_t axes[SNNCONV_RANK_MAX];
    int status = SNN_OK;
    if (list) status = snnconv_rule_integers(context, list, "axes", axes, SNNCONV_RANK_MAX, &count);
    for (uint32_t i = 0; i < SNNCONV_RANK_MAX; i++)
        reduced[i] = count == 0 && !call->attributes->noop_with_empty_axes;
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        status = snnconv_rule_axis(context, axes[i], rank, &axis);
        if (status == SNN_OK) reduced[axis] = true;
    }
    return status;
}

int snnconv_reduce_mean_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    bool reduced[SNNCONV_RANK_MAX];
    int status = find_axes(context, call, reduced);
    if (status == SNN_OK) status = snnconv_rule_numeric(context, from);
    if (status != SNN_OK) return status;
    call->outputs[0].type = from->type;
    reduce_shape(from, reduced, call->attributes->keepdims, &call->outputs[0]);
    return SNN_OK;
}

int snnconv_reduce_max_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    bool reduced[SNNCONV_RANK_MAX];
    int status = snnconv_reduce_mean_shape(context, call);
    if (status == SNN_OK) status = find_axes(context, call, reduced);
    for (uint32_t i = 0; i < from->rank && status == SNN_OK; i++) {
        if (reduced[i] && from->dim[i] == 0)
            status = snnbase_fail(context, SNN_ERR_INVALID,
                                  "axis %" PRIu32 " has no largest element", i);
    }
    return status;
}

/* Goes over all elements in order; `to` is the place in the output of the one it stands on. */
struct walk {
    const struct snnconv_array *from;
    size_t step[SNNCONV_RANK_MAX], at[SNNCONV_RANK_MAX], to;
};

static void walk_begin(struct walk *walk, const struct snnconv_array *from, const bool *reduced)
{
    size_t next = 1;
    *walk = (struct walk){.from = from};
    for (uint32_t i = from->rank; i-- > 0;) {
        walk->step[i] = reduced[i] ? 0 : next;
        if (!reduced[i]) next *= (size_t)from->dim[i];
    }
}

static void walk_on(struct walk *walk)
{
    for (uint32_t axis = walk->from->rank; axis-- > 0;) {
        walk->to += walk->step[axis];
        if (++walk->at[axis] < (size_t)walk->from->dim[axis]) break;
        walk->at[axis] = 0;
        walk->to -= (size_t)walk->from->dim[axis] * walk->step[axis];
    }
}

/* Means of integers are truncated; exact while sums stay within 2^53. */
int snnconv_reduce_mean_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    size_t count = snnconv_array_count(&call->outputs[0]);
    bool reduced[SNNCONV_RANK_MAX];
    struct walk walk;
    double share = 1;
    int status = find_axes(context, call, reduced);
    if (status != SNN_OK) return status;
    double *sums = snnbase_alloc(context, count, sizeof(*sums));
    if (!sums) return SNN_ERR_NOMEM;
    walk_begin(&walk, from, reduced);
    for (size_t i = 0; i < snnconv_array_count(from); i++, walk_on(&walk))
        sums[walk.to] += snnconv_array_load(from, i);
    for (uint32_t i = 0; i < from->rank; i++) {
        if (reduced[i]) share *= (double)from->dim[i];
    }
    for (size_t i = 0; i < count; i++)
        snnconv_array_store(&call->outputs[0], i, sums[i] / share);
    snnbase_free(context, sums);
    return SNN_OK;
}

/* The largest element is copied as it is, so that integers of any size are exact. */
int snnconv_reduce_max_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    size_t count = snnconv_array_count(&call->outputs[0]), size = snnconv_type_size(from->type);
    unsigned char *to = snnconv_array_room(&call->outputs[0]);
    bool reduced[SNNCONV_RANK_MAX];
    struct walk walk;
    int status = find_axes(context, call, reduced);
    if (status != SNN_OK) return status;
    size_t *best = snnbase_alloc(context, count, sizeof(*best)); /* 0: none yet, else 1 + index */
    if (!best) return SNN_ERR_NOMEM;
    walk_begin(&walk, from, reduced);
    for (size_t i = 0; i < snnconv_array_count(from); i++, walk_on(&walk)) {
        if (best[walk.to] == 0 || is_greater(from, i, best[walk.to] - 1)) best[walk.to] = i + 1;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * size, (const unsigned char *)from->data + (best[i] - 1) * size, size);
    snnbase_free(context, best);
    return SNN_OK;
}
