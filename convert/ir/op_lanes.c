/* Straight loops of multiplications and additions, see op_lanes.h. Written so that a compiler
 * vectorises them; the order of the sums is that of libsnn/model/eval.c.
 */
#include "convert/ir/op_lanes.h"

#include <stdint.h>
#include <string.h>

#include "libsnn/base/memory.h"
#include "snn/status.h"

enum {
    LANES = 8, /* partial sums of a scalar product */
    FOUR = 4   /* taps that share one load and one store of their sum */
};

/* ---- float32 ---- */

static void accumulate_four_f32(float *restrict sum, const float *restrict plane,
                                const size_t *taps, const float *weights, size_t count)
{
    const float *a = plane + taps[0], *b = plane + taps[1];
    const float *c = plane + taps[2], *d = plane + taps[3];
    const float u = weights[0], v = weights[1], w = weights[2], x = weights[3];
    for (size_t i = 0; i < count; i++)
        sum[i] = sum[i] + u * a[i] + v * b[i] + w * c[i] + x * d[i];
}

static void accumulate_f32(void *sum_out, const void *plane_in, const size_t *taps,
                           const void *weights_in, size_t tap_count, size_t count)
{
    float *restrict sum = sum_out;
    const float *restrict plane = plane_in;
    const float *weights = weights_in;
    size_t k = 0;
    for (; k + FOUR <= tap_count; k += FOUR)
        accumulate_four_f32(sum, plane, taps + k, weights + k, count);
    for (; k < tap_count; k++) {
        for (size_t i = 0; i < count; i++)
            sum[i] += weights[k] * plane[taps[k] + i];
    }
}

static void dot_f32(void *sum_out, const void *a_in, const void *b_in, size_t count)
{
    const float *restrict a = a_in, *restrict b = b_in;
    float sum[LANES] = {0.0f};
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += a[i + lane] * b[i + lane];
    }
    for (size_t i = whole; i < count; i++)
        sum[i - whole] += a[i] * b[i];
    *(float *)sum_out =
        ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static void add_f32(void *sum_out, const void *value, size_t count)
{
    float *sum = sum_out;
    const float addend = *(const float *)value;
    for (size_t i = 0; i < count; i++)
        sum[i] += addend;
}

/* ---- float64 ---- */

static void accumulate_f64(void *sum_out, const void *plane_in, const size_t *taps,
                           const void *weights_in, size_t tap_count, size_t count)
{
    double *restrict sum = sum_out;
    const double *restrict plane = plane_in;
    const double *weights = weights_in;
    for (size_t k = 0; k < tap_count; k++) {
        for (size_t i = 0; i < count; i++)
            sum[i] += weights[k] * plane[taps[k] + i];
    }
}

static void dot_f64(void *sum_out, const void *a_in, const void *b_in, size_t count)
{
    const double *a = a_in, *b = b_in;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    *(double *)sum_out = sum;
}

static void add_f64(void *sum_out, const void *value, size_t count)
{
    double *sum = sum_out;
    const double addend = *(const double *)value;
    for (size_t i = 0; i < count; i++)
        sum[i] += addend;
}

/* ---- int16 into int32 ----
 *
 * Differences of two 8-bit numbers: a product fits, a long sum may not, so it is unsigned.
 */
static void accumulate_four_i16(uint32_t *restrict sum, const int16_t *restrict plane,
                                const size_t *taps, const int16_t *weights, size_t count)
{
    const int16_t *a = plane + taps[0], *b = plane + taps[1];
    const int16_t *c = plane + taps[2], *d = plane + taps[3];
    const int16_t u = weights[0], v = weights[1], w = weights[2], x = weights[3];
    for (size_t i = 0; i < count; i++)
        sum[i] += (uint32_t)(u * a[i] + v * b[i] + w * c[i] + x * d[i]);
}

static void accumulate_i16(void *sum_out, const void *plane_in, const size_t *taps,
                           const void *weights_in, size_t tap_count, size_t count)
{
    uint32_t *restrict sum = sum_out;
    const int16_t *restrict plane = plane_in;
    const int16_t *weights = weights_in;
    size_t k = 0;
    for (; k + FOUR <= tap_count; k += FOUR)
        accumulate_four_i16(sum, plane, taps + k, weights + k, count);
    for (; k < tap_count; k++) {
        for (size_t i = 0; i < count; i++)
            sum[i] += (uint32_t)(weights[k] * plane[taps[k] + i]);
    }
}

