/* A population of real numbers -> one in the form of a chip's core, before it is quantised.
 *
 * All its synapses get the one window that holds them (window.c): their kernels, with pools merged
 * in, stand in it with zeros around; one-to-one synapses become diagonal kernels; what comes from
 * one source by the same pooling is added up. In synchronous semantics the population computes what
 * it did. One that no core could hold keeps the synapses it has, and placement says why.
 */
#include "convert/lower/form.h"

#include <string.h>

#include "convert/lower/window.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* A population on its way into the form. */
struct former {
    struct snnconv_lowering *l;
    const struct snn_population *population;
    struct snnconv_field *fields; /* one a synapse */
    struct snnconv_window window;
    size_t taps;      /* of the window */
    float *kernel[2]; /* room for one kernel while pools are merged into it */
    struct snn_synapse *synapses;
    uint32_t synapse_count;
};

static struct snn_shape shape_of(const struct snnconv_lowering *l, uint32_t source)
{
    return source == SNN_SOURCE_INPUT ? snn_graph_input_shape(l->graph)
                                      : l->populations[source].shape;
}

/* ---- Geometry ---- */

/* Whether a core could hold the population, all channels aside. */
static bool find_form(struct former *f)
{
    const struct snn_population *p = f->population;
    const struct snn_chip *chip = f->l->options->chip;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        const struct snn_shape source = shape_of(f->l, p->synapses[s].source);
        const struct snnconv_misfit bad =
            snnconv_field_make(&f->fields[s], &p->synapses[s], source, p->shape, chip);
        if (bad.constraint != SNN_CONSTRAINT_NONE) return false;
        if (source.channels > chip->feature_max || p->shape.channels > chip->feature_max)
            return false;
    }
    return snnconv_window_find(&f->window, f->fields, p->synapse_count, p->shape, chip)
               .constraint == SNN_CONSTRAINT_NONE;
}

static bool are_joined(const struct former *f, uint32_t a, uint32_t b)
{
    return f->population->synapses[a].source == f->population->synapses[b].source &&
           f->fields[a].pooling == f->fields[b].pooling;
}

/* The first synapse from the same source by the same pooling. */
static uint32_t first_of(const struct former *f, uint32_t synapse)
{
    uint32_t first = 0;
    while (!are_joined(f, first, synapse))
        first++;
    return first;
}

static bool is_alone(const struct former *f, uint32_t synapse)
{
    for (uint32_t s = 0; s < f->population->synapse_count; s++) {
        if (s != synapse && are_joined(f, s, synapse)) return false;
    }
    return true;
}

static bool is_merged(const struct former *f, uint32_t synapse)
{
    const struct snnconv_field *field = &f->fields[synapse];
    return field->plain < f->population->synapses[synapse].pool_count || field->rest.kernel_h > 1 ||
           field->rest.kernel_w > 1;
}

/* Whether its weights are those of the core as they are. */
static bool is_in_form(const struct former *f, uint32_t synapse)
{
    const struct snn_window *w = &f->fields[synapse].window;
    return f->population->synapses[synapse].kind != SNN_SYNAPSE_ONE_TO_ONE &&
           w->kernel_h == f->window.kernel_size && w->kernel_w == f->window.kernel_size &&
           !is_merged(f, synapse) && is_alone(f, synapse);
}

/* ---- Kernels ---- */

/* A kernel behind a pool as one before it: each weight stands at all taps of the pool. */
static void spread(const float *from, uint32_t rows, uint32_t columns,
                   const struct snn_window *pool, float *to)
{
    const size_t wide = (size_t)(columns - 1) * pool->stride_w + pool->kernel_w;
    const size_t high = (size_t)(rows - 1) * pool->stride_h + pool->kernel_h;
    memset(to, 0, high * wide * sizeof(*to));
    for (uint32_t i = 0; i < rows * columns; i++) {
        const size_t y = (size_t)(i / columns) * pool->stride_h;
        const size_t x = (size_t)(i % columns) * pool->stride_w;
        for (uint32_t k = 0; k < pool->kernel_h * pool->kernel_w; k++)
            to[(y + k / pool->kernel_w) * wide + x + k % pool->kernel_w] += from[i];
    }
}

/* One kernel of a synapse with all pools merged in that are not the chip's; kernel[0] or `own`. */
static const float *merge_kernel(const struct former *f, uint32_t synapse, const float *own)
{
    const struct snn_synapse *s = &f->population->synapses[synapse];
    const struct snnconv_field *field = &f->fields[synapse];
    uint32_t rows = 1, columns = 1;
    if (s->kind == SNN_SYNAPSE_CONV2D) {
        rows = s->window.kernel_h;
        columns = s->window.kernel_w;
    } else if (s->kind == SNN_SYNAPSE_DENSE) {
        rows = s->source_shape.height;
        columns = s->source_shape.width;
    }
    const float *kernel = own;
    uint32_t turn = 0;
    for (uint32_t i = s->pool_count + 1; i-- > field->plain; turn ^= 1) {
        const struct snn_window *pool = i > field->plain ? &s->pools[i - 1] : &field->rest;
        spread(kernel, rows, columns, pool, f->kernel[turn]);
        rows = (rows - 1) * pool->stride_h + pool->kernel_h;
        columns = (columns - 1) * pool->stride_w + pool->kernel_w;
        kernel = f->kernel[turn];
    }
    return kernel;
}

