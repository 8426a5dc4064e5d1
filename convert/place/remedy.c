/* Remedies for a net that does not fit: changes that were tried, the smallest first.
 *
 * Every candidate is a variant of the net (variant.c) that is formed, fitted and assigned like the
 * net itself; what finds cores is a remedy. One change is tried at a time; where none does, two
 * together; where not even two do, one after the other that leaves fewer failures. How much a
 * change is, is a number of halvings: of features, of positions of a map, of taps of a kernel.
 */
#include "convert/place/remedy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"

#define FAR UINT32_MAX

enum {
    REMEDIES_MAX = 6,
    ALIKE_MAX = 2,      /* remedies of one kind */
    SINGLES_MAX = 4096, /* candidates */
    PAIRED_MAX = 256,   /* of these, the smallest, that are tried in pairs */
    CHIPS_MAX = 16
};

/* What all candidates may take together, in fits of a layer to a core: some seconds at the most. */
#define FITS_MAX UINT64_C(8000000)

struct candidate {
    struct snnconv_change change;
    double cost;
    uint64_t failing; /* layers that no core holds, when it is done */
    bool possible;
};

struct pair {
    uint16_t first, second;
    double cost;
};

/* What a remedy consists of. */
struct made {
    struct snnconv_change changes[SNNCONV_CHANGES_MAX];
    uint32_t count;
    double cost;
    bool whole; /* the layer of the first is on one core */
};

struct finder {
    struct snn_context *context;
    const struct snnconv_attempt *failed;
    uint64_t failing;       /* layers that no core holds */
    uint32_t *distance;     /* [layer] links to the next failing layer behind it; FAR: none */
    struct snn_chip *chips; /* other ones */
    uint32_t chip_count;
    struct candidate *candidates;
    uint32_t candidate_count;
    uint64_t fits_left;
    struct snn_remedy *remedies;    /* [REMEDIES_MAX], in the arena of the stages */
    struct made made[REMEDIES_MAX]; /* how each was */
    uint32_t remedy_count;
};

static struct snnbase_arena *arena_of(const struct finder *f)
{
    return f->failed->stages->arena;
}

static const struct snnconv_stage *stage_of(const struct finder *f, uint32_t layer)
{
    return &f->failed->stages->stages[layer];
}

/* ---- Which layers ---- */

/* Layers that no core holds, or not those where the user keeps them. */
static uint64_t find_failing(const struct snnconv_attempt *attempt)
{
    const struct snnconv_assignment_problem *p = &attempt->problem;
    uint64_t failing = 0;
    for (uint32_t i = 0; i < p->layer_count; i++) {
        const uint64_t whole = snnconv_cores_whole(attempt, i);
        const uint32_t *most = p->features_most + (size_t)i * p->core_count;
        const uint32_t *pin = p->pins != NULL ? p->pins + 2 * (size_t)i : NULL;
        bool fits = whole != 0 || snnconv_cores_shared(attempt, i) != 0;
        if (pin != NULL && pin[0] < p->core_count && pin[1] == SNN_NO_CORE)
            fits = (whole >> pin[0] & 1) != 0;
        else if (pin != NULL && pin[0] < p->core_count && pin[1] < p->core_count)
            fits = most[pin[0]] + (uint64_t)most[pin[1]] >= p->features[i];
        if (!fits) failing |= (uint64_t)1 << i;
    }
    return failing;
}

/* How many layers fail, and for how many reasons of form and size. */
static uint32_t count_failures(const struct snnconv_attempt *attempt)
{
    struct snnconv_problem excesses[SNNCONV_EXCESS_MAX];
    uint32_t count = 0, layer = 0;
    for (uint64_t failing = find_failing(attempt); failing != 0; failing >>= 1, layer++) {
        const struct snnconv_stage *stage = &attempt->stages->stages[layer];
        if ((failing & 1) == 0) continue;
        count += 1 + stage->problem_count;
        count += snnconv_stage_excesses(stage, attempt->stages->chip, excesses);
    }
    return count;
}

/* Layers that spikes pass on their way to one that fails; where none does by itself, all. */
static void measure_distances(struct finder *f)
{
    const uint32_t count = f->failed->problem.layer_count;
    for (uint32_t i = 0; i < count; i++)
        f->distance[i] = f->failing == 0 || (f->failing >> i & 1) != 0 ? 0 : FAR;
    for (uint32_t i = count; i-- > 0;) {
        const struct snnconv_stage *stage = stage_of(f, i);
        for (uint32_t e = 0; e < stage->edge_count && f->distance[i] != FAR; e++) {
            const uint32_t source = stage->edges[e].source;
            if (source != SNN_SOURCE_INPUT && f->distance[source] > f->distance[i] + 1)
                f->distance[source] = f->distance[i] + 1;
        }
    }
}

