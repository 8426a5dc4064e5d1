/* Every layer's values on a frame-based target: layers MODEL TARGET FRAMES.f32 OUT.f32 SCALE MEAN
 *
 * MODEL is any file that is imported, with preprocessing of these. FRAMES.f32 holds intensities,
 * frame after frame, in the byte order of this machine. Each layer is made the output once; OUT.f32
 * receives the values of all frames, layer after layer. To standard output go, for each layer in
 * this order, its channels, rows and columns, how it was quantised, and its name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "snn/snn.h"

struct work {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_target *target;
    float *frames;
    size_t frame_size, frame_count;
    FILE *out;
};

static int complain(const struct work *w, const char *what)
{
    fprintf(stderr, "layers: %s: %s\n", what, snn_context_message(w->context));
    return 1;
}

static int read_frames(struct work *w, const char *path)
{
    FILE *file = fopen(path, "rb");
    w->frame_size = snn_shape_size(snn_graph_input_shape(w->graph));
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) return complain(w, path);
    const long bytes = ftell(file);
    rewind(file);
    w->frame_count = (size_t)bytes / sizeof(float) / w->frame_size;
    w->frames = malloc((size_t)bytes + 1);
    const size_t count = w->frame_count * w->frame_size;
    const int good = w->frames != NULL && fread(w->frames, sizeof(float), count, file) == count;
    (void)fclose(file);
    return good ? 0 : complain(w, path);
}

static int run_layer(struct work *w, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(w->graph, index);
    const size_t size = snn_shape_size(layer->shape);
    if (snn_graph_set_output(w->graph, w->context, index) != SNN_OK ||
        snn_target_load_graph(w->target, w->context, w->graph) != SNN_OK)
        return complain(w, layer->name);
    float *values = malloc(size * sizeof(*values));
    if (values == NULL) return complain(w, "no memory");
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < w->frame_count; i++) {
        const float *frame = w->frames + i * w->frame_size;
        if (snn_target_infer(w->target, w->context, frame, values) != SNN_OK)
            failed = complain(w, layer->name);
        else if (fwrite(values, sizeof(*values), size, w->out) != size)
            failed = complain(w, "writing");
    }
    free(values);
    const struct snn_quantization *q = snn_graph_quantization(w->graph, index);
    printf("%u %u %u %.9g %d %s\n", layer->shape.channels, layer->shape.height, layer->shape.width,
           q != NULL ? (double)q->scale : 0.0, q != NULL ? q->zero_point : 0, layer->name);
    return failed;
}

static int run(struct work *w, char **argv)
{
    const double mean = strtod(argv[6], NULL), std = 1.0;
    const struct snn_preprocess preprocess = {strtod(argv[5], NULL), 1, &mean, &std};
    struct snn_import_options options;
    snn_import_options_init(&options);
    options.preprocess = &preprocess;
    if (snn_context_create(&w->context, NULL) != SNN_OK) return 1;
    if (snn_graph_import(&w->graph, w->context, argv[1], &options, NULL) != SNN_OK ||
        snn_target_open(&w->target, w->context, argv[2]) != SNN_OK)
        return complain(w, argv[1]);
    if (read_frames(w, argv[3]) != 0) return 1;
    w->out = fopen(argv[4], "wb");
    if (w->out == NULL) return complain(w, argv[4]);
    int failed = 0;
    for (uint32_t i = 0; failed == 0 && i < snn_graph_layer_count(w->graph); i++)
        failed = run_layer(w, i);
    return fclose(w->out) == 0 ? failed : complain(w, argv[4]);
}

int main(int argc, char **argv)
{
    struct work work = {.context = NULL};
    if (argc != 7) {
        fprintf(stderr, "usage: layers MODEL TARGET FRAMES.f32 OUT.f32 SCALE MEAN\n");
        return 64;
    }
    const int failed = run(&work, argv);
    free(work.frames);
    snn_target_close(&work.target);
    snn_graph_destroy(&work.graph);
    snn_context_destroy(&work.context);
    return failed;
}
