"""Models and recordings by strangers, with the numbers they must give: realfiles.py SNNSIM

The files lie below the folder that SNN_SHARED names (realfiles/ and mnist/); without it every case
is skipped. Each expected number is what the file's own project or framework gives on the same data.
"""

import json
import os
import subprocess
import sys

# At the end: files of this folder may bear the names of modules that numpy imports.
sys.path.append(sys.path.pop(0))

import flow

try:
    import numpy as np
except ImportError:
    np = None

SHARED = os.environ.get("SNN_SHARED", "")
TOOLS = os.path.dirname(os.path.abspath(sys.argv[1]))
VALUES = os.path.join(os.path.dirname(TOOLS), "tests", "flow", "values")
TOLERANCE = 0.0002  # of an accuracy: 2 of 10,000 images


def shared(*parts):
    """A file of the shared folder; skips where it is not there."""
    if not SHARED:
        raise flow.Skip("SNN_SHARED is not set")
    path = os.path.join(SHARED, *parts)
    if not os.path.exists(path):
        raise flow.Skip(f"no {os.path.join(*parts)}")
    return path


def model(name):
    return shared("realfiles", "models", name)


def supported(place, name):
    """Skips where this build lacks the library for the file."""
    answer = subprocess.run([os.path.join(TOOLS, "snnconvert"), "--info", model(name)],
                            capture_output=True, text=True, check=False)
    if "this build cannot read" in answer.stderr:
        raise flow.Skip(answer.stderr.strip())


def accuracy_on_mnist(place, name, target, *options):
    supported(place, name)
    answer = place.run(model(name), "--target", target, "--data",
                       shared("mnist", "t10k-images-idx3-ubyte.gz"), "--json", "out.json", *options)
    flow.require(answer.returncode == 0, "no run", answer)
    return place.read_json("out.json")["results"][0]["accuracy"]


def mnist_case(name, target, expected, *options):
    def test(place):
        accuracy = accuracy_on_mnist(place, name, target, *options)
        flow.require(abs(accuracy - expected) <= TOLERANCE + 1e-9,
                     f"accuracy {accuracy}, {expected} expected")
    return f"{name} on {target}: {100 * expected:.2f} % of MNIST", test


def values(place, name, frames, target="-", scale=1.0):
    """Outputs of a model for frames in the order channels, height, width, fed as they are times
    255 times `scale`."""
    if np is None:
        raise flow.Skip("this python has no numpy")
    supported(place, name)
    np.save(place.at("frames.npy"), frames.astype(np.float32))
    answer = subprocess.run([VALUES, model(name), "frames.npy", "out.f32", target, repr(scale)],
                            cwd=place.folder, capture_output=True, text=True, check=False)
    flow.require(answer.returncode == 0, f"{name}: {answer.stderr}")
    return np.fromfile(place.at("out.f32"), np.float32).reshape(len(frames), -1)


def random_frames(shape, count=64):
    return np.random.default_rng(1).random((count, *shape), np.float32)


def twin_case(first, second, shape, limit=1e-5):
    def test(place):
        if np is None:
            raise flow.Skip("this python has no numpy")
        frames = random_frames(shape)
        one = values(place, first, frames, scale=1 / 255)
        other = values(place, second, frames, scale=1 / 255)
        worst = float(np.abs(one - other).max())
        flow.require(np.abs(one).max() > 0.01, "all outputs are next to zero")
        flow.require(worst <= limit * max(1.0, float(np.abs(one).max())), f"they differ by {worst}")
    return f"{first} and {second} compute the same", test


def int8_twin_case(floats, integers, shape, share):
    """How often a float model and its int8 twin decide alike on random frames: what the
    quantisation itself costs; that the integers are right is shown bit by bit elsewhere."""
    def test(place):
        if np is None:
            raise flow.Skip("this python has no numpy")
        frames = random_frames(shape)
        one = values(place, floats, frames, scale=1 / 255).argmax(1)
        other = values(place, integers, frames, "frame:int8", 1 / 255).argmax(1)
        equal = float((one == other).mean())
        flow.require(equal >= share, f"only {equal:.3f} of the decisions are equal")
    return f"{integers} on frame:int8 decides as {floats}", test


def nmnist(place):
    """nmnist_cnn.nir tells at least 58 of the 60 recordings apart, in steps of 1 ms, in floats and
    in 8 bits"""
    supported(place, "nmnist_cnn.nir")
    answer = place.run(model("nmnist_cnn.nir"), "--data", shared("realfiles", "nmnist"),
                       "--dt", "1", "--arith", "both", "--json", "out.json")
    flow.require(answer.returncode == 0, "no run", answer)
    results = place.read_json("out.json")["results"]
    flow.require([result["arith"] for result in results] == ["float", "chip"], f"{results}")
    for result in results:
        right = round(result["accuracy"] * 60)
        flow.require(right >= 58, f"{right} of 60", answer)
        flow.require(result["cnn_accuracy"] is None, "there is no CNN behind it")


