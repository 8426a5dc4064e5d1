/* Fixed-point arithmetic of 8-bit nets, to the bit that of the TensorFlow Lite reference kernels:
 * tensorflow/lite/kernels/internal/{common.h, quantization_util.cc} and gemmlowp's fixedpoint.h,
 * with two roundings (the default of TensorFlow Lite, not TFLITE_SINGLE_ROUNDING).
 */
#ifndef SNN_SIM_FRAME_FIXED_H
#define SNN_SIM_FRAME_FIXED_H

#include <math.h>
#include <stdint.h>

/* real = scale * (q - zero_point), q in -128..127. */
struct snnsim_affine {
    float scale;
    int32_t zero_point;
};

/* The real factor mantissa * 2^(shift - 31), not negative. */
struct snnsim_multiplier {
    int32_t mantissa; /* 0, or 2^30 .. 2^31 - 1 */
    int32_t shift;    /* -31 .. 30 */
};

/* The nearest multiplier; factors below 2^-32 become 0, beyond 2^30 the largest there is. */
static inline struct snnsim_multiplier snnsim_fixed_multiplier(double factor)
{
    int shift = 0;
    int64_t mantissa = (int64_t)round(frexp(factor, &shift) * 0x1p31);
    if (mantissa == INT64_C(1) << 31) {
        mantissa /= 2;
        shift++;
    }
    if (shift < -31) return (struct snnsim_multiplier){0, 0};
    if (shift > 30) return (struct snnsim_multiplier){INT32_MAX, 30};
    return (struct snnsim_multiplier){(int32_t)mantissa, shift};
}

/* Shifts of negative numbers are arithmetic in every compiler this is built with. */

/* a * b / 2^31 to the nearest integer, halves upwards; b is not negative. */
static inline int32_t snnsim_fixed_high_multiply(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^exponent to the nearest integer, halves away from 0. */
static inline int32_t snnsim_fixed_divide(int32_t x, int32_t exponent)
{
    const int64_t half = (INT64_C(1) << exponent) >> 1;
    const int64_t away = (x < 0) & (exponent > 0);
    return (int32_t)((x + half - away) >> exponent);
}

/* x * factor, rounded as above. Where the reference would overflow (x * 2^shift leaves 32 bits),
 * this saturates. */
static inline int32_t snnsim_fixed_multiply(int32_t x, struct snnsim_multiplier factor)
{
    if (factor.shift <= 0)
        return snnsim_fixed_divide(snnsim_fixed_high_multiply(x, factor.mantissa), -factor.shift);
    int64_t shifted = (int64_t)x * (INT64_C(1) << factor.shift);
    if (shifted > INT32_MAX) shifted = INT32_MAX;
    if (shifted < INT32_MIN) shifted = INT32_MIN;
    return snnsim_fixed_high_multiply((int32_t)shifted, factor.mantissa);
}

static inline int8_t snnsim_fixed_clamp(int64_t value, int32_t low, int32_t high)
{
    return (int8_t)(value < low ? low : value > high ? high : value);
}

/* The integer nearest to a real number, halves away from 0. Not a number becomes the zero point. */
static inline int8_t snnsim_fixed_quantize(float value, struct snnsim_affine affine)
{
    const float steps = roundf(value / affine.scale);
    if (!(steps > -512.0f)) return steps < 0.0f ? INT8_MIN : (int8_t)affine.zero_point;
    if (steps > 512.0f) return INT8_MAX;
    return snnsim_fixed_clamp((int64_t)steps + affine.zero_point, INT8_MIN, INT8_MAX);
}

#endif
