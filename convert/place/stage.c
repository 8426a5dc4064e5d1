/* The net as stages: the geometry of each layer as the registers of a core have it, and what of its
 * form no core has.
 *
 * Lowering has given every population the form of a core, as far as it can be had (one square
 * window, pools of the chip, biases a channel); here that is checked to the position, never mended.
 * Sizes and memories are not looked at: those are for fit.c.
 */
#include <float.h>
#include <math.h>

#include "convert/place/place.h"
#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"

enum { PROBLEMS_A_SYNAPSE = 5, PROBLEMS_A_LAYER = 6 };

/* A stage in the making. */
struct maker {
    const struct snnconv_stages *all;
    const struct snn_population *population;
    struct snnconv_stage *stage;
    struct snnconv_problem *problems; /* [stage->problem_count] so far */
    bool output;                      /* of the net */
};

static void add_problem(struct maker *m, enum snn_constraint constraint, uint64_t need,
                        uint64_t limit, uint32_t synapse)
{
    m->problems[m->stage->problem_count++] =
        (struct snnconv_problem){constraint, need, limit, synapse};
}

static bool is_one_of(const uint32_t *values, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == value) return true;
    }
    return false;
}

/* ---- Pools ---- */

static struct snn_shape source_map(const struct maker *m, uint32_t source)
{
    const struct snn_net *net = m->all->net;
    return source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[source].shape;
}

/* One axis of a pool. */
struct pool_axis {
    uint32_t kernel, stride, pad_before, pad_after;
};

static struct pool_axis axis_of(const struct snn_window *w, bool rows)
{
    return rows ? (struct pool_axis){w->kernel_h, w->stride_h, w->pad_top, w->pad_bottom}
                : (struct pool_axis){w->kernel_w, w->stride_w, w->pad_left, w->pad_right};
}

/* Where position `at` of the source arrives behind all pools; `size` where it is dropped. */
static uint32_t pooled_position(const struct snn_synapse *s, bool rows, uint32_t at, uint32_t from,
                                uint32_t size)
{
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct pool_axis a = axis_of(&s->pools[i], rows);
        from = snnmodel_window_positions(from, a.kernel, a.stride, a.pad_before, a.pad_after, 1);
        at /= a.kernel;
        if (at >= from) return size;
    }
    return at;
}

/* What the pools of a synapse sum along one axis of `from` positions; 0: they overlap or begin
 * before the map. */
static uint32_t pool_factor(const struct snn_synapse *s, bool rows, uint32_t from)
{
    uint64_t factor = 1;
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct pool_axis a = axis_of(&s->pools[i], rows);
        from = snnmodel_window_positions(from, a.kernel, a.stride, a.pad_before, a.pad_after, 1);
        if ((a.kernel != a.stride && from > 1) || a.pad_before > 0) return 0;
        factor *= a.kernel;
        if (factor > UINT16_MAX) return 0;
    }
    return (uint32_t)factor;
}

/* Whether each position of a source's map is sent where the net sends it, by dividing it once and
 * dropping it outside of a core's input map of `size`. */
static bool pools_as_chip(const struct snn_synapse *s, bool rows, uint32_t source, uint32_t factor,
                          uint32_t size)
{
    for (uint32_t at = 0; at < source; at++) {
        const uint32_t to = at / factor < size ? at / factor : size;
        if (to != pooled_position(s, rows, at, source, size)) return false;
    }
    return true;
}

static void check_pools(struct maker *m, uint32_t synapse)
{
    const struct snn_synapse *s = &m->population->synapses[synapse];
    const struct snn_chip *chip = m->all->chip;
    const struct snn_shape source = source_map(m, s->source), input = m->stage->input;
    const uint32_t rows = pool_factor(s, true, source.height);
    const uint32_t columns = pool_factor(s, false, source.width);
    const uint32_t most = chip->poolings[chip->pooling_count - 1];
    m->stage->edges[synapse].pooling = rows;
    if (rows != columns || rows == 0 || !is_one_of(chip->poolings, chip->pooling_count, rows)) {
        const uint32_t need = rows > columns ? rows : columns;
        add_problem(m, SNN_CONSTRAINT_POOLING, rows == columns ? need : 0, most, synapse);
        m->stage->edges[synapse].pooling = 1;
    } else if (!pools_as_chip(s, true, source.height, rows, input.height) ||
               !pools_as_chip(s, false, source.width, columns, input.width)) {
        /* Borders: a pool that leaves some out, behind which the map of another branch goes on. */
        const bool padded = m->stage->edge_count == 1;
        add_problem(m, padded ? SNN_CONSTRAINT_POOLING : SNN_CONSTRAINT_WINDOW, 0, 0, synapse);
    }
}

