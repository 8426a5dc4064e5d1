/* What snn_place says of a model, as text: placed MODEL CHIP [KEY=VALUE ...]
 *
 * Keys: norm (none, max), v0, v_min (a number, or none), readout, max_pool, gain (one further
 * readout each), form=off (lowered without the chip's form), core=LAYER:CORE or LAYER:CORE:CORE
 * (repeated), split=off, remedies=off. A line for each layer: its words and parts; for each
 * finding: layer, constraint, need, limit, core and texts; for each remedy; then the registers of
 * each core.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/snn.h"

enum { LIST_MAX = 16 };

struct wish {
    struct snn_lower_options lower;
    struct snn_place_options place;
    float gains[LIST_MAX];
    struct snn_pin pins[LIST_MAX];
    int formless;
};

static int set_pin(struct wish *w, char *value)
{
    struct snn_pin *pin = &w->pins[w->place.pin_count];
    char *core = strchr(value, ':');
    if (core == NULL || w->place.pin_count == LIST_MAX) return 0;
    *core++ = '\0';
    pin->layer = value;
    pin->core_count = 1;
    pin->cores[0] = (uint32_t)strtoul(core, &core, 10);
    if (*core == ':') pin->cores[pin->core_count++] = (uint32_t)strtoul(core + 1, &core, 10);
    w->place.pin_count++;
    return *core == '\0';
}

/* One KEY=VALUE; 0 if it is unknown. */
static int set(struct wish *w, const char *key, char *value)
{
    struct snn_lower_options *o = &w->lower;
    const float number = strtof(value, NULL);
    if (strcmp(key, "norm") == 0) {
        o->norm = strcmp(value, "none") == 0 ? SNN_NORM_NONE : SNN_NORM_QUANTILE;
        o->quantile = 1.0;
    } else if (strcmp(key, "v0") == 0) {
        o->v_init = number;
    } else if (strcmp(key, "v_min") == 0) {
        o->v_min = strcmp(value, "none") == 0 ? -INFINITY : number;
    } else if (strcmp(key, "readout") == 0) {
        o->readout_membrane = strcmp(value, "membrane") == 0;
    } else if (strcmp(key, "max_pool") == 0) {
        o->max_pool = strcmp(value, "or") == 0 ? SNN_MAX_POOL_OR : SNN_MAX_POOL_AVG;
    } else if (strcmp(key, "gain") == 0 && o->extra_gain_count < LIST_MAX) {
        w->gains[o->extra_gain_count++] = number;
    } else if (strcmp(key, "form") == 0) {
        w->formless = strcmp(value, "off") == 0;
    } else if (strcmp(key, "split") == 0) {
        w->place.split_off = strcmp(value, "off") == 0;
    } else if (strcmp(key, "remedies") == 0) {
        w->place.remedies_off = strcmp(value, "off") == 0;
    } else {
        return strcmp(key, "core") == 0 && set_pin(w, value);
    }
    return 1;
}

static int set_all(struct wish *w, int argc, char **argv)
{
    snn_lower_options_init(&w->lower);
    w->lower.norm = SNN_NORM_NONE;
    w->lower.arith = SNN_ARITH_CHIP;
    w->lower.extra_gains = w->gains;
    w->place.pins = w->pins;
    w->place.tool = "placed";
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) return 0;
        *equals = '\0';
        if (!set(w, argv[i], equals + 1)) return 0;
    }
    return argc >= 3;
}

/* ---- Text ---- */

static void put_core(uint32_t core)
{
    if (core == SNN_NO_CORE)
        printf(" -");
    else
        printf(" %u", core);
}

static void put_words(const struct snn_core_words *words)
{
    printf(" %llu %llu %llu", (unsigned long long)words->kernel, (unsigned long long)words->neuron,
           (unsigned long long)words->bias);
}

