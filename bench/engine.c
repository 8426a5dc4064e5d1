/* What the engine does with large nets: per layer, per spike, per thread, per byte.
 *
 *   engine [--bound] [layers|sweep|threads|memory|bytes|wide|wide-chip]...
 *
 * The nets are made here (bench/nets.h). A layer's time is that of the net cut behind it less that
 * of the net cut before it, each closed by one neuron that hears next to nothing. Times are
 * processor time, so that they hold on a machine that has other work, best of several rounds. Each
 * part runs in a process of its own, whose peak memory is its own. With --bound it fails where
 * memory is not flat or the large net takes too much.
 */
/* For wait4. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _DEFAULT_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/ceiling.h"
#include "bench/drive.h"
#include "bench/nets.h"
#include "bench/watch.h"

enum { STEPS = 32, ROUNDS = 5, POPULATIONS_MAX = 32 };

/* Of the net with 10.6 million neurons: bytes of a session a neuron, and MB of the process. */
enum { BYTES_STEPS = 4, A_NEURON_MAX = 36, PEAK_MAX = 512 };

typedef int (*make_fn)(struct snn_graph **out, struct snn_context *context);

/* A net that was made, calibrated and lowered. */
struct made {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_net *net;
};

static const char *arith_name(enum snn_arith arith)
{
    return arith == SNN_ARITH_CHIP ? "chip" : "float32";
}

static int complain(const struct snn_context *context, const char *what)
{
    fprintf(stderr, "engine: %s: %s\n", what,
            context != NULL ? snn_context_message(context) : "out of memory");
    return 1;
}

/* SNN_ERR_UNSUPPORTED without a net where lowering does not know the arithmetic. */
static int make(struct made *out, const struct snn_context_options *options, make_fn make_graph,
                uint64_t frames, enum snn_arith arith)
{
    struct snn_lower_options lower;
    *out = (struct made){.context = NULL};
    snn_lower_options_init(&lower);
    lower.arith = arith;
    int status = snn_context_create(&out->context, options);
    if (status == SNN_OK) status = make_graph(&out->graph, out->context);
    if (status == SNN_OK) status = snnbench_calibrate(out->graph, out->context, frames);
    if (status == SNN_OK) status = snn_net_lower(&out->net, out->context, out->graph, &lower);
    if (status == SNN_OK && out->net->arith != arith) status = SNN_ERR_UNSUPPORTED;
    return status;
}

static void unmake(struct made *m)
{
    snn_net_destroy(&m->net);
    snn_graph_destroy(&m->graph);
    snn_context_destroy(&m->context);
}

/* ---- Per layer ---- */

/* Seconds a step of a net, best of several rounds; SynOps a step of its first synapse. */
static int time_net(struct snn_context *context, const struct snn_net *net,
                    const struct snnbench_sample *sample, double *seconds_out,
                    double *operations_out)
{
    struct snnbench_session session;
    double best = 0.0;
    int status = snnbench_session_open(&session, context, "sim", net);
    for (int round = 0; status == SNN_OK && round < ROUNDS; round++) {
        double seconds = 0.0;
        status = snnbench_session_run(&session, sample, &seconds);
        if (round == 0 || seconds < best) best = seconds;
    }
    *seconds_out = best / sample->step_count;
    if (operations_out != NULL && status == SNN_OK)
        *operations_out = (double)session.operations[0] / sample->step_count;
    snnbench_session_close(&session);
    return status;
}

/* The net cut before each population, and the whole net. */
struct cuts {
    uint32_t count;
    struct snnbench_cut cut[POPULATIONS_MAX];
    struct snnbench_session session[POPULATIONS_MAX + 1];
};

static int open_cuts(struct cuts *c, const struct made *m)
{
    const uint32_t whole = m->net->population_count;
    *c = (struct cuts){.count = 0};
    int status = whole <= POPULATIONS_MAX ? SNN_OK : SNN_ERR_LIMIT;
    for (; status == SNN_OK && c->count < whole; c->count++) {
        struct snnbench_cut *cut = &c->cut[c->count];
        status = snnbench_cut_make(cut, m->net, c->count);
        if (status != SNN_OK) return status;
        status = snnbench_session_open(&c->session[c->count], m->context, "sim", &cut->net);
    }
    if (status != SNN_OK) return status;
    c->count++;
    return snnbench_session_open(&c->session[whole], m->context, "sim", m->net);
}

