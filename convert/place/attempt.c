/* An attempt: all stages against all cores, the problem of finding cores, its answer, and the
 * layers of the report. The report of a net is one attempt; each remedy that is tried is another.
 */
#include "convert/place/place.h"
#include "libsnn/base/error.h"

static int make_fits(struct snnconv_attempt *a, struct snn_context *context)
{
    const struct snnconv_stages *all = a->stages;
    const uint32_t cores = all->chip->core_count;
    const size_t count = (size_t)all->count * cores;
    a->fits = snnbase_arena_alloc(all->arena, context, count, sizeof(*a->fits));
    if (a->fits == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        snnconv_stage_fit(&all->stages[i / cores], all->chip, (uint32_t)(i % cores), &a->fits[i]);
    return SNN_OK;
}

static int make_links(struct snnconv_attempt *a, struct snn_context *context)
{
    const struct snnconv_stages *all = a->stages;
    size_t count = 0, at = 0;
    for (uint32_t i = 0; i < all->count; i++)
        count += all->stages[i].edge_count;
    struct snnconv_link *links = snnbase_arena_alloc(all->arena, context, count, sizeof(*links));
    if (links == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < all->count; i++) {
        for (uint32_t e = 0; e < all->stages[i].edge_count; e++) {
            const uint32_t source = all->stages[i].edges[e].source;
            links[at++] =
                (struct snnconv_link){source == SNN_SOURCE_INPUT ? all->count : source, i};
        }
    }
    a->problem.links = links;
    a->problem.link_count = (uint32_t)count;
    return SNN_OK;
}

static int make_problem(struct snnconv_attempt *a, struct snn_context *context)
{
    const struct snnconv_stages *all = a->stages;
    const size_t count = (size_t)all->count * all->chip->core_count;
    uint32_t *features = snnbase_arena_alloc(all->arena, context, all->count, sizeof(*features));
    uint32_t *most = snnbase_arena_alloc(all->arena, context, count, sizeof(*most));
    if (features == NULL || most == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < all->count; i++)
        features[i] = all->stages[i].output.channels;
    for (size_t i = 0; i < count; i++)
        most[i] = a->fits[i].features_most;
    a->problem.features = features;
    a->problem.features_most = most;
    return make_links(a, context);
}

int snnconv_attempt_make(struct snnconv_attempt *out, struct snn_context *context,
                         const struct snnconv_stages *stages, const uint32_t *pins, bool split_off,
                         uint32_t step_max)
{
    struct snnconv_attempt a = {.stages = stages,
                                .problem = {.layer_count = stages->count,
                                            .core_count = stages->chip->core_count,
                                            .destination_max = stages->chip->destination_max,
                                            .split_off = split_off,
                                            .pins = pins,
                                            .step_max = step_max}};
    int status = make_fits(&a, context);
    if (status == SNN_OK) status = make_problem(&a, context);
    if (status != SNN_OK) return status;
    a.assigned = snnbase_arena_alloc(stages->arena, context, stages->count, sizeof(*a.assigned));
    if (a.assigned == NULL) return SNN_ERR_NOMEM;
    a.found = snnconv_assign(&a.problem, a.assigned, &a.gave_up);
    *out = a;
    return SNN_OK;
}

/* ---- Layers of the report ---- */

/* Where the spikes of a layer are pooled first; the output goes to the readout as it is. */
static uint32_t pooling_behind(const struct snnconv_stages *all, uint32_t layer)
{
    for (uint32_t i = layer + 1; i < all->count; i++) {
        for (uint32_t e = 0; e < all->stages[i].edge_count; e++) {
            const struct snnconv_edge *edge = &all->stages[i].edges[e];
            if (edge->source == layer) return edge->pooling;
        }
    }
    return 1;
}

static void place_parts(const struct snnconv_stages *all, const struct snnconv_stage *stage,
                        const struct snnconv_assigned *assigned, struct snn_placed_layer *out)
{
    uint32_t first = 0;
    out->part_count = assigned->part_count;
    for (uint32_t p = 0; p < assigned->part_count; p++) {
        const uint32_t features = assigned->features[p];
        out->parts[p] = (struct snn_placed_part){
            .core = assigned->core[p],
            .feature_first = first,
            .feature_count = features,
            .words = snnconv_stage_words(stage, all->chip, features),
        };
        first += features;
    }
}

/* The report outlives the net. */
static int copy_of_net(const struct snnconv_stages *all, struct snn_context *context,
                       const struct snnconv_stage *stage, struct snn_placed_layer *out)
{
    const struct snn_quantised *from = stage->population->quantised;
    out->name = snnbase_arena_string(all->arena, context, stage->name);
    if (out->name == NULL) return SNN_ERR_NOMEM;
    if (from == NULL) return SNN_OK;
    struct snn_quantised *copy = snnbase_arena_alloc(all->arena, context, 1, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    *copy = *from;
    out->quantised = copy;
    return SNN_OK;
}

int snnconv_layers_make(const struct snnconv_attempt *attempt, struct snn_context *context,
                        const struct snn_placed_layer **out)
{
    const struct snnconv_stages *all = attempt->stages;
    struct snn_placed_layer *layers =
        snnbase_arena_alloc(all->arena, context, all->count, sizeof(*layers));
    if (layers == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct snnconv_stage *stage = &all->stages[i];
        layers[i] = (struct snn_placed_layer){
            .input = stage->input,
            .output = stage->output,
            .kernel_size = stage->kernel_size,
            .stride_y = stage->stride_y,
            .stride_x = stage->stride_x,
            .pad_y = stage->pad_y,
            .pad_x = stage->pad_x,
            .pooling = pooling_behind(all, i),
            .readout = stage->readout,
            .has_bias = stage->has_bias,
            .words = snnconv_stage_words(stage, all->chip, stage->output.channels),
        };
        const int status = copy_of_net(all, context, stage, &layers[i]);
        if (status != SNN_OK) return status;
        if (attempt->found) place_parts(all, stage, &attempt->assigned[i], &layers[i]);
    }
    *out = layers;
    return SNN_OK;
}
