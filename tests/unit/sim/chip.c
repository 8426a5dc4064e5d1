/* Chip arithmetic: traces by hand, and nets of all shapes against the equations written out, one
 * neuron and one step at a time. Nets are made here as lowering would make them.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/chip.h"
#include "snn/net.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/unit/support.h"

enum { STEPS = 32, READOUTS = 2, CLASSES_MAX = 12, POPULATIONS = 3, SYNAPSES = 4 };

static struct snn_context *context;

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
}

static void begin(void)
{
    require_ok(snn_context_create(&context, NULL));
}

static void end(void)
{
    snn_context_destroy(&context);
}

TestSuite(chip, .init = begin, .fini = end);

/* What came out, [step][...]. */
struct outcome {
    uint32_t spikes[STEPS * READOUTS * CLASSES_MAX];
    float potential[STEPS * READOUTS * CLASSES_MAX];
    uint64_t population[STEPS * POPULATIONS], arrived[STEPS * SYNAPSES],
        operations[STEPS * SYNAPSES], macs[STEPS * SYNAPSES], input[STEPS];
};

/* Runs `steps` steps, `chunk` of them at once. */
static void run(struct snn_target *target, const struct snn_net *net, const struct snn_spikes *in,
                uint32_t chunk, struct outcome *o)
{
    const size_t row = (size_t)net->readout_count * net->class_count;
    require_ok(snn_target_reset(target, context));
    require_ok(snn_target_push(target, context, in));
    for (uint32_t t = 0; t < in->step_count; t += chunk) {
        const uint32_t now = in->step_count - t < chunk ? in->step_count - t : chunk;
        struct snn_output out = {0,
                                 o->spikes + t * row,
                                 o->potential + t * row,
                                 o->population + (size_t)t * net->population_count,
                                 o->arrived + (size_t)t * net->synapse_count,
                                 o->operations + (size_t)t * net->synapse_count,
                                 o->macs + (size_t)t * net->synapse_count,
                                 o->input + t};
        require_ok(snn_target_advance(target, context, now));
        require_ok(snn_target_pull(target, context, &out));
        cr_assert_eq(out.step_count, now);
    }
}

/* ---- By hand: one neuron, whose input `i` spikes in step i ---- */

static const struct snn_population one_neuron = {.name = "neuron",
                                                 .shape = {1, 1, 1},
                                                 .synapse_count = 1,
                                                 .threshold = 100,
                                                 .v_min = -100,
                                                 .spikes_max = SNN_SPIKES_PER_STEP_MAX};

/* In step i the neuron receives weight[i] times count[i]. */
static void trace(const struct snn_population *like, const float *weight, const float *count,
                  uint32_t steps, struct outcome *o)
{
    struct snn_population population = *like;
    const struct snn_synapse synapse = {.source = SNN_SOURCE_INPUT,
                                        .source_shape = {steps, 1, 1},
                                        .kind = SNN_SYNAPSE_DENSE,
                                        .groups = 1,
                                        .weights = weight,
                                        .weight_count = steps};
    const struct snn_readout readout = {1,    like->threshold, like->v_init, like->v_min,
                                        NULL, like->spikes_max};
    const struct snn_net net = {.input_shape = {steps, 1, 1},
                                .populations = &population,
                                .population_count = 1,
                                .synapse_count = 1,
                                .class_count = 1,
                                .readouts = &readout,
                                .readout_count = 1,
                                .neuron_count = 1,
                                .arith = SNN_ARITH_CHIP};
    uint32_t begin_of[STEPS + 1], address[STEPS];
    for (uint32_t t = 0; t <= steps; t++)
        begin_of[t] = t;
    for (uint32_t t = 0; t < steps; t++)
        address[t] = t;
    const struct snn_spikes in = {
        .step_count = steps, .step_begin = begin_of, .address = address, .count = count};
    population.synapses = &synapse;
    struct snn_target *target = NULL;
    require_ok(snn_target_open(&target, context, "sim"));
    require_ok(snn_target_load(target, context, &net));
    run(target, &net, &in, steps, o);
    snn_target_close(&target);
}

