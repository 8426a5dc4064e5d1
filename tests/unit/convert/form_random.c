/* Random nets in the form of a chip's cores: they fire the same spikes as without it, and the same
 * as the program that is made of them.
 *
 * Nets arrive spiking, in whole numbers with a bias of 127 in every layer, so that the scale is 1
 * with the form and without it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "convert/lower/window.h"
#include "snn/place.h"
#include "snn/program.h"
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

TestSuite(form_random, .init = begin, .fini = end);

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

static void run(const char *uri, const struct snn_net *net, const struct snn_spikes *spikes,
                uint32_t *counts)
{
    struct snn_context *context = support_context();
    struct snn_target *target = NULL;
    cr_assert_eq(snn_target_open(&target, context, uri), SNN_OK);
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

/* Every neuron's spikes in both nets, which have the same neurons in the same order; returns how
 * many spikes there are. */
static uint64_t expect_same_spikes(const char *uri, const struct snn_net *a,
                                   const struct snn_net *b)
{
    static uint32_t address[STEPS * 1024], first[NEURONS], second[NEURONS];
    uint32_t step_begin[STEPS + 1] = {0}, at = 0;
    const size_t inputs = snn_shape_size(a->input_shape);
    cr_assert(inputs <= 1024 && a->neuron_count <= NEURONS);
    cr_assert_eq(a->neuron_count, b->neuron_count);
    for (uint32_t t = 0; t < STEPS; t++) {
        for (uint32_t i = 0; i < inputs; i++) {
            if (below(2) == 0) address[at++] = i;
        }
        step_begin[t + 1] = at;
    }
    const struct snn_spikes spikes = {
        .step_count = STEPS, .step_begin = step_begin, .address = address};
    run(uri, a, &spikes, first);
    run(uri, b, &spikes, second);
    uint64_t total = 0;
    for (size_t i = 0; i < a->neuron_count; i++) {
        cr_assert_eq(first[i], second[i], "neuron %zu: %u spikes, %u expected", i, second[i],
                     first[i]);
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
    uint32_t placed, split; /* nets */
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
    tally->spikes += expect_same_spikes("sim", plain, formed);
}

/* Of 400 nets, among whose layers are some that no core could hold. */
Test(form_random, nets_fire_the_same_spikes)
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

/* ---- On a chip ---- */

/* Nine cores with little memory, so that layers are shared and some nets do not fit. */
static void shrink_chip(struct snn_chip *on)
{
    *on = chip;
    on->core_count = 9;
    memcpy(on->description, "made up", 8);
    memcpy(on->source, "made up", 8);
    memcpy(on->energy, "speck", 6);
    on->input_size_max = 128;
    on->output_size_max = 64;
    on->destination_max = 2;
    on->readout_layer = 12;
    on->sensor_layer = 13;
    on->readout_spread = 1;
    for (uint32_t i = 0; i < on->core_count; i++)
        on->cores[i] = (struct snn_chip_core){
            .kernel_words = 16u << below(8), .neuron_words = 16u << below(8), .bias_words = 64};
}

/* Whether all of the net is in form. */
static bool all_in_form(const struct snn_net *net)
{
    bool all = true;
    for (uint32_t i = 0; i < net->population_count; i++)
        all = all && is_in_form(net, &net->populations[i]);
    return all;
}

static bool is_about_form(enum snn_constraint constraint)
{
    return constraint == SNN_CONSTRAINT_KERNEL_SIZE || constraint == SNN_CONSTRAINT_STRIDE ||
           constraint == SNN_CONSTRAINT_PADDING || constraint == SNN_CONSTRAINT_POOLING ||
           constraint == SNN_CONSTRAINT_WINDOW;
}

/* What has no form is found by the placement, and nothing else is; what fits is a program. */
static void compare_program(struct tally *tally)
{
    const struct snn_place_options how = {.remedies_off = true};
    struct snn_chip on;
    struct snn_placement *placement = NULL;
    struct snn_net *decoded = NULL;
    shrink_chip(&on);
    cr_assert_eq(snn_place(&placement, support_context(), formed, &on, &how), SNN_OK, "%s",
                 snn_context_message(support_context()));
    bool found = false;
    for (uint32_t i = 0; i < placement->finding_count; i++)
        found = found || is_about_form(placement->findings[i].constraint);
    cr_assert_eq(found, !all_in_form(formed));
    if (placement->fits) {
        cr_assert_eq(snn_program_decode(&decoded, support_context(), placement->program), SNN_OK);
        tally->placed++;
        tally->split += placement->program->core_count > placement->layer_count;
        /* Classes may lie in two cores; the simulator's are neurons of the last. */
        struct snn_net cores = *decoded;
        cores.class_count =
            (uint32_t)snn_shape_size(cores.populations[cores.population_count - 1].shape);
        tally->spikes += expect_same_spikes("sim:async,order=raster", formed, &cores);
    }
    snn_net_destroy(&decoded);
    snn_placement_destroy(&placement);
}

/* A net in form is the reference: asynchronously, its program fires the same spikes. */
Test(form_random, programs_fire_the_same_spikes)
{
    struct tally tally = {.placed = 0};
    for (uint32_t n = 0; n < 400; n++) {
        random_net(n);
        lower_both();
        compare_program(&tally);
        snn_net_destroy(&plain);
        snn_net_destroy(&formed);
        snn_graph_destroy(&graph);
    }
    cr_assert_gt(tally.placed, 100);
    cr_assert_gt(tally.split, 5);
    cr_assert_gt(tally.spikes, 50000);
}
