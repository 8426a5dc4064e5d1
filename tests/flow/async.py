"""Asynchronous semantics against an oracle that follows the definition:
async.py SNNSIM EVENTS [NUMBER...]

Random nets as in oracle.py with few steps, in every order of events, in floats and in chip
arithmetic. EVENTS (tests/plain/async_events.c) must tell of the same spikes of all layers in the
same order, and of the same potentials after each step; snnsim of every output spike of every step,
the spikes and SynOps of every layer, all numbers of the JSON result. Then what is the same for any
number of threads, recorded order, and both semantics in one run.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile

sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle")

import numpy as np

import snn_async
import snn_async_activity
import snn_chip
import snn_decode
import snn_lower
import snn_model
import snn_nets
from snn_harness import Tap, Tool, differences, spike_differences

sys.path.insert(1, os.path.dirname(os.path.abspath(__file__)))
from oracle import input_arguments, option_arguments, result_arguments

NETS, NETS_SOAK = 60, 1000
STEPS, SPIKES, NEURONS = 4, 300, 600  # the oracle takes events one at a time
ENERGIES = ("energy_uj", "uj_mean", "uj_until", "synops")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def shorten(case):
    """Few samples, steps and spikes, and no bound on the spikes of a step, which is refused."""
    options = dataclasses.replace(case.options, n_max=None)
    data, encoding = case.data, case.encoding
    if encoding == "current":
        encoding = "rate"
    if encoding is None:
        data = np.minimum(data[:2, :STEPS], 3)
        kept = np.random.default_rng(0).random(data.shape) < SPIKES / max(data.sum(), 1)
        data = data * kept.astype(np.uint8)
    else:
        data = data[:2 if data[0].size <= 100 else 1]
    steps = data.shape[1] if encoding is None else min(case.steps, STEPS)
    labels = None if case.labels is None else case.labels[:len(data)]
    return dataclasses.replace(case, data=data, encoding=encoding, steps=steps, labels=labels,
                               options=options, offset=min(case.offset, len(data) - 1))


def is_small(number):
    return sum(np.prod(layer.shape) for layer in snn_nets.make_case(number).model.layers) <= NEURONS


def choose(count):
    """The first so many nets that are small."""
    numbers, number = [], 0
    while len(numbers) < count:
        if is_small(number):
            numbers.append(number)
        number += 1
    return numbers


def in_chip_arithmetic(case, number):
    """The same net for a chip."""
    quant = "mse" if number % 3 == 0 else "max"
    return dataclasses.replace(case, options=dataclasses.replace(case.options, arith="chip",
                                                                 quant=quant))


def compare(tool, case, orders):
    populations, x = snn_lower.lower(case.model, case.options), case.input()
    labels = None if case.labels is None else case.labels[case.offset:]
    path = tool.path("model.json")
    snn_model.write(path, case.model)
    arguments = input_arguments(tool, case) + option_arguments(case.options)
    arguments += result_arguments(tool, case)
    if case.encoding is None:
        arguments += ["--seed", case.seed]
    for order in orders:
        activities = snn_async_activity.simulate(populations, x, order, case.seed, case.offset)
        expected = snn_decode.result(populations, activities, x, case.options, case.rules, labels,
                                     False, case.accounting, snn_nets.PROFILE, offset=case.offset)
        counts, layers, found = tool.run(path, *arguments, "--semantics", "async", "--order", order)
        if (found["semantics"], found["order"]) != ("async", order):
            yield f"{order}: {found['semantics']} {found['order']}"
        for text in (*spike_differences(activities, counts, layers),
                     *differences(expected, found, ENERGIES)):
            yield f"{order}: {text}"


def compare_both(tool, number):
    """In floats in all orders, in chip arithmetic in one. A net that no chip holds is left to
    chip.py."""
    case = shorten(snn_nets.make_case(number))
    yield from compare(tool, case, snn_async.ORDERS)
    try:
        chip = in_chip_arithmetic(case, number)
        order = snn_async.ORDERS[number % len(snn_async.ORDERS)]
        for text in compare(tool, chip, [order]):
            yield f"chip, {text}"
    except snn_chip.Refused:
        pass


# ---- Event for event ----

def log_lines(populations, counts, order, serial):
    """What EVENTS prints of sample 0 [step][channels][rows][columns], with seed 3."""
    net, spikes = snn_async.Net(populations, counts.shape[1:], serial), 0
    for step, events in enumerate(counts):
        net.run_step(snn_async.arrivals(events, order, 3, 0, step))
        for _, population, place in net.spikes[spikes:]:
            yield f"s {population} {' '.join(map(str, place))}"
        spikes = len(net.spikes)
        for population, v in enumerate(net.potentials[-1]):
            yield f"v {population} {' '.join(f'{float(x) + 0.0:.9g}' for x in v)}"


def compare_events(tool, events, model, options, counts, order, serial=False):
    """`counts` [step][channels][rows][columns] are the only sample."""
    populations = snn_lower.lower(model, options)
    snn_model.write(tool.path("model.json"), model)
    np.save(tool.path("spikes.npy"), counts[None].astype(np.uint8))
    v_min = "none" if options.v_min is None else options.v_min
    answer = subprocess.run(
        [events, tool.path("model.json"), tool.path("spikes.npy"), f"order={order}", "seed=3",
         f"serial={'yes' if serial else 'no'}",
         f"arith={options.arith}", f"reset={options.reset}", f"v_min={v_min}"],
        text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = answer.stdout.splitlines()
    expected = list(log_lines(populations, counts, order, serial))
    if answer.returncode != 0 or not expected:
        yield f"status {answer.returncode}: {answer.stderr}"
    for line, (a, b) in enumerate(zip(expected, found)):
        if a != b:
            yield f"{options.arith} {order}: line {line + 1} is '{b}', expected '{a}'"
            return
    if len(expected) != len(found):
        yield f"{options.arith} {order}: {len(found)} lines, expected {len(expected)}"


def event_for_event(tool, events, numbers):
    """The queue's events of nets of all kinds, as far as they need no normalisation."""
    compared = 0
    for number in numbers:
        case = shorten(snn_nets.make_case(number))
        if case.options.max_pool or any(l.kind == "max_pool2d" for l in case.model.layers):
            continue
        for arith in ("float", "chip"):
            options = snn_lower.Options(norm="none", v_min=case.options.v_min,
                                        reset=case.options.reset, arith=arith)
            counts = np.minimum(case.input()[0], 3)
            try:
                for order in snn_async.ORDERS:
                    for text in compare_events(tool, events, case.model, options, counts, order):
                        yield f"net {number}: {text}"
                for text in compare_events(tool, events, case.model, options, counts, "raster",
                                           True):
                    yield f"net {number}, serial: {text}"
                compared += 1
            except (snn_chip.Refused, snn_lower.Unsupported):
                pass
    if compared < len(numbers):
        yield f"only {compared} of {len(numbers)} nets"