/* Adds a synapse's kernels to those of the core, each at its place in the window. */
static void add_kernels(const struct former *f, uint32_t synapse, float *weights)
{
    const struct snn_synapse *s = &f->population->synapses[synapse];
    const struct snn_window *w = &f->fields[synapse].window;
    const bool diagonal = s->kind == SNN_SYNAPSE_ONE_TO_ONE;
    const uint32_t outputs = f->population->shape.channels, inputs = s->source_shape.channels;
    const size_t own_taps = s->weight_count / (diagonal ? inputs : (size_t)outputs * inputs);
    const uint32_t size = f->window.kernel_size;
    weights += (size_t)(f->window.pad_y - w->pad_top) * size + f->window.pad_x - w->pad_left;
    for (size_t i = 0; i < (size_t)outputs * inputs; i++) {
        const size_t own = diagonal ? i % inputs : i;
        if (diagonal && i / inputs != own) continue;
        const float *kernel = merge_kernel(f, synapse, s->weights + own * own_taps);
        float *to = weights + i * f->taps;
        for (uint32_t k = 0; k < w->kernel_h * w->kernel_w; k++)
            to[k / w->kernel_w * size + k % w->kernel_w] += kernel[k];
    }
}

/* ---- Synapses ---- */

/* The pool that the chip does, if any. */
static int make_pool(const struct former *f, uint32_t synapse, struct snn_synapse *out)
{
    const uint32_t k = f->fields[synapse].pooling;
    out->pools = NULL;
    out->pool_count = 0;
    if (k == 1) return SNN_OK;
    struct snn_window *pool = snnbase_arena_alloc(f->l->arena, f->l->context, 1, sizeof(*pool));
    if (pool == NULL) return SNN_ERR_NOMEM;
    *pool = (struct snn_window){k, k, k, k, 0, 0, 0, 0, 1, 1};
    out->pools = pool;
    out->pool_count = 1;
    return SNN_OK;
}

/* What is left of the means when some are taken by the kernel; of sums nothing is. */
static double left_scale(const struct former *f, uint32_t synapse)
{
    const struct snn_synapse *s = &f->population->synapses[synapse];
    const struct snnconv_field *field = &f->fields[synapse];
    double scale = s->pool_scale * field->rest.kernel_h * field->rest.kernel_w;
    for (uint32_t i = field->plain; i < s->pool_count; i++)
        scale *= (double)s->pools[i].kernel_h * s->pools[i].kernel_w;
    return scale < 1.0 ? scale : 1.0;
}

static int make_weights(const struct former *f, uint32_t synapse, struct snn_synapse *out)
{
    float *weights =
        snnbase_arena_alloc(f->l->real, f->l->context, out->weight_count, sizeof(*weights));
    if (weights == NULL) return SNN_ERR_NOMEM;
    for (uint32_t s = synapse; s < f->population->synapse_count; s++) {
        if (are_joined(f, s, synapse)) add_kernels(f, s, weights);
    }
    out->weights = weights;
    return SNN_OK;
}

/* The synapse that stands for `synapse` and all that are added to it. */
static int form_synapse(const struct former *f, uint32_t synapse, struct snn_synapse *out)
{
    const struct snn_synapse *s = &f->population->synapses[synapse];
    const struct snn_shape map = f->fields[synapse].map;
    *out = *s;
    out->pool_scale = left_scale(f, synapse);
    out->groups = 1;
    int status = make_pool(f, synapse, out);
    if (status != SNN_OK) return status;
    snnconv_window_give(out, &f->window, map);
    out->weight_count = (size_t)f->population->shape.channels * map.channels * f->taps;
    return is_in_form(f, synapse) ? SNN_OK : make_weights(f, synapse, out);
}

/* Whether all weights of the form may be had at all. */
static bool is_bounded(const struct former *f)
{
    const uint64_t most = snnbase_limits(f->l->context)->tensor_bytes / sizeof(float);
    for (uint32_t s = 0; s < f->population->synapse_count; s++) {
        size_t count = 0;
        if (!snnbase_size_mul(f->population->shape.channels, f->fields[s].map.channels, &count) ||
            !snnbase_size_mul(count, f->taps, &count) || count > most)
            return false;
    }
    return true;
}

/* Room for the largest kernel of a synapse; merging only makes kernels larger. */
static int make_room(struct former *f)
{
    for (uint32_t i = 0; i < 2; i++) {
        f->kernel[i] =
            snnbase_arena_alloc(f->l->scratch, f->l->context, f->taps, sizeof(*f->kernel[i]));
        if (f->kernel[i] == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

static int form_synapses(struct snnconv_lowering *l, struct snn_population *population)
{
    const uint32_t count = population->synapse_count;
    struct former f = {.l = l, .population = population};
    f.fields = snnbase_arena_alloc(l->scratch, l->context, count, sizeof(*f.fields));
    f.synapses = snnbase_arena_alloc(l->scratch, l->context, count, sizeof(*f.synapses));
    if (f.fields == NULL || f.synapses == NULL) return SNN_ERR_NOMEM;
    if (!find_form(&f)) return SNN_OK;
    f.taps = (size_t)f.window.kernel_size * f.window.kernel_size;
    if (!is_bounded(&f)) return SNN_OK;
    int status = make_room(&f);
    for (uint32_t s = 0; s < count && status == SNN_OK; s++) {
        if (first_of(&f, s) < s) continue;
        status = form_synapse(&f, s, &f.synapses[f.synapse_count]);
        f.synapse_count++;
    }
    if (status != SNN_OK) return status;
    population->synapses = f.synapses;
    population->synapse_count = f.synapse_count;
    return SNN_OK;
}

int snnconv_form(struct snnconv_lowering *l)
{
    l->synapse_count = 0;
    for (uint32_t i = 0; i < l->population_count; i++) {
        struct snn_population *p = &l->populations[i];
        int status = form_synapses(l, p);
        if (status == SNN_OK) status = snnconv_form_bias(l, p);
        if (status != SNN_OK) return status;
        p->synapse_first = l->synapse_count;
        l->synapse_count += p->synapse_count;
    }
    return SNN_OK;
}
