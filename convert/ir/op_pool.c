/* MaxPool, AveragePool and SumPool over windows; GlobalMaxPool and GlobalAveragePool over all there
 * is.
 *
 * A row of outputs takes one tap of the kernel after the other, each as one loop over the part of
 * the row for which it lies inside the input. So sums are in (depth, row, column) order of the
 * kernel, as libsnn/model/eval.c has them.
 */
#include <inttypes.h>
#include <math.h>

#include "convert/ir/op.h"
#include "convert/ir/op_lanes.h"
#include "convert/ir/op_rules.h"
#include "convert/ir/op_window.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum { DEPTH, HEIGHT, WIDTH };

/* ---- The part of a window that lies in low .. high along one axis: taps first .. end ---- */

struct taps {
    int64_t start; /* position of tap 0 */
    int64_t first, end;
};

static struct taps taps_of(const struct snnconv_axis *axis, int64_t position, int64_t low,
                           int64_t high)
{
    struct taps taps = {.start = position * axis->stride - axis->pad_begin, .end = 0};
    if (taps.start < low) taps.first = (low - taps.start - 1) / axis->dilation + 1;
    if (taps.start < high) taps.end = (high - taps.start - 1) / axis->dilation + 1;
    if (taps.first > axis->kernel) taps.first = axis->kernel;
    if (taps.end > axis->kernel) taps.end = axis->kernel;
    if (taps.end < taps.first) taps.end = taps.first;
    return taps;
}

static struct taps taps_inside(const struct snnconv_window *window, size_t axis, int64_t position)
{
    return taps_of(&window->axis[axis], position, 0, window->extent[axis]);
}

/* ---- Rows ---- */

static void max_f32(void *out, const void *in, size_t stride, size_t count)
{
    float *to = out;
    const float *from = in;
    for (size_t i = 0; i < count; i++)
        to[i] = from[i * stride] > to[i] ? from[i * stride] : to[i];
}

static void sum_f32(void *out, const void *in, size_t stride, size_t count)
{
    float *to = out;
    const float *from = in;
    for (size_t i = 0; i < count; i++)
        to[i] += from[i * stride];
}

static void max_f64(void *out, const void *in, size_t stride, size_t count)
{
    double *to = out;
    const double *from = in;
    for (size_t i = 0; i < count; i++)
        to[i] = from[i * stride] > to[i] ? from[i * stride] : to[i];
}

static void sum_f64(void *out, const void *in, size_t stride, size_t count)
{
    double *to = out;
    const double *from = in;
    for (size_t i = 0; i < count; i++)
        to[i] += from[i * stride];
}

static void fill(struct snnconv_array *out, double value)
{
    size_t count = snnconv_array_count(out);
    for (size_t i = 0; i < count; i++)
        snnconv_array_store(out, i, value);
}

/* ---- The core ---- */

struct pool {
    struct snnconv_window window;
    size_t size; /* of a number */
    void (*take)(void *out, const void *in, size_t stride, size_t count);
};

/* The part of a row of outputs for which tap `k` lies in the row of the input; that row's place. */
static void take_tap(const struct pool *pool, int64_t k, const unsigned char *in_row,
                     unsigned char *out_row)
{
    const struct snnconv_axis *axis = &pool->window.axis[WIDTH];
    const int64_t offset = k * axis->dilation - axis->pad_begin;
    const int64_t extent = pool->window.extent[WIDTH];
    int64_t first = offset < 0 ? (-offset - 1) / axis->stride + 1 : 0;
    int64_t end = offset < extent ? (extent - offset - 1) / axis->stride + 1 : 0;
    if (end > axis->positions) end = axis->positions;
    if (first >= end) return;
    pool->take(out_row + (size_t)first * pool->size,
               in_row + (size_t)(first * axis->stride + offset) * pool->size, (size_t)axis->stride,
               (size_t)(end - first));
}

