/* The decision rules that --sweep compares, and their Pareto front for people.
 */
#ifndef TOOLS_SNNSIM_SWEEP_H
#define TOOLS_SNNSIM_SWEEP_H

#include "snn/run.h"
#include "tools/cli/message.h"

#define SNNSIM_SWEEP_MAX 128

/* What the net's output allows. */
struct snnsim_sweep_room {
    bool fires;      /* else it only integrates, and rules on spikes get a readout of their own */
    float gain_max;  /* the grid leaves out gains above */
    bool potentials; /* and further readouts are to be had; else the grid has spikes only */
};

/* The grid, then `rules` that are not in it: at most SNNSIM_SWEEP_MAX rows. Returns their number.
 */
uint32_t snnsim_sweep_fill(struct snn_rule rows[SNNSIM_SWEEP_MAX], const struct snn_rule *rules,
                           uint32_t rule_count, const struct snnsim_sweep_room *room);

/* A choice of the rows that no other beats, with the oracle as bound; nothing if there was no
 * sweep. */
void snnsim_sweep_print(const struct snncli_console *console, const struct snn_result *result);

#endif
