/* An attempt that found cores -> the registers and memories of every core.
 *
 * The weights of a stage lie [features][channels][rows][columns] already, whether they are those of
 * a convolution or of a dense layer; branches are put side by side along the channels. The output's
 * features stand apart by the readout's spread, with features of zeros between them. All is made in
 * scratch memory and described to snn_program_create, which checks it against the chip and copies.
 */
#include <string.h>

#include "convert/place/place.h"
#include "libsnn/base/error.h"

#define DT_US_DEFAULT 1000.0

struct builder {
    struct snn_context *context;
    const struct snnconv_attempt *attempt;
    struct snnbase_arena *arena; /* scratch */
    struct snn_core *cores;      /* in the order of the program */
    uint32_t core_count;
};

/* A stage, and which of its features. */
struct part {
    const struct snnconv_stage *stage;
    uint32_t layer, first, count;
    uint32_t spread; /* feature i of the part is feature i * spread in memory */
};

/* ---- Memories ---- */

/* One feature: the kernels of all branches, one behind the other. */
static void copy_kernels(const struct snnconv_stage *stage, uint32_t feature, int8_t *to)
{
    const size_t taps = (size_t)stage->kernel_size * stage->kernel_size;
    for (uint32_t e = 0; e < stage->edge_count; e++) {
        const struct snnconv_edge *edge = &stage->edges[e];
        const size_t count = edge->shape.channels * taps;
        const float *from =
            stage->population->synapses[edge->synapse].weights + (size_t)feature * count;
        for (size_t i = 0; i < count; i++)
            *to++ = (int8_t)from[i];
    }
}

static int build_weights(const struct builder *b, const struct part *part, struct snn_core *core)
{
    const size_t row = (size_t)core->input.channels * core->kernel_size * core->kernel_size;
    int8_t *weights =
        snnbase_arena_alloc(b->arena, b->context, core->output.channels, row * sizeof(*weights));
    if (weights == NULL) return SNN_ERR_NOMEM;
    for (uint32_t f = 0; f < part->count; f++)
        copy_kernels(part->stage, part->first + f, weights + (size_t)f * part->spread * row);
    core->weights = weights;
    return SNN_OK;
}

static int build_bias(const struct builder *b, const struct part *part, struct snn_core *core)
{
    const struct snn_population *p = part->stage->population;
    if (!part->stage->has_bias) return SNN_OK;
    const size_t each = p->bias_count / p->shape.channels; /* alike within a feature */
    int8_t *bias = snnbase_arena_alloc(b->arena, b->context, core->output.channels, sizeof(*bias));
    if (bias == NULL) return SNN_ERR_NOMEM;
    for (uint32_t f = 0; f < part->count; f++)
        bias[f * part->spread] = (int8_t)p->bias[(part->first + f) * each];
    core->bias = bias;
    return SNN_OK;
}

/* Potentials at the start: one value where all neurons have it, those between classes too. */
static int build_v_init(const struct builder *b, const struct part *part, struct snn_core *core)
{
    const struct snn_population *p = part->stage->population;
    const struct snn_neurons *n = p->neurons;
    const float *from = n != NULL ? n->v_init : &p->v_init;
    const size_t from_count = n != NULL ? n->v_init_count : 1;
    const size_t map = (size_t)p->shape.height * p->shape.width;
    const bool same = from_count == 1 && (part->spread == 1 || from[0] == 0.0f);
    const size_t count = same ? 1 : snn_shape_size(core->output);
    int16_t *v_init = snnbase_arena_alloc(b->arena, b->context, count, sizeof(*v_init));
    if (v_init == NULL) return SNN_ERR_NOMEM;
    core->v_init = v_init;
    core->v_init_count = count;
    if (same) {
        v_init[0] = (int16_t)from[0];
        return SNN_OK;
    }
    for (size_t i = 0; i < part->count * map; i++) {
        const size_t neuron = part->first * map + i;
        const size_t to = i / map * part->spread * map + i % map;
        v_init[to] = (int16_t)snn_neurons_at(from, from_count, snn_shape_size(p->shape), neuron);
    }
    return SNN_OK;
}

/* ---- Destinations ---- */

