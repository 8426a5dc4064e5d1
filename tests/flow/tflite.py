"""TFLite models of others, as the reader gives them to the passes: tflite.py RUN_PROGRAM

Every model of the shared folder is read and run, and held against NumPy: the same file by a reader
of our own in oracle/, and the Keras model that it was converted from, where there is one.
"""

import os
import sys

# At the end: files of this folder may bear the names of modules that numpy imports.
sys.path.append(sys.path.pop(0))
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle"))

import flow

try:
    import numpy as np
    import cnn_tflite
except ImportError:
    np = None
try:
    import cnn_keras
except ImportError:
    cnn_keras = None

MODELS = ["mnist_valid_f", "mnist_valid_q", "cifar10_f", "cifar10_q", "pretrainedResnet",
          "pretrainedResnet_quant", "hello_world_float", "hello_world_int8",
          "micro_speech_quantized"]
TWINS = [("mnist_valid_f", "mnist_valid"), ("cifar10_f", "cifar10"),
         ("pretrainedResnet", "pretrainedResnet")]
FRAMES = 3
TOLERANCE = 1e-5


def path_of(name):
    path = os.path.join(os.environ.get("SNN_SHARED", ""), "realfiles", "models", name)
    if not os.environ.get("SNN_SHARED") or not os.path.exists(path):
        raise flow.Skip("SNN_SHARED names no folder with it")
    return path


def frames(shape):
    random = np.random.default_rng(7)
    return [random.random(shape).astype("<f4") for _ in range(FRAMES)]


def run(place, model, frame):
    """The program's text and output."""
    frame.tofile(place.at("in"))
    answer = place.run(model, "in", "out")
    flow.require(answer.returncode == 0 and answer.stderr == "", "run expected", answer)
    return answer.stdout, np.fromfile(place.at("out"), "<f4")


def same(found, expected, what):
    flow.require(found.shape == expected.shape, f"{what}: {found.shape}, {expected.shape}")
    worst = float(np.abs(found - expected).max())
    flow.require(worst <= TOLERANCE * max(1.0, float(np.abs(expected).max())),
                 f"{what}: differs by {worst}")
    print(f"# {what}: within {worst:.2g}")


def as_written(place, name):
    model = path_of(name + ".tflite")
    for frame in frames(cnn_tflite.input_shape(model)):
        text, found = run(place, model, frame)
        flow.require(text.startswith("TFLite (version 3, "), text)
        same(found, cnn_tflite.forward(model, frame), name)


def as_trained(place, name, twin):
    if cnn_keras is None:
        raise flow.Skip("this python has no h5py")
    model, keras = path_of(name + ".tflite"), path_of(twin + ".h5")
    for frame in frames(cnn_tflite.input_shape(model)):
        same(run(place, model, frame)[1], cnn_keras.forward(keras, frame), f"{name} and {twin}")


def stored(place):
    """a quantised model keeps the scales of its values through the transpositions"""
    text, _ = run(place, path_of("mnist_valid_q.tflite"), frames((28, 28, 1))[0])
    line = next(line for line in text.splitlines() if line.startswith("ftr1 "))
    flow.require("*[8,4,3,3]~int8" in line and "*[8]~int32" in line, line)


def main():
    if np is None:
        print("1..0 # SKIP this python has no numpy")
        return 77
    tests = [(f"{name} computes what its file says", lambda place, name=name: as_written(place, name))
             for name in MODELS]
    tests += [(f"{name} computes what Keras trained",
               lambda place, name=name, twin=twin: as_trained(place, name, twin))
              for name, twin in TWINS]
    return flow.report(tests + flow.named([stored]), sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
