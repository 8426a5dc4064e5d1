/* Does the spiking net do what the CNN does? Frames run through a target, and each neuron's rate is
 * held against the activation it stands for.
 *
 * Of a layer only sums are kept, of all neurons and of those in each bin of activations, so that
 * any number of frames and neurons will do. How far the bins reach is known before the target runs:
 * the CNN goes over the frames first.
 */
#include <math.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "snn/convert.h"

#define NO_LAYER UINT32_MAX

/* Neurons of one bin. Spikes are whole numbers, whose sums are exact. */
struct bin {
    double n, activation, spikes, squares;
};

struct sums {
    double n, x, y, xx, yy, xy;
    double largest; /* activation, in spikes a step */
    struct bin bins[SNN_RATE_BINS_MAX];
};

struct bench {
    struct snn_context *context;
    struct snn_target *target;
    const struct snn_net *net;
    const struct snn_graph *graph;
    const struct snn_rate_options *options;
    struct snnbase_arena arena;
    struct snn_encoder *encoder;
    struct snn_evaluator *evaluator;
    float *intensity;
    uint32_t *counts;   /* of the largest population */
    struct sums *sums;  /* [populations] */
    uint32_t *layer_of; /* [populations] layer of the graph; NO_LAYER: none of as many values */
    struct snn_output output;
};

/* What sums of squares and products are about their means; false: x or y is constant. Rounding
 * leaves a little of what would be zero for constant values. */
static bool spread(const struct sums *s, double *xx, double *yy, double *xy)
{
    *xx = s->xx - s->x * s->x / s->n;
    *yy = s->yy - s->y * s->y / s->n;
    *xy = s->xy - s->x * s->y / s->n;
    return *xx > 1e-12 * s->xx && *yy > 1e-12 * s->yy;
}

static struct snn_rate_bin bin_of(const struct bin *bin, uint32_t steps)
{
    /* Of equal rates both products are the same number, and the difference is 0. */
    const double square = bin->n * bin->squares - bin->spikes * bin->spikes;
    return (struct snn_rate_bin){.count = (uint64_t)bin->n,
                                 .activation = bin->activation / bin->n,
                                 .rate = bin->spikes / (bin->n * steps),
                                 .rate_sd = square > 0.0 ? sqrt(square) / (bin->n * steps) : 0.0};
}

static struct snn_layer_rate rate_of(const struct sums *s, uint32_t steps)
{
    double xx, yy, xy;
    struct snn_layer_rate rate = {.pearson = (double)NAN, .slope = (double)NAN};
    if (s->n > 0.0 && spread(s, &xx, &yy, &xy)) {
        rate.pearson = xy / sqrt(xx * yy);
        rate.slope = xy / xx;
    }
    for (size_t i = 0; i < SNN_RATE_BINS_MAX; i++) {
        if (s->bins[i].n > 0.0) rate.bins[rate.bin_count++] = bin_of(&s->bins[i], steps);
    }
    return rate;
}

static double positive(float activation)
{
    return activation > 0.0f ? (double)activation : 0.0;
}

static void find_largest(struct sums *s, const struct snn_population *population,
                         const float *activation)
{
    size_t map = (size_t)population->shape.height * population->shape.width;
    for (uint32_t c = 0; c < population->shape.channels; c++) {
        for (size_t i = 0; i < map; i++) {
            double x = positive(*activation++) / (double)population->activation_scale[c];
            if (x > s->largest) s->largest = x;
        }
    }
}

/* `activation`: in spikes a step. */
static void add_to_bin(struct sums *s, double activation, double spikes)
{
    double share = s->largest > 0.0 ? activation / s->largest : 0.0;
    size_t index = (size_t)(share * SNN_RATE_BINS_MAX);
    struct bin *bin = &s->bins[index < SNN_RATE_BINS_MAX ? index : SNN_RATE_BINS_MAX - 1];
    bin->n += 1.0;
    bin->activation += activation;
    bin->spikes += spikes;
    bin->squares += spikes * spikes;
}

