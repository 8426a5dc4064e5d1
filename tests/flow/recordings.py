"""Recordings of event cameras, written here from the specifications: recordings.py RECORDING PAGE

Random events go through each writer of event_files.py, with wraps of the format's clock, vectors,
triggers, resets and late times, and the program RECORDING must print exactly these events, however
many it takes at once. So it must with the test vectors of PAGE. And two recordings by strangers give the numbers that are known of them.
"""

import gzip
import os
import random
import re
import subprocess
import sys

import event_files as files
from flow import Skip, named, report, require

COUNT, SOAK_COUNT = 6000, 200000
ROOMS = (1, 7, 4096)


def read(program, path, room):
    answer = subprocess.run([program, path, str(room)], capture_output=True, text=True, check=False)
    require(answer.returncode == 0, f"{path}: {answer.stderr}")
    *lines, last = answer.stdout.splitlines()
    return [tuple(map(int, line.split())) for line in lines], last


def difference(events, expected):
    for i, (got, wanted) in enumerate(zip(events, expected)):
        if got != wanted:
            return f"event {i} is {got}, not {wanted}"
    return f"{len(events)} events, not {len(expected)}"


def check(program, path, data, expected, told):
    """`told`: what the last line is to be."""
    with open(path, "wb") as file:
        file.write(data)
    for room in ROOMS:
        events, last = read(program, path, room)
        require(events == expected, f"{path}, {room} at once: {difference(events, expected)}")
        require(last == told, f"{path}, {room} at once: {last}, not {told}")


def late_of(events):
    """How many come late, and by how much at most."""
    late, latest = [], 0
    for time, *_ in events:
        if time < latest:
            late.append(latest - time)
        latest = max(latest, time)
    return len(late), max(late, default=0)


def line(name, width, height, others, events):
    count, most = late_of(events)
    return f"# {name} | {width} {height} | others {others} late {count} (at most {most} us) invalid 0"


# Name, as it is told, width, height, first time, largest usual step, writer: each about its wrap.
CASES = [
    ("evt2.raw", "EVT 2.0 (.raw)", 1280, 720, (1 << 34) - 300000, 40, files.evt2, {}),
    ("evt2-big.raw", "EVT 2.0 (.raw)", 640, 480, 5, 3000, files.evt2,
     {"lines": ("evt 2.0", "geometry 640x480", "endianness big"), "order": ">"}),
    ("evt2-old.raw", "EVT 2.0 (.raw)", 640, 480, 913716224, 40, files.evt2,
     {"lines": ("Date 2020-09-25 07:48:31", "system_ID 21", "evt 2.0")}),
    ("evt21.raw", "EVT 2.1 (.raw)", 1280, 720, (1 << 34) - 300000, 40, files.evt21, {}),
    ("evt21-legacy.raw", "EVT 2.1 (.raw)", 1280, 720, 77, 40, files.evt21,
     {"lines": ("evt 2.1", "endianness legacy", "width 1280", "height 720"), "order": "legacy"}),
    ("evt21-unsaid.raw", "EVT 2.1 (.raw)", 1280, 720, 77, 40, files.evt21,
     {"lines": ("evt 2.1", "geometry 1280x720"), "order": "legacy"}),
    ("evt21-big.raw", "EVT 2.1 (.raw)", 1280, 720, 77, 40, files.evt21,
     {"lines": ("format EVT21;endianness=big;width=1280;height=720",), "order": ">"}),
    ("evt3.raw", "EVT 3.0 (.raw)", 1280, 720, (1 << 24) - 300000, 40, files.evt3, {}),
    ("evt3-slow.raw", "EVT 3.0 (.raw)", 1280, 720, 1, 100000, files.evt3, {}),
    ("evt3-big.raw", "EVT 3.0 (.raw)", 320, 320, 1, 400, files.evt3,
     {"lines": ("format EVT3;endianness=big;width=320;height=320",), "order": ">"}),
    ("two.dat", "DAT 2 (.dat)", 0, 0, (1 << 32) - 300000, 40, files.dat, {}),
    ("one.dat", "DAT 1 (.dat)", 304, 240, (1 << 32) - 300000, 40, files.dat,
     {"version": 1, "lines": ("Version 1", "Width 304", "Height 240"), "kind": 0}),
    ("dvs2.es", "Event Stream 2, DVS (.es)", 320, 240, 0, 40, files.event_stream, {}),
    ("atis2.es", "Event Stream 2, ATIS (.es)", 320, 240, 0, 40, files.event_stream,
     {"atis": True}),
    ("dvs1.es", "Event Stream 1, DVS (.es)", 0, 0, 0, 40, files.event_stream, {"version": 1}),
    ("atis1.es", "Event Stream 1, ATIS (.es)", 0, 0, 0, 40, files.event_stream,
     {"version": 1, "atis": True}),
]


