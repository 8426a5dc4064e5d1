/* The option table of snnconvert and how its values are taken.
 */
#include "tools/snnconvert/options.h"

#include <stdio.h>
#include <string.h>

#include "snn/convert.h"
#include "tools/cli/output.h"

enum { TIMESTEPS_MAX = 1000000, THREADS_MAX = 256, AXIS_MAX = 65536 };

enum option_id {
    OPT_OUTPUT = 1,
    OPT_ARCH,
    OPT_INPUT_SHAPE,
    OPT_PREPROCESS,
    OPT_NIR_RESET,
    OPT_MAX_POOL,
    OPT_INFO,
    OPT_JSON,
    OPT_SUPPORTED,
    OPT_NO_VERIFY,
    OPT_DUMP_AFTER,
    OPT_CALIBRATE,
    OPT_SAMPLES,
    OPT_RECIPE,
    OPT_QUANTILE,
    OPT_TIMESTEPS,
    OPT_ENCODING,
    OPT_SEED,
    OPT_NORM,
    OPT_CHANNELWISE,
    OPT_V0,
    OPT_ARITH,
    OPT_TARGET,
    OPT_THREADS
};

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
    {.id = OPT_PREPROCESS,
     .letter = 'p',
     .name = "preprocess",
     .metavar = "SPEC",
     .group = "Input",
     .help = "scale=S,mean=M,std=D the net was trained on",
     .text = "x' = (x S - M) / D on raw pixel values 0..255, channels separated by ':' as in "
             "mean=0.485:0.456:0.406; without it scale=1/255. Recorded in the model file, so that "
             "later runs feed the net what it was trained on. Scaling that a foreign file itself "
             "begins with is found and added; what a native model records is replaced, and "
             "statistics taken with it are dropped."},
    {.id = OPT_INPUT_SHAPE,
     .name = "input-shape",
     .metavar = "CxHxW",
     .group = "Input",
     .help = "of a file that leaves it open: 3x224x224"},
    {.id = OPT_NIR_RESET,
     .name = "nir-reset",
     .metavar = "R",
     .group = "Input",
     .choices = "subtract|zero",
     .help = "where a NIR file does not say (subtract)",
     .text = "NIR leaves the reset open where a neuron has no v_reset: Sinabs means subtraction, "
             "others mean zero."},
    {.id = OPT_OUTPUT,
     .letter = 'o',
     .name = "output",
     .metavar = "FILE",
     .group = "Output",
     .path = true,
     .help = "the file to write: native, or NIR if named *.nir",
     .text = "The file appears whole or not at all. It may be MODEL itself. As NIR a CNN is "
             "written lowered: its activations are integrate-and-fire neurons."},
    {.id = OPT_MAX_POOL,
     .name = "max-pool",
     .metavar = "HOW",
     .group = "Output",
     .choices = "avg|or",
     .help = "what stands in for max pooling in NIR"},
    {.id = OPT_INFO,
     .letter = 'i',
     .name = "info",
     .group = "Output",
     .help = "a table of the layers, what is known of it",
     .text = "For each layer its shape, parameters, multiply-accumulates, and what a spiking and a "
             "frame-based target make of it."},
    {.id = OPT_JSON,
     .name = "json",
     .metavar = "FILE",
     .group = "Output",
     .path = true,
     .help = "the same and the verification as JSON (- stdout)"},
    {.id = OPT_SUPPORTED,
     .name = "supported",
     .group = "Output",
     .help = "list what is read, operator by operator"},
    {.id = OPT_NO_VERIFY,
     .name = "no-verify",
     .group = "Output",
     .help = "do not prove that the result is the same net",
     .text = "Without this option the file as read and the graph made of it are run on random "
             "frames, and on calibration frames where given, and compared layer by layer; then "
             "spike rates are compared with activations (Pearson's correlation). A deviation is "
             "exit status 1, and nothing is written."},
    {.id = OPT_DUMP_AFTER,
     .name = "dump-after",
     .metavar = "PASS",
     .group = "Output",
     .repeatable = true,
     .help = "print the net after a pass, or after `all`"},
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
     .help = "what to compute and store: mse:T, ... (see man)",
     .text = "Thresholds. mse:T takes for each layer the one with which T time steps reproduce the "
             "activations with the least squared error. ltb is local threshold balancing, one a "
             "channel. spike is the largest input of a step, the layers before already spiking. "
             "auto is of these and some quantiles the choice with the fewest SynOps until it is "
             "within 0.3 points of the CNN; -v lists what was tried. Corrections, for snnsim "
             "--correct: bias, by channel, and potential, by neuron before the first step, make up "
             "for what the spikes of few steps get wrong; offset is the least bias of all classes "
             "with which no frame is without an output spike. All but mse and ltb are measured on "
             "--target with the options below, on 2,000 frames at most."},
    {.id = OPT_QUANTILE,
     .name = "quantile",
     .metavar = "P",
     .group = "Calibration",
     .repeatable = true,
     .help = "a further quantile to store, in per cent: 99.97",
     .text = "Stored in any case: 50, 75, 90 to 99, 99.1 to 99.9, 99.95, 99.99 and the maximum."},
    {.id = OPT_TIMESTEPS,
     .letter = 't',
     .name = "timesteps",
     .metavar = "N",
     .group = "Calibration",
     .help = "steps to measure with; for auto: at most (16)"},
    {.id = OPT_ENCODING,
     .letter = 'e',
     .name = "encoding",
     .metavar = "E",
     .group = "Calibration",
     .choices = "rate|bernoulli|current|ttfs",
     .help = "how frames become spikes to measure with (rate)"},
    {.id = OPT_SEED,
     .letter = 's',
     .name = "seed",
     .metavar = "N",
     .group = "Calibration",
     .help = "of the random generator (0)"},
    {.id = OPT_NORM,
     .name = "norm",
     .metavar = "N",
     .group = "Calibration",
     .help = "thresholds to measure corrections with (p99.9)"},
    {.id = OPT_CHANNELWISE,
     .name = "channelwise",
     .group = "Calibration",
     .help = "a threshold for each channel"},
    {.id = OPT_V0,
     .name = "v0",
     .metavar = "F",
     .group = "Calibration",
     .help = "initial potential in thresholds (0.5)"},
    {.id = OPT_ARITH,
     .name = "arith",
     .metavar = "A",
     .group = "Calibration",
     .choices = "float|chip",
     .help = "arithmetic to measure corrections in (float)"},
    {.id = OPT_TARGET,
     .name = "target",
     .metavar = "T",
     .group = "Calibration",
     .help = "what to measure on: sim, sim:async,... (sim)"},
    {.id = OPT_THREADS,
     .name = "threads",
     .metavar = "N",
     .group = "Calibration",
     .help = "worker threads (one a processor)"},
    {.name = NULL},
};

