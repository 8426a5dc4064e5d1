/* Operators that fetch elements from other places, whatever their type: Transpose, Slice, Gather,
 * Concat, Pad.
 *
 * Each comes down to copying with a step (in bytes, maybe negative) for every axis. Starts, steps
 * and indices come from files; they are cut or checked against the extents before they are used.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

/* ---- Copying ---- */

static void copy_line(unsigned char *to, ptrdiff_t to_step, const unsigned char *from,
                      ptrdiff_t from_step, size_t size, int64_t count)
{
    ptrdiff_t item = (ptrdiff_t)size;
    if (to_step == item && from_step == item) {
        memcpy(to, from, size * (size_t)count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        /* Of a known size, so that it is one move. */
        if (size == 4)
            memcpy(to, from, 4);
        else
            memcpy(to, from, size);
        to += to_step;
        from += from_step;
    }
}

/* A block of elements of one shape on both sides, with a step of their own for each axis. */
struct block {
    size_t size; /* of an element */
    uint32_t rank;
    int64_t dim[SNNCONV_RANK_MAX];
    unsigned char *to;
    ptrdiff_t to_step[SNNCONV_RANK_MAX];
    const unsigned char *from;
    ptrdiff_t from_step[SNNCONV_RANK_MAX];
};

static void copy_block(const struct block *block)
{
    int64_t at[SNNCONV_RANK_MAX] = {0};
    uint32_t last = block->rank - 1;
    unsigned char *to = block->to;
    const unsigned char *from = block->from;
    for (uint32_t i = 0; i < block->rank; i++) {
        if (block->dim[i] == 0) return;
    }
    if (block->rank == 0) {
        memcpy(to, from, block->size);
        return;
    }
    for (;;) {
        copy_line(to, block->to_step[last], from, block->from_step[last], block->size,
                  block->dim[last]);
        uint32_t axis = last;
        while (axis > 0 && ++at[axis - 1] == block->dim[axis - 1]) {
            axis--;
            at[axis] = 0;
            to -= (block->dim[axis] - 1) * block->to_step[axis];
            from -= (block->dim[axis] - 1) * block->from_step[axis];
        }
        if (axis == 0) return;
        to += block->to_step[axis - 1];
        from += block->from_step[axis - 1];
    }
}

/* Bytes from one place of an axis to the next. */
static void byte_steps(const struct snnconv_array *array, ptrdiff_t step[SNNCONV_RANK_MAX])
{
    size_t stride[SNNCONV_RANK_MAX], size = snnconv_type_size(array->type);
    snnconv_rule_strides(array, stride);
    for (uint32_t i = 0; i < array->rank; i++)
        step[i] = (ptrdiff_t)(stride[i] * size);
}

/* The block of all elements of an output; the source is for the caller to say. */
static struct block block_of(const struct snnconv_array *output)
{
    struct block block = {
        .size = snnconv_type_size(output->type),
        .rank = output->rank,
        .to = snnconv_array_room(output),
    };
    memcpy(block.dim, output->dim, sizeof(block.dim));
    byte_steps(output, block.to_step);
    return block;
}

/* ---- Transpose ---- */

static int read_perm(struct snn_context *context, const struct snnconv_call *call,
                     uint32_t perm[SNNCONV_RANK_MAX])
{
    const struct snnconv_attributes *a = call->attributes;
    uint32_t rank = call->inputs[0]->rank, seen = 0;
    if (a->perm_count != 0 && a->perm_count != rank)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "a permutation of %" PRIu32 " axes for a tensor of %" PRIu32,
                            a->perm_count, rank);
    for (uint32_t i = 0; i < rank; i++) {
        int64_t axis = a->perm_count == 0 ? rank - 1 - i : a->perm[i];
        if (axis < 0 || axis >= rank || (seen >> axis & 1) != 0)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "axis %" PRId64 " in a permutation of %" PRIu32 " axes is %s", axis,
                                rank, axis < 0 || axis >= rank ? "none of them" : "there twice");
        seen |= 1u << axis;
        perm[i] = (uint32_t)axis;
    }
    return SNN_OK;
}

int snnconv_transpose_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0];
    struct snnconv_array *to = &call->outputs[0];
    uint32_t perm[SNNCONV_RANK_MAX];
    int status = read_perm(context, call, perm);
    if (status != SNN_OK) return status;
    to->type = from->type;
    to->rank = from->rank;
    for (uint32_t i = 0; i < from->rank; i++)
        to->dim[i] = from->dim[perm[i]];
    return SNN_OK;
}

