/* However the steps of a sample are cut into chunks, the bits are the same: a push of one step goes
 * event by event, a push of many goes tile by tile where inputs are dense.
 *
 * Nets are random within a shape that has everything: strides, dilations, pads, pools, groups,
 * residual branches, neurons that differ, several readouts. The reference is the same net pushed
 * step by step with the scalar kernels.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <string.h>

#include "snn/net.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "snn/target.h"

enum {
    STEPS = 45,
    INPUT_MAX = 5 * 12 * 12,
    CLASSES_MAX = 40,
    READOUTS = 2,
    POPULATIONS = 3,
    SYNAPSES = 4,
    WEIGHTS_MAX = 60000,
    NETS = 60
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* No two sums of these come out alike in another order. */
static float draw_weight(void)
{
    return ((float)draw(200001) - 95000.0f) / 400000.0f;
}

/* A net and all it points to. */
struct model {
    struct snn_net net;
    struct snn_population populations[POPULATIONS];
    struct snn_synapse synapses[SYNAPSES];
    struct snn_window pool;
    struct snn_readout readouts[READOUTS];
    struct snn_neurons neurons;
    float weights[SYNAPSES][WEIGHTS_MAX];
    float bias[CLASSES_MAX];
    float threshold[CLASSES_MAX];
};

struct trace {
    uint32_t spikes[STEPS * READOUTS * CLASSES_MAX];
    float potential[STEPS * READOUTS * CLASSES_MAX];
    uint64_t population[STEPS * POPULATIONS];
    uint64_t arrived[STEPS * SYNAPSES], operations[STEPS * SYNAPSES], macs[STEPS * SYNAPSES];
    uint64_t input[STEPS];
    uint32_t counts[POPULATIONS][CLASSES_MAX * 16 * 16];
};

static struct model model;
static struct trace reference, other;
static uint32_t step_begin[STEPS + 1], address[STEPS * INPUT_MAX];
static float count[STEPS * INPUT_MAX];

static void fill(struct snn_synapse *s, uint32_t index, size_t weight_count)
{
    cr_assert(weight_count <= WEIGHTS_MAX);
    for (size_t i = 0; i < weight_count; i++)
        model.weights[index][i] = draw_weight();
    s->weights = model.weights[index];
    s->weight_count = weight_count;
}

static struct snn_window square(uint32_t kernel, uint32_t stride, uint32_t pad, uint32_t dilation)
{
    return (struct snn_window){.kernel_h = kernel,
                               .kernel_w = kernel,
                               .stride_h = stride,
                               .stride_w = stride,
                               .pad_top = pad,
                               .pad_left = pad,
                               .pad_bottom = pad,
                               .pad_right = pad,
                               .dilation_h = dilation,
                               .dilation_w = dilation};
}

static uint32_t outputs(uint32_t size, const struct snn_window *w)
{
    return (size + 2 * w->pad_top - (w->kernel_h - 1) * w->dilation_h - 1) / w->stride_h + 1;
}