static void close_cuts(struct cuts *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        snnbench_session_close(&c->session[i]);
        if (i < POPULATIONS_MAX) snnbench_cut_free(&c->cut[i]);
    }
}

/* Seconds a step of each, best of several rounds that take them in turn: what else the machine does
 * then meets all of them. */
static int time_cuts(const struct made *m, const struct snnbench_sample *sample, double *seconds)
{
    struct cuts cuts;
    int status = open_cuts(&cuts, m);
    for (int round = 0; status == SNN_OK && round < 2 * ROUNDS; round++) {
        for (uint32_t i = 0; status == SNN_OK && i < cuts.count; i++) {
            double taken = 0.0;
            status = snnbench_session_run(&cuts.session[i], sample, &taken);
            taken /= sample->step_count;
            if (round == 0 || taken < seconds[i]) seconds[i] = taken;
        }
    }
    close_cuts(&cuts);
    return status;
}

/* Kernels alone. */
struct ceiling {
    struct snnsim_kernels kernels;
    struct snnsim_chip_kernels chip;
    double updates; /* of neurons a second */
};

static bool find_ceiling(enum snn_arith arith, struct ceiling *out)
{
    if (!snnbench_ceiling_kernels(NULL, &out->kernels, &out->chip)) return false;
    out->updates = arith == SNN_ARITH_CHIP ? snnbench_ceiling_chip_fire(&out->chip)
                                           : snnbench_ceiling_fire(&out->kernels);
    return true;
}

/* Additions a second, padded lanes left out, of the best kernel on a layer like this one; 0 for
 * what the kernels are not measured on. */
static double kernel_rate(const struct ceiling *ceiling, const struct snn_net *net,
                          uint32_t population, const struct snnbench_traffic *t)
{
    const struct snn_population *p = &net->populations[population];
    const struct snn_synapse *s = &p->synapses[0];
    const uint32_t lanes = (p->shape.channels + SNNSIM_LANES - 1) / SNNSIM_LANES * SNNSIM_LANES;
    struct snnbench_layer layer = {p->name,
                                   s->source_shape.channels,
                                   s->source_shape.width,
                                   lanes,
                                   s->window.kernel_w,
                                   t->inputs,
                                   t->in_scope,
                                   t->in_chunk,
                                   t->in_chunk_pairs};
    if (p->synapse_count > 1 || s->kind == SNN_SYNAPSE_ONE_TO_ONE || t->arriving <= 0.0) return 0.0;
    if (s->kind == SNN_SYNAPSE_CONV2D && (s->window.stride_w > 1 || s->groups > 1)) return 0.0;
    if (s->kind == SNN_SYNAPSE_DENSE) {
        layer.inputs = (uint32_t)snn_shape_size(s->source_shape);
        layer.width = 0;
        layer.kernel = 1;
    }
    const double share = (double)p->shape.channels / lanes;
    if (net->arith == SNN_ARITH_CHIP) return share * snnbench_ceiling_chip(&layer, &ceiling->chip);
    const double rates[] = {snnbench_ceiling_scatter(&layer, &ceiling->kernels),
                            snnbench_ceiling_accumulate(&layer, &ceiling->kernels, 8),
                            snnbench_ceiling_accumulate(&layer, &ceiling->kernels, 32)};
    return share * fmax(rates[0], fmax(rates[1], rates[2]));
}

/* `kernel` is the rate of the additions alone, the first share of it, the second that of the time
 * that these additions and the updates of the neurons take. */
static void print_layer(const struct ceiling *ceiling, const struct snn_net *net, uint32_t i,
                        const struct snnbench_traffic *t, double seconds)
{
    const struct snn_population *p = &net->populations[i];
    const double neurons = (double)snn_shape_size(p->shape);
    const double rate = t->additions / seconds, most = kernel_rate(ceiling, net, i, t);
    printf("  %-8s %8.0f %6.1f %9.0f %5.1f %5.1f %9.1f %9.1f %8.3f %8.1f %8.1f %8.1f ", p->name,
           neurons, 100.0 * t->active, t->arriving, 100.0 * t->inputs, 100.0 * t->in_chunk,
           t->additions * 1e-3, t->operations * 1e-3, 1e3 * seconds, 1e9 * seconds / t->arriving,
           t->operations / seconds * 1e-9, rate * 1e-9);
    if (most <= 0.0) {
        printf("%8s\n", "-");
        return;
    }
    const double alone = t->additions / most + neurons / ceiling->updates;
    printf("%8.1f %5.0f %% %5.0f %%\n", most * 1e-9, 100.0 * rate / most, 100.0 * alone / seconds);
}