static void pool_row(const struct pool *pool, const unsigned char *plane, int64_t z, int64_t y,
                     unsigned char *out_row)
{
    const struct snnconv_window *window = &pool->window;
    const struct snnconv_axis *axis = window->axis;
    const struct taps depth = taps_inside(window, DEPTH, z);
    const struct taps height = taps_inside(window, HEIGHT, y);
    /* Columns that lie inside for any output. */
    const int64_t first = taps_inside(window, WIDTH, axis[WIDTH].positions - 1).first;
    const int64_t end = taps_inside(window, WIDTH, 0).end;
    for (int64_t kz = depth.first; kz < depth.end; kz++) {
        int64_t in_z = depth.start + kz * axis[DEPTH].dilation;
        for (int64_t ky = height.first; ky < height.end; ky++) {
            int64_t in_y = height.start + ky * axis[HEIGHT].dilation;
            size_t row = (size_t)(in_z * window->extent[HEIGHT] + in_y);
            for (int64_t kx = first; kx < end; kx++)
                take_tap(pool, kx, plane + row * (size_t)window->extent[WIDTH] * pool->size,
                         out_row);
        }
    }
}

static void run(const struct pool *pool, size_t planes, const unsigned char *in, unsigned char *out)
{
    const struct snnconv_axis *axis = pool->window.axis;
    const size_t in_size = snnconv_window_in_size(&pool->window) * pool->size;
    for (size_t p = 0; p < planes; p++, in += in_size) {
        for (int64_t z = 0; z < axis[DEPTH].positions; z++) {
            for (int64_t y = 0; y < axis[HEIGHT].positions; y++) {
                pool_row(pool, in, z, y, out);
                out += (size_t)axis[WIDTH].positions * pool->size;
            }
        }
    }
}

static size_t planes_of(const struct snnconv_array *x)
{
    return (size_t)x->dim[0] * (size_t)x->dim[1];
}

/* ---- Means ---- */

/* Taps that count along one axis. What ceil_mode adds behind the padding never does. */
static double count_taps(const struct snnconv_window *window, bool with_pads, size_t axis,
                         int64_t position)
{
    const struct snnconv_axis *a = &window->axis[axis];
    struct taps taps = with_pads
                           ? taps_of(a, position, -a->pad_begin, window->extent[axis] + a->pad_end)
                           : taps_inside(window, axis, position);
    return (double)(taps.end - taps.first);
}

/* One row of sums becomes means. `columns` has the taps that count, column by column. A window
 * whose dilation takes all of its taps past the input has the mean 0. */
static void divide_row(struct snnconv_array *sums, size_t first, const double *columns,
                       size_t count, double taps)
{
    for (size_t i = 0; i < count; i++) {
        double divisor = columns[i] * taps, sum = snnconv_array_load(sums, first + i);
        snnconv_array_store(sums, first + i, divisor > 0.0 ? sum / divisor : 0.0);
    }
}

static int divide_all(struct snn_context *context, const struct snnconv_window *window,
                      bool with_pads, size_t planes, struct snnconv_array *sums)
{
    const struct snnconv_axis *axis = window->axis;
    const size_t width = (size_t)axis[WIDTH].positions;
    double *columns = snnbase_alloc(context, width, sizeof(*columns));
    size_t at = 0;
    if (columns == NULL) return SNN_ERR_NOMEM;
    for (size_t x = 0; x < width; x++)
        columns[x] = count_taps(window, with_pads, WIDTH, (int64_t)x);
    for (size_t p = 0; p < planes; p++) {
        for (int64_t z = 0; z < axis[DEPTH].positions; z++) {
            double depth = count_taps(window, with_pads, DEPTH, z);
            for (int64_t y = 0; y < axis[HEIGHT].positions; y++, at += width) {
                double rows = count_taps(window, with_pads, HEIGHT, y);
                divide_row(sums, at, columns, width, depth * rows);
            }
        }
    }
    snnbase_free(context, columns);
    return SNN_OK;
}

/* ---- Whole tensors ---- */

/* All windows of input 0 into output 0, beginning with `value`. */
static int pool_all(struct snn_context *context, const struct snnconv_call *call, struct pool *pool,
                    double value)
{
    const struct snnconv_array *x = call->inputs[0];
    const bool is_max = call->op == SNNCONV_OP_MAX_POOL, wide = x->type == SNNCONV_TYPE_F64;
    const enum snnconv_type type = wide ? SNNCONV_TYPE_F64 : SNNCONV_TYPE_F32;
    void *in_block = NULL, *out_block = NULL;
    struct snnconv_array out;
    const void *in = NULL;
    pool->size = snnconv_type_size(type);
    pool->take = is_max ? wide ? max_f64 : max_f32 : wide ? sum_f64 : sum_f32;
    int status = snnconv_window_init(&pool->window, context, call->attributes, x, NULL);
    if (status == SNN_OK) status = snnconv_lanes_load(&in, context, type, x, &in_block);
    if (status == SNN_OK)
        status = snnconv_lanes_begin(&out, context, type, &call->outputs[0], &out_block);
    if (status == SNN_OK) {
        fill(&out, value);
        run(pool, planes_of(x), in, snnconv_array_room(&out));
        if (call->op == SNNCONV_OP_AVERAGE_POOL)
            status = divide_all(context, &pool->window, call->attributes->count_include_pad,
                                planes_of(x), &out);
        snnconv_lanes_store(&call->outputs[0], &out);
    }
    snnbase_free(context, in_block);
    snnbase_free(context, out_block);
    return status;
}

