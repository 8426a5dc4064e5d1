/* What converting costs: snnconvert in a process of its own, proof included, from the file read to
 * the file written; best time of several rounds, and the highest peak of its memory.
 *
 *   convert [--bound] SNNCONVERT [MEGABYTES [ROUNDS [MODEL]]]
 *
 * The files are ONNX and made here: LeNet-5, and two of so many megabytes (100), one of dense
 * layers, one of convolutions with batch normalisations, which change every weight. With --bound it
 * fails where one of the two takes 3 times its size or 30 s. MODEL is a further file of any kind.
 */
/* For wait4. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MEGABYTE = 1000000, SECONDS_MAX = 30, RATIO_MAX = 3 };

struct bench {
    const char *tool;
    char folder[64];
    unsigned rounds;
    bool bound;
};

/* ---- ONNX, as far as it takes (field numbers: onnx.proto of the ONNX project) ---- */

struct text {
    unsigned char *bytes;
    size_t size, capacity;
};

static void put(struct text *to, const void *bytes, size_t size)
{
    if (to->capacity - to->size < size) {
        to->capacity = 2 * (to->size + size);
        to->bytes = realloc(to->bytes, to->capacity);
        if (to->bytes == NULL) abort();
    }
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void put_varint(struct text *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put(to, &(unsigned char){(unsigned char)(value | 0x80)}, 1);
    put(to, &(unsigned char){(unsigned char)value}, 1);
}

static void put_integer(struct text *to, unsigned field, uint64_t value)
{
    put_varint(to, field << 3);
    put_varint(to, value);
}

static void put_bytes(struct text *to, unsigned field, const void *bytes, size_t size)
{
    put_varint(to, field << 3 | 2);
    put_varint(to, size);
    put(to, bytes, size);
}

static void put_string(struct text *to, unsigned field, const char *string)
{
    put_bytes(to, field, string, strlen(string));
}

/* Appends a message as a field and empties it. */
static void put_message(struct text *to, unsigned field, struct text *message)
{
    put_bytes(to, field, message->bytes, message->size);
    free(message->bytes);
    *message = (struct text){.bytes = NULL};
}

/* A graph with the layers so far. */
struct net {
    struct text graph;
    unsigned layer_count;
    uint32_t noise;
};

static void put_tensor(struct net *net, const char *name, const uint64_t *dim, size_t rank,
                       float low, float high)
{
    struct text tensor = {.bytes = NULL};
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        put_integer(&tensor, 1, dim[i]);
        count *= dim[i];
    }
    float *values = malloc(count * sizeof(*values));
    if (values == NULL) abort();
    for (size_t i = 0; i < count; i++) {
        net->noise = net->noise * 1664525 + 1013904223;
        values[i] = low + (high - low) * ((float)(net->noise >> 8) / 16777216.0f);
    }
    put_integer(&tensor, 2, 1); /* FLOAT */
    put_string(&tensor, 8, name);
    put_bytes(&tensor, 9, values, count * sizeof(*values));
    free(values);
    put_message(&net->graph, 5, &tensor);
}

struct attribute {
    const char *name; /* NULL: none */
    size_t count;
    int values[4];
};

static void put_attribute(struct text *node, const struct attribute *a)
{
    struct text message = {.bytes = NULL};
    if (a->name == NULL) return;
    put_string(&message, 1, a->name);
    for (size_t i = 0; i < a->count; i++)
        put_integer(&message, a->count > 1 ? 8 : 3, (uint64_t)a->values[i]);
    put_integer(&message, 20, a->count > 1 ? 7 : 2); /* INTS, INT */
    put_message(node, 5, &message);
}

static const struct attribute none = {NULL, 0, {0}};

/* A node of layer n: it reads what the one before wrote and then its tensors, "w3" for "w". */
static void put_node(struct net *net, const char *operator_name, const char *tensors,
                     struct attribute first, struct attribute second)
{
    struct text node = {.bytes = NULL};
    char name[16];
    (void)snprintf(name, sizeof(name), "x%u", net->layer_count);
    put_string(&node, 1, name);
    for (; *tensors != '\0'; tensors++) {
        (void)snprintf(name, sizeof(name), "%c%u", *tensors, net->layer_count);
        put_string(&node, 1, name);
    }
    (void)snprintf(name, sizeof(name), "x%u", ++net->layer_count);
    put_string(&node, 2, name);
    put_string(&node, 4, operator_name);
    put_attribute(&node, &first);
    put_attribute(&node, &second);
    put_message(&net->graph, 1, &node);
}

