/* Options that a net which arrived spiking answers itself: thresholds, resets, potentials.
 */
#ifndef TOOLS_SNNSIM_SPIKING_H
#define TOOLS_SNNSIM_SPIKING_H

#include "snn/graph.h"
#include "tools/snnsim/options.h"

/* Fits the options to such a net: no norm, and its output is read as it is. Warns of each option
 * that was given and is skipped, and notes for the report what the layers have of their own. Exit
 * status. */
int snnsim_spiking_adapt(struct snnsim_options *options, const struct snn_graph *graph);

#endif
