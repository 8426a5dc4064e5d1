"""snnconvert --check as its users meet it: check.py SNNSIM SOURCE_ROOT

What the document says is held against the memory formulas of docs/semantics.md, written out here
again, and against what snnsim says of the program that is written.
"""

import json
import os
import subprocess
import sys
import xml.dom.minidom

import flow
from flow import require

CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")
ROOT = os.path.abspath(sys.argv[2])


def run(place, *arguments, **options):
    return subprocess.run([CONVERT, *map(str, arguments)], cwd=place.folder, text=True,
                          capture_output=True, check=False, env=flow.environment(), **options)


def check(place, *arguments, status=0):
    """The first result of the document, from standard output."""
    answer = run(place, "model.json", *arguments, "--json", "-")
    require(answer.returncode == status, f"status {status} expected", answer)
    try:
        document = json.loads(answer.stdout)
    except json.JSONDecodeError as error:
        raise flow.Failure(f"no JSON: {error}\n{answer.stdout}") from error
    require(document["schema"] == "snn.check/1", "schema", answer)
    return document["results"][0]


def profile(place, name, **changes):
    """A built-in profile as a file, with other members."""
    with open(os.path.join(ROOT, "data", "chips", "dynapcnn.json"), encoding="utf-8") as file:
        chip = json.load(file)
    chip.update(name=os.path.splitext(name)[0], **changes)
    place.write(name, chip)


def small_chip(place):
    """Two cores, and one of them is too small for anything."""
    profile(place, "small.json", cores=[
        {"kernel_words": 4096, "neuron_words": 4096, "bias_words": 64},
        {"kernel_words": 8, "neuron_words": 8, "bias_words": 8}])


def log2(value):
    return (value - 1).bit_length()


def words(layer):
    """Memory of a layer by the formulas, of a chip that does not spread its readout."""
    features, rows, columns = layer["output"]
    return {"kernel": layer["input"][0] << (log2(layer["kernel"] ** 2) + log2(features)),
            "neuron": features << (log2(rows) + log2(columns)),
            "bias": features if layer["bias"] else 0}


def document(place):
    """the document holds the net's layers, cores and memories"""
    result = check(place, "--check", "dynapcnn")
    conv, dense = result["layers"]
    require(result["fits"] and result["chip"]["name"] == "dynapcnn", str(result))
    require(conv["input"] == [1, 4, 4] and conv["output"] == [3, 4, 4], str(conv))
    require(conv["kernel"] == 3 and conv["padding"] == [1, 1] and conv["pooling"] == 2, str(conv))
    require(dense["readout"] and dense["kernel"] == 2 and not dense["bias"], str(dense))
    for layer in (conv, dense):
        require(layer["words"] == words(layer), f"{layer['words']}, {words(layer)} expected")
        require(len(layer["parts"]) == 1 and layer["parts"][0]["words"] == layer["words"],
                str(layer))
        require(layer["fits_on"] == [None] * 9, str(layer["fits_on"]))
    require(not result["findings"] and not result["remedies"], str(result))


def same_twice(place):
    """the same check gives the same bytes, in a file and on standard output"""
    first = run(place, "model.json", "--check", "all", "--json", "-")
    second = run(place, "model.json", "--check", "all", "--json", "out.json")
    require(first.returncode == 0 and second.returncode == 0, "refused", second)
    with open(place.at("out.json"), encoding="utf-8") as file:
        require(file.read() == first.stdout, "file and standard output differ")
    require("dynapcnn" in second.stdout and "speck2f" in second.stdout, "no table", second)


def refused(place):
    """a net that does not fit ends with 78, is explained, and leaves no program"""
    small_chip(place)
    answer = run(place, "model.json", "--check", "./small.json", "-o", "net.chip.json", "--map",
                 "net.svg", "--json", "net.json")
    require(answer.returncode == 78, "status 78 expected", answer)
    require(answer.stdout.startswith("small does not fit small: 1 problem"), "verdict", answer)
    require("model.json" in answer.stderr, "no finding", answer)
    require("net.chip.json" not in place.files(), "a program was written")
    result = place.read_json("net.json")["results"][0]
    errors = [found for found in result["findings"] if found["severity"] == "error"]
    require(not result["fits"] and len(errors) == 1, str(result["findings"]))
    require(result["layers"][0]["fits_on"][1]["constraint"] == "kernel memory", str(result))
    require(result["layers"][0]["fits_on"][1]["need"] == 64, "1 channel x 16 x 4 = 64 words")
    require("no core" in read(place, "net.svg"), "the picture shows no lost layer")


