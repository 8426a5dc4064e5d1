"""Sessions of event cameras on tape, written here from docs/formats/tape.md and cameras.md: cameras.py
SNNSIM

The same events, as exact input spikes in an NPY file, give the same counts.
"""

import struct
import sys
import zlib

import numpy as np

from flow import named, report, require, tensor

STEPS, STEP_US = 20, 1000


def record(kind, result, time, data):
    return struct.pack("<BBHIQ", kind, result, 0, len(data), time) + data


def tape(uri, transfers, cut=None):
    """A tape of IN transfers (data, outcome); `cut` breaks the data anew into such pieces."""
    body = b"snn.tape" + struct.pack("<HHI", 1, len(uri), 0) + uri.encode()
    if cut is not None:
        data = b"".join(data for data, _ in transfers)
        transfers = [(data[at:at + cut], 0) for at in range(0, len(data), cut)]
    for time, (data, outcome) in enumerate(transfers):
        body += record(3, outcome, time, data)
    body += struct.pack("<BBHIQ", 4, 0, 0, 4, len(transfers))
    return body + struct.pack("<I", zlib.crc32(body))


def davis(events):
    """16-bit words: time and row only where they change."""
    words, counter, wraps, row = [], None, 0, None
    for time, x, y, polarity in events:
        if time >> 15 > wraps:
            words.append(7 << 12 | (time >> 15) - wraps)
            wraps, counter = time >> 15, 0
        if time & 0x7FFF != counter:
            counter = time & 0x7FFF
            words.append(0x8000 | counter)
        if y != row:
            row = y
            words.append(1 << 12 | y)
        words.append((3 if polarity else 2) << 12 | x)
    return b"".join(struct.pack("<H", word) for word in words)


def dvs128(events):
    data, wraps = b"", 0
    for time, x, y, polarity in events:
        while time >> 14 > wraps:
            data += b"\0\0\0\x80"
            wraps += 1
        address = (127 - y) << 8 | (127 - x) << 1 | (1 - polarity)
        data += struct.pack("<HH", address, time & 0x3FFF)
    return data


