"""Native model files (docs/formats/model.md) for the oracle: read, write, derive shapes.

Shares nothing with the C code but the format. Layers are held as `Layer`, tensors as float32 arrays
in the file's layout; `Layer.shape` is (channels, height, width) of the output.
"""

import base64
import dataclasses
import json
import math
import zlib

import numpy as np

FORMAT = "snn.model/1"
POOLS = ("avg_pool2d", "sum_pool2d", "max_pool2d")


@dataclasses.dataclass
class Neurons:
    """Of a layer of kind `if`: float32 arrays [1], [channels] or [channels][rows][columns]."""
    threshold: np.ndarray
    v_init: np.ndarray = None  # None: the options hold
    v_min: np.ndarray = None   # the same; "none": no lower clip
    reset: str = "subtract"


@dataclasses.dataclass
class Layer:
    """One layer; what its kind does not use keeps its default."""
    name: str
    kind: str
    inputs: tuple = ()
    shape: tuple = None
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = (0, 0, 0, 0)  # top, left, bottom, right
    dilation: tuple = (1, 1)
    groups: int = 1
    activation: str = "none"
    clip: float = None
    weights: np.ndarray = None
    bias: np.ndarray = None
    neurons: Neurons = None


@dataclasses.dataclass
class Model:
    name: str
    layers: list
    output: str
    preprocess: dict = None   # scale, mean [channels or 1], std
    quantiles: list = None    # probabilities of the statistics
    # {layer: (quantile, channel_quantile)} and {name: {layer: thresholds}}
    statistics: dict = dataclasses.field(default_factory=dict)
    recipes: dict = dataclasses.field(default_factory=dict)
    corrections: dict = dataclasses.field(default_factory=dict)  # name: (kind, {layer: values})

    def layer(self, name):
        return next(layer for layer in self.layers if layer.name == name)

    def is_spiking(self):
        return any(layer.kind == "if" for layer in self.layers)

    def is_neuronal(self, layer):
        """True for layers that become integrate-and-fire neurons."""
        if layer.kind == "if":
            return True
        if layer.kind not in ("conv2d", "dense", "add"):
            return False
        return layer.activation != "none" or layer.name == self.output


def positions(size, kernel, stride, before, after, dilation):
    return (size + before + after - dilation * (kernel - 1) - 1) // stride + 1


def window_shape(layer, height, width):
    """Output rows and columns of a convolution or pool."""
    top, left, bottom, right = layer.padding
    return (positions(height, layer.kernel[0], layer.stride[0], top, bottom, layer.dilation[0]),
            positions(width, layer.kernel[1], layer.stride[1], left, right, layer.dilation[1]))


def derive_shape(layer, shapes):
    """Output shape of a layer from those of the layers before it."""
    if layer.kind == "input":
        return layer.shape
    channels, height, width = shapes[layer.inputs[0]]
    if layer.kind == "conv2d":
        return (layer.weights.shape[0], *window_shape(layer, height, width))
    if layer.kind in POOLS:
        return (channels, *window_shape(layer, height, width))
    if layer.kind == "dense":
        return (layer.weights.shape[0], 1, 1)
    if layer.kind == "flatten":
        return (channels * height * width, 1, 1)
    if layer.kind == "concat":
        return (sum(shapes[name][0] for name in layer.inputs), height, width)
    return (channels, height, width)


def derive_shapes(model):
    shapes = {}
    for layer in model.layers:
        layer.shape = shapes[layer.name] = derive_shape(layer, shapes)
    return model


# ---- Reading ----

def unpack_tensor(value):
    assert value["dtype"] == "f32"
    data = zlib.decompress(base64.b64decode(value["data"]))
    return np.frombuffer(data, "<f4").reshape(value["shape"]).astype(np.float32)


def read_list(value):
    if isinstance(value, (int, float)):
        return np.array([value], np.float32)
    return value if value in (None, "none") else unpack_tensor(value)


