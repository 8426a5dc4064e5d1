"""Runs that are killed and go on: checkpoint.py SNNSIM

Killed at any time (kill -9: within the first milliseconds, anywhere, right at the end), started
again with other threads until it is through, a run ends with the JSON, tables and counts of the run
that nobody disturbed, byte for byte; only `timing` and `host` are taken out. 200 kills in
`./dev soak`. Then what else can befall the file: a full disk, another process, another run, damage.
"""

import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

import flow
from flow import named, report, require

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.abspath(os.path.join(ROOT, "data", "lenet.json"))
DIGITS = os.path.abspath(os.path.join(ROOT, "data", "digits", "digits-images-idx3-ubyte.gz"))
KILLS = 200 if os.environ.get("SNN_SOAK") else 20
SEED = int(os.environ.get("SNN_SEED", "7"))

SEVERAL = [MODEL, "--data", DIGITS, "-n", "150", "-t", "24", "--target", "sim",
           "--target", "chip:speck2f", "--target", "frame:int8", "--rule", "first",
           "--rule", "count:3", "--sweep", "sweep.csv"]
COUNTS = [MODEL, "--data", DIGITS, "-n", "120", "-t", "30", "--offset", "40", "--synops",
          "sinabs-0.3.3", "--encoding", "bernoulli", "--until-decided", "--rule", "margin:2",
          "--save-counts", "counts.npy", "--save-layer-counts", "layers.npz"]
EVENTS = ["events.json", "--data", "recordings", "--semantics", "async", "--order", "recorded",
          "--norm", "none", "--dt", "1", "-t", "40"]


# --- Runs -----------------------------------------------------------------------------------------


def events_model():
    """Two polarities of 34x34, the halves of which tell three classes apart."""
    dense = [0.5 if (at + out) % 3 else -0.25 for out in range(3) for at in range(8)]
    return {
        "format": "snn.model/1",
        "name": "events",
        "layers": [
            {"name": "input", "kind": "input", "shape": [2, 34, 34]},
            {"name": "pool", "kind": "avg_pool2d", "inputs": ["input"], "kernel": [17, 17]},
            {"name": "dense", "kind": "dense", "inputs": ["pool"],
             "weights": flow.tensor([100 * weight for weight in dense], [3, 8])},
        ],
        "output": "dense",
    }


def recording(generator, count=2000):
    """An N-MNIST file: x, y, polarity and 23 bits of microseconds an event."""
    times = sorted(generator.randrange(40000) for _ in range(count))
    return b"".join(bytes([generator.randrange(34), generator.randrange(34),
                           generator.randrange(2) << 7 | at >> 16, at >> 8 & 255, at & 255])
                    for at in times)


def write_recordings(place, count=240):
    generator = random.Random(3)
    os.mkdir(place.at("recordings"))
    place.write("events.json", events_model())
    for i in range(count):
        place.write(f"recordings/{i}.bin", recording(generator))
    place.write("recordings/labels.txt", "".join(f"{i}.bin {i % 3}\n" for i in range(count)))


OUTPUTS = ("sweep.csv", "counts.npy", "layers.npz")


def take_outputs(place, answer):
    """What must be the same: the JSON but for times and host, and the files."""
    document = json.loads(answer.stdout)
    timing = document.pop("timing")
    document.pop("host")
    found = {"json": json.dumps(document)}
    for name in OUTPUTS:
        if os.path.exists(place.at(name)):
            found[name] = place.contents()[name]
            os.remove(place.at(name))
    return found, timing


def finish(place, arguments, *more):
    answer = place.run(*arguments, "--json", "-", *more)
    require(answer.returncode == 0, "success expected", answer)
    return (*take_outputs(place, answer), answer.stderr)


def require_same(found, expected, what):
    for name in expected:
        require(found.get(name) == expected[name],
                f"{what}: {name} differs\n{found.get(name)!s:.2000}\n{expected[name]!s:.2000}")


# --- Kills ----------------------------------------------------------------------------------------


def run_for(place, arguments, seconds):
    """Ends the run after so many seconds with kill -9; None if it was through before that."""
    process = subprocess.Popen(place.command(*arguments, "--json", "-"), cwd=place.folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               stdin=subprocess.DEVNULL, env=flow.environment())
    try:
        out, err = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None


def choose_delay(generator, whole):
    """A fifth each within the first milliseconds and around the end, the others anywhere."""
    kind = generator.randrange(5)
    if kind == 0:
        return generator.uniform(0.0, 0.03)
    if kind == 1:
        return max(0.0, whole + generator.uniform(-0.06, 0.03))
    return generator.uniform(0.0, whole)