static void assert_trace(const struct outcome *o, const uint32_t *fired, const float *left,
                         uint32_t steps)
{
    for (uint32_t t = 0; t < steps; t++) {
        cr_assert_eq(o->spikes[t], fired[t], "step %u: %u spikes", t, o->spikes[t]);
        cr_assert_eq(o->potential[t], left[t], "step %u: v %g", t, (double)o->potential[t]);
    }
}

static struct outcome outcome;

/* The trace of docs/semantics.md in hundredths: 50 100 170, -330 clipped, -70 30. */
Test(chip, golden_trace)
{
    static const float weight[] = {50, 50, 90, -100, 30, 100}, count[] = {1, 1, 3, 5, 1, 1};
    static const uint32_t fired[] = {0, 1, 2, 0, 0, 0};
    static const float left[] = {50, 0, 70, -100, -70, 30};
    trace(&one_neuron, weight, count, 6, &outcome);
    assert_trace(&outcome, fired, left, 6);
}

/* With at most one spike a step 270 - 100 stay. */
Test(chip, trace_of_single_spikes)
{
    static const float weight[] = {50, 50, 90, -100, 30, 100}, count[] = {1, 1, 3, 5, 1, 1};
    static const uint32_t fired[] = {0, 1, 1, 0, 0, 0};
    static const float left[] = {50, 0, 170, -100, -70, 30};
    struct snn_population single = one_neuron;
    single.spikes_max = 1;
    trace(&single, weight, count, 6, &outcome);
    assert_trace(&outcome, fired, left, 6);
}

Test(chip, trace_with_reset_to_zero)
{
    static const float weight[] = {50, 60, 90, -100}, count[] = {1, 1, 3, 5};
    static const uint32_t fired[] = {0, 1, 2, 0};
    static const float left[] = {50, 0, 0, -100};
    struct snn_population zero = one_neuron;
    zero.reset = SNN_RESET_ZERO;
    trace(&zero, weight, count, 4, &outcome);
    assert_trace(&outcome, fired, left, 4);
}

/* Without firing: 127 * 127 = 16129 thrice are 48387, saturated to 32767; down by 16129 five times,
 * -32768 at the fifth. Then 16777216 spikes, more than 16 bits, and as many down: they saturate
 * too, once a step. */
Test(chip, potentials_saturate)
{
    static const float weight[] = {127, 127, 127, -127, -127, -127, -127, -127, 127, -127, 1};
    static const float count[] = {127, 127, 127, 127, 127, 127, 127, 127, 16777216, 16777216, 1};
    static const float left[] = {16129,  32258,  32767, 16638,  509,   -15620,
                                 -31749, -32768, 32767, -32768, -32767};
    static const uint32_t fired[11] = {0};
    struct snn_population silent = one_neuron;
    silent.threshold = FLT_MAX;
    silent.v_min = -FLT_MAX;
    trace(&silent, weight, count, 11, &outcome);
    assert_trace(&outcome, fired, left, 11);
}

/* 127 * 128 = 16256 = 162 * 100 + 56: counts from 128 on take the wide path. */
Test(chip, counts_above_127_are_exact)
{
    static const float weight[] = {127, 127, 1}, count[] = {128, 127, 300};
    static const uint32_t fired[] = {162, 161, 3};
    static const float left[] = {56, 85, 85};
    trace(&one_neuron, weight, count, 3, &outcome);
    assert_trace(&outcome, fired, left, 3);
}

/* v = k * threshold is the first that fires k times: for every threshold and every k. */
Test(chip, division_is_exact)
{
    struct snnsim_chip_neurons n;
    for (uint32_t lane = 0; lane < SNNSIM_CHIP_LANES; lane++)
        n.spikes_max[lane] = INT16_MAX;
    for (uint32_t threshold = 1; threshold <= INT16_MAX; threshold++) {
        for (uint32_t lane = 0; lane < SNNSIM_CHIP_LANES; lane++)
            n.threshold[lane] = (int16_t)threshold;
        snnsim_chip_divisors(&n);
        cr_assert_eq(n.quick, threshold > 1);
        for (uint32_t v = threshold - 1; v <= INT16_MAX; v += v % threshold ? 1 : threshold - 1) {
            const uint32_t any = ((2 * v + 1) * n.multiplier[7] >> 16) * n.shift[7] >> 16;
            const uint32_t quick = (v * n.quick_multiplier >> 16) >> n.quick_shift;
            cr_assert_eq(any, v / threshold, "%u / %u: %u", v, threshold, any);
            if (n.quick) cr_assert_eq(quick, v / threshold, "%u / %u: %u", v, threshold, quick);
            if (threshold == 1) v++;
        }
    }
}