def refused_json(place):
    """without a core the document is whole all the same"""
    small_chip(place)
    result = check(place, "--check", "./small.json", status=78)
    require(result["accuracy"]["program"] is None, str(result["accuracy"]))
    require(result["accuracy"]["integer"]["accuracy"] is not None, str(result["accuracy"]))


def read(place, name):
    with open(place.at(name), encoding="utf-8") as file:
        return file.read()


def program(place):
    """the program that is written does in snnsim what the check says of it"""
    result = check(place, "--check", "speck2f", "-o", "net.chip.json", "-t", "12")
    ran = result["accuracy"]["program"]
    answer = place.run("net.chip.json", "--data", "images-idx3", "-t", "12", "--json", "-")
    require(answer.returncode == 0, "snnsim", answer)
    other = json.loads(answer.stdout)["results"][0]
    for key in ("accuracy", "synops_mean", "order"):
        require(ran[key] == other[key], f"{key}: {ran[key]} and {other[key]}")
    require(ran["silent"] == other["silent"]["count"], f"{ran} and {other['silent']}")
    require(result["accuracy"]["samples"] == 6 and result["accuracy"]["timesteps"] == 12,
            str(result["accuracy"]))


def program_is_no_model(place):
    """a program is not taken for a model"""
    run(place, "model.json", "--check", "speck2f", "-o", "net.chip.json")
    answer = run(place, "net.chip.json", "--check", "speck2f")
    require(answer.returncode == 65 and "a chip program" in answer.stderr, "", answer)


def model_beside(place):
    """a model is written whether it fits or not"""
    small_chip(place)
    answer = run(place, "model.json", "--check", "./small.json", "-o", "copy.json")
    require(answer.returncode == 78 and "copy.json" in place.files(), "", answer)


def picture(place):
    """the picture is well-formed, shows every core, and needs no other file"""
    net = flow.model()
    net["name"] = 'a <net> & "name"\u200b'
    net["layers"][1]["name"] = "<script>&"
    net["layers"][2]["inputs"] = ["<script>&"]
    del net["statistics"]
    place.write("model.json", net)
    answer = run(place, "model.json", "--check", "dynapcnn", "--map", "net.svg")
    require(answer.returncode == 0, "", answer)
    tree = xml.dom.minidom.parseString(read(place, "net.svg"))
    texts = ["".join(child.data for child in node.childNodes)
             for node in tree.getElementsByTagName("text")]
    for core in range(9):
        require(any(text.startswith(f"core {core}") for text in texts), f"core {core}: {texts}")
    require("pool 2" in texts and "sensor" in texts and "readout" in texts, str(texts))
    require("<script>&" in texts, str(texts))
    require(not tree.getElementsByTagName("image") and "href" not in read(place, "net.svg"), "")


def kept_on_cores(place):
    """--core takes a layer by its name or its index, on one core or on two"""
    result = check(place, "--check", "dynapcnn", "--core", "conv=7", "--core", "1=3,2")
    conv, dense = (layer["parts"] for layer in result["layers"])
    require([part["core"] for part in conv] == [7], str(conv))
    require([(part["core"], part["feature_first"], part["feature_count"]) for part in dense] ==
            [(3, 0, 2), (2, 2, 1)], str(dense))


def without_labels(place):
    """data without labels gives no accuracy and says so"""
    os.remove(place.at("labels-idx1"))
    answer = run(place, "model.json", "--check", "dynapcnn", "--data", "images-idx3")
    require(answer.returncode == 0 and "has no labels" in answer.stderr, "", answer)
    result = check(place, "--check", "dynapcnn", "--data", "images-idx3", "-n", "4")
    require(result["accuracy"]["program"]["accuracy"] is None, str(result["accuracy"]))
    require(result["accuracy"]["samples"] == 4, str(result["accuracy"]))


