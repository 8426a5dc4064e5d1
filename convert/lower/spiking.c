/* Graph -> spiking net: a walk over the layers in order, turning activations into populations.
 *
 * Pools are never layers of neurons: they ride along with a value until a synapse takes them in.
 * A pure function of graph and options; every obstacle becomes a diagnostic, the first the error.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convert/lower/form.h"
#include "convert/lower/lower.h"
#include "libsnn/base/error.h"
#include "libsnn/model/layer.h"

void snn_lower_options_init(struct snn_lower_options *options)
{
    *options = (struct snn_lower_options){.norm = SNN_NORM_QUANTILE,
                                          .quantile = 0.999,
                                          .v_init = 0.5f,
                                          .v_min = -1.0f,
                                          .reset = SNN_RESET_SUBTRACT,
                                          .output_gain = 1.0f,
                                          .max_pool = SNN_MAX_POOL_REFUSE};
}

static int check_options(struct snn_context *context, const struct snn_lower_options *o)
{
    if (!(o->output_gain > 0.0f) || !isfinite(o->output_gain))
        return snnbase_fail(context, SNN_ERR_INVALID, "output gain %g is not positive",
                            (double)o->output_gain);
    if (!isfinite(o->v_init) || fabsf(o->v_init) > 1e6f)
        return snnbase_fail(context, SNN_ERR_INVALID, "initial potential %g is out of range",
                            (double)o->v_init);
    if (isnan(o->v_min) || o->v_min > 0.0f)
        return snnbase_fail(context, SNN_ERR_INVALID, "lower clip %g must not be above 0",
                            (double)o->v_min);
    if (o->spikes_max > SNN_SPIKES_PER_STEP_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u spikes a step exceed the limit of %u",
                            o->spikes_max, SNN_SPIKES_PER_STEP_MAX);
    for (uint32_t i = 0; i < o->extra_gain_count; i++) {
        if (!(o->extra_gains[i] > 0.0f) || !isfinite(o->extra_gains[i]))
            return snnbase_fail(context, SNN_ERR_INVALID, "output gain %g is not positive",
                                (double)o->extra_gains[i]);
    }
    if (o->chip != NULL && o->arith != SNN_ARITH_CHIP)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "a net for chip '%s' needs chip arithmetic, not float", o->chip->name);
    return SNN_OK;
}

static bool same_shape(struct snn_shape a, struct snn_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

/* The value of the k-th input of a layer; NULL where an obstacle was already reported there. */
static const struct snnconv_value *input_value(const struct snnconv_lowering *l,
                                               const struct snn_layer *layer, uint32_t k)
{
    const struct snnconv_value *value = &l->values[layer->inputs[k]];
    return value->kind != SNNCONV_VALUE_ABSENT ? value : NULL;
}

int snnconv_fail_linear(struct snnconv_lowering *l, const struct snn_layer *layer,
                        const struct snn_layer *input)
{
    snnbase_fail(l->context, SNN_ERR_UNSUPPORTED, "layer '%s': no %s between it and its input '%s'",
                 layer->name, l->spiking != NULL ? "neurons lie" : "activation lies", input->name);
    return snnbase_hint(l->context,
                        "a spiking net needs %s after '%s', or both folded into one layer",
                        l->spiking != NULL ? "neurons" : "a ReLU", input->name);
}

static int require_spikes(struct snnconv_lowering *l, const struct snn_layer *layer,
                          const struct snnconv_value *value)
{
    const struct snn_layer *input = snn_graph_layer(l->graph, layer->inputs[0]);
    if (value->kind == SNNCONV_VALUE_LINEAR) return snnconv_fail_linear(l, layer, input);
    if (layer->kind != SNN_LAYER_DENSE && layer->kind != SNN_LAYER_FLATTEN &&
        !same_shape(value->shape, input->shape))
        return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                            "layer '%s': %s after a flatten has no spiking form", layer->name,
                            snn_layer_kind_name(layer->kind));
    return SNN_OK;
}

