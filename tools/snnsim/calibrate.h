/* Thresholds and corrections before the net is lowered: those that the model has, or computed from
 * frames.
 */
#ifndef TOOLS_SNNSIM_CALIBRATE_H
#define TOOLS_SNNSIM_CALIBRATE_H

#include "snn/graph.h"
#include "snn/target.h"
#include "tools/snnsim/options.h"

/* Names the corrections for lowering, and with --calibrate runs the frames through the graph and,
 * for what is measured, through the spiking target (NULL: none is asked for). The norm `auto` may
 * set the time steps. Exit status. */
int snnsim_calibrate(struct snnsim_options *options, struct snn_context *context,
                     struct snn_graph *graph, struct snn_target *target);

#endif
