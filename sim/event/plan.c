/* Laying out populations: halos, biases, and which synapse counts whose spikes.
 */
#include "sim/event/plan.h"

#include <string.h>

#include "libsnn/base/cpu.h"
#include "libsnn/base/error.h"

#define CURRENT_SIZE_MAX ((size_t)1 << 31) /* floats: offsets are 32 bits wide */

/* Values of neurons as a net has them. */
struct list {
    const float *values;
    size_t count;
    float padding;
};

static uint32_t beyond(int64_t distance)
{
    return distance > 0 ? (uint32_t)distance : 0;
}

static void widen_halo(struct snnsim_population *p, const struct snnsim_reach *reach)
{
    struct snn_shape shape = p->population->shape;
    uint32_t top = beyond(-reach->row_first), left = beyond(-reach->column_first);
    uint32_t bottom = beyond(reach->row_last + 1 - shape.height);
    uint32_t right = beyond(reach->column_last + 1 - shape.width);
    if (top > p->halo_top) p->halo_top = top;
    if (left > p->halo_left) p->halo_left = left;
    if (bottom > p->halo_bottom) p->halo_bottom = bottom;
    if (right > p->halo_right) p->halo_right = right;
}

static int lay_out(struct snn_context *context, struct snnsim_population *p)
{
    struct snn_shape shape = p->population->shape;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        struct snnsim_reach reach;
        int status = snnsim_synapse_reach(context, &p->population->synapses[s], &reach);
        if (status != SNN_OK) return status;
        widen_halo(p, &reach);
    }
    p->lanes = snnsim_lanes(shape.channels);
    p->row_length = (size_t)shape.width * p->lanes;
    p->pitch = ((size_t)p->halo_left + shape.width + p->halo_right) * p->lanes;
    size_t rows = (size_t)p->halo_top + shape.height + p->halo_bottom;
    if (p->pitch > CURRENT_SIZE_MAX / rows)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "layer '%s': its currents take %zu rows of %zu values, above the "
                            "limit of %zu",
                            p->population->name, rows, p->pitch, CURRENT_SIZE_MAX);
    p->current_size = rows * p->pitch;
    p->origin = p->halo_top * p->pitch + (size_t)p->halo_left * p->lanes;
    return SNN_OK;
}

/* A list with 1 value, one a channel or one a neuron as rows of lanes: one row for all, unless each
 * neuron has its own. Padded lanes get `padding`; an empty list is all padding. */
static int spread(struct snnsim_plan *plan, struct snn_context *context,
                  const struct snnsim_population *p, struct list list, struct snnsim_spread *out)
{
    const struct snn_shape shape = p->population->shape;
    const bool map = list.count > shape.channels;
    const uint32_t rows = map ? shape.height : 1;
    float *to = snnbase_arena_alloc(&plan->arena, context, rows * p->row_length, sizeof(*to));
    if (to == NULL) return SNN_ERR_NOMEM;
    *out = (struct snnsim_spread){to, map ? p->row_length : 0};
    for (size_t at = 0; at < (size_t)rows * shape.width; at++, to += p->lanes) {
        for (uint32_t c = 0; c < p->lanes; c++) {
            to[c] = list.padding;
            if (c >= shape.channels || list.count == 0) continue;
            size_t neuron = map ? (size_t)c * shape.height * shape.width + at : c;
            to[c] = list.values[list.count > 1 ? neuron : 0];
        }
    }
    return SNN_OK;
}

/* NULL where the neurons are alike. Padded lanes receive nothing and so never reach 1. */
static int spread_neurons(struct snnsim_plan *plan, struct snn_context *context,
                          const struct snnsim_population *p, const struct snn_neurons *neurons,
                          const struct snnsim_differing **out)
{
    if (neurons == NULL) return SNN_OK;
    struct snnsim_differing *differing =
        snnbase_arena_alloc(&plan->arena, context, 1, sizeof(*differing));
    if (differing == NULL) return SNN_ERR_NOMEM;
    const struct list threshold = {neurons->threshold, neurons->threshold_count, 1.0f};
    const struct list v_init = {neurons->v_init, neurons->v_init_count, 0.0f};
    const struct list v_min = {neurons->v_min, neurons->v_min_count, 0.0f};
    int status = spread(plan, context, p, threshold, &differing->threshold);
    if (status == SNN_OK) status = spread(plan, context, p, v_init, &differing->v_init);
    if (status == SNN_OK) status = spread(plan, context, p, v_min, &differing->v_min);
    *out = differing;
    return status;
}

