/* Shared parts of the plain tests, see support.h. */
#include "tests/plain/support.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 8, FEATURES = 4, OTHER_STEPS = 36 /* more than a chunk */ };

/* --- TAP -------------------------------------------------------------------------------------- */

void tap_check(struct tap *tap, bool good, const char *name)
{
    tap->count++;
    tap->failed = tap->failed || !good;
    printf("%s %u - %s\n", good ? "ok" : "not ok", tap->count, name);
    fflush(stdout);
}

void tap_note(const char *format, ...)
{
    va_list arguments;
    printf("# ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

int tap_end(const struct tap *tap)
{
    printf("1..%u\n", tap->count);
    return tap->failed ? 1 : 0;
}

/* --- A folder with a model and data ----------------------------------------------------------- */

static float weight(size_t i)
{
    return (float)((int)(i * 37 % 17) - 6) / 16.0f;
}

/* input -> conv2d -> avg_pool2d -> dense. */
static int add_layers(struct snn_graph *graph, struct snn_context *context)
{
    float weights[CLASS_COUNT * FEATURES * SIDE * SIDE / 4];
    const float bias[FEATURES] = {0.0f, 0.125f, -0.125f, 0.25f};
    const uint32_t inputs[] = {0, 1, 2};
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
        weights[i] = weight(i);
    const struct snn_layer layers[] = {
        {.name = "input", .kind = SNN_LAYER_INPUT, .shape = {1, SIDE, SIDE}},
        {.name = "conv",
         .kind = SNN_LAYER_CONV2D,
         .inputs = &inputs[0],
         .input_count = 1,
         .shape = {.channels = FEATURES},
         .window = {.kernel_h = 3,
                    .kernel_w = 3,
                    .stride_h = 1,
                    .stride_w = 1,
                    .pad_top = 1,
                    .pad_left = 1,
                    .pad_bottom = 1,
                    .pad_right = 1},
         .activation = SNN_ACTIVATION_RELU,
         .weights = weights,
         .weight_count = FEATURES * 9,
         .bias = bias,
         .bias_count = FEATURES},
        {.name = "pool",
         .kind = SNN_LAYER_AVG_POOL2D,
         .inputs = &inputs[1],
         .input_count = 1,
         .window = {.kernel_h = 2, .kernel_w = 2}},
        {.name = "dense",
         .kind = SNN_LAYER_DENSE,
         .inputs = &inputs[2],
         .input_count = 1,
         .shape = {.channels = CLASS_COUNT},
         .weights = weights,
         .weight_count = sizeof(weights) / sizeof(weights[0]),
         .bias = bias,
         .bias_count = CLASS_COUNT},
    };
    int status = SNN_OK;
    for (size_t i = 0; i < 4 && status == SNN_OK; i++)
        status = snn_graph_add(graph, context, &layers[i], NULL);
    return status;
}

static int add_statistics(struct snn_graph *graph, struct snn_context *context)
{
    const double probability[] = {0.999, 1.0};
    const float quantile[] = {0.5f, 1.0f};
    const float of_channels[] = {0.5f, 1.0f, 0.5f, 1.0f, 0.5f, 1.0f, 0.5f, 1.0f};
    const struct snn_statistics statistics = {-1.0f, quantile, of_channels};
    int status = snn_graph_set_quantiles(graph, context, probability, 2, 1, "made up");
    if (status == SNN_OK) status = snn_graph_set_statistics(graph, context, 1, &statistics);
    return status == SNN_OK ? snn_graph_set_statistics(graph, context, 3, &statistics) : status;
}

static int add_records(struct snn_graph *graph, struct snn_context *context)
{
    const double mean = 0.25, std = 0.5;
    const struct snn_preprocess preprocess = {1.0 / 255.0, 1, &mean, &std};
    const struct snn_provenance provenance = {.name = "plain",
                                              .tool = "plain 1.0",
                                              .source_file = "plain.onnx",
                                              .source_sha256 = "0123",
                                              .sample_images = "images-idx3",
                                              .sample_labels = "labels-idx1",
                                              .accuracy_data = "made up",
                                              .accuracy = 0.5,
                                              .accuracy_samples = 2};
    int status = snn_graph_set_preprocess(graph, context, &preprocess);
    return status == SNN_OK ? snn_graph_set_provenance(graph, context, &provenance) : status;
}

static bool save_model(const char *path)
{
    struct snn_context *context = NULL;
    struct snn_graph *graph = NULL;
    int status = snn_context_create(&context, NULL);
    if (status == SNN_OK) status = snn_graph_create(&graph, context, "plain");
    if (status == SNN_OK) status = add_layers(graph, context);
    if (status == SNN_OK) status = add_records(graph, context);
    if (status == SNN_OK) status = add_statistics(graph, context);
    if (status == SNN_OK) status = snn_graph_save(graph, context, path);
    if (status != SNN_OK) tap_note("%s", snn_context_message(context));
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
    return status == SNN_OK;
}

static bool save_bytes(const char *path, const void *head, size_t head_size, const void *data,
                       size_t size)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    bool good =
        fwrite(head, 1, head_size, file) == head_size && fwrite(data, 1, size, file) == size;
    return fclose(file) == 0 && good;
}

/* As numpy.save writes it, format version 1.0. */
static bool save_spikes(const char *path)
{
    enum { HEAD = 128, RECORDED = 2 };
    unsigned char counts[RECORDED * RECORDED_STEPS * SIDE * SIDE];
    char head[HEAD];
    memset(head, ' ', sizeof(head));
    int length = snprintf(head, sizeof(head),
                          "%.6s%c%c%c%c{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, "
                          "1, %d, %d), }",
                          "\x93NUMPY", 1, 0, HEAD - 10, 0, RECORDED, RECORDED_STEPS, SIDE, SIDE);
    /* The text holds a zero byte, the upper half of its length. */
    if (length < 0 || length >= HEAD) return false;
    head[length] = ' ';
    head[HEAD - 1] = '\n';
    for (size_t i = 0; i < sizeof(counts); i++)
        counts[i] = (unsigned char)(i * i % 11 / 4);
    return save_bytes(path, (const unsigned char *)head, HEAD, counts, sizeof(counts));
}

static bool save_data(const struct place *place)
{
    static const unsigned char images_head[] = {0, 0, 8, 3,    0, 0, 0, SAMPLE_COUNT,
                                                0, 0, 0, SIDE, 0, 0, 0, SIDE};
    static const unsigned char labels_head[] = {0, 0, 8, 1, 0, 0, 0, SAMPLE_COUNT};
    unsigned char images[SAMPLE_COUNT * SIDE * SIDE], labels[SAMPLE_COUNT];
    for (size_t i = 0; i < sizeof(images); i++)
        images[i] = (unsigned char)(i * i % 251);
    for (size_t i = 0; i < sizeof(labels); i++)
        labels[i] = (unsigned char)(i % CLASS_COUNT);
    return save_spikes(place->spikes) &&
           save_bytes(place->images, images_head, sizeof(images_head), images, sizeof(images)) &&
           save_bytes(place->labels, labels_head, sizeof(labels_head), labels, sizeof(labels));
}

/* N-MNIST's five bytes an event, 60 us apart; a list of labels that names the file six times. */
static bool save_events(const struct place *place)
{
    enum { EVENTS = 300, EVENT = 5 };
    static const char labels[] = "a.bin 0\na.bin 1\na.bin 2\na.bin 0\na.bin 1\na.bin 2\n";
    unsigned char bytes[EVENTS * EVENT];
    char path[128];
    for (unsigned i = 0; i < EVENTS; i++) {
        unsigned char *event = bytes + (size_t)i * EVENT;
        event[0] = (unsigned char)(i * i % SIDE);
        event[1] = (unsigned char)(i * 7 % SIDE);
        event[2] = (unsigned char)(i % 2 * 0x80);
        event[3] = (unsigned char)(60 * i >> 8);
        event[4] = (unsigned char)(60 * i);
    }
    if (mkdir(place->events, 0700) != 0) return false;
    (void)snprintf(path, sizeof(path), "%s/a.bin", place->events);
    if (!save_bytes(path, "", 0, bytes, sizeof(bytes))) return false;
    (void)snprintf(path, sizeof(path), "%s/labels.txt", place->events);
    return save_bytes(path, "", 0, labels, sizeof(labels) - 1);
}

static void remove_events(const struct place *place)
{
    static const char *const files[] = {"a.bin", "labels.txt"};
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", place->events, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(place->events);
}

bool place_make(struct place *place)
{
    (void)snprintf(place->folder, sizeof(place->folder), "/tmp/snn-plain-XXXXXX");
    if (mkdtemp(place->folder) == NULL) {
        tap_note("no folder could be made below /tmp");
        return false;
    }
    (void)snprintf(place->model, sizeof(place->model), "%s/model.json", place->folder);
    (void)snprintf(place->images, sizeof(place->images), "%s/images-idx3", place->folder);
    (void)snprintf(place->labels, sizeof(place->labels), "%s/labels-idx1", place->folder);
    (void)snprintf(place->report, sizeof(place->report), "%s/report.json", place->folder);
    (void)snprintf(place->counts, sizeof(place->counts), "%s/counts.npy", place->folder);
    (void)snprintf(place->spikes, sizeof(place->spikes), "%s/spikes.npy", place->folder);
    (void)snprintf(place->events, sizeof(place->events), "%s/events", place->folder);
    return save_model(place->model) && save_data(place) && save_events(place);
}

void place_remove(struct place *place)
{
    const char *const files[] = {place->model,  place->images, place->labels,
                                 place->report, place->counts, place->spikes};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)unlink(files[i]);
    remove_events(place);
    if (rmdir(place->folder) != 0) tap_note("%s is not empty", place->folder);
}

