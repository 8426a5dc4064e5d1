/* What neurons fire by when they are visited one event at a time: thresholds, lower clips, initial
 * potentials and biases, in floats or whole numbers.
 *
 * Where neurons are alike that is two numbers. Where they differ each has its own beside its
 * potential; the halo's stand for no neuron and are never read for one.
 */
#include <float.h>

#include "libsnn/base/error.h"
#include "sim/chip/plan.h"
#include "sim/event/routes.h"

/* A population's neurons or a readout's. */
struct source {
    const struct snnsim_population *population;
    const struct snnsim_differing *differing; /* NULL: alike, by the numbers below */
    float threshold, v_init, v_min;
};

/* Thresholds and clips beyond what potentials can reach mean none. */
static float within_16_bits(float value)
{
    if (value >= FLT_MAX) return INT16_MAX + 1.0f;
    return value <= -FLT_MAX ? INT16_MIN : value;
}

static int alike(struct snnsim_routes *routes, struct snn_context *context,
                 const struct source *source, struct snnsim_cells *out)
{
    const struct snnsim_population *p = source->population;
    float *v_init = snnbase_arena_alloc(&routes->arena, context, p->row_length, sizeof(*v_init));
    if (v_init == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < p->row_length; i++) /* padded lanes stay below any threshold */
        v_init[i] = i % p->lanes < p->population->shape.channels ? source->v_init : 0.0f;
    out->v_init = (struct snnsim_spread){v_init, 0};
    out->real.threshold = source->threshold;
    out->real.v_min = source->v_min;
    if (!routes->chip) return SNN_OK;
    int32_t threshold = 0, v_min = 0;
    int status = snnsim_chip_whole(context, "threshold", within_16_bits(source->threshold), 1,
                                   INT16_MAX + 1, &threshold);
    if (status == SNN_OK)
        status = snnsim_chip_whole(context, "lower clip", within_16_bits(source->v_min), INT16_MIN,
                                   0, &v_min);
    out->chip.below = (int16_t)(threshold - 1);
    out->chip.v_min = (int16_t)v_min;
    return status;
}

/* Rows of a spread where the potentials lie, `outside` in the halo. */
static float *lay_out(struct snnsim_routes *routes, struct snn_context *context,
                      const struct snnsim_population *p, const struct snnsim_spread *spread,
                      float outside)
{
    float *values = snnbase_arena_alloc(&routes->arena, context, p->current_size, sizeof(*values));
    if (values == NULL) return NULL;
    for (size_t i = 0; i < p->current_size; i++)
        values[i] = outside;
    for (size_t y = 0; y < p->population->shape.height; y++)
        for (size_t i = 0; i < p->row_length; i++)
            values[p->origin + y * p->pitch + i] = spread->values[y * spread->stride + i];
    return values;
}

static int differing(struct snnsim_routes *routes, struct snn_context *context,
                     const struct source *source, struct snnsim_cells *out)
{
    const struct snnsim_population *p = source->population;
    const size_t size = p->current_size;
    float *threshold = lay_out(routes, context, p, &source->differing->threshold, FLT_MAX);
    float *v_min = lay_out(routes, context, p, &source->differing->v_min, 0.0f);
    if (threshold == NULL || v_min == NULL) return SNN_ERR_NOMEM;
    out->v_init = source->differing->v_init;
    out->real.thresholds = threshold;
    out->real.v_mins = v_min;
    if (!routes->chip) return SNN_OK;
    int16_t *below = NULL, *clip = NULL;
    for (size_t i = 0; i < size; i++) {
        threshold[i] = within_16_bits(threshold[i]) - 1.0f;
        v_min[i] = within_16_bits(v_min[i]);
    }
    int status = snnsim_whole_numbers(routes, context, "threshold - 1", threshold, size, &below);
    if (status == SNN_OK)
        status = snnsim_whole_numbers(routes, context, "lower clip", v_min, size, &clip);
    out->chip.belows = below;
    out->chip.v_mins = clip;
    return status;
}

static int make(struct snnsim_routes *routes, struct snn_context *context,
                const struct source *source, struct snnsim_cells *out)
{
    int status = source->differing != NULL ? differing(routes, context, source, out)
                                           : alike(routes, context, source, out);
    if (status != SNN_OK || !routes->chip) return status;
    const size_t rows = out->v_init.stride > 0 ? source->population->population->shape.height : 1;
    int32_t unused = 0;
    for (size_t i = 0; status == SNN_OK && i < rows * source->population->row_length; i++)
        status = snnsim_chip_whole(context, "initial potential", out->v_init.values[i], INT16_MIN,
                                   INT16_MAX, &unused);
    return status;
}

static int make_bias(struct snnsim_routes *routes, struct snn_context *context, uint32_t index)
{
    const struct snnsim_population *p = &routes->plan->populations[index];
    const size_t rows = p->bias.stride > 0 ? p->population->shape.height : 1;
    int16_t *bias = NULL;
    if (!routes->chip) return SNN_OK;
    int status =
        snnsim_whole_numbers(routes, context, "bias", p->bias.values, rows * p->row_length, &bias);
    routes->chip_bias[index] = bias;
    return status;
}

int snnsim_cells_make(struct snnsim_routes *routes, struct snn_context *context)
{
    const struct snnsim_plan *plan = routes->plan;
    const struct snn_net *net = plan->net;
    struct snnbase_arena *arena = &routes->arena;
    const uint32_t last = net->population_count - 1;
    routes->populations =
        snnbase_arena_alloc(arena, context, net->population_count, sizeof(*routes->populations));
    routes->readouts =
        snnbase_arena_alloc(arena, context, net->readout_count, sizeof(*routes->readouts));
    routes->chip_bias =
        snnbase_arena_alloc(arena, context, net->population_count, sizeof(*routes->chip_bias));
    if (routes->populations == NULL || routes->readouts == NULL || routes->chip_bias == NULL)
        return SNN_ERR_NOMEM;
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i <= last; i++) {
        const struct snn_population *p = &net->populations[i];
        const struct source source = {&plan->populations[i], plan->populations[i].differing,
                                      p->threshold, p->v_init, p->v_min};
        status = make(routes, context, &source, &routes->populations[i]);
        if (status == SNN_OK) status = make_bias(routes, context, i);
        if (status != SNN_OK) return snnbase_where(context, "layer '%s'", p->name);
    }
    for (uint32_t r = 0; status == SNN_OK && r < net->readout_count; r++) {
        const struct snn_readout *of = &net->readouts[r];
        const struct source source = {&plan->populations[last], plan->readouts[r], of->threshold,
                                      of->v_init, of->v_min};
        status = make(routes, context, &source, &routes->readouts[r]);
    }
    return status;
}
