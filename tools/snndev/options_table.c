/* The option table of snndev: its verbs, and which options go with which. How the values are taken
 * stands in options.c.
 */
#include "tools/snndev/options_table.h"

#include <stddef.h>

#include "tools/cli/lowering.h"

#define WITH_MODEL "load|run|monitor|record|replay"
#define WITH_DATA "run|monitor|record|replay"
#define WITH_DEVICE "info|load|run|monitor|record|replay|reset"

static const struct snncli_option table[] = {
    {.id = OPT_WATCH,
     .letter = 'w',
     .name = "watch",
     .group = "Output",
     .verbs = "list",
     .help = "go on, and say who comes and goes"},
    {.id = OPT_JSON,
     .name = "json",
     .metavar = "FILE",
     .group = "Output",
     .verbs = "list|info|load|run|monitor|replay|doctor",
     .path = true,
     .help = "the result as JSON (- stdout, without text)",
     .text = "One object; of list --watch and monitor one a line. docs/devices.md explains them."},
    {.id = OPT_OUTPUT,
     .letter = 'o',
     .name = "output",
     .metavar = "FILE",
     .group = "Output",
     .verbs = "record",
     .path = true,
     .help = "the events: *.npy for snnsim, *.csv for people",
     .text = "*.npy: spikes of one layer (--layer), counts of 8 bits of shape N,T,C,H,W, which "
             "snnsim --input-spikes takes. *.csv: every event, a line each: sample, step, time in "
             "microseconds, layer, feature, y, x."},
    {.id = OPT_LAYER,
     .letter = 'l',
     .name = "layer",
     .metavar = "NAME",
     .group = "Output",
     .verbs = "record",
     .help = "whose spikes go into *.npy (the last)"},
    {.id = OPT_SESSION,
     .name = "session",
     .metavar = "FILE",
     .group = "Output",
     .verbs = "run|record",
     .path = true,
     .help = "every byte both ways on a tape, for replay",
     .text = "Requests, answers and both streams with their times, from the first hello to the "
             "close. The file appears whole or not at all; snndev replay runs against it without "
             "the device."},
    {.id = OPT_SECONDS,
     .letter = 's',
     .name = "seconds",
     .metavar = "N",
     .group = "Output",
     .verbs = "list|monitor",
     .help = "stop after so many (at Ctrl-C)"},
    {.id = OPT_SERVE,
     .name = "serve",
     .metavar = "ADDR:PORT",
     .group = "Output",
     .verbs = "monitor",
     .help = "a live page for browsers: 127.0.0.1:8080",
     .text = "A self-contained page over HTTP, from this address only: name the loopback unless "
             "others are to see it. Port 0 takes one that is free and prints it. Nothing can be "
             "changed through it."},
    {.id = OPT_TO,
     .name = "to",
     .metavar = "URI",
     .group = "Output",
     .verbs = "replay",
     .help = "FILE holds events: send them to this device",
     .text =
         "FILE is then what snndev run --data takes: spikes that record wrote, or recordings of "
         "an event camera."},
    {.id = OPT_NORM,
     .name = "norm",
     .metavar = "N",
     .group = "Model",
     .verbs = WITH_MODEL,
     .help = "pXX[.X], max, none or a recipe (p99.9)"},
    {SNNCLI_ROW_MAX_POOL, .id = OPT_MAX_POOL, .group = "Model", .verbs = WITH_MODEL},
    {SNNCLI_ROW_CORE, .id = OPT_CORE, .group = "Model", .verbs = WITH_MODEL},
    {.id = OPT_DATA,
     .letter = 'd',
     .name = "data",
     .metavar = "FILE",
     .group = "Data",
     .verbs = WITH_DATA,
     .path = true,
     .help = "images, spikes, recordings (the model's sample)",
     .text = "IDX, IDX.gz, NPY or recordings of an event camera, as snnsim takes them."},
    {.id = OPT_LABELS,
     .name = "labels",
     .metavar = "FILE",
     .group = "Data",
     .verbs = WITH_DATA,
     .path = true,
     .rare = true,
     .help = "their labels (found beside the data)"},
    {.id = OPT_SAMPLES,
     .letter = 'n',
     .name = "samples",
     .metavar = "N",
     .group = "Data",
     .verbs = WITH_DATA,
     .help = "how many (run, record: 10; monitor: all)"},
    {.id = OPT_OFFSET,
     .name = "offset",
     .metavar = "K",
     .group = "Data",
     .verbs = WITH_DATA,
     .rare = true,
     .help = "the first of them (0)"},
    {.id = OPT_TIMESTEPS,
     .letter = 't',
     .name = "timesteps",
     .metavar = "N",
     .group = "Data",
     .verbs = WITH_DATA,
     .help = "time steps of a sample (16)"},
    {.id = OPT_ENCODING,
     .letter = 'e',
     .name = "encoding",
     .metavar = "E",
     .group = "Data",
     .verbs = WITH_DATA,
     .choices = "rate|bernoulli|ttfs",
     .rare = true,
     .help = "how frames become spikes (rate)"},
    {.id = OPT_SEED,
     .name = "seed",
     .metavar = "N",
     .group = "Data",
     .verbs = WITH_DATA,
     .rare = true,
     .help = "of the random generator (0)"},
    {.id = OPT_DT,
     .name = "dt",
     .metavar = "MS",
     .group = "Data",
     .verbs = WITH_MODEL,
     .rare = true,
     .help = "duration of a step in milliseconds (1)"},
    {.id = OPT_ALLOW_LOSS,
     .name = "allow-loss",
     .group = "Device",
     .verbs = "run|monitor|record|replay",
     .help = "lost events are told, not an error",
     .text = "Without it a run in which events were lost, on the device or on this side, ends with "
             "status 74. Where in the stream they are missing is known either way."},
    {.id = OPT_TIMEOUT,
     .name = "timeout",
     .metavar = "MS",
     .group = "Device",
     .verbs = WITH_DEVICE,
     .help = "how long an answer may take (1000)"},
    {.id = OPT_TRANSFERS,
     .name = "transfers",
     .metavar = "N",
     .group = "Device",
     .verbs = WITH_DEVICE,
     .rare = true,
     .help = "transfers in flight towards the host (32)"},
    {.id = OPT_SLOT_BYTES,
     .name = "slot-bytes",
     .metavar = "N",
     .group = "Device",
     .verbs = WITH_DEVICE,
     .rare = true,
     .help = "bytes of each, in whole 512 (65536)"},
    {.id = OPT_CHIP,
     .letter = 'c',
     .name = "chip",
     .metavar = "CHIP",
     .group = "Virtual chip",
     .verbs = "emulate",
     .help = "speck2f, speck2e, dynapcnn, FILE.json (speck2f)"},
    {.id = OPT_AS,
     .name = "as",
     .metavar = "KIND",
     .group = "Virtual chip",
     .verbs = "emulate",
     .choices = "vhci|gadget|usbip|process",
     .help = "how it is plugged in (vhci, else process)",
     .text = "vhci: a USB device of this machine's own kernel (root, module vhci-hcd). gadget: a "
             "USB device for another host, on a board with a device controller (root). usbip: a "
             "server that another machine attaches to: usbip attach -r HOST -b 1-1. process: a "
             "serial line that any program of this user opens; it needs nothing. By default vhci "
             "where that can be had, else process."},
    {.id = OPT_SERIAL,
     .name = "serial",
     .metavar = "S",
     .group = "Virtual chip",
     .verbs = "emulate",
     .help = "its serial number (VIRT0001)"},
    {.id = OPT_FAULT,
     .name = "fault",
     .metavar = "SPEC",
     .group = "Virtual chip",
     .verbs = "emulate",
     .help = "faults on purpose: stall-in@4096,gone@65536",
     .text = "A list of words parted by commas; docs/devices.md explains them."},
    {.id = OPT_ADDRESS,
     .name = "address",
     .metavar = "A",
     .group = "Virtual chip",
     .verbs = "emulate",
     .help = "usbip: ADDR:PORT (127.0.0.1:3240)",
     .text = "process: a name for the line, which stands as a symbolic link as long as it is "
             "there."},
    {.name = NULL},
};

