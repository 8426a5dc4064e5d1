/* The option table of snnsim and how its values are taken.
 */
#include "tools/snnsim/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
    OPT_TIMESTEPS = 1,
    OPT_DATA,
    OPT_LABELS,
    OPT_INPUT_SPIKES,
    OPT_SAMPLES,
    OPT_OFFSET,
    OPT_ENCODING,
    OPT_SEED,
    OPT_DT,
    OPT_PREPROCESS,
    OPT_NIR_RESET,
    OPT_NORM,
    OPT_CHANNELWISE,
    OPT_CALIBRATE,
    OPT_V0,
    OPT_V_MIN,
    OPT_RESET,
    OPT_N_MAX,
    OPT_OUTPUT_GAIN,
    OPT_READOUT,
    OPT_MAX_POOL,
    OPT_SEMANTICS,
    OPT_ORDER,
    OPT_COMPAT,
    OPT_RULE,
    OPT_SYNOPS,
    OPT_ENERGY,
    OPT_TARGET,
    OPT_THREADS,
    OPT_KERNEL,
    OPT_JSON,
    OPT_SAVE_COUNTS,
    OPT_SAVE_LAYER_COUNTS,
    OPT_MIN_ACCURACY,
    OPT_MAX_SILENT
};

static const struct snncli_option table[] = {
    {.id = OPT_DATA,
     .letter = 'd',
     .name = "data",
     .metavar = "FILE",
     .group = "Input",
     .path = true,
     .help = "IDX, IDX.gz, NPY; recordings (the model's sample)",
     .text = "Frames to classify, or recordings of an event camera: an N-MNIST file (.bin, .bs2), "
             "a folder of them with a labels.txt (lines of NAME LABEL), or one with a folder a "
             "class. Events are binned into steps by --dt, and --timesteps is by default as long "
             "as the longest recording. Labels of frames are looked for beside them: images-idx3 "
             "becomes labels-idx1. Without this option the sample that the model file names is "
             "taken."},
    {.id = OPT_LABELS,
     .name = "labels",
     .metavar = "FILE",
     .group = "Input",
     .path = true,
     .help = "their labels (found beside the data)"},
    {.id = OPT_INPUT_SPIKES,
     .name = "input-spikes",
     .metavar = "FILE",
     .group = "Input",
     .path = true,
     .help = "NPY with exact input spikes, not frames",
     .text = "uint8 spike counts of shape N,T,C,H,W or T,C,H,W; no encoder is involved."},
    {.id = OPT_SAMPLES,
     .letter = 'n',
     .name = "samples",
     .metavar = "N",
     .group = "Input",
     .help = "how many samples (all)"},
    {.id = OPT_OFFSET,
     .name = "offset",
     .metavar = "K",
     .group = "Input",
     .help = "the first sample (0)"},
    {.id = OPT_PREPROCESS,
     .name = "preprocess",
     .metavar = "SPEC",
     .group = "Input",
     .help = "scale=S,mean=M,std=D the net was trained on",
     .text = "x' = (x S - M) / D on raw pixel values 0..255, channels separated by ':' as in "
             "mean=0.485:0.456:0.406. Without it what a native model records, else scale=1/255. It "
             "replaces what a native model records, and drops statistics taken with that; with any "
             "other file it stands before scaling that is found in the net."},
    {.id = OPT_NIR_RESET,
     .name = "nir-reset",
     .metavar = "R",
     .group = "Input",
     .choices = "subtract|zero",
     .help = "where a NIR file does not say (subtract)",
     .text = "NIR leaves the reset open where a neuron has no v_reset: Sinabs means subtraction, "
             "others mean zero."},
    {.id = OPT_TIMESTEPS,
     .letter = 't',
     .name = "timesteps",
     .metavar = "N",
     .group = "Spikes",
     .help = "time steps (100)"},
    {.id = OPT_ENCODING,
     .letter = 'e',
     .name = "encoding",
     .metavar = "E",
     .group = "Spikes",
     .choices = "rate|bernoulli|current|ttfs",
     .help = "rate, bernoulli, current or ttfs (rate)",
     .text = "rate: error diffusion, deterministic. bernoulli: an independent draw a pixel and "
             "step. current: the values drive the first layer directly. ttfs: one spike a pixel, "
             "the brighter the earlier."},
    {.id = OPT_SEED,
     .letter = 's',
     .name = "seed",
     .metavar = "N",
     .group = "Spikes",
     .help = "of the random generator (0)"},
    {.id = OPT_DT,
     .name = "dt",
     .metavar = "MS",
     .group = "Spikes",
     .help = "duration of a step in milliseconds (1)"},
    {.id = OPT_NORM,
     .name = "norm",
     .metavar = "N",
     .group = "Neurons",
     .help = "pXX[.X], max, mse:T, ltb or none (p99.9)",
     .text = "Where thresholds come from: a quantile of the activations seen in calibration, "
             "their maximum, the least squared error over T steps, local threshold balancing, or "
             "1 for all. A model without statistics runs with none."},
    {.id = OPT_CHANNELWISE,
     .name = "channelwise",
     .group = "Neurons",
     .help = "a threshold for each channel"},
    {.id = OPT_CALIBRATE,
     .name = "calibrate",
     .metavar = "FRAMES",
     .group = "Neurons",
     .path = true,
     .help = "training frames to take statistics from",
     .text = "Use training images, never those that accuracy is measured on. snnconvert "
             "--calibrate keeps the statistics in the model file."},
    {.id = OPT_V0,
     .name = "v0",
     .metavar = "F",
     .group = "Neurons",
     .help = "initial potential in thresholds (0.5)"},
    {.id = OPT_V_MIN,
     .name = "v-min",
     .metavar = "F",
     .group = "Neurons",
     .help = "lower clip in thresholds, or none (-1)"},
    {.id = OPT_RESET,
     .name = "reset",
     .metavar = "R",
     .group = "Neurons",
     .choices = "subtract|zero",
     .help = "subtract or zero (subtract)"},
    {.id = OPT_N_MAX,
     .name = "n-max",
     .metavar = "N",
     .group = "Neurons",
     .help = "most spikes a neuron and step (unlimited)"},
    {.id = OPT_OUTPUT_GAIN,
     .name = "output-gain",
     .metavar = "K",
     .group = "Neurons",
     .help = "factor on the output threshold (1)"},
    {.id = OPT_READOUT,
     .name = "readout",
     .metavar = "R",
     .group = "Neurons",
     .choices = "spikes|membrane",
     .help = "output spikes, or its membrane (spikes)"},
    {.id = OPT_MAX_POOL,
     .name = "max-pool",
     .metavar = "P",
     .group = "Neurons",
     .choices = "avg|or",
     .help = "avg or or: stands in for max pooling",
     .text = "avg: average pooling. or: a neuron that fires once a step if any of its window did. "
             "Without it a model with max pooling is refused."},
    {.id = OPT_SEMANTICS,
     .name = "semantics",
     .metavar = "S",
     .group = "Neurons",
     .choices = "sync|async|both",
     .help = "sync, async or both (sync)",
     .text = "How the target sim handles time. sync: all spikes of a step are summed before a "
             "neuron fires. async: spike by spike, as an event-driven chip does; a neuron fires "
             "once an event at most, and --n-max is not read. both: one run of each, and a table "
             "with the gap between them."},
    {.id = OPT_ORDER,
     .name = "order",
     .metavar = "O",
     .group = "Neurons",
     .choices = "raster|interleave|random|recorded",
     .help = "of events, async: interleave, raster, ... (see man)",
     .text = "The order of the input events within a step, for --semantics async. interleave (the "
             "default): spread evenly over the step. raster: by row, column and channel. random: "
             "by --seed. recorded: as they came, for recordings of an event camera. First-spike "
             "results depend on it."},
    {.id = OPT_COMPAT,
     .name = "compat",
     .metavar = "C",
     .group = "Neurons",
     .choices = "sinabs",
     .help = "sinabs: its neurons, v0 0, thresholds 1"},
    {.id = OPT_RULE,
     .letter = 'r',
     .name = "rule",
     .metavar = "R",
     .group = "Results",
     .repeatable = true,
     .help = "decide early: first, count:N, ... (see man)",
     .text = "first: the first output spike. count:N: N spikes of a class. margin:M: a lead of M "
             "spikes. membrane:M: a lead of M thresholds in what the output neurons have "
             "integrated. softmax:P: probability P of the summed logits. Behind @ a rule takes an "
             "output gain of its own: first@4. The first rule also gives the cost until the "
             "decision."},
    {.id = OPT_SYNOPS,
     .name = "synops",
     .metavar = "A",
     .group = "Results",
     .choices = "exact|sinabs-0.3.3",
     .help = "accounting: exact or sinabs-0.3.3 (exact)"},
    {.id = OPT_ENERGY,
     .name = "energy",
     .metavar = "P",
     .group = "Results",
     .help = "energy profile, or FILE.json:NAME (sinabs)"},
    {.id = OPT_JSON,
     .letter = 'j',
     .name = "json",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "all results as JSON; - for stdout"},
    {.id = OPT_SAVE_COUNTS,
     .name = "save-counts",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "output spikes as NPY, int32 N,T,classes"},
    {.id = OPT_SAVE_LAYER_COUNTS,
     .name = "save-layer-counts",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "spikes of each layer as NPZ, int64 N,T"},
    {.id = OPT_MIN_ACCURACY,
     .name = "min-accuracy",
     .metavar = "PCT",
     .group = "Results",
     .help = "status 1 below this accuracy in per cent"},
    {.id = OPT_MAX_SILENT,
     .name = "max-silent",
     .metavar = "N",
     .group = "Results",
     .help = "status 1 with more silent samples"},
    {.id = OPT_TARGET,
     .name = "target",
     .metavar = "T",
     .group = "Machine",
     .repeatable = true,
     .help = "sim, frame:f32, frame:int8 (sim); repeatable",
     .text =
         "What runs the net. sim: the spiking network, simulated. frame:f32 and frame:int8: the "
         "CNN itself, frame by frame, in 32-bit floats or in the 8-bit integers of TensorFlow "
         "Lite; a model that was not quantised must be calibrated for them. With several "
         "targets one table compares them. sim:async,order=O,seed=N names semantics and order of "
         "its own, whatever --semantics says."},
    {.id = OPT_THREADS,
     .name = "threads",
     .metavar = "N",
     .group = "Machine",
     .help = "worker threads (one a processor)",
     .text = "The results are the same for any number."},
    {.id = OPT_KERNEL,
     .name = "kernel",
     .metavar = "L",
     .group = "Machine",
     .choices = "scalar|avx2",
     .rare = true,
     .help = "inner loops (the best there are)",
     .text = "The results are the same for any level."},
    {.name = NULL},
};

