/* The inner loops of the encoders, at every level: draws against the generator they are to equal,
 * lists against marks read bit by bit.
 */
#include "libsnn/stream/lanes.h"

#include <criterion/criterion.h>

#include <string.h>

#include "libsnn/base/cpu.h"
#include "libsnn/base/rng.h"

enum { COUNT = 3 * SNNSTREAM_LANES };

static const uint32_t key[2] = {0x89abcdef, 0x01234567};

static void philox(uint32_t address, uint32_t block, uint32_t number[4])
{
    const uint32_t counter[4] = {address, block, 0x76543210, 0xfedcba98};
    snnbase_philox4x32(counter, key, number);
}

/* The scalar loops and the best this processor has, which may be the same. */
static void all_levels(struct snnstream_lanes levels[2])
{
    struct snnbase_cpu cpu;
    snnbase_cpu_detect(&cpu);
    snnstream_lanes_init(&levels[0], "scalar", cpu.avx2);
    snnstream_lanes_init(&levels[1], NULL, cpu.avx2);
    cr_assert_str_eq(levels[0].level, "scalar");
    cr_assert_str_eq(levels[1].level, cpu.avx2 ? "avx2" : "scalar");
}

static void check_draws(const struct snnstream_lanes *lanes)
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
        lanes->draw(&draw, block, spikes);
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

Test(lanes, each_draw_is_philox_of_its_own_counter)
{
    struct snnstream_lanes levels[2];
    all_levels(levels);
    for (int i = 0; i < 2; i++)
        check_draws(&levels[i]);
}

Test(lanes, level_without_loops_of_its_own_takes_the_best)
{
    struct snnstream_lanes lanes;
    snnstream_lanes_init(&lanes, "avx2", false);
    cr_assert_str_eq(lanes.level, "scalar");
}

static void check_lists(const struct snnstream_lanes *lanes, uint32_t share)
{
    uint32_t address[COUNT], mark[COUNT], list[COUNT + SNNSTREAM_LIST_SLACK];
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint32_t noise = (i * 2654435761u) ^ (i * i * 40503u);
        address[i] = 7 * i + UINT32_MAX / 2;
        mark[i] = share == 0 ? 0 : share == 1 ? UINT32_MAX : noise;
    }
    for (uint32_t step = 0; step < 32; step++) {
        uint32_t length = 0;
        const uint32_t found = lanes->list(address, mark, COUNT, step, list);
        for (uint32_t i = 0; i < COUNT; i++) {
            if ((mark[i] >> step & 1) == 0) continue;
            cr_assert_eq(list[length], address[i], "%s, step %u, entry %u", lanes->level, step,
                         length);
            length++;
        }
        cr_assert_eq(found, length, "%s, step %u", lanes->level, step);
    }
}

Test(lanes, list_has_the_addresses_whose_bit_is_set)
{
    struct snnstream_lanes levels[2];
    all_levels(levels);
    for (int i = 0; i < 2; i++) {
        for (uint32_t share = 0; share < 3; share++) /* none, all, some */
            check_lists(&levels[i], share);
    }
}

/* Nothing may be written behind the slack, whatever is listed. */
Test(lanes, list_keeps_to_its_room)
{
    struct snnstream_lanes levels[2];
    uint32_t address[SNNSTREAM_LANES], mark[SNNSTREAM_LANES];
    uint32_t list[SNNSTREAM_LANES + SNNSTREAM_LIST_SLACK + 1];
    all_levels(levels);
    memset(address, 0, sizeof(address));
    for (uint32_t spikes = 0; spikes <= SNNSTREAM_LANES; spikes++) {
        for (uint32_t i = 0; i < SNNSTREAM_LANES; i++)
            mark[i] = i < spikes;
        for (int level = 0; level < 2; level++) {
            list[spikes + SNNSTREAM_LIST_SLACK] = 12345;
            cr_assert_eq(levels[level].list(address, mark, SNNSTREAM_LANES, 0, list), spikes);
            cr_assert_eq(list[spikes + SNNSTREAM_LIST_SLACK], 12345u);
        }
    }
}
