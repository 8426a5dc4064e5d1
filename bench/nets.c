/* Nets and frames for benchmarks. Weights are uniform with the variance 2 / fan-in that keeps
 * activations of one size from layer to layer (He et al., "Delving Deep into Rectifiers", 2015).
 */
#include "bench/nets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A graph that grows; after the first error nothing more is done. */
struct build {
    struct snn_context *context;
    struct snn_graph *graph;
    uint32_t noise;
    int status;
};

/* Uniform in [-1, 1). */
static float draw(uint32_t *noise)
{
    *noise = *noise * 1664525 + 1013904223;
    return (float)(*noise >> 8) / 8388608.0f - 1.0f;
}

static uint32_t add(struct build *b, struct snn_layer *layer, const uint32_t *inputs,
                    uint32_t input_count)
{
    uint32_t index = 0;
    layer->inputs = inputs;
    layer->input_count = input_count;
    if (b->status == SNN_OK) b->status = snn_graph_add(b->graph, b->context, layer, &index);
    return index;
}

/* Adds a layer with `count` weights, `fan_in` of them a neuron. */
static uint32_t add_weighted(struct build *b, struct snn_layer *layer, uint32_t from, size_t count,
                             size_t fan_in)
{
    if (b->status != SNN_OK) return 0;
    float *weights = malloc(count * sizeof(*weights));
    if (weights == NULL) b->status = SNN_ERR_NOMEM;
    const float bound = sqrtf(6.0f / (float)fan_in);
    for (size_t i = 0; weights != NULL && i < count; i++)
        weights[i] = bound * draw(&b->noise);
    layer->weights = weights;
    layer->weight_count = count;
    uint32_t index = add(b, layer, &from, 1);
    free(weights);
    return index;
}

static uint32_t shape_channels(const struct build *b, uint32_t layer)
{
    return b->status == SNN_OK ? snn_graph_layer(b->graph, layer)->shape.channels : 1;
}

/* A square kernel, padded so that stride 1 keeps the size of the map. */
static uint32_t convolve(struct build *b, const char *name, uint32_t from, uint32_t channels,
                         uint32_t kernel, uint32_t stride, enum snn_activation activation)
{
    const uint32_t pad = kernel / 2;
    const size_t fan_in = (size_t)shape_channels(b, from) * kernel * kernel;
    struct snn_layer layer = {.name = name,
                              .kind = SNN_LAYER_CONV2D,
                              .shape = {.channels = channels},
                              .window = {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1},
                              .groups = 1,
                              .activation = activation};
    return add_weighted(b, &layer, from, channels * fan_in, fan_in);
}

static uint32_t connect(struct build *b, const char *name, uint32_t from, uint32_t channels,
                        enum snn_activation activation)
{
    const size_t fan_in =
        b->status == SNN_OK ? snn_shape_size(snn_graph_layer(b->graph, from)->shape) : 1;
    struct snn_layer layer = {.name = name,
                              .kind = SNN_LAYER_DENSE,
                              .shape = {.channels = channels},
                              .activation = activation};
    return add_weighted(b, &layer, from, channels * fan_in, fan_in);
}

static uint32_t pool(struct build *b, const char *name, uint32_t from, uint32_t size)
{
    struct snn_layer layer = {.name = name,
                              .kind = SNN_LAYER_AVG_POOL2D,
                              .window = {size, size, size, size, 0, 0, 0, 0, 1, 1}};
    return add(b, &layer, &from, 1);
}

static uint32_t join(struct build *b, const char *name, uint32_t first, uint32_t second)
{
    struct snn_layer layer = {
        .name = name, .kind = SNN_LAYER_ADD, .activation = SNN_ACTIVATION_RELU};
    return add(b, &layer, (const uint32_t[]){first, second}, 2);
}

static uint32_t begin(struct build *b, struct snn_context *context, const char *name,
                      struct snn_shape shape)
{
    struct snn_layer input = {.name = "input", .kind = SNN_LAYER_INPUT, .shape = shape};
    *b = (struct build){.context = context, .noise = 1};
    b->status = snn_graph_create(&b->graph, context, name);
    return add(b, &input, NULL, 0);
}

