/* The decision rules that --sweep compares, and their Pareto front for people.
 */
#ifndef TOOLS_SNNSIM_SWEEP_H
#define TOOLS_SNNSIM_SWEEP_H

#include "snn/run.h"
#include "tools/cli/message.h"

#define SNNSIM_SWEEP_MAX 128

/* The grid, then `rules` that are not in it: at most SNNSIM_SWEEP_MAX rows. Without `fires` the
 * output only integrates, and rules on spikes get a readout of their own. Returns their number. */
uint32_t snnsim_sweep_fill(struct snn_rule rows[SNNSIM_SWEEP_MAX], const struct snn_rule *rules,
                           uint32_t rule_count, bool fires);

/* A choice of the rows that no other beats, with the oracle as bound; nothing if there was no
 * sweep. */
void snnsim_sweep_print(const struct snncli_console *console, const struct snn_result *result);

#endif