def saturating(tool, events):
    """Potentials that leave 16 bits at both ends: many events in a row, weights far above the
    threshold and far below it, a readout that only adds up."""
    layer = lambda name, source, weights: snn_model.Layer(
        name, "dense", (source,), weights=np.array(weights, np.float32), activation="relu")
    layers = [snn_model.Layer("input", "input", shape=(2, 1, 1)),
              layer("hidden", "input", [[9, 9], [-9, -8], [9, -9], [0.5, 0]]),
              layer("output", "hidden", [[9, -9, 9, 9], [-9, 0, -9, -9]])]
    model = snn_nets.derive_shapes(snn_model.Model("saturating", layers, "output"))
    counts = np.array([[[[250]], [[250]]], [[[255]], [[0]]], [[[20]], [[250]]]])
    options = snn_lower.Options(norm="none", v_min=None, arith="chip")
    net = snn_async.Net(snn_lower.lower(model, options), counts.shape[1:])
    for step, count in enumerate(counts):
        net.run_step(snn_async.arrivals(count, "raster", step=step))
    reached = {int(v) for potentials in net.potentials for cells in potentials for v in cells}
    if snn_chip.LOW not in reached or max(reached) < snn_chip.HIGH - 127:
        yield f"potentials from {min(reached)} to {max(reached)} only"
    for order in snn_async.ORDERS:
        yield from compare_events(tool, events, model, options, counts, order)


def notice_orders(numbers):
    """That some nets spike otherwise in another order, so that a mixed-up order would be seen."""
    noticed = 0
    for number in numbers[:20]:
        case = shorten(snn_nets.make_case(number))
        populations, x = snn_lower.lower(case.model, case.options), case.input()
        runs = [snn_async_activity.simulate(populations, x, order, case.seed, case.offset)
                for order in snn_async.ORDERS]
        noticed += any((a.spikes != b.spikes).any() for run in runs[1:]
                       for a, b in zip(runs[0], run))
    if noticed < 4:
        yield f"{noticed} nets"


def small_model():
    rng = np.random.default_rng(6)
    layer = lambda name, source, shape: snn_model.Layer(
        name, "dense", (source,), weights=rng.normal(0, 0.4, shape).astype(np.float32),
        bias=rng.normal(0, 0.1, shape[0]).astype(np.float32), activation="relu")
    layers = [snn_model.Layer("input", "input", shape=(2, 6, 6)),
              layer("hidden", "input", (12, 72)), layer("output", "hidden", (4, 12))]
    return snn_nets.derive_shapes(snn_model.Model("recorded", layers, "output"))


