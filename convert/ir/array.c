/* Dense tensors: types, shapes, single elements.
 *
 * Every extent, every product of extents and every byte count is exact once
 * snnconv_array_check has accepted a shape; what reads or writes elements relies on that. Loading
 * and storing one element at a time is the general way in; operators have fast paths of their own.
 */
#include "convert/ir/array.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* IEEE 754 binary16 and bfloat16: bits of fraction and exponent. */
enum { HALF_FRACTION = 10, HALF_EXPONENT = 5, BRAIN_FRACTION = 7, BRAIN_EXPONENT = 8 };

struct type_row {
    const char *name;
    size_t size;
    bool is_float;
};

static const struct type_row type_rows[SNNCONV_TYPE_COUNT] = {
    [SNNCONV_TYPE_NONE] = {"unknown", 0, false}, [SNNCONV_TYPE_F32] = {"float32", 4, true},
    [SNNCONV_TYPE_F64] = {"float64", 8, true},   [SNNCONV_TYPE_F16] = {"float16", 2, true},
    [SNNCONV_TYPE_BF16] = {"bfloat16", 2, true}, [SNNCONV_TYPE_I8] = {"int8", 1, false},
    [SNNCONV_TYPE_U8] = {"uint8", 1, false},     [SNNCONV_TYPE_I16] = {"int16", 2, false},
    [SNNCONV_TYPE_U16] = {"uint16", 2, false},   [SNNCONV_TYPE_I32] = {"int32", 4, false},
    [SNNCONV_TYPE_U32] = {"uint32", 4, false},   [SNNCONV_TYPE_I64] = {"int64", 8, false},
    [SNNCONV_TYPE_U64] = {"uint64", 8, false},   [SNNCONV_TYPE_BOOL] = {"bool", 1, false},
};

static const struct type_row *type_row(enum snnconv_type type)
{
    return &type_rows[(unsigned)type < SNNCONV_TYPE_COUNT ? type : SNNCONV_TYPE_NONE];
}

const char *snnconv_type_name(enum snnconv_type type)
{
    return type_row(type)->name;
}

size_t snnconv_type_size(enum snnconv_type type)
{
    return type_row(type)->size;
}

bool snnconv_type_is_float(enum snnconv_type type)
{
    return type_row(type)->is_float;
}

/* ---- Shapes ---- */

size_t snnconv_array_count(const struct snnconv_array *array)
{
    size_t count = 1;
    for (uint32_t i = 0; i < array->rank; i++)
        count *= (size_t)array->dim[i];
    return count;
}

/* Extents of 0 count as 1 here: an empty array must have exact partial products too, because
 * operators step through arrays by them. */
static bool shape_fits(const struct snnconv_array *array, uint64_t bytes_max)
{
    size_t size = snnconv_type_size(array->type), bytes = size != 0 ? size : 1;
    for (uint32_t i = 0; i < array->rank; i++) {
        uint64_t extent = array->dim[i] != 0 ? (uint64_t)array->dim[i] : 1;
        if (extent > SIZE_MAX || !snnbase_size_mul(bytes, (size_t)extent, &bytes)) return false;
    }
    return bytes <= bytes_max && bytes <= INT64_MAX;
}

int snnconv_array_check(struct snn_context *context, const struct snnconv_array *array)
{
    uint64_t bytes_max = snnbase_limits(context)->tensor_bytes;
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    if (array->rank > SNNCONV_RANK_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a tensor of %" PRIu32 " axes, at most %u",
                            array->rank, SNNCONV_RANK_MAX);
    snnconv_array_format(text, array);
    for (uint32_t i = 0; i < array->rank; i++) {
        if (array->dim[i] < 0)
            return snnbase_fail(context, SNN_ERR_FORMAT, "a tensor of shape %s", text);
    }
    if (!shape_fits(array, bytes_max))
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "a tensor of %s %s exceeds the limit of %" PRIu64 " bytes",
                            snnconv_type_name(array->type), text, bytes_max);
    return SNN_OK;
}

