/* The form of a chip's cores: random nets fire the same spikes in it, and layers one by one become
 * what is derived by hand beside each test.
 *
 * Nets arrive spiking, in whole numbers with a bias of 127 in every layer, so that the scale is 1
 * with the form and without it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "convert/lower/window.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/convert/support.h"

static const struct snn_chip chip = {.name = "test",
                                     .kernel_size_max = 16,
                                     .stride_count = 4,
                                     .strides = {1, 2, 4, 8},
                                     .padding_max = 7,
                                     .pooling_count = 3,
                                     .poolings = {1, 2, 4},
                                     .feature_max = 1024};

static struct snn_graph *graph;
static struct snn_net *plain, *formed;
static struct snn_lower_options options;

static void begin(void)
{
    support_begin();
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.arith = SNN_ARITH_CHIP;
    options.max_pool = SNN_MAX_POOL_OR;
}

static void end(void)
{
    snn_net_destroy(&plain);
    snn_net_destroy(&formed);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(form, .init = begin, .fini = end);

/* ---- Building ---- */

static uint32_t rng = 1;

static uint32_t below(uint32_t count)
{
    return (uint32_t)(support_random(&rng) * count);
}

static float whole(int32_t low, int32_t high)
{
    return (float)(low + (int32_t)below((uint32_t)(high - low + 1)));
}

static struct snn_shape shape_of(uint32_t layer)
{
    return snn_graph_layer(graph, layer)->shape;
}

static uint32_t add(uint32_t input, struct snn_layer layer)
{
    layer.inputs = &input;
    layer.input_count = 1;
    return support_add(graph, support_context(), layer);
}

static uint32_t join(enum snn_layer_kind kind, uint32_t a, uint32_t b)
{
    const uint32_t inputs[] = {a, b};
    return support_add(graph, support_context(),
                       (struct snn_layer){.kind = kind, .inputs = inputs, .input_count = 2});
}

/* Weights up to 3, few zeros; the bias of a branch that is added is that of the other. */
static uint32_t add_weights(uint32_t input, struct snn_layer layer, size_t count, bool has_bias)
{
    static float weights[65536];
    float bias[64];
    cr_assert(count <= 65536 && layer.shape.channels <= 64);
    for (size_t i = 0; i < count; i++)
        weights[i] = whole(-3, 3);
    for (uint32_t c = 0; c < layer.shape.channels; c++)
        bias[c] = c == 0 ? 127.0f : whole(-9, 9);
    layer.weights = weights;
    layer.weight_count = count;
    layer.bias = has_bias ? bias : NULL;
    layer.bias_count = has_bias ? layer.shape.channels : 0;
    return add(input, layer);
}

static uint32_t weigh(uint32_t input, uint32_t channels, struct snn_window window, bool has_bias)
{
    const size_t count =
        (size_t)channels * shape_of(input).channels * window.kernel_h * window.kernel_w;
    return add_weights(
        input,
        (struct snn_layer){
            .kind = SNN_LAYER_CONV2D, .shape = {channels, 0, 0}, .window = window, .groups = 1},
        count, has_bias);
}

static uint32_t conv(uint32_t input, uint32_t channels, struct snn_window window)
{
    return weigh(input, channels, window, true);
}

static uint32_t branch(uint32_t input, uint32_t channels, struct snn_window window)
{
    return weigh(input, channels, window, false);
}

static uint32_t dense(uint32_t input, uint32_t units)
{
    return add_weights(input, (struct snn_layer){.kind = SNN_LAYER_DENSE, .shape = {units, 1, 1}},
                       units * snn_shape_size(shape_of(input)), true);
}

static uint32_t fire(uint32_t input)
{
    const float threshold = whole(40, 160);
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &threshold, 1, NULL, 0, NULL, 0};
    return add(input, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
}

static uint32_t pool(uint32_t input, enum snn_layer_kind kind, struct snn_window window)
{
    return add(input, (struct snn_layer){.kind = kind, .window = window});
}

static void start(uint32_t channels, uint32_t height, uint32_t width)
{
    graph = support_graph(support_context(), channels, height, width);
}

