/* predict MODEL FRAMES [TARGET]: the class of the first frame, by the CNN itself (frame:f32,
 * frame:int8) or as spikes (sim).
 */
#include <snn/snn.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = SNN_TARGET_STEPS_MAX };

struct work {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_source *source;
    struct snn_target *target;
    struct snn_net *net;         /* of a spiking target */
    struct snn_encoder *encoder; /* the same */
    float *frame;                /* [channels][height][width], intensities 0..1 */
    float *values;               /* [classes] */
    uint32_t *counts;            /* [classes] */
    size_t classes;
};

static int open_all(struct work *w, const char *model, const char *frames, const char *target)
{
    int status = snn_graph_import(&w->graph, w->context, model, NULL, NULL);
    if (status == SNN_OK)
        status = snn_source_open(&w->source, w->context, frames, SNN_SOURCE_FRAMES, NULL);
    if (status == SNN_OK) status = snn_target_open(&w->target, w->context, target);
    if (status != SNN_OK) return status;
    size_t pixels = snn_shape_size(snn_graph_input_shape(w->graph));
    w->classes = snn_shape_size(snn_graph_layer(w->graph, snn_graph_output(w->graph))->shape);
    w->frame = calloc(pixels, sizeof(*w->frame));
    w->values = calloc(w->classes, sizeof(*w->values));
    w->counts = calloc(w->classes, sizeof(*w->counts));
    if (w->frame == NULL || w->values == NULL || w->counts == NULL)
        return snn_context_fail(w->context, SNN_ERR_NOMEM, "out of memory");
    if (snn_shape_size(snn_source_shape(w->source)) != pixels)
        return snn_context_fail(w->context, SNN_ERR_INVALID, "frames of another size");
    snn_source_frame(w->source, 0, w->frame);
    return SNN_OK;
}

/* The CNN on the frame: the values of its output layer. */
static int infer(struct work *w)
{
    int status = snn_target_load_graph(w->target, w->context, w->graph);
    return status == SNN_OK ? snn_target_infer(w->target, w->context, w->frame, w->values) : status;
}

/* The same net as spikes: how often each class fires. */
static int spike(struct work *w)
{
    const struct snn_encoder_options rate = {.encoding = SNN_ENCODING_RATE, .timesteps = STEPS};
    struct snn_lower_options lower;
    struct snn_spikes spikes;
    snn_lower_options_init(&lower);
    int status = snn_net_lower(&w->net, w->context, w->graph, &lower);
    if (status == SNN_OK) status = snn_target_load(w->target, w->context, w->net);
    if (status == SNN_OK)
        status = snn_encoder_create(&w->encoder, w->context, &rate, w->net->input_shape);
    if (status == SNN_OK) status = snn_encoder_begin(w->encoder, w->context, 0, w->frame);
    if (status != SNN_OK) return status;
    const uint32_t output = w->net->population_count - 1;
    status = snn_target_counts(w->target, w->context, output, w->counts); /* count from now on */
    if (status == SNN_OK) status = snn_target_reset(w->target, w->context);
    if (status == SNN_OK) status = snn_encoder_next(w->encoder, w->context, STEPS, &spikes);
    if (status == SNN_OK) status = snn_target_push(w->target, w->context, &spikes);
    if (status == SNN_OK) status = snn_target_advance(w->target, w->context, STEPS);
    if (status == SNN_OK) status = snn_target_counts(w->target, w->context, output, w->counts);
    for (size_t i = 0; status == SNN_OK && i < w->classes; i++)
        w->values[i] = (float)w->counts[i];
    return status;
}

static void close_all(struct work *w)
{
    free(w->counts);
    free(w->values);
    free(w->frame);
    snn_encoder_destroy(&w->encoder);
    snn_target_close(&w->target); /* before the net and the graph that are loaded on it */
    snn_net_destroy(&w->net);
    snn_source_close(&w->source);
    snn_graph_destroy(&w->graph);
    snn_context_destroy(&w->context);
}

int main(int argc, char **argv)
{
    struct work w = {.classes = 0};
    if (argc < 3 || snn_context_create(&w.context, NULL) != SNN_OK) return 2;
    int status = open_all(&w, argv[1], argv[2], argc > 3 ? argv[3] : "frame:f32");
    if (status == SNN_OK)
        status = snn_target_kind(w.target) == SNN_TARGET_FRAME ? infer(&w) : spike(&w);
    size_t best = 0;
    for (size_t i = 1; status == SNN_OK && i < w.classes; i++)
        if (w.values[i] > w.values[best]) best = i;
    if (status == SNN_OK)
        printf("class %zu: %g\n", best, (double)w.values[best]);
    else
        fprintf(stderr, "%s\n%s\n", snn_context_message(w.context), snn_context_hint(w.context));
    close_all(&w);
    return status == SNN_OK ? 0 : 1;
}
