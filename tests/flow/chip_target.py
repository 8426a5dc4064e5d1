"""Chips as targets, chip programs as models: chip_target.py SNNSIM

What a chip does is held against the simulator, which is held against oracles elsewhere; here it is
what a person gets to see of it. MNIST is taken from $SNN_SHARED/mnist; without it only the bundled
digits are run.
"""

import csv
import json
import os
import subprocess
import sys

from accuracy import mnist, note
from flow import environment, named, npy, report, require, tensor

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(ROOT, "data", "lenet.json")
DIGITS = os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz")
CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")
CHIPS = ("dynapcnn", "speck2e", "speck2f")
EVENT_S = 1.58e-6  # data/chips/speck2f.json
RESTING_MW = 0.42  # data/energy.json


def document(place, *arguments, net=MODEL):
    answer = place.run(net, "-q", "--json", "-", *arguments)
    require(answer.returncode == 0, "snnsim failed", answer)
    return json.loads(answer.stdout)


def results(place, *arguments, net=MODEL):
    return document(place, *arguments, net=net)["results"]


def make_program(place, net=MODEL, chip="speck2f", name="net.chip.json"):
    answer = subprocess.run([CONVERT, str(net), "--check", chip, "-o", name], cwd=place.folder,
                            capture_output=True, text=True, check=False, env=environment())
    require(answer.returncode == 0, "snnconvert failed", answer)
    return name


def close(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e-9)


# ---- What it computes ----

def digits_on_each_chip(place):
    """LeNet fits each chip, which classifies the bundled digits in 16 steps"""
    for chip in CHIPS:
        found = results(place, "--target", f"chip:{chip}", "-t", 16)[0]
        note(f"{chip}: {found['accuracy']}")
        require(found["chip"]["name"] == chip, f"{found['chip']}")
        require((found["semantics"], found["order"], found["arith"]) ==
                ("async", "interleave", "chip"), f"{found}")
        require(found["accuracy"] >= found["cnn_accuracy"] - 0.005, f"{found['accuracy']}")
        require(found["silent"]["count"] == 0, "silent samples")


def mnist_on_a_chip(place):
    """all 10,000 MNIST images on Speck, 16 steps: within 0.3 points of the CNN, none silent"""
    right, cnn = 0, 0
    for offset in range(0, 10000, 2500):
        found = results(place, "-d", mnist(), "-n", 2500, "--offset", offset, "-t", 16,
                        "--output-gain", 0.5, "--target", "chip:speck2f")[0]
        right += round(2500 * found["accuracy"])
        cnn += round(2500 * found["cnn_accuracy"])
        require(found["silent"]["count"] == 0, "silent samples")
    note(f"{right} of 10,000 right, CNN {cnn}")
    require(cnn == 9948 and right >= cnn - 30, f"{right} right, CNN {cnn}")


def chips_of_the_same_cores(place):
    """where the readout lies makes no difference to what the classes get"""
    speck, dynapcnn = results(place, "-n", 100, "-t", 16, "--target", "chip:speck2f",
                              "--target", "chip:dynapcnn")
    require(dynapcnn["agreement"] == 1.0, f"{dynapcnn['agreement']}")
    require(speck["accuracy_by_step"] == dynapcnn["accuracy_by_step"], "accuracies")
    last = [found["layers"][-1] for found in (speck, dynapcnn)]
    require([layer["neurons"] for layer in last] == [37, 10], "fc3 is spread for Speck alone")
    require(last[0]["synops_mean"] > last[1]["synops_mean"], "weights between classes count")


def spikes_are_the_simulators(place):
    """a chip's layers fire as the simulator's, in each order, split or not"""
    for order in ("raster", "interleave", "random"):
        common = ("-n", 20, "-t", 6, "--seed", 3, "--order", order)
        chip, sim = results(place, *common, "--arith", "chip", "--target", "chip:speck2f",
                            "--target", "sim:async,order=raster" if order == "raster" else
                            f"sim:async,order={order},seed=3", "--core", "fc1=3,4")
        require(chip["order"] == sim["order"] == order, f"{chip['order']} {sim['order']}")
        halves = {"fc1[0..59]": 3, "fc1[60..119]": 4}
        found = {layer["name"]: layer for layer in chip["layers"]}
        require({name: found[name]["core"]["index"] for name in halves} == halves, f"{list(found)}")
        for layer in sim["layers"]:
            parts = [name for name in found if name.split("[")[0] == layer["name"]]
            require(close(sum(found[name]["spikes_mean"] for name in parts), layer["spikes_mean"]),
                    f"{order}: {parts} and {layer['spikes_mean']}")


def gap_to_steps(place):
    """--semantics both puts the same net in synchronous steps of whole numbers before the chip"""
    steps, chip = results(place, "-n", 50, "-t", 8, "--target", "chip:speck2f",
                          "--semantics", "both")
    require((steps["target"], steps["semantics"], steps["arith"]) == ("sim", "sync", "chip"),
            f"{steps['target']}")
    require(chip["gap"] is not None and chip["agreement"] is not None, "no gap")
    require(close(chip["gap"]["first_spike"]["accuracy"],
                  chip["first_spike"]["accuracy"] - steps["first_spike"]["accuracy"]), "gap")
    shown = place.run(MODEL, "-n", 5, "-t", 4, "--target", "chip:speck2f")
    require("--semantics both" in shown.stdout, "nobody says how to get the gap", shown)