/* The layer that a remedy is about: the first that fails, else the one it changes. */
static uint32_t find_subject(const struct finder *f, const struct snnconv_variant *v)
{
    uint32_t layer = 0;
    if (f->failing == 0) return v->changes[0].layer;
    while ((f->failing >> layer & 1) == 0)
        layer++;
    return layer;
}

/* ---- Candidates ---- */

static void add(struct finder *f, enum snnconv_change_kind kind, uint32_t layer, uint32_t to,
                double cost)
{
    if (f->candidate_count == SINGLES_MAX) return;
    f->candidates[f->candidate_count++] = (struct candidate){
        .change = {.kind = kind, .layer = layer, .to = to},
        .cost = cost + (f->distance[layer] != FAR ? 0.25 * f->distance[layer] : 0.0)};
}

static double halvings(double from, double to)
{
    return fabs(log2(from / to));
}

static bool has_problem(const struct snnconv_stage *stage, enum snn_constraint constraint,
                        uint64_t need)
{
    for (uint32_t i = 0; i < stage->problem_count; i++) {
        if (stage->problems[i].constraint == constraint &&
            (need == 0 || stage->problems[i].need == need))
            return true;
    }
    return false;
}

static bool is_listed(const struct finder *f, enum snnconv_change_kind kind)
{
    for (uint32_t i = 0; i < f->candidate_count; i++) {
        if (f->candidates[i].change.kind == kind) return true;
    }
    return false;
}

/* What changes no layer's size. */
static void add_forms(struct finder *f, uint32_t layer)
{
    const struct snnconv_stage *stage = stage_of(f, layer);
    const uint32_t *pins = f->failed->problem.pins;
    if (pins != NULL && pins[2 * layer] != SNN_NO_CORE)
        add(f, SNNCONV_CHANGE_UNPIN, layer, 0, 0.05);
    for (uint32_t i = 0; i < stage->problem_count; i++) {
        const struct snnconv_problem *p = &stage->problems[i];
        if (p->constraint == SNN_CONSTRAINT_READOUT && p->need == 0)
            add(f, SNNCONV_CHANGE_READOUT, layer, 0, 0.1);
        if (p->constraint == SNN_CONSTRAINT_READOUT && p->limit == 1)
            add(f, SNNCONV_CHANGE_GAIN, layer, 0, 0.1);
        const bool first = !is_listed(f, SNNCONV_CHANGE_CLIP);
        if (p->constraint == SNN_CONSTRAINT_THRESHOLD_LOW && p->need == 0 && first)
            add(f, SNNCONV_CHANGE_CLIP, layer, 0, 0.1);
    }
    if (has_problem(stage, SNN_CONSTRAINT_GROUPS, 0) ||
        has_problem(stage, SNN_CONSTRAINT_DILATION, 0))
        add(f, SNNCONV_CHANGE_FULL, layer, 0, 0.1);
}

static void add_features(struct finder *f, uint32_t layer)
{
    const uint32_t own = stage_of(f, layer)->output.channels;
    uint32_t power = 1;
    if (stage_of(f, layer)->readout) return;
    while (power <= (own - 1) / 2)
        power *= 2;
    for (; power > 0 && own > 1; power /= 2)
        add(f, SNNCONV_CHANGE_FEATURES, layer, power, halvings(own, power));
}

/* Whether the one pool before a layer is none of the chip's: it was not merged into the kernel. */
static bool has_other_pool(const struct snnconv_stage *stage, const struct snn_chip *chip)
{
    const struct snn_synapse *s = &stage->population->synapses[0];
    const struct snn_window *w = s->pools;
    if (s->pool_count != 1) return false;
    for (uint32_t i = 0; i < chip->pooling_count; i++) {
        const uint32_t k = chip->poolings[i];
        if (w->kernel_h == k && w->kernel_w == k && w->stride_h == k && w->stride_w == k)
            return w->pad_top > 0 || w->pad_left > 0 || w->pad_bottom > 0 || w->pad_right > 0;
    }
    return true;
}

