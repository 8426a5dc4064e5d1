/* Cores for layers: whole where all can be, else with the fewest layers shared by two cores.
 *
 * Without sharing it is a matching (match.c). Which layers to share, and by which cores, has no
 * such algorithm (three things are matched at once), so it is searched for: one shared layer, two,
 * ..., sets of layers in the order of their indices, pairs of cores likewise. Branches are cut only
 * where they hold no placement, and pairs are left out only where a pair of lesser cores does the
 * same, so what is found is what trying everything would find, unless the steps run out. Words of
 * memory are not its business: it sees how many features of a layer fit a core.
 */
#include <string.h>

#include "convert/place/match.h"
#include "convert/place/place.h"

enum { LAYERS_MAX = SNNCONV_MATCH_MAX };

/* Sets of cores and of layers are bits of a word: there are no more layers than cores. */
struct search {
    const struct snnconv_assignment_problem *problem;
    uint64_t whole[LAYERS_MAX];         /* [layer] cores that hold all of it */
    uint64_t lesser[SNNCONV_MATCH_MAX]; /* [core] see compare_cores */
    int64_t spare[LAYERS_MAX + 1];      /* [source] further parts that it may reach */
    uint64_t divisible;                 /* layers that may be shared */
    uint64_t open;                      /* layers that are not pinned */
    uint64_t shared;                    /* of these, chosen to be */
    uint64_t paired;                    /* of these, that have their cores */
    uint64_t free;                      /* cores */
    uint32_t decided;                   /* layers before this one are shared now or never */
    uint32_t steps;                     /* left */
    bool gave_up;                       /* they did not last */
    struct snnconv_assigned *out;
};

static bool has(uint64_t set, uint32_t member)
{
    return (set >> member & 1) != 0;
}

static uint32_t count(uint64_t set)
{
    uint32_t members = 0;
    for (; set != 0; set &= set - 1)
        members++;
    return members;
}

static const uint32_t *row(const struct search *s, uint32_t layer)
{
    return s->problem->features_most + (size_t)layer * s->problem->core_count;
}

static bool holds_both(const struct search *s, uint32_t layer, uint32_t a, uint32_t b)
{
    const uint32_t *most = row(s, layer);
    return most[a] > 0 && most[b] > 0 && (uint64_t)most[a] + most[b] >= s->problem->features[layer];
}

/* ---- The problem ---- */

static void list_whole(struct search *s)
{
    for (uint32_t layer = 0; layer < s->problem->layer_count; layer++)
        for (uint32_t core = 0; core < s->problem->core_count; core++)
            if (row(s, layer)[core] >= s->problem->features[layer])
                s->whole[layer] |= snnconv_match_bit(core);
}

/* Counts the links of each source, and finds which layers more than one part can reach. False if a
 * source has too many links as it is. */
static bool count_links(struct search *s)
{
    const struct snnconv_assignment_problem *p = s->problem;
    for (uint32_t layer = 0; layer < p->layer_count; layer++)
        if (p->features[layer] > 1) s->divisible |= snnconv_match_bit(layer);
    for (uint32_t source = 0; source <= p->layer_count; source++)
        s->spare[source] = p->destination_max;
    for (uint32_t i = 0; i < p->link_count; i++) {
        s->spare[p->links[i].source]--;
        for (uint32_t j = 0; j < i; j++)
            if (p->links[j].source == p->links[i].source && p->links[j].layer == p->links[i].layer)
                s->divisible &= ~snnconv_match_bit(p->links[i].layer);
    }
    for (uint32_t source = 0; source <= p->layer_count; source++)
        if (s->spare[source] < 0) return false;
    return true;
}

/* One core is lesser than another if it holds no more of any layer; of two that hold the same, the
 * one with the lower index is. Wherever a lesser core does, nothing is lost by taking it: whoever
 * would have had it takes the other one. */
