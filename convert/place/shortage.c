/* Why layers that each have cores have none all together: sets of layers that between them have
 * fewer cores than they need (Hall's theorem), from a matching that is as large as can be.
 *
 * A layer that no core holds whole needs two. If every such set has enough cores, it is that halves
 * have no destination left, or do not go together.
 */
#include "convert/place/finding.h"
#include "libsnn/base/error.h"

enum { NO_UNIT = -1, LAYERS_TOLD = 12 };

/* A layer's need of one core. */
struct unit {
    uint32_t layer;
    uint64_t cores; /* that it may have */
};

struct matching {
    const struct unit *units;
    int32_t unit_of[SNN_CHIP_CORES_MAX];
};

/* Sets of units that share cores. */
struct shortage {
    struct snnconv_finder *finder;
    struct unit *units; /* [count] */
    uint32_t count;
    struct matching matching;
    uint64_t *reach; /* [count] cores within reach of a unit that has none; 0: it has one */
};

static uint32_t bits(uint64_t cores)
{
    uint32_t count = 0;
    for (; cores != 0; cores &= cores - 1)
        count++;
    return count;
}

/* ---- The matching ---- */

/* Gives a unit a core, moving others; *seen are the cores that were tried. Depth: cores. */
static bool match(struct matching *m, int32_t unit, uint64_t *seen)
{
    for (uint32_t c = 0; c < SNN_CHIP_CORES_MAX; c++) {
        const uint64_t bit = (uint64_t)1 << c;
        if ((m->units[unit].cores & bit) == 0 || (*seen & bit) != 0) continue;
        *seen |= bit;
        if (m->unit_of[c] != NO_UNIT && !match(m, m->unit_of[c], seen)) continue;
        m->unit_of[c] = unit;
        return true;
    }
    return false;
}

/* Cores of a unit that has none, and of those who have them, and so on: all of them taken. */
static uint64_t reach_of(const struct matching *m, uint32_t unit)
{
    uint64_t reach = m->units[unit].cores, before = 0;
    while (reach != before) {
        before = reach;
        for (uint32_t c = 0; c < SNN_CHIP_CORES_MAX; c++) {
            if ((before >> c & 1u) != 0 && m->unit_of[c] != NO_UNIT)
                reach |= m->units[m->unit_of[c]].cores;
        }
    }
    return reach;
}

static void match_all(struct shortage *s)
{
    for (uint32_t c = 0; c < SNN_CHIP_CORES_MAX; c++)
        s->matching.unit_of[c] = NO_UNIT;
    for (uint32_t u = 0; u < s->count; u++) {
        uint64_t seen = 0;
        s->reach[u] = match(&s->matching, (int32_t)u, &seen) ? 0 : 1;
    }
    for (uint32_t u = 0; u < s->count; u++) {
        if (s->reach[u] != 0) s->reach[u] = reach_of(&s->matching, u);
    }
}

/* ---- Units ---- */

static uint64_t pins_of(const struct snnconv_attempt *a, uint32_t layer, uint32_t *count_out)
{
    *count_out = 0;
    if (a->problem.pins == NULL) return 0;
    const uint32_t *pins = a->problem.pins + (size_t)2 * layer;
    if (pins[0] == SNN_NO_CORE) return 0;
    *count_out = pins[1] == SNN_NO_CORE ? 1 : 2;
    return (uint64_t)1 << pins[0] | (*count_out == 2 ? (uint64_t)1 << pins[1] : 0);
}

