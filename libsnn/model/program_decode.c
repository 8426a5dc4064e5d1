/* What a chip program computes, as a net: each core a population, each destination a synapse.
 *
 * Only the registers are read, never the net that the program was made from, so that running the
 * decoded net tests the program. Whole numbers stand in it as floats, as in every net in chip
 * arithmetic.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/model/net.h"
#include "libsnn/model/program.h"

struct decoder {
    struct snn_context *context;
    const struct snn_program *program;
    struct snnbase_arena *arena; /* of the net */
    struct snn_population *populations;
    uint32_t synapse_count; /* of the populations so far */
};

static void *get(const struct decoder *d, size_t count, size_t size)
{
    return snnbase_arena_alloc(d->arena, d->context, count, size);
}

/* ---- Synapses ---- */

/* Positions along one axis that spikes reach behind a pool. At the end of the map those of a pool
 * that is not whole count too, where the core's input map has room for them: hardware divides
 * addresses and drops what lies outside of the input map, no more. */
static uint32_t pooled(uint32_t size, uint32_t pooling, uint32_t input)
{
    const uint32_t whole_or_not = (size + pooling - 1) / pooling;
    return whole_or_not < input ? whole_or_not : input;
}

static uint32_t missing(uint32_t size, uint32_t pooling, uint32_t positions)
{
    return positions * pooling > size ? positions * pooling - size : 0;
}

static int decode_pool(struct decoder *d, struct snn_shape source, uint32_t pooling,
                       struct snn_synapse *out)
{
    if (pooling == 1) return SNN_OK;
    struct snn_window *pool = get(d, 1, sizeof(*pool));
    if (pool == NULL) return SNN_ERR_NOMEM;
    *pool = (struct snn_window){
        .kernel_h = pooling,
        .kernel_w = pooling,
        .stride_h = pooling,
        .stride_w = pooling,
        .pad_bottom = missing(source.height, pooling, out->source_shape.height),
        .pad_right = missing(source.width, pooling, out->source_shape.width),
        .dilation_h = 1,
        .dilation_w = 1,
    };
    out->pools = pool;
    out->pool_count = 1;
    return SNN_OK;
}

/* One neuron a feature, which every event reaches: then a window is of no use. */
static bool is_dense(const struct snn_core *core, struct snn_shape source)
{
    return core->output.height == 1 && core->output.width == 1 &&
           source.height - 1 + core->pad_y < core->kernel_size &&
           source.width - 1 + core->pad_x < core->kernel_size;
}

/* The part of the window that lies on the source's map. */
static void decode_dense(const struct snn_core *core, const struct snn_synapse *s,
                         uint32_t feature_shift, float *to)
{
    const size_t k = core->kernel_size;
    const struct snn_shape in = s->source_shape;
    for (size_t f = 0; f < core->output.channels; f++) {
        for (size_t c = 0; c < in.channels; c++) {
            const int8_t *from =
                core->weights + (f * core->input.channels + feature_shift + c) * k * k;
            for (size_t y = 0; y < in.height; y++)
                for (size_t x = 0; x < in.width; x++)
                    *to++ = from[(y + core->pad_y) * k + x + core->pad_x];
        }
    }
}

static void decode_conv2d(const struct snn_core *core, const struct snn_synapse *s,
                          uint32_t feature_shift, float *to)
{
    const size_t taps = (size_t)core->kernel_size * core->kernel_size;
    const size_t count = s->source_shape.channels * taps;
    for (size_t f = 0; f < core->output.channels; f++) {
        const int8_t *from = core->weights + (f * core->input.channels + feature_shift) * taps;
        for (size_t i = 0; i < count; i++)
            *to++ = from[i];
    }
}

/* A source whose map is smaller than the core's ends in padding where that goes on. */
static struct snn_window decode_window(const struct snn_core *core, struct snn_shape source)
{
    return (struct snn_window){
        .kernel_h = core->kernel_size,
        .kernel_w = core->kernel_size,
        .stride_h = core->stride_y,
        .stride_w = core->stride_x,
        .pad_top = core->pad_y,
        .pad_left = core->pad_x,
        .pad_bottom = core->pad_y + core->input.height - source.height,
        .pad_right = core->pad_x + core->input.width - source.width,
        .dilation_h = 1,
        .dilation_w = 1,
    };
}

