/* Nets and graphs into SHA-256: field by field in the order of their structs, each list behind its
 * length, so that no two of them give the same bytes. Padding and addresses stay out.
 */
#include "libsnn/model/digest.h"

#include <string.h>

enum { FLOATS_AT_ONCE = 64 };

static void add(struct snnbase_sha256 *s, uint64_t number)
{
    snnbase_sha256_update_number(s, number);
}

static void add_text(struct snnbase_sha256 *s, const char *text)
{
    const size_t length = text != NULL ? strlen(text) : 0;
    add(s, length);
    snnbase_sha256_update(s, text, length);
}

/* Lists that are NULL have no length. */
static void add_floats(struct snnbase_sha256 *s, const float *values, size_t count)
{
    unsigned char bytes[4 * FLOATS_AT_ONCE];
    if (values == NULL) count = 0;
    add(s, count);
    for (size_t at = 0; at < count;) {
        size_t held = 0;
        for (; held < FLOATS_AT_ONCE && at < count; held++, at++) {
            uint32_t bits;
            memcpy(&bits, &values[at], sizeof(bits));
            for (size_t i = 0; i < 4; i++)
                bytes[4 * held + i] = (unsigned char)(bits >> 8 * i & 0xFF);
        }
        snnbase_sha256_update(s, bytes, 4 * held);
    }
}

static void add_float(struct snnbase_sha256 *s, float value)
{
    add_floats(s, &value, 1);
}

static void add_double(struct snnbase_sha256 *s, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    add(s, bits);
}

static void add_shape(struct snnbase_sha256 *s, struct snn_shape shape)
{
    add(s, shape.channels);
    add(s, shape.height);
    add(s, shape.width);
}

static void add_window(struct snnbase_sha256 *s, const struct snn_window *w)
{
    add(s, w->kernel_h);
    add(s, w->kernel_w);
    add(s, w->stride_h);
    add(s, w->stride_w);
    add(s, w->pad_top);
    add(s, w->pad_left);
    add(s, w->pad_bottom);
    add(s, w->pad_right);
    add(s, w->dilation_h);
    add(s, w->dilation_w);
}

static void add_neurons(struct snnbase_sha256 *s, const struct snn_neurons *n)
{
    add(s, n != NULL);
    if (n == NULL) return;
    add(s, n->reset);
    add_floats(s, n->threshold, n->threshold_count);
    add_floats(s, n->v_init, n->v_init_count);
    add_floats(s, n->v_min, n->v_min_count);
}

static void add_synapse(struct snnbase_sha256 *s, const struct snn_synapse *synapse)
{
    add(s, synapse->source);
    add(s, synapse->pool_count);
    for (uint32_t i = 0; i < synapse->pool_count; i++)
        add_window(s, &synapse->pools[i]);
    add_double(s, synapse->pool_scale);
    add_shape(s, synapse->source_shape);
    add(s, synapse->kind);
    if (synapse->kind == SNN_SYNAPSE_CONV2D) add_window(s, &synapse->window);
    add(s, synapse->groups);
    add_floats(s, synapse->weights, synapse->weight_count);
}

static void add_population(struct snnbase_sha256 *s, const struct snn_population *p)
{
    add_text(s, p->name);
    add_shape(s, p->shape);
    add(s, p->synapse_count);
    for (uint32_t i = 0; i < p->synapse_count; i++)
        add_synapse(s, &p->synapses[i]);
    add_floats(s, p->bias, p->bias_count);
    add_float(s, p->threshold);
    add_float(s, p->v_init);
    add_float(s, p->v_min);
    add_neurons(s, p->neurons);
    add(s, p->spikes_max);
    add(s, p->reset);
    add_floats(s, p->activation_scale, p->shape.channels);
    add_float(s, p->quantised != NULL ? p->quantised->scale : 0.0f);
    add(s, p->core);
    add(s, p->continues);
}

static void add_readout(struct snnbase_sha256 *s, const struct snn_readout *r)
{
    add_float(s, r->gain);
    add_float(s, r->threshold);
    add_float(s, r->v_init);
    add_float(s, r->v_min);
    add_neurons(s, r->neurons);
    add(s, r->spikes_max);
}

void snnmodel_digest_net(const struct snn_net *net, unsigned char out[SNNBASE_SHA256_SIZE])
{
    struct snnbase_sha256 s;
    snnbase_sha256_init(&s);
    add_shape(&s, net->input_shape);
    add(&s, net->population_count);
    for (uint32_t i = 0; i < net->population_count; i++)
        add_population(&s, &net->populations[i]);
    add(&s, net->class_count);
    add(&s, net->readout_count);
    for (uint32_t i = 0; i < net->readout_count; i++)
        add_readout(&s, &net->readouts[i]);
    add(&s, net->arith);
    snnbase_sha256_finish(&s, out);
}

static void add_layer(struct snnbase_sha256 *s, const struct snn_layer *layer)
{
    add_text(s, layer->name);
    add(s, layer->kind);
    add(s, layer->input_count);
    for (uint32_t i = 0; i < layer->input_count; i++)
        add(s, layer->inputs[i]);
    add_shape(s, layer->shape);
    add_window(s, &layer->window);
    add(s, layer->groups);
    add(s, layer->pad_excluded);
    add(s, layer->activation);
    add_float(s, layer->clip);
    add_float(s, layer->slope);
    add_floats(s, layer->weights, layer->weight_count);
    add_floats(s, layer->bias, layer->bias_count);
    add_neurons(s, layer->neurons);
}

static void add_quantization(struct snnbase_sha256 *s, const struct snn_quantization *q)
{
    add(s, q != NULL);
    if (q == NULL) return;
    add_float(s, q->scale);
    add(s, (uint64_t)(int64_t)q->zero_point);
    add_floats(s, q->weight_scale, q->weight_scale_count);
}

static void add_statistics(struct snnbase_sha256 *s, const struct snn_statistics *statistics,
                           uint32_t quantiles, uint32_t channels)
{
    add(s, statistics != NULL);
    if (statistics == NULL) return;
    add_float(s, statistics->minimum);
    add_floats(s, statistics->quantile, quantiles);
    add_floats(s, statistics->channel_quantile, (size_t)quantiles * channels);
}

void snnmodel_digest_graph(const struct snn_graph *graph, unsigned char out[SNNBASE_SHA256_SIZE])
{
    struct snnbase_sha256 s;
    uint32_t quantiles = 0;
    const double *probability = snn_graph_quantiles(graph, &quantiles, NULL, NULL);
    const struct snn_preprocess *preprocess = snn_graph_preprocess(graph);
    snnbase_sha256_init(&s);
    add_double(&s, preprocess->scale);
    add(&s, preprocess->channel_count);
    for (uint32_t i = 0; i < preprocess->channel_count; i++) {
        add_double(&s, preprocess->mean[i]);
        add_double(&s, preprocess->std[i]);
    }
    add(&s, quantiles);
    for (uint32_t i = 0; i < quantiles; i++)
        add_double(&s, probability[i]);
    add(&s, snn_graph_layer_count(graph));
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        add_layer(&s, layer);
        add_quantization(&s, snn_graph_quantization(graph, i));
        add_statistics(&s, snn_graph_statistics(graph, i), quantiles, layer->shape.channels);
    }
    add(&s, snn_graph_output(graph));
    snnbase_sha256_finish(&s, out);
}