def corrections_are_measured_on_it(place):
    """--correct takes its measure on the chip and moves the result"""
    common = ("-n", 100, "-t", 4, "--target", "chip:speck2f")
    plain = results(place, *common)[0]
    made = document(place, *common, "--calibrate", DIGITS, "--correct", "potential")
    require(made["options"]["norm"] == "p99.9 + potential", f"{made['options']['norm']}")
    require(made["results"][0]["synops_mean"] != plain["synops_mean"], "nothing was corrected")


def sweep_knows_spikes_only(place):
    """a sweep over a chip tries what its readout can tell"""
    results(place, "-n", 20, "-t", 8, "--target", "chip:speck2f", "--sweep", "rules.csv")
    with open(place.at("rules.csv"), encoding="utf-8", newline="") as file:
        rules = [row["rule"] for row in csv.DictReader(file)]
    kinds = {rule.split(":")[0] for rule in rules}
    require(kinds == {"first", "count", "margin", "all", "oracle"}, f"{kinds}")
    require(not any("@" in rule for rule in rules), f"{rules}")


# ---- What is told of it ----

def cores_and_their_load(place):
    """events and SynOps a second, and the published time of an event, make the load of a core"""
    options = ("-n", 30, "-t", 8, "--dt", 0.5, "--target", "chip:speck2f", "--core", "conv1=8")
    made = document(place, *options)
    require(made["options"]["chip"] == "speck2f", f"{made['options']['chip']}")
    require(made["options"]["core"] == {"conv1": [8]}, f"{made['options']['core']}")
    layers = made["results"][0]["layers"]
    require([layer["core"]["index"] for layer in layers][0] == 8, "conv1 is not on core 8")
    for layer in layers:
        core = layer["core"]
        seconds = 8 * 0.5e-3
        require(close(core["events_per_s_mean"], layer["events_mean"] / seconds), f"{core}")
        require(close(core["synops_per_s_mean"], layer["synops_mean"] / seconds), f"{core}")
        require(close(core["busy_max"], core["events_per_s_max"] * EVENT_S), f"{core}")
        require(core["events_per_s_max"] >= core["events_per_s_mean"] > 0, f"{core}")
        require(core["synops_per_s_limit"] is None, "a limit that nobody published")


def static_energy(place):
    """a chip draws its static power for as long as the steps take, beside 10 pJ a SynOp"""
    found = results(place, "-n", 20, "-t", 10, "--dt", 2, "--target", "chip:speck2f")[0]
    energy, still = found["energy"], RESTING_MW * 10 * 2
    require(energy["profile"] == "speck", f"{energy['profile']}")
    require(close(energy["uj_static_mean"], still), f"{energy}")
    require(close(energy["uj_mean"] - still, found["synops_mean"] * 10e-6), f"{energy}")
    other = results(place, "-n", 20, "-t", 10, "--target", "chip:speck2f", "--energy", "loihi")[0]
    require(other["energy"]["profile"] == "loihi", "--energy does not hold")
    both = results(place, "-n", 5, "-t", 4, "--target", "sim", "--target", "chip:speck2f")
    require([result["energy"]["profile"] for result in both] == ["sinabs", "speck"], "profiles")


def limits_of_a_profile(place):
    """a profile of one's own may have limits, and what exceeds them is told"""
    with open(os.path.join(ROOT, "data", "chips", "speck2f.json"), encoding="utf-8") as file:
        chip = json.load(file)
    chip["name"], chip["event_us"] = "slow", 100
    chip["cores"][0]["synops_per_s"] = 1e6
    place.write("slow.json", chip)
    answer = place.run(MODEL, "-n", 10, "-t", 8, "--target", "chip:slow.json")
    require(answer.returncode == 0, "status", answer)
    for text in ("limit SynOps/s", "core 0 (conv1) exceeds its limit",
                 "core 1 (conv2) cannot keep up with the busiest sample", "100 us an event"):
        require(text in answer.stdout, f"nothing of '{text}'", answer)


def no_room(place):
    """what does not fit is told for each chip, with status 78 and no result"""
    place.write("large.json", {
        "format": "snn.model/1", "name": "large", "output": "dense",
        "layers": [{"name": "input", "kind": "input", "shape": [1, 129, 2]},
                   {"name": "dense", "kind": "dense", "inputs": ["input"],
                    "weights": tensor([0.25] * 258 * 3, [3, 258])}]})
    place.write("frames.npy", npy("|u1", (1, 129, 2), bytes(258)))
    answer = place.run("large.json", "-d", "frames.npy", "--target", "chip:speck2f", "--target",
                       "chip:dynapcnn", "--json", "result.json")
    require(answer.returncode == 78 and answer.stdout == "", "status 78, no result", answer)
    for text in ("large does not fit speck2f", "large does not fit dynapcnn", "layer 'dense'",
                 "snnconvert large.json --check dynapcnn"):
        require(text in answer.stderr, f"nothing of '{text}'", answer)
    require("result.json" not in place.files(), "a result of nothing")