def recorded(tool):
    """A recording keeps the order of its events, also of those of one address."""
    rng = np.random.default_rng(9)
    times = np.sort(rng.integers(0, 4000, 160))
    times[0] = 0
    events = [(int(t), int(rng.integers(6)), int(rng.integers(6)), int(rng.integers(2)))
              for t in times]
    path, model = tool.path("recording.bin"), small_model()
    with open(path, "wb") as file:
        for t, x, y, p in events:
            file.write(bytes([x, y]) + (p << 23 | t).to_bytes(3, "big"))
    snn_model.write(tool.path("model.json"), model)
    options = snn_lower.Options(norm="none")
    populations = snn_lower.lower(model, options)
    steps = 4
    counts, stream = np.zeros((1, steps, 2, 6, 6), np.float32), [[] for _ in range(steps)]
    for t, x, y, p in events:
        counts[0, t // 1000, p, y, x] += 1
        stream[t // 1000].append((t, (y * 6 + x) * 2 + p, (p, y, x)))
    activities = snn_async_activity.simulate(populations, counts, "recorded", streams=[stream])
    arguments = (tool.path("model.json"), "--data", path, "--norm", "none", "--timesteps", steps)
    found, layers, _ = tool.run(*arguments, "--semantics", "async", "--order", "recorded")
    yield from spike_differences(activities, found, layers)
    for order in snn_async.ORDERS:
        other = snn_async_activity.simulate(populations, counts, order)
        found, layers, _ = tool.run(*arguments, "--semantics", "async", "--order", order)
        for text in spike_differences(other, found, layers):
            yield f"{order}: {text}"


LENET = (os.path.join(ROOT, "data", "lenet.json"), "-q", "-n", "24", "-t", "6", "-e", "bernoulli",
         "-r", "first@4", "--json", "-")


def threads(tool):
    """One and three threads, scalar and SIMD level: the same results."""
    for order in snn_async.ORDERS:
        results = []
        for more in (("--threads", 1), ("--threads", 3), ("--kernel", "scalar")):
            answer = tool.call(*LENET, "--semantics", "async", "--order", order, *more)
            results.append(json.loads(answer.stdout)["results"])
        if not results[0] == results[1] == results[2]:
            yield f"{order}: the results differ"


def both(tool):
    """Both in one run are what each gives alone, with their names, agreement and gap."""
    alone = [json.loads(tool.call(*LENET, "--semantics", name).stdout) for name in ("sync", "async")]
    together = json.loads(tool.call(*LENET, "--semantics", "both").stdout)
    names = [(r["target"], r["semantics"], r["order"]) for r in together["results"]]
    if names != [("sim", "sync", None), ("sim", "async", "interleave")]:
        yield f"{names}"
    if together["options"]["semantics"] != "both":
        yield f"{together['options']}"
    agreement = [r.pop("agreement") for r in together["results"]]
    if agreement[0] is not None or not 0.5 < agreement[1] <= 1:
        yield f"agreement {agreement}"
    gap = [r.pop("gap") for r in together["results"]]
    sync, spiking = together["results"]
    for key in ("accuracy", "steps_mean"):
        for a, b, between in ((sync["first_spike"], spiking["first_spike"], gap[1]["first_spike"]),
                              (sync["rules"][0], spiking["rules"][0], gap[1]["rules"][0])):
            if between[key] != b[key] - a[key]:
                yield f"gap {gap[1]}"
    if gap[0] is not None or gap[1]["accuracy"] != spiking["accuracy"] - sync["accuracy"]:
        yield f"gap {gap}"
    for name, single, pair in zip(("sync", "async"), alone, together["results"]):
        single["results"][0].pop("agreement")
        single["results"][0].pop("gap")
        if single["results"][0] != pair or single["options"]["semantics"] != name:
            yield f"{name} differs"
    text = tool.call(*LENET[:-2], "--semantics", "both", "--order", "raster").stdout
    for word in ("sim async raster", "at the end", "first spike", "first@4", "gap",
                 "decides as sim sync in"):
        if word not in text:
            yield f"no {word!r} in\n{text}"


def refused(tool):
    """What has no meaning is refused, with a word on what has."""
    for arguments, status, text in (
            (("--order", "raster"), 64, "--semantics async"),
            (("--semantics", "async", "--target", "frame:f32"), 64, "not among --target"),
            (("--semantics", "async", "-e", "current"), 65, "sync"),
            (("--semantics", "async", "--order", "recorded"), 65, "recordings"),
            (("--target", "sim:async,order=fast"), 64, "order=raster|interleave"),
            (("--target", "sim:async,seed=x"), 64, "no seed"),
            (("--target", "sim:order=raster"), 64, "asynchronous"),
            (("--target", "sim:late"), 64, "sim:sync")):
        answer = tool.call(*[word for word in LENET if word not in ("-e", "bernoulli")], *arguments)
        if answer.returncode != status or text not in answer.stderr or answer.stdout:
            yield f"{arguments}: status {answer.returncode}\n{answer.stderr}"


def main():
    numbers, events = [int(text) for text in sys.argv[3:]], sys.argv[2]
    if not numbers:
        numbers = choose(NETS_SOAK if os.environ.get("SNN_SOAK") else NETS)
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="snn-async-") as folder:
        tool = Tool(sys.argv[1], folder)
        for number in numbers:
            tap.test(snn_nets.make_case(number).name, compare_both, tool, number)
        tap.test("event for event", event_for_event, tool, events, numbers)
        tap.test("potentials that saturate", saturating, tool, events)
        tap.test("recorded order", recorded, tool)
        tap.test("threads do not matter", threads, tool)
        tap.test("both semantics in one run", both, tool)
        tap.test("refusals", refused, tool)
    tap.test("the nets notice another order of events", notice_orders, list(numbers))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