static int print_layers(const struct made *m, const char *name,
                        const struct snnbench_sample *sample)
{
    struct snnbench_session session;
    struct snnbench_traffic traffic[POPULATIONS_MAX];
    double seconds[POPULATIONS_MAX + 1], operations = 0.0;
    const uint32_t count = m->net->population_count;
    struct ceiling ceiling;
    if (count > POPULATIONS_MAX || !find_ceiling(m->net->arith, &ceiling)) return SNN_ERR_LIMIT;
    int status = snnbench_session_open(&session, m->context, "sim", m->net);
    if (status == SNN_OK) status = snnbench_session_watch(&session, sample, traffic);
    snnbench_session_close(&session);
    if (status == SNN_OK) status = time_cuts(m, sample, seconds);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < count; i++)
        operations += traffic[i].operations;
    printf("%s, %s, %u steps: %.2f ms and %.2f M SynOps a step, %.1f G SynOps/s, %.1f images/s\n",
           name, arith_name(m->net->arith), sample->step_count, 1e3 * seconds[count],
           operations * 1e-6, operations / seconds[count] * 1e-9,
           1.0 / (sample->step_count * seconds[count]));
    printf("  %-8s %8s %6s %9s %5s %5s %9s %9s %8s %8s %8s %8s %s\n", "layer", "neurons", "act. %",
           "events", "in %", "in 32", "k adds", "k SynOps", "ms/step", "ns/event", "GSynOp/s",
           "G adds/s", "kernel  adds  and fire");
    for (uint32_t i = 0; i < count; i++)
        print_layer(&ceiling, m->net, i, &traffic[i], seconds[i + 1] - seconds[i]);
    printf("\n");
    return SNN_OK;
}

static const struct {
    const char *name;
    make_fn make;
} nets[] = {{"VGG-9", snnbench_make_vgg9}, {"ResNet-8", snnbench_make_resnet8}};

enum { NET_COUNT = sizeof(nets) / sizeof(nets[0]) };

static int layers_of(const char *name, make_fn make_graph, enum snn_arith arith)
{
    struct made m;
    struct snnbench_sample sample = {.step_count = 0};
    int status = make(&m, NULL, make_graph, 4, arith);
    if (status == SNN_ERR_UNSUPPORTED && arith == SNN_ARITH_CHIP) {
        printf("%s: no chip arithmetic in this build\n", name);
        unmake(&m);
        return 0;
    }
    if (status == SNN_OK)
        status = snnbench_sample_encode(&sample, m.context, m.net->input_shape, 100, STEPS);
    if (status == SNN_OK) status = print_layers(&m, name, &sample);
    if (status != SNN_OK) (void)complain(m.context, name);
    snnbench_sample_free(&sample);
    unmake(&m);
    return status == SNN_OK ? 0 : 1;
}

static int run_layers(bool bound)
{
    int failed = 0;
    (void)bound;
    for (size_t i = 0; failed == 0 && i < NET_COUNT; i++) {
        failed = layers_of(nets[i].name, nets[i].make, SNN_ARITH_FLOAT);
        if (failed == 0) failed = layers_of(nets[i].name, nets[i].make, SNN_ARITH_CHIP);
    }
    return failed;
}

/* ---- The rate of the input ---- */

/* Least squares: seconds = start + slope * events. */
struct line {
    double count, x, y, xx, xy;
};

static void line_add(struct line *line, double x, double y)
{
    line->count += 1.0;
    line->x += x;
    line->y += y;
    line->xx += x * x;
    line->xy += x * y;
}

static double line_slope(const struct line *l)
{
    return (l->count * l->xy - l->x * l->y) / (l->count * l->xx - l->x * l->x);
}

static double line_start(const struct line *l, double slope)
{
    return (l->y - slope * l->x) / l->count;
}

