"""Where nets lie on a chip, and why others do not: place.py PLACED SNNCONVERT [--update]

PLACED (placed.c) tells what snn_place finds. The tables of words and cores below are worked out by
hand; for each constraint there is a net that violates it alone, whose report is held byte for byte
against tests/golden/place.txt (--update rewrites it, for a look at the difference). SNNCONVERT must
tell the same of all nets that can be had with its options.
"""

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.join(HERE, "oracle")

import numpy as np

import snn_model
from snn_harness import Tap
from snn_layers import Builder

ROOT = os.path.dirname(os.path.dirname(HERE))
GOLDEN = os.path.join(ROOT, "tests", "golden", "place.txt")
FITS, NO_FIT = 0, 78


class Placed:
    """The program, in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def write(self, model):
        path = os.path.join(self.folder, "model.json")
        snn_model.write(path, model)
        return path

    def run(self, model, chip, *options):
        return subprocess.run([self.program, self.write(model), chip, *options], text=True,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def chip(self, name, **changes):
        """A built-in profile with other members; `bias_words` and the like are of all cores."""
        with open(os.path.join(ROOT, "data", "chips", "dynapcnn.json"), encoding="utf-8") as file:
            profile = json.load(file)
        for key, value in changes.items():
            if key.endswith("_words"):
                for core in profile["cores"]:
                    core[key] = value
            else:
                profile[key] = value
        path = os.path.join(self.folder, f"{name}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**profile, "name": name}, file)
        return path


# ---- Nets that fit ----

def lenet(padding=0, features=(6, 16), dense=(120, 84, 10)):
    """LeNet-5 on 28x28 pixels, with biases."""
    b = Builder("lenet", 1, 28, 28)
    b.conv("conv1", features[0], 5, padding=padding, bias=True)
    b.pool("pool1", 2)
    b.conv("conv2", features[1], 5, bias=True)
    b.pool("pool2", 2)
    for number, count in enumerate(dense, 1):
        b.dense(f"fc{number}", count, bias=True)
    return b.model()


def three_convolutions():
    b = Builder("three", 1, 28, 28)
    for number, (features, kernel) in enumerate(((20, 5), (32, 5), (128, 3)), 1):
        b.conv(f"conv{number}", features, kernel)
        b.pool(f"pool{number}", 2)
    b.dense("fc1", 500)
    b.dense("fc2", 10)
    return b.model()


# kernel = channels * 2^(ceil log2 k k) * 2^(ceil log2 features): of LeNet-5 1 * 32 * 8, 6 * 32 * 16,
# 16 * 16 * 128 (its maps are 28 -> 24 -> 12 -> 8 -> 4), 120 * 1 * 128, 84 * 1 * 16.
# neurons = features * 2^(ceil log2 rows) * 2^(ceil log2 columns): 6 * 32 * 32, 16 * 8 * 8.
# Cores have 16 16 16 32 32 64 64 16 16 Ki words for kernels, 64 64 64 32 32 16 16 16 16 Ki for
# neurons. Each layer takes the first core that is free and holds it: 32768 words for fc1 on 3.
LENET = [(256, 6144, 6), (3072, 1024, 16), (32768, 120, 120), (15360, 84, 84), (1344, 10, 10)]
# Padded, its maps are 28 -> 14 -> 10 -> 5: fc1 needs 16 * 32 * 128 words, which only 5 and 6 have.
PADDED = [(256, 6144, 6), (3072, 4096, 16), (65536, 120, 120), (15360, 84, 84), (1344, 10, 10)]
# 28 -> 24 -> 12 -> 8 -> 4 -> 2 -> 1: 1 * 32 * 32, 20 * 32 * 32, 32 * 16 * 128, 128 * 512, 500 * 16.
# conv2's 20480 fit cores 3 to 6, conv3 and fc1 only 5 and 6; fc2's 8000 the first that is free.
THREE = [(1024, 20480, 0), (20480, 2048, 0), (65536, 512, 0), (65536, 500, 0), (8000, 10, 0)]
# Speck's readout sees every fourth feature of the last layer: 9 * 4 + 1 = 37 lie in memory, their
# kernels in rooms of 64. So 84 * 64 words for LeNet-5, which any core holds, and 500 * 64 = 32000
# for the other, which cores 3 to 6 hold, of which 4 is free.
SPREAD_5, SPREAD_500 = (5376, 37, 37), (32000, 37, 0)

PLACED = [
    ("LeNet-5", lenet, "dynapcnn", LENET, [0, 1, 3, 2, 4]),
    ("LeNet-5 with padding", lambda: lenet(padding=2), "dynapcnn", PADDED, [0, 1, 5, 2, 3]),
    ("three convolutions", three_convolutions, "dynapcnn", THREE, [0, 3, 5, 6, 1]),
    ("LeNet-5", lenet, "speck2f", [*LENET[:4], SPREAD_5], [0, 1, 3, 2, 4]),
    ("LeNet-5 with padding", lambda: lenet(padding=2), "speck2f", [*PADDED[:4], SPREAD_5],
     [0, 1, 5, 2, 3]),
    ("three convolutions", three_convolutions, "speck2f", [*THREE[:4], SPREAD_500],
     [0, 3, 5, 6, 4]),
    ("LeNet-5", lenet, "speck2e", [*LENET[:4], SPREAD_5], [0, 1, 3, 2, 4]),
]
LAYER = re.compile(r"^layer \S+: .*, words (\d+) (\d+) (\d+), core (\d+) \[0\.\.\d+\] ([\d ]+)$")


def compare_table(placed, make, chip, words, cores):
    answer = placed.run(make(), chip)
    if answer.returncode != FITS:
        yield answer.stdout + answer.stderr
        return
    layers = [LAYER.match(line) for line in answer.stdout.splitlines() if line[:6] == "layer "]
    found = [match and tuple(map(int, match.group(1, 2, 3))) for match in layers]
    if found != words or [int(match[4]) for match in layers] != cores:
        yield answer.stdout
    if any(match[5] != " ".join(match.group(1, 2, 3)) for match in layers):
        yield "the words of a part differ from those of its layer"


# ---- A net for each constraint ----

def kernel_memory(p):
    """50 * 16 * 512 words for fc1, of the 64 Ki that core 5 has"""
    return lenet(features=(20, 50), dense=(500, 10)), "dynapcnn", []


def kernel_memory_spread(p):
    """The output's features are spread for Speck's readout: 2048 * 64 words"""
    b = Builder("wide", 32, 8, 8)
    b.dense("fc1", 10)
    return b.model(), "speck2f", ["split=off"]


def neuron_memory(p):
    """40 * 64 * 64 words, of which two cores together hold 32 * 64 * 64"""
    b = Builder("maps", 1, 64, 64)
    b.conv("conv1", 40, 3, padding=1)
    b.pool("pool1", 4)
    b.conv("conv2", 2, 8, stride=8)
    return b.model(), "dynapcnn", []


def neuron_memory_whole(p):
    """20 * 64 * 64 words would fit two cores, but nothing is to be shared"""
    b = Builder("maps", 1, 64, 64)
    b.conv("conv1", 20, 3, padding=1)
    b.pool("pool1", 4)
    b.conv("conv2", 2, 8, stride=8)
    return b.model(), "dynapcnn", ["split=off"]


def both_memories(p):
    """Cores 5 and 6 have the 64 * 16 * 64 words for kernels, cores 0 to 2 the 64 * 32 * 32"""
    b = Builder("both", 64, 32, 32)
    b.conv("conv1", 64, 3, padding=1)
    b.pool("pool1", 4)
    b.conv("conv2", 2, 8)
    return b.model(), "dynapcnn", ["split=off"]


def bias_memory(p):
    b = Builder("biases", 1, 8, 8)
    b.conv("conv1", 40, 3, bias=True)
    b.conv("conv2", 4, 6)
    return b.model(), p.chip("few", bias_words=16), []


def kernel_size(p):
    b = Builder("large", 1, 28, 28)
    b.conv("conv1", 2, 17)
    return b.model(), "dynapcnn", []


def kernel_size_dense(p):
    b = Builder("dense", 1, 17, 17)
    b.dense("fc1", 10)
    return b.model(), "dynapcnn", []


def kernel_size_oblong(p):
    """Both axes must lose 16 of 28 positions: 17 + 2 * 0, 17 + 2 * 0"""
    b = Builder("oblong", 1, 28, 28)
    b.conv("conv1", 2, (17, 3), padding=(0, 1, 0, 1))
    return b.model(), "dynapcnn", []


def stride(p):
    b = Builder("stride", 1, 28, 28)
    b.conv("conv1", 2, 4, stride=3)
    return b.model(), "dynapcnn", []


def stride_pooled(p):
    """A 3x3 pool that is merged into a kernel which moves by 1 makes that move by 3"""
    b = Builder("pools", 1, 20, 20)
    b.conv("conv1", 4, 3)
    b.pool("pool1", 3)
    b.conv("conv2", 2, 3)
    return b.model(), "dynapcnn", []


def padding(p):
    b = Builder("padded", 1, 10, 10)
    b.conv("conv1", 2, 9, padding=8)
    return b.model(), "dynapcnn", []


def dilation(p):
    """As a full kernel of 5x5: 8 * 32 * 16"""
    b = Builder("dilated", 8, 12, 12)
    b.conv("conv1", 16, 3, dilation=2)
    b.conv("conv2", 2, 8)
    return b.model(), "dynapcnn", []


def dilation_behind_a_pool(p):
    """Written out, its kernel meets the border of a pool with overlapping windows, as in pooling"""
    b = Builder("pools", 1, 17, 17)
    b.conv("conv1", 4, 3, padding=1)
    b.pool("pool1", 3, stride=2)
    b.conv("conv2", 2, 3, padding=2, dilation=2)
    return b.model(), "dynapcnn", []


def groups(p):
    """As a full kernel: 8 * 16 * 16"""
    b = Builder("grouped", 8, 12, 12)
    b.conv("conv1", 16, 3, groups=4)
    b.conv("conv2", 2, 10)
    return b.model(), "dynapcnn", []


def pooling(p):
    """Overlapping windows could be part of the next kernel, if that did not see the border"""
    b = Builder("pools", 1, 17, 17)
    b.conv("conv1", 4, 3, padding=1)
    b.pool("pool1", 3, stride=2)
    b.conv("conv2", 2, 3, padding=1)
    return b.model(), "dynapcnn", []


def input_size(p):
    b = Builder("wide", 1, 132, 132)
    b.conv("conv1", 2, 4, stride=4)
    return b.model(), "dynapcnn", []


def output_size(p):
    b = Builder("maps", 1, 100, 100)
    b.conv("conv1", 2, 5, padding=2)
    b.pool("pool1", 4)
    b.conv("conv2", 2, 4, stride=4)
    return b.model(), "dynapcnn", []


def features(p):
    """Of the input: 1030 * 16 words would fit cores 3 to 6"""
    b = Builder("channels", 1030, 1, 1)
    b.dense("fc1", 10)
    return b.model(), "dynapcnn", []


def features_spread(p):
    """600 classes are 599 * 4 + 1 features, of which two cores hold 2 * 1024"""
    b = Builder("classes", 1, 1, 1)
    b.dense("fc1", 600)
    return b.model(), p.chip("spread", readout_spread=4, readout_classes=0), []


def destinations(p):
    b = Builder("fork", 1, 8, 8)
    b.conv("conv1", 4, 3, padding=1)
    for name in "abc":
        b.conv(name, 4, 3, after="conv1", padding=1)
    b.join("joined", "concat", "a", "b", "c")
    b.dense("fc1", 4)
    return b.model(), "dynapcnn", []


def destinations_input(p):
    b = Builder("fork", 1, 8, 8)
    for name in "abc":
        b.conv(name, 4, 3, after="input", padding=1)
    b.join("joined", "concat", "a", "b", "c")
    b.dense("fc1", 4)
    return b.model(), "dynapcnn", []


def destinations_halves(p):
    """'a' fits only shared, by which conv1 reaches three cores"""
    b = Builder("halves", 16, 2, 2)
    b.conv("conv1", 128, 1)
    b.conv("a", 192, 2, after="conv1")
    b.conv("b", 4, 2, after="conv1")
    b.join("joined", "concat", "a", "b")
    b.dense("fc1", 4)
    return b.model(), "dynapcnn", []


def window(p):
    """A kernel over what 'a' sees moves by 2 where that over what 'b' sees moves by 1"""
    b = Builder("branches", 1, 8, 8)
    b.conv("a", 2, 3, padding=1)
    b.conv("b", 2, 3, after="input", stride=2, padding=1)
    b.conv("c", 2, 3, after="a", stride=2, padding=1)
    b.layers[-1].activation = "none"
    b.conv("d", 2, 3, after="b", padding=1)
    b.layers[-1].activation = "none"
    b.join("sum", "add", "c", "d")
    b.dense("fc1", 4)
    return b.model(), "dynapcnn", []


def window_parity(p):
    """Rows lose 1 position and columns 2, so that no square kernel counts both right"""
    b = Builder("oblong", 1, 28, 28)
    b.conv("conv1", 2, (2, 3))
    return b.model(), "dynapcnn", []


def window_formless(p):
    """Lowered for no chip: the pool of 3 is not merged"""
    b = Builder("formless", 1, 12, 12)
    b.conv("conv1", 2, 3, padding=1)
    b.pool("pool1", 3)
    b.dense("fc1", 4)
    return b.model(), "dynapcnn", ["form=off"]


def spiking(**lists):
    b = Builder("spiking", 1, 6, 6)
    b.conv("conv1", 2, 3)
    b.neurons("spikes1", **lists)
    b.dense("fc1", 4)
    b.neurons("spikes2", threshold=[1.0])
    return b.model()


def threshold(p):
    return spiking(threshold=[1.0, 1.5], v_min=[-1.0]), "dynapcnn", []


def threshold_low(p):
    return spiking(threshold=[1.0], v_min=[-1.0, -2.0]), "dynapcnn", []


def threshold_low_zero(p):
    return spiking(threshold=[1.0], v_min=[0.0]), "speck2f", []


def bias(p):
    """Of 16 positions two have a bias of their own; lowered for the chip they would lose it"""
    b = Builder("positions", 1, 6, 6)
    b.conv("conv1", 2, 3)
    own = np.full((2, 4, 4), 0.5, np.float32)
    own[1, 2, 1:3] = 0.25
    b.layers[-1].bias = own
    b.dense("fc1", 4)
    return b.model(), "dynapcnn", ["form=off"]


def readout(p):
    return lenet(), "dynapcnn", ["readout=membrane"]


def readout_sum(p):
    """A net that arrived spiking and ends in a sum"""
    b = Builder("sum", 1, 6, 6)
    b.conv("conv1", 2, 3)
    b.neurons("spikes1", threshold=[1.0])
    b.dense("fc1", 4)
    b.layers[-1].activation = "none"
    return b.model(), "dynapcnn", []


def readout_gain(p):
    return lenet(), "dynapcnn", ["gain=2", "gain=4"]


def readout_classes(p):
    return lenet(dense=(120, 16)), "speck2f", []


def large_layers(count):
    """Layers of 64 * 1 * 1024 or 1024 * 1 * 64 words, which only cores 5 and 6 hold whole; then one
    of 256 that any does."""
    b = Builder("large", 64, 1, 1)
    for number in range(count):
        b.dense(f"fc{number + 1}", 64 if number % 2 else 1024)
    b.dense("out", 4)
    return b.model()


def cores(p):
    """Cores 5 and 6 take two of the four, 3 and 4 the halves of a third"""
    return large_layers(4), "dynapcnn", []


def cores_whole(p):
    return large_layers(3), "dynapcnn", ["split=off"]


def cores_all(p):
    """Eleven layers that fit anywhere"""
    b = Builder("deep", 4, 1, 1)
    for number in range(11):
        b.dense(f"fc{number + 1}", 4)
    return b.model(), "dynapcnn", []


def pin_memory(p):
    return lenet(), "dynapcnn", ["core=fc1:2"]


def pin_shared(p):
    """Halves of fc1 take 16 * 32 * 64 words, of which cores 0 and 1 have half"""
    return lenet(padding=2), "dynapcnn", ["core=fc1:0:1", "core=fc3:4"]


def pin_sources(p):
    """'a' sends 'sum' its spikes twice, pooled and as they are"""
    b = Builder("ways", 1, 8, 8)
    b.conv("a", 2, 1)
    b.dense("whole", 4)
    b.layers[-1].activation = "none"
    b.pool("pool", 2, after="a")
    b.dense("pooled", 4)
    b.layers[-1].activation = "none"
    b.join("sum", "add", "whole", "pooled")
    b.dense("out", 2)
    return b.model(), "dynapcnn", ["core=sum:3:4"]


def pin_half(p):
    """What fits no core whole is kept on one: conv1 of neuron_memory_whole"""
    return neuron_memory_whole(p)[0], "dynapcnn", ["core=conv1:0"]


def pin_features(p):
    """300 classes are 299 * 4 + 1 features, of which a core holds 1024"""
    b = Builder("classes", 1, 1, 1)
    b.dense("fc1", 300)
    return b.model(), p.chip("spread", readout_spread=4, readout_classes=0), ["core=fc1:2"]


def pin_twice(p):
    return lenet(), "dynapcnn", ["core=fc3:3", "core=1:3"]


def pin_away(p):
    """fc2 takes core 5 from the two layers that need 5 and 6"""
    return three_convolutions(), "dynapcnn", ["core=fc2:5", "split=off"]


CONSTRAINTS = {
    "kernel memory": (kernel_memory, kernel_memory_spread, both_memories),
    "neuron memory": (neuron_memory, neuron_memory_whole),
    "bias memory": (bias_memory,),
    "kernel size": (kernel_size, kernel_size_dense, kernel_size_oblong),
    "stride": (stride, stride_pooled),
    "padding": (padding,),
    "dilation": (dilation, dilation_behind_a_pool),
    "groups": (groups,),
    "pooling": (pooling,),
    "input size": (input_size,),
    "output size": (output_size,),
    "features": (features, features_spread),
    "destinations": (destinations, destinations_input, destinations_halves),
    "window": (window, window_parity, window_formless),
    "threshold": (threshold,),
    "lower clip": (threshold_low, threshold_low_zero),
    "bias": (bias,),
    "readout": (readout, readout_sum, readout_gain, readout_classes),
    "cores": (cores, cores_whole, cores_all),
    "pin": (pin_memory, pin_shared, pin_sources, pin_half, pin_features, pin_twice, pin_away),
}


def transcript(placed, make):
    """(status, findings as text)."""
    model, chip, options = make(placed)
    answer = placed.run(model, chip, "remedies=off", *options)
    lines = [line for line in answer.stdout.splitlines() if line[:6] not in ("layer ", "does n")]
    return answer.returncode, "\n".join(lines) + "\n" + answer.stderr


def read_golden():
    """{name of the case: text}."""
    if not os.path.exists(GOLDEN):
        return {}
    with open(GOLDEN, encoding="utf-8") as file:
        parts = re.split(r"^== (\w+)\n", file.read(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def compare_refusal(placed, make, constraint, expected):
    status, text = transcript(placed, make)
    if status != NO_FIT:
        yield f"status {status}"
    named = re.findall(r"^error: layer \S+: (.*) need \d+ limit \d+ core \S+$", text, re.MULTILINE)
    if named != [constraint]:
        yield f"violates {named}, not {constraint} alone"
    yield from difflib.unified_diff(expected.splitlines(), (text + "\n").splitlines(), "golden",
                                    "now", lineterm="")


def tool_options(options):
    """snnconvert's, or None where it has none of the kind."""
    words = []
    for option in options:
        key, value = option.split("=")
        if key != "core":
            return None
        words += ["--core", value.replace(":", "=", 1).replace(":", ",")]
    return words


