/* SHA-256 (FIPS 180-4), for naming files by their content. */
#ifndef SNN_BASE_SHA256_H
#define SNN_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SNNBASE_SHA256_HEX_SIZE 65u /* 64 digits and the terminator */

void snnbase_sha256_hex(const void *data, size_t size, char hex[SNNBASE_SHA256_HEX_SIZE]);

#endif