static int sweep(const struct made *m, const struct snn_net *net)
{
    static const double rates[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5};
    struct line line = {0};
    int status = SNN_OK;
    for (size_t i = 0; status == SNN_OK && i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct snnbench_sample sample;
        double seconds = 0.0, operations = 0.0;
        status = snnbench_sample_noise(&sample, net->input_shape, rates[i], 4 * STEPS);
        if (status != SNN_OK) return status;
        status = time_net(m->context, net, &sample, &seconds, &operations);
        const double events = (double)sample.begin[sample.step_count] / sample.step_count;
        printf("  %5.0f%% %9.0f %9.4f %9.1f %9.1f\n", 100.0 * rates[i], events, 1e3 * seconds,
               1e9 * seconds / events, 1e12 * seconds / operations);
        snnbench_sample_free(&sample);
        line_add(&line, events, seconds);
    }
    const double slope = line_slope(&line), start = line_start(&line, slope);
    printf("  a straight line through these: %.1f ns an event, and %.2f ns a neuron and step\n",
           1e9 * slope, 1e9 * start / (double)snn_shape_size(net->populations[0].shape));
    return status;
}

static int sweep_arith(enum snn_arith arith)
{
    struct made m;
    struct snnbench_cut cut = {.weights = NULL};
    int status = make(&m, NULL, snnbench_make_single, 2, arith);
    if (status == SNN_OK) status = snnbench_cut_make(&cut, m.net, 1);
    printf("conv 64 -> 128, 3x3, 16x16, %s, by the rate of its input\n", arith_name(arith));
    printf("  %6s %9s %9s %9s %9s\n", "rate", "events", "ms/step", "ns/event", "ps/SynOp");
    if (status == SNN_OK) status = sweep(&m, &cut.net);
    printf("\n");
    if (status != SNN_OK) (void)complain(m.context, "sweep");
    snnbench_cut_free(&cut);
    unmake(&m);
    return status == SNN_OK ? 0 : 1;
}

static int run_sweep(bool bound)
{
    (void)bound;
    return sweep_arith(SNN_ARITH_FLOAT) | sweep_arith(SNN_ARITH_CHIP);
}

/* ---- Whole runs: threads and memory ---- */

/* Images a second of wall clock and of processor time. */
struct speed {
    double wall, processor;
};

static int run_source(const struct made *m, struct snn_source *source, uint32_t timesteps,
                      uint64_t count, unsigned threads, struct speed *out)
{
    struct snn_target *target = NULL;
    struct snn_energy_profile energy;
    struct snn_run_options options;
    struct snn_result *result = NULL;
    snn_run_options_init(&options);
    options.timesteps = timesteps;
    options.encoding = SNN_ENCODING_BERNOULLI;
    options.count = count;
    options.threads = threads;
    options.energy = &energy;
    int status = snn_energy_profile_load(&energy, m->context, "sinabs");
    if (status == SNN_OK) status = snn_target_open(&target, m->context, "sim");
    if (status == SNN_OK) status = snn_target_load(target, m->context, m->net);
    const double start = snnbench_seconds();
    if (status == SNN_OK) status = snn_run(&result, m->context, target, m->net, source, &options);
    if (status == SNN_OK) {
        const struct speed speed = {(double)count / result->seconds,
                                    (double)count / (snnbench_seconds() - start)};
        if (speed.wall > out->wall) out->wall = speed.wall;
        if (speed.processor > out->processor) out->processor = speed.processor;
    }
    snn_result_destroy(&result);
    snn_target_close(&target);
    return status;
}

/* Frames of a net's input in a file of their own, opened as any data set. */
static int open_frames(const struct made *m, uint32_t count, struct snn_source **out)
{
    char path[] = "/tmp/snn-bench-XXXXXX";
    const int file = mkstemp(path);
    if (file < 0) return SNN_ERR_IO;
    (void)close(file);
    int status = snnbench_save_frames(path, m->net->input_shape, count);
    if (status == SNN_OK) status = snn_source_open(out, m->context, path, SNN_SOURCE_FRAMES, NULL);
    (void)unlink(path);
    return status;
}

static int run_threads(bool bound)
{
    enum { IMAGES = 8 };
    struct made m;
    struct snn_source *source = NULL;
    struct speed one = {0.0, 0.0}, two = {0.0, 0.0};
    (void)bound;
    int status = make(&m, NULL, snnbench_make_vgg9, 4, SNN_ARITH_FLOAT);
    if (status == SNN_OK) status = open_frames(&m, IMAGES, &source);
    for (int round = 0; status == SNN_OK && round < 3; round++) {
        status = run_source(&m, source, STEPS, IMAGES, 1, &one);
        if (status == SNN_OK) status = run_source(&m, source, STEPS, IMAGES, 2, &two);
    }
    if (status == SNN_OK)
        printf("VGG-9, float32, %d steps: one thread %.2f images/s, two %.2f, %.2f x (an image "
               "takes %.2f x the processor time)\n\n",
               STEPS, one.wall, two.wall, two.wall / one.wall, one.processor / two.processor);
    else
        (void)complain(m.context, "threads");
    snn_source_close(&source);
    unmake(&m);
    return status == SNN_OK ? 0 : 1;
}

