"""A net on a chip: four ways to the same spikes. chipnet.py CHIPNET

CHIPNET (chipnet.c) lowers a net for a chip, places it, and runs the chip program from its file,
simulated and on a virtual chip behind the wire, and, asynchronously in whole numbers, the net as it
was before placement. oracle/chip_registers.py reads nothing but the program's registers. All must
tell the same spikes of every neuron in every step, of every class, the programs and the oracle the
same events and SynOps of every core, and both programs the same spikes one by one. One
net has every feature that a chip's net can have; others are drawn, in every order of events.
"""

import collections
import itertools
import os
import subprocess
import sys
import tempfile

sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle")

import numpy as np

import snn_async
from chip_registers import Chip
from snn_harness import Tap
from snn_model import Layer, Model, Neurons, derive_shapes, write

CHIPS = ("dynapcnn", "speck2e", "speck2f")
ORDERS = ("raster", "interleave", "random", "recorded")
DRAWN, DRAWN_SOAK = 24, 400
TIME_MAX = 40  # in a step, so that some events come together
DOES_NOT_FIT = 3


# ---- Nets ----

class Builder:
    """Layers with random weights, each behind the ones it names."""

    def __init__(self, seed, shape):
        self.rng = np.random.default_rng(seed)
        self.layers = [Layer("input", "input", shape=shape)]

    def weights(self, shape, scale, mean):
        fan = float(np.prod(shape[1:]))
        values = self.rng.normal(mean, 1.0, shape) * scale / np.sqrt(fan)
        return values.astype(np.float32)

    def bias(self, features, most):
        return self.rng.uniform(-most / 2, most, features).astype(np.float32) if most else None

    def model(self):
        return derive_shapes(Model("drawn", self.layers, self.layers[-1].name))

    def shape(self, name):
        derive_shapes(Model("drawn", self.layers, name))
        return next(layer.shape for layer in self.layers if layer.name == name)

    def conv(self, name, source, features, kernel, stride=(1, 1), pad=(0, 0), bias=0.0,
             activation="relu", scale=1.0, mean=0.3):
        weights = self.weights((features, self.shape(source)[0], *kernel), scale, mean)
        self.layers.append(Layer(name, "conv2d", (source,), kernel=kernel, stride=stride,
                                 padding=(*pad, *pad), activation=activation, weights=weights,
                                 bias=self.bias(features, bias)))
        return name

    def dense(self, name, source, features, bias=0.0, activation="relu", scale=1.0, mean=0.3):
        weights = self.weights((features, int(np.prod(self.shape(source)))), scale, mean)
        self.layers.append(Layer(name, "dense", (source,), activation=activation, weights=weights,
                                 bias=self.bias(features, bias)))
        return name

    def pool(self, name, source, size, kind="avg_pool2d"):
        self.layers.append(Layer(name, kind, (source,), kernel=(size, size), stride=(size, size)))
        return name

    def join(self, name, kind, sources, **more):
        self.layers.append(Layer(name, kind, tuple(sources), **more))
        return name


def every_feature(seed=1):
    """Unequal strides and pads, a kernel that is not square, 2x2 and 4x4 pools, a 3x3 average that
    goes into weights, residual branches by identity and by a 1x1 convolution of stride 2, two
    destinations, a concatenation, biases, a layer of 256 features that no one core holds, and all
    nine cores of the chip."""
    b = Builder(seed, (2, 98, 48))
    b.conv("conv1", "input", 8, (5, 5), (2, 1), (1, 2), bias=0.1, scale=3.0)       # 8 x 48 x 48
    b.pool("half", "conv1", 2)                                                     # 8 x 24 x 24
    b.conv("tall", "half", 8, (3, 1), pad=(1, 0), scale=2.0)
    b.conv("branch", "tall", 8, (3, 3), pad=(1, 1), bias=0.05, activation="none")
    b.join("sum1", "add", ["branch", "half"], activation="relu")
    b.conv("main", "sum1", 16, (3, 3), (2, 2), (1, 1), activation="none", mean=0.0)
    b.conv("short", "tall", 16, (1, 1), (2, 2), activation="none", mean=0.0)
    b.join("sum2", "add", ["main", "short"], activation="relu")                    # 16 x 12 x 12
    b.conv("left", "sum2", 16, (3, 3), pad=(1, 1), bias=0.1, mean=0.0)
    b.conv("right", "sum2", 16, (1, 1), mean=0.0)
    b.join("both", "concat", ["left", "right"])                                    # 32 x 12 x 12
    b.pool("quarter", "both", 4)
    b.pool("ninth", "quarter", 3)
    b.dense("wide", "ninth", 256, bias=0.1, scale=4.0, mean=0.0)
    b.dense("out", "wide", 10, bias=0.1, activation="none", mean=0.0)
    return b.model()


