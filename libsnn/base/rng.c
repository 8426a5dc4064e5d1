/* Philox 4x32-10: ten rounds of multiply, exchange and xor on a 128-bit counter.
 *
 * The constants and the order of rounds are those of Salmon et al. (SC'11) and of their library
 * Random123, whose known answers the unit test holds. No state: the counter is the caller's.
 */
#include "libsnn/base/rng.h"

enum { ROUND_COUNT = 10 };

static void philox_round(uint32_t x[4], uint32_t key0, uint32_t key1)
{
    uint64_t product0 = UINT64_C(0xD2511F53) * x[0];
    uint64_t product1 = UINT64_C(0xCD9E8D57) * x[2];
    uint32_t y0 = (uint32_t)(product1 >> 32) ^ x[1] ^ key0;
    uint32_t y2 = (uint32_t)(product0 >> 32) ^ x[3] ^ key1;
    x[0] = y0;
    x[1] = (uint32_t)product1;
    x[2] = y2;
    x[3] = (uint32_t)product0;
}

void snnbase_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t key0 = key[0];
    uint32_t key1 = key[1];
    for (int round = 0; round < ROUND_COUNT; round++) {
        philox_round(x, key0, key1);
        /* The Weyl sequence of the key schedule: golden ratio and sqrt(3) - 1. */
        key0 += UINT32_C(0x9E3779B9);
        key1 += UINT32_C(0xBB67AE85);
    }
    for (int i = 0; i < 4; i++)
        out[i] = x[i];
}
