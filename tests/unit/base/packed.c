/* Frames of LZ4 and zstd written by hand, from https://github.com/lz4/lz4/blob/dev/doc and RFC
 * 8878: good ones, cut off, damaged, and larger than allowed or than they say.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/lz4.h"
#include "libsnn/base/zstd.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

static struct support_allocator allocator;
static struct snn_context *context;
static struct snnbase_buffer out;
static struct snnbase_lz4 lz4;
static struct snnbase_zstd zstd;

static void setup(void)
{
    context = support_context(&allocator, NULL);
}

static void teardown(void)
{
    snnbase_lz4_fini(&lz4);
    snnbase_zstd_fini(&zstd);
    snnbase_buffer_fini(context, &out);
    support_context_end(&context, &allocator);
}

TestSuite(packed, .init = setup, .fini = teardown);

/* Unpacks what ends where memory ends. */
static int unpack(bool is_lz4, const void *data, size_t size, size_t size_max)
{
    unsigned char *copy = malloc(size + 1);
    cr_assert_not_null(copy);
    memcpy(copy + 1, data, size);
    out.size = 0;
    int status = is_lz4 ? snnbase_lz4_unpack(&lz4, context, copy + 1, size, size_max, &out)
                        : snnbase_zstd_unpack(&zstd, context, copy + 1, size, size_max, &out);
    free(copy);
    if (status == SNN_ERR_UNSUPPORTED) cr_skip("%s", snn_context_message(context));
    if (status != SNN_OK) cr_assert_eq(out.size, 0);
    return status;
}

static void expect(bool is_lz4, const void *data, size_t size, const char *expected)
{
    int status = unpack(is_lz4, data, size, 1000);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
    cr_assert(support_buffer_equals(&out, expected, strlen(expected)));
}

static void refuse(bool is_lz4, const void *data, size_t size, const char *what)
{
    int status = unpack(is_lz4, data, size, 1000);
    cr_assert_eq(status, SNN_ERR_FORMAT, "%zu bytes: %d", size, status);
    cr_assert(support_contains(snn_context_message(context), what), "%s",
              snn_context_message(context));
}

/* ---- LZ4 ---- */

/* magic, version 1 and independent blocks, blocks of 64 KiB, the check of those two */
#define LZ4_HEAD 0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82
#define LZ4_END 0, 0, 0, 0

/* A block of 5 bytes as they are. */
static const unsigned char lz4_stored[] = {LZ4_HEAD, 5,   0,   0,   0x80,   'h',
                                           'e',      'l', 'l', 'o', LZ4_END};
/* 1 literal, then 4 + 10 bytes from 1 byte back; 5 literals. */
static const unsigned char lz4_packed[] = {LZ4_HEAD, 10,   0,   0,   0,   0x1a, 'a', 1,
                                           0,        0x50, 'a', 'a', 'a', 'b',  'c', LZ4_END};

Test(packed, lz4_blocks_stored_and_packed)
{
    for (int i = 0; i < 3; i++) {
        expect(true, lz4_stored, sizeof(lz4_stored), "hello");
        expect(true, lz4_packed, sizeof(lz4_packed), "aaaaaaaaaaaaaaaaaabc");
    }
}

Test(packed, lz4_frames_cut_off_and_followed_are_refused)
{
    unsigned char longer[sizeof(lz4_packed) + 1] = {0};
    memcpy(longer, lz4_packed, sizeof(lz4_packed));
    for (size_t size = 0; size < sizeof(lz4_packed); size++)
        refuse(true, lz4_packed, size, "not LZ4");
    refuse(true, longer, sizeof(longer), "packed byte 25: not LZ4 (more follows the frame)");
    expect(true, lz4_packed, sizeof(lz4_packed), "aaaaaaaaaaaaaaaaaabc");
}

Test(packed, lz4_frames_that_are_damaged_are_refused)
{
    for (size_t at = 0; at < 15; at++) {
        if (at == 12) continue; /* the literal */
        unsigned char damaged[sizeof(lz4_packed)];
        memcpy(damaged, lz4_packed, sizeof(lz4_packed));
        damaged[at] ^= 0x40;
        if (unpack(true, damaged, sizeof(damaged), 1000) == SNN_OK)
            cr_assert_neq(out.size, 20, "byte %zu", at);
    }
    expect(true, lz4_stored, sizeof(lz4_stored), "hello");
}

/* 100 blocks of 267 bytes, each of which is 64 KiB: 1 literal, 4 + 15 + 256 * 255 + 231 bytes from
 * 1 back, 5 literals. */
