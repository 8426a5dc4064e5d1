/* One synapse of a plan: its fan-out, its pools, its weights held against their range.
 */
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"
#include "sim/chip/plan.h"

#define PATHS_MAX ((uint64_t)1 << 31)

/* ---- Fan-out ---- */

/* Taps along one axis through which an event at each position reaches a neuron. */
static uint32_t *fanout_along(struct snnsim_chip_plan *plan, struct snn_context *context,
                              uint32_t size)
{
    uint32_t *fanout = snnbase_arena_alloc(&plan->arena, context, size, sizeof(*fanout));
    for (uint32_t i = 0; fanout != NULL && i < size; i++)
        fanout[i] = 1;
    return fanout;
}

static void count_taps(uint32_t *fanout, uint32_t size, uint32_t neurons, uint32_t kernel,
                       uint32_t stride, uint32_t pad, uint32_t dilation)
{
    memset(fanout, 0, size * sizeof(*fanout));
    for (uint32_t k = 0; k < kernel; k++) {
        for (uint64_t at = 0; at < neurons; at++) {
            const int64_t position = (int64_t)(at * stride + (uint64_t)k * dilation) - pad;
            if (position >= 0 && position < size) fanout[position]++;
        }
    }
}

static int make_fanout(struct snnsim_chip_plan *plan, struct snn_context *context,
                       struct snn_shape to, struct snnsim_chip_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    const struct snn_window *w = &s->window;
    const struct snn_shape in = s->source_shape;
    out->row_fanout = fanout_along(plan, context, in.height);
    out->column_fanout = fanout_along(plan, context, in.width);
    if (out->row_fanout == NULL || out->column_fanout == NULL) return SNN_ERR_NOMEM;
    const uint64_t columns = s->kind == SNN_SYNAPSE_CONV2D ? w->kernel_w : 1;
    const uint64_t most = columns * 2 * SNNSIM_CHIP_COUNT_MAX * ((in.channels + 1) / 2);
    if (most > UINT32_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%u channels are too many", in.channels);
    out->tally_strip = (uint32_t)(UINT32_MAX / most);
    out->fanout_channels = s->kind == SNN_SYNAPSE_ONE_TO_ONE ? 1 : to.channels / s->groups;
    if (s->kind != SNN_SYNAPSE_CONV2D) return SNN_OK;
    count_taps(out->row_fanout, in.height, to.height, w->kernel_h, w->stride_h, w->pad_top,
               w->dilation_h);
    count_taps(out->column_fanout, in.width, to.width, w->kernel_w, w->stride_w, w->pad_left,
               w->dilation_w);
    return SNN_OK;
}

/* ---- Pools ---- */

static bool covers_once(uint32_t size, uint32_t kernel, uint32_t stride, uint32_t pad_before,
                        uint32_t pad_after)
{
    return kernel == stride && pad_before == 0 && pad_after == 0 && size % stride == 0;
}

/* Shapes between the pools, and how many paths lead from a neuron back to the source: below 2^31,
 * so that sums of counts below 2^24 times weights below 2^8 stay below 2^63. */
static int make_pools(struct snnsim_chip_plan *plan, struct snn_context *context,
                      struct snn_shape to, struct snnsim_chip_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    const struct snn_shape in = s->source_shape;
    struct snn_shape shape = s->source == SNN_SOURCE_INPUT
                                 ? plan->net->input_shape
                                 : plan->net->populations[s->source].shape;
    uint64_t paths = s->kind == SNN_SYNAPSE_DENSE ? snn_shape_size(in) : in.channels;
    if (s->kind == SNN_SYNAPSE_CONV2D) {
        paths = paths / s->groups * s->window.kernel_h;
        if (paths < PATHS_MAX) paths *= s->window.kernel_w;
    }
    out->sees_each_spike_once = true;
    out->pooled = snnbase_arena_alloc(&plan->arena, context, s->pool_count, sizeof(*out->pooled));
    if (out->pooled == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct snn_window *p = &s->pools[i];
        if (!covers_once(shape.height, p->kernel_h, p->stride_h, p->pad_top, p->pad_bottom) ||
            !covers_once(shape.width, p->kernel_w, p->stride_w, p->pad_left, p->pad_right))
            out->sees_each_spike_once = false;
        shape = snnmodel_pooled_shape(shape, p);
        out->pooled[i] = snnsim_chip_grid_make(shape);
        const uint64_t area = (uint64_t)p->kernel_h * p->kernel_w;
        if (paths < PATHS_MAX) paths = area < PATHS_MAX ? paths * area : PATHS_MAX;
    }
    if (paths < PATHS_MAX) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_LIMIT,
                        "a neuron of %u x %u x %u sees more than %llu inputs", to.channels,
                        to.height, to.width, (unsigned long long)PATHS_MAX);
}

/* ---- All of it ---- */

/* Where the events of the input go. */
static int make_addresses(struct snnsim_chip_plan *plan, struct snn_context *context,
                          struct snnsim_chip_synapse *out)
{
    const struct snn_synapse *s = out->synapse;
    const struct snnsim_chip_lines *l = &out->lines;
    const struct snn_shape in = s->source_shape;
    if (s->source != SNN_SOURCE_INPUT || s->pool_count > 0) return SNN_OK;
    const size_t size = snn_shape_size(in);
    out->addresses = snnbase_arena_alloc(&plan->arena, context, size, sizeof(*out->addresses));
    if (out->addresses == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < size; i++) {
        const uint32_t c = (uint32_t)(i % in.channels);
        const uint32_t x = (uint32_t)(i / in.channels % in.width);
        const uint32_t y = (uint32_t)(i / in.channels / in.width);
        const uint32_t row = (y + l->pad_top) * l->row_lines, column = x + l->pad_left;
        out->addresses[i].line_odd =
            l->joined ? 2 * row + column : 2 * (row + column * l->pairs + c / 2) + c % 2;
        out->addresses[i].fanout =
            out->row_fanout[y] * out->column_fanout[x] * out->fanout_channels;
    }
    return SNN_OK;
}

static int check_weights(struct snn_context *context, const struct snn_synapse *s)
{
    int status = SNN_OK;
    for (size_t i = 0; status == SNN_OK && i < s->weight_count; i++) {
        int32_t whole = 0;
        status = snnsim_chip_whole(context, "weight", s->weights[i], -INT8_MAX, INT8_MAX, &whole);
    }
    return status;
}

int snnsim_chip_synapse_pack(struct snnsim_chip_plan *plan, struct snn_context *context,
                             const struct snnsim_chip_grid *grid, const struct snn_synapse *synapse,
                             struct snnsim_chip_synapse *out)
{
    out->synapse = synapse;
    int status = check_weights(context, synapse);
    if (status == SNN_OK) status = make_fanout(plan, context, grid->shape, out);
    if (status == SNN_OK) status = make_pools(plan, context, grid->shape, out);
    if (status == SNN_OK) status = snnsim_chip_taps_make(plan, context, grid, out);
    return status == SNN_OK ? make_addresses(plan, context, out) : status;
}