def spiking(seed):
    """A net that arrived spiking, whose layers reset to zero and by subtraction."""
    b = Builder(seed, (1, 9, 12))
    b.conv("conv", "input", 6, (3, 3), bias=0.05, activation="none", scale=2.0)
    one = np.array([1.0], np.float32)
    neurons = lambda reset: Neurons(one, 0.25 * one, -0.5 * one, reset)
    b.join("zero", "if", ["conv"], neurons=neurons("zero"))
    b.conv("next", "zero", 7, (2, 2), (2, 1), pad=(1, 0), activation="none", scale=2.0)
    b.join("rest", "if", ["next"], neurons=neurons("subtract"))
    b.dense("last", "rest", 5, activation="none", scale=2.0)
    b.join("out", "if", ["last"], neurons=neurons("zero"))
    return b.model()


def drawn(seed):
    """A chain with a branch here and there."""
    b = Builder(seed, (int(seed % 3 + 1), 12, int(8 + seed % 5)))
    pick = lambda *choices: choices[b.rng.integers(len(choices))]
    tip, bias = "input", 0.1 if seed % 2 else 0.0
    for i in range(pick(1, 2, 2)):
        if min(b.shape(tip)[1:]) < 3:
            break
        k, s = pick(1, 2, 3), (pick(1, 2), pick(1, 1, 2))
        features = pick(3, 4, 6, 9)
        tip = b.conv(f"conv{i}", tip, features, (k, pick(k, 1)), s, (pick(0, 1), pick(0, 1)),
                     bias=bias * pick(0, 1), scale=2.0)
        kind = pick("none", "residual", "bottleneck", "concat")
        if kind == "residual":
            b.conv(f"res{i}", tip, features, (3, 3), pad=(1, 1), bias=bias, activation="none")
            tip = b.join(f"add{i}", "add", [f"res{i}", tip], activation="relu")
        elif kind == "bottleneck":
            b.conv(f"in{i}", tip, 3, (1, 1), scale=2.0)
            b.conv(f"res{i}", f"in{i}", features, (3, 3), pad=(1, 1), activation="none")
            tip = b.join(f"add{i}", "add", [f"res{i}", tip], activation="relu")
        elif kind == "concat":
            b.conv(f"one{i}", tip, 3, (3, 3), pad=(1, 1), bias=bias, scale=2.0)
            b.conv(f"two{i}", tip, 5, (1, 1), scale=2.0)
            tip = b.join(f"cat{i}", "concat", [f"one{i}", f"two{i}"])
        size = pick(1, 1, 2, 4)
        if min(b.shape(tip)[1:]) >= size > 1:
            tip = b.pool(f"pool{i}", tip, size, pick("avg_pool2d", "sum_pool2d"))
    if seed % 4 == 0:
        tip = b.dense("hidden", tip, pick(6, 11), bias=bias, scale=3.0)
    b.dense("out", tip, pick(2, 3, 4), bias=bias, activation="none", scale=3.0)
    return b.model()


# ---- Input ----

def make_events(rng, shape, samples, steps, count):
    """Events (sample, step, time, place) in the order of time."""
    events = []
    for sample, step in itertools.product(range(samples), range(steps)):
        times = np.sort(rng.integers(0, TIME_MAX, count))
        places = [tuple(int(rng.integers(size)) for size in shape) for _ in times]
        events += [(sample, step, int(t), place) for t, place in zip(times, places)]
    return events


