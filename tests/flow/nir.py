"""NIR files, written and read: nir.py SNNSIM

What we write is opened by h5py and held against the layout that NIR's documentation gives
(https://neuroir.org/docs/); what h5py writes is read, or refused with every reason.
"""

import json
import os
import subprocess
import sys

# At the end: this file bears the name of a package that others may import.
sys.path.append(sys.path.pop(0))

import flow

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")
LENET = os.path.join(ROOT, "data", "lenet.json")
DIGITS = os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz")


def run_convert(place, *arguments):
    if h5py is None:
        raise flow.Skip("this python has no h5py")
    answer = subprocess.run([CONVERT, *arguments], cwd=place.folder, capture_output=True, text=True,
                            check=False, env=flow.environment())
    if "libhdf5-dev" in answer.stderr:
        raise flow.Skip("this build has no libhdf5")
    return answer


def convert(place, *arguments):
    answer = run_convert(place, *arguments)
    flow.require(answer.returncode == 0, "not converted", answer)


def datasets(path):
    """{name: value} of all datasets of a file; arrays as (type, shape, bytes)."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            value = item[()]
            found[name] = (str(item.dtype), item.shape, np.asarray(value).tobytes()
                           if item.dtype != object else np.asarray(value).tolist())
    with h5py.File(path) as file:
        file.visititems(visit)
    return found


# --- What we write --------------------------------------------------------------------------------

PARAMETERS = {
    "Input": {"shape"}, "Output": {"shape"}, "Affine": {"weight", "bias"},
    "Conv2d": {"weight", "bias", "stride", "padding", "dilation", "groups", "input_shape"},
    "SumPool2d": {"kernel_size", "stride", "padding"},
    "Flatten": {"start_dim", "end_dim", "input_type"}, "IF": {"r", "v_threshold"},
}


def layout(place):
    """a file of ours has the layout of the specification"""
    convert(place, LENET, "-o", "lenet.nir")
    with h5py.File(place.at("lenet.nir")) as file:
        flow.require(isinstance(file["version"][()], bytes), "version is no string")
        graph = file["node"]
        flow.require(graph["type"][()] == b"NIRGraph", f"type {graph['type'][()]}")
        edges = graph["edges"][()]
        flow.require(edges.ndim == 2 and edges.shape[1] == 2, f"edges of shape {edges.shape}")
        names = {name.encode() for name in graph["nodes"]}
        flow.require(set(edges.ravel()) == names, "edges and nodes name each other")
        for name, node in graph["nodes"].items():
            kind = node["type"][()].decode()
            flow.require(kind in PARAMETERS, f"{name} is a {kind}")
            missing = PARAMETERS[kind] - set(node)
            flow.require(not missing, f"{name}: no {missing}")
            if kind == "IF":
                shape = node["v_threshold"].shape
                flow.require(node["r"].shape == shape, f"{name}: r of another shape")
                flow.require(set(node["metadata"]) == {"v_init", "v_min", "reset"}, f"{name}")
            if kind == "Conv2d":
                flow.require(node["weight"].ndim == 4 and node["weight"].dtype == np.float32, name)
        flow.require("dt" in graph["metadata"], "no duration of a step")
        kinds = [node["type"][()] for node in graph["nodes"].values()]
        flow.require(kinds.count(b"IF") == 5, f"{kinds}")


def round_trip(place):
    """written, read and written again a net has the same bits"""
    convert(place, LENET, "-o", "one.nir")
    convert(place, "one.nir", "-o", "one.json")
    convert(place, "one.json", "-o", "two.nir")
    one, two = datasets(place.at("one.nir")), datasets(place.at("two.nir"))
    flow.require(set(one) == set(two), f"datasets differ: {set(one) ^ set(two)}")
    for name, value in one.items():
        flow.require(two[name] == value or name == "node/edges", f"{name} differs")
    flow.require(sorted(map(tuple, one["node/edges"][2])) == sorted(map(tuple, two["node/edges"][2])),
                 "other edges")


def same_spikes(place):
    """a net and its NIR file spike alike"""
    convert(place, LENET, "-o", "lenet.nir")
    counts = []
    for name in (LENET, "lenet.nir"):
        answer = place.run(name, "--data", DIGITS, "--timesteps", "20", "--samples", "50",
                           "--save-counts", "counts.npy")
        flow.require(answer.returncode == 0, "no run", answer)
        counts.append(np.load(place.at("counts.npy")))
    flow.require(counts[0].sum() > 0, "no spikes")
    flow.require((counts[0] == counts[1]).all(), "other spikes")


def named(names):
    """One input, a convolution with `names[0]`, a pool, dense layers with the other names."""
    def dense(name, below, units, inputs, activation):
        weight = np.random.default_rng(units).standard_normal((units, inputs)).round(3)
        return {"name": name, "kind": "dense", "inputs": [below],
                "activation": activation, "weights": flow.tensor(weight.ravel().tolist(),
                                                                 [units, inputs])}

    weight = np.random.default_rng(1).standard_normal(18).round(3)
    layers = [{"name": "x", "kind": "input", "shape": [1, 4, 4]},
              {"name": names[0], "kind": "conv2d", "inputs": ["x"],
               "padding": [1, 1, 1, 1], "activation": "relu",
               "weights": flow.tensor(weight.tolist(), [2, 1, 3, 3])},
              {"name": "pool", "kind": "avg_pool2d", "inputs": [names[0]], "kernel": [2, 2]},
              dense(names[1], "pool", 6, 8, "relu"), dense(names[2], names[1], 3, 6, "none")]
    return {"format": "snn.model/1", "name": "net", "output": names[2], "layers": layers}


def same_counts(place, *models):
    """True if all spike alike on the images of the place, and do spike."""
    counts = []
    for name in models:
        answer = place.run(name, "--data", "images-idx3", "--norm", "none", "--timesteps", "20",
                           "--save-counts", "counts.npy")
        flow.require(answer.returncode == 0, f"{name} does not run", answer)
        counts.append(np.load(place.at("counts.npy")))
    flow.require(counts[0].sum() > 0, "no spikes")
    return all((counts[0] == other).all() for other in counts[1:])


def any_names(place):
    """layers may be named as HDF5's groups, as NIR's own nodes or as each other's neurons"""
    if h5py is None:
        raise flow.Skip("this python has no h5py")
    for names in (("/net/conv/Conv", "/net/fc/Gemm", "/out"), ("input", "a", "output"),
                  ("a", "a.if", "a.pool0"), ("a/b", "a.b", "."), ("output_1", "/", "//")):
        place.write("net.json", json.dumps(named(names)))
        convert(place, "net.json", "-o", "one.nir")
        flow.require(same_counts(place, "net.json", "one.nir"), f"{names}: other spikes")