static void put_relu(struct net *net)
{
    put_node(net, "Relu", "", none, none);
}

static void put_pool(struct net *net)
{
    put_node(net, "MaxPool", "", (struct attribute){"kernel_shape", 2, {2, 2}},
             (struct attribute){"strides", 2, {2, 2}});
}

static void put_value(struct net *net, unsigned field, unsigned index, const uint64_t *dim,
                      size_t rank)
{
    struct text shape = {.bytes = NULL}, tensor = shape, type = shape, value = shape;
    char name[16];
    for (size_t i = 0; i < rank; i++) {
        struct text extent = {.bytes = NULL};
        put_integer(&extent, 1, dim[i]);
        put_message(&shape, 1, &extent);
    }
    put_integer(&tensor, 1, 1); /* FLOAT */
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    (void)snprintf(name, sizeof(name), "x%u", index);
    put_string(&value, 1, name);
    put_message(&value, 2, &type);
    put_message(&net->graph, field, &value);
}

static bool save(struct net *net, const char *path)
{
    struct text model = {.bytes = NULL}, opset = {.bytes = NULL};
    put_string(&net->graph, 2, "made");
    put_integer(&model, 1, 8); /* IR version */
    put_integer(&opset, 2, 13);
    put_message(&model, 8, &opset);
    put_message(&model, 7, &net->graph);
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && fwrite(model.bytes, 1, model.size, file) == model.size;
    if (file != NULL && fclose(file) != 0) good = false;
    free(model.bytes);
    return good;
}

static void put_named(struct net *net, char letter, const uint64_t *dim, size_t rank, float low,
                      float high)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%c%u", letter, net->layer_count);
    put_tensor(net, name, dim, rank, low, high);
}

static void put_dense(struct net *net, uint64_t in, uint64_t out)
{
    const uint64_t dim[] = {out, in};
    put_named(net, 'w', dim, 2, -0.02f, 0.02f);
    put_named(net, 'b', dim, 1, -0.1f, 0.1f);
    put_node(net, "Gemm", "wb", (struct attribute){"transB", 1, {1}}, none);
}

static bool make_dense(const char *path, size_t bytes)
{
    struct net net = {.noise = 1};
    const uint64_t wide = 2000, in[] = {1, wide}, out[] = {1, 10};
    put_value(&net, 11, 0, in, 2);
    for (size_t i = 0; i * 4 * wide * wide < bytes; i++) {
        put_dense(&net, wide, wide);
        put_relu(&net);
    }
    put_dense(&net, wide, 10);
    put_value(&net, 12, net.layer_count, out, 2);
    return save(&net, path);
}

static bool make_convolutions(const char *path, size_t bytes)
{
    struct net net = {.noise = 1};
    const uint64_t wide = 512, in[] = {1, wide, 6, 6}, out[] = {1, 10, 6, 6};
    const uint64_t dim[] = {wide, wide, 3, 3}, last[] = {10, wide, 1, 1};
    put_value(&net, 11, 0, in, 4);
    for (size_t i = 0; i * 4 * 9 * wide * wide < bytes; i++) {
        put_named(&net, 'w', dim, 4, -0.03f, 0.03f);
        put_node(&net, "Conv", "w", (struct attribute){"pads", 4, {1, 1, 1, 1}}, none);
        put_named(&net, 's', dim, 1, 0.5f, 1.5f);
        put_named(&net, 'b', dim, 1, -0.5f, 0.5f);
        put_named(&net, 'm', dim, 1, -0.5f, 0.5f);
        put_named(&net, 'v', dim, 1, 0.5f, 1.5f);
        put_node(&net, "BatchNormalization", "sbmv", none, none);
        put_relu(&net);
    }
    put_named(&net, 'w', last, 4, -0.03f, 0.03f);
    put_node(&net, "Conv", "w", none, none);
    put_value(&net, 12, net.layer_count, out, 4);
    return save(&net, path);
}

