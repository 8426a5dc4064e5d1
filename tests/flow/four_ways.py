"""One LeNet by four ways into the same graph: four_ways.py SNNSIM

The bundled network's weights are put into a PyTorch module, which is exported to ONNX and saved as
a state dictionary; into an HDF5 file of Keras' layout; and into a NIR graph of integrate-and-fire
neurons. All must compute what PyTorch computes, and spike alike, neuron by neuron.
"""

import base64
import json
import os
import subprocess
import sys
import zlib

# At the end: files of this folder may bear the names of modules that numpy and torch import.
sys.path.append(sys.path.pop(0))

import flow

try:
    import numpy as np
except ImportError:
    np = None
try:
    import h5py
except ImportError:
    h5py = None
try:
    import onnx  # torch.onnx.export writes without it, but then checks nothing
    import torch
except ImportError:
    torch = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.dirname(os.path.abspath(sys.argv[1]))
VALUES = os.path.join(os.path.dirname(TOOLS), "tests", "flow", "values")
DIGITS = os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz")
WEIGHTED = ("conv1", "conv2", "fc1", "fc2", "fc3")
PADDING = {"conv1": 2, "conv2": 0}
# As NIR means neurons: from zero, without a lower bound, thresholds as they are.
AS_NIR = ("--norm", "none", "--v0", "0", "--v-min", "none")


def tensor(value):
    data = zlib.decompress(base64.b64decode(value["data"]))
    return np.frombuffer(data, "<f4").reshape(value["shape"])


def weights():
    """{layer: (weights, bias)} of the bundled network."""
    with open(os.path.join(ROOT, "data", "lenet.json"), encoding="utf-8") as file:
        layers = json.load(file)["layers"]
    return {layer["name"]: (tensor(layer["weights"]), tensor(layer["bias"]))
            for layer in layers if "weights" in layer}


# --- Writers --------------------------------------------------------------------------------------


def write_torch(place):
    """The module as ONNX and as a state dictionary; returns its logits on the digits."""
    class LeNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = torch.nn.Conv2d(6, 16, 5)
            self.pool = torch.nn.AvgPool2d(2)
            self.fc1 = torch.nn.Linear(400, 120)
            self.fc2 = torch.nn.Linear(120, 84)
            self.fc3 = torch.nn.Linear(84, 10)

        def forward(self, x):
            x = self.pool(torch.relu(self.conv1(x)))
            x = self.pool(torch.relu(self.conv2(x)))
            x = torch.relu(self.fc1(x.view(x.size(0), -1)))
            return self.fc3(torch.relu(self.fc2(x)))

    net = LeNet().eval()
    with torch.no_grad():
        for name, (weight, bias) in weights().items():
            getattr(net, name).weight.copy_(torch.from_numpy(weight.copy()))
            getattr(net, name).bias.copy_(torch.from_numpy(bias.copy()))
        torch.onnx.export(net, torch.zeros(1, 1, 28, 28), place.at("lenet.onnx"),
                          dynamic_axes={"input": {0: "batch"}}, input_names=["input"])
        torch.save(net.state_dict(), place.at("lenet.pt"))
        return net(torch.from_numpy(frames())).numpy()


def write_arch(place):
    def conv(name, below, filters):
        return {"name": name, "kind": "conv2d", "inputs": [below], "filters": filters,
                "kernel": [5, 5], "padding": [PADDING[name]] * 4, "activation": "relu"}

    def pool(name, below):
        return {"name": name, "kind": "avg_pool2d", "inputs": [below], "kernel": [2, 2]}

    def dense(name, below, units, activation):
        return {"name": name, "kind": "dense", "inputs": [below], "units": units,
                "activation": activation}

    place.write("arch.json", {
        "format": "snn.model/1", "name": "lenet", "output": "fc3", "layers": [
            {"name": "input", "kind": "input", "shape": [1, 28, 28]},
            conv("conv1", "input", 6), pool("pool1", "conv1"),
            conv("conv2", "pool1", 16), pool("pool2", "conv2"),
            dense("fc1", "pool2", 120, "relu"), dense("fc2", "fc1", 84, "relu"),
            dense("fc3", "fc2", 10, "none")]})


