/* Big-endian numbers in the bytes of a file, at any address, on any host; nothing here checks
 * sizes. Little-endian ones are in little.h.
 */
#ifndef SNN_BASE_BIG_H
#define SNN_BASE_BIG_H

#include <stdint.h>

static inline uint16_t snnbase_big16(const unsigned char *b)
{
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t snnbase_big32(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

#endif