static const char *const usage[] = {"[option ...] MODEL", NULL};

static const struct snncli_entry examples[] = {
    {"snnsim --timesteps 100 lenet.json", "classify the model's sample digits as spikes"},
    {"snnsim lenet.json --data t10k-images-idx3-ubyte.gz -e bernoulli", "MNIST, random spikes"},
    {"snnsim lenet.json --rule first@4 --rule softmax:0.99", "how early can it decide?"},
    {NULL, NULL},
};

static const struct snncli_entry positionals[] = {
    {"MODEL", "ONNX, Keras, TFLite, NIR or native model"},
    {NULL, NULL},
};

static const int exit_statuses[] = {1, 64, 65, 66, 69, 70, 71, 73, 74, 77, 78, 130, 0};

static const struct snncli_tool tool = {
    .name = "snnsim",
    .summary = "run a trained CNN as a spiking network",
    .date = "2026-11-21",
    .usage = usage,
    .examples = examples,
    .options = table,
    .positionals = positionals,
    .description =
        "snnsim turns the CNN in MODEL into integrate-and-fire layers, feeds it frames encoded as "
        "spikes, and prints how accurate it is after every time step, when the first output spike "
        "comes, how many synaptic operations that takes and what energy they stand for.\n\n"
        "Results go to standard output, messages and progress to standard error. The same seed "
        "gives the same results on any number of threads.",
    .exit_statuses = exit_statuses,
    .see_also = "snnconvert(1)",
    .positional_path = true,
};

