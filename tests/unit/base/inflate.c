/* gzip and zlib streams: good ones, truncated, corrupt, and larger than allowed.
 *
 * The hand-made streams hold "123456789" in a stored block, whose CRC-32 (cbf43926) and Adler-32
 * (091e01de) are the published check values.
 */
#include "libsnn/base/inflate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

/*                      magic       method flags  time        xfl   os    */
#define GZIP_HEADER 0x1f, 0x8b, 0x08, 0x00, 0, 0, 0, 0, 0x00, 0xff
/*                      last  length 9    its complement */
#define STORED_NINE 0x01, 0x09, 0x00, 0xf6, 0xff, '1', '2', '3', '4', '5', '6', '7', '8', '9'

static const unsigned char gzip_nine[] = {GZIP_HEADER, STORED_NINE, 0x26, 0x39, 0xf4,
                                          0xcb,        0x09,        0x00, 0x00, 0x00};
static const unsigned char zlib_nine[] = {0x78, 0x01, STORED_NINE, 0x09, 0x1e, 0x01, 0xde};

static struct support_allocator allocator;
static struct snn_context *context;
static struct snnbase_buffer out;

static void setup(void)
{
    context = support_context(&allocator, NULL);
}

static void teardown(void)
{
    snnbase_buffer_fini(context, &out);
    support_context_end(&context, &allocator);
}

TestSuite(gzip, .init = setup, .fini = teardown);
TestSuite(zlib, .init = setup, .fini = teardown);

static int gunzip(const void *data, size_t size, size_t size_max)
{
    out.size = 0;
    return snnbase_gzip_unpack(context, data, size, size_max, &out);
}

static int pack(struct snn_context *with, const void *data, size_t size, int level,
                struct snnbase_buffer *to)
{
    struct snnbase_packer *packer = NULL;
    int status = snnbase_packer_open(&packer, with, level);
    if (status == SNN_OK) status = snnbase_packer_push(packer, data, size, true, to);
    snnbase_packer_close(&packer);
    return status;
}

/* A gzip stream of `size` zero bytes around the deflate data that a packer makes. */
static struct snnbase_buffer gzip_zeros(size_t size)
{
    static const unsigned char header[] = {GZIP_HEADER};
    struct snnbase_buffer packed = {0};
    struct snnbase_buffer gzip = {0};
    unsigned char *zeros = calloc(size, 1);
    cr_assert_not_null(zeros);
    cr_assert_eq(pack(context, zeros, size, SNNBASE_PACK_BEST, &packed), SNN_OK);
    uint32_t words[2] = {snnbase_crc32(0, zeros, size), (uint32_t)size};
    unsigned char trailer[8];
    for (size_t i = 0; i < 8; i++)
        trailer[i] = (unsigned char)(words[i / 4] >> 8 * (i % 4) & 255);
    free(zeros);
    cr_assert_eq(snnbase_buffer_append(context, &gzip, header, sizeof(header)), SNN_OK);
    /* Without zlib's two bytes of header and four of Adler-32. */
    cr_assert_eq(snnbase_buffer_append(context, &gzip, packed.data + 2, packed.size - 6), SNN_OK);
    cr_assert_eq(snnbase_buffer_append(context, &gzip, trailer, sizeof(trailer)), SNN_OK);
    snnbase_buffer_fini(context, &packed);
    return gzip;
}

Test(gzip, magic_is_recognised)
{
    cr_assert(snnbase_gzip_probe(gzip_nine, sizeof(gzip_nine)));
    cr_assert(snnbase_gzip_probe(gzip_nine, 2));
    cr_assert_not(snnbase_gzip_probe(gzip_nine, 1));
    cr_assert_not(snnbase_gzip_probe(NULL, 0));
    cr_assert_not(snnbase_gzip_probe("\x1f\x8c", 2));
    cr_assert_not(snnbase_gzip_probe(zlib_nine, sizeof(zlib_nine)));
}