def max_pooling(place):
    """max pooling is refused once, with an option that helps"""
    if h5py is None:
        raise flow.Skip("this python has no h5py")
    net = named(["a", "b", "c"])
    net["layers"][2]["kind"] = "max_pool2d"
    place.write("net.json", json.dumps(net))
    answer = run_convert(place, "net.json", "-o", "one.nir")
    flow.require(answer.returncode == 65 and answer.stderr.count("'pool'") == 1, "", answer)
    flow.require("--max-pool avg" in answer.stderr, "no remedy", answer)
    # Its neurons fire at most once a step, which NIR cannot say.
    answer = run_convert(place, "net.json", "-o", "one.nir", "--max-pool", "or")
    flow.require(answer.returncode == 65 and "1 spike(s) a step" in answer.stderr, "", answer)
    flow.require(not os.path.exists(place.at("one.nir")), "a file was left")
    convert(place, "net.json", "-o", "one.nir", "--max-pool", "avg")
    counts = []
    for name, more in (("net.json", ["--max-pool", "avg"]), ("one.nir", [])):
        answer = place.run(name, "--data", "images-idx3", "--norm", "none", "--save-counts",
                           "counts.npy", *more)
        flow.require(answer.returncode == 0, "no run", answer)
        counts.append(np.load(place.at("counts.npy")).tolist())
    flow.require(counts[0] == counts[1], "other spikes")


