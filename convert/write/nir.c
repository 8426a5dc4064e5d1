/* A graph as NIR: lowered to a net, whose populations become chains of nodes.
 *
 *   source -> [SumPool2d ...] -> Conv2d | [Flatten ->] Affine | Linear -> IF -> ...
 *
 * Thresholds are folded into the weights already, so that neurons have a threshold of 1 unless the
 * net arrived spiking. What NIR has no place for (initial potential, lower bound, reset, duration
 * of a step) goes into the nodes' metadata, which our reader takes back; without a lower bound in
 * it, none is meant. One population's branches are several edges into its neurons, which NIR sums.
 * What passes along an edge has three axes (channels, height, width) behind convolutions and pools,
 * one behind dense layers; nothing in NIR leads back from one to three.
 * Source: NIR, https://neuroir.org/docs/; the layout is that of its Python package, nir.write.
 */
#include <stdio.h>
#include <string.h>

#include "convert/ir/program.h"
#include "convert/read/hdf5.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/size.h"
#include "snn/convert.h"
#include "snn/run.h"

#define NIR_VERSION "1.0.4"
#define STEP_SECONDS 1e-3

static const char neuron_suffix[] = ".if", output_name[] = "output";

struct writer {
    struct snn_context *context;
    struct snnbase_arena *arena;
    const struct snn_net *net;
    struct snnconv_hdf5_item *nodes; /* children of the group `nodes` */
    size_t node_count, node_capacity;
    const char **edges; /* pairs */
    size_t edge_count, edge_capacity;
    const char **outputs; /* [populations] node that carries the spikes of each */
    bool *vectors;        /* [populations] true: one axis, false: three */
    int status;           /* first error: every call after it does nothing */
};

/* ---- Items ---- */

static void *take(struct writer *w, size_t count, size_t size)
{
    if (w->status != SNN_OK) return NULL;
    void *memory = snnbase_arena_alloc(w->arena, w->context, count, size);
    if (memory == NULL) w->status = SNN_ERR_NOMEM;
    return memory;
}

static const char *join(struct writer *w, const char *a, const char *b)
{
    if (w->status != SNN_OK) return NULL;
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = take(w, size, 1);
    if (text != NULL) (void)snprintf(text, size, "%s%s", a, b);
    return text;
}

/* The next child of a group that has room for it. */
static struct snnconv_hdf5_item *next_child(struct snnconv_hdf5_item *group, const char *name)
{
    struct snnconv_hdf5_item *item = &group->children[group->child_count++];
    *item = (struct snnconv_hdf5_item){.name = name, .offset = SNNCONV_NO_OFFSET};
    return item;
}

static void put_text(struct writer *w, struct snnconv_hdf5_item *group, const char *name,
                     const char *text)
{
    const char **list = take(w, 1, sizeof(*list));
    if (list == NULL) return;
    list[0] = text;
    next_child(group, name)->text = list;
}

/* A dataset; `data` must live as long as the arena. */
static void put_array(struct writer *w, struct snnconv_hdf5_item *group, const char *name,
                      enum snnconv_type type, const void *data, uint32_t rank, const int64_t *dim)
{
    if (w->status != SNN_OK) return;
    struct snnconv_hdf5_item *item = next_child(group, name);
    item->array = (struct snnconv_array){.type = type, .rank = rank, .data = data};
    if (rank > 0) memcpy(item->array.dim, dim, rank * sizeof(*dim));
}

static void put_integers(struct writer *w, struct snnconv_hdf5_item *group, const char *name,
                         uint32_t rank, int64_t count, const int64_t *values)
{
    int64_t *data = take(w, (size_t)count, sizeof(*data));
    if (data == NULL) return;
    memcpy(data, values, (size_t)count * sizeof(*data));
    put_array(w, group, name, SNNCONV_TYPE_I64, data, rank, &count);
}

static void put_pair(struct writer *w, struct snnconv_hdf5_item *group, const char *name,
                     uint32_t first, uint32_t second)
{
    const int64_t pair[2] = {first, second};
    put_integers(w, group, name, 1, 2, pair);
}

/* A value for each neuron of a population: of a list with one value, one a channel or one a
 * neuron. */
static void put_neurons(struct writer *w, struct snnconv_hdf5_item *group, const char *name,
                        uint32_t population, const float *values, size_t count)
{
    struct snn_shape shape = w->net->populations[population].shape;
    size_t size = snn_shape_size(shape), map = size / shape.channels;
    float *data = take(w, size, sizeof(*data));
    if (data == NULL) return;
    for (size_t i = 0; i < size; i++)
        data[i] = values[count == 1 ? 0 : count == size ? i : i / map];
    const int64_t dim[3] = {shape.channels, shape.height, shape.width};
    put_array(w, group, name, SNNCONV_TYPE_F32, data, w->vectors[population] ? 1 : 3, dim);
}

