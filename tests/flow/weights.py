"""Weights of other programs through snnconvert --arch: weights.py SNNSIM

What PyTorch and NumPy write themselves must arrive bit by bit. Files of PyTorch are only made where
it is installed; the parameters of a published net are only there where SNN_SHARED is set.
"""

import base64
import copy
import json
import os
import re
import struct
import sys
import zipfile
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


def packed(place, path, members, force):
    """A zip file made here; `force`: with sizes and offsets of 64 bits wherever there may be any."""
    limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    if force:
        zipfile.ZIP64_LIMIT = zipfile.ZIP_FILECOUNT_LIMIT = 0
    try:
        with zipfile.ZipFile(place.at(path), "w") as archive:
            for name, data in members.items():
                with archive.open(name, "w", force_zip64=force) as member:
                    member.write(data)
    finally:
        zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits


def members_of(place, made):
    torch.save(made, place.at("made.pt"))
    with zipfile.ZipFile(place.at("made.pt")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def byte_orders(place):
    """storages in the order of bytes that the archive states; no other is guessed"""
    made = tensors()
    made["conv2.weight"] = made["conv2.weight"].double()
    made["conv2.bias"] = made["conv2.bias"].half()
    made["fc2.bias"] = made["fc2.bias"].bfloat16()
    expected = {name: value.float().numpy() for name, value in made.items()}
    little = {name: data for name, data in members_of(place, made).items()
              if not name.endswith("/byteorder")}
    big = dict(little)
    for number, value in enumerate(made.values()):
        name = next(key for key in little if key.endswith(f"/data/{number}"))
        width = value.element_size()
        big[name] = np.frombuffer(little[name], f"u{width}").byteswap().tobytes()
    folder = next(iter(little)).split("/")[0]
    for order, members in ("little", little), ("big", big), (None, little):
        order = {} if order is None else {f"{folder}/byteorder": order.encode()}
        packed(place, "w.pt", {**members, **order}, False)
        same(place, "w.pt", expected)
    packed(place, "w.pt", {**little, f"{folder}/byteorder": b"middle"}, False)
    answer = convert(place, "w.pt")
    flow.require(answer.returncode == 65 and "neither little nor big" in answer.stderr, "refusal",
                 answer)


def large_archives(place):
    """zip64: sizes, offsets and counts of 64 bits, also where the end record has none at all"""
    packed(place, "w.pt", members_of(place, tensors()), True)
    with open(place.at("w.pt"), "rb") as file:
        raw = file.read()
    flow.require(b"PK\6\6" in raw and b"PK\6\7" in raw, "python made no zip64 records")
    same(place, "w.pt", values())
    end = raw.rindex(b"PK\5\6")
    bare = raw[:end + 8] + b"\xff" * 12 + raw[end + 20:]
    place.write("w.pt", bare)
    same(place, "w.pt", values())
    place.write("w.pt", bare.replace(b"PK\6\6", b"PK\6\0"))
    answer = convert(place, "w.pt")
    flow.require(answer.returncode == 65 and "no zip64 end record" in answer.stderr, "refusal",
                 answer)
    np.savez(place.at("made.npz"), **values())
    with zipfile.ZipFile(place.at("made.npz")) as archive:
        packed(place, "w.npz", {name: archive.read(name) for name in archive.namelist()}, True)
    same(place, "w.npz", values())


def without_topology(place):
    """weights alone are called by their format, with what they lack; the answer names both"""
    needs(np, "numpy")
    write_safetensors(place, values())
    np.savez(place.at("w.npz"), **values())
    formats = {"w.safetensors": ("a safetensors file", "safetensors file"),
               "w.npz": ("an NPZ archive of NumPy", "NPZ archive of NumPy")}
    if torch is not None:
        torch.save(tensors(), place.at("w.pt"))
        torch.save(tensors(), place.at("w.pth"), _use_new_zipfile_serialization=False)
        formats["w.pt"] = formats["w.pth"] = "a PyTorch file", "PyTorch state dictionary"
    for name, (alone, known) in formats.items():
        answer = place.run(name, "-o", "out.json")
        flow.require(answer.returncode == 65 and "--arch TOPOLOGY.json" in answer.stderr
                     and f"{name}: {alone} holds weights, but not the net" in answer.stderr,
                     "refusal", answer)
        place.write("arch.json", LENET)
        answer = place.run(name, "--arch", "arch.json", "--info")
        flow.require(re.search(f"^format +{known} and a topology$", answer.stdout, re.MULTILINE),
                     "format expected", answer)
    place.write("model.json", flow.model())
    answer = convert(place, "model.json")
    flow.require(answer.returncode == 65 and "a model goes without --arch" in answer.stderr,
                 "refusal", answer)


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


def write_safetensors(place, made, types=None):
    """`types`: by name what to store a tensor as; F32 where it is not there."""
    header, data = {}, b""
    for name in sorted(made):
        kind = (types or {}).get(name, "F32")
        if kind == "BF16":  # the upper halves of values that have nothing in the lower ones
            part = (made[name].astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        else:
            part = made[name].astype({"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}[kind]
                                     ).tobytes()
        header[name] = {"dtype": kind, "shape": list(made[name].shape),
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


def safetensors_types(place):
    """safetensors of every width; the narrow ones arrive exactly, integers are passed over"""
    made = values()
    made["conv1.weight"] = made["conv1.weight"].astype(np.float16).astype(np.float32)
    made["conv2.weight"] = (made["conv2.weight"].view(np.uint32) & 0xffff0000).view(np.float32)
    write_safetensors(place, {**made, "steps": np.array(7)},
                      {"conv1.weight": "F16", "conv2.weight": "BF16", "fc1.weight": "F64",
                       "steps": "I64"})
    same(place, "w.safetensors", made)


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


# --- Batch normalisation --------------------------------------------------------------------------


def normalised(seed=0, **options):
    """A net with batch normalisation behind all layers but the first and the last, one of them
    grouped, one dense, as if trained: (module, topology), named alike."""
    needs(torch, "torch")
    torch.manual_seed(seed)
    net = torch.nn.Sequential()
    for name, module in (
            ("conv0", torch.nn.Conv2d(1, 2, 3, padding=1)), ("relu0", torch.nn.ReLU()),
            ("conv1", torch.nn.Conv2d(2, 6, 5, bias=False)),
            ("bn1", torch.nn.BatchNorm2d(6, **options)), ("relu1", torch.nn.ReLU()),
            ("conv2", torch.nn.Conv2d(6, 6, 3, stride=2, groups=2)),
            ("bn2", torch.nn.BatchNorm2d(6, **options)), ("relu2", torch.nn.ReLU()),
            ("flat", torch.nn.Flatten()), ("fc1", torch.nn.Linear(6 * 11 * 11, 20)),
            ("bn3", torch.nn.BatchNorm1d(20, **options)), ("relu3", torch.nn.ReLU()),
            ("fc2", torch.nn.Linear(20, 10))):
        net.add_module(name, module)
    for module in net:
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.normal_()
            module.running_var.uniform_(0.1, 2)
            if module.affine:
                torch.nn.init.normal_(module.weight)
                torch.nn.init.normal_(module.bias)
    more = {"epsilon": options["eps"]} if "eps" in options else {}
    layers = [conv("conv0", "input", 2, 3, padding=[1, 1, 1, 1]),
              conv("conv1", "conv0", 6, 5, bias=False, batch_norm="bn1", **more),
              conv("conv2", "conv1", 6, 3, stride=[2, 2], groups=2, batch_norm="bn2", **more),
              dense("fc1", "conv2", 20, activation="relu", batch_norm="bn3", **more),
              dense("fc2", "fc1", 10)]
    return net.eval(), topology(layers)


def folded(place, net, arch, path="w.pt"):
    """Holds a model made of a file against the net itself, folded as the formula says in double and
    rounded once, and that against what PyTorch computes."""
    answer = convert(place, path, arch)
    flow.require(answer.returncode == 0 and answer.stderr == "", "conversion expected", answer)
    layers = {layer["name"]: layer for layer in place.read_json("out.json")["layers"]}
    own = torch.nn.Sequential()
    for name, module in net.double().named_children():
        if name.startswith("bn"):
            layer = own[-1]
            scale = (module.running_var + module.eps) ** -0.5
            scale = scale if module.weight is None else scale * module.weight
            before = 0 if layer.bias is None else layer.bias
            offset = 0 if module.bias is None else module.bias
            bias = (before - module.running_mean) * scale + offset
            shape = [-1] + [1] * (layer.weight.dim() - 1)
            layer.weight = torch.nn.Parameter(layer.weight * scale.reshape(shape))
            layer.bias = torch.nn.Parameter(bias)
            continue
        own.add_module(name, copy.deepcopy(module))
    for name, module in own.named_children():
        if name not in layers:
            continue
        for member, value in ("weights", module.weight), ("bias", module.bias):
            got = np.frombuffer(unpack(layers[name][member]), "<f4")
            wanted = value.detach().numpy().reshape(-1)
            # The scale may be rounded in another order: an ulp of double before rounding to float.
            error = np.abs(got - wanted) / np.spacing(np.abs(wanted).astype(np.float32))
            flow.require(error.max() <= 0.5 + 1e-6, f"{name} {member}: {error.max()} ulp")
            module_value = module.weight if member == "weights" else module.bias
            module_value.data = torch.from_numpy(got.astype(np.float64).reshape(value.shape))
    images = torch.rand(8, 1, 28, 28, dtype=torch.float64)
    with torch.no_grad():
        wanted, got = net(images), own(images)
    flow.require((got - wanted).abs().max() <= 1e-5 * wanted.abs().max(), "other results")


def batch_norm(place):
    """batch normalisation is folded: by name, in all formats that have names"""
    for options in {}, {"eps": 0.01}, {"affine": False}:
        net, arch = normalised(**options)
        torch.save(net.state_dict(), place.at("w.pt"))
        folded(place, net, arch)
    net, arch = normalised()
    torch.save({f"module.{name}": value for name, value in net.state_dict().items()},
               place.at("w.pt"))
    folded(place, net, arch)
    write_safetensors(place, {name: value.numpy() for name, value in net.float().state_dict().items()})
    folded(place, net, arch, "w.safetensors")


def batch_norm_by_order(place):
    """and by order: a batch normalisation's weights are not taken for a layer's"""
    net, arch = normalised()
    names = {name: str(number) for number, (name, _) in enumerate(net.named_children())}
    state = {f"{names[name.split('.')[0]]}.{name.split('.')[1]}": value
             for name, value in net.state_dict().items()}
    torch.save(state, place.at("w.pt"))
    folded(place, net, arch)
    for layer, name in zip((2, 3, 4), ("bn1", "bn2", "bn3")):
        arch["layers"][layer]["batch_norm"] = names[name]
    torch.save(state, place.at("w.pt"))
    folded(place, net.float(), arch)
    # bn1 and bn2 are of one shape: if one of the three is left out, order would mix them up.
    arch = normalised()[1]
    del arch["layers"][2]["batch_norm"]
    answer = convert(place, "w.pt", arch)
    for text in ('2 layers have a "batch_norm", w.pt has 3', "which are 3, 6, 10"):
        flow.require(answer.returncode == 65 and text in answer.stderr, f"{text!r} expected", answer)


def batch_norm_unnamed(place):
    """one that no layer names is a single warning that says how to"""
    net, arch = normalised()
    del arch["layers"][3]["batch_norm"]
    torch.save({name: value.float() for name, value in net.state_dict().items()}, place.at("w.pt"))
    answer = convert(place, "w.pt", arch)
    flow.require(answer.returncode == 0 and answer.stderr.count("warning") == 1
                 and "batch normalisation 'bn2' of w.pt goes to no layer" in answer.stderr
                 and '"batch_norm": "bn2"' in answer.stderr, "warning", answer)


def batch_norm_damaged(place):
    """what a batch normalisation lacks is named, layer by layer, in one run"""
    net, arch = normalised()
    state = net.state_dict()
    del state["bn1.weight"], state["bn1.running_var"], state["bn3.running_mean"]
    state["bn2.running_var"] = -state["bn2.running_var"]
    state["bn3.bias"] = state["bn3.bias"][:7]
    torch.save(state, place.at("w.pt"))
    answer = convert(place, "w.pt", arch)
    for text in ("layer 'conv1': no tensor 'bn1.running_var' in w.pt; no tensor 'bn1.weight' in w.pt",
                 "layer 'conv2': tensor 'bn2.running_var' of w.pt: element 0 is -",
                 "layer 'fc1': no tensor 'bn3.running_mean' in w.pt; "
                 "tensor 'bn3.bias' of w.pt is [7], [20] expected"):
        flow.require(answer.returncode == 65 and text in answer.stderr, f"{text!r} expected", answer)
    net, arch = normalised()
    arch["layers"][2]["batch_norm"] = "norm1"
    torch.save(net.state_dict(), place.at("w.pt"))
    answer = convert(place, "w.pt", arch)
    for text in ("layer 'conv1': no tensor 'norm1.running_mean' in w.pt; no tensor "
                 "'norm1.running_var' in w.pt", "w.pt has the batch normalisations bn1, bn2, bn3"):
        flow.require(answer.returncode == 65 and text in answer.stderr, f"{text!r} expected", answer)
    net, arch = normalised()
    state = {name: value for name, value in net.state_dict().items() if "running" not in name}
    torch.save(state, place.at("w.pt"))
    answer = convert(place, "w.pt", arch)
    flow.require(answer.returncode == 65 and "track_running_stats=False" in answer.stderr, "refusal",
                 answer)


# --- A published net ------------------------------------------------------------------------------


def mnist(part):
    shared = os.environ.get("SNN_SHARED", "")
    path = os.path.join(shared, "mnist", f"{part}-images-idx3-ubyte.gz")
    if not shared or not os.path.exists(path):
        raise flow.Skip("SNN_SHARED names no folder with it")
    return path


def convert_published(place, *arguments):
    """The DynapCNN parameters of the Sinabs examples as a model."""
    weights = os.path.join(os.environ.get("SNN_SHARED", ""), "realfiles", "models",
                           "dynapcnn_mnist_params.pt")
    if not os.path.exists(weights):
        raise flow.Skip("SNN_SHARED names no folder with it")
    layers = [conv("conv1", "input", 20, 5, bias=False), pool("pool1", "conv1"),
              conv("conv2", "pool1", 32, 5, bias=False), pool("pool2", "conv2"),
              conv("conv3", "pool2", 128, 3, bias=False), pool("pool3", "conv3"),
              dense("fc1", "pool3", 500, bias=False, activation="relu"),
              dense("fc2", "fc1", 10, bias=False)]
    answer = convert(place, weights, topology(layers), *arguments)
    flow.require(answer.returncode == 0, "conversion expected", answer)


def run_published(place, snnsim, *arguments):
    answer = flow.Place(snnsim, place.folder).run("out.json", "-q", "--data", mnist("t10k"), "--json",
                                                  "-", *arguments)
    flow.require(answer.returncode == 0, "run expected", answer)
    return json.loads(answer.stdout)["results"][0]


def published(place, snnsim):
    """the DynapCNN parameters of the Sinabs examples classify 97.88 % of MNIST"""
    convert_published(place)
    accuracy = run_published(place, snnsim, "-t", 1, "--norm", "none")["cnn_accuracy"]
    flow.require(abs(accuracy - 0.9788) <= 0.0002, f"accuracy {accuracy}")


def published_spikes(place, snnsim):
    """the same as spikes by our defaults: >= 97.5 % of 1,000 after 50 steps, about 78 % as Sinabs
    runs it, worst of five seeds"""
    convert_published(place, "--calibrate", mnist("train"), "--samples", 2000, "--no-verify")
    for options, low, high in (([], 0.975, 1), (["--arith", "chip"], 0.974, 1),
                               (["--compat", "sinabs"], 0.7, 0.82)):
        found = [run_published(place, snnsim, "-n", 1000, "-t", 50, "-e", "bernoulli", "-s", seed,
                               *options)["accuracy"] for seed in range(5)]
        print(f"# {' '.join(options) or 'defaults'}: mean {sum(found) / 5:.4f} worst {min(found)}")
        flow.require(low <= min(found) and max(found) <= high, f"{options}: {found}")


TESTS = [zip_form, legacy_form, other_types, views, nested, wrapped, whole_model, byte_orders,
         large_archives, without_topology, npz, safetensors, safetensors_types, by_order, mismatches,
         batch_norm, batch_norm_by_order, batch_norm_unnamed, batch_norm_damaged]


def main():
    snnsim = sys.argv[1]
    tests = flow.named(TESTS)
    for test in published, published_spikes:
        tests.append((" ".join(test.__doc__.split()),
                      lambda place, test=test: test(place, snnsim)))
    return flow.report(tests, os.path.join(os.path.dirname(snnsim), "snnconvert"))


if __name__ == "__main__":
    sys.exit(main())