/* ---- Refusals ---- */

Test(chip, analog_input_is_refused)
{
    static const float weight[] = {1}, value[] = {0.5f};
    static const uint32_t begin_of[] = {0, 1}, address[] = {0};
    const struct snn_synapse synapse = {.source = SNN_SOURCE_INPUT,
                                        .source_shape = {1, 1, 1},
                                        .kind = SNN_SYNAPSE_DENSE,
                                        .groups = 1,
                                        .weights = weight,
                                        .weight_count = 1};
    struct snn_population population = one_neuron;
    population.synapses = &synapse;
    const struct snn_readout readout = {1, 100, 0, -100, NULL, 1};
    struct snn_net net = {.input_shape = {1, 1, 1},
                          .populations = &population,
                          .population_count = 1,
                          .synapse_count = 1,
                          .class_count = 1,
                          .readouts = &readout,
                          .readout_count = 1,
                          .neuron_count = 1,
                          .arith = SNN_ARITH_CHIP};
    const struct snn_spikes in = {.step_count = 1,
                                  .constant = true,
                                  .step_begin = begin_of,
                                  .address = address,
                                  .count = value};
    struct snn_target *target = NULL;
    require_ok(snn_target_open(&target, context, "sim"));
    require_ok(snn_target_load(target, context, &net));
    cr_assert_eq(snn_target_push(target, context, &in), SNN_ERR_UNSUPPORTED);
    cr_assert_not_null(strstr(snn_context_hint(context), "bernoulli"));
    population.threshold = 0.5f;
    cr_assert_eq(snn_target_load(target, context, &net), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_message(context), "layer 'neuron': threshold 0.5"));
    snn_target_close(&target);
}

/* ---- Random nets ----
 *
 * input -> convolution -> (convolution + one-to-one) -> pools, dense
 */

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static float draw_whole(int low, int high)
{
    return (float)(low + (int)draw((uint32_t)(high - low) + 1));
}

static uint32_t positions(uint32_t size, uint32_t kernel, uint32_t stride, uint32_t pad,
                          uint32_t dilation)
{
    const uint32_t reach = (kernel - 1) * dilation + 1;
    return size + 2 * pad < reach ? 0 : (size + 2 * pad - reach) / stride + 1;
}

enum { MAP_MAX = 40 * 12 * 12, INPUTS_MAX = 3 * 12 * 12 };

struct random_net {
    struct snn_net net;
    struct snn_population populations[POPULATIONS];
    struct snn_synapse synapses[SYNAPSES];
    struct snn_readout readouts[READOUTS];
    struct snn_window pools[2];
    struct snn_neurons neurons[POPULATIONS];
    float *lists[32];
    uint32_t list_count;
};

static float *draw_list(struct random_net *r, size_t count, int low, int high)
{
    float *list = malloc(count * sizeof(*list));
    cr_assert_not_null(list);
    for (size_t i = 0; i < count; i++)
        list[i] = draw_whole(low, high);
    return r->lists[r->list_count++] = list;
}

static struct snn_shape draw_window(struct snn_shape in, uint32_t channels, struct snn_window *w)
{
    struct snn_shape out = {0, 0, 0};
    while (out.height == 0 || out.width == 0 || out.height > 12 || out.width > 12) {
        *w = (struct snn_window){1 + draw(4), 1 + draw(4), 1 + draw(3), 1 + draw(3), draw(3),
                                 draw(3),     0,           0,           1 + draw(2), 1 + draw(2)};
        w->pad_bottom = w->pad_top;
        w->pad_right = w->pad_left;
        out.channels = channels;
        out.height = positions(in.height, w->kernel_h, w->stride_h, w->pad_top, w->dilation_h);
        out.width = positions(in.width, w->kernel_w, w->stride_w, w->pad_left, w->dilation_w);
    }
    return out;
}