static const struct snncli_entry examples[] = {
    {"snnconvert lenet.onnx -c train-images-idx3-ubyte.gz -o lenet.json",
     "read, prove, calibrate, write"},
    {"snnconvert --info model.tflite", "what is in a model, and who can run it"},
    {"snnconvert raw.json -c train.npy -n 10000 -r mse:16 -r ltb -o out.json",
     "two recipes, from 10,000 frames"},
    {"snnconvert net.json -c train.npy -r bias -r offset -t 4 -o out.json",
     "corrections for four steps"},
    {"snnconvert params.pt --arch net.json -o model.json", "weights of PyTorch, and the net"},
    {NULL, NULL},
};

static const char *const usage[] = {"[option ...] MODEL -o FILE", "--info MODEL",
                                    "WEIGHTS --arch TOPOLOGY -o FILE", "--supported", NULL};

static const struct snncli_entry positionals[] = {
    {"MODEL", "ONNX, Keras, TFLite, NIR or native model; or weights"}, {NULL, NULL}};

static const int exit_statuses[] = {1, 64, 65, 66, 70, 71, 73, 74, 77, 130, 0};

const struct snncli_tool snnconvert_tool = {
    .name = "snnconvert",
    .summary = "read, check, calibrate and write models",
    .date = "2026-11-21",
    .usage = usage,
    .examples = examples,
    .options = option_table,
    .positionals = positionals,
    .description =
        "snnconvert reads a trained CNN, checks every layer, and writes it as a model file that "
        "snnsim runs as a spiking network. Formats are told apart by the files' bytes, whatever "
        "their names. All problems of a file are reported in one run, and every conversion "
        "proves itself: what the file computes and what the result computes are compared.\n\n"
        "With --calibrate the model is run on training frames, and what its layers do there is "
        "stored in it. The same frames give the same file, byte for byte, on any number of "
        "threads.",
    .exit_statuses = exit_statuses,
    .see_also = "snnsim(1)",
    .positional_path = true,
};

