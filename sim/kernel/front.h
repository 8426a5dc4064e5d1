/* A table for lists of what is active: which lanes the set bits of a byte are. For kernel files
 * that permute lanes by it.
 */
#ifndef SNN_SIM_KERNEL_FRONT_H
#define SNN_SIM_KERNEL_FRONT_H

#include <stdint.h>

/* For each mask byte the numbers of its set bits in ascending order, a byte each: the permutation
 * that moves the lanes of the set bits to the front. */
#define SNNSIM_BIT(m, b) (((uint64_t)(m) >> (b)) & 1u)
#define SNNSIM_RANK1(m) SNNSIM_BIT(m, 0)
#define SNNSIM_RANK2(m) (SNNSIM_RANK1(m) + SNNSIM_BIT(m, 1))
#define SNNSIM_RANK3(m) (SNNSIM_RANK2(m) + SNNSIM_BIT(m, 2))
#define SNNSIM_RANK4(m) (SNNSIM_RANK3(m) + SNNSIM_BIT(m, 3))
#define SNNSIM_RANK5(m) (SNNSIM_RANK4(m) + SNNSIM_BIT(m, 4))
#define SNNSIM_RANK6(m) (SNNSIM_RANK5(m) + SNNSIM_BIT(m, 5))
#define SNNSIM_RANK7(m) (SNNSIM_RANK6(m) + SNNSIM_BIT(m, 6))
#define SNNSIM_PLACE(m, b) (SNNSIM_BIT(m, b) * (b##u) << (8u * SNNSIM_RANK##b(m)))
#define SNNSIM_FRONT(m)                                                                  \
    (SNNSIM_PLACE(m, 1) | SNNSIM_PLACE(m, 2) | SNNSIM_PLACE(m, 3) | SNNSIM_PLACE(m, 4) | \
     SNNSIM_PLACE(m, 5) | SNNSIM_PLACE(m, 6) | SNNSIM_PLACE(m, 7))
#define SNNSIM_FRONT4(m) \
    SNNSIM_FRONT(m), SNNSIM_FRONT((m) + 1), SNNSIM_FRONT((m) + 2), SNNSIM_FRONT((m) + 3)
#define SNNSIM_FRONT16(m) \
    SNNSIM_FRONT4(m), SNNSIM_FRONT4((m) + 4), SNNSIM_FRONT4((m) + 8), SNNSIM_FRONT4((m) + 12)
#define SNNSIM_FRONT64(m) \
    SNNSIM_FRONT16(m), SNNSIM_FRONT16((m) + 16), SNNSIM_FRONT16((m) + 32), SNNSIM_FRONT16((m) + 48)

static const uint64_t snnsim_front[256] = {SNNSIM_FRONT64(0), SNNSIM_FRONT64(64),
                                           SNNSIM_FRONT64(128), SNNSIM_FRONT64(192)};

#endif
