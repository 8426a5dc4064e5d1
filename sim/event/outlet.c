/* Outlets: from a chip program's destinations to the classes that its readout counts spikes for.
 *
 * Population i of the decoded net is core i of the program. The readout takes every
 * readout_spread-th feature of what comes in; the rest is nobody's (docs/semantics.md, "Chip").
 */
#include "libsnn/base/error.h"
#include "sim/event/routes.h"

static int make(struct snnsim_routes *routes, struct snn_context *context,
                const struct snn_program *program, uint32_t index,
                const struct snn_destination *destination, struct snnsim_outlet *out)
{
    const struct snnsim_population *p = &routes->plan->populations[index];
    const struct snn_shape shape = p->population->shape;
    const uint32_t pooling = destination->pooling, spread = program->readout_spread;
    const uint32_t height = shape.height / pooling, width = shape.width / pooling;
    uint32_t *class_of = snnbase_arena_alloc(&routes->arena, context, shape.height * p->row_length,
                                             sizeof(*class_of));
    if (class_of == NULL) return SNN_ERR_NOMEM;
    *out = (struct snnsim_outlet){index, class_of};
    for (size_t i = 0; i < shape.height * p->row_length; i++) {
        const uint32_t lane = (uint32_t)(i % p->lanes), at = (uint32_t)(i / p->lanes);
        const uint32_t y = at / shape.width / pooling, x = at % shape.width / pooling;
        const uint64_t feature = (uint64_t)lane + destination->feature_shift;
        const uint64_t number = (feature / spread * height + y) * width + x;
        const bool seen = lane < shape.channels && feature % spread == 0 && y < height && x < width;
        class_of[i] = seen && number < program->class_count ? (uint32_t)number : SNNSIM_NO_CLASS;
    }
    return SNN_OK;
}

static bool is_outlet(const struct snn_program *program, const struct snn_destination *destination)
{
    return destination->layer == program->chip.readout_layer;
}

static uint32_t count_outlets(const struct snn_program *program)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->core_count; i++)
        for (uint32_t d = 0; d < program->cores[i].destination_count; d++)
            count += is_outlet(program, &program->cores[i].destinations[d]);
    return count;
}

int snnsim_outlets_make(struct snnsim_routes *routes, struct snn_context *context,
                        const struct snn_program *program)
{
    const uint32_t count = count_outlets(program);
    if (count == 0)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "the chip program sends no core's spikes to the readout");
    struct snnsim_outlet *outlets =
        snnbase_arena_alloc(&routes->arena, context, count, sizeof(*outlets));
    if (outlets == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_core *core = &program->cores[i];
        for (uint32_t d = 0; d < core->destination_count; d++) {
            if (!is_outlet(program, &core->destinations[d])) continue;
            int status = make(routes, context, program, i, &core->destinations[d],
                              &outlets[routes->outlet_count]);
            if (status != SNN_OK) return status;
            routes->outlet_count++;
        }
    }
    routes->outlets = outlets;
    return SNN_OK;
}
