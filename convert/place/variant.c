/* A net with changes: a copy of its shapes and windows, in which a change runs through all layers
 * behind it as it would in the graph, in the form of the chip's cores, placed like the net itself.
 *
 * What it says of a change is what lowering and placing the changed graph gives: that is held by
 * tests which build those graphs. So a change whose consequence cannot be known from the spiking
 * net alone makes no variant: where branches meet, maps and features must stay alike.
 */
#include <string.h>

#include "convert/lower/window.h"
#include "convert/place/remedy.h"
#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"

/* Of each search for cores: enough for nine layers on nine cores many times over. */
enum { STEPS = 1 << 12 };

struct maker {
    struct snn_context *context;
    struct snnbase_arena *arena;
    const struct snnconv_attempt *failed;
    const struct snn_net *before;
    struct snnconv_variant *variant;
    struct snn_population *populations; /* of the variant */
};

static void *take(struct maker *m, size_t count, size_t size)
{
    return snnbase_arena_alloc(m->arena, m->context, count, size);
}

static struct snn_synapse *synapse_of(struct maker *m, uint32_t layer, uint32_t synapse)
{
    return (struct snn_synapse *)(uintptr_t)&m->populations[layer].synapses[synapse];
}

static struct snn_shape source_shape(const struct snn_net *net, uint32_t source)
{
    return source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[source].shape;
}

static bool is_same_map(struct snn_shape a, struct snn_shape b)
{
    return a.height == b.height && a.width == b.width;
}

/* ---- The copy ---- */

static int copy_net(struct maker *m)
{
    const struct snn_net *before = m->before;
    m->populations = take(m, before->population_count, sizeof(*m->populations));
    if (m->populations == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < before->population_count; i++) {
        const struct snn_population *p = &before->populations[i];
        struct snn_synapse *synapses = take(m, p->synapse_count, sizeof(*synapses));
        if (synapses == NULL) return SNN_ERR_NOMEM;
        memcpy(synapses, p->synapses, p->synapse_count * sizeof(*synapses));
        m->populations[i] = *p;
        m->populations[i].synapses = synapses;
    }
    m->variant->net = *before;
    m->variant->net.populations = m->populations;
    return SNN_OK;
}

static int copy_pins(struct maker *m)
{
    const struct snnconv_assignment_problem *p = &m->failed->problem;
    m->variant->pins = NULL;
    if (p->pins == NULL) return SNN_OK;
    m->variant->pins = take(m, 2 * (size_t)p->layer_count, sizeof(*m->variant->pins));
    if (m->variant->pins == NULL) return SNN_ERR_NOMEM;
    memcpy(m->variant->pins, p->pins, 2 * (size_t)p->layer_count * sizeof(*p->pins));
    return SNN_OK;
}

/* ---- Changes ---- */

/* Pools of a layer with one synapse: the old ones, if they are kept, and one more. */
static int change_pools(struct maker *m, const struct snnconv_change *change, bool keep)
{
    struct snn_synapse *s = synapse_of(m, change->layer, 0);
    const uint32_t kept = keep ? s->pool_count : 0, k = change->to;
    struct snn_window *pools = take(m, (size_t)kept + 1, sizeof(*pools));
    if (pools == NULL) return SNN_ERR_NOMEM;
    if (kept > 0) memcpy(pools, s->pools, kept * sizeof(*pools));
    pools[kept] = (struct snn_window){k, k, k, k, 0, 0, 0, 0, 1, 1};
    s->pools = pools;
    s->pool_count = kept + 1;
    return SNN_OK;
}

static void write_out(struct snn_synapse *s)
{
    struct snn_window *w = &s->window;
    if (s->kind != SNN_SYNAPSE_CONV2D) return;
    s->groups = 1;
    w->kernel_h = (w->kernel_h - 1) * w->dilation_h + 1;
    w->kernel_w = (w->kernel_w - 1) * w->dilation_w + 1;
    w->dilation_h = w->dilation_w = 1;
}

static uint32_t less_padding(uint32_t pad, uint32_t before, uint32_t kernel)
{
    const uint32_t less = (before - kernel) / 2;
    return pad > less ? pad - less : 0;
}

static void change_kernel(struct snn_window *w, uint32_t kernel)
{
    w->pad_top = less_padding(w->pad_top, w->kernel_h, kernel);
    w->pad_bottom = less_padding(w->pad_bottom, w->kernel_h, kernel);
    w->pad_left = less_padding(w->pad_left, w->kernel_w, kernel);
    w->pad_right = less_padding(w->pad_right, w->kernel_w, kernel);
    w->kernel_h = w->kernel_w = kernel;
}

