/* Scales and zero points of tensors: real = scale * (stored - zero point), rounding half to even.
 *
 * A tensor has one of each, or one per index of an axis, or one per block along an axis; here all
 * of these are rows of neighbouring elements whose parameters lie at equal distances.
 */
#ifndef SNN_CONVERT_IR_OP_QUANTIZE_H
#define SNN_CONVERT_IR_OP_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "snn/context.h"

/* The tensor as [outer][extent][inner]; element (o, e, i) has the parameter
 * o * outer_step + e / block * step + i * inner_step. */
struct snnconv_grain {
    size_t outer, extent, inner;
    size_t outer_step, step, inner_step;
    size_t block; /* at least 1 */
};

/* One parameter for all of a tensor. */
struct snnconv_grain snnconv_grain_whole(const struct snnconv_array *x);
/* One for each index of an axis. */
struct snnconv_grain snnconv_grain_axis(const struct snnconv_array *x, uint32_t axis);

static inline size_t snnconv_grain_row(const struct snnconv_grain *grain, size_t outer, size_t at)
{
    return outer * grain->outer_step + at / grain->block * grain->step;
}

/* Whether `x` is int8 or uint8 and its zero point (may be NULL) of its type. `name` is x's in the
 * specification. Errors: INVALID. */
int snnconv_quantize_check(struct snn_context *context, const char *name,
                           const struct snnconv_array *x, const struct snnconv_array *zero_point);

/* Whether a scale is of a float type. Errors: INVALID. */
int snnconv_quantize_check_scale(struct snn_context *context, const char *name,
                                 const struct snnconv_array *scale);

/* x above its zero points (NULL: 0) as int16, in a block that *out then holds (snnbase_free). x is
 * int8 or uint8. */
int snnconv_quantize_center(int16_t **out, struct snn_context *context,
                            const struct snnconv_array *x, const struct snnconv_array *zero_point,
                            const struct snnconv_grain *grain);

/* The integer of `type` for a real number in steps above zero_point: rounded, ties to even, and cut
 * off at the ends of the type. NaN is taken for 0. */
int64_t snnconv_quantize_round(enum snnconv_type type, double steps, int64_t zero_point);

#endif
