"""snnconvert as its users meet it: convert.py SNNSIM

Small ONNX models are written by python3-onnx; without it those cases are skipped.
"""

import json
import os
import subprocess
import sys

# At the end: files of this folder may bear the names of modules that numpy and onnx import.
sys.path.append(sys.path.pop(0))

import flow

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    onnx = None

CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")


def run(place, *arguments):
    answer = subprocess.run([CONVERT, *map(str, arguments)], cwd=place.folder, capture_output=True,
                            text=True, check=False, env=flow.environment())
    if "protobuf" in answer.stderr and "this build cannot read" in answer.stderr:
        raise flow.Skip("this build has no protobuf-c")
    return answer


def good(place, *arguments):
    answer = run(place, *arguments)
    flow.require(answer.returncode == 0, "status 0 expected", answer)
    return answer


def node(kind, inputs, output, **attributes):
    if onnx is None:
        raise flow.Skip("this python has no onnx")
    return helper.make_node(kind, inputs.split(), [output], name=f"{output}_node", **attributes)


def write_onnx(place, nodes, constants, output="y", shape=(1, 1, 4, 4), name="net.onnx"):
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), place.at(name))


def weights(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def small(place, *before, **constants):
    """Convolution, ReLU, pool, dense; `before` are nodes that make `z` of `x`."""
    first = "z" if before else "x"
    write_onnx(place, [*before, node("Conv", f"{first} w b", "c", pads=[1, 1, 1, 1]),
                       node("Relu", "c", "r"),
                       node("AveragePool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
                       node("Flatten", "p", "f"), node("Gemm", "f v", "y", transB=1)],
               {"w": weights(3, 1, 3, 3), "b": weights(3), "v": weights(5, 12), **constants})


def layers(place, name="out.json"):
    return place.read_json(name)["layers"]


# --- Converting -----------------------------------------------------------------------------------


def writes_and_proves(place):
    """a conversion proves itself and says so"""
    small(place)
    answer = good(place, "net.onnx", "-o", "out.json")
    flow.require("verified against ONNX" in answer.stdout, "no proof", answer)
    flow.require("8 decisions equal" in answer.stdout, "other decisions", answer)
    kinds = [layer["kind"] for layer in layers(place)]
    flow.require(kinds[:3] == ["input", "conv2d", "avg_pool2d"] and kinds[-1] == "dense", f"{kinds}")
    source = place.read_json("out.json")["source"]
    flow.require(source["file"] == "net.onnx" and len(source["sha256"]) == 64, f"{source}")


def quiet(place):
    """with -q nothing is printed"""
    small(place)
    answer = good(place, "-q", "net.onnx", "-o", "out.json")
    flow.require(answer.stderr == "" and answer.stdout == "", "not quiet", answer)


def on_the_fly(place):
    """snnsim runs a foreign file as it is, and spikes as with the converted one"""
    small(place)
    good(place, "net.onnx", "-o", "out.json")
    results = []
    for name in ("net.onnx", "out.json"):
        answer = place.run(name, "--data", "images-idx3", "--norm", "none", "--json", "r.json",
                           "--timesteps", "10")
        flow.require(answer.returncode == 0, "no run", answer)
        results.append(place.read_json("r.json")["results"])
    flow.require(results[0] == results[1], "other results")


def preprocess(place):
    """--preprocess is recorded, and scaling in the file is added to it"""
    small(place)
    good(place, "net.onnx", "--preprocess", "scale=1/255,mean=0.5,std=0.25", "-o", "out.json")
    found = place.read_json("out.json")["preprocess"]
    flow.require(found["mean"] == [0.5] and found["std"] == [0.25], f"{found}")
    # z = (x - 0.2) / 0.5 of x = raw / 255: mean 0.2, std 0.5
    small(place, node("Sub", "x m", "s"), node("Div", "s d", "z"), m=np.float32(0.2),
          d=np.float32(0.5))
    good(place, "net.onnx", "-o", "out.json")
    found = place.read_json("out.json")["preprocess"]
    flow.require(abs(found["mean"][0] - 0.2) < 1e-6 and abs(found["std"][0] - 0.5) < 1e-6,
                 f"{found}")
    flow.require(len(layers(place)) == 5 or len(layers(place)) == 4, f"{layers(place)}")


def preprocess_replaced(place):
    """another preprocessing for a native model is said, and its statistics go"""
    model = place.read_json("model.json")
    model["preprocess"] = {"scale": 1 / 255, "mean": [0.5], "std": [0.25]}
    place.write("model.json", model)
    replaces = "--preprocess replaces the model's scale=1/255,mean=0.5,std=0.25"
    dropped = "statistics were dropped: they were taken with another preprocessing"
    simulate = [flow.Place.command(place, "model.json", "--preprocess", spec)
                for spec in ("scale=1", "scale=1/255,mean=0.5,std=0.25")]
    convert = [[CONVERT, *command[1:], "-o", "out.json"] for command in simulate]
    for other, same in (simulate, convert):
        answer = subprocess.run(other, cwd=place.folder, capture_output=True, text=True,
                                check=False, env=flow.environment())
        flow.require(answer.returncode == 0 and replaces in answer.stderr, "no warning", answer)
        flow.require(dropped in answer.stderr and "--calibrate" in answer.stderr, "kept?", answer)
        if other is convert[0]:
            flow.require("statistics" not in place.read_json("out.json"), "statistics were kept")
        answer = subprocess.run(same, cwd=place.folder, capture_output=True, text=True,
                                check=False, env=flow.environment())
        flow.require(answer.returncode == 0 and answer.stderr == "", "the same values", answer)
    flow.require("statistics" in place.read_json("out.json"), "statistics of the same values went")
    del model["preprocess"]
    place.write("model.json", model)
    answer = good(place, "model.json", "--preprocess", "scale=1", "-o", "out.json")
    flow.require("replaces" not in answer.stderr and dropped in answer.stderr, "default", answer)


def rows_first(place):
    """scaling before and behind a transpose of the input is found, and the proof feeds it right"""
    before = [node("Sub", "x m", "s"), node("Div", "s d", "t"),
              node("Transpose", "t", "z", perm=[0, 3, 1, 2])]
    behind = [node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Sub", "t m", "s"),
              node("Div", "s d", "z")]
    for nodes in before, behind:
        rows = nodes is before
        channels = (1, 1, 1, 3) if rows else (1, 3, 1, 1)
        write_onnx(place, [*nodes, node("Conv", "z w b", "c", pads=[1, 1, 1, 1]),
                           node("Relu", "c", "r"), node("Flatten", "r", "f"),
                           node("Gemm", "f v", "y", transB=1)],
                   {"w": weights(3, 3, 3, 3), "b": weights(3), "v": weights(5, 60),
                    "m": np.asarray([0.1, 0.2, 0.3], np.float32).reshape(channels),
                    "d": np.asarray([0.5, 0.25, 2.0], np.float32).reshape(channels)},
                   shape=(1, 4, 5, 3))
        answer = good(place, "net.onnx", "-o", "out.json")
        flow.require("8 decisions equal" in answer.stdout, "no proof", answer)
        found = place.read_json("out.json")["preprocess"]
        flow.require(np.allclose(found["mean"], [0.1, 0.2, 0.3]), f"{found}")
        flow.require(layers(place)[0]["shape"] == [3, 4, 5], f"{layers(place)[0]}")


def info(place):
    """--info tells of each layer what targets make of it, --json the same"""
    small(place)
    answer = good(place, "--info", "net.onnx", "--json", "info.json")
    for part in ("ONNX", "1x4x4", "neurons", "f32"):
        flow.require(part in answer.stdout, f"no {part}", answer)
    document = place.read_json("info.json")
    flow.require(document["schema"] == "snn.info/1", "another schema")
    flow.require(document["model"]["parameters"] == 27 + 3 + 60, f"{document['model']}")
    flow.require(document["macs"] == 3 * 9 * 16 + 60, f"{document['macs']} MACs")
    spiking = [layer["spiking"] for layer in document["layers"]]
    flow.require(spiking[0] == "input spikes" and "48 neurons" in spiking, f"{spiking}")
    only = run(place, "net.onnx", "--json", "-")
    flow.require(json.loads(only.stdout) == document, "stdout is not the same document", only)


def pure_json(place):
    """with --json - standard output is one JSON document, whatever else is done"""
    small(place)
    answer = good(place, "net.onnx", "-o", "out.json", "--json", "-")
    verification = json.loads(answer.stdout)["verification"]
    flow.require(verification["compared"] and verification["first_deviating"] is None, "no proof")
    flow.require(all(layer["compared"] and not layer["deviates"]
                     for layer in verification["layers"][1:]), f"{verification}")


def double(place):
    """a net of doubles is fed doubles, and proved"""
    small(place)
    net = onnx.load(place.at("net.onnx"))
    for tensor in net.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(
            numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for value in (*net.graph.input, *net.graph.output):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    onnx.save(net, place.at("net.onnx"))
    answer = good(place, "net.onnx", "-o", "out.json")
    flow.require("8 frames, 4 of 4 layers" in answer.stdout, "not all compared", answer)


def supported(place):
    """--supported lists every operator of every format"""
    answer = good(place, "--supported")
    for part in ("ONNX", "Conv", "QLinearConv", "AveragePool"):
        flow.require(part in answer.stdout, f"no {part}", answer)


def dump(place):
    """--dump-after shows the net after a pass"""
    small(place)
    answer = good(place, "net.onnx", "--dump-after", "fold")
    flow.require("after fold:" in answer.stdout and "Conv(" in answer.stdout, "no dump", answer)
    answer = run(place, "net.onnx", "--dump-after", "folding")
    flow.require(answer.returncode == 64 and "fold" in answer.stderr, "no list of passes", answer)


# --- What is refused ------------------------------------------------------------------------------


def all_problems(place):
    """everything wrong with a file is said in one run, and nothing is written"""
    write_onnx(place, [node("Tanh", "x", "a"), node("LRN", "a", "b", size=3),
                       node("Conv", "b w", "c"), node("Resize", "c", "y")],
               {"w": weights(1, 1, 3, 3)})
    answer = run(place, "net.onnx", "-o", "out.json")
    flow.require(answer.returncode == 65, "status 65 expected", answer)
    for part in ("Tanh", "a_node", "LRN", "b_node", "Resize", "y_node", "byte", "hint:"):
        flow.require(part in answer.stderr, f"{part} is not named", answer)
    flow.require(not os.path.exists(place.at("out.json")), "a file was left")


def odd_names(place):
    """an output named as a foreign format is refused before any work, as is a folder that is none"""
    small(place)
    for name, status in (("net.onnx", 64), ("out.tflite", 64), ("-", 64), ("none/out.json", 73)):
        answer = run(place, "net.onnx", "-o", name)
        flow.require(answer.returncode == status, f"{name}: status {status} expected", answer)
        flow.require(answer.stdout == "", "work was done", answer)
    with open(place.at("net.onnx"), "rb") as file:
        flow.require(b'"format"' not in file.read(), "the model was replaced")


def doubts(place):
    """what the proof cannot know is said: preprocessing, poor rates, nets that do not spike"""
    small(place)
    answer = good(place, "net.onnx", "-o", "out.json")
    flow.require("assumed: trained on pixels / 255" in answer.stdout, "no assumption", answer)
    answer = good(place, "net.onnx", "--preprocess", "scale=1/255", "-o", "out.json")
    flow.require("assumed" not in answer.stdout, "an assumption", answer)
    write_onnx(place, [node("Conv", "x w", "c"), node("LeakyRelu", "c", "r", alpha=0.1),
                       node("Flatten", "r", "f"), node("Gemm", "f v", "y", transB=1)],
               {"w": weights(3, 1, 3, 3), "v": weights(5, 12)})
    answer = good(place, "net.onnx", "-o", "out.json")
    flow.require("does not run as spikes" in answer.stderr and "frame:f32" in answer.stderr,
                 "no warning", answer)


def unknown(place):
    """a file of no known format is refused with a list of those that are"""
    place.write("text", "hello")
    answer = run(place, "text", "-o", "out.json")
    flow.require(answer.returncode == 65 and "ONNX" in answer.stderr, "no list", answer)
    place.write("empty", "")
    answer = run(place, "empty", "-o", "out.json")
    flow.require(answer.returncode == 65 and "empty" in answer.stderr, "", answer)
    answer = run(place, "gone.onnx", "-o", "out.json")
    flow.require(answer.returncode == 66, "status 66 expected", answer)


def open_shape(place):
    """a file that leaves its input open is asked for --input-shape"""
    write_onnx(place, [node("Conv", "x w", "c"), node("Relu", "c", "r"),
                       node("GlobalAveragePool", "r", "g"), node("Flatten", "g", "y")],
               {"w": weights(4, 3, 3, 3)}, shape=("n", 3, "h", "w_"))
    answer = run(place, "net.onnx", "-o", "out.json")
    flow.require(answer.returncode == 65 and "--input-shape" in answer.stderr, "no hint", answer)
    good(place, "net.onnx", "--input-shape", "3x8x6", "-o", "out.json")
    flow.require(layers(place)[0]["shape"] == [3, 8, 6], f"{layers(place)[0]}")


def contradictions(place):
    """options that contradict each other are a usage error, before anything is read"""
    for words, named in ((["gone", "--info", "--json", "-"], "--info"),
                         (["gone", "--dump-after", "all", "--json", "-"], "--dump-after"),
                         (["gone", "--json", "x", "-o", "x"], "--json"),
                         (["gone", "-a", "net", "-o", "x", "--nir-reset", "zero"], "--nir-reset"),
                         (["gone", "-a", "net", "-o", "x", "--input-shape", "1x2x3"],
                          "--input-shape"),
                         (["gone", "-a", "net", "--dump-after", "all"], "--dump-after"),
                         (["gone", "-o", "x", "--samples", "3"], "--samples")):
        answer = run(place, *words)
        flow.require(answer.returncode == 64 and named in answer.stderr, f"{words}", answer)


def rows_columns_channels(place):
    """frames with the channels last are refused with the transposition"""
    place.write("last.npy", flow.npy("|u1", [2, 4, 4, 1], bytes(32)))
    answer = run(place, "model.json", "--calibrate", "last.npy", "-o", "out.json")
    flow.require(answer.returncode == 65 and "transpose to N,C,H,W" in answer.stderr, "", answer)


def no_place(place):
    """a document that cannot be created is status 73"""
    answer = run(place, "model.json", "--json", "no/such/folder/x.json")
    flow.require(answer.returncode == 73, "status 73 expected", answer)
    answer = run(place, "model.json", "-o", "no/such/folder/x.json")
    flow.require(answer.returncode == 73, "status 73 expected", answer)


def no_passes(place):
    """whoever asks to see passes of a model that goes through none is told"""
    answer = good(place, "model.json", "--dump-after", "all")
    flow.require("no passes" in answer.stderr, "not said", answer)


TESTS = [writes_and_proves, quiet, on_the_fly, preprocess, preprocess_replaced, rows_first, info,
         supported, pure_json, double, dump, all_problems, unknown, open_shape, contradictions,
         rows_columns_channels, no_place, no_passes, odd_names, doubts]

if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
