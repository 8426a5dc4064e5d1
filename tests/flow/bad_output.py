"""Outputs that cannot be written, checks that are missed, runs that are cut short: bad_output.py
SNNSIM.

Whatever happens, a file appears whole or not at all, one that was there before is not harmed, and
nothing temporary stays behind.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import flow

SAVE = ("--json", "result.json", "--save-counts", "counts.npy", "--save-layer-counts", "layers.npz")
SAVED = ["counts.npy", "layers.npz", "result.json"]


def check(place, answer, status, *parts, files=(), stdout=None):
    """Holds an answer against the expected status, parts of the messages and files it left."""
    flow.require(answer.returncode == status, f"status {status} expected", answer)
    for part in parts:
        flow.require(part in answer.stderr, f"{part!r} expected on stderr", answer)
    if stdout is not None:
        flow.require(answer.stdout == stdout, f"{stdout!r} expected on stdout", answer)
    new = [name for name in place.files() if name not in ("images-idx3", "labels-idx1",
                                                          "model.json")]
    flow.require(new == sorted(files), f"files {new}, {sorted(files)} expected", answer)


def limited(what, amount):
    """Options for a run whose process may have no more than this amount of something."""
    return {"preexec_fn": lambda: resource.setrlimit(what, (amount, amount))}


# --- Places that cannot be written to -------------------------------------------------------------


def missing_folder(place):
    """a folder that does not exist is refused before the run"""
    for option in SAVE[::2]:
        answer = place.run("model.json", option, "gone/file")
        check(place, answer, 73, "snnsim: gone/file: ", stdout="")


def output_is_folder(place):
    """a folder as an output file is refused before the run"""
    answer = place.run("model.json", "--json", ".")
    check(place, answer, 73, "snnsim: .: is a directory", stdout="")


def read_only_folder(place):
    """a folder that may not be written to is refused before the run"""
    if os.geteuid() == 0:
        raise flow.Skip("root may write everywhere")
    os.mkdir(place.at("closed"), 0o500)
    for option in SAVE[::2]:
        answer = place.run("model.json", option, "closed/file")
        check(place, answer, 73, "snnsim: closed/file: ", files=["closed"], stdout="")


def output_is_input(place):
    """an output that would replace an input or another output is refused"""
    os.symlink("model.json", place.at("alias"))
    pairs = [("--json", "model.json", "MODEL"), ("--json", "alias", "MODEL"),
             ("--save-counts", "images-idx3", "--data"), ("--json", "labels-idx1", "--labels")]
    before = place.contents()
    for option, name, other in pairs:
        answer = place.run("model.json", "--data", "images-idx3", "--labels", "labels-idx1",
                           option, name)
        check(place, answer, 64, f"snnsim: {option}: {name} is {other} too", files=["alias"],
              stdout="")
    answer = place.run("model.json", "--save-counts", "x", "--save-layer-counts", "x")
    check(place, answer, 64, "x is --save-layer-counts too", files=["alias"], stdout="")
    flow.require(place.contents() == before, "an input was changed")


def full_device(place):
    """a full device is an I/O error with its name"""
    for option in SAVE[::2]:
        answer = place.run("model.json", option, "/dev/full")
        check(place, answer, 74, "snnsim: /dev/full: no space left on device", "hint: free some")


def full_disk(place):
    """a disk that fills up in the run leaves no part of a file"""
    script = ('mkdir disk && mount -t tmpfs -o size=16k none disk || exit 99; '
              '"$@"; status=$?; echo; ls -A disk; exit $status')
    unshare = ["unshare", "--mount"] + (["--map-root-user"] if os.geteuid() != 0 else [])
    for option in SAVE[::2]:
        command = unshare + ["sh", "-c", script, "sh", *place.command(
            "model.json", "--quiet", "--timesteps", 4000, option, "disk/file")]
        answer = subprocess.run(command, cwd=place.folder, env=flow.environment(), text=True,
                                capture_output=True, check=False, timeout=flow.TIME_LIMIT)
        os.rmdir(place.at("disk"))
        if answer.returncode in (1, 99):
            raise flow.Skip("a file system cannot be mounted here")
        check(place, answer, 74, "snnsim: disk/file: no space left on device")
        flow.require(answer.stdout.endswith("\n\n") or answer.stdout == "\n",
                     "files are left on the disk", answer)


def size_limit(place):
    """a file that grows beyond the limit leaves no part of it, and the old one as it was"""
    for option in SAVE[::2]:
        place.write("file", "old")
        answer = place.run("model.json", "--timesteps", 4000, option, "file",
                           **limited(resource.RLIMIT_FSIZE, 8192))
        check(place, answer, 74, "snnsim: file: larger than", files=["file"])
        flow.require(place.contents()["file"] == b"old", "the old file was changed", answer)


def little_memory(place):
    """without memory there is a message and no file"""
    answer = place.run("model.json", "--timesteps", 1000000, "--threads", 1, *SAVE,
                       **limited(resource.RLIMIT_AS, 32 << 20))
    if "Sanitizer" in answer.stderr:
        raise flow.Skip("a sanitizer needs more memory than that itself")
    check(place, answer, 71, "snnsim: ", "out of memory", stdout="")


# --- Standard output ------------------------------------------------------------------------------


def stdout_full(place):
    """standard output on a full device is an error; the files are whole"""
    with open("/dev/full", "w", encoding="utf-8") as full:
        for arguments, files in (["--help"], []), (["model.json", "--json", "-"], []), (
                ["model.json", *SAVE], SAVED):
            answer = place.run(*arguments, stdout=full)
            check(place, answer, 74, "snnsim: standard output: ", files=files)
    place.read_json("result.json")


def stdout_closed(place):
    """a closed standard output is an error; the files are whole"""
    answer = place.run("model.json", *SAVE, preexec_fn=lambda: os.close(1))
    check(place, answer, 74, "snnsim: standard output: ", files=SAVED)
    place.read_json("result.json")


def all_closed(place):
    """with all standard streams closed nothing but their own content goes into the files"""
    saved = {}
    for closed in (), (0, 1, 2), (1, 2), (2,):
        place.run("model.json", "--verbose", *SAVE[2:], preexec_fn=lambda numbers=closed: [
            os.close(number) for number in numbers])
        for name in SAVED[:2]:
            content = place.contents()[name]
            flow.require(saved.setdefault(name, content) == content, f"{closed}: {name} differs")


def reader_gone(place):
    """files are whole when the reader of standard output goes away"""
    reading, writing = os.pipe()
    os.close(reading)
    answer = place.run("model.json", *SAVE, stdout=writing)
    os.close(writing)
    check(place, answer, -signal.SIGPIPE, files=SAVED)
    place.read_json("result.json")


def json_alone(place):
    """--json - writes nothing but JSON to standard output"""
    answer = place.run("model.json", "--json", "-")
    check(place, answer, 0)
    flow.require(json.loads(answer.stdout)["schema"] == "snn.run/1", "wrong schema", answer)


# --- Checks ---------------------------------------------------------------------------------------


def accuracy_check(place):
    """a missed --min-accuracy is status 1, with the result written"""
    answer = place.run("model.json", "--min-accuracy", 90, "--json", "result.json")
    check(place, answer, 1, "accuracy 33.33 % is below --min-accuracy 90.00 %",
          files=["result.json"])
    check(place, place.run("model.json", "--min-accuracy", 33, *SAVE), 0, files=SAVED)


def accuracy_check_without_labels(place):
    """--min-accuracy without labels is refused before the run"""
    place.write("given", flow.images())
    answer = place.run("model.json", "--data", "given", "--min-accuracy", 1)
    check(place, answer, 64, "--min-accuracy: given has no labels", "hint: name them",
          files=["given"], stdout="")


def silence_check(place):
    """a missed --max-silent is status 1, with the result written"""
    silent = ("model.json", "--timesteps", 1, "--output-gain", 1000)
    answer = place.run(*silent, "--max-silent", 5, "--json", "result.json")
    check(place, answer, 1, "6 silent samples are more than --max-silent 5", files=["result.json"])
    check(place, place.run(*silent, "--max-silent", 6), 0, files=["result.json"])


def both_checks(place):
    """two missed checks are two messages"""
    answer = place.run("model.json", "--timesteps", 1, "--output-gain", 1000, "--max-silent", 0,
                       "--min-accuracy", 50)
    check(place, answer, 1, "is below --min-accuracy", "are more than --max-silent")


# --- Interruption ---------------------------------------------------------------------------------


def large_model():
    """A net for images of 32x32 that takes some ten microseconds a step."""
    layers = [
        {"name": "input", "kind": "input", "shape": [1, 32, 32]},
        {"name": "conv", "kind": "conv2d", "inputs": ["input"], "padding": [2, 2, 2, 2],
         "activation": "relu", "weights": flow.tensor([0.02] * 800, [32, 1, 5, 5])},
        {"name": "dense", "kind": "dense", "inputs": ["conv"],
         "weights": flow.tensor([0.001] * 98304, [3, 32768])},
    ]
    return {"format": "snn.model/1", "name": "large", "layers": layers, "output": "dense",
            "sample": {"images": "images-idx3", "labels": "labels-idx1"}}


def begin_run(place, samples, timesteps):
    """A run that takes a minute or so, once it is under way."""
    place.write("model.json", large_model())
    place.write("images-idx3", flow.images(samples, 32, 32))
    place.write("labels-idx1", flow.labels(samples))
    command = place.command("model.json", "--threads", 2, "--timesteps", timesteps, *SAVE)
    process = subprocess.Popen(
        command, cwd=place.folder, text=True, env=flow.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    end = time.monotonic() + flow.TIME_LIMIT
    while not any(".tmp-" in name for name in place.files()):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise flow.Failure(f"the run did not begin: {process.communicate()}")
        time.sleep(0.01)
    time.sleep(0.5)
    return process


def interrupt(place, signal_number, samples, timesteps):
    """Sends the signal in the middle of a run; the result it leaves."""
    process = begin_run(place, samples, timesteps)
    process.send_signal(signal_number)
    begin = time.monotonic()
    stdout, stderr = process.communicate(timeout=flow.TIME_LIMIT)
    seconds = time.monotonic() - begin
    answer = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
    flow.require(seconds < 10, f"ends {seconds} s after the signal", answer)
    check(place, answer, 130, files=["result.json"])
    result = place.read_json("result.json")["results"][0]
    flow.require(result["complete"] is False, "the result is not marked incomplete", answer)
    flow.require(result["samples"] < samples, f"{result['samples']} samples", answer)
    flow.require(f"interrupted: {result['samples']} of {samples} samples" in stderr,
                 "no word of it on stderr", answer)
    flow.require("INTERRUPTED" in stdout, "no word of it in the table", answer)
    return result


def interrupted(place):
    """Ctrl-C, SIGTERM and a closed terminal end a run with the samples done so far"""
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        result = interrupt(place, signal_number, 1000, 300)
        flow.require(result["samples"] > 0, "no sample was done")
        flow.require(result["accuracy"] is not None, "there is no accuracy")
        os.remove(place.at("result.json"))


def interrupted_in_sample(place):
    """Ctrl-C ends a run in the middle of a long sample, which does not count"""
    result = interrupt(place, signal.SIGINT, 1, 1000000)
    flow.require(result["accuracy"] is None, f"accuracy {result['accuracy']}")


TESTS = [missing_folder, output_is_folder, read_only_folder, output_is_input, full_device,
         full_disk, size_limit, little_memory, stdout_full, stdout_closed, all_closed, reader_gone,
         json_alone, accuracy_check, accuracy_check_without_labels, silence_check, both_checks,
         interrupted, interrupted_in_sample]


if __name__ == "__main__":
    sys.exit(flow.report(flow.named(TESTS), sys.argv[1]))
