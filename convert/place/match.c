/* Matching slots and cores by augmenting paths, in the order in which Sinabs finds them.
 *
 * Where several matchings are possible, which one comes out depends on the order of the search.
 * Sinabs (sinabs/backend/dynapcnn/mapping.py) runs Edmonds and Karp's maximum flow on source ->
 * layers -> cores -> sink: every round is one breadth-first search that begins at all layers
 * without a core at once, in the order of their indices, and visits cores in that of theirs; the
 * first free core that is met ends it. This is the same search without the flow network: so a later
 * layer that finds a free core at once goes before an earlier one that others have to move for. All
 * placements that are published for its chips come out either way, for no layer has to move in
 * them; that they come out in general is held by a test against such a network.
 */
#include "convert/place/match.h"

#include <stdbool.h>

/* A search: slots that were reached, each but those without a core by way of the core it has. */
struct search {
    uint32_t queue[SNNCONV_MATCH_MAX];
    uint32_t begin, end;
    uint64_t seen;                   /* cores */
    uint8_t from[SNNCONV_MATCH_MAX]; /* [core seen] the slot that reached it */
};

static void begin(struct search *search, const struct snnconv_match *match)
{
    search->begin = search->end = 0;
    search->seen = 0;
    for (uint32_t slot = 0; slot < match->slot_count; slot++)
        if (match->core_of[slot] == SNNCONV_MATCH_NONE) search->queue[search->end++] = slot;
}

/* The first free core that a path leads to, or SNNCONV_MATCH_NONE. */
static uint32_t find_free(struct search *search, const struct snnconv_match *match)
{
    while (search->begin < search->end) {
        uint32_t slot = search->queue[search->begin++];
        uint64_t cores = match->cores[slot] & ~search->seen;
        for (search->seen |= cores; cores != 0; cores &= cores - 1) {
            uint32_t core = snnconv_match_lowest(cores);
            search->from[core] = (uint8_t)slot;
            if (match->slot_of[core] == SNNCONV_MATCH_NONE) return core;
            search->queue[search->end++] = match->slot_of[core];
        }
    }
    return SNNCONV_MATCH_NONE;
}

/* Every slot of the path moves to the core that it reached. */
static void move(struct snnconv_match *match, const struct search *search, uint32_t core)
{
    while (core != SNNCONV_MATCH_NONE) {
        uint32_t slot = search->from[core], left = match->core_of[slot];
        match->core_of[slot] = (uint8_t)core;
        match->slot_of[core] = (uint8_t)slot;
        core = left;
    }
}

uint32_t snnconv_match_run(struct snnconv_match *match)
{
    struct search search;
    uint32_t matched = 0;
    for (uint32_t i = 0; i < SNNCONV_MATCH_MAX; i++)
        match->core_of[i] = match->slot_of[i] = SNNCONV_MATCH_NONE;
    for (; matched < match->slot_count; matched++) {
        begin(&search, match);
        uint32_t core = find_free(&search, match);
        if (core == SNNCONV_MATCH_NONE) break;
        move(match, &search, core);
    }
    return matched;
}
