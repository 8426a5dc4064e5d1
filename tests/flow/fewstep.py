"""What snnconvert measures on a spiking net, against the oracle: fewstep.py SNNSIM

spike, bias, potential and offset are computed by their definitions (docs/semantics.md) from what the
oracle's simulation gives for every neuron and step, layer by layer; with the corrections in place
snnsim must agree with the oracle in every spike. auto is held against accuracies and SynOps of runs
of snnsim itself.
"""

import dataclasses
import json
import os
import struct
import subprocess
import sys
import tempfile

# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle")

import numpy as np

import snn_chip
import snn_encode
import snn_lower
import snn_model
import snn_oracle
from snn_harness import Tap, Tool, spike_differences
from snn_model import Layer
from snn_window import convolve, sum_pool

FRAMES, STEPS, SEED = 37, 5, 3


# ---- A net with every kind of layer that has neurons, and its frames ----

def make_model(rng):
    def weights(*shape):
        spread = 1.6 / np.sqrt(np.prod(shape[1:]))
        return rng.normal(0.25 * spread, spread, shape).astype(np.float32)

    layers = [
        Layer("input", "input", shape=(2, 7, 7)),
        Layer("conv", "conv2d", ("input",), weights=weights(4, 2, 2, 2), kernel=(2, 2),
              activation="relu"),
        Layer("inner", "conv2d", ("conv",), weights=weights(4, 4, 1, 1), kernel=(1, 1),
              activation="none"),
        Layer("join", "add", ("conv", "inner"), activation="relu"),
        Layer("pool", "avg_pool2d", ("join",), kernel=(2, 2), stride=(2, 2)),
        Layer("dense", "dense", ("pool",), weights=weights(6, 36), activation="relu",
              bias=rng.normal(0, 0.2, 6).astype(np.float32)),
        Layer("out", "dense", ("dense",), weights=weights(3, 6), activation="none",
              bias=np.array([-0.3, 0.0, -0.2], np.float32)),
    ]
    return snn_model.derive_shapes(snn_model.Model("few", layers, "out"))


def evaluate(model, x):
    """The CNN in float64, x [frame][channels][rows][columns]: values of every layer."""
    values = {"input": x.astype(np.float64)}
    for layer in model.layers[1:]:
        first = values[layer.inputs[0]]
        if layer.kind == "conv2d":
            y = convolve(np.zeros((len(x), *layer.shape)), first, layer,
                         layer.weights.astype(np.float64), "cyx")
        elif layer.kind == "dense":
            y = (first.reshape(len(x), -1) @ layer.weights.T.astype(np.float64))[..., None, None]
        elif layer.kind == "add":
            y = sum(values[name] for name in layer.inputs)
        else:
            y = sum_pool(first, layer) / (layer.kernel[0] * layer.kernel[1])
        if layer.bias is not None:
            y = y + layer.bias[:, None, None]
        values[layer.name] = np.maximum(y, 0) if layer.activation == "relu" else y
    return values


# ---- The procedures, by their definitions ----

class Bench:
    """A model and its frames, encoded."""

    def __init__(self, model, frames, encoding, options):
        self.model, self.options = model, options
        x = snn_encode.intensities(frames)
        self.values = evaluate(model, x)
        self.input = np.stack([snn_encode.encode(frame, encoding, STEPS, SEED, i)
                               for i, frame in enumerate(x)])
        self.analog = encoding == "current"
        self.neuronal = [layer for layer in model.layers if model.is_neuronal(layer)]

    def run(self, layer, norm, corrections=(), membrane=False):
        """The last population and its activity of the net that ends at a layer."""
        options = dataclasses.replace(self.options, norm=norm, corrections=tuple(corrections))
        lowering = snn_lower.Lowering(dataclasses.replace(self.model, output=layer.name), options)
        # The layer is no output here, where all channels would have one threshold.
        lowering.model.output = layer.name if layer.name == self.model.output else None
        lowering.needed = lambda: {known.name for known in self.model.layers}
        layers = self.model.layers
        lowering.model.layers = layers[:layers.index(layer) + 1]
        populations = lowering.run()
        if membrane:
            populations[-1] = snn_lower.readout(populations[-1], options, None)
        if options.arith == "chip":
            populations = [snn_chip.quantise(population, "max") for population in populations]
        return populations[-1], snn_oracle.simulate(populations, self.input, self.analog)[-1]

    def spike(self):
        """The largest current of a step, from the first layer to the last."""
        found = {layer.name: np.zeros(1, np.float32) for layer in self.neuronal}
        self.model.recipes["spike"] = found
        for layer in self.neuronal:
            _, activity = self.run(layer, "spike")
            found[layer.name] = np.array([max(activity.current.max(), 0)], np.float32)
        return found

    def correct(self, name, kind, norm, earlier):
        """bias or potential."""
        found = {}
        self.model.corrections[name] = (kind, found)
        for layer in self.neuronal:
            at_end = layer.name == self.model.output
            if kind == "potentials" and at_end:
                continue
            population, activity = self.run(layer, norm, (*earlier, name), membrane=at_end)
            emitted = (activity.potential[:, -1] if at_end else activity.spikes.sum(axis=1))
            emitted = emitted.astype(np.float64) * population.scale[:, None, None]
            if at_end and population.chip:
                emitted = emitted / float(population.chip.scale)
            missing = (self.values[layer.name] - emitted / STEPS).mean(axis=0)
            found[layer.name] = (missing.mean(axis=(1, 2)) if kind == "biases"
                                 else missing.reshape(-1) * STEPS).astype(np.float32)
        return found

    def silent(self, norm, corrections):
        """Frames without an output spike."""
        _, activity = self.run(self.neuronal[-1], norm, corrections)
        return int((activity.spikes.sum(axis=(1, 2, 3, 4)) == 0).sum())