void *snnconv_array_alloc(struct snnconv_array *array, struct snn_context *context,
                          struct snnbase_arena *arena)
{
    /* Even an empty array gets data: NULL means that there are no values. */
    size_t count = snnconv_array_count(array);
    void *data =
        snnbase_arena_alloc(arena, context, count != 0 ? count : 1, snnconv_type_size(array->type));
    array->data = data;
    return data;
}

void snnconv_array_format(char text[SNNCONV_ARRAY_TEXT_SIZE], const struct snnconv_array *array)
{
    size_t at = 0;
    uint32_t rank = array->rank <= SNNCONV_RANK_MAX ? array->rank : SNNCONV_RANK_MAX;
    text[at++] = '[';
    for (uint32_t i = 0; i < rank; i++) {
        int length = snprintf(text + at, SNNCONV_ARRAY_TEXT_SIZE - at, "%s%" PRId64,
                              i > 0 ? ", " : "", array->dim[i]);
        at += length > 0 ? (size_t)length : 0;
    }
    text[at++] = ']';
    text[at] = '\0';
}

/* ---- Narrow floats ---- */

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double load_half(uint32_t half)
{
    int exponent = (int)(half >> HALF_FRACTION & 0x1f);
    double fraction = half & 0x3ff, magnitude;
    if (exponent == 0x1f)
        magnitude = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, -24);
    else
        magnitude = ldexp(fraction + 1024, exponent - 25);
    return half >> 15 != 0 ? -magnitude : magnitude;
}

double snnconv_type_load_float(enum snnconv_type type, const unsigned char *item, bool big_endian)
{
    uint64_t bits = 0;
    size_t size = snnconv_type_size(type);
    double value;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)item[i] << (8 * (big_endian ? size - 1 - i : i));
    switch (type) {
    case SNNCONV_TYPE_F16:
        return load_half((uint32_t)bits);
    case SNNCONV_TYPE_BF16:
        return float_of_bits((uint32_t)bits << 16);
    case SNNCONV_TYPE_F32:
        return float_of_bits((uint32_t)bits);
    case SNNCONV_TYPE_F64:
        memcpy(&value, &bits, sizeof(value));
        return value;
    default:
        return 0;
    }
}

/* The nearest float of so many bits, ties to even: subnormal, normal and infinite ones alike come
 * from one sum, because a significand that rounds up to 2 carries into the exponent. */
static uint16_t narrow(double value, int fraction_bits, int exponent_bits)
{
    int bias = (1 << (exponent_bits - 1)) - 1, exponent = 0;
    uint32_t sign = signbit(value) ? 0x8000 : 0;
    uint32_t infinite = ((1u << exponent_bits) - 1) << fraction_bits;
    if (isnan(value)) return (uint16_t)(infinite | 1u << (fraction_bits - 1));
    (void)frexp(value, &exponent); /* value = m * 2^exponent, m in 0.5 .. 1 */
    exponent -= 1;
    if (isinf(value) || exponent > bias) return (uint16_t)(sign | infinite);
    if (value == 0 || exponent < 1 - bias) exponent = 1 - bias;
    double significand = nearbyint(ldexp(fabs(value), fraction_bits - exponent));
    uint32_t bits = ((uint32_t)(exponent + bias - 1) << fraction_bits) + (uint32_t)significand;
    return (uint16_t)(sign | (bits < infinite ? bits : infinite));
}

/* ---- Elements ---- */

double snnconv_array_load(const struct snnconv_array *array, size_t index)
{
    switch (array->type) {
    case SNNCONV_TYPE_F32:
        return ((const float *)array->data)[index];
    case SNNCONV_TYPE_F64:
        return ((const double *)array->data)[index];
    case SNNCONV_TYPE_F16:
        return load_half(((const uint16_t *)array->data)[index]);
    case SNNCONV_TYPE_BF16:
        return float_of_bits((uint32_t)((const uint16_t *)array->data)[index] << 16);
    case SNNCONV_TYPE_U64:
        return (double)((const uint64_t *)array->data)[index];
    default:
        return (double)snnconv_array_load_integer(array, index);
    }
}

/* Truncates; beyond the range the nearest end of it, NaN is 0. */
static int64_t integer_of_double(double value)
{
    if (isnan(value)) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    if (value < -0x1p63) return INT64_MIN;
    return (int64_t)value;
}

