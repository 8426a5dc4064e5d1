"""Bad models, data and options, as a person would give them to snnsim: bad_input.py SNNSIM.

Each is refused with the right exit status and with one message that says where, what, and, where
there is a remedy, which; nothing goes to stdout, and no file is left behind.
"""

import json
import os
import struct
import sys

import flow

OUTPUTS = ("--json", "result.json", "--save-counts", "counts.npy",
           "--save-layer-counts", "layers.npz")


# --- What a message is ----------------------------------------------------------------------------


def problems(stderr):
    """The messages on stderr as [text, hint] pairs; every line must be a message or a hint."""
    found = []
    for line in stderr.splitlines():
        if line.startswith("snnsim: "):
            found.append([line, ""])
        elif line.startswith("  hint: ") and found and not found[-1][1]:
            found[-1][1] = line
        else:
            raise flow.Failure(f"neither a message nor its hint: {line}")
    return found


def check_refusal(place, arguments, status, expected):
    """Runs snnsim and holds its answer against `expected`: (place, cause) or (place, cause, hint)
    for each message, all of them parts of the text."""
    before = place.files()
    answer = place.run(*arguments, *OUTPUTS)
    flow.require(answer.returncode == status, f"status {status} expected", answer)
    flow.require(answer.stdout == "", "nothing on stdout expected", answer)
    flow.require(place.files() == before, f"files were left: {place.files()}", answer)
    found = problems(answer.stderr)
    flow.require(len(found) == len(expected), f"{len(expected)} messages expected", answer)
    for (text, hint), (where, cause, *remedy) in zip(found, expected):
        flow.require(where in text, f"does not name the place {where!r}", answer)
        flow.require(cause in text, f"does not name the cause {cause!r}", answer)
        flow.require(not remedy or remedy[0] in hint, f"no hint with {remedy}", answer)


def refusal(name, prepare, arguments, status, *expected):
    def test(place):
        if prepare is not None:
            prepare(place)
        check_refusal(place, arguments, status, expected)
    return name, test


# --- Models ---------------------------------------------------------------------------------------


def bad_model(name, change, status, *expected):
    """A case whose model is what `change` makes of the good one, in place or as a new value."""
    def prepare(place):
        model = flow.model()
        changed = change(model)
        place.write("model.json", model if changed is None else changed)
    return refusal(f"model: {name}", prepare, ["model.json"], status, *expected)


def bad_layer(name, index, members, *expected):
    """A case where layer `index` (0 input, 1 conv, 2 pool, 3 dense) has these members."""
    return bad_model(name, lambda model: model["layers"][index].update(members), 65, *expected)


def without(*keys):
    """A change that takes out the member to which `keys` lead."""
    def change(model):
        for key in keys[:-1]:
            model = model[key]
        del model[keys[-1]]
    return change


def second_input(model):
    model["layers"].insert(1, {"name": "again", "kind": "input", "shape": [1, 4, 4]})


def two_problems(model):
    model["layers"][1]["kind"] = "conv3d"
    model["layers"].append({"name": "end", "kind": "dense", "inputs": ["pool"],
                            "activation": "gelu"})


def adds_of_adds(model):
    """Forty adds, each of the one before it to itself: 2^40 terms."""
    model["layers"][3:] = [{"name": f"add{i}", "kind": "add", "inputs": ["pool"] * 2 if i == 0 else
                            [f"add{i - 1}"] * 2} for i in range(40)]
    model["output"] = "add39"
    del model["statistics"]


def cut_checksum(model):
    packed = model["layers"][3]["weights"]
    packed["data"] = packed["data"][:-8] + "AAAAAAA="


def nan_literal(model):
    return json.dumps(model).replace('"minimum": 0.0', '"minimum": NaN')


def weights(values, shape):
    return {"weights": flow.tensor(values, shape)}


NAN, INFINITE = float("nan"), float("inf")
HUGE = 2**31

