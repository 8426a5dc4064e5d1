/* Shapes and windows of synapses -> the one window of a core. No search: along an axis with stride
 * s, input positions `in` and outputs `out`, a kernel K with padding P counts the outputs right if
 *
 *   in + 2 P - s out < K <= in + 2 P - s (out - 1)
 *
 * and holds the fields if P >= pad and P + (kernel - pad) <= K for each. Both bounds grow with P,
 * so the least P that allows any K gives the least K. From there on every K will do where s > 1,
 * and every other where s = 1.
 */
#include "convert/lower/window.h"

#include "libsnn/model/layer.h"

/* A window along one axis. */
struct span {
    int64_t kernel, stride, pad, dilation;
};

static struct span span_of(const struct snn_window *w, bool rows)
{
    return rows ? (struct span){w->kernel_h, w->stride_h, w->pad_top, w->dilation_h}
                : (struct span){w->kernel_w, w->stride_w, w->pad_left, w->dilation_w};
}

static uint32_t extent_of(struct snn_shape shape, bool rows)
{
    return rows ? shape.height : shape.width;
}

static struct snnconv_misfit misfit(enum snn_constraint constraint, uint64_t need, uint64_t limit)
{
    return (struct snnconv_misfit){constraint, need, limit};
}

/* ---- One synapse ---- */

/* A pool that cuts the positions into blocks, and leaves out what makes no whole one. */
static bool is_plain(struct span pool, int64_t size, int64_t out)
{
    return pool.pad == 0 && (pool.dilation == 1 || pool.kernel == 1) &&
           (pool.stride == pool.kernel || out == 1) && size / pool.kernel == out;
}

static struct snn_shape shape_before(const struct snn_synapse *s, struct snn_shape source,
                                     uint32_t pool)
{
    for (uint32_t i = 0; i < pool; i++)
        source = snnmodel_pooled_shape(source, &s->pools[i]);
    return source;
}

/* How many of the first pools are plain along both axes; the product of their kernels in `block`.
 */
static uint32_t count_plain(const struct snn_synapse *s, struct snn_shape source, uint32_t block[2])
{
    uint32_t count = 0;
    block[0] = block[1] = 1;
    for (; count < s->pool_count; count++) {
        const struct snn_window *pool = &s->pools[count];
        const struct snn_shape out = snnmodel_pooled_shape(source, pool);
        if (!is_plain(span_of(pool, true), source.height, out.height) ||
            !is_plain(span_of(pool, false), source.width, out.width))
            break;
        block[0] *= pool->kernel_h;
        block[1] *= pool->kernel_w;
        source = out;
    }
    return count;
}

static uint32_t largest_pooling(const struct snn_chip *chip, const uint32_t block[2])
{
    uint32_t pooling = 1;
    for (uint32_t i = 0; i < chip->pooling_count; i++) {
        if (block[0] % chip->poolings[i] == 0 && block[1] % chip->poolings[i] == 0)
            pooling = chip->poolings[i];
    }
    return pooling;
}

/* Whether a window of `outputs` positions reaches beyond its map of `coarse` to where the pool that
 * made it of `fine` positions would find some. */
static bool meets_border(const struct span *window, struct span pool, int64_t outputs,
                         int64_t coarse, int64_t fine)
{
    for (int64_t o = 0; o < outputs; o++) {
        const int64_t from = o * window->stride - window->pad, to = from + window->kernel;
        const int64_t before = to - 1 < -1 ? to - 1 : -1, behind = from > coarse ? from : coarse;
        if (before >= from && before * pool.stride - pool.pad + pool.kernel > 0) return true;
        if (behind < to && behind * pool.stride - pool.pad < fine) return true;
    }
    return false;
}

/* Makes a window on the pool's output one on its input; false where there is none. */
static bool merge(struct span *window, struct span pool, int64_t outputs, int64_t coarse,
                  int64_t fine)
{
    if (pool.dilation > 1 && pool.kernel > 1) return false;
    if (meets_border(window, pool, outputs, coarse, fine)) return false;
    window->kernel = (window->kernel - 1) * pool.stride + pool.kernel;
    window->pad = window->pad * pool.stride + pool.pad;
    window->stride *= outputs > 1 ? pool.stride : 1;
    return window->kernel <= INT32_MAX && window->pad <= INT32_MAX && window->stride <= INT32_MAX;
}

/* Merges into the synapse's own window, along one axis, what the field's pooling leaves of pools.
 */