Test(gzip, a_head_is_what_there_is_room_and_input_for)
{
    char head[16] = "";
    static const unsigned char damaged[] = {GZIP_HEADER, 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq(snnbase_gzip_head(context, gzip_nine, sizeof(gzip_nine), head, 4), 4u);
    cr_assert_eq(memcmp(head, "1234", 4), 0);
    /* 10 bytes of header, 5 of the block's, 3 of the text. */
    cr_assert_eq(snnbase_gzip_head(context, gzip_nine, 18, head, sizeof(head)), 3u);
    cr_assert_eq(snnbase_gzip_head(context, gzip_nine, 5, head, sizeof(head)), 0u);
    cr_assert_eq(snnbase_gzip_head(context, damaged, sizeof(damaged), head, sizeof(head)), 0u);
}

Test(gzip, stream_is_unpacked_and_appended)
{
    cr_assert_eq(snnbase_buffer_append(context, &out, ">", 1), SNN_OK);
    cr_assert_eq(snnbase_gzip_unpack(context, gzip_nine, sizeof(gzip_nine), 9, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, ">123456789", 10));
}

Test(gzip, members_follow_one_another)
{
    unsigned char both[2 * sizeof(gzip_nine)];
    memcpy(both, gzip_nine, sizeof(gzip_nine));
    memcpy(both + sizeof(gzip_nine), gzip_nine, sizeof(gzip_nine));
    cr_assert_eq(gunzip(both, sizeof(both), 18), SNN_OK);
    cr_assert(support_buffer_equals(&out, "123456789123456789", 18));
    cr_assert_eq(gunzip(both, sizeof(both), 17), SNN_ERR_LIMIT);
    cr_assert_eq(gunzip(both, sizeof(both) - 1, 18), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "truncated at byte 63");
    cr_assert_eq(out.size, 0);
}

Test(gzip, every_truncation_is_told_with_its_place)
{
    for (size_t size = 0; size < sizeof(gzip_nine); size++) {
        char message[64];
        snprintf(message, sizeof(message), "truncated at byte %zu", size);
        cr_assert_eq(gunzip(gzip_nine, size, 100), SNN_ERR_FORMAT, "%zu bytes", size);
        cr_assert_str_eq(snn_context_message(context), message);
        cr_assert_eq(out.size, 0);
    }
}

/* Time, extra flags and system (bytes 4 to 9) say nothing about the data, the lowest flag (bit 24)
 * only that it is text, and behind the three bits that begin a stored block five are skipped (83 to
 * 87); whatever else is wrong must be noticed. */
Test(gzip, every_flipped_bit_is_noticed)
{
    for (size_t bit = 0; bit < 8 * sizeof(gzip_nine); bit++) {
        unsigned char corrupt[sizeof(gzip_nine)];
        memcpy(corrupt, gzip_nine, sizeof(corrupt));
        corrupt[bit / 8] ^= (unsigned char)(1u << bit % 8);
        int status = gunzip(corrupt, sizeof(corrupt), 100);
        bool harmless = (bit / 8 >= 4 && bit / 8 <= 9) || bit == 24 || (bit >= 83 && bit <= 87);
        cr_assert_eq(status, harmless ? SNN_OK : SNN_ERR_FORMAT, "byte %zu bit %zu: %s", bit / 8,
                     bit % 8, snn_status_name(status));
        if (harmless) cr_assert(support_buffer_equals(&out, "123456789", 9));
        cr_assert(harmless || out.size == 0);
    }
}

Test(gzip, wrong_checksum_is_named)
{
    unsigned char corrupt[sizeof(gzip_nine)];
    memcpy(corrupt, gzip_nine, sizeof(corrupt));
    corrupt[15] = '0';
    cr_assert_eq(gunzip(corrupt, sizeof(corrupt), 100), SNN_ERR_FORMAT);
    cr_assert(support_contains(snn_context_message(context), "incorrect data check"));
}

Test(gzip, bytes_behind_the_stream_are_refused)
{
    unsigned char longer[sizeof(gzip_nine) + 3] = {0};
    memcpy(longer, gzip_nine, sizeof(gzip_nine));
    for (size_t extra = 1; extra <= 3; extra++) {
        char message[96];
        snprintf(message, sizeof(message),
                 "byte 32: %zu bytes that are not gzip follow the packed data", extra);
        cr_assert_eq(gunzip(longer, sizeof(gzip_nine) + extra, 100), SNN_ERR_FORMAT);
        cr_assert_str_eq(snn_context_message(context), message);
        cr_assert_eq(out.size, 0);
    }
}

Test(gzip, bomb_stops_at_the_limit)
{
    size_t size = (size_t)32 << 20;
    struct snnbase_buffer bomb = gzip_zeros(size);
    cr_assert_lt(bomb.size, size / 500, "no bomb at all: %zu bytes", bomb.size);
    cr_assert_eq(gunzip(bomb.data, bomb.size, 100000), SNN_ERR_LIMIT);
    cr_assert(support_contains(snn_context_message(context),
                               "unpacks to more than the limit of 100000 bytes"));
    cr_assert_eq(out.size, 0);
    cr_assert_leq(out.capacity, 200000, "%zu bytes were held", out.capacity);
    cr_assert_eq(gunzip(bomb.data, bomb.size, size - 1), SNN_ERR_LIMIT);
    cr_assert_eq(gunzip(bomb.data, bomb.size, size), SNN_OK);
    cr_assert_eq(out.size, size);
    snnbase_buffer_fini(context, &bomb);
}

static int gunzip_fresh(struct snn_context *failing, void *user)
{
    struct snnbase_buffer *gzip = user;
    struct snnbase_buffer unpacked = {0};
    int status = snnbase_gzip_unpack(failing, gzip->data, gzip->size, 100000, &unpacked);
    snnbase_buffer_fini(failing, &unpacked);
    return status;
}

Test(gzip, failing_allocator_is_nomem)
{
    struct snnbase_buffer gzip = gzip_zeros(100000);
    support_sweep(gunzip_fresh, &gzip);
    snnbase_buffer_fini(context, &gzip);
}

static int unzlib(const void *data, size_t size, size_t unpacked_size, unsigned char *to)
{
    return snnbase_zlib_unpack(context, data, size, to, unpacked_size);
}

Test(zlib, stream_fills_exactly_what_was_promised)
{
    unsigned char bytes[10] = {0};
    bytes[9] = 0x5A;
    cr_assert_eq(unzlib(zlib_nine, sizeof(zlib_nine), 9, bytes), SNN_OK);
    cr_assert_eq(memcmp(bytes, "123456789\x5A", 10), 0);
}

Test(zlib, stream_longer_than_promised_is_refused)
{
    unsigned char bytes[10];
    memset(bytes, 0x5A, sizeof(bytes));
    cr_assert_eq(unzlib(zlib_nine, sizeof(zlib_nine), 8, bytes), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "unpacks to more than the 8 bytes promised");
    cr_assert_eq(bytes[8], 0x5A, "written beyond the promise");
    cr_assert_eq(unzlib(zlib_nine, sizeof(zlib_nine), 0, NULL), SNN_ERR_FORMAT);
}

Test(zlib, stream_shorter_than_promised_is_refused)
{
    unsigned char bytes[10];
    cr_assert_eq(unzlib(zlib_nine, sizeof(zlib_nine), 10, bytes), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "unpacks to 9 bytes, 10 promised");
}

Test(zlib, every_truncation_is_told_with_its_place)
{
    for (size_t size = 0; size < sizeof(zlib_nine); size++) {
        unsigned char bytes[9];
        char message[64];
        snprintf(message, sizeof(message), "truncated at byte %zu", size);
        cr_assert_eq(unzlib(zlib_nine, size, 9, bytes), SNN_ERR_FORMAT);
        cr_assert_str_eq(snn_context_message(context), message);
    }
}

/* All but the five that a stored block skips. */
Test(zlib, every_flipped_bit_is_noticed)
{
    for (size_t bit = 0; bit < 8 * sizeof(zlib_nine); bit++) {
        unsigned char corrupt[sizeof(zlib_nine)];
        unsigned char bytes[9];
        memcpy(corrupt, zlib_nine, sizeof(corrupt));
        corrupt[bit / 8] ^= (unsigned char)(1u << bit % 8);
        bool harmless = bit >= 19 && bit <= 23;
        cr_assert_eq(unzlib(corrupt, sizeof(corrupt), 9, bytes), harmless ? SNN_OK : SNN_ERR_FORMAT,
                     "bit %zu", bit);
    }
}

Test(zlib, bytes_behind_the_stream_are_refused)
{
    unsigned char longer[sizeof(zlib_nine) + 2] = {0};
    unsigned char bytes[9];
    memcpy(longer, zlib_nine, sizeof(zlib_nine));
    cr_assert_eq(unzlib(longer, sizeof(longer), 9, bytes), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "byte 20: 2 bytes follow the packed data");
}

Test(zlib, preset_dictionary_and_gzip_header_are_refused)
{
    /* RFC 1950: FDICT is bit 5 of the second byte, and 0x78bb = 31 * 997; then the dictionary's
     * Adler-32. */
    static const unsigned char dictionary[] = {0x78, 0xbb, 0, 0, 0, 1, 0x03, 0x00};
    unsigned char bytes[9];
    cr_assert_eq(unzlib(dictionary, sizeof(dictionary), 9, bytes), SNN_ERR_FORMAT);
    cr_assert(support_contains(snn_context_message(context), "preset dictionary"), "%s",
              snn_context_message(context));
    cr_assert_eq(unzlib(gzip_nine, sizeof(gzip_nine), 9, bytes), SNN_ERR_FORMAT);
    cr_assert(support_contains(snn_context_message(context), "incorrect header check"));
}

Test(zlib, packed_bytes_unpack_to_themselves)
{
    enum { SIZE = 300000 };
    unsigned char *bytes = malloc(2 * (size_t)SIZE);
    cr_assert_not_null(bytes);
    uint32_t state = 1;
    for (size_t i = 0; i < SIZE; i++) {
        state = state * 1664525 + 1013904223; /* half noise, half runs */
        bytes[i] = i % 2000 < 1000 ? (unsigned char)(state >> 24) : 7;
    }
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, SIZE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        out.size = 0;
        cr_assert_eq(pack(context, bytes, sizes[i], SNNBASE_PACK_BEST, &out), SNN_OK);
        memset(bytes + SIZE, 0, SIZE);
        cr_assert_eq(unzlib(out.data, out.size, sizes[i], bytes + SIZE), SNN_OK);
        cr_assert_eq(memcmp(bytes, bytes + SIZE, sizes[i]), 0);
    }
    cr_assert_lt(out.size, SIZE * 6 / 10);
    free(bytes);
}