/* A row of the table that nobody takes. */
static int unknown_option(struct snnsim_options *o, const struct snncli_option *option)
{
    return snncli_fail(o->console, SNNCLI_EXIT_INTERNAL, NULL, "option --%s has no meaning",
                       option->name);
}

static int take_count(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value, int64_t low, int64_t high, int64_t *out)
{
    return snncli_parse_int(o->console, option, value, low, high, out);
}

static int take_float(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value, double low, double high, float *out)
{
    double number = 0.0;
    int status = snncli_parse_double(o->console, option, value, low, high, &number);
    if (status == SNNCLI_EXIT_OK) *out = (float)number;
    return status;
}

static int take_reset(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value, enum snn_reset *out)
{
    size_t choice = 0;
    int status = snncli_parse_choice(o->console, option, value, &choice);
    if (status == SNNCLI_EXIT_OK) *out = choice == 0 ? SNN_RESET_SUBTRACT : SNN_RESET_ZERO;
    return status;
}

static int take_rule(struct snnsim_options *o, const char *value)
{
    if (o->rule_count == SNNSIM_RULES_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--rule", "more than %d rules",
                           SNNSIM_RULES_MAX);
    if (snn_rule_parse(&o->rules[o->rule_count], o->context, value) != SNN_OK)
        return snncli_fail_context(o->console, o->context, "--rule");
    o->rule_count++;
    return SNNCLI_EXIT_OK;
}

