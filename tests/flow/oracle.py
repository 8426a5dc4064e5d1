"""snnsim against an independent simulator: oracle.py SNNSIM [NUMBER...]

Each test is a random net (tests/flow/oracle/snn_nets.py) with input and options. snnsim must agree
with the oracle in every output spike of every step, in the spikes and SynOps of every layer, and in
all numbers of the JSON result; then every hidden layer in turn is made the output, so that its
spikes are compared neuron by neuron. Scalar and SIMD kernels, one and three threads.
SNN_SOAK=1 runs thousands of nets. NUMBER: only these.
"""

import dataclasses
import json
import os
import struct
import sys
import tempfile

# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle")

import numpy as np

import snn_decode
import snn_lower
import snn_model
import snn_nets
import snn_oracle
from snn_harness import Tap, Tool, differences, spike_differences

NETS, NETS_SOAK = 110, 5000
ENERGIES = ("energy_uj", "uj_mean", "uj_until")  # members that are sums of floats


def write_labels(path, labels):
    """An IDX file of bytes."""
    with open(path, "wb") as file:
        file.write(struct.pack(">II", 0x801, len(labels)) + bytes(int(v) for v in labels))


def number_text(value):
    return "none" if value is None else repr(value)


def option_arguments(options):
    arguments = ["--norm", options.norm, "--v0", options.v0, "--v-min", number_text(options.v_min),
                 "--reset", options.reset, "--readout", options.readout]
    if options.channelwise:
        arguments.append("--channelwise")
    if options.n_max:
        arguments += ["--n-max", options.n_max]
    if options.output_gain != 1:
        arguments += ["--output-gain", options.output_gain]
    if options.max_pool:
        arguments += ["--max-pool", options.max_pool]
    if options.arith == "chip":
        arguments += ["--arith", "chip", "--quant", options.quant]
    return arguments


def input_arguments(tool, case):
    """Writes the input and names it."""
    path = tool.path("input.npy")
    np.save(path, case.data)
    arguments = ["--offset", case.offset]
    if case.encoding is None:
        return arguments + ["--input-spikes", path]
    return arguments + ["--data", path, "--encoding", case.encoding, "--seed", case.seed,
                        "--timesteps", case.steps]


def result_arguments(tool, case):
    """Labels, rules, accounting, energy."""
    profile = tool.path("energy.json")
    with open(profile, "w", encoding="utf-8") as file:
        json.dump({"format": "snn.energy/1", "profiles": [snn_nets.PROFILE]}, file)
    arguments = ["--energy", f"{profile}:odd", "--synops", case.accounting]
    for rule in case.rules:
        arguments += ["--rule", rule]
    if case.labels is not None:
        path = tool.path("labels-idx1-ubyte")
        write_labels(path, case.labels)
        arguments += ["--labels", path]
    return arguments


def compare_whole(tool, case, ways):
    """The whole net: spikes and result, once for each of `ways`."""
    populations = snn_lower.lower(case.model, case.options)
    x, analog = case.input(), case.encoding == "current"
    activities = snn_oracle.simulate(populations, x, analog)
    labels = None if case.labels is None else case.labels[case.offset:]
    expected = snn_decode.result(populations, activities, x, case.options, case.rules, labels,
                                 analog, case.accounting, snn_nets.PROFILE, offset=case.offset)
    loose = ENERGIES if case.accounting == "exact" else ENERGIES + ("synops",)
    path = tool.path("model.json")
    snn_model.write(path, case.model)
    arguments = input_arguments(tool, case) + option_arguments(case.options)
    arguments += result_arguments(tool, case)
    for kernel, threads in ways:
        counts, layers, found = tool.run(path, *arguments, "--kernel", kernel, "--threads", threads)
        for text in (*spike_differences(activities, counts, layers),
                     *differences(expected, found, loose)):
            yield f"{kernel}, {threads} threads: {text}"


def compare_hidden(tool, case, name, kernel):
    """The net up to layer `name`, which becomes the output."""
    options = dataclasses.replace(case.options, output_gain=1.0, readout="spikes")
    model = dataclasses.replace(case.model, output=name)
    populations = snn_lower.lower(model, options)
    activities = snn_oracle.simulate(populations, case.input(), case.encoding == "current")
    path = tool.path("model.json")
    snn_model.write(path, model)
    arguments = input_arguments(tool, case) + option_arguments(options)
    counts, layers, _ = tool.run(path, *arguments, "--kernel", kernel)
    for text in spike_differences(activities, counts, layers):
        yield f"up to {name}, {kernel}: {text}"


def compare(tool, case):
    ways = [(kernel, threads) for kernel in tool.kernels for threads in (1, 3)]
    yield from compare_whole(tool, case, ways)
    hidden = [layer.name for layer in case.model.layers if case.model.is_neuronal(layer)][:-1]
    for index, name in enumerate(hidden):
        yield from compare_hidden(tool, case, name, tool.kernels[index % len(tool.kernels)])


def notice_order(numbers):
    """That enough of the nets spike otherwise when the same numbers are added in another order."""
    noticed = 0
    for number in numbers:
        case = snn_nets.make_case(number)
        populations, x = snn_lower.lower(case.model, case.options), case.input()
        right, wrong = (snn_oracle.simulate(populations, x, case.encoding == "current", order)
                        for order in ("yxc", "cyx"))
        noticed += any((a.spikes != b.spikes).any() for a, b in zip(right, wrong))
    if noticed < len(numbers) // 20:
        yield f"{noticed} of {len(numbers)} nets"


def main():
    numbers = [int(text) for text in sys.argv[2:]]
    if not numbers:
        numbers = range(NETS_SOAK if os.environ.get("SNN_SOAK") else NETS)
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="snn-oracle-") as folder:
        tool = Tool(sys.argv[1], folder)
        for number in numbers:
            case = snn_nets.make_case(number)
            tap.test(case.name, compare, tool, case)
    tap.test("the nets notice another order of additions", notice_order, numbers[:NETS])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