/* ---- Shapes ---- */

static int pool_shape(struct snn_context *context, const struct snnconv_call *call,
                      struct snnconv_window *window)
{
    const struct snnconv_array *x = call->inputs[0];
    bool small = x->type == SNNCONV_TYPE_I8 || x->type == SNNCONV_TYPE_U8;
    if (!snnconv_type_is_float(x->type) && !(small && call->op == SNNCONV_OP_MAX_POOL))
        return snnbase_fail(context, SNN_ERR_INVALID, "an input of %s, floats%s expected",
                            snnconv_type_name(x->type),
                            call->op == SNNCONV_OP_MAX_POOL ? ", int8 or uint8" : "");
    int status = snnconv_window_init(window, context, call->attributes, x, NULL);
    if (status == SNN_OK) snnconv_window_shape(window, x, x->dim[1], &call->outputs[0]);
    return status;
}

/* A window over nothing but padding has neither a largest element nor a mean. */
static int check_pads(struct snn_context *context, const struct snnconv_window *window)
{
    for (size_t i = 0; i < SNNCONV_WINDOW_AXES; i++) {
        const struct snnconv_axis *axis = &window->axis[i];
        int64_t reach = snnconv_window_reach(axis);
        int64_t pad = axis->pad_begin > axis->pad_end ? axis->pad_begin : axis->pad_end;
        if (pad >= reach)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "a pad of %" PRId64 " leaves a window of %" PRId64
                                " without any input",
                                pad, reach);
    }
    return SNN_OK;
}

/* ---- MaxPool ---- */

int snnconv_max_pool_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct snnconv_window window = {.spatial = 0};
    int status = pool_shape(context, call, &window);
    if (status == SNN_OK) status = check_pads(context, &window);
    if (status != SNN_OK) return status;
    if (call->output_count > 1) {
        call->outputs[1] = call->outputs[0];
        call->outputs[1].type = SNNCONV_TYPE_I64;
    }
    return SNN_OK;
}

/* Where in a plane element (z, y, x) stands: the last axis fastest, or the first. */
static int64_t place_of(const struct snnconv_window *window, bool first_fastest,
                        const int64_t at[SNNCONV_WINDOW_AXES])
{
    const int64_t *extent = window->extent;
    if (!first_fastest)
        return (at[DEPTH] * extent[HEIGHT] + at[HEIGHT]) * extent[WIDTH] + at[WIDTH];
    return (at[WIDTH] * extent[HEIGHT] + at[HEIGHT]) * extent[DEPTH] + at[DEPTH];
}

/* The first element of a window that is the largest one; -1 for a window without elements. */
static int64_t find_max(const struct snnconv_window *window, bool first_fastest,
                        const struct snnconv_array *x, size_t plane,
                        const int64_t position[SNNCONV_WINDOW_AXES])
{
    struct taps taps[SNNCONV_WINDOW_AXES];
    int64_t at[SNNCONV_WINDOW_AXES], k[SNNCONV_WINDOW_AXES], found = -1;
    double largest = 0.0;
    for (size_t i = 0; i < SNNCONV_WINDOW_AXES; i++)
        taps[i] = taps_inside(window, i, position[i]);
    for (k[0] = taps[0].first; k[0] < taps[0].end; k[0]++) {
        for (k[1] = taps[1].first; k[1] < taps[1].end; k[1]++) {
            for (k[2] = taps[2].first; k[2] < taps[2].end; k[2]++) {
                for (size_t i = 0; i < SNNCONV_WINDOW_AXES; i++)
                    at[i] = taps[i].start + k[i] * window->axis[i].dilation;
                double value = snnconv_array_load(x, plane + (size_t)place_of(window, false, at));
                if (found >= 0 && !(value > largest)) continue;
                largest = value;
                found = place_of(window, first_fastest, at);
            }
        }
    }
    return found;
}