static const struct snncli_entry list_examples[] = {
    {"snndev list", "what is plugged in"},
    {"snndev list --watch", "and who comes and goes, until Ctrl-C"},
    {NULL, NULL},
};

static const struct snncli_entry info_examples[] = {
    {"snndev info usb:", "the only USB device there is"},
    {NULL, NULL},
};

static const struct snncli_entry load_examples[] = {
    {"snndev load usb: lenet.json", "a model, placed on the device's chip"},
    {"snndev load usb: lenet.chip.json", "a program that snnconvert made"},
    {NULL, NULL},
};

static const struct snncli_entry run_examples[] = {
    {"snndev run vdev:speck2f lenet.json", "on a virtual chip in this process"},
    {"snndev run usb: lenet.json -n 100 -t 32", "100 samples of 32 steps"},
    {NULL, NULL},
};

static const struct snncli_entry monitor_examples[] = {
    {"snndev monitor vdev:speck2f lenet.json", "rates of the cores, live"},
    {"snndev monitor usb: lenet.json --serve 127.0.0.1:8080", "in a browser"},
    {NULL, NULL},
};

static const struct snncli_entry record_examples[] = {
    {"snndev record usb: lenet.json -l conv2 -o conv2.npy", "spikes of a layer"},
    {"snndev record usb: lenet.json --session monday.tape", "the whole session"},
    {NULL, NULL},
};