bool place_has_temporary(const struct place *place)
{
    bool found = false;
    DIR *folder = opendir(place->folder);
    if (folder == NULL) return true;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        found = found || strstr(entry->d_name, ".tmp-") != NULL;
    closedir(folder);
    return found;
}

static const float output_gain = 4.0f; /* of a second readout, for the rule first@4 */

/* --- The passage ------------------------------------------------------------------------------ */

int passage_load(struct passage *p, const struct snn_context_options *options,
                 const struct place *place)
{
    const struct snn_source_options labels = {.labels = NULL};
    const struct snn_source_options sensor = {.shape = {1, SIDE, SIDE}, .view = "polarity=merge"};
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.extra_gains = &output_gain;
    lower.extra_gain_count = 1;
    *p = (struct passage){.context = NULL};
    int status = snn_context_create(&p->context, options);
    if (status == SNN_OK) status = snn_graph_load(&p->graph, p->context, place->model, NULL);
    if (status == SNN_OK)
        status = snn_source_open(&p->source, p->context, place->images, SNN_SOURCE_FRAMES, &labels);
    if (status == SNN_OK)
        status = snn_source_open(&p->recording, p->context, place->spikes, SNN_SOURCE_SPIKES, NULL);
    if (status == SNN_OK)
        status = snn_source_open(&p->events, p->context, place->events, SNN_SOURCE_EVENTS, &sensor);
    if (status == SNN_OK) status = snn_net_lower(&p->net, p->context, p->graph, &lower);
    if (status == SNN_OK) status = snn_target_open(&p->target, p->context, "sim");
    return status == SNN_OK ? snn_target_load(p->target, p->context, p->net) : status;
}