static void draw_population(struct random_net *r, uint32_t index, struct snn_shape shape)
{
    struct snn_population *p = &r->populations[index];
    const size_t size = snn_shape_size(shape);
    p->name = "random";
    p->shape = shape;
    p->threshold = draw_whole(1, draw(2) > 0 ? 60 : 2000);
    p->v_init = draw_whole(-40, 100);
    p->v_min = draw(3) > 0 ? draw_whole(-300, 0) : -FLT_MAX;
    p->spikes_max = draw(3) > 0 ? SNN_SPIKES_PER_STEP_MAX : 1 + draw(3);
    p->reset = draw(4) == 0 ? SNN_RESET_ZERO : SNN_RESET_SUBTRACT;
    if (draw(3) > 0) {
        p->bias_count = draw(2) > 0 ? shape.channels : size;
        p->bias = draw_list(r, p->bias_count, -20, 20);
    }
    if (draw(3) > 0) return;
    const size_t count = draw(2) > 0 ? shape.channels : size;
    r->neurons[index] = (struct snn_neurons){.threshold = draw_list(r, count, 1, 300),
                                             .threshold_count = count,
                                             .v_init = draw_list(r, size, -10, 40),
                                             .v_init_count = size,
                                             .v_min = draw_list(r, 1, -100, 0),
                                             .v_min_count = 1};
    p->neurons = &r->neurons[index];
}

static void draw_weights(struct random_net *r, struct snn_synapse *s, size_t count)
{
    s->weight_count = count;
    s->weights = draw_list(r, count, -40, draw(4) == 0 ? 127 : 40);
}

static uint32_t draw_groups(uint32_t in, uint32_t *out)
{
    const uint32_t groups = draw(2) > 0 || in == 1 ? 1 : draw(2) > 0 ? in : 2 - in % 2;
    *out = (*out + groups - 1) / groups * groups;
    return groups;
}

static void draw_convolution(struct random_net *r, struct snn_synapse *s, struct snn_shape in,
                             uint32_t channels)
{
    s->kind = SNN_SYNAPSE_CONV2D;
    s->source_shape = in;
    draw_weights(r, s,
                 (size_t)channels * (in.channels / s->groups) * s->window.kernel_h *
                     s->window.kernel_w);
}

static struct snn_shape draw_pools(struct random_net *r, struct snn_synapse *s, struct snn_shape in)
{
    s->pools = r->pools;
    s->pool_count = draw(3);
    for (uint32_t i = 0; i < s->pool_count; i++) {
        struct snn_window *w = &r->pools[i];
        const uint32_t size = 1 + draw(3);
        *w =
            (struct snn_window){size, size, 1 + draw(2), 1 + draw(2), draw(2), draw(2), 0, 0, 1, 1};
        if (size == 1) w->pad_top = w->pad_left = 0;
        w->pad_bottom = w->pad_top;
        w->pad_right = w->pad_left;
        const uint32_t height = positions(in.height, size, w->stride_h, w->pad_top, 1);
        const uint32_t width = positions(in.width, size, w->stride_w, w->pad_left, 1);
        if (height == 0 || width == 0) s->pool_count = i;
        if (height == 0 || width == 0) break;
        in.height = height;
        in.width = width;
    }
    return in;
}

