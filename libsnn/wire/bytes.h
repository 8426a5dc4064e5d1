/* Little-endian numbers in bytes, at any address, on any host; nothing here checks sizes.
 *
 * Compilers make single loads and stores of these lines, but gcc not in a loop that it vectorises
 * first: words, which come in such loops, are copied where that is the same.
 */
#ifndef SNN_WIRE_BYTES_H
#define SNN_WIRE_BYTES_H

#include <stdint.h>

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SNNWIRE_COPIES 1
#else
#define SNNWIRE_COPIES 0
#endif

static inline uint16_t snnwire_get16(const uint8_t *b)
{
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t snnwire_get32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t snnwire_get64(const uint8_t *b)
{
#if SNNWIRE_COPIES
    uint64_t value;
    __builtin_memcpy(&value, b, sizeof(value));
    return value;
#else
    return snnwire_get32(b) | (uint64_t)snnwire_get32(b + 4) << 32;
#endif
}

static inline void snnwire_put16(uint8_t *b, uint16_t value)
{
    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
}

static inline void snnwire_put32(uint8_t *b, uint32_t value)
{
    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
    b[2] = (uint8_t)(value >> 16);
    b[3] = (uint8_t)(value >> 24);
}

static inline void snnwire_put64(uint8_t *b, uint64_t value)
{
#if SNNWIRE_COPIES
    __builtin_memcpy(b, &value, sizeof(value));
#else
    snnwire_put32(b, (uint32_t)value);
    snnwire_put32(b + 4, (uint32_t)(value >> 32));
#endif
}

#endif