/* preprocess: x' = (255 p scale - mean) / std = activation_scale * p + offset, p the spike rate. */
static int lower_input(struct snnconv_lowering *l, const struct snn_layer *layer,
                       struct snnconv_value *out)
{
    const struct snn_preprocess *pre = snn_graph_preprocess(l->graph);
    uint32_t channels = layer->shape.channels;
    double *scale = snnbase_arena_alloc(l->arena, l->context, channels, sizeof(*scale));
    double *offset = snnbase_arena_alloc(l->arena, l->context, channels, sizeof(*offset));
    if (scale == NULL || offset == NULL) return SNN_ERR_NOMEM;
    bool any_offset = false;
    for (uint32_t c = 0; c < channels; c++) {
        uint32_t k = pre->channel_count == 1 ? 0 : c;
        double unit = 255.0 * pre->scale;
        if (fabs(unit - 1.0) < 1e-12) unit = 1.0; /* 255 * (1 / 255) */
        scale[c] = unit / pre->std[k];
        offset[c] = -pre->mean[k] / pre->std[k];
        any_offset = any_offset || pre->mean[k] != 0.0;
    }
    *out = (struct snnconv_value){.kind = SNNCONV_VALUE_SPIKES,
                                  .shape = layer->shape,
                                  .source = SNN_SOURCE_INPUT,
                                  .source_shape = layer->shape,
                                  .pool_scale = 1.0,
                                  .activation_scale = scale,
                                  .offset = any_offset ? offset : NULL};
    return SNN_OK;
}

/* Events behind one more pool. */
static int append_pool(struct snnconv_lowering *l, const struct snn_layer *layer,
                       const struct snnconv_value *input, struct snnconv_value *out)
{
    struct snn_window *pools =
        snnbase_arena_alloc(l->arena, l->context, (size_t)input->pool_count + 1, sizeof(*pools));
    if (pools == NULL) return SNN_ERR_NOMEM;
    if (input->pool_count > 0) memcpy(pools, input->pools, input->pool_count * sizeof(*pools));
    pools[input->pool_count] = layer->window;
    *out = *input;
    out->pools = pools;
    out->pool_count = input->pool_count + 1;
    out->shape.height = layer->shape.height;
    out->shape.width = layer->shape.width;
    return SNN_OK;
}

static int append_mean(struct snnconv_lowering *l, const struct snn_layer *layer,
                       const struct snnconv_value *input, struct snnconv_value *out)
{
    int status = append_pool(l, layer, input, out);
    if (status != SNN_OK) return status;
    out->pool_scale /= (double)layer->window.kernel_h * layer->window.kernel_w;
    return SNN_OK;
}

static int count_neurons(struct snnconv_lowering *l, const struct snn_layer *layer)
{
    l->neuron_count += snn_shape_size(layer->shape);
    uint64_t most = snnbase_limits(l->context)->neuron_count;
    if (l->neuron_count <= most) return SNN_OK;
    return snnbase_fail(l->context, SNN_ERR_LIMIT, "layer '%s': the net has more than %llu neurons",
                        layer->name, (unsigned long long)most);
}

static int scale_to_float(struct snnconv_lowering *l, const double *scale, uint32_t count,
                          const float **out)
{
    float *copy = snnbase_arena_alloc(l->arena, l->context, count, sizeof(*copy));
    if (copy == NULL) return SNN_ERR_NOMEM;
    for (uint32_t c = 0; c < count; c++)
        copy[c] = (float)scale[c];
    *out = copy;
    return SNN_OK;
}

/* What is known of its whole numbers before there are any. */
static int begin_quantised(struct snnconv_lowering *l, struct snn_population *population)
{
    if (l->options->arith != SNN_ARITH_CHIP) return SNN_OK;
    struct snn_quantised *quantised =
        snnbase_arena_alloc(l->scratch, l->context, 1, sizeof(*quantised));
    if (quantised == NULL) return SNN_ERR_NOMEM;
    quantised->channels_raised = l->raised;
    population->quantised = quantised;
    return SNN_OK;
}

