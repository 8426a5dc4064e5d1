"""AEDAT recordings of every version, written by aedat_files.py, read by the library: aedat.py
RECORDED

Exactly the events that were written come out, whatever lies between them, however they are packed.
"""

import json
import os
import random
import struct
import subprocess
import sys

import aedat_files as files
import event_files
import flow

SHARED = os.environ.get("SNN_SHARED", "")


def read(place, path, room=4096):
    """Events and what is known of the recording."""
    answer = subprocess.run([place.tool, path, str(room)], capture_output=True, check=False,
                            timeout=flow.TIME_LIMIT)
    text = answer.stderr.decode()
    if "built without" in text:
        raise flow.Skip(text.splitlines()[0])
    flow.require(answer.returncode == 0, text)
    return list(struct.iter_unpack("<QHHB", answer.stdout)), json.loads(text.splitlines()[-1])


def expect(place, written, events, **info):
    data, others, invalid = written
    place.write("recording", data)
    for room in (4096, 1000):
        found, told = read(place, place.at("recording"), room)
        for i, (is_one, wanted) in enumerate(zip(found, events)):
            flow.require(is_one == wanted, f"event {i} is {is_one}, not {wanted}")
        flow.require(len(found) == len(events), f"{len(found)} events, not {len(events)}")
        info |= {"others": others, "invalid": invalid, "events": len(events),
                 "on": sum(event[3] for event in events)}
        for name, value in info.items():
            flow.require(told[name] == value, f"{name}: {told[name]}, not {value}")


def aedat2_case(chip, version, named, size, start, **options):
    def test(place):
        rng = random.Random(f"{chip} {version} {named}")
        events = event_files.events_of(rng, 4000, *size, start=start, late=0.02)
        written = files.aedat2(events, rng, chip, version, named, **options)
        expect(place, written, event_files.in_order(events), format=f"AEDAT {version}",
               width=size[0], height=size[1])
    test.__doc__ = f"AEDAT {version}, {chip}{'' if named else ' by default'}, from {start} us"
    return test


def aedat31(place):
    """AEDAT 3.1: packets of all kinds, events not valid, a clock that overflows"""
    for seed in range(4):
        rng = random.Random(seed)
        start = (seed << 31) - (20000 if seed else 0)
        events = event_files.events_of(rng, 4000, 240, 180, start=start)
        expect(place, files.aedat31(events, rng, source=seed), events, format="AEDAT 3.1",
               width=240, height=180, late=0)


def aedat4_case(packing, closed):
    def test(place):
        if not files.can_pack(packing):
            raise flow.Skip(f"no {files.COMMANDS[packing][0][0]}")
        for seed in range(3):
            rng = random.Random(seed)
            size = rng.choice(((320, 240), (640, 480), (1280, 720)))
            events = event_files.events_of(rng, 5000, *size, start=1605537493718345)
            written = files.aedat4(events, rng, packing, size, closed, rng.choice((40, 400, 9000)))
            expect(place, written, events, format="AEDAT 4", width=size[0], height=size[1], late=0)
    test.__doc__ = f"AEDAT 4, packed with {packing}{'' if closed else ', never closed'}"
    return test


def zipped(place):
    """a gzipped one is read as it is"""
    import gzip
    rng = random.Random(5)
    events = event_files.events_of(rng, 2000, 320, 240)
    data, others, invalid = files.aedat4(events, rng)
    expect(place, (gzip.compress(data), others, invalid), events)


def sample(place):
    """a recording of a DVXplorer by strangers"""
    path = os.path.join(SHARED, "realfiles", "events", "sample.aedat4")
    if not SHARED or not os.path.exists(path):
        raise flow.Skip("SNN_SHARED is not set" if not SHARED else "no sample.aedat4")
    events, told = read(place, path)
    flow.require(len(events) == 111954, f"{len(events)} events")
    flow.require(told["on"] == 55023, f"{told['on']} ON")
    flow.require((told["width"], told["height"]) == (320, 240), f"{told}")
    flow.require(told["late"] == told["invalid"] == 0, f"{told}")


CASES = flow.named([
    aedat2_case("dvs128", 1, True, (128, 128), 0),
    aedat2_case("dvs128", 2, True, (128, 128), (1 << 31) - 5000),
    aedat2_case("dvs128", 2, False, (128, 128), (1 << 32) - 5000),
    aedat2_case("davis240", 2, True, (240, 180), 7),
    aedat2_case("davis346", 2, True, (346, 260), (1 << 32) - 9000, end=True),
    *(aedat4_case(packing, packing != "LZ4_HIGH") for packing in files.PACKINGS),
    aedat31, zipped, sample,
])

if __name__ == "__main__":
    sys.exit(flow.report(CASES, sys.argv[1]))