static void add_pools(struct finder *f, uint32_t layer)
{
    const struct snnconv_stage *stage = stage_of(f, layer);
    const struct snn_chip *chip = f->failed->stages->chip;
    for (uint32_t i = 0; i < chip->pooling_count; i++) {
        const uint32_t k = chip->poolings[i];
        if (k == 1) continue;
        if (has_other_pool(stage, chip))
            add(f, SNNCONV_CHANGE_REPOOL, layer, k,
                0.5 + 2.0 * halvings(stage->population->synapses[0].pools[0].stride_h, k));
        if (snnconv_window_is_own(stage->population))
            add(f, SNNCONV_CHANGE_POOL, layer, k, 2.0 * halvings(k, 1.0));
    }
}

static void add_windows(struct finder *f, uint32_t layer)
{
    const struct snnconv_stage *stage = stage_of(f, layer);
    const struct snn_chip *chip = f->failed->stages->chip;
    const struct snn_synapse *s = &stage->population->synapses[0];
    const struct snn_window *w = &s->window;
    if (s->kind != SNN_SYNAPSE_CONV2D || !snnconv_window_is_own(stage->population)) return;
    for (uint32_t i = 0; i < chip->stride_count; i++) {
        const uint32_t stride = chip->strides[i];
        const bool free = stage->output.height == 1 || stage->output.width == 1;
        if (!free && (stride != w->stride_h || stride != w->stride_w))
            add(f, SNNCONV_CHANGE_STRIDE, layer, stride,
                0.1 + halvings(w->stride_h, stride) + halvings(w->stride_w, stride));
    }
    for (uint32_t k = w->kernel_h < w->kernel_w ? w->kernel_h : w->kernel_w; k-- > 1;)
        add(f, SNNCONV_CHANGE_KERNEL, layer, k,
            0.2 + halvings(w->kernel_h, k) + halvings(w->kernel_w, k));
    if (has_problem(stage, SNN_CONSTRAINT_PADDING, 0) || w->pad_top > chip->padding_max ||
        w->pad_left > chip->padding_max) {
        const uint32_t pad = w->pad_top < w->pad_bottom ? w->pad_top : w->pad_bottom;
        for (uint32_t p = pad < chip->padding_max ? pad : chip->padding_max, i = 0; i < 2; i++, p++)
            add(f, SNNCONV_CHANGE_PADDING, layer, p, 0.3 + 0.1 * i);
    }
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->cost < y->cost || x->cost > y->cost) return x->cost < y->cost ? -1 : 1;
    if (x->change.kind != y->change.kind) return x->change.kind < y->change.kind ? -1 : 1;
    if (x->change.layer != y->change.layer) return x->change.layer < y->change.layer ? -1 : 1;
    return (x->change.to > y->change.to) - (x->change.to < y->change.to);
}

static void list_candidates(struct finder *f)
{
    for (uint32_t i = 0; i < f->chip_count; i++) {
        add(f, SNNCONV_CHANGE_CHIP, 0, i, 0.0);
        f->candidates[f->candidate_count - 1].change.chip = &f->chips[i];
        f->candidates[f->candidate_count - 1].cost = 0.0;
    }
    if (f->failed->problem.split_off) add(f, SNNCONV_CHANGE_SHARE, 0, 0, 0.0);
    for (uint32_t layer = 0; layer < f->failed->problem.layer_count; layer++) {
        if (f->distance[layer] == FAR) continue;
        add_forms(f, layer);
        add_features(f, layer);
        if (stage_of(f, layer)->has_bias) add(f, SNNCONV_CHANGE_BIAS, layer, 0, 0.4);
        if (stage_of(f, layer)->edge_count > 1) continue;
        add_pools(f, layer);
        add_windows(f, layer);
    }
    qsort(f->candidates, f->candidate_count, sizeof(*f->candidates), compare_candidates);
}

/* ---- Trying ---- */

/* Runs a variant, in memory of its own, which the caller gives back. */
static int try(struct finder *f, struct snnbase_arena *arena, struct snnconv_variant *v)
{
    const uint64_t fits = (uint64_t)f->failed->problem.layer_count * f->failed->problem.core_count;
    f->fits_left -= fits < f->fits_left ? fits : f->fits_left;
    return snnconv_variant_make(v, f->context, arena, f->failed);
}

static bool is_found(const struct snnconv_variant *v)
{
    return v->possible && v->attempt.found;
}

/* Whether a variant leaves the layer of one of its changes on one core. */
static bool is_whole(const struct snnconv_variant *v, uint32_t change)
{
    return v->attempt.assigned[v->changes[change].layer].part_count == 1;
}

