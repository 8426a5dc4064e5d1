/* What keeps a net off a chip, all of it, in the manner of a compiler: each layer by itself first
 * (reason.c), then where spikes go, then what the user keeps where, then all layers together
 * (shortage.c). A layer that is refused by itself is left out of what comes after.
 */
#include "convert/place/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"

/* ---- Texts ---- */

void snnconv_text_put(struct snnconv_text *text, const char *format, ...)
{
    const size_t room = sizeof(text->data) - text->length;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text->data + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0) text->length += (size_t)length < room ? (size_t)length : room - 1;
}

void snnconv_text_join(struct snnconv_text *text, uint32_t at, uint32_t count)
{
    if (at > 0) snnconv_text_put(text, at + 1 == count ? " and " : ", ");
}

void snnconv_text_choices(struct snnconv_text *text, const uint32_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        snnconv_text_join(text, i, count);
        snnconv_text_put(text, "%u", values[i]);
    }
}

static bool has_core(uint64_t cores, uint32_t core)
{
    return core < SNN_CHIP_CORES_MAX && (cores >> core & 1u) != 0;
}

/* The last core of the run that begins at `core`; runs of two are told one by one. */
static uint32_t end_of_run(uint64_t cores, uint32_t core)
{
    uint32_t end = core;
    while (has_core(cores, end + 1))
        end++;
    return end > core + 1 ? end : core;
}

void snnconv_text_cores(struct snnconv_text *text, uint64_t cores)
{
    uint32_t runs = 0, at = 0, first = 0;
    for (uint32_t c = 0; c < SNN_CHIP_CORES_MAX; c++) {
        if (!has_core(cores, c)) continue;
        if (runs++ == 0) first = c;
        c = end_of_run(cores, c);
    }
    snnconv_text_put(text, runs > 1 || end_of_run(cores, first) > first ? "cores " : "core ");
    for (uint32_t c = first; at < runs; c++) {
        if (!has_core(cores, c)) continue;
        const uint32_t end = end_of_run(cores, c);
        snnconv_text_join(text, at++, runs);
        snnconv_text_put(text, "%u", c);
        if (end > c) snnconv_text_put(text, " to %u", end);
        c = end;
    }
}

/* ---- The list ---- */

int snnconv_finder_add(struct snnconv_finder *finder, const struct snn_finding *of,
                       const struct snnconv_text *text, const struct snnconv_text *hint)
{
    struct snnbase_arena *arena = finder->attempt->stages->arena;
    int status = snnbase_grow(finder->context, (void **)&finder->findings, &finder->capacity,
                              (size_t)finder->count + 1, sizeof(*finder->findings));
    if (status != SNN_OK) return status;
    struct snn_finding *finding = &finder->findings[finder->count];
    *finding = *of;
    finding->severity = SNN_SEVERITY_ERROR;
    finding->text =
        snnbase_arena_string(arena, finder->context, text->length > 0 ? text->data : "");
    finding->hint =
        snnbase_arena_string(arena, finder->context, hint->length > 0 ? hint->data : "");
    if (finding->text == NULL || finding->hint == NULL) return SNN_ERR_NOMEM;
    finder->count++;
    return SNN_OK;
}

/* ---- Who fits where ---- */

uint64_t snnconv_cores_whole(const struct snnconv_attempt *attempt, uint32_t layer)
{
    const struct snnconv_assignment_problem *p = &attempt->problem;
    uint64_t cores = 0;
    for (uint32_t c = 0; c < p->core_count; c++) {
        if (p->features_most[(size_t)layer * p->core_count + c] >= p->features[layer])
            cores |= (uint64_t)1 << c;
    }
    return cores;
}

/* Layers are kept whole but where they are pinned to two; and where a source has two links to one,
 * since it would reach either half twice. */
