"""Weights of other programs through snnconvert --arch: weights.py SNNSIM

What PyTorch and NumPy write themselves must arrive bit by bit. Files of PyTorch are only made where
it is installed; the parameters of a published net are only there where SNN_SHARED is set.
"""

import base64
import json
import os
import struct
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
    import torch
except ImportError:
    torch = None

SHAPES = {"conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5),
          "conv2.bias": (16,), "fc1.weight": (120, 256), "fc1.bias": (120,),
          "fc2.weight": (10, 120), "fc2.bias": (10,)}


def conv(name, below, filters, kernel, **more):
    return {"name": name, "kind": "conv2d", "inputs": [below], "filters": filters,
            "kernel": [kernel, kernel], "activation": "relu", **more}


def pool(name, below):
    return {"name": name, "kind": "avg_pool2d", "inputs": [below], "kernel": [2, 2]}


def dense(name, below, units, **more):
    return {"name": name, "kind": "dense", "inputs": [below], "units": units, **more}


def topology(layers):
    image = {"name": "input", "kind": "input", "shape": [1, 28, 28]}
    return {"format": "snn.model/1", "name": "net", "layers": [image, *layers],
            "output": layers[-1]["name"]}


LENET = topology([conv("conv1", "input", 6, 5), pool("pool1", "conv1"),
                  conv("conv2", "pool1", 16, 5), pool("pool2", "conv2"),
                  dense("fc1", "pool2", 120, activation="relu"), dense("fc2", "fc1", 10)])


def needs(module, name):
    if module is None:
        raise flow.Skip(f"this python has no {name}")


def values(seed=0):
    needs(np, "numpy")
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape).astype(np.float32)
            for name, shape in SHAPES.items()}


def tensors(seed=0):
    needs(torch, "torch")
    return {name: torch.from_numpy(value) for name, value in values(seed).items()}


def convert(place, name, arch=None, *arguments):
    place.write("arch.json", arch or LENET)
    return place.run(name, "--arch", "arch.json", "-o", "out.json", *arguments)


def unpack(tensor):
    return zlib.decompress(base64.b64decode(tensor["data"]))


def same(place, name, expected, arch=None):
    """Holds every tensor of the model made of a file against the expected arrays."""
    answer = convert(place, name, arch)
    flow.require(answer.returncode == 0 and answer.stderr == "", "conversion expected", answer)
    layers = {layer["name"]: layer for layer in place.read_json("out.json")["layers"]}
    for key, value in expected.items():
        layer, member = key.split(".")
        packed = unpack(layers[layer]["weights" if member == "weight" else "bias"])
        flow.require(packed == value.astype("<f4").tobytes(), f"{name}: {key} differs")


# --- PyTorch --------------------------------------------------------------------------------------


def zip_form(place):
    """a state dictionary in the zip form arrives bit by bit"""
    made = tensors()
    torch.save(made, place.at("w.pt"))
    same(place, "w.pt", values())
    source = place.read_json("out.json")["source"]
    flow.require(source["file"] == "w.pt" and len(source["sha256"]) == 64, f"source {source}")


def legacy_form(place):
    """and in the legacy form"""
    made = tensors()
    torch.save(made, place.at("w.pth"), _use_new_zipfile_serialization=False)
    same(place, "w.pth", values())


def other_types(place):
    """half, bfloat16 and double become float32; integers are passed over"""
    made = tensors()
    made["conv1.weight"] = made["conv1.weight"].half()
    made["conv2.weight"] = made["conv2.weight"].bfloat16()
    made["fc1.weight"] = made["fc1.weight"].double()
    made["count"] = torch.tensor(3)
    expected = {name: value.float().numpy() for name, value in made.items() if name != "count"}
    for zipped in True, False:
        torch.save(made, place.at("w.pt"), _use_new_zipfile_serialization=zipped)
        same(place, "w.pt", expected)


def views(place):
    """strides, offsets and shared storages are honoured"""
    made = tensors()
    expected = values()
    made["fc1.weight"] = torch.from_numpy(expected["fc1.weight"].T.copy()).t()
    large = torch.zeros(20, 240)
    large[5:15, ::2] = made["fc2.weight"]
    made["fc2.weight"] = large[5:15, ::2]
    both = torch.cat([made["conv1.bias"], made["conv2.bias"]])
    made["conv1.bias"], made["conv2.bias"] = both[:6], both[6:]
    for zipped in True, False:
        torch.save(made, place.at("w.pt"), _use_new_zipfile_serialization=zipped)
        same(place, "w.pt", expected)


def nested(place):
    """a checkpoint's only state dictionary is found, whatever stands beside it"""
    made = tensors()
    parameters = [torch.nn.Parameter(value.clone()) for value in made.values()]
    optimizer = torch.optim.Adam(parameters)
    sum(parameter.sum() for parameter in parameters).backward()
    optimizer.step()
    for key in "state_dict", "model":
        torch.save({"epoch": 3, "loss": torch.tensor(0.5), key: made,
                    "optimizer": optimizer.state_dict()}, place.at("w.pt"))
        same(place, "w.pt", values())
    torch.save({"a": made, "b": tensors(1)}, place.at("w.pt"))
    answer = convert(place, "w.pt")
    flow.require(answer.returncode == 65 and "'a' and 'b'" in answer.stderr, "refusal", answer)