def branches(place):
    """nets with residual connections and with joined maps spike alike as NIR"""
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise flow.Skip("this python has no onnx") from error
    random = np.random.default_rng(3)
    sizes = {"w": (3, 1, 3, 3), "b": (3,), "u": (3, 3, 3, 3), "c": (3,), "g": (2, 1, 3, 3)}
    joins = {"residual": ("Add", "r q", 48), "straight": ("Add", "r p", 48),
             "joined": ("Concat", "r t", 80)}
    for name, (kind, inputs, size) in joins.items():
        def node(op, words, output, **more):
            return helper.make_node(op, words.split(), [output], name=output, **more)

        nodes = [node("Conv", "x w b", "r0", pads=[1] * 4), node("Relu", "r0", "r"),
                 node("Conv", "r u c", "p", pads=[1] * 4), node("Relu", "p", "q"),
                 node("Conv", "x g", "t0", pads=[1] * 4), node("Relu", "t0", "t"),
                 node("Add", inputs, "s") if kind == "Add" else node(kind, inputs, "z", axis=1),
                 *([node("Relu", "s", "z")] if kind == "Add" else []),
                 node("Flatten", "z", "f"), node("Gemm", "f v", "y")]
        constants = {key: random.standard_normal(shape) for key, shape in sizes.items()}
        constants["v"] = random.standard_normal((size, 4))
        graph = helper.make_graph(
            nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 4, 4))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(value.astype(np.float32), key)
             for key, value in constants.items()])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]),
                  place.at("net.onnx"))
        convert(place, "net.onnx", "-o", "net.json")
        convert(place, "net.json", "-o", "one.nir")
        convert(place, "one.nir", "-o", "back.json")
        convert(place, "back.json", "-o", "two.nir")
        flow.require(same_counts(place, "net.json", "one.nir", "back.json", "two.nir"),
                     f"{name}: other spikes")


def axes(place):
    """what has three axes and what has one is told apart in every node"""
    random = np.random.default_rng(5) if h5py is not None else None

    def layer(name, kind, below, sizes=None, activation=None, **more):
        weights = {} if sizes is None else {"weights": flow.tensor(
            random.normal(0.2, 1, int(np.prod(sizes))).round(3).tolist(), sizes)}
        if activation is not None:
            more["activation"] = activation
        return {"name": name, "kind": kind, "inputs": below.split(), **weights, **more}

    def net(shape, *layers):
        return {"format": "snn.model/1", "name": "net", "output": layers[-1]["name"],
                "layers": [{"name": "x", "kind": "input", "shape": list(shape)}, *layers]}

    if h5py is None:
        raise flow.Skip("this python has no h5py")
    conv = layer("a", "conv2d", "x", [3, 1, 4, 4], "relu")
    models = {
        # name: model, rank of the input, of the first neurons, of the output
        "pool": (net((1, 4, 4), layer("a", "conv2d", "x", [3, 1, 1, 1], "relu"),
                     layer("p", "avg_pool2d", "a", kernel=[4, 4]),
                     layer("y", "dense", "p", [5, 3])), 3, 3, 1),
        "maps": (net((1, 4, 4), conv, layer("y", "conv2d", "a", [5, 3, 1, 1])), 3, 3, 3),
        "dense": (net((1, 4, 4), conv, layer("b", "dense", "a", [6, 3], "relu"),
                      layer("c", "dense", "b", [6, 6]), layer("s", "add", "b c", None, "relu"),
                      layer("d", "conv2d", "s", [4, 3, 1, 1], "relu", groups=2),
                      layer("e", "conv2d", "d", [4, 4, 3, 3], "relu", padding=[1, 1, 1, 1]),
                      layer("y", "dense", "e", [5, 4])), 3, 3, 1),
        "mixed": (net((1, 4, 4), conv, layer("b", "dense", "a", [3, 3]),
                      layer("s", "add", "a b", None, "relu"),
                      layer("y", "dense", "s", [5, 3])), 3, 3, 1),
        "vector": (net((16, 1, 1), layer("a", "conv2d", "x", [6, 16, 1, 1], "relu"),
                       layer("y", "dense", "a", [5, 6])), 1, 1, 1),
    }
    for name, (model, *ranks) in models.items():
        place.write("net.json", json.dumps(model))
        convert(place, "net.json", "-o", "one.nir")
        with h5py.File(place.at("one.nir")) as file:
            nodes = file["node/nodes"]
            found = [nodes["input/shape"].size, nodes["a.if/v_threshold"].ndim,
                     nodes["output/shape"].size]
        flow.require(found == ranks, f"{name}: axes {found}, not {ranks}")
        convert(place, "one.nir", "-o", "back.json")
        data = random.integers(0, 2, (1, 30, *model["layers"][0]["shape"]), np.uint8)
        np.save(place.at("in.npy"), data)
        counts = []
        for file in ("net.json", "one.nir", "back.json"):
            answer = place.run(file, "--input-spikes", "in.npy", "--norm", "none",
                               "--save-counts", "out.npy")
            flow.require(answer.returncode == 0, f"{name}: {file} does not run", answer)
            counts.append(np.load(place.at("out.npy")))
        flow.require(counts[0].sum() > 0, f"{name}: no spikes")
        for other in counts[1:]:
            flow.require((counts[0] == other).all(), f"{name}: other spikes")