/* ---- Nodes and edges ---- */

static bool is_taken(const struct writer *w, const char *name)
{
    for (size_t i = 0; i < w->node_count; i++)
        if (strcmp(w->nodes[i].name, name) == 0) return true;
    return strcmp(name, output_name) == 0;
}

/* The name itself, or with a number behind it where another node has it. */
static const char *free_name(struct writer *w, const char *name)
{
    char suffix[32];
    const char *found = name;
    for (size_t i = w->node_count; w->status == SNN_OK && is_taken(w, found); i++) {
        (void)snprintf(suffix, sizeof(suffix), "_%zu", i);
        found = join(w, name, suffix);
    }
    return w->status == SNN_OK ? found : NULL;
}

/* A new node with room for its parameters; NULL after an error. */
static struct snnconv_hdf5_item *add_node(struct writer *w, const char *name, const char *type,
                                          size_t parameter_count)
{
    struct snnconv_hdf5_item *children = take(w, parameter_count + 1, sizeof(*children));
    if (w->status == SNN_OK)
        w->status = snnbase_grow(w->context, (void **)&w->nodes, &w->node_capacity,
                                 w->node_count + 1, sizeof(*w->nodes));
    if (w->status != SNN_OK) return NULL;
    struct snnconv_hdf5_item *node = &w->nodes[w->node_count++];
    *node = (struct snnconv_hdf5_item){
        .name = name, .is_group = true, .offset = SNNCONV_NO_OFFSET, .children = children};
    put_text(w, node, "type", type);
    return w->status == SNN_OK ? node : NULL;
}

static void add_edge(struct writer *w, const char *from, const char *to)
{
    if (w->status == SNN_OK)
        w->status = snnbase_grow(w->context, (void **)&w->edges, &w->edge_capacity,
                                 w->edge_count + 2, sizeof(*w->edges));
    if (w->status != SNN_OK) return;
    w->edges[w->edge_count++] = from;
    w->edges[w->edge_count++] = to;
}

static void add_shape_node(struct writer *w, const char *name, const char *type,
                           struct snn_shape shape, bool vector)
{
    struct snnconv_hdf5_item *node = add_node(w, name, type, 1);
    const int64_t dim[3] = {shape.channels, shape.height, shape.width};
    if (node != NULL) put_integers(w, node, "shape", 1, vector ? 1 : 3, dim);
}

static const char *add_pool(struct writer *w, const char *wanted, const char *from,
                            const struct snn_window *pool)
{
    const char *name = free_name(w, wanted);
    struct snnconv_hdf5_item *node = add_node(w, name, "SumPool2d", 3);
    if (node == NULL) return NULL;
    put_pair(w, node, "kernel_size", pool->kernel_h, pool->kernel_w);
    put_pair(w, node, "stride", pool->stride_h, pool->stride_w);
    put_pair(w, node, "padding", pool->pad_top, pool->pad_left);
    if (pool->pad_top != pool->pad_bottom || pool->pad_left != pool->pad_right)
        w->status = snnbase_fail(w->context, SNN_ERR_UNSUPPORTED,
                                 "'%s': NIR pools the same number of zeros on both sides", name);
    add_edge(w, from, name);
    return name;
}

static const char *add_flatten(struct writer *w, const char *wanted, const char *from,
                               struct snn_shape shape)
{
    const char *name = free_name(w, wanted);
    struct snnconv_hdf5_item *node = add_node(w, name, "Flatten", 3);
    const int64_t start = 0, end = -1, dim[3] = {shape.channels, shape.height, shape.width};
    if (node == NULL) return NULL;
    put_integers(w, node, "start_dim", 0, 1, &start);
    put_integers(w, node, "end_dim", 0, 1, &end);
    put_integers(w, node, "input_type", 1, 3, dim);
    add_edge(w, from, name);
    return name;
}

/* ---- Synapses ---- */

/* The bias goes with the first synapse; NIR's convolutions have one a channel. */
static const float *bias_of(struct writer *w, const struct snn_population *population, bool first)
{
    size_t channels = population->shape.channels;
    if (!first || population->bias == NULL) return take(w, channels, sizeof(float));
    if (population->bias_count == channels) return population->bias;
    w->status = snnbase_fail(w->context, SNN_ERR_UNSUPPORTED,
                             "'%s': its bias differs from neuron to neuron, NIR has one a channel",
                             population->name);
    snnbase_hint(w->context,
                 "it comes from preprocessing under zero padding: scale the data in its place");
    return NULL;
}

