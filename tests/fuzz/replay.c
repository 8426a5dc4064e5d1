/* Runs a fuzz target without libFuzzer: each file of its corpus as it is, cut short everywhere, and
 * changed in many ways, always the same ones. Linked with one target at a time; prints TAP, one
 * test a file.
 *
 * Every input is a block of its own size on the heap, so that a sanitizer sees a read beyond it. An
 * input that crashes, or takes more than a second, is left in PROGRAM.input.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#if defined(WITH_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

enum { MUTANTS = 1000, MUTANTS_SOAK = 1000000, CUTS_MAX = 256, FILE_MAX = 1 << 20 };

/* How often files are changed and cut, all together; a target that takes long says less. */
struct counts {
    unsigned mutants;
    unsigned cuts;
};

#define INPUT_SECONDS_MAX 1.0
#define ALARM_SECONDS 60 /* after which an input is taken to never end */

struct bytes {
    uint8_t *data;
    size_t size;
};

/* The input at work, for whoever is called when it crashes: a signal handler gets no argument. */
static struct {
    struct bytes input;
    char path[256];
} current;

static void keep_input(void)
{
    int file = open(current.path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0) return;
    ssize_t written = write(file, current.input.data, current.input.size);
    if (written >= 0) written = write(STDERR_FILENO, current.path, strlen(current.path));
    if (written >= 0) written = write(STDERR_FILENO, ": the input\n", 12);
    close(file);
}

static void on_signal(int signal_number)
{
    keep_input();
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

/* A sanitizer brings its own handlers for crashes and calls back. */
static void watch_crashes(const char *program)
{
    (void)snprintf(current.path, sizeof(current.path), "%s.input", program);
    (void)signal(SIGALRM, on_signal);
#if defined(WITH_ASAN)
    __sanitizer_set_death_callback(keep_input);
#else
    (void)signal(SIGSEGV, on_signal);
    (void)signal(SIGBUS, on_signal);
    (void)signal(SIGFPE, on_signal);
    (void)signal(SIGABRT, on_signal);
#endif
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

/* Processor time of this process and of children it has waited for. */
static double cpu_seconds(void)
{
    struct timespec own = {0, 0};
    struct rusage children;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    double seconds = (double)own.tv_sec + 1e-9 * (double)own.tv_nsec;
    if (getrusage(RUSAGE_CHILDREN, &children) == 0)
        seconds += seconds_of(children.ru_utime) + seconds_of(children.ru_stime);
    return seconds;
}

static int run_copy(const uint8_t *data, size_t size, double *slowest)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) return 1;
    if (size > 0) memcpy(copy, data, size);
    current.input = (struct bytes){copy, size};
    double start = cpu_seconds();
    alarm(ALARM_SECONDS);
    int result = LLVMFuzzerTestOneInput(copy, size);
    alarm(0);
    double seconds = cpu_seconds() - start;
    if (seconds > *slowest) *slowest = seconds;
    if (seconds > INPUT_SECONDS_MAX) {
        fprintf(stderr, "an input takes %.1f s\n", seconds);
        result = 1;
    }
    if (result != 0) keep_input();
    free(copy);
    return result;
}

static int run_mutants(const struct bytes *file, const struct bytes *donor, unsigned count,
                       double *slowest)
{
    size_t capacity = 2 * file->size + 4096;
    uint8_t *mutant = malloc(capacity);
    int result = mutant == NULL;
    for (unsigned i = 0; i < count && result == 0; i++) {
        if (file->size > 0) memcpy(mutant, file->data, file->size);
        size_t size = mutate(mutant, file->size, capacity, donor->data, donor->size, i);
        result = run_copy(mutant, size, slowest);
        if (result != 0) printf("# mutant %u\n", i);
    }
    free(mutant);
    return result;
}

static bool read_file(const char *path, struct bytes *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    out->data = malloc(FILE_MAX);
    if (out->data != NULL) out->size = fread(out->data, 1, FILE_MAX, file);
    fclose(file);
    return out->data != NULL;
}

/* The counts, and *first the index of the first argument that is a file: after a leading
 * "--mutants FEW MANY", the second number for ./dev soak. */
static struct counts read_counts(int argc, char **argv, unsigned *first)
{
    bool soak = getenv("SNN_SOAK") != NULL;
    unsigned mutants = soak ? MUTANTS_SOAK : MUTANTS;
    *first = 1;
    if (argc > 3 && strcmp(argv[1], "--mutants") == 0) {
        mutants = (unsigned)strtoul(argv[soak ? 3 : 2], NULL, 10);
        *first = 4;
    }
    unsigned files = (unsigned)argc > *first ? (unsigned)argc - *first : 1;
    struct counts counts = {(mutants + files - 1) / files, CUTS_MAX};
    if (counts.cuts > mutants / 4 + 1) counts.cuts = mutants / 4 + 1;
    return counts;
}

static int replay(const struct bytes *file, const struct bytes *donor, struct counts counts,
                  double *slowest)
{
    int result = run_copy(file->data, file->size, slowest);
    for (size_t cut = 0; cut < file->size && result == 0; cut += 1 + file->size / counts.cuts)
        result = run_copy(file->data, cut, slowest);
    return result == 0 ? run_mutants(file, donor, counts.mutants, slowest) : result;
}

int main(int argc, char **argv)
{
    unsigned first = 1;
    const struct counts counts = read_counts(argc, argv, &first);
    unsigned count = (unsigned)argc > first ? (unsigned)argc - first : 0;
    char **paths = argv + first;
    struct bytes *files = calloc(count + 1, sizeof(*files));
    int failed = files == NULL;
    watch_crashes(argv[0]);
    printf("1..%u\n", count);
    for (unsigned i = 0; i < count && files != NULL; i++) {
        if (!read_file(paths[i], &files[i])) fprintf(stderr, "%s: not read\n", paths[i]);
    }
    for (unsigned i = 0; i < count && files != NULL; i++) {
        double slowest = 0.0;
        const struct bytes *donor = &files[(i + 1) % count];
        int result = files[i].data == NULL || donor->data == NULL ||
                     replay(&files[i], donor, counts, &slowest) != 0;
        printf("%s %u - %s\n", result == 0 ? "ok" : "not ok", i + 1, paths[i]);
        printf("# slowest input: %.3f s\n", slowest);
        fflush(stdout);
        failed |= result;
    }
    for (unsigned i = 0; i < count && files != NULL; i++)
        free(files[i].data);
    free(files);
    return failed != 0;
}