static int take_recipe(struct snnconvert_options *o, const char *value)
{
    if (o->recipe_count == SNNCONVERT_RECIPES_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--recipe", "more than %d recipes",
                           SNNCONVERT_RECIPES_MAX);
    o->recipes[o->recipe_count++] = value;
    return SNNCLI_EXIT_OK;
}

static int take_quantile(struct snnconvert_options *o, const struct snncli_option *option,
                         const char *value)
{
    double percent = 0.0;
    if (o->quantile_count == SNNCONVERT_QUANTILES_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--quantile", "more than %d quantiles",
                           SNNCONVERT_QUANTILES_MAX);
    int status = snncli_parse_double(o->console, option, value, 1e-6, 100.0, &percent);
    if (status == SNNCLI_EXIT_OK) o->quantiles[o->quantile_count++] = percent / 100.0;
    return status;
}

static int take_dump(struct snnconvert_options *o, const char *value)
{
    bool known = strcmp(value, "all") == 0;
    for (uint32_t i = 0; snn_pass_name(i) != NULL; i++)
        known = known || strcmp(value, snn_pass_name(i)) == 0;
    if (known && o->dump_count < SNNCONVERT_DUMPS_MAX) {
        o->dumps[o->dump_count++] = value;
        return SNNCLI_EXIT_OK;
    }
    char text[512] = "the passes are";
    for (uint32_t i = 0; snn_pass_name(i) != NULL; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, " %s,", snn_pass_name(i));
    }
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--dump-after", "no pass is named '%s'",
                      value);
    snncli_hint(o->console, "%s or all", text);
    return SNNCLI_EXIT_USAGE;
}

/* One extent of "3x224x224", ended by `end`. */
static bool take_axis(const char **text, char end, uint32_t *out)
{
    uint32_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9' && value <= AXIS_MAX; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    if (at == *text || *at != end || value == 0 || value > AXIS_MAX) return false;
    *out = value;
    *text = at + 1;
    return true;
}