def kill_and_go_on(place, arguments, kills, seed):
    """Cycles of kills and a last start that is through, until so many kills have hit."""
    generator = random.Random(seed)
    began = time.monotonic()
    expected = finish(place, arguments)[0]
    whole = time.monotonic() - began
    hit, cycles, resumed = 0, 0, 0
    while hit < kills:
        if os.path.exists(place.at("run.ckpt")):
            os.remove(place.at("run.ckpt"))
        answer = None
        while answer is None and hit < kills:
            threads = generator.randrange(1, 5)
            fresh, began = not os.path.exists(place.at("run.ckpt")), time.monotonic()
            answer = run_for(place, [*arguments, "--checkpoint", "run.ckpt", "--threads", threads],
                             choose_delay(generator, whole))
            hit += answer is None
            if fresh and answer is not None:
                whole = time.monotonic() - began
        if answer is None:
            answer = place.run(*arguments, "--json", "-", "--checkpoint", "run.ckpt")
        require(answer.returncode == 0, f"after {hit} kills: success expected", answer)
        found, timing = take_outputs(place, answer)
        require_same(found, expected, f"seed {seed}, after {hit} kills")
        resumed += timing["samples_resumed"] > 0
        cycles += 1
    print(f"# {hit} kills in {cycles} runs of {whole:.2f} s, {resumed} of which went on from "
          "samples", flush=True)


