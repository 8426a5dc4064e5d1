/* The kernels in plain C: the specification that every other level must equal to the bit.
 */
#include <math.h>
#include <string.h>

#include "sim/kernel/kernel.h"

static void scatter_event(float *to, const float *w, float n, const struct snnsim_footprint *f)
{
    for (uint32_t row = 0; row < f->rows; row++) {
        for (uint32_t s = 0; s < f->segments; s++) {
            float *lanes = to + row * f->row_stride + s * f->segment_stride;
            for (uint32_t i = 0; i < f->length; i++)
                lanes[i] += n * w[i];
            w += f->length;
        }
    }
}

static void scatter(float *current, const float *weights, const struct snnsim_events *events,
                    const struct snnsim_footprint *footprint)
{
    size_t e = 0;
    for (size_t r = 0; r < events->run_count; r++) {
        const struct snnsim_run run = events->runs[r];
        for (size_t end = e + run.count; e < end; e++)
            scatter_event(current + run.target, weights + events->weights[e], events->count[e],
                          footprint);
    }
}

static size_t gather(const uint8_t *mask, const float *count, size_t vectors, uint32_t base,
                     uint32_t step, uint32_t *weights_out, float *count_out, uint64_t *spikes)
{
    size_t n = 0;
    for (size_t channel = 0; channel < vectors * SNNSIM_LANES; channel++) {
        if ((mask[channel / SNNSIM_LANES] >> (channel % SNNSIM_LANES) & 1) == 0) continue;
        weights_out[n] = base + (uint32_t)channel * step;
        count_out[n] = count[channel];
        *spikes += (uint64_t)count[channel];
        n++;
    }
    return n;
}

/* One neuron; returns its spikes. */
static float fire_one(float *v, float input, const struct snnsim_neuron *neuron)
{
    float potential = *v + input;
    /* Not fmaxf: a NaN potential fires nothing and is caught by the clip below, as in SIMD. */
    float n = potential > 0.0f ? truncf(potential / neuron->threshold) : 0.0f;
    n = n < neuron->spikes_max ? n : neuron->spikes_max;
    if (neuron->reset_zero)
        potential = n > 0.0f ? 0.0f : potential;
    else
        potential -= n * neuron->threshold;
    *v = potential > neuron->v_min ? potential : neuron->v_min;
    return n;
}

static void note_spikes(size_t i, float n, float *count, uint8_t *mask)
{
    count[i] = n;
    if (i % SNNSIM_LANES == 0) mask[i / SNNSIM_LANES] = 0;
    if (n > 0.0f) mask[i / SNNSIM_LANES] |= (uint8_t)(1u << (i % SNNSIM_LANES));
}

static void fire(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                 size_t length, const struct snnsim_neuron *neuron)
{
    for (size_t i = 0; i < length; i++) {
        note_spikes(i, fire_one(&v[i], current[i] + bias[i], neuron), count, mask);
        current[i] = 0.0f;
    }
}

static void fire_each(float *v, float *current, const float *bias, float *count, uint8_t *mask,
                      size_t length, const struct snnsim_neurons *neurons)
{
    for (size_t i = 0; i < length; i++) {
        const struct snnsim_neuron neuron = {neurons->threshold[i], neurons->v_min[i],
                                             neurons->spikes_max, neurons->reset_zero};
        note_spikes(i, fire_one(&v[i], current[i] + bias[i], &neuron), count, mask);
        current[i] = 0.0f;
    }
}

static size_t list(const uint8_t *mask, size_t bytes, struct snnsim_tap first, uint32_t step,
                   struct snnsim_tap *taps)
{
    size_t n = 0;
    for (uint32_t i = 0; i < bytes * SNNSIM_LANES; i++) {
        if ((mask[i / SNNSIM_LANES] >> (i % SNNSIM_LANES) & 1) == 0) continue;
        taps[n++] = (struct snnsim_tap){first.weights + i * step, first.count + i};
    }
    return n;
}

/* One step of eight lanes. Four taps at once, from left to right: one load and store of the sums
 * for all of them. */
static void accumulate_lanes(const struct snnsim_batch *b, const float *weights, const float *count,
                             float *sums)
{
    const struct snnsim_tap *tap = b->taps;
    float sum[SNNSIM_LANES];
    memcpy(sum, sums, sizeof(sum));
    size_t left = b->tap_count;
    for (; left >= 4; left -= 4, tap += 4) {
        const float *w0 = weights + tap[0].weights, *w1 = weights + tap[1].weights;
        const float *w2 = weights + tap[2].weights, *w3 = weights + tap[3].weights;
        const float n0 = count[tap[0].count], n1 = count[tap[1].count];
        const float n2 = count[tap[2].count], n3 = count[tap[3].count];
        for (uint32_t i = 0; i < SNNSIM_LANES; i++)
            sum[i] = sum[i] + n0 * w0[i] + n1 * w1[i] + n2 * w2[i] + n3 * w3[i];
    }
    for (; left > 0; left--, tap++) {
        for (uint32_t i = 0; i < SNNSIM_LANES; i++)
            sum[i] += count[tap->count] * weights[tap->weights + i];
    }
    memcpy(sums, sum, sizeof(sum));
}

static void accumulate(const struct snnsim_batch *b, const float *weights, const float *count,
                       float *sums)
{
    for (uint32_t t = 0; t < b->steps; t++, count += b->step_stride, sums += b->lanes) {
        for (uint32_t lane = 0; lane < b->lanes; lane += SNNSIM_LANES)
            accumulate_lanes(b, weights + lane, count, sums + lane);
    }
}