/* A population that integrates `value`. */
static int add_population(struct snnconv_lowering *l, const struct snn_layer *layer,
                          const struct snnconv_value *value, double *scale,
                          struct snnconv_value *out)
{
    struct snn_population p = {.name = snnbase_arena_string(l->arena, l->context, layer->name),
                               .shape = layer->shape,
                               .synapse_count = value->branch_count,
                               .synapse_first = l->synapse_count,
                               .core = SNN_NO_CORE};
    struct snn_synapse *synapses =
        snnbase_arena_alloc(l->arena, l->context, value->branch_count, sizeof(*synapses));
    if (p.name == NULL || synapses == NULL) return SNN_ERR_NOMEM;
    p.synapses = synapses;
    int status = count_neurons(l, layer);
    if (status == SNN_OK)
        status = snnbase_grow(l->context, (void **)&l->populations, &l->population_capacity,
                              (size_t)l->population_count + 1, sizeof(*l->populations));
    if (status == SNN_OK) status = snnconv_neurons_build(l, layer, scale, &p);
    for (uint32_t b = 0; b < value->branch_count && status == SNN_OK; b++) {
        const struct snn_layer *weights = value->branches[b].weights;
        if (weights != NULL) p.macs += snnmodel_layer_macs(weights);
        status = snnconv_synapse_build(l, &value->branches[b], layer->shape, scale, &synapses[b]);
    }
    if (status == SNN_OK) status = snnconv_bias_build(l, value, layer->shape, scale, &p);
    if (status == SNN_OK) status = begin_quantised(l, &p);
    if (status == SNN_OK)
        status = scale_to_float(l, scale, layer->shape.channels, &p.activation_scale);
    if (status != SNN_OK) return status;
    *out = (struct snnconv_value){.kind = SNNCONV_VALUE_SPIKES,
                                  .shape = layer->shape,
                                  .source = l->population_count,
                                  .source_shape = layer->shape,
                                  .pool_scale = 1.0,
                                  .activation_scale = scale};
    l->synapse_count += p.synapse_count;
    l->populations[l->population_count++] = p;
    return SNN_OK;
}

static int one_branch(struct snnconv_lowering *l, const struct snn_layer *weights,
                      const struct snnconv_value *input, struct snnconv_value *out)
{
    struct snnconv_branch *branch = snnbase_arena_alloc(l->arena, l->context, 1, sizeof(*branch));
    if (branch == NULL) return SNN_ERR_NOMEM;
    *branch = (struct snnconv_branch){weights, input};
    *out =
        (struct snnconv_value){.kind = SNNCONV_VALUE_LINEAR, .branches = branch, .branch_count = 1};
    return SNN_OK;
}

static int lower_pool(struct snnconv_lowering *l, const struct snn_layer *layer,
                      const struct snnconv_value *input, snnconv_lower_fn lower_part,
                      struct snnconv_value *out)
{
    if (input->kind == SNNCONV_VALUE_JOINED)
        return snnconv_join_pool(l, layer, input, lower_part, out);
    return lower_part(l, layer, input, out);
}

/* True if some window reaches beyond the map. */
static bool meets_padding(const struct snn_layer *pool, struct snn_shape in)
{
    const struct snn_window *w = &pool->window;
    uint64_t bottom = (uint64_t)(pool->shape.height - 1) * w->stride_h + w->kernel_h;
    uint64_t right = (uint64_t)(pool->shape.width - 1) * w->stride_w + w->kernel_w;
    return w->pad_top > 0 || w->pad_left > 0 || bottom > in.height || right > in.width;
}

static int lower_avg_pool(struct snnconv_lowering *l, const struct snn_layer *layer,
                          const struct snnconv_value *input, struct snnconv_value *out)
{
    if (!layer->pad_excluded || !meets_padding(layer, input->shape))
        return lower_pool(l, layer, input, append_mean, out);
    snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                 "layer '%s': a mean that leaves padding out has no spiking form: its divisor "
                 "differs at the borders",
                 layer->name);
    return snnbase_hint(l->context, "frame-based targets take it (--target frame:f32); or train "
                                    "with padding that counts as zeros");
}

/* `or`: neurons that fire once a step if any neuron of their window fired. */
static int add_or_pool(struct snnconv_lowering *l, const struct snn_layer *layer,
                       const struct snnconv_value *input, struct snnconv_value *out)
{
    if (input->offset != NULL && input->pool_count > 0)
        return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                            "layer '%s': max pooling of a normalised and pooled input has no "
                            "spiking form",
                            layer->name);
    struct snnconv_value *pooled = snnbase_arena_alloc(l->arena, l->context, 1, sizeof(*pooled));
    double *scale =
        snnbase_arena_alloc(l->arena, l->context, layer->shape.channels, sizeof(*scale));
    struct snnconv_value linear;
    if (pooled == NULL || scale == NULL) return SNN_ERR_NOMEM;
    int status = append_pool(l, layer, input, pooled);
    pooled->offset = NULL; /* the same all over the window: added behind the maximum */
    if (status == SNN_OK) status = one_branch(l, NULL, pooled, &linear);
    if (status != SNN_OK) return status;
    for (uint32_t c = 0; c < layer->shape.channels; c++)
        scale[c] = input->activation_scale[c] * input->pool_scale;
    status = add_population(l, layer, &linear, scale, out);
    if (status != SNN_OK) return status;
    struct snn_population *p = &l->populations[out->source];
    p->v_init = 0.0f;
    p->spikes_max = 1;
    p->reset = SNN_RESET_ZERO;
    out->offset = input->offset;
    return SNN_OK;
}