def read_layer(value):
    layer = Layer(value["name"], value["kind"], tuple(value.get("inputs", ())))
    if layer.kind == "input":
        layer.shape = tuple(value["shape"])
    if "weights" in value:
        layer.weights = unpack_tensor(value["weights"])
    if "bias" in value:
        layer.bias = unpack_tensor(value["bias"])
    if layer.kind == "conv2d":
        layer.kernel = layer.weights.shape[2:]
    if layer.kind in POOLS:
        layer.kernel = layer.stride = tuple(value["kernel"])
    for key in ("stride", "padding", "dilation"):
        setattr(layer, key, tuple(value.get(key, getattr(layer, key))))
    if layer.kind == "if":
        layer.neurons = Neurons(*(read_list(value.get(key))
                                  for key in ("threshold", "v_init", "v_min")),
                                value.get("reset", "subtract"))
    layer.groups = value.get("groups", 1)
    layer.activation = value.get("activation", "none")
    layer.clip = value.get("clip")
    return layer


def read(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    assert document["format"] == FORMAT
    model = Model(document["name"], [read_layer(value) for value in document["layers"]],
                  document["output"], document.get("preprocess"))
    statistics = document.get("statistics")
    if statistics:
        model.quantiles = statistics["quantiles"]
        for name, value in statistics["layers"].items():
            model.statistics[name] = (unpack_tensor(value["quantile"]),
                                      unpack_tensor(value["channel_quantile"]))
    for recipe in document.get("recipes", ()):
        for kind in ("thresholds", "biases", "potentials"):
            values = {name: unpack_tensor(value) for name, value in recipe.get(kind, {}).items()}
            if values and kind == "thresholds":
                model.recipes[recipe["name"]] = values
            elif values:
                model.corrections[recipe["name"]] = (kind, values)
    return derive_shapes(model)


# ---- Writing ----

def pack_tensor(values):
    data = zlib.compress(np.ascontiguousarray(values, "<f4").tobytes())
    return {"dtype": "f32", "shape": list(values.shape), "data": base64.b64encode(data).decode()}


def write_list(values):
    if isinstance(values, str):
        return values
    return float(values[0]) if values.size == 1 else pack_tensor(values)


def write_layer(layer):
    value = {"name": layer.name, "kind": layer.kind}
    if layer.kind == "input":
        value["shape"] = list(layer.shape)
        return value
    value["inputs"] = list(layer.inputs)
    if layer.kind in POOLS:
        value["kernel"] = list(layer.kernel)
    if layer.kind in POOLS + ("conv2d",):
        value["stride"] = list(layer.stride)
        value["padding"] = list(layer.padding)
    if layer.kind == "conv2d":
        value["dilation"] = list(layer.dilation)
        value["groups"] = layer.groups
    if layer.kind in ("conv2d", "dense", "add"):
        value["activation"] = layer.activation
        if layer.activation == "clip":
            value["clip"] = layer.clip
    if layer.kind == "if":
        for key in ("threshold", "v_init", "v_min"):
            if getattr(layer.neurons, key) is not None:
                value[key] = write_list(getattr(layer.neurons, key))
        value["reset"] = layer.neurons.reset
    if layer.weights is not None:
        value["weights"] = pack_tensor(layer.weights)
    if layer.bias is not None:
        value["bias"] = pack_tensor(layer.bias)
    return value


def write_statistics(model):
    layers = {name: {"minimum": 0.0, "quantile": pack_tensor(quantile),
                     "channel_quantile": pack_tensor(channel_quantile)}
              for name, (quantile, channel_quantile) in model.statistics.items()}
    return {"frames": 1, "data": "made up", "quantiles": model.quantiles, "layers": layers}


def write(path, model):
    document = {"format": FORMAT, "name": model.name,
                "layers": [write_layer(layer) for layer in model.layers], "output": model.output}
    if model.preprocess:
        document["preprocess"] = model.preprocess
    if model.quantiles:
        document["statistics"] = write_statistics(model)
    if model.recipes:
        document["recipes"] = [
            {"name": name, "thresholds": {layer: pack_tensor(value)
                                          for layer, value in entries.items()}}
            for name, entries in model.recipes.items()]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


def macs(layer):
    """Multiply-accumulates of one layer for one frame, padding included."""
    if layer.kind == "conv2d":
        return math.prod(layer.shape) * math.prod(layer.weights.shape[1:])
    if layer.kind == "dense":
        return layer.weights.size
    return 0