Test(zlib, packed_bytes_are_appended)
{
    cr_assert_eq(snnbase_buffer_append(context, &out, ">", 1), SNN_OK);
    cr_assert_eq(pack(context, NULL, 0, SNNBASE_PACK_BEST, &out), SNN_OK);
    /* Nothing, at level 9: header 78 da, an empty block 03 00, Adler-32 of nothing is 1. */
    cr_assert(support_buffer_equals(&out, ">\x78\xda\x03\x00\x00\x00\x00\x01", 9));
}

/* At every level, in pieces of any size: one stream, which may be unpacked in pieces of any size.
 */
struct pieces {
    const unsigned char *at;
    size_t size;
};

static int next_piece(const unsigned char **piece_out, size_t *size_out, void *user)
{
    struct pieces *pieces = user;
    *piece_out = pieces->at;
    *size_out = pieces->size;
    pieces->at += pieces->size;
    return SNN_OK;
}

/* At every level, in pieces of any size: one stream, which may be unpacked in pieces of any size.
 */
Test(zlib, pieces_in_and_pieces_out)
{
    enum { SIZE = 60000 };
    static const int levels[] = {SNNBASE_PACK_STORE, SNNBASE_PACK_FAST, SNNBASE_PACK_BEST};
    static const size_t steps[] = {1, 7, 16384, SIZE};
    static unsigned char bytes[SIZE], back[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * i >> 12 & 255);
    for (size_t i = 0; i < 12; i++) {
        size_t step = steps[i % 4];
        struct snnbase_packer *packer = NULL;
        out.size = 0;
        cr_assert_eq(snnbase_packer_open(&packer, context, levels[i / 4]), SNN_OK);
        for (size_t at = 0; at < SIZE; at += step) {
            size_t piece = SIZE - at < step ? SIZE - at : step;
            cr_assert_eq(snnbase_packer_push(packer, bytes + at, piece, false, &out), SNN_OK);
        }
        cr_assert_eq(snnbase_packer_push(packer, NULL, 0, true, &out), SNN_OK);
        snnbase_packer_close(&packer);
        cr_assert_null(packer);
        if (levels[i / 4] == SNNBASE_PACK_STORE)
            cr_assert_geq(out.size, SIZE);
        else
            cr_assert_lt(out.size, SIZE / 2);
        struct pieces from = {out.data, step};
        const struct snnbase_pieces pieces = {out.size, next_piece, &from};
        memset(back, 0, SIZE);
        cr_assert_eq(snnbase_zlib_unpack_pieces(context, &pieces, back, SIZE), SNN_OK, "%s",
                     snn_context_message(context));
        cr_assert_arr_eq(back, bytes, SIZE);
    }
}

