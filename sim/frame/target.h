/* The frame-based targets: what the registry knows of this folder.
 */
#ifndef SNN_SIM_FRAME_TARGET_H
#define SNN_SIM_FRAME_TARGET_H

#include "libsnn/stream/target.h"

extern const struct snn_target_ops snnsim_frame_f32_target;
extern const struct snn_target_ops snnsim_frame_int8_target;

/* A target of this folder takes no arguments and no net that arrived spiking. Errors: INVALID,
 * UNSUPPORTED. */
int snnsim_frame_check_arguments(struct snn_context *context, const char *name,
                                 const char *arguments);
int snnsim_frame_check_graph(struct snn_context *context, const struct snn_graph *graph);

#endif