static void make_net(struct random_net *r)
{
    memset(r, 0, sizeof(*r));
    const struct snn_shape in = {draw(2) > 0 ? 1 : 1 + draw(3), 1 + draw(11), 1 + draw(11)};
    struct snn_synapse *s = r->synapses;
    uint32_t channels = 1 + draw(draw(2) > 0 ? 8 : 38);
    s[0].source = SNN_SOURCE_INPUT;
    s[0].groups = draw_groups(in.channels, &channels);
    const struct snn_shape first = draw_window(in, channels, &s[0].window);
    draw_convolution(r, &s[0], in, channels);
    draw_population(r, 0, first);
    /* The same shape again, so that a second branch can join. */
    s[1].groups = draw(2) > 0 ? 1 : channels;
    s[1].window = (struct snn_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    draw_convolution(r, &s[1], first, channels);
    s[2].kind = SNN_SYNAPSE_ONE_TO_ONE;
    s[2].source_shape = first;
    draw_weights(r, &s[2], channels);
    s[2].groups = channels;
    draw_population(r, 1, first);
    const uint32_t classes = 1 + draw(CLASSES_MAX);
    s[3].kind = SNN_SYNAPSE_DENSE;
    s[3].groups = 1;
    s[3].source = 1;
    s[3].source_shape = draw_pools(r, &s[3], first);
    draw_weights(r, &s[3], classes * snn_shape_size(s[3].source_shape));
    draw_population(r, 2, (struct snn_shape){classes, 1, 1});
    static const uint32_t synapse_of[POPULATIONS + 1] = {0, 1, 3, 4};
    for (uint32_t i = 0; i < POPULATIONS; i++) {
        r->populations[i].synapses = s + synapse_of[i];
        r->populations[i].synapse_count = synapse_of[i + 1] - synapse_of[i];
        r->populations[i].synapse_first = synapse_of[i];
    }
    const struct snn_population *last = &r->populations[2];
    r->readouts[0] = (struct snn_readout){1,           last->threshold, last->v_init,
                                          last->v_min, last->neurons,   last->spikes_max};
    r->readouts[1] = (struct snn_readout){2, draw(2) > 0 ? FLT_MAX : 77, 5, -200, NULL, 2};
    r->net = (struct snn_net){.input_shape = in,
                              .populations = r->populations,
                              .population_count = POPULATIONS,
                              .synapse_count = SYNAPSES,
                              .class_count = classes,
                              .readouts = r->readouts,
                              .readout_count = READOUTS,
                              .arith = SNN_ARITH_CHIP};
}

static void free_net(struct random_net *r)
{
    for (uint32_t i = 0; i < r->list_count; i++)
        free(r->lists[i]);
}

/* ---- The equations ---- */

/* Spikes of every neuron in one step, [channels][height][width]. */
struct maps {
    int64_t input[INPUTS_MAX], spikes[POPULATIONS][MAP_MAX];
    int64_t v[POPULATIONS + READOUTS - 1][MAP_MAX];
    uint64_t total[POPULATIONS][MAP_MAX];
};

static void pool_map(const int64_t *from, struct snn_shape in, const struct snn_window *w,
                     struct snn_shape out, int64_t *to)
{
    for (size_t i = 0; i < snn_shape_size(out); i++) {
        const uint32_t c = (uint32_t)(i / (out.height * out.width));
        const uint32_t oy = (uint32_t)(i / out.width % out.height), ox = (uint32_t)(i % out.width);
        to[i] = 0;
        for (uint32_t k = 0; k < w->kernel_h * w->kernel_w; k++) {
            const int64_t y = (int64_t)oy * w->stride_h + k / w->kernel_w - w->pad_top;
            const int64_t x = (int64_t)ox * w->stride_w + k % w->kernel_w - w->pad_left;
            if (y >= 0 && y < in.height && x >= 0 && x < in.width)
                to[i] += from[(c * in.height + y) * in.width + x];
        }
    }
}

/* What arrives at a synapse, after its pools; in one of the two maps. */
static const int64_t *arriving(const struct random_net *r, const struct maps *m,
                               const struct snn_synapse *s)
{
    static int64_t pooled[2][MAP_MAX];
    if (s->source == SNN_SOURCE_INPUT) return m->input;
    const int64_t *map = m->spikes[s->source];
    struct snn_shape shape = r->populations[s->source].shape;
    for (uint32_t i = 0; i < s->pool_count; i++) {
        const struct snn_window *w = &s->pools[i];
        struct snn_shape out = shape;
        out.height = positions(shape.height, w->kernel_h, w->stride_h, w->pad_top, 1);
        out.width = positions(shape.width, w->kernel_w, w->stride_w, w->pad_left, 1);
        pool_map(map, shape, w, out, pooled[i]);
        map = pooled[i];
        shape = out;
    }
    return map;
}

/* The weight from one input to neuron (o, y, x), or 0; *meets tells whether there is one. */
static int64_t weight_at(const struct snn_synapse *s, struct snn_shape out, size_t neuron,
                         size_t input, bool *meets)
{
    const struct snn_shape in = s->source_shape;
    const struct snn_window *w = &s->window;
    const uint32_t c = (uint32_t)(input / (in.height * in.width));
    const int64_t iy = (int64_t)(input / in.width % in.height), ix = (int64_t)(input % in.width);
    const uint32_t o = (uint32_t)(neuron / (out.height * out.width));
    const int64_t y = (int64_t)(neuron / out.width % out.height), x = (int64_t)(neuron % out.width);
    *meets = true;
    if (s->kind == SNN_SYNAPSE_DENSE) return (int64_t)s->weights[o * snn_shape_size(in) + input];
    *meets = s->kind == SNN_SYNAPSE_ONE_TO_ONE && neuron == input;
    if (s->kind == SNN_SYNAPSE_ONE_TO_ONE) return *meets ? (int64_t)s->weights[o] : 0;
    const int64_t dy = iy + w->pad_top - y * w->stride_h, dx = ix + w->pad_left - x * w->stride_w;
    const uint32_t group_in = in.channels / s->groups, group_out = out.channels / s->groups;
    if (dy < 0 || dx < 0 || dy % w->dilation_h || dx % w->dilation_w) return 0;
    const int64_t ky = dy / w->dilation_h, kx = dx / w->dilation_w;
    *meets = ky < w->kernel_h && kx < w->kernel_w && c / group_in == o / group_out;
    if (!*meets) return 0;
    return (int64_t)
        s->weights[((o * group_in + c % group_in) * w->kernel_h + (size_t)ky) * w->kernel_w +
                   (size_t)kx];
}

/* What one neuron is. */
struct limits {
    int64_t threshold, v_min, spikes_max;
    bool reset_zero;
};

static int64_t fire(int64_t *v, int64_t current, const struct limits *l)
{
    *v += current;
    *v = *v > INT16_MAX ? INT16_MAX : *v < INT16_MIN ? INT16_MIN : *v;
    int64_t n = *v > 0 && l->threshold > 0 ? *v / l->threshold : 0;
    n = n < l->spikes_max ? n : l->spikes_max;
    *v = l->reset_zero && n > 0 ? 0 : *v - n * l->threshold;
    *v = *v < l->v_min ? l->v_min : *v;
    return n;
}

/* A threshold of 0 stands for none. */
static struct limits limits_of(const struct snn_neurons *neurons, float threshold, float v_min,
                               uint32_t spikes_max, enum snn_reset reset, size_t size, size_t i)
{
    if (neurons != NULL) {
        threshold = snn_neurons_at(neurons->threshold, neurons->threshold_count, size, i);
        v_min = snn_neurons_at(neurons->v_min, neurons->v_min_count, size, i);
    }
    return (struct limits){threshold >= FLT_MAX ? 0 : (int64_t)threshold,
                           v_min <= -FLT_MAX ? INT16_MIN : (int64_t)v_min, spikes_max,
                           reset == SNN_RESET_ZERO};
}

static void begin_maps(const struct random_net *r, struct maps *m)
{
    memset(m, 0, sizeof(*m));
    for (uint32_t p = 0; p < POPULATIONS + READOUTS - 1; p++) {
        const bool extra = p == POPULATIONS;
        const struct snn_population *like = &r->populations[extra ? POPULATIONS - 1 : p];
        const struct snn_neurons *neurons = extra ? NULL : like->neurons;
        const size_t size = snn_shape_size(like->shape);
        for (size_t i = 0; i < size; i++) {
            m->v[p][i] = (int64_t)(extra ? r->readouts[1].v_init : like->v_init);
            if (neurons != NULL)
                m->v[p][i] =
                    (int64_t)snn_neurons_at(neurons->v_init, neurons->v_init_count, size, i);
        }
    }
}

static int64_t current_of(const struct random_net *r, const struct maps *m, uint32_t index,
                          size_t neuron, struct outcome *o, uint32_t t)
{
    const struct snn_population *p = &r->populations[index];
    const size_t size = snn_shape_size(p->shape);
    int64_t current = 0;
    if (p->bias != NULL) current = (int64_t)snn_neurons_at(p->bias, p->bias_count, size, neuron);
    for (uint32_t k = 0; k < p->synapse_count; k++) {
        const struct snn_synapse *s = &p->synapses[k];
        const int64_t *map = arriving(r, m, s);
        for (size_t i = 0; i < snn_shape_size(s->source_shape); i++) {
            bool meets = false;
            if (map[i] == 0) continue;
            current += map[i] * weight_at(s, p->shape, neuron, i, &meets);
            if (meets) o->operations[t * SYNAPSES + p->synapse_first + k] += (uint64_t)map[i];
        }
    }
    return current;
}

static void expect_step(const struct random_net *r, struct maps *m, uint32_t t, struct outcome *o)
{
    const size_t classes = r->net.class_count;
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        const struct snn_population *of = &r->populations[p];
        const size_t size = snn_shape_size(of->shape);
        for (uint32_t k = 0; k < of->synapse_count; k++) {
            const int64_t *map = arriving(r, m, &of->synapses[k]);
            for (size_t i = 0; i < snn_shape_size(of->synapses[k].source_shape); i++)
                o->arrived[t * SYNAPSES + of->synapse_first + k] += (uint64_t)map[i];
        }
        for (size_t i = 0; i < size; i++) {
            const int64_t current = current_of(r, m, p, i, o, t);
            const struct limits l = limits_of(of->neurons, of->threshold, of->v_min, of->spikes_max,
                                              of->reset, size, i);
            m->spikes[p][i] = fire(&m->v[p][i], current, &l);
            m->total[p][i] += (uint64_t)m->spikes[p][i];
            o->population[t * POPULATIONS + p] += (uint64_t)m->spikes[p][i];
            if (p < POPULATIONS - 1) continue;
            const size_t at = t * READOUTS * classes + i;
            o->spikes[at] = (uint32_t)m->spikes[p][i];
            o->potential[at] = (float)m->v[p][i];
            const struct snn_readout *extra = &r->readouts[1];
            const struct limits other =
                limits_of(NULL, extra->threshold, extra->v_min, extra->spikes_max, of->reset, 1, 0);
            o->spikes[at + classes] = (uint32_t)fire(&m->v[p + 1][i], current, &other);
            o->potential[at + classes] = (float)m->v[p + 1][i];
        }
    }
}

