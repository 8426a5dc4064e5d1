"""The frame-based targets beside the CNN and the spiking net: targets.py SNNSIM

MNIST is taken from $SNN_SHARED/mnist; without it only the bundled digits are run.
"""

import json
import os
import struct
import sys

from accuracy import mnist
from flow import model, named, npy, report, require, tensor

MODEL = os.path.join(os.path.dirname(__file__), "..", "..", "data", "lenet.json")
SPIKES_ONLY = ("accuracy_without_silent", "accuracy_by_step", "steps_mean", "first_spike", "rules",
               "sweep", "silent", "input_spikes_mean", "synops_mean",
               "synops_until_decision_mean")
MACS = 117600 + 240000 + 48000 + 10080 + 840


def run(place, *arguments):
    answer = place.run(MODEL, "-q", "--json", "-", *arguments)
    require(answer.returncode == 0, "snnsim failed", answer)
    return json.loads(answer.stdout)


def result(place, target, *arguments):
    return run(place, "--target", target, *arguments)["results"][0]


def floats_are_the_cnn(place):
    """frame:f32 decides every digit as the CNN does"""
    found = result(place, "frame:f32")
    require(found["accuracy"] == found["cnn_accuracy"], f"{found['accuracy']}")
    require(found["cnn_agreement"] == 1.0, f"agreement {found['cnn_agreement']}")


def floats_are_the_cnn_on_mnist(place):
    """frame:f32 has the CNN's 99.48 % of all 10,000 MNIST images"""
    found = result(place, "frame:f32", "-d", mnist())
    require(found["accuracy"] == found["cnn_accuracy"] == 0.9948, f"{found['accuracy']}")


def integers_lose_little_on_mnist(place):
    """frame:int8 is within 0.1 points of the CNN on all 10,000 MNIST images"""
    found = result(place, "frame:int8", "-d", mnist())
    print(f"# accuracy {found['accuracy']}, agreement {found['cnn_agreement']}")
    require(abs(found["accuracy"] - found["cnn_accuracy"]) <= 0.001, f"{found['accuracy']}")
    require(found["cnn_agreement"] >= 0.998, f"agreement {found['cnn_agreement']}")


def nothing_of_spikes_is_pretended(place):
    """what only spikes have is null for a frame-based target"""
    document = run(place, "--target", "frame:int8", "-n", 20)
    found = document["results"][0]
    for member in SPIKES_ONLY:
        require(found[member] is None, f"{member} is {found[member]}")
    require(document["options"]["timesteps"] is None, "time steps of a run without spikes")
    require(document["timing"]["synops_per_second"] is None, "SynOps of a run without spikes")


def energy_is_of_macs(place):
    """energy is MACs times the profile's energy of one, and unknown by a profile without"""
    known = result(place, "frame:int8", "-n", 20, "--energy", "horowitz45_int8")
    unknown = result(place, "frame:int8", "-n", 20, "--energy", "loihi")
    require(known["macs_mean"] == MACS, f"{known['macs_mean']} MACs")
    require(abs(known["energy"]["uj_mean"] - MACS * 0.23e-6) < 1e-12, f"{known['energy']}")
    require(known["energy"]["uj_until_decision_mean"] is None, f"{known['energy']}")
    require(unknown["energy"]["uj_mean"] is None, f"{unknown['energy']}")


def energy_unknown_names_a_profile(place):
    """where a profile has no energy of a MAC one that has is named, and has"""
    for targets in (["frame:int8"], ["sim", "frame:int8"]):
        words = ["-n", 5, *(word for name in targets for word in ("--target", name))]
        shown = place.run(MODEL, *words).stdout
        require("profile sinabs has none for a MAC, --energy " in shown, shown)
        name = shown.split("has none for a MAC, --energy ")[1].split()[0]
        require("has none" not in place.run(MODEL, *words, "--energy", name).stdout, name)


def threads_do_not_matter(place):
    """the result is the same on one thread and on three"""
    for target in ("frame:f32", "frame:int8"):
        one, three = (result(place, target, "--threads", count) for count in (1, 3))
        require(one == three, f"{target}: {one} and {three}")