static int make_units(struct shortage *s, const bool *excluded)
{
    const struct snnconv_attempt *a = s->finder->attempt;
    const size_t most = (size_t)2 * a->problem.layer_count;
    s->units = snnbase_arena_alloc(a->stages->arena, s->finder->context, most, sizeof(*s->units));
    s->reach = snnbase_arena_alloc(a->stages->arena, s->finder->context, most, sizeof(*s->reach));
    if (s->units == NULL || s->reach == NULL) return SNN_ERR_NOMEM;
    s->matching.units = s->units;
    for (uint32_t i = 0; i < a->problem.layer_count; i++) {
        uint32_t need = 0;
        uint64_t cores = pins_of(a, i, &need);
        if (excluded[i]) continue;
        if (need == 0) {
            cores = snnconv_cores_whole(a, i);
            need = cores != 0 ? 1 : 2;
            if (cores == 0) cores = snnconv_cores_shared(a, i);
        }
        for (uint32_t n = 0; n < need; n++)
            s->units[s->count++] = (struct unit){i, cores};
    }
    return SNN_OK;
}

/* ---- A set of layers with too few cores ---- */

/* Units of a layer among those that have no cores but these. */
static uint32_t units_within(const struct shortage *s, uint32_t layer, uint64_t cores)
{
    uint32_t count = 0;
    for (uint32_t u = 0; u < s->count; u++)
        count += s->units[u].layer == layer && (s->units[u].cores & ~cores) == 0;
    return count;
}

static void put_layer(const struct shortage *s, uint32_t layer, uint32_t need,
                      struct snnconv_text *text, bool *pinned_out)
{
    const struct snnconv_attempt *a = s->finder->attempt;
    uint32_t pin_count = 0;
    const uint64_t pins = pins_of(a, layer, &pin_count);
    snnconv_text_put(text, "'%s'", a->stages->stages[layer].name);
    if (pin_count > 0) {
        snnconv_text_put(text, " (kept on ");
        snnconv_text_cores(text, pins);
        snnconv_text_put(text, ")");
        *pinned_out = true;
    } else if (need > 1) {
        snnconv_text_put(text, " (shared by two)");
    }
}

static int explain_set(const struct shortage *s, uint64_t cores)
{
    const struct snnconv_attempt *a = s->finder->attempt;
    struct snnconv_text text = {.length = 0}, hint = {.length = 0};
    uint32_t layers = 0, need = 0, at = 0;
    bool pinned = false;
    for (uint32_t i = 0; i < a->problem.layer_count; i++) {
        const uint32_t own = units_within(s, i, cores);
        need += own;
        layers += own > 0;
    }
    const uint32_t limit = bits(cores);
    for (uint32_t i = 0; i < a->problem.layer_count && at < LAYERS_TOLD; i++) {
        const uint32_t own = units_within(s, i, cores);
        if (own == 0) continue;
        snnconv_text_join(&text, at++, layers);
        put_layer(s, i, own, &text, &pinned);
    }
    if (at < layers) snnconv_text_put(&text, " and %u others", layers - at);
    snnconv_text_put(&text, layers > 1 ? " each fit only " : " fits only ");
    snnconv_text_cores(&text, cores);
    snnconv_text_put(&text, ": %u cores are needed, and there %s %u", need,
                     limit == 1 ? "is" : "are", limit);
    if (pinned)
        snnconv_text_put(&hint, "keep them elsewhere, or let cores be found for them");
    else if (a->problem.split_off)
        snnconv_text_put(&hint, "layers are kept whole: shared by two cores they may fit");
    else
        snnconv_text_put(&hint, "no layer shared by two cores makes room for them all");
    const struct snn_finding of = {.constraint = pinned ? SNN_CONSTRAINT_PIN : SNN_CONSTRAINT_CORES,
                                   .layer = SNN_PLACE_NO_LAYER,
                                   .core = SNN_NO_CORE,
                                   .need = need,
                                   .limit = limit};
    return snnconv_finder_add(s->finder, &of, &text, &hint);
}