static int lower_max_pool(struct snnconv_lowering *l, const struct snn_layer *layer,
                          const struct snnconv_value *input, struct snnconv_value *out)
{
    if (l->options->max_pool == SNN_MAX_POOL_AVG)
        return lower_pool(l, layer, input, append_mean, out);
    if (l->options->max_pool == SNN_MAX_POOL_OR)
        return lower_pool(l, layer, input, add_or_pool, out);
    snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                 "layer '%s': max pooling has no exact integrate-and-fire form", layer->name);
    return snnbase_hint(l->context, "choose a stand-in: --max-pool avg, or --max-pool or");
}

/* Branches that an add joins; 0 where an obstacle was already reported at an input. Adds of adds
 * multiply branches, so a small file could ask for any number of them. */
static int count_branches(struct snnconv_lowering *l, const struct snn_layer *layer,
                          uint32_t *count_out)
{
    const uint32_t most = snnbase_limits(l->context)->layer_count;
    uint64_t count = 0;
    for (uint32_t i = 0; i < layer->input_count; i++) {
        const struct snnconv_value *input = input_value(l, layer, i);
        if (input == NULL) return SNN_OK;
        count += input->kind == SNNCONV_VALUE_LINEAR ? input->branch_count : 1;
        if (count > most)
            return snnbase_fail(l->context, SNN_ERR_LIMIT,
                                "layer '%s': adds up more than %u branches", layer->name, most);
    }
    *count_out = (uint32_t)count;
    return SNN_OK;
}

static int lower_add(struct snnconv_lowering *l, const struct snn_layer *layer,
                     struct snnconv_value *out)
{
    uint32_t count = 0;
    int status = count_branches(l, layer, &count);
    if (status != SNN_OK || count == 0) return status;
    struct snnconv_branch *branches =
        snnbase_arena_alloc(l->arena, l->context, count, sizeof(*branches));
    if (branches == NULL) return SNN_ERR_NOMEM;
    uint32_t at = 0;
    for (uint32_t i = 0; i < layer->input_count; i++) {
        const struct snnconv_value *input = input_value(l, layer, i);
        if (input->kind == SNNCONV_VALUE_LINEAR) {
            memcpy(branches + at, input->branches, input->branch_count * sizeof(*branches));
            at += input->branch_count;
        } else if (input->kind == SNNCONV_VALUE_JOINED) {
            return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                                "layer '%s': adding the joined maps '%s' has no spiking form",
                                layer->name, snn_graph_layer(l->graph, layer->inputs[i])->name);
        } else if (!same_shape(input->shape, layer->shape)) {
            return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                                "layer '%s': adding flattened maps has no spiking form",
                                layer->name);
        } else {
            branches[at++] = (struct snnconv_branch){NULL, input};
        }
    }
    *out = (struct snnconv_value){
        .kind = SNNCONV_VALUE_LINEAR, .branches = branches, .branch_count = count};
    return SNN_OK;
}

static int lower_single_input(struct snnconv_lowering *l, const struct snn_layer *layer,
                              struct snnconv_value *out)
{
    const struct snnconv_value *input = input_value(l, layer, 0);
    if (input == NULL) return SNN_OK; /* reported further up */
    int status = require_spikes(l, layer, input);
    if (status != SNN_OK) return status;
    switch (layer->kind) {
    case SNN_LAYER_AVG_POOL2D:
        return lower_avg_pool(l, layer, input, out);
    case SNN_LAYER_SUM_POOL2D:
        return lower_pool(l, layer, input, append_pool, out);
    case SNN_LAYER_MAX_POOL2D:
        return lower_max_pool(l, layer, input, out);
    case SNN_LAYER_FLATTEN:
        *out = *input;
        return SNN_OK;
    default:
        if (input->kind == SNNCONV_VALUE_JOINED) return snnconv_join_branches(l, layer, input, out);
        return one_branch(l, layer, input, out);
    }
}

