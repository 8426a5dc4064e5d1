"""Model files that mean harm, as they reach snnconvert: hostile.py SNNSIM

Each is refused in words, within seconds and a bounded address space,
              with status 65; nothing is written, nothing is executed, and no control character
reaches the terminal.
"""

import base64
import io
import json
import os
import re
import resource
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib

# At the end: files of this folder may bear the names of modules that numpy and h5py import.
sys.path.append(sys.path.pop(0))

import flow

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = None

FOLDER = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(FOLDER), "fuzz", "corpus")
CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")

MEMORY_MAX = 1 << 30  # of the address space: more would be a bomb that went off
SECONDS_MAX = 10      # of processor time, on any machine
MISSING = ("libprotobuf-c-dev", "libhdf5-dev")


# --- One refusal ----------------------------------------------------------------------------------


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX + 1))


def run(place, name, *options):
    answer = subprocess.run([CONVERT, name, "-o", "out.json", *options], cwd=place.folder,
                            capture_output=True, check=False, env=flow.environment(),
                            preexec_fn=limit)
    answer.stdout, answer.stderr = (text.decode("utf-8", "backslashreplace")
                                    for text in (answer.stdout, answer.stderr))
    if any(f"install {package}" in answer.stderr for package in MISSING):
        raise flow.Skip("this build cannot read the format")
    return answer


def check(place, name, words, status=65, options=()):
    before = place.files()
    answer = run(place, name, *options)
    flow.require(answer.returncode == status, f"status {status} expected", answer)
    flow.require(place.files() == before, f"files were left: {place.files()}", answer)
    for word in words:
        flow.require(word in answer.stderr, f"does not say {word!r}", answer)
    said = answer.stdout + answer.stderr
    flow.require(not re.search(r"[^\n\x20-\x7e]", said), "control characters are printed", answer)


def refused(title, name, make, *words, **more):
    """A case whose file `name` has the bytes that `make` returns, or is written by it."""
    def test(place):
        content = make(place)
        if content is not None:
            place.write(name, content)
        check(place, name, words, **more)
    return title, test


def corpus(*name):
    with open(os.path.join(CORPUS, *name), "rb") as file:
        return file.read()


# --- Zip archives ---------------------------------------------------------------------------------


def archive(members, compression=zipfile.ZIP_STORED):
    """Members are (name, bytes); names may be there twice."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in members:
            out.writestr(name, content)
    return file.getvalue()


def zeros(size, head=b""):
    """A deflate stream of `head` and so many MiB of zeros, without packing each of them anew."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = pack.compress(head) + pack.flush(zlib.Z_FULL_FLUSH)
    block = pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH)
    return first + block * size + pack.flush()


