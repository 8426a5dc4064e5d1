/* The second half of a verification: does the spiking net do what the CNN does? The graph is
 * lowered, run for some steps on the target that the caller handed over, and each neuron's rate is
 * held against the activation it stands for.
 *
 * Of a layer only six sums are kept, so that any number of frames and neurons will do.
 */
#include <math.h>
#include <string.h>

#include "convert/verify.h"
#include "libsnn/base/error.h"
#include "snn/run.h"

struct sums {
    double n, x, y, xx, yy, xy;
};

struct bench {
    struct snn_context *context;
    const struct snn_graph *graph;
    const struct snn_verify_options *options;
    struct snn_net *net;
    struct snn_encoder *encoder;
    struct snn_evaluator *evaluator;
    float *intensity;
    uint32_t *counts;   /* of the largest population */
    struct sums *sums;  /* [populations] */
    uint32_t *layer_of; /* [populations] layer of the graph */
    struct snn_output output;
};

static double pearson(const struct sums *s)
{
    double xx = s->xx - s->x * s->x / s->n, yy = s->yy - s->y * s->y / s->n;
    double xy = s->xy - s->x * s->y / s->n;
    /* Rounding leaves a little of what would be zero for constant values. */
    if (!(xx > 1e-12 * s->xx) || !(yy > 1e-12 * s->yy)) return NAN;
    return xy / sqrt(xx * yy);
}

static void add_population(struct sums *s, const struct snn_population *population,
                           const uint32_t *counts, uint32_t steps, const float *activation)
{
    size_t map = (size_t)population->shape.height * population->shape.width;
    for (uint32_t c = 0; c < population->shape.channels; c++) {
        double scale = (double)population->activation_scale[c] / steps;
        for (size_t i = 0; i < map; i++) {
            double x = *activation > 0.0f ? (double)*activation : 0.0;
            double y = *counts * scale;
            s->n += 1.0;
            s->x += x;
            s->y += y;
            s->xx += x * x;
            s->yy += y * y;
            s->xy += x * y;
            activation++;
            counts++;
        }
    }
}

/* Steps of one frame through the target, in chunks as large as it takes. */
static int run_frame(struct bench *b, uint64_t index)
{
    struct snn_target *target = b->options->target;
    int status = snn_encoder_begin(b->encoder, b->context, index, b->intensity);
    if (status == SNN_OK) status = snn_target_reset(target, b->context);
    /* Whoever asks before the first step is counted for. */
    if (status == SNN_OK) status = snn_target_counts(target, b->context, 0, b->counts);
    for (uint32_t left = b->options->timesteps; status == SNN_OK && left > 0;) {
        uint32_t count = left < SNN_TARGET_STEPS_MAX ? left : SNN_TARGET_STEPS_MAX;
        struct snn_spikes spikes;
        status = snn_encoder_next(b->encoder, b->context, count, &spikes);
        if (status == SNN_OK) status = snn_target_push(target, b->context, &spikes);
        if (status == SNN_OK) status = snn_target_advance(target, b->context, count);
        if (status == SNN_OK) status = snn_target_pull(target, b->context, &b->output);
        left -= count;
    }
    return status;
}

static int compare_frame(struct bench *b, uint64_t index)
{
    snnconv_verify_frame(b->options, snn_graph_input_shape(b->graph), index, b->intensity);
    snn_evaluator_run(b->evaluator, b->intensity);
    int status = run_frame(b, index);
    for (uint32_t i = 0; status == SNN_OK && i < b->net->population_count; i++) {
        status = snn_target_counts(b->options->target, b->context, i, b->counts);
        if (status == SNN_OK)
            add_population(&b->sums[i], &b->net->populations[i], b->counts, b->options->timesteps,
                           snn_evaluator_values(b->evaluator, b->layer_of[i]));
    }
    return status;
}

/* Everything from one arena: the bench lives as long as the verification's arena does. */
static int allocate(struct bench *b, struct snnbase_arena *arena)
{
    const struct snn_net *net = b->net;
    size_t steps = SNN_TARGET_STEPS_MAX, largest = 1;
    size_t classes = (size_t)net->class_count * net->readout_count;
    for (uint32_t i = 0; i < net->population_count; i++) {
        size_t size = snn_shape_size(net->populations[i].shape);
        if (size > largest) largest = size;
    }
    size_t populations = net->population_count, synapses = net->synapse_count;
    const struct {
        void **to;
        size_t count, size;
    } blocks[] = {
        {(void **)&b->intensity, snn_shape_size(net->input_shape), sizeof(float)},
        {(void **)&b->counts, largest, sizeof(uint32_t)},
        {(void **)&b->sums, populations, sizeof(*b->sums)},
        {(void **)&b->layer_of, populations, sizeof(*b->layer_of)},
        {(void **)&b->output.spikes, steps * classes, sizeof(uint32_t)},
        {(void **)&b->output.potential, steps * classes, sizeof(float)},
        {(void **)&b->output.population_spikes, steps * populations, sizeof(uint64_t)},
        {(void **)&b->output.synapse_spikes, steps * synapses, sizeof(uint64_t)},
        {(void **)&b->output.synapse_operations, steps * synapses, sizeof(uint64_t)},
        {(void **)&b->output.synapse_macs, steps * synapses, sizeof(uint64_t)},
        {(void **)&b->output.input_spikes, steps, sizeof(uint64_t)},
    };
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        *blocks[i].to = snnbase_arena_alloc(arena, b->context, blocks[i].count, blocks[i].size);
        if (*blocks[i].to == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

static int set_up(struct bench *b, struct snnbase_arena *arena)
{
    const struct snn_encoder_options encoding = {.encoding = SNN_ENCODING_CURRENT,
                                                 .timesteps = b->options->timesteps};
    struct snn_context *context = b->context;
    int status = snn_net_lower(&b->net, context, b->graph, b->options->lower);
    if (status == SNN_OK) status = allocate(b, arena);
    if (status == SNN_OK)
        status = snn_encoder_create(&b->encoder, context, &encoding, b->net->input_shape);
    if (status == SNN_OK) status = snn_evaluator_create(&b->evaluator, context, b->graph);
    if (status == SNN_OK) status = snn_target_load(b->options->target, context, b->net);
    for (uint32_t i = 0; status == SNN_OK && i < b->net->population_count; i++)
        status = snn_graph_find(b->graph, b->net->populations[i].name, &b->layer_of[i]);
    return status;
}

int snnconv_verify_rates(struct snnconv_verification *verification, struct snn_context *context,
                         const struct snn_graph *graph, const struct snn_verify_options *options)
{
    struct bench b = {.context = context, .graph = graph, .options = options};
    int status = set_up(&b, &verification->arena);
    for (uint64_t i = 0; status == SNN_OK && i < verification->result.frame_count; i++)
        status = compare_frame(&b, i);
    for (uint32_t i = 0; status == SNN_OK && i < b.net->population_count; i++)
        verification->layers[b.layer_of[i]].pearson = pearson(&b.sums[i]);
    snn_evaluator_destroy(&b.evaluator);
    snn_encoder_destroy(&b.encoder);
    /* The target still points to the net, but every function begins with a load. */
    snn_net_destroy(&b.net);
    return status;
}