void passage_run_options(struct snn_run_options *run, const struct snn_energy_profile *energy)
{
    static const struct snn_rule rules[] = {
        {SNN_RULE_FIRST, 0.0, 0.0f}, {SNN_RULE_SOFTMAX, 0.9, 0.0f}, {SNN_RULE_FIRST, 0.0, 4.0f}};
    static const struct snn_rule sweep[] = {{SNN_RULE_COUNT, 2.0, 0.0f},
                                            {SNN_RULE_ENTROPY, 0.5, 0.0f},
                                            {SNN_RULE_ORACLE, 0.0, 0.0f},
                                            {SNN_RULE_ALL, 0.0, 0.0f}};
    snn_run_options_init(run);
    run->timesteps = 70; /* more than two chunks of steps */
    run->encoding = SNN_ENCODING_BERNOULLI;
    run->seed = 7;
    run->threads = 1;
    run->energy = energy;
    run->rules = rules;
    run->rule_count = sizeof(rules) / sizeof(rules[0]);
    run->sweep = sweep;
    run->sweep_count = sizeof(sweep) / sizeof(sweep[0]);
}

/* The callbacks are for the spiking run alone. */
static int run_frames(struct passage *p, struct snn_run_options options)
{
    options.progress = NULL;
    snn_result_destroy(&p->frame_result);
    snn_target_close(&p->frame_target);
    int status = snn_target_open(&p->frame_target, p->context, "frame:int8");
    if (status == SNN_OK) status = snn_target_load_graph(p->frame_target, p->context, p->graph);
    if (status == SNN_OK)
        status = snn_run_frames(&p->frame_result, p->context, p->frame_target, p->graph, p->source,
                                &options);
    return status;
}