static int change_synapse(struct maker *m, const struct snnconv_change *change)
{
    struct snn_window *w = &synapse_of(m, change->layer, 0)->window;
    switch (change->kind) {
    case SNNCONV_CHANGE_PADDING:
        w->pad_top = w->pad_left = w->pad_bottom = w->pad_right = change->to;
        break;
    case SNNCONV_CHANGE_STRIDE:
        w->stride_h = w->stride_w = change->to;
        break;
    case SNNCONV_CHANGE_KERNEL:
        change_kernel(w, change->to);
        break;
    case SNNCONV_CHANGE_POOL:
        return change_pools(m, change, true);
    case SNNCONV_CHANGE_REPOOL:
        return change_pools(m, change, false);
    default:
        for (uint32_t s = 0; s < m->populations[change->layer].synapse_count; s++)
            write_out(synapse_of(m, change->layer, s));
        break;
    }
    return SNN_OK;
}

static int change_net(struct maker *m, const struct snnconv_change *change)
{
    struct snn_population *p = &m->populations[change->layer];
    switch (change->kind) {
    case SNNCONV_CHANGE_CHIP:
        m->variant->chip = change->chip;
        break;
    case SNNCONV_CHANGE_SHARE:
        m->variant->split_off = false;
        break;
    case SNNCONV_CHANGE_UNPIN:
        m->variant->pins[2 * change->layer] = SNN_NO_CORE;
        break;
    case SNNCONV_CHANGE_READOUT:
        p->threshold = 1.0f;
        break;
    case SNNCONV_CHANGE_GAIN:
        m->variant->net.readout_count = 1;
        break;
    case SNNCONV_CHANGE_CLIP:
        for (uint32_t i = 0; i < m->before->population_count; i++)
            m->populations[i].v_min = -1.0f;
        break;
    case SNNCONV_CHANGE_BIAS:
        p->bias = NULL;
        p->bias_count = 0;
        break;
    case SNNCONV_CHANGE_FEATURES:
        p->shape.channels = change->to;
        break;
    default:
        return change_synapse(m, change);
    }
    return SNN_OK;
}

/* ---- What follows from them ---- */

/* Whether each feature of a synapse sees only its own of the source: its weights are looked at, for
 * form.c writes one-to-one synapses so. */
static bool is_diagonal(const struct snn_synapse *s, uint32_t features)
{
    const size_t taps = (size_t)s->window.kernel_h * s->window.kernel_w;
    if (s->kind != SNN_SYNAPSE_CONV2D || s->source_shape.channels != features || features < 2)
        return false;
    for (size_t i = 0; i < (size_t)features * features; i++) {
        if (i / features == i % features) continue;
        for (size_t k = 0; k < taps; k++)
            if (s->weights[i * taps + k] < 0.0f || s->weights[i * taps + k] > 0.0f) return false;
    }
    return true;
}

/* Whether the features of a synapse and its source may be what they are now. */
static bool features_agree(const struct maker *m, uint32_t layer, uint32_t synapse)
{
    const struct snn_population *before = &m->before->populations[layer];
    const struct snn_synapse *s = &before->synapses[synapse];
    const uint32_t features = m->populations[layer].shape.channels;
    const uint32_t channels = source_shape(&m->variant->net, s->source).channels;
    if (features == before->shape.channels && channels == s->source_shape.channels) return true;
    if (s->kind == SNN_SYNAPSE_CONV2D && s->groups > 1) return false;
    return features == channels ||
           (s->kind != SNN_SYNAPSE_ONE_TO_ONE && !is_diagonal(s, before->shape.channels));
}

/* Products of one output of a synapse whose kernel has so many taps. */
static uint64_t products(const struct snn_synapse *s, uint64_t taps)
{
    const uint64_t map = (uint64_t)s->source_shape.height * s->source_shape.width;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) return 1;
    if (s->kind == SNN_SYNAPSE_DENSE) return s->source_shape.channels * map;
    return s->source_shape.channels / s->groups * taps;
}

/* Whether kernels with so many taps are those of the graph: with pools merged in, or zeros, they
 * have more of them than the layer has products. */
static bool has_products(const struct snn_population *p, uint64_t taps)
{
    uint64_t all = 0;
    for (uint32_t s = 0; s < p->synapse_count; s++)
        all += products(&p->synapses[s], taps);
    return p->macs == all * p->shape.height * p->shape.width * p->shape.channels;
}

/* A dense layer that form.c has written as a convolution with zeros, for its map is not square: its
 * kernel follows the map. */
