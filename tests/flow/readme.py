"""README.md says what the tools do: readme.py SOURCE_ROOT SNNSIM PREDICT

The sessions in it are compared line by line with what the tools print, but for the line on speed, and
the picture of a chip with what is drawn; every option that the shell examples use must be known. The C code in it is that of examples/deploy.c and
predict.c, which is run, and its topology is given weights.
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


def tool(name):
    return os.path.join(os.path.dirname(os.path.abspath(sys.argv[2])), name)


def lines(text):
    """Without what is of this machine."""
    return [line.rstrip() for line in text.rstrip("\n").split("\n")
            if not line.startswith("  speed ") and not re.match(r"\w+: \w+: +\d+ %,.* left$", line)]


def follows(found, pieces):
    """Whether a text consists of pieces, one after the other, with anything between them."""
    if found[:len(pieces[0])] != pieces[0]:
        return False
    at = len(pieces[0])
    for piece in pieces[1:]:
        if piece == [""]:  # the end is left out
            return True
        while at < len(found) and found[at:at + len(piece)] != piece:
            at += 1
        if at == len(found):
            return False
        at += len(piece)
    return at == len(found)


def sessions(place):
    """every session is what the tools print today; [...] stands for lines that are left out"""
    blocks = re.findall(r"```\n\$ (snnsim|snnconvert|snndev) (.*)\n((?:.*\n)*?)```", read(ROOT))
    require({name for name, _, _ in blocks} == {"snnsim", "snnconvert", "snndev"}, "no session of a tool")
    for name, arguments, expected in blocks:
        answer = subprocess.run([tool(name), *arguments.split()], cwd=ROOT, text=True,
                                env=environment(LC_ALL="C.UTF-8"), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False)
        require(answer.returncode in (0, 78), f"{name} {arguments} failed: {answer.stdout}")
        pieces = [lines(piece) for piece in expected.split("[...]\n")]
        require(follows(lines(answer.stdout), pieces),
                f"README.md shows another {name} {arguments}; now it is:\n{answer.stdout}")


def picture(place):
    """the picture of the chip is what --map draws today"""
    drawn = place.at("lenet.svg")
    answer = subprocess.run([tool("snnconvert"), "data/lenet.json", "--check", "speck2f", "--map",
                             drawn], cwd=ROOT, text=True, capture_output=True, check=False)
    require(answer.returncode == 0, "snnconvert failed", answer)
    with open(drawn, encoding="utf-8") as file, \
            open(os.path.join(ROOT, "docs", "lenet-speck2f.svg"), encoding="utf-8") as kept:
        require(file.read() == kept.read(), "it is not: snnconvert data/lenet.json --check speck2f "
                                            "--map docs/lenet-speck2f.svg")


def options(place):
    """every option in the examples exists"""
    for name in ("snnsim", "snnconvert", "snndev"):
        answer = subprocess.run([tool(name), "--generate", "bash"], text=True, capture_output=True,
                                check=False)
        known = set(re.findall(r"--[a-z0-9-]+", answer.stdout))
        used = set()
        for line in re.findall(rf"^ *(?:\$ )?{name} .*(?:\n +--.*)*", read(ROOT), re.MULTILINE):
            used |= set(re.findall(r"--[a-z0-9-]+", line))
        require(used, f"no example of {name} was found")
        require(used <= known, f"unknown: {sorted(used - known)}")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", read(ROOT), re.DOTALL)


def predict(*arguments):
    return subprocess.run([PREDICT, *arguments], cwd=ROOT, text=True, capture_output=True,
                          env=environment(), check=False)


def example(place):
    """the C code is out of examples/deploy.c, ten lines, and predict.c"""
    require(len(blocks("c")) == 2, "two blocks of C expected")
    require(blocks("c")[0].count("\n") == 10, "these are not ten lines")
    for name, block in zip(("deploy.c", "predict.c"), blocks("c")):
        with open(os.path.join(ROOT, "examples", name), encoding="utf-8") as file:
            require(block in file.read(), f"README.md shows another examples/{name}")


def example_runs(place):
    """examples/predict.c finds the first digit on every target, and says what is wrong"""
    digits = "data/digits/digits-images-idx3-ubyte.gz"
    for target in ("frame:f32", "frame:int8", "sim"):
        answer = predict("data/lenet.json", digits, target)
        require(answer.returncode == 0 and answer.stdout.startswith("class 5:"), target, answer)
    answer = predict("data/lenet.json", digits, "chop")
    require(answer.returncode == 1 and "unknown target 'chop'" in answer.stderr, "", answer)
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
    sys.exit(report(named([sessions, picture, options, example, example_runs, topology]),
                    os.path.abspath(sys.argv[2])))
