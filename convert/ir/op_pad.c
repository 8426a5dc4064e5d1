/* Pad: a frame of a constant, or of the tensor's own elements, around a tensor; negative widths cut
 * off.
 *
 * Pads come from files as integers of any size: each is held against the extent it is added to.
 */
#include <inttypes.h>
#include <string.h>

#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"

struct widths {
    int64_t begin[SNNCONV_RANK_MAX];
    int64_t end[SNNCONV_RANK_MAX];
};

/* The axes that the pads are of: those listed by input 3, else all. */
static int read_axes(struct snn_context *context, const struct snnconv_call *call,
                     uint32_t axes[SNNCONV_RANK_MAX], uint32_t *count_out)
{
    const struct snnconv_array *list = snnconv_call_input(call, 3);
    uint32_t rank = call->inputs[0]->rank, seen = 0;
    int64_t items[SNNCONV_RANK_MAX];
    *count_out = rank;
    for (uint32_t i = 0; i < rank; i++)
        axes[i] = i;
    if (!list) return SNN_OK;
    int status = snnconv_rule_integers(context, list, "axes", items, SNNCONV_RANK_MAX, count_out);
    for (uint32_t i = 0; status == SNN_OK && i < *count_out; i++) {
        status = snnconv_rule_axis(context, items[i], rank, &axes[i]);
        if (status == SNN_OK && (seen >> axes[i] & 1) != 0)
            return snnbase_fail(context, SNN_ERR_INVALID, "axis %" PRId64 " is padded twice",
                                items[i]);
        if (status == SNN_OK) seen |= 1u << axes[i];
    }
    return status;
}

static int read_widths(struct snn_context *context, const struct snnconv_call *call,
                       struct widths *widths)
{
    int64_t items[2 * SNNCONV_RANK_MAX];
    uint32_t axes[SNNCONV_RANK_MAX], axis_count, count;
    memset(widths, 0, sizeof(*widths));
    int status = snnconv_rule_integers(context, call->inputs[1], "pads", items,
                                       2 * SNNCONV_RANK_MAX, &count);
    if (status == SNN_OK) status = read_axes(context, call, axes, &axis_count);
    if (status != SNN_OK) return status;
    if (count != 2 * axis_count)
        return snnbase_fail(context, SNN_ERR_INVALID, "%" PRIu32 " pads for %" PRIu32 " axes",
                            count, axis_count);
    for (uint32_t i = 0; i < axis_count; i++) {
        widths->begin[axes[i]] = items[i];
        widths->end[axes[i]] = items[axis_count + i];
    }
    return SNN_OK;
}

/* Far beyond every limit, and sums of three stay within 64 bits. */
#define WIDTH_MAX (INT64_C(1) << 60)

int snnconv_pad_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *from = call->inputs[0], *value = snnconv_call_input(call, 2);
    struct snnconv_array *to = &call->outputs[0];
    struct widths widths;
    int status = read_widths(context, call, &widths);
    if (status == SNN_OK && value) status = snnconv_rule_same_type(context, from, value);
    if (status != SNN_OK) return status;
    if (value && snnconv_array_count(value) != 1)
        return snnbase_fail(context, SNN_ERR_INVALID, "%zu values to pad with, one is expected",
                            snnconv_array_count(value));
    snnconv_rule_same(call);
    for (uint32_t i = 0; i < from->rank; i++) {
        int64_t begin = widths.begin[i], end = widths.end[i], extent = from->dim[i];
        if (begin > WIDTH_MAX || begin < -WIDTH_MAX || end > WIDTH_MAX || end < -WIDTH_MAX ||
            extent > WIDTH_MAX || extent + begin + end < 0)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "pads of %" PRId64 " and %" PRId64 " at an axis of %" PRId64, begin,
                                end, extent);
        to->dim[i] = extent + begin + end;
        if (extent == 0 && to->dim[i] > 0 && call->attributes->pad != SNNCONV_PAD_CONSTANT)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "axis %" PRIu32 " has no element to pad with", i);
    }
    return SNN_OK;
}

/* The place along an axis whose element stands at `at` of the padded one; -1: the constant. */
static int64_t source_place(int64_t at, int64_t extent, int mode)
{
    int64_t period = mode == SNNCONV_PAD_REFLECT ? 2 * (extent - 1) : extent;
    if (at >= 0 && at < extent) return at;
    switch (mode) {
    case SNNCONV_PAD_EDGE:
        return at < 0 ? 0 : extent - 1;
    case SNNCONV_PAD_REFLECT:
    case SNNCONV_PAD_WRAP:
        break;
    default:
        return -1;
    }
    if (period == 0) return 0;
    at %= period;
    if (at < 0) at += period;
    return at < extent ? at : period - at;
}

/* One line along the last axis; `from` is NULL where it lies in the frame as a whole. */
static void pad_line(unsigned char *to, const unsigned char *from, size_t size, int64_t extent,
                     const int64_t range[2], const void *value, int mode)
{
    for (int64_t i = 0; i < range[1]; i++) {
        int64_t place = from ? source_place(i - range[0], extent, mode) : -1;
        memcpy(to + (size_t)i * size, place < 0 ? value : from + (size_t)place * size, size);
    }
}

/* The line of the input that line `at` of the output shows, NULL if the constant alone. */
static const unsigned char *source_line(const struct snnconv_array *from,
                                        const struct widths *widths, const int64_t *at, int mode)
{
    size_t stride[SNNCONV_RANK_MAX], offset = 0;
    if (snnconv_array_count(from) == 0) return NULL;
    snnconv_rule_strides(from, stride);
    for (uint32_t i = 0; i + 1 < from->rank; i++) {
        int64_t place = source_place(at[i] - widths->begin[i], from->dim[i], mode);
        if (place < 0) return NULL;
        offset += (size_t)place * stride[i];
    }
    return (const unsigned char *)from->data + offset * snnconv_type_size(from->type);
}

static void pad_all(const struct snnconv_call *call, const struct widths *widths, const void *value)
{
    const struct snnconv_array *from = call->inputs[0], *to = &call->outputs[0];
    size_t size = snnconv_type_size(from->type), count = snnconv_array_count(to);
    unsigned char *line = snnconv_array_room(to);
    uint32_t last = from->rank - 1;
    int mode = (int)call->attributes->pad;
    int64_t at[SNNCONV_RANK_MAX] = {0};
    const int64_t range[2] = {widths->begin[last], to->dim[last]};
    for (size_t done = 0; done < count; done += (size_t)range[1]) {
        const unsigned char *source = source_line(from, widths, at, mode);
        pad_line(line + done * size, source, size, from->dim[last], range, value, mode);
        for (uint32_t axis = last; axis > 0 && ++at[axis - 1] == to->dim[axis - 1]; axis--)
            at[axis - 1] = 0;
    }
}

int snnconv_pad_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    static const uint64_t zero = 0;
    const struct snnconv_array *from = call->inputs[0], *value = snnconv_call_input(call, 2);
    struct widths widths;
    int status = read_widths(context, call, &widths);
    if (status != SNN_OK) return status;
    if (from->rank == 0)
        memcpy(snnconv_array_room(&call->outputs[0]), from->data, snnconv_type_size(from->type));
    else
        pad_all(call, &widths, value ? value->data : &zero);
    return SNN_OK;
}
