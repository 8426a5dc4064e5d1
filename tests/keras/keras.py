"""Keras files against a forward pass written here: keras.py PROGRAM

Models are made as Keras 1, 2 and 3 lay them out, by h5py and zipfile alone, and files of strangers
are taken where SNN_SHARED names a folder with them. PROGRAM (program.c) runs what the reader made
of a file on random frames; NumPy computes the same from the layers as they were meant.
"""

import copy
import io
import json
import os
import re
import subprocess
import sys
import zipfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))

import flow

try:
    import h5py
    import numpy as np
except ImportError:
    print("1..0 # SKIP this python has no numpy or no h5py")
    sys.exit(77)

TOLERANCE = 1e-5


# --- Layers, computed in N,H,W,C ------------------------------------------------------------------


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def same_pads(size, kernel, stride, dilation):
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def windows(x, kernel, stride, dilation, padding, fill):
    """[N,H',W',kh,kw,C]"""
    pads = [(0, 0)] * 4
    if padding == "same":
        for axis in range(2):
            pads[1 + axis] = same_pads(x.shape[1 + axis], kernel[axis], stride[axis],
                                       dilation[axis])
    x = np.pad(x, pads, constant_values=fill)
    reach = [(kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
    rows = range(0, x.shape[1] - reach[0] + 1, stride[0])
    columns = range(0, x.shape[2] - reach[1] + 1, stride[1])
    return np.stack([np.stack([x[:, r:r + reach[0]:dilation[0], c:c + reach[1]:dilation[1]]
                               for c in columns], 1) for r in rows], 1)


def activation(x, name):
    if isinstance(name, dict):
        inner = name["config"]
        return activation(x, inner) if isinstance(inner, str) else layer_of(name["class_name"])(
            [x], inner, [])
    if name in (None, "linear"):
        return x
    if name == "relu":
        return np.maximum(x, 0)
    if name == "relu6":
        return np.clip(x, 0, 6)
    if name == "leaky_relu":
        return np.where(x > 0, x, 0.2 * x)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    assert name == "softmax"
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def finish(y, config, weights, used):
    if config.get("use_bias", True):
        y = y + weights[used]
    return activation(y, config.get("activation"))


def settings(config):
    return (pair(config.get("strides", 1)), pair(config.get("dilation_rate", 1)),
            config.get("padding", "valid"))


def last(run):
    """The layer in N,H,W,C, whatever it says its layout is."""
    def wrapped(inputs, config, weights):
        if config.get("data_format") != "channels_first":
            return run(inputs, config, weights)
        y = run([x.transpose(0, 2, 3, 1) for x in inputs], config, weights)
        return y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
    return wrapped


@last
def conv2d(inputs, config, weights):
    kernel, groups = weights[0], config.get("groups", 1)
    x = windows(inputs[0], kernel.shape[:2], *settings(config), 0)
    parts = zip(np.split(x, groups, -1), np.split(kernel, groups, -1))
    y = np.concatenate([np.einsum("nhwabc,abco->nhwo", *part) for part in parts], -1)
    return finish(y, config, weights, 1)


@last
def depthwise_conv2d(inputs, config, weights):
    x = windows(inputs[0], weights[0].shape[:2], *settings(config), 0)
    y = np.einsum("nhwabc,abcm->nhwcm", x, weights[0])
    return finish(y.reshape(*y.shape[:3], -1), config, weights, 1)


@last
def separable_conv2d(inputs, config, weights):
    y = depthwise_conv2d(inputs, {**config, "activation": None, "use_bias": False}, weights)
    return finish(np.einsum("nhwc,co->nhwo", y, weights[1][0, 0]), config, weights, 2)


def pool(reduce, fill):
    @last
    def run(inputs, config, weights):
        size = pair(config["pool_size"])
        stride = pair(config.get("strides") or size)
        return reduce(windows(inputs[0], size, stride, [1, 1], config.get("padding", "valid"),
                              fill), axis=(3, 4))
    return run


def global_pool(reduce):
    @last
    def run(inputs, config, weights):
        return reduce(inputs[0], axis=(1, 2), keepdims=config.get("keepdims", False))
    return run


def batch_normalization(inputs, config, weights):
    weights = list(weights)
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) else axis
    shape = [1] * inputs[0].ndim
    shape[axis] = -1
    gamma = weights.pop(0) if config.get("scale", True) else np.ones_like(weights[-1])
    beta = weights.pop(0) if config.get("center", True) else np.zeros_like(weights[-1])
    mean, variance = weights
    gamma, beta, mean, variance = (w.reshape(shape) for w in (gamma, beta, mean, variance))
    return gamma * (inputs[0] - mean) / np.sqrt(variance + config.get("epsilon", 1e-3)) + beta


@last
def border(inputs, config, weights):
    (top, bottom), (left, right) = config["padding"]
    return np.pad(inputs[0], ((0, 0), (top, bottom), (left, right), (0, 0)))


@last
def cropping(inputs, config, weights):
    (top, bottom), (left, right) = config["cropping"]
    return inputs[0][:, top:inputs[0].shape[1] - bottom, left:inputs[0].shape[2] - right]


def relu(inputs, config, weights):
    x, slope = inputs[0], config.get("negative_slope") or 0
    return np.clip(np.where(x > 0, x, slope * x), None, config.get("max_value") or np.inf)


def flatten(inputs, config, weights):
    x = inputs[0]
    if config.get("data_format") == "channels_first":
        x = np.moveaxis(x, 1, -1)
    return x.reshape(len(x), -1)


def normalization(inputs, config, weights):
    mean, variance = weights[:2] if weights else (config["mean"], config["variance"])
    return (inputs[0] - mean) / np.maximum(np.sqrt(variance), 1e-7)


LAYERS = {
    "Activation": lambda i, c, w: activation(i[0], c["activation"]),
    "Add": lambda i, c, w: sum(i),
    "AveragePooling2D": pool(np.nanmean, np.nan),
    "BatchNormalization": batch_normalization,
    "Concatenate": lambda i, c, w: np.concatenate(i, c.get("axis", -1)),
    "Conv2D": conv2d,
    "Cropping2D": cropping,
    "Dense": lambda i, c, w: finish(i[0] @ w[0], c, w, 1),
    "DepthwiseConv2D": depthwise_conv2d,
    "Dropout": lambda i, c, w: i[0],
    "Flatten": flatten,
    "GaussianNoise": lambda i, c, w: i[0],
    "GlobalAveragePooling2D": global_pool(np.mean),
    "GlobalMaxPooling2D": global_pool(np.max),
    "InputLayer": lambda i, c, w: i[0],
    "LeakyReLU": lambda i, c, w: np.where(
        i[0] > 0, i[0], i[0] * c.get("negative_slope", c.get("alpha", 0.3))),
    "MaxPooling2D": pool(np.max, -np.inf),
    "Normalization": normalization,
    "Permute": lambda i, c, w: i[0].transpose(0, *c["dims"]),
    "ReLU": relu,
    "Rescaling": lambda i, c, w: i[0] * np.array(c["scale"]) + np.array(c.get("offset", 0)),
    "Reshape": lambda i, c, w: i[0].reshape(len(i[0]), *c["target_shape"]),
    "SeparableConv2D": separable_conv2d,
    "Softmax": lambda i, c, w: activation(i[0], "softmax"),
    "SpatialDropout2D": lambda i, c, w: i[0],
    "ZeroPadding2D": border,
}


def layer_of(class_name):
    return LAYERS[class_name]


def compute(model, x):
    """A model is a list of layers: class, name, config, weights, calls (lists of names of the
    layers below, one list a call; a call's output is "name" or, from the second on, "name:1"), or
    layers, of a model in the model."""
    values = {}
    for layer in model:
        for at, call in enumerate(layer["calls"]):
            inputs = [values[name] for name in call] or [x]
            key = layer["name"] if at == 0 else f"{layer['name']}:{at}"
            values[key] = (compute(layer["layers"], inputs[0]) if "layers" in layer else
                           layer_of(layer["class"])(inputs, layer["config"], layer["weights"]))
    return values[key]


# --- Models ---------------------------------------------------------------------------------------


class Builder:
    """Layers one behind the other, or called on what is named."""

    def __init__(self, shape, name="input_1", seed=1):
        self.random = np.random.default_rng(seed)
        self.layers = []
        self.add("InputLayer", name, [], batch_input_shape=[None, *shape], below=[])

    def weights(self, *shapes):
        return [(self.random.standard_normal(shape) / np.sqrt(max(np.prod(shape[:-1]), 1))
                 ).astype(np.float32) for shape in shapes]

    def add(self, class_name, name, weights=(), below=None, layers=None, **config):
        if below is None:
            below = [self.layers[-1]["name"]]
        layer = {"class": class_name, "name": name, "config": {"name": name, **config},
                 "weights": list(weights), "calls": [below]}
        if layers is not None:
            layer["layers"] = layers
        self.layers.append(layer)
        return name

    def norm(self, name, channels, scale=True, center=True, **config):
        weights = [w + shift for w, shift in zip(self.weights(*[(channels,)] * 3), (1, 0, 0))]
        variance = self.random.uniform(0.5, 2, channels).astype(np.float32)
        weights = weights[:1] * scale + weights[1:2] * center + weights[2:] + [variance]
        return self.add("BatchNormalization", name, weights, scale=scale, center=center, **config)

    def conv(self, name, kernel, **config):
        return self.add("Conv2D", name, self.weights(kernel, (kernel[3],)), filters=kernel[3],
                        kernel_size=list(kernel[:2]), **config)

    def dense(self, name, ins, outs, **config):
        return self.add("Dense", name, self.weights((ins, outs), (outs,)), units=outs, **config)


def sequential():
    """Most layers, one behind the other: 2x13x15 inputs of two channels."""
    b = Builder([13, 15, 2])
    b.add("Rescaling", "rescaling", scale=0.5, offset=-0.25)
    b.add("Normalization", "normalization",
          [np.array([0.1, -0.2], np.float32), np.array([0.5, 2], np.float32), np.int64(0)],
          axis=[-1])
    b.add("ZeroPadding2D", "zero_padding2d", padding=[[1, 0], [2, 1]])
    b.conv("conv2d", (3, 2, 2, 6), strides=[1, 1], padding="same", activation="relu")
    b.norm("batch_normalization", 6, scale=False, axis=[3], epsilon=0.01)
    b.add("ReLU", "re_lu", max_value=1.5, negative_slope=0.0, threshold=0.0)
    b.add("DepthwiseConv2D", "depthwise_conv2d", b.weights((3, 3, 6, 2), (12,)),
          kernel_size=[3, 3], strides=[1, 1], padding="same", depth_multiplier=2,
          activation="leaky_relu")
    b.add("MaxPooling2D", "max_pooling2d", pool_size=[3, 3], strides=[2, 2], padding="same")
    b.add("SpatialDropout2D", "spatial_dropout2d", rate=0.5)
    b.conv("grouped", (3, 3, 3, 8), groups=4, strides=[1, 1], padding="valid", activation=None,
           dilation_rate=[1, 1])
    b.norm("norm_b", 8, center=False, axis=-1)
    b.add("LeakyReLU", "leaky_re_lu", alpha=0.125)
    b.add("SeparableConv2D", "separable_conv2d", b.weights((2, 2, 8, 1), (1, 1, 8, 10), (10,)),
          kernel_size=[2, 2], strides=[1, 1], padding="same", activation="relu6",
          depth_multiplier=1)
    b.add("AveragePooling2D", "average_pooling2d", pool_size=[2, 2], strides=None, padding="same")
    b.add("Cropping2D", "cropping2d", cropping=[[0, 1], [1, 0]])
    b.add("GaussianNoise", "gaussian_noise", stddev=0.1)
    b.add("Flatten", "flatten", data_format="channels_last")
    b.dense("dense", 2 * 3 * 10, 12, activation="sigmoid")
    b.add("Reshape", "reshape", target_shape=[2, 3, 2])
    b.add("Permute", "permute", dims=[2, 3, 1])
    b.add("Flatten", "flatten_1", data_format="channels_last")
    b.dense("dense_1", 12, 5, use_bias=False, activation="softmax")
    b.layers[-1]["weights"].pop()
    return b.layers


def branched():
    """Branches that join, a layer called twice, a model in the model."""
    inner = Builder([8, 8, 6], "inner_input", seed=3)
    inner.conv("conv2d", (1, 1, 6, 4), padding="valid", activation="relu")
    inner.norm("inner_norm", 4, axis=-1)
    inner.conv("inner_conv", (3, 3, 4, 6), padding="same", activation="linear")
    b = Builder([8, 8, 3])
    b.conv("stem", (3, 3, 3, 6), padding="same", activation="relu")
    shared = b.conv("shared", (3, 3, 6, 6), padding="same", activation="relu")
    b.layers[-1]["calls"].append([shared])
    b.norm("norm", 6, axis=[3])
    b.layers[-1]["calls"] = [["shared:1"]]
    b.add("Add", "add", below=["stem", "norm"])
    b.add("Functional", "features", below=["add"], layers=inner.layers)
    b.add("Concatenate", "concatenate", below=["stem", "features", "add"], axis=-1)
    b.add("GlobalAveragePooling2D", "mean", keepdims=True)
    b.conv("last", (1, 1, 18, 8), padding="valid", activation="relu")
    b.add("GlobalMaxPooling2D", "largest", keepdims=False)
    b.dense("scores", 8, 4, activation="linear")
    b.add("Activation", "probabilities", activation="softmax")
    return b.layers


def channels_first():
    b = Builder([2, 9, 7])
    b.conv("conv2d", (3, 3, 2, 4), padding="same", data_format="channels_first",
           activation="relu")
    b.norm("norm", 4, axis=[1])
    b.add("MaxPooling2D", "pool", pool_size=[2, 2], strides=[2, 2], padding="valid",
          data_format="channels_first")
    b.add("Flatten", "flatten", data_format="channels_first")
    b.dense("dense", 48, 3)
    return b.layers


# --- Files ----------------------------------------------------------------------------------------


def tensor_name(layer, at):
    names = {"Conv2D": ["kernel", "bias"], "Dense": ["kernel", "bias"],
             "DepthwiseConv2D": ["depthwise_kernel", "bias"],
             "SeparableConv2D": ["depthwise_kernel", "pointwise_kernel", "bias"],
             "Normalization": ["mean", "variance", "count"]}.get(layer["class"])
    if names is None:
        names = (["gamma"] * layer["config"].get("scale", True) +
                 ["beta"] * layer["config"].get("center", True) +
                 ["moving_mean", "moving_variance"])
    return names[at]


def flat(model):
    """Trainable tensors of all layers, then the others: the order of layer.weights."""
    own = [(layer, at) for layer in model for at in range(len(layer["weights"]))]
    moving = [item for item in own if tensor_name(*item).startswith("moving")]
    inner = [item for layer in model if "layers" in layer for item in flat(layer["layers"])]
    return [item for item in own if item not in moving] + inner + moving


def write_group(file, layer, suffix, prefix="", pieces=1):
    items = flat(layer["layers"]) if "layers" in layer else [
        (layer, at) for at in range(len(layer["weights"]))]
    group = file.create_group(layer["name"])
    names = [f"{prefix}{owner['name']}/{tensor_name(owner, at)}{suffix}" for owner, at in items]
    for (owner, at), name in zip(items, names):
        group[name] = owner["weights"][at]
    if pieces == 1:
        group.attrs["weight_names"] = [name.encode() for name in names]
        return
    for piece in range(pieces): # as where the names exceed an attribute
        group.attrs[f"weight_names{piece}"] = [name.encode() for name in names[piece::pieces]] \
            if len(names) < 2 else [name.encode() for name in np.array_split(names, pieces)[piece]]


def tensor3(name):
    name, _, call = name.partition(":")
    return {"class_name": "__keras_tensor__",
            "config": {"shape": [None], "dtype": "float32",
                       "keras_history": [name, int(call or 0), 0]}}


def source2(name, kwargs=True):
    name, _, call = name.partition(":")
    return [name, int(call or 0), 0] + [{}] * kwargs


def config3(config):
    config = dict(config)
    if "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if config.get("activation") == "relu":
        config["activation"] = {"module": "builtins", "class_name": "function", "config": "relu",
                                "registered_name": "function"}
    if "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    return {**config, "trainable": True,
            "dtype": {"module": "keras", "class_name": "DTypePolicy",
                      "config": {"name": "float32"}, "registered_name": None}}