static bool is_lesser(const struct search *s, uint32_t a, uint32_t b)
{
    bool same = true;
    for (uint32_t layer = 0; layer < s->problem->layer_count; layer++) {
        const uint32_t *most = row(s, layer);
        if (!has(s->open, layer)) continue;
        if (most[a] > most[b]) return false;
        same = same && most[a] == most[b];
    }
    return !same || a < b;
}

static void compare_cores(struct search *s)
{
    for (uint32_t a = 0; a < s->problem->core_count; a++)
        for (uint32_t b = 0; b < s->problem->core_count; b++)
            if (a != b && is_lesser(s, a, b)) s->lesser[b] |= snnconv_match_bit(a);
}

/* ---- Sharing ---- */

/* True if all sources of a layer may reach one part more. */
static bool can_reach(const struct search *s, uint32_t layer)
{
    const struct snnconv_assignment_problem *p = s->problem;
    if (!has(s->divisible, layer)) return false;
    for (uint32_t i = 0; i < p->link_count; i++)
        if (p->links[i].layer == layer && s->spare[p->links[i].source] == 0) return false;
    return true;
}

static void reach(struct search *s, uint32_t layer, int64_t parts)
{
    const struct snnconv_assignment_problem *p = s->problem;
    for (uint32_t i = 0; i < p->link_count; i++)
        if (p->links[i].layer == layer) s->spare[p->links[i].source] -= parts;
}

/* Halves, as far as each core holds one. */
static void put_both(struct search *s, uint32_t layer, uint32_t lower, uint32_t upper)
{
    uint32_t features = s->problem->features[layer], first = features - features / 2;
    const uint32_t *most = row(s, layer);
    if (first > most[lower]) first = most[lower];
    if (features - first > most[upper]) first = features - most[upper];
    s->out[layer] = (struct snnconv_assigned){
        .part_count = 2, .core = {lower, upper}, .features = {first, features - first}};
    s->free &= ~(snnconv_match_bit(lower) | snnconv_match_bit(upper));
}

static void put_whole(struct search *s, uint32_t layer, uint32_t core)
{
    s->out[layer] = (struct snnconv_assigned){
        .part_count = 1, .core = {core, SNN_NO_CORE}, .features = {s->problem->features[layer], 0}};
    s->free &= ~snnconv_match_bit(core);
}

/* ---- Pins ---- */

static bool put_pinned(struct search *s, uint32_t layer, const uint32_t cores[2])
{
    uint32_t core_count = s->problem->core_count;
    if (cores[0] >= core_count || !has(s->free, cores[0])) return false;
    s->open &= ~snnconv_match_bit(layer);
    if (cores[1] == SNN_NO_CORE) {
        if (!has(s->whole[layer], cores[0])) return false;
        put_whole(s, layer, cores[0]);
        return true;
    }
    if (cores[1] >= core_count || cores[1] == cores[0] || !has(s->free, cores[1])) return false;
    if (!can_reach(s, layer) || !holds_both(s, layer, cores[0], cores[1])) return false;
    reach(s, layer, 1);
    put_both(s, layer, cores[0], cores[1]);
    return true;
}

static bool put_all_pinned(struct search *s)
{
    const uint32_t *pins = s->problem->pins;
    for (uint32_t layer = 0; pins != NULL && layer < s->problem->layer_count; layer++)
        if (pins[2 * layer] != SNN_NO_CORE && !put_pinned(s, layer, pins + 2 * layer)) return false;
    return true;
}

/* ---- What can be ruled out ---- */

