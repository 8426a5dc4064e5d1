/* snnconvert: a model file read, checked, calibrated with training frames and written anew.
 *
 * The datum's path in one page: model -> graph; frames -> calibration -> statistics and recipes in
 * the graph -> model. Nothing is written unless everything before it went well.
 */
#include <stdio.h>
#include <string.h>

#include "snn/snn.h"
#include "tools/cli/args.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/progress.h"
#include "tools/cli/table.h"

enum { RECIPES_MAX = 32, QUANTILES_MAX = 32, THREADS_MAX = 256 };

enum option_id {
    OPT_OUTPUT = 1,
    OPT_ARCH,
    OPT_INFO,
    OPT_CALIBRATE,
    OPT_SAMPLES,
    OPT_RECIPE,
    OPT_QUANTILE,
    OPT_THREADS
};

/* Everything that main holds, so that one function lets go of it. */
struct session {
    struct snncli_console console;
    struct snncli_progress progress;
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_source *source;
    const char *model;
    const char *arch;
    const char *output;
    const char *calibrate;
    const char *recipes[RECIPES_MAX];
    uint32_t recipe_count;
    double quantiles[QUANTILES_MAX];
    uint32_t quantile_count;
    uint64_t samples; /* 0: all */
    unsigned threads; /* 0: one a processor */
    bool info;
    char sha256[65]; /* of the model file */
};

/* ---- The option table ---- */

static const struct snncli_option option_table[] = {
    {.id = OPT_ARCH,
     .letter = 'a',
     .name = "arch",
     .metavar = "FILE",
     .group = "Input",
     .path = true,
     .help = "the net, as a topology; MODEL is its weights",
     .text = "MODEL is then a PyTorch state dictionary (.pt, .pth), safetensors or NPZ, and FILE a "
             "model file whose layers give sizes in place of weights. Tensors go to layers by "
             "name (LAYER.weight, LAYER.bias), or in order if no name matches. Nothing in MODEL "
             "is executed."},
    {.id = OPT_OUTPUT,
     .letter = 'o',
     .name = "output",
     .metavar = "FILE",
     .group = "Output",
     .path = true,
     .help = "the model file to write",
     .text = "The file appears whole or not at all. It may be MODEL itself."},
    {.id = OPT_INFO,
     .letter = 'i',
     .name = "info",
     .group = "Output",
     .help = "a table of the layers, what is known of it"},
    {.id = OPT_CALIBRATE,
     .letter = 'c',
     .name = "calibrate",
     .metavar = "FRAMES",
     .group = "Calibration",
     .path = true,
     .help = "training frames: IDX, IDX.gz or NPY",
     .text = "Runs the frames through the model and stores the quantiles of every layer's "
             "activations, from which thresholds are chosen. Take training frames, never those "
             "that accuracy is measured on."},
    {.id = OPT_SAMPLES,
     .letter = 'n',
     .name = "samples",
     .metavar = "N",
     .group = "Calibration",
     .help = "how many of the frames (all)"},
    {.id = OPT_RECIPE,
     .letter = 'r',
     .name = "recipe",
     .metavar = "R",
     .group = "Calibration",
     .repeatable = true,
     .help = "thresholds to compute and store: mse:T or ltb",
     .text = "mse:T takes for each layer the threshold with which T time steps reproduce the "
             "activations with the least squared error. ltb is local threshold balancing, one "
             "threshold a channel."},
    {.id = OPT_QUANTILE,
     .name = "quantile",
     .metavar = "P",
     .group = "Calibration",
     .repeatable = true,
     .help = "a further quantile to store, in per cent: 99.97",
     .text = "Stored in any case: 50, 75, 90 to 99, 99.1 to 99.9, 99.95, 99.99 and the maximum."},
    {.id = OPT_THREADS,
     .name = "threads",
     .metavar = "N",
     .group = "Calibration",
     .help = "worker threads (one a processor)"},
    {.name = NULL},
};

static const struct snncli_entry examples[] = {
    {"snnconvert --info lenet.json", "what is in a model"},
    {"snnconvert raw.json -c train-images-idx3-ubyte.gz -o lenet.json",
     "add activation statistics"},
    {"snnconvert raw.json -c train.npy -n 10000 -r mse:16 -r ltb -o out.json",
     "and two recipes, from 10,000 frames"},
    {"snnconvert params.pt --arch net.json -o model.json", "weights of PyTorch, and the net"},
    {NULL, NULL},
};

