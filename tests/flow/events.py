"""Recordings of event cameras from the command line, of strangers and of every format: events.py SNNSIM

What snnconvert --info tells of a file, and what a net makes of it as --data of snnsim. Files of
strangers lie below the folder that SNN_SHARED names; without it these cases are skipped.
"""

import json
import os
import random
import signal
import struct
import subprocess
import sys
import time

sys.path.append(sys.path.pop(0))  # as in realfiles.py

import numpy as np

import aedat_files
import event_files
from flow import environment, gz, named, report, require, tensor
from realfiles import model, shared, supported

CONVERT = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "snnconvert")
WIDTH, HEIGHT, STEPS = 32, 24, 30

# events, of these ON, first and last time, width, height: as their README and other readers tell
STRANGERS = {
    "evt2.raw": (521252, 185861, 913716224, 913812095, 640, 480),
    "dvs.es": (473225, None, None, None, 320, 240),
    "sample.aedat4": (111954, 55023, None, None, 320, 240),
    "sample_nmnist.bin": (4325, 2145, 654, 311175, None, None),
}


def info(place, *arguments):
    """The JSON of snnconvert --info."""
    answer = subprocess.run([CONVERT, "--json", "-", *arguments], cwd=place.folder, check=False,
                            capture_output=True, text=True, env=environment(), timeout=300)
    require(answer.returncode == 0, "snnconvert failed", answer)
    return json.loads(answer.stdout)


def stranger(name):
    def test(place):
        path = shared("realfiles", "events", name)
        events, on, first, last, width, height = STRANGERS[name]
        document = info(place, path)
        require(document["schema"] == "snn.recording/1" and document["view"] is None, f"{document}")
        told = document["recordings"][0]
        require(told["events"] == events and told["on"] + told["off"] == events, f"{told}")
        require(on in (None, told["on"]), f"{told['on']} ON")
        require(first in (None, told["first_us"]), f"from {told['first_us']} us")
        require(last in (None, told["last_us"]), f"to {told['last_us']} us")
        require((told["width"], told["height"]) == (width, height), f"{told}")
        require(told["late"] == 0 and told["invalid"] == 0, f"{told}")
    return f"{name}: what its README tells", test


# --- What events are, and what a net makes of them ------------------------------------------------


def some_events(seed, count=400):
    """(time, x, y, polarity) from 1,000 us on, over STEPS steps of a millisecond."""
    rng = random.Random(seed)
    times = sorted(rng.randrange(1000, 1000 + STEPS * 1000) for _ in range(count))
    times[0], times[-1] = 1000, 999 + STEPS * 1000
    return [(time, rng.randrange(WIDTH), rng.randrange(HEIGHT), rng.randrange(2)) for time in times]


def structured(events, fields):
    array = np.zeros(len(events), np.dtype(fields))
    for name, column in zip(("t", "x", "y", "p"), zip(*events)):
        names = [field for field in array.dtype.names if field[0] == name or field == "on"]
        array[names[0]] = column
    return array


def npy(place, array):
    np.save(place.at("array.npy"), array)
    with open(place.at("array.npy"), "rb") as file:
        return file.read()


def nmnist(events):
    data = b""
    for time, x, y, polarity in events:
        data += struct.pack(">BBBH", x, y, polarity << 7 | time >> 16, time & 0xFFFF)
    return data


def text(events, form="{0},{1},{2},{3}\n", header="t,x,y,p\n"):
    return (header + "".join(form.format(*event) for event in events)).encode()


