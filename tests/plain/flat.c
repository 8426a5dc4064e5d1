/* Memory that does not grow: a recording a hundred times as long is read, and run through a net, in
 * the same memory. Every block of the library is counted.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "snn/recording.h"
#include "tests/plain/support.h"

enum { SIDE = 8, EVENT = 5, EVENTS = 20000, TIMES = 100, STEPS = 20, BATCH = 1000 };

/* What the malloc of this test keeps before each block. */
struct block {
    size_t size;
    size_t unused; /* what follows stays aligned */
};

struct meter {
    atomic_size_t held;
    atomic_size_t peak;
};

static void *allocate(size_t size, void *user)
{
    struct meter *m = user;
    struct block *block = malloc(sizeof(*block) + size);
    if (block == NULL) return NULL;
    block->size = size;
    const size_t held = atomic_fetch_add(&m->held, size) + size;
    size_t peak = atomic_load(&m->peak);
    while (held > peak && !atomic_compare_exchange_weak(&m->peak, &peak, held))
        continue;
    return block + 1;
}

static void release(void *memory, void *user)
{
    struct meter *m = user;
    if (memory == NULL) return;
    struct block *block = (struct block *)memory - 1;
    atomic_fetch_sub(&m->held, block->size);
    free(block);
}

/* N-MNIST's bytes: an event a microsecond all over the sensor, in 20 ms and as often again; a mark
 * in row 240 adds 8192 us. */
static bool save(const char *path, size_t times)
{
    FILE *file = fopen(path, "wb");
    uint64_t wrapped = 0;
    if (file == NULL) return false;
    for (uint64_t i = 0; i < times * EVENTS; i++) {
        if (i - wrapped >= 8192) {
            const unsigned char mark[EVENT] = {0, 240};
            wrapped += 8192;
            (void)fwrite(mark, 1, EVENT, file);
        }
        const unsigned char event[EVENT] = {
            (unsigned char)(i * i % 61 % SIDE), (unsigned char)(i % 59 % SIDE),
            (unsigned char)(i % 2 * 0x80), (unsigned char)((i - wrapped) >> 8),
            (unsigned char)(i - wrapped)};
        (void)fwrite(event, 1, EVENT, file);
    }
    return fclose(file) == 0;
}

static int read_through(struct snn_context *context, const char *path, uint64_t *count_out)
{
    static struct snn_camera_event events[BATCH];
    struct snn_recording *recording = NULL;
    size_t count = 1;
    *count_out = 0;
    int status = snn_recording_open(&recording, context, path, NULL);
    for (; status == SNN_OK && count > 0; *count_out += count)
        status = snn_recording_read(recording, context, events, BATCH, &count);
    snn_recording_close(&recording);
    return status;
}

static int run_through(struct snn_context *context, const struct place *place, const char *path,
                       size_t times)
{
    const struct snn_source_options sensor = {.shape = {1, SIDE, SIDE}};
    struct snn_energy_profile energy;
    struct snn_lower_options lower;
    struct snn_run_options run;
    struct snn_graph *graph = NULL;
    struct snn_source *source = NULL;
    struct snn_net *net = NULL;
    struct snn_target *target = NULL;
    struct snn_result *result = NULL;
    snn_lower_options_init(&lower);
    snn_run_options_init(&run);
    int status = snn_energy_profile_load(&energy, context, "sinabs");
    run.energy = &energy;
    run.threads = 1;
    run.timesteps = STEPS;
    run.dt_us = 1000.0 * (double)times;
    if (status == SNN_OK) status = snn_graph_load(&graph, context, place->model, NULL);
    if (status == SNN_OK)
        status = snn_source_open(&source, context, path, SNN_SOURCE_EVENTS, &sensor);
    if (status == SNN_OK) status = snn_net_lower(&net, context, graph, &lower);
    if (status == SNN_OK) status = snn_target_open(&target, context, "sim");
    if (status == SNN_OK) status = snn_target_load(target, context, net);
    if (status == SNN_OK) status = snn_run(&result, context, target, net, source, &run);
    snn_result_destroy(&result);
    snn_target_close(&target);
    snn_net_destroy(&net);
    snn_source_close(&source);
    snn_graph_destroy(&graph);
    return status;
}

/* The most that was held at once; 0: it failed. */
static size_t measure(const struct place *place, const char *path, size_t times, bool runs)
{
    struct meter meter = {0};
    const struct snn_context_options options = {.allocator = {allocate, release, &meter}};
    struct snn_context *context = NULL;
    uint64_t count = times * EVENTS;
    int status = snn_context_create(&context, &options);
    if (status != SNN_OK) return 0;
    status = runs ? run_through(context, place, path, times) : read_through(context, path, &count);
    if (status != SNN_OK) tap_note("%s", snn_context_message(context));
    snn_context_destroy(&context);
    if (atomic_load(&meter.held) != 0) tap_note("%zu bytes left", atomic_load(&meter.held));
    return status == SNN_OK && count == times * EVENTS && atomic_load(&meter.held) == 0
               ? atomic_load(&meter.peak)
               : 0;
}

static bool is_flat(const struct place *place, const char *once, const char *longer, bool runs)
{
    const size_t small = measure(place, once, 1, runs);
    const size_t large = measure(place, longer, TIMES, runs);
    tap_note("%zu and %zu bytes at most", small, large);
    return small > 0 && large > 0 && large <= small;
}

int main(void)
{
    struct tap tap = {0, false};
    struct place place;
    char once[96], longer[96];
    bool made = place_make(&place); /* names of one length, which are held too */
    (void)snprintf(once, sizeof(once), "%s/short.bin", place.folder);
    (void)snprintf(longer, sizeof(longer), "%s/large.bin", place.folder);
    made = made && save(once, 1) && save(longer, TIMES);
    tap_check(&tap, made, "recordings of 20,000 and 2,000,000 events are written");
    tap_check(&tap, made && is_flat(&place, once, longer, false), "the longer is read in no more");
    tap_check(&tap, made && is_flat(&place, once, longer, true), "the longer is run in no more");
    (void)unlink(once);
    (void)unlink(longer);
    place_remove(&place);
    return tap_end(&tap);
}
