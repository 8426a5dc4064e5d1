"""What a Keras .h5 file computes for one picture, by h5py and NumPy."""

import json

import h5py
import numpy as np

import cnn_layers as layers


def weights_of(file, name):
    """The weights of a layer, by the last part of their names."""
    group = file["model_weights"][name]
    found = {}
    for path in group.attrs["weight_names"]:
        path = path.decode() if isinstance(path, bytes) else path
        found[path.split("/")[-1].split(":")[0]] = group[path][()].astype(np.float64)
    return found


def compute(kind, config, weights, inputs):
    x = inputs[0]
    same = config.get("padding") == "same"
    if kind == "Conv2D":
        x = layers.conv(x, weights["kernel"], weights["bias"], config["strides"], same)
    elif kind == "BatchNormalization":
        scale = weights["gamma"] / np.sqrt(weights["moving_variance"] + config["epsilon"])
        x = (x - weights["moving_mean"]) * scale + weights["beta"]
    elif kind == "Add":
        x = sum(inputs)
    elif kind == "AveragePooling2D":
        x = layers.average_pool(x, config["pool_size"], config["strides"], same)
    elif kind == "GlobalAveragePooling2D":
        x = x.mean(axis=(0, 1))
    elif kind == "Flatten":
        x = x.reshape(-1)
    elif kind == "Dense":
        x = x @ weights["kernel"] + weights["bias"]
    elif kind not in ("Activation", "Dropout"):
        raise ValueError(kind)
    return layers.activate(x, config.get("activation", "linear"))


def forward(path, picture):
    with h5py.File(path, "r") as file:
        model = json.loads(file.attrs["model_config"])
        values, last = {}, None
        for layer in model["config"]["layers"]:
            name = layer["config"]["name"]
            if layer["class_name"] == "InputLayer":
                values[name] = picture.astype(np.float64)
            else:
                nodes = layer.get("inbound_nodes")
                below = [node[0] for node in nodes[0]] if nodes else [last]
                values[name] = compute(layer["class_name"], layer["config"],
                                       weights_of(file, name), [values[one] for one in below])
            last = name
        return values[last].reshape(-1)