/* The most features that do in place of those of one change; if `whole`, on one core. */
static int refine(struct finder *f, struct snnconv_variant *v, uint32_t change, bool whole)
{
    struct snnconv_change *c = &v->changes[change];
    const uint32_t own = stage_of(f, c->layer)->output.channels;
    const uint32_t before = c->to;
    uint32_t most = before, beyond = 2 * before < own ? 2 * before : own;
    int status = SNN_OK;
    while (beyond - most > 1 && status == SNN_OK) {
        struct snnbase_arena scratch;
        snnbase_arena_init(&scratch, f->context);
        c->to = most + (beyond - most) / 2;
        status = try(f, &scratch, v);
        const bool does = status == SNN_OK && is_found(v) && (!whole || is_whole(v, change));
        if (does)
            most = c->to;
        else
            beyond = c->to;
        snnbase_arena_fini(&scratch);
    }
    v->cost += halvings(own, most) - halvings(own, before);
    c->to = most;
    return status;
}

/* A place for a remedy of this cost among those there are, in their order; REMEDIES_MAX: none. */
static uint32_t make_room(struct finder *f, double cost)
{
    uint32_t at = f->remedy_count;
    while (at > 0 && f->made[at - 1].cost > cost)
        at--;
    if (at == REMEDIES_MAX) return at;
    if (f->remedy_count < REMEDIES_MAX) f->remedy_count++;
    for (uint32_t i = f->remedy_count - 1; i > at; i--) {
        f->remedies[i] = f->remedies[i - 1];
        f->made[i] = f->made[i - 1];
    }
    return at;
}

/* Keeps a variant that found cores, after its features were made as many as can be. */
static int keep(struct finder *f, struct snnconv_variant *v, bool whole)
{
    struct snnbase_arena scratch;
    int status = SNN_OK;
    for (uint32_t i = 0; i < v->change_count && status == SNN_OK; i++) {
        if (v->changes[i].kind == SNNCONV_CHANGE_FEATURES) status = refine(f, v, i, whole);
    }
    snnbase_arena_init(&scratch, f->context);
    if (status == SNN_OK) status = try(f, &scratch, v);
    if (status == SNN_OK) {
        struct snn_remedy remedy;
        status =
            snnconv_recommend(&remedy, f->context, arena_of(f), v, f->failed, find_subject(f, v));
        const uint32_t at = status == SNN_OK ? make_room(f, v->cost) : REMEDIES_MAX;
        if (at < REMEDIES_MAX) {
            f->remedies[at] = remedy;
            f->made[at] =
                (struct made){.count = v->change_count, .cost = v->cost, .whole = is_whole(v, 0)};
            memcpy(f->made[at].changes, v->changes, sizeof(v->changes));
        }
    }
    snnbase_arena_fini(&scratch);
    return status;
}

/* ---- One change ---- */

/* Whether there is a remedy like this one already: the same change of the same layer by less, or
 * enough of its kind. Features may be fewer twice: shared by two cores, and on one. */
static bool is_had(const struct finder *f, const struct snnconv_change *change, bool *whole_out)
{
    uint32_t alike = 0;
    *whole_out = false;
    for (uint32_t i = 0; i < f->remedy_count; i++) {
        const struct snnconv_change *first = &f->made[i].changes[0];
        if (first->kind != change->kind) continue;
        alike++;
        if (first->layer != change->layer || change->kind == SNNCONV_CHANGE_CHIP) continue;
        if (change->kind != SNNCONV_CHANGE_FEATURES || f->made[i].whole) return true;
        *whole_out = true;
    }
    return alike >= ALIKE_MAX && !*whole_out;
}

static int try_single(struct finder *f, struct candidate *candidate)
{
    struct snnconv_variant v = {
        .changes = {candidate->change}, .change_count = 1, .cost = candidate->cost};
    struct snnbase_arena scratch;
    bool whole = false, found = false;
    snnbase_arena_init(&scratch, f->context);
    int status = try(f, &scratch, &v);
    if (status == SNN_OK && v.possible) {
        candidate->possible = true;
        candidate->failing = find_failing(&v.attempt);
        found = v.attempt.found && !is_had(f, &candidate->change, &whole) &&
                (!whole || is_whole(&v, 0));
    }
    snnbase_arena_fini(&scratch);
    return found ? keep(f, &v, whole) : status;
}