static const struct {
    const char *uri;
    bool chip;
    bool until_decided;
    bool recorded;
    bool events;
} others[OTHER_COUNT] = {{"sim:async,order=random,seed=3", false, false, false, false},
                         {"sim", true, false, false, false},
                         {"sim:async,order=interleave", true, false, false, false},
                         {"sim", false, true, false, false},
                         {"sim", true, true, false, false},
                         {"sim", false, false, true, false},
                         {"sim", true, false, true, false},
                         {"sim:async,order=recorded", false, false, true, true}};

/* A further way to run the samples. The callbacks are for the first run alone. */
static int run_other(struct passage *p, struct snn_run_options options, size_t i)
{
    const struct snn_net *net = others[i].chip ? p->chip : p->net;
    struct snn_target **target = &p->other_targets[i];
    options.progress = NULL;
    options.sample = NULL;
    options.until_decided = others[i].until_decided;
    if (options.timesteps > OTHER_STEPS) options.timesteps = OTHER_STEPS;
    if (options.until_decided || others[i].recorded) options.sweep_count = 0;
    if (others[i].recorded) {
        options.timesteps = others[i].events ? OTHER_STEPS : RECORDED_STEPS;
        options.count = 0;
        options.cnn = NULL;
    }
    snn_result_destroy(&p->other_results[i]);
    snn_target_close(target);
    int status = snn_target_open(target, p->context, others[i].uri);
    if (status == SNN_OK) status = snn_target_load(*target, p->context, net);
    if (status != SNN_OK) return status;
    const struct snn_source *source = others[i].events     ? p->events
                                      : others[i].recorded ? p->recording
                                                           : p->source;
    return snn_run(&p->other_results[i], p->context, *target, net, source, &options);
}

static int run_others(struct passage *p, const struct snn_run_options *options)
{
    struct snn_lower_options lower;
    snn_lower_options_init(&lower);
    lower.arith = SNN_ARITH_CHIP;
    lower.quantise_mse = true;
    lower.extra_gains = &output_gain;
    lower.extra_gain_count = 1;
    snn_net_destroy(&p->chip);
    int status = snn_net_lower(&p->chip, p->context, p->graph, &lower);
    for (size_t i = 0; status == SNN_OK && i < OTHER_COUNT; i++)
        status = run_other(p, *options, i);
    return status;
}