/* ---- Comparing ---- */

struct stimulus {
    uint32_t begin_of[STEPS + 1], address[STEPS * INPUTS_MAX];
    float count[STEPS * INPUTS_MAX];
    struct snn_spikes spikes;
};

/* Spikes, some inputs silent throughout; `loud`: now and then counts that lines have no room for.
 */
static void draw_stimulus(const struct random_net *r, bool loud, struct stimulus *in)
{
    const size_t size = snn_shape_size(r->net.input_shape);
    const uint32_t steps = 1 + draw(STEPS), share = 1 + draw(12);
    uint32_t n = 0;
    for (uint32_t t = 0; t < steps; t++) {
        in->begin_of[t] = n;
        for (uint32_t i = 0; i < size; i++) {
            if (i % 3 == 0 || draw(share) > 0) continue;
            in->address[n] = i;
            in->count[n++] = draw_whole(1, loud && draw(20) == 0 ? 70000 : 1 + (int)draw(9));
        }
    }
    in->begin_of[steps] = n;
    in->spikes = (struct snn_spikes){.step_count = steps,
                                     .step_begin = in->begin_of,
                                     .address = in->address,
                                     .count = in->count};
    for (uint32_t e = 0; e < n && share % 2 == 0; e++)
        in->count[e] = 1;
    if (share % 2 == 0) in->spikes.count = NULL;
}