def wrapped(place):
    """module. before all names is passed over; so are modules, their attributes and parameters"""
    made = tensors()
    torch.save({f"module.{name}": value for name, value in made.items()}, place.at("w.pt"))
    same(place, "w.pt", values())
    net = torch.nn.Module()
    for name in ("conv1", "conv2", "fc1", "fc2"):
        child = torch.nn.Module()
        child.weight = torch.nn.Parameter(made[f"{name}.weight"])
        child.bias = torch.nn.Parameter(made[f"{name}.bias"])
        net.add_module(name, child)
    torch.save(net.state_dict(), place.at("w.pt"))
    same(place, "w.pt", values())
    torch.save(dict(net.named_parameters()), place.at("w.pt"))
    same(place, "w.pt", values())


def whole_model(place):
    """a pickled model is refused by the name of its class; nothing runs"""
    needs(torch, "torch")
    torch.save(torch.nn.Linear(2, 2), place.at("w.pt"))
    answer = convert(place, "w.pt")
    flow.require(answer.returncode == 65 and "calls torch.nn.modules.linear.Linear" in answer.stderr,
                 "refusal", answer)
    flow.require("out.json" not in place.files(), "a model was written")


# --- Others ---------------------------------------------------------------------------------------


def npz(place):
    """npz, packed and not, in both orders of axes"""
    made = values()
    for save in (np.savez, np.savez_compressed):
        save(place.at("w.npz"), **made)
        same(place, "w.npz", made)
    np.savez(place.at("w.npz"), **{name: np.asfortranarray(value.astype(">f8"))
                                   for name, value in made.items()})
    same(place, "w.npz", made)


def write_safetensors(place, made):
    header, data = {}, b""
    for name in sorted(made):
        part = made[name].astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(made[name].shape),
                        "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    place.write("w.safetensors", struct.pack("<Q", len(text)) + text + data)


def safetensors(place):
    """safetensors by name, and never by order"""
    write_safetensors(place, values())
    same(place, "w.safetensors", values())
    write_safetensors(place, {f"x{name}": value for name, value in values().items()})
    answer = convert(place, "w.safetensors")
    flow.require(answer.returncode == 65 and "no tensor 'conv1.weight'" in answer.stderr, "refusal",
                 answer)


def by_order(place):
    """without a name that matches, tensors are taken in order"""
    made = values()
    names = {"conv1": "0", "conv2": "3", "fc1": "7", "fc2": "9"}
    np.savez(place.at("w.npz"), **{f"{names[key.split('.')[0]]}.{key.split('.')[1]}": value
                                   for key, value in made.items()})
    same(place, "w.npz", made)


def mismatches(place):
    """everything that does not fit is named in one run; what is left over is a warning"""
    made = values()
    del made["conv2.weight"], made["fc2.bias"]
    made["fc1.weight"] = made["fc1.weight"][:, :100]
    made["conv1.bias"] = made["conv1.bias"][:5]
    np.savez(place.at("w.npz"), **made)
    answer = convert(place, "w.npz")
    flow.require(answer.returncode == 65, "refusal", answer)
    for text in ("layer 'conv1': tensor 'conv1.bias' of w.npz is [5], [6] expected",
                 "layer 'conv2': no tensor 'conv2.weight' in w.npz",
                 "layer 'fc1': tensor 'fc1.weight' of w.npz is [120, 100], [120, 256] expected",
                 "layer 'fc2': no tensor 'fc2.bias' in w.npz"):
        flow.require(text in answer.stderr, f"{text!r} expected", answer)
    np.savez(place.at("w.npz"), extra=np.ones(3, np.float32), **values())
    answer = convert(place, "w.npz")
    flow.require(answer.returncode == 0 and "tensor 'extra' of w.npz goes to no layer"
                 in answer.stderr, "warning", answer)


# --- A published net ------------------------------------------------------------------------------


def published(place, snnsim):
    """the DynapCNN parameters of the Sinabs examples classify 97.88 % of MNIST"""
    shared = os.environ.get("SNN_SHARED", "")
    weights = os.path.join(shared, "realfiles", "models", "dynapcnn_mnist_params.pt")
    images = os.path.join(shared, "mnist", "t10k-images-idx3-ubyte.gz")
    if not shared or not os.path.exists(weights) or not os.path.exists(images):
        raise flow.Skip("SNN_SHARED names no folder with it")
    layers = [conv("conv1", "input", 20, 5, bias=False), pool("pool1", "conv1"),
              conv("conv2", "pool1", 32, 5, bias=False), pool("pool2", "conv2"),
              conv("conv3", "pool2", 128, 3, bias=False), pool("pool3", "conv3"),
              dense("fc1", "pool3", 500, bias=False, activation="relu"),
              dense("fc2", "fc1", 10, bias=False)]
    answer = convert(place, weights, topology(layers))
    flow.require(answer.returncode == 0, "conversion expected", answer)
    answer = flow.Place(snnsim, place.folder).run("out.json", "--data", images, "-t", 1, "--norm",
                                                  "none", "--json", "-")
    flow.require(answer.returncode == 0, "run expected", answer)
    accuracy = json.loads(answer.stdout)["results"][0]["cnn_accuracy"]
    flow.require(abs(accuracy - 0.9788) <= 0.0002, f"accuracy {accuracy}")


TESTS = [zip_form, legacy_form, other_types, views, nested, wrapped, whole_model, npz, safetensors,
         by_order, mismatches]


def main():
    snnsim = sys.argv[1]
    tests = flow.named(TESTS)
    tests.append((" ".join(published.__doc__.split()), lambda place: published(place, snnsim)))
    return flow.report(tests, os.path.join(os.path.dirname(snnsim), "snnconvert"))


if __name__ == "__main__":
    sys.exit(main())
