"""What the tests share that hold snnsim against the oracle: running it, comparing, TAP."""

import json
import math
import os
import subprocess
import traceback

import numpy as np

LENET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../data/lenet.json")
KERNELS = ("scalar", "avx2", "neon")
COMPLAINTS_MAX, LINE_MAX = 12, 300  # of a failed test are printed


class Tool:
    """snnsim, run in a folder of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.kernels = [kernel for kernel in KERNELS if self.has_kernel(kernel)]

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def has_kernel(self, kernel):
        """Whether this processor has it."""
        answer = self.call("--kernel", kernel, "-q", "-n", 1, "-t", 1, LENET)
        return answer.returncode == 0

    def run(self, model, *arguments):
        """(output counts [sample][step][class], {layer: counts [sample][step]}, result)."""
        counts, layers, report = map(self.path, ("counts.npy", "layers.npz", "run.json"))
        answer = self.call(model, "--quiet", "--save-counts", counts, "--save-layer-counts",
                           layers, "--json", report, *arguments)
        if answer.returncode != 0:
            raise RuntimeError(f"snnsim {' '.join(map(str, arguments))}: status "
                               f"{answer.returncode}\n{answer.stderr}")
        with open(report, encoding="utf-8") as file:
            return np.load(counts), dict(np.load(layers)), json.load(file)["results"][0]


# ---- Comparing ----

def same_number(a, b, exact):
    """Numbers, of which None is none; sums of floats may differ in the last bits if not exact."""
    if a is None or isinstance(b, list) or b is None:
        return a is b
    return a == b or (not exact and math.isclose(a, b, rel_tol=1e-12))


def differences(expected, found, loose, path=""):
    """What `found` says otherwise than `expected`; only the members of `expected` count. Members
    whose path contains one of `loose` are sums of floats."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            yield from differences(value, found.get(key), loose, f"{path}.{key}")
    elif isinstance(expected, list):
        if expected == found:
            return
        if not isinstance(found, list) or len(found) != len(expected):
            yield f"{path[1:]}: {found}, expected {expected}"
            return
        for index, value in enumerate(expected):
            yield from differences(value, found[index], loose, f"{path}[{index}]")
    elif isinstance(expected, str):
        if expected != found:
            yield f"{path[1:]}: {found}, expected {expected}"
    elif not same_number(expected, found, not any(part in path for part in loose)):
        yield f"{path[1:]}: {found}, expected {expected}"


def count_differences(expected, found, what):
    """The first place where two arrays of spike counts differ."""
    if expected.shape != found.shape:
        yield f"{what}: shape {found.shape}, expected {expected.shape}"
        return
    places = np.argwhere(expected != found)
    if len(places):
        place = tuple(places[0])
        yield (f"{what}: {found[place]} spikes at {[int(i) for i in place]}, expected "
               f"{int(expected[place])}; {len(places)} places differ")


def spike_differences(activities, counts, layers):
    """Output spikes place by place, those of the other layers as sums over neurons."""
    spikes = activities[-1].spikes
    yield from count_differences(spikes.reshape(*spikes.shape[:2], -1), counts, "output")
    if list(layers) != [activity.name for activity in activities]:
        yield f"layers {list(layers)}, expected {[activity.name for activity in activities]}"
        return
    for activity in activities:
        sums = activity.spikes.sum(axis=(2, 3, 4), dtype=np.float64)
        yield from count_differences(sums, layers[activity.name], activity.name)


# ---- TAP ----

class Tap:
    """Prints one line a test; status is 1 once one has failed."""

    def __init__(self):
        self.count, self.status = 0, 0

    def test(self, name, function, *arguments, **options):
        """A test passes if the function returns or yields no complaints."""
        self.count += 1
        try:
            complaints = list(function(*arguments, **options) or ())
        except Exception:
            complaints = [traceback.format_exc()]
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}", flush=True)
        for complaint in complaints[:COMPLAINTS_MAX]:
            for line in complaint.splitlines():
                print(f"#   {line[:LINE_MAX]}", flush=True)
        if len(complaints) > COMPLAINTS_MAX:
            print(f"#   and {len(complaints) - COMPLAINTS_MAX} more", flush=True)
        self.status = self.status or (1 if complaints else 0)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def end(self):
        print(f"1..{self.count}")
        return self.status