static double peak_megabytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024.0 : 0.0;
}

/* ResNet-8 in so many steps and samples: peak memory in MB, of this process. */
static int peak_of_run(uint32_t timesteps, uint32_t samples, double *out)
{
    struct made m;
    struct snn_source *source = NULL;
    struct speed speed = {0.0, 0.0};
    int status = make(&m, NULL, snnbench_make_resnet8, 4, SNN_ARITH_FLOAT);
    if (status == SNN_OK) status = open_frames(&m, 1000, &source);
    if (status == SNN_OK) status = run_source(&m, source, timesteps, samples, 1, &speed);
    if (status != SNN_OK) (void)complain(m.context, "memory");
    snn_source_close(&source);
    unmake(&m);
    *out = peak_megabytes();
    return status == SNN_OK ? 0 : 1;
}

/* In a process of its own, for a peak of its own. */
static int peak_apart(uint32_t timesteps, uint32_t samples, double *out)
{
    int pipes[2], state = 0;
    if (pipe(pipes) != 0) return 1;
    const pid_t child = fork();
    if (child == 0) {
        double peak = 0.0;
        int failed = peak_of_run(timesteps, samples, &peak);
        if (write(pipes[1], &peak, sizeof(peak)) != (ssize_t)sizeof(peak)) failed = 1;
        _exit(failed);
    }
    (void)close(pipes[1]);
    const bool told = child > 0 && read(pipes[0], out, sizeof(*out)) == (ssize_t)sizeof(*out);
    (void)close(pipes[0]);
    if (child > 0 && waitpid(child, &state, 0) != child) return 1;
    return told && state == 0 ? 0 : 1;
}

static int run_memory(bool bound)
{
    static const struct {
        uint32_t timesteps, samples;
    } runs[] = {{10, 1}, {100, 1}, {1000, 1}, {10, 10}, {10, 100}, {10, 1000}};
    const size_t count = bound ? 4 : sizeof(runs) / sizeof(runs[0]);
    double least = 0.0, most = 0.0;
    printf("ResNet-8, float32: peak memory\n");
    for (size_t i = 0; i < count; i++) {
        double peak = 0.0;
        if (peak_apart(runs[i].timesteps, runs[i].samples, &peak) != 0) return 1;
        printf("  %4u steps, %4u samples %8.1f MB\n", runs[i].timesteps, runs[i].samples, peak);
        least = i == 0 || peak < least ? peak : least;
        most = peak > most ? peak : most;
    }
    printf("\n");
    return bound && most > least + 1.0 ? 1 : 0;
}

/* ---- Bytes ---- */

/* What is held, by an allocator that counts. */
struct meter {
    size_t held;
};

enum { HEAD = 64 }; /* before each block: its size, and alignment as malloc's */

static void *allocate(size_t size, void *user)
{
    struct meter *meter = user;
    if (size > SIZE_MAX - HEAD) return NULL;
    unsigned char *memory = malloc(size + HEAD);
    if (memory == NULL) return NULL;
    memcpy(memory, &size, sizeof(size));
    meter->held += size;
    return memory + HEAD;
}

static void release(void *memory, void *user)
{
    struct meter *meter = user;
    size_t size = 0;
    if (memory == NULL) return;
    unsigned char *block = (unsigned char *)memory - HEAD;
    memcpy(&size, block, sizeof(size));
    meter->held -= size;
    free(block);
}

static uint64_t count_weights(const struct snn_net *net)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < net->population_count; i++) {
        for (uint32_t s = 0; s < net->populations[i].synapse_count; s++)
            count += net->populations[i].synapses[s].weight_count;
    }
    return count;
}

struct bytes {
    size_t loaded, session; /* packed net and session; session alone */
    double seconds, peak;
    bool fired;
};

/* Loads a net, runs a few steps, and looks what a second session takes, which shares what is
 * packed. */
