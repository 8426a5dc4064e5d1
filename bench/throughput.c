/* How fast the simulator runs the reference work: LeNet-5, 100 Bernoulli steps, all layers; and the
 * frame-based targets the same net, frame by frame.
 *
 * Prints, in float32 and in chip arithmetic, images/s and SynOps/s, unnormalised and with p99.9
 * thresholds, the gain of a second thread, runs of few steps and until a decision, spike by spike
 * and as a chip's program; then images/s and MACs/s of the frames, and the peak memory. Images/s
 * are by the clock, and as many as a second of processor time gives, which holds on a machine that
 * has other work, too. Each figure is the best of several rounds, all rounds in one process, so
 * that figures can be compared.
 *
 *   throughput MODEL [IMAGES.idx [SAMPLES [ROUNDS]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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
    double images_per_processor_second;
    double synops_per_image;
    double steps_per_image;
    double accuracy;
};

/* One row of the table. */
struct work {
    const char *name;
    const char *target;
    enum snn_norm_kind norm;
    enum snn_arith arith;
    uint32_t timesteps;
    unsigned threads;
    const char *rule; /* ends samples; NULL: all steps */
};

static int complain(const struct bench *b, const char *what)
{
    fprintf(stderr, "throughput: %s: %s\n", what, snn_context_message(b->context));
    return 1;
}

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run_round(const struct bench *b, const struct work *work, struct snn_target *target,
                     struct figures *best)
{
    struct snn_run_options options;
    struct snn_result *result = NULL;
    struct snn_rule rule;
    int status = SNN_OK;
    snn_run_options_init(&options);
    options.timesteps = work->timesteps;
    options.encoding = SNN_ENCODING_BERNOULLI;
    options.count = b->samples;
    options.threads = work->threads;
    options.energy = &b->energy;
    if (work->rule != NULL) {
        status = snn_rule_parse(&rule, b->context, work->rule);
        options.rules = &rule;
        options.rule_count = 1;
        options.until_decided = true;
    }
    const double start = processor_seconds();
    if (status == SNN_OK)
        status = snn_run(&result, b->context, target, snn_target_net(target), b->source, &options);
    if (status != SNN_OK) return status;
    const double count = (double)result->sample_count;
    const double taken = count / (processor_seconds() - start), images = count / result->seconds;
    if (taken > best->images_per_processor_second) best->images_per_processor_second = taken;
    if (images > best->images_per_second) best->images_per_second = images;
    best->synops_per_image = result->synops_total / count;
    best->steps_per_image = result->steps_mean;
    best->accuracy = work->rule != NULL ? result->rules[0].accuracy : result->accuracy;
    snn_result_destroy(&result);
    return SNN_OK;
}

/* What the work runs on; a chip gets a program made of the net. */
struct loaded {
    struct snn_target *target;
    struct snn_net *net;
    struct snn_placement *placement;
};

static int load(const struct bench *b, const struct work *work, struct loaded *l)
{
    static const float gain = 4.0f;
    static const struct snn_place_options place = {.remedies_off = true};
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.norm = work->norm;
    lower.arith = work->arith;
    if (work->norm == SNN_NORM_NONE) lower.v_init = 0.0f; /* as Sinabs has it */
    if (work->rule != NULL) {
        lower.extra_gains = &gain;
        lower.extra_gain_count = 1;
    }
    int status = snn_target_open(&l->target, b->context, work->target);
    if (status != SNN_OK) return status;
    lower.chip = snn_target_chip(l->target);
    status = snn_net_lower(&l->net, b->context, b->graph, &lower);
    if (status != SNN_OK) return status;
    if (lower.chip == NULL) return snn_target_load(l->target, b->context, l->net);
    status = snn_place(&l->placement, b->context, l->net, lower.chip, &place);
    if (status != SNN_OK) return status;
    if (!l->placement->fits) return SNN_ERR_LIMIT;
    return snn_target_load_program(l->target, b->context, l->placement->program);
}

static int measure(const struct bench *b, const struct work *work, struct figures *best)
{
    struct loaded loaded = {.target = NULL};
    memset(best, 0, sizeof(*best));
    int status = load(b, work, &loaded);
    for (unsigned round = 0; status == SNN_OK && round < b->rounds; round++)
        status = run_round(b, work, loaded.target, best);
    snn_target_close(&loaded.target);
    snn_placement_destroy(&loaded.placement);
    snn_net_destroy(&loaded.net);
    return status == SNN_OK ? 0 : complain(b, work->name);
}

static void print_row(const struct work *work, const struct figures *f)
{
    printf("%-7s %-28s %8.0f %8.0f %9.4f %8.1f %9.2f %7.2f %8.2f %%\n",
           work->arith == SNN_ARITH_CHIP ? "chip" : "float32", work->name, f->images_per_second,
           f->images_per_processor_second, 1e3 / f->images_per_processor_second,
           f->synops_per_image * f->images_per_processor_second * 1e-9, f->synops_per_image * 1e-6,
           f->steps_per_image, 100.0 * f->accuracy);
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

static int run_arith(const struct bench *b, enum snn_arith arith)
{
    const struct work works[] = {
        {"T 100, unnormalised", "sim", SNN_NORM_NONE, arith, 100, 1, NULL},
        {"T 100, p99.9", "sim", SNN_NORM_QUANTILE, arith, 100, 1, NULL},
        {"T 16, p99.9", "sim", SNN_NORM_QUANTILE, arith, 16, 1, NULL},
        {"T 4, p99.9", "sim", SNN_NORM_QUANTILE, arith, 4, 1, NULL},
        {"first@4 within 100, p99.9", "sim", SNN_NORM_QUANTILE, arith, 100, 1, "first@4"},
        {"T 100, p99.9, 2 threads", "sim", SNN_NORM_QUANTILE, arith, 100, 2, NULL},
    };
    enum { ONE = 1, TWO = 5, COUNT = sizeof(works) / sizeof(works[0]) };
    struct figures figures[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        if (measure(b, &works[i], &figures[i]) != 0) return 1;
        print_row(&works[i], &figures[i]);
    }
    printf("%-36s %8.2f x\n", "second thread",
           figures[TWO].images_per_second / figures[ONE].images_per_second);
    return 0;
}

/* Spike by spike: the net in floats and in whole numbers, and as a program of a chip. */
static int run_events(const struct bench *b)
{
    static const struct work works[] = {
        {"T 16, p99.9, async", "sim:async", SNN_NORM_QUANTILE, SNN_ARITH_FLOAT, 16, 1, NULL},
        {"T 16, p99.9, async", "sim:async", SNN_NORM_QUANTILE, SNN_ARITH_CHIP, 16, 1, NULL},
        {"T 16, p99.9, chip:speck2f", "chip:speck2f", SNN_NORM_QUANTILE, SNN_ARITH_CHIP, 16, 1,
         NULL},
    };
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        struct figures figures;
        if (measure(b, &works[i], &figures) != 0) return 1;
        print_row(&works[i], &figures);
    }
    return 0;
}

static int run_all(const struct bench *b)
{
    printf("%-36s %8s %8s %9s %8s %9s %7s %10s\n", "", "images/s", "/s of CPU", "ms", "GSynOp/s",
           "M SynOps", "steps", "accuracy");
    int failed = run_arith(b, SNN_ARITH_FLOAT);
    if (failed == 0) failed = run_arith(b, SNN_ARITH_CHIP);
    return failed == 0 ? run_events(b) : failed;
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
