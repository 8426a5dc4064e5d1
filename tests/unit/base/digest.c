/* Base64, SHA-256, CRC-32 and Philox against published vectors. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/base64.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/rng.h"
#include "libsnn/base/sha256.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

/* RFC 4648 section 10. */
static const char *const base64_pairs[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

Test(base64, vectors_of_rfc_4648_encode_and_decode)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    for (size_t i = 0; i < sizeof(base64_pairs) / sizeof(base64_pairs[0]); i++) {
        const char *plain = base64_pairs[i][0];
        const char *coded = base64_pairs[i][1];
        struct snnbase_buffer out = {0};
        cr_assert_eq(snnbase_base64_encode(context, plain, strlen(plain), &out), SNN_OK);
        cr_assert(support_buffer_equals(&out, coded, strlen(coded)), "'%s'", plain);
        snnbase_buffer_fini(context, &out);
        cr_assert_eq(snnbase_base64_decode(context, coded, strlen(coded), &out), SNN_OK);
        cr_assert(support_buffer_equals(&out, plain, strlen(plain)), "'%s'", coded);
        snnbase_buffer_fini(context, &out);
    }
    support_context_end(&context, &allocator);
}

Test(base64, all_digits_stand_for_their_values)
{
    /* The digits in order are the values 0..63: bytes 00 10 83 10 51 87 ... ff. */
    static const char text[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[48];
    for (size_t i = 0; i < 16; i++) {
        unsigned first = (unsigned)(4 * i);
        unsigned group = first << 18 | (first + 1) << 12 | (first + 2) << 6 | (first + 3);
        bytes[3 * i] = (unsigned char)(group >> 16);
        bytes[3 * i + 1] = (unsigned char)(group >> 8 & 255);
        bytes[3 * i + 2] = (unsigned char)(group & 255);
    }
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_buffer out = {0};
    cr_assert_eq(snnbase_base64_decode(context, text, 64, &out), SNN_OK);
    cr_assert(support_buffer_equals(&out, bytes, 48));
    cr_assert_eq(snnbase_base64_encode(context, bytes, 48, &out), SNN_OK);
    cr_assert_eq(out.size, 48 + 64);
    cr_assert_eq(memcmp(out.data + 48, text, 64), 0);
    snnbase_buffer_fini(context, &out);
    support_context_end(&context, &allocator);
}

Test(base64, text_that_no_encoder_writes_is_refused_with_its_offset)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"Zm9v\nZm9v", "byte 4: 0x0a "},
        {"Zm9*", "byte 3: 0x2a "},
        {"Zg==Zg==", "byte 2: 0x3d "},
        {"Zg=v", "byte 2: 0x3d "},
        {"====", "byte 0: 0x3d "},
        {"Z===", "byte 1: 0x3d "},
        {"Zh==", "byte 1: 0x68 "},
        {"Zm9=", "byte 2: 0x39 "},
        {"Zm9vZg", "byte 6: base64 text ends"},
        {"Z", "byte 1: base64 text ends"},
        {"Zm9vZm9\xff", "byte 7: 0xff "},
    };
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_buffer out = {0};
    cr_assert_eq(snnbase_buffer_append(context, &out, "kept", 4), SNN_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = snnbase_base64_decode(context, rows[i].text, strlen(rows[i].text), &out);
        cr_assert_eq(status, SNN_ERR_FORMAT, "'%s'", rows[i].text);
        cr_assert(support_contains(snn_context_message(context), rows[i].message), "'%s': %s",
                  rows[i].text, snn_context_message(context));
        cr_assert(support_buffer_equals(&out, "kept", 4));
    }
    snnbase_buffer_fini(context, &out);
    support_context_end(&context, &allocator);
}

/* Texts of 0 to 9 bytes in pieces of 1 to 3 groups: what one piece gives, and the same offsets. */
Test(base64, pieces_are_read_like_the_whole)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    static const char plain[] = "123456789";
    for (size_t size = 0; size <= 9; size++) {
        struct snnbase_buffer text = {0};
        cr_assert_eq(snnbase_base64_encode(context, plain, size, &text), SNN_OK);
        cr_assert_eq(snnbase_base64_decoded_size((const char *)text.data, text.size), size);
        for (size_t room = 3; room <= 11; room++) {
            struct snnbase_base64_reader reader = {context, (const char *)text.data, text.size, 0};
            unsigned char out[16];
            size_t total = 0, made = 1;
            while (made > 0) {
                int status = snnbase_base64_read(&reader, out + total, room, &made);
                cr_assert_eq(status, SNN_OK);
                cr_assert_leq(made, room);
                total += made;
            }
            cr_assert_eq(total, size);
            cr_assert_arr_eq(out, plain, size);
        }
        snnbase_buffer_fini(context, &text);
    }
    struct snnbase_base64_reader reader = {context, "Zm9vZm9*", 8, 0};
    unsigned char out[3];
    size_t made = 0;
    cr_assert_eq(snnbase_base64_read(&reader, out, 3, &made), SNN_OK);
    cr_assert_eq(snnbase_base64_read(&reader, out, 3, &made), SNN_ERR_FORMAT);
    cr_assert(support_contains(snn_context_message(context), "byte 7: 0x2a "));
    support_context_end(&context, &allocator);
}