static void dot_i16(void *sum_out, const void *a_in, const void *b_in, size_t count)
{
    const int16_t *a = a_in, *b = b_in;
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint32_t)(a[i] * b[i]);
    *(uint32_t *)sum_out = sum;
}

static void add_i32(void *sum_out, const void *value, size_t count)
{
    uint32_t *sum = sum_out;
    const uint32_t addend = *(const uint32_t *)value;
    for (size_t i = 0; i < count; i++)
        sum[i] += addend;
}

/* ---- int64 ---- */

static void accumulate_i64(void *sum_out, const void *plane_in, const size_t *taps,
                           const void *weights_in, size_t tap_count, size_t count)
{
    uint64_t *restrict sum = sum_out;
    const uint64_t *restrict plane = plane_in;
    const uint64_t *weights = weights_in;
    for (size_t k = 0; k < tap_count; k++) {
        for (size_t i = 0; i < count; i++)
            sum[i] += weights[k] * plane[taps[k] + i];
    }
}

static void dot_i64(void *sum_out, const void *a_in, const void *b_in, size_t count)
{
    const uint64_t *a = a_in, *b = b_in;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    *(uint64_t *)sum_out = sum;
}

static void add_i64(void *sum_out, const void *value, size_t count)
{
    uint64_t *sum = sum_out;
    const uint64_t addend = *(const uint64_t *)value;
    for (size_t i = 0; i < count; i++)
        sum[i] += addend;
}

/* ---- Which one ---- */

const struct snnconv_lanes snnconv_lanes_quantized = {SNNCONV_TYPE_I16, SNNCONV_TYPE_I32,
                                                      accumulate_i16, dot_i16, add_i32};

const struct snnconv_lanes *snnconv_lanes_of(enum snnconv_type type)
{
    static const struct snnconv_lanes f32 = {SNNCONV_TYPE_F32, SNNCONV_TYPE_F32, accumulate_f32,
                                             dot_f32, add_f32};
    static const struct snnconv_lanes f64 = {SNNCONV_TYPE_F64, SNNCONV_TYPE_F64, accumulate_f64,
                                             dot_f64, add_f64};
    static const struct snnconv_lanes i64 = {SNNCONV_TYPE_I64, SNNCONV_TYPE_I64, accumulate_i64,
                                             dot_i64, add_i64};
    switch (type) {
    case SNNCONV_TYPE_F32:
    case SNNCONV_TYPE_F16:
    case SNNCONV_TYPE_BF16:
        return &f32;
    case SNNCONV_TYPE_F64:
        return &f64;
    default:
        return &i64;
    }
}

/* ---- Elements and numbers ---- */

static void convert(struct snnconv_array *to, const struct snnconv_array *from)
{
    size_t count = snnconv_array_count(from);
    if (snnconv_type_is_float(from->type)) {
        for (size_t i = 0; i < count; i++)
            snnconv_array_store(to, i, snnconv_array_load(from, i));
        return;
    }
    for (size_t i = 0; i < count; i++)
        snnconv_array_store_integer(to, i, snnconv_array_load_integer(from, i));
}

int snnconv_lanes_begin(struct snnconv_array *sums_out, struct snn_context *context,
                        enum snnconv_type type, const struct snnconv_array *out, void **block_out)
{
    struct snnconv_array sums = *out;
    *block_out = NULL;
    if (type != out->type) {
        sums.type = type;
        sums.data = *block_out =
            snnbase_alloc_aligned(context, snnconv_array_count(out), snnconv_type_size(type));
        if (sums.data == NULL) return SNN_ERR_NOMEM;
    }
    *sums_out = sums;
    return SNN_OK;
}

int snnconv_lanes_load(const void **out, struct snn_context *context, enum snnconv_type type,
                       const struct snnconv_array *array, void **block_out)
{
    struct snnconv_array loaded;
    int status = snnconv_lanes_begin(&loaded, context, type, array, block_out);
    if (status != SNN_OK) return status;
    if (*block_out != NULL) convert(&loaded, array);
    *out = loaded.data;
    return SNN_OK;
}

void snnconv_lanes_store(struct snnconv_array *out, const struct snnconv_array *sums)
{
    if (out->data != sums->data) convert(out, sums);
}