/* To all parts of the layers that a source reaches, in the order of their cores in the program. */
static uint32_t build_destinations(const struct builder *b, uint32_t source, uint32_t feature_first,
                                   struct snn_destination *out)
{
    const struct snnconv_stages *all = b->attempt->stages;
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct snnconv_assigned *assigned = &b->attempt->assigned[i];
        for (uint32_t p = 0; p < assigned->part_count; p++) {
            for (uint32_t e = 0; e < all->stages[i].edge_count; e++) {
                const struct snnconv_edge *edge = &all->stages[i].edges[e];
                if (edge->source != source || count == SNN_CHIP_DESTINATIONS_MAX) continue;
                out[count++] = (struct snn_destination){assigned->core[p], edge->pooling,
                                                        edge->feature_shift + feature_first};
            }
        }
    }
    return count;
}

static void build_readout(const struct builder *b, struct snn_core *core)
{
    core->destination_count = 1;
    core->destinations[0] =
        (struct snn_destination){b->attempt->stages->chip->readout_layer, 1, core->feature_first};
}

/* ---- Cores ---- */

static int build_core(struct builder *b, const struct part *part, uint32_t index)
{
    const struct snnconv_stage *stage = part->stage;
    const struct snn_population *p = stage->population;
    struct snn_core *core = &b->cores[b->core_count++];
    *core = (struct snn_core){
        .index = index,
        .layer = stage->name,
        .layer_index = part->layer,
        .feature_first = part->first * part->spread,
        .input = stage->input,
        .output = {(part->count - 1) * part->spread + 1, p->shape.height, p->shape.width},
        .kernel_size = stage->kernel_size,
        .stride_y = stage->stride_y,
        .stride_x = stage->stride_x,
        .pad_y = stage->pad_y,
        .pad_x = stage->pad_x,
        .threshold_high = (int16_t)p->threshold,
        .threshold_low = (int16_t)p->v_min,
        .return_to_zero = p->reset == SNN_RESET_ZERO,
        .scale = p->quantised != NULL ? p->quantised->scale : 1.0f,
    };
    int status = build_weights(b, part, core);
    if (status == SNN_OK) status = build_bias(b, part, core);
    if (status == SNN_OK) status = build_v_init(b, part, core);
    if (status != SNN_OK) return status;
    if (stage->readout)
        build_readout(b, core);
    else
        core->destination_count =
            build_destinations(b, part->layer, part->first, core->destinations);
    return SNN_OK;
}

static int build_cores(struct builder *b)
{
    const struct snnconv_stages *all = b->attempt->stages;
    int status = SNN_OK;
    b->cores = snnbase_arena_alloc(b->arena, b->context, (size_t)2 * all->count, sizeof(*b->cores));
    if (b->cores == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct snnconv_assigned *assigned = &b->attempt->assigned[i];
        struct part part = {.stage = &all->stages[i],
                            .layer = i,
                            .spread = all->stages[i].readout ? all->chip->readout_spread : 1};
        for (uint32_t p = 0; p < assigned->part_count && status == SNN_OK; p++) {
            part.count = assigned->features[p];
            status = build_core(b, &part, assigned->core[p]);
            part.first += part.count;
        }
    }
    return status;
}

static int describe(struct builder *b, const struct snn_place_options *options,
                    struct snn_program **out)
{
    const struct snnconv_stages *all = b->attempt->stages;
    struct snn_program p = {
        .name = all->net->name,
        .model_sha256 = options->model_sha256 != NULL ? options->model_sha256 : "",
        .tool = options->tool != NULL ? options->tool : "",
        .chip = *all->chip,
        .input_shape = all->input_shape,
        .class_count = all->net->class_count,
        .readout_spread = all->chip->readout_spread,
        .dt_us = options->dt_us > 0.0 ? options->dt_us : DT_US_DEFAULT,
    };
    const int status = build_cores(b);
    if (status != SNN_OK) return status;
    p.cores = b->cores;
    p.core_count = b->core_count;
    p.input_destination_count = build_destinations(b, SNN_SOURCE_INPUT, 0, p.input_destinations);
    return snn_program_create(out, b->context, &p);
}

int snnconv_program_build(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_place_options *options, struct snn_program **out)
{
    struct snnbase_arena scratch;
    snnbase_arena_init(&scratch, context);
    struct builder builder = {.context = context, .attempt = attempt, .arena = &scratch};
    const int status = describe(&builder, options, out);
    snnbase_arena_fini(&scratch);
    return status;
}