int64_t snnconv_array_load_integer(const struct snnconv_array *array, size_t index)
{
    switch (array->type) {
    case SNNCONV_TYPE_I8:
        return ((const int8_t *)array->data)[index];
    case SNNCONV_TYPE_BOOL:
    case SNNCONV_TYPE_U8:
        return ((const uint8_t *)array->data)[index];
    case SNNCONV_TYPE_I16:
        return ((const int16_t *)array->data)[index];
    case SNNCONV_TYPE_U16:
        return ((const uint16_t *)array->data)[index];
    case SNNCONV_TYPE_I32:
        return ((const int32_t *)array->data)[index];
    case SNNCONV_TYPE_U32:
        return ((const uint32_t *)array->data)[index];
    case SNNCONV_TYPE_I64:
        return ((const int64_t *)array->data)[index];
    case SNNCONV_TYPE_U64:
        return (int64_t)((const uint64_t *)array->data)[index];
    case SNNCONV_TYPE_NONE:
    case SNNCONV_TYPE_COUNT:
        return 0;
    default:
        return integer_of_double(snnconv_array_load(array, index));
    }
}

/* Smallest and largest value of an integer type, as doubles for clamping; those of 64 bits are cut
 * off by integer_of_double. */
static double clamp_to_type(enum snnconv_type type, double value)
{
    double bits = 8.0 * (double)snnconv_type_size(type), low = 0, high;
    bool is_signed = type == SNNCONV_TYPE_I8 || type == SNNCONV_TYPE_I16 ||
                     type == SNNCONV_TYPE_I32 || type == SNNCONV_TYPE_I64;
    if (isnan(value)) return 0;
    high = exp2(is_signed ? bits - 1 : bits) - 1;
    if (is_signed) low = -high - 1;
    return value < low ? low : value > high ? high : value;
}

void snnconv_array_store(struct snnconv_array *array, size_t index, double value)
{
    void *data = snnconv_array_room(array);
    switch (array->type) {
    case SNNCONV_TYPE_F32:
        ((float *)data)[index] = (float)value;
        return;
    case SNNCONV_TYPE_F64:
        ((double *)data)[index] = value;
        return;
    case SNNCONV_TYPE_F16:
        ((uint16_t *)data)[index] = narrow(value, HALF_FRACTION, HALF_EXPONENT);
        return;
    case SNNCONV_TYPE_BF16:
        ((uint16_t *)data)[index] = narrow(value, BRAIN_FRACTION, BRAIN_EXPONENT);
        return;
    case SNNCONV_TYPE_BOOL:
        ((uint8_t *)data)[index] = value != 0;
        return;
    case SNNCONV_TYPE_U64:
        value = clamp_to_type(array->type, value);
        ((uint64_t *)data)[index] = value < 0x1p64 ? (uint64_t)value : UINT64_MAX;
        return;
    default:
        snnconv_array_store_integer(array, index,
                                    integer_of_double(clamp_to_type(array->type, value)));
    }
}

void snnconv_array_store_integer(struct snnconv_array *array, size_t index, int64_t value)
{
    void *data = snnconv_array_room(array);
    /* Unsigned on the way: what does not fit loses its upper bits, as two's complement has it. */
    uint64_t bits = (uint64_t)value;
    switch (array->type) {
    case SNNCONV_TYPE_I8:
    case SNNCONV_TYPE_U8:
        ((uint8_t *)data)[index] = (uint8_t)bits;
        return;
    case SNNCONV_TYPE_I16:
    case SNNCONV_TYPE_U16:
        ((uint16_t *)data)[index] = (uint16_t)bits;
        return;
    case SNNCONV_TYPE_I32:
    case SNNCONV_TYPE_U32:
        ((uint32_t *)data)[index] = (uint32_t)bits;
        return;
    case SNNCONV_TYPE_I64:
    case SNNCONV_TYPE_U64:
        ((uint64_t *)data)[index] = bits;
        return;
    case SNNCONV_TYPE_BOOL:
        ((uint8_t *)data)[index] = value != 0;
        return;
    case SNNCONV_TYPE_NONE:
    case SNNCONV_TYPE_COUNT:
        return;
    default:
        snnconv_array_store(array, index, (double)value);
    }
}
