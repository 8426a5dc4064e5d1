"""Makes corpus/recording: make_recordings.py

Short recordings of each format, with all that its writer knows (tests/flow): marks of time, wraps,
vectors, triggers, resets. The same bytes every time.
"""

import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "flow"))

import aedat_files as aedat
import event_files as files

COUNT = 120


def put(name, data):
    path = os.path.join(HERE, "corpus", "recording", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def main():
    rng = random.Random(1)
    large = files.events_of(rng, COUNT, 1280, 720, start=1 << 20, late=0.05)
    wraps = files.events_of(rng, COUNT, 320, 240, start=(1 << 34) - 9000)
    small = files.events_of(rng, COUNT, 304, 240)
    put("evt2/plain.raw", files.evt2(large, rng)[0])
    put("evt2/wraps.raw", files.evt2(wraps, rng, lines=("system_ID 21", "evt 2.0"))[0])
    put("evt2/big.raw", files.evt2(small, rng, lines=("format EVT2;endianness=big",), order=">")[0])
    put("evt21/plain.raw", files.evt21(large, rng)[0])
    put("evt21/legacy.raw", files.evt21(wraps, rng, lines=("evt 2.1", "geometry 320x240"),
                                        order="legacy")[0])
    put("evt3/plain.raw", files.evt3(large, rng)[0])
    put("evt3/wraps.raw", files.evt3(files.events_of(rng, COUNT, 640, 480, step=50000), rng,
                                     lines=("evt 3.0", "system_ID 40"))[0])
    put("dat/two.dat", files.dat(large, rng, lines=("Version 2", "Width 1280", "Height 720"))[0])
    put("dat/one.dat", files.dat([(time - 3 * (1 << 32), *rest) for time, *rest in wraps[:60]], rng, version=1)[0])
    for version in (1, 2):
        for atis in (False, True):
            put(f"es/{'atis' if atis else 'dvs'}{version}.es",
                files.event_stream(small, rng, version=version, atis=atis)[0])
    make_aedat(rng)
    make_tables(files.in_order(small)[:60])


def npy(descr, shape, data, order=False):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text = text.ljust((10 + len(text) + 64) // 64 * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def make_tables(events):
    size = len(events)
    put("npy/named.npy", npy("[('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|b1')]", (size,),
                             b"".join(struct.pack("<qhhB", *event) for event in events)))
    put("npy/floats.npy", npy("[('p', '|i1'), ('', '|V3'), ('x', '>f4'), ('y', '>u2'), "
                              "('timestamp', '>f8')]", (size,),
                              b"".join(struct.pack(">b3xfHd", p, x, y, time * 1e-6)
                                       for time, x, y, p in events)))
    put("npy/plain.npy", npy("'<i4'", (size, 4),
                             b"".join(struct.pack("<4i", *event) for event in events)))
    put("npy/turned.npy", npy("'>u4'", (size, 4), struct.pack(
        f">{4 * size}I", *(value for column in zip(*events) for value in column)), True))
    put("csv/named.csv", "".join(["% geometry:304,240\n", "x;y;polarity;t [us]\n"] + [
        f"{x};{y};{2 * p - 1};{time}\n" for time, x, y, p in events]).encode())
    put("csv/rpg.txt", "".join(["304 240\n"] + [
        f"{time * 1e-6:.9f} {x} {y} {p}\n" for time, x, y, p in events]).encode())
    put("csv/bare.csv", "".join(
        f"{x},{y},{p},{time}\r\n" for time, x, y, p in events).encode()[:-2])
    put("csv/savetxt.txt", "".join(["# t x y p\n"] + [
        f"{time * 1e-6:.18e} {x:.18e} {y:.18e} {p:.18e}\n"
        for time, x, y, p in events[:30]]).encode())


def make_aedat(rng):
    """Reproducible as long as the tools that pack are: their output is kept."""
    small = files.events_of(rng, COUNT, 128, 128, start=(1 << 32) - 2000)
    sensor = files.events_of(rng, COUNT, 240, 180, start=(1 << 31) - 2000)
    put("aedat2/old.aedat", aedat.aedat2(small[:60], rng, version=1)[0])
    put("aedat2/dvs128.aedat", aedat.aedat2(small, rng, named=False)[0])
    put("aedat2/davis.aedat", aedat.aedat2(sensor, rng, "davis240", end=True)[0])
    put("aedat3/davis.aedat", aedat.aedat31(sensor, rng)[0])
    for packing in aedat.PACKINGS:
        put(f"aedat4/{packing.lower()}.aedat4",
            aedat.aedat4(sensor, rng, packing, (240, 180), packing != "ZSTD", 60)[0])


if __name__ == "__main__":
    main()
