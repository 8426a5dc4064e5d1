/* Activity maps: filled from events, pooled, counted. All work is in proportion to what is active,
 * apart from one look at the mask bytes.
 */
#include "sim/event/activity.h"

#include <stdbool.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "sim/event/plan.h"

int snnsim_train_init(struct snnsim_train *train, struct snnbase_arena *arena,
                      struct snn_context *context, struct snn_shape shape, uint32_t steps)
{
    struct snnsim_activity *map = &train->first;
    map->shape = shape;
    map->lanes = snnsim_lanes(shape.channels);
    train->size = (size_t)shape.height * shape.width * map->lanes;
    map->count = snnbase_arena_alloc(arena, context, steps * train->size, sizeof(float));
    map->mask = snnbase_arena_alloc(arena, context, steps * (train->size / SNNSIM_LANES), 1);
    return map->count != NULL && map->mask != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

int snnsim_activity_init(struct snnsim_activity *activity, struct snnbase_arena *arena,
                         struct snn_context *context, struct snn_shape shape)
{
    struct snnsim_train train;
    int status = snnsim_train_init(&train, arena, context, shape, 1);
    *activity = train.first;
    return status;
}

/* Forgets the step before, in proportion to what was active in it. */
static void clear(struct snnsim_activity *activity)
{
    const size_t bytes =
        (size_t)activity->shape.height * activity->shape.width * activity->lanes / SNNSIM_LANES;
    for (size_t i = snnsim_activity_next(activity->mask, 0, bytes); i < bytes;
         i = snnsim_activity_next(activity->mask, i + 1, bytes)) {
        memset(activity->count + i * SNNSIM_LANES, 0, SNNSIM_LANES * sizeof(float));
        activity->mask[i] = 0;
    }
}

void snnsim_activity_load(struct snnsim_activity *activity, const uint32_t *address,
                          const float *count, size_t event_count)
{
    const uint32_t channels = activity->shape.channels, lanes = activity->lanes;
    clear(activity);
    for (size_t e = 0; e < event_count; e++) {
        size_t lane = channels == 1
                          ? (size_t)address[e] * lanes
                          : (size_t)(address[e] / channels) * lanes + address[e] % channels;
        activity->mask[lane / SNNSIM_LANES] |= (uint8_t)(1u << (lane % SNNSIM_LANES));
        activity->count[lane] = count != NULL ? count[e] : 1.0f;
    }
}

/* Outputs along one axis whose windows are wholly on the map: [first, end). */
struct span {
    uint32_t first, end;
};

static struct span whole_windows(uint32_t outputs, uint32_t stride, uint32_t pad, uint32_t kernel,
                                 uint32_t size)
{
    struct span span = {(pad + stride - 1) / stride, 0};
    if (size + pad >= kernel) span.end = (size + pad - kernel) / stride + 1;
    if (span.end > outputs) span.end = outputs;
    if (span.first > span.end) span.first = span.end;
    return span;
}

/* The part of a window that lies on the map, along one axis. */
static struct span window_span(uint32_t out, uint32_t stride, uint32_t pad, uint32_t kernel,
                               uint32_t size)
{
    int64_t first = (int64_t)out * stride - pad, end = first + kernel;
    if (first < 0) first = 0;
    if (end > size) end = size;
    return (struct span){(uint32_t)first, (uint32_t)(end > first ? end : first)};
}

/* One output at the border, its window clipped. */
static void pool_clipped(const struct snnsim_activity *in, struct span rows, struct span columns,
                         float *sum, uint8_t *mask)
{
    memset(sum, 0, in->lanes * sizeof(float));
    memset(mask, 0, in->lanes / SNNSIM_LANES);
    for (uint32_t y = rows.first; y < rows.end; y++) {
        const float *count = in->count + ((size_t)y * in->shape.width + columns.first) * in->lanes;
        for (uint32_t x = columns.first; x < columns.end; x++) {
            for (uint32_t lane = 0; lane < in->lanes; lane++)
                sum[lane] += *count++;
        }
    }
    for (uint32_t lane = 0; lane < in->lanes; lane++) {
        if (sum[lane] > 0.0f || sum[lane] < 0.0f)
            mask[lane / SNNSIM_LANES] |= (uint8_t)(1u << (lane % SNNSIM_LANES));
    }
}

static void pool_border(const struct snnsim_activity *in, const struct snn_window *pool, uint32_t y,
                        struct span outputs, struct snnsim_activity *out)
{
    struct span rows =
        window_span(y, pool->stride_h, pool->pad_top, pool->kernel_h, in->shape.height);
    for (uint32_t x = outputs.first; x < outputs.end; x++) {
        size_t at = ((size_t)y * out->shape.width + x) * out->lanes;
        struct span columns =
            window_span(x, pool->stride_w, pool->pad_left, pool->kernel_w, in->shape.width);
        pool_clipped(in, rows, columns, out->count + at, out->mask + at / SNNSIM_LANES);
    }
}

void snnsim_activity_pool(const struct snnsim_kernels *kernels, const struct snnsim_activity *in,
                          const struct snn_window *pool, struct snnsim_activity *out)
{
    const struct snnsim_window window = {pool->kernel_h, pool->kernel_w,
                                         (size_t)in->shape.width * in->lanes, in->lanes,
                                         (size_t)pool->stride_w * in->lanes};
    const struct span rows = whole_windows(out->shape.height, pool->stride_h, pool->pad_top,
                                           pool->kernel_h, in->shape.height);
    const struct span columns = whole_windows(out->shape.width, pool->stride_w, pool->pad_left,
                                              pool->kernel_w, in->shape.width);
    for (uint32_t y = 0; y < out->shape.height; y++) {
        bool whole = y >= rows.first && y < rows.end && columns.end > columns.first;
        uint32_t first = whole ? columns.first : out->shape.width;
        uint32_t end = whole ? columns.end : out->shape.width;
        pool_border(in, pool, y, (struct span){0, first}, out);
        pool_border(in, pool, y, (struct span){end, out->shape.width}, out);
        if (!whole) continue;
        size_t from = ((size_t)(y * pool->stride_h - pool->pad_top) * in->shape.width +
                       (size_t)first * pool->stride_w - pool->pad_left) *
                      in->lanes;
        size_t to = ((size_t)y * out->shape.width + first) * out->lanes;
        kernels->pool(in->count + from, &window, end - first, out->count + to,
                      out->mask + to / SNNSIM_LANES);
    }
}

uint64_t snnsim_activity_total(const struct snnsim_activity *activity)
{
    const size_t bytes =
        (size_t)activity->shape.height * activity->shape.width * activity->lanes / SNNSIM_LANES;
    uint64_t total = 0;
    for (size_t i = snnsim_activity_next(activity->mask, 0, bytes); i < bytes;
         i = snnsim_activity_next(activity->mask, i + 1, bytes)) {
        for (uint32_t lane = 0; lane < SNNSIM_LANES; lane++)
            total += (uint64_t)activity->count[i * SNNSIM_LANES + lane];
    }
    return total;
}