static int try_singles(struct finder *f)
{
    int status = SNN_OK;
    for (uint32_t i = 0; i < f->candidate_count && status == SNN_OK; i++) {
        if (f->remedy_count == REMEDIES_MAX || f->fits_left == 0) break;
        status = try_single(f, &f->candidates[i]);
    }
    return status;
}

/* ---- Several ---- */

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->cost < y->cost || x->cost > y->cost) return x->cost < y->cost ? -1 : 1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

/* What a change alters of its layer. */
static uint32_t part_of(const struct snnconv_change *change)
{
    switch (change->kind) {
    case SNNCONV_CHANGE_FULL:
    case SNNCONV_CHANGE_PADDING:
    case SNNCONV_CHANGE_KERNEL:
        return SNNCONV_CHANGE_KERNEL;
    case SNNCONV_CHANGE_REPOOL:
    case SNNCONV_CHANGE_POOL:
        return SNNCONV_CHANGE_POOL;
    default:
        return change->kind;
    }
}

/* Whether only one of two can be done: they alter the same. */
static bool excludes(const struct snnconv_change *a, const struct snnconv_change *b)
{
    return a->layer == b->layer && part_of(a) == part_of(b);
}

/* Pairs of changes of which each leaves no layer failing that the other does; or, if not `apart`,
 * the others, which may do together what neither does. */
static uint32_t list_pairs(const struct finder *f, struct pair *pairs, bool apart)
{
    const uint32_t most = f->candidate_count < PAIRED_MAX ? f->candidate_count : PAIRED_MAX;
    uint32_t count = 0;
    for (uint32_t a = 0; a < most; a++) {
        const struct candidate *x = &f->candidates[a];
        for (uint32_t b = a + 1; b < most && x->possible; b++) {
            const struct candidate *y = &f->candidates[b];
            if (!y->possible || excludes(&x->change, &y->change) ||
                ((x->failing & y->failing) == 0) != apart)
                continue;
            pairs[count++] = (struct pair){(uint16_t)a, (uint16_t)b, x->cost + y->cost};
        }
    }
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    return count;
}

/* Whether there is a remedy that changes the same, by less. */
static bool is_had_together(const struct finder *f, const struct snnconv_variant *v)
{
    for (uint32_t i = 0; i < f->remedy_count; i++) {
        bool same = f->made[i].count == v->change_count;
        for (uint32_t c = 0; c < v->change_count && same; c++)
            same = f->made[i].changes[c].kind == v->changes[c].kind &&
                   f->made[i].changes[c].layer == v->changes[c].layer;
        if (same) return true;
    }
    return false;
}

static int compare_changes(const void *a, const void *b)
{
    const struct snnconv_change *x = a, *y = b;
    if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

static int try_several(struct finder *f, const uint32_t *candidates, uint32_t count)
{
    struct snnconv_variant v = {.change_count = count};
    struct snnbase_arena scratch;
    for (uint32_t i = 0; i < count; i++) {
        v.changes[i] = f->candidates[candidates[i]].change;
        v.cost += f->candidates[candidates[i]].cost;
    }
    qsort(v.changes, count, sizeof(*v.changes), compare_changes);
    if (is_had_together(f, &v)) return SNN_OK;
    snnbase_arena_init(&scratch, f->context);
    const int status = try(f, &scratch, &v);
    const bool found = status == SNN_OK && is_found(&v);
    snnbase_arena_fini(&scratch);
    return found ? keep(f, &v, false) : status;
}

static int try_pairs(struct finder *f, bool apart)
{
    struct pair *pairs =
        snnbase_alloc(f->context, (size_t)PAIRED_MAX * PAIRED_MAX / 2, sizeof(*pairs));
    if (pairs == NULL) return SNN_ERR_NOMEM;
    const uint32_t count = list_pairs(f, pairs, apart);
    int status = SNN_OK;
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        const uint32_t both[2] = {pairs[i].first, pairs[i].second};
        if (f->remedy_count == REMEDIES_MAX / 2 || f->fits_left == 0) break;
        status = try_several(f, both, 2);
    }
    snnbase_free(f->context, pairs);
    return status;
}

/* Candidates that are chosen together. */
struct choice {
    uint32_t candidates[SNNCONV_CHANGES_MAX];
    uint32_t count;
};