static void put_layer(const struct snn_placed_layer *l)
{
    printf("layer %s: %ux%ux%u -> %ux%ux%u, kernel %u stride %u,%u padding %u,%u pooling %u, words",
           l->name, l->input.channels, l->input.height, l->input.width, l->output.channels,
           l->output.height, l->output.width, l->kernel_size, l->stride_y, l->stride_x, l->pad_y,
           l->pad_x, l->pooling);
    put_words(&l->words);
    for (uint32_t p = 0; p < l->part_count; p++) {
        const struct snn_placed_part *part = &l->parts[p];
        printf(", core %u [%u..%u]", part->core, part->feature_first,
               part->feature_first + part->feature_count - 1);
        put_words(&part->words);
    }
    printf("\n");
}

static void put_finding(const struct snn_placement *p, const struct snn_finding *f)
{
    printf("%s: layer %s: %s need %llu limit %llu core",
           f->severity == SNN_SEVERITY_ERROR ? "error" : "warning",
           f->layer == SNN_PLACE_NO_LAYER ? "-" : p->layers[f->layer].name,
           snn_constraint_name(f->constraint), (unsigned long long)f->need,
           (unsigned long long)f->limit);
    put_core(f->core);
    printf("\n  %s\n", f->text);
    if (f->hint[0] != '\0') printf("  hint: %s\n", f->hint);
}

/* Where a core's spikes go, and sums that tell its memories from others. */
static void put_registers(const struct snn_core *c)
{
    const size_t row = (size_t)c->input.channels * c->kernel_size * c->kernel_size;
    long weights = 0, bias = 0;
    for (size_t i = 0; i < c->output.channels * row; i++)
        weights += (long)(i % 251 + 1) * c->weights[i];
    for (uint32_t f = 0; c->bias != NULL && f < c->output.channels; f++)
        bias += (long)(f + 1) * c->bias[f];
    printf("core %u: %s from %u, %u features, weights %ld bias %ld threshold %d low %d v_init %d "
           "of %zu%s, to",
           c->index, c->layer, c->feature_first, c->output.channels, weights, bias,
           c->threshold_high, c->threshold_low, c->v_init[0], c->v_init_count,
           c->return_to_zero ? " reset to zero" : "");
    for (uint32_t d = 0; d < c->destination_count; d++)
        printf(" %u/%u+%u", c->destinations[d].layer, c->destinations[d].pooling,
               c->destinations[d].feature_shift);
    printf("\n");
}

static void put(const struct snn_placement *p)
{
    printf("%s\n", p->fits ? "fits" : "does not fit");
    for (uint32_t i = 0; i < p->layer_count; i++)
        put_layer(&p->layers[i]);
    for (uint32_t i = 0; i < p->finding_count; i++)
        put_finding(p, &p->findings[i]);
    for (uint32_t i = 0; i < p->remedy_count; i++)
        printf("remedy: %s\n", p->remedies[i].text);
    for (uint32_t i = 0; p->program != NULL && i < p->program->core_count; i++)
        put_registers(&p->program->cores[i]);
}

int main(int argc, char **argv)
{
    struct wish wish = {.formless = 0};
    struct snn_chip chip;
    struct snn_context *context = NULL;
    struct snn_graph *graph = NULL;
    struct snn_net *net = NULL;
    struct snn_placement *placement = NULL;
    if (!set_all(&wish, argc, argv)) {
        fprintf(stderr, "usage: placed MODEL CHIP [KEY=VALUE ...]\n");
        return 2;
    }
    int status = snn_context_create(&context, NULL);
    if (status == SNN_OK) status = snn_chip_load(&chip, context, argv[2]);
    if (status == SNN_OK) status = snn_graph_load(&graph, context, argv[1], NULL);
    wish.lower.chip = wish.formless ? NULL : &chip;
    if (status == SNN_OK) status = snn_net_lower(&net, context, graph, &wish.lower);
    if (status == SNN_OK) status = snn_place(&placement, context, net, &chip, &wish.place);
    if (status == SNN_OK)
        put(placement);
    else
        fprintf(stderr, "%s\n  hint: %s\n", snn_context_message(context),
                snn_context_hint(context));
    const int fits = status == SNN_OK && placement->fits;
    snn_placement_destroy(&placement);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
    return status != SNN_OK ? 1 : fits ? 0 : 78;
}