static bool may_be_shared(const struct snnconv_assignment_problem *p, uint32_t layer)
{
    if (p->split_off && (p->pins == NULL || p->pins[(size_t)2 * layer + 1] == SNN_NO_CORE))
        return false;
    for (uint32_t a = 0; a < p->link_count; a++) {
        for (uint32_t b = a + 1; b < p->link_count; b++) {
            if (p->links[a].layer == layer && p->links[b].layer == layer &&
                p->links[a].source == p->links[b].source)
                return false;
        }
    }
    return p->features[layer] >= 2;
}

uint64_t snnconv_cores_shared(const struct snnconv_attempt *attempt, uint32_t layer)
{
    const struct snnconv_assignment_problem *p = &attempt->problem;
    const uint32_t *most = p->features_most + (size_t)layer * p->core_count;
    uint64_t cores = 0;
    if (!may_be_shared(p, layer)) return 0;
    for (uint32_t a = 0; a < p->core_count; a++) {
        for (uint32_t b = a + 1; b < p->core_count; b++) {
            if (most[a] == 0 || most[b] == 0 || (uint64_t)most[a] + most[b] < p->features[layer])
                continue;
            cores |= (uint64_t)1 << a | (uint64_t)1 << b;
        }
    }
    return cores;
}

/* ---- Destinations ---- */

static void put_destinations(struct snnconv_finder *finder, uint32_t source, uint32_t count,
                             struct snnconv_text *text)
{
    const struct snnconv_assignment_problem *p = &finder->attempt->problem;
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->link_count; i++) {
        if (p->links[i].source != source) continue;
        snnconv_text_join(text, at++, count);
        snnconv_text_put(text, "'%s'", finder->attempt->stages->stages[p->links[i].layer].name);
    }
}

/* Sources that reach more layers than they have destinations, whatever the cores. */
static int find_destinations(struct snnconv_finder *finder)
{
    const struct snnconv_assignment_problem *p = &finder->attempt->problem;
    int status = SNN_OK;
    for (uint32_t source = 0; source <= p->layer_count && status == SNN_OK; source++) {
        const bool input = source == p->layer_count;
        struct snnconv_text text = {.length = 0}, hint = {.length = 0};
        uint32_t count = 0;
        for (uint32_t i = 0; i < p->link_count; i++)
            count += p->links[i].source == source;
        if (count <= p->destination_max) continue;
        snnconv_text_put(&text,
                         "%s%u destinations exceed the %u of %s: ", input ? "the input's " : "",
                         count, p->destination_max, input ? "the sensor" : "every core");
        put_destinations(finder, source, count, &text);
        snnconv_text_put(&hint, "layers that read the same maps can be one, with the features of "
                                "both");
        const struct snn_finding of = {.constraint = SNN_CONSTRAINT_DESTINATIONS,
                                       .layer = input ? SNN_PLACE_NO_LAYER : source,
                                       .core = SNN_NO_CORE,
                                       .need = count,
                                       .limit = p->destination_max};
        status = snnconv_finder_add(finder, &of, &text, &hint);
    }
    return status;
}

/* ---- Pins ---- */

static bool is_pinned(const struct snnconv_attempt *attempt, uint32_t layer)
{
    return attempt->problem.pins != NULL && attempt->problem.pins[(size_t)2 * layer] != SNN_NO_CORE;
}

/* Whether a core is kept for a layer that it does not hold, and how. */
static bool explain_pin_whole(const struct snn_fit *fits, const uint32_t *cores,
                              struct snn_finding *of, struct snnconv_text *text)
{
    const struct snn_fit *fit = &fits[cores[0]];
    if (fit->constraint == SNN_CONSTRAINT_NONE) return false;
    of->need = fit->need;
    of->limit = fit->limit;
    if (fit->constraint == SNN_CONSTRAINT_FEATURES)
        snnconv_text_put(text, "kept on core %u, which holds up to %llu features, not its %llu",
                         cores[0], (unsigned long long)fit->limit, (unsigned long long)fit->need);
    else
        snnconv_text_put(text, "kept on core %u, whose %s %llu words are fewer than its %llu",
                         cores[0], snn_constraint_name(fit->constraint),
                         (unsigned long long)fit->limit, (unsigned long long)fit->need);
    return true;
}

