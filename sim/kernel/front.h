/* A table for lists of what is active: which lanes the set bits of a byte are. For kernel files
 * that permute lanes by it.
 */
#ifndef SNN_SIM_KERNEL_FRONT_H
#define SNN_SIM_KERNEL_FRONT_H

#include <stdint.h>

/* For each mask byte the numbers of its set bits in ascending order, a byte each: the permutation
 * that moves the lanes of the set bits to the front. */
#define BIT(m, b) (((uint64_t)(m) >> (b)) & 1u)
#define RANK1(m) BIT(m, 0)
#define RANK2(m) (RANK1(m) + BIT(m, 1))
#define RANK3(m) (RANK2(m) + BIT(m, 2))
#define RANK4(m) (RANK3(m) + BIT(m, 3))
#define RANK5(m) (RANK4(m) + BIT(m, 4))
#define RANK6(m) (RANK5(m) + BIT(m, 5))
#define RANK7(m) (RANK6(m) + BIT(m, 6))
#define PLACE(m, b) (BIT(m, b) * (b##u) << (8u * RANK##b(m)))
#define FRONT(m)                                                                         \
    (PLACE(m, 1) | PLACE(m, 2) | PLACE(m, 3) | PLACE(m, 4) | PLACE(m, 5) | PLACE(m, 6) | \
     PLACE(m, 7))
#define FRONT4(m) FRONT(m), FRONT((m) + 1), FRONT((m) + 2), FRONT((m) + 3)
#define FRONT16(m) FRONT4(m), FRONT4((m) + 4), FRONT4((m) + 8), FRONT4((m) + 12)
#define FRONT64(m) FRONT16(m), FRONT16((m) + 16), FRONT16((m) + 32), FRONT16((m) + 48)

static const uint64_t snnsim_front[256] = {FRONT64(0), FRONT64(64), FRONT64(128), FRONT64(192)};

#endif