static void put_conv2d(struct writer *w, struct snnconv_hdf5_item *node,
                       const struct snn_synapse *synapse, uint32_t out_channels)
{
    bool single = synapse->kind == SNN_SYNAPSE_ONE_TO_ONE;
    static const struct snn_window one = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
    const struct snn_window *window = single ? &one : &synapse->window;
    int64_t groups = single ? synapse->source_shape.channels : synapse->groups;
    const int64_t dim[4] = {out_channels, (int64_t)synapse->source_shape.channels / groups,
                            window->kernel_h, window->kernel_w};
    put_array(w, node, "weight", SNNCONV_TYPE_F32, synapse->weights, 4, dim);
    put_pair(w, node, "stride", window->stride_h, window->stride_w);
    put_pair(w, node, "padding", window->pad_top, window->pad_left);
    put_pair(w, node, "dilation", window->dilation_h, window->dilation_w);
    put_integers(w, node, "groups", 0, 1, &groups);
    put_pair(w, node, "input_shape", synapse->source_shape.height, synapse->source_shape.width);
    if (w->status == SNN_OK &&
        (window->pad_top != window->pad_bottom || window->pad_left != window->pad_right))
        w->status =
            snnbase_fail(w->context, SNN_ERR_UNSUPPORTED,
                         "'%s': NIR pads the same number of zeros on both sides", node->name);
}

/* ---- Vectors ---- */

static bool is_point(struct snn_shape shape)
{
    return shape.height == 1 && shape.width == 1;
}

static bool is_vector_source(const struct writer *w, uint32_t source)
{
    return source == SNN_SOURCE_INPUT ? is_point(w->net->input_shape) : w->vectors[source];
}

/* True if a synapse brings one axis: it is dense, or is written as a matrix. */
static bool brings_vector(const struct writer *w, const struct snn_synapse *synapse)
{
    return synapse->kind == SNN_SYNAPSE_DENSE || is_vector_source(w, synapse->source);
}

static bool is_vector(const struct writer *w, const struct snn_population *population)
{
    for (uint32_t i = 0; i < population->synapse_count; i++)
        if (brings_vector(w, &population->synapses[i])) return true;
    return false;
}

/* The kernel's element that meets a map of one pixel where its one output is taken, or the number
 * of elements if that output sees padding only. */
static size_t tap_of_point(const struct snn_window *window)
{
    size_t y = window->pad_top / window->dilation_h, x = window->pad_left / window->dilation_w;
    if (window->pad_top % window->dilation_h != 0 || window->pad_left % window->dilation_w != 0 ||
        y >= window->kernel_h || x >= window->kernel_w)
        return (size_t)window->kernel_h * window->kernel_w;
    return y * window->kernel_w + x;
}

/* A convolution of one pixel, or one to one, as the matrix that a vector takes. */
static const float *take_matrix(struct writer *w, const struct snn_population *population,
                                const struct snn_synapse *synapse)
{
    size_t out = population->shape.channels, in = synapse->source_shape.channels;
    bool single = synapse->kind == SNN_SYNAPSE_ONE_TO_ONE;
    size_t groups = single ? in : synapse->groups;
    size_t taps = single ? 1 : (size_t)synapse->window.kernel_h * synapse->window.kernel_w;
    size_t tap = single ? 0 : tap_of_point(&synapse->window);
    size_t columns = in / groups, rows = out / groups, size = 0;
    if (w->status == SNN_OK && !snnbase_size_mul(out, in, &size))
        w->status = snnbase_fail(w->context, SNN_ERR_LIMIT, "'%s': %zu x %zu weights overflow",
                                 population->name, out, in);
    float *matrix = take(w, size, sizeof(*matrix));
    for (size_t o = 0; matrix != NULL && tap < taps && o < out; o++) {
        for (size_t c = 0; c < columns; c++)
            matrix[o * in + o / rows * columns + c] =
                synapse->weights[(o * columns + c) * taps + tap];
    }
    return matrix;
}

/* Maps of one pixel that padding makes larger would need three axes again. */
static int check_vector(struct writer *w, const struct snn_population *population,
                        const struct snn_synapse *synapse)
{
    bool pools = !is_point(synapse->source_shape);
    struct snn_shape shape = pools ? synapse->source_shape : population->shape;
    if (is_point(shape)) return SNN_OK;
    return snnbase_fail(w->context, SNN_ERR_UNSUPPORTED,
                        "'%s': pads a vector to maps of %ux%u, for which NIR has no node",
                        population->name, shape.height, shape.width);
}