def written(place, events, rng):
    """The same events in every format: name of the file, its bytes."""
    plain = np.array(events)
    hd = ("format EVT3;height=720;width=1280",)
    files = {
        "evt2.raw": event_files.evt2(events, rng)[0],
        "evt21.raw": event_files.evt21(events, rng)[0],
        "evt3.raw": event_files.evt3(events, rng)[0],
        "evt3.raw.gz": gz(event_files.evt3(events, rng, lines=hd)[0]),
        "two.dat": event_files.dat(events, rng)[0],
        "one.dat": event_files.dat(events, rng, version=1)[0],
        "stream.es": event_files.event_stream(events, rng, width=WIDTH, height=HEIGHT)[0],
        "two.aedat": aedat_files.aedat2(events, rng)[0],
        "three.aedat": aedat_files.aedat31(events, rng)[0],
        "four.aedat4": aedat_files.aedat4(events, rng, size=(WIDTH, HEIGHT))[0],
        "nmnist.bin": nmnist(events),
        "tonic.npy": npy(place, structured(events, [("x", "<i8"), ("y", "<i8"), ("t", "<i8"),
                                                    ("p", "<i8")])),
        "toolbox.npy": npy(place, structured(events, [("t", "<u4"), ("x", "<u2"), ("y", "<u2"),
                                                      ("p", "u1"), ("rest", "V3")])),
        "bool.npy": npy(place, structured(events, [("polarity", "?"), ("timestamp", ">i8"),
                                                   ("y", ">u2"), ("x", "<u2")])),
        "plain.npy": npy(place, plain.astype(np.int32)),
        "turned.npy": npy(place, np.ascontiguousarray(plain.T).T),
        "last.npy": npy(place, plain[:, [1, 2, 3, 0]].astype(np.int64)),
        "seconds.npy": npy(place, structured([(t / 1e6, x, y, p) for t, x, y, p in events],
                                             [("t", "<f8"), ("x", "<f4"), ("y", "<f4"),
                                              ("p", "i1")])),
        "names.csv": text(events),
        "prophesee.csv": text(events, "{1},{2},{3},{0}\n", ""),
        "rpg.txt": text([(f"{t / 1e6:.9f}", x, y, p) for t, x, y, p in events],
                        "{} {} {} {}\n", ""),
        "tabs.txt": text([(t, x, y, 2 * p - 1) for t, x, y, p in events], "{3}\t{2}\t{1}\t{0}\r\n",
                         "# Polarity\ty\tx\tTimestamp\n"),
        "packed.csv.gz": gz(text(events, "{0}; {1}; {2}; {3}\n", "")),
    }
    np.savetxt(place.at("savetxt.txt"), plain, header="t x y p", fmt="%d")
    np.savetxt(place.at("floats.txt"), plain * np.array([1e-6, 1, 1, 1]))
    for name, data in files.items():
        place.write(name, data)
    os.remove(place.at("array.npy"))
    return [*files, "savetxt.txt", "floats.txt"]


def net(place, width=WIDTH, height=HEIGHT):
    """A net that arrived spiking and tells pixels and polarities apart."""
    size = 2 * width * height
    weights = np.random.default_rng(3).integers(-3, 8, 3 * size)
    place.write("net.json", {
        "format": "snn.model/1", "name": "eye",
        "layers": [{"name": "input", "kind": "input", "shape": [2, height, width]},
                   {"name": "dense", "kind": "dense", "inputs": ["input"],
                    "weights": tensor([float(w) / 8 for w in weights], [3, size])}],
        "output": "dense"})
    return place.at("net.json")


