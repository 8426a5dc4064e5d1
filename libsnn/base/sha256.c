/* SHA-256 after FIPS 180-4, of bytes at once or in pieces.
 *
 * It names things by their content (provenance, side-car tensors, what a checkpoint belongs to);
 * nothing secret passes here, and no care is taken of timing.
 */
#include "libsnn/base/sha256.h"

#include <string.h>

enum { BLOCK_SIZE = 64 };

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, unsigned bits)
{
    return x >> bits | x << (32 - bits);
}

static uint32_t word_load(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next eight words of the message schedule, in place of those that are 16 rounds old. */
static void schedule_turn(uint32_t w[16], size_t round)
{
    for (size_t i = round; i < round + 8; i++) {
        uint32_t a = w[(i + 1) % 16];
        uint32_t b = w[(i + 14) % 16];
        uint32_t s0 = rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3;
        uint32_t s1 = rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10;
        w[i % 16] += s0 + w[(i + 9) % 16] + s1;
    }
}

/* A round changes two of the working variables and renames all; here the names turn from one use to
 * the next and nothing is moved, which makes it twice as fast. */
#define ROUND(a, b, c, d, e, f, g, h, addend)                                         \
    do {                                                                              \
        uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25); \
        uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22); \
        h += s1 + (g ^ (e & (f ^ g))) + (addend);                                     \
        d += h;                                                                       \
        h += s0 + ((a & b) | (c & (a | b)));                                          \
    } while (0)

static void block_digest(uint32_t hash[8], const unsigned char block[BLOCK_SIZE])
{
    uint32_t w[16];
    for (size_t i = 0; i < 16; i++)
        w[i] = word_load(block + 4 * i);
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];
    uint32_t e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (size_t i = 0; i < 64; i += 8) {
        if (i >= 16) schedule_turn(w, i);
        const uint32_t *k = round_constants + i, *x = w + i % 16;
        ROUND(a, b, c, d, e, f, g, h, k[0] + x[0]);
        ROUND(h, a, b, c, d, e, f, g, k[1] + x[1]);
        ROUND(g, h, a, b, c, d, e, f, k[2] + x[2]);
        ROUND(f, g, h, a, b, c, d, e, k[3] + x[3]);
        ROUND(e, f, g, h, a, b, c, d, k[4] + x[4]);
        ROUND(d, e, f, g, h, a, b, c, k[5] + x[5]);
        ROUND(c, d, e, f, g, h, a, b, k[6] + x[6]);
        ROUND(b, c, d, e, f, g, h, a, k[7] + x[7]);
    }
    const uint32_t v[8] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; i++)
        hash[i] += v[i];
}

void snnbase_sha256_init(struct snnbase_sha256 *s)
{
    /* First 32 bits of the fractional parts of the square roots of the first 8 primes. */
    static const uint32_t begin[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->hash, begin, sizeof(begin));
    s->size = 0;
}

void snnbase_sha256_update(struct snnbase_sha256 *s, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    const size_t held = s->size % BLOCK_SIZE;
    s->size += size;
    if (held > 0) {
        const size_t room = BLOCK_SIZE - held, taken = size < room ? size : room;
        if (taken > 0) memcpy(s->rest + held, bytes, taken);
        if (taken < room) return;
        block_digest(s->hash, s->rest);
        bytes += taken;
        size -= taken;
    }
    for (; size >= BLOCK_SIZE; bytes += BLOCK_SIZE, size -= BLOCK_SIZE)
        block_digest(s->hash, bytes);
    if (size > 0) memcpy(s->rest, bytes, size);
}

void snnbase_sha256_update_number(struct snnbase_sha256 *s, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> 8 * i & 0xFF);
    snnbase_sha256_update(s, bytes, sizeof(bytes));
}

/* The rest of the message, a one bit, zeros, and the message's length in bits: one or two blocks.
 */
void snnbase_sha256_finish(struct snnbase_sha256 *s, unsigned char out[SNNBASE_SHA256_SIZE])
{
    unsigned char tail[2 * BLOCK_SIZE] = {0};
    const size_t rest_size = s->size % BLOCK_SIZE;
    memcpy(tail, s->rest, rest_size);
    tail[rest_size] = 0x80;
    const size_t tail_size = rest_size + 1 + 8 <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    const uint64_t bit_count = s->size * 8;
    for (size_t i = 0; i < 8; i++)
        tail[tail_size - 1 - i] = (unsigned char)(bit_count >> 8 * i & 0xFF);
    block_digest(s->hash, tail);
    if (tail_size > BLOCK_SIZE) block_digest(s->hash, tail + BLOCK_SIZE);
    for (size_t i = 0; i < SNNBASE_SHA256_SIZE; i++)
        out[i] = (unsigned char)(s->hash[i / 4] >> (24 - 8 * (i % 4)) & 0xFF);
}

void snnbase_sha256_format(const unsigned char digest[SNNBASE_SHA256_SIZE],
                           char hex[SNNBASE_SHA256_HEX_SIZE])
{
    for (size_t i = 0; i < 2 * SNNBASE_SHA256_SIZE; i++)
        hex[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    hex[2 * SNNBASE_SHA256_SIZE] = '\0';
}

void snnbase_sha256_hex(const void *data, size_t size, char hex[SNNBASE_SHA256_HEX_SIZE])
{
    struct snnbase_sha256 state;
    unsigned char digest[SNNBASE_SHA256_SIZE];
    snnbase_sha256_init(&state);
    snnbase_sha256_update(&state, data, size);
    snnbase_sha256_finish(&state, digest);
    snnbase_sha256_format(digest, hex);
}