int snnconv_transpose_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct block block = block_of(&call->outputs[0]);
    ptrdiff_t step[SNNCONV_RANK_MAX];
    uint32_t perm[SNNCONV_RANK_MAX];
    int status = read_perm(context, call, perm);
    if (status != SNN_OK) return status;
    byte_steps(call->inputs[0], step);
    block.from = call->inputs[0]->data;
    for (uint32_t i = 0; i < block.rank; i++)
        block.from_step[i] = step[perm[i]];
    copy_block(&block);
    return SNN_OK;
}

/* ---- Slice ---- */

/* What is cut out along each axis: `count` places from `start` on. */
struct cut {
    int64_t start[SNNCONV_RANK_MAX];
    int64_t step[SNNCONV_RANK_MAX];
    int64_t count[SNNCONV_RANK_MAX];
};

/* Cuts `bound`, counted from the end if negative, to low .. high. */
static int64_t slice_bound(int64_t bound, int64_t extent, int64_t low, int64_t high)
{
    if (bound < 0) bound += extent;
    return bound < low ? low : bound > high ? high : bound;
}

static void cut_axis(struct cut *cut, uint32_t axis, int64_t extent, const int64_t bound[2],
                     int64_t step)
{
    int64_t start, span, count = 0, stride = step;
    if (step > 0) {
        start = slice_bound(bound[0], extent, 0, extent);
        span = slice_bound(bound[1], extent, 0, extent) - start;
    } else {
        start = slice_bound(bound[0], extent, 0, extent - 1);
        span = start - slice_bound(bound[1], extent, -1, extent - 1);
        /* The smallest integer has no magnitude; one less steps out just as well. */
        stride = step == INT64_MIN ? INT64_MAX : -step;
    }
    if (span > 0 && extent > 0) count = (span - 1) / stride + 1;
    cut->start[axis] = count > 0 ? start : 0;
    cut->step[axis] = count > 1 ? step : 0; /* where it is taken, within the extent */
    cut->count[axis] = count;
}

/* The lists of starts, ends, axes and steps, one behind the other. */
struct slice_lists {
    int64_t items[4][SNNCONV_RANK_MAX];
    uint32_t count;
};

static int read_slice_lists(struct snn_context *context, const struct snnconv_call *call,
                            struct slice_lists *lists)
{
    static const char *const what[4] = {"starts", "ends", "axes", "steps"};
    for (uint32_t k = 0; k < 4; k++) {
        const struct snnconv_array *list = snnconv_call_input(call, k + 1);
        uint32_t count;
        if (!list) {
            for (uint32_t i = 0; i < lists->count; i++)
                lists->items[k][i] = k == 2 ? i : 1;
            continue;
        }
        int status = snnconv_rule_integers(context, list, what[k], lists->items[k],
                                           SNNCONV_RANK_MAX, &count);
        if (status != SNN_OK) return status;
        if (k == 0) lists->count = count;
        if (count != lists->count)
            return snnbase_fail(context, SNN_ERR_INVALID, "%" PRIu32 " %s for %" PRIu32 " starts",
                                count, what[k], lists->count);
    }
    return SNN_OK;
}

static int read_cut(struct snn_context *context, const struct snnconv_call *call, struct cut *cut)
{
    const struct snnconv_array *from = call->inputs[0];
    struct slice_lists lists = {.count = 0};
    uint32_t seen = 0, axis;
    for (uint32_t i = 0; i < from->rank; i++) {
        cut->start[i] = 0;
        cut->step[i] = 1;
        cut->count[i] = from->dim[i];
    }
    int status = read_slice_lists(context, call, &lists);
    for (uint32_t i = 0; status == SNN_OK && i < lists.count; i++) {
        const int64_t bound[2] = {lists.items[0][i], lists.items[1][i]};
        status = snnconv_rule_axis(context, lists.items[2][i], from->rank, &axis);
        if (status != SNN_OK) return status;
        if ((seen >> axis & 1) != 0)
            return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRIu32 " is cut twice", axis);
        if (lists.items[3][i] == 0)
            return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRIu32 " is cut in steps of 0",
                                axis);
        seen |= 1u << axis;
        cut_axis(cut, axis, from->dim[axis], bound, lists.items[3][i]);
    }
    return status;
}

int snnconv_slice_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct snnconv_array *to = &call->outputs[0];
    struct cut cut;
    int status = read_cut(context, call, &cut);
    if (status != SNN_OK) return status;
    to->type = call->inputs[0]->type;
    to->rank = call->inputs[0]->rank;
    for (uint32_t i = 0; i < to->rank; i++)
        to->dim[i] = cut.count[i];
    return SNN_OK;
}

