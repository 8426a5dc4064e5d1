/* A net with the arena that owns it. Lowering fills one in; afterwards nobody writes to it.
 */
#ifndef SNN_MODEL_NET_H
#define SNN_MODEL_NET_H

#include "libsnn/base/memory.h"
#include "snn/net.h"

struct snnmodel_net {
    struct snn_net net; /* first: snn_net_destroy finds the arena behind it */
    struct snnbase_arena arena;
};

int snnmodel_net_create(struct snnmodel_net **out, struct snn_context *context);

#endif
