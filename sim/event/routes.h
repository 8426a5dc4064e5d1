/* Routes: where a single spike goes. For each source of spikes the synapses that take it, for each
 * position the neurons that it reaches, clipped to the map; and the limits of every neuron.
 *
 * Made once a load beside the plan, whose weights it uses; immutable, shared by all sessions.
 */
#ifndef SNN_SIM_EVENT_ROUTES_H
#define SNN_SIM_EVENT_ROUTES_H

#include "sim/event/plan.h"

/* Positions along one axis behind the pools that a spike at one position in front of them gets to:
 * first, first + 1, ..., each as often as paths lead there. */
struct snnsim_passage {
    uint32_t first, count;
    const uint32_t *times; /* [count] */
};

/* Neurons along one axis that an event reaches, at even distances. */
struct snnsim_reach_on_map {
    uint32_t first, count;
    uint32_t skipped; /* taps in front of the map */
};

/* What the positions of one phase have in common. */
struct snnsim_stride {
    uint32_t row_step, column_step; /* from neuron to neuron */
    uint32_t columns;               /* taps of a row */
};

struct snnsim_route {
    uint32_t population; /* where it leads */
    const struct snnsim_synapse *synapse;
    uint32_t index;                                             /* of the synapse among all */
    uint32_t lanes;                                             /* weights of one tap */
    const struct snnsim_passage *rows, *columns;                /* by y and x of the source */
    const struct snnsim_reach_on_map *row_reach, *column_reach; /* by y and x behind the pools */
    const struct snnsim_stride *strides;                        /* by phase */
};

struct snnsim_routes {
    struct snnbase_arena arena;
    const struct snnsim_plan *plan;
    struct snnsim_route *routes; /* [synapse_count], by source */
    uint32_t *first;             /* [population_count + 2]: of each population, then of the input */
    const struct snnsim_differing **populations; /* limits, alike or not */
    const struct snnsim_differing **readouts;
};

/* The plan is borrowed. Errors: LIMIT (pools with too many paths), NOMEM. */
int snnsim_routes_create(struct snnsim_routes **out, struct snn_context *context,
                         const struct snnsim_plan *plan);
void snnsim_routes_destroy(struct snnsim_routes **routes);

#endif