static int no_piece(const unsigned char **piece_out, size_t *size_out, void *user)
{
    (void)piece_out;
    (void)size_out;
    return snnbase_fail(user, SNN_ERR_IO, "no more pieces");
}

Test(zlib, pieces_that_cannot_be_had_end_it)
{
    const struct snnbase_pieces pieces = {100, no_piece, context};
    unsigned char bytes[9];
    cr_assert_eq(snnbase_zlib_unpack_pieces(context, &pieces, bytes, 9), SNN_ERR_IO);
    cr_assert_str_eq(snn_context_message(context), "no more pieces");
}

static int zlib_both(struct snn_context *failing, void *user)
{
    static unsigned char bytes[50000];
    static unsigned char again[50000];
    (void)user;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * i >> 7 & 255);
    struct snnbase_buffer packed = {0};
    int status = pack(failing, bytes, sizeof(bytes), SNNBASE_PACK_BEST, &packed);
    if (status == SNN_OK) {
        status = snnbase_zlib_unpack(failing, packed.data, packed.size, again, sizeof(again));
    }
    snnbase_buffer_fini(failing, &packed);
    return status;
}

Test(zlib, failing_allocator_is_nomem)
{
    support_sweep(zlib_both, NULL);
}

/* ---- Bare deflate ---- */

Test(zlib, a_bare_stream_has_neither_header_nor_checksum)
{
    static const unsigned char bare[] = {STORED_NINE};
    char bytes[9];
    cr_assert_eq(snnbase_deflate_unpack(context, bare, sizeof(bare), bytes, 9), SNN_OK);
    cr_assert_arr_eq(bytes, "123456789", 9);
    cr_assert_eq(snnbase_deflate_unpack(context, bare, sizeof(bare), bytes, 8), SNN_ERR_FORMAT);
    cr_assert_eq(snnbase_deflate_unpack(context, bare, sizeof(bare) - 1, bytes, 9), SNN_ERR_FORMAT);
    cr_assert_eq(snnbase_deflate_unpack(context, zlib_nine, sizeof(zlib_nine), bytes, 9),
                 SNN_ERR_FORMAT);
}