/* 61,706 parameters. */
static bool make_lenet(const char *path, size_t bytes)
{
    struct net net = {.noise = 1};
    const uint64_t in[] = {1, 1, 28, 28}, first[] = {6, 1, 5, 5}, second[] = {16, 6, 5, 5};
    const uint64_t out[] = {1, 10};
    (void)bytes;
    put_value(&net, 11, 0, in, 4);
    put_named(&net, 'w', first, 4, -0.3f, 0.3f);
    put_named(&net, 'b', first, 1, -0.1f, 0.1f);
    put_node(&net, "Conv", "wb", (struct attribute){"pads", 4, {2, 2, 2, 2}}, none);
    put_relu(&net);
    put_pool(&net);
    put_named(&net, 'w', second, 4, -0.1f, 0.1f);
    put_named(&net, 'b', second, 1, -0.1f, 0.1f);
    put_node(&net, "Conv", "wb", none, none);
    put_relu(&net);
    put_pool(&net);
    put_node(&net, "Flatten", "", none, none);
    put_dense(&net, 400, 120);
    put_relu(&net);
    put_dense(&net, 120, 84);
    put_relu(&net);
    put_dense(&net, 84, 10);
    put_value(&net, 12, net.layer_count, out, 2);
    return save(&net, path);
}

/* In a process of its own: what this one has held counts for the peak of those it starts. */
static bool make(bool (*maker)(const char *path, size_t bytes), const char *path, size_t bytes)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) _exit(maker(path, bytes) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* ---- Running ---- */

static double now(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

struct figures {
    double seconds, processor, peak;
};

/* False if the tool cannot be run or fails. */
static bool run(const struct bench *b, const char *model, struct figures *out)
{
    char output[96];
    (void)snprintf(output, sizeof(output), "%s/out.json", b->folder);
    const char *const arguments[] = {b->tool, model, "-q", "-o", output, NULL};
    posix_spawn_file_actions_t quiet;
    struct rusage usage;
    pid_t child = 0;
    int status = 0;
    if (posix_spawn_file_actions_init(&quiet) != 0) return false;
    (void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    double start = now();
    int spawned =
        posix_spawn(&child, b->tool, &quiet, NULL, (char *const *)(uintptr_t)arguments, environ);
    (void)posix_spawn_file_actions_destroy(&quiet);
    if (spawned != 0 || wait4(child, &status, 0, &usage) != child || status != 0) return false;
    out->seconds = now() - start;
    out->processor = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    out->peak = (double)usage.ru_maxrss * 1024;
    (void)unlink(output);
    return true;
}

static int measure(const struct bench *b, const char *name, const char *model, bool bound)
{
    struct stat info;
    struct figures best = {1e30, 1e30, 0};
    if (stat(model, &info) != 0) return 1;
    for (unsigned i = 0; i < b->rounds; i++) {
        struct figures f;
        if (!run(b, model, &f)) {
            fprintf(stderr, "convert: %s: the run failed\n", model);
            return 1;
        }
        if (f.seconds < best.seconds) best.seconds = f.seconds;
        if (f.processor < best.processor) best.processor = f.processor;
        if (f.peak > best.peak) best.peak = f.peak;
    }
    double size = (double)info.st_size;
    printf("%-18s %7.2f MB %6.2f s (processor %5.2f s) %6.1f MB/s   peak %6.1f MB, %.2f x\n", name,
           size / MEGABYTE, best.seconds, best.processor, size / MEGABYTE / best.seconds,
           best.peak / MEGABYTE, best.peak / size);
    (void)fflush(stdout);
    return bound && (best.seconds > SECONDS_MAX || best.peak > RATIO_MAX * size);
}

static int measure_made(const struct bench *b, const char *name,
                        bool (*maker)(const char *path, size_t bytes), size_t bytes)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/made.onnx", b->folder);
    int result = make(maker, path, bytes) ? measure(b, name, path, b->bound && bytes > 0) : 1;
    (void)unlink(path);
    return result;
}

int main(int argc, char **argv)
{
    struct bench b = {.rounds = 3, .folder = "/tmp/snn-convert-XXXXXX"};
    if (argc > 1 && strcmp(argv[1], "--bound") == 0) {
        b.bound = true;
        argv++;
        argc--;
    }
    if (argc < 2 || mkdtemp(b.folder) == NULL) {
        fprintf(stderr, "usage: convert [--bound] SNNCONVERT [MEGABYTES [ROUNDS [MODEL]]]\n");
        return 2;
    }
    b.tool = argv[1];
    size_t bytes = (argc > 2 ? strtoul(argv[2], NULL, 10) : 100) * MEGABYTE;
    if (argc > 3) b.rounds = (unsigned)strtoul(argv[3], NULL, 10);
    int result = measure_made(&b, "LeNet-5", make_lenet, 0);
    result |= measure_made(&b, "dense layers", make_dense, bytes);
    result |= measure_made(&b, "convolutions", make_convolutions, bytes);
    if (argc > 4) result |= measure(&b, "the model", argv[4], false);
    (void)rmdir(b.folder);
    return result;
}
