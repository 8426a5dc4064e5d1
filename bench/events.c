/* Recordings of event cameras, end to end from the file: events a second of one core for every
 * format, to events as they are and to spikes in steps of 1 ms; and the memory that takes, for a
 * recording and for one a hundred times as long. The recordings are made here, in a folder of their
 * own that is removed.
 *
 *   events [MILLIONS [ROUNDS]]   a table, 10 million events each, best of 3
 *   events --bound               a test: memory of 2 million events is that of 20 thousand
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/eventfile.h"
#include "snn/snn.h"

enum { ROOM = 4096, STEP_US = 1000, SHORT = 20000, GROWTH = 100 };

/* What a child process is told to do with a file. */
enum way { READ, BIN };
static const char *const ways[] = {"--read", "--bin"};

/* Processor time of this thread, which neighbours do not lengthen. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int read_all(struct snn_context *context, const char *path, uint64_t *count_out)
{
    static struct snn_camera_event events[ROOM];
    struct snn_recording *recording = NULL;
    size_t count = 1;
    int status = snn_recording_open(&recording, context, path, NULL);
    *count_out = 0;
    while (status == SNN_OK && count > 0) {
        status = snn_recording_read(recording, context, events, ROOM, &count);
        if (status == SNN_OK) *count_out += count;
    }
    snn_recording_close(&recording);
    return status;
}

/* A source goes through the file when it is opened, for its length and its sensor, and once more
 * when its events are binned. */
static int bin_all(struct snn_context *context, const char *path, uint64_t *spikes_out)
{
    struct snn_source *source = NULL;
    struct snn_encoder *encoder = NULL;
    int status = snn_source_open(&source, context, path, SNN_SOURCE_EVENTS, NULL);
    if (status != SNN_OK) return status;
    const uint64_t steps = snn_source_duration_us(source) / STEP_US + 1;
    const struct snn_encoder_options options = {.timesteps = (uint32_t)steps, .dt_us = STEP_US};
    status = snn_encoder_create(&encoder, context, &options, snn_source_shape(source));
    if (status == SNN_OK) status = snn_encoder_begin_recorded(encoder, context, source, 0);
    *spikes_out = 0;
    for (uint64_t step = 0; status == SNN_OK && step < steps; step += SNN_ENCODER_STEPS_MAX) {
        const uint64_t left = steps - step;
        const uint32_t chunk =
            left < SNN_ENCODER_STEPS_MAX ? (uint32_t)left : SNN_ENCODER_STEPS_MAX;
        struct snn_spikes spikes;
        status = snn_encoder_next(encoder, context, chunk, &spikes);
        if (status == SNN_OK) *spikes_out += spikes.step_begin[chunk];
    }
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
    return status;
}

static int go(enum way way, const char *path, uint64_t *count_out)
{
    struct snn_context *context = NULL;
    int status = snn_context_create(&context, NULL);
    if (status != SNN_OK) return status;
    status = way == READ ? read_all(context, path, count_out) : bin_all(context, path, count_out);
    if (status != SNN_OK) fprintf(stderr, "events: %s\n", snn_context_message(context));
    snn_context_destroy(&context);
    return status;
}

/* Peak memory of this process in KiB, its program's own; 0: not known. */
static long own_memory(void)
{
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && kib == 0 && fgets(line, sizeof(line), file) != NULL)
        (void)sscanf(line, "VmHWM: %ld", &kib);
    if (file != NULL) fclose(file);
    return kib;
}

/* The same of a process that does nothing but this; 0: it failed. */
static long memory_of(const char *self, enum way way, const char *path)
{
    char command[1024];
    long kib = 0;
    (void)snprintf(command, sizeof(command), "'%s' %s '%s'", self, ways[way], path);
    FILE *child = popen(command, "r");
    if (child == NULL) return 0;
    const bool told = fscanf(child, "%ld", &kib) == 1;
    return pclose(child) == 0 && told ? kib : 0;
}