/* What a layer of neurons integrates: a sum of branches, or spikes as they come. */
static int lower_neurons(struct snnconv_lowering *l, const struct snn_layer *layer,
                         struct snnconv_value *out)
{
    const struct snnconv_value *input = input_value(l, layer, 0);
    if (input == NULL) return SNN_OK; /* reported further up */
    if (input->kind == SNNCONV_VALUE_LINEAR) {
        *out = *input;
        return SNN_OK;
    }
    if (input->kind == SNNCONV_VALUE_SPIKES && same_shape(input->shape, layer->shape))
        return one_branch(l, NULL, input, out);
    return snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                        "layer '%s': neurons on the %s maps '%s' have no spiking form", layer->name,
                        input->kind == SNNCONV_VALUE_JOINED ? "joined" : "flattened",
                        snn_graph_layer(l->graph, layer->inputs[0])->name);
}

/* Activations that no neuron of this net can stand for. */
static int check_activation(struct snnconv_lowering *l, const struct snn_layer *layer)
{
    if (layer->activation == SNN_ACTIVATION_NONE) return SNN_OK;
    if (l->spiking != NULL) {
        snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                     "layer '%s': has activation %s, but layer '%s' has neurons of its own",
                     layer->name, snn_activation_name(layer->activation), l->spiking->name);
        return snnbase_hint(l->context, "a net is a CNN or spiking, from end to end");
    }
    if (layer->activation != SNN_ACTIVATION_LEAKY_RELU) return SNN_OK;
    snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                 "layer '%s': leaky ReLU has no spiking form: no rate is negative", layer->name);
    return snnbase_hint(l->context,
                        "frame-based targets take it (--target frame:f32); or train with ReLU");
}

/* A layer's value before any neuron of its own. */
static int lower_value(struct snnconv_lowering *l, const struct snn_layer *layer,
                       struct snnconv_value *out)
{
    switch (layer->kind) {
    case SNN_LAYER_INPUT:
        return lower_input(l, layer, out);
    case SNN_LAYER_ADD:
        return lower_add(l, layer, out);
    case SNN_LAYER_CONCAT:
        return snnconv_join_lower(l, layer, out);
    case SNN_LAYER_IF:
        return lower_neurons(l, layer, out);
    default:
        return lower_single_input(l, layer, out);
    }
}

static int lower_layer(struct snnconv_lowering *l, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(l->graph, index);
    struct snnconv_value *out = &l->values[index];
    l->layer = index;
    l->raised = 0;
    int status = check_activation(l, layer);
    if (status == SNN_OK) status = lower_value(l, layer, out);
    if (status != SNN_OK || out->kind != SNNCONV_VALUE_LINEAR ||
        (layer->kind != SNN_LAYER_IF && !snn_graph_layer_is_neuronal(l->graph, index)))
        return status;
    struct snnconv_value linear = *out;
    *out = (struct snnconv_value){.kind = SNNCONV_VALUE_ABSENT};
    double *scale = NULL;
    status = snnconv_threshold_choose(l, index, &scale);
    return status == SNN_OK ? add_population(l, layer, &linear, scale, out) : status;
}

/* Marks the layers that the output depends on; the others are not lowered. */
static void mark_needed(const struct snn_graph *graph, uint32_t output, bool *needed)
{
    needed[output] = true;
    for (uint32_t i = output + 1; i-- > 0;) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        for (uint32_t k = 0; needed[i] && k < layer->input_count; k++)
            needed[layer->inputs[k]] = true;
    }
}

static const struct snn_layer *first_neurons(const struct snn_graph *graph, const bool *needed)
{
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        if (needed[i] && layer->kind == SNN_LAYER_IF) return layer;
    }
    return NULL;
}

/* The first of several obstacles. */
struct obstacle {
    int status; /* SNN_OK: none so far */
    char text[512], hint[512];
};