def nmnist_recorded(place):
    """nmnist_cnn.nir does so event by event too, in the order of the recordings"""
    supported(place, "nmnist_cnn.nir")
    answer = place.run(model("nmnist_cnn.nir"), "--data", shared("realfiles", "nmnist"), "--dt",
                       "1", "--semantics", "both", "--order", "recorded", "--json", "out.json")
    flow.require(answer.returncode == 0, "no run", answer)
    sync, recorded = place.read_json("out.json")["results"]
    flow.require(recorded["order"] == "recorded", f"order {recorded['order']}", answer)
    flow.require(recorded["input_spikes_mean"] == sync["input_spikes_mean"], "events", answer)
    right = round(recorded["accuracy"] * 60)
    flow.require(right >= 58, f"{right} of 60", answer)
    flow.require(recorded["first_spike"] != sync["first_spike"], "the order tells", answer)


def recording(place):
    """sample_nmnist.bin has 4,325 events within 34x34 pixels and 311 ms"""
    supported(place, "nmnist_cnn.nir")
    answer = place.run(model("nmnist_cnn.nir"), "--data",
                       shared("realfiles", "events", "sample_nmnist.bin"), "--json", "out.json")
    flow.require(answer.returncode == 0, "no run", answer)
    document = place.read_json("out.json")
    flow.require(document["options"]["timesteps"] == 311, f"{document['options']}")
    spikes = document["results"][0]["input_spikes_mean"]
    flow.require(spikes == 4325, f"{spikes} events")


def refusal_case(name, *parts):
    def test(place):
        supported(place, name)
        answer = place.run(model(name), "--samples", "1")
        flow.require(answer.returncode == 65, "status 65 expected", answer)
        for part in parts:
            flow.require(part in answer.stderr, f"{part!r} is not named", answer)
    return f"{name} is refused by name", test


def sine(place):
    """hello_world is the sine it was trained on, and its int8 twin within two steps of that"""
    if np is None:
        raise flow.Skip("this python has no numpy")
    # Frames are intensities: the scale takes 0..1 to 0..2 pi.
    frames = np.linspace(0.0, 1.0, 101, dtype=np.float32).reshape(-1, 1, 1, 1)
    wanted = np.sin(2 * np.pi * frames.ravel())
    scale = 2 * np.pi / 255
    floats = values(place, "hello_world_float.tflite", frames, scale=scale).ravel()
    flow.require(np.abs(floats - wanted).max() < 0.15, f"{np.abs(floats - wanted).max()} off")
    integers = values(place, "hello_world_int8.tflite", frames, "frame:int8", scale).ravel()
    flow.require(np.abs(integers - wanted).max() < 0.17, f"{np.abs(integers - wanted).max()} off")


def light_vgg(place):
    """light_vgg19.onnx: weights by ConstantOfShape, 143,667,240 parameters"""
    supported(place, "light_vgg19.onnx")
    answer = subprocess.run(
        [os.path.join(TOOLS, "snnconvert"), model("light_vgg19.onnx"), "--json", "-"],
        capture_output=True, text=True, check=False)
    flow.require(answer.returncode == 0, f"status {answer.returncode}: {answer.stderr}")
    info = json.loads(answer.stdout)
    flow.require(info["model"]["parameters"] == 143667240, f"{info['model']}")
    flow.require(info["macs"] == 19632062464, f"{info['macs']} MACs")


CASES = [
    mnist_case("torch13_lenet.onnx", "frame:f32", 0.9913,
               "--preprocess", "scale=1/255,mean=0.1307,std=0.3081"),
    mnist_case("cntk_mnist8.onnx", "frame:f32", 0.9891, "--preprocess", "scale=1"),
    mnist_case("mnist_valid.h5", "frame:f32", 0.9654),
    mnist_case("mnist_valid_f.tflite", "frame:f32", 0.9654),
    mnist_case("mnist_valid_q.tflite", "frame:int8", 0.9646),
    mnist_case("mnist_fc.h5", "frame:f32", 0.9270),
    twin_case("mnist_valid.h5", "mnist_valid_f.tflite", (1, 28, 28)),
    twin_case("cifar10.h5", "cifar10_f.tflite", (3, 32, 32)),
    twin_case("pretrainedResnet.h5", "pretrainedResnet.tflite", (3, 32, 32)),
    int8_twin_case("mnist_valid_f.tflite", "mnist_valid_q.tflite", (1, 28, 28), 0.9),
    int8_twin_case("cifar10_f.tflite", "cifar10_q.tflite", (3, 32, 32), 0.9),
    int8_twin_case("pretrainedResnet.tflite", "pretrainedResnet_quant.tflite", (3, 32, 32), 0.9),
    *flow.named([sine, nmnist, nmnist_recorded, recording, light_vgg]),
    refusal_case("lif_norse.nir", "LIF", "leak"),
]

if __name__ == "__main__":
    sys.exit(flow.report(CASES, sys.argv[1]))