static void lower_both(void)
{
    options.chip = NULL;
    cr_assert_eq(snn_net_lower(&plain, support_context(), graph, &options), SNN_OK, "%s",
                 snn_context_message(support_context()));
    options.chip = &chip;
    cr_assert_eq(snn_net_lower(&formed, support_context(), graph, &options), SNN_OK, "%s",
                 snn_context_message(support_context()));
}

/* ---- The form ---- */

static struct snn_shape source_of(const struct snn_net *net, const struct snn_synapse *s)
{
    return s->source == SNN_SOURCE_INPUT ? net->input_shape : net->populations[s->source].shape;
}

/* The window of a synapse as registers of a core; dense ones cover their map. */
static struct snn_window window_of(const struct snn_synapse *s)
{
    struct snn_window w = s->window;
    if (s->kind == SNN_SYNAPSE_DENSE)
        w = (struct snn_window){
            s->source_shape.height, s->source_shape.width, 1, 1, 0, 0, 0, 0, 1, 1};
    return w;
}

/* What a core asks, register by register. */
static bool is_in_form(const struct snn_net *net, const struct snn_population *p)
{
    const struct snn_window first = window_of(&p->synapses[0]);
    uint32_t height = 0, width = 0;
    for (uint32_t i = 0; i < p->synapse_count; i++) {
        const struct snn_synapse *s = &p->synapses[i];
        const struct snn_window w = window_of(s);
        const struct snn_shape source = source_of(net, s);
        const uint32_t pooling = s->pool_count > 0 ? s->pools[0].kernel_h : 1;
        if (s->kind == SNN_SYNAPSE_ONE_TO_ONE || s->pool_count > 1 ||
            (s->kind == SNN_SYNAPSE_CONV2D && s->groups != 1))
            return false;
        if (s->pool_count == 1 && pooling != 2 && pooling != 4) return false;
        if (s->source_shape.height != source.height / pooling ||
            s->source_shape.width != source.width / pooling)
            return false;
        if (w.kernel_h != w.kernel_w || w.kernel_h != first.kernel_h ||
            w.pad_top != first.pad_top || w.pad_left != first.pad_left || w.dilation_h != 1 ||
            w.dilation_w != 1)
            return false;
        if (w.kernel_h > 16 || w.pad_top > 7 || w.pad_left > 7) return false;
        if (s->weight_count !=
            (size_t)p->shape.channels * s->source_shape.channels * w.kernel_h * w.kernel_h)
            return false;
        if (w.stride_h != first.stride_h || w.stride_w != first.stride_w) return false;
        height = s->source_shape.height > height ? s->source_shape.height : height;
        width = s->source_shape.width > width ? s->source_shape.width : width;
        for (uint32_t k = 0; k < i; k++) {
            const struct snn_synapse *o = &p->synapses[k];
            const uint32_t other = o->pool_count > 0 ? o->pools[0].kernel_h : 1;
            if (o->source == s->source && other == pooling) return false;
        }
    }
    return (height + 2 * first.pad_top - first.kernel_h) / first.stride_h + 1 == p->shape.height &&
           (width + 2 * first.pad_left - first.kernel_w) / first.stride_w + 1 == p->shape.width;
}

/* ---- Spikes ---- */

enum { STEPS = 6, CLASSES = 16, NEURONS = 16384 };

static void run(const struct snn_net *net, const struct snn_spikes *spikes, uint32_t *counts)
{
    struct snn_context *context = support_context();
    struct snn_target *target = NULL;
    cr_assert_eq(snn_target_open(&target, context, "sim"), SNN_OK);
    cr_assert_eq(snn_target_load(target, context, net), SNN_OK, "%s", snn_context_message(context));
    cr_assert_eq(snn_target_counts(target, context, 0, counts), SNN_OK);
    cr_assert_eq(snn_target_push(target, context, spikes), SNN_OK);
    cr_assert_eq(snn_target_advance(target, context, STEPS), SNN_OK);
    for (uint32_t p = 0; p < net->population_count; p++) {
        cr_assert_eq(snn_target_counts(target, context, p, counts), SNN_OK);
        counts += snn_shape_size(net->populations[p].shape);
    }
    snn_target_close(&target);
}