def without_sample(place):
    """a sample that is gone costs the accuracy, not the check; data that is asked for is needed"""
    os.remove(place.at("images-idx3"))
    answer = run(place, "model.json", "--check", "dynapcnn")
    require(answer.returncode == 0 and answer.stderr == "", "", answer)
    require("not measured without data" in answer.stdout, "", answer)
    require("as CNN" not in answer.stdout, "", answer)
    answer = run(place, "model.json", "--check", "dynapcnn", "-v")
    require("accuracy is not measured" in answer.stderr, "", answer)
    answer = run(place, "model.json", "--check", "dynapcnn", "--data", "images-idx3")
    require(answer.returncode == 66, "", answer)


def wrong_shape(place):
    """frames of another size are refused"""
    place.write("wide", flow.images(width=5))
    answer = run(place, "model.json", "--check", "dynapcnn", "--data", "wide")
    require(answer.returncode == 65 and "wide" in answer.stderr, "", answer)


def calibrated(place):
    """--calibrate and --check in one run lower by the new statistics"""
    net = flow.model()
    del net["statistics"]
    place.write("model.json", net)
    answer = run(place, "model.json", "--check", "dynapcnn", "--json", "-")
    require("no activation statistics" in answer.stderr, "", answer)
    require(json.loads(answer.stdout)["options"]["norm"] == "none", "", answer)
    answer = run(place, "model.json", "-c", "images-idx3", "--check", "dynapcnn", "--json", "-")
    require(answer.returncode == 0 and answer.stderr == "", "", answer)
    require(json.loads(answer.stdout)["options"]["norm"] == "p99.9", "", answer)


def recordings(place):
    """recordings of an event camera are run as they were recorded"""
    shared = os.path.join(os.environ.get("SNN_SHARED", ""), "realfiles")
    if "SNN_SHARED" not in os.environ or not os.path.isdir(os.path.join(shared, "nmnist")):
        raise flow.Skip("SNN_SHARED names no folder with N-MNIST recordings")
    answer = run(place, os.path.join(shared, "models", "nmnist_cnn.nir"), "--check", "speck2f",
                 "--data", os.path.join(shared, "nmnist"), "-n", "5", "--json", "-")
    if "this build cannot read" in answer.stderr:
        raise flow.Skip("this build has no libhdf5")
    require(answer.returncode == 0, "", answer)
    accuracy = json.loads(answer.stdout)["results"][0]["accuracy"]
    require(accuracy["encoding"] == "events" and accuracy["timesteps"] > 200, str(accuracy))
    require(accuracy["cnn_accuracy"] is None and accuracy["samples"] == 5, str(accuracy))
    for run_of in ("float", "integer", "program"):
        require(accuracy[run_of]["accuracy"] >= 0.8, str(accuracy))


def full_disk(place):
    """an output that cannot be written is an error"""
    for option in ("--json", "--map"):
        answer = run(place, "model.json", "--check", "dynapcnn", option, "/dev/full")
        require(answer.returncode == 74 and answer.stderr != "", option, answer)
        answer = run(place, "model.json", "--check", "dynapcnn", option, "no/such/file.svg")
        require(answer.returncode == 73, option, answer)


def unknown_profile(place):
    """a profile that is no profile is refused, and where"""
    place.write("bad.json", {"format": "snn.chip/1", "name": "bad"})
    answer = run(place, "model.json", "--check", "./bad.json")
    require(answer.returncode == 65 and "bad.json" in answer.stderr, "", answer)
    answer = run(place, "model.json", "--check", "./gone.json")
    require(answer.returncode == 66, "", answer)


def comma_in_the_name(place):
    """the file of a profile may have a comma in its name"""
    profile(place, "q,r.json")
    model = os.path.join(ROOT, "data", "lenet.json")
    answer = run(place, model, "--check", "q,r.json", "-n", 1, "--to", "samna", "-o", "kit")
    require(answer.returncode == 0, "", answer)


if __name__ == "__main__":
    sys.exit(flow.report(flow.named([
        document, same_twice, refused, refused_json, program, program_is_no_model, model_beside,
        picture, kept_on_cores, without_labels, without_sample, wrong_shape, calibrated, recordings,
        full_disk, unknown_profile, comma_in_the_name]), os.path.abspath(sys.argv[1])))