/* One finding for all units without a core whose reaches meet. */
static int explain_sets(struct shortage *s)
{
    for (uint32_t u = 0; u < s->count; u++) {
        uint64_t cores = s->reach[u], before = 0;
        if (cores == 0) continue;
        while (cores != before) {
            before = cores;
            for (uint32_t other = u; other < s->count; other++) {
                if ((s->reach[other] & cores) == 0) continue;
                cores |= s->reach[other];
                s->reach[other] = 0;
            }
        }
        const int status = explain_set(s, cores);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* ---- Where each set has enough ---- */

static void put_halves(const struct shortage *s, const struct snnconv_assigned *assigned,
                       uint32_t source, struct snnconv_text *text)
{
    const struct snnconv_attempt *a = s->finder->attempt;
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < a->problem.link_count; i++)
        count += a->problem.links[i].source == source;
    for (uint32_t i = 0; i < a->problem.link_count; i++) {
        const uint32_t layer = a->problem.links[i].layer;
        if (a->problem.links[i].source != source) continue;
        snnconv_text_join(text, at++, count);
        snnconv_text_put(text, "'%s'", a->stages->stages[layer].name);
        if (assigned[layer].part_count > 1) snnconv_text_put(text, " (shared by two)");
    }
}

/* Sources of too many halves, were destinations free. */
static int explain_halves(const struct shortage *s, const struct snnconv_assigned *assigned)
{
    const struct snnconv_attempt *a = s->finder->attempt;
    int status = SNN_OK;
    for (uint32_t source = 0; source <= a->problem.layer_count && status == SNN_OK; source++) {
        const bool input = source == a->problem.layer_count;
        struct snnconv_text text = {.length = 0}, hint = {.length = 0};
        uint32_t count = 0;
        for (uint32_t i = 0; i < a->problem.link_count; i++) {
            if (a->problem.links[i].source == source)
                count += assigned[a->problem.links[i].layer].part_count;
        }
        if (count <= a->problem.destination_max) continue;
        snnconv_text_put(&text,
                         "%s%u destinations exceed the %u of %s: ", input ? "the input's " : "",
                         count, a->problem.destination_max, input ? "the sensor" : "every core");
        put_halves(s, assigned, source, &text);
        snnconv_text_put(&hint, "a layer that one core holds whole takes one destination");
        const struct snn_finding of = {.constraint = SNN_CONSTRAINT_DESTINATIONS,
                                       .layer = input ? SNN_PLACE_NO_LAYER : source,
                                       .core = SNN_NO_CORE,
                                       .need = count,
                                       .limit = a->problem.destination_max};
        status = snnconv_finder_add(s->finder, &of, &text, &hint);
    }
    return status;
}

static int explain_rest(const struct shortage *s)
{
    const struct snnconv_attempt *a = s->finder->attempt;
    struct snnconv_assignment_problem free_problem = a->problem;
    struct snnconv_assigned *assigned = snnbase_arena_alloc(
        a->stages->arena, s->finder->context, a->problem.layer_count, sizeof(*assigned));
    if (assigned == NULL) return SNN_ERR_NOMEM;
    free_problem.destination_max = UINT32_MAX;
    if (!a->gave_up && snnconv_assign(&free_problem, assigned, NULL))
        return explain_halves(s, assigned);
    struct snnconv_text text = {.length = 0}, hint = {.length = 0};
    snnconv_text_put(&text,
                     "each of the %u layers fits some core or two, but %s all of them together on "
                     "the %u cores",
                     a->problem.layer_count, a->gave_up ? "no way was found to put" : "not",
                     a->problem.core_count);
    if (a->gave_up)
        snnconv_text_put(&hint, "the search was given up: keep some layers where they may lie");
    const struct snn_finding of = {.constraint = SNN_CONSTRAINT_CORES,
                                   .layer = SNN_PLACE_NO_LAYER,
                                   .core = SNN_NO_CORE,
                                   .need = s->count,
                                   .limit = a->problem.core_count};
    return snnconv_finder_add(s->finder, &of, &text, &hint);
}

int snnconv_shortage_find(struct snnconv_finder *finder, const bool *excluded)
{
    struct shortage s = {.finder = finder};
    const int status = make_units(&s, excluded);
    if (status != SNN_OK) return status;
    match_all(&s);
    const int explained = explain_sets(&s);
    if (explained != SNN_OK || finder->count > 0) return explained;
    return explain_rest(&s);
}
