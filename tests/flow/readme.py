"""README.md says what the tools do: readme.py SOURCE_ROOT SNNSIM PREDICT

The session in it is compared line by line with what snnsim prints, but for the line on speed; every
option that the shell examples use must be known. The C code in it is that of examples/predict.c,
which is run, and its topology is given weights.
"""

import json
import os
import re
import struct
import subprocess
import sys

from flow import environment, named, report, require


def read(root):
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        return file.read()


def session(place):
    """the session is what snnsim prints today"""
    block = re.search(r"```\n\$ snnsim (.*)\n((?:.*\n)*?)```", read(ROOT))
    require(block, "README.md has no session")
    answer = subprocess.run(place.command(*block.group(1).split()), cwd=ROOT, text=True,
                            env=environment(LC_ALL="C.UTF-8"), capture_output=True, check=False)
    require(answer.returncode == 0, "snnsim failed", answer)
    found, expected = ([line.rstrip() for line in text.rstrip("\n").split("\n")
                        if not line.startswith("  speed ")]
                       for text in (answer.stdout, block.group(2)))
    require(found == expected, "README.md shows another session; now it is:\n" + answer.stdout)


def options(place):
    """every option in the examples exists"""
    known = set(re.findall(r"--[a-z0-9-]+", place.run("--help").stdout))
    used = set()
    for line in re.findall(r"^ *(?:\$ )?snnsim .*(?:\n +--.*)*", read(ROOT), re.MULTILINE):
        used |= set(re.findall(r"--[a-z0-9-]+", line))
    require(len(used) > 3, "no example was found")
    require(used <= known, f"unknown: {sorted(used - known)}")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", read(ROOT), re.DOTALL)


def predict(*arguments):
    return subprocess.run([PREDICT, *arguments], cwd=ROOT, text=True, capture_output=True,
                          env=environment(), check=False)


def example(place):
    """the C code is out of examples/predict.c"""
    with open(os.path.join(ROOT, "examples", "predict.c"), encoding="utf-8") as file:
        text = file.read()
    require(len(blocks("c")) == 1, "one block of C expected")
    require(blocks("c")[0] in text, "README.md shows another examples/predict.c")


def example_runs(place):
    """examples/predict.c finds the first digit on every target, and says what is wrong"""
    digits = "data/digits/digits-images-idx3-ubyte.gz"
    for target in ("frame:f32", "frame:int8", "sim"):
        answer = predict("data/lenet.json", digits, target)
        require(answer.returncode == 0 and answer.stdout.startswith("class 5:"), target, answer)
    answer = predict("data/lenet.json", digits, "chip")
    require(answer.returncode == 1 and "unknown target 'chip'" in answer.stderr, "", answer)
    answer = predict("data/lenet.json", place.at("images-idx3"))
    require(answer.returncode == 1 and "another size" in answer.stderr, "", answer)


def safetensors(tensors):
    """{name: shape}, all values 0, as a safetensors file."""
    header, at = {}, 0
    for name, shape in tensors.items():
        size = 4
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def topology(place):
    """the topology takes weights of the shapes that PyTorch gives them"""
    place.write("net-topology.json", json.loads(blocks("json")[0]))
    place.write("net.safetensors", safetensors({
        "conv.weight": [8, 1, 5, 5], "conv.bias": [8], "fc.weight": [10, 8 * 12 * 12],
        "fc.bias": [10]}))
    convert = os.path.join(os.path.dirname(place.tool), "snnconvert")
    answer = subprocess.run([convert, "net.safetensors", "--arch", "net-topology.json", "-o",
                             "net.json"], cwd=place.folder, text=True, capture_output=True,
                            env=environment(), check=False)
    require(answer.returncode == 0 and answer.stderr == "", "refused", answer)


if __name__ == "__main__":
    ROOT = os.path.abspath(sys.argv[1])
    PREDICT = os.path.abspath(sys.argv[3])
    sys.exit(report(named([session, options, example, example_runs, topology]),
                    os.path.abspath(sys.argv[2])))
