/* What the encoders take: all images over 100 steps, each encoding, in plain C and with the best
 * instructions there are, best of several rounds.
 *
 *   encode IMAGES.idx [SAMPLES [ROUNDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "snn/snn.h"

enum { TIMESTEPS = 100 };

struct bench {
    struct snn_context *context;
    struct snn_source *source;
    uint64_t samples;
    unsigned rounds;
    float *frame;
};

/* Processor time of this thread, which neighbours do not lengthen. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* All samples once; *spikes_out is the number of their spikes, or of values of `current`. */
static int encode(const struct bench *b, struct snn_encoder *encoder, uint64_t *spikes_out)
{
    *spikes_out = 0;
    for (uint64_t i = 0; i < b->samples; i++) {
        snn_source_frame(b->source, i, b->frame);
        int status = snn_encoder_begin(encoder, b->context, i, b->frame);
        if (status != SNN_OK) return status;
        for (uint32_t step = 0; step < TIMESTEPS; step += SNN_ENCODER_STEPS_MAX) {
            const uint32_t left = TIMESTEPS - step;
            const uint32_t chunk = left < SNN_ENCODER_STEPS_MAX ? left : SNN_ENCODER_STEPS_MAX;
            struct snn_spikes spikes;
            status = snn_encoder_next(encoder, b->context, chunk, &spikes);
            if (status != SNN_OK) return status;
            *spikes_out += spikes.step_begin[spikes.constant ? 1 : chunk];
        }
    }
    return SNN_OK;
}

static int measure(const struct bench *b, enum snn_encoding encoding)
{
    const struct snn_encoder_options options = {
        .encoding = encoding, .timesteps = TIMESTEPS, .dt_us = 1000.0};
    struct snn_encoder *encoder = NULL;
    uint64_t spikes = 0;
    double best = 0.0;
    int status = snn_encoder_create(&encoder, b->context, &options, snn_source_shape(b->source));
    for (unsigned round = 0; status == SNN_OK && round < b->rounds; round++) {
        double start = seconds();
        status = encode(b, encoder, &spikes);
        double taken = seconds() - start;
        if (round == 0 || taken < best) best = taken;
    }
    snn_encoder_destroy(&encoder);
    if (status != SNN_OK) return status;
    printf("%-10s %7.1f us/image %9.0f spikes/image %6.2f ns/spike\n", snn_encoding_name(encoding),
           1e6 * best / (double)b->samples, (double)spikes / (double)b->samples,
           1e9 * best / (double)spikes);
    return SNN_OK;
}

/* Everything but the context comes and goes. */
static int run(struct bench *b, int argc, char **argv)
{
    int status = snn_source_open(&b->source, b->context, argv[1], SNN_SOURCE_FRAMES, NULL);
    if (status != SNN_OK) return status;
    const uint64_t count = snn_source_count(b->source);
    b->samples = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    if (b->samples == 0 || b->samples > count) b->samples = count;
    b->rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 5;
    b->frame = malloc(snn_shape_size(snn_source_shape(b->source)) * sizeof(*b->frame));
    if (b->frame == NULL) return SNN_ERR_NOMEM;
    for (int encoding = SNN_ENCODING_RATE; status == SNN_OK; encoding++) {
        if (snn_encoding_name((enum snn_encoding)encoding) == NULL) break;
        status = measure(b, (enum snn_encoding)encoding);
    }
    free(b->frame);
    snn_source_close(&b->source);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const levels[] = {"scalar", NULL};
    int status = SNN_OK;
    if (argc < 2) {
        fprintf(stderr, "usage: encode IMAGES [SAMPLES [ROUNDS]]\n");
        return 64;
    }
    for (int i = 0; i < 2 && status == SNN_OK; i++) {
        const struct snn_context_options options = {.kernel_level = levels[i]};
        struct bench bench = {.context = NULL};
        status = snn_context_create(&bench.context, &options);
        printf("%s\n", levels[i] != NULL ? levels[i] : "best");
        if (status == SNN_OK) status = run(&bench, argc, argv);
        if (status != SNN_OK)
            fprintf(stderr, "encode: %s\n",
                    bench.context != NULL ? snn_context_message(bench.context) : "no context");
        snn_context_destroy(&bench.context);
    }
    return status == SNN_OK ? 0 : 1;
}