def compare_tool(placed, tool, make, golden):
    """The findings, as the tool tells them, and its status."""
    model, chip, options = make(placed)
    answer = subprocess.run([tool, placed.write(model), "--norm", "none", "--check", chip,
                             *tool_options(options)], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if answer.returncode != NO_FIT:
        yield f"status {answer.returncode}"
    options = subprocess.run([tool, "--help"], text=True, check=True, stdout=subprocess.PIPE).stdout
    for option in set(re.findall(r"--[a-z][a-z-]*", answer.stdout + answer.stderr)):
        if not re.search(option + r"\b", options):
            yield f"{option} is no option of snnconvert"
    for text in re.findall(r"^  (.+)$", golden, re.MULTILINE):
        if text not in answer.stderr:
            yield f"{text!r} is not in\n{answer.stderr}"


def update(placed):
    with open(GOLDEN, "w", encoding="utf-8") as file:
        for cases in CONSTRAINTS.values():
            for make in cases:
                file.write(f"== {make.__name__}\n{transcript(placed, make)[1]}\n")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="snn-place-") as folder:
        placed, tool = Placed(sys.argv[1], folder), sys.argv[2]
        if "--update" in sys.argv:
            return update(placed)
        for name, make, chip, words, cores_ in PLACED:
            tap.test(f"{name} on {chip}", compare_table, placed, make, chip, words, cores_)
        golden = read_golden()
        for constraint, cases in CONSTRAINTS.items():
            for make in cases:
                name = make.__name__.replace("_", " ")
                text = golden.pop(make.__name__, "")
                tap.test(f"refused: {name}", compare_refusal, placed, make, constraint, text)
                if tool_options(make(placed)[2]) is not None:
                    tap.test(f"refused by the tool: {name}", compare_tool, placed, tool, make, text)
        tap.test("the golden file tells nothing else", lambda: golden)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