# ---- Running the tools ----

def convert(tool, model, frames, *arguments, steps=STEPS):
    """The bytes of the model that snnconvert writes."""
    snn_model.write(tool.path("raw.json"), model)
    np.save(tool.path("frames.npy"), frames)
    program = os.path.join(os.path.dirname(tool.program), "snnconvert")
    command = [program, tool.path("raw.json"), "-q", "-c", tool.path("frames.npy"), "-t", steps,
               "-s", SEED, *arguments, "-o", tool.path("out.json"), "--no-verify"]
    answer = subprocess.run([str(part) for part in command], text=True, check=False,
                            capture_output=True)
    if answer.returncode != 0:
        raise RuntimeError(f"{command}: {answer.stderr}")
    with open(tool.path("out.json"), "rb") as file:
        return file.read()


def close(expected, found, what, tolerance=2e-5):
    if set(expected) != set(found):
        yield f"{what}: layers {sorted(found)}, expected {sorted(expected)}"
        return
    for layer, values in expected.items():
        if values.shape != found[layer].shape:
            yield f"{what}, {layer}: {found[layer].shape}, expected {values.shape}"
        elif not np.allclose(values, found[layer], rtol=tolerance, atol=tolerance):
            worst = np.abs(values - found[layer]).argmax()
            yield f"{what}, {layer}: {found[layer][worst]}, expected {values[worst]}"


def case(seed):
    rng = np.random.default_rng(seed)
    return make_model(rng), rng.integers(0, 256, (FRAMES, 2, 7, 7), np.uint8)


# ---- Tests ----

def spike_thresholds(tool, encoding):
    model, frames = case(1)
    convert(tool, model, frames, "-e", encoding, "-r", "spike")
    found = snn_model.read(tool.path("out.json")).recipes["spike"]
    yield from close(Bench(model, frames, encoding, snn_lower.Options()).spike(), found, "spike")


def both_corrections(model, frames, encoding, norm, options):
    """bias, then potential on top of it, as the oracle finds them: bench, names, values."""
    kind = ":chip" if options.arith == "chip" else ""
    kind += ":v0=0" if options.v0 == 0 else f":n-max={options.n_max}" if options.n_max else ""
    where = f":{norm}@sim{kind}:{encoding}:{STEPS}"
    first, second = "bias" + where, "potential+bias" + where
    bench = Bench(dataclasses.replace(model, corrections={}), frames, encoding, options)
    bias = bench.correct(first, "biases", norm, ())
    potential = bench.correct(second, "potentials", norm, (first,))
    return bench, (first, second), (bias, potential)


def simulate_both(tool, bench, names, encoding, norm, *arguments):
    """Every spike with both corrections in place, by the oracle and by snnsim."""
    options = dataclasses.replace(bench.options, norm=norm, corrections=names)
    activities = snn_oracle.simulate(snn_lower.lower(bench.model, options), bench.input,
                                     bench.analog)
    counts, layers, _ = tool.run(tool.path("out.json"), "--norm", norm, "--correct", "bias",
                                 "--correct", "potential", "--encoding", encoding, "--timesteps",
                                 STEPS, "--seed", SEED, "--data", tool.path("frames.npy"),
                                 *arguments)
    yield from spike_differences(activities, counts, layers)


def corrections(tool, encoding, norm):
    """What snnconvert stores, and what it does to every spike."""
    model, frames = case(2)
    recipes = ["-r", norm] if norm == "mse:4" else []
    convert(tool, model, frames, "-e", encoding, "--norm", norm, *recipes, "-r", "bias", "-r",
            "potential")
    found = snn_model.read(tool.path("out.json"))
    bench, names, values = both_corrections(found, frames, encoding, norm, snn_lower.Options())
    for name, expected in zip(names, values):
        yield from close(expected, found.corrections[name][1], name)
    bench.model.corrections = found.corrections  # to the bit
    yield from simulate_both(tool, bench, names, encoding, norm)


