/* SHA-256 (FIPS 180-4), for naming files, models and data by their content. */
#ifndef SNN_BASE_SHA256_H
#define SNN_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SNNBASE_SHA256_SIZE 32u
#define SNNBASE_SHA256_HEX_SIZE 65u /* 64 digits and the terminator */

/* Of bytes that come in pieces: init, any number of updates, finish once. */
struct snnbase_sha256 {
    uint32_t hash[8];
    unsigned char rest[64]; /* the block that is not full yet */
    uint64_t size;          /* of all bytes so far */
};

void snnbase_sha256_init(struct snnbase_sha256 *state);
/* `data` may be NULL when `size` is 0. */
void snnbase_sha256_update(struct snnbase_sha256 *state, const void *data, size_t size);
/* A number as eight bytes, the least significant first. */
void snnbase_sha256_update_number(struct snnbase_sha256 *state, uint64_t number);
void snnbase_sha256_finish(struct snnbase_sha256 *state, unsigned char out[SNNBASE_SHA256_SIZE]);
void snnbase_sha256_format(const unsigned char digest[SNNBASE_SHA256_SIZE],
                           char hex[SNNBASE_SHA256_HEX_SIZE]);

void snnbase_sha256_hex(const void *data, size_t size, char hex[SNNBASE_SHA256_HEX_SIZE]);

#endif