static bool merge_pools(const struct snnconv_field *field, const struct snn_synapse *s,
                        struct snn_shape source, struct snn_shape output, bool rows,
                        struct span *window)
{
    const uint32_t outputs = extent_of(output, rows);
    for (uint32_t i = s->pool_count; i-- > field->plain;) {
        const struct snn_shape fine = shape_before(s, source, i);
        const struct snn_shape coarse = snnmodel_pooled_shape(fine, &s->pools[i]);
        if (!merge(window, span_of(&s->pools[i], rows), outputs, extent_of(coarse, rows),
                   extent_of(fine, rows)))
            return false;
    }
    return merge(window, span_of(&field->rest, rows), outputs,
                 extent_of(shape_before(s, source, field->plain), rows),
                 extent_of(field->map, rows));
}

/* The synapse's window on what its pools leave. */
static struct snn_window own_window(const struct snn_synapse *s)
{
    if (s->kind == SNN_SYNAPSE_CONV2D) return s->window;
    struct snn_window w = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
    if (s->kind == SNN_SYNAPSE_DENSE) {
        w.kernel_h = s->source_shape.height;
        w.kernel_w = s->source_shape.width;
    }
    return w;
}

static struct snnconv_misfit check_kind(const struct snn_synapse *s, const struct snn_window *w)
{
    if (s->kind != SNN_SYNAPSE_CONV2D) return misfit(SNN_CONSTRAINT_NONE, 0, 0);
    if (s->groups > 1) return misfit(SNN_CONSTRAINT_GROUPS, s->groups, 1);
    if (w->dilation_h > 1 && w->kernel_h > 1)
        return misfit(SNN_CONSTRAINT_DILATION, w->dilation_h, 1);
    if (w->dilation_w > 1 && w->kernel_w > 1)
        return misfit(SNN_CONSTRAINT_DILATION, w->dilation_w, 1);
    return misfit(SNN_CONSTRAINT_NONE, 0, 0);
}

/* The longer side of the windows of all pools together. */
static struct snnconv_misfit refuse_pools(const struct snn_synapse *s, const struct snn_chip *chip)
{
    uint64_t rows = 1, columns = 1;
    for (uint32_t i = 0; i < s->pool_count && rows < INT32_MAX && columns < INT32_MAX; i++) {
        rows *= s->pools[i].kernel_h;
        columns *= s->pools[i].kernel_w;
    }
    return misfit(SNN_CONSTRAINT_POOLING, rows > columns ? rows : columns,
                  chip->poolings[chip->pooling_count - 1]);
}

struct snnconv_misfit snnconv_field_make(struct snnconv_field *out,
                                         const struct snn_synapse *synapse, struct snn_shape source,
                                         struct snn_shape output, const struct snn_chip *chip)
{
    const struct snn_window own = own_window(synapse);
    const struct snnconv_misfit bad = check_kind(synapse, &own);
    if (bad.constraint != SNN_CONSTRAINT_NONE) return bad;
    struct snnconv_field f = {.map = source};
    uint32_t block[2];
    f.plain = count_plain(synapse, source, block);
    f.pooling = largest_pooling(chip, block);
    f.rest = (struct snn_window){block[0] / f.pooling,
                                 block[1] / f.pooling,
                                 block[0] / f.pooling,
                                 block[1] / f.pooling,
                                 0,
                                 0,
                                 0,
                                 0,
                                 1,
                                 1};
    f.map.height /= f.pooling;
    f.map.width /= f.pooling;
    f.spills_y = source.height % f.pooling != 0;
    f.spills_x = source.width % f.pooling != 0;
    struct span y = span_of(&own, true), x = span_of(&own, false);
    if (!merge_pools(&f, synapse, source, output, true, &y) ||
        !merge_pools(&f, synapse, source, output, false, &x))
        return refuse_pools(synapse, chip);
    f.window = (struct snn_window){(uint32_t)y.kernel,
                                   (uint32_t)x.kernel,
                                   (uint32_t)y.stride,
                                   (uint32_t)x.stride,
                                   (uint32_t)y.pad,
                                   (uint32_t)x.pad,
                                   0,
                                   0,
                                   1,
                                   1};
    *out = f;
    return misfit(SNN_CONSTRAINT_NONE, 0, 0);
}

/* ---- All synapses of a layer ---- */

/* What the fields ask of the window along one axis. */
struct axis {
    int64_t in, out;
    int64_t pad;   /* at least */
    int64_t reach; /* kernel at least, beyond the padding */
    int64_t stride_least, stride_most;
    bool fits; /* one map and one stride for all */
};

