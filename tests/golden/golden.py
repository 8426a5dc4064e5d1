"""Texts that must not change by accident: golden.py [--update] [--skip NAME] SOURCE_ROOT TOOL...

Transcripts (*.txt here) hold commands, each behind `$ `, followed by what it prints on stdout and
stderr and by its exit status; they run in the source root. The others are the JSON results of runs
on the bundled digits without `timing` and `host`. All are compared byte for byte; --update rewrites
them, for a look at the difference before it is committed. --skip names what a build cannot print
that lacks an optional library.
"""

import argparse
import difflib
import json
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DIGITS = ["data/lenet.json", "--samples", "10", "--timesteps", "16", "--encoding", "bernoulli",
          "--rule", "first@2", "--rule", "softmax:0.9", "--json", "-"]
TARGETS = ["data/lenet.json", "--samples", "10", "--timesteps", "4", "--target", "frame:int8",
           "--target", "sim", "--target", "frame:f32", "--energy", "horowitz45_int8", "--json", "-"]

CHIP = ["data/lenet.json", "--samples", "10", "--timesteps", "4", "--target", "chip:speck2f",
        "--semantics", "both", "--core", "conv1=3", "--core", "fc2=4,7", "--rule", "margin:1",
        "--json", "-"]


class Tools:
    """The tools by name, run in the source root, in the locale C."""

    def __init__(self, root, paths):
        self.root = root
        self.paths = {os.path.basename(path): os.path.abspath(path) for path in paths}

    def run(self, name, *arguments):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("LC_") and key not in ("LANG", "NO_COLOR")}
        return subprocess.run([self.paths[name], *arguments], cwd=self.root, capture_output=True,
                              env=dict(environment, LC_ALL="C"), text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=60)


# What a slow machine says of how far it is.
PROGRESS = re.compile(r"^\w+: [\w:]+: +\d+ %,.* left\n", re.MULTILINE)


def transcript(tools, old):
    """A transcript with the same commands and what they print now."""
    text = ""
    for line in re.findall(r"^\$ .*$", old, re.MULTILINE):
        answer = tools.run(*shlex.split(line[2:]))
        stderr = PROGRESS.sub("", answer.stderr)
        text += f"{line}\n{answer.stdout}{stderr}[status {answer.returncode}]\n\n"
    return text


def result(tools, arguments):
    answer = tools.run("snnsim", *arguments)
    try:
        document = json.loads(answer.stdout)
    except json.JSONDecodeError:
        return f"{answer.stdout}{answer.stderr}[status {answer.returncode}]\n"
    for key in ("timing", "host"):
        document.pop(key, None)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


GOLDEN = {"help.txt": transcript, "errors.txt": transcript, "info.txt": transcript,
          "supported.txt": transcript, "check.txt": transcript, "chips.txt": transcript,
          "events.txt": transcript, "snndev.txt": transcript, "devices.txt": transcript,
          "digits.json": lambda tools, _old: result(tools, DIGITS),
          "targets.json": lambda tools, _old: result(tools, TARGETS),
          "chip.json": lambda tools, _old: result(tools, CHIP)}


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def update(tools):
    for name, make in GOLDEN.items():
        path = os.path.join(HERE, name)
        new = make(tools, read(path))
        with open(path, "w", encoding="utf-8") as file:
            file.write(new)


def compare(tools, skipped):
    failed = False
    print(f"1..{len(GOLDEN)}")
    for number, (name, make) in enumerate(GOLDEN.items(), 1):
        if name in skipped:
            print(f"ok {number} - {name} # SKIP this build lacks an optional library")
            continue
        old = read(os.path.join(HERE, name))
        new = make(tools, old)
        same = old == new and old != ""
        failed = failed or not same
        print(f"{'ok' if same else 'not ok'} {number} - {name}")
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), name, "now",
                                         lineterm=""):
            print(f"#   {line}")
        if not same:
            print("#   if it is meant to be so: tests/golden/update.sh BUILD_FOLDER")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--skip", action="append", default=[], choices=GOLDEN)
    parser.add_argument("root")
    parser.add_argument("tools", nargs="+")
    arguments = parser.parse_args()
    tools = Tools(os.path.abspath(arguments.root), arguments.tools)
    return update(tools) if arguments.update else compare(tools, arguments.skip)


if __name__ == "__main__":
    sys.exit(main())