static bool covers(const struct snn_population *p)
{
    const struct snn_synapse *s = &p->synapses[0];
    const struct snn_shape map = s->source_shape;
    return s->kind == SNN_SYNAPSE_CONV2D && p->shape.height == 1 && p->shape.width == 1 &&
           map.height != map.width && s->window.kernel_h >= map.height &&
           s->window.kernel_w >= map.width && has_products(p, (uint64_t)map.height * map.width);
}

bool snnconv_window_is_own(const struct snn_population *p)
{
    const struct snn_window *w = &p->synapses[0].window;
    return has_products(p, (uint64_t)w->kernel_h * w->kernel_w) || covers(p);
}

/* Whether the window of a synapse counts the positions of another map as the graph would: its own
 * does, one with zeros around branches as long as it moves by ones, and one that pools were merged
 * into if no padding meets their borders, and more than one position tells how it moves. */
static bool counts_alike(const struct snn_population *p, uint32_t synapse)
{
    const struct snn_synapse *s = &p->synapses[synapse];
    const struct snn_window *w = &s->window;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) return true;
    if (s->kind == SNN_SYNAPSE_DENSE) return has_products(p, 0);
    if (p->synapse_count > 1) return w->stride_h == 1 && w->stride_w == 1;
    return has_products(p, (uint64_t)w->kernel_h * w->kernel_w) ||
           (p->shape.height > 1 && p->shape.width > 1 && w->pad_top == 0 && w->pad_left == 0 &&
            w->pad_bottom == 0 && w->pad_right == 0);
}

static bool pool(struct snn_shape *shape, const struct snn_synapse *s)
{
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct snn_window *w = &s->pools[i];
        if (snnmodel_window_positions(shape->height, w->kernel_h, w->stride_h, w->pad_top,
                                      w->pad_bottom, w->dilation_h) == 0 ||
            snnmodel_window_positions(shape->width, w->kernel_w, w->stride_w, w->pad_left,
                                      w->pad_right, w->dilation_w) == 0)
            return false;
        *shape = snnmodel_pooled_shape(*shape, w);
    }
    return true;
}

/* Along an axis where one position is left any stride does: what the graph's makes of a larger map
 * is not known. */
static bool is_known(struct snn_shape left, struct snn_shape before, struct snn_shape now)
{
    return (left.height > 1 || now.height <= before.height) &&
           (left.width > 1 || now.width <= before.width);
}

/* The map that a synapse makes of its source's, or no rows. */
static struct snn_shape convolve(const struct snn_synapse *s, struct snn_shape output)
{
    const struct snn_window *w = &s->window;
    const struct snn_shape map = s->source_shape;
    if (s->kind == SNN_SYNAPSE_DENSE) return output;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) return map;
    return (struct snn_shape){output.channels,
                              snnmodel_window_positions(map.height, w->kernel_h, w->stride_h,
                                                        w->pad_top, w->pad_bottom, w->dilation_h),
                              snnmodel_window_positions(map.width, w->kernel_w, w->stride_w,
                                                        w->pad_left, w->pad_right, w->dilation_w)};
}

/* The shape of one synapse and what it makes of it; where branches meet, only such as are counted
 * the same with their zeros as without. */
static bool follow_synapse(struct maker *m, uint32_t layer, uint32_t synapse,
                           struct snn_shape *output)
{
    const struct snn_population *before = &m->before->populations[layer];
    const struct snn_shape was = before->synapses[synapse].source_shape;
    struct snn_synapse *s = synapse_of(m, layer, synapse);
    struct snn_shape map = source_shape(&m->variant->net, s->source);
    if (!features_agree(m, layer, synapse)) return false;
    if (before->synapses[synapse].pool_count > 0 &&
        !is_known(was, source_shape(m->before, s->source), map))
        return false;
    if (!pool(&map, s)) return false;
    const bool moved = !is_same_map(map, was);
    if (moved && covers(before))
        s->kind = SNN_SYNAPSE_DENSE;
    else if (moved && !counts_alike(before, synapse))
        return false;
    if (s->kind == SNN_SYNAPSE_CONV2D && !is_known(before->shape, was, map)) return false;
    s->source_shape = map;
    const struct snn_shape made = convolve(s, before->shape);
    if (made.height == 0 || made.width == 0) return false;
    /* Nor is a pool known that was merged and may now leave one position, as one of the chip's. */
    if (moved && s->kind == SNN_SYNAPSE_CONV2D && (made.height == 1 || made.width == 1) &&
        before->synapse_count == 1 && !snnconv_window_is_own(before))
        return false;
    if (synapse > 0 && !is_same_map(*output, made)) return false;
    *output = made;
    return true;
}

