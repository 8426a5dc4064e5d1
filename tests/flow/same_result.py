"""The same seed gives the same result: same_result.py SOURCE_ROOT BUILD_FOLDER SNNSIM...

For any number of threads, any kernel, under a locale with a decimal comma, and from builds by
other compilers at other levels of optimisation: each further SNNSIM, and those that are built here
below BUILD_FOLDER. All of the JSON counts but `timing` and `host`, and every byte of the counts.
"""

import json
import os
import shutil
import subprocess
import sys

import flow

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
TOOLS = [os.path.abspath(path) for path in sys.argv[3:]]
MODEL = os.path.join(SOURCE, "data", "lenet.json")

# Together they pass through all encoders, norms, resets, readouts and rules.
RUNS = [
    [],
    ["--encoding", "bernoulli", "--seed", "3", "--channelwise", "--rule", "first@4", "--rule",
     "softmax:0.9", "--rule", "membrane:0.5"],
    ["--encoding", "current", "--norm", "max", "--reset", "zero", "--n-max", "1", "--v-min", "none",
     "--rule", "count:3", "--rule", "margin:2"],
    ["--encoding", "ttfs", "--norm", "p99", "--readout", "membrane", "--synops", "sinabs-0.3.3",
     "--v0", "0.3"],
    ["--compat", "sinabs", "--energy", "loihi", "--offset", "100"],
]
SIZE = ["--samples", "24", "--timesteps", "40"]
BUILDS = [(compiler, level) for compiler in ("gcc", "clang") for level in ("3", "0")]


def results(place, tool, *options, **changes):
    """What each of RUNS gives: the JSON's parts and the bytes of the counts."""
    place.tool = tool
    return [result(place, [*run, *options], **changes) for run in RUNS]


def result(place, options, **changes):
    answer = place.run(MODEL, *SIZE, *options, "--json", "-", "--save-counts", "counts.npy",
                       "--save-layer-counts", "layers.npz", env=flow.environment(**changes))
    if "has no kernel level" in answer.stderr:
        raise flow.Skip("this processor or build has no such kernel")
    flow.require(answer.returncode == 0, f"{options}: success expected", answer)
    document = json.loads(answer.stdout)
    flow.require(document.pop("timing") and document.pop("host"), "timing and host expected")
    parts = {key: json.dumps(value) for key, value in document.items()}
    contents = place.contents()
    return {**parts, "counts": contents["counts.npy"], "layers": contents["layers.npz"]}


def require_same(found, expected):
    for run, here, there in zip(RUNS, found, expected):
        for part in there:
            flow.require(here.get(part) == there[part],
                         f"{' '.join(run)}: {part} differs\n{here.get(part)}\n{there[part]}")


def seed_counts(place):
    """another seed gives another result"""
    first, second = (result(place, ["--encoding", "bernoulli", "--seed", seed])
                     for seed in ("1", "2"))
    flow.require(first["counts"] != second["counts"], "the counts are the same")


def any_threads(place):
    """any number of threads"""
    expected = results(place, TOOLS[0], "--threads", "1")
    for threads in ("2", "5"):
        require_same(results(place, TOOLS[0], "--threads", threads), expected)


def any_kernel(place):
    """any kernel"""
    expected = results(place, TOOLS[0], "--kernel", "scalar")
    require_same(results(place, TOOLS[0], "--kernel", "avx2"), expected)


def decimal_comma(place):
    """a locale with a decimal comma"""
    folder = place.at("locale")
    os.mkdir(folder)
    try:
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", os.path.join(folder, "comma")],
                       check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise flow.Skip("localedef makes no de_DE.UTF-8 here") from error
    changes = {"LOCPATH": folder, "LC_ALL": "comma"}
    shown = subprocess.run(["locale", "decimal_point"], env=flow.environment(**changes), text=True,
                           capture_output=True, check=False)
    flow.require(shown.stdout.strip() == ",", f"the locale has the point {shown.stdout!r}")
    require_same(results(place, TOOLS[0], **changes), results(place, TOOLS[0]))
    answer = place.run("model.json", "--v0", "0,5", env=flow.environment(**changes))
    flow.require(answer.returncode == 64, "0,5 is no number in any locale", answer)


def build(compiler, level):
    """The path of a snnsim built with these, in a folder that is kept for the next time."""
    folder = os.path.join(BUILD, f"{compiler}-O{level}")
    commands = [["ninja", "-C", folder, "tools/snnsim"]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        commands.insert(0, ["meson", "setup", folder, SOURCE, "-Dtests=disabled", "-Ddocs=disabled",
                            "-Dbuildtype=plain", f"-Doptimization={level}"])
    for command in commands:
        answer = subprocess.run(command, env=dict(os.environ, CC=compiler), text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        flow.require(answer.returncode == 0, f"{' '.join(command)}\n{answer.stdout}")
    return os.path.join(folder, "tools", "snnsim")


def other_build(compiler, level):
    def test(place):
        if shutil.which(compiler) is None:
            raise flow.Skip(f"there is no {compiler}")
        require_same(results(place, build(compiler, level)), results(place, TOOLS[0]))
    return f"built with {compiler} -O{level}", test


def other_tool(tool):
    def test(place):
        require_same(results(place, tool), results(place, TOOLS[0]))
    return f"built as {tool}", test


def main():
    tests = flow.named([seed_counts, any_threads, any_kernel, decimal_comma])
    tests += [other_tool(tool) for tool in TOOLS[1:]]
    tests += [other_build(compiler, level) for compiler, level in BUILDS]
    return flow.report(tests, TOOLS[0])


if __name__ == "__main__":
    sys.exit(main())
