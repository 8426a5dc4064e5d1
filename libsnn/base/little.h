/* Little-endian numbers in the bytes of a file, at any address, on any host; nothing here checks
 * sizes. Compilers make single loads of these lines.
 */
#ifndef SNN_BASE_LITTLE_H
#define SNN_BASE_LITTLE_H

#include <stdint.h>

static inline uint16_t snnbase_little16(const unsigned char *b)
{
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t snnbase_little32(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t snnbase_little64(const unsigned char *b)
{
    return snnbase_little32(b) | (uint64_t)snnbase_little32(b + 4) << 32;
}

#endif
