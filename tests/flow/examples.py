"""The programs in examples/, run as a user runs them: examples.py SNNSIM EXAMPLES EMULATE

What they say is compared with what snnsim counts. Targets that this build does not know are left
out and named.
"""

import contextlib
import csv
import io
import os
import re
import struct
import subprocess
import sys

from flow import Skip, environment, named, report, require

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(ROOT, "data", "lenet.json")
DIGITS = os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz")
EXAMPLES, EMULATE = (os.path.abspath(path) for path in sys.argv[2:4])
COUNT = 5


def example(name, *arguments, fails=False):
    answer = subprocess.run([os.path.join(EXAMPLES, name), *map(str, arguments)], text=True,
                            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            timeout=120, check=False)
    require((answer.returncode != 0) == fails, f"{name} {arguments}", answer)
    return answer


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def counted(place, target, *arguments):
    """Samples' output counts as snnsim saves them: a list of lists."""
    answer = place.run(*arguments, "-q", "--target", target, "--save-counts", place.at("c.npy"))
    require(answer.returncode == 0, "snnsim failed", answer)
    with open(place.at("c.npy"), "rb") as file:
        data = file.read()
    head = data[10:10 + struct.unpack("<H", data[8:10])[0]].decode()
    samples, steps, classes = map(int, re.search(r"\((\d+), (\d+), (\d+)\)", head).groups())
    flat = struct.unpack(f"<{samples * steps * classes}i", data[-4 * samples * steps * classes:])
    return [[flat[(s * steps + t) * classes:(s * steps + t + 1) * classes] for t in range(steps)]
            for s in range(samples)]


def first_of(steps):
    """Step, from 1, and class of the first spike: of those of one step the one that fires most."""
    for number, counts in enumerate(steps, 1):
        if max(counts) > 0:
            return number, counts.index(max(counts))
    return 0, -1


def decided(steps):
    totals = [sum(column) for column in zip(*steps)]
    return totals.index(max(totals)) if totals.count(max(totals)) == 1 else None


@contextlib.contextmanager
def serial_line(fault=""):
    """A virtual chip at the end of a serial line; gives its URI."""
    with subprocess.Popen([EMULATE, "speck2f", "process", fault], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env=environment()) as chip:
        uri = chip.stdout.readline().strip()
        require(uri.startswith("serial:/dev/pts/"), f"the line is {uri!r}")
        yield uri
        chip.stdin.close()


def known(target):
    """Skips where this build lacks a target."""
    answer = subprocess.run([os.path.join(EXAMPLES, "deploy"), MODEL, target, DIGITS], text=True,
                            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            timeout=120, check=False)
    if "unknown target" in answer.stderr or "built without" in answer.stderr:
        raise Skip(f"this build knows no target {target}")


def deploys(place, target, chip=None):
    found = re.findall(r"image (\d+): class (\d+)\n",
                       example("deploy", MODEL, target, DIGITS, COUNT).stdout)
    require([int(number) for number, _ in found] == list(range(COUNT)), f"{found}")
    expected = counted(place, chip or target, MODEL, "-n", COUNT)
    for (_, label), steps in zip(found, expected):
        require(decided(steps) in (None, int(label)), f"{target}: {label}, not {decided(steps)}")


def deploys_on_the_simulator(place):
    """deploy decides on the simulator as snnsim does"""
    deploys(place, "sim")


def deploys_on_a_chip(place):
    """deploy decides on a simulated chip as snnsim does"""
    deploys(place, "chip:speck2f")


def deploys_on_a_virtual_chip(place):
    """deploy decides on a virtual chip, over the protocol, as snnsim does on the chip"""
    known("vdev:speck2f")
    deploys(place, "vdev:speck2f", "chip:speck2f")


def deploys_over_a_serial_line(place):
    """deploy decides on a virtual chip at the end of a serial line as snnsim does on the chip"""
    with serial_line() as uri:
        known(uri)
        deploys(place, uri, "chip:speck2f")
        deploys(place, uri, "chip:speck2f")
    with serial_line("odd,stall-in@8000,stall-out@4000,error-in@16000") as uri:
        deploys(place, uri, "chip:speck2f")


def a_serial_line_is_the_chip(place):
    """every count over a serial line is the chip's, and so is that of the session played again"""
    arguments = (MODEL, "-n", COUNT, "-t", 16, "--threads", 1)
    with serial_line("odd") as uri:
        known(uri)
        expected = counted(place, "chip:speck2f", *arguments)
        require(counted(place, f"{uri},record={place.at('a.tape')}", *arguments) == expected,
                "other counts over the line")
    require(counted(place, f"replay:{place.at('a.tape')}", *arguments) == expected,
            "other counts from the tape")
    other = place.run(*arguments, "--target", f"replay:{place.at('a.tape')}", "--offset", 1)
    require(other.returncode == 76 and "of the recording" in other.stderr, "another sample", other)


