/* What neurons have of their own: thresholds, clips, initial potentials and biases, by tiles.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "sim/chip/plan.h"

#define LANES SNNSIM_CHIP_LANES
#define BIAS_MAX (1 << 24) /* whole numbers up to here are exact as float32 */

int snnsim_chip_whole(struct snn_context *context, const char *what, float value, int32_t low,
                      int32_t high, int32_t *out)
{
    if (value >= (float)low && value <= (float)high && value == truncf(value)) {
        *out = (int32_t)value;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_INVALID, "%s %.9g is no whole number from %d to %d", what,
                 (double)value, low, high);
    return snnbase_hint(context,
                        "nets in chip arithmetic are made by lowering with that arithmetic");
}

/* Neurons of a population or a readout. */
struct source {
    const struct snn_neurons *neurons;
    float threshold, v_init, v_min;
    uint32_t spikes_max;
};

struct values {
    int32_t threshold, v_init, v_min;
    uint16_t spikes_max;
};

static int take(struct snn_context *context, const struct source *source, size_t count,
                size_t index, struct values *out)
{
    const struct snn_neurons *n = source->neurons;
    float threshold = source->threshold, v_init = source->v_init, v_min = source->v_min;
    if (n != NULL) {
        threshold = snn_neurons_at(n->threshold, n->threshold_count, count, index);
        v_init = snn_neurons_at(n->v_init, n->v_init_count, count, index);
        v_min = snn_neurons_at(n->v_min, n->v_min_count, count, index);
    }
    const bool never = threshold >= FLT_MAX;
    if (never) threshold = INT16_MAX;
    if (v_min <= -FLT_MAX) v_min = INT16_MIN;
    out->spikes_max = (uint16_t)(source->spikes_max < INT16_MAX ? source->spikes_max : INT16_MAX);
    if (never) out->spikes_max = 0;
    int status = snnsim_chip_whole(context, "threshold", threshold, 1, INT16_MAX, &out->threshold);
    if (status == SNN_OK)
        status = snnsim_chip_whole(context, "initial potential", v_init, INT16_MIN, INT16_MAX,
                                   &out->v_init);
    if (status == SNN_OK)
        status = snnsim_chip_whole(context, "lower clip", v_min, INT16_MIN, 0, &out->v_min);
    return status;
}

static void set_lane(struct snnsim_chip_neurons *neurons, uint32_t lane,
                     const struct values *values)
{
    neurons->threshold[lane] = (int16_t)values->threshold;
    neurons->v_min[lane] = (int16_t)values->v_min;
    neurons->spikes_max[lane] = values->spikes_max;
}

/* Lanes without a neuron receive nothing and integrate only. */
static void set_idle(struct snnsim_chip_neurons *neurons, size_t count)
{
    const struct values idle = {.threshold = INT16_MAX};
    for (size_t i = 0; i < count * LANES; i++)
        set_lane(&neurons[i / LANES], i % LANES, &idle);
}

/* Where neurons differ: a block of thresholds a group or a tile, filled neuron by neuron. */
static int fill(struct snn_context *context, const struct snnsim_chip_grid *grid,
                const struct source *source, struct snnsim_chip_limits *out)
{
    const struct snn_shape shape = grid->shape;
    const size_t map = (size_t)shape.height * shape.width, count = snn_shape_size(shape);
    for (size_t i = 0; i < count; i++) {
        struct values values;
        int status = take(context, source, count, i, &values);
        if (status != SNN_OK) return status;
        const size_t at =
            snnsim_chip_grid_lane(grid, (uint32_t)(i / map), (uint32_t)(i % map / shape.width),
                                  (uint32_t)(i % shape.width));
        const size_t tile = at / LANES;
        const size_t block = tile * out->per_tile + tile % grid->groups * out->per_group;
        out->v_init[at] = (int16_t)values.v_init;
        if (values.v_init >= values.threshold || values.v_init < values.v_min) out->rests[tile] = 0;
        out->settles &= values.spikes_max == INT16_MAX;
        set_lane(&out->neurons[block], at % LANES, &values);
    }
    return SNN_OK;
}