static void load_maps(const struct random_net *r, const struct stimulus *in, uint32_t t,
                      struct maps *m, struct outcome *o)
{
    const struct snn_shape shape = r->net.input_shape;
    memset(m->input, 0, sizeof(m->input));
    for (uint32_t e = in->begin_of[t]; e < in->begin_of[t + 1]; e++) {
        const uint32_t position = in->address[e] / shape.channels;
        const uint32_t c = in->address[e] % shape.channels;
        m->input[c * shape.height * shape.width + position] = (int64_t)in->count[e];
        o->input[t] += (uint64_t)in->count[e];
    }
}

static void assert_same(const struct random_net *r, const struct outcome *a,
                        const struct outcome *b, uint32_t steps, uint64_t seed)
{
    const size_t classes = (size_t)steps * READOUTS * r->net.class_count;
    for (size_t i = 0; i < classes; i++) {
        cr_assert_eq(a->spikes[i], b->spikes[i], "net %llu: spikes %zu: %u, expected %u",
                     (unsigned long long)seed, i, b->spikes[i], a->spikes[i]);
        cr_assert_eq(a->potential[i], b->potential[i], "net %llu: v", (unsigned long long)seed);
    }
    for (uint32_t i = 0; i < steps * POPULATIONS; i++)
        cr_assert_eq(a->population[i], b->population[i], "net %llu", (unsigned long long)seed);
    for (uint32_t i = 0; i < steps * SYNAPSES; i++) {
        cr_assert_eq(a->arrived[i], b->arrived[i], "net %llu", (unsigned long long)seed);
        cr_assert_eq(a->operations[i], b->operations[i], "net %llu: step %u, synapse %u: %llu",
                     (unsigned long long)seed, i / SYNAPSES, i % SYNAPSES,
                     (unsigned long long)b->operations[i]);
        cr_assert_eq(b->macs[i], 0u);
    }
    for (uint32_t t = 0; t < steps; t++)
        cr_assert_eq(a->input[t], b->input[t]);
}