static const char *const usage[] = {"[option ...] MODEL -o FILE", "--info MODEL",
                                    "WEIGHTS --arch TOPOLOGY -o FILE", NULL};

static const struct snncli_entry positionals[] = {{"MODEL", "the model file to read, or weights"},
                                                  {NULL, NULL}};

static const int exit_statuses[] = {64, 65, 66, 70, 71, 73, 74, 77, 130, 0};

static const struct snncli_tool tool = {
    .name = "snnconvert",
    .summary = "read, check, calibrate and write models",
    .date = "2026-11-21",
    .usage = usage,
    .examples = examples,
    .options = option_table,
    .positionals = positionals,
    .description =
        "snnconvert reads a trained CNN, checks every layer, and writes it as a model file that "
        "snnsim runs as a spiking network. All problems of a file are reported in one run.\n\n"
        "With --calibrate the model is run on training frames, and what its layers do there is "
        "stored in it. The same frames give the same file, byte for byte, on any number of "
        "threads.",
    .exit_statuses = exit_statuses,
    .see_also = "snnsim(1)",
    .positional_path = true,
};

/* ---- What a person typed ---- */

static int take_recipe(struct session *s, const char *value)
{
    if (s->recipe_count == RECIPES_MAX)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--recipe", "more than %d recipes",
                           RECIPES_MAX);
    s->recipes[s->recipe_count++] = value;
    return SNNCLI_EXIT_OK;
}

static int take_quantile(struct session *s, const struct snncli_option *option, const char *value)
{
    double percent = 0.0;
    if (s->quantile_count == QUANTILES_MAX)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--quantile", "more than %d quantiles",
                           QUANTILES_MAX);
    int status = snncli_parse_double(&s->console, option, value, 1e-6, 100.0, &percent);
    if (status == SNNCLI_EXIT_OK) s->quantiles[s->quantile_count++] = percent / 100.0;
    return status;
}

static int take_count(struct session *s, const struct snncli_option *option, const char *value)
{
    int64_t count = 0;
    int64_t max = option->id == OPT_THREADS ? THREADS_MAX : INT64_MAX;
    int status = snncli_parse_int(&s->console, option, value, 1, max, &count);
    if (status != SNNCLI_EXIT_OK) return status;
    if (option->id == OPT_THREADS)
        s->threads = (unsigned)count;
    else
        s->samples = (uint64_t)count;
    return SNNCLI_EXIT_OK;
}

static int take_argument(const struct snncli_option *option, const char *value, void *user)
{
    struct session *s = user;
    if (option == NULL) {
        if (s->model != NULL) return snncli_args_excess(&s->console, value);
        s->model = value;
        return SNNCLI_EXIT_OK;
    }
    switch ((enum option_id)option->id) {
    case OPT_OUTPUT:
        s->output = value;
        break;
    case OPT_ARCH:
        s->arch = value;
        break;
    case OPT_INFO:
        s->info = true;
        break;
    case OPT_CALIBRATE:
        s->calibrate = value;
        break;
    case OPT_RECIPE:
        return take_recipe(s, value);
    case OPT_QUANTILE:
        return take_quantile(s, option, value);
    case OPT_SAMPLES:
    case OPT_THREADS:
        return take_count(s, option, value);
    }
    return SNNCLI_EXIT_OK;
}

/* What each argument alone cannot know. */
static int check_arguments(struct session *s)
{
    if (s->model == NULL) return snncli_args_missing(&s->console, &tool, "MODEL");
    if (s->output == NULL && !s->info) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, NULL, "nothing to do");
        snncli_hint(&s->console, "give -o FILE to write a model, or --info to look at one");
        return SNNCLI_EXIT_USAGE;
    }
    const struct {
        const char *name;
        bool given;
    } calibration[] = {{"--samples", s->samples > 0},
                       {"--recipe", s->recipe_count > 0},
                       {"--quantile", s->quantile_count > 0}};
    for (size_t i = 0; i < sizeof(calibration) / sizeof(calibration[0]); i++) {
        if (s->calibrate == NULL && calibration[i].given)
            return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, calibration[i].name,
                               "only goes with --calibrate");
    }
    return SNNCLI_EXIT_OK;
}

/* ---- Reading ---- */