static void find_indices(const struct snnconv_window *window, bool first_fastest,
                         const struct snnconv_array *x, struct snnconv_array *indices)
{
    const struct snnconv_axis *axis = window->axis;
    const size_t in_size = snnconv_window_in_size(window);
    const size_t out_size = snnconv_window_out_size(window);
    int64_t *to = snnconv_array_room(indices);
    for (size_t plane = 0; plane < planes_of(x); plane++) {
        for (size_t i = 0; i < out_size; i++) {
            const int64_t rows = (int64_t)i / axis[WIDTH].positions;
            const int64_t position[SNNCONV_WINDOW_AXES] = {
                rows / axis[HEIGHT].positions,
                rows % axis[HEIGHT].positions,
                (int64_t)i % axis[WIDTH].positions,
            };
            int64_t found = find_max(window, first_fastest, x, plane * in_size, position);
            *to++ = found < 0 ? -1 : (int64_t)(plane * in_size) + found;
        }
    }
}

int snnconv_max_pool_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct pool pool = {.size = 0};
    int status = pool_all(context, call, &pool, (double)-INFINITY);
    if (status == SNN_OK && call->output_count > 1)
        find_indices(&pool.window, call->attributes->storage_order, call->inputs[0],
                     &call->outputs[1]);
    return status;
}

/* ---- SumPool and AveragePool ---- */

int snnconv_sum_pool_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct snnconv_window window = {.spatial = 0};
    return pool_shape(context, call, &window);
}

int snnconv_sum_pool_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct pool pool = {.size = 0};
    return pool_all(context, call, &pool, 0.0);
}

int snnconv_average_pool_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct snnconv_window window = {.spatial = 0};
    int status = pool_shape(context, call, &window);
    if (status == SNN_OK && !call->attributes->count_include_pad)
        status = check_pads(context, &window);
    return status;
}

int snnconv_average_pool_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct pool pool = {.size = 0};
    return pool_all(context, call, &pool, 0.0);
}

/* ---- Over all positions ---- */

static int global_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0];
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(text, x);
    if (!snnconv_type_is_float(x->type))
        return snnbase_fail(context, SNN_ERR_INVALID, "an input of %s, floats expected",
                            snnconv_type_name(x->type));
    if (x->rank < 3)
        return snnbase_fail(context, SNN_ERR_INVALID, "an input of shape %s has no spatial axes",
                            text);
    snnconv_rule_same(call);
    for (uint32_t i = 2; i < x->rank; i++) {
        if (x->dim[i] == 0)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "a pool over all positions of an input of shape %s", text);
        call->outputs[0].dim[i] = 1;
    }
    return SNN_OK;
}

int snnconv_global_average_pool_shape(struct snn_context *context, const struct snnconv_call *call)
{
    return global_shape(context, call);
}

int snnconv_global_average_pool_evaluate(struct snn_context *context,
                                         const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0];
    const bool wide = x->type == SNNCONV_TYPE_F64;
    size_t planes = snnconv_array_count(&call->outputs[0]), at = 0;
    size_t map = planes != 0 ? snnconv_array_count(x) / planes : 0;
    (void)context;
    for (size_t p = 0; p < planes; p++) {
        double sum = 0.0;
        for (size_t i = 0; i < map; i++) {
            sum += snnconv_array_load(x, at++);
            if (!wide) sum = (double)(float)sum;
        }
        double mean = wide ? sum / (double)map : (double)((float)sum / (float)map);
        snnconv_array_store(&call->outputs[0], p, mean);
    }
    return SNN_OK;
}

int snnconv_global_max_pool_shape(struct snn_context *context, const struct snnconv_call *call)
{
    return global_shape(context, call);
}

int snnconv_global_max_pool_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *x = call->inputs[0];
    size_t planes = snnconv_array_count(&call->outputs[0]), at = 0;
    size_t map = planes != 0 ? snnconv_array_count(x) / planes : 0;
    (void)context;
    for (size_t p = 0; p < planes; p++) {
        double largest = (double)-INFINITY;
        for (size_t i = 0; i < map; i++) {
            double value = snnconv_array_load(x, at++);
            if (value > largest) largest = value;
        }
        snnconv_array_store(&call->outputs[0], p, largest);
    }
    return SNN_OK;
}