def write_events(path, events, shape, samples, steps):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{samples} {steps}\n")
        for sample, step, time, (c, y, x) in events:
            file.write(f"{sample} {step} {time} {(y * shape[2] + x) * shape[0] + c}\n")


def in_order(events, order, seed, shape, sample, step):
    """(time, place) as the events of a step come."""
    here = [event for event in events if event[:2] == (sample, step)]
    if order == "recorded":
        return [(time, place) for _, _, time, place in here]
    counts = np.zeros(shape, int)
    for *_, place in here:
        counts[place] += 1
    return [(time, place)
            for time, _, place in snn_async.arrivals(counts, order, seed, sample, step)]


# ---- Three runs ----

def parse(text):
    """{run: {(letter, sample, step, population or None): numbers}}"""
    runs, now = collections.defaultdict(dict), None
    for line in text.splitlines():
        letter, *words = line.split()
        if letter == "run":
            now = runs[words[0]]
            continue
        numbers = [int(word) for word in words]
        fixed = 3 if letter == "s" else 2
        key = (letter, *numbers[:fixed]) + (() if fixed == 3 else (None,))
        now[key] = np.array(numbers[fixed:])
    return runs


def compare(what, at, expected, found):
    if expected.shape != found.shape:
        yield f"{what} at {at}: {found.shape} numbers, expected {expected.shape}"
    elif (expected != found).any():
        where = int(np.argmax(expected != found))
        yield f"{what} at {at}: {found[where]} at {where}, expected {expected[where]}"


def compare_net(chip, run, sample, step):
    """Spikes of the net's layers, which may lie on several cores and be spread."""
    last = chip.cores[-1].layer
    for number, (_, cores) in enumerate(itertools.groupby(chip.cores, key=lambda core: core.layer)):
        parts = []
        for core in cores:
            spread = chip.spread if core.layer == last else 1
            parts.append(core.spikes[::spread])
        yield from compare("net, layer", (sample, step, core.name),
                           np.concatenate(parts).reshape(-1), run["s", sample, step, number])


def compare_program(chip, run, sample, step):
    for number, core in enumerate(chip.cores):
        yield from compare("program, core", (sample, step, core.index), core.spikes.reshape(-1),
                           run["s", sample, step, number])
    for letter, field in (("e", "events"), ("a", "synops")):
        yield from compare(f"program, {field}", (sample, step),
                           np.array([getattr(core, field) for core in chip.cores]),
                           run[letter, sample, step, None])


def compare_device(runs):
    """The program behind the wire with the program itself: all that is told of them."""
    if runs["device"].keys() != runs["program"].keys():
        yield "the device tells of other steps than the program"
        return
    for key, expected in runs["program"].items():
        yield from compare("device", key, expected, runs["device"][key])
    if not any(key[0] == "w" for key in runs["program"]):
        yield "no spike was watched"


def compare_runs(chip, runs, events, size, order, seed):
    """Of all samples and steps. The first step that differs is enough."""
    samples, steps = size
    for sample in range(samples):
        chip.reset()
        for step in range(steps):
            counts = chip.step(in_order(events, order, seed, chip.input, sample, step))
            found = [*compare_program(chip, runs["program"], sample, step),
                     *compare_net(chip, runs["net"], sample, step)]
            for name in ("program", "net"):
                found += compare(f"{name}, classes", (sample, step), counts,
                                 runs[name]["o", sample, step, None])
            if found:
                yield from found
                return