/* Net in a chip's form -> program; the convolution lies on two cores, as a user may have it. */
static int make_program(struct passage *p, const struct snn_chip *chip)
{
    static const struct snn_pin shared = {"conv", 2, {0, 3}};
    const struct snn_place_options options = {
        .pins = &shared, .pin_count = 1, .remedies_off = true, .model_sha256 = "", .tool = "plain"};
    struct snn_lower_options lower;
    struct snn_net *net = NULL;
    struct snn_placement *placement = NULL;
    snn_lower_options_init(&lower);
    lower.arith = SNN_ARITH_CHIP;
    lower.chip = chip;
    snn_program_destroy(&p->program);
    int status = snn_net_lower(&net, p->context, p->graph, &lower);
    if (status == SNN_OK) status = snn_place(&placement, p->context, net, chip, &options);
    if (status == SNN_OK) p->program = snn_placement_take_program(placement);
    snn_placement_destroy(&placement);
    snn_net_destroy(&net);
    return status == SNN_OK && p->program == NULL ? SNN_ERR_LIMIT : status;
}

/* The same samples on a chip, whose readout knows spikes only. The callbacks are for the first run
 * alone. */
static int run_chip(struct passage *p, struct snn_run_options options)
{
    struct snn_chip chip;
    options.progress = NULL;
    options.sample = NULL;
    options.rule_count = 1;
    options.sweep_count = 0;
    options.chip = &chip;
    if (options.timesteps > OTHER_STEPS) options.timesteps = OTHER_STEPS;
    snn_result_destroy(&p->chip_result);
    snn_target_close(&p->chip_target);
    int status = snn_chip_load(&chip, p->context, "speck2f");
    if (status == SNN_OK) status = make_program(p, &chip);
    if (status == SNN_OK)
        status = snn_target_open(&p->chip_target, p->context, "chip:speck2f,order=random,seed=3");
    if (status == SNN_OK) status = snn_target_load_program(p->chip_target, p->context, p->program);
    if (status != SNN_OK) return status;
    return snn_run(&p->chip_result, p->context, p->chip_target, snn_target_net(p->chip_target),
                   p->source, &options);
}

int passage_run(struct passage *p, const struct snn_run_options *run)
{
    struct snn_run_options options = *run;
    const struct snn_result *results[3 + OTHER_COUNT];
    options.cnn = p->graph;
    int status = snn_run(&p->result, p->context, p->target, p->net, p->source, &options);
    if (status == SNN_OK) status = run_frames(p, options);
    if (status == SNN_OK) status = run_others(p, &options);
    if (status == SNN_OK) status = run_chip(p, options);
    if (status != SNN_OK) return status;
    results[0] = p->result;
    results[1] = p->frame_result;
    results[2 + OTHER_COUNT] = p->chip_result;
    for (size_t i = 0; i < OTHER_COUNT; i++)
        results[2 + i] = p->other_results[i];
    const struct snn_report report = {.tool = "plain",
                                      .model_name = snn_graph_provenance(p->graph)->name,
                                      .data = "images-idx3",
                                      .seed = options.seed,
                                      .samples = p->result->sample_count,
                                      .timesteps = options.timesteps,
                                      .dt_us = options.dt_us,
                                      .encoding = snn_encoding_name(options.encoding),
                                      .results = results,
                                      .result_count = 3 + OTHER_COUNT};
    return snn_report_format(&p->text, p->context, &report);
}

void passage_end(struct passage *p)
{
    snn_text_free(p->context, &p->text);
    snn_result_destroy(&p->chip_result);
    snn_target_close(&p->chip_target);
    snn_program_destroy(&p->program);
    for (size_t i = 0; i < OTHER_COUNT; i++) {
        snn_result_destroy(&p->other_results[i]);
        snn_target_close(&p->other_targets[i]);
    }
    snn_net_destroy(&p->chip);
    snn_result_destroy(&p->frame_result);
    snn_target_close(&p->frame_target);
    snn_result_destroy(&p->result);
    snn_target_close(&p->target);
    snn_net_destroy(&p->net);
    snn_source_close(&p->events);
    snn_source_close(&p->recording);
    snn_source_close(&p->source);
    snn_graph_destroy(&p->graph);
    snn_context_destroy(&p->context);
}

char *passage_copy_text(const struct passage *p)
{
    const char *end = strstr(p->text, "\"timing\"");
    size_t size = end != NULL ? (size_t)(end - p->text) : strlen(p->text);
    char *copy = malloc(size + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, p->text, size);
    copy[size] = '\0';
    return copy;
}