MODELS = [
    refusal("model: missing", None, ["gone.json"], 66, ("gone.json", "no such file")),
    refusal("model: a folder", None, ["."], 74, (".", "is a directory")),
    refusal("model: not named", None, [], 64, ("", "MODEL is missing", "usage: snnsim")),
    bad_model("empty", lambda _: b"", 65, ("model.json", "looks like an empty file")),
    bad_model("truncated", lambda model: json.dumps(model)[:700], 65,
              ("model.json: line 1, column 7", "the text ends")),
    bad_model("not JSON", lambda _: "<svg>", 65,
              ("model.json", "not a model file that is known", "accepted are native JSON, Keras")),
    bad_model("nearly JSON", lambda _: "{svg}", 65, ("model.json: line 1, column 2", "found")),
    *(bad_model(f"a {name} file", lambda _, begin=begin: begin + bytes(64), 65,
                ("model.json: not a model file", looks, hint))
      for name, begin, looks, hint in (
          ("gzip", b"\x1f\x8b\x08", "looks like gzip", "data goes elsewhere"),
          ("NumPy", b"\x93NUMPY\x01\x00", "looks like NumPy", "data goes elsewhere"),
          ("PNG", b"\x89PNG\r\n", "looks like a PNG image", "accepted are native JSON"),
          ("HDF5", b"\x89HDF\r\n", "looks like HDF5", "accepted are native JSON"),
          ("nothing", b"\xff\xff", "not a model file", "accepted are native JSON"))),
    bad_model("zip file", lambda _: b"PK\x03\x04" + bytes(64), 65,
              ("model.json", "looks like a zip archive", "snnconvert WEIGHTS --arch")),
    bad_model("cut TFLite", lambda _: b"\x1c\0\0\0TFL3" + bytes(64), 65,
              ("model.json", "byte 28")),
    bad_model("cut ONNX", lambda _: b"\x08\x07\x12\x07pytorch" + bytes(64), 65,
              ("model.json", "at byte 11 of 75", "fetch the file again")),
    bad_model("NaN as a number", nan_literal, 65, ("model.json: line 1", "'N' found")),
    bad_model("nested without end", lambda _: "[" * 100000, 65, ("model.json", "64")),
    bad_model("not an object", lambda _: [1], 65, ("model.json", "not a model")),
    bad_model("of a later version", lambda model: model.update(format="snn.model/2"), 65,
              ("model.json", "format is 'snn.model/2', this version reads 'snn.model/1'")),
    bad_model("of another format", lambda model: model.update(format="onnx"), 65,
              ("model.json", "not a model: format is 'onnx'")),
    bad_model("without layers", lambda model: model.update(layers=[]), 65,
              ("model.json: layers", "an array of layers expected")),
    bad_model("without input layer", without("layers", 0), 65,
              ("model.json: layer 'conv'", "no layer 'input'")),
    bad_model("with two input layers", second_input, 65,
              ("model.json: layer 'again'", "the first layer, and no other, is the input")),
    bad_model("without output", without("output"), 65, ("model.json: output", "missing")),
    bad_model("with unknown output", lambda model: model.update(output="gone"), 65,
              ("model.json: output", "no layer 'gone'")),
    bad_model("with two problems", two_problems, 65,
              ("model.json: layer 'conv'", "kind 'conv3d' is not supported", "kinds are input"),
              ("model.json: layer 'end'", "activation 'gelu'", "activations are none, relu")),
    bad_model("sample outside of its folder",
              lambda model: model["sample"].update(images="../images"), 65,
              ("model.json: sample", "'../images' leads out of the model's folder")),
    bad_model("sample missing", lambda model: model["sample"].update(images="gone-idx3"), 66,
              ("gone-idx3", "no such file", "model.json names it as its sample")),
    bad_model("names no sample", without("sample"), 64,
              ("model.json", "names no sample data", "--data FILE")),
]