def bomb(name, size, head=b"", before=()):
    """An archive whose last member unpacks to so many MiB, or 4 GiB less, if it says so in 32 bits;
    its checksum is wrong, which nobody should get to know."""
    members = [(n, content, content, 0) for n, content in before]
    members.append((name, zeros(size, head), None, 8))
    data, directory = b"", b""
    for member, packed, plain, method in members:
        count = len(plain) if plain is not None else len(head) + (size << 20)
        crc = zlib.crc32(plain) if plain is not None else 0
        extra = struct.pack("<HHQQ", 1, 16, count, len(packed)) if count >= 1 << 32 else b""
        sizes = (0xFFFFFFFF, 0xFFFFFFFF) if extra else (len(packed), count)
        fields = struct.pack("<HHHHHIIIHH", 45, 0, method, 0, 33, crc, *sizes, len(member),
                             len(extra))
        directory += (b"PK\1\2" + struct.pack("<H", 45) + fields +
                      struct.pack("<HHHII", 0, 0, 0, 0, len(data)) + member.encode() +
                      (struct.pack("<HHQQ", 1, 16, count, len(packed)) if extra else b""))
        data += b"PK\3\4" + fields + member.encode() + extra + packed
    return data + directory + b"PK\5\6" + struct.pack(
        "<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(data), 0)


ARRAY = flow.npy("<f4", [3, 12], bytes(144))


def topology(place):
    place.write("net.json", {"format": "snn.model/1", "name": "net", "output": "fc", "layers": [
        {"name": "in", "kind": "input", "shape": [12, 1, 1]},
        {"name": "fc", "kind": "dense", "inputs": ["in"], "units": 3, "bias": False}]})


def weights(title, name, make, *words):
    def both(place):
        topology(place)
        return make(place)
    return refused(title, name, both, *words, options=("--arch", "net.json"))


def pickled(data):
    return archive([("w/data.pkl", data), ("w/version", b"3")])


SYSTEM = b"\x80\x02cposix\nsystem\nX\x0f\x00\x00\x00touch harmed.txt\x85R."
REDUCE = b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R."

def keras_archive(config):
    """A good archive with this configuration; None: one of 4 GB."""
    with zipfile.ZipFile(io.BytesIO(corpus("hdf5", "functional.keras"))) as good:
        members = [(name, good.read(name)) for name in good.namelist() if name != "config.json"]
    if config is None:
        return bomb("config.json", 4 << 10, b"{", members)
    return archive([*members, ("config.json", config)])


ARCHIVES = [
    weights("npz: a member twice", "w.npz",
            lambda _: archive([("fc.weight.npy", ARRAY), ("fc.weight.npy", ARRAY)]),
            "two members 'fc.weight.npy'", "byte 315"),
    weights("npz: a member that climbs", "w.npz", lambda _: archive([("../x.npy", ARRAY)]),
            "byte 310", "is no path within the archive"),
    weights("npz: an absolute member", "w.npz", lambda _: archive([("/x.npy", ARRAY)]),
            "byte 308", "is no path within the archive"),
    weights("npz: 8 GB out of 8 MB", "w.npz",
            lambda _: bomb("fc.weight.npy", 8 << 10, flow.npy("<f4", [1 << 31], b"")),
            "member 'fc.weight.npy': unpacks to 8589934720 bytes, which exceed the limit"),
    weights("pt: a member twice", "w.pt",
            lambda _: archive([("w/data.pkl", b"\x80\x02}."), ("w/data.pkl", b"\x80\x02}.")]),
            "byte 44: two members 'w/data.pkl'"),
    weights("pt: a member that climbs", "w.pt",
            lambda _: archive([("w/data.pkl", b"\x80\x02}."), ("w/../../x", b"")]),
            "byte 139: the name of member 1 is no path within the archive"),
    weights("pt: a pickle that runs a command", "w.pt", lambda _: pickled(SYSTEM),
            "byte 2: calls posix.system", "nothing is run"),
    weights("pt: a pickle that evaluates", "w.pt", lambda _: pickled(REDUCE),
            "byte 2: calls builtins.eval"),
    weights("pt: a pickle of 4 GB out of 4 MB", "w.pt",
            lambda _: bomb("w/data.pkl", 4 << 10, b"\x80\x02"), "member 'w/data.pkl' is deflated"),
    refused("keras: a member twice", "n.keras",
            lambda _: archive([("config.json", "{}"), ("config.json", "{}"),
                               ("metadata.json", "{}"), ("model.weights.h5", "")]),
            "byte 43: two members 'config.json'"),
    refused("keras: a member that climbs", "n.keras",
            lambda _: archive([("config.json", "{}"), ("../x", "{}"),
                               ("metadata.json", "{}"), ("model.weights.h5", "")]),
            "the name of member 1 is no path within the archive"),
    refused("keras: a configuration of 4 GB", "n.keras", lambda _: keras_archive(None),
            "member 'config.json': unpacks to 42949", "exceed the limit"),
    refused("keras: a configuration of 100,000 brackets", "n.keras",
            lambda _: keras_archive(b"[" * 100000),
            "model configuration: line 1, column 65: nested deeper than 64"),
]


# --- Native JSON ----------------------------------------------------------------------------------


def native(change):
    model = flow.model()
    change(model)
    return model


def native_bomb(place):
    def change(model):
        packed = b"\x78\xda" + zeros(4 << 10)
        model["layers"][3]["weights"]["data"] = base64.b64encode(packed).decode()
    return native(change)


NATIVE = [
    refused("native: 4 GB out of a tensor of 4 MB", "n.json", native_bomb,
            "layer 'dense': weights: data: unpacks to more than the 144 bytes promised"),
    refused("native: 100,000 brackets", "n.json", lambda _: '{"a":' + "[" * 100000,
            "line 1, column 69: nested deeper than 64"),
    refused("native: control characters in a name", "n.json",
            lambda _: native(lambda m: m["layers"][1].update(name="a\x1b[2J\x07", kind="conv3d")),
            "name: control character 0x1b"),
]


# --- ONNX -----------------------------------------------------------------------------------------


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(kind, inputs, output, name="n"):
    return field(1, b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, name) +
                 field(4, kind))


