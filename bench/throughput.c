/* How fast the simulator runs the reference work: LeNet-5, 100 Bernoulli steps, all layers; and the
 * frame-based targets the same net, frame by frame.
 *
 * Prints images/s and SynOps/s a core, unnormalised and with p99.9 thresholds, the gain of a second
 * thread, the cost of a first-spike decision's worth of steps, images/s and MACs/s of the frames,
 * and the peak memory of a run. Each figure is the best of several rounds, all rounds in one
 * process, so that figures can be compared.
 *
 *   throughput MODEL [IMAGES.idx [SAMPLES [ROUNDS]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "snn/snn.h"

struct bench {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_source *source;
    struct snn_energy_profile energy;
    uint64_t samples;
    unsigned rounds;
};

struct figures {
    double images_per_second;
    double synops_per_second;
    double synops_per_image;
    double accuracy;
};

static int complain(const struct bench *b, const char *what)
{
    fprintf(stderr, "throughput: %s: %s\n", what, snn_context_message(b->context));
    return 1;
}

static int measure(const struct bench *b, const struct snn_lower_options *lower, uint32_t timesteps,
                   unsigned threads, struct figures *best)
{
    struct snn_net *net = NULL;
    struct snn_target *target = NULL;
    memset(best, 0, sizeof(*best));
    int status = snn_net_lower(&net, b->context, b->graph, lower);
    if (status == SNN_OK) status = snn_target_open(&target, b->context, "sim");
    if (status == SNN_OK) status = snn_target_load(target, b->context, net);
    for (unsigned round = 0; status == SNN_OK && round < b->rounds; round++) {
        struct snn_run_options options;
        struct snn_result *result = NULL;
        snn_run_options_init(&options);
        options.timesteps = timesteps;
        options.encoding = SNN_ENCODING_BERNOULLI;
        options.count = b->samples;
        options.threads = threads;
        options.energy = &b->energy;
        status = snn_run(&result, b->context, target, net, b->source, &options);
        if (status != SNN_OK) break;
        double images = (double)result->sample_count / result->seconds;
        if (images > best->images_per_second) {
            best->images_per_second = images;
            best->synops_per_second = result->synops_total / result->seconds;
            best->synops_per_image = result->synops_total / (double)result->sample_count;
            best->accuracy = result->accuracy;
        }
        snn_result_destroy(&result);
    }
    snn_target_close(&target);
    snn_net_destroy(&net);
    return status;
}

static void print_row(const char *name, const struct figures *f)
{
    printf("%-34s %8.0f images/s %7.2f ms/image %6.1f G SynOps/s %6.2f M SynOps/image  %.2f %%\n",
           name, f->images_per_second, 1000.0 / f->images_per_second, f->synops_per_second * 1e-9,
           f->synops_per_image * 1e-6, 100.0 * f->accuracy);
}

/* One row of a frame-based target. */
static int measure_frames(const struct bench *b, const char *uri, unsigned threads)
{
    struct snn_target *target = NULL;
    double best = 0.0, macs = 0.0, accuracy = 0.0;
    int status = snn_target_open(&target, b->context, uri);
    if (status == SNN_OK) status = snn_target_load_graph(target, b->context, b->graph);
    for (unsigned round = 0; status == SNN_OK && round < b->rounds; round++) {
        struct snn_run_options options;
        struct snn_result *result = NULL;
        snn_run_options_init(&options);
        options.count = b->samples;
        options.threads = threads;
        options.energy = &b->energy;
        status = snn_run_frames(&result, b->context, target, b->graph, b->source, &options);
        if (status != SNN_OK) break;
        const double rate = (double)result->sample_count / result->seconds;
        best = rate > best ? rate : best;
        macs = result->macs_mean;
        accuracy = result->accuracy;
        snn_result_destroy(&result);
    }
    snn_target_close(&target);
    if (status != SNN_OK) return complain(b, uri);
    printf("%-22s %u thread%s  %8.0f images/s %7.3f ms/image %6.1f G MACs/s %21.2f %%\n", uri,
           threads, threads == 1 ? " " : "s", best, 1000.0 / best, best * macs * 1e-9,
           100.0 * accuracy);
    return 0;
}

static int run_frames(const struct bench *b)
{
    static const char *const uris[] = {"frame:f32", "frame:int8"};
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < sizeof(uris) / sizeof(uris[0]); i++) {
        failed = measure_frames(b, uris[i], 1);
        if (failed == 0) failed = measure_frames(b, uris[i], 2);
    }
    return failed;
}

static int run_all(const struct bench *b)
{
    struct snn_lower_options plain, scaled;
    struct figures one, two, base;
    snn_lower_options_init(&plain);
    plain.norm = SNN_NORM_NONE;
    plain.v_init = 0.0f;
    snn_lower_options_init(&scaled);
    if (measure(b, &plain, 100, 1, &one) != SNN_OK) return complain(b, "unnormalised");
    print_row("T 100, unnormalised, 1 thread", &one);
    if (measure(b, &scaled, 100, 1, &base) != SNN_OK) return complain(b, "p99.9");
    print_row("T 100, p99.9, 1 thread", &base);
    if (measure(b, &scaled, 100, 2, &two) != SNN_OK) return complain(b, "two threads");
    print_row("T 100, p99.9, 2 threads", &two);
    printf("%-34s %8.2f x\n", "second thread", two.images_per_second / base.images_per_second);
    if (measure(b, &scaled, 4, 1, &one) != SNN_OK) return complain(b, "T 4");
    print_row("T 4, p99.9, 1 thread", &one);
    return 0;
}

static void print_memory(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        printf("%-34s %8.1f MB\n", "peak memory of this process", (double)usage.ru_maxrss / 1024.0);
}

static int setup(struct bench *b, int argc, char **argv)
{
    const char *images = argc > 2 ? argv[2] : NULL;
    char sample[4096];
    if (snn_context_create(&b->context, NULL) != SNN_OK) return 1;
    if (snn_graph_load(&b->graph, b->context, argv[1], NULL) != SNN_OK) return complain(b, "model");
    if (images == NULL) {
        const char *slash = strrchr(argv[1], '/'),
                   *own = snn_graph_provenance(b->graph)->sample_images;
        if (own == NULL) {
            fprintf(stderr, "throughput: the model names no sample data; name IMAGES\n");
            return 1;
        }
        snprintf(sample, sizeof(sample), "%.*s%s", slash ? (int)(slash - argv[1]) + 1 : 0, argv[1],
                 own);
        images = sample;
    }
    if (snn_source_open(&b->source, b->context, images, SNN_SOURCE_FRAMES, NULL) != SNN_OK ||
        snn_energy_profile_load(&b->energy, b->context, "sinabs") != SNN_OK)
        return complain(b, "data");
    uint64_t count = snn_source_count(b->source);
    b->samples = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
    if (b->samples == 0 || b->samples > count) b->samples = count;
    b->rounds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 3;
    printf("%s, %llu of %s, best of %u rounds\n", argv[1], (unsigned long long)b->samples, images,
           b->rounds);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench bench = {.context = NULL};
    if (argc < 2) {
        fprintf(stderr, "usage: throughput MODEL [IMAGES [SAMPLES [ROUNDS]]]\n");
        return 64;
    }
    int status = setup(&bench, argc, argv);
    if (status == 0) status = run_all(&bench);
    if (status == 0) status = run_frames(&bench);
    if (status == 0) print_memory();
    snn_source_close(&bench.source);
    snn_graph_destroy(&bench.graph);
    snn_context_destroy(&bench.context);
    return status;
}