def dynapse(events):
    words, wraps = [], 0
    for time, x, y, _ in events:
        if time >> 15 > wraps:
            words.append(7 << 12 | (time >> 15) - wraps)
            wraps = time >> 15
        words += [0x8000 | time & 0x7FFF, (1, 2, 5, 6)[y % 4] << 12 | x << 4 | y // 4 + 1]
    return b"".join(struct.pack("<H", word) for word in words)


def some_events(width, height, seed, polarities=2):
    """Events over more than one wrap of any counter, the first one at the start of a step."""
    random = np.random.default_rng(seed)
    times = np.sort(random.integers(0, STEPS * STEP_US, 400)) + 60000
    times[0] = 60000
    return [(int(time), int(random.integers(width)), int(random.integers(height)),
             int(random.integers(polarities))) for time in times]


def spiking_net(place, shape):
    """A net that arrived spiking on inputs of this shape, with weights that tell pixels apart."""
    channels, height, width = shape
    random = np.random.default_rng(7)
    size = channels * height * width
    weights = [float(v) for v in random.integers(-4, 8, 3 * size) / 8]
    place.write("net.json", {
        "format": "snn.model/1", "name": "seer",
        "layers": [{"name": "input", "kind": "input", "shape": list(shape)},
                   {"name": "dense", "kind": "dense", "inputs": ["input"],
                    "weights": tensor(weights, [3, size])}],
        "output": "dense"})
    return place.at("net.json")


def counts(place, name, *arguments):
    answer = place.run(*arguments, "-q", "--norm", "none", "--save-counts", place.at(name))
    require(answer.returncode == 0, "snnsim failed", answer)
    return np.load(place.at(name))


def dense(events, shape):
    """uint8 counts [1][step][c][y][x]; with one channel both polarities are the same."""
    spikes = np.zeros((1, STEPS, *shape), np.uint8)
    start = events[0][0]
    for time, x, y, polarity in events:
        spikes[0, (time - start) // STEP_US, polarity if shape[0] == 2 else 0, y, x] += 1
    return spikes


def same(place, uri, data, events, shape, cut, view=()):
    place.write("session.tape", tape(uri, [(data, 0)], cut))
    np.save(place.at("spikes.npy"), dense(events, shape))
    net = spiking_net(place, shape)
    taped = counts(place, "taped.npy", net, "-d", place.at("session.tape"), "-t", STEPS, *view)
    plain = counts(place, "plain.npy", net, "--input-spikes", place.at("spikes.npy"))
    require(plain.sum() > 0, "a net that never fires shows nothing")
    require(np.array_equal(taped, plain), f"{uri}, pieces of {cut}: other counts")


def davis_is_what_it_saw(place):
    """a session with a DAVIS gives what the same events as spikes give, however it is cut"""
    events = some_events(60, 40, 1)
    for cut in (None, 512, 7, 1):
        same(place, "usb:152a:841b:00000001", davis(events), events, (2, 40, 60), cut)


def dvs128_is_what_it_saw(place):
    """the same with a DVS128"""
    events = some_events(128, 128, 2)
    for cut in (None, 509):
        same(place, "usb:152a:8400", dvs128(events), events, (1, 128, 128), cut)


def dynapse_is_what_it_fired(place):
    """the same with a DYNAP-SE, whose neurons are pixels of 256 x 16"""
    events = [(t, x, y, 1) for t, x, y, _ in some_events(256, 16, 3)]
    same(place, "usb:152a:841d", dynapse(events), events, (2, 16, 256), 33)


def views_are_applied(place):
    """--view looks at a recording as a chip's input layer does"""
    events = some_events(60, 40, 4)
    seen = [(t, 19 - (x // 2 - 5), y // 2 - 3, 0) for t, x, y, p in events
            if p == 1 and 5 <= x // 2 <= 24 and 3 <= y // 2 <= 12]
    same(place, "usb:152a:841a", davis(events), seen, (1, 10, 20), 64,
         ("--view", "polarity=on,pool=2,cut=5:3:24:12,mirror=x"))


def transfers_that_failed_are_left_out(place):
    """bytes of transfers that failed are not events, and half a word before them is given up"""
    events = some_events(60, 40, 5)
    half = len(events) // 2
    first, second = davis(events[:half]), davis(events[half:])
    # Wraps of the first part hold for the second, too.
    second = second[2:]
    broken = [(first + b"\x01", 0), (b"\x03\x30" * 9, 4), (second, 0), (b"\x03\x30" * 9, 6)]
    place.write("session.tape", tape("usb:152a:841b", broken))
    np.save(place.at("spikes.npy"), dense(events, (2, 40, 60)))
    net = spiking_net(place, (2, 40, 60))
    taped = counts(place, "taped.npy", net, "-d", place.at("session.tape"), "-t", STEPS)
    plain = counts(place, "plain.npy", net, "--input-spikes", place.at("spikes.npy"))
    require(np.array_equal(taped, plain), "other counts")


def transfers_that_a_halt_ended_count(place):
    """what came before an endpoint halted are events, and a word goes on behind the halt"""
    events = some_events(60, 40, 7)
    data = davis(events)
    cut = len(data) // 2 | 1
    halted = tape("usb:152a:841b", [(data[:cut], 3), (b"", 2), (b"", 3), (data[cut:], 0)])
    place.write("session.tape", halted)
    np.save(place.at("spikes.npy"), dense(events, (2, 40, 60)))
    net = spiking_net(place, (2, 40, 60))
    taped = counts(place, "taped.npy", net, "-d", place.at("session.tape"), "-t", STEPS)
    plain = counts(place, "plain.npy", net, "--input-spikes", place.at("spikes.npy"))
    require(np.array_equal(taped, plain), "other counts")


def refuse(place, status, text, *arguments):
    answer = place.run(*arguments)
    require(answer.returncode == status, f"status {answer.returncode}, not {status}", answer)
    require(text in answer.stderr, f"without '{text}'", answer)


def says_what_is_wrong(place):
    """other devices, damaged tapes and views that are none are refused by name"""
    net = spiking_net(place, (2, 40, 60))
    good = tape("usb:152a:841b", [(davis(some_events(60, 40, 6)), 0)])
    place.write("chip.tape", tape("vdev:speck2f", [(b"", 0)]))
    place.write("damaged.tape", good[:100] + bytes([good[100] ^ 1]) + good[101:])
    place.write("short.tape", good[:-1])
    place.write("good.tape", good)
    refuse(place, 65, "a session with vdev:speck2f, which is no camera", net, "-d", "chip.tape")
    refuse(place, 65, "the file is damaged", net, "-d", "damaged.tape")
    refuse(place, 65, "cut off", net, "-d", "short.tape")
    refuse(place, 64, "'zoom=2' says nothing", net, "-d", "good.tape", "--view", "zoom=2")
    refuse(place, 64, "holds no recorded events", place.at("model.json"), "--view", "pool=2")


if __name__ == "__main__":
    sys.exit(report(named([
        davis_is_what_it_saw, dvs128_is_what_it_saw, dynapse_is_what_it_fired, views_are_applied,
        transfers_that_failed_are_left_out,
        transfers_that_a_halt_ended_count, says_what_is_wrong]), sys.argv[1]))