/* Inputs of a tile, over all synapses; 0 where one of them has none to offer. */
static uint32_t count_taps(const struct snnsim_population *p)
{
    uint64_t taps = 0;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snn_synapse *synapse = &p->population->synapses[s];
        const struct snn_shape in = synapse->source_shape;
        if (p->synapses[s].tiles.weights == NULL) return 0;
        if (synapse->kind == SNN_SYNAPSE_DENSE)
            taps += snn_shape_size(in);
        else if (synapse->kind == SNN_SYNAPSE_CONV2D)
            taps += (uint64_t)synapse->window.kernel_h * synapse->window.kernel_w * in.channels;
    }
    return taps <= UINT32_MAX ? (uint32_t)taps : 0;
}

static int plan_population(struct snnsim_plan *plan, struct snn_context *context, uint32_t index)
{
    struct snnsim_population *p = &plan->populations[index];
    p->population = &plan->net->populations[index];
    p->counted_by = SNNSIM_NOT_COUNTED;
    int status = lay_out(context, p);
    const struct list bias = {p->population->bias, p->population->bias_count, 0.0f};
    if (status == SNN_OK) status = spread(plan, context, p, bias, &p->bias);
    if (status == SNN_OK)
        status = spread_neurons(plan, context, p, p->population->neurons, &p->differing);
    if (status != SNN_OK) return status;
    p->synapses = snnbase_arena_alloc(&plan->arena, context, p->population->synapse_count,
                                      sizeof(*p->synapses));
    if (p->synapses == NULL) return SNN_ERR_NOMEM;
    for (uint32_t s = 0; s < p->population->synapse_count; s++) {
        const struct snn_synapse *synapse = &p->population->synapses[s];
        status = snnsim_synapse_pack(plan, context, p, synapse, &p->synapses[s]);
        if (status != SNN_OK) return status;
        if (synapse->source != SNN_SOURCE_INPUT && p->synapses[s].sees_each_spike_once)
            plan->populations[synapse->source].counted_by = p->population->synapse_first + s;
    }
    p->tap_count = count_taps(p);
    return SNN_OK;
}

static int plan_readouts(struct snnsim_plan *plan, struct snn_context *context)
{
    const struct snn_net *net = plan->net;
    const struct snnsim_population *last = &plan->populations[net->population_count - 1];
    plan->readouts =
        snnbase_arena_alloc(&plan->arena, context, net->readout_count, sizeof(*plan->readouts));
    int status = plan->readouts != NULL ? SNN_OK : SNN_ERR_NOMEM;
    for (uint32_t r = 0; status == SNN_OK && r < net->readout_count; r++)
        status = spread_neurons(plan, context, last, net->readouts[r].neurons, &plan->readouts[r]);
    return status;
}

int snnsim_plan_create(struct snnsim_plan **out, struct snn_context *context,
                       const struct snn_net *net)
{
    struct snnbase_cpu cpu;
    snnbase_cpu_detect(&cpu);
    struct snnsim_plan *plan = snnbase_alloc(context, 1, sizeof(*plan));
    if (plan == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&plan->arena, context);
    plan->net = net;
    plan->input_lanes = snnsim_lanes(net->input_shape.channels);
    int status = SNN_OK;
    const char *level = snnbase_kernel_level(context);
    if (!snnsim_kernels_init(&plan->kernels, level, cpu.avx2))
        status = snnbase_fail(context, SNN_ERR_INVALID,
                              "this processor or build has no kernel level '%s'", level);
    plan->populations = snnbase_arena_alloc(&plan->arena, context, net->population_count,
                                            sizeof(*plan->populations));
    if (status == SNN_OK && plan->populations == NULL) status = SNN_ERR_NOMEM;
    for (uint32_t i = 0; status == SNN_OK && i < net->population_count; i++)
        status = plan_population(plan, context, i);
    if (status == SNN_OK) status = plan_readouts(plan, context);
    if (status != SNN_OK) {
        snnsim_plan_destroy(&plan);
        return status;
    }
    *out = plan;
    return SNN_OK;
}

void snnsim_plan_destroy(struct snnsim_plan **plan)
{
    if (plan == NULL || *plan == NULL) return;
    struct snn_allocator allocator = (*plan)->arena.allocator;
    snnbase_arena_fini(&(*plan)->arena);
    snnbase_allocator_free(&allocator, *plan);
    *plan = NULL;
}