static size_t write_bomb(unsigned char *file)
{
    static const unsigned char head[] = {LZ4_HEAD};
    size_t size = sizeof(head);
    memcpy(file, head, size);
    for (int block = 0; block < 100; block++) {
        static const unsigned char begin[] = {0x0b, 1, 0, 0, 0x1f, 'a', 1, 0},
                                   end[] = {231, 0x50, 'a', 'a', 'a', 'a', 'a'};
        memcpy(file + size, begin, sizeof(begin));
        memset(file + size + sizeof(begin), 255, 256);
        memcpy(file + size + sizeof(begin) + 256, end, sizeof(end));
        size += sizeof(begin) + 256 + sizeof(end);
    }
    memset(file + size, 0, 4);
    return size + 4;
}

Test(packed, lz4_unpacks_no_more_than_it_may)
{
    static unsigned char bomb[30000];
    size_t size = write_bomb(bomb);
    cr_assert_eq(size, 7 + 100 * 271 + 4);
    cr_assert_eq(unpack(true, bomb, size, 100 * 65536), SNN_OK, "%s", snn_context_message(context));
    cr_assert_eq(out.size, 100 * 65536);
    cr_assert_eq(unpack(true, bomb, size, 100 * 65536 - 1), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context),
                     "unpacks to more than the limit of 6553599 bytes");
    snnbase_buffer_fini(context, &out);
    cr_assert_eq(unpack(true, bomb, size, 1000), SNN_ERR_LIMIT);
    cr_assert_leq(out.capacity, 131072u);
}

/* ---- zstd ---- */

/* magic, one segment, its size: 5; the last block, 5 bytes as they are: 5 << 3 | 1 */
static const unsigned char zstd_stored[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 5,   0x29,
                                            0,    0,    'h',  'e',  'l',  'l', 'o'};
/* the last block, 20 times the same byte: 20 << 3 | 1 << 1 | 1 */
static const unsigned char zstd_same[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 20, 0xa3, 0, 0, 'a'};

Test(packed, zstd_blocks_stored_and_of_one_byte)
{
    for (int i = 0; i < 3; i++) {
        expect(false, zstd_stored, sizeof(zstd_stored), "hello");
        expect(false, zstd_same, sizeof(zstd_same), "aaaaaaaaaaaaaaaaaaaa");
    }
}

Test(packed, zstd_frames_cut_off_and_followed_are_refused)
{
    unsigned char longer[sizeof(zstd_stored) + 1] = {0};
    memcpy(longer, zstd_stored, sizeof(zstd_stored));
    for (size_t size = 0; size < sizeof(zstd_stored); size++)
        refuse(false, zstd_stored, size, "not zstd");
    refuse(false, longer, sizeof(longer), "not zstd");
    expect(false, zstd_stored, sizeof(zstd_stored), "hello");
}

Test(packed, zstd_frames_that_lie_about_their_size_are_refused)
{
    unsigned char lie[sizeof(zstd_stored)];
    memcpy(lie, zstd_stored, sizeof(lie));
    lie[5] = 6;
    refuse(false, lie, sizeof(lie), "not zstd");
    lie[5] = 4;
    refuse(false, lie, sizeof(lie), "not zstd");
    /* A size of 4 bytes. At 4 bytes a block of 128 KiB, 14 are at most 4 of them. */
    static const unsigned char huge[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff,
                                         0xff, 0x7f, 0x09, 0,    0,    'a',  'b'};
    refuse(false, huge, sizeof(huge), "14 packed bytes that say they are 2147483647");
    cr_assert_leq(out.capacity, 131072u);
}

/* Frames that do not tell their size: a window of 1 KiB, 200 blocks of 1000 times the same. */
Test(packed, zstd_frames_without_a_size_get_the_room_they_need)
{
    unsigned char file[6 + 200 * 4] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0};
    for (size_t i = 0; i < 200; i++) {
        const unsigned head = 1000u << 3 | 1u << 1 | (i == 199);
        unsigned char *block = file + 6 + 4 * i;
        block[0] = head & 0xff;
        block[1] = head >> 8 & 0xff;
        block[2] = 0;
        block[3] = (unsigned char)i;
    }
    cr_assert_eq(unpack(false, file, sizeof(file), 1000000), SNN_OK, "%s",
                 snn_context_message(context));
    cr_assert_eq(out.size, 200000);
    for (size_t i = 0; i < 200; i++)
        cr_assert_eq(out.data[1000 * i + 999], i);
    cr_assert_eq(unpack(false, file, sizeof(file), 199999), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context),
                     "unpacks to more than the limit of 199999 bytes");
}

Test(packed, zstd_unpacks_no_more_than_it_may)
{
    cr_assert_eq(unpack(false, zstd_same, sizeof(zstd_same), 20), SNN_OK);
    cr_assert_eq(unpack(false, zstd_same, sizeof(zstd_same), 19), SNN_ERR_LIMIT);
}
