/* The table of targets that the registry fills in, ended by NULL.
 */
#ifndef SNN_STREAM_TARGET_H
#define SNN_STREAM_TARGET_H

#include "snn/target.h"

extern const struct snn_target_ops *const snn_target_table[];

#endif