/* Every neuron's spikes in both nets; returns how many there are. */
static uint64_t expect_same_spikes(void)
{
    static uint32_t address[STEPS * 1024], first[NEURONS], second[NEURONS];
    uint32_t step_begin[STEPS + 1] = {0}, at = 0;
    const size_t inputs = snn_shape_size(plain->input_shape);
    cr_assert(inputs <= 1024 && plain->neuron_count <= NEURONS);
    for (uint32_t t = 0; t < STEPS; t++) {
        for (uint32_t i = 0; i < inputs; i++) {
            if (below(2) == 0) address[at++] = i;
        }
        step_begin[t + 1] = at;
    }
    const struct snn_spikes spikes = {
        .step_count = STEPS, .step_begin = step_begin, .address = address};
    run(plain, &spikes, first);
    run(formed, &spikes, second);
    uint64_t total = 0;
    for (size_t i = 0; i < plain->neuron_count; i++) {
        cr_assert_eq(first[i], second[i], "neuron %zu: %u spikes, in form %u", i, first[i],
                     second[i]);
        total += first[i];
    }
    return total;
}

/* ---- Random nets ---- */

static struct snn_window random_window(struct snn_shape in)
{
    for (;;) {
        const uint32_t stride = below(3) == 0 ? 2 : 1;
        struct snn_window w = {1 + below(4), 1 + below(4), stride, stride, 0, 0, 0, 0, 1, 1};
        if (below(3) > 0) w.kernel_w = w.kernel_h;
        w.pad_top = below(w.kernel_h);
        w.pad_bottom = below(2) > 0 ? w.pad_top : below(w.kernel_h);
        w.pad_left = w.kernel_w == w.kernel_h ? w.pad_top : below(w.kernel_w);
        w.pad_right = w.kernel_w == w.kernel_h ? w.pad_bottom : below(w.kernel_w);
        if (in.height + w.pad_top + w.pad_bottom >= w.kernel_h &&
            in.width + w.pad_left + w.pad_right >= w.kernel_w)
            return w;
    }
}

/* Sums of many kinds; now and then neurons that a maximum stands for, which have weights of 1 and
 * so, behind pools that overlap, a scale of their own. */