def write_keras(place):
    """The layout that Keras 2 gives model.save("x.h5"): rows, columns, channels in this order."""
    def layer(kind, name, **config):
        return {"class_name": kind, "config": {"name": name, **config}}

    def conv(name, filters, padding, **more):
        return layer("Conv2D", name, filters=filters, kernel_size=[5, 5], strides=[1, 1],
                     padding=padding, data_format="channels_last", dilation_rate=[1, 1], groups=1,
                     activation="relu", use_bias=True, **more)

    def pool(name):
        return layer("AveragePooling2D", name, pool_size=[2, 2], strides=[2, 2], padding="valid",
                     data_format="channels_last")

    def dense(name, units, activation):
        return layer("Dense", name, units=units, activation=activation, use_bias=True)

    config = {"class_name": "Sequential", "config": {"name": "lenet", "layers": [
        conv("conv1", 6, "same", batch_input_shape=[None, 28, 28, 1]), pool("pool1"),
        conv("conv2", 16, "valid"), pool("pool2"), layer("Flatten", "flatten"),
        dense("fc1", 120, "relu"), dense("fc2", 84, "relu"), dense("fc3", 10, "softmax")]}}
    with h5py.File(place.at("lenet.h5"), "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.11.0"
        file.attrs["backend"] = "tensorflow"
        group = file.create_group("model_weights")
        names = [layer["config"]["name"] for layer in config["config"]["layers"]]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            inner = group.create_group(name)
            inner.attrs["weight_names"] = []
            if name in WEIGHTED:
                weight, bias = weights()[name]
                if name == "fc1":  # over channels, rows, columns -> rows, columns, channels
                    weight = weight.reshape(120, 16, 5, 5).transpose(0, 2, 3, 1).reshape(120, 400)
                weight = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
                inner.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
                inner.create_dataset(f"{name}/kernel:0", data=np.ascontiguousarray(weight))
                inner.create_dataset(f"{name}/bias:0", data=bias)


def write_nir(place):
    with h5py.File(place.at("lenet.nir"), "w") as file:
        file.create_dataset("version", data="1.0.4")
        graph = file.create_group("node")
        graph.create_dataset("type", data="NIRGraph")
        nodes = graph.create_group("nodes")
        order = ["input"]

        def node(name, kind, **parameters):
            group = nodes.create_group(name)
            group.create_dataset("type", data=kind)
            for key, value in parameters.items():
                group.create_dataset(key, data=value)
            if name != "input":
                order.append(name)

        def neurons(name, shape):
            node(f"{name}.if", "IF", r=np.ones(shape, np.float32),
                 v_threshold=np.ones(shape, np.float32))

        node("input", "Input", shape=[1, 28, 28])
        for name, shape in (("conv1", (6, 28, 28)), ("conv2", (16, 10, 10))):
            weight, bias = weights()[name]
            pad = PADDING[name]
            node(name, "Conv2d", weight=weight, bias=bias, stride=[1, 1], padding=[pad, pad],
                 dilation=[1, 1], groups=1, input_shape=[28, 28])
            neurons(name, shape)
            node(f"{name}.pool", "AvgPool2d", kernel_size=[2, 2], stride=[2, 2], padding=[0, 0])
        node("flatten", "Flatten", start_dim=0, end_dim=-1, input_type=[16, 5, 5])
        for name in ("fc1", "fc2", "fc3"):
            weight, bias = weights()[name]
            node(name, "Affine", weight=weight, bias=bias)
            neurons(name, (len(bias),))
        node("output", "Output", shape=[10])
        edges = list(zip(order, order[1:]))
        graph.create_dataset("edges", data=[edge[::1] for edge in reversed(edges)],
                             dtype=h5py.string_dtype())


# --- Comparing ------------------------------------------------------------------------------------


def frames():
    import gzip
    with gzip.open(DIGITS) as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 28, 28)
    return pixels.astype(np.float32) / np.float32(255)


