/* Frames on a byte stream: whole, cut, among noise, broken, and one behind the other. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/wire/message.h"
#include "tests/unit/wire/support.h"

static uint8_t bytes[65536], payload[SNNWIRE_FRAME_PAYLOAD_MAX + 1];
static struct snnwire_framer framer;

/* What came: types and sizes, and the payloads one behind the other. */
static struct {
    size_t count, size;
    enum snnwire_frame_type types[64];
    size_t sizes[64];
    uint8_t bytes[65536];
} came;

static void read_frames(const uint8_t *from, size_t size)
{
    struct snnwire_frame frame;
    for (;;) {
        size_t used = SIZE_MAX;
        const bool there = snnwire_frame_read(&framer, from, size, &used, &frame);
        cr_assert(used <= size && (there || used == size));
        from += used;
        size -= used;
        if (!there) return;
        cr_assert(came.count < 64 && frame.size <= SNNWIRE_FRAME_PAYLOAD_MAX);
        came.types[came.count] = frame.type;
        came.sizes[came.count++] = frame.size;
        memcpy(came.bytes + came.size, frame.payload, frame.size);
        came.size += frame.size;
    }
}

static void setup(void)
{
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 7 + i / 256);
}

TestSuite(frames, .init = setup);

/* CRC-32 of 03 02 00 01 02 by the definition; see tests/unit/wire/crc.c. */
Test(frames, a_frame_is_laid_out_as_drawn)
{
    const uint8_t two[] = {1, 2};
    const uint8_t head[] = {0xA5, 3, 2, 0, 1, 2};
    cr_assert_eq(snnwire_frame_write(SNNWIRE_FRAME_WORDS, two, 2, bytes), 10);
    cr_assert_eq(memcmp(bytes, head, 6), 0);
    const uint32_t crc = snnwire_crc32(0, head + 1, 5);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(bytes[6 + i], crc >> 8 * i & 255);
}

Test(frames, every_size_comes_back_and_one_more_is_refused)
{
    for (size_t size = 0; size <= SNNWIRE_FRAME_PAYLOAD_MAX; size += size < 40 ? 1 : 677) {
        came.count = came.size = 0;
        read_frames(bytes, snnwire_frame_write(SNNWIRE_FRAME_ANSWER, payload, size, bytes));
        cr_assert(came.count == 1 && came.sizes[0] == size);
        cr_assert_eq(came.types[0], SNNWIRE_FRAME_ANSWER);
        cr_assert_eq(memcmp(came.bytes, payload, size), 0);
    }
    const size_t most = SNNWIRE_FRAME_PAYLOAD_MAX;
    came.count = 0;
    read_frames(bytes, snnwire_frame_write(SNNWIRE_FRAME_ANSWER, payload, most, bytes));
    cr_assert(came.count == 1 && came.sizes[0] == most && framer.skipped == 0);
    cr_assert_eq(snnwire_frame_write(SNNWIRE_FRAME_ANSWER, payload, most + 1, bytes), 0);
}

static size_t three_frames(void)
{
    size_t size = snnwire_frame_write(SNNWIRE_FRAME_REQUEST, payload, 8, bytes);
    size += snnwire_frame_write(SNNWIRE_FRAME_WORDS, payload + 8, 0, bytes + size);
    return size + snnwire_frame_write(SNNWIRE_FRAME_WORDS, payload + 8, 24, bytes + size);
}

static void see_three_frames(void)
{
    cr_assert_eq(came.count, 3);
    cr_assert(came.sizes[0] == 8 && came.sizes[1] == 0 && came.sizes[2] == 24);
    cr_assert_eq(memcmp(came.bytes, payload, 32), 0);
}

Test(frames, reads_may_cut_them_anywhere)
{
    const size_t size = three_frames();
    for (size_t a = 0; a <= size; a++) {
        for (size_t b = a; b <= size; b++) {
            came.count = came.size = 0;
            read_frames(bytes, a);
            read_frames(bytes + a, b - a);
            read_frames(bytes + b, size - b);
            see_three_frames();
        }
    }
    cr_assert_eq(framer.skipped, 0);
}

/* A byte more or less, or a flipped bit: the frame is lost, those behind it are not. */
Test(frames, every_flipped_bit_costs_one_frame)
{
    const size_t size = three_frames();
    for (size_t bit = 0; bit < 16 * 8; bit++) {
        framer = (struct snnwire_framer){.size = 0};
        came.count = came.size = 0;
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
        read_frames(bytes, size);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
        memset(payload + 64, 0, 1024);
        for (size_t sent = 0; came.count < 2 && sent < SNNWIRE_FRAME_MAX; sent += 512)
            read_frames(payload + 64, 512);
        cr_assert_eq(came.count, 2, "bit %zu", bit);
        cr_assert(came.sizes[0] == 0 && came.sizes[1] == 24);
    }
}

/* Start bytes, heads that promise much, and a frame within a frame that never ends. */
Test(frames, noise_before_a_frame_is_skipped_and_counted)
{
    static const uint8_t noise[] = {0,    0xA5, 0xA5, 9, 0xA5, 1,    0xFF, 0xFF, 0xA5,
                                    0xA5, 3,    4,    0, 1,    0xA5, 9,    3,    4,
                                    5,    6,    7,    8, 0xA5, 2,    9,    0x10, 0};
    memcpy(bytes, noise, sizeof(noise));
    const size_t size = sizeof(noise) + snnwire_frame_write(SNNWIRE_FRAME_WORDS, payload, 16,
                                                            bytes + sizeof(noise));
    read_frames(bytes, size);
    cr_assert(came.count == 1 && came.sizes[0] == 16);
    cr_assert_eq(framer.skipped, sizeof(noise));
}

/* Half a frame that is there when a side asks anew: as many zeros as a frame has push it out. */
Test(frames, zeros_push_half_a_frame_out)
{
    static const uint8_t zeros[SNNWIRE_FRAME_MAX];
    const size_t half = snnwire_frame_write(SNNWIRE_FRAME_WORDS, payload, 4096, bytes) / 2;
    read_frames(bytes, half);
    read_frames(zeros, sizeof(zeros));
    read_frames(bytes, three_frames());
    see_three_frames();
}

Test(frames, any_bytes_are_read_within_their_bounds)
{
    uint32_t seed = 3;
    for (unsigned round = 0; round < 300; round++) {
        const size_t size = wire_random(&seed) % 6000 + 1;
        uint8_t *exact = malloc(size);
        cr_assert_not_null(exact);
        for (size_t i = 0; i < size; i++) {
            const uint32_t drawn = wire_random(&seed);
            exact[i] = drawn % 4 == 0 ? 0xA5 : (uint8_t)(drawn >> 8 & 3);
        }
        came.count = came.size = 0;
        read_frames(exact, size);
        free(exact);
    }
}
