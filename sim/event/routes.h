/* Routes: where a single spike goes. For each source of spikes the synapses that take it and the
 * positions behind their pools; for each neuron what it fires by.
 *
 * Made once a load beside the plan, whose layout, tables and weights it uses: potentials lie as the
 * plan's currents do, halo and all. Immutable, shared by all sessions.
 */
#ifndef SNN_SIM_EVENT_ROUTES_H
#define SNN_SIM_EVENT_ROUTES_H

#include "sim/event/plan.h"
#include "sim/kernel/visit.h"
#include "snn/program.h"

/* Positions along one axis behind the pools that a spike at one position in front of them gets to:
 * first, first + 1, ..., each as often as paths lead there. */
struct snnsim_passage {
    uint32_t first, count;
    const uint32_t *times; /* [count] */
};

struct snnsim_route {
    uint32_t population; /* where it leads */
    const struct snnsim_synapse *synapse;
    uint32_t index;                              /* of the synapse among all */
    const struct snnsim_passage *rows, *columns; /* by y and x of the source; NULL: no pools */
    const int16_t *chip_weights;                 /* packed as the synapse's; chip arithmetic only */
};

/* The neurons of a population or a readout. Their potentials belong to the session: one of the two
 * arithmetics, with v not yet set. */
struct snnsim_cells {
    struct snnsim_visited real;
    struct snnsim_chip_visited chip;
    struct snnsim_spread v_init;
};

/* What a chip's readout sees of a core. */
struct snnsim_outlet {
    uint32_t population;
    const uint32_t *class_of; /* [position][lane] that a spike counts for, or SNNSIM_NO_CLASS */
};

#define SNNSIM_NO_CLASS UINT32_MAX

struct snnsim_routes {
    struct snnbase_arena arena;
    const struct snnsim_plan *plan;
    struct snnsim_visit_kernels kernels;
    bool chip;                   /* in chip arithmetic */
    struct snnsim_route *routes; /* [synapse_count], by source */
    uint32_t *first;             /* [population_count + 2]: of each population, then of the input */
    struct snnsim_cells *populations;
    struct snnsim_cells *readouts;
    const int16_t **chip_bias; /* by population, spread as the plan's bias; chip arithmetic only */
    uint32_t footprint_max;    /* lanes of the largest visit but that of a bias */
    /* Of a chip program; none: the last population is the output, a class a neuron. */
    const struct snnsim_outlet *outlets;
    uint32_t outlet_count;
};

/* The plan is borrowed. Errors: LIMIT (pools with too many paths), INVALID (a net in chip
 * arithmetic whose numbers are not whole), NOMEM. */
int snnsim_routes_create(struct snnsim_routes **out, struct snn_context *context,
                         const struct snnsim_plan *plan);
void snnsim_routes_destroy(struct snnsim_routes **routes);

/* Fills in populations, readouts and biases (cells.c). */
int snnsim_cells_make(struct snnsim_routes *routes, struct snn_context *context);

/* Makes the outlets of the program that the net was decoded from (outlet.c). Errors: INVALID (a
 * program that nobody reads), NOMEM. */
int snnsim_outlets_make(struct snnsim_routes *routes, struct snn_context *context,
                        const struct snn_program *program);

/* `count` floats as whole numbers of 16 bits, from the arena. Errors: INVALID (others; `what` names
 * them), NOMEM. */
int snnsim_whole_numbers(struct snnsim_routes *routes, struct snn_context *context,
                         const char *what, const float *values, size_t count, int16_t **out);

#endif