# --- What others write ----------------------------------------------------------------------------


def write(place, nodes, edges, name="net.nir"):
    """A NIR file: nodes {name: (type, {parameter: value})}, edges as pairs in any order."""
    if h5py is None:
        raise flow.Skip("this python has no h5py")
    with h5py.File(place.at(name), "w") as file:
        file.create_dataset("version", data="1.0.4")
        graph = file.create_group("node")
        graph.create_dataset("type", data="NIRGraph")
        graph.create_dataset("edges", data=edges, dtype=h5py.string_dtype())
        group = graph.create_group("nodes")
        for node, (kind, parameters) in nodes.items():
            item = group.create_group(node)
            item.create_dataset("type", data=kind)
            for key, value in parameters.items():
                item.create_dataset(key, data=value)


def chain(*names):
    return list(zip(names, names[1:]))[::-1]


def shape(*size):
    return {"shape": list(size)}


def affine(*rows):
    weight = np.asarray(rows, np.float32)
    return "Affine", {"weight": weight, "bias": np.zeros(len(rows), np.float32)}


def neurons(*thresholds, **more):
    threshold = np.asarray(thresholds, np.float32)
    r = np.asarray(more.pop("r", np.ones_like(threshold)), np.float32)
    return "IF", {"v_threshold": threshold, "r": r, **more}


def spikes(place, steps, *options):
    """Counts per step and class of one recording: `steps` lists the counts of each input."""
    data = np.asarray(steps, np.uint8)
    np.save(place.at("in.npy"), data.reshape(1, len(steps), -1, 1, 1))
    answer = place.run("net.nir", "--input-spikes", "in.npy", "--save-counts", "out.npy", *options)
    flow.require(answer.returncode == 0, "no run", answer)
    return np.load(place.at("out.npy"))[0].tolist()


def golden(place):
    """thresholds, r and resets of single neurons do what they say"""
    # One input spike a step adds 1 times r. Neuron 0: threshold 1, fires each step. Neuron 1:
    # threshold 2, every second step. Neuron 2: r = 1/2, threshold 3/2, every third step.
    write(place, {"in": ("Input", shape(1)), "w": affine([1], [1], [1]),
                  "n": neurons(1, 2, 1.5, r=[1, 1, 0.5]), "out": ("Output", shape(3))},
          chain("in", "w", "n", "out"))
    found = spikes(place, [[1]] * 6)
    flow.require(found == [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]],
                 f"{found}")


def reset_to_zero(place):
    """v_reset means reset to zero, its absence is the caller's to say"""
    nodes = {"in": ("Input", shape(1)), "w": affine([1.5]), "n": neurons(2, v_reset=[0.0]),
             "out": ("Output", shape(1))}
    write(place, nodes, chain("in", "w", "n", "out"))
    # 1.5, 3 -> spike, 0: every second step; by subtraction 1.5, 3 -> 1, 2.5 -> .5, 2 -> 0, 1.5
    zero, subtract = [[0], [1], [0], [1], [0]], [[0], [1], [1], [1], [0]]
    flow.require(spikes(place, [[1]] * 5) == zero, "v_reset is not a reset to zero")
    nodes["n"] = neurons(2)
    write(place, nodes, chain("in", "w", "n", "out"))
    flow.require(spikes(place, [[1]] * 5) == subtract, "without v_reset it is not subtracted")
    flow.require(spikes(place, [[1]] * 5, "--nir-reset", "zero") == zero, "snnsim --nir-reset")
    convert(place, "net.nir", "--nir-reset", "zero", "-o", "net.nir")
    flow.require(spikes(place, [[1]] * 5) == zero, "--nir-reset is not kept")


