/* What a model file computes: values MODEL FRAMES.npy OUT [TARGET] [--preprocess-scale S]
 *
 * Imports any model, runs every frame (intensities 0..1) through the plain evaluation or, with a
 * URI such as frame:int8, through that target, and writes the output layer's values as raw float32,
 * frame after frame. For tests that compare models with each other and with oracles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/snn.h"

static void print_finding(const struct snn_diagnostic *diagnostic, void *user)
{
    (void)user;
    if (diagnostic->severity == SNN_SEVERITY_ERROR)
        (void)fprintf(stderr, "%s: %s\n", diagnostic->layer, diagnostic->text);
}

static int run(struct snn_context *context, struct snn_graph *graph, const char *frames,
               const char *uri, FILE *out)
{
    struct snn_source *source = NULL;
    struct snn_evaluator *evaluator = NULL;
    struct snn_target *target = NULL;
    int status = snn_source_open(&source, context, frames, SNN_SOURCE_FRAMES, NULL);
    size_t size = snn_shape_size(snn_graph_layer(graph, snn_graph_output(graph))->shape);
    float *values = calloc(size, sizeof(*values)), *frame = NULL;
    if (status == SNN_OK && uri != NULL) status = snn_target_open(&target, context, uri);
    if (status == SNN_OK && uri != NULL) status = snn_target_load_graph(target, context, graph);
    if (status == SNN_OK && uri == NULL) status = snn_evaluator_create(&evaluator, context, graph);
    if (status == SNN_OK) frame = calloc(snn_shape_size(snn_source_shape(source)), sizeof(*frame));
    bool fits =
        status == SNN_OK && values != NULL && frame != NULL &&
        snn_shape_size(snn_source_shape(source)) == snn_shape_size(snn_graph_input_shape(graph));
    if (status == SNN_OK && !fits) status = snn_context_fail(context, SNN_ERR_INVALID, "frames");
    for (uint64_t i = 0; status == SNN_OK && i < snn_source_count(source); i++) {
        snn_source_frame(source, i, frame);
        const float *result = values;
        if (uri != NULL) {
            status = snn_target_infer(target, context, frame, values);
        } else {
            snn_evaluator_run(evaluator, frame);
            result = snn_evaluator_values(evaluator, snn_graph_output(graph));
        }
        if (fwrite(result, sizeof(*result), size, out) != size) status = SNN_ERR_IO;
    }
    free(values);
    free(frame);
    snn_target_close(&target);
    snn_evaluator_destroy(&evaluator);
    snn_source_close(&source);
    return status;
}

int main(int argc, char **argv)
{
    const struct snn_context_options options = {.diagnostic = print_finding};
    static const double mean = 0.0, std = 1.0;
    struct snn_preprocess preprocess = {1.0, 1, &mean, &std};
    struct snn_import_options import;
    struct snn_context *context = NULL;
    struct snn_graph *graph = NULL;
    if (argc < 4 || snn_context_create(&context, &options) != SNN_OK) return 64;
    snn_import_options_init(&import);
    if (argc > 5) {
        preprocess.scale = strtod(argv[5], NULL);
        import.preprocess = &preprocess;
    }
    FILE *out = fopen(argv[3], "wb");
    int status = out != NULL ? snn_graph_import(&graph, context, argv[1], &import, NULL)
                             : snn_context_fail(context, SNN_ERR_IO, "%s", argv[3]);
    const char *uri = argc > 4 && strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
    if (status == SNN_OK) status = run(context, graph, argv[2], uri, out);
    if (out != NULL && fclose(out) != 0) status = SNN_ERR_IO;
    if (status != SNN_OK) (void)fprintf(stderr, "values: %s\n", snn_context_message(context));
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