static int decode_synapse(struct decoder *d, const struct snn_core *core, struct snn_shape source,
                          const struct snn_destination *destination, struct snn_synapse *out)
{
    const size_t features = core->output.channels;
    const struct snn_shape map = {source.channels,
                                  pooled(source.height, destination->pooling, core->input.height),
                                  pooled(source.width, destination->pooling, core->input.width)};
    const bool dense = is_dense(core, map);
    const size_t taps =
        dense ? (size_t)map.height * map.width : (size_t)core->kernel_size * core->kernel_size;
    out->source_shape = map;
    out->pool_scale = 1.0;
    out->kind = dense ? SNN_SYNAPSE_DENSE : SNN_SYNAPSE_CONV2D;
    out->groups = 1;
    out->weight_count = features * map.channels * taps;
    float *weights = get(d, out->weight_count, sizeof(*weights));
    if (weights == NULL) return SNN_ERR_NOMEM;
    out->weights = weights;
    if (dense) {
        decode_dense(core, out, destination->feature_shift, weights);
    } else {
        out->window = decode_window(core, map);
        decode_conv2d(core, out, destination->feature_shift, weights);
    }
    return decode_pool(d, source, destination->pooling, out);
}

/* A source's synapses onto a core, behind those of `*count` that are there; with `to` NULL they are
 * only counted. */