LAYERS = [
    bad_model("layer without kind", without("layers", 1, "kind"), 65,
              ("model.json: layer 'conv': kind", "missing")),
    bad_layer("unknown layer kind", 1, {"kind": "conv3d"},
              ("model.json: layer 'conv'", "kind 'conv3d' is not supported", "kinds are input")),
    bad_layer("unknown member", 1, {"strides": [1, 1]},
              ("model.json: layer 'conv'", "unknown member 'strides'")),
    bad_layer("name taken", 3, {"name": "conv"},
              ("model.json: layer 'conv'", "the name is already taken")),
    bad_layer("input is itself", 1, {"inputs": ["conv"]},
              ("model.json: layer 'conv': inputs[0]", "no layer 'conv' stands before")),
    bad_layer("input is a later layer", 1, {"inputs": ["dense"]},
              ("model.json: layer 'conv': inputs[0]", "no layer 'dense' stands before")),
    bad_layer("weights not a number", 3, weights([NAN] + [0] * 35, [3, 12]),
              ("model.json: layer 'dense': weights", "value 0 is not a number")),
    bad_layer("weights infinite", 3, weights([0] * 35 + [INFINITE], [3, 12]),
              ("model.json: layer 'dense': weights", "value 35 is infinite")),
    bad_layer("bias infinite", 1, {"bias": flow.tensor([0, -INFINITE, 0], [3])},
              ("model.json: layer 'conv': bias", "value 1 is infinite")),
    bad_layer("weights of another shape", 3, weights([0] * 33, [3, 11]),
              ("model.json: layer 'dense': weights", "shape is [3, 11], [*, 12] expected")),
    bad_layer("weights of another rank", 3, weights([0] * 36, [3, 12, 1]),
              ("model.json: layer 'dense': weights", "shape is [3, 12, 1], [*, 12] expected")),
    bad_layer("too few values", 3, {"weights": {**flow.tensor([0] * 33, [3, 11]),
                                                "shape": [3, 12]}},
              ("model.json: layer 'dense': weights", "132 bytes, 144 promised")),
    bad_model("values without their checksum", cut_checksum, 65,
              ("model.json: layer 'dense': weights: data: byte", "")),
    bad_layer("values not base64", 3, {"weights": {"dtype": "f32", "shape": [3, 12],
                                                   "data": "!!!!"}},
              ("model.json: layer 'dense': weights: data: byte 0", "base64")),
    bad_layer("2^31 channels", 0, {"shape": [HUGE, 4, 4]},
              ("model.json: layer 'input'", "2147483648x4x4 exceeds the limit of")),
    bad_layer("2^32 channels", 0, {"shape": [2**32, 4, 4]},
              ("model.json: layer 'input': shape[0]", "4294967296 found")),
    bad_layer("-1 channels", 0, {"shape": [-1, 4, 4]},
              ("model.json: layer 'input': shape[0]", "-1 found")),
    bad_layer("weights of 2^31 rows", 3, {"weights": {**flow.tensor([0], [1]),
                                                      "shape": [HUGE, 12]}},
              ("model.json: layer 'dense': weights", "exceeds the limit of")),
    bad_layer("weights that no file could hold", 3, {"weights": {**flow.tensor([0], [1]),
                                                                 "shape": [2**24, 12]}},
              ("model.json: layer 'dense': weights", "cannot hold")),
    bad_layer("kernel larger than the image", 2, {"kernel": [60000, 60000]},
              ("model.json: layer 'pool'", "kernel 60000x60000 (dilation 1x1) is larger than")),
    bad_layer("huge kernel", 2, {"kernel": [HUGE, HUGE]},
              ("model.json: layer 'pool'", "2147483648 exceeds the limit of 65536")),
    bad_layer("huge stride", 2, {"stride": [HUGE, HUGE]},
              ("model.json: layer 'pool'", "2147483648 exceeds the limit of 65536")),
    bad_layer("huge padding", 1, {"padding": [65536] * 4},
              ("model.json: layer 'conv'", "padded input 1x131076x131076 exceeds the limit")),
    bad_layer("huge dilation", 1, {"dilation": [65536, 65536]},
              ("model.json: layer 'conv'", "(dilation 65536x65536) is larger than")),
    bad_model("adds that double their terms", adds_of_adds, 65,
              ("warning", "no activation statistics", "--calibrate"),
              ("layer 'add", "more than 4096 branches")),
    bad_layer("max pooling", 2, {"kind": "max_pool2d"},
              ("layer 'pool'", "no exact integrate-and-fire form", "--max-pool avg")),
]


