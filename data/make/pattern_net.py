"""A LeNet of any size with weights that pack well, for what a net needs and not for what it can do:
pattern_net.py CONV1 CONV2 FC1 FILE.json

5x5 convolutions of CONV1 and CONV2 features on 28x28, averages over 2x2, dense layers of FC1 and 10
neurons. tests/golden/input/lenet-20-50-500.json is `pattern_net.py 20 50 500`.
"""

import base64
import json
import struct
import sys
import zlib


def tensor(*shape):
    """Weights -3/64 to 3/64, one after the other."""
    count = 1
    for extent in shape:
        count *= extent
    values = struct.pack(f"<{count}f", *((i % 7 - 3) / 64 for i in range(count)))
    data = base64.b64encode(zlib.compress(values, 9)).decode()
    return {"dtype": "f32", "shape": list(shape), "data": data}


def conv(name, source, features, channels):
    return {"name": name, "kind": "conv2d", "inputs": [source], "activation": "relu",
            "weights": tensor(features, channels, 5, 5), "bias": tensor(features)}


def dense(name, source, units, inputs, activation):
    return {"name": name, "kind": "dense", "inputs": [source], "activation": activation,
            "weights": tensor(units, inputs), "bias": tensor(units)}


def pool(name, source):
    return {"name": name, "kind": "avg_pool2d", "inputs": [source], "kernel": [2, 2]}


def main():
    conv1, conv2, fc1 = (int(argument) for argument in sys.argv[1:4])
    layers = [{"name": "input", "kind": "input", "shape": [1, 28, 28]},
              conv("conv1", "input", conv1, 1), pool("pool1", "conv1"),
              conv("conv2", "pool1", conv2, conv1), pool("pool2", "conv2"),
              {"name": "flatten", "kind": "flatten", "inputs": ["pool2"]},
              dense("fc1", "flatten", fc1, 16 * conv2, "relu"),
              dense("fc2", "fc1", 10, fc1, "none")]
    net = {"format": "snn.model/1", "name": f"lenet-{conv1}-{conv2}-{fc1}", "output": "fc2",
           "layers": layers}
    with open(sys.argv[4], "w", encoding="utf-8") as file:
        json.dump(net, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