/* Joins the masks of a tile's step to those of all steps. */
static void note_any(uint32_t t, uint32_t lanes, const struct snnsim_fired *out)
{
    for (uint32_t i = 0; out->any != NULL && i < lanes / SNNSIM_LANES; i++)
        out->any[i] = (uint8_t)((t > 0 ? out->any[i] : 0) | out->mask[t * out->mask_stride + i]);
}

static void fire_steps(float *v, const float *sums, const float *bias, uint32_t steps,
                       uint32_t lanes, const struct snnsim_neuron *neuron,
                       const struct snnsim_fired *out)
{
    for (uint32_t t = 0; t < steps; t++, sums += lanes) {
        for (uint32_t i = 0; i < lanes; i++)
            note_spikes(i, fire_one(&v[i], sums[i] + bias[i], neuron),
                        out->count + t * out->count_stride, out->mask + t * out->mask_stride);
        note_any(t, lanes, out);
    }
}

static void fire_each_steps(float *v, const float *sums, const float *bias, uint32_t steps,
                            uint32_t lanes, const struct snnsim_neurons *neurons,
                            const struct snnsim_fired *out)
{
    for (uint32_t t = 0; t < steps; t++, sums += lanes) {
        for (uint32_t i = 0; i < lanes; i++) {
            const struct snnsim_neuron neuron = {neurons->threshold[i], neurons->v_min[i],
                                                 neurons->spikes_max, neurons->reset_zero};
            note_spikes(i, fire_one(&v[i], sums[i] + bias[i], &neuron),
                        out->count + t * out->count_stride, out->mask + t * out->mask_stride);
        }
        note_any(t, lanes, out);
    }
}

static void mark(const float *count, size_t vectors, uint8_t *mask)
{
    for (size_t i = 0; i < vectors; i++, count += SNNSIM_LANES) {
        unsigned bits = 0;
        for (unsigned lane = 0; lane < SNNSIM_LANES; lane++)
            bits |= (count[lane] > 0.0f || count[lane] < 0.0f ? 1u : 0u) << lane;
        mask[i] = (uint8_t)bits;
    }
}

static void unite(const uint8_t *mask, size_t stride, uint32_t steps, size_t length, uint8_t *out)
{
    memcpy(out, mask, length);
    for (uint32_t t = 1; t < steps; t++) {
        mask += stride;
        for (size_t i = 0; i < length; i++)
            out[i] |= mask[i];
    }
}

static struct snnsim_reached reach(const float *count, const uint8_t *mask, uint32_t width,
                                   uint32_t lanes, const uint32_t *fanout)
{
    struct snnsim_reached all = {0, 0};
    for (uint32_t x = 0; x < width; x++, mask += lanes / SNNSIM_LANES, count += lanes) {
        uint64_t spikes = 0;
        for (uint32_t lane = 0; lane < lanes; lane++) {
            if (mask[lane / SNNSIM_LANES] != 0) spikes += (uint64_t)count[lane];
        }
        all.spikes += spikes;
        all.targets += spikes * fanout[x];
    }
    return all;
}

static void pool(const float *in, const struct snnsim_window *w, uint32_t width, float *out,
                 uint8_t *mask)
{
    for (uint32_t x = 0; x < width; x++, in += w->step) {
        for (size_t lane = 0; lane < w->column_stride; lane++, out++) {
            float sum = in[lane];
            for (uint32_t k = 1; k < w->kernel_h * w->kernel_w; k++)
                sum +=
                    in[k / w->kernel_w * w->row_stride + k % w->kernel_w * w->column_stride + lane];
            *out = sum;
            if (lane % SNNSIM_LANES == 0) *mask = 0;
            if (sum > 0.0f || sum < 0.0f) *mask |= (uint8_t)(1u << (lane % SNNSIM_LANES));
            if (lane % SNNSIM_LANES == SNNSIM_LANES - 1) mask++;
        }
    }
}

/* Four outputs at once: compilers keep their sums in registers and read x once. */
static void multiply(const int16_t *restrict x, const int16_t *restrict weights, size_t depth,
                     size_t outputs, int32_t *restrict sums)
{
    const int16_t *w = weights;
    size_t o = 0;
    for (; o + 4 <= outputs; o += 4, w += 4 * depth) {
        int32_t a = 0, b = 0, c = 0, d = 0;
        for (size_t k = 0; k < depth; k++) {
            a += x[k] * w[k];
            b += x[k] * w[depth + k];
            c += x[k] * w[2 * depth + k];
            d += x[k] * w[3 * depth + k];
        }
        sums[o] = a;
        sums[o + 1] = b;
        sums[o + 2] = c;
        sums[o + 3] = d;
    }
    for (; o < outputs; o++, w += depth) {
        int32_t a = 0;
        for (size_t k = 0; k < depth; k++)
            a += x[k] * w[k];
        sums[o] = a;
    }
}

void snnsim_scalar_kernels(struct snnsim_kernels *kernels)
{
    kernels->level = "scalar";
    kernels->scatter = scatter;
    kernels->gather = gather;
    kernels->fire = fire;
    kernels->fire_each = fire_each;
    kernels->list = list;
    kernels->accumulate = accumulate;
    kernels->fire_steps = fire_steps;
    kernels->fire_each_steps = fire_each_steps;
    kernels->mark = mark;
    kernels->unite = unite;
    kernels->reach = reach;
    kernels->pool = pool;
    kernels->multiply = multiply;
}
