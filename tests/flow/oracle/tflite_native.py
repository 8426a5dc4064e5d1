"""A quantised TFLite file as a native model, so that the executor is tested without our own reader.

Weights become the real numbers that their integers stand for, channels first; what the integers
were goes into each layer's `quantization`.
"""

import json

import numpy as np

from snn_model import FORMAT, pack_tensor
from tflite_file import ACTIVATIONS
from tflite_int8 import padding_of

MOVES = ("RESHAPE",)


class Writer:
    def __init__(self, file):
        self.file, self.layers = file, []
        self.name_of = {}   # tensor: layer
        self.maps = {}      # tensor: (height, width, channels) where channels are not last in vain

    def tensor(self, index):
        return self.file.tensors[index]

    def put(self, index, kind, inputs, **members):
        """A layer whose values are tensor `index`."""
        tensor = self.tensor(index)
        name = f"{kind}{len(self.layers)}"
        members["quantization"] = {"scale": float(tensor.scale[0]),
                                   "zero_point": int(tensor.zero_point[0]),
                                   **members.get("quantization", {})}
        if kind != "input":
            members["inputs"] = [self.name_of[i] for i in inputs]
        self.layers.append({"name": name, "kind": kind, **members})
        self.name_of[index] = name

    def weighted(self, operator, weights, scale, activation):
        bias = self.tensor(operator.inputs[2])
        members = {"weights": pack_tensor(weights),
                   "bias": pack_tensor(bias.data.astype(np.float32) * bias.scale),
                   "quantization": {"weight_scale": pack_tensor(scale)}}
        return {**members, **self.activation(activation)}

    @staticmethod
    def activation(number):
        name = ACTIVATIONS[number]
        if name == "RELU6":
            return {"activation": "clip", "clip": 6.0}
        return {"activation": "relu" if name else "none"}

    def window(self, operator, kernel, stride, dilation, same):
        _, height, width, _ = self.tensor(operator.inputs[0]).shape
        top, bottom, _ = padding_of(height, kernel[0], stride[0], dilation[0], same)
        left, right, _ = padding_of(width, kernel[1], stride[1], dilation[1], same)
        return {"stride": list(stride), "padding": [top, left, bottom, right]}

    def conv_2d(self, operator, o):
        w = self.tensor(operator.inputs[1])
        stride, dilation = (o.number(2), o.number(1)), (o.number(5, default=1),
                                                        o.number(4, default=1))
        scale = w.scale if len(w.scale) > 1 else np.repeat(w.scale, w.shape[0])
        real = (w.data * scale[:, None, None, None]).transpose(0, 3, 1, 2)
        self.put(operator.outputs[0], "conv2d", operator.inputs[:1], dilation=list(dilation),
                 **self.window(operator, w.shape[1:3], stride, dilation, o.number(0, "<b") == 0),
                 **self.weighted(operator, real, w.scale, o.number(3, "<b")))

    def depthwise_conv_2d(self, operator, o):
        w = self.tensor(operator.inputs[1])
        stride, dilation = (o.number(2), o.number(1)), (o.number(6, default=1),
                                                        o.number(5, default=1))
        real = (w.data * w.scale)[0].transpose(2, 0, 1)[:, None]
        self.put(operator.outputs[0], "conv2d", operator.inputs[:1], dilation=list(dilation),
                 groups=int(self.tensor(operator.inputs[0]).shape[3]),
                 **self.window(operator, w.shape[1:3], stride, dilation, o.number(0, "<b") == 0),
                 **self.weighted(operator, real, w.scale, o.number(4, "<b")))

    def fully_connected(self, operator, o):
        w = self.tensor(operator.inputs[1])
        scale = w.scale if len(w.scale) > 1 else np.repeat(w.scale, w.shape[0])
        real = w.data * scale[:, None]
        source = operator.inputs[0]
        shape = self.maps.get(source, self.tensor(source).shape[1:])
        if len(shape) == 3:
            real = real.reshape(len(real), *shape).transpose(0, 3, 1, 2).reshape(len(real), -1)
        self.put(operator.outputs[0], "dense", operator.inputs[:1],
                 **self.weighted(operator, real, w.scale, o.number(0, "<b")))

    def add(self, operator, o):
        self.put(operator.outputs[0], "add", operator.inputs, **self.activation(o.number(0, "<b")))

    def pool(self, operator, o, kind):
        kernel, stride = (o.number(4), o.number(3)), (o.number(2), o.number(1))
        self.put(operator.outputs[0], kind, operator.inputs, kernel=list(kernel),
                 **({"pad_excluded": True} if kind == "avg_pool2d" else {}),
                 **self.window(operator, kernel, stride, (1, 1), o.number(0, "<b") == 0))

    def average_pool_2d(self, operator, o):
        self.pool(operator, o, "avg_pool2d")

    def max_pool_2d(self, operator, o):
        self.pool(operator, o, "max_pool2d")

    def mean(self, operator, _):
        self.put(operator.outputs[0], "avg_pool2d", operator.inputs[:1],
                 kernel=[int(n) for n in self.tensor(operator.inputs[0]).shape[1:3]])

    def concatenation(self, operator, _):
        self.put(operator.outputs[0], "concat", operator.inputs)

    def reshape(self, operator, _):
        source, target = operator.inputs[0], operator.outputs[0]
        if len(self.tensor(target).shape) == 4:  # of a flat input: the input's own shape
            assert source == self.file.inputs[0]
            self.name_of[target] = self.name_of[source]
            return
        self.maps[target] = self.tensor(source).shape[1:]
        self.put(target, "flatten", [source])

    def softmax(self, *_):
        """Ends the net."""


def input_shape(file):
    """(height, width, channels)."""
    shape = file.tensors[file.inputs[0]].shape[1:]
    first = file.operators[0]
    if first.name == "RESHAPE":
        shape = file.tensors[first.outputs[0]].shape[1:]
    return shape if len(shape) == 3 else (1, 1, *shape)


def write(path, file, preprocess):
    """Returns {layer: tensor}."""
    writer = Writer(file)
    height, width, channels = input_shape(file)
    writer.put(file.inputs[0], "input", (), shape=[channels, height, width])
    for operator in file.operators:
        getattr(writer, operator.name.lower())(operator, operator.options)
    document = {"format": FORMAT, "name": "tflite", "preprocess": preprocess,
                "layers": writer.layers, "output": writer.layers[-1]["name"]}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(document, out, default=int)
    return {name: index for index, name in writer.name_of.items()}