static void put_dense(struct writer *w, struct snnconv_hdf5_item *node,
                      const struct snn_population *population, const struct snn_synapse *synapse)
{
    const int64_t dim[2] = {population->shape.channels,
                            (int64_t)snn_shape_size(synapse->source_shape)};
    bool dense = synapse->kind == SNN_SYNAPSE_DENSE;
    const float *weights = dense ? synapse->weights : take_matrix(w, population, synapse);
    put_array(w, node, "weight", SNNCONV_TYPE_F32, weights, 2, dim);
}

/* ---- Chains ---- */

/* Pools of a vector are left out: each has one output (see check_vector), the pixel itself. */
static const char *add_pools(struct writer *w, const struct snn_synapse *synapse, const char *name)
{
    const char *from = synapse->source == SNN_SOURCE_INPUT ? "input" : w->outputs[synapse->source];
    if (is_vector_source(w, synapse->source)) return from;
    for (uint32_t i = 0; i < synapse->pool_count && w->status == SNN_OK; i++) {
        char suffix[32];
        (void)snprintf(suffix, sizeof(suffix), ".pool%u", i);
        from = add_pool(w, join(w, name, suffix), from, &synapse->pools[i]);
    }
    return from;
}

/* One synapse as a chain of nodes; returns the last. */
static const char *add_synapse(struct writer *w, uint32_t index, const struct snn_synapse *synapse,
                               const char *wanted)
{
    const struct snn_population *population = &w->net->populations[index];
    const char *name = free_name(w, wanted);
    const char *from = add_pools(w, synapse, name);
    bool vector = brings_vector(w, synapse), given = is_vector_source(w, synapse->source);
    if (w->status == SNN_OK && given) w->status = check_vector(w, population, synapse);
    if (vector && !given)
        from = add_flatten(w, join(w, name, ".flatten"), from, synapse->source_shape);
    struct snnconv_hdf5_item *node = add_node(w, name, vector ? "Affine" : "Conv2d", 8);
    if (node == NULL) return NULL;
    if (vector)
        put_dense(w, node, population, synapse);
    else
        put_conv2d(w, node, synapse, population->shape.channels);
    const float *bias = bias_of(w, population, synapse == population->synapses);
    const int64_t channels = population->shape.channels;
    put_array(w, node, "bias", SNNCONV_TYPE_F32, bias, 1, &channels);
    add_edge(w, from, name);
    if (w->vectors[index] && !vector)
        name = add_flatten(w, join(w, name, ".flat"), name, population->shape);
    return name;
}

/* ---- Neurons ---- */

static void put_metadata(struct writer *w, struct snnconv_hdf5_item *node, uint32_t population,
                         const struct snn_neurons *neurons)
{
    struct snnconv_hdf5_item *group = next_child(node, "metadata");
    group->is_group = true;
    group->children = take(w, 3, sizeof(*group->children));
    if (group->children == NULL) return;
    put_text(w, group, "reset", neurons->reset == SNN_RESET_ZERO ? "zero" : "subtract");
    put_neurons(w, group, "v_init", population, neurons->v_init, neurons->v_init_count);
    put_neurons(w, group, "v_min", population, neurons->v_min, neurons->v_min_count);
}

static void add_neurons(struct writer *w, uint32_t index, const struct snn_neurons *neurons,
                        const char *name)
{
    static const float one = 1.0f;
    const struct snn_population *population = &w->net->populations[index];
    if (population->spikes_max < SNN_SPIKES_PER_STEP_MAX) {
        w->status = snnbase_fail(w->context, SNN_ERR_UNSUPPORTED,
                                 "'%s': a limit of %u spike(s) a step has no place in NIR",
                                 population->name, population->spikes_max);
        snnbase_hint(w->context, "max pooling: --max-pool avg has no such limit");
        return;
    }
    struct snnconv_hdf5_item *node = add_node(w, name, "IF", 4);
    if (node == NULL) return;
    put_neurons(w, node, "r", index, &one, 1);
    put_neurons(w, node, "v_threshold", index, neurons->threshold, neurons->threshold_count);
    if (neurons->reset == SNN_RESET_ZERO) {
        float *zero = take(w, 1, sizeof(*zero));
        if (zero != NULL) put_neurons(w, node, "v_reset", index, zero, 1);
    }
    put_metadata(w, node, index, neurons);
}

/* A name that HDF5 takes: slashes, which would be groups there, become dots. A layer that was read
 * from NIR is named after its neurons: the suffix does not pile up. */
