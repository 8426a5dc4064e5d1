/* The option table of snnconvert: what its arguments, --help, manual page and completion are made
 * of. How the values are taken stands in options.c.
 */
#include "tools/snnconvert/options_table.h"

#include <stddef.h>

#include "tools/cli/lowering.h"

static const struct snncli_option table[] = {
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
     .rare = true,
     .help = "of a file that leaves it open: 3x224x224"},
    {.id = OPT_NIR_RESET,
     .name = "nir-reset",
     .metavar = "R",
     .group = "Input",
     .choices = "subtract|zero",
     .rare = true,
     .help = "where a NIR file does not say (subtract)",
     .text = "NIR leaves the reset open where a neuron has no v_reset: Sinabs means subtraction, "
             "others mean zero."},
    {.id = OPT_VIEW,
     .name = "view",
     .metavar = "SPEC",
     .group = "Input",
     .rare = true,
     .help = "how recordings are looked at: see man snnsim",
     .text = "Of a recording that --info is of, or of --data. The words are those of snnsim."},
    {.id = OPT_OUTPUT,
     .letter = 'o',
     .name = "output",
     .metavar = "FILE",
     .group = "Output",
     .path = true,
     .help = "the file to write: *.json, *.nir, *.chip.json",
     .text = "A native model, NIR if named *.nir, the program of the chip of --check if named "
             "*.chip.json. The file appears whole or not at all. It may be MODEL itself. As NIR a "
             "CNN is written lowered: its activations are integrate-and-fire neurons. With --to a "
             "folder, which is made unless it is there."},
    {.id = OPT_INFO,
     .letter = 'i',
     .name = "info",
     .group = "Output",
     .help = "a table of the layers; or of a recording",
     .text = "For each layer its shape, parameters, multiply-accumulates, and what a spiking and a "
             "frame-based target make of it. MODEL may also be a recording of an event camera, or "
             "a folder of them: then format, sensor, events, times, rates, and what was skipped or "
             "put right."},
    {.id = OPT_JSON,
     .name = "json",
     .metavar = "FILE",
     .group = "Output",
     .path = true,
     .help = "the same, or the check, as JSON (- stdout)"},
    {.id = OPT_SUPPORTED,
     .name = "supported",
     .group = "Output",
     .help = "list what is read, operator by operator"},
    {.id = OPT_NO_VERIFY,
     .name = "no-verify",
     .group = "Output",
     .rare = true,
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
     .rare = true,
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
     .help = "how many of the frames (all)",
     .text = "Of --calibrate where that is given, else of what --check measures accuracy on."},
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
     .rare = true,
     .help = "a further quantile to store, in per cent: 99.97",
     .text = "Stored in any case: 50, 75, 90 to 99, 99.1 to 99.9, 99.95, 99.99 and the maximum."},
    {.id = OPT_ARITH,
     .name = "arith",
     .metavar = "A",
     .group = "Calibration",
     .choices = "float|chip",
     .rare = true,
     .help = "arithmetic to measure corrections in (float)"},
    {.id = OPT_TARGET,
     .name = "target",
     .metavar = "T",
     .group = "Calibration",
     .rare = true,
     .help = "what to measure on: sim, sim:async,... (sim)"},
    {.id = OPT_THREADS,
     .name = "threads",
     .metavar = "N",
     .group = "Calibration",
     .rare = true,
     .help = "worker threads (one a processor)"},
    {.id = OPT_NORM,
     .name = "norm",
     .metavar = "N",
     .group = "Spiking net",
     .help = "pXX[.X], max, none or a recipe (p99.9)"},
    {SNNCLI_ROW_CHANNELWISE, .id = OPT_CHANNELWISE, .group = "Spiking net"},
    {SNNCLI_ROW_MAX_POOL, .id = OPT_MAX_POOL, .group = "Spiking net"},
    {SNNCLI_ROW_V0, .id = OPT_V0, .group = "Spiking net", .rare = true},
    {SNNCLI_ROW_V_MIN, .id = OPT_V_MIN, .group = "Spiking net", .rare = true},
    {SNNCLI_ROW_RESET, .id = OPT_RESET, .group = "Spiking net", .rare = true},
    {SNNCLI_ROW_OUTPUT_GAIN, .id = OPT_OUTPUT_GAIN, .group = "Spiking net", .rare = true},
    {.id = OPT_TIMESTEPS,
     .letter = 't',
     .name = "timesteps",
     .metavar = "N",
     .group = "Spiking net",
     .help = "steps to measure with; for auto: at most (16)"},
    {.id = OPT_ENCODING,
     .letter = 'e',
     .name = "encoding",
     .metavar = "E",
     .group = "Spiking net",
     .choices = "rate|bernoulli|current|ttfs",
     .help = "how frames become spikes to measure with (rate)"},
    {.id = OPT_SEED,
     .letter = 's',
     .name = "seed",
     .metavar = "N",
     .group = "Spiking net",
     .rare = true,
     .help = "of the random generator (0)"},
    {.id = OPT_CHECK,
     .name = "check",
     .metavar = "CHIP",
     .group = "Chip",
     .repeatable = true,
     .help = "does it fit? speck2f, dynapcnn, FILE.json, all",
     .text =
         "Lowers the net for the chip, in whole numbers and in the form of its cores, looks for "
         "a core for each layer, and prints where each lies, what fails on which core and by "
         "how much, how full the memories are, and changes with which it was found to fit. "
         "Exit status 78 if it does not fit. With several chips, or all that are known, one "
         "table compares them."},
    {SNNCLI_ROW_CORE, .id = OPT_CORE, .group = "Chip"},
    {.id = OPT_MAP,
     .name = "map",
     .metavar = "FILE.svg",
     .group = "Chip",
     .path = true,
     .help = "a picture of the cores and what is on them"},
    {.id = OPT_TO,
     .name = "to",
     .metavar = "FORMAT",
     .group = "Chip",
     .choices = "samna",
     .help = "-o is a folder for the vendor's library",
     .text = "samna: config.json, the chip's configuration with the names of the vendor's Python "
             "classes; events.csv, the first 10 samples (--samples N) of the data as events with "
             "times, --timesteps steps each; expected.csv, what they make the simulator's chip "
             "answer; play.py, which plays them on a development kit; README.md, what of it was "
             "tried and what not."},
    {.id = OPT_DATA,
     .letter = 'd',
     .name = "data",
     .metavar = "FILE",
     .group = "Chip",
     .path = true,
     .help = "what accuracy is measured on (the model's sample)",
     .text =
         "Frames (IDX, IDX.gz, NPY) or recordings of an event camera, as snnsim takes them. The "
         "net is run on them before quantising, in whole numbers, and as the chip's program, "
         "event by event, for --timesteps steps. Without this option the sample that the "
         "model file names is taken, where there is one and one chip is checked."},
    {.id = OPT_LABELS,
     .name = "labels",
     .metavar = "FILE",
     .group = "Chip",
     .path = true,
     .rare = true,
     .help = "their labels (found beside the data)"},
    {SNNCLI_ROW_QUANT, .id = OPT_QUANT, .group = "Chip", .rare = true},
    {.id = OPT_DT,
     .name = "dt",
     .metavar = "MS",
     .group = "Chip",
     .rare = true,
     .help = "duration of a step in milliseconds (1)",
     .text = "A chip adds its biases once a step, and recordings are binned by it."},
    {.name = NULL},
};