/* The part of a path after its last slash. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int load_model(struct session *s)
{
    size_t before = s->console.error_count;
    s->console.subject = s->model;
    int status = s->arch != NULL ? snn_graph_load_weights(&s->graph, s->context, s->arch, s->model)
                                 : snn_graph_load(&s->graph, s->context, s->model, s->sha256);
    if (status == SNN_OK) return SNNCLI_EXIT_OK;
    /* Refused layers were reported one by one as they were found. */
    if (s->console.error_count > before)
        return snncli_exit_from_status(snn_context_status(s->context));
    return snncli_fail_context(&s->console, s->context, NULL);
}

/* ---- Calibration ---- */

static bool show_progress(uint64_t done, uint64_t total, void *user)
{
    struct session *s = user;
    snncli_progress_update(&s->progress, done, total);
    return !snncli_interrupt_pending();
}

static void read_frame(uint64_t index, float *intensity, void *user)
{
    const struct session *s = user;
    snn_source_frame(s->source, index, intensity);
}

static int open_frames(struct session *s, struct snn_frames *out)
{
    const struct snn_source_options options = {.labels = NULL};
    if (snn_source_open(&s->source, s->context, s->calibrate, SNN_SOURCE_FRAMES, &options) !=
        SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    uint64_t count = snn_source_count(s->source);
    struct snn_shape has = snn_source_shape(s->source), wants = snn_graph_input_shape(s->graph);
    if (s->samples > count)
        return snncli_fail(&s->console, SNNCLI_EXIT_DATA, s->calibrate,
                           "%llu frames, --samples asks for %llu", (unsigned long long)count,
                           (unsigned long long)s->samples);
    if (has.channels != wants.channels || has.height != wants.height || has.width != wants.width)
        return snncli_fail(&s->console, SNNCLI_EXIT_DATA, s->calibrate,
                           "frames of %ux%ux%u for a model with an input of %ux%ux%u", has.channels,
                           has.height, has.width, wants.channels, wants.height, wants.width);
    *out = (struct snn_frames){s->samples > 0 ? s->samples : count, has, read_frame, s};
    return SNNCLI_EXIT_OK;
}

static int calibrate(struct session *s)
{
    struct snn_frames frames;
    int status = open_frames(s, &frames);
    if (status != SNNCLI_EXIT_OK) return status;
    const struct snn_calibrate_options options = {
        .extra_quantile = s->quantiles,
        .extra_quantile_count = s->quantile_count,
        .recipes = s->recipes,
        .recipe_count = s->recipe_count,
        .threads = s->threads,
        .data = base_name(s->calibrate),
        .progress = show_progress,
        .user = s,
    };
    snncli_progress_init(&s->progress, &s->console, "calibrating", "frames", 0);
    status = snn_calibrate(s->graph, s->context, &frames, &options);
    snncli_progress_finish(&s->progress);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snncli_fail_context(&s->console, s->context, NULL);
}

/* ---- Writing ---- */

/* The model keeps where it came from; one that does not say came from the file just read. */
static int sign(struct session *s)
{
    char name[64];
    struct snn_provenance provenance = *snn_graph_provenance(s->graph);
    (void)snprintf(name, sizeof(name), "%s %s", tool.name, snn_version());
    provenance.tool = name;
    if (provenance.source_file == NULL) {
        provenance.source_file = base_name(s->model);
        provenance.source_sha256 = s->sha256;
    }
    return snn_graph_set_provenance(s->graph, s->context, &provenance);
}

static int write_model(struct session *s)
{
    if (sign(s) == SNN_OK && snn_graph_save(s->graph, s->context, s->output) == SNN_OK)
        return SNNCLI_EXIT_OK;
    int status = snncli_fail_context(&s->console, s->context, NULL);
    int code = snn_context_status(s->context);
    return code == SNN_ERR_ACCESS || code == SNN_ERR_NOT_FOUND ? SNNCLI_EXIT_NO_OUTPUT : status;
}

/* ---- --info ---- */

static void add_layer_row(struct snncli_table *table, const struct snn_graph *graph, uint32_t index)
{
    const struct snn_layer *layer = snn_graph_layer(graph, index);
    const char *kind = snn_layer_kind_name(layer->kind);
    const char *activation = snn_activation_name(layer->activation);
    size_t parameters = layer->weight_count + layer->bias_count;
    snncli_table_cell(table, "%s", layer->name);
    snncli_table_cell(table, "%s", kind);
    snncli_table_cell(table, "%s", layer->activation == SNN_ACTIVATION_NONE ? "" : activation);
    snncli_table_cell(table, "%ux%ux%u", layer->shape.channels, layer->shape.height,
                      layer->shape.width);
    snncli_table_cell(table, "%s", parameters > 0 ? snncli_format_count(parameters).text : "");
    uint64_t macs = snn_graph_layer_macs(graph, index);
    snncli_table_cell(table, "%s", macs > 0 ? snncli_format_count(macs).text : "");
}

static int print_layers(const struct session *s)
{
    static const struct snncli_column columns[] = {
        {"layer", SNNCLI_LEFT},  {"kind", SNNCLI_LEFT},        {"activation", SNNCLI_LEFT},
        {"output", SNNCLI_LEFT}, {"parameters", SNNCLI_RIGHT}, {"MACs", SNNCLI_RIGHT},
        {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    uint64_t macs = 0;
    snncli_table_init(&table, columns);
    for (uint32_t i = 0; i < snn_graph_layer_count(s->graph); i++) {
        add_layer_row(&table, s->graph, i);
        macs += snn_graph_layer_macs(s->graph, i);
    }
    snncli_table_rule(&table);
    snncli_table_cell(&table, "total");
    for (int blank = 0; blank < 3; blank++)
        snncli_table_cell(&table, "%s", "");
    snncli_table_cell(&table, "%s", snncli_format_count(snn_graph_parameter_count(s->graph)).text);
    snncli_table_cell(&table, "%s", snncli_format_count(macs).text);
    int status = snncli_table_print(&table, stdout, s->console.utf8, s->console.out_color);
    snncli_table_fini(&table);
    return status == SNN_OK ? SNNCLI_EXIT_OK : SNNCLI_EXIT_NO_MEMORY;
}

static void print_origin(const struct session *s)
{
    const struct snn_provenance *from = snn_graph_provenance(s->graph);
    printf("name         %s\n", from->name);
    if (from->tool != NULL) printf("written by   %s\n", from->tool);
    if (from->source_file != NULL) printf("source       %s\n", from->source_file);
    if (from->accuracy >= 0.0)
        printf("accuracy     %s on %s (%llu samples)\n", snncli_format_percent(from->accuracy).text,
               from->accuracy_data != NULL ? from->accuracy_data : "unnamed data",
               (unsigned long long)from->accuracy_samples);
    if (from->sample_images != NULL) printf("sample       %s\n", from->sample_images);
    printf("output       %s\n", snn_graph_layer(s->graph, snn_graph_output(s->graph))->name);
}

static void print_calibration(const struct session *s)
{
    uint32_t count = 0;
    uint64_t frames = 0;
    const char *data = NULL;
    (void)snn_graph_quantiles(s->graph, &count, &frames, &data);
    if (count == 0)
        printf("calibration  none\n");
    else
        printf("calibration  %u quantiles from %llu frames of %s\n", count,
               (unsigned long long)frames, data != NULL ? data : "unnamed data");
    for (uint32_t i = 0; i < snn_graph_recipe_count(s->graph); i++)
        printf("%s%s", i == 0 ? "recipes      " : ", ", snn_graph_recipe(s->graph, i)->name);
    if (snn_graph_recipe_count(s->graph) > 0) printf("\n");
}

static int print_info(const struct session *s)
{
    print_origin(s);
    print_calibration(s);
    printf("\n");
    return print_layers(s);
}

/* ---- The whole ---- */

static int work(struct session *s, int argc, char **argv)
{
    int status = snncli_args_parse(&tool, &s->console, argc, argv, take_argument, s);
    if (status != SNNCLI_GO_ON) return status;
    status = check_arguments(s);
    if (status == SNNCLI_EXIT_OK) status = load_model(s);
    if (status == SNNCLI_EXIT_OK && s->calibrate != NULL) status = calibrate(s);
    if (status == SNNCLI_EXIT_OK && s->output != NULL) status = write_model(s);
    if (status == SNNCLI_EXIT_OK && s->info) status = print_info(s);
    return status;
}

int main(int argc, char **argv)
{
    struct session session = {.context = NULL};
    snncli_console_init(&session.console, tool.name);
    snncli_interrupt_install();
    const struct snn_context_options options = {.diagnostic = snncli_diagnostic,
                                                .diagnostic_user = &session.console};
    int status = SNNCLI_EXIT_NO_MEMORY;
    if (snn_context_create(&session.context, &options) == SNN_OK)
        status = work(&session, argc, argv);
    else
        snncli_error(&session.console, NULL, "out of memory");
    snn_source_close(&session.source);
    snn_graph_destroy(&session.graph);
    snn_context_destroy(&session.context);
    return snncli_console_finish(&session.console, status);
}