def count():
    return SOAK_COUNT if "SNN_SOAK" in os.environ else COUNT


def written(number, case):
    name, told, width, height, start, step, write, options = case
    rng = random.Random(number)
    late = 0.02 if name.startswith("evt") or name.endswith(".dat") else 0.0
    events = files.events_of(rng, count(), width or 304, height or 240, start, step, late)
    data, others = write(events, rng, **options)
    return name, data, files.in_order(events), line(told, width, height, others, events)


def make(number, case):
    def test(place):
        name, data, expected, told = written(number, case)
        check(place.tool, place.at(name), data, expected, told)
    return f"{case[0]}: the events that were written are read", test


def packed(place):
    """A recording may be gzipped"""
    name, data, expected, told = written(1, CASES[0])
    check(place.tool, place.at(name + ".gz"), gzip.compress(data, 1), expected, told)


def off_the_sensor(place):
    """Events off the sensor of the header are taken out and counted"""
    rng = random.Random(3)
    events = files.events_of(rng, 2000, 640, 480, 100)
    data, others = files.evt2(events, rng, lines=("evt 2.0", "geometry 300x200"))
    kept = [event for event in events if event[1] < 300 and event[2] < 200]
    told = line("EVT 2.0 (.raw)", 300, 200, others, kept)
    check(place.tool, place.at("off.raw"), data, kept,
          told.replace("invalid 0", f"invalid {len(events) - len(kept)}"))


# What the test vectors of the page stand behind.
HEADS = {
    "EVT 2.0": b"% evt 2.0\n",
    "EVT 2.1": b"% evt 2.1\n% endianness little\n",
    "EVT 2.1, `legacy`": b"% evt 2.1\n% endianness legacy\n",
    "EVT 3.0": b"% evt 3.0\n",
    "DAT 2": b"% Version 2\n",
    "DAT 1": b"% Version 1\n",
    "DVS 2": b"Event Stream\2\0\0\1\x40\1\xf0\0",
    "ATIS 2": b"Event Stream\2\0\0\2\x40\1\xf0\0",
    "DVS 1": b"Event Stream\1\0\0",
    "ATIS 1": b"Event Stream\1\0\1",
}
VECTOR = re.compile(r"\| (.+?) \| ((?:`[0-9a-f ]+` ?)+)\| ([0-9; ]+) \|")


def page(place):
    """The test vectors of the page give their events"""
    with open(sys.argv[2], encoding="utf-8") as file:
        vectors = VECTOR.findall(file.read())
    require({name for name, *_ in vectors} >= set(HEADS), f"vectors of {[v[0] for v in vectors]}")
    for name, data, events in vectors:
        if name not in HEADS:
            continue
        with open(place.at("vector"), "wb") as file:
            file.write(HEADS[name] + bytes.fromhex(data.replace("`", "")))
        got, _ = read(place.tool, place.at("vector"), 16)
        wanted = [tuple(map(int, event.split())) for event in events.split(";")]
        require(got == wanted, f"{name}: {difference(got, wanted)}")


# Path below SNN_SHARED, events, ON, first and last time, what is told.
STRANGERS = [
    ("evt2.raw", 521252, 185861, 913716224, 913812095,
     "# EVT 2.0 (.raw) | 640 480 | others 0 late 0 (at most 0 us) invalid 0"),
    ("dvs.es", 473225, 270001, 0, 999000,
     "# Event Stream 2, DVS (.es) | 320 240 | others 0 late 0 (at most 0 us) invalid 0"),
]


def stranger(name, total, on, first, last, told):
    def test(place):
        path = os.path.join(os.environ.get("SNN_SHARED", ""), "realfiles", "events", name)
        if "SNN_SHARED" not in os.environ or not os.path.exists(path):
            raise Skip(f"SNN_SHARED names no folder with {name}")
        events, line_told = read(place.tool, path, 4096)
        seen = (len(events), sum(event[3] for event in events), events[0][0], events[-1][0])
        require(seen == (total, on, first, last), f"{seen} events, ON, first and last time")
        require(line_told == told, line_told)
    return f"{name}, of strangers: {total} events, {on} of them ON", test


def main():
    tests = [make(number, case) for number, case in enumerate(CASES)]
    tests += named([packed, off_the_sensor, page]) + [stranger(*known) for known in STRANGERS]
    return report(tests, sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
