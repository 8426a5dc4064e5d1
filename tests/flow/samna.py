"""The folder for the vendor's library, read back: samna.py SNNSIM

snnconvert, beside SNNSIM, writes it (--to samna). A chip in Python (oracle/samna_chip.py) executes
config.json on events.csv and must fire as `snnsim --target chip:` does, step by step; play.py must
hand the same to the library, of which there is a stand-in here with the names that are public.
"""

import importlib.util
import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(HERE, "oracle")

import numpy as np

import samna_chip

sys.path.insert(1, HERE)
import flow
from flow import require

ROOT = os.path.dirname(os.path.dirname(HERE))
LENET = os.path.join(ROOT, "data", "lenet.json")


def snnconvert(place, *arguments):
    tool = flow.Place.__new__(flow.Place)
    tool.tool = os.path.join(os.path.dirname(place.tool), "snnconvert")
    tool.folder = place.folder
    return tool.run(*arguments)


def write_folder(place, model, chip, *options):
    answer = snnconvert(place, model, "--check", chip, "--to", "samna", "-o", "kit", *options)
    require(answer.returncode == 0, "the folder is not written", answer)
    config = place.read_json("kit/config.json")
    return config, samna_chip.read_table(place.at("kit/events.csv"))


def counts_of_snnsim(place, model, chip, *options):
    answer = place.run(model, "--target", f"chip:{chip}", "--save-counts", "counts.npy", *options)
    require(answer.returncode == 0, "the model does not run", answer)
    return np.load(place.at("counts.npy"))


def compare(place, model, chip, samples, steps, *options):
    """The folder's content executed, against snnsim; returns the configuration."""
    common = ("-n", samples, "-t", steps, *options)
    config, events = write_folder(place, model, chip, *common)
    wanted = counts_of_snnsim(place, model, chip, *common)
    expected = samna_chip.read_table(place.at("kit/expected.csv"))
    machine = samna_chip.Chip(config)
    require(len(wanted) == len(expected) == samples, "samples are missing")
    for sample in range(samples):
        counts = machine.run(events.get(sample, []), steps)
        require((counts == wanted[sample]).all(),
                f"sample {sample}: {counts.tolist()} and not {wanted[sample].tolist()}")
        row = expected[sample][0]
        listed = [row[f"class_{i}"] for i in range(config["class_count"])]
        require(listed == wanted[sample].sum(axis=0).tolist(), f"sample {sample}: {listed} listed")
    require(wanted.sum() > 0, "nothing fired: this compares nothing")
    return config


# ---- Nets ----


def quantised(rng, shape):
    return flow.tensor(rng.normal(0.05, 0.3, int(np.prod(shape))).tolist(), list(shape))


def conv(rng, name, source, channels, features, **members):
    return {"name": name, "kind": "conv2d", "inputs": [source], "activation": "relu",
            "weights": quantised(rng, (features, channels, 3, 3)),
            "bias": quantised(rng, (features,)), **members}


def branching(rng):
    """Two destinations, a residual sum, biases, unequal strides, pools, and 3 x 1 x 2 outputs."""
    return {
        "format": "snn.model/1", "name": "branching",
        "sample": {"images": "frames", "labels": "labels"},
        "layers": [
            {"name": "input", "kind": "input", "shape": [2, 8, 12]},
            conv(rng, "a", "input", 2, 5, padding=[1, 1, 1, 1]),
            conv(rng, "b", "a", 5, 5, padding=[1, 1, 1, 1]),
            {"name": "sum", "kind": "add", "inputs": ["b", "a"], "activation": "relu"},
            {"name": "pool", "kind": "sum_pool2d", "inputs": ["sum"], "kernel": [2, 2]},
            conv(rng, "c", "pool", 5, 6, stride=[2, 1]),
            {"name": "out", "kind": "conv2d", "inputs": ["c"],
             "weights": quantised(rng, (3, 6, 1, 3))},
        ],
        "output": "out",
    }


def chain(rng):
    """A layer of 12 features, which the small chip below has to share between two cores."""
    return {
        "format": "snn.model/1", "name": "chain",
        "sample": {"images": "frames", "labels": "labels"},
        "layers": [
            {"name": "input", "kind": "input", "shape": [2, 8, 12]},
            conv(rng, "a", "input", 2, 12, padding=[1, 1, 1, 1]),
            {"name": "pool", "kind": "avg_pool2d", "inputs": ["a"], "kernel": [4, 4]},
            {"name": "out", "kind": "dense", "inputs": ["pool"],
             "weights": quantised(rng, (4, 12 * 2 * 3))},
        ],
        "output": "out",
    }


SMALL = {"format": "snn.chip/1", "name": "small", "description": "for a layer shared by two",
         "source": "made up", "energy": "sinabs",
         "cores": [{"kernel_words": 256, "neuron_words": 1024, "bias_words": 16}] * 2
         + [{"kernel_words": 4096, "neuron_words": 256, "bias_words": 16}],
         "kernel_size_max": 8, "strides": [1, 2, 4], "padding_max": 3, "poolings": [1, 2, 4],
         "input_size_max": 32, "output_size_max": 32, "feature_max": 64, "destination_max": 2,
         "readout_layer": 12, "sensor_layer": 13, "readout_spread": 3, "readout_classes": 8,
         "threshold_low_below_0": True}


