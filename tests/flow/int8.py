"""frame:int8 against the TensorFlow Lite reference kernels, bit by bit: int8.py SNNSIM LAYERS

Quantised nets by others, from $SNN_SHARED/realfiles/models; every layer's integers over random
inputs, from an oracle in numpy that was written from the kernels' formulae.
"""

import gzip
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(HERE, "oracle")

import numpy as np

import tflite_file
import tflite_native
from snn_harness import Tap
from tflite_int8 import Net, zero_of

SHARED = os.environ.get("SNN_SHARED", "")
NETS = {"mnist_valid_q": 64, "cifar10_q": 8, "pretrainedResnet_quant": 8, "hello_world_int8": 300,
        "micro_speech_quantized": 16}
MNIST_ACCURACY = 0.9646


def model_path(name):
    return os.path.join(SHARED, "realfiles", "models", name + ".tflite")


class Executor:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, model, frames):
        """{layer: float32 values [frame][...]}, in the order of the layers."""
        frames.astype("=f4").tofile(self.path("frames.f32"))
        answer = subprocess.run([self.program, model, "frame:int8", self.path("frames.f32"),
                                 self.path("out.f32")], stdout=subprocess.PIPE, text=True,
                                check=True)
        values, at, layers = np.fromfile(self.path("out.f32"), "=f4"), 0, {}
        for line in answer.stdout.splitlines():
            name, size = line.rsplit(" ", 1)
            count = int(size) * len(frames)
            layers[name] = values[at:at + count].reshape(len(frames), int(size))
            at += count
        assert at == len(values)
        return layers


def preprocess_of(tensor):
    """Intensities 0..1 to all that the input's integers can tell, and a little beyond."""
    scale, zero = float(tensor.scale[0]), zero_of(tensor)
    low, high = scale * (-132 - zero), scale * (131 - zero)
    return {"scale": (high - low) / 255.0, "mean": [-low], "std": [1.0]}


def quantize(intensity, preprocess, tensor):
    """As a QUANTIZE operator does it, of what preprocessing makes of the intensities."""
    factor, offset = 255.0 * preprocess["scale"] / preprocess["std"][0], preprocess["mean"][0]
    real = (intensity.astype(np.float64) * factor - offset).astype(np.float32)
    steps = real / np.float32(tensor.scale[0])
    halves_away = np.copysign(np.floor(np.abs(steps.astype(np.float64)) + 0.5), steps)
    return np.clip(halves_away.astype(np.int64) + zero_of(tensor), -128, 127)


def channels_first(values):
    """[frame][values] from [frame][height][width][channel]."""
    if values.ndim == 4:
        values = values.transpose(0, 3, 1, 2)
    return values.reshape(len(values), -1)


def expected_values(file, values, index):
    """The oracle's integers of a tensor, in the order of our layer."""
    for operator in file.operators:
        if operator.name == "RESHAPE" and operator.outputs[0] == index and \
                len(file.tensors[index].shape) == 2:
            return channels_first(values[operator.inputs[0]])
    return channels_first(values[index])


def compare(executor, name, count):
    file = tflite_file.read(model_path(name))
    source = file.tensors[file.inputs[0]]
    preprocess = preprocess_of(source)
    layers = tflite_native.write(executor.path("model.json"), file, preprocess)
    shape = tflite_native.input_shape(file)
    frames = np.random.default_rng(1).random((count, shape[2], shape[0], shape[1]), np.float32)
    integers = quantize(frames, preprocess, source).transpose(0, 2, 3, 1)
    values = Net(file).run(integers.reshape(count, *source.shape[1:]))
    found = executor.run(executor.path("model.json"), frames)
    compared = 0
    for layer, real in found.items():
        tensor = file.tensors[layers[layer]]
        mine = np.rint(real / tensor.scale[0]).astype(np.int64) + zero_of(tensor)
        right = expected_values(file, values, layers[layer])
        compared += right.size
        wrong = np.argwhere(mine != right)
        if len(wrong):
            frame, at = wrong[0]
            yield (f"{layer}: {len(wrong)} of {right.size} differ, the first in frame {frame} at "
                   f"{at}: {mine[frame, at]}, expected {right[frame, at]}")
            return
    print(f"# {name}: {compared} integers of {len(found)} layers")


def mnist():
    folder = os.path.join(SHARED, "mnist")
    with gzip.open(os.path.join(folder, "t10k-images-idx3-ubyte.gz")) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(os.path.join(folder, "t10k-labels-idx1-ubyte.gz")) as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8)


def mnist_accuracy(snnsim, executor):
    """Ours and the oracle's; the file's scale of 1/255 makes integers of pixels exactly."""
    file = tflite_file.read(model_path("mnist_valid_q"))
    plain = {"scale": 1.0 / 255.0, "mean": [0.0], "std": [1.0]}
    tflite_native.write(executor.path("model.json"), file, plain)
    images, labels = mnist()
    values = Net(file).run(images.astype(np.int64) - 128)
    oracle = np.mean(values[file.operators[-1].inputs[0]].argmax(1) == labels)
    answer = subprocess.run(
        [snnsim, executor.path("model.json"), "-q", "--target", "frame:int8", "--data",
         os.path.join(SHARED, "mnist", "t10k-images-idx3-ubyte.gz"), "--min-accuracy",
         str(100.0 * MNIST_ACCURACY - 1e-6)], stdout=subprocess.PIPE, text=True, check=False)
    found = next((line for line in answer.stdout.splitlines() if "accuracy" in line), "")
    if answer.returncode != 0 or oracle != MNIST_ACCURACY or f"{100.0 * oracle:.2f} %," not in found:
        yield f"oracle {oracle}, ours: {answer.stdout}"


def main():
    snnsim, program = (os.path.abspath(path) for path in sys.argv[1:3])
    if not os.path.exists(model_path("mnist_valid_q")):
        print("1..0 # SKIP SNN_SHARED names no folder with realfiles/models")
        return 0
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="snn-int8-") as folder:
        executor = Executor(program, folder)
        for name, count in NETS.items():
            tap.test(f"{name}, {count} random inputs", compare, executor, name, count)
        tap.test("mnist_valid_q on 10,000 MNIST images", mnist_accuracy, snnsim, executor)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