static int finish(struct build *b, struct snn_graph **out)
{
    if (b->status == SNN_OK)
        *out = b->graph;
    else
        snn_graph_destroy(&b->graph);
    return b->status;
}

int snnbench_make_vgg9(struct snn_graph **out, struct snn_context *context)
{
    const enum snn_activation relu = SNN_ACTIVATION_RELU;
    struct build b;
    uint32_t at = begin(&b, context, "VGG-9", (struct snn_shape){3, 32, 32});
    at = convolve(&b, "conv1", at, 64, 3, 1, relu);
    at = convolve(&b, "conv2", at, 64, 3, 1, relu);
    at = pool(&b, "pool1", at, 2);
    at = convolve(&b, "conv3", at, 128, 3, 1, relu);
    at = convolve(&b, "conv4", at, 128, 3, 1, relu);
    at = pool(&b, "pool2", at, 2);
    at = convolve(&b, "conv5", at, 256, 3, 1, relu);
    at = convolve(&b, "conv6", at, 256, 3, 1, relu);
    at = convolve(&b, "conv7", at, 256, 3, 1, relu);
    at = pool(&b, "pool3", at, 2);
    at = connect(&b, "fc1", at, 1024, relu);
    (void)connect(&b, "fc2", at, 10, SNN_ACTIVATION_NONE);
    return finish(&b, out);
}

/* Two convolutions beside a shortcut; `narrow` halves the map and has a 1x1 shortcut for it. */
struct stack {
    const char *first, *second, *shortcut, *sum;
};

static uint32_t add_stack(struct build *b, const struct stack *names, uint32_t from,
                          uint32_t channels, bool narrow)
{
    const uint32_t stride = narrow ? 2 : 1;
    uint32_t at = convolve(b, names->first, from, channels, 3, stride, SNN_ACTIVATION_RELU);
    at = convolve(b, names->second, at, channels, 3, 1, SNN_ACTIVATION_NONE);
    if (narrow) from = convolve(b, names->shortcut, from, channels, 1, stride, SNN_ACTIVATION_NONE);
    return join(b, names->sum, at, from);
}

int snnbench_make_resnet8(struct snn_graph **out, struct snn_context *context)
{
    static const struct stack stacks[] = {{"conv2", "conv3", NULL, "add1"},
                                          {"conv4", "conv5", "short2", "add2"},
                                          {"conv6", "conv7", "short3", "add3"}};
    struct build b;
    uint32_t at = begin(&b, context, "ResNet-8", (struct snn_shape){3, 32, 32});
    at = convolve(&b, "conv1", at, 16, 3, 1, SNN_ACTIVATION_RELU);
    at = add_stack(&b, &stacks[0], at, 16, false);
    at = add_stack(&b, &stacks[1], at, 32, true);
    at = add_stack(&b, &stacks[2], at, 64, true);
    at = pool(&b, "pool", at, 8);
    (void)connect(&b, "fc", at, 10, SNN_ACTIVATION_NONE);
    return finish(&b, out);
}

int snnbench_make_single(struct snn_graph **out, struct snn_context *context)
{
    struct build b;
    uint32_t at = begin(&b, context, "single", (struct snn_shape){64, 16, 16});
    (void)convolve(&b, "conv", at, 128, 3, 1, SNN_ACTIVATION_RELU);
    return finish(&b, out);
}

int snnbench_make_wide(struct snn_graph **out, struct snn_context *context)
{
    const enum snn_activation relu = SNN_ACTIVATION_RELU;
    struct build b;
    uint32_t at = begin(&b, context, "wide", (struct snn_shape){3, 512, 512});
    at = convolve(&b, "conv1", at, 16, 3, 1, relu);
    at = convolve(&b, "conv2", at, 16, 3, 1, relu);
    at = pool(&b, "pool1", at, 2);
    at = convolve(&b, "conv3", at, 32, 3, 1, relu);
    at = pool(&b, "pool2", at, 4);
    at = convolve(&b, "conv4", at, 32, 3, 1, relu);
    at = pool(&b, "pool3", at, 8);
    (void)connect(&b, "fc", at, 10, SNN_ACTIVATION_NONE);
    return finish(&b, out);
}