def several_targets(place):
    """simulator, chip and int8 CNN with rules and a sweep, killed and gone on with"""
    kill_and_go_on(place, SEVERAL, KILLS // 2, SEED)


def counts(place):
    """samples that end when decided, with their counts in files, killed and gone on with"""
    kill_and_go_on(place, COUNTS, KILLS // 4, SEED + 1)


def events(place):
    """recordings of events in the order of the camera, killed and gone on with"""
    write_recordings(place)
    kill_and_go_on(place, EVENTS, KILLS - KILLS // 2 - KILLS // 4, SEED + 2)


# --- What else befalls it -------------------------------------------------------------------------

SHORT = [MODEL, "--data", DIGITS, "-n", "40", "-t", "16"]
KEEP = ["--checkpoint", "run.ckpt"]


def complete(place):
    """the file of a finished run gives the result without a sample being run"""
    expected = finish(place, SHORT, *KEEP)[0]
    size = os.path.getsize(place.at("run.ckpt"))
    found, timing, said = finish(place, SHORT, *KEEP, "--energy", "sinabs", "--threads", 3)
    require_same(found, expected, "the second time")
    require(timing["samples_resumed"] == 40, f"{timing}")
    require("run.ckpt: 40 of 40 samples are done already" in said, said)
    require(os.path.getsize(place.at("run.ckpt")) == size, "the file stays as it is")


def interrupted(place):
    """after Ctrl-C the message names the command to go on with, and it does"""
    arguments = [MODEL, "--data", DIGITS, "-n", "500", "-t", "256", "--threads", "1"]
    expected = finish(place, arguments)[0]
    process = subprocess.Popen(place.command(*arguments, *KEEP, "--json", "-"), cwd=place.folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=flow.environment())
    header = 0
    while process.poll() is None and header < 2:
        time.sleep(0.005)
        size = os.path.getsize(place.at("run.ckpt")) if os.path.exists(place.at("run.ckpt")) else 0
        header += size > 2000
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    if process.returncode == 0:
        raise flow.Skip("it was through before the signal")
    require(process.returncode == 130, f"status {process.returncode}: {said}")
    require("hint: to go on from here: snnsim " in said and "--checkpoint run.ckpt" in said, said)
    found, timing, _ = finish(place, arguments, *KEEP)
    require_same(found, expected, "after the interrupt")
    require(timing["samples_resumed"] > 0, f"{timing}")


def limit_files(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def full_disk(place):
    """a full disk ends the run with what was written kept, and room lets it go on"""
    expected = finish(place, SHORT)[0]
    answer = place.run(*SHORT, *KEEP, preexec_fn=limit_files(2500))
    require(answer.returncode == 74, "status 74 expected", answer)
    require("run.ckpt" in answer.stderr and "stays; make room" in answer.stderr, "", answer)
    require(500 < os.path.getsize(place.at("run.ckpt")) <= 2500, "whole records within the limit")
    found, timing, _ = finish(place, SHORT, *KEEP)
    require_same(found, expected, "with room again")
    answer = place.run(*SHORT, "--checkpoint", "none.ckpt", preexec_fn=limit_files(100))
    require(answer.returncode == 74, "status 74 expected", answer)
    finish(place, SHORT, "--checkpoint", "none.ckpt")


def busy(place):
    """two processes do not write one file"""
    with open(place.at("run.ckpt"), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = place.run(*SHORT, *KEEP)
    require(answer.returncode == 75, "status 75 expected", answer)
    require("another process writes to it" in answer.stderr, "", answer)
    finish(place, SHORT, *KEEP)


def other_runs(place):
    """a checkpoint of another run is refused with what differs, and stays as it is"""
    finish(place, SHORT, *KEEP)
    before = place.contents()["run.ckpt"]
    place.write("other.json", flow.model())
    base = [MODEL, "--data", DIGITS]
    for arguments, said in [
            ([*base, "-n", "40", "-t", "17"], "timesteps 16 there, 17 here"),
            ([*base, "-n", "41", "-t", "16"], "samples 40 there, 41 here"),
            ([*SHORT, "--seed", "3"], "seed 0 there, 3 here"),
            ([*SHORT, "--rule", "first"], "rules none there, first here"),
            ([*SHORT, "--norm", "max"], "another model"),
            ([*SHORT, "--save-counts", "c.npy"], "counts no there, yes here"),
            ([*SHORT, "--target", "sim:async"],
             "target sim there, sim:async here; semantics sync there, async here"),
            ([*SHORT, "--target", "sim", "--target", "frame:f32"], "of 1 targets, not of 2"),
            (["model.json", "-n", "6", "-t", "16"], "other data")]:
        answer = place.run(*arguments, *KEEP)
        require(answer.returncode == 64, f"{said}: status 64 expected", answer)
        require(f"run.ckpt: is of another run: " in answer.stderr and said in answer.stderr
                and "hint:" in answer.stderr, f"{said}: expected", answer)
        require(place.contents()["run.ckpt"] == before, f"{said}: the file was changed")


def damaged(place):
    """damage is named by its byte and costs its record, a torn end is dropped"""
    expected = finish(place, SHORT, *KEEP)[0]
    whole = place.contents()["run.ckpt"]
    header = int.from_bytes(whole[12:16], "little")
    for at in (0, 8, 30, header - 1):
        place.write("run.ckpt", whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1:])
        answer = place.run(*SHORT, *KEEP)
        require(answer.returncode == 65 and "byte" in answer.stderr or at == 8 and
                "version" in answer.stderr, f"byte {at}: status 65 expected", answer)
        require(len(place.contents()["run.ckpt"]) == len(whole), f"byte {at}: was changed")
    for at in (header, header + 4, header + 20, len(whole) // 2):
        damaged = whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1:]
        place.write("run.ckpt", damaged)
        found, timing, said = finish(place, SHORT, *KEEP)
        require_same(found, expected, f"byte {at}")
        require(timing["samples_resumed"] == 39, f"byte {at}: {timing}")
        require("warning: run.ckpt: byte " in said and "are run again" in said, said)
        require(place.contents()["run.ckpt"].startswith(damaged), f"byte {at}: was changed")
        found, timing, said = finish(place, SHORT, *KEEP)
        require_same(found, expected, f"byte {at}, again")
        require(timing["samples_resumed"] == 40, f"byte {at}, again: {timing}")
    for end, tail in ((len(whole) - 1, b""), (len(whole) - 20, b""), (header + 3, b""),
                      (header, b""), (header - 7, b""), (1, b""), (0, b""),
                      (len(whole), bytes(100)), (len(whole) - 30, bytes(30))):
        place.write("run.ckpt", whole[:end] + tail)
        found, timing, _ = finish(place, SHORT, *KEEP)
        require_same(found, expected, f"cut at {end}")
        require(len(place.contents()["run.ckpt"]) == len(whole), f"cut at {end}: size")
    place.write("run.ckpt", "my thesis")
    answer = place.run(*SHORT, *KEEP)
    require(answer.returncode == 65 and "no checkpoint" in answer.stderr, "", answer)
    require(place.contents()["run.ckpt"] == b"my thesis", "it was changed")


def nonsense(place):
    """names that cannot be a checkpoint are refused before anything is done"""
    place.write("images", flow.images())
    for arguments, status, said in [
            (["--checkpoint", "-"], 64, "a checkpoint needs a file"),
            (["--checkpoint", "a", "--json", "a"], 64, "would be overwritten"),
            (["--checkpoint", "images", "--data", "images"], 64, "would be overwritten"),
            (["--checkpoint", "."], 73, "is a directory"),
            (["--checkpoint", "no/a"], 73, "does not exist"),
            (["--checkpoint", "/dev/null"], 64, "a checkpoint is a regular file")]:
        answer = place.run("model.json", "-t", "4", *arguments)
        require(answer.returncode == status and said in answer.stderr, f"{arguments}", answer)


TESTS = [several_targets, counts, events, complete, interrupted, full_disk, busy, other_runs,
         damaged, nonsense]

if __name__ == "__main__":
    sys.exit(report(named(TESTS), os.path.abspath(sys.argv[1])))
