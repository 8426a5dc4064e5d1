"""frame:int8 against the TensorFlow Lite reference kernels, bit by bit: int8.py SNNSIM LAYERS

Quantised nets by others, from $SNN_SHARED/realfiles/models, as they are imported; every layer's
integers over random inputs, from an oracle in numpy that reads the files itself and was written
from the kernels' formulae.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# In place of this folder, whose files may bear the names of modules that numpy imports.
sys.path[0] = os.path.join(HERE, "oracle")

import numpy as np

import tflite_file
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

    def run(self, model, frames, preprocess):
        """(name, scale, zero point, float32 values [frame][channels first]) of each layer."""
        paths = [os.path.join(self.folder, name) for name in ("frames.f32", "out.f32")]
        frames.astype("=f4").tofile(paths[0])
        answer = subprocess.run([self.program, model, "frame:int8", *paths,
                                 repr(preprocess["scale"]), repr(preprocess["mean"])],
                                stdout=subprocess.PIPE, text=True, check=True)
        values, at = np.fromfile(paths[1], "=f4"), 0
        for line in answer.stdout.splitlines():
            channels, height, width, scale, zero, name = line.split(" ", 5)
            size = int(channels) * int(height) * int(width)
            yield (name, np.float32(scale), int(zero),
                   values[at:at + size * len(frames)].reshape(len(frames), size))
            at += size * len(frames)
        assert at == len(values)


def preprocess_of(tensor):
    """Intensities 0..1 to all that the input's integers can tell, and a little beyond."""
    scale, zero = float(tensor.scale[0]), zero_of(tensor)
    low, high = scale * (-132 - zero), scale * (131 - zero)
    return {"scale": (high - low) / 255.0, "mean": -low}


def quantize(intensity, preprocess, tensor):
    """As a QUANTIZE operator does it, of what preprocessing makes of the intensities."""
    real = intensity.astype(np.float64) * (255.0 * preprocess["scale"]) - preprocess["mean"]
    steps = real.astype(np.float32) / np.float32(tensor.scale[0])
    halves_away = np.copysign(np.floor(np.abs(steps.astype(np.float64)) + 0.5), steps)
    return np.clip(halves_away.astype(np.int64) + zero_of(tensor), -128, 127)


def input_shape(file):
    """(channels, height, width); a flat input that is given its shape first has that shape."""
    first = file.operators[0]
    index = first.outputs[0] if first.name == "RESHAPE" else file.inputs[0]
    shape = file.tensors[index].shape[1:]
    return (shape[2], *shape[:2]) if len(shape) == 3 else (*shape, 1, 1)


def channels_first(values):
    """[frame][values] from [frame][height][width][channel]."""
    if values.ndim == 4:
        values = values.transpose(0, 3, 1, 2)
    return values.reshape(len(values), -1)


def tensor_of(file, values, scale, zero, size, used):
    """The tensor that a layer stands for: the next of its quantisation and size. A layer that
    flattens stands for its input, whose order channels first is its own."""
    flat = {operator.outputs[0] for operator in file.operators
            if operator.name == "RESHAPE" and len(file.tensors[operator.outputs[0]].shape) == 2}
    alike = [i for i in values if i not in flat and file.tensors[i].scale[0] == scale and
             zero_of(file.tensors[i]) == zero and values[i][0].size == size]
    assert alike, f"no tensor of scale {scale}, zero point {zero} and {size} values"
    return next((i for i in alike if i not in used), alike[0])


def compare(executor, name, count):
    file = tflite_file.read(model_path(name))
    source = file.tensors[file.inputs[0]]
    preprocess = preprocess_of(source)
    frames = np.random.default_rng(1).random((count, *input_shape(file)), np.float32)
    integers = quantize(frames, preprocess, source).transpose(0, 2, 3, 1)
    values = Net(file).run(integers.reshape(count, *source.shape[1:]))
    used, compared = {}, 0
    for layer, scale, zero, real in executor.run(model_path(name), frames, preprocess):
        index = tensor_of(file, values, scale, zero, real.shape[1], used)
        used.setdefault(index, layer)
        right = channels_first(values[index])
        mine = np.rint(real / scale).astype(np.int64) + zero
        compared += right.size
        wrong = np.argwhere(mine != right)
        if len(wrong):
            frame, at = wrong[0]
            yield (f"{layer}: {len(wrong)} of {right.size} differ, the first in frame {frame} at "
                   f"{at}: {mine[frame, at]}, expected {right[frame, at]}")
            return
    if file.operators[-1].inputs[0] not in used and file.outputs[0] not in used:
        yield f"the output is not among the layers {list(used.values())}"
    print(f"# {name}: {compared} integers of {len(used)} tensors")


def mnist():
    folder = os.path.join(SHARED, "mnist")
    with gzip.open(os.path.join(folder, "t10k-images-idx3-ubyte.gz")) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(os.path.join(folder, "t10k-labels-idx1-ubyte.gz")) as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8)


def mnist_accuracy(snnsim):
    """Ours and the oracle's; the file's scale of 1/255 makes integers of pixels exactly."""
    file = tflite_file.read(model_path("mnist_valid_q"))
    images, labels = mnist()
    values = Net(file).run(images.astype(np.int64) - 128)
    oracle = np.mean(values[file.operators[-1].inputs[0]].argmax(1) == labels)
    answer = subprocess.run(
        [snnsim, model_path("mnist_valid_q"), "-q", "--target", "frame:int8", "--json", "-",
         "--data", os.path.join(SHARED, "mnist", "t10k-images-idx3-ubyte.gz")],
        stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(answer.stdout)["results"][0]["accuracy"]
    if not found == oracle == MNIST_ACCURACY:
        yield f"oracle {oracle}, ours {found}, expected {MNIST_ACCURACY}"


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
        tap.test("mnist_valid_q on 10,000 MNIST images", mnist_accuracy, snnsim)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