def functional(model, generation, name="model"):
    layers = []
    for layer in model:
        config = layer["config"] if generation < 3 else config3(layer["config"])
        class_name = layer["class"]
        if "layers" in layer:
            inner = functional(layer["layers"], generation, layer["name"])
            class_name, config = inner["class_name"], inner["config"]
        calls = [call for call in layer["calls"] if call]
        if generation == 3:
            nodes = [{"args": [[tensor3(n) for n in call] if len(call) > 1 else tensor3(call[0])],
                      "kwargs": {"training": False} if class_name == "Conv2D" else {}}
                     for call in calls]
        else:
            nodes = [[source2(n) for n in call] for call in calls]
        layers.append({"class_name": class_name, "config": config, "name": layer["name"],
                       "registered_name": "Functional" if "layers" in layer else None,
                       "inbound_nodes": nodes})
    ends = [[layer["name"], 0, 0] for layer in (model[0], model[-1])]
    if generation < 3:
        ends = [[end] for end in ends]
    return {"class_name": "Model" if generation == 1 else "Functional",
            "config": {"name": name, "layers": layers, "input_layers": ends[0],
                       "output_layers": ends[1]}}


def chain(model, generation):
    layers = [{"class_name": layer["class"],
               "config": layer["config"] if generation < 3 else config3(layer["config"])}
              for layer in model]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