static int measure_bytes(const struct made *m, const struct meter *meter, struct bytes *out)
{
    struct snnbench_sample sample = {.step_count = 0};
    struct snnbench_session session;
    struct snn_target *fork = NULL;
    const size_t before = meter->held;
    *out = (struct bytes){.fired = false};
    int status = snnbench_session_open(&session, m->context, "sim", m->net);
    out->loaded = meter->held - before;
    if (status == SNN_OK)
        status = snnbench_sample_encode(&sample, m->context, m->net->input_shape, 1, BYTES_STEPS);
    if (status == SNN_OK) status = snnbench_session_run(&session, &sample, &out->seconds);
    out->fired = session.output_spikes > 0;
    out->peak = peak_megabytes();
    const size_t single = meter->held;
    if (status == SNN_OK) status = snn_target_fork(&fork, m->context, session.target);
    out->session = meter->held - single;
    snn_target_close(&fork);
    snnbench_session_close(&session);
    snnbench_sample_free(&sample);
    return status;
}

static int print_bytes(const struct made *m, const struct meter *meter, const char *name,
                       bool bound)
{
    struct bytes bytes;
    int status = measure_bytes(m, meter, &bytes);
    if (status != SNN_OK) return status;
    const double neurons = (double)m->net->neuron_count;
    const double a_neuron = (double)bytes.session / neurons;
    printf("  %-8s %-7s %10.0f neurons %9llu weights: packed %6.1f MB, a session %6.1f MB (%5.1f B "
           "a neuron), %6.2f ms a step, peak %6.1f MB\n",
           name, arith_name(m->net->arith), neurons, (unsigned long long)count_weights(m->net),
           (double)(bytes.loaded - bytes.session) * 1e-6, (double)bytes.session * 1e-6, a_neuron,
           1e3 * bytes.seconds / BYTES_STEPS, bytes.peak);
    if (!bound) return SNN_OK;
    if (!bytes.fired || a_neuron > A_NEURON_MAX || bytes.peak > PEAK_MAX)
        return snn_context_fail(m->context, SNN_ERR_LIMIT,
                                "no spike came out, or above %d bytes a neuron or %d MB",
                                A_NEURON_MAX, PEAK_MAX);
    return SNN_OK;
}

static int bytes_of(const char *name, make_fn make_graph, enum snn_arith arith, bool bound)
{
    struct meter meter = {0};
    const struct snn_context_options options = {.allocator = {allocate, release, &meter}};
    struct made m;
    int status = make(&m, &options, make_graph, 1, arith);
    if (status == SNN_OK) status = print_bytes(&m, &meter, name, bound);
    if (status != SNN_OK) (void)complain(m.context, name);
    unmake(&m);
    return status == SNN_OK ? 0 : 1;
}

static int run_wide(bool bound)
{
    return bytes_of("wide", snnbench_make_wide, SNN_ARITH_FLOAT, bound);
}

static int run_wide_chip(bool bound)
{
    return bytes_of("wide", snnbench_make_wide, SNN_ARITH_CHIP, bound);
}

static int run_bytes(bool bound)
{
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < NET_COUNT; i++) {
        failed = bytes_of(nets[i].name, nets[i].make, SNN_ARITH_FLOAT, bound);
        if (failed == 0) failed = bytes_of(nets[i].name, nets[i].make, SNN_ARITH_CHIP, bound);
    }
    return failed;
}

/* ---- Parts ---- */

typedef int (*part_fn)(bool bound);

static const struct {
    const char *name;
    part_fn run;
} parts[] = {{"layers", run_layers},      {"sweep", run_sweep}, {"threads", run_threads},
             {"memory", run_memory},      {"bytes", run_bytes}, {"wide", run_wide},
             {"wide-chip", run_wide_chip}};

enum { PART_COUNT = sizeof(parts) / sizeof(parts[0]) };

/* In a process of its own. */
static int run_part(part_fn run, bool bound)
{
    int state = 0;
    (void)fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        int failed = run(bound);
        (void)fflush(stdout);
        _exit(failed);
    }
    return child > 0 && waitpid(child, &state, 0) == child && state == 0 ? 0 : 1;
}

static bool is_named(const char *name, int argc, char **argv)
{
    bool any = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) return true;
        if (strcmp(argv[i], "--bound") != 0) any = true;
    }
    return !any;
}

int main(int argc, char **argv)
{
    const bool bound = argc > 1 && strcmp(argv[1], "--bound") == 0;
    int failed = 0;
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (!is_named(parts[i].name, argc, argv)) continue;
        if (run_part(parts[i].run, bound) == 0) continue;
        fprintf(stderr, "engine: %s failed\n", parts[i].name);
        failed = 1;
    }
    return failed;
}