# --- Data -----------------------------------------------------------------------------------------


def bad_file(name, content, option, status, *expected):
    """A case with a file `given` of this content behind an option."""
    arguments = ["model.json", option, "given"]
    if option == "--labels":
        arguments += ["--data", "images-idx3"]
    return refusal(f"{option[2:]}: {name}", lambda place: place.write("given", content), arguments,
                   status, *expected)


def bad_data(name, content, *expected):
    return bad_file(name, content, "--data", 65, *expected)


def flipped(content, at):
    """The content with the bits of one byte turned over."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1:]


def floats(value):
    return flow.npy("<f4", [6, 4, 4], struct.pack("<96f", *([value] * 96)))


def short_labels(place):
    place.write("labels-idx1", flow.labels(5))


PACKED = flow.gz(flow.images())

DATA = [
    refusal("data: missing", None, ["model.json", "--data", "gone"], 66, ("gone", "no such file")),
    refusal("data: a folder", None, ["model.json", "--data", "."], 65,
            ("images-idx3", "not a recording of events that is known",
             "a folder holds N-MNIST recordings (.bin, .bs2), ", "and nothing else, unless its")),
    bad_data("empty", b"", ("given", "empty")),
    bad_data("truncated gzip", PACKED[:-9], ("given", "truncated at byte")),
    bad_data("corrupt gzip", flipped(PACKED, 14), ("given: byte", "")),
    bad_data("gzip with a wrong checksum", flipped(PACKED, len(PACKED) - 5), ("given: byte", "")),
    bad_data("wrong magic", b"\x89PNG" + bytes(100),
             ("given", "begins with 89 50 4e 47", "accepted are IDX")),
    bad_data("recording of another kind", b"RIFF" + bytes(100),
             ("given", "not a known data format", "to run, not to calibrate with, N-MNIST",
              "EVT 2.0, 2.1 and 3.0", "AEDAT 4", "Event Stream", "(.npy)", "(.csv, .txt)")),
    bad_data("recording without its header", b"#!AER-DAT4.0\r\n" + bytes(100),
             ("given: byte 18: no header of AEDAT 4", "")),
    bad_data("NPY of rows, columns, channels", flow.npy("|u1", [6, 4, 4, 1], bytes(96)),
             ("given", "samples of 4x4x1, the net takes 1x4x4", "transpose to N,C,H,W")),
    bad_file("of rows, columns, channels", flow.npy("|u1", [6, 4, 4, 1], bytes(96)), "--calibrate",
             64, ("--calibrate", "frames of 4x4x1", "transpose to N,C,H,W")),
    bad_data("truncated IDX", flow.images()[:-3], ("given", "need 112 bytes, file has 109")),
    bad_data("IDX too long", flow.images() + b"x", ("given", "need 112 bytes, file has 113")),
    bad_data("IDX header cut", flow.images()[:6], ("given", "truncated: the IDX header")),
    bad_data("IDX of 2^32-1 huge images", b"\0\0\x08\x03" + b"\xff" * 12 + b"x",
             ("given", "exceed the address space")),
    bad_data("IDX without images", flow.idx([0, 4, 4], []), ("given", "no data: 0 images")),
    bad_data("IDX of floats", b"\0\0\x0d\x03" + flow.images()[4:], ("given", "type 0x0d")),
    bad_data("labels", flow.labels(), ("given", "holds 6 labels where images are wanted")),
    bad_data("images of another size", flow.images(6, 5, 4),
             ("given", "samples of 1x5x4, the net takes 1x4x4")),
    bad_data("NPY of int32", flow.npy("<i4", [6, 4, 4], bytes(384)),
             ("given", "frames of dtype <i4", "accepted are uint8, float32")),
    bad_data("NPY of Python objects", flow.npy("|O", [6, 4, 4], bytes(96)),
             ("given", "could run code")),
    bad_data("NPY of rank 1", flow.npy("|u1", [96], bytes(96)),
             ("given", "array of shape (96,); frames have")),
    bad_data("NPY of rank 5", flow.npy("|u1", [6, 1, 1, 4, 4], bytes(96)),
             ("given", "array of shape (6, 1, 1, 4, 4); frames have")),
    bad_data("NPY truncated", flow.npy("|u1", [6, 4, 4], bytes(95)), ("given", "truncated")),
    bad_data("NPY beyond the address space", flow.npy("|u1", [2**62, 4, 4], bytes(95)),
             ("given", "exceeds the address space")),
    bad_data("NPY with NaN", floats(NAN), ("given", "nan at index (0, 0, 0)")),
    bad_data("intensity above 1", floats(1.5),
             ("given: sample 0", "1.5 at channel 0, row 0, column 0", "divide the frames")),
    refusal("input-spikes: too few steps",
            lambda place: place.write("given", flow.npy("|u1", [2, 3, 1, 4, 4], bytes(96))),
            ["model.json", "--input-spikes", "given", "--timesteps", "4"], 65,
            ("given", "4 time steps were asked for, the recording has 3")),
    bad_file("floats", flow.npy("<f4", [2, 3, 1, 4, 4], bytes(384)), "--input-spikes", 65,
             ("given", "spikes of dtype <f4", "accepted are uint8 and bool")),
    bad_file("images", flow.images(), "--input-spikes", 65,
             ("given", "IDX holds images", "uint8 of shape (N, T, C, H, W)")),
    bad_file("of another count", flow.labels(5), "--labels", 65, ("given", "5 labels for 6")),
    bad_file("out of the classes", flow.labels(6, 4), "--labels", 65,
             ("sample 3", "has label 3, the net tells 3 classes apart")),
    bad_file("images", flow.images(), "--labels", 65,
             ("given", "6 images of 4x4 where labels are wanted")),
    refusal("labels: missing", None, ["model.json", "--data", "images-idx3", "--labels", "gone"],
            66, ("gone", "no such file")),
    refusal("labels: of another count beside the images", short_labels,
            ["model.json", "--data", "images-idx3"], 65,
            ("labels-idx1", "5 labels for 6", "found beside the images")),
    bad_data("recording without events", b"\0\xf0\0\0\0", ("given", "not a single event")),
    bad_data("packed recording of another size", flow.gz(b"\x09\x08\0\0\0"),
             ("given", "10x9 (width x height), a sensor of 4x4 is wanted")),
    refusal("data: a recording of too many steps",
            lambda place: place.write("given", bytes(5) + b"\x01\x01\x7f\xff\xff"),
            ["model.json", "--data", "given", "--dt", "1e-6"], 64,
            ("--dt", "8388607001 steps of 1e-06 ms", "longer steps")),
    bad_file("of another size", flow.images(6, 5, 4), "--calibrate", 64, ("--calibrate", "5x4")),
]


# --- Options --------------------------------------------------------------------------------------


def bad_option(arguments, status, *expected):
    arguments = arguments.split(" ")
    return refusal(f"option: {' '.join(arguments)}", None, ["model.json", *arguments], status,
                   *expected)


OPTIONS = [
    bad_option("--timesteps 0", 64, ("--timesteps", "0 is out of range: 1 to")),
    bad_option("--timesteps -5", 64, ("--timesteps", "-5 is out of range: 1 to")),
    bad_option("--timesteps abc", 64, ("--timesteps", "'abc' is not a whole number", "allowed: 1")),
    bad_option("--timesteps 1e99", 64, ("--timesteps", "'1e99' is not a whole number", "allowed")),
    bad_option("--timesteps 99999999999999999999", 64, ("--timesteps", "is out of range: 1 to")),
    refusal("option: --timesteps without a value", None,
            ["model.json", *OUTPUTS, "--timesteps"], 64, ("--timesteps", "needs a value", "N")),
    bad_option("--timestep 5", 64, ("--timestep", "unknown option", "--timesteps")),
    bad_option("--trehads 2", 64, ("--trehads", "unknown option", "--threads")),
    bad_option("--qwertz", 64, ("--qwertz", "unknown option", "--help")),
    bad_option("more.json", 64, ("", "unexpected argument 'more.json'")),
    bad_option("--rule nonsense", 64, ("--rule", "'nonsense'", "first, count:N")),
    bad_option("--rule count:0", 64, ("--rule", "number is out of range", "first, count:N")),
    bad_option("--rule first@0", 64, ("--rule", "must be a positive number", "@GAIN")),
    bad_option("--norm p101", 64, ("--norm", "'p101' is not a norm", "p99.9, max, mse:16")),
    bad_option("--norm p99.95", 65,
               ("layer 'conv'", "no activation statistics for p99.95", "it has p50 p99.9 p100")),
    bad_option("--norm mse:3", 65, ("layer 'conv'", "no recipe 'mse:3'", "--calibrate")),
    bad_option("--energy nosuch", 66, ("--energy", "no energy profile 'nosuch'", "sinabs, ")),
    bad_option("--energy gone.json:x", 66, ("--energy: gone.json", "no such file")),
    bad_option("--target nosuch", 69, ("--target", "unknown target 'nosuch'", "sim")),
    bad_option("--encoding latency", 64, ("--encoding", "'latency'", "rate, bernoulli")),
    bad_option("--kernel avx3", 64, ("--kernel", "unknown choice 'avx3'", "mean avx2?")),
    bad_option("--samples 7", 66, ("images-idx3", "7 samples from 0 on", )),
    bad_option("--samples 0", 64, ("--samples", "at least 1")),
    bad_option("--offset 6", 66, ("images-idx3", "sample 6 was asked for, the data has 6")),
    bad_option("--samples 2 --offset 5", 66, ("images-idx3", "2 samples from 5 on")),
    bad_option("--seed -1", 64, ("--seed", "at least 0")),
    bad_option("--dt nan", 64, ("--dt", "'nan' is not a number", "allowed")),
    bad_option("--v0 inf", 64, ("--v0", "'inf' is not a number", "allowed")),
    bad_option("--threads 0", 64, ("--threads", "1 to")),
    bad_option("--preprocess scale=0", 64, ("--preprocess", "'scale=0'", "scale=1/255")),
    bad_option("--preprocess mean=1:2", 64, ("--preprocess", "2 channels, the input has 1")),
    bad_option("--calibrate gone", 66, ("--calibrate: gone", "no such file")),
    bad_option("--data images-idx3 --input-spikes x", 64, ("--input-spikes", "give one of them")),
    bad_option("--input-spikes x --encoding rate", 64, ("--encoding", "are not encoded")),
    bad_option("--labels labels-idx1", 64, ("--labels", "needs --data")),
    bad_option("--compat sinabs --norm max", 64, ("--compat", "another value was given")),
    bad_option("--compat sinabs --reset zero", 64, ("--compat", "another value was given")),
    bad_option("--compat sinabs --correct bias", 64, ("--compat", "or --correct")),
    bad_option("--semantics async --n-max 1", 64, ("--n-max", "fires a neuron once")),
]


def unreadable_model(place):
    """model: unreadable"""
    if os.geteuid() == 0:
        raise flow.Skip("root may read everything")
    os.chmod(place.at("model.json"), 0)
    check_refusal(place, ["model.json"], 77, [("model.json", "permission denied")])


def all_is_well(place):
    """the model and data that the cases spoil are good"""
    answer = place.run("model.json", *OUTPUTS)
    flow.require(answer.returncode == 0 and answer.stderr == "", "success expected", answer)
    for name in OUTPUTS[1::2]:
        flow.require(os.path.exists(place.at(name)), f"{name} was not written", answer)


def main():
    tests = flow.named([all_is_well, unreadable_model]) + MODELS + LAYERS + DATA + OPTIONS
    return flow.report(tests, sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