def put_data(place, rng, count=3):
    values = rng.integers(0, 256, (count, 2, 8, 12)) * (rng.random((count, 2, 8, 12)) < 0.5)
    place.write("frames", flow.idx([count, 2, 8, 12], values.astype(np.uint8).tobytes()))
    place.write("labels", flow.labels(count))


# ---- Tests ----


def lenet_is_played_as_simulated(place):
    """LeNet-5 on Speck 2f and DynapCNN fires the same in Python"""
    config = compare(place, LENET, "speck2f", 4, 16)
    require(config["readout_spread"] == 4, "classes are not spread")
    to = config["configuration"]["cnn_layers"][config["outputs"][0]["layer"]]["destinations"][0]
    require(to == {"enable": True, "layer": 12, "pooling": 1, "feature_shift": 0},
            f"the last layer sends to {to}")
    config = compare(place, LENET, "dynapcnn", 2, 8)
    require("readout" not in config["configuration"], "a readout that DynapCNN does not have")


def branches_are_played_as_simulated(place):
    """a net with branches, strides, pools and biases fires the same in Python"""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        place.write("net.json", branching(rng))
        put_data(place, rng)
        # Steps are so long that times of single events differ by more than a microsecond.
        config = compare(place, "net.json", "dynapcnn", 3, 6, "--norm", "none", "--dt", 1000)
        sends = [sum(to["enable"] for to in core["destinations"])
                 for core in config["configuration"]["cnn_layers"] if core is not None]
        require(max(sends) == 2, f"no core has two destinations: {sends}")


def a_shared_layer_is_played_as_simulated(place):
    """a layer shared by two cores fires the same in Python"""
    rng = np.random.default_rng(7)
    place.write("net.json", chain(rng))
    place.write("small.json", SMALL)
    put_data(place, rng)
    config = compare(place, "net.json", "./small.json", 3, 6, "--norm", "none", "--dt", 1000)
    shared = [layer for layer in config["layers"] if layer["name"] == "a"]
    require(len(shared) == 2, f"layer a lies on {len(shared)} cores")
    require(shared[1]["feature_first"] > 0, "the second half begins where the first does")


def what_cannot_be_written_is_refused(place):
    """what makes no folder is refused, and nothing is written"""
    cases = [
        (("--to", "samna", "-o", "kit"), "snnconvert: --to: only goes with --check"),
        (("--check", "speck2f", "--to", "samna"), "snnconvert: --to: needs a folder to write"),
        (("--check", "speck2f", "--check", "dynapcnn", "--to", "samna", "-o", "kit"),
         "snnconvert: --output: 'kit' is for one chip, 2 are given"),
        (("--check", "all", "--to", "samna", "-o", "kit"),
         "snnconvert: --output: 'kit' is for one chip, 3 are given"),
    ]
    before = place.files()
    for arguments, message in cases:
        answer = snnconvert(place, "model.json", *arguments)
        require(answer.returncode == 64, "it is taken", answer)
        require(answer.stderr.splitlines()[0] == message, "another message", answer)
    answer = snnconvert(place, "model.json", "--check", "speck2f", "--to", "samna", "-o",
                        "labels-idx1")
    require(answer.returncode == 73, "a file is taken for a folder", answer)
    require("labels-idx1: is no folder" in answer.stderr, "another message", answer)
    require(place.files() == before, f"there are {place.files()}")


def without_data_there_are_no_events(place):
    """a model without data gives the configuration alone, and says so"""
    model = flow.model()
    del model["sample"]
    place.write("model.json", model)
    answer = snnconvert(place, "model.json", "--check", "speck2f", "--to", "samna", "-o", "kit")
    require(answer.returncode == 0, "the folder is not written", answer)
    require("no data to play: no events are written" in answer.stderr, "no warning", answer)
    require(sorted(os.listdir(place.at("kit"))) == ["README.md", "config.json", "play.py"],
            f"there are {os.listdir(place.at('kit'))}")


# ---- play.py ----


class Part(types.SimpleNamespace):
    """A configuration object: members that are there are set, others are an error."""

    def __setattr__(self, name, value):
        if name not in self.__dict__:
            raise AttributeError(name)
        super().__setattr__(name, value)


def pair():
    return Part(x=0, y=0)


def shape():
    return Part(size=pair(), feature_count=0)


def make_core():
    dimensions = Part(input_shape=shape(), output_shape=shape(), kernel_size=0, stride=pair(),
                      padding=pair())
    to = [Part(enable=False, layer=0, pooling=1, feature_shift=0) for _ in range(2)]
    return Part(dimensions=dimensions, weights=[], biases=[], leak_enable=False, threshold_high=0,
                threshold_low=0, return_to_zero=False, neurons_initial_value=[],
                monitor_enable=False, destinations=to)