/* ---- Windows ---- */

/* The window of a synapse as a convolution's. */
static struct snn_window window_of(const struct snn_synapse *s)
{
    struct snn_window w = {.kernel_h = 1,
                           .kernel_w = 1,
                           .stride_h = 1,
                           .stride_w = 1,
                           .dilation_h = 1,
                           .dilation_w = 1};
    if (s->kind == SNN_SYNAPSE_CONV2D) return s->window;
    if (s->kind == SNN_SYNAPSE_DENSE) {
        w.kernel_h = s->source_shape.height;
        w.kernel_w = s->source_shape.width;
    }
    return w;
}

static bool is_dilated(const struct snn_window *w)
{
    return (w->kernel_h > 1 && w->dilation_h > 1) || (w->kernel_w > 1 && w->dilation_w > 1);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Whether the one padding before a map stands for both ends. */
static bool pads_alike(const struct snn_window *w, struct snn_shape in, struct snn_shape out)
{
    return snnmodel_window_positions(in.height, w->kernel_h, w->stride_h, w->pad_top, w->pad_top,
                                     1) == out.height &&
           snnmodel_window_positions(in.width, w->kernel_w, w->stride_w, w->pad_left, w->pad_left,
                                     1) == out.width;
}

/* What no core has of a window, whatever its sizes. */
static void check_window(struct maker *m, uint32_t synapse)
{
    const struct snn_synapse *s = &m->population->synapses[synapse];
    const struct snn_chip *chip = m->all->chip;
    const struct snn_window w = window_of(s);
    if (s->kind == SNN_SYNAPSE_CONV2D && s->groups > 1)
        add_problem(m, SNN_CONSTRAINT_GROUPS, s->groups, 1, synapse);
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) add_problem(m, SNN_CONSTRAINT_WINDOW, 0, 0, synapse);
    if (is_dilated(&w)) {
        add_problem(m, SNN_CONSTRAINT_DILATION, larger(w.dilation_h, w.dilation_w), 1, synapse);
    } else if (w.kernel_h != w.kernel_w) {
        if (larger(w.kernel_h, w.kernel_w) <= chip->kernel_size_max)
            add_problem(m, SNN_CONSTRAINT_KERNEL_SIZE, 0, 0, synapse);
    } else if (larger(w.pad_top, w.pad_left) <= chip->padding_max &&
               !pads_alike(&w, s->source_shape, m->population->shape)) {
        add_problem(m, SNN_CONSTRAINT_PADDING, 0, 0, synapse);
    }
}

static bool same_window(const struct snn_window *a, const struct snn_window *b)
{
    return a->kernel_h == b->kernel_h && a->kernel_w == b->kernel_w && a->stride_h == b->stride_h &&
           a->stride_w == b->stride_w && a->pad_top == b->pad_top && a->pad_left == b->pad_left;
}

/* All branches share the one window of a core, and its one map. */
static void check_branches(struct maker *m)
{
    const struct snn_population *p = m->population;
    const struct snn_window first = window_of(&p->synapses[0]);
    bool same = true;
    for (uint32_t s = 1; s < p->synapse_count; s++) {
        const struct snn_window w = window_of(&p->synapses[s]);
        same = same && same_window(&first, &w);
    }
    same = same && (m->stage->problem_count > 0 || p->synapse_count == 1 ||
                    pads_alike(&first, m->stage->input, p->shape));
    if (!same) add_problem(m, SNN_CONSTRAINT_WINDOW, p->synapse_count, 1, 0);
}

static void take_window(struct snnconv_stage *stage, const struct snn_synapse *s)
{
    const struct snn_window w = window_of(s);
    stage->kernel_size = larger(w.kernel_h, w.kernel_w);
    stage->stride_y = w.stride_h;
    stage->stride_x = w.stride_w;
    stage->pad_y = w.pad_top;
    stage->pad_x = w.pad_left;
    stage->dense = stage->output.height == 1 && stage->output.width == 1 &&
                   stage->kernel_size == stage->input.height &&
                   stage->kernel_size == stage->input.width && w.pad_top == 0 && w.pad_left == 0;
}

/* ---- Neurons ---- */

static bool has_bias(const struct snn_population *p)
{
    for (size_t i = 0; i < p->bias_count; i++) {
        if (fabsf(p->bias[i]) > 0.0f) return true;
    }
    return false;
}