def dense(events, width=WIDTH, height=HEIGHT):
    spikes = np.zeros((1, STEPS, 2, height, width), np.uint8)
    for time, x, y, polarity in events:
        spikes[0, (time - events[0][0]) // 1000, polarity, y, x] += 1
    return spikes


def counts(place, *arguments):
    answer = place.run(*arguments, "-q", "--norm", "none", "--save-counts", place.at("counts.npy"))
    require(answer.returncode == 0, "snnsim failed", answer)
    return np.load(place.at("counts.npy"))


def every_format(place):
    """the same events in any format give the same counts, which are those of exact input spikes"""
    events = some_events(1)
    names = written(place, events, random.Random(5))
    eye = net(place)
    np.save(place.at("spikes.npy"), dense(events))
    expected = counts(place, eye, "--input-spikes", place.at("spikes.npy"))
    require(expected.sum() > 100, "a net that hardly fires shows nothing")
    on = sum(event[3] for event in events)
    for name in names:
        told = info(place, name)["recordings"][0]
        have = [told[key] for key in ("events", "on", "first_us", "last_us", "late")]
        require(have == [len(events), on, 1000, events[-1][0], 0], f"{name}: {told}")
        require(told["x"][1] < WIDTH and told["y"][1] < HEIGHT, f"{name}: {told}")
        got = counts(place, eye, "-d", name, "-t", STEPS)
        require(np.array_equal(got, expected), f"{name}: other counts")


def a_folder_of_all(place):
    """a folder may hold all formats, labelled by its labels.txt or by folders named for classes"""
    events = some_events(2)
    names = written(place, events, random.Random(6))
    for folder in ("set", "classes", "classes/0", "classes/2"):
        os.mkdir(place.at(folder))
    for number, name in enumerate(names):
        os.rename(place.at(name), place.at(os.path.join("set", name)))
        os.link(place.at(os.path.join("set", name)),
                place.at(os.path.join("classes", "02"[number % 2], name)))
    place.write("set/labels.txt", "# all of them\n" +
                "".join(f"{name} {number % 3}\n" for number, name in enumerate(names)))
    eye = net(place)
    np.save(place.at("spikes.npy"), dense(events))
    expected = counts(place, eye, "--input-spikes", place.at("spikes.npy"))
    for folder, labels in (("set", [n % 3 for n in range(len(names))]),
                           ("classes", [0] * ((len(names) + 1) // 2) + [2] * (len(names) // 2))):
        told = info(place, folder)["recordings"]
        require([entry["label"] for entry in told] == labels, f"{folder}: {told}")
        require(len({entry["format"] for entry in told}) >= 8, f"{folder}: {told}")
        require({entry["events"] for entry in told} == {len(events)}, f"{folder}: {told}")
        got = counts(place, eye, "-d", folder, "-t", STEPS)
        require(got.shape[0] == len(names), f"{folder}: {got.shape}")
        require(all(np.array_equal(got[i:i + 1], expected) for i in range(len(names))),
                f"{folder}: other counts")
        answer = place.run(eye, "-d", folder, "-t", STEPS, "--norm", "none", "--json", "out.json")
        require(answer.returncode == 0, "no run", answer)
        require(place.read_json("out.json")["results"][0]["accuracy"] is not None, "no labels")


def views(place):
    """views are what they say, in --info and in a run, whose result tells them"""
    events = some_events(3)
    place.write("events.csv", text(events))
    cases = {
        "polarity=swap": [(t, x, y, 1 - p) for t, x, y, p in events],
        "pool=3": [(t, x // 3, y // 3, p) for t, x, y, p in events],
        "pool=5:2": [(t, x // 2, y // 5, p) for t, x, y, p in events],
        "span=:10.5": [event for event in events if event[0] < 11500],
        "span=10.5:20": [event for event in events if 11500 <= event[0] < 21000],
        "span=20:,pool=2,cut=2:1:9:8,polarity=swap": [
            (t, x // 2 - 2, y // 2 - 1, 1 - p) for t, x, y, p in events
            if t >= 21000 and 2 <= x // 2 <= 9 and 1 <= y // 2 <= 8],
    }
    eye = net(place)
    for view, seen in cases.items():
        told = info(place, "events.csv", "--view", view)
        entry = told["recordings"][0]
        have = (told["view"], entry["events"], entry["unseen"], entry["on"], entry["first_us"],
                entry["x"], entry["y"])
        want = (view, len(seen), len(events) - len(seen), sum(e[3] for e in seen), seen[0][0],
                [f([e[1] for e in seen]) for f in (min, max)],
                [f([e[2] for e in seen]) for f in (min, max)])
        require(have == want, f"{view}: {have}, not {want}")
        np.save(place.at("spikes.npy"), dense(seen))
        expected = counts(place, eye, "--input-spikes", place.at("spikes.npy"))
        got = counts(place, eye, "-d", "events.csv", "-t", STEPS, "--view", view)
        require(np.array_equal(got, expected), f"{view}: other counts")
    answer = place.run(eye, "-d", "events.csv", "-t", STEPS, "--view", view, "--json", "out.json")
    require(place.read_json("out.json")["options"]["view"] == view, "not in the result")
    require(f", seen as {view}" in answer.stdout, "not told", answer)
    answer = place.run(eye, "-d", "events.csv", "-t", STEPS, "--json", "out.json")
    require(place.read_json("out.json")["options"]["view"] is None, "a view in the result")


def answer_of_one(place):
    """a recording without a label gets its answer; what steps that were asked for leave out is told"""
    events = [(1000 + 1000 * i, 3, 2, 1) for i in range(STEPS)]
    place.write("one.csv", text(events))
    eye = net(place)
    answer = place.run(eye, "-d", "one.csv", "--norm", "none", "--csv", "csv")
    require(answer.returncode == 0 and not answer.stderr, "no message expected", answer)
    with open(place.at(os.path.join("csv", "samples.csv")), encoding="utf-8") as table:
        names, values = (line.rstrip("\n").split(",") for line in table)
    row = dict(zip(names, values))
    told = (f"answer       class {row['prediction']}, first spike of class "
            f"{row['first_prediction']} after {row['first_steps']} step")
    require(told in answer.stdout, f"{told!r} expected ({row})", answer)
    require("silent       0 of 1 sample\n" in answer.stdout, "the silent are not told", answer)
    short = place.run(eye, "-d", "one.csv", "--norm", "none", "-t", "10")
    require("10 steps of 1 ms are 10 ms of recordings that take up to" in short.stderr
            and "hint: " in short.stderr, "a warning expected", short)
    quiet = place.run(eye, "-d", "one.csv", "--norm", "none", "-t", "10", "-q")
    require(not quiet.stderr and "answer " in quiet.stdout, "only results expected", quiet)
    dt = short.stderr.split("--dt ")[1].split()[0]
    whole = place.run(eye, "-d", "one.csv", "--norm", "none", "-t", "10", "--dt", dt)
    require(whole.returncode == 0 and not whole.stderr, "the remedy is none", whole)


def tables_by_the_view(place):
    """columns= and unit= say what a table is that does not say it, arrays of floats among them"""
    events = some_events(4)
    odd = np.array([(p, 7, y, x, t * 1000) for t, x, y, p in events])
    eye = net(place)
    np.save(place.at("spikes.npy"), dense(events))
    expected = counts(place, eye, "--input-spikes", place.at("spikes.npy"))
    np.save(place.at("odd.npy"), odd)
    np.save(place.at("floats.npy"), odd.astype(np.float64))
    np.savetxt(place.at("odd.txt"), odd, fmt="%d")
    for name in ("odd.npy", "floats.npy", "odd.txt"):
        view = ("--view", "columns=p-yxt,unit=ns")
        require(info(place, name, *view)["recordings"][0]["last_us"] == events[-1][0], name)
        got = counts(place, eye, "-d", name, "-t", STEPS, *view)
        require(np.array_equal(got, expected), f"{name}: other counts")


def frames_stay_frames(place):
    """(N, 4) of bytes and floats are frames still, and (N, 4) of whole numbers are events"""
    rng = np.random.default_rng(1)
    place.write("flat.json", {
        "format": "snn.model/1", "name": "flat",
        "layers": [{"name": "input", "kind": "input", "shape": [4, 1, 1]},
                   {"name": "dense", "kind": "dense", "inputs": ["input"],
                    "weights": tensor([1.0] * 8, [2, 4])}],
        "output": "dense"})
    for kind in (np.uint8, np.float32, np.float64):
        np.save(place.at("frames.npy"), rng.integers(0, 2, (6, 4)).astype(kind))
        answer = place.run("flat.json", "-d", "frames.npy", "--norm", "none", "--json", "out.json")
        require(answer.returncode == 0, f"{kind}", answer)
        options = place.read_json("out.json")["options"]
        require(options["encoding"] == "rate" and options["samples"] == 6, f"{kind}: {options}")


def what_the_docs_show(place):
    """mirror= without cut= turns the sensor that the file tells, or that the net has"""
    events = some_events(7)
    rng = random.Random(7)
    lines = ("Version 1", f"Width {WIDTH}", f"Height {HEIGHT}")
    place.write("one.dat", event_files.dat(events, rng, version=1, lines=lines)[0])
    place.write("two.aedat", aedat_files.aedat2(events, rng)[0])
    place.write("bare.csv", text(events))
    told = info(place, "one.dat", "--view", "mirror=y")["recordings"][0]
    rows = [HEIGHT - 1 - event[2] for event in events]
    require(told["y"] == [min(rows), max(rows)] and told["events"] == len(events), f"{told}")
    told = info(place, "two.aedat", "--view", "mirror=x,polarity=swap")["recordings"][0]
    require(told["x"][1] == 127 - min(event[1] for event in events), f"{told}")
    require(told["off"] == sum(event[3] for event in events), f"{told}")
    answer = subprocess.run([CONVERT, "--info", place.at("bare.csv"), "--view", "mirror=y"],
                            check=False, capture_output=True, text=True, env=environment())
    require(answer.returncode == 64 and "cut=" in answer.stderr, "not refused", answer)
    eye = net(place)
    np.save(place.at("spikes.npy"), dense([(t, a, HEIGHT - 1 - b, p) for t, a, b, p in events]))
    expected = counts(place, eye, "--input-spikes", place.at("spikes.npy"))
    for name in ("one.dat", "bare.csv"):
        got = counts(place, eye, "-d", name, "-t", STEPS, "--view", "mirror=y")
        require(np.array_equal(got, expected), f"{name}: other counts")


def pipes(place):
    """a recording may come through a pipe, and frames, too"""
    events = some_events(8)
    eye = net(place)
    np.save(place.at("spikes.npy"), dense(events))
    expected = counts(place, eye, "--input-spikes", place.at("spikes.npy"))
    data = event_files.evt3(events, random.Random(8))[0]
    place.write("a.raw", data)
    tail = [eye, "-q", "--norm", "none", "-t", str(STEPS), "--save-counts", place.at("piped.npy")]
    for piped in (data, gz(data), text(events)):
        answer = subprocess.run([place.tool, *tail, "--data", "/dev/stdin"], input=piped,
                                check=False, capture_output=True, env=environment())
        require(answer.returncode == 0, f"a pipe: {answer.stderr}")
        require(np.array_equal(np.load(place.at("piped.npy")), expected), "a pipe: other counts")
    np.save(place.at("frames.npy"), np.zeros((2, 2, HEIGHT, WIDTH), np.uint8))
    with open(place.at("frames.npy"), "rb") as file:
        frames = file.read()
    for piped in (frames, gz(frames)):
        answer = subprocess.run([place.tool, *tail, "--data", "/dev/stdin"], input=piped,
                                check=False, capture_output=True, env=environment())
        require(answer.returncode == 0, f"frames: {answer.stderr}")
    answer = subprocess.run([CONVERT, "--info", "/dev/stdin"], input=data, check=False,
                            capture_output=True, env=environment())
    require(answer.returncode == 65 and b"with --view" in answer.stderr, f"{answer}")
    answer = subprocess.run([CONVERT, "--info", "/dev/stdin", "--view", "span=0:"], input=data,
                            check=False, capture_output=True, env=environment())
    require(answer.returncode == 0 and str(len(events)).encode() in answer.stdout, f"{answer}")


def bombs(place):
    """a packed file that unpacks to hundreds of times its size is refused, and Ctrl-C stops a scan"""
    header = b"% evt 2.0\n% end\n"
    place.write("bomb.raw.gz", gz(header + bytes(96 << 20)))
    eye = net(place)
    answer = place.run(eye, "--data", "bomb.raw.gz")
    require(answer.returncode == 65 and "250 times its size" in answer.stderr, "read", answer)
    place.write("long.raw", b"")
    with open(place.at("long.raw"), "wb") as file:
        file.write(header)
        file.truncate(1 << 33)  # a hole: seconds to go through, and no room on the disk
    for tool in ([place.tool, eye, "--data", place.at("long.raw")],
                 [CONVERT, "--info", place.at("long.raw")]):
        running = subprocess.Popen(
            tool, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        time.sleep(0.7)
        running.send_signal(signal.SIGINT)
        begun = time.monotonic()
        running.communicate(timeout=60)
        require(running.returncode == 130, f"{tool[0]}: status {running.returncode}")
        require(time.monotonic() - begun < 3, f"{tool[0]}: goes on after Ctrl-C")


# --- N-MNIST --------------------------------------------------------------------------------------


def right_of_60(place, *view):
    supported(place, "nmnist_cnn.nir")
    answer = place.run(model("nmnist_cnn.nir"), "--data", shared("realfiles", "nmnist"), "--json",
                       "out.json", *view)
    require(answer.returncode == 0, "no run", answer)
    return round(place.read_json("out.json")["results"][0]["accuracy"] * 60)


def swapped(place):
    """nmnist_cnn.nir tells at least 58 of 60 recordings, and fewer with ON and OFF swapped"""
    plain, other = right_of_60(place), right_of_60(place, "--view", "polarity=swap")
    require(plain >= 58, f"{plain} of 60")
    require(other <= plain - 3, f"{other} of 60 with swapped polarities, {plain} without")


def what_fits(place):
    """a sensor too large for the net is refused with views under which it fits"""
    supported(place, "nmnist_cnn.nir")
    large = shared("realfiles", "events", "evt2.raw")
    answer = place.run(model("nmnist_cnn.nir"), "--data", large)
    require(answer.returncode == 65 and "640x480" in answer.stderr, "not refused", answer)
    views = [word.strip(",") for word in answer.stderr.split() if word.startswith(("pool=", "cut="))]
    require(len(views) == 2, f"{views}", answer)
    for view in views:
        answer = place.run(model("nmnist_cnn.nir"), "--data", large, "--view", view)
        require(answer.returncode == 0, f"{view} does not fit", answer)


def what_fits_keeps_the_view(place):
    """the views proposed for a large sensor keep the words that were given, and fit as they are"""
    rng = random.Random(9)
    pixels = ((0, 0), (WIDTH * 10 - 1, HEIGHT * 10 - 1))
    events = [(1000 + 100 * i, *pixels[i % 2], i % 2) for i in range(100)]
    place.write("large.es", event_files.event_stream(events, rng, width=WIDTH * 10,
                                                     height=HEIGHT * 10)[0])
    place.write("corner.es", event_files.event_stream(
        [(1000, 40, 30, 1), *events], rng, width=WIDTH * 10, height=HEIGHT * 10)[0])
    eye = net(place)
    cases = [  # derived by hand: 320x240 onto 32x24
        ("large.es", "pool=8", "pool=10", "pool=8,cut=4:3:35:26"),
        ("large.es", "pool=4:2,polarity=swap", "polarity=swap,pool=20:10",
         "polarity=swap,pool=4:2,cut=64:18:95:41"),
        ("large.es", "cut=0:0:319:239,span=0:", "span=0:,pool=10,cut=0:0:31:23",
         "span=0:,cut=144:108:175:131"),
        ("corner.es", "span=0:0.05", "span=0:0.05,pool=10", "span=0:0.05,cut=144:108:175:131"),
    ]
    for name, view, *wanted in cases:
        answer = place.run(eye, "-d", name, "--view", view)
        require(answer.returncode == 65, f"{view} fits", answer)
        views = [word.strip(",") for word in answer.stderr.split() if "=" in word]
        require(views == wanted, f"{view}: {views}", answer)
        answer = place.run(eye, "-d", name, "--norm", "none", "--view", wanted[0])
        require(answer.returncode == 0, f"{wanted[0]} does not fit", answer)


def what_is_left_out(place):
    """folders that are no class are told by name, and a class is one folder"""
    for folder in ("set", "set/0", "set/1", "set/7", "set/cat", "set/dog"):
        os.mkdir(place.at(folder))
    eye = net(place)
    place.write("set/0/a.csv", text(some_events(5)))
    place.write("set/1/b.csv", text(some_events(6)))

    def run(*texts, status=0):
        answer = place.run(eye, "-d", "set", "--norm", "none")
        require(answer.returncode == status, "another status", answer)
        for wanted in texts:
            require(wanted in answer.stderr, f"no '{wanted}'", answer)

    run("not named by a number: 2 left out (cat, dog)", "without a file: 1 left out (7)")
    os.mkdir(place.at("set/00"))
    run("another folder of class 0", status=65)
    os.rmdir(place.at("set/00"))
    place.write("set/c.csv", text(some_events(7)))
    run("folders beside recordings: 5 left out (0, 1, 7, cat, dog)")
    os.remove(place.at("set/c.csv"))
    os.rename(place.at("set/0"), place.at("set/ant"))
    os.rename(place.at("set/1"), place.at("set/bee"))
    os.rmdir(place.at("set/7"))
    run("no recordings", "0, 1, 2, ..., not ant, bee, cat, dog", "labels.txt", status=66)


def one_signal_ends_it(place):
    """a pipe in a folder is refused at once, and one signal ends the wait for one that is given"""
    os.mkdir(place.at("set"))
    place.write("set/a.csv", text(some_events(5)))
    os.mkfifo(place.at("set/p.raw"))
    answer = place.run(net(place), "-d", "set")
    require(answer.returncode == 65 and "set/p.raw: not a regular file" in answer.stderr,
            "not refused", answer)
    with subprocess.Popen(place.command("net.json", "-d", "set/p.raw"), cwd=place.folder,
                          stderr=subprocess.DEVNULL, env=environment()) as tool:
        time.sleep(1)
        tool.terminate()
        try:
            require(tool.wait(20) == 130, f"status {tool.returncode}")
        finally:
            tool.kill()


if __name__ == "__main__":
    sys.exit(report([stranger(name) for name in STRANGERS] +
                    named([every_format, a_folder_of_all, views, tables_by_the_view,
                           frames_stay_frames, what_the_docs_show, pipes, bombs, swapped, what_fits,
                           what_fits_keeps_the_view, what_is_left_out, one_signal_ends_it,
                           answer_of_one]), sys.argv[1]))