def make_root():
    sensor = Part(pass_sensor_events=True, monitor_enable=False, raw_monitor_enable=False,
                  merge=False, on_channel=True, off_channel=True, origin=pair(), cut=pair(),
                  pooling=pair(), destinations=[Part(enable=False, layer=0, feature_shift=0)
                                                for _ in range(2)])
    readout = Part(enable=False, readout_configuration_sel=0, output_mode_sel=0,
                   low_pass_filter_disable=False, threshold=0, monitor_enable=True,
                   readout_pin_monitor_enable=True)
    return Part(cnn_layers=[make_core() for _ in range(9)], dvs_layer=sensor, readout=readout)


def members_of(value):
    if isinstance(value, Part):
        return {name: members_of(member) for name, member in value.__dict__.items()}
    return [members_of(part) for part in value] if isinstance(value, list) else value


def spike_of(layer, feature, x, y):
    return types.SimpleNamespace(layer=layer, feature=feature, x=x, y=y)


class StandIn:
    """The vendor's library with one device, whose chip is that of samna_chip.py."""

    def __init__(self, config):
        self.config, self.log, self.answers, self.root = config, [], [], None
        spike = lambda: types.SimpleNamespace()
        self.speck2f = types.SimpleNamespace(
            configuration=types.SimpleNamespace(SpeckConfiguration=make_root),
            event=types.SimpleNamespace(Spike=spike),
            validate_configuration=lambda root: (True, ""))
        self.device = types.SimpleNamespace(open_device=self.open, close_device=self.close)
        self.graph = types.SimpleNamespace(sink_from=lambda node: self, source_to=lambda node: self)

    def open(self, name):
        self.log.append(f"open {name}")
        return self

    def close(self, device):
        self.log.append("close")

    # The device, its model, stop watch and clock, source and sink are one object here.
    def get_model(self):
        return self

    get_model_source_node = get_model_sink_node = get_stop_watch = get_io_module = get_model

    def apply_configuration(self, root):
        self.root = members_of(root)
        self.log.append("configure")

    def set_enable_value(self, value):
        self.log.append(f"watch {value}")

    def reset(self):
        self.log.append("reset")

    def set_slow_clk_rate(self, rate):
        self.log.append(f"clock {rate}")

    def set_slow_clk(self, value):
        self.log.append(f"clock {value}")

    def write(self, events):
        self.log.append("write")
        core = self.config["outputs"][0]["layer"]
        rows = [dict(vars(event), timestamp_us=event.timestamp - 5000) for event in events]
        # What is monitored, one spike a count; and one of another layer, which is no class.
        root = unused_as_null(self.root, self.config)
        machine = samna_chip.Chip({**self.config, "configuration": root})
        counts = machine.run(rows, self.steps).sum(axis=0)
        self.answers = [spike_of(core, 4 * i, 0, 0) for i, count in enumerate(counts)
                        for _ in range(count)] + [spike_of(13, 0, 0, 0)]

    def get_events(self):
        taken, self.answers = self.answers, []
        return taken


def unused_as_null(root, config):
    """The configuration that arrived, null where config.json has it."""
    given = config["configuration"]["cnn_layers"]
    layers = [core if given[i] is not None else None for i, core in enumerate(root["cnn_layers"])]
    return {**root, "cnn_layers": layers}


def includes(found, wanted):
    """Whether all members that `wanted` has are the same in `found`."""
    if isinstance(wanted, dict):
        return all(includes(found[name], value) for name, value in wanted.items())
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        return all(includes(part, value) for part, value in zip(found, wanted))
    return found == wanted


def play_assigns_everything(place):
    """play.py hands everything to the library and compares what comes back"""
    config, _ = write_folder(place, LENET, "speck2f", "-n", 2, "-t", 4)
    spec = importlib.util.spec_from_file_location("play", place.at("kit/play.py"))
    play = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(play)
    library, said = StandIn(config), []
    library.steps = 4
    play.time = types.SimpleNamespace(sleep=lambda seconds: library.log.append("sleep"))
    play.print = lambda text: said.append(text)
    play.play(library, "Speck2fDevKit:0", [])
    root = unused_as_null(library.root, config)
    wanted = config["configuration"]
    for i, core in enumerate(wanted["cnn_layers"]):
        require(core is None or includes(root["cnn_layers"][i], core), f"core {i} is another")
    require(includes(root["dvs_layer"], wanted["dvs_layer"]), "dvs_layer is another")
    require(includes(root["readout"], wanted["readout"]), "readout is another")
    require(said[-1] == "2 of 2 samples as in simulation", "\n".join(said))
    each = ["configure", "sleep", "watch True", "reset", "write", "sleep"]
    require(library.log == ["open Speck2fDevKit:0", "clock 1000", "clock True", *each, *each,
                            "close"], f"calls {library.log}")


TESTS = [lenet_is_played_as_simulated, branches_are_played_as_simulated,
         a_shared_layer_is_played_as_simulated, what_cannot_be_written_is_refused,
         without_data_there_are_no_events, play_assigns_everything]

if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