static void add_population(struct sums *s, const struct snn_population *population,
                           const uint32_t *counts, uint32_t steps, const float *activation)
{
    size_t map = (size_t)population->shape.height * population->shape.width;
    for (uint32_t c = 0; c < population->shape.channels; c++) {
        double unit = (double)population->activation_scale[c], scale = unit / steps;
        for (size_t i = 0; i < map; i++) {
            double x = positive(*activation);
            double y = *counts * scale;
            add_to_bin(s, x / unit, *counts);
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
    struct snn_target *target = b->target;
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

static void scan_frame(struct bench *b, uint64_t index)
{
    b->options->frame(index, b->intensity, b->options->user);
    snn_evaluator_run(b->evaluator, b->intensity);
    for (uint32_t i = 0; i < b->net->population_count; i++) {
        if (b->layer_of[i] == NO_LAYER) continue;
        find_largest(&b->sums[i], &b->net->populations[i],
                     snn_evaluator_values(b->evaluator, b->layer_of[i]));
    }
}

static int compare_frame(struct bench *b, uint64_t index)
{
    b->options->frame(index, b->intensity, b->options->user);
    snn_evaluator_run(b->evaluator, b->intensity);
    int status = run_frame(b, index);
    for (uint32_t i = 0; status == SNN_OK && i < b->net->population_count; i++) {
        if (b->layer_of[i] == NO_LAYER) continue;
        status = snn_target_counts(b->target, b->context, i, b->counts);
        if (status == SNN_OK)
            add_population(&b->sums[i], &b->net->populations[i], b->counts, b->options->timesteps,
                           snn_evaluator_values(b->evaluator, b->layer_of[i]));
    }
    return status;
}

static int allocate(struct bench *b)
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
        *blocks[i].to = snnbase_arena_alloc(&b->arena, b->context, blocks[i].count, blocks[i].size);
        if (*blocks[i].to == NULL) return SNN_ERR_NOMEM;
    }
    return SNN_OK;
}

/* A population without activation scale stands for nothing that a layer computes. */
static uint32_t find_layer(const struct bench *b, const struct snn_population *population)
{
    uint32_t layer = NO_LAYER;
    if (population->activation_scale == NULL ||
        snn_graph_find(b->graph, population->name, &layer) != SNN_OK)
        return NO_LAYER;
    const size_t values = snn_shape_size(snn_graph_layer(b->graph, layer)->shape);
    return values == snn_shape_size(population->shape) ? layer : NO_LAYER;
}

static int set_up(struct bench *b)
{
    const struct snn_encoder_options encoding = {.encoding = b->options->encoding,
                                                 .seed = b->options->seed,
                                                 .timesteps = b->options->timesteps};
    int status = allocate(b);
    if (status == SNN_OK)
        status = snn_encoder_create(&b->encoder, b->context, &encoding, b->net->input_shape);
    if (status == SNN_OK) status = snn_evaluator_create(&b->evaluator, b->context, b->graph);
    for (uint32_t i = 0; status == SNN_OK && i < b->net->population_count; i++)
        b->layer_of[i] = find_layer(b, &b->net->populations[i]);
    return status;
}

int snn_rates_measure(struct snn_layer_rate *out, struct snn_context *context,
                      struct snn_target *target, const struct snn_net *net,
                      const struct snn_graph *graph, const struct snn_rate_options *options)
{
    struct bench b = {
        .context = context, .target = target, .net = net, .graph = graph, .options = options};
    snnbase_arena_init(&b.arena, context);
    int status = set_up(&b);
    for (uint64_t i = 0; status == SNN_OK && i < options->count; i++)
        scan_frame(&b, options->first + i);
    for (uint64_t i = 0; status == SNN_OK && i < options->count; i++)
        status = compare_frame(&b, options->first + i);
    for (uint32_t i = 0; status == SNN_OK && i < net->population_count; i++)
        out[i] = rate_of(&b.sums[i], options->timesteps);
    snn_evaluator_destroy(&b.evaluator);
    snn_encoder_destroy(&b.encoder);
    snnbase_arena_fini(&b.arena);
    return status;
}