static uint32_t random_pool(uint32_t input)
{
    static const struct snn_window windows[] = {
        {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1},
        {3, 3, 3, 3, 0, 0, 0, 0, 1, 1}, {4, 4, 4, 4, 0, 0, 0, 0, 1, 1},
        {2, 1, 2, 1, 0, 0, 0, 0, 1, 1}, {3, 3, 2, 2, 0, 0, 0, 0, 1, 1},
        {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, {2, 2, 2, 2, 0, 0, 1, 1, 1, 1}};
    const struct snn_shape in = shape_of(input);
    const struct snn_window w = windows[below(8)];
    if (in.height < w.kernel_h || in.width < w.kernel_w) return input;
    const bool most = below(4) == 0 && snn_graph_layer(graph, input)->kind == SNN_LAYER_IF;
    return pool(input, most ? SNN_LAYER_MAX_POOL2D : SNN_LAYER_SUM_POOL2D, w);
}

/* A second branch with the shape of `main`: from the same events, or from those of `other`. */
static uint32_t random_branch(uint32_t main, uint32_t from)
{
    const struct snn_shape want = shape_of(main), in = shape_of(from);
    if (want.channels == in.channels && want.height == in.height && want.width == in.width)
        return join(SNN_LAYER_ADD, main, from);
    for (uint32_t trial = 0; trial < 40; trial++) {
        const struct snn_window w = random_window(in);
        if ((in.height + w.pad_top + w.pad_bottom - w.kernel_h) / w.stride_h + 1 == want.height &&
            (in.width + w.pad_left + w.pad_right - w.kernel_w) / w.stride_w + 1 == want.width)
            return join(SNN_LAYER_ADD, main, branch(from, want.channels, w));
    }
    return main;
}

static uint32_t random_layer(uint32_t input, uint32_t other)
{
    uint32_t from = below(3) == 0 ? random_pool(input) : input;
    if (below(4) == 0) from = random_pool(from);
    if (below(4) == 0) {
        const struct snn_shape a = shape_of(from), b = shape_of(other);
        if (a.height == b.height && a.width == b.width) from = join(SNN_LAYER_CONCAT, from, other);
    }
    const uint32_t main = conv(from, 1 + below(5), random_window(shape_of(from)));
    uint32_t sum = main;
    if (below(2) == 0 && snn_graph_layer(graph, from)->kind != SNN_LAYER_CONCAT)
        sum = random_branch(sum, below(2) == 0 ? from : other);
    return fire(sum);
}

/* Flattened, or two of different extent together. */
static void random_output(uint32_t last, uint32_t other)
{
    uint32_t flat = add(below(2) == 0 ? random_pool(last) : last,
                        (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    if (below(2) == 0)
        flat =
            join(SNN_LAYER_CONCAT, flat, add(other, (struct snn_layer){.kind = SNN_LAYER_FLATTEN}));
    fire(dense(flat, 3 + below(4)));
}

static void random_net(uint32_t seed)
{
    rng = seed;
    start(1 + below(3), 4 + below(13), 4 + below(13));
    uint32_t other = 0, last = 0;
    for (uint32_t i = 1 + below(4); i > 0; i--) {
        const uint32_t next = random_layer(last, other);
        other = below(2) == 0 ? other : last;
        last = next;
    }
    random_output(last, other);
}

static bool same_windows(const struct snn_window *a, const struct snn_window *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* What has no form is left as it was. */
static void expect_untouched(const struct snn_population *a, const struct snn_population *b)
{
    cr_assert_eq(a->synapse_count, b->synapse_count);
    for (uint32_t i = 0; i < a->synapse_count; i++) {
        const struct snn_synapse *s = &a->synapses[i], *t = &b->synapses[i];
        cr_assert(s->kind == t->kind && s->pool_count == t->pool_count &&
                  same_windows(&s->window, &t->window) && s->weight_count == t->weight_count);
        cr_assert_eq(memcmp(s->weights, t->weights, s->weight_count * sizeof(float)), 0);
    }
}

/* Asked of the net in form, the geometry is that of its synapses. */
static void expect_same_geometry(const struct snn_net *net, const struct snn_population *p)
{
    struct snnconv_field fields[8];
    struct snnconv_window w = {.kernel_size = 0};
    cr_assert(p->synapse_count <= 8);
    for (uint32_t i = 0; i < p->synapse_count; i++) {
        const struct snn_synapse *s = &p->synapses[i];
        const struct snnconv_misfit bad =
            snnconv_field_make(&fields[i], s, source_of(net, s), p->shape, &chip);
        cr_assert_eq(bad.constraint, SNN_CONSTRAINT_NONE);
        cr_assert_eq(fields[i].pooling, s->pool_count > 0 ? s->pools[0].kernel_h : 1);
    }
    const struct snn_window own = window_of(&p->synapses[0]);
    cr_assert_eq(snnconv_window_find(&w, fields, p->synapse_count, p->shape, &chip).constraint,
                 SNN_CONSTRAINT_NONE);
    cr_assert(w.kernel_size == own.kernel_h && w.pad_y == own.pad_top && w.pad_x == own.pad_left);
    cr_assert(w.stride_y == own.stride_h && w.stride_x == own.stride_w);
}

/* How many populations are in form, and of those were not before. */
struct tally {
    uint32_t in_form, changed, left;
    uint64_t spikes;
};

static void compare_nets(struct tally *tally)
{
    uint32_t synapses = 0;
    for (uint32_t i = 0; i < plain->population_count; i++) {
        const struct snn_population *a = &plain->populations[i], *b = &formed->populations[i];
        const bool in_form = is_in_form(formed, b);
        tally->in_form += in_form;
        tally->changed += in_form && !is_in_form(plain, a);
        tally->left += !in_form;
        cr_assert_float_eq(a->quantised->scale, b->quantised->scale, 0.0f);
        cr_assert_eq(a->macs, b->macs);
        cr_assert_eq(b->synapse_first, synapses);
        synapses += b->synapse_count;
        if (in_form)
            expect_same_geometry(formed, b);
        else
            expect_untouched(a, b);
    }
    cr_assert_eq(formed->synapse_count, synapses);
    tally->spikes += expect_same_spikes();
}

/* Of 400 nets, among whose layers are some that no core could hold. */
Test(form, random_nets_fire_the_same_spikes)
{
    struct tally tally = {.in_form = 0};
    for (uint32_t n = 0; n < 400; n++) {
        random_net(n);
        lower_both();
        compare_nets(&tally);
        snn_net_destroy(&plain);
        snn_net_destroy(&formed);
        snn_graph_destroy(&graph);
    }
    cr_assert_gt(tally.in_form, 1200);
    cr_assert_gt(tally.changed, 800);
    cr_assert_gt(tally.left, 100);
    cr_assert_gt(tally.spikes, 100000);
}

/* ---- Layers one by one ---- */

static uint32_t fixed_conv(uint32_t input, uint32_t channels, struct snn_window window,
                           const float *weights)
{
    const size_t count =
        (size_t)channels * shape_of(input).channels * window.kernel_h * window.kernel_w;
    return add(input, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                         .shape = {channels, 0, 0},
                                         .window = window,
                                         .groups = 1,
                                         .weights = weights,
                                         .weight_count = count});
}

static const struct snn_population *lower(void)
{
    options.chip = &chip;
    cr_assert_eq(snn_net_lower(&formed, support_context(), graph, &options), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return &formed->populations[formed->population_count - 1];
}

static void expect_window(const struct snn_synapse *s, struct snn_window w)
{
    cr_assert_eq(s->kind, SNN_SYNAPSE_CONV2D);
    cr_assert(same_windows(&s->window, &w), "kernel %u x %u, stride %u, padding %u %u %u %u",
              s->window.kernel_h, s->window.kernel_w, s->window.stride_h, s->window.pad_top,
              s->window.pad_left, s->window.pad_bottom, s->window.pad_right);
}

static void expect_weights(const struct snn_synapse *s, const float *expected, size_t count)
{
    cr_assert_eq(s->weight_count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(s->weights[i], expected[i], 0.0f, "%zu: %g, expected %g", i,
                           (double)s->weights[i], (double)expected[i]);
}

/* The scale of all below is 1: the largest weight is 127. */
static const float nine[] = {1, 2, 3, 4, 100, 6, 7, 8, 9};

/* The 1x1 of the shortcut, 27, is added in the middle: one synapse. */
Test(form, downsampling_block_from_one_source_is_one_synapse)
{
    const float shortcut = 27;
    const float expected[] = {1, 2, 3, 4, 127, 6, 7, 8, 9};
    start(1, 8, 8);
    const uint32_t a = fixed_conv(0, 1, (struct snn_window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, nine);
    const uint32_t b =
        fixed_conv(0, 1, (struct snn_window){1, 1, 2, 2, 0, 0, 0, 0, 1, 1}, &shortcut);
    join(SNN_LAYER_ADD, a, b);
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapse_count, 1);
    cr_assert_eq(formed->synapse_count, 1);
    expect_window(&p->synapses[0], (struct snn_window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1});
    expect_weights(&p->synapses[0], expected, 9);
}

/* Its own convolution is on a map of 4 x 4, the shortcut on one of 8 x 8. */
Test(form, downsampling_block_of_two_scales_stays_as_it_is)
{
    const float one = 127;
    start(1, 8, 8);
    const uint32_t a =
        add(fixed_conv(0, 1, (struct snn_window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, nine),
            (struct snn_layer){.kind = SNN_LAYER_IF,
                               .neurons =
                                   &(struct snn_neurons){.threshold = &one, .threshold_count = 1}});
    const uint32_t b = fixed_conv(a, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, nine);
    const uint32_t c = fixed_conv(0, 1, (struct snn_window){1, 1, 2, 2, 0, 0, 0, 0, 1, 1}, &one);
    join(SNN_LAYER_ADD, b, c);
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapse_count, 2);
    expect_window(&p->synapses[0], (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
    expect_window(&p->synapses[1], (struct snn_window){1, 1, 2, 2, 0, 0, 0, 0, 1, 1});
}

/* [out][in][y][x]: an identity of two channels is 1 in the middle of [0][0] and [1][1]. */
Test(form, identity_is_a_diagonal_of_kernels)
{
    const float weights[36] = {[4] = 127, [22] = 5};
    const float expected[36] = {[4] = 1, [31] = 1};
    start(2, 5, 5);
    const uint32_t a = fixed_conv(0, 2, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, weights);
    const float one = 127;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &one, 1, NULL, 0, NULL, 0};
    const uint32_t n = add(a, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    const uint32_t b = fixed_conv(n, 2, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, weights);
    join(SNN_LAYER_ADD, b, 0);
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapse_count, 2);
    expect_weights(&p->synapses[0], weights, 36);
    expect_window(&p->synapses[1], (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
    expect_weights(&p->synapses[1], expected, 36);
}

/* TensorFlow's SAME on 8 rows with stride 2 pads one behind: kernel 4 with padding 1, and the 3x3
 * begins at (1, 1) of it. */
Test(form, padding_behind_the_map_moves_the_kernel)
{
    const float weights[] = {1, 2, 3, 4, 127, 6, 7, 8, 9};
    const float expected[] = {0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 127, 6, 0, 7, 8, 9};
    start(1, 8, 8);
    fixed_conv(0, 1, (struct snn_window){3, 3, 2, 2, 0, 0, 1, 1, 1, 1}, weights);
    const struct snn_population *p = lower();
    expect_window(&p->synapses[0], (struct snn_window){4, 4, 2, 2, 1, 1, 1, 1, 1, 1});
    expect_weights(&p->synapses[0], expected, 16);
}

/* The middle row of 7. */
Test(form, flat_kernel_lies_in_a_square)
{
    const float weights[] = {1, 2, 3, 127, 5, 6, 7};
    float expected[49] = {0};
    memcpy(expected + 21, weights, sizeof(weights));
    start(1, 9, 9);
    fixed_conv(0, 1, (struct snn_window){1, 7, 1, 1, 0, 3, 0, 3, 1, 1}, weights);
    const struct snn_population *p = lower();
    expect_window(&p->synapses[0], (struct snn_window){7, 7, 1, 1, 3, 3, 3, 3, 1, 1});
    expect_weights(&p->synapses[0], expected, 49);
}

/* The mean over 7 x 7 is a weight at each: 49 of 127 and 49 of 63.5, halves to even. The chip has
 * no pooling of 7, the layer stays dense. */
Test(form, mean_of_the_whole_map_becomes_a_dense_layer)
{
    const float weights[] = {2, 1};
    float expected[98];
    for (size_t i = 0; i < 98; i++)
        expected[i] = i < 49 ? 127 : 64;
    start(1, 7, 7);
    const uint32_t mean =
        pool(0, SNN_LAYER_AVG_POOL2D, (struct snn_window){.kernel_h = 7, .kernel_w = 7});
    add(mean,
        (struct snn_layer){
            .kind = SNN_LAYER_DENSE, .shape = {2, 1, 1}, .weights = weights, .weight_count = 2});
    const struct snn_synapse *s = &lower()->synapses[0];
    cr_assert_eq(s->kind, SNN_SYNAPSE_DENSE);
    cr_assert(s->pool_count == 0 && s->source_shape.height == 7 && s->source_shape.width == 7);
    cr_assert_float_eq(s->pool_scale, 1.0, 0.0);
    expect_weights(s, expected, 98);
    cr_assert_eq(formed->populations[0].macs, 2);
}

/* 8 = 4 x 2: 4 stays with the chip, its share of the mean too. */
Test(form, mean_of_8_keeps_a_pooling_of_4)
{
    const float weights[] = {1}, expected[] = {127, 127, 127, 127};
    start(1, 8, 8);
    const uint32_t mean =
        pool(0, SNN_LAYER_AVG_POOL2D, (struct snn_window){.kernel_h = 8, .kernel_w = 8});
    add(mean,
        (struct snn_layer){
            .kind = SNN_LAYER_DENSE, .shape = {1, 1, 1}, .weights = weights, .weight_count = 1});
    const struct snn_synapse *s = &lower()->synapses[0];
    cr_assert(s->pool_count == 1 && s->pools[0].kernel_h == 4 && s->pools[0].stride_w == 4);
    cr_assert_float_eq(s->pool_scale, 1.0 / 16.0, 0.0);
    cr_assert(s->source_shape.height == 2 && s->source_shape.width == 2);
    expect_weights(s, expected, 4);
}

/* Maxima over 2 x 2 are a pooling of the chip and a diagonal; over 3 x 3 with stride 2, which
 * overlap, the diagonal of kernels of ones. */
Test(form, maxima_are_diagonals)
{
    float expected[36] = {0};
    for (size_t i = 0; i < 36; i++)
        expected[i] = i < 9 || i >= 27 ? 127 : 0;
    start(2, 9, 9);
    const uint32_t first =
        pool(0, SNN_LAYER_MAX_POOL2D, (struct snn_window){3, 3, 2, 2, 0, 0, 0, 0, 1, 1});
    const uint32_t second =
        pool(first, SNN_LAYER_MAX_POOL2D, (struct snn_window){2, 2, 2, 2, 0, 0, 0, 0, 1, 1});
    const float one = 127;
    fixed_conv(second, 1, (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, (float[]){1, one});
    (void)lower();
    const struct snn_population *p = formed->populations;
    expect_window(&p[0].synapses[0], (struct snn_window){3, 3, 2, 2, 0, 0, 0, 0, 1, 1});
    cr_assert_eq(p[0].synapses[0].pool_count, 0);
    expect_weights(&p[0].synapses[0], expected, 36);
    expect_window(&p[1].synapses[0], (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1});
    cr_assert_eq(p[1].synapses[0].pools[0].kernel_h, 2);
    expect_weights(&p[1].synapses[0], (float[]){127, 0, 0, 127}, 4);
    cr_assert(p[1].spikes_max == 1 && p[1].reset == SNN_RESET_ZERO);
}

/* 2 x 2 beside 4 x 4: kernel 4 for both, the smaller map in its corner. */
Test(form, dense_on_unequal_maps_covers_the_larger)
{
    float weights[20], expected[16] = {0};
    for (size_t i = 0; i < 20; i++)
        weights[i] = i < 19 ? (float)i : 127;
    memcpy(expected, (float[]){16, 17}, 2 * sizeof(float));
    memcpy(expected + 4, (float[]){18, 127}, 2 * sizeof(float));
    start(1, 4, 4);
    const float one = 127;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &one, 1, NULL, 0, NULL, 0};
    const uint32_t small = add(fixed_conv(0, 1, (struct snn_window){2, 2, 2, 2, 0, 0, 0, 0, 1, 1},
                                          (float[]){1, 2, 3, one}),
                               (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    const uint32_t a = add(0, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    const uint32_t b = add(small, (struct snn_layer){.kind = SNN_LAYER_FLATTEN});
    add(join(SNN_LAYER_CONCAT, a, b),
        (struct snn_layer){
            .kind = SNN_LAYER_DENSE, .shape = {1, 1, 1}, .weights = weights, .weight_count = 20});
    const struct snn_population *p = lower();
    cr_assert_eq(p->synapses[0].kind, SNN_SYNAPSE_DENSE);
    expect_weights(&p->synapses[0], weights, 16);
    expect_window(&p->synapses[1], (struct snn_window){4, 4, 1, 1, 0, 0, 2, 2, 1, 1});
    expect_weights(&p->synapses[1], expected, 16);
}

/* ---- Biases ---- */

/* x = p / 0.5 - 1: the offset of -1 meets 9 weights of 1 inside, 6 at edges and 4 in corners; the
 * border of 8 x 8 are 28 neurons. */
Test(form, borders_lose_their_own_bias_and_it_is_said)
{
    float weights[9];
    const double half = 0.5;
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, &half, &half};
    for (size_t i = 0; i < 9; i++)
        weights[i] = 1;
    start(1, 8, 8);
    cr_assert_eq(snn_graph_set_preprocess(graph, support_context(), &preprocess), SNN_OK);
    fixed_conv(0, 1, (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, weights);
    (void)lower();
    const struct snn_population *p = formed->populations;
    cr_assert_eq(p->bias_count, 1);
    cr_assert_float_eq(p->bias[0], rintf(-9.0f * p->quantised->scale), 0.0f);
    cr_assert(strstr(support_diagnostics(),
                     "warning: 28 of 64 neurons lose their own bias, a chip has one a channel: the "
                     "largest difference is 5"),
              "%s", support_diagnostics());
}

/* Half of four neurons or more have the value that is taken; less than half: one in the middle. */
Test(form, bias_is_the_median_of_a_channel)
{
    const float map[] = {3, 5, 3, 127, 1, 2, 100, 4};
    const float weights[] = {10, 10};
    start(1, 2, 2);
    add(0, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                              .shape = {2, 0, 0},
                              .window = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1},
                              .groups = 1,
                              .weights = weights,
                              .weight_count = 2,
                              .bias = map,
                              .bias_count = 8});
    options.v_min = -INFINITY;
    (void)lower();
    const struct snn_population *p = formed->populations;
    cr_assert_eq(p->bias_count, 2);
    cr_assert_float_eq(p->quantised->scale, 12.7f, 0.0f);
    /* 3 and 2: 38.1 and 25.4. */
    cr_assert(p->bias[0] > 37.5f && p->bias[0] < 38.5f && p->bias[1] > 24.5f && p->bias[1] < 25.5f);
    cr_assert(strstr(support_diagnostics(), "5 of 8 neurons"), "%s", support_diagnostics());
}

/* ---- What has no form ---- */

Test(form, groups_and_dilation_stay_as_they_are)
{
    const float weights[18] = {[4] = 127, [13] = 3};
    start(2, 6, 6);
    const uint32_t layer = add(0, (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                     .shape = {2, 0, 0},
                                                     .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
                                                     .groups = 2,
                                                     .weights = weights,
                                                     .weight_count = 18});
    const float one = 127;
    const struct snn_neurons neurons = {SNN_RESET_SUBTRACT, &one, 1, NULL, 0, NULL, 0};
    const uint32_t next = add(layer, (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    fixed_conv(next, 1, (struct snn_window){3, 3, 1, 1, 2, 2, 2, 2, 2, 2}, weights);
    (void)lower();
    cr_assert_eq(formed->populations[0].synapses[0].groups, 2);
    cr_assert_eq(formed->populations[0].synapses[0].weight_count, 18);
    cr_assert_eq(formed->populations[1].synapses[0].window.dilation_h, 2);
}

/* Neurons that differ, and further readouts, are what they were. */
Test(form, neurons_and_readouts_are_kept)
{
    const float thresholds[] = {100, 120}, gains[] = {2};
    const float weights[] = {127, 1, 1, 127};
    const struct snn_neurons neurons = {SNN_RESET_ZERO, thresholds, 2, NULL, 0, NULL, 0};
    start(2, 1, 1);
    add(fixed_conv(0, 2, (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, weights),
        (struct snn_layer){.kind = SNN_LAYER_IF, .neurons = &neurons});
    options.extra_gains = gains;
    options.extra_gain_count = 1;
    const struct snn_population *p = lower();
    cr_assert_eq(formed->readout_count, 2);
    cr_assert_float_eq(p->neurons->threshold[1], 120.0f, 0.0f);
    cr_assert_float_eq(formed->readouts[1].neurons->threshold[1], 240.0f, 0.0f);
    cr_assert_eq(p->reset, SNN_RESET_ZERO);
}

Test(form, float_arithmetic_has_no_chip)
{
    start(1, 2, 2);
    fixed_conv(0, 1, (struct snn_window){1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, nine);
    options.arith = SNN_ARITH_FLOAT;
    options.chip = &chip;
    cr_assert_eq(snn_net_lower(&formed, support_context(), graph, &options), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "a net for chip 'test' needs chip arithmetic, not float");
}

/* ---- Memory ---- */

static struct snn_graph *make_graph(struct snn_context *context)
{
    const double half = 0.5;
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, &half, &half};
    struct snn_graph *made = support_graph(context, 1, 8, 8);
    cr_assert_eq(snn_graph_set_preprocess(made, context, &preprocess), SNN_OK);
    const struct snn_layer layers[] = {
        {.kind = SNN_LAYER_CONV2D,
         .shape = {1, 0, 0},
         .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
         .groups = 1,
         .activation = SNN_ACTIVATION_RELU,
         .weights = nine,
         .weight_count = 9},
        {.kind = SNN_LAYER_AVG_POOL2D, .window = {.kernel_h = 2, .kernel_w = 2}},
        {.kind = SNN_LAYER_CONV2D,
         .shape = {1, 0, 0},
         .window = {1, 3, 1, 1, 0, 1, 0, 1, 1, 1},
         .groups = 1,
         .weights = nine,
         .weight_count = 3}};
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        support_add(made, context, layers[i]);
    return made;
}

static int lower_graph(struct snn_context *context, struct snn_graph *made)
{
    struct snn_net *net = NULL;
    options.chip = &chip;
    int status = snn_net_lower(&net, context, made, &options);
    snn_net_destroy(&net);
    return status;
}

Test(form, memory_may_run_out_anywhere)
{
    support_sweep_graph(make_graph, lower_graph);
}