def corrections_of_a_run(tool, arguments, **options):
    """snnsim --calibrate: values that differ in the last bits leave the spikes of chips alone, and
    those of inputs whose potentials do not come to lie on thresholds."""
    model, frames = case(2)
    convert(tool, model, frames)
    found = snn_model.read(tool.path("out.json"))
    bench, names, _ = both_corrections(found, frames, "bernoulli", "p99.9",
                                       snn_lower.Options(**options))
    yield from simulate_both(tool, bench, names, "bernoulli", "p99.9", "--calibrate",
                             tool.path("frames.npy"), *arguments)


def offset(tool):
    """no calibration frame is silent, and one hundredth less leaves one"""
    model, frames = case(2)
    model.layers[-1].bias[:] = -1.2
    convert(tool, model, frames, "--norm", "max", "-r", "offset")
    name = f"offset:max@sim:rate:{STEPS}"
    found = snn_model.read(tool.path("out.json"))
    bench = Bench(found, frames, "rate", snn_lower.Options())
    before = bench.silent("max", ())
    if before == 0:
        yield "the case has no silent frame"
    if bench.silent("max", (name,)) != 0:
        yield "silent frames with the offset"
    value = found.corrections[name][1]["out"]
    if value.shape != (1,) or not value[0] > 0:
        yield f"offset {value}"
    found.corrections[name] = ("biases", {"out": value * np.float32(0.99)})
    if bench.silent("max", (name,)) == 0:
        yield "a smaller offset would do"


def threads(tool):
    """the same bytes for 1, 2 and 7 threads, asynchronous too"""
    model, frames = case(3)
    recipes = [part for name in ("spike", "auto", "bias", "potential", "offset")
               for part in ("-r", name)]
    for more in ([], ["--target", "sim:async,order=random,seed=5"]):
        written = [convert(tool, model, frames, "-e", "bernoulli", *recipes, *more, "--threads",
                           count, steps=24) for count in (1, 2, 7)]
        if len(set(written)) != 1:
            yield f"the files differ ({more})"


def automatic(tool):
    """auto is the candidate with the fewest SynOps within 0.3 points of the CNN"""
    model, frames = case(4)
    labels = evaluate(model, snn_encode.intensities(frames))["out"].reshape(FRAMES, -1).argmax(1)
    convert(tool, model, frames, "-r", "auto", steps=24)
    found = snn_model.read(tool.path("out.json"))
    with open(tool.path("out.json"), encoding="utf-8") as file:
        chosen = next(r for r in json.load(file)["recipes"] if r["name"] == "auto")
    path = tool.path("labels-idx1-ubyte")
    with open(path, "wb") as file:
        file.write(struct.pack(">II", 0x801, FRAMES) + bytes(int(label) for label in labels))
    best = None
    for norm in ("none", "max", "p99.9", "p99", "mse:4", "mse:8", "mse:16", "ltb"):
        common = [tool.path("out.json"), "--norm", norm, "--data", tool.path("frames.npy"),
                  "--labels", path, "--seed", SEED]
        by_step = tool.run(*common, "--timesteps", 24)[2]["accuracy_by_step"]
        steps = next((t + 1 for t, a in enumerate(by_step) if a >= 1 - 0.003), None)
        if steps is None:
            continue
        synops = tool.run(*common, "--timesteps", steps)[2]["synops_mean"]
        if best is None or synops < best[0]:
            best = synops, norm, steps
    if best is None:
        yield "no candidate is near enough"
    elif best[1:] != (chosen["norm"], chosen["timesteps"]):
        yield f"auto chose {chosen['norm']}, {chosen['timesteps']} steps, not {best}"
    elif "auto" not in found.recipes:
        yield "no thresholds"


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(os.path.abspath(sys.argv[1]), folder)
        for encoding in ("rate", "bernoulli", "current"):
            tap.test(f"spike thresholds, {encoding}", spike_thresholds, tool, encoding)
            for norm in ("p99.9", "mse:4", "none"):
                tap.test(f"corrections, {encoding}, {norm}", corrections, tool, encoding, norm)
        tap.test("corrections of a run, v0 = 0", corrections_of_a_run, tool, ["--v0", 0], v0=0.0)
        tap.test("corrections of a run, in chip arithmetic", corrections_of_a_run, tool,
                 ["--arith", "chip"], arith="chip")
        tap.test("corrections of a run, one spike a step at most", corrections_of_a_run, tool,
                 ["--n-max", 1], n_max=1)
        tap.test(offset.__doc__, offset, tool)
        tap.test(automatic.__doc__, automatic, tool)
        tap.test(threads.__doc__, threads, tool)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