def deploys_frame_by_frame(_place):
    """deploy takes a target that takes frames"""
    found = example("deploy", MODEL, "frame:int8", DIGITS, COUNT).stdout
    require(found == example("deploy", MODEL, "frame:f32", DIGITS, COUNT).stdout, found)


def says_what_is_wrong(place):
    """deploy says what is wrong with target, model or images"""
    require("unknown target 'nowhere'" in example("deploy", MODEL, "nowhere", DIGITS,
                                                  fails=True).stderr, "another message")
    require("no-such" in example("deploy", place.at("no-such"), "sim", DIGITS, fails=True).stderr,
            "another message")
    require("no-such" in example("deploy", MODEL, "sim", place.at("no-such"), fails=True).stderr,
            "another message")
    example("deploy", fails=True)


def first_spikes(place, target):
    answer = example("first_spike", MODEL, DIGITS, target, COUNT, 20)
    expected = counted(place, target.replace("vdev:", "chip:"), MODEL, "-n", COUNT, "-t", 20)
    found = rows(answer.stdout)
    require(len(found) == COUNT, answer.stdout)
    latencies = []
    for row, steps in zip(found, expected):
        step, _ = first_of(steps)
        latencies.append(step or 20)
        require(int(row["first_step"]) == step, f"{row}, the first spike is in step {step}")
        require(decided(steps) in (None, int(row["class"])), f"{row}: {decided(steps)}")
        if step > 0 and steps[step - 1].count(max(steps[step - 1])) == 1:
            require(int(row["first_class"]) == first_of(steps)[1], f"{row}")
    require(f"median {sorted(latencies)[(COUNT + 1) // 2 - 1]}," in answer.stderr, answer.stderr)


def first_spikes_of_the_simulator(place):
    """first_spike finds the steps that snnsim counts"""
    first_spikes(place, "sim")


def first_spikes_of_a_chip(place):
    """first_spike finds the same on a simulated chip"""
    first_spikes(place, "chip:speck2f")


def first_spikes_of_a_virtual_chip(place):
    """first_spike finds the same on a virtual chip"""
    known("vdev:speck2f")
    first_spikes(place, "vdev:speck2f")


def recording(place):
    """A digit as an event camera that sees it flicker would send it, 200 ms, N-MNIST's format; two
    windows of 100 ms: rows 0 to 27 of a cross, then of a bar."""
    cells = {0: [(14, y) for y in range(4, 24)],
             1: [(x, y) for x in (8, 18) for y in range(4, 24)] + [(x, 4) for x in range(8, 19)]
                + [(x, 23) for x in range(8, 19)]}
    data = b""
    for millisecond in range(200):
        for order, (x, y) in enumerate(cells[millisecond // 100]):
            time = millisecond * 1000 + order * 7
            data += bytes([x, y]) + struct.pack(">I", 1 << 23 | time)[1:]
    place.write("cross.bin", data)
    return place.at("cross.bin"), data


def watches(place, target):
    path, data = recording(place)
    found = rows(example("live", MODEL, path, target, 100, 50).stdout)
    require([int(row["from_ms"]) for row in found] == [0, 50, 100, 150], f"{found}")
    for row in found:
        begin = int(row["from_ms"]) * 1000
        window = [(data[at:at + 2], int.from_bytes(data[at + 2:at + 5], "big") & 0x7FFFFF)
                  for at in range(0, len(data), 5)]
        window = [(xy, time - begin) for xy, time in window if begin <= time < begin + 100000]
        require(int(row["events"]) == len(window), f"{row}: {len(window)} events")
        # Times in a file count from its first event, which is at the start of the window.
        require(window[0][1] == 0, "the window begins with an event")
        place.write("w.bin", b"".join(xy + (1 << 23 | time).to_bytes(3, "big")
                                      for xy, time in window))
        steps = counted(place, target.replace("vdev:", "chip:"), MODEL, "-d",
                        place.at("w.bin"))[0]
        require(decided(steps) in (None, int(row["class"])), f"{row}: {decided(steps)}")
    require(found[0]["class"] != found[2]["class"], f"a bar and a ring look the same: {found}")


def watches_on_the_simulator(place):
    """live decides window by window as snnsim does on each"""
    watches(place, "sim")


def watches_on_a_chip(place):
    """live does the same on a simulated chip"""
    watches(place, "chip:speck2f")


def watches_on_a_virtual_chip(place):
    """live does the same on a virtual chip"""
    known("vdev:speck2f")
    watches(place, "vdev:speck2f")


if __name__ == "__main__":
    sys.exit(report(named([
        deploys_on_the_simulator, deploys_on_a_chip, deploys_on_a_virtual_chip,
        deploys_over_a_serial_line, a_serial_line_is_the_chip,
        deploys_frame_by_frame, says_what_is_wrong, first_spikes_of_the_simulator,
        first_spikes_of_a_chip, first_spikes_of_a_virtual_chip, watches_on_the_simulator,
        watches_on_a_chip, watches_on_a_virtual_chip]), sys.argv[1]))