def an_output_without_neurons(place):
    """a net that arrived spiking and ends in a sum has nothing that a chip could tell"""
    place.write("sum.json", {
        "format": "snn.model/1", "name": "sum", "output": "dense",
        "layers": [{"name": "input", "kind": "input", "shape": [1, 4, 4]},
                   {"name": "neurons", "kind": "if", "inputs": ["input"], "threshold": 1},
                   {"name": "dense", "kind": "dense", "inputs": ["neurons"],
                    "weights": tensor([1.0] * 48, [3, 16])}]})
    answer = place.run("sum.json", "-d", "images-idx3", "--target", "chip:speck2f")
    require(answer.returncode == 78 and "layer 'dense': the output is a sum" in answer.stderr,
            "status 78", answer)
    require(answer.stderr.count("\n") == 2, "one error and its hint", answer)


# ---- Programs ----

def program_runs_alike(place):
    """a saved program gives what its model gives on the same chip, from any folder"""
    program = make_program(place)
    common = ("-n", 50, "-t", 6, "-e", "bernoulli", "--order", "raster")
    direct = results(place, *common, "--target", "chip:speck2f")[0]
    os.mkdir(place.at("folder"))
    os.rename(place.at(program), place.at("folder/renamed"))
    made = document(place, *common, "-d", DIGITS, net="folder/renamed")
    saved = made["results"][0]
    for member in ("accuracy", "accuracy_by_step", "first_spike", "synops_mean", "confusion"):
        require(saved[member] == direct[member], member)
    for mine, yours in zip(saved["layers"], direct["layers"]):
        for member in ("name", "spikes_mean", "events_mean", "core"):
            require(mine[member] == yours[member], f"{mine['name']}: {member}")
    require(saved["cnn_accuracy"] is None, "a program knows no CNN")
    require(made["model"]["name"] == "lenet", f"{made['model']}")
    for member in ("norm", "quant", "output_gain"):
        require(made["options"][member] is None, f"{member} of a program")


def paths_with_commas(place):
    """a comma in a program's path parts no arguments from it, whether some follow or not"""
    os.mkdir(place.at("a,b"))
    program = make_program(place, name="a,b/c,d.chip.json")
    same = ("-n", 5, "-t", 4, "--data", DIGITS)
    expected = results(place, "--target", "chip:speck2f,order=raster", *same)[0]
    for options in (("--order", "raster"), ("--target", f"chip:./{program},order=raster,seed=3")):
        found = results(place, *options, *same, net=program)[0]
        for key in ("order", "accuracy", "synops_mean", "accuracy_by_step"):
            require(found[key] == expected[key], f"{key}: {found[key]}, not {expected[key]}")


def program_has_its_steps(place):
    """a program's steps take what they were made for, unless --dt says otherwise"""
    program = make_program(place, "model.json")
    made = place.read_json(program)
    made["dt_us"] = 250
    place.write(program, made)
    for options, expected in ((), 250), (("--dt", 2), 2000):
        found = document(place, "-d", "images-idx3", "-t", 4, *options, net=program)
        require(found["options"]["dt_us"] == expected, f"{found['options']['dt_us']}")


def program_has_its_chip(place):
    """a program for a chip of one's own runs without its profile's file"""
    with open(os.path.join(ROOT, "data", "chips", "speck2e.json"), encoding="utf-8") as file:
        chip = json.load(file)
    chip["name"] = "mine"
    place.write("mine.json", chip)
    program = make_program(place, "model.json", "mine.json")
    os.remove(place.at("mine.json"))
    found = results(place, "-d", "images-idx3", "-t", 4, net=program)[0]
    require(found["chip"]["name"] == "mine", f"{found['chip']}")
    answer = place.run(program, "-d", "images-idx3", "--target", "chip:speck2e")
    require(answer.returncode == 64 and "is for mine, the target is speck2e" in answer.stderr,
            "another chip", answer)


def broken_program(place):
    """a cut program is refused with its name and the place in it"""
    program = make_program(place, "model.json")
    with open(place.at(program), encoding="utf-8") as file:
        text = file.read()
    place.write(program, text[:len(text) // 2])
    answer = place.run(program, "-d", "images-idx3")
    require(answer.returncode == 65 and program in answer.stderr, "a cut program", answer)


TESTS = named([digits_on_each_chip, mnist_on_a_chip, chips_of_the_same_cores,
               spikes_are_the_simulators, gap_to_steps, corrections_are_measured_on_it,
               sweep_knows_spikes_only, cores_and_their_load, static_energy, limits_of_a_profile,
               no_room, an_output_without_neurons, program_runs_alike, paths_with_commas,
               program_has_its_steps, program_has_its_chip, broken_program])

if __name__ == "__main__":
    sys.exit(report(TESTS, os.path.abspath(sys.argv[1])))
