/* The float evaluation against PyTorch: logits MODEL IMAGES GOLDEN.npy [IMAGES GOLDEN.npy]...
 *
 * GOLDEN.npy holds the logits of the first images as data/make/train_lenet.py wrote them, float32
 * of shape N,classes. Logits reach 40 in magnitude; two orders of summation in float32 differ by
 * some 1e-5 then. Prints TAP; data that is not there is skipped.
 */
#include <math.h>
#include <stdio.h>

#include "snn/snn.h"

#define TOLERANCE 5e-5f

static int complain(struct snn_context *context, unsigned number)
{
    printf("not ok %u - %s\n", number, snn_context_message(context));
    return 1;
}

/* Largest difference over all golden samples. */
static float compare(const struct snn_graph *graph, struct snn_evaluator *evaluator,
                     const struct snn_source *images, const struct snn_source *golden)
{
    static float frame[1 << 16], expected[1 << 10];
    const size_t classes = snn_shape_size(snn_source_shape(golden));
    float worst = 0.0f;
    for (uint64_t i = 0; i < snn_source_count(golden); i++) {
        snn_source_frame(images, i, frame);
        snn_source_frame(golden, i, expected);
        snn_evaluator_run(evaluator, frame);
        const float *logits = snn_evaluator_values(evaluator, snn_graph_output(graph));
        for (size_t k = 0; k < classes; k++)
            worst = fmaxf(worst, fabsf(logits[k] - expected[k]));
    }
    return worst;
}

static int check(struct snn_context *context, const struct snn_graph *graph,
                 struct snn_evaluator *evaluator, unsigned number, char **paths)
{
    struct snn_source *images = NULL, *golden = NULL;
    int status = snn_source_open(&images, context, paths[0], SNN_SOURCE_FRAMES, NULL);
    if (status == SNN_ERR_NOT_FOUND) {
        printf("ok %u - logits equal PyTorch's # SKIP %s\n", number, snn_context_message(context));
        return 0;
    }
    if (status == SNN_OK)
        status = snn_source_open(&golden, context, paths[1], SNN_SOURCE_FRAMES, NULL);
    if (status != SNN_OK) {
        snn_source_close(&images);
        return complain(context, number);
    }
    float worst = compare(graph, evaluator, images, golden);
    bool good = worst <= TOLERANCE;
    printf("%sok %u - logits of %llu images equal PyTorch's, largest difference %.1e (%s)\n",
           good ? "" : "not ", number, (unsigned long long)snn_source_count(golden), (double)worst,
           paths[0]);
    snn_source_close(&images);
    snn_source_close(&golden);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    struct snn_graph *graph = NULL;
    struct snn_evaluator *evaluator = NULL;
    int failed = 0;
    if (argc < 4 || snn_context_create(&context, NULL) != SNN_OK) return 64;
    printf("1..%d\n", (argc - 2) / 2);
    if (snn_graph_load(&graph, context, argv[1], NULL) != SNN_OK ||
        snn_evaluator_create(&evaluator, context, graph) != SNN_OK)
        failed = complain(context, 1);
    for (int i = 2; failed == 0 && i + 1 < argc; i += 2)
        failed += check(context, graph, evaluator, (unsigned)i / 2, argv + i);
    snn_evaluator_destroy(&evaluator);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
    return failed > 0;
}
