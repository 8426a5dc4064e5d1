/* Activity: who spiked in this step, as counts [y][x][lane] and a mask with one bit a lane.
 *
 * A lane's count is 0 where its bit is not set.
 */
#ifndef SNN_SIM_EVENT_ACTIVITY_H
#define SNN_SIM_EVENT_ACTIVITY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libsnn/base/memory.h"
#include "sim/kernel/kernel.h"
#include "snn/net.h"
#include "snn/stream.h"

struct snnsim_activity {
    struct snn_shape shape;
    uint32_t lanes;
    float *count;  /* [height][width][lanes] */
    uint8_t *mask; /* [height][width][lanes / 8] */
};

int snnsim_activity_init(struct snnsim_activity *activity, struct snnbase_arena *arena,
                         struct snn_context *context, struct snn_shape shape);

/* The same over the steps of a chunk, a map a step. */
struct snnsim_train {
    struct snnsim_activity first; /* of step 0 */
    size_t size;                  /* lanes of a map */
};

int snnsim_train_init(struct snnsim_train *train, struct snnbase_arena *arena,
                      struct snn_context *context, struct snn_shape shape, uint32_t steps);

/* The map of one step. */
static inline struct snnsim_activity snnsim_train_at(const struct snnsim_train *train,
                                                     uint32_t step)
{
    struct snnsim_activity map = train->first;
    map.count += step * train->size;
    map.mask += step * (train->size / SNNSIM_LANES);
    return map;
}

/* Takes in the events of one step; `count` NULL means 1 each. */
void snnsim_activity_load(struct snnsim_activity *activity, const uint32_t *address,
                          const float *count, size_t event_count);

/* Sum pooling: adds the counts of each window, rows before columns. */
void snnsim_activity_pool(const struct snnsim_kernels *kernels, const struct snnsim_activity *in,
                          const struct snn_window *pool, struct snnsim_activity *out);

/* The first mask byte from `at` on that is not 0, or `size`. */
static inline size_t snnsim_activity_next(const uint8_t *mask, size_t at, size_t size)
{
    uint64_t eight = 0;
    while (at + sizeof(eight) <= size) {
        memcpy(&eight, mask + at, sizeof(eight));
        if (eight != 0) break;
        at += sizeof(eight);
    }
    while (at < size && mask[at] == 0)
        at++;
    return at;
}

/* All spikes. */
uint64_t snnsim_activity_total(const struct snnsim_activity *activity);

#endif