def info(number, name, *shape):
    dims = b"".join(field(1, field(1, d)) for d in shape)
    return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, dims))))


def tensor(name, dims, *rest):
    return field(5, b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) +
                 b"".join(rest))


def beside(location):
    return field(13, field(1, "location") + field(2, location)) + field(14, 1)


def onnx(*parts, shape=(1, 1, 4, 4), output="y"):
    graph = b"".join(parts) + field(2, "g") + info(11, "x", *shape) + info(12, output)
    return field(1, 7) + field(8, field(2, 13)) + field(7, graph)


def external(location):
    return onnx(node("Add", ["x", "w"], "y"), tensor("w", [4], beside(location)))


def linked(place):
    os.symlink("/etc/passwd", place.at("link"))
    return external("link")


def many_nodes(_):
    one = node("Relu", ["x"], "y")
    return onnx(one * 1000000)


def chain(count):
    return onnx(*(node("Relu", ["x" if i == 0 else f"v{i}"], f"v{i + 1}", f"n{i}")
                  for i in range(count)), output=f"v{count}")


ONNX = [
    refused("onnx: data in the folder above", "n.onnx", lambda _: external("../secret"),
            "tensor 'w': '../secret' leaves the folder of n.onnx"),
    refused("onnx: data at an absolute path", "n.onnx", lambda _: external("/etc/passwd"),
            "tensor 'w': '/etc/passwd' leaves the folder of n.onnx"),
    refused("onnx: data behind a symbolic link", "n.onnx", linked, "tensor 'w'",
            "not in the folder of"),
    refused("onnx: data in a device", "n.onnx", lambda p: os.mkfifo(p.at("pipe")) or
            external("pipe"), "tensor 'w'", "no regular file"),
    refused("onnx: a tensor of 2^40 x 2^40", "n.onnx",
            lambda _: onnx(node("Add", ["x", "w"], "y"),
                           tensor("w", [1 << 40, 1 << 40], field(9, bytes(16)))),
            "byte 29: tensor 'w'", "[1099511627776, 1099511627776] exceeds the limit"),
    refused("onnx: an input of 2^40 x 2^40", "n.onnx",
            lambda _: onnx(node("Relu", ["x"], "y"), shape=(1, 1, 1 << 40, 1 << 40)), "byte 30",
            "exceeds the limit"),
    refused("onnx: a tensor of -4 values", "n.onnx",
            lambda _: onnx(node("Add", ["x", "w"], "y"), tensor("w", [-4], field(9, bytes(16)))),
            "byte 29: tensor 'w': a tensor of shape [-4]"),
    refused("onnx: an input of -4 rows", "n.onnx",
            lambda _: onnx(node("Relu", ["x"], "y"), shape=(1, 1, -4, 4)),
            "input 'x': axis 2 is left open", "--input-shape"),
    refused("onnx: a cycle", "n.onnx",
            lambda _: onnx(node("Add", ["x", "b"], "a", "first"), node("Relu", ["a"], "b",
            "second"),
                           node("Relu", ["b"], "y", "third")),
            "node 'first': needs its own output, in a cycle through node 'second'"),
    refused("onnx: a million nodes", "n.onnx", many_nodes,
            "1000000 messages of field 1, at most 262144 are read"),
    refused("onnx: a chain of 100,000 nodes", "n.onnx", lambda _: chain(100000), "byte 2306142",
            "unpacks to more than the limit allows"),
    refused("onnx: control characters in a name", "n.onnx",
            lambda _: onnx(node("Tanh", ["x"], "y", "a\x1b[2J\x07\x9b31m")),
            "layer 'a\\x1b[2J\\x07\\xc2\\x9b31m'", "Tanh"),
    refused("onnx: control characters in an operator", "n.onnx",
            lambda _: onnx(node("\x1b]0;x\x07", ["x"], "y", "a")),
            "operator '\\x1b]0;x\\x07' is not read"),
]