static int base64_both(struct snn_context *context, void *user)
{
    (void)user;
    struct snnbase_buffer text = {0};
    struct snnbase_buffer bytes = {0};
    int status = snnbase_base64_encode(context, "some bytes", 10, &text);
    if (status == SNN_OK) {
        status = snnbase_base64_decode(context, (const char *)text.data, text.size, &bytes);
    }
    snnbase_buffer_fini(context, &text);
    snnbase_buffer_fini(context, &bytes);
    return status;
}

Test(base64, failing_allocator_is_nomem)
{
    support_sweep(base64_both, NULL);
}

/* FIPS 180-4 examples, and the empty message. */
Test(sha256, published_digests)
{
    char hex[SNNBASE_SHA256_HEX_SIZE];
    snnbase_sha256_hex(NULL, 0, hex);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    snnbase_sha256_hex("abc", 3, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    snnbase_sha256_hex(two_blocks, 56, hex);
    cr_assert_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    cr_assert_not_null(million);
    memset(million, 'a', 1000000);
    snnbase_sha256_hex(million, 1000000, hex);
    free(million);
    cr_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Where the padding just fits and just does not; digests by sha256sum. */
Test(sha256, lengths_around_a_block)
{
    static const struct {
        size_t size;
        const char *hex;
    } rows[] = {
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {57, "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
        {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
        {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
        {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
    };
    char message[128];
    memset(message, 'a', sizeof(message));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char hex[SNNBASE_SHA256_HEX_SIZE];
        snnbase_sha256_hex(message, rows[i].size, hex);
        cr_assert_str_eq(hex, rows[i].hex, "%zu bytes", rows[i].size);
    }
}

/* The check value of CRC-32/ISO-HDLC in the catalogues. */
/* Cuts before, at and behind the border of a block, and single bytes. */
Test(sha256, pieces_give_the_digest_of_the_whole)
{
    static const size_t cuts[] = {0, 1, 63, 64, 65, 127, 128, 200};
    unsigned char bytes[200], digest[SNNBASE_SHA256_SIZE];
    char whole[SNNBASE_SHA256_HEX_SIZE], pieces[SNNBASE_SHA256_HEX_SIZE];
    struct snnbase_sha256 state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    snnbase_sha256_hex(bytes, sizeof(bytes), whole);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        snnbase_sha256_init(&state);
        snnbase_sha256_update(&state, bytes, cuts[i]);
        for (size_t at = cuts[i]; at < sizeof(bytes); at++)
            snnbase_sha256_update(&state, bytes + at, 1);
        snnbase_sha256_update(&state, NULL, 0);
        snnbase_sha256_finish(&state, digest);
        snnbase_sha256_format(digest, pieces);
        cr_expect_str_eq(pieces, whole, "cut at %zu", cuts[i]);
    }
}

Test(sha256, number_is_eight_bytes_from_the_least_on)
{
    static const unsigned char bytes[] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    unsigned char digest[SNNBASE_SHA256_SIZE];
    char whole[SNNBASE_SHA256_HEX_SIZE], number[SNNBASE_SHA256_HEX_SIZE];
    struct snnbase_sha256 state;
    snnbase_sha256_hex(bytes, sizeof(bytes), whole);
    snnbase_sha256_init(&state);
    snnbase_sha256_update_number(&state, UINT64_C(0x1122334455667788));
    snnbase_sha256_finish(&state, digest);
    snnbase_sha256_format(digest, number);
    cr_expect_str_eq(number, whole);
}

Test(crc32, check_value_in_one_piece_and_in_two)
{
    cr_assert_eq(snnbase_crc32(0, "123456789", 9), 0xCBF43926u);
    uint32_t crc = snnbase_crc32(0, "1234", 4);
    crc = snnbase_crc32(crc, NULL, 0);
    cr_assert_eq(snnbase_crc32(crc, "56789", 5), 0xCBF43926u);
    cr_assert_eq(snnbase_crc32(0, NULL, 0), 0u);
}

/* Random123's kat_vectors, philox4x32 10. */
Test(philox, known_answers_of_random123)
{
    static const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t answer[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t out[4];
        snnbase_philox4x32(rows[i].counter, rows[i].key, out);
        for (size_t j = 0; j < 4; j++)
            cr_assert_eq(out[j], rows[i].answer[j], "vector %zu, word %zu", i, j);
    }
}

Test(philox, counter_may_be_overwritten_by_the_answer)
{
    uint32_t counter[4] = {0};
    const uint32_t key[2] = {0};
    snnbase_philox4x32(counter, key, counter);
    cr_assert_eq(counter[0], 0x6627e8d5u);
    cr_assert_eq(counter[3], 0x9b00dbd8u);
}
