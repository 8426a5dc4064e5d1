/* Numbers told apart by one number: for stamps and digests that nobody attacks. */
#ifndef SNN_BASE_HASH_H
#define SNN_BASE_HASH_H

#include <stdint.h>

/* `hash` with one more value taken in; an odd factor, so that no bit of either is lost. */
static inline uint64_t snnbase_hash(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

#endif
