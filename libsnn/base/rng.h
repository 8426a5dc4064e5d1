/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC'11). The same key and counter give the same numbers on every machine, in any order.
 */
#ifndef SNN_BASE_RNG_H
#define SNN_BASE_RNG_H

#include <stdint.h>

/* `out` may be `counter`. */
void snnbase_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