/* Adds a spot to one channel: 1 - (d / radius)^2 times `height` within its radius. */
static void add_spot(float *map, const struct snn_shape *shape, const float centre[2], float radius,
                     float height)
{
    for (uint32_t y = 0; y < shape->height; y++) {
        for (uint32_t x = 0; x < shape->width; x++) {
            const float dy = ((float)y / (float)shape->height - centre[0]) / radius;
            const float dx = ((float)x / (float)shape->width - centre[1]) / radius;
            const float rest = 1.0f - dy * dy - dx * dx;
            if (rest > 0.0f) map[(size_t)y * shape->width + x] += height * rest;
        }
    }
}

void snnbench_read_frame(uint64_t index, float *intensity, void *user)
{
    const struct snn_shape *shape = user;
    const size_t map = (size_t)shape->height * shape->width, size = snn_shape_size(*shape);
    uint32_t noise = (uint32_t)index * 2654435761u + 12345u;
    for (size_t i = 0; i < size; i++)
        intensity[i] = 0.25f;
    for (int spot = 0; spot < 12; spot++) {
        (void)draw(&noise);
        const float centre[] = {0.5f + 0.5f * draw(&noise), 0.5f + 0.5f * draw(&noise)};
        const float radius = 0.25f + 0.2f * draw(&noise);
        for (uint32_t c = 0; c < shape->channels; c++)
            add_spot(intensity + c * map, shape, centre, radius, 0.7f * draw(&noise));
    }
    for (size_t i = 0; i < size; i++)
        intensity[i] = fminf(fmaxf(intensity[i], 0.0f), 1.0f);
}

/* Writes what numpy.save writes for an array of uint8, format version 1.0. */
static bool write_header(FILE *file, struct snn_shape shape, uint32_t count)
{
    char text[128];
    memset(text, ' ', sizeof(text));
    int length = snprintf(text, sizeof(text),
                          "%.6s%c%c%c%c{'descr': '|u1', 'fortran_order': False, 'shape': (%u, %u, "
                          "%u, %u), }",
                          "\x93NUMPY", 1, 0, (int)sizeof(text) - 10, 0, count, shape.channels,
                          shape.height, shape.width);
    if (length < 0 || (size_t)length >= sizeof(text)) return false;
    text[length] = ' ';
    text[sizeof(text) - 1] = '\n';
    return fwrite(text, 1, sizeof(text), file) == sizeof(text);
}

int snnbench_save_frames(const char *path, struct snn_shape shape, uint32_t count)
{
    const size_t size = snn_shape_size(shape);
    FILE *file = fopen(path, "wb");
    float *frame = malloc(size * sizeof(*frame));
    bool good = file != NULL && frame != NULL && write_header(file, shape, count);
    for (uint32_t i = 0; good && i < count; i++) {
        snnbench_read_frame(i, frame, &shape);
        for (size_t k = 0; good && k < size; k++)
            good = fputc((int)(255.0f * frame[k]), file) != EOF;
    }
    free(frame);
    if (file != NULL && fclose(file) != 0) good = false;
    return good ? SNN_OK : SNN_ERR_IO;
}

int snnbench_calibrate(struct snn_graph *graph, struct snn_context *context, uint64_t frame_count)
{
    struct snn_shape shape = snn_graph_input_shape(graph);
    const struct snn_frames frames = {
        .count = frame_count, .shape = shape, .read = snnbench_read_frame, .user = &shape};
    const struct snn_calibrate_options options = {.threads = 1, .data = "spots"};
    return snn_calibrate(graph, context, &frames, &options);
}
