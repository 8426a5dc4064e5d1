/* Fuzz target: a checkpoint, or what another process sends. By the first byte the rest is a whole
 * file, what follows the right header, or one sample's record.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "snn/partial.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 8 << 20, SAMPLES = 3, STEPS = 4, FILE_MAX = 1 << 16 };

/* All that a run of three samples in four steps needs: one neuron. */
struct small {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_net *net;
    struct snn_target *target;
    struct snn_source *source;
    struct snn_run_options options;
};

static const struct snn_energy_profile energy = {.name = "none"};
static const struct snn_rule rule = {SNN_RULE_COUNT, 2.0, 0.0f};

static int keep_quiet(const struct snn_sample_record *record, void *user)
{
    (void)record;
    (void)user;
    return SNN_OK;
}

static int open_source(struct small *s)
{
    static const char head[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 1, 1, 1)}";
    unsigned char file[128 + SAMPLES * STEPS];
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
    memcpy(file + 10, head, sizeof(head) - 1);
    file[127] = '\n';
    memset(file + 128, 1, SAMPLES * STEPS);
    const char *path = file_of(1, file, sizeof(file));
    if (path == NULL) return SNN_ERR_IO;
    return snn_source_open(&s->source, s->context, path, SNN_SOURCE_SPIKES, NULL);
}

static int make_net(struct small *s)
{
    static const float weight = 1.0f;
    static const uint32_t input = 0;
    const struct snn_layer first = {.name = "input", .kind = SNN_LAYER_INPUT, .shape = {1, 1, 1}};
    const struct snn_layer last = {.name = "out",
                                   .kind = SNN_LAYER_DENSE,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .shape = {1, 1, 1},
                                   .weights = &weight,
                                   .weight_count = 1};
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.norm = SNN_NORM_NONE;
    int status = snn_graph_create(&s->graph, s->context, "small");
    if (status == SNN_OK) status = snn_graph_add(s->graph, s->context, &first, NULL);
    if (status == SNN_OK) status = snn_graph_add(s->graph, s->context, &last, NULL);
    if (status == SNN_OK) status = snn_net_lower(&s->net, s->context, s->graph, &lower);
    if (status == SNN_OK) status = snn_target_open(&s->target, s->context, "sim");
    return status == SNN_OK ? snn_target_load(s->target, s->context, s->net) : status;
}

static int begin(struct small *s, bool counts)
{
    snn_run_options_init(&s->options);
    s->options.timesteps = STEPS;
    s->options.threads = 1;
    s->options.energy = &energy;
    s->options.rules = &rule;
    s->options.rule_count = 1;
    s->options.sample = counts ? keep_quiet : NULL;
    int status = make_net(s);
    return status == SNN_OK ? open_source(s) : status;
}

static void end(struct small *s)
{
    snn_target_close(&s->target);
    snn_net_destroy(&s->net);
    snn_graph_destroy(&s->graph);
    snn_source_close(&s->source);
}

/* Opens the bytes as a checkpoint of the partial. */
static const char *open_file(const struct small *s, struct snn_partial *partial, const void *data,
                             size_t size)
{
    struct snn_checkpoint *checkpoint = NULL;
    struct snn_partial *const partials[] = {partial};
    const char *path = file_of(0, data, size);
    if (path == NULL) return NULL;
    (void)snn_checkpoint_open(&checkpoint, s->context, path, partials, 1, 0.0);
    (void)snn_checkpoint_close(&checkpoint, s->context);
    return path;
}

/* The same behind the header that an empty file gets. */
static void open_records(const struct small *s, struct snn_partial *partial, const uint8_t *data,
                         size_t size)
{
    static unsigned char bytes[FILE_MAX];
    const char *path = open_file(s, partial, NULL, 0);
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    const size_t header = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : sizeof(bytes);
    if (file != NULL) (void)fclose(file);
    if (size > sizeof(bytes) - header) return;
    if (size > 0) memcpy(bytes + header, data, size);
    (void)open_file(s, partial, bytes, header + size);
}

/* Whatever came in, the run can go on from it. */
static bool run_rest(struct small *s, struct snn_partial *partial)
{
    struct snn_result *result = NULL;
    s->options.partial = partial;
    int status = snn_run(&result, s->context, s->target, s->net, s->source, &s->options);
    const bool good = status == SNN_OK && result->complete && result->sample_count == SAMPLES;
    snn_result_destroy(&result);
    return good || status == SNN_ERR_NOMEM;
}

static bool feed(struct small *s, const uint8_t *data, size_t size)
{
    struct snn_partial *partial = NULL;
    const unsigned kind = data[0] & 3;
    int status = begin(s, (data[0] & 4) != 0);
    if (status == SNN_OK)
        status = snn_partial_create(&partial, s->context, s->target, s->net, NULL, s->source,
                                    &s->options);
    if (status != SNN_OK) return status == SNN_ERR_NOMEM;
    if (kind == 0)
        (void)open_file(s, partial, data + 1, size - 1);
    else if (kind == 1)
        open_records(s, partial, data + 1, size - 1);
    else
        (void)snn_partial_add(partial, s->context, data + 1, size - 1);
    const bool good = snn_partial_done(partial) <= SAMPLES && run_rest(s, partial);
    snn_partial_destroy(&partial);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded)};
    struct small small = {.context = NULL};
    if (size == 0 || size > FILE_MAX || snn_context_create(&small.context, &options) != SNN_OK)
        return 0;
    const bool good = feed(&small, data, size);
    end(&small);
    snn_context_destroy(&small.context);
    return bounded_verdict(&bounded) != 0 || !good;
}