/* input -> conv -> conv + the same, one to one -> (pool) -> dense */
static void make_net(void)
{
    memset(&model, 0, sizeof(model));
    struct snn_synapse *s = model.synapses;
    struct snn_population *p = model.populations;
    const struct snn_shape in = {1 + draw(5), 7 + draw(6), 7 + draw(6)};
    const uint32_t groups = draw(4) == 0 ? 2 : 1;
    const struct snn_shape map = {groups * (1 + draw(20)), 0, 0};
    s[0] = (struct snn_synapse){.source = SNN_SOURCE_INPUT,
                                .source_shape = in,
                                .kind = SNN_SYNAPSE_CONV2D,
                                .window = square(1 + draw(4), 1 + draw(2), draw(3), 1 + draw(2)),
                                .groups = 1};
    p[0].shape = (struct snn_shape){map.channels, outputs(in.height, &s[0].window),
                                    outputs(in.width, &s[0].window)};
    fill(&s[0], 0,
         (size_t)map.channels * in.channels * s[0].window.kernel_h * s[0].window.kernel_w);
    const uint32_t dilation = 1 + draw(2);
    s[1] = (struct snn_synapse){.source = 0,
                                .source_shape = p[0].shape,
                                .kind = SNN_SYNAPSE_CONV2D,
                                .window = square(3, 1, dilation, dilation),
                                .groups = groups};
    fill(&s[1], 1, (size_t)map.channels * map.channels / groups * 9);
    s[2] = (struct snn_synapse){
        .source = 0, .source_shape = p[0].shape, .kind = SNN_SYNAPSE_ONE_TO_ONE, .groups = 1};
    fill(&s[2], 2, map.channels);
    p[1].shape = p[0].shape;
    s[3] = (struct snn_synapse){
        .source = 1, .source_shape = p[1].shape, .kind = SNN_SYNAPSE_DENSE, .groups = 1};
    if (p[1].shape.height > 1 && p[1].shape.width > 1 && draw(2) > 0) {
        model.pool = square(2, 1 + draw(2), 0, 1);
        s[3].pools = &model.pool;
        s[3].pool_count = 1;
        s[3].source_shape.height = outputs(p[1].shape.height, &model.pool);
        s[3].source_shape.width = outputs(p[1].shape.width, &model.pool);
    }
    p[2].shape = (struct snn_shape){1 + draw(CLASSES_MAX), 1, 1};
    const size_t inputs = snn_shape_size(s[3].source_shape);
    if (inputs * p[2].shape.channels > WEIGHTS_MAX)
        p[2].shape.channels = (uint32_t)(WEIGHTS_MAX / inputs);
    fill(&s[3], 3, inputs * p[2].shape.channels);
}

static void make_neurons(void)
{
    static const uint32_t first[] = {0, 1, 3}, synapse_count[] = {1, 2, 1};
    for (uint32_t i = 0; i < CLASSES_MAX; i++) {
        model.bias[i] = draw_weight() * 0.3f;
        model.threshold[i] = 0.4f + 0.01f * (float)draw(100);
    }
    model.neurons = (struct snn_neurons){.threshold = model.threshold,
                                         .threshold_count = model.populations[1].shape.channels,
                                         .v_init = model.bias,
                                         .v_init_count = model.populations[1].shape.channels,
                                         .v_min = (const float[]){-1.5f},
                                         .v_min_count = 1};
    for (uint32_t i = 0; i < POPULATIONS; i++) {
        struct snn_population *p = &model.populations[i];
        p->name = "p";
        p->synapses = model.synapses + first[i];
        p->synapse_first = first[i];
        p->synapse_count = synapse_count[i];
        p->threshold = draw(2) > 0 ? 1.0f : 0.7f;
        p->v_init = 0.5f;
        p->v_min = draw(3) == 0 ? -FLT_MAX : -1.0f;
        p->spikes_max = draw(3) == 0 ? 1 : SNN_SPIKES_PER_STEP_MAX;
        p->reset = draw(3) == 0 ? SNN_RESET_ZERO : SNN_RESET_SUBTRACT;
        if (draw(2) > 0) {
            p->bias = model.bias;
            p->bias_count = p->shape.channels;
        }
        model.net.neuron_count += snn_shape_size(p->shape);
    }
}

static void make_model(void)
{
    make_net();
    static float v_min = -1.5f;
    make_neurons();
    model.neurons.v_min = &v_min;
    if (draw(2) > 0) model.populations[1].neurons = &model.neurons;
    const struct snn_population *last = &model.populations[2];
    for (uint32_t r = 0; r < READOUTS; r++)
        model.readouts[r] = (struct snn_readout){.gain = 1.0f + (float)r,
                                                 .threshold = last->threshold * (1.0f + (float)r),
                                                 .v_init = last->v_init,
                                                 .v_min = last->v_min,
                                                 .spikes_max = last->spikes_max};
    model.net.name = "chunks";
    model.net.input_shape = model.synapses[0].source_shape;
    model.net.populations = model.populations;
    model.net.population_count = POPULATIONS;
    model.net.synapse_count = SYNAPSES;
    model.net.class_count = last->shape.channels;
    model.net.readouts = model.readouts;
    model.net.readout_count = READOUTS;
}