static int take_source(struct decoder *d, const struct snn_core *core, uint32_t source,
                       struct snn_synapse *to, uint32_t *count)
{
    const struct snn_program *p = d->program;
    const bool input = source == SNN_SOURCE_INPUT;
    const struct snn_destination *destinations =
        input ? p->input_destinations : p->cores[source].destinations;
    const struct snn_shape shape = input ? p->input_shape : p->cores[source].output;
    const uint32_t destination_count =
        input ? p->input_destination_count : p->cores[source].destination_count;
    for (uint32_t i = 0; i < destination_count; i++) {
        if (destinations[i].layer != core->index) continue;
        struct snn_synapse *out = to != NULL ? &to[*count] : NULL;
        ++*count;
        if (out == NULL) continue;
        out->source = source;
        int status = decode_synapse(d, core, shape, &destinations[i], out);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* Of the input first, then of the cores in their order: so a spike goes to its destinations in the
 * order in which its core has them. */
static int take_sources(struct decoder *d, uint32_t position, struct snn_synapse *to,
                        uint32_t *count_out)
{
    const struct snn_core *core = &d->program->cores[position];
    *count_out = 0;
    int status = take_source(d, core, SNN_SOURCE_INPUT, to, count_out);
    for (uint32_t i = 0; status == SNN_OK && i < position; i++)
        status = take_source(d, core, i, to, count_out);
    return status;
}

static int decode_synapses(struct decoder *d, uint32_t position, struct snn_population *out)
{
    uint32_t count = 0;
    (void)take_sources(d, position, NULL, &count);
    struct snn_synapse *synapses = get(d, count, sizeof(*synapses));
    if (synapses == NULL) return SNN_ERR_NOMEM;
    out->synapses = synapses;
    out->synapse_count = count;
    out->synapse_first = d->synapse_count;
    d->synapse_count += count;
    return take_sources(d, position, synapses, &count);
}

/* ---- Neurons ---- */

/* Parts are told apart by their features; those of the last layer by what the readout calls them.
 */
static int decode_name(struct decoder *d, uint32_t position, const char **out)
{
    const struct snn_program *p = d->program;
    const struct snn_core *core = &p->cores[position];
    const bool first = position == 0 || !snnmodel_program_same_layer(p, position - 1, position);
    const bool last =
        position + 1 == p->core_count || !snnmodel_program_same_layer(p, position, position + 1);
    const uint32_t spread = snnmodel_program_is_last(p, position) ? p->readout_spread : 1;
    if (first && last) {
        *out = snnbase_arena_string(d->arena, d->context, core->layer);
        return *out != NULL ? SNN_OK : SNN_ERR_NOMEM;
    }
    char range[32];
    const uint32_t from = core->feature_first / spread;
    (void)snprintf(range, sizeof(range), "[%u..%u]", from,
                   from + (core->output.channels - 1) / spread);
    const size_t size = strlen(core->layer) + strlen(range) + 1;
    char *name = get(d, size, 1);
    if (name == NULL) return SNN_ERR_NOMEM;
    (void)snprintf(name, size, "%s%s", core->layer, range);
    *out = name;
    return SNN_OK;
}

static int decode_bias(struct decoder *d, const struct snn_core *core, struct snn_population *out)
{
    if (core->bias == NULL) return SNN_OK;
    float *bias = get(d, core->output.channels, sizeof(*bias));
    if (bias == NULL) return SNN_ERR_NOMEM;
    for (uint32_t f = 0; f < core->output.channels; f++)
        bias[f] = core->bias[f];
    out->bias = bias;
    out->bias_count = core->output.channels;
    return SNN_OK;
}

/* Only initial potentials can differ from neuron to neuron. */
static int decode_neurons(struct decoder *d, const struct snn_core *core,
                          struct snn_population *out)
{
    out->threshold = core->threshold_high;
    out->v_min = core->threshold_low;
    out->v_init = core->v_init[0];
    out->reset = core->return_to_zero ? SNN_RESET_ZERO : SNN_RESET_SUBTRACT;
    out->spikes_max = SNN_SPIKES_PER_STEP_MAX;
    if (core->v_init_count == 1) return SNN_OK;
    struct snn_neurons *neurons = get(d, 1, sizeof(*neurons));
    float *values = get(d, core->v_init_count + 2, sizeof(*values));
    if (neurons == NULL || values == NULL) return SNN_ERR_NOMEM;
    values[0] = out->threshold;
    values[1] = out->v_min;
    for (size_t i = 0; i < core->v_init_count; i++)
        values[2 + i] = core->v_init[i];
    *neurons = (struct snn_neurons){out->reset,         &values[0], 1, &values[2],
                                    core->v_init_count, &values[1], 1};
    out->neurons = neurons;
    return SNN_OK;
}

/* What the registers tell of how the layer became whole numbers: not what it had been. */
static int decode_scale(struct decoder *d, const struct snn_core *core, struct snn_population *out)
{
    struct snn_quantised *quantised = get(d, 1, sizeof(*quantised));
    float *scale = get(d, core->output.channels, sizeof(*scale));
    if (quantised == NULL || scale == NULL) return SNN_ERR_NOMEM;
    int most = 0;
    const size_t count = core->output.channels * snnmodel_program_taps(core);
    for (size_t i = 0; i < count; i++)
        most = abs(core->weights[i]) > most ? abs(core->weights[i]) : most;
    for (uint32_t f = 0; f < core->output.channels; f++)
        scale[f] = 1.0f;
    quantised->scale = core->scale;
    quantised->bits = log2(2.0 * most + 1.0);
    quantised->threshold = (uint32_t)core->threshold_high;
    out->quantised = quantised;
    out->activation_scale = scale;
    return SNN_OK;
}

/* Of the layer, without the features that spread it. */
static uint64_t count_macs(const struct decoder *d, uint32_t position)
{
    const struct snn_core *core = &d->program->cores[position];
    const uint64_t spread =
        snnmodel_program_is_last(d->program, position) ? d->program->readout_spread : 1;
    return ((core->output.channels - 1) / spread + 1) * core->output.height * core->output.width *
           snnmodel_program_taps(core);
}

static int decode_core(struct decoder *d, uint32_t position)
{
    const struct snn_core *core = &d->program->cores[position];
    struct snn_population *out = &d->populations[position];
    out->shape = core->output;
    out->core = core->index;
    out->continues =
        position > 0 && snnmodel_program_same_layer(d->program, position - 1, position);
    out->macs = count_macs(d, position);
    int status = decode_name(d, position, &out->name);
    if (status == SNN_OK) status = decode_synapses(d, position, out);
    if (status == SNN_OK) status = decode_bias(d, core, out);
    if (status == SNN_OK) status = decode_neurons(d, core, out);
    return status == SNN_OK ? decode_scale(d, core, out) : status;
}

/* ---- The net ---- */

static int decode_readout(struct decoder *d, struct snn_net *net)
{
    const struct snn_population *last = &net->populations[net->population_count - 1];
    struct snn_readout *readout = get(d, 1, sizeof(*readout));
    if (readout == NULL) return SNN_ERR_NOMEM;
    *readout = (struct snn_readout){1.0f,        last->threshold, last->v_init,
                                    last->v_min, last->neurons,   last->spikes_max};
    net->readouts = readout;
    net->readout_count = 1;
    return SNN_OK;
}

static int decode(struct decoder *d, struct snn_net *net)
{
    const struct snn_program *p = d->program;
    int status = SNN_OK;
    d->populations = get(d, p->core_count, sizeof(*d->populations));
    net->name = snnbase_arena_string(d->arena, d->context, p->name);
    if (d->populations == NULL || net->name == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; status == SNN_OK && i < p->core_count; i++) {
        status = decode_core(d, i);
        net->neuron_count += snn_shape_size(d->populations[i].shape);
    }
    if (status != SNN_OK) return status;
    net->input_shape = p->input_shape;
    net->populations = d->populations;
    net->population_count = p->core_count;
    net->synapse_count = d->synapse_count;
    net->class_count = p->class_count;
    net->arith = SNN_ARITH_CHIP;
    return decode_readout(d, net);
}

int snn_program_decode(struct snn_net **out, struct snn_context *context,
                       const struct snn_program *program)
{
    struct snnmodel_net *owner = NULL;
    int status = snnmodel_net_create(&owner, context);
    if (status != SNN_OK) return status;
    struct decoder decoder = {.context = context, .program = program, .arena = &owner->arena};
    struct snn_net *net = &owner->net;
    status = decode(&decoder, net);
    if (status != SNN_OK)
        snn_net_destroy(&net);
    else
        *out = net;
    return status;
}