/* The same of two cores, of which each must hold a feature at least. */
static bool explain_pin_shared(const struct snnconv_attempt *a, const struct snn_fit *fits,
                               const uint32_t *cores, struct snn_finding *of,
                               struct snnconv_text *text)
{
    const uint32_t own = a->problem.features[of->layer];
    const uint32_t first = fits[cores[0]].features_most, second = fits[cores[1]].features_most;
    of->need = own;
    of->limit = (uint64_t)first + second;
    snnconv_text_put(text, "kept on cores %u and %u, ", cores[0], cores[1]);
    if (!may_be_shared(&a->problem, of->layer)) {
        of->need = of->limit = 0;
        snnconv_text_put(text, own < 2 ? "with one feature, which cannot be shared"
                                       : "but a layer that sends it spikes in two ways would reach "
                                         "either half twice");
        return true;
    }
    snnconv_text_put(text, "which hold %u and %u of its %u features", first, second, own);
    return first == 0 || second == 0 || of->limit < own;
}

/* A layer that its pinned cores do not hold; *refused_out then. */
static int find_pin(struct snnconv_finder *finder, uint32_t layer, bool *refused_out)
{
    const struct snnconv_attempt *a = finder->attempt;
    const uint32_t *cores = a->problem.pins + (size_t)2 * layer;
    const struct snn_fit *fits = a->fits + (size_t)layer * a->problem.core_count;
    struct snnconv_text text = {.length = 0}, hint = {.length = 0};
    struct snn_finding of = {.constraint = SNN_CONSTRAINT_PIN, .layer = layer, .core = cores[0]};
    const uint64_t whole = snnconv_cores_whole(a, layer);
    *refused_out = cores[1] == SNN_NO_CORE ? explain_pin_whole(fits, cores, &of, &text)
                                           : explain_pin_shared(a, fits, cores, &of, &text);
    if (!*refused_out) return SNN_OK;
    snnconv_text_put(&hint, whole != 0 ? "it fits " : "it fits only shared, by two of ");
    snnconv_text_cores(&hint, whole != 0 ? whole : snnconv_cores_shared(a, layer));
    return snnconv_finder_add(finder, &of, &text, &hint);
}

/* ---- All ---- */

static int find_all(struct snnconv_finder *finder, bool *refused)
{
    const struct snnconv_attempt *a = finder->attempt;
    int status = SNN_OK;
    for (uint32_t i = 0; i < a->problem.layer_count && status == SNN_OK; i++) {
        refused[i] = snnconv_cores_whole(a, i) == 0 && snnconv_cores_shared(a, i) == 0;
        if (refused[i])
            status = snnconv_reasons_find(finder, i);
        else if (is_pinned(a, i))
            status = find_pin(finder, i, &refused[i]);
    }
    if (status == SNN_OK) status = find_destinations(finder);
    return status == SNN_OK ? snnconv_shortage_find(finder, refused) : status;
}

static int keep(struct snnconv_finder *finder, const struct snn_finding **out)
{
    struct snn_finding *kept = snnbase_arena_alloc(finder->attempt->stages->arena, finder->context,
                                                   finder->count, sizeof(*kept));
    if (kept == NULL) return SNN_ERR_NOMEM;
    if (finder->count > 0) memcpy(kept, finder->findings, finder->count * sizeof(*kept));
    *out = kept;
    return SNN_OK;
}

int snnconv_findings_make(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_finding **out, uint32_t *count_out)
{
    struct snnconv_finder finder = {.context = context, .attempt = attempt};
    bool *refused = snnbase_arena_alloc(attempt->stages->arena, context,
                                        attempt->problem.layer_count, sizeof(*refused));
    int status = refused != NULL ? find_all(&finder, refused) : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = keep(&finder, out);
    if (status == SNN_OK) *count_out = finder.count;
    snnbase_free(context, finder.findings);
    return status;
}
