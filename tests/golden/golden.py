"""Texts that must not change by accident: golden.py [--update] SOURCE_ROOT TOOL...

Transcripts (*.txt here) hold commands, each behind `$ `, followed by what it prints on stdout and
stderr and by its exit status; they run in the source root. digits.json and targets.json are the
JSON results of runs on the bundled digits without `timing` and `host`. All are compared byte for
byte; --update rewrites them, for a look at the difference before it is committed.
"""

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


def transcript(tools, old):
    """A transcript with the same commands and what they print now."""
    text = ""
    for line in re.findall(r"^\$ .*$", old, re.MULTILINE):
        answer = tools.run(*shlex.split(line[2:]))
        text += f"{line}\n{answer.stdout}{answer.stderr}[status {answer.returncode}]\n\n"
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


GOLDEN = {"help.txt": transcript, "errors.txt": transcript,
          "digits.json": lambda tools, _old: result(tools, DIGITS),
          "targets.json": lambda tools, _old: result(tools, TARGETS)}


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


def compare(tools):
    failed = False
    print(f"1..{len(GOLDEN)}")
    for number, (name, make) in enumerate(GOLDEN.items(), 1):
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
    arguments = sys.argv[1:]
    updating = arguments[0] == "--update"
    root, *paths = arguments[1:] if updating else arguments
    tools = Tools(os.path.abspath(root), paths)
    return update(tools) if updating else compare(tools)


if __name__ == "__main__":
    sys.exit(main())
