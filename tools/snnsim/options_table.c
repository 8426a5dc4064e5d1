/* The option table of snnsim: what its arguments, --help, manual page and completion are made of.
 * How the values are taken stands in options.c.
 */
#include "tools/snnsim/options_table.h"

#include <stddef.h>

#include "tools/cli/lowering.h"

static const struct snncli_option table[] = {
    {.id = OPT_DATA,
     .letter = 'd',
     .name = "data",
     .metavar = "FILE",
     .group = "Input",
     .path = true,
     .help = "IDX, IDX.gz, NPY; recordings (the model's sample)",
     .text = "Frames to classify, or recordings of an event camera: EVT 2.0, 2.1 and 3.0 (.raw), "
             "DAT (.dat), AEDAT (.aedat, .aedat4), Event Stream (.es), N-MNIST (.bin, .bs2), "
             "arrays (.npy) and tables (.csv, .txt) of events, a session on tape (.tape); or a "
             "folder of them with a labels.txt (lines of NAME LABEL), or with a folder a class. "
             "Events are binned into steps by --dt, and --timesteps is by default as long "
             "as the longest recording. snnconvert --info tells what is in one. Labels of frames "
             "are looked for beside them: images-idx3 "
             "becomes labels-idx1. Without this option the sample that the model file names is "
             "taken."},
    {.id = OPT_LABELS,
     .name = "labels",
     .metavar = "FILE",
     .group = "Input",
     .path = true,
     .help = "their labels (found beside the data)"},
    {.id = OPT_VIEW,
     .name = "view",
     .metavar = "SPEC",
     .group = "Input",
     .help = "how recordings are looked at",
     .text = "What is done to the events of a camera, in this order: span=FROM:TO, milliseconds "
             "since the first event, either of which may be left out; polarity=on, off or merge "
             "(one channel), or swap; pool=N (or Y:X), by which rows and columns are divided; "
             "cut=X:Y:X:Y, first and last column and row that are seen; mirror=x, y, xy or "
             "diagonal. With commas between them. How tables (NPY, CSV) are read where they do "
             "not say: columns=txyp, the letters t, x, y, p in the order of the columns, - for "
             "one to skip; unit=us, ms, s or ns."},
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
     .help = "pXX[.X], max, mse:T, ltb, ... (p99.9; see man)",
     .text = "Where thresholds come from. pXX: a quantile of the activations seen in calibration. "
             "max: their maximum. mse:T: the least squared error over T steps. ltb: local "
             "threshold balancing. spike: the largest input of a step, the layers before already "
             "spiking. auto: of these the one with the fewest SynOps until it is within 0.3 points "
             "of the CNN, which also sets --timesteps; -v lists what was tried. none: 1 for all, "
             "the default for a model without statistics. What the model does not have needs "
             "--calibrate."},
    {SNNCLI_ROW_CHANNELWISE, .id = OPT_CHANNELWISE, .group = "Neurons"},
    {.id = OPT_CALIBRATE,
     .name = "calibrate",
     .metavar = "FRAMES",
     .group = "Neurons",
     .path = true,
     .help = "training frames to take statistics from",
     .text = "Use training images, never those that accuracy is measured on. snnconvert "
             "--calibrate keeps the statistics in the model file."},
    {.id = OPT_CORRECT,
     .name = "correct",
     .metavar = "C",
     .group = "Neurons",
     .repeatable = true,
     .help = "bias, potential or offset, for few steps",
     .text = "What spikes of few steps get wrong, measured on the target itself with this norm, "
             "encoding and number of steps, and made up for: bias by channel, potential by neuron "
             "before the first step. offset: the least bias of all classes with which no "
             "calibration frame is without an output spike. Several build on one another in "
             "order. The model has them from snnconvert --recipe, or they are computed from the "
             "first 2,000 frames of --calibrate; a whole name (see snnconvert --info) takes one "
             "that was measured otherwise."},
    {SNNCLI_ROW_V0, .id = OPT_V0, .group = "Neurons"},
    {SNNCLI_ROW_V_MIN, .id = OPT_V_MIN, .group = "Neurons"},
    {SNNCLI_ROW_RESET, .id = OPT_RESET, .group = "Neurons"},
    {.id = OPT_N_MAX,
     .name = "n-max",
     .metavar = "N",
     .group = "Neurons",
     .help = "most spikes a neuron and step (unlimited)"},
    {SNNCLI_ROW_OUTPUT_GAIN, .id = OPT_OUTPUT_GAIN, .group = "Neurons"},
    {.id = OPT_READOUT,
     .name = "readout",
     .metavar = "R",
     .group = "Neurons",
     .choices = "spikes|membrane",
     .help = "output spikes, or its membrane (spikes)"},
    {SNNCLI_ROW_MAX_POOL, .id = OPT_MAX_POOL, .group = "Neurons"},
    {.id = OPT_SEMANTICS,
     .name = "semantics",
     .metavar = "S",
     .group = "Neurons",
     .choices = "sync|async|both",
     .help = "sync, async or both (sync)",
     .text = "How the target sim handles time. sync: all spikes of a step are summed before a "
             "neuron fires. async: spike by spike, as an event-driven chip does; a neuron fires "
             "once an event at most, so that --n-max has no meaning. both: one run of each, and "
             "a table with the gap between them. A chip has no other than async; both puts the "
             "same net in synchronous steps and whole numbers beside it."},
    {.id = OPT_ORDER,
     .name = "order",
     .metavar = "O",
     .group = "Neurons",
     .choices = "raster|interleave|random|recorded",
     .help = "of events, async: interleave, raster, ... (see man)",
     .text = "The order of the input events within a step, for --semantics async and chips. "
             "interleave (the "
             "default): spread evenly over the step and the input. raster: at once, by row, column "
             "and channel. random: by --seed. recorded: as they came, for recordings of an event "
             "camera. First-spike results depend on it."},
    {.id = OPT_ARITH,
     .name = "arith",
     .metavar = "A",
     .group = "Neurons",
     .choices = "float|chip|both",
     .help = "float, chip (8 and 16 bits) or both (float)",
     .text = "In what the target sim computes. float: 32-bit floats. chip: whole numbers as a "
             "neuromorphic chip has them, weights and biases of 8 bits, thresholds and saturating "
             "potentials of 16; -v tells what became of each layer. both: one run of each, and a "
             "table that compares them."},
    {SNNCLI_ROW_QUANT, .id = OPT_QUANT, .group = "Neurons"},
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
     .text =
         "first: the first output spike. count:N: N spikes of a class. margin:M: a lead of M "
         "spikes. membrane:M: a lead of M thresholds in what the output neurons have "
         "integrated. softmax:P: probability P of the summed logits. entropy:P: 1 - H / ln C of "
         "the same reaches P. all: after all steps. oracle: the first right prediction, a "
         "bound on all others that needs labels. Behind @ a rule takes an output gain of its "
         "own: first@4. The first rule also gives the cost until the decision."},
    {.id = OPT_SWEEP,
     .name = "sweep",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "many rules from one run as CSV, Pareto table",
     .text = "A table of first@K, count:N, margin:M, membrane:M, softmax:P and entropy:P for many "
             "parameters, of all steps, the oracle and each --rule: accuracy, steps, SynOps and "
             "energy until the decision, and whether another row is as accurate for less "
             "(pareto). A choice of the best rows is printed. Needs labels."},
    {.id = OPT_UNTIL_DECIDED,
     .name = "until-decided",
     .group = "Results",
     .help = "end a sample with its last decision",
     .text = "A sample ends when each --rule, or without one the first output spike, has decided: "
             "it costs as many steps as it needs. Decisions and their cost are those of a whole "
             "run. From then on the sample keeps the decision of the first rule, in the accuracy "
             "after every step too; SynOps, spikes and updates are of the steps that were run."},
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
     .help = "energy profile, or FILE.json:NAME (sinabs)",
     .text = "Without it a chip has the profile that its own names, with its static power."},
    {.id = OPT_JSON,
     .letter = 'j',
     .name = "json",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "all results as JSON; - for stdout"},
    {.id = OPT_REPORT,
     .name = "report",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "all results as a page (HTML) with pictures",
     .text = "One file for any browser, and for paper: it needs no network and no scripts, and has "
             "the document of --json in it. For it a few frames are run once more, to hold spike "
             "rates against the activations that they stand for."},
    {.id = OPT_CSV,
     .name = "csv",
     .metavar = "DIR",
     .group = "Results",
     .path = true,
     .help = "all results as tables (CSV), a file each",
     .text = "Accuracy by step, layers, rules, latency, confusion, samples and others, for plots "
             "of your own. The folder is made if it is not there; files of these names in it are "
             "replaced."},
    {.id = OPT_RASTER,
     .name = "raster",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "one sample's spikes as a picture (SVG)",
     .text = "Time to the right, a lane for the input and each layer, neurons upwards in it; of a "
             "lane with very many spikes the density. The sample goes through the first spiking "
             "target once more; a device does not tell spikes one by one."},
    {.id = OPT_RASTER_SAMPLE,
     .name = "raster-sample",
     .metavar = "K",
     .group = "Results",
     .rare = true,
     .help = "which one, also for the page (the first)",
     .text = "Counted from 0 over the data, and one of the samples that are run."},
    {.id = OPT_CHECKPOINT,
     .name = "checkpoint",
     .metavar = "FILE",
     .group = "Results",
     .path = true,
     .help = "keep what is done, to go on from there",
     .text =
         "Samples are kept in FILE as they are done. After an interrupt, a crash or a power "
         "cut the same command goes on where it was, and ends with the result of a run in one "
         "piece, to the bit; --threads, --energy and the outputs may differ, and so may mpirun. "
         "Of a run that is done the file stays: with it the result is there at once, and "
         "removing it begins anew."},
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
     .help = "sim, chip:speck2f, frame:int8, ... (sim); repeatable",
     .text =
         "What runs the net. sim: the spiking network, simulated. frame:f32 and frame:int8: the "
         "CNN itself, frame by frame, in 32-bit floats or in the 8-bit integers of TensorFlow "
         "Lite; a model that was not quantised must be calibrated for them. With several "
         "targets one table compares them. sim:async,order=O,seed=N names semantics and order of "
         "its own, whatever --semantics says.\n\n"
         "chip:dynapcnn, chip:speck2e, chip:speck2f, chip:FILE.json (a profile of your own): the "
         "net "
         "is placed on the chip's cores, and the chip program is run, register by register: event "
         "by event in whole numbers, with the chip's readout. What does not fit is told with what "
         "would make it fit, with status 78. A chip tells spikes, no potentials. chip:NAME,order=O,"
         "seed=N names an order of its own. Beside a chip the target sim in chip arithmetic runs "
         "the net in that chip's form.\n\n"
         "usb:[VID:PID[:SERIAL]], serial:PATH[@BAUD], vdev:NAME (a virtual chip behind the same "
         "protocol, within this process; vdev:NAME,fault=SPEC with faults), replay:FILE (a "
         "recorded session): a device. It is loaded and streamed to, and gives the numbers of "
         "chip:NAME, with what was counted on the way. ,record=FILE behind it keeps the session "
         "for "
         "replay:FILE, ,order=O and behind that ,seed=N are as above; snndev(1) finds and tries "
         "devices."},
    {SNNCLI_ROW_CORE, .id = OPT_CORE, .group = "Machine"},
    {.id = OPT_ALLOW_LOSS,
     .name = "allow-loss",
     .group = "Machine",
     .help = "count events a device loses, not fail",
     .text = "A device drops events where its buffer to the host is full, a host where it reads "
             "too slowly. Without this option a lost event ends the run with status 74."},
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
     .choices = "scalar|avx2|neon",
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
    {"snnsim lenet.json --target chip:speck2f --semantics both", "as a chip runs it"},
    {NULL, NULL},
};

static const struct snncli_entry positionals[] = {
    {"MODEL", "ONNX, Keras, TFLite, NIR, native model; chip program"},
    {NULL, NULL},
};

static const int exit_statuses[] = {1, 64, 65, 66, 69, 70, 71, 73, 74, 75, 76, 77, 78, 130, 0};

const struct snncli_tool snnsim_tool = {
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
        "A chip program, which snnconvert writes with --check, is a model too: it runs on its own "
        "chip, and options of the conversion, long over, are refused. A result on a chip tells "
        "what each core has to bear, a second; how long the chip takes is not simulated.\n\n"
        "Results go to standard output, messages and progress to standard error. The same seed "
        "gives the same results on any number of threads.\n\n"
        "Started by mpirun (mpirun -n 4 snnsim ...), the processes share the samples and the first "
        "of them alone prints and writes what one process would; model and data must be readable "
        "for all. Devices cannot be shared. How to start it on several machines, and what happens "
        "when one of them fails, is told in docs/cluster.md of the project.",
    .exit_statuses = exit_statuses,
    .see_also = "snnconvert(1), snndev(1)",
    .positional_path = true,
};
