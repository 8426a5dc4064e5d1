/* deploy MODEL TARGET FRAMES [COUNT]: what a net on a chip, or a simulated one, says of images.
 *
 * TARGET: usb: (the chip on USB), serial:/dev/ttyUSB0@115200, vdev:speck2f, chip:speck2f, sim
 */
#include <snn/snn.h>
#include <stdio.h>
#include <stdlib.h>

static int deploy(const char *model, const char *target, const char *frames, uint64_t count)
{
    struct snn_context *context = NULL;
    struct snn_source *images = NULL;
    struct snn_classifier *net = NULL;
    struct snn_prediction answer;
    if (snn_context_create(&context, NULL) != SNN_OK) return SNN_ERR_NOMEM;
    snn_source_open(&images, context, frames, SNN_SOURCE_FRAMES, NULL);
    snn_classifier_open(&net, context, model, target, NULL);
    for (uint64_t i = 0; i < count; i++)
        if (snn_classifier_sample(net, context, images, i, &answer) == SNN_OK)
            printf("image %d: class %d\n", (int)i, answer.class_index);
    const int status = snn_context_status(context);
    if (status != SNN_OK)
        fprintf(stderr, "%s\n%s\n", snn_context_message(context), snn_context_hint(context));
    snn_classifier_close(&net);
    snn_source_close(&images);
    snn_context_destroy(&context);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: deploy MODEL TARGET FRAMES [COUNT]\n");
        return 64;
    }
    const uint64_t count = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    return deploy(argv[1], argv[2], argv[3], count) == SNN_OK ? 0 : 1;
}