static const char *stem_of(struct writer *w, const char *name)
{
    while (*name == '/')
        name++;
    size_t size = strlen(name), suffix = sizeof(neuron_suffix) - 1;
    char *stem = take(w, size + 2, 1);
    if (stem == NULL) return NULL;
    if (size > suffix && strcmp(name + size - suffix, neuron_suffix) == 0) size -= suffix;
    for (size_t i = 0; i < size; i++)
        stem[i] = name[i] == '/' ? '.' : name[i];
    if (strspn(stem, ".") == size) stem[size] = '_';
    return stem;
}

static void add_population(struct writer *w, uint32_t index)
{
    const struct snn_population *population = &w->net->populations[index];
    const struct snn_neurons alike = {.reset = population->reset,
                                      .threshold = &population->threshold,
                                      .threshold_count = 1,
                                      .v_init = &population->v_init,
                                      .v_init_count = 1,
                                      .v_min = &population->v_min,
                                      .v_min_count = 1};
    const struct snn_neurons *neurons = population->neurons != NULL ? population->neurons : &alike;
    bool last = index + 1 == w->net->population_count;
    /* A readout that never fires is the sum of its inputs and no neuron of NIR's. */
    bool fires = !last || w->net->readouts[0].threshold < 3e38f;
    w->vectors[index] = is_vector(w, population);
    const char *stem = stem_of(w, population->name);
    const char *name = fires ? free_name(w, join(w, stem, neuron_suffix)) : output_name;
    for (uint32_t i = 0; i < population->synapse_count && w->status == SNN_OK; i++) {
        char suffix[32] = "";
        if (population->synapse_count > 1) (void)snprintf(suffix, sizeof(suffix), ".%u", i);
        add_edge(w, add_synapse(w, index, &population->synapses[i], join(w, stem, suffix)), name);
    }
    if (w->status != SNN_OK) return;
    w->outputs[index] = name;
    if (fires) add_neurons(w, index, neurons, name);
    if (fires && last) add_edge(w, name, output_name);
}

/* ---- The file ---- */

static int write_file(struct writer *w, const char *path)
{
    static const double step = STEP_SECONDS;
    struct snnconv_hdf5_item root_children[2], graph_children[4], metadata_children[1];
    struct snnconv_hdf5_item root = {.name = "/", .is_group = true, .children = root_children};
    struct snnconv_hdf5_item *graph = next_child(&root, "node");
    graph->is_group = true;
    graph->children = graph_children;
    put_text(w, &root, "version", NIR_VERSION);
    put_text(w, graph, "type", "NIRGraph");
    if (w->status != SNN_OK) return w->status;
    struct snnconv_hdf5_item *edges = next_child(graph, "edges");
    edges->text = w->edges;
    edges->array = (struct snnconv_array){.rank = 2, .dim = {(int64_t)(w->edge_count / 2), 2}};
    struct snnconv_hdf5_item *metadata = next_child(graph, "metadata");
    metadata->is_group = true;
    metadata->children = metadata_children;
    put_array(w, metadata, "dt", SNNCONV_TYPE_F64, &step, 0, NULL);
    struct snnconv_hdf5_item *nodes = next_child(graph, "nodes");
    nodes->is_group = true;
    nodes->children = w->nodes;
    nodes->child_count = w->node_count;
    return snnconv_hdf5_write(w->context, path, &root);
}

static int write_net(struct writer *w, const char *path)
{
    const struct snn_net *net = w->net;
    const uint32_t last = net->population_count - 1;
    w->outputs = take(w, net->population_count, sizeof(*w->outputs));
    w->vectors = take(w, net->population_count, sizeof(*w->vectors));
    add_shape_node(w, "input", "Input", net->input_shape, is_point(net->input_shape));
    for (uint32_t i = 0; i < net->population_count && w->status == SNN_OK; i++)
        add_population(w, i);
    if (w->status == SNN_OK)
        add_shape_node(w, output_name, "Output", net->populations[last].shape, w->vectors[last]);
    return w->status == SNN_OK ? write_file(w, path) : w->status;
}

int snn_graph_save_nir(const struct snn_graph *graph, struct snn_context *context, const char *path,
                       const struct snn_lower_options *options)
{
    struct snn_net *net = NULL;
    struct snnbase_arena arena;
    int status = snn_net_lower(&net, context, graph, options);
    if (status != SNN_OK) return status;
    snnbase_arena_init(&arena, context);
    struct writer w = {.context = context, .arena = &arena, .net = net, .status = SNN_OK};
    status = write_net(&w, path);
    snnbase_free(context, w.nodes);
    snnbase_free(context, w.edges);
    snnbase_arena_fini(&arena);
    snn_net_destroy(&net);
    return status;
}
