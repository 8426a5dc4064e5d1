/* The kernels with NEON: the vector of simd.h in two registers, and the kernels that need more of
 * the processor.
 *
 * Every 64-bit ARM has it. Multiplications and additions stay apart (vmlaq would fuse them); the
 * minima and maxima of NEON pass NaNs on, so they are made of comparisons.
 */
#include "sim/kernel/kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>

struct vector {
    float32x4_t low, high;
};

static inline struct vector load(const float *from)
{
    return (struct vector){vld1q_f32(from), vld1q_f32(from + 4)};
}

static inline void store(float *to, struct vector a)
{
    vst1q_f32(to, a.low);
    vst1q_f32(to + 4, a.high);
}

static inline struct vector alike(float a)
{
    return (struct vector){vdupq_n_f32(a), vdupq_n_f32(a)};
}

static inline struct vector plus(struct vector a, struct vector b)
{
    return (struct vector){vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
}

static inline struct vector minus(struct vector a, struct vector b)
{
    return (struct vector){vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
}

static inline struct vector times(struct vector a, struct vector b)
{
    return (struct vector){vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
}

static inline struct vector over(struct vector a, struct vector b)
{
    return (struct vector){vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
}

static inline struct vector truncated(struct vector a)
{
    return (struct vector){vrndq_f32(a.low), vrndq_f32(a.high)};
}

static inline struct vector masked(uint32x4_t low, uint32x4_t high)
{
    return (struct vector){vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high)};
}

/* Comparisons fill each lane with ones or zeros; zeros where either is a NaN. */
static inline struct vector at_least(struct vector a, struct vector b)
{
    return masked(vcgeq_f32(a.low, b.low), vcgeq_f32(a.high, b.high));
}

static inline struct vector above(struct vector a, struct vector b)
{
    return masked(vcgtq_f32(a.low, b.low), vcgtq_f32(a.high, b.high));
}

static inline struct vector differs(struct vector a, struct vector b)
{
    return masked(vorrq_u32(vcgtq_f32(a.low, b.low), vcltq_f32(a.low, b.low)),
                  vorrq_u32(vcgtq_f32(a.high, b.high), vcltq_f32(a.high, b.high)));
}

static inline struct vector either(struct vector mask, struct vector a, struct vector b)
{
    return (struct vector){vbslq_f32(vreinterpretq_u32_f32(mask.low), a.low, b.low),
                           vbslq_f32(vreinterpretq_u32_f32(mask.high), a.high, b.high)};
}

static inline struct vector keep(struct vector mask, struct vector a)
{
    return either(mask, a, alike(0.0f));
}

/* b where either is a NaN. */
static inline struct vector larger(struct vector a, struct vector b)
{
    return either(above(a, b), a, b);
}

/* b where either is a NaN. */
static inline struct vector smaller(struct vector a, struct vector b)
{
    return either(above(b, a), a, b);
}

/* A bit a lane of a comparison. */
static inline uint8_t bits(struct vector mask)
{
    static const uint16_t bit[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t lanes = vcombine_u16(vmovn_u32(vreinterpretq_u32_f32(mask.low)),
                                          vmovn_u32(vreinterpretq_u32_f32(mask.high)));
    return (uint8_t)vaddvq_u16(vandq_u16(lanes, vld1q_u16(bit)));
}

#define SNNSIM_VECTOR
#include "sim/kernel/simd.h"

/* There is no instruction that moves lanes to the front: bit by bit. */
static size_t gather(const uint8_t *mask, const float *count, size_t vectors, uint32_t base,
                     uint32_t step, uint32_t *weights_out, float *count_out, uint64_t *spikes)
{
    size_t n = 0;
    for (size_t i = 0; i < vectors; i++) {
        for (unsigned left = mask[i]; left != 0; left &= left - 1) {
            const size_t channel = i * SNNSIM_LANES + (unsigned)__builtin_ctz(left);
            weights_out[n] = base + (uint32_t)channel * step;
            count_out[n] = count[channel];
            *spikes += (uint64_t)count[channel];
            n++;
        }
    }
    return n;
}

static size_t list(const uint8_t *mask, size_t bytes, struct snnsim_tap first, uint32_t step,
                   struct snnsim_tap *taps)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        for (unsigned left = mask[i]; left != 0; left &= left - 1) {
            const uint32_t input = (uint32_t)(i * SNNSIM_LANES) + (uint32_t)__builtin_ctz(left);
            taps[n++] = (struct snnsim_tap){first.weights + input * step, first.count + input};
        }
    }
    return n;
}

/* In double, where all of it is exact. */
static struct snnsim_reached reach(const float *count, const uint8_t *mask, uint32_t width,
                                   uint32_t lanes, const uint32_t *fanout)
{
    float64x2_t spikes = vdupq_n_f64(0.0), targets = vdupq_n_f64(0.0);
    for (uint32_t x = 0; x < width; x++, mask += lanes / SNNSIM_LANES, count += lanes) {
        for (uint32_t lane = 0; lane < lanes; lane += SNNSIM_LANES) {
            if (mask[lane / SNNSIM_LANES] == 0) continue;
            const struct vector counts = load(count + lane);
            const float64x2_t low =
                vaddq_f64(vcvt_f64_f32(vget_low_f32(counts.low)), vcvt_high_f64_f32(counts.low));
            const float64x2_t high =
                vaddq_f64(vcvt_f64_f32(vget_low_f32(counts.high)), vcvt_high_f64_f32(counts.high));
            const float64x2_t n = vaddq_f64(low, high);
            spikes = vaddq_f64(spikes, n);
            targets = vaddq_f64(targets, vmulq_n_f64(n, (double)fanout[x]));
        }
    }
    return (struct snnsim_reached){(uint64_t)vaddvq_f64(spikes), (uint64_t)vaddvq_f64(targets)};
}

SNNSIM_INLINE int32x4_t multiply_add(int32x4_t sum, int16x8_t x, const int16_t *weights)
{
    const int16x8_t w = vld1q_s16(weights);
    return vmlal_high_s16(vmlal_s16(sum, vget_low_s16(x), vget_low_s16(w)), x, w);
}

static void multiply(const int16_t *restrict x, const int16_t *restrict weights, size_t depth,
                     size_t outputs, int32_t *restrict sums)
{
    for (size_t o = 0; o < outputs; o += 4) {
        /* Beyond the last output the last is taken again. */
        const size_t left = outputs - o < 4 ? outputs - o : 4;
        const int16_t *w0 = weights + o * depth;
        const int16_t *w1 = left > 1 ? w0 + depth : w0, *w2 = left > 2 ? w1 + depth : w1;
        const int16_t *w3 = left > 3 ? w2 + depth : w2;
        int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
        for (size_t k = 0; k < depth; k += 8) {
            const int16x8_t in = vld1q_s16(x + k);
            a = multiply_add(a, in, w0 + k);
            b = multiply_add(b, in, w1 + k);
            c = multiply_add(c, in, w2 + k);
            d = multiply_add(d, in, w3 + k);
        }
        const int32_t four[4] = {vaddvq_s32(a), vaddvq_s32(b), vaddvq_s32(c), vaddvq_s32(d)};
        for (size_t i = 0; i < left; i++)
            sums[o + i] = four[i];
    }
}

void snnsim_neon_kernels(struct snnsim_kernels *kernels)
{
    kernels->level = "neon";
    fill_simd_kernels(kernels);
    kernels->gather = gather;
    kernels->list = list;
    kernels->reach = reach;
    kernels->multiply = multiply;
}

#endif