static const struct snncli_entry examples[] = {
    {"snnconvert lenet.onnx -c train-images-idx3-ubyte.gz -o lenet.json",
     "read, prove, calibrate, write"},
    {"snnconvert --info model.tflite", "what is in a model, and who can run it"},
    {"snnconvert --info drive.raw", "what is in a recording of an event camera"},
    {"snnconvert lenet.json --check speck2f", "does it fit a chip, where, and if not, why"},
    {"snnconvert params.pt --arch net.json -o model.json", "weights of PyTorch, and the net"},
    {NULL, NULL},
};

static const char *const usage[] = {"[option ...] MODEL -o FILE", "--info | --check CHIP  MODEL",
                                    "WEIGHTS --arch TOPOLOGY -o FILE", "--supported", NULL};

static const struct snncli_entry positionals[] = {
    {"MODEL", "ONNX, Keras, TFLite, NIR or native model; or weights"}, {NULL, NULL}};

static const int exit_statuses[] = {1, 64, 65, 66, 70, 71, 73, 74, 77, 78, 130, 0};

const struct snncli_tool snnconvert_tool = {
    .name = "snnconvert",
    .summary = "read, check, calibrate and write models",
    .date = "2026-11-21",
    .usage = usage,
    .examples = examples,
    .options = table,
    .positionals = positionals,
    .description =
        "snnconvert reads a trained CNN, checks every layer, and writes it as a model file that "
        "snnsim runs as a spiking network. Formats are told apart by the files' bytes, whatever "
        "their names. All problems of a file are reported in one run, and every conversion "
        "proves itself: what the file computes and what the result computes are compared.\n\n"
        "With --calibrate the model is run on training frames, and what its layers do there is "
        "stored in it. The same frames give the same file, byte for byte, on any number of "
        "threads.\n\n"
        "With --check the net is lowered for a neuromorphic chip and placed on its cores. What the "
        "chip would run, registers and memories, is written with -o FILE.chip.json, and snnsim "
        "runs "
        "that file word for word.",
    .exit_statuses = exit_statuses,
    .see_also = "snnsim(1), snndev(1)",
    .positional_path = true,
};