/* Spikes of every input with the same probability, some of them several. */
static void make_input(uint32_t percent)
{
    const uint32_t inputs = (uint32_t)snn_shape_size(model.net.input_shape);
    uint32_t n = 0;
    for (uint32_t t = 0; t < STEPS; t++) {
        step_begin[t] = n;
        for (uint32_t i = 0; i < inputs; i++) {
            if (draw(100) >= percent) continue;
            count[n] = (float)(1 + draw(9) / 7);
            address[n++] = i;
        }
    }
    step_begin[STEPS] = n;
}

/* Runs the sample in pushes of `push` steps. */
static void run(struct trace *out, const char *kernel, uint32_t push)
{
    const struct snn_context_options options = {.kernel_level = kernel};
    struct snn_context *context = NULL;
    struct snn_target *target = NULL;
    memset(out, 0, sizeof(*out));
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    cr_assert_eq(snn_target_open(&target, context, "sim"), SNN_OK);
    cr_assert_eq(snn_target_load(target, context, &model.net), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert_eq(snn_target_reset(target, context), SNN_OK);
    for (uint32_t i = 0; i < POPULATIONS; i++)
        cr_assert_eq(snn_target_counts(target, context, i, out->counts[i]), SNN_OK);
    for (uint32_t t = 0; t < STEPS; t += push) {
        const uint32_t steps = STEPS - t < push ? STEPS - t : push;
        const struct snn_spikes in = {
            .step_count = steps, .step_begin = step_begin + t, .address = address, .count = count};
        const size_t row = (size_t)t * READOUTS * model.net.class_count;
        struct snn_output rows = {.spikes = out->spikes + row,
                                  .potential = out->potential + row,
                                  .population_spikes = out->population + t * POPULATIONS,
                                  .synapse_spikes = out->arrived + t * SYNAPSES,
                                  .synapse_operations = out->operations + t * SYNAPSES,
                                  .synapse_macs = out->macs + t * SYNAPSES,
                                  .input_spikes = out->input + t};
        cr_assert_eq(snn_target_push(target, context, &in), SNN_OK, "%s",
                     snn_context_message(context));
        cr_assert_eq(snn_target_advance(target, context, steps), SNN_OK);
        cr_assert_eq(snn_target_pull(target, context, &rows), SNN_OK);
    }
    for (uint32_t i = 0; i < POPULATIONS; i++)
        cr_assert_eq(snn_target_counts(target, context, i, out->counts[i]), SNN_OK);
    snn_target_close(&target);
    snn_context_destroy(&context);
}

static void assert_same(uint32_t seed, uint32_t percent, uint32_t push)
{
    cr_assert_eq(memcmp(other.spikes, reference.spikes, sizeof(reference.spikes)), 0,
                 "spikes of net %u at %u %%, %u steps a push", seed, percent, push);
    cr_assert_eq(memcmp(&other, &reference, sizeof(reference)), 0,
                 "net %u at %u %%, %u steps a push", seed, percent, push);
}

static void compare_at(uint32_t percent)
{
    static const uint32_t pushes[] = {32, 8, 11, 3};
    uint64_t spiked = 0;
    for (uint32_t seed = 0; seed < NETS; seed++) {
        state = seed * 2654435761u + percent;
        make_model();
        make_input(percent);
        run(&reference, "scalar", 1);
        for (size_t i = 0; i < sizeof(pushes) / sizeof(pushes[0]); i++) {
            run(&other, i % 2 == 0 ? NULL : "scalar", pushes[i]);
            assert_same(seed, percent, pushes[i]);
        }
        for (uint32_t t = 0; t < STEPS; t++)
            spiked += reference.population[t * POPULATIONS + 1] > 0;
    }
    cr_assert_gt(spiked, NETS * STEPS / 4, "the nets are too silent to show anything");
}

Test(chunks, change_no_bit_of_sparse_nets)
{
    compare_at(6);
}

Test(chunks, change_no_bit_of_nets_of_medium_density)
{
    compare_at(35);
}

Test(chunks, change_no_bit_of_dense_nets)
{
    compare_at(90);
}
