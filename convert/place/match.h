/* Matching in bipartite graphs of at most 64 by 64: slots that want a core each, and cores.
 *
 * Assignment (assign.c) is its only user; the graph is a set of cores for each slot.
 */
#ifndef SNN_CONVERT_MATCH_H
#define SNN_CONVERT_MATCH_H

#include <stdint.h>

#include "libsnn/base/bits.h"
#include "snn/chip.h"

/* Cores as bits of a word. */
enum { SNNCONV_MATCH_MAX = SNN_CHIP_CORES_MAX, SNNCONV_MATCH_NONE = SNN_CHIP_CORES_MAX };

static inline uint64_t snnconv_match_bit(uint32_t core)
{
    return UINT64_C(1) << core;
}

/* The lowest core of a set that is not empty. */
static inline uint32_t snnconv_match_lowest(uint64_t cores)
{
    return snnbase_lowest_bit(cores);
}

struct snnconv_match {
    uint32_t slot_count;
    uint64_t cores[SNNCONV_MATCH_MAX];  /* [slot] that would do */
    uint8_t core_of[SNNCONV_MATCH_MAX]; /* [slot] SNNCONV_MATCH_NONE: none */
    uint8_t slot_of[SNNCONV_MATCH_MAX]; /* [core] likewise */
};

/* Gives as many slots a core as can have one, and returns their number. */
uint32_t snnconv_match_run(struct snnconv_match *match);

#endif
