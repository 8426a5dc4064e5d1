/* The simulator as targets: what the registry knows of this room.
 */
#ifndef SNN_SIM_EVENT_TARGET_H
#define SNN_SIM_EVENT_TARGET_H

#include "libsnn/stream/target.h"

extern const struct snn_target_ops snnsim_target;
extern const struct snn_target_ops snnsim_chip_target;

#endif
