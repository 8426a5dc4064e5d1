"""What the tests in this folder share: small models and data sets, runs of a tool, TAP.

Models and data are made here from scratch, so that a test can break exactly one thing in them. A
test is a function that takes a Place and raises Failure or Skip; its docstring is its name.
"""

import base64
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

TIME_LIMIT = 150


class Failure(Exception):
    """Raised by a test; the text says what was found, and where."""


class Skip(Exception):
    """Raised by a test that cannot be made here; the text says why."""


# --- Models and data ------------------------------------------------------------------------------


def tensor(values, shape):
    """A tensor as model files hold it: base64 of zlib of little-endian float32."""
    packed = zlib.compress(struct.pack(f"<{len(values)}f", *values))
    return {"dtype": "f32", "shape": shape, "data": base64.b64encode(packed).decode()}


def model():
    """A net for 4x4 images and three classes: convolution, average pool, dense. Class k sees
    feature k alone, and feature 2 is the bias: no sample can leave it silent for long."""
    conv = [1.0 if tap == 4 * feature else 0.0 for feature in range(3) for tap in range(9)]
    dense = [1.0 if at // 4 == out else 0.0 for out in range(3) for at in range(12)]
    return {
        "format": "snn.model/1",
        "name": "small",
        "sample": {"images": "images-idx3", "labels": "labels-idx1"},
        "layers": [
            {"name": "input", "kind": "input", "shape": [1, 4, 4]},
            {"name": "conv", "kind": "conv2d", "inputs": ["input"], "padding": [1, 1, 1, 1],
             "activation": "relu", "weights": tensor(conv, [3, 1, 3, 3]),
             "bias": tensor([0.0, 0.0, 0.25], [3])},
            {"name": "pool", "kind": "avg_pool2d", "inputs": ["conv"], "kernel": [2, 2]},
            {"name": "dense", "kind": "dense", "inputs": ["pool"],
             "weights": tensor(dense, [3, 12])},
        ],
        "output": "dense",
        "statistics": {
            "frames": 1, "quantiles": [0.5, 0.999, 1.0],
            "layers": {name: {"minimum": 0.0, "quantile": tensor([0.5, 1.0, 1.0], [3]),
                              "channel_quantile": tensor([0.5, 1.0, 1.0] * 3, [3, 3])}
                       for name in ("conv", "dense")},
        },
    }


IMAGE_COUNT = 6


def idx(shape, values):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(values)


def images(count=IMAGE_COUNT, height=4, width=4):
    """Sample i has the brightness of its number everywhere."""
    return idx([count, height, width],
               [40 * (i % 6) + 55 for i in range(count) for _ in range(height * width)])


def labels(count=IMAGE_COUNT, class_count=3):
    return idx([count], [i % class_count for i in range(count)])


def npy(dtype, shape, data):
    """An .npy file as NumPy writes it."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": tuple(shape)})
    text = text.ljust((10 + len(text) + 64) // 64 * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


# --- A folder to run tools in ---------------------------------------------------------------------


class Place:
    """A fresh folder with a good model and good data, and a tool that is run in it."""

    def __init__(self, tool, folder):
        self.tool = tool
        self.folder = folder
        self.write("model.json", model())
        self.write("images-idx3", images())
        self.write("labels-idx1", labels())

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        """Writes bytes, text, or an object as JSON."""
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)
        if isinstance(content, str):
            content = content.encode()
        with open(self.at(name), "wb") as file:
            file.write(content)

    def read_json(self, name):
        with open(self.at(name), encoding="utf-8") as file:
            return json.load(file)

    def files(self):
        return sorted(os.path.relpath(os.path.join(root, name), self.folder)
                      for root, folders, names in os.walk(self.folder) for name in names + folders)

    def contents(self):
        """The bytes of the files here, by name."""
        found = {}
        for name in self.files():
            if os.path.isfile(self.at(name)):
                with open(self.at(name), "rb") as file:
                    found[name] = file.read()
        return found

    def command(self, *arguments):
        return [self.tool, *(str(argument) for argument in arguments)]

    def run(self, *arguments, **options):
        """Runs the tool here. Its messages are plain ASCII without colour."""
        options.setdefault("env", environment())
        options.setdefault("stdout", subprocess.PIPE)
        try:
            return subprocess.run(self.command(*arguments), cwd=self.folder, check=False,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                  errors="replace", timeout=TIME_LIMIT, **options)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"no end within {TIME_LIMIT} s") from error


def environment(**changes):
    """This process' environment with the locale C and neither colour nor other people's wishes."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("LC_") and name not in ("LANG", "LANGUAGE", "NO_COLOR")}
    return {**kept, "LC_ALL": "C", **changes}


def require(condition, text, answer=None):
    """Fails with a text, and with what a tool answered."""
    if condition:
        return
    if answer is not None:
        text = f"{text}\nstatus {answer.returncode}\nstdout: {answer.stdout}\nstderr: {answer.stderr}"
    raise Failure(text)


# --- TAP ------------------------------------------------------------------------------------------


def report(tests, tool):
    """Runs each (name, test) in a Place of its own and prints one TAP line for it; returns the
    status to exit with."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        verdict, notes, reason = "ok", "", ""
        folder = tempfile.mkdtemp(prefix="snn-flow-")
        try:
            test(Place(tool, folder))
        except Skip as skip:
            reason = f" # SKIP {skip}"
        except Failure as failure:
            verdict, notes = "not ok", str(failure)
            failed += 1
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{verdict} {number} - {name}{reason}")
        print("".join(f"#   {line}\n" for line in notes.splitlines()), end="", flush=True)
    return 1 if failed else 0


def named(functions):
    """Test functions with their docstrings as names."""
    return [(" ".join(function.__doc__.split()), function) for function in functions]


def gz(content):
    return gzip.compress(content, mtime=0)


if __name__ == "__main__":
    sys.exit("this file is imported by the tests beside it")