static int take_target(struct snnsim_options *o, const char *value)
{
    if (o->target_count == SNNSIM_TARGETS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "more than %d targets",
                           SNNSIM_TARGETS_MAX);
    for (uint32_t i = 0; i < o->target_count; i++) {
        if (strcmp(o->targets[i], value) == 0)
            return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "%s is given twice",
                               value);
    }
    o->targets[o->target_count++] = value;
    return SNNCLI_EXIT_OK;
}

static int take_v_min(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value)
{
    o->v_min = value;
    if (strcmp(value, "none") == 0) {
        o->lower.v_min = -INFINITY;
        return SNNCLI_EXIT_OK;
    }
    return take_float(o, option, value, -1e6, 0.0, &o->lower.v_min);
}

static int take_input(struct snnsim_options *o, const struct snncli_option *option,
                      const char *value)
{
    int64_t number = 0;
    int status = SNNCLI_EXIT_OK;
    switch ((enum option_id)option->id) {
    case OPT_DATA:
        o->data = value;
        break;
    case OPT_LABELS:
        o->labels = value;
        break;
    case OPT_INPUT_SPIKES:
        o->input_spikes = value;
        break;
    case OPT_SAMPLES:
        status = take_count(o, option, value, 1, INT64_MAX, &number);
        o->samples = (uint64_t)number;
        break;
    case OPT_OFFSET:
        status = take_count(o, option, value, 0, INT64_MAX, &number);
        o->offset = (uint64_t)number;
        break;
    case OPT_SEED:
        status = take_count(o, option, value, 0, INT64_MAX, &number);
        o->seed = (uint64_t)number;
        break;
    case OPT_TIMESTEPS:
        status = take_count(o, option, value, 1, SNNSIM_TIMESTEPS_MAX, &number);
        o->timesteps = (uint32_t)number;
        o->timesteps_given = true;
        break;
    case OPT_DT:
        status = snncli_parse_double(o->console, option, value, 1e-6, 1e9, &o->dt_us);
        o->dt_us *= 1000.0;
        break;
    case OPT_ENCODING:
        o->encoding_given = true;
        if (snn_encoding_parse(&o->encoding, o->context, value) != SNN_OK)
            status = snncli_fail_context(o->console, o->context, "--encoding");
        break;
    case OPT_NIR_RESET:
        status = take_reset(o, option, value, &o->nir_reset);
        break;
    case OPT_PREPROCESS:
        status = snncli_parse_preprocess(o->console, option, value, &o->preprocess);
        break;
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take_neuron(struct snnsim_options *o, const struct snncli_option *option,
                       const char *value)
{
    int64_t number = 0;
    size_t choice = 0;
    int status = option->choices != NULL ? snncli_parse_choice(o->console, option, value, &choice)
                                         : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    switch ((enum option_id)option->id) {
    case OPT_NORM:
        o->norm = value;
        return snnsim_options_set_norm(o, value);
    case OPT_CHANNELWISE:
        o->lower.channelwise = true;
        break;
    case OPT_CALIBRATE:
        o->calibrate = value;
        break;
    case OPT_V0:
        o->v_init_given = true;
        return take_float(o, option, value, -1e6, 1e6, &o->lower.v_init);
    case OPT_V_MIN:
        return take_v_min(o, option, value);
    case OPT_RESET:
        o->reset_given = true;
        return take_reset(o, option, value, &o->lower.reset);
    case OPT_N_MAX:
        status = take_count(o, option, value, 1, SNN_SPIKES_PER_STEP_MAX, &number);
        o->lower.spikes_max = (uint32_t)number;
        break;
    case OPT_OUTPUT_GAIN:
        return take_float(o, option, value, 1e-6, 1e6, &o->lower.output_gain);
    case OPT_READOUT:
        o->lower.readout_membrane = choice == 1;
        break;
    case OPT_MAX_POOL:
        o->lower.max_pool = choice == 0 ? SNN_MAX_POOL_AVG : SNN_MAX_POOL_OR;
        break;
    case OPT_SEMANTICS:
        o->semantics = (enum snnsim_semantics)choice;
        o->semantics_given = true;
        break;
    case OPT_ORDER:
        o->order = value;
        break;
    case OPT_COMPAT:
        o->compat = value;
        break;
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take_result(struct snnsim_options *o, const struct snncli_option *option,
                       const char *value)
{
    int64_t number = 0;
    size_t choice = 0;
    int status = option->choices != NULL ? snncli_parse_choice(o->console, option, value, &choice)
                                         : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    switch ((enum option_id)option->id) {
    case OPT_RULE:
        return take_rule(o, value);
    case OPT_SYNOPS:
        o->accounting = choice == 0 ? SNN_SYNOPS_EXACT : SNN_SYNOPS_SINABS_0_3_3;
        break;
    case OPT_ENERGY:
        o->energy = value;
        break;
    case OPT_JSON:
        o->json = value;
        break;
    case OPT_SAVE_COUNTS:
        o->save_counts = value;
        break;
    case OPT_SAVE_LAYER_COUNTS:
        o->save_layer_counts = value;
        break;
    case OPT_MIN_ACCURACY:
        status = snncli_parse_double(o->console, option, value, 0.0, 100.0, &o->min_accuracy);
        if (status == SNNCLI_EXIT_OK && o->min_accuracy > 0.0 && o->min_accuracy <= 1.0)
            snncli_warning(o->console, "--min-accuracy", "%s is taken as per cent", value);
        o->min_accuracy /= 100.0;
        break;
    case OPT_MAX_SILENT:
        return take_count(o, option, value, 0, INT64_MAX, &o->max_silent);
    case OPT_TARGET:
        return take_target(o, value);
    case OPT_KERNEL:
        o->kernel = value;
        break;
    case OPT_THREADS:
        status = take_count(o, option, value, 1, 1024, &number);
        o->threads = (unsigned)number;
        break;
    default:
        status = unknown_option(o, option);
        break;
    }
    return status;
}

static int take(const struct snncli_option *option, const char *value, void *user)
{
    struct snnsim_options *o = user;
    if (option == NULL) {
        if (o->model != NULL) return snncli_args_excess(o->console, value);
        o->model = value;
        return SNNCLI_EXIT_OK;
    }
    if (option->id <= OPT_NIR_RESET) return take_input(o, option, value);
    if (option->id <= OPT_COMPAT) return take_neuron(o, option, value);
    return take_result(o, option, value);
}

int snnsim_options_set_norm(struct snnsim_options *o, const char *norm)
{
    o->lower.recipe = NULL;
    o->lower.quantile = 1.0;
    if (strcmp(norm, "none") == 0) {
        o->lower.norm = SNN_NORM_NONE;
    } else if (strcmp(norm, "max") == 0) {
        o->lower.norm = SNN_NORM_QUANTILE;
    } else if (strcmp(norm, "ltb") == 0 || strncmp(norm, "mse:", 4) == 0) {
        o->lower.norm = SNN_NORM_RECIPE;
        o->lower.recipe = norm;
    } else {
        char *end = NULL;
        double percent = norm[0] == 'p' ? strtod(norm + 1, &end) : -1.0;
        if (end == NULL || end == norm + 1 || *end != '\0' ||
            !(percent > 0.0 && percent <= 100.0)) {
            (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--norm", "'%s' is not a norm", norm);
            snncli_hint(o->console, "write p99.9, max, mse:16, ltb or none");
            return SNNCLI_EXIT_USAGE;
        }
        o->lower.norm = SNN_NORM_QUANTILE;
        o->lower.quantile = percent / 100.0;
    }
    return SNNCLI_EXIT_OK;
}

/* Sinabs' IAF after from_model: fixes what must be so, refuses what contradicts it. */
static int apply_compat(struct snnsim_options *o)
{
    const struct snn_lower_options *l = &o->lower;
    if ((o->norm != NULL && l->norm != SNN_NORM_NONE) || l->spikes_max != 0 ||
        l->reset != SNN_RESET_SUBTRACT || (o->v_min != NULL && fabsf(l->v_min + 1.0f) > 0.0f) ||
        l->channelwise || (o->v_init_given && fabsf(l->v_init) > 0.0f))
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--compat",
                           "sinabs means --norm none --v0 0 --v-min -1 --reset subtract and no "
                           "--n-max or --channelwise; another value was given");
    o->norm = "none";
    o->lower.v_init = 0.0f;
    return snnsim_options_set_norm(o, "none");
}

/* Readouts that the rules ask for beyond the net's own, each once. */
static void collect_gains(struct snnsim_options *o)
{
    for (uint32_t i = 0; i < o->rule_count; i++) {
        float gain = o->rules[i].gain;
        bool known = gain <= 0.0f;
        if (!o->lower.readout_membrane && fabsf(gain - o->lower.output_gain) <= 0.0f) known = true;
        for (uint32_t k = 0; k < o->lower.extra_gain_count; k++)
            known = known || fabsf(o->extra_gains[k] - gain) <= 0.0f;
        if (!known) o->extra_gains[o->lower.extra_gain_count++] = gain;
    }
    o->lower.extra_gains = o->extra_gains;
}

void snnsim_options_set_membrane(struct snnsim_options *o)
{
    o->lower.readout_membrane = true;
    collect_gains(o);
}

/* Puts the asynchronous simulator in the place of "sim", or behind it. */
static int apply_semantics(struct snnsim_options *o)
{
    char *uri = o->async_uri;
    uint32_t at = 0;
    if (o->order != NULL && o->semantics == SNNSIM_SYNC)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--order",
                           "synchronous steps have no order of events; add --semantics async");
    if (!o->semantics_given) return SNNCLI_EXIT_OK;
    while (at < o->target_count && strcmp(o->targets[at], "sim") != 0)
        at++;
    if (at == o->target_count)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--semantics",
                           "is for the target sim, which is not among --target");
    if (o->semantics == SNNSIM_SYNC) return SNNCLI_EXIT_OK;
    const char *order = o->order != NULL ? o->order : "interleave";
    int used = snprintf(uri, sizeof(o->async_uri), "sim:async,order=%s", order);
    if (strcmp(order, "random") == 0)
        (void)snprintf(uri + used, sizeof(o->async_uri) - (size_t)used, ",seed=%llu",
                       (unsigned long long)o->seed);
    if (o->semantics == SNNSIM_ASYNC) {
        o->targets[at] = uri;
        return SNNCLI_EXIT_OK;
    }
    if (o->target_count == SNNSIM_TARGETS_MAX)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--target", "more than %d targets",
                           SNNSIM_TARGETS_MAX);
    memmove(&o->targets[at + 2], &o->targets[at + 1],
            (o->target_count - at - 1) * sizeof(o->targets[0]));
    o->targets[at + 1] = uri;
    o->target_count++;
    return SNNCLI_EXIT_OK;
}

static int check_together(struct snnsim_options *o)
{
    if (o->input_spikes != NULL && o->data != NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--input-spikes",
                           "takes the place of --data; give one of them");
    if (o->input_spikes != NULL && o->encoding_given)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--encoding",
                           "exact spikes (--input-spikes) are not encoded");
    if (o->labels != NULL && o->data == NULL && o->input_spikes == NULL)
        return snncli_fail(o->console, SNNCLI_EXIT_USAGE, "--labels", "needs --data");
    return SNNCLI_EXIT_OK;
}

int snnsim_options_read(struct snnsim_options *options, struct snncli_console *console, int argc,
                        char **argv)
{
    options->console = console;
    options->timesteps = 100;
    options->dt_us = 1000.0;
    options->energy = "sinabs";
    options->min_accuracy = -1.0;
    options->max_silent = -1;
    snn_lower_options_init(&options->lower);
    int status = snncli_args_parse(&tool, console, argc, argv, take, options);
    if (status != SNNCLI_GO_ON) return status;
    if (options->model == NULL) return snncli_args_missing(console, &tool, "MODEL");
    if (options->target_count == 0) options->targets[options->target_count++] = "sim";
    status = check_together(options);
    if (status == SNNCLI_EXIT_OK) status = apply_semantics(options);
    if (status == SNNCLI_EXIT_OK && options->compat != NULL) status = apply_compat(options);
    if (status != SNNCLI_EXIT_OK) return status;
    collect_gains(options);
    return SNNCLI_GO_ON;
}