def several_in_one_run(place):
    """several targets give what each gives alone, in their order"""
    names = ["frame:int8", "sim", "frame:f32"]
    options = ("-n", 30, "-t", 8)
    together = run(place, *options, *(word for name in names for word in ("--target", name)))
    require([entry["target"] for entry in together["results"]] == names, "the order")
    require([entry["target"] for entry in together["timing"]["targets"]] == names, "the timing")
    for name, entry in zip(names, together["results"]):
        alone = result(place, name, *options)
        alone["gap"], alone["agreement"] = entry["gap"], entry["agreement"]  # with the first of the run
        require(entry == alone, f"{name} differs")
    table = place.run(MODEL, "-q", *options, "--target", "sim", "--target", "frame:int8").stdout
    for word in ("sim ", "frame:int8 ", "SynOps", "MACs", "profile sinabs"):
        require(word in table, f"no {word!r} in the table:\n{table}")


def accuracy_is_demanded_of_each(place):
    """--min-accuracy is checked for every target, and names the one that fails"""
    answer = place.run(MODEL, "-q", "-n", 100, "-t", 1, "--norm", "max", "--min-accuracy", 99,
                       "--target", "sim", "--target", "frame:int8")
    require(answer.returncode == 1, "status", answer)
    require("sim: accuracy" in answer.stderr and "frame:int8:" not in answer.stderr, "message",
            answer)


def calibrated_in_the_run(place):
    """a model without statistics runs in integers once --calibrate gave it frames"""
    bare = {key: value for key, value in model().items() if key != "statistics"}
    place.write("model.json", bare)
    refused = place.run("model.json", "-q", "--target", "frame:int8")
    require(refused.returncode == 65 and "--calibrate" in refused.stderr, "refusal", refused)
    answer = place.run("model.json", "-q", "--target", "frame:int8", "--calibrate", "images-idx3",
                       "--json", "-")
    require(answer.returncode == 0 and answer.stderr == "", "calibrated", answer)
    found = json.loads(answer.stdout)["results"][0]
    require(found["cnn_agreement"] == 1.0, f"agreement {found['cnn_agreement']}")


def frames_out_of_range(place):
    """raw pixels as floats are refused by every target, with the sample and the remedy"""
    values = [0.5] * 16 + [128.0] * 16
    place.write("raw.npy", npy("<f4", (2, 1, 4, 4), struct.pack("<32f", *values)))
    for target in ("sim", "frame:f32", "frame:int8"):
        answer = place.run("model.json", "-d", "raw.npy", "--target", target)
        require(answer.returncode == 65 and answer.stdout == "", f"{target}: refusal", answer)
        require("raw.npy: sample 1: the intensity 128 at channel 0, row 0" in answer.stderr
                and "hint: divide the frames by 255" in answer.stderr, f"{target}: message", answer)


def recorded_spikes_are_no_frames(place):
    """--input-spikes is refused with a frame-based target"""
    place.write("spikes.npy", npy("|u1", (1, 2, 1, 4, 4), bytes(32)))
    answer = place.run("model.json", "--input-spikes", "spikes.npy", "--target", "frame:f32")
    require(answer.returncode == 64, "status", answer)
    require("target frame:f32 takes frames" in answer.stderr, "message", answer)


def arrived_spiking(place):
    """a net that arrived spiking has no CNN to run frame by frame"""
    place.write("model.json", {
        "format": "snn.model/1", "name": "spiking", "output": "neurons",
        "sample": {"images": "images-idx3", "labels": "labels-idx1"},
        "layers": [{"name": "input", "kind": "input", "shape": [1, 4, 4]},
                   {"name": "dense", "kind": "dense", "inputs": ["input"],
                    "weights": tensor([1.0] * 48, [3, 16])},
                   {"name": "neurons", "kind": "if", "inputs": ["dense"], "threshold": 1}]})
    for target in ("frame:f32", "frame:int8"):
        answer = place.run("model.json", "--target", target)
        require(answer.returncode == 65 and "arrived spiking" in answer.stderr, target, answer)


TESTS = named([floats_are_the_cnn, floats_are_the_cnn_on_mnist, integers_lose_little_on_mnist,
               nothing_of_spikes_is_pretended, energy_is_of_macs, energy_unknown_names_a_profile,
               threads_do_not_matter,
               several_in_one_run, accuracy_is_demanded_of_each, calibrated_in_the_run,
               frames_out_of_range, recorded_spikes_are_no_frames, arrived_spiking])

if __name__ == "__main__":
    sys.exit(report(TESTS, os.path.abspath(sys.argv[1])))