static void assert_counts(struct snn_target *target, const struct maps *m,
                          const struct random_net *r)
{
    static uint32_t counts[MAP_MAX];
    for (uint32_t p = 0; p < POPULATIONS; p++) {
        require_ok(snn_target_counts(target, context, p, counts));
        for (size_t i = 0; i < snn_shape_size(r->populations[p].shape); i++)
            cr_assert_eq(counts[i], m->total[p][i]);
    }
}

static void compare_net(uint64_t seed, bool loud)
{
    static struct random_net r;
    static struct stimulus in;
    static struct maps maps;
    static struct outcome expected, found;
    static uint32_t counts[MAP_MAX];
    state = seed * 7919 + 88172645463325252u;
    make_net(&r);
    draw_stimulus(&r, loud, &in);
    const uint32_t steps = in.spikes.step_count;
    memset(&expected, 0, sizeof(expected));
    begin_maps(&r, &maps);
    for (uint32_t t = 0; t < steps; t++) {
        load_maps(&r, &in, t, &maps, &expected);
        expect_step(&r, &maps, t, &expected);
    }
    struct snn_target *target = NULL;
    require_ok(snn_target_open(&target, context, "sim"));
    require_ok(snn_target_load(target, context, &r.net));
    require_ok(snn_target_counts(target, context, 0, counts));
    const uint32_t chunks[] = {STEPS, 1, 2, 5, 12};
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        run(target, &r.net, &in.spikes, chunks[i], &found);
        assert_same(&r, &expected, &found, steps, seed);
        assert_counts(target, &maps, &r);
    }
    snn_target_close(&target);
    free_net(&r);
}

static void compare_on(const char *kernel, bool loud, uint64_t nets)
{
    const struct snn_context_options with_level = {.kernel_level = kernel};
    snn_context_destroy(&context);
    require_ok(snn_context_create(&context, &with_level));
    for (uint64_t seed = 1; seed <= nets; seed++)
        compare_net(seed, loud);
}

Test(chip, random_nets_follow_the_equations)
{
    compare_on(NULL, false, 60);
}

Test(chip, random_nets_follow_the_equations_in_plain_c)
{
    compare_on("scalar", false, 60);
}

Test(chip, loud_input_follows_the_equations)
{
    compare_on(NULL, true, 40);
}

/* ---- Memory ---- */

static int load_and_fork(struct snn_context *with)
{
    static struct random_net r;
    struct snn_target *target = NULL, *fork = NULL;
    state = 12345;
    make_net(&r);
    int status = snn_target_open(&target, with, "sim");
    if (status == SNN_OK) status = snn_target_load(target, with, &r.net);
    if (status == SNN_OK) status = snn_target_fork(&fork, with, target);
    snn_target_close(&fork);
    snn_target_close(&target);
    free_net(&r);
    return status;
}

Test(chip, each_failed_allocation_is_given_back, .init = support_begin, .fini = support_end)
{
    support_sweep(load_and_fork);
}