# --- TFLite ---------------------------------------------------------------------------------------


def long_vectors(_):
    """Every word that could be the length of a vector is 2^31 - 1 in one of the files."""
    data = corpus("tflite", "conv.tflite")
    at = struct.unpack_from("<I", data)[0]
    table = at - struct.unpack_from("<i", data, at)[0]
    subgraphs = at + struct.unpack_from("<H", data, table + 4 + 2 * 2)[0]
    vector = subgraphs + struct.unpack_from("<I", data, subgraphs)[0]
    return data[:vector] + struct.pack("<I", 0x7FFFFFFF) + data[vector + 4:]


TFLITE = [
    refused("tflite: a vector beyond the file", "n.tflite", long_vectors,
            "byte 64: a vector beyond the end"),
    refused("tflite: a root beyond the file", "n.tflite",
            lambda _: struct.pack("<I", 0xFFFFFFF0) + corpus("tflite", "conv.tflite")[4:],
            "byte 0: a root beyond the end"),
]


# --- HDF5: Keras and NIR --------------------------------------------------------------------------


def hdf5(place, fill, name):
    if h5py is None:
        raise flow.Skip("this python has no h5py")
    with h5py.File(place.at(name), "w") as file:
        fill(file)


CONFIG = {"class_name": "Sequential", "config": {"name": "s", "layers": [
    {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4]}},
    {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "linear",
                                       "use_bias": False}}]}}


def keras(title, fill, *words, config=None):
    def make(place):
        def all_of_it(file):
            file.attrs["model_config"] = config or json.dumps(CONFIG)
            file.attrs["keras_version"] = "2.9.0"
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [b"d"]
            layer = group.create_group("d")
            layer.attrs["weight_names"] = [b"d/kernel:0"]
            fill(layer.create_group("d"))
        hdf5(place, all_of_it, "n.h5")
    return refused(f"keras: {title}", "n.h5", make, *words)


def huge_dataset(group):
    group.create_dataset("kernel:0", shape=(1 << 30, 1 << 30), chunks=(1024, 1024), dtype="f4")


def packed_dataset(group):
    group.create_dataset("kernel:0", shape=(1 << 16, 1 << 16), dtype="f4", compression="gzip",
                         chunks=(1 << 12, 1 << 12))


def soft_link(group):
    group["kernel:0"] = h5py.SoftLink("/model_weights/gone")


def link_to_itself(group):
    group["kernel:0"] = h5py.SoftLink("/model_weights/d/d/kernel:0")


def external_link(group):
    group["kernel:0"] = h5py.ExternalLink("secret.h5", "/x")


def external_storage(group):
    group.create_dataset("kernel:0", shape=(4, 3), dtype="f4", external=[("/etc/passwd", 0, 48)])


def nir(title, nodes, edges, *words):
    def make(place):
        def fill(file):
            file["version"] = "1.0"
            net = file.create_group("node")
            net["type"] = "NIRGraph"
            group = net.create_group("nodes")
            for name, members in nodes.items():
                node_group = group.create_group(name)
                for key, value in members.items():
                    node_group[key] = value
            net["edges"] = np.array(edges, dtype="S")
        hdf5(place, fill, "n.nir")
    return refused(f"nir: {title}", "n.nir", make, *words)