/* Values of a list, in groups of `group`, that are not the first of their group. */
static uint64_t differing(const float *values, size_t count, size_t group)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < count; i++) {
        const float first = values[i / group * group];
        differ += values[i] < first || values[i] > first;
    }
    return differ;
}

static void check_neurons(struct maker *m)
{
    const struct snn_population *p = m->population;
    const struct snn_neurons *n = p->neurons;
    const size_t map = (size_t)p->shape.height * p->shape.width;
    if (n != NULL) {
        const uint64_t high = differing(n->threshold, n->threshold_count, n->threshold_count);
        const uint64_t low = differing(n->v_min, n->v_min_count, n->v_min_count);
        if (high > 0) add_problem(m, SNN_CONSTRAINT_THRESHOLD, high, 0, 0);
        if (low > 0) add_problem(m, SNN_CONSTRAINT_THRESHOLD_LOW, low, 0, 0);
    }
    if (m->all->chip->threshold_low_below_0 && p->v_min >= 0.0f)
        add_problem(m, SNN_CONSTRAINT_THRESHOLD_LOW, 0, 0, 0);
    if (p->bias_count > p->shape.channels && map > 1) {
        const uint64_t differ = differing(p->bias, p->bias_count, map);
        if (differ > 0) add_problem(m, SNN_CONSTRAINT_BIAS, differ, 0, 0);
    }
}

static void check_output(struct maker *m)
{
    const struct snn_net *net = m->all->net;
    const uint32_t most = m->all->chip->readout_classes;
    const bool fires = m->population->threshold < FLT_MAX;
    if (!fires) add_problem(m, SNN_CONSTRAINT_READOUT, 0, 0, 0);
    if (!m->output) return;
    if (net->readout_count > 1) add_problem(m, SNN_CONSTRAINT_READOUT, net->readout_count, 1, 0);
    if (most > 0 && net->class_count > most)
        add_problem(m, SNN_CONSTRAINT_READOUT, net->class_count, most, 0);
}

/* ---- Stages ---- */

/* The source's features come one branch behind the other. */
static void make_edges(struct maker *m)
{
    const struct snn_population *p = m->population;
    struct snnconv_stage *stage = m->stage;
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        const struct snn_shape map = p->synapses[s].source_shape;
        stage->edges[s] = (struct snnconv_edge){.source = p->synapses[s].source,
                                                .synapse = s,
                                                .pooling = 1,
                                                .feature_shift = stage->input.channels,
                                                .shape = map};
        stage->input.channels += map.channels;
        stage->input.height = larger(stage->input.height, map.height);
        stage->input.width = larger(stage->input.width, map.width);
    }
}

static void make_stage(struct maker *m)
{
    const struct snn_population *p = m->population;
    struct snnconv_stage *stage = m->stage;
    stage->name = p->name;
    stage->population = p;
    stage->output = p->shape;
    stage->edge_count = p->synapse_count;
    stage->has_bias = has_bias(p);
    stage->readout = m->output;
    make_edges(m);
    take_window(stage, &p->synapses[0]);
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        check_pools(m, s);
        check_window(m, s);
    }
    check_branches(m);
    check_neurons(m);
    check_output(m);
    stage->problems = m->problems;
}

int snnconv_stages_make(struct snnconv_stages *out, struct snn_context *context,
                        struct snnbase_arena *arena, const struct snn_net *net,
                        const struct snn_chip *chip)
{
    const uint32_t count = net->population_count;
    struct snnconv_stage *stages = snnbase_arena_alloc(arena, context, count, sizeof(*stages));
    if (stages == NULL) return SNN_ERR_NOMEM;
    *out = (struct snnconv_stages){.net = net,
                                   .chip = chip,
                                   .arena = arena,
                                   .input_shape = net->input_shape,
                                   .stages = stages,
                                   .count = count};
    for (uint32_t i = 0; i < count; i++) {
        const struct snn_population *p = &net->populations[i];
        struct maker m = {
            .all = out, .population = p, .stage = &stages[i], .output = i + 1 == count};
        const size_t most = (size_t)PROBLEMS_A_SYNAPSE * p->synapse_count + PROBLEMS_A_LAYER;
        m.problems = snnbase_arena_alloc(arena, context, most, sizeof(*m.problems));
        stages[i].edges =
            snnbase_arena_alloc(arena, context, p->synapse_count, sizeof(*stages[i].edges));
        if (m.problems == NULL || stages[i].edges == NULL) return SNN_ERR_NOMEM;
        make_stage(&m);
    }
    return SNN_OK;
}