/* With one more, which takes the place of one that excludes it; false where there is no room. */
static bool choose(const struct finder *f, struct choice *choice, uint32_t candidate)
{
    const struct snnconv_change *change = &f->candidates[candidate].change;
    uint32_t at = 0;
    while (at < choice->count && !excludes(&f->candidates[choice->candidates[at]].change, change))
        at++;
    if (at == SNNCONV_CHANGES_MAX) return false;
    if (at == choice->count) choice->count++;
    choice->candidates[at] = candidate;
    return true;
}

/* Adds the smallest change with which there are fewer failures; *failures is updated. */
static int add_best(struct finder *f, struct choice *choice, uint32_t *failures)
{
    int status = SNN_OK;
    for (uint32_t i = 0; i < f->candidate_count && status == SNN_OK && f->fits_left > 0; i++) {
        struct choice more = *choice;
        struct snnconv_variant v = {.change_count = 0};
        struct snnbase_arena scratch;
        if (!f->candidates[i].possible || !choose(f, &more, i)) continue;
        for (; v.change_count < more.count; v.change_count++)
            v.changes[v.change_count] = f->candidates[more.candidates[v.change_count]].change;
        snnbase_arena_init(&scratch, f->context);
        status = try(f, &scratch, &v);
        const uint32_t left =
            status == SNN_OK && v.possible ? count_failures(&v.attempt) : UINT32_MAX;
        snnbase_arena_fini(&scratch);
        if (left >= *failures) continue;
        *failures = left;
        *choice = more;
        return status;
    }
    return status;
}

/* One change after the other, as long as each leaves fewer failures. */
static int try_many(struct finder *f)
{
    struct choice choice = {.count = 0};
    uint32_t failures = count_failures(f->failed), before = 0;
    int status = SNN_OK;
    while (failures != 0 && failures != before && status == SNN_OK) {
        before = failures;
        status = add_best(f, &choice, &failures);
    }
    if (status != SNN_OK || failures != 0 || choice.count == 0) return status;
    return try_several(f, choice.candidates, choice.count);
}

/* ---- All ---- */

static void add_chip(const struct snn_chip *chip, void *user)
{
    struct finder *f = user;
    if (f->chip_count < CHIPS_MAX && strcmp(chip->name, f->failed->stages->chip->name) != 0)
        f->chips[f->chip_count++] = *chip;
}

/* A net that fits as soon as it is in the form of cores was not lowered for them: of that no change
 * is a remedy. */
static int is_formed(struct finder *f, bool *formed_out)
{
    struct snnconv_variant v = {.change_count = 0};
    struct snnbase_arena scratch;
    snnbase_arena_init(&scratch, f->context);
    const int status = try(f, &scratch, &v);
    *formed_out = status == SNN_OK && !is_found(&v);
    snnbase_arena_fini(&scratch);
    return status;
}

static int find(struct finder *f)
{
    bool formed = false;
    int status = snn_chip_each(f->context, add_chip, f);
    if (status == SNN_OK) status = is_formed(f, &formed);
    if (status != SNN_OK || !formed) return status;
    f->failing = find_failing(f->failed);
    measure_distances(f);
    list_candidates(f);
    status = try_singles(f);
    if (status == SNN_OK && f->remedy_count == 0) status = try_pairs(f, true);
    if (status == SNN_OK && f->remedy_count == 0) status = try_many(f);
    if (status == SNN_OK && f->remedy_count == 0) status = try_pairs(f, false);
    return status;
}

int snnconv_remedies_find(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_remedy **out, uint32_t *count_out)
{
    const uint32_t layers = attempt->problem.layer_count;
    struct snnbase_arena *arena = attempt->stages->arena;
    struct finder f = {.context = context, .failed = attempt, .fits_left = FITS_MAX};
    *out = NULL;
    *count_out = 0;
    if (layers > SNN_CHIP_CORES_MAX) return SNN_OK;
    f.remedies = snnbase_arena_alloc(arena, context, REMEDIES_MAX, sizeof(*f.remedies));
    f.chips = snnbase_arena_alloc(arena, context, CHIPS_MAX, sizeof(*f.chips));
    f.distance = snnbase_arena_alloc(arena, context, layers, sizeof(*f.distance));
    f.candidates = snnbase_alloc(context, SINGLES_MAX, sizeof(*f.candidates));
    int status = SNN_ERR_NOMEM;
    if (f.remedies != NULL && f.chips != NULL && f.distance != NULL && f.candidates != NULL)
        status = find(&f);
    snnbase_free(context, f.candidates);
    if (status != SNN_OK) return status;
    *out = f.remedies;
    *count_out = f.remedy_count;
    return SNN_OK;
}