static int make(struct snnsim_chip_plan *plan, struct snn_context *context,
                const struct snnsim_chip_grid *grid, const struct source *source,
                struct snnsim_chip_limits *out)
{
    const struct snn_neurons *n = source->neurons;
    const size_t channels = grid->shape.channels;
    if (n != NULL) out->per_tile = n->threshold_count > channels || n->v_min_count > channels;
    out->per_group = n != NULL && out->per_tile == 0;
    const size_t blocks = out->per_tile ? grid->tiles : out->per_group ? grid->groups : 1;
    out->neurons = snnbase_arena_alloc(&plan->arena, context, blocks, sizeof(*out->neurons));
    out->v_init = snnbase_arena_alloc(&plan->arena, context, grid->tiles, LANES * sizeof(int16_t));
    out->rests = snnbase_arena_alloc(&plan->arena, context, grid->tiles, 1);
    if (out->neurons == NULL || out->v_init == NULL || out->rests == NULL) return SNN_ERR_NOMEM;
    memset(out->rests, 1, grid->tiles);
    out->settles = true;
    set_idle(out->neurons, blocks);
    int status = fill(context, grid, source, out);
    /* One block for all tiles, of which the first may have fewer neurons than others. */
    for (uint32_t lane = 1; status == SNN_OK && n == NULL && lane < LANES; lane++) {
        struct values values;
        status = take(context, source, 1, 0, &values);
        set_lane(out->neurons, lane, &values);
    }
    for (size_t i = 0; status == SNN_OK && i < blocks; i++)
        snnsim_chip_divisors(&out->neurons[i]);
    return status;
}

int snnsim_chip_limits_make(struct snnsim_chip_plan *plan, struct snn_context *context)
{
    const struct snn_net *net = plan->net;
    const uint32_t last = net->population_count - 1;
    plan->limits = snnbase_arena_alloc(&plan->arena, context, (size_t)last + net->readout_count,
                                       sizeof(*plan->limits));
    int status = plan->limits != NULL ? SNN_OK : SNN_ERR_NOMEM;
    for (uint32_t i = 0; status == SNN_OK && i <= last; i++) {
        const struct snn_population *p = &net->populations[i];
        const struct source source = {p->neurons, p->threshold, p->v_init, p->v_min, p->spikes_max};
        status = make(plan, context, &plan->populations[i].grid, &source, &plan->limits[i]);
        if (status != SNN_OK) snnbase_where(context, "layer '%s'", p->name);
    }
    for (uint32_t r = 1; status == SNN_OK && r < net->readout_count; r++) {
        const struct snn_readout *o = &net->readouts[r];
        const struct source source = {o->neurons, o->threshold, o->v_init, o->v_min, o->spikes_max};
        status =
            make(plan, context, &plan->populations[last].grid, &source, &plan->limits[last + r]);
        if (status != SNN_OK) snnbase_where(context, "readout %u", r);
    }
    return status;
}

int snnsim_chip_bias_make(struct snnsim_chip_plan *plan, struct snn_context *context,
                          struct snnsim_chip_population *p)
{
    const struct snn_population *population = p->population;
    const struct snn_shape shape = population->shape;
    const size_t map = (size_t)shape.height * shape.width;
    p->bias_each = population->bias_count > shape.channels;
    const size_t blocks = p->bias_each ? p->grid.tiles : p->grid.groups;
    p->bias = snnbase_arena_alloc(&plan->arena, context, blocks, LANES * sizeof(*p->bias));
    p->wide_bias = snnbase_arena_alloc(&plan->arena, context, blocks, LANES * sizeof(int32_t));
    if (p->bias == NULL || p->wide_bias == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; population->bias_count > 0 && i < snn_shape_size(shape); i++) {
        const size_t at =
            snnsim_chip_grid_lane(&p->grid, (uint32_t)(i / map), (uint32_t)(i % map / shape.width),
                                  (uint32_t)(i % shape.width));
        const size_t tile = at / LANES;
        const size_t to = (p->bias_each ? tile : tile % p->grid.groups) * LANES + at % LANES;
        int32_t *bias = &p->wide_bias[to];
        const float value =
            snn_neurons_at(population->bias, population->bias_count, snn_shape_size(shape), i);
        int status = snnsim_chip_whole(context, "bias", value, -BIAS_MAX, BIAS_MAX, bias);
        if (status != SNN_OK) return status;
        p->bias[to] = (int16_t)*bias;
        const uint32_t magnitude = (uint32_t)(*bias < 0 ? -*bias : *bias);
        if (magnitude > p->bias_reach) p->bias_reach = magnitude;
    }
    return SNN_OK;
}