static const struct snncli_entry replay_examples[] = {
    {"snndev replay monday.tape lenet.json", "the session again, without the device"},
    {"snndev replay conv2.npy rest.json --to usb:", "recorded spikes as input"},
    {NULL, NULL},
};

static const struct snncli_entry emulate_examples[] = {
    {"snndev emulate --chip speck2f", "plug a virtual chip in"},
    {"snndev emulate --as usbip", "for usbip attach, from here or elsewhere"},
    {"snndev emulate --as process --fault gone@65536", "one that goes away"},
    {NULL, NULL},
};

static const struct snncli_verb verbs[SNNDEV_VERB_COUNT + 1] = {
    {"list", "the devices that are plugged in", "[option ...]", list_examples,
     "Those on USB; the ones that may be opened are asked for chip and firmware. What is at the "
     "end "
     "of a serial line cannot be seen from here, and virtual chips in a program (vdev:) are its "
     "own."},
    {"info", "what a device says of itself, and its counters", "URI [option ...]", info_examples,
     NULL},
    {"load", "put a net on a device and verify it", "URI MODEL [option ...]", load_examples,
     "A model is placed on the device's chip as snnconvert --check does it. Memories that are "
     "right already are not written; every one is verified by its CRC. snnconvert has all options "
     "of placement, and writes programs: -o FILE.chip.json."},
    {"run", "classify a few samples", "URI MODEL [option ...]", run_examples,
     "Loads the model, sends samples as events, prints what came back. For studies of a data set, "
     "decision rules and energy: snnsim MODEL --target URI."},
    {"monitor", "the spikes of each core, live", "URI [MODEL] [option ...]", monitor_examples,
     "With MODEL its samples are sent round and round, as fast as the device takes them; without, "
     "the device's counters are watched. Ten pictures a second at most on a terminal, a line a "
     "second elsewhere."},
    {"record", "events or the whole session into a file", "URI MODEL [option ...]", record_examples,
     "Runs the model as `run` does, and keeps what came back."},
    {"replay", "a recorded session, or recorded events", "FILE MODEL [option ...]", replay_examples,
     "A session that --session wrote takes the device's place; this side runs again with the same "
     "model and options, and the first byte that differs from the recorded one is an error that "
     "names its place. Recorded events go to the device that --to names."},
    {"reset", "all state as after loading, counters 0", "URI [option ...]", NULL, NULL},
    {"doctor", "what keeps a device from being used, and the remedy", "[option ...]", NULL,
     "Looks at the machine: libraries that were built in, USB devices and who may open them, the "
     "udev rule, groups, what virtual chips need of the kernel. Ends with status 1 if something is "
     "in the way."},
    {"emulate", "plug a virtual chip in", "[option ...]", emulate_examples,
     "It speaks docs/formats/wire.md as a device does and computes what chip:NAME computes. Prints "
     "the URI that opens it and serves until Ctrl-C or until it is unplugged."},
    {NULL, NULL, NULL, NULL, NULL},
};

static const struct snncli_entry examples[] = {
    {"snndev emulate --chip speck2f", "plug a virtual chip in"},
    {"snndev list", "see it"},
    {"snndev run usb: lenet.json", "classify samples on it"},
    {"snndev doctor", "if that does not work"},
    {NULL, NULL},
};

static const char *const usage[] = {"VERB [argument ...]", NULL};

static const struct snncli_entry positionals[] = {
    {"URI",
     "usb: (the only one), usb:VID:PID[:SERIAL], serial:PATH@BAUD, vdev:speck2f (in this process)"},
    {"MODEL", "any model file, or a chip program (*.chip.json)"},
    {"FILE", "a session that --session wrote, or events with --to"},
    {NULL, NULL},
};

static const int exit_statuses[] = {1, 64, 65, 66, 69, 70, 71, 73, 74, 75, 76, 77, 78, 130, 0};

const struct snncli_tool snndev_tool = {
    .name = "snndev",
    .summary = "list, load, run, watch and emulate devices",
    .date = "2026-11-21",
    .usage = usage,
    .examples = examples,
    .options = table,
    .positionals = positionals,
    .verbs = verbs,
    .description =
        "snndev is for the devices themselves: chips on USB or on a serial line, and virtual ones "
        "that are plugged in with one command. What a device answers is, event by event, what the "
        "simulator's target chip:NAME computes. To run a study on a device: snnsim MODEL --target "
        "URI.\n\n"
        "A device belongs to one program at a time. Device permissions on Linux come from a udev "
        "rule that is installed with this program; snndev doctor says whether it is in force.",
    .exit_statuses = exit_statuses,
    .see_also = "snnsim(1), snnconvert(1)",
    .positional_path = true,
};