/* Free cores that hold a part of the layer and leave the rest to another free core. */
static uint64_t list_parts(const struct search *s, uint32_t layer)
{
    const uint32_t *most = row(s, layer);
    uint32_t best = SNN_NO_CORE, second = SNN_NO_CORE;
    uint64_t parts = 0;
    for (uint64_t cores = s->free; cores != 0; cores &= cores - 1) {
        uint32_t core = snnconv_match_lowest(cores);
        if (best == SNN_NO_CORE || most[core] > most[best]) {
            second = best;
            best = core;
        } else if (second == SNN_NO_CORE || most[core] > most[second]) {
            second = core;
        }
    }
    if (second == SNN_NO_CORE) return 0;
    for (uint64_t cores = s->free; cores != 0; cores &= cores - 1) {
        uint32_t core = snnconv_match_lowest(cores);
        if (holds_both(s, layer, core, core == best ? second : best))
            parts |= snnconv_match_bit(core);
    }
    return parts;
}

/* Of cores that hold parts, those for the larger one. */
static uint64_t list_larger(const struct search *s, uint32_t layer, uint64_t parts)
{
    uint64_t larger = 0;
    for (; parts != 0; parts &= parts - 1) {
        uint32_t core = snnconv_match_lowest(parts);
        if ((uint64_t)row(s, layer)[core] * 2 >= s->problem->features[layer])
            larger |= snnconv_match_bit(core);
    }
    return larger;
}

/* False where there is surely no placement: not even one in which shared layers need not have
 * cores that go together, and layers that may still be shared need one core only. */
static bool may_fit(const struct search *s)
{
    struct snnconv_match match = {.slot_count = 0};
    for (uint32_t layer = 0; layer < s->problem->layer_count; layer++) {
        if (!has(s->open & ~s->paired, layer)) continue;
        uint64_t whole = s->whole[layer] & s->free;
        bool shared = has(s->shared, layer), may_be = layer >= s->decided && can_reach(s, layer);
        uint64_t parts = shared || may_be ? list_parts(s, layer) : 0;
        if (shared) match.cores[match.slot_count++] = list_larger(s, layer, parts);
        match.cores[match.slot_count++] = shared ? parts : whole | parts;
    }
    return snnconv_match_run(&match) == match.slot_count;
}

/* Layers of those not shared that have no core of their own, whatever the others do: at least as
 * many have to be shared yet. */
static uint32_t count_homeless(const struct search *s)
{
    struct snnconv_match match = {.slot_count = 0};
    for (uint32_t layer = 0; layer < s->problem->layer_count; layer++)
        if (has(s->open & ~s->shared, layer))
            match.cores[match.slot_count++] = s->whole[layer] & s->free;
    return match.slot_count - snnconv_match_run(&match);
}

static bool take_step(struct search *s)
{
    if (s->steps == 0) {
        s->gave_up = true;
        return false;
    }
    s->steps--;
    return true;
}

/* ---- The search ---- */

/* The layers that are left take a core each: a matching that is known to be there. */
static void put_rest(struct search *s)
{
    struct snnconv_match match = {.slot_count = 0};
    uint32_t layer_of[LAYERS_MAX];
    for (uint32_t layer = 0; layer < s->problem->layer_count; layer++) {
        if (!has(s->open & ~s->shared, layer)) continue;
        layer_of[match.slot_count] = layer;
        match.cores[match.slot_count++] = s->whole[layer] & s->free;
    }
    snnconv_match_run(&match);
    for (uint32_t slot = 0; slot < match.slot_count; slot++)
        put_whole(s, layer_of[slot], match.core_of[slot]);
}

/* Cores that hold the rest of the layer beside `core`, but for those where a lesser one of the free
 * ones would do in place of either. */
static uint64_t list_partners(const struct search *s, uint32_t layer, uint32_t core)
{
    uint64_t partners = 0, least = 0;
    for (uint64_t cores = s->free & ~snnconv_match_bit(core); cores != 0; cores &= cores - 1) {
        uint32_t other = snnconv_match_lowest(cores);
        if (holds_both(s, layer, core, other)) partners |= snnconv_match_bit(other);
    }
    for (uint64_t cores = partners; cores != 0; cores &= cores - 1) {
        uint32_t other = snnconv_match_lowest(cores);
        if ((s->lesser[other] & partners) == 0) least |= snnconv_match_bit(other);
    }
    return least;
}

