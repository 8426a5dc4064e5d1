/* The loops in plain C, and which ones a context uses.
 *
 * The draws are those of snnbase_philox4x32 for each counter alone; here the loops over lanes
 * become vector instructions of the baseline processor (x86-64: 2.5 times as fast; aarch64 has the
 * widening multiplication at its baseline). With 16 lanes or fewer gcc 12 -O3 unrolls the loops
 * instead and takes three times as long.
 */
#include "libsnn/stream/lanes.h"

#include <string.h>

enum { LANES = SNNSTREAM_LANES, ROUND_COUNT = 10 };

/* Four words of each counter, word by word. */
struct lanes {
    uint32_t word[4][LANES];
};

static void philox_round(struct lanes *x, uint32_t key0, uint32_t key1)
{
    for (int i = 0; i < LANES; i++) {
        uint64_t product0 = UINT64_C(0xD2511F53) * x->word[0][i];
        uint64_t product1 = UINT64_C(0xCD9E8D57) * x->word[2][i];
        x->word[0][i] = (uint32_t)(product1 >> 32) ^ x->word[1][i] ^ key0;
        x->word[1][i] = (uint32_t)product1;
        x->word[2][i] = (uint32_t)(product0 >> 32) ^ x->word[3][i] ^ key1;
        x->word[3][i] = (uint32_t)product0;
    }
}

static void philox_lanes(struct lanes *x, uint64_t key)
{
    uint32_t key0 = (uint32_t)key;
    uint32_t key1 = (uint32_t)(key >> 32);
    for (int round = 0; round < ROUND_COUNT; round++) {
        philox_round(x, key0, key1);
        key0 += UINT32_C(0x9E3779B9);
        key1 += UINT32_C(0xBB67AE85);
    }
}

static void draw_scalar(const struct snnstream_draw *draw, uint32_t block, uint8_t *spikes)
{
    for (size_t start = 0; start < draw->count; start += LANES) {
        struct lanes x;
        for (int i = 0; i < LANES; i++) {
            x.word[0][i] = draw->address[start + (size_t)i];
            x.word[1][i] = block;
            x.word[2][i] = (uint32_t)draw->index;
            x.word[3][i] = (uint32_t)(draw->index >> 32);
        }
        philox_lanes(&x, draw->seed);
        const uint32_t *limit = draw->limit + start;
        for (int i = 0; i < LANES; i++) {
            unsigned bits = (unsigned)(x.word[0][i] <= limit[i]) |
                            (unsigned)(x.word[1][i] <= limit[i]) << 1 |
                            (unsigned)(x.word[2][i] <= limit[i]) << 2 |
                            (unsigned)(x.word[3][i] <= limit[i]) << 3;
            spikes[start + (size_t)i] = (uint8_t)bits;
        }
    }
}

/* Every address is written, and kept only if its bit is set: faster than a branch that nobody can
 * predict. */
static uint32_t list_scalar(const uint32_t *restrict address, const uint32_t *restrict mark,
                            size_t count, uint32_t step, uint32_t *restrict list)
{
    uint32_t length = 0;
    for (size_t i = 0; i < count; i++) {
        list[length] = address[i];
        length += mark[i] >> step & 1;
    }
    return length;
}

void snnstream_scalar_lanes(struct snnstream_lanes *out)
{
    *out = (struct snnstream_lanes){"scalar", draw_scalar, list_scalar};
}

void snnstream_lanes_init(struct snnstream_lanes *out, const char *level, bool has_avx2)
{
    snnstream_scalar_lanes(out);
    if (level != NULL && strcmp(level, out->level) == 0) return;
#if defined(__x86_64__)
    if (has_avx2) snnstream_avx2_lanes(out);
#else
    (void)has_avx2;
#endif
}