int snnconv_slice_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct block block = block_of(&call->outputs[0]);
    ptrdiff_t step[SNNCONV_RANK_MAX];
    struct cut cut;
    int status = read_cut(context, call, &cut);
    if (status != SNN_OK) return status;
    byte_steps(call->inputs[0], step);
    block.from = call->inputs[0]->data;
    for (uint32_t i = 0; i < block.rank; i++) {
        block.from += cut.start[i] * step[i];
        block.from_step[i] = cut.step[i] * step[i];
    }
    copy_block(&block);
    return SNN_OK;
}

/* ---- Gather ---- */

int snnconv_gather_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0], *indices = call->inputs[1];
    struct snnconv_array *to = &call->outputs[0];
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, from->rank, &axis);
    if (status != SNN_OK) return status;
    if (indices->type != SNNCONV_TYPE_I64 && indices->type != SNNCONV_TYPE_I32)
        return snnbase_fail(context, SNN_ERR_INVALID, "the indices are %s, not integers",
                            snnconv_type_name(indices->type));
    if (from->rank - 1 + indices->rank > SNNCONV_RANK_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a tensor of %" PRIu32 " axes, at most %u",
                            from->rank - 1 + indices->rank, SNNCONV_RANK_MAX);
    to->type = from->type;
    for (uint32_t i = 0; i < axis; i++)
        to->dim[to->rank++] = from->dim[i];
    for (uint32_t i = 0; i < indices->rank; i++)
        to->dim[to->rank++] = indices->dim[i];
    for (uint32_t i = axis + 1; i < from->rank; i++)
        to->dim[to->rank++] = from->dim[i];
    return SNN_OK;
}

int snnconv_gather_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0], *indices = call->inputs[1];
    size_t outer, inner, count = snnconv_array_count(indices);
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, from->rank, &axis);
    if (status != SNN_OK) return status;
    snnconv_rule_split(from, axis, &outer, &inner);
    size_t bytes = inner * snnconv_type_size(from->type);
    int64_t extent = from->dim[axis];
    unsigned char *to = snnconv_array_room(&call->outputs[0]);
    for (size_t k = 0; k < count; k++) {
        int64_t index = snnconv_array_load_integer(indices, k);
        if (index < -extent || index >= extent)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "index %" PRId64 " into an axis of %" PRId64, index, extent);
        size_t place = (size_t)(index < 0 ? index + extent : index);
        for (size_t o = 0; o < outer && bytes > 0; o++)
            memcpy(to + (o * count + k) * bytes,
                   (const unsigned char *)from->data + (o * (size_t)extent + place) * bytes, bytes);
    }
    return SNN_OK;
}

/* ---- Concat ---- */

static int join(struct snn_context *context, struct snnconv_array *to,
                const struct snnconv_array *next, uint32_t axis)
{
    char have[SNNCONV_ARRAY_TEXT_SIZE], more[SNNCONV_ARRAY_TEXT_SIZE];
    bool agrees = to->rank == next->rank;
    int status = snnconv_rule_same_type(context, to, next);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; agrees && i < to->rank; i++)
        agrees = i == axis || to->dim[i] == next->dim[i];
    if (!agrees) {
        snnconv_array_format(have, to);
        snnconv_array_format(more, next);
        return snnbase_fail(context, SNN_ERR_INVALID, "%s and %s do not join at axis %" PRIu32,
                            have, more, axis);
    }
    if (next->dim[axis] > INT64_MAX - to->dim[axis])
        return snnbase_fail(context, SNN_ERR_LIMIT, "an axis beyond %" PRId64 " elements",
                            INT64_MAX);
    to->dim[axis] += next->dim[axis];
    return SNN_OK;
}

int snnconv_concat_shape(struct snn_context *context, const struct snnconv_call *call)
{
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, call->inputs[0]->rank, &axis);
    snnconv_rule_same(call);
    for (uint32_t i = 1; i < call->input_count && status == SNN_OK; i++)
        status = join(context, &call->outputs[0], call->inputs[i], axis);
    return status;
}

int snnconv_concat_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *output = &call->outputs[0];
    size_t outer, inner, size = snnconv_type_size(output->type);
    uint32_t axis;
    int status = snnconv_rule_axis(context, call->attributes->axis, output->rank, &axis);
    if (status != SNN_OK) return status;
    snnconv_rule_split(output, axis, &outer, &inner);
    size_t row = (size_t)output->dim[axis] * inner * size, at = 0;
    for (uint32_t i = 0; i < call->input_count; i++) {
        const unsigned char *from = call->inputs[i]->data;
        unsigned char *to = (unsigned char *)snnconv_array_room(output) + at;
        size_t bytes = (size_t)call->inputs[i]->dim[axis] * inner * size;
        for (size_t o = 0; o < outer && bytes > 0; o++)
            memcpy(to + o * row, from + o * bytes, bytes);
        at += bytes;
    }
    return SNN_OK;
}
