/* The placement as a whole: a net and its user's pins, an attempt, and the report of it with all
 * that hangs on it, in one arena.
 */
#include "convert/place/place.h"

#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"

/* What the caller is given, and what owns it. */
struct owner {
    struct snn_placement placement; /* first: snn_placement_destroy finds the rest behind it */
    struct snnbase_arena arena;
    struct snn_program *program;
};

const char *snn_constraint_name(enum snn_constraint constraint)
{
    static const char *const names[] = {
        "none",       "kernel memory", "neuron memory", "bias memory",  "kernel size",
        "stride",     "padding",       "dilation",      "groups",       "pooling",
        "input size", "output size",   "features",      "destinations", "window",
        "threshold",  "lower clip",    "bias",          "readout",      "cores",
        "pin"};
    const size_t count = sizeof(names) / sizeof(names[0]);
    return (size_t)constraint < count ? names[constraint] : NULL;
}

/* ---- Pins ---- */

/* A layer by its name, else by its index; `count` where there is none. */
static uint32_t find_layer(const struct snn_net *net, const char *layer)
{
    const uint32_t count = net->population_count;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(net->populations[i].name, layer) == 0) return i;
    }
    if (layer[0] < '0' || layer[0] > '9') return count;
    char *end = NULL;
    const unsigned long index = strtoul(layer, &end, 10);
    return *end == '\0' && index < count ? (uint32_t)index : count;
}

static int fail_layer(struct snn_context *context, const struct snn_net *net, const char *layer)
{
    const uint32_t last = net->population_count - 1;
    snnbase_fail(context, SNN_ERR_INVALID, "no layer of neurons '%s' to keep on a core", layer);
    return snnbase_hint(context, "layers are named, or counted: 0 '%s' to %u '%s'",
                        net->populations[0].name, last, net->populations[last].name);
}

static int check_pin(struct snn_context *context, const struct snn_pin *pin,
                     const struct snn_chip *chip)
{
    if (pin->core_count < 1 || pin->core_count > 2)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s' cannot be kept on %u cores, only on 1 or 2", pin->layer,
                            pin->core_count);
    for (uint32_t i = 0; i < pin->core_count; i++) {
        if (pin->cores[i] < chip->core_count) continue;
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "layer '%s' cannot be kept on core %u: %s has cores 0 to %u",
                            pin->layer, pin->cores[i], chip->name, chip->core_count - 1);
    }
    if (pin->core_count == 2 && pin->cores[0] == pin->cores[1])
        return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s' cannot share core %u with itself",
                            pin->layer, pin->cores[0]);
    return SNN_OK;
}

/* *out [population][2]: cores of each layer; NULL without pins. */
static int read_pins(struct snn_context *context, struct snnbase_arena *arena,
                     const struct snn_net *net, const struct snn_chip *chip,
                     const struct snn_place_options *options, const uint32_t **out)
{
    const uint32_t count = net->population_count;
    *out = NULL;
    if (options->pin_count == 0) return SNN_OK;
    uint32_t *pins = snnbase_arena_alloc(arena, context, count, 2 * sizeof(*pins));
    if (pins == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < (size_t)2 * count; i++)
        pins[i] = SNN_NO_CORE;
    for (uint32_t i = 0; i < options->pin_count; i++) {
        const struct snn_pin *pin = &options->pins[i];
        const uint32_t layer = find_layer(net, pin->layer);
        if (layer == count) return fail_layer(context, net, pin->layer);
        const int status = check_pin(context, pin, chip);
        if (status != SNN_OK) return status;
        uint32_t *own = &pins[(size_t)2 * layer];
        if (own[0] != SNN_NO_CORE)
            return snnbase_fail(context, SNN_ERR_INVALID, "layer '%s' is kept on cores twice",
                                net->populations[layer].name);
        own[0] = pin->cores[0];
        if (pin->core_count == 2) own[1] = pin->cores[1];
    }
    *out = pins;
    return SNN_OK;
}

/* ---- The report ---- */

static int report(struct owner *owner, struct snn_context *context,
                  const struct snnconv_attempt *attempt, const struct snn_place_options *options)
{
    struct snn_placement *p = &owner->placement;
    p->fits = attempt->found;
    p->fits_on = attempt->fits;
    p->layer_count = attempt->stages->count;
    int status = snnconv_layers_make(attempt, context, &p->layers);
    if (status != SNN_OK) return status;
    if (p->fits) {
        status = snnconv_program_build(attempt, context, options, &owner->program);
        p->program = owner->program;
        return status;
    }
    status = snnconv_findings_make(attempt, context, &p->findings, &p->finding_count);
    if (status == SNN_OK && !options->remedies_off)
        status = snnconv_remedies_find(attempt, context, &p->remedies, &p->remedy_count);
    return status;
}

static int place(struct owner *owner, struct snn_context *context, const struct snn_net *net,
                 const struct snn_place_options *options)
{
    struct snn_placement *p = &owner->placement;
    struct snnconv_stages stages;
    struct snnconv_attempt attempt;
    const uint32_t *pins = NULL;
    p->name = snnbase_arena_string(&owner->arena, context, net->name);
    if (p->name == NULL) return SNN_ERR_NOMEM;
    int status = read_pins(context, &owner->arena, net, &p->chip, options, &pins);
    if (status == SNN_OK)
        status = snnconv_stages_make(&stages, context, &owner->arena, net, &p->chip);
    if (status == SNN_OK)
        status = snnconv_attempt_make(&attempt, context, &stages, pins, options->split_off, 0);
    return status == SNN_OK ? report(owner, context, &attempt, options) : status;
}

int snn_place(struct snn_placement **out, struct snn_context *context, const struct snn_net *net,
              const struct snn_chip *chip, const struct snn_place_options *options)
{
    static const struct snn_place_options none = {.pin_count = 0};
    if (net->arith != SNN_ARITH_CHIP) {
        snnbase_fail(context, SNN_ERR_INVALID,
                     "a net of real numbers has no place on a chip, whose numbers are whole");
        return snnbase_hint(context, "lower it in chip arithmetic");
    }
    struct owner *owner = snnbase_alloc(context, 1, sizeof(*owner));
    if (owner == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&owner->arena, context);
    owner->placement.chip = *chip;
    const int status = place(owner, context, net, options != NULL ? options : &none);
    struct snn_placement *placement = &owner->placement;
    if (status == SNN_OK)
        *out = placement;
    else
        snn_placement_destroy(&placement);
    return status;
}

void snn_placement_destroy(struct snn_placement **placement)
{
    if (placement == NULL || *placement == NULL) return;
    struct owner *owner = (struct owner *)(void *)*placement;
    const struct snn_allocator allocator = owner->arena.allocator;
    snn_program_destroy(&owner->program);
    snnbase_arena_fini(&owner->arena);
    snnbase_allocator_free(&allocator, owner);
    *placement = NULL;
}

struct snn_program *snn_placement_take_program(struct snn_placement *placement)
{
    struct owner *owner = (struct owner *)(void *)placement;
    struct snn_program *program = owner->program;
    owner->program = NULL;
    placement->program = NULL;
    return program;
}