class Bench:
    """A folder and the program under test."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.fired = collections.Counter()  # by net and order, of all its cores
        self.seen = collections.Counter()   # what programs had

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, chip, *options):
        return subprocess.run([self.program, self.path("model.json"), chip, self.path("net.chip.json"),
                               self.path("events"), *options], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def put(self, model, seed, count, size=(2, 3)):
        """Writes a model and events for it."""
        shape = model.layers[0].shape
        write(self.path("model.json"), model)
        events = make_events(np.random.default_rng(seed), shape, *size, count)
        write_events(self.path("events"), events, shape, *size)
        return events

    def run(self, key, chip_name, events, size, order, seed, options):
        """Complaints; None where the net does not fit."""
        answer = self.call(chip_name, f"order={order}", f"seed={seed}", *options)
        if answer.returncode == DOES_NOT_FIT:
            return None
        if answer.returncode != 0:
            return [f"status {answer.returncode}: {answer.stderr}"]
        chip = Chip(self.path("net.chip.json"))
        runs = parse(answer.stdout)
        complaints = list(compare_runs(chip, runs, events, size, order, seed))
        complaints += itertools.islice(compare_device(runs), 3)
        self.look(chip)
        for (letter, *_), numbers in runs["program"].items():
            self.fired[key, order] = hash((self.fired[key, order], letter, numbers.tobytes()))
        return [f"{order}, seed {seed}, {chip_name}: {text}" for text in complaints]

    def look(self, chip):
        """Notes what the program has, and which of its cores fired."""
        for core in chip.cores:
            self.seen["part"] += core.part > 0
            self.seen["two destinations"] += len(core.destinations) > 1
            self.seen["unequal strides"] += core.stride[0] != core.stride[1]
            self.seen["unequal pads"] += core.pad[0] != core.pad[1]
            self.seen["stride 2"] += 2 in core.stride
            self.seen["bias"] += core.bias is not None
            self.seen["reset to zero"] += core.to_zero
            self.seen["spikes"] += core.spikes.any()
            self.seen["silence"] += not core.spikes.any()
            for to in core.destinations:
                self.seen[f"pooling {to.pooling}"] += 1
                self.seen["several sources"] += to.feature_shift > 0 and to.layer != chip.readout
        self.seen["spread"] += chip.spread > 1
        self.seen["sensor with two destinations"] += len(chip.sensor) > 1


# ---- Tests ----

def feature_net(bench, chip, reset, orders):
    """The whole list, and that no core is silent."""
    size = (1, 2)
    events = bench.put(every_feature(), 5, 120, size)
    bench.seen.clear()
    for seed, order in (*enumerate(orders), (99, "random")):
        complaints = bench.run(("every", chip, reset), chip, events, size, order, seed,
                               [f"reset={reset}"])
        if complaints is None:
            yield f"does not fit {chip}: {bench.call(chip).stderr}"
            return
        yield from complaints
    wanted = ["part", "two destinations", "unequal strides", "unequal pads", "stride 2", "bias",
              "pooling 2", "pooling 4", "several sources", "spikes"]
    wanted += ["reset to zero"] if reset == "zero" else []
    wanted += ["spread"] if chip.startswith("speck") else []
    for feature in wanted:
        if bench.seen[feature] == 0:
            yield f"the net has no {feature}"
    if bench.seen["silence"] > 0:
        yield f"{bench.seen['silence']} cores are silent"


def orders_matter(bench):
    """That the feature net fires otherwise in another order, so that a mixed-up one is noticed."""
    for chip in ("speck2f", "dynapcnn"):
        runs = [bench.fired[("every", chip, "subtract"), order] for order in ORDERS]
        if len(set(runs)) < len(runs):
            yield f"{chip}: {len(set(runs))} of {len(runs)} orders differ"


def net_that_arrived_spiking(bench):
    bench.seen.clear()
    for seed, chip in enumerate(CHIPS):
        events = bench.put(spiking(seed), seed, 60)
        for order in ORDERS:
            complaints = bench.run(("spiking", seed), chip, events, (2, 3), order, seed, [])
            yield from ["does not fit"] if complaints is None else complaints
    if bench.seen["reset to zero"] == 0 or bench.seen["spikes"] == 0:
        yield "nothing was reset to zero"


def layers_on_two_cores(bench):
    """Every layer that can be is shared by two cores that its user names, the output too. Behind
    the first of them are branches, where it shows whether its ticks come together."""
    b = Builder(11, (2, 8, 8))
    b.conv("conv", "input", 6, (3, 3), bias=0.6, scale=2.0)
    b.conv("near", "conv", 6, (1, 1), scale=2.0)
    b.conv("far", "near", 6, (3, 3), pad=(1, 1), activation="none", mean=0.0, scale=2.0)
    b.join("sum", "add", ["far", "conv"], activation="relu")
    b.pool("pool", "sum", 2)
    b.dense("hidden", "pool", 9, bias=0.3, mean=0.0, scale=2.0)
    b.dense("out", "hidden", 5, bias=0.3, activation="none", scale=2.0)
    events = bench.put(b.model(), 2, 20)
    bench.seen.clear()
    for chip in CHIPS:
        for number, order in enumerate(ORDERS):
            options = ["core=conv:0:4", "core=hidden:7:2", "core=out:5:3"]
            complaints = bench.run(("pinned", chip), chip, events, (2, 3), order, number, options)
            yield from ["does not fit"] if complaints is None else complaints
    if bench.seen["part"] != 3 * len(CHIPS) * len(ORDERS) or not bench.seen["spikes"]:
        yield f"{bench.seen['part']} second halves"


def biases_of_zero(bench):
    """A tick of 0 makes a neuron fire that was left above its threshold: so it matters whether
    there is one where biases are 0 on one of two cores, and where they vanish in whole numbers."""
    for seed, chip in itertools.product(range(3), CHIPS):
        b = Builder(seed, (1, 5, 5))
        b.conv("half", "input", 6, (2, 2), bias=0.3, scale=4.0, mean=1.0)
        b.layers[-1].bias[3 * (seed % 2):][:3] = 0
        b.conv("none", "half", 4, (3, 3), bias=1e-5, scale=4.0, mean=1.0)
        b.dense("out", "none", 3, bias=0.0, activation="none", scale=4.0)
        b.layers[-1].bias = np.zeros(3, np.float32)
        events = bench.put(b.model(), seed, 6)
        for order in ORDERS:
            complaints = bench.run(("zero", seed), chip, events, (2, 3), order, seed,
                                   ["core=half:0:4", "v0=0"])
            yield from ["does not fit"] if complaints is None else complaints
    if not bench.seen["spikes"]:
        yield "silence"


def drawn_nets(bench, seeds):
    """Each in one order, on one chip; at least two thirds of them fit."""
    fitted = 0
    bench.seen.clear()
    for seed in seeds:
        model, chip, order = drawn(seed), CHIPS[seed % 3], ORDERS[seed % 4]
        events = bench.put(model, seed, 40)
        options = [f"reset={'zero' if seed % 5 == 0 else 'subtract'}",
                   f"v_min={('none', '-1', '-0.25')[seed % 3]}", f"v0={(0.5, 0)[seed % 2]}",
                   f"quant={'mse' if seed % 7 == 0 else 'max'}"]
        complaints = bench.run(("drawn", seed), chip, events, (2, 3), order, seed, options)
        fitted += complaints is not None
        for text in complaints or ():
            yield f"net {seed}: {text}"
    if 3 * fitted < 2 * len(seeds):
        yield f"only {fitted} of {len(seeds)} nets fit"
    for feature in ("two destinations", "several sources", "bias", "pooling 2", "reset to zero"):
        if bench.seen[feature] == 0:
            yield f"no net has {feature}"
    if bench.seen["silence"] > bench.seen["spikes"] / 4:
        yield f"{bench.seen['silence']} cores are silent, {bench.seen['spikes']} fire"


def main():
    tap, soak = Tap(), bool(os.environ.get("SNN_SOAK"))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], folder)
        for chip, reset in (("speck2f", "subtract"), ("dynapcnn", "subtract"), ("speck2f", "zero")):
            orders = ORDERS if reset == "subtract" else ORDERS[1:2]
            tap.test(f"a net of every feature on {chip}, reset {reset}", feature_net, bench, chip,
                     reset, orders)
        tap.test("orders of events are told apart", orders_matter, bench)
        tap.test("nets that arrived spiking", net_that_arrived_spiking, bench)
        tap.test("layers on two cores", layers_on_two_cores, bench)
        tap.test("biases of zero", biases_of_zero, bench)
        tap.test("drawn nets", drawn_nets, bench, range(DRAWN_SOAK if soak else DRAWN))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