/* A layer behind changes; its biases stay as many as they have to be. */
static bool follow_layer(struct maker *m, uint32_t layer)
{
    static const float one = 1.0f;
    const struct snn_population *before = &m->before->populations[layer];
    struct snn_population *p = &m->populations[layer];
    struct snn_shape output = p->shape;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        if (!follow_synapse(m, layer, s, &output)) return false;
    }
    p->shape.height = output.height;
    p->shape.width = output.width;
    const bool same =
        is_same_map(p->shape, before->shape) && p->shape.channels == before->shape.channels;
    if (!same && p->bias != NULL && m->failed->stages->stages[layer].has_bias) {
        p->bias = &one;
        p->bias_count = 1;
    }
    return same || layer + 1 < m->before->population_count;
}

/* ---- The form of cores, as lowering would give it ---- */

static bool find_window(struct maker *m, uint32_t layer, struct snnconv_field *fields,
                        struct snnconv_window *window)
{
    const struct snn_population *p = &m->populations[layer];
    const struct snn_chip *chip = m->variant->chip;
    if (p->shape.channels > chip->feature_max) return false;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        const struct snn_shape source = source_shape(&m->variant->net, p->synapses[s].source);
        if (source.channels > chip->feature_max ||
            snnconv_field_make(&fields[s], &p->synapses[s], source, p->shape, chip).constraint !=
                SNN_CONSTRAINT_NONE)
            return false;
    }
    return snnconv_window_find(window, fields, p->synapse_count, p->shape, chip).constraint ==
           SNN_CONSTRAINT_NONE;
}

static bool is_joined(const struct snn_population *p, const struct snnconv_field *fields,
                      uint32_t synapse)
{
    for (uint32_t s = 0; s < synapse; s++) {
        if (p->synapses[s].source == p->synapses[synapse].source &&
            fields[s].pooling == fields[synapse].pooling)
            return true;
    }
    return false;
}

static int form_synapse(struct maker *m, struct snn_synapse *s, const struct snnconv_field *field,
                        const struct snnconv_window *window)
{
    const uint32_t k = field->pooling;
    struct snn_window *pools = take(m, 1, sizeof(*pools));
    if (pools == NULL) return SNN_ERR_NOMEM;
    *pools = (struct snn_window){k, k, k, k, 0, 0, 0, 0, 1, 1};
    s->pools = pools;
    s->pool_count = k > 1;
    s->groups = 1;
    snnconv_window_give(s, window, field->map);
    return SNN_OK;
}

static int form_layer(struct maker *m, uint32_t layer)
{
    struct snn_population *p = &m->populations[layer];
    struct snnconv_field *fields = take(m, p->synapse_count, sizeof(*fields));
    struct snnconv_window window;
    uint32_t kept = 0;
    if (fields == NULL) return SNN_ERR_NOMEM;
    if (!find_window(m, layer, fields, &window)) return SNN_OK;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        if (is_joined(p, fields, s)) continue;
        struct snn_synapse *to = synapse_of(m, layer, kept);
        *to = p->synapses[s];
        fields[kept] = fields[s];
        const int status = form_synapse(m, to, &fields[kept++], &window);
        if (status != SNN_OK) return status;
    }
    p->synapse_count = kept;
    return SNN_OK;
}

/* ---- All ---- */

static int change_all(struct maker *m)
{
    struct snnconv_variant *v = m->variant;
    v->chip = m->failed->stages->chip;
    v->split_off = m->failed->problem.split_off;
    int status = copy_net(m);
    if (status == SNN_OK) status = copy_pins(m);
    for (uint32_t i = 0; i < v->change_count && status == SNN_OK; i++)
        status = change_net(m, &v->changes[i]);
    v->possible = status == SNN_OK;
    for (uint32_t i = 0; i < m->before->population_count && v->possible; i++)
        v->possible = follow_layer(m, i);
    for (uint32_t i = 0; i < m->before->population_count && v->possible && status == SNN_OK; i++)
        status = form_layer(m, i);
    return status;
}

int snnconv_variant_make(struct snnconv_variant *variant, struct snn_context *context,
                         struct snnbase_arena *arena, const struct snnconv_attempt *failed)
{
    struct maker m = {.context = context,
                      .arena = arena,
                      .failed = failed,
                      .before = failed->stages->net,
                      .variant = variant};
    int status = change_all(&m);
    if (status != SNN_OK || !variant->possible) return status;
    status = snnconv_stages_make(&variant->stages, context, arena, &variant->net, variant->chip);
    if (status != SNN_OK) return status;
    return snnconv_attempt_make(&variant->attempt, context, &variant->stages, variant->pins,
                                variant->split_off, STEPS);
}
