/* The vectorised draws against the generator they are to equal. */
#include "libsnn/stream/draw.h"

#include <criterion/criterion.h>

#include "libsnn/base/rng.h"

enum { COUNT = 3 * SNNSTREAM_DRAW_LANES };

static const uint32_t key[2] = {0x89abcdef, 0x01234567};

static void philox(uint32_t address, uint32_t block, uint32_t number[4])
{
    const uint32_t counter[4] = {address, block, 0x76543210, 0xfedcba98};
    snnbase_philox4x32(counter, key, number);
}

Test(draw, each_lane_is_philox_of_its_own_counter)
{
    uint32_t address[COUNT];
    uint32_t limit[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        address[i] = i * i * 2654435761u;
        limit[i] = i % 5 == 0 ? UINT32_MAX : i * 44739242u;
    }
    /* Some limits are met exactly: by lane i of the first block. */
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t number[4];
        philox(address[i], 0, number);
        limit[i] = number[i];
    }
    struct snnstream_draw draw = {
        .seed = UINT64_C(0x0123456789abcdef),
        .index = UINT64_C(0xfedcba9876543210),
        .address = address,
        .limit = limit,
        .count = COUNT,
    };
    for (uint32_t block = 0; block < 100; block++) {
        uint8_t spikes[COUNT];
        snnstream_draw_block(&draw, block, spikes);
        for (uint32_t i = 0; i < COUNT; i++) {
            uint32_t number[4];
            philox(address[i], block, number);
            for (int lane = 0; lane < 4; lane++) {
                cr_assert_eq(spikes[i] >> lane & 1, number[lane] <= limit[i],
                             "block %u, pixel %u, lane %d", block, i, lane);
            }
            cr_assert_eq(spikes[i] >> 4, 0);
        }
    }
}