static int take_shape(struct snnconvert_options *o, const char *value)
{
    const char *at = value;
    struct snn_shape shape;
    if (take_axis(&at, 'x', &shape.channels) && take_axis(&at, 'x', &shape.height) &&
        take_axis(&at, '\0', &shape.width)) {
        o->input_shape = shape;
        return SNNCLI_EXIT_OK;
    }
    (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--input-shape", "'%s' is not a shape", value);
    snncli_hint(o->console, "write CHANNELSxHEIGHTxWIDTH: 3x224x224");
    return SNNCLI_EXIT_USAGE;
}

static int take_count(struct snnconvert_options *o, const struct snncli_option *option,
                      const char *value)
{
    int64_t count = 0;
    int64_t max = option->id == OPT_THREADS ? THREADS_MAX : INT64_MAX;
    int status = snncli_parse_int(o->console, option, value, 1, max, &count);
    if (status != SNNCLI_EXIT_OK) return status;
    if (option->id == OPT_THREADS)
        o->threads = (unsigned)count;
    else
        o->samples = (uint64_t)count;
    return SNNCLI_EXIT_OK;
}

static int take_reset(struct snnconvert_options *o, const struct snncli_option *option,
                      const char *value)
{
    size_t index = 0;
    int status = snncli_parse_choice(o->console, option, value, &index);
    o->nir_reset_given = true;
    if (status == SNNCLI_EXIT_OK) o->nir_reset = index == 0 ? SNN_RESET_SUBTRACT : SNN_RESET_ZERO;
    return status;
}

static int take_max_pool(struct snnconvert_options *o, const struct snncli_option *option,
                         const char *value)
{
    size_t index = 0;
    int status = snncli_parse_choice(o->console, option, value, &index);
    if (status == SNNCLI_EXIT_OK) o->max_pool = index == 0 ? SNN_MAX_POOL_AVG : SNN_MAX_POOL_OR;
    return status;
}

/* Options of what is measured on a target. */
static int take_measured(struct snnconvert_options *o, const struct snncli_option *option,
                         const char *value)
{
    int64_t number = 0;
    size_t choice = 0;
    double real = 0.0;
    int status = SNNCLI_EXIT_OK;
    o->measured = true;
    switch ((enum option_id)option->id) {
    case OPT_TIMESTEPS:
        status = snncli_parse_int(o->console, option, value, 1, TIMESTEPS_MAX, &number);
        o->timesteps = (uint32_t)number;
        return status;
    case OPT_SEED:
        status = snncli_parse_int(o->console, option, value, 0, INT64_MAX, &number);
        o->seed = (uint64_t)number;
        return status;
    case OPT_ENCODING:
        status = snncli_parse_choice(o->console, option, value, &choice);
        o->encoding = (enum snn_encoding)choice;
        return status;
    case OPT_NORM:
        if (snn_norm_parse(&o->lower, o->context, value) == SNN_OK) return SNNCLI_EXIT_OK;
        return snncli_fail_context(o->console, o->context, "--norm");
    case OPT_CHANNELWISE:
        o->lower.channelwise = true;
        return SNNCLI_EXIT_OK;
    case OPT_V0:
        status = snncli_parse_double(o->console, option, value, -1e6, 1e6, &real);
        o->lower.v_init = (float)real;
        return status;
    case OPT_ARITH:
        status = snncli_parse_choice(o->console, option, value, &choice);
        o->lower.arith = (enum snn_arith)choice;
        return status;
    case OPT_TARGET:
        o->target = value;
        return SNNCLI_EXIT_OK;
    default:
        return snncli_fail(o->console, SNNCLI_EXIT_INTERNAL, NULL, "option --%s has no meaning",
                           option->name);
    }
}

static int take_argument(const struct snncli_option *option, const char *value, void *user)
{
    struct snnconvert_options *o = user;
    if (option == NULL) {
        if (o->model != NULL) return snncli_args_excess(o->console, value);
        o->model = value;
        return SNNCLI_EXIT_OK;
    }
    switch ((enum option_id)option->id) {
    case OPT_OUTPUT:
        o->output = value;
        break;
    case OPT_ARCH:
        o->arch = value;
        break;
    case OPT_CALIBRATE:
        o->calibrate = value;
        break;
    case OPT_JSON:
        o->json = value;
        break;
    case OPT_INFO:
        o->info = true;
        break;
    case OPT_SUPPORTED:
        o->supported = true;
        break;
    case OPT_NO_VERIFY:
        o->verify_off = true;
        break;
    case OPT_RECIPE:
        return take_recipe(o, value);
    case OPT_QUANTILE:
        return take_quantile(o, option, value);
    case OPT_DUMP_AFTER:
        return take_dump(o, value);
    case OPT_INPUT_SHAPE:
        return take_shape(o, value);
    case OPT_NIR_RESET:
        return take_reset(o, option, value);
    case OPT_MAX_POOL:
        return take_max_pool(o, option, value);
    case OPT_PREPROCESS:
        return snncli_parse_preprocess(o->console, option, value, &o->preprocess);
    case OPT_SAMPLES:
    case OPT_THREADS:
        return take_count(o, option, value);
    default:
        return take_measured(o, option, value);
    }
    return SNNCLI_EXIT_OK;
}

static int refuse_pair(const struct snnconvert_options *o, const char *name, const char *other)
{
    return snncli_fail(o->console, SNNCLI_EXIT_USAGE, name, "does not go with %s", other);
}

/* Options that would take each other's place, or of which one would do nothing. */
static int check_pairs(const struct snnconvert_options *o)
{
    bool json_out = o->json != NULL && strcmp(o->json, "-") == 0;
    const struct {
        bool given;
        const char *name, *other;
    } pairs[] = {
        {o->info && json_out, "--info", "--json -"},
        {o->dump_count > 0 && json_out, "--dump-after", "--json -"},
        {o->json != NULL && o->output != NULL && strcmp(o->json, o->output) == 0, "--json",
         "--output of the same name"},
        {o->arch != NULL && o->dump_count > 0, "--dump-after", "--arch"},
        {o->arch != NULL && o->input_shape.channels > 0, "--input-shape", "--arch"},
        {o->arch != NULL && o->nir_reset_given, "--nir-reset", "--arch"},
        {o->calibrate == NULL && o->samples > 0, "--samples", NULL},
        {o->calibrate == NULL && o->recipe_count > 0, "--recipe", NULL},
        {o->calibrate == NULL && o->quantile_count > 0, "--quantile", NULL},
        {o->calibrate == NULL && o->measured,
         "--timesteps, --encoding, --seed, --norm, --channelwise, --v0, --arith or --target", NULL},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (!pairs[i].given) continue;
        if (pairs[i].other != NULL) return refuse_pair(o, pairs[i].name, pairs[i].other);
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, pairs[i].name,
                           "only goes with --calibrate");
    }
    return SNNCLI_GO_ON;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

/* A native file under a foreign name would fool the next program, or replace the model it came
 * from. */
static int check_output(const struct snnconvert_options *o)
{
    static const char *const foreign[] = {".onnx", ".tflite", ".h5",  ".keras",       ".hdf5",
                                          ".pt",   ".pth",    ".npz", ".safetensors", ".gz"};
    if (o->output == NULL) return SNNCLI_GO_ON;
    bool odd = strcmp(o->output, "-") == 0;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        odd = odd || ends_with(o->output, foreign[i]);
    if (odd) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--output",
                          "'%s' is no name of a file that can be written", o->output);
        snncli_hint(o->console, "native models are named *.json, NIR *.nir");
        return SNNCLI_EXIT_USAGE;
    }
    int status = snncli_check_output(o->console, o->output);
    return status == SNNCLI_EXIT_OK ? SNNCLI_GO_ON : status;
}

/* What each argument alone cannot know. */
static int check(const struct snnconvert_options *o)
{
    if (o->supported) return SNNCLI_GO_ON;
    if (o->model == NULL) return snncli_args_missing(o->console, &snnconvert_tool, "MODEL");
    if (o->output == NULL && !o->info && o->json == NULL && o->dump_count == 0) {
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, NULL, "nothing to do");
        snncli_hint(o->console, "give -o FILE to write a model, or --info to look at one");
        return SNNCLI_EXIT_USAGE;
    }
    int status = check_pairs(o);
    return status == SNNCLI_GO_ON ? check_output(o) : status;
}

int snnconvert_options_read(struct snnconvert_options *options, struct snncli_console *console,
                            struct snn_context *context, int argc, char **argv)
{
    *options = (struct snnconvert_options){
        .console = console, .context = context, .target = "sim", .timesteps = 16};
    snn_lower_options_init(&options->lower);
    int status = snncli_args_parse(&snnconvert_tool, console, argc, argv, take_argument, options);
    options->lower.max_pool = options->max_pool;
    return status == SNNCLI_GO_ON ? check(options) : status;
}