def string_padding(place):
    """padding may be "same" or "valid", edges come in any order, two edges are a sum"""
    weight = np.ones((1, 1, 3, 3), np.float32)
    conv = {"weight": weight, "bias": np.zeros(1, np.float32), "stride": [1, 1],
            "dilation": [1, 1], "groups": 1, "input_shape": [3, 3]}
    nodes = {"in": ("Input", shape(1, 3, 3)), "a": ("Conv2d", {**conv, "padding": "same"}),
             "b": ("Conv2d", {**conv, "padding": [1, 1]}),
             "n": neurons(*[[[1.0] * 3] * 3], r=np.ones((1, 3, 3))),
             "p": ("SumPool2d", {"kernel_size": [3, 3], "stride": [3, 3], "padding": [0, 0]}),
             "f": ("Flatten", {"start_dim": 0, "end_dim": -1, "input_type": [1, 1, 1]}),
             "w": affine([1.0]), "m": neurons(1), "out": ("Output", shape(1))}
    nodes["n"] = ("IF", {"v_threshold": np.ones((1, 3, 3), np.float32),
                         "r": np.ones((1, 3, 3), np.float32)})
    write(place, nodes, [("m", "out"), ("w", "m"), ("f", "w"), ("p", "f"), ("n", "p"), ("a", "n"),
                         ("b", "n"), ("in", "a"), ("in", "b")])
    data = np.zeros((1, 1, 1, 3, 3), np.uint8)
    data[..., 0, 0] = 1  # the corner reaches 4 neurons by each convolution: 2 spikes each
    np.save(place.at("in.npy"), data)
    answer = place.run("net.nir", "--input-spikes", "in.npy", "--save-counts", "out.npy")
    flow.require(answer.returncode == 0, "no run", answer)
    flow.require(np.load(place.at("out.npy")).tolist() == [[[8]]],
                 f"{np.load(place.at('out.npy')).tolist()}")


def parameters_broadcast(place):
    """v_threshold and r are one number, one a channel or one a neuron, each as it likes"""
    weight = np.arange(1, 19, dtype=np.float32).reshape(2, 1, 3, 3)
    conv = {"weight": weight, "bias": np.zeros(2, np.float32), "stride": [1, 1], "padding": [0, 0],
            "dilation": [1, 1], "groups": 1}
    forms = {"one": lambda a, b: a, "channel": lambda a, b: [[[a]], [[b]]],
             "neuron": lambda a, b: [[[a, a]] * 2, [[b, b]] * 2]}
    for threshold_form, threshold in forms.items():
        for r_form, r in forms.items():
            a, b = (20.0, 20.0) if threshold_form == "one" else (20.0, 80.0)
            c, d = (0.5, 0.5) if r_form == "one" else (0.5, 2.0)
            nodes = {"in": ("Input", shape(1, 4, 4)), "c": ("Conv2d", conv),
                     "n": ("IF", {"v_threshold": np.asarray(threshold(a, b), np.float32),
                                  "r": np.asarray(r(c, d), np.float32)}),
                     "f": ("Flatten", {"start_dim": 0, "end_dim": -1, "input_type": [2, 2, 2]}),
                     "w": affine([1.0] * 4 + [0.0] * 4, [0.0] * 4 + [1.0] * 4), "m": neurons(1, 1),
                     "out": ("Output", shape(2))}
            write(place, nodes, chain("in", "c", "n", "f", "w", "m", "out"))
            data = np.ones((1, 4, 1, 4, 4), np.uint8)
            np.save(place.at("in.npy"), data)
            answer = place.run("net.nir", "--input-spikes", "in.npy", "--save-counts", "out.npy")
            flow.require(answer.returncode == 0, "no run", answer)
            found = np.load(place.at("out.npy")).sum(axis=(0, 1)).tolist()
            # Sums of weights 45 and 126, four steps and four neurons each.
            wanted = [4 * int(4 * 45 * c / a), 4 * int(4 * 126 * d / b)]
            flow.require(found == wanted, f"{threshold_form}, r {r_form}: {found}, not {wanted}")


def initial_potential(place):
    """v_init of the metadata is a potential as v_threshold is: r divides both"""
    # r = 1/2, threshold 1: a spike adds 1/2. From 1/2 the first spike is enough.
    nodes = {"in": ("Input", shape(1)), "w": affine([1.0]), "out": ("Output", shape(1)),
             "n": neurons(1, r=[0.5], **{"metadata/v_init": np.float32([0.5])})}
    write(place, nodes, chain("in", "w", "n", "out"))
    flow.require(spikes(place, [[1], [1], [1]]) == [[1], [0], [1]], "v_init is not divided by r")