/* The error just raised as a diagnostic; the layer it names stands in its own field there. */
static void report_obstacle(struct snnconv_lowering *l, const char *name, struct obstacle *first)
{
    const char *text = snn_context_message(l->context), *hint = snn_context_hint(l->context);
    char prefix[256];
    int length = snprintf(prefix, sizeof(prefix), "layer '%s': ", name);
    bool named =
        length > 0 && (size_t)length < sizeof(prefix) && strncmp(text, prefix, (size_t)length) == 0;
    snnbase_diagnose(l->context, SNN_SEVERITY_ERROR, name, hint, "%s",
                     named ? text + length : text);
    if (first->status != SNN_OK) return;
    first->status = snn_context_status(l->context);
    snprintf(first->text, sizeof(first->text), "%s", text);
    snprintf(first->hint, sizeof(first->hint), "%s", hint);
}

static int raise_obstacle(struct snnconv_lowering *l, const struct obstacle *first)
{
    if (first->status == SNN_OK) return SNN_OK;
    snnbase_fail(l->context, first->status, "%s", first->text);
    return first->hint[0] != '\0' ? snnbase_hint(l->context, "%s", first->hint) : first->status;
}

/* Lowers all needed layers; reports every obstacle, keeps the text of the first. */
static int lower_layers(struct snnconv_lowering *l, const bool *needed)
{
    struct obstacle first = {.status = SNN_OK};
    int status = SNN_OK;
    for (uint32_t i = 0; i <= l->output && status != SNN_ERR_NOMEM; i++) {
        status = needed[i] ? lower_layer(l, i) : SNN_OK;
        if (status != SNN_OK) report_obstacle(l, snn_graph_layer(l->graph, i)->name, &first);
    }
    return raise_obstacle(l, &first);
}

/* The output's neurons with all potentials times the gain of each readout; or, for the first,
 * potentials that are only read. */
static int make_readouts(struct snnconv_lowering *l, const struct snn_population *output,
                         bool fires, struct snn_readout *readouts)
{
    const struct snn_lower_options *o = l->options;
    int status = snnconv_readout_build(l, output, o->output_gain, &readouts[0]);
    for (uint32_t i = 0; i < o->extra_gain_count && status == SNN_OK; i++)
        status = snnconv_readout_build(l, output, o->extra_gains[i], &readouts[i + 1]);
    if (status != SNN_OK || fires) return status;
    readouts[0].threshold = FLT_MAX;
    readouts[0].v_init = 0.0f;
    readouts[0].v_min = -FLT_MAX;
    readouts[0].neurons = NULL;
    return SNN_OK;
}

/* The output population and its first readout are the same neurons. */
static void share_readout(struct snn_population *output, const struct snn_readout *readout)
{
    output->threshold = readout->threshold;
    output->v_init = readout->v_init;
    output->v_min = readout->v_min;
    output->neurons = readout->neurons;
}

/* The output population: its threshold, its readouts, and that it is the last. */
static int finish_output(struct snnconv_lowering *l, struct snn_net *net)
{
    const uint32_t output = l->output;
    const struct snnconv_value *value = &l->values[output];
    if (value->kind != SNNCONV_VALUE_SPIKES || value->source != l->population_count - 1 ||
        l->population_count == 0 || value->pool_count > 0) {
        snnbase_fail(l->context, SNN_ERR_UNSUPPORTED,
                     "output layer '%s' (%s) is not a layer of neurons",
                     snn_graph_layer(l->graph, output)->name,
                     snn_layer_kind_name(snn_graph_layer(l->graph, output)->kind));
        return snnbase_hint(l->context,
                            "the output must be a convolution, a dense layer, an add or neurons");
    }
    struct snn_population *population = &l->populations[l->population_count - 1];
    l->readout_count = 1 + l->options->extra_gain_count;
    l->readouts = snnbase_arena_alloc(l->arena, l->context, l->readout_count, sizeof(*l->readouts));
    if (l->readouts == NULL) return SNN_ERR_NOMEM;
    /* What arrived spiking fires only where it has neurons. */
    bool fires = !l->options->readout_membrane &&
                 (l->spiking == NULL || snn_graph_layer(l->graph, output)->kind == SNN_LAYER_IF);
    int status = make_readouts(l, population, fires, l->readouts);
    if (status != SNN_OK) return status;
    share_readout(population, &l->readouts[0]);
    net->readouts = l->readouts;
    net->readout_count = l->readout_count;
    net->class_count = (uint32_t)snn_shape_size(population->shape);
    return SNN_OK;
}