def write_h5(path, config, model, version, backend="tensorflow", pieces=1):
    suffix, prefix = ("", "sequential/") if version[0] == "3" else (":0", "")
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
        file.attrs["backend"] = backend
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [layer["name"].encode() for layer in model]
        for layer in model:
            write_group(weights, layer, suffix, prefix, pieces)


def snake(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def write_layers(group, model, word="layers"):
    """saving_lib: a group a layer, by its class and how many of that class came before."""
    seen = {}
    for layer in model:
        name = snake(layer["class"])
        seen[name] = seen.get(name, -1) + 1
        own = group.create_group(f"{word}/{name}" + (f"_{seen[name]}" if seen[name] else ""))
        own.create_group("vars")
        for at, weight in enumerate(layer["weights"]):
            own[f"vars/{at}"] = weight
        if "layers" in layer:
            write_layers(own, layer["layers"], word)


def write_keras(path, config, model, compression=zipfile.ZIP_STORED, word="layers", repeat=None):
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        write_layers(file, model, word)
    members = {"metadata.json": json.dumps({"keras_version": "3.1.1", "date_saved": "now"}),
               "config.json": json.dumps(config), "model.weights.h5": weights.getvalue()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
            if name == repeat:
                archive.writestr(name, data)


# --- Tests ----------------------------------------------------------------------------------------


def run(place, path, frame):
    return subprocess.run([place.tool, path], input=frame.astype("<f4").tobytes(),
                          capture_output=True, timeout=60, check=False)


def compare(place, path, model, frames=3):
    shape = next(layer for layer in model if layer["class"] == "InputLayer")["config"][
        "batch_input_shape"][1:]
    random = np.random.default_rng(9)
    for _ in range(frames):
        frame = random.uniform(-1, 1, (1, *shape)).astype(np.float32)
        answer = run(place, path, frame)
        flow.require(answer.returncode == 0, answer.stderr.decode())
        wanted = compute(model, frame.astype(np.float64)).reshape(-1)
        got = np.frombuffer(answer.stdout, "<f4")
        flow.require(got.shape == wanted.shape, f"{got.shape} values, {wanted.shape} wanted")
        worst = np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max())
        flow.require(worst <= TOLERANCE, f"{os.path.basename(path)}: off by {worst}")
        flow.require(wanted.std() > 1e-3, "the outputs must differ for the test to say something")


def refused(place, path, *words):
    answer = run(place, path, np.zeros(1))
    text = answer.stderr.decode()
    flow.require(answer.returncode == 1, f"refusal expected: {text}")
    for word in words:
        flow.require(word in text, f"'{word}' expected in: {text}")


def keras2_sequential(place):
    """a Sequential model of Keras 2 computes what its layers say"""
    model = sequential()
    write_h5(place.at("a.h5"), chain(model, 2), model, "2.9.0")
    compare(place, place.at("a.h5"), model)


def long_names(place):
    """lists of names that are cut into several attributes are put together"""
    model = sequential()
    write_h5(place.at("a.h5"), chain(model, 2), model, "2.9.0", pieces=2)
    compare(place, place.at("a.h5"), model, 1)


def keras2_functional(place):
    """branches, a layer called twice and a model in a model of Keras 2"""
    model = branched()
    write_h5(place.at("a.h5"), functional(model, 2), model, "2.15.0")
    compare(place, place.at("a.h5"), model)


def keras3_hdf5(place):
    """the same models in HDF5 files of Keras 3"""
    for number, (model, config) in enumerate([(sequential(), chain), (branched(), functional)]):
        path = place.at(f"{number}.h5")
        write_h5(path, config(model, 3), model, "3.1.1")
        compare(place, path, model)


def keras3_archive(place):
    """the same models in .keras archives, stored and packed, also by the paths of Keras 2.13"""
    for number, (model, config) in enumerate([(sequential(), chain), (branched(), functional)]):
        path = place.at(f"{number}.keras")
        write_keras(path, config(model, 3), model)
        compare(place, path, model)
        write_keras(path, config(model, 3), model, zipfile.ZIP_DEFLATED)
        compare(place, path, model, 1)
        write_keras(path, config(model, 3), model, word="_layer_checkpoint_dependencies")
        compare(place, path, model, 1)


def first(place):
    """layers that say channels_first stay without transposes, and Flatten puts them last"""
    model = channels_first()
    write_h5(place.at("a.h5"), chain(model, 2), model, "2.9.0")
    compare(place, place.at("a.h5"), model)
    answer = subprocess.run([place.tool, "--text", place.at("a.h5")], capture_output=True,
                            check=True, text=True)
    flow.require("NCHW" in answer.stdout.splitlines()[0], answer.stdout)
    flow.require(answer.stdout.count("Transpose(") == 1, answer.stdout)


def keras1(place):
    """Sequential models of Keras 1, in both orders of dimensions"""
    for order in ("tf", "th"):
        b = Builder([9, 8, 2])
        b.conv("convolution2d_1", (3, 3, 2, 4), strides=[2, 1], padding="same",
               activation="relu")
        b.norm("batchnormalization_1", 4, epsilon=1e-5)
        b.add("MaxPooling2D", "maxpooling2d_1", pool_size=[2, 2], strides=[2, 2], padding="valid")
        b.add("Flatten", "flatten_1")
        b.dense("dense_1", 2 * 4 * 4, 3, activation="softmax")
        model = b.layers
        old = {"name": "convolution2d_1", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
               "subsample": [2, 1], "border_mode": "same", "dim_ordering": order,
               "activation": "relu", "bias": True,
               "batch_input_shape": [None, 9, 8, 2] if order == "tf" else [None, 2, 9, 8]}
        layers = [
            {"class_name": "Convolution2D", "config": old},
            {"class_name": "BatchNormalization",
             "config": {"name": "batchnormalization_1", "axis": -1 if order == "tf" else 1,
                        "mode": 0, "epsilon": 1e-5}},
            {"class_name": "MaxPooling2D",
             "config": {"name": "maxpooling2d_1", "pool_size": [2, 2], "strides": [2, 2],
                        "border_mode": "valid", "dim_ordering": order}},
            {"class_name": "Flatten", "config": {"name": "flatten_1"}},
            {"class_name": "Dense", "config": {"name": "dense_1", "output_dim": 3,
                                               "activation": "softmax", "bias": True}}]
        stored = copy.deepcopy(model)
        meant = copy.deepcopy(model)
        if order == "th":
            stored[1]["weights"][0] = model[1]["weights"][0].transpose(3, 2, 0, 1)
            meant[0]["config"]["batch_input_shape"] = [None, 2, 9, 8]
            for layer in meant[1:4]:
                layer["config"]["data_format"] = "channels_first"
            meant[2]["config"]["axis"] = 1
        config = {"class_name": "Sequential", "config": layers}
        write_h5(place.at("a.h5"), config, stored, "1.2.2")
        compare(place, place.at("a.h5"), meant)


def theano(place):
    """kernels that Theano has mirrored are mirrored back"""
    b = Builder([6, 6, 2])
    b.conv("conv2d", (3, 2, 2, 3), padding="valid")
    b.add("Flatten", "flatten")
    stored = copy.deepcopy(b.layers)
    stored[1]["weights"][0] = b.layers[1]["weights"][0][::-1, ::-1]
    write_h5(place.at("a.h5"), chain(b.layers, 2), stored, "2.1.0", backend="theano")
    compare(place, place.at("a.h5"), b.layers)


def halves(place):
    """weights of 16, 32 and 64 bits and of either byte order are read alike"""
    b = Builder([4], "in")
    b.dense("dense", 4, 3)
    b.layers[-1]["weights"][0] = np.round(b.layers[-1]["weights"][0] * 8) / 8
    for kind in ("<f2", ">f2", ">f4", "<f8", ">f8"):
        stored = copy.deepcopy(b.layers)
        stored[-1]["weights"][0] = stored[-1]["weights"][0].astype(kind)
        write_h5(place.at("a.h5"), chain(b.layers, 2), stored, "2.9.0")
        compare(place, place.at("a.h5"), b.layers, 1)


def everything_wrong(place):
    """all layers that cannot be read are named in one run"""
    model = sequential()
    config = chain(model, 2)
    layers = config["config"]["layers"]
    layers[4]["config"]["activation"] = "tanh"
    layers[6]["config"]["threshold"] = 0.5
    layers[10]["config"]["padding"] = "causal"
    layers.insert(3, {"class_name": "Lambda", "config": {"name": "my_lambda", "function": "x"}})
    layers.append({"class_name": "Mine", "registered_name": "Package>Dense",
                   "config": {"name": "own"}})
    write_h5(place.at("a.h5"), config, model, "2.9.0")
    refused(place, place.at("a.h5"), "conv2d: Conv2D: activation 'tanh'", "re_lu: ReLU",
            "grouped: Conv2D: padding 'causal'", "class 'Lambda'", "custom class 'Package>Dense'")


def ends(place):
    """several inputs or outputs are refused"""
    model = branched()
    for key in ("input_layers", "output_layers"):
        config = functional(model, 2)
        config["config"][key].append(["stem", 0, 0])
        write_h5(place.at("a.h5"), config, model, "2.9.0")
        refused(place, place.at("a.h5"), f"2 {key}, one is wanted")


def constants(place):
    """a layer that is called on a number beside a layer's output is refused"""
    model = branched()
    config = functional(model, 3)
    node = next(layer for layer in config["config"]["layers"] if layer["name"] == "add")
    node["inbound_nodes"][0]["args"].append(1.5)
    write_h5(place.at("a.h5"), config, model, "3.1.1")
    refused(place, place.at("a.h5"), "add: it is called on what is not the output of a layer")


def cycle(place):
    """layers that wait for each other are refused"""
    model = branched()
    config = functional(model, 2)
    node = next(layer for layer in config["config"]["layers"] if layer["name"] == "add")
    node["inbound_nodes"][0][0] = ["concatenate", 0, 0, {}]
    write_h5(place.at("a.h5"), config, model, "2.9.0")
    refused(place, place.at("a.h5"), "what is made of its own output")


def missing(place):
    """weights that are not there, or of another number of axes, are named"""
    model = sequential()
    stored = copy.deepcopy(model)
    stored[4]["weights"].pop()
    stored[-1]["weights"][0] = stored[-1]["weights"][0].reshape(-1)
    write_h5(place.at("a.h5"), chain(model, 2), stored, "2.9.0")
    refused(place, place.at("a.h5"), "conv2d: Conv2D: the file has 1 of its tensors, 2 are wanted",
            "dense_1: Dense: its kernel is of shape [60], wanted are 2 axes")


def weights_only(place):
    """weights without a model are refused with a hint"""
    with h5py.File(place.at("a.h5"), "w") as file:
        file.attrs["layer_names"] = [b"dense"]
    refused(place, place.at("a.h5"), "without attribute model_config")


def duplicate(place):
    """an archive with two members of one name is refused"""
    model = sequential()
    for name in ("config.json", "model.weights.h5"):
        write_keras(place.at("a.keras"), chain(model, 3), model, repeat=name)
        refused(place, place.at("a.keras"), f"two members '{name}'")


def real_layers(config, weights):
    """A stranger's Keras 2 file in the form used here."""
    layers, below = [], None
    for json_layer in config["config"]["layers"]:
        settings_ = json_layer["config"]
        name = settings_["name"]
        nodes = json_layer.get("inbound_nodes")
        group = weights.get(name)
        names = group.attrs["weight_names"] if group is not None else []
        call = ([source[0] for source in nodes[0]] if nodes else []) if nodes is not None else (
            [below] if below else [])
        layers.append({"class": json_layer["class_name"], "name": name, "config": settings_,
                       "weights": [group[n][()] for n in names], "calls": [call]})
        below = name
    return layers


def strangers(place):
    """files of other projects compute what h5py and NumPy make of them"""
    shared = os.environ.get("SNN_SHARED")
    folder = os.path.join(shared or "", "realfiles", "models")
    if not shared or not os.path.isdir(folder):
        raise flow.Skip("SNN_SHARED names no folder with them")
    for name in ("mnist_valid.h5", "mnist_fc.h5", "cifar10.h5", "pretrainedResnet.h5"):
        path = os.path.join(folder, name)
        with h5py.File(path, "r") as file:
            model = real_layers(json.loads(file.attrs["model_config"]), file["model_weights"])
        compare(place, path, model)


TESTS = [keras2_sequential, long_names, keras2_functional, keras3_hdf5, keras3_archive, first,
         keras1, theano, halves, everything_wrong, ends, constants, cycle, missing, weights_only,
         duplicate, strangers]


if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
