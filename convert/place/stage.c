/* The net as stages: the geometry of each layer as the registers of a core have it, and what of its
 * form no core has.
 *
 * Lowering has given every population the form of a core, as far as it can be had (convert/lower/
 * form.c); here the same geometry tells what could not. Sizes and memories are not looked at: those
 * are for fit.c.
 */
#include <float.h>
#include <math.h>

#include "convert/lower/window.h"
#include "convert/place/place.h"
#include "libsnn/base/error.h"

enum { PROBLEMS_A_LAYER = 7 }; /* beside one a synapse */

/* A stage in the making. */
struct maker {
    const struct snnconv_stages *all;
    const struct snn_population *population;
    struct snnconv_stage *stage;
    struct snnconv_problem *problems; /* [stage->problem_count] so far */
    struct snnconv_field *fields;     /* [synapse] */
    bool output;                      /* of the net */
};

static void add_problem(struct maker *m, enum snn_constraint constraint, uint64_t need,
                        uint64_t limit, uint32_t synapse)
{
    m->problems[m->stage->problem_count++] =
        (struct snnconv_problem){constraint, need, limit, synapse};
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- Windows ---- */

static struct snn_shape source_map(const struct maker *m, uint32_t source)
{
    const struct snn_net *net = m->all->net;
    return source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[source].shape;
}

/* The window of a synapse as a convolution's. */
static struct snn_window window_of(const struct snn_synapse *s)
{
    struct snn_window w = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
    if (s->kind == SNN_SYNAPSE_CONV2D) return s->window;
    if (s->kind == SNN_SYNAPSE_DENSE) {
        w.kernel_h = s->source_shape.height;
        w.kernel_w = s->source_shape.width;
    }
    return w;
}

/* Whether a synapse is what a core computes as it stands, with no more to be merged or widened. */
static bool is_formed(const struct snn_synapse *s, const struct snnconv_field *field,
                      const struct snnconv_window *w, struct snn_shape output)
{
    const struct snn_window own = window_of(s);
    const bool merged =
        field->plain < s->pool_count || field->rest.kernel_h > 1 || field->rest.kernel_w > 1;
    return s->kind != SNN_SYNAPSE_ONE_TO_ONE && !merged && own.kernel_h == w->kernel_size &&
           own.kernel_w == w->kernel_size && own.pad_top == w->pad_y && own.pad_left == w->pad_x &&
           (own.stride_h == w->stride_y || output.height == 1) &&
           (own.stride_w == w->stride_x || output.width == 1);
}

/* The window of the first synapse as it is, for what has none as a core's. */
static void take_own_window(struct maker *m)
{
    const struct snn_window w = window_of(&m->population->synapses[0]);
    struct snnconv_stage *stage = m->stage;
    stage->kernel_size = larger(w.kernel_h, w.kernel_w);
    stage->stride_y = w.stride_h;
    stage->stride_x = w.stride_w;
    stage->pad_y = w.pad_top;
    stage->pad_x = w.pad_left;
}

/* Sizes that would do but for the chip's limits stand in the stage, for the fit to tell. */
static void take_misfit(struct maker *m, const struct snnconv_misfit *misfit)
{
    switch (misfit->constraint) {
    case SNN_CONSTRAINT_KERNEL_SIZE:
        m->stage->kernel_size = (uint32_t)misfit->need;
        break;
    case SNN_CONSTRAINT_STRIDE:
        m->stage->stride_y = (uint32_t)misfit->need;
        break;
    case SNN_CONSTRAINT_PADDING:
        m->stage->pad_y = (uint32_t)misfit->need;
        break;
    default:
        add_problem(m, misfit->constraint, m->population->synapse_count, 1, 0);
    }
}

static void take_window(struct maker *m, const struct snnconv_window *w)
{
    const struct snn_population *p = m->population;
    struct snnconv_stage *stage = m->stage;
    bool formed = true;
    stage->kernel_size = w->kernel_size;
    stage->stride_y = w->stride_y;
    stage->stride_x = w->stride_x;
    stage->pad_y = w->pad_y;
    stage->pad_x = w->pad_x;
    for (uint32_t s = 0; s < p->synapse_count; s++)
        formed = formed && is_formed(&p->synapses[s], &m->fields[s], w, p->shape);
    /* What has too many channels is left as it is too, and is told so. */
    if (!formed && larger(stage->input.channels, p->shape.channels) <= m->all->chip->feature_max)
        add_problem(m, SNN_CONSTRAINT_WINDOW, 0, 0, 0);
}

/* The stage's window and its branches. */
static void make_window(struct maker *m)
{
    const struct snn_population *p = m->population;
    const struct snn_chip *chip = m->all->chip;
    struct snnconv_stage *stage = m->stage;
    struct snnconv_window window;
    take_own_window(m);
    for (uint32_t s = 0; s < p->synapse_count; s++) {
        const struct snn_synapse *synapse = &p->synapses[s];
        const struct snnconv_misfit bad = snnconv_field_make(
            &m->fields[s], synapse, source_map(m, synapse->source), p->shape, chip);
        if (bad.constraint != SNN_CONSTRAINT_NONE)
            add_problem(m, bad.constraint, bad.need, bad.limit, s);
        else
            stage->edges[s].pooling = m->fields[s].pooling;
    }
    if (stage->problem_count > 0) return;
    const struct snnconv_misfit bad =
        snnconv_window_find(&window, m->fields, p->synapse_count, p->shape, chip);
    if (bad.constraint != SNN_CONSTRAINT_NONE)
        take_misfit(m, &bad);
    else
        take_window(m, &window);
}

static bool is_dense(const struct snnconv_stage *stage)
{
    return stage->output.height == 1 && stage->output.width == 1 &&
           stage->kernel_size == stage->input.height && stage->kernel_size == stage->input.width &&
           stage->pad_y == 0 && stage->pad_x == 0;
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
    make_window(m);
    stage->dense = is_dense(stage);
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
        const size_t synapses = p->synapse_count, most = synapses + PROBLEMS_A_LAYER;
        m.problems = snnbase_arena_alloc(arena, context, most, sizeof(*m.problems));
        m.fields = snnbase_arena_alloc(arena, context, synapses, sizeof(*m.fields));
        stages[i].edges = snnbase_arena_alloc(arena, context, synapses, sizeof(*stages[i].edges));
        if (m.problems == NULL || m.fields == NULL || stages[i].edges == NULL) return SNN_ERR_NOMEM;
        make_stage(&m);
    }
    return SNN_OK;
}