/* For a chip: every population in whole numbers, the readouts in those of the output. */
static int quantise(struct snnconv_lowering *l, struct snn_net *net)
{
    struct snn_population *output = &l->populations[l->population_count - 1];
    struct obstacle first = {.status = SNN_OK};
    int status = SNN_OK;
    for (uint32_t i = 0; i < l->population_count && status != SNN_ERR_NOMEM; i++) {
        status = snnconv_quantise_population(l, &l->populations[i]);
        if (status != SNN_OK) report_obstacle(l, l->populations[i].name, &first);
    }
    /* The output comes last. */
    const bool done = status == SNN_OK;
    for (uint32_t r = 0; r < l->readout_count && done; r++) {
        status = snnconv_quantise_readout(l, output, &l->readouts[r]);
        if (status != SNN_OK) report_obstacle(l, output->name, &first);
    }
    share_readout(output, &l->readouts[0]);
    net->arith = SNN_ARITH_CHIP;
    return raise_obstacle(l, &first);
}

/* All but what finish_output has set. */
static int fill_net(struct snnconv_lowering *l, struct snn_net *net)
{
    const char *name = snn_graph_provenance(l->graph)->name;
    struct snn_population *populations =
        snnbase_arena_alloc(l->arena, l->context, l->population_count, sizeof(*populations));
    if (populations == NULL) return SNN_ERR_NOMEM;
    if (l->population_count > 0)
        memcpy(populations, l->populations, l->population_count * sizeof(*populations));
    net->name = snnbase_arena_string(l->arena, l->context, name);
    net->input_shape = snn_graph_input_shape(l->graph);
    net->populations = populations;
    net->population_count = l->population_count;
    net->synapse_count = l->synapse_count;
    net->neuron_count = l->neuron_count;
    return net->name != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int lower(struct snnconv_lowering *l, struct snn_net *net)
{
    uint32_t layer_count = snn_graph_layer_count(l->graph);
    if (layer_count == 0) return snnbase_fail(l->context, SNN_ERR_INVALID, "the graph is empty");
    l->values = snnbase_alloc(l->context, layer_count, sizeof(*l->values));
    bool *needed = snnbase_alloc(l->context, layer_count, sizeof(*needed));
    int status = l->values != NULL && needed != NULL ? SNN_OK : SNN_ERR_NOMEM;
    if (status == SNN_OK) {
        mark_needed(l->graph, l->output, needed);
        l->spiking = first_neurons(l->graph, needed);
        status = snnconv_corrections_check(l);
        if (status == SNN_OK) status = lower_layers(l, needed);
    }
    if (status == SNN_OK) status = finish_output(l, net);
    if (status == SNN_OK && l->options->chip != NULL) status = snnconv_form(l);
    if (status == SNN_OK && l->options->arith == SNN_ARITH_CHIP) status = quantise(l, net);
    if (status == SNN_OK) status = fill_net(l, net);
    snnbase_free(l->context, l->populations);
    snnbase_free(l->context, needed);
    snnbase_free(l->context, l->values);
    return status;
}

int snnconv_lower(struct snn_net **out, struct snn_context *context, const struct snn_graph *graph,
                  const struct snn_lower_options *options, uint32_t output,
                  const struct snn_recipe *draft)
{
    int status = check_options(context, options);
    if (status != SNN_OK) return status;
    struct snnmodel_net *net = NULL;
    status = snnmodel_net_create(&net, context);
    if (status != SNN_OK) return status;
    struct snnbase_arena scratch;
    snnbase_arena_init(&scratch, context);
    const bool chip = options->arith == SNN_ARITH_CHIP;
    struct snnconv_lowering lowering = {.context = context,
                                        .graph = graph,
                                        .options = options,
                                        .draft = draft,
                                        .output = output,
                                        .arena = &net->arena,
                                        .real = chip ? &scratch : &net->arena,
                                        .scratch = &scratch};
    status = lower(&lowering, &net->net);
    snnbase_arena_fini(&scratch);
    struct snn_net *result = &net->net;
    if (status != SNN_OK)
        snn_net_destroy(&result);
    else
        *out = result;
    return status;
}

int snn_net_lower(struct snn_net **out, struct snn_context *context, const struct snn_graph *graph,
                  const struct snn_lower_options *options)
{
    return snnconv_lower(out, context, graph, options, snn_graph_output(graph), NULL);
}
