"""Nets that arrived spiking, through snnsim: spiking.py SNNSIM

The bundled LeNet-5 with thresholds of 1 is the same net as one whose layers have no activation but
neurons with thresholds of 1 behind them: all counts and costs must be equal.
"""

import copy
import json
import os
import sys

from flow import Failure, named, report, require

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data")
LENET = os.path.join(DATA, "lenet.json")
DIGITS = os.path.join(DATA, "digits", "digits-images-idx3-ubyte.gz")
LABELS = os.path.join(DATA, "digits", "digits-labels-idx1-ubyte.gz")
RUN = ("--data", DIGITS, "--labels", LABELS, "--samples", 8, "--timesteps", 30)


def lenet():
    with open(LENET, encoding="utf-8") as file:
        return json.load(file)


def spiking(**neurons):
    """LeNet-5 with neurons in place of its activations, and behind its output."""
    model = lenet()
    renamed, layers = {}, []
    for layer in copy.deepcopy(model["layers"]):
        layer["inputs"] = [renamed.get(name, name) for name in layer.get("inputs", [])]
        if layer["kind"] == "input":
            del layer["inputs"]
        layers.append(layer)
        if layer.get("activation") == "relu" or layer["name"] == model["output"]:
            layer["activation"] = "none"
            renamed[layer["name"]] = layer["name"] + ".if"
            layers.append({"name": layer["name"] + ".if", "kind": "if",
                           "inputs": [layer["name"]], **neurons})
    return {"format": model["format"], "name": "lenet-if", "layers": layers,
            "output": renamed[model["output"]]}


def run(place, model, *arguments):
    place.write("net.json", model)
    answer = place.run("net.json", *RUN, "--json", "run.json", *arguments)
    require(answer.returncode == 0, "snnsim failed", answer)
    return place.read_json("run.json"), answer


def same_as_thresholds_of_one(place):
    """neurons with thresholds of 1 are the CNN with --norm none"""
    expected, _ = run(place, lenet(), "--norm", "none", "--save-counts", "expected.npy")
    found, _ = run(place, spiking(threshold=1), "--save-counts", "found.npy")
    contents = place.contents()
    require(contents["expected.npy"] == contents["found.npy"], "other counts")
    for key in ("accuracy", "accuracy_by_step", "first_spike", "synops_mean", "confusion"):
        if expected["results"][0][key] != found["results"][0][key]:
            raise Failure(f"{key}: {found['results'][0][key]}")
    for a, b in zip(expected["results"][0]["layers"], found["results"][0]["layers"], strict=True):
        require(b["name"] == a["name"] + ".if", f"layer {b['name']}")
        require({**a, "name": ""} == {**b, "name": ""}, f"layer {b['name']}: {b}, expected {a}")


def own_potentials(place):
    """a layer's own initial potential and lower clip stand above the options"""
    expected, _ = run(place, spiking(threshold=1), "--v0", 0.25, "--v-min", "none")
    found, _ = run(place, spiking(threshold=1, v_init=0.25, v_min="none"))
    require(expected["results"][0]["synops_mean"] == found["results"][0]["synops_mean"], "SynOps")
    other, _ = run(place, spiking(threshold=1))
    require(other["results"][0]["synops_mean"] != found["results"][0]["synops_mean"], "no effect")


def options_are_skipped(place):
    """options for which the layers have values of their own are named, and not reported as used"""
    asked = ("--reset", "zero", "--v0", 0.25, "--v-min", "none")
    result, answer = run(place, spiking(threshold=1, v_init=0.5, v_min=-1), *asked)
    for option in asked[::2]:
        require(f"has values of its own: {option} is skipped" in answer.stderr, option, answer)
    for name in ("reset", "v0", "v_min"):
        require(result["options"][name] == "model", f"{name}: {result['options'][name]}")
    result, answer = run(place, spiking(threshold=1), *asked)
    require("--reset is skipped" in answer.stderr and "--v" not in answer.stderr, "", answer)
    require(result["options"]["v0"] == 0.25 and result["options"]["v_min"] is None, "v0, v_min")
    model = spiking(threshold=1)
    model["layers"][2]["v_init"] = 0.5
    result, answer = run(place, model, "--v0", 0.25)
    require("1 of 5 layers have values of their own: --v0 holds for the others" in answer.stderr,
            "no warning", answer)
    require(result["options"]["v0"] == 0.25, "v0")


def recordings_are_not_encoded(place):
    """--encoding is refused with recordings, as with exact spikes"""
    place.write("one.bin", bytes([3, 4, 0x80, 0, 0]))  # x 3, y 4, brighter, at 0 us
    answer = place.run(LENET, "--data", "one.bin", "-e", "bernoulli")
    require(answer.returncode == 64, "status 64 expected", answer)
    require("--encoding: one.bin holds recorded events" in answer.stderr, "message", answer)


def no_cnn(place):
    """there is no CNN to compare with"""
    result, answer = run(place, spiking(threshold=1))
    require(result["results"][0]["cnn_accuracy"] is None, "cnn_accuracy")
    require(result["results"][0]["cnn_agreement"] is None, "cnn_agreement")
    require("CNN " not in answer.stdout.replace("CNN MACs", ""), "a CNN is mentioned", answer)
    require(answer.stderr == "", "a message", answer)


def norm_is_skipped(place):
    """normalisation is skipped, with a word about it only to who asked for it"""
    result, answer = run(place, spiking(threshold=1), "--norm", "p99.9", "--channelwise")
    require("--norm p99.9 is skipped" in answer.stderr, "no warning", answer)
    require("--channelwise is skipped" in answer.stderr, "no warning", answer)
    require(result["options"]["norm"] == "none", "norm in the report")
    _, answer = run(place, spiking(threshold=1), "--norm", "none")
    require(answer.stderr == "", "a message", answer)


def membrane_readout(place):
    """an output without neurons is read by its potential"""
    model = spiking(threshold=1)
    del model["layers"][-1]
    model["output"] = model["layers"][-1]["name"]
    result, _ = run(place, model, "--rule", "first@1", "--rule", "membrane:2")
    require(result["options"]["readout"] == "membrane", "readout in the report")
    require(result["results"][0]["accuracy"] == 1.0, "accuracy")
    require(result["results"][0]["silent"]["count"] == 0, "silent samples")


def calibration_is_refused(place):
    """calibration is refused, naming a layer of neurons"""
    place.write("net.json", spiking(threshold=1))
    answer = place.run("net.json", *RUN, "--calibrate", DIGITS)
    require(answer.returncode != 0, "accepted", answer)
    require("layer 'conv1.if': the net arrived spiking" in answer.stderr, "another error", answer)


if __name__ == "__main__":
    sys.exit(report(named([same_as_thresholds_of_one, own_potentials, options_are_skipped,
                           recordings_are_not_encoded, no_cnn, norm_is_skipped,
                           membrane_readout, calibration_is_refused]), sys.argv[1]))
