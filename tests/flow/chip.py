"""Chip arithmetic against an independent one: chip.py SNNSIM LOWERED [NUMBER...]

Random nets as in oracle.py. LOWERED (lowered.c) must make the same whole numbers of them as the
oracle, every weight, bias, threshold and potential, and say the same of how. snnsim must then give
every spike of every layer, and all numbers of the JSON result, on each kernel and on one and three
threads; so it must on nets that are driven until potentials leave 16 bits, and on LeNet-5.
SNN_SOAK=1 runs thousands of nets. NUMBER: only these.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(HERE, "oracle")

import numpy as np

import snn_chip
import snn_decode
import snn_lower
import snn_model
import snn_nets
import snn_oracle
from snn_harness import Tap, Tool

sys.path.insert(1, HERE)
import lenet
import oracle

NETS, NETS_SOAK = 56, 3000
LIMITS = ("weights", "bias", "threshold", "error")  # enum snn_quantised_by
DIGITS = ("--data", lenet.DIGITS, "-n", 40, "-t", 8, "-e", "bernoulli")


def quieten(model, rng):
    """In half of the layers one channel hardly speaks in calibration."""
    for name, (_, by_channel) in model.statistics.items():
        if rng.random() < 0.5:
            channel = rng.integers(len(by_channel))
            by_channel[channel] /= 50
            model.recipes["ltb"][name][channel] /= 50


def weaken(model, rng):
    """Weights and bias of one layer so small that its threshold limits their scale."""
    weighted = [layer for layer in model.layers if layer.weights is not None]
    layer = weighted[rng.integers(len(weighted))]
    layer.weights = layer.weights / np.float32(3000)
    layer.bias = None if layer.bias is None else layer.bias / np.float32(3000)


def make_case(number):
    """A random net for a chip."""
    case = snn_nets.make_case(number)
    rng = np.random.default_rng([number, 8])
    options = case.options
    if case.model.statistics and rng.random() < 0.4:
        quieten(case.model, rng)
        options = dataclasses.replace(options, channelwise=True,
                                      norm=str(rng.choice([options.norm, "max", "ltb"])))
    elif rng.random() < 0.2:
        weaken(case.model, rng)
    options = dataclasses.replace(options, arith="chip",
                                  quant="mse" if rng.random() < 0.3 else "max")
    encoding = "rate" if case.encoding == "current" else case.encoding
    return dataclasses.replace(case, options=options, encoding=encoding)


def drive(case):
    """The same with input, limits and lower clips that potentials leave 16 bits with."""
    rng = np.random.default_rng([case.seed, 9])
    shape = (2, 24, *case.model.layers[0].shape)
    data = rng.integers(0, 256, shape) * (rng.random(shape) < 0.8)
    options = dataclasses.replace(case.options, v_min=None if rng.random() < 0.7 else -1.0,
                                  n_max=None if rng.random() < 0.3 else int(rng.integers(1, 4)))
    return dataclasses.replace(case, options=options, data=data.astype(np.uint8), encoding=None,
                               offset=0, labels=np.zeros(2, int))


def saturations(case):
    try:
        populations = snn_lower.lower(case.model, case.options)
    except snn_chip.Refused:
        return 0
    activities = snn_oracle.simulate(populations, case.input())
    return sum(snn_chip.saturations(p, a) for p, a in zip(populations, activities))


# ---- The whole numbers ----

def gains_of(case):
    return sorted({snn_decode.split_rule(rule)[2] for rule in case.rules} - {None})


def firing_lines(firing, shape):
    for name in ("threshold", "v_init", "v_min"):
        yield name, np.broadcast_to(getattr(firing, name), shape).reshape(-1)


def expected_lines(case):
    """(name, numbers) of all lists that LOWERED prints."""
    options = case.options
    populations = snn_lower.lower(case.model, options)
    readouts = [populations[-1]]
    readouts += [snn_lower.readout(populations[-1], options, gain) for gain in gains_of(case)]
    for p in populations:
        yield f"population {p.name}", np.array([])
        for branch in p.branches:
            yield "weights", branch.weights.reshape(-1)
        yield "bias", np.array([]) if p.bias is None else p.bias.reshape(-1)
        yield from firing_lines(p, p.shape)
        yield "scale", np.array([p.chip.scale], np.float64)
        threshold = np.broadcast_to(p.threshold, p.shape).reshape(-1)[0]
        yield "quantised", np.array([
            LIMITS.index(p.chip.limited_by), 0 if threshold == snn_chip.NEVER else threshold,
            p.chip.weights_saturated, p.chip.weights_lost, p.chip.bits,
            p.chip.weight_error, p.raised])
    for gain, readout in zip([options.output_gain, *gains_of(case)], readouts):
        yield "readout", np.array([gain])
        yield from firing_lines(readout, readout.shape)


def found_lines(text):
    for line in text.splitlines():
        name, *values = line.split(" ")
        if name == "population":
            yield line, np.array([])
        else:
            yield name, np.array([float(value) for value in values])


def spread(values, size):
    """A list of one, a channel or a neuron each as one of all neurons."""
    return np.repeat(values, size // len(values)) if len(values) else values


def compare_numbers(tool, program, case):
    path, options = tool.path("model.json"), case.options
    snn_model.write(path, case.model)
    arguments = [f"norm={options.norm}", f"channelwise={int(options.channelwise)}",
                 f"v0={options.v0!r}", f"v_min={oracle.number_text(options.v_min)}",
                 f"output_gain={options.output_gain!r}", f"readout={options.readout}",
                 f"quant={options.quant}", *(f"gain={gain!r}" for gain in gains_of(case))]
    if options.max_pool:
        arguments.append(f"max_pool={options.max_pool}")
    answer = subprocess.run([program, path, *arguments], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        expected = list(expected_lines(case))
    except snn_chip.Refused as refused:
        if answer.returncode == 0:
            yield f"expected a refusal: {refused}"
        return
    if answer.returncode != 0:
        yield answer.stderr
    found = list(found_lines(answer.stdout))
    if [name for name, _ in found] != [name for name, _ in expected]:
        yield f"{[name for name, _ in found]}"
        return
    for (name, want), (_, got) in zip(expected, found):
        exact = name not in ("quantised", "scale", "readout", "threshold")
        if name not in ("bias", "weights", "quantised"):
            got = spread(got, len(want))
        if len(want) != len(got) and name == "bias":
            got = spread(got, len(want))
        same = want.shape == got.shape and \
            (np.array_equal(want, got) if exact else np.allclose(want, got, rtol=1e-7, atol=1e-9))
        if not same:
            yield f"{name}: {got[:8]}, expected {want[:8]}"


# ---- Spikes ----

def refused(tool, case):
    """What cannot be had in whole numbers ends with the status of an unsuitable model."""
    snn_model.write(tool.path("model.json"), case.model)
    answer = tool.call(tool.path("model.json"), *oracle.input_arguments(tool, case),
                       *oracle.option_arguments(case.options), *oracle.result_arguments(tool, case))
    if answer.returncode != 65 or "hint:" not in answer.stderr:
        yield f"status {answer.returncode}, {answer.stderr}"


def compare(tool, case):
    try:
        list(expected_lines(case))
    except snn_chip.Refused:
        yield from refused(tool, case)
        return
    yield from oracle.compare(tool, case)


def compare_lenet(tool, quant):
    """Every layer as the output once."""
    options = snn_lower.Options(norm="p99.9", arith="chip", quant=quant)
    yield from lenet.compare(tool, options, lenet.encode("bernoulli"), False, "--data",
                             lenet.DIGITS, "--samples", lenet.SAMPLES, "--timesteps", lenet.STEPS,
                             "--encoding", "bernoulli", "--seed", lenet.SEED, "--arith", "chip",
                             "--quant", quant)


def rise():
    """Two classes whose potentials reach 32767 in step 3, the second before the first: from then
    on they are alike, and the first is predicted."""
    weights = np.array([[0.3], [0.33]], np.float32)
    layers = [snn_model.Layer("input", "input", shape=(1, 1, 1)),
              snn_model.Layer("output", "dense", ("input",), weights=weights)]
    model = snn_nets.derive_shapes(snn_model.Model("rise", layers, "output"))
    options = snn_lower.Options(readout="membrane", arith="chip")
    return snn_nets.Case("rise", model, options, np.full((1, 4, 1, 1, 1), 140, np.uint8), None, 4,
                         1, 0, np.array([0]), ["membrane:1"], "exact")


def compare_rise(tool):
    case = rise()
    populations, x = snn_lower.lower(case.model, case.options), case.input()
    right = snn_decode.result(populations, snn_oracle.simulate(populations, x), x, case.options,
                              case.rules, case.labels,
                              profile=snn_nets.PROFILE)["accuracy_by_step"]
    if right != [0, 0, 1, 1]:
        yield f"{right}"
    yield from oracle.compare(tool, case)


# ---- The tool ----

def both(tool):
    """Both arithmetics in one run are what each gives alone, and are told apart."""
    results = {}
    for arith in ("float", "chip", "both"):
        answer = tool.call(lenet.MODEL, *DIGITS, "--arith", arith, "--json", "-", "-q")
        results[arith] = json.loads(answer.stdout)
        if results[arith]["options"]["arith"] != arith:
            yield f"{results[arith]['options']}"
    pair = results["both"]["results"]
    for entry, arith in zip(pair, ("float", "chip")):
        alone = results[arith]["results"][0]
        alone["gap"], alone["agreement"] = entry["gap"], entry["agreement"]
        if alone != entry or entry["arith"] != arith:
            yield f"{arith} differs"
    if pair[0] == pair[1]:
        yield "the two are the same"
    if [layer["quantised"] is None for entry in pair for layer in entry["layers"]] != \
            [True] * 5 + [False] * 5:
        yield "quantised"
    text = tool.call(lenet.MODEL, *DIGITS, "--arith", "both", "--semantics", "both").stdout
    for word in ("sim sync chip decides as sim sync in",
                 "sim async interleave chip decides as sim sync in"):
        if word not in text:
            yield f"no {word!r} in\n{text}"


def table(tool):
    """-v says what the JSON result does of each layer."""
    answer = tool.call(lenet.MODEL, *DIGITS, "--arith", "chip", "-v")
    layers = tool.run(lenet.MODEL, *DIGITS, "--arith", "chip")[2]["layers"]
    for layer in layers:
        q = layer["quantised"]
        words = [layer["name"], f"{q['scale']:.5g}", q["limited_by"], str(q["threshold"])]
        if not any(line.split()[:4] == words for line in answer.stdout.splitlines()):
            yield f"no {words} in\n{answer.stdout}"
    if "lost" in tool.call(lenet.MODEL, *DIGITS, "--arith", "chip").stdout:
        yield "told without -v"


def refusals(tool):
    """What has no meaning is refused."""
    for arguments, status, text in (
            (("--quant", "mse"), 64, "--arith chip"),
            (("--quant", "mse", "--arith", "float"), 64, "--arith chip"),
            (("--arith", "chip", "--target", "frame:f32"), 64, "not among --target"),
            (("--arith", "chip", "-e", "current"), 64, "current"),
            (("--arith", "chip", "-r", "first@1000"), 65, "gains up to"),
            (("--arith", "int"), 64, "float, chip, both")):
        words = [word for word in DIGITS if word not in ("-e", "bernoulli")]
        answer = tool.call(lenet.MODEL, *words, *arguments)
        if answer.returncode != status or text not in answer.stderr or answer.stdout:
            yield f"{arguments}: status {answer.returncode}\n{answer.stderr}"


def two_classes(tool, largest):
    """Writes a model of one dense layer with weights up to `largest`, and an input for it."""
    weights = np.array([[1, -0.5, 0.25], [-0.25, 0.5, 1]], np.float32) * np.float32(largest)
    layers = [snn_model.Layer("input", "input", shape=(3, 1, 1)),
              snn_model.Layer("output", "dense", ("input",), weights=weights)]
    model = snn_nets.derive_shapes(snn_model.Model("two", layers, "output"))
    snn_model.write(tool.path("two.json"), model)
    np.save(tool.path("two.npy"), np.ones((2, 4, 3, 1, 1), np.uint8))
    np.save(tool.path("two-labels.npy"), np.zeros(2, np.uint8))
    return (tool.path("two.json"), "--input-spikes", tool.path("two.npy"), "--labels",
            tool.path("two-labels.npy"), "--norm", "none", "--arith", "chip", "-q")


def nothing_left(tool):
    """A model that whole numbers leave nothing of is unsuitable. 127 / 1e6 of a threshold of 1."""
    answer = tool.call(*two_classes(tool, 1e6))
    if answer.returncode != 65 or "a threshold of 1 becomes 0" not in answer.stderr:
        yield f"status {answer.returncode}, {answer.stderr}"


def narrow_sweep(tool):
    """A sweep tries the gains that 16 bits hold. 127 / 0.02 = 6350: up to 32767 / 6350 = 5.16."""
    base = two_classes(tool, 0.02)
    answer = tool.call(*base, "--sweep", tool.path("two.csv"))
    if answer.returncode != 0:
        yield f"status {answer.returncode}, {answer.stderr}"
        return
    with open(tool.path("two.csv"), encoding="utf-8") as file:
        text = file.read()
    if ",first@5," not in text or ",first@6," in text:
        yield text
    if tool.call(*base, "--rule", "first@6").returncode != 65:
        yield "a gain that was asked for is not refused"


def membrane(tool):
    """A membrane readout warns of steps that 16 bits may not hold."""
    for steps, warned in ((8, False), (200, True)):
        answer = tool.call(lenet.MODEL, "--data", lenet.DIGITS, "-n", 2, "-t", steps, "--arith",
                           "chip", "--readout", "membrane")
        if ("16 bits hold" in answer.stderr) != warned:
            yield f"{steps} steps: {answer.stderr}"


# ---- All ----

def lacking(numbers):
    """What the nets show of scales, weights and thresholds, each in three of them at least."""
    seen = {name: 0 for name in (*LIMITS, "saturated", "lost", "raised", "no bias", "no clip")}
    for number in numbers:
        case = make_case(number)
        try:
            populations = snn_lower.lower(case.model, case.options)
        except snn_chip.Refused:
            continue
        found = {p.chip.limited_by for p in populations}
        found |= {"saturated"} if any(p.chip.weights_saturated for p in populations) else set()
        found |= {"lost"} if any(p.chip.weights_lost for p in populations) else set()
        found |= {"raised"} if any(p.raised for p in populations) else set()
        found |= {"no bias"} if any(p.bias is None for p in populations) else set()
        found |= {"no clip"} if case.options.v_min is None else set()
        for name in found:
            seen[name] += 1
    if min(seen.values()) < 3:
        yield f"{seen}"


def driven_cases(numbers):
    """Those of the nets whose potentials do saturate when driven."""
    cases = (drive(make_case(number)) for number in numbers)
    return [case for case in cases if saturations(case) > 0]


def main():
    numbers = [int(text) for text in sys.argv[3:]]
    if not numbers:
        numbers = range(NETS_SOAK if os.environ.get("SNN_SOAK") else NETS)
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="snn-chip-") as folder:
        tool, program = Tool(sys.argv[1], folder), sys.argv[2]
        for number in numbers:
            case = make_case(number)
            tap.test(f"{case.name}, numbers", compare_numbers, tool, program, case)
            tap.test(f"{case.name}, spikes", compare, tool, case)
        driven = driven_cases(numbers)
        for case in driven:
            tap.test(f"{case.name}, driven", compare, tool, case)
        if len(numbers) >= NETS:
            tap.test("the nets show all that a scale may do", lacking, numbers)
            tap.test("a third of the nets can be driven out of 16 bits",
                     lambda: [] if 3 * len(driven) >= len(numbers) else [f"{len(driven)}"])
        tap.test("classes that saturate are alike", compare_rise, tool)
        for quant in ("max", "mse"):
            tap.test(f"LeNet-5, {quant}", compare_lenet, tool, quant)
        for function in (both, table, refusals, nothing_left, narrow_sweep, membrane):
            tap.test(function.__doc__.split(".")[0], function, tool)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