def write_all(place):
    """The four files; returns PyTorch's logits and the graphs as model files."""
    if torch is None or h5py is None:
        raise flow.Skip("this python lacks torch, onnx or h5py")
    logits = write_torch(place)
    write_arch(place)
    write_keras(place)
    write_nir(place)
    convert(place, "lenet.onnx", "onnx.json")
    convert(place, "lenet.pt", "pt.json", "--arch", "arch.json")
    convert(place, "lenet.h5", "h5.json")
    convert(place, "lenet.nir", "nir.json")
    return logits, ["onnx.json", "pt.json", "h5.json", "nir.json"]


def convert(place, name, out, *options):
    answer = subprocess.run([os.path.join(TOOLS, "snnconvert"), name, "-o", out, *options],
                            cwd=place.folder, capture_output=True, text=True, check=False)
    if "this build cannot read" in answer.stderr:
        raise flow.Skip(answer.stderr.strip())
    flow.require(answer.returncode == 0, f"{name} is not converted", answer)


def outputs(place, name):
    answer = subprocess.run([VALUES, name, DIGITS, "out.f32"], cwd=place.folder,
                            capture_output=True, text=True, check=False)
    flow.require(answer.returncode == 0, f"{name}: {answer.stderr}")
    return np.fromfile(place.at("out.f32"), np.float32).reshape(-1, 10)


def same_logits(place):
    """ONNX, state dictionary, Keras and NIR give PyTorch's logits within 1e-5 of the largest"""
    logits, names = write_all(place)
    largest = np.abs(logits).max()
    for name in names:
        found = outputs(place, name)
        if name == "nir.json":  # the last layer's neurons fire for what is above zero
            wanted = np.maximum(logits, 0)
        else:
            wanted = logits
        worst = np.abs(found - wanted).max()
        flow.require(worst <= 1e-5 * largest, f"{name}: {worst} off, the largest is {largest}")
        flow.require((found.argmax(1) == logits.argmax(1)).all(), f"{name} decides otherwise")


def same_graph(place):
    """the three that are CNNs give graphs of the same weights, bit by bit"""
    _, names = write_all(place)
    tensors = []
    for name in names[:3]:
        layers = place.read_json(name)["layers"]
        tensors.append([tensor(layer[key]).tobytes() for layer in layers
                        for key in ("weights", "bias") if key in layer])
    flow.require(len(tensors[0]) == 10, f"{len(tensors[0])} tensors")
    flow.require(tensors[0] == tensors[1] == tensors[2], "they differ")


def same_spikes(place):
    """all four spike alike, neuron by neuron and step by step"""
    _, names = write_all(place)
    found = []
    for name in names:
        answer = place.run(name, "--data", DIGITS, "--timesteps", "24", "--samples", "100", *AS_NIR,
                           "--save-counts", "counts.npy", "--save-layer-counts", "layers.npz",
                           "--json", "out.json")
        flow.require(answer.returncode == 0, f"{name} does not run", answer)
        layers = np.load(place.at("layers.npz"))
        found.append((np.load(place.at("counts.npy")), [layers[key] for key in layers.files]))
    counts, layers = found[0]
    flow.require(counts.sum() > 0, "no spikes at all")
    for name, (other_counts, other_layers) in zip(names[1:], found[1:]):
        flow.require((counts == other_counts).all(), f"{name}: other output spikes")
        flow.require(len(layers) == len(other_layers), f"{name}: {len(other_layers)} layers")
        for one, other in zip(layers, other_layers):
            flow.require((one == other).all(), f"{name}: other spikes inside")


if __name__ == "__main__":
    sys.exit(flow.report(flow.named([same_logits, same_graph, same_spikes]), sys.argv[1]))