static struct axis axis_of(const struct snnconv_field *fields, uint32_t count, bool rows,
                           struct snn_shape output, const struct snn_chip *chip)
{
    struct axis a = {.out = extent_of(output, rows), .reach = INT64_MIN, .fits = true};
    for (uint32_t i = 0; i < count; i++) {
        const struct span s = span_of(&fields[i].window, rows);
        const int64_t map = extent_of(fields[i].map, rows);
        if (map > a.in) a.in = map;
        if (s.pad > a.pad) a.pad = s.pad;
        if (s.kernel - s.pad > a.reach) a.reach = s.kernel - s.pad;
        if (i > 0 && s.stride != a.stride_least) a.fits = false;
        a.stride_least = a.stride_most = s.stride;
    }
    if (a.out == 1) { /* any stride will do */
        a.fits = true;
        a.stride_least = chip->strides[0];
        a.stride_most = chip->strides[chip->stride_count - 1];
    }
    for (uint32_t i = 0; i < count; i++) {
        const bool spills = rows ? fields[i].spills_y : fields[i].spills_x;
        if (spills && extent_of(fields[i].map, rows) < a.in) a.fits = false;
    }
    return a;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The least kernel that any padding allows. */
static int64_t least_kernel(const struct axis *a)
{
    const int64_t pad = larger(a->pad, a->reach - a->in + a->stride_most * (a->out - 1));
    const int64_t counted = a->in + 2 * pad - a->stride_most * a->out + 1;
    return larger(larger(pad + a->reach, counted), 1);
}

/* The least padding and stride for a kernel; false where there are none. */
static bool fit_kernel(const struct axis *a, const struct snn_chip *chip, int64_t kernel,
                       uint32_t *stride_out, uint32_t *pad_out)
{
    const int64_t most = kernel + a->stride_most * (a->out - 1) - a->in;
    const int64_t pad = larger(a->pad, (most + 1) / 2);
    const int64_t room = a->in + 2 * pad - kernel;
    if (pad + a->reach > kernel || room < 0) return false;
    for (uint32_t i = 0; i < chip->stride_count; i++) {
        const int64_t stride = chip->strides[i];
        if (stride < a->stride_least || stride > a->stride_most || room / stride + 1 != a->out)
            continue;
        *stride_out = (uint32_t)stride;
        *pad_out = (uint32_t)pad;
        return true;
    }
    return false;
}

static bool has_stride(const struct snn_chip *chip, int64_t stride)
{
    for (uint32_t i = 0; i < chip->stride_count; i++) {
        if (chip->strides[i] == stride) return true;
    }
    return false;
}

static struct snnconv_misfit check_window(const struct snnconv_window *w,
                                          const struct snn_chip *chip)
{
    const uint32_t pad = w->pad_y > w->pad_x ? w->pad_y : w->pad_x;
    if (w->kernel_size > chip->kernel_size_max)
        return misfit(SNN_CONSTRAINT_KERNEL_SIZE, w->kernel_size, chip->kernel_size_max);
    if (pad > chip->padding_max) return misfit(SNN_CONSTRAINT_PADDING, pad, chip->padding_max);
    return misfit(SNN_CONSTRAINT_NONE, 0, 0);
}

struct snnconv_misfit snnconv_window_find(struct snnconv_window *out,
                                          const struct snnconv_field *fields, uint32_t count,
                                          struct snn_shape output, const struct snn_chip *chip)
{
    const struct axis y = axis_of(fields, count, true, output, chip);
    const struct axis x = axis_of(fields, count, false, output, chip);
    if (!y.fits || !x.fits) return misfit(SNN_CONSTRAINT_WINDOW, 0, 0);
    const int64_t stride = has_stride(chip, y.stride_least) ? x.stride_least : y.stride_least;
    if (!has_stride(chip, stride))
        return misfit(SNN_CONSTRAINT_STRIDE, (uint64_t)stride,
                      chip->strides[chip->stride_count - 1]);
    struct snnconv_window w = {.height = (uint32_t)y.in, .width = (uint32_t)x.in};
    const int64_t least = larger(least_kernel(&y), least_kernel(&x));
    for (int64_t kernel = least; kernel <= least + 1 && kernel <= UINT32_MAX; kernel++) {
        if (!fit_kernel(&y, chip, kernel, &w.stride_y, &w.pad_y) ||
            !fit_kernel(&x, chip, kernel, &w.stride_x, &w.pad_x))
            continue;
        w.kernel_size = (uint32_t)kernel;
        const struct snnconv_misfit bad = check_window(&w, chip);
        if (bad.constraint == SNN_CONSTRAINT_NONE) *out = w;
        return bad;
    }
    return misfit(SNN_CONSTRAINT_WINDOW, 0, 0);
}

void snnconv_window_give(struct snn_synapse *synapse, const struct snnconv_window *window,
                         struct snn_shape map)
{
    const uint32_t k = window->kernel_size;
    synapse->source_shape = map;
    if (synapse->kind == SNN_SYNAPSE_DENSE && k == map.height && k == map.width) return;
    synapse->kind = SNN_SYNAPSE_CONV2D;
    synapse->window = (struct snn_window){k,
                                          k,
                                          window->stride_y,
                                          window->stride_x,
                                          window->pad_y,
                                          window->pad_x,
                                          window->pad_y + window->height - map.height,
                                          window->pad_x + window->width - map.width,
                                          1,
                                          1};
}