if h5py is not None:
    INPUT = {"type": "Input", "shape": np.array([4])}
    OUTPUT = {"type": "Output", "shape": np.array([4])}
    UNITS = {"type": "IF", "r": np.ones(4, "f4"), "v_threshold": np.ones(4, "f4")}
    HDF5 = [
        keras("a dataset of 2^60 values", huge_dataset,
              "'/model_weights/d/d/kernel:0' is larger than the limit of a tensor"),
        keras("a dataset that would unpack to 16 GB", packed_dataset,
              "'/model_weights/d/d/kernel:0' is larger than the limit of a tensor"),
        keras("a soft link to nothing", soft_link,
              "layer 'd': Dense: its kernel is no array of numbers"),
        keras("a link to itself", link_to_itself,
              "layer 'd': Dense: its kernel is no array of numbers"),
        keras("a link to another file", external_link,
              "layer 'd': Dense: its kernel is no array of numbers"),
        keras("values in another file", external_storage,
              "'/model_weights/d/d/kernel:0' cannot be read"),
        keras("a configuration of 50,000 brackets", lambda _: None,
              "model configuration: line 1, column 65: nested deeper than 64", config="[" * 50000),
        keras("control characters in a name", lambda _: None, "n.h5", config=json.dumps(
            CONFIG).replace('"Dense"', '"De\\u001b[2J"').replace('"d"', '"\\u0007d"')),
        nir("an edge to nowhere", {"input": INPUT, "if": UNITS, "output": OUTPUT},
            [("input", "if"), ("if", "gone"), ("if", "output")], "no node is named 'gone'"),
        nir("a node twice among the edges", {"input": INPUT, "if": UNITS, "output": OUTPUT},
            [("input", "if"), ("if", "if"), ("if", "output")], "layer 'if': recurrent"),
        nir("control characters in a name", {"input": INPUT, "i\x1b[2Jf": {"type": "\x07Odd"},
                                             "output": OUTPUT},
            [("input", "i\x1b[2Jf"), ("i\x1b[2Jf", "output")], "n.nir"),
    ]
else:
    HDF5 = []


# --- Damage has a place ---------------------------------------------------------------------------


def cut(*name):
    """A file of the corpus cut off anywhere: what is said of it names the byte. One that is still a
    model, for its end says nothing, need not."""
    def test(place):
        data = corpus(*name)
        topology(place)
        file = "n" + os.path.splitext(name[-1])[1]
        options = ("--arch", "net.json") if "weights" in name else ()
        named = 0
        for size in range(len(data) // 8, len(data), len(data) // 8):
            place.write(file, data[:size])
            answer = run(place, file, *options)
            flow.require(answer.returncode == 65, f"the first {size} bytes: not refused", answer)
            flow.require("byte " in answer.stderr, f"the first {size} bytes: no place", answer)
            named += 1
        flow.require(named >= 7, "not cut")
    return f"{'/'.join(name)}: cut off, the byte is named", test


def bit_flips(*name):
    """A bit of every 16th byte is turned over: what is refused names the byte, or what is there."""
    def test(place):
        data = corpus(*name)
        for at in range(0, len(data), 16):
            place.write("n" + os.path.splitext(name[-1])[1],
                        data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1:])
            answer = run(place, "n" + os.path.splitext(name[-1])[1])
            flow.require(answer.returncode in (0, 1, 65), f"byte {at}", answer)
            place_named = re.search(
                "byte |node |input |layer |operator [0-9]|not a model", answer.stderr)
            flow.require(answer.returncode < 65 or place_named, f"byte {at}: no place", answer)
    return f"{'/'.join(name)}: bits turned over, a place is named", test


DAMAGE = [
    cut("onnx", "lenet.onnx"), cut("tflite", "conv.tflite"), cut("hdf5", "functional.keras"),
    cut("import", "weights", "stored.npz"), cut("import", "weights", "packed.npz"),
    cut("import", "weights", "zip.pt"), cut("import", "weights", "legacy.pt"),
    cut("import", "weights", "small.safetensors"),
    bit_flips("import", "onnx", "residual.onnx"), bit_flips("tflite", "chain.tflite"),
]


def gzip_bomb(place):
    """data: 4 GB of images out of 4 MB of gzip"""
    place.write("bomb", b"\x1f\x8b\x08" + bytes(7) + zeros(4 << 10, flow.images()[:16]))
    answer = subprocess.run([place.tool, "model.json", "--data", "bomb"], cwd=place.folder,
                            capture_output=True, check=False, env=flow.environment(), text=True,
                            preexec_fn=limit)
    flow.require(answer.returncode in (65, 71), "refusal expected", answer)
    flow.require("exceed" in answer.stderr or "memory" in answer.stderr, "no cause", answer)


def main():
    return flow.report(ARCHIVES + NATIVE + ONNX + TFLITE + HDF5 + DAMAGE +
                       flow.named([gzip_bomb]), os.path.abspath(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
