/* Making a plan: every population cut into tiles, its synapses packed, and how many steps are run
 * at once, so that what a session holds stays within bounds for large nets too.
 */
#include "sim/chip/plan.h"

#include "libsnn/base/cpu.h"
#include "libsnn/base/error.h"

#define LANES SNNSIM_CHIP_LANES
#define TILES_MAX ((uint64_t)1 << 31)

/* Bytes of spikes that a session holds of one chunk: fewer steps a chunk where it would be more. At
 * 8 steps weights are still read once for all of them. */
#define CHUNK_BYTES_MAX ((uint64_t)64 << 20)
#define SMALL_CHUNK 8u
#define SMALL_CHUNK_BYTES_MAX ((uint64_t)512 << 20)

struct snnsim_chip_grid snnsim_chip_grid_make(struct snn_shape shape)
{
    struct snnsim_chip_grid grid = {.shape = shape};
    grid.tile_width = shape.channels <= SNNSIM_CHIP_UNIT && shape.width > 1 ? 2 : 1;
    grid.tiles_x = (shape.width - 1) / grid.tile_width + 1;
    grid.groups = (shape.channels - 1) / LANES + 1;
    grid.tiles = (size_t)shape.height * grid.tiles_x * grid.groups;
    return grid;
}

static int plan_population(struct snnsim_chip_plan *plan, struct snn_context *context,
                           uint32_t index)
{
    struct snnsim_chip_population *p = &plan->populations[index];
    p->population = &plan->net->populations[index];
    p->counted_by = SNNSIM_CHIP_NOT_COUNTED;
    p->grid = snnsim_chip_grid_make(p->population->shape);
    if (p->grid.tiles > TILES_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%zu tiles of %u neurons", p->grid.tiles,
                            LANES);
    int status = snnsim_chip_bias_make(plan, context, p);
    p->synapses = snnbase_arena_alloc(&plan->arena, context, p->population->synapse_count,
                                      sizeof(*p->synapses));
    if (p->synapses == NULL) return SNN_ERR_NOMEM;
    for (uint32_t s = 0; status == SNN_OK && s < p->population->synapse_count; s++) {
        const struct snn_synapse *synapse = &p->population->synapses[s];
        status = snnsim_chip_synapse_pack(plan, context, &p->grid, synapse, &p->synapses[s]);
        p->tap_count += p->synapses[s].tap_count;
        if (synapse->source == SNN_SOURCE_INPUT)
            plan->pools_input |= synapse->pool_count > 0;
        else if (p->synapses[s].sees_each_spike_once)
            plan->populations[synapse->source].counted_by = p->population->synapse_first + s;
    }
    return status;
}

static uint64_t bytes_a_step(const struct snnsim_chip_plan *plan)
{
    uint64_t bytes = plan->pools_input ? plan->input.tiles * LANES : 0;
    for (uint32_t i = 0; i < plan->net->population_count; i++) {
        const struct snnsim_chip_population *p = &plan->populations[i];
        bytes += p->grid.tiles * LANES;
        for (uint32_t s = 0; s < p->population->synapse_count; s++) {
            bytes += p->synapses[s].lines.count;
            for (uint32_t pool = 0; pool + 1 < p->population->synapses[s].pool_count; pool++)
                bytes += p->synapses[s].pooled[pool].tiles * LANES;
        }
    }
    return bytes * sizeof(uint16_t);
}

static uint32_t choose_chunk(const struct snnsim_chip_plan *plan)
{
    const uint64_t bytes = bytes_a_step(plan);
    uint32_t chunk = SNNSIM_CHIP_STEPS;
    while (chunk > SMALL_CHUNK && bytes * chunk > CHUNK_BYTES_MAX)
        chunk /= 2;
    while (chunk > 1 && bytes * chunk > SMALL_CHUNK_BYTES_MAX)
        chunk /= 2;
    return chunk;
}

static int make(struct snnsim_chip_plan *plan, struct snn_context *context)
{
    struct snnbase_cpu cpu;
    snnbase_cpu_detect(&cpu);
    const char *level = snnbase_kernel_level(context);
    if (!snnsim_chip_kernels_init(&plan->kernels, level, cpu.avx2))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "this processor or build has no kernel level '%s'", level);
    const struct snn_net *net = plan->net;
    plan->input = snnsim_chip_grid_make(net->input_shape);
    plan->populations = snnbase_arena_alloc(&plan->arena, context, net->population_count,
                                            sizeof(*plan->populations));
    if (plan->populations == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < net->population_count; i++) {
        int status = plan_population(plan, context, i);
        if (status != SNN_OK) {
            if (status != SNN_ERR_NOMEM)
                snnbase_where(context, "layer '%s'", net->populations[i].name);
            return status;
        }
    }
    plan->chunk = choose_chunk(plan);
    return snnsim_chip_limits_make(plan, context);
}

int snnsim_chip_plan_create(struct snnsim_chip_plan **out, struct snn_context *context,
                            const struct snn_net *net)
{
    struct snnsim_chip_plan *plan = snnbase_alloc(context, 1, sizeof(*plan));
    if (plan == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&plan->arena, context);
    plan->net = net;
    int status = make(plan, context);
    if (status != SNN_OK) {
        snnsim_chip_plan_destroy(&plan);
        return status;
    }
    *out = plan;
    return SNN_OK;
}

void snnsim_chip_plan_destroy(struct snnsim_chip_plan **plan)
{
    if (plan == NULL || *plan == NULL) return;
    struct snn_allocator allocator = (*plan)->arena.allocator;
    snnbase_arena_fini(&(*plan)->arena);
    snnbase_allocator_free(&allocator, *plan);
    *plan = NULL;
}
