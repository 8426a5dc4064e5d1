/* Bits of words, for loops over those that are set. Compilers make single instructions of these
 * lines where they can; nothing here looks at a word of 0.
 */
#ifndef SNN_BASE_BITS_H
#define SNN_BASE_BITS_H

#include <stdint.h>

/* Which bit is the lowest that is set; there must be one. */
static inline unsigned snnbase_lowest_bit(uint64_t bits)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(bits);
#else
    unsigned i = 0;
    while ((bits >> i & 1) == 0)
        i++;
    return i;
#endif
}

#endif