def not_as_meant(place):
    """what a number or word cannot mean is refused, with its node"""
    conv = {"weight": np.ones((1, 1, 1, 1), np.float32), "bias": np.zeros(1, np.float32),
            "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1}
    good = {"in": ("Input", shape(1, 3, 3)), "c": ("Conv2d", conv), "n": neurons([[1.0]]),
            "out": ("Output", shape(1, 3, 3))}
    cases = (("c", ("Conv2d", {**conv, "stride": [1.5, 1.0]}), "'stride' holds 1.5"),
             ("c", ("Conv2d", {**conv, "groups": np.nan}), "'groups' holds"),
             ("c", ("Conv2d", {**conv, "stride": [0, 1]}), "stride of 0"),
             ("in", ("Input", {"shape": [1.0, 2.5, 3.0]}), "'shape' holds 2.5"),
             ("in", ("Input", shape(3, 3)), "rank 2"), ("in", ("Input", shape(1, -3, 3)), "-3"),
             ("n", neurons([[1.0]], **{"metadata/reset": "Zero"}), "'Zero' is neither"),
             ("n", neurons([[0.0]]), "threshold[0] is 0"),
             ("n", neurons([[np.nan]]), "not a number"))
    for name, node, message in cases:
        write(place, {**good, name: node}, chain("in", "c", "n", "out"))
        answer = run_convert(place, "net.nir", "-o", "out.json")
        flow.require(answer.returncode == 65, f"{message}: status 65 expected", answer)
        flow.require(answer.stderr.startswith("snnconvert: net.nir: byte"), "no place", answer)
        flow.require(f"'{name}'" in answer.stderr and message in answer.stderr, message, answer)


def no_escapes(place):
    """control characters of a file do not reach the terminal"""
    write(place, {"in": ("Input", shape(1)), "w": affine([1]), "n": neurons(1),
                  "out": ("Output", shape(1))}, chain("in", "w", "n", "out"))
    with h5py.File(place.at("net.nir"), "a") as file:
        del file["version"]
        file.create_dataset("version", data="1\x1b[31m2")
    answer = run_convert(place, "net.nir", "--info", "-o", "out.json", "--json", "x.json")
    flow.require(answer.returncode == 0 and "NIR (1?[31m2)" in answer.stdout, "no info", answer)
    flow.require("\x1b" not in answer.stdout + answer.stderr, "an escape", answer)


def all_problems(place):
    """everything wrong with a file is said in one run, by node and type"""
    write(place, {"in": ("Input", shape(1)), "leaky": ("LIF", {"tau": [1.0]}),
                  "odd": ("Sigmoid", {}), "w": ("Affine", {"weight": [[1.0]]}),
                  "n": neurons(1, r=[-1.0]), "out": ("Output", shape(1))},
          chain("in", "leaky", "odd", "w", "n", "out"))
    answer = run_convert(place, "net.nir", "-o", "out.json")
    flow.require(answer.returncode == 65, "status 65 expected", answer)
    for part in ("'leaky'", "LIF", "leak", "'odd'", "Sigmoid", "'w'", "bias", "'n'", "r[0] = -1"):
        flow.require(part in answer.stderr, f"{part} is not named", answer)
    flow.require(not os.path.exists(place.at("out.json")), "a file was left")


def recurrent(place):
    """a recurrent net is refused by name"""
    write(place, {"in": ("Input", shape(1)), "w": affine([1]), "n": neurons(1), "back": affine([1]),
                  "out": ("Output", shape(1))},
          [("in", "w"), ("w", "n"), ("n", "back"), ("back", "n"), ("n", "out")])
    answer = run_convert(place, "net.nir", "-o", "out.json")
    flow.require(answer.returncode == 65, "status 65 expected", answer)
    flow.require("recurrent" in answer.stderr and "feed-forward" in answer.stderr, "", answer)


def not_nir(place):
    """HDF5 without a NIR graph, cut files and nonsense are refused"""
    if h5py is None:
        raise flow.Skip("this python has no h5py")
    with h5py.File(place.at("other.nir"), "w") as file:
        file.create_dataset("x", data=[1, 2, 3])
    write(place, {"in": ("Input", shape(1)), "out": ("Output", shape(1))}, [("in", "out")])
    with open(place.at("net.nir"), "rb") as file:
        whole = file.read()
    place.write("cut.nir", whole[: len(whole) // 2])
    for name in ("other.nir", "cut.nir"):
        answer = run_convert(place, name, "-o", "out.json")
        flow.require(answer.returncode == 65, f"{name}: status 65 expected", answer)
        flow.require(name in answer.stderr, "the file is not named", answer)


TESTS = [layout, round_trip, same_spikes, any_names, max_pooling, branches, axes, golden,
         reset_to_zero, string_padding, parameters_broadcast, initial_potential, not_as_meant,
         no_escapes, all_problems, recurrent, not_nir]

if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