static bool pair_shared(struct search *s);

static bool try_pairs(struct search *s, uint32_t layer)
{
    uint64_t free = s->free, partners[SNNCONV_MATCH_MAX];
    for (uint64_t cores = free; cores != 0; cores &= cores - 1) {
        uint32_t core = snnconv_match_lowest(cores);
        partners[core] = list_partners(s, layer, core);
    }
    for (uint64_t cores = free; cores != 0; cores &= cores - 1) {
        uint32_t lower = snnconv_match_lowest(cores);
        for (uint64_t rest = partners[lower] & cores; rest != 0; rest &= rest - 1) {
            uint32_t upper = snnconv_match_lowest(rest);
            if (!has(partners[upper], lower)) continue;
            if (!take_step(s)) return false;
            put_both(s, layer, lower, upper);
            if (may_fit(s) && pair_shared(s)) return true;
            s->free = free;
        }
    }
    return false;
}

/* Cores for the shared layers, one after the other, so that the rest still fits. */
static bool pair_shared(struct search *s)
{
    uint64_t left = s->shared & ~s->paired;
    if (left == 0) {
        put_rest(s);
        return true;
    }
    uint32_t layer = snnconv_match_lowest(left);
    s->paired |= snnconv_match_bit(layer);
    if (try_pairs(s, layer)) return true;
    s->paired &= ~snnconv_match_bit(layer);
    return false;
}

/* Chooses `left` more layers to share, of those that are not decided on. */
static bool choose_shared(struct search *s, uint32_t left)
{
    uint32_t layer_count = s->problem->layer_count;
    if (!take_step(s) || count_homeless(s) > left) return false;
    if (left == 0) s->decided = layer_count;
    if (!may_fit(s)) return false;
    if (left == 0) return pair_shared(s);
    for (uint32_t layer = s->decided; layer < layer_count; layer++) {
        if (!has(s->open, layer) || !can_reach(s, layer)) continue;
        s->decided = layer + 1;
        s->shared |= snnconv_match_bit(layer);
        reach(s, layer, 1);
        if (choose_shared(s, left - 1)) return true;
        s->shared &= ~snnconv_match_bit(layer);
        reach(s, layer, -1);
    }
    return false;
}

/* As few as possible. Each number of them gets half of the steps that are left, so that one that
 * takes too long leaves some for the next. */
static bool search_fewest(struct search *s)
{
    uint32_t open = count(s->open), free = count(s->free), most = free - open;
    uint32_t steps = s->problem->step_max > 0 ? s->problem->step_max : SNNCONV_ASSIGN_STEPS;
    if (open > free) return false;
    if (s->problem->split_off) most = 0;
    for (uint32_t shared = count_homeless(s); shared <= most; shared++) {
        uint32_t share = steps - steps / 2;
        s->decided = 0;
        s->steps = share;
        if (choose_shared(s, shared)) return true;
        steps -= share - s->steps;
    }
    return false;
}

bool snnconv_assign(const struct snnconv_assignment_problem *problem, struct snnconv_assigned *out,
                    bool *gave_up_out)
{
    struct snnconv_assigned found[LAYERS_MAX];
    struct search s = {.problem = problem, .out = found};
    if (gave_up_out != NULL) *gave_up_out = false;
    if (problem->layer_count > problem->core_count) return false;
    s.open = s.free = UINT64_MAX;
    if (problem->layer_count < 64) s.open = snnconv_match_bit(problem->layer_count) - 1;
    if (problem->core_count < 64) s.free = snnconv_match_bit(problem->core_count) - 1;
    list_whole(&s);
    if (!count_links(&s) || !put_all_pinned(&s)) return false;
    compare_cores(&s);
    bool is_found = search_fewest(&s);
    if (gave_up_out != NULL) *gave_up_out = s.gave_up;
    if (is_found) memcpy(out, found, problem->layer_count * sizeof(*out));
    return is_found;
}