/* Million events a second; 0: an error, which was told. */
static double speed_of(enum way way, const char *path, uint64_t count, unsigned rounds)
{
    double best = 0.0;
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t seen = 0;
        const double start = seconds();
        if (go(way, path, &seen) != SNN_OK) return 0.0;
        const double taken = seconds() - start;
        if (way == READ && seen != count) {
            fprintf(stderr, "events: %llu of %llu events\n", (unsigned long long)seen,
                    (unsigned long long)count);
            return 0.0;
        }
        if (i == 0 || taken < best) best = taken;
    }
    return 1e-6 * (double)count / best;
}

static int measure(const struct snnbench_eventfile *format, const char *folder, uint64_t count,
                   unsigned rounds)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/recording", folder);
    const uint64_t size = snnbench_eventfile_write(format, path, count);
    if (size == 0) return 1;
    const double read = speed_of(READ, path, count, rounds);
    const double bin = speed_of(BIN, path, count, rounds);
    (void)remove(path);
    printf("%-16s %6.2f %9.1f %8.0f %9.1f\n", format->name, (double)size / (double)count, read,
           read * (double)size / (double)count, bin);
    return read == 0.0 || bin == 0.0;
}

/* Memory of a short recording and of a long one. */
static int compare(const struct snnbench_eventfile *format, const char *folder, const char *self,
                   bool bound)
{
    long kib[2][2];
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/recording", folder);
    for (int i = 0; i < 2; i++) {
        if (snnbench_eventfile_write(format, path, i == 0 ? SHORT : SHORT * GROWTH) == 0) return 1;
        for (int way = READ; way <= BIN; way++) {
            kib[way][i] = memory_of(self, (enum way)way, path);
            if (kib[way][i] == 0) return 1;
        }
        (void)remove(path);
    }
    printf("%-16s %9.1f %9.1f %9.1f %9.1f\n", format->name, (double)kib[READ][0] / 1024.0,
           (double)kib[READ][1] / 1024.0, (double)kib[BIN][0] / 1024.0,
           (double)kib[BIN][1] / 1024.0);
    /* What the page cache and the loader leave to chance is below this. */
    const long slack = 2048;
    return bound && (kib[READ][1] > kib[READ][0] + slack || kib[BIN][1] > kib[BIN][0] + slack);
}

static int run(const char *self, const char *folder, uint64_t count, unsigned rounds)
{
    int failed = 0;
    if (rounds > 0)
        printf("%llu million events each, one core, from the file\n\n"
               "%-16s %6s %9s %8s %9s\n%-16s %6s %9s %8s %9s\n",
               (unsigned long long)(count / 1000000), "", "bytes/", "read", "", "binned", "format",
               "event", "M/s", "MB/s", "M/s");
    for (size_t i = 0; rounds > 0 && snnbench_eventfiles[i].name != NULL; i++)
        failed |= measure(&snnbench_eventfiles[i], folder, count, rounds);
    printf("\nMiB at most, of %d events and of %d\n\n%-16s %9s %9s %9s %9s\n", SHORT,
           SHORT * GROWTH, "format", "read", "", "binned", "");
    for (size_t i = 0; snnbench_eventfiles[i].name != NULL; i++)
        failed |= compare(&snnbench_eventfiles[i], folder, self, rounds == 0);
    return failed;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/snn-events-XXXXXX";
    uint64_t count = 0;
    for (int way = READ; argc == 3 && way <= BIN; way++) {
        if (strcmp(argv[1], ways[way]) != 0) continue;
        if (go((enum way)way, argv[2], &count) != SNN_OK) return 1;
        printf("%ld\n", own_memory());
        return 0;
    }
    const bool bound = argc > 1 && strcmp(argv[1], "--bound") == 0;
    const unsigned long millions = argc > 1 && !bound ? strtoul(argv[1], NULL, 10) : 10;
    const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 3;
    if (millions == 0 || millions > 1000 || rounds == 0 || mkdtemp(folder) == NULL) return 2;
    const int failed =
        run(argv[0], folder, (uint64_t)millions * 1000000, bound ? 0 : (unsigned)rounds);
    (void)rmdir(folder);
    return failed;
}
